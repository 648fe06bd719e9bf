//! A graph that takes in more rows: what was found of the old ones stays, only the new ones search.
//!
//! The old graph may lie in a file that nobody checked whole. It is taken only when it can be one: a link to nowhere is dropped, and
//! one that asks for more room than its rows can need is not used.

use crate::vectors::graph::build::{bring_in, empty, layer_of};
use crate::vectors::graph::{Config, Graph, MOST_LAYERS, NONE, View};
use crate::vectors::quantize::Rows;

/// Where more than one row in so many is gone, links are missing everywhere: it is built anew.
const MOST_GONE: usize = 20;
/// Slots above the ground that an honest graph may have, in rows; it has about one in M.
const MOST_ABOVE: usize = 2;

/// Builds the graph of `rows` from one of some of them: for each of its rows, `places` has the new number, or [`NONE`] where the row is gone. The
/// same graphs and rows give the same bytes on any number of threads. `None` when it is better, or safer, to build anew.
#[must_use]
pub fn grow(rows: &Rows<'_>, config: Config, from: View<'_>, places: &[u32]) -> Option<Graph> {
    let config = config.bounded();
    let stay = places.iter().filter(|place| **place != NONE).count();
    let gone = places.len() - stay;
    if from.links != config.links || from.ground.len() != places.len() * config.links || gone * MOST_GONE > places.len() {
        return None;
    }
    let mut layers: Vec<u8> = (0..rows.len() as u32).map(|row| layer_of(row, config.links)).collect();
    let mut is_new = vec![true; rows.len()];
    for (old, new) in (0..).zip(places).filter(|(_, new)| **new != NONE) {
        *layers.get_mut(*new as usize)? = from.layer_of(old).min(MOST_LAYERS - 1) as u8;
        // Two rows at one place cannot be.
        if !std::mem::replace(is_new.get_mut(*new as usize)?, false) {
            return None;
        }
    }
    if layers.iter().map(|layer| usize::from(*layer)).sum::<usize>() > rows.len() * MOST_ABOVE {
        return None;
    }
    let mut graph = empty(&layers, config.links);
    copy_links(&mut graph, from, places);
    let old = |row: &u32| !is_new.get(*row as usize).copied().unwrap_or(true);
    let highest = (0..rows.len() as u32).filter(old).max_by_key(|row| (layers.get(*row as usize), std::cmp::Reverse(*row)));
    let entry = places.get(from.entry as usize).copied().filter(|place| *place != NONE);
    graph.entry = entry.or(highest).unwrap_or(NONE);
    Some(bring_in(graph, rows, (0..rows.len() as u32).filter(|row| !old(row)).collect(), &layers, config))
}

fn copy_links(graph: &mut Graph, from: View<'_>, places: &[u32]) {
    for (old, new) in (0..).zip(places).filter(|(_, new)| **new != NONE) {
        for layer in 0..=graph.view().layer_of(*new) {
            let links: Vec<u32> = (from.neighbours(old, layer).iter())
                .filter_map(|link| places.get(link as usize).copied().filter(|place| *place != NONE))
                .collect();
            graph.write(*new, layer, &links);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::graph::build::build;
    use crate::vectors::graph::build::tests::{heaps, share_found};
    use crate::vectors::quantize::stride;

    const CONFIG: Config = Config { links: 8, ef_construction: 60 };

    /// The graph of two rows of three, and the place of each among all.
    fn of_two_thirds(values: &[i8], scales: &[f32]) -> (Graph, Vec<u32>) {
        let places: Vec<u32> = (0..scales.len() as u32).filter(|row| row % 3 != 1).collect();
        let some: Vec<i8> = places.iter().flat_map(|row| &values[*row as usize * 64..][..64]).copied().collect();
        let some_scales: Vec<f32> = places.iter().map(|row| scales[*row as usize]).collect();
        (build(&Rows { values: &some, scales: &some_scales, norms: &[], stride: 64 }, CONFIG), places)
    }

    // A merge must not cost hits, and must give the same bytes everywhere.
    #[test]
    fn a_grown_graph_finds_what_a_new_one_finds() {
        let (values, scales) = heaps(3000, 48, 30);
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: stride(48) };
        let (from, places) = of_two_thirds(&values, &scales);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| grow(&rows, CONFIG, from.view(), &places).unwrap())
        };
        let grown = with(1);
        assert_eq!(grown, with(4));
        assert_eq!(grown.view().layers()[0], 3000);
        let (hits, wanted) = share_found(&grown, &rows);
        assert!(hits * 100 >= wanted * 95, "{hits} of {wanted}");
    }

    #[test]
    fn rows_that_are_gone_leave_no_links() {
        let (values, scales) = heaps(1200, 48, 12);
        let (from, mut places) = of_two_thirds(&values, &scales);
        let gone = from.entry as usize;
        places[gone] = NONE;
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: 64 };
        let grown = grow(&rows, CONFIG, from.view(), &places).unwrap();
        assert!(grown.entry != NONE && share_found(&grown, &rows).0 > 0);
        places.iter_mut().step_by(4).for_each(|place| *place = NONE);
        assert_eq!(grow(&rows, CONFIG, from.view(), &places), None, "too many are gone");
    }

    // Without new rows every link but those to the row that is gone stays, in its order. (Seen red with links to nowhere kept.)
    #[test]
    fn links_to_a_row_that_is_gone_are_dropped_and_no_others() {
        let (values, scales) = heaps(600, 48, 6);
        let from = build(&Rows { values: &values, scales: &scales, norms: &[], stride: 64 }, CONFIG);
        // The one that a search begins with: another takes its place.
        let gone = from.entry;
        let places: Vec<u32> = (0..600).map(|row| if row == gone { NONE } else { row - u32::from(row > gone) }).collect();
        let (mut rest, mut some_scales) = (values, scales);
        rest.drain(gone as usize * 64..(gone as usize + 1) * 64);
        some_scales.remove(gone as usize);
        let rows = Rows { values: &rest, scales: &some_scales, norms: &[], stride: 64 };
        let grown = grow(&rows, CONFIG, from.view(), &places).unwrap();
        let highest = (0..599).map(|row| grown.view().layer_of(row)).max().unwrap();
        assert!(highest > 0 && grown.view().layer_of(grown.entry) == highest);
        assert!((0..600).any(|old| from.view().neighbours(old, 0).iter().any(|link| link == gone)));
        for old in (0..600).filter(|row| *row != gone) {
            assert_eq!(grown.view().layer_of(places[old as usize]), from.view().layer_of(old));
            for layer in 0..=from.view().layer_of(old) {
                let links = from.view().neighbours(old, layer).iter().filter(|link| *link != gone);
                let expected: Vec<u32> = links.map(|link| places[link as usize]).collect();
                let links: Vec<u32> = grown.view().neighbours(places[old as usize], layer).iter().collect();
                assert_eq!(links, expected, "{old} on layer {layer}");
            }
        }
    }

    // The graph it grows from may be anything.
    #[test]
    fn a_graph_that_cannot_be_is_not_used_or_does_no_harm() {
        let (values, scales) = heaps(300, 48, 6);
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: 64 };
        let (from, places) = of_two_thirds(&values, &scales);
        let mut wild = from.clone();
        wild.ground.iter_mut().step_by(3).for_each(|pair| pair[2] = pair[2].wrapping_mul(77));
        wild.entry = 1 << 30;
        assert!(grow(&rows, CONFIG, wild.view(), &places).is_some());
        let mut high = from.clone();
        (high.ids, high.starts) = ((0..200).collect(), (0..=200).map(|at| at * 16).collect());
        assert_eq!(grow(&rows, CONFIG, high.view(), &places), None);
        assert_eq!(grow(&rows, Config { links: 9, ..CONFIG }, from.view(), &places), None);
        assert_eq!(grow(&rows, CONFIG, from.view(), &[7; 200]), None);
        assert_eq!(grow(&rows, CONFIG, from.view(), &[1 << 20; 200]), None);
    }
}
