//! A filter of content hashes the writer already holds: what is in it need not be cut again.
//!
//! Written by the one thread that gives out numbers, read by all cutters. It only saves work: whatever it answers, the stored
//! bytes are the same, because the writer looks up (and compares) every node itself and has it cut after all when it is not there.

use std::sync::atomic::{AtomicU16, Ordering};

/// Shorter nodes are neither put in nor looked for: cutting them costs less than asking, as what one core has just written the
/// others must fetch from it.
pub const KNOWN_BYTES: usize = 256;

/// A direct-mapped table of 16 bits of each hash; a newer entry replaces an older one in its place. Two bytes keep the table in
/// the cache; one look-up in 65,536 finds what is not there, and that node is cut by the writer itself.
pub struct Known {
    slots: Vec<AtomicU16>,
}

impl Known {
    /// A filter of `2^bits` places, 2 bytes each.
    #[must_use]
    pub fn new(bits: u32) -> Known {
        Known { slots: bytemuck::zeroed_vec(1 << bits) }
    }

    fn slot(&self, hash: u128) -> &AtomicU16 {
        &self.slots[(hash >> 64) as usize & (self.slots.len() - 1)]
    }

    /// What is kept of a hash: never 0, which is an empty place.
    fn tag(hash: u128) -> u16 {
        (hash as u16).max(1)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.slots.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }

    /// Remembers content.
    pub fn insert(&self, hash: u128) {
        self.slot(hash).store(Known::tag(hash), Ordering::Relaxed);
    }

    /// True when content with this hash is remembered.
    #[must_use]
    pub fn contains(&self, hash: u128) -> bool {
        self.slot(hash).load(Ordering::Relaxed) == Known::tag(hash)
    }
}
