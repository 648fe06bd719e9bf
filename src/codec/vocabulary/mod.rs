//! A vocabulary: frequent words and parts of words, each with a code of one or two bytes.
//!
//! Text written in codes is less than half as long before zstd sees it, and what zstd codes one by one are words then, not letters:
//! blocks of prose come out 5–15 % smaller, several times faster. It is a front end: codes are compressed like any text.
//!
//! Codes below [`SINGLES`] are one byte; from there on the first byte is high and a second follows. Every single byte is in every
//! vocabulary, so that all text can be written. Words were found as byte pairs are merged (Gage 1994; Sennrich et al. 2016), many
//! pairs a round.
//!
//! | file | what |
//! |---|---|
//! | `words` | where text is cut before it is coded |
//! | `train` | finds a vocabulary in samples |
//! | `coder` | text → codes |
//! | `coded` | codes → any part of the text |

mod coded;
mod coder;
mod train;
mod words;

pub use coded::Stretches;
pub use coder::Coder;
pub use train::train;

use std::sync::OnceLock;

use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};

/// Codes of one byte.
pub const SINGLES: usize = 208;
/// Most words of a vocabulary.
pub const MOST_WORDS: usize = SINGLES + (256 - SINGLES) * 256;
/// No word is longer: a copy of so many bytes is one instruction.
pub const LONGEST: usize = 16;

/// Words by code.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Each word's place in `bytes` and its length, in one number: reading text looks a word up with one step.
    words: Vec<u32>,
    /// The words end to end, and zeros behind the last: any word can be copied with the bytes behind it.
    bytes: Vec<u8>,
    table: OnceLock<Option<Table>>,
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Vocabulary) -> bool {
        (&self.words, &self.bytes) == (&other.words, &other.bytes)
    }
}

impl Eq for Vocabulary {}

/// Codes of two bytes at most: a table of so many needs no check of what is looked up.
const CODES: usize = 1 << 14;

/// A vocabulary with its words apart: looking one up is a single step.
#[derive(Clone)]
struct Table {
    words: Box<[[u8; LONGEST]; CODES]>,
    /// 0 for codes that name no word.
    lengths: Box<[u8; CODES]>,
}

impl Default for Vocabulary {
    fn default() -> Vocabulary {
        Vocabulary { words: Vec::new(), bytes: vec![0; LONGEST], table: OnceLock::new() }
    }
}

/// A word, with what happens to stand behind it.
#[derive(Clone, Copy)]
struct Word<'v> {
    bytes: &'v [u8; LONGEST],
    length: usize,
}

impl Vocabulary {
    /// A vocabulary of these words, in the order of their codes; `None` when there are too many, or one is empty or too long.
    #[must_use]
    pub fn new<'w>(words: impl Iterator<Item = &'w [u8]>) -> Option<Vocabulary> {
        let mut vocabulary = Vocabulary::default();
        words.into_iter().try_for_each(|word| vocabulary.push(0, word))?;
        (vocabulary.len() <= MOST_WORDS).then_some(vocabulary)
    }

    /// Adds a word that begins with so many bytes of the one before.
    #[inline]
    fn push(&mut self, same: usize, rest: &[u8]) -> Option<()> {
        let (start, before) = self.words.last().map_or((0, 0), |word| ((word >> 8) as usize, (word & 0xff) as usize));
        let (end, length) = (start + before, same + rest.len());
        if same > before || length == 0 || length > LONGEST {
            return None;
        }
        if self.bytes.len() < end + length + LONGEST {
            self.bytes.resize(end + length + LONGEST, 0);
        }
        if same > 0 {
            self.bytes.copy_within(start..start + same, end);
        }
        self.bytes.get_mut(end + same..end + length)?.copy_from_slice(rest);
        self.words.push((end as u32) << 8 | length as u32);
        Some(())
    }

    /// How many words it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True without words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words in the order of their codes.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|code| self.word(code)).map(|word| word.bytes.get(..word.length).unwrap_or_default())
    }

    #[inline]
    fn word(&self, code: usize) -> Option<Word<'_>> {
        let word = *self.words.get(code)?;
        let bytes = self.bytes.get((word >> 8) as usize..)?.first_chunk()?;
        Some(Word { bytes, length: (word & 0xff) as usize })
    }

    /// The stored form: count, then how much each word shares with the one before, how much follows, and what follows.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (mut shared, mut rests, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        let mut before: &[u8] = &[];
        for word in self.words() {
            let same = word.iter().zip(before).take_while(|(a, b)| a == b).count();
            shared.put_u8(same as u8);
            rests.put_u8((word.len() - same) as u8);
            bytes.extend_from_slice(&word[same..]);
            before = word;
        }
        let mut out = Vec::new();
        out.put_varint(self.words.len() as u64);
        for part in [shared, rests, bytes] {
            out.extend_from_slice(&part);
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(stored: &[u8]) -> Result<Vocabulary, Corrupt> {
        let mut reader = Reader::new(stored);
        let count = reader.count(2)?;
        if count > MOST_WORDS {
            return Err(corrupt!("a vocabulary of {count} words"));
        }
        let (shared, rests) = (reader.take(count)?, reader.take(count)?);
        let mut vocabulary = Vocabulary { words: Vec::with_capacity(count), ..Vocabulary::default() };
        let letters = shared.iter().zip(rests).map(|(&same, &rest)| usize::from(same) + usize::from(rest)).sum::<usize>();
        vocabulary.bytes.resize(letters.min(count * LONGEST) + LONGEST, 0);
        for (&same, &rest) in shared.iter().zip(rests) {
            let rest = reader.take(usize::from(rest))?;
            let added = vocabulary.push(usize::from(same), rest);
            added.ok_or_else(|| corrupt!("a word of {same} shared and {} own bytes in a vocabulary", rest.len()))?;
        }
        reader.finish()?;
        Ok(vocabulary)
    }

    /// The code that stands at a place of `codes`, and the place behind it: past the end when half of the code is cut off.
    #[inline]
    fn code_at(codes: &[u8], at: usize) -> Option<(usize, usize)> {
        let (code, bytes) = code_of(usize::from(*codes.get(at)?), usize::from(codes.get(at + 1).copied().unwrap_or_default()));
        Some((code, at + bytes))
    }

    /// The word whose code stands at a place of `codes`, and the place behind it.
    #[inline]
    fn word_at(&self, codes: &[u8], at: usize) -> Option<(Word<'_>, usize)> {
        let (code, next) = Vocabulary::code_at(codes, at)?;
        Some((self.word(code)?, next))
    }

    /// Its words in a table, for who reads much.
    fn table(&self) -> Option<&Table> {
        self.table.get_or_init(|| Table::new(self)).as_ref()
    }

    /// The length of that word, and the place behind its code.
    #[inline]
    fn length_at(&self, codes: &[u8], at: usize) -> Option<(usize, usize)> {
        let (code, next) = Vocabulary::code_at(codes, at)?;
        Some(((*self.words.get(code)? & 0xff) as usize, next))
    }
}

/// The code that begins with a byte, should another follow, and how many bytes it has. One byte or two is a matter of chance, so it is not
/// left to a branch.
#[inline]
fn code_of(first: usize, second: usize) -> (usize, usize) {
    let is_double = first >= SINGLES;
    let double = (SINGLES + second).wrapping_add(first.wrapping_sub(SINGLES).wrapping_mul(256));
    (if is_double { double } else { first }, 1 + usize::from(is_double))
}

impl Table {
    fn new(vocabulary: &Vocabulary) -> Option<Table> {
        let mut words: Box<[[u8; LONGEST]; CODES]> = vec![[0; LONGEST]; CODES].into_boxed_slice().try_into().ok()?;
        let mut lengths: Box<[u8; CODES]> = vec![0; CODES].into_boxed_slice().try_into().ok()?;
        let all = (0..vocabulary.len()).filter_map(|code| vocabulary.word(code));
        for ((slot, length), word) in words.iter_mut().zip(lengths.iter_mut()).zip(all) {
            (*slot, *length) = (*word.bytes, word.length as u8);
        }
        Some(Table { words, lengths })
    }

    /// Writes words to the start of `room`, one over the surplus of the one before, until there are `wanted` bytes, or codes or room come
    /// near their ends, or a code names no word. Gives how many codes it read and how many bytes those stand for.
    fn expand(&self, codes: &[u8], room: &mut [u8], wanted: usize) -> (usize, usize) {
        let (mut used, mut filled) = (0, 0);
        while filled < wanted {
            let Some(&[first, second]) = codes.get(used..).and_then(<[u8]>::first_chunk) else { break };
            let Some(place) = room.get_mut(filled..).and_then(<[u8]>::first_chunk_mut) else { break };
            let (code, bytes) = code_of(usize::from(first), usize::from(second));
            let length = self.lengths[code % CODES];
            if length == 0 {
                break;
            }
            *place = self.words[code % CODES];
            filled += usize::from(length);
            used += bytes;
        }
        (used, filled)
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        let words = ["archive", " of", " conversations", "\n\n", " 2026", "，你好", " the", " log", "\u{1f600}"];
        let pick = |at: u32| words[(at.wrapping_mul(0x9e37_79b1) >> 28) as usize % words.len()];
        (0..30_000).map(pick).collect::<String>().into_bytes()
    }

    fn read(codes: &[u8], length: usize, vocabulary: &Vocabulary, from: usize, to: usize) -> Result<Vec<u8>, Corrupt> {
        let stretches = Stretches::read(codes, length as u32, codes.len() as u32)?;
        let mut out = b"before ".to_vec();
        let there = codes.get(..stretches.end_of(to)).unwrap_or_default();
        stretches.append(there, vocabulary, from as u32, to as u32, &mut out)?;
        Ok(out.split_off(7))
    }

    #[test]
    fn any_part_of_coded_text_is_the_text() {
        let text = text();
        let vocabulary = train(&[&text], 3);
        let coder = Coder::new(vocabulary.clone());
        let codes = coder.code(&text, 0);
        assert!(codes.len() < text.len() / 3, "{} of {}", codes.len(), text.len());
        for (from, to) in [(0, text.len()), (0, 0), (1, 17), (16_383, 16_385), (70_001, 90_123), (text.len() - 1, text.len())] {
            assert_eq!(read(&codes, text.len(), &vocabulary, from, to).unwrap(), &text[from..to], "{from}..{to}");
        }
        assert!(read(&codes, text.len(), &vocabulary, 0, text.len() + 1).is_err());
        // One reader that goes on, back and across stretches reads the same as many that begin anew.
        let stretches = Stretches::read(&codes, text.len() as u32, codes.len() as u32).unwrap();
        for step in 0..4_000u32 {
            let from = step.wrapping_mul(0x9e37_79b1) as usize % 40_000 / (1 + step as usize % 3) + step as usize % 7;
            for (from, to) in [(from, from + 50), (from + 50, from + 51), (from + 51, from + 90), (from + 60, from + 17_000)] {
                let mut out = Vec::new();
                stretches.append(&codes, &vocabulary, from as u32, to as u32, &mut out).unwrap();
                assert!(out == text[from..to], "{from}..{to}");
            }
        }
        // Text of which nothing was in the sample can be coded, too.
        let other: Vec<u8> = (0..70_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        let codes = coder.code(&other, 3);
        assert_eq!(read(&codes, other.len(), &vocabulary, 0, other.len()).unwrap(), other);
        assert_eq!(Stretches::read(&codes, other.len() as u32, codes.len() as u32).unwrap().vocabulary(), 3);
    }

    #[test]
    fn stored_vocabularies_come_back_and_damaged_ones_give_errors() {
        let vocabulary = train(&[&text()], 3);
        let stored = vocabulary.encode();
        assert_eq!(Vocabulary::decode(&stored).unwrap(), vocabulary);
        for at in 0..stored.len().min(2_000) {
            let mut bad = stored.clone();
            bad[at] ^= 0x5a;
            let _ = Vocabulary::decode(&bad);
            assert!(Vocabulary::decode(&stored[..at]).is_err());
        }
    }

    #[test]
    fn damaged_codes_give_errors_and_no_panic() {
        let text = text();
        let vocabulary = train(&[&text], 3);
        let good = Coder::new(vocabulary.clone()).code(&text, 0);
        for at in 0..300 {
            let mut bad = good.clone();
            let place = at * 7919 % bad.len();
            bad[place] ^= 0xff;
            let _ = read(&bad, text.len(), &vocabulary, 0, text.len());
            let _ = read(&good[..place], text.len(), &vocabulary, 0, 9_000);
        }
        assert!(read(&good, u32::MAX as usize, &vocabulary, 0, 1).is_err());
        assert!(read(&good, text.len(), &Vocabulary::default(), 0, 5).is_err());
    }
}
