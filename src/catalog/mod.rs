//! The catalog: an index in one redb file. Everything in it follows from the packs; nothing that reads a vault needs it.
//!
//! | file | what |
//! |---|---|
//! | `mod` | what the catalog reflects ([`Covered`]), and what keeps it from being used ([`Unusable`]) |
//! | `blob` | fingerprints of many records in one value, and the scan over them |
//! | `prints` | fingerprints of the nodes and segments of the open pack |
//! | `runs` | fingerprints of very many records, sorted |
//! | `read` | opening without writing, look-ups |
//! | `write` | creating, bringing up to date, closing tightly |
//!
//! A row per id would cost more than the ids themselves; values of about 16 KB with fingerprints in the order of record numbers
//! cost four bytes each and are scanned faster than a tree is descended a few thousand times. Each value carries a checksum over
//! itself and its key and says which records it covers, so that a damaged, lost or exchanged value is noticed before an answer
//! rests on it: a negative answer of the catalog is as certain as one of the packs. Scanning takes time with the number of records:
//! from 131,072 of them on they are moved to `runs`, which are sorted.
//!
//! ```text
//! meta     "covered"            → what the catalog reflects            checksum u64 · version u16 · …
//! hashes   first record number  → checksum u64 · count u32 · (top 32 bits of the record's hash)*
//! ids      first record number  → checksum u64 · count u32 · form u8 · ids per record · (32 bits of the id's hash)*
//! runs, sorted                  → see `runs`
//! prints   place in the stream  → checksum u64 · part of the stream of groups (see `prints`)
//! ```
//! This is the only room that knows redb.

mod blob;
mod prints;
mod read;
mod runs;
mod write;

use std::fmt;

use redb::TableDefinition;

use crate::bytes::{Put, Reader as ByteReader};
use crate::checksum::{checksum, checksum32};
use crate::error::{Corrupt, corrupt};

pub use blob::Rows;
pub use prints::GroupPrints;
pub use read::Reader;
pub use write::{Change, Prints, Writer};

/// Forms of values and the derivation of carried ids. A catalog of another version is not used, and rebuilt by the next writer:
/// raise it whenever `shape` finds other ids in the same record.
const VERSION: u16 = 2;

const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const HASHES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("hashes");
const IDS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("ids");
const PRINTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("prints");

/// The key of [`Covered`].
const COVERED: &str = "covered";

/// Bytes of a value: one page of 16 KiB holds it together with its key and the page's own head.
const VALUE_BYTES: usize = 16_000;

/// Memory for redb's pages; its own default is 1 GiB.
const CACHE_BYTES: usize = 8 << 20;
/// The same for a reader, which reads values from the first to the last: what it is done with makes room for the next.
const READ_CACHE_BYTES: usize = 64 << 10;

/// Why a catalog cannot be used. Never an error of an operation: the packs have the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// There is none.
    Missing,
    /// Another process has it open.
    Busy,
    /// It is damaged, was left behind by a killed writer, or belongs to something else.
    Broken(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Missing => f.write_str("there is none"),
            Unusable::Busy => f.write_str("another process has it open"),
            Unusable::Broken(what) => f.write_str(what),
        }
    }
}

impl From<Corrupt> for Unusable {
    fn from(corrupt: Corrupt) -> Unusable {
        Unusable::Broken(corrupt.0)
    }
}

/// A commit frame the vault's history went through: record numbers given out before it mean the same in every vault that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// The pack's number.
    pub pack: u32,
    /// Offset of the frame.
    pub offset: u64,
    /// Its checksum.
    pub checksum: u64,
}

/// The open pack whose fingerprints are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrintsOf {
    /// The pack's number; 0 for none.
    pub pack: u32,
    /// How many of its groups.
    pub groups: u32,
    /// Length of the stream they make.
    pub bytes: u64,
}

/// What a catalog reflects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// The vault.
    pub vault_id: u128,
    /// The head it was brought up to.
    pub generation: u64,
    /// Every record below this number is in it.
    pub next_record: u64,
    /// Records below this number are in runs.
    pub sorted: u64,
    /// Proves that the vault's history went through that head.
    pub witness: Witness,
    /// Whose fingerprints it has.
    pub prints: PrintsOf,
}

impl Covered {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u16(VERSION);
        out.put_u64(self.vault_id as u64);
        out.put_u64((self.vault_id >> 64) as u64);
        out.put_u64(self.generation);
        out.put_u64(self.next_record);
        out.put_u64(self.sorted);
        out.put_u32(self.witness.pack);
        out.put_u64(self.witness.offset);
        out.put_u64(self.witness.checksum);
        out.put_u32(self.prints.pack);
        out.put_u32(self.prints.groups);
        out.put_u64(self.prints.bytes);
        sealed(0, &out)
    }

    fn decode(value: &[u8]) -> Result<Covered, Corrupt> {
        let mut reader = ByteReader::new(unsealed(0, value)?);
        let version = reader.u16()?;
        if version != VERSION {
            return Err(corrupt!("the catalog is of version {version}, this program keeps {VERSION}"));
        }
        let vault_id = u128::from(reader.u64()?) | u128::from(reader.u64()?) << 64;
        let covered = Covered {
            vault_id,
            generation: reader.u64()?,
            next_record: reader.u64()?,
            sorted: reader.u64()?,
            witness: Witness { pack: reader.u32()?, offset: reader.u64()?, checksum: reader.u64()? },
            prints: PrintsOf { pack: reader.u32()?, groups: reader.u32()?, bytes: reader.u64()? },
        };
        reader.finish()?;
        Ok(covered)
    }
}

/// The fingerprint of a record's hash: its top bits, so that a prefix tells most of it.
#[must_use]
pub fn hash_print(hash: u128) -> u32 {
    (hash >> 96) as u32
}

/// The fingerprint of an id that a record carries.
#[must_use]
pub fn id_print(id: &[u8]) -> u32 {
    checksum32(id)
}

/// A value: the checksum over key and content, then the content.
fn sealed(key: u64, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 8);
    out.put_u64(checksum(content) ^ key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    out.extend_from_slice(content);
    out
}

/// The content of a value.
fn unsealed(key: u64, value: &[u8]) -> Result<&[u8], Corrupt> {
    let (sum, content) = value.split_at_checked(8).ok_or_else(|| corrupt!("a value of {} bytes", value.len()))?;
    let expected = checksum(content) ^ key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    if ByteReader::new(sum).u64()? != expected {
        return Err(corrupt!("checksum mismatch in the value of key {key}"));
    }
    Ok(content)
}

/// Runs what touches redb. It is built for files that only it has written: on damaged ones it may stop in an assertion, which
/// is one more way of being broken.
fn guarded<T>(work: impl FnOnce() -> Result<T, Unusable>) -> Result<T, Unusable> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Unusable::Broken("its structure is damaged".into())))
}

/// Any error of redb, by what it means here.
fn broken(error: impl Into<redb::Error>) -> Unusable {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => Unusable::Busy,
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Unusable::Missing,
        other => Unusable::Broken(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
