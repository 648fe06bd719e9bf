//! Journals of replaced packs: what of them goes into the new ones.
//!
//! Entries keep their stamps, because replay sorts by them. A source that grew a thousand times needs one entry: deltas are merged
//! where nothing between them, in any pack, looks at the list they make.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::{Error, Result};
use crate::ids::PackId;
use crate::source::state::SourceState;
use crate::vault::journal::{self, Entry, Removal, SourceDelta, Stamp};
use crate::vault::rewrite::all_entries;
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::DIGEST_TAIL_LINES;

/// Entries for the new packs, by stamp.
#[derive(Debug, Default)]
pub struct Carried(pub Vec<(Stamp, Entry)>);

/// Records of which not even a hash stays, and the sources that listed them.
#[derive(Debug, Default)]
pub struct Purged {
    /// Records.
    pub records: FxHashSet<u64>,
    /// Sources whose digests must forget the bytes they keep: all of them up to this stamp.
    pub sources: FxHashMap<u32, Stamp>,
}

impl Purged {
    /// The records, and what follows for the sources. The last digest of a source forgets its end only when a purged line may lie
    /// in it, because a source is read from its start again when it grows after that.
    ///
    /// # Errors
    /// When a journal is damaged.
    pub fn of(snapshot: &Snapshot, records: FxHashSet<u64>) -> Result<Purged> {
        let mut last: FxHashMap<u32, (Stamp, Stamp)> = FxHashMap::default();
        let mut sources = FxHashMap::default();
        let mut aliases = Vec::new();
        for (_, stamp, entry) in all_entries(snapshot)? {
            let Entry::Source(delta) = entry else { continue };
            let state = decode(snapshot, &delta)?;
            aliases.extend(state.alias_of.map(|origin| (state.id, origin)));
            let (_, newest) = last.get(&state.id).copied().unwrap_or_default();
            last.insert(state.id, (newest, stamp));
            let mut numbers = delta.runs.iter().flat_map(|run| run.first..run.first + run.count);
            if numbers.any(|number| records.contains(&number)) {
                sources.insert(state.id, Stamp::default());
            }
        }
        let known = snapshot.state()?;
        let follow: Vec<u32> = aliases.iter().filter(|(_, origin)| sources.contains_key(origin)).map(|(id, _)| *id).collect();
        sources.extend(follow.into_iter().map(|id| (id, Stamp::default())));
        for (id, until) in &mut sources {
            let ends_with_one = known.sources.get(id).map(|source| known.origin(source)).is_some_and(|source| {
                let skip = source.occurrences().saturating_sub(DIGEST_TAIL_LINES);
                source.numbers().skip(usize::try_from(skip).unwrap_or(usize::MAX)).any(|number| records.contains(&number))
            });
            let (before, newest) = last.get(id).copied().unwrap_or_default();
            *until = if ends_with_one { newest } else { before };
        }
        Ok(Purged { records, sources })
    }

    /// True when the entry keeps bytes that must be forgotten.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn concerns(&self, snapshot: &Snapshot, stamp: Stamp, delta: &SourceDelta) -> Result<bool> {
        let state = decode(snapshot, delta)?;
        Ok(!state.digest.is_closed() && self.sources.get(&state.id).is_some_and(|until| stamp <= *until))
    }

    fn close(&self, snapshot: &Snapshot, stamp: Stamp, delta: &mut SourceDelta) -> Result<()> {
        if self.concerns(snapshot, stamp, delta)? {
            let mut state = decode(snapshot, delta)?;
            state.digest.close();
            delta.state = state.encode();
        }
        Ok(())
    }
}

/// Entries of the packs that are replaced; of purged records no hash goes along.
///
/// # Errors
/// When a journal is damaged.
pub fn entries(snapshot: &Snapshot, replaced: &[PackId], purged: &Purged) -> Result<Carried> {
    let all = all_entries(snapshot)?;
    let involved = sources_of_aliases(snapshot, &all)?;
    let mut carried: Vec<(Stamp, Entry)> = Vec::new();
    // Where the last delta of a source stands in `carried`, while only replaced packs spoke of it since.
    let mut mergeable: FxHashMap<u32, usize> = FxHashMap::default();
    let mut merged = FxHashSet::default();
    for (pack, stamp, entry) in all {
        let is_replaced = replaced.contains(&pack);
        match entry {
            Entry::Source(delta) => {
                let id = decode(snapshot, &delta)?.id;
                if !is_replaced {
                    mergeable.remove(&id);
                    continue;
                }
                let delta = match mergeable.get(&id).map(|&at| (at, &carried[at].1)) {
                    Some((at, Entry::Source(earlier)))
                        if !involved.contains(&id) && forgets_nothing(snapshot, replaced, earlier, &delta) =>
                    {
                        merged.insert(at);
                        merge(earlier.clone(), delta)
                    }
                    _ => delta,
                };
                mergeable.insert(id, carried.len());
                carried.push((stamp, Entry::Source(delta)));
            }
            Entry::Removal(removal) if is_replaced => {
                carried.push((stamp, Entry::Removal(without_hashes(removal, &purged.records))))
            }
            // It goes with its pack.
            Entry::Dictionary { .. } if is_replaced => {}
            Entry::Superseded(runs) if is_replaced => {
                // Those in the replaced packs go with them.
                let mut elsewhere = Vec::new();
                let stored = |number: &u64| {
                    let place = snapshot.locate(*number);
                    place.is_some_and(|(pack, _, _)| !replaced.contains(&snapshot.packs[pack].committed.pack))
                };
                let numbers = runs.iter().flat_map(|run| run.first..run.first + run.count);
                numbers.filter(stored).for_each(|number| journal::push_run(&mut elsewhere, number));
                if !elsewhere.is_empty() {
                    carried.push((stamp, Entry::Superseded(elsewhere)));
                }
            }
            other if is_replaced => carried.push((stamp, other)),
            _ => {}
        }
    }
    if !purged.sources.is_empty() {
        for (stamp, entry) in &mut carried {
            if let Entry::Source(delta) = entry {
                purged.close(snapshot, *stamp, delta)?;
            }
        }
    }
    let kept = carried.into_iter().enumerate().filter(|(at, _)| !merged.contains(at));
    Ok(Carried(kept.map(|(_, entry)| entry).collect()))
}

fn decode(snapshot: &Snapshot, delta: &SourceDelta) -> Result<SourceState> {
    SourceState::decode(&delta.state).map_err(|corrupt| Error::integrity(&snapshot.layout().packs(), corrupt))
}

/// Sources that were an alias once, and those they stood for: the list of one is taken from the other at a moment of its own.
fn sources_of_aliases(snapshot: &Snapshot, all: &[(PackId, Stamp, Entry)]) -> Result<FxHashSet<u32>> {
    let mut involved = FxHashSet::default();
    for (_, _, entry) in all {
        if let Entry::Source(delta) = entry {
            let state = decode(snapshot, delta)?;
            if let Some(origin) = state.alias_of {
                involved.insert(state.id);
                involved.insert(origin);
            }
        }
    }
    Ok(involved)
}

/// True when records that the later delta drops from the earlier one lie in packs that are replaced as well: elsewhere the entry
/// is what tells that they are superseded.
fn forgets_nothing(snapshot: &Snapshot, replaced: &[PackId], earlier: &SourceDelta, later: &SourceDelta) -> bool {
    let count: u64 = earlier.runs.iter().map(|run| run.count).sum();
    let numbers = earlier.runs.iter().flat_map(|run| run.first..run.first + run.count);
    let skip = usize::try_from(count.saturating_sub(later.drop_last)).unwrap_or(usize::MAX);
    later.drop_last == 0
        || numbers.skip(skip).all(|number| {
            snapshot.locate(number).is_none_or(|(pack, _, _)| replaced.contains(&snapshot.packs[pack].committed.pack))
        })
}

/// Two deltas in one.
fn merge(mut earlier: SourceDelta, later: SourceDelta) -> SourceDelta {
    let had: u64 = earlier.runs.iter().map(|run| run.count).sum();
    journal::drop_last(&mut earlier.runs, later.drop_last);
    let drop_last = earlier.drop_last + later.drop_last.saturating_sub(had);
    let mut runs = earlier.runs;
    for run in later.runs {
        match runs.last_mut() {
            Some(last) if last.first + last.count == run.first => last.count += run.count,
            _ => runs.push(run),
        }
    }
    SourceDelta { state: later.state, drop_last, runs }
}

fn without_hashes(mut removal: Removal, purged: &FxHashSet<u64>) -> Removal {
    if purged.is_empty() || removal.hashes.is_empty() {
        return removal;
    }
    let numbers = removal.records.iter().flat_map(|run| run.first..run.first + run.count);
    let kept: Vec<(u64, u128)> =
        numbers.clone().zip(removal.hashes.iter().copied()).filter(|(number, _)| !purged.contains(number)).collect();
    if kept.len() == removal.hashes.len() {
        return removal;
    }
    // Hashes belong to records by their order: those that keep theirs come first.
    let mut runs = Vec::new();
    kept.iter().for_each(|(number, _)| journal::push_run(&mut runs, *number));
    numbers.filter(|number| purged.contains(number)).for_each(|number| journal::push_run(&mut runs, number));
    removal.hashes = kept.into_iter().map(|(_, hash)| hash).collect();
    removal.records = runs;
    removal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::directory::RecordRun;

    fn delta(state: u8, drop_last: u64, runs: &[(u64, u64)]) -> SourceDelta {
        let runs = runs.iter().map(|&(first, count)| RecordRun { first, count }).collect();
        SourceDelta { state: vec![state], drop_last, runs }
    }

    #[test]
    fn two_growths_in_one_drop_what_either_dropped() {
        assert_eq!(merge(delta(1, 0, &[(0, 3)]), delta(2, 1, &[(3, 2)])), delta(2, 0, &[(0, 2), (3, 2)]));
        assert_eq!(merge(delta(1, 1, &[(9, 1)]), delta(2, 2, &[(10, 1)])), delta(2, 2, &[(10, 1)]));
        assert_eq!(merge(delta(1, 0, &[(4, 1)]), delta(2, 0, &[(5, 1)])), delta(2, 0, &[(4, 2)]));
    }

    #[test]
    fn a_purged_record_stays_removed_and_its_hash_goes() {
        let records = vec![RecordRun { first: 5, count: 3 }];
        let removal = Removal { undo: false, records, hashes: vec![50, 60, 70], lines: Vec::new() };
        let purged = FxHashSet::from_iter([5, 7]);
        let left = without_hashes(removal, &purged);
        assert_eq!(left.hashes, [60]);
        let numbers: Vec<u64> = left.records.iter().flat_map(|run| run.first..run.first + run.count).collect();
        assert_eq!(numbers, [6, 5, 7], "hashes are matched with the first numbers");
    }
}
