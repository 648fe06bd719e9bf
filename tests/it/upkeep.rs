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
use turnpack::vault::api::{
    CheckOptions, CheckReport, CompactOptions, Filter, Finding, GcOptions, IngestOptions, Input, OpenOptions, ReadData,
    RmOptions, RmReport,
};
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
    let message = |n: usize| {
        format!(
            r#"{{"role":"user","content":"message {n} of conversation {seed}, long enough to be kept as a node of its own"}}"#
        )
    };
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
    assert_eq!(
        images.borrow().iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        [Step::Reserved, Step::Written, Step::Verified, Step::Published, Step::Unlinked]
    );
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

fn id(text: &str) -> turnpack::vault::api::Id {
    turnpack::vault::api::Id::parse(text).unwrap()
}

fn rm(house: &House, options: &RmOptions) -> RmReport {
    house.open().rm(options, &Silent, &Interrupt::default()).unwrap()
}

#[test]
fn what_was_removed_stays_away_until_it_is_brought_back() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 10));
    house.ingest("b.jsonl", &(log(2, 3) + &log(1, 2)));
    let before = lines_of(&house.vault()).unwrap();
    let one = RmOptions { ids: vec![id("id:req_1_1")], ..RmOptions::default() };
    let plan = rm(&house, &RmOptions { dry_run: true, ..one.clone() });
    assert_eq!((plan.records, plan.occurrences, plan.rows.len()), (1, 2, 1));
    assert_eq!(lines_of(&house.vault()).unwrap(), before);
    let hash = plan.rows[0].hash.clone();
    let report = rm(&house, &one);
    assert_eq!((report.records, report.occurrences), (1, 2));
    let removed = lines_of(&house.vault()).unwrap();
    assert_eq!((removed["a.jsonl@1"].len(), removed["b.jsonl@1"].len()), (9, 4));
    assert_eq!(rm(&house, &one).missing, ["req_1_1"]);
    // The same lines in another source do not bring it back.
    house.ingest("c.jsonl", &(log(1, 3) + &log(9, 1)));
    assert_eq!(lines_of(&house.vault()).unwrap()["c.jsonl@1"].len(), 3);
    let undo = RmOptions { ids: vec![id(&hash[..8])], undo: true, ..RmOptions::default() };
    assert_eq!(rm(&house, &undo).records, 1);
    let after = lines_of(&house.vault()).unwrap();
    assert_eq!(after["a.jsonl@1"], before["a.jsonl@1"]);
    assert_eq!(after["c.jsonl@1"].len(), 4);
}

#[test]
fn one_line_of_several_goes_alone_and_comes_back_alone() {
    let house = House::new();
    house.ingest("a.jsonl", "{\"x\":1}\n{\"x\":1}\n{\"x\":2}\n");
    let line = RmOptions { ids: vec![id("a.jsonl:1")], ..RmOptions::default() };
    assert_eq!(rm(&house, &line).occurrences, 1);
    assert_eq!(lines_of(&house.vault()).unwrap()["a.jsonl@1"], ["{\"x\":1}", "{\"x\":2}"]);
    assert_eq!(house.gc(Duration::ZERO).records, 0, "the other line still needs the record");
    assert_eq!(rm(&house, &RmOptions { undo: true, ..line }).records, 1);
    assert_eq!(lines_of(&house.vault()).unwrap()["a.jsonl@1"].len(), 3);
}

#[test]
fn gc_waits_for_the_grace_period_then_nothing_can_be_undone_and_nothing_comes_back() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 50));
    let all = lines_of(&house.vault()).unwrap();
    let some = RmOptions {
        filter: Filter { sources: vec!["a.jsonl".into()], ..Filter::default() },
        ids: vec![id("id:req_1_7")],
        ..RmOptions::default()
    };
    assert_eq!(rm(&house, &some).records, 1);
    let kept = lines_of(&house.vault()).unwrap();
    let report = house.gc(Duration::from_secs(3600));
    assert_eq!((report.records, report.in_grace), (0, 1), "{report:?}");
    let plan = house.open().gc(&GcOptions { dry_run: true, grace: Duration::ZERO }, &Silent, &Interrupt::default()).unwrap();
    assert_eq!((plan.records, plan.candidates.len()), (1, 1));
    assert_eq!(house.gc(Duration::ZERO).records, 1);
    assert_eq!(lines_of(&house.vault()).unwrap(), kept);
    assert_eq!(rm(&house, &RmOptions { undo: true, ..some }).records, 0);
    house.ingest("b.jsonl", &log(1, 50).replace("{\"id\":\"req_1_9\"", "{\"id\":\"req_1_x\""));
    let after = lines_of(&house.vault()).unwrap();
    assert_eq!(after["b.jsonl@1"].len(), 49, "the removed record did not come back with another source");
    assert_eq!(all["a.jsonl@1"].len(), 50);
    // A pack in which nothing lives goes as a whole; what its journal says stays.
    rm(&house, &RmOptions { filter: Filter { sources: vec!["a.jsonl".into()], ..Filter::default() }, ..RmOptions::default() });
    let report = house.gc(Duration::ZERO);
    assert!(report.candidates.iter().any(|candidate| candidate.action == "drop"), "{report:?}");
    let after = lines_of(&house.vault()).unwrap();
    assert_eq!((after["a.jsonl@1"].len(), after["b.jsonl@1"].len()), (0, 1));
}

/// Everything a vault's files say, decoded: blocks, groups' lines, templates, journals, and the files as they are.
pub fn everything(vault: &Path) -> Vec<u8> {
    use turnpack::pack::frame::{self, Frame};
    let mut all = Vec::new();
    for bytes in bytes_of(vault).values() {
        all.extend_from_slice(bytes);
        let mut at = turnpack::pack::HEADER_BYTES;
        while let Ok(frame) = Frame::read(bytes, at) {
            all.extend(frame::decode(&frame, None).unwrap_or_default());
            at += frame.length;
        }
    }
    let snapshot = Snapshot::open(&Layout::new(vault)).unwrap();
    for pack in &snapshot.packs {
        let mut view = turnpack::vault::view::PackView::new(Arc::clone(pack)).unwrap();
        for group in &pack.directory().groups {
            (group.first_segment..group.first_segment + group.segments)
                .for_each(|segment| view.segment(segment, &mut all).unwrap());
            (group.first_node..group.first_node + group.nodes).for_each(|node| view.node(node, &mut all).unwrap());
        }
    }
    all
}

fn says(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn after_a_purge_no_file_knows_the_canary() {
    let house = House::new();
    let canary = |n: usize| {
        format!(
            "{{\"id\":\"victim\",\"canary-key-{n}\":\"canary-short\",\"text\":\"a text with canary-long-{n} in it that is stored as a segment of its own\"}}\n"
        )
    };
    house.ingest("a.jsonl", &(log(1, 20) + &canary(1) + &log(2, 20)));
    house.compact();
    house.ingest("b.jsonl", &(log(3, 20) + &canary(2)));
    // A tail that was superseded, and a removal that keeps hashes.
    house.ingest(
        "c.jsonl",
        &(log(4, 2) + "{\"id\":\"victim\",\"tail\":\"canary-tail in the first half of a line that is not done"),
    );
    house.ingest(
        "c.jsonl",
        &(log(4, 2)
            + "{\"id\":\"victim\",\"tail\":\"canary-tail in the first half of a line that is not done yet\"}\n"
            + &log(4, 1)),
    );
    rm(&house, &RmOptions { ids: vec![id("b.jsonl:21")], ..RmOptions::default() });
    let before = lines_of(&house.vault()).unwrap();
    assert!(says(&everything(&house.vault()), "canary"));
    let options = RmOptions { ids: vec![id("id:victim")], purge: true, ..RmOptions::default() };
    let report = rm(&house, &options);
    let receipt = report.receipt.unwrap();
    assert_eq!((report.records, receipt.records), (3, 3));
    assert!(!says(&everything(&house.vault()), "canary"));
    let after = lines_of(&house.vault()).unwrap();
    assert_eq!(after["a.jsonl@1"].len(), before["a.jsonl@1"].len() - 1);
    assert_eq!((after["b.jsonl@1"].len(), after["c.jsonl@1"].len()), (20, 3));
    let state = Snapshot::open(&Layout::new(&house.vault())).unwrap();
    assert!(state.state().unwrap().removed_hashes.is_empty());
    // The sources are still known, and grow.
    house.ingest("b.jsonl", &(log(3, 20) + &canary(2)));
    assert_eq!(lines_of(&house.vault()).unwrap(), after);
    house.ingest("b.jsonl", &(log(3, 20) + &canary(2) + &log(5, 1)));
    assert_eq!(lines_of(&house.vault()).unwrap()["b.jsonl@1"].len(), 21);
    assert!(!says(&everything(&house.vault()), "canary"));
}

/// Protects a purge after a crash: what a killed writer appended and never committed does not exist, but its bytes do.
#[test]
fn a_purge_leaves_nothing_behind_the_end_of_a_pack() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 20));
    let pack = house.vault().join("packs/00000001.pack");
    let torn = [std::fs::read(&pack).unwrap(), b"canary in frames that were never committed".to_vec()].concat();
    std::fs::write(&pack, torn).unwrap();
    house.ingest("b.jsonl", "{\"id\":\"victim\",\"text\":\"canary in frames that were never committed\"}\n");
    rm(&house, &RmOptions { ids: vec![id("id:victim")], purge: true, ..RmOptions::default() });
    assert!(!says(&everything(&house.vault()), "canary"));
    assert_eq!(lines_of(&house.vault()).unwrap()["a.jsonl@1"].len(), 20);
}

fn check(vault: &Path, options: &CheckOptions) -> Result<(CheckReport, Vec<Finding>)> {
    let mut findings = Vec::new();
    let report = Vault::open(vault, &OpenOptions::default())?.check(options, &Silent, &Interrupt::default(), &mut |finding| {
        findings.push(finding);
        Ok(())
    })?;
    Ok((report, findings))
}

fn all() -> CheckOptions {
    CheckOptions { read_data: ReadData::All, ..CheckOptions::default() }
}

#[test]
fn a_whole_vault_has_no_findings_before_and_after_every_kind_of_rewrite() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 60));
    house.ingest("b.jsonl", &(log(2, 30) + "no end"));
    let clean = |house: &House| {
        let (report, findings) = check(&house.vault(), &all()).unwrap();
        assert!(findings.is_empty() && report.damage == 0, "{findings:?}");
        // Each of these lines is a record: all but what was removed for good was read back.
        assert!(report.bytes_read + 2000 > (log(1, 60) + &log(2, 30)).len() as u64, "{report:?}");
        report
    };
    clean(&house);
    house.compact();
    clean(&house);
    rm(&house, &RmOptions { ids: vec![id("id:req_1_3")], ..RmOptions::default() });
    clean(&house);
    house.gc(Duration::ZERO);
    clean(&house);
    rm(&house, &RmOptions { ids: vec![id("id:req_1_4")], purge: true, ..RmOptions::default() });
    let report = clean(&house);
    assert_eq!(report.records_damaged, 0);
}

#[test]
fn each_flipped_byte_gives_the_original_lines_or_an_error_and_check_names_the_place() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 12));
    let before = lines_of(&house.vault()).unwrap();
    let pack = house.vault().join("packs/00000001.pack");
    let good = std::fs::read(&pack).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&pack, &bad).unwrap();
        if let Ok(lines) = lines_of(&house.vault()) {
            assert_eq!(lines, before, "byte {at}");
        }
        match check(&house.vault(), &CheckOptions::default()) {
            Ok((report, findings)) => {
                assert!(report.damage > 0, "byte {at}");
                assert!(
                    findings.iter().any(|finding| finding.path == Path::new("packs/00000001.pack")),
                    "byte {at}: {findings:?}"
                );
            }
            Err(error) => assert!(matches!(error, Error::TooNew { .. } | Error::Integrity { .. }), "byte {at}: {error}"),
        }
    }
    // Damage in the middle names the records that need it.
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&pack, &bad).unwrap();
    let (report, findings) = check(&house.vault(), &all()).unwrap();
    assert!(
        report.records_damaged > 0 && findings.iter().any(|finding| finding.offset.is_some() && !finding.places.is_empty()),
        "{findings:?}"
    );
}

#[test]
fn a_pack_cut_off_anywhere_is_damage_and_reindex_finds_the_last_whole_commit() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 5));
    let first = lines_of(&house.vault()).unwrap();
    house.ingest("b.jsonl", &log(2, 5));
    let second = lines_of(&house.vault()).unwrap();
    let pack = house.vault().join("packs/00000001.pack");
    let (good, head) = (std::fs::read(&pack).unwrap(), std::fs::read(house.vault().join("head")).unwrap());
    let mut seen = Vec::new();
    for length in (64..=good.len()).rev() {
        std::fs::write(&pack, &good[..length]).unwrap();
        std::fs::write(house.vault().join("head"), &head).unwrap();
        assert_eq!(lines_of(&house.vault()).is_ok(), length == good.len());
        Vault::reindex(&house.vault(), &OpenOptions::default(), &Silent, &Interrupt::default()).unwrap();
        let found = lines_of(&house.vault()).unwrap();
        assert!(found == second || found == first || found.is_empty(), "{length}");
        if seen.last() != Some(&found) {
            seen.push(found);
        }
    }
    assert_eq!(seen, [second, first, BTreeMap::new()]);
}

#[test]
fn a_lost_head_and_a_lost_description_are_found_again_whatever_was_rewritten() {
    let house = House::new();
    house.ingest("a.jsonl", &log(1, 30));
    let old = house.dir.path().join("old");
    copy(&house.vault(), &old);
    house.ingest("b.jsonl", &log(2, 30));
    house.compact();
    house.ingest("c.jsonl", &log(3, 5));
    let before = lines_of(&house.vault()).unwrap();
    // A pack that was replaced but not deleted yet.
    std::fs::copy(old.join("packs/00000001.pack"), house.vault().join("packs/00000001.pack")).unwrap();
    for lost in [vec!["head"], vec!["vault.json"], vec!["head", "vault.json"]] {
        lost.iter().for_each(|name| std::fs::remove_file(house.vault().join(name)).unwrap());
        let report = Vault::reindex(&house.vault(), &OpenOptions::default(), &Silent, &Interrupt::default()).unwrap();
        assert_eq!(report.head_rebuilt, lost.contains(&"head"));
        assert_eq!((report.sources, report.records), (3, 65), "{lost:?}");
        assert_eq!(lines_of(&house.vault()).unwrap(), before, "{lost:?}");
    }
    house.ingest("d.jsonl", &log(4, 5));
    house.compact();
    assert_eq!(lines_of(&house.vault()).unwrap().len(), 4);
    assert!(check(&house.vault(), &all()).unwrap().1.is_empty());
}

#[test]
fn a_file_is_in_the_vault_only_byte_for_byte() {
    let house = House::new();
    house.ingest("a.jsonl", &(log(1, 20) + "no end"));
    let path = house.dir.path().join("a.jsonl");
    let against = |path: &Path| {
        let (report, findings) =
            check(&house.vault(), &CheckOptions { against: vec![path.to_path_buf()], ..CheckOptions::default() }).unwrap();
        (report.against.unwrap(), findings)
    };
    assert_eq!(against(&path).0.equal, 1);
    let other = house.dir.path().join("copy.jsonl");
    std::fs::copy(&path, &other).unwrap();
    assert_eq!(against(&other).0.equal, 1, "another name, the same content");
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[500] ^= 1;
    std::fs::write(&path, &bad).unwrap();
    let (report, findings) = against(&path);
    assert_eq!(
        (report.different, findings[0].offset, findings[0].line),
        (1, Some(500), Some(1 + good[..500].iter().filter(|b| **b == b'\n').count() as u64))
    );
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert_eq!(against(&path).1[0].offset, Some(good.len() as u64 - 1));
    std::fs::write(&path, [&good[..], b"\n"].concat()).unwrap();
    assert_eq!(against(&path).1[0].offset, Some(good.len() as u64));
    let digest = |options: CheckOptions| check(&house.vault(), &options).unwrap().0;
    let found = digest(CheckOptions { digest: true, ..CheckOptions::default() }).digest.unwrap();
    house.compact();
    assert_eq!(digest(CheckOptions { expect: Some(found), ..CheckOptions::default() }).digest_matches, Some(true));
}
