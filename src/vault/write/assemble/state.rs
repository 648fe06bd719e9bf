//! How far an assembler is, and what it is told about what came before.

use super::{Assembler, PRINTED_BYTES, ROOT_BYTES, SegmentMemory};
use crate::catalog::GroupPrints;
use crate::error::Result;
use crate::pack::directory::GroupEntry;
use crate::vault::view::PackView;
use crate::vault::write::encode::Sink;

/// What an assembler counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Records that were not there before.
    pub records: u64,
    /// Segments that were not there before.
    pub segments: u64,
}

/// Fingerprints of the nodes and segments of one session.
pub struct RecentPrints {
    pub(super) nodes: Vec<u32>,
    pub(super) segments: Vec<u32>,
}

impl<S: Sink> Assembler<S> {
    /// All fingerprints of this session, by number.
    #[must_use]
    pub fn recent_prints(&self) -> RecentPrints {
        RecentPrints { nodes: self.nodes.prints_from(self.session.0), segments: self.segments.prints_from(self.session.1) }
    }

    /// Fingerprints of what this session put into a group of the open pack, records and short things left out; `None` for a
    /// group that was there before.
    #[must_use]
    pub fn group_prints(&self, group: &GroupEntry, recent: &RecentPrints) -> Option<GroupPrints> {
        if group.first_node < self.session.0 || group.first_segment < self.session.1 {
            return None;
        }
        let long = |length: Option<u32>| length.is_some_and(|length| length as usize >= PRINTED_BYTES);
        let mut prints = GroupPrints::default();
        for number in group.first_node..group.first_node + group.nodes {
            if long(self.node_memory.length(number)) && !self.roots.contains_key(&number) {
                prints.nodes.push((number, *recent.nodes.get((number - self.session.0) as usize)?));
            }
        }
        for number in group.first_segment..group.first_segment + group.segments {
            let memory = self.segment_memory.get((number - self.session.1) as usize)?;
            if long(Some(memory.length)) {
                prints.segments.push((number, *recent.segments.get((number - self.session.1) as usize)?));
            }
        }
        Some(prints)
    }

    /// Bytes of new nodes since the last commit.
    #[must_use]
    pub fn uncommitted(&self) -> u64 {
        self.node_memory.taken() - self.committed_bytes
    }

    /// Bytes of new nodes since the pack or the session began.
    #[must_use]
    pub fn session_bytes(&self) -> u64 {
        self.node_memory.taken()
    }

    /// Bytes of unique text in the open pack.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// True when the writer has failed; the next hand-over says why.
    #[must_use]
    pub fn writer_stopped(&self) -> bool {
        self.encoder.writer_stopped()
    }

    /// What the writer failed with.
    ///
    /// # Errors
    /// Always, when it failed.
    pub fn failure(&mut self) -> Result<()> {
        self.encoder.finish().map(drop)
    }

    /// True when the pack should be sealed at the next commit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.text_bytes >= self.shape.pack_bytes || self.position.node > 1 << 30 || self.position.segment > 1 << 30
    }

    /// Memory of what is remembered of each node, segment and record of the open pack, about.
    #[must_use]
    pub fn table_bytes(&self) -> u64 {
        let prints = self.nodes.bytes() + self.segments.bytes();
        let nodes = self.node_memory.bytes();
        let segments = self.segment_memory.capacity() * size_of::<SegmentMemory>();
        (prints + nodes + segments + self.roots.capacity() * ROOT_BYTES) as u64
    }

    /// What was new so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The number the next new record will get.
    #[must_use]
    pub fn next_record(&self) -> u64 {
        self.next_record
    }

    /// Hashes of removed records and the numbers they had: they keep those numbers and are not stored again.
    pub fn suppress(&mut self, removed: impl Iterator<Item = (u128, u64)>) {
        self.suppressed.extend(removed);
    }

    /// Removed records may be stored again.
    pub fn suppress_nothing(&mut self) {
        self.suppressed.clear();
    }

    /// Lets later comparisons read what this commit made durable.
    pub fn set_history(&mut self, view: PackView) {
        self.committed = (self.position.node, self.position.segment);
        self.history = Some(view);
    }
}
