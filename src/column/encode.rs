//! Choosing a coder: looks at all values once or twice and takes the first coder that fits, comparing rough costs where
//! two do.
//!
//! No trial compression: at ingest a column has a few nanoseconds a byte. The same values give the same bytes, always.

use super::decimal::{self, Decimal, Digits};
use super::header::{
    ALWAYS, CONSTANT, DECIMAL, EACH, FIXED, INTEGER, NUDGED_TO_NONE, NUDGED_TO_ONE, STRIPPED_TO_NONE, STRIPPED_TO_ONE, TEXT, TIME,
};
use super::nudged::Nudged;
use super::repeats::{Runs, Words, recurring};
use super::split::Split;
use super::time::{self, Format};
use super::{Class, Streams, Values, fixed, integers, text};
use crate::bytes::Put;

/// Splits inside splits: up to so many kinds of values leave a mixed column.
const SPLITS: usize = 4;
/// A lone value of this length may be an id that others refer to, and goes to its stream (chosen).
pub(super) const LONE_ID: usize = 16;

/// Codes a column: appends its header to `header` and its bytes to the streams.
pub fn encode(values: &Values, header: &mut Vec<u8>, streams: &mut Streams) {
    encode_inner(values, SPLITS, header, streams);
}

pub(super) fn encode_inner(values: &Values, splits: usize, header: &mut Vec<u8>, streams: &mut Streams) {
    if let Some(value) = constant(values) {
        header.put_u8(CONSTANT);
        header.put_bytes(value);
        return;
    }
    let words = Words::of(values);
    if let Some(numbers) = numbers(values) {
        encode_numbers(values, &numbers, words, header, streams);
    } else if let Some((format, ticks)) = times(values) {
        match words.filter(|words| words.cost() < integers::estimate(&ticks)) {
            Some(words) => words.encode(header, streams),
            None => encode_times(&format, &ticks, header, streams),
        }
    } else if let Some(runs) = Runs::of(values, words.as_ref()) {
        runs.encode(splits, header, streams);
    } else if let Some(words) = words {
        words.encode(header, streams);
    } else if let Some(common) = fixed::common(values) {
        header.put_u8(FIXED);
        fixed::encode(values, &common, header, streams);
    } else if let Some(split) = Split::of(values).filter(|_| splits > 0) {
        split.encode(splits - 1, header, streams);
    } else {
        encode_text(values, header, streams);
    }
}

fn encode_text(values: &Values, header: &mut Vec<u8>, streams: &mut Streams) {
    header.put_u8(TEXT);
    text::encode(values, header, streams);
}

/// The value that all are equal to.
fn constant(values: &Values) -> Option<&[u8]> {
    let Some(first) = values.iter().next() else {
        return Some(b"");
    };
    let lone_id = values.len() == 1 && first.len() >= LONE_ID && fixed::common(values).is_some();
    (!lone_id && values.iter().all(|value| value == first)).then_some(first)
}

fn numbers(values: &Values) -> Option<Vec<Decimal>> {
    values.iter().map(decimal::parse).collect()
}

/// All timestamps, if they have one format.
fn times(values: &Values) -> Option<(Format<'_>, Vec<i64>)> {
    let (format, _) = time::parse(values.iter().next()?)?;
    let ticks = values.iter().map(|value| time::parse(value).filter(|(other, _)| *other == format).map(|(_, ticks)| ticks));
    Some((format, ticks.collect::<Option<_>>()?))
}

fn encode_times(format: &Format<'_>, ticks: &[i64], header: &mut Vec<u8>, streams: &mut Streams) {
    header.put_u8(TIME);
    header.put_u8(format.separator);
    header.put_u8(format.digits);
    header.put_bytes(format.suffix);
    integers::encode(ticks, Class::Time, header, streams);
}

fn encode_numbers(values: &Values, numbers: &[Decimal], words: Option<Words>, header: &mut Vec<u8>, streams: &mut Streams) {
    let scaled = Scaled::of(values, numbers);
    let bits = scaled.cost();
    // Planes of a byte cost what an index costs, without a dictionary.
    if let Some(words) = words.filter(|words| words.cost() < bits) {
        return words.encode(header, streams);
    }
    if better_as_text(values, bits) {
        return encode_text(values, header, streams);
    }
    let (style, scale) = match scaled.digits {
        Digits::Always(0) => {
            header.put_u8(INTEGER);
            return integers::encode(&scaled.integers, Class::Number, header, streams);
        }
        Digits::Always(digits) => (ALWAYS, digits),
        Digits::Stripped { scale, least: 0 } => (STRIPPED_TO_NONE, scale),
        Digits::Stripped { scale, .. } => (STRIPPED_TO_ONE, scale),
        Digits::Each => (EACH, 0),
        Digits::Nudged { scale, least: 0 } => (NUDGED_TO_NONE, scale),
        Digits::Nudged { scale, .. } => (NUDGED_TO_ONE, scale),
    };
    header.put_u8(DECIMAL);
    header.put_u8(style);
    header.put_u8(scale);
    streams.of(Class::Number).extend_from_slice(&scaled.each);
    integers::encode(&scaled.integers, Class::Number, header, streams);
}

/// Whether long numbers recur so often that characters, which a match finds again, beat planes, where it cannot.
fn better_as_text(values: &Values, bits: u64) -> bool {
    /// Numbers of fewer bits are not worth the look.
    const LONG: u64 = 16;
    /// Bits of a match (measured on a few columns).
    const MATCH: u64 = 20;
    /// Bits of a digit of a new number, times ten: log2 10 and what a Huffman code wastes.
    const TEN_DIGITS: u64 = 35;
    /// Bits of the end mark of a new number.
    const END: u64 = 4;
    let count = values.len() as u64;
    if bits < LONG * count {
        return false;
    }
    let (again, bytes) = recurring(values);
    let new = values.byte_len() as u64 - bytes;
    again * MATCH + new * TEN_DIGITS / 10 + (count - again) * END < bits
}

/// Numbers as integers to store, how to print them, and a byte for each where printing needs one.
struct Scaled {
    digits: Digits,
    integers: Vec<i64>,
    each: Vec<u8>,
}

impl Scaled {
    fn of(values: &Values, numbers: &[Decimal]) -> Scaled {
        let best = Scaled::new(Digits::of(numbers), numbers);
        // One 0.8500000000000001 among short fractions would make all of them long.
        let each = matches!(best.digits, Digits::Stripped { .. }).then(|| Scaled::new(Digits::Each, numbers));
        let nudged = Nudged::of(values, numbers).map(|nudged| Scaled {
            digits: Digits::Nudged { scale: nudged.scale, least: nudged.least },
            integers: nudged.scaled,
            each: nudged.steps,
        });
        let others = each.into_iter().chain(nudged);
        others.fold(best, |best, next| if next.cost() < best.cost() { next } else { best })
    }

    fn new(digits: Digits, numbers: &[Decimal]) -> Scaled {
        let each = match digits {
            Digits::Each => numbers.iter().map(|number| number.digits).collect(),
            _ => Vec::new(),
        };
        Scaled { digits, integers: numbers.iter().map(|&number| digits.scaled(number)).collect(), each }
    }

    /// Rough cost in bits, in the measure of [`integers::estimate`].
    fn cost(&self) -> u64 {
        /// What a count of digits or steps costs, in bits (chosen).
        const EACH: u64 = 3;
        integers::estimate(&self.integers) + EACH * self.each.len() as u64
    }
}
