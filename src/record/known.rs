//! A filter of content hashes the writer already holds: what is in it need not be cut again.
//!
//! Written by the one thread that gives out numbers, read by all cutters. It only saves work: whatever it answers, the stored
//! bytes are the same, because the writer looks up (and compares) every node itself and has it cut after all when it is not there.

use std::sync::atomic::{AtomicU64, Ordering};

/// A direct-mapped table of 64-bit hashes; a newer entry replaces an older one in its place.
pub struct Known {
    slots: Vec<AtomicU64>,
}

impl Known {
    /// A filter of `2^bits` places, 8 bytes each.
    #[must_use]
    pub fn new(bits: u32) -> Known {
        Known { slots: (0..1usize << bits).map(|_| AtomicU64::new(0)).collect() }
    }

    fn slot(&self, hash: u128) -> &AtomicU64 {
        &self.slots[(hash >> 64) as usize & (self.slots.len() - 1)]
    }

    /// Remembers content.
    pub fn insert(&self, hash: u128) {
        self.slot(hash).store(hash as u64, Ordering::Relaxed);
    }

    /// True when content with this hash is remembered.
    #[must_use]
    pub fn contains(&self, hash: u128) -> bool {
        self.slot(hash).load(Ordering::Relaxed) == hash as u64
    }
}
