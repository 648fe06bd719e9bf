//! Decodes the inside of JSON string literals.
//!
//! A literal without escapes is handed out as it stands. Escapes of any style are accepted; a lone surrogate and bytes that
//! are not UTF-8 become U+FFFD, because what is decoded here is for reading and never for storing.

use std::borrow::Cow;

/// The decoded text of a literal's inside (without its quotes).
pub(super) fn decode(inside: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inside).is_none() {
        return String::from_utf8_lossy(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(hit) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(hit);
        text.extend_from_slice(plain);
        rest = decode_escape(escape, &mut text);
    }
    text.extend_from_slice(rest);
    match String::from_utf8(text) {
        Ok(text) => Cow::Owned(text),
        Err(bad) => Cow::Owned(String::from_utf8_lossy(bad.as_bytes()).into_owned()),
    }
}

/// Appends what the escape at the start of `escape` stands for; returns what follows it.
fn decode_escape<'a>(escape: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let after = escape.get(2..).unwrap_or_default();
    let byte = match escape.get(1) {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'u') => return decode_unicode(after, text),
        Some(other) => *other,
        None => b'\\',
    };
    text.push(byte);
    after
}

/// Decodes the four hex digits at the start of `digits`, and the low half of a pair that may follow.
fn decode_unicode<'a>(digits: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some(unit) = hex4(digits) else {
        push_char(text, char::REPLACEMENT_CHARACTER);
        return digits;
    };
    let after = digits.get(4..).unwrap_or_default();
    if let 0xD800..=0xDBFF = unit
        && let Some(tail) = after.strip_prefix(b"\\u")
        && let Some(low @ 0xDC00..=0xDFFF) = hex4(tail)
    {
        let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        push_char(text, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return tail.get(4..).unwrap_or_default();
    }
    push_char(text, char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    after
}

fn push_char(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.get(..4)?.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
}
