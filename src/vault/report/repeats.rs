//! The segments that repeat most, and who holds one of them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Material;
use super::facts::NO_TYPE;
use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::ids::RecordHash;
use crate::shape::{Record, SegmentType};
use crate::vault::api::{Holder, HolderConversation, Repeat, SegmentReport, Time};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::newest_generations;
use crate::vault::get::shown_name;
use crate::vault::lookup::Lookup;
use crate::vault::meaning::Part;
use crate::vault::segments;

/// Characters of a preview.
const PREVIEW: usize = 100;

/// A candidate of a pack.
struct Candidate {
    pack: usize,
    segment: u32,
    references: u64,
    records: u64,
    wasted: u64,
    length: u32,
}

/// The records that hold one of the segments that [`top`] tells about, sorted.
pub(super) fn records_of_top(material: &Material<'_>, top: usize, min_refs: u64) -> Vec<u64> {
    let of = |candidate: Candidate| (candidate.pack, candidate.segment);
    records_of(material, &candidates(material, top, min_refs).into_iter().map(of).collect::<Vec<_>>())
}

/// The records that hold one of some segments, sorted.
pub(super) fn records_of(material: &Material<'_>, segments: &[(usize, u32)]) -> Vec<u64> {
    let mut numbers = Vec::new();
    Holders::find(material, segments, &mut |number| numbers.push(number));
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Segments of each pack whose repetitions had most bytes.
fn candidates(material: &Material<'_>, top: usize, min_refs: u64) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for (pack, census) in material.censuses.iter().enumerate() {
        let occurrences = |number| if material.passes(number) { material.occurrences(number) } else { 0 };
        let (_, said) = census.hand_down(0, occurrences, u64::saturating_add);
        for (segment, (stored, references)) in (0u32..).zip(census.segments.iter().zip(said)) {
            if references >= min_refs.max(2) {
                let wasted = (references - 1).saturating_mul(u64::from(stored.length));
                candidates.push(Candidate { pack, segment, references, records: 0, wasted, length: stored.length });
            }
        }
        // Packs may have the same segment: some more than asked for, so that merging them leaves enough.
        candidates.sort_by(|a, b| b.wasted.cmp(&a.wasted).then_with(|| (a.pack, a.segment).cmp(&(b.pack, b.segment))));
        candidates.truncate(top.saturating_mul(2));
    }
    candidates
}

/// The `top` segments whose repetitions had most bytes.
///
/// # Errors
/// When the vault is damaged.
pub(super) fn top(material: &Material<'_>, top: usize, min_refs: u64) -> Result<Vec<Repeat>> {
    let mut candidates = candidates(material, top, min_refs);
    let mut repeats: BTreeMap<u128, Repeat> = BTreeMap::new();
    let mut fetcher = Fetcher::new(material.snapshot);
    let segments: Vec<(usize, u32)> = candidates.iter().map(|candidate| (candidate.pack, candidate.segment)).collect();
    let mut holders = Holders::find(material, &segments, &mut |_| {});
    for candidate in &mut candidates {
        let view = fetcher.view(candidate.pack)?;
        let mut text = Vec::new();
        view.segment(candidate.segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
        let preview = material.preview(&text)?;
        let found = holders.of.remove(&(candidate.pack, candidate.segment)).unwrap_or_default();
        candidate.records = found.records;
        let hash = content_hash(&text);
        let repeat = repeats.entry(hash).or_insert_with(|| Repeat {
            hash: format!("{hash:032x}"),
            kind: kind(material, candidate.pack, candidate.segment),
            references: 0,
            records: 0,
            bytes: u64::from(candidate.length),
            wasted_bytes: 0,
            first_seen: None,
            last_seen: None,
            preview,
        });
        repeat.references += candidate.references;
        repeat.records += candidate.records;
        repeat.wasted_bytes = (repeat.references - 1).saturating_mul(repeat.bytes);
        crate::vault::ls::widen(&mut repeat.first_seen, &mut repeat.last_seen, found.first.map(Time));
        crate::vault::ls::widen(&mut repeat.first_seen, &mut repeat.last_seen, found.last.map(Time));
    }
    let mut repeats: Vec<Repeat> = repeats.into_values().collect();
    repeats.sort_by(|a, b| b.wasted_bytes.cmp(&a.wasted_bytes).then_with(|| a.hash.cmp(&b.hash)));
    repeats.truncate(top);
    Ok(repeats)
}

/// How many records hold each candidate, and when.
#[derive(Default)]
struct Holders {
    of: FxHashMap<(usize, u32), Held>,
}

#[derive(Clone, Copy, Default)]
struct Held {
    records: u64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Holders {
    /// Follows up to 64 candidates at once up to the records: a bit for each in every node.
    fn find(material: &Material<'_>, segments: &[(usize, u32)], sink: &mut dyn FnMut(u64)) -> Holders {
        let mut holders = Holders::default();
        for (pack, census) in material.censuses.iter().enumerate() {
            let here: Vec<u32> = segments.iter().filter(|one| one.0 == pack).map(|one| one.1).collect();
            for some in here.chunks(64) {
                let bits: FxHashMap<usize, u64> =
                    some.iter().enumerate().map(|(bit, segment)| (*segment as usize, 1 << bit)).collect();
                let mut nodes = vec![0u64; census.nodes.len()];
                for node in 0..nodes.len() {
                    let below = |(to_node, target): (bool, usize)| match to_node {
                        true => nodes.get(target).copied().unwrap_or_default(),
                        false => bits.get(&target).copied().unwrap_or_default(),
                    };
                    nodes[node] = census.targets(node).map(below).fold(0, |all, some| all | some);
                }
                for &(number, root) in &census.records {
                    let mut held = nodes.get(root as usize).copied().unwrap_or_default();
                    if held == 0 || material.occurrences(number) == 0 || !material.passes(number) {
                        continue;
                    }
                    sink(number);
                    let time = material.facts.as_ref().and_then(|facts| facts.get(number)?.time);
                    while held != 0 {
                        let entry = holders.of.entry((pack, some[held.trailing_zeros() as usize])).or_default();
                        entry.records += 1;
                        entry.first = entry.first.into_iter().chain(time).min();
                        entry.last = entry.last.into_iter().chain(time).max();
                        held &= held - 1;
                    }
                }
            }
        }
        holders
    }
}

/// The type of a segment, where a record tells it.
pub(super) fn kind(material: &Material<'_>, pack: usize, segment: u32) -> Option<String> {
    let kind = material.facts.as_ref()?.types.get(pack)?.get(segment as usize).copied().filter(|kind| *kind != NO_TYPE)?;
    SegmentType::ALL.get(kind as usize).map(|kind| kind.name().to_string())
}

/// The beginning of a text in one line.
pub(super) fn preview(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..text.len().min(PREVIEW * 4)).unwrap_or_default());
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.chars().count() > PREVIEW {
            break;
        }
    }
    match words.char_indices().nth(PREVIEW) {
        Some((cut, _)) => format!("{}…", words.get(..cut).unwrap_or_default()),
        None => words,
    }
}

/// Every line and conversation that holds the segment whose hash begins with `prefix`.
///
/// # Errors
/// [`Error::NotFound`] for a hash that no segment has, [`Error::Usage`] for one that several have, and damage.
pub(super) fn holders(material: &Material<'_>, prefix: &str, threads: usize) -> Result<SegmentReport> {
    let (snapshot, state) = (material.snapshot, material.state);
    let none = crate::vault::lookup::LazyIndex::new(snapshot);
    let lookup = Lookup::new(snapshot, threads, &none)?;
    let missing = || Error::NotFound(format!("no segment has the hash {prefix}; `turnpack dedup-report --top 20` lists some"));
    let segment = segments::find(&lookup, prefix, threads)?.ok_or_else(missing)?;
    let records = segments::holding(snapshot, std::slice::from_ref(&segment.hash), threads)?.unwrap_or_default();
    let newest = newest_generations(state);
    let mut fetcher = Fetcher::new(snapshot);
    let mut report = SegmentReport {
        hash: segment.hash,
        types: segment.types,
        bytes: segment.bytes.len() as u64,
        preview: material.preview(&segment.bytes)?,
        conversations: Vec::new(),
        holders: Vec::new(),
    };
    let mut conversations: BTreeMap<(String, bool), u64> = BTreeMap::new();
    let mut bytes = Vec::new();
    for source in &material.sources {
        let here = Part::whole(source).live(state).filter(|(_, number)| records.binary_search(number).is_ok());
        for (line, number) in here.filter(|(_, number)| material.passes(*number)) {
            bytes.clear();
            fetcher.record(number, &mut bytes)?;
            let metadata = lookup.scan.metadata_at(&mut fetcher, source, line, &bytes)?;
            let inferred = metadata.conversation_id.is_none();
            let conversation = metadata.conversation_id.or_else(|| infer(&lookup, &bytes, &source.state.name));
            if let Some(id) = &conversation {
                *conversations.entry((id.clone(), inferred)).or_default() += 1;
            }
            report.holders.push(Holder {
                place: format!("{}:{line}", shown_name(source, &newest)),
                record: RecordHash(content_hash(&bytes)).to_string(),
                inferred: inferred && conversation.is_some(),
                conversation,
                time: metadata.timestamp_us.map(Time),
                model: metadata.model,
                app: metadata.application,
            });
        }
    }
    let row = |((id, inferred), occurrences)| HolderConversation { id, inferred, occurrences };
    report.conversations = conversations.into_iter().map(row).collect();
    report.conversations.sort_by(|a, b| b.occurrences.cmp(&a.occurrences).then_with(|| a.id.cmp(&b.id)));
    Ok(report)
}

/// A conversation without an id is told by how it begins: requests that resend their history begin alike, whatever follows.
fn infer(lookup: &Lookup<'_>, bytes: &[u8], source: &str) -> Option<String> {
    let record = Record::read(bytes);
    let detection = lookup.scan.detect(&record, Some(source));
    let mut beginning = Vec::new();
    let mut spoken = false;
    record.visit(&detection, &mut |part| {
        let begins = matches!(part.kind, SegmentType::SystemPrompt | SegmentType::UserTurn);
        if part.visible && begins && !spoken {
            beginning.extend_from_slice(part.value.raw());
            beginning.push(0);
        }
        spoken |= part.visible && part.kind == SegmentType::UserTurn;
    });
    spoken.then(|| format!("inferred:{:016x}", content_hash(&beginning) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_line_and_says_when_it_was_cut() {
        assert_eq!(preview(b"a\n\n  b\tc"), "a b c");
        let long = preview("word ".repeat(100).as_bytes());
        assert!(long.ends_with('…') && long.chars().count() == PREVIEW + 1, "{long}");
    }
}
