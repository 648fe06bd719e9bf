//! The first look at a line: where its containers begin and end.
//!
//! One pass, no grammar: only strings and brackets count. What the cutter will not open (a subtree seen before) is never looked
//! at again, which is what makes a request that resends its history cheap.

use memchr::memchr2;

/// An object or array: its bytes are `start..end`; `next` is the index of the first container after it that is not inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Offset of the bracket that opens it.
    pub start: u32,
    /// Offset after the bracket that closes it.
    pub end: u32,
    /// Index into the list of containers, past all that it holds.
    pub next: u32,
}

/// Appends the container that starts at `start` and all inside it to `out`, in the order they open, and gives the offset after
/// it. `None` (and `out` as before) when brackets do not match or a string does not end.
pub fn containers(bytes: &[u8], start: usize, out: &mut Vec<Container>) -> Option<usize> {
    let first = out.len();
    let end = scan(bytes, start, out, first);
    if end.is_none() {
        out.truncate(first);
    }
    end
}

const PLAIN: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;
static CLASS: [u8; 256] = {
    let mut class = [PLAIN; 256];
    class[b'"' as usize] = QUOTE;
    class[b'{' as usize] = OPEN;
    class[b'[' as usize] = OPEN;
    class[b'}' as usize] = CLOSE;
    class[b']' as usize] = CLOSE;
    class
};

fn scan(bytes: &[u8], start: usize, out: &mut Vec<Container>, first: usize) -> Option<usize> {
    // Open containers, innermost last; the index is kept in `next` of the container itself until it closes.
    let mut innermost = u32::MAX;
    let mut at = start;
    loop {
        let byte = *bytes.get(at)?;
        match CLASS[byte as usize] {
            PLAIN => at += 1,
            QUOTE => at = string_end(bytes, at + 1)?,
            OPEN => {
                let index = out.len() as u32;
                out.push(Container { start: at as u32, end: u32::MAX, next: innermost });
                innermost = index;
                at += 1;
            }
            _ => {
                let length = out.len() as u32;
                let open = out.get_mut(innermost as usize)?;
                // '[' + 2 is ']' and '{' + 2 is '}'.
                if bytes[open.start as usize] + 2 != byte {
                    return None;
                }
                at += 1;
                innermost = open.next;
                open.end = at as u32;
                open.next = length;
                if innermost == u32::MAX {
                    debug_assert_eq!(out[first].end, at as u32);
                    return Some(at);
                }
            }
        }
    }
}

/// The offset after the quote that ends the string whose inside starts at `from`.
#[inline]
#[must_use]
pub fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        // Most strings are short: a few words by hand before the vector search, whose set-up costs more than they do.
        let mut hops = 0;
        while let Some(word) = bytes.get(at..at + 8) {
            let word = u64::from_le_bytes(word.try_into().ok()?);
            let hits = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES);
            if hits != 0 {
                at += (hits.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
            hops += 1;
            if hops == 8 {
                at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
                break;
            }
        }
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

const QUOTES: u64 = 0x2222_2222_2222_2222;
const BACKSLASHES: u64 = 0x5c5c_5c5c_5c5c_5c5c;

/// High bit set in each zero byte, exact up to and including the lowest one.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Option<Vec<&str>> {
        let mut out = Vec::new();
        containers(text.as_bytes(), 0, &mut out)?;
        Some(out.iter().map(|c| &text[c.start as usize..c.end as usize]).collect())
    }

    #[test]
    fn brackets_inside_strings_do_not_count() {
        let text = r#"{"a":["}\"]",{}],"b":"\\"} tail"#;
        assert_eq!(spans(text).unwrap(), [r#"{"a":["}\"]",{}],"b":"\\"}"#, r#"["}\"]",{}]"#, "{}"]);
    }

    #[test]
    fn next_skips_everything_inside() {
        let mut out = Vec::new();
        containers(br#"[[1,[2]],{"a":[3]}]"#, 0, &mut out).unwrap();
        assert_eq!(out.iter().map(|c| c.next).collect::<Vec<_>>(), [5, 3, 3, 5, 5]);
    }

    #[test]
    fn unbalanced_or_open_ended_is_refused_and_leaves_nothing() {
        for text in [r#"{"a":1"#, r#"{"a":1]"#, r#"["abc]"#, r#"["abc\"]"#, "[", ""] {
            assert_eq!(spans(text), None, "{text}");
        }
    }

    #[test]
    fn long_strings_end_where_a_plain_loop_says() {
        for length in 0..200 {
            for quote in 0..=length {
                let mut text = vec![b'x'; length];
                text.insert(quote, b'"');
                assert_eq!(string_end(&text, 0), Some(quote + 1));
            }
        }
    }
}
