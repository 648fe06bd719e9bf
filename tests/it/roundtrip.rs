//! Every byte comes back: each fixture, each oddity, every compressed form, before and after `compact`.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::harness::Sandbox;

fn fixtures(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fixtures(&path, out) } else { out.push(path) }
    }
    out.sort();
}

fn export(sandbox: &Sandbox, source: &str) -> Vec<u8> {
    sandbox.run(&["export", "--source", source]).exits(0).stdout_bytes
}

fn assert_exact(sandbox: &Sandbox, files: &[(PathBuf, Vec<u8>)]) {
    for (path, content) in files {
        assert!(export(sandbox, path.to_str().unwrap()) == *content, "{} differs", path.display());
    }
}

#[test]
fn every_fixture_comes_back_before_and_after_compact() {
    let sandbox = Sandbox::new();
    let mut paths = Vec::new();
    fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs"), &mut paths);
    assert!(paths.len() > 20, "fixtures are there");
    let files: Vec<_> = paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
    for (path, _) in &files {
        sandbox.run(&["ingest", path.to_str().unwrap()]).exits(0);
    }
    assert_exact(&sandbox, &files);
    sandbox.run(&["compact"]).exits(0);
    assert_exact(&sandbox, &files);
    sandbox.run(&["check", "--read-data"]).exits(0);
}

/// Streams that a careless archive would change.
fn oddities() -> Vec<(&'static str, Vec<u8>)> {
    let long = "words that fill the string until it is a segment of its own, ".repeat(3);
    vec![
        ("empty", Vec::new()),
        ("one-newline", b"\n".to_vec()),
        ("blank-lines", b"\n\n{\"a\":1}\n\n".to_vec()),
        ("no-final-newline", format!("{{\"a\":\"{long}\"}}\n{{\"b\":2}}").into_bytes()),
        ("crlf", format!("{{\"a\":\"{long}\"}}\r\n{{\"b\":2}}\r\n").into_bytes()),
        ("bom", format!("\u{feff}{{\"a\":\"{long}\"}}\n").into_bytes()),
        ("spacing", format!("{{ \"a\" :1 ,\t\"b\":[ 1,2 ],\"c\":\"{long}\" }} \n").into_bytes()),
        (
            "numbers",
            b"{\"a\":1.0,\"b\":1,\"c\":1e5,\"d\":-0.0,\"e\":12345678901234567890123,\"f\":NaN,\"pad\":\"pppppppppppp\"}\n"
                .to_vec(),
        ),
        ("duplicate-keys", format!("{{\"a\":1,\"a\":\"{long}\",\"a\":2}}\n").into_bytes()),
        (
            "escapes",
            format!("{{\"a\":\"{long}\\/\\u00e9\\ud83c\\udf89\",\"b\":\"{long}\\u0041\",\"c\":\"\\ud83d {long}\"}}\n")
                .into_bytes(),
        ),
        ("invalid-utf8", [b"{\"a\":\"", long.as_bytes(), b"\xff\xfe\"}\n\xff\x00\x01\n"].concat()),
        ("not-json", format!("plain text\n{long}\n2026-01-01 INFO {{\"a\":\"{long}\"}}\n{{\"a\":\n").into_bytes()),
        ("several-on-a-line", format!("{{\"a\":\"{long}\"}}{{\"b\":\"{long}\"}}\n").into_bytes()),
        ("deep", format!("{}1{}\n", "[".repeat(3000), "]".repeat(3000)).into_bytes()),
        (
            "json-in-json",
            format!("{{\"a\":{}}}\n", serde_json::to_string(&format!("{{\"b\": \"{long}\", \"c\":{{\"d\":1}}}}")).unwrap())
                .into_bytes(),
        ),
        ("document", format!("[\n  {{\"a\": \"{long}\"}},\n  {{\"b\": [1,\n 2]}}\n]\n").into_bytes()),
    ]
}

#[test]
fn odd_streams_come_back_whatever_they_are_packed_in() {
    let sandbox = Sandbox::new();
    let mut files = Vec::new();
    for (name, content) in oddities() {
        files.push((sandbox.write(format!("{name}.jsonl"), &content), content.clone()));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&content).unwrap();
        // The first line makes the content differ from the plain file's, which would make this one an alias.
        let other = [b"{\"packed\":true}\n".as_slice(), &content].concat();
        let packed = zstd::bulk::compress(&other, 1).unwrap();
        files.push((sandbox.write(format!("{name}-z.jsonl.zst"), packed), other));
    }
    for (path, _) in &files {
        sandbox.run(&["ingest", path.to_str().unwrap()]).exits(0);
    }
    assert_exact(&sandbox, &files);
    for (path, _) in &files {
        sandbox.run(&["check", "--against", path.to_str().unwrap()]).exits(0);
    }
    sandbox.run(&["compact"]).exits(0);
    assert_exact(&sandbox, &files);
}

#[test]
fn a_line_longer_than_any_buffer_comes_back() {
    let sandbox = Sandbox::new();
    let mut content = b"{\"n\":1}\n{\"text\":\"".to_vec();
    (0..40u32 << 20).for_each(|n| content.push(b'a' + ((n >> 10) % 26) as u8));
    content.extend_from_slice(b"\"}\n{\"n\":2}\n");
    let path = sandbox.write("long.jsonl", &content);
    sandbox.run(&["ingest", path.to_str().unwrap()]).exits(0);
    assert!(export(&sandbox, "long.jsonl") == content);
    assert_eq!(sandbox.run(&["get", "long.jsonl:3"]).exits(0).stdout_bytes, b"{\"n\":2}\n");
}
