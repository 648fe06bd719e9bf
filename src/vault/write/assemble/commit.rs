//! The end of a commit and of a pack: what is open leaves, and what the next pack begins with.

use std::sync::Arc;

use super::{Assembler, Position, Shape};
use crate::error::Result;
use crate::record::cut::class;
use crate::text::Matcher;
use crate::vault::write::encode::{Commit, Job, Sink};
use crate::vault::write::literal::Literals;
use crate::vault::write::memory::NodeMemory;
use crate::vault::write::table::Table;

/// Bytes of templates in a frame, about.
const TEMPLATE_FRAME: usize = 12 << 10;

/// Journals of more bytes than this are not said again: reading them takes its time by their bytes and not by their number.
const WHOLE_JOURNAL_BYTES: usize = 1 << 20;

impl<S: Sink> Assembler<S> {
    /// Hands everything so far to the writer as one commit. With `seal` the next record begins a new pack.
    ///
    /// # Errors
    /// When writing fails.
    pub fn commit(&mut self, journal: Vec<u8>, seal: bool) -> Result<()> {
        self.flush_group()?;
        for stream in 0..class::COUNT {
            if let Some(block) = self.literals[stream].finish() {
                self.push_block(block)?;
            }
        }
        self.flush_templates()?;
        self.push_journal(journal, seal)?;
        self.encoder.push(Job::Commit(Commit { next_record: self.next_record, seal }))?;
        self.committed_bytes = self.node_memory.taken();
        if seal {
            self.begin_pack();
        }
        Ok(())
    }

    /// The last journal of a pack says all that those before it said, so that a reader opens one and not fifty.
    fn push_journal(&mut self, journal: Vec<u8>, seal: bool) -> Result<()> {
        let before = self.last_journal.clone();
        let journals = self.journals.take().filter(|all| all.len() + journal.len() <= WHOLE_JOURNAL_BYTES);
        if let Some(all) = journals {
            let whole = [&all[..], &journal].concat();
            if seal && before.is_some() {
                return self.encoder.push(Job::WholeJournal(Arc::new(whole)));
            }
            self.journals = Some(whole);
        }
        if journal.is_empty() {
            return Ok(());
        }
        let journal = Arc::new(journal);
        self.last_journal = Some(Arc::clone(&journal));
        self.encoder.push(Job::Journal(journal, before))
    }

    /// Templates leave in frames of a bounded size: who reads one record decodes only those with its templates.
    fn flush_templates(&mut self) -> Result<()> {
        let mut frame = Vec::new();
        let mut bytes = 0;
        for template in std::mem::take(&mut self.new_templates) {
            bytes += template.len();
            frame.push(template);
            if bytes >= TEMPLATE_FRAME {
                self.push_templates(std::mem::take(&mut frame))?;
                bytes = 0;
            }
        }
        self.push_templates(frame)
    }

    fn push_templates(&mut self, templates: Vec<Vec<u8>>) -> Result<()> {
        if templates.is_empty() {
            return Ok(());
        }
        let first = self.position.template;
        self.position.template += templates.len() as u32;
        self.encoder.push(Job::Templates(first, templates))
    }

    /// True when nothing is in the pack yet.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        self.position.node == 0
    }

    /// Packs have these sizes from here on; called before anything is stored.
    pub fn begin_anew(&mut self, shape: Shape) {
        self.shape = shape;
        self.begin_pack();
    }

    fn begin_pack(&mut self) {
        self.position = Position::default();
        self.session = (0, 0);
        self.committed = (0, 0);
        self.templates.clear();
        self.nodes = Table::default();
        self.known.clear();
        self.segments = Table::default();
        self.segment_memory.clear();
        self.roots.clear();
        self.node_memory = NodeMemory::new(0, self.shape.ring_bytes);
        self.literals =
            (0..class::COUNT).map(|c| Literals::new(c as u8, 0, self.shape.block_bytes, self.shape.window_bytes)).collect();
        self.matchers = (0..class::COUNT).map(|_| Matcher::new(18, self.shape.min_match.max(64))).collect();
        self.stars = vec![None; class::COUNT];
        // It was found in records of the pack before as well, and must not outlive them here.
        self.has_vocabulary = false;
        self.encoder.use_vocabulary(None);
        self.new_dictionaries.clear();
        self.encoder.use_dictionaries(Arc::default());
        self.group.renew(0, 0, [0; class::COUNT]);
        self.text_bytes = 0;
        self.committed_bytes = 0;
        self.history = None;
        self.last_journal = None;
        self.journals = Some(Vec::new());
    }

    /// No chunk will come: gives back the memory of what chunks are compared with, while the last blocks are still being written.
    pub fn let_go(&mut self) {
        self.literals = Vec::new();
        self.matchers = Vec::new();
        self.node_memory.forget_bytes();
        self.history = None;
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn finish(mut self) -> Result<S> {
        self.encoder.finish()
    }
}
