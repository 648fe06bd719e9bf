//! Entries of recently stored nodes (see [`super::memory`]) in a fixed amount of memory; the oldest give way.

use crate::pages::Spread;

/// A ring of bytes with ever-rising positions.
pub struct Ring {
    bytes: Spread,
    /// Position of the next byte; `position % capacity` is its place.
    head: u64,
}

/// Where a node's bytes are in a ring, if they are still there: a writer keeps one for every node of its session, so it is small.
#[derive(Clone, Copy, Debug)]
pub struct Spot(u64);

/// Bits of a spot that hold the node's length; nodes in a ring are shorter.
const LENGTH_BITS: u32 = 24;
/// Set when an entry stands there, from which the bytes are put together; else the bytes themselves do.
const COMPOSED: u64 = 1 << LENGTH_BITS;
const AT_SHIFT: u32 = LENGTH_BITS + 1;
/// Before an entry stands its own length.
const HEAD: usize = 4;

impl Spot {
    /// Nowhere.
    pub const NONE: Spot = Spot(u64::MAX);

    fn new(at: u64, composed: bool, length: usize) -> Spot {
        Spot(at << AT_SHIFT | if composed { COMPOSED } else { 0 } | length as u64)
    }

    fn at(self) -> u64 {
        self.0 >> AT_SHIFT
    }

    /// How many bytes the node has; `None` nowhere.
    #[must_use]
    pub fn length(self) -> Option<u32> {
        (self.0 != u64::MAX).then_some((self.0 & (COMPOSED - 1)) as u32)
    }

    /// Part of these bytes, as long as they are there; nowhere when they are not themselves there.
    #[must_use]
    pub fn part(self, offset: u32, length: usize) -> Spot {
        match self.length() {
            Some(whole) if self.0 & COMPOSED == 0 && offset as usize + length <= whole as usize => {
                Spot::new(self.at() + u64::from(offset), false, length)
            }
            _ => Spot::NONE,
        }
    }
}

/// What stands at a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'r> {
    /// The node's bytes.
    Plain(&'r [u8]),
    /// An entry to put them together from.
    Composed(&'r [u8]),
}

impl Ring {
    /// An empty ring of `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Ring {
        Ring { bytes: Spread::new(capacity), head: 0 }
    }

    /// Room to be filled for a node of `length` bytes: for those, or for an entry of `composed` bytes. None when that is more than a
    /// quarter of the ring, or the node has 16 MiB.
    pub fn reserve(&mut self, length: usize, composed: Option<usize>) -> Option<(Spot, &mut [u8])> {
        let head = composed.map_or(0, |_| HEAD);
        let size = composed.unwrap_or(length);
        let whole = size + head;
        if whole > self.bytes.size() / 4 || length >> LENGTH_BITS > 0 || self.head >> (63 - AT_SHIFT) > 0 {
            return None;
        }
        let place = (self.head % self.bytes.size() as u64) as usize;
        if place + whole > self.bytes.size() {
            // Never wrap inside an entry: skip to the start.
            self.head += (self.bytes.size() - place) as u64;
        }
        let place = (self.head % self.bytes.size() as u64) as usize;
        let (before, room) = self.bytes.room(place..place + whole)?.split_at_mut(head);
        if composed.is_some() {
            before.copy_from_slice(&(size as u32).to_le_bytes());
        }
        let spot = Spot::new(self.head, composed.is_some(), length);
        self.head += whole as u64;
        Some((spot, room))
    }

    /// Puts what stands at a spot in again, as the newest.
    pub fn renew(&mut self, spot: Spot) -> Spot {
        let Some((found, length)) = self.get(spot).zip(spot.length()) else { return Spot::NONE };
        let (copy, composed) = match found {
            Found::Plain(bytes) => (bytes.to_vec(), None),
            Found::Composed(entry) => (entry.to_vec(), Some(entry.len())),
        };
        let renewed = self.reserve(length as usize, composed);
        renewed.map_or(Spot::NONE, |(spot, room)| {
            room.copy_from_slice(&copy);
            spot
        })
    }

    /// What stands at a spot, unless something newer took its place.
    #[must_use]
    pub fn get(&self, spot: Spot) -> Option<Found<'_>> {
        let length = spot.length()? as usize;
        // An entry that skipped to the start may have left a gap: anything within one capacity of the head is intact.
        if spot.at() + (self.bytes.size() as u64) < self.head {
            return None;
        }
        let place = (spot.at() % self.bytes.size() as u64) as usize;
        let bytes = self.bytes.get(place..)?;
        if spot.0 & COMPOSED == 0 {
            return bytes.get(..length).map(Found::Plain);
        }
        let (size, rest) = bytes.split_first_chunk()?;
        rest.get(..u32::from_le_bytes(*size) as usize).map(Found::Composed)
    }

    /// True when a seventeenth of the ring (2 MiB at ingest) has been filled since.
    #[must_use]
    pub fn is_aged(&self, spot: Spot) -> bool {
        spot.at() + (self.bytes.size() as u64 / 17) < self.head
    }

    /// Bytes that were filled so far; what is more than the capacity has taken the place of older ones.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.head
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
            let composed = (n % 3 == 0).then_some(bytes.len());
            let (spot, room) = ring.reserve(composed.map_or(bytes.len(), |_| n as usize), composed).unwrap();
            room.copy_from_slice(&bytes);
            spots.push((spot, bytes));
            for ((spot, bytes), n) in spots.iter().zip(0..) {
                let whole = if n % 3 == 0 { Found::Composed(bytes) } else { Found::Plain(bytes) };
                assert!(ring.get(*spot).is_none_or(|found| found == whole));
            }
            assert!(ring.get(spots[n as usize].0).is_some());
        }
        assert!(ring.reserve(251, None).is_none() && ring.reserve(1, Some(247)).is_none());
        assert!(ring.get(Spot::NONE).is_none());
        let (composed, entry) = &spots[498];
        let renewed = ring.renew(*composed);
        assert_eq!((ring.get(renewed), renewed.length()), (Some(Found::Composed(entry)), Some(498)));
        assert!(composed.part(0, 1).length().is_none());
        let (plain, bytes) = &spots[499];
        assert_eq!(ring.get(plain.part(1, 2)), Some(Found::Plain(&bytes[1..3])));
        assert!(plain.part(1, bytes.len()).length().is_none());
    }
}
