//! Reading a pack through its mapping, never past the committed length.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::bytes::Reader;
use crate::error::{Corrupt, Error, Result, corrupt};
use crate::fsio::{self, Map};
use crate::pack::directory::{Brief, Commit, Directory};
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
    /// Journals and dictionaries; nothing else is in it.
    brief: Directory,
    /// Offsets of the commits that make up the directory, the newest first.
    chain: Vec<u64>,
    /// What is where, once somebody asked.
    whole: OnceLock<Result<Directory, Corrupt>>,
    /// Numbers of all records lie in this range.
    span: Range<u64>,
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
        let pack = PackReader::with_bytes(Bytes::Mapped(map), path, vault_id, committed)?;
        pack.load().map(|()| pack)
    }

    /// The same for who may not need to know what is where: see [`PackReader::load`].
    ///
    /// # Errors
    /// As [`PackReader::open`], but for damage to the list of blocks, groups and templates.
    pub fn open_briefly(packs: &Path, vault_id: u128, committed: Committed) -> Result<PackReader> {
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
        let pack = PackReader::with_bytes(Bytes::Read(bytes), path, vault_id, committed)?;
        pack.load().map(|()| pack)
    }

    fn with_bytes(bytes: Bytes, path: PathBuf, vault_id: u128, committed: Committed) -> Result<PackReader> {
        let mut reader = PackReader {
            bytes,
            path,
            brief: Directory::default(),
            chain: Vec::new(),
            whole: OnceLock::new(),
            span: 0..0,
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
        reader.read_chain().map_err(|corrupt| reader.damaged(corrupt))?;
        Ok(reader)
    }

    /// Steps back to the last full directory. Of each commit only the beginning is read.
    fn read_chain(&mut self) -> Result<(), Corrupt> {
        let mut parts = Vec::new();
        let mut at = self.committed.last_commit;
        while at != 0 {
            let frame = Frame::read(self.bytes(), at)?.expect(Kind::Commit)?;
            let Brief { commit, span, .. } = brief(&frame, at)?;
            if commit.previous >= at {
                return Err(corrupt!("commit at offset {at} follows one at offset {}", commit.previous));
            }
            if parts.is_empty() {
                (self.generation, self.sealed) = (commit.generation, commit.sealed);
            }
            self.chain.push(at);
            at = if commit.full { 0 } else { commit.previous };
            self.replaces.extend(&commit.replaces);
            parts.push((commit.directory, span));
        }
        for (directory, span) in parts.into_iter().rev() {
            self.brief.extend(directory);
            self.span = match (self.span.is_empty(), span.is_empty()) {
                (_, true) => self.span.clone(),
                (true, false) => span,
                (false, false) => self.span.start.min(span.start)..self.span.end.max(span.end),
            };
        }
        Ok(())
    }

    fn read_directory(&self) -> Result<Directory, Corrupt> {
        let mut directory = Directory::default();
        for &at in self.chain.iter().rev() {
            directory.extend(read_commit(self.bytes(), at)?.directory);
        }
        Ok(directory)
    }

    /// What is where. Of a pack opened briefly it is read now; when it is damaged there seems to be nothing in the pack, and
    /// [`PackReader::load`] says why.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        self.whole.get_or_init(|| self.read_directory()).as_ref().unwrap_or(&self.brief)
    }

    /// Reads what is where.
    ///
    /// # Errors
    /// When that is damaged.
    pub fn load(&self) -> Result<()> {
        match self.whole.get_or_init(|| self.read_directory()) {
            Ok(_) => Ok(()),
            Err(corrupt) => Err(self.damaged(corrupt.clone())),
        }
    }

    /// The damage that was met when the directory was read, if it was.
    #[must_use]
    pub fn damage(&self) -> Option<Error> {
        let damage = self.whole.get()?.as_ref().err()?;
        Some(self.damaged(damage.clone()))
    }

    /// False when a record is certainly not here.
    #[must_use]
    pub fn may_hold(&self, record: u64) -> bool {
        self.span.contains(&record)
    }

    /// Offsets of the journals that have to be read, in order.
    #[must_use]
    pub fn journals(&self) -> &[u64] {
        self.brief.needed_journals()
    }

    /// Gives back the memory of what was read of the file (see [`Map::give_back`](crate::fsio::Map::give_back)).
    pub fn give_back(&self) {
        if let Bytes::Mapped(map) = &self.bytes {
            map.give_back();
        }
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
        self.directory().blocks.iter().map(|block| u64::from(block.length)).sum()
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
        let all = self.dictionaries.get_or_init(|| self.brief.dictionaries.iter().map(|_| OnceLock::new()).collect());
        let unknown = || corrupt!("no dictionary {number}");
        let slot = all.get(number as usize).ok_or_else(unknown)?;
        if let Some(bytes) = slot.get() {
            return Ok(bytes);
        }
        let offset = *self.brief.dictionaries.get(number as usize).ok_or_else(unknown)?;
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
    Commit::decode(plain(&frame)?).map_err(|Corrupt(what)| corrupt!("commit at offset {offset}: {what}"))
}

fn brief<'f>(frame: &Frame<'f>, offset: u64) -> Result<Brief<'f>, Corrupt> {
    plain(frame).and_then(Brief::read).map_err(|Corrupt(what)| corrupt!("commit at offset {offset}: {what}"))
}

/// Commit frames are stored as they are; they compress what is worth it themselves.
fn plain<'f>(frame: &Frame<'f>) -> Result<&'f [u8], Corrupt> {
    match frame.codec {
        frame::codec::RAW => Ok(frame.payload),
        codec => Err(corrupt!("codec {codec} of a commit")),
    }
}
