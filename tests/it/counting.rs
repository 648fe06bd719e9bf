//! `stats` where records say where their time went, and where they say nothing of tokens.

use serde_json::json;

use crate::harness::Sandbox;

fn witness(n: u64, model: &str, queue: u64, decode: u64) -> String {
    let parts = json!({ "queue": queue, "decode": decode, "total": queue + decode });
    let record = json!({
        "request_id": format!("r{n}"), "session_id": "s", "ts": format!("2026-03-02T10:0{n}:00Z"), "app": "a", "model": model,
        "prompt": "p", "response": "q", "quality": { "score": 0.5 }, "latency_ms": parts, "error": null, "tags": ["t"],
    });
    format!("{record}\n")
}

// Protects whoever looks for what to make faster: each group names its own part, with and without what the vault keeps of lines.
#[test]
fn each_group_names_the_slowest_part_of_its_latency() {
    let sandbox = Sandbox::new();
    let lines = witness(1, "small", 90, 10) + &witness(2, "small", 5, 60) + &witness(3, "large", 5, 400);
    sandbox.write("w.jsonl", lines + "{\"model\":\"plain\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}\n");
    sandbox.run(&["ingest", "w.jsonl"]).exits(0);
    let told = || {
        let stats = sandbox.run(&["stats", "--by", "model", "--json"]).exits(0).json();
        let groups = stats["groups"].as_array().unwrap().clone();
        let slowest = |model: &str| {
            let group = groups.iter().find(|group| group["key"][0] == model).unwrap();
            group["slowest_component"].as_str().map(str::to_string)
        };
        assert_eq!(stats["total"]["slowest_component"], "decode");
        (slowest("small"), slowest("large"), slowest("plain"))
    };
    assert_eq!(told(), (Some("queue".into()), Some("decode".into()), None));
    let table = sandbox.run(&["stats", "--by", "model"]).exits(0).stdout();
    assert!(table.lines().any(|line| line.starts_with("small\t") && line.ends_with("\tqueue")), "{table}");
    assert!(sandbox.run(&["stats", "--totals"]).exits(0).stdout().contains("slowest part of latency\tdecode"));
}

// Protects sums that are paid for: texts are counted where nothing tells a usage, and only there.
#[test]
fn texts_are_counted_where_nothing_tells_a_usage() {
    let sandbox = Sandbox::new();
    let silent = json!({ "model": "m", "conversation_id": "c1", "messages": [
        { "role": "system", "content": "antidisestablishmentarianism" },
        { "role": "user", "content": "2 + 2 = 4" },
        { "role": "assistant", "content": "tiktoken is great!" },
        { "role": "user", "content": "tiktoken is great!" },
        { "role": "assistant", "content": "2 + 2 = 4" },
    ]});
    let telling = json!({ "model": "n", "conversation_id": "c2", "messages": [{ "role": "user", "content": "some words" }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 7 } });
    let covered = json!({ "model": "n", "conversation_id": "c2", "messages": [{ "role": "user", "content": "more words" }] });
    sandbox.write("a.jsonl", format!("{silent}\n{telling}\n{covered}\n"));
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    let total = |arguments: &[&str]| sandbox.run(&[&["stats", "--json"], arguments].concat()).exits(0).json()["total"].clone();
    let plain = total(&["--totals"]);
    assert_eq!((&plain["tokens_in"], &plain["tokens_out"]), (&json!(100), &json!(7)));
    assert!(plain.get("tokens_in_counted").is_none());
    let counted = total(&["--tokenizer", "cl100k_base"]);
    // 6 + 7 + 6 + 6 of the messages but the last, which has 7.
    assert_eq!((&counted["tokens_in_counted"], &counted["tokens_out_counted"]), (&json!(25), &json!(7)));
    assert_eq!((&counted["tokens_in"], &counted["tokens_out"]), (&json!(125), &json!(14)));
    let old = total(&["--tokenizer", "p50k_base", "--model", "m"]);
    assert_eq!(old["tokens_out_counted"], json!(5));
    sandbox.run(&["stats", "--tokenizer", "other"]).exits(2);
}
