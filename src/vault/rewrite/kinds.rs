//! Logs of different kinds apart: each in packs of its own.
//!
//! A pack has one vocabulary, and what its blocks rest on is their neighbour: a gateway's log beside Chinese chats gives both the
//! wrong one. So groups of records are told apart by the keys of their records, which a program writes in the same way in every line, and
//! those that are alike are stored together. But a pack stands alone, and what two packs hold is stored twice: kinds that share much of
//! their text, as a gateway's log and the transcripts of the same sessions do, stay together. So do those that are too small to
//! have a vocabulary of their own.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::checksum::checksum;
use crate::error::Result;
use crate::group::decode::text_starts;
use crate::interrupt::Interrupt;
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::cut::{CutOptions, class};
use crate::record::known::Known;
use crate::record::template::SlotKind;
use crate::vault::rewrite::order::{Field, names};
use crate::vault::rewrite::stream::{self, Cutting, Lines, Means, Piece, Units};

/// Kinds that are told apart at most: what else comes goes to the one it is most like.
const KINDS: usize = 64;
/// Records are of one kind when the cosine between the counts of their keys is at least this.
const ALIKE: f64 = 0.5;
/// Kinds with less text than this share packs.
const LEAST_TEXT: u64 = 4 << 20;
/// Kinds that have this share of the smaller one's text in common share packs: 1/16.
const IN_COMMON: u64 = 16;
/// Keys that are remembered of a kind: logs whose keys are data, ids for instance, have as many as records.
const MOST_KEYS: usize = 1 << 10;
/// Segments shorter than this are not worth being stored once.
const SHORT: usize = 64;
/// Segments remembered; beyond, one in two, one in four and so on.
const REMEMBERED: usize = 1 << 20;

/// Pack and index of each.
type Groups = Vec<(u32, u32)>;

/// What is stored together.
pub struct Section<'l> {
    /// Its groups, in the order they are stored.
    pub units: Units<'l>,
    /// Text stored of it: without repetitions and what was found elsewhere.
    pub text: Text,
}

/// Bytes of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What has words.
    pub words: u64,
    /// What has none: base64 and the like.
    pub dense: u64,
}

impl Text {
    /// Text of whole packs.
    #[must_use]
    pub fn of(packs: &[Arc<PackReader>]) -> Text {
        let mut text = Text::default();
        for block in packs.iter().flat_map(|pack| &pack.directory().blocks) {
            *text.part(block.class) += u64::from(block.length);
        }
        text
    }

    /// All of it.
    #[must_use]
    pub fn all(self) -> u64 {
        self.words + self.dense
    }

    fn part(&mut self, class: u8) -> &mut u64 {
        if class == class::DENSE { &mut self.dense } else { &mut self.words }
    }
}

impl std::iter::Sum for Text {
    fn sum<I: Iterator<Item = Text>>(parts: I) -> Text {
        parts.fold(Text::default(), |all, part| Text { words: all.words + part.words, dense: all.dense + part.dense })
    }
}

/// Divides groups by what is in them.
///
/// # Errors
/// When records cannot be read.
pub fn apart<'l>(packs: &[Arc<PackReader>], stored: Units<'l>, means: Means, interrupt: &Interrupt) -> Result<Vec<Section<'l>>> {
    let text = Text::of(packs);
    let all = stored;
    if text.all() < LEAST_TEXT * 2 {
        return Ok(vec![Section { units: all, text }]);
    }
    let Units::Stored(groups, live) = all else { return Ok(vec![Section { units: all, text }]) };
    let stored = stored_text(packs, &groups)?;
    let all = Units::Stored(groups, live);
    let mut census = Census::default();
    let mut left = (0..all.len()).map(|index| all.unit(packs, index).len() as u64);
    // Every record is opened: kinds must not depend on what was known when a thread came by.
    let cutting = Cutting { known: &Known::new(0), options: &CutOptions::default() };
    let mut unit = Unit { records: left.next().unwrap_or_default(), ..Unit::default() };
    stream::in_order(packs, &all, cutting, means, |piece| {
        if let Piece::Lines(lines) = &piece {
            unit.add(lines);
        }
        unit.records = unit.records.saturating_sub(piece.records());
        if unit.records == 0 {
            census.close(std::mem::take(&mut unit));
            unit.records = left.next().unwrap_or_default();
        }
        Ok(!interrupt.is_raised())
    })?;
    Ok(census.sections(all, &stored))
}

/// Text that each group brought.
fn stored_text(packs: &[Arc<PackReader>], groups: &[(u32, u32)]) -> Result<Vec<Text>> {
    let mut texts = FxHashMap::default();
    for (index, pack) in (0..).zip(packs) {
        let mut ends = [0; class::COUNT];
        for block in &pack.directory().blocks {
            if let Some(end) = ends.get_mut(usize::from(block.class)) {
                *end = (block.start + block.length).max(*end);
            }
        }
        // From the last on: each ends where the next begins.
        for (group, entry) in pack.directory().groups.iter().enumerate().rev() {
            let starts = pack
                .frame(entry.offset, Kind::Group)
                .and_then(|frame| text_starts(&frame::content(&frame)?))
                .map_err(|corrupt| pack.damaged(corrupt))?;
            let mut text = Text::default();
            for (class, (start, end)) in (0..).zip(starts.iter().zip(&mut ends)) {
                *text.part(class) += u64::from(end.saturating_sub(*start));
                *end = *start;
            }
            texts.insert((index, group as u32), text);
        }
    }
    Ok(groups.iter().map(|group| texts.get(group).copied().unwrap_or_default()).collect())
}

/// A group while its records come by.
#[derive(Default)]
struct Unit {
    /// Records to come.
    records: u64,
    keys: Keys,
    /// Hashes and lengths of its longer segments.
    segments: Vec<(u64, u32)>,
}

/// How often records have each key.
type Keys = FxHashMap<Field, u32>;

impl Unit {
    fn add(&mut self, lines: &Lines) {
        let cuts = &lines.cuts;
        let mut known: FxHashMap<u64, Vec<Field>> = FxHashMap::default();
        for &root in &cuts.records {
            let mut root = &cuts.nodes[root as usize];
            // A line with something before or after its JSON is that JSON.
            if let [value] = cuts.values_of(root)
                && value.slot.kind == SlotKind::Node
            {
                root = &cuts.nodes[value.index()];
            }
            let template = cuts.template(root.template);
            let fields = known.entry(checksum(template)).or_insert_with(|| names(template));
            fields.iter().for_each(|field| *self.keys.entry(*field).or_default() += 1);
        }
        let all = cuts.segments.iter().map(|segment| (segment, cuts.bytes(&lines.bytes, segment.text).len()));
        let long = all.filter(|(_, length)| *length >= SHORT);
        self.segments.extend(long.map(|(segment, length)| (segment.hash as u64, length as u32)));
    }
}

/// All kinds, and what they have in common.
#[derive(Default)]
struct Census {
    kinds: Vec<Keys>,
    /// Kind of each group.
    units: Vec<usize>,
    /// Text of each kind that none before it had.
    text: Vec<u64>,
    /// By two kinds, the earlier first: text of the later one that the other had.
    common: FxHashMap<(usize, usize), u64>,
    /// The first kind that had a segment, and all that had it.
    segments: FxHashMap<u64, (usize, u64)>,
    /// Segments are remembered whose hash ends in so many zeros.
    thinned: u32,
}

impl Census {
    fn close(&mut self, unit: Unit) {
        let kind = self.kind_of(&unit.keys);
        self.units.push(kind);
        for (hash, length) in unit.segments {
            let (own, length) = (1 << kind, u64::from(length) << self.thinned);
            if hash.trailing_zeros() < self.thinned {
                continue;
            }
            let (first, holders) = self.segments.entry(hash).or_insert_with(|| {
                self.text[kind] += length;
                (kind, own)
            });
            if *holders & own == 0 {
                *holders |= own;
                *self.common.entry((*first.min(&mut { kind }), (*first).max(kind))).or_default() += length;
            }
        }
        while self.segments.len() > REMEMBERED {
            self.thinned += 1;
            self.segments.retain(|hash, _| hash.trailing_zeros() >= self.thinned);
        }
    }

    fn kind_of(&mut self, keys: &Keys) -> usize {
        let likeness = self.kinds.iter().map(|kind| cosine(kind, keys)).enumerate();
        let best = likeness.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let kind = match best {
            Some((kind, likeness)) if likeness >= ALIKE || self.kinds.len() == KINDS => kind,
            _ => {
                self.kinds.push(Keys::default());
                self.text.push(0);
                self.kinds.len() - 1
            }
        };
        let known = &mut self.kinds[kind];
        for (key, count) in keys {
            if known.len() < MOST_KEYS || known.contains_key(key) {
                let sum = known.entry(*key).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        kind
    }

    /// Kinds that are stored together: for each the first of them.
    fn joined(&self) -> Vec<usize> {
        let mut leads: Vec<usize> = (0..self.kinds.len()).collect();
        let mut join = |a: usize, b: usize| {
            let (low, high) = (leads[a].min(leads[b]), leads[a].max(leads[b]));
            leads.iter_mut().filter(|lead| **lead == high).for_each(|lead| *lead = low);
        };
        for (&(a, b), common) in &self.common {
            // What the later one has in common is counted with the earlier.
            let smaller = self.text[a].min(self.text[b] + common);
            if common * IN_COMMON >= smaller && smaller > 0 {
                join(a, b);
            }
        }
        let is_small = |leads: &[usize], lead: usize| self.text_of(leads, lead) < LEAST_TEXT;
        let small: Vec<usize> = (0..leads.len()).filter(|&kind| leads[kind] == kind && is_small(&leads, kind)).collect();
        let first = small.first().copied().unwrap_or_default();
        leads.iter_mut().filter(|lead| small.contains(lead)).for_each(|lead| *lead = first);
        leads
    }

    fn text_of(&self, leads: &[usize], lead: usize) -> u64 {
        leads.iter().zip(&self.text).filter(|(of, _)| **of == lead).map(|(_, text)| text).sum()
    }

    fn sections<'l>(self, all: Units<'l>, stored: &[Text]) -> Vec<Section<'l>> {
        let Units::Stored(groups, live) = all else {
            return vec![Section { text: stored.iter().copied().sum(), units: all }];
        };
        let leads = self.joined();
        let mut sections: Vec<(usize, Groups, Text)> = Vec::new();
        for ((group, kind), text) in groups.into_iter().zip(&self.units).zip(stored) {
            let lead = leads[*kind];
            let at = sections.iter().position(|(of, ..)| *of == lead).unwrap_or_else(|| {
                sections.push((lead, Vec::new(), Text::default()));
                sections.len() - 1
            });
            sections[at].1.push(group);
            sections[at].2 = [sections[at].2, *text].into_iter().sum();
        }
        sections.into_iter().map(|(_, groups, text)| Section { units: Units::Stored(groups, live), text }).collect()
    }
}

fn cosine(a: &Keys, b: &Keys) -> f64 {
    let norm = |keys: &Keys| keys.values().map(|count| f64::from(*count).powi(2)).sum::<f64>().sqrt();
    let product: f64 = b.iter().filter_map(|(key, count)| a.get(key).map(|other| f64::from(*count) * f64::from(*other))).sum();
    let norms = norm(a) * norm(b);
    // Records without keys are alike.
    if norms == 0.0 { f64::from(u8::from(a.is_empty() && b.is_empty())) } else { product / norms }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(keys: std::ops::Range<u64>, segments: std::ops::Range<u64>, length: u32) -> Unit {
        // Spread: thinning looks at the last bits.
        let segments = segments.map(|segment| (segment.wrapping_mul(0x9e37_79b9_7f4a_7c15), length)).collect();
        Unit { records: 0, keys: keys.map(|key| (key, 10)).collect(), segments }
    }

    fn leads(units: impl IntoIterator<Item = Unit>) -> Vec<usize> {
        let mut census = Census::default();
        units.into_iter().for_each(|unit| census.close(unit));
        let joined = census.joined();
        census.units.iter().map(|kind| joined[*kind]).collect()
    }

    const LARGE: u32 = 1 << 20;

    // Protects the gain of packs of one kind, and that kinds which share their text are not stored twice.
    #[test]
    fn kinds_are_apart_unless_they_are_small_or_share_text() {
        let alone = [unit(0..9, 0..8, LARGE), unit(20..29, 10..18, LARGE), unit(1..10, 20..28, LARGE)];
        assert_eq!(leads(alone), [0, 1, 0]);
        let sharing = [unit(0..9, 0..8, LARGE), unit(20..29, 7..15, LARGE), unit(40..49, 20..28, LARGE)];
        assert_eq!(leads(sharing), [0, 0, 2]);
        let small = [unit(0..9, 0..8, LARGE), unit(20..29, 10..12, LARGE), unit(40..49, 20..21, LARGE)];
        assert_eq!(leads(small), [0, 1, 1]);
    }

    // Protects memory and the judgement of vaults with millions of segments: a sample of them says the same.
    #[test]
    fn what_kinds_share_is_seen_in_a_sample_of_their_segments() {
        let many = REMEMBERED as u64;
        let mut census = Census::default();
        for unit in [unit(0..9, 0..many, 640), unit(20..29, many..many * 3, 640), unit(40..49, many * 5 / 2..many * 4, 640)] {
            census.close(unit);
        }
        assert!(census.thinned >= 2 && census.segments.len() <= REMEMBERED);
        let joined = census.joined();
        assert_eq!(census.units.iter().map(|kind| joined[*kind]).collect::<Vec<_>>(), [0, 1, 1]);
        let common = *census.common.get(&(1, 2)).unwrap() as f64 / (many as f64 / 2.0 * 640.0);
        assert!((0.9..1.1).contains(&common), "{common}");
    }

    // Protects memory where keys are data: every record brings a new one.
    #[test]
    fn keys_that_are_ids_do_not_pile_up() {
        let mut census = Census::default();
        (0..10_000).for_each(|id| census.close(unit(id..id + 9, 0..0, LARGE)));
        assert!(census.kinds.iter().map(FxHashMap::len).sum::<usize>() <= KINDS * MOST_KEYS);
        assert!(census.kinds.iter().any(|keys| keys.len() == MOST_KEYS));
    }

    // Protects vaults of more kinds than a set in one number can hold.
    #[test]
    fn kinds_beyond_the_last_go_to_those_they_are_most_like() {
        let units = (0..200).map(|kind| unit(kind * 10..kind * 10 + 9, kind * 100..kind * 100 + 50, LARGE));
        assert!(leads(units).into_iter().all(|lead| lead < KINDS));
    }
}
