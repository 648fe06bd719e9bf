//! One level of escapes taken off a text, with the way back to the bytes it was made of.

use std::borrow::Cow;
use std::ops::Range;

/// A text, and where its bytes come from in the text below it.
#[derive(Debug)]
pub(super) struct Layer<'t> {
    text: Cow<'t, [u8]>,
    /// In order; each reaches to the next.
    runs: Vec<Run>,
    below: usize,
}

/// Bytes of the layer that follow one another below, or one escape's.
#[derive(Debug, Clone, Copy)]
struct Run {
    at: u32,
    below: u32,
    as_is: bool,
}

impl<'t> Layer<'t> {
    /// The text as it is.
    pub(super) fn of(text: &'t [u8]) -> Layer<'t> {
        Layer { text: Cow::Borrowed(text), runs: Vec::new(), below: text.len() }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text with one more level of escapes taken off; `None` when it has none.
    pub(super) fn peeled(&self) -> Option<Layer<'static>> {
        let source = self.text();
        let (mut text, mut runs) = (Vec::new(), Vec::new());
        let (mut from, mut at) = (0, 0);
        while let Some(step) = source.get(at..).and_then(|rest| rest.iter().position(|byte| IS_LEAD[*byte as usize])) {
            at += step;
            let Some((length, decoded)) = escape(source.get(at..).unwrap_or_default()) else {
                at += 1;
                continue;
            };
            copy(source, from..at, &mut text, &mut runs);
            runs.push(Run { at: text.len() as u32, below: at as u32, as_is: false });
            text.extend_from_slice(decoded.bytes());
            at += length;
            from = at;
        }
        if runs.is_empty() {
            return None;
        }
        copy(source, from..source.len(), &mut text, &mut runs);
        Some(Layer { text: Cow::Owned(text), runs, below: source.len() })
    }

    /// A place of this layer in the text below it, escapes whole.
    pub(super) fn below(&self, at: &Range<usize>) -> Range<usize> {
        if self.runs.is_empty() || at.is_empty() {
            return at.clone();
        }
        let run_of = |byte: usize| {
            let after = self.runs.partition_point(|run| run.at as usize <= byte);
            (self.runs.get(after.wrapping_sub(1)).copied(), self.runs.get(after).map_or(self.below, |run| run.below as usize))
        };
        let start = match run_of(at.start).0 {
            Some(run) if run.as_is => run.below as usize + (at.start - run.at as usize),
            Some(run) => run.below as usize,
            None => 0,
        };
        let last = at.end - 1;
        let end = match run_of(last) {
            (Some(run), _) if run.as_is => run.below as usize + (last - run.at as usize) + 1,
            (_, next) => next,
        };
        start..end
    }
}

fn copy(source: &[u8], range: Range<usize>, text: &mut Vec<u8>, runs: &mut Vec<Run>) {
    runs.push(Run { at: text.len() as u32, below: range.start as u32, as_is: true });
    text.extend_from_slice(source.get(range).unwrap_or_default());
}

/// Bytes that an escape begins with.
const IS_LEAD: [bool; 256] = {
    let mut table = [false; 256];
    table[b'\\' as usize] = true;
    table[b'%' as usize] = true;
    table[b'&' as usize] = true;
    table[0x1b] = true;
    table
};

/// What an escape stands for: at most one character.
struct Decoded {
    bytes: [u8; 4],
    length: usize,
}

impl Decoded {
    fn none() -> Decoded {
        Decoded { bytes: [0; 4], length: 0 }
    }

    fn char(c: char) -> Decoded {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Decoded { bytes, length }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The length of the escape that a text begins with, and what it stands for.
fn escape(text: &[u8]) -> Option<(usize, Decoded)> {
    match text.first()? {
        b'\\' => backslash(text),
        b'%' => hex(text.get(1..3)?).filter(|code| *code < 0x80).map(|code| (3, Decoded::char(code as u8 as char))),
        b'&' => entity(text),
        _ => terminal(text),
    }
}

fn backslash(text: &[u8]) -> Option<(usize, Decoded)> {
    let plain = |c: char| Some((2, Decoded::char(c)));
    match text.get(1)? {
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        byte @ (b'"' | b'\\' | b'/' | b'\'' | b'`' | b'$') => plain(*byte as char),
        // A line that goes on in the next one.
        b'\n' => Some((2, Decoded::none())),
        b'x' => hex(text.get(2..4)?).filter(|code| *code < 0x80).map(|code| (4, Decoded::char(code as u8 as char))),
        b'u' => unicode(text),
        _ => None,
    }
}

fn unicode(text: &[u8]) -> Option<(usize, Decoded)> {
    let first = hex(text.get(2..6)?)?;
    if let Some(c) = char::from_u32(first) {
        return Some((6, Decoded::char(c)));
    }
    let second = text.get(6..12).filter(|low| low.starts_with(b"\\u")).and_then(|low| hex(low.get(2..)?));
    let pair = second.and_then(|low| char::decode_utf16([first as u16, low as u16]).next()?.ok());
    Some(pair.map_or((6, Decoded::char(char::REPLACEMENT_CHARACTER)), |c| (12, Decoded::char(c))))
}

/// `&quot;`, `&#34;`, `&#x22;`.
fn entity(text: &[u8]) -> Option<(usize, Decoded)> {
    const NAMES: [(&[u8], char); 5] = [(b"amp", '&'), (b"quot", '"'), (b"lt", '<'), (b"gt", '>'), (b"apos", '\'')];
    let end = text.iter().take(9).position(|byte| *byte == b';')?;
    let name = text.get(1..end)?;
    let c = match name {
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => NAMES.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((end + 1, Decoded::char(c)))
}

/// What colours a terminal's text; grep puts it into the middle of words.
fn terminal(text: &[u8]) -> Option<(usize, Decoded)> {
    if text.get(1) != Some(&b'[') {
        return None;
    }
    let end = text.iter().take(32).skip(2).position(|byte| (0x40..0x7f).contains(byte))?;
    Some((end + 3, Decoded::none()))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| Some(value << 4 | (*digit as char).to_digit(16)?))
}
