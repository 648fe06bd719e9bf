//! Words → WordPiece tokens → rows of the distilled table.
//!
//! The greedy longest match of BERT's tokenizer, over text folded by [`crate::lexical::fold`]: much like BERT's own uncased
//! normalisation, and ours to keep as it is.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

/// Dimensions of the table.
pub(super) const DIMENSION: usize = 192;

static TABLE: &[u8] = include_bytes!("../../../models/static192/table.i8");
static SCALES: &[u8] = include_bytes!("../../../models/static192/scale.f16");
static VOCABULARY: &str = include_str!("../../../models/static192/vocab.txt");

/// A word with more characters has no tokens, as in BERT.
const LONGEST_WORD: usize = 100;

/// The vocabulary, ready to be looked up.
pub(super) struct Pieces {
    beginnings: FxHashMap<&'static [u8], u16>,
    endings: FxHashMap<&'static [u8], u16>,
    longest: usize,
    count: usize,
}

impl Pieces {
    /// The one there is, read when first needed: some milliseconds.
    pub(super) fn shared() -> &'static Pieces {
        static PIECES: OnceLock<Pieces> = OnceLock::new();
        PIECES.get_or_init(|| {
            let mut pieces = Pieces { beginnings: FxHashMap::default(), endings: FxHashMap::default(), longest: 1, count: 0 };
            for (number, line) in (0..=u16::MAX).zip(VOCABULARY.lines()) {
                pieces.count += 1;
                let is_special = line.len() > 2 && line.starts_with('[') && line.ends_with(']');
                match line.strip_prefix("##") {
                    _ if is_special => continue,
                    Some(rest) if !rest.is_empty() => pieces.endings.insert(rest.as_bytes(), number),
                    _ => pieces.beginnings.insert(line.as_bytes(), number),
                };
                pieces.longest = pieces.longest.max(line.len());
            }
            pieces
        })
    }

    /// How many rows the table has.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Appends the tokens of a word; none when it cannot be put together from them.
    pub(super) fn cut(&self, word: &[u8], tokens: &mut Vec<u16>) {
        if word.len() > LONGEST_WORD * 4 || word.iter().filter(|byte| **byte & 0xc0 != 0x80).count() > LONGEST_WORD {
            return;
        }
        let first = tokens.len();
        let mut at = 0;
        while at < word.len() {
            let list = if at == 0 { &self.beginnings } else { &self.endings };
            let longest = word.len().min(at + self.longest);
            let found = (at + 1..=longest).rev().find_map(|end| Some((end, *list.get(word.get(at..end)?)?)));
            let Some((end, token)) = found else {
                tokens.truncate(first);
                return;
            };
            tokens.push(token);
            at = end;
        }
    }

    /// Adds the row of a token, so many times, to `sum`.
    pub(super) fn add_to(&self, token: u16, times: f32, sum: &mut [f32]) {
        let at = usize::from(token);
        let (Some(row), Some([low, high])) = (TABLE.get(at * DIMENSION..(at + 1) * DIMENSION), SCALES.get(at * 2..at * 2 + 2))
        else {
            return;
        };
        let factor = times * half(u16::from_le_bytes([*low, *high]));
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += f32::from(*value as i8) * factor);
    }
}

/// A half-precision float (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    match exponent {
        0 => sign * mantissa * 2f32.powi(-24),
        _ => sign * (1.0 + mantissa / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(word: &str) -> Vec<&'static str> {
        let mut tokens = Vec::new();
        Pieces::shared().cut(word.as_bytes(), &mut tokens);
        tokens.into_iter().map(|token| VOCABULARY.lines().nth(usize::from(token)).unwrap()).collect()
    }

    #[test]
    fn words_are_cut_greedily_and_wholly_or_not_at_all() {
        assert_eq!(cut("refund"), ["ref", "##und"]);
        assert_eq!(cut("customer"), ["customer"]);
        assert_eq!(cut("unaffable"), ["una", "##ffa", "##ble"]);
        assert!(cut("\u{1f600}").is_empty() && cut(&"a".repeat(101)).is_empty());
    }

    #[test]
    fn tables_fit_together() {
        assert_eq!((Pieces::shared().len(), TABLE.len(), SCALES.len()), (30522, 30522 * DIMENSION, 30522 * 2));
        assert_eq!((half(0x3c00), half(0xc000), half(0x3555), half(1)), (1.0, -2.0, 0.333_251_95, 2f32.powi(-24)));
    }
}
