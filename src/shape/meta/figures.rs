//! The common names of figures: latency, tokens, cost, outcome, scores, tags, parameters (record-shapes §10.2). As in
//! `common`, only what no shape has set is filled.

use super::{Metadata, find, first, number, set, usage, word};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, Object};

pub(super) fn figures(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
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
    let milliseconds = || milliseconds.iter().find_map(|path| number(find(object, path)?));
    let seconds = ["duration", "total_time", "execution_time", "latency_s", "latency_seconds"];
    // Under `latency` and its like the unit differs: only shapes that say so read them (their own file does).
    let is_seconds = !matches!(shape, OpenrouterGeneration | LitellmSlp);
    let seconds = || seconds.iter().filter(|_| is_seconds).find_map(|path| Some(number(find(object, path)?)? * 1000.0));
    metadata.latency_ms = metadata.latency_ms.or_else(milliseconds).or_else(seconds).filter(|ms| *ms >= 0.0);
    let first_token = ["ttft_ms", "time_to_first_token_ms", "time_to_first_token", "ttft"];
    metadata.ttft_ms = metadata.ttft_ms.or_else(|| first_token.iter().find_map(|path| number(find(object, path)?)));
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
    metadata.cost_usd = metadata.cost_usd.or_else(|| costs.iter().find_map(|path| number(find(object, path)?)));
}

pub(super) fn outcome(metadata: &mut Metadata, object: &Object<'_>) {
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
        first(object, &["status", "state", "status_code", "response_status", "response/status_code", "response/status"]),
    );
    for key in ["error", "error_str", "error_message", "exception", "errorCode"] {
        if metadata.error.is_none() {
            metadata.error = find(object, key).and_then(error_text);
        }
    }
    let code: Option<u32> = metadata.status.as_deref().and_then(|status| status.parse().ok());
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

pub(super) fn scores(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
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

pub(super) fn tags(metadata: &mut Metadata, object: &Object<'_>) {
    for key in ["tags", "request_tags", "labels", "tag.tags", "metadata", "request_properties", "requestMetadata"] {
        let Some(value) = find(object, key) else {
            continue;
        };
        if value.is_string() && key != "metadata" {
            word(value).into_iter().for_each(|tag| metadata.tag(tag));
        }
        for tag in value.items().filter(|item| item.is_string()).filter_map(word) {
            metadata.tag(tag);
        }
        for (name, value) in value.entries().filter(|(_, value)| value.raw().len() <= 200) {
            metadata.tag_pair(&crate::shape::json::decode_key(name), Some(value));
        }
    }
    for key in ["source", "split", "category", "language"] {
        metadata.tag_pair(key, find(object, key).filter(|value| value.is_string() && value.raw().len() <= 100));
    }
}

pub(super) fn params(metadata: &mut Metadata, object: &Object<'_>) {
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
    let nested = ["model_parameters", "modelParameters", "generationConfig", "inferenceConfig", "options", "params"];
    let inner = nested.iter().filter_map(|key| Object::of(find(object, key)?)).next();
    for name in NAMES {
        let value = find(object, name).or_else(|| find(inner.as_ref()?, name));
        if let Some(value) = value.filter(|value| value.raw().len() <= 100).and_then(word) {
            metadata.params.push((name.to_owned(), value));
        }
    }
}
