//! Reading records out of one pack: groups and blocks are decoded when needed and kept while there is room.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::bytes::Reader;
use crate::codec::vocabulary::{Coded, Vocabulary};
use crate::error::{Corrupt, Result, corrupt};
use crate::group::decode::{Element, Group};
use crate::pack::directory::{BlockEntry, GroupEntry};
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::MAX_DEPTH;
use crate::record::cut::class;
use crate::record::escape;
use crate::record::template::{Part, Slot, SlotKind, Template};

/// Memory a view may keep decoded blocks and groups in, by default.
pub const CACHE_BYTES: usize = 48 << 20;

/// Joined nodes nest at most this deep: containers times JSON in strings.
const MAX_JOIN: usize = MAX_DEPTH * 8;

/// One thread's way into one pack.
pub struct PackView {
    pack: Arc<PackReader>,
    templates: Rc<Templates>,
    /// Indexes into the directory's blocks, by class and start.
    blocks: Rc<[Vec<BlockEntry>; class::COUNT]>,
    group_cache: Cache<Rc<Group>>,
    block_cache: Cache<Rc<Block>>,
    vocabularies: Vec<OnceCell<Rc<Vocabulary>>>,
}

/// A block as it is kept: codes become text only where they are read.
enum Block {
    Text(Vec<u8>),
    Coded(Coded),
}

impl Block {
    /// What later blocks rest on.
    fn bytes(&self) -> &[u8] {
        match self {
            Block::Text(text) => text,
            Block::Coded(coded) => coded.bytes(),
        }
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
    /// A view of a pack; reads its templates.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn new(pack: Arc<PackReader>) -> Result<PackView> {
        PackView::with_cache(pack, CACHE_BYTES)
    }

    /// A view that may keep so many bytes of decoded blocks and groups.
    ///
    /// # Errors
    /// As [`PackView::new`].
    pub fn with_cache(pack: Arc<PackReader>, cache_bytes: usize) -> Result<PackView> {
        let templates = read_templates(&pack).map_err(|corrupt| pack.damaged(corrupt))?;
        let mut blocks: [Vec<BlockEntry>; class::COUNT] = Default::default();
        for block in &pack.directory.blocks {
            match blocks.get_mut(block.class as usize) {
                Some(list) => list.push(*block),
                None => return Err(pack.damaged(corrupt!("literal class {} is unknown", block.class))),
            }
        }
        let vocabularies = pack.directory.dictionaries.iter().map(|_| OnceCell::new()).collect();
        Ok(PackView {
            vocabularies,
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

    /// The group at an index of the directory.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn group(&mut self, index: usize) -> Result<Rc<Group>, Corrupt> {
        if let Some(group) = self.group_cache.get(index as u64) {
            return Ok(group);
        }
        let group = Rc::new(self.open_group(index)?);
        self.group_cache.insert(index as u64, Rc::clone(&group), group.memory());
        Ok(group)
    }

    /// The group at an index of the directory, not kept: for passes over all groups.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open_group(&self, index: usize) -> Result<Group, Corrupt> {
        let entry = self.pack.directory.groups.get(index).ok_or_else(|| corrupt!("no group {index}"))?;
        let frame = self.pack.frame(entry.offset, Kind::Group)?;
        let payload = frame::decode(&frame, None)?;
        Group::decode(&payload, |number| self.templates.get(number))
            .and_then(|group| matches_entry(group, entry))
            .map_err(|Corrupt(what)| corrupt!("group at offset {}: {what}", entry.offset))
    }

    fn group_of_node(&mut self, node: u32) -> Result<Rc<Group>, Corrupt> {
        let groups = &self.pack.directory.groups;
        let index = groups.partition_point(|group| group.first_node + group.nodes <= node);
        self.group(index)
    }

    fn group_of_segment(&mut self, segment: u32) -> Result<Rc<Group>, Corrupt> {
        let groups = &self.pack.directory.groups;
        let index = groups.partition_point(|group| group.first_segment + group.segments <= segment);
        self.group(index)
    }

    /// A block's decoded bytes, with its entry.
    fn block(&mut self, class: u8, position: u32) -> Result<(BlockEntry, Rc<Block>), Corrupt> {
        let list = self.blocks.get(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let index = list.partition_point(|block| block.start + block.length <= position);
        let entry = *list
            .get(index)
            .filter(|block| block.start <= position)
            .ok_or_else(|| corrupt!("no block holds position {position} of literal class {class}"))?;
        Ok((entry, self.block_at(class, index)?))
    }

    fn block_at(&mut self, class: u8, index: usize) -> Result<Rc<Block>, Corrupt> {
        let key = u64::from(class) << 32 | index as u64;
        if let Some(bytes) = self.block_cache.get(key) {
            return Ok(bytes);
        }
        let list = self.blocks.get(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let entry = *list.get(index).ok_or_else(|| corrupt!("no block {index}"))?;
        let pack = Arc::clone(&self.pack);
        let frame = pack.frame(entry.offset, Kind::Block)?;
        let is_coded = frame::codec::is_coded(frame.codec);
        if frame.raw_length != entry.length && !is_coded {
            return Err(corrupt!(
                "block at offset {} holds {} bytes, the directory says {}",
                entry.offset,
                frame.raw_length,
                entry.length
            ));
        }
        let prefix = match frame::codec::has_prefix(frame.codec) {
            true => {
                let base = Reader::new(frame.payload).varint32()? as usize;
                if base >= index {
                    return Err(corrupt!("block {index} rests on block {base}, which does not come before it"));
                }
                Some(self.block_at(class, base)?)
            }
            false => None,
        };
        let decoded = frame::decode(&frame, prefix.as_ref().map(|prefix| prefix.bytes()));
        let block = decoded
            .and_then(|bytes| if is_coded { Coded::read(bytes, entry.length).map(Block::Coded) } else { Ok(Block::Text(bytes)) })
            .map_err(|Corrupt(what)| corrupt!("block at offset {}: {what}", entry.offset))?;
        let block = Rc::new(block);
        self.block_cache.insert(key, Rc::clone(&block), block.bytes().len());
        Ok(block)
    }

    /// A vocabulary by its number among the dictionaries.
    fn vocabulary(&self, number: u32) -> Result<Rc<Vocabulary>, Corrupt> {
        let unknown = || corrupt!("no vocabulary {number}");
        let (slot, offset) =
            self.vocabularies.get(number as usize).zip(self.pack.directory.dictionaries.get(number as usize)).ok_or_else(unknown)?;
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
        for piece in text.pieces {
            self.literal(text.class, piece.start, piece.length, out)?;
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
        let (mut at, end) = (start, start.checked_add(length).ok_or_else(|| corrupt!("a piece overflows"))?);
        while at < end {
            let (entry, block) = self.block(class, at)?;
            let upto = end.min(entry.start + entry.length);
            let (from, to) = (at - entry.start, upto - entry.start);
            match block.as_ref() {
                Block::Text(text) => {
                    let part = text.get(from as usize..to as usize);
                    out.extend_from_slice(part.ok_or_else(|| corrupt!("a block is shorter than its entry"))?);
                }
                Block::Coded(coded) => coded
                    .append(&*self.vocabulary(coded.vocabulary())?, from, to, out)
                    .map_err(|Corrupt(what)| corrupt!("block at offset {}: {what}", entry.offset))?,
            }
            at = upto;
        }
        Ok(())
    }

    /// Appends the bytes of a node.
    ///
    /// # Errors
    /// When anything it needs is damaged.
    pub fn node(&mut self, number: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        self.join(number, out, 0)
    }

    fn join(&mut self, number: u32, out: &mut Vec<u8>, depth: usize) -> Result<(), Corrupt> {
        if depth > MAX_JOIN {
            return Err(corrupt!("nodes nested more than {MAX_JOIN} deep"));
        }
        let group = self.group_of_node(number)?;
        let node = group.node(number)?;
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
                                    self.refer(*slot, node.reference(reference_at)?, out, depth)?;
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
                        self.refer(slot, target, out, depth)?;
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

    fn refer(&mut self, slot: Slot, target: u32, out: &mut Vec<u8>, depth: usize) -> Result<(), Corrupt> {
        match slot.kind {
            SlotKind::Node => self.join(target, out, depth + 1),
            SlotKind::RawSegment => self.segment(target, out),
            SlotKind::NodeInString | SlotKind::Segment => {
                out.push(b'"');
                let mut text = Vec::new();
                if slot.kind == SlotKind::Segment {
                    self.segment(target, &mut text)?;
                } else {
                    self.join(target, &mut text, depth + 1)?;
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
        self.group(group)?.root(position).ok_or_else(|| corrupt!("group {group} has no record {position}"))
    }

    /// Length and segments of a record that is nothing but segments one after another: how lines too long for memory are kept.
    ///
    /// # Errors
    /// When what it needs is damaged.
    pub fn pieces(&mut self, group: usize, position: usize) -> Result<Option<(u64, Vec<u32>)>, Corrupt> {
        let root = self.root(group, position)?;
        let group = self.group_of_node(root)?;
        let node = group.node(root)?;
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
        self.node(root, out)
    }
}

fn matches_entry(group: Group, entry: &GroupEntry) -> Result<Group, Corrupt> {
    let records: u64 = entry.records.iter().map(|run| run.count).sum();
    let (nodes, segments, roots) = group.sizes();
    let same = group.first_node == entry.first_node
        && nodes == entry.nodes as usize
        && group.first_segment == entry.first_segment
        && segments == entry.segments as usize
        && roots as u64 == records;
    if same { Ok(group) } else { Err(corrupt!("is not the group the directory describes")) }
}

/// A pack's templates, each parsed when it is first asked for: a record needs a handful of thousands.
#[derive(Default)]
pub struct Templates {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    parsed: Vec<OnceCell<Option<Box<Template>>>>,
}

impl Templates {
    /// The template with a number; `None` when there is none or it is malformed.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Template> {
        let index = number as usize;
        let parse = || {
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
            let bytes = self.bytes.get(start..*self.ends.get(index)? as usize)?;
            Template::parse(bytes).ok().map(Box::new)
        };
        self.parsed.get(index)?.get_or_init(parse).as_deref()
    }
}

/// Reads the bytes of all templates of a pack.
fn read_templates(pack: &PackReader) -> Result<Templates, Corrupt> {
    let mut templates = Templates::default();
    for entry in &pack.directory.templates {
        if entry.first as usize != templates.ends.len() {
            let (offset, first) = (entry.offset, entry.first);
            return Err(corrupt!("templates at offset {offset} begin at {first} instead of {}", templates.ends.len()));
        }
        let frame = pack.frame(entry.offset, Kind::Templates)?;
        let payload = frame::decode(&frame, None)?;
        let mut reader = Reader::new(&payload);
        for _ in 0..entry.count {
            templates.bytes.extend_from_slice(reader.bytes()?);
            templates.ends.push(u32::try_from(templates.bytes.len()).map_err(|_| corrupt!("templates of more than 4 GiB"))?);
        }
        reader.finish()?;
    }
    templates.parsed.resize_with(templates.ends.len(), OnceCell::new);
    Ok(templates)
}
