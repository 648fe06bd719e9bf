//! Agent frameworks, evaluations and consumer exports (record-shapes §8.9 to §8.14): one record is often a whole run.

use super::grammar::{kind_of, word};
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    pub(super) fn openhands_v0(&mut self, object: &Object<'_>) {
        let source = word(object, &["source"]).unwrap_or_default();
        let call = object.get("tool_call_metadata");
        let call_id = call
            .and_then(|call| call.get("tool_call_id"))
            .and_then(Json::as_str);
        let name = call
            .and_then(|call| call.get("function_name"))
            .and_then(Json::as_str);
        let name = name.or_else(|| word(object, &["action", "observation"]));
        let tag = Tag::of(Text).call(name.as_deref(), call_id.as_deref());
        self.next_message();
        if object.has("observation") {
            let tag = Tag {
                role: Some("tool"),
                ..tag.with(ToolResult)
            };
            self.key(object, "content", |walker, content| {
                walker.content(content, tag)
            });
            self.key(object, "extras", |walker, extras| {
                walker.hidden(|walker| walker.long_strings(tag, extras))
            });
        }
        let Some(args) = object.get("args").and_then(Object::of) else {
            return;
        };
        let action = word(object, &["action"]).unwrap_or_default();
        self.at("args", |walker| {
            walker.key(&args, "thought", |walker, text| {
                walker.text(tag.with(Reasoning), text)
            });
            match &*action {
                "system" => {
                    walker.key(&args, "content", |walker, text| {
                        walker.text(Tag::spoken(SystemPrompt, "system"), text)
                    });
                    walker.key(&args, "tools", |walker, tools| walker.definitions(tools));
                }
                "message" | "finish" | "recall" => {
                    let tag = Tag::spoken(kind_of(&source), &source);
                    for key in ["content", "final_thought", "query"] {
                        walker.key(&args, key, |walker, text| walker.text(tag, text));
                    }
                }
                _ => {
                    let tag = Tag {
                        role: Some("assistant"),
                        ..tag.with(ToolCall)
                    };
                    for key in [
                        "command",
                        "code",
                        "content",
                        "path",
                        "url",
                        "new_str",
                        "old_str",
                        "file_text",
                    ] {
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
        let assistant = Tag {
            role: Some("assistant"),
            ..tag
        };
        match &*word(object, &["kind"]).unwrap_or_default() {
            "MessageEvent" => {
                self.key(object, "llm_message", |walker, message| {
                    walker.message(message, false)
                });
                self.key(object, "extended_content", |walker, content| {
                    walker.content(content, Tag::of(Context))
                });
            }
            "SystemPromptEvent" => {
                self.key(object, "system_prompt", |walker, prompt| {
                    walker.content(prompt, Tag::spoken(SystemPrompt, "system"))
                });
                self.key(object, "tools", |walker, tools| walker.definitions(tools));
            }
            "ActionEvent" => {
                self.key(object, "reasoning_content", |walker, text| {
                    walker.text(assistant.with(Reasoning), text)
                });
                self.key(object, "thinking_blocks", |walker, blocks| {
                    walker.content(blocks, assistant.with(Reasoning))
                });
                self.key(object, "thought", |walker, parts| {
                    walker.content(parts, assistant.with(AssistantTurn))
                });
                match object.get("tool_call") {
                    Some(call) => self.at("tool_call", |walker| walker.call(call, assistant)),
                    None => {
                        self.key(object, "action", |walker, action| {
                            walker.emit(assistant.with(ToolCall), action)
                        });
                    }
                }
            }
            "AgentErrorEvent" | "ConversationErrorEvent" => {
                for key in ["error", "detail"] {
                    self.key(object, key, |walker, error| walker.error(error));
                }
            }
            kind if kind.starts_with("Condensation") => {
                self.key(object, "summary", |walker, text| {
                    walker.text(Tag::of(Summary), text)
                });
            }
            kind if kind.ends_with("Observation") || object.has("observation") => {
                let tag = Tag {
                    role: Some("tool"),
                    ..tag.with(ToolResult)
                };
                self.key(
                    object,
                    "observation",
                    |walker, observation| match observation.get("content") {
                        Some(content) => {
                            walker.at("content", |walker| walker.content(content, tag))
                        }
                        None => walker.long_strings(tag, observation),
                    },
                );
            }
            _ => self.emit(Tag::of(Event), value),
        }
    }

    pub(super) fn openhands_output(&mut self, object: &Object<'_>) {
        self.key(object, "instruction", |walker, text| {
            walker.hidden(|walker| walker.text(Tag::spoken(UserTurn, "user"), text))
        });
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
        self.key(object, "git_patch", |walker, patch| {
            walker.text(Tag::of(AssistantTurn), patch)
        });
        self.key(object, "test_result", |walker, result| {
            walker.hidden(|walker| walker.generic_at("test_result", result))
        });
        self.key(object, "error", |walker, error| walker.error(error));
    }

    pub(super) fn atif(&mut self, object: &Object<'_>) {
        self.key(object, "steps", |walker, steps| {
            walker.each(steps, |walker, step| {
                let Some(step) = Object::of(step) else { return };
                let role = word(&step, &["source"]).unwrap_or_default();
                walker.next_message();
                let tag = Tag::spoken(kind_of(&role), &role);
                walker.key(&step, "reasoning_content", |walker, text| {
                    walker.text(tag.with(Reasoning), text)
                });
                walker.key(&step, "message", |walker, message| {
                    walker.content(message, tag)
                });
                walker.key(&step, "tool_calls", |walker, calls| {
                    walker.each(calls, |walker, call| walker.call(call, tag))
                });
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
                    for (key, kind) in [
                        ("prompt_token_ids", Tokens),
                        ("completion_token_ids", Tokens),
                        ("logprobs", Logprobs),
                    ] {
                        walker.key(metrics, key, |walker, value| {
                            walker.emit(Tag::of(kind), value)
                        });
                    }
                });
            })
        });
    }

    /// The steps tell the run; `query` and `history` repeat it.
    pub(super) fn swe_agent(&mut self, object: &Object<'_>) {
        let told = self.key(object, "history", |walker, history| {
            walker.messages(history, false)
        });
        let steps = |walker: &mut Self| {
            walker.key(object, "trajectory", |walker, steps| {
                walker.each(steps, |walker, step| walker.swe_step(step))
            });
        };
        if told {
            self.hidden(steps)
        } else {
            steps(self)
        }
        if let Some(patch) = object
            .get("info")
            .and_then(|info| info.get("submission"))
            .filter(|patch| patch.is_string())
        {
            self.deep(&["info", "submission"], |walker| {
                walker.text(Tag::spoken(AssistantTurn, "assistant"), patch)
            });
        }
    }

    fn swe_step(&mut self, step: Json<'_>) {
        let Some(step) = Object::of(step) else { return };
        self.next_message();
        let tag = Tag::spoken(AssistantTurn, "assistant");
        self.key(&step, "query", |walker, query| {
            walker.hidden(|walker| walker.messages(query, false))
        });
        self.key(&step, "thought", |walker, text| {
            walker.text(tag.with(Reasoning), text)
        });
        self.key(&step, "response", |walker, text| {
            walker.hidden(|walker| walker.text(tag, text))
        });
        self.key(&step, "action", |walker, action| {
            walker.emit(tag.with(ToolCall), action)
        });
        self.key(&step, "observation", |walker, output| {
            walker.emit(Tag::spoken(ToolResult, "tool"), output)
        });
    }

    pub(super) fn inspect(&mut self, object: &Object<'_>) {
        self.key(object, "samples", |walker, samples| {
            walker.each(samples, |walker, sample| {
                if let Some(sample) = Object::of(sample) {
                    walker.inspect(&sample);
                }
            })
        });
        self.key(object, "input", |walker, input| {
            walker.hidden(|walker| walker.items(input, false))
        });
        self.key(object, "messages", |walker, messages| {
            walker.messages(messages, false)
        });
        self.inner(object, "output", |walker, output| {
            if let Some(value) = object.get("output") {
                walker.hidden(|walker| walker.response(output, value));
            }
        });
        self.key(object, "target", |walker, target| {
            walker.content(target, Tag::of(Rubric))
        });
        self.key(object, "scores", |walker, scores| {
            walker.long_strings(Tag::of(Rubric), scores)
        });
        self.inner(object, "attachments", |walker, attachments| {
            for (key, text) in attachments.entries() {
                walker.at(&key, |walker| {
                    walker.hidden(|walker| walker.emit(Tag::of(Context), text))
                });
            }
        });
        self.key(object, "events", |walker, events| {
            walker.hidden(|walker| walker.generic(events))
        });
        self.key(object, "error", |walker, error| walker.error(error));
    }

    /// A tree of messages: the branch of `current_node` is visible and in order, others follow hidden.
    pub(super) fn chatgpt(&mut self, object: &Object<'_>) {
        let Some(mapping) = object.get("mapping").and_then(Object::of) else {
            return;
        };
        let mut branch: Vec<String> = Vec::new();
        let mut node = word(object, &["current_node"]).map(String::from);
        while let Some(id) = node.filter(|id| !branch.contains(id) && mapping.has(id)) {
            node = mapping
                .get(&id)
                .and_then(|node| node.get("parent")?.as_str().map(String::from));
            branch.push(id);
        }
        branch.reverse();
        let on_branch: std::collections::HashSet<&str> =
            branch.iter().map(String::as_str).collect();
        self.at("mapping", |walker| {
            for id in &branch {
                walker.chatgpt_node(&mapping, id);
            }
            for (id, _) in mapping
                .entries()
                .filter(|(id, _)| !on_branch.contains(&**id))
            {
                let visible = branch.is_empty();
                if visible {
                    walker.chatgpt_node(&mapping, &id)
                } else {
                    walker.hidden(|walker| walker.chatgpt_node(&mapping, &id))
                }
            }
        });
    }

    fn chatgpt_node(&mut self, mapping: &Object<'_>, id: &str) {
        let Some(message) = mapping
            .get(id)
            .and_then(|node| Object::of(node.get("message")?))
        else {
            return;
        };
        let role = super::grammar::role_of(&message).unwrap_or_default();
        let name = word(&message, &["recipient"]).filter(|recipient| recipient != "all");
        let kind = if name.is_some() && role == "assistant" {
            ToolCall
        } else {
            kind_of(&role)
        };
        let tag = Tag::spoken(kind, &role).call(name.as_deref(), None);
        let is_hidden = message
            .get("metadata")
            .and_then(|data| data.get("is_visually_hidden_from_conversation"));
        self.next_message();
        let content = |walker: &mut Self| {
            walker.at(id, |walker| {
                walker.at("message", |walker| {
                    walker.inner(&message, "content", |walker, content| {
                        walker.chatgpt_content(content, tag)
                    });
                })
            });
        };
        if is_hidden.is_some_and(|flag| flag.raw() == b"true") {
            self.hidden(content)
        } else {
            content(self)
        }
    }

    fn chatgpt_content(&mut self, content: &Object<'_>, tag: Tag<'_>) {
        let kind = match &*word(content, &["content_type"]).unwrap_or_default() {
            "execution_output" => ToolResult,
            "thoughts" | "reasoning_recap" => Reasoning,
            "user_editable_context" | "tether_quote" | "tether_browsing_display" => Context,
            "code" if tag.name.is_some() => ToolCall,
            _ => tag.kind,
        };
        let tag = tag.with(kind);
        for key in [
            "parts",
            "text",
            "content",
            "user_profile",
            "user_instructions",
            "result",
        ] {
            self.key(content, key, |walker, text| walker.chatgpt_parts(text, tag));
        }
        self.key(content, "thoughts", |walker, thoughts| {
            walker.each(thoughts, |walker, thought| {
                if let Some(text) = thought.get("content") {
                    walker.at("content", |walker| walker.text(tag, text));
                }
            })
        });
    }

    fn chatgpt_parts(&mut self, parts: Json<'_>, tag: Tag<'_>) {
        if parts.is_array() {
            return self.each(parts, |walker, part| walker.chatgpt_parts(part, tag));
        }
        match parts.get("asset_pointer") {
            Some(_) => self.emit(tag.with(Media), parts),
            None => self.content(parts, tag),
        }
    }

    pub(super) fn claude_ai(&mut self, object: &Object<'_>) {
        self.key(object, "chat_messages", |walker, messages| {
            walker.each(messages, |walker, message| {
                let Some(message) = Object::of(message) else {
                    return;
                };
                walker.next_message();
                let role = word(&message, &["sender"]).unwrap_or_default();
                let tag = Tag::spoken(kind_of(&role), &role);
                for key in ["attachments", "files"] {
                    walker.key(&message, key, |walker, files| {
                        walker.each(files, |walker, file| {
                            if let Some(text) = file.get("extracted_content") {
                                walker.at("extracted_content", |walker| {
                                    walker.emit(Tag::of(Context), text)
                                });
                            }
                        })
                    });
                }
                let has_content = message
                    .get("content")
                    .is_some_and(|content| !content.is_blank());
                if has_content {
                    walker.key(&message, "content", |walker, content| {
                        walker.content(content, tag)
                    });
                    walker.key(&message, "text", |walker, text| {
                        walker.hidden(|walker| walker.text(tag, text))
                    });
                } else {
                    walker.key(&message, "text", |walker, text| walker.text(tag, text));
                }
            })
        });
    }

    pub(super) fn cursor(&mut self, object: &Object<'_>) {
        if !object.has("bubbleId") {
            self.key(object, "conversation", |walker, bubbles| {
                walker.each(bubbles, |walker, bubble| {
                    if let Some(object) = Object::of(bubble) {
                        walker.cursor(&object);
                    }
                })
            });
            self.key(object, "text", |walker, text| {
                walker.text(Tag::spoken(UserTurn, "user"), text)
            });
            return;
        }
        let is_user = object.get("type").is_some_and(|kind| kind.raw() == b"1");
        let tag = if is_user {
            Tag::spoken(UserTurn, "user")
        } else {
            Tag::spoken(AssistantTurn, "assistant")
        };
        self.next_message();
        self.inner(object, "thinking", |walker, thinking| {
            walker.key(thinking, "text", |walker, text| {
                walker.text(tag.with(Reasoning), text)
            });
            walker.key(thinking, "signature", |walker, value| {
                walker.emit(tag.with(Opaque), value)
            });
        });
        self.key(object, "text", |walker, text| walker.text(tag, text));
        self.inner(object, "toolFormerData", |walker, tool| {
            let name = word(tool, &["name"]);
            let tag = tag.call(name.as_deref(), None);
            let call = if tool.has("rawArgs") {
                "rawArgs"
            } else {
                "params"
            };
            walker.key(tool, call, |walker, args| {
                walker.emit(tag.with(ToolCall), args)
            });
            walker.key(tool, "result", |walker, result| {
                walker.emit(
                    Tag {
                        role: Some("tool"),
                        ..tag.with(ToolResult)
                    },
                    result,
                )
            });
        });
    }
}
