//! The conveyor: chunks are cut on all cores and numbered in the order they came; commits happen on the way.

mod active;
mod commit;

pub use active::{Active, Detector};
pub(super) use commit::skip_first;
use commit::{COMMIT_BYTES, COMMIT_NEW_BYTES};

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};
use crate::pack::directory::RecordRun;
use crate::record::cut::{CutOptions, Cuts, Cutter};
use crate::source::lines::{Chunk, Item, LongPiece};
use crate::vault::ingest::digests::{Bytes, Digest, Digests};
use crate::vault::ingest::long::LongLines;
use crate::vault::journal::{self, Removal};
use crate::vault::session::Session;
use crate::vault::write::assemble::CutChunk;

/// Memory of larger chunks is given back rather than kept for others.
pub const USUAL_CHUNK: usize = 4 << 20;

enum Work {
    Chunk(Arc<Chunk>, Receiver<(Cuts, BTreeMap<&'static str, u64>)>),
    Long(LongPiece),
    End,
}

/// Numbers seen while feeding.
#[derive(Default)]
pub struct Fed {
    /// Lines taken.
    pub occurrences: u64,
    /// Bytes taken.
    pub bytes: u64,
    /// Lines that are no JSON.
    pub opaque: u64,
    /// Lines whose record was removed.
    pub removed_again: u64,
}

/// Chunks under way.
pub struct Feed {
    /// Wishes for the cut.
    pub options: Arc<CutOptions>,
    queue: VecDeque<(usize, Work)>,
    /// Raw bytes in the queue, and how many may be.
    under_way: u64,
    most_under_way: u64,
    /// Sources by slot.
    pub active: Vec<Active>,
    /// Digests by slot.
    pub digests: Digests,
    /// What came in.
    pub fed: Fed,
    since_commit: u64,
    /// When the last commit was handed over.
    pub last_commit: Instant,
    long: LongLines,
    /// Cuts whose memory is used again.
    spare: (Sender<Cuts>, Receiver<Cuts>),
    /// Tells shapes, when the user wants to know.
    pub detector: Option<Arc<Detector>>,
    /// Removed records that come again are brought back.
    pub restore: bool,
    restored: Removal,
    /// Records of streams that turned out to repeat what is known under other numbers.
    superseded: Vec<RecordRun>,
}

impl Feed {
    /// An empty conveyor for so many raw bytes at a time, or one chunk if that has more.
    #[must_use]
    pub fn new(options: CutOptions, most_under_way: u64) -> Feed {
        Feed {
            options: Arc::new(options),
            queue: VecDeque::new(),
            under_way: 0,
            most_under_way,
            active: Vec::new(),
            digests: Digests::start(),
            fed: Fed::default(),
            since_commit: 0,
            last_commit: Instant::now(),
            long: LongLines::default(),
            spare: bounded(16),
            detector: None,
            restore: false,
            restored: Removal { undo: true, ..Removal::default() },
            superseded: Vec::new(),
        }
    }

    /// Begins a source; gives its slot.
    pub fn open(&mut self, active: Active, digest: Digest, skip: u64) -> usize {
        let slot = self.active.len();
        self.digests.open(slot, digest, skip);
        self.active.push(active);
        slot
    }

    /// Puts the next item of a source on the conveyor.
    ///
    /// # Errors
    /// When storing an earlier one fails.
    pub fn push(&mut self, session: &mut Session, slot: usize, item: Item) -> Result<()> {
        let bytes = super::length_of(&item);
        // Before it is cut: what a long line is cut into is larger than the line.
        while !self.queue.is_empty() && self.under_way + bytes > self.most_under_way {
            self.step(session)?;
        }
        self.under_way += bytes;
        let work = match item {
            Item::Chunk(chunk) => {
                let chunk = Arc::new(chunk);
                let (sender, receiver) = bounded(1);
                let (known, options, shared) = (Arc::clone(&session.known), Arc::clone(&self.options), Arc::clone(&chunk));
                let spare = self.spare.1.try_recv().ok();
                let detector = self.detector.clone().map(|detector| (detector, self.active[slot].state.name.clone()));
                session.pool().spawn(move || {
                    let shapes = detector.map(|(detector, name)| detector.count(&shared, &name)).unwrap_or_default();
                    // Nobody waits any more after an error: the cut is simply dropped.
                    let _ = sender.send((cut(spare.unwrap_or_default(), &shared, &known, &options), shapes));
                });
                Work::Chunk(chunk, receiver)
            }
            Item::LongPiece(piece) => Work::Long(piece),
        };
        self.queue.push_back((slot, work));
        let most = session.pool().current_num_threads() + 2;
        while self.queue.len() > most {
            self.step(session)?;
        }
        Ok(())
    }

    /// Says that a source has no more items.
    ///
    /// # Errors
    /// When storing fails.
    pub fn end(&mut self, session: &mut Session, slot: usize) -> Result<()> {
        self.queue.push_back((slot, Work::End));
        let most = session.pool().current_num_threads() + 2;
        while self.queue.len() > most {
            self.step(session)?;
        }
        Ok(())
    }

    /// Stores everything on the conveyor.
    ///
    /// # Errors
    /// When storing fails.
    pub fn drain(&mut self, session: &mut Session) -> Result<()> {
        while !self.queue.is_empty() {
            self.step(session)?;
        }
        Ok(())
    }

    /// True when something is on the conveyor or not committed.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.queue.is_empty() || self.active.iter().any(|active| active.dirty)
    }

    fn step(&mut self, session: &mut Session) -> Result<()> {
        let Some((slot, work)) = self.queue.pop_front() else { return Ok(()) };
        match work {
            Work::Chunk(chunk, cuts) => {
                self.under_way = self.under_way.saturating_sub(chunk.data.len() as u64);
                let (cuts, shapes) = cuts.recv().map_err(|_| Error::Internal("a worker stopped".into()))?;
                for (shape, count) in shapes {
                    *self.active[slot].shapes.entry(shape).or_default() += count;
                }
                let usual = chunk.data.len() <= USUAL_CHUNK;
                self.chunk(session, slot, chunk, &cuts)?;
                // A full shelf is no loss, and one full of what long lines left would be.
                if usual {
                    let _ = self.spare.0.try_send(cuts);
                }
            }
            Work::Long(piece) => {
                self.under_way = self.under_way.saturating_sub(piece.data.len() as u64);
                self.long_piece(session, slot, piece)?;
            }
            Work::End => {
                self.active[slot].done = true;
                self.active[slot].dirty = true;
            }
        }
        let due = self.since_commit >= COMMIT_BYTES || session.assembler.uncommitted() >= COMMIT_NEW_BYTES;
        let long = self.long.take_new();
        if due || long || session.assembler.is_full() {
            self.commit(session, Vec::new())?;
        }
        if long {
            session.look_back()?;
        }
        Ok(())
    }

    fn chunk(&mut self, session: &mut Session, slot: usize, chunk: Arc<Chunk>, cuts: &Cuts) -> Result<()> {
        let mut numbers = Vec::with_capacity(cuts.records.len());
        let first_new = session.assembler.next_record();
        let lines = CutChunk { bytes: &chunk.data, cuts, options: &self.options };
        session.assembler.chunk(&lines, &mut numbers)?;
        if self.restore {
            self.restore_removed(session, cuts, &numbers);
        }
        session.keep(&chunk, cuts, &numbers, first_new);
        self.fed.opaque += cuts.opaque;
        let last =
            if chunk.ends_with_newline { 0 } else { chunk.lines.last().map_or(0, |line| u64::from(line.end - line.start)) };
        self.end_open_line(slot);
        if let Some(undecided) = &mut self.active[slot].undecided {
            undecided.hashes.extend(cuts.records.iter().map(|&root| cuts.nodes[root as usize].hash));
        }
        self.account(session, slot, &numbers, chunk.data.len() as u64, last);
        self.digests.bytes(slot, Bytes::Chunk(chunk));
        Ok(())
    }

    /// The newline that sets what is appended apart from an open line belongs to the stream, and so to its digest.
    fn end_open_line(&mut self, slot: usize) {
        if std::mem::take(&mut self.active[slot].ends_open_line) {
            self.digests.bytes(slot, Bytes::Raw(b"\n".to_vec()));
        }
    }

    /// Notes which removed records came again, to bring them back with the next commit.
    fn restore_removed(&mut self, session: &Session, cuts: &Cuts, numbers: &[u64]) {
        for (&root, &number) in cuts.records.iter().zip(numbers) {
            let hash = cuts.nodes[root as usize].hash;
            if let Some(&old) = session.state.removed_hashes.get(&hash) {
                self.restored.hashes.push(hash);
                journal::push_run(&mut self.restored.records, old);
            } else if session.state.removed.contains(&number) {
                journal::push_run(&mut self.restored.records, number);
            }
        }
    }

    fn long_piece(&mut self, session: &mut Session, slot: usize, piece: LongPiece) -> Result<()> {
        self.long.piece(session, &piece.data, piece.first)?;
        let mut numbers = Vec::new();
        let open_before = self.active[slot].state.open_line;
        let mut open = if piece.first { 0 } else { open_before } + piece.data.len() as u64;
        if piece.last {
            let first_new = session.assembler.next_record();
            let (mut number, hash) = self.long.end(session)?;
            session.keep_long(number, hash, first_new);
            if !self.restore
                && let Some(&removed) = session.state.removed_hashes.get(&hash)
            {
                number = removed;
            }
            if let Some(undecided) = &mut self.active[slot].undecided {
                undecided.hashes.push(hash);
            }
            numbers.push(number);
            if piece.newline {
                open = 0;
            }
        }
        let mut data = piece.data;
        let length = data.len() as u64 + u64::from(piece.newline);
        self.end_open_line(slot);
        self.account(session, slot, &numbers, length, open);
        if piece.newline {
            data.push(b'\n');
        }
        self.digests.bytes(slot, Bytes::Raw(data));
        Ok(())
    }

    fn account(&mut self, session: &Session, slot: usize, numbers: &[u64], bytes: u64, open_line: u64) {
        let active = &mut self.active[slot];
        for &number in numbers {
            journal::push_run(&mut active.runs, number);
        }
        if !session.state.removed.is_empty() {
            self.fed.removed_again += numbers.iter().filter(|number| session.state.removed.contains(number)).count() as u64;
        }
        active.state.open_line = open_line;
        active.dirty = true;
        active.occurrences += numbers.len() as u64;
        self.fed.occurrences += numbers.len() as u64;
        self.fed.bytes += bytes;
        self.since_commit += bytes;
    }
}

fn cut(spare: Cuts, chunk: &Chunk, known: &crate::record::known::Known, options: &CutOptions) -> Cuts {
    let mut cutter = Cutter::reusing(spare, &chunk.data, known, options);
    for line in &chunk.lines {
        cutter.line(line.start as usize..line.end as usize);
    }
    cutter.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_of_a_list_are_taken_off_whatever_its_runs() {
        let runs = |numbers: &[u64]| {
            let mut runs = Vec::new();
            numbers.iter().for_each(|&number| journal::push_run(&mut runs, number));
            runs
        };
        let mut rest = vec![RecordRun { first: 1, count: 2 }, RecordRun { first: 3, count: 2 }];
        skip_first(&mut rest, 3);
        assert_eq!(rest, runs(&[4]));
    }
}
