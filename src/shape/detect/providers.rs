//! Tier 4: requests, responses and stream events of the providers themselves.
//!
//! Responses are asked before requests: a response may echo its request, never the reverse. The chat request of OpenAI
//! comes last, since everything alike has `messages` too.

use super::{Keys, is_messages};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::Json;

pub(super) fn detect(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    openai(keys)
        .or_else(|| anthropic_output(keys))
        .or_else(|| gemini(keys))
        .or_else(|| bedrock(keys))
        .or_else(|| local(keys))
        .or_else(|| cohere_and_mistral(keys))
        .or_else(|| requests(keys))
}

/// `type` of the items of the Responses API (record-shapes §4.2).
pub(in crate::shape) const ITEMS: &[&str] = &[
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "computer_call",
    "computer_call_output",
    "image_generation_call",
    "mcp_call",
    "mcp_tool_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "additional_tools",
    "item_reference",
    "compaction",
    "compaction_trigger",
    "tool_search_call",
    "tool_search_output",
    "program",
    "program_output",
];

fn openai(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    let object = keys.get("object");
    let object_is = |text: &str| object.is_some_and(|object| object.is_text(text));
    let choice = |key: &str| keys.probe("choices", "/0").and_then(|choice| choice.get(key)).is_some_and(|value| !value.is_null());
    if object_is("chat.completion.chunk") || choice("delta") {
        return Some(OpenaiChatChunk);
    }
    if object_is("chat.completion") || choice("message") {
        return Some(OpenaiChatResponse);
    }
    if object_is("text_completion") || choice("text") {
        return Some(OpenaiCompletionResponse);
    }
    if object_is("response") || (keys.is_array("output") && keys.all(&["id"]) && keys.probe("output", "/0/type").is_some()) {
        return Some(OpenaiResponsesResponse);
    }
    if keys.kind().starts_with(b"response.") {
        return Some(OpenaiResponsesEvent);
    }
    if keys.type_in(&["message"]) && keys.all(&["role", "content"]) && keys.any(&["stop_reason", "usage"]) {
        return Some(AnthropicResponse);
    }
    is_item(keys).then_some(OpenaiResponsesItem)
}

fn is_item(keys: &Keys<'_, '_>) -> bool {
    let complete = match keys.kind() {
        b"message" => keys.all(&["role", "content"]) && !keys.all(&["stop_reason"]),
        b"reasoning" => keys.any(&["summary", "encrypted_content"]),
        _ => true,
    };
    complete && keys.type_in(ITEMS) && !keys.all(&["usage"])
}

fn anthropic_output(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    const EVENTS: &[&str] = &[
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
    ];
    keys.type_in(EVENTS).then_some(AnthropicEvent)
}

fn gemini(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.is_array("candidates") || keys.all(&["promptFeedback"]) {
        return Some(GeminiResponse);
    }
    let has_parts = |key| keys.probe(key, "/0/parts").is_some() || keys.probe(key, "/parts").is_some();
    (has_parts("contents") || has_parts("history")).then_some(GeminiRequest)
}

fn bedrock(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.all(&["stopReason"]) && keys.probe("output", "/message").is_some() {
        return Some(BedrockConverseResp);
    }
    let is_request = keys.is_array("messages")
        && (keys.any(&["inferenceConfig", "modelId"]) || keys.get("messages").is_some_and(has_untagged_parts));
    is_request.then_some(BedrockConverseReq)
}

/// Whether the content parts of the messages are unions by key, without `type`.
fn has_untagged_parts(messages: Json<'_>) -> bool {
    const UNION: [&[u8]; 7] = [b"text", b"toolUse", b"toolResult", b"image", b"document", b"reasoningContent", b"cachePoint"];
    let mut found = false;
    for part in parts(messages) {
        if part.get("type").is_some() {
            return false;
        }
        found = found || part.entries().any(|(key, _)| UNION.contains(&key));
    }
    found
}

/// Messages whose parts are looked at: what tells the providers apart shows early, and histories have thousands.
const PROBED_MESSAGES: usize = 50;

/// The content parts of the first messages, without a copy.
fn parts<'a>(messages: Json<'a>) -> impl Iterator<Item = Json<'a>> {
    messages
        .items()
        .take(PROBED_MESSAGES)
        .filter_map(|message| message.get("content"))
        .flat_map(Json::items)
        .filter(|part| part.is_object())
}

fn local(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.all(&["done"]) && keys.any(&["message", "response"]) {
        return Some(OllamaResponse);
    }
    if (keys.is_array("messages") || keys.is_string("prompt")) && (keys.is_object("options") || keys.all(&["keep_alive"])) {
        return Some(OllamaRequest);
    }
    (keys.is_string("content") && keys.any(&["tokens_predicted", "generation_settings"])).then_some(LlamacppResponse)
}

fn cohere_and_mistral(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.all(&["generation_id", "text"]) {
        return Some(CohereV1Resp);
    }
    if keys.is_string("message") && (keys.is_array("chat_history") || keys.all(&["preamble"])) {
        return Some(CohereV1Req);
    }
    if keys.is_object("message") && keys.all(&["finish_reason"]) {
        return Some(CohereV2Resp);
    }
    if keys.is_text("object", "entry") || keys.is_text("object", "conversation.history") || is_mistral_type(keys.kind()) {
        return Some(MistralEntry);
    }
    (keys.all(&["prompt_token_ids"]) && (keys.is_array("outputs") || keys.all(&["token_ids"]))).then_some(VllmOutput)
}

fn is_mistral_type(kind: &[u8]) -> bool {
    let Some(dot) = kind.iter().position(|byte| *byte == b'.') else {
        return false;
    };
    let (subject, verb) = kind.split_at(dot);
    matches!(subject, b"message" | b"function" | b"tool")
        && matches!(verb, b".input" | b".output" | b".call" | b".result" | b".execution")
}

fn requests(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    let has_items = || {
        let first = keys.probe("input", "/0");
        first.is_some_and(|item| item.is_object() && (item.get("role").is_some() || item.get("type").is_some()))
    };
    if keys.all(&["model"]) && !keys.all(&["output"]) && (keys.is_string("input") || has_items()) {
        return Some(OpenaiResponsesRequest);
    }
    let messages = keys.get("messages").filter(|messages| is_messages(*messages))?;
    if is_anthropic_request(keys, messages) {
        return Some(AnthropicRequest);
    }
    const PARAMETERS: &[&str] = &[
        "temperature",
        "tools",
        "stream",
        "max_tokens",
        "response_format",
        "top_p",
        "functions",
        "user",
        "metadata",
        "max_completion_tokens",
        "n",
        "seed",
        "stop",
        "reasoning_effort",
        "tool_choice",
    ];
    (keys.all(&["model"]) && keys.any(PARAMETERS)).then_some(OpenaiChatRequest)
}

fn is_anthropic_request(keys: &Keys<'_, '_>, messages: Json<'_>) -> bool {
    let has_marker = keys.any(&["system", "anthropic_version"])
        || keys.probe("tools", "/0/input_schema").is_some()
        || (keys.all(&["max_tokens"])
            && keys.get("model").and_then(Json::raw_str).is_some_and(|model| memchr::memmem::find(model, b"claude").is_some()));
    let is_block = |part: Json<'_>| {
        let kind = part.get("type");
        kind.is_some_and(|kind| ["tool_use", "tool_result", "thinking"].iter().any(|word| kind.is_text(word)))
    };
    has_marker || parts(messages).any(is_block)
}
