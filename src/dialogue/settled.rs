//! A dialogue as consumers for training take it: speakers in order, each call beside its result, an answer at the end.

use super::answers::beside_calls;
use super::arguments::as_object;
use super::{Dialogue, Losses, Message, Part, Speaker};
use crate::checksum::content_hash;
use crate::shape::SegmentType::*;

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id, unique among those that are open.
    pub id: String,
    /// The tool.
    pub name: String,
    /// A JSON object on one line.
    pub arguments: String,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Of which call.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// What it said.
    pub text: String,
}

/// What one speaker says until the next one speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who.
    pub speaker: Speaker,
    /// Text.
    pub text: String,
    /// Thoughts of the model.
    pub reasoning: String,
    /// Calls of the model.
    pub calls: Vec<Call>,
    /// Results of a step of tools.
    pub results: Vec<Outcome>,
}

impl Step {
    pub(super) fn of(speaker: Speaker) -> Step {
        Step { speaker, text: String::new(), reasoning: String::new(), calls: Vec::new(), results: Vec::new() }
    }

    /// True when nothing is said or done; a thought alone is neither.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.calls.is_empty() && self.results.is_empty()
    }
}

/// A dialogue that consumers take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled<'d> {
    /// What it was.
    pub dialogue: &'d Dialogue,
    /// Its steps: no two of one speaker side by side but after a call, the last one the model's.
    pub steps: Vec<Step>,
}

impl Settled<'_> {
    /// Gives another id to calls whose id a consumer does not take. It is made of the first one, so that results still name theirs.
    pub(super) fn rename_calls(&mut self, taken: fn(&str) -> bool, losses: &mut Losses) {
        for step in &mut self.steps {
            let refused = step.calls.iter().filter(|call| !taken(&call.id)).count() as u64;
            losses.add("ids of calls changed to what is allowed", refused);
            let calls = step.calls.iter_mut().map(|call| &mut call.id);
            let results = step.results.iter_mut().map(|result| &mut result.call_id);
            for id in calls.chain(results).filter(|id| !taken(id)) {
                *id = format!("call_{:032x}", content_hash(id.as_bytes()));
            }
        }
    }

    /// Without what the model thought, for forms that have no place for it.
    pub(super) fn leave_out_thoughts(&mut self, losses: &mut Losses) {
        for step in self.steps.iter_mut().filter(|step| !step.reasoning.is_empty()) {
            step.reasoning.clear();
            losses.count("reasoning");
        }
    }

    /// Without what the model said before anybody asked, for forms that begin with the user.
    pub(super) fn begin_with_a_question(&mut self, losses: &mut Losses) {
        let mut asked = false;
        self.steps.retain(|step| {
            asked |= !matches!(step.speaker, Speaker::System | Speaker::Assistant);
            let stays = asked || step.speaker == Speaker::System;
            losses.add("words of the model before the first question", u64::from(!stays));
            stays
        });
    }
}

/// Settles a dialogue; nothing when there is no question with an answer in it.
pub fn settle<'d>(dialogue: &'d Dialogue, losses: &mut Losses) -> Option<Settled<'d>> {
    let mut steps: Vec<Step> = Vec::new();
    for message in &dialogue.messages {
        for part in &message.parts {
            add(&mut steps, message, part, losses);
        }
    }
    let mut steps = merged(beside_calls(steps, losses));
    let end = steps.iter().rposition(|step| step.speaker == Speaker::Assistant).map_or(0, |last| last + 1);
    let unanswered = steps.len() - end;
    steps.truncate(end);
    let has = |speaker| steps.iter().any(|step| step.speaker == speaker);
    if !has(Speaker::User) || !has(Speaker::Assistant) {
        losses.count("dialogues without a question and an answer");
        return None;
    }
    losses.add("steps after the last answer", unanswered as u64);
    Some(Settled { dialogue, steps })
}

fn add(steps: &mut Vec<Step>, message: &Message, part: &Part, losses: &mut Losses) {
    let speaker = message.speaker;
    match part.kind {
        Media | ErrorText | Rubric => return losses.count(part.kind.name()),
        _ if speaker == Speaker::Unknown => return losses.count_role(&message.role),
        _ if part.kind != ToolCall && speaker != Speaker::Tool && part.text.trim().is_empty() => return,
        _ => {}
    }
    if steps.last().is_none_or(|last| last.speaker != speaker) {
        steps.push(Step::of(speaker));
    }
    let Some(step) = steps.last_mut() else { return };
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    match (part.kind, speaker) {
        (ToolCall, _) => {
            let (arguments, wrapped) = as_object(&part.text, part.name.as_deref());
            if wrapped {
                losses.count("arguments put into an object");
            }
            let name = part.name.clone().unwrap_or_else(|| "tool".into());
            step.calls.push(Call { id: word(&part.call_id), name, arguments });
        }
        (_, Speaker::Tool) => match step.results.last_mut() {
            // A result in several pieces is one result.
            Some(last) if part.call_id.is_some() && part.call_id.as_deref() == Some(&last.call_id) => {
                joined(&mut last.text, &part.text, "\n");
            }
            _ => step.results.push(Outcome { call_id: word(&part.call_id), name: word(&part.name), text: part.text.clone() }),
        },
        (Reasoning, _) => joined(&mut step.reasoning, without_marks(&part.text), "\n\n"),
        (Continuation, _) => joined(&mut step.text, &part.text, ""),
        _ => joined(&mut step.text, &part.text, "\n\n"),
    }
}

fn joined(text: &mut String, more: &str, between: &str) {
    if !text.is_empty() {
        text.push_str(between);
    }
    text.push_str(more);
}

/// A thought as it was cut out of an answer has its marks around it.
fn without_marks(thought: &str) -> &str {
    let inner = thought.trim().strip_prefix("<think>").and_then(|rest| rest.strip_suffix("</think>"));
    inner.map_or(thought, str::trim)
}

/// Steps that became neighbours by what was left out between them are one.
fn merged(steps: Vec<Step>) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        match out.last_mut() {
            Some(last) if last.speaker == step.speaker && last.calls.is_empty() && last.speaker != Speaker::Tool => {
                if !step.text.is_empty() {
                    joined(&mut last.text, &step.text, "\n\n");
                }
                if !step.reasoning.is_empty() {
                    joined(&mut last.reasoning, &step.reasoning, "\n\n");
                }
                last.calls.extend(step.calls);
            }
            _ => out.push(step),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::SegmentType;

    fn said(speaker: Speaker, kind: SegmentType, text: &str, call: &str) -> Message {
        let call_id = (!call.is_empty()).then(|| call.to_owned());
        let name = matches!(kind, ToolCall).then(|| "f".to_owned());
        Message { speaker, role: String::new(), parts: vec![Part { kind, text: text.into(), name, call_id }] }
    }

    fn shape_of(messages: Vec<Message>) -> (Option<Vec<String>>, Losses) {
        let dialogue = Dialogue { messages, ..Dialogue::default() };
        let mut losses = Losses::default();
        let settled = settle(&dialogue, &mut losses);
        let word = |step: &Step| {
            let calls = step.calls.iter().map(|call| format!(" >{}", call.id)).collect::<String>();
            let results = step.results.iter().map(|result| format!(" <{}", result.call_id)).collect::<String>();
            format!("{}:{}{calls}{results}", step.speaker.name(), step.text)
        };
        (settled.map(|settled| settled.steps.iter().map(word).collect()), losses)
    }

    // Agents log one block a line and run calls side by side: consumers want one message with both calls, then both results.
    #[test]
    fn calls_side_by_side_are_one_step_and_their_results_follow() {
        let (steps, losses) = shape_of(vec![
            said(Speaker::User, UserTurn, "q", ""),
            said(Speaker::Assistant, AssistantTurn, "let me see", ""),
            said(Speaker::Assistant, ToolCall, "{}", "a"),
            said(Speaker::Assistant, ToolCall, "{}", "b"),
            said(Speaker::Tool, ToolResult, "rb", "b"),
            said(Speaker::Tool, ToolResult, "ra", "a"),
            said(Speaker::Assistant, AssistantTurn, "done", ""),
        ]);
        assert_eq!(steps.unwrap(), ["user:q", "assistant:let me see >a >b", "tool: <b <a", "assistant:done"]);
        assert_eq!(losses, Losses::default());
    }

    // A result that comes after an interruption belongs to its call; orphans of both kinds would make the file invalid.
    #[test]
    fn results_go_to_their_calls_and_orphans_are_left_out_and_counted() {
        let (steps, losses) = shape_of(vec![
            said(Speaker::User, UserTurn, "q", ""),
            said(Speaker::Assistant, ToolCall, "{}", "a"),
            said(Speaker::User, UserTurn, "wait", ""),
            said(Speaker::Tool, ToolResult, "ra", "a"),
            said(Speaker::Tool, ToolResult, "rx", "x"),
            said(Speaker::Assistant, ToolCall, "{}", "lost"),
            said(Speaker::User, UserTurn, "and?", ""),
            said(Speaker::Assistant, AssistantTurn, "end", ""),
            said(Speaker::User, UserTurn, "bye", ""),
        ]);
        assert_eq!(steps.unwrap(), ["user:q", "assistant: >a", "tool: <a", "user:wait\n\nand?", "assistant:end"]);
        assert_eq!(
            losses.counts.keys().collect::<Vec<_>>(),
            ["calls without a result", "results without a call", "steps after the last answer"]
        );
    }

    // Old function calls carry no ids.
    #[test]
    fn calls_without_ids_get_some_and_their_results_too() {
        let (steps, _) = shape_of(vec![
            said(Speaker::User, UserTurn, "q", ""),
            said(Speaker::Assistant, ToolCall, "{}", ""),
            said(Speaker::Tool, ToolResult, "r", ""),
            said(Speaker::Assistant, AssistantTurn, "end", ""),
        ]);
        assert_eq!(steps.unwrap(), ["user:q", "assistant: >call_1", "tool: <call_1", "assistant:end"]);
    }

    // A dialogue nobody answered teaches nothing.
    #[test]
    fn without_a_question_and_an_answer_there_is_nothing() {
        assert_eq!(shape_of(vec![said(Speaker::User, UserTurn, "q", "")]).0, None);
        assert_eq!(shape_of(vec![said(Speaker::Assistant, AssistantTurn, "a", "")]).0, None);
    }
}
