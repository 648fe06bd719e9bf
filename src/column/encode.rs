//! Choosing a coder: looks at all values once or twice and takes the first coder that fits, comparing rough costs where
//! two do.
//!
//! No trial compression: at ingest a column has a few nanoseconds a byte. The same values give the same bytes, always.

use super::decimal::{self, Decimal, Digits};
use super::header::{
    ALWAYS, CONSTANT, DECIMAL, EACH, ENUM, FIXED, INTEGER, SPLIT, STRIPPED_TO_NONE,
    STRIPPED_TO_ONE, TEXT, TIME,
};
use super::time::{self, Format};
use super::{Class, Streams, Values, fixed, integers, text};
use crate::bytes::Put;
use crate::checksum::checksum;

/// Splits inside splits: up to so many kinds of values leave a mixed column.
const SPLITS: usize = 4;
/// Columns with fewer values have no use for a dictionary.
const ENUM_COUNT: usize = 8;
/// A dictionary pays when a value is there twice on average.
const ENUM_REPEATS: usize = 2;
/// Most distinct values of an enum: an index is a byte.
const ENUM_DISTINCT: usize = 255;
/// Kinds with fewer values are not split off (chosen).
const KIND_COUNT: usize = 8;
/// Numbers gain less from a column of their own: they must be a good part of it (chosen).
const NUMBER_SHARE: usize = 4;
/// A lone value of this length may be an id that others refer to, and goes to its stream (chosen).
const LONE_ID: usize = 16;

/// Codes a column: appends its header to `header` and its bytes to the streams.
pub fn encode(values: &Values, header: &mut Vec<u8>, streams: &mut Streams) {
    encode_inner(values, SPLITS, header, streams);
}

fn encode_inner(values: &Values, splits: usize, header: &mut Vec<u8>, streams: &mut Streams) {
    if let Some(value) = constant(values) {
        header.put_u8(CONSTANT);
        header.put_bytes(value);
        return;
    }
    let words = Words::of(values);
    if let Some(numbers) = numbers(values) {
        encode_numbers(&numbers, words, header, streams);
    } else if let Some((format, ticks)) = times(values) {
        match words.filter(|words| words.cost() < integers::estimate(&ticks)) {
            Some(words) => words.encode(header, streams),
            None => encode_times(&format, &ticks, header, streams),
        }
    } else if let Some(words) = words {
        words.encode(header, streams);
    } else if let Some(common) = fixed::common(values) {
        header.put_u8(FIXED);
        fixed::encode(values, &common, header, streams);
    } else if let Some(split) = Split::of(values).filter(|_| splits > 0) {
        split.encode(splits - 1, header, streams);
    } else {
        header.put_u8(TEXT);
        text::encode(values, header, streams);
    }
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
    let ticks = values.iter().map(|value| {
        time::parse(value)
            .filter(|(other, _)| *other == format)
            .map(|(_, ticks)| ticks)
    });
    Some((format, ticks.collect::<Option<_>>()?))
}

fn encode_times(format: &Format<'_>, ticks: &[i64], header: &mut Vec<u8>, streams: &mut Streams) {
    header.put_u8(TIME);
    header.put_u8(format.separator);
    header.put_u8(format.digits);
    header.put_bytes(format.suffix);
    integers::encode(ticks, Class::Time, header, streams);
}

fn encode_numbers(
    numbers: &[Decimal],
    words: Option<Words>,
    header: &mut Vec<u8>,
    streams: &mut Streams,
) {
    let (digits, scaled) = scale(numbers);
    // Planes of a byte cost what an index costs, without a dictionary.
    if let Some(words) = words.filter(|words| words.cost() < integers::estimate(&scaled)) {
        return words.encode(header, streams);
    }
    let (style, scale) = match digits {
        Digits::Always(0) => {
            header.put_u8(INTEGER);
            return integers::encode(&scaled, Class::Number, header, streams);
        }
        Digits::Always(digits) => (ALWAYS, digits),
        Digits::Stripped { scale, least: 0 } => (STRIPPED_TO_NONE, scale),
        Digits::Stripped { scale, .. } => (STRIPPED_TO_ONE, scale),
        Digits::Each => (EACH, 0),
    };
    header.put_u8(DECIMAL);
    header.put_u8(style);
    header.put_u8(scale);
    if digits == Digits::Each {
        streams
            .of(Class::Number)
            .extend(numbers.iter().map(|number| number.digits));
    }
    integers::encode(&scaled, Class::Number, header, streams);
}

/// The integers to store for numbers, and how to print them.
fn scale(numbers: &[Decimal]) -> (Digits, Vec<i64>) {
    /// What a count of digits costs, in bits (chosen).
    const DIGITS: u64 = 3;
    let scaled = |digits: Digits| -> Vec<i64> {
        numbers
            .iter()
            .map(|&number| digits.scaled(number))
            .collect()
    };
    let digits = Digits::of(numbers);
    let common = scaled(digits);
    if matches!(digits, Digits::Stripped { .. }) {
        // One 0.8500000000000001 among short fractions would make all of them long.
        let each = scaled(Digits::Each);
        let bits = integers::estimate(&each) + DIGITS * numbers.len() as u64;
        if bits < integers::estimate(&common) {
            return (Digits::Each, each);
        }
    }
    (digits, common)
}

/// A dictionary of few values and an index for each place.
struct Words {
    words: Values,
    indexes: Vec<u8>,
}

impl Words {
    /// Collects the distinct values in order of appearance; `None` as soon as they are too many to pay.
    fn of(values: &Values) -> Option<Words> {
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
    fn cost(&self) -> u64 {
        let bits = 65 - u64::from((self.words.len() as u64).leading_zeros());
        let changes = self
            .indexes
            .windows(2)
            .filter(|pair| pair[0] != pair[1])
            .count() as u64;
        changes * bits + (self.indexes.len() as u64 - changes) + 4 * self.words.byte_len() as u64
    }

    fn encode(&self, header: &mut Vec<u8>, streams: &mut Streams) {
        header.put_u8(ENUM);
        header.put_varint(self.words.len() as u64);
        // The distinct values are a column themselves: ids among them leave their characters where others look for them.
        encode_inner(&self.words, 1, header, streams);
        streams.of(Class::Number).extend_from_slice(&self.indexes);
    }
}

/// The index of a word, looked up by hash with linear probing; 255 words fill a quarter of the table at most.
fn find_or_add(
    table: &mut [u8; 1024],
    words: &mut Values,
    value: &[u8],
    most: usize,
) -> Option<u8> {
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

/// The values of one kind apart from all others.
struct Split {
    map: Vec<u8>,
    main: Values,
    other: Values,
}

/// What a value looks like, as far as a split cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Time {
        separator: u8,
        digits: u8,
        suffix: u64,
    },
    /// Length and places of punctuation.
    Id {
        length: usize,
        punctuation: u64,
    },
    Other,
}

impl Kind {
    fn of(value: &[u8]) -> Kind {
        if let Some((format, _)) = time::parse(value) {
            return Kind::Time {
                separator: format.separator,
                digits: format.digits,
                suffix: checksum(format.suffix),
            };
        }
        if decimal::parse(value).is_some() {
            return Kind::Number;
        }
        if !(LONE_ID..=u64::BITS as usize).contains(&value.len())
            || !value.iter().any(u8::is_ascii_digit)
        {
            return Kind::Other;
        }
        let punctuation = value
            .iter()
            .enumerate()
            .filter(|(_, byte)| !byte.is_ascii_alphanumeric());
        Kind::Id {
            length: value.len(),
            punctuation: punctuation.fold(0, |places, (place, _)| places | 1 << place),
        }
    }
}

impl Split {
    /// Splits off the most frequent kind that has a coder of its own.
    fn of(values: &Values) -> Option<Split> {
        let kinds: Vec<Kind> = values.iter().map(Kind::of).collect();
        let main = main_kind(&kinds)?;
        let mut split = Split {
            map: Vec::with_capacity(kinds.len()),
            main: Values::new(),
            other: Values::new(),
        };
        for (value, kind) in values.iter().zip(&kinds) {
            split.map.push(u8::from(*kind != main));
            if *kind == main {
                split.main.push(value)
            } else {
                split.other.push(value)
            }
        }
        let pays = !split.other.is_empty()
            && (!matches!(main, Kind::Id { .. }) || fixed::common(&split.main).is_some());
        pays.then_some(split)
    }

    fn encode(&self, splits: usize, header: &mut Vec<u8>, streams: &mut Streams) {
        header.put_u8(SPLIT);
        header.put_varint(self.main.len() as u64);
        streams.of(Class::Number).extend_from_slice(&self.map);
        encode_inner(&self.main, splits, header, streams);
        encode_inner(&self.other, splits, header, streams);
    }
}

/// The kind to split off: the most frequent one that pays, the first of equals.
fn main_kind(kinds: &[Kind]) -> Option<Kind> {
    /// More kinds than this are noise.
    const KINDS: usize = 16;
    let mut counts: Vec<(Kind, usize)> = Vec::new();
    for &kind in kinds.iter().filter(|kind| **kind != Kind::Other) {
        match counts.iter().position(|(known, _)| *known == kind) {
            Some(at) => counts[at].1 += 1,
            None if counts.len() < KINDS => counts.push((kind, 1)),
            None => {}
        }
    }
    let pays = |&(kind, count): &(Kind, usize)| {
        count >= KIND_COUNT && (kind != Kind::Number || count * NUMBER_SHARE >= kinds.len())
    };
    let best = counts
        .iter()
        .copied()
        .filter(pays)
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(kind, _)| kind)
}
