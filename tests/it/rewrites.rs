//! What a rewrite must not undo: strings split where the user said, lines that came in pieces.

use turnpack::checksum::content_hash;

use crate::harness::Sandbox;
use crate::house::chats;

fn segments(sandbox: &Sandbox) -> u64 {
    sandbox.run(&["stats", "--json"]).exits(0).json()["stored"]["segments"].as_u64().unwrap()
}

fn records(sandbox: &Sandbox) -> u64 {
    sandbox.run(&["stats", "--json"]).exits(0).json()["stored"]["records"].as_u64().unwrap()
}

/// The parts of a split text are segments that others share; cut anew without the user's wishes they would be one again.
#[test]
fn strings_split_by_wish_stay_split_when_packs_are_rewritten() {
    let part = |n: usize| format!("part {n} of a context that is long enough to be a segment of its own, whatever else comes");
    let line = |parts: &[usize]| {
        let text: Vec<String> = parts.iter().map(|&n| part(n)).collect();
        format!("{{\"id\":\"{parts:?}\",\"prompt\":\"{}\"}}\n", text.join("\\n---\\n"))
    };
    // Enough between them that the third line lies in another group than the first, whose string it has.
    let text = [line(&[1, 2, 3]), line(&[2, 3, 4, 5]), chats(1, 900), line(&[1, 2, 3]).replace("id", "again")].concat();
    for wish in [&["--context-delimiter", "\n---\n"][..], &["--max-segment-bytes", "100"]] {
        let sandbox = Sandbox::new();
        sandbox.write("a.jsonl", &text);
        sandbox.run(&[&["ingest", "a.jsonl"], wish].concat()).exits(0);
        let split = segments(&sandbox);
        let plain = Sandbox::new();
        plain.write("a.jsonl", &text);
        plain.run(&["ingest", "a.jsonl"]).exits(0);
        assert!(split > segments(&plain), "{wish:?}: split at all");
        sandbox.run(&["compact"]).exits(0);
        assert_eq!(segments(&sandbox), split, "{wish:?}: compact");
        sandbox.run(&["rm", "--yes", "a.jsonl:50"]).exits(0);
        sandbox.run(&["gc", "--grace", "0s"]).exits(0);
        let kept = segments(&sandbox);
        assert!(kept <= split && kept > segments(&plain) - 2, "{wish:?}: gc leaves {kept} of {split}");
        let without: String = text.split_inclusive('\n').enumerate().filter(|(n, _)| *n != 49).map(|(_, line)| line).collect();
        // 3: lines were left out, which is what was asked for.
        let export = sandbox.run(&["export"]);
        assert!(export.code == Some(3) && export.stdout() == without, "{wish:?}");
    }
}

/// A line above 32 MiB is stored in pieces. It is one record when it comes again, in the same run or a later one, stays removed when it
/// was removed, and keeps its pieces when its pack is rewritten.
#[test]
fn a_line_in_pieces_is_one_record_however_often_it_comes() {
    let sandbox = Sandbox::new();
    let mut long = String::with_capacity(40 << 20);
    let mut n = 0u64;
    while long.len() < 33 << 20 {
        n += 1;
        long += &format!("{{\"n\":{n}}}");
    }
    long.push('\n');
    sandbox.write("a.jsonl", [long.as_str(), "{\"between\":1}\n", &long].concat());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    assert_eq!(records(&sandbox), 2);
    sandbox.write("b.jsonl", ["{\"before\":1}\n", &long].concat());
    sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    assert_eq!(records(&sandbox), 3);
    let kept = segments(&sandbox);
    // gc rewrites with the fast level.
    sandbox.run(&["rm", "--yes", &format!("hash:{:032x}", content_hash(b"{\"between\":1}"))]).exits(0);
    sandbox.run(&["gc", "--grace", "0s"]).exits(0);
    assert_eq!((records(&sandbox), segments(&sandbox)), (2, kept));
    assert!(sandbox.run(&["export", "--source", "b.jsonl"]).exits(0).stdout_bytes == sandbox.read("b.jsonl"));
    sandbox.run(&["rm", "--yes", &format!("hash:{:032x}", content_hash(long.trim_end().as_bytes()))]).exits(0);
    sandbox.write("c.jsonl", ["{\"c\":1}\n", &long].concat());
    sandbox.run(&["ingest", "c.jsonl"]).exits(0);
    let export = sandbox.run(&["export", "--source", "c.jsonl"]);
    assert_eq!((export.code, &export.stdout_bytes[..]), (Some(3), &b"{\"c\":1}\n"[..]));
}
