//! Whose bytes they are: every stored byte of a pack is charged to the first live record that needs it.
//!
//! A frame's bytes are shared out over what it holds: a block's over its positions, a group's over its nodes by their bytes, its
//! segments and its records. Shares are cut from running sums, so that they add up to the frame exactly.

use std::collections::BTreeMap;

use super::census::Census;
use crate::error::{Corrupt, Result};
use crate::pack::frame::{self, Kind};
use crate::record::cut::class;
use crate::vault::snapshot::Snapshot;

/// No live record needs it.
pub(super) const NOBODY: u64 = u64::MAX;

/// What a charge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// A segment of the pack: its text, or its row in the table.
    Segment(u32),
    /// JSON around the text.
    Structure,
}

/// Stored bytes charged to a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    /// The record, or [`NOBODY`].
    pub(super) owner: u64,
    /// For what.
    pub(super) of: For,
    /// How much.
    pub(super) bytes: u64,
}

/// Shares out `total` bytes by weights, exactly.
struct Share {
    total: u128,
    weight: u128,
    sum: u128,
    given: u64,
}

impl Share {
    fn new(total: u64, weight: u64) -> Share {
        Share { total: u128::from(total), weight: u128::from(weight.max(1)), sum: 0, given: 0 }
    }

    fn next(&mut self, weight: u64) -> u64 {
        let before = self.given;
        self.sum = (self.sum + u128::from(weight)).min(self.weight);
        self.given = match u64::try_from(self.total * self.sum) {
            // The usual case; dividing 128 bits takes ten times as long, and there are millions of shares.
            Ok(product) => product / self.weight as u64,
            Err(_) => (self.total * self.sum / self.weight) as u64,
        };
        self.given - before
    }

    fn rest(self) -> u64 {
        self.total as u64 - self.given
    }
}

/// A range of a literal stream and the segment that stands for it.
#[derive(Clone, Copy)]
struct Range {
    end: u32,
    segment: u32,
}

/// Charges the blocks, groups and templates of a pack; `live` says which records count.
///
/// # Errors
/// When the pack is damaged.
pub(super) fn charge(
    snapshot: &Snapshot,
    pack: usize,
    census: &Census,
    live: &dyn Fn(u64) -> bool,
    sink: &mut dyn FnMut(Charge),
) -> Result<()> {
    let (nodes, segments) = census.hand_down(NOBODY, |number| if live(number) { number } else { NOBODY }, u64::min);
    let reader = &snapshot.packs[pack];
    groups(census, live, &nodes, &segments, sink);
    templates(snapshot, pack, census, &nodes, sink).map_err(|corrupt| reader.damaged(corrupt))?;
    blocks(snapshot, pack, census, &segments, sink).map_err(|corrupt| reader.damaged(corrupt))
}

fn groups(census: &Census, live: &dyn Fn(u64) -> bool, nodes: &[u64], segments: &[u64], sink: &mut dyn FnMut(Charge)) {
    for group in &census.groups {
        let streams = group.streams;
        let mut parts = Share::new(group.frame, streams.nodes + streams.segments + streams.records);
        let of_segments = parts.next(streams.segments);
        let of_records = parts.next(streams.records);
        let mut of_nodes = parts.rest();
        let numbers = group.first_node as usize..(group.first_node + group.nodes) as usize;
        // A node takes a place in every list however small it is.
        let weigh = |node: usize| u64::from(census.nodes[node].bytes) + 4;
        let mut share = Share::new(of_nodes, numbers.clone().map(weigh).sum());
        for node in numbers {
            let bytes = share.next(weigh(node));
            of_nodes -= bytes;
            sink(Charge { owner: nodes[node], of: For::Structure, bytes });
        }
        let mut share = Share::new(of_segments, u64::from(group.segments));
        let mut left = of_nodes + of_segments;
        for segment in group.first_segment..group.first_segment + group.segments {
            let bytes = share.next(1);
            left -= bytes;
            sink(Charge { owner: segments[segment as usize], of: For::Segment(segment), bytes });
        }
        left += of_records;
        let mut share = Share::new(left, group.records as u64);
        let records = census.records.get(group.first_record..group.first_record + group.records).unwrap_or_default();
        for (number, _) in records {
            let bytes = share.next(1);
            left -= bytes;
            sink(Charge { owner: if live(*number) { *number } else { NOBODY }, of: For::Structure, bytes });
        }
        sink(Charge { owner: NOBODY, of: For::Structure, bytes: left });
    }
}

/// A template belongs to the first record with a node of it.
fn templates(
    snapshot: &Snapshot,
    pack: usize,
    census: &Census,
    nodes: &[u64],
    sink: &mut dyn FnMut(Charge),
) -> Result<(), Corrupt> {
    let reader = &snapshot.packs[pack];
    let mut owners: BTreeMap<u32, u64> = BTreeMap::new();
    for (own, owner) in census.nodes.iter().zip(nodes) {
        let first = owners.entry(own.template).or_insert(NOBODY);
        *first = (*first).min(*owner);
    }
    for entry in &reader.directory().templates {
        let stored = reader.frame(entry.offset, Kind::Templates)?;
        let payload = frame::decode(&stored, None)?;
        let mut rows = crate::bytes::Reader::new(&payload);
        let mut share = Share::new(stored.length, payload.len() as u64);
        let mut at = 0;
        for number in entry.first..entry.first + entry.count {
            rows.bytes()?;
            let bytes = share.next((rows.position() - at) as u64);
            at = rows.position();
            sink(Charge { owner: owners.get(&number).copied().unwrap_or(NOBODY), of: For::Structure, bytes });
        }
        sink(Charge { owner: NOBODY, of: For::Structure, bytes: share.rest() });
    }
    Ok(())
}

fn blocks(
    snapshot: &Snapshot,
    pack: usize,
    census: &Census,
    segments: &[u64],
    sink: &mut dyn FnMut(Charge),
) -> Result<(), Corrupt> {
    let reader = &snapshot.packs[pack];
    let ranges = ranges(census, segments);
    for block in &reader.directory().blocks {
        let stored = reader.frame(block.offset, Kind::Block)?.length;
        let mut share = Share::new(stored, u64::from(block.length));
        let mut left = stored;
        let (mut at, end) = (block.start, block.start + block.length);
        let of_class = ranges.get(block.class as usize);
        let first = of_class.and_then(|ranges| ranges.range(..=at).next_back()).map_or(at, |(start, _)| *start);
        for (&start, range) in of_class.into_iter().flat_map(|ranges| ranges.range(first..end)) {
            let from = start.max(at);
            let to = range.end.min(end);
            if to <= from {
                continue;
            }
            // Text between two ranges is nobody's.
            let gap = share.next(u64::from(from - at));
            let bytes = share.next(u64::from(to - from));
            left -= gap + bytes;
            if gap > 0 {
                sink(Charge { owner: NOBODY, of: For::Structure, bytes: gap });
            }
            sink(Charge { owner: segments[range.segment as usize], of: For::Segment(range.segment), bytes });
            at = to;
        }
        sink(Charge { owner: NOBODY, of: For::Structure, bytes: left });
    }
    Ok(())
}

/// Which segment stands for which range of each literal stream, by start: the one that brought the text, or where no live
/// record holds that one any more, the one of the first record that copied it.
fn ranges(census: &Census, owners: &[u64]) -> [BTreeMap<u32, Range>; class::COUNT] {
    let mut all: [BTreeMap<u32, Range>; class::COUNT] = Default::default();
    let mut next = [0u32; class::COUNT];
    let mut orphans = false;
    for (segment, stored) in census.segments.iter().enumerate() {
        let (Some(ranges), Some(next)) = (all.get_mut(stored.class as usize), next.get_mut(stored.class as usize)) else {
            continue;
        };
        for piece in census.pieces(segment) {
            let end = piece.start.saturating_add(piece.length);
            // What lies behind all text so far is new.
            if piece.start >= *next && piece.length > 0 {
                ranges.insert(piece.start, Range { end, segment: segment as u32 });
                *next = end;
                orphans |= owners[segment] == NOBODY;
            }
        }
    }
    if orphans {
        adopt(census, owners, &mut all);
    }
    all
}

/// Gives ranges whose segment nobody needs to the first segment that copies from them.
fn adopt(census: &Census, owners: &[u64], all: &mut [BTreeMap<u32, Range>; class::COUNT]) {
    let mut order: Vec<usize> = (0..census.segments.len()).filter(|segment| owners[*segment] != NOBODY).collect();
    order.sort_by_key(|segment| owners[*segment]);
    for segment in order {
        let Some(ranges) = all.get_mut(census.segments[segment].class as usize) else { continue };
        for piece in census.pieces(segment) {
            let end = piece.start.saturating_add(piece.length);
            let first = ranges.range(..=piece.start).next_back().map_or(piece.start, |(start, _)| *start);
            let orphans: Vec<(u32, Range)> = ranges
                .range(first..end)
                .filter(|(_, range)| range.end > piece.start && owners[range.segment as usize] == NOBODY)
                .map(|(start, range)| (*start, *range))
                .collect();
            for (start, range) in orphans {
                let (from, to) = (start.max(piece.start), range.end.min(end));
                ranges.remove(&start);
                if start < from {
                    ranges.insert(start, Range { end: from, ..range });
                }
                ranges.insert(from, Range { end: to, segment: segment as u32 });
                if to < range.end {
                    ranges.insert(to, range);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        let mut share = Share::new(100, 7);
        let parts: Vec<u64> = [1, 2, 4].map(|weight| share.next(weight)).into();
        assert_eq!(parts.iter().sum::<u64>(), 100);
        assert_eq!(share.rest(), 0);
        let mut share = Share::new(10, 4);
        assert_eq!(share.next(1) + share.next(1), 5);
        assert_eq!(share.rest(), 5);
    }
}
