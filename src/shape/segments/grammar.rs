//! The grammars shared by all formats (record-shapes §0.5): lists of messages, what one speaker said, tool calls and tool
//! definitions, in all their spellings. What stands inside a message is the business of `parts`.

use std::borrow::Cow;

use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Kind, Object};
use crate::shape::roles::SegmentType::{self, *};
use crate::shape::roles::type_of_role;

/// The decoded string at the first of `keys` that holds one.
pub(super) fn word<'v>(object: &Object<'v>, keys: &[&str]) -> Option<Cow<'v, str>> {
    keys.iter().find_map(|key| object.get(key)?.as_str()).filter(|word| !word.is_empty())
}

impl Walker<'_> {
    /// Messages in order. In a `request` a last word of the assistant is a prefill, to be continued.
    pub(super) fn messages(&mut self, list: Json<'_>, request: bool) {
        let mut items = list.items().enumerate().peekable();
        while let Some((index, item)) = items.next() {
            let is_last = items.peek().is_none();
            self.at(index, |walker| walker.message(item, request && is_last));
        }
    }

    /// One message of any encoding.
    pub(super) fn message(&mut self, message: Json<'_>, last_of_request: bool) {
        match message.kind() {
            // LangChain keeps a list of lists, old instruction sets keep pairs.
            Kind::Array if message.items().all(Json::is_string) => return self.pair(message),
            Kind::Array => return self.messages(message, last_of_request),
            Kind::Object => {}
            _ => {
                self.next_message();
                return self.text(Tag::of(Text), message);
            }
        }
        let Some(object) = Object::of(message) else {
            return;
        };
        if self.langchain(&object) || self.enveloped(&object) {
            return;
        }
        self.next_message();
        let role = role_of(&object);
        self.said(&object, role.as_deref().unwrap_or_default(), last_of_request);
    }

    /// `["question", "answer"]`.
    fn pair(&mut self, pair: Json<'_>) {
        let mut speakers = [(UserTurn, "user"), (AssistantTurn, "assistant")].into_iter().cycle();
        self.each(pair, |walker, text| {
            let (kind, role) = speakers.next().unwrap_or((Text, ""));
            walker.next_message();
            walker.text(Tag::spoken(kind, role), text);
        });
    }

    /// LangChain's constructor (`{lc, id, kwargs}`) and dictionary (`{type, data}`) encodings.
    fn langchain(&mut self, object: &Object<'_>) -> bool {
        if let Some(kwargs) = object.get("kwargs").and_then(Object::of) {
            let class = object.get("id").and_then(|id| id.items().last()).and_then(Json::as_str);
            let role = class.or_else(|| word(&kwargs, &["type", "role"])).unwrap_or_default();
            self.next_message();
            self.at("kwargs", |walker| walker.said(&kwargs, &role, false));
            return true;
        }
        let role = word(object, &["type"]).filter(|word| type_of_role(word).is_some());
        if let (Some(role), Some(data)) = (role, object.get("data").and_then(Object::of)) {
            self.next_message();
            self.at("data", |walker| walker.said(&data, &role, false));
            return true;
        }
        false
    }

    /// `{"message": {role, content}}`, as traces and agents wrap it.
    fn enveloped(&mut self, object: &Object<'_>) -> bool {
        let is_envelope = !object.has("role") && !object.has("content");
        let Some(message) = object.get("message").filter(|message| is_envelope && message.is_object()) else {
            return false;
        };
        self.at("message", |walker| walker.message(message, false));
        true
    }

    /// What one speaker said: thoughts, content, refusal, calls, in the order a reader expects.
    pub(super) fn said(&mut self, object: &Object<'_>, role: &str, last_of_request: bool) {
        let flag = |key: &str| object.get(key).is_some_and(|value| value.raw() == b"true");
        let kind = match type_of_role(role) {
            _ if flag("isMeta") || flag("is_demo") || flag("synthetic") => Context,
            _ if flag("isCompactSummary") || flag("isSummary") => Summary,
            Some(AssistantTurn) if last_of_request || flag("prefix") || flag("partial") => Continuation,
            Some(kind) => kind,
            None => Text,
        };
        let name = word(object, &["name", "toolName", "function", "message.name"]);
        let call_id = word(object, &["tool_call_id", "toolCallId", "tool_use_id", "call_id", "message.tool_call_id"]);
        let tag = Tag::spoken(kind, role).call(name.as_deref(), call_id.as_deref());
        self.thoughts(object, tag);
        self.answered(object, tag, |walker| {
            for key in
                ["content", "value", "text", "parts", "body", "utterance", "message", "message.content", "message.contents"]
            {
                if object.get(key).is_some_and(|value| !value.is_blank()) {
                    walker.key(object, key, |walker, value| walker.content(value, tag));
                    break;
                }
            }
        });
        self.key(object, "refusal", |walker, value| walker.text(tag.with(Refusal), value));
        self.calls(object, tag);
        self.key(object, "images", |walker, images| walker.each(images, |walker, image| walker.emit(tag.with(Media), image)));
        self.inner(object, "audio", |walker, audio| {
            walker.key(audio, "transcript", |walker, text| walker.text(tag, text));
            walker.key(audio, "data", |walker, data| walker.emit(tag.with(Media), data));
        });
        self.key(object, "error", |walker, error| walker.error(error));
    }

    /// Thoughts that stand beside the content.
    fn thoughts(&mut self, object: &Object<'_>, tag: Tag<'_>) {
        let tag = tag.with(Reasoning);
        for key in ["reasoning_content", "reasoning", "thinking", "tool_plan", "thought"] {
            if self.key(object, key, |walker, value| walker.content(value, tag)) {
                break;
            }
        }
        self.key(object, "reasoning_details", |walker, details| {
            // Details repeat `reasoning` when both are there.
            let repeats = object.get("reasoning").is_some_and(Json::is_string);
            let work = |walker: &mut Walker<'_>| {
                walker.each(details, |walker, detail| {
                    let Some(detail) = Object::of(detail) else {
                        return;
                    };
                    for key in ["text", "summary"] {
                        walker.key(&detail, key, |walker, value| walker.text(tag, value));
                    }
                    for key in ["data", "signature"] {
                        walker.key(&detail, key, |walker, value| walker.emit(tag.with(Opaque), value));
                    }
                })
            };
            if repeats { walker.hidden(work) } else { work(walker) }
        });
    }

    /// Calls that stand beside the content, in all their spellings.
    fn calls(&mut self, object: &Object<'_>, tag: Tag<'_>) {
        for key in ["tool_calls", "toolCalls", "message.tool_calls"] {
            self.key(object, key, |walker, calls| walker.each(calls, |walker, call| walker.call(call, tag)));
        }
        for key in ["function_call", "message.function_call"] {
            self.key(object, key, |walker, call| walker.call(call, tag));
        }
        if object.has("tool_calls") {
            return;
        }
        self.inner(object, "additional_kwargs", |walker, kwargs| walker.hidden(|walker| walker.calls(kwargs, tag)));
    }

    /// One tool call; when it has no arguments, the call as it stands.
    pub(super) fn call(&mut self, call: Json<'_>, tag: Tag<'_>) {
        let Some(object) = Object::of(call) else {
            return self.emit(tag.with(ToolCall), call);
        };
        if let Some(inner) = object.get("tool_call").filter(|inner| inner.is_object()) {
            return self.at("tool_call", |walker| walker.call(inner, tag));
        }
        let call_id = word(&object, &["id", "tool_call_id", "toolCallId", "tool_call.id", "call_id"]);
        let tag = tag.with(ToolCall).call(None, call_id.as_deref());
        for key in ["function", "custom"] {
            if let Some(function) = object.get(key).filter(|function| function.is_object()) {
                return self.at(key, |walker| walker.arguments(function, tag));
            }
        }
        self.arguments(call, tag);
        self.results(&object, tag);
    }

    fn arguments(&mut self, call: Json<'_>, tag: Tag<'_>) {
        let Some(object) = Object::of(call) else {
            return;
        };
        let name = word(&object, &["name", "function_name", "toolName", "tool_call.function.name", "tool"]);
        let tag = tag.call(name.as_deref(), None);
        for key in ["arguments", "input", "args", "parameters", "tool_call.function.arguments", "rawArgs"] {
            if object.get(key).is_some_and(|value| !value.is_blank()) {
                self.key(&object, key, |walker, value| walker.emit(tag, value));
                return;
            }
        }
        self.emit(tag, call);
    }

    /// Results that stand inside their call (Gemini CLI, MCP); a display form repeats the result.
    fn results(&mut self, call: &Object<'_>, tag: Tag<'_>) {
        let name = word(call, &["name"]);
        let tag = tag.with(ToolResult).call(name.as_deref(), None);
        self.key(call, "result", |walker, value| walker.content(value, tag));
        self.key(call, "resultDisplay", |walker, value| walker.hidden(|walker| walker.content(value, tag)));
    }

    /// An error: its message, or itself when it is text.
    pub(super) fn error(&mut self, error: Json<'_>) {
        let message = ["message", "error", "detail"].into_iter().find_map(|key| Some((key, error.get(key)?)));
        match message {
            Some((key, message)) => self.at(key, |walker| walker.error(message)),
            None if error.is_string() => self.text(Tag::of(ErrorText), error),
            None => {}
        }
    }

    /// `TOOLDEFS`: one segment per definition, since tool sets grow and shrink one at a time.
    pub(super) fn tool_definitions(&mut self, object: &Object<'_>) {
        for key in ["tools", "functions"] {
            self.key(object, key, |walker, tools| walker.definitions(tools));
        }
        for key in ["tool_config", "toolConfig", "config"] {
            if object.get(key).is_some_and(|config| config.get("tools").is_some()) {
                self.inner(object, key, |walker, config| walker.tool_definitions(config));
            }
        }
        let schema = object.get("response_format").and_then(|format| format.pointer("/json_schema/schema"));
        if let Some(schema) = schema {
            self.at("response_format", |walker| {
                walker.at("json_schema", |walker| walker.at("schema", |walker| walker.emit(Tag::of(ToolDefinitions), schema)));
            });
        }
    }

    /// A list of definitions; Gemini groups them once more, data sets keep them as a JSON string.
    pub(super) fn definitions(&mut self, tools: Json<'_>) {
        if tools.is_string() && self.nested(tools, |walker, inner| walker.definitions(inner)) {
            return;
        }
        if !tools.is_array() {
            return self.emit(Tag::of(ToolDefinitions), tools);
        }
        self.each(tools, |walker, tool| {
            let group = ["functionDeclarations", "function_declarations"].into_iter().find_map(|key| Some((key, tool.get(key)?)));
            match group {
                Some((key, group)) => walker.at(key, |walker| walker.definitions(group)),
                None => walker.emit(Tag::of(ToolDefinitions), tool),
            }
        });
    }
}

/// The role word of a message, wherever it stands.
pub(super) fn role_of<'v>(object: &Object<'v>) -> Option<Cow<'v, str>> {
    for key in ["role", "from", "author", "sender", "speaker", "message.role"] {
        let Some(value) = object.get(key) else {
            continue;
        };
        let word = value.as_str().or_else(|| value.get("role").and_then(Json::as_str));
        if word.is_some() {
            return word;
        }
    }
    word(object, &["type"]).filter(|word| type_of_role(word).is_some())
}

/// The type of a text in `role`, or text.
pub(super) fn kind_of(role: &str) -> SegmentType {
    type_of_role(role).unwrap_or(Text)
}
