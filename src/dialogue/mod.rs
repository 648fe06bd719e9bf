//! A conversation as others take it: who said what, in order, with the tools, and the forms it leaves in.
//!
//! [`Dialogue`] holds the turns of one record or of all records of a session. Forms for training need it [`settled`]: speakers
//! in order, every call beside its result. Transcripts show it as it is. What a form cannot hold is counted in [`Losses`].

mod answers;
mod arguments;
mod build;
mod flat;
mod forms;
mod pairs;
mod settled;
mod table;
mod tools;
mod transcript;
mod visible;

use std::collections::BTreeMap;

pub use build::Builder;
pub use flat::{FlatCall, FlatMessage};
pub use forms::{Form, Rendered};
pub use pairs::Likeness;
pub use settled::{Call, Outcome, Settled, Step, settle};
pub(crate) use transcript::{push_fenced, push_said};

use crate::shape::SegmentType;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// Instructions to the model.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// A tool that was called.
    Tool,
    /// The record names a role nobody knows, or none.
    Unknown,
}

impl Speaker {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::Tool => "tool",
            Speaker::Unknown => "unknown",
        }
    }
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: SegmentType,
    /// The text; of a call its arguments.
    pub text: String,
    /// The tool.
    pub name: Option<String>,
    /// The call it makes or answers.
    pub call_id: Option<String>,
}

/// What one speaker says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who.
    pub speaker: Speaker,
    /// The role word of the record.
    pub role: String,
    /// What.
    pub parts: Vec<Part>,
}

/// A conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialogue {
    /// The conversation's id, where its records carry one.
    pub id: Option<String>,
    /// Source and line of its first record.
    pub place: String,
    /// The model that answered first.
    pub model: Option<String>,
    /// A title.
    pub title: Option<String>,
    /// When it began, RFC 3339.
    pub time: Option<String>,
    /// Definitions of tools, JSON each.
    pub tools: Vec<String>,
    /// What was said.
    pub messages: Vec<Message>,
}

impl Dialogue {
    /// Every text of it, to be changed.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let about = [&mut self.id, &mut self.model, &mut self.title].into_iter().flatten();
        let parts = self.messages.iter_mut().flat_map(|message| {
            let each = message
                .parts
                .iter_mut()
                .flat_map(|part| std::iter::once(&mut part.text).chain(part.name.as_mut()).chain(part.call_id.as_mut()));
            std::iter::once(&mut message.role).chain(each)
        });
        about.chain(self.tools.iter_mut()).chain(parts)
    }
}

/// What was left out or changed, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// What, and how often.
    pub counts: BTreeMap<String, u64>,
    /// Role words that nobody knows, and how many texts stand behind each.
    pub roles: BTreeMap<String, u64>,
}

impl Losses {
    /// Counts one.
    pub fn count(&mut self, what: &str) {
        self.add(what, 1);
    }

    /// Counts several.
    pub fn add(&mut self, what: &str, count: u64) {
        if count > 0 {
            *self.counts.entry(what.to_owned()).or_default() += count;
        }
    }

    /// Counts a text of which only the record's own word says who speaks, and that word is not known.
    pub fn count_role(&mut self, role: &str) {
        self.count("texts of unknown roles");
        if !role.is_empty() {
            *self.roles.entry(role.to_owned()).or_default() += 1;
        }
    }

    /// Takes over what another counted.
    pub fn absorb(&mut self, other: Losses) {
        other.counts.into_iter().for_each(|(what, count)| self.add(&what, count));
        other.roles.into_iter().for_each(|(role, count)| *self.roles.entry(role).or_default() += count);
    }
}
