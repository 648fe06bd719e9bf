//! What is kept of each text while pairs are looked for, and the parts that texts fall into: only within one of them can two be near.

use super::Candidate;
use crate::text::Signature;

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
pub(super) fn parts(candidates: &[Candidate], sketches: &Sketches, threshold: f64) -> Vec<Vec<u32>> {
    let all: Vec<u32> = (0..candidates.len() as u32).collect();
    let mut parts = Parts { up: all.clone() };
    for band in 0..sketches.bands() {
        sketches.buckets(candidates, &all, band, &mut |bucket| {
            for (at, a) in bucket.iter().enumerate() {
                for b in bucket.iter().skip(at + 1) {
                    // Those that are in one part already need no look: thousands of versions of one text are joined in one pass.
                    let (top_a, top_b) = (parts.top(*a), parts.top(*b));
                    if top_a != top_b && sketches.may_be(&candidates[*a as usize], &candidates[*b as usize], threshold) {
                        parts.up[top_a.max(top_b) as usize] = top_a.min(top_b);
                    }
                }
            }
        });
    }
    let mut sorted: Vec<(u32, u32)> = all.into_iter().map(|place| (parts.top(place), place)).collect();
    sorted.sort_unstable();
    sorted
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|part| part.len() > 1)
        .map(|part| part.iter().map(|(_, place)| *place).collect())
        .collect()
}

/// Which part each text is in: whoever leads up to the same one.
struct Parts {
    up: Vec<u32>,
}

impl Parts {
    fn top(&mut self, mut place: u32) -> u32 {
        while self.up[place as usize] != place {
            let above = self.up[place as usize];
            self.up[place as usize] = self.up[above as usize];
            place = self.up[place as usize];
        }
        place
    }
}
