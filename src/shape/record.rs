//! One record, opened for questions: what stands before the JSON, the JSON itself, and its top-level keys.
//!
//! The triage is lexical (record-shapes §1): blank lines, server-sent-event captures (`data: {…}`), log prefixes
//! (`INFO 2026… {…}`), several values on one line, and bytes that are no JSON. Everything later works on the result.

use super::json::{Json, Object};

/// A log prefix longer than this is text with a brace in it, not a prefix (record-shapes §1.3).
const LONGEST_PREFIX: usize = 200;

/// How the bytes of a record hold their JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The record is one JSON value.
    Json,
    /// A server-sent event: `data: ` or `event: ` stands before the value.
    Sse,
    /// Log text stands before the value.
    Prefixed,
    /// Several values follow one another; only the first is described at the top level.
    Concat,
    /// `data: [DONE]` and its like.
    StreamEnd,
    /// Nothing but white space.
    Blank,
    /// No JSON.
    Raw,
}

/// A record opened for questions.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The bytes as given.
    pub line: &'a [u8],
    /// How they hold their JSON.
    pub form: Form,
    /// The values; one, several for [`Form::Concat`], none when there is no JSON.
    pub values: Vec<Json<'a>>,
    /// The top-level keys of the first value; for an array the keys of its first element.
    pub object: Option<Object<'a>>,
}

impl<'a> Record<'a> {
    /// Opens the bytes of one record.
    pub fn read(line: &'a [u8]) -> Record<'a> {
        let (form, values) = triage(line);
        let object = values.first().and_then(|value| Object::of(if value.is_array() { value.at(0)? } else { *value }));
        Record { line, form, values, object }
    }

    /// The first value.
    pub fn value(&self) -> Option<Json<'a>> {
        self.values.first().copied()
    }
}

fn triage(line: &[u8]) -> (Form, Vec<Json<'_>>) {
    let text = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if text.is_empty() {
        return (Form::Blank, Vec::new());
    }
    if let Some((form, values)) = whole(text) {
        return (form, values);
    }
    if let Some(rest) = text.strip_prefix(b"data:").or_else(|| text.strip_prefix(b"event:")) {
        let rest = rest.trim_ascii();
        return match Json::parse(rest) {
            Some(value) => (Form::Sse, vec![value]),
            None if rest == b"[DONE]" || text.starts_with(b"event:") => (Form::StreamEnd, Vec::new()),
            None => (Form::Raw, Vec::new()),
        };
    }
    prefixed(text).map_or((Form::Raw, Vec::new()), |value| (Form::Prefixed, vec![value]))
}

/// One value, or several objects and arrays back to back (a missed newline, two appenders at once).
fn whole(text: &[u8]) -> Option<(Form, Vec<Json<'_>>)> {
    let (first, mut rest) = Json::parse_first(text)?;
    let mut values = vec![first];
    while !rest.trim_ascii().is_empty() {
        let (next, after) = Json::parse_first(rest)?;
        if !next.is_object() && !next.is_array() {
            return None;
        }
        values.push(next);
        rest = after;
    }
    let containers = first.is_object() || first.is_array();
    match values.len() {
        1 => Some((Form::Json, values)),
        _ if containers => Some((Form::Concat, values)),
        _ => None,
    }
}

/// The object that ends the line after a short prefix; tries each brace, since a prefix may hold one itself.
fn prefixed(text: &[u8]) -> Option<Json<'_>> {
    if matches!(text.first(), Some(b'{' | b'[' | b'"')) {
        return None;
    }
    let window = text.get(..text.len().min(LONGEST_PREFIX))?;
    memchr::memchr_iter(b'{', window).take(4).find_map(|brace| Json::parse(text.get(brace..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(line: &[u8]) -> Form {
        Record::read(line).form
    }

    #[test]
    fn prefixes_event_streams_and_joined_values_are_told_apart() {
        assert_eq!(form(b"{\"a\":1}\r"), Form::Json);
        assert_eq!(form(b"data: {\"a\":1}"), Form::Sse);
        assert_eq!(form(b"data: [DONE]"), Form::StreamEnd);
        assert_eq!(form(b"event: message_start"), Form::StreamEnd);
        assert_eq!(form(b"2026-01-01 INFO {x} {\"a\":1}"), Form::Prefixed);
        assert_eq!(form(b"{\"a\":1}{\"b\":2}"), Form::Concat);
        assert_eq!(form(b" \t\r"), Form::Blank);
    }

    #[test]
    fn a_line_cut_off_by_a_crash_is_raw() {
        assert_eq!(form(br#"{"type":"user","message":{"role":"us"#), Form::Raw);
        assert_eq!(form(br#"{"a":1}{"b":"#), Form::Raw);
        assert_eq!(form(b"12 13"), Form::Raw);
    }

    #[test]
    fn the_prefix_is_left_out_of_the_value_but_spans_count_from_the_line() {
        let line = br#"level=info {"a":7}"#;
        let record = Record::read(line);
        let value = record.value().unwrap().get("a").unwrap();
        assert_eq!(value.span_in(line), Some(16..17));
    }
}
