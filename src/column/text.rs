//! Plain text: the fallback that takes everything.
//!
//! ```text
//! header = class u8 · prefix bytes · ending u8 · part length varint · lengths as integers (ending `LENGTHS` only)
//! part   = the values without the prefix, each followed by a line feed or zero byte, or bare when lengths are kept
//! ```
//!
//! An end mark is better than lengths when values repeat, for then a match takes value and end together; lengths are for
//! values that hold both marks. Inside JSON neither can occur raw, so lengths are rare.

use super::fixed::{ALPHABET, DIGIT, LETTER, OTHER};
use super::header::{Offsets, Part};
use super::integers::{self, Integers};
use super::{Class, Streams, Values};
use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};

const LINE_FEED: u8 = 0;
const ZERO: u8 = 1;
const LENGTHS: u8 = 2;

/// Text of at least so many bytes on average, with digits and letters only, is taken for ids.
const ID_LENGTH: usize = 8;

/// Codes any values.
pub(super) fn encode(values: &Values, header: &mut Vec<u8>, streams: &mut Streams) {
    let prefix = shared_prefix(values);
    let class = class_of(values, prefix.len());
    let mark = match (memchr::memchr(b'\n', values.flat()), memchr::memchr(0, values.flat())) {
        (None, _) => LINE_FEED,
        (_, None) => ZERO,
        _ => LENGTHS,
    };
    header.put_u8(class as u8);
    header.put_bytes(prefix);
    header.put_u8(mark);
    let out = streams.of(class);
    let start = out.len();
    for value in values.iter() {
        out.extend_from_slice(&value[prefix.len()..]);
        out.extend_from_slice(end_mark(mark).as_slice());
    }
    header.put_varint((out.len() - start) as u64);
    if mark == LENGTHS {
        let lengths: Vec<i64> = values.iter().map(|value| (value.len() - prefix.len()) as i64).collect();
        integers::encode(&lengths, Class::Number, header, streams);
    }
}

fn end_mark(mark: u8) -> Option<u8> {
    match mark {
        LINE_FEED => Some(b'\n'),
        ZERO => Some(0),
        _ => None,
    }
}

/// The longest common prefix; a single value has none, so that its bytes reach the stream.
fn shared_prefix(values: &Values) -> &[u8] {
    let mut all = values.iter();
    let first = all.next().filter(|_| values.len() > 1).unwrap_or(b"");
    all.fold(first, |prefix, value| {
        let same = prefix.iter().zip(value).take_while(|(a, b)| a == b).count();
        &prefix[..same]
    })
}

/// The stream whose neighbours the values resemble.
fn class_of(values: &Values, prefix: usize) -> Class {
    let bytes = values.byte_len() - prefix * values.len();
    if values.is_empty() || bytes < ID_LENGTH * values.len() {
        return Class::Text;
    }
    let mut digits = 0;
    let mut seen = 0;
    for value in values.iter() {
        for &byte in &value[prefix..] {
            seen |= ALPHABET[usize::from(byte)];
            digits += usize::from(ALPHABET[usize::from(byte)] == DIGIT);
        }
        if seen & OTHER != 0 {
            return Class::Text;
        }
    }
    match seen & LETTER {
        _ if digits < values.len() => Class::Text,
        0 => Class::Hex,
        _ => Class::Id,
    }
}

/// A coded column of text.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    pub(super) prefix: &'a [u8],
    mark: Option<u8>,
    lengths: Option<Integers>,
    pub(super) part: Part,
}

impl<'a> Text<'a> {
    /// Reads the parameters of `count` values and takes their parts of the streams.
    pub(super) fn read(reader: &mut Reader<'a>, count: usize, offsets: &mut Offsets) -> Result<Text<'a>, Corrupt> {
        let at = reader.position();
        let class = Class::from_u8(reader.u8()?).ok_or_else(|| corrupt!("unknown class at offset {at}"))?;
        let prefix = reader.bytes()?;
        let mark = reader.u8()?;
        let part = offsets.take(class, reader.varint()?)?;
        let lengths = match mark {
            LINE_FEED | ZERO => None,
            LENGTHS => Some(Integers::read(reader, count, Class::Number, offsets)?),
            other => return Err(corrupt!("unknown text ending {other} at offset {at}")),
        };
        Ok(Text { prefix, mark: end_mark(mark), lengths, part })
    }

    /// Which streams are read.
    pub(super) fn classes(&self) -> impl Iterator<Item = Class> {
        [Some(self.part.class), self.lengths.as_ref().map(Integers::class)].into_iter().flatten()
    }

    /// Finds where each of `count` values ends (the end mark excluded).
    pub(super) fn open(&self, count: usize, streams: &[&'a [u8]; Class::COUNT]) -> Result<Rows<'a>, Corrupt> {
        let bytes = self.part.of(streams)?;
        let (ends, mark) = match (self.mark, &self.lengths) {
            (Some(mark), _) => (memchr::memchr_iter(mark, bytes).map(|end| end as u32).collect(), 1),
            (None, Some(lengths)) => (summed(lengths, count, bytes.len(), streams)?, 0),
            (None, None) => (Vec::new(), 0),
        };
        if ends.len() != count || ends.last().map_or(0, |&end| end as usize + mark) != bytes.len() {
            return Err(corrupt!("{} bytes of text with {} ends for {count} values", bytes.len(), ends.len()));
        }
        Ok(Rows { bytes, ends, mark })
    }
}

fn summed(lengths: &Integers, count: usize, most: usize, streams: &[&[u8]; Class::COUNT]) -> Result<Vec<u32>, Corrupt> {
    let lengths = lengths.open(streams)?;
    let mut end = 0usize;
    let mut ends = Vec::new();
    for rank in 0..count {
        let length = usize::try_from(lengths.get(rank)?).ok();
        end = length
            .and_then(|length| end.checked_add(length))
            .filter(|&end| end <= most)
            .ok_or_else(|| corrupt!("text lengths beyond {most} bytes"))?;
        ends.push(end as u32);
    }
    Ok(ends)
}

/// Opened text: the values without their prefix.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    bytes: &'a [u8],
    ends: Vec<u32>,
    mark: usize,
}

impl Rows<'_> {
    /// The bytes of a rank.
    pub(super) fn get(&self, rank: usize) -> Result<&[u8], Corrupt> {
        let start = if rank == 0 { Some(0) } else { self.ends.get(rank - 1).map(|&end| end as usize + self.mark) };
        let end = self.ends.get(rank).map(|&end| end as usize);
        start.zip(end).and_then(|(start, end)| self.bytes.get(start..end)).ok_or_else(|| corrupt!("no text of rank {rank}"))
    }
}
