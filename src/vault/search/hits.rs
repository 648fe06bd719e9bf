//! Which records have a match: every unique text and value is looked at once, and hits spread to all records that hold them.
//!
//! Texts are judged block by block ([`super::texts`]), a group's short values and the JSON in strings of its nodes group by group,
//! both on all threads. References lead only to what came before, so that the hits of a group spread to the nodes and
//! records after it in one pass in order. What is stored in unusual ways (lines that are no JSON, text that could not be
//! cut) makes its records *odd*: those are read whole and judged by [`record_matches`], which is the definition.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::error::{Corrupt, Result};
use crate::group::decode::Links;
use crate::group::decode::scan::{Judged, Special, Standing};
use crate::lexical::pattern::Pattern;
use crate::record::cut::class;
use crate::record::template::SlotKind;
use crate::shape::json::Json;
use crate::vault::ahead::in_order;
use crate::vault::meaning::jobs;
use crate::vault::search::strings::{json_matches, record_matches, string_matches, unescape};
use crate::vault::search::texts;
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// Groups of one job: neighbours share blocks.
const JOB_GROUPS: usize = 4;

/// What is found in one group by itself.
struct Found {
    links: Links,
    nodes: Vec<(u32, Judged)>,
    /// References to raw text, which is judged with its node and not as a string: node and place among its references.
    raw: FxHashMap<u32, Vec<usize>>,
    /// Nodes that are texts in pieces: odd when they are a whole record.
    split: Vec<u32>,
}

/// The records that have a match, sorted.
///
/// # Errors
/// When the vault is damaged.
pub(crate) fn records(snapshot: &Snapshot, pattern: &Pattern, threads: usize) -> Result<Vec<u64>> {
    let (mut records, mut odd) = (Vec::new(), Vec::new());
    for pack in 0..snapshot.packs.len() {
        let mut spread = Spread { segments: texts::segments(snapshot, pack, pattern, threads)?, ..Spread::default() };
        let count = snapshot.packs[pack].directory.groups.len();
        in_order(
            snapshot,
            threads,
            (0..count).step_by(JOB_GROUPS).map(|from| from..count.min(from + JOB_GROUPS)),
            |fetcher, groups| {
                let view = fetcher.view(pack)?;
                let found = search_groups(view, pattern, groups.clone()).map_err(|corrupt| view.pack().damaged(corrupt))?;
                Ok(groups.zip(found))
            },
            |found| {
                found.into_iter().for_each(|(group, found)| spread.group(snapshot, pack, group, &found));
                Ok(())
            },
        )?;
        records.append(&mut spread.records);
        odd.append(&mut spread.odd);
    }
    odd.sort_unstable();
    records.extend(read_and_judge(snapshot, threads, &odd, &|line| record_matches(pattern, line))?);
    records.sort_unstable();
    Ok(records)
}

fn search_groups(view: &mut PackView, pattern: &Pattern, groups: Range<usize>) -> Result<Vec<Found>, Corrupt> {
    // The same JSON text is often in many places.
    let mut inner = FxHashMap::default();
    groups.map(|group| search_group(view, pattern, group, &mut inner)).collect()
}

fn search_group(
    view: &mut PackView,
    pattern: &Pattern,
    index: usize,
    inner: &mut FxHashMap<u32, bool>,
) -> Result<Found, Corrupt> {
    let group = view.open_group(index)?;
    let skip = |kind: SlotKind, standing: Standing, column: &crate::column::Column<'_>| match (kind, standing) {
        (SlotKind::Token, Standing::Inside) => column.holds_only_numbers(),
        (SlotKind::ShortString, _) => {
            let literals = pattern.literals();
            !literals.is_empty() && !literals.iter().any(|literal| column.may_hold(literal))
        }
        _ => false,
    };
    let mut judge = |kind: SlotKind, standing: Standing, value: &[u8]| judge_value(pattern, kind, standing, value);
    let mut nodes = group.judge_values(|number| view.templates().get(number), &skip, &mut judge)?;
    let specials = group.specials(|number| view.templates().get(number))?;
    let split = group.split_nodes(|number| view.templates().get(number))?.into_iter().collect();
    let mut raw: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    let mut text = Vec::new();
    for special in specials {
        let judged = match special.slot.kind {
            SlotKind::NodeInString => match inner.get(&special.target) {
                Some(true) => Judged::Hit,
                Some(false) => Judged::No,
                None => {
                    text.clear();
                    view.node(special.target, &mut text)?;
                    let hit = string_matches(pattern, &text);
                    inner.insert(special.target, hit);
                    if hit { Judged::Hit } else { Judged::No }
                }
            },
            _ => {
                raw.entry(special.node).or_default().push(special.index);
                judge_raw(view, pattern, &special, &mut text)?
            }
        };
        if judged != Judged::No {
            nodes.push((special.node, judged));
        }
    }
    Ok(Found { links: group.into_links(), nodes, raw, split })
}

fn judge_value(pattern: &Pattern, kind: SlotKind, standing: Standing, value: &[u8]) -> Judged {
    let hit = |hit: bool| if hit { Judged::Hit } else { Judged::No };
    match (kind, standing) {
        (SlotKind::ShortString, _) => hit(string_matches(pattern, &unescape(value))),
        (_, Standing::Beside) => match value.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(value).trim_ascii().is_empty() {
            true => Judged::No,
            false => Judged::Odd,
        },
        _ => judge_json(pattern, value),
    }
}

/// Judges bytes that should be one JSON value.
fn judge_json(pattern: &Pattern, value: &[u8]) -> Judged {
    match Json::parse(value) {
        None => Judged::Odd,
        Some(json) if json_matches(pattern, json.raw()) => Judged::Hit,
        Some(_) => Judged::No,
    }
}

/// Judges a segment that is kept as it stands in the line.
fn judge_raw(view: &mut PackView, pattern: &Pattern, special: &Special, text: &mut Vec<u8>) -> Result<Judged, Corrupt> {
    if special.standing == Standing::Beside {
        return Ok(Judged::Odd);
    }
    text.clear();
    view.segment(special.target, text)?;
    let (of_class, ..) = view.segment_pieces(special.target)?;
    // Arrays of numbers may be long, and there is nothing to find in them.
    if of_class == class::RAW && memchr::memchr(b'"', text).is_none() {
        return Ok(Judged::No);
    }
    Ok(judge_json(pattern, text))
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
#[derive(Default)]
struct Spread {
    hit: Bits,
    odd_nodes: Bits,
    segments: Bits,
    /// Records with a match.
    records: Vec<u64>,
    /// Records to be read.
    odd: Vec<u64>,
}

impl Spread {
    /// Takes the next group in order.
    fn group(&mut self, snapshot: &Snapshot, pack: usize, group: usize, found: &Found) {
        for (node, judged) in &found.nodes {
            if *judged == Judged::Odd { self.odd_nodes.insert(u64::from(*node)) } else { self.hit.insert(u64::from(*node)) }
        }
        for (node, targets) in found.links.nodes() {
            let raw = found.raw.get(&node);
            let (mut hit, mut odd) = (false, false);
            for (index, (to_node, target)) in targets.enumerate() {
                if to_node {
                    hit |= self.hit.has(u64::from(target));
                    odd |= self.odd_nodes.has(u64::from(target));
                } else {
                    hit |= self.segments.has(u64::from(target)) && raw.is_none_or(|raw| !raw.contains(&index));
                }
            }
            if hit {
                self.hit.insert(u64::from(node));
            }
            if odd {
                self.odd_nodes.insert(u64::from(node));
            }
        }
        let runs = &snapshot.packs[pack].directory.groups[group].records;
        let numbers = runs.iter().flat_map(|run| run.first..run.first + run.count);
        for (number, root) in numbers.zip(&found.links.roots) {
            if self.odd_nodes.has(u64::from(*root)) || found.split.contains(root) {
                self.odd.push(number);
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
