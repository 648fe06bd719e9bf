//! Rows → graph, in parallel and always the same.
//!
//! Rows come in batches that double until they are a fiftieth of all (as in ParlayANN, Manohar and others 2024). Rows of a batch search the
//! graph as it was before them, side by side; then every row that is linked to takes its new links, side by side again. Nothing
//! depends on who was first, so one thread and sixty-four write the same bytes. Which rows stand higher, and the order in which rows come,
//! follow from their numbers alone.

use rayon::prelude::*;

use crate::vectors::graph::choose::{Links, Shelves};
use crate::vectors::graph::links::{EMPTY, pairs};
use crate::vectors::graph::search::{Found, Visited, descend, layer};
use crate::vectors::graph::{Config, Graph, MOST_LAYERS, NONE};
use crate::vectors::quantize::Rows;
use crate::vectors::rotate::stir;

/// A batch is at most this share of all rows: they do not see each other.
const BATCHES: usize = 50;

/// A link that is to be added: target, layer, source with its likeness to the target.
type NewLink = (u32, u8, Found);

/// Builds the graph of some rows on the current rayon pool.
#[must_use]
pub fn build(rows: &Rows<'_>, config: Config) -> Graph {
    let config = config.bounded();
    let count = rows.len();
    let layers: Vec<u8> = (0..count as u32).map(|row| layer_of(row, config.links)).collect();
    let graph = empty(&layers, config.links);
    bring_in(graph, rows, (0..count as u32).collect(), &layers, config)
}

/// Brings rows into a graph that has all others, batch after batch.
pub(super) fn bring_in(graph: Graph, rows: &Rows<'_>, mut order: Vec<u32>, layers: &[u8], config: Config) -> Graph {
    order.sort_unstable_by_key(|row| (stir(u64::from(*row) | 1 << 40), *row));
    let most = (rows.len() / BATCHES).max(1);
    let mut there = rows.len() - order.len();
    let mut site = Site { shelves: Shelves::new(&graph, &order), graph, rows, layers, config };
    let mut left = &order[..];
    while !left.is_empty() {
        let (batch, rest) = left.split_at(there.clamp(1, most).min(left.len()));
        site.add(batch);
        there += batch.len();
        left = rest;
    }
    site.graph
}

/// The highest layer of a row: one row in `links` stands a layer higher.
pub(super) fn layer_of(row: u32, links: usize) -> u8 {
    let mut random = stir(u64::from(row));
    let mut layer = 0;
    while usize::from(layer) < MOST_LAYERS - 1 && random.is_multiple_of(links as u64) {
        random = stir(random);
        layer += 1;
    }
    layer
}

pub(super) fn empty(layers: &[u8], links: usize) -> Graph {
    let ids: Vec<u32> = (0..).zip(layers).filter(|(_, layer)| **layer > 0).map(|(row, _)| row).collect();
    let mut starts = vec![0u32];
    for layer in layers.iter().filter(|layer| **layer > 0) {
        starts.push(starts.last().copied().unwrap_or(0) + u32::from(*layer));
    }
    let upper = vec![EMPTY; starts.last().copied().unwrap_or(0) as usize * pairs(links)];
    Graph { links, entry: NONE, ground: vec![EMPTY; layers.len() * links], ids, starts, upper }
}

/// A graph that is being built.
struct Site<'r> {
    graph: Graph,
    shelves: Shelves,
    rows: &'r Rows<'r>,
    layers: &'r [u8],
    config: Config,
}

impl Site<'_> {
    /// Brings a batch in.
    fn add(&mut self, batch: &[u32]) {
        let site = &*self;
        let count = site.rows.len();
        let chosen: Vec<Vec<(u8, Links)>> =
            batch.par_iter().map_init(|| Visited::new(count), |visited, row| site.links_of(*row, visited)).collect();
        let mut back: Vec<NewLink> = Vec::new();
        for (row, by_layer) in batch.iter().zip(chosen) {
            for (layer, links) in by_layer {
                back.extend(links.found.iter().map(|link| (link.row(), layer, Found::new(link.likeness(), *row))));
                self.write(*row, layer, &links);
            }
        }
        // By target and layer, the most alike first.
        back.par_sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.cmp(&a.2)));
        let groups: Vec<&[NewLink]> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let site = &*self;
        let taken: Vec<(u32, u8, Links)> = groups.par_iter().filter_map(|group| site.take_back(group)).collect();
        taken.iter().for_each(|(row, layer, links)| self.write(*row, *layer, links));
        let highest = batch.iter().copied().max_by_key(|row| (self.layer_of(*row), std::cmp::Reverse(*row)));
        let above = |row: &u32| self.graph.entry == NONE || self.layer_of(*row) > self.layer_of(self.graph.entry);
        if let Some(row) = highest.filter(above) {
            self.graph.entry = row;
        }
    }

    fn layer_of(&self, row: u32) -> u8 {
        self.layers.get(row as usize).copied().unwrap_or(0)
    }

    /// Links of a row on a layer.
    fn room(&self, layer: u8) -> usize {
        if layer == 0 { self.graph.links * 2 } else { self.graph.links }
    }

    /// The links of a new row on each of its layers.
    fn links_of(&self, row: u32, visited: &mut Visited) -> Vec<(u8, Links)> {
        let (view, rows) = (self.graph.view(), self.rows);
        let target = rows.target(row);
        let highest = usize::from(self.layer_of(row)).min(if view.entry == NONE { 0 } else { view.layer_of(view.entry) });
        let Some(start) = descend(&view, rows, target, highest) else { return Vec::new() };
        let mut from = vec![start];
        let mut chosen = Vec::new();
        for at in (0..=highest as u8).rev() {
            let effort = (self.config.ef_construction, usize::from(at), usize::MAX);
            from = layer(&view, rows, target, &from, effort, &|_| true, visited).unwrap_or_default();
            chosen.push((at, Links::choose(rows, &from, self.room(at))));
        }
        chosen
    }

    /// What a row that is linked to keeps.
    fn take_back(&self, group: &[NewLink]) -> Option<(u32, u8, Links)> {
        let (row, at, _) = *group.first()?;
        let (rows, room) = (self.rows, self.room(at));
        let slots = self.graph.view().neighbours(row, usize::from(at));
        let new = group.iter().map(|(_, _, found)| *found);
        if let Some(mut links) = self.shelves.links(row, at, slots) {
            new.for_each(|found| links.insert(rows, found, room));
            return Some((row, at, links));
        }
        let own = rows.target(row);
        let known = slots.iter().map(|link| Found::new(rows.likeness(own, link), link));
        let mut found: Vec<Found> = known.chain(new).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Some((row, at, Links::choose(rows, &found, room)))
    }

    fn write(&mut self, row: u32, layer: u8, links: &Links) {
        let rows: Vec<u32> = links.found.iter().map(|found| found.row()).collect();
        self.graph.write(row, usize::from(layer), &rows);
        if layer == 0 {
            self.shelves.keep(row, links);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vectors::metric::Metric;
    use crate::vectors::quantize::{Target, quantize, stride};

    /// Points in heaps, as texts lie; the same on every run.
    pub(crate) fn points(count: usize, dimension: usize, heaps: usize) -> Vec<Vec<f32>> {
        let mut state = 1u64;
        let mut next = || {
            state = stir(state);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let centres: Vec<Vec<f32>> = (0..heaps).map(|_| (0..dimension).map(|_| next()).collect()).collect();
        (0..count).map(|at| centres[at % heaps].iter().map(|value| value + next() * 0.8).collect()).collect()
    }

    /// The rows of such points.
    pub(crate) fn heaps(count: usize, dimension: usize, heaps: usize) -> (Vec<i8>, Vec<f32>) {
        let mut values = Vec::new();
        let points = points(count, dimension, heaps);
        let scales = points.iter().map(|point| quantize(point, Metric::Cosine, &mut values).unwrap()).collect();
        (values, scales)
    }

    fn exact(rows: &Rows<'_>, target: Target<'_>, most: usize) -> Vec<u32> {
        let mut all: Vec<Found> = (0..rows.len() as u32).map(|row| Found::new(rows.likeness(target, row), row)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.iter().take(most).map(|found| found.row()).collect()
    }

    /// How many of the true ten nearest of some rows are found, of how many.
    pub(crate) fn share_found(graph: &Graph, rows: &Rows<'_>) -> (usize, usize) {
        let (view, mut visited) = (graph.view(), Visited::new(rows.len()));
        let (mut hits, mut wanted) = (0, 0);
        for at in (0..rows.len() as u32).step_by(40) {
            let target = rows.target(at);
            let start = descend(&view, rows, target, 0).unwrap();
            let found = layer(&view, rows, target, &[start], (64, 0, usize::MAX), &|_| true, &mut visited).unwrap();
            let truth = exact(rows, target, 10);
            hits += found.iter().take(10).filter(|found| truth.contains(&found.row())).count();
            wanted += truth.len();
        }
        (hits, wanted)
    }

    // The promise to those who search: nineteen of twenty of the true neighbours at the default effort.
    #[test]
    fn nearly_all_true_neighbours_are_found() {
        let (values, scales) = heaps(4000, 48, 40);
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: stride(48) };
        let (hits, wanted) = share_found(&build(&rows, Config::default()), &rows);
        assert!(hits * 100 >= wanted * 95, "{hits} of {wanted}");
    }

    // Bytes of a vault depend on what is in it, never on the machine.
    #[test]
    fn any_number_of_threads_builds_the_same_graph() {
        let (values, scales) = heaps(1500, 32, 20);
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: stride(32) };
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| build(&rows, Config { links: 8, ef_construction: 60 }))
        };
        let one = with(1);
        assert_eq!(one, with(4));
        assert!(one.view().layers().len() > 1 && one.view().layers()[0] == 1500);
    }

    #[test]
    fn no_rows_and_one_row_are_graphs_too() {
        let none = build(&Rows { values: &[], scales: &[], norms: &[], stride: 64 }, Config::default());
        assert_eq!((none.entry, none.ground.len()), (NONE, 0));
        let (values, scales) = heaps(1, 16, 1);
        let one = build(&Rows { values: &values, scales: &scales, norms: &[], stride: 64 }, Config::default());
        assert_eq!((one.entry, one.view().neighbours(0, 0).iter().count()), (0, 0));
    }
}
