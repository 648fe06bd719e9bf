//! Text in codes: any part of it can be had without the parts before.
//!
//! ```text
//! payload = number of the vocabulary varint · length of each stretch's codes u16 · codes
//! ```
//! A stretch stands for [`STRETCH`] bytes of text, the last for what is left; no word reaches from one into the next.

use std::cell::Cell;
use std::ops::Range;

use super::{LONGEST, Vocabulary};
use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};

/// Bytes of text between two places where reading can begin: half of it is walked over, which takes microseconds.
pub(super) const STRETCH: usize = 16 << 10;

/// Who reads so much of a stretch reads many: a table of the words pays.
const WHOLE: usize = STRETCH;

/// Where the codes of each stretch of a block are.
#[derive(Debug)]
pub struct Stretches {
    vocabulary: u32,
    /// Where the codes of each stretch begin in the payload, and where the last end.
    starts: Vec<u32>,
    length: u32,
    /// Where the last reading ended: who reads on walks over nothing twice.
    last: Cell<Place>,
}

/// The beginning of a word in a stretch.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    stretch: usize,
    /// In the codes of the stretch.
    code: usize,
    /// In its text.
    text: usize,
}

impl Stretches {
    /// As many bytes of a payload for `length` bytes of text are enough to read the head.
    #[must_use]
    pub fn head_bytes(length: u32) -> usize {
        // The number of the vocabulary takes five bytes at most.
        5 + (length as usize).div_ceil(STRETCH) * 2
    }

    /// Reads the head at the start of a payload of `payload` bytes that stands for `length` bytes of text.
    ///
    /// # Errors
    /// When it is cut off, or the codes do not fill the payload.
    pub fn read(start: &[u8], length: u32, payload: u32) -> Result<Stretches, Corrupt> {
        let mut reader = Reader::new(start);
        let vocabulary = reader.varint32()?;
        let stretches = (length as usize).div_ceil(STRETCH);
        let mut lengths = Reader::new(reader.take(stretches.saturating_mul(2))?);
        let mut at = reader.position() as u64;
        let mut starts = Vec::with_capacity(stretches + 1);
        for _ in 0..stretches {
            starts.push(at as u32);
            at += u64::from(lengths.u16()?);
        }
        starts.push(at as u32);
        if at != u64::from(payload) {
            return Err(corrupt!("{payload} bytes of codes where {at} belong"));
        }
        Ok(Stretches { vocabulary, starts, length, last: Cell::default() })
    }

    /// The number of the vocabulary it needs.
    #[must_use]
    pub fn vocabulary(&self) -> u32 {
        self.vocabulary
    }

    /// Bytes of text.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.length
    }

    /// How many bytes of the payload the first `upto` bytes of text need.
    #[must_use]
    pub fn end_of(&self, upto: usize) -> usize {
        let stretch = upto.div_ceil(STRETCH).min(self.starts.len().saturating_sub(1));
        self.starts.get(stretch).map_or(0, |end| *end as usize)
    }

    /// Appends the text from `from` to `to`; `payload` is there as far as [`Stretches::end_of`] says.
    ///
    /// # Errors
    /// When that is not inside, or codes are damaged.
    pub fn append(&self, payload: &[u8], vocabulary: &Vocabulary, from: u32, to: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        if from > to || to > self.length {
            return Err(corrupt!("text {from}..{to} of a block of {}", self.length));
        }
        let (mut from, to) = (from as usize, to as usize);
        while from < to {
            let stretch = from / STRETCH;
            let start = stretch * STRETCH;
            let end = (start + STRETCH).min(self.length as usize);
            let codes = self.codes(payload, stretch).ok_or_else(|| corrupt!("stretch {stretch} has no codes"))?;
            let last = self.last.get();
            let begin =
                if last.stretch == stretch && last.text <= from - start { last } else { Place { stretch, ..Place::default() } };
            self.last.set(expand(codes, vocabulary, begin, from - start..to.min(end) - start, end - start, out)?);
            from = end;
        }
        Ok(())
    }

    fn codes<'p>(&self, payload: &'p [u8], stretch: usize) -> Option<&'p [u8]> {
        payload.get(*self.starts.get(stretch)? as usize..*self.starts.get(stretch + 1)? as usize)
    }
}

/// Appends some bytes of what codes stand for, `whole` bytes in all; `begin` is not behind them. Tells where the last word begins.
fn expand(
    codes: &[u8],
    vocabulary: &Vocabulary,
    begin: Place,
    bytes: Range<usize>,
    whole: usize,
    out: &mut Vec<u8>,
) -> Result<Place, Corrupt> {
    let unknown = || corrupt!("codes end early or name no word");
    let (mut used, mut at) = (begin.code, begin.text);
    // Up to the word in which the part begins only lengths are added.
    let skip = loop {
        let (length, next) = vocabulary.length_at(codes, used).ok_or_else(unknown)?;
        if at + length > bytes.start {
            break bytes.start - at;
        }
        (at, used) = (at + length, next);
    };
    // Words are copied with whatever stands behind them, over what the one before left: no length decides how much.
    let (first, wanted) = (out.len(), bytes.end - at);
    out.resize(first + wanted + LONGEST, 0);
    let room = out.get_mut(first..).unwrap_or_default();
    // All but the last words of a whole stretch: those come below, since reading may go on with them.
    let (read, mut filled) = match vocabulary.table().filter(|_| wanted >= WHOLE) {
        Some(table) => table.expand(codes.get(used..).unwrap_or_default(), room, wanted.saturating_sub(LONGEST)),
        None => (0, 0),
    };
    used += read;
    let mut last = Place { code: used, text: at + filled, ..begin };
    while filled < wanted {
        let (word, next) = vocabulary.word_at(codes, used).ok_or_else(unknown)?;
        let place = room.get_mut(filled..).and_then(|rest| rest.first_chunk_mut::<LONGEST>()).ok_or_else(unknown)?;
        *place = *word.bytes;
        last = Place { code: used, text: at + filled, ..begin };
        filled += word.length;
        used = next;
    }
    at += filled;
    let rest = codes.get(used..).ok_or_else(unknown)?;
    if at > whole || (at == whole && !rest.is_empty()) {
        return Err(corrupt!("a stretch of {whole} bytes has codes for more"));
    }
    out.truncate(first + wanted);
    if skip > 0 {
        out.drain(first..first + skip);
    }
    Ok(last)
}
