//! `check`: is everything there, and is it what it was?
//!
//! Without more it reads every frame of every pack and verifies checksums, commits, directories, journals and numbers. With
//! `--read-data` every record is joined and every source hashed again. It goes on after damage, and for each damaged place says
//! which records need it. Reading is plain reading: a bad sector is a finding, not a signal.
//!
//! | file | what |
//! |---|---|
//! | `packs` | frames and records of one pack |
//! | `against` | files compared with the vault |
//!
//! The digest over all sources (`--digest`) is BLAKE3 over, for each source that is no alias, in order of its number: length of the
//! name (u64, little-endian), name, generation (u32, little-endian), BLAKE3 of its stream.

mod against;
mod packs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::error::{Error, Result};
use crate::ids::PackId;
use crate::interrupt::Interrupt;
use crate::pack::reader::PackReader;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{CheckOptions, CheckReport, Finding, ReadData, Severity};
use crate::vault::embed::keep::Shelf;
use crate::vault::export::{self, Sink};
use crate::vault::head::Head;
use crate::vault::rewrite::Numbers;
use crate::vault::snapshot::{Snapshot, read_journals};
use crate::vault::sources::{Source, State};
use crate::vectors::part::Check as PartCheck;

/// Places named in one finding.
const SHOWN_PLACES: usize = 5;

/// One check.
struct Check<'c> {
    vault: &'c Vault,
    options: &'c CheckOptions,
    progress: &'c dyn Progress,
    interrupt: &'c Interrupt,
    sink: &'c mut dyn FnMut(Finding) -> Result<()>,
    report: CheckReport,
    damaged_records: FxHashSet<u64>,
}

impl Vault {
    /// Verifies, giving out findings as they come.
    ///
    /// # Errors
    /// When it could not be finished; damage is a finding, not an error.
    pub fn check(
        &self,
        options: &CheckOptions,
        progress: &dyn Progress,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(Finding) -> Result<()>,
    ) -> Result<CheckReport> {
        let (report, damaged_records) = (CheckReport::default(), FxHashSet::default());
        let mut check = Check { vault: self, options, progress, interrupt, sink, report, damaged_records };
        let snapshot = check.open()?;
        let state = check.state(&snapshot)?;
        if options.against.is_empty() || options.read_data != ReadData::Nothing {
            check.packs(&snapshot, &state)?;
            check.numbers(&snapshot, &state)?;
            check.other_files(&snapshot)?;
        }
        if options.read_data == ReadData::All {
            check.sources(&snapshot, &state)?;
        }
        if !options.against.is_empty() {
            check.report.against = Some(against::compare(&mut check, &snapshot, &state)?);
        }
        if options.digest || options.expect.is_some() {
            let digest = digest(&state);
            check.report.digest_matches = options.expect.as_ref().map(|expected| *expected == digest);
            check.report.digest = Some(digest);
        }
        check.report.records_damaged = check.damaged_records.len() as u64;
        Ok(check.report)
    }
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) -> Result<()> {
        match finding.severity {
            Severity::Note => self.report.notes += 1,
            Severity::Damage => self.report.damage += 1,
            Severity::Difference => {}
        }
        (self.sink)(finding)
    }

    fn finding(severity: Severity, path: impl Into<PathBuf>, what: impl Into<String>) -> Finding {
        Finding { severity, path: path.into(), offset: None, line: None, what: what.into(), records: 0, places: Vec::new() }
    }

    /// All packs that can be opened; those that cannot are findings.
    fn open(&mut self) -> Result<Snapshot> {
        let layout = &self.vault.layout;
        let mut attempts = 0;
        loop {
            let head = Head::read(layout.dir())?;
            let mut packs = Vec::new();
            let mut unopened = Vec::new();
            for live in &head.packs {
                match PackReader::open(&layout.packs(), head.vault_id, live.committed) {
                    Ok(pack) => packs.push(Arc::new(pack)),
                    Err(error @ Error::TooNew { .. }) => return Err(error),
                    Err(error) => unopened.push((live.committed.pack, error)),
                }
            }
            // A pack may have been replaced since head was read.
            let moved_on = Head::read(layout.dir())?.generation != head.generation;
            if !unopened.is_empty() && moved_on && attempts < 5 {
                attempts += 1;
                continue;
            }
            let unread: BTreeSet<PackId> = unopened.iter().map(|(id, _)| *id).collect();
            for (id, error) in unopened {
                let mut finding = Self::finding(Severity::Damage, id.to_string(), reason(&error));
                finding.offset = offset_in(&finding.what);
                self.find(finding)?;
            }
            self.report.packs = (packs.len() + unread.len()) as u64;
            return Ok(Snapshot::with_packs(layout, head, packs));
        }
    }

    /// What the journals tell as far as they can be read.
    fn state(&mut self, snapshot: &Snapshot) -> Result<State> {
        let mut entries = Vec::new();
        for pack in &snapshot.packs {
            let mut own = Vec::new();
            match read_journals(pack, &mut own) {
                Ok(()) => {}
                // The frame is found again, and named, when the pack is walked.
                Err(error) => self.progress.note(&error.to_string()),
            }
            entries.extend(own);
        }
        entries.sort_by_key(|(stamp, _)| *stamp);
        let mut state = State::default();
        for (stamp, entry) in entries {
            if let Err(corrupt) = state.apply(stamp, entry) {
                let what = format!("journal entry {}.{}: {corrupt}", stamp.generation, stamp.place);
                self.find(Self::finding(Severity::Damage, "packs", what))?;
            }
        }
        Ok(state)
    }

    fn packs(&mut self, snapshot: &Snapshot, state: &State) -> Result<()> {
        let total = snapshot.head.packs.iter().map(|pack| pack.committed.length).sum();
        self.progress.phase("reading packs", Some(total));
        let pool = self.vault.pool()?;
        for (index, pack) in snapshot.packs.iter().enumerate() {
            if self.interrupt.is_raised() {
                return Ok(());
            }
            let found = packs::examine(snapshot, index, self.options.read_data, &pool, self.interrupt);
            self.report.frames += found.frames;
            self.report.bytes_read += found.bytes;
            for (offset, damage) in found.damage {
                let mut finding = Self::finding(Severity::Damage, pack.committed.pack.to_string(), damage.what);
                finding.offset = offset;
                finding.records = damage.records.len() as u64;
                finding.places = places(state, &damage.records);
                self.damaged_records.extend(damage.records);
                self.find(finding)?;
            }
            self.progress.advance(pack.committed.length);
        }
        Ok(())
    }

    /// Every line's record is stored once, or was removed.
    fn numbers(&mut self, snapshot: &Snapshot, state: &State) -> Result<()> {
        let mut stored = Numbers::default();
        let mut twice = BTreeSet::new();
        for place in snapshot.places() {
            for number in place.first..place.first.saturating_add(place.count).min(snapshot.head.next_record) {
                if stored.contains(number) {
                    twice.insert(number);
                }
                stored.insert(number);
            }
            if place.first.saturating_add(place.count) > snapshot.head.next_record {
                let what = format!("records {} and on were never given out", snapshot.head.next_record);
                self.find(Self::finding(
                    Severity::Damage,
                    snapshot.head.packs[place.pack as usize].committed.pack.to_string(),
                    what,
                ))?;
            }
        }
        if let Some(first) = twice.first() {
            let what = format!("{} records are stored twice, {first} is the first", twice.len());
            self.find(Self::finding(Severity::Note, "packs", what))?;
        }
        let mut missing = BTreeSet::new();
        for source in state.in_order() {
            for (line, number) in (1..).zip(source.numbers()) {
                if !stored.contains(number) && !state.is_removed(source.state.id, line, number) {
                    missing.insert(number);
                }
            }
        }
        if !missing.is_empty() {
            let mut finding =
                Self::finding(Severity::Damage, "packs", "lines of sources whose records are in no pack that can be read");
            finding.records = missing.len() as u64;
            finding.places = places(state, &missing);
            self.damaged_records.extend(missing);
            self.find(finding)?;
        }
        Ok(())
    }

    fn other_files(&mut self, snapshot: &Snapshot) -> Result<()> {
        let layout = &self.vault.layout;
        if layout.described_id().ok() != Some(snapshot.head.vault_id) {
            let what = "missing, damaged or of another vault; `turnpack reindex` writes it again";
            self.find(Self::finding(Severity::Note, "vault.json", what))?;
        }
        let files = std::fs::read_dir(layout.packs()).map_err(|error| Error::io("listing", &layout.packs(), error))?;
        let named: BTreeSet<String> = snapshot.head.packs.iter().map(|pack| pack.committed.pack.file_name()).collect();
        let mut unnamed: Vec<String> = files
            .flatten()
            .map(|file| file.file_name().to_string_lossy().into_owned())
            .filter(|name| !named.contains(name))
            .collect();
        unnamed.sort();
        for name in unnamed {
            self.find(Self::finding(
                Severity::Note,
                format!("packs/{name}"),
                "not part of the vault; the next gc removes what a killed one left",
            ))?;
        }
        let how = if self.options.read_data == ReadData::Nothing { PartCheck::Usual } else { PartCheck::Whole };
        for error in Shelf::open_checked(snapshot, how)?.damaged {
            let path = match &error {
                Error::Integrity { path, .. } => path.strip_prefix(layout.dir()).unwrap_or(path).to_path_buf(),
                _ => layout.parts(),
            };
            let what = format!("{}; the next `turnpack embed` makes it anew", reason(&error));
            self.find(Self::finding(Severity::Note, path, what))?;
        }
        for live in &snapshot.head.packs {
            let path = layout.packs().join(live.committed.pack.file_name());
            let length = std::fs::metadata(&path).map_or(live.committed.length, |meta| meta.len());
            if length > live.committed.length {
                let what = format!("{} bytes of a commit that never ended", length - live.committed.length);
                let mut finding = Self::finding(Severity::Note, live.committed.pack.to_string(), what);
                finding.offset = Some(live.committed.length);
                self.find(finding)?;
            }
        }
        Ok(())
    }

    /// Hashes every source's stream again.
    fn sources(&mut self, snapshot: &Snapshot, state: &State) -> Result<()> {
        self.progress.phase("hashing sources", Some(state.in_order().map(|source| source.state.stream_len()).sum()));
        for source in state.in_order() {
            if self.interrupt.is_raised() {
                return Ok(());
            }
            if source.numbers().any(|number| self.damaged_records.contains(&number)) || has_removed(state, source) {
                continue;
            }
            let mut hasher = blake3::Hasher::new();
            let name = Path::new(&source.state.name);
            let mut sink = Sink::new(&mut hasher, name);
            match export::write_source(snapshot, state, source, self.vault.threads(), &mut sink) {
                Ok(()) if *hasher.finalize().as_bytes() == source.state.digest.finish() => {}
                Ok(()) => {
                    let mut finding =
                        Self::finding(Severity::Damage, "packs", "the lines of a source are not those that came in");
                    finding.records = source.occurrences();
                    finding.places = vec![source.state.name.clone()];
                    self.find(finding)?;
                }
                Err(error) => {
                    let mut finding = Self::finding(Severity::Damage, "packs", error.to_string());
                    finding.places = vec![source.state.name.clone()];
                    self.find(finding)?;
                }
            }
            self.progress.advance(source.state.stream_len());
        }
        Ok(())
    }
}

fn has_removed(state: &State, source: &Source) -> bool {
    (1..).zip(source.numbers()).any(|(line, number)| state.is_removed(source.state.id, line, number))
}

/// The words of an error without the path, which a finding has of its own.
fn reason(error: &Error) -> String {
    match error {
        Error::Integrity { what, .. } => what.clone(),
        Error::Io { doing, source, .. } => format!("{doing}: {source}"),
        other => other.to_string(),
    }
}

/// The offset that a message names first.
fn offset_in(what: &str) -> Option<u64> {
    let after = what.split_once("offset ")?.1;
    after[..after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())].parse().ok()
}

/// The first lines that are one of these records.
fn places(state: &State, records: &BTreeSet<u64>) -> Vec<String> {
    let mut found = Vec::new();
    for source in state.in_order().filter(|_| !records.is_empty()) {
        let mut before = 0;
        for run in &source.runs {
            for number in records.range(run.first..run.first + run.count) {
                if found.len() == SHOWN_PLACES {
                    return found;
                }
                found.push(format!("{}:{}", source.state.name, before + (number - run.first) + 1));
            }
            before += run.count;
        }
    }
    found
}

/// See the head of this file.
fn digest(state: &State) -> String {
    let mut hasher = blake3::Hasher::new();
    for source in state.in_order() {
        let name = source.state.name.as_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(&source.state.generation.to_le_bytes());
        hasher.update(&source.state.digest.finish());
    }
    hasher.finalize().to_hex().to_string()
}
