//! Requests of Anthropic's Messages API.

use serde::Serialize;
use serde_json::value::RawValue;

use super::plain_name;
use crate::dialogue::arguments::compact;
use crate::dialogue::settled::{Settled, Step};
use crate::dialogue::{Losses, Speaker, tools};

#[derive(Serialize)]
pub(super) struct Talk<'t> {
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    pub(super) messages: Vec<TalkMessage<'t>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<TalkTool>,
}

#[derive(Serialize)]
pub(super) struct TalkMessage<'t> {
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
pub(super) fn anthropic<'t>(settled: &'t Settled<'_>, losses: &mut Losses) -> Option<Talk<'t>> {
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
