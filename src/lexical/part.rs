//! A lexical part: which blocks and groups of a pack may hold a literal, and what leads from there to records.
//!
//! ```text
//! part   = magic "TPKLEX02" · vault id u128 · pack u32 · committed length u64 · last commit u64 · blocks u32 · groups u32
//!          · zeros to byte 64
//!          · bytes of each filter: u32 each · the filters: one for each block, then for each group three, kind after kind: of short
//!            values, of texts that are JSON or kept as they stand, of lines that must be read · links · xxh3 of everything before u64
//! links  = per group: groups referred to · blocks its texts lie in · odd records (positions) · segments that are JSON text
//!          · bytes prints of the seams of its texts, four each, in order
//! lists  = count varint · steps varint
//! ```
//!
//! A part is for a pack up to a commit: what was appended since is not in it and has to be searched without.

use crate::bytes::{Put, Reader};
use crate::checksum::checksum;
use crate::error::{Corrupt, corrupt};
use crate::lexical::grams::{Alphabet, Alphabets, Filters, SeamPrints};

const MAGIC: &[u8; 8] = b"TPKLEX03";
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
    /// A filter for the text of each block.
    pub blocks: Vec<Vec<u8>>,
    /// The bytes that occur in it.
    pub alphabets: Vec<Alphabet>,
    /// One for the short values of each group.
    pub values: Vec<Vec<u8>>,
    /// One for its texts that are JSON or kept as they stand in their lines.
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
        out.put_u32(self.blocks.len() as u32);
        out.put_u32(self.links.len() as u32);
        out.resize(HEAD, 0);
        let filters = || [&self.blocks, &self.values, &self.inner, &self.odd].into_iter().flatten();
        filters().for_each(|filter| out.put_u32(filter.len() as u32));
        filters().for_each(|filter| out.extend_from_slice(filter));
        out.extend_from_slice(self.alphabets.as_flattened());
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
    /// How many blocks it knows.
    pub blocks: u32,
    /// One for each group it knows.
    pub links: Vec<GroupLinks>,
    /// Blocks by their text.
    pub texts: Filters<'a>,
    /// The bytes that occur in each block.
    pub alphabets: Alphabets<'a>,
    /// Groups by their short values.
    pub values: Filters<'a>,
    /// Groups by their texts that are JSON or kept as they stand.
    pub inner: Filters<'a>,
    /// Groups by their lines that must be read.
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
        let (blocks, groups) = (head.u32()?, head.u32()? as usize);
        let mut reader = Reader::new(body.get(HEAD..).unwrap_or_default());
        let units = groups.saturating_mul(3).saturating_add(blocks as usize);
        let mut sizes = Reader::new(reader.take(units.saturating_mul(4))?);
        let mut filters = |units: usize| {
            let filters: Result<Vec<&[u8]>, Corrupt> = (0..units).map(|_| reader.take(sizes.u32()? as usize)).collect();
            filters.map(Filters::new)
        };
        let (texts, values, inner, odd) = (filters(blocks as usize)?, filters(groups)?, filters(groups)?, filters(groups)?);
        let alphabets = Alphabets(reader.take(blocks as usize * size_of::<Alphabet>())?.as_chunks().0);
        let mut links = Vec::with_capacity(groups);
        for _ in 0..groups {
            let mut list = || read_list(&mut reader);
            let [groups, blocks, odd, inner] = [list()?, list()?, list()?, list()?];
            let seams = reader.bytes()?.as_chunks().0.to_vec();
            links.push(GroupLinks { groups, blocks, odd, inner, seams });
        }
        reader.finish()?;
        Ok(Part { subject, blocks, links, texts, alphabets, values, inner, odd })
    }
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
            blocks: (0..9).map(|n| seen.filter(n * 3)).collect(),
            alphabets: (0..9).map(|n| alphabet(if n % 2 == 0 { b"some text" } else { b"sometx" })).collect(),
            values: vec![Vec::new(), seen.filter(40)],
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
        assert_eq!((part.subject, part.blocks, &part.links), (built.subject, 9, &built.links));
        assert_eq!(part.texts.with(b"text", false), [0xff, 1]);
        assert_eq!(part.alphabets.with(b"e t", false), [0x55, 1]);
        assert_eq!(part.alphabets.with(b"TEX", false), [0, 0]);
        assert_eq!(part.alphabets.with(b"TEX", true), [0xff, 1]);
        assert_eq!(part.values.with(b"text", false), [0b10]);
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
