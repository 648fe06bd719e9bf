//! Mixed columns: the values of one kind apart from all others, each side a column of its own.
//!
//! A map says for every place to which side it belongs. The rest may be split again, so that three kinds of ids and a few
//! nulls end in four columns, each coded as what it is.

use super::decimal;
use super::encode::{LONE_ID, encode_inner};
use super::header::SPLIT;
use super::{Class, Streams, Values, fixed, time};
use crate::bytes::Put;
use crate::checksum::checksum;

/// Kinds with fewer values are not split off (chosen).
const KIND_COUNT: usize = 8;
/// Numbers gain less from a column of their own: they must be a good part of it (chosen).
const NUMBER_SHARE: usize = 4;

/// The values of one kind apart from all others.
pub(super) struct Split {
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
            return Kind::Time { separator: format.separator, digits: format.digits, suffix: checksum(format.suffix) };
        }
        if decimal::parse(value).is_some() {
            return Kind::Number;
        }
        if !(LONE_ID..=u64::BITS as usize).contains(&value.len()) || !value.iter().any(u8::is_ascii_digit) {
            return Kind::Other;
        }
        let punctuation = value.iter().enumerate().filter(|(_, byte)| !byte.is_ascii_alphanumeric());
        Kind::Id { length: value.len(), punctuation: punctuation.fold(0, |places, (place, _)| places | 1 << place) }
    }
}

impl Split {
    /// Splits off the most frequent kind that has a coder of its own.
    pub(super) fn of(values: &Values) -> Option<Split> {
        let kinds: Vec<Kind> = values.iter().map(Kind::of).collect();
        let main = main_kind(&kinds)?;
        let mut split = Split { map: Vec::with_capacity(kinds.len()), main: Values::new(), other: Values::new() };
        for (value, kind) in values.iter().zip(&kinds) {
            split.map.push(u8::from(*kind != main));
            if *kind == main { split.main.push(value) } else { split.other.push(value) }
        }
        let pays = !split.other.is_empty() && (!matches!(main, Kind::Id { .. }) || fixed::common(&split.main).is_some());
        pays.then_some(split)
    }

    pub(super) fn encode(&self, splits: usize, header: &mut Vec<u8>, streams: &mut Streams) {
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
    let pays =
        |&(kind, count): &(Kind, usize)| count >= KIND_COUNT && (kind != Kind::Number || count * NUMBER_SHARE >= kinds.len());
    let best = counts.iter().copied().filter(pays).reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(kind, _)| kind)
}
