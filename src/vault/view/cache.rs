//! What was decoded lately, up to so many bytes.

use rustc_hash::FxHashMap;

/// Keeps what was used last, up to a number of bytes.
pub(super) struct Cache<T> {
    pub(super) entries: FxHashMap<u64, (T, usize, u64)>,
    pub(super) bytes: usize,
    pub(super) limit: usize,
    pub(super) clock: u64,
}

impl<T: Clone> Cache<T> {
    pub(super) fn new(limit: usize) -> Cache<T> {
        Cache { entries: FxHashMap::default(), bytes: 0, limit, clock: 0 }
    }

    pub(super) fn get(&mut self, key: u64) -> Option<T> {
        self.clock += 1;
        let entry = self.entries.get_mut(&key)?;
        entry.2 = self.clock;
        Some(entry.0.clone())
    }

    pub(super) fn insert(&mut self, key: u64, value: T, bytes: usize) {
        if let Some((_, before, _)) = self.entries.remove(&key) {
            self.bytes -= before;
        }
        while self.bytes + bytes > self.limit && !self.entries.is_empty() {
            // Tens of entries: a scan is cheaper than keeping an order.
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.2).map(|(key, _)| *key);
            if let Some((_, freed, _)) = oldest.and_then(|key| self.entries.remove(&key)) {
                self.bytes -= freed;
            }
        }
        self.bytes += bytes;
        self.entries.insert(key, (value, bytes, self.clock));
    }
}
