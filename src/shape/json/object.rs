//! The keys of one object, read in one pass, for callers that ask many questions (detection probes some hundred keys).
//!
//! A 128-bit set of key fingerprints answers most "no"s without a look at the keys; objects of many keys are sorted.
//! With duplicate keys the last one wins, as in every common parser; [`Object::entries`] shows them all.

use std::borrow::Cow;

use super::{Json, Kind, text};

/// Above this many keys a sorted order replaces the linear search; chosen: typical records have 5 to 40 keys.
const SORT_ABOVE: usize = 48;

/// The top level of an object.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    entries: Vec<(Cow<'a, [u8]>, Json<'a>)>,
    fingerprints: u128,
    sorted: Vec<u32>,
}

impl<'a> Object<'a> {
    /// Indexes the keys of `value`; `None` when it is no object.
    pub fn of(value: Json<'a>) -> Option<Object<'a>> {
        if value.kind() != Kind::Object {
            return None;
        }
        let mut object = Object::default();
        for (key, value) in value.entries() {
            object.push(key, value);
        }
        object.sort();
        Some(object)
    }

    fn push(&mut self, key: &'a [u8], value: Json<'a>) {
        let key = decoded(key);
        self.fingerprints |= fingerprint(&key);
        self.entries.push((key, value));
    }

    fn sort(&mut self) {
        if self.entries.len() > SORT_ABOVE {
            let mut sorted: Vec<u32> = (0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX)).collect();
            let key = |index: &u32| self.entries.get(*index as usize).map(|entry| &entry.0);
            // A stable sort: of equal keys the last one of the record stays last.
            sorted.sort_by(|a, b| key(a).cmp(&key(b)));
            self.sorted = sorted;
        }
    }

    /// The value of `key`; the last one when the key is repeated.
    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        let key = key.as_bytes();
        if self.fingerprints & fingerprint(key) == 0 {
            return None;
        }
        if self.sorted.is_empty() {
            return self.entries.iter().rev().find(|entry| *entry.0 == *key).map(|entry| entry.1);
        }
        let entry = |index: &u32| self.entries.get(*index as usize);
        let after = self.sorted.partition_point(|index| entry(index).is_some_and(|entry| *entry.0 <= *key));
        let found = entry(self.sorted.get(after.checked_sub(1)?)?)?;
        (*found.0 == *key).then_some(found.1)
    }

    /// Whether `key` is present, with any value.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Number of entries, duplicates included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries in the order of the record, duplicates included.
    pub fn entries(&self) -> impl Iterator<Item = (Cow<'_, str>, Json<'a>)> {
        self.entries.iter().map(|(key, value)| (String::from_utf8_lossy(key), *value))
    }
}

fn decoded(key: &[u8]) -> Cow<'_, [u8]> {
    if !key.contains(&b'\\') {
        return Cow::Borrowed(key);
    }
    Cow::Owned(text::decode(key).into_owned().into_bytes())
}

/// One bit of 128, from length, first, middle and last byte: enough to tell `type` from `text` and `time`.
#[inline]
fn fingerprint(key: &[u8]) -> u128 {
    let byte = |at: usize| u32::from(key.get(at).copied().unwrap_or(0));
    let mixed = byte(0)
        .wrapping_mul(31)
        .wrapping_add(byte(key.len() / 2))
        .wrapping_mul(31)
        .wrapping_add(byte(key.len().saturating_sub(1)))
        .wrapping_mul(31)
        .wrapping_add(key.len() as u32);
    1 << (mixed & 127)
}
