//! A record as a reader wants it: turn by turn, each with who speaks and what kind of text it is, for `get --as text|md`.

use super::detect::Detection;
use super::id::ShapeId;
use super::json::Json;
use super::record::Record;
use super::roles::SegmentType;
use super::segments::{Found, of_shape};

/// One piece of a conversation, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The role word of the record; empty when it has none.
    pub role: String,
    /// What the text is.
    pub kind: SegmentType,
    /// The decoded text; of a call its arguments, of other JSON its bytes, of media a placeholder.
    pub text: String,
    /// Tool or function.
    pub name: Option<String>,
    /// The call it makes or answers.
    pub call_id: Option<String>,
    /// The message it belongs to.
    pub order: u32,
    /// Which of several answers.
    pub choice: Option<u32>,
}

/// The turns of the record `line` as `shape`.
pub fn turns(line: &[u8], shape: ShapeId) -> Vec<Turn> {
    Record::read(line).turns(&of_shape(line, shape))
}

impl Record<'_> {
    /// The visible turns of the record, in reading order; a record without any gives none.
    pub fn turns(&self, detection: &Detection<'_>) -> Vec<Turn> {
        let mut turns = Vec::new();
        self.walk(detection, &mut |found| turns.extend(turn(found)));
        turns
    }

    /// The visible turns and, as they stand in the record, the definitions of tools.
    pub fn turns_and_tools(&self, detection: &Detection<'_>) -> (Vec<Turn>, Vec<String>) {
        let (mut turns, mut tools) = (Vec::new(), Vec::new());
        self.walk(detection, &mut |found| match found.tag.kind {
            SegmentType::ToolDefinitions if found.visible => tools.push(plain(found.value)),
            _ => turns.extend(turn(found)),
        });
        (turns, tools)
    }
}

fn turn(found: &Found<'_>) -> Option<Turn> {
    if !found.visible {
        return None;
    }
    Some(Turn {
        role: found.tag.role.unwrap_or_default().to_owned(),
        kind: found.tag.kind,
        text: text_of(found)?,
        name: found.tag.name.map(String::from),
        call_id: found.tag.call_id.map(String::from),
        order: found.order,
        choice: found.choice,
    })
}

/// What to read; `None` for what nobody reads.
fn text_of(found: &Found<'_>) -> Option<String> {
    use SegmentType::*;
    match found.tag.kind {
        Opaque | Tokens | Embedding | Logprobs | ToolDefinitions | Event => None,
        Media => Some(media(found.value)),
        _ => {
            let text = plain(found.value);
            match &found.within {
                Some(range) => text.get(range.clone()).map(String::from),
                None => Some(text),
            }
        }
    }
}

/// A string decoded, anything else as it stands.
fn plain(value: Json<'_>) -> String {
    match value.as_str() {
        Some(text) => text.into_owned(),
        None => String::from_utf8_lossy(value.raw()).into_owned(),
    }
}

/// A link is worth showing, a megabyte of base64 is not.
fn media(value: Json<'_>) -> String {
    match value.as_str() {
        Some(link) if link.starts_with("http") && link.len() <= 500 => format!("[media: {link}]"),
        _ => format!("[media: {} bytes]", value.raw().len()),
    }
}
