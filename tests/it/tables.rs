//! `export --format parquet`: what is in the columns, directories, and readers that others wrote.

use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Row;
use serde_json::{Value, json};

use crate::exports::consumer;
use crate::harness::Sandbox;

/// A request with a call, its successor with the answer, an error, and a line that is no JSON.
fn gateway() -> String {
    let call = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}]});
    let line = |id: &str, time: &str, model: &str, messages: Value, answer: &Value| {
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}});
        let choices = json!([{"index": 0, "message": answer, "finish_reason": "stop"}]);
        let response =
            json!({"object": "chat.completion", "id": "chatcmpl-1", "model": model, "choices": choices, "usage": usage});
        let request = json!({"model": model, "messages": messages});
        json!({"request_id": id, "session_id": "s1", "timestamp": time, "app": "bot", "latency_ms": 250.5,
            "metadata": {"team": "a"}, "request": request, "response": response})
        .to_string()
            + "\n"
    };
    let question = json!({"role": "user", "content": "Weather in Oslo?"});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "rain"});
    let says = json!({"role": "assistant", "content": "Rain."});
    line("r1", "2026-11-20T23:59:59.999999Z", "../up", json!([question]), &call)
        + &line("r2", "2026-11-21T00:00:00Z", "m-1", json!([question, call, result]), &says)
        + "no JSON at all\n"
}

fn sandbox(content: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("gw.jsonl", content);
    sandbox.run(&["ingest", "gw.jsonl"]).exits(0);
    sandbox
}

fn table(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["export", "--format", "parquet"].iter().chain(arguments).copied().collect();
    sandbox.run(&all).exits(0).stderr()
}

/// The rows of a file, each value as the reader shows it.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let reader = SerializedFileReader::try_from(path).unwrap();
    let row = |row: Row| row.get_column_iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    reader.get_row_iter(None).unwrap().map(|found| row(found.unwrap())).collect()
}

// What a warehouse sums up and groups by: each value in its column, of its type, nothing where the record says nothing.
#[test]
fn a_table_has_a_row_for_each_record_in_typed_columns() {
    let sandbox = sandbox(&gateway());
    let said = table(&sandbox, &["-o", "t"]);
    assert!(said.starts_with("3 rows, 6 messages, 2 pairs (2 unique), about 30 tokens, "), "{said}");
    let rows = rows(&sandbox.path("t/all.parquet"));
    let is = |row: usize, column: &str, value: &str| assert_eq!(rows[row][column], value, "{row} {column}");
    let hash = sandbox.run(&["search", "Rain.", "--ids"]).exits(0).stdout();
    is(1, "record", &format!("{:?}", hash.trim()));
    assert!(rows[1]["source"].ends_with("/gw.jsonl\""), "{}", rows[1]["source"]);
    for (column, value) in [
        ("line", "2"),
        ("time", "2026-11-21 00:00:00.000000 +00:00"),
        ("application", "\"bot\""),
        ("model", "\"m-1\""),
        ("conversation", "\"s1\""),
        ("request_id", "\"r2\""),
        ("latency_ms", "250.5"),
        ("tokens_in", "10"),
        ("tokens_in_cached", "4"),
        ("tokens_out", "5"),
        ("stop_reason", "\"stop\""),
        ("cost_usd", "null"),
        ("tags", "[\"team=a\"]"),
        ("records", "1"),
    ] {
        is(1, column, value);
    }
    let function = "{name: \"weather\", arguments: \"{\"city\":\"Oslo\"}\"}";
    let call = format!("[{{id: \"c1\", type: \"function\", function: {function}}}]");
    let message = |role: &str, content: &str, id: &str, calls: &str| {
        let rest = format!("reasoning_content: null, name: null, tool_call_id: {id}, tool_calls: {calls}");
        format!("{{role: \"{role}\", content: {content}, {rest}}}")
    };
    let messages = [
        message("user", "\"Weather in Oslo?\"", "null", "[]"),
        message("assistant", "null", "null", &call),
        message("tool", "\"rain\"", "\"c1\"", "[]"),
        message("assistant", "\"Rain.\"", "null", "[]"),
    ];
    is(1, "messages", &format!("[{}]", messages.join(", ")));
    // A line that is no JSON is a record like any other.
    is(2, "line", "3");
    is(2, "time", "null");
    is(2, "bytes", "14");
}

// A table is compressed, so nothing that looks for keys in what a command writes can see into it.
#[test]
fn a_table_without_secrets_has_none_in_any_column_or_name() {
    let key = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let places = ["Weather in Oslo?", "Rain.", "m-1", "s1", "bot", "chatcmpl-1", "weather"];
    let log = places.iter().fold(gateway(), |log, place| log.replace(place, &format!("{place} {key}")));
    let log = log.replace("\"team\":\"a\"", &format!("\"team\":\"a {key}\""));
    let sandbox = sandbox(&log);
    table(&sandbox, &["-o", "open"]);
    table(&sandbox, &["-o", "t", "--redact", "secrets"]);
    table(&sandbox, &["-o", "p", "--redact", "secrets", "--partition-by", "model,application"]);
    let holds =
        |rows: &[BTreeMap<String, String>]| rows.iter().flat_map(|row| row.values()).filter(|value| value.contains(&key)).count();
    assert!(holds(&rows(&sandbox.path("open/all.parquet"))) >= 8);
    assert_eq!(holds(&rows(&sandbox.path("t/all.parquet"))), 0);
    assert_eq!(rows(&sandbox.path("t/all.parquet")).len(), log.lines().count());
    let mut folders = vec![sandbox.path("p")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            assert!(!path.to_string_lossy().contains(&key), "{}", path.display());
            match path.is_dir() {
                true => folders.push(path),
                false => assert_eq!(holds(&rows(&path)), 0, "{}", path.display()),
            }
        }
    }
}

// Who wrote a file must be told from the file; and the schema is what queries are written against.
#[test]
fn a_table_says_who_wrote_it_and_is_compressed() {
    let sandbox = sandbox(&gateway());
    table(&sandbox, &["-o", "t", "--no-messages"]);
    let reader = SerializedFileReader::try_from(sandbox.path("t/all.parquet").as_path()).unwrap();
    let file = reader.metadata().file_metadata();
    assert_eq!(file.created_by(), Some(concat!("turnpack version ", env!("CARGO_PKG_VERSION"))));
    let about: Vec<_> =
        file.key_value_metadata().unwrap().iter().map(|pair| (pair.key.as_str(), pair.value.as_deref())).collect();
    assert!(
        about.contains(&("turnpack.version", Some(env!("CARGO_PKG_VERSION"))))
            && about.contains(&("turnpack.rows", Some("record")))
    );
    let columns = reader.metadata().row_group(0).columns();
    assert!(columns.iter().all(|column| format!("{:?}", column.compression()).starts_with("ZSTD")));
    assert!(columns.iter().all(|column| !column.column_path().string().contains("messages")));
    assert_eq!(columns.iter().map(|column| column.column_path().string()).nth(3).unwrap(), "time");
}

// Claude Code tells the usage of an answer with each of its blocks: a sum over the column must be what `stats` says.
#[test]
fn usage_that_several_records_tell_is_in_the_last_of_them() {
    let block = |uuid: &str, id: &str, text: &str, out: u32| {
        let content = json!([{"type": "text", "text": text}]);
        let usage = json!({"input_tokens": 100, "output_tokens": out});
        let message = json!({"id": id, "role": "assistant", "model": "m", "content": content, "usage": usage});
        json!({"type": "assistant", "sessionId": "s", "uuid": uuid, "requestId": format!("q{id}"), "message": message})
            .to_string()
            + "\n"
    };
    let sandbox = sandbox(&(block("u1", "a", "one", 1) + &block("u2", "a", "two", 7) + &block("u3", "b", "three", 3)));
    let said = table(&sandbox, &["-o", "t"]);
    assert!(said.contains("about 210 tokens,"), "{said}");
    let rows = rows(&sandbox.path("t/all.parquet"));
    assert_eq!(rows.iter().map(|row| row["tokens_out"].as_str()).collect::<Vec<_>>(), ["null", "7", "3"]);
    let total = &sandbox.run(&["stats", "--totals", "--json"]).exits(0).json()["total"];
    assert_eq!((&total["tokens_out"], &total["tokens_in"]), (&json!(10), &json!(200)));
    // The session as one row has the same sums.
    table(&sandbox, &["-o", "c", "--per", "conversation"]);
    let rows = self::rows(&sandbox.path("c/all.parquet"));
    let sums: Vec<_> = ["records", "tokens_in", "tokens_out", "conversation"].map(|name| rows[0][name].clone()).into();
    assert_eq!((rows.len(), sums), (1, vec!["3".into(), "200".into(), "10".into(), "\"s\"".to_owned()]));
}

// A model's name comes from a log; and what a directory says must not be a column twice.
#[test]
fn partitions_are_directories_with_safe_names_and_the_same_each_time() {
    let sandbox = sandbox(&gateway());
    for dir in ["a", "b"] {
        table(&sandbox, &["--partition-by", "day,model", "-o", dir]);
    }
    let names = [
        "day=2026-11-20/model=..%2Fup/part-00000.parquet",
        "day=2026-11-21/model=m-1/part-00000.parquet",
        "day=__HIVE_DEFAULT_PARTITION__/model=__HIVE_DEFAULT_PARTITION__/part-00000.parquet",
    ];
    for name in names {
        assert_eq!(sandbox.read(format!("a/{name}")), sandbox.read(format!("b/{name}")), "{name}");
        let rows = rows(&sandbox.path(format!("a/{name}")));
        assert!(rows.len() == 1 && !rows[0].contains_key("model") && rows[0].contains_key("time"), "{name}");
    }
    let again = sandbox.run(&["export", "--format", "parquet", "--partition-by", "day", "-o", "a"]).exits(2);
    assert!(again.stderr().contains("is not empty"), "{}", again.stderr());
}

#[test]
fn what_is_for_tables_is_a_usage_error_without_one() {
    let sandbox = sandbox(&gateway());
    for wrong in [
        &["--format", "hf", "--no-messages"][..],
        &["--format", "hf", "--partition-by", "day", "-o", "x"],
        &["--no-messages"],
        &["--partition-by", "day"],
        &["--format", "parquet", "--partition-by", "day"],
        &["--format", "parquet", "--partition-by", "day,day", "-o", "x"],
        &["--format", "parquet", "--partition-by", "colour", "-o", "x"],
        &["--format", "parquet", "--partition-by", "day", "--split", "90/10", "-o", "x"],
        &["--format", "parquet", "--no-messages", "--dedup", "near", "-o", "x"],
    ] {
        sandbox.run(&[&["export"], wrong].concat()).exits(2);
    }
    // On a pipe it is the same file.
    table(&sandbox, &["-o", "t"]);
    let piped = sandbox.run(&["export", "--format", "parquet"]).exits(0);
    assert_eq!(piped.stdout_bytes, sandbox.read("t/all.parquet"));
}

// The promise is to others' programs: pyarrow and DuckDB see the values, the types and the partitions.
#[test]
fn pyarrow_and_duckdb_read_tables() {
    let sandbox = sandbox(&gateway());
    table(&sandbox, &["-o", "t"]);
    table(&sandbox, &["--partition-by", "day,model", "-o", "parts"]);
    let arguments = [sandbox.path("t/all.parquet"), sandbox.path("parts")];
    let Some(output) = consumer("parquet_readers.py", &arguments) else { return };
    let seen: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"));
    let arrow = &seen["arrow"];
    assert_eq!((&arrow["rows"], &arrow["time"]), (&json!(3), &json!("timestamp[us, tz=UTC]")));
    assert_eq!(
        arrow["messages"][1][1]["tool_calls"][0]["function"],
        json!({"name": "weather", "arguments": "{\"city\":\"Oslo\"}"})
    );
    let parts = json!([["2026-11-20", "../up", 1], ["2026-11-21", "m-1", 2], ["None", null, 3]]);
    assert_eq!(arrow["partitioned"], parts);
    let duck = &seen["duckdb"];
    let sums = json!([
        ["../up", "10", "5", "2026-11-20 23:59:59.999999+00"],
        ["m-1", "10", "5", "2026-11-21 00:00:00+00"],
        ["None", "None", "None", "None"]
    ]);
    assert_eq!(duck["sums"], sums);
    assert_eq!(duck["calls"], json!([["weather", "{\"city\":\"Oslo\"}"], ["weather", "{\"city\":\"Oslo\"}"]]));
    assert_eq!(duck["partitioned"], json!([["2026-11-20", "../up", "1"], ["2026-11-21", "m-1", "2"], ["None", "None", "3"]]));
}
