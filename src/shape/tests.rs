//! The fixtures of `fixtures/logs` against `expected.tsv`, and promises that hold for any bytes.
//!
//! After a wanted change, `SNAPSHOTS=overwrite cargo test --lib shape` writes the table anew; read the difference.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs")
}

/// Every fixture file with its content, in a stable order.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for family in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&family).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(folder()).unwrap().to_string_lossy().replace('\\', "/");
            files.push((name, std::fs::read(&file).unwrap()));
        }
    }
    files.sort();
    files
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.strip_suffix(b"\n").unwrap_or(content).split(|byte| *byte == b'\n')
}

/// One row of the table: what we understand of a line.
fn row(place: &str, line: &[u8], state: &mut FileState) -> String {
    let record = Record::read(line);
    let detection = record.detect(&Hints::default());
    let metadata = record.metadata(&detection, state);
    let text = |value: &Option<String>| value.clone().unwrap_or("-".into());
    let number = |value: Option<i64>| value.map_or("-".into(), |value| value.to_string());
    let count = |value: Option<u64>| value.map_or("-".into(), |value| value.to_string());
    let kinds: Vec<String> = record.turns(&detection).iter().map(|turn| turn.kind.to_string()).collect();
    [
        place.to_owned(),
        detection.name(),
        text(&metadata.record_id),
        text(&metadata.conversation_id),
        text(&metadata.model),
        text(&metadata.provider),
        number(metadata.timestamp_us),
        [metadata.tokens_in, metadata.tokens_in_cached, metadata.tokens_out].map(count).join("/"),
        metadata.latency_ms.map_or("-".into(), |ms| ms.to_string()),
        text(&metadata.error),
        carried_ids(&metadata).join(","),
        kinds.join(" "),
    ]
    .join("\t")
}

const HEAD: &str = "place\tshape\trecord_id\tconversation_id\tmodel\tprovider\ttimestamp_us\tin/cached/out\tlatency_ms\terror\tcarried_ids\tturns";

#[test]
fn every_fixture_line_is_understood_as_the_table_says() {
    let mut table = vec![HEAD.to_owned()];
    for (name, content) in fixtures() {
        let mut state = FileState::from_source_name(&name);
        for (index, line) in lines(&content).enumerate() {
            table.push(row(&format!("{name}:{}", index + 1), line, &mut state));
        }
    }
    let path = folder().join("expected.tsv");
    if std::env::var_os("SNAPSHOTS").is_some_and(|mode| mode == "overwrite") {
        std::fs::write(&path, table.join("\n") + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    for (found, wanted) in table.iter().zip(expected.lines()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(table.len(), expected.lines().count());
}

#[test]
fn the_fixtures_show_every_shape_but_those_of_bare_parts() {
    let mut seen = std::collections::BTreeSet::new();
    for (_, content) in fixtures() {
        seen.extend(lines(&content).map(|line| detect(line, &Hints::default()).shape));
    }
    let missing: Vec<_> = ShapeId::ALL.iter().filter(|shape| !seen.contains(shape)).map(|shape| shape.name()).collect();
    assert_eq!(missing, ["claude_code.stream"; 0]);
}

#[test]
fn every_name_of_a_shape_leads_back_to_it() {
    for shape in ShapeId::ALL {
        assert_eq!(ShapeId::from_name(shape.name()), Some(*shape));
    }
}

#[test]
fn every_label_stands_in_its_line_and_its_pointer_leads_to_its_span() {
    for (name, content) in fixtures() {
        for line in lines(&content) {
            let record = Record::read(line);
            for label in record.segments(&record.detect(&Hints::default())) {
                assert!(label.span.end <= line.len(), "{name}: {label:?}");
                if !label.nested && record.form != Form::Concat {
                    let value = record.value().unwrap().pointer(&label.pointer).unwrap();
                    assert_eq!(value.span_in(line), Some(label.span.clone()), "{name}: {label:?}");
                }
            }
        }
    }
}

fn turns_of(line: &str) -> Vec<(SegmentType, String)> {
    let record = Record::read(line.as_bytes());
    record.turns(&record.detect(&Hints::default())).into_iter().map(|turn| (turn.kind, turn.text)).collect()
}

#[test]
fn a_conversation_reads_in_order_with_calls_and_results() {
    use SegmentType::*;
    let (_, content) = fixtures().into_iter().find(|(name, _)| name == "anthropic/messages.jsonl").unwrap();
    let line = String::from_utf8(lines(&content).next().unwrap().to_vec()).unwrap();
    let expected = [
        (SystemPrompt, "You tend an orchard."),
        (UserTurn, "How is tree 4?"),
        (Reasoning, "Look at the sensor."),
        (ToolCall, r#"{"tree":4}"#),
        (ToolResult, "soil dry"),
    ];
    assert_eq!(turns_of(&line), expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn the_branch_a_chat_ended_on_is_read_and_the_abandoned_one_is_not() {
    let (_, content) = fixtures().into_iter().find(|(name, _)| name == "exports/consumer.jsonl").unwrap();
    let line = String::from_utf8(lines(&content).next().unwrap().to_vec()).unwrap();
    let texts: Vec<String> = turns_of(&line).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["do bees sleep", "They do."]);
}

#[test]
fn a_prefilled_answer_is_a_continuation_but_an_example_of_training_is_not() {
    let request =
        r#"{"model":"m","temperature":0,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
    assert_eq!(turns_of(request)[1].0, SegmentType::Continuation);
    let example = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
    assert_eq!(turns_of(example)[1].0, SegmentType::AssistantTurn);
}

#[test]
fn a_thought_inside_an_answer_is_a_turn_of_its_own() {
    let line = r#"{"role":"assistant","content":"<think>beads</think>8"}"#;
    let expected = [(SegmentType::Reasoning, "<think>beads</think>".to_owned()), (SegmentType::AssistantTurn, "8".to_owned())];
    assert_eq!(turns_of(line), expected);
}

#[test]
fn carried_ids_are_the_records_own_each_once() {
    let line = r#"{"id":"a","request_id":"a","parent_id":"p","session_id":"s","trace_id":"t","x":1}"#;
    let metadata = metadata(line.as_bytes(), ShapeId::Generic, &mut FileState::default());
    assert_eq!(carried_ids(&metadata), ["a"]);
}

#[test]
fn lines_of_one_streamed_response_share_a_usage_key() {
    let (_, content) = fixtures().into_iter().find(|(name, _)| name == "claude_code/session.jsonl").unwrap();
    let mut state = FileState::default();
    let keys: Vec<_> =
        lines(&content).map(|line| metadata(line, detect(line, &Hints::default()).shape, &mut state).usage_key).collect();
    assert!(keys[1].is_some());
    assert_eq!(keys[1], keys[2]);
}

// Some gateways keep the line open with comments: what the stream says of its response must count all the same.
#[test]
fn a_stream_that_begins_with_a_comment_tells_its_response() {
    let stream = ": PROCESSING\n\ndata: {\"id\":\"gen-1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[],\
                  \"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    let request = serde_json::json!({"method": "POST", "body": {"model": "m", "messages": [{"role": "user", "content": "q"}]}});
    let line = serde_json::json!({"request": request, "response": {"status": 200, "body": stream}}).to_string();
    let shape = detect(line.as_bytes(), &Hints::default()).shape;
    let metadata = metadata(line.as_bytes(), shape, &mut FileState::default());
    assert_eq!((metadata.tokens_in, metadata.tokens_out), (Some(7), Some(3)), "{shape:?}");
    assert!(carried_ids(&metadata).contains(&"gen-1"));
}

#[test]
fn codex_counts_a_call_once_though_it_is_told_twice() {
    let (name, content) = fixtures().into_iter().find(|(name, _)| name.starts_with("codex/rollout")).unwrap();
    let mut state = FileState::from_source_name(&name);
    let total: u64 = lines(&content).filter_map(|line| metadata(line, ShapeId::CodexRollout, &mut state).tokens_out).sum();
    assert_eq!(total, 40);
}

#[test]
fn a_fork_keeps_its_own_session_and_a_joined_file_changes_it() {
    let head = |id: &str, parent: &str| {
        format!(
            r#"{{"timestamp":"2026-10-03T08:00:00Z","type":"session_meta","payload":{{"id":"{id}","forked_from_id":{parent}}}}}"#
        )
    };
    let mut state = FileState::default();
    let mut session = |line: &str| metadata(line.as_bytes(), ShapeId::CodexRollout, &mut state).conversation_id.unwrap();
    assert_eq!(session(&head("child", "\"parent\"")), "child");
    assert_eq!(session(&head("parent", "null")), "child");
    assert_eq!(session(&head("other", "null")), "other");
    assert_eq!(session(r#"{"type":"event_msg","payload":{"type":"x"}}"#), "other");
}

#[test]
fn what_one_program_said_does_not_leak_into_the_lines_of_another() {
    let mut state = FileState::default();
    let pi = r#"{"type":"session","version":3,"id":"pi-s","cwd":"/w"}"#;
    metadata(pi.as_bytes(), ShapeId::PiSession, &mut state);
    let cline = metadata(br#"{"ts":1790008000123,"type":"say","say":"text","text":"x"}"#, ShapeId::ClineUi, &mut state);
    assert_eq!(cline.conversation_id, None);
}

#[test]
fn a_recorded_event_stream_tells_model_and_tokens() {
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_s\",\"model\":\"claude-haiku-4-5\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":30}}\n";
    let line = serde_json::json!({
        "request": {"method": "POST", "uri": "https://models.example/v1/messages", "body": {}},
        "response": {"status": 200, "body": stream}
    });
    let metadata = metadata(line.to_string().as_bytes(), ShapeId::GatewayPair, &mut FileState::default());
    assert_eq!(metadata.response_id.as_deref(), Some("msg_s"));
    assert_eq!(metadata.model.as_deref(), Some("claude-haiku-4-5"));
    assert_eq!((metadata.tokens_in, metadata.tokens_out), (Some(9), Some(30)));
    assert_eq!(metadata.stop_reason.as_deref(), Some("end_turn"));
}

/// Everything that may be asked of a line; the answer does not matter, that there is one does.
fn ask_everything(line: &[u8]) {
    let record = Record::read(line);
    let detection = record.detect(&Hints::default());
    let labels = record.segments(&detection);
    record.turns(&detection);
    record.metadata(&detection, &mut FileState::default());
    for label in labels {
        assert!(line.get(label.span).is_some());
    }
    for shape in ShapeId::ALL {
        if line.len() < 4096 {
            segments(line, *shape);
            metadata(line, *shape, &mut FileState::default());
        }
    }
}

#[test]
fn nesting_bombs_of_every_kind_are_survived() {
    for (open, close) in
        [("[", "]"), (r#"{"content":["#, "]}"), (r#"{"type":"tool_result","content":"#, "}"), (r#"{"replies":["#, "]}")]
    {
        for depth in [60, 127, 5000] {
            let inner = format!("{}\"x\"{}", open.repeat(depth), close.repeat(depth));
            ask_everything(inner.as_bytes());
            ask_everything(format!(r#"{{"role":"user","content":{inner}}}"#).as_bytes());
        }
    }
    let mut nested = String::from("\"deep\"");
    for _ in 0..8 {
        nested = format!("{{\"messages\":{}}}", serde_json::to_string(&nested).unwrap());
    }
    ask_everything(nested.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        ask_everything(&bytes);
    }

    #[test]
    fn no_text_of_json_letters_makes_it_panic(text in r#"[\[\]{}",:a\\u0-9dD8 n-]{0,60}"#) {
        ask_everything(text.as_bytes());
    }

    #[test]
    fn no_damaged_fixture_makes_it_panic(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>()) {
        let all: Vec<Vec<u8>> = fixtures().iter().flat_map(|(_, content)| lines(content).map(<[u8]>::to_vec).collect::<Vec<_>>()).collect();
        let mut line = all[pick.index(all.len())].clone();
        if !line.is_empty() {
            let at = at.index(line.len());
            if cut { line.truncate(at) } else { line[at] = with }
        }
        ask_everything(&line);
    }
}
