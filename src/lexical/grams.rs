//! Which units may hold a literal: four bytes at a time.
//!
//! A *unit* is whatever is searched as a whole (a block, a group). It has a filter: every four neighbouring bytes of its text set
//! the bit their hash leads to. A literal can only be in units whose filters have a bit for each of its grams. Where case does
//! not count, a gram asks for all the ways it may be written. Filters are as large as their units have different grams.
//!
//! Four bytes as they are and fuller filters tell more for the same room than three in lower case and emptier ones: a block of some
//! megabytes has nearly all threes of letters there are, and what is rare is rare in all of its grams at once.

/// The filters of some units: what is asked.
#[derive(Clone, Debug)]
pub struct Filters<'a>(Vec<&'a [u8]>);

/// Units as bits.
pub type Units = Vec<u8>;

/// Bytes of a gram: shorter literals have none.
pub const GRAM: usize = 4;
/// Bits of a gram's hash.
pub const FINEST: u8 = 20;
/// So many of them are looked at for a filter that has no more bits than they tell apart: many small units are gathered in
/// little memory.
pub const COARSER: u8 = 17;

/// The hash of a gram: [`FINEST`] bits. Any would do; this one is part of the format.
fn hash(gram: [u8; GRAM]) -> u32 {
    (u64::from(u32::from_le_bytes(gram)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FINEST)) as u32
}

/// The place, in a filter of so many bytes, of a hash of which the first `bits` are at hand: byte and bit.
fn place(hash: u32, bits: u8, bytes: usize) -> (usize, u8) {
    let size = bytes as u64 * 8;
    let finest = if size <= 1 << COARSER { COARSER } else { FINEST };
    let at = (u64::from(hash >> bits.saturating_sub(finest)) * size) >> finest;
    ((at / 8) as usize, 1 << (at % 8))
}

/// The grams of one unit while it is read.
#[derive(Clone, Debug)]
pub struct Seen {
    bits: Vec<u64>,
    finest: u8,
}

impl Seen {
    /// None yet; `finest`: [`FINEST`], or [`COARSER`] where no filter will have more bits than that tells apart.
    #[must_use]
    pub fn new(finest: u8) -> Seen {
        Seen { bits: vec![0; (1usize << finest).div_ceil(64)], finest }
    }

    /// Its bits.
    #[must_use]
    pub fn bits(&self) -> &[u64] {
        &self.bits
    }

    /// The grams that have these bits.
    #[must_use]
    pub fn of_bits(bits: Vec<u64>, finest: u8) -> Seen {
        Seen { bits, finest }
    }

    /// How many different grams it has seen, about: some share a hash.
    #[must_use]
    pub fn distinct(&self) -> f64 {
        let all = (1u64 << self.finest) as f64;
        let set: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        -all * (1.0 - f64::from(set) / (all + 1.0)).ln()
    }

    /// The filter of so many bytes.
    #[must_use]
    pub fn filter(&self, bytes: usize) -> Vec<u8> {
        let most = if self.finest > COARSER { usize::MAX } else { 1 << COARSER >> 3 };
        let mut filter = vec![0; bytes.clamp(1, most)];
        let words = (0u32..).zip(&self.bits).filter(|(_, word)| **word != 0);
        for hash in words.flat_map(|(at, word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)) {
            let (at, bit) = place(hash, self.finest, filter.len());
            if let Some(byte) = filter.get_mut(at) {
                *byte |= bit;
            }
        }
        filter
    }

    /// Adds all grams of a text.
    pub fn add(&mut self, text: &[u8]) {
        for gram in text.windows(GRAM) {
            let at = hash([gram[0], gram[1], gram[2], gram[3]]) >> (FINEST - self.finest);
            if let Some(word) = self.bits.get_mut(at as usize / 64) {
                *word |= 1 << (at % 64);
            }
        }
    }
}

impl<'a> Filters<'a> {
    /// These filters, one for each unit.
    #[must_use]
    pub fn new(filters: Vec<&'a [u8]>) -> Filters<'a> {
        Filters(filters)
    }

    /// Every unit.
    #[must_use]
    pub fn all(&self) -> Units {
        vec![0xff; self.0.len().div_ceil(8)]
    }

    /// For each gram of a literal, in order, the units that may hold it; with `either_case` ASCII letters count in both cases.
    #[must_use]
    pub fn grams(&self, literal: &[u8], either_case: bool) -> Vec<Units> {
        let of = |gram: &[u8]| {
            let ways = if either_case { 1 << GRAM } else { 1 };
            let written = |way: usize| {
                let mut written = [gram[0], gram[1], gram[2], gram[3]];
                let letters =
                    written.iter_mut().enumerate().filter(|(at, byte)| way >> at & 1 == 1 && byte.is_ascii_alphabetic());
                letters.for_each(|(_, byte)| *byte ^= 0x20);
                hash(written)
            };
            let mut hashes: Vec<u32> = (0..ways).map(written).collect();
            hashes.dedup();
            let mut units = vec![0; self.0.len().div_ceil(8)];
            for (unit, filter) in self.0.iter().enumerate() {
                let may = hashes.iter().any(|hash| {
                    let (at, bit) = place(*hash, FINEST, filter.len());
                    filter.get(at).is_some_and(|byte| byte & bit != 0)
                });
                if may && let Some(byte) = units.get_mut(unit / 8) {
                    *byte |= 1 << (unit % 8);
                }
            }
            units
        };
        literal.windows(GRAM).map(of).collect()
    }

    /// The units that may hold a literal; all of them when it is shorter than a gram.
    #[must_use]
    pub fn with(&self, literal: &[u8], either_case: bool) -> Units {
        self.grams(literal, either_case).iter().fold(self.all(), both)
    }
}

/// A bit for each byte that occurs in a text. Base64 has every gram of its letters, and no space, line or dot.
pub type Alphabet = [u8; 32];

/// The bytes of a text.
#[must_use]
pub fn alphabet(text: &[u8]) -> Alphabet {
    let mut seen = [false; 256];
    text.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let mut alphabet = [0; 32];
    (0..256).filter(|byte| seen[*byte]).for_each(|byte| alphabet[byte / 8] |= 1 << (byte % 8));
    alphabet
}

/// Alphabets of units.
pub struct Alphabets<'a>(pub &'a [Alphabet]);

impl Alphabets<'_> {
    /// The units that have all bytes of a literal; with `either_case` ASCII letters count in both cases, and other letters not.
    #[must_use]
    pub fn with(&self, literal: &[u8], either_case: bool) -> Units {
        let mut units = vec![0; self.0.len().div_ceil(8)];
        for (unit, alphabet) in self.0.iter().enumerate() {
            let has = |byte: u8| alphabet[usize::from(byte / 8)] >> (byte % 8) & 1 == 1;
            let may = |byte: &u8| match either_case {
                true => !byte.is_ascii() || has(byte.to_ascii_lowercase()) || has(byte.to_ascii_uppercase()),
                false => has(*byte),
            };
            if literal.iter().all(may) {
                units[unit / 8] |= 1 << (unit % 8);
            }
        }
        units
    }
}

/// The units that are in both.
#[must_use]
pub fn both(mut one: Units, other: &Units) -> Units {
    one.iter_mut().zip(other).for_each(|(one, other)| *one &= other);
    one
}

/// What is kept of a seam: a byte of hash each of the three bytes from two before it, the three from one before it, the four after
/// it and the four before it.
pub type SeamPrints = [u8; 4];

/// Where those bytes begin, counted from the seam, and how many they are.
const AROUND: [(isize, usize); 4] = [(-2, 3), (-1, 3), (0, 4), (-4, 4)];

/// The prints of a seam of a text.
#[must_use]
pub fn seam_prints(text: &[u8], seam: usize) -> SeamPrints {
    AROUND.map(|(from, length)| {
        // Beyond the ends of the text nothing can match: any byte will do there.
        let at = |offset: usize| seam.checked_add_signed(from + offset as isize).and_then(|at| text.get(at)).copied();
        print((0..length).map(|offset| at(offset).unwrap_or_default()))
    })
}

fn print(bytes: impl Iterator<Item = u8>) -> u8 {
    let mixed =
        bytes.fold(0u32, |mixed, byte| (mixed ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x9e37_79b1).rotate_left(15));
    (mixed >> 24) as u8
}

/// Where in a literal a seam may lie, told from the seam's prints. Literals have at most 64 bytes.
#[derive(Clone, Debug)]
pub struct SeamQuestion([Vec<u64>; AROUND.len()]);

impl SeamQuestion {
    /// The question for a literal; `None` for one that is too long.
    #[must_use]
    pub fn new(literal: &[u8]) -> Option<SeamQuestion> {
        if literal.len() > 64 {
            return None;
        }
        let table = |(from, length): (isize, usize)| {
            let mut table = vec![0u64; 256];
            for seam in 1..literal.len() {
                let start = seam.checked_add_signed(from);
                match start.and_then(|start| literal.get(start..start + length)) {
                    Some(bytes) => table[usize::from(print(bytes.iter().copied()))] |= 1 << seam,
                    None => table.iter_mut().for_each(|offsets| *offsets |= 1 << seam),
                }
            }
            table
        };
        Some(SeamQuestion(AROUND.map(table)))
    }

    /// The bytes of the literal that may stand before the seam, as bits.
    #[must_use]
    pub fn offsets(&self, prints: SeamPrints) -> u64 {
        let tables = self.0.iter().zip(prints);
        tables.fold(u64::MAX, |all, (table, print)| all & table.get(usize::from(print)).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(units: &Units, unit: usize) -> bool {
        units[unit / 8] >> (unit % 8) & 1 == 1
    }

    // A part may name too much, never too little, however small its filters are and however case counts.
    #[test]
    fn a_unit_that_holds_a_literal_is_never_denied_and_most_others_are() {
        let texts: Vec<String> = (0..20).map(|n| format!("unit {n} with Word{} and éclair", n * 7919)).collect();
        for (finest, size) in [(FINEST, 20_000), (FINEST, 500), (COARSER, 500), (COARSER, 9), (COARSER, 1 << 20)] {
            let seen = |text: &String| {
                let mut seen = Seen::new(finest);
                seen.add(text.as_bytes());
                assert!(finest < FINEST || (text.len() - 6..text.len()).contains(&(seen.distinct().round() as usize)));
                seen.filter(size)
            };
            let made: Vec<Vec<u8>> = texts.iter().map(seen).collect();
            let filters = Filters::new(made.iter().map(Vec::as_slice).collect());
            for (unit, text) in texts.iter().enumerate() {
                for from in 0..text.len() - 3 {
                    for to in from + 3..text.len() {
                        let literal = &text.as_bytes()[from..to];
                        assert!(has(&filters.with(literal, false), unit));
                        assert!(has(&filters.with(&literal.to_ascii_uppercase(), true), unit));
                    }
                }
                let others = |literal: &str, either_case| {
                    let found = filters.with(literal.as_bytes(), either_case);
                    (0..texts.len()).filter(|other| has(&found, *other)).count()
                };
                assert!(size < 100 || others(&format!("Word{} and", unit * 7919), false) <= 2);
                assert!(size < 100 || others(&format!("word{} and", unit * 7919), false) == 0);
            }
        }
    }

    // A match across a seam must never be denied, wherever in it the seam lies and however the case is.
    #[test]
    fn a_seam_inside_a_literal_is_always_among_its_offsets() {
        let text = b"before the SEAM and after it";
        for from in 0..text.len() {
            for to in from + 2..=text.len() {
                let question = SeamQuestion::new(&text[from..to].to_ascii_lowercase()).unwrap();
                for seam in from + 1..to {
                    assert!(question.offsets(seam_prints(text, seam)) >> (seam - from) & 1 == 1, "{from}..{to} at {seam}");
                }
            }
        }
        assert_eq!(SeamQuestion::new(b"zzzzzz").unwrap().offsets(seam_prints(b"the seam", 4)), 0);
    }
}
