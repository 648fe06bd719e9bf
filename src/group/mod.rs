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

/// A piece of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First position in the literal stream of the segment's class.
    pub start: u32,
    /// Bytes.
    pub length: u32,
}
