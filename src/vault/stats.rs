//! `stats`: counts by what the user groups by.
//!
//! Usage that several records of one response repeat is one usage, and the last record that tells it counts: what an earlier
//! one brought is taken back from its groups.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::checksum::content_hash;
use crate::error::{Error, IoContext, Result};
use crate::vault::Vault;
use crate::vault::api::{Dimension, Numbers, Price, StatsGroup, StatsOptions, StatsReport, StoredSizes, Summary, Time};
use crate::vault::embed::keep::Shelf;
use crate::vault::filter::{Sieve, Verdict, newest_generations, select, zone_named};
use crate::vault::get::shown_name;
use crate::vault::latency::Sums;
use crate::vault::ls::widen;
use crate::vault::meaning::{Line, Meaning, Scan};
use crate::vault::snapshot::Snapshot;
use crate::vault::tokens::{InOut, Silent};

impl Vault {
    /// Counts.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn stats(&self, options: &StatsOptions) -> Result<StatsReport> {
        let snapshot = self.snapshot()?;
        let state = snapshot.state()?;
        let stored = self.stored(&snapshot)?;
        let witness = if options.witness { Some(self.witness(&options.filter)?) } else { None };
        // What the vault holds stands in its journals and directories; everything else has to be read.
        if !(options.totals || options.distinct || options.tokenizer.is_some())
            && options.by.is_empty()
            && options.filter.is_empty()
        {
            return Ok(StatsReport { stored, witness, ..StatsReport::default() });
        }
        let sieve = Sieve::new(&options.filter)?;
        let sources = select(state, &options.filter, true)?;
        let with_types = sieve.looks_at_types() || options.by.contains(&Dimension::Type);
        let mut count = Count::new(options, newest_generations(state))?;
        let mut seen = FxHashSet::default();
        let mut without_time = 0;
        let scan = Scan::for_filter(&snapshot, self.threads(), with_types, &sieve)?;
        if let Some(tokenizer) = options.tokenizer {
            let mut silent = Silent::default();
            scan.lines(&sources, |line| {
                silent.look(&line, sieve.judge(line.meaning) == Verdict::In);
                Ok(())
            })?;
            count.counted = silent.count(&snapshot, &scan, tokenizer, self.threads())?;
        }
        scan.lines(&sources, |line| {
            if options.distinct && !seen.insert(line.number) {
                return Ok(());
            }
            match sieve.judge(line.meaning) {
                Verdict::In => count.add(&line),
                Verdict::WithoutTime => without_time += 1,
                Verdict::Out => {}
            }
            Ok(())
        })?;
        let (total, groups) = count.finish();
        let mut report =
            StatsReport { stored, total: Some(total), by: options.by.clone(), groups, witness, groups_left_out: 0, without_time };
        let top = options.top.unwrap_or(usize::MAX);
        report.groups_left_out = report.groups.len().saturating_sub(top) as u64;
        report.groups.truncate(top);
        Ok(report)
    }

    /// The vault on disk.
    fn stored(&self, snapshot: &Snapshot) -> Result<StoredSizes> {
        let state = snapshot.state()?;
        let groups = || snapshot.packs.iter().flat_map(|pack| &pack.directory().groups);
        let files = files(self.layout.dir())?;
        Ok(StoredSizes {
            sources: state.sources.len() as u64,
            occurrences: state.in_order().map(crate::vault::sources::Source::occurrences).sum(),
            records: snapshot.record_count(),
            nodes: groups().map(|group| u64::from(group.nodes)).sum(),
            segments: groups().map(|group| u64::from(group.segments)).sum(),
            removed: state.removed.iter().filter(|number| snapshot.locate(**number).is_some()).count() as u64,
            bytes_in: state.in_order().map(|source| source.state.stream_len()).sum(),
            vault_bytes: files.values().sum(),
            files,
            vectors: Shelf::open(snapshot)?.rows(),
            packs: snapshot.packs.len() as u64,
        })
    }
}

/// Bytes of the vault's files by kind.
fn files(dir: &Path) -> Result<BTreeMap<String, u64>> {
    let mut sizes = BTreeMap::new();
    let mut open = vec![(dir.to_path_buf(), None)];
    while let Some((dir, kind)) = open.pop() {
        for entry in std::fs::read_dir(&dir).on("listing", &dir)? {
            let entry = entry.on("listing", &dir)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = kind.unwrap_or(match name.as_str() {
                "packs" => "packs",
                "parts" => "parts",
                name if name.starts_with("catalog") => "catalog",
                _ => "other",
            });
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push((entry.path(), Some(kind))),
                Ok(metadata) => *sizes.entry(kind.to_string()).or_default() += metadata.len(),
                // Gone since it was listed: a writer at work.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("looking at", &entry.path(), error)),
            }
        }
    }
    Ok(sizes)
}

/// A group's numbers while they are counted.
#[derive(Default)]
struct Tally {
    numbers: Numbers,
    conversations: FxHashSet<u64>,
    latencies: Vec<f64>,
    components: Sums,
}

/// What one usage brought, and to which groups.
struct Usage {
    groups: Vec<usize>,
    tokens: [u64; 5],
    cost_usd: f64,
    by_prices: f64,
}

type Key = Vec<Option<String>>;

/// Counting by groups.
struct Count<'s> {
    by: Vec<Dimension>,
    zone: TimeZone,
    newest: BTreeMap<&'s str, u32>,
    prices: Vec<Price>,
    /// The total first, then the groups.
    tallies: Vec<Tally>,
    groups: FxHashMap<Key, usize>,
    usages: FxHashMap<u64, Usage>,
    /// Tokens of records that tell no usage.
    counted: FxHashMap<u64, InOut>,
}

impl<'s> Count<'s> {
    fn new(options: &StatsOptions, newest: BTreeMap<&'s str, u32>) -> Result<Count<'s>> {
        let zone = zone_named(options.time_zone.as_deref())?;
        Ok(Count {
            by: options.by.clone(),
            zone,
            newest,
            prices: options.prices.clone(),
            tallies: vec![Tally::default()],
            groups: FxHashMap::default(),
            usages: FxHashMap::default(),
            counted: FxHashMap::default(),
        })
    }

    fn add(&mut self, line: &Line<'_>) {
        let groups = self.groups_of(line);
        let counted = self.counted.get(&line.number).copied();
        let with_tokens = counted.map(|[input, output]| Meaning { tokens: [input, 0, 0, output, 0], ..line.meaning.clone() });
        let meaning = with_tokens.as_ref().unwrap_or(line.meaning);
        for &group in &groups {
            self.tallies[group].add(meaning);
            let numbers = &mut self.tallies[group].numbers;
            let [input, output] = counted.unwrap_or_default();
            numbers.tokens_in_counted = numbers.tokens_in_counted.saturating_add(input);
            numbers.tokens_out_counted = numbers.tokens_out_counted.saturating_add(output);
        }
        let by_prices = if meaning.cost_usd.is_none() { self.price(meaning) } else { 0.0 };
        let cost_usd = meaning.cost_usd.unwrap_or(by_prices);
        let usage = Usage { groups, tokens: meaning.tokens, cost_usd, by_prices };
        self.account(&usage, true);
        if let Some(key) = meaning.usage
            && let Some(before) = self.usages.insert(key, usage)
        {
            self.account(&before, false);
        }
    }

    /// What a record's tokens cost by the prices given: those of its model, the most exact name first.
    fn price(&self, meaning: &Meaning) -> f64 {
        let Some(model) = meaning.model.as_deref() else { return 0.0 };
        let fits = |price: &&Price| match price.model.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => price.model == model,
        };
        let exactness = |price: &&Price| (!price.model.ends_with('*'), price.model.len());
        let Some(price) = self.prices.iter().filter(fits).max_by_key(exactness) else { return 0.0 };
        let [all_in, cached, cache_write, out, _] = meaning.tokens;
        let plain = all_in.saturating_sub(cached).saturating_sub(cache_write);
        let dollars = plain as f64 * price.input
            + cached as f64 * price.cached.unwrap_or(price.input)
            + cache_write as f64 * price.cache_write.unwrap_or(price.input)
            + out as f64 * price.output;
        dollars / 1e6
    }

    /// Adds a usage to its groups, or takes it back.
    fn account(&mut self, usage: &Usage, add: bool) {
        for &group in &usage.groups {
            let numbers = &mut self.tallies[group].numbers;
            let counts = [
                &mut numbers.tokens_in,
                &mut numbers.tokens_in_cached,
                &mut numbers.tokens_in_cache_write,
                &mut numbers.tokens_out,
                &mut numbers.tokens_reasoning,
            ];
            for (count, tokens) in counts.into_iter().zip(usage.tokens) {
                *count = if add { count.saturating_add(tokens) } else { count.saturating_sub(tokens) };
            }
            numbers.cost_usd += if add { usage.cost_usd } else { -usage.cost_usd };
            numbers.cost_usd_by_prices += if add { usage.by_prices } else { -usage.by_prices };
        }
    }

    /// The groups a line belongs to; a record with several segment types is in several.
    fn groups_of(&mut self, line: &Line<'_>) -> Vec<usize> {
        let mut groups = vec![0];
        if self.by.is_empty() {
            return groups;
        }
        let mut keys: Vec<Key> = vec![Vec::with_capacity(self.by.len())];
        for dimension in &self.by {
            let values = self.values(*dimension, line);
            keys = keys
                .iter()
                .flat_map(|key| values.iter().map(|value| [key.as_slice(), std::slice::from_ref(value)].concat()))
                .collect();
        }
        for key in keys {
            let next = self.tallies.len();
            let group = *self.groups.entry(key).or_insert(next);
            if group == next {
                self.tallies.push(Tally::default());
            }
            groups.push(group);
        }
        groups
    }

    fn values(&self, dimension: Dimension, line: &Line<'_>) -> Key {
        let meaning = line.meaning;
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_string);
        vec![match dimension {
            Dimension::Model => text(&meaning.model),
            Dimension::App => text(&meaning.application),
            Dimension::Conversation => text(&meaning.conversation),
            Dimension::Source => Some(shown_name(line.source, &self.newest)),
            Dimension::Shape => Some(meaning.shape.to_string()),
            Dimension::Day => meaning.time.and_then(|time| self.day(time)),
            Dimension::Type if meaning.types.is_empty() => None,
            Dimension::Type => return meaning.types.names().map(|name| Some(name.to_string())).collect(),
        }]
    }

    fn day(&self, Time(time): Time) -> Option<String> {
        let moment = jiff::Timestamp::from_microsecond(time).ok()?;
        Some(moment.to_zoned(self.zone.clone()).date().to_string())
    }

    fn finish(self) -> (Numbers, Vec<StatsGroup>) {
        let mut numbers: Vec<Numbers> = self.tallies.into_iter().map(Tally::finish).collect();
        let mut groups: Vec<StatsGroup> = self
            .groups
            .into_iter()
            .map(|(key, group)| StatsGroup { key, numbers: std::mem::take(&mut numbers[group]) })
            .collect();
        // Days in order; otherwise the largest first.
        let by_day = self.by.first() == Some(&Dimension::Day);
        groups.sort_by(|a, b| {
            let by_size = b.numbers.records.cmp(&a.numbers.records).then_with(|| a.key.cmp(&b.key));
            if by_day { a.key.first().cmp(&b.key.first()).then(by_size) } else { by_size }
        });
        (numbers.swap_remove(0), groups)
    }
}

impl Tally {
    fn add(&mut self, meaning: &Meaning) {
        let numbers = &mut self.numbers;
        numbers.records += 1;
        numbers.bytes += meaning.bytes;
        numbers.opaque += u64::from(meaning.opaque);
        numbers.errors += u64::from(meaning.error);
        widen(&mut numbers.first, &mut numbers.last, meaning.time);
        self.conversations.extend(meaning.conversation.as_ref().map(|id| content_hash(id.as_bytes()) as u64));
        self.latencies.extend(meaning.latency_ms);
        self.components.add(&meaning.components);
    }

    fn finish(mut self) -> Numbers {
        self.numbers.conversations = self.conversations.len() as u64;
        self.numbers.latency_ms = summary(self.latencies);
        self.numbers.slowest_component = self.components.slowest();
        // Sums that were added to and taken back leave dust.
        self.numbers.cost_usd = (self.numbers.cost_usd * 1e9).round() / 1e9;
        self.numbers.cost_usd_by_prices = (self.numbers.cost_usd_by_prices * 1e9).round() / 1e9;
        let (records, errors) = (self.numbers.records, self.numbers.errors);
        self.numbers.success_rate = (records > 0).then(|| (records - errors) as f64 / records as f64);
        self.numbers
    }
}

/// The distribution of some values.
pub(crate) fn summary(mut values: Vec<f64>) -> Option<Summary> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    // Nearest rank: a value that was measured, not one between two.
    let at =
        |share: f64| values.get(((values.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied().unwrap_or_default();
    Some(Summary {
        count: values.len() as u64,
        sum: values.iter().sum(),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        max: values[last],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = summary(values).unwrap();
        assert_eq!((found.count, found.p50, found.p90, found.p99, found.max), (100, 50.0, 90.0, 99.0, 100.0));
        let one = summary(vec![7.0]).unwrap();
        assert_eq!((one.p50, one.p99, one.sum), (7.0, 7.0, 7.0));
        assert!(summary(Vec::new()).is_none());
    }
}
