//! How much of a pack would go: what live records reach is marked, the rest is counted.
//!
//! A child has a smaller number than its parent, so that one pass over the groups from last to first marks everything. Bytes are
//! an estimate: a block or group of which half is dead counts for half its stored size.

use std::sync::Arc;

use crate::error::{Corrupt, Result, corrupt};
use crate::group::Piece;
use crate::group::decode::{Element, Group};
use crate::pack::directory::BlockEntry;
use crate::pack::frame::{self, Frame};
use crate::pack::reader::PackReader;
use crate::record::template::{Part, Slot, SlotKind, Template};
use crate::vault::rewrite::Numbers;
use crate::vault::view::{PackView, Templates};

/// What would go.
#[derive(Debug, Default)]
pub struct Garbage {
    /// Segments.
    pub segments: u64,
    /// Stored bytes, about.
    pub bytes: u64,
}

/// Nodes and segments that are needed.
#[derive(Default)]
struct Marks {
    nodes: Numbers,
    segments: Numbers,
}

/// Measures a pack against the records that stay.
///
/// # Errors
/// When it is damaged.
pub fn measure(pack: &Arc<PackReader>, live: &Numbers) -> Result<Garbage> {
    let mut view = PackView::new(Arc::clone(pack))?;
    count(pack, &mut view, live).map_err(|corrupt| pack.damaged(corrupt))
}

fn count(pack: &PackReader, view: &mut PackView, live: &Numbers) -> Result<Garbage, Corrupt> {
    let mut marks = Marks::default();
    let mut garbage = Garbage::default();
    let mut used = Used::default();
    for (index, entry) in pack.directory().groups.iter().enumerate().rev() {
        let group = view.open_group(index)?;
        let numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
        for (position, _) in numbers.enumerate().filter(|(_, number)| live.contains(*number)) {
            let root = group.root(position).ok_or_else(|| corrupt!("a record without root"))?;
            marks.nodes.insert(u64::from(root));
        }
        let mut needed = 0;
        for node in (entry.first_node..entry.first_node + entry.nodes).rev() {
            if marks.nodes.contains(u64::from(node)) {
                needed += 1;
                mark_children(&group, node, view.templates(), &mut marks)?;
            }
        }
        for segment in entry.first_segment..entry.first_segment + entry.segments {
            if marks.segments.contains(u64::from(segment)) {
                let text = group.segment(segment)?;
                text.pieces.iter().for_each(|piece| used.add(text.class, *piece));
            } else {
                garbage.segments += 1;
            }
        }
        garbage.bytes += share(stored(pack, entry.offset)?, u64::from(entry.nodes) - needed, u64::from(entry.nodes));
    }
    garbage.bytes += dead_text(pack, used)?;
    Ok(garbage)
}

fn stored(pack: &PackReader, offset: u64) -> Result<u64, Corrupt> {
    Frame::read(pack.bytes(), offset).map(|frame| frame.length - (frame::HEAD + frame::TAIL) as u64)
}

fn share(bytes: u64, part: u64, whole: u64) -> u64 {
    (u128::from(bytes) * u128::from(part) / u128::from(whole.max(1))) as u64
}

fn mark_children(group: &Group, number: u32, templates: &Templates, marks: &mut Marks) -> Result<(), Corrupt> {
    let node = group.node(number)?;
    let template = templates.get(node.template()).ok_or_else(|| corrupt!("no template {}", node.template()))?;
    match template {
        Template::Fixed(parts) => {
            let slots = parts.iter().filter_map(|part| match part {
                Part::Slot(slot) if !matches!(slot.kind, SlotKind::ShortString | SlotKind::Token) => Some(*slot),
                _ => None,
            });
            for (at, slot) in slots.enumerate() {
                marks.refer(slot, node.reference(at)?);
            }
        }
        Template::List { element, .. } => {
            let mut list = node.list()?;
            let mut values = Vec::new();
            for _ in 0..list.count() {
                let slot = list.next_slot(*element)?;
                values.clear();
                if let Element::Reference(target) = list.next(slot, &mut values)? {
                    marks.refer(slot, target);
                }
            }
        }
    }
    Ok(())
}

impl Marks {
    fn refer(&mut self, slot: Slot, target: u32) {
        match slot.kind {
            SlotKind::Node | SlotKind::NodeInString => self.nodes.insert(u64::from(target)),
            _ => self.segments.insert(u64::from(target)),
        }
    }
}

/// Places of literal text that needed segments have pieces of, by class.
#[derive(Default)]
struct Used {
    pieces: Vec<(u8, Piece)>,
    /// How many were left when they were joined last.
    apart: usize,
}

/// Pieces are joined when there are so many more than the last time: those of neighbouring segments nearly always touch.
const JOINED_AFTER: usize = 1 << 16;

impl Used {
    fn add(&mut self, class: u8, piece: Piece) {
        self.pieces.push((class, piece));
        if self.pieces.len() >= self.apart * 2 + JOINED_AFTER {
            self.join();
        }
    }

    /// Sorted, and apart from each other.
    fn join(&mut self) {
        self.pieces.sort_unstable_by_key(|(class, piece)| (*class, piece.start));
        self.pieces.dedup_by(|(class, next), (last_class, last)| {
            let touches = class == last_class && u64::from(next.start) <= end(last);
            if touches {
                let length = end(last).max(end(next)) - u64::from(last.start);
                last.length = u32::try_from(length).unwrap_or(u32::MAX);
            }
            touches
        });
        self.apart = self.pieces.len();
    }

    /// Bytes of a block that they lie over, once they are joined.
    fn covered(&self, block: &BlockEntry) -> u64 {
        let (from, to) = (u64::from(block.start), u64::from(block.start) + u64::from(block.length));
        let first = self.pieces.partition_point(|(class, piece)| (*class, end(piece)) <= (block.class, from));
        let over = self.pieces[first..].iter().map(|(class, piece)| (*class, u64::from(piece.start), end(piece)));
        let over = over.take_while(|(class, start, _)| *class == block.class && *start < to);
        over.map(|(_, start, end)| end.min(to) - start.max(from)).sum()
    }
}

fn end(piece: &Piece) -> u64 {
    u64::from(piece.start) + u64::from(piece.length)
}

/// Stored bytes of literal text that no needed segment has a piece of.
fn dead_text(pack: &PackReader, mut used: Used) -> Result<u64, Corrupt> {
    used.join();
    let mut dead = 0;
    for block in &pack.directory().blocks {
        let length = u64::from(block.length);
        dead += share(stored(pack, block.offset)?, length - used.covered(block), length);
    }
    Ok(dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Protects what gc says it will free: pieces come in any order, overlap and repeat, and are joined now and then on the way.
    #[test]
    fn bytes_that_any_piece_lies_over_count_once() {
        let mut used = Used::default();
        let mut naive = vec![[false; 4096]; 2];
        let mut state = 1u64;
        for n in 0..JOINED_AFTER + 5 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (class, start, length) = ((state >> 60 & 1) as u8, (state >> 33) as u32 % 4000, (n % 3) as u32);
            // Most of them in the first half, so that holes are left.
            let start = if n % 97 == 0 { start } else { start / 2 };
            used.add(class, Piece { start, length });
            naive[class as usize][start as usize..(start + length) as usize].fill(true);
        }
        assert!(used.pieces.len() < JOINED_AFTER / 4, "they were joined on the way");
        used.join();
        for (class, naive) in naive.iter().enumerate() {
            for (start, length) in [(0, 4096), (100, 7), (2100, 900), (3999, 97)] {
                let block = BlockEntry { offset: 0, class: class as u8, start, length };
                let bytes = &naive[start as usize..(start + length) as usize];
                assert_eq!(used.covered(&block), bytes.iter().filter(|used| **used).count() as u64, "{class} {start}");
            }
        }
    }
}
