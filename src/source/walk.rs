//! Finds the files to read: those named, and those of the named directories that a walk may take.
//!
//! A walk takes only [kinds](super::kinds) it knows, follows no links, never enters the vault, and counts what it leaves out.
//! A file that is named is always taken, whatever it is, except from inside the vault. The result is sorted by the bytes of
//! the path and does not depend on the order in which the system lists directories.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::decompress;
use super::kinds::{self, Kind};
use super::paths::absolute;
use crate::error::{Error, Result};

/// What a walk takes.
#[derive(Clone, Debug, Default)]
pub struct WalkOptions {
    /// When given, exactly the matching files are taken, of whatever kind.
    include: Option<GlobSet>,
    exclude: GlobSet,
    all_files: bool,
    exclude_dir: Option<PathBuf>,
}

impl WalkOptions {
    /// Globs match the path below the walked directory or the whole path; one without `/` matches a name at any depth.
    /// `exclude_dir` is the vault.
    ///
    /// # Errors
    /// [`Error::Usage`] for a glob that makes no sense.
    pub fn new(include: &[String], exclude: &[String], all_files: bool, exclude_dir: Option<PathBuf>) -> Result<Self> {
        let include = if include.is_empty() { None } else { Some(globs(include)?) };
        Ok(WalkOptions { include, exclude: globs(exclude)?, all_files, exclude_dir })
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anchored = pattern.trim_end_matches('/').trim_start_matches('/');
        let anchored = if anchored.contains('/') { anchored.to_string() } else { format!("**/{anchored}") };
        let glob = GlobBuilder::new(&anchored).literal_separator(true).build();
        set.add(glob.map_err(|error| Error::Usage(format!("glob `{pattern}`: {}", error.kind())))?);
    }
    set.build().map_err(|error| Error::Usage(format!("globs: {error}")))
}

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Absolute and lexically clean: the name of the source.
    pub path: PathBuf,
    /// Microseconds since 1970 of the last change.
    pub mtime_us: i64,
    /// Bytes on disk.
    pub size: u64,
    /// Number of the device.
    pub dev: u64,
    /// Number of the file on the device.
    pub ino: u64,
    /// False for pipes and devices, which have no size and can be read once.
    pub regular: bool,
    /// Named, not found in a directory.
    pub explicit: bool,
}

impl FoundFile {
    /// The file as the system describes it now.
    #[must_use]
    pub fn at(path: PathBuf, meta: &Metadata, explicit: bool) -> FoundFile {
        FoundFile {
            path,
            mtime_us: mtime_us(meta),
            size: if meta.is_file() { meta.len() } else { 0 },
            dev: meta.dev(),
            ino: meta.ino(),
            regular: meta.is_file(),
            explicit,
        }
    }
}

/// Why a walk left something out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// It may hold keys or tokens.
    Credential,
    /// `--exclude`, or not in `--include`.
    Excluded,
    /// A link.
    Link,
    /// A pipe, socket or device.
    Special,
    /// A `.log`, or compressed JSON by name, whose first line is not JSON.
    NotJson,
    /// The vault itself.
    Vault,
    /// No kind a walk takes; with the ending of the name.
    UnknownKind(String),
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SkipReason::Credential => f.write_str("credential"),
            SkipReason::Excluded => f.write_str("excluded"),
            SkipReason::Link => f.write_str("link"),
            SkipReason::Special => f.write_str("special"),
            SkipReason::NotJson => f.write_str("not-json"),
            SkipReason::Vault => f.write_str("vault"),
            SkipReason::UnknownKind(ending) if ending.is_empty() => f.write_str("unknown-kind"),
            SkipReason::UnknownKind(ending) => write!(f, "unknown-kind .{ending}"),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Sorted by path, each once.
    pub files: Vec<FoundFile>,
    /// How many entries were left out, by reason; a directory counts once.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// What could not be read.
    pub errors: Vec<(PathBuf, io::Error)>,
}

/// Finds the files of `paths`.
#[must_use]
pub fn discover(paths: &[PathBuf], options: &WalkOptions) -> Discovery {
    let mut walk = Walk { options, vault: Vault::new(options.exclude_dir.as_deref()), found: Discovery::default() };
    for path in paths {
        walk.named(path);
    }
    walk.finish()
}

/// The directory that is never read, recognised by its path and, when it exists, by what it is.
struct Vault {
    path: Option<PathBuf>,
    identity: Option<(u64, u64)>,
}

impl Vault {
    fn new(path: Option<&Path>) -> Vault {
        let path = path.and_then(|path| absolute(path).ok());
        let identity = path.as_deref().and_then(|path| fs::metadata(path).ok()).map(|meta| (meta.dev(), meta.ino()));
        Vault { path, identity }
    }

    fn is(&self, path: &Path, meta: &Metadata) -> bool {
        self.path.as_deref() == Some(path) || self.identity == Some((meta.dev(), meta.ino()))
    }

    fn contains(&self, path: &Path) -> bool {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        real.ancestors().any(|above| match fs::metadata(above) {
            Ok(meta) => self.is(above, &meta),
            Err(_) => self.path.as_deref() == Some(above),
        })
    }
}

struct Walk<'a> {
    options: &'a WalkOptions,
    vault: Vault,
    found: Discovery,
}

impl Walk<'_> {
    /// A link that is named is followed: the user pointed at what is behind it.
    fn named(&mut self, path: &Path) {
        let outcome = absolute(path).and_then(|path| fs::metadata(&path).map(|meta| (path, meta)));
        match outcome {
            Err(error) => self.found.errors.push((path.to_path_buf(), error)),
            Ok((path, _)) if self.vault.contains(&path) => self.skip(SkipReason::Vault),
            Ok((path, meta)) if meta.is_dir() => self.directory(&path),
            Ok((path, meta)) => self.take(path, &meta, true),
        }
    }

    fn directory(&mut self, root: &Path) {
        let mut waiting = vec![root.to_path_buf()];
        while let Some(directory) = waiting.pop() {
            match fs::read_dir(&directory) {
                Ok(entries) => entries.for_each(|entry| self.entry(root, &directory, entry, &mut waiting)),
                Err(error) => self.found.errors.push((directory, error)),
            }
        }
    }

    fn entry(&mut self, root: &Path, parent: &Path, entry: io::Result<fs::DirEntry>, waiting: &mut Vec<PathBuf>) {
        let (path, meta) = match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
            Ok(entry) => entry,
            Err(error) => return self.found.errors.push((parent.to_path_buf(), error)),
        };
        if meta.is_symlink() {
            return self.skip(SkipReason::Link);
        }
        if matches(&self.options.exclude, root, &path) {
            return self.skip(SkipReason::Excluded);
        }
        if meta.is_dir() {
            return match self.refusal_of_directory(&path, &meta) {
                Some(reason) => self.skip(reason),
                None => waiting.push(path),
            };
        }
        match self.refusal_of_file(root, &path, &meta) {
            Ok(None) => self.take(path, &meta, false),
            Ok(Some(reason)) => self.skip(reason),
            Err(error) => self.found.errors.push((path, error)),
        }
    }

    fn refusal_of_directory(&self, path: &Path, meta: &Metadata) -> Option<SkipReason> {
        if self.vault.is(path, meta) {
            return Some(SkipReason::Vault);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        kinds::is_secret_directory(&name).then_some(SkipReason::Credential)
    }

    fn refusal_of_file(&self, root: &Path, path: &Path, meta: &Metadata) -> io::Result<Option<SkipReason>> {
        if !meta.is_file() {
            return Ok(Some(SkipReason::Special));
        }
        let kind = kinds::kind_of(path);
        if kind == Kind::Credential {
            return Ok(Some(SkipReason::Credential));
        }
        if let Some(include) = &self.options.include {
            return Ok((!matches(include, root, path)).then_some(SkipReason::Excluded));
        }
        Ok(match kind {
            _ if self.options.all_files => None,
            Kind::Unknown(ending) => Some(SkipReason::UnknownKind(ending)),
            Kind::LogIfJson => (!looks_like_json(path)?).then_some(SkipReason::NotJson),
            Kind::Known | Kind::Credential => None,
        })
    }

    fn take(&mut self, path: PathBuf, meta: &Metadata, explicit: bool) {
        self.found.files.push(FoundFile::at(path, meta, explicit));
    }

    fn skip(&mut self, reason: SkipReason) {
        *self.found.skipped.entry(reason).or_default() += 1;
    }

    fn finish(self) -> Discovery {
        let mut found = self.found;
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        // Named before found, so that removing doubles keeps the one that was named.
        found.files.sort_by_cached_key(|file| (bytes(&file.path), !file.explicit));
        found.files.dedup_by(|later, earlier| later.path == earlier.path);
        found.errors.sort_by_cached_key(|(path, _)| bytes(path));
        found
    }
}

/// Microseconds since 1970 of the last change.
#[must_use]
pub fn mtime_us(meta: &Metadata) -> i64 {
    meta.mtime().saturating_mul(1_000_000).saturating_add(meta.mtime_nsec() / 1000)
}

fn matches(globs: &GlobSet, root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    let whole = path.strip_prefix("/").unwrap_or(path);
    globs.is_match(below) || globs.is_match(whole)
}

fn looks_like_json(path: &Path) -> io::Result<bool> {
    let opened = decompress::open(path, decompress::DEFAULT_WINDOW)?;
    let mut start = Vec::new();
    match opened.reader.take(kinds::SNIFF as u64).read_to_end(&mut start) {
        // What could be read of a damaged stream decides too: ingest will report the damage.
        Err(error) if decompress::damage(&error).is_none() => Err(error),
        _ => Ok(kinds::starts_with_json(&start)),
    }
}

#[cfg(test)]
mod tests;
