//! Words → signed hashes of themselves and of their parts.

use std::ops::Range;

use super::words::Token;

/// Dimensions of the hashed half.
pub(super) const DIMENSION: usize = 320;

/// Inverse document frequency by 16 bits of hash; see `models/static192/README.md`.
static RARITY: &[u8] = include_bytes!("../../../models/static192/idf.u8");

/// How much a 3- to 5-gram of a word counts beside the word.
const PART_WEIGHT: f32 = 0.7;
/// Longer words are ids and hashes: their parts say nothing.
const LONGEST_WITH_PARTS: usize = 24;
/// Set apart what is hashed as a whole and what as a part.
const WHOLE: u64 = 0xcbf2_9ce4_8422_2325;
const PART: u64 = 0x9ae1_6a3b_2f90_404f;

/// A feature of a word: its dimension and what it adds there.
#[derive(Clone, Copy)]
struct Feature {
    dimension: u16,
    value: f32,
}

/// Features of many words, end to end.
#[derive(Default)]
pub(super) struct Features {
    all: Vec<Feature>,
    bounded: Vec<u8>,
}

impl Features {
    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// Adds those of a word between spaces.
    pub(super) fn add_word(&mut self, word: &[u8]) {
        self.all.push(feature(hash(WHOLE, word), 1.0));
        if word.len() <= LONGEST_WITH_PARTS {
            let all = &mut self.all;
            each_part(word, &mut self.bounded, &mut |part| all.push(feature(hash(PART, part), PART_WEIGHT)));
        }
    }

    /// Adds that of a character of a script without spaces.
    pub(super) fn add_character(&mut self, character: &[u8]) {
        self.all.push(feature(hash(WHOLE, character), PART_WEIGHT));
    }

    /// Adds that of two such characters, which stand for a word.
    pub(super) fn add_pair(&mut self, pair: &[u8]) {
        self.all.push(feature(hash(WHOLE, pair), 1.0));
    }

    /// Adds some features, so many times, to `sum`.
    pub(super) fn add_to(&self, range: &Range<u32>, times: f32, sum: &mut [f32]) {
        for feature in self.all.get(range.start as usize..range.end as usize).unwrap_or_default() {
            if let Some(sum) = sum.get_mut(usize::from(feature.dimension)) {
                *sum += feature.value * times;
            }
        }
    }
}

/// FNV-1a (Fowler, Noll and Vo), 64 bits, stirred so that all bits of it can be used.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn feature(hash: u64, weight: f32) -> Feature {
    let rarity = RARITY.get(bucket(hash)).copied().unwrap_or(u8::MAX);
    let sign = if hash >> 32 & 1 == 0 { 1.0 } else { -1.0 };
    Feature { dimension: ((hash >> 33) % DIMENSION as u64) as u16, value: sign * weight * f32::from(rarity) / 255.0 }
}

fn bucket(hash: u64) -> usize {
    usize::from(hash as u16)
}

/// Hands out the 3- to 5-grams of a word, its bounds included.
fn each_part(word: &[u8], bounded: &mut Vec<u8>, visit: &mut dyn FnMut(&[u8])) {
    bounded.clear();
    bounded.push(b'<');
    bounded.extend_from_slice(word);
    bounded.push(b'>');
    let starts = |at: &usize| bounded.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let borders: Vec<usize> = (0..=bounded.len()).filter(starts).collect();
    for length in 3..=5 {
        for window in borders.windows(length + 1) {
            if let [from, .., to] = window {
                visit(bounded.get(*from..*to).unwrap_or_default());
            }
        }
    }
}

/// The buckets of a token's features: for who counts how frequent they are.
pub(super) fn buckets(token: Token<'_>, found: &mut Vec<u16>) {
    if matches!(token, Token::Mark(_)) {
        return;
    }
    found.push(bucket(hash(WHOLE, token.bytes())) as u16);
    if let Token::Word(word) = token
        && word.len() <= LONGEST_WITH_PARTS
    {
        each_part(word, &mut Vec::new(), &mut |part| found.push(bucket(hash(PART, part)) as u16));
    }
}
