//! The forms a dialogue leaves in. Those for training are JSON lines of [settled](settle) dialogues; transcripts and the table hold
//! what was said as it was said.

mod chat;
mod share;
mod talk;

use serde::Serialize;

use super::settled::settle;
use super::visible::escaped;
use super::{Dialogue, Likeness, Losses, table, transcript};

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
                counted(chat::chat(&settled, false, losses), |chat| chat.messages.len())
            }
            Form::Anthropic => {
                settled.begin_with_a_question(losses);
                settled.rename_calls(|id| id.chars().all(is_plain), losses);
                counted(talk::anthropic(&settled, losses)?, |talk| talk.messages.len())
            }
            Form::Sharegpt => counted(share::sharegpt(&settled, losses), |share| share.conversations.len()),
            _ => counted(chat::hf(&settled, losses), |chat| chat.messages.len()),
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

/// What a dialogue is called by: its conversation, or where it begins.
fn name_of(dialogue: &Dialogue) -> &str {
    dialogue.id.as_deref().unwrap_or(&dialogue.place)
}
