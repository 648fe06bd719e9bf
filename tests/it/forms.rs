//! Not a byte is lost or changed: fixtures, oddities, compressed forms, long lines and generated JSON, before and after compact.

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use crate::house::{Dice, House, files};

/// A name and the bytes of a file that is odd in one way.
fn oddities() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |depth: usize| format!("{}1{}\n", r#"{"a":["#.repeat(depth), "]}".repeat(depth)).into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("crlf", text("{\"role\":\"user\",\"content\":\"first\"}\r\n{\"role\":\"user\",\"content\":\"second\"}\r\n")),
        ("mixed ends", text("{\"a\":1}\r\n{\"a\":2}\n\r\n\n{\"a\":3}\r")),
        ("bom", text("\u{feff}{\"a\":1}\n{\"a\":2}\n")),
        ("only bom", text("\u{feff}")),
        ("no end", text("{\"a\":1}\n{\"b\":2}")),
        ("blank", text("\n\n  \n\t\n{\"a\":1}\n\n")),
        ("one newline", text("\n")),
        ("empty", Vec::new()),
        ("one byte", text("x")),
        (
            "not utf8",
            b"{\"a\":\"\xff\xfe\xc0\x80 and then some more text so that it becomes a segment of its own\"}\n\xf5\xf6\n".to_vec(),
        ),
        ("zeros", vec![0; 100]),
        ("all bytes", (0..=255).chain((0..=255).rev()).collect()),
        (
            "duplicate keys",
            text(
                "{\"a\":1,\"a\":2,\"\":3,\"\":4}\n{\"b\":{\"c\":1,\"c\":{\"c\":1,\"c\":\"a string that is longer than forty-eight bytes, twice over\"}}}\n",
            ),
        ),
        ("surrogates", text(r#"{"a":"\ud83d alone and \ude00 alone, \uD83D\uDE00 together, \ud83d\ud83d\ude00 three of them"}"#)),
        (
            "escapes",
            text(
                r#"{"a":"\u0041\/\b\f\n\r\t\"\\ \u00e9 é \u2028 \u007f and so on for more than forty-eight bytes","b":"\u00E9\u00e9"}"#,
            ),
        ),
        ("spacing", text("{ \"a\" :\t1 ,\"b\":[ 1,2 , 3],\n \"not one line\" : {} }\n  [ ] \n{\"a\" : [ ] , \"b\" : { } }\n")),
        (
            "numbers",
            text("{\"n\":[1,1.0,1.00,1e0,1E+0,-0,0.10,12345678901234567890123,1e400,NaN,Infinity,-Infinity,01,+1,.5,5.]}\n"),
        ),
        (
            "json in json",
            text(
                r#"{"arguments":"{\"path\": \"a\\\\b\", \"inner\": \"{\\\"deep\\\": [1, 2, 3], \\\"more\\\": \\\"and more of it, long enough\\\"}\"}"}"#,
            ),
        ),
        (
            "two in a line",
            text(
                "{\"a\":\"one object and then another one on the same line\"}{\"b\":\"the other object, which follows at once\"}\n",
            ),
        ),
        ("cut off", text("{\"a\":\"a line that ends in the middle of a string which is long eno\n{\"a\":[1,2,{\"b\":\n")),
        (
            "prefix",
            text(
                "2026-10-11 INFO {\"a\":\"a line of a logger with an object after it, long enough\"} trailing\ndata: {\"x\":1}\ndata: [DONE]\n",
            ),
        ),
        ("deep", deep(60)),
        ("deeper", deep(5_000)),
        (
            "vectors",
            text(&format!(
                "{{\"embedding\":[{}]}}\n",
                (0..600).map(|n| format!("{:.6}", f64::from(n) / 7.0)).collect::<Vec<_>>().join(",")
            )),
        ),
        ("base64", text(&format!("{{\"image\":\"data:image/png;base64,{}\"}}\n", "iVBORw0KGgoAAAANSUhEUgAA".repeat(400)))),
    ]
}

fn packed(form: &str, bytes: &[u8]) -> Vec<u8> {
    match form {
        "gz" => {
            // Two members, as `cat a.gz b.gz` makes them.
            let (a, b) = bytes.split_at(bytes.len() / 2);
            [a, b]
                .map(|part| {
                    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    gzip.write_all(part).unwrap();
                    gzip.finish().unwrap()
                })
                .concat()
        }
        "zst" => zstd::stream::encode_all(bytes, 3).unwrap(),
        "xz" => {
            let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
            xz.write_all(bytes).unwrap();
            xz.finish().unwrap()
        }
        "bz2" => {
            let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            bzip.write_all(bytes).unwrap();
            bzip.finish().unwrap()
        }
        _ => bytes.to_vec(),
    }
}

pub fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs");
    let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "jsonl");
    let name = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string().replace(['/', '\\'], "-");
    files(&root).into_iter().filter(is_log).map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}

#[track_caller]
fn all_come_back(house: &House, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let back = house.export(name);
        assert!(back == *bytes, "{name}:\n{}\n---\n{}", String::from_utf8_lossy(bytes), String::from_utf8_lossy(&back));
    }
    house.consistent();
}

#[test]
fn every_fixture_and_oddity_in_every_form_comes_back_byte_for_byte_also_after_compact() {
    for form in ["jsonl", "gz", "zst", "xz", "bz2"] {
        let house = House::new();
        let odd = oddities().into_iter().map(|(name, bytes)| (format!("{name}.{form}"), bytes));
        let fixed = fixtures().into_iter().map(|(name, bytes)| (format!("{name}.{form}"), bytes));
        let files: Vec<(String, Vec<u8>)> = odd.chain(fixed).collect();
        assert!(files.len() > 40);
        for (name, bytes) in &files {
            house.put(name, packed(form, bytes));
        }
        let (half, rest) = files.split_at(files.len() / 2);
        for part in [half, rest] {
            house.ingest(&part.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        }
        all_come_back(&house, &files);
        house.compact();
        all_come_back(&house, &files);
        house.ingest(&files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        assert_eq!(house.ls().iter().filter(|row| row.generation > 1).count(), 0, "{form}");
    }
}

#[test]
fn a_line_of_40_mib_comes_back_byte_for_byte_also_after_compact() {
    let house = House::new();
    let mut long = b"{\"content\":\"".to_vec();
    // Large enough repeats for compact to be quick about it: pressing 40 MiB of new text takes most of a minute.
    let mut dice = Dice(1);
    let page: Vec<u8> = (0..3 << 20).map(|_| *dice.pick(b"abcdefghijklmnopqrstuvwxyz ")).collect();
    while long.len() < 40 << 20 {
        long.extend_from_slice(&page);
    }
    let long = [&long[..], b"\"}\n"].concat();
    let file = [b"{\"before\":1}\n", &long[..], b"{\"after\":1}\n"].concat();
    house.put_in("long.jsonl", &file);
    assert!(house.export("long.jsonl") == file);
    assert_eq!(house.lines(), [("long.jsonl".to_string(), 1, 3)]);
    house.compact();
    assert!(house.export("long.jsonl") == file);
    assert!(house.get("long.jsonl:2").unwrap().0 == long[..long.len() - 1]);
    house.consistent();
}

/// JSON as people and programs write it, and now and then not.
fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof!["[a-z]{1,6}", Just("content".to_string()), Just("role".to_string())];
    let space = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\t ")];
    let leaf = prop_oneof![
        "-?[0-9]{1,19}(\\.[0-9]{1,6})?",
        Just("null".to_string()),
        Just("true".to_string()),
        "\"[ -!#-\\[\\]-~é😀]{0,80}\"",
        "\"(\\\\u[0-9a-fA-F]{4}|\\\\[nrtbf/\"\\\\]|[a-z ]){0,60}\"",
        Just("\"The same long text again and again, which every other line has as well.\"".to_string()),
    ];
    let value = leaf.prop_recursive(4, 24, 5, move |inner| {
        let pair =
            (key.clone(), space.clone(), inner.clone()).prop_map(|(key, space, value)| format!("\"{key}\":{space}{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            (prop::collection::vec(pair, 0..5), space.clone())
                .prop_map(|(pairs, space)| format!("{{{space}{}}}", pairs.join(&format!(",{space}")))),
        ]
    });
    prop_oneof![12 => value, 1 => "[ -~]{0,90}", 1 => Just(String::new())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_lines_come_back_however_they_are_written_and_whenever_they_came(
        lines in prop::collection::vec(line(), 1..30), split in 0usize..30, ended in any::<bool>(),
    ) {
        let house = House::new();
        let whole = lines.join("\n") + if ended { "\n" } else { "" };
        let first: String = lines[..split.min(lines.len())].join("\n");
        house.put_in("a.log", &first);
        prop_assert_eq!(house.export("a.log"), first.as_bytes());
        house.put_in("a.log", &whole);
        prop_assert_eq!(String::from_utf8(house.export("a.log")).unwrap(), whole.clone());
        house.compact();
        prop_assert_eq!(String::from_utf8(house.export("a.log")).unwrap(), whole);
        house.consistent();
    }
}
