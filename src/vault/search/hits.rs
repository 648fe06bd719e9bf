//! Which records have a match: every unique text and value is looked at once, and hits spread to all records that hold them.
//!
//! Texts are judged block by block ([`super::texts`]), a group's short values and the JSON in strings of its nodes group by group,
//! both on all threads. References lead only to what came before, so that the hits of a group spread to the nodes and
//! records after it in one pass in order. What is stored in unusual ways (lines that are no JSON, text that could not be
//! cut) makes its records *odd*: those are read whole and judged by [`record_matches`], which is the definition.

mod judge;

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem::Finder;

use crate::error::Result;
use crate::group::decode::scan::Judged;
use crate::lexical::pattern::Pattern;
use crate::lexical::quoted::{Quoted, Tail};
use crate::vault::ahead::in_order;
use crate::vault::api::SearchReport;
use crate::vault::fetch::Fetcher;
use crate::vault::meaning::jobs;
use crate::vault::search::parts::Candidates;
use crate::vault::search::strings::record_matches;
use crate::vault::search::texts::{self, Subject};
use crate::vault::snapshot::Snapshot;
use judge::{Found, Judge};

/// Groups of one job: neighbours share blocks.
const JOB_GROUPS: usize = 4;
/// So many jobs for a thread at least, or as many as there are groups.
const JOBS_EACH: usize = 4;

/// The records that have a match, sorted. The report is told what was looked at, and what could not be used.
///
/// # Errors
/// When the vault is damaged.
pub(crate) fn records(snapshot: &Snapshot, pattern: &Pattern, threads: usize, report: &mut SearchReport) -> Result<Vec<u64>> {
    let (mut records, mut odd) = (Vec::new(), Vec::new());
    for packs in together(snapshot) {
        let mut candidates: Vec<Candidates> =
            packs.clone().map(|pack| Candidates::new(snapshot, pack, pattern, &mut report.warnings)).collect();
        let kept = texts::sift(snapshot, packs.clone(), &mut candidates, pattern, threads, &mut report.looked)?;
        let subjects: Vec<Subject<'_>> = packs.zip(&candidates).map(|(pack, candidates)| Subject { pack, candidates }).collect();
        let texts = texts::segments(snapshot, &subjects, pattern, threads, kept, &mut report.looked)?;
        let mut spreads = Vec::with_capacity(subjects.len());
        for (subject, texts) in subjects.iter().zip(texts) {
            let joins = !tells_all(snapshot, subject, pattern)? || !texts.tails.is_empty();
            spreads.push(Spread { segments: texts.hits, tails: texts.tails, joins, ..Spread::new(snapshot, subject) });
        }
        run(&mut spreads, pattern, threads)?;
        // Values told less than they should: once more, with everything put together.
        let mut doubtful: Vec<Spread<'_>> = Vec::new();
        for spread in std::mem::take(&mut spreads) {
            let list = if spread.doubt { &mut doubtful } else { &mut spreads };
            list.push(spread);
        }
        doubtful.iter_mut().for_each(Spread::begin_again);
        run(&mut doubtful, pattern, threads)?;
        for spread in spreads.iter_mut().chain(&mut doubtful) {
            report.looked.groups += spread.opened;
            report.looked.groups_of += snapshot.packs[spread.pack].directory().groups.len() as u64;
            records.append(&mut spread.records);
            odd.append(&mut spread.odd);
        }
    }
    odd.sort_unstable();
    records.extend(read_and_judge(snapshot, threads, &odd, &|line| record_matches(pattern, line))?);
    records.sort_unstable();
    Ok(records)
}

/// True when short values and texts tell about the JSON in strings, too: what is looked for stands in no key, and not between strings.
fn tells_all(snapshot: &Snapshot, subject: &Subject<'_>, pattern: &Pattern) -> Result<bool> {
    let literals = pattern.literals();
    if matches!(pattern.quoted(), Quoted::Unknown) || !literals.iter().all(|literal| Quoted::is_word(literal)) {
        return Ok(false);
    }
    if let Some(may) = subject.candidates.constants() {
        return Ok(!may);
    }
    // Of a key the escaped form may hold the literal where the key holds its tail.
    let rest = pattern.quoted().tail().map(Tail::rest);
    let finders: Vec<Finder<'_>> = match rest {
        Some(rest) => vec![Finder::new(rest)],
        None => literals.iter().map(Finder::new).collect(),
    };
    let mut fetcher = Fetcher::new(snapshot);
    let templates = fetcher.view(subject.pack)?.shared_templates();
    Ok(!templates.any_constant(&mut |bytes| finders.iter().any(|finder| finder.find(bytes).is_some())))
}

/// Judges groups, and spreads their hits.
fn run(spreads: &mut [Spread<'_>], pattern: &Pattern, threads: usize) -> Result<()> {
    spreads.iter_mut().for_each(Spread::begin);
    let mut judged = judge_some(spreads, pattern, threads)?;
    for (spread, judged) in spreads.iter_mut().zip(&mut judged) {
        match judged.take() {
            Some(judged) => spread.some(judged, pattern, threads)?,
            None => spread.all(pattern, threads)?,
        }
    }
    Ok(())
}

/// Segments of the packs that are looked at side by side: what is planned for each of them is held.
const SEGMENTS_TOGETHER: u64 = 1 << 20;

/// Packs in order, as many of them together as have so many segments.
fn together(snapshot: &Snapshot) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for (pack, reader) in snapshot.packs.iter().enumerate() {
        let segments: u64 = reader.directory().groups.iter().map(|group| u64::from(group.segments)).sum();
        held += segments;
        match ranges.last_mut() {
            Some(range) if held <= SEGMENTS_TOGETHER => range.end = pack + 1,
            _ => {
                ranges.push(pack..pack + 1);
                held = segments;
            }
        }
    }
    ranges
}

/// Judges the groups that may have a match by themselves, and those that hold texts with one, of all packs side by side; nothing for packs
/// of which all have to be judged.
fn judge_some(spreads: &[Spread<'_>], pattern: &Pattern, threads: usize) -> Result<Vec<Option<BTreeMap<usize, Found>>>> {
    let Some(snapshot) = spreads.first().map(|spread| spread.snapshot) else { return Ok(Vec::new()) };
    let mut judged: Vec<Option<BTreeMap<usize, Found>>> = Vec::new();
    let mut wanted_of: Vec<Vec<usize>> = Vec::new();
    for spread in spreads {
        let count = snapshot.packs[spread.pack].directory().groups.len();
        let judge = spread.judge(pattern, &spread.tails);
        let wanted: Vec<usize> = (0..count).filter(|group| judge.wants(*group) || spread.refers(*group)).collect();
        judged.push((wanted.len() < count).then(BTreeMap::new));
        wanted_of.push(if wanted.len() < count { wanted } else { Vec::new() });
    }
    // Groups of a compacted pack are large: a few of them are not left to one thread.
    let count: usize = wanted_of.iter().map(Vec::len).sum();
    let each = (count / (threads * JOBS_EACH).max(1)).clamp(1, JOB_GROUPS);
    let jobs: Vec<(usize, Vec<usize>)> = wanted_of
        .iter()
        .enumerate()
        .flat_map(|(at, wanted)| wanted.chunks(each).map(move |groups| (at, groups.to_vec())))
        .collect();
    in_order(
        snapshot,
        threads,
        jobs.into_iter(),
        |fetcher, (at, groups)| {
            let spread = &spreads[at];
            let view = fetcher.view(spread.pack)?;
            let found = spread.judge(pattern, &spread.tails).groups(view, groups.iter().copied());
            Ok((at, groups, found.map_err(|corrupt| view.pack().damaged(corrupt))?))
        },
        |(at, groups, found)| {
            if let Some(judged) = &mut judged[at] {
                judged.extend(groups.into_iter().zip(found));
            }
            Ok(())
        },
    )?;
    Ok(judged)
}

/// Numbers as bits.
#[derive(Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// These numbers.
    pub(super) fn of(numbers: &[u64]) -> Bits {
        let mut bits = Bits::default();
        numbers.iter().for_each(|number| bits.insert(*number));
        bits
    }

    /// All of them, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let words = (0u32..).zip(&self.0).filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)).collect()
    }

    /// True without any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Adds a number.
    pub(super) fn insert(&mut self, at: u64) {
        let word = at as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at % 64);
    }

    /// True for a number that is among them.
    pub(super) fn has(&self, at: u64) -> bool {
        self.0.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
}

/// Hits on their way from values and texts to records.
struct Spread<'s> {
    snapshot: &'s Snapshot,
    pack: usize,
    candidates: &'s Candidates,
    /// JSON in strings is put together.
    joins: bool,
    /// It was not, and should have been.
    doubt: bool,
    hit: Bits,
    odd_nodes: Bits,
    /// Nodes whose text may have a match though nothing in them has.
    doubted: Bits,
    /// Nodes that are texts in pieces.
    split: Bits,
    segments: Bits,
    /// Segments whose escaped form may have a match.
    tails: Bits,
    /// Groups with a hit.
    groups: Bits,
    /// Groups that were opened.
    opened: u64,
    /// Records with a match.
    records: Vec<u64>,
    /// Records to be read.
    odd: Vec<u64>,
}

impl<'s> Spread<'s> {
    fn new(snapshot: &'s Snapshot, subject: &Subject<'s>) -> Spread<'s> {
        Spread {
            snapshot,
            pack: subject.pack,
            candidates: subject.candidates,
            joins: true,
            doubt: false,
            hit: Bits::default(),
            odd_nodes: Bits::default(),
            doubted: Bits::default(),
            split: Bits::default(),
            segments: Bits::default(),
            tails: Bits::default(),
            groups: Bits::default(),
            opened: 0,
            records: Vec::new(),
            odd: Vec::new(),
        }
    }

    fn judge<'j>(&'j self, pattern: &'j Pattern, tails: &'j Bits) -> Judge<'j> {
        Judge { pattern, candidates: self.candidates, tails, joins: self.joins }
    }

    /// Forgets what was found in groups, to put JSON in strings together this time.
    fn begin_again(&mut self) {
        let subject = Subject { pack: self.pack, candidates: self.candidates };
        let (segments, tails) = (std::mem::take(&mut self.segments), std::mem::take(&mut self.tails));
        *self = Spread { segments, tails, ..Spread::new(self.snapshot, &subject) };
    }

    /// Notes the groups whose segments have a match.
    fn begin(&mut self) {
        let groups = &self.snapshot.packs[self.pack].directory().groups;
        for segment in self.segments.numbers() {
            let group = groups.partition_point(|group| group.first_segment + group.segments <= segment);
            self.groups.insert(group as u64);
        }
    }

    /// Judges all groups and takes them as they come.
    fn all(&mut self, pattern: &Pattern, threads: usize) -> Result<()> {
        let (snapshot, pack, candidates, joins) = (self.snapshot, self.pack, self.candidates, self.joins);
        let count = snapshot.packs[pack].directory().groups.len();
        let tails = std::mem::take(&mut self.tails);
        let judge = Judge { pattern, candidates, tails: &tails, joins };
        in_order(
            snapshot,
            threads,
            (0..count).step_by(JOB_GROUPS).map(|from| from..count.min(from + JOB_GROUPS)),
            |fetcher, groups| {
                let view = fetcher.view(pack)?;
                let found = judge.groups(view, groups.clone()).map_err(|corrupt| view.pack().damaged(corrupt))?;
                Ok(groups.zip(found))
            },
            |found| {
                found.into_iter().for_each(|(group, found)| self.group(group, &found));
                Ok(())
            },
        )
    }

    /// Takes judged groups and whatever refers to what has a hit.
    fn some(&mut self, mut judged: BTreeMap<usize, Found>, pattern: &Pattern, threads: usize) -> Result<()> {
        let (snapshot, pack) = (self.snapshot, self.pack);
        let groups = &snapshot.packs[pack].directory().groups;
        let mut next = 0;
        while next < groups.len() {
            // What is certain to be needed now is opened side by side; taking it may make more needed.
            let ahead: Vec<usize> = (next..groups.len()).filter(|group| self.refers(*group)).take(threads * 2).collect();
            let missing: Vec<usize> = ahead.iter().copied().filter(|group| !judged.contains_key(group)).collect();
            in_order(
                snapshot,
                threads,
                missing.into_iter(),
                |fetcher, group| {
                    let view = fetcher.view(pack)?;
                    let judge = self.judge(pattern, &self.tails);
                    let found = judge.groups(view, std::iter::once(group)).map_err(|corrupt| view.pack().damaged(corrupt))?;
                    Ok((group, found))
                },
                |(group, found)| {
                    judged.extend(found.into_iter().map(|found| (group, found)));
                    Ok(())
                },
            )?;
            let last = ahead.last().map_or(groups.len(), |last| last + 1);
            while next < last {
                if let Some(found) = judged.remove(&next) {
                    self.group(next, &found);
                } else if self.refers(next) {
                    // Became needed only now: look ahead anew from here.
                    break;
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// True when a group refers to one with a hit, or has one itself.
    fn refers(&self, group: usize) -> bool {
        self.groups.has(group as u64) || self.candidates.refers(group, |other| self.groups.has(u64::from(other)))
    }

    /// Takes the next group in order.
    fn group(&mut self, group: usize, found: &Found) {
        for (node, judged) in &found.nodes {
            match judged {
                Judged::No => {}
                Judged::Doubt => self.doubted.insert(u64::from(*node)),
                Judged::Hit => self.hit.insert(u64::from(*node)),
                Judged::Odd => self.odd_nodes.insert(u64::from(*node)),
            }
        }
        self.opened += 1;
        found.split.iter().for_each(|node| self.split.insert(u64::from(*node)));
        let mut any = !found.nodes.is_empty();
        // What is raw inside a string that is JSON may hold it in a key.
        for (node, segment) in &found.inside {
            if self.segments.has(u64::from(*segment)) && !self.hit.has(u64::from(*node)) {
                self.doubted.insert(u64::from(*node));
                any = true;
            }
        }
        for (node, targets) in found.links.nodes() {
            let raw = found.raw.get(&node);
            let (mut hit, mut odd, mut doubted) = (false, false, false);
            for (index, (to_node, target)) in targets.enumerate() {
                let target = u64::from(target);
                if to_node {
                    hit |= self.hit.has(target);
                    odd |= self.odd_nodes.has(target);
                    doubted |= self.doubted.has(target);
                } else {
                    hit |= self.segments.has(target) && raw.is_none_or(|raw| !raw.contains(&index));
                }
            }
            if hit {
                self.hit.insert(u64::from(node));
            }
            if odd {
                self.odd_nodes.insert(u64::from(node));
            }
            // What holds a hit is one.
            if doubted && !hit {
                self.doubted.insert(u64::from(node));
            }
            any |= hit || doubted;
        }
        self.doubt |= !self.joins && found.strings.iter().any(|node| self.doubted.has(u64::from(*node)));
        if any {
            self.groups.insert(group as u64);
        }
        let runs = &self.snapshot.packs[self.pack].directory().groups[group].records;
        let numbers = runs.iter().flat_map(|run| run.first..run.first + run.count);
        for (position, (number, root)) in (0u32..).zip(numbers.zip(&found.links.roots)) {
            let odd = self.odd_nodes.has(u64::from(*root))
                || self.split.has(u64::from(*root))
                || self.candidates.is_odd(group, position);
            if odd {
                if self.candidates.odd_lines(group) {
                    self.odd.push(number);
                }
            } else if self.hit.has(u64::from(*root)) {
                self.records.push(number);
            }
        }
    }
}

/// Reads records and keeps those that `judge` takes.
///
/// # Errors
/// When one is damaged.
pub(crate) fn read_and_judge(
    snapshot: &Snapshot,
    threads: usize,
    numbers: &[u64],
    judge: &(dyn Fn(&[u8]) -> bool + Sync),
) -> Result<Vec<u64>> {
    let mut kept = Vec::new();
    in_order(
        snapshot,
        threads,
        jobs(snapshot, numbers),
        |fetcher, numbers| {
            let (mut line, mut kept) = (Vec::new(), Vec::new());
            for &number in numbers {
                line.clear();
                if fetcher.record(number, &mut line)? && judge(&line) {
                    kept.push(number);
                }
            }
            Ok(kept)
        },
        |some| {
            kept.extend(some);
            Ok(())
        },
    )?;
    Ok(kept)
}
