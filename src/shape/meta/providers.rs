//! Where the providers' own requests and responses keep their fields (record-shapes §3 to §6), and a few datasets whose
//! fields have odd places (§9).

use super::{Metadata, find, first, number, set, set_id, usage};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, Object};

pub(super) fn read(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    match shape {
        OpenaiChatResponse | OpenaiChatChunk | OpenaiCompletionResponse => {
            answered(metadata, object);
            set(&mut metadata.stop_reason, find(object, "choices/0/finish_reason"));
        }
        OpenaiResponsesResponse => {
            answered(metadata, object);
            set_id(&mut metadata.conversation_id, first(object, &["conversation/id"]));
            metadata.span_of_time(find(object, "created_at"), find(object, "completed_at"));
        }
        OpenaiResponsesRequest => {
            let conversation = find(object, "conversation");
            set_id(&mut metadata.conversation_id, conversation.map(|chat| chat.get("id").unwrap_or(chat)));
        }
        OpenaiResponsesItem => {
            set_id(&mut metadata.record_id, first(object, &["id", "call_id"]));
            metadata.other_id(find(object, "call_id"));
        }
        OpenaiResponsesEvent => {
            set_id(&mut metadata.response_id, find(object, "response/id"));
            set(&mut metadata.model, find(object, "response/model"));
            metadata.other_id(find(object, "item_id"));
            inner_usage(metadata, object, "response/usage");
        }
        AnthropicResponse => answered(metadata, object),
        AnthropicEvent => {
            set_id(&mut metadata.response_id, find(object, "message/id"));
            set(&mut metadata.model, find(object, "message/model"));
            set(&mut metadata.stop_reason, find(object, "delta/stop_reason"));
            inner_usage(metadata, object, "message/usage");
        }
        GeminiResponse => {
            set_id(&mut metadata.response_id, first(object, &["responseId", "response_id"]));
            set_id(&mut metadata.record_id, first(object, &["responseId", "response_id"]));
            set(&mut metadata.stop_reason, first(object, &["candidates/0/finishReason", "candidates/0/finish_reason"]));
        }
        OllamaResponse => ollama(metadata, object),
        LlamacppResponse => {
            let prompt = find(object, "timings/prompt_ms").and_then(number);
            let answer = find(object, "timings/predicted_ms").and_then(number);
            metadata.ttft_ms = prompt;
            metadata.latency_ms = Some(prompt.unwrap_or(0.0) + answer.unwrap_or(0.0)).filter(|total| *total > 0.0);
        }
        CohereV1Resp => set_id(&mut metadata.response_id, find(object, "generation_id")),
        CohereV2Resp => set_id(&mut metadata.response_id, find(object, "id")),
        MistralEntry => set_id(&mut metadata.parent_id, find(object, "tool_call_id")),
        VllmOutput => vllm(metadata, object),
        _ => datasets(metadata, shape, object),
    }
}

/// A response: its id is the response id, its model the one that answered.
fn answered(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.response_id, find(object, "id"));
    set(&mut metadata.model, find(object, "model"));
}

fn inner_usage(metadata: &mut Metadata, object: &Object<'_>, path: &str) {
    if let Some(usage) = find(object, path) {
        metadata.usage(usage::read(usage));
    }
}

/// Durations in nanoseconds.
fn ollama(metadata: &mut Metadata, object: &Object<'_>) {
    let ms = |key| Some(find(object, key).and_then(number)? / 1e6);
    set(&mut metadata.model, find(object, "model"));
    metadata.latency_ms = ms("total_duration");
    let waited = [ms("load_duration"), ms("prompt_eval_duration")];
    metadata.ttft_ms = waited.into_iter().flatten().reduce(|a, b| a + b);
}

fn vllm(metadata: &mut Metadata, object: &Object<'_>) {
    let length = |path: &str| {
        let count = find(object, path).filter(|ids| ids.is_array())?.items().count();
        u64::try_from(count).ok()
    };
    metadata.tokens_in = length("prompt_token_ids");
    metadata.tokens_out = length("outputs/0/token_ids").or_else(|| length("token_ids"));
    set(&mut metadata.stop_reason, find(object, "outputs/0/finish_reason"));
    metadata.time("metrics.arrival_time", find(object, "metrics/arrival_time"));
}

fn datasets(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    match shape {
        TauResult => set_id(&mut metadata.record_id, find(object, "task_id")),
        Tau2Sim => {
            metadata.time("start_time", find(object, "start_time"));
            metadata.tag_pair("task", find(object, "task_id"));
        }
        OasstTree => {
            set_id(&mut metadata.record_id, find(object, "message_tree_id"));
            set(&mut metadata.status, find(object, "tree_state"));
        }
        Wildchat | Lmsys => set_id(&mut metadata.record_id, first(object, &["conversation_hash", "conversation_id"])),
        Sharegpt | Messages => set_id(&mut metadata.record_id, first(object, &["id", "prompt_id"])),
        MtbenchAnswer => set_id(&mut metadata.record_id, find(object, "answer_id")),
        LmEvalSample => set_id(&mut metadata.record_id, find(object, "doc_id").filter(|id| !Json::is_object(*id))),
        _ => {}
    }
}
