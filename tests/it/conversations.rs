//! `ls conversations`: what agents did, told once. Two small sessions, checked by eye.

use serde_json::{Value, json};

use crate::harness::Sandbox;

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A session of Claude Code: one question, an answer in two lines with a call in the second, its result, and a last answer.
fn claude(id: &str, title: Option<&str>) -> String {
    let entry = |second: u32, kind: &str, message: Value, more: Value| {
        let mut line = json!({"type": kind, "sessionId": id, "uuid": format!("{id}-{second}"), "cwd": "/w/app",
            "timestamp": format!("2026-01-01T10:00:{second:02}.000Z"), "message": message});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let usage = |out: u32| json!({"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5, "output_tokens": out});
    let said = |content: Value, message: &str, out: u32| json!({"role": "assistant", "id": message, "model": "claude-x", "content": [content], "usage": usage(out)});
    let text = |text: &str| json!({"type": "text", "text": text});
    let call =
        json!({"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "cargo test --all-features --workspace"}});
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok. 12 passed; 0 failed; finished in a second or two"}]});
    let none = json!({});
    let mut all = vec![
        entry(
            0,
            "user",
            json!({"role": "user", "content": "A caveat of the program, which nobody said and nobody reads."}),
            json!({"isMeta": true}),
        ),
        entry(
            1,
            "user",
            json!({"role": "user", "content": "Fix the flaky\n  test, please: it fails on every second run of the whole suite, and only there, on Mondays"}),
            none.clone(),
        ),
        entry(2, "assistant", said(text("I will run it first."), "m1", 1), json!({"requestId": "q1"})),
        entry(3, "assistant", said(call, "m1", 40), json!({"requestId": "q1"})),
        entry(4, "user", result, none.clone()),
        entry(5, "assistant", said(text("It is fixed."), "m2", 7), json!({"requestId": "q2"})),
    ];
    all.extend(title.map(|title| json!({"type": "ai-title", "sessionId": id, "aiTitle": title})));
    lines(&all)
}

/// A roll-out of Codex, which says everything twice and counts a call again when limits change.
fn codex() -> String {
    let line = |second: u32, kind: &str, payload: Value| json!({"timestamp": format!("2026-02-01T10:00:{second:02}.000Z"), "type": kind, "payload": payload});
    let message =
        |role: &str, kind: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
    let count = |total: u32, last: u32| {
        let usage = |input: u32| json!({"input_tokens": input, "cached_input_tokens": input / 2, "output_tokens": input / 10, "reasoning_output_tokens": 1, "total_tokens": input + input / 10});
        json!({"type": "token_count", "info": {"total_token_usage": usage(total), "last_token_usage": usage(last)}})
    };
    let id = "019ed50c-2fb3-7002-a384-360bea6e7f04";
    lines(&[
        line(
            0,
            "session_meta",
            json!({"id": id, "cwd": "/w/other", "originator": "codex_exec", "cli_version": "0.144.3", "model_provider": "openai"}),
        ),
        line(1, "turn_context", json!({"cwd": "/w/other", "model": "gpt-x"})),
        line(
            2,
            "response_item",
            message("user", "input_text", "<environment_context>\n  <cwd>/w/other</cwd>\n</environment_context>"),
        ),
        line(
            2,
            "response_item",
            message("user", "input_text", "<skill>\n<name>coordinator</name>\nHow to coordinate.\n</skill>"),
        ),
        line(3, "response_item", message("user", "input_text", "Rename the crate.")),
        line(3, "event_msg", json!({"type": "user_message", "message": "Rename the crate."})),
        line(4, "event_msg", count(200, 200)),
        line(5, "event_msg", json!({"type": "agent_message", "message": "Renamed."})),
        line(5, "response_item", message("assistant", "output_text", "Renamed.")),
        line(6, "event_msg", count(500, 300)),
        line(7, "event_msg", count(500, 300)),
    ])
}

/// Title, project, agent, model, times, turns and tokens are those of the session: partial counts of one response are one usage,
/// what a roll-out says twice is one turn, and what the program says to the model is none.
#[test]
fn a_conversation_is_told_by_its_records() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", claude("5b0b0000-0000-4000-8000-00000000000a", None));
    sandbox.write("b.jsonl", claude("6b0b0000-0000-4000-8000-00000000000b", Some("The flaky test")));
    sandbox.write("rollout.jsonl", codex());
    sandbox.run(&["ingest", "a.jsonl", "b.jsonl", "rollout.jsonl"]).exits(0);
    let rows = sandbox.run(&["ls", "--conversations", "--json"]).exits(0).json_lines();
    assert_eq!(rows.len(), 3, "{rows:#?}");
    let of = |row: &Value, keys: &[&str]| keys.iter().map(|key| row[*key].clone()).collect::<Vec<Value>>();
    let counts = ["turns", "tokens_in", "tokens_in_cached", "tokens_in_cache_write", "tokens_out", "tokens_reasoning", "records"];
    for row in &rows[..2] {
        assert_eq!(of(row, &counts)[..6], [3, 230, 200, 10, 47, 0].map(Value::from), "{row:#}");
        let about = of(row, &["project", "apps", "models", "first", "last"]);
        let expected = [
            json!("/w/app"),
            json!(["claude-code"]),
            json!(["claude-x"]),
            json!("2026-01-01T10:00:00Z"),
            json!("2026-01-01T10:00:05Z"),
        ];
        assert_eq!(about, expected);
    }
    let titles: Vec<Vec<Value>> = rows.iter().map(|row| of(row, &["title", "titled"])).collect();
    let opening = "Fix the flaky test, please: it fails on every second run of the whole suite, and…";
    assert_eq!(titles[0], [json!(opening), json!(false)]);
    assert_eq!(titles[1], [json!("The flaky test"), json!(true)]);
    assert_eq!(titles[2], [json!("Rename the crate."), json!(false)]);
    assert_eq!(of(&rows[2], &counts)[..6], [2, 500, 250, 0, 50, 2].map(Value::from), "{:#}", rows[2]);
    assert_eq!(of(&rows[2], &["project", "apps", "models"]), [json!("/w/other"), json!(["codex"]), json!(["gpt-x"])]);
    // A row of the table names them in the order of its header.
    let table = sandbox.run(&["ls", "conversations", "--app", "codex"]).exits(0).stdout();
    let cells: Vec<&str> = table.trim_end().split('\t').collect();
    assert_eq!(
        (cells[1..4].join(" ").as_str(), &cells[7..]),
        ("2 500 50", &["codex", "gpt-x", "/w/other", "Rename the crate."][..])
    );
}

/// Requests that resend their history have the turns of the longest, not of all together.
#[test]
fn turns_of_requests_are_those_of_the_longest() {
    let sandbox = Sandbox::new();
    let said = |count: usize| -> Vec<Value> {
        let turn =
            |at: usize| json!({"role": if at.is_multiple_of(2) { "user" } else { "assistant" }, "content": format!("turn {at}")});
        (0..count).map(turn).collect()
    };
    let request = |count: usize| {
        json!({"session_id": "s1", "request": {"model": "m", "messages": said(count)},
        "response": {"object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": format!("turn {count}")}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 1}}})
    };
    sandbox.write("gw.jsonl", lines(&[request(1), request(3), request(5)]));
    sandbox.run(&["ingest", "gw.jsonl"]).exits(0);
    let rows = sandbox.run(&["ls", "conversations", "--json"]).exits(0).json_lines();
    assert_eq!((rows.len(), &rows[0]["turns"], &rows[0]["tokens_in"]), (1, &json!(6), &json!(30)), "{rows:#?}");
}

/// A title that is cut out of what the user said must not show the first half of a key, which nothing recognises any more; nor must the
/// directory worked in. (Seen red with secrets looked for after the cut.)
#[test]
fn how_a_conversation_began_shows_no_part_of_a_secret() {
    let sandbox = Sandbox::new();
    let key = format!("sk-ant-{}03-{}", "api", "Zq7Rk2Lw9Tb4Vx1Np6Hs8Jd3Fg5Mc0YqZr7Kl2Wt9Bv4Xn1Ph6Sj8Df3Gm5Cc0QyRz7Lk2");
    let session = |id: &str, padding: usize| {
        json!({"type": "user", "sessionId": id, "uuid": format!("{id}-1"), "cwd": format!("/w/{key}"), "timestamp": "2026-01-01T10:00:00.000Z",
            "message": {"role": "user", "content": format!("{} {key} is the key", "x".repeat(padding))}})
    };
    let all: Vec<Value> =
        (40..76).map(|padding| session(&format!("5b0b0000-0000-4000-8000-0000000000{padding}"), padding)).collect();
    sandbox.write("a.jsonl", lines(&all));
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    for form in [&[][..], &["--json"]] {
        let shown = sandbox.run(&[&["ls", "conversations"], form].concat()).exits(0).stdout();
        assert!(shown.contains("sk-ant-api03-Zq") && shown.contains(&format!("/w/{key}")), "{shown}");
        let shown = sandbox.run(&[&["ls", "conversations", "--redact", "secrets"], form].concat()).exits(0).stdout();
        assert!(!shown.contains("sk-ant") && !shown.contains("Zq7Rk2"), "{shown}");
        assert!(shown.lines().count() >= all.len(), "{shown}");
    }
}
