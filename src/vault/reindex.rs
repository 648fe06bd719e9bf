//! `reindex`: the commit point found again from the packs, and everything derived forgotten.
//!
//! `head` is written anew when it is lost or damaged, `vault.json` too. Frames of every pack are walked; the last commit that
//! verifies is its end. A pack that a later one replaced counts no more when that one holds all its records; when it does not,
//! the rewrite never ended and the later one is left out. Files are never deleted here: what `head` does not name, the next gc
//! removes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, IoContext, Result};
use crate::fsio;
use crate::ids::PackId;
use crate::interrupt::Interrupt;
use crate::pack::reader::PackReader;
use crate::pack::salvage::{Salvaged, salvage};
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::api::{OpenOptions, ReindexReport};
use crate::vault::embed;
use crate::vault::head::{Head, LivePack};
use crate::vault::index;
use crate::vault::layout::Layout;
use crate::vault::rewrite::Numbers;
use crate::vault::rewrite::live::{self, Removed};
use crate::vault::search;
use crate::vault::snapshot::{Snapshot, read_journals};
use crate::vault::sources::State;

/// A pack as found.
struct FoundPack {
    salvaged: Salvaged,
    name: String,
}

impl Vault {
    /// Rebuilds catalog, parts and, if need be, the commit point from the packs. Not a method of an open vault: what it repairs
    /// may be what keeps the vault from opening.
    ///
    /// # Errors
    /// When packs cannot be read or the result not written.
    pub fn reindex(dir: &Path, options: &OpenOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<ReindexReport> {
        let started = Instant::now();
        let layout = Layout::new(dir);
        if !layout.packs().is_dir() {
            return Err(Error::NoVault(dir.to_path_buf()));
        }
        let _maintenance = layout.maintenance_lock(options.lock_timeout)?;
        let _write = layout.write_lock(options.lock_timeout)?;
        let mut report = ReindexReport::default();
        match Snapshot::open(&layout) {
            Ok(_) => {}
            Err(error @ (Error::TooNew { .. } | Error::Io { .. } | Error::NoSpace { .. })) => return Err(error),
            Err(error) => {
                report.lost.push(error.to_string());
                rebuild(&layout, progress, interrupt, &mut report)?;
            }
        }
        let snapshot = Snapshot::open(&layout)?;
        if layout.described_id().ok() != Some(snapshot.head.vault_id) {
            layout.describe(snapshot.head.vault_id)?;
        }
        forget_derived(&layout)?;
        // Vectors name records by number, which only a lost head can put in doubt; some were dear.
        match report.head_rebuilt {
            true => embed::keep::forget(&layout)?,
            false => drop(embed::keep::prune(&snapshot, progress)?),
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build();
        let pool = pool.map_err(|error| Error::Internal(format!("starting threads: {error}")))?;
        if let Some(why) = index::refresh(&layout, &pool)? {
            progress.warn(&format!("the catalog was not rebuilt: {why}"));
        }
        search::parts::refresh(&snapshot, pool.current_num_threads(), false)?;
        report.packs = snapshot.packs.len() as u64;
        report.records = snapshot.record_count();
        report.sources = snapshot.state()?.sources.len() as u64;
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }
}

/// Catalog and parts: whoever needs them makes them again.
fn forget_derived(layout: &Layout) -> Result<()> {
    search::parts::forget(layout)?;
    fsio::remove(&layout.catalog())
}

fn rebuild(layout: &Layout, progress: &dyn Progress, interrupt: &Interrupt, report: &mut ReindexReport) -> Result<()> {
    let found = find_packs(layout, progress, interrupt, report)?;
    let Some(vault_id) = vault_id(layout, &found) else {
        return Err(Error::integrity(&layout.packs(), "neither head, vault.json nor a pack tells which vault this is"));
    };
    let mut head = Head::new(vault_id);
    let highest = found.keys().next_back().map_or(0, |id| id.0);
    head.next_pack = highest + 1;
    for (id, pack) in &found {
        let Some((committed, commit)) = &pack.salvaged.last else {
            report.lost.push(format!("{}: no commit in it verifies", pack.name));
            continue;
        };
        if pack.salvaged.header.vault_id != vault_id {
            report.lost.push(format!("{}: belongs to another vault", pack.name));
            continue;
        }
        if pack.salvaged.tail > 0 {
            report.lost.push(format!("{}: {} bytes after the last whole commit", pack.name, pack.salvaged.tail));
        }
        head.generation = head.generation.max(commit.generation);
        head.next_record = head.next_record.max(commit.next_record);
        // A torn tail is never appended to, and neither is what is not the newest.
        let sealed = commit.sealed || pack.salvaged.tail > 0 || id.0 != highest;
        head.set_pack(LivePack { committed: *committed, sealed });
    }
    leave_out_replaced(layout, &mut head, &found)?;
    head.generation += 1;
    head.publish(layout.dir())?;
    report.head_rebuilt = true;
    Ok(())
}

fn find_packs(
    layout: &Layout,
    progress: &dyn Progress,
    interrupt: &Interrupt,
    report: &mut ReindexReport,
) -> Result<BTreeMap<PackId, FoundPack>> {
    let folder = layout.packs();
    let mut found = BTreeMap::new();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).on("listing", &folder)? {
        let entry = entry.on("listing", &folder)?;
        files.push((entry.path(), entry.metadata().on("reading the size of", &entry.path())?.len()));
    }
    files.sort();
    progress.phase("reading packs", Some(files.iter().map(|(_, length)| length).sum()));
    for (path, length) in files.into_iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "pack")) {
        if interrupt.is_raised() {
            return Err(Error::Interrupted);
        }
        progress.advance(length);
        let name = format!("packs/{}", path.file_name().unwrap_or_default().to_string_lossy());
        match salvage(&path, length) {
            Ok(salvaged) => {
                found.insert(salvaged.header.pack, FoundPack { salvaged, name });
            }
            Err(error @ Error::TooNew { .. }) => return Err(error),
            Err(error) => report.lost.push(error.to_string()),
        }
    }
    Ok(found)
}

/// From `vault.json`, else what most packs say.
fn vault_id(layout: &Layout, found: &BTreeMap<PackId, FoundPack>) -> Option<u128> {
    let mut votes: BTreeMap<u128, usize> = BTreeMap::new();
    for pack in found.values() {
        *votes.entry(pack.salvaged.header.vault_id).or_default() += 1;
    }
    layout.described_id().ok().or_else(|| votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(id, _)| id))
}

/// Takes out of `head` what a rewrite replaced, and rewrites that never ended.
fn leave_out_replaced(layout: &Layout, head: &mut Head, found: &BTreeMap<PackId, FoundPack>) -> Result<()> {
    let mut readers = BTreeMap::new();
    for live in &head.packs {
        let reader = PackReader::open_by_reading(&layout.packs(), head.vault_id, live.committed)?;
        readers.insert(live.committed.pack, Arc::new(reader));
    }
    // Rewrites in the order they were made: a pack may be made by one and replaced by the next.
    for (id, pack) in found.iter().filter(|(_, pack)| !pack.salvaged.replaces.is_empty()) {
        let old: BTreeSet<PackId> =
            pack.salvaged.replaces.iter().copied().filter(|old| head.pack(*old).is_some() && old < id).collect();
        if old.is_empty() || head.pack(*id).is_none() {
            continue;
        }
        let is_whole = match shown_without(&readers, head, *id)? {
            Some(shown) => {
                let others = held(&readers, head, &old);
                old.iter()
                    .filter_map(|old| readers.get(old))
                    .flat_map(|pack| numbers(pack))
                    .all(|number| others.contains(number) || !shown.contains(number))
            }
            // Without it the journals make no sense: some of what it replaced is gone already.
            None => true,
        };
        head.packs.retain(|live| if is_whole { !old.contains(&live.committed.pack) } else { live.committed.pack != *id });
    }
    // Packs of a rewrite that was killed before its last commit: they say nothing of their own.
    for id in readers.keys().rev() {
        let mut journals = Vec::new();
        read_journals(&readers[id], &mut journals)?;
        let of_no_use = journals.is_empty() && {
            let others = held(&readers, head, &BTreeSet::from([*id]));
            numbers(&readers[id]).all(|number| others.contains(number))
        };
        if of_no_use && head.pack(*id).is_some() && head.packs.len() > 1 {
            head.packs.retain(|live| live.committed.pack != *id);
        }
    }
    Ok(())
}

fn numbers(pack: &PackReader) -> impl Iterator<Item = u64> + '_ {
    pack.directory().groups.iter().flat_map(|group| &group.records).flat_map(|run| run.first..run.first + run.count)
}

type Readers = BTreeMap<PackId, Arc<PackReader>>;

/// Records in all packs but these.
fn held(readers: &Readers, head: &Head, but: &BTreeSet<PackId>) -> Numbers {
    let mut held = Numbers::default();
    let others = head.packs.iter().map(|live| live.committed.pack).filter(|id| !but.contains(id));
    for run in others.filter_map(|id| readers.get(&id)).flat_map(|pack| &pack.directory().groups).flat_map(|group| &group.records)
    {
        held.insert_run(run.first, run.count);
    }
    held
}

/// Records that some line shows, as the journals of all packs but one tell it; `None` when these are not all there is.
fn shown_without(readers: &Readers, head: &Head, but: PackId) -> Result<Option<Numbers>> {
    let mut entries = Vec::new();
    for id in head.packs.iter().map(|live| live.committed.pack).filter(|id| *id != but) {
        readers.get(&id).map_or(Ok(()), |pack| read_journals(pack, &mut entries))?;
    }
    entries.sort_by_key(|(stamp, _)| *stamp);
    let state = State::replay(entries).ok();
    Ok(state.map(|state| live::shown(&state, &Removed::of(&state.removals))))
}
