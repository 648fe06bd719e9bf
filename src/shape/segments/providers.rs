//! Requests and responses of the providers (record-shapes §3 to §6). A request is read by its keys, whichever provider it
//! is for: definitions of tools, system prompt, then the conversation; a response likewise.

use super::grammar::word;
use super::walker::{Tag, Walker};
use crate::shape::detect::detect_inner;
use crate::shape::id::ShapeId::{self, MessagesArray, TokensArray};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    /// A body of a logged request or response: JSON, JSON in a string, an event stream, or text.
    pub(super) fn body(&mut self, body: Json<'_>, is_response: bool) {
        let read = |walker: &mut Self, inner: Json<'_>| {
            let shape = detect_inner(inner);
            walker.provider_or_generic(inner, shape);
        };
        if !body.is_string() {
            return read(self, body);
        }
        if !self.nested(body, read) && !self.streamed(body, read) {
            if body.raw_str().is_some_and(super::stream::is_stream) {
                return self.emit(Tag::spoken(Continuation, "assistant"), body);
            }
            let (kind, role) = if is_response { (AssistantTurn, "assistant") } else { (UserTurn, "user") };
            self.next_message();
            self.prompt(Tag::spoken(kind, role), body);
        }
    }

    fn provider_or_generic(&mut self, value: Json<'_>, shape: ShapeId) {
        match (shape, Object::of(value)) {
            (MessagesArray, _) => self.messages(value, false),
            (TokensArray, _) => self.emit(Tag::of(Tokens), value),
            (_, Some(object)) => {
                let is_refused = shape == ShapeId::Generic && self.key(&object, "error", |walker, error| walker.error(error));
                if !is_refused {
                    self.by_shape(shape, &object, value);
                }
            }
            (_, None) if value.is_array() => self.each(value, |walker, item| walker.body(item, true)),
            (_, None) if value.is_string() => self.body(value, true),
            _ => {}
        }
    }

    /// A request of any provider; `prefill` when a last word of the assistant is to be continued.
    pub(super) fn request(&mut self, object: &Object<'_>, prefill: bool) {
        self.tool_definitions(object);
        self.system(object);
        for key in ["chat_history", "history"] {
            self.key(object, key, |walker, list| walker.messages(list, false));
        }
        self.key(
            object,
            "messages",
            |walker, list| {
                if list.is_string() { walker.body(list, false) } else { walker.messages(list, prefill) }
            },
        );
        self.key(object, "contents", |walker, contents| walker.contents(contents));
        self.key(object, "input", |walker, input| walker.items(input, prefill));
        for key in ["message", "prompt", "suffix", "inputText"] {
            self.key(object, key, |walker, prompt| walker.plain_prompt(prompt));
        }
        for key in ["documents", "search_results"] {
            self.key(object, key, |walker, documents| walker.each(documents, |walker, document| walker.passage(document)));
        }
        self.inner(object, "prediction", |walker, prediction| {
            walker.key(prediction, "content", |walker, content| walker.content(content, Tag::of(Context)));
        });
        self.key(object, "context", |walker, context| {
            if context.is_array() {
                walker.emit(Tag::of(Tokens), context)
            }
        });
        self.key(object, "automaticFunctionCallingHistory", |walker, history| walker.hidden(|walker| walker.contents(history)));
    }

    /// Instructions, under the names the providers give them.
    pub(super) fn system(&mut self, object: &Object<'_>) {
        let tag = Tag::spoken(SystemPrompt, "system");
        for key in ["system", "preamble", "system_prompt"] {
            self.key(object, key, |walker, system| walker.content(system, tag));
        }
        self.key(object, "instructions", |walker, instructions| match instructions.at(0) {
            Some(item) if item.get("role").is_some() => walker.items(instructions, false),
            _ => walker.content(instructions, tag),
        });
        for key in ["systemInstruction", "system_instruction"] {
            self.key(object, key, |walker, value| match value.get("parts") {
                Some(parts) => walker.at("parts", |walker| walker.content(parts, tag)),
                None => walker.content(value, tag),
            });
        }
    }

    /// Gemini's contents: a list, one message, or a string; without a role the user speaks.
    fn contents(&mut self, contents: Json<'_>) {
        if contents.is_array() {
            return self.each(contents, |walker, content| walker.contents(content));
        }
        self.next_message();
        match Object::of(contents) {
            Some(object) => {
                let role = word(&object, &["role"]).unwrap_or("user".into());
                self.said(&object, &role, false);
            }
            None => self.prompt(Tag::spoken(UserTurn, "user"), contents),
        }
    }

    /// A prompt: text, token ids, or messages.
    pub(super) fn plain_prompt(&mut self, prompt: Json<'_>) {
        let tag = Tag::spoken(UserTurn, "user");
        if prompt.is_string() {
            self.next_message();
            return self.prompt(tag, prompt);
        }
        if prompt.is_object() {
            return self.message(prompt, false);
        }
        match prompt.at(0) {
            Some(first) if first.as_i64().is_some() => self.emit(tag.with(Tokens), prompt),
            Some(first) if first.is_object() => self.messages(prompt, false),
            Some(_) => self.each(prompt, |walker, item| walker.plain_prompt(item)),
            None => {}
        }
    }

    /// A retrieved document: its text, or itself.
    pub(super) fn passage(&mut self, document: Json<'_>) {
        let tag = Tag::of(Context);
        let text = ["text", "content", "snippet", "body", "page_content", "chunk"]
            .into_iter()
            .find_map(|key| Some((key, document.get(key).filter(|text| text.is_string())?)));
        match text {
            Some((key, text)) => self.at(key, |walker| walker.emit(tag, text)),
            None if document.get("document").is_some_and(Json::is_object) => {
                if let Some(inner) = document.get("document") {
                    self.at("document", |walker| walker.passage(inner));
                }
            }
            None => self.emit(tag, document),
        }
    }

    /// A response of any provider.
    pub(super) fn response(&mut self, object: &Object<'_>, value: Json<'_>) {
        self.key(object, "instructions", |walker, system| {
            walker.hidden(|walker| walker.content(system, Tag::spoken(SystemPrompt, "system")))
        });
        self.hidden(|walker| walker.tool_definitions(object));
        self.key(object, "prompt", |walker, prompt| walker.hidden(|walker| walker.plain_prompt(prompt)));
        for key in ["citations", "search_results"] {
            self.key(object, key, |walker, list| {
                walker.each(list, |walker, hit| {
                    if hit.is_object() {
                        walker.passage(hit)
                    }
                })
            });
        }
        for key in ["choices", "candidates", "outputs", "results", "generations"] {
            self.key(object, key, |walker, choices| walker.choices(choices));
        }
        self.key(object, "output", |walker, output| match output.get("message") {
            Some(message) => walker.at("message", |walker| walker.message(message, false)),
            None => walker.items(output, false),
        });
        if object.has("role") || object.has("thinking") {
            self.message(value, false);
        } else {
            for key in ["message", "content", "text", "response", "generation", "completion"] {
                self.key(object, key, |walker, answer| walker.answer(answer));
            }
        }
        self.key(object, "error", |walker, error| walker.error(error));
        self.key(object, "context", |walker, context| {
            if context.is_array() {
                walker.emit(Tag::of(Tokens), context)
            }
        });
    }

    /// An answer as message or text.
    pub(super) fn answer(&mut self, answer: Json<'_>) {
        if answer.is_object() {
            return self.message(answer, false);
        }
        self.next_message();
        self.content(answer, Tag::spoken(AssistantTurn, "assistant"));
    }

    fn choices(&mut self, choices: Json<'_>) {
        let several = choices.at(1).is_some();
        for (index, choice) in choices.items().enumerate() {
            self.at(index, |walker| match u32::try_from(index) {
                Ok(number) if several => walker.choice(number, |walker| walker.one_choice(choice)),
                _ => walker.one_choice(choice),
            });
        }
    }

    fn one_choice(&mut self, choice: Json<'_>) {
        let Some(object) = Object::of(choice) else {
            return;
        };
        let tag = Tag::spoken(AssistantTurn, "assistant");
        for key in ["message", "content"] {
            self.key(&object, key, |walker, message| match Object::of(message) {
                Some(message) => {
                    walker.next_message();
                    let role = word(&message, &["role"]).unwrap_or("assistant".into());
                    walker.said(&message, &role, false);
                }
                None => walker.answer(message),
            });
        }
        self.inner(&object, "delta", |walker, delta| {
            walker.next_message();
            let role = word(delta, &["role"]).unwrap_or("assistant".into());
            walker.said(delta, &role, true);
        });
        for key in ["text", "outputText"] {
            self.key(&object, key, |walker, text| {
                walker.next_message();
                walker.text(tag, text);
            });
        }
        for key in ["token_ids", "prompt_token_ids"] {
            self.key(&object, key, |walker, ids| walker.emit(tag.with(Tokens), ids));
        }
        for key in ["logprobs", "groundingMetadata"] {
            let kind = if key == "logprobs" { Logprobs } else { Context };
            self.key(&object, key, |walker, value| walker.emit(Tag::of(kind), value));
        }
    }

    /// A stream event: small ones are events; those that repeat a finished item or text show it.
    pub(super) fn stream_event(&mut self, object: &Object<'_>, value: Json<'_>) {
        let mut found = self.key(object, "item", |walker, item| walker.item(item, false));
        found |= self.inner(object, "response", |walker, response| {
            walker.key(response, "output", |walker, output| walker.items(output, false));
            walker.key(response, "error", |walker, error| walker.error(error));
        });
        found |= self.inner(object, "message", |walker, message| {
            walker.key(message, "content", |walker, content| walker.content(content, Tag::spoken(AssistantTurn, "assistant")));
        });
        let is_thought = word(object, &["type"]).is_some_and(|kind| kind.contains("reasoning"));
        let kind = if is_thought { Reasoning } else { AssistantTurn };
        found |= self.key(object, "text", |walker, text| walker.content(text, Tag::spoken(kind, "assistant")));
        for (key, kind) in [("delta", Continuation), ("content_block", Continuation)] {
            found |= self.key(object, key, |walker, delta| walker.delta(delta, kind));
        }
        if !found {
            self.emit(Tag::of(Event), value);
        }
    }

    fn delta(&mut self, delta: Json<'_>, kind: crate::shape::roles::SegmentType) {
        let tag = Tag::spoken(kind, "assistant");
        if delta.is_string() {
            return self.emit(tag, delta);
        }
        let Some(object) = Object::of(delta) else {
            return;
        };
        for (key, kind) in [("text", kind), ("thinking", Reasoning), ("partial_json", ToolCall), ("signature", Opaque)] {
            self.key(&object, key, |walker, value| walker.emit(tag.with(kind), value));
        }
    }

    /// vLLM: prompt, prompt ids, outputs.
    pub(super) fn vllm(&mut self, object: &Object<'_>) {
        self.key(object, "prompt", |walker, prompt| walker.plain_prompt(prompt));
        self.key(object, "prompt_token_ids", |walker, ids| walker.emit(Tag::spoken(Tokens, "user"), ids));
        self.key(object, "prompt_logprobs", |walker, value| walker.emit(Tag::of(Logprobs), value));
        self.key(object, "outputs", |walker, outputs| walker.choices(outputs));
        self.key(object, "token_ids", |walker, ids| walker.emit(Tag::spoken(Tokens, "assistant"), ids));
    }

    /// An entry of a Mistral conversation, or a history of them.
    pub(super) fn mistral(&mut self, object: &Object<'_>, value: Json<'_>) {
        if self.key(object, "entries", |walker, entries| {
            walker.each(entries, |walker, entry| {
                if let Some(object) = Object::of(entry) {
                    walker.mistral(&object, entry);
                }
            })
        }) {
            return;
        }
        self.next_message();
        let call_id = word(object, &["tool_call_id"]);
        let name = word(object, &["name"]);
        let tag = Tag::of(Text).call(name.as_deref(), call_id.as_deref());
        match &*word(object, &["type"]).unwrap_or_default() {
            "function.call" => self.call(value, tag),
            "function.result" => {
                self.key(object, "result", |walker, result| walker.content(result, tag.with(ToolResult)));
            }
            "tool.execution" => {
                self.key(object, "arguments", |walker, value| walker.emit(tag.with(ToolCall), value));
                self.key(object, "info", |walker, value| walker.emit(tag.with(ToolResult), value));
            }
            kind => {
                let role = word(object, &["role"]).unwrap_or(if kind == "message.input" { "user" } else { "assistant" }.into());
                self.said(object, &role, false);
            }
        }
    }
}
