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
    /// No shape says what it is, only the name of its key.
    pub guessed: bool,
}

/// The turns of the record `line` as `shape`.
pub fn turns(line: &[u8], shape: ShapeId) -> Vec<Turn> {
    Record::read(line).turns(&of_shape(line, shape))
}

impl Record<'_> {
    /// The visible turns of the record, in reading order; a record without any gives none.
    pub fn turns(&self, detection: &Detection<'_>) -> Vec<Turn> {
        let mut turns = Vec::new();
        self.walk_turns(detection, &mut |found| turns.extend(turn(found)));
        turns
    }

    /// The visible turns and, as they stand in the record, the definitions of tools.
    pub fn turns_and_tools(&self, detection: &Detection<'_>) -> (Vec<Turn>, Vec<String>) {
        let (mut turns, mut tools) = (Vec::new(), Vec::new());
        self.walk_turns(detection, &mut |found| match found.tag.kind {
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
        guessed: found.tag.guessed,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Hints;

    // A tool that returns nothing has answered: an export that drops the answer drops the call too, or is refused for it.
    #[test]
    fn an_answer_that_says_nothing_is_a_turn_and_no_segment() {
        let lines = [
            r#"{"messages":[{"role":"user","content":"q"},{"role":"tool","tool_call_id":"c1","content":""}]}"#,
            r#"{"messages":[{"role":"user","content":"q"},{"role":"tool","tool_call_id":"c1","content":null}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1"}]},{"role":"assistant","content":"a"}],"max_tokens":5}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":""}]}]}],"max_tokens":5}"#,
            r#"{"model":"m","input":[{"type":"function_call_output","call_id":"c1","output":""}]}"#,
        ];
        for line in lines {
            let record = Record::read(line.as_bytes());
            let detection = record.detect(&Hints::default());
            let results: Vec<Turn> =
                record.turns(&detection).into_iter().filter(|turn| turn.kind == SegmentType::ToolResult).collect();
            assert_eq!(results.len(), 1, "{line}");
            assert_eq!((results[0].text.as_str(), results[0].call_id.as_deref()), ("", Some("c1")), "{line}");
            assert!(record.segments(&detection).iter().all(|label| label.kind != SegmentType::ToolResult), "{line}");
        }
        // A call that nobody answered yet is none.
        let call = r#"{"model":"m","input":[{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}]}"#;
        let record = Record::read(call.as_bytes());
        let turns = record.turns(&record.detect(&Hints::default()));
        assert!(turns.iter().all(|turn| turn.kind == SegmentType::ToolCall), "{turns:?}");
    }
}
