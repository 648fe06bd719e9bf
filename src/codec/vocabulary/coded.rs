//! Text in codes: any part of it can be had without the parts before.
//!
//! ```text
//! payload = number of the vocabulary varint · length of each stretch's codes u16 · codes
//! ```
//! A stretch stands for [`STRETCH`] bytes of text, the last for what is left; no word reaches from one into the next.

use super::{LONGEST, Vocabulary};
use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};

/// Bytes of text between two places where reading can begin: half of it is walked over, which takes microseconds.
pub(super) const STRETCH: usize = 16 << 10;

/// A block's text as codes.
#[derive(Debug)]
pub struct Coded {
    payload: Vec<u8>,
    vocabulary: u32,
    /// Where the codes of each stretch begin, and where the last end.
    starts: Vec<u32>,
    length: u32,
}

impl Coded {
    /// Reads the head of a payload that stands for `length` bytes of text.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn read(payload: Vec<u8>, length: u32) -> Result<Coded, Corrupt> {
        let mut reader = Reader::new(&payload);
        let vocabulary = reader.varint32()?;
        let stretches = (length as usize).div_ceil(STRETCH);
        let mut lengths = Reader::new(reader.take(stretches.saturating_mul(2))?);
        let mut at = reader.position();
        let mut starts = Vec::with_capacity(stretches + 1);
        for _ in 0..stretches {
            starts.push(at as u32);
            at += usize::from(lengths.u16()?);
        }
        starts.push(at as u32);
        if at != payload.len() {
            return Err(corrupt!("{} bytes of codes where {at} belong", payload.len()));
        }
        Ok(Coded { payload, vocabulary, starts, length })
    }

    /// The number of the vocabulary it needs.
    #[must_use]
    pub fn vocabulary(&self) -> u32 {
        self.vocabulary
    }

    /// The payload.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.payload
    }

    /// Appends the text from `from` to `to`.
    ///
    /// # Errors
    /// When that is not inside, or codes are damaged.
    pub fn append(&self, vocabulary: &Vocabulary, from: u32, to: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        if from > to || to > self.length {
            return Err(corrupt!("text {from}..{to} of a block of {}", self.length));
        }
        let (mut from, to) = (from as usize, to as usize);
        while from < to {
            let stretch = from / STRETCH;
            let start = stretch * STRETCH;
            let end = (start + STRETCH).min(self.length as usize);
            let codes = self.codes(stretch).ok_or_else(|| corrupt!("stretch {stretch} has no codes"))?;
            expand(codes, vocabulary, from - start, to.min(end) - start, end - start, out)?;
            from = end;
        }
        Ok(())
    }

    fn codes(&self, stretch: usize) -> Option<&[u8]> {
        self.payload.get(*self.starts.get(stretch)? as usize..*self.starts.get(stretch + 1)? as usize)
    }
}

/// Appends bytes `from..to` of what codes stand for, `whole` bytes in all.
fn expand(mut codes: &[u8], vocabulary: &Vocabulary, from: usize, to: usize, whole: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    let unknown = || corrupt!("codes end early or name no word");
    let mut at = 0;
    // Up to the word in which the part begins only lengths are added.
    let skip = loop {
        let (word, used) = vocabulary.at(codes).ok_or_else(unknown)?;
        let next = at + usize::from(word.length);
        if next > from {
            break from - at;
        }
        at = next;
        codes = codes.get(used..).unwrap_or_default();
    };
    let begin = out.len();
    out.reserve(to - at + LONGEST);
    while at < to {
        let (word, used) = vocabulary.at(codes).ok_or_else(unknown)?;
        let length = out.len() + usize::from(word.length);
        out.extend_from_slice(&word.bytes);
        out.truncate(length);
        at += usize::from(word.length);
        codes = codes.get(used..).unwrap_or_default();
    }
    if at > whole || (at == whole && !codes.is_empty()) {
        return Err(corrupt!("a stretch of {whole} bytes has codes for more"));
    }
    out.truncate(out.len() - (at - to));
    if skip > 0 {
        out.drain(begin..begin + skip);
    }
    Ok(())
}
