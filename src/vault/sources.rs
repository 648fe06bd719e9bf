//! What the journals amount to: sources with their occurrences, removals, mappings, the log.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::{Corrupt, Error, Result, corrupt};
use crate::pack::directory::RecordRun;
use crate::shape::ShapeId;
use crate::source::names::{self, Found};
use crate::source::state::SourceState;
use crate::vault::journal::{self, Entry, Removal, SourceDelta, Stamp};

/// A digest keeps up to 1 KiB of its stream's end: no more than so many lines.
pub const DIGEST_TAIL_LINES: u64 = 1024;

/// A source and its occurrences.
#[derive(Clone, Debug)]
pub struct Source {
    /// What is known of it.
    pub state: SourceState,
    /// Record numbers of its lines, in order. Empty for an alias.
    pub runs: Vec<RecordRun>,
    /// When it last changed.
    pub stamp: Stamp,
}

impl Source {
    /// Number of lines.
    #[must_use]
    pub fn occurrences(&self) -> u64 {
        self.runs.iter().map(|run| run.count).sum()
    }

    /// The record number of a line, counted from 1.
    #[must_use]
    pub fn line(&self, line: u64) -> Option<u64> {
        let mut left = line.checked_sub(1)?;
        for run in &self.runs {
            if left < run.count {
                return Some(run.first + left);
            }
            left -= run.count;
        }
        None
    }

    /// All record numbers in order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|run| run.first..run.first + run.count)
    }
}

/// The state that journals describe.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Sources by number.
    pub sources: BTreeMap<u32, Source>,
    /// Removed records.
    pub removed: FxHashSet<u64>,
    /// Hashes of removed records, with their numbers.
    pub removed_hashes: FxHashMap<u128, u64>,
    /// Removed single lines.
    pub removed_lines: FxHashSet<(u32, u64)>,
    /// Mapping texts by file name.
    pub mappings: BTreeMap<String, Vec<u8>>,
    /// Dictionaries, by pack and number, that were activated or retired.
    pub dictionaries: BTreeMap<(u32, u32), bool>,
    /// The log, oldest first.
    pub log: Vec<(Stamp, Vec<u8>)>,
    /// All removals as written, for rewriting.
    pub removals: Vec<(Stamp, Removal)>,
}

impl State {
    /// Replays entries that are sorted by stamp.
    ///
    /// # Errors
    /// The stamp of an entry that makes no sense, and why.
    pub fn replay(entries: Vec<(Stamp, Entry)>) -> Result<State, (Stamp, Corrupt)> {
        let mut state = State::default();
        for (stamp, entry) in entries {
            state.apply(stamp, entry).map_err(|corrupt| (stamp, corrupt))?;
        }
        Ok(state)
    }

    /// Applies one entry.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn apply(&mut self, stamp: Stamp, entry: Entry) -> Result<(), Corrupt> {
        match entry {
            Entry::Source(delta) => self.apply_source(stamp, delta)?,
            Entry::Removal(removal) => {
                self.apply_removal(&removal);
                self.removals.push((stamp, removal));
            }
            Entry::Log(json) => self.log.push((stamp, json)),
            // Only rewrites ask for them.
            Entry::Superseded(_) => {}
            Entry::Mapping(name, text) => {
                self.mappings.insert(name, text);
            }
            Entry::Dictionary { pack, number, active } => {
                self.dictionaries.insert((pack, number), active);
            }
        }
        Ok(())
    }

    fn apply_source(&mut self, stamp: Stamp, delta: SourceDelta) -> Result<(), Corrupt> {
        let state = SourceState::decode(&delta.state)?;
        // An alias that grows begins with the list of the source it stood for.
        let inherited = match self.sources.get(&state.id).and_then(|source| source.state.alias_of) {
            Some(origin) if state.alias_of.is_none() => {
                let origin = self.sources.get(&origin).ok_or_else(|| corrupt!("source {} stood for an unknown one", state.id))?;
                Some(origin.runs.clone())
            }
            _ => None,
        };
        if delta.drop_last > 0 || !delta.runs.is_empty() {
            self.detach_aliases(state.id);
        }
        let source = self.sources.entry(state.id).or_insert_with(|| Source { state: state.clone(), runs: Vec::new(), stamp });
        if let Some(runs) = inherited {
            source.runs = runs;
        }
        if delta.drop_last > source.occurrences() {
            return Err(corrupt!("source {} loses more lines than it has", state.id));
        }
        journal::drop_last(&mut source.runs, delta.drop_last);
        for run in delta.runs {
            match source.runs.last_mut() {
                Some(last) if last.first + last.count == run.first => last.count += run.count,
                _ => source.runs.push(run),
            }
        }
        source.state = state;
        source.stamp = stamp;
        Ok(())
    }

    /// Whoever stood for a source that now changes keeps what it stood for.
    fn detach_aliases(&mut self, id: u32) {
        if !self.sources.values().any(|source| source.state.alias_of == Some(id)) {
            return;
        }
        let Some(runs) = self.sources.get(&id).map(|source| source.runs.clone()) else { return };
        for source in self.sources.values_mut().filter(|source| source.state.alias_of == Some(id)) {
            source.runs = runs.clone();
            source.state.alias_of = None;
        }
    }

    fn apply_removal(&mut self, removal: &Removal) {
        let numbers = removal.records.iter().flat_map(|run| run.first..run.first.saturating_add(run.count));
        if removal.undo {
            numbers.for_each(|number| {
                self.removed.remove(&number);
            });
            removal.hashes.iter().for_each(|hash| {
                self.removed_hashes.remove(hash);
            });
            removal.lines.iter().for_each(|line| {
                self.removed_lines.remove(line);
            });
        } else {
            let numbers: Vec<u64> = numbers.collect();
            self.removed_hashes.extend(removal.hashes.iter().copied().zip(numbers.iter().copied()));
            self.removed.extend(numbers);
            self.removed_lines.extend(&removal.lines);
        }
    }

    /// All generations of a name, oldest first.
    #[must_use]
    pub fn generations(&self, name: &str) -> Vec<&Source> {
        let mut found: Vec<&Source> = self.sources.values().filter(|source| source.state.name == name).collect();
        found.sort_by_key(|source| source.state.generation);
        found
    }

    /// The source that holds the lines of this one: itself, or what it is an alias of.
    #[must_use]
    pub fn origin<'s>(&'s self, source: &'s Source) -> &'s Source {
        source.state.alias_of.and_then(|id| self.sources.get(&id)).unwrap_or(source)
    }

    /// Finds a source by any whole-component ending of its name, `@N` for a generation; the newest otherwise.
    ///
    /// # Errors
    /// [`Error::Usage`] with the candidates when several fit; `Ok(None)` for none.
    pub fn find(&self, query: &str) -> Result<Option<&Source>> {
        let names: Vec<&str> = self.sources.values().map(|source| source.state.name.as_str()).collect();
        let (found, generation) = names::find_source(&names, query);
        let name = match found {
            Found::Nothing => return Ok(None),
            Found::One(name) => name,
            Found::Ambiguous(candidates) => {
                let list: Vec<String> = candidates.iter().take(20).map(|name| format!("  {name}")).collect();
                return Err(Error::Usage(format!("{query} is ambiguous; say more of the path:\n{}", list.join("\n"))));
            }
        };
        let generations = self.generations(name);
        Ok(match generation {
            Some(wanted) => generations.into_iter().find(|source| source.state.generation == wanted),
            None => generations.into_iter().next_back(),
        })
    }

    /// Sources in the order they first came, aliases left out.
    pub fn in_order(&self) -> impl Iterator<Item = &Source> {
        self.sources.values().filter(|source| source.state.alias_of.is_none())
    }

    /// True when a line does not count any more.
    #[must_use]
    pub fn is_removed(&self, source: u32, line: u64, number: u64) -> bool {
        (!self.removed.is_empty() && self.removed.contains(&number))
            || (!self.removed_lines.is_empty() && self.removed_lines.contains(&(source, line)))
    }

    /// The shape that a source was given with `ingest --shape`.
    #[must_use]
    pub fn forced_shape(&self, source: &str) -> Option<ShapeId> {
        let name = self.mappings.get(&format!("shape:{source}"))?;
        ShapeId::from_name(std::str::from_utf8(name).ok()?)
    }

    /// True when one of a source's last lines was purged: its digest must not keep the bytes at its end.
    #[must_use]
    pub fn ends_with_purged(&self, source: u32) -> bool {
        if self.removed.is_empty() {
            return false;
        }
        let Some(source) = self.sources.get(&source).map(|source| self.origin(source)) else { return false };
        let skip = source.occurrences().saturating_sub(DIGEST_TAIL_LINES);
        let mut last = source.numbers().skip(usize::try_from(skip).unwrap_or(usize::MAX));
        // What was removed and not purged still has its hash.
        last.any(|number| self.removed.contains(&number) && !self.removed_hashes.values().any(|removed| *removed == number))
    }

    /// The next free source number.
    #[must_use]
    pub fn next_source(&self) -> u32 {
        self.sources.last_key_value().map_or(1, |(id, _)| id + 1)
    }
}
