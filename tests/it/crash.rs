//! kill -9, torn tails, and others at work at the same time.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::harness::Sandbox;

fn log(lines: usize) -> String {
    let text = "some words about nothing in particular that go on for a while ".repeat(6);
    (0..lines).map(|n| format!("{{\"id\":\"r{n}\",\"n\":{n},\"text\":\"{n} {text}{}\"}}\n", n * 7919)).collect()
}

fn export(sandbox: &Sandbox) -> Vec<u8> {
    sandbox.run(&["export", "--source", "app"]).exits(0).stdout_bytes
}

#[test]
fn a_killed_ingest_loses_nothing_acknowledged_and_the_same_input_doubles_nothing() {
    let input = log(9000);
    for round in 0..8u64 {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command(&["ingest", "-", "--source", "app", "--flush-interval", "10ms"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The pipe stays open: the program is killed in the middle of its work, wherever that is.
        let bytes = input.clone().into_bytes();
        let feeder = std::thread::spawn(move || {
            for part in bytes.chunks(100_000) {
                if stdin.write_all(part).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        std::thread::sleep(Duration::from_millis(20 + round * 25));
        child.kill().unwrap();
        child.wait().unwrap();
        feeder.join().unwrap();
        // Killed before the vault was there: then there is nothing to look at yet.
        if sandbox.vault().join("head").exists() {
            sandbox.run(&["check", "--read-data"]).exits(0);
            let known = sandbox.run(&["ls"]).exits(0).stdout();
            if !known.is_empty() {
                assert!(input.as_bytes().starts_with(&export(&sandbox)), "round {round}: what was committed is a beginning");
            }
        }
        sandbox.pipe(&input, &["ingest", "-", "--source", "app"]).exits(0);
        assert!(export(&sandbox) == input.as_bytes(), "round {round}");
        sandbox.run(&["check", "--read-data"]).exits(0);
        let rows = sandbox.run(&["--json", "ls"]).exits(0).json_lines();
        assert_eq!(rows.iter().map(|row| row["occurrences"].as_u64().unwrap()).sum::<u64>(), 9000, "round {round}");
    }
}

#[test]
fn bytes_after_the_committed_length_do_not_exist_and_are_never_cut() {
    let sandbox = Sandbox::new();
    let first = log(30);
    sandbox.pipe(&first, &["ingest", "-", "--source", "app"]).exits(0);
    let pack = sandbox.vault().join("packs/00000001.pack");
    let committed = std::fs::read(&pack).unwrap();
    for tail in [b"\x01".to_vec(), committed[64..].to_vec(), vec![0; 5000]] {
        let torn = [committed.clone(), tail].concat();
        std::fs::write(&pack, &torn).unwrap();
        assert!(export(&sandbox) == first.as_bytes());
        sandbox.run(&["get", "r7"]).exits(0);
        assert_eq!(std::fs::read(&pack).unwrap(), torn);
    }
    let longer = log(40);
    sandbox.pipe(&longer, &["ingest", "-", "--source", "app"]).exits(0);
    assert!(export(&sandbox) == longer.as_bytes());
    assert!(std::fs::read(&pack).unwrap().starts_with(&committed));
    sandbox.run(&["check", "--read-data"]).exits(0);
}

#[test]
fn readers_see_a_beginning_of_the_stream_while_it_is_taken_in() {
    let sandbox = Sandbox::new();
    let input = log(4000);
    sandbox.pipe(&input[..input.find("\"n\":10,").unwrap() - 11], &["ingest", "-", "--source", "first"]).exits(0);
    let mut command = sandbox.command(&["ingest", "-", "--source", "app", "--flush-interval", "10ms"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut seen = 0;
    for part in input.as_bytes().chunks(200_000) {
        stdin.write_all(part).unwrap();
        let read = sandbox.run(&["export", "--source", "app"]);
        assert!(matches!(read.code, Some(0 | 1)), "{}", read.stderr());
        assert!(read.stdout_bytes.len() >= seen && input.as_bytes().starts_with(&read.stdout_bytes));
        seen = read.stdout_bytes.len();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(export(&sandbox) == input.as_bytes());
}

#[test]
fn a_second_writer_is_told_who_writes_and_a_pausing_stream_lets_it_in() {
    let sandbox = Sandbox::new();
    sandbox.pipe("{\"id\":\"a\"}\n", &["ingest", "-", "--source", "one"]).exits(0);
    let lock =
        std::fs::File::options().write(true).create(true).truncate(false).open(sandbox.vault().join("write.lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(sandbox.vault().join("lock.info"), "process 77 on testhost").unwrap();
    let refused = sandbox.pipe("{\"id\":\"b\"}\n", &["ingest", "-", "--source", "two"]).exits(11);
    assert!(refused.stderr().contains("process 77 on testhost"), "{}", refused.stderr());
    sandbox.pipe("{\"id\":\"b\"}\n", &["--skip-if-locked", "ingest", "-", "--source", "two"]).exits(0);
    sandbox.run(&["get", "a"]).exits(0);
    drop(lock);

    let mut command = sandbox.command(&["--lock-timeout", "20s", "ingest", "-", "--source", "slow", "--flush-interval", "20ms"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"id\":\"s1\"}\n").unwrap();
    sandbox.pipe("{\"id\":\"c\"}\n", &["--lock-timeout", "20s", "ingest", "-", "--source", "three"]).exits(0);
    stdin.write_all(b"{\"id\":\"s2\"}\n").unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    for id in ["a", "s1", "c", "s2"] {
        sandbox.run(&["get", id]).exits(0);
    }
    assert_eq!(sandbox.run(&["export", "--source", "slow"]).exits(0).stdout_bytes, b"{\"id\":\"s1\"}\n{\"id\":\"s2\"}\n");
}

#[test]
fn packs_do_not_depend_on_threads_or_on_how_a_pipe_delivers() {
    let input = log(3000);
    let packs = |arguments: &[&str], step: usize| {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command(arguments);
        command.env("SOURCE_DATE_EPOCH", "1").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        input.as_bytes().chunks(step).for_each(|part| stdin.write_all(part).unwrap());
        drop(stdin);
        assert!(child.wait().unwrap().success());
        // The header holds the vault's id, which is random.
        std::fs::read(sandbox.vault().join("packs/00000001.pack")).unwrap().split_off(64)
    };
    let one = packs(&["--threads", "1", "ingest", "-", "--source", "x", "--flush-interval", "1h"], 1 << 20);
    assert!(one == packs(&["--threads", "7", "ingest", "-", "--source", "x", "--flush-interval", "1h"], 1 << 20));
    assert!(one == packs(&["--threads", "2", "ingest", "-", "--source", "x", "--flush-interval", "1h"], 12_345));
}

#[test]
fn a_vault_that_may_only_be_read_serves_reads_and_does_not_grow() {
    let sandbox = Sandbox::new();
    sandbox.pipe(log(50), &["ingest", "-", "--source", "app"]).exits(0);
    let size = |sandbox: &Sandbox| -> u64 { walk(&sandbox.vault()) };
    let before = size(&sandbox);
    for arguments in
        [vec!["get", "app:7"], vec!["get", "r9"], vec!["ls"], vec!["stats"], vec!["log"], vec!["export"], vec!["check"]]
    {
        sandbox.run(&arguments).exits(0);
        assert_eq!(size(&sandbox), before, "{arguments:?}");
    }
}

fn walk(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if meta.is_dir() { walk(&entry.path()) } else { meta.len() }
        })
        .sum()
}
