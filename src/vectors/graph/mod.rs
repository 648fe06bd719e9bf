//! HNSW (Malkov and Yashunin 2018): from a far entry in ever smaller steps to the nearest rows.
//!
//! | file | what |
//! |---|---|
//! | `build` | rows → graph, on all threads |
//! | `choose` | which of the rows found a row links to |
//! | `grow` | the graph of some rows → that of more, so that a merge does not begin anew |
//! | `links` | links as they lie in memory and in a part, 20 bits each |
//! | `search` | one layer searched: by the builder and by questions |
//!
//! ```text
//! layer 0  links of row n: 2·M slots, two in five bytes, at n·M pairs; empty ones last
//! above    ids of rows that stand higher, sorted · the place of each one's slots · ⌈M/2⌉ pairs for each of its layers, from 1
//! ```

pub mod build;
mod choose;
pub mod grow;
pub mod links;
pub mod search;

use links::{Links, Pair, pairs};

/// No row.
pub const NONE: u32 = u32::MAX;
/// A row in this many stands one layer higher; also the most layers there can be: far more rows than a part holds.
pub const MOST_LAYERS: usize = 16;

/// Most links of a row above layer 0 that a part may have.
pub const MOST_LINKS: usize = 64;

/// How a graph is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Links of a row above layer 0; twice as many on it.
    pub links: usize,
    /// Candidates looked at for each row that comes in.
    pub ef_construction: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { links: 16, ef_construction: 200 }
    }
}

impl Config {
    /// Within what the format can hold.
    #[must_use]
    pub fn bounded(self) -> Config {
        let links = self.links.clamp(4, MOST_LINKS);
        Config { links, ef_construction: self.ef_construction.clamp(links, 4096) }
    }
}

/// A graph in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Links of a row above layer 0.
    pub links: usize,
    /// Where a search begins; [`NONE`] without rows.
    pub entry: u32,
    /// Layer 0.
    pub ground: Vec<Pair>,
    /// Rows that stand higher, sorted.
    pub ids: Vec<u32>,
    /// Where the slots of each begin, in lists of one layer; the end last.
    pub starts: Vec<u32>,
    /// Their slots.
    pub upper: Vec<Pair>,
}

impl Graph {
    /// The graph, to be searched.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        let Graph { links, entry, ground, ids, starts, upper } = self;
        View { links: *links, entry: *entry, ground, ids, starts, upper }
    }

    /// Writes the links of a row on a layer.
    fn write(&mut self, row: u32, layer: usize, links: &[u32]) {
        let slots = match layer.checked_sub(1) {
            None => {
                let start = row as usize * self.links;
                self.ground.get_mut(start..start + self.links)
            }
            Some(above) => {
                let (place, room) = (self.ids.binary_search(&row).ok(), pairs(self.links));
                let start = place.and_then(|place| self.starts.get(place)).map(|start| (*start as usize + above) * room);
                start.and_then(|start| self.upper.get_mut(start..start + room))
            }
        };
        links::write(slots.unwrap_or_default(), links);
    }
}

/// A graph where it lies. Nothing in it is trusted: what leads nowhere is passed over.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// As in [`Graph`].
    pub links: usize,
    /// As in [`Graph`].
    pub entry: u32,
    /// As in [`Graph`].
    pub ground: &'a [Pair],
    /// As in [`Graph`].
    pub ids: &'a [u32],
    /// As in [`Graph`].
    pub starts: &'a [u32],
    /// As in [`Graph`].
    pub upper: &'a [Pair],
}

impl<'a> View<'a> {
    /// Links of a row on a layer.
    #[must_use]
    #[inline]
    pub fn neighbours(&self, at: u32, layer: usize) -> Links<'a> {
        let slots = match layer.checked_sub(1) {
            None => {
                let start = at as usize * self.links;
                self.ground.get(start..start + self.links)
            }
            Some(above) => self.ids.binary_search(&at).ok().and_then(|place| {
                let (start, end) = (*self.starts.get(place)? as usize, *self.starts.get(place + 1)? as usize);
                let list = start.checked_add(above).filter(|list| *list < end)?;
                let room = pairs(self.links);
                self.upper.get(list.checked_mul(room)?..(list + 1).checked_mul(room)?)
            }),
        };
        Links(slots.unwrap_or_default())
    }

    /// The highest layer of a row.
    #[must_use]
    pub fn layer_of(&self, at: u32) -> usize {
        let of = |place: usize| Some(self.starts.get(place + 1)?.saturating_sub(*self.starts.get(place)?) as usize);
        self.ids.binary_search(&at).ok().and_then(of).unwrap_or(0).min(MOST_LAYERS)
    }

    /// How many rows stand on each layer, from 0.
    #[must_use]
    pub fn layers(&self) -> Vec<u64> {
        let mut counts = vec![(self.ground.len() / self.links.max(1)) as u64];
        for pair in self.starts.windows(2) {
            let layers =
                (pair.last().copied().unwrap_or(0).saturating_sub(pair.first().copied().unwrap_or(0)) as usize).min(MOST_LAYERS);
            counts.resize(counts.len().max(layers + 1), 0);
            counts.iter_mut().skip(1).take(layers).for_each(|count| *count += 1);
        }
        counts
    }
}
