//! Groups: nodes, segments and records that came together, stored column by column.
//!
//! | file | what |
//! |---|---|
//! | `build` | collects nodes, segments and records in order |
//! | `encode` | columns → streams → one frame payload |
//! | `decode` | frame payload → columns opened when touched, references resolved in one pass |
//!
//! Nodes come children first, so most references say only *the next one nobody has claimed yet*: a new child is the top of
//! a stack, a new segment the next number. Only what was seen before is named. Each record ends with its root alone on the
//! stack, so a group never depends on another one's stack and can be decoded by itself.
//!
//! ```text
//! payload   = head · stream*          head: first node, nodes, first segment, segments, records, class positions (varints),
//!                                     then codec, raw length, stored length of each stream
//! streams   = 0 directory · 1 shapes · 2 counts · 3 references · 4 segments · 5 pieces · 6 records · 7 prints
//!             · 8.. column classes
//! ```

use crate::bytes::{Put, Reader};
use crate::codec::{self, packing};
use crate::error::Corrupt;
use crate::record::cut::class;

pub mod build;
pub mod decode;
pub mod encode;

/// Streams before those of the column classes.
pub(crate) mod stream {
    /// Templates of the group and the headers of their columns.
    pub(crate) const DIRECTORY: usize = 0;
    /// A template's place in the directory for each node.
    pub(crate) const SHAPES: usize = 1;
    /// Lengths of lists and slots of mixed ones.
    pub(crate) const COUNTS: usize = 2;
    /// References to nodes and segments.
    pub(crate) const REFERENCES: usize = 3;
    /// Class and length of each segment.
    pub(crate) const SEGMENTS: usize = 4;
    /// Pieces of segments that are not simply the next text of their stream.
    pub(crate) const PIECES: usize = 5;
    /// Roots of the records.
    pub(crate) const RECORDS: usize = 6;
    /// Two bytes of each record's hash, so that a record is found by its hash without an index.
    pub(crate) const PRINTS: usize = 7;
    /// First of the column classes.
    pub(crate) const COLUMNS: usize = 8;
    /// How many streams a group has.
    pub(crate) const COUNT: usize = COLUMNS + crate::column::Class::COUNT;
}

/// A payload with all its streams as they are, so that it can be compressed as a whole.
///
/// # Errors
/// When it is damaged.
pub fn plain(payload: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let mut reader = Reader::new(payload);
    let mut out = Vec::with_capacity(payload.len() * 2);
    for _ in 0..5 + class::COUNT {
        out.put_varint(reader.varint()?);
    }
    let mut sizes = Vec::with_capacity(stream::COUNT);
    for _ in 0..stream::COUNT {
        let (packing, raw) = (reader.u8()?, reader.varint32()? as usize);
        let stored = if packing == packing::RAW { raw } else { reader.varint32()? as usize };
        out.put_u8(packing::RAW);
        out.put_varint(raw as u64);
        sizes.push((packing, raw, stored));
    }
    for (packing, raw, stored) in sizes {
        out.extend(codec::unpack(packing, reader.take(stored)?, raw)?);
    }
    reader.finish()?;
    Ok(out)
}

/// A piece of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First position in the literal stream of the segment's class.
    pub start: u32,
    /// Bytes.
    pub length: u32,
}
