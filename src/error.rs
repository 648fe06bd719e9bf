//! The errors of the library, by what the user can do about them. `cli::exit` maps each to its exit code.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with bytes read from disk. Rooms return it; the caller that knows the file adds path and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt(pub String);

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Corrupt {}

/// Builds a [`Corrupt`] from a format string.
macro_rules! corrupt {
    ($($arg:tt)*) => { $crate::error::Corrupt(format!($($arg)*)) };
}
pub(crate) use corrupt;

/// Any failure of an operation on a vault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Exit 2: the request itself makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Exit 1: an id, source or conversation that the vault does not hold.
    #[error("{0}")]
    NotFound(String),
    /// Exit 10: no vault where one was expected.
    #[error("no vault at {}; `turnpack ingest` creates one, `--vault DIR` or TURNPACK_VAULT names another", .0.display())]
    NoVault(PathBuf),
    /// Exit 11: another process writes.
    #[error("{} is locked by {holder}; wait with --lock-timeout 10m, or leave quietly with --skip-if-locked", .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, from `lock.info`.
        holder: String,
    },
    /// Exit 12: the vault needs a newer program.
    #[error("{}: {what}; this program is too old for it, install a newer turnpack", .path.display())]
    TooNew {
        /// The file that says so.
        path: PathBuf,
        /// What it asks for.
        what: String,
    },
    /// Exit 13: stored bytes are damaged.
    #[error("{}: {what}; run `turnpack check --read-data` to see what is affected", .path.display())]
    Integrity {
        /// The damaged file.
        path: PathBuf,
        /// What was found, and at which offset.
        what: String,
    },
    /// Exit 14: the disk is full; the vault is as it was at the last commit.
    #[error("no space left while {doing} {}; what was committed before is safe, free some space and run again", .path.display())]
    NoSpace {
        /// The file or directory being written.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// Exit 4: the operating system refused.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What was being done, as "reading", "creating"…
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Exit 4: something is not shown because it could not be searched for secrets.
    #[error("{0}")]
    Withheld(String),
    /// Exit 130 or 143: a signal arrived; everything acknowledged is committed.
    #[error("interrupted")]
    Interrupted,
    /// Exit 4: a promise of ours broken; a bug.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Result of an operation on a vault.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Names the file of a [`Corrupt`].
    pub fn integrity(path: &Path, what: impl fmt::Display) -> Error {
        Error::Integrity { path: path.to_path_buf(), what: what.to_string() }
    }

    /// Wraps a system error; a full disk gets its own kind.
    pub fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Error {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(source.kind(), StorageFull | QuotaExceeded) {
            return Error::NoSpace { path: path.to_path_buf(), doing };
        }
        Error::Io { doing, path: path.to_path_buf(), source }
    }
}

/// Adds path and deed to a system error.
pub trait IoContext<T> {
    /// `doing` reads as "reading", "creating"….
    fn on(self, doing: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn on(self, doing: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::io(doing, path, source))
    }
}
