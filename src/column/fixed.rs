//! Ids of one shape: all values have the same length and the same bytes at some places (`req_`, the dashes of a UUID).
//!
//! ```text
//! header = class u8 · length varint · constant places as a bitmap, low bit first · the constant bytes
//! part   = the other bytes of each value, value after value
//! ```
//!
//! The same id in another column should leave the same run of bytes, so that a match finds it: which places are dropped
//! must not depend on chance. A place is dropped when it is punctuation, when it belongs to a prefix of letters that
//! ends in punctuation, when it is the version digit of a UUID, or when the column is long enough to rule chance out.

use super::header::{Offsets, Part};
use super::{Class, Streams, Values};
use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};

/// Longest id taken for one; longer values are hardly ever short values of a record.
pub(super) const LONGEST: usize = 255;
/// Fewer changing bytes than this are no id but a word or a code.
const SHORTEST_CHANGE: usize = 4;
/// From so many values on, 32 equal hex digits at one place are no chance (1 in 2^124).
const NO_CHANCE: usize = 32;
/// Where a UUID has its dashes and its version digit.
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_VERSION: usize = 14;

/// What the values have in common.
pub(super) struct Common<'a> {
    class: Class,
    first: &'a [u8],
    dropped: Vec<bool>,
}

/// Finds out whether the values are ids of one shape.
pub(super) fn common(values: &Values) -> Option<Common<'_>> {
    let first = values.iter().next()?;
    let length = first.len();
    if !(SHORTEST_CHANGE..=LONGEST).contains(&length) || values.byte_len() != length * values.len() {
        return None;
    }
    let mut differs = vec![0u8; length];
    for value in values.iter() {
        if value.len() != length {
            return None;
        }
        differs.iter_mut().zip(value.iter().zip(first)).for_each(|(differs, (a, b))| *differs |= a ^ b);
    }
    let dropped = dropped_places(first, &differs, values.len());
    let class = class_of(values, &dropped)?;
    Some(Common { class, first, dropped })
}

/// Chooses the constant places that go to the header.
fn dropped_places(first: &[u8], differs: &[u8], count: usize) -> Vec<bool> {
    let same: Vec<bool> = differs.iter().map(|&bits| bits == 0).collect();
    // A prefix is letters up to punctuation; what follows the first digit may be the id itself.
    let prefix = same.iter().zip(first).take_while(|(same, byte)| **same && !byte.is_ascii_digit()).count();
    let prefix = first[..prefix].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |last| last + 1);
    let uuid = is_uuid(first);
    (0..first.len())
        .map(|place| {
            let sure = place < prefix || count >= NO_CHANCE || !first[place].is_ascii_alphanumeric();
            same[place] && (sure || (uuid && place == UUID_VERSION))
        })
        .collect()
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36 && UUID_DASHES.iter().all(|&place| value[place] == b'-')
}

/// The alphabet of the changing bytes: [`Class::Hex`], [`Class::Id`], or none when they are no id.
fn class_of(values: &Values, dropped: &[bool]) -> Option<Class> {
    let changing: Vec<usize> = (0..dropped.len()).filter(|&place| !dropped[place]).collect();
    if changing.len() < SHORTEST_CHANGE {
        return None;
    }
    let mut seen = 0;
    let mut digits = 0;
    for value in values.flat().chunks_exact(dropped.len()) {
        for &place in &changing {
            let kind = ALPHABET[usize::from(value[place])];
            seen |= kind;
            digits += usize::from(kind == DIGIT);
        }
    }
    // Random characters hold digits; words of equal length do not.
    let random = digits >= values.len();
    match seen {
        _ if seen & OTHER != 0 || !random => None,
        _ if seen & LETTER != 0 => Some(Class::Id),
        _ => Some(Class::Hex),
    }
}

pub(super) const DIGIT: u8 = 1;
pub(super) const HEX_LETTER: u8 = 2;
pub(super) const LETTER: u8 = 4;
pub(super) const OTHER: u8 = 8;

/// What each byte can be part of.
pub(super) const ALPHABET: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => HEX_LETTER,
            b'A'..=b'Z' | b'g'..=b'z' | b'_' | b'-' => LETTER,
            _ => OTHER,
        };
        byte += 1;
    }
    table
};

/// Codes ids of one shape.
pub(super) fn encode(values: &Values, common: &Common<'_>, header: &mut Vec<u8>, streams: &mut Streams) {
    header.put_u8(common.class as u8);
    header.put_varint(common.first.len() as u64);
    for places in common.dropped.chunks(8) {
        header.put_u8(places.iter().enumerate().fold(0, |bits, (at, &dropped)| bits | u8::from(dropped) << at));
    }
    header.extend(common.first.iter().zip(&common.dropped).filter(|(_, dropped)| **dropped).map(|(byte, _)| byte));
    let runs = runs(&common.dropped);
    let out = streams.of(common.class);
    for value in values.flat().chunks_exact(common.first.len()) {
        for &(start, end) in &runs {
            out.extend_from_slice(&value[start..end]);
        }
    }
}

/// The runs of changing places, as start and end.
fn runs(dropped: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for place in (0..dropped.len()).filter(|&place| !dropped[place]) {
        match runs.last_mut() {
            Some(run) if run.1 == place => run.1 = place + 1,
            _ => runs.push((place, place + 1)),
        }
    }
    runs
}

/// What a form has at changing places.
const CHANGING: u8 = 0;

/// A coded column of ids. Most are read only to be passed over: what the ids look like is put together when it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Fixed<'a> {
    length: usize,
    /// Which places are constant, low bit first.
    bitmap: &'a [u8],
    constants: &'a [u8],
    pub(super) part: Part,
}

/// What the ids of a column look like.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// The constant bytes in place, [`CHANGING`] elsewhere.
    template: Vec<u8>,
    runs: Vec<(usize, usize)>,
    width: usize,
}

impl<'a> Fixed<'a> {
    /// Reads the parameters of `count` ids and takes their part of the class stream.
    pub(super) fn read(reader: &mut Reader<'a>, count: usize, offsets: &mut Offsets) -> Result<Fixed<'a>, Corrupt> {
        let at = reader.position();
        let class = Class::from_u8(reader.u8()?).ok_or_else(|| corrupt!("unknown class at offset {at}"))?;
        let length = reader.varint()? as usize;
        if length > LONGEST {
            return Err(corrupt!("ids of {length} bytes at offset {at}"));
        }
        let bitmap = reader.take(length.div_ceil(8))?;
        let dropped = bitmap.iter().map(|bits| bits.count_ones() as usize).sum();
        let past_the_end = !length.is_multiple_of(8) && bitmap.last().is_some_and(|bits| bits >> (length % 8) != 0);
        if past_the_end {
            return Err(corrupt!("constant places beyond ids of {length} bytes at offset {at}"));
        }
        let constants = reader.take(dropped)?;
        let part = offsets.take_rows(class, count, length - dropped)?;
        Ok(Fixed { length, bitmap, constants, part })
    }

    /// What the ids look like.
    pub(super) fn form(&self) -> Form {
        let dropped: Vec<bool> = (0..self.length).map(|place| self.bitmap[place / 8] >> (place % 8) & 1 == 1).collect();
        let mut constants = self.constants.iter();
        let place = |&dropped: &bool| if dropped { constants.next().copied().unwrap_or(0) } else { CHANGING };
        let template = dropped.iter().map(place).collect();
        Form { template, runs: runs(&dropped), width: self.length - self.constants.len() }
    }

    /// False when no id holds `needle`: at no offset do the constant places agree and the rest occur in the rows. The rows are asked
    /// for only where the rest is of their alphabet, and those of one column only when the whole stream may hold the needle.
    pub(super) fn may_hold<'r>(
        &self,
        needle: &[u8],
        in_stream: impl Fn() -> Result<bool, Corrupt>,
        rows: impl Fn() -> Result<&'r [u8], Corrupt>,
    ) -> Result<bool, Corrupt> {
        // A constant backslash or zero is something this cannot tell about.
        if self.constants.iter().any(|byte| matches!(byte, b'\\' | &CHANGING)) {
            return Ok(true);
        }
        let Some(last) = self.length.checked_sub(needle.len()) else { return Ok(false) };
        let allowed = |byte: &u8| ALPHABET[usize::from(*byte)] & self.alphabet() != 0 || self.constants.contains(byte);
        if !needle.iter().all(allowed) {
            return Ok(false);
        }
        let template = self.form().template;
        let mut is_inside_tried = false;
        let mut rest = Vec::new();
        for offset in 0..=last {
            let window = &template[offset..offset + needle.len()];
            if !self.fits(window, needle) {
                continue;
            }
            if !window.contains(&CHANGING) {
                return Ok(true);
            }
            if window.iter().all(|place| *place == CHANGING) {
                // Between constant places the needle stands as it is, wherever.
                if !is_inside_tried && in_stream()? && memchr::memmem::find(rows()?, needle).is_some() {
                    return Ok(true);
                }
                is_inside_tried = true;
                continue;
            }
            rest.clear();
            rest.extend(window.iter().zip(needle).filter(|(place, _)| **place == CHANGING).map(|(_, byte)| *byte));
            if memchr::memmem::find(rows()?, &rest).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What changing places may hold.
    fn alphabet(&self) -> u8 {
        if self.part.class == Class::Hex { DIGIT | HEX_LETTER } else { DIGIT | HEX_LETTER | LETTER }
    }

    /// True when a needle has the constant bytes of these places, and characters of the column's class elsewhere.
    fn fits(&self, window: &[u8], needle: &[u8]) -> bool {
        let allowed = self.alphabet();
        window.iter().zip(needle).all(|(&place, &byte)| match place {
            CHANGING => ALPHABET[usize::from(byte)] & allowed != 0,
            constant => constant == byte,
        })
    }
}

impl Form {
    /// Appends the id of a rank; `rows` is the column's part.
    pub(super) fn get(&self, rows: &[u8], rank: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let row = rank.checked_mul(self.width).and_then(|start| rows.get(start..start.checked_add(self.width)?));
        let mut row = row.ok_or_else(|| corrupt!("no id of rank {rank}"))?;
        let base = out.len();
        out.extend_from_slice(&self.template);
        for &(start, end) in &self.runs {
            let (run, rest) = row.split_at(end - start);
            out[base + start..base + end].copy_from_slice(run);
            row = rest;
        }
        Ok(())
    }
}
