//! Which packs have a part, and when it goes.

use std::path::PathBuf;
use std::time::Duration;

use super::build::build;
use super::{fits, path};
use crate::error::{Error, Result};
use crate::fsio::{self, Map};
use crate::ids::PackId;
use crate::lexical::part::Part;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::vault::layout::Layout;
use crate::vault::recall;
use crate::vault::snapshot::Snapshot;

/// Vaults with less text are scanned faster than anything could be looked up.
pub(crate) const WORTH_BYTES: u64 = 64 << 20;
/// And so are packs with less, in any vault.
const PACK_BYTES: u64 = 4 << 20;
/// An ingest makes a part anew when it does not know so much text of its pack,
const FOLLOWED_BYTES: u64 = 16 << 20;
/// and one in so many bytes of it: all that is ever made costs as much as making a few times the last.
const FOLLOWED_SHARE: u64 = 4;

impl Vault {
    /// Makes lexical parts: where they are worth it, or for all packs. Bytes of all of them.
    ///
    /// # Errors
    /// When another process rewrites the vault, packs are damaged or parts cannot be written.
    pub fn make_lexical_parts(&self, every: bool) -> Result<u64> {
        let _maintenance = self.layout.maintenance_lock(self.options.lock_timeout)?;
        let snapshot = self.snapshot()?;
        refresh(&snapshot, self.threads(), every)?;
        let size = |pack: &std::sync::Arc<crate::pack::reader::PackReader>| {
            std::fs::metadata(path(&self.layout, pack.committed.pack.0)).map_or(0, |file| file.len())
        };
        Ok(snapshot.packs.iter().map(size).sum())
    }

    /// Makes parts follow an ingest. They can be made at any time: whatever keeps them from it is only told.
    pub(crate) fn follow_lexical_parts(&self, progress: &dyn Progress) {
        let made = self.layout.maintenance_lock(Duration::ZERO).and_then(|_maintenance| {
            let snapshot = self.snapshot()?;
            if is_worth_it(&snapshot) { follow(&snapshot, self.threads(), FOLLOWED_BYTES) } else { Ok(0) }
        });
        match made {
            // Who rewrites the vault makes them.
            Ok(_) | Err(Error::Locked { .. }) => {}
            Err(error) => progress.warn(&format!("search parts were not made: {error}")),
        }
    }
}

/// Bytes of text that a pack's part does not know; all of them when it has none that can be used.
fn unknown_text(snapshot: &Snapshot, pack: usize) -> u64 {
    let reader = &snapshot.packs[pack];
    let path = path(snapshot.layout(), reader.committed.pack.0);
    let read = std::fs::metadata(&path).ok().and_then(|file| Map::open(&path, file.len()).ok());
    let known = read.and_then(|map| {
        let part = Part::read(&map).ok()?;
        fits(snapshot, pack, &part).is_ok().then_some(part.subject.length)
    });
    let blocks = reader.directory().blocks.iter().filter(|block| known.is_none_or(|known| block.offset >= known));
    blocks.map(|block| u64::from(block.length)).sum()
}

/// True when a pack has a part that knows all of it.
fn is_fresh(snapshot: &Snapshot, pack: usize) -> bool {
    let path = path(snapshot.layout(), snapshot.packs[pack].committed.pack.0);
    let read = std::fs::metadata(&path).ok().and_then(|file| Map::open(&path, file.len()).ok());
    read.is_some_and(|map| {
        Part::read(&map)
            .is_ok_and(|part| fits(snapshot, pack, &part).is_ok() && part.subject.length == snapshot.packs[pack].committed.length)
    })
}

/// Makes parts anew where `least` bytes of text, and a share of what there is, are in none; what is left out is soon scanned. How many
/// it made.
///
/// # Errors
/// As [`refresh`].
fn follow(snapshot: &Snapshot, threads: usize, least: u64) -> Result<usize> {
    let mut made = 0;
    for (index, pack) in snapshot.packs.iter().enumerate() {
        let unknown = unknown_text(snapshot, index);
        if unknown >= least.max(pack.text_bytes() / FOLLOWED_SHARE) {
            make(snapshot, index, threads)?;
            made += 1;
        }
    }
    Ok(made)
}

/// Forgets all parts.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn forget(layout: &Layout) -> Result<()> {
    recall::forget(layout)?;
    let Ok(entries) = std::fs::read_dir(layout.parts()) else { return Ok(()) };
    entries.flatten().filter(|entry| is_ours(&entry.path())).try_for_each(|entry| fsio::remove(&entry.path()))
}

/// Forgets the part of a pack that goes: it holds traces of what was in it.
///
/// # Errors
/// When the file cannot be removed.
pub(crate) fn forget_pack(layout: &Layout, pack: PackId) -> Result<()> {
    recall::forget(layout)?;
    fsio::remove(&path(layout, pack.0))
}

fn is_ours(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lex") || path.to_string_lossy().ends_with(".lex.new")
}

/// Makes the parts of all packs that are worth one and have none that knows all of them, and drops those of packs that are gone.
/// With `every`, small packs get one too.
///
/// # Errors
/// When packs are damaged or parts cannot be written.
pub(crate) fn refresh(snapshot: &Snapshot, threads: usize, every: bool) -> Result<()> {
    drop_stale(snapshot)?;
    recall::refresh(snapshot, threads)?;
    let worth_it = is_worth_it(snapshot);
    for (index, pack) in snapshot.packs.iter().enumerate() {
        let pays = worth_it && pack.text_bytes() >= PACK_BYTES;
        if (every || pays) && !is_fresh(snapshot, index) {
            make(snapshot, index, threads)?;
        }
    }
    Ok(())
}

/// True for vaults with enough text.
fn is_worth_it(snapshot: &Snapshot) -> bool {
    snapshot.packs.iter().map(|pack| pack.text_bytes()).sum::<u64>() >= WORTH_BYTES
}

/// Makes the part of a pack.
fn make(snapshot: &Snapshot, pack: usize, threads: usize) -> Result<()> {
    let parts = snapshot.layout().parts();
    if !parts.is_dir() {
        fsio::create_dir(&parts)?;
    }
    let built = build(snapshot, pack, threads)?;
    fsio::replace(&path(snapshot.layout(), snapshot.packs[pack].committed.pack.0), &built.encode())
}

/// Drops the parts of packs that are gone.
///
/// # Errors
/// When a file cannot be removed.
fn drop_stale(snapshot: &Snapshot) -> Result<()> {
    let live: Vec<PathBuf> = snapshot.packs.iter().map(|pack| path(snapshot.layout(), pack.committed.pack.0)).collect();
    let Ok(entries) = std::fs::read_dir(snapshot.layout().parts()) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if is_ours(&path) && !live.contains(&path) {
            fsio::remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::progress::Silent;
    use crate::vault::api::{IngestOptions, Input, OpenOptions, SearchOptions, SearchWanted};

    fn add(vault: &Vault, lines: std::ops::Range<u32>) {
        let word = |n: u32| format!("{:08x}", n.wrapping_mul(0x9e37_79b1));
        let text = |n: u32| (0..40).map(|at| word(n * 64 + at)).collect::<Vec<String>>().join(" ");
        let lines: String = lines.map(|n| format!("{{\"number\":\"line-{n}\",\"text\":\"{}\"}}\n", text(n))).collect();
        let source = Some(format!("at {}", lines.len()));
        let input = Input::Stream(Box::new(std::io::Cursor::new(lines.into_bytes())));
        vault.ingest(&IngestOptions { source, ..IngestOptions::default() }, vec![input], &Silent, &Interrupt::default()).unwrap();
    }

    /// Lines with a string, and how many blocks were decoded for it.
    fn search(vault: &Vault, query: &str) -> (u64, u64) {
        let patterns = vec![query.to_string()];
        let options = SearchOptions { patterns, wanted: SearchWanted::Count, ..SearchOptions::default() };
        let report = vault.search(&options, &mut |_| Ok(())).unwrap();
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        (report.occurrences, report.looked.blocks)
    }

    // Protects the time of searches between two rewrites, and that of small ingests: a part follows what comes, but not each line, and
    // whatever came since is found all the same.
    #[test]
    fn parts_follow_what_comes_when_it_is_much() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_or_open(&dir.path().join("v"), &OpenOptions::default()).unwrap();
        let follow = || follow(&vault.snapshot().unwrap(), 2, 40_000).unwrap();
        add(&vault, 0..50);
        assert_eq!(follow(), 0, "18 KB are scanned");
        add(&vault, 50..2000);
        assert_eq!((follow(), follow()), (1, 0));
        assert_eq!(search(&vault, "nowhere to be found"), (0, 0));
        assert!(search(&vault, "9e3779b1").1 > 0);
        // More than the least, less than a quarter; then enough.
        add(&vault, 2000..2300);
        assert_eq!(follow(), 0);
        let last = format!("{:08x}", (2299 * 64 + 39u32).wrapping_mul(0x9e37_79b1));
        assert_eq!(search(&vault, &last).0, 1);
        assert_eq!(search(&vault, "line-2299").0, 1);
        add(&vault, 2300..2900);
        assert_eq!((follow(), follow()), (1, 0));
        assert_eq!(search(&vault, &last).0, 1);
        assert_eq!(search(&vault, "nowhere to be found"), (0, 0));
    }
}
