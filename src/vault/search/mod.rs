//! `search`: which records have a match, where they occur, and what it looks like.
//!
//! | file | what |
//! |---|---|
//! | `strings` | the strings of a record: the definition of what is searched |
//! | `texts` | a pattern → the segments that have a match, block by block |
//! | `hits` | a pattern → records, over everything stored once |
//! | `parts` | lexical parts: built from packs, asked for blocks and groups worth a look |
//! | `rank` | words → the records that speak most of them |
//! | `semantic` | a query or a record → the texts that are most like it |
//! | `show` | a record → its matches, with their surroundings |
//!
//! Patterns first, filters second: text is scanned faster than meaning is read.

mod hits;
pub(crate) mod parts;
mod rank;
mod semantic;
mod show;
pub(crate) mod strings;
mod texts;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::lexical::pattern::{Manner, Pattern};
use crate::vault::Vault;
use crate::vault::ahead::in_order;
use crate::vault::api::{Filter, HitLine, HitSegment, SearchItem, SearchOptions, SearchOrder, SearchReport, SearchWanted};
use crate::vault::filter::{Sieve, Verdict, newest_generations, select};
use crate::vault::get::shown_name;
use crate::vault::meaning::{Meaning, Part, Scan, live_records};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};
use show::{Inside, Shower, Wanted};

/// So many hits are asked one by one what they mean; for more, all lines of their sources are.
const FEW: usize = 200;
/// Records of a pack that are read before anything else where one hit is enough.
const PROBED: u64 = 256;
/// Of so many packs.
const PROBED_PACKS: usize = 4;
/// Lines of one job of showing.
const SHOWN_TOGETHER: usize = 64;

/// An occurrence of a hit.
struct Occurrence<'s> {
    source: &'s Source,
    line: u64,
    number: u64,
    meaning: Option<Meaning>,
    score: Option<f64>,
}

impl Vault {
    /// Searches; items go to `sink` in their order.
    ///
    /// # Errors
    /// [`Error::Usage`] for patterns or filters that make no sense, damage, and whatever `sink` returns.
    pub fn search(&self, options: &SearchOptions, sink: &mut dyn FnMut(SearchItem) -> Result<()>) -> Result<SearchReport> {
        let snapshot = self.snapshot()?;
        if let Some(semantic) = &options.semantic {
            return semantic::run(self, &snapshot, options, semantic, sink);
        }
        let search = Search::new(&snapshot, options, self.threads(), self.options.redact)?;
        let mut report = SearchReport::default();
        if options.wanted == SearchWanted::Any && search.is_among_the_first(&mut report)? {
            return Ok(report);
        }
        let ranked = match options.rank {
            true => rank::records(&snapshot, &options.patterns, self.threads())?,
            false => FxHashMap::default(),
        };
        let records = match options.rank {
            true => sorted(ranked.keys().copied().collect()),
            false => search.records(&mut report)?,
        };
        let mut lines = search.occurrences(&records, &mut report)?;
        if options.distinct {
            let mut seen = rustc_hash::FxHashSet::default();
            lines.retain(|line| seen.insert(line.number));
        }
        report.occurrences = lines.len() as u64;
        report.records = distinct(&lines);
        if options.rank {
            search.newest_of_best(&mut lines, &ranked);
        }
        if options.order == Some(SearchOrder::Source) {
            lines.sort_by_key(|line| (line.source.state.id, line.line));
        }
        if options.order == Some(SearchOrder::Time) {
            let time =
                |line: &Occurrence<'_>| line.meaning.as_ref().and_then(|meaning| meaning.time).map_or(i64::MAX, |time| time.0);
            lines.sort_by_key(time);
        }
        search.hand_out(lines, &mut report, sink)?;
        Ok(report)
    }
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

fn distinct(lines: &[Occurrence<'_>]) -> u64 {
    let mut numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len() as u64
}

/// One search over one state of the vault.
struct Search<'v> {
    snapshot: &'v Snapshot,
    state: &'v State,
    options: &'v SearchOptions,
    patterns: Vec<Pattern>,
    /// What records must be; matches narrow types and roles down further.
    filter: Filter,
    inside: Inside,
    newest: BTreeMap<&'v str, u32>,
    threads: usize,
    redact: bool,
}

impl<'v> Search<'v> {
    fn new(snapshot: &'v Snapshot, options: &'v SearchOptions, threads: usize, redact: bool) -> Result<Search<'v>> {
        if options.patterns.is_empty() && options.filter.is_empty() {
            return Err(Error::Usage("nothing to search for: give a QUERY or a filter".into()));
        }
        let state = snapshot.state()?;
        let patterns = compile(options)?;
        let (mut filter, mut inside) = (options.filter.clone(), Inside::default());
        if !patterns.is_empty() && !options.raw && !options.rank {
            inside = Inside::new(&filter.types, &filter.roles)?;
            (filter.types, filter.roles) = Default::default();
        }
        Ok(Search { snapshot, state, options, patterns, filter, inside, newest: newest_generations(state), threads, redact })
    }

    /// Records with a match, sorted; all that are not removed when there is no pattern.
    fn records(&self, report: &mut SearchReport) -> Result<Vec<u64>> {
        let mut records: Option<Vec<u64>> = None;
        for pattern in &self.patterns {
            let found = match (self.options.raw, &records) {
                (true, None) => self.read_raw(pattern, &live_records(self.snapshot, self.state))?,
                (true, Some(before)) => self.read_raw(pattern, before)?,
                (false, _) => hits::records(self.snapshot, pattern, self.threads, report)?,
            };
            records = Some(match records {
                None => found,
                Some(before) => before.into_iter().filter(|number| found.binary_search(number).is_ok()).collect(),
            });
        }
        let records = records.unwrap_or_else(|| live_records(self.snapshot, self.state));
        if self.inside.is_anywhere() {
            return Ok(records);
        }
        show::narrowed(self.snapshot, self.state, &records, &self.patterns, &self.inside, self.threads)
    }

    /// True when one of the first records of a pack is a hit: who only asks whether there is one need not wait for all of them.
    fn is_among_the_first(&self, report: &mut SearchReport) -> Result<bool> {
        if self.options.rank || self.patterns.is_empty() {
            return Ok(false);
        }
        let places = self.snapshot.places().chunk_by(|a, b| a.pack == b.pack);
        for place in places.filter_map(<[_]>::first).take(PROBED_PACKS) {
            let first = place.first..place.first + place.count.min(PROBED);
            let numbers: Vec<u64> = first.filter(|number| !self.state.removed.contains(number)).collect();
            let matches = |pattern: &Pattern, line: &[u8]| match self.options.raw {
                true => pattern.is_in(line),
                false => strings::record_matches(pattern, line),
            };
            let all = |line: &[u8]| self.patterns.iter().all(|pattern| matches(pattern, line));
            let mut hits = hits::read_and_judge(self.snapshot, self.threads, &numbers, &all)?;
            if !self.inside.is_anywhere() {
                hits = show::narrowed(self.snapshot, self.state, &hits, &self.patterns, &self.inside, self.threads)?;
            }
            // What has no time is told by the whole search, once.
            let lines = self.occurrences(&hits, &mut SearchReport::default())?;
            if !lines.is_empty() {
                (report.occurrences, report.records) = (lines.len() as u64, distinct(&lines));
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_raw(&self, pattern: &Pattern, numbers: &[u64]) -> Result<Vec<u64>> {
        hits::read_and_judge(self.snapshot, self.threads, numbers, &|line| pattern.is_in(line))
    }

    /// Where records occur, in the order of sources and lines, as far as they pass the filter.
    fn occurrences(&self, records: &[u64], report: &mut SearchReport) -> Result<Vec<Occurrence<'v>>> {
        let sources = select(self.state, &self.filter, true)?;
        let hit = hits::Bits::of(records);
        let here = |source: &&Source| Part::whole(source).live(self.state).any(|(_, number)| hit.has(number));
        let sieve = Sieve::new(&self.filter)?;
        let mut lines = Vec::new();
        for source in &sources {
            let live = Part::whole(source).live(self.state).filter(|(_, number)| hit.has(*number));
            lines.extend(live.map(|(line, number)| Occurrence { source, line, number, meaning: None, score: None }));
        }
        let told = self.options.with_metadata && lines.len() > FEW;
        if sieve.takes_whole_sources() && self.options.order != Some(SearchOrder::Time) && !told {
            return Ok(lines);
        }
        if lines.len() <= FEW {
            return self.judge_few(lines, &sieve, report);
        }
        lines.clear();
        let sources: Vec<&Source> = sources.into_iter().filter(here).collect();
        let by_id: FxHashMap<u32, &'v Source> = sources.iter().map(|source| (source.state.id, *source)).collect();
        Scan::for_filter(self.snapshot, self.threads, false, &sieve)?.lines(&sources, |line| {
            if !hit.has(line.number) {
                return Ok(());
            }
            match sieve.judge(line.meaning) {
                Verdict::In => {
                    if let Some(source) = by_id.get(&line.source.state.id) {
                        let meaning = Some(line.meaning.clone());
                        lines.push(Occurrence { source, line: line.line, number: line.number, meaning, score: None });
                    }
                }
                Verdict::WithoutTime => report.without_time += 1,
                Verdict::Out => {}
            }
            Ok(())
        })?;
        Ok(lines)
    }

    /// Leaves one line for each segment, the newest, the best first.
    fn newest_of_best(&self, lines: &mut Vec<Occurrence<'v>>, ranked: &FxHashMap<u64, rank::Best>) {
        let mut newest: FxHashMap<(usize, u32), usize> = FxHashMap::default();
        for (at, line) in lines.iter_mut().enumerate() {
            let Some(best) = ranked.get(&line.number) else { continue };
            line.score = Some(best.score);
            newest.insert(best.segment, at);
        }
        let mut at = 0;
        lines.retain(|line| {
            at += 1;
            ranked.get(&line.number).is_some_and(|best| newest.get(&best.segment) == Some(&(at - 1)))
        });
        lines.sort_by(|a, b| {
            let by_score = b.score.unwrap_or_default().total_cmp(&a.score.unwrap_or_default());
            let time =
                |line: &Occurrence<'_>| line.meaning.as_ref().and_then(|meaning| meaning.time).map_or(i64::MIN, |time| time.0);
            by_score.then_with(|| time(b).cmp(&time(a))).then_with(|| b.number.cmp(&a.number)).then_with(|| b.line.cmp(&a.line))
        });
    }

    /// Asks a few records what they mean, each by itself.
    fn judge_few(&self, lines: Vec<Occurrence<'v>>, sieve: &Sieve<'_>, report: &mut SearchReport) -> Result<Vec<Occurrence<'v>>> {
        let scan = Scan::for_filter(self.snapshot, self.threads, false, sieve)?;
        let mut kept = Vec::new();
        in_order(
            self.snapshot,
            self.threads,
            lines.into_iter(),
            |fetcher, line| {
                let meaning = scan.meaning_at(fetcher, line.source, line.line, line.number)?;
                Ok(Occurrence { meaning, ..line })
            },
            |line| {
                match line.meaning.as_ref().map(|meaning| sieve.judge(meaning)) {
                    Some(Verdict::In) => kept.push(line),
                    Some(Verdict::WithoutTime) => report.without_time += 1,
                    Some(Verdict::Out) | None => {}
                }
                Ok(())
            },
        )?;
        Ok(kept)
    }

    fn hand_out(
        &self,
        mut lines: Vec<Occurrence<'v>>,
        report: &mut SearchReport,
        sink: &mut dyn FnMut(SearchItem) -> Result<()>,
    ) -> Result<()> {
        let limit = self.options.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        match self.options.wanted {
            SearchWanted::Count | SearchWanted::Any => Ok(()),
            SearchWanted::Lines => {
                report.left_out = lines.len().saturating_sub(limit) as u64;
                lines.truncate(limit);
                let wanted = if self.options.with_metadata { Wanted::All } else { Wanted::First };
                self.show(&lines, wanted, &mut |line| sink(SearchItem::Line(line)))
            }
            SearchWanted::Ids => {
                let mut seen = rustc_hash::FxHashSet::default();
                lines.retain(|line| seen.insert(line.number));
                // The same content may be stored in several packs.
                let (mut told, mut left) = (std::collections::BTreeSet::new(), limit);
                self.show(&lines, Wanted::Nothing, &mut |line| {
                    if !told.insert(line.hash.0) {
                        return Ok(());
                    }
                    if left == 0 {
                        report.left_out += 1;
                        return Ok(());
                    }
                    left -= 1;
                    sink(SearchItem::Id(line.hash))
                })
            }
            SearchWanted::Unique => {
                let mut found: FxHashMap<String, (usize, HitSegment, u128)> = FxHashMap::default();
                self.show(&lines, Wanted::Each, &mut |line| {
                    let place = format!("{}:{}", line.source, line.line);
                    let HitLine { hash, matches, .. } = line;
                    for text in matches {
                        let next = found.len();
                        let entry = found.entry(text.segment.clone()).or_insert_with(|| {
                            let first = place.clone();
                            (next, HitSegment { text, first, last: String::new(), occurrences: 0, records: 0 }, !hash.0)
                        });
                        entry.1.occurrences += 1;
                        entry.1.records += u64::from(entry.2 != hash.0);
                        entry.2 = hash.0;
                        entry.1.last.clone_from(&place);
                    }
                    Ok(())
                })?;
                let mut found: Vec<(usize, HitSegment, u128)> = found.into_values().collect();
                found.sort_by_key(|(at, ..)| *at);
                report.left_out = found.len().saturating_sub(limit) as u64;
                found.into_iter().take(limit).try_for_each(|(_, segment, _)| sink(SearchItem::Segment(segment)))
            }
        }
    }

    /// Reads the records of some lines, side by side, and hands them out in order.
    fn show(&self, lines: &[Occurrence<'v>], wanted: Wanted, sink: &mut dyn FnMut(HitLine) -> Result<()>) -> Result<()> {
        let shower =
            Shower::new(self.snapshot, &self.patterns, self.options.raw, self.inside.clone(), wanted)?.redacting(self.redact);
        in_order(
            self.snapshot,
            self.threads,
            lines.chunks(SHOWN_TOGETHER),
            |fetcher, lines| {
                let mut made = Vec::with_capacity(lines.len());
                for line in lines {
                    let mut hit = shower.line(fetcher, line.source, line.line, line.number, line.meaning.as_ref())?;
                    hit.source = shown_name(line.source, &self.newest);
                    hit.score = line.score;
                    made.push(hit);
                }
                Ok(made)
            },
            |made| made.into_iter().try_for_each(&mut *sink),
        )
    }
}

fn compile(options: &SearchOptions) -> Result<Vec<Pattern>> {
    if options.rank {
        // What is shown of a text is the first of the words in it.
        let words = rank::words(&options.patterns.join(" "));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        return Ok(if words.is_empty() {
            Vec::new()
        } else {
            vec![Pattern::any(&words, Manner { fold: true, ..Manner::default() })?]
        });
    }
    let manner = Manner { regex: options.regex, ignore_case: options.ignore_case, words: options.words, fold: options.fold };
    let patterns: Vec<&str> = options.patterns.iter().map(String::as_str).collect();
    match (patterns.is_empty(), options.all) {
        (true, _) => Ok(Vec::new()),
        (_, false) => Ok(vec![Pattern::any(&patterns, manner)?]),
        (_, true) => patterns.iter().map(|pattern| Pattern::any(&[pattern], manner)).collect(),
    }
}
