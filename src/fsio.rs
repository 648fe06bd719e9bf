//! Files: mapping, durable writing, atomic replacement, locks. The only room besides distance computations with `unsafe`.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, IoContext, Result};

/// A read-only mapping of the first bytes of a file, or the bytes themselves where the file is empty.
pub struct Map(Option<memmap2::Mmap>);

impl Map {
    /// Maps the first `length` bytes.
    ///
    /// # Errors
    /// When the file is missing, unreadable or shorter than `length`.
    pub fn open(path: &Path, length: u64) -> Result<Map> {
        let file = File::open(path).on("opening", path)?;
        let actual = file.metadata().on("reading the size of", path)?.len();
        if actual < length {
            return Err(Error::integrity(path, format!("{actual} bytes long, {length} were committed")));
        }
        if length == 0 {
            return Ok(Map(None));
        }
        let length = usize::try_from(length).map_err(|_| Error::Internal(format!("{length} bytes do not fit this machine")))?;
        // SAFETY: pack and part files are append-only: bytes below a committed length are never changed or truncated, and a
        // removed file stays mapped. Another program that cuts the file can raise SIGBUS; `check` and `reindex` use read_range.
        let map = unsafe { memmap2::MmapOptions::new().len(length).map(&file) };
        Ok(Map(Some(map.on("mapping", path)?)))
    }

    /// Gives back the memory of pages that were read: they come from the file again when they are needed. For passes over large files.
    pub fn give_back(&self) {
        if let Some(map) = &self.0 {
            // SAFETY: the mapping is of a file and only read, so that no page holds anything that is not in the file.
            // Where the system will not, the pages stay until it needs them.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }
}

impl Deref for Map {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Reads the first `length` bytes of a file by plain reads: a bad sector is an error, not a signal.
///
/// # Errors
/// When the file cannot be read or is shorter.
pub fn read_prefix(path: &Path, length: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    File::open(path).on("opening", path)?.take(length).read_to_end(&mut out).on("reading", path)?;
    if (out.len() as u64) < length {
        return Err(Error::integrity(path, format!("{} bytes long, {length} were committed", out.len())));
    }
    Ok(out)
}

/// Bytes that may still be written to the file system of a directory.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(dir: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(dir).map_err(std::io::Error::from).on("reading the free space of", dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Creates a directory with mode 0700.
///
/// # Errors
/// When it exists or its parent does not.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path).on("creating", path)
}

/// Creates a directory and those above it that are not there, for nobody else to look into.
///
/// # Errors
/// When the system refuses.
pub fn create_dirs(path: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).on("creating", path)
}

/// Creates a new file with mode 0600 for appending; it must not exist.
///
/// # Errors
/// When it exists or cannot be created.
pub fn create_new(path: &Path) -> Result<File> {
    OpenOptions::new().create_new(true).append(true).read(true).mode(0o600).open(path).on("creating", path)
}

/// Flushes a directory, so that names in it survive a power cut.
///
/// # Errors
/// When the system cannot.
pub fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).on("flushing", path)
}

/// Replaces `path` by `bytes`, atomically and durably: `path.new`, flush, rename, flush of the directory.
///
/// # Errors
/// When any step fails; then the old content is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut new = Replacement::begin(path)?;
    new.write(bytes)?;
    new.publish()
}

/// What will take the place of a file, written piece by piece as `path.new`; dropped unpublished it is gone.
pub struct Replacement {
    file: BufWriter<File>,
    path: PathBuf,
    new: PathBuf,
    published: bool,
}

impl Replacement {
    /// Begins an empty one.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn begin(path: &Path) -> Result<Replacement> {
        let new = with_suffix(path, ".new");
        let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new).on("creating", &new)?;
        Ok(Replacement { file: BufWriter::new(file), path: path.to_path_buf(), new, published: false })
    }

    /// Adds to its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).on("writing", &self.new)
    }

    /// Flushes it and puts it in its place.
    ///
    /// # Errors
    /// When any step fails; then the old content is still there.
    pub fn publish(mut self) -> Result<()> {
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).on("writing", &self.new)?;
        fs::rename(&self.new, &self.path).on("publishing", &self.path)?;
        self.published = true;
        match self.path.parent() {
            Some(parent) => sync_dir(parent),
            None => Ok(()),
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.new);
        }
    }
}

/// Removes a file; one that is already gone is fine.
///
/// # Errors
/// When the system refuses.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing", path, error)),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// An exclusive kernel lock on a file, released when dropped or when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    info: Option<PathBuf>,
}

impl Lock {
    /// Takes the lock, waiting at most `timeout`. `info` is a file that names the holder to others.
    ///
    /// # Errors
    /// [`Error::Locked`] with the holder's name when the time is up.
    pub fn acquire(path: &Path, info: &Path, holder: &str, timeout: Duration) -> Result<Lock> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).on("opening", path)?;
        // A holder that is just leaving is no reason to fail: even who does not want to wait waits for a moment.
        let deadline = Instant::now().checked_add(timeout.max(Duration::from_millis(100)));
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) => {
                    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        let holder = fs::read_to_string(info).unwrap_or_else(|_| "another process".into());
                        return Err(Error::Locked { path: path.to_path_buf(), holder: holder.trim().to_string() });
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(fs::TryLockError::Error(error)) => {
                    return Err(Error::io("locking", path, error));
                }
            }
        }
        // The name is for messages only: not being able to write it is no reason to stop.
        let written = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(info);
        let written = written.and_then(|mut file| file.write_all(holder.as_bytes()));
        Ok(Lock { _file: file, info: written.is_ok().then(|| info.to_path_buf()) })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(info) = &self.info {
            let _ = fs::remove_file(info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Protects files that are written in pieces: until the last is there the old one stays, and what was not finished leaves no trace.
    #[test]
    fn a_replacement_takes_the_place_only_when_it_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        replace(&path, b"old").unwrap();
        let mut new = Replacement::begin(&path).unwrap();
        new.write(b"half").unwrap();
        drop(new);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!((names.len(), fs::read(&path).unwrap()), (1, b"old".to_vec()));
        let mut new = Replacement::begin(&path).unwrap();
        [&b"ne"[..], b"w"].into_iter().for_each(|part| new.write(part).unwrap());
        new.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
