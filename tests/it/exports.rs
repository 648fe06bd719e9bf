//! `export` of conversations: each form against a small log checked by eye, chains and sessions, splits.

use serde_json::{Value, json};

use crate::harness::Sandbox;

/// Three requests of one session: a call, the same with its result and an answer, and a fork of the first.
fn requests() -> String {
    let system = json!({"role": "system", "content": "Be kind."});
    let question = json!({"role": "user", "content": "Weather in Oslo?"});
    let function = json!({"name": "weather", "arguments": "{\"city\": \"Oslo\"}"});
    let call =
        json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": function}]});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "=rain <b>"});
    let says = |text: &str| json!({"role": "assistant", "content": text});
    [
        ("r1", vec![&system, &question], call.clone()),
        ("r2", vec![&system, &question, &call, &result], says("Rain.")),
        ("r3", vec![&system, &question], says("No idea.")),
    ]
    .iter()
    .map(|(id, messages, answer)| {
        let tool = json!({"name": "weather", "description": "Looks out.", "parameters": {"type": "object"}});
        let request = json!({"model": "m-1", "messages": messages, "tools": [{"type": "function", "function": tool}]});
        let response = json!({"object": "chat.completion", "model": "m-1", "choices": [{"index": 0, "message": answer}]});
        json!({"id": id, "session_id": "s1", "request": request, "response": response}).to_string() + "\n"
    })
    .collect()
}

fn sandbox(content: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("gw.jsonl", content);
    sandbox.run(&["ingest", "gw.jsonl"]).exits(0);
    sandbox
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn export(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = ["export", "--format"].iter().chain(arguments).copied().collect();
    sandbox.run(&arguments).exits(0).stdout()
}

// A file for fine-tuning with a call out of place is refused as a whole.
#[test]
fn openai_has_tools_calls_and_results_where_they_belong() {
    let found = lines(&export(&sandbox(&requests()), &["openai"]));
    let messages = json!([
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "=rain <b>"},
        {"role": "assistant", "content": "Rain."}
    ]);
    let function = json!({"name": "weather", "description": "Looks out.", "parameters": {"type": "object"}});
    assert_eq!(found[0], json!({"messages": messages, "tools": [{"type": "function", "function": function}]}));
    assert_eq!(found[1]["messages"][2], json!({"role": "assistant", "content": "No idea."}));
    assert_eq!(found.len(), 2);
}

// The Messages API takes user and assistant in turn, results first in the user's message.
#[test]
fn anthropic_has_blocks_and_the_system_prompt_apart() {
    let found = lines(&export(&sandbox(&requests()), &["anthropic"]));
    assert_eq!(found[0]["system"], "Be kind.");
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "Weather in Oslo?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "=rain <b>"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Rain."}]}
    ]);
    assert_eq!(found[0]["messages"], messages);
    assert_eq!(found[0]["tools"], json!([{"name": "weather", "description": "Looks out.", "input_schema": {"type": "object"}}]));
}

#[test]
fn sharegpt_and_hf_keep_calls_and_results() {
    let sandbox = sandbox(&requests());
    let share = lines(&export(&sandbox, &["sharegpt"]));
    let from: Vec<&str> =
        share[0]["conversations"].as_array().unwrap().iter().map(|turn| turn["from"].as_str().unwrap()).collect();
    assert_eq!(from, ["system", "human", "function_call", "observation", "gpt"]);
    let call: Value = serde_json::from_str(share[0]["conversations"][2]["value"].as_str().unwrap()).unwrap();
    assert_eq!(call, json!({"name": "weather", "arguments": {"city": "Oslo"}}));
    let hf = lines(&export(&sandbox, &["hf"]));
    // Chat templates want arguments as an object.
    assert_eq!(hf[0]["messages"][2]["tool_calls"][0]["function"]["arguments"], json!({"city": "Oslo"}));
    assert_eq!((&hf[0]["id"], &hf[0]["messages"][3]["name"]), (&json!("s1"), &json!("weather")));
}

#[test]
fn transcripts_and_the_table_are_safe_to_open() {
    let sandbox = sandbox(&requests());
    let md = export(&sandbox, &["md"]);
    assert!(md.starts_with("# s1\n") && md.contains("## Tool\n\nResult\n\n```\n=rain <b>\n```\n"), "{md}");
    let html = export(&sandbox, &["html"]);
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n") && html.contains("=rain &lt;b&gt;"), "{html}");
    let csv = export(&sandbox, &["csv"]);
    assert_eq!(csv.lines().count(), 9);
    assert!(csv.contains(",tool,tool,tool_result,,c1,\"'=rain <b>\"\n"), "{csv}");
    let csv = export(&sandbox, &["csv", "--include", "user_turn", "--limit", "1"]);
    assert_eq!(csv.lines().count(), 2);
}

// Fifty requests of a session are one conversation; told apart only when asked for.
#[test]
fn the_longest_of_each_chain_is_written_and_forks_are_kept() {
    let without_session = requests().replace(r#""session_id":"s1","#, "");
    for content in [requests(), without_session] {
        let sandbox = sandbox(&content);
        let outcome = sandbox.run(&["export", "--format", "hf"]).exits(0);
        assert_eq!(outcome.stdout().lines().count(), 2);
        assert!(outcome.stderr().contains("1 request left out: a longer one resends all of it"), "{}", outcome.stderr());
        assert!(outcome.stderr().contains("2 pairs (2 unique)"), "{}", outcome.stderr());
        assert_eq!(export(&sandbox, &["hf", "--per", "record"]).lines().count(), 3);
    }
}

// An agent's session is a line for each event: one passing record brings all of it, sub-agents apart.
#[test]
fn a_session_is_one_conversation_and_comes_whole() {
    let event = |n: u32, role: &str, side: bool, content: &str| {
        let model = if role == "assistant" { r#""model":"m-2","# } else { "" };
        format!(
            r#"{{"type":"{role}","sessionId":"s7","uuid":"u{n}","isSidechain":{side},"message":{{"role":"{role}",{model}"content":{content}}}}}"#
        ) + "\n"
    };
    let content = event(1, "user", false, r#""fix it""#)
        + &event(2, "assistant", false, r#"[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}]"#)
        + &event(3, "user", true, r#""look""#)
        + &event(4, "assistant", true, r#"[{"type":"text","text":"seen"}]"#)
        + &event(5, "user", false, r#"[{"type":"tool_result","tool_use_id":"t1","content":"a.txt"}]"#)
        + &event(6, "assistant", false, r#"[{"type":"text","text":"done"}]"#);
    let found = lines(&export(&sandbox(&content), &["hf", "--model", "m-2"]));
    let roles = |line: &Value| -> Vec<String> {
        line["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&found[0]), ["user", "assistant", "tool", "assistant"]);
    assert_eq!(roles(&found[1]), ["user", "assistant"]);
    assert_eq!((found.len(), &found[1]["id"]), (2, &json!("s7/sidechain")));
}

// Training on what is judged with: near duplicates are in one part, and the same vault gives the same files.
#[test]
fn a_split_is_the_same_each_time_and_leaks_nothing() {
    let talk = |n: usize, last: &str| {
        let words: String = (0..40).map(|at| format!("word{n}x{at} ")).collect();
        json!({"messages": [{"role": "user", "content": words}, {"role": "assistant", "content": last}]}).to_string() + "\n"
    };
    let content: String = (0..20).map(|n| talk(n, "yes") + &talk(n, "yes") + &talk(n, "no")).collect();
    let sandbox = sandbox(&content);
    for dir in ["a", "b"] {
        let shares = ["export", "--format", "hf", "--dedup", "exact", "--split", "80/20", "-o", dir];
        let outcome = sandbox.run(&shares).exits(0);
        assert!(outcome.stderr().contains("20 conversations left out: an equal one was written"), "{}", outcome.stderr());
    }
    let part = |name: &str| String::from_utf8(sandbox.read(name)).unwrap();
    assert_eq!((part("a/train.jsonl"), part("a/test.jsonl")), (part("b/train.jsonl"), part("b/test.jsonl")));
    let questions = |name: &str| -> Vec<String> {
        lines(&part(name)).iter().map(|line| line["messages"][0]["content"].as_str().unwrap().to_owned()).collect()
    };
    let (train, test) = (questions("a/train.jsonl"), questions("a/test.jsonl"));
    assert_eq!((train.len(), test.len()), (32, 8));
    assert!(test.iter().all(|question| !train.contains(question)));
    // What is there is not written over.
    let again = ["export", "--format", "hf", "--split", "80/20", "-o", "a"];
    assert!(sandbox.run(&again).exits(2).stderr().contains("is there already"));
}

#[test]
fn what_is_for_conversations_is_a_usage_error_with_lines() {
    let sandbox = sandbox(&requests());
    for option in [["--split", "90/10"], ["--per", "record"], ["--dedup", "exact"], ["--include", "user_turn"]] {
        let outcome = sandbox.run(&[&["export"], &option[..]].concat()).exits(2);
        assert!(outcome.stderr().contains(option[0]), "{}", outcome.stderr());
    }
    sandbox.run(&["export", "--format", "hf", "--split", "90/10"]).exits(2);
    sandbox.run(&["export", "--format", "hf", "--include", "nonsense"]).exits(2);
    sandbox.run(&["export", "--format", "hf", "--model", "no-such"]).exits(1);
}

// Nobody guesses who speaks; what that costs is told, and can be mended.
#[test]
fn unknown_roles_are_told_and_can_be_named() {
    let content = r#"{"messages":[{"role":"client","content":"I am sad."},{"role":"counselor","content":"Tell me."}]}"#;
    let sandbox = sandbox(content);
    let outcome = sandbox.run(&["export", "--format", "openai"]).exits(1);
    assert!(outcome.stderr().contains("texts of unknown roles: 2"), "{}", outcome.stderr());
    let named = export(&sandbox, &["openai", "--role-as", "client=user", "--role-as", "counselor=assistant"]);
    assert_eq!(lines(&named)[0]["messages"][1], json!({"role": "assistant", "content": "Tell me."}));
}
