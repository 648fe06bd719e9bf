//! The forms a dialogue leaves in. Those for training are JSON lines of [`Settled`] dialogues; transcripts and the table hold
//! what was said as it was said.

use serde::Serialize;
use serde_json::value::RawValue;

use super::arguments::compact;
use super::settled::{Call, Settled, Step, settle};
use super::visible::escaped;
use super::{Dialogue, Likeness, Losses, Speaker, table, tools, transcript};

/// A form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Fine-tuning lines of OpenAI.
    Openai,
    /// Requests of Anthropic's Messages API.
    Anthropic,
    /// ShareGPT, with `function_call` and `observation`.
    Sharegpt,
    /// Messages of Hugging Face data sets and chat templates.
    Hf,
    /// A transcript in Markdown.
    Md,
    /// A row for each turn.
    Csv,
    /// A transcript as one page.
    Html,
    /// A row of typed columns: records, or conversations with their messages.
    Parquet,
}

/// Longest name of a tool that OpenAI and Anthropic take.
const LONGEST_NAME: usize = 64;
/// Longest id of a call that OpenAI takes.
const LONGEST_ID: usize = 40;

impl Form {
    /// The ending of its files.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Form::Openai | Form::Anthropic | Form::Sharegpt | Form::Hf => "jsonl",
            Form::Md => "md",
            Form::Csv => "csv",
            Form::Html => "html",
            Form::Parquet => "parquet",
        }
    }

    /// What stands before the first dialogue.
    #[must_use]
    pub fn head(self) -> &'static str {
        match self {
            Form::Csv => table::HEAD,
            Form::Html => transcript::HTML_HEAD,
            _ => "",
        }
    }

    /// What stands behind the last dialogue.
    #[must_use]
    pub fn foot(self) -> &'static str {
        if self == Form::Html { transcript::HTML_FOOT } else { "" }
    }

    /// A dialogue in this form, newline included; nothing when it has no place in it.
    pub fn render(self, dialogue: &Dialogue, losses: &mut Losses) -> Option<Rendered> {
        if dialogue.messages.is_empty() {
            return None;
        }
        let as_said = |text| Some(Rendered { text, ..Rendered::unwritten(dialogue) });
        match self {
            Form::Md => return as_said(transcript::markdown(dialogue)),
            Form::Html => return as_said(transcript::html(dialogue)),
            Form::Csv => return as_said(table::rows(dialogue)),
            // A table takes the dialogue itself.
            Form::Parquet => return as_said(String::new()),
            Form::Openai | Form::Anthropic | Form::Sharegpt | Form::Hf => {}
        }
        let mut settled = settle(dialogue, losses)?;
        if self != Form::Hf {
            settled.leave_out_thoughts(losses);
        }
        let (text, messages) = match self {
            Form::Openai => {
                settled.rename_calls(|id| id.len() <= LONGEST_ID, losses);
                counted(chat(&settled, false, losses), |chat| chat.messages.len())
            }
            Form::Anthropic => {
                settled.begin_with_a_question(losses);
                settled.rename_calls(|id| id.chars().all(is_plain), losses);
                counted(anthropic(&settled, losses)?, |talk| talk.messages.len())
            }
            Form::Sharegpt => counted(sharegpt(&settled, losses), |share| share.conversations.len()),
            _ => counted(hf(&settled, losses), |chat| chat.messages.len()),
        }?;
        Some(Rendered { text, messages, pairs: settled.pairs(), likeness: settled.likeness() })
    }
}

/// A dialogue in a form.
#[derive(Debug, Default)]
pub struct Rendered {
    /// What is written.
    pub text: String,
    /// How many messages that are.
    pub messages: usize,
    /// A hash for each question with its answer in it.
    pub pairs: Vec<u128>,
    /// By what it is compared with others: what is left out of this form makes no two different.
    pub likeness: Likeness,
}

impl Rendered {
    /// What is known of a dialogue in a form that holds all of it, but for the text.
    #[must_use]
    pub fn unwritten(dialogue: &Dialogue) -> Rendered {
        let (messages, pairs) = (dialogue.messages.len(), dialogue.pairs());
        Rendered { text: String::new(), messages, pairs, likeness: dialogue.likeness() }
    }
}

fn counted<T: Serialize>(value: T, count: impl FnOnce(&T) -> usize) -> Option<(String, usize)> {
    line(&value).map(|line| (line, count(&value)))
}

fn line(value: &impl Serialize) -> Option<String> {
    let mut json = escaped(serde_json::to_string(value).ok()?);
    json.push('\n');
    Some(json)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// A name as the two providers allow it: letters, digits, `_` and `-`.
fn plain_name(name: &str, losses: &mut Losses) -> String {
    if name.len() <= LONGEST_NAME && !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    losses.count("names of tools changed to what is allowed");
    let plain: String = name.chars().take(LONGEST_NAME).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain.is_empty() { "tool".into() } else { plain }
}

// ---- OpenAI, and Hugging Face, which differs in how arguments stand ----

#[derive(Serialize)]
struct Chat<'t> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'t str>,
    messages: Vec<ChatMessage<'t>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ChatTool>,
}

#[derive(Serialize)]
struct ChatMessage<'t> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'t str>,
    content: Option<&'t str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ChatCall<'t>>,
}

#[derive(Serialize)]
struct ChatCall<'t> {
    id: &'t str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: ChatFunction<'t>,
}

#[derive(Serialize)]
struct ChatFunction<'t> {
    name: String,
    arguments: Arguments<'t>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Arguments<'t> {
    Text(&'t str),
    Object(Box<RawValue>),
}

#[derive(Serialize)]
struct ChatTool {
    #[serde(rename = "type")]
    kind: &'static str,
    function: ChatDefinition,
}

#[derive(Serialize)]
struct ChatDefinition {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    parameters: Box<RawValue>,
}

fn hf<'t>(settled: &'t Settled<'_>, losses: &mut Losses) -> Chat<'t> {
    Chat { id: Some(name_of(settled.dialogue)), ..chat(settled, true, losses) }
}

fn name_of(dialogue: &Dialogue) -> &str {
    dialogue.id.as_deref().unwrap_or(&dialogue.place)
}

fn chat<'t>(settled: &'t Settled<'_>, open: bool, losses: &mut Losses) -> Chat<'t> {
    let mut messages = Vec::new();
    for step in &settled.steps {
        let message = ChatMessage {
            role: step.speaker.name(),
            name: None,
            tool_call_id: None,
            reasoning_content: Some(step.reasoning.as_str()).filter(|text| open && !text.is_empty()),
            content: Some(step.text.as_str()).filter(|text| !text.is_empty()),
            tool_calls: Vec::new(),
        };
        match step.speaker {
            Speaker::Tool => messages.extend(step.results.iter().map(|result| ChatMessage {
                role: "tool",
                name: Some(result.name.clone()).filter(|name| open && !name.is_empty()),
                tool_call_id: Some(&result.call_id),
                reasoning_content: None,
                content: Some(&result.text),
                tool_calls: Vec::new(),
            })),
            _ => {
                let tool_calls = step.calls.iter().map(|call| chat_call(call, open, losses)).collect();
                messages.push(ChatMessage { tool_calls, ..message });
            }
        }
    }
    let tool = |tool: tools::Tool, losses: &mut Losses| ChatTool {
        kind: "function",
        function: ChatDefinition {
            name: if open { tool.name } else { plain_name(&tool.name, losses) },
            description: tool.description,
            parameters: tool.parameters,
        },
    };
    let tools = tools::of(settled, losses).into_iter().map(|found| tool(found, losses)).collect();
    Chat { id: None, messages, tools }
}

fn chat_call<'t>(call: &'t Call, open: bool, losses: &mut Losses) -> ChatCall<'t> {
    let arguments = match compact(&call.arguments).filter(|_| open) {
        Some(object) => Arguments::Object(object),
        None => Arguments::Text(&call.arguments),
    };
    let name = if open { call.name.clone() } else { plain_name(&call.name, losses) };
    ChatCall { id: &call.id, kind: "function", function: ChatFunction { name, arguments } }
}

// ---- Anthropic ----

#[derive(Serialize)]
struct Talk<'t> {
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<TalkMessage<'t>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<TalkTool>,
}

#[derive(Serialize)]
struct TalkMessage<'t> {
    role: &'static str,
    content: Vec<Block<'t>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'t> {
    Text { text: &'t str },
    ToolUse { id: &'t str, name: String, input: Option<Box<RawValue>> },
    ToolResult { tool_use_id: &'t str, content: &'t str },
}

#[derive(Serialize)]
struct TalkTool {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    input_schema: Box<RawValue>,
}

/// User and assistant in turn, the user first: results are the user's, instructions stand apart.
fn anthropic<'t>(settled: &'t Settled<'_>, losses: &mut Losses) -> Option<Talk<'t>> {
    let mut system = String::new();
    let mut messages: Vec<TalkMessage<'t>> = Vec::new();
    for step in &settled.steps {
        let role = match step.speaker {
            Speaker::System => {
                losses.add("instructions moved to the front", u64::from(!messages.is_empty()));
                if !system.is_empty() {
                    system.push_str("\n\n");
                }
                system.push_str(&step.text);
                continue;
            }
            Speaker::Assistant => "assistant",
            _ => "user",
        };
        if messages.last().is_none_or(|last| last.role != role) {
            messages.push(TalkMessage { role, content: Vec::new() });
        }
        if let Some(message) = messages.last_mut() {
            blocks(step, &mut message.content, losses);
        }
    }
    // A call that was not kept leaves its result without a beginning.
    let whole =
        messages.first().is_some_and(|first| first.content.iter().all(|block| !matches!(block, Block::ToolResult { .. })));
    if messages.len() < 2 || !whole {
        losses.count("dialogues without a question and an answer");
        return None;
    }
    let tools = tools::of(settled, losses).into_iter();
    let tools = tools.map(|tool| TalkTool {
        name: plain_name(&tool.name, losses),
        description: tool.description,
        input_schema: tool.parameters,
    });
    let tools = tools.collect();
    Some(Talk { system, messages, tools })
}

fn blocks<'t>(step: &'t Step, content: &mut Vec<Block<'t>>, losses: &mut Losses) {
    content.extend(step.results.iter().map(|result| Block::ToolResult { tool_use_id: &result.call_id, content: &result.text }));
    if !step.text.is_empty() {
        content.push(Block::Text { text: &step.text });
    }
    for call in &step.calls {
        content.push(Block::ToolUse { id: &call.id, name: plain_name(&call.name, losses), input: compact(&call.arguments) });
    }
}

// ---- ShareGPT ----

#[derive(Serialize)]
struct Share<'t> {
    id: &'t str,
    conversations: Vec<ShareTurn<'t>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    tools: String,
}

#[derive(Serialize)]
struct ShareTurn<'t> {
    from: &'static str,
    value: std::borrow::Cow<'t, str>,
}

#[derive(Serialize)]
struct ShareCall<'t> {
    name: &'t str,
    arguments: Option<Box<RawValue>>,
}

/// Calls are `function_call`, results `observation`; several at once are a JSON list, since turns alternate.
fn sharegpt<'t>(settled: &'t Settled<'_>, losses: &mut Losses) -> Share<'t> {
    let mut conversations: Vec<ShareTurn<'t>> = Vec::new();
    let mut say = |from, value| conversations.push(ShareTurn { from, value });
    for step in &settled.steps {
        let from = match step.speaker {
            Speaker::System => "system",
            Speaker::Assistant => "gpt",
            _ => "human",
        };
        if !step.text.is_empty() {
            say(from, step.text.as_str().into());
        }
        let calls: Vec<ShareCall<'_>> =
            step.calls.iter().map(|call| ShareCall { name: &call.name, arguments: compact(&call.arguments) }).collect();
        match calls.as_slice() {
            [] => {}
            [call] => say("function_call", serde_json::to_string(call).unwrap_or_default().into()),
            calls => say("function_call", serde_json::to_string(calls).unwrap_or_default().into()),
        }
        let results: Vec<&str> = step.results.iter().map(|result| result.text.as_str()).collect();
        match results.as_slice() {
            [] => {}
            [result] => say("observation", (*result).into()),
            results => say("observation", serde_json::to_string(results).unwrap_or_default().into()),
        }
    }
    let definition =
        |tool: tools::Tool| ChatDefinition { name: tool.name, description: tool.description, parameters: tool.parameters };
    let tools: Vec<ChatDefinition> = tools::of(settled, losses).into_iter().map(definition).collect();
    let tools = if tools.is_empty() { String::new() } else { serde_json::to_string(&tools).unwrap_or_default() };
    Share { id: name_of(settled.dialogue), conversations, tools }
}
