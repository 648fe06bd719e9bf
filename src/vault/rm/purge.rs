//! The purge: after it no file of the vault knows anything of the victims.
//!
//! It reaches the packs that hold them, packs that hold what a victim looked like before its line was finished, packs whose
//! journals keep their hashes, and packs that a killed writer left bytes behind. Each is written anew from its live records, templates included; what is derived is deleted and
//! made again when needed. The numbers stay removed, so that places after them keep their lines.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use crate::error::{Error, Result};
use crate::fsio;
use crate::ids::PackId;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{Receipt, RmOptions, RmReport, Time};
use crate::vault::gc;
use crate::vault::head::Head;
use crate::vault::journal::Entry;
use crate::vault::lookup::{LazyIndex, Lookup};
use crate::vault::rewrite::carry::Purged;
use crate::vault::rewrite::live::{self, Removed};
use crate::vault::rewrite::{Maintenance, Numbers, Request, all_entries};
use crate::vault::rm::select::{Selection, select};
use crate::vault::rm::{derived_files, removal, report};
use crate::vault::snapshot::Snapshot;
use crate::vault::{logbook, note};

/// Rounds of rewriting while somebody else writes to the same sources.
const MOST_ROUNDS: usize = 8;

/// Removes and purges.
///
/// # Errors
/// When the vault cannot be read or written. Killed half-way it leaves the victims removed but some of their bytes in old packs;
/// the same purge again ends it.
pub fn purge(vault: &Vault, options: &RmOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<RmReport> {
    let maintenance = Maintenance::begin(&vault.layout, vault.pool()?, vault.options.lock_timeout, progress, interrupt)?
        .within(vault.options.memory_limit);
    let (mut report, victims, hashes) = set_tombstones(vault, options)?;
    if report.records == 0 {
        return Ok(report);
    }
    let mut receipt = Receipt {
        time: Time(logbook::now_us()),
        generation: 0,
        records: victims.len() as u64,
        rewritten: Vec::new(),
        deleted: Vec::new(),
        digest: digest(hashes),
    };
    let mut purged = Purged { records: victims, ..Purged::default() };
    // A writer may add to a source meanwhile what its digest must forget as well: until nothing is left to do.
    for _ in 0..MOST_ROUNDS {
        let snapshot = vault.snapshot()?;
        purged = Purged::of(&snapshot, purged.records)?;
        let packs = touched(&snapshot, &purged)?;
        if packs.is_empty() {
            break;
        }
        for id in packs {
            rewrite_without(&maintenance, id, &purged, &mut receipt)?;
        }
    }
    for file in derived_files(&vault.snapshot()?) {
        fsio::remove(&file)?;
        receipt.deleted.push(file.strip_prefix(vault.layout.dir()).unwrap_or(&file).display().to_string());
    }
    let (gone, came) = crate::vault::embed::keep::prune(&vault.snapshot()?, progress)?;
    let shown = |file: &std::path::PathBuf| file.strip_prefix(vault.layout.dir()).unwrap_or(file).display().to_string();
    receipt.deleted.extend(gone.iter().map(shown));
    receipt.rewritten.extend(came.iter().map(shown));
    drop(maintenance);
    // What was derived is gone; where a catalog pays, one is made of what is left.
    vault.refresh_catalog()?;
    receipt.generation = Head::read(vault.layout.dir())?.generation;
    report.receipt = Some(receipt);
    Ok(report)
}

/// The removal itself, without hashes. Gives the records of which nothing stays, and their hashes.
fn set_tombstones(vault: &Vault, options: &RmOptions) -> Result<(RmReport, FxHashSet<u64>, Vec<u128>)> {
    let lock = vault.layout.write_lock(vault.options.lock_timeout)?;
    let snapshot = vault.snapshot()?;
    let selection = select(&snapshot, options)?;
    let report = report(snapshot.state()?, &selection, options)?;
    if report.records == 0 {
        return Ok((report, FxHashSet::default(), Vec::new()));
    }
    let counts = [("records", report.records), ("occurrences", report.occurrences)];
    let entry = Entry::Removal(removal(snapshot.state()?, &selection, false, false));
    note::commit(&lock, &snapshot, &[entry, logbook::entry("purge", &counts, options.reason.as_deref())])?;
    let after = vault.snapshot()?;
    let state = after.state()?;
    let shown = live::shown(state, &Removed::of(&state.removals));
    let (mut victims, hashes) = victims(&selection, &shown);
    victims.extend(twins(vault, &after, &hashes)?.into_iter().filter(|number| !shown.contains(*number)));
    Ok((report, victims, hashes))
}

/// Records with the bytes of the victims under other numbers, which no look-up shows: a stream that turned out to repeat what was
/// sealed leaves such behind.
fn twins(vault: &Vault, snapshot: &Snapshot, hashes: &[u128]) -> Result<Vec<u64>> {
    let index = LazyIndex::new(snapshot);
    Lookup::new(snapshot, vault.threads(), &index)?.all_with_hashes(&hashes.iter().copied().collect())
}

/// Records that no line shows any more: one line of several does not take its record along.
fn victims(selection: &Selection, shown: &Numbers) -> (FxHashSet<u64>, Vec<u128>) {
    let lines = selection.lines.values().map(|(number, hash)| (*number, *hash));
    let all = selection.records.iter().map(|(number, hash)| (*number, *hash)).chain(lines);
    let mut numbers = FxHashSet::default();
    let mut hashes = Vec::new();
    for (number, hash) in all.filter(|(number, _)| !shown.contains(*number)) {
        if numbers.insert(number) {
            hashes.push(hash);
        }
    }
    (numbers, hashes)
}

/// Packs that know something of the victims.
fn touched(snapshot: &Snapshot, purged: &Purged) -> Result<Vec<PackId>> {
    let live = live::live(snapshot, &Removed::default())?;
    let mut packs = BTreeSet::new();
    for pack in &snapshot.packs {
        let mut numbers =
            pack.directory().groups.iter().flat_map(|group| &group.records).flat_map(|run| run.first..run.first + run.count);
        // What a killed writer appended and never committed may be the victim as well.
        let has_tail = std::fs::metadata(pack.path()).is_ok_and(|file| file.len() > pack.committed.length);
        if has_tail || numbers.any(|number| purged.records.contains(&number) || !live.contains(number)) {
            packs.insert(pack.committed.pack);
        }
    }
    for (pack, stamp, entry) in all_entries(snapshot)? {
        let knows = match &entry {
            Entry::Source(delta) => purged.concerns(snapshot, stamp, delta)?,
            Entry::Removal(removal) => {
                let mut numbers =
                    removal.records.iter().flat_map(|run| run.first..run.first + run.count).take(removal.hashes.len());
                numbers.any(|number| purged.records.contains(&number))
            }
            _ => false,
        };
        if knows {
            packs.insert(pack);
        }
    }
    Ok(packs.into_iter().collect())
}

fn rewrite_without(maintenance: &Maintenance<'_>, id: PackId, purged: &Purged, receipt: &mut Receipt) -> Result<()> {
    let (snapshot, first) = maintenance.reserve(&[id])?;
    let mut live = live::live(&snapshot, &Removed::default())?;
    purged.records.iter().for_each(|number| live.remove(*number));
    let snapshot = snapshot.forgetting();
    let bytes = snapshot.head.pack(id).map_or(0, |pack| pack.committed.length);
    maintenance.make_sure_of_space(bytes)?;
    let request = Request { packs: vec![id], live: &live, purged, log: None };
    let outcome = maintenance.rewrite(&snapshot, first, &gc::profile_like(&snapshot, id), &request)?;
    if !outcome.done {
        return Err(Error::Interrupted);
    }
    receipt.rewritten.extend(outcome.written.iter().map(|pack| pack.committed.pack.to_string()));
    receipt.deleted.extend(outcome.unlinked);
    Ok(())
}

fn digest(mut hashes: Vec<u128>) -> String {
    hashes.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hashes.iter().for_each(|hash| {
        hasher.update(&hash.to_be_bytes());
    });
    hasher.finalize().to_hex().to_string()
}
