//! Spans and log records of traces (record-shapes §7.5 to §7.7): OpenInference, OpenTelemetry, MLflow. Messages stand under
//! attribute keys in three encodings, as JSON or as JSON in a string; what only repeats them is not visible.

use super::grammar::word;
use super::walker::{Tag, Walker};
use crate::shape::json::{Json, Object};
use crate::shape::roles::SegmentType::*;

impl Walker<'_> {
    pub(super) fn otlp(&mut self, object: &Object<'_>) {
        for (resources, scopes, records) in
            [("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")]
        {
            self.key(object, resources, |walker, list| {
                walker.each(list, |walker, resource| {
                    let Some(resource) = Object::of(resource) else {
                        return;
                    };
                    walker.key(&resource, scopes, |walker, list| {
                        walker.each(list, |walker, scope| {
                            let Some(scope) = Object::of(scope) else {
                                return;
                            };
                            walker.key(&scope, records, |walker, list| {
                                walker.each(list, |walker, record| {
                                    if let Some(record) = Object::of(record) {
                                        walker.span(&record);
                                    }
                                })
                            });
                        })
                    });
                })
            });
        }
    }

    pub(super) fn mlflow(&mut self, object: &Object<'_>) {
        if object.has("request") {
            return self.input_output(object, "request", "response");
        }
        if object.has("attributes") {
            return self.span(object);
        }
        self.inner(object, "data", |walker, data| {
            walker.key(data, "spans", |walker, spans| {
                for (index, span) in spans.items().enumerate() {
                    let Some(span) = Object::of(span) else {
                        continue;
                    };
                    // The root repeats what its children did; with the root told, they are not visible.
                    walker.at(
                        index,
                        |walker| {
                            if index == 0 { walker.span(&span) } else { walker.hidden(|walker| walker.span(&span)) }
                        },
                    );
                }
            });
        });
    }

    /// A span or log record: attributes as object, as list of key and value, or as columns; and event bodies.
    pub(super) fn span(&mut self, object: &Object<'_>) {
        self.key(object, "attributes", |walker, attributes| match Object::of(attributes) {
            Some(flat) => walker.attributes(&flat, ""),
            None => walker.each(attributes, |walker, attribute| {
                let (Some(key), Some(value)) = (attribute.get("key").and_then(Json::as_str), attribute.get("value")) else {
                    return;
                };
                walker.at("value", |walker| match value.get("stringValue") {
                    Some(text) => walker.at("stringValue", |walker| walker.attribute(&key, text)),
                    None => walker.attribute(&key, value),
                });
            }),
        });
        self.attributes(object, "attributes.");
        for key in ["body", "event_body", "eventBody"] {
            let name = word(object, &["name", "event_name", "eventName"]).unwrap_or_default();
            self.inner(object, key, |walker, body| walker.event_body(body, &name));
        }
        self.key(object, "events", |walker, events| {
            walker.each(events, |walker, event| {
                if let Some(event) = Object::of(event) {
                    walker.span(&event);
                }
            })
        });
    }

    /// `gen_ai.user.message` with its body, `gen_ai.choice` likewise.
    fn event_body(&mut self, body: &Object<'_>, name: &str) {
        let role = name.strip_prefix("gen_ai.").and_then(|rest| rest.strip_suffix(".message")).unwrap_or("assistant");
        if let Some(message) = body.get("message").filter(|message| message.is_object()) {
            return self.at("message", |walker| walker.message(message, false));
        }
        self.next_message();
        self.said(body, role, false);
    }

    fn attributes(&mut self, flat: &Object<'_>, prefix: &str) {
        for (key, value) in flat.entries() {
            if let Some(name) = key.strip_prefix(prefix) {
                self.at(&key, |walker| walker.attribute(name, value));
            }
        }
    }

    fn attribute(&mut self, name: &str, value: Json<'_>) {
        match name {
            "gen_ai.system_instructions" => {
                self.in_string(value, |walker, value| walker.content(value, Tag::spoken(SystemPrompt, "system")))
            }
            "gen_ai.input.messages" | "llm.input_messages" => {
                self.in_string(value, |walker, value| walker.messages(value, false))
            }
            "gen_ai.output.messages" | "llm.output_messages" => {
                self.in_string(value, |walker, value| walker.messages(value, false))
            }
            "gen_ai.tool.definitions" | "llm.tools" => self.definitions(value),
            "gen_ai.tool.call.arguments" => self.emit(Tag::spoken(ToolCall, "assistant"), value),
            "gen_ai.tool.call.result" => self.emit(Tag::spoken(ToolResult, "tool"), value),
            "gen_ai.retrieval.documents" | "retrieval.documents" | "reranker.output_documents" | "reranker.input_documents" => {
                self.in_string(value, |walker, value| {
                    walker.each(value, |walker, document| match document.get("document.content") {
                        Some(text) => walker.at("document.content", |walker| walker.emit(Tag::of(Context), text)),
                        None => walker.passage(document),
                    })
                });
            }
            "mlflow.spanInputs" | "traceloop.entity.input" => self.traced(value, false),
            "mlflow.spanOutputs" | "traceloop.entity.output" => self.traced(value, true),
            // Both repeat the messages of the span.
            "input.value" => self.hidden(|walker| walker.traced(value, false)),
            "output.value" => self.hidden(|walker| walker.traced(value, true)),
            "embedding.vector" => self.emit(Tag::of(Embedding), value),
            // Fully nested dictionaries: walk down, the keys join to the flat name.
            _ if value.is_object() && is_namespace(name) => {
                if let Some(object) = Object::of(value) {
                    for (key, value) in object.entries() {
                        self.at(&key, |walker| walker.attribute(&format!("{name}.{key}"), value));
                    }
                }
            }
            _ => self.flat_message(name, value),
        }
    }

    /// `llm.input_messages.0.message.content`, `gen_ai.prompt.0.content`: the role stands under a sister key, so the
    /// direction of the name has to do.
    fn flat_message(&mut self, name: &str, value: Json<'_>) {
        let is_call = name.contains("tool_calls.") && (name.ends_with("arguments") || name.ends_with("input"));
        let is_text = name.ends_with(".content") || name.ends_with(".text");
        let (kind, role) = if name.starts_with("llm.output_messages.") || name.starts_with("gen_ai.completion.") {
            (AssistantTurn, "assistant")
        } else if name.starts_with("llm.input_messages.") || name.starts_with("gen_ai.prompt.") {
            (Text, "")
        } else {
            return;
        };
        if is_call {
            self.emit(Tag::spoken(ToolCall, "assistant"), value);
        } else if is_text {
            self.next_message();
            self.text(Tag::spoken(kind, role), value);
        }
    }

    /// A value that may stand in a string.
    fn in_string(&mut self, value: Json<'_>, work: impl Fn(&mut Self, Json<'_>)) {
        if !value.is_string() || !self.nested(value, &work) {
            work(self, value);
        }
    }
}

fn is_namespace(name: &str) -> bool {
    ["llm", "gen_ai", "input", "output", "retrieval", "reranker", "embedding", "gen_ai.input", "gen_ai.output"].contains(&name)
}
