//! Packs of more than one block, whose blocks rest on the first and are written in codes: killed while they are made, and read by others
//! meanwhile.

use std::process::Stdio;
use std::time::Duration;

use turnpack::pack::HEADER_BYTES;
use turnpack::pack::frame::{Frame, Kind, codec};
use turnpack::vault::layout::Layout;
use turnpack::vault::snapshot::Snapshot;

use crate::harness::Sandbox;

/// Bytes of text on a line, and lines: three blocks of 4 MiB.
const TEXT: usize = 3_000;
const LINES: u64 = 3_400;

/// Words of a made-up language, the same on every machine. No line has text of another.
fn line(n: u64) -> String {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(TEXT + 32);
    while text.len() < TEXT {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for shift in [33, 38, 43, 48] {
            text += ["ka", "to", "ri", "mu", "se", "lon", "vi", "dar "][(state >> shift) as usize % 8];
        }
        text.push(' ');
    }
    format!("{{\"id\":\"r{n}\",\"n\":{n},\"text\":\"{text}\"}}\n")
}

fn filled() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let log: String = (0..LINES).map(line).collect();
    sandbox.write("a.jsonl", &log);
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    (sandbox, log)
}

/// Codecs of all blocks.
fn blocks(sandbox: &Sandbox) -> Vec<u8> {
    let mut codecs = Vec::new();
    for entry in std::fs::read_dir(sandbox.vault().join("packs")).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let mut at = HEADER_BYTES;
        while let Ok(frame) = Frame::read(&bytes, at) {
            if frame.kind == Kind::Block as u8 {
                codecs.push(frame.codec);
            }
            at += frame.length;
        }
    }
    codecs
}

#[track_caller]
fn some_lines_are_there(sandbox: &Sandbox) {
    for n in [0, 7, LINES / 2, LINES * 2 / 3, LINES - 1] {
        let got = sandbox.run(&["get", &format!("a.jsonl:{}", n + 1)]).exits(0);
        assert!(got.stdout_bytes == line(n).as_bytes(), "line {n}");
    }
}

/// Runs a command again and again, killed after a while that grows, until it comes to its end; looks at the vault after each.
fn killed_until_done(sandbox: &Sandbox, arguments: &[&str], look: &dyn Fn()) {
    let mut patience = Duration::from_millis(2);
    loop {
        let mut child = sandbox.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(patience);
        let ended = child.try_wait().unwrap();
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        look();
        match ended {
            // 1: a dictionary that was tried and does not pay.
            Some(status) => return assert!(matches!(status.code(), Some(0 | 1)), "{arguments:?}: {status}"),
            None => patience = patience * 7 / 4,
        }
    }
}

/// Protects what is acknowledged from kill -9 at any moment of a compaction with a vocabulary and stars, of gc after it, and of the
/// training of dictionaries; and that a later run finishes and cleans up.
#[test]
fn killed_anywhere_in_compact_gc_and_train_dict_every_line_stays() {
    let (sandbox, log) = filled();
    let look = || some_lines_are_there(&sandbox);
    killed_until_done(&sandbox, &["compact", "--level", "3"], &look);
    let codecs = blocks(&sandbox);
    assert!(codecs.contains(&codec::CODED) && codecs.contains(&codec::CODED_PREFIX), "stars and codes: {codecs:?}");
    assert!(sandbox.run(&["export"]).exits(0).stdout_bytes == log.as_bytes());
    sandbox.run(&["check", "--read-data"]).exits(0);

    // Small steps make the small blocks that dictionaries are for.
    let mut more = String::new();
    for step in 0..20 {
        more.extend((0..10).map(|n| line(LINES + step * 10 + n)));
        sandbox.write("b.jsonl", &more);
        sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    }
    killed_until_done(&sandbox, &["train-dict"], &look);
    sandbox.run(&["rm", "--yes", "a.jsonl:100"]).exits(0);
    killed_until_done(&sandbox, &["gc", "--grace", "0s"], &look);
    sandbox.run(&["check", "--read-data"]).exits(0);
    let without: Vec<u8> =
        log.split_inclusive('\n').enumerate().filter(|(n, _)| *n != 99).flat_map(|(_, line)| line.bytes()).collect();
    let export = sandbox.run(&["export", "--source", "a.jsonl"]);
    assert!(export.code == Some(3) && export.stdout_bytes == without);
    assert!(sandbox.run(&["export", "--source", "b.jsonl"]).exits(0).stdout_bytes == more.as_bytes());
    let packs = std::fs::read_dir(sandbox.vault().join("packs")).unwrap().count();
    // A killed writer's pack is not continued: there may be one more.
    let named = Snapshot::open(&Layout::new(&sandbox.vault())).unwrap().packs.len();
    assert_eq!(packs, named, "what killed runs left is gone");
}

/// Protects readers in other processes: all through a compaction, and on the packs it made, they see every line.
#[test]
fn readers_in_other_processes_see_every_line_all_through_a_compaction_with_stars() {
    let (sandbox, log) = filled();
    let mut compact = sandbox.command(&["compact", "--level", "5"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut during = 0;
    while compact.try_wait().unwrap().is_none() {
        some_lines_are_there(&sandbox);
        during += 1;
    }
    assert!(compact.wait().unwrap().success() && during > 0);
    assert!(blocks(&sandbox).contains(&codec::CODED_PREFIX));
    some_lines_are_there(&sandbox);
    // Many at once come in the order they were asked for.
    let order: Vec<u64> = (0..700).map(|at| at * 1_237 % LINES).collect();
    let places: String = order.iter().map(|n| format!("a.jsonl:{}\n", n + 1)).collect();
    let got = sandbox.pipe(&places, &["get", "-"]).exits(0);
    assert!(got.stdout_bytes == order.into_iter().map(line).collect::<String>().into_bytes());
    assert!(sandbox.run(&["export"]).exits(0).stdout_bytes == log.as_bytes());
}
