//! A lexical part: which blocks and groups of a pack may hold a literal, and what leads from there to records.
//!
//! ```text
//! part   = magic "TPKLEX04" · vault id u128 · pack u32 · committed length u64 · last commit u64 · blocks u32 · groups u32
//!          · units of text u32 · units of groups u32 · zeros to byte 64
//!          · bytes of each filter: u32 each · the filters: one of what is constant in templates, one for each unit of text, then for each
//!            unit of groups four, kind after kind: of short values, of strings in pieces and texts kept as they stand, of JSON in
//!            strings, of lines that must be read
//!          · the alphabet of each unit of text · unit of each block: varint each · unit of each group: varint each
//!          · links of each group · xxh3 of everything before u64
//! links  = groups referred to · blocks its texts lie in · odd records (positions) · segments that are JSON text
//!          · bytes prints of the seams of its texts, four each, in order
//! lists  = count varint · steps varint
//! ```
//!
//! A unit is a block or a group, or several small ones side by side. A part is for a pack up to a commit: what was appended since is
//! not in it and has to be searched without.

use crate::bytes::{Put, Reader};
use crate::checksum::checksum;
use crate::error::{Corrupt, corrupt};
use crate::lexical::grams::{Alphabet, Alphabets, Filters, SeamPrints};

const MAGIC: &[u8; 8] = b"TPKLEX04";
const HEAD: usize = 64;

/// Which pack a part is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The vault.
    pub vault: u128,
    /// The pack.
    pub pack: u32,
    /// Its committed length when the part was made.
    pub length: u64,
    /// Where its last commit frame was then.
    pub last_commit: u64,
}

/// What a group leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLinks {
    /// Earlier groups whose nodes or segments it refers to, and itself left out.
    pub groups: Vec<u32>,
    /// Blocks its segments lie in, by their place in the directory.
    pub blocks: Vec<u32>,
    /// Positions of records that must be read to be judged.
    pub odd: Vec<u32>,
    /// Segments whose text is itself JSON with strings of its own.
    pub inner: Vec<u32>,
    /// What is kept of the seams of its texts, in order.
    pub seams: Vec<SeamPrints>,
}

/// A part as built.
pub struct Built {
    /// What it is for.
    pub subject: Subject,
    /// The unit of each block.
    pub unit_of_block: Vec<u32>,
    /// The unit of each group.
    pub unit_of_group: Vec<u32>,
    /// A filter for each unit of text.
    pub texts: Vec<Vec<u8>>,
    /// The bytes that occur in it.
    pub alphabets: Vec<Alphabet>,
    /// A filter for what is constant in templates.
    pub constants: Vec<u8>,
    /// One for the short values of each unit of groups.
    pub values: Vec<Vec<u8>>,
    /// One for its strings in pieces and texts that are kept as they stand in their lines.
    pub pieces: Vec<Vec<u8>>,
    /// One for its strings that are JSON.
    pub inner: Vec<Vec<u8>>,
    /// And one for its lines that must be read to be judged.
    pub odd: Vec<Vec<u8>>,
    /// One for each group.
    pub links: Vec<GroupLinks>,
}

impl Built {
    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_u64(self.subject.vault as u64);
        out.put_u64((self.subject.vault >> 64) as u64);
        out.put_u32(self.subject.pack);
        out.put_u64(self.subject.length);
        out.put_u64(self.subject.last_commit);
        for count in [self.unit_of_block.len(), self.unit_of_group.len(), self.texts.len(), self.values.len()] {
            out.put_u32(count as u32);
        }
        out.resize(HEAD, 0);
        let kinds = || [&self.texts, &self.values, &self.pieces, &self.inner, &self.odd].into_iter().flatten();
        let filters = || std::iter::once(&self.constants).chain(kinds());
        filters().for_each(|filter| out.put_u32(filter.len() as u32));
        filters().for_each(|filter| out.extend_from_slice(filter));
        out.extend_from_slice(self.alphabets.as_flattened());
        for unit in self.unit_of_block.iter().chain(&self.unit_of_group) {
            out.put_varint(u64::from(*unit));
        }
        for links in &self.links {
            for list in [&links.groups, &links.blocks, &links.odd, &links.inner] {
                out.put_varint(list.len() as u64);
                let mut before = 0;
                for &value in list {
                    out.put_varint(u64::from(value - before));
                    before = value;
                }
            }
            out.put_bytes(links.seams.as_flattened());
        }
        let sum = checksum(&out);
        out.put_u64(sum);
        out
    }
}

/// A part as read.
pub struct Part<'a> {
    /// What it is for.
    pub subject: Subject,
    /// The unit of each block it knows.
    pub unit_of_block: Vec<u32>,
    /// The unit of each group it knows.
    pub unit_of_group: Vec<u32>,
    /// One for each group it knows.
    pub links: Vec<GroupLinks>,
    /// Units of text.
    pub texts: Filters<'a>,
    /// The bytes that occur in each of them.
    pub alphabets: Alphabets<'a>,
    /// What is constant in templates, as one unit.
    pub constants: Filters<'a>,
    /// Units of groups by their short values.
    pub values: Filters<'a>,
    /// The same by their strings in pieces and texts that are kept as they stand.
    pub pieces: Filters<'a>,
    /// By their strings that are JSON.
    pub inner: Filters<'a>,
    /// And by their lines that must be read.
    pub odd: Filters<'a>,
}

impl<'a> Part<'a> {
    /// Reads a part.
    ///
    /// # Errors
    /// When anything does not add up.
    pub fn read(bytes: &'a [u8]) -> Result<Part<'a>, Corrupt> {
        let end = bytes.len().checked_sub(8).filter(|end| *end >= HEAD).ok_or_else(|| corrupt!("cut short"))?;
        let (body, sum) = bytes.split_at(end);
        if Reader::new(sum).u64()? != checksum(body) {
            return Err(corrupt!("checksum mismatch"));
        }
        let mut head = Reader::new(body);
        if head.take(MAGIC.len())? != MAGIC {
            return Err(corrupt!("not a lexical part of this version"));
        }
        let vault = u128::from(head.u64()?) | u128::from(head.u64()?) << 64;
        let subject = Subject { vault, pack: head.u32()?, length: head.u64()?, last_commit: head.u64()? };
        let mut count = || head.u32().map(|count| count as usize);
        let [blocks, groups, text_units, group_units] = [count()?, count()?, count()?, count()?];
        let mut reader = Reader::new(body.get(HEAD..).unwrap_or_default());
        let units = group_units.saturating_mul(4).saturating_add(text_units).saturating_add(1);
        let mut sizes = Reader::new(reader.take(units.saturating_mul(4))?);
        let mut filters = |units: usize| {
            let filters: Result<Vec<&[u8]>, Corrupt> = (0..units).map(|_| reader.take(sizes.u32()? as usize)).collect();
            filters.map(Filters::new)
        };
        let (constants, texts) = (filters(1)?, filters(text_units)?);
        let [values, pieces] = [filters(group_units)?, filters(group_units)?];
        let [inner, odd] = [filters(group_units)?, filters(group_units)?];
        let alphabets = Alphabets(reader.take(text_units.saturating_mul(size_of::<Alphabet>()))?.as_chunks().0);
        let unit_of_block = read_units(&mut reader, blocks, text_units)?;
        let unit_of_group = read_units(&mut reader, groups, group_units)?;
        let mut links = Vec::with_capacity(groups);
        for _ in 0..groups {
            let mut list = || read_list(&mut reader);
            let [groups, blocks, odd, inner] = [list()?, list()?, list()?, list()?];
            let seams = reader.bytes()?.as_chunks().0.to_vec();
            links.push(GroupLinks { groups, blocks, odd, inner, seams });
        }
        reader.finish()?;
        Ok(Part { subject, unit_of_block, unit_of_group, links, texts, alphabets, constants, values, pieces, inner, odd })
    }
}

/// The unit of each of so many blocks or groups.
fn read_units(reader: &mut Reader<'_>, count: usize, units: usize) -> Result<Vec<u32>, Corrupt> {
    if count > reader.remaining() {
        return Err(corrupt!("{count} blocks or groups without their units"));
    }
    let unit = |reader: &mut Reader<'_>| {
        let unit = reader.varint32()?;
        if unit as usize >= units { Err(corrupt!("unit {unit} of {units}")) } else { Ok(unit) }
    };
    (0..count).map(|_| unit(reader)).collect()
}

fn read_list(reader: &mut Reader<'_>) -> Result<Vec<u32>, Corrupt> {
    let count = reader.count(1)?;
    let mut list = Vec::with_capacity(count);
    let mut value = 0u32;
    for _ in 0..count {
        value = value.checked_add(reader.varint32()?).ok_or_else(|| corrupt!("a list overflows"))?;
        list.push(value);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexical::grams::{COARSER, Seen, alphabet};

    fn built() -> Built {
        let mut seen = Seen::new(COARSER);
        seen.add(b"some text");
        Built {
            subject: Subject { vault: 7, pack: 3, length: 1000, last_commit: 900 },
            unit_of_block: vec![0, 1, 1, 8],
            unit_of_group: vec![1, 1],
            texts: (0..9).map(|n| seen.filter(n * 3)).collect(),
            alphabets: (0..9).map(|n| alphabet(if n % 2 == 0 { b"some text" } else { b"sometx" })).collect(),
            constants: seen.filter(9),
            values: vec![Vec::new(), seen.filter(40)],
            pieces: vec![seen.filter(3), seen.filter(40)],
            inner: vec![seen.filter(4), Vec::new()],
            odd: vec![Vec::new(); 2],
            links: vec![
                GroupLinks::default(),
                GroupLinks {
                    groups: vec![0],
                    blocks: vec![1, 8],
                    odd: vec![5],
                    inner: vec![7, 300],
                    seams: vec![[1, 2, 3, 4], [5, 6, 7, 8]],
                },
            ],
        }
    }

    #[test]
    fn a_part_comes_back_as_it_was_built() {
        let (built, bytes) = (built(), built().encode());
        let part = Part::read(&bytes).unwrap();
        assert_eq!((part.subject, &part.links), (built.subject, &built.links));
        assert_eq!((&part.unit_of_block, &part.unit_of_group), (&built.unit_of_block, &built.unit_of_group));
        assert_eq!(part.texts.with(b"text", false), [0xff, 1]);
        assert_eq!(part.alphabets.with(b"e t", false), [0x55, 1]);
        assert_eq!(part.alphabets.with(b"TEX", false), [0, 0]);
        assert_eq!(part.alphabets.with(b"TEX", true), [0xff, 1]);
        assert_eq!(part.values.with(b"text", false), [0b10]);
        assert_eq!(part.constants.with(b"text", false), [0b1]);
        assert_eq!(part.pieces.with(b"text", false), [0b11]);
        assert_eq!(part.inner.with(b"text", false), [0b1]);
        assert_eq!(part.odd.with(b"text", false), [0]);
    }

    // Search must stay exact with a damaged part, so every damage must be seen.
    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let good = built().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(Part::read(&bad).is_err(), "byte {at}");
            assert!(Part::read(&good[..at]).is_err(), "cut at {at}");
        }
    }
}
