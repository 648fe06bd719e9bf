//! JSON of no known shape (record-shapes §11): message lists are found anywhere, JSON in strings is followed, long strings
//! get the type their key hints at, long number lists are tokens or embeddings. A quarter of all lines end here, so this is
//! a main path. Short strings stay unlabelled: they are columns, not segments.

use super::walker::{Tag, Walker};
use crate::shape::detect::{detect_inner, detect_object, is_messages};
use crate::shape::id::ShapeId;
use crate::shape::json::{Json, Kind, Object};
use crate::shape::roles::SegmentType::{self, *};

/// Strings shorter than this (raw) are no segments of their own (record-shapes §11.5).
const SHORTEST_TEXT: usize = 64;
/// Strings shorter than this are not tried as JSON (record-shapes §11.3).
const SHORTEST_NESTED: usize = 32;
/// Shorter number lists are data, not tokens or vectors (record-shapes §11.6).
const SHORTEST_VECTOR: usize = 64;
/// Shorter texts of the base64 alphabet may be words (record-shapes §11.5).
const SHORTEST_BASE64: usize = 256;

/// What a key says about a long string in it, first match wins.
const KEY_HINTS: [(&[&str], SegmentType); 11] = [
    (&["system", "instruction"], SystemPrompt),
    (&["error", "exception", "traceback"], ErrorText),
    (&["think", "reason", "cot", "rationale", "scratchpad"], Reasoning),
    (&["observation", "stdout", "stderr", "result"], ToolResult),
    (&["tool_args", "tool_input", "tool_arguments", "function_args", "arguments"], ToolCall),
    (&["response", "output", "answer", "completion", "assistant", "generation", "prediction", "solution"], AssistantTurn),
    (&["prompt", "query", "question", "input", "user", "task", "problem", "issue"], UserTurn),
    (&["context", "document", "passage", "retriev", "source", "snippet", "chunk"], Context),
    (&["diff", "patch", "code"], Text),
    (&["target", "gold", "reference", "label", "rubric"], Rubric),
    (&["embedding"], Embedding),
];

impl Walker<'_> {
    /// Labels whatever is there.
    pub(super) fn generic(&mut self, value: Json<'_>) {
        self.generic_at("", value);
    }

    /// As [`Walker::generic`], under a key that may say something.
    pub(super) fn generic_at(&mut self, key: &str, value: Json<'_>) {
        match value.kind() {
            Kind::String => self.generic_text(key, value),
            Kind::Array => self.generic_array(key, value),
            Kind::Object => self.generic_object(key, value),
            _ => {}
        }
    }

    /// The entries of an object, but for those a shape has already told of.
    pub(super) fn generic_rest(&mut self, object: &Object<'_>, told: &[&str]) {
        for (key, value) in object.entries() {
            if !told.contains(&&*key) {
                self.at(&key, |walker| walker.generic_at(&key, value));
            }
        }
    }

    fn generic_object(&mut self, key: &str, value: Json<'_>) {
        let Some(object) = Object::of(value) else {
            return;
        };
        let may_be_provider = ["choices", "candidates", "messages", "contents"].iter().any(|key| object.has(key));
        if may_be_provider && !key.is_empty() {
            let shape = detect_object(&object, 1);
            if shape != ShapeId::Generic {
                return self.by_shape(shape, &object, value);
            }
        }
        if is_question_and_answer(&object) {
            return self.question_and_answer(&object);
        }
        for (key, value) in object.entries() {
            self.at(&key, |walker| walker.generic_at(&key, value));
        }
    }

    fn question_and_answer(&mut self, object: &Object<'_>) {
        for (key, value) in object.entries() {
            let (kind, role) = if QUESTIONS.contains(&&*key) { (UserTurn, "user") } else { (AssistantTurn, "assistant") };
            self.at(&key, |walker| {
                walker.next_message();
                walker.text(Tag::spoken(kind, role), value);
            });
        }
    }

    fn generic_array(&mut self, key: &str, value: Json<'_>) {
        if matches!(key, "tools" | "functions") && value.at(0).is_some_and(Json::is_object) {
            return self.definitions(value);
        }
        if is_messages(value) || is_pairs(value) {
            return self.messages(value, false);
        }
        if let Some(kind) = vector_kind(value) {
            return self.emit(Tag::of(kind), value);
        }
        self.each(value, |walker, item| walker.generic_at(key, item));
    }

    fn generic_text(&mut self, key: &str, value: Json<'_>) {
        let Some(raw) = value.raw_str().filter(|raw| raw.len() >= SHORTEST_NESTED) else {
            return;
        };
        let inside = |walker: &mut Self, inner: Json<'_>| walker.body_or_generic(key, inner);
        if self.nested(value, inside) || self.streamed(value, inside) || raw.len() < SHORTEST_TEXT {
            return;
        }
        if raw.starts_with(b"data:") && memchr::memmem::find(raw.get(..80).unwrap_or(raw), b";base64,").is_some() {
            return self.emit(Tag::of(Media), value);
        }
        if is_base64(raw) {
            return self.emit(Tag::of(Opaque), value);
        }
        let kind = hint(key);
        let role = match kind {
            UserTurn => "user",
            AssistantTurn | Reasoning | ToolCall => "assistant",
            SystemPrompt => "system",
            _ => "",
        };
        self.next_message();
        self.prompt(Tag { guessed: true, ..Tag::spoken(kind, role) }, value);
    }

    fn body_or_generic(&mut self, key: &str, inner: Json<'_>) {
        let shape = detect_inner(inner);
        match Object::of(inner) {
            Some(object) if shape != ShapeId::Generic => self.by_shape(shape, &object, inner),
            _ => self.generic_at(key, inner),
        }
    }
}

const QUESTIONS: [&str; 5] = ["user", "q", "question", "prompt", "human"];
const ANSWERS: [&str; 5] = ["assistant", "a", "answer", "response", "bot"];

fn is_question_and_answer(object: &Object<'_>) -> bool {
    let is_text = |key: &&str| object.get(key).is_some_and(Json::is_string);
    object.len() == 2 && QUESTIONS.iter().any(is_text) && ANSWERS.iter().any(is_text)
}

/// `[["hi", "hello"], …]`.
fn is_pairs(value: Json<'_>) -> bool {
    let is_pair = |item: Json<'_>| item.items().count() == 2 && item.items().all(Json::is_string);
    value.at(0).is_some() && value.items().take(20).all(is_pair)
}

/// Tokens or an embedding, by the first numbers of a long list.
fn vector_kind(value: Json<'_>) -> Option<SegmentType> {
    if value.items().take(SHORTEST_VECTOR).filter(|item| item.kind() == Kind::Number).count() < SHORTEST_VECTOR {
        return None;
    }
    let is_ints = value.items().take(SHORTEST_VECTOR).all(|item| item.as_i64().is_some());
    Some(if is_ints { Tokens } else { Embedding })
}

fn is_base64(raw: &[u8]) -> bool {
    raw.len() >= SHORTEST_BASE64
        && raw.len().is_multiple_of(4)
        && raw.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
}

/// The type a key suggests; text when it suggests none.
pub(super) fn hint(key: &str) -> SegmentType {
    let key = key.to_ascii_lowercase();
    let is_hinted = |words: &[&str]| words.iter().any(|word| key.contains(word));
    KEY_HINTS.iter().find(|(words, _)| is_hinted(words)).map_or(Text, |(_, kind)| *kind)
}
