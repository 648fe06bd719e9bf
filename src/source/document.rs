//! A file that is one JSON document: its elements are records.
//!
//! The elements of a top-level array, or the one top-level object, become records; the bytes around them are the
//! [`Glue`]. Because a file can look like a document at its start and turn out to be something else at its end, it is read
//! twice: [`outline`] walks through all of it and gives the glue, or says why the file is to be taken as lines;
//! [`ElementReader`] then gives the elements in the same [`Chunk`]s that lines come in. Memory stays bounded by the longest
//! element. Only structure is checked (strings, brackets, commas): what an element means is not decided here.
//!
//! Never for streams that cannot be read twice, and never for files that grow.

use std::io::{self, Read};

use super::glue::Glue;
use super::lines::Chunk;
use super::scan::{Event, Scan};

/// Glue is held in memory; a file with more of it than this is no document worth the name (chosen).
const MOST_GLUE: usize = 16 << 20;

/// Bytes asked of the reader at once.
const STEP: usize = 1 << 20;

/// What the start of a file suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// Lines, or anything else: cut at LF.
    Lines,
    /// Perhaps one document: [`outline`] will tell.
    MaybeDocument,
}

/// Looks at the start of a file (64 KiB are plenty); `whole` when there is no more of it.
///
/// It may be a document when its first value is an object or array that does not end on its first line. An array whose
/// first line is longer than what is seen may be one too; an object on one such line is the same record either way.
#[must_use]
pub fn sniff(start: &[u8], whole: bool) -> Sniff {
    let value = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let line = value.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let more_lines = line.len() < value.len();
    let mut scan = Scan::default();
    let mut at = 0;
    while at < line.len() {
        if scan.advance(line, &mut at).is_err() {
            return Sniff::Lines;
        }
    }
    let undecided = !whole && !scan.top_is_object();
    if scan.is_inside() && (more_lines || undecided) { Sniff::MaybeDocument } else { Sniff::Lines }
}

/// What [`outline`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One document, whole.
    Document(Outline),
    /// To be cut at LF, and why.
    Lines(&'static str),
}

/// A document's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The bytes around the elements.
    pub glue: Glue,
    /// How many elements.
    pub elements: u64,
    /// Bytes of the whole document.
    pub length: u64,
}

/// Reads all of a file and says whether it is one document whose elements are at most `longest` bytes long.
///
/// # Errors
/// When reading fails, a damaged compressed stream included.
pub fn outline(mut reader: impl Read, longest: usize) -> io::Result<Verdict> {
    let mut cutter = Cutter::new(longest);
    let mut step = vec![0; STEP];
    loop {
        let read = read_some(&mut reader, &mut step)?;
        let outcome = match read {
            0 => return Ok(cutter.end().map_or_else(Verdict::Lines, Verdict::Document)),
            _ => cutter.feed(&step[..read], |_, _| {}),
        };
        if let Err(why) = outcome {
            return Ok(Verdict::Lines(why));
        }
    }
}

/// Follows a document and keeps its glue.
struct Cutter {
    scan: Scan,
    glue: Glue,
    glue_bytes: usize,
    /// Bytes since the last element.
    pending: Vec<u8>,
    elements: u64,
    length: u64,
    element_start: u64,
    longest: u64,
}

impl Cutter {
    fn new(longest: usize) -> Self {
        Cutter {
            scan: Scan::default(),
            glue: Glue::default(),
            glue_bytes: 0,
            pending: Vec::new(),
            elements: 0,
            length: 0,
            element_start: 0,
            // Positions in a chunk are 32 bits wide.
            longest: longest.min(1 << 30) as u64,
        }
    }

    /// Takes the next bytes and names each element that ends in them by its place in the stream.
    fn feed(&mut self, bytes: &[u8], mut element: impl FnMut(u64, u64)) -> Result<(), &'static str> {
        let mut at = 0;
        while at < bytes.len() {
            match self.scan.advance(bytes, &mut at)? {
                Event::Glue(range) => {
                    self.pending.extend_from_slice(&bytes[range]);
                    if self.glue_bytes + self.pending.len() > MOST_GLUE {
                        return Err("there is more between its elements than an archive should hold in memory");
                    }
                }
                Event::Begin => self.begin(self.length + at as u64),
                Event::Inside => {}
                Event::End => element(self.element_start, self.length + at as u64),
            }
            if self.scan.is_in_element() && self.length + at as u64 - self.element_start > self.longest {
                return Err("an element is longer than a record may be");
            }
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn begin(&mut self, position: u64) {
        self.element_start = position;
        if self.elements == 0 {
            self.glue.open = std::mem::take(&mut self.pending);
            self.glue_bytes = self.glue.open.len();
        } else {
            let runs = self.glue.separators.len();
            self.glue.push(&self.pending);
            if self.glue.separators.len() > runs {
                self.glue_bytes += self.pending.len() + size_of::<super::glue::Run>();
            }
            self.pending.clear();
        }
        self.elements += 1;
    }

    fn end(mut self) -> Result<Outline, &'static str> {
        if !self.scan.is_over() {
            return Err("it ends inside the document");
        }
        if self.elements == 0 {
            self.glue.open = self.pending;
        } else {
            self.glue.close = self.pending;
        }
        Ok(Outline { glue: self.glue, elements: self.elements, length: self.length })
    }
}

/// Gives the elements of a document in chunks: a chunk ends after the first element that reaches `chunk_bytes`, so its end
/// depends on the bytes alone. Between the records of a chunk lies glue; all chunks together are the file.
///
/// When the file is not the one of the outline any more, an error comes last, and nothing of it may be kept.
pub struct ElementReader<R> {
    reader: R,
    expected: Outline,
    chunk_bytes: u64,
    /// Nothing once the document is over.
    cutter: Option<Cutter>,
    buffer: Vec<u8>,
    offset: u64,
    ready: Vec<(u64, u64)>,
    step: Vec<u8>,
}

impl<R: Read> ElementReader<R> {
    /// Reads the document again from its start.
    pub fn new(reader: R, outline: Outline, chunk_bytes: usize) -> Self {
        ElementReader {
            reader,
            expected: outline,
            chunk_bytes: chunk_bytes.min(1 << 30) as u64,
            cutter: Some(Cutter::new(usize::MAX)),
            buffer: Vec::new(),
            offset: 0,
            ready: Vec::new(),
            step: vec![0; STEP],
        }
    }

    fn full_chunk(&mut self) -> Option<Chunk> {
        let full = self.ready.partition_point(|(_, end)| end - self.offset < self.chunk_bytes);
        let end = self.ready.get(full)?.1;
        Some(self.take_chunk(full + 1, end))
    }

    fn take_chunk(&mut self, elements: usize, end: u64) -> Chunk {
        let stream_offset = self.offset;
        let rest = self.buffer.split_off((end - stream_offset) as usize);
        let data = std::mem::replace(&mut self.buffer, rest);
        let place = |position: u64| (position - stream_offset) as u32;
        let lines = self.ready.drain(..elements).map(|(start, end)| place(start)..place(end)).collect();
        self.offset = end;
        Chunk { data, lines, ends_with_newline: true, stream_offset }
    }

    /// Reads on; nothing is left when the document is over.
    fn read_on(&mut self) -> io::Result<()> {
        let read = read_some(&mut self.reader, &mut self.step)?;
        let Some(cutter) = &mut self.cutter else {
            return Ok(());
        };
        if read > 0 {
            self.buffer.extend_from_slice(&self.step[..read]);
            let ready = &mut self.ready;
            return cutter.feed(&self.step[..read], |start, end| ready.push((start, end))).map_err(changed);
        }
        match self.cutter.take().map(Cutter::end) {
            Some(Ok(outline)) if outline == self.expected => Ok(()),
            Some(Err(why)) => Err(changed(why)),
            _ => Err(changed("it has other elements")),
        }
    }
}

fn changed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the document changed while it was read: {why}"))
}

impl<R: Read> Iterator for ElementReader<R> {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<io::Result<Chunk>> {
        loop {
            if let Some(chunk) = self.full_chunk() {
                return Some(Ok(chunk));
            }
            if self.cutter.is_none() {
                let end = self.offset + self.buffer.len() as u64;
                return (!self.buffer.is_empty()).then(|| Ok(self.take_chunk(self.ready.len(), end)));
            }
            if let Err(error) = self.read_on() {
                self.cutter = None;
                self.buffer.clear();
                self.ready.clear();
                return Some(Err(error));
            }
        }
    }
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests;
