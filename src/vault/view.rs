//! Reading records out of one pack: groups and blocks are decoded when needed and kept while there is room.

use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::codec::vocabulary::{Stretches, Vocabulary};
use crate::error::{Corrupt, Result, corrupt};
use crate::group::decode::Element;
use crate::group::decode::sparse::Sparse;
use crate::pack::directory::BlockEntry;
use crate::pack::reader::PackReader;
use crate::record::MAX_DEPTH;
use crate::record::cut::class;
use crate::record::escape;
use crate::record::template::{Part, Slot, SlotKind, Template};

mod blocks;
mod cache;
mod groups;
mod plan;
mod templates;

use blocks::Block;
use cache::Cache;
use plan::Plan;
pub use templates::Templates;

/// Memory a view may keep decoded blocks and groups in, by default.
pub const CACHE_BYTES: usize = 48 << 20;

/// Joined nodes nest at most this deep: containers times JSON in strings.
const MAX_JOIN: usize = MAX_DEPTH * 8;

/// Says which texts are wanted.
type Wanted<'w> = dyn Fn(u32) -> bool + 'w;

/// One thread's way into one pack.
pub struct PackView {
    pack: Arc<PackReader>,
    templates: Rc<Templates>,
    /// Indexes into the directory's blocks, by class and start.
    blocks: Rc<[Vec<BlockEntry>; class::COUNT]>,
    group_cache: Cache<Rc<Sparse>>,
    block_cache: Cache<Rc<RefCell<Block>>>,
    vocabularies: Vec<OnceCell<Rc<Vocabulary>>>,
    plan: Plan,
}

impl PackView {
    /// A view of a pack.
    ///
    /// # Errors
    /// When its directory makes no sense.
    pub fn new(pack: Arc<PackReader>) -> Result<PackView> {
        PackView::with_cache(pack, CACHE_BYTES)
    }

    /// A view that may keep so many bytes of decoded blocks and groups.
    ///
    /// # Errors
    /// As [`PackView::new`].
    pub fn with_cache(pack: Arc<PackReader>, cache_bytes: usize) -> Result<PackView> {
        let templates = Templates::new(Arc::clone(&pack)).map_err(|corrupt| pack.damaged(corrupt))?;
        let mut blocks: [Vec<BlockEntry>; class::COUNT] = Default::default();
        for block in &pack.directory().blocks {
            match blocks.get_mut(block.class as usize) {
                Some(list) => list.push(*block),
                None => return Err(pack.damaged(corrupt!("literal class {} is unknown", block.class))),
            }
        }
        let vocabularies = pack.directory().dictionaries.iter().map(|_| OnceCell::new()).collect();
        Ok(PackView {
            vocabularies,
            plan: Plan::default(),
            pack,
            templates: Rc::new(templates),
            blocks: Rc::new(blocks),
            group_cache: Cache::new(cache_bytes / 2),
            block_cache: Cache::new(cache_bytes / 2),
        })
    }

    /// The pack.
    #[must_use]
    pub fn pack(&self) -> &Arc<PackReader> {
        &self.pack
    }

    /// The pack's templates by number.
    #[must_use]
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The same, to be kept while the view is used.
    #[must_use]
    pub fn shared_templates(&self) -> Rc<Templates> {
        Rc::clone(&self.templates)
    }

    /// Appends a segment's text.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn segment(&mut self, number: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let group = self.group_of_segment(number)?;
        let text = group.segment(number)?;
        out.reserve(text.length as usize);
        for piece in &text.pieces {
            self.literal(text.class, piece.start, piece.length, out)?;
        }
        Ok(())
    }

    /// Appends the first bytes of a segment's text, `most` of them or a few more.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn segment_start(&mut self, number: u32, most: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        // A character more, so that the cut can be made between two.
        let mut left = most.saturating_add(4);
        let group = self.group_of_segment(number)?;
        let text = group.segment(number)?;
        for piece in text.pieces {
            let length = piece.length.min(left);
            self.literal(text.class, piece.start, length, out)?;
            left -= length;
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Class, length and pieces of a segment.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn segment_pieces(&mut self, number: u32) -> Result<(u8, u32, Vec<crate::group::Piece>), Corrupt> {
        let group = self.group_of_segment(number)?;
        let text = group.segment(number)?;
        Ok((text.class, text.length, text.pieces.to_vec()))
    }

    /// Appends the text at some positions of a block, of which so much is decoded.
    fn append_text(
        &self,
        entry: &BlockEntry,
        ready: &[u8],
        coded: Option<&Stretches>,
        positions: Range<u32>,
        out: &mut Vec<u8>,
    ) -> Result<(), Corrupt> {
        let (from, to) = (positions.start - entry.start, positions.end - entry.start);
        match coded {
            None => {
                let part = ready.get(from as usize..to as usize);
                out.extend_from_slice(part.ok_or_else(|| corrupt!("a block is shorter than its entry"))?);
                Ok(())
            }
            Some(stretches) => {
                let vocabulary = self.vocabulary(stretches.vocabulary())?;
                let read = stretches.append(ready, &vocabulary, from, to, out);
                read.map_err(|Corrupt(what)| corrupt!("block at offset {}: {what}", entry.offset))
            }
        }
    }

    /// The template of a node.
    ///
    /// # Errors
    /// When its group is damaged.
    pub fn template_of(&mut self, number: u32) -> Result<&Template, Corrupt> {
        let group = self.group_of_node(number)?;
        let template = group.node(&group.find(number)?)?.template();
        self.templates.get(template).ok_or_else(|| corrupt!("no template {template}"))
    }

    /// Appends the bytes of a node.
    ///
    /// # Errors
    /// When anything it needs is damaged.
    pub fn node(&mut self, number: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        self.join(number, None, out, 0)
    }

    /// Appends the bytes of a node in which texts that `wanted` does not take are empty strings.
    ///
    /// # Errors
    /// When anything it needs is damaged.
    pub fn node_with_texts(&mut self, number: u32, wanted: &dyn Fn(u32) -> bool, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        self.join(number, Some(wanted), out, 0)
    }

    fn join(&mut self, number: u32, wanted: Option<&Wanted<'_>>, out: &mut Vec<u8>, depth: usize) -> Result<(), Corrupt> {
        if depth > MAX_JOIN {
            return Err(corrupt!("nodes nested more than {MAX_JOIN} deep"));
        }
        let group = self.group_of_node(number)?;
        let found = group.find(number)?;
        let node = group.node(&found)?;
        let templates = Rc::clone(&self.templates);
        let template = templates.get(node.template()).ok_or_else(|| corrupt!("no template {}", node.template()))?;
        match template {
            Template::Fixed(parts) => {
                let (mut slot_at, mut reference_at) = (0, 0);
                for part in parts {
                    match part {
                        Part::Literal(bytes) => out.extend_from_slice(bytes),
                        Part::Slot(slot) => {
                            match slot.kind {
                                SlotKind::ShortString => {
                                    out.push(b'"');
                                    node.value(slot_at, out)?;
                                    out.push(b'"');
                                }
                                SlotKind::Token => node.value(slot_at, out)?,
                                _ => {
                                    self.refer(*slot, node.reference(reference_at)?, wanted, out, depth)?;
                                    reference_at += 1;
                                }
                            }
                            slot_at += 1;
                        }
                    }
                }
            }
            Template::List { element, open, separator, close } => {
                let mut list = node.list()?;
                out.extend_from_slice(open);
                for index in 0..list.count() {
                    if index > 0 {
                        out.extend_from_slice(separator);
                    }
                    let slot = list.next_slot(*element)?;
                    let quoted = slot.kind == SlotKind::ShortString;
                    if quoted {
                        out.push(b'"');
                    }
                    if let Element::Reference(target) = list.next(slot, out)? {
                        self.refer(slot, target, wanted, out, depth)?;
                    }
                    if quoted {
                        out.push(b'"');
                    }
                }
                out.extend_from_slice(close);
            }
        }
        Ok(())
    }

    fn refer(
        &mut self,
        slot: Slot,
        target: u32,
        wanted: Option<&Wanted<'_>>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Corrupt> {
        match slot.kind {
            SlotKind::Node => self.join(target, wanted, out, depth + 1),
            SlotKind::Segment if wanted.is_some_and(|wanted| !wanted(target)) => {
                out.extend_from_slice(b"\"\"");
                Ok(())
            }
            SlotKind::RawSegment => self.segment(target, out),
            SlotKind::NodeInString | SlotKind::Segment => {
                out.push(b'"');
                let mut text = Vec::new();
                if slot.kind == SlotKind::Segment {
                    self.segment(target, &mut text)?;
                } else {
                    self.join(target, wanted, &mut text, depth + 1)?;
                }
                escape::encode(&text, slot.style, out);
                out.push(b'"');
                Ok(())
            }
            SlotKind::ShortString | SlotKind::Token => Err(corrupt!("a short value where a reference belongs")),
        }
    }

    /// Appends the bytes of a record.
    ///
    /// # Errors
    /// As [`PackView::root`] and [`PackView::node`].
    pub fn record(&mut self, group: usize, position: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let root = self.root(group, position)?;
        let joined = self.prepare(root).and_then(|()| self.node(root, out));
        self.plan.forget();
        joined
    }
}
