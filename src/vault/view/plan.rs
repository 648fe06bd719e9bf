//! What a record needs is found out before it is joined.
//!
//! Following references costs little, decoding much: a block that rests on another is decoded from its start each time it is needed
//! further. So the first records of a view are gone through for their texts first, and each block is decoded once, to the last text in
//! it. The very first goes further: most views read one record, so its blocks are decoded one after the other in the same memory, which
//! is as dear as decoding when it is fresh, and only the texts are kept.

use std::cell::Ref;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::blocks::{Base, Block, Upto, stretches};
use super::{MAX_JOIN, PackView};
use crate::codec::Resting;
use crate::error::{Corrupt, corrupt};
use crate::pack::directory::BlockEntry;
use crate::pack::frame::{self, Frame, Kind};

/// So many records of a view are planned: who reads more finds most blocks decoded.
const PLANNED: usize = 16;
/// The first record's texts are kept when they are no more bytes than this.
const MOST_TEXT: usize = 4 << 20;

/// Text between two pieces that is rather kept with them than stepped over.
const GAP: u32 = 1 << 10;

/// What is needed for the record at hand.
#[derive(Default)]
pub(super) struct Plan {
    /// Records planned so far.
    records: usize,
    /// Nodes that were looked at.
    nodes: FxHashSet<u32>,
    /// Position in the stream up to which a block is needed, by [`block_key`].
    ends: FxHashMap<u64, u32>,
    /// Pieces that lie in one block: its key, and their positions.
    pieces: Vec<(u64, Range<u32>)>,
    /// Bytes of them.
    bytes: usize,
    /// Texts of pieces, by class and positions.
    known: FxHashMap<(u8, Range<u32>), Range<usize>>,
    texts: Vec<u8>,
}

impl Plan {
    /// The text of a piece, if it was kept.
    pub(super) fn text(&self, class: u8, start: u32, length: u32) -> Option<&[u8]> {
        let range = self.known.get(&(class, start..start.checked_add(length)?))?;
        self.texts.get(range.clone())
    }

    /// The position up to which a block is needed; 0 when nobody said.
    pub(super) fn end_of(&self, class: u8, index: usize) -> u32 {
        self.ends.get(&block_key(class, index)).copied().unwrap_or_default()
    }

    /// Ends the record at hand.
    pub(super) fn forget(&mut self) {
        if !self.nodes.is_empty() {
            *self = Plan { records: self.records, ..Plan::default() };
        }
    }
}

/// A block among all of a pack: its class, and its index in that.
pub(super) fn block_key(class: u8, index: usize) -> u64 {
    u64::from(class) << 32 | index as u64
}

/// A block that is decoded for its texts.
struct Job<'f> {
    key: u64,
    entry: BlockEntry,
    frame: Frame<'f>,
    base: Option<Base>,
}

/// Pieces of one block that lie side by side, or nearly.
struct Run<'p> {
    pieces: &'p [(u64, Range<u32>)],
    positions: Range<u32>,
}

impl Run<'_> {
    /// The runs of pieces in the order of their starts.
    fn of(mut pieces: &[(u64, Range<u32>)]) -> impl Iterator<Item = Run<'_>> {
        std::iter::from_fn(move || {
            let (_, first) = pieces.first()?;
            let (mut end, mut count) = (first.end, 1);
            while let Some((_, next)) = pieces.get(count).filter(|(_, next)| next.start <= end.saturating_add(GAP)) {
                end = end.max(next.end);
                count += 1;
            }
            let (run, rest) = pieces.split_at(count);
            pieces = rest;
            Some(Run { pieces: run, positions: first.start..end })
        })
    }
}

impl PackView {
    /// Finds out what a record needs, given its root.
    pub(super) fn prepare(&mut self, root: u32) -> Result<(), Corrupt> {
        if self.plan.records == PLANNED {
            return Ok(());
        }
        self.plan.records += 1;
        self.plan_node(root, 0)?;
        if self.plan.records == 1 && self.plan.bytes <= MOST_TEXT { self.keep_texts() } else { Ok(()) }
    }

    fn plan_node(&mut self, number: u32, depth: usize) -> Result<(), Corrupt> {
        // Who joins the node says that it is too deep.
        if depth > MAX_JOIN || !self.plan.nodes.insert(number) {
            return Ok(());
        }
        let group = self.group_of_node(number)?;
        let found = group.find(number)?;
        for (is_node, target) in found.links() {
            if is_node {
                self.plan_node(target, depth + 1)?;
                continue;
            }
            let text = self.group_of_segment(target)?.segment(target)?;
            for piece in &text.pieces {
                self.plan_piece(text.class, piece.start..piece.start.saturating_add(piece.length));
            }
        }
        Ok(())
    }

    fn plan_piece(&mut self, class: u8, piece: Range<u32>) {
        let blocks = self.blocks.get(class as usize).map(Vec::as_slice).unwrap_or_default();
        let first = blocks.partition_point(|block| block.start + block.length <= piece.start);
        for (index, block) in (first..).zip(blocks.iter().skip(first)).take_while(|(_, block)| block.start < piece.end) {
            let key = block_key(class, index);
            let end = self.plan.ends.entry(key).or_default();
            *end = piece.end.max(*end);
            if block.start <= piece.start && piece.end <= block.start + block.length {
                self.plan.bytes = self.plan.bytes.saturating_add(piece.len());
                self.plan.pieces.push((key, piece.clone()));
            }
        }
    }

    /// Decodes the blocks of the plan one after the other and keeps the texts. What cannot be decoded in part is left to others.
    fn keep_texts(&mut self) -> Result<(), Corrupt> {
        let mut pieces = std::mem::take(&mut self.plan.pieces);
        pieces.sort_unstable_by_key(|(key, piece)| (*key, piece.start, piece.end));
        pieces.dedup();
        let pack = Arc::clone(&self.pack);
        let mut jobs = Vec::new();
        for (key, _) in pieces.chunk_by(|a, b| a.0 == b.0).filter_map(<[_]>::first) {
            jobs.extend(self.job(&pack, *key)?);
        }
        // Those that others rest on are there by now.
        jobs.retain(|job| self.block_cache.get(job.key).is_none());
        let bases: Vec<Option<(Ref<'_, Block>, usize)>> =
            jobs.iter().map(|job| job.base.as_ref().map(|(block, length)| (block.borrow(), *length))).collect();
        let longest = jobs.iter().map(|job| job.frame.raw_length as usize).max();
        let (mut room, mut decoder) = (vec![0; longest.unwrap_or_default()], Resting::default());
        for (job, base) in jobs.iter().zip(&bases) {
            let prefix = base.as_ref().map(|(block, length)| block.prefix(*length)).transpose()?;
            let upto =
                self.plan.ends.get(&job.key).map_or(0, |end| end.min(&(job.entry.start + job.entry.length)) - job.entry.start);
            let mut needs = |ready: &[u8]| Upto::Text(upto as usize).of_frame(&job.frame, job.entry.length, ready);
            let damaged = |Corrupt(what)| corrupt!("block at offset {}: {what}", job.entry.offset);
            let done = frame::decode_into(&job.frame, prefix, &mut decoder, &mut room, &mut needs).map_err(damaged)?;
            let ready = room.get(..done).unwrap_or_default();
            let coded = stretches(&job.frame, job.entry.length, ready).map_err(damaged)?;
            let mine = pieces.partition_point(|(key, _)| *key < job.key)..pieces.partition_point(|(key, _)| *key <= job.key);
            let mut texts = std::mem::take(&mut self.plan.texts);
            for run in Run::of(pieces.get(mine).unwrap_or_default()) {
                let start = texts.len();
                self.append_text(&job.entry, ready, coded.as_ref(), run.positions.clone(), &mut texts)?;
                let place = |position: u32| start + (position - run.positions.start) as usize;
                let known = run.pieces.iter().map(|(_, piece)| (piece.clone(), place(piece.start)..place(piece.end)));
                self.plan.known.extend(known.map(|(piece, text)| (((job.key >> 32) as u8, piece), text)));
            }
            self.plan.texts = texts;
        }
        Ok(())
    }

    /// A block to be decoded for its texts, and what it rests on decoded.
    fn job<'f>(&mut self, pack: &'f crate::pack::reader::PackReader, key: u64) -> Result<Option<Job<'f>>, Corrupt> {
        let (class, index) = ((key >> 32) as u8, key as u32 as usize);
        let entry = self.blocks.get(class as usize).and_then(|list| list.get(index)).copied();
        let entry = entry.ok_or_else(|| corrupt!("no block {index}"))?;
        let frame = pack.frame(entry.offset, Kind::Block)?;
        let is_plain = frame::codec::is_coded(frame.codec) || frame.raw_length == entry.length;
        if !is_plain || !frame::codec::is_gradual(frame.codec) {
            return Ok(None);
        }
        let base = self.base_of(class, index, &frame)?;
        Ok(Some(Job { key, entry, frame, base }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Protects the texts that are kept: each lies in a run, and what lies apart is not read for it.
    #[test]
    fn pieces_side_by_side_are_one_run_and_distant_ones_are_not() {
        let pieces = [0..10, 5..7, 10..20, 20 + GAP..21 + GAP, 22 + 2 * GAP..30 + 2 * GAP].map(|piece| (7, piece));
        let runs: Vec<(usize, Range<u32>)> = Run::of(&pieces).map(|run| (run.pieces.len(), run.positions)).collect();
        assert_eq!(runs, [(4, 0..21 + GAP), (1, 22 + 2 * GAP..30 + 2 * GAP)]);
        assert_eq!(Run::of(&[]).count(), 0);
    }
}
