//! The common names of canonical fields (record-shapes §10.2): for each field the first key that holds a value. This runs
//! after a shape has set what it knows, so it only fills gaps; shapes whose own words mean something else are excepted.

use super::figures::{figures, outcome, params, scores, tags};
use super::{Metadata, find, first, id, provider, set, set_id, word};
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
    set_id(&mut metadata.request_id, first(object, &["request_id", "requestId", "x-request-id", "response/request_id"]));
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
    set_id(&mut metadata.trace_id, first(object, &["trace_id", "traceId", "context/trace_id", "litellm_trace_id"]));
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
    let own_session = if shape == LangsmithRun { sessions.get(1..).unwrap_or_default() } else { &sessions };
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
    if matches!(shape, GatewayPair | Witness | LangsmithRun | LangfuseTrace | Generic) {
        applications.extend(["metadata/app", "task"]);
    }
    let application = applications.iter().find_map(|key| find(object, key).filter(is_word));
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
        .find_map(|key| find(object, key).filter(|value| is_word(value) || value.as_i64().is_some())),
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
    set(&mut metadata.model, answered.iter().find_map(|key| find(object, key).filter(is_name)));
    let asked = ["model", "request_model", "gen_ai.request.model", "llm.request.model"];
    set(&mut metadata.model_requested, asked.iter().find_map(|key| find(object, key).filter(is_name)));
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
        let named = named.iter().find_map(|key| find(object, key).filter(is_name)).and_then(word);
        metadata.provider = named.map(|name| provider::canonical(&name)).filter(|name| !name.is_empty());
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
