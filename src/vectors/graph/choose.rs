//! Which rows a row links to.
//!
//! Algorithm 4 of Malkov and Yashunin 2018: a candidate is *chosen* when it is nearer to the row than to all that were chosen before it,
//! which leaves links in every direction rather than thirty to one heap. What room is left goes to the nearest of the *others* (the paper's
//! `keepPrunedConnections`), and on the ground a new row links to twice as many: texts of logs lie in many directions, and there both together
//! find about as much at an effort of 192 as without them at 256.
//!
//! A row that is linked to would have to choose anew for each new link: some five hundred comparisons, and most of the time that building
//! took. So it is remembered which links were chosen and how alike they are; a new one is compared with the chosen only.

use crate::vectors::graph::Graph;
use crate::vectors::graph::links::Links as Slots;
use crate::vectors::graph::search::Found;
use crate::vectors::quantize::Rows;

/// Said of a row whose links were not chosen here.
const UNKNOWN: u8 = u8::MAX;

/// The links of a row: the chosen ones, the most alike first, then the others, the most alike first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Links {
    pub(super) found: Vec<Found>,
    chosen: usize,
}

impl Links {
    /// Chooses at most `most` of candidates, which come the most alike first.
    pub(super) fn choose(rows: &Rows<'_>, candidates: &[Found], most: usize) -> Links {
        let mut found: Vec<Found> = Vec::with_capacity(most + 1);
        let mut others: Vec<Found> = Vec::with_capacity(most);
        for candidate in candidates {
            if found.len() == most {
                break;
            }
            if is_apart(rows, *candidate, &found) {
                found.push(*candidate);
            } else if others.len() < most {
                others.push(*candidate);
            }
        }
        let chosen = found.len();
        found.extend(others.into_iter().take(most - chosen));
        Links { found, chosen }
    }

    /// Takes one more in, as [`Links::choose`] would have done: chosen when it is apart from those more alike, and then those less alike stay
    /// chosen when they are apart from it.
    pub(super) fn insert(&mut self, rows: &Rows<'_>, new: Found, most: usize) {
        let (chosen, others) = self.found.split_at(self.chosen.min(self.found.len()));
        let before = chosen.partition_point(|link| *link > new);
        let (nearer, farther) = chosen.split_at(before);
        if !is_apart(rows, new, nearer) {
            // The others are full of better ones as often as not.
            if self.found.len() < most || others.last().is_some_and(|last| new > *last) {
                let at = self.chosen + others.partition_point(|link| *link > new);
                self.found.insert(at, new);
                self.found.truncate(most);
            }
            return;
        }
        let own = rows.target(new.row());
        let stays = |link: &Found| rows.likeness(own, link.row()) < link.likeness();
        let (stay, shadowed): (Vec<Found>, Vec<Found>) = farther.iter().partition(|link| stays(link));
        let mut others = others.to_vec();
        for link in shadowed {
            others.insert(others.partition_point(|other| *other > link), link);
        }
        self.found.truncate(before);
        self.found.push(new);
        self.found.extend(stay);
        self.found.truncate(most);
        self.chosen = self.found.len();
        self.found.extend(others.into_iter().take(most - self.chosen));
    }
}

/// True when a candidate is nearer to its row than to each of those.
fn is_apart(rows: &Rows<'_>, candidate: Found, chosen: &[Found]) -> bool {
    let own = rows.target(candidate.row());
    chosen.iter().all(|other| rows.likeness(own, other.row()) < candidate.likeness())
}

/// What building remembers of links on the ground.
pub(super) struct Shelves {
    /// For each slot how alike its row is.
    likeness: Vec<f32>,
    /// For each row how many of its links were chosen.
    chosen: Vec<u8>,
    room: usize,
}

impl Shelves {
    /// For a graph into which these rows are to come.
    pub(super) fn new(graph: &Graph, new: &[u32]) -> Shelves {
        let room = graph.links * 2;
        let mut chosen = vec![UNKNOWN; graph.ground.len() / graph.links.max(1)];
        for row in new {
            if let Some(chosen) = chosen.get_mut(*row as usize) {
                *chosen = 0;
            }
        }
        Shelves { likeness: vec![0.0; graph.ground.len() * 2], chosen, room }
    }

    /// Links of a row that were chosen here.
    pub(super) fn links(&self, row: u32, layer: u8, slots: Slots<'_>) -> Option<Links> {
        let chosen = *self.chosen.get(row as usize)?;
        if layer > 0 || chosen == UNKNOWN {
            return None;
        }
        let likeness = self.likeness.get(row as usize * self.room..)?;
        let mut found = Vec::with_capacity(self.room + 1);
        found.extend(likeness.iter().zip(slots.iter()).map(|(likeness, link)| Found::new(*likeness, link)));
        Some(Links { found, chosen: usize::from(chosen) })
    }

    /// Remembers the links of a row.
    pub(super) fn keep(&mut self, row: u32, links: &Links) {
        let start = row as usize * self.room;
        if let Some(likeness) = self.likeness.get_mut(start..start + self.room) {
            likeness.iter_mut().zip(&links.found).for_each(|(to, found)| *to = found.likeness());
        }
        if let Some(chosen) = self.chosen.get_mut(row as usize) {
            // At most 128 links.
            *chosen = links.chosen as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::graph::build::tests::heaps;
    use crate::vectors::quantize::stride;

    // Links that come one by one must be as good as links chosen at once: no two chosen ones in one direction, the nearest kept.
    #[test]
    fn links_that_come_one_by_one_are_chosen_as_those_at_once() {
        let (values, scales) = heaps(200, 32, 5);
        let rows = Rows { values: &values, scales: &scales, norms: &[], stride: stride(32) };
        let mut found: Vec<Found> = (1..200).map(|row| Found::new(rows.likeness(rows.target(0), row), row)).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        let at_once = Links::choose(&rows, &found, 12);
        let mut one_by_one = Links::choose(&rows, &[], 12);
        // The most alike last, so that each shadows some that came before.
        found.iter().rev().for_each(|link| one_by_one.insert(&rows, *link, 12));
        assert!(at_once.chosen > 1 && at_once.chosen < 12, "{}", at_once.chosen);
        for links in [&at_once, &one_by_one] {
            let (chosen, others) = links.found.split_at(links.chosen);
            assert!(chosen.is_sorted_by(|a, b| a > b) && others.is_sorted_by(|a, b| a > b) && links.found.len() == 12);
            assert!((1..chosen.len()).all(|at| is_apart(&rows, chosen[at], &chosen[..at])));
            assert_eq!(links.found[0], found[0]);
        }
        let mut in_order = Links::choose(&rows, &[], 12);
        found.iter().for_each(|link| in_order.insert(&rows, *link, 12));
        assert_eq!(in_order.found[..in_order.chosen], at_once.found[..at_once.chosen]);
    }
}
