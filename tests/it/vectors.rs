//! `embed` and `search --semantic`: found by what it says, kept in step with the records, gone with them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::{Value, json};
use turnpack::checksum::content_hash;

use crate::harness::Sandbox;

/// What users and assistants said; the first is asked for in other words below.
const SAID: [(&str, &str); 8] = [
    ("user", "please refund my last payment, I was charged twice"),
    ("assistant", "The connection to the database was reset by the peer."),
    ("user", "how do I reset my password?"),
    ("user", "write a poem about spring flowers"),
    ("assistant", "Spring has come, the flowers bloom, and bees are humming through the room."),
    ("tool", "error: could not compile crate, 3 previous errors"),
    ("user", "which trains run from Berlin to Munich on Sunday morning?"),
    ("assistant", "The quarterly revenue grew by seven percent over the year before."),
];

fn line(n: usize) -> String {
    let (role, text) = SAID[n % SAID.len()];
    json!({"id": format!("req_{n:04}"), "model": if n.is_multiple_of(2) { "even" } else { "odd" }, "messages": [{"role": role, "content": text}]}).to_string() + "\n"
}

fn vault() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", (0..8).map(line).collect::<String>());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox
}

fn embed(sandbox: &Sandbox, more: &[&str]) -> Value {
    sandbox.run(&[&["embed", "--json"], more].concat()).exits(0).json()
}

/// The texts found, the best first.
fn found(sandbox: &Sandbox, more: &[&str]) -> Vec<String> {
    let outcome = sandbox.run(&[&["search", "--json"], more].concat());
    let text = |hit: &Value| {
        let part = |name: &str| hit["matches"][0][name].as_str().unwrap_or_default().to_string();
        part("before") + &part("matched") + &part("after")
    };
    outcome.json_lines().iter().map(text).collect()
}

fn parts(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sandbox.vault().join("parts")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "vec"));
    files.sort();
    files
}

/// True when a file of the vault holds the bytes by which vectors name a text.
fn knows(sandbox: &Sandbox, text: &str) -> bool {
    let hash = (content_hash(text.as_bytes()) as u64).to_le_bytes();
    parts(sandbox).iter().any(|path| std::fs::read(path).unwrap().windows(8).any(|window| window == hash))
}

// The purpose: other words for the same, on a machine with nothing on it.
#[test]
fn what_was_said_is_found_in_other_words() {
    let sandbox = vault();
    let report = embed(&sandbox, &[]);
    assert_eq!((&report["texts"], &report["pending"], &report["dimension"]), (&json!(8), &json!(0), &json!(512)));
    let hits = found(&sandbox, &["--semantic", "customer wants money back"]);
    assert!(hits[0].contains("refund my last payment"), "{hits:?}");
    let hits = found(&sandbox, &["--semantic", "login credentials forgotten", "--no-lexical", "-n", "1"]);
    assert!(hits.len() == 1 && hits[0].contains("reset my password"), "{hits:?}");
    // Texts of a type, records of a filter, and the same with every vector compared.
    for (filter, count) in [(["--type", "user_turn"], 4), (["--model", "odd"], 4), (["--source", "a.jsonl"], 8)] {
        let ask = ["--semantic", "spring flowers", "--no-lexical", filter[0], filter[1]];
        let hits = found(&sandbox, &ask);
        assert_eq!((hits.len(), &hits), (count, &found(&sandbox, &[&ask[..], &["--exact"]].concat())), "{filter:?}");
    }
    sandbox.run(&["search", "--semantic", "flowers", "--min-score", "1.5"]).exits(1);
    sandbox.write("queries", "money back\n\nflowers\n");
    let lines = sandbox.run(&["search", "--json", "--semantic", "--queries-from", "queries", "-n", "2"]).exits(0).json_lines();
    let queries: Vec<&str> = lines.iter().map(|line| line["query"].as_str().unwrap()).collect();
    assert_eq!(queries, ["money back", "money back", "flowers", "flowers"]);
}

#[test]
fn a_record_finds_those_like_it() {
    let sandbox = vault();
    sandbox.write(
        "b.jsonl",
        json!({"id": "req_b", "messages": [{"role": "user", "content": "refund me, the payment was charged two times"}]})
            .to_string(),
    );
    sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    embed(&sandbox, &[]);
    let hits = found(&sandbox, &["--like", "req_b"]);
    assert!(hits[0].contains("charged twice") && !hits.iter().any(|hit| hit.contains("two times")), "{hits:?}");
    sandbox.run(&["search", "--like", "req_none"]).exits(1);
}

// A text is embedded once: what comes again only adds records.
#[test]
fn only_what_is_new_is_embedded() {
    let sandbox = vault();
    assert_eq!(embed(&sandbox, &["--dry-run"])["pending"], 8);
    assert!(parts(&sandbox).is_empty());
    embed(&sandbox, &[]);
    let more = line(8) + &json!({"messages": [{"role": "user", "content": "a wholly new question"}]}).to_string() + "\n";
    sandbox.write("b.jsonl", &more);
    sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    let warned = sandbox.run(&["search", "--semantic", "refund"]).exits(0);
    assert!(warned.stderr().contains("2 records have no vectors yet"), "{}", warned.stderr());
    let report = embed(&sandbox, &[]);
    assert_eq!((&report["records"], &report["texts"], &report["total_texts"]), (&json!(2), &json!(1), &json!(9)));
    assert_eq!(embed(&sandbox, &[])["records"], 0);
    assert_eq!(embed(&sandbox, &["--all"])["texts"], 9);
    // The new record holds the old text as well, and is the newer one.
    let hit = sandbox.run(&["search", "--json", "--semantic", "please refund my last payment", "-n", "1"]).exits(0);
    assert!(hit.json_lines()[0]["source"].as_str().unwrap().ends_with("b.jsonl"), "{}", hit.stdout());
    let stats = sandbox.run(&["stats", "--json"]).exits(0).json();
    assert_eq!(
        (&stats["stored"]["vectors"][0]["model"], &stats["stored"]["vectors"][0]["vectors"]),
        (&json!("builtin-1"), &json!(9))
    );
}

// Who interrupts an embedding loses little: the next run goes on.
#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    use turnpack::interrupt::Interrupt;
    use turnpack::progress::Progress;
    use turnpack::vault::Vault;
    use turnpack::vault::api::{EmbedOptions, OpenOptions};
    struct Impatient(Interrupt);
    impl Progress for Impatient {
        fn advance(&self, _: u64) {
            self.0.raise(2);
        }
    }
    let sandbox = Sandbox::new();
    sandbox
        .write("a.jsonl", (0..5000).map(|n| json!({"text": format!("text number {n}")}).to_string() + "\n").collect::<String>());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    let vault = Vault::open(&sandbox.vault(), &OpenOptions::default()).unwrap();
    let interrupt = Interrupt::default();
    let report = vault.embed(&EmbedOptions::default(), &Impatient(interrupt.clone()), &interrupt).unwrap();
    assert!(report.records > 0 && report.pending > 0 && report.records + report.pending == 5000, "{report:?}");
    let rest = embed(&sandbox, &[]);
    assert_eq!((rest["records"].as_u64(), rest["total_texts"].as_u64()), (Some(report.pending), Some(5000)));
    assert_eq!(parts(&sandbox).len(), 1, "small parts are merged");
}

// A model that fails half-way must not cost the vectors there were.
#[test]
fn vectors_stay_until_others_are_made() {
    let sandbox = vault();
    embed(&sandbox, &["--command", "sed 's/.*/[1,2]/'", "--model", "m"]);
    sandbox.run(&["embed", "--all", "--command", "exit 3", "--model", "m"]).exits(2);
    assert_eq!(embed(&sandbox, &["--dry-run", "--command", "false", "--model", "m"])["pending"], 0);
    assert_eq!(embed(&sandbox, &["--all", "--command", "sed 's/.*/[3,2,1]/'", "--model", "m"])["dimension"], 3);
    assert_eq!(parts(&sandbox).len(), 1);
}

// Other types are read for, known texts not embedded again, and then all is done.
#[test]
fn types_that_come_later_are_added() {
    let sandbox = vault();
    assert_eq!(embed(&sandbox, &["--types", "user_turn"])["texts"], 4);
    let report = embed(&sandbox, &[]);
    assert_eq!((&report["records"], &report["texts"], &report["total_texts"]), (&json!(8), &json!(4), &json!(8)));
    assert_eq!(embed(&sandbox, &["--dry-run"])["pending"], 0);
    assert_eq!(embed(&sandbox, &["--dry-run", "--types", "user_turn"])["pending"], 0);
    sandbox.run(&["embed", "--types", "media"]).exits(2);
    sandbox.run(&["embed", "--types", "nonsense"]).exits(2);
}

// The bytes of a vault follow from what is in it.
#[test]
fn threads_do_not_change_vectors_or_graphs() {
    let bytes = |threads: &str| {
        let sandbox = Sandbox::new();
        let text = |n: usize| json!({"text": format!("request {n} about {} and {}", SAID[n % 8].1, n * 7919 % 1000)}).to_string();
        sandbox.write("a.jsonl", (0..600).map(|n| text(n) + "\n").collect::<String>());
        sandbox.run(&["ingest", "a.jsonl"]).exits(0);
        sandbox.run(&["embed", "--threads", threads, "--graph-from", "1", "--links", "8"]).exits(0);
        let [part] = &parts(&sandbox)[..] else { panic!("one part") };
        // The vault's id is random and so is the checksum of the header.
        let stats = sandbox.run(&["stats", "--json"]).exits(0).json();
        assert_eq!(stats["stored"]["vectors"][0]["layers"][0], 600);
        let hits = found(&sandbox, &["--semantic", "spring flowers 77", "--no-lexical"]);
        assert_eq!(hits, found(&sandbox, &["--semantic", "spring flowers 77", "--no-lexical", "--exact"]));
        std::fs::read(part).unwrap().split_off(448)
    };
    assert!(bytes("1") == bytes("4"));
}

// What was removed for good must not live on as a point in space.
#[test]
fn vectors_go_with_their_records() {
    let canary = SAID[0].1;
    for purge in [true, false] {
        let sandbox = vault();
        embed(&sandbox, &[]);
        let dear = std::fs::read(&parts(&sandbox)[0]).unwrap().len();
        assert!(knows(&sandbox, canary) && knows(&sandbox, SAID[2].1));
        if purge {
            let receipt = sandbox.run(&["rm", "req_0000", "--purge", "--yes", "--json"]).exits(0).json();
            assert!(receipt["receipt"]["rewritten"].to_string().contains(".vec"), "{receipt}");
        } else {
            sandbox.run(&["rm", "req_0000", "--yes"]).exits(0);
            let hits = found(&sandbox, &["--semantic", canary]);
            assert!(hits.len() == 7 && !hits[0].contains("refund"), "hidden at once: {hits:?}");
            sandbox.run(&["gc", "--grace", "0"]).exits(0);
        }
        sandbox.run(&["compact"]).exits(0);
        assert!(!knows(&sandbox, canary) && knows(&sandbox, SAID[2].1));
        assert!(std::fs::read(&parts(&sandbox)[0]).unwrap().len() < dear);
        assert_eq!(embed(&sandbox, &[])["records"], 0, "nothing else has to be embedded again");
        assert_eq!(found(&sandbox, &["--semantic", "reset password", "-n", "1"]).len(), 1);
    }
}

#[test]
fn damaged_vectors_are_gone_without_and_made_anew() {
    let sandbox = vault();
    embed(&sandbox, &[]);
    let good = std::fs::read(&parts(&sandbox)[0]).unwrap();
    for (name, bad) in [
        ("cut", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("flipped", {
            let mut bad = good.clone();
            let middle = bad.len() / 2;
            bad[middle] ^= 1;
            bad
        }),
    ] {
        std::fs::write(&parts(&sandbox)[0], bad).unwrap();
        let searched = sandbox.run(&["search", "--semantic", "refund"]);
        assert!(searched.code == Some(2) && searched.stderr().contains("turnpack embed"), "{name}: {}", searched.stderr());
        sandbox.run(&["stats"]).exits(0);
        assert!(sandbox.run(&["check"]).exits(0).stdout().contains(".vec"), "{name}");
        assert_eq!(embed(&sandbox, &[])["texts"], 8, "{name}");
        assert!(found(&sandbox, &["--semantic", "money back please"])[0].contains("refund"), "{name}");
    }
    sandbox.run(&["reindex"]).exits(0);
    assert_eq!(embed(&sandbox, &["--dry-run"])["pending"], 0, "vectors outlive what else is derived");
}

#[test]
fn a_command_embeds_and_what_cannot_be_used_is_named() {
    let sandbox = vault();
    // Length and number of words; nothing for poems, and what Python's json writes for no number for trains.
    let command = r#"awk '{ if (/poem/) print "[0,0]"; else if (/trains/) print "[NaN,1]"; else print "{\"embedding\":[" length($0) "," NF "]}" }'"#;
    let outcome = sandbox.run(&["embed", "--command", command, "--model", "lengths"]).exits(0);
    for (at, reason) in [(3, "zero"), (6, "no finite number")] {
        let refused = format!("{:016x}", content_hash(SAID[at].1.as_bytes()) as u64);
        let is_told = |line: &str| line.contains(&refused) && line.contains(reason);
        assert!(outcome.stderr().lines().any(is_told), "{}", outcome.stderr());
    }
    let ask = ["search", "--semantic", "how do I find my password?", "--no-lexical", "--embedder", "lengths", "-n", "1"];
    sandbox.run(&ask).exits(2);
    sandbox.run(&[&ask[..], &["--command", command]].concat()).exits(0);
    sandbox.run(&["search", "--like", "req_0002", "--embedder", "lengths"]).exits(0);
    let other = sandbox.run(&["embed", "--all", "--command", "cat", "--model", "other"]).exits(2);
    assert!(other.stderr().contains("line 1 of its output"), "{}", other.stderr());
    // Another dimension under the same name is refused, and says what to do.
    sandbox.write("b.jsonl", "{\"text\":\"one more\"}\n");
    sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    let wrong = sandbox.run(&["embed", "--command", "sed 's/.*/[1,2,3]/'", "--model", "lengths"]).exits(2);
    assert!(wrong.stderr().contains("have 2") && wrong.stderr().contains("--all"), "{}", wrong.stderr());
    // Several models live side by side.
    embed(&sandbox, &[]);
    let stats = sandbox.run(&["stats", "--json"]).exits(0).json();
    assert_eq!(stats["stored"]["vectors"].as_array().map(Vec::len), Some(2));
    assert!(found(&sandbox, &["--semantic", "money back"])[0].contains("refund"));
}

// Logs of some routers carry the vector of each query: it is there to be used.
#[test]
fn vectors_that_records_carry_are_taken_and_bad_ones_named() {
    let sandbox = Sandbox::new();
    let witness = |n: usize, query: &str, vector: Value| {
        json!({"request_id": format!("w-{n}"), "session_id": "s", "ts": "2026-08-01T00:00:00Z", "query": query, "query_embedding": vector,
            "model": "m", "response": "Done.", "latency_ms": {"total": 9}, "tokens": {"prompt": 1, "completion": 1}})
        .to_string()
            + "\n"
    };
    let lines = [
        witness(1, "Where is my card?", json!([0.9, 0.1, 0.0])),
        witness(2, "The card has not come yet", json!([0.8, 0.2, 0.0])),
        witness(3, "Open an account for my son", json!([0.0, 0.1, 0.9])),
        witness(4, "nothing", json!([0.0, 0.0, 0.0])),
        witness(5, "short", json!([1.0, 2.0])),
    ];
    sandbox.write("a.jsonl", lines.concat());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    let report = embed(&sandbox, &["--from-log", "query_embedding"]);
    assert_eq!(
        (&report["vectors"], &report["dimension"], &report["refused_count"]),
        (&json!(3), &json!(3), &json!(2)),
        "{report}"
    );
    let hits = found(&sandbox, &["--like", "w-1", "--embedder", "log:query_embedding"]);
    assert!(hits.len() == 2 && hits[0].contains("has not come"), "{hits:?}");
    sandbox.run(&["search", "--semantic", "card", "--embedder", "log:query_embedding"]).exits(2);
    assert_eq!(embed(&sandbox, &["--from-log", "query_embedding"])["records"], 0);
}

/// A vault of three questions whose log carries vectors: the second points where the first does, the third lies beside it.
fn carried() -> Sandbox {
    let sandbox = Sandbox::new();
    let line = |n: usize, said: &str, vector: [f32; 2]| {
        json!({"request_id": format!("w-{n}"), "ts": "2026-08-01T00:00:00Z", "query": said, "query_embedding": vector, "model": "m",
            "response": "Done.", "latency_ms": {"total": 9}, "tokens": {"prompt": 1, "completion": 1}})
        .to_string()
            + "\n"
    };
    let lines = [
        line(1, "the question", [2.0, 0.0]),
        line(2, "same direction", [40.0, 1.0]),
        line(3, "a near point", [2.0, 1.0]),
        line(4, "much longer", [60.0, 60.0]),
    ];
    sandbox.write("a.jsonl", lines.concat());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox
}

// The metric a model was trained for decides what is near; a part must remember it, for whoever asks and whoever merges.
#[test]
fn vectors_from_the_log_are_compared_as_asked() {
    let like = ["--like", "w-1", "--embedder", "log:query_embedding"];
    for (metric, order, similarity) in [
        ("cosine", ["same direction", "a near point", "much longer"], 0.9997),
        ("dot", ["much longer", "same direction", "a near point"], 120.0),
        ("l2", ["a near point", "same direction", "much longer"], 0.5),
    ] {
        for kept in ["int8", "none"] {
            let sandbox = carried();
            let report =
                embed(&sandbox, &["--from-log", "query_embedding", "--metric", metric, "--quantize", kept, "--graph-from", "1"]);
            assert_eq!((&report["metric"], &report["quantize"]), (&json!(metric), &json!(kept)));
            let hits = found(&sandbox, &like);
            assert!(hits.len() == 3 && hits.iter().zip(order).all(|(hit, said)| hit.contains(said)), "{metric} {kept}: {hits:?}");
            let nearest = &sandbox.run(&[&["search", "--json", "-n", "1"], &like[..]].concat()).exits(0).json_lines()[0];
            let found = nearest["similarity"].as_f64().unwrap();
            let most = if kept == "none" { 1e-4 } else { 0.02 };
            assert!((found / similarity - 1.0).abs() < most, "{metric} {kept}: {found}");
            // Removal writes the part anew; later records join it in the form it has.
            sandbox.run(&["rm", "w-4", "--purge", "--yes"]).exits(0);
            sandbox.write("b.jsonl", json!({"request_id": "w-5", "ts": "2026-08-01T00:00:00Z", "query": "the very same", "query_embedding": [2.0, 0.0],
                "model": "m", "response": "Done.", "latency_ms": {"total": 9}, "tokens": {"prompt": 1, "completion": 1}}).to_string());
            sandbox.run(&["ingest", "b.jsonl"]).exits(0);
            let report = embed(&sandbox, &["--from-log", "query_embedding"]);
            assert_eq!((&report["metric"], &report["quantize"], &report["vectors"]), (&json!(metric), &json!(kept), &json!(1)));
            assert_eq!(self::found(&sandbox, &like).len(), 3);
            let stats = sandbox.run(&["stats", "--json"]).exits(0).json();
            let row = &stats["stored"]["vectors"][0];
            assert_eq!((&row["metric"], &row["quantize"], &row["parts"]), (&json!(metric), &json!(kept), &json!(1)));
        }
    }
}

// Two kinds of vectors under one name could not be compared: whoever asks for another kind is told what to do.
#[test]
fn another_metric_or_another_form_needs_all_anew() {
    let sandbox = carried();
    embed(&sandbox, &["--from-log", "query_embedding", "--metric", "l2"]);
    for other in [["--metric", "dot"], ["--quantize", "none"]] {
        let refused = sandbox.run(&[&["embed", "--from-log", "query_embedding"], &other[..]].concat()).exits(2);
        assert!(refused.stderr().contains("--metric l2") && refused.stderr().contains("--all"), "{}", refused.stderr());
    }
    let report = embed(&sandbox, &["--from-log", "query_embedding", "--metric", "dot", "--quantize", "none", "--all"]);
    assert_eq!((&report["metric"], &report["quantize"], &report["vectors"]), (&json!("dot"), &json!("none"), &json!(4)));
    assert_eq!(parts(&sandbox).len(), 1);
    // What the program embeds is compared by angles; it can be kept as it is.
    sandbox.run(&["embed", "--metric", "dot"]).exits(2);
    let bytes = |more: &[&str]| {
        let report = embed(&sandbox, more);
        report["bytes"].as_u64().unwrap() / report["vectors"].as_u64().unwrap()
    };
    assert!(bytes(&[]) < 2 * 512 && bytes(&["--all", "--quantize", "none"]) > 5 * 512);
    assert!(found(&sandbox, &["--semantic", "a point that is near", "--no-lexical", "-n", "1"])[0].contains("near point"));
}

// Killed between the first new part and the last old one, an `--all` leaves two kinds: what was there before counts, the rest is dropped.
#[test]
fn of_two_kinds_under_one_name_the_older_is_kept() {
    let one = carried();
    embed(&one, &["--from-log", "query_embedding"]);
    let good = std::fs::read(&parts(&one)[0]).unwrap();
    embed(&one, &["--from-log", "query_embedding", "--all", "--metric", "l2"]);
    let [path] = &parts(&one)[..] else { panic!("one part") };
    std::fs::write(path.with_file_name("00000001.vec"), good).unwrap();
    let outcome = one.run(&["search", "--json", "--like", "w-1", "--embedder", "log:query_embedding"]).exits(0);
    assert!(outcome.stderr().contains("another form"), "{}", outcome.stderr());
    let report = embed(&one, &["--from-log", "query_embedding"]);
    assert_eq!((&report["metric"], &report["total_vectors"]), (&json!("cosine"), &json!(4)));
    assert_eq!(parts(&one).len(), 1);
}

/// Four lines of two conversations, and one line that is of none.
fn conversations() -> Sandbox {
    let sandbox = Sandbox::new();
    // Longer than what is taken of a conversation: it would make all of them alike.
    let prompt = "You are the assistant of a bank and answer in one line. ".repeat(60);
    let line = |n: usize, session: &str, text: &str| {
        let messages = [json!({"role": "system", "content": prompt}), json!({"role": "user", "content": text})];
        json!({"id": format!("req_{n}"), "session_id": session, "messages": messages}).to_string() + "\n"
    };
    let lines = [
        line(1, "money", "hello there, can somebody help me please"),
        line(2, "poems", "write a poem about spring flowers and bees"),
        line(3, "money", "I want my payment refunded, the bank has charged me twice"),
        line(4, "poems", "and now another poem about the garden in autumn"),
        json!({"id": "req_5", "messages": [{"role": "user", "content": "which trains run to Munich on Sunday?"}]}).to_string()
            + "\n",
    ];
    sandbox.write("a.jsonl", lines.concat());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox
}

// Whoever looks for a conversation wants it once, whichever of its records says the words.
#[test]
fn conversations_are_found_as_one() {
    let sandbox = conversations();
    let ask = ["search", "--json", "--semantic", "customer wants money back", "--granularity", "conversation"];
    sandbox.run(&ask).exits(2);
    let report = embed(&sandbox, &["--summary", "concat:2000"]);
    assert_eq!((&report["texts"], &report["pending"], &report["complete"]), (&json!(3), &json!(0), &json!(true)), "{report}");
    let sources = |more: &[&str]| -> Vec<String> {
        let lines = sandbox.run(&[&ask[..], more].concat()).exits(0).json_lines();
        lines.iter().map(|hit| hit["line"].to_string()).collect()
    };
    for more in [&[][..], &["--no-lexical"], &["--exact"]] {
        let lines = sources(more);
        assert!(lines.len() == 3 && lines[0] == "3", "{more:?}: {lines:?}");
    }
    // What is shown is what the user says of it, not an id or a prompt that happens to have a letter of the query.
    let shown = found(&sandbox, &["--semantic", "customer wants money back", "--granularity", "conversation"]);
    assert!(shown[0].contains("I want my payment refunded"), "{shown:?}");
    assert_eq!(sources(&["--where", "conversation = \"poems\"", "--no-lexical"]), ["4"]);
    // Words speak for the conversation they were said in. (Seen red with words that speak for their record.)
    let words = ["search", "--json", "--semantic", "refunded payment", "--granularity", "conversation"];
    let hits = sandbox.run(&words).exits(0).json_lines();
    let spoken: Vec<&Value> = hits.iter().filter(|hit| hit["word_score"].is_f64()).map(|hit| &hit["conversation"]).collect();
    assert!(hits.len() == 3 && spoken == [&json!("money")], "{hits:#?}");
    // One like another: not itself, though it has other records.
    let like = ["search", "--json", "--like", "req_1", "--granularity", "conversation"];
    let lines = sandbox.run(&like).exits(0).json_lines();
    assert!(lines.len() == 2 && lines.iter().all(|hit| hit["line"] != 1 && hit["line"] != 3), "{lines:?}");
    // Texts are searched by vectors of texts only.
    sandbox.run(&["search", "--semantic", "money"]).exits(2);
    sandbox.run(&["search", "money", "--granularity", "conversation"]).exits(2);
    let shown = sandbox.run(&["dedup-report", "--clusters", "3", "--json"]).exits(0).json();
    assert_eq!((&shown["conversations"], &shown["model"]), (&json!(3), &json!("conversations:concat:2000:builtin-1")));
}

// A conversation's vector is of all it says: it is made anew when it grows, and goes with what is removed from it.
#[test]
fn vectors_of_conversations_follow_their_records() {
    let sandbox = conversations();
    embed(&sandbox, &["--summary", "concat:2000"]);
    let command = r#"sed -n 's/.*/"a summary of poems"/p' | tee asked"#;
    embed(&sandbox, &["--summary", &format!("command:{command}")]);
    let row = json!({"id": "req_6", "session_id": "poems", "messages": [{"role": "user", "content": "thank you"}]});
    sandbox.write("b.jsonl", row.to_string() + "\n");
    sandbox.run(&["ingest", "b.jsonl"]).exits(0);
    let report = embed(&sandbox, &["--summary", "concat:2000"]);
    assert_eq!((&report["texts"], &report["records"], &report["total_texts"]), (&json!(1), &json!(1), &json!(3)), "{report}");
    sandbox.run(&["rm", "req_3", "--purge", "--yes"]).exits(0);
    let report = embed(&sandbox, &["--summary", "concat:2000"]);
    assert_eq!((&report["texts"], &report["total_texts"]), (&json!(1), &json!(3)), "{report}");
    assert_eq!(embed(&sandbox, &["--summary", "concat:2000"])["records"], 0);
    sandbox.run(&["embed", "--summary", "concat:x"]).exits(2);
    sandbox.run(&["embed", "--all", "--summary", "command:exit 3"]).exits(2);
}

#[test]
fn conversations_fall_into_heaps_by_what_they_are_about() {
    use turnpack::vault::Vault;
    use turnpack::vault::api::{ClusterOptions, OpenOptions};
    let sandbox = Sandbox::new();
    let said = |n: usize| match n % 2 {
        _ if n == 20 => "zzz qqq 17".to_string(),
        0 => format!("please refund payment number {n}, I was charged twice by the bank"),
        _ => format!("write poem number {n} about spring flowers and bees in the garden"),
    };
    let line = |n: usize| {
        json!({"id": n, "session_id": format!("s{n}"), "messages": [{"role": "user", "content": said(n)}]}).to_string() + "\n"
    };
    sandbox.write("a.jsonl", (0..21).map(line).collect::<String>());
    sandbox.run(&["ingest", "--embed", "a.jsonl"]).exits(0);
    let vault = Vault::open(&sandbox.vault(), &OpenOptions::default()).unwrap();
    let report = vault.clusters(&ClusterOptions { clusters: 2, outliers: 1, ..ClusterOptions::default() }).unwrap();
    assert_eq!((report.conversations, report.clusters.len()), (21, 2));
    assert!(report.clusters.iter().all(|cluster| cluster.conversations >= 10 && cluster.typical.len() == 3));
    assert!(report.outliers[0].first.ends_with(":21"), "{:?}", report.outliers);
    let shown = sandbox.run(&["dedup-report", "--clusters", "2", "--outliers", "1", "--json"]).exits(0).json();
    assert_eq!((&shown["report"], &shown["clusters"].as_array().map(Vec::len)), (&json!("clusters"), &Some(2)));
}

// Which programs cannot run a model must be said; those that can find with it what was said in other words, conversations too.
#[test]
fn a_folder_with_a_model_embeds() {
    let sandbox = vault();
    if cfg!(not(feature = "candle")) {
        let refused = sandbox.run(&["embed", "--model-dir", "somewhere"]).exits(2);
        assert!(refused.stderr().contains("--features candle"), "{}", refused.stderr());
        return;
    }
    sandbox.run(&["embed", "--model-dir", "somewhere"]).exits(4);
    let Some(folder) = std::env::var_os("TURNPACK_MINILM") else {
        println!("skipped: TURNPACK_MINILM names no folder of all-MiniLM-L6-v2");
        return;
    };
    let from = ["--model-dir", folder.to_str().unwrap()];
    let report = embed(&sandbox, &[&from[..], &["--model", "minilm"]].concat());
    assert_eq!((&report["texts"], &report["dimension"], &report["model"]), (&json!(8), &json!(384), &json!("minilm")));
    let ask = ["--semantic", "the customer wants to be reimbursed", "--no-lexical", "--embedder", "minilm", "-n", "1"];
    let refused = sandbox.run(&[&["search"], &ask[..]].concat()).exits(2);
    assert!(refused.stderr().contains("--model-dir"), "{}", refused.stderr());
    let hits = found(&sandbox, &[&ask[..], &from].concat());
    assert!(hits[0].contains("refund my last payment"), "{hits:?}");
    embed(&sandbox, &[&from[..], &["--model", "minilm", "--summary", "concat:2000"]].concat());
    let whole = sandbox.run(&[&["search", "--json"], &ask[..], &from, &["--granularity", "conversation"]].concat()).exits(0);
    assert_eq!(whole.json_lines()[0]["line"], 1);
}

/// A server that is busy at first, then gives each text its length and 1.
/// The last request is answered with a status.
fn serve(listener: TcpListener, requests: usize, last: &str) {
    for at in 0..requests {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("post /v1/embeddings ") && head.contains("authorization: bearer secret"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["model"], "tiny");
        let texts = body["input"].as_array().unwrap().clone();
        let data: Vec<Value> =
            (0..texts.len()).rev().map(|n| json!({"index": n, "embedding": [texts[n].as_str().unwrap().len(), 1]})).collect();
        let status = if at == 0 {
            "503 Busy"
        } else if at + 1 == requests {
            last
        } else {
            "200 OK"
        };
        let answer = if status == "200 OK" { json!({ "data": data }).to_string() } else { String::new() };
        let head =
            format!("HTTP/1.1 {status}\r\nretry-after: 0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        stream.write_all((head + &answer).as_bytes()).unwrap();
    }
}

#[test]
fn a_server_embeds_and_is_asked_again_when_it_is_busy() {
    let sandbox = vault();
    sandbox.write("key", "secret\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || serve(listener, 2, "200 OK"));
    let report = embed(&sandbox, &["--endpoint", &url, "--model", "tiny", "--key-file", "key"]);
    server.join().unwrap();
    assert_eq!((&report["texts"], &report["dimension"]), (&json!(8), &json!(2)));
    sandbox.run(&["embed", "--endpoint", "https://localhost/v1", "--model", "x"]).exits(2);
}

// Slow models are interrupted, and servers fail, after hours: what was done by then must be there.
#[test]
fn a_server_that_fails_costs_little_of_what_it_did() {
    let sandbox = Sandbox::new();
    sandbox
        .write("a.jsonl", (0..300).map(|n| json!({"text": format!("text number {n}")}).to_string() + "\n").collect::<String>());
    sandbox.run(&["ingest", "a.jsonl"]).exits(0);
    sandbox.write("key", "secret\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || serve(listener, 4, "400 Bad"));
    sandbox.run(&["embed", "--endpoint", &url, "--model", "tiny", "--key-file", "key"]).exits(2);
    server.join().unwrap();
    assert_eq!(embed(&sandbox, &["--dry-run", "--endpoint", &url, "--model", "tiny"])["pending"], 300 - 128);
}
