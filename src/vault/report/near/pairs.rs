//! What is kept of each text while pairs are looked for, and the parts that texts fall into: only within one of them can two be near.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use super::Candidate;
use crate::error::Result;
use crate::text::Signature;
use crate::vault::ahead::in_order;
use crate::vault::fetch::Fetcher;
use crate::vault::snapshot::Snapshot;

/// An estimate of a signature of 128 bins is off by less than this; what it rules out by more is not read.
const DOUBT: f64 = 0.25;

/// A byte of each bin and a key of each band, text after text: a quarter of a kilobyte each, where shingles take the size of the text.
pub(super) struct Sketches {
    rows: usize,
    bins: Vec<[u8; Signature::BINS]>,
    keys: Vec<u32>,
}

impl Sketches {
    /// None yet, for bands of so many rows.
    pub(super) fn new(rows: usize) -> Sketches {
        Sketches { rows, bins: Vec::new(), keys: Vec::new() }
    }

    /// Adds a text.
    pub(super) fn push(&mut self, signature: &Signature) {
        self.bins.push(signature.sketch());
        self.keys.extend(signature.bands(self.rows).map(|key| (key ^ (key >> 32)) as u32));
    }

    /// How many keys a text has.
    pub(super) fn bands(&self) -> usize {
        Signature::BINS / self.rows
    }

    /// The key of a text's band.
    pub(super) fn key(&self, candidate: &Candidate, band: usize) -> u32 {
        self.keys.get(candidate.row as usize * self.bands() + band).copied().unwrap_or_default()
    }

    /// Whether two texts may be as similar as that.
    pub(super) fn may_be(&self, a: &Candidate, b: &Candidate, threshold: f64) -> bool {
        let (Some(a), Some(b)) = (self.bins.get(a.row as usize), self.bins.get(b.row as usize)) else { return false };
        let equal: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a == b)).sum();
        f64::from(equal) >= (threshold - DOUBT) * Signature::BINS as f64
    }

    /// Lists of those that share a band, by their places in `places`; in the order of these places.
    pub(super) fn buckets(&self, candidates: &[Candidate], places: &[u32], band: usize, sink: &mut dyn FnMut(&[u32])) {
        let key = |place: &u32| candidates.get(*place as usize).map_or(0, |candidate| self.key(candidate, band));
        let mut sorted: Vec<(u32, u32)> = places.iter().map(|place| (key(place), *place)).collect();
        sorted.sort_unstable();
        let mut bucket = Vec::new();
        for run in sorted.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
            bucket.clear();
            bucket.extend(run.iter().map(|(_, place)| *place));
            sink(&bucket);
        }
    }
}

/// Texts that are joined by pairs that may be near: places in `candidates`, in order; parts of one text are left out.
///
/// # Errors
/// When a thread ended early.
pub(super) fn parts(
    snapshot: &Snapshot,
    threads: usize,
    candidates: &[Candidate],
    sketches: &Sketches,
    threshold: f64,
) -> Result<Vec<Vec<u32>>> {
    let all: Vec<u32> = (0..candidates.len() as u32).collect();
    let parts = Parts::of_one_each(candidates.len());
    let join = |bucket: &[u32]| {
        for (at, a) in bucket.iter().enumerate() {
            for b in bucket.iter().skip(at + 1) {
                // Those that are in one part already need no look: thousands of versions of one text are joined in one pass.
                if parts.top(*a) != parts.top(*b)
                    && sketches.may_be(&candidates[*a as usize], &candidates[*b as usize], threshold)
                {
                    parts.join(*a, *b);
                }
            }
        }
    };
    let of_band = |_: &mut Fetcher<'_>, band| {
        sketches.buckets(candidates, &all, band, &mut |bucket| join(bucket));
        Ok(())
    };
    in_order(snapshot, threads, 0..sketches.bands(), of_band, Ok)?;
    let mut sorted: Vec<(u32, u32)> = all.iter().map(|place| (parts.top(*place), *place)).collect();
    sorted.sort_unstable();
    let parts = sorted.chunk_by(|a, b| a.0 == b.0).filter(|part| part.len() > 1);
    Ok(parts.map(|part| part.iter().map(|(_, place)| *place).collect()).collect())
}

/// Which part each text is in: whoever leads up to the same one. Threads join parts side by side; which pairs they come to first
/// changes nothing in the end.
struct Parts {
    up: Vec<AtomicU32>,
}

impl Parts {
    fn of_one_each(count: usize) -> Parts {
        Parts { up: (0..count as u32).map(AtomicU32::new).collect() }
    }

    fn above(&self, place: u32) -> u32 {
        self.up.get(place as usize).map_or(place, |up| up.load(Relaxed))
    }

    fn top(&self, mut place: u32) -> u32 {
        loop {
            let above = self.above(place);
            if above == place {
                return place;
            }
            // Ways are made shorter as they are gone; nobody leads down, so a way that is out of date still leads up.
            let next = self.above(above);
            if let Some(up) = self.up.get(place as usize) {
                let _ = up.compare_exchange_weak(above, next, Relaxed, Relaxed);
            }
            place = next;
        }
    }

    /// The later top is put below the earlier one; when another thread was faster, it is tried from the new tops.
    fn join(&self, a: u32, b: u32) {
        loop {
            let (a, b) = (self.top(a), self.top(b));
            let (low, high) = (a.min(b), a.max(b));
            let is_done = |up: &AtomicU32| up.compare_exchange(high, low, Relaxed, Relaxed).is_ok();
            if low == high || self.up.get(high as usize).is_none_or(is_done) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects clusters from threads: parts are those of the pairs, whoever comes first.
    #[test]
    fn parts_joined_side_by_side_are_those_joined_one_by_one() {
        let pairs: Vec<(u32, u32)> =
            (0..4_000u32).map(|n| (n * 7919 % 3_000, n * n % 3_001 % 3_000)).filter(|(a, b)| (a ^ b) % 3 == 0).collect();
        let (alone, together) = (Parts::of_one_each(3_000), Parts::of_one_each(3_000));
        pairs.iter().for_each(|(a, b)| alone.join(*a, *b));
        std::thread::scope(|scope| {
            for turn in 0..4 {
                let (pairs, together) = (&pairs, &together);
                scope.spawn(move || pairs.iter().skip(turn).step_by(4).for_each(|(a, b)| together.join(*b, *a)));
            }
        });
        let tops = |parts: &Parts| (0..3_000).map(|place| parts.top(place)).collect::<Vec<u32>>();
        let found = tops(&alone);
        assert!(found == tops(&together), "threads make other parts");
        assert!(pairs.iter().all(|(a, b)| found[*a as usize] == found[*b as usize]));
        assert!(found.iter().zip(0..).filter(|(top, place)| *top == place).count() > 100, "there are parts");
    }
}
