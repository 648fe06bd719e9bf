//! Private keys over several lines, whole or cut off.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// What a key between its lines must have at least to be one where it has no end.
const BODY: usize = 40;
/// Base64 that is taken for a part of a key where quotes stand between its lines.
const LINE: usize = 16;

static BEGIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----").ok());

/// The key that begins here. Where its lines are strings of their own, each is told by itself: what stands between belongs to the
/// text.
pub(super) fn at(text: &[u8], start: usize, tell: &mut dyn FnMut(Range<usize>, &'static str)) {
    const FAMILY: &str = "private-key";
    let rest = text.get(start..).unwrap_or_default();
    let head = rest.get(..rest.len().min(128)).unwrap_or_default();
    let Some(begin) = BEGIN.as_ref().and_then(|begin| begin.find(head)) else { return };
    let body = begin.end();
    let mut end = body;
    let mut closed = false;
    while let Some(byte) = rest.get(end) {
        if rest.get(end..).is_some_and(|rest| rest.starts_with(b"-----")) {
            closed = rest.get(end..).is_some_and(|rest| rest.starts_with(b"-----END "));
            break;
        }
        if !may_stand_in_a_key(*byte) {
            break;
        }
        end += 1;
    }
    if closed {
        let after = rest.get(end + 9..).unwrap_or_default();
        let name = after.iter().take_while(|byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'0'..=b'9')).count();
        let dashes = after.get(name..).unwrap_or_default().iter().take(5).take_while(|byte| **byte == b'-').count();
        end += 9 + name + dashes;
    } else {
        // A backslash at the end belongs to what follows.
        while rest.get(end.wrapping_sub(1)) == Some(&b'\\') {
            end -= 1;
        }
    }
    let inner = rest.get(body..end).unwrap_or_default();
    let coded = inner.iter().filter(|byte| is_base64(**byte)).count();
    if coded < BODY && !(closed && coded > 0) {
        return;
    }
    let whole = rest.get(..end).unwrap_or_default();
    if !whole.contains(&b'"') {
        return tell(start..start + end, FAMILY);
    }
    let mut from = 0;
    for piece in whole.split(|byte| *byte == b'"') {
        let inside = piece.strip_suffix(b"\\").unwrap_or(piece);
        let longest = inside.split(|byte| !is_base64(*byte)).map(<[u8]>::len).max().unwrap_or_default();
        if longest >= LINE || inside.starts_with(b"-----") {
            tell(start + from..start + from + inside.len(), FAMILY);
        }
        from += piece.len() + 1;
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Base64, headers, line ends in any spelling, numbers and marks that tools put before lines.
fn may_stand_in_a_key(byte: u8) -> bool {
    is_base64(byte) || byte.is_ascii_whitespace() || b"\\\",:.-|>#*_".contains(&byte) || byte >= 0x80
}
