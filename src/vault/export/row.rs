//! What is known about a dialogue: the fields of its record, or of the session it is made of.

use std::borrow::Cow;
use std::sync::Arc;

use super::plan::About;
use crate::dialogue::{Dialogue, FlatCall, FlatMessage, Losses};
use crate::error::Result;
use crate::redact::redact_text;
use crate::shape::Metadata;
use crate::vault::ls::hide_in_title;
use crate::vault::meaning::Fields;

/// Columns of text count their bytes in 31 bits, those of all rows that are encoded together.
const MOST_TEXT: usize = 1 << 30;

/// A row of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Hash of the record, the first one of a session.
    pub(super) hash: u128,
    /// Where it stands.
    pub(super) source: String,
    pub(super) line: u64,
    /// Bytes of all its records.
    pub(super) bytes: u64,
    /// How many records it is made of.
    pub(super) records: u64,
    pub(super) shape: Arc<str>,
    pub(super) metadata: Metadata,
    /// How long the dialogue is, by the usage its records tell; 0 when they tell none.
    pub(super) tokens: u64,
    pub(super) messages: Vec<FlatMessage>,
    /// Definitions of tools, JSON each.
    pub(super) tools: Vec<String>,
}

impl Row {
    /// The row of a record whose fields were read with the lines before it.
    pub(super) fn of(source: String, line: u64, fields: &Fields, about: &About) -> Row {
        let mut metadata = fields.metadata.clone();
        let tokens = about.longest;
        if metadata.usage_is_cumulative {
            // Counts of everything so far would be counted again with every record.
            metadata.forget_usage();
        }
        let shape = Arc::clone(&about.shape);
        Row { hash: fields.hash, source, line, bytes: about.bytes, records: 1, shape, metadata, tokens, ..Row::default() }
    }

    /// Tokens in its columns: those of a usage that several records tell stand in one of them.
    pub(super) fn told_tokens(&self) -> u64 {
        self.metadata.tokens_in.unwrap_or(0).saturating_add(self.metadata.tokens_out.unwrap_or(0))
    }

    /// Source and line.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.source, self.line)
    }

    /// Takes in what was said, unless it is longer than a column can hold.
    pub(super) fn say(&mut self, dialogue: &Dialogue, losses: &mut Losses) {
        self.messages = dialogue.flat(losses);
        self.tools.clone_from(&dialogue.tools);
        if self.text_bytes() > MOST_TEXT {
            (self.messages, self.tools) = (Vec::new(), Vec::new());
            losses.count("messages of more than a gibibyte");
        }
    }

    /// Bytes of what was said.
    pub(super) fn text_bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let call = |call: &FlatCall| call.arguments.len() + length(&call.name) + length(&call.id);
        let message = |message: &FlatMessage| {
            let texts = [&message.content, &message.reasoning, &message.name, &message.tool_call_id];
            texts.into_iter().map(length).sum::<usize>() + message.calls.iter().map(call).sum::<usize>()
        };
        self.messages.iter().map(message).sum::<usize>() + self.tools.iter().map(String::len).sum::<usize>()
    }

    /// Takes secrets out of all that is text.
    pub(super) fn hide(&mut self) -> Result<()> {
        let metadata = &mut self.metadata;
        for cut in [&mut metadata.title, &mut metadata.error] {
            hide_in_title(cut)?;
        }
        let options = [
            &mut metadata.record_id,
            &mut metadata.request_id,
            &mut metadata.response_id,
            &mut metadata.parent_id,
            &mut metadata.trace_id,
            &mut metadata.conversation_id,
            &mut metadata.application,
            &mut metadata.agent,
            &mut metadata.end_user,
            &mut metadata.model,
            &mut metadata.model_requested,
            &mut metadata.provider,
            &mut metadata.usage_key,
            &mut metadata.status,
            &mut metadata.stop_reason,
            &mut metadata.project,
        ];
        let lists = metadata.other_ids.iter_mut().chain(&mut metadata.tags);
        let params = metadata.params.iter_mut().flat_map(|(key, value)| [key, value]);
        let texts = options.into_iter().flatten().chain(lists).chain(params).chain([&mut self.source]);
        for text in texts {
            if let Cow::Owned(hidden) = redact_text(text)? {
                *text = hidden;
            }
        }
        Ok(())
    }

    /// Takes over what names a session.
    pub(super) fn name(&mut self, about: &About) {
        let metadata = &mut self.metadata;
        let take = |slot: &mut Option<String>, value: &Option<String>| {
            if value.is_some() {
                slot.clone_from(value);
            }
        };
        take(&mut metadata.model, &about.model);
        take(&mut metadata.title, &about.title);
        take(&mut metadata.application, &about.application);
        metadata.timestamp_us = about.time.map(|time| time.0).or(metadata.timestamp_us);
        self.shape = Arc::clone(&about.shape);
    }

    /// The same, and sums over all its records.
    pub(super) fn tell(&mut self, about: &About) {
        self.name(about);
        (self.records, self.bytes, self.tokens) = (about.records, about.bytes, about.longest);
        let metadata = &mut self.metadata;
        let slots = [
            &mut metadata.tokens_in,
            &mut metadata.tokens_in_cached,
            &mut metadata.tokens_in_cache_write,
            &mut metadata.tokens_out,
            &mut metadata.tokens_reasoning,
        ];
        if about.tokens.iter().any(|count| *count > 0) {
            slots.into_iter().zip(about.tokens).for_each(|(slot, count)| *slot = Some(count));
        }
        metadata.cost_usd = about.cost_usd;
        metadata.error = about.error.then(|| "error".to_owned());
    }
}
