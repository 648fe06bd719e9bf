//! Committing what was taken in: what each source became, and when.

use super::{Active, Feed};
use crate::error::Result;
use crate::pack::directory::RecordRun;
use crate::source::observe;
use crate::source::state::SourceState;
use crate::vault::ingest::digests::Digests;
use crate::vault::journal::{Entry, SourceDelta};
use crate::vault::session::Session;
use std::time::Instant;

/// Raw bytes after which a commit is made even when little of them was new.
pub(super) const COMMIT_BYTES: u64 = 256 << 20;

/// Bytes of new nodes after which a commit is made: less than is kept in memory to compare with, so that what leaves it is on disk,
/// with all that it refers to.
pub(super) const COMMIT_NEW_BYTES: u64 = 32 << 20;

/// Takes the first numbers off a list.
pub(in crate::vault::ingest) fn skip_first(runs: &mut Vec<RecordRun>, mut count: u64) {
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

pub(super) fn fill_digest(digests: &Digests, slot: usize, active: &mut Active) -> Result<()> {
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

impl Feed {
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
    pub(super) fn settle(&mut self, session: &Session, slot: usize) -> Result<()> {
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
