//! The bytes of recently stored nodes, to compare newcomers with.
//!
//! A fixed amount of memory; the oldest bytes give way. What is asked for again is put in anew, so that a system prompt that
//! every request repeats never leaves.

/// A ring of bytes with ever-rising positions.
pub struct Ring {
    bytes: Vec<u8>,
    capacity: usize,
    /// Position of the next byte; `position % capacity` is its place.
    head: u64,
}

/// Where bytes are in a ring, if they are still there.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// Position of the first byte.
    pub at: u64,
    /// How many.
    pub length: u32,
}

impl Ring {
    /// An empty ring of `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Ring {
        Ring { bytes: Vec::new(), capacity, head: 0 }
    }

    /// Puts bytes in; `None` when they are more than a quarter of the ring.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Spot> {
        if bytes.len() > self.capacity / 4 {
            return None;
        }
        let place = (self.head % self.capacity as u64) as usize;
        if place + bytes.len() > self.capacity {
            // Never wrap inside an entry: skip to the start.
            self.head += (self.capacity - place) as u64;
        }
        let place = (self.head % self.capacity as u64) as usize;
        if self.bytes.capacity() == 0 {
            // All at once: untouched pages cost nothing, while growing would move pages under all threads again and again.
            self.bytes.reserve_exact(self.capacity);
        }
        if place == self.bytes.len() {
            // The first time round the ring grows as it is written, never touching a page twice.
            self.bytes.extend_from_slice(bytes);
        } else {
            let end = place + bytes.len();
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            self.bytes[place..end].copy_from_slice(bytes);
        }
        let spot = Spot { at: self.head, length: bytes.len() as u32 };
        self.head += bytes.len() as u64;
        Some(spot)
    }

    /// The bytes of a spot, unless newer ones took their place.
    #[must_use]
    pub fn get(&self, spot: Spot) -> Option<&[u8]> {
        // An entry that skipped to the start may have left a gap: anything within one capacity of the head is intact.
        if spot.at + (self.capacity as u64) < self.head {
            return None;
        }
        let place = (spot.at % self.capacity as u64) as usize;
        self.bytes.get(place..place + spot.length as usize)
    }

    /// True when the spot will soon be overwritten.
    #[must_use]
    pub fn is_old(&self, spot: Spot) -> bool {
        spot.at + (self.capacity as u64 / 2) < self.head
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
            spots.push((ring.push(&bytes).unwrap(), bytes));
            for (spot, bytes) in &spots {
                assert!(ring.get(*spot).is_none_or(|found| found == bytes.as_slice()));
            }
            assert!(ring.get(spots[n as usize].0).is_some());
        }
        assert!(ring.push(&[0; 251]).is_none());
    }
}
