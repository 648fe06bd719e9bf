//! Finds the files to read: those named, and those of the named directories that a walk may take.
//!
//! A walk takes only [kinds](super::kinds) it knows, follows no links, never enters the vault, and counts what it leaves out.
//! A file that is named is always taken, whatever it is, except from inside the vault. The result is sorted by the bytes of
//! the path and does not depend on the order in which the system lists directories.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::decompress;
use super::kinds::{self, Kind};
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
    pub fn new(
        include: &[String],
        exclude: &[String],
        all_files: bool,
        exclude_dir: Option<PathBuf>,
    ) -> Result<Self> {
        let include = if include.is_empty() {
            None
        } else {
            Some(globs(include)?)
        };
        Ok(WalkOptions {
            include,
            exclude: globs(exclude)?,
            all_files,
            exclude_dir,
        })
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anchored = pattern.trim_end_matches('/').trim_start_matches('/');
        let anchored = if anchored.contains('/') {
            anchored.to_string()
        } else {
            format!("**/{anchored}")
        };
        let glob = GlobBuilder::new(&anchored).literal_separator(true).build();
        set.add(glob.map_err(|error| Error::Usage(format!("glob `{pattern}`: {}", error.kind())))?);
    }
    set.build()
        .map_err(|error| Error::Usage(format!("globs: {error}")))
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
    let mut walk = Walk {
        options,
        vault: Vault::new(options.exclude_dir.as_deref()),
        found: Discovery::default(),
    };
    for path in paths {
        walk.named(path);
    }
    walk.finish()
}

/// Reads a list of paths, one a line or separated by NUL. Empty entries are left out.
///
/// # Errors
/// When the list cannot be read.
pub fn files_from(mut reader: impl Read, null_separated: bool) -> io::Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let separator = if null_separated { 0 } else { b'\n' };
    let entries = bytes
        .split(|&byte| byte == separator)
        .filter(|entry| !entry.is_empty());
    Ok(entries
        .map(|entry| PathBuf::from(std::ffi::OsString::from_vec(entry.to_vec())))
        .collect())
}

/// The name of a path as it is shown and stored: bytes that are not UTF-8 appear as `\xNN`.
#[must_use]
pub fn source_name(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        chunk
            .invalid()
            .iter()
            .for_each(|byte| name.push_str(&format!("\\x{byte:02x}")));
    }
    name
}

/// The absolute path without `.` and `..`, decided by its letters alone; where a link makes that another file, `..` stays.
///
/// # Errors
/// When there is no current directory.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let full = std::path::absolute(path)?;
    let mut clean = PathBuf::new();
    for component in full.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    let same =
        |one: &Metadata, other: &Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    match (fs::metadata(&full), fs::metadata(&clean)) {
        (Ok(meant), Ok(reached)) if same(&meant, &reached) => Ok(clean),
        (Ok(_), _) => Ok(full),
        (Err(_), _) => Ok(clean),
    }
}

/// The directory that is never read, recognised by its path and, when it exists, by what it is.
struct Vault {
    path: Option<PathBuf>,
    identity: Option<(u64, u64)>,
}

impl Vault {
    fn new(path: Option<&Path>) -> Vault {
        let path = path.and_then(|path| absolute(path).ok());
        let identity = path
            .as_deref()
            .and_then(|path| fs::metadata(path).ok())
            .map(|meta| (meta.dev(), meta.ino()));
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
                Ok(entries) => {
                    entries.for_each(|entry| self.entry(root, &directory, entry, &mut waiting))
                }
                Err(error) => self.found.errors.push((directory, error)),
            }
        }
    }

    fn entry(
        &mut self,
        root: &Path,
        parent: &Path,
        entry: io::Result<fs::DirEntry>,
        waiting: &mut Vec<PathBuf>,
    ) {
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

    fn refusal_of_file(
        &self,
        root: &Path,
        path: &Path,
        meta: &Metadata,
    ) -> io::Result<Option<SkipReason>> {
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
        self.found.files.push(FoundFile {
            path,
            mtime_us: mtime_us(meta),
            size: if meta.is_file() { meta.len() } else { 0 },
            dev: meta.dev(),
            ino: meta.ino(),
            regular: meta.is_file(),
            explicit,
        });
    }

    fn skip(&mut self, reason: SkipReason) {
        *self.found.skipped.entry(reason).or_default() += 1;
    }

    fn finish(self) -> Discovery {
        let mut found = self.found;
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        // Named before found, so that removing doubles keeps the one that was named.
        found
            .files
            .sort_by_cached_key(|file| (bytes(&file.path), !file.explicit));
        found
            .files
            .dedup_by(|later, earlier| later.path == earlier.path);
        found.errors.sort_by_cached_key(|(path, _)| bytes(path));
        found
    }
}

/// Microseconds since 1970 of the last change.
#[must_use]
pub fn mtime_us(meta: &Metadata) -> i64 {
    meta.mtime()
        .saturating_mul(1_000_000)
        .saturating_add(meta.mtime_nsec() / 1000)
}

fn matches(globs: &GlobSet, root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    let whole = path.strip_prefix("/").unwrap_or(path);
    globs.is_match(below) || globs.is_match(whole)
}

fn looks_like_json(path: &Path) -> io::Result<bool> {
    let opened = decompress::open(path, decompress::DEFAULT_WINDOW)?;
    let mut start = Vec::new();
    match opened
        .reader
        .take(kinds::SNIFF as u64)
        .read_to_end(&mut start)
    {
        // What could be read of a damaged stream decides too: ingest will report the damage.
        Err(error) if decompress::damage(&error).is_none() => Err(error),
        _ => Ok(kinds::starts_with_json(&start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[expect(dead_code, reason = "the directory lives as long as the tree")]
    struct Tree(tempfile::TempDir, PathBuf);

    impl Tree {
        fn new(files: &[&str]) -> Tree {
            let dir = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(dir.path()).unwrap();
            let tree = Tree(dir, root);
            files.iter().for_each(|file| tree.put(file, "{\"a\":1}\n"));
            tree
        }

        fn put(&self, file: &str, text: &str) {
            let path = self.1.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path)
                .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
                .unwrap();
        }

        fn names(&self, found: &Discovery) -> Vec<String> {
            found
                .files
                .iter()
                .map(|file| source_name(file.path.strip_prefix(&self.1).unwrap()))
                .collect()
        }

        fn walk(&self, include: &[&str], exclude: &[&str], all: bool) -> Discovery {
            let owned = |globs: &[&str]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
            let options = WalkOptions::new(
                &owned(include),
                &owned(exclude),
                all,
                Some(self.1.join("vault")),
            )
            .unwrap();
            discover(std::slice::from_ref(&self.1), &options)
        }
    }

    #[test]
    fn a_walk_takes_known_kinds_in_path_order_and_counts_the_rest() {
        let tree = Tree::new(&[
            "b.jsonl",
            "a/x.ndjson",
            "a.jsonl",
            "notes.md",
            "auth.json",
            "k/.ssh/x.jsonl",
            "vault/packs/p.jsonl",
        ]);
        tree.put("gw.log", "plain words\n");
        tree.put("ok.log", "{\"a\":1}\n");
        symlink(tree.1.join("b.jsonl"), tree.1.join("link.jsonl")).unwrap();
        symlink(&tree.1, tree.1.join("loop")).unwrap();
        let found = tree.walk(&[], &[], false);
        assert_eq!(
            tree.names(&found),
            ["a.jsonl", "a/x.ndjson", "b.jsonl", "ok.log"]
        );
        let skipped: Vec<_> = found.skipped.into_iter().collect();
        assert_eq!(
            skipped,
            [
                (SkipReason::Credential, 2),
                (SkipReason::Link, 2),
                (SkipReason::NotJson, 1),
                (SkipReason::Vault, 1),
                (SkipReason::UnknownKind(".md".into()), 1)
            ]
        );
        assert!(found.errors.is_empty());
    }

    #[test]
    fn all_files_takes_every_kind_but_never_credentials_links_or_the_vault() {
        let tree = Tree::new(&["notes.md", ".env", "id_rsa", "vault/vault.json", "x.bin"]);
        symlink(tree.1.join("vault"), tree.1.join("other")).unwrap();
        let found = tree.walk(&[], &[], true);
        assert_eq!(tree.names(&found), ["notes.md", "x.bin"]);
    }

    #[test]
    fn globs_choose_by_name_by_path_below_and_prune_directories() {
        let tree = Tree::new(&[
            "a/x.txt",
            "a/y.jsonl",
            "b/x.txt",
            "b/c/z.jsonl",
            "my_token.json",
        ]);
        assert_eq!(
            tree.names(&tree.walk(&["*.txt", "my*"], &[], false)),
            ["a/x.txt", "b/x.txt"]
        );
        assert_eq!(
            tree.names(&tree.walk(&["b/**"], &[], false)),
            ["b/c/z.jsonl", "b/x.txt"]
        );
        assert_eq!(tree.names(&tree.walk(&[], &["c/"], false)), ["a/y.jsonl"]);
        assert_eq!(
            tree.names(&tree.walk(&[], &["/a/*.jsonl"], false)),
            ["b/c/z.jsonl"]
        );
        assert!(matches!(
            WalkOptions::new(&["a[".into()], &[], false, None),
            Err(Error::Usage(_))
        ));
    }

    #[test]
    fn named_files_are_taken_whatever_they_are_once_and_missing_ones_are_errors() {
        let tree = Tree::new(&["auth.json", "vault/head", "d/a.jsonl"]);
        symlink(tree.1.join("auth.json"), tree.1.join("link")).unwrap();
        let named = [
            "auth.json",
            "link",
            "d/a.jsonl",
            "d",
            "d/../d/a.jsonl",
            "gone",
            "vault/head",
            "vault",
        ]
        .map(|name| tree.1.join(name));
        let options = WalkOptions::new(&[], &[], false, Some(tree.1.join("vault"))).unwrap();
        let found = discover(&named, &options);
        assert_eq!(tree.names(&found), ["auth.json", "d/a.jsonl", "link"]);
        assert!(
            found
                .files
                .iter()
                .all(|file| file.explicit && file.regular && file.size == 8)
        );
        assert_eq!(
            found
                .errors
                .iter()
                .map(|(path, _)| path.clone())
                .collect::<Vec<_>>(),
            [tree.1.join("gone")]
        );
        assert_eq!(found.skipped[&SkipReason::Vault], 2);
    }

    #[test]
    fn dots_go_from_a_name_unless_a_link_makes_it_another_file() {
        let tree = Tree::new(&["real/deep/x.jsonl", "real/x.jsonl", "x.jsonl"]);
        symlink(tree.1.join("real/deep"), tree.1.join("link")).unwrap();
        assert_eq!(
            absolute(&tree.1.join("real/./deep/../x.jsonl")).unwrap(),
            tree.1.join("real/x.jsonl")
        );
        assert_eq!(
            absolute(&tree.1.join("link/../x.jsonl")).unwrap(),
            tree.1.join("link/../x.jsonl")
        );
    }

    #[test]
    fn lists_of_files_keep_spaces_and_newlines_as_the_separator_says() {
        assert_eq!(
            files_from(&b"a b\n\nc\n"[..], false).unwrap(),
            [PathBuf::from("a b"), PathBuf::from("c")]
        );
        assert_eq!(
            files_from(&b"a\nb\0c"[..], true).unwrap(),
            [PathBuf::from("a\nb"), PathBuf::from("c")]
        );
        assert_eq!(
            source_name(Path::new(std::ffi::OsStr::from_bytes(b"/a/\xffb"))),
            "/a/\\xffb"
        );
    }
}
