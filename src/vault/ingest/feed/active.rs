//! A source that is being taken in.

use crate::pack::directory::RecordRun;
use crate::shape::{Hints, Mappings, Record, ShapeId};
use crate::source::lines::Chunk;
use crate::source::state::SourceState;
use crate::vault::ingest::repeat::Undecided;
use crate::vault::journal::Entry;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A source that is being read.
pub struct Active {
    /// Its state as of the last commit; digest and ends are filled in at commits.
    pub state: SourceState,
    /// Occurrences at the end of its list that the first commit replaces.
    pub drop_last: u64,
    /// New occurrences since the last commit.
    pub runs: Vec<RecordRun>,
    /// The plain file, for a look at its ends when the stream was not read from the start.
    pub plain: Option<PathBuf>,
    /// A stream that may repeat what is known: its list so far is kept back until that is clear.
    pub undecided: Option<Undecided>,
    /// Something changed since the last commit.
    pub dirty: bool,
    /// Another name that becomes an alias when this source is done.
    pub then_alias: Option<Box<SourceState>>,
    /// Reading is over.
    pub done: bool,
    /// It was read to its end. Only then may the file's stamp be kept: whoever finds the stamp unchanged does not look again.
    pub complete: bool,
    /// Nothing is said of it before it is done: a document is whole or not at all.
    pub held: bool,
    /// Records taken so far.
    pub occurrences: u64,
    /// It turned out to hold nothing new.
    pub unchanged: bool,
    /// Goes into the journal with the source's first commit.
    pub announce: Option<Entry>,
    /// Records by shape, when asked for.
    pub shapes: BTreeMap<&'static str, u64>,
    /// What is known ends within a line, and what comes is no part of it: before its first byte the line is ended.
    pub ends_open_line: bool,
}

/// How shapes are told while cutting: only for `--explain`, storage never asks.
pub struct Detector {
    /// The shape given with `--shape`.
    pub forced: Option<ShapeId>,
    /// The user's mappings.
    pub mappings: Option<Mappings>,
}

impl Detector {
    pub(super) fn count(&self, chunk: &Chunk, name: &str) -> BTreeMap<&'static str, u64> {
        let mut shapes = BTreeMap::new();
        for line in chunk.iter() {
            let record = Record::read(line);
            let name = if record.values.is_empty() {
                "opaque"
            } else {
                let hints =
                    Hints { source_name: Some(name), forced: self.forced, mappings: self.mappings.as_ref(), ..Hints::default() };
                record.detect(&hints).shape.name()
            };
            *shapes.entry(name).or_default() += 1;
        }
        shapes
    }
}
