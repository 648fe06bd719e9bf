//! `head`: the only commit point.
//!
//! ```text
//! magic "TPKHEAD1" · format u16 · flags u16 · vault id u128 · generation u64 · next record u64 · next pack u32
//! · packs: count u32, then each id u32, committed length u64, last commit offset u64, flags u8 (1: sealed)
//! · retired packs: count u32, then each id u32 · checksum u64
//! ```
//! Written beside and renamed, so that it is always one state or the other. Bytes of a pack past its committed length do not exist.

use std::path::Path;

use crate::bytes::{Put, Reader};
use crate::checksum::checksum;
use crate::error::{Corrupt, Error, IoContext, Result, corrupt};
use crate::fsio;
use crate::ids::PackId;
use crate::pack::FORMAT_VERSION;
use crate::pack::writer::Committed;

const MAGIC: [u8; 8] = *b"TPKHEAD1";

/// A live pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivePack {
    /// What counts of it.
    pub committed: Committed,
    /// Nothing is appended to it any more.
    pub sealed: bool,
}

/// One state of the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The vault.
    pub vault_id: u128,
    /// Rises with every commit.
    pub generation: u64,
    /// The next record's number.
    pub next_record: u64,
    /// The next pack's number: never reused, so that a reader never takes a new pack for an old one.
    pub next_pack: u32,
    /// Packs that count, by number.
    pub packs: Vec<LivePack>,
    /// Packs that no longer count but could not be deleted yet.
    pub retired: Vec<PackId>,
}

impl Head {
    /// An empty vault.
    #[must_use]
    pub fn new(vault_id: u128) -> Head {
        Head { vault_id, generation: 0, next_record: 0, next_pack: 1, packs: Vec::new(), retired: Vec::new() }
    }

    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_u16(FORMAT_VERSION);
        out.put_u16(0);
        out.put_u64(self.vault_id as u64);
        out.put_u64((self.vault_id >> 64) as u64);
        out.put_u64(self.generation);
        out.put_u64(self.next_record);
        out.put_u32(self.next_pack);
        out.put_u32(self.packs.len() as u32);
        for pack in &self.packs {
            out.put_u32(pack.committed.pack.0);
            out.put_u64(pack.committed.length);
            out.put_u64(pack.committed.last_commit);
            out.put_u8(u8::from(pack.sealed));
        }
        out.put_u32(self.retired.len() as u32);
        self.retired.iter().for_each(|pack| out.put_u32(pack.0));
        let sum = checksum(&out);
        out.put_u64(sum);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Head, Corrupt> {
        let guarded = bytes.len().checked_sub(8).ok_or_else(|| corrupt!("{} bytes are no head", bytes.len()))?;
        let mut reader = Reader::new(&bytes[..guarded]);
        if reader.take(8)? != MAGIC {
            return Err(corrupt!("the magic bytes are missing"));
        }
        if Reader::new(&bytes[guarded..]).u64()? != checksum(&bytes[..guarded]) {
            return Err(corrupt!("checksum mismatch"));
        }
        if reader.u16()? != FORMAT_VERSION {
            return Err(corrupt!("another format version"));
        }
        reader.u16()?;
        let vault_id = u128::from(reader.u64()?) | u128::from(reader.u64()?) << 64;
        let (generation, next_record, next_pack) = (reader.u64()?, reader.u64()?, reader.u32()?);
        let mut head = Head { vault_id, generation, next_record, next_pack, packs: Vec::new(), retired: Vec::new() };
        for _ in 0..reader.u32()? {
            let committed = Committed { pack: PackId(reader.u32()?), length: reader.u64()?, last_commit: reader.u64()? };
            head.packs.push(LivePack { committed, sealed: reader.u8()? & 1 != 0 });
        }
        for _ in 0..reader.u32()? {
            head.retired.push(PackId(reader.u32()?));
        }
        reader.finish()?;
        Ok(head)
    }

    /// Reads `head` of a vault directory.
    ///
    /// # Errors
    /// No vault, damaged, or too new.
    pub fn read(dir: &Path) -> Result<Head> {
        let path = dir.join("head");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoVault(dir.to_path_buf())),
            Err(error) => return Err(Error::io("reading", &path, error)),
        };
        if let Some(&[low, high]) = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.first_chunk::<2>()) {
            let version = u16::from_le_bytes([low, high]);
            if version > FORMAT_VERSION && Head::decode(&bytes).is_err_and(|e| e.0.contains("format version")) {
                return Err(Error::TooNew { path, what: format!("format version {version}") });
            }
        }
        Head::decode(&bytes).map_err(|Corrupt(what)| Error::Integrity {
            path,
            what: format!("{what}; `turnpack reindex` finds the last state from the packs"),
        })
    }

    /// Makes this the state of the vault, durably.
    ///
    /// # Errors
    /// When the system cannot; the old state is still there.
    pub fn publish(&self, dir: &Path) -> Result<()> {
        fsio::replace(&dir.join("head"), &self.encode())
    }

    /// The entry of a pack.
    #[must_use]
    pub fn pack(&self, id: PackId) -> Option<&LivePack> {
        self.packs.iter().find(|pack| pack.committed.pack == id)
    }

    /// Replaces the entry of a pack or adds it.
    pub fn set_pack(&mut self, live: LivePack) {
        match self.packs.iter_mut().find(|pack| pack.committed.pack == live.committed.pack) {
            Some(pack) => *pack = live,
            None => self.packs.push(live),
        }
        self.packs.sort_by_key(|pack| pack.committed.pack);
    }

    /// Deletes retired packs that can be deleted.
    pub fn sweep(&mut self, dir: &Path) {
        self.retired.retain(|pack| fsio::remove(&dir.join("packs").join(pack.file_name())).is_err());
    }
}

/// Total size of all files below a directory.
///
/// # Errors
/// When it cannot be listed.
pub fn disk_bytes(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir).on("listing", dir)? {
        let entry = entry.on("listing", dir)?;
        // A file that goes away while we look has no size.
        let Ok(meta) = entry.metadata() else { continue };
        total += if meta.is_dir() { disk_bytes(&entry.path())? } else { meta.len() };
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_byte_of_head_is_noticed() {
        let mut head = Head::new(77);
        head.set_pack(LivePack { committed: Committed { pack: PackId(1), length: 99, last_commit: 64 }, sealed: true });
        head.retired.push(PackId(9));
        let bytes = head.encode();
        assert_eq!(Head::decode(&bytes).unwrap(), head);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            assert!(Head::decode(&bad).is_err(), "byte {at}");
            assert!(Head::decode(&bytes[..at]).is_err());
        }
    }
}
