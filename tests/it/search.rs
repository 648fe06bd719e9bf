//! Search against a scan that knows nothing of turnpack: every line read with serde_json, every string looked at.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::Sandbox;

/// The strings of a line, as search defines them: values, decoded, those of JSON in strings too; a line that is no JSON is one.
fn strings(line: &str) -> Vec<String> {
    fn walk(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::String(text) => {
                out.push(text.clone());
                if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                    walk(&inner, out);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, out)),
            Value::Object(map) => map.values().for_each(|value| walk(value, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    match serde_json::from_str(line) {
        Ok(value) => walk(&value, &mut out),
        Err(_) => out.push(line.to_string()),
    }
    out
}

/// Numbers without a pattern to them, the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }
}

/// Lines that exercise every way a string is stored: short values, segments, pieces of earlier text with something put in the middle,
/// JSON in strings, escapes of all styles, text that cannot be cut, and lines that are no JSON.
fn lines() -> Vec<String> {
    let mut dice = Dice(7);
    let words = [
        "refund",
        "Baggage",
        "café",
        "naïve",
        "ERR_TLS_CERT_0x1f",
        "数据",
        "学习模型",
        "naked",
        "the",
        "of",
        "straße",
        "toolu_01AbC",
        "😀 ok",
        "a/b/c.rs",
        "\"quoted\"",
        "back\\slash",
        "line\nbreak",
        "tab\there",
        "Kelvin",
        "mask",
        "Ⅷ",
        "ｆｕｌｌ",
    ];
    let mut text = |count: usize| (0..count).map(|_| words[dice.roll(words.len())]).collect::<Vec<_>>().join(" ");
    // Long enough that later lines are stored as pieces of it.
    let story = text(400);
    let mut lines = Vec::new();
    for n in 0..60usize {
        let cut = story.char_indices().nth(900 + n * 7).map_or(story.len(), |(at, _)| at);
        let varied = format!("{}<<inserted {n}>>{}", &story[..cut], &story[cut..]);
        let inner =
            json!({"path": format!("src/{}.rs", text(1)), "content": text(30), "deep": json!({"x": text(12)}).to_string()});
        let value = match n % 6 {
            0 => json!({"id": format!("req_{n:04x}"), "model": "m1", "messages": [{"role": "user", "content": varied}]}),
            1 => json!({"id": n, "args": inner.to_string(), "note": text(3)}),
            2 => json!({"list": [text(2), text(40), n, null, [text(1)], [1, 2, 3]], "short": text(1)}),
            3 => json!({"padded": format!("\n {}", inner), "tiny": ["a", "b"], "k": {"z": "end"}}),
            4 => json!([{"role": "assistant", "content": text(25)}, {"role": "tool", "content": inner}]),
            _ => json!({"content": text(60), "time": format!("2026-01-0{}T00:00:00Z", 1 + n % 9)}),
        };
        let mut line = value.to_string();
        if n % 7 == 3 {
            // Python's way of writing.
            let ascii = line.chars().fold(String::new(), |mut out, c| {
                let mut units = [0; 2];
                match c.is_ascii() {
                    true => out.push(c),
                    false => c.encode_utf16(&mut units).iter().for_each(|unit| write!(out, "\\u{unit:04x}").unwrap()),
                }
                out
            });
            line = ascii;
        }
        lines.push(match n {
            11 => format!("data: {line}"),
            17 => format!("  {line}\r"),
            23 => line.replace(':', " : ").replace(",\"", " ,\""),
            29 => "plain words, no JSON, but long enough to be a segment of its own refund".into(),
            30 => "short refund".into(),
            31 => "\"a lone string with refund\"".into(),
            37 => line[..line.len() / 2].trim_end_matches(|c: char| !c.is_ascii()).to_string(),
            _ => line,
        });
    }
    // JSON in strings that its values and texts do not tell all about: what begins inside the escape of a short value, a key in what is
    // nested too deep to be cut, and events of a stream.
    let mut nested =
        json!({"bottomkey": (0..40).collect::<Vec<u32>>(), "said": "at the bottom of everything, where nothing is cut any more"});
    (0..110).for_each(|_| nested = json!({"d": nested}));
    let stream = "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: message\ndata: {\"text\":\"of a stream\"}\n\n".repeat(3);
    lines.push(json!({"args": json!({"s": "\nzubald", "of": 1}).to_string(), "n": 1}).to_string());
    lines.push(json!({"args": nested.to_string(), "n": 2}).to_string());
    lines.push(json!({"response": {"body": stream}, "n": 3}).to_string());
    lines.push(lines[0].clone());
    lines
}

fn vault() -> (Sandbox, Vec<String>) {
    let (sandbox, lines) = (Sandbox::new(), lines());
    // Two commits: a lexical part made between them knows the first only.
    let (first, second) = lines.split_at(40);
    sandbox.write("a.jsonl", first.join("\n") + "\n");
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox.write("a.jsonl", [first, second].concat().join("\n") + "\n");
    (sandbox, lines)
}

/// The lines a search names.
fn found(sandbox: &Sandbox, arguments: &[&str]) -> Vec<usize> {
    let outcome = sandbox.run(&[&["search"], arguments].concat());
    assert!(matches!(outcome.code, Some(0 | 1)), "{arguments:?}: {}", outcome.stderr());
    assert!(!outcome.stderr().contains("warning"), "{}", outcome.stderr());
    let text = outcome.stdout();
    let number = |line: &str| line.split("a.jsonl:").nth(1)?.split(':').next()?.parse().ok();
    let found: Vec<usize> = text.lines().map(|line| number(line).unwrap_or_else(|| panic!("{line}"))).collect();
    assert_eq!(outcome.code == Some(0), !found.is_empty());
    found
}

type Test = Box<dyn Fn(&str) -> bool>;

/// Options, query, and what a scan does for them.
fn queries(lines: &[String]) -> Vec<(Vec<&'static str>, String, Test)> {
    let mut dice = Dice(99);
    let mut queries: Vec<(Vec<&'static str>, String, Test)> = Vec::new();
    for turn in 0..240 {
        let texts = strings(&lines[dice.roll(lines.len())]);
        if texts.is_empty() {
            continue;
        }
        let characters: Vec<char> = texts[dice.roll(texts.len())].chars().collect();
        let from = dice.roll(characters.len());
        let length = if turn % 9 == 0 { 60 } else { 1 + dice.roll(14) };
        let mut query: String = characters[from..characters.len().min(from + length)].iter().collect();
        if query.is_empty() {
            continue;
        }
        if turn % 11 == 0 {
            query.push('q');
        }
        let wanted = query.clone();
        let regex = |pattern: String| regex::RegexBuilder::new(&pattern).multi_line(true).build().unwrap();
        queries.push(match turn % 6 {
            4 => {
                let regex = regex(format!("(?i){}", regex::escape(&query)));
                (vec!["-i"], query, Box::new(move |text| regex.is_match(text)))
            }
            5 => {
                let pattern = format!("{}.{{0,9}}[a-e]", regex::escape(&query));
                let regex = regex(pattern.clone());
                (vec!["-E"], pattern, Box::new(move |text| regex.is_match(text)))
            }
            _ => (vec![], query, Box::new(move |text| text.contains(&wanted))),
        });
    }
    for pattern in ["^refund", "rs$", "(?s).*", "^$", "café|toolu_", "[0-9]{4}", "x.*y", "^naked$"] {
        let regex = regex::RegexBuilder::new(pattern).multi_line(true).build().unwrap();
        queries.push((vec!["-E"], pattern.into(), Box::new(move |text| regex.is_match(text))));
    }
    // JSON in strings is text as well: keys, and what begins inside an escape (`\nbreak` holds `nbreak`).
    for inside in [
        "nbreak",
        "there",
        "content",
        "deep",
        "\"path\":",
        "nbreak refund",
        "src/",
        "\\\"quoted",
        "nbrea",
        "e.rs\"}",
        "nzubald",
        "zubald",
        "bottomkey",
        "event: ping",
        "data: {",
    ] {
        queries.push((vec![], inside.into(), Box::new(move |text| text.contains(inside))));
    }
    let word = regex::Regex::new(r"\b{start-half}mask\b{end-half}").unwrap();
    queries.push((vec!["-w"], "mask".into(), Box::new(move |text| word.is_match(text))));
    queries.push((vec!["--fold"], "CAFE".into(), Box::new(|text| text.contains("café"))));
    queries.push((vec!["--fold"], "full".into(), Box::new(|text| text.contains("ｆｕｌｌ"))));
    queries
}

fn assert_as_scanned(sandbox: &Sandbox, lines: &[String], state: &str) {
    for (options, query, test) in queries(lines) {
        let expected: Vec<usize> =
            (1..).zip(lines).filter(|(_, line)| strings(line).iter().any(|text| test(text))).map(|(n, _)| n).collect();
        let pattern = format!("--pattern={query}");
        assert_eq!(found(sandbox, &[&options[..], &[&pattern]].concat()), expected, "{state}: {options:?} {query:?}");
    }
}

// The definition of search, whatever the state of the vault: fresh, with a part that knows some of it, compacted, with all parts.
#[test]
fn search_finds_exactly_what_a_scan_of_all_lines_finds() {
    let (sandbox, lines) = vault();
    sandbox.run(&["reindex", "--lexical"]).exits(0);
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    assert_as_scanned(&sandbox, &lines, "a part that knows the first commit");
    sandbox.run(&["compact"]).exits(0);
    assert_as_scanned(&sandbox, &lines, "compacted, no part");
    sandbox.run(&["reindex", "--lexical"]).exits(0);
    assert!(sandbox.vault().join("parts").read_dir().unwrap().count() > 0);
    assert_as_scanned(&sandbox, &lines, "compacted, all in parts");
}

#[test]
fn a_damaged_part_is_not_used_and_said_so() {
    let (sandbox, _) = vault();
    sandbox.run(&["reindex", "--lexical"]).exits(0);
    let expected = sandbox.run(&["search", "toolu_01AbC"]).exits(0).stdout();
    let part = sandbox.vault().join("parts").read_dir().unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&part).unwrap();
    for at in [0, 9, 30, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&part, bad).unwrap();
        let outcome = sandbox.run(&["search", "toolu_01AbC"]).exits(0);
        assert_eq!(outcome.stdout(), expected);
        assert!(outcome.stderr().contains("reindex --lexical"), "{}", outcome.stderr());
    }
    sandbox.run(&["reindex", "--lexical"]).exits(0);
    sandbox.run(&["search", "toolu_01AbC"]).exits(0).silent();
}

const CHAT: &str = concat!(
    r#"{"request_id":"r1","timestamp":"2026-09-01T00:00:00Z","model":"big","latency_ms":100,"metadata":{"tenant":"acme"},"messages":[{"role":"system","content":"You never talk about copper or its price, not even when asked."},{"role":"user","content":"What is the price of tin on the market of London this week?"}]}"#,
    "\n",
    r#"{"request_id":"r2","timestamp":"2026-09-02T00:00:00Z","model":"small","latency_ms":2500,"metadata":{"tenant":"acme"},"messages":[{"role":"user","content":"What is the price of copper on the market of London this week?"}]}"#,
    "\n",
    r#"{"request_id":"r3","model":"small","latency_ms":50,"metadata":{"tenant":"other"},"messages":[{"role":"user","content":"Nothing about metals here, only prices of copperplate engravings."}]}"#,
    "\n",
);

fn chat() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", CHAT);
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox
}

#[test]
fn filters_narrow_a_search_and_stand_for_one() {
    let sandbox = chat();
    for (arguments, expected) in [
        (&["copper"][..], vec![1, 2, 3]),
        (&["-w", "copper"], vec![1, 2]),
        (&["copper", "--role", "user"], vec![2, 3]),
        (&["copper", "--type", "system_prompt"], vec![1]),
        (&["copper", "--model", "small"], vec![2, 3]),
        (&["copper", "--since", "2026-09-02"], vec![2]),
        (&["copper", "--where", "latency_ms < 200 and not model = big"], vec![3]),
        (&["--where", "/metadata/tenant = acme"], vec![1, 2]),
        (&["--where", "timestamp is null"], vec![3]),
        (&["-e", "copper", "-e", "tin"], vec![1, 2, 3]),
        (&["-e", "copper", "-e", "tin ", "--all"], vec![1]),
        (&["--raw", r#""latency_ms":2500"#], vec![2]),
        (&["latency_ms"], vec![]),
        (&["copper", "-n", "2", "--quiet"], vec![]),
    ] {
        if arguments.contains(&"--quiet") {
            sandbox.run(&[&["search"], arguments].concat()).exits(0).silent();
            continue;
        }
        let outcome = sandbox.run(&[&["search"], arguments].concat());
        let lines: BTreeSet<usize> = outcome
            .stdout()
            .lines()
            .map(|line| line.split("a.jsonl:").nth(1).unwrap().split(':').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), expected, "{arguments:?} {}", outcome.stderr());
        assert_eq!(outcome.code, Some(i32::from(expected.is_empty())), "{arguments:?}");
    }
}

#[test]
fn what_is_printed_is_what_was_asked_for() {
    let sandbox = chat();
    let outcome = sandbox.run(&["search", "price of copper"]).exits(0).silent();
    assert!(
        outcome.stdout().ends_with("a.jsonl:2: What is the price of copper on the market of London this week?\n"),
        "{}",
        outcome.stdout()
    );
    assert_eq!(sandbox.run(&["search", "-c", "copper"]).exits(0).stdout(), "3\n");
    assert_eq!(sandbox.run(&["search", "-c", "nowhere"]).exits(1).stdout(), "0\n");
    let limited = sandbox.run(&["search", "-n", "1", "copper"]).exits(0);
    assert_eq!(limited.stdout().lines().count(), 1);
    assert!(limited.stderr().contains("2 more hits"), "{}", limited.stderr());
    let hit = &sandbox.run(&["search", "--json", "price of copper"]).exits(0).json_lines()[0];
    assert_eq!((&hit["line"], &hit["model"], &hit["time"]), (&2.into(), &"small".into(), &"2026-09-02T00:00:00Z".into()));
    let text = &hit["matches"][0];
    assert_eq!((&text["type"], &text["role"], &text["start"]), (&"user_turn".into(), &"user".into(), &12.into()));
    let segment = text["segment"].as_str().unwrap().to_string();
    assert_eq!(sandbox.run(&["search", "--segment", &segment]).exits(0).stdout().lines().count(), 1);
    let unique = sandbox.run(&["search", "--unique", "--json", "market"]).exits(0).json_lines();
    assert_eq!(unique.len(), 2);
    let ids = sandbox.run(&["search", "--ids", "copperplate"]).exits(0).stdout();
    assert_eq!(sandbox.pipe(ids, &["get", "-"]).exits(0).stdout(), format!("{}\n", CHAT.lines().nth(2).unwrap()));
    assert!(sandbox.run(&["search", "-0", "copperplate"]).exits(0).stdout_bytes.ends_with(b"\0"));
}

#[test]
fn ranking_puts_the_text_that_says_most_first() {
    let sandbox = chat();
    let best = sandbox.run(&["search", "--rank", "copper price London"]).exits(0);
    assert!(best.stdout().lines().next().unwrap().contains("a.jsonl:2:"), "{}", best.stdout());
    sandbox.run(&["search", "--rank", "zebra"]).exits(1);
    sandbox.run(&["search", "--rank", "!?"]).exits(2);
}

#[test]
fn searches_that_make_no_sense_are_refused_with_a_reason() {
    let sandbox = chat();
    for (arguments, reason) in [
        (&["-E", "("][..], "regular expression"),
        (&["-E", "(a{1000}){1000}"], "MiB"),
        (&["-v", "x"], "--verbose"),
        (&[], "QUERY"),
        (&["x", "-e", "y"], "one pattern too many"),
        (&["x", "--where", "latencyms > 1"], "latency_ms"),
        (&["x", "--type", "nonsense"], "no segment type"),
        (&["x", "--segment", "abcdef"], "no segment has"),
    ] {
        let outcome = sandbox.run(&[&["search"], arguments].concat());
        assert!(outcome.stderr().contains(reason), "{arguments:?}: {}", outcome.stderr());
        assert!(matches!(outcome.code, Some(1 | 2)), "{arguments:?}");
    }
    // Ends of what is possible, not errors.
    let long = "copper ".repeat(1500);
    sandbox.run(&["search", &long]).exits(1);
    sandbox.run(&["search", "-i", &long]).exits(1);
    sandbox
        .run(&["search", "-E", "........................................................................................."])
        .exits(1);
    sandbox.run(&["search", "."]).exits(0);
}
