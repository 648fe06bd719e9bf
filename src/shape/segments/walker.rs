//! The hand that walks a record and reports what it finds: it knows where it is (the JSON Pointer), in which message, in
//! which choice, and inside which string literal when the JSON is nested in one. The grammars move it; the sink takes.

use std::fmt::{Display, Write};
use std::ops::Range;

use super::{split, stream};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType;

/// JSON in a string in a string…: levels followed (record-shapes §11.3).
const DEEPEST_NESTING: u8 = 4;
/// Steps into a record that are followed; bounds the stack on hostile bytes, far above any real log.
const LONGEST_PATH: u16 = 96;

/// One found segment, alive during the call of the sink.
pub(in crate::shape) struct Found<'w> {
    pub(in crate::shape) pointer: &'w str,
    pub(in crate::shape) tag: Tag<'w>,
    pub(in crate::shape) order: u32,
    pub(in crate::shape) choice: Option<u32>,
    pub(in crate::shape) visible: bool,
    /// The value itself; inside a decoded string when `nested`.
    pub(in crate::shape) value: Json<'w>,
    /// The part of the decoded text, when a literal holds several segments.
    pub(in crate::shape) within: Option<Range<usize>>,
    /// Where the value stands in the line; when `nested`, the literal it is nested in.
    pub(in crate::shape) span: Range<usize>,
    pub(in crate::shape) nested: bool,
}

impl Found<'_> {
    /// True for the answer of a tool that says nothing: a turn, and no segment.
    pub(in crate::shape) fn is_silent(&self) -> bool {
        self.tag.kind == SegmentType::ToolResult && self.value.is_blank()
    }
}

/// What a segment is, who speaks, and which call it belongs to.
#[derive(Debug, Clone, Copy)]
pub(in crate::shape) struct Tag<'t> {
    pub(in crate::shape) kind: SegmentType,
    pub(in crate::shape) role: Option<&'t str>,
    pub(in crate::shape) name: Option<&'t str>,
    pub(in crate::shape) call_id: Option<&'t str>,
    /// Only the name of a key suggests it.
    pub(in crate::shape) guessed: bool,
}

impl<'t> Tag<'t> {
    pub(super) fn of(kind: SegmentType) -> Tag<'static> {
        Tag { kind, role: None, name: None, call_id: None, guessed: false }
    }

    pub(super) fn spoken(kind: SegmentType, role: &'t str) -> Tag<'t> {
        Tag { kind, role: (!role.is_empty()).then_some(role), ..Tag::of(kind) }
    }

    pub(super) fn with(self, kind: SegmentType) -> Tag<'t> {
        Tag { kind, ..self }
    }

    pub(super) fn call(self, name: Option<&'t str>, call_id: Option<&'t str>) -> Tag<'t> {
        Tag { name: name.or(self.name), call_id: call_id.or(self.call_id), ..self }
    }
}

/// Takes what the walker finds.
pub(in crate::shape) type Sink<'s> = dyn FnMut(&Found<'_>) + 's;

pub(in crate::shape) struct Walker<'s> {
    line: &'s [u8],
    sink: &'s mut Sink<'s>,
    path: String,
    steps: u16,
    order: u32,
    choice: Option<u32>,
    visible: bool,
    literal: Option<Range<usize>>,
    nesting: u8,
    reported: u32,
    for_readers: bool,
}

impl<'s> Walker<'s> {
    pub(in crate::shape) fn new(line: &'s [u8], sink: &'s mut Sink<'s>) -> Walker<'s> {
        Walker {
            line,
            sink,
            path: String::new(),
            steps: 0,
            order: 0,
            choice: None,
            visible: true,
            literal: None,
            nesting: 0,
            reported: 0,
            for_readers: false,
        }
    }

    /// Puts recorded streams together.
    pub(in crate::shape) fn for_readers(self) -> Walker<'s> {
        Walker { for_readers: true, ..self }
    }

    /// Works one step deeper in the record.
    pub(super) fn at(&mut self, step: impl Display, work: impl FnOnce(&mut Self)) {
        if self.steps == LONGEST_PATH {
            return;
        }
        let length = self.path.len();
        self.path.push('/');
        let start = self.path.len();
        let written = write!(self.path, "{step}");
        debug_assert!(written.is_ok(), "writing to a String does not fail");
        if self.path.get(start..).is_some_and(|token| token.contains(['~', '/'])) {
            let token = self.path.split_off(start).replace('~', "~0").replace('/', "~1");
            self.path.push_str(&token);
        }
        self.steps += 1;
        work(self);
        self.steps -= 1;
        self.path.truncate(length);
    }

    /// Works on the value of `key` when it is there and not null; says whether it was.
    pub(super) fn key<'v>(&mut self, object: &Object<'v>, key: &str, work: impl FnOnce(&mut Self, Json<'v>)) -> bool {
        let Some(value) = object.get(key).filter(|value| !value.is_null()) else {
            return false;
        };
        self.at(key, |walker| work(walker, value));
        true
    }

    /// Works on the object at `key`.
    pub(super) fn inner<'v>(&mut self, object: &Object<'v>, key: &str, work: impl FnOnce(&mut Self, &Object<'v>)) -> bool {
        let Some(inner) = object.get(key).and_then(Object::of) else {
            return false;
        };
        self.at(key, |walker| work(walker, &inner));
        true
    }

    /// Works on each element of an array.
    pub(super) fn each<'v>(&mut self, array: Json<'v>, mut work: impl FnMut(&mut Self, Json<'v>)) {
        for (index, item) in array.items().enumerate() {
            self.at(index, |walker| work(walker, item));
        }
    }

    /// Works with `visible` off: what is found repeats something, or no reader was meant to see it.
    pub(super) fn hidden(&mut self, work: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.visible, false);
        work(self);
        self.visible = before;
    }

    /// Works inside one of several answers.
    pub(super) fn choice(&mut self, choice: u32, work: impl FnOnce(&mut Self)) {
        let before = self.choice.replace(choice);
        work(self);
        self.choice = before;
    }

    /// Begins the next message.
    pub(super) fn next_message(&mut self) {
        self.order = self.order.saturating_add(1);
    }

    /// Reads a string as JSON and works on it; `false` when it is none, or nested too deep.
    pub(super) fn nested(&mut self, literal: Json<'_>, work: impl FnOnce(&mut Self, Json<'_>)) -> bool {
        let looks = literal.raw_str().and_then(|text| text.trim_ascii_start().first().copied());
        if self.nesting == DEEPEST_NESTING || !matches!(looks, Some(b'{' | b'[' | b'"')) {
            return false;
        }
        let Some(text) = literal.as_str() else {
            return false;
        };
        self.nested_text(literal, &text, work)
    }

    /// Works on the response that a string tells as a recorded stream; `false` when it is none, or nobody reads.
    pub(super) fn streamed(&mut self, literal: Json<'_>, work: impl FnOnce(&mut Self, Json<'_>)) -> bool {
        if !self.for_readers || self.nesting == DEEPEST_NESTING || !literal.raw_str().is_some_and(stream::is_stream) {
            return false;
        }
        let response = literal.as_str().and_then(|text| stream::assembled(&text));
        response.is_some_and(|response| self.nested_text(literal, &response, work))
    }

    fn nested_text(&mut self, literal: Json<'_>, text: &str, work: impl FnOnce(&mut Self, Json<'_>)) -> bool {
        let Some(value) = Json::parse(text.as_bytes()) else {
            return false;
        };
        let before = self.literal.clone();
        if before.is_none() {
            self.literal = literal.span_in(self.line);
        }
        self.nesting += 1;
        work(self, value);
        self.nesting -= 1;
        self.literal = before;
        true
    }

    /// Reports `value` as one segment, unless it says nothing.
    pub(super) fn emit(&mut self, tag: Tag<'_>, value: Json<'_>) {
        if !value.is_blank() {
            self.report(tag, value, None);
        }
    }

    /// Reports a text, in parts when it holds thoughts or injected context beside speech.
    pub(super) fn text(&mut self, tag: Tag<'_>, value: Json<'_>) {
        let Some(raw) = value.raw_str().filter(|raw| !raw.is_empty()) else {
            return;
        };
        let tag = tag.with(split::injected(tag.kind, raw));
        if tag.kind == SegmentType::AssistantTurn && split::may_hold_thought(raw) {
            let text = value.as_str().unwrap_or_default();
            for (kind, range) in split::thought(&text) {
                self.report(tag.with(kind), value, Some(range));
            }
            return;
        }
        self.report(tag, value, None);
    }

    /// Reports a prompt that may be a whole conversation rendered into one text.
    pub(super) fn prompt(&mut self, tag: Tag<'_>, value: Json<'_>) {
        if !split::may_hold_turns(value) {
            return self.text(tag, value);
        }
        let text = value.as_str().unwrap_or_default();
        let turns = split::turns(&text);
        if turns.is_empty() {
            return self.text(tag, value);
        }
        for turn in turns {
            self.next_message();
            self.report(Tag::spoken(turn.kind, turn.role), value, Some(turn.range));
        }
    }

    /// Works on the answer to a call; one that says nothing is reported too, as an empty text, since a call without an answer is
    /// something else.
    pub(super) fn answered(&mut self, object: &Object<'_>, tag: Tag<'_>, work: impl FnOnce(&mut Self)) {
        const PLACES: [&str; 8] =
            ["content", "output", "result", "tool_use_id", "tool_call_id", "toolCallId", "toolUseId", "call_id"];
        let before = self.reported;
        work(self);
        if self.reported == before && tag.kind == SegmentType::ToolResult && tag.call_id.is_some() {
            let place = PLACES.iter().find_map(|key| object.get(key)?.span_in(self.line));
            if let (Some(span), Some(nothing)) = (self.literal.clone().or(place), Json::parse(b"\"\"")) {
                let outer = self.literal.replace(span);
                self.report(tag, nothing, None);
                self.literal = outer;
            }
        }
    }

    fn report(&mut self, tag: Tag<'_>, value: Json<'_>, within: Option<Range<usize>>) {
        let Some(span) = self.literal.clone().or_else(|| value.span_in(self.line)) else {
            return;
        };
        let found = Found {
            pointer: &self.path,
            tag,
            order: self.order,
            choice: self.choice,
            visible: self.visible,
            value,
            within,
            span,
            nested: self.literal.is_some(),
        };
        self.reported = self.reported.saturating_add(1);
        (self.sink)(&found);
    }
}
