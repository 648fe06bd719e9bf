//! Fingerprint → number, for the nodes or segments of the open pack.
//!
//! Four bytes a fingerprint and about six a place: a hit only names candidates, the caller compares bytes.

/// How many candidates are looked at: a crafted flood of equal fingerprints costs space, not time.
const MOST_CANDIDATES: usize = 8;

/// An open-addressing table over fingerprints kept by number.
#[derive(Default)]
pub struct Table {
    /// Fingerprint by number; numbers without entry have 0 and no place.
    prints: Vec<u32>,
    /// Number + 1, or 0 for an empty place.
    places: Vec<u32>,
    used: usize,
}

impl Table {
    /// The same bits as in the catalog, which keeps those of records.
    fn print(hash: u128) -> u32 {
        crate::catalog::hash_print(hash)
    }

    /// The fingerprint of a number; 0 for one without entry.
    #[must_use]
    pub fn print_of(&self, number: u32) -> u32 {
        self.prints.get(number as usize).copied().unwrap_or(0)
    }

    fn place(&self, print: u32) -> usize {
        // The low bits are the fingerprint itself: spread them.
        (print.wrapping_mul(0x9e37_79b1) as usize) & (self.places.len() - 1)
    }

    /// Numbers whose content may have this hash, at most eight.
    pub fn candidates(&self, hash: u128) -> impl Iterator<Item = u32> + '_ {
        let print = Table::print(hash);
        let mask = self.places.len().wrapping_sub(1);
        let mut at = if self.places.is_empty() { 0 } else { self.place(print) };
        std::iter::from_fn(move || {
            loop {
                let number = self.places.get(at).copied().unwrap_or(0).checked_sub(1)?;
                at = (at + 1) & mask;
                if self.prints[number as usize] == print {
                    return Some(number);
                }
            }
        })
        .take(MOST_CANDIDATES)
    }

    /// Adds the next number with its content's hash.
    pub fn insert(&mut self, number: u32, hash: u128) {
        self.insert_print(number, Table::print(hash));
    }

    /// Adds a number by its stored fingerprint.
    pub fn insert_print(&mut self, number: u32, print: u32) {
        if (self.used + 1) * 8 > self.places.len() * 5 {
            self.grow();
        }
        if self.prints.len() <= number as usize {
            self.prints.resize(number as usize + 1, 0);
        }
        self.prints[number as usize] = print;
        self.put(number, print);
        self.used += 1;
    }

    fn put(&mut self, number: u32, print: u32) {
        let mask = self.places.len() - 1;
        let mut at = self.place(print);
        while self.places[at] != 0 {
            at = (at + 1) & mask;
        }
        self.places[at] = number + 1;
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(1024);
        for number in std::mem::replace(&mut self.places, vec![0; size]) {
            if let Some(number) = number.checked_sub(1) {
                self.put(number, self.prints[number as usize]);
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
