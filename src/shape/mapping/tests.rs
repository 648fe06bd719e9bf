use super::*;
use crate::shape::{FileState, Hints};

const ACME: &str = r#"
[[shape]]
name = "acme.calls"
when = { has = ["/reqId", "/io/in"], equals = { "/kind" = "llm" }, matches = { "/v" = "^3\\." } }
priority = 10
[shape.segments]
"/io/in/persona" = "system_prompt"
"/io/in/turns/*/txt" = { role_from = "../who", roles = { C = "user", B = "assistant" } }
"/io/in/blob" = { type = "context", json = true }
"/debug/**" = "skeleton"
[shape.meta]
record_id = "/reqId"
conversation_id = { file_scope = "/hdr/session", from_first_line = true }
timestamp = { path = "/t", unit = "ms" }
latency_ms = { path = "/lat", unit = "s" }
application = { const = "acme-bot" }
tags = ["/env", "/labels/*"]
"#;

const LINE: &str = r#"{"reqId":"q1","kind":"llm","v":"3.2","hdr":{"session":"s9"},"io":{"in":{"persona":"Be kind.","turns":[{"who":"C","txt":"hi"},{"who":"B","txt":"yo"}],"blob":"{\"role\":\"user\",\"content\":\"deep\"}"}},"debug":{"dump":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},"t":1795168800123,"lat":1.5,"env":"prod","labels":["a","b"]}"#;

#[test]
fn a_mapping_claims_its_records_and_labels_the_parts_it_names() {
    let mappings = Mappings::parse(ACME).unwrap();
    let hints = Hints { mappings: Some(&mappings), ..Hints::default() };
    let record = Record::read(LINE.as_bytes());
    let detection = record.detect(&hints);
    assert_eq!(detection.name(), "acme.calls");
    let labels: Vec<_> = record.segments(&detection).into_iter().map(|label| (label.pointer, label.kind.name())).collect();
    let expected = [
        ("/io/in/persona", "system_prompt"),
        ("/io/in/turns/0/txt", "user_turn"),
        ("/io/in/turns/1/txt", "assistant_turn"),
        ("/io/in/blob/content", "user_turn"),
    ];
    assert_eq!(labels, expected.map(|(pointer, kind)| (pointer.to_owned(), kind)));
}

#[test]
fn a_mapping_fills_canonical_fields_with_units_constants_and_file_scope() {
    let mappings = Mappings::parse(ACME).unwrap();
    let hints = Hints { mappings: Some(&mappings), ..Hints::default() };
    let mut state = FileState::default();
    let metadata = |line: &str, state: &mut FileState| {
        let record = Record::read(line.as_bytes());
        let detection = record.detect(&hints);
        record.metadata(&detection, state)
    };
    let first = metadata(LINE, &mut state);
    assert_eq!(first.record_id.as_deref(), Some("q1"));
    assert_eq!(first.timestamp_us, Some(1_795_168_800_123_000));
    assert_eq!(first.latency_ms, Some(1500.0));
    assert_eq!(first.application.as_deref(), Some("acme-bot"));
    assert_eq!(first.tags, ["prod", "a", "b"]);
    let later = metadata(&LINE.replace(r#""hdr":{"session":"s9"},"#, ""), &mut state);
    assert_eq!(later.conversation_id.as_deref(), Some("s9"));
}

#[test]
fn a_mapping_may_hand_a_part_to_a_built_in_shape() {
    let text = "[[shape]]\nname = \"x\"\nwhen = { has = [\"/wrap\"] }\npriority = 1\nextends = \"openai.chat.request@/wrap\"";
    let mappings = Mappings::parse(text).unwrap();
    let line = br#"{"wrap":{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}}"#;
    let record = Record::read(line);
    let detection = record.detect(&Hints { mappings: Some(&mappings), ..Hints::default() });
    assert_eq!(record.segments(&detection)[0].pointer, "/wrap/messages/0/content");
    assert_eq!(record.metadata(&detection, &mut FileState::default()).model.as_deref(), Some("gpt-5"));
}

#[test]
fn a_mapping_of_low_priority_leaves_known_shapes_alone() {
    let text = "[[shape]]\nname = \"x\"\nwhen = { has = [\"/id\"] }\npriority = -1";
    let mappings = Mappings::parse(text).unwrap();
    let hints = Hints { mappings: Some(&mappings), ..Hints::default() };
    let name = |line: &str| crate::shape::detect(line.as_bytes(), &hints).name();
    assert_eq!(name(r#"{"id":1,"zap":2}"#), "x");
    assert_eq!(name(r#"{"id":"c","object":"chat.completion","choices":[]}"#), "openai.chat.response");
}

#[test]
fn the_name_of_the_source_can_decide() {
    let text = "[[shape]]\nname = \"x\"\nfiles = [\"**/acme-*.jsonl\"]\npriority = 1";
    let mappings = Mappings::parse(text).unwrap();
    let name = |source| {
        let hints = Hints { mappings: Some(&mappings), source_name: source, ..Hints::default() };
        crate::shape::detect(br#"{"a":1}"#, &hints).name()
    };
    assert_eq!(name(Some("/logs/acme-7.jsonl")), "x");
    assert_eq!(name(Some("/logs/other.jsonl")), "generic");
    assert_eq!(name(None), "generic");
}

#[test]
fn mistakes_in_a_mapping_are_named_with_the_nearest_right_word() {
    let shape = |rest: &str| {
        let text = format!("[[shape]]\nname = \"x\"\nwhen = {{ has = [\"/a\"] }}\n{rest}");
        Mappings::parse(&text).unwrap_err().to_string()
    };
    assert!(shape("[shape.segments]\n\"/a\" = \"user_trun\"").contains("`user_turn`"));
    assert!(shape("[shape.meta]\nmodle = \"/m\"").contains("`model`"));
    assert!(shape("extends = \"openai.chat.requests\"").contains("`openai.chat.request`"));
    assert!(shape("[shape.segments]\n\"a\" = \"text\"").contains("\"/a\""));
    assert!(shape("[shape.meta]\ntimestamp = { path = \"/t\", unit = \"min\" }").contains("min"));
    assert!(shape("prioirty = 3").contains("prioirty"));
    assert!(Mappings::parse("[[shape]]\nname = \"x\"").unwrap_err().to_string().contains("every record"));
    assert!(Mappings::parse("").unwrap_err().to_string().contains("[[shape]]"));
}
