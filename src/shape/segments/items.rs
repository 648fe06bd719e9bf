//! The items of the Responses API (record-shapes §4.2), which Codex logs as well.

use super::grammar::{kind_of, word};
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::{self, *};

impl Walker<'_> {
    /// A list of items; easy messages among them have a role and no `type`.
    pub(super) fn items(&mut self, items: Json<'_>, request: bool) {
        if items.is_string() {
            self.next_message();
            return self.prompt(Tag::spoken(UserTurn, "user"), items);
        }
        let mut list = items.items().enumerate().peekable();
        while let Some((index, item)) = list.next() {
            let is_last = list.peek().is_none();
            self.at(index, |walker| walker.item(item, request && is_last));
        }
    }

    /// One item.
    pub(super) fn item(&mut self, item: Json<'_>, last_of_request: bool) {
        let Some(object) = Object::of(item) else {
            return self.message(item, last_of_request);
        };
        let kind = word(&object, &["type"]).unwrap_or_default();
        if kind.is_empty() || kind == "message" {
            return self.message(item, last_of_request);
        }
        self.next_message();
        let name = word(&object, &["name", "server_label"]);
        let call_id = word(&object, &["call_id", "id"]);
        let name = name.as_deref().or(Some(&*kind)).filter(|_| kind != "reasoning");
        let tag = Tag::spoken(Text, "").call(name, call_id.as_deref());
        match &*kind {
            "reasoning" => self.item_reasoning(&object),
            "mcp_list_tools" | "additional_tools" => {
                self.key(&object, "tools", |walker, tools| walker.definitions(tools));
            }
            "compaction" | "context_compaction" => {
                self.key(&object, "encrypted_content", |walker, value| walker.emit(Tag::of(Opaque), value));
            }
            "image_generation_call" => {
                self.key(&object, "result", |walker, value| walker.emit(tag.with(Media), value));
            }
            "item_reference" | "compaction_trigger" | "mcp_approval_request" | "mcp_approval_response" | "ghost_snapshot" => {
                self.emit(tag.with(Event), item);
            }
            kind if kind.ends_with("_output") => {
                self.answered(&object, tag.with(ToolResult), |walker| walker.item_result(&object, tag));
            }
            "function_call" | "custom_tool_call" | "mcp_call" => self.item_call(&object, item, tag),
            kind if kind.ends_with("_call") || kind == "program" => self.item_call(&object, item, tag),
            kind => self.other_item(&object, item, kind_of(kind)),
        }
    }

    fn item_reasoning(&mut self, object: &Object<'_>) {
        let tag = Tag::spoken(Reasoning, "assistant");
        for key in ["summary", "content"] {
            self.key(object, key, |walker, parts| walker.content(parts, tag));
        }
        self.key(object, "encrypted_content", |walker, value| walker.emit(tag.with(Opaque), value));
    }

    fn item_call(&mut self, object: &Object<'_>, item: Json<'_>, tag: Tag<'_>) {
        let tag = Tag { role: Some("assistant"), ..tag.with(ToolCall) };
        let has_call = ["arguments", "input", "action", "operation", "code", "queries"]
            .into_iter()
            .filter(|key| object.get(key).is_some_and(|value| !value.is_blank()))
            .take(1)
            .any(|key| self.key(object, key, |walker, value| walker.emit(tag, value)));
        if !has_call {
            self.emit(tag, item);
        }
        self.item_result(object, tag);
    }

    fn item_result(&mut self, object: &Object<'_>, tag: Tag<'_>) {
        let tag = Tag { role: Some("tool"), ..tag.with(ToolResult) };
        for key in ["output", "outputs", "result", "results", "tools"] {
            let is_result = object.get(key).is_some_and(|value| !value.is_blank());
            if is_result && self.key(object, key, |walker, value| walker.item_output(value, tag)) {
                break;
            }
        }
        self.key(object, "error", |walker, error| walker.error(error));
    }

    /// A string, parts, or `{content, success}`.
    fn item_output(&mut self, value: Json<'_>, tag: Tag<'_>) {
        match value.get("content") {
            Some(content) if value.get("type").is_none() => self.at("content", |walker| walker.content(content, tag)),
            _ => self.content(value, tag),
        }
    }

    /// A role as `type` (older logs), or something newer than this program.
    fn other_item(&mut self, object: &Object<'_>, item: Json<'_>, kind: SegmentType) {
        if object.has("content") {
            let tag = Tag::of(kind);
            self.key(object, "content", |walker, content| walker.content(content, tag));
        } else {
            self.generic(item);
        }
    }
}
