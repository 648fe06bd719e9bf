//! Directories: where things are in a pack.
//!
//! A commit frame carries the directory of its own commit; a *full* one carries that of everything before it too, so that a
//! reader steps back over commits only to the last full one. Full directories come at seal and whenever the commits since the
//! last one weigh as much as it does, which keeps both the chain short and the appended bytes linear.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use crate::bytes::{Put, Reader};
use crate::codec;
use crate::error::{Corrupt, corrupt};
use crate::ids::PackId;
use crate::pack::frame::MAX_PAYLOAD;

/// A piece of a literal stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Offset of its frame.
    pub offset: u64,
    /// Which stream.
    pub class: u8,
    /// First position in that stream.
    pub start: u32,
    /// Bytes of the stream it holds.
    pub length: u32,
}

/// Consecutive record numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRun {
    /// The first number.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// Nodes, segments and records stored together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// Offset of its frame.
    pub offset: u64,
    /// Number of its first node.
    pub first_node: u32,
    /// How many nodes.
    pub nodes: u32,
    /// Number of its first segment.
    pub first_segment: u32,
    /// How many segments.
    pub segments: u32,
    /// Its records, in the order stored: nearly always one run.
    pub records: SmallVec<[RecordRun; 1]>,
}

/// Templates stored together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplatesEntry {
    /// Offset of the frame.
    pub offset: u64,
    /// Number of the first template.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// Where things are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Blocks, per class in stream order.
    pub blocks: Vec<BlockEntry>,
    /// Groups, in order of nodes.
    pub groups: Vec<GroupEntry>,
    /// Templates, in order.
    pub templates: Vec<TemplatesEntry>,
    /// Offsets of journal frames, in order.
    pub journals: Vec<u64>,
    /// Offset of a journal that says again what all before it say; 0 when there is none.
    pub whole_journal: u64,
    /// Offsets of dictionary frames, in order; a dictionary's number is its place here.
    pub dictionaries: Vec<u64>,
}

impl Directory {
    /// Adds what a later commit brought.
    pub fn extend(&mut self, later: Directory) {
        join(&mut self.blocks, later.blocks);
        join(&mut self.groups, later.groups);
        join(&mut self.templates, later.templates);
        join(&mut self.journals, later.journals);
        join(&mut self.dictionaries, later.dictionaries);
        if later.whole_journal != 0 {
            self.whole_journal = later.whole_journal;
        }
    }

    /// Offsets of the journals that say all there is to say, in order.
    #[must_use]
    pub fn needed_journals(&self) -> &[u64] {
        &self.journals[self.journals.partition_point(|&offset| offset < self.whole_journal)..]
    }

    /// Record numbers lie in this range, if not everywhere in it.
    #[must_use]
    pub fn span(&self) -> Range<u64> {
        let runs = || self.groups.iter().flat_map(|group| &group.records);
        match runs().map(|run| run.first).min() {
            Some(first) => first..runs().map(|run| run.first.saturating_add(run.count)).max().unwrap_or(first),
            None => 0..0,
        }
    }

    /// Records in all groups.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.groups.iter().flat_map(|group| &group.records).map(|run| run.count).sum()
    }

    fn encode_things(&self, out: &mut Vec<u8>) {
        // Offsets rise within each list: differences stay short.
        let mut last = 0;
        let mut ends = Ends::default();
        out.put_varint(self.blocks.len() as u64);
        for block in &self.blocks {
            out.put_varint(block.offset - last);
            last = block.offset;
            out.put_u8(block.class);
            ends.put(block.class, block.start, block.length, out);
        }
        let mut last = 0;
        let mut next_record = 0u64;
        let mut ends = Ends::default();
        out.put_varint(self.groups.len() as u64);
        for group in &self.groups {
            out.put_varint(group.offset - last);
            last = group.offset;
            ends.put(NODES, group.first_node, group.nodes, out);
            ends.put(SEGMENTS, group.first_segment, group.segments, out);
            out.put_varint(group.records.len() as u64);
            for run in &group.records {
                out.put_signed(run.first.wrapping_sub(next_record) as i64);
                out.put_varint(run.count);
                next_record = run.first.wrapping_add(run.count);
            }
        }
        let mut last = 0;
        out.put_varint(self.templates.len() as u64);
        for entry in &self.templates {
            out.put_varint(entry.offset - last);
            last = entry.offset;
            out.put_varint(u64::from(entry.first));
            out.put_varint(u64::from(entry.count));
        }
    }

    /// Blocks, groups and templates, added to what [`Brief`] has.
    fn decode_things(directory: &mut Directory, reader: &mut Reader<'_>) -> Result<(), Corrupt> {
        let mut last = 0u64;
        let mut ends = Ends::default();
        let count = reader.count(4)?;
        directory.blocks.reserve(count);
        for _ in 0..count {
            let offset = step(&mut last, reader)?;
            let class = reader.u8()?;
            let (start, length) = ends.read(class, reader)?;
            directory.blocks.push(BlockEntry { offset, class, start, length });
        }
        let mut last = 0u64;
        let mut next_record = 0u64;
        let mut ends = Ends::default();
        let count = reader.count(6)?;
        directory.groups.reserve(count);
        for _ in 0..count {
            let offset = step(&mut last, reader)?;
            let (first_node, nodes) = ends.read(NODES, reader)?;
            let (first_segment, segments) = ends.read(SEGMENTS, reader)?;
            let mut records = SmallVec::new();
            for _ in 0..reader.count(2)? {
                let first = next_record.wrapping_add(reader.signed()? as u64);
                let count = reader.varint()?;
                next_record = first.checked_add(count).ok_or_else(|| corrupt!("record numbers overflow"))?;
                records.push(RecordRun { first, count });
            }
            directory.groups.push(GroupEntry { offset, first_node, nodes, first_segment, segments, records });
        }
        let mut last = 0u64;
        for _ in 0..reader.count(3)? {
            let offset = step(&mut last, reader)?;
            directory.templates.push(TemplatesEntry { offset, first: reader.varint32()?, count: reader.varint32()? });
        }
        Ok(())
    }
}

fn put_offsets(offsets: &[u64], out: &mut Vec<u8>) {
    let mut last = 0;
    out.put_varint(offsets.len() as u64);
    for offset in offsets {
        out.put_varint(offset - last);
        last = *offset;
    }
}

fn offsets(reader: &mut Reader<'_>) -> Result<Vec<u64>, Corrupt> {
    let mut last = 0u64;
    (0..reader.count(1)?).map(|_| step(&mut last, reader)).collect()
}

fn join<T>(all: &mut Vec<T>, later: Vec<T>) {
    // Mostly there is but one.
    if all.is_empty() { *all = later } else { all.extend(later) }
}

/// Where the last of each kind of thing ended, and the next mostly begins: a block of a class, nodes, segments.
#[derive(Default)]
struct Ends([u32; KINDS]);

/// As many as there are classes of blocks at least.
const KINDS: usize = 4;
const NODES: u8 = 0;
const SEGMENTS: u8 = 1;

impl Ends {
    fn put(&mut self, kind: u8, start: u32, length: u32, out: &mut Vec<u8>) {
        let end = &mut self.0[usize::from(kind) % KINDS];
        out.put_signed(i64::from(start) - i64::from(*end));
        out.put_varint(u64::from(length));
        *end = start.wrapping_add(length);
    }

    /// Start and length.
    fn read(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<(u32, u32), Corrupt> {
        let end = &mut self.0[usize::from(kind) % KINDS];
        let start = i64::from(*end).checked_add(reader.signed()?).and_then(|start| u32::try_from(start).ok());
        let start = start.ok_or_else(|| corrupt!("a start beyond 4 GiB before offset {}", reader.position()))?;
        let length = reader.varint32()?;
        *end = start.checked_add(length).ok_or_else(|| corrupt!("an end beyond 4 GiB before offset {}", reader.position()))?;
        Ok((start, length))
    }
}

#[inline]
fn step(last: &mut u64, reader: &mut Reader<'_>) -> Result<u64, Corrupt> {
    *last = last.checked_add(reader.varint()?).ok_or_else(|| corrupt!("an offset overflows"))?;
    Ok(*last)
}

/// The payload of a commit frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The vault's generation that this commit made.
    pub generation: u64,
    /// Offset of the commit frame before it in this pack; 0 for the first.
    pub previous: u64,
    /// True when the directory covers the whole pack up to here.
    pub full: bool,
    /// True for the last commit of a pack: nothing is appended after it.
    pub sealed: bool,
    /// Number after the highest record number given out when it was made.
    pub next_record: u64,
    /// Packs that this one takes the place of (written by gc and compact).
    pub replaces: Vec<PackId>,
    /// xxh3-64 over the checksums of all frames since the previous commit frame.
    pub frames_checksum: u64,
    /// What is where.
    pub directory: Directory,
}

const FULL: u8 = 1;
const SEALED: u8 = 2;

impl Commit {
    /// The stored form, and how long it were if nothing in it was compressed.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        out.put_u8(if self.full { FULL } else { 0 } | if self.sealed { SEALED } else { 0 });
        out.put_varint(self.generation);
        out.put_varint(self.previous);
        out.put_varint(self.next_record);
        out.put_varint(self.replaces.len() as u64);
        for pack in &self.replaces {
            out.put_varint(u64::from(pack.0));
        }
        out.put_u64(self.frames_checksum);
        let span = self.directory.span();
        out.put_varint(span.start);
        out.put_varint(span.end - span.start);
        put_offsets(&self.directory.journals, &mut out);
        out.put_varint(self.directory.whole_journal);
        put_offsets(&self.directory.dictionaries, &mut out);
        let mut things = Vec::new();
        self.directory.encode_things(&mut things);
        let whole = out.len() + things.len();
        out.put_varint(things.len() as u64);
        out.extend_from_slice(codec::compress(&things, LEVEL).as_ref().unwrap_or(&things));
        (out, whole)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Commit, Corrupt> {
        let brief = Brief::read(bytes)?;
        let things = brief.things()?;
        let mut commit = brief.commit;
        let mut reader = Reader::new(&things);
        Directory::decode_things(&mut commit.directory, &mut reader)?;
        reader.finish()?;
        if commit.directory.span() != brief.span {
            return Err(corrupt!("records are not where the commit says"));
        }
        Ok(commit)
    }
}

/// Of the directory's compressed part.
const LEVEL: i32 = 3;

/// What a commit says without the list of its blocks, groups and templates: of most packs, one who looks for a single record needs
/// no more.
pub struct Brief<'b> {
    /// The commit, its directory without blocks, groups and templates.
    pub commit: Commit,
    /// Numbers of the directory's records lie in this range.
    pub span: Range<u64>,
    packed: &'b [u8],
    length: usize,
    #[cfg(test)]
    at: usize,
}

impl<'b> Brief<'b> {
    /// Reads the beginning of the stored form.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn read(bytes: &'b [u8]) -> Result<Brief<'b>, Corrupt> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        if flags > FULL | SEALED {
            return Err(corrupt!("commit flags {flags:#x} are unknown"));
        }
        let (generation, previous, next_record) = (reader.varint()?, reader.varint()?, reader.varint()?);
        let mut replaces = Vec::new();
        for _ in 0..reader.count(1)? {
            replaces.push(PackId(reader.varint32()?));
        }
        let frames_checksum = reader.u64()?;
        let first = reader.varint()?;
        let end = first.checked_add(reader.varint()?).ok_or_else(|| corrupt!("record numbers overflow"))?;
        let journals = offsets(&mut reader)?;
        let whole_journal = reader.varint()?;
        let dictionaries = offsets(&mut reader)?;
        let length = reader.varint()?;
        let packed = reader.take(reader.remaining())?;
        if length < packed.len() as u64 || length > MAX_PAYLOAD as u64 {
            return Err(corrupt!("a directory of {length} bytes in {}", packed.len()));
        }
        if whole_journal != 0 && !journals.contains(&whole_journal) {
            return Err(corrupt!("the whole journal at offset {whole_journal} is none of the journals"));
        }
        let directory = Directory { journals, whole_journal, dictionaries, ..Directory::default() };
        let (full, sealed) = (flags & FULL != 0, flags & SEALED != 0);
        let commit = Commit { generation, previous, full, sealed, next_record, replaces, frames_checksum, directory };
        Ok(Brief {
            commit,
            span: first..end,
            packed,
            length: length as usize,
            #[cfg(test)]
            at: bytes.len() - packed.len(),
        })
    }

    /// Where in the payload blocks, groups and templates begin.
    #[cfg(test)]
    pub(crate) fn things_at(&self) -> usize {
        self.at
    }

    fn things(&self) -> Result<Cow<'b, [u8]>, Corrupt> {
        match self.packed.len() == self.length {
            true => Ok(Cow::Borrowed(self.packed)),
            false => codec::decompress(self.packed, self.length, None).map(Cow::Owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Commit {
        let directory = Directory {
            blocks: vec![
                BlockEntry { offset: 64, class: 1, start: 0, length: 9 },
                BlockEntry { offset: 99, class: 0, start: 7, length: 1 },
            ],
            groups: vec![GroupEntry {
                offset: 200,
                first_node: 5,
                nodes: 2,
                first_segment: 0,
                segments: 3,
                records: SmallVec::from_slice(&[RecordRun { first: 10, count: 2 }, RecordRun { first: 3, count: 1 }]),
            }],
            templates: vec![TemplatesEntry { offset: 300, first: 0, count: 4 }],
            journals: vec![400, 500],
            whole_journal: 500,
            dictionaries: vec![600],
        };
        Commit {
            generation: 7,
            previous: 64,
            full: true,
            sealed: false,
            next_record: 12,
            replaces: vec![PackId(3)],
            frames_checksum: 5,
            directory,
        }
    }

    #[test]
    fn commits_come_back_and_cut_off_ones_are_errors() {
        let (bytes, _) = sample().encode();
        assert_eq!(Commit::decode(&bytes).unwrap(), sample());
        for end in 0..bytes.len() {
            assert!(Commit::decode(&bytes[..end]).is_err(), "{end}");
        }
    }
}
