//! A response recorded as the stream in which it came (server-sent events), put together to what it would be without streaming,
//! in the provider's own words. Only readers of turns see it so: labels name the text as it stands in the record.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::shape::json::Json;

/// Deltas joined by the key they add to.
type Texts = BTreeMap<&'static str, String>;

/// True for a text that begins as a stream does; some servers keep the line open with comments before the first event.
pub(super) fn is_stream(raw: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b": "].iter().any(|start| raw.starts_with(start)) && memchr::memmem::find(raw, b"data:").is_some()
}

/// The response that a stream tells, as JSON; nothing where it is a stream of something else.
pub(super) fn assembled(text: &str) -> Option<String> {
    let events = || text.lines().filter_map(|line| Json::parse(line.strip_prefix("data:")?.trim().as_bytes()));
    let first = events().next()?;
    if first.get("choices").is_some() {
        return Some(chat(events()));
    }
    if first.get("candidates").is_some() {
        return Some(candidates(events()));
    }
    let kind = first.get("type")?.as_str()?;
    match &*kind {
        "message_start" => Some(message(events())),
        _ if kind.starts_with("response.") => responses(events()),
        _ => None,
    }
}

fn text_of(value: Option<Json<'_>>) -> Option<String> {
    value?.as_str().map(String::from).filter(|text| !text.is_empty())
}

/// Adds to the text of a key.
fn push(texts: &mut Texts, key: &'static str, more: Option<Json<'_>>) {
    if let Some(more) = text_of(more) {
        texts.entry(key).or_default().push_str(&more);
    }
}

fn place(value: Json<'_>) -> i64 {
    value.get("index").and_then(Json::as_i64).unwrap_or_default()
}

fn owned(texts: Texts) -> serde_json::Map<String, Value> {
    texts.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect()
}

/// Chunks of OpenAI's chat format: texts and arguments come in pieces, calls by their index.
fn chat<'e>(events: impl Iterator<Item = Json<'e>>) -> String {
    #[derive(Default)]
    struct Choice {
        said: Texts,
        calls: BTreeMap<i64, Texts>,
    }
    let mut choices: BTreeMap<i64, Choice> = BTreeMap::new();
    for event in events {
        for chunk in event.get("choices").into_iter().flat_map(Json::items) {
            let choice = choices.entry(place(chunk)).or_default();
            let Some(delta) = chunk.get("delta") else { continue };
            for key in ["content", "refusal", "reasoning_content", "reasoning"] {
                push(&mut choice.said, key, delta.get(key));
            }
            for call in delta.get("tool_calls").into_iter().flat_map(Json::items) {
                let texts = choice.calls.entry(place(call)).or_default();
                // Some servers say the id and the name again with each piece.
                for (key, value) in [("id", call.get("id")), ("name", call.pointer("/function/name"))] {
                    if !texts.contains_key(key) {
                        push(texts, key, value);
                    }
                }
                push(texts, "arguments", call.pointer("/function/arguments"));
            }
        }
    }
    let call = |mut texts: Texts| {
        let mut take = |key| texts.remove(key).unwrap_or_default();
        let function = serde_json::json!({"name": take("name"), "arguments": take("arguments")});
        serde_json::json!({"id": take("id"), "type": "function", "function": function})
    };
    let choice = |(index, Choice { said, calls }): (i64, Choice)| {
        let mut message = owned(said);
        message.insert("role".into(), "assistant".into());
        if !calls.is_empty() {
            message.insert("tool_calls".into(), calls.into_values().map(call).collect());
        }
        serde_json::json!({"index": index, "message": message})
    };
    let choices: Vec<Value> = choices.into_iter().map(choice).collect();
    serde_json::json!({"object": "chat.completion", "choices": choices}).to_string()
}

/// Blocks of Anthropic's messages by their index: each is begun with what is known of it and goes on in pieces.
fn message<'e>(events: impl Iterator<Item = Json<'e>>) -> String {
    let mut blocks: BTreeMap<i64, (Json<'e>, Texts)> = BTreeMap::new();
    for event in events {
        if let Some(begun) = event.get("content_block") {
            blocks.insert(place(event), (begun, Texts::new()));
        }
        if let (Some(delta), Some((_, texts))) = (event.get("delta"), blocks.get_mut(&place(event))) {
            for key in ["text", "thinking", "partial_json"] {
                push(texts, key, delta.get(key));
            }
        }
    }
    // Arguments go in as they came: their digits and the order of their keys are the model's words.
    let block = |(begun, mut texts): (Json<'_>, Texts)| {
        let input = texts.remove("partial_json").filter(|json| Json::parse(json.as_bytes()).is_some());
        let mut entries: Vec<String> = Vec::new();
        for (key, value) in begun.entries() {
            let key = crate::shape::json::decode_key(key);
            let value = match (input.as_deref(), texts.get(&*key)) {
                (Some(input), _) if key == "input" => input.to_owned(),
                (_, Some(text)) => Value::from(text.as_str()).to_string(),
                _ => String::from_utf8_lossy(value.raw()).into_owned(),
            };
            entries.push(format!("{}:{value}", Value::from(&*key)));
        }
        format!("{{{}}}", entries.join(","))
    };
    let blocks: Vec<String> = blocks.into_values().map(block).collect();
    format!(r#"{{"type":"message","role":"assistant","content":[{}]}}"#, blocks.join(","))
}

/// Events of OpenAI's responses say everything again when it is finished: the whole at the end, or else item by item.
fn responses<'e>(events: impl Iterator<Item = Json<'e>>) -> Option<String> {
    let (mut whole, mut items) = (None, Vec::new());
    for event in events {
        let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
        match &*kind {
            "response.completed" | "response.incomplete" | "response.failed" => whole = event.get("response").or(whole),
            "response.output_item.done" => items.extend(event.get("item").map(Json::raw)),
            _ => {}
        }
    }
    let says = |response: &Json<'_>| response.get("output").is_some_and(|output| output.at(0).is_some());
    if let Some(whole) = whole.filter(|whole| says(whole) || items.is_empty()) {
        return Some(String::from_utf8_lossy(whole.raw()).into_owned());
    }
    let items: Vec<_> = items.into_iter().map(String::from_utf8_lossy).collect();
    (!items.is_empty()).then(|| format!(r#"{{"object":"response","output":[{}]}}"#, items.join(",")))
}

/// Parts of Gemini's candidates: texts go on where the last one was of the same kind.
fn candidates<'e>(events: impl Iterator<Item = Json<'e>>) -> String {
    enum Part<'e> {
        Text(bool, String),
        Other(Json<'e>),
    }
    let mut all: BTreeMap<i64, Vec<Part<'e>>> = BTreeMap::new();
    for event in events {
        for candidate in event.get("candidates").into_iter().flat_map(Json::items) {
            let parts = all.entry(place(candidate)).or_default();
            for part in candidate.pointer("/content/parts").into_iter().flat_map(Json::items) {
                let thought = part.get("thought").and_then(Json::as_bool).unwrap_or_default();
                match (part.get("text").and_then(Json::as_str), parts.last_mut()) {
                    (Some(more), Some(Part::Text(before, text))) if *before == thought => text.push_str(&more),
                    (Some(text), _) => parts.push(Part::Text(thought, text.into_owned())),
                    (None, _) => parts.push(Part::Other(part)),
                }
            }
        }
    }
    let part = |part: &Part<'_>| match part {
        Part::Text(true, text) => serde_json::json!({"thought": true, "text": text}).to_string(),
        Part::Text(false, text) => serde_json::json!({ "text": text }).to_string(),
        Part::Other(value) => String::from_utf8_lossy(value.raw()).into_owned(),
    };
    let candidate = |parts: &Vec<Part<'_>>| {
        let parts: Vec<String> = parts.iter().map(part).collect();
        format!(r#"{{"content":{{"role":"model","parts":[{}]}}}}"#, parts.join(","))
    };
    let all: Vec<String> = all.values().map(candidate).collect();
    format!(r#"{{"candidates":[{}]}}"#, all.join(","))
}

#[cfg(test)]
mod tests {
    use crate::shape::{Hints, Record, SegmentType, Turn};

    fn turns(stream: &str) -> Vec<Turn> {
        let request = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "q"}]});
        let line =
            serde_json::json!({"request": {"method": "POST", "body": request}, "response": {"status": 200, "body": stream}});
        let line = line.to_string();
        let record = Record::read(line.as_bytes());
        record.turns(&record.detect(&Hints::default()))
    }

    #[track_caller]
    fn says(stream: &str, wanted: &[(SegmentType, &str)]) {
        let turns = turns(stream);
        let said: Vec<(SegmentType, &str)> = turns.iter().skip(1).map(|turn| (turn.kind, turn.text.as_str())).collect();
        assert_eq!(said, wanted, "{stream}");
    }

    // Gateways keep what came over the wire. An answer that nobody puts together is lost to every export, or stands in it as a
    // heap of events. (Seen red without the assembly.)
    #[test]
    fn a_recorded_stream_says_what_the_response_would_have_said() {
        use SegmentType::{AssistantTurn, Reasoning, ToolCall};
        let chunk = |delta: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
        let chat = [
            r#"{"role":"assistant","content":null,"reasoning_content":"let me "}"#,
            r#"{"reasoning_content":"see"}"#,
            r#"{"content":"Oslo "}"#,
            r#"{"content":"is \"wet\"."}"#,
            r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":"}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":"{\"b\":2}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"1.0}"}}]}"#,
        ];
        let answer = (AssistantTurn, "Oslo is \"wet\".");
        let calls = [(ToolCall, "{\"a\":1.0}"), (ToolCall, "{\"b\":2}")];
        let chat = format!(": PROCESSING\n\n{}data: [DONE]\n\n", chat.map(chunk).concat());
        says(&chat, &[(Reasoning, "let me see"), answer, calls[0], calls[1]]);

        let block = |index, kind: &str, deltas: &[&str]| {
            let begin =
                format!("event: x\ndata: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{kind}}}\n\n");
            let delta = |delta: &&str| {
                format!("event: x\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{delta}}}\n\n")
            };
            begin + &deltas.iter().map(delta).collect::<String>()
        };
        let anthropic = r#"event: message_start
data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","content":[]}}

"#
        .to_owned()
            + &block(
                0,
                r#"{"type":"thinking","thinking":"","signature":""}"#,
                &[
                    r#"{"type":"thinking_delta","thinking":"let me "}"#,
                    r#"{"type":"thinking_delta","thinking":"see"}"#,
                    r#"{"type":"signature_delta","signature":"AA"}"#,
                ],
            )
            + &block(
                1,
                r#"{"type":"text","text":""}"#,
                &[r#"{"type":"text_delta","text":"Oslo "}"#, r#"{"type":"text_delta","text":"is \"wet\"."}"#],
            )
            + &block(
                2,
                r#"{"type":"tool_use","id":"c1","name":"f","input":{}}"#,
                &[
                    r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#,
                    r#"{"type":"input_json_delta","partial_json":"1.0}"}"#,
                ],
            )
            + &block(3, r#"{"type":"tool_use","id":"c2","name":"g","input":{"b":2}}"#, &[]);
        says(&anthropic, &[(Reasoning, "let me see"), answer, calls[0], calls[1]]);

        let gemini = r#"data: {"candidates":[{"content":{"role":"model","parts":[{"thought":true,"text":"let me "}]}}]}

data: {"candidates":[{"content":{"role":"model","parts":[{"thought":true,"text":"see"},{"text":"Oslo "}]}}]}

data: {"candidates":[{"content":{"role":"model","parts":[{"text":"is \"wet\"."},{"functionCall":{"name":"f","args":{"a":1.0}}}]}}]}
"#;
        says(&gemini.replace('\n', "\r\n"), &[(Reasoning, "let me see"), answer, calls[0]]);

        let said = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Oslo is \"wet\"."}]}"#;
        let call = r#"{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1.0}"}"#;
        let done = |item: &str| format!("data: {{\"type\":\"response.output_item.done\",\"item\":{item}}}\n\n");
        let begun = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"object\":\"response\",\"output\":[]}}\n\n";
        let cut_off = format!("{begun}{}{}", done(said), done(call));
        says(&cut_off, &[answer, calls[0]]);
        let whole = format!(
            "data: {{\"type\":\"response.completed\",\"response\":{{\"object\":\"response\",\"output\":[{said},{call}]}}}}\n\n"
        );
        says(&(cut_off + &whole), &[answer, calls[0]]);
    }

    #[test]
    fn nothing_is_made_of_streams_of_something_else() {
        assert_eq!(super::assembled("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}\n\n"), None);
        assert_eq!(super::assembled("data:image/png;base64,AAAA"), None);
        assert_eq!(super::assembled("data: [DONE]"), None);
    }
}
