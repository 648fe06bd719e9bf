//! Finds where JSON values end, without building anything.
//!
//! One loop walks the grammar with a 128-bit stack (a set bit is an open object), so nesting needs neither recursion nor
//! memory, and 128 levels is the natural cap. Strings, the bulk of every log, are crossed with `memchr2`.
//! The grammar is strict where cutting matters (brackets, commas, colons, quotes) and lenient inside atoms:
//! `NaN` and `Infinity` occur in real logs, and the text of a number is never our business here.

use memchr::memchr2;

/// Deepest nesting that is still read as JSON; anything deeper is treated as text (a nesting bomb, not a log).
pub const MAX_DEPTH: u32 = 128;

/// Bytes of a string looked at one by one before the vector search; chosen: most keys are shorter.
const SHORT_STRING: usize = 16;

/// First position at or after `at` that is not JSON white space.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Position after the closing quote of the string that opens at `at`.
#[inline]
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    // Keys and enum words end within a few bytes: a plain look beats setting up a vector search.
    for _ in 0..SHORT_STRING {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => break,
            _ => at += 1,
        }
    }
    loop {
        let rest = bytes.get(at..)?;
        let hit = memchr2(b'"', b'\\', rest)?;
        if rest.get(hit) == Some(&b'"') {
            return Some(at + hit + 1);
        }
        at += hit + 2;
    }
}

/// Position after the colon that follows the key at `at`.
#[inline]
fn key_end(bytes: &[u8], at: usize) -> Option<usize> {
    let colon = skip_space(bytes, string_end(bytes, at)?);
    (bytes.get(colon) == Some(&b':')).then_some(colon + 1)
}

/// Position after the atom (number, literal) at `at`.
fn atom_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
    let atom = rest.get(..length.unwrap_or(rest.len()))?;
    let is_literal = matches!(atom, b"true" | b"false" | b"null" | b"NaN" | b"Infinity" | b"-Infinity");
    (is_literal || is_number(atom)).then_some(at + atom.len())
}

fn is_number(atom: &[u8]) -> bool {
    let digits = atom.strip_prefix(b"-").unwrap_or(atom);
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

/// Position after the value that starts at or after `at`; `None` when there is no whole value.
pub(super) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut open_objects: u128 = 0;
    let mut depth = 0;
    let mut at = at;
    loop {
        at = skip_space(bytes, at);
        match bytes.get(at)? {
            b'"' => at = string_end(bytes, at)?,
            open @ (b'{' | b'[') => {
                let is_object = *open == b'{';
                let close = if is_object { b'}' } else { b']' };
                at = skip_space(bytes, at + 1);
                if bytes.get(at) == Some(&close) {
                    at += 1;
                } else {
                    if depth == MAX_DEPTH {
                        return None;
                    }
                    open_objects = open_objects << 1 | u128::from(is_object);
                    depth += 1;
                    if is_object {
                        at = key_end(bytes, at)?;
                    }
                    continue;
                }
            }
            _ => at = atom_end(bytes, at)?,
        }
        // A value is complete: close what closes, until the next value begins.
        loop {
            if depth == 0 {
                return Some(at);
            }
            at = skip_space(bytes, at);
            let in_object = open_objects & 1 == 1;
            match bytes.get(at)? {
                b',' if in_object => {
                    at = key_end(bytes, skip_space(bytes, at + 1))?;
                    break;
                }
                b',' => {
                    at += 1;
                    break;
                }
                b'}' if in_object => {}
                b']' if !in_object => {}
                _ => return None,
            }
            at += 1;
            open_objects >>= 1;
            depth -= 1;
        }
    }
}
