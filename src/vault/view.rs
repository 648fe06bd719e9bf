//! Reading records out of one pack: groups and blocks are decoded when needed and kept while there is room.

use std::cell::{OnceCell, RefCell};
use std::ops::{Deref, Range};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::bytes::Reader;
use crate::codec::Gradual;
use crate::codec::vocabulary::{Stretches, Vocabulary};
use crate::error::{Corrupt, Result, corrupt};
use crate::group::decode::outline::{Outline, Outlines, outline_of};
use crate::group::decode::probe::{self, Probed};
use crate::group::decode::sparse::Sparse;
use crate::group::decode::{Element, Group, Payload};
use crate::pack::directory::{BlockEntry, GroupEntry, TemplatesEntry};
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::MAX_DEPTH;
use crate::record::cut::class;
use crate::record::escape;
use crate::record::template::{Part, Slot, SlotKind, Template};

mod plan;

use plan::{Plan, block_key};

/// Memory a view may keep decoded blocks and groups in, by default.
pub const CACHE_BYTES: usize = 48 << 20;
/// Blocks that are kept in passing: one of each class, and what one rests on.
const FEW_BLOCKS: usize = 4;

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
    /// Room for a block's text.
    spare: Vec<u8>,
}

/// A block as it is kept: text, or codes that become text only where they are read.
struct Block {
    bytes: Gradual,
    coded: Option<Stretches>,
}

/// The first block of a star, and how many of its bytes another rests on.
type Base = (Rc<RefCell<Block>>, usize);

/// How far a block is wanted.
#[derive(Clone, Copy)]
enum Upto {
    /// So many bytes of its text.
    Text(usize),
    /// So many bytes of what it decodes to, text or codes.
    Bytes(usize),
}

impl Upto {
    /// In bytes of what a block decodes to.
    fn of(self, coded: Option<&Stretches>) -> usize {
        match (self, coded) {
            (Upto::Text(text), Some(stretches)) => stretches.end_of(text),
            (Upto::Text(bytes) | Upto::Bytes(bytes), _) => bytes,
        }
    }

    /// The same of a block of which only `ready` is there yet: the head of one in codes says how many codes are needed.
    fn of_frame(self, frame: &frame::Frame<'_>, length: u32, ready: &[u8]) -> Result<usize, Corrupt> {
        let head = Stretches::head_bytes(length).min(frame.raw_length as usize);
        if frame::codec::is_coded(frame.codec) && ready.len() < head {
            return Ok(head);
        }
        Ok(self.of(stretches(frame, length, ready)?.as_ref()))
    }
}

/// Where the codes of a block are that is in codes; `ready` has its head.
fn stretches(frame: &frame::Frame<'_>, length: u32, ready: &[u8]) -> Result<Option<Stretches>, Corrupt> {
    let is_coded = frame::codec::is_coded(frame.codec);
    is_coded.then(|| Stretches::read(ready, length, frame.raw_length)).transpose()
}

impl Block {
    fn open(frame: &frame::Frame<'_>, prefix: Option<&[u8]>, length: u32, upto: Upto) -> Result<Block, Corrupt> {
        let once = matches!(upto, Upto::Bytes(_));
        let bytes = frame::decode_start(frame, prefix, &mut |ready| upto.of_frame(frame, length, ready), once)?;
        Ok(Block { coded: stretches(frame, length, bytes.ready())?, bytes })
    }

    /// How many of its bytes must be there.
    fn needs(&self, upto: Upto) -> usize {
        upto.of(self.coded.as_ref())
    }

    /// What another block rests on.
    fn prefix(&self, length: usize) -> Result<&[u8], Corrupt> {
        self.bytes.ready().get(..length).ok_or_else(|| corrupt!("a block rests on more than its first block holds"))
    }

    fn has(&self, upto: Upto) -> bool {
        self.bytes.is_whole() || self.bytes.ready().len() >= self.needs(upto)
    }

    fn reach(&mut self, frame: &frame::Frame<'_>, prefix: Option<&[u8]>, upto: Upto) -> Result<(), Corrupt> {
        let needs = self.needs(upto);
        if self.has(upto) { Ok(()) } else { frame::reach(&mut self.bytes, frame, prefix, &mut |_| Ok(needs)) }
    }
}

/// Keeps what was used last, up to a number of bytes.
struct Cache<T> {
    entries: FxHashMap<u64, (T, usize, u64)>,
    bytes: usize,
    limit: usize,
    clock: u64,
}

impl<T: Clone> Cache<T> {
    fn new(limit: usize) -> Cache<T> {
        Cache { entries: FxHashMap::default(), bytes: 0, limit, clock: 0 }
    }

    fn get(&mut self, key: u64) -> Option<T> {
        self.clock += 1;
        let entry = self.entries.get_mut(&key)?;
        entry.2 = self.clock;
        Some(entry.0.clone())
    }

    fn insert(&mut self, key: u64, value: T, bytes: usize) {
        if let Some((_, before, _)) = self.entries.remove(&key) {
            self.bytes -= before;
        }
        while self.bytes + bytes > self.limit && !self.entries.is_empty() {
            // Tens of entries: a scan is cheaper than keeping an order.
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.2).map(|(key, _)| *key);
            if let Some((_, freed, _)) = oldest.and_then(|key| self.entries.remove(&key)) {
                self.bytes -= freed;
            }
        }
        self.bytes += bytes;
        self.entries.insert(key, (value, bytes, self.clock));
    }
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
            spare: Vec::new(),
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

    /// The group at an index of the directory, to be read as far as needed.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn group(&mut self, index: usize) -> Result<Rc<Sparse>, Corrupt> {
        if let Some(group) = self.group_cache.get(index as u64) {
            return Ok(group);
        }
        let offset = self.pack.directory().groups.get(index).map_or(0, |entry| entry.offset);
        let opened = self.open_with(
            index,
            |payload| Sparse::open(payload, offset, Rc::clone(&self.templates) as Rc<dyn Outlines>),
            |group| sizes(group.first_node, group.first_segment, group.sizes()),
        );
        let group = Rc::new(opened?);
        self.group_cache.insert(index as u64, Rc::clone(&group), group.memory());
        Ok(group)
    }

    /// The group at an index of the directory, whole and not kept: for passes over all groups.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open_group(&self, index: usize) -> Result<Group, Corrupt> {
        self.open_with(
            index,
            |payload| Group::decode(payload, |number| self.templates.get(number)),
            |group| sizes(group.first_node, group.first_segment, group.sizes()),
        )
    }

    /// Looks for something in a group without opening more of it than it may stand in (see [`probe`]).
    ///
    /// # Errors
    /// When it is damaged.
    pub fn probe(&self, index: usize, wanted: &probe::Wanted<'_>, links: bool) -> Result<Probed, Corrupt> {
        self.open_with(
            index,
            |payload| probe::probe(payload, &*self.templates, |number| self.templates.get(number), wanted, links),
            |probed| sizes(probed.sizes.0, probed.sizes.1, probed.sizes.2),
        )
    }

    fn open_with<G>(
        &self,
        index: usize,
        open: impl FnOnce(Payload) -> Result<G, Corrupt>,
        sizes: impl FnOnce(&G) -> Sizes,
    ) -> Result<G, Corrupt> {
        let entry = self.pack.directory().groups.get(index).ok_or_else(|| corrupt!("no group {index}"))?;
        let frame = self.pack.frame(entry.offset, Kind::Group)?;
        // Groups compress their streams themselves: the frame is nearly always stored as it is, and read where it lies.
        let payload: Payload = if frame.codec == frame::codec::RAW {
            let start = entry.offset as usize + frame::HEAD;
            Arc::new(InPack { pack: Arc::clone(&self.pack), range: start..start + frame.payload.len() })
        } else {
            Arc::new(frame::decode(&frame, None)?)
        };
        open(payload)
            .and_then(|group| if sizes(&group) == sizes_of(entry) { Ok(group) } else { Err(corrupt!("{NOT_THAT}")) })
            .map_err(|Corrupt(what)| corrupt!("group at offset {}: {what}", entry.offset))
    }

    fn group_of_node(&mut self, node: u32) -> Result<Rc<Sparse>, Corrupt> {
        let groups = &self.pack.directory().groups;
        let index = groups.partition_point(|group| group.first_node + group.nodes <= node);
        self.group(index)
    }

    fn group_of_segment(&mut self, segment: u32) -> Result<Rc<Sparse>, Corrupt> {
        let groups = &self.pack.directory().groups;
        let index = groups.partition_point(|group| group.first_segment + group.segments <= segment);
        self.group(index)
    }

    /// The block that holds a position: its entry and its decoded bytes, at least those for the text before `end`.
    fn block(&mut self, class: u8, position: u32, end: u32) -> Result<(BlockEntry, Rc<RefCell<Block>>), Corrupt> {
        let list = self.blocks.get(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let index = list.partition_point(|block| block.start + block.length <= position);
        let entry = *list
            .get(index)
            .filter(|block| block.start <= position)
            .ok_or_else(|| corrupt!("no block holds position {position} of literal class {class}"))?;
        let end = end.max(self.plan.end_of(class, index));
        let upto = (end - entry.start).min(entry.length) as usize;
        Ok((entry, self.block_at(class, index, Upto::Text(upto))?))
    }

    /// The text of a block of a class.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn whole_block(&mut self, class: u8, index: usize) -> Result<Vec<u8>, Corrupt> {
        let list = self.blocks.get(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let entry = *list.get(index).ok_or_else(|| corrupt!("no block {index}"))?;
        let mut text = std::mem::take(&mut self.spare);
        text.clear();
        text.reserve(entry.length as usize);
        self.literal(class, entry.start, entry.length, &mut text)?;
        Ok(text)
    }

    /// Keeps only a few decoded blocks from here on: for who goes through a pack once, memory that was used before is sooner at hand
    /// than new.
    pub fn pass_through(&mut self) {
        let largest = self.pack.directory().blocks.iter().map(|block| block.length as usize).max();
        self.block_cache.limit = self.block_cache.limit.min(largest.unwrap_or_default() * FEW_BLOCKS);
    }

    /// Takes the room of a text back, for the next [`PackView::whole_block`].
    pub fn reuse(&mut self, text: Vec<u8>) {
        self.spare = text;
    }

    /// A block, decoded so far or further: who needs a single record need not wait for the whole block.
    fn block_at(&mut self, class: u8, index: usize, upto: Upto) -> Result<Rc<RefCell<Block>>, Corrupt> {
        let key = block_key(class, index);
        let list = self.blocks.get(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let entry = *list.get(index).ok_or_else(|| corrupt!("no block {index}"))?;
        let damaged = |Corrupt(what)| corrupt!("block at offset {}: {what}", entry.offset);
        let kept = self.block_cache.get(key);
        if let Some(block) = &kept
            && block.borrow().has(upto)
        {
            return Ok(Rc::clone(block));
        }
        let pack = Arc::clone(&self.pack);
        let frame = pack.frame(entry.offset, Kind::Block)?;
        if frame.raw_length != entry.length && !frame::codec::is_coded(frame.codec) {
            let (offset, has) = (entry.offset, frame.raw_length);
            return Err(corrupt!("block at offset {offset} holds {has} bytes, the directory says {}", entry.length));
        }
        let base = self.base_of(class, index, &frame)?;
        let base = base.as_ref().map(|(block, length)| (block.borrow(), *length));
        let prefix = base.as_ref().map(|(block, length)| block.prefix(*length)).transpose()?;
        if let Some(block) = kept {
            block.borrow_mut().reach(&frame, prefix, upto).map_err(damaged)?;
            return Ok(block);
        }
        let block = Block::open(&frame, prefix, entry.length, upto).map_err(damaged)?;
        let block = Rc::new(RefCell::new(block));
        self.block_cache.insert(key, Rc::clone(&block), frame.raw_length as usize);
        Ok(block)
    }

    /// What a block rests on, if it does: the first of its star, and how many of its bytes.
    fn base_of(&mut self, class: u8, index: usize, frame: &frame::Frame<'_>) -> Result<Option<Base>, Corrupt> {
        if !frame::codec::has_prefix(frame.codec) {
            return Ok(None);
        }
        let mut head = Reader::new(frame.payload);
        let (base, length) = (head.varint32()? as usize, head.varint32()? as usize);
        if base >= index {
            return Err(corrupt!("block {index} rests on block {base}, which does not come before it"));
        }
        let entry = self.blocks.get(class as usize).and_then(|list| list.get(base)).ok_or_else(|| corrupt!("no block {base}"))?;
        if frame::codec::has_prefix(self.pack.frame(entry.offset, Kind::Block)?.codec) {
            return Err(corrupt!("block {index} rests on block {base}, which does not stand alone"));
        }
        Ok(Some((self.block_at(class, base, Upto::Bytes(length))?, length)))
    }

    /// A vocabulary by its number among the dictionaries.
    fn vocabulary(&self, number: u32) -> Result<Rc<Vocabulary>, Corrupt> {
        let unknown = || corrupt!("no vocabulary {number}");
        let slot = self.vocabularies.get(number as usize).ok_or_else(unknown)?;
        let offset = self.pack.directory().dictionaries.get(number as usize).ok_or_else(unknown)?;
        if let Some(vocabulary) = slot.get() {
            return Ok(Rc::clone(vocabulary));
        }
        let payload = frame::decode(&self.pack.frame(*offset, Kind::Dictionary)?, None)?;
        let read = match payload.split_first() {
            Some((&frame::form::VOCABULARY, stored)) => Vocabulary::decode(stored),
            _ => Err(unknown()),
        };
        let read = read.map_err(|Corrupt(what)| corrupt!("dictionary at offset {offset}: {what}"))?;
        Ok(Rc::clone(slot.get_or_init(|| Rc::new(read))))
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

    /// Appends part of a literal stream.
    fn literal(&mut self, class: u8, start: u32, length: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        if let Some(text) = self.plan.text(class, start, length) {
            out.extend_from_slice(text);
            return Ok(());
        }
        let (mut at, end) = (start, start.checked_add(length).ok_or_else(|| corrupt!("a piece overflows"))?);
        while at < end {
            let (entry, block) = self.block(class, at, end)?;
            let upto = end.min(entry.start + entry.length);
            let block = block.borrow();
            self.append_text(&entry, block.bytes.ready(), block.coded.as_ref(), at..upto, out)?;
            at = upto;
        }
        Ok(())
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

    /// Root node of a record, by the index of its group and its position in it.
    ///
    /// # Errors
    /// When the group is damaged or has no such record.
    pub fn root(&mut self, group: usize, position: usize) -> Result<u32, Corrupt> {
        self.group(group)?.root(position)?.ok_or_else(|| corrupt!("group {group} has no record {position}"))
    }

    /// Length and segments of a record that is nothing but segments one after another: how lines too long for memory are kept.
    ///
    /// # Errors
    /// When what it needs is damaged.
    pub fn pieces(&mut self, group: usize, position: usize) -> Result<Option<(u64, Vec<u32>)>, Corrupt> {
        let root = self.root(group, position)?;
        let group = self.group_of_node(root)?;
        let found = group.find(root)?;
        let node = group.node(&found)?;
        let Some(Template::List { element: Some(slot), open, separator, close }) = self.templates.get(node.template()) else {
            return Ok(None);
        };
        if slot.kind != SlotKind::RawSegment || !(open.is_empty() && separator.is_empty() && close.is_empty()) {
            return Ok(None);
        }
        let count = node.list()?.count() as usize;
        let segments = (0..count).map(|index| node.reference(index)).collect::<Result<Vec<u32>, Corrupt>>()?;
        let mut length = 0;
        for &segment in &segments {
            let group = self.group_of_segment(segment)?;
            length += u64::from(group.segment(segment)?.length);
        }
        Ok(Some((length, segments)))
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

/// First node, first segment, and how many nodes, segments and records.
type Sizes = (u32, u32, usize, usize, u64);

const NOT_THAT: &str = "is not the group the directory describes";

fn sizes(first_node: u32, first_segment: u32, (nodes, segments, records): (usize, usize, usize)) -> Sizes {
    (first_node, first_segment, nodes, segments, records as u64)
}

fn sizes_of(entry: &GroupEntry) -> Sizes {
    let records = entry.records.iter().map(|run| run.count).fold(0, u64::wrapping_add);
    (entry.first_node, entry.first_segment, entry.nodes as usize, entry.segments as usize, records)
}

/// Part of a pack's bytes that outlives the borrow of the pack.
struct InPack {
    pack: Arc<PackReader>,
    range: Range<usize>,
}

impl Deref for InPack {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.pack.bytes().get(self.range.clone()).unwrap_or_default()
    }
}

/// A pack's templates. A record needs a handful of thousands: frames are decoded and templates parsed when they are first asked for.
pub struct Templates {
    pack: Arc<PackReader>,
    frames: Vec<OnceCell<Option<TemplateFrame>>>,
}

/// One frame of templates.
struct TemplateFrame {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    parsed: Vec<OnceCell<Option<Box<Template>>>>,
}

impl Templates {
    fn new(pack: Arc<PackReader>) -> Result<Templates, Corrupt> {
        let mut next = 0u32;
        for entry in &pack.directory().templates {
            if entry.first != next {
                return Err(corrupt!("templates at offset {} begin at {} instead of {next}", entry.offset, entry.first));
            }
            next = next.checked_add(entry.count).ok_or_else(|| corrupt!("more than 4 billion templates"))?;
        }
        let frames = pack.directory().templates.iter().map(|_| OnceCell::new()).collect();
        Ok(Templates { pack, frames })
    }

    /// The template with a number; `None` when there is none or it is damaged.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Template> {
        let (frame, index) = self.frame_of(number)?;
        frame.get(index)
    }

    /// The frame that holds a template, and its place in it.
    fn frame_of(&self, number: u32) -> Option<(&TemplateFrame, usize)> {
        let entries = &self.pack.directory().templates;
        let index = entries.partition_point(|entry| entry.first + entry.count <= number);
        let entry = entries.get(index)?;
        let frame = self.frames.get(index)?.get_or_init(|| TemplateFrame::read(&self.pack, entry).ok()).as_ref()?;
        Some((frame, (number - entry.first) as usize))
    }
}

impl Outlines for Templates {
    fn outline(&self, number: u32, slots: &mut Vec<SlotKind>) -> Option<Outline> {
        let (frame, index) = self.frame_of(number)?;
        outline_of(frame.stored(index)?, slots)
    }
}

impl TemplateFrame {
    fn read(pack: &PackReader, entry: &TemplatesEntry) -> Result<TemplateFrame, Corrupt> {
        let bytes = frame::decode(&pack.frame(entry.offset, Kind::Templates)?, None)?;
        let mut reader = Reader::new(&bytes);
        let mut ends = Vec::new();
        for _ in 0..entry.count {
            reader.bytes()?;
            ends.push(reader.position() as u32);
        }
        reader.finish()?;
        let parsed = ends.iter().map(|_| OnceCell::new()).collect();
        Ok(TemplateFrame { bytes, ends, parsed })
    }

    fn get(&self, index: usize) -> Option<&Template> {
        let parse = || Template::parse(self.stored(index)?).ok().map(Box::new);
        self.parsed.get(index)?.get_or_init(parse).as_deref()
    }

    /// The bytes of a template.
    fn stored(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())? as usize;
        Reader::new(self.bytes.get(start..)?).bytes().ok()
    }
}
