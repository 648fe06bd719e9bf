//! Rows → graph, in parallel and always the same.
//!
//! Rows come in batches that double until they are a fiftieth of all (as in ParlayANN, Manohar and others 2024). Rows of a batch search the
//! graph as it was before them, side by side; then every row that is linked to takes its new links, side by side again. Nothing
//! depends on who was first, so one thread and sixty-four write the same bytes. Which rows stand higher, and the order in which rows come,
//! follow from their numbers alone.
//!
//! Neighbours are chosen by Algorithm 4 of Malkov and Yashunin 2018: a candidate is taken when it is nearer to the row than to all that
//! were taken before it, which leaves links in every direction rather than thirty to one heap. What room is left goes to the nearest of
//! the others (the paper's `keepPrunedConnections`), and on the ground a new row links to twice as many: texts of logs lie in many directions, and
//! there both together find about as much at an effort of 192 as without them at 256.

use rayon::prelude::*;

use crate::vectors::graph::search::{Found, Target, Visited, descend, layer};
use crate::vectors::graph::{Config, Graph, MOST_LAYERS, NONE};
use crate::vectors::quantize::Rows;

/// A batch is at most this share of all rows: they do not see each other.
const BATCHES: usize = 50;

/// A link that is to be added: target, layer, source.
type NewLink = (u32, u8, u32);

/// Builds the graph of some rows on the current rayon pool.
#[must_use]
pub fn build(rows: &Rows<'_>, config: Config) -> Graph {
    let config = config.bounded();
    let count = rows.len();
    let layers: Vec<u8> = (0..count as u32).map(|row| layer_of(row, config.links)).collect();
    let mut graph = empty(&layers, config.links);
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_unstable_by_key(|row| (stir(u64::from(*row) | 1 << 40), *row));
    let most = (count / BATCHES).max(1);
    let mut done = 0;
    while done < count {
        let size = done.clamp(1, most).min(count - done);
        let batch = order.get(done..done + size).unwrap_or_default();
        add(&mut graph, rows, batch, &layers, config);
        done += size;
    }
    graph
}

/// A number without a pattern to it (the last step of splitmix64, Steele and others 2014).
fn stir(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// The highest layer of a row: one row in `links` stands a layer higher.
fn layer_of(row: u32, links: usize) -> u8 {
    let mut random = stir(u64::from(row));
    let mut layer = 0;
    while usize::from(layer) < MOST_LAYERS - 1 && random.is_multiple_of(links as u64) {
        random = stir(random);
        layer += 1;
    }
    layer
}

fn empty(layers: &[u8], links: usize) -> Graph {
    let ids: Vec<u32> = (0..).zip(layers).filter(|(_, layer)| **layer > 0).map(|(row, _)| row).collect();
    let mut starts = vec![0u32];
    for layer in layers.iter().filter(|layer| **layer > 0) {
        starts.push(starts.last().copied().unwrap_or(0) + u32::from(*layer));
    }
    let upper = vec![NONE; starts.last().copied().unwrap_or(0) as usize * links];
    Graph { links, entry: NONE, ground: vec![NONE; layers.len() * links * 2], ids, starts, upper }
}

/// Brings a batch in.
fn add(graph: &mut Graph, rows: &Rows<'_>, batch: &[u32], layers: &[u8], config: Config) {
    let of = |row: u32| layers.get(row as usize).copied().unwrap_or(0);
    let chosen: Vec<Vec<(u8, Vec<u32>)>> = {
        let (graph, count) = (&*graph, rows.len());
        batch
            .par_iter()
            .map_init(|| Visited::new(count), |visited, row| links_of(graph, rows, *row, of(*row), config, visited))
            .collect()
    };
    let mut back: Vec<NewLink> = Vec::new();
    for (row, by_layer) in batch.iter().zip(&chosen) {
        for (layer, links) in by_layer {
            back.extend(links.iter().map(|link| (*link, *layer, *row)));
            write(graph, *row, usize::from(*layer), links);
        }
    }
    back.par_sort_unstable();
    let groups: Vec<&[NewLink]> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
    let taken: Vec<(u32, u8, Vec<u32>)> = {
        let graph = &*graph;
        groups.par_iter().filter_map(|group| take_back(graph, rows, group)).collect()
    };
    taken.iter().for_each(|(row, layer, links)| write(graph, *row, usize::from(*layer), links));
    let highest = batch.iter().copied().max_by_key(|row| (of(*row), std::cmp::Reverse(*row)));
    let above = |row: &u32| graph.entry == NONE || of(*row) > of(graph.entry);
    if let Some(row) = highest.filter(above) {
        graph.entry = row;
    }
}

/// The links of a new row on each of its layers.
fn links_of(graph: &Graph, rows: &Rows<'_>, row: u32, top: u8, config: Config, visited: &mut Visited) -> Vec<(u8, Vec<u32>)> {
    let view = graph.view();
    let target = Target { row: rows.row(row), inverse: rows.inverse(row) };
    let highest = usize::from(top).min(if view.entry == NONE { 0 } else { view.layer_of(view.entry) });
    let Some(start) = descend(&view, rows, target, highest) else { return Vec::new() };
    let mut from = vec![start];
    let mut chosen = Vec::new();
    for at in (0..=highest).rev() {
        let found = layer(&view, rows, target, &from, (config.ef_construction, at, usize::MAX), &|_| true, visited);
        from = found.unwrap_or_default();
        chosen.push((at as u8, choose(rows, &from, room(at, config.links))));
    }
    chosen
}

/// What a row that is linked to keeps: all while there is room, else the best chosen anew.
fn take_back(graph: &Graph, rows: &Rows<'_>, group: &[NewLink]) -> Option<(u32, u8, Vec<u32>)> {
    let (row, at, _) = *group.first()?;
    let room = room(usize::from(at), graph.links);
    let mut links = graph.view().neighbours(row, usize::from(at)).to_vec();
    links.extend(group.iter().map(|(_, _, source)| *source));
    if links.len() > room {
        let (own, inverse) = (rows.row(row), rows.inverse(row));
        let mut found: Vec<Found> = links.iter().map(|link| Found::new(rows.likeness(own, inverse, *link), *link)).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        links = choose(rows, &found, room);
    }
    Some((row, at, links))
}

/// Links of a row on a layer.
fn room(layer: usize, links: usize) -> usize {
    if layer == 0 { links * 2 } else { links }
}

/// Algorithm 4: of candidates, the best first, at most `most` that are nearer to the row than to each other; then the best of the rest.
fn choose(rows: &Rows<'_>, candidates: &[Found], most: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::with_capacity(most);
    let mut others: Vec<u32> = Vec::with_capacity(most);
    for candidate in candidates {
        if chosen.len() == most {
            break;
        }
        let (row, inverse) = (rows.row(candidate.row()), rows.inverse(candidate.row()));
        if chosen.iter().all(|other| rows.likeness(row, inverse, *other) < candidate.likeness()) {
            chosen.push(candidate.row());
        } else if others.len() < most {
            others.push(candidate.row());
        }
    }
    chosen.extend(others.into_iter().take(most - chosen.len()));
    chosen
}

/// Writes the links of a row on a layer.
fn write(graph: &mut Graph, row: u32, layer: usize, links: &[u32]) {
    let slots = match layer.checked_sub(1) {
        None => {
            let start = row as usize * graph.links * 2;
            graph.ground.get_mut(start..start + graph.links * 2)
        }
        Some(above) => {
            let place = graph.ids.binary_search(&row).ok();
            let start = place.and_then(|place| graph.starts.get(place)).map(|start| (*start as usize + above) * graph.links);
            start.and_then(|start| graph.upper.get_mut(start..start + graph.links))
        }
    };
    let Some(slots) = slots else { return };
    slots.fill(NONE);
    slots.iter_mut().zip(links).for_each(|(slot, link)| *slot = *link);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vectors::quantize::{Query, quantize, stride};

    /// Points in heaps, as texts lie; the same on every run.
    pub(crate) fn heaps(count: usize, dimension: usize, heaps: usize) -> (Vec<i8>, Vec<f32>) {
        let mut state = 1u64;
        let mut next = || {
            state = stir(state);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let centres: Vec<Vec<f32>> = (0..heaps).map(|_| (0..dimension).map(|_| next()).collect()).collect();
        let (mut values, mut inverses) = (Vec::new(), Vec::new());
        for at in 0..count {
            let vector: Vec<f32> = centres[at % heaps].iter().map(|value| value + next() * 0.8).collect();
            inverses.push(quantize(&vector, &mut values).unwrap());
        }
        (values, inverses)
    }

    fn exact(rows: &Rows<'_>, query: &Query, most: usize) -> Vec<u32> {
        let mut all: Vec<Found> =
            (0..rows.len() as u32).map(|row| Found::new(rows.likeness(&query.row, query.inverse, row), row)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.iter().take(most).map(|found| found.row()).collect()
    }

    // The promise to those who search: nineteen of twenty of the true neighbours at the default effort.
    #[test]
    fn nearly_all_true_neighbours_are_found() {
        let (values, inverses) = heaps(4000, 48, 40);
        let rows = Rows { values: &values, inverses: &inverses, stride: stride(48) };
        let graph = build(&rows, Config::default());
        let (view, mut visited) = (graph.view(), Visited::new(rows.len()));
        let (mut hits, mut wanted) = (0, 0);
        for at in (0..4000).step_by(40) {
            let query = Query::of_row(rows.row(at), rows.inverse(at));
            let target = Target { row: &query.row, inverse: query.inverse };
            let start = descend(&view, &rows, target, 0).unwrap();
            let found = layer(&view, &rows, target, &[start], (64, 0, usize::MAX), &|_| true, &mut visited).unwrap();
            let truth = exact(&rows, &query, 10);
            assert_eq!(found[0].row(), at, "a row finds itself");
            hits += found.iter().take(10).filter(|found| truth.contains(&found.row())).count();
            wanted += truth.len();
        }
        assert!(hits * 100 >= wanted * 95, "{hits} of {wanted}");
    }

    // Bytes of a vault depend on what is in it, never on the machine.
    #[test]
    fn any_number_of_threads_builds_the_same_graph() {
        let (values, inverses) = heaps(1500, 32, 20);
        let rows = Rows { values: &values, inverses: &inverses, stride: stride(32) };
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
        let none = build(&Rows { values: &[], inverses: &[], stride: 64 }, Config::default());
        assert_eq!((none.entry, none.ground.len()), (NONE, 0));
        let (values, inverses) = heaps(1, 16, 1);
        let one = build(&Rows { values: &values, inverses: &inverses, stride: 64 }, Config::default());
        assert_eq!((one.entry, one.view().neighbours(0, 0)), (0, &[][..]));
    }
}
