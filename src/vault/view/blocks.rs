//! Blocks of text, decoded so far as someone needs them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use super::PackView;
use super::plan::block_key;
use crate::bytes::Reader;
use crate::codec::Gradual;
use crate::codec::vocabulary::{Stretches, Vocabulary};
use crate::error::{Corrupt, corrupt};
use crate::pack::directory::BlockEntry;
use crate::pack::frame::{self, Kind};

/// Blocks that are kept in passing: one of each class, and what one rests on.
pub(super) const FEW_BLOCKS: usize = 4;

/// A block as it is kept: text, or codes that become text only where they are read.
pub(super) struct Block {
    pub(super) bytes: Gradual,
    pub(super) coded: Option<Stretches>,
}

/// Memory for one block after the other.
#[derive(Default)]
struct Rooms {
    /// What a frame decodes to.
    stored: Vec<u8>,
    /// The text that stands for.
    text: Vec<u8>,
}

/// Rooms of passes that ended, for the next: threads come and go, and memory that was used before is sooner at hand than new.
static ROOMS: Mutex<Vec<Rooms>> = Mutex::new(Vec::new());
/// So many are kept, up to so many bytes each.
const KEPT_ROOMS: usize = 8;
const KEPT_BYTES: usize = 16 << 20;

impl Rooms {
    fn take() -> Rooms {
        ROOMS.lock().ok().and_then(|mut rooms| rooms.pop()).unwrap_or_default()
    }

    fn give_back(self) {
        if let Ok(mut rooms) = ROOMS.lock()
            && rooms.len() < KEPT_ROOMS
            && self.stored.capacity() + self.text.capacity() <= KEPT_BYTES
        {
            rooms.push(self);
        }
    }
}

/// The first block of a star, and how many of its bytes another rests on.
pub(super) type Base = (Rc<RefCell<Block>>, usize);

/// How far a block is wanted.
#[derive(Clone, Copy)]
pub(super) enum Upto {
    /// So many bytes of its text.
    Text(usize),
    /// So many bytes of what it decodes to, text or codes.
    Bytes(usize),
}

impl Upto {
    /// In bytes of what a block decodes to.
    pub(super) fn of(self, coded: Option<&Stretches>) -> usize {
        match (self, coded) {
            (Upto::Text(text), Some(stretches)) => stretches.end_of(text),
            (Upto::Text(bytes) | Upto::Bytes(bytes), _) => bytes,
        }
    }

    /// The same of a block of which only `ready` is there yet: the head of one in codes says how many codes are needed.
    pub(super) fn of_frame(self, frame: &frame::Frame<'_>, length: u32, ready: &[u8]) -> Result<usize, Corrupt> {
        let head = Stretches::head_bytes(length).min(frame.raw_length as usize);
        if frame::codec::is_coded(frame.codec) && ready.len() < head {
            return Ok(head);
        }
        Ok(self.of(stretches(frame, length, ready)?.as_ref()))
    }
}

/// Where the codes of a block are that is in codes; `ready` has its head.
pub(super) fn stretches(frame: &frame::Frame<'_>, length: u32, ready: &[u8]) -> Result<Option<Stretches>, Corrupt> {
    let is_coded = frame::codec::is_coded(frame.codec);
    is_coded.then(|| Stretches::read(ready, length, frame.raw_length)).transpose()
}

impl Block {
    pub(super) fn open(frame: &frame::Frame<'_>, prefix: Option<&[u8]>, length: u32, upto: Upto) -> Result<Block, Corrupt> {
        let once = matches!(upto, Upto::Bytes(_));
        let bytes = frame::decode_start(frame, prefix, &mut |ready| upto.of_frame(frame, length, ready), once)?;
        Ok(Block { coded: stretches(frame, length, bytes.ready())?, bytes })
    }

    /// How many of its bytes must be there.
    pub(super) fn needs(&self, upto: Upto) -> usize {
        upto.of(self.coded.as_ref())
    }

    /// What another block rests on.
    pub(super) fn prefix(&self, length: usize) -> Result<&[u8], Corrupt> {
        self.bytes.ready().get(..length).ok_or_else(|| corrupt!("a block rests on more than its first block holds"))
    }

    pub(super) fn has(&self, upto: Upto) -> bool {
        self.bytes.is_whole() || self.bytes.ready().len() >= self.needs(upto)
    }

    pub(super) fn reach(&mut self, frame: &frame::Frame<'_>, prefix: Option<&[u8]>, upto: Upto) -> Result<(), Corrupt> {
        let needs = self.needs(upto);
        if self.has(upto) { Ok(()) } else { frame::reach(&mut self.bytes, frame, prefix, &mut |_| Ok(needs)) }
    }
}

impl PackView {
    /// The block that holds a position: its entry and its decoded bytes, at least those for the text before `end`.
    pub(super) fn block(&mut self, class: u8, position: u32, end: u32) -> Result<(BlockEntry, Rc<RefCell<Block>>), Corrupt> {
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

    /// Shows the text of a block of a class to `look`: for passes over many of them, each in the memory of the one before.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn with_block<R>(&mut self, class: u8, index: usize, look: impl FnOnce(&[u8]) -> R) -> Result<R, Corrupt> {
        let mut rooms = Rooms::take();
        let looked = self.decode_block(class, index, &mut rooms).map(|text| look(text));
        rooms.give_back();
        looked
    }

    /// The text of a block of a class if `wanted` takes it.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn block_if(&mut self, class: u8, index: usize, wanted: impl FnOnce(&[u8]) -> bool) -> Result<Option<Vec<u8>>, Corrupt> {
        let mut rooms = Rooms::take();
        let decoded = self.decode_block(class, index, &mut rooms).map(|text| wanted(text).then(|| std::mem::take(text)));
        rooms.give_back();
        decoded
    }

    /// Decodes a block into some room and gives its text.
    fn decode_block<'r>(&mut self, class: u8, index: usize, rooms: &'r mut Rooms) -> Result<&'r mut Vec<u8>, Corrupt> {
        let list = self.blocks.get(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let entry = *list.get(index).ok_or_else(|| corrupt!("no block {index}"))?;
        let damaged = |Corrupt(what)| corrupt!("block at offset {}: {what}", entry.offset);
        rooms.text.clear();
        // Others rest on it and will ask for it.
        if self.is_base(class, index)? {
            self.literal(class, entry.start, entry.length, &mut rooms.text)?;
            return Ok(&mut rooms.text);
        }
        let pack = Arc::clone(&self.pack);
        let frame = pack.frame(entry.offset, Kind::Block)?;
        let base = self.base_of(class, index, &frame)?;
        let base = base.as_ref().map(|(block, length)| (block.borrow(), *length));
        let prefix = base.as_ref().map(|(block, length)| block.prefix(*length)).transpose()?;
        frame::decode_to(&frame, prefix, &mut rooms.stored).map_err(damaged)?;
        let text = match stretches(&frame, entry.length, &rooms.stored).map_err(damaged)? {
            None => &mut rooms.stored,
            coded => {
                let all = entry.start..entry.start.wrapping_add(entry.length);
                self.append_text(&entry, &rooms.stored, coded.as_ref(), all, &mut rooms.text)?;
                &mut rooms.text
            }
        };
        if text.len() != entry.length as usize {
            return Err(damaged(corrupt!("{} bytes of {}", text.len(), entry.length)));
        }
        Ok(text)
    }

    /// True when the block behind another rests on one, which is this one then or one before.
    fn is_base(&self, class: u8, index: usize) -> Result<bool, Corrupt> {
        let next = self.blocks.get(class as usize).and_then(|list| list.get(index + 1));
        let has_prefix = |entry: &BlockEntry| Ok(frame::codec::has_prefix(self.pack.frame(entry.offset, Kind::Block)?.codec));
        let own = self.blocks.get(class as usize).and_then(|list| list.get(index));
        Ok(own.map(has_prefix).transpose()? == Some(false) && next.map(has_prefix).transpose()? == Some(true))
    }

    /// Keeps only a few decoded blocks from here on: for who goes through a pack once, memory that was used before is sooner at hand
    /// than new.
    pub fn pass_through(&mut self) {
        let largest = self.pack.directory().blocks.iter().map(|block| block.length as usize).max();
        self.block_cache.limit = self.block_cache.limit.min(largest.unwrap_or_default() * FEW_BLOCKS);
    }

    /// A block, decoded so far or further: who needs a single record need not wait for the whole block.
    pub(super) fn block_at(&mut self, class: u8, index: usize, upto: Upto) -> Result<Rc<RefCell<Block>>, Corrupt> {
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
    pub(super) fn base_of(&mut self, class: u8, index: usize, frame: &frame::Frame<'_>) -> Result<Option<Base>, Corrupt> {
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
    pub(super) fn vocabulary(&self, number: u32) -> Result<Rc<Vocabulary>, Corrupt> {
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

    /// Appends part of a literal stream.
    pub(super) fn literal(&mut self, class: u8, start: u32, length: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
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
}
