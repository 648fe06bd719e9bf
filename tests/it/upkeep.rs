//! Rewriting a vault: compact, gc, rm, purge, check, reindex, and what a killed process leaves of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use turnpack::error::{Error, Result};
use turnpack::interrupt::Interrupt;
use turnpack::progress::Silent;
use turnpack::vault::Vault;
use turnpack::vault::api::{CompactOptions, GcOptions, IngestOptions, Input, OpenOptions};
use turnpack::vault::compact;
use turnpack::vault::fetch::Fetcher;
use turnpack::vault::layout::Layout;
use turnpack::vault::rewrite::live::{self, Removed};
use turnpack::vault::rewrite::{Maintenance, Request, Step};
use turnpack::vault::snapshot::Snapshot;

struct House {
    dir: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        House { dir: tempfile::tempdir().unwrap() }
    }

    fn vault(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    fn open(&self) -> Vault {
        Vault::create_or_open(&self.vault(), &OpenOptions::default()).unwrap()
    }

    /// Writes a file and takes it in.
    fn ingest(&self, name: &str, content: &str) {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let options = IngestOptions::default();
        self.open().ingest(&options, vec![Input::Path(path)], &Silent, &Interrupt::default()).unwrap();
    }

    fn compact(&self) -> turnpack::vault::api::CompactReport {
        self.open().compact(&CompactOptions::default(), &Silent, &Interrupt::default()).unwrap()
    }

    fn gc(&self, grace: Duration) -> turnpack::vault::api::GcReport {
        self.open().gc(&GcOptions { dry_run: false, grace }, &Silent, &Interrupt::default()).unwrap()
    }
}

/// Lines of all sources by file name, as a reader sees them; removed ones are left out.
fn lines_of(vault: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let snapshot = Snapshot::open(&Layout::new(vault))?;
    let mut fetcher = Fetcher::new(&snapshot);
    let mut all = BTreeMap::new();
    let state = snapshot.state()?;
    for source in state.sources.values() {
        let mut lines = Vec::new();
        let origin = state.origin(source);
        for (line, number) in (1..).zip(origin.numbers()) {
            let mut out = Vec::new();
            if !state.is_removed(origin.state.id, line, number) && fetcher.record(number, &mut out)? {
                lines.push(String::from_utf8_lossy(&out).into_owned());
            }
        }
        let name = format!("{}@{}", source.state.name.rsplit('/').next().unwrap_or_default(), source.state.generation);
        all.insert(name, lines);
    }
    Ok(all)
}

/// A log in which each request resends what came before.
fn log(seed: usize, lines: usize) -> String {
    let message = |n: usize| format!(r#"{{"role":"user","content":"message {n} of conversation {seed}, long enough to be kept as a node of its own"}}"#);
    let line = |n: usize| {
        let history: Vec<String> = (0..=n % 10).map(|m| message(n / 10 * 10 + m)).collect();
        format!(r#"{{"id":"req_{seed}_{n}","messages":[{}],"n":{n}}}"#, history.join(","))
    };
    (0..lines).map(|n| line(n) + "\n").collect()
}

fn bytes_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            files.extend(bytes_of(&entry.path()));
        } else if entry.path().extension().is_none_or(|extension| extension != "lock" && extension != "info") {
            files.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
    files
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn compact_merges_packs_keeps_every_line_and_has_nothing_to_do_the_second_time() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 200));
    house.compact();
    house.ingest("b.jsonl", &(log(2, 300) + "no newline yet"));
    house.ingest("b.jsonl", &(log(2, 300) + "no newline yet, but soon\n\n"));
    let before = lines_of(&house.vault()).unwrap();
    let report = house.compact();
    assert!(report.complete && report.packs_rewritten == 2, "{report:?}");
    assert!(report.vault_bytes_after < report.vault_bytes_before, "{report:?}");
    assert_eq!(lines_of(&house.vault()).unwrap(), before);
    let files = bytes_of(&house.vault());
    let again = house.compact();
    assert_eq!((again.packs_rewritten, again.packs_kept), (0, 1), "{again:?}");
    assert_eq!(bytes_of(&house.vault()), files);
    // What comes afterwards finds its place, and what was there is still known.
    house.ingest("c.jsonl", &log(1, 200));
    house.ingest("b.jsonl", &(log(2, 300) + "no newline yet, but soon\n\n{\"more\":1}\n"));
    let after = lines_of(&house.vault()).unwrap();
    assert_eq!(after["c.jsonl@1"], after["a.jsonl@1"]);
    assert_eq!(after["b.jsonl@1"].len(), 303);
}

#[test]
fn a_superseded_last_line_is_collected() {
    let house = House::new();
    house.ingest("a.jsonl", &(log(1, 5) + "first half of a line that nobody has finished yet"));
    house.ingest("a.jsonl", &(log(1, 5) + "first half of a line that nobody has finished yet and second half\n"));
    let before = lines_of(&house.vault()).unwrap();
    let report = house.gc(Duration::from_secs(3600));
    assert_eq!((report.records, report.in_grace), (1, 0), "{report:?}");
    assert_eq!(lines_of(&house.vault()).unwrap(), before);
    assert_eq!(house.gc(Duration::ZERO).candidates.len(), 0);
}

#[test]
fn a_rewrite_that_dies_at_any_step_leaves_the_old_state_or_the_new_one() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 100));
    let before = lines_of(&house.vault()).unwrap();
    let images = RefCell::new(Vec::new());
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let (layout, interrupt) = (Layout::new(&house.vault()), Interrupt::default());
    let mut maintenance = Maintenance::begin(&layout, Arc::clone(&pool), Duration::ZERO, &Silent, &interrupt).unwrap();
    maintenance.watch = Box::new(|step| {
        let image = house.dir.path().join(format!("{step:?}"));
        copy(&house.vault(), &image);
        images.borrow_mut().push((step, image));
        // Somebody writes while records are copied.
        if step == Step::Written {
            house.ingest("meanwhile.jsonl", &log(7, 20));
        }
        Ok(())
    });
    let packs: Vec<_> = Snapshot::open(&layout).unwrap().packs.iter().map(|pack| pack.committed.pack).collect();
    let (snapshot, first) = maintenance.reserve(&packs).unwrap();
    let live = live::live(&snapshot, &Removed::default()).unwrap();
    let request = Request { packs, live: &live, purged: &Default::default(), log: None };
    let outcome = maintenance.rewrite(&snapshot, first, &compact::profile(3), &request).unwrap();
    assert!(outcome.done && outcome.records == 100 && outcome.unlinked.len() == 1, "{outcome:?}");
    drop(maintenance);
    assert_eq!(images.borrow().iter().map(|(step, _)| *step).collect::<Vec<_>>(), [
        Step::Reserved,
        Step::Written,
        Step::Verified,
        Step::Published,
        Step::Unlinked
    ]);
    let now = lines_of(&house.vault()).unwrap();
    assert_eq!(now["a.jsonl@1"], before["a.jsonl@1"]);
    assert_eq!(now["meanwhile.jsonl@1"].len(), 20);
    for (step, image) in images.borrow().iter() {
        let found = lines_of(image).unwrap();
        assert_eq!(found["a.jsonl@1"], before["a.jsonl@1"], "{step:?}");
        let vault = Vault::open(image, &OpenOptions::default()).unwrap();
        vault.compact(&CompactOptions::default(), &Silent, &Interrupt::default()).unwrap();
        assert_eq!(lines_of(image).unwrap(), found, "{step:?}");
        let named = Snapshot::open(&Layout::new(image)).unwrap().packs.len();
        assert_eq!(std::fs::read_dir(image.join("packs")).unwrap().count(), named, "leftovers after {step:?}");
    }
}

#[test]
fn an_interrupted_compaction_changes_nothing_and_leaves_no_files() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 100));
    let before = lines_of(&house.vault()).unwrap();
    let interrupt = Interrupt::default();
    interrupt.raise(15);
    let report = house.open().compact(&CompactOptions::default(), &Silent, &interrupt).unwrap();
    assert!(!report.complete && report.packs_rewritten == 0);
    let late = CompactOptions { max_runtime: Some(Duration::ZERO), ..CompactOptions::default() };
    let report = house.open().compact(&late, &Silent, &Interrupt::default()).unwrap();
    assert!(!report.complete && report.packs_rewritten == 0);
    assert_eq!(lines_of(&house.vault()).unwrap(), before);
    assert_eq!(std::fs::read_dir(house.vault().join("packs")).unwrap().count(), 1);
}

#[test]
fn two_rewriters_do_not_work_at_once() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 10));
    let _held = Layout::new(&house.vault()).maintenance_lock(Duration::ZERO).unwrap();
    let refused = house.open().compact(&CompactOptions::default(), &Silent, &Interrupt::default());
    assert!(matches!(refused, Err(Error::Locked { .. })));
}
