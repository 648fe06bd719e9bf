//! Tier 2: gateways, loggers and observability platforms, which embed requests and responses.

use super::{Keys, detect_inner};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, decode_key};

pub(super) fn detect(keys: &Keys<'_, '_>, depth: u8) -> Option<ShapeId> {
    loggers(keys)
        .or_else(|| spans(keys))
        .or_else(|| rows(keys))
        .or_else(|| (depth == 0 && is_pair(keys)).then_some(GatewayPair))
        .or_else(|| is_witness(keys).then_some(Witness))
}

fn loggers(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    let is_payload = keys.all(&["call_type", "startTime", "endTime"])
        && keys.any(&["model_map_information", "hidden_params", "response_cost"]);
    if keys.all(&["standard_logging_object"]) || is_payload {
        return Some(LitellmSlp);
    }
    if keys.all(&["request_id", "request_created_at"]) && keys.any(&["request_body", "response_status"]) {
        return Some(HeliconeRequest);
    }
    const OBSERVATIONS: &[&str] =
        &["GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"];
    if keys.type_in(OBSERVATIONS) && (keys.all(&["traceId"]) || keys.all(&["trace_id", "project_id"])) {
        return Some(LangfuseObservation);
    }
    if (keys.is_array("observations") && keys.all(&["timestamp"]))
        || keys.all(&["id", "timestamp", "input", "output", "environment"])
        || keys.all(&["project_id", "timestamp", "input", "output"])
    {
        return Some(LangfuseTrace);
    }
    keys.all(&["run_type", "inputs"]).then_some(LangsmithRun)
}

fn spans(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    const FLAT: [&str; 3] = ["attributes.llm.", "attributes.input.", "attributes.openinference."];
    let attributes = keys.get("attributes");
    let has = |prefix: &str| attributes.is_some_and(|attributes| has_attribute(attributes, prefix));
    if has("openinference.span.kind")
        || keys.any_key(|key, _| FLAT.iter().any(|prefix| key.starts_with(prefix)))
        || keys.probe("attributes", "/openinference/span").is_some()
    {
        return Some(OpeninferenceSpan);
    }
    if (keys.is_object("info") && keys.probe("data", "/spans").is_some())
        || has("mlflow.")
        || keys.all(&["trace_id", "request", "response", "execution_time_ms"])
    {
        return Some(MlflowTrace);
    }
    if has("gen_ai.") || ["name", "event_name", "eventName"].iter().any(|key| keys.starts(key, "gen_ai.")) {
        return Some(OtelGenai);
    }
    (keys.is_array("resourceSpans") || keys.is_array("resourceLogs")).then_some(Otlp)
}

/// Whether span attributes, an object or a list of `{key, value}`, hold a key with that prefix.
fn has_attribute(attributes: Json<'_>, prefix: &str) -> bool {
    attributes.entries().any(|(key, _)| decode_key(key).starts_with(prefix))
        || attributes
            .items()
            .any(|item| item.get("key").and_then(Json::raw_str).is_some_and(|key| key.starts_with(prefix.as_bytes())))
}

fn rows(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.all(&["op_name", "trace_id", "inputs"]) {
        return Some(WeaveCall);
    }
    if keys.is_text("schemaType", "ModelInvocationLog") {
        return Some(BedrockInvocationLog);
    }
    if keys.all(&["conversation_id", "datetime_utc", "response"]) {
        return Some(LlmCliRow);
    }
    let inner = keys.get("data").filter(|data| data.is_object());
    let native = ["native_tokens_prompt", "nativeTokensPrompt"]
        .iter()
        .any(|key| inner.map_or_else(|| keys.all(&[key]), |data| data.get(key).is_some()));
    native.then_some(OpenrouterGeneration)
}

/// The names under which loggers keep a request and its response.
pub(in crate::shape) const PAIRS: [(&str, &str); 9] = [
    ("request", "response"),
    ("input", "output"),
    ("request_body", "response_body"),
    ("inputs", "outputs"),
    ("req", "resp"),
    ("params", "completion"),
    ("raw_request", "raw_response"),
    ("kwargs", "result"),
    ("prompt_messages", "completion_message"),
];

fn is_pair(keys: &Keys<'_, '_>) -> bool {
    if keys.any(&["custom_id", "key"]) {
        return false;
    }
    PAIRS.iter().any(|(request, response)| {
        let (Some(request), Some(response)) = (keys.get(request), keys.get(response)) else {
            return false;
        };
        if keys.any(&["prompt_messages"]) {
            return super::is_messages(request) && response.is_object();
        }
        request.is_object()
            && response.is_object()
            && (with_body(request, is_request) || with_body(response, is_response) || is_exchange(request, response))
    })
}

/// Tests the body of a logged request or response, wherever its logger keeps it; a string body is read as JSON.
fn with_body(wrapper: Json<'_>, test: fn(ShapeId) -> bool) -> bool {
    match body_of(wrapper) {
        Body::Value(value) => test(detect_inner(value)),
        Body::Text(text) => {
            text.as_str().is_some_and(|text| Json::parse(text.as_bytes()).is_some_and(|value| test(detect_inner(value))))
        }
    }
}

/// A recorded HTTP exchange with a model, told by its path: the bodies may be streams or binary, which no shape matches.
fn is_exchange(request: Json<'_>, response: Json<'_>) -> bool {
    const PATHS: [&[u8]; 12] = [
        b"/chat/completions",
        b"/v1/messages",
        b"/v1/responses",
        b"/v1/completions",
        b"/embeddings",
        b"enerateContent",
        b"/converse",
        b"/invoke",
        b"/v2/chat",
        b"/v1/chat",
        b"/api/chat",
        b"/api/generate",
    ];
    let place = ["uri", "url", "path"].iter().find_map(|key| request.get(key)).and_then(Json::raw_str);
    let is_model = place.is_some_and(|place| PATHS.iter().any(|path| memchr::memmem::find(place, path).is_some()));
    is_model && request.get("method").is_some() && (response.get("status").is_some() || response.get("headers").is_some())
}

/// The body of a logged request or response.
pub(in crate::shape) enum Body<'a> {
    /// Structured JSON.
    Value(Json<'a>),
    /// A string that holds JSON, or an event stream.
    Text(Json<'a>),
}

/// Pointers to a body inside its wrapper, most specific first.
pub(in crate::shape) const BODIES: [&str; 5] = ["/body", "/parsed_body", "/json", "/postData/text", "/content/text"];

/// Finds the body of a logged request or response: inside the wrapper, or the wrapper itself.
pub(in crate::shape) fn body_of(wrapper: Json<'_>) -> Body<'_> {
    body_at(wrapper).1
}

/// As [`body_of`], with the pointer that leads to the body.
pub(in crate::shape) fn body_at(wrapper: Json<'_>) -> (&'static str, Body<'_>) {
    // One pass: a request body is most of its record, and looking five times would cost five scans.
    let mut found: [Option<Json<'_>>; 5] = [None; 5];
    for (key, value) in wrapper.entries() {
        let place = BODIES.iter().position(|pointer| pointer.split('/').nth(1).is_some_and(|name| name.as_bytes() == key));
        if let Some(slot) = place.and_then(|place| found.get_mut(place)) {
            *slot = Some(value);
        }
    }
    for (pointer, value) in BODIES.into_iter().zip(found) {
        let inner = pointer.split('/').nth(2);
        let body = value.and_then(|value| inner.map_or(Some(value), |key| value.get(key)));
        match body {
            Some(body) if body.is_object() || body.is_array() => {
                return (pointer, Body::Value(body));
            }
            Some(body) if body.is_string() && !body.is_blank() => {
                return (pointer, Body::Text(body));
            }
            _ => {}
        }
    }
    ("", Body::Value(wrapper))
}

/// Shapes a request body may have.
fn is_request(shape: ShapeId) -> bool {
    matches!(
        shape,
        OpenaiChatRequest
            | AnthropicRequest
            | GeminiRequest
            | BedrockConverseReq
            | OpenaiResponsesRequest
            | OllamaRequest
            | Messages
            | PromptCompletion
            | CohereV1Req
    )
}

/// Shapes a response body may have.
fn is_response(shape: ShapeId) -> bool {
    matches!(
        shape,
        OpenaiChatResponse
            | OpenaiChatChunk
            | OpenaiCompletionResponse
            | OpenaiResponsesResponse
            | AnthropicResponse
            | GeminiResponse
            | BedrockConverseResp
            | OllamaResponse
            | LlamacppResponse
            | CohereV2Resp
    )
}

/// An id and at least two marks of an audit record (record-shapes §9.6).
fn is_witness(keys: &Keys<'_, '_>) -> bool {
    if !keys.any(&["request_id", "req_id", "trace_id", "call_id"]) || keys.is_array("choices") || keys.all(&["prompt_token_ids"])
    {
        return false;
    }
    let starts = |prefixes: &[&str]| keys.any_key(|key, _| prefixes.iter().any(|prefix| key.starts_with(prefix)));
    let marks = [
        keys.any(&["session_id", "conversation_id"]),
        keys.any_key(|key, value| key.contains("embedding") && value.is_array()),
        keys.any(&["routing", "route", "router", "decision"]),
        starts(&["quality", "score", "rating", "feedback"]),
        starts(&["latency", "duration", "timing"]) || keys.any_key(|key, _| key.ends_with("_ms")),
        keys.all(&["error"]),
        keys.any(&["tags", "labels"]),
        keys.all(&["model"]),
    ];
    marks.iter().filter(|mark| **mark).count() >= 2
}
