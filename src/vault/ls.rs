//! `ls`: sources and conversations.

mod conversations;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::redact::redact_cut;
use crate::shape::LONGEST_WORD;
use crate::vault::Vault;
use crate::vault::api::{LsOptions, SourceRow, Time};
use crate::vault::export::{Sink, write_source};
use crate::vault::filter::{Sieve, Verdict, newest_generations, select};
use crate::vault::get::shown_name;
use crate::vault::logbook;
use crate::vault::meaning::{Meaning, Part, Scan};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

impl Vault {
    /// The sources, by name.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn ls_sources(&self, options: &LsOptions) -> Result<Vec<SourceRow>> {
        let snapshot = self.snapshot()?;
        let state = snapshot.state()?;
        let sieve = Sieve::new(&options.filter)?;
        let newest = newest_generations(state);
        let ingested = times_of_generations(state);
        // A generation named in the filter was asked for, newest or not.
        let every = options.all_generations || !options.filter.sources.is_empty();
        let wanted = |source: &&Source| {
            every || newest.get(source.state.name.as_str()) == Some(&source.state.generation) || has_alias(state, source)
        };
        let sources: Vec<&Source> = select(state, &options.filter, true)?.into_iter().filter(wanted).collect();
        let mut said: FxHashMap<u32, Said> = FxHashMap::default();
        // What a source is stands in its state; only what its records say has to be read.
        if options.long || !sieve.takes_whole_sources() {
            Scan::for_filter(&snapshot, self.threads(), false, &sieve)?.lines(&sources, |line| {
                said.entry(line.source.state.id).or_default().add(line.meaning, &sieve);
                Ok(())
            })?;
        }
        let mut rows = Vec::new();
        for source in sources {
            let said = said.remove(&source.state.id).unwrap_or_default();
            if !said.passes && !sieve.takes_whole_sources() {
                continue;
            }
            let is_newest = newest.get(source.state.name.as_str()) == Some(&source.state.generation);
            let mut row = said.row(source, is_newest, aliases(state, source, &newest));
            row.removed_lines = removed_lines(state, source);
            row.shape = row.shape.or_else(|| state.forced_shape(&source.state.name).map(|shape| shape.name().to_string()));
            row.ingested = ingested.get(&source.stamp.generation).copied();
            if options.sha256 {
                row.sha256 = Some(self.sha256(&snapshot, state, source)?);
            }
            rows.push(row);
        }
        rows.sort_by(|a, b| (&a.name, a.generation).cmp(&(&b.name, b.generation)));
        Ok(rows)
    }

    fn sha256(&self, snapshot: &Snapshot, state: &State, source: &Source) -> Result<String> {
        let mut digest = Hashing(Sha256::new());
        let mut sink = Sink::new(&mut digest, std::path::Path::new("a digest"));
        write_source(snapshot, state, source, self.threads(), &mut sink)?;
        Ok(hex(&digest.0.finalize()))
    }
}

/// Takes secrets out of a title, which may have been cut in the middle of one.
///
/// # Errors
/// When it cannot be searched for them.
pub(crate) fn hide_in_title(title: &mut Option<String>) -> Result<()> {
    if let Some(text) = title {
        *text = redact_cut(text, LONGEST_WORD)?;
    }
    Ok(())
}

/// What the records of a source say.
#[derive(Default)]
struct Said {
    shapes: BTreeMap<Arc<str>, u64>,
    first: Option<Time>,
    last: Option<Time>,
    passes: bool,
}

impl Said {
    fn add(&mut self, meaning: &Meaning, sieve: &Sieve<'_>) {
        *self.shapes.entry(Arc::clone(&meaning.shape)).or_default() += 1;
        widen(&mut self.first, &mut self.last, meaning.time);
        self.passes |= sieve.judge(meaning) == Verdict::In;
    }

    fn row(self, source: &Source, newest: bool, aliases: Vec<String>) -> SourceRow {
        let shape = self.shapes.into_iter().max_by_key(|(_, count)| *count).map(|(shape, _)| shape.to_string());
        SourceRow {
            name: source.state.name.clone(),
            generation: source.state.generation,
            newest,
            aliases,
            occurrences: source.occurrences(),
            records: distinct(source),
            removed_lines: 0,
            bytes: source.state.stream_len(),
            provisional: source.state.last_line_open(),
            blake3: hex(&source.state.digest.finish()),
            sha256: None,
            shape,
            first: self.first,
            last: self.last,
            ingested: None,
        }
    }
}

fn removed_lines(state: &State, source: &Source) -> u64 {
    if state.removed.is_empty() && state.removed_lines.is_empty() {
        return 0;
    }
    source.occurrences() - Part::whole(source).live(state).count() as u64
}

fn distinct(source: &Source) -> u64 {
    let mut runs: Vec<(u64, u64)> = source.runs.iter().map(|run| (run.first, run.first + run.count)).collect();
    runs.sort_unstable();
    let (mut count, mut end) = (0, 0);
    for (from, to) in runs {
        count += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    count
}

fn has_alias(state: &State, source: &Source) -> bool {
    state.sources.values().any(|other| other.state.alias_of == Some(source.state.id))
}

/// Other names whose newest content this is.
fn aliases(state: &State, source: &Source, newest: &BTreeMap<&str, u32>) -> Vec<String> {
    let of_this = state.sources.values().filter(|other| other.state.alias_of == Some(source.state.id));
    let mut names: Vec<String> = of_this.map(|other| shown_name(other, newest)).collect();
    names.sort_unstable();
    names
}

/// When each generation of the vault was made, as far as the log tells.
fn times_of_generations(state: &State) -> BTreeMap<u64, Time> {
    state.log.iter().map(|(stamp, json)| (stamp.generation, logbook::read(*stamp, json).time)).collect()
}

/// Makes a span of time hold another moment.
pub(crate) fn widen(first: &mut Option<Time>, last: &mut Option<Time>, time: Option<Time>) {
    if let Some(time) = time {
        *first = Some(first.map_or(time, |first| first.min(time)));
        *last = Some(last.map_or(time, |last| last.max(time)));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest that can be written to.
struct Hashing(Sha256);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
