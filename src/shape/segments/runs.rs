//! Agent frameworks and evaluations (record-shapes §8.10 to §8.13): one record is often a whole run.

use super::grammar::{kind_of, word};
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    pub(super) fn openhands_v0(&mut self, object: &Object<'_>) {
        let source = word(object, &["source"]).unwrap_or_default();
        let call = object.get("tool_call_metadata");
        let call_id = call.and_then(|call| call.get("tool_call_id")).and_then(Json::as_str);
        let name = call.and_then(|call| call.get("function_name")).and_then(Json::as_str);
        let name = name.or_else(|| word(object, &["action", "observation"]));
        let tag = Tag::of(Text).call(name.as_deref(), call_id.as_deref());
        self.next_message();
        if object.has("observation") {
            let tag = Tag { role: Some("tool"), ..tag.with(ToolResult) };
            self.key(object, "content", |walker, content| walker.content(content, tag));
            self.key(object, "extras", |walker, extras| walker.hidden(|walker| walker.long_strings(tag, extras)));
        }
        let Some(args) = object.get("args").and_then(Object::of) else {
            return;
        };
        let action = word(object, &["action"]).unwrap_or_default();
        self.at("args", |walker| {
            walker.key(&args, "thought", |walker, text| walker.text(tag.with(Reasoning), text));
            match &*action {
                "system" => {
                    walker.key(&args, "content", |walker, text| walker.text(Tag::spoken(SystemPrompt, "system"), text));
                    walker.key(&args, "tools", |walker, tools| walker.definitions(tools));
                }
                "message" | "finish" | "recall" => {
                    let tag = Tag::spoken(kind_of(&source), &source);
                    for key in ["content", "final_thought", "query"] {
                        walker.key(&args, key, |walker, text| walker.text(tag, text));
                    }
                }
                _ => {
                    let tag = Tag { role: Some("assistant"), ..tag.with(ToolCall) };
                    for key in ["command", "code", "content", "path", "url", "new_str", "old_str", "file_text"] {
                        walker.key(&args, key, |walker, value| walker.emit(tag, value));
                    }
                }
            }
        });
    }

    pub(super) fn openhands_v1(&mut self, object: &Object<'_>, value: Json<'_>) {
        self.next_message();
        let call_id = word(object, &["tool_call_id"]);
        let name = word(object, &["tool_name"]);
        let tag = Tag::of(Text).call(name.as_deref(), call_id.as_deref());
        let assistant = Tag { role: Some("assistant"), ..tag };
        match &*word(object, &["kind"]).unwrap_or_default() {
            "MessageEvent" => {
                self.key(object, "llm_message", |walker, message| walker.message(message, false));
                self.key(object, "extended_content", |walker, content| walker.content(content, Tag::of(Context)));
            }
            "SystemPromptEvent" => {
                self.key(object, "system_prompt", |walker, prompt| walker.content(prompt, Tag::spoken(SystemPrompt, "system")));
                self.key(object, "tools", |walker, tools| walker.definitions(tools));
            }
            "ActionEvent" => {
                self.key(object, "reasoning_content", |walker, text| walker.text(assistant.with(Reasoning), text));
                self.key(object, "thinking_blocks", |walker, blocks| walker.content(blocks, assistant.with(Reasoning)));
                self.key(object, "thought", |walker, parts| walker.content(parts, assistant.with(AssistantTurn)));
                match object.get("tool_call") {
                    Some(call) => self.at("tool_call", |walker| walker.call(call, assistant)),
                    None => {
                        self.key(object, "action", |walker, action| walker.emit(assistant.with(ToolCall), action));
                    }
                }
            }
            "AgentErrorEvent" | "ConversationErrorEvent" => {
                for key in ["error", "detail"] {
                    self.key(object, key, |walker, error| walker.error(error));
                }
            }
            kind if kind.starts_with("Condensation") => {
                self.key(object, "summary", |walker, text| walker.text(Tag::of(Summary), text));
            }
            kind if kind.ends_with("Observation") || object.has("observation") => {
                let tag = Tag { role: Some("tool"), ..tag.with(ToolResult) };
                self.key(object, "observation", |walker, observation| match observation.get("content") {
                    Some(content) => walker.at("content", |walker| walker.content(content, tag)),
                    None => walker.long_strings(tag, observation),
                });
            }
            _ => self.emit(Tag::of(Event), value),
        }
    }

    pub(super) fn openhands_output(&mut self, object: &Object<'_>) {
        self.key(object, "instruction", |walker, text| walker.hidden(|walker| walker.text(Tag::spoken(UserTurn, "user"), text)));
        self.key(object, "history", |walker, history| {
            walker.each(history, |walker, event| match Object::of(event) {
                Some(object) if object.has("kind") => walker.openhands_v1(&object, event),
                Some(object) => walker.openhands_v0(&object),
                // Older runs keep [action, observation] pairs.
                None => walker.each(event, |walker, event| {
                    if let Some(object) = Object::of(event) {
                        walker.openhands_v0(&object);
                    }
                }),
            })
        });
        self.key(object, "git_patch", |walker, patch| walker.text(Tag::of(AssistantTurn), patch));
        self.key(object, "test_result", |walker, result| walker.hidden(|walker| walker.generic_at("test_result", result)));
        self.key(object, "error", |walker, error| walker.error(error));
    }

    pub(super) fn atif(&mut self, object: &Object<'_>) {
        self.key(object, "steps", |walker, steps| {
            walker.each(steps, |walker, step| {
                let Some(step) = Object::of(step) else { return };
                let role = word(&step, &["source"]).unwrap_or_default();
                walker.next_message();
                let tag = Tag::spoken(kind_of(&role), &role);
                walker.key(&step, "reasoning_content", |walker, text| walker.text(tag.with(Reasoning), text));
                walker.key(&step, "message", |walker, message| walker.content(message, tag));
                walker.key(&step, "tool_calls", |walker, calls| walker.each(calls, |walker, call| walker.call(call, tag)));
                walker.inner(&step, "observation", |walker, observation| {
                    walker.key(observation, "results", |walker, results| {
                        walker.each(results, |walker, result| {
                            let id = result.get("source_call_id").and_then(Json::as_str);
                            let tag = Tag::spoken(ToolResult, "tool").call(None, id.as_deref());
                            if let Some(content) = result.get("content") {
                                walker.at("content", |walker| walker.content(content, tag));
                            }
                        })
                    });
                });
                walker.inner(&step, "metrics", |walker, metrics| {
                    for (key, kind) in [("prompt_token_ids", Tokens), ("completion_token_ids", Tokens), ("logprobs", Logprobs)] {
                        walker.key(metrics, key, |walker, value| walker.emit(Tag::of(kind), value));
                    }
                });
            })
        });
    }

    /// The steps tell the run; `query` and `history` repeat it.
    pub(super) fn swe_agent(&mut self, object: &Object<'_>) {
        let told = self.key(object, "history", |walker, history| walker.messages(history, false));
        let steps = |walker: &mut Self| {
            walker.key(object, "trajectory", |walker, steps| walker.each(steps, |walker, step| walker.swe_step(step)));
        };
        if told {
            self.hidden(steps)
        } else {
            steps(self)
        }
        if let Some(patch) = object.get("info").and_then(|info| info.get("submission")).filter(|patch| patch.is_string()) {
            self.deep(&["info", "submission"], |walker| walker.text(Tag::spoken(AssistantTurn, "assistant"), patch));
        }
    }

    fn swe_step(&mut self, step: Json<'_>) {
        let Some(step) = Object::of(step) else { return };
        self.next_message();
        let tag = Tag::spoken(AssistantTurn, "assistant");
        self.key(&step, "query", |walker, query| walker.hidden(|walker| walker.messages(query, false)));
        self.key(&step, "thought", |walker, text| walker.text(tag.with(Reasoning), text));
        self.key(&step, "response", |walker, text| walker.hidden(|walker| walker.text(tag, text)));
        self.key(&step, "action", |walker, action| walker.emit(tag.with(ToolCall), action));
        self.key(&step, "observation", |walker, output| walker.emit(Tag::spoken(ToolResult, "tool"), output));
    }

    pub(super) fn inspect(&mut self, object: &Object<'_>) {
        self.key(object, "samples", |walker, samples| {
            walker.each(samples, |walker, sample| {
                if let Some(sample) = Object::of(sample) {
                    walker.inspect(&sample);
                }
            })
        });
        self.key(object, "input", |walker, input| walker.hidden(|walker| walker.items(input, false)));
        self.key(object, "messages", |walker, messages| walker.messages(messages, false));
        self.inner(object, "output", |walker, output| {
            if let Some(value) = object.get("output") {
                walker.hidden(|walker| walker.response(output, value));
            }
        });
        self.key(object, "target", |walker, target| walker.content(target, Tag::of(Rubric)));
        self.key(object, "scores", |walker, scores| walker.long_strings(Tag::of(Rubric), scores));
        self.inner(object, "attachments", |walker, attachments| {
            for (key, text) in attachments.entries() {
                walker.at(&key, |walker| walker.hidden(|walker| walker.emit(Tag::of(Context), text)));
            }
        });
        self.key(object, "events", |walker, events| walker.hidden(|walker| walker.generic(events)));
        self.key(object, "error", |walker, error| walker.error(error));
    }
}
