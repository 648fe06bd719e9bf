//! Tier 3: lines of batch files, which wrap one request or one response.

use super::Keys;
use crate::shape::id::ShapeId::{self, *};

pub(super) fn detect(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.all(&["custom_id"]) {
        let outcome = keys.probe("result", "/type");
        let is_outcome = |outcome: crate::shape::json::Json<'_>| {
            ["succeeded", "errored", "canceled", "expired"].iter().any(|word| outcome.is_text(word))
        };
        if keys.is_object("params") {
            return Some(AnthropicBatchIn);
        }
        if outcome.is_some_and(is_outcome) {
            return Some(AnthropicBatchOut);
        }
        if keys.all(&["body"]) {
            return Some(OpenaiBatchIn);
        }
        if keys.all(&["response"]) {
            return Some(OpenaiBatchOut);
        }
    }
    if keys.all(&["recordId", "modelInput"]) {
        return Some(BedrockBatch);
    }
    let is_keyed = keys.all(&["key"]) && keys.any(&["request", "response"]);
    let is_vertex = keys.any(&["response", "status"]) && keys.probe("request", "/contents").is_some();
    (is_keyed || is_vertex).then_some(GeminiBatch)
}
