//! Search of one layer, and from the top down to the ground.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::vectors::distance::prefetch;
use crate::vectors::graph::links::Links;
use crate::vectors::graph::{MOST_LINKS, View};
use crate::vectors::quantize::{Rows, Target};

/// Most links of a row on the ground.
const MOST_SLOTS: usize = MOST_LINKS * 2;

/// A row with its likeness, as one number: more alike is greater, among equals the earlier row. The order is total, so that a search
/// gives the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found(u64);

impl Found {
    /// A row.
    #[must_use]
    #[inline]
    pub fn new(likeness: f32, row: u32) -> Found {
        let bits = likeness.to_bits();
        let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        Found(u64::from(ordered) << 32 | u64::from(!row))
    }

    /// Which.
    #[must_use]
    #[inline]
    pub fn row(self) -> u32 {
        !(self.0 as u32)
    }

    /// How alike.
    #[must_use]
    #[inline]
    pub fn likeness(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
    }
}

/// Rows that were seen, a bit each. To be asked costs no jump that a processor could guess wrong, which made walks at an effort of 256 faster by a
/// third; and all are cleared at once, which is a hundredth of a walk.
#[derive(Default)]
pub struct Visited {
    words: Vec<u64>,
    /// Bits of the last word that belong to no row: they are always set.
    beyond: u64,
    is_used: bool,
}

impl Visited {
    /// None of so many rows.
    #[must_use]
    pub fn new(rows: usize) -> Visited {
        let beyond = if rows.is_multiple_of(64) { 0 } else { u64::MAX << (rows % 64) };
        Visited { words: vec![0; rows.div_ceil(64)], beyond, is_used: false }
    }

    /// None again.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.is_used, true) {
            self.words.fill(0);
        }
        self.words.last_mut().into_iter().for_each(|last| *last = self.beyond);
    }

    /// True the first time; never for a row that does not exist.
    #[inline]
    fn insert(&mut self, row: u32) -> bool {
        let Some(word) = self.words.get_mut(row as usize / 64) else { return false };
        let bit = 1 << (row % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    #[inline]
    fn has(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_none_or(|word| word >> (row % 64) & 1 == 1)
    }
}

/// Rows that some links lead to, of which some count.
struct Chosen {
    rows: [u32; MOST_SLOTS],
    count: usize,
}

impl Chosen {
    fn none() -> Chosen {
        Chosen { rows: [0; MOST_SLOTS], count: 0 }
    }

    /// Those of the links that `counts` takes. Each is written, and stays only where it counts, for the reason given at [`Visited`].
    #[inline]
    fn fill(&mut self, links: Links<'_>, mut counts: impl FnMut(u32) -> bool) -> &[u32] {
        self.count = 0;
        links.each(|row| {
            if let Some(slot) = self.rows.get_mut(self.count) {
                *slot = row;
                self.count += usize::from(counts(row));
            }
        });
        self.rows.get(..self.count).unwrap_or_default()
    }
}

/// Walks greedily from the entry down to the layer above `layer`; gives where to go on.
#[must_use]
pub fn descend(view: &View<'_>, rows: &Rows<'_>, target: Target<'_>, layer: usize) -> Option<Found> {
    if view.entry as usize >= rows.len() {
        return None;
    }
    let likeness = |row: u32| Found::new(rows.likeness(target, row), row);
    let mut best = likeness(view.entry);
    for layer in (layer + 1..=view.layer_of(view.entry)).rev() {
        loop {
            let neighbours = view.neighbours(best.row(), layer).iter().filter(|row| (*row as usize) < rows.len());
            match neighbours.map(likeness).max().filter(|next| *next > best) {
                Some(next) => best = next,
                None => break,
            }
        }
    }
    Some(best)
}

/// The `ef` rows of a layer that are found nearest, the best first. Only rows that `passes` takes count; all are walked over. Gives up when
/// more than `budget` rows were compared, and says so with `None`.
#[must_use]
pub fn layer(
    view: &View<'_>,
    rows: &Rows<'_>,
    target: Target<'_>,
    from: &[Found],
    (ef, layer, budget): (usize, usize, usize),
    passes: &dyn Fn(u32) -> bool,
    visited: &mut Visited,
) -> Option<Vec<Found>> {
    let mut ahead: BinaryHeap<Found> = BinaryHeap::with_capacity(ef * 2);
    let mut best: BinaryHeap<Reverse<Found>> = BinaryHeap::with_capacity(ef + 1);
    visited.begin();
    for start in from {
        if visited.insert(start.row()) {
            ahead.push(*start);
            if passes(start.row()) {
                best.push(Reverse(*start));
            }
        }
    }
    while best.len() > ef {
        best.pop();
    }
    let mut compared = 0;
    let (mut fresh, mut soon) = (Chosen::none(), Chosen::none());
    while let Some(next) = ahead.pop() {
        if best.len() >= ef && best.peek().is_some_and(|worst| next < worst.0) {
            break;
        }
        let fresh = fresh.fill(view.neighbours(next.row(), layer), |row| visited.insert(row));
        fresh.iter().for_each(|row| prefetch(rows.row(*row)));
        compared += fresh.len();
        if compared > budget {
            return None;
        }
        // Where it will most likely go on: those rows are on their way while these are compared.
        let second = ahead.peek().map(|second| view.neighbours(second.row(), layer)).unwrap_or_default();
        let mut soon = soon.fill(second, |row| !visited.has(row)).iter();
        for &row in fresh {
            soon.next().into_iter().for_each(|row| prefetch(rows.row(*row)));
            let found = Found::new(rows.likeness(target, row), row);
            let is_full = best.len() >= ef;
            if !is_full || best.peek().is_some_and(|worst| found > worst.0) {
                prefetch(bytemuck::cast_slice(view.neighbours(row, layer).0.as_flattened()));
                ahead.push(found);
                if passes(row) {
                    best.push(Reverse(found));
                    if is_full {
                        best.pop();
                    }
                }
            }
        }
        soon.for_each(|row| prefetch(rows.row(*row)));
    }
    let mut best: Vec<Found> = best.into_iter().map(|Reverse(found)| found).collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::graph::Config;
    use crate::vectors::graph::build::build;
    use crate::vectors::graph::build::tests::heaps;
    use crate::vectors::graph::links;

    #[test]
    fn order_is_by_likeness_then_by_the_earlier_row() {
        let found = [(0.5, 3), (-0.25, 1), (0.5, 2), (-1.0, 0), (0.0, 9)];
        let mut sorted: Vec<Found> = found.iter().map(|(likeness, row)| Found::new(*likeness, *row)).collect();
        sorted.sort_by(|a, b| b.cmp(a));
        let rows: Vec<(f32, u32)> = sorted.iter().map(|found| (found.likeness(), found.row())).collect();
        assert_eq!(rows, [(0.5, 2), (0.5, 3), (0.0, 9), (-0.25, 1), (-1.0, 0)]);
    }
    // A row that is walked over twice is found twice; one that is not there, though its bit is, would be found at all.
    #[test]
    fn a_row_is_new_once_a_walk_and_one_that_is_not_there_never() {
        for rows in [64, 70, 128] {
            let mut visited = Visited::new(rows);
            for _ in 0..3 {
                visited.begin();
                let last = rows as u32 - 1;
                assert!(!visited.has(0) && !visited.has(last));
                assert!([0, last].iter().all(|row| visited.insert(*row)) && ![0, last].iter().any(|row| visited.insert(*row)));
                assert!(visited.has(0) && visited.has(last) && !visited.has(1));
                for absent in [rows as u32, 127.max(rows as u32), 5000, u32::MAX] {
                    assert!(!visited.insert(absent) && visited.has(absent), "{absent} of {rows}");
                }
            }
        }
    }

    // What was taken from one list must not stay for the next.
    #[test]
    fn links_that_count_are_taken_in_their_order() {
        let list = |rows: &[u32]| {
            let mut slots = vec![links::EMPTY; links::pairs(MOST_SLOTS)];
            links::write(&mut slots, rows);
            slots
        };
        let mut chosen = Chosen::none();
        let is_odd = |row: u32| row % 2 == 1;
        assert_eq!(chosen.fill(Links(&list(&[4, 9, 1, 6, 7, 8])), is_odd), [9, 1, 7]);
        assert_eq!(chosen.fill(Links(&list(&[2, 5])), is_odd), [5]);
        assert_eq!(chosen.fill(Links(&list(&[])), is_odd), [0u32; 0]);
        let full: Vec<u32> = (0..MOST_SLOTS as u32).collect();
        assert_eq!(chosen.fill(Links(&list(&full)), |_| true), full);
    }

    // The budget is rows compared, none of them twice: a walk over everything takes as many as there are besides the one it starts from.
    #[test]
    fn a_walk_compares_each_row_once_and_no_more_than_it_may() {
        let (values, scales) = heaps(500, 48, 5);
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: 64 };
        let graph = build(&rows, Config { links: 8, ef_construction: 60 });
        let (view, target, mut visited) = (graph.view(), rows.target(11), Visited::new(500));
        let from = [Found::new(rows.likeness(target, 3), 3)];
        let mut walk = |budget| layer(&view, &rows, target, &from, (500, 0, budget), &|_| true, &mut visited);
        assert_eq!(walk(498), None);
        let mut found: Vec<u32> = walk(499).unwrap().iter().map(|found| found.row()).collect();
        assert_eq!(found[0], 11);
        found.sort_unstable();
        assert_eq!(found, (0..500).collect::<Vec<u32>>());
    }
}
