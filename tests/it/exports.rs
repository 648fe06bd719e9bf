//! `export` of conversations: each form against a small log checked by eye, chains and sessions, splits.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::Sandbox;

/// What a script of `tests/consumers` prints, run by the Python that `.ci/run` prepared or by the one that is there; nothing,
/// and a line that says so, where it lacks what it needs.
#[allow(clippy::print_stderr, reason = "a skipped test must not look like one that passed")]
pub fn consumer(script: &str, files: &[PathBuf]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let prepared = root.join("target/consumers/bin/python");
    let python = if prepared.exists() { prepared } else { "python3".into() };
    let output = match Command::new(python).arg(root.join("tests/consumers").join(script)).args(files).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {script} needs python3: {error}");
            return None;
        }
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(77) {
        eprintln!("skipped: {script}: {}", told.trim());
        return None;
    }
    assert!(output.status.success(), "{script}: {told}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

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

// What a form leaves out makes no two dialogues different: they would stand in both parts of a split, word for word.
// (Seen red with dialogues compared by all that their records hold.)
#[test]
fn dialogues_are_compared_by_what_is_written_of_them() {
    let line = |n: usize| {
        let remark: String = (0..60).map(|at| format!("remark{n}x{at} ")).collect();
        let messages =
            json!([{"role": "user", "content": "Who wrote Hamlet?"}, {"role": "assistant", "content": "Shakespeare."}]);
        json!({"state": {"history": messages}, "remark": remark}).to_string() + "\n"
    };
    let sandbox = sandbox(&(0..10).map(line).collect::<String>());
    for how in ["exact", "near"] {
        let told = sandbox.run(&["export", "--format", "openai", "--dedup", how]).exits(0).stderr();
        assert!(told.contains("1 conversation, 2 messages, 1 pair (1 unique)"), "{told}");
        assert!(told.contains("9 conversations left out: an equal one was written"), "{told}");
    }
    sandbox.run(&["export", "--format", "openai", "--split", "50/50", "-o", "out"]).exits(0);
    let sizes = ["out/train.jsonl", "out/test.jsonl"].map(|name| sandbox.read(name).len());
    assert!(sizes.contains(&0), "{sizes:?}");
    assert_eq!(export(&sandbox, &["csv", "--dedup", "exact"]).lines().count(), 31);
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
    assert!(outcome.stderr().contains("nobody knows who speaks as client (1), counselor (1); say it"), "{}", outcome.stderr());
    let named = export(&sandbox, &["openai", "--role-as", "client=user", "--role-as", "counselor=assistant"]);
    assert_eq!(lines(&named)[0]["messages"][1], json!({"role": "assistant", "content": "Tell me."}));
}

/// What agents and old programs leave in logs: orphans, calls side by side, names nobody allows, arguments that are no object.
fn oddities() -> String {
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let user = json!({"role": "user", "content": "q"});
    let calls = json!({"role": "assistant", "content": "", "tool_calls": [call("a", "x.y z", "ls"), call("a", "f", "{}"), call("c", "f", "[1]")]});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": null});
    let end = json!({"role": "assistant", "content": "e\u{0}\u{2028}"});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    [
        json!({"messages": [user, calls, result("a"), result("c"), result("zz"), end, user]}),
        json!({"messages": [user, calls, user, result("c"), end, end, calls], "tools": [tool("x.y z"), tool("f"), tool("f")]}),
        json!({"messages": [{"role": "assistant", "content": "first"}, user, end, {"role": "system", "content": "late"}, user, end]}),
        json!({"messages": [user, {"role": "assistant", "tool_calls": [call("resp:0.1", "f", "{}"), call(&"x".repeat(60), "f", "{}")]},
            result("resp:0.1"), result(&"x".repeat(60)), end]}),
        json!({"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parameters":
                {"type": "OBJECT", "properties": {"c": {"type": "STRING", "description": "\"type\":\"STRING\""}}}}]}]}),
        json!({"messages": [user, {"role": "assistant", "function_call": {"name": "f", "arguments": "{\"a\":1}"}},
            {"role": "function", "name": "f", "content": "1"}, end]}),
    ]
    .iter()
    .map(|line| line.to_string() + "\n")
    .collect()
}

// One line out of order and the provider refuses the whole file: a script that knows its rules, and not this program, judges.
#[test]
fn openai_takes_the_file() {
    let sandbox = sandbox(&(requests() + &oddities()));
    sandbox.run(&["export", "--format", "openai", "-o", "out"]).exits(0);
    let Some(said) = consumer("openai_finetuning.py", &[sandbox.path("out/all.jsonl")]) else { return };
    assert_eq!(said, "8 examples\n");
    // The script itself must see what is wrong.
    let text = String::from_utf8(sandbox.read("out/all.jsonl")).unwrap();
    for (right, wrong) in
        [("\"tool_call_id\":\"c1\"", "\"tool_call_id\":\"c9\""), ("{\\\"city\\\":", "{city:"), ("\"weather\"", "\"wea ther\"")]
    {
        assert!(text.contains(right), "{text}");
        let broken = sandbox.write("broken.jsonl", text.replace(right, wrong));
        assert!(std::panic::catch_unwind(|| consumer("openai_finetuning.py", &[broken])).is_err(), "{wrong}");
    }
}

// The Messages API refuses a request for one block out of order, an id of other characters, or a schema in another provider's words.
#[test]
fn anthropic_takes_the_file() {
    let sandbox = sandbox(&(requests() + &oddities()));
    sandbox.run(&["export", "--format", "anthropic", "-o", "out"]).exits(0);
    let Some(said) = consumer("anthropic_messages.py", &[sandbox.path("out/all.jsonl")]) else { return };
    assert_eq!(said, "8 examples\n");
    let text = String::from_utf8(sandbox.read("out/all.jsonl")).unwrap();
    for (right, wrong) in [
        ("\"tool_use_id\":\"c1\"", "\"tool_use_id\":\"c9\""),
        ("\"id\":\"c1\"", "\"id\":\"c:1\""),
        ("{\"type\":\"object\"", "{\"type\":\"OBJECT\""),
    ] {
        assert!(text.contains(right), "{text}");
        let broken = sandbox.write("broken.jsonl", text.replace(right, wrong));
        assert!(std::panic::catch_unwind(|| consumer("anthropic_messages.py", &[broken])).is_err(), "{wrong}");
    }
}

// Two ways to ask the same, and the same test set twice over in other words of a program: what is near goes, and is counted.
#[test]
fn near_duplicates_and_what_a_test_set_holds_are_left_out_and_counted() {
    let talk = |words: &str, answer: &str| {
        json!({"messages": [{"role": "user", "content": words}, {"role": "assistant", "content": answer}]}).to_string() + "\n"
    };
    let long = |name: &str| (0..40).map(|at| format!("{name}{at} ")).collect::<String>();
    let content = talk(&long("a"), "yes")
        + &talk(&long("a"), "yes")
        + &talk(&long("a"), "no")
        + &talk(&long("b"), "yes")
        + &talk("Who wrote Hamlet?", "Shakespeare did that.")
        + &talk("Who wrote Faust?", "Goethe.");
    let sandbox = sandbox(&content);
    let told = |arguments: &[&str]| {
        let all = [&["export", "--format", "hf", "--json", "-o", arguments[0]], &arguments[1..]].concat();
        sandbox.run(&all).exits(0).json()
    };
    let near = told(&["n", "--dedup", "near"]);
    assert_eq!((&near["dialogues"], &near["repeated"], &near["near"]), (&json!(4), &json!(1), &json!(1)));
    assert_eq!(lines(&String::from_utf8(sandbox.read("n/all.jsonl")).unwrap()).len(), 4);
    let first = told(&["l", "--dedup", "near", "--limit", "2"]);
    assert_eq!((&first["dialogues"], &first["near"]), (&json!(2), &json!(1)));
    sandbox.write(
        "test.jsonl",
        format!("{}{}", json!({"question": long("b")}), "\n{\"question\": \"who wrote HAMLET\", \"answer\": \"Yes\"}\n"),
    );
    let clean = told(&["c", "--decontaminate", "test.jsonl"]);
    assert_eq!(clean["dialogues"], 4, "{clean}");
    let overlapping = &clean["overlapping"];
    let counts = ["by_words", "by_short_texts", "texts", "texts_too_short"].map(|name| overlapping[name].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 2, 1]);
    assert_eq!(overlapping["examples"][1]["text"], 2);
    assert!(overlapping["examples"][0]["place"].as_str().unwrap().ends_with("gw.jsonl:4"), "{overlapping}");
    let said = sandbox.run(&["export", "--format", "hf", "--decontaminate", "test.jsonl"]).exits(0).stderr();
    assert!(said.contains("2 conversations left out for an overlap with one of 2 texts: 1 by words in a row, 1 by"), "{said}");
    assert_eq!(overlapping["frequent"], json!([]));
    // Words that many conversations hold may be boilerplate: they are told with what they cost.
    let footer = "this answer was made by a machine and may be wrong so please check what matters";
    let many = |name: &str| talk(&long(name), &format!("{} {footer}", long(&format!("x{name}"))));
    sandbox.write("more.jsonl", (0..7).map(|at| many(&format!("m{at}w"))).collect::<String>());
    sandbox.run(&["ingest", "more.jsonl"]).exits(0);
    sandbox.write("footer.txt", footer);
    let boiler = told(&["b", "--decontaminate", "footer.txt"]);
    let words = "this answer was made by a machine and may be wrong so please";
    assert_eq!(boiler["overlapping"]["frequent"], json!([{"words": words, "dialogues": 7}]));
    let said = sandbox.run(&["export", "--format", "hf", "--decontaminate", "footer.txt"]).exits(0).stderr();
    assert!(said.contains("7 conversations for the same words: “this answer"), "{said}");
    sandbox.write("none.txt", "yes\n\nno\n");
    sandbox.run(&["export", "--format", "hf", "--decontaminate", "none.txt"]).exits(2);
    sandbox.run(&["export", "--format", "hf", "--decontaminate-words", "8"]).exits(2);
    sandbox.run(&["export", "--decontaminate", "test.jsonl"]).exits(2);
}

/// A transcript opens from a file in a real browser: every turn is there in order, calls are folded, it asks for nothing, it can be
/// read in light and dark and in a narrow window, and it runs nothing that was said.
#[test]
fn a_transcript_is_shown_by_a_browser() {
    let hostile = "<script>document.title='broken'</script><img src=http://a.example/x onerror=alert(1)>";
    let long = "a_word_without_an_end_".repeat(40);
    let talk = |words: &str| {
        json!({"messages": [{"role": "user", "content": words}, {"role": "assistant", "content": words}]}).to_string() + "\n"
    };
    let sandbox = sandbox(&(requests() + &talk(hostile) + &talk(&long)));
    sandbox.run(&["export", "--format", "html", "-o", "out"]).exits(0);
    let Some(mut browser) = Browser::start(&sandbox.path("")) else { return };
    browser.open(&sandbox.path("out/all.html"));
    browser.assert_quiet();
    browser.assert_readable();
    assert_eq!(browser.evaluate("document.title"), "Conversations");
    let spoken = "[...document.querySelectorAll('article:first-of-type section')].map(section => section.className)";
    assert_eq!(browser.evaluate(spoken), json!(["system", "user", "assistant", "tool", "assistant"]));
    assert_eq!(browser.evaluate("[...document.querySelectorAll('details')].every(details => !details.open)"), true);
    let shown = browser.evaluate("document.body.innerText");
    assert!(shown.as_str().unwrap().contains(hostile), "{shown}");
    assert_eq!(browser.evaluate("document.querySelectorAll('script, img').length"), 0);
}
