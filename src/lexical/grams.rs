//! Which units may hold a literal: three bytes at a time.
//!
//! A *unit* is whatever is searched as a whole (a block, a group). Every three neighbouring bytes of its text, ASCII letters in lower
//! case, set a bit of the row their hash leads to. A literal can only be in units that have a bit in every row of its grams.
//! Rows lie one after another, so a question reads as many rows as the literal has grams and nothing else.

/// Bits per row, and rows: what is asked.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    bytes: &'a [u8],
    units: usize,
    rows_log2: u8,
}

/// Builds a matrix unit by unit.
#[derive(Debug)]
pub struct MatrixBuilder {
    bytes: Vec<u8>,
    units: usize,
}

/// Units as bits.
pub type Units = Vec<u8>;

fn row_bytes(units: usize) -> usize {
    units.div_ceil(8)
}

/// Bytes of a matrix.
#[must_use]
pub fn matrix_bytes(units: usize, rows_log2: u8) -> usize {
    row_bytes(units) << rows_log2
}

/// The row of a gram. Any hash would do; this one is part of the format.
fn row(gram: [u8; 3], rows_log2: u8) -> usize {
    let [a, b, c] = gram.map(|byte| u32::from(byte.to_ascii_lowercase()));
    let mixed = (a | b << 8 | c << 16).wrapping_mul(0x9e37_79b1);
    (mixed >> (32 - u32::from(rows_log2))) as usize
}

/// The grams of one unit while it is read.
#[derive(Clone, Debug)]
pub struct Seen {
    bits: Vec<u64>,
    rows_log2: u8,
}

impl Seen {
    /// None yet.
    #[must_use]
    pub fn new(rows_log2: u8) -> Seen {
        Seen { bits: vec![0; (1usize << rows_log2).div_ceil(64)], rows_log2 }
    }

    /// The same with fewer rows: neighbours are one.
    #[must_use]
    pub fn with_rows(&self, rows_log2: u8) -> Seen {
        let mut fewer = Seen::new(rows_log2);
        let shift = self.rows_log2.saturating_sub(rows_log2);
        self.rows().for_each(|row| fewer.bits[row >> shift >> 6] |= 1 << (row >> shift & 63));
        fewer
    }

    /// The share of rows with a bit.
    #[must_use]
    pub fn fill(&self) -> f64 {
        let set: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        f64::from(set) / (1u64 << self.rows_log2) as f64
    }

    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let words = self.bits.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit))
    }

    /// Adds all grams of a text.
    pub fn add(&mut self, text: &[u8]) {
        for gram in text.windows(3) {
            let row = row([gram[0], gram[1], gram[2]], self.rows_log2);
            self.bits[row / 64] |= 1 << (row % 64);
        }
    }
}

impl MatrixBuilder {
    /// An empty matrix.
    #[must_use]
    pub fn new(units: usize, rows_log2: u8) -> MatrixBuilder {
        MatrixBuilder { bytes: vec![0; matrix_bytes(units, rows_log2)], units }
    }

    /// Sets the bits of a unit.
    pub fn set(&mut self, unit: usize, seen: &Seen) {
        let stride = row_bytes(self.units);
        for row in seen.rows() {
            if let Some(byte) = self.bytes.get_mut(row * stride + unit / 8) {
                *byte |= 1 << (unit % 8);
            }
        }
    }

    /// The bytes as stored.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

impl<'a> Matrix<'a> {
    /// A matrix over its bytes; `None` when they are not as many as they should be.
    #[must_use]
    pub fn new(bytes: &'a [u8], units: usize, rows_log2: u8) -> Option<Matrix<'a>> {
        (bytes.len() == matrix_bytes(units, rows_log2)).then_some(Matrix { bytes, units, rows_log2 })
    }

    /// The units that may hold a literal of at least three bytes.
    #[must_use]
    pub fn with(&self, literal: &[u8]) -> Units {
        let mut units = vec![0xff; row_bytes(self.units)];
        for gram in literal.windows(3) {
            let from = row([gram[0], gram[1], gram[2]], self.rows_log2) * units.len();
            let row = self.bytes.get(from..from + units.len()).unwrap_or_default();
            units.iter_mut().zip(row).for_each(|(unit, row)| *unit &= row);
        }
        units
    }
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
pub struct SeamQuestion([Vec<u64>; 4]);

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

    #[test]
    fn a_unit_that_holds_a_literal_is_never_denied_and_most_others_are() {
        let texts: Vec<String> = (0..20).map(|n| format!("unit {n} with Word{} and éclair", n * 7919)).collect();
        let mut builder = MatrixBuilder::new(texts.len(), 12);
        for (unit, text) in texts.iter().enumerate() {
            let mut seen = Seen::new(12);
            seen.add(text.as_bytes());
            builder.set(unit, &seen);
        }
        let bytes = builder.finish();
        let matrix = Matrix::new(&bytes, texts.len(), 12).unwrap();
        for (unit, text) in texts.iter().enumerate() {
            for from in 0..text.len() - 3 {
                for to in from + 3..text.len() {
                    let literal = &text.as_bytes()[from..to];
                    assert!(has(&matrix.with(literal), unit));
                }
            }
            // Fewer rows lose certainty, never a unit.
            let mut seen = Seen::new(12);
            seen.add(text.as_bytes());
            assert!(seen.with_rows(6).fill() >= seen.fill());
            let others = matrix.with(format!("word{} and", unit * 7919).as_bytes());
            assert!((0..texts.len()).filter(|other| has(&others, *other)).count() <= 2, "{others:?}");
        }
        assert!(Matrix::new(&bytes[1..], texts.len(), 12).is_none());
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
