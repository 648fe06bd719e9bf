//! What dialogues have in common: whether one is the beginning of another, whether two are equal or near, and the questions
//! with their answers.

use super::arguments::canonical;
use super::{Dialogue, Part, Settled, Speaker};
use crate::checksum::{ContentHasher, content_hash};
use crate::shape::SegmentType::*;
use crate::text::Shingles;

impl Dialogue {
    /// A hash for each thing said, over all that was said until then. A dialogue is the beginning of another when its last hash
    /// is among the other's. Instructions and thoughts do not count: programs renew the ones and drop the others as they go.
    #[must_use]
    pub fn chain(&self) -> Vec<u128> {
        let mut all = ContentHasher::default();
        let said = |speaker: Speaker, part: &&Part| {
            speaker != Speaker::System && !matches!(part.kind, Reasoning | ErrorText | Rubric) && !is_silent(part)
        };
        let mut chain = Vec::new();
        for message in &self.messages {
            for part in message.parts.iter().filter(|part| said(message.speaker, part)) {
                add(&mut all, message.speaker, part);
                chain.push(all.finish());
            }
        }
        chain
    }

    /// A hash for each question with its answer. What the user says until the model speaks is one question; what the model says
    /// and calls until the user speaks again is one answer, however many messages and tool results are in it.
    #[must_use]
    pub fn pairs(&self) -> Vec<u128> {
        let mut pairing = Pairing::default();
        for message in &self.messages {
            for part in message.parts.iter().filter(|part| !is_silent(part) && part.kind != Reasoning) {
                match message.speaker {
                    Speaker::User => add(pairing.question(), message.speaker, part),
                    Speaker::Assistant => add(pairing.answer(), message.speaker, part),
                    _ => {}
                }
            }
        }
        pairing.finish()
    }

    /// By what it is compared with others in forms that hold all that was said.
    #[must_use]
    pub fn likeness(&self) -> Likeness {
        let (mut all, mut said) = (ContentHasher::default(), String::new());
        for message in &self.messages {
            for part in message.parts.iter().filter(|part| !is_silent(part)) {
                all.update(part.kind.name().as_bytes());
                add(&mut all, message.speaker, part);
                if message.speaker != Speaker::System && part.kind != Media {
                    push_line(&mut said, &part.text);
                }
            }
        }
        Likeness { fingerprint: all.finish(), said }
    }
}

/// By what a dialogue is compared with others.
#[derive(Debug, Default)]
pub struct Likeness {
    /// Equal for dialogues that say the same, whatever their ids.
    pub fingerprint: u128,
    said: String,
}

impl Likeness {
    /// The word 5-grams of what was said; instructions, which hundreds of dialogues share, make none alike.
    #[must_use]
    pub fn shingles(&self) -> Shingles {
        Shingles::of(&self.said)
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl Settled<'_> {
    /// By what it is compared with others: what is left in it.
    pub(super) fn likeness(&self) -> Likeness {
        let (mut all, mut said) = (ContentHasher::default(), String::new());
        for step in &self.steps {
            put(&mut all, &[step.speaker.name(), step.reasoning.trim(), step.text.trim()]);
            step.calls.iter().for_each(|call| put(&mut all, &["call", &call.name, &canonical(&call.arguments, None)]));
            step.results.iter().for_each(|result| put(&mut all, &["result", result.text.trim()]));
            if step.speaker != Speaker::System {
                let texts = [&step.reasoning, &step.text].into_iter();
                let calls = step.calls.iter().map(|call| &call.arguments);
                let results = step.results.iter().map(|result| &result.text);
                texts.chain(calls).chain(results).for_each(|text| push_line(&mut said, text));
            }
        }
        Likeness { fingerprint: all.finish(), said }
    }

    /// A hash for each question with its answer, of what is left in it.
    #[must_use]
    pub fn pairs(&self) -> Vec<u128> {
        let mut pairing = Pairing::default();
        for step in &self.steps {
            match step.speaker {
                Speaker::User if !step.text.is_empty() => put(pairing.question(), &[&step.text]),
                Speaker::Assistant => {
                    if !step.text.is_empty() {
                        put(pairing.answer(), &[&step.text]);
                    }
                    step.calls.iter().for_each(|call| put(pairing.answer(), &[&call.name, &call.arguments]));
                }
                _ => {}
            }
        }
        pairing.finish()
    }
}

/// Questions and answers as they come.
#[derive(Default)]
struct Pairing {
    question: ContentHasher,
    answer: ContentHasher,
    asked: bool,
    answered: bool,
    pairs: Vec<u128>,
}

impl Pairing {
    /// The question that is asked now.
    fn question(&mut self) -> &mut ContentHasher {
        self.close();
        self.asked = true;
        &mut self.question
    }

    fn answer(&mut self) -> &mut ContentHasher {
        self.answered = true;
        &mut self.answer
    }

    /// An answered question is a pair; an answer that nobody asked for is none.
    fn close(&mut self) {
        if !self.answered {
            return;
        }
        let answer = std::mem::take(&mut self.answer);
        if self.asked {
            self.pairs.push(pair(&std::mem::take(&mut self.question), &answer));
        }
        (self.asked, self.answered) = (false, false);
    }

    fn finish(mut self) -> Vec<u128> {
        self.close();
        self.pairs
    }
}

fn is_silent(part: &Part) -> bool {
    part.kind != ToolCall && part.text.trim().is_empty()
}

fn pair(question: &ContentHasher, answer: &ContentHasher) -> u128 {
    let mut both = [0; 32];
    both[..16].copy_from_slice(&question.finish().to_le_bytes());
    both[16..].copy_from_slice(&answer.finish().to_le_bytes());
    content_hash(&both)
}

/// Adds a part so that no two different sequences of parts give the same bytes.
fn add(all: &mut ContentHasher, speaker: Speaker, part: &Part) {
    let call = part.kind == ToolCall;
    let text = if call { canonical(&part.text, part.name.as_deref()) } else { part.text.trim().into() };
    let name = if call { part.name.as_deref().unwrap_or_default() } else { "" };
    put(all, &[speaker.name(), name, &text]);
}

fn put(all: &mut ContentHasher, pieces: &[&str]) {
    for piece in pieces {
        all.update(&(piece.len() as u64).to_le_bytes());
        all.update(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Message;
    use crate::shape::SegmentType;

    fn dialogue(said: &[(Speaker, SegmentType, &str)]) -> Dialogue {
        let part = |kind, text: &str| Part { kind, text: text.into(), name: None, call_id: None };
        let message = |(speaker, kind, text): &(Speaker, SegmentType, &str)| Message {
            speaker: *speaker,
            role: String::new(),
            parts: vec![part(*kind, text)],
        };
        Dialogue { messages: said.iter().map(message).collect(), ..Dialogue::default() }
    }

    const Q: (Speaker, SegmentType, &str) = (Speaker::User, UserTurn, "q");
    const A: (Speaker, SegmentType, &str) = (Speaker::Assistant, AssistantTurn, "a");
    const CALL: (Speaker, SegmentType, &str) = (Speaker::Assistant, ToolCall, "{}");
    const RESULT: (Speaker, SegmentType, &str) = (Speaker::Tool, ToolResult, "r");

    // Five messages of one exchange with a tool are one pair; a question twice answered is one pair with a longer answer.
    #[test]
    fn a_pair_is_a_question_with_all_that_answers_it() {
        assert_eq!(dialogue(&[Q, A]).pairs().len(), 1);
        assert_eq!(dialogue(&[Q, CALL, RESULT, A, A, Q, Q, A, Q]).pairs().len(), 2);
        assert_eq!(dialogue(&[A, Q]).pairs().len(), 0);
        assert_eq!(dialogue(&[A, Q, A]).pairs(), dialogue(&[Q, A]).pairs());
        assert_ne!(dialogue(&[Q, A, A]).pairs(), dialogue(&[Q, A]).pairs());
    }

    // A question whose only answer was a call that nobody answered is not in a file for training, and no pair of it.
    #[test]
    fn pairs_of_a_settled_dialogue_are_those_left_in_it() {
        let dialogue = dialogue(&[Q, CALL, Q, A, Q]);
        let settled = crate::dialogue::settle(&dialogue, &mut crate::dialogue::Losses::default()).unwrap();
        assert_eq!((dialogue.pairs().len(), settled.pairs().len()), (2, 1));
    }

    // A request resends what was said, with other spacing, without the thoughts, under renewed instructions.
    #[test]
    fn the_beginning_of_a_dialogue_is_recognised() {
        let system = |text| (Speaker::System, SystemPrompt, text);
        let short =
            dialogue(&[system("today"), Q, (Speaker::Assistant, Reasoning, "hm"), (Speaker::Assistant, AssistantTurn, "a\n")]);
        let long = dialogue(&[system("tomorrow"), Q, A, Q, A]);
        let fork = dialogue(&[Q, (Speaker::Assistant, AssistantTurn, "b")]);
        assert!(long.chain().contains(short.chain().last().unwrap()));
        assert!(!long.chain().contains(fork.chain().last().unwrap()));
    }
}
