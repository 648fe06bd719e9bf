//! The catalog is an index and nothing else: stale, missing, damaged or locked, the answers are the same.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::harness::Sandbox;

/// Text that no compressor makes much shorter, so that the vault grows large enough for a catalog.
fn noise(seed: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(LETTERS[(state >> 58) as usize])
    };
    (0..length).map(|_| letter()).collect()
}

fn line(number: u64, length: usize) -> String {
    let (id, text) = (format!("chatcmpl-{number:06}"), noise(number, length));
    format!(
        r#"{{"id":"{id}","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}]}}"#
    ) + "\n"
}

/// A vault with a catalog: a second ingest that continues a pack of more than 2 MiB begins one.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", (0..2300).map(|number| line(number, 1500)).collect::<String>());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    assert!(!catalog(&sandbox).exists(), "what is filled once needs none");
    sandbox.write("second.jsonl", line(9000, 400));
    sandbox.run(&["ingest", "second.jsonl"]).exits(0);
    sandbox
}

fn catalog(sandbox: &Sandbox) -> PathBuf {
    sandbox.vault().join("catalog.redb")
}

/// What is asked: ids of both ends and none, a hash prefix, a hash that is none.
fn answers(sandbox: &Sandbox) -> BTreeMap<String, (Option<i32>, Vec<u8>)> {
    let hash = format!("{:032x}", turnpack::checksum::content_hash(line(2299, 1500).trim_end().as_bytes()));
    let asked = [
        "id:chatcmpl-000000",
        "id:chatcmpl-002299",
        "id:chatcmpl-002305",
        "id:chatcmpl-9",
        &format!("hash:{}", &hash[..9]),
        "hash:00000000ff",
    ];
    let answer = |id: &str| {
        let outcome = sandbox.run(&["get", id]);
        (id.to_string(), (outcome.code, outcome.stdout_bytes))
    };
    asked.into_iter().map(answer).collect()
}

#[test]
fn a_catalog_appears_where_it_pays_and_any_state_of_it_gives_the_same_answers() {
    let sandbox = sandbox();
    let file = catalog(&sandbox);
    let stale = std::fs::read(&file).expect("a pack that is continued has a catalog");
    sandbox.write("b.jsonl", (2300..2310).map(|number| line(number, 1500)).collect::<String>());
    sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    let current = std::fs::read(&file).unwrap();
    assert_ne!(stale, current);

    std::fs::remove_file(&file).unwrap();
    let right = answers(&sandbox);
    assert_eq!(right["id:chatcmpl-002305"].1, line(2305, 1500).as_bytes());
    assert_eq!(right.values().filter(|answer| answer.0 == Some(0)).count(), 4);

    let mut flipped = current.clone();
    (0..flipped.len()).step_by(1013).for_each(|at| flipped[at] ^= 0x20);
    let cut = current[..current.len() / 2].to_vec();
    for (state, bytes) in
        [("current", current.clone()), ("stale", stale), ("flipped", flipped), ("cut", cut), ("empty", Vec::new())]
    {
        std::fs::write(&file, &bytes).unwrap();
        assert!(answers(&sandbox) == right, "{state}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "{state}: readers write nothing");
    }

    std::fs::write(&file, &current).unwrap();
    let writer = std::fs::File::options().read(true).write(true).open(&file).unwrap();
    writer.lock().unwrap();
    assert!(answers(&sandbox) == right, "locked");
}

#[test]
fn the_next_writer_makes_a_damaged_catalog_good() {
    let sandbox = sandbox();
    let file = catalog(&sandbox);
    for (at, damage) in [b"no catalog at all".to_vec(), Vec::new()].into_iter().enumerate() {
        std::fs::write(&file, damage).unwrap();
        sandbox.write("more.jsonl", (0..=at as u64).map(|number| line(3000 + number, 400)).collect::<String>());
        sandbox.run(&["ingest", "more.jsonl"]).exits(0);
        assert!(std::fs::metadata(&file).unwrap().len() >= 32 << 10);
        assert_eq!(
            sandbox.run(&["get", &format!("chatcmpl-{:06}", 3000 + at)]).exits(0).stdout_bytes,
            line(3000 + at as u64, 400).as_bytes()
        );
    }
}

#[test]
fn what_an_earlier_session_stored_is_known_again_through_the_catalog() {
    let sandbox = sandbox();
    assert!(catalog(&sandbox).exists());
    let mut again: String = (100..150).map(|number| line(number, 1500)).collect();
    again.push_str(&line(100, 1500).replace("chatcmpl-000100", "chatcmpl-other"));
    sandbox.write("again.jsonl", again);
    let report = sandbox.run(&["ingest", "--json", "again.jsonl"]).exits(0).json();
    assert_eq!(report["occurrences"], 51);
    assert_eq!(report["new_records"], 1);
    assert_eq!(report["new_segments"], 0, "the long text was there before");
}

#[test]
fn a_small_vault_has_no_catalog() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", line(1, 500));
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    assert!(!catalog(&sandbox).exists());
}

/// Whoever rewrites packs leaves a catalog that fits them, or none: stale ones cost every look-up a detour. The vault is below the
/// size from which a rewritten one keeps a catalog.
#[test]
fn gc_and_purge_leave_no_catalog_of_packs_that_are_gone() {
    for command in [&["rm", "--yes", "id:chatcmpl-000000"][..], &["rm", "--purge", "--yes", "id:chatcmpl-000000"]] {
        let sandbox = sandbox();
        let right = answers(&sandbox);
        sandbox.run(command).exits(0);
        sandbox.run(&["gc", "--grace", "0s"]).exits(0);
        assert!(!catalog(&sandbox).exists(), "{command:?}");
        let now = answers(&sandbox);
        assert_eq!(now["id:chatcmpl-000000"].0, Some(1), "{command:?}");
        assert!(right.iter().all(|(id, answer)| id == "id:chatcmpl-000000" || now[id] == *answer), "{command:?}");
    }
}
