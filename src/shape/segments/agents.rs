//! Coding agents (record-shapes §8.1 to §8.6): one line is one event of a session. What an agent logs for its own display
//! repeats what was said to the model; it is labelled too, but not visible.

use super::grammar::word;
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    pub(super) fn claude_code(&mut self, object: &Object<'_>, value: Json<'_>) {
        let kind = word(object, &["type"]).unwrap_or_default();
        let is_flagged = |key: &str| object.get(key).is_some_and(|value| value.raw() == b"true");
        match &*kind {
            "user" | "assistant" => {
                let context = is_flagged("isMeta");
                let summary = is_flagged("isCompactSummary");
                self.inner(object, "message", |walker, message| {
                    walker.next_message();
                    let role = word(message, &["role"]).unwrap_or(kind.clone());
                    if context || summary {
                        let tag = Tag::spoken(if summary { Summary } else { Context }, &role);
                        walker.key(message, "content", |walker, content| walker.content(content, tag));
                    } else {
                        walker.said(message, &role, false);
                    }
                });
                self.key(object, "toolUseResult", |walker, result| walker.hidden(|walker| walker.display(result)));
            }
            "attachment" => {
                self.key(object, "attachment", |walker, attachment| walker.long_strings(Tag::of(Context), attachment));
            }
            "system" => {
                let kind = if word(object, &["subtype"]).is_some_and(|kind| kind.contains("error")) { ErrorText } else { Event };
                self.key(object, "content", |walker, content| walker.content(content, Tag::spoken(kind, "system")));
                self.key(object, "error", |walker, error| walker.error(error));
                self.key(object, "tools", |walker, tools| walker.emit(Tag::of(ToolDefinitions), tools));
            }
            "result" => {
                self.key(object, "result", |walker, text| {
                    walker.hidden(|walker| walker.text(Tag::spoken(AssistantTurn, "assistant"), text))
                });
            }
            "progress" => {
                self.inner(object, "data", |walker, data| {
                    walker.hidden(|walker| walker.generic_rest(data, &[]));
                });
            }
            "stream_event" => {
                self.inner(object, "event", |walker, event| {
                    if let Some(value) = object.get("event") {
                        walker.stream_event(event, value);
                    }
                });
            }
            "summary" => {
                self.key(object, "summary", |walker, text| walker.text(Tag::of(Summary), text));
            }
            _ => self.emit(Tag::of(Event), value),
        }
    }

    /// What a tool showed on screen: each string long enough to be worth naming.
    fn display(&mut self, result: Json<'_>) {
        self.long_strings(Tag::of(ToolResult), result);
    }

    /// Every string of at least 64 bytes below `value`, under one tag.
    pub(super) fn long_strings(&mut self, tag: Tag<'_>, value: Json<'_>) {
        if value.is_string() {
            if value.raw().len() >= 66 {
                self.emit(tag, value);
            }
        } else if value.is_array() {
            self.each(value, |walker, item| walker.long_strings(tag, item));
        } else if let Some(object) = Object::of(value) {
            for (key, value) in object.entries() {
                self.at(&key, |walker| walker.long_strings(tag, value));
            }
        }
    }

    pub(super) fn prompt_history(&mut self, object: &Object<'_>) {
        for key in ["display", "text", "message"] {
            self.key(object, key, |walker, text| {
                walker.next_message();
                walker.text(Tag::spoken(UserTurn, "user"), text);
            });
        }
        self.key(object, "pastedContents", |walker, pasted| walker.long_strings(Tag::of(Context), pasted));
    }

    pub(super) fn codex(&mut self, object: &Object<'_>, value: Json<'_>) {
        let kind = word(object, &["type"]).unwrap_or_default();
        let Some(payload) = object.get("payload") else {
            return self.emit(Tag::of(Event), value);
        };
        let Some(inner) = Object::of(payload) else {
            return;
        };
        self.at("payload", |walker| match &*kind {
            "session_meta" => walker.codex_meta(&inner),
            "response_item" => walker.item(payload, false),
            "event_msg" => walker.hidden(|walker| walker.codex_event(&inner, payload)),
            "compacted" => {
                walker.key(&inner, "message", |walker, text| walker.text(Tag::of(Summary), text));
                walker.key(&inner, "replacement_history", |walker, items| walker.hidden(|walker| walker.items(items, false)));
            }
            "turn_context" | "world_state" => walker.emit(Tag::of(Context), payload),
            _ => walker.emit(Tag::of(Event), payload),
        });
    }

    pub(super) fn codex_meta(&mut self, object: &Object<'_>) {
        let tag = Tag::spoken(SystemPrompt, "system");
        self.inner(object, "base_instructions", |walker, base| {
            walker.key(base, "text", |walker, text| walker.text(tag, text));
        });
        self.key(object, "instructions", |walker, text| walker.text(tag, text));
        self.key(object, "dynamic_tools", |walker, tools| walker.definitions(tools));
    }

    /// What the terminal showed; most of it repeats response items.
    fn codex_event(&mut self, event: &Object<'_>, value: Json<'_>) {
        let kind = word(event, &["type"]).unwrap_or_default();
        let call_id = word(event, &["call_id"]);
        let tag = |kind, role| Tag::spoken(kind, role).call(None, call_id.as_deref());
        let texts: &[(&str, Tag<'_>)] = match &*kind {
            "user_message" => &[("message", tag(UserTurn, "user"))],
            "agent_message" => &[("message", tag(AssistantTurn, "assistant"))],
            "agent_reasoning" | "agent_reasoning_raw_content" => &[("text", tag(Reasoning, "assistant"))],
            "task_complete" => &[("last_agent_message", tag(AssistantTurn, "assistant"))],
            "turn_diff" => &[("unified_diff", tag(ToolResult, "tool"))],
            "error" | "stream_error" | "turn_aborted" => &[("message", tag(ErrorText, "")), ("reason", tag(ErrorText, ""))],
            _ => &[],
        };
        let mut found = false;
        for (key, tag) in texts {
            found |= self.key(event, key, |walker, text| walker.text(*tag, text));
        }
        for key in ["stdout", "stderr", "aggregated_output", "formatted_output", "result", "changes"] {
            found |= self.key(event, key, |walker, output| walker.emit(tag(ToolResult, "tool"), output));
        }
        found |= self.key(event, "item", |walker, item| walker.item(item, false));
        if !found {
            self.emit(Tag::of(Event), value);
        }
    }

    pub(super) fn codex_exec(&mut self, object: &Object<'_>, value: Json<'_>) {
        let Some(item) = object.get("item").and_then(Object::of) else {
            return self.emit(Tag::of(Event), value);
        };
        let kind = word(&item, &["type", "item_type"]).unwrap_or_default();
        self.at("item", |walker| {
            walker.next_message();
            let (text, role) = match &*kind {
                "reasoning" => (Reasoning, "assistant"),
                "error" => (ErrorText, ""),
                _ => (AssistantTurn, "assistant"),
            };
            for key in ["text", "message"] {
                walker.key(&item, key, |walker, value| walker.text(Tag::spoken(text, role), value));
            }
            walker.key(&item, "command", |walker, value| walker.emit(Tag::spoken(ToolCall, "assistant"), value));
            walker.key(&item, "aggregated_output", |walker, value| walker.emit(Tag::spoken(ToolResult, "tool"), value));
        });
    }

    pub(super) fn gemini_cli(&mut self, object: &Object<'_>, value: Json<'_>) {
        if let Some(messages) = object.get("messages").or_else(|| object.get("$set").and_then(|set| set.get("messages"))) {
            let path: &[&str] = if object.has("messages") { &["messages"] } else { &["$set", "messages"] };
            return self.deep(path, |walker| {
                walker.each(messages, |walker, message| {
                    if let Some(object) = Object::of(message) {
                        walker.gemini_cli(&object, message);
                    }
                })
            });
        }
        let role = word(object, &["type"]).unwrap_or_default();
        let kind = match &*role {
            "user" => UserTurn,
            "gemini" => AssistantTurn,
            "error" | "warning" => ErrorText,
            "info" => Event,
            _ => return self.emit(Tag::of(Event), value),
        };
        self.next_message();
        let tag = Tag::spoken(kind, &role);
        self.key(object, "thoughts", |walker, thoughts| {
            walker.each(thoughts, |walker, thought| {
                if let Some(text) = thought.get("description") {
                    walker.at("description", |walker| walker.text(tag.with(Reasoning), text));
                }
            })
        });
        self.key(object, "content", |walker, content| walker.content(content, tag));
        self.key(object, "displayContent", |walker, content| walker.hidden(|walker| walker.content(content, tag)));
        self.key(object, "toolCalls", |walker, calls| walker.each(calls, |walker, call| walker.call(call, tag)));
    }

    /// Works at the end of a path.
    pub(super) fn deep(&mut self, path: &[&str], work: impl FnOnce(&mut Self)) {
        match path.split_first() {
            // A trait object ends the chain of closure types that the recursion would otherwise grow for ever.
            Some((step, rest)) => {
                let work: Box<dyn FnOnce(&mut Self) + '_> = Box::new(work);
                self.at(step, |walker| walker.deep(rest, work));
            }
            None => work(self),
        }
    }

    pub(super) fn copilot(&mut self, object: &Object<'_>) {
        let kind = word(object, &["type"]).unwrap_or_default();
        self.inner(object, "data", |walker, data| {
            walker.next_message();
            let name = word(data, &["toolName"]);
            let call_id = word(data, &["toolCallId"]);
            let tag = Tag::of(Event).call(name.as_deref(), call_id.as_deref());
            match &*kind {
                "user.message" => {
                    let tag = Tag::spoken(UserTurn, "user");
                    walker.key(data, "content", |walker, text| walker.content(text, tag));
                    walker.key(data, "transformedContent", |walker, text| walker.hidden(|walker| walker.content(text, tag)));
                }
                "assistant.message" => {
                    let tag = Tag::spoken(AssistantTurn, "assistant");
                    walker.key(data, "reasoningText", |walker, text| walker.text(tag.with(Reasoning), text));
                    walker.key(data, "content", |walker, text| walker.content(text, tag));
                    walker.key(data, "toolRequests", |walker, calls| walker.each(calls, |walker, call| walker.call(call, tag)));
                }
                "tool.execution_start" => {
                    walker.key(data, "arguments", |walker, value| walker.hidden(|walker| walker.emit(tag.with(ToolCall), value)));
                }
                "tool.execution_complete" => {
                    let tag = Tag { role: Some("tool"), ..tag.with(ToolResult) };
                    walker.key(data, "result", |walker, result| match result.get("content") {
                        Some(content) => walker.at("content", |walker| walker.content(content, tag)),
                        None => walker.content(result, tag),
                    });
                    walker.key(data, "error", |walker, error| walker.error(error));
                }
                "session.error" => walker.error_text(data),
                "system.message" => {
                    walker.key(data, "content", |walker, text| walker.content(text, Tag::spoken(SystemPrompt, "system")));
                }
                _ => walker.generic_rest(data, &[]),
            }
        });
    }

    fn error_text(&mut self, data: &Object<'_>) {
        self.key(data, "message", |walker, text| walker.text(Tag::of(ErrorText), text));
    }

    pub(super) fn pi(&mut self, object: &Object<'_>, value: Json<'_>) {
        match &*word(object, &["type"]).unwrap_or_default() {
            "message" => {
                self.key(object, "message", |walker, message| walker.message(message, false));
            }
            "compaction" | "branch_summary" => {
                self.key(object, "summary", |walker, text| walker.text(Tag::of(Summary), text));
            }
            "custom_message" => {
                self.key(object, "content", |walker, content| walker.content(content, Tag::of(Context)));
            }
            _ => self.emit(Tag::of(Event), value),
        }
    }

    pub(super) fn opencode(&mut self, object: &Object<'_>, value: Json<'_>) {
        if let Some(messages) = object.get("messages").filter(|list| list.is_array()) {
            return self.at("messages", |walker| {
                walker.each(messages, |walker, message| {
                    if let Some(object) = Object::of(message) {
                        walker.opencode(&object, message);
                    }
                })
            });
        }
        let role = object.get("info").and_then(|info| info.get("role")).or_else(|| object.get("role")).and_then(Json::as_str);
        let role = role.unwrap_or("assistant".into());
        self.next_message();
        self.inner(object, "info", |walker, info| {
            walker.key(info, "system", |walker, system| walker.content(system, Tag::spoken(SystemPrompt, "system")));
            walker.key(info, "error", |walker, error| walker.error(error));
        });
        match object.get("parts") {
            Some(parts) => self.at("parts", |walker| walker.each(parts, |walker, part| walker.opencode_part(part, &role))),
            None if object.has("messageID") => self.opencode_part(value, &role),
            None => self.emit(Tag::of(Event), value),
        }
    }

    fn opencode_part(&mut self, part: Json<'_>, role: &str) {
        let Some(object) = Object::of(part) else {
            return;
        };
        let kind = super::grammar::kind_of(role);
        let synthetic = object.get("synthetic").is_some_and(|flag| flag.raw() == b"true");
        let tag = Tag::spoken(if synthetic { Context } else { kind }, role);
        let name = word(&object, &["tool"]);
        let call_id = word(&object, &["callID"]);
        let tag = tag.call(name.as_deref(), call_id.as_deref());
        match &*word(&object, &["type"]).unwrap_or_default() {
            "text" => {
                self.key(&object, "text", |walker, text| walker.text(tag, text));
            }
            "reasoning" => {
                self.key(&object, "text", |walker, text| walker.text(tag.with(Reasoning), text));
            }
            "tool" => {
                self.inner(&object, "state", |walker, state| {
                    walker.key(state, "input", |walker, value| walker.emit(tag.with(ToolCall), value));
                    walker.key(state, "output", |walker, value| {
                        walker.emit(Tag { role: Some("tool"), ..tag.with(ToolResult) }, value)
                    });
                    walker.key(state, "error", |walker, error| walker.error(error));
                    walker.inner(state, "metadata", |walker, metadata| {
                        walker.key(metadata, "output", |walker, value| {
                            walker.hidden(|walker| walker.emit(tag.with(ToolResult), value))
                        });
                    });
                });
            }
            "file" => {
                self.key(&object, "url", |walker, url| walker.emit(tag.with(Media), url));
                if let Some(text) = part.pointer("/source/text/value") {
                    self.deep(&["source", "text", "value"], |walker| walker.text(tag.with(Context), text));
                }
            }
            "subtask" => {
                self.key(&object, "prompt", |walker, text| walker.text(tag.with(ToolCall), text));
            }
            _ => self.emit(Tag::of(Event), part),
        }
    }

    pub(super) fn cline(&mut self, object: &Object<'_>) {
        let kind = word(object, &["say", "ask"]).unwrap_or_default();
        let (kind, role) = match &*kind {
            "task" | "user_feedback" | "user_feedback_diff" => (UserTurn, "user"),
            "text" | "completion_result" | "followup" | "plan_mode_respond" => (AssistantTurn, "assistant"),
            "reasoning" => (Reasoning, "assistant"),
            "tool" | "command" | "use_mcp_server" | "browser_action" => (ToolCall, "assistant"),
            "command_output" | "mcp_server_response" | "browser_action_result" => (ToolResult, "tool"),
            "error" | "api_req_failed" | "diff_error" => (ErrorText, ""),
            "api_req_started" => (Event, ""),
            _ => (Text, ""),
        };
        self.next_message();
        self.key(object, "reasoning", |walker, text| walker.text(Tag::spoken(Reasoning, "assistant"), text));
        self.key(object, "text", |walker, text| walker.emit(Tag::spoken(kind, role), text));
        self.key(object, "images", |walker, images| walker.each(images, |walker, image| walker.emit(Tag::of(Media), image)));
    }
}
