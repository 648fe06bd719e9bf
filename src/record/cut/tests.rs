use super::*;
use proptest::prelude::*;

fn cut(lines: &[&[u8]], known: &Known) -> (Vec<u8>, Vec<Range<usize>>, Cuts) {
    let mut chunk = Vec::new();
    let ranges: Vec<_> = lines
        .iter()
        .map(|line| {
            let start = chunk.len();
            chunk.extend_from_slice(line);
            start..chunk.len()
        })
        .collect();
    let options = CutOptions::default();
    let mut cutter = Cutter::new(&chunk, known, &options);
    ranges.iter().for_each(|range| cutter.line(range.clone()));
    let cuts = cutter.finish();
    (chunk, ranges, cuts)
}

fn assert_exact(lines: &[&[u8]], known: &Known) -> Cuts {
    let (chunk, _, cuts) = cut(lines, known);
    for (line, &root) in lines.iter().zip(&cuts.records) {
        let mut out = Vec::new();
        cuts.join(&chunk, root, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(line));
    }
    cuts
}

#[test]
fn odd_lines_come_back_byte_for_byte() {
    let long = "x".repeat(60);
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let lines = [
        String::new(),
        "not json".into(),
        long.clone(),
        r#"{"a":1, "a":1.0,"b" : [ ] , "c":{ },"d":[1,2],"long":"padpadpadpadpadpadpad"}"#.into(),
        format!("\u{feff}{{\"a\":\"{long}\"}}\r"),
        format!("data: {{\"a\":\"{long}\"}}"),
        format!("{{\"a\":\"{long}\"}}{{\"b\":\"{long}\"}}"),
        format!("{{\"a\":\"{long}\"}} {long} {{"),
        format!(
            r#"{{"a":"{long}\u0041","b":"{long}\/","c":"\u00e9{long}","d":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]}}"#
        ),
        format!(r#"{{"a":["{long}", "{long}",  "{long}"],"b":[{{"c":1}},{{"c":2}},"s",3,null,[1],["{long}"]]}}"#),
        format!(r#"{{"args":"{{\"path\": \"{long}\", \"n\": 12, \"deep\": \"{{\\\"x\\\":\\\"{long}\\\"}}\"}}"}}"#),
        format!(r#"{{"bad":"{{\"path\": \"{long}\", }}", "k":tru, "n":-1.5e+10}}"#),
        format!("{{\"tab\tkey\":\"{long}\",\"\u{1}key\":\"{long}\"}}"),
        format!("{{\"a\":1,}}{long}"),
        format!("[1,2,{long},]"),
        deep,
        format!("[{}]", "{},".repeat(40)),
        format!("[{}{{}}]", "{},".repeat(40)),
        "{\"unclosed\":\"".to_string() + &long,
    ];
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    assert_exact(&lines, &Known::new(4));
    assert_exact(&[b"{\"a\":\"\xff\xfe invalid utf-8 invalid utf-8 invalid utf-8 invalid\"}", b"\xff\x00\x01"], &Known::new(4));
}

#[test]
fn a_resent_history_is_cut_once() {
    let message = |n: usize| format!(r#"{{"role":"user","content":"message number {n} is long enough to be a node"}}"#);
    let line = |n: usize| format!(r#"{{"messages":[{}]}}"#, (0..n).map(message).collect::<Vec<_>>().join(","));
    let lines: Vec<String> = (1..20).map(line).collect();
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let cuts = assert_exact(&lines, &Known::new(4));
    // Each line is an object holding a list holding its messages.
    assert_eq!(cuts.nodes.len(), 19 * 2 + 19);
    assert_eq!(cuts.segments.len(), 0, "their text is short");
    assert_eq!(cuts.template_count(), 3);
}

#[test]
fn json_in_a_string_is_opened_and_shares_nodes_with_plain_json() {
    let inner = r#"{"path": "src/main.rs", "content": "some words that fill the node up to its size"}"#;
    let outer = format!(r#"{{"a":{inner},"b":"{}","pad":"{}"}}"#, inner.replace('"', "\\\""), "p".repeat(50));
    let cuts = assert_exact(&[outer.as_bytes()], &Known::new(4));
    assert_eq!(cuts.nodes.len(), 2);
}

#[test]
fn what_the_filter_knows_is_not_opened() {
    let line = format!(r#"{{"a":{{"b":"{}"}}}}"#, "y".repeat(KNOWN_BYTES));
    let known = Known::new(10);
    known.insert(content_hash(&line.as_bytes()[5..line.len() - 1]));
    let cuts = assert_exact(&[line.as_bytes()], &known);
    assert_eq!(cuts.nodes.iter().filter(|n| n.template == UNOPENED).count(), 1);
    assert_eq!(cuts.segments.len(), 0);
}

#[test]
fn wishes_split_strings_without_changing_bytes() {
    let chunk = format!(r#"{{"text":"first part é of it \n---\nsecond part \"of it\" {}"}}"#, "é".repeat(100)).into_bytes();
    for (delimiter, most) in [(Some("\n---\n"), None), (None, Some(64)), (Some("\n---\n"), Some(70)), (Some("absent"), None)] {
        let options = CutOptions {
            context_delimiter: delimiter.map(|d| d.as_bytes().to_vec()),
            max_segment_bytes: most,
            ..CutOptions::default()
        };
        let known = Known::new(4);
        let mut cutter = Cutter::new(&chunk, &known, &options);
        cutter.line(0..chunk.len());
        let cuts = cutter.finish();
        let mut out = Vec::new();
        cuts.join(&chunk, cuts.records[0], &mut out);
        assert_eq!(out, chunk);
        assert!(cuts.segments.iter().all(|s| std::str::from_utf8(cuts.bytes(&chunk, s.text)).is_ok()));
        assert_eq!(cuts.segments.len() > 1, delimiter != Some("absent"));
    }
}

fn json() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[a-z\\\\\"\n é🎉/<]{0,90}".prop_map(|s| serde_json::to_string(&s).unwrap()),
        r#"(\\u[0-9a-fA-F]{4}|\\/|[a-c]){0,60}"#.prop_map(|s| format!("\"{s}\""))
    ];
    let leaf = prop_oneof![string.clone(), "-?[0-9]{1,5}(\\.[0-9]{1,3})?", Just("null".to_string())];
    let space = || "[ \n]{0,1}";
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..6), space())
                .prop_map(|(v, s)| format!("[{}]", v.join(&format!(",{s}")))),
            (proptest::collection::vec((string.clone(), inner.clone()), 0..6), space())
                .prop_map(|(v, s)| format!("{{{}}}", v.iter().map(|(k, v)| format!("{k}:{s}{v}")).collect::<Vec<_>>().join(","))),
            inner.prop_map(|v| serde_json::to_string(&v).unwrap()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_comes_back(lines in proptest::collection::vec(json(), 1..6)) {
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        assert_exact(&lines, &Known::new(4));
    }

    #[test]
    fn damaged_json_comes_back(line in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut line = line.into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        assert_exact(&[&line], &Known::new(4));
    }
}
