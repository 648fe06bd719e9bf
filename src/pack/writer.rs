//! Appending to a pack.
//!
//! Order is everything: frames, then the commit frame, then fdatasync (and the directory's fsync when the file is new); only
//! then may `head` name the new length. A torn tail is never cut: the next writer opens a new pack instead when the file is
//! longer than `head` says.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::checksum::checksum;
use crate::error::{Error, IoContext, Result};
use crate::fsio;
use crate::ids::PackId;
use crate::pack::directory::{Commit, Directory};
use crate::pack::frame::{self, Kind};
use crate::pack::{HEADER_BYTES, Header};

/// An open pack, being appended to.
pub struct PackWriter {
    file: File,
    path: PathBuf,
    id: PackId,
    length: u64,
    is_new: bool,
    last_commit: u64,
    sums: Vec<u8>,
    pending: Directory,
    /// Everything since the last full directory, and the size that makes the next one due.
    since_full: u64,
    last_full_bytes: u64,
    all: Directory,
}

/// What `head` must know after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The pack.
    pub pack: PackId,
    /// Its committed length.
    pub length: u64,
    /// Offset of its last commit frame.
    pub last_commit: u64,
}

impl PackWriter {
    /// Creates a pack.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create(packs: &Path, header: Header) -> Result<PackWriter> {
        let path = packs.join(header.pack.file_name());
        let mut file = fsio::create_new(&path)?;
        file.write_all(&header.encode()).on("writing", &path)?;
        Ok(PackWriter {
            file,
            path,
            id: header.pack,
            length: HEADER_BYTES,
            is_new: true,
            last_commit: 0,
            sums: Vec::new(),
            pending: Directory::default(),
            since_full: 0,
            last_full_bytes: 0,
            all: Directory::default(),
        })
    }

    /// Opens a pack that ends exactly where its last commit did; `None` when it has a torn tail.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn append(packs: &Path, committed: Committed, directory: Directory) -> Result<Option<PackWriter>> {
        let path = packs.join(committed.pack.file_name());
        let file = OpenOptions::new().append(true).open(&path).on("opening", &path)?;
        if file.metadata().on("reading the size of", &path)?.len() != committed.length {
            return Ok(None);
        }
        Ok(Some(PackWriter {
            file,
            path,
            id: committed.pack,
            length: committed.length,
            is_new: false,
            last_commit: committed.last_commit,
            sums: Vec::new(),
            pending: Directory::default(),
            // A full directory soon after opening: whoever opened it paid for the whole chain.
            since_full: 0,
            last_full_bytes: 0,
            all: directory,
        }))
    }

    /// The pack's number.
    #[must_use]
    pub fn id(&self) -> PackId {
        self.id
    }

    /// Bytes written so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Entries of the commit being written; the caller adds what it appends.
    pub fn directory(&mut self) -> &mut Directory {
        &mut self.pending
    }

    /// Appends a built frame and gives its offset.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn frame(&mut self, frame: &[u8]) -> Result<u64> {
        let offset = self.length;
        self.file.write_all(frame).on("writing", &self.path)?;
        self.length += frame.len() as u64;
        let sum = frame.len().checked_sub(frame::TAIL).and_then(|at| frame.get(at..));
        self.sums.extend_from_slice(sum.ok_or_else(|| Error::Internal("a frame without checksum".into()))?);
        Ok(offset)
    }

    /// Ends the commit and flushes it to disk. Nothing counts until `head` names the result.
    ///
    /// # Errors
    /// When writing or flushing fails; then this writer must not be used again.
    pub fn commit(&mut self, generation: u64, next_record: u64, sealed: bool, replaces: Vec<PackId>) -> Result<Committed> {
        let mut commit = Commit {
            generation,
            previous: self.last_commit,
            full: false,
            sealed,
            next_record,
            replaces,
            frames_checksum: checksum(&self.sums),
            directory: std::mem::take(&mut self.pending),
        };
        self.all.extend(commit.directory.clone());
        let (mut payload, mut weight) = commit.encode();
        self.since_full += weight as u64;
        if sealed || self.since_full > self.last_full_bytes.max(16 << 10) {
            commit.full = true;
            commit.directory = self.all.clone();
            (payload, weight) = commit.encode();
            self.since_full = 0;
            self.last_full_bytes = weight as u64;
        }
        self.last_commit = self.frame(&frame::build_raw(Kind::Commit, &payload))?;
        self.sums.clear();
        self.file.sync_data().on("flushing", &self.path)?;
        if std::mem::take(&mut self.is_new) {
            fsio::sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        }
        Ok(Committed { pack: self.id, length: self.length, last_commit: self.last_commit })
    }
}
