//! Finds the sources that a stream may repeat or continue, by how it begins.
//!
//! Every source is filed under the hash of its first 64 KiB, or of all of it when it is shorter. A stream whose first 64 KiB
//! are at hand is hashed once, with a stop at each length that occurs, so that also the short sources it begins with are
//! found. What is found is a candidate: equal beginnings are a reason to compare contents, not more.

use std::collections::{BTreeMap, HashMap};

use super::digest::EDGE;
use super::state::SourceState;
use crate::checksum::ContentHasher;

/// Sources by length and hash of their beginnings.
#[derive(Clone, Debug, Default)]
pub struct HeadIndex {
    by_length: BTreeMap<u64, HashMap<u128, Vec<u32>>>,
}

impl HeadIndex {
    /// Files a source. Empty ones and aliases are left out: nothing repeats the former, the latter hold no lines.
    pub fn insert(&mut self, state: &SourceState) {
        let length = state.stream_len().min(EDGE);
        if length == 0 || state.alias_of.is_some() {
            return;
        }
        let ids = self.by_length.entry(length).or_default().entry(state.head_hash).or_default();
        if !ids.contains(&state.id) {
            ids.push(state.id);
        }
    }

    /// Ids of the sources that a stream beginning with `head` (its first 64 KiB, or all of it) may repeat or continue.
    #[must_use]
    pub fn candidates(&self, head: &[u8]) -> Vec<u32> {
        let mut hasher = ContentHasher::default();
        let mut hashed = 0;
        let mut found = Vec::new();
        for (length, by_hash) in &self.by_length {
            let Some(next) = head.get(hashed..*length as usize) else {
                break;
            };
            hasher.update(next);
            hashed += next.len();
            found.extend(by_hash.get(&hasher.finish()).into_iter().flatten());
        }
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Edges;
    use super::super::state::SourceKind;
    use super::*;

    fn state(id: u32, content: &[u8]) -> SourceState {
        let mut state = SourceState::new(id, "x", 1, SourceKind::File);
        let mut edges = Edges::default();
        edges.update(content);
        state.digest.update(content);
        state.head_hash = edges.head_hash();
        state
    }

    #[test]
    fn sources_that_a_stream_begins_with_are_found_whatever_their_length() {
        let long = vec![b'x'; 100_000];
        let mut index = HeadIndex::default();
        for state in [state(1, b"a\n"), state(2, b"a\nb\n"), state(3, b"c\n"), state(4, &long), state(5, &long[..70_000])] {
            index.insert(&state);
        }
        index.insert(&state(6, b""));
        index.insert(&SourceState { alias_of: Some(1), ..state(7, b"a\n") });
        assert_eq!(index.candidates(b"a\n"), [1]);
        assert_eq!(index.candidates(b"a\nb\nc\n"), [1, 2]);
        assert_eq!(index.candidates(&long[..EDGE as usize]), [4, 5]);
        assert_eq!(index.candidates(b"x"), [0u32; 0]);
        assert_eq!(index.candidates(b""), [0u32; 0]);
    }
}
