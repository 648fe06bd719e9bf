//! The strings of a record: what a search looks at.
//!
//! That is every string value of the record's JSON, decoded, and, where a value is itself an object or array as JSON text, the
//! string values in it, and so on. Keys are no values. A line that is no JSON as a whole is one string: the line.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::lexical::pattern::Pattern;
use crate::shape::json::Json;

/// A string of a record.
#[derive(Debug)]
pub(crate) struct Text<'t> {
    /// Decoded.
    pub(crate) text: &'t [u8],
    /// The bytes of the line it stands in: its literal, quotes included, or the outermost one that holds it.
    pub(crate) span: Range<usize>,
    /// It stands in JSON inside a string.
    pub(crate) nested: bool,
}

/// Hands each string of a line to `visit` until that says to stop; true when it did.
pub(crate) fn each_string(line: &[u8], visit: &mut dyn FnMut(Text<'_>) -> bool) -> bool {
    match Json::parse(line) {
        None => visit(Text { text: line, span: 0..line.len(), nested: false }),
        Some(value) => {
            let start = value.span_in(line).map_or(0, |span| span.start);
            values(value.raw(), &mut |inside, at| {
                let span = start + at.start..start + at.end;
                with_inner(&unescape(inside), &span, false, visit)
            })
        }
    }
}

/// A decoded string, then the strings of the JSON it may be.
fn with_inner(text: &[u8], span: &Range<usize>, nested: bool, visit: &mut dyn FnMut(Text<'_>) -> bool) -> bool {
    visit(Text { text, span: span.clone(), nested })
        || inner_json(text).is_some_and(|json| values(json, &mut |inside, _| with_inner(&unescape(inside), span, true, visit)))
}

/// Hands out a decoded string, then the strings of the JSON it may be, and so on.
pub(crate) fn each_in(text: &[u8], visit: &mut dyn FnMut(&[u8])) {
    with_inner(text, &(0..0), false, &mut |text| {
        visit(text.text);
        false
    });
}

/// True when a record has a match.
pub(crate) fn record_matches(pattern: &Pattern, line: &[u8]) -> bool {
    each_string(line, &mut |text| pattern.is_in(text.text))
}

/// True when a decoded string has a match, in itself or in the JSON it may be.
pub(crate) fn string_matches(pattern: &Pattern, text: &[u8]) -> bool {
    pattern.is_in(text) || inner_matches(pattern, text)
}

/// True when the JSON that a decoded string may be has a match in one of its strings.
pub(crate) fn inner_matches(pattern: &Pattern, text: &[u8]) -> bool {
    if !matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    // An inner string without escapes is part of the outer one: a literal would have been found there.
    if !pattern.literals().is_empty() && memchr(b'\\', text).is_none() {
        return false;
    }
    inner_json(text).is_some_and(|json| json_matches(pattern, json))
}

/// True when a string of some JSON has a match.
pub(crate) fn json_matches(pattern: &Pattern, json: &[u8]) -> bool {
    values(json, &mut |inside, _| string_matches(pattern, &unescape(inside)))
}

/// The JSON that a string is as a whole.
fn inner_json(text: &[u8]) -> Option<&[u8]> {
    if !matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    Json::parse(text).map(Json::raw)
}

/// The string values of well-formed JSON, still escaped, with their places, quotes included.
fn values(json: &[u8], visit: &mut dyn FnMut(&[u8], Range<usize>) -> bool) -> bool {
    let mut at = 0;
    while let Some(start) = find(json, at, |rest| memchr(b'"', rest)) {
        let Some(end) = string_end(json, start + 1) else { return false };
        at = end;
        let after = json.get(end..).unwrap_or_default().iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let is_key = after == Some(&b':');
        if !is_key && visit(json.get(start + 1..end - 1).unwrap_or_default(), start..end) {
            return true;
        }
    }
    false
}

/// The place after the quote that closes a string.
fn string_end(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = find(json, at, |rest| memchr2(b'"', b'\\', rest))?;
        if json.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn find(bytes: &[u8], from: usize, look: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    look(bytes.get(from..)?).map(|at| from + at)
}

/// The decoded inside of a string literal. Escapes of any style are taken; lone surrogates become the three bytes they would be.
pub(crate) fn unescape(inside: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut at) = memchr(b'\\', inside) else { return Cow::Borrowed(inside) };
    let mut text = Vec::with_capacity(inside.len());
    let mut from = 0;
    loop {
        text.extend_from_slice(inside.get(from..at).unwrap_or_default());
        from = at + 2;
        match inside.get(at + 1) {
            Some(b'n') => text.push(b'\n'),
            Some(b't') => text.push(b'\t'),
            Some(b'r') => text.push(b'\r'),
            Some(b'b') => text.push(8),
            Some(b'f') => text.push(12),
            Some(b'u') => from += unicode(inside.get(at + 2..).unwrap_or_default(), &mut text),
            Some(other) => text.push(*other),
            None => text.push(b'\\'),
        }
        match find(inside, from, |rest| memchr(b'\\', rest)) {
            Some(next) => at = next,
            None => break,
        }
    }
    text.extend_from_slice(inside.get(from..).unwrap_or_default());
    Cow::Owned(text)
}

/// Appends the character of `XXXX` or of the pair `XXXX\uXXXX`; how many bytes that were.
fn unicode(rest: &[u8], text: &mut Vec<u8>) -> usize {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else {
        text.extend_from_slice("\u{fffd}".as_bytes());
        return 0;
    };
    let second = unit(6).filter(|second| rest.get(4..6) == Some(br"\u") && (0xdc00..0xe000).contains(second));
    match (first, second) {
        (0xd800..=0xdbff, Some(second)) => {
            push(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), text);
            10
        }
        _ => {
            push(first, text);
            4
        }
    }
}

fn push(code: u32, text: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => text.extend_from_slice(&[0xe0 | (code >> 12) as u8, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        each_string(line.as_bytes(), &mut |text| {
            found.push(String::from_utf8_lossy(text.text).into_owned());
            false
        });
        found
    }

    #[test]
    fn values_are_strings_and_keys_are_not() {
        assert_eq!(strings(r#"{"key": "a\tb", "l": ["x", 1, {"k" : "\u00e9\ud83d\ude00"}]}"#), ["a\tb", "x", "é😀"]);
        assert_eq!(strings(r#""alone""#), ["alone"]);
        assert_eq!(strings("12"), Vec::<String>::new());
    }

    #[test]
    fn json_in_strings_counts_as_text_and_as_json() {
        assert_eq!(
            strings(r#"{"a":"{\"b\":\"c\\n\",\"d\":\"[\\\"e\\\"]\"}"}"#),
            [r#"{"b":"c\n","d":"[\"e\"]"}"#, "c\n", r#"["e"]"#, "e"]
        );
        assert_eq!(strings(r#"{"a":" [\"x\\u0041\"] "}"#), [r#" ["x\u0041"] "#, "xA"]);
        assert_eq!(strings(r#"{"a":"{not json}"}"#), ["{not json}"]);
    }

    #[test]
    fn a_line_that_is_no_json_is_one_string() {
        assert_eq!(strings(r#"data: {"a":"b"}"#), [r#"data: {"a":"b"}"#]);
        assert_eq!(strings(r#"{"a":"b"#), [r#"{"a":"b"#]);
        assert_eq!(strings(""), [""]);
    }

    #[test]
    fn places_are_those_of_the_outermost_literal() {
        let line = r#"  {"a":"x","b":"[\"y\"]"}"#;
        let mut spans = Vec::new();
        each_string(line.as_bytes(), &mut |text| {
            spans.push((line[text.span].to_string(), text.nested));
            false
        });
        assert_eq!(spans, [(r#""x""#.into(), false), (r#""[\"y\"]""#.into(), false), (r#""[\"y\"]""#.into(), true)]);
    }
}
