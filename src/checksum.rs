//! Hashes: xxh3-64 guards stored bytes, xxh3-128 names and finds content.
//!
//! xxh3 is no cryptographic hash. Nothing is ever taken for equal because of it alone: a byte comparison decides.

use xxhash_rust::xxh3;

/// Checksum of stored bytes (xxh3-64, seed 0).
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    xxh3::xxh3_64(bytes)
}

/// [`checksum`] of bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Checksummer(xxh3::Xxh3);

impl Checksummer {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all pieces so far.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }
}

/// The 32-bit checksum of decoded bytes kept beside a compressed payload (low half of xxh3-64).
#[must_use]
pub fn checksum32(bytes: &[u8]) -> u32 {
    xxh3::xxh3_64(bytes) as u32
}

/// The name of a record and the key under which nodes and segments are found (xxh3-128, seed 0).
#[must_use]
pub fn content_hash(bytes: &[u8]) -> u128 {
    xxh3::xxh3_128(bytes)
}

/// [`content_hash`] of bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct ContentHasher(xxh3::Xxh3);

impl ContentHasher {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces so far.
    #[must_use]
    pub fn finish(&self) -> u128 {
        self.0.digest128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_in_pieces_gives_the_hash_of_the_whole() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
        let (mut hasher, mut sum) = (ContentHasher::default(), Checksummer::default());
        for piece in bytes.chunks(777) {
            hasher.update(piece);
            sum.update(piece);
        }
        assert_eq!((hasher.finish(), sum.finish()), (content_hash(&bytes), checksum(&bytes)));
    }
}
