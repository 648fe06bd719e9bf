//! The conveyor: chunks are cut on all cores and numbered in the order they came; commits happen on the way.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};
use crate::pack::directory::RecordRun;
use crate::record::cut::{CutOptions, Cuts, Cutter};
use crate::shape::{Hints, Mappings, Record, ShapeId};
use crate::source::lines::{Chunk, Item, LongPiece};
use crate::source::observe;
use crate::source::state::SourceState;
use crate::vault::ingest::digests::{Bytes, Digest, Digests};
use crate::vault::ingest::long::LongLines;
use crate::vault::ingest::repeat::Undecided;
use crate::vault::journal::{self, Entry, Removal, SourceDelta};
use crate::vault::session::Session;
use crate::vault::write::assemble::CutChunk;

/// Raw bytes after which a commit is made even when little of them was new.
const COMMIT_BYTES: u64 = 256 << 20;
/// Bytes of new nodes after which a commit is made: less than is kept in memory to compare with, so that what leaves it is on disk,
/// with all that it refers to.
const COMMIT_NEW_BYTES: u64 = 32 << 20;

/// Memory of larger chunks is given back rather than kept for others.
pub const USUAL_CHUNK: usize = 4 << 20;

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
    fn count(&self, chunk: &Chunk, name: &str) -> BTreeMap<&'static str, u64> {
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

    /// Commits all that was stored, with the states of the sources it belongs to and `more`.
    ///
    /// # Errors
    /// When writing fails.
    pub fn commit(&mut self, session: &mut Session, more: Vec<Entry>) -> Result<()> {
        // In the middle of a long line the source's list and its digest do not match: wait for its end.
        if self.long.under_way() {
            return Ok(());
        }
        let mut entries = Vec::new();
        for slot in 0..self.active.len() {
            self.settle(session, slot)?;
            let active = &mut self.active[slot];
            if !active.dirty || active.undecided.is_some() || (active.held && !active.done) {
                continue;
            }
            fill_digest(&self.digests, slot, active)?;
            if session.state.ends_with_purged(active.state.id) {
                active.state.digest.close();
            }
            active.dirty = false;
            let stamp = active.state.stamp.filter(|_| active.done && active.complete);
            let state = SourceState { stamp, ..active.state.clone() };
            let delta = SourceDelta {
                state: state.encode(),
                drop_last: std::mem::take(&mut active.drop_last),
                runs: std::mem::take(&mut active.runs),
            };
            // What the source has now and grows by later replaces the open line only once.
            entries.extend(active.announce.take());
            entries.push(Entry::Source(delta));
            if active.done {
                self.digests.close(slot);
                if let Some(alias) = active.then_alias.take() {
                    entries.push(Entry::Source(SourceDelta { state: alias.encode(), ..SourceDelta::default() }));
                }
            }
        }
        if !self.restored.records.is_empty() {
            entries.push(Entry::Removal(std::mem::take(&mut self.restored)));
            self.restored.undo = true;
        }
        if !self.superseded.is_empty() {
            entries.push(Entry::Superseded(std::mem::take(&mut self.superseded)));
        }
        entries.extend(more);
        self.since_commit = 0;
        self.last_commit = Instant::now();
        session.commit(entries)
    }

    /// Streams that brought nothing new.
    #[must_use]
    pub fn unchanged(&self) -> u64 {
        self.active.iter().filter(|active| active.done && active.unchanged).count() as u64
    }

    /// Decides, as soon as it can be known, whether a stream repeats and continues a known source.
    fn settle(&mut self, session: &Session, slot: usize) -> Result<()> {
        let active = &mut self.active[slot];
        let Some(mut undecided) = active.undecided.take() else { return Ok(()) };
        let generations = session.state.generations(&active.state.name);
        let Some(known) = generations.last() else { return Ok(()) };
        let origin = session.state.origin(known);
        let open = u64::from(known.state.last_line_open());
        let settled = origin.occurrences() - open.min(origin.occurrences());
        let digest = self.digests.query(slot)?;
        let (length, known_length) = (digest.digest.length(), known.state.stream_len());
        let equal = undecided.repeats(session, known.state.id, origin, settled, &active.runs)?;
        if equal && length < known_length && !active.done {
            active.undecided = Some(undecided);
            return Ok(());
        }
        let starts_with_known = match digest.mark {
            Some((at, Some(found))) if at == known_length => found == known.state.digest.finish(),
            _ => false,
        };
        if equal && length >= known_length && (starts_with_known || undecided.is_sure() && known.state.digest.is_closed()) {
            // The same lines, and perhaps more: only those are new.
            let same = length == known_length;
            self.superseded.extend(undecided.superseded(&active.runs));
            skip_first(&mut active.runs, settled);
            active.drop_last = origin.occurrences() - settled;
            active.state.id = known.state.id;
            active.state.generation = known.state.generation;
            active.dirty = !same;
            active.unchanged = same;
        } else if equal && undecided.is_sure() && length < known_length && active.occurrences <= settled {
            // A beginning of what is known: nothing new.
            self.superseded.extend(undecided.superseded(&active.runs));
            active.dirty = false;
            active.unchanged = true;
        } else {
            active.runs = undecided.numbers(std::mem::take(&mut active.runs));
            active.state.generation = known.state.generation + 1;
            // Others may have given out numbers while this stream was waiting.
            active.state.id = active.state.id.max(session.state.next_source());
        }
        Ok(())
    }
}

/// Takes the first numbers off a list.
pub(super) fn skip_first(runs: &mut Vec<RecordRun>, mut count: u64) {
    let mut at = 0;
    for run in runs.iter_mut() {
        let now = run.count.min(count);
        run.first += now;
        run.count -= now;
        count -= now;
        if run.count > 0 {
            break;
        }
        at += 1;
    }
    runs.drain(..at);
}

fn fill_digest(digests: &Digests, slot: usize, active: &mut Active) -> Result<()> {
    let known = digests.query(slot)?;
    active.state.digest = known.digest;
    if let Some(edges) = &known.edges {
        active.state.head_hash = edges.head_hash();
        active.state.tail_hash = edges.tail_hash();
    } else if let Some(path) = &active.plain
        && let Ok(look) = observe::edges(path, active.state.stream_len())
    {
        // A file that changes meanwhile only makes the next look a closer one.
        active.state.head_hash = look.head_hash;
        active.state.tail_hash = look.tail_hash;
    }
    Ok(())
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
