//! What is on disk after the power was cut: packs longer or shorter than `head` says, torn tails, creation that never ended.

use turnpack::error::Error;
use turnpack::interrupt::Interrupt;
use turnpack::progress::Silent;
use turnpack::vault::Vault;
use turnpack::vault::api::{IngestOptions, Input, OpenOptions, Severity};

use crate::harness::Sandbox;
use crate::house::{Dice, House, chats, copy, export, findings};

const PACK: &str = "packs/00000001.pack";

/// A vault before and after its second commit, with what it held.
struct Two {
    house: House,
    old: (Vec<u8>, Vec<u8>),
    new: (Vec<u8>, Vec<u8>),
}

fn two() -> Two {
    let house = House::new();
    let state = |house: &House| ["head", PACK].map(|name| std::fs::read(house.vault().join(name)).unwrap()).into();
    house.put_in("a.log", chats(1, 4));
    let old: (Vec<u8>, Vec<u8>) = state(&house);
    house.put_in("b.log", chats(2, 3));
    let new: (Vec<u8>, Vec<u8>) = state(&house);
    assert!(new.1.starts_with(&old.1) && new.1.len() > old.1.len() + 100);
    Two { house, old, new }
}

impl Two {
    fn set(&self, head: &[u8], pack: &[u8]) {
        std::fs::write(self.house.vault().join("head"), head).unwrap();
        std::fs::write(self.house.vault().join(PACK), pack).unwrap();
    }

    #[track_caller]
    fn is_old(&self) {
        assert_eq!(self.house.export("a.log"), chats(1, 4).as_bytes());
        assert_eq!(self.house.ls().len(), 1);
    }

    /// Takes in what was lost and something else, in a copy.
    #[track_caller]
    fn goes_on(&self, name: &str) {
        let image = self.house.path(name);
        copy(&self.house.vault(), &image);
        let vault = Vault::open(&image, &OpenOptions { threads: Some(2), ..OpenOptions::default() }).unwrap();
        self.house.put("c.log", chats(3, 2));
        let inputs = ["a.log", "b.log", "c.log"].map(|name| Input::Path(self.house.path(name))).into();
        vault.ingest(&IngestOptions::default(), inputs, &Silent, &Interrupt::default()).unwrap();
        for (name, content) in [("a.log", chats(1, 4)), ("b.log", chats(2, 3)), ("c.log", chats(3, 2))] {
            assert_eq!(export(&image, name).unwrap().0, content.as_bytes(), "{name}");
        }
        let damage: Vec<_> = findings(&image).unwrap().into_iter().filter(|found| found.severity != Severity::Note).collect();
        assert!(damage.is_empty(), "{damage:?}");
        std::fs::remove_dir_all(image).unwrap();
    }
}

#[test]
fn a_commit_cut_off_at_any_byte_before_head_leaves_the_state_before_and_the_vault_goes_on() {
    let two = two();
    for length in two.old.1.len()..=two.new.1.len() {
        two.set(&two.old.0, &two.new.1[..length]);
        two.is_old();
        if length % 37 == 0 || length == two.new.1.len() {
            two.goes_on("cut");
        }
    }
}

#[test]
fn a_tail_of_rubbish_or_zeros_after_the_commit_does_not_exist() {
    let two = two();
    let mut dice = Dice(5);
    let rubbish: Vec<u8> = (0..3000).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
    let mut torn = two.new.1[two.old.1.len()..].to_vec();
    torn.iter_mut().skip(40).for_each(|byte| *byte = 0);
    for tail in [rubbish, vec![0; 4096], torn, vec![255]] {
        two.set(&two.old.0, &[&two.old.1[..], &tail].concat());
        two.is_old();
        two.goes_on("torn");
    }
}

#[test]
fn a_half_written_next_head_does_not_count() {
    let two = two();
    two.set(&two.old.0, &two.new.1);
    for length in [0, 1, two.new.0.len() / 2, two.new.0.len()] {
        std::fs::write(two.house.vault().join("head.new"), &two.new.0[..length]).unwrap();
        two.is_old();
        two.goes_on("heads");
    }
}

#[test]
fn a_head_that_was_published_before_its_pack_is_an_integrity_error_and_never_a_panic() {
    let two = two();
    for length in 0..two.new.1.len() {
        two.set(&two.new.0, &two.new.1[..length]);
        let refused = export(&two.house.vault(), "b.log").err();
        assert!(matches!(&refused, Some(Error::Integrity { path, .. }) if path.ends_with(PACK)), "{length}: {refused:?}");
    }
    std::fs::remove_file(two.house.vault().join(PACK)).unwrap();
    let refused = export(&two.house.vault(), "b.log").err();
    assert!(refused.as_ref().is_some_and(|error| error.to_string().contains(PACK)), "{refused:?}");
}

#[test]
fn where_creation_was_cut_off_readers_find_no_vault_and_ingest_begins_again() {
    let whole = Sandbox::new();
    whole.write("a.jsonl", "{\"a\":1}\n");
    whole.run(&["ingest", "a.jsonl"]).exits(0);
    let (head, description) = (whole.read("vault/head"), whole.read("vault/vault.json"));
    let stages: [&[(&str, &[u8])]; 6] = [
        &[],
        &[("packs/", b"")],
        &[("packs/", b""), ("vault.json.new", &description[..10])],
        &[("packs/", b""), ("vault.json", &description)],
        &[("packs/", b""), ("vault.json", &description), ("head.new", &head[..30])],
        &[("packs/", b""), ("vault.json", &description), ("head.new", &head)],
    ];
    for (stage, files) in stages.iter().enumerate() {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.vault()).unwrap();
        for (name, content) in *files {
            if name.ends_with('/') {
                std::fs::create_dir(sandbox.vault().join(name)).unwrap();
            } else {
                std::fs::write(sandbox.vault().join(name), content).unwrap();
            }
        }
        for command in ["ls", "export", "stats", "check"] {
            let code = sandbox.run(&[command]).code;
            assert_eq!(code, Some(10), "stage {stage}, {command}");
        }
        sandbox.write("a.jsonl", "{\"a\":1}\n");
        sandbox.run(&["ingest", "a.jsonl"]).exits(0);
        assert_eq!(sandbox.run(&["export"]).exits(0).stdout_bytes, b"{\"a\":1}\n", "stage {stage}");
        sandbox.run(&["check", "--read-data"]).exits(0);
    }
}
