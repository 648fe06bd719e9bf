//! Reading a pack through its mapping, never past the committed length.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::bytes::Reader;
use crate::error::{Corrupt, Error, Result, corrupt};
use crate::fsio::{self, Map};
use crate::pack::directory::{Commit, Directory};
use crate::pack::frame::{self, Frame, Kind};
use crate::pack::writer::Committed;
use crate::pack::{FORMAT_VERSION, HEADER_BYTES, Header, KNOWN_FEATURES, Mark};

/// The committed bytes of a pack: mapped, or read where a bad sector must be an error.
enum Bytes {
    Mapped(Map),
    Read(Vec<u8>),
}

/// A pack open for reading.
pub struct PackReader {
    bytes: Bytes,
    path: PathBuf,
    /// What is where.
    pub directory: Directory,
    /// The commit it was opened at.
    pub committed: Committed,
    /// The vault's generation that its last commit made.
    pub generation: u64,
    /// Nothing will be appended.
    pub sealed: bool,
    /// What it says of itself and may be ignored.
    pub mark: Mark,
    /// Packs it takes the place of.
    pub replaces: Vec<crate::ids::PackId>,
    /// Dictionaries, each decoded when it is first needed.
    dictionaries: OnceLock<Vec<OnceLock<Vec<u8>>>>,
}

impl PackReader {
    /// Maps a pack up to a commit.
    ///
    /// # Errors
    /// When it is missing, damaged, of another vault, or needs a newer program.
    pub fn open(packs: &Path, vault_id: u128, committed: Committed) -> Result<PackReader> {
        let path = packs.join(committed.pack.file_name());
        let map = Map::open(&path, committed.length)?;
        PackReader::with_bytes(Bytes::Mapped(map), path, vault_id, committed)
    }

    /// The same with plain reads: an unreadable sector is an error and not a signal.
    ///
    /// # Errors
    /// As [`PackReader::open`].
    pub fn open_by_reading(packs: &Path, vault_id: u128, committed: Committed) -> Result<PackReader> {
        let path = packs.join(committed.pack.file_name());
        let bytes = fsio::read_prefix(&path, committed.length)?;
        PackReader::with_bytes(Bytes::Read(bytes), path, vault_id, committed)
    }

    fn with_bytes(bytes: Bytes, path: PathBuf, vault_id: u128, committed: Committed) -> Result<PackReader> {
        let mut reader = PackReader {
            bytes,
            path,
            directory: Directory::default(),
            committed,
            generation: 0,
            sealed: false,
            mark: Mark::default(),
            replaces: Vec::new(),
            dictionaries: OnceLock::new(),
        };
        let header = read_header(reader.bytes(), &reader.path)?;
        if header.vault_id != vault_id || header.pack != committed.pack {
            return Err(reader.damaged(corrupt!("belongs to pack {} of vault {:032x}", header.pack.0, header.vault_id)));
        }
        reader.mark = header.mark;
        reader.read_directory().map_err(|corrupt| reader.damaged(corrupt))?;
        Ok(reader)
    }

    fn read_directory(&mut self) -> Result<(), Corrupt> {
        let mut chain = Vec::new();
        let mut at = self.committed.last_commit;
        while at != 0 {
            let commit = read_commit(self.bytes(), at)?;
            if commit.previous >= at {
                return Err(corrupt!("commit at offset {at} follows one at offset {}", commit.previous));
            }
            if chain.is_empty() {
                (self.generation, self.sealed) = (commit.generation, commit.sealed);
            }
            at = if commit.full { 0 } else { commit.previous };
            self.replaces.extend(&commit.replaces);
            chain.push(commit.directory);
        }
        for directory in chain.into_iter().rev() {
            self.directory.extend(directory);
        }
        Ok(())
    }

    /// All committed bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Read(bytes) => bytes,
        }
    }

    /// Text in it, before compression.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.directory.blocks.iter().map(|block| u64::from(block.length)).sum()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names this pack in an error.
    #[must_use]
    pub fn damaged(&self, corrupt: Corrupt) -> Error {
        Error::integrity(&self.path, corrupt)
    }

    /// The frame at an offset.
    ///
    /// # Errors
    /// When it is damaged or of another kind.
    pub fn frame(&self, offset: u64, kind: Kind) -> Result<Frame<'_>, Corrupt> {
        let damaged = |Corrupt(what): Corrupt| corrupt!("frame at offset {offset}: {what}");
        let mut frame = Frame::read(self.bytes(), offset)?.expect(kind).map_err(damaged)?;
        let number = || Reader::new(frame.payload).varint32().map_err(damaged);
        let number = match frame.codec {
            frame::codec::ZSTD_DICTIONARY => Some(number()?),
            frame::codec::ZSTD_AFTER => number()?.checked_sub(1),
            _ => None,
        };
        if let Some(number) = number {
            frame.dictionary = Some(self.dictionary(number).map_err(damaged)?);
        }
        Ok(frame)
    }

    /// A zstd dictionary by its number. None rests on another.
    fn dictionary(&self, number: u32) -> Result<&[u8], Corrupt> {
        let all = self.dictionaries.get_or_init(|| self.directory.dictionaries.iter().map(|_| OnceLock::new()).collect());
        let unknown = || corrupt!("no dictionary {number}");
        let slot = all.get(number as usize).ok_or_else(unknown)?;
        if let Some(bytes) = slot.get() {
            return Ok(bytes);
        }
        let offset = *self.directory.dictionaries.get(number as usize).ok_or_else(unknown)?;
        let mut payload = frame::decode(&Frame::read(self.bytes(), offset)?.expect(Kind::Dictionary)?, None)?;
        match payload.first() {
            Some(&(frame::form::ZSTD | frame::form::ZSTD_GROUPS | frame::form::ZSTD_JOURNALS)) => payload.remove(0),
            _ => return Err(unknown()),
        };
        Ok(slot.get_or_init(|| payload))
    }
}

/// Reads and judges a pack's header.
pub(crate) fn read_header(bytes: &[u8], path: &Path) -> Result<Header> {
    let bytes = bytes.get(..HEADER_BYTES as usize).ok_or_else(|| Error::integrity(path, "shorter than its header"))?;
    let header = match Header::decode(bytes) {
        Ok(header) => header,
        Err(_) if Header::version(bytes).is_some_and(|version| version > FORMAT_VERSION) => {
            let version = Header::version(bytes).unwrap_or_default();
            return Err(Error::TooNew { path: path.to_path_buf(), what: format!("format version {version}") });
        }
        Err(corrupt) => return Err(Error::integrity(path, corrupt)),
    };
    let unknown = header.incompatible & !KNOWN_FEATURES;
    if unknown != 0 {
        return Err(Error::TooNew { path: path.to_path_buf(), what: format!("features {unknown:#x}") });
    }
    Ok(header)
}

/// Reads the commit frame at an offset.
pub(crate) fn read_commit(pack: &[u8], offset: u64) -> Result<Commit, Corrupt> {
    let frame = Frame::read(pack, offset)?.expect(Kind::Commit)?;
    let payload = crate::pack::frame::decode(&frame, None)?;
    Commit::decode(&payload).map_err(|Corrupt(what)| corrupt!("commit at offset {offset}: {what}"))
}
