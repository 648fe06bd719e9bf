//! Remembers a stream so well that its growth can be told from other content.
//!
//! [`StreamDigest`] is BLAKE3 of a stream, but one that can be saved at any byte and resumed in another process: BLAKE3 is a
//! tree over chunks of 1 KiB, so the chaining values of the finished subtrees plus the bytes of the unfinished chunk are all
//! there is to keep (at most 54 values and 1,024 bytes).
//!
//! [`edge_hash`] of the first and the last 64 KiB is the cheap look that decides most cases without reading the middle.
//!
//! Where the stream can be read again, the bytes of that chunk need not be kept: the digest is [cut](StreamDigest::save_cut) there, and
//! goes on once it got them back ([`StreamDigest::restore`]), which must give the digest it had.
//!
//! ```text
//! cut  = varint length · chaining values as below · the digest
//! save = varint length · chaining values, largest subtree first (32 bytes each; as many as bits are set in the number of
//!        finished chunks) · the bytes of the last chunk (1..=1024, none for an empty stream)
//! ```

use std::ops::Range;

use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};
use blake3::{CHUNK_LEN, Hasher};

use crate::bytes::{Put, Reader};
use crate::checksum;
use crate::error::{Corrupt, corrupt};

/// How much of either end of a stream [`edge_hash`] covers.
pub const EDGE: u64 = 64 << 10;

const CHUNK: u64 = CHUNK_LEN as u64;

/// BLAKE3 of a stream, resumable at any byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamDigest {
    /// Chaining values of finished subtrees, largest first. Their sizes are the bits of `chunks`.
    stack: Vec<ChainingValue>,
    /// Finished chunks.
    chunks: u64,
    /// The last chunk. It stays open until a byte follows it, because the last chunk of a stream is hashed differently.
    tail: Vec<u8>,
    /// Digest and length, when that is all that may be kept: nothing can follow.
    closed: Option<([u8; 32], u64)>,
    /// Digest and bytes of the last chunk, when these were not kept.
    cut: Option<([u8; 32], usize)>,
}

impl StreamDigest {
    /// The digest of an empty stream.
    #[must_use]
    pub fn new() -> Self {
        StreamDigest::default()
    }

    /// Forgets the bytes at its end, which it keeps so that more may follow. The digest stays; whoever wants it to go on must begin
    /// again from the start of the stream.
    pub fn close(&mut self) {
        *self = StreamDigest { closed: Some((self.finish(), self.length())), ..StreamDigest::default() };
    }

    /// True when nothing can follow.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Which bytes of the stream it needs back before more can follow.
    #[must_use]
    pub fn missing(&self) -> Option<Range<u64>> {
        self.cut.map(|_| self.chunks * CHUNK..self.length())
    }

    /// Gives back the bytes that were not kept; false, and nothing changes, when they are not those.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Some((digest, length)) = self.cut else { return bytes.is_empty() };
        let whole = StreamDigest { tail: bytes.to_vec(), cut: None, ..self.clone() };
        let same = bytes.len() == length && whole.finish() == digest;
        if same {
            *self = whole;
        }
        same
    }

    /// Bytes of the last chunk.
    #[must_use]
    pub fn open_bytes(&self) -> usize {
        self.cut.map_or(self.tail.len(), |(_, length)| length)
    }

    /// Bytes so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        if let Some((_, length)) = self.closed {
            return length;
        }
        if let Some((_, length)) = self.cut {
            return self.chunks * CHUNK + length as u64;
        }
        self.chunks * CHUNK + self.tail.len() as u64
    }

    /// Adds the next bytes of the stream. Large pieces are faster: they are hashed as large subtrees.
    pub fn update(&mut self, mut bytes: &[u8]) {
        debug_assert!(!self.is_closed() && self.cut.is_none(), "a closed or cut digest cannot go on");
        let room = (CHUNK_LEN - self.tail.len()).min(bytes.len());
        let (now, later) = bytes.split_at(room);
        self.tail.extend_from_slice(now);
        bytes = later;
        if bytes.is_empty() {
            return;
        }
        let tail = std::mem::take(&mut self.tail);
        self.add_subtree(&tail);
        while bytes.len() > CHUNK_LEN {
            let (subtree, later) = bytes.split_at(self.subtree_length(bytes.len()));
            self.add_subtree(subtree);
            bytes = later;
        }
        self.tail = tail;
        self.tail.clear();
        self.tail.extend_from_slice(bytes);
    }

    /// BLAKE3 of all bytes so far; more may follow.
    #[must_use]
    pub fn finish(&self) -> [u8; 32] {
        if let Some((digest, _)) = self.closed {
            return digest;
        }
        if let Some((digest, _)) = self.cut {
            return digest;
        }
        let Some((first, others)) = self.stack.split_first() else {
            return *blake3::hash(&self.tail).as_bytes();
        };
        let mut right = self.chaining_value(&self.tail);
        for left in others.iter().rev() {
            right = hazmat::merge_subtrees_non_root(left, &right, Mode::Hash);
        }
        *hazmat::merge_subtrees_root(first, &right, Mode::Hash).as_bytes()
    }

    /// Everything needed to go on later.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        if let Some((digest, length)) = self.closed {
            // No open digest of an empty stream has bytes behind its length.
            let mut out = vec![0];
            out.extend_from_slice(&digest);
            out.put_varint(length);
            return out;
        }
        let mut out = Vec::with_capacity(10 + self.stack.len() * 32 + self.tail.len());
        out.put_varint(self.length());
        self.stack.iter().for_each(|value| out.extend_from_slice(value));
        out.extend_from_slice(&self.tail);
        out
    }

    /// Everything needed to go on later but the bytes of the last chunk.
    #[must_use]
    pub fn save_cut(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(10 + self.stack.len() * 32 + 32);
        out.put_varint(self.length());
        self.stack.iter().for_each(|value| out.extend_from_slice(value));
        out.extend_from_slice(&self.finish());
        out
    }

    /// Goes on where [`save_cut`](Self::save_cut) stopped, once it is [restored](Self::restore).
    ///
    /// # Errors
    /// When the bytes are no cut digest.
    pub fn resume_cut(saved: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(saved);
        let length = reader.varint()?;
        let chunks = length.saturating_sub(1) / CHUNK;
        let stack = read_stack(&mut reader, chunks)?;
        let mut digest = [0; 32];
        digest.copy_from_slice(reader.take(32)?);
        reader.finish().map_err(|error| corrupt!("cut digest of a stream of {length} bytes: {error}"))?;
        let cut = Some((digest, (length - chunks * CHUNK) as usize));
        Ok(StreamDigest { stack, chunks, cut, ..StreamDigest::default() })
    }

    /// Goes on where [`save`](Self::save) stopped.
    ///
    /// # Errors
    /// When the bytes are no saved digest.
    pub fn resume(saved: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(saved);
        let length = reader.varint()?;
        if length == 0 && !reader.is_empty() {
            let mut digest = [0; 32];
            digest.copy_from_slice(reader.take(32)?);
            let closed = Some((digest, reader.varint()?));
            reader.finish()?;
            return Ok(StreamDigest { closed, ..StreamDigest::default() });
        }
        let chunks = length.saturating_sub(1) / CHUNK;
        let stack = read_stack(&mut reader, chunks)?;
        let tail = reader.take((length - chunks * CHUNK) as usize)?.to_vec();
        reader.finish().map_err(|error| corrupt!("digest of a stream of {length} bytes: {error}"))?;
        Ok(StreamDigest { stack, chunks, tail, closed: None, cut: None })
    }

    /// The largest subtree that may begin here and leaves at least a byte for the open chunk.
    fn subtree_length(&self, available: usize) -> usize {
        let fits = 1 << (available - 1).ilog2();
        match hazmat::max_subtree_len(self.chunks * CHUNK) {
            Some(aligned) => fits.min(usize::try_from(aligned).unwrap_or(usize::MAX)),
            None => fits,
        }
    }

    /// Adds a whole subtree, a power of two of chunks, and merges equals like carries of an addition. Merging at once is right
    /// because a byte always follows, so none of these is the root.
    fn add_subtree(&mut self, subtree: &[u8]) {
        let mut value = self.chaining_value(subtree);
        let mut size = subtree.len() as u64 / CHUNK;
        let before = self.chunks;
        self.chunks += size;
        while before & size != 0
            && let Some(left) = self.stack.pop()
        {
            value = hazmat::merge_subtrees_non_root(&left, &value, Mode::Hash);
            size <<= 1;
        }
        self.stack.push(value);
    }

    fn chaining_value(&self, bytes: &[u8]) -> ChainingValue {
        Hasher::new().set_input_offset(self.chunks * CHUNK).update(bytes).finalize_non_root()
    }
}

fn read_stack(reader: &mut Reader<'_>, chunks: u64) -> Result<Vec<ChainingValue>, Corrupt> {
    let mut stack = Vec::new();
    for _ in 0..chunks.count_ones() {
        let mut value = ChainingValue::default();
        value.copy_from_slice(reader.take(size_of::<ChainingValue>())?);
        stack.push(value);
    }
    Ok(stack)
}

/// Hash of one end of a stream (xxh3-128): a reason to look closer or not, never a proof of being equal.
#[must_use]
pub fn edge_hash(edge: &[u8]) -> u128 {
    checksum::content_hash(edge)
}

/// The first and the last 64 KiB of a stream, kept while it passes.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Edges {
    /// Goes on with a stream whose first and last [`EDGE`] bytes (or all, when there are fewer) are known.
    #[must_use]
    pub fn resume(head: Vec<u8>, tail: Vec<u8>) -> Self {
        Edges { head, tail }
    }

    /// Adds the next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        const LENGTH: usize = EDGE as usize;
        let room = (LENGTH - self.head.len().min(LENGTH)).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        if bytes.len() >= LENGTH {
            self.tail.clear();
        }
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(LENGTH)..]);
        self.tail.drain(..self.tail.len().saturating_sub(LENGTH));
    }

    /// Hash of the first 64 KiB so far.
    #[must_use]
    pub fn head_hash(&self) -> u128 {
        edge_hash(&self.head)
    }

    /// Hash of the last 64 KiB so far.
    #[must_use]
    pub fn tail_hash(&self) -> u128 {
        edge_hash(&self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
    }

    proptest! {
        #[test]
        fn any_splits_and_any_saves_give_the_plain_hash(
            length in prop_oneof![0usize..5000, 0usize..300_000],
            steps in proptest::collection::vec((prop_oneof![1usize..3, 1000usize..1050, 1usize..100_000], any::<bool>()), 1..12),
        ) {
            let stream = stream(length);
            let mut digest = StreamDigest::new();
            let mut rest = &stream[..];
            for (step, save) in steps.iter().cycle().take(400) {
                let (now, later) = rest.split_at((*step).min(rest.len()));
                digest.update(now);
                rest = later;
                if *save {
                    let saved = digest.save();
                    prop_assert!(saved.len() <= 10 + 54 * 32 + 1024);
                    let resumed = StreamDigest::resume(&saved).unwrap();
                    prop_assert_eq!(&resumed, &digest);
                    digest = resumed;
                }
                prop_assert_eq!(digest.finish(), *blake3::hash(&stream[..stream.len() - rest.len()]).as_bytes());
                if rest.is_empty() {
                    break;
                }
            }
        }

        #[test]
        fn strange_bytes_are_refused_or_resumed_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut digest) = StreamDigest::resume(&bytes) {
                // Whoever goes on asks first.
                if !digest.is_closed() {
                    digest.update(b"more");
                }
                let _ = digest.finish();
            }
        }

        #[test]
        fn edges_are_the_ends_of_the_stream(length in 0usize..200_000, step in 1usize..90_000) {
            let stream = stream(length);
            let mut edges = Edges::default();
            stream.chunks(step).for_each(|piece| edges.update(piece));
            prop_assert_eq!(edges.head_hash(), edge_hash(&stream[..length.min(EDGE as usize)]));
            prop_assert_eq!(edges.tail_hash(), edge_hash(&stream[length.saturating_sub(EDGE as usize)..]));
        }
    }

    #[test]
    fn every_length_around_the_borders_of_subtrees_is_right() {
        let stream = stream(17 << 10);
        for length in (0..=17).flat_map(|chunks: usize| [(chunks << 10).saturating_sub(1), chunks << 10, (chunks << 10) + 1]) {
            let bytes = &stream[..length.min(stream.len())];
            let mut digest = StreamDigest::new();
            digest.update(bytes);
            assert_eq!(digest.finish(), *blake3::hash(bytes).as_bytes(), "{length}");
            assert_eq!(digest.length(), bytes.len() as u64);
        }
    }

    // Protects growth: a digest goes on only from the very bytes it had, and is the plain hash then.
    #[test]
    fn a_cut_digest_goes_on_with_its_own_bytes_and_no_others() {
        let stream = stream(9_000);
        for length in [1, 1000, 1024, 1025, 3000, 8192, 8200] {
            let mut whole = StreamDigest::new();
            whole.update(&stream[..length]);
            let saved = whole.save_cut();
            assert!(saved.len() <= 5 + 32 * 4);
            let mut cut = StreamDigest::resume_cut(&saved).unwrap();
            assert_eq!((cut.finish(), cut.length(), cut.save_cut()), (whole.finish(), length as u64, saved.clone()));
            let missing = cut.missing().unwrap();
            let mut bytes = stream[missing.start as usize..missing.end as usize].to_vec();
            assert!(!cut.restore(&bytes[1..]));
            bytes[0] ^= 1;
            assert!(!cut.restore(&bytes) && cut.missing().is_some());
            bytes[0] ^= 1;
            assert!(cut.restore(&bytes) && cut == whole && cut.missing().is_none());
            cut.update(&stream[length..]);
            assert_eq!(cut.finish(), *blake3::hash(&stream).as_bytes());
            (0..saved.len()).for_each(|end| assert!(StreamDigest::resume_cut(&saved[..end]).is_err(), "{end}"));
        }
    }

    #[test]
    fn a_save_that_was_cut_or_has_more_is_refused() {
        let mut digest = StreamDigest::new();
        digest.update(&stream(5000));
        let saved = digest.save();
        for end in 0..saved.len() {
            assert!(StreamDigest::resume(&saved[..end]).is_err(), "{end}");
        }
        assert!(StreamDigest::resume(&[saved, vec![0]].concat()).is_err());
        assert!(StreamDigest::resume(&[0xff; 10]).is_err());
    }
}
