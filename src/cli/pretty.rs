//! Indents JSON without reading values: numbers keep their digits, strings their escapes, keys their order and number.

use serde::de::IgnoredAny;

/// The same JSON with a line for each member; `None` when it is not JSON.
pub(crate) fn indent(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let token = token_length(rest, c);
        let (piece, after) = rest.split_at(token);
        match c {
            '{' | '[' if after.trim_start().starts_with(['}', ']']) => out.push(c),
            '{' | '[' => {
                depth += 1;
                out.push(c);
                new_line(&mut out, depth);
            }
            '}' | ']' if out.ends_with(['{', '[']) => out.push(c),
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if c.is_ascii_whitespace() => {}
            _ => out.push_str(piece),
        }
        rest = after;
    }
    Some(out)
}

/// A string with its quotes, or a single character; numbers and words may come in pieces, nothing is put between them.
fn token_length(rest: &str, first: char) -> usize {
    if first != '"' {
        return first.len_utf8();
    }
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_changes_white_space_only() {
        let line = r#"{"a":1.0,"a" : 1E400,"b":[ ],"c":{},"d":["\u00e9,{\"", -0, [null]]}"#;
        let expected = r#"{
  "a": 1.0,
  "a": 1E400,
  "b": [],
  "c": {},
  "d": [
    "\u00e9,{\"",
    -0,
    [
      null
    ]
  ]
}"#;
        assert_eq!(indent(line.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_json_is_not_indented() {
        for line in [&b"{\"a\":NaN}"[..], b"", b"{} {}", b"\xff", b"plain"] {
            assert_eq!(indent(line), None);
        }
    }
}
