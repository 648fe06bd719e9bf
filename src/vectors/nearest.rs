//! The rows of a part that are nearest to a question: by the graph, or by looking at all rows where that is as fast or surer.

use rayon::prelude::*;

use crate::vectors::graph::search::{Found, Target, Visited, descend, layer};
use crate::vectors::part::Part;
use crate::vectors::quantize::{Query, Rows};

/// Candidates of a walk unless more or fewer are asked for: of real texts it finds 19 of 20 true neighbours, the hardest included.
pub const EF: usize = 256;
/// Rows of one job of a scan.
const SCANNED_TOGETHER: usize = 1 << 14;
/// A walk through a filter is worth it when the square of the share that passes is more than this divided by the rows: measured, a walk
/// compares about 1000 rows for each that passes a filter, and a comparison there costs three of a scan.
const WALK_COST: f64 = 3000.0;

/// Rows of a part.
#[derive(Clone, Debug, Default)]
pub struct RowSet {
    words: Vec<u64>,
    count: usize,
}

impl RowSet {
    /// The rows of the texts that `passes` takes.
    #[must_use]
    pub fn of_texts(part: &Part<'_>, passes: &dyn Fn(u32) -> bool) -> RowSet {
        let mut set = RowSet { words: vec![0; part.rows().len().div_ceil(64)], count: 0 };
        for text in (0..part.texts()).filter(|text| passes(*text)) {
            part.rows_of(text).for_each(|row| set.insert(row));
        }
        set
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn insert(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            let bit = 1 << (row % 64);
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    fn has(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Candidates of a walk.
    pub ef: usize,
    /// All rows are looked at.
    pub exact: bool,
    /// Only these rows count; none: all.
    pub within: Option<&'a RowSet>,
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Manner { ef: EF, exact: false, within: None }
    }
}

/// The best row of each of the `wanted` nearest texts, the best first, compared with the question as it is, not rounded.
#[must_use]
pub fn nearest(part: &Part<'_>, query: &Query, wanted: usize, manner: Manner<'_>) -> Vec<Found> {
    let count = manner.within.map_or(part.rows().len(), RowSet::len);
    let mut most = wanted.min(count);
    loop {
        let rows = rows(part, query, most, manner);
        let is_all = rows.len() < most || most >= count;
        let mut seen = rustc_hash::FxHashSet::default();
        let mut best: Vec<Found> = rows.into_iter().filter(|found| seen.insert(part.text_of(found.row()))).collect();
        if best.len() >= wanted || is_all {
            best.truncate(wanted);
            return best;
        }
        // Several windows of one text: look further.
        most = (most * 4).min(count);
    }
}

fn rows(part: &Part<'_>, query: &Query, most: usize, manner: Manner<'_>) -> Vec<Found> {
    let rows = part.rows();
    if most == 0 || query.row.len() != rows.stride {
        return Vec::new();
    }
    // The row of the question is rounded: a few more than wanted are compared again.
    let candidates = most.saturating_add(most / 2).saturating_add(16);
    let found = walk(part, query, candidates, manner).unwrap_or_else(|| scan(&rows, query, candidates, manner.within));
    let mut found: Vec<Found> = found
        .into_iter()
        .map(|found| Found::new(query.cosine(rows.row(found.row()), rows.inverse(found.row())), found.row()))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(most);
    found
}

/// By the graph; `None` where there is none or a scan does better.
fn walk(part: &Part<'_>, query: &Query, candidates: usize, manner: Manner<'_>) -> Option<Vec<Found>> {
    let (rows, view) = (part.rows(), part.graph().filter(|_| !manner.exact)?);
    let count = rows.len();
    let share = manner.within.map_or(1.0, |within| within.len() as f64 / count.max(1) as f64);
    if share * share * (count as f64) < WALK_COST && manner.within.is_some() {
        return None;
    }
    let target = Target { row: &query.row, inverse: query.inverse };
    let start = descend(&view, &rows, target, 0)?;
    let (ef, budget) = (manner.ef.max(candidates).min(count), count / 2);
    let mut visited = Visited::new(count);
    let found = match manner.within {
        None => layer(&view, &rows, target, &[start], (ef, 0, budget), &|_| true, &mut visited),
        Some(within) => layer(&view, &rows, target, &[start], (ef, 0, budget), &|row| within.has(row), &mut visited),
    }?;
    // A walk that ends early has lost its way: what exists must be found.
    let exist = manner.within.map_or(count, RowSet::len);
    (found.len() >= candidates.min(exist)).then_some(found)
}

/// Looks at all rows.
fn scan(rows: &Rows<'_>, query: &Query, most: usize, within: Option<&RowSet>) -> Vec<Found> {
    let count = rows.len();
    let starts: Vec<usize> = (0..count).step_by(SCANNED_TOGETHER).collect();
    let best = |start: &usize| {
        let mut best: Vec<Found> = Vec::with_capacity(most.min(SCANNED_TOGETHER) * 2);
        let mut least = None;
        for row in *start as u32..count.min(start + SCANNED_TOGETHER) as u32 {
            if within.is_some_and(|within| !within.has(row)) {
                continue;
            }
            let found = Found::new(rows.likeness(&query.row, query.inverse, row), row);
            if least.is_some_and(|least| found <= least) {
                continue;
            }
            best.push(found);
            if best.len() >= most.saturating_mul(2) {
                least = keep_best(&mut best, most);
            }
        }
        keep_best(&mut best, most);
        best
    };
    let mut found: Vec<Found> = match starts.len() {
        0..=4 => starts.iter().flat_map(best).collect(),
        _ => starts.par_iter().flat_map_iter(best).collect(),
    };
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(most);
    found
}

/// Leaves the best; gives the least of them when there are as many as may stay.
fn keep_best(found: &mut Vec<Found>, most: usize) -> Option<Found> {
    if found.len() <= most || most == 0 {
        return None;
    }
    let (_, least, _) = found.select_nth_unstable_by(most - 1, |a, b| b.cmp(a));
    let least = *least;
    found.truncate(most);
    Some(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::part::Check;
    use crate::vectors::part::tests::{Aligned, built};

    fn share_found(part: &Part<'_>, within: Option<&RowSet>) -> (usize, usize) {
        let (mut hits, mut wanted) = (0, 0);
        for row in (0..part.rows().len() as u32).step_by(37) {
            let query = Query::of_row(part.rows().row(row), part.rows().inverse(row));
            let ask = |exact| nearest(part, &query, 10, Manner { within, exact, ..Manner::default() });
            let truth = ask(true);
            assert!(within.is_none_or(|within| truth.iter().all(|found| within.has(found.row()))));
            let found = ask(false);
            assert_eq!(found.len(), truth.len(), "what exists is found");
            hits += found.iter().filter(|found| truth.contains(found)).count();
            wanted += truth.len();
        }
        (hits, wanted)
    }

    // Filters must not cost hits, however few rows they leave.
    #[test]
    fn recall_holds_under_filters() {
        let built = built(6000, true);
        let bytes = Aligned::of(&built.encode());
        let part = Part::read(bytes.bytes(), Check::Whole).unwrap();
        for one_in in [1, 2, 20, 100, 1000] {
            let set = RowSet::of_texts(&part, &|text| text.wrapping_mul(2_654_435_761) % one_in < 1);
            let (hits, wanted) = share_found(&part, (one_in > 1).then_some(&set));
            assert!(hits * 100 >= wanted * 95, "one in {one_in}: {hits} of {wanted}");
        }
    }

    // Bytes of a part are strangers: whatever is in its sections, an answer comes back or an error, never a panic.
    #[test]
    fn hostile_sections_never_panic() {
        let good = built(300, true).encode();
        let mut state = 5u64;
        for _ in 0..400 {
            let mut bad = good.clone();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = 384 + (state >> 33) as usize % (bad.len() - 384);
                bad[at] = (state >> 20) as u8;
            }
            reseal(&mut bad);
            let aligned = Aligned::of(&bad);
            let Ok(part) = Part::read(aligned.bytes(), Check::Whole) else { continue };
            for row in [0, 17, 299, 5000] {
                let query = Query::of_row(built_row(&part, row), 0.01);
                let found = nearest(&part, &query, 10, Manner::default());
                found.iter().for_each(|found| drop(part.take(part.text_of(found.row()))));
                let set = RowSet::of_texts(&part, &|text| part.holders(text).any(|number| number % 2 == 0));
                drop(nearest(&part, &query, 10, Manner { within: Some(&set), ..Manner::default() }));
            }
            drop(part.graph().map(|graph| graph.layers()));
        }
    }

    fn built_row<'a>(part: &Part<'a>, row: u32) -> &'a [i8] {
        part.rows().row(row % 300)
    }

    /// Makes all checksums right again.
    fn reseal(bytes: &mut [u8]) {
        use crate::checksum::checksum;
        let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        for section in 0..13 {
            let at = 56 + section * 24;
            let (offset, length) = (word(bytes, at) as usize, word(bytes, at + 8) as usize);
            let sum = checksum(&bytes[offset..offset + length]);
            bytes[at + 16..at + 24].copy_from_slice(&sum.to_le_bytes());
        }
        let end = 56 + 13 * 24;
        let sum = checksum(&bytes[..end]);
        bytes[end..end + 8].copy_from_slice(&sum.to_le_bytes());
    }
}
