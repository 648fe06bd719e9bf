//! JSON string escapes, both ways.
//!
//! A string is stored decoded, so that the same text is found whatever program wrote it. How it was escaped is one byte, the
//! [`Style`]; [`decode`] only answers when [`encode`] gives back the very bytes, so nothing is lost by decoding. Lone surrogates
//! are kept as WTF-8 (three bytes, ED A0..BF xx).

use std::sync::OnceLock;

use memchr::memchr;

/// How a producer escapes strings: a set of habits, each one bit. No bit set is what serde_json, JavaScript and Python with
/// `ensure_ascii=False` do: `\" \\ \n \r \t \b \f`, other controls as `\u00xx` in lower case, everything else raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Style(pub u8);

impl Style {
    /// Only what JSON demands.
    pub const MINIMAL: Style = Style(0);
    /// Non-ASCII as `\uxxxx`, pairs for the astral planes (Python's default).
    pub const NON_ASCII: u8 = 1;
    /// `/` as `\/` (PHP, pandas).
    pub const SLASH: u8 = 2;
    /// `<`, `>` and `&` as `\u003c`… (Go).
    pub const HTML: u8 = 4;
    /// Upper-case hex digits (.NET).
    pub const UPPER: u8 = 8;
    /// U+2028 and U+2029 escaped (Go).
    pub const SEPARATORS: u8 = 16;
    /// `\u0008` and `\u000c` instead of `\b` and `\f` (older Go).
    pub const LONG_CONTROLS: u8 = 32;
    /// U+007F escaped (Python's default).
    pub const DELETE: u8 = 64;
    /// `"`, `'` and `+` as `\u0022`, `\u0027`, `\u002B` (.NET).
    pub const QUOTES: u8 = 128;

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// Decodes the inside of a string literal into `out` and tells its style; `None` (and `out` as before) when no style gives back
/// the same bytes or the literal is malformed.
pub fn decode(raw: &[u8], out: &mut Vec<u8>) -> Option<Style> {
    let start = out.len();
    let style = decode_any(raw, out).and_then(|guess| match guess {
        Guess::Certain(style) => Some(style),
        Guess::Check(style) => {
            let mut again = Vec::with_capacity(raw.len());
            encode(&out[start..], style, &mut again);
            (again == raw).then_some(style)
        }
    });
    if style.is_none() {
        out.truncate(start);
    }
    style
}

/// True when a literal without any backslash is its own decoded form under [`Style::MINIMAL`].
#[must_use]
pub fn is_plain(raw: &[u8]) -> bool {
    // A fold without early exit is what the compiler turns into vector code.
    !raw.chunks(256).any(|chunk| chunk.iter().fold(false, |bad, &b| bad | (b < 0x20)))
}

enum Guess {
    /// Only escapes that the minimal style writes, in its way: nothing to check.
    Certain(Style),
    /// Other escapes: encode again and compare.
    Check(Style),
}

fn decode_any(raw: &[u8], out: &mut Vec<u8>) -> Option<Guess> {
    let mut bits = 0u8;
    let mut odd = false;
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        let (run, tail) = rest.split_at(at);
        if !is_plain(run) {
            return None;
        }
        out.extend_from_slice(run);
        let (&letter, after) = tail.get(1..)?.split_first()?;
        rest = after;
        match letter {
            b'"' | b'\\' => out.push(letter),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'/' => {
                out.push(b'/');
                bits |= Style::SLASH;
            }
            b'u' => {
                let (unit, upper) = hex4(rest)?;
                rest = &rest[4..];
                if upper {
                    bits |= Style::UPPER;
                }
                if unit < 0x20 && !upper && !matches!(unit, 8 | 9 | 10 | 12 | 13) {
                    out.push(unit as u8);
                    continue;
                }
                odd = true;
                bits |= bits_of(unit);
                let code = match pair(unit, rest) {
                    Some((code, upper)) => {
                        rest = &rest[6..];
                        if upper {
                            bits |= Style::UPPER;
                        }
                        code
                    }
                    None => u32::from(unit),
                };
                push_wtf8(code, out);
            }
            _ => return None,
        }
    }
    if !is_plain(rest) {
        return None;
    }
    out.extend_from_slice(rest);
    Some(if bits == 0 && !odd { Guess::Certain(Style::MINIMAL) } else { Guess::Check(Style(bits)) })
}

/// The habit that an escaped unit betrays.
fn bits_of(unit: u16) -> u8 {
    match unit {
        8 | 12 => Style::LONG_CONTROLS,
        0x22 | 0x27 | 0x2b => Style::QUOTES,
        0x3c | 0x3e | 0x26 => Style::HTML,
        0x7f => Style::DELETE,
        0x2028 | 0x2029 => Style::SEPARATORS,
        0xd800..=0xdfff => Style::NON_ASCII,
        0x80.. => Style::NON_ASCII,
        _ => 0,
    }
}

fn hex4(bytes: &[u8]) -> Option<(u16, bool)> {
    let mut unit = 0u16;
    let mut upper = false;
    for &byte in bytes.get(..4)? {
        upper |= byte.is_ascii_uppercase();
        unit = (unit << 4) | (byte as char).to_digit(16)? as u16;
    }
    Some((unit, upper))
}

fn pair(high: u16, rest: &[u8]) -> Option<(u32, bool)> {
    if !(0xd800..0xdc00).contains(&high) || rest.get(..2)? != b"\\u" {
        return None;
    }
    let (low, upper) = hex4(&rest[2..])?;
    (0xdc00..0xe000).contains(&low).then(|| (0x10000 + ((u32::from(high) - 0xd800) << 10) + u32::from(low) - 0xdc00, upper))
}

fn push_wtf8(code: u32, out: &mut Vec<u8>) {
    match code {
        0..0x80 => out.push(code as u8),
        0x80..0x800 => out.extend_from_slice(&[0xc0 | (code >> 6) as u8, 0x80 | (code & 63) as u8]),
        0x800..0x10000 => {
            out.extend_from_slice(&[0xe0 | (code >> 12) as u8, 0x80 | (code >> 6 & 63) as u8, 0x80 | (code & 63) as u8]);
        }
        _ => out.extend_from_slice(&[
            0xf0 | (code >> 18) as u8,
            0x80 | (code >> 12 & 63) as u8,
            0x80 | (code >> 6 & 63) as u8,
            0x80 | (code & 63) as u8,
        ]),
    }
}

/// Writes the inside of the string literal that `text` is under `style`. Any bytes are taken: what is no WTF-8 goes out as it is.
pub fn encode(text: &[u8], style: Style, out: &mut Vec<u8>) {
    let mut run = 0;
    let mut at = 0;
    let special = special_bytes(style);
    while at < text.len() {
        let byte = text[at];
        if !special[byte as usize] {
            at += 1;
            continue;
        }
        let (code, length) = scalar(&text[at..]);
        let escape = wants_escape(code, style) && (byte < 0x80 || length > 1);
        if escape {
            out.extend_from_slice(&text[run..at]);
            write_escape(code, style, out);
            at += length;
            run = at;
        } else {
            at += length;
        }
    }
    out.extend_from_slice(&text[run..]);
}

/// Bytes at which an escape can start under a style.
fn special_bytes(style: Style) -> &'static [bool; 256] {
    // One at a time: a record has a style or two, and all 256 would take longer than reading it.
    static TABLES: [OnceLock<[bool; 256]>; 256] = [const { OnceLock::new() }; 256];
    TABLES[style.0 as usize].get_or_init(|| std::array::from_fn(|byte| may_start(byte as u8, style)))
}

fn may_start(byte: u8, style: Style) -> bool {
    match byte {
        0..0x20 | b'"' | b'\\' => true,
        b'/' => style.has(Style::SLASH),
        b'<' | b'>' | b'&' => style.has(Style::HTML),
        b'\'' | b'+' => style.has(Style::QUOTES),
        0x7f => style.has(Style::DELETE),
        // E2 starts U+2028, ED a lone surrogate.
        0xe2 => style.has(Style::SEPARATORS) || style.has(Style::NON_ASCII),
        0xed => true,
        0x80.. => style.has(Style::NON_ASCII),
        _ => false,
    }
}

fn wants_escape(code: u32, style: Style) -> bool {
    match code {
        0..0x20 | 0x22 | 0x5c | 0xd800..0xe000 => true,
        0x2f => style.has(Style::SLASH),
        0x3c | 0x3e | 0x26 => style.has(Style::HTML),
        0x27 | 0x2b => style.has(Style::QUOTES),
        0x7f => style.has(Style::DELETE),
        0x2028 | 0x2029 => style.has(Style::SEPARATORS) || style.has(Style::NON_ASCII),
        0x80.. => style.has(Style::NON_ASCII),
        _ => false,
    }
}

/// The scalar (or surrogate) at the start of `bytes` and its length; a byte that starts none is its own, of length 1.
fn scalar(bytes: &[u8]) -> (u32, usize) {
    let first = bytes[0];
    let length = match first {
        0..0x80 => return (u32::from(first), 1),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return (u32::from(first), 1),
    };
    let mut code = u32::from(first) & (0x7f >> length);
    for index in 1..length {
        match bytes.get(index) {
            Some(&byte) if byte & 0xc0 == 0x80 => code = code << 6 | u32::from(byte & 63),
            _ => return (u32::from(first), 1),
        }
    }
    (code, length)
}

fn write_escape(code: u32, style: Style, out: &mut Vec<u8>) {
    let short = match code {
        0x22 if !style.has(Style::QUOTES) => b'"',
        0x5c => b'\\',
        0x0a => b'n',
        0x0d => b'r',
        0x09 => b't',
        0x08 if !style.has(Style::LONG_CONTROLS) => b'b',
        0x0c if !style.has(Style::LONG_CONTROLS) => b'f',
        0x2f => b'/',
        _ => 0,
    };
    if short != 0 {
        out.extend_from_slice(&[b'\\', short]);
    } else if code < 0x10000 {
        write_unit(code as u16, style, out);
    } else {
        write_unit(0xd800 + ((code - 0x10000) >> 10) as u16, style, out);
        write_unit(0xdc00 + ((code - 0x10000) & 0x3ff) as u16, style, out);
    }
}

fn write_unit(unit: u16, style: Style, out: &mut Vec<u8>) {
    let digits: &[u8; 16] = if style.has(Style::UPPER) { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(digits[usize::from(unit >> shift & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn style_of(raw: &str) -> Option<(Style, Vec<u8>)> {
        let mut out = Vec::new();
        decode(raw.as_bytes(), &mut out).map(|style| (style, out))
    }

    #[test]
    fn each_producer_has_a_style_and_the_same_text_decodes_the_same() {
        for (raw, bits) in [
            (r#"é\n\"x\" 🎉"#, 0),
            (r#"\u00e9\n\"x\" \ud83c\udf89"#, Style::NON_ASCII),
            (r#"\u00E9\n\u0022x\u0022 \uD83C\uDF89"#, Style::NON_ASCII | Style::UPPER | Style::QUOTES),
        ] {
            let (style, text) = style_of(raw).unwrap();
            assert_eq!((style.0, text.as_slice()), (bits, "é\n\"x\" 🎉".as_bytes()), "{raw}");
        }
        assert_eq!(style_of(r"a\/b").unwrap().0.0, Style::SLASH);
        assert_eq!(style_of(r"a\u003cb\u003e\u0026").unwrap().0.0, Style::HTML);
        assert_eq!(style_of(r"\u001b[0m\b").unwrap().0.0, 0);
        assert_eq!(style_of(r"\u0008").unwrap().0.0, Style::LONG_CONTROLS);
        assert_eq!(style_of(r"\ud83d alone").unwrap().1, b"\xed\xa0\xbd alone");
    }

    #[test]
    fn what_no_style_reproduces_is_refused() {
        for raw in [r"\u0041", r"a\/b/c", r"\u00e9\u00C9", "tab\traw", r"\x", r"\u12", "\\", r"\u000a", r"é\u00e9"] {
            assert!(style_of(raw).is_none(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn decoding_answers_only_what_encoding_gives_back(raw in proptest::collection::vec(
            prop_oneof![any::<u8>().prop_map(|b| vec![b]), "\\\\u[0-9a-fA-F]{4}".prop_map(String::into_bytes),
                "\\\\[\"\\\\/bfnrt]".prop_map(String::into_bytes), "\\PC{1,3}".prop_map(String::into_bytes)], 0..12)) {
            let raw = raw.concat();
            let mut text = Vec::new();
            // The inside of a literal never holds a bare quote: the scanner would have ended it there.
            let quotes_are_escaped = crate::record::scan::string_end(&[raw.as_slice(), b"\""].concat(), 0) == Some(raw.len() + 1);
            if quotes_are_escaped && let Some(style) = decode(&raw, &mut text) {
                let mut again = Vec::new();
                encode(&text, style, &mut again);
                prop_assert_eq!(again, raw);
            }
        }
    }
}
