//! Nodes of records: known ones are found, new ones join their group.

use super::{Assembler, Chunk, CutChunk, UNSEEN};
use crate::error::Result;
use crate::group::build::{Item, Target};
use crate::record::NODE_BYTES;
use crate::record::cut::{self, Cuts, Cutter, Place, UNOPENED};
use crate::record::known::{KNOWN_BYTES, Known};
use crate::record::template::{Slot, SlotKind};
use crate::vault::view::PackView;
use crate::vault::write::encode::Sink;
use crate::vault::write::memory::Child;
use crate::vault::write::ring::Spot;
use crate::vault::write::table::Table;
use smallvec::SmallVec;

/// Nodes looked ahead at once: what looking reads of them stays in the nearest cache until they are stored.
pub(super) const AHEAD: usize = 256;

/// Where a parent's bytes are in memory, so that its children's need not go there again.
#[derive(Clone, Copy)]
pub(super) struct Within {
    pub(super) raw: Place,
    pub(super) spot: Spot,
}

/// How deep one looks for known children: a request holds an object that holds a list of them.
pub(super) const KNOWN_DEPTH: usize = 3;

/// Bytes of a node that belong to children that are known already. What is known is for the table to say, as it stands at this
/// point of the input: what the cutters' filter knew by then is a matter of luck.
pub(super) fn known_bytes(table: &Table, cuts: &Cuts, node: &cut::Node, depth: usize) -> usize {
    let children = cuts.values_of(node).iter().filter(|value| value.slot.kind == SlotKind::Node);
    children
        .map(|value| {
            let child = &cuts.nodes[value.index()];
            match (child.raw.len() >= NODE_BYTES && table.holds(child.hash), depth) {
                (true, _) => child.raw.len(),
                (false, 0) => 0,
                (false, _) => known_bytes(table, cuts, child, depth - 1),
            }
        })
        .sum()
}

impl<S: Sink> Assembler<S> {
    /// The number of a node of the chunk, storing it when it is new.
    pub(super) fn node(
        &mut self,
        chunk: &mut Chunk<'_>,
        local: usize,
        within: Option<Within>,
        root: bool,
    ) -> Result<(Target, u32)> {
        if chunk.nodes[local] != UNSEEN {
            let number = chunk.nodes[local];
            return Ok((Target::Old(number), number));
        }
        let cuts = chunk.cuts;
        let node = &cuts.nodes[local];
        let raw = cuts.bytes(chunk.bytes, node.raw);
        let findable = root || raw.len() >= NODE_BYTES;
        if findable && let Some(number) = self.find_node(raw, node.hash)? {
            chunk.nodes[local] = number;
            return Ok((Target::Old(number), number));
        }
        if node.template == UNOPENED {
            // Only its fingerprint is there.
            let (target, number) = self.cut_again(chunk, local, within, root)?;
            chunk.nodes[local] = number;
            return Ok((target, number));
        }
        // What is new throughout goes into memory at once, with its children in it; else each of them goes by itself.
        let spot =
            match within.and_then(|parent| node.raw.offset_in(parent.raw).map(|offset| parent.spot.part(offset, raw.len()))) {
                Some(part) => part,
                None if findable && !self.is_mostly_known(cuts, node) => self.node_memory.plain(raw),
                None => Spot::NONE,
            };
        let inside = spot.length().map(|_| Within { raw: node.raw, spot });
        let mut children: SmallVec<[Child; 8]> = SmallVec::new();
        let values = cuts.values_of(node);
        let mut items: SmallVec<[(Slot, Item<'_>, u32); 12]> = SmallVec::with_capacity(values.len());
        for value in values {
            items.push(match value.slot.kind {
                SlotKind::Node | SlotKind::NodeInString => {
                    let (target, number) = self.node(chunk, value.index(), inside, false)?;
                    if inside.is_none() && value.slot.kind == SlotKind::Node {
                        children.extend(value.offset_in(node.raw).map(|offset| (offset, number)));
                    }
                    (value.slot, Item::Reference(target), number)
                }
                // Children come first: segments get their numbers after them.
                SlotKind::Segment | SlotKind::RawSegment => (value.slot, Item::Reference(Target::New), value.index() as u32),
                SlotKind::ShortString | SlotKind::Token => (value.slot, Item::Bytes(cuts.bytes(chunk.bytes, value.place)), 0),
            });
        }
        for item in &mut items {
            if matches!(item.0.kind, SlotKind::Segment | SlotKind::RawSegment) {
                let (target, number) = self.segment(chunk, item.2 as usize)?;
                *item = (item.0, Item::Reference(target), number);
            }
        }
        let bytes = cuts.template(node.template);
        let known = chunk.templates[node.template as usize];
        let template = if known == UNSEEN { self.template(bytes) } else { known };
        chunk.templates[node.template as usize] = template;
        // A list template's second byte is its elements' marker, 0 where they differ.
        let list = node.is_list.then(|| bytes[1] == 0);
        self.group.node(template, list, items.into_iter());
        let number = self.position.node;
        self.position.node += 1;
        let spot = if findable && inside.is_none() { self.node_memory.composed(raw, &children) } else { spot };
        self.node_memory.push(if findable { spot } else { Spot::NONE });
        if findable {
            self.nodes.insert(number, node.hash);
            // Lines that are no JSON stay unknown to the filter: each is looked at, and counted.
            if bytes.len() > 1 && raw.len() >= KNOWN_BYTES {
                self.known.insert(node.hash);
            }
        }
        chunk.nodes[local] = number;
        Ok((Target::New, number))
    }

    /// True when a quarter of a node's bytes or more belong to children that are known already.
    pub(super) fn is_mostly_known(&self, cuts: &Cuts, node: &cut::Node) -> bool {
        known_bytes(&self.nodes, cuts, node, KNOWN_DEPTH) * 4 > node.raw.len()
    }

    /// A node that the filter promised and that is not there (a new pack began, or two hashes met), or a record that holds such a
    /// node: cut again, and whole, so that it is stored as it would have been without a filter. Its bytes may lie in memory
    /// already, as a part of its parent's.
    pub(super) fn cut_again(
        &mut self,
        chunk: &Chunk<'_>,
        local: usize,
        within: Option<Within>,
        root: bool,
    ) -> Result<(Target, u32)> {
        let node = &chunk.cuts.nodes[local];
        let raw = chunk.cuts.bytes(chunk.bytes, node.raw);
        let nothing = Known::new(0);
        let mut cutter = Cutter::new(raw, &nothing, chunk.options);
        let local = cutter.reopen(0..raw.len()) as usize;
        let cuts = cutter.finish();
        let within = within.and_then(|parent| {
            let offset = node.raw.offset_in(parent.raw)?;
            Some(Within { raw: cuts.nodes[local].raw, spot: parent.spot.part(offset, raw.len()) })
        });
        let mut whole = Chunk::new(&CutChunk { bytes: raw, cuts: &cuts, options: chunk.options });
        self.node(&mut whole, local, within, root)
    }

    /// Fetches what looking for these will read. Each step of a look-up waits for memory; many at once wait together.
    pub(super) fn fetch_ahead(&self, nodes: &[cut::Node], segments: &[cut::Segment]) {
        std::hint::black_box(segments.iter().filter_map(|segment| self.segments.first(segment.hash)).fold(0, |any, n| any ^ n));
        let numbers: SmallVec<[u32; AHEAD]> = nodes.iter().filter_map(|node| self.nodes.first(node.hash)).collect();
        self.node_memory.fetch(numbers.into_iter());
    }

    /// The number of a node with these bytes, if there is one.
    pub(super) fn find_node(&mut self, raw: &[u8], hash: u128) -> Result<Option<u32>> {
        for number in self.nodes.candidates(hash) {
            if let Some(equal) = self.node_memory.equals(number, raw) {
                if equal {
                    return Ok(Some(number));
                }
            } else if number < self.committed.0 && self.same_in_pack(number, raw, PackView::node)? {
                self.node_memory.restore(number, raw);
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    pub(super) fn same_in_pack(
        &mut self,
        number: u32,
        bytes: &[u8],
        read: impl FnOnce(&mut PackView, u32, &mut Vec<u8>) -> Result<(), crate::error::Corrupt>,
    ) -> Result<bool> {
        let Some(view) = &mut self.history else { return Ok(false) };
        self.scratch.joined.clear();
        read(view, number, &mut self.scratch.joined).map_err(|corrupt| view.pack().damaged(corrupt))?;
        Ok(self.scratch.joined == bytes)
    }
}
