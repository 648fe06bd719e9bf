//! Files compared with the vault: the gate before anybody deletes originals.
//!
//! A file is in the vault when some source gives exactly its bytes (those inside, if it is compressed). The source of the same name
//! is tried first, newest generation first, then any source with that content. Hashes choose the source, bytes decide.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::source::decompress::{self, DEFAULT_WINDOW};
use crate::source::digest::StreamDigest;
use crate::source::paths;
use crate::source::walk::{self, WalkOptions};
use crate::vault::api::{AgainstReport, Failure, Finding, Severity};
use crate::vault::check::{Check, has_removed, reason};
use crate::vault::export::{self, Sink};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// Compares all files asked for.
pub(super) fn compare(check: &mut Check<'_>, snapshot: &Snapshot, state: &State) -> Result<AgainstReport> {
    let mut report = AgainstReport::default();
    let dir = check.vault.layout.dir();
    let own = paths::absolute(dir).map_err(|error| Error::io("resolving", dir, error))?;
    let found = walk::discover(&check.options.against, &WalkOptions::new(&[], &[], false, Some(own))?);
    for (path, error) in found.errors {
        report.failures.push(Failure { path, message: error.to_string() });
    }
    check.progress.phase("comparing", Some(found.files.iter().map(|file| file.size).sum()));
    for file in found.files {
        if check.interrupt.is_raised() {
            break;
        }
        report.files += 1;
        match compare_file(check, snapshot, state, &file.path, &mut report.bytes) {
            Ok(None) => report.equal += 1,
            Ok(Some(difference)) => {
                report.different += 1;
                check.find(difference)?;
            }
            Err(error @ (Error::Io { .. } | Error::Integrity { .. })) => {
                report.different += 1;
                report.failures.push(Failure { path: file.path.clone(), message: reason(&error) });
            }
            Err(error) => return Err(error),
        }
        check.progress.advance(file.size);
    }
    Ok(report)
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let opened = decompress::open(path, DEFAULT_WINDOW).map_err(|error| Error::io("opening", path, error))?;
    Ok(Box::new(opened.reader))
}

fn compare_file(check: &Check<'_>, snapshot: &Snapshot, state: &State, path: &Path, bytes: &mut u64) -> Result<Option<Finding>> {
    let (length, digest) = hash(path)?;
    *bytes += length;
    let name = paths::source_name(path);
    let mut named = state.generations(&name);
    named.reverse();
    let same = |source: &&Source| source.state.stream_len() == length && source.state.digest.finish() == digest;
    let twin = named.iter().copied().find(same).or_else(|| state.sources.values().find(same));
    let Some(source) = twin.or(named.first().copied()) else {
        return Ok(Some(difference(path, None, None, "nothing in the vault has this name or this content".into())));
    };
    let origin = state.origin(source);
    let mut comparer = Comparer { reader: open(path)?, buffer: Vec::new(), offset: 0, line: 1, differs: None, failed: None };
    let mut sink = Sink::new(&mut comparer, path);
    let written = export::write_source(snapshot, state, origin, check.vault.threads(), &mut sink);
    if let Some(error) = comparer.failed.take() {
        return Err(Error::io("reading", path, error));
    }
    let stopped = comparer.differs.is_some();
    if !stopped {
        written?;
        comparer.finish().map_err(|error| Error::io("reading", path, error))?;
    }
    Ok(comparer.differs.map(|what| {
        let removed = if has_removed(state, origin) { "; lines of that source were removed" } else { "" };
        difference(
            path,
            Some(comparer.offset),
            Some(comparer.line),
            format!("{what} (compared with {}@{}{removed})", origin.state.name, origin.state.generation),
        )
    }))
}

fn difference(path: &Path, offset: Option<u64>, line: Option<u64>, what: String) -> Finding {
    Finding { severity: Severity::Difference, path: path.to_path_buf(), offset, line, what, records: 0, places: Vec::new() }
}

fn hash(path: &Path) -> Result<(u64, [u8; 32])> {
    let mut reader = open(path)?;
    let mut digest = StreamDigest::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((digest.length(), digest.finish())),
            Ok(count) => digest.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("reading", path, error)),
        }
    }
}

/// Takes what the vault gives and reads the file beside it.
struct Comparer {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Bytes that are equal.
    offset: u64,
    /// The line of the next byte, from 1.
    line: u64,
    differs: Option<&'static str>,
    failed: Option<io::Error>,
}

impl Comparer {
    fn stop(&mut self, what: &'static str) -> io::Error {
        self.differs = Some(what);
        io::Error::other("a difference was found")
    }

    fn fill(&mut self, wanted: usize) -> io::Result<usize> {
        self.buffer.resize(wanted, 0);
        let mut have = 0;
        while have < wanted {
            match self.reader.read(&mut self.buffer[have..]) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return Err(io::Error::other("the file could not be read"));
                }
            }
        }
        Ok(have)
    }

    /// The vault's bytes are over: the file's must be.
    fn finish(&mut self) -> io::Result<()> {
        if self.fill(1)? > 0 {
            self.differs = Some("the file goes on where what is in the vault ends");
        }
        Ok(())
    }
}

impl Write for Comparer {
    fn write(&mut self, stored: &[u8]) -> io::Result<usize> {
        let have = self.fill(stored.len())?;
        let equal = self.buffer[..have].iter().zip(stored).take_while(|(a, b)| a == b).count();
        self.offset += equal as u64;
        self.line += stored[..equal].iter().filter(|byte| **byte == b'\n').count() as u64;
        if equal < have {
            return Err(self.stop("the first byte that differs"));
        }
        if have < stored.len() {
            return Err(self.stop("the file ends where what is in the vault goes on"));
        }
        Ok(stored.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
