//! The bytes of recently stored nodes, to compare newcomers with.
//!
//! A fixed amount of memory; the oldest bytes give way. What is asked for again is put in anew, so that a system prompt that
//! every request repeats never leaves.

use crate::pages::Pages;

/// A ring of bytes with ever-rising positions.
pub struct Ring {
    /// Nothing until something is put in.
    bytes: Option<Pages>,
    capacity: usize,
    /// Position of the next byte; `position % capacity` is its place.
    head: u64,
}

/// Where bytes are in a ring, if they are still there: a writer keeps one for every node of its session, so it is small.
#[derive(Clone, Copy, Debug)]
pub struct Spot(u64);

/// Bits of a spot that hold the length; a ring's entries are shorter.
const LENGTH_BITS: u32 = 24;

impl Spot {
    /// Nowhere.
    pub const NONE: Spot = Spot(u64::MAX);

    fn new(at: u64, length: usize) -> Spot {
        Spot(at << LENGTH_BITS | length as u64)
    }

    fn at(self) -> u64 {
        self.0 >> LENGTH_BITS
    }

    /// How many bytes; `None` nowhere.
    #[must_use]
    pub fn length(self) -> Option<u32> {
        (self.0 != u64::MAX).then_some((self.0 & ((1 << LENGTH_BITS) - 1)) as u32)
    }

    /// Part of these bytes, as long as they are there.
    #[must_use]
    pub fn part(self, offset: u32, length: usize) -> Spot {
        Spot::new(self.at() + u64::from(offset), length)
    }
}

impl Ring {
    /// An empty ring of `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Ring {
        Ring { bytes: None, capacity, head: 0 }
    }

    /// Puts bytes in; nowhere when they are more than a quarter of the ring, or 16 MiB.
    pub fn push(&mut self, bytes: &[u8]) -> Spot {
        if bytes.len() > self.capacity / 4 || bytes.len() >> LENGTH_BITS > 0 || self.head >> (63 - LENGTH_BITS) > 0 {
            return Spot::NONE;
        }
        let place = (self.head % self.capacity as u64) as usize;
        if place + bytes.len() > self.capacity {
            // Never wrap inside an entry: skip to the start.
            self.head += (self.capacity - place) as u64;
        }
        let place = (self.head % self.capacity as u64) as usize;
        let capacity = self.capacity;
        let kept = self.bytes.get_or_insert_with(|| Pages::zeroed(capacity));
        kept[place..place + bytes.len()].copy_from_slice(bytes);
        let spot = Spot::new(self.head, bytes.len());
        self.head += bytes.len() as u64;
        spot
    }

    /// The bytes of a spot, unless newer ones took their place.
    #[must_use]
    pub fn get(&self, spot: Spot) -> Option<&[u8]> {
        let length = spot.length()? as usize;
        // An entry that skipped to the start may have left a gap: anything within one capacity of the head is intact.
        if spot.at() + (self.capacity as u64) < self.head {
            return None;
        }
        let place = (spot.at() % self.capacity as u64) as usize;
        self.bytes.as_ref()?.get(place..place + length)
    }

    /// True when the spot will soon be overwritten.
    #[must_use]
    pub fn is_old(&self, spot: Spot) -> bool {
        spot.at() + (self.capacity as u64 / 2) < self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_gives_its_bytes_or_nothing_never_others() {
        let mut ring = Ring::new(1000);
        let mut spots = Vec::new();
        for n in 0..500u32 {
            let bytes = vec![n as u8; (n % 97) as usize + 1];
            spots.push((ring.push(&bytes), bytes));
            for (spot, bytes) in &spots {
                assert!(ring.get(*spot).is_none_or(|found| found == bytes.as_slice()));
            }
            assert!(ring.get(spots[n as usize].0).is_some());
        }
        assert!(ring.push(&[0; 251]).length().is_none());
        assert!(ring.get(Spot::NONE).is_none());
        let (last, bytes) = spots.last().unwrap();
        assert_eq!(ring.get(last.part(1, 2)), Some(&bytes[1..3]));
    }
}
