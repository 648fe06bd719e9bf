//! Gateways, loggers and traces (record-shapes §7): most wrap a request and a response of a provider, as JSON or as JSON in
//! a string.

use super::walker::{Tag, Walker};
use crate::shape::detect::gateways::{Body, PAIRS, body_at};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    /// A request and a response under the names of [`PAIRS`].
    pub(super) fn pair_record(&mut self, object: &Object<'_>) {
        for (request, response) in PAIRS {
            if !object.has(request) || !object.has(response) {
                continue;
            }
            self.key(object, request, |walker, wrapper| walker.wrapped(wrapper, false));
            self.key(object, response, |walker, wrapper| walker.wrapped(wrapper, true));
            break;
        }
        self.key(object, "error", |walker, error| walker.error(error));
    }

    fn wrapped(&mut self, wrapper: Json<'_>, is_response: bool) {
        let (pointer, body) = body_at(wrapper);
        let path: Vec<&str> = pointer.split('/').skip(1).collect();
        let (Body::Value(body) | Body::Text(body)) = body;
        self.deep(&path, |walker| match body.is_array() {
            true => walker.generic_at(if is_response { "response" } else { "messages" }, body),
            false => walker.body(body, is_response),
        });
        if let Some(error) = wrapper.get("error").filter(|_| is_response) {
            self.at("error", |walker| walker.error(error));
        }
    }

    pub(super) fn litellm(&mut self, object: &Object<'_>) {
        if let Some(inner) = object.get("standard_logging_object").and_then(Object::of) {
            return self.at("standard_logging_object", |walker| walker.litellm(&inner));
        }
        self.inner(object, "model_parameters", |walker, parameters| walker.tool_definitions(parameters));
        self.key(object, "messages", |walker, messages| match messages.is_array() {
            true => walker.messages(messages, false),
            false => walker.body(messages, false),
        });
        self.key(object, "response", |walker, response| walker.body(response, true));
        for key in ["error_str", "error_information"] {
            self.key(object, key, |walker, error| match error.get("error_message") {
                Some(message) => walker.at("error_message", |walker| walker.error(message)),
                None => walker.error(error),
            });
        }
    }

    pub(super) fn helicone(&mut self, object: &Object<'_>) {
        self.key(object, "request_body", |walker, body| walker.body(body, false));
        self.key(object, "response_body", |walker, body| walker.body(body, true));
    }

    /// `input` and `output` of a trace or observation: messages, a body, text, or any of them in a string.
    pub(super) fn input_output(&mut self, object: &Object<'_>, input: &str, output: &str) {
        self.key(object, input, |walker, value| walker.traced(value, false));
        self.key(object, output, |walker, value| walker.traced(value, true));
    }

    pub(super) fn traced(&mut self, value: Json<'_>, is_output: bool) {
        if value.is_string() {
            if !self.nested(value, |walker, inner| walker.traced(inner, is_output)) {
                let tag = if is_output { Tag::spoken(AssistantTurn, "assistant") } else { Tag::spoken(UserTurn, "user") };
                self.next_message();
                self.prompt(tag, value);
            }
        } else if crate::shape::detect::is_messages(value) {
            self.messages(value, false);
        } else if let Some(list) = value.get("messages").filter(|list| list.is_array()) {
            if let Some(object) = Object::of(value) {
                self.tool_definitions(&object);
                self.system(&object);
            }
            self.at("messages", |walker| walker.messages(list, false));
        } else {
            self.body(value, is_output);
        }
    }

    pub(super) fn langfuse(&mut self, object: &Object<'_>) {
        self.input_output(object, "input", "output");
        self.key(object, "observations", |walker, observations| {
            walker.hidden(|walker| {
                walker.each(observations, |walker, observation| {
                    if let Some(observation) = Object::of(observation) {
                        walker.langfuse(&observation);
                    }
                })
            })
        });
        if object.get("level").is_some_and(|level| level.is_text("ERROR")) {
            for key in ["status_message", "statusMessage"] {
                self.key(object, key, |walker, text| walker.text(Tag::of(ErrorText), text));
            }
        }
    }

    pub(super) fn langsmith(&mut self, object: &Object<'_>) {
        self.key(object, "inputs", |walker, inputs| walker.traced(inputs, false));
        self.inner(object, "outputs", |walker, outputs| {
            let told = walker.key(outputs, "generations", |walker, lists| {
                walker.each(lists, |walker, list| {
                    if list.is_array() {
                        walker.each(list, |walker, generation| walker.generation(generation))
                    } else {
                        walker.generation(list)
                    }
                })
            });
            if let Some(value) = object.get("outputs").filter(|_| !told) {
                walker.traced(value, true);
            }
        });
        self.key(object, "serialized", |walker, value| walker.hidden(|walker| walker.emit(Tag::of(Event), value)));
        self.key(object, "error", |walker, error| walker.error(error));
    }

    /// LangChain's generation: `text` repeats the message.
    fn generation(&mut self, generation: Json<'_>) {
        let Some(object) = Object::of(generation) else {
            return;
        };
        let told = self.key(&object, "message", |walker, message| walker.message(message, false));
        let tag = Tag::spoken(AssistantTurn, "assistant");
        self.key(
            &object,
            "text",
            |walker, text| {
                if told { walker.hidden(|walker| walker.text(tag, text)) } else { walker.text(tag, text) }
            },
        );
    }

    pub(super) fn weave(&mut self, object: &Object<'_>) {
        self.input_output(object, "inputs", "output");
        self.key(object, "exception", |walker, text| walker.text(Tag::of(ErrorText), text));
    }

    pub(super) fn bedrock_log(&mut self, object: &Object<'_>) {
        for (key, body, is_response) in [("input", "inputBodyJson", false), ("output", "outputBodyJson", true)] {
            self.inner(object, key, |walker, wrapper| {
                walker.key(wrapper, body, |walker, value| match (is_response, Object::of(value)) {
                    (true, Some(response)) => walker.response(&response, value),
                    (false, Some(request)) => walker.request(&request, false),
                    (true, None) if value.is_array() => walker.emit(Tag::spoken(Continuation, "assistant"), value),
                    (_, None) => walker.body(value, is_response),
                });
            });
        }
        self.key(object, "errorCode", |walker, error| walker.error(error));
    }

    pub(super) fn llm_row(&mut self, object: &Object<'_>) {
        self.system(object);
        for key in ["system_fragments", "prompt_fragments"] {
            self.key(object, key, |walker, fragments| walker.each(fragments, |walker, fragment| walker.passage(fragment)));
        }
        self.key(object, "tools", |walker, tools| walker.definitions(tools));
        self.key(object, "tool_results", |walker, results| {
            walker.each(results, |walker, result| {
                if let Some(output) = result.get("output") {
                    walker.at("output", |walker| walker.emit(Tag::spoken(ToolResult, "tool"), output));
                }
            })
        });
        self.key(object, "prompt", |walker, prompt| walker.plain_prompt(prompt));
        self.key(object, "prompt_json", |walker, value| walker.hidden(|walker| walker.body(value, false)));
        self.key(object, "reasoning", |walker, text| walker.text(Tag::spoken(Reasoning, "assistant"), text));
        self.key(object, "response", |walker, answer| walker.answer(answer));
        self.key(object, "tool_calls", |walker, calls| {
            walker.each(calls, |walker, call| walker.call(call, Tag::spoken(ToolCall, "assistant")))
        });
        self.key(object, "response_json", |walker, value| walker.hidden(|walker| walker.body(value, true)));
    }

    pub(super) fn witness(&mut self, object: &Object<'_>) {
        let mut told = vec!["routing", "tokens", "latency_ms", "quality"];
        for key in ["system", "system_prompt"] {
            self.key(object, key, |walker, text| walker.content(text, Tag::spoken(SystemPrompt, "system")));
            told.push(key);
        }
        for key in ["retrieval", "documents", "chunks", "contexts", "sources"] {
            self.key(object, key, |walker, list| walker.each(list, |walker, document| walker.passage(document)));
            told.push(key);
        }
        self.key(object, "messages", |walker, messages| walker.messages(messages, false));
        told.push("messages");
        for key in ["query", "question", "user_input", "input", "prompt"] {
            self.key(object, key, |walker, text| walker.traced(text, false));
            told.push(key);
        }
        for key in ["response", "answer", "output", "completion"] {
            self.key(object, key, |walker, text| walker.traced(text, true));
            told.push(key);
        }
        self.key(object, "error", |walker, error| walker.error(error));
        told.push("error");
        for (key, value) in object.entries().filter(|(key, value)| key.contains("embedding") && value.is_array()) {
            self.at(&key, |walker| walker.emit(Tag::of(Embedding), value));
        }
        self.generic_rest(object, &told);
    }
}
