//! The literal streams of the open pack: unique text, one stream a class, cut into blocks.
//!
//! Positions run through a class without gaps, whatever the blocks. Recent blocks stay in memory so that new text can be
//! compared and matched with them.

use std::collections::VecDeque;
use std::sync::Arc;

/// A finished piece of a literal stream, to be coded.
#[derive(Clone)]
pub struct Block {
    /// Which stream.
    pub class: u8,
    /// First position.
    pub start: u32,
    /// The text.
    pub bytes: Arc<Vec<u8>>,
}

/// One class's stream.
pub struct Literals {
    class: u8,
    block_bytes: usize,
    keep_bytes: usize,
    open: Vec<u8>,
    open_start: u32,
    recent: VecDeque<(u32, Arc<Vec<u8>>)>,
    recent_bytes: usize,
    /// The buffer of a forgotten block, used again: its pages are there already.
    spare: Vec<u8>,
}

impl Literals {
    /// A stream that continues at `start`; finished blocks have `block_bytes`, the last `keep_bytes` stay in memory.
    #[must_use]
    pub fn new(class: u8, start: u32, block_bytes: usize, keep_bytes: usize) -> Literals {
        let open = Vec::new();
        Literals {
            class,
            block_bytes,
            keep_bytes,
            open,
            open_start: start,
            recent: VecDeque::new(),
            recent_bytes: 0,
            spare: Vec::new(),
        }
    }

    /// The position of the next byte.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.open_start + self.open.len() as u32
    }

    /// Appends text; gives its first position. Blocks that became full are added to `full`.
    pub fn append(&mut self, mut text: &[u8], full: &mut Vec<Block>) -> u32 {
        let start = self.end();
        while !text.is_empty() {
            if self.open.capacity() == 0 {
                self.open = std::mem::take(&mut self.spare);
                // A first block may stay small; after that whole ones are to be expected.
                let first = self.recent.is_empty();
                self.open.reserve(if first { self.block_bytes.min(text.len().max(64 << 10)) } else { self.block_bytes });
            }
            let room = self.block_bytes - self.open.len();
            let (now, later) = text.split_at(room.min(text.len()));
            self.open.extend_from_slice(now);
            text = later;
            if self.open.len() == self.block_bytes {
                full.extend(self.finish());
            }
        }
        start
    }

    /// Ends the open block, if there is anything in it.
    pub fn finish(&mut self) -> Option<Block> {
        if self.open.is_empty() {
            return None;
        }
        let bytes = Arc::new(std::mem::take(&mut self.open));
        let block = Block { class: self.class, start: self.open_start, bytes: Arc::clone(&bytes) };
        self.open_start += bytes.len() as u32;
        self.recent_bytes += bytes.len();
        self.recent.push_back((block.start, bytes));
        while self.recent_bytes > self.keep_bytes && self.recent.len() > 1 {
            if let Some((_, bytes)) = self.recent.pop_front() {
                self.recent_bytes -= bytes.len();
                if let Ok(mut bytes) = Arc::try_unwrap(bytes) {
                    bytes.clear();
                    self.spare = bytes;
                }
            }
        }
        Some(block)
    }

    /// The block in memory that holds a position: its first position and bytes.
    #[must_use]
    pub fn block(&self, position: u32) -> Option<(u32, &[u8])> {
        if position >= self.open_start {
            return (position < self.end()).then_some((self.open_start, self.open.as_slice()));
        }
        let index = self.recent.partition_point(|(start, _)| *start <= position).checked_sub(1)?;
        let (start, bytes) = &self.recent[index];
        ((position - start) < bytes.len() as u32).then_some((*start, bytes.as_slice()))
    }

    /// Compares text with what stands at a position; `None` when that is no longer in memory.
    #[must_use]
    pub fn equals(&self, mut position: u32, mut text: &[u8]) -> Option<bool> {
        while !text.is_empty() {
            let (start, bytes) = self.block(position)?;
            let stored = &bytes[(position - start) as usize..];
            let (now, later) = text.split_at(stored.len().min(text.len()));
            if &stored[..now.len()] != now {
                return Some(false);
            }
            position += now.len() as u32;
            text = later;
        }
        Some(true)
    }
}

impl crate::text::Window for Literals {
    fn after(&self, address: u32) -> &[u8] {
        self.block(address).map_or(&[], |(start, bytes)| &bytes[(address - start) as usize..])
    }

    fn before(&self, address: u32) -> &[u8] {
        match address.checked_sub(1).and_then(|last| self.block(last)) {
            Some((start, bytes)) => &bytes[..(address - start) as usize],
            None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_across_blocks_is_compared_until_its_block_is_forgotten() {
        let mut literals = Literals::new(0, 100, 10, 25);
        let mut full = Vec::new();
        let at = literals.append(b"abcdefghijklmnopqrstuvwxyz", &mut full);
        assert_eq!((at, full.len(), full[1].start, literals.end()), (100, 2, 110, 126));
        assert_eq!(literals.equals(100, b"abcdefghijklmnopqrstuvwxyz"), Some(true));
        assert_eq!(literals.equals(105, b"fgX"), Some(false));
        assert_eq!(literals.equals(125, b"zz"), None);
        literals.append(&[b'-'; 30], &mut full);
        assert_eq!(literals.equals(100, b"a"), None);
        assert!(literals.finish().is_some() && literals.finish().is_none());
    }
}
