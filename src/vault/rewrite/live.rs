//! Which records stay.
//!
//! A record is *listed* when a line of a source is it, *shown* when one of those lines was not removed, and *superseded* when lines
//! listed it once and none does now (a last line without newline that grew), or when a journal says so. A record that nothing ever
//! listed may belong to a stream whose name is not known yet: it stays.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Result;
use crate::pack::directory::RecordRun;
use crate::vault::journal::{self, Entry, Removal, Stamp};
use crate::vault::rewrite::Numbers;
use crate::vault::snapshot::{Snapshot, each_journal};
use crate::vault::sources::State;

/// Removals, each with the generation that made it.
#[derive(Debug, Default)]
pub struct Removed {
    /// Records.
    pub records: FxHashMap<u64, u64>,
    /// Single lines: source, line.
    pub lines: FxHashMap<(u32, u64), u64>,
}

impl Removed {
    /// What is removed now, and since when.
    #[must_use]
    pub fn of(removals: &[(Stamp, Removal)]) -> Removed {
        let mut removed = Removed::default();
        for (stamp, removal) in removals {
            for number in removal.records.iter().flat_map(|run| run.first..run.first + run.count) {
                if removal.undo {
                    removed.records.remove(&number);
                } else {
                    removed.records.entry(number).or_insert(stamp.generation);
                }
            }
            for line in &removal.lines {
                if removal.undo {
                    removed.lines.remove(line);
                } else {
                    removed.lines.entry(*line).or_insert(stamp.generation);
                }
            }
        }
        removed
    }

    /// Leaves out what was removed in certain generations.
    pub fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.records.retain(|_, generation| keep(*generation));
        self.lines.retain(|_, generation| keep(*generation));
    }
}

/// Numbers that some line of some source shows, when these removals count.
#[must_use]
pub fn shown(state: &State, removed: &Removed) -> Numbers {
    let mut numbers = Numbers::default();
    let touched: FxHashSet<u32> = removed.lines.keys().map(|(source, _)| *source).collect();
    for (&id, source) in &state.sources {
        if touched.contains(&id) {
            for (line, number) in (1..).zip(source.numbers()) {
                if !removed.lines.contains_key(&(id, line)) {
                    numbers.insert(number);
                }
            }
        } else {
            source.runs.iter().for_each(|run| numbers.insert_run(run.first, run.count));
        }
    }
    removed.records.keys().for_each(|number| numbers.remove(*number));
    numbers
}

/// All stored records but those that are superseded, and those that `removed` leaves without a line.
///
/// # Errors
/// When a journal is damaged.
pub fn live(snapshot: &Snapshot, removed: &Removed) -> Result<Numbers> {
    let state = snapshot.state()?;
    let shown = shown(state, removed);
    let mut live = Numbers::default();
    snapshot.places().iter().for_each(|place| live.insert_run(place.first, place.count));
    // Shown lines may be listed by one source and removed in another: what is shown anywhere stays.
    let mut not_unless_shown = |runs: &[RecordRun]| {
        for run in runs {
            (run.first..run.first + run.count).filter(|number| !shown.contains(*number)).for_each(|number| live.remove(number));
        }
    };
    state.sources.values().for_each(|source| not_unless_shown(&source.runs));
    let mut entries = Vec::new();
    for pack in &snapshot.packs {
        each_journal(pack, |payload| {
            journal::read(payload, &mut entries)?;
            for (_, entry) in entries.drain(..) {
                match entry {
                    Entry::Source(delta) => not_unless_shown(&delta.runs),
                    Entry::Superseded(runs) => not_unless_shown(&runs),
                    _ => {}
                }
            }
            Ok(())
        })?;
    }
    // Removals name records by number, whatever lists them.
    removed.records.keys().for_each(|number| live.remove(*number));
    Ok(live)
}
