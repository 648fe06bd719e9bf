//! What records mean, read for many at once: shape, metadata and segment types, without the text.
//!
//! Records are joined once each, group by group on all threads. Some shapes say a thing on the first line of a file that holds
//! for all others: their lines are read again in the order of their source, sources side by side. Work goes in windows of
//! occurrences, so that memory does not grow with the vault.

mod record;
mod windows;

pub(crate) use record::{Fields, Meaning};
use record::{meaning, types_and_turns};
pub(crate) use windows::Part;
use windows::windows;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::shape::{Detection, FileState, Hints, Mappings, Metadata, Record, is_scoped};
use crate::vault::ahead::in_order;
use crate::vault::fetch::Fetcher;
use crate::vault::filter::{Deep, Sieve, TypeSet};
use crate::vault::recall::Recall;
use crate::vault::segments;
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// Occurrences looked at together: some 300 bytes each stay in memory.
const WINDOW: u64 = 1 << 16;

/// The same with all their fields, which take some kilobytes each.
const WINDOW_OF_FIELDS: u64 = 1 << 13;

/// Records of one job at most.
const JOB_RECORDS: usize = 256;

/// A line with what it means.
pub(crate) struct Line<'a> {
    /// The source.
    pub(crate) source: &'a Source,
    /// From 1.
    pub(crate) line: u64,
    /// Number of the record.
    pub(crate) number: u64,
    /// What it means.
    pub(crate) meaning: &'a Meaning,
}

/// Reads meaning out of a snapshot.
pub(crate) struct Scan<'v> {
    snapshot: &'v Snapshot,
    state: &'v State,
    mappings: Option<Mappings>,
    threads: usize,
    with_types: bool,
    deep: Option<Arc<Deep>>,
    only: Option<FxHashSet<u64>>,
    recall: Option<Recall>,
    with_fields: bool,
}

/// What a record means alone, and whether it says more in its source.
type Alone = (Arc<Meaning>, bool);

impl<'v> Scan<'v> {
    /// A scan with the vault's mappings.
    ///
    /// # Errors
    /// When journals are damaged.
    pub(crate) fn new(snapshot: &'v Snapshot, threads: usize, with_types: bool) -> Result<Scan<'v>> {
        let state = snapshot.state()?;
        let (deep, only, recall) = (None, None, None);
        Ok(Scan { snapshot, state, mappings: mappings(state), threads, with_types, deep, only, recall, with_fields: false })
    }

    /// A scan that reads all records and tells all of them, types included.
    ///
    /// # Errors
    /// When journals are damaged.
    pub(crate) fn of_records(snapshot: &'v Snapshot, threads: usize) -> Result<Scan<'v>> {
        Scan::new(snapshot, threads, true)
    }

    /// A scan for a filter: it asks records what the filter's columns cannot tell, and passes over those that do not hold the
    /// segments the filter names.
    ///
    /// # Errors
    /// [`Error::Usage`] for segments that make no sense, and damage.
    pub(crate) fn for_filter(snapshot: &'v Snapshot, threads: usize, with_types: bool, sieve: &Sieve<'_>) -> Result<Scan<'v>> {
        let mut scan = Scan::new(snapshot, threads, with_types || sieve.looks_at_types())?;
        scan.deep = sieve.deep();
        scan.recall = Recall::open(snapshot, scan.state);
        if let Some(records) = segments::holding(snapshot, sieve.segments(), threads)? {
            scan.only = Some(records.into_iter().collect());
        }
        Ok(scan)
    }

    /// The same scan, which reads each record for all its fields.
    pub(crate) fn with_fields(self) -> Scan<'v> {
        Scan { recall: None, with_fields: true, ..self }
    }

    /// Goes over all lines of the sources in order; removed ones are left out.
    ///
    /// # Errors
    /// Damage, and what `sink` returns.
    pub(crate) fn lines(&self, sources: &[&Source], mut sink: impl FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        let mut unknown = Vec::new();
        for &source in sources {
            let Some(recall) = self.recalling(source)? else {
                unknown.push(source);
                continue;
            };
            self.read_lines(&std::mem::take(&mut unknown), &mut sink)?;
            let mut live = Part::whole(source).live(self.state).peekable();
            let mut before = 0;
            for rows in recall.lines(source) {
                let rows = rows?;
                let end = before + rows.len() as u64;
                while let Some((line, number)) = live.next_if(|(line, _)| *line <= end) {
                    let row = rows.get((line - before - 1) as usize).and_then(Option::as_ref);
                    let wanted = self.only.as_ref().is_none_or(|only| only.contains(&number));
                    if let Some(meaning) = row.filter(|_| wanted) {
                        sink(Line { source, line, number, meaning })?;
                    }
                }
                before = end;
            }
        }
        self.read_lines(&unknown, &mut sink)
    }

    /// What is kept of lines, when that is all that is asked of a source and none of its lines was brought back since.
    fn recalling(&self, source: &Source) -> Result<Option<&Recall>> {
        let Some(recall) = self.recall.as_ref().filter(|_| self.deep.is_none()) else { return Ok(None) };
        let live = Part::whole(source).live(self.state).map(|(line, _)| line);
        Ok(recall.has_all(source, live)?.then_some(recall))
    }

    /// The same, with the records read.
    fn read_lines(&self, sources: &[&Source], mut sink: impl FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        let mut states = FxHashMap::default();
        for window in windows(sources, if self.with_fields { WINDOW_OF_FIELDS } else { WINDOW }) {
            let alone = self.alone(&window)?;
            let in_context = self.in_context(&window, &alone, &mut states)?;
            for (part, in_context) in window.iter().zip(&in_context) {
                for (line, number) in part.live(self.state) {
                    if self.only.as_ref().is_some_and(|only| !only.contains(&number)) {
                        continue;
                    }
                    let found = in_context.get(&line).or_else(|| alone.get(&number).map(|(meaning, _)| meaning));
                    if let Some(meaning) = found {
                        sink(Line { source: part.source, line, number, meaning })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The records of a window, each by itself.
    fn alone(&self, window: &[Part<'_>]) -> Result<FxHashMap<u64, Alone>> {
        let mut numbers: Vec<u64> = window.iter().flat_map(|part| part.live(self.state)).map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut found = FxHashMap::default();
        found.reserve(numbers.len());
        in_order(
            self.snapshot,
            self.threads,
            jobs(self.snapshot, &numbers),
            |fetcher, numbers| {
                let (mut bytes, mut out) = (Vec::new(), Vec::with_capacity(numbers.len()));
                for &number in numbers {
                    bytes.clear();
                    if fetcher.record(number, &mut bytes)? {
                        let (meaning, scoped) = self.read(&bytes, None, &mut FileState::default());
                        out.push((number, (Arc::new(meaning), scoped)));
                    }
                }
                Ok(out)
            },
            |some| {
                found.extend(some);
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// The lines of each part that mean more after the lines before them, by line.
    fn in_context<'s>(
        &self,
        window: &[Part<'s>],
        alone: &FxHashMap<u64, Alone>,
        states: &mut FxHashMap<u32, FileState>,
    ) -> Result<Vec<FxHashMap<u64, Arc<Meaning>>>> {
        let jobs: Vec<(Part<'s>, FileState)> = window
            .iter()
            .map(|part| {
                let state = states.remove(&part.source.state.id);
                (part.clone(), state.unwrap_or_else(|| FileState::from_source_name(&part.source.state.name)))
            })
            .collect();
        let mut all = Vec::with_capacity(window.len());
        in_order(
            self.snapshot,
            self.threads,
            jobs.into_iter(),
            |fetcher, (part, mut state)| {
                let mut found = FxHashMap::default();
                let mut bytes = Vec::new();
                for (line, number) in part.live(self.state) {
                    if alone.get(&number).is_some_and(|(_, scoped)| *scoped) {
                        bytes.clear();
                        fetcher.record(number, &mut bytes)?;
                        found.insert(line, Arc::new(self.read(&bytes, Some(&part.source.state.name), &mut state).0));
                    }
                }
                Ok((part.source.state.id, found, state))
            },
            |(id, found, state)| {
                states.insert(id, state);
                all.push(found);
                Ok(())
            },
        )?;
        Ok(all)
    }

    fn read(&self, bytes: &[u8], source: Option<&str>, state: &mut FileState) -> (Meaning, bool) {
        let record = Record::read(bytes);
        let detection = self.detect(&record, source);
        let metadata = record.metadata(&detection, state);
        let (types, turns) = if self.with_types { types_and_turns(&record, &detection) } else { Default::default() };
        let refused = self.deep.as_ref().is_some_and(|deep| !deep.passes(&record, &detection, &metadata));
        // A mapping may ask for the name of the source or keep something for the whole file.
        let scoped = is_scoped(detection.shape) || !self.state.mappings.is_empty();
        let fields = self.with_fields.then(|| Arc::new(Fields { hash: content_hash(bytes), metadata: metadata.clone() }));
        (Meaning { refused, fields, turns, ..meaning(bytes, &record, &detection, metadata, types) }, scoped)
    }

    /// Finds the shape of a record.
    pub(crate) fn detect<'d>(&'d self, record: &Record<'_>, source: Option<&'d str>) -> Detection<'d> {
        let forced = source.and_then(|name| self.state.forced_shape(name));
        record.detect(&Hints { source_name: source, forced, mappings: self.mappings.as_ref(), ..Hints::default() })
    }

    /// What one line means, with what the lines before it say; `None` when the scan passes over its record or it is gone.
    ///
    /// # Errors
    /// When these are damaged.
    pub(crate) fn meaning_at(
        &self,
        fetcher: &mut Fetcher<'_>,
        source: &Source,
        line: u64,
        number: u64,
    ) -> Result<Option<Meaning>> {
        let mut bytes = Vec::new();
        if self.only.as_ref().is_some_and(|only| !only.contains(&number)) || !fetcher.record(number, &mut bytes)? {
            return Ok(None);
        }
        let metadata = self.metadata_at(fetcher, source, line, &bytes)?;
        let record = Record::read(&bytes);
        let detection = self.detect(&record, Some(&source.state.name));
        let mut types = TypeSet::default();
        if self.with_types {
            record.segments(&detection).iter().for_each(|label| types.insert(label.kind));
        }
        let refused = self.deep.as_ref().is_some_and(|deep| !deep.passes(&record, &detection, &metadata));
        Ok(Some(Meaning { refused, ..meaning(&bytes, &record, &detection, metadata, types) }))
    }

    /// The metadata of one line, with what the lines before it say.
    ///
    /// # Errors
    /// When these are damaged.
    pub(crate) fn metadata_at(&self, fetcher: &mut Fetcher<'_>, source: &Source, line: u64, bytes: &[u8]) -> Result<Metadata> {
        let name = &source.state.name;
        let mut state = FileState::from_source_name(name);
        let record = Record::read(bytes);
        let detection = self.detect(&record, Some(name));
        if is_scoped(detection.shape) || detection.mapping.is_some() {
            let before = line - 1;
            let near = before.saturating_sub(LOOK_BACK)..before;
            let head = 0..LOOK_AT_HEAD.min(near.start);
            let mut earlier = Vec::new();
            for lines in [head, near] {
                for (_, number) in (Part { source, lines }).live(self.state) {
                    earlier.clear();
                    fetcher.record(number, &mut earlier)?;
                    let record = Record::read(&earlier);
                    record.metadata(&self.detect(&record, Some(name)), &mut state);
                }
            }
        }
        Ok(record.metadata(&detection, &mut state))
    }
}

/// Lines before a single one that are read for what they say about it: sessions name themselves at their head, and several
/// sessions joined in one file are rarely longer.
const LOOK_BACK: u64 = 2000;
const LOOK_AT_HEAD: u64 = 20;

/// The mappings kept in the vault, in one list. They were checked when they came; one that a newer program took in is passed over.
pub(crate) fn mappings(state: &State) -> Option<Mappings> {
    let files = state.mappings.iter().filter(|(name, _)| !name.starts_with("shape:"));
    let texts: Vec<&str> = files.filter_map(|(_, text)| std::str::from_utf8(text).ok()).collect();
    let usable: Vec<&str> = texts.into_iter().filter(|text| Mappings::parse(text).is_ok()).collect();
    if usable.is_empty() {
        return None;
    }
    Mappings::parse(&usable.join("\n")).or_else(|_| Mappings::parse(usable.last().unwrap_or(&""))).ok()
}

/// Cuts sorted record numbers where the group changes: what one worker decodes the other need not.
pub(crate) fn jobs<'n>(snapshot: &Snapshot, numbers: &'n [u64]) -> impl Iterator<Item = &'n [u64]> {
    let place = |number: &u64| snapshot.locate(*number).map(|(pack, group, _)| (pack, group));
    numbers.chunk_by(move |a, b| place(a) == place(b)).flat_map(|run| run.chunks(JOB_RECORDS))
}

/// Every record that is stored and not removed, sorted.
pub(crate) fn live_records(snapshot: &Snapshot, state: &State) -> Vec<u64> {
    let numbers = snapshot.places().iter().flat_map(|place| place.first..place.first + place.count);
    numbers.filter(|number| !state.removed.contains(number)).collect()
}

/// The message for something that a snapshot must have.
pub(crate) fn vanished(number: u64) -> Error {
    Error::Internal(format!("record {number} is gone from the snapshot it was found in"))
}
