//! The common names of canonical fields (record-shapes §10.2): for each field the first key that holds a value. This runs
//! after a shape has set what it knows, so it only fills gaps; shapes whose own words mean something else are excepted.

use super::{Metadata, find, first, id, number, provider, set, set_id, usage, word};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, Object};

pub(super) fn read(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    ids(metadata, shape, object);
    people(metadata, shape, object);
    models(metadata, object);
    // A latency the record states goes before one computed from its times.
    figures(metadata, shape, object);
    times(metadata, object);
    outcome(metadata, object);
    scores(metadata, shape, object);
    tags(metadata, object);
    params(metadata, object);
}

fn ids(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    let keys = [
        "id",
        "uuid",
        "request_id",
        "requestId",
        "custom_id",
        "response_id",
        "generation_id",
        "message_id",
        "run_id",
        "span_id",
        "spanId",
        "doc_id",
        "question_id",
    ];
    // An id is a scalar: LangChain's `id` is a list, and a later key may hold the real one.
    if metadata.record_id.is_none() {
        metadata.record_id = keys.iter().find_map(|key| id(find(object, key)?));
    }
    set_id(
        &mut metadata.request_id,
        first(
            object,
            &[
                "request_id",
                "requestId",
                "x-request-id",
                "response/request_id",
            ],
        ),
    );
    if !matches!(shape, OpenaiResponsesItem | CodexRollout) {
        set_id(&mut metadata.request_id, find(object, "call_id"));
    }
    set_id(&mut metadata.response_id, find(object, "response_id"));
    set_id(
        &mut metadata.parent_id,
        first(
            object,
            &[
                "parentUuid",
                "parentId",
                "parent_id",
                "parent_run_id",
                "parentObservationId",
                "parent_observation_id",
                "parent_span_id",
                "parentSpanId",
                "previous_response_id",
                "cause",
            ],
        )
        .filter(|value| !value.is_blank()),
    );
    set_id(
        &mut metadata.trace_id,
        first(
            object,
            &[
                "trace_id",
                "traceId",
                "context/trace_id",
                "litellm_trace_id",
            ],
        ),
    );
    let sessions = [
        "session_id",
        "sessionId",
        "sessionID",
        "conversation_id",
        "conversationId",
        "thread_id",
        "threadId",
        "chat_id",
        "metadata/session_id",
        "metadata/conversation_id",
        "metadata/thread_id",
        "gen_ai.conversation.id",
        "session.id",
        "conversation_hash",
        "message_tree_id",
    ];
    let own_session = if shape == LangsmithRun {
        sessions.get(1..).unwrap_or_default()
    } else {
        &sessions
    };
    set_id(&mut metadata.conversation_id, first(object, own_session));
}

fn people(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    let is_word = |value: &Json<'_>| value.is_string() && value.raw().len() <= 200;
    let mut applications = vec![
        "application",
        "app",
        "app_name",
        "appname",
        "project",
        "service.name",
        "originator",
        "agent/name",
        "op_name",
        "key_alias",
        "team",
    ];
    // Where a person or a message has a name, `name` is no program; a dataset's `task` may be the prompt.
    if matches!(
        shape,
        GatewayPair | Witness | LangsmithRun | LangfuseTrace | Generic
    ) {
        applications.extend(["metadata/app", "task"]);
    }
    let application = applications
        .iter()
        .find_map(|key| find(object, key).filter(is_word));
    set(&mut metadata.application, application);
    set(
        &mut metadata.end_user,
        [
            "end_user",
            "user",
            "user_id",
            "userId",
            "safety_identifier",
            "request_user_id",
            "metadata/user_id",
            "metadata/user",
            "user_hash",
        ]
        .iter()
        .find_map(|key| {
            find(object, key).filter(|value| is_word(value) || value.as_i64().is_some())
        }),
    );
    set(&mut metadata.project, find(object, "cwd"));
    set(&mut metadata.title, find(object, "title").filter(is_word));
}

fn models(metadata: &mut Metadata, object: &Object<'_>) {
    let is_name = |value: &Json<'_>| value.is_string();
    let answered = [
        "response_model",
        "modelVersion",
        "model_version",
        "model_id",
        "modelId",
        "modelID",
        "provided_model_name",
        "model_name",
        "llm.model_name",
        "gen_ai.response.model",
        "generator",
    ];
    set(
        &mut metadata.model,
        answered
            .iter()
            .find_map(|key| find(object, key).filter(is_name)),
    );
    let asked = [
        "model",
        "request_model",
        "gen_ai.request.model",
        "llm.request.model",
    ];
    set(
        &mut metadata.model_requested,
        asked
            .iter()
            .find_map(|key| find(object, key).filter(is_name)),
    );
    let named = [
        "provider",
        "custom_llm_provider",
        "providerID",
        "provider_name",
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "model_provider",
    ];
    if metadata.provider.is_none() {
        let named = named
            .iter()
            .find_map(|key| find(object, key).filter(is_name))
            .and_then(word);
        metadata.provider = named
            .map(|name| provider::canonical(&name))
            .filter(|name| !name.is_empty());
    }
}

fn times(metadata: &mut Metadata, object: &Object<'_>) {
    let starts = [
        "timestamp",
        "ts",
        "time",
        "start_time",
        "startTime",
        "started_at",
        "request_created_at",
        "created_at",
        "createdAt",
        "created",
        "create_time",
        "createTime",
        "created_date",
        "datetime_utc",
        "date",
        "startTimeUnixNano",
        "start_time_unix_nano",
        "timeUnixNano",
        "observedTimeUnixNano",
        "tstamp",
        "request_time",
        "end_time",
        "endTime",
        "processed_time",
    ];
    for key in starts {
        metadata.time(key, find(object, key));
    }
    for (start, end) in [
        ("start_time", "end_time"),
        ("startTime", "endTime"),
        ("started_at", "ended_at"),
        ("startTimeUnixNano", "endTimeUnixNano"),
        ("start_time_unix_nano", "end_time_unix_nano"),
        ("request_created_at", "response_created_at"),
    ] {
        metadata.span_of_time(find(object, start), find(object, end));
    }
}

fn figures(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    let milliseconds = [
        "latency_ms",
        "latencyMs",
        "delay_ms",
        "duration_ms",
        "durationMs",
        "response_ms",
        "execution_time_ms",
        "latency_ms/total",
        "metrics/latencyMs",
        "response/response_time",
    ];
    let milliseconds = || {
        milliseconds
            .iter()
            .find_map(|path| number(find(object, path)?))
    };
    let seconds = [
        "duration",
        "total_time",
        "execution_time",
        "latency_s",
        "latency_seconds",
    ];
    // Under `latency` and its like the unit differs: only shapes that say so read them (their own file does).
    let is_seconds = !matches!(shape, OpenrouterGeneration | LitellmSlp);
    let seconds = || {
        seconds
            .iter()
            .filter(|_| is_seconds)
            .find_map(|path| Some(number(find(object, path)?)? * 1000.0))
    };
    metadata.latency_ms = metadata
        .latency_ms
        .or_else(milliseconds)
        .or_else(seconds)
        .filter(|ms| *ms >= 0.0);
    let first_token = [
        "ttft_ms",
        "time_to_first_token_ms",
        "time_to_first_token",
        "ttft",
    ];
    metadata.ttft_ms = metadata.ttft_ms.or_else(|| {
        first_token
            .iter()
            .find_map(|path| number(find(object, path)?))
    });
    for path in [
        "usage",
        "usageMetadata",
        "usage_metadata",
        "token_usage",
        "usage_details",
        "usageDetails",
        "meta_info",
        "tokens",
        "meta/tokens",
    ] {
        if let Some(value) = find(object, path).filter(|value| value.is_object()) {
            metadata.usage(usage::read(value));
        }
    }
    metadata.usage(usage::beside(object));
    let costs = [
        "cost_usd",
        "costUSD",
        "response_cost",
        "total_cost",
        "totalCost",
        "cost",
        "total_cost_usd",
        "cost/total",
        "usage/cost",
        "usage/cost/total",
        "cost_details/total",
        "costDetails/total",
        "agent_cost",
        "spend",
    ];
    metadata.cost_usd = metadata
        .cost_usd
        .or_else(|| costs.iter().find_map(|path| number(find(object, path)?)));
}

fn outcome(metadata: &mut Metadata, object: &Object<'_>) {
    set(
        &mut metadata.stop_reason,
        first(
            object,
            &[
                "finish_reason",
                "stop_reason",
                "stopReason",
                "finishReason",
                "done_reason",
                "stop_type",
                "termination_reason",
                "incomplete_details/reason",
            ],
        ),
    );
    set(
        &mut metadata.status,
        first(
            object,
            &[
                "status",
                "state",
                "status_code",
                "response_status",
                "response/status_code",
                "response/status",
            ],
        ),
    );
    for key in [
        "error",
        "error_str",
        "error_message",
        "exception",
        "errorCode",
    ] {
        if metadata.error.is_none() {
            metadata.error = find(object, key).and_then(error_text);
        }
    }
    let code: Option<u32> = metadata
        .status
        .as_deref()
        .and_then(|status| status.parse().ok());
    if let (None, Some(code @ 400..=599)) = (&metadata.error, code) {
        metadata.error = Some(format!("HTTP {code}"));
    }
}

/// The words of an error; an error may also be a flag or a thing.
pub(super) fn error_text(error: Json<'_>) -> Option<String> {
    match error.raw() {
        b"false" | b"null" | b"\"\"" | b"{}" | b"[]" | b"0" => None,
        b"true" => Some("error".into()),
        _ if error.is_object() => ["message", "error", "detail", "type", "code"]
            .iter()
            .find_map(|key| error_text(error.get(key)?))
            .or_else(|| Some("error".into())),
        _ => word(error),
    }
}

fn scores(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    let names = [
        "quality_score",
        "quality/score",
        "score",
        "reward",
        "reward_info/reward",
        "rating",
        "feedback_rating",
        "gen_ai.evaluation.score.value",
        "exact_match",
        "acc",
        "score_chosen",
    ];
    let alpaca = (shape == Alpaca).then_some("preference");
    for name in names.into_iter().chain(alpaca) {
        if metadata.quality_score.is_some() {
            return;
        }
        metadata.score(name, find(object, name));
    }
    // Named scores: the first that is a number, an inspect grade, or `{value}`.
    for (key, path) in [("scores", "value"), ("feedback_stats", "avg")] {
        let Some(list) = find(object, key) else {
            continue;
        };
        let named = list.entries().map(|(_, value)| value).chain(list.items());
        for value in named {
            metadata.score(key, value.get(path).or(Some(value)));
        }
    }
}

impl Metadata {
    /// Takes a score; inspect's letters count as 1, ½ and 0.
    pub(super) fn score(&mut self, source: &str, value: Option<Json<'_>>) {
        let grade = |value: Json<'_>| match value.raw() {
            b"\"C\"" | b"true" => Some(1.0),
            b"\"P\"" => Some(0.5),
            b"\"I\"" | b"\"N\"" | b"false" => Some(0.0),
            _ => number(value),
        };
        if let (None, Some(score)) = (self.quality_score, value.and_then(grade)) {
            self.quality_score = Some(score);
            self.quality_source = Some(source.to_owned());
        }
    }
}

fn tags(metadata: &mut Metadata, object: &Object<'_>) {
    for key in [
        "tags",
        "request_tags",
        "labels",
        "tag.tags",
        "metadata",
        "request_properties",
        "requestMetadata",
    ] {
        let Some(value) = find(object, key) else {
            continue;
        };
        if value.is_string() && key != "metadata" {
            word(value).into_iter().for_each(|tag| metadata.tag(tag));
        }
        for tag in value
            .items()
            .filter(|item| item.is_string())
            .filter_map(word)
        {
            metadata.tag(tag);
        }
        for (name, value) in value
            .entries()
            .filter(|(_, value)| value.raw().len() <= 200)
        {
            metadata.tag_pair(&crate::shape::json::decode_key(name), Some(value));
        }
    }
    for key in ["source", "split", "category", "language"] {
        metadata.tag_pair(
            key,
            find(object, key).filter(|value| value.is_string() && value.raw().len() <= 100),
        );
    }
}

fn params(metadata: &mut Metadata, object: &Object<'_>) {
    const NAMES: [&str; 10] = [
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "seed",
        "stream",
        "reasoning_effort",
        "service_tier",
    ];
    let nested = [
        "model_parameters",
        "modelParameters",
        "generationConfig",
        "inferenceConfig",
        "options",
        "params",
    ];
    let inner = nested
        .iter()
        .filter_map(|key| Object::of(find(object, key)?))
        .next();
    for name in NAMES {
        let value = find(object, name).or_else(|| find(inner.as_ref()?, name));
        if let Some(value) = value
            .filter(|value| value.raw().len() <= 100)
            .and_then(word)
        {
            metadata.params.push((name.to_owned(), value));
        }
    }
}
