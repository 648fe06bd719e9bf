//! Everything a pack stores, counted: nodes, segments, who refers to whom, and what each frame weighs.
//!
//! One pass opens every group on all threads. What follows is arithmetic over arrays: references lead only to what came before, so
//! walking the nodes from the last to the first hands counts and owners down, and from the first to the last sums sizes up.

use crate::error::{Corrupt, Result};
use crate::group::Piece;
use crate::group::decode::sizes::{Own, StreamSizes};
use crate::pack::frame::{self, Kind};
use crate::vault::ahead::in_order;
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// Groups of one job.
const JOB_GROUPS: usize = 8;

/// A segment as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) class: u8,
    pub(super) length: u32,
    first_piece: u32,
    pieces: u32,
}

/// A group's place in the pack's numbers and its stored bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupSize {
    /// Bytes of the frame.
    pub(super) frame: u64,
    /// Bytes of its streams.
    pub(super) streams: StreamSizes,
    pub(super) first_node: u32,
    pub(super) nodes: u32,
    pub(super) first_segment: u32,
    pub(super) segments: u32,
    pub(super) first_record: usize,
    pub(super) records: usize,
}

/// What is in a pack.
#[derive(Default)]
pub(super) struct Census {
    /// Each node's template and own bytes.
    pub(super) nodes: Vec<Own>,
    starts: Vec<u32>,
    targets: Vec<u32>,
    to_node: Vec<bool>,
    /// Segments.
    pub(super) segments: Vec<Stored>,
    pieces: Vec<Piece>,
    /// Numbers of records and their root nodes, as stored.
    pub(super) records: Vec<(u64, u32)>,
    /// Groups in order.
    pub(super) groups: Vec<GroupSize>,
}

/// What a job found in a group.
struct Found {
    own: Vec<Own>,
    starts: Vec<u32>,
    targets: Vec<u32>,
    to_node: Vec<bool>,
    segments: Vec<Stored>,
    pieces: Vec<Piece>,
    roots: Vec<u32>,
    frame: u64,
    streams: StreamSizes,
}

impl Census {
    /// Counts a pack.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn take(snapshot: &Snapshot, pack: usize, threads: usize) -> Result<Census> {
        let count = snapshot.packs[pack].directory().groups.len();
        let mut census = Census::default();
        in_order(
            snapshot,
            threads,
            (0..count).step_by(JOB_GROUPS).map(|from| from..count.min(from + JOB_GROUPS)),
            |fetcher, groups| {
                let view = fetcher.view(pack)?;
                let found: Result<Vec<Found>, Corrupt> = groups.clone().map(|group| look(view, group)).collect();
                Ok((groups, found.map_err(|corrupt| view.pack().damaged(corrupt))?))
            },
            |(groups, found)| {
                for (group, found) in groups.zip(found) {
                    census.add(snapshot, pack, group, found);
                }
                Ok(())
            },
        )?;
        Ok(census)
    }

    fn add(&mut self, snapshot: &Snapshot, pack: usize, group: usize, found: Found) {
        let entry = &snapshot.packs[pack].directory().groups[group];
        let numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
        self.groups.push(GroupSize {
            frame: found.frame,
            streams: found.streams,
            first_node: self.nodes.len() as u32,
            nodes: found.own.len() as u32,
            first_segment: self.segments.len() as u32,
            segments: found.segments.len() as u32,
            first_record: self.records.len(),
            records: found.roots.len(),
        });
        self.records.extend(numbers.zip(found.roots));
        let (targets, pieces) = (self.targets.len() as u32, self.pieces.len() as u32);
        self.nodes.extend(found.own);
        self.starts.extend(found.starts.into_iter().map(|start| start + targets));
        self.targets.extend(found.targets);
        self.to_node.extend(found.to_node);
        self.segments
            .extend(found.segments.into_iter().map(|stored| Stored { first_piece: stored.first_piece + pieces, ..stored }));
        self.pieces.extend(found.pieces);
    }

    /// What a node refers to: whether a node, and the number.
    pub(super) fn targets(&self, node: usize) -> impl Iterator<Item = (bool, usize)> + '_ {
        let start = self.starts.get(node).map_or(0, |start| *start as usize);
        let end = self.starts.get(node + 1).map_or(self.targets.len(), |end| *end as usize);
        let (kinds, targets) = (self.to_node.get(start..end), self.targets.get(start..end));
        kinds.unwrap_or_default().iter().copied().zip(targets.unwrap_or_default().iter().map(|target| *target as usize))
    }

    /// The pieces of a segment.
    pub(super) fn pieces(&self, segment: usize) -> &[Piece] {
        let of = |stored: &Stored| self.pieces.get(stored.first_piece as usize..(stored.first_piece + stored.pieces) as usize);
        self.segments.get(segment).and_then(of).unwrap_or_default()
    }

    /// Hands a value of each record down to the nodes and segments it is made of; `join` puts two of them together.
    pub(super) fn hand_down<T: Copy>(&self, none: T, of: impl Fn(u64) -> T, join: impl Fn(T, T) -> T) -> (Vec<T>, Vec<T>) {
        let (mut nodes, mut segments) = (vec![none; self.nodes.len()], vec![none; self.segments.len()]);
        for &(number, root) in &self.records {
            if let Some(value) = nodes.get_mut(root as usize) {
                *value = join(*value, of(number));
            }
        }
        for node in (0..self.nodes.len()).rev() {
            let value = nodes[node];
            for (to_node, target) in self.targets(node) {
                let list = if to_node { &mut nodes } else { &mut segments };
                if let Some(below) = list.get_mut(target) {
                    *below = join(*below, value);
                }
            }
        }
        (nodes, segments)
    }

    /// The bytes of each node with everything in it, strings decoded.
    pub(super) fn whole_bytes(&self) -> Vec<u64> {
        let mut bytes = vec![0u64; self.nodes.len()];
        for (node, own) in self.nodes.iter().enumerate() {
            let below = |(to_node, target): (bool, usize)| match to_node {
                true => bytes.get(target).copied().unwrap_or_default(),
                false => self.segments.get(target).map_or(0, |stored| u64::from(stored.length)),
            };
            let all = self.targets(node).map(below).fold(u64::from(own.bytes), u64::saturating_add);
            bytes[node] = all;
        }
        bytes
    }
}

fn look(view: &mut PackView, index: usize) -> Result<Found, Corrupt> {
    let entry = view.pack().directory().groups.get(index).map_or(0, |entry| entry.offset);
    let reader = std::sync::Arc::clone(view.pack());
    let stored = reader.frame(entry, Kind::Group)?;
    let streams = StreamSizes::read(&frame::content(&stored)?)?;
    let group = view.open_group(index)?;
    let own = group.own_bytes(|number| view.templates().get(number))?;
    let (_, count, _) = group.sizes();
    let (mut segments, mut pieces) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for number in (group.first_segment..).take(count) {
        let text = group.segment(number)?;
        let (first_piece, length) = (pieces.len() as u32, text.length);
        pieces.extend_from_slice(text.pieces);
        segments.push(Stored { class: text.class, length, first_piece, pieces: text.pieces.len() as u32 });
    }
    let links = group.into_links();
    let (mut starts, mut targets, mut to_node) = (Vec::with_capacity(own.len()), Vec::new(), Vec::new());
    for (_, of) in links.nodes() {
        starts.push(targets.len() as u32);
        for (node, target) in of {
            targets.push(target);
            to_node.push(node);
        }
    }
    Ok(Found { own, starts, targets, to_node, segments, pieces, roots: links.roots, frame: stored.length, streams })
}
