//! `export` in other forms than the lines themselves: what to ask for and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{Filter, Report};
use crate::dialogue::{Form, Speaker};

/// What one dialogue is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Per {
    /// A conversation: all records of a session, or of requests that resend their history the longest of each chain.
    #[default]
    Conversation,
    /// A record.
    Record,
}

/// Which dialogues are left out for being like one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// Those that say the same, whatever their ids.
    Exact,
    /// Those that share four fifths of their runs of five words.
    Near,
}

/// Texts that dialogues must not overlap with.
#[derive(Debug, Clone)]
pub struct Decontaminate {
    /// JSON lines, a JSON array, or text.
    pub file: PathBuf,
    /// So many words in a row that are in both are an overlap.
    pub words: usize,
}

/// What the directories of a table are named by. Days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionKey {
    /// Day of the event.
    Day,
    /// Month of the event.
    Month,
    /// Model.
    Model,
    /// Application.
    Application,
    /// Who served the model.
    Provider,
    /// Shape.
    Shape,
}

impl PartitionKey {
    /// Its name in paths; that of the column it takes the place of.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PartitionKey::Day => "day",
            PartitionKey::Month => "month",
            PartitionKey::Model => "model",
            PartitionKey::Application => "application",
            PartitionKey::Provider => "provider",
            PartitionKey::Shape => "shape",
        }
    }
}

/// Which dialogues to write, and how.
#[derive(Debug, Clone)]
pub struct DialogueOptions {
    /// Which records. A session that is a record for each event comes whole when one of them passes.
    pub filter: Filter,
    /// The form.
    pub form: Form,
    /// What one dialogue is made of.
    pub per: Per,
    /// Only these segment types; empty means all.
    pub include: Vec<String>,
    /// Not these segment types.
    pub exclude: Vec<String>,
    /// At most so many dialogues.
    pub limit: Option<u64>,
    /// Which of several alike are left out.
    pub dedup: Option<Duplicates>,
    /// What dialogues must have nothing in common with.
    pub decontaminate: Option<Decontaminate>,
    /// Shares of the parts, in per cent; empty for one part.
    pub split: Vec<u32>,
    /// Who speaks behind role words that nobody knows.
    pub roles: Vec<(String, Speaker)>,
    /// Of a table: what its directories are named by; empty for one file.
    pub partition_by: Vec<PartitionKey>,
    /// Of a table: leave out what was said and keep what is known about it.
    pub without_messages: bool,
}

/// What an export of dialogues did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DialogueReport {
    /// Dialogues written.
    pub dialogues: u64,
    /// Messages in them.
    pub messages: u64,
    /// Questions with an answer.
    pub pairs: u64,
    /// Different ones of them.
    pub unique_pairs: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Requests left out because a longer one resends all they say, or an equal one came before.
    pub resent: u64,
    /// Dialogues left out because an equal one was written.
    pub repeated: u64,
    /// Dialogues left out because one that is nearly the same was written.
    pub near: u64,
    /// Dialogues left out because they overlap with texts they must not overlap with.
    pub overlapping: Overlapping,
    /// How long the dialogues are, about: by the usage their records tell, the longest of a session.
    pub tokens: u64,
    /// How many of these tokens are estimated, at four bytes each, since no record tells them.
    pub tokens_estimated: u64,
    /// Records outside a time filter because they have no time.
    pub without_time: u64,
    /// What the form cannot hold or had to be changed, and how often.
    pub left_out: BTreeMap<String, u64>,
    /// Role words that nobody knows, and how many texts were left out for each.
    pub unknown_roles: BTreeMap<String, u64>,
    /// The files written.
    pub parts: Vec<PartRow>,
}

impl Report for DialogueReport {
    const KIND: &'static str = "export-dialogues";
}

/// What was left out for an overlap.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overlapping {
    /// Dialogues with so many words in a row in common.
    pub by_words: u64,
    /// Others in which a whole turn is a text of fewer words.
    pub by_short_texts: u64,
    /// The first of them.
    pub examples: Vec<Overlap>,
    /// Texts that were compared with.
    pub texts: u64,
    /// Texts that are too short to tell anything by.
    pub texts_too_short: u64,
    /// Words in a row that left many dialogues out, most first: boilerplate, or a question that is asked often.
    pub frequent: Vec<FrequentWords>,
}

/// Words in a row for which dialogues were left out.
#[derive(Debug, Clone, Serialize)]
pub struct FrequentWords {
    /// In lower case, without punctuation.
    pub words: String,
    /// Dialogues left out for them.
    pub dialogues: u64,
}

/// A dialogue that overlaps with a text.
#[derive(Debug, Clone, Serialize)]
pub struct Overlap {
    /// Source and line of its first record.
    pub place: String,
    /// Which text of the file, by its line, or its place in an array; from 1.
    pub text: u64,
    /// A whole turn is the text, which is too short for a run of words.
    pub short: bool,
    /// The words in a row; empty for a short text.
    pub words: String,
}

/// One file of an export.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartRow {
    /// Its name.
    pub name: String,
    /// Dialogues in it.
    pub dialogues: u64,
    /// Its bytes.
    pub bytes: u64,
}
