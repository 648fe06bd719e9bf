//! Cuts a stream into chunks of whole lines.
//!
//! A line ends with LF, which belongs to no line; CR, BOM and anything else does. Where chunks end depends on the bytes
//! alone, never on how they arrived: a chunk ends after the last LF among its first `chunk_bytes`; where there is none, after
//! the first LF that follows. A line longer than `max_line` comes as [`LongPiece`]s of fixed size, so that a line of a
//! gigabyte costs no more memory than any other.
//!
//! [`Splitter`] is the rule, fed with bytes; [`LineReader`] feeds it from a reader. Pipes that pause are for [`super::pipe`].

use std::io::{self, Read};
use std::ops::Range;

/// Spare room that keeps the standard library from asking a full buffer's reader for a few bytes more (its probe is 32).
const PROBE: usize = 64;

/// Sizes of what is cut. All are counts of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkOptions {
    /// A chunk is not longer than this, unless a single line is.
    pub chunk_bytes: usize,
    /// Longer lines come in pieces.
    pub max_line: usize,
    /// The length of such a piece.
    pub long_piece: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        ChunkOptions { chunk_bytes: 4 << 20, max_line: 32 << 20, long_piece: 4 << 20 }
    }
}

impl ChunkOptions {
    /// Sizes that work: nothing is zero, positions in a chunk fit 32 bits, no chunk holds a line that is too long.
    fn sane(self) -> Self {
        let max_line = self.max_line.clamp(1, 1 << 30);
        ChunkOptions {
            chunk_bytes: self.chunk_bytes.clamp(1, max_line),
            max_line,
            long_piece: self.long_piece.clamp(1, max_line),
        }
    }
}

/// Some whole lines of a stream, in one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The bytes of the stream, separators included.
    pub data: Vec<u8>,
    /// Where each record lies in `data`; the bytes between are separators.
    pub lines: Vec<Range<u32>>,
    /// False only for the last line of a stream that does not end with LF.
    pub ends_with_newline: bool,
    /// Where `data` begins in the stream.
    pub stream_offset: u64,
}

impl Chunk {
    /// The records, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.lines.iter().map(|line| &self.data[line.start as usize..line.end as usize])
    }
}

/// A part of a line that is too long to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongPiece {
    /// The part, without LF.
    pub data: Vec<u8>,
    /// True for the first part of a line.
    pub first: bool,
    /// True for the last part of a line.
    pub last: bool,
    /// True when LF follows; only for the last part.
    pub newline: bool,
    /// Where the part begins in the stream.
    pub stream_offset: u64,
}

/// What a stream is cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Whole lines.
    Chunk(Chunk),
    /// Part of a very long line.
    LongPiece(LongPiece),
}

/// The cutting rule, as a machine that is fed with bytes.
pub struct Splitter {
    options: ChunkOptions,
    buffer: Vec<u8>,
    /// No LF stands before this position of the buffer, when the first line is longer than a chunk.
    scanned: usize,
    offset: u64,
    in_long_line: bool,
    ended: bool,
    spare: Vec<u8>,
}

impl Splitter {
    /// A machine at the start of a stream.
    #[must_use]
    pub fn new(options: ChunkOptions) -> Self {
        let options = options.sane();
        Splitter { options, buffer: Vec::new(), scanned: 0, offset: 0, in_long_line: false, ended: false, spare: Vec::new() }
    }

    /// A machine that continues at a byte of the stream where a line begins.
    #[must_use]
    pub fn at(options: ChunkOptions, offset: u64) -> Self {
        Splitter { offset, ..Splitter::new(options) }
    }

    /// Adds bytes of the stream. Take all items before adding more: the buffer only shrinks by them.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// No more bytes will come.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Gives a used buffer back, to be filled again.
    pub fn recycle(&mut self, mut data: Vec<u8>) {
        data.clear();
        if data.capacity() > self.spare.capacity() {
            self.spare = data;
        }
    }

    /// How many bytes the next decision still lacks; zero when [`next`](Self::next) gives something or the stream is over.
    #[must_use]
    pub fn wanted(&self) -> usize {
        let length = self.buffer.len();
        if self.in_long_line {
            return (self.options.long_piece + 1).saturating_sub(length);
        }
        // One byte more than a chunk tells a stream that ends there from one that goes on.
        let chunk = self.options.chunk_bytes + 1;
        match length.checked_sub(chunk) {
            None => chunk - length,
            Some(_) => self.options.chunk_bytes.min((self.options.max_line + 1).saturating_sub(length)),
        }
    }

    /// The next item, or nothing when more bytes are needed.
    #[allow(clippy::should_implement_trait, reason = "an iterator that ends and goes on would surprise")]
    pub fn next(&mut self) -> Option<Item> {
        if self.in_long_line {
            return self.next_piece();
        }
        let limit = self.options.chunk_bytes;
        if self.buffer.len() <= limit {
            return self.ended.then(|| self.take_rest()).flatten();
        }
        if self.scanned < limit {
            if let Some(last) = memchr::memrchr(b'\n', &self.buffer[..limit]) {
                return Some(self.take_chunk(last + 1));
            }
            self.scanned = limit;
        }
        self.next_long_line()
    }

    /// Whether [`cut`](Self::cut) would give something.
    #[must_use]
    pub fn has_whole_line(&self) -> bool {
        !self.in_long_line && memchr::memchr(b'\n', &self.buffer).is_some()
    }

    /// The whole lines at hand, before a chunk is full: for pipes that pause.
    pub fn cut(&mut self) -> Option<Item> {
        if self.in_long_line {
            return None;
        }
        let last = memchr::memrchr(b'\n', &self.buffer)?;
        Some(self.take_chunk(last + 1))
    }

    /// The first line is longer than a chunk: it is a chunk of its own, or it comes in pieces.
    fn next_long_line(&mut self) -> Option<Item> {
        let end = self.buffer.len().min(self.options.max_line + 1);
        if let Some(position) = memchr::memchr(b'\n', &self.buffer[self.scanned..end]) {
            return Some(self.take_chunk(self.scanned + position + 1));
        }
        self.scanned = end;
        if end > self.options.max_line {
            return self.next_piece();
        }
        self.ended.then(|| self.take_rest()).flatten()
    }

    fn next_piece(&mut self) -> Option<Item> {
        let first = !self.in_long_line;
        let window = self.buffer.len().min(self.options.long_piece + 1);
        let newline = memchr::memchr(b'\n', &self.buffer[..window]);
        let length = match newline {
            Some(position) => position,
            None if window > self.options.long_piece => self.options.long_piece,
            None if self.ended && window > 0 => window,
            None => return None,
        };
        let last = newline.is_some() || (self.ended && length == self.buffer.len());
        let stream_offset = self.offset;
        let mut data = self.take(length + usize::from(newline.is_some()));
        data.truncate(length);
        self.in_long_line = !last;
        Some(Item::LongPiece(LongPiece { data, first, last, newline: newline.is_some(), stream_offset }))
    }

    fn take_rest(&mut self) -> Option<Item> {
        (!self.buffer.is_empty()).then(|| self.take_chunk(self.buffer.len()))
    }

    fn take_chunk(&mut self, length: usize) -> Item {
        let stream_offset = self.offset;
        let data = self.take(length);
        let ends_with_newline = data.last() == Some(&b'\n');
        let lines = lines_of(&data);
        Item::Chunk(Chunk { data, lines, ends_with_newline, stream_offset })
    }

    /// The first `length` bytes leave; what follows moves to a fresh buffer, which is short because little is read ahead.
    fn take(&mut self, length: usize) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.spare);
        rest.extend_from_slice(&self.buffer[length..]);
        self.buffer.truncate(length);
        self.offset += length as u64;
        self.scanned = 0;
        std::mem::replace(&mut self.buffer, rest)
    }
}

/// The lines of a buffer; its last one may lack its LF.
fn lines_of(data: &[u8]) -> Vec<Range<u32>> {
    let mut lines = Vec::with_capacity(data.len() / 1024 + 1);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', data) {
        lines.push(start..end as u32);
        start = end as u32 + 1;
    }
    if (start as usize) < data.len() {
        lines.push(start..data.len() as u32);
    }
    lines
}

/// Reads a stream to its end and cuts it. After an error, what was read before it still comes, then the error, then nothing.
pub struct LineReader<R> {
    reader: R,
    splitter: Splitter,
    error: Option<io::Error>,
}

impl<R: Read> LineReader<R> {
    /// Cuts `reader` from its start.
    pub fn new(reader: R, options: ChunkOptions) -> Self {
        LineReader::at(reader, options, 0)
    }

    /// Cuts a reader that stands at byte `offset` of its stream, where a line begins.
    pub fn at(reader: R, options: ChunkOptions, offset: u64) -> Self {
        LineReader { reader, splitter: Splitter::at(options, offset), error: None }
    }

    /// Gives a used buffer back, to be filled again.
    pub fn recycle(&mut self, data: Vec<u8>) {
        self.splitter.recycle(data);
    }

    fn fill(&mut self) {
        let wanted = self.splitter.wanted().max(1);
        let before = self.splitter.buffer.len();
        // Room for all of it at once: pages that stay untouched cost nothing, growing step by step copies everything twice.
        self.splitter.buffer.reserve(wanted + PROBE);
        let outcome = (&mut self.reader).take(wanted as u64).read_to_end(&mut self.splitter.buffer);
        let read = self.splitter.buffer.len() - before;
        match outcome {
            Ok(_) if read == wanted => {}
            Ok(_) => self.splitter.end(),
            Err(error) => {
                self.error = Some(error);
                self.splitter.end();
            }
        }
    }
}

impl<R: Read> Iterator for LineReader<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        loop {
            if let Some(item) = self.splitter.next() {
                return Some(Ok(item));
            }
            if self.splitter.ended {
                return self.error.take().map(Err);
            }
            self.fill();
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
