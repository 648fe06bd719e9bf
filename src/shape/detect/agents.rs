//! Tier 1: the envelopes of coding agents, agent frameworks and consumer exports.

use super::Keys;
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::Json;

pub(super) fn detect(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    claude_code(keys).or_else(|| codex(keys)).or_else(|| terminals(keys)).or_else(|| frameworks(keys)).or_else(|| exports(keys))
}

fn claude_code(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    const WITHOUT_UUID: &[&str] = &[
        "last-prompt",
        "ai-title",
        "custom-title",
        "agent-name",
        "agent-setting",
        "permission-mode",
        "pr-link",
        "queue-operation",
        "bridge-session",
        "worktree-state",
    ];
    if keys.all(&["sessionId", "type"]) && (keys.all(&["uuid"]) || keys.type_in(WITHOUT_UUID)) {
        return Some(ClaudeCodeEntry);
    }
    let is_summary = keys.type_in(&["summary"]) && keys.all(&["leafUuid"]);
    if is_summary || (keys.type_in(&["file-history-snapshot"]) && keys.all(&["snapshot"])) {
        return Some(ClaudeCodeAux);
    }
    if keys.all(&["display", "pastedContents"]) {
        return Some(ClaudeCodeHistory);
    }
    if keys.all(&["session_id"])
        && keys.type_in(&["system", "assistant", "user", "result", "stream_event"])
        && keys.any(&["message", "subtype", "event"])
    {
        return Some(ClaudeCodeStream);
    }
    let has_message =
        || keys.probe("message", "/role").is_some() || keys.probe("message", "/content").is_some_and(Json::is_array);
    (keys.type_in(&["user", "assistant"]) && keys.is_object("message") && has_message()).then_some(ClaudeCodeMin)
}

fn codex(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    const ROLLOUT: &[&str] = &[
        "session_meta",
        "response_item",
        "event_msg",
        "turn_context",
        "compacted",
        "world_state",
        "security_risk_score",
        "inter_agent_communication",
        "inter_agent_communication_metadata",
    ];
    if keys.is_object("payload") && keys.type_in(ROLLOUT) {
        return Some(CodexRollout);
    }
    if (keys.all(&["id", "timestamp", "instructions"]) && !keys.all(&["type"])) || keys.is_text("record_type", "state") {
        return Some(CodexLegacyMeta);
    }
    if is_exec_event(keys.kind()) {
        return Some(CodexExec);
    }
    (keys.len() == 3 && keys.all(&["session_id", "ts", "text"])).then_some(CodexHistory)
}

/// `thread.started`, `item.completed`…
fn is_exec_event(kind: &[u8]) -> bool {
    let Some(dot) = kind.iter().position(|byte| *byte == b'.') else {
        return false;
    };
    let (subject, verb) = kind.split_at(dot);
    matches!(subject, b"thread" | b"turn" | b"item") && matches!(verb, b".started" | b".updated" | b".completed" | b".failed")
}

fn terminals(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    let is_gemini_message = keys.type_in(&["user", "gemini", "info", "error", "warning"])
        && keys.all(&["id", "timestamp", "content"])
        && !keys.any(&["uuid", "role"]);
    if keys.all(&["sessionId", "projectHash"]) || keys.any(&["$set", "$rewindTo"]) || is_gemini_message {
        return Some(GeminiCliSession);
    }
    if keys.all(&["sessionId", "messageId", "message"]) && keys.type_in(&["user"]) {
        return Some(GeminiCliLog);
    }
    if keys.is_object("data") && keys.all(&["id", "timestamp"]) && is_copilot_event(keys.kind()) {
        return Some(CopilotCliEvent);
    }
    const PI: &[&str] = &[
        "message",
        "model_change",
        "thinking_level_change",
        "compaction",
        "branch_summary",
        "custom",
        "custom_message",
        "label",
        "session_info",
    ];
    if (keys.type_in(&["session"]) && keys.all(&["version", "cwd"])) || (keys.all(&["parentId"]) && keys.type_in(PI)) {
        return Some(PiSession);
    }
    let is_opencode = (keys.is_object("info") && keys.is_array("parts"))
        || (keys.all(&["sessionID"]) && keys.any(&["role", "messageID"]))
        || (keys.is_object("info") && keys.is_array("messages") && keys.probe("messages", "/0/parts").is_some());
    if is_opencode {
        return Some(OpencodeMessage);
    }
    (keys.all(&["ts"]) && keys.type_in(&["ask", "say"])).then_some(ClineUi)
}

fn is_copilot_event(kind: &[u8]) -> bool {
    let subject = kind.split(|byte| *byte == b'.').next().unwrap_or_default();
    subject.len() < kind.len()
        && matches!(
            subject,
            b"session"
                | b"user"
                | b"assistant"
                | b"tool"
                | b"system"
                | b"hook"
                | b"subagent"
                | b"skill"
                | b"abort"
                | b"permission"
        )
}

fn frameworks(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.all(&["source"]) && keys.get("kind").and_then(Json::raw_str).is_some_and(is_openhands_kind) {
        return Some(OpenhandsV1);
    }
    let is_action = keys.is_string("action") && keys.is_object("args");
    if is_action || (keys.is_string("observation") && keys.all(&["content", "extras"])) {
        return Some(OpenhandsV0);
    }
    if keys.all(&["instance_id"]) && keys.is_array("history") && keys.any(&["git_patch", "test_result", "metrics"]) {
        return Some(OpenhandsOutput);
    }
    if keys.starts("schema_version", "ATIF-") && keys.is_array("steps") {
        return Some(Atif);
    }
    if keys.starts("trajectory_format", "mini-swe") || (keys.is_array("messages") && keys.probe("info", "/model_stats").is_some())
    {
        return Some(MiniSweTraj);
    }
    let is_run = keys.is_array("trajectory") && keys.any(&["history", "info", "environment"]);
    if is_run || (keys.len() <= 3 && keys.is_array("history") && keys.probe("history", "/0/role").is_some()) {
        return Some(SweAgentTraj);
    }
    if keys.all(&["eval", "plan"]) {
        return Some(InspectLog);
    }
    (keys.all(&["epoch", "messages", "output"]) && keys.any(&["target", "scores"])).then_some(InspectSample)
}

fn is_openhands_kind(kind: &[u8]) -> bool {
    if kind.ends_with(b"Event") || kind.ends_with(b"Observation") {
        return true;
    }
    memchr::memmem::find(kind, b"Condensation")
        .and_then(|at| kind.get(at..))
        .is_some_and(|tail| tail.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
}

fn exports(keys: &Keys<'_, '_>) -> Option<ShapeId> {
    if keys.is_object("mapping") && keys.any(&["current_node", "create_time"]) {
        return Some(ChatgptExport);
    }
    if keys.is_array("chat_messages") {
        return Some(ClaudeAiExport);
    }
    if keys.all(&["bubbleId"]) && keys.get("type").is_some_and(|kind| matches!(kind.raw(), b"1" | b"2")) {
        return Some(CursorBubble);
    }
    keys.all(&["composerId"]).then_some(CursorComposer)
}
