//! Columns whose values recur: an index into a dictionary for each place, or a length for each run of equal values.

use super::encode::encode_inner;
use super::header::{ENUM, RUNS};
use super::{Class, Streams, Values, integers};
use crate::bytes::Put;
use crate::checksum::checksum;

/// Columns with fewer values have no use for a dictionary.
const ENUM_COUNT: usize = 8;
/// A dictionary pays when a value is there twice on average.
const ENUM_REPEATS: usize = 2;
/// Most distinct values of an enum: an index is a byte.
const ENUM_DISTINCT: usize = 255;
/// Runs pay when they are at most this share of the places (chosen), as numerator and denominator.
const RUNS_SHARE: (usize, usize) = (2, 3);

/// A dictionary of few values and an index for each place.
pub(super) struct Words {
    words: Values,
    indexes: Vec<u8>,
}

impl Words {
    /// Collects the distinct values in order of appearance; `None` as soon as they are too many to pay.
    pub(super) fn of(values: &Values) -> Option<Words> {
        if values.len() < ENUM_COUNT {
            return None;
        }
        let most = ENUM_DISTINCT.min(values.len() / ENUM_REPEATS);
        let mut table = [u8::MAX; 1024];
        let mut words = Values::new();
        let mut indexes = Vec::with_capacity(values.len());
        let mut before: &[u8] = b"";
        let mut index = u8::MAX;
        for value in values.iter() {
            if index == u8::MAX || value != before {
                index = find_or_add(&mut table, &mut words, value, most)?;
                before = value;
            }
            indexes.push(index);
        }
        Some(Words { words, indexes })
    }

    /// Rough cost in bits, in the measure of [`integers::estimate`].
    pub(super) fn cost(&self) -> u64 {
        let bits = 65 - u64::from((self.words.len() as u64).leading_zeros());
        let changes = self.indexes.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
        changes * bits + (self.indexes.len() as u64 - changes) + 4 * self.words.byte_len() as u64
    }

    pub(super) fn encode(&self, header: &mut Vec<u8>, streams: &mut Streams) {
        header.put_u8(ENUM);
        header.put_varint(self.words.len() as u64);
        // The distinct values are a column themselves: ids among them leave their characters where others look for them.
        encode_inner(&self.words, 1, header, streams);
        streams.of(Class::Number).extend_from_slice(&self.indexes);
    }
}

/// The index of a word, looked up by hash with linear probing; 255 words fill a quarter of the table at most.
fn find_or_add(table: &mut [u8; 1024], words: &mut Values, value: &[u8], most: usize) -> Option<u8> {
    let mut slot = checksum(value) as usize % table.len();
    loop {
        match table[slot] {
            u8::MAX if words.len() < most => {
                table[slot] = words.len() as u8;
                words.push(value);
                return Some(table[slot]);
            }
            u8::MAX => return None,
            index if words.get(usize::from(index)) == value => return Some(index),
            _ => slot = (slot + 1) % table.len(),
        }
    }
}

/// Runs of equal values, each stored once with its length. For values that come several times in a row and seldom again:
/// ids of requests with several lines, sessions one after another. Indexes would spell out a growing number for each place.
pub(super) struct Runs {
    heads: Values,
    lengths: Vec<i64>,
}

impl Runs {
    /// Collects the runs, if they pay, also compared with a dictionary.
    pub(super) fn of(values: &Values, words: Option<&Words>) -> Option<Runs> {
        let changes = values.iter().zip(values.iter().skip(1));
        let count = 1 + changes.filter(|(before, value)| before != value).count();
        let few = values.len() >= ENUM_COUNT && count * RUNS_SHARE.1 <= values.len() * RUNS_SHARE.0;
        // A word with three runs or more is a category: its index tells more than its runs.
        if !few || words.is_some_and(|words| words.words.len() * 3 <= count) {
            return None;
        }
        let mut runs = Runs { heads: Values::new(), lengths: Vec::with_capacity(count) };
        let mut before = None;
        for value in values.iter() {
            match runs.lengths.last_mut() {
                Some(length) if before == Some(value) => *length += 1,
                _ => {
                    runs.heads.push(value);
                    runs.lengths.push(1);
                    before = Some(value);
                }
            }
        }
        Some(runs)
    }

    pub(super) fn encode(&self, splits: usize, header: &mut Vec<u8>, streams: &mut Streams) {
        header.put_u8(RUNS);
        header.put_varint(self.lengths.len() as u64);
        integers::encode(&self.lengths, Class::Number, header, streams);
        encode_inner(&self.heads, splits, header, streams);
    }
}

/// How many values occurred shortly before, and their bytes: an estimate from a small table that forgets.
pub(super) fn recurring(values: &Values) -> (u64, u64) {
    let mut table = [0; 4096];
    let (mut again, mut bytes) = (0, 0);
    for value in values.iter() {
        let hash = checksum(value);
        let slot = &mut table[hash as usize % table.len()];
        if *slot == hash {
            again += 1;
            bytes += value.len() as u64;
        }
        *slot = hash;
    }
    (again, bytes)
}
