//! Where gateways, loggers and traces keep their fields (record-shapes §7), and what their embedded request and response
//! add. An inner body is read as the shape it has; the envelope wins where both know.

use super::figures::error_text;
use super::spans::{mlflow, otlp, span};
use super::{Metadata, find, first, id, number, set, set_id, usage, word};
use crate::shape::detect::detect_object;
use crate::shape::detect::gateways::{Body, PAIRS, body_at, body_of};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, Object};

pub(super) fn read(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    match shape {
        LitellmSlp => litellm(metadata, object),
        HeliconeRequest => helicone(metadata, object),
        LangfuseObservation | LangfuseTrace => langfuse(metadata, object),
        LangsmithRun => langsmith(metadata, object),
        OpeninferenceSpan | OtelGenai => span(metadata, object),
        Otlp => otlp(metadata, object),
        MlflowTrace => mlflow(metadata, object),
        WeaveCall => weave(metadata, object),
        BedrockInvocationLog => bedrock(metadata, object),
        LlmCliRow => llm_row(metadata, object),
        OpenrouterGeneration => openrouter(metadata, object),
        GatewayPair => pair(metadata, object),
        Witness => witness(metadata, object),
        AnthropicBatchIn | AnthropicBatchOut | OpenaiBatchIn | OpenaiBatchOut | GeminiBatch | BedrockBatch => {
            batch(metadata, object)
        }
        _ => {}
    }
}

impl Metadata {
    /// Reads an embedded request or response; JSON in a string is followed. Ids are looked for in such strings only as far as
    /// [`crate::record::naming`] knows them.
    fn embed(&mut self, body: Option<Json<'_>>) {
        let Some(body) = body else { return };
        let inner = match body.as_str() {
            None => embedded(body),
            Some(text) if is_stream(&text) => streamed(&text),
            Some(text) => Json::parse(text.as_bytes()).filter(|value| value.is_object()).map(embedded).unwrap_or_default(),
        };
        self.absorb(inner);
    }

    /// Reads an embedded request.
    fn embed_request(&mut self, body: Option<Json<'_>>) {
        let Some(body) = body else { return };
        let inner = match body.as_str() {
            None => requested(body),
            Some(text) => Json::parse(text.as_bytes()).map(requested).unwrap_or_default(),
        };
        self.absorb(inner);
    }
}

/// Some servers keep the line open with comments before the first event.
fn is_stream(text: &str) -> bool {
    text.starts_with("data:") || text.starts_with("event:") || text.starts_with(':') && text.contains("\ndata:")
}

/// A recorded event stream: the first event names response and model, the last ones count the tokens.
fn streamed(text: &str) -> Metadata {
    let mut whole = Metadata::default();
    for line in text.lines() {
        let Some(event) = line.strip_prefix("data:").and_then(|data| Json::parse(data.as_bytes())) else {
            continue;
        };
        let event = embedded(event);
        let later = |slot: &mut Option<u64>, count: Option<u64>| *slot = count.or(*slot);
        later(&mut whole.tokens_in, event.tokens_in.filter(|count| *count > 0));
        later(&mut whole.tokens_in_cached, event.tokens_in_cached);
        later(&mut whole.tokens_in_cache_write, event.tokens_in_cache_write);
        later(&mut whole.tokens_out, event.tokens_out);
        later(&mut whole.tokens_reasoning, event.tokens_reasoning);
        whole.stop_reason = event.stop_reason.clone().or(whole.stop_reason.take());
        whole.absorb(Metadata { record_id: event.response_id.clone(), params: Vec::new(), tags: Vec::new(), ..event });
    }
    whole.tokens_total = whole.tokens_in.zip(whole.tokens_out).map(|(input, output)| input.saturating_add(output));
    whole
}

/// A request is read without asking for its shape: it is most of its record, and its fields have common names.
fn requested(body: Json<'_>) -> Metadata {
    let mut inner = Metadata::default();
    if let Some(object) = Object::of(body) {
        super::providers::read(&mut inner, OpenaiResponsesRequest, &object);
        super::common::read(&mut inner, OpenaiResponsesRequest, &object);
        inner.application = None;
        let by_model = inner.model_requested.as_deref().and_then(super::provider::of_model);
        inner.provider = inner.provider.or(by_model);
        inner.model_requested = inner.model.take().or(inner.model_requested);
    }
    inner
}

fn embedded(body: Json<'_>) -> Metadata {
    let mut inner = Metadata::default();
    if let Some(object) = Object::of(body) {
        let shape = detect_object(&object, 1);
        // The name of an inner tool or message is nobody's application, and its tags are not the record's.
        super::providers::read(&mut inner, shape, &object);
        super::common::read(&mut inner, shape, &object);
        inner.application = None;
        inner.finish(shape);
        if matches!(shape, OpenaiChatRequest | AnthropicRequest | GeminiRequest | OpenaiResponsesRequest | Messages) {
            inner.model_requested = inner.model.take();
        }
    }
    inner
}

fn litellm(metadata: &mut Metadata, object: &Object<'_>) {
    if let Some(inner) = find(object, "standard_logging_object").and_then(Object::of) {
        litellm(metadata, &inner);
        return super::common::read(metadata, LitellmSlp, &inner);
    }
    let start = find(object, "startTime").and_then(number);
    let after = |key| Some((find(object, key).and_then(number)? - start?) * 1000.0).filter(|ms| *ms >= 0.0);
    // `response_time` is the time to the first token when streaming: the difference is the truth.
    metadata.latency_ms = after("endTime");
    let streams = find(object, "stream").is_some_and(|flag| flag.raw() == b"true");
    metadata.ttft_ms = after("completionStartTime").filter(|_| streams);
    set(&mut metadata.application, first(object, &["metadata/user_api_key_alias", "metadata/user_api_key_team_alias"]));
    set_id(&mut metadata.conversation_id, first(object, &["metadata/requester_metadata/session_id", "metadata/session_id"]));
    set(&mut metadata.error, find(object, "error_information/error_message").filter(|text| !text.is_blank()));
    metadata.embed(find(object, "response").filter(|response| response.is_object()));
}

fn helicone(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, find(object, "request_id"));
    set_id(&mut metadata.conversation_id, find(object, "request_properties/Helicone-Session-Id"));
    set(&mut metadata.application, first(object, &["request_properties/appname", "request_properties/App"]));
    set(&mut metadata.end_user, find(object, "request_user_id"));
    metadata.other_id(find(object, "response_id"));
    metadata.time("request_created_at", find(object, "request_created_at"));
    if find(object, "response_status").and_then(number).is_some_and(|status| !(0.0..400.0).contains(&status)) {
        metadata.error =
            find(object, "response_body/error").and_then(error_text).or_else(|| find(object, "response_status").and_then(word));
    }
    metadata.embed(find(object, "response_body"));
    metadata.embed_request(find(object, "request_body"));
}

fn langfuse(metadata: &mut Metadata, object: &Object<'_>) {
    // Langfuse counts latency in seconds.
    metadata.latency_ms = find(object, "latency").and_then(number).map(|seconds| seconds * 1000.0);
    metadata.ttft_ms =
        first(object, &["timeToFirstToken", "time_to_first_token"]).and_then(number).map(|seconds| seconds * 1000.0);
    set(&mut metadata.application, find(object, "name"));
    if find(object, "level").is_some_and(|level| level.is_text("ERROR")) {
        metadata.error = first(object, &["status_message", "statusMessage"]).and_then(word).or(Some("ERROR".into()));
    }
    if find(object, "observations").is_some() {
        set_id(&mut metadata.trace_id, find(object, "id"));
    }
}

fn langsmith(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(
        &mut metadata.conversation_id,
        first(object, &["extra/metadata/session_id", "extra/metadata/conversation_id", "extra/metadata/thread_id"]),
    );
    set(&mut metadata.model, first(object, &["extra/metadata/ls_model_name", "outputs/llm_output/model_name"]));
    set(&mut metadata.provider, find(object, "extra/metadata/ls_provider"));
    set(&mut metadata.application, find(object, "name"));
    metadata.tag_pair("run_type", find(object, "run_type"));
    if let Some(usage) = first(object, &["outputs/llm_output/token_usage", "outputs/usage_metadata"])
        && find(object, "completion_tokens").is_none()
    {
        metadata.usage(usage::read(usage));
    }
}

fn weave(metadata: &mut Metadata, object: &Object<'_>) {
    set(&mut metadata.end_user, find(object, "wb_user_id"));
    set(&mut metadata.project, find(object, "project_id"));
    set(&mut metadata.application, find(object, "op_name"));
    // Usage is summed per model under the model's name.
    if let Some((model, usage)) = find(object, "summary/usage").and_then(|usage| usage.entries().next()) {
        metadata.model = Some(String::from_utf8_lossy(model).into_owned());
        metadata.usage(usage::read(usage));
    }
    metadata.embed(find(object, "output").filter(|output| output.is_object()));
    metadata.embed_request(find(object, "inputs").filter(|inputs| inputs.is_object()));
}

fn bedrock(metadata: &mut Metadata, object: &Object<'_>) {
    set(&mut metadata.application, find(object, "identity/arn"));
    metadata.provider.get_or_insert_with(|| "bedrock".into());
    let count = |path| find(object, path).and_then(number).map(|count| count.max(0.0) as u64);
    let (cached, written) = (count("input/cacheReadInputTokenCount"), count("input/cacheWriteInputTokenCount"));
    let input = count("input/inputTokenCount").map(|input| input + cached.unwrap_or(0) + written.unwrap_or(0));
    let output = count("output/outputTokenCount");
    metadata.usage(usage::Usage {
        input,
        cached,
        cache_write: written,
        output,
        reasoning: None,
        total: input.zip(output).map(|(input, output)| input + output),
    });
    metadata.embed(find(object, "output/outputBodyJson"));
}

fn llm_row(metadata: &mut Metadata, object: &Object<'_>) {
    set(&mut metadata.title, find(object, "conversation_name"));
    set_id(&mut metadata.response_id, find(object, "response_json/id"));
    metadata.time("datetime_utc", find(object, "datetime_utc"));
    metadata.application.get_or_insert_with(|| "llm".into());
}

/// All figures in milliseconds, in an envelope or without.
fn openrouter(metadata: &mut Metadata, object: &Object<'_>) {
    let inner = find(object, "data").and_then(Object::of);
    let data = inner.as_ref().unwrap_or(object);
    set_id(&mut metadata.record_id, find(data, "id"));
    set_id(&mut metadata.response_id, find(data, "upstream_id"));
    metadata.latency_ms = first(data, &["generation_time", "latency"]).and_then(number);
    metadata.ttft_ms = find(data, "latency").and_then(number).filter(|_| find(data, "generation_time").is_some());
    set(&mut metadata.application, first(data, &["origin", "app_id"]));
    super::common::read(metadata, OpenrouterGeneration, data);
}

fn pair(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.trace_id, first(object, &["metadata/traceId", "metadata/trace_id"]));
    set(&mut metadata.end_user, first(object, &["metadata/user", "metadata/_user"]));
    let Some((request, response)) =
        PAIRS.iter().find_map(|(request, response)| Some((find(object, request)?, find(object, response)?)))
    else {
        return;
    };
    set(&mut metadata.error, response.get("error").filter(|error| error.is_string() && !error.is_blank()));
    metadata.latency_ms = response.get("response_time").and_then(number);
    status(metadata, response);
    let (Body::Value(answer) | Body::Text(answer)) = body_of(response);
    metadata.embed(Some(answer));
    let (pointer, Body::Value(asked) | Body::Text(asked)) = body_at(request);
    // Beside a body stands the transport; without one the wrapper is the request, and read as such.
    let provider = request.get("provider").filter(|provider| !pointer.is_empty() && provider.is_string());
    set(&mut metadata.provider, provider);
    metadata.embed_request(Some(asked));
}

/// The status of a response: a number, or `{code, message}`.
fn status(metadata: &mut Metadata, response: Json<'_>) {
    let code = response.get("status").map(|status| status.get("code").unwrap_or(status)).or_else(|| response.get("status_code"));
    if code.is_some_and(|code| code.as_i64().is_some()) {
        set(&mut metadata.status, code);
    }
}

fn witness(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, first(object, &["request_id", "req_id", "id"]));
    metadata
        .tag_pair("route", first(object, &["routing/decision", "route", "router", "decision"]).filter(|route| route.is_string()));
    metadata.embed(find(object, "response").filter(|response| response.is_object()));
}

fn batch(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, first(object, &["custom_id", "key", "recordId"]));
    metadata.other_id(find(object, "id"));
    set(&mut metadata.status, first(object, &["result/type", "response/status_code", "status"]));
    metadata.error = first(object, &["result/error/error/message", "result/error", "error"]).and_then(error_text);
    for path in ["result/message", "response/body", "modelOutput", "params", "body", "request", "modelInput"] {
        metadata.embed(find(object, path));
    }
    if find(object, "response/body").is_none() {
        metadata.embed(find(object, "response"));
    }
    // The join key of request and result, for records that name no session of their own.
    if metadata.response_id.is_some() && metadata.response_id == metadata.record_id {
        metadata.response_id = None;
    }
    let request = find(object, "response/request_id").and_then(id);
    metadata.request_id = request.or(metadata.request_id.take());
}
