//! `rm`: tombstones, their undoing, and the purge that leaves nothing behind.
//!
//! A tombstone is an entry in the journal: records by number, with their hashes, so that the same content does not come back with
//! another source; or single lines. Nothing else changes until gc. A purge writes its tombstone without hashes and then rewrites
//! every pack that knows anything of the victims.

mod purge;
mod select;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::ids::RecordHash;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{RmOptions, RmReport, RmRow};
use crate::vault::journal::{self, Entry, Removal};
use crate::vault::rm::select::{Selection, select};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::State;
use crate::vault::{logbook, note};

/// Rows of a report that is no dry run.
const SHOWN_ROWS: usize = 20;
/// Places shown of one record.
const SHOWN_PLACES: usize = 5;

impl Vault {
    /// Sets or takes away tombstones.
    ///
    /// # Errors
    /// When the vault cannot be read or written.
    pub fn rm(&self, options: &RmOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<RmReport> {
        if options.dry_run {
            let snapshot = self.snapshot()?;
            let selection = select(&snapshot, options)?;
            return report(snapshot.state()?, &selection, options);
        }
        if options.purge && !options.undo {
            return purge::purge(self, options, progress, interrupt);
        }
        let lock = self.layout.write_lock(self.options.lock_timeout)?;
        let snapshot = self.snapshot()?;
        let selection = select(&snapshot, options)?;
        let report = report(snapshot.state()?, &selection, options)?;
        if report.records > 0 {
            let command = if options.undo { "undo" } else { "rm" };
            let counts = [("records", report.records), ("occurrences", report.occurrences)];
            let removal = removal(snapshot.state()?, &selection, options.undo, true);
            note::commit(
                &lock,
                &snapshot,
                &[Entry::Removal(removal), logbook::entry(command, &counts, options.reason.as_deref())],
            )?;
        }
        Ok(report)
    }
}

/// The journal's entry for a selection.
fn removal(state: &State, selection: &Selection, undo: bool, with_hashes: bool) -> Removal {
    let mut removal = Removal { undo, ..Removal::default() };
    for (&number, &hash) in &selection.records {
        journal::push_run(&mut removal.records, number);
        if with_hashes {
            removal.hashes.push(hash);
        }
    }
    removal.lines = selection.lines.keys().copied().collect();
    if undo && !selection.records.is_empty() {
        // A record that comes back by its id comes back everywhere.
        let lines = state.removed_lines.iter().filter(|(source, line)| {
            let number = state.sources.get(source).and_then(|source| source.line(*line));
            number.is_some_and(|number| selection.records.contains_key(&number))
        });
        let all: BTreeSet<(u32, u64)> = removal.lines.iter().copied().chain(lines.copied()).collect();
        removal.lines = all.into_iter().collect();
    }
    removal
}

fn report(state: &State, selection: &Selection, options: &RmOptions) -> Result<RmReport> {
    let places = places(state, selection);
    let occurrences = places.values().map(|(_, places)| places.len() as u64).sum();
    let rows = places.values().map(|(hash, places)| RmRow {
        hash: RecordHash(*hash).to_string(),
        places: places.iter().take(SHOWN_PLACES).map(|(source, line)| shown(state, *source, *line)).collect(),
        occurrences: places.len() as u64,
    });
    Ok(RmReport {
        dry_run: options.dry_run,
        undo: options.undo,
        records: places.len() as u64,
        occurrences,
        rows: rows.take(if options.dry_run { usize::MAX } else { SHOWN_ROWS }).collect(),
        missing: selection.missing.clone(),
        without_time: selection.without_time,
        receipt: None,
    })
}

/// Hash and lines of each record concerned.
fn places(state: &State, selection: &Selection) -> BTreeMap<u64, (u128, Vec<(u32, u64)>)> {
    let mut found: BTreeMap<u64, (u128, Vec<(u32, u64)>)> = BTreeMap::new();
    for source in state.in_order().filter(|_| !selection.records.is_empty()) {
        for (line, number) in (1..).zip(source.numbers()) {
            if let Some(hash) = selection.records.get(&number) {
                found.entry(number).or_insert_with(|| (*hash, Vec::new())).1.push((source.state.id, line));
            }
        }
    }
    for (&(source, line), &(number, hash)) in &selection.lines {
        let places = &mut found.entry(number).or_insert_with(|| (hash, Vec::new())).1;
        if !places.contains(&(source, line)) {
            places.push((source, line));
        }
    }
    found
}

/// A line as people name it.
fn shown(state: &State, source: u32, line: u64) -> String {
    let Some(source) = state.sources.get(&source) else { return format!("source {source}:{line}") };
    let (name, generation) = (&source.state.name, source.state.generation);
    match state.generations(name).last().is_some_and(|newest| newest.state.generation != generation) {
        true => format!("{name}@{generation}:{line}"),
        false => format!("{name}:{line}"),
    }
}

/// Every file of a vault that a snapshot does not name and that may be derived from what was purged.
fn derived_files(snapshot: &Snapshot) -> Vec<std::path::PathBuf> {
    let layout = snapshot.layout();
    let parts =
        std::fs::read_dir(layout.dir().join("parts")).map(|parts| parts.flatten().map(|part| part.path()).collect::<Vec<_>>());
    let mut files = parts.unwrap_or_default();
    files.push(layout.catalog());
    // Vectors are written anew instead: some were dear.
    files.retain(|file| file.is_file() && !crate::vault::embed::keep::is_ours(file));
    files
}
