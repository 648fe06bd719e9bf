//! Paths as sources are named after them: absolute, decided by their letters, and always text.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

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
    let same = |one: &Metadata, other: &Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    match (fs::metadata(&full), fs::metadata(&clean)) {
        (Ok(meant), Ok(reached)) if same(&meant, &reached) => Ok(clean),
        (Ok(_), _) => Ok(full),
        (Err(_), _) => Ok(clean),
    }
}

/// The name of a path as it is shown and stored: bytes that are not UTF-8 appear as `\xNN`.
#[must_use]
pub fn source_name(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| name.push_str(&format!("\\x{byte:02x}")));
    }
    name
}

/// Reads a list of paths, one a line or separated by NUL. Empty entries are left out.
///
/// # Errors
/// When the list cannot be read.
pub fn files_from(mut reader: impl Read, null_separated: bool) -> io::Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let separator = if null_separated { 0 } else { b'\n' };
    let entries = bytes.split(|&byte| byte == separator).filter(|entry| !entry.is_empty());
    Ok(entries.map(|entry| PathBuf::from(OsString::from_vec(entry.to_vec()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn lists_of_files_keep_spaces_and_newlines_as_the_separator_says() {
        assert_eq!(files_from(&b"a b\n\nc\n"[..], false).unwrap(), [PathBuf::from("a b"), PathBuf::from("c")]);
        assert_eq!(files_from(&b"a\nb\0c"[..], true).unwrap(), [PathBuf::from("a\nb"), PathBuf::from("c")]);
        assert_eq!(source_name(Path::new(OsStr::from_bytes(b"/a/\xffb"))), "/a/\\xffb");
    }
}
