//! Consumer exports (record-shapes §8.9 and §8.14): ChatGPT, Claude.ai, Cursor. One record is a conversation, ChatGPT's a
//! tree of them.

use super::grammar::{kind_of, word};
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    /// A tree of messages: the branch of `current_node` is visible and in order, others follow hidden.
    pub(super) fn chatgpt(&mut self, object: &Object<'_>) {
        let Some(mapping) = object.get("mapping").and_then(Object::of) else {
            return;
        };
        let mut branch: Vec<String> = Vec::new();
        let mut node = word(object, &["current_node"]).map(String::from);
        while let Some(id) = node.filter(|id| !branch.contains(id) && mapping.has(id)) {
            node = mapping.get(&id).and_then(|node| node.get("parent")?.as_str().map(String::from));
            branch.push(id);
        }
        branch.reverse();
        let on_branch: std::collections::HashSet<&str> = branch.iter().map(String::as_str).collect();
        self.at("mapping", |walker| {
            for id in &branch {
                walker.chatgpt_node(&mapping, id);
            }
            for (id, _) in mapping.entries().filter(|(id, _)| !on_branch.contains(&**id)) {
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
        let Some(message) = mapping.get(id).and_then(|node| Object::of(node.get("message")?)) else {
            return;
        };
        let role = super::grammar::role_of(&message).unwrap_or_default();
        let name = word(&message, &["recipient"]).filter(|recipient| recipient != "all");
        let kind = if name.is_some() && role == "assistant" { ToolCall } else { kind_of(&role) };
        let tag = Tag::spoken(kind, &role).call(name.as_deref(), None);
        let is_hidden = message.get("metadata").and_then(|data| data.get("is_visually_hidden_from_conversation"));
        self.next_message();
        let content = |walker: &mut Self| {
            walker.at(id, |walker| {
                walker.at("message", |walker| {
                    walker.inner(&message, "content", |walker, content| walker.chatgpt_content(content, tag));
                })
            });
        };
        if is_hidden.is_some_and(|flag| flag.raw() == b"true") { self.hidden(content) } else { content(self) }
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
        for key in ["parts", "text", "content", "user_profile", "user_instructions", "result"] {
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
                                walker.at("extracted_content", |walker| walker.emit(Tag::of(Context), text));
                            }
                        })
                    });
                }
                let has_content = message.get("content").is_some_and(|content| !content.is_blank());
                if has_content {
                    walker.key(&message, "content", |walker, content| walker.content(content, tag));
                    walker.key(&message, "text", |walker, text| walker.hidden(|walker| walker.text(tag, text)));
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
            self.key(object, "text", |walker, text| walker.text(Tag::spoken(UserTurn, "user"), text));
            return;
        }
        let is_user = object.get("type").is_some_and(|kind| kind.raw() == b"1");
        let tag = if is_user { Tag::spoken(UserTurn, "user") } else { Tag::spoken(AssistantTurn, "assistant") };
        self.next_message();
        self.inner(object, "thinking", |walker, thinking| {
            walker.key(thinking, "text", |walker, text| walker.text(tag.with(Reasoning), text));
            walker.key(thinking, "signature", |walker, value| walker.emit(tag.with(Opaque), value));
        });
        self.key(object, "text", |walker, text| walker.text(tag, text));
        self.inner(object, "toolFormerData", |walker, tool| {
            let name = word(tool, &["name"]);
            let tag = tag.call(name.as_deref(), None);
            let call = if tool.has("rawArgs") { "rawArgs" } else { "params" };
            walker.key(tool, call, |walker, args| walker.emit(tag.with(ToolCall), args));
            walker.key(tool, "result", |walker, result| walker.emit(Tag { role: Some("tool"), ..tag.with(ToolResult) }, result));
        });
    }
}
