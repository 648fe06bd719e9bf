//! What the parts of a record are: system prompt, user turn, tool call… (record-shapes §0.3 to §0.5, and each shape's own
//! section). Labels name spans by JSON Pointer; they are derived, and storage never depends on them.
//!
//! One walk serves two needs: [`Record::segments`] lists labels, [`Record::turns`] reads the texts for people. Inside a
//! record the walk visits what a reader wants first; repetitions are labelled too, with `visible` off.

mod agents;
mod datasets;
mod exports;
mod gateways;
mod generic;
mod grammar;
mod items;
mod parts;
mod providers;
mod runs;
mod spans;
mod split;
mod stream;
mod walker;

use std::ops::Range;

pub(super) use walker::{Found, Tag, Walker};

use super::detect::Detection;
use super::id::ShapeId::{self, *};
use super::json::{Json, Object};
use super::record::Record;
use super::roles::SegmentType;

/// A named part of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where it stands, as JSON Pointer; the path goes on through JSON in strings.
    pub pointer: String,
    /// What it is.
    pub kind: SegmentType,
    /// The role word of the record, as written.
    pub role: Option<String>,
    /// The message it belongs to, counted from 1; 0 before the first.
    pub order: u32,
    /// Tool or function.
    pub name: Option<String>,
    /// The call it makes or answers.
    pub call_id: Option<String>,
    /// Which of several answers.
    pub choice: Option<u32>,
    /// Off when it repeats another part or was never meant for a reader.
    pub visible: bool,
    /// The value's bytes in the line, quotes included; when `nested`, those of the outer string literal.
    pub span: Range<usize>,
    /// The part of the decoded text, when one string holds several segments.
    pub within: Option<Range<usize>>,
    /// The value stands in JSON inside a string.
    pub nested: bool,
}

impl Label {
    fn of(found: &Found<'_>) -> Label {
        let owned = |text: Option<&str>| text.map(String::from);
        Label {
            pointer: found.pointer.to_owned(),
            kind: found.tag.kind,
            role: owned(found.tag.role),
            order: found.order,
            name: owned(found.tag.name),
            call_id: owned(found.tag.call_id),
            choice: found.choice,
            visible: found.visible,
            span: found.span.clone(),
            within: found.within.clone(),
            nested: found.nested,
        }
    }
}

/// A part of a record during a visit: what a [`Label`] tells, without copies.
#[derive(Debug)]
pub struct Visited<'w> {
    /// What it is.
    pub kind: SegmentType,
    /// The message it belongs to, counted from 1; 0 before the first.
    pub order: u32,
    /// Tool or function.
    pub name: Option<&'w str>,
    /// The call it makes or answers.
    pub call_id: Option<&'w str>,
    /// Off when it repeats another part.
    pub visible: bool,
    /// The value; it may stand in JSON that a string holds.
    pub value: Json<'w>,
    /// The part of the decoded text, when one string holds several.
    pub within: Option<Range<usize>>,
}

/// The labels of the record `line` as `shape`.
pub fn segments(line: &[u8], shape: ShapeId) -> Vec<Label> {
    Record::read(line).segments(&of_shape(line, shape))
}

/// A detection for a shape that is already known; an array of records is one.
pub(super) fn of_shape(line: &[u8], shape: ShapeId) -> Detection<'static> {
    let hints = super::detect::Hints { forced: Some(shape), ..Default::default() };
    super::detect::detect(line, &hints)
}

impl Record<'_> {
    /// The labels of the record, in reading order.
    pub fn segments(&self, detection: &Detection<'_>) -> Vec<Label> {
        let mut labels = Vec::new();
        self.walk(detection, &mut |found| labels.push(Label::of(found)));
        labels
    }

    /// Shows each part to `sink`, in reading order.
    pub fn visit(&self, detection: &Detection<'_>, sink: &mut dyn FnMut(&Visited<'_>)) {
        self.walk(detection, &mut |found| {
            sink(&Visited {
                kind: found.tag.kind,
                order: found.order,
                name: found.tag.name,
                call_id: found.tag.call_id,
                visible: found.visible,
                value: found.value,
                within: found.within.clone(),
            });
        });
    }

    /// Walks the record; `sink` takes each segment.
    pub(super) fn walk(&self, detection: &Detection<'_>, sink: &mut walker::Sink<'_>) {
        let mut spoken = |found: &Found<'_>| {
            if !found.is_silent() {
                sink(found);
            }
        };
        self.walk_with(Walker::new(self.line, &mut spoken), detection);
    }

    /// The same for readers: with answers of tools that say nothing, and with streams put together.
    pub(super) fn walk_turns(&self, detection: &Detection<'_>, sink: &mut walker::Sink<'_>) {
        self.walk_with(Walker::new(self.line, sink).for_readers(), detection);
    }

    fn walk_with(&self, mut walker: Walker<'_>, detection: &Detection<'_>) {
        for (index, value) in self.values.iter().enumerate() {
            // Joined values after the first are records of their own kind.
            let shape = if index == 0 { detection.shape } else { super::detect::detect_inner(*value) };
            match detection.mapping {
                Some(mapping) if index == 0 => mapping.walk(&mut walker, *value),
                _ => walker.record(shape, *value),
            }
        }
    }
}

/// What a mapping may ask of the walker.
impl Walker<'_> {
    /// Works one step deeper.
    pub(super) fn step(&mut self, token: &str, work: impl FnOnce(&mut Self)) {
        self.at(token, work);
    }

    /// Hands a part to a built-in shape.
    pub(super) fn delegate(&mut self, shape: ShapeId, value: Json<'_>) {
        self.record(shape, value);
    }

    /// A part no rule names.
    pub(super) fn leaf(&mut self, key: &str, value: Json<'_>) {
        self.generic_at(key, value);
    }

    /// Follows JSON in a string, as whatever shape it has.
    pub(super) fn follow(&mut self, literal: Json<'_>) -> bool {
        self.nested(literal, |walker, inner| walker.record(super::detect::detect_inner(inner), inner))
    }

    /// A part a rule names.
    pub(super) fn mapped(&mut self, tag: Tag<'_>, value: Json<'_>, split: bool) {
        self.next_message();
        match (value.is_string(), split) {
            (true, true) => self.prompt(tag, value),
            (true, false) => self.text(tag, value),
            (false, _) => self.emit(tag, value),
        }
    }
}

impl Walker<'_> {
    /// A whole record, or an array of records.
    pub(super) fn record(&mut self, shape: ShapeId, value: Json<'_>) {
        match (shape, Object::of(value)) {
            (MessagesArray, _) => self.messages(value, false),
            (TokensArray, _) => self.emit(Tag::of(SegmentType::Tokens), value),
            (Raw | Blank | StreamEnd | Scalar | Empty, _) => self.generic(value),
            (Generic, _) => self.generic(value),
            (shape, Some(object)) => self.by_shape(shape, &object, value),
            (shape, None) if value.is_array() => self.each(value, |walker, item| match item.is_object() {
                true => walker.record(shape, item),
                false => walker.generic(item),
            }),
            (_, None) => self.generic(value),
        }
    }

    /// One object of a known shape.
    pub(super) fn by_shape(&mut self, shape: ShapeId, object: &Object<'_>, value: Json<'_>) {
        match shape {
            ClaudeCodeEntry | ClaudeCodeAux | ClaudeCodeStream | ClaudeCodeMin => self.claude_code(object, value),
            ClaudeCodeHistory | CodexHistory | GeminiCliLog => self.prompt_history(object),
            CodexRollout => self.codex(object, value),
            CodexLegacyMeta => self.codex_meta(object),
            CodexExec => self.codex_exec(object, value),
            GeminiCliSession => self.gemini_cli(object, value),
            CopilotCliEvent => self.copilot(object),
            PiSession => self.pi(object, value),
            OpencodeMessage => self.opencode(object, value),
            ClineUi => self.cline(object),
            OpenhandsV1 => self.openhands_v1(object, value),
            OpenhandsV0 => self.openhands_v0(object),
            OpenhandsOutput => self.openhands_output(object),
            Atif => self.atif(object),
            MiniSweTraj => self.request(object, false),
            SweAgentTraj => self.swe_agent(object),
            InspectLog | InspectSample => self.inspect(object),
            ChatgptExport => self.chatgpt(object),
            ClaudeAiExport => self.claude_ai(object),
            CursorBubble | CursorComposer => self.cursor(object),
            LitellmSlp => self.litellm(object),
            HeliconeRequest => self.helicone(object),
            LangfuseObservation | LangfuseTrace => self.langfuse(object),
            LangsmithRun => self.langsmith(object),
            OpeninferenceSpan | OtelGenai => self.span(object),
            MlflowTrace => self.mlflow(object),
            Otlp => self.otlp(object),
            WeaveCall => self.weave(object),
            BedrockInvocationLog => self.bedrock_log(object),
            LlmCliRow => self.llm_row(object),
            OpenrouterGeneration => self.emit(Tag::of(SegmentType::Event), value),
            GatewayPair => self.pair_record(object),
            Witness => self.witness(object),
            AnthropicBatchIn | AnthropicBatchOut | OpenaiBatchIn | OpenaiBatchOut | BedrockBatch | GeminiBatch => {
                self.batch(object)
            }
            OpenaiChatRequest | AnthropicRequest | BedrockConverseReq => self.request(object, true),
            OpenaiResponsesRequest | GeminiRequest | OllamaRequest | CohereV1Req | Messages => self.request(object, false),
            OpenaiChatResponse
            | OpenaiCompletionResponse
            | OpenaiResponsesResponse
            | AnthropicResponse
            | GeminiResponse
            | BedrockConverseResp
            | OllamaResponse
            | LlamacppResponse
            | CohereV1Resp
            | CohereV2Resp => self.response(object, value),
            OpenaiChatChunk | OpenaiResponsesEvent | AnthropicEvent => self.chunk(shape, object, value),
            OpenaiResponsesItem => self.item(value, false),
            MistralEntry => self.mistral(object, value),
            VllmOutput => self.vllm(object),
            _ => self.dataset(shape, object, value),
        }
    }

    fn chunk(&mut self, shape: ShapeId, object: &Object<'_>, value: Json<'_>) {
        if shape == OpenaiChatChunk { self.response(object, value) } else { self.stream_event(object, value) }
    }

    /// A line of a batch file: unwrap, then the provider's own shape.
    fn batch(&mut self, object: &Object<'_>) {
        for key in ["params", "request", "modelInput"] {
            self.key(object, key, |walker, request| walker.body(request, false));
        }
        self.inner(object, "body", |walker, request| walker.request(request, true));
        for key in ["response", "modelOutput"] {
            self.key(object, key, |walker, response| match response.get("body") {
                Some(body) => walker.at("body", |walker| walker.body(body, true)),
                None => walker.body(response, true),
            });
        }
        self.inner(object, "result", |walker, result| {
            walker.key(result, "message", |walker, message| walker.body(message, true));
            walker.key(result, "error", |walker, error| walker.error(error));
        });
        self.key(object, "error", |walker, error| walker.error(error));
    }
}
