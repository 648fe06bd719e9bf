//! Which records and lines a removal is about.
//!
//! Places are looked up; hashes, carried ids and filters are found by reading the records line by line, with what earlier lines of
//! a file say about later ones. A removal is rare and must not miss anything: nothing derived is trusted for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::group::build::print_of;
use crate::group::decode::record_prints;
use crate::ids::RecordHash;
use crate::pack::frame::{self, Kind};
use crate::shape::{Detection, FileState, Hints, Mappings, Metadata, Record, carried_ids};
use crate::source::names::parse_place;
use crate::vault::api::{Filter, Id, Reading, RmOptions, is_hash_prefix};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::Deep;
use crate::vault::segments;
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// What was found.
#[derive(Debug, Default)]
pub struct Selection {
    /// Records with their hashes.
    pub records: BTreeMap<u64, u128>,
    /// Single lines (source and line), with record number and hash.
    pub lines: BTreeMap<(u32, u64), (u64, u128)>,
    /// Ids that nothing has.
    pub missing: Vec<String>,
    /// Records outside a time filter because they tell no time.
    pub without_time: u64,
}

/// Which lines may be meant: shown ones, removed ones, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    Shown,
    Removed,
    All,
}

/// Finds what the options ask for.
///
/// # Errors
/// [`Error::Usage`] for ambiguous ids and unknown types, [`Error::NotFound`] for unknown sources, and damage.
pub fn select(snapshot: &Snapshot, options: &RmOptions) -> Result<Selection> {
    let among = match (options.undo, options.purge) {
        (true, _) => Among::Removed,
        (false, true) => Among::All,
        (false, false) => Among::Shown,
    };
    let state = snapshot.state()?;
    let mut search = Search {
        snapshot,
        state,
        fetcher: Fetcher::new(snapshot),
        among,
        filter: &options.filter,
        deep: Deep::of(&options.filter)?,
        holding: segments::holding(snapshot, &options.filter.segments, 1)?,
        hashes: Vec::new(),
        carried: BTreeMap::new(),
        found: Selection::default(),
    };
    let mut places = Vec::new();
    let mut answered = BTreeSet::new();
    for (at, id) in options.ids.iter().enumerate() {
        match search.place(id)? {
            Some(place) => {
                places.push(place);
                answered.insert(at);
            }
            None => search.expect(at, id),
        }
    }
    let mappings = mappings(state);
    if options.ids.is_empty() || answered.len() < options.ids.len() {
        search.read(mappings.as_ref(), &mut answered, options.ids.is_empty())?;
    }
    search.places(&places)?;
    search.twins()?;
    let mut found = search.found;
    found.missing =
        options.ids.iter().enumerate().filter(|(at, _)| !answered.contains(at)).map(|(_, id)| id.text.clone()).collect();
    Ok(found)
}

struct Search<'s> {
    snapshot: &'s Snapshot,
    state: &'s State,
    fetcher: Fetcher<'s>,
    among: Among,
    filter: &'s Filter,
    deep: Option<std::sync::Arc<Deep>>,
    /// Records that hold a segment the filter names, when it names one.
    holding: Option<Vec<u64>>,
    /// Prefixes of hashes, and which id each is.
    hashes: Vec<(String, usize)>,
    /// Carried ids, and which id each is.
    carried: BTreeMap<String, usize>,
    found: Selection,
}

impl<'s> Search<'s> {
    /// The line an id names, if it is read as a place.
    fn place(&self, id: &Id) -> Result<Option<(&'s Source, u64)>> {
        if id.reading != Reading::Any || !id.text.contains(':') {
            return Ok(None);
        }
        let Ok(place) = parse_place(&id.text) else { return Ok(None) };
        let Some(line) = place.line else { return Ok(None) };
        let query = match place.source.generation {
            Some(generation) => format!("{}@{generation}", place.source.name),
            None => place.source.name,
        };
        let Some(source) = self.state.find(&query)? else { return Ok(None) };
        let source = self.state.origin(source);
        Ok(source.line(line).filter(|number| self.is_meant(source, line, *number)).map(|_| (source, line)))
    }

    fn expect(&mut self, at: usize, id: &Id) {
        if id.reading != Reading::Hash {
            self.carried.insert(id.text.clone(), at);
        }
        let text = id.text.to_ascii_lowercase();
        if id.reading != Reading::Carried && is_hash_prefix(&text) {
            self.hashes.push((text, at));
        }
    }

    fn is_meant(&self, source: &Source, line: u64, number: u64) -> bool {
        let removed = self.state.is_removed(source.state.id, line, number);
        let wanted = match self.among {
            Among::Shown => !removed,
            Among::Removed => removed,
            Among::All => true,
        };
        wanted && self.snapshot.locate(number).is_some()
    }

    fn places(&mut self, places: &[(&'s Source, u64)]) -> Result<()> {
        let mut bytes = Vec::new();
        for &(source, line) in places {
            let Some(number) = source.line(line) else { continue };
            bytes.clear();
            self.fetcher.record(number, &mut bytes)?;
            self.found.lines.insert((source.state.id, line), (number, content_hash(&bytes)));
            // Undoing a line brings its record back, whichever way it went.
            if self.among == Among::Removed && self.state.removed.contains(&number) {
                self.found.records.insert(number, content_hash(&bytes));
            }
        }
        Ok(())
    }

    /// Reads all lines that may be meant. With `by_filter` a record is found by the filter alone.
    fn read(&mut self, mappings: Option<&'s Mappings>, answered: &mut BTreeSet<usize>, by_filter: bool) -> Result<()> {
        let mut by_hash: Vec<BTreeSet<u128>> = vec![BTreeSet::new(); self.hashes.len()];
        let mut hits: Vec<(u64, u128, Vec<usize>, Vec<usize>)> = Vec::new();
        let mut bytes = Vec::new();
        for source in sources(self.state, self.filter)? {
            let mut file = FileState::from_source_name(&source.state.name);
            for (line, number) in (1..).zip(source.numbers()) {
                bytes.clear();
                if !self.fetcher.record(number, &mut bytes)? {
                    continue;
                }
                let record = Record::read(&bytes);
                let hints = Hints { source_name: Some(&source.state.name), mappings, ..Hints::default() };
                let detection = record.detect(&hints);
                let metadata = record.metadata(&detection, &mut file);
                let held = self.holding.as_ref().is_none_or(|holding| holding.binary_search(&number).is_ok());
                if !held || !self.is_meant(source, line, number) || !self.passes(&record, &detection, &metadata)? {
                    continue;
                }
                let hash = content_hash(&bytes);
                if by_filter {
                    self.found.records.insert(number, hash);
                    continue;
                }
                let carried: Vec<usize> = carried_ids(&metadata).iter().filter_map(|id| self.carried.get(*id).copied()).collect();
                let text = RecordHash(hash).to_string();
                let hashed: Vec<usize> = (0..self.hashes.len()).filter(|at| text.starts_with(&self.hashes[*at].0)).collect();
                hashed.iter().for_each(|at| {
                    by_hash[*at].insert(hash);
                });
                if !carried.is_empty() || !hashed.is_empty() {
                    hits.push((number, hash, carried, hashed));
                }
            }
        }
        // An id that is carried as a whole means more than the first digits of a hash.
        answered.extend(hits.iter().flat_map(|(_, _, carried, _)| carried));
        for (number, hash, carried, hashed) in hits {
            let by_prefix: Vec<usize> = hashed.into_iter().filter(|at| !self.is_carried(self.hashes[*at].1, answered)).collect();
            if !carried.is_empty() || !by_prefix.is_empty() {
                self.found.records.insert(number, hash);
            }
        }
        self.settle_prefixes(&by_hash, answered)
    }

    /// The same content may be stored in several packs under several numbers: it is one record, and goes as one.
    fn twins(&mut self) -> Result<()> {
        if self.found.records.is_empty() || self.snapshot.packs.len() < 2 {
            return Ok(());
        }
        let hashes: BTreeSet<u128> = self.found.records.values().copied().collect();
        let prints: BTreeSet<u16> = hashes.iter().map(|hash| print_of(*hash)).collect();
        let mut bytes = Vec::new();
        for pack in &self.snapshot.packs {
            for entry in &pack.directory().groups {
                let prints_here = pack
                    .frame(entry.offset, Kind::Group)
                    .and_then(|frame| record_prints(&frame::content(&frame)?))
                    .map_err(|corrupt| pack.damaged(corrupt))?;
                let numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
                for (number, _) in numbers.zip(prints_here).filter(|(_, print)| prints.contains(print)) {
                    let removed = self.state.removed.contains(&number);
                    let wanted = match self.among {
                        Among::Shown => !removed,
                        Among::Removed => removed,
                        Among::All => true,
                    };
                    if !wanted || self.found.records.contains_key(&number) {
                        continue;
                    }
                    bytes.clear();
                    self.fetcher.record(number, &mut bytes)?;
                    let hash = content_hash(&bytes);
                    if hashes.contains(&hash) {
                        self.found.records.insert(number, hash);
                    }
                }
            }
        }
        Ok(())
    }

    fn is_carried(&self, at: usize, answered: &BTreeSet<usize>) -> bool {
        answered.contains(&at) && self.carried.values().any(|id| *id == at)
    }

    fn settle_prefixes(&self, by_hash: &[BTreeSet<u128>], answered: &mut BTreeSet<usize>) -> Result<()> {
        let carried = answered.clone();
        for ((prefix, at), found) in self.hashes.iter().zip(by_hash).filter(|((_, at), _)| !carried.contains(at)) {
            if found.len() > 1 {
                let list: Vec<String> = found.iter().take(10).map(|hash| format!("  {}", RecordHash(*hash))).collect();
                return Err(Error::Usage(format!(
                    "{prefix} is ambiguous; {} records begin so:\n{}",
                    found.len(),
                    list.join("\n")
                )));
            }
            if found.len() == 1 {
                answered.insert(*at);
            }
        }
        Ok(())
    }

    fn passes(&mut self, record: &Record<'_>, detection: &Detection<'_>, metadata: &Metadata) -> Result<bool> {
        let filter = self.filter;
        let one_of = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|wanted| wanted == found))
        };
        let other_conversation = !metadata.conversation_id.as_ref().is_some_and(|id| filter.not_conversations.contains(id));
        let fits = other_conversation
            && self.deep.as_ref().is_none_or(|deep| deep.passes(record, detection, metadata))
            && one_of(&filter.conversations, metadata.conversation_id.as_deref())
            && one_of(&filter.models, metadata.model.as_deref())
            && one_of(&filter.apps, metadata.application.as_deref())
            && (!filter.errors || metadata.error.is_some())
            && (filter.types.is_empty()
                || record.segments(detection).iter().any(|label| filter.types.iter().any(|kind| kind == label.kind.name())));
        if !fits {
            return Ok(false);
        }
        match metadata.timestamp_us {
            None if filter.looks_at_time() => {
                self.found.without_time += 1;
                Ok(false)
            }
            Some(time) => Ok(filter.since.is_none_or(|since| time >= since.0) && filter.until.is_none_or(|until| time < until.0)),
            None => Ok(true),
        }
    }
}

fn sources<'s>(state: &'s State, filter: &Filter) -> Result<Vec<&'s Source>> {
    if filter.sources.is_empty() {
        return Ok(state.in_order().collect());
    }
    let mut chosen = BTreeMap::new();
    for query in &filter.sources {
        let source = state
            .find(query)?
            .ok_or_else(|| Error::NotFound(format!("no source is called {query}; `turnpack ls` lists them")))?;
        let origin = state.origin(source);
        chosen.insert(origin.state.id, origin);
    }
    Ok(chosen.into_values().collect())
}

fn mappings(state: &State) -> Option<Mappings> {
    let texts: Vec<&str> = state.mappings.values().filter_map(|text| std::str::from_utf8(text).ok()).collect();
    if texts.is_empty() { None } else { Mappings::parse(&texts.join("\n")).ok() }
}
