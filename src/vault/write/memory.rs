//! What the nodes of a session looked like, to compare newcomers with.
//!
//! A node that is new throughout is kept as it is, and its children are parts of it. One that is mostly known, a request that
//! resends its history, is kept as an entry that refers to its children: it costs its last turn, and the ring reaches back as far
//! as the new content of a log and not as far as its bytes.
//!
//! ```text
//! entry: length of the references · (bytes before it · node number)* · the bytes between and after the references
//! ```

use std::ops::Range;

use smallvec::SmallVec;

use crate::bytes::Reader;
use crate::vault::write::ring::{Found, Ring, Spot};

/// A child within a node's bytes: where it begins, and its number.
pub type Child = (u32, u32);

/// Entries of the nodes of a session, by number.
pub struct NodeMemory {
    first: u32,
    ring: Ring,
    spots: Vec<Spot>,
    beside: u64,
}

impl NodeMemory {
    /// For nodes numbered from `first`, with so many bytes for their entries.
    #[must_use]
    pub fn new(first: u32, ring_bytes: usize) -> NodeMemory {
        NodeMemory { first, ring: Ring::new(ring_bytes), spots: Vec::new(), beside: 0 }
    }

    /// Gives the bytes' memory back; lengths stay. Nothing may be compared any more.
    pub fn forget_bytes(&mut self) {
        self.ring = Ring::new(1);
    }

    /// The next node is the one whose bytes are at a spot; nowhere for one that is never compared with.
    pub fn push(&mut self, spot: Spot) {
        self.spots.push(spot);
    }

    /// Keeps bytes as they are.
    pub fn plain(&mut self, raw: &[u8]) -> Spot {
        self.ring.reserve(raw.len(), None).map_or(Spot::NONE, |(spot, room)| {
            room.copy_from_slice(raw);
            spot
        })
    }

    /// Keeps bytes by what is new in them: not the children, which are given in order.
    pub fn composed(&mut self, raw: &[u8], children: &[Child]) -> Spot {
        let mut references: SmallVec<[u8; 64]> = SmallVec::new();
        let mut parts: SmallVec<[Range<usize>; 8]> = SmallVec::new();
        let mut from = 0;
        for &(at, number) in children {
            let at = at as usize;
            let Some(end) = self.length(number).map(|length| at + length as usize) else { continue };
            if at < from || end > raw.len() {
                continue;
            }
            put_varint(&mut references, at - from);
            put_varint(&mut references, number as usize);
            parts.push(from..at);
            from = end;
        }
        parts.push(from..raw.len());
        let mut head: SmallVec<[u8; 64]> = SmallVec::new();
        put_varint(&mut head, references.len());
        let size = head.len() + references.len() + parts.iter().map(ExactSizeIterator::len).sum::<usize>();
        let Some((spot, mut room)) = self.ring.reserve(raw.len(), Some(size)) else {
            self.beside += raw.len() as u64;
            return Spot::NONE;
        };
        for bytes in [head.as_slice(), &references].into_iter().chain(parts.into_iter().map(|part| &raw[part])) {
            let (here, later) = room.split_at_mut(bytes.len());
            here.copy_from_slice(bytes);
            room = later;
        }
        spot
    }

    fn spot(&self, number: u32) -> Spot {
        let index = number.checked_sub(self.first);
        index.and_then(|index| self.spots.get(index as usize)).copied().unwrap_or(Spot::NONE)
    }

    /// How long a node of this session is, unless it is one that is not compared with.
    #[must_use]
    pub fn length(&self, number: u32) -> Option<u32> {
        self.spot(number).length()
    }

    /// Compares a node with bytes; `None` when its own, or those of a child, are no longer there.
    pub fn equals(&mut self, number: u32, raw: &[u8]) -> Option<bool> {
        let mut aged = SmallVec::new();
        let equal = self.compare(number, raw, &mut aged)?;
        if equal {
            // What is asked for again stays: with all that it is made of.
            aged.into_iter().for_each(|number| self.renew(number));
        }
        Some(equal)
    }

    fn compare(&self, number: u32, raw: &[u8], aged: &mut SmallVec<[u32; 8]>) -> Option<bool> {
        let spot = self.spot(number);
        if spot.length()? as usize != raw.len() {
            return Some(false);
        }
        if self.ring.is_aged(spot) {
            aged.push(number);
        }
        let mut entry = match self.ring.get(spot)? {
            Found::Plain(bytes) => return Some(bytes == raw),
            Found::Composed(entry) => Reader::new(entry),
        };
        let mut references = Reader::new(entry.bytes().ok()?);
        let mut at = 0;
        while !references.is_empty() {
            let before = usize::try_from(references.varint().ok()?).ok()?;
            let child = u32::try_from(references.varint().ok()?).ok()?;
            let (here, inside) = (raw.get(at..at + before)?, at + before);
            at = inside + self.length(child)? as usize;
            if entry.take(before).ok()? != here || !self.compare(child, raw.get(inside..at)?, aged)? {
                return Some(false);
            }
        }
        Some(entry.take(entry.remaining()).ok()? == raw.get(at..)?)
    }

    fn renew(&mut self, number: u32) {
        if let Some(index) = number.checked_sub(self.first) {
            self.spots[index as usize] = self.ring.renew(self.spots[index as usize]);
        }
    }

    /// A node that was found on disk is kept again.
    pub fn restore(&mut self, number: u32, raw: &[u8]) {
        if let Some(index) = number.checked_sub(self.first)
            && (index as usize) < self.spots.len()
        {
            self.spots[index as usize] = self.plain(raw);
        }
    }

    /// Memory of what is remembered of each node beside the ring.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.spots.capacity() * size_of::<Spot>()
    }

    /// Reads a byte of each node's entry, so that comparing with them waits for memory once and not for each.
    pub fn fetch(&self, numbers: impl Iterator<Item = u32>) {
        let spots: SmallVec<[Spot; 256]> = numbers.map(|number| self.spot(number)).collect();
        let first = |spot: &Spot| match self.ring.get(*spot)? {
            Found::Plain(bytes) | Found::Composed(bytes) => bytes.first().copied(),
        };
        std::hint::black_box(spots.iter().filter_map(first).fold(0, |any, byte| any ^ byte));
    }

    /// Bytes taken by entries so far, with those of nodes that have none because they are too long; when they are more than the
    /// ring has, the oldest have given way.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.ring.filled() + self.beside
    }
}

fn put_varint(out: &mut SmallVec<[u8; 64]>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(memory: &mut NodeMemory, raw: &[u8], children: &[Child]) {
        let spot = memory.composed(raw, children);
        memory.push(spot);
    }

    #[test]
    fn a_node_is_compared_through_its_children() {
        let mut memory = NodeMemory::new(10, 4096);
        let inner = memory.plain(b"{inner}");
        memory.push(inner);
        put(&mut memory, b"[a,{inner},b]", &[(3, 10)]);
        memory.push(Spot::NONE);
        put(&mut memory, b"([a,{inner},b],{inner}|)", &[(1, 11), (15, 10)]);
        memory.push(inner.part(1, 5));
        assert_eq!(memory.equals(13, b"([a,{inner},b],{inner}|)"), Some(true));
        for other in [&b"([a,{inner},b],{inneR}|)"[..], b"([a,{inner},B],{inner}|)", b"([a,{inner},b],{inner}!)", b"short"] {
            assert_eq!(memory.equals(13, other), Some(false));
        }
        assert_eq!((memory.equals(14, b"inner"), memory.equals(14, b"innes")), (Some(true), Some(false)));
        assert_eq!((memory.equals(12, b""), memory.equals(9, b"x"), memory.length(11)), (None, None, Some(13)));
    }

    /// The ring is small here: what a node is made of stays as long as the node is asked for, and what left is not guessed.
    #[test]
    fn what_is_asked_for_stays_with_its_children_and_what_left_is_unknown() {
        let mut memory = NodeMemory::new(0, 2048);
        put(&mut memory, b"<child>", &[]);
        put(&mut memory, b"{<child>}", &[(1, 0)]);
        put(&mut memory, b"forgotten", &[]);
        for n in 0..200u32 {
            put(&mut memory, format!("filler {n} of some length").as_bytes(), &[]);
            assert_eq!(memory.equals(1, b"{<child>}"), Some(true), "after {n}");
        }
        assert_eq!(memory.equals(2, b"forgotten"), None);
        memory.restore(2, b"forgotten");
        assert_eq!(memory.equals(2, b"forgotten"), Some(true));
        assert_eq!(memory.equals(202, b"filler 199 of some length"), Some(true));
    }
}
