//! A dialogue as rows of a table hold it: messages in the words of OpenAI's chat format, in the order they were said.
//!
//! Nothing is settled: a table is for looking, so calls without a result and questions without an answer stay in it.

use super::arguments::as_object;
use super::{Dialogue, Losses, Message, Part, Speaker};
use crate::shape::SegmentType::*;

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlatMessage {
    /// Who speaks; the record's own word where nobody knows it.
    pub role: String,
    /// What is said.
    pub content: Option<String>,
    /// What the model thought.
    pub reasoning: Option<String>,
    /// The tool whose result this is.
    pub name: Option<String>,
    /// The call that it answers.
    pub tool_call_id: Option<String>,
    /// Calls the model makes.
    pub calls: Vec<FlatCall>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatCall {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// The tool.
    pub name: Option<String>,
    /// A JSON object on one line.
    pub arguments: String,
}

impl Dialogue {
    /// The messages. Each result of a tool is a message of its own; what one speaker says at once is one.
    pub fn flat(&self, losses: &mut Losses) -> Vec<FlatMessage> {
        let mut flat: Vec<FlatMessage> = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            let mut fresh = true;
            for part in &message.parts {
                let same_result = part.call_id.is_some() && flat.last().is_some_and(|last| last.tool_call_id == part.call_id);
                if fresh || message.speaker == Speaker::Tool && !same_result {
                    flat.push(FlatMessage { role: role(message), ..FlatMessage::default() });
                }
                fresh = false;
                if let Some(last) = flat.last_mut() {
                    last.take(message.speaker, part, losses);
                }
            }
        }
        flat
    }
}

impl FlatMessage {
    fn take(&mut self, speaker: Speaker, part: &Part, losses: &mut Losses) {
        match part.kind {
            ToolCall => {
                let (arguments, wrapped) = as_object(&part.text, part.name.as_deref());
                if wrapped {
                    losses.count("arguments put into an object");
                }
                self.calls.push(FlatCall { id: part.call_id.clone(), name: part.name.clone(), arguments });
            }
            Reasoning => join(&mut self.reasoning, &part.text, "\n\n"),
            Continuation => join(&mut self.content, &part.text, ""),
            kind => {
                if kind == Media {
                    losses.count(kind.name());
                }
                if speaker == Speaker::Tool {
                    self.name = self.name.take().or_else(|| part.name.clone());
                    self.tool_call_id = self.tool_call_id.take().or_else(|| part.call_id.clone());
                }
                join(&mut self.content, &part.text, if speaker == Speaker::Tool { "\n" } else { "\n\n" });
            }
        }
    }
}

fn role(message: &Message) -> String {
    match message.speaker {
        Speaker::Unknown if !message.role.is_empty() => message.role.clone(),
        speaker => speaker.name().to_owned(),
    }
}

fn join(text: &mut Option<String>, more: &str, between: &str) {
    match text {
        Some(text) => {
            text.push_str(between);
            text.push_str(more);
        }
        None => *text = Some(more.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::SegmentType;

    fn part(kind: SegmentType, text: &str, name: Option<&str>, call: Option<&str>) -> Part {
        Part { kind, text: text.into(), name: name.map(String::from), call_id: call.map(String::from) }
    }

    // A message with thoughts, words and two calls is one row of the list; the results of both are two.
    #[test]
    fn a_message_keeps_its_parts_and_each_result_is_a_message() {
        let message = |speaker, parts| Message { speaker, role: "narrator".into(), parts };
        let dialogue = Dialogue {
            messages: vec![
                message(
                    Speaker::Assistant,
                    vec![
                        part(Reasoning, "hm", None, None),
                        part(AssistantTurn, "a", None, None),
                        part(AssistantTurn, "b", None, None),
                        part(ToolCall, "{ \"x\": 1 }", Some("f"), Some("c1")),
                        part(ToolCall, "ls", Some("g"), Some("c2")),
                    ],
                ),
                message(
                    Speaker::Tool,
                    vec![
                        part(ToolResult, "r1", None, Some("c1")),
                        part(ToolResult, "more", None, Some("c1")),
                        part(ToolResult, "r2", Some("g"), Some("c2")),
                    ],
                ),
                message(Speaker::Unknown, vec![part(Text, "t", None, None)]),
            ],
            ..Dialogue::default()
        };
        let mut losses = Losses::default();
        let flat = dialogue.flat(&mut losses);
        let call = |id: &str, name: &str, arguments: &str| FlatCall {
            id: Some(id.into()),
            name: Some(name.into()),
            arguments: arguments.into(),
        };
        let result = |id: &str, name: Option<&str>, text: &str| FlatMessage {
            role: "tool".into(),
            content: Some(text.into()),
            name: name.map(String::from),
            tool_call_id: Some(id.into()),
            ..FlatMessage::default()
        };
        let said = FlatMessage {
            role: "assistant".into(),
            content: Some("a\n\nb".into()),
            reasoning: Some("hm".into()),
            calls: vec![call("c1", "f", "{\"x\":1}"), call("c2", "g", "{\"input\":\"ls\"}")],
            ..FlatMessage::default()
        };
        let told = FlatMessage { role: "narrator".into(), content: Some("t".into()), ..FlatMessage::default() };
        assert_eq!(flat, [said, result("c1", None, "r1\nmore"), result("c2", Some("g"), "r2"), told]);
        assert_eq!(losses.counts["arguments put into an object"], 1);
    }
}
