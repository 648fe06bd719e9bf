//! `ingest`: what to take, how, and what became of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Report;

/// One thing to take in.
pub enum Input {
    /// A file or directory named on the command line or in a list.
    Path(PathBuf),
    /// A stream without a name of its own, such as standard input.
    Stream(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Input::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Input::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// When data is flushed to the disk and thereby acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// After every commit.
    Each,
    /// Once at the end of a batch of commits.
    #[default]
    Batch,
}

/// How to ingest.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Name of the one source, instead of its path.
    pub source: Option<String>,
    /// The stream continues the source, whatever it holds already.
    pub append: bool,
    /// Put before the names of sources found in a directory, instead of its absolute path.
    pub as_prefix: Option<String>,
    /// Shape of the records, instead of detection.
    pub shape: Option<String>,
    /// Mapping file for unknown shapes; kept in the vault.
    pub map: Option<PathBuf>,
    /// Text that separates a context from the turn after it, inside one string.
    pub context_delimiter: Option<String>,
    /// Longer strings are stored in pieces of this size.
    pub max_segment_bytes: Option<u64>,
    /// Only files that match one of these globs.
    pub include: Vec<String>,
    /// No file that matches one of these globs.
    pub exclude: Vec<String>,
    /// Take every file of a directory, known kind or not (credentials excepted).
    pub all_files: bool,
    /// A stream is committed at least this often.
    pub flush_interval: Duration,
    /// When data reaches the disk.
    pub sync: Sync,
    /// Report what would happen, write nothing.
    pub dry_run: bool,
    /// Fill [`IngestReport::explanations`].
    pub explain: bool,
    /// Bring back records that were removed.
    pub restore_removed: bool,
    /// Read every known source again instead of trusting size and time.
    pub verify_sources: bool,
}

impl Default for IngestOptions {
    fn default() -> Self {
        IngestOptions {
            source: None,
            append: false,
            as_prefix: None,
            shape: None,
            map: None,
            context_delimiter: None,
            max_segment_bytes: None,
            include: Vec::new(),
            exclude: Vec::new(),
            all_files: false,
            flush_interval: Duration::from_secs(5),
            sync: Sync::default(),
            dry_run: false,
            explain: false,
            restore_removed: false,
            verify_sources: false,
        }
    }
}

/// A file that could not be read, or not to its end.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The file, or the source's name.
    pub path: PathBuf,
    /// What happened, without the path.
    pub message: String,
}

impl Report for Failure {
    const KIND: &'static str = "failure";
}

/// How the shape of one source was decided.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The source.
    pub source: String,
    /// Records by shape; `opaque` for lines that are no JSON.
    pub shapes: BTreeMap<String, u64>,
    /// What decided, in words.
    pub reason: String,
}

/// What an ingest did. With `dry_run` the same numbers, of what it would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IngestReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// The vault was created by this ingest.
    pub created: bool,
    /// Sources that gave at least one record.
    pub sources: u64,
    /// Sources that held nothing new.
    pub sources_unchanged: u64,
    /// Lines taken in.
    pub occurrences: u64,
    /// Records that were not in the vault before.
    pub new_records: u64,
    /// Segments that were not in the vault before.
    pub new_segments: u64,
    /// Lines that are not JSON.
    pub opaque_lines: u64,
    /// Occurrences left out because their record was removed.
    pub removed_again: u64,
    /// Decompressed bytes read.
    pub bytes_in: u64,
    /// Size of all files of the vault, before.
    pub vault_bytes_before: u64,
    /// Size of all files of the vault, after.
    pub vault_bytes_after: u64,
    /// Files a directory walk left alone, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Files that could not be opened or were damaged; what was readable is kept.
    pub failures: Vec<Failure>,
    /// Why each source was read as it was; empty unless asked for.
    pub explanations: Vec<Explanation>,
    /// The signal that ended it early, after a clean commit.
    pub interrupted: Option<i32>,
    /// Wall-clock milliseconds.
    pub elapsed_ms: u64,
}

impl IngestReport {
    /// How much the vault grew; negative when something was folded on the way.
    #[must_use]
    pub fn growth(&self) -> i128 {
        i128::from(self.vault_bytes_after) - i128::from(self.vault_bytes_before)
    }
}

impl Report for IngestReport {
    const KIND: &'static str = "ingest";
}
