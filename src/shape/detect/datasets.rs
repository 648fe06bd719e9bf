//! Tiers 5 and 6: datasets, evaluations, token lists and plain texts.

use super::{Keys, is_ints, is_messages};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::Json;

pub(super) fn detect(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    benchmarks(keys)
        .or_else(|| preferences(keys))
        .or_else(|| conversations(keys))
        .or_else(|| prompts(keys))
        .or_else(|| tokens(keys))
        .or_else(|| texts(keys))
}

fn benchmarks(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.is_array("traj") && keys.all(&["task_id"]) {
        return Some(TauResult);
    }
    if keys.is_array("messages") && keys.all(&["task_id", "termination_reason"]) {
        return Some(Tau2Sim);
    }
    if keys.all(&["simulations", "tasks"]) {
        return Some(Tau2File);
    }
    if keys.all(&["doc_id", "doc"]) && keys.any(&["resps", "arguments"]) {
        return Some(LmEvalSample);
    }
    keys.all(&["input", "output", "score", "step"]).then_some(VerlRollout)
}

fn preferences(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    let is_fine_tune = keys.all(&["preferred_output", "non_preferred_output"]);
    if keys.all(&["chosen", "rejected"]) || keys.all(&["chosen_messages", "rejected_messages"]) || is_fine_tune {
        return Some(Preference);
    }
    keys.all(&["prompt", "completion", "label"]).then_some(Kto)
}

fn conversations(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.is_array("conversations") {
        return Some(Sharegpt);
    }
    if keys.is_array("conversation") && keys.all(&["conversation_hash"]) {
        return Some(Wildchat);
    }
    if keys.is_array("conversation") && keys.all(&["conversation_id"]) {
        return Some(Lmsys);
    }
    if keys.is_object("prompt") && keys.all(&["message_tree_id"]) {
        return Some(OasstTree);
    }
    if keys.all(&["message_id", "text"]) && (keys.is_text("role", "prompter") || keys.is_text("role", "assistant")) {
        return Some(OasstMessage);
    }
    if keys.all(&["question_id"]) && keys.is_array("turns") {
        return Some(MtbenchQuestion);
    }
    if keys.all(&["question_id"]) && keys.probe("choices", "/0/turns").is_some() {
        return Some(MtbenchAnswer);
    }
    if keys.is_string("instruction") && keys.any(&["output", "response", "output_1"]) {
        return Some(Alpaca);
    }
    let is_strings = |data: Json<'_>| data.at(0).is_some() && data.items().all(Json::is_string);
    if keys.all(&["id"]) && keys.get("data").is_some_and(is_strings) {
        return Some(Ultrachat);
    }
    if keys.probe("question", "/0/0/role").is_some() || (keys.is_array("question") && keys.all(&["function"])) {
        return Some(Bfcl);
    }
    let is_list = |messages: Json<'_>| is_messages(messages) || is_foreign_messages(messages);
    keys.get("messages").is_some_and(is_list).then_some(Messages)
}

/// Messages whose roles are words of their own (`client`, `counselor`): every element has `role` and `content`.
fn is_foreign_messages(messages: Json<'_>) -> bool {
    let is_message = |item: Json<'_>| {
        item.get("role").is_some_and(Json::is_string) && item.get("content").is_some_and(|content| !content.is_object())
    };
    messages.at(0).is_some() && messages.items().take(20).all(is_message)
}

const ANSWERS: [&str; 6] = ["completion", "response", "output", "answer", "generation", "target"];

fn prompts(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    const PROMPTS: [&str; 4] = ["prompt", "input", "question", "query"];
    const TASKS: [&str; 7] = ["prompt", "instruction", "question", "query", "input", "task", "problem_statement"];
    let is_text = |key: &&str| keys.get(key).is_some_and(|value| value.is_string() || is_messages(value));
    if PROMPTS.iter().any(is_text) && ANSWERS.iter().any(is_text) {
        return Some(PromptCompletion);
    }
    if keys.is_string("role") && keys.any(&["content", "parts", "text", "tool_calls"]) {
        return Some(MessageSingle);
    }
    let has_tokens = || ["input_ids", "token_ids", "tokens"].iter().any(|key| keys.get(key).is_some_and(is_ints));
    let is_prompt = TASKS.iter().any(|key| keys.is_string(key)) && !keys.any(&ANSWERS) && keys.len() <= 14;
    (is_prompt && !has_tokens()).then_some(PromptOnly)
}

fn tokens(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    let is_ids = |key| keys.get(key).is_some_and(|value| is_ints(value) || value.at(0).is_some_and(is_ints));
    [("input_ids", TokensInputIds), ("token_ids", TokensTokenIds), ("tokens", TokensTokens)]
        .into_iter()
        .find(|(key, _)| is_ids(*key))
        .map(|(_, shape)| shape)
}

fn texts(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    const MARKERS: [&[u8]; 3] = [b"<|im_start|>", b"<|start_header_id|>", b"\\n\\nHuman:"];
    let text = keys.get("text").and_then(Json::raw_str)?;
    if MARKERS.iter().any(|marker| memchr::memmem::find(text, marker).is_some()) {
        return Some(TextChatml);
    }
    (keys.len() <= 7).then_some(Text)
}
