//! `--semantic` and `--like`: texts by what they say.
//!
//! The nearest texts of all vector parts, and those that speak the words of the query (BM25), a hundred of each, are brought to one
//! scale, query by query: the best of a list is 1, its last 0. Likeness and words count the same; measured, that ranks better
//! than either alone on most tasks, not on all, and than ranks added up (`docs/benchmarks.md`). Each text is shown once, at its newest record that passes the filter.

mod questions;

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::checksum::content_hash;
use crate::error::Result;
use crate::lexical::pattern::{Manner as PatternManner, Pattern};
use crate::vault::Vault;
use crate::vault::api::{HitLine, HitSegment, SearchItem, SearchOptions, SearchReport, SearchWanted, SemanticOptions};
use crate::vault::embed::keep::Shelf;
use crate::vault::embed::{self};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::{TypeSet, newest_generations};
use crate::vault::get::shown_name;
use crate::vault::meaning::live_records;
use crate::vault::rewrite::Numbers;
use crate::vault::search::show::{Inside, Shower, Wanted};
use crate::vault::search::{Occurrence, Search, rank};
use crate::vault::snapshot::Snapshot;
use crate::vectors::nearest::{EF, Manner, RowSet, nearest};
use crate::vectors::part::Part;
use crate::vectors::quantize::Query;
use questions::{Question, conversations, model, questions, warn_of_pending};

/// Texts taken of each list before they are put together.
const POOL: usize = 100;
/// What words count beside likeness.
const WORDS: f64 = 0.5;

/// Queries of a batch that are answered side by side.
const TOGETHER: usize = 256;

/// A text that may be shown.
#[derive(Clone, Debug, Default)]
struct Candidate {
    hash: u64,
    score: f64,
    likeness: Option<f64>,
    words: Option<f64>,
    /// First byte of the window that is nearest.
    start: usize,
    /// The newest record that holds it and passes.
    number: u64,
}

pub(super) fn run(
    vault: &Vault,
    snapshot: &Snapshot,
    options: &SearchOptions,
    semantic: &SemanticOptions,
    sink: &mut dyn FnMut(SearchItem) -> Result<()>,
) -> Result<SearchReport> {
    let state = snapshot.state()?;
    let mut report = SearchReport::default();
    let shelf = Shelf::open(snapshot)?;
    report
        .warnings
        .extend(shelf.damaged.iter().map(|error| format!("{error}; searched without it, `turnpack embed` makes it anew")));
    let model = model(&shelf, semantic)?;
    let parts = shelf.parts(Some(&model));
    let types = TypeSet::parse(&options.filter.types)?.bits() as u32;
    let mut filter = options.filter.clone();
    filter.types.clear();
    let is_filtered = !filter.is_empty();
    let search = Search {
        snapshot,
        state,
        options,
        patterns: Vec::new(),
        filter,
        inside: Inside::default(),
        newest: newest_generations(state),
        threads: vault.threads(),
        redact: vault.options.redact,
    };
    let mut passing = embed::shown(snapshot)?;
    warn_of_pending(snapshot, &passing, &parts, &mut report);
    if is_filtered {
        let lines = search.occurrences(&live_records(snapshot, state), &mut report)?;
        passing = Numbers::default();
        lines.iter().for_each(|line| passing.insert(line.number));
    }
    let questions = questions(vault, &search, semantic, &model, &parts, &mut passing)?;
    let conversations = if semantic.conversations { conversations(&parts) } else { FxHashMap::default() };
    let asked = Asked { search: &search, parts: &parts, types, is_filtered, passing: &passing, conversations, semantic };
    for questions in questions.chunks(TOGETHER) {
        let found: Result<Vec<Vec<Candidate>>> = match questions {
            [one] => asked.candidates(one).map(|found| vec![found]),
            some => vault.pool()?.install(|| some.par_iter().map(|question| asked.candidates(question)).collect()),
        };
        for (question, found) in questions.iter().zip(found?) {
            report.occurrences += found.len() as u64;
            asked.hand_out(question, found, &mut report, sink)?;
        }
    }
    Ok(report)
}

/// A search with all that its questions share.
struct Asked<'a, 'v> {
    search: &'a Search<'v>,
    parts: &'a [Part<'a>],
    /// Types a text must have one of; 0: any.
    types: u32,
    is_filtered: bool,
    passing: &'a Numbers,
    /// For each record its conversation, where those are searched.
    conversations: FxHashMap<u64, u64>,
    semantic: &'a SemanticOptions,
}

impl Asked<'_, '_> {
    /// The texts to show, the best first.
    fn candidates(&self, question: &Question) -> Result<Vec<Candidate>> {
        let limit = self.search.options.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let blends = self.semantic.lexical && !rank::words(&question.words).is_empty();
        let wanted = if blends { limit.max(POOL) } else { limit };
        let mut near = self.near(&question.query, wanted);
        let mut found: Vec<Candidate> = if blends {
            let spoken = self.spoken(&question.words)?;
            blend(near, spoken)
        } else {
            near.iter_mut().for_each(|candidate| candidate.score = candidate.likeness.unwrap_or_default());
            near
        };
        found.retain(|candidate| self.semantic.min_score.is_none_or(|least| candidate.score >= least));
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.number.cmp(&a.number)).then(a.hash.cmp(&b.hash)));
        found.truncate(limit);
        Ok(found)
    }

    /// The newest record that holds a text and passes.
    fn newest(&self, hash: u64) -> Option<u64> {
        let of_part = |part: &Part<'_>| {
            let text = part.find(hash)?;
            part.holders(text).filter(|number| self.passing.contains(*number)).max()
        };
        self.parts.iter().filter_map(of_part).max()
    }

    fn has_type(&self, hash: u64) -> bool {
        let types = |part: &Part<'_>| part.find(hash).map(|text| part.types(text)).unwrap_or_default();
        self.types == 0 || self.parts.iter().any(|part| types(part) & self.types != 0)
    }

    /// True for a text of a part that a record holds which passes, under one of the types wanted.
    fn passes(&self, part: &Part<'_>, text: u32) -> bool {
        let has_type = self.types == 0 || part.types(text) & self.types != 0;
        if has_type && part.holders(text).any(|number| self.passing.contains(number)) {
            return true;
        }
        // What the part does not know of a text another one may.
        let hash = part.hash(text);
        self.parts.len() > 1 && self.has_type(hash) && self.newest(hash).is_some()
    }

    /// Texts by likeness.
    fn near(&self, query: &Query, wanted: usize) -> Vec<Candidate> {
        let narrow = self.is_filtered || self.types != 0;
        let found = if narrow { None } else { self.near_in(query, wanted, false) };
        found.or_else(|| self.near_in(query, wanted, true)).unwrap_or_default()
    }

    /// `None` when so many of the nearest do not pass that others would be missed.
    fn near_in(&self, query: &Query, wanted: usize, within: bool) -> Option<Vec<Candidate>> {
        let mut best: FxHashMap<u64, Candidate> = FxHashMap::default();
        for part in self.parts {
            let set = within.then(|| RowSet::of_texts(part, &|text| self.passes(part, text)));
            let manner = Manner { ef: self.semantic.ef.unwrap_or(EF), exact: self.semantic.exact, within: set.as_ref() };
            let rows = nearest(part, query, wanted, manner);
            let (count, mut passed) = (rows.len(), 0);
            for found in rows {
                let hash = part.hash(part.text_of(found.row()));
                let Some(number) = self.newest(hash) else { continue };
                passed += 1;
                let likeness = part.form.metric.shown(found.likeness());
                let start = part.window(found.row()) as usize;
                let candidate = Candidate { hash, likeness: Some(likeness), start, number, ..Candidate::default() };
                let known = best.entry(hash).or_insert_with(|| candidate.clone());
                if known.likeness < candidate.likeness {
                    *known = candidate;
                }
            }
            if !within && passed < count {
                return None;
            }
        }
        let mut found: Vec<Candidate> = best.into_values().collect();
        found.sort_by(|a, b| b.likeness.unwrap_or_default().total_cmp(&a.likeness.unwrap_or_default()).then(a.hash.cmp(&b.hash)));
        found.truncate(wanted);
        Some(found)
    }

    /// Texts by words.
    fn spoken(&self, words: &str) -> Result<Vec<Candidate>> {
        let snapshot = self.search.snapshot;
        let ranked = rank::records(snapshot, &[words.to_string()], self.search.threads)?;
        let mut best: FxHashMap<(usize, u32), (f64, u64)> = FxHashMap::default();
        for (number, found) in ranked.into_iter().filter(|(number, _)| self.passing.contains(*number)) {
            let known = best.entry(found.segment).or_insert((found.score, number));
            known.1 = known.1.max(number);
        }
        let mut best: Vec<((usize, u32), (f64, u64))> = best.into_iter().collect();
        best.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(b.1.1.cmp(&a.1.1)).then(a.0.cmp(&b.0)));
        let (mut fetcher, mut found) = (Fetcher::new(snapshot), Vec::new());
        for ((pack, segment), (score, number)) in best.into_iter().take(POOL) {
            let view = fetcher.view(pack)?;
            let mut text = Vec::new();
            view.segment(segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
            let hash = content_hash(&text) as u64;
            // A text speaks for the conversation it was said in.
            let hash = if self.semantic.conversations { self.conversations.get(&number).copied() } else { Some(hash) };
            let Some(hash) = hash.filter(|hash| self.has_type(*hash)) else { continue };
            // The best of a conversation comes first.
            if !found.iter().any(|known: &Candidate| known.hash == hash) {
                found.push(Candidate { hash, words: Some(score), number, ..Candidate::default() });
            }
        }
        Ok(found)
    }

    fn hand_out(
        &self,
        question: &Question,
        found: Vec<Candidate>,
        report: &mut SearchReport,
        sink: &mut dyn FnMut(SearchItem) -> Result<()>,
    ) -> Result<()> {
        let numbers = super::sorted(found.iter().map(|candidate| candidate.number).collect());
        report.records += {
            let mut distinct = numbers.clone();
            distinct.dedup();
            distinct.len() as u64
        };
        if matches!(self.search.options.wanted, SearchWanted::Count | SearchWanted::Any) {
            return Ok(());
        }
        let words = rank::words(&question.words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let manner = PatternManner { fold: true, ..PatternManner::default() };
        let patterns = if words.is_empty() { Vec::new() } else { vec![Pattern::any(&words, manner)?] };
        let with_metadata = self.search.options.with_metadata;
        let wanted = if with_metadata { Wanted::All } else { Wanted::First };
        let shower =
            Shower::new(self.search.snapshot, &patterns, false, Inside::default(), wanted)?.redacting(self.search.redact);
        let mut lines: FxHashMap<u64, Occurrence<'_>> = FxHashMap::default();
        let mut unused = SearchReport::default();
        for line in self.search.occurrences(&numbers, &mut unused)? {
            lines.insert(line.number, line);
        }
        let mut fetcher = Fetcher::new(self.search.snapshot);
        let mut told = std::collections::BTreeSet::new();
        for candidate in found {
            let Some(line) = lines.get(&candidate.number) else { continue };
            let mut hit = shower.line(&mut fetcher, line.source, line.line, line.number, line.meaning.as_ref())?;
            if self.search.options.wanted == SearchWanted::Ids {
                if told.insert(hit.hash) {
                    sink(SearchItem::Id(hit.hash))?;
                }
                continue;
            }
            let text = match self.semantic.conversations {
                true => shower.opening(&mut fetcher, line.source, line.number)?,
                false => shower.passage(&mut fetcher, line.source, line.number, candidate.hash, candidate.start)?,
            };
            if let Some(text) = text {
                hit.matches = vec![text];
            }
            hit.source = shown_name(line.source, &self.search.newest);
            hit.score = Some(candidate.score);
            hit.similarity = candidate.likeness;
            hit.word_score = candidate.words;
            hit.query = question.label.clone();
            match self.search.options.wanted {
                SearchWanted::Unique => sink(SearchItem::Segment(self.unique(&candidate, hit)))?,
                _ => sink(SearchItem::Line(hit))?,
            }
        }
        Ok(())
    }

    /// A text with the number of records that hold it.
    fn unique(&self, candidate: &Candidate, hit: HitLine) -> HitSegment {
        let mut holders: BTreeMap<u64, ()> = BTreeMap::from([(candidate.number, ())]);
        for part in self.parts {
            if let Some(text) = part.find(candidate.hash) {
                holders.extend(part.holders(text).filter(|number| self.passing.contains(*number)).map(|number| (number, ())));
            }
        }
        let place = format!("{}:{}", hit.source, hit.line);
        let records = holders.len() as u64;
        let text = hit.matches.into_iter().next().unwrap_or_default();
        HitSegment { text, first: place.clone(), last: place, occurrences: records, records }
    }
}

/// Two lists on one scale.
fn blend(near: Vec<Candidate>, spoken: Vec<Candidate>) -> Vec<Candidate> {
    let likeness = scale(&mut near.iter().take(POOL).filter_map(|candidate| candidate.likeness));
    let words = scale(&mut spoken.iter().filter_map(|candidate| candidate.words));
    let mut all: FxHashMap<u64, Candidate> = near.into_iter().map(|candidate| (candidate.hash, candidate)).collect();
    for candidate in spoken {
        let known = all.entry(candidate.hash).or_insert_with(|| Candidate { words: None, ..candidate.clone() });
        known.words = candidate.words;
        known.number = known.number.max(candidate.number);
    }
    let mut all: Vec<Candidate> = all.into_values().collect();
    for candidate in &mut all {
        let of = |value: Option<f64>, scale: &dyn Fn(f64) -> f64| value.map_or(0.0, scale);
        candidate.score = (1.0 - WORDS) * of(candidate.likeness, &likeness) + WORDS * of(candidate.words, &words);
    }
    all
}

/// Brings the values of a list to 0 to 1.
fn scale(values: &mut dyn Iterator<Item = f64>) -> impl Fn(f64) -> f64 + use<> {
    let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
    move |value| if most > least { ((value - least) / (most - least)).clamp(0.0, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What both lists know beats what one of them has on top.
    #[test]
    fn both_lists_count_on_one_scale() {
        let near = |hash, likeness| Candidate { hash, likeness: Some(likeness), ..Candidate::default() };
        let spoken = |hash, words| Candidate { hash, words: Some(words), ..Candidate::default() };
        let mut found =
            blend(vec![near(1, 0.9), near(2, 0.8), near(3, 0.1)], vec![spoken(2, 30.0), spoken(4, 20.0), spoken(5, 0.5)]);
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.hash.cmp(&b.hash)));
        let order: Vec<u64> = found.iter().map(|candidate| candidate.hash).collect();
        assert_eq!(order, [2, 1, 4, 3, 5]);
        assert!((found[1].score - (1.0 - WORDS)).abs() < 1e-9);
    }
}
