//! Fingerprint → number, for the nodes or segments of the open pack.
//!
//! Eight bytes a place, five eighths of them used at most: a hit only names candidates, the caller compares bytes.

use crate::pages::Words;

/// How many candidates are looked at: a crafted flood of equal fingerprints costs space, not time.
const MOST_CANDIDATES: usize = 8;

/// A few numbers, held without allocating: this is asked for every node.
#[derive(Clone, Copy, Default)]
pub struct Candidates {
    numbers: [u32; MOST_CANDIDATES],
    count: usize,
}

impl Iterator for Candidates {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.count = self.count.checked_sub(1)?;
        Some(self.numbers[self.count])
    }
}

/// An open-addressing table; fingerprint and number lie side by side, so that a look-up misses the cache once.
#[derive(Default)]
pub struct Table {
    /// Fingerprint in the high half, number + 1 in the low one; 0 for an empty place.
    places: Words,
    used: usize,
}

/// A place's number, unless it is empty.
fn number_of(place: u64) -> Option<u32> {
    (place as u32).checked_sub(1)
}

fn print_of(place: u64) -> u32 {
    (place >> 32) as u32
}

impl Table {
    /// The same bits as in the catalog, which keeps those of records.
    fn print(hash: u128) -> u32 {
        crate::catalog::hash_print(hash)
    }

    /// Fingerprints by number, from a number on; 0 for those without entry.
    #[must_use]
    pub fn prints_from(&self, first: u32) -> Vec<u32> {
        let mut prints = Vec::new();
        for &place in self.places.iter() {
            if let Some(at) = number_of(place).and_then(|number| number.checked_sub(first)) {
                let at = at as usize;
                if prints.len() <= at {
                    prints.resize(at + 1, 0);
                }
                prints[at] = print_of(place);
            }
        }
        prints
    }

    fn place(&self, print: u32) -> usize {
        // The low bits are the fingerprint itself: spread them.
        (print.wrapping_mul(0x9e37_79b1) as usize) & (self.places.len() - 1)
    }

    /// The number at the first place where this hash may stand, if it is there. Asked for many hashes in a row it costs little,
    /// because the processor fetches several places at once; asked again for one of them, the place is in the cache.
    #[must_use]
    pub fn first(&self, hash: u128) -> Option<u32> {
        let print = Table::print(hash);
        let place = *self.places.get(self.places.len().checked_sub(1).map_or(0, |_| self.place(print)))?;
        number_of(place).filter(|_| print_of(place) == print)
    }

    /// True when content with this fingerprint is there: nearly always the same content.
    #[must_use]
    pub fn holds(&self, hash: u128) -> bool {
        self.candidates(hash).next().is_some()
    }

    /// Numbers whose content may have this hash, at most eight.
    pub fn candidates(&self, hash: u128) -> Candidates {
        let mut found = Candidates::default();
        if self.places.is_empty() {
            return found;
        }
        let print = Table::print(hash);
        let mut at = self.place(print);
        while found.count < MOST_CANDIDATES
            && let place = self.places[at]
            && let Some(number) = number_of(place)
        {
            if print_of(place) == print {
                found.numbers[found.count] = number;
                found.count += 1;
            }
            at = (at + 1) & (self.places.len() - 1);
        }
        found
    }

    /// Memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.places.len() * size_of::<u64>()
    }

    /// Adds a number with its content's hash.
    pub fn insert(&mut self, number: u32, hash: u128) {
        self.insert_print(number, Table::print(hash));
    }

    /// Adds a number by its stored fingerprint.
    pub fn insert_print(&mut self, number: u32, print: u32) {
        if (self.used + 1) * 8 > self.places.len() * 5 {
            self.grow();
        }
        self.put(u64::from(print) << 32 | (u64::from(number) + 1));
        self.used += 1;
    }

    fn put(&mut self, entry: u64) {
        let mut at = self.place(print_of(entry));
        let places: &mut [u64] = &mut self.places;
        while places[at] != 0 {
            at = (at + 1) & (places.len() - 1);
        }
        places[at] = entry;
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(1024);
        let old = std::mem::replace(&mut self.places, Words::zeroed(size));
        old.iter().filter(|place| **place != 0).for_each(|&place| self.put(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_again_and_nothing_is_found_in_nothing() {
        let mut table = Table::default();
        assert_eq!(table.candidates(5).count(), 0);
        let hash = |n: u32| crate::checksum::content_hash(&n.to_le_bytes());
        (0..5000).for_each(|n| table.insert(n, hash(n)));
        assert!((0..5000).all(|n| table.candidates(hash(n)).any(|c| c == n)));
        assert!((5000..6000).all(|n| table.candidates(hash(n)).count() == 0));
    }

    #[test]
    fn a_flood_of_equal_fingerprints_stays_bounded() {
        let mut table = Table::default();
        (0..100).for_each(|n| table.insert(n, 7 << 96));
        assert_eq!(table.candidates(7 << 96).count(), MOST_CANDIDATES);
    }
}
