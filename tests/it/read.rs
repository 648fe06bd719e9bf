//! Reading back: get, export, ls, stats and log over small vaults, through the real program.

use crate::harness::{Outcome, Sandbox};

/// Lines of a gateway: requests with ids, times, models, tokens; one of them failed.
const GATEWAY: &str = concat!(
    r#"{"id":"chatcmpl-Aa11","object":"chat.completion","created":1790000000,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"Copper conducts because its outer electrons are free to move."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#,
    "\n",
    r#"{"id":"chatcmpl-Bb22","object":"chat.completion","created":1790086400,"model":"gpt-5-mini","choices":[{"index":0,"message":{"role":"assistant","content":"See chatcmpl-Aa11 for what was said about copper before."},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27}}"#,
    "\n",
    r#"{ "id" : "chatcmpl-Cc33", "object":"chat.completion","created":1790172800,"model":"gpt-5","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1}}"#,
    "\n",
);

/// An agent's session: the id of the session is on every line, a uuid on most.
const SESSION: &str = concat!(
    r#"{"parentUuid":null,"sessionId":"5e55-10n1","type":"user","uuid":"0a5d1c3e-7f10-4a2b-9c1d-000000000001","timestamp":"2026-09-20T10:00:00.000Z","message":{"role":"user","content":"Why is the sky blue? Tell me in one long sentence, please."}}"#,
    "\n",
    r#"{"parentUuid":"0a5d1c3e-7f10-4a2b-9c1d-000000000001","sessionId":"5e55-10n1","type":"assistant","uuid":"0a5d1c3e-7f10-4a2b-9c1d-000000000002","timestamp":"2026-09-20T10:00:05.000Z","message":{"id":"msg_01Zz","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Because air scatters short waves more than long ones, by Rayleigh."}],"usage":{"input_tokens":100,"output_tokens":20}}}"#,
    "\n",
    r#"{"parentUuid":"0a5d1c3e-7f10-4a2b-9c1d-000000000002","sessionId":"5e55-10n1","type":"assistant","uuid":"0a5d1c3e-7f10-4a2b-9c1d-000000000003","timestamp":"2026-09-20T10:00:06.000Z","message":{"id":"msg_01Zz","role":"assistant","model":"claude-x","content":[{"type":"text","text":"That is also why sunsets are red: the blue has been scattered away."}],"usage":{"input_tokens":100,"output_tokens":50}}}"#,
    "\n",
);

fn vault_with(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, content) in files {
        sandbox.write(name, content);
        sandbox.run(&["ingest", "--all-files", name]).exits(0);
    }
    sandbox
}

fn line(text: &str, number: usize) -> Vec<u8> {
    let mut line = text.lines().nth(number - 1).unwrap().as_bytes().to_vec();
    line.push(b'\n');
    line
}

fn hash_of(sandbox: &Sandbox, id: &str) -> String {
    sandbox.run(&["get", "--json", id]).exits(0).json_lines()[0]["hash"].as_str().unwrap().to_string()
}

#[track_caller]
fn gives(outcome: Outcome, expected: &[u8]) {
    let outcome = outcome.exits(0);
    assert_eq!(String::from_utf8_lossy(&outcome.stdout_bytes), String::from_utf8_lossy(expected));
}

#[test]
fn a_line_comes_back_by_its_place_its_hash_and_the_id_it_carries() {
    let sandbox = vault_with(&[("logs/gw.jsonl", GATEWAY)]);
    let second = line(GATEWAY, 2);
    gives(sandbox.run(&["get", "gw.jsonl:2"]), &second);
    gives(sandbox.run(&["get", "logs/gw.jsonl@1:2"]), &second);
    gives(sandbox.run(&["get", "chatcmpl-Bb22"]), &second);
    gives(sandbox.run(&["get", "id:chatcmpl-Bb22"]), &second);
    let hash = hash_of(&sandbox, "gw.jsonl:2");
    gives(sandbox.run(&["get", &hash]), &second);
    gives(sandbox.run(&["get", &hash[..6]]), &second);
    gives(sandbox.run(&["get", &format!("hash:{}", hash[..9].to_uppercase())]), &second);
}

#[test]
fn an_id_that_is_only_mentioned_is_not_carried() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("session.jsonl", SESSION)]);
    // Line 2 speaks of this id, and line 2 of the session has the first line's uuid for its parent.
    gives(sandbox.run(&["get", "chatcmpl-Aa11"]), &line(GATEWAY, 1));
    gives(sandbox.run(&["get", "0a5d1c3e-7f10-4a2b-9c1d-000000000001"]), &line(SESSION, 1));
}

#[test]
fn all_records_that_carry_an_id_come_in_the_order_of_their_sources() {
    let sandbox = vault_with(&[("session.jsonl", SESSION)]);
    gives(sandbox.run(&["get", "msg_01Zz"]), &[line(SESSION, 2), line(SESSION, 3)].concat());
}

#[test]
fn unknown_ids_are_told_and_the_rest_still_comes() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY)]);
    let ids = ["get", "chatcmpl-Xx99", "gw.jsonl:1", "gw.jsonl:4", "nope.jsonl:1", "0123456789abcdef", "gw.jsonl:3"];
    let outcome = sandbox.run(&ids).exits(1);
    assert_eq!(outcome.stdout_bytes, [line(GATEWAY, 1), line(GATEWAY, 3)].concat());
    for told in ["chatcmpl-Xx99", "gw.jsonl:4: ", "has 3 lines", "no source is called nope.jsonl", "0123456789abcdef"] {
        assert!(outcome.stderr().contains(told), "{told}: {}", outcome.stderr());
    }
}

#[test]
fn an_ambiguous_prefix_is_a_usage_error_with_the_candidates() {
    // Two of a hundred thousand numbers have the same first six digits, nearly surely; the hashes of these lines never change.
    let text: String = (0..20_000).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    let sandbox = vault_with(&[("many.jsonl", &text)]);
    let mut hashes: Vec<String> =
        text.lines().map(|line| format!("{:032x}", turnpack::checksum::content_hash(line.as_bytes()))).collect();
    hashes.sort();
    let twins = hashes.windows(2).find(|pair| pair[0][..6] == pair[1][..6]).expect("two hashes that begin alike");
    let outcome = sandbox.run(&["get", &twins[0][..6]]).exits(2);
    assert!(outcome.stderr().contains(&twins[0]) && outcome.stderr().contains(&twins[1]), "{}", outcome.stderr());
    let unique = sandbox.run(&["get", &twins[0]]).exits(0);
    assert_eq!(unique.stdout_bytes.last(), Some(&b'\n'));
}

#[test]
fn an_id_is_found_wherever_and_however_it_is_written() {
    let long = "a-very-long-request-identifier-0123456789-0123456789-0123456789";
    let spaced = "an id of several words, as a batch may have it, chosen by a person";
    let lines = [
        r#"{"id":"chatcmpl-\u0044d44","object":"chat.completion","created":1,"model":"m","choices":[]}"#.to_string(),
        format!(r#"{{"id":"{long}","object":"chat.completion","created":1,"model":"m","choices":[]}}"#),
        r#"{"id":"a/b\/c","object":"chat.completion","created":1,"model":"m","choices":[]}"#.to_string(),
        r#"INFO gateway {"id":"chatcmpl-Ee55","object":"chat.completion","created":1,"model":"m","choices":[]} done"#.to_string(),
        r#"{"id":"batch_req_5","custom_id":"c-5","response":{"status_code":200,"request_id":"rq-5","body":" {\"id\":\"inner-77\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[]}"},"error":null}"#.to_string(),
        r#"{"request_id":123456789,"request":{"model":"m","messages":[{"role":"user","content":"hello there, you"}]},"response":{"id":"inner-78","object":"chat.completion","model":"m","choices":[]}}"#.to_string(),
        r#"{"id":"batch_req_7","custom_id":"c-7","response":{"status_code":200,"request_id":"rq-7","body":"data: {\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"id\":\"streamed-0001\",\"choices\":[]}\n\ndata: [DONE]\n"},"error":null}"#.to_string(),
        r#"{"id":"batch_req_8","custom_id":"c-8","response":{"status_code":200,"request_id":"rq-8","body":"{\"object\":\"chat.completion\",\"model\":\"m\",\"id\":\"after-the-end\",\"choices\":[]}\n"},"error":null}"#.to_string(),
        format!(r#"{{"id":"{spaced}","object":"chat.completion","created":1,"model":"m","choices":[]}}"#),
        r#"{"id":"\u8bf7\u6c42\u7f16\u53f7\u4e00\u4e8c\u4e09\u56db","object":"chat.completion","created":1,"model":"m","choices":[]}"#.to_string(),
        r#"{"id":"batch_req_11","custom_id":"c-11","response":{"status_code":200,"request_id":"rq-11","body":"\ufeff{\"object\":\"chat.completion\",\"model\":\"m\",\"id\":\"after-a-mark\",\"choices\":[]}"},"error":null}"#.to_string(),
    ];
    let text = lines.join("\n");
    let sandbox = vault_with(&[("odd.jsonl", &text)]);
    let ids = [
        (1, "chatcmpl-Dd44"),
        (2, long),
        (3, "a/b/c"),
        (4, "chatcmpl-Ee55"),
        (5, "inner-77"),
        (6, "inner-78"),
        (6, "123456789"),
        (7, "streamed-0001"),
        (8, "after-the-end"),
        (9, spaced),
        // Written so long that it is a segment, read so short that it could be a short value.
        (10, "\u{8bf7}\u{6c42}\u{7f16}\u{53f7}\u{4e00}\u{4e8c}\u{4e09}\u{56db}"),
        (11, "after-a-mark"),
    ];
    // Cut into pieces, an id may begin in one and end in the next.
    let pieces = Sandbox::new();
    pieces.write("odd.jsonl", &text);
    pieces.run(&["ingest", "--max-segment-bytes", "64", "odd.jsonl"]).exits(0);
    for (number, id) in ids {
        let record = turnpack::shape::Record::read(lines[number - 1].as_bytes());
        let detection = record.detect(&turnpack::shape::Hints::default());
        let metadata = record.metadata(&detection, &mut turnpack::shape::FileState::default());
        let carried = turnpack::shape::carried_ids(&metadata).contains(&id);
        // What follows the JSON of the fourth makes it no JSON.
        assert_eq!(carried, number != 4, "{id}");
        for sandbox in [&sandbox, &pieces] {
            let outcome = sandbox.run(&["get", &format!("id:{id}")]).exits(i32::from(!carried));
            assert_eq!(outcome.stdout_bytes, if carried { [lines[number - 1].as_bytes(), b"\n"].concat() } else { Vec::new() });
        }
    }
}

/// Without a catalog ids are looked for in columns and in marked text only: every id of every shape must stand in one of them.
#[test]
fn every_id_of_every_fixture_is_found_without_a_catalog() {
    let mut asked = 0;
    for (name, bytes) in crate::forms::fixtures() {
        let mut carriers: std::collections::BTreeMap<String, Vec<&[u8]>> = Default::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let record = turnpack::shape::Record::read(line);
            let metadata = record.metadata(&record.detect(&Default::default()), &mut Default::default());
            for id in turnpack::shape::carried_ids(&metadata) {
                let lines = carriers.entry(id.to_string()).or_default();
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        let sandbox = Sandbox::new();
        sandbox.pipe(&bytes, &["ingest", "-", "--source", "log"]).exits(0);
        for (id, lines) in carriers.iter().take(12) {
            let expected: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
            let found = sandbox.run(&["get", &format!("id:{id}")]);
            assert!(found.stdout_bytes == expected, "{id} of {name}: {}", found.stderr());
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked}");
}

#[test]
fn a_conversation_comes_whole_and_readable() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("session.jsonl", SESSION)]);
    gives(sandbox.run(&["get", "--conversation", "5e55-10n1"]), SESSION.as_bytes());
    let text = sandbox.run(&["get", "--conversation", "5e55-10n1", "--type", "user_turn"]).exits(0).stdout();
    assert!(text.starts_with("user:\nWhy is the sky blue?"), "{text}");
    sandbox.run(&["get", "--conversation", "nobody"]).exits(1);
    let wrong = sandbox.run(&["get", "--conversation", "5e55-10n1", "--type", "user_tern"]).exits(2);
    assert!(wrong.stderr().contains("user_turn"));
}

#[test]
fn a_segment_comes_back_by_the_hash_of_its_decoded_text() {
    let text = "Tell me \"everything\" about copper,\nand about gold as well, my friend.";
    let escaped = text.replace('"', "\\\"").replace('\n', "\\n");
    let request =
        |n: u32| format!(r#"{{"model":"m{n}","messages":[{{"role":"user","content":"{escaped}"}}],"temperature":0.{n}}}"#);
    let sandbox = vault_with(&[("rq.jsonl", &format!("{}\n{}\n{}\n", request(1), request(2), request(1)))]);
    let hash = format!("{:032x}", turnpack::checksum::content_hash(text.as_bytes()));
    gives(sandbox.run(&["get", "--segment", &hash[..8]]), format!("{text}\n").as_bytes());
    let told = sandbox.run(&["get", "--json", "--segment", &hash]).exits(0).json_lines();
    assert_eq!((&told[0]["occurrences"], &told[0]["types"]), (&3.into(), &serde_json::json!(["user_turn"])));
    sandbox.run(&["get", "--segment", "00000000000000"]).exits(1);
    sandbox.run(&["get", "--segment", "copper"]).exits(2);
}

#[test]
fn an_export_gives_the_bytes_of_every_source_in_the_order_they_came() {
    let odd = "no json\r\n\n{\"a\": 1.0}\n{\"a\":1}";
    let sandbox = vault_with(&[("z.jsonl", GATEWAY), ("a.jsonl", odd), ("m.jsonl", SESSION)]);
    gives(sandbox.run(&["export"]), [GATEWAY, odd, SESSION].concat().as_bytes());
    gives(sandbox.run(&["export", "--source", "a.jsonl"]), odd.as_bytes());
    gives(sandbox.run(&["export", "--source", "m.jsonl", "--source", "z.jsonl"]), [GATEWAY, SESSION].concat().as_bytes());
    gives(sandbox.run(&["export", "--limit", "4"]), format!("{GATEWAY}no json\r\n").as_bytes());
    gives(sandbox.run(&["export", "--threads", "1"]), [GATEWAY, odd, SESSION].concat().as_bytes());
    sandbox.run(&["export", "--source", "nope"]).exits(1);
}

#[test]
fn the_newest_generation_is_exported_and_an_older_one_when_asked_for() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("gw.jsonl", SESSION)]);
    gives(sandbox.run(&["export"]), SESSION.as_bytes());
    gives(sandbox.run(&["export", "--source", "gw.jsonl@1"]), GATEWAY.as_bytes());
    gives(sandbox.run(&["get", "gw.jsonl:1"]), &line(SESSION, 1));
    gives(sandbox.run(&["get", "gw.jsonl@1:1"]), &line(GATEWAY, 1));
}

#[test]
fn content_under_two_names_is_exported_once_and_written_to_both_files() {
    let sandbox = vault_with(&[("a.jsonl", GATEWAY), ("b/copy.jsonl", GATEWAY)]);
    gives(sandbox.run(&["export"]), GATEWAY.as_bytes());
    sandbox.run(&["export", "-o", "out"]).exits(0);
    let root = sandbox.path("").display().to_string();
    for name in ["a.jsonl", "b/copy.jsonl"] {
        assert_eq!(sandbox.read(format!("out/{root}/{name}")), GATEWAY.as_bytes());
    }
}

#[test]
fn a_document_comes_back_with_everything_around_its_elements() {
    let document = "[\n  {\"id\": \"x1\", \"text\": \"one\"},\n  {\"id\": \"x2\", \"text\": \"two\"} ,{\"id\":\"x3\"}\n]\n";
    let sandbox = vault_with(&[("doc.json", document)]);
    gives(sandbox.run(&["export"]), document.as_bytes());
    gives(sandbox.run(&["export", "--limit", "1"]), b"{\"id\": \"x1\", \"text\": \"one\"}\n");
    gives(sandbox.run(&["get", "doc.json:3"]), b"{\"id\":\"x3\"}\n");
}

#[test]
fn a_tree_is_written_once_with_its_times_and_never_over_other_files() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("logs/gw.jsonl", GATEWAY);
    let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    sandbox.run(&["ingest", "logs/gw.jsonl"]).exits(0);
    sandbox.pipe(SESSION, &["ingest", "-", "--source", "../outside.jsonl"]).exits(0);
    let outcome = sandbox.run(&["export", "-o", "deep/out"]).exits(3);
    assert!(outcome.stderr().contains("../outside.jsonl"), "{}", outcome.stderr());
    assert!(!sandbox.path("deep/outside.jsonl").exists() && !sandbox.path("outside.jsonl").exists());
    let written = sandbox.path("deep/out").join(path.strip_prefix("/").unwrap());
    assert_eq!(std::fs::read(&written).unwrap(), GATEWAY.as_bytes());
    assert_eq!(std::fs::metadata(&written).unwrap().modified().unwrap(), then);
    // The same again is no failure; another content is, and stays.
    sandbox.run(&["export", "-o", "deep/out", "--source", "gw.jsonl"]).exits(0);
    std::fs::write(&written, "mine").unwrap();
    sandbox.run(&["export", "-o", "deep/out", "--source", "gw.jsonl"]).exits(3);
    assert_eq!(std::fs::read(&written).unwrap(), b"mine");
}

#[test]
fn filters_choose_records_and_count_those_without_a_time() {
    let untimed = "{\"id\":\"chatcmpl-Zz\",\"object\":\"chat.completion\",\"model\":\"gpt-5\",\"choices\":[]}\n";
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("session.jsonl", SESSION), ("untimed.jsonl", untimed)]);
    gives(sandbox.run(&["export", "--model", "gpt-5", "--source", "gw.jsonl"]), &[line(GATEWAY, 1), line(GATEWAY, 3)].concat());
    gives(
        sandbox.run(&["export", "--conversation", "5e55-10n1", "--limit", "2"]),
        &[line(SESSION, 1), line(SESSION, 2)].concat(),
    );
    gives(sandbox.run(&["export", "--type", "user_turn", "--source", "session.jsonl"]), &line(SESSION, 1));
    let timed = sandbox.run(&["export", "--model", "gpt-5", "--since", "2026-09-22T00:00:00Z", "--until", "2026-09-24"]).exits(0);
    assert_eq!(timed.stdout_bytes, line(GATEWAY, 3));
    assert!(timed.stderr().contains("1 record"), "{}", timed.stderr());
    sandbox.run(&["export", "--model", "gpt-4"]).exits(1);
}

#[test]
fn sources_are_listed_with_digests_that_other_tools_compute_too() {
    let sandbox =
        vault_with(&[("gw.jsonl", GATEWAY), ("copy.jsonl", GATEWAY), ("tail.jsonl", "{\"a\":1}\n{\"a\":1}\n{\"b\":2}")]);
    let rows = sandbox.run(&["ls", "--json", "--sha256", "--long"]).exits(0).json_lines();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["blake3"], blake3::hash(GATEWAY.as_bytes()).to_hex().as_str());
    assert_eq!(rows[0]["aliases"].as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["shape"], "openai.chat.response");
    assert_eq!((&rows[0]["first"], &rows[0]["last"]), (&"2026-09-21T14:13:20Z".into(), &"2026-09-23T14:13:20Z".into()));
    assert_eq!((&rows[1]["occurrences"], &rows[1]["records"], &rows[1]["provisional"]), (&3.into(), &2.into(), &true.into()));
    assert_eq!(rows[1]["sha256"], "b27e6067b55bd9a85168e82af23d77aa6d0448b01f3358b6da48e2b540cb82cf");
    let filtered = sandbox.run(&["ls", "--json", "--model", "gpt-5-mini"]).exits(0).json_lines();
    assert_eq!(filtered.len(), 1);
}

/// Plain `ls` and `stats` of a large vault must not read it: with every stored byte of a record spoilt they answer all the same.
#[test]
fn what_journals_and_directories_tell_is_told_without_reading_a_record() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("tail.jsonl", "{\"a\":1}\n{\"a\":1}\n{\"b\":2}")]);
    sandbox.run(&["rm", "--yes", "tail.jsonl:3"]).exits(0);
    let pack = "vault/packs/00000001.pack";
    let mut bytes = sandbox.read(pack);
    // Kind 1 is a block, 2 a group; the header has 64 bytes, a frame 14 before its payload and 8 after it.
    let mut at = 64;
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 2..at + 6].try_into().unwrap()) as usize;
        if bytes[at] <= 2 {
            bytes[at + 14..at + 14 + length].fill(0xff);
        }
        at += 14 + length + 8;
    }
    sandbox.write(pack, bytes);
    let rows = sandbox.run(&["ls", "--json"]).exits(0).json_lines();
    let of = |name: &str| rows.iter().find(|row| row["name"].as_str().unwrap().ends_with(name)).unwrap();
    assert_eq!((&of("tail.jsonl")["occurrences"], &of("tail.jsonl")["removed_lines"]), (&3.into(), &1.into()));
    assert_eq!(of("gw.jsonl")["blake3"], blake3::hash(GATEWAY.as_bytes()).to_hex().as_str());
    let report = sandbox.run(&["stats", "--json"]).exits(0).json();
    assert_eq!((&report["stored"]["occurrences"], report.get("total")), (&6.into(), None));
    sandbox.run(&["ls", "--long"]).exits(13);
    sandbox.run(&["stats", "--totals"]).exits(13);
}

#[test]
fn a_conversation_is_listed_with_its_span_and_models() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("session.jsonl", SESSION)]);
    let rows = sandbox.run(&["ls", "conversations", "--json"]).exits(0).json_lines();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["id"], &rows[0]["occurrences"]), (&"5e55-10n1".into(), &3.into()));
    assert_eq!(rows[0]["models"], serde_json::json!(["claude-x"]));
    assert_eq!(rows[0]["first"], "2026-09-20T10:00:00Z");
}

#[test]
fn usage_that_records_of_one_response_repeat_counts_once_and_the_last_one_holds() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("session.jsonl", SESSION)]);
    let report = sandbox.run(&["stats", "--json", "--by", "model"]).exits(0).json();
    assert_eq!(report["total"]["records"], 6);
    assert_eq!((&report["total"]["tokens_in"], &report["total"]["tokens_out"]), (&131.into(), &62.into()));
    let groups = report["groups"].as_array().unwrap();
    let of = |model: &str| groups.iter().find(|group| group["key"][0] == model).unwrap();
    assert_eq!((&of("claude-x")["records"], &of("claude-x")["tokens_out"]), (&2.into(), &50.into()));
    assert_eq!(of("gpt-5")["tokens_in"], 11);
    assert_eq!(report["stored"]["records"], 6);
}

#[test]
fn groups_are_by_day_in_order_and_by_type_with_a_record_in_each() {
    let sandbox = vault_with(&[("gw.jsonl", GATEWAY), ("session.jsonl", SESSION)]);
    let days = sandbox.run(&["stats", "--json", "--by", "day"]).exits(0).json();
    let keys: Vec<&str> = days["groups"].as_array().unwrap().iter().map(|group| group["key"][0].as_str().unwrap()).collect();
    assert_eq!(keys, ["2026-09-20", "2026-09-21", "2026-09-22", "2026-09-23"]);
    let shifted = sandbox.run(&["stats", "--json", "--by", "day", "--tz", "Asia/Tokyo", "--top", "1"]).exits(0).json();
    assert_eq!((&shifted["groups"][0]["key"][0], &shifted["groups_left_out"]), (&"2026-09-20".into(), &3.into()));
    let types = sandbox.run(&["stats", "--json", "--by", "type"]).exits(0).json();
    assert!(types["groups"].as_array().unwrap().iter().any(|group| group["key"][0] == "user_turn" && group["records"] == 1));
}

#[test]
fn occurrences_count_unless_distinct_records_are_asked_for() {
    let sandbox = vault_with(&[("a.jsonl", "{\"a\":1}\n{\"a\":1}\nnot json\n")]);
    let count = |options: &[&str]| sandbox.run(&[&["stats", "--json"], options].concat()).exits(0).json()["total"].clone();
    assert_eq!((&count(&["--totals"])["records"], &count(&["--totals"])["opaque"]), (&3.into(), &1.into()));
    assert_eq!(count(&["--distinct"])["records"], 2);
}

#[test]
fn the_log_tells_each_ingest() {
    let sandbox = vault_with(&[("a.jsonl", "{\"a\":1}\n"), ("b.jsonl", "{\"a\":2}\n")]);
    let entries = sandbox.run(&["log", "--json"]).exits(0).json_lines();
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry["command"] == "ingest"));
}

#[test]
fn a_line_that_was_superseded_is_found_no_more() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[");
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    let cut = hash_of(&sandbox, "a.jsonl:1");
    sandbox.write("a.jsonl", "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[]}\n");
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox.run(&["get", &cut]).exits(1);
    gives(sandbox.run(&["get", "chatcmpl-1"]), b"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[]}\n");
}
