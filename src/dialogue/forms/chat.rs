//! OpenAI's fine-tuning lines, and messages of Hugging Face, which differ in how arguments stand.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{name_of, plain_name};
use crate::dialogue::arguments::compact;
use crate::dialogue::settled::{Call, Settled};
use crate::dialogue::{Losses, Speaker, tools};

#[derive(Serialize)]
pub(super) struct Chat<'t> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'t str>,
    pub(super) messages: Vec<ChatMessage<'t>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ChatTool>,
}

#[derive(Serialize)]
pub(super) struct ChatMessage<'t> {
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
pub(super) struct ChatTool {
    #[serde(rename = "type")]
    kind: &'static str,
    function: ChatDefinition,
}

#[derive(Serialize)]
pub(super) struct ChatDefinition {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) parameters: Box<RawValue>,
}

pub(super) fn hf<'t>(settled: &'t Settled<'_>, losses: &mut Losses) -> Chat<'t> {
    Chat { id: Some(name_of(settled.dialogue)), ..chat(settled, true, losses) }
}

pub(super) fn chat<'t>(settled: &'t Settled<'_>, open: bool, losses: &mut Losses) -> Chat<'t> {
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
