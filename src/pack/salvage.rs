//! Finding the commits of a pack without `head`.
//!
//! Frames are walked from the header on, never searched for: bytes of users cannot be taken for frames. A commit counts only
//! when every frame since the one before it verifies and the commit frame says the same of their checksums.

use std::path::Path;

use crate::checksum::checksum;
use crate::error::Result;
use crate::fsio;
use crate::ids::PackId;
use crate::pack::directory::Commit;
use crate::pack::frame::{Frame, Kind};
use crate::pack::reader::{read_commit, read_header};
use crate::pack::writer::Committed;
use crate::pack::{HEADER_BYTES, Header};

/// What is left of a pack.
pub struct Salvaged {
    /// Its header.
    pub header: Header,
    /// The last commit that verifies, with its place; `None` when there is none.
    pub last: Option<(Committed, Commit)>,
    /// Every pack that any of its commits replaced.
    pub replaces: Vec<PackId>,
    /// Bytes after the last commit.
    pub tail: u64,
}

/// Walks a pack file.
///
/// # Errors
/// When the file cannot be read or its header is damaged.
pub fn salvage(path: &Path, length: u64) -> Result<Salvaged> {
    let bytes = fsio::read_prefix(path, length)?;
    let header = read_header(&bytes, path)?;
    let mut found = Salvaged { header, last: None, replaces: Vec::new(), tail: 0 };
    let mut at = HEADER_BYTES;
    let mut sums = Vec::new();
    while let Ok(frame) = Frame::read(&bytes, at) {
        if frame.kind == Kind::Commit as u8 {
            let Ok(commit) = read_commit(&bytes, at) else { break };
            if commit.frames_checksum != checksum(&sums) {
                break;
            }
            found.replaces.extend(&commit.replaces);
            let committed = Committed { pack: header.pack, length: at + frame.length, last_commit: at };
            found.last = Some((committed, commit));
            sums.clear();
        } else {
            sums.extend_from_slice(&frame.checksum.to_le_bytes());
        }
        at += frame.length;
    }
    found.tail = length - found.last.as_ref().map_or(HEADER_BYTES, |(committed, _)| committed.length);
    Ok(found)
}
