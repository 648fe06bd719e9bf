//! Bytes from disk are strangers: whatever byte of whatever file is wrong, each reading method gives what it gave before or an error
//! that names a file of the vault; it never panics and never gives anything else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use turnpack::error::{Error, Result};
use turnpack::interrupt::Interrupt;
use turnpack::progress::Silent;
use turnpack::vault::Vault;
use turnpack::vault::api::{ExportOptions, GetItem, GetOptions, Id, LsOptions, OpenOptions, StatsOptions};

use crate::harness::Sandbox;
use crate::house::{House, chat, chats, copy, export, files, findings};

/// A small vault with a compacted pack and an open one, a removed record, an alias and a line that is no JSON.
fn house() -> House {
    let house = House::new();
    house.put_in("a.log", chats(1, 5) + "not json\n");
    house.put_in("b.log", chats(2, 3));
    house.compact();
    house.put_in("a.log", chats(1, 5) + "not json\n" + &chat(3, 2) + "\nopen end");
    house.put_in("copy.log", chats(2, 3));
    house.rm(&["b.log:2"]);
    assert_eq!(std::fs::read_dir(house.vault().join("packs")).unwrap().count(), 2);
    house
}

/// All answers of the reading methods, each as text.
fn answers(vault: &Path) -> Vec<(&'static str, Result<String>)> {
    let open = || Vault::open(vault, &OpenOptions { threads: Some(1), ..OpenOptions::default() });
    let get = |id: &str| {
        let mut out = String::new();
        let options = GetOptions { ids: vec![Id::parse(id)?], with_turns: true, ..GetOptions::default() };
        open()?.get(&options, &mut |item| {
            match item {
                GetItem::Record(record) => {
                    out += &format!("{}:{} {:?} {}\n", record.source, record.line, record.bytes, record.turns.len())
                }
                other => out += &format!("{other:?}\n"),
            }
            Ok(())
        })?;
        Ok(out)
    };
    let raw = |limit| {
        let mut out = Vec::new();
        open()?.export_raw(&ExportOptions { limit, ..ExportOptions::default() }, &mut out)?;
        Ok(format!("{out:?}"))
    };
    let json = |value: &dyn erased::Json| value.json();
    vec![
        ("export", raw(None)),
        ("export a few", raw(Some(3))),
        ("get a line", get("a.log:3")),
        ("get an id", get("id:req_3_2")),
        ("get a hash", get(&format!("hash:{:032x}", turnpack::checksum::content_hash(b"not json")))),
        ("get nothing", get("hash:00000000000000000000000000000000")),
        (
            "ls",
            open()
                .and_then(|vault| vault.ls_sources(&LsOptions { all_generations: true, long: true, ..LsOptions::default() }))
                .map(|rows| json(&rows)),
        ),
        ("conversations", open().and_then(|vault| vault.ls_conversations(&LsOptions::default())).map(|rows| json(&rows))),
        (
            "stats",
            open()
                .and_then(|vault| vault.stats(&StatsOptions { totals: true, ..StatsOptions::default() }))
                .map(|report| without_sizes(&json(&report))),
        ),
        ("log", open().and_then(|vault| vault.log()).map(|rows| json(&rows))),
    ]
}

/// Reports as text, whatever their type.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> String;
    }
    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap()
        }
    }
}

/// Sizes of files are what they are on disk, whatever is in them.
fn without_sizes(json: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
    value.as_object_mut().unwrap().remove("stored");
    value.to_string()
}

/// The file an error names.
fn named(error: &Error) -> Option<&PathBuf> {
    match error {
        Error::Integrity { path, .. } | Error::TooNew { path, .. } | Error::Io { path, .. } => Some(path),
        Error::NoVault(path) => Some(path),
        _ => None,
    }
}

#[track_caller]
fn right_or_refused(vault: &Path, good: &[(&'static str, Result<String>)], what: &str) {
    let found = catch_unwind(AssertUnwindSafe(|| answers(vault))).unwrap_or_else(|_| panic!("{what}: panicked"));
    for ((method, answer), (_, right)) in found.iter().zip(good) {
        match answer {
            Ok(answer) => assert_eq!(answer, right.as_ref().unwrap(), "{what}: {method}"),
            Err(error) => assert!(named(error).is_some_and(|path| path.starts_with(vault)), "{what}: {method}: {error:?}"),
        }
    }
}

#[test]
fn each_changed_byte_of_each_file_gives_the_right_answers_or_errors_that_name_a_file() {
    let house = house();
    let good = answers(&house.vault());
    assert!(good.iter().all(|(_, answer)| answer.is_ok()), "{good:?}");
    let targets: Vec<PathBuf> = files(&house.vault()).into_iter().filter(|file| file.metadata().unwrap().len() > 0).collect();
    assert!(targets.len() >= 4, "{targets:?}");
    let workers = 2;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (house, good, targets) = (&house, &good, &targets);
            scope.spawn(move || {
                let image = house.path(format!("image{worker}"));
                copy(&house.vault(), &image);
                // Paths are in the answers of no method, so a copy elsewhere answers the same.
                right_or_refused(&image, good, "unchanged");
                for file in targets {
                    let relative = file.strip_prefix(house.vault()).unwrap();
                    let bytes = std::fs::read(file).unwrap();
                    for at in (worker..bytes.len()).step_by(workers) {
                        let mut bad = bytes.clone();
                        bad[at] ^= if at % 3 == 0 { 0xff } else { 1 << (at % 8) };
                        std::fs::write(image.join(relative), &bad).unwrap();
                        right_or_refused(&image, good, &format!("{} byte {at}", relative.display()));
                    }
                    std::fs::write(image.join(relative), &bytes).unwrap();
                }
            });
        }
    });
}

#[test]
fn each_file_cut_to_any_length_or_missing_gives_the_right_answers_or_errors() {
    let house = house();
    let good = answers(&house.vault());
    let image = house.path("image");
    copy(&house.vault(), &image);
    for file in files(&house.vault()) {
        let target = image.join(file.strip_prefix(house.vault()).unwrap());
        let bytes = std::fs::read(&file).unwrap();
        for length in (0..bytes.len()).filter(|length| length % 11 == 0 || length + 20 > bytes.len() || *length < 70) {
            std::fs::write(&target, &bytes[..length]).unwrap();
            right_or_refused(&image, &good, &format!("{} cut to {length}", target.display()));
        }
        std::fs::remove_file(&target).unwrap();
        right_or_refused(&image, &good, &format!("{} missing", target.display()));
        std::fs::write(&target, &bytes).unwrap();
    }
}

#[test]
fn check_and_reindex_survive_every_changed_byte_too() {
    let house = House::new();
    house.put_in("a.log", chats(1, 3));
    let good = house.export("a.log");
    let image = house.path("image");
    for file in files(&house.vault()) {
        let relative = file.strip_prefix(house.vault()).unwrap().to_path_buf();
        let bytes = std::fs::read(&file).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            copy(&house.vault(), &image);
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(image.join(&relative), &bad).unwrap();
            let survived = catch_unwind(AssertUnwindSafe(|| {
                let _ = findings(&image);
                let _ = Vault::reindex(&image, &OpenOptions::default(), &Silent, &Interrupt::default());
                if let Ok((bytes, report)) = export(&image, "a.log") {
                    assert!(bytes == good || report.removed_lines > 0, "{} byte {at}", relative.display());
                }
            }));
            assert!(survived.is_ok(), "{} byte {at}", relative.display());
            std::fs::remove_dir_all(&image).unwrap();
        }
    }
}

#[test]
fn the_program_tells_damage_with_exit_13_and_the_name_of_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", chats(1, 5));
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    let good = sandbox.read("vault/packs/00000001.pack");
    for at in [8, 70, good.len() / 2, good.len() - 10] {
        let mut bad = good.clone();
        bad[at] ^= 4;
        sandbox.write("vault/packs/00000001.pack", &bad);
        let outcome = sandbox.run(&["export"]);
        assert!(matches!(outcome.code, Some(12 | 13)), "byte {at}: {outcome:?}");
        assert!(
            outcome.stderr().contains("packs/00000001.pack") && !outcome.stderr().contains("panicked"),
            "{}",
            outcome.stderr()
        );
        assert!(chats(1, 5).starts_with(&outcome.stdout()));
    }
    sandbox.write("vault/packs/00000001.pack", &good);
    let head = sandbox.read("vault/head");
    sandbox.write("vault/head", &head[..head.len() - 1]);
    let outcome = sandbox.run(&["ls"]).exits(13);
    assert!(outcome.stderr().contains("/head: ") && outcome.stderr().contains("reindex"), "{}", outcome.stderr());
}
