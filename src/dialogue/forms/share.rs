//! ShareGPT, with calls and results.

use serde::Serialize;
use serde_json::value::RawValue;

use super::chat::ChatDefinition;
use super::name_of;
use crate::dialogue::arguments::compact;
use crate::dialogue::settled::Settled;
use crate::dialogue::{Losses, Speaker, tools};

#[derive(Serialize)]
pub(super) struct Share<'t> {
    id: &'t str,
    pub(super) conversations: Vec<ShareTurn<'t>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    tools: String,
}

#[derive(Serialize)]
pub(super) struct ShareTurn<'t> {
    from: &'static str,
    value: std::borrow::Cow<'t, str>,
}

#[derive(Serialize)]
struct ShareCall<'t> {
    name: &'t str,
    arguments: Option<Box<RawValue>>,
}

/// Calls are `function_call`, results `observation`; several at once are a JSON list, since turns alternate.
pub(super) fn sharegpt<'t>(settled: &'t Settled<'_>, losses: &mut Losses) -> Share<'t> {
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
