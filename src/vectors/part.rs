//! A vector part: vectors of texts under one model, with the records that hold the texts, and a graph where it pays.
//!
//! ```text
//! part     = header (384 bytes) · sections, each at a multiple of 64
//! header   = magic "TPKVEC02" · vault id u128 · bytes of the file u64 · texts u32 · rows u32 · dimensions u32 · links u32 (0: no graph)
//!            · entry u32 · 0 u32 · 13 × (offset u64 · length u64 · xxh3 u64) · xxh3 of everything before u64 · zeros
//! sections = 0 about     bytes model · types asked for u32 · runs of records it knows: count varint × (first step varint · count varint)
//!            1 hashes    u64 a text: low half of its xxh3-128, sorted      2 types   u32 a text, a bit each
//!            3 rows of   u32 a text, then the end: its first row           4 held by u32 a text, then the end: places in 5
//!            5 records   varint steps                                      6 windows u32 a row: first byte of the text it is for
//!            7 inverses  f32 a row: of its length                          8 rows    int8 of rotated vectors, each padded to 64
//!            9–12        the graph (see `graph`): ground · ids · starts · upper, u32
//! ```
//!
//! A text is there once however many records hold it; long ones have several rows, and one whose rows are in another part
//! of the model has none here. Record numbers are never given out twice, so a part stays right
//! whatever packs are rewritten, and is rewritten only when it names records that are gone.

use std::ops::Range;

use crate::bytes::{Put, Reader};
use crate::checksum::checksum;
use crate::error::{Corrupt, corrupt};
use crate::vectors::graph::{Graph, View};
use crate::vectors::quantize::{MOST_DIMENSIONS, Rows, stride};

const MAGIC: &[u8; 8] = b"TPKVEC02";
const HEADER: usize = 384;
const SECTIONS: usize = 13;
const ALIGNMENT: usize = 64;
/// Most rows of a part: what is larger is several parts.
pub const MOST_ROWS: usize = 1 << 20;
/// Sections of files up to this size are checked when they are opened; it takes some milliseconds. Of larger ones what is small is
/// checked then, and the rest by `check`; nothing in them can lead astray further than to a wrong score.
const CHECKED_WHOLE: usize = 48 << 20;

/// A run of record numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// One text of a part that is being made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// Low half of its content hash.
    pub hash: u64,
    /// Segment types it occurs as, a bit each.
    pub types: u32,
    /// Records that hold it, sorted.
    pub holders: Vec<u64>,
    /// For each window its first byte in the text.
    pub windows: Vec<u32>,
    /// For each window the inverse length of its row.
    pub inverses: Vec<f32>,
    /// The rows.
    pub rows: Vec<i8>,
}

/// A part as built.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// The vault.
    pub vault: u128,
    /// The model.
    pub model: String,
    /// Which types of segments were asked for, a bit each.
    pub types: u32,
    /// Dimensions.
    pub dimension: usize,
    /// Records whose texts are all in it, or in another part.
    pub known: Vec<Run>,
    /// Sorted by hash, each once.
    pub texts: Vec<Text>,
    /// The graph over all rows in the order of the texts.
    pub graph: Option<Graph>,
}

impl Built {
    /// Rows of all texts, and their inverse lengths, in order.
    #[must_use]
    pub fn rows(&self) -> (Vec<i8>, Vec<f32>) {
        let mut values = Vec::with_capacity(self.texts.iter().map(|text| text.rows.len()).sum());
        let mut inverses = Vec::with_capacity(self.row_count());
        for text in &self.texts {
            values.extend_from_slice(&text.rows);
            inverses.extend_from_slice(&text.inverses);
        }
        (values, inverses)
    }

    /// How many rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.texts.iter().map(|text| text.inverses.len()).sum()
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        let mut table = Vec::new();
        let mut section = |bytes: &dyn Fn(&mut Vec<u8>)| {
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
            let start = out.len();
            bytes(&mut out);
            let length = out.len() - start;
            table.put_u64(start as u64);
            table.put_u64(length as u64);
            table.put_u64(checksum(out.get(start..).unwrap_or_default()));
        };
        let texts = &self.texts;
        section(&|out| self.put_about(out));
        section(&|out| texts.iter().for_each(|text| out.put_u64(text.hash)));
        section(&|out| texts.iter().for_each(|text| out.put_u32(text.types)));
        section(&|out| put_ends(out, texts.iter().map(|text| text.inverses.len())));
        let lists: Vec<Vec<u8>> = texts.iter().map(|text| list(&text.holders)).collect();
        section(&|out| put_ends(out, lists.iter().map(Vec::len)));
        section(&|out| lists.iter().for_each(|list| out.extend_from_slice(list)));
        section(&|out| texts.iter().flat_map(|text| &text.windows).for_each(|start| out.put_u32(*start)));
        section(&|out| texts.iter().flat_map(|text| &text.inverses).for_each(|inverse| out.put_u32(inverse.to_bits())));
        section(&|out| texts.iter().for_each(|text| out.extend(text.rows.iter().map(|value| *value as u8))));
        let none = Graph::default();
        let graph = self.graph.as_ref().unwrap_or(&none);
        for list in [&graph.ground, &graph.ids, &graph.starts, &graph.upper] {
            section(&|out| list.iter().for_each(|value| out.put_u32(*value)));
        }
        let mut header = MAGIC.to_vec();
        header.put_u64(self.vault as u64);
        header.put_u64((self.vault >> 64) as u64);
        header.put_u64(out.len() as u64);
        for value in [texts.len(), self.row_count(), self.dimension, graph.links] {
            header.put_u32(value as u32);
        }
        header.put_u32(graph.entry);
        header.put_u32(0);
        header.extend_from_slice(&table);
        let sum = checksum(&header);
        header.put_u64(sum);
        out.iter_mut().zip(header).for_each(|(to, from)| *to = from);
        out
    }

    fn put_about(&self, out: &mut Vec<u8>) {
        out.put_bytes(self.model.as_bytes());
        out.put_u32(self.types);
        out.put_varint(self.known.len() as u64);
        let mut before = 0;
        for run in &self.known {
            out.put_varint(run.first.saturating_sub(before));
            out.put_varint(run.count);
            before = run.first.saturating_add(run.count);
        }
    }
}

fn put_ends(out: &mut Vec<u8>, lengths: impl Iterator<Item = usize>) {
    let mut end = 0u32;
    out.put_u32(end);
    for length in lengths {
        end = end.saturating_add(length as u32);
        out.put_u32(end);
    }
}

fn list(numbers: &[u64]) -> Vec<u8> {
    let (mut out, mut before) = (Vec::new(), 0);
    for &number in numbers {
        out.put_varint(number.wrapping_sub(before));
        before = number;
    }
    out
}

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
    /// Dimensions of its vectors.
    pub dimension: usize,
    hashes: &'a [u64],
    types: &'a [u32],
    first_rows: &'a [u32],
    list_ends: &'a [u32],
    lists: &'a [u8],
    windows: &'a [u32],
    rows: Rows<'a>,
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
        let entry = reader.u32()?;
        reader.u32()?;
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
        if texts > MOST_ROWS * 4 || rows > MOST_ROWS || dimension == 0 || dimension > MOST_DIMENSIONS || links > 64 {
            return Err(corrupt!("impossible sizes"));
        }
        let section = |number: usize| sections.get(number).map(|section| section.bytes).unwrap_or_default();
        let words = |number: usize, count: Option<usize>| -> Result<&'a [u32], Corrupt> {
            let words: &[u32] = bytemuck::try_cast_slice(section(number)).map_err(|_| corrupt!("section {number} lies askew"))?;
            match count {
                Some(count) if words.len() != count => Err(corrupt!("{} of {count} entries in section {number}", words.len())),
                _ => Ok(words),
            }
        };
        let hashes: &[u64] = bytemuck::try_cast_slice(section(1)).map_err(|_| corrupt!("section 1 lies askew"))?;
        let inverses: &[f32] = bytemuck::try_cast_slice(section(7)).map_err(|_| corrupt!("section 7 lies askew"))?;
        let values: &[i8] = bytemuck::cast_slice(section(8));
        let stride = stride(dimension);
        if hashes.len() != texts || inverses.len() != rows || values.len() != rows * stride {
            return Err(corrupt!("sections of other sizes"));
        }
        let (first_rows, list_ends) = (words(3, Some(texts + 1))?, words(4, Some(texts + 1))?);
        let climbs = |ends: &[u32], last: usize| ends.is_sorted() && ends.last().is_some_and(|end| *end as usize == last);
        if check != Check::Known && !(climbs(first_rows, rows) && climbs(list_ends, section(5).len())) {
            return Err(corrupt!("texts that overlap"));
        }
        let (ids, starts, upper) = (words(10, None)?, words(11, None)?, words(12, None)?);
        let graph = match links {
            0 => None,
            _ => Some(View { links, entry, ground: words(9, Some(rows * links * 2))?, ids, starts, upper }),
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
            dimension,
            hashes,
            types: words(2, Some(texts))?,
            first_rows,
            list_ends,
            lists: section(5),
            windows: words(6, Some(rows))?,
            rows: Rows { values, inverses, stride },
            graph,
        })
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> Rows<'a> {
        self.rows
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
        self.types.get(text as usize).copied().unwrap_or_default()
    }

    /// The text with a hash.
    #[must_use]
    pub fn find(&self, hash: u64) -> Option<u32> {
        self.hashes.binary_search(&hash).ok().map(|at| at as u32)
    }

    /// The rows of a text.
    #[must_use]
    pub fn rows_of(&self, text: u32) -> Range<u32> {
        let at = |at: usize| self.first_rows.get(at).copied().unwrap_or(0).min(self.rows.len() as u32);
        at(text as usize)..at(text as usize + 1)
    }

    /// The text a row is of.
    #[must_use]
    pub fn text_of(&self, row: u32) -> u32 {
        (self.first_rows.partition_point(|first| *first <= row) as u32).saturating_sub(1)
    }

    /// The first byte of the text that a row is for.
    #[must_use]
    pub fn window(&self, row: u32) -> u32 {
        self.windows.get(row as usize).copied().unwrap_or_default()
    }

    /// The records that hold a text, in order.
    pub fn holders(&self, text: u32) -> impl Iterator<Item = u64> + use<'a> {
        let at = |at: usize| self.list_ends.get(at).copied().unwrap_or(0) as usize;
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
            windows: rows.clone().map(|row| self.window(row)).collect(),
            inverses: rows.clone().map(|row| self.rows.inverse(row)).collect(),
            rows: rows.flat_map(|row| self.rows.row(row)).copied().collect(),
        }
    }
}

/// Joins the texts of several parts: equal ones become one with the records of all. `lives` says which records still are; a text that
/// no record holds is left out.
#[must_use]
pub fn merge(parts: Vec<Vec<Text>>, lives: &dyn Fn(u64) -> bool) -> Vec<Text> {
    let mut all: Vec<Text> = parts.into_iter().flatten().collect();
    // Stable: of equal texts the vectors of the first part that has some stay.
    all.sort_by_key(|text| text.hash);
    let mut merged: Vec<Text> = Vec::with_capacity(all.len());
    for mut text in all {
        text.holders.retain(|number| lives(*number));
        match merged.last_mut().filter(|last| last.hash == text.hash) {
            Some(last) => {
                last.types |= text.types;
                if last.inverses.is_empty() {
                    (last.windows, last.inverses, last.rows) = (text.windows, text.inverses, text.rows);
                }
                last.holders.append(&mut text.holders);
                last.holders.sort_unstable();
                last.holders.dedup();
            }
            None => merged.push(text),
        }
    }
    merged.retain(|text| !text.holders.is_empty());
    merged
}

/// Adds runs together: sorted, none touching the next.
#[must_use]
pub fn join_runs(mut runs: Vec<Run>) -> Vec<Run> {
    runs.retain(|run| run.count > 0);
    runs.sort_unstable_by_key(|run| run.first);
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut().filter(|last| run.first <= last.first.saturating_add(last.count)) {
            Some(last) => last.count = last.count.max(run.first.saturating_add(run.count) - last.first),
            None => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vectors::graph::Config;
    use crate::vectors::graph::build::build;
    use crate::vectors::graph::build::tests::heaps;

    /// Bytes at a place where numbers may be read, as a mapping is.
    pub(crate) struct Aligned(Vec<u64>, usize);

    impl Aligned {
        pub(crate) fn of(bytes: &[u8]) -> Aligned {
            let mut words = vec![0u64; bytes.len().div_ceil(8)];
            bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
            Aligned(words, bytes.len())
        }

        pub(crate) fn bytes(&self) -> &[u8] {
            &bytemuck::cast_slice(&self.0)[..self.1]
        }
    }

    pub(crate) fn built(count: usize, with_graph: bool) -> Built {
        let (values, inverses) = heaps(count, 24, 8);
        let texts: Vec<Text> = (0..count)
            .map(|at| Text {
                hash: at as u64 * 1000,
                types: 1 << (at % 5),
                holders: vec![at as u64, at as u64 + 100, 1 << 40],
                windows: vec![at as u32],
                inverses: vec![inverses[at]],
                rows: values[at * 64..(at + 1) * 64].to_vec(),
            })
            .collect();
        let rows = Rows { values: &values, inverses: &inverses, stride: 64 };
        let graph = with_graph.then(|| build(&rows, Config { links: 12, ef_construction: 60 }));
        let known = vec![Run { first: 3, count: 4 }, Run { first: 100, count: 1 }];
        Built { vault: 7, model: "m".into(), types: 9, dimension: 24, known, texts, graph }
    }

    #[test]
    fn a_part_comes_back_as_it_was_built() {
        let built = built(60, true);
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        assert_eq!((part.vault, part.model.as_str(), part.types_wanted, part.dimension), (7, "m", 9, 24));
        assert_eq!((&part.known, part.texts()), (&built.known, 60));
        assert!((0..60).all(|text| part.take(text) == built.texts[text as usize] && part.text_of(text) == text));
        assert_eq!(part.find(59_000), Some(59));
        let (graph, expected) = (part.graph().unwrap(), built.graph.unwrap());
        assert_eq!((graph.ground, graph.entry), (&expected.ground[..], expected.entry));
    }

    // A part is believed only as a whole: every damage must be seen.
    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let good = built(20, true).encode();
        let mut padding = 0;
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            // Between sections nothing is read.
            padding += usize::from(Part::read(Aligned::of(&bad).bytes(), Check::Whole).is_ok());
            assert!(Part::read(Aligned::of(&good[..at]).bytes(), Check::Whole).is_err(), "cut at {at}");
        }
        assert!(padding < SECTIONS * ALIGNMENT, "{padding}");
    }

    #[test]
    fn merging_joins_equal_texts_and_forgets_records_that_are_gone() {
        let text =
            |hash, holders: &[u64]| Text { hash, holders: holders.to_vec(), inverses: vec![hash as f32], ..Text::default() };
        let merged =
            merge(vec![vec![text(1, &[1, 5]), text(3, &[2])], vec![text(1, &[3]), text(2, &[9])]], &|number| number != 2);
        let seen: Vec<(u64, &[u64])> = merged.iter().map(|text| (text.hash, &text.holders[..])).collect();
        assert_eq!(seen, [(1, &[1, 3, 5][..]), (2, &[9][..])]);
    }

    #[test]
    fn runs_that_touch_become_one() {
        let runs = [(5, 2), (1, 2), (3, 1), (9, 1), (6, 2)].map(|(first, count)| Run { first, count });
        let joined = [(1, 3), (5, 3), (9, 1)].map(|(first, count)| Run { first, count });
        assert_eq!(join_runs(runs.to_vec()), joined);
    }
}
