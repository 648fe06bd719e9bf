//! Turns become messages: who speaks is told by what a text is, and only where that is open by the role word.

use super::{Dialogue, Losses, Message, Part, Speaker};
use crate::shape::SegmentType::{self, *};
use crate::shape::{Turn, type_of_role};

/// Puts a dialogue together.
pub struct Builder<'r> {
    wanted: &'r (dyn Fn(SegmentType) -> bool + Sync),
    roles: &'r [(String, Speaker)],
    /// The dialogue so far.
    pub dialogue: Dialogue,
    /// What is not in it.
    pub losses: Losses,
}

impl<'r> Builder<'r> {
    /// Takes in texts of the wanted types; `roles` says who speaks behind words that nobody knows.
    pub fn new(wanted: &'r (dyn Fn(SegmentType) -> bool + Sync), roles: &'r [(String, Speaker)]) -> Builder<'r> {
        Builder { wanted, roles, dialogue: Dialogue::default(), losses: Losses::default() }
    }

    /// Adds a record: its turns, and definitions of tools that are not there yet.
    pub fn add(&mut self, turns: Vec<Turn>, tools: Vec<String>) {
        if (self.wanted)(ToolDefinitions) {
            for tool in tools {
                if !self.dialogue.tools.contains(&tool) {
                    self.dialogue.tools.push(tool);
                }
            }
        }
        // Of several answers the first goes on; the others have no place in a dialogue.
        let first = turns.iter().find_map(|turn| turn.choice);
        let said = |turn: &Turn| !turn.guessed && matches!(turn.kind, UserTurn | AssistantTurn);
        let has_messages = turns.iter().any(said);
        let mut before = None;
        for mut turn in turns {
            if turn.guessed && has_messages && self.spoke_last(&turn) {
                // A copy of the last answer, or of the task, that stands beside the messages.
                (turn.kind, turn.role) = (Text, String::new());
            }
            if turn.choice.is_some() && turn.choice != first {
                if before != Some((turn.order, turn.choice)) {
                    self.losses.count("alternative answers");
                }
                before = Some((turn.order, turn.choice));
            } else if (self.wanted)(turn.kind) {
                let order = Some((turn.order, turn.choice));
                self.say(turn, order == before);
                before = order;
            }
        }
    }

    /// True when a text is of the one who spoke last: the other one would go on.
    fn spoke_last(&self, turn: &Turn) -> bool {
        let known = |message: &&Message| message.speaker != Speaker::Unknown;
        self.dialogue.messages.iter().rev().find(known).is_some_and(|last| last.speaker == self.speaker(turn))
    }

    fn say(&mut self, turn: Turn, same_message: bool) {
        let speaker = self.speaker(&turn);
        let part = Part { kind: turn.kind, text: turn.text, name: turn.name, call_id: turn.call_id };
        match self.dialogue.messages.last_mut() {
            Some(last) if same_message && last.speaker == speaker && last.role == turn.role => last.parts.push(part),
            _ => self.dialogue.messages.push(Message { speaker, role: turn.role, parts: vec![part] }),
        }
    }

    fn speaker(&self, turn: &Turn) -> Speaker {
        match turn.kind {
            SystemPrompt => Speaker::System,
            UserTurn => Speaker::User,
            AssistantTurn | Reasoning | Refusal | ToolCall | Continuation => Speaker::Assistant,
            ToolResult => Speaker::Tool,
            Rubric | ErrorText => Speaker::Unknown,
            kind => self.by_role(&turn.role, kind),
        }
    }

    fn by_role(&self, role: &str, kind: SegmentType) -> Speaker {
        if let Some((_, speaker)) = self.roles.iter().find(|(word, _)| word.eq_ignore_ascii_case(role)) {
            return *speaker;
        }
        match type_of_role(role) {
            Some(SystemPrompt) => Speaker::System,
            Some(AssistantTurn | Reasoning | ToolCall) => Speaker::Assistant,
            Some(ToolResult) => Speaker::Tool,
            Some(_) => Speaker::User,
            // What was put before the model without saying by whom stands where the user speaks.
            None if matches!(kind, Context | Summary | Media) => Speaker::User,
            None => Speaker::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(order: u32, kind: SegmentType, role: &str, text: &str) -> Turn {
        Turn { role: role.into(), kind, text: text.into(), name: None, call_id: None, order, choice: None, guessed: false }
    }

    // Who speaks must not depend on guesses: an unknown word stays unknown until somebody says who it is.
    #[test]
    fn an_unknown_role_is_nobody_until_it_is_named() {
        let all = |_| true;
        let speakers = |roles: &[(String, Speaker)]| {
            let mut builder = Builder::new(&all, roles);
            builder.add(vec![turn(1, Text, "counselor", "hm"), turn(2, UserTurn, "user", "a")], Vec::new());
            builder.dialogue.messages.iter().map(|message| message.speaker).collect::<Vec<_>>()
        };
        assert_eq!(speakers(&[]), [Speaker::Unknown, Speaker::User]);
        assert_eq!(speakers(&[("Counselor".into(), Speaker::Assistant)]), [Speaker::Assistant, Speaker::User]);
    }

    // Logs hold the last answer once more beside the messages, or the task: that is not said again. An answer that stands there
    // alone is the answer.
    #[test]
    fn what_only_a_key_calls_an_answer_goes_on_where_an_answer_is_missing() {
        let all = |_| true;
        let speakers = |said: &[SegmentType]| {
            let mut builder = Builder::new(&all, &[]);
            let said = said.iter().zip(1..).map(|(kind, order)| turn(order, *kind, "", "x"));
            let guess = Turn { guessed: true, ..turn(9, AssistantTurn, "assistant", "y") };
            builder.add(said.chain([guess]).collect(), Vec::new());
            builder.dialogue.messages.iter().map(|message| message.speaker).collect::<Vec<_>>()
        };
        assert_eq!(speakers(&[UserTurn]), [Speaker::User, Speaker::Assistant]);
        assert_eq!(speakers(&[UserTurn, AssistantTurn]), [Speaker::User, Speaker::Assistant, Speaker::Unknown]);
        assert_eq!(speakers(&[]), [Speaker::Assistant]);
    }

    // Several answers to one request are alternatives, not one long answer.
    #[test]
    fn of_several_answers_the_first_is_kept_and_the_others_are_counted() {
        let all = |_| true;
        let mut builder = Builder::new(&all, &[]);
        let answer = |choice, text| Turn { choice: Some(choice), ..turn(2, AssistantTurn, "assistant", text) };
        builder.add(vec![turn(1, UserTurn, "user", "q"), answer(0, "a"), answer(1, "b"), answer(2, "c")], Vec::new());
        assert_eq!(builder.dialogue.messages.len(), 2);
        assert_eq!(builder.dialogue.messages[1].parts[0].text, "a");
        assert_eq!(builder.losses.counts["alternative answers"], 2);
    }
}
