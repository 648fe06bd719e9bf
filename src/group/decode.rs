//! A frame's payload becomes nodes, segments and records again.
//!
//! Opening resolves all references in one pass over the nodes (a few microseconds a thousand); column streams are decompressed
//! when the first value in them is asked for, and a column asked for often is decoded whole. Every number is checked: a damaged
//! group gives errors, and a child always has a smaller number than its parent, so that joining ends.

use crate::error::{Corrupt, corrupt};
use crate::group::{Piece, stream};
use crate::record::template::{Slot, Template};

mod columns;
mod node;
mod numbers;
mod opening;
pub mod outline;
pub mod probe;
mod records;
mod resolve;
pub mod scan;
mod segments;
pub mod sizes;
pub mod sparse;
mod streams;

use columns::{COLUMN_LIMIT, Columns};
pub use node::{Element, ListView, NodeView};
pub use numbers::text_starts;
use opening::{LIST_SLOTS, Opening, Shapes};
use records::Records;
use resolve::{Resolved, Resolver};
use segments::read_segments;
use streams::{Head, one_stream};
pub use streams::{Payload, record_prints, record_roots};

/// A group, opened.
pub struct Group {
    /// Number of its first node.
    pub first_node: u32,
    /// Number of its first segment.
    pub first_segment: u32,
    columns: Columns,
    nodes: Vec<NodePart>,
    references: Vec<u32>,
    /// For each reference whether it leads to a node.
    to_node: Vec<bool>,
    lists: Vec<ListPart>,
    segments: Vec<SegmentPart>,
    pieces: Vec<Piece>,
    roots: Vec<u32>,
}

#[derive(Clone, Copy)]
struct NodePart {
    dense: u32,
    /// Among nodes of its template; for lists the index into `lists`.
    rank: u32,
    first_reference: u32,
}

#[derive(Clone, Copy)]
struct ListPart {
    count: u32,
    first_kind: u32,
    short_at: u32,
    token_at: u32,
}

#[derive(Clone, Copy)]
struct SegmentPart {
    class: u8,
    length: u32,
    first_piece: u32,
    pieces: u32,
}

/// A segment's text, as places in a literal stream.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Which stream.
    pub class: u8,
    /// Bytes in all.
    pub length: u32,
    /// Where they are, in order.
    pub pieces: &'a [Piece],
}

impl Group {
    /// Opens a payload; `template` gives the pack's templates by number.
    ///
    /// # Errors
    /// When anything does not add up.
    pub fn decode<'t>(payload: Payload, template: impl Fn(u32) -> Option<&'t Template>) -> Result<Group, Corrupt> {
        let head = Head::read(payload)?;
        let opening = Opening::read(&head, &template)?;
        Group::resolve(&head, opening)
    }

    /// Finds out who refers to whom.
    fn resolve(head: &Head, opening: Opening) -> Result<Group, Corrupt> {
        let (segments, pieces) = head.read_segments()?;
        let stream = head.unpack(stream::REFERENCES)?;
        let mut all = Resolved::default();
        let room = stream.len() + segments.len() + head.nodes;
        all.nodes.reserve(head.nodes);
        all.references.reserve(room);
        all.to_node.reserve(room);
        let mut resolver = Resolver::new(opening.cursors, head.first_segment, head.segments);
        let records = head.read_records()?;
        let roots = resolve_all(&mut resolver, &records, &opening.shapes, &opening.columns, &stream, &mut all)?;
        let Resolved { nodes, references, to_node, lists } = all;
        Ok(Group {
            first_node: head.first_node,
            first_segment: head.first_segment,
            columns: opening.columns,
            nodes,
            references,
            to_node,
            lists,
            segments,
            pieces,
            roots,
        })
    }
}

/// Resolves all nodes of a group; gives the roots of its records.
fn resolve_all(
    resolver: &mut Resolver,
    records: &Records,
    shapes: &Shapes,
    columns: &Columns,
    stream: &[u8],
    out: &mut Resolved,
) -> Result<Vec<u32>, Corrupt> {
    let mut roots = Vec::with_capacity(records.ends.len());
    let mut shapes = shapes.iter(0..shapes.nodes);
    let mut number = records.first_node;
    for position in 0..records.ends.len() {
        let nodes = records.nodes(position);
        if nodes.is_empty() {
            roots.extend(records.root(position));
            continue;
        }
        for shape in shapes.by_ref().take(nodes.len()) {
            resolver.node(number, shape, columns.kinds(shape as usize), stream, out)?;
            number += 1;
        }
        roots.push(resolver.end_record()?);
    }
    if !resolver.is_done() {
        return Err(corrupt!("segments that nothing refers to"));
    }
    Ok(roots)
}

fn element_slot(kinds: &[u8], at: u32) -> Result<Slot, Corrupt> {
    let at = at as usize * 2;
    match kinds.get(at..at + 2) {
        Some(&[marker, style]) => Slot::from_pair(marker, style),
        _ => Err(corrupt!("a mixed list without its slots")),
    }
}

/// The references of a group.
pub struct Links {
    /// Number of its first node.
    pub first_node: u32,
    starts: Vec<u32>,
    targets: Vec<u32>,
    to_node: Vec<bool>,
    /// Root nodes of its records, by position.
    pub roots: Vec<u32>,
}

impl Links {
    /// Each node with what it refers to: whether a node, and the number.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = (bool, u32)> + '_)> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.targets.len() as u32]);
        (self.first_node..).zip(self.starts.iter().zip(ends)).map(|(node, (&start, end))| {
            let range = start as usize..end as usize;
            let (kinds, targets) = (self.to_node.get(range.clone()), self.targets.get(range));
            (node, kinds.unwrap_or_default().iter().copied().zip(targets.unwrap_or_default().iter().copied()))
        })
    }
}

impl Group {
    /// How many nodes, segments and records it has.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.segments.len(), self.roots.len())
    }

    /// Who refers to whom, without the values.
    #[must_use]
    pub fn into_links(self) -> Links {
        let starts = self.nodes.iter().map(|node| node.first_reference).collect();
        Links { first_node: self.first_node, starts, targets: self.references, to_node: self.to_node, roots: self.roots }
    }

    /// Root node of the record at a position of the group.
    #[must_use]
    pub fn root(&self, position: usize) -> Option<u32> {
        self.roots.get(position).copied()
    }

    /// A node by its number in the pack.
    ///
    /// # Errors
    /// When the group does not hold it.
    pub fn node(&self, number: u32) -> Result<NodeView<'_>, Corrupt> {
        let node = number.checked_sub(self.first_node).and_then(|index| self.nodes.get(index as usize));
        let node = *node.ok_or_else(|| corrupt!("node {number} is not in its group"))?;
        Ok(NodeView { columns: &self.columns, references: &self.references, lists: &self.lists, node })
    }

    /// A segment by its number in the pack.
    ///
    /// # Errors
    /// When the group does not hold it.
    pub fn segment(&self, number: u32) -> Result<Text<'_>, Corrupt> {
        let part = number.checked_sub(self.first_segment).and_then(|index| self.segments.get(index as usize));
        let part = part.ok_or_else(|| corrupt!("segment {number} is not in its group"))?;
        let pieces = &self.pieces[part.first_piece as usize..(part.first_piece + part.pieces) as usize];
        Ok(Text { class: part.class, length: part.length, pieces })
    }
}
