//! `export -o DIR`: a file for each source, where its name says.
//!
//! A name is a path below DIR and never leads out of it: `..` is refused, and so is a directory that is a link. What is there
//! already is compared and left alone. A compressed source comes out decompressed, so its name loses the ending that says so.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::{Error, IoContext, Result};
use crate::fsio;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{ExportOptions, ExportReport, Failure};
use crate::vault::export::{Export, Sink};
use crate::vault::filter::newest_generations;
use crate::vault::get::shown_name;
use crate::vault::sources::{Source, State};

/// Endings of compressed files.
const COMPRESSED: [&str; 8] = [".gz", ".zst", ".zstd", ".xz", ".bz2", ".tgz", ".lzma", ".Z"];

impl Vault {
    /// Writes each source to a file of its own below `dir`, tree and modification times kept.
    ///
    /// # Errors
    /// As [`Vault::export_raw`]; single files that fail are in the report.
    pub fn export_tree(&self, options: &ExportOptions, dir: &Path, progress: &dyn Progress) -> Result<ExportReport> {
        let snapshot = self.snapshot()?;
        let state = snapshot.state()?;
        let sources = named(state, options)?;
        let newest = newest_generations(state);
        let export = Export::new(&snapshot, options, self.threads())?.redacting(self.options.redact);
        let mut report = ExportReport::default();
        progress.phase("exporting", Some(sources.iter().map(|source| state.origin(source).state.stream_len()).sum()));
        create_dirs(dir)?;
        for source in sources {
            let origin = state.origin(source);
            let room = options.limit.map(|limit| limit.saturating_sub(report.occurrences));
            let name = shown_name(source, &newest);
            let written = place_below(dir, &name, origin.state.compressed)
                .and_then(|path| write_file(&export, origin, source, room, &path, &mut report).map_err(|error| (path, error)));
            match written {
                Ok(()) => {}
                Err((path, error @ (Error::Io { .. } | Error::NoSpace { .. } | Error::Usage(_)))) => {
                    report.failures.push(Failure { path, message: error.to_string() });
                }
                Err((_, error)) => return Err(error),
            }
            progress.advance(origin.state.stream_len());
        }
        Ok(report)
    }
}

/// The names to write: each newest generation, aliases too, or those asked for.
fn named<'s>(state: &'s State, options: &ExportOptions) -> Result<Vec<&'s Source>> {
    if options.filter.sources.is_empty() {
        let newest = newest_generations(state);
        let is_newest = |source: &&Source| newest.get(source.state.name.as_str()) == Some(&source.state.generation);
        return Ok(state.sources.values().filter(is_newest).collect());
    }
    let find = |query: &String| state.find(query)?.ok_or_else(|| Error::NotFound(format!("no source is called {query}")));
    options.filter.sources.iter().map(find).collect()
}

/// The path of a source below `dir`.
fn place_below(dir: &Path, name: &str, compressed: bool) -> Result<PathBuf, (PathBuf, Error)> {
    let mut name = name;
    if compressed && let Some(ending) = COMPRESSED.iter().find(|ending| name.ends_with(**ending)) {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    let refuse = |why: &str| (PathBuf::from(name), Error::Usage(format!("{name:?} is not written: {why}")));
    let mut path = dir.to_path_buf();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(refuse("it would lead out of the directory")),
        }
    }
    if name.contains('\0') || name.ends_with('/') || path == dir {
        return Err(refuse("it is no name of a file"));
    }
    refuse_links(dir, &path).map_err(|error| (path.clone(), error))?;
    Ok(path)
}

/// A link on the way down would lead out of the directory.
fn refuse_links(dir: &Path, path: &Path) -> Result<()> {
    for above in path.ancestors().take_while(|above| *above != dir) {
        if std::fs::symlink_metadata(above).is_ok_and(|found| found.file_type().is_symlink()) {
            return Err(Error::Usage(format!("{} is a link, and links are not followed", above.display())));
        }
    }
    Ok(())
}

fn create_dirs(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).on("creating", dir)
}

fn write_file(
    export: &Export<'_>,
    origin: &Source,
    source: &Source,
    room: Option<u64>,
    path: &Path,
    report: &mut ExportReport,
) -> Result<()> {
    create_dirs(path.parent().unwrap_or(path))?;
    let mut without_time = 0;
    let mut fill = |out: &mut dyn Write| {
        let mut sink = Sink::new(out, path).redacting(export.redacts());
        without_time = export.source(origin, room, &mut sink)?;
        Ok((sink.lines, sink.bytes, sink.removed))
    };
    let (lines, bytes, removed) = match std::fs::symlink_metadata(path) {
        Ok(_) => compare(path, &mut fill)?,
        Err(_) => create(path, source, export.is_whole(), &mut fill)?,
    };
    report.sources += 1;
    report.occurrences += lines;
    report.bytes += bytes;
    report.removed_lines += removed;
    report.without_time += without_time;
    Ok(())
}

type Filled = (u64, u64, u64);

fn create(path: &Path, source: &Source, whole: bool, fill: &mut dyn FnMut(&mut dyn Write) -> Result<Filled>) -> Result<Filled> {
    let file = fsio::create_new(path)?;
    let written = write_into(&file, path, fill).and_then(|filled| {
        if let Some(stamp) = source.state.stamp.filter(|_| whole) {
            file.set_modified(system_time(stamp.mtime_us)).on("setting the time of", path)?;
        }
        Ok(filled)
    });
    if written.is_err() {
        // Half a file would be taken for the whole one.
        fsio::remove(path)?;
    }
    written
}

fn write_into(file: &File, path: &Path, fill: &mut dyn FnMut(&mut dyn Write) -> Result<Filled>) -> Result<Filled> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let filled = fill(&mut out)?;
    out.flush().on("writing", path)?;
    Ok(filled)
}

fn system_time(us: i64) -> SystemTime {
    let distance = Duration::from_micros(us.unsigned_abs());
    if us < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}

/// Compares with the file that is there.
fn compare(path: &Path, fill: &mut dyn FnMut(&mut dyn Write) -> Result<Filled>) -> Result<Filled> {
    let other = || Error::Usage(format!("{} is there already, with other content; it is left as it is", path.display()));
    if !path.is_file() {
        return Err(other());
    }
    let file = File::open(path).on("opening", path)?;
    let mut comparing = Comparing { there: BufReader::with_capacity(1 << 20, file), same: true };
    let filled = fill(&mut comparing)?;
    let at_end = comparing.there.read(&mut [0]).on("reading", path)? == 0;
    if comparing.same && at_end { Ok(filled) } else { Err(other()) }
}

/// Reads along with what is written.
struct Comparing<R> {
    there: R,
    same: bool,
}

impl<R: Read> Write for Comparing<R> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut there = vec![0; bytes.len().min(1 << 16)];
        for part in bytes.chunks(1 << 16) {
            let there = &mut there[..part.len()];
            self.same = self.same
                && match self.there.read_exact(there) {
                    Ok(()) => there == part,
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
                    Err(error) => return Err(error),
                };
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leads_out_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let below = |name: &str, compressed| {
            place_below(dir.path(), name, compressed).ok().map(|path| path.strip_prefix(dir.path()).unwrap().to_path_buf())
        };
        assert_eq!(below("/var/log/gw.log", false), Some("var/log/gw.log".into()));
        assert_eq!(below("/a/b.jsonl.gz", true), Some("a/b.jsonl".into()));
        assert_eq!(below("/a/b.jsonl.gz", false), Some("a/b.jsonl.gz".into()));
        for wrong in ["../x", "/a/../../x", "a/..", "", "/", "x\0y", ".."] {
            assert_eq!(below(wrong, false), None, "{wrong:?}");
        }
        std::os::unix::fs::symlink("/tmp", dir.path().join("link")).unwrap();
        assert_eq!(below("/link/x", false), None);
    }

    #[test]
    fn comparing_sees_a_difference_a_shorter_and_a_longer_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"abc").unwrap();
        let with = |bytes: &'static [u8]| {
            compare(&path, &mut |out| {
                out.write_all(bytes).on("writing", &path)?;
                Ok((1, 3, 0))
            })
        };
        assert!(with(b"abc").is_ok());
        for other in [&b"abd"[..], b"ab", b"abcd"] {
            assert!(matches!(with(other), Err(Error::Usage(_))));
        }
    }
}
