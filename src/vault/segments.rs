//! Segments by hash, and the records that hold them.

use std::collections::BTreeMap;

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::shape::Record;
use crate::vault::ahead::in_order;
use crate::vault::api::{SegmentItem, is_hash_prefix};
use crate::vault::filter::TypeSet;
use crate::vault::holders::{Hits, holders};
use crate::vault::lookup::{Lookup, parse_prefix};
use crate::vault::snapshot::Snapshot;

/// Records read to learn what types a segment has: a system prompt may be in a million of them, always as the same.
const LOOKED_AT: usize = 64;

/// The records that hold one of the segments; `None` when none is asked for.
///
/// # Errors
/// [`Error::Usage`] for a prefix that is none or fits several, [`Error::NotFound`] for one that nothing has, and damage.
pub(crate) fn holding(snapshot: &Snapshot, prefixes: &[String], threads: usize) -> Result<Option<Vec<u64>>> {
    if prefixes.is_empty() {
        return Ok(None);
    }
    let mut records = Vec::new();
    for prefix in prefixes {
        let Some((_, _, hits)) = by_hash(snapshot, prefix, threads)? else {
            return Err(Error::NotFound(format!("no segment has the hash {prefix}")));
        };
        records.extend(holders(snapshot, hits, threads)?);
    }
    records.sort_unstable();
    records.dedup();
    Ok(Some(records))
}

/// The segment whose hash begins with `prefix`.
///
/// # Errors
/// [`Error::Usage`] for no prefix or one that fits several, and damage.
pub(crate) fn find(lookup: &Lookup<'_>, prefix: &str, threads: usize) -> Result<Option<SegmentItem>> {
    let snapshot = lookup.snapshot;
    let Some((hash, bytes, hits)) = by_hash(snapshot, prefix, threads)? else { return Ok(None) };
    let records = holders(snapshot, hits, threads)?;
    let records: Vec<u64> = records.into_iter().filter(|number| !lookup.state.removed.contains(number)).collect();
    let occurrences = occurrences(lookup, &records);
    // Text that no line holds any more is as good as gone.
    if occurrences == 0 {
        return Ok(None);
    }
    let types = types(lookup, &records, &bytes)?;
    Ok(Some(SegmentItem { hash: format!("{hash:032x}"), types, occurrences, bytes }))
}

/// Hash and bytes of the one segment whose hash begins with `prefix`, and where it is stored.
fn by_hash(snapshot: &Snapshot, prefix: &str, threads: usize) -> Result<Option<(u128, Vec<u8>, Hits)>> {
    let prefix = prefix.to_ascii_lowercase();
    let (true, Some((value, shift))) = (is_hash_prefix(&prefix), parse_prefix(&prefix)) else {
        return Err(Error::Usage(format!("{prefix:?} is not a segment hash: 6 to 32 hex digits are expected")));
    };
    let groups = (0..snapshot.packs.len())
        .flat_map(|pack| (0..snapshot.packs[pack].directory().groups.len()).map(move |group| (pack, group)));
    // By hash: the bytes, and where it is in each pack.
    let mut found: BTreeMap<u128, (Vec<u8>, Hits)> = BTreeMap::new();
    in_order(
        snapshot,
        threads,
        groups,
        |fetcher, (pack, group)| {
            let view = fetcher.view(pack)?;
            let entry = &snapshot.packs[pack].directory().groups[group];
            let (mut text, mut hits) = (Vec::new(), Vec::new());
            for segment in entry.first_segment..entry.first_segment + entry.segments {
                text.clear();
                view.segment(segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
                let hash = content_hash(&text);
                if hash.checked_shr(shift) == Some(value) {
                    hits.push((hash, text.clone(), pack, segment));
                }
            }
            Ok(hits)
        },
        |hits| {
            for (hash, text, pack, segment) in hits {
                let entry = found.entry(hash).or_insert_with(|| (text, Hits::new(snapshot)));
                entry.1.add_segment(pack, segment);
            }
            Ok(())
        },
    )?;
    if found.len() > 1 {
        let list: Vec<String> = found.keys().take(10).map(|hash| format!("  {hash:032x}")).collect();
        return Err(Error::Usage(format!(
            "{prefix} is the beginning of {} hashes; give more digits:\n{}",
            found.len(),
            list.join("\n")
        )));
    }
    Ok(found.pop_first().map(|(hash, (bytes, hits))| (hash, bytes, hits)))
}

fn occurrences(lookup: &Lookup<'_>, records: &[u64]) -> u64 {
    let lines = lookup.state.in_order().flat_map(|source| crate::vault::meaning::Part::whole(source).live(lookup.state));
    lines.filter(|(_, number)| records.binary_search(number).is_ok()).count() as u64
}

/// The types under which the text occurs.
fn types(lookup: &Lookup<'_>, records: &[u64], wanted: &[u8]) -> Result<Vec<String>> {
    let step = records.len().div_ceil(LOOKED_AT).max(1);
    let sample: Vec<u64> = records.iter().copied().step_by(step).collect();
    let mut types = TypeSet::default();
    let scan = &lookup.scan;
    let work = |bytes: &[u8], _number: u64| {
        let record = Record::read(bytes);
        let mut types = TypeSet::default();
        for label in record.segments(&scan.detect(&record, None)) {
            let raw = bytes.get(label.span.clone()).unwrap_or_default();
            let decoded = crate::shape::json::Json::parse(raw).and_then(|value| value.as_str());
            let text = decoded.as_ref().map_or(raw, |text| text.as_bytes());
            let text = label.within.clone().map_or(text, |within| text.get(within).unwrap_or_default());
            if text == wanted || memchr::memmem::find(text, wanted).is_some() {
                types.insert(label.kind);
            }
        }
        Some(types)
    };
    lookup.each(&sample, work, |_, found| types = types.union(found))?;
    Ok(types.names().map(str::to_string).collect())
}
