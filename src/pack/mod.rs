//! Packs: the append-only files that are the only truth.
//!
//! | file | what |
//! |---|---|
//! | `frame` | one checksummed unit: kind, codec, lengths, payload |
//! | `directory` | where the blocks, groups, templates and journals of a pack are |
//! | `writer` | appends frames, then a commit frame, then flushes |
//! | `reader` | maps a pack up to its committed length and reads frames |
//! | `salvage` | finds the commits of a pack without `head`, by plain reads |
//!
//! `docs/format.md` is the byte-by-byte description.

pub mod directory;
pub mod frame;
pub mod reader;
pub mod salvage;
pub mod writer;

use crate::bytes::{Put, Reader};
use crate::checksum::checksum;
use crate::error::{Corrupt, corrupt};
use crate::ids::PackId;

/// First bytes of every pack; the odd ones catch text-mode and seven-bit damage.
pub const MAGIC: [u8; 8] = *b"\x89TPK\r\n\x1a\n";
/// The format this program writes.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes of the header.
pub const HEADER_BYTES: u64 = 64;

/// What a pack says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Features a reader must know to read anything.
    pub incompatible: u32,
    /// Features a writer must know to append.
    pub read_only_compatible: u32,
    /// What may be known of it and may be ignored.
    pub mark: Mark,
    /// The vault it belongs to.
    pub vault_id: u128,
    /// Its number.
    pub pack: PackId,
}

/// Compatible features of a pack: whoever does not know a bit may ignore it. Bits 0–7: the zstd level `compact` gave it, 0 for a
/// pack that it never made. Bit 8: made for being kept rather than read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(pub u32);

impl Mark {
    /// Made by `compact` at a level of 1 to 22.
    #[must_use]
    pub fn compacted(level: u8) -> Mark {
        Mark(u32::from(level))
    }

    /// The same, and pressed so hard that reading is slow.
    #[must_use]
    pub fn cold(level: u8) -> Mark {
        Mark(u32::from(level) | COLD)
    }

    /// True for packs that are slow to read.
    #[must_use]
    pub fn is_cold(self) -> bool {
        self.0 & COLD != 0
    }

    /// The level `compact` gave it, if it did.
    #[must_use]
    pub fn compact_level(self) -> Option<u8> {
        Some(self.0 as u8).filter(|level| *level > 0)
    }
}

const COLD: u32 = 1 << 8;

/// Incompatible features this program knows.
pub const KNOWN_FEATURES: u32 = 0;

impl Header {
    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_u16(FORMAT_VERSION);
        out.put_u16(0);
        out.put_u32(self.incompatible);
        out.put_u32(self.read_only_compatible);
        out.put_u32(self.mark.0);
        out.put_u64(self.vault_id as u64);
        out.put_u64((self.vault_id >> 64) as u64);
        out.put_u32(self.pack.0);
        out.resize(HEADER_BYTES as usize - 8, 0);
        let sum = checksum(&out);
        out.put_u64(sum);
        out
    }

    /// Reads the first [`HEADER_BYTES`] bytes.
    ///
    /// # Errors
    /// When they are no header; a newer version is told apart by [`Header::version`].
    pub fn decode(bytes: &[u8]) -> Result<Header, Corrupt> {
        let mut reader = Reader::new(bytes);
        if reader.take(8)? != MAGIC {
            return Err(corrupt!("not a pack: the magic bytes are missing"));
        }
        let version = reader.u16()?;
        reader.u16()?;
        let (incompatible, read_only_compatible) = (reader.u32()?, reader.u32()?);
        let mark = Mark(reader.u32()?);
        let vault_id = u128::from(reader.u64()?) | u128::from(reader.u64()?) << 64;
        let pack = PackId(reader.u32()?);
        let guarded = bytes.get(..HEADER_BYTES as usize - 8).ok_or_else(|| corrupt!("header cut off"))?;
        let mut end = Reader::new(&bytes[HEADER_BYTES as usize - 8..]);
        if end.u64()? != checksum(guarded) {
            return Err(corrupt!("header checksum mismatch at offset 0"));
        }
        if version != FORMAT_VERSION {
            return Err(corrupt!("format version {version}, this program reads {FORMAT_VERSION}"));
        }
        Ok(Header { incompatible, read_only_compatible, mark, vault_id, pack })
    }

    /// The version in a header's bytes, if they begin one.
    #[must_use]
    pub fn version(bytes: &[u8]) -> Option<u16> {
        let mut reader = Reader::new(bytes.strip_prefix(&MAGIC)?);
        reader.u16().ok()
    }
}
