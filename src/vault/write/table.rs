//! Fingerprint → number, for the nodes or segments of the open pack.
//!
//! Eight bytes a place, five eighths of them used at most: a hit only names candidates, the caller compares bytes.

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
    /// Fingerprint, and number + 1 or 0 for an empty place.
    places: Vec<(u32, u32)>,
    used: usize,
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
        for &(print, number) in &self.places {
            if let Some(at) = number.checked_sub(1).and_then(|number| number.checked_sub(first)) {
                let at = at as usize;
                if prints.len() <= at {
                    prints.resize(at + 1, 0);
                }
                prints[at] = print;
            }
        }
        prints
    }

    fn place(&self, print: u32) -> usize {
        // The low bits are the fingerprint itself: spread them.
        (print.wrapping_mul(0x9e37_79b1) as usize) & (self.places.len() - 1)
    }

    /// Numbers whose content may have this hash, at most eight.
    pub fn candidates(&self, hash: u128) -> Candidates {
        let mut found = Candidates::default();
        if self.places.is_empty() {
            return found;
        }
        let print = Table::print(hash);
        let mut at = self.place(print);
        while found.count < MOST_CANDIDATES {
            let (other, number) = self.places[at];
            if number == 0 {
                break;
            }
            if other == print {
                found.numbers[found.count] = number - 1;
                found.count += 1;
            }
            at = (at + 1) & (self.places.len() - 1);
        }
        found
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
        self.put(number, print);
        self.used += 1;
    }

    fn put(&mut self, number: u32, print: u32) {
        let mask = self.places.len() - 1;
        let mut at = self.place(print);
        while self.places[at].1 != 0 {
            at = (at + 1) & mask;
        }
        self.places[at] = (print, number + 1);
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(1024);
        for (print, number) in std::mem::replace(&mut self.places, vec![(0, 0); size]) {
            if let Some(number) = number.checked_sub(1) {
                self.put(number, print);
            }
        }
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
