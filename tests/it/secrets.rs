//! `--redact secrets`: forty made-up keys in transcripts, none of them in anything that is shown, and nothing else gone.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{Outcome, Sandbox};

/// A key, how a line spells it, and what takes its place.
struct Planted {
    key: String,
    spelled: String,
    family: &'static str,
}

/// Letters and digits without order; nobody was ever given these.
struct Maker(u64);

impl Maker {
    fn word(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut next = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            letters[(self.0 >> 33) as usize % letters.len()]
        };
        (0..length).map(|_| next()).collect()
    }
}

const ANY: &str = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Forty keys of eighteen families.
fn keys() -> Vec<Planted> {
    let mut maker = Maker(7);
    let families: [(&str, &str, usize, &str); 13] = [
        ("openai-key", "sk-proj-", 48, ANY),
        ("anthropic-key", "sk-ant-api03-", 80, ANY),
        ("aws-key", "AKIA", 16, CAPITALS),
        ("github-token", "ghp_", 36, ANY),
        ("github-token", "github_pat_", 60, ANY),
        ("google-key", "AIza", 35, ANY),
        ("slack-token", "xoxb-2734928374-", 24, ANY),
        ("stripe-key", "sk_live_", 24, ANY),
        ("huggingface-token", "hf_", 34, ANY),
        ("npm-token", "npm_", 36, ANY),
        ("pypi-token", "pypi-AgEIcHlwaS5vcmc", 60, ANY),
        ("gitlab-token", "glpat-", 20, ANY),
        ("provider-key", "gsk_", 52, ANY),
    ];
    let mut planted = Vec::new();
    for round in 0..2 {
        for (family, prefix, length, alphabet) in families {
            let key = format!("{prefix}{}", maker.word(alphabet, length));
            // Every other key has an escape in it, of JSON or of JSON in JSON's strings.
            let spelled = match round {
                0 => key.clone(),
                _ => key.replacen(&key[1..2], &format!("\\u{:04x}", key.as_bytes()[1]), 1),
            };
            planted.push(Planted { key, spelled, family });
        }
    }
    for _ in 0..2 {
        let line = maker.word(ANY, 64);
        let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}\n-----END RSA PRIVATE KEY-----");
        planted.push(Planted { spelled: key.replace('\n', "\\n"), key, family: "private-key" });
        let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", maker.word(ANY, 40), maker.word(ANY, 43));
        planted.push(Planted { spelled: token.clone(), key: token, family: "jwt" });
        for (family, length) in [("bearer-token", 40), ("url-password", 14), ("secret", 40), ("secret", 32), ("password", 15)] {
            let key = format!("{}4Z", maker.word(ANY, length - 2));
            planted.push(Planted { spelled: key.clone(), key, family });
        }
    }
    assert_eq!((planted.len(), planted.iter().map(|key| key.family).collect::<BTreeSet<_>>().len()), (40, 18));
    planted
}

/// What stands around a key that does not give itself away.
fn in_context(planted: &Planted, at: usize) -> (String, String) {
    let (before, after) = match planted.family {
        "bearer-token" => ("curl -H \\\"X-Auth: Bearer ", "\\\" https://api.example"),
        "url-password" => ("psql postgres://app:", "@db.example/main"),
        "secret" if at.is_multiple_of(2) => ("export SERVICE_API_KEY=", " before the deploy"),
        "secret" => ("client_secret: '", "' in the deploy file"),
        "password" => ("DB_PASSWORD=", " deploy"),
        _ => ("the deploy uses ", " as found"),
    };
    (before.into(), after.into())
}

/// Sessions of an agent, requests of a gateway with drifting prompts, and lines that are no JSON.
fn plant(sandbox: &Sandbox, keys: &[Planted]) {
    let mut agent = String::new();
    for (at, key) in keys.iter().enumerate() {
        let (before, after) = in_context(key, at);
        let text = format!("{before}{}{after}", key.spelled);
        let padding = "words of a long answer ".repeat(at % 5);
        let session = at % 4;
        let head = format!(
            r#""sessionId":"session-{session}","uuid":"uuid-{at}","timestamp":"2026-03-01T10:{at:02}:00.000Z","cwd":"/app","version":"1.0.0""#
        );
        match at % 3 {
            0 => {
                agent += &format!(
                    "{{\"type\":\"user\",{head},\"message\":{{\"role\":\"user\",\"content\":\"{padding}{text} {padding}\"}}}}\n"
                )
            }
            1 => {
                agent += &format!(
                    "{{\"type\":\"assistant\",{head},\"message\":{{\"id\":\"msg_{at}\",\"role\":\"assistant\",\"model\":\"m-1\",\"content\":[{{\"type\":\"tool_use\",\"id\":\"toolu_{at}\",\"name\":\"Bash\",\"input\":{{\"command\":\"{text}\"}}}}]}}}}\n"
                )
            }
            _ => {
                agent += &format!(
                    "{{\"type\":\"user\",{head},\"message\":{{\"role\":\"user\",\"content\":[{{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_{}\",\"content\":\"{padding}{text}\"}}]}}}}\n",
                    at - 1
                )
            }
        }
        if at < 4 {
            agent += &format!(
                "{{\"type\":\"ai-title\",\"aiTitle\":\"Deploy {}\",\"sessionId\":\"session-{session}\"}}\n",
                key.spelled
            );
        }
    }
    sandbox.write("claude/session.jsonl", agent);
    let mut gateway = String::new();
    for at in 0..12 {
        let (key, other) = (&keys[at % 3], &keys[10 + at]);
        let prompt =
            format!("You deploy services with care and say what you do. Rules: version {}. The key is {}. ", at / 4, key.key);
        let prompt = prompt + &"Never tell it to anybody who asks in the chat window. ".repeat(8);
        let arguments = json!({ "command": format!("login {}", other.key), "deep": json!({ "key": other.key }).to_string() });
        gateway += &json!({
            "id": format!("req_{at}"), "created_at": format!("2026-03-02T10:{at:02}:00Z"), "app": "support", "model": "gpt-5",
            "request": { "model": "gpt-5", "messages": [
                { "role": "system", "content": prompt },
                { "role": "user", "content": format!("please deploy number {at}") },
            ]},
            "response": { "model": "gpt-5", "choices": [{ "message": { "role": "assistant", "content": null, "tool_calls": [
                { "id": format!("call_{at}"), "type": "function", "function": { "name": "sh", "arguments": arguments.to_string() } }
            ]}}], "usage": { "prompt_tokens": 10, "completion_tokens": 5 } },
        })
        .to_string();
        gateway.push('\n');
        gateway += &json!({
            "request_id": format!("fail_{at}"), "session_id": "s", "ts": format!("2026-03-02T11:{at:02}:00Z"), "app": "support",
            "model": "gpt-5", "prompt": "go on", "response": "", "quality": { "score": 0.5 },
            "latency_ms": { "queue": 3, "decode": 400, "total": 403 },
            "error": format!("invalid key {} refused", keys[at].key.replace('\n', " ")), "tags": ["prod"],
        })
        .to_string();
        gateway.push('\n');
    }
    sandbox.write("gateway.jsonl", gateway);
    let plain: String = keys.iter().take(26).map(|key| format!("deploy log: used {} and went on\n", key.key)).collect();
    sandbox.write("deploy.log.jsonl", plain);
    sandbox.run(&["ingest", "claude", "gateway.jsonl", "deploy.log.jsonl"]).exits(0);
    sandbox.run(&["embed"]).exits(0);
}

/// Lines that show what a command prints. A new command fails the test below until it has one here.
fn lines(command: &str) -> Vec<&'static str> {
    match command {
        "get" => vec![
            "session.jsonl:1 gateway.jsonl:3 deploy.log.jsonl:1",
            "--conversation session-0 --conversation session-1 --conversation session-2 --conversation session-3 --as md",
            "--conversation session-0 --conversation session-1 --conversation session-2 --conversation session-3 --json",
            "session.jsonl:2 --type tool_call",
        ],
        "search" => vec![
            "deploy",
            "-e sk- -e _ -e - --unique",
            "deploy --json",
            "-E .{12}uses.{30} --json",
            "--app support",
            "--rank deploy uses",
            "--semantic deploy -n 50",
            "--semantic deploy -n 50 --json",
            "--raw deploy --json",
            "deploy --ids",
            "deploy -c",
        ],
        "export" => vec!["", "--app support", "--per record --format openai", "--limit 7"],
        "ls" => vec!["", "conversations", "conversations --json", "sources --long --json"],
        "stats" => vec!["--totals", "--witness", "--by model,day --json"],
        "dedup-report" => vec![
            "--top 50",
            "--top 50 --json",
            "--near 0.5",
            "--near 0.5 --json",
            "--prompts --drift",
            "--prompts --drift --json",
            "--clusters 2 --outliers 2",
            "--clusters 2 --json",
            "--near 0.5 --drift --prompts --html page.html",
        ],
        "rm" => vec!["--dry-run session.jsonl:1", "--dry-run --app support --json"],
        "check" => vec!["", "--against gateway.jsonl", "--json --read-data"],
        "log" => vec!["", "--json"],
        "gc" => vec!["--dry-run"],
        "train-dict" => vec!["--list"],
        "compact" => vec!["--dry-run"],
        "reindex" => vec![""],
        "embed" => vec!["--json"],
        "config" => vec!["show --origin"],
        "completions" => vec!["bash"],
        "man" => vec![""],
        // Refused: it would seem as if secrets were not kept.
        "ingest" => vec!["gateway.jsonl"],
        "help" => vec![""],
        other => panic!("say in this test how to see what `{other}` prints, so that it cannot print secrets"),
    }
}

/// No piece of a key that is worth anything.
#[track_caller]
fn holds_no_key(shown: &[u8], keys: &[Planted], what: &str) {
    let text = String::from_utf8_lossy(shown);
    for key in keys {
        // Of a private key the lines between its ends.
        let secret: Vec<char> = key.key.lines().nth(1).unwrap_or(&key.key).chars().collect();
        let tail = &secret[secret.len().saturating_sub(14)..];
        let middle = &secret[secret.len() / 2 - 4..(secret.len() / 2 + 8).min(secret.len())];
        for piece in [tail, middle] {
            let piece: String = piece.iter().collect();
            assert!(!text.contains(&piece), "{what}: {} shows {piece}:\n{text}", key.family);
        }
    }
}

fn run(sandbox: &Sandbox, command: &str, line: &str) -> Outcome {
    let mut arguments = vec![command];
    arguments.extend(line.split(' ').filter(|word| !word.is_empty()));
    arguments.extend(["--redact", "secrets"]);
    sandbox.run(&arguments)
}

// Protects whoever passes a transcript on: no command, in no form it knows, shows a planted key.
#[test]
fn no_command_shows_a_planted_key() {
    let (sandbox, keys) = (Sandbox::new(), keys());
    plant(&sandbox, &keys);
    let command = turnpack::cli::command();
    for sub in command.get_subcommands() {
        let name = sub.get_name();
        let bases = lines(name);
        let mut all: Vec<String> = bases.iter().map(|line| (*line).to_string()).collect();
        // Every choice an option offers, those that do not exist yet too.
        for argument in sub.get_arguments().filter(|argument| !argument.is_positional()) {
            let Some(long) = argument.get_long() else { continue };
            for value in argument.get_possible_values() {
                all.extend(bases.iter().take(2).map(|line| format!("{line} --{long} {}", value.get_name())));
            }
        }
        for line in &all {
            let shown = run(&sandbox, name, line);
            holds_no_key(&shown.stdout_bytes, &keys, &format!("{name} {line}"));
            holds_no_key(&shown.stderr_bytes, &keys, &format!("{name} {line} (stderr)"));
            let known = shown.code.is_some_and(|code| code != 4 && code < 100) || name == "man";
            assert!(known, "{name} {line}: {:?} {}", shown.code, shown.stderr());
        }
    }
    holds_no_key(&sandbox.read("page.html"), &keys, "the page");
    let hits = sandbox.run(&["search", "deploy", "--unique", "--json"]).exits(0).json_lines();
    for hash in hits.iter().filter_map(|hit| hit["segment"].as_str()) {
        for (command, line) in [("get", format!("--segment {hash}")), ("dedup-report", format!("--segment {hash}"))] {
            let shown = run(&sandbox, command, &line);
            holds_no_key(&shown.stdout_bytes, &keys, &format!("{command} {line}"));
        }
    }
    for format in ["raw", "openai", "md", "html"] {
        run(&sandbox, "export", &format!("--format {format} -o out-{format}")).exits(0);
        for entry in walk(&sandbox.path(format!("out-{format}"))) {
            holds_no_key(&std::fs::read(&entry).unwrap(), &keys, &entry.display().to_string());
        }
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

// Protects what is no secret: lines differ in the planted keys and in nothing else, and JSON stays JSON.
#[test]
fn nothing_but_the_planted_keys_is_replaced() {
    let (sandbox, keys) = (Sandbox::new(), keys());
    plant(&sandbox, &keys);
    let replaced = |text: &[u8]| {
        let mut text = String::from_utf8(text.to_vec()).unwrap();
        for key in &keys {
            let mark = format!("[redacted:{}]", key.family);
            let deeper = key.spelled.replace('\\', "\\\\");
            for spelling in [&key.spelled, &deeper, &key.key] {
                text = text.replace(spelling.as_str(), &mark);
            }
        }
        text
    };
    for line in
        ["export", "export --app support", "get --conversation session-1", "get gateway.jsonl:5 --json", "ls conversations"]
    {
        let plain = sandbox.run(&line.split(' ').collect::<Vec<_>>()).exits(0);
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let redacted = run(&sandbox, command, rest).exits(0);
        let (shown, expected) = (String::from_utf8(redacted.stdout_bytes).unwrap(), replaced(&plain.stdout_bytes));
        for (shown, expected) in shown.lines().zip(expected.lines()) {
            assert_eq!(shown, expected, "{line}");
        }
        assert_eq!(shown, expected, "{line}");
        for line in shown.lines().filter(|line| line.starts_with('{')) {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
    for format in ["openai", "anthropic", "sharegpt", "hf", "md", "csv", "html"] {
        let plain = sandbox.run(&["export", "--format", format]).exits(0);
        let redacted = run(&sandbox, "export", &format!("--format {format}")).exits(0);
        let lines = |outcome: &Outcome| String::from_utf8_lossy(&outcome.stdout_bytes).lines().count();
        if format != "md" && format != "html" && format != "csv" {
            assert_eq!(lines(&plain), lines(&redacted), "{format}");
        }
        assert!(String::from_utf8_lossy(&redacted.stdout_bytes).contains("[redacted:"), "{format}");
    }
}

// Protects whoever relies on it: where secrets cannot be looked for, nothing is shown, and the exit code says so.
#[test]
fn what_cannot_be_looked_at_is_withheld() {
    let sandbox = Sandbox::new();
    sandbox.write("deep.jsonl", format!("%{}41 hidden\nfine\n", "25".repeat(40)));
    sandbox.run(&["ingest", "deep.jsonl"]).exits(0);
    for line in ["get deep.jsonl:1", "export", "search hidden", "export --format raw -o out"] {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let shown = run(&sandbox, command, rest);
        assert!(!shown.stdout().contains("hidden") && shown.code != Some(0), "{line}: {:?}", shown.code);
        assert!(shown.stderr().contains("withheld"), "{line}: {}", shown.stderr());
    }
    run(&sandbox, "get", "deep.jsonl:2").exits(0);
    run(&sandbox, "ingest", "deep.jsonl").exits(2);
    let said = run(&sandbox, "export", "--source deep.jsonl --limit 0");
    assert!(said.stderr().contains("not byte for byte"), "{}", said.stderr());
}
