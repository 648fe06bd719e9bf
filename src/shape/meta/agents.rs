//! Where coding agents keep their fields (record-shapes §8).

use super::figures::error_text;
use super::{Metadata, find, first, number, set, set_id, time, usage, word};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::{Json, Object};

pub(super) fn read(metadata: &mut Metadata, shape: ShapeId, object: &Object<'_>) {
    match shape {
        ClaudeCodeEntry | ClaudeCodeAux | ClaudeCodeStream | ClaudeCodeMin | ClaudeCodeHistory => claude_code(metadata, object),
        CodexRollout => codex(metadata, object),
        CodexLegacyMeta => {
            set_id(&mut metadata.conversation_id, find(object, "id"));
            metadata.tag_pair("branch", find(object, "git/branch"));
        }
        CodexHistory => metadata.time("ts", find(object, "ts")),
        CodexExec => {
            set_id(&mut metadata.conversation_id, find(object, "thread_id"));
            set_id(&mut metadata.record_id, find(object, "item/id"));
        }
        GeminiCliSession | GeminiCliLog => gemini_cli(metadata, object),
        CopilotCliEvent => copilot(metadata, object),
        PiSession => pi(metadata, object),
        OpencodeMessage => opencode(metadata, object),
        ClineUi => cline(metadata, object),
        OpenhandsV0 | OpenhandsV1 | OpenhandsOutput => openhands(metadata, object),
        Atif => atif(metadata, object),
        SweAgentTraj | MiniSweTraj => swe(metadata, object),
        InspectLog | InspectSample => inspect(metadata, object),
        ChatgptExport => {
            set(&mut metadata.model, find(object, "default_model_slug"));
            set_id(&mut metadata.record_id, first(object, &["conversation_id", "id"]));
        }
        ClaudeAiExport => {
            set_id(&mut metadata.conversation_id, find(object, "uuid"));
            set(&mut metadata.title, find(object, "name"));
        }
        CursorBubble | CursorComposer => {
            set_id(&mut metadata.record_id, first(object, &["bubbleId", "composerId"]));
            set_id(&mut metadata.conversation_id, find(object, "composerId"));
            if let Some(tokens) = find(object, "tokenCount") {
                metadata.usage(usage::read(tokens));
            }
        }
        _ => {}
    }
}

fn claude_code(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, find(object, "uuid"));
    // Before a compaction boundary the parent is only known logically; summaries and snapshots name the entry they are of.
    set_id(
        &mut metadata.parent_id,
        first(object, &["parentUuid", "logicalParentUuid", "parent_tool_use_id", "leafUuid", "messageId"]),
    );
    set_id(&mut metadata.conversation_id, first(object, &["sessionId", "session_id"]));
    set_id(&mut metadata.request_id, find(object, "requestId"));
    set(&mut metadata.agent, first(object, &["agentId", "slug", "agentName"]));
    set(&mut metadata.project, first(object, &["cwd", "project"]));
    set(&mut metadata.title, first(object, &["aiTitle", "customTitle", "title"]));
    metadata.time("timestamp", first(object, &["timestamp", "snapshot/timestamp"]));
    metadata.tag_pair("branch", find(object, "gitBranch"));
    metadata.tag_pair("version", find(object, "version"));
    if find(object, "isSidechain").is_some_and(|flag| flag.raw() == b"true") {
        metadata.tag("sidechain".into());
    }
    metadata.application.get_or_insert_with(|| "claude-code".into());
    if find(object, "summary").is_some_and(Json::is_string) {
        set(&mut metadata.title, find(object, "summary"));
    }
    let is_error =
        ["isApiErrorMessage", "is_error"].iter().any(|key| find(object, key).is_some_and(|flag| flag.raw() == b"true"));
    if is_error {
        metadata.error =
            first(object, &["error", "apiErrorStatus", "result", "subtype"]).and_then(error_text).or(Some("API error".into()));
    }
    let Some(message) = find(object, "message").and_then(Object::of) else {
        return;
    };
    set_id(&mut metadata.response_id, find(&message, "id"));
    set(&mut metadata.model, find(&message, "model"));
    set(&mut metadata.stop_reason, find(&message, "stop_reason"));
    if let Some(usage) = find(&message, "usage") {
        metadata.usage(usage::read(usage));
        // One response is written as several lines, each with the usage so far.
        let ids = [&metadata.response_id, &metadata.request_id].map(|id| id.as_deref().unwrap_or_default());
        metadata.usage_key = metadata.response_id.is_some().then(|| ids.join("/"));
    }
}

fn codex(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "codex".into());
    let Some(payload) = find(object, "payload").and_then(Object::of) else {
        return;
    };
    let kind = find(object, "type").and_then(Json::as_str).unwrap_or_default();
    match &*kind {
        "session_meta" => {
            let id = first(&payload, &["id", "session_id"]);
            set_id(&mut metadata.record_id, id);
            set_id(&mut metadata.conversation_id, id);
            set_id(&mut metadata.parent_id, first(&payload, &["forked_from_id", "parent_thread_id"]));
            set(&mut metadata.provider, find(&payload, "model_provider"));
            set(&mut metadata.project, find(&payload, "cwd"));
            metadata.tag_pair("branch", find(&payload, "git/branch"));
            metadata.tag_pair("version", find(&payload, "cli_version"));
            metadata.tag_pair("originator", find(&payload, "originator"));
        }
        "turn_context" => {
            set(&mut metadata.model, find(&payload, "model"));
            set(&mut metadata.project, find(&payload, "cwd"));
        }
        "response_item" => {
            set_id(&mut metadata.record_id, find(&payload, "id"));
            metadata.other_id(find(&payload, "call_id"));
            set(&mut metadata.status, find(&payload, "status"));
        }
        "event_msg" => codex_event(metadata, &payload),
        _ => {}
    }
}

fn codex_event(metadata: &mut Metadata, event: &Object<'_>) {
    metadata.latency_ms = find(event, "duration_ms").and_then(number);
    metadata.ttft_ms = find(event, "time_to_first_token_ms").and_then(number);
    metadata.other_id(find(event, "call_id"));
    let kind = find(event, "type").and_then(Json::as_str).unwrap_or_default();
    match &*kind {
        "token_count" => match (find(event, "info/last_token_usage"), find(event, "info/total_token_usage")) {
            (Some(last), _) => metadata.usage(usage::read(last)),
            (None, Some(total)) => {
                metadata.usage(usage::read(total));
                metadata.usage_is_cumulative = true;
            }
            (None, None) => {}
        },
        "error" | "stream_error" => metadata.error = find(event, "message").and_then(error_text),
        "turn_aborted" => set(&mut metadata.status, find(event, "reason")),
        _ => {}
    }
}

fn gemini_cli(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "gemini-cli".into());
    set_id(&mut metadata.record_id, first(object, &["id", "messageId"]));
    metadata.time("timestamp", first(object, &["timestamp", "startTime", "$set/lastUpdated"]));
    set(&mut metadata.project, find(object, "projectHash"));
    if find(object, "type").is_some_and(|kind| kind.is_text("error")) {
        set(&mut metadata.error, find(object, "content").filter(|content| content.is_string()));
    }
    // A message is appended again in full whenever it changes: the last one counts.
    metadata.usage_key = metadata.record_id.clone().filter(|_| find(object, "tokens").is_some());
}

fn copilot(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "copilot-cli".into());
    set_id(&mut metadata.conversation_id, find(object, "data/sessionId"));
    set(&mut metadata.model, first(object, &["data/model", "data/selectedModel", "data/newModel"]));
    set(&mut metadata.project, find(object, "data/context/cwd"));
    metadata.other_id(find(object, "data/toolCallId"));
    if find(object, "type").is_some_and(|kind| kind.is_text("session.error")) {
        set(&mut metadata.error, find(object, "data/message"));
    }
}

fn pi(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "pi".into());
    if find(object, "type").is_some_and(|kind| kind.is_text("session")) {
        set_id(&mut metadata.conversation_id, find(object, "id"));
    }
    set(&mut metadata.model, first(object, &["message/model", "modelId"]));
    set(&mut metadata.provider, first(object, &["message/provider", "provider"]));
    set(&mut metadata.stop_reason, find(object, "message/stopReason"));
    set(&mut metadata.error, find(object, "message/errorMessage"));
    metadata.other_id(find(object, "message/toolCallId"));
    if let Some(usage) = find(object, "message/usage") {
        metadata.usage(usage::read(usage));
        metadata.cost_usd = usage.pointer("/cost/total").and_then(number);
    }
}

fn opencode(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "opencode".into());
    let info = find(object, "info").and_then(Object::of);
    let info = info.as_ref().unwrap_or(object);
    set_id(&mut metadata.record_id, find(info, "id"));
    set_id(&mut metadata.conversation_id, find(info, "sessionID"));
    set_id(&mut metadata.parent_id, first(info, &["parentID", "messageID"]));
    set(&mut metadata.model, first(info, &["modelID", "model/modelID"]));
    set(&mut metadata.provider, first(info, &["providerID", "model/providerID"]));
    set(&mut metadata.agent, find(info, "agent"));
    set(&mut metadata.project, first(info, &["path/cwd", "directory"]));
    set(&mut metadata.title, find(info, "title"));
    metadata.time("time.created", first(info, &["time/created", "time/start"]));
    metadata.span_of_time(find(info, "time/created"), find(info, "time/completed"));
    metadata.cost_usd = find(info, "cost").and_then(number);
    if let Some(tokens) = find(info, "tokens") {
        metadata.usage(usage::read(tokens));
        metadata.usage_key.clone_from(&metadata.record_id);
    }
    metadata.error = find(info, "error").and_then(error_text);
}

/// Cline keeps the figures of a request as JSON in the text of a message.
fn cline(metadata: &mut Metadata, object: &Object<'_>) {
    set(&mut metadata.status, first(object, &["say", "ask"]));
    let text = find(object, "text").and_then(Json::as_str).unwrap_or_default();
    let Some(figures) = Json::parse(text.as_bytes()).and_then(Object::of).filter(|figures| figures.has("tokensIn")) else {
        return;
    };
    metadata.usage(usage::beside(&figures));
    metadata.tokens_in_cached = find(&figures, "cacheReads").and_then(number).map(|count| count.max(0.0) as u64);
    metadata.cost_usd = find(&figures, "cost").and_then(number);
}

fn openhands(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "openhands".into());
    set_id(&mut metadata.record_id, first(object, &["id", "instance_id"]));
    let response = find(object, "tool_call_metadata/model_response");
    set_id(
        &mut metadata.response_id,
        response.and_then(|response| response.get("id")).or_else(|| find(object, "llm_response_id")),
    );
    set(
        &mut metadata.model,
        response.and_then(|response| response.get("model")).or_else(|| find(object, "metadata/llm_config/model")),
    );
    metadata.cost_usd = first(object, &["metrics/accumulated_cost", "llm_metrics/accumulated_cost"]).and_then(number);
    if let Some(usage) = response.and_then(|response| response.get("usage")) {
        metadata.usage(usage::read(usage));
        metadata.usage_key.clone_from(&metadata.response_id);
    }
    metadata.other_id(first(object, &["tool_call_metadata/tool_call_id", "tool_call_id"]));
}

fn atif(metadata: &mut Metadata, object: &Object<'_>) {
    set(&mut metadata.application, find(object, "agent/name"));
    set(&mut metadata.model, find(object, "agent/model_name"));
    metadata.tag_pair("version", find(object, "agent/version"));
    metadata.cost_usd = find(object, "final_metrics/total_cost_usd").and_then(number);
    let count = |path| find(object, path).and_then(number).map(|count| count.max(0.0) as u64);
    metadata.tokens_in = count("final_metrics/total_prompt_tokens");
    metadata.tokens_in_cached = count("final_metrics/total_cached_tokens");
    metadata.tokens_out = count("final_metrics/total_completion_tokens");
    let times = find(object, "steps").into_iter().flat_map(Json::items).filter_map(|step| time::read(step.get("timestamp")?));
    if let Some(start) = times.take(1).next() {
        metadata.instant("steps.timestamp", start);
    }
}

fn swe(metadata: &mut Metadata, object: &Object<'_>) {
    metadata.application.get_or_insert_with(|| "swe-agent".into());
    set_id(&mut metadata.record_id, first(object, &["instance_id", "environment"]));
    set(&mut metadata.stop_reason, find(object, "info/exit_status"));
    metadata.cost_usd = find(object, "info/model_stats/instance_cost").and_then(number);
    let count = |path| find(object, path).and_then(number).map(|count| count.max(0.0) as u64);
    metadata.tokens_in = count("info/model_stats/tokens_sent");
    metadata.tokens_out = count("info/model_stats/tokens_received");
}

fn inspect(metadata: &mut Metadata, object: &Object<'_>) {
    set_id(&mut metadata.record_id, first(object, &["uuid", "eval/run_id", "id"]));
    metadata.other_id(find(object, "id"));
    set(&mut metadata.application, find(object, "eval/task"));
    set(&mut metadata.model, first(object, &["output/model", "eval/model"]));
    set(&mut metadata.stop_reason, find(object, "output/choices/0/stop_reason"));
    metadata.time("started_at", first(object, &["started_at", "eval/created", "stats/started_at"]));
    metadata
        .span_of_time(first(object, &["started_at", "stats/started_at"]), first(object, &["completed_at", "stats/completed_at"]));
    if let Some(usage) = find(object, "output/usage") {
        metadata.usage(usage::read(usage));
    }
    metadata.tag_pair("epoch", find(object, "epoch").filter(|epoch| word(*epoch).is_some()));
}
