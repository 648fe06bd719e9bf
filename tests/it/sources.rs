//! What becomes of a file between two looks: growth, rotation, rewriting, copies, streams.

use std::io::Write;

use serde_json::Value;

use crate::harness::Sandbox;

const LINES: &str =
    "{\"id\":\"r1\",\"text\":\"the first line of the file, long enough to be a segment\"}\nnot json\n{\"id\":\"r3\"}";

fn ingest(sandbox: &Sandbox, name: &str) {
    sandbox.run(&["ingest", sandbox.path(name).to_str().unwrap()]).exits(0);
}

fn export(sandbox: &Sandbox, source: &str) -> Vec<u8> {
    sandbox.run(&["export", "--source", source]).exits(0).stdout_bytes
}

fn sources(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.run(&["--json", "ls", "--all"]).exits(0).json_lines()
}

#[test]
fn a_file_may_be_taken_after_every_byte_it_grows_by() {
    let sandbox = Sandbox::new();
    for end in 0..=LINES.len() {
        sandbox.write("grow.jsonl", &LINES[..end]);
        ingest(&sandbox, "grow.jsonl");
        assert_eq!(String::from_utf8_lossy(&export(&sandbox, "grow.jsonl")), &LINES[..end], "after {end} bytes");
    }
    let rows = sources(&sandbox);
    assert_eq!((rows.len(), rows[0]["occurrences"].as_u64()), (1, Some(3)), "{rows:?}");
    sandbox.run(&["get", "r1"]).exits(0);
}

/// Protects digests of files, which are kept without the bytes of their end: those come back from the file, from the file under
/// another name, or from the lines in the vault, and the digest is that of the whole stream each time.
#[test]
fn a_file_goes_on_from_where_it_is_whoever_brings_the_rest() {
    let line = |n: usize| format!("{{\"id\":\"g{n}\",\"text\":\"line {n} of a log that grows and grows {}\"}}\n", n * 7919);
    let whole: String = (0..60).map(line).collect();
    let sandbox = Sandbox::new();
    let path = sandbox.path("grow.jsonl").display().to_string();
    let same = |text: &str| {
        let rows = sources(&sandbox);
        assert_eq!(rows[0]["blake3"], blake3::hash(text.as_bytes()).to_hex().as_str(), "{rows:?}");
        assert!(export(&sandbox, "grow.jsonl") == text.as_bytes());
    };
    let part = |lines: std::ops::Range<usize>| lines.map(line).collect::<String>();
    for lines in [10, 11, 30] {
        sandbox.write("grow.jsonl", part(0..lines));
        ingest(&sandbox, "grow.jsonl");
        same(&part(0..lines));
    }
    sandbox.pipe(part(30..50), &["ingest", "-", "--append", "--source", &path]).exits(0);
    same(&part(0..50));
    sandbox.write("grow.jsonl", &whole);
    ingest(&sandbox, "grow.jsonl");
    same(&whole);
    // The last bytes are not what they were: other content, which the ends tell.
    sandbox.write("grow.jsonl", whole.replace("line 59", "LINE 59") + &line(60));
    ingest(&sandbox, "grow.jsonl");
    assert_eq!(export(&sandbox, "grow.jsonl@1"), whole.as_bytes());
    sandbox.run(&["check", "--read-data"]).exits(0);
}

#[test]
fn other_content_under_a_known_name_is_a_new_generation_and_the_old_one_stays() {
    for rewrite in
        ["{\"id\":\"other\"}\n{\"id\":\"second\"}\n".to_string(), LINES.replace("first", "FIRST"), LINES[..40].to_string()]
    {
        let sandbox = Sandbox::new();
        sandbox.write("gw.log", LINES);
        ingest(&sandbox, "gw.log");
        sandbox.write("gw.log", &rewrite);
        ingest(&sandbox, "gw.log");
        assert_eq!(export(&sandbox, "gw.log"), rewrite.as_bytes());
        assert_eq!(export(&sandbox, "gw.log@1"), LINES.as_bytes());
        assert_eq!(sandbox.run(&["get", "gw.log@1:2"]).exits(0).stdout_bytes, b"not json\n");
    }
}

#[test]
fn rotation_by_rename_keeps_both_files_exact() {
    let sandbox = Sandbox::new();
    sandbox.write("gw.log", format!("{LINES}\n"));
    ingest(&sandbox, "gw.log");
    std::fs::rename(sandbox.path("gw.log"), sandbox.path("gw.log.1")).unwrap();
    sandbox.write("gw.log", "{\"id\":\"new\"}\n");
    ingest(&sandbox, "gw.log.1");
    ingest(&sandbox, "gw.log");
    assert_eq!(export(&sandbox, "gw.log"), b"{\"id\":\"new\"}\n");
    assert_eq!(export(&sandbox, "gw.log.1"), format!("{LINES}\n").as_bytes());
}

#[test]
fn the_same_content_again_adds_nothing_packed_or_copied() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.jsonl", format!("{LINES}\n"));
    ingest(&sandbox, "a.jsonl");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(format!("{LINES}\n").as_bytes()).unwrap();
    sandbox.write("a.jsonl.gz", gzip.finish().unwrap());
    std::fs::copy(path, sandbox.path("copy.jsonl")).unwrap();
    for name in ["a.jsonl", "a.jsonl.gz", "copy.jsonl", "a.jsonl"] {
        let report = sandbox.run(&["--json", "ingest", sandbox.path(name).to_str().unwrap()]).exits(0).json();
        assert_eq!(report["new_records"], 0, "{name}");
        assert_eq!(export(&sandbox, name), format!("{LINES}\n").as_bytes(), "{name}");
    }
    assert_eq!(
        sandbox.run(&["export"]).exits(0).stdout_bytes,
        format!("{LINES}\n").as_bytes(),
        "content that has three names is exported once"
    );
}

#[test]
fn a_stream_is_known_by_its_content_or_its_name() {
    let sandbox = Sandbox::new();
    let longer = format!("{LINES}\n{{\"id\":\"r4\"}}\n");
    for (input, occurrences) in [(LINES, 3), (LINES, 3), (&longer, 4), (&longer, 4)] {
        sandbox.pipe(input, &["ingest", "-"]).exits(0);
        let rows = sources(&sandbox);
        assert_eq!((rows.len(), rows[0]["occurrences"].as_u64()), (1, Some(occurrences)), "{rows:?}");
    }
    sandbox.pipe("{\"id\":\"a\"}\n", &["ingest", "-", "--source", "app"]).exits(0);
    sandbox.pipe("{\"id\":\"b\"}\n", &["ingest", "-", "--source", "app", "--append"]).exits(0);
    assert_eq!(export(&sandbox, "app"), b"{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
    sandbox.pipe("{\"id\":\"c\"}\n", &["ingest", "-", "--source", "app"]).exits(0);
    assert_eq!(export(&sandbox, "app"), b"{\"id\":\"c\"}\n");
}

#[test]
fn removed_lines_do_not_come_back_with_their_file() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", format!("{LINES}\n"));
    ingest(&sandbox, "a.jsonl");
    sandbox.run(&["rm", "r1", "--yes"]).exits(0);
    sandbox.write("a.jsonl", format!("{LINES}\n{{\"id\":\"r4\"}}\n"));
    ingest(&sandbox, "a.jsonl");
    std::fs::copy(sandbox.path("a.jsonl"), sandbox.path("b.jsonl")).unwrap();
    ingest(&sandbox, "b.jsonl");
    let shown = String::from_utf8(sandbox.run(&["export", "--source", "a.jsonl"]).exits(3).stdout_bytes).unwrap();
    assert_eq!(shown, "not json\n{\"id\":\"r3\"}\n{\"id\":\"r4\"}\n");
    sandbox.run(&["get", "r1"]).exits(1);
    sandbox.run(&["gc", "--grace", "0"]).exits(0);
    sandbox.write("c.jsonl", LINES);
    ingest(&sandbox, "c.jsonl");
    sandbox.run(&["get", "r1"]).exits(1);
}
