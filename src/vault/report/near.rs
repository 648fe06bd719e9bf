//! Segments that are nearly the same.
//!
//! Signatures of all segments of enough words are cut into bands; segments that share a band are compared exactly. The width of the
//! bands is chosen so that a pair exactly at the threshold shares one with a probability of at least 99.9 %, and it is
//! stated. Clusters form around the segment that is said most often: every member is as similar to it as was asked for.
//!
//! | file | what |
//! |---|---|
//! | `pairs` | what is kept of each text, and which can be near to each other |
//! | `cluster` | exact comparisons, a connected part at a time |

mod cluster;
mod pairs;

use rustc_hash::FxHashMap;

use super::Material;
use crate::checksum::content_hash;
use crate::error::Result;
use crate::text::words::{Change, diff};
use crate::text::{Shingles, Signature};
use crate::vault::ahead::in_order;
use crate::vault::api::{DiffPart, NearCluster, NearReport, Variant};
use crate::vault::fetch::Fetcher;
use cluster::Members;
use pairs::Sketches;

/// Segments of fewer shingles are too short: one word more or less makes most of them different.
const LEAST: usize = 8;
/// Segments read by one job.
const JOB_SEGMENTS: usize = 512;
/// Clusters and variants that are listed.
const CLUSTERS: usize = 100;
const VARIANTS: usize = 20;
/// Characters of an equal run that are shown at each end.
const EDGE: usize = 60;

/// A segment that is compared.
#[derive(Clone, Copy)]
struct Candidate {
    pack: u32,
    segment: u32,
    length: u32,
    /// Its row of the sketches.
    row: u32,
    references: u64,
    hash: u128,
}

/// Rows of a band, and the probability that a pair at the threshold shares one.
fn bands(threshold: f64) -> (usize, f64) {
    let recall = |rows: usize| 1.0 - (1.0 - threshold.powi(rows as i32)).powi((Signature::BINS / rows) as i32);
    let rows = [32, 16, 8, 4, 2].into_iter().find(|rows| recall(*rows) >= 0.999).unwrap_or(1);
    (rows, recall(rows))
}

/// Finds clusters of segments whose similarity to the canonical one is at least `threshold`; beside the report the pack and the
/// number of each canonical segment.
///
/// # Errors
/// When the vault is damaged.
pub(super) fn near(
    material: &Material<'_>,
    threshold: f64,
    threads: usize,
    min_refs: u64,
) -> Result<(NearReport, Vec<(usize, u32)>)> {
    let (rows, recall) = bands(threshold);
    let mut report = NearReport { threshold, rows, bands: Signature::BINS / rows, recall, ..NearReport::default() };
    let mut sketches = Sketches::new(rows);
    let mut candidates = candidates(material, threads, min_refs, &mut sketches, &mut report)?;
    report.segments = candidates.len() as u64;
    // The one that is said most often first: it is the canonical one of its cluster.
    candidates.sort_unstable_by(|a, b| b.references.cmp(&a.references).then(b.length.cmp(&a.length)).then(a.hash.cmp(&b.hash)));
    let parts = pairs::parts(material.snapshot, threads, &candidates, &sketches, threshold)?;
    let clusters = cluster::clusters(material.snapshot, threads, &candidates, &sketches, parts, threshold, &mut report)?;
    let canonical = describe(material, &candidates, clusters, &mut report)?;
    Ok((report, canonical))
}

/// Reads every text once.
fn candidates(
    material: &Material<'_>,
    threads: usize,
    min_refs: u64,
    sketches: &mut Sketches,
    report: &mut NearReport,
) -> Result<Vec<Candidate>> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut known: FxHashMap<u128, u32> = FxHashMap::default();
    for (pack, census) in material.censuses.iter().enumerate() {
        let occurrences = |number| if material.passes(number) { material.occurrences(number) } else { 0 };
        let (_, said) = census.hand_down(0, occurrences, u64::saturating_add);
        // Only text: base64 and numbers have no words.
        let wanted: Vec<u32> = (0u32..)
            .zip(census.segments.iter().zip(&said))
            .filter(|(_, (stored, said))| stored.class == 0 && **said >= min_refs.max(1))
            .map(|(segment, _)| segment)
            .collect();
        in_order(
            material.snapshot,
            threads,
            wanted.chunks(JOB_SEGMENTS),
            |fetcher, segments| {
                let view = fetcher.view(pack)?;
                let (mut text, mut found) = (Vec::new(), Vec::with_capacity(segments.len()));
                for &segment in segments {
                    text.clear();
                    view.segment(segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
                    let shingles = Shingles::of(&String::from_utf8_lossy(&text));
                    let signature = Signature::of(&shingles).filter(|_| shingles.len() >= LEAST);
                    found.push((segment, content_hash(&text), signature));
                }
                Ok(found)
            },
            |found| {
                for (segment, hash, signature) in found {
                    let Some(signature) = signature else {
                        report.too_short += 1;
                        continue;
                    };
                    let (references, length) = (said[segment as usize], census.segments[segment as usize].length);
                    let row = candidates.len() as u32;
                    let at = *known.entry(hash).or_insert(row);
                    if at == row {
                        sketches.push(&signature);
                        candidates.push(Candidate { pack: pack as u32, segment, length, row, references, hash });
                    } else {
                        candidates[at as usize].references += references;
                    }
                }
                Ok(())
            },
        )?;
    }
    Ok(candidates)
}

fn read(fetcher: &mut Fetcher<'_>, candidate: &Candidate) -> Result<String> {
    let view = fetcher.view(candidate.pack as usize)?;
    let mut text = Vec::new();
    view.segment(candidate.segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn describe(
    material: &Material<'_>,
    candidates: &[Candidate],
    mut clusters: Vec<Members>,
    report: &mut NearReport,
) -> Result<Vec<(usize, u32)>> {
    report.clustered = clusters.iter().map(|members| members.len() as u64).sum();
    let weight = |members: &Members| members.iter().skip(1).map(|(place, _)| u64::from(candidates[*place].length)).sum::<u64>();
    clusters.sort_by_key(|members| (std::cmp::Reverse(weight(members)), members[0].0));
    report.more_clusters = clusters.len().saturating_sub(CLUSTERS) as u64;
    let mut fetcher = Fetcher::new(material.snapshot);
    let mut segments = Vec::new();
    for members in clusters.into_iter().take(CLUSTERS) {
        let canonical = &candidates[members[0].0];
        segments.push((canonical.pack as usize, canonical.segment));
        let text = material.shown(read(&mut fetcher, canonical)?)?;
        let mut variants = Vec::new();
        for (place, similarity) in members.iter().skip(1).take(VARIANTS) {
            let variant = &candidates[*place];
            variants.push(Variant {
                hash: format!("{:032x}", variant.hash),
                similarity: (similarity * 1e4).round() / 1e4,
                references: variant.references,
                bytes: u64::from(variant.length),
                diff: diff_parts(&text, &material.shown(read(&mut fetcher, variant)?)?),
            });
        }
        report.clusters.push(NearCluster {
            canonical: format!("{:032x}", canonical.hash),
            kind: None,
            references: canonical.references,
            bytes: u64::from(canonical.length),
            preview: material.preview(text.as_bytes())?,
            more_variants: (members.len() - 1).saturating_sub(VARIANTS) as u64,
            variants,
        });
    }
    Ok(segments)
}

/// A difference for people: long runs that are equal are cut in the middle.
pub(super) fn diff_parts(old: &str, new: &str) -> Vec<DiffPart> {
    let parts = diff(old, new);
    let last = parts.len().saturating_sub(1);
    let part = |(at, (change, text)): (usize, (Change, String))| {
        let op = match change {
            Change::Equal => "equal",
            Change::Delete => "delete",
            Change::Insert => "insert",
        };
        let text = if change == Change::Equal { shorten(&text, at > 0, at < last) } else { text };
        DiffPart { op, text }
    };
    parts.into_iter().enumerate().map(part).collect()
}

/// Keeps what stands beside a change.
fn shorten(text: &str, head: bool, tail: bool) -> String {
    if text.chars().count() <= EDGE * 2 + 1 {
        return text.to_string();
    }
    let cut = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    let count = text.chars().count();
    let (first, last) = (text.get(..cut(EDGE)).unwrap_or_default(), text.get(cut(count - EDGE)..).unwrap_or_default());
    match (head, tail) {
        (true, true) => format!("{first}…{last}"),
        (true, false) => format!("{first}…"),
        _ => format!("…{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_find_pairs_at_any_threshold() {
        for threshold in [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99] {
            let (rows, recall) = bands(threshold);
            assert!(recall >= 0.999, "{threshold}: {rows} rows, {recall}");
        }
        assert_eq!((bands(0.85).0, bands(0.99).0), (4, 16));
    }

    #[test]
    fn equal_text_far_from_a_change_is_cut() {
        let long = "word ".repeat(100);
        let parts = diff_parts(&format!("{long}old"), &format!("{long}new"));
        assert_eq!(parts.len(), 3);
        assert!(parts[0].text.starts_with('…') && parts[0].text.chars().count() == EDGE + 1, "{parts:?}");
    }
}
