//! Clusters by exact comparison, a connected part at a time.
//!
//! Texts of some parts together are read in the order in which they are stored, on all threads, and only their shingles are kept: who
//! reads two texts for each comparison decodes two blocks for each.

use rustc_hash::{FxHashMap, FxHashSet};

use super::pairs::Sketches;
use super::{Candidate, JOB_SEGMENTS, read};
use crate::error::Result;
use crate::text::Shingles;
use crate::vault::ahead::in_order;
use crate::vault::api::NearReport;
use crate::vault::fetch::Fetcher;
use crate::vault::snapshot::Snapshot;

/// Bytes of text whose shingles are kept at a time; they take about as much.
const TOGETHER: u64 = 48 << 20;
/// Parts compared by one job.
const JOB_PARTS: usize = 32;

/// The members of each cluster with their similarity; the canonical one first.
pub(super) type Members = Vec<(usize, f64)>;

/// Finds the clusters of all parts.
///
/// # Errors
/// When a text is damaged.
pub(super) fn clusters(
    snapshot: &Snapshot,
    threads: usize,
    candidates: &[Candidate],
    sketches: &Sketches,
    mut parts: Vec<Vec<u32>>,
    threshold: f64,
    report: &mut NearReport,
) -> Result<Vec<Members>> {
    // Parts that stand near to each other are read together.
    let stored = |place: &u32| candidates.get(*place as usize).map_or((0, 0), |candidate| (candidate.pack, candidate.segment));
    parts.sort_unstable_by_key(|part| part.iter().map(stored).min());
    let mut clusters = Vec::new();
    let mut rest = parts.as_slice();
    while !rest.is_empty() {
        let (together, after) = rest.split_at(batch(candidates, rest));
        rest = after;
        let mut places: Vec<u32> = together.iter().flatten().copied().collect();
        places.sort_unstable_by_key(stored);
        let mut kept = Kept { candidates, shingles: FxHashMap::default() };
        kept.fill(snapshot, threads, &places)?;
        in_order(
            snapshot,
            threads,
            together.chunks(JOB_PARTS),
            |fetcher, parts| {
                let mut found = Found::default();
                parts.iter().try_for_each(|part| of_part(&kept, fetcher, sketches, part, threshold, &mut found))?;
                Ok(found)
            },
            |found| {
                report.compared += found.compared;
                clusters.extend(found.clusters);
                Ok(())
            },
        )?;
    }
    Ok(clusters)
}

/// How many parts are read together: at least one.
fn batch(candidates: &[Candidate], parts: &[Vec<u32>]) -> usize {
    let length = |part: &Vec<u32>| part.iter().map(|place| u64::from(candidates[*place as usize].length)).sum::<u64>();
    let mut all = 0;
    let fits = |part: &&Vec<u32>| {
        all += length(part);
        all <= TOGETHER
    };
    parts.iter().take_while(fits).count().max(1)
}

/// What a job brings.
#[derive(Default)]
struct Found {
    clusters: Vec<Members>,
    compared: u64,
}

fn of_part(
    kept: &Kept<'_>,
    fetcher: &mut Fetcher<'_>,
    sketches: &Sketches,
    part: &[u32],
    threshold: f64,
    found: &mut Found,
) -> Result<()> {
    let candidates = kept.candidates;
    let (mut buckets, mut of): (Vec<Vec<u32>>, FxHashMap<u32, Vec<u32>>) = (Vec::new(), FxHashMap::default());
    for band in 0..sketches.bands() {
        sketches.buckets(candidates, part, band, &mut |bucket| {
            bucket.iter().for_each(|place| of.entry(*place).or_default().push(buckets.len() as u32));
            buckets.push(bucket.to_vec());
        });
    }
    let mut taken: FxHashSet<u32> = FxHashSet::default();
    for &canonical in part {
        if taken.contains(&canonical) {
            continue;
        }
        let mut near: Vec<u32> = Vec::new();
        for at in of.get(&canonical).into_iter().flatten() {
            let Some(bucket) = buckets.get_mut(*at as usize) else { continue };
            // Those already in a cluster are done with.
            bucket.retain(|member| !taken.contains(member));
            near.extend(bucket.iter().filter(|member| **member > canonical));
        }
        near.sort_unstable();
        near.dedup();
        let of_canonical = &candidates[canonical as usize];
        near.retain(|member| sketches.may_be(of_canonical, &candidates[*member as usize], threshold));
        let mut members: Members = Vec::new();
        for member in near {
            found.compared += 1;
            let similarity = kept.jaccard(fetcher, canonical, member)?;
            if similarity >= threshold {
                members.push((member as usize, similarity));
            }
        }
        if !members.is_empty() {
            taken.insert(canonical);
            taken.extend(members.iter().map(|(member, _)| *member as u32));
            members.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            members.insert(0, (canonical as usize, 1.0));
            found.clusters.push(members);
        }
    }
    Ok(())
}

/// Shingles of the texts that are being compared.
struct Kept<'k> {
    candidates: &'k [Candidate],
    shingles: FxHashMap<u32, Shingles>,
}

impl Kept<'_> {
    /// Reads texts in the order in which they are stored, as many as are kept at a time.
    fn fill(&mut self, snapshot: &Snapshot, threads: usize, places: &[u32]) -> Result<()> {
        let mut all = 0;
        let fits = |place: &&u32| {
            all += u64::from(self.candidates[**place as usize].length);
            all <= TOGETHER
        };
        let fitting = places.iter().take_while(fits).count();
        let candidates = self.candidates;
        in_order(
            snapshot,
            threads,
            places.get(..fitting).unwrap_or_default().chunks(JOB_SEGMENTS),
            |fetcher, places| {
                let of = |place: &u32| Ok((*place, Shingles::of(&read(fetcher, &candidates[*place as usize])?)));
                places.iter().map(of).collect::<Result<Vec<_>>>()
            },
            |found| {
                self.shingles.extend(found);
                Ok(())
            },
        )
    }

    /// The exact similarity. What did not fit into memory is read for this alone.
    fn jaccard(&self, fetcher: &mut Fetcher<'_>, a: u32, b: u32) -> Result<f64> {
        if let (Some(a), Some(b)) = (self.shingles.get(&a), self.shingles.get(&b)) {
            return Ok(a.jaccard(b));
        }
        let mut read_alone = |place: u32| read(fetcher, &self.candidates[place as usize]).map(|text| Shingles::of(&text));
        Ok(read_alone(a)?.jaccard(&read_alone(b)?))
    }
}
