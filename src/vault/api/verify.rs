//! `check`: what to verify, what was found, and the gate before anybody deletes originals.

use std::path::PathBuf;

use serde::Serialize;

use super::{Failure, Report};

/// How much of the stored data is decoded and compared with its hashes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ReadData {
    /// Structure only.
    #[default]
    Nothing,
    /// A part.
    Some(Subset),
    /// All of it.
    All,
}

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Subset {
    /// A share, above 0 and at most 100, chosen anew each time.
    Percent(f64),
    /// Part `part` of `of` equal ones, from 1: different days can check different parts.
    Part {
        /// Which, from 1.
        part: u32,
        /// Of how many.
        of: u32,
    },
    /// About so many bytes, chosen anew each time.
    Bytes(u64),
}

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Stored data to decode.
    pub read_data: ReadData,
    /// Files and directories that must be in the vault byte for byte. With any, nothing but this and `digest` is checked
    /// unless `read_data` asks for more.
    pub against: Vec<PathBuf>,
    /// Compute one BLAKE3 over all sources.
    pub digest: bool,
    /// The digest it must have, hex; implies `digest`.
    pub expect: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing is lost (a derived file to rebuild).
    Note,
    /// A file given to `against` is not in the vault byte for byte.
    Difference,
    /// Stored bytes are damaged.
    Damage,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The file: of the vault (relative to it) or of `against`.
    pub path: PathBuf,
    /// Byte offset in that file (for a difference: in the decompressed stream).
    pub offset: Option<u64>,
    /// For a difference: the line, from 1.
    pub line: Option<u64>,
    /// What was found.
    pub what: String,
    /// Records that cannot be read because of it.
    pub records: u64,
    /// Places of the first of them, `SOURCE:LINE`.
    pub places: Vec<String>,
}

impl Report for Finding {
    const KIND: &'static str = "finding";
}

/// How files compare with the vault.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AgainstReport {
    /// Files compared.
    pub files: u64,
    /// Of these, in the vault byte for byte.
    pub equal: u64,
    /// Of these, not, or not wholly.
    pub different: u64,
    /// Decompressed bytes compared.
    pub bytes: u64,
    /// Files that could not be read.
    pub failures: Vec<Failure>,
}

/// What a check found, after all findings were given out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CheckReport {
    /// Findings of severity damage.
    pub damage: u64,
    /// Findings of severity note.
    pub notes: u64,
    /// Records that cannot be read.
    pub records_damaged: u64,
    /// Packs looked at.
    pub packs: u64,
    /// Frames looked at.
    pub frames: u64,
    /// Bytes of records that were read back whole.
    pub bytes_read: u64,
    /// Comparison with files, when asked for.
    pub against: Option<AgainstReport>,
    /// Digest over all sources, hex, when asked for.
    pub digest: Option<String>,
    /// Whether it is the expected one, when one was expected.
    pub digest_matches: Option<bool>,
}

impl Report for CheckReport {
    const KIND: &'static str = "check";
}
