//! Where spans keep their fields (record-shapes §7.5 to §7.7): under flat attribute names, in one of four encodings.

use super::{Metadata, find, first, number, set, set_id, usage, word};
use crate::shape::id::ShapeId::OtelGenai;
use crate::shape::json::{Json, Object};

/// A span: attributes are read as if they stood at the top, whichever way they are encoded.
pub(super) fn span(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, first(object, &["spanId", "span_id", "context/span_id"]));
    let attribute = |name: &str| attribute(object, name);
    let text = |names: &[&str]| names.iter().find_map(|name| attribute(name).and_then(word));
    let fill = |slot: &mut Option<String>, names: &[&str]| *slot = slot.take().or_else(|| text(names));
    fill(&mut metadata.model, &["gen_ai.response.model", "llm.model_name"]);
    fill(&mut metadata.model_requested, &["gen_ai.request.model"]);
    fill(&mut metadata.provider, &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"]);
    fill(&mut metadata.response_id, &["gen_ai.response.id"]);
    fill(&mut metadata.conversation_id, &["gen_ai.conversation.id", "session.id"]);
    fill(&mut metadata.end_user, &["user.id", "enduser.id"]);
    fill(&mut metadata.application, &["service.name", "gen_ai.agent.name", "traceloop.entity.name"]);
    fill(&mut metadata.error, &["error.type", "exception.message"]);
    fill(&mut metadata.stop_reason, &["gen_ai.response.finish_reasons"]);
    metadata.usage(usage_of_span(&attribute));
    metadata.score("gen_ai.evaluation.score.value", attribute("gen_ai.evaluation.score.value"));
    set(&mut metadata.status, first(object, &["status_code", "status/code"]));
    let failed = metadata.status.as_deref().is_some_and(|status| matches!(status, "ERROR" | "STATUS_CODE_ERROR" | "2"));
    if failed && metadata.error.is_none() {
        metadata.error = first(object, &["status_message", "status/message"]).and_then(word).or(Some("error".into()));
    }
}

fn usage_of_span<'v>(attribute: &impl Fn(&str) -> Option<Json<'v>>) -> usage::Usage {
    let count = |names: &[&str]| names.iter().find_map(|name| Some(number(attribute(name)?)?.max(0.0) as u64));
    let input = count(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"]);
    let output = count(&["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"]);
    usage::Usage {
        input,
        cached: count(&["gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read"]),
        cache_write: count(&["gen_ai.usage.cache_creation.input_tokens"]),
        output,
        reasoning: count(&["llm.token_count.completion_details.reasoning"]),
        total: count(&["llm.token_count.total"]).or_else(|| Some(input? + output?)),
    }
}

/// An attribute by its flat name: in an object, in a list of key and value, in nested objects, or as a column.
fn attribute<'v>(object: &Object<'v>, name: &str) -> Option<Json<'v>> {
    if let Some(column) = object.get(&format!("attributes.{name}")) {
        return Some(column).filter(|value| !value.is_null());
    }
    let attributes = find(object, "attributes")?;
    let listed = || attributes.items().find(|item| item.get("key").is_some_and(|key| key.is_text(name)))?.get("value");
    let value = attributes.get(name).or_else(listed).or_else(|| attributes.pointer(&format!("/{}", name.replace('.', "/"))))?;
    let typed = ["stringValue", "intValue", "doubleValue", "boolValue"].iter().find_map(|kind| value.get(kind));
    let value = typed.or_else(|| value.pointer("/arrayValue/values/0/stringValue")).unwrap_or(value);
    Some(if value.is_array() { value.at(0)? } else { value })
}

/// An export of many spans: the first says when and in which trace.
pub(super) fn otlp(metadata: &mut Metadata, object: &Object<'_>) {
    let spans = find(object, "resourceSpans").map(|list| (list, "/0/scopeSpans/0/spans/0"));
    let logs = find(object, "resourceLogs").map(|list| (list, "/0/scopeLogs/0/logRecords/0"));
    let first_span = spans.or(logs).and_then(|(list, path)| Object::of(list.pointer(path)?));
    if let Some(first_span) = first_span {
        span(metadata, &first_span);
        super::common::read(metadata, OtelGenai, &first_span);
    }
}

pub(super) fn mlflow(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, first(object, &["info/trace_id", "info/request_id", "databricks_request_id", "trace_id"]));
    set_id(&mut metadata.trace_id, find(object, "info/trace_id"));
    set(&mut metadata.application, find(object, "info/tags/mlflow.traceName"));
    set(&mut metadata.status, first(object, &["info/state", "info/status"]));
    metadata.time("info.request_time", first(object, &["info/request_time", "info/timestamp_ms"]));
    metadata.latency_ms = first(object, &["info/execution_time_ms"]).and_then(number);
    let traced = find(object, "info").and_then(|info| info.get("trace_metadata"));
    set_id(&mut metadata.conversation_id, traced.and_then(|traced| traced.get("mlflow.trace.session")));
    let usage = traced.and_then(|traced| traced.get("mlflow.trace.tokenUsage")?.as_str());
    if let Some(usage) = usage.as_deref().and_then(|usage| Json::parse(usage.as_bytes())) {
        metadata.usage(usage::read(usage));
    }
    let root = find(object, "data/spans/0").and_then(Object::of);
    if let Some(root) = root {
        metadata.span_of_time(find(&root, "start_time_unix_nano"), find(&root, "end_time_unix_nano"));
    }
    metadata.score("assessments", find(object, "info/assessments/0/feedback/value"));
    if metadata.status.as_deref() == Some("ERROR") {
        metadata.error.get_or_insert_with(|| "ERROR".into());
    }
}
