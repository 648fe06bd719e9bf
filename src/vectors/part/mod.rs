//! A vector part: vectors of texts under one model, with the records that hold the texts, and a graph where it pays.
//!
//! ```text
//! part     = header (448 bytes) · sections, each at a multiple of 64
//! header   = magic "TPKVEC04" · vault id u128 · bytes of the file u64 · texts u32 · rows u32 · dimensions u32 · links u32 (0: no graph)
//!            · entry u32 · form u32 · 15 × (offset u64 · length u64 · xxh3 u64) · xxh3 of everything before u64 · zeros
//! form     = metric (0 cosine, 1 dot, 2 L2) · +256 where the vectors are kept as they were given
//! numbers  = each in as many bytes, 0 to 4, as the largest of the section needs: its length divided by how many there are
//! sections = 0 about     bytes model · types asked for u32 · runs of records it knows: count varint × (first step varint · count varint)
//!            1 hashes    u64 a text: low half of its xxh3-128, sorted      2 types   numbers, one a text: a bit for each type
//!            3 rows of   numbers, one a text, then the end: its first row  4 held by numbers, one a text, then the end: places in 5
//!            5 records   varint steps                                      6 windows numbers, one a row: first byte of the text it is for
//!            7 scales    f32 a row: row times scale is the vector          8 rows    int8 of rotated vectors, each padded to 64
//!            9–12        the graph (see `graph`): ground, links · ids u32 · starts u32 · upper, links
//!            13 norms    f32 a row, L2 only: square of its length          14 originals  f32: vectors as they were given
//! ```
//!
//! A text is there once however many records hold it; long ones have several rows, and one whose rows are in another part
//! of the model has none here. Record numbers are never given out twice, so a part stays right
//! whatever packs are rewritten, and is rewritten only when it names records that are gone.

mod built;
mod merge;
mod numbers;
#[cfg(test)]
pub(crate) mod tests;

use std::ops::Range;

use crate::bytes::Reader;
use crate::checksum::checksum;
use crate::error::{Corrupt, corrupt};
use crate::vectors::graph::links::{Links, MOST_LINKED, Pair, pairs};
use crate::vectors::graph::{MOST_LINKS, View};
use crate::vectors::metric::{Form, Metric, from_bits};
use crate::vectors::quantize::{MOST_DIMENSIONS, Query, Rows, stride};

use numbers::Numbers;

pub use built::{Built, Run, Text, Vectors};
pub use merge::{join_runs, merge};

const MAGIC: &[u8; 8] = b"TPKVEC04";
pub(crate) const HEADER: usize = 448;
const SECTIONS: usize = 15;
const ALIGNMENT: usize = 64;
/// Most rows of a part, as many as links can name: what is larger is several parts.
pub const MOST_ROWS: usize = MOST_LINKED;
/// Sections of files up to this size are checked when they are opened; it takes some milliseconds. Of larger ones what is small is
/// checked then, and the rest by `check`; nothing in them can lead astray further than to a wrong score.
const CHECKED_WHOLE: usize = 48 << 20;

/// A part where it lies.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The vault it is of.
    pub vault: u128,
    /// The model.
    pub model: String,
    /// Which types of segments were asked for, a bit each.
    pub types_wanted: u32,
    /// Records it knows.
    pub known: Vec<Run>,
    /// What its vectors have in common.
    pub form: Form,
    hashes: &'a [u64],
    types: Numbers<'a>,
    first_rows: Numbers<'a>,
    list_ends: Numbers<'a>,
    lists: &'a [u8],
    windows: Numbers<'a>,
    rows: Rows<'a>,
    originals: &'a [f32],
    graph: Option<View<'a>>,
}

/// How much of a part is read to check it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The header only: the same bytes were checked before.
    Known,
    /// All of a small part, the header and what is small of a large one.
    Usual,
    /// All.
    Whole,
}

/// A section as the header describes it.
struct Section<'a> {
    bytes: &'a [u8],
    sum: u64,
}

impl<'a> Part<'a> {
    /// Opens a part.
    ///
    /// # Errors
    /// When anything that was checked does not add up.
    pub fn read(bytes: &'a [u8], check: Check) -> Result<Part<'a>, Corrupt> {
        if cfg!(target_endian = "big") {
            return Err(corrupt!("vector parts are read where they lie, which takes a little-endian machine"));
        }
        let header = bytes.get(..HEADER).ok_or_else(|| corrupt!("cut short"))?;
        let mut reader = Reader::new(header);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(corrupt!("not a vector part of this version"));
        }
        let vault = u128::from(reader.u64()?) | u128::from(reader.u64()?) << 64;
        let length = reader.u64()?;
        let [texts, rows, dimension, links] = [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?].map(|n| n as usize);
        let (entry, bits) = (reader.u32()?, reader.u32()?);
        let mut sections = Vec::with_capacity(SECTIONS);
        for _ in 0..SECTIONS {
            let (offset, length, sum) = (reader.u64()?, reader.u64()?, reader.u64()?);
            let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
            let section = end.and_then(|end| bytes.get(offset as usize..end));
            sections.push(Section { bytes: section.ok_or_else(|| corrupt!("a section lies outside"))?, sum });
        }
        let checked = header.get(..reader.position()).unwrap_or_default();
        if reader.u64()? != checksum(checked) || length != bytes.len() as u64 {
            return Err(corrupt!("checksum mismatch"));
        }
        let worth = |number: usize| match check {
            Check::Known => false,
            Check::Usual => number == 0 || bytes.len() <= CHECKED_WHOLE,
            Check::Whole => true,
        };
        let broken =
            sections.iter().enumerate().find(|(number, section)| worth(*number) && checksum(section.bytes) != section.sum);
        if let Some((number, _)) = broken {
            return Err(corrupt!("checksum mismatch in section {number}"));
        }
        if texts > MOST_ROWS * 4 || rows > MOST_ROWS || dimension == 0 || dimension > MOST_DIMENSIONS || links > MOST_LINKS {
            return Err(corrupt!("impossible sizes"));
        }
        let form = from_bits(bits, dimension).ok_or_else(|| corrupt!("vectors of an unknown form"))?;
        let section = |number: usize| sections.get(number).map(|section| section.bytes).unwrap_or_default();
        let words = |number: usize| -> Result<&'a [u32], Corrupt> {
            bytemuck::try_cast_slice(section(number)).map_err(|_| corrupt!("section {number} lies askew"))
        };
        let numbers = |number: usize, count: usize| Numbers::read(section(number), count, number);
        let floats = |number: usize, count: usize| -> Result<&'a [f32], Corrupt> {
            let floats: &[f32] =
                bytemuck::try_cast_slice(section(number)).map_err(|_| corrupt!("section {number} lies askew"))?;
            (floats.len() == count)
                .then_some(floats)
                .ok_or_else(|| corrupt!("{} of {count} floats in section {number}", floats.len()))
        };
        let hashes: &[u64] = bytemuck::try_cast_slice(section(1)).map_err(|_| corrupt!("section 1 lies askew"))?;
        let values: &[i8] = bytemuck::cast_slice(section(8));
        let stride = stride(dimension);
        if hashes.len() != texts || values.len() != rows * stride {
            return Err(corrupt!("sections of other sizes"));
        }
        let scales = floats(7, rows)?;
        let norms = floats(13, if form.metric == Metric::L2 { rows } else { 0 })?;
        let originals = floats(14, if form.keeps_originals { rows * dimension } else { 0 })?;
        let (first_rows, list_ends) = (numbers(3, texts + 1)?, numbers(4, texts + 1)?);
        if check != Check::Known && !(first_rows.climb_to(rows) && list_ends.climb_to(section(5).len())) {
            return Err(corrupt!("texts that overlap"));
        }
        let graph = match links {
            0 => None,
            _ => {
                let (ground, upper) = (lists(section(9), links)?, lists(section(12), pairs(links))?);
                if ground.len() != rows * links {
                    return Err(corrupt!("links of {} rows, not of {rows}", ground.len() / links));
                }
                if worth(9) && !(Links(ground).are_below(rows) && Links(upper).are_below(rows)) {
                    return Err(corrupt!("a link to a row that is not there"));
                }
                Some(View { links, entry, ground, ids: words(10)?, starts: words(11)?, upper })
            }
        };
        let mut about = Reader::new(section(0));
        let model = String::from_utf8(about.bytes()?.to_vec()).map_err(|_| corrupt!("a model's name that is no text"))?;
        let types_wanted = about.u32()?;
        let mut known = Vec::new();
        let mut before = 0u64;
        for _ in 0..about.count(2)? {
            let first = before.checked_add(about.varint()?).ok_or_else(|| corrupt!("a run overflows"))?;
            let count = about.varint()?;
            before = first.checked_add(count).ok_or_else(|| corrupt!("a run overflows"))?;
            known.push(Run { first, count });
        }
        about.finish()?;
        Ok(Part {
            vault,
            model,
            types_wanted,
            known,
            form,
            hashes,
            types: numbers(2, texts)?,
            first_rows,
            list_ends,
            lists: section(5),
            windows: numbers(6, rows)?,
            rows: Rows { values, scales, norms, stride },
            originals,
            graph,
        })
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> Rows<'a> {
        self.rows
    }

    /// The vector of a row as it was given; empty where none are kept.
    #[must_use]
    pub fn original(&self, row: u32) -> &'a [f32] {
        let (at, dimension) = (row as usize, self.form.dimension);
        self.originals.get(at * dimension..(at + 1) * dimension).unwrap_or_default()
    }

    /// A row as a question: what is like something that is kept.
    #[must_use]
    pub fn question(&self, row: u32) -> Query {
        let of_row = || Query::of_row(self.rows.row(row), self.rows.scale(row), self.form.metric);
        Query::new(self.original(row), self.form.metric).unwrap_or_else(|_| of_row())
    }

    /// Its graph, if it has one.
    #[must_use]
    pub fn graph(&self) -> Option<View<'a>> {
        self.graph
    }

    /// How many texts.
    #[must_use]
    pub fn texts(&self) -> u32 {
        self.hashes.len() as u32
    }

    /// Hash of a text.
    #[must_use]
    pub fn hash(&self, text: u32) -> u64 {
        self.hashes.get(text as usize).copied().unwrap_or_default()
    }

    /// Types of a text.
    #[must_use]
    pub fn types(&self, text: u32) -> u32 {
        self.types.get(text as usize).unwrap_or_default()
    }

    /// The text with a hash.
    #[must_use]
    pub fn find(&self, hash: u64) -> Option<u32> {
        self.hashes.binary_search(&hash).ok().map(|at| at as u32)
    }

    /// The rows of a text.
    #[must_use]
    pub fn rows_of(&self, text: u32) -> Range<u32> {
        let at = |at: usize| self.first_rows.get(at).unwrap_or(0).min(self.rows.len() as u32);
        at(text as usize)..at(text as usize + 1)
    }

    /// The text a row is of.
    #[must_use]
    pub fn text_of(&self, row: u32) -> u32 {
        (self.first_rows.first_above(row) as u32).saturating_sub(1)
    }

    /// The first byte of the text that a row is for.
    #[must_use]
    pub fn window(&self, row: u32) -> u32 {
        self.windows.get(row as usize).unwrap_or_default()
    }

    /// The records that hold a text, in order.
    pub fn holders(&self, text: u32) -> impl Iterator<Item = u64> + use<'a> {
        let at = |at: usize| self.list_ends.get(at).unwrap_or(0) as usize;
        let bytes = self.lists.get(at(text as usize)..at(text as usize + 1)).unwrap_or_default();
        let (mut reader, mut before) = (Reader::new(bytes), 0u64);
        std::iter::from_fn(move || {
            let step = if reader.is_empty() { None } else { reader.varint().ok() }?;
            before = before.wrapping_add(step);
            Some(before)
        })
    }

    /// A text, taken out whole.
    #[must_use]
    pub fn take(&self, text: u32) -> Text {
        let rows = self.rows_of(text);
        Text {
            hash: self.hash(text),
            types: self.types(text),
            holders: self.holders(text).collect(),
            vectors: Vectors {
                windows: rows.clone().map(|row| self.window(row)).collect(),
                scales: rows.clone().map(|row| self.rows.scale(row)).collect(),
                rows: rows.clone().flat_map(|row| self.rows.row(row)).copied().collect(),
                originals: rows.flat_map(|row| self.original(row)).copied().collect(),
            },
        }
    }
}

/// A section as lists of links, each of so many pairs.
fn lists(section: &[u8], pairs: usize) -> Result<&[Pair], Corrupt> {
    match section.as_chunks() {
        (lists, []) if lists.len().is_multiple_of(pairs) => Ok(lists),
        _ => Err(corrupt!("{} bytes of links", section.len())),
    }
}
