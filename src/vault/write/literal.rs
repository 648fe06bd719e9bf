//! The literal streams of the open pack: unique text, one stream a class, cut into blocks.
//!
//! Positions run through a class without gaps, whatever the blocks. Recent blocks stay in memory so that new text can be
//! compared and matched with them.

use std::sync::Arc;

use crate::pages::Spread;

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
    /// The latest text; a position's place is its remainder.
    recent: Spread,
    /// First position in memory, as long as nothing was overwritten.
    first: u32,
    open_start: u32,
    end: u32,
    /// Memory for the next block.
    spare: Option<Vec<u8>>,
}

impl Literals {
    /// A stream that continues at `start`; finished blocks have `block_bytes`, about the last `keep_bytes` stay in memory.
    #[must_use]
    pub fn new(class: u8, start: u32, block_bytes: usize, keep_bytes: usize) -> Literals {
        let recent = Spread::new(keep_bytes + block_bytes);
        Literals { class, block_bytes, recent, first: start, open_start: start, end: start, spare: None }
    }

    /// The position of the next byte.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.end
    }

    /// The oldest position in memory.
    fn oldest(&self) -> u32 {
        self.first.max(self.end.saturating_sub(self.recent.size() as u32))
    }

    /// Where a position's byte is; places of a session begin at 0.
    fn place(&self, position: u32) -> usize {
        (position - self.first) as usize % self.recent.size()
    }

    /// Appends text; gives its first position. Blocks that became full are added to `full`.
    pub fn append(&mut self, mut text: &[u8], full: &mut Vec<Block>) -> u32 {
        let start = self.end;
        while !text.is_empty() {
            let place = self.place(self.end);
            let room = (self.block_bytes - self.open_bytes()).min(self.recent.size() - place);
            let (now, later) = text.split_at(room.min(text.len()));
            if let Some(room) = self.recent.room(place..place + now.len()) {
                room.copy_from_slice(now);
            }
            self.end += now.len() as u32;
            text = later;
            if self.open_bytes() == self.block_bytes {
                full.extend(self.finish());
            }
        }
        start
    }

    fn open_bytes(&self) -> usize {
        (self.end - self.open_start) as usize
    }

    /// Ends the open block, if there is anything in it.
    pub fn finish(&mut self) -> Option<Block> {
        if self.open_bytes() == 0 {
            return None;
        }
        let mut bytes = self.spare.take().unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(self.open_bytes());
        while bytes.len() < self.open_bytes() {
            bytes.extend_from_slice(self.from(self.open_start + bytes.len() as u32));
        }
        let block = Block { class: self.class, start: self.open_start, bytes: Arc::new(bytes) };
        self.open_start = self.end;
        Some(block)
    }

    /// Takes memory for the next block.
    pub fn reuse(&mut self, spare: Vec<u8>) {
        self.spare = Some(spare);
    }

    /// The bytes from a position in memory on that lie together.
    fn from(&self, position: u32) -> &[u8] {
        let place = self.place(position);
        let length = ((self.end - position) as usize).min(self.recent.size() - place);
        self.recent.get(place..place + length).unwrap_or_default()
    }

    /// Compares text with what stands at a position; `None` when that is no longer in memory.
    #[must_use]
    pub fn equals(&self, position: u32, text: &[u8]) -> Option<bool> {
        let known = position >= self.oldest() && u64::from(position) + text.len() as u64 <= u64::from(self.end);
        let (now, later) = known.then(|| text.split_at(self.from(position).len().min(text.len())))?;
        let rest = || later.is_empty() || self.from(position + now.len() as u32).starts_with(later);
        Some(text.is_empty() || self.from(position).starts_with(now) && rest())
    }
}

impl crate::text::Window for Literals {
    fn after(&self, address: u32) -> &[u8] {
        if address >= self.oldest() && address < self.end { self.from(address) } else { &[] }
    }

    fn before(&self, address: u32) -> &[u8] {
        let oldest = self.oldest();
        if address <= oldest || address > self.end {
            return &[];
        }
        let end = self.place(address - 1) + 1;
        let start = end.saturating_sub((address - oldest) as usize);
        self.recent.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Window;

    #[test]
    fn text_across_blocks_is_compared_until_it_is_overwritten() {
        let mut literals = Literals::new(0, 100, 10, 25);
        let mut full = Vec::new();
        let at = literals.append(b"abcdefghijklmnopqrstuvwxyz", &mut full);
        assert_eq!((at, full.len(), full[1].start, literals.end()), (100, 2, 110, 126));
        assert_eq!(full[1].bytes.as_slice(), b"klmnopqrst");
        assert_eq!(literals.equals(100, b"abcdefghijklmnopqrstuvwxyz"), Some(true));
        assert_eq!(literals.equals(105, b"fgX"), Some(false));
        assert_eq!((literals.equals(125, b"zz"), literals.equals(99, b"?"), literals.equals(126, b"")), (None, None, Some(true)));
        literals.append(&[b'-'; 30], &mut full);
        assert_eq!((literals.equals(100, b"a"), literals.equals(121, b"vwxyz-----")), (None, Some(true)));
        assert_eq!(full.last().unwrap().bytes.as_slice(), b"----------");
        assert!(literals.finish().is_some() && literals.finish().is_none());
    }

    /// Whatever the sizes: what is said to be at hand are the stream's bytes, and most of the recent ones are at hand.
    #[test]
    fn windows_show_the_stream_around_the_end_of_the_memory() {
        let stream: Vec<u8> = (0..5000u32).map(|n| ((n * n) >> 3) as u8).collect();
        let (mut literals, mut full, mut done) = (Literals::new(1, 7, 64, 200), Vec::new(), 0);
        for step in (1..90).cycle() {
            let next = (done + step).min(stream.len());
            literals.append(&stream[done..next], &mut full);
            done = next;
            for at in done.saturating_sub(300)..=done {
                let (after, before) = (literals.after(7 + at as u32), literals.before(7 + at as u32));
                assert_eq!((after, before), (&stream[at..at + after.len()], &stream[at - before.len()..at]));
                assert!(at == done || at + 200 < done || !after.is_empty());
                assert!(at == 0 || at + 200 < done || !before.is_empty());
            }
            if done == stream.len() {
                break;
            }
        }
        full.extend(literals.finish());
        assert_eq!(full.iter().flat_map(|block| block.bytes.iter().copied()).collect::<Vec<u8>>(), stream);
    }
}
