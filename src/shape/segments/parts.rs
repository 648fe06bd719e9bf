//! Message content and its parts (record-shapes §0.5 `CONTENT` and `PART`): content is nothing, a string, a part, or a list
//! of them; a part is told by its `type`, else by the one key that untagged unions have.

use super::grammar::word;
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Kind, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    /// `CONTENT`: nothing, a string, a part, or a list of them.
    pub(super) fn content(&mut self, content: Json<'_>, tag: Tag<'_>) {
        match content.kind() {
            Kind::String if matches!(tag.kind, ToolCall | ToolResult) => self.emit(tag, content),
            Kind::String => self.text(tag, content),
            Kind::Array => self.each(content, |walker, part| walker.content(part, tag)),
            Kind::Object => self.part(content, tag),
            _ => {}
        }
    }

    /// `PART`: by `type`, else by the keys that untagged unions use.
    fn part(&mut self, part: Json<'_>, tag: Tag<'_>) {
        let Some(object) = Object::of(part) else {
            return;
        };
        let kind = word(&object, &["type", "message_content.type"]).unwrap_or_default();
        let known = match &*kind {
            "thinking" | "reasoning" => self.thinking(&object, tag),
            "redacted_thinking" => self.key(&object, "data", |walker, data| walker.emit(tag.with(Opaque), data)),
            "summary_text" | "reasoning_text" => self.spoken(&object, tag.with(Reasoning)),
            "refusal" => self.key(&object, "refusal", |walker, text| walker.text(tag.with(Refusal), text)),
            "compaction" => self.key(&object, "content", |walker, text| walker.content(text, tag.with(Summary))),
            "document" | "search_result" => self.document(&object, tag),
            "mid_conv_system" => self.key(&object, "content", |walker, inner| walker.content(inner, tag.with(SystemPrompt))),
            "tool_reference" | "additional_tools" => {
                self.emit(tag.with(ToolDefinitions), part);
                true
            }
            "tool_use" | "server_tool_use" | "mcp_tool_use" | "toolCall" | "tool_call" | "tool-call" => {
                self.call(part, tag);
                true
            }
            "tool_call_response" | "tool-result" => self.tool_result(&object, tag),
            kind if kind.ends_with("tool_result") => self.tool_result(&object, tag),
            _ => self.spoken(&object, tag) || self.media(&object, tag) || self.union(&object, tag),
        };
        if !known && tag.kind == ToolResult {
            self.emit(tag, part);
        } else if !known {
            self.generic(part);
        }
    }

    /// A part with text; Gemini marks thoughts with a flag, OpenTelemetry keeps the text under `content`.
    fn spoken(&mut self, object: &Object<'_>, tag: Tag<'_>) -> bool {
        let is_thought = object.get("thought").is_some_and(|flag| flag.raw() == b"true");
        let tag = if is_thought { tag.with(Reasoning) } else { tag };
        let found = ["text", "content", "message_content.text", "value"]
            .into_iter()
            .filter(|key| object.get(key).is_some_and(Json::is_string))
            .take(1)
            .any(|key| self.key(object, key, |walker, text| walker.content(text, tag)));
        for key in ["thoughtSignature", "thought_signature", "signature"] {
            self.key(object, key, |walker, value| walker.emit(tag.with(Opaque), value));
        }
        found
    }

    fn thinking(&mut self, object: &Object<'_>, tag: Tag<'_>) -> bool {
        let mut found = false;
        for key in ["thinking", "text", "reasoning", "summary", "content"] {
            found = self.key(object, key, |walker, value| walker.content(value, tag.with(Reasoning))) || found;
        }
        for key in ["signature", "encrypted_content", "data"] {
            found = self.key(object, key, |walker, value| walker.emit(tag.with(Opaque), value)) || found;
        }
        found
    }

    /// A result block; what it returned may be text, parts, or any JSON.
    fn tool_result(&mut self, object: &Object<'_>, tag: Tag<'_>) -> bool {
        let call_id = word(object, &["tool_use_id", "toolCallId", "tool_call_id", "id"]);
        let name = word(object, &["name", "toolName"]);
        let tag = tag.with(ToolResult).call(name.as_deref(), call_id.as_deref());
        let mut found = false;
        self.answered(object, tag, |walker| {
            found = ["content", "result", "output", "response"]
                .into_iter()
                .filter(|key| object.get(key).is_some_and(|value| !value.is_blank()))
                .take(1)
                .any(|key| walker.key(object, key, |walker, value| walker.content(value, tag)));
        });
        found || object.has("content")
    }

    fn document(&mut self, object: &Object<'_>, tag: Tag<'_>) -> bool {
        let tag = tag.with(Context);
        if let Some(source) = object.get("source").and_then(Object::of) {
            let kind = if source.get("type").is_some_and(|kind| kind.is_text("base64")) { Media } else { Context };
            self.at("source", |walker| {
                walker.key(&source, "data", |walker, data| walker.emit(tag.with(kind), data));
                walker.key(&source, "content", |walker, content| walker.content(content, tag));
            });
        }
        self.key(object, "content", |walker, content| walker.content(content, tag));
        true
    }

    /// Images, audio and files, under all the names their data has.
    fn media(&mut self, object: &Object<'_>, tag: Tag<'_>) -> bool {
        const NESTED: [(&str, &str); 8] = [
            ("image_url", "url"),
            ("source", "data"),
            ("source", "url"),
            ("inline_data", "data"),
            ("inlineData", "data"),
            ("input_audio", "data"),
            ("file", "file_data"),
            ("blob", "content"),
        ];
        for (outer, key) in NESTED {
            if let Some(data) = object.get(outer).and_then(|outer| outer.get(key)).filter(|data| data.is_string()) {
                self.at(outer, |walker| walker.at(key, |walker| walker.emit(tag.with(Media), data)));
                return true;
            }
        }
        let has_type = object.has("type") || object.has("mimeType") || object.has("mime_type");
        ["image_url", "image", "data", "file_data", "url"].into_iter().any(|key| {
            let is_data = has_type && object.get(key).is_some_and(Json::is_string);
            is_data && self.key(object, key, |walker, data| walker.emit(tag.with(Media), data))
        })
    }

    /// Untagged unions of Bedrock and Gemini: the one key says what the part is.
    fn union(&mut self, object: &Object<'_>, tag: Tag<'_>) -> bool {
        for (key, value) in object.entries() {
            if value.is_null() {
                continue;
            }
            match &*key {
                "toolUse" | "functionCall" | "function_call" => self.at(&key, |walker| walker.union_call(value, tag)),
                "toolResult" | "functionResponse" | "function_response" => {
                    self.at(&key, |walker| walker.union_result(value, tag));
                }
                "executableCode" | "executable_code" => self.at_key(&key, value, "code", tag.with(ToolCall)),
                "codeExecutionResult" | "code_execution_result" => self.at_key(&key, value, "output", tag.with(ToolResult)),
                "reasoningContent" => self.at(&key, |walker| walker.bedrock_thought(value, tag)),
                "json" => self.at(&key, |walker| walker.emit(tag, value)),
                "image" | "document" | "video" => self.at(&key, |walker| walker.emit(tag.with(Media), value)),
                "cachePoint" | "cache_control" => {}
                _ => continue,
            }
            return true;
        }
        false
    }

    fn union_call(&mut self, value: Json<'_>, tag: Tag<'_>) {
        let id = value.get("toolUseId").and_then(Json::as_str);
        self.call(value, tag.call(None, id.as_deref()));
    }

    fn union_result(&mut self, value: Json<'_>, tag: Tag<'_>) {
        let Some(object) = Object::of(value) else {
            return;
        };
        let id = word(&object, &["toolUseId", "id"]);
        self.tool_result(&object, tag.call(None, id.as_deref()));
    }

    fn bedrock_thought(&mut self, value: Json<'_>, tag: Tag<'_>) {
        let Some(object) = Object::of(value) else {
            return;
        };
        self.inner(&object, "reasoningText", |walker, text| {
            walker.spoken(text, tag.with(Reasoning));
        });
        self.key(&object, "redactedContent", |walker, value| walker.emit(tag.with(Opaque), value));
    }

    fn at_key(&mut self, outer: &str, value: Json<'_>, key: &str, tag: Tag<'_>) {
        if let Some(inner) = value.get(key) {
            self.at(outer, |walker| walker.at(key, |walker| walker.emit(tag, inner)));
        }
    }
}
