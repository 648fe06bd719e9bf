//! `get`, `export`, `ls`: what reading commands ask for and receive.

use serde::{Serialize, Serializer};

use super::{Failure, Filter, Id, Report, Time};
use crate::ids::RecordHash;

/// What to get. Ids come first in their order, then segments, then conversations.
#[derive(Debug, Clone, Default)]
pub struct GetOptions {
    /// Records.
    pub ids: Vec<Id>,
    /// Segments by hash or unique prefix.
    pub segments: Vec<String>,
    /// All records of these conversations, in event order.
    pub conversations: Vec<String>,
    /// Fill [`RecordItem::turns`], with these segment types only; empty means all types.
    pub types: Vec<String>,
    /// Fill [`RecordItem::turns`].
    pub with_turns: bool,
    /// Fill [`RecordItem::conversation`], which may need the lines before a record.
    pub with_conversation: bool,
}

/// What `get` hands out, in the order asked for.
#[derive(Debug)]
pub enum GetItem {
    /// A record.
    Record(RecordItem),
    /// A segment.
    Segment(SegmentItem),
    /// Nothing has this id; the rest still comes.
    Missing {
        /// The id as given.
        id: String,
        /// Why, with the nearest where one is near.
        message: String,
    },
}

/// One record, with the place it was asked for or first seen at.
#[derive(Debug, Clone, Serialize)]
pub struct RecordItem {
    /// Its hash.
    #[serde(serialize_with = "as_text")]
    pub hash: RecordHash,
    /// Its source.
    pub source: String,
    /// Its line there, from 1.
    pub line: u64,
    /// The conversation it belongs to.
    pub conversation: Option<String>,
    /// The exact bytes, without the newline. Not part of the serialised form: JSON may be unable to hold them.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// What was said, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
}

impl Report for RecordItem {
    const KIND: &'static str = "record";
}

/// One piece of a conversation, decoded.
#[derive(Debug, Clone, Serialize)]
pub struct Turn {
    /// Who spoke.
    pub role: Option<String>,
    /// The type of the segment, such as `user_turn`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of a tool or speaker.
    pub name: Option<String>,
    /// The text.
    pub text: String,
}

/// One segment.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentItem {
    /// Its hash, 32 hex digits.
    pub hash: String,
    /// Its types, wherever it occurs.
    pub types: Vec<String>,
    /// How many occurrences of records hold it.
    pub occurrences: u64,
    /// The decoded bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Report for SegmentItem {
    const KIND: &'static str = "segment";
}

/// What to export, byte for byte.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Which records. Without a filter: each source from first to last byte, in the order they came.
    pub filter: Filter,
    /// At most so many lines.
    pub limit: Option<u64>,
}

/// What an export did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ExportReport {
    /// Sources written.
    pub sources: u64,
    /// Lines written.
    pub occurrences: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Lines left out because their record was removed: the output is not the original any more (exit 3).
    pub removed_lines: u64,
    /// Records outside a time filter because they have no time.
    pub without_time: u64,
    /// Files that could not be written, or names refused because they lead out of the directory.
    pub failures: Vec<Failure>,
}

impl Report for ExportReport {
    const KIND: &'static str = "export";
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct LsOptions {
    /// Which sources or conversations: those with at least one such record.
    pub filter: Filter,
    /// Fill [`SourceRow::sha256`], which reads the whole source.
    pub sha256: bool,
    /// List older generations too.
    pub all_generations: bool,
    /// Fill shape, first and last event, which reads every record. A filter that looks at records fills them, too.
    pub long: bool,
}

/// One source in one generation.
#[derive(Debug, Clone, Serialize)]
pub struct SourceRow {
    /// Its name.
    pub name: String,
    /// Its generation, from 1.
    pub generation: u32,
    /// False for a generation that a later one replaced.
    pub newest: bool,
    /// Other names with the same content.
    pub aliases: Vec<String>,
    /// Lines.
    pub occurrences: u64,
    /// Distinct records.
    pub records: u64,
    /// Lines whose record was removed.
    pub removed_lines: u64,
    /// Decompressed bytes.
    pub bytes: u64,
    /// The last line has no newline yet.
    pub provisional: bool,
    /// BLAKE3 of the decompressed stream, hex.
    pub blake3: String,
    /// SHA-256 of the decompressed stream, hex, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Most frequent shape, where records were read; the one it was given, otherwise.
    pub shape: Option<String>,
    /// Earliest event, where records were read.
    pub first: Option<Time>,
    /// Latest event, where records were read.
    pub last: Option<Time>,
    /// Last time something was added.
    pub ingested: Option<Time>,
}

impl Report for SourceRow {
    const KIND: &'static str = "source";
}

/// One conversation.
#[derive(Debug, Clone, Serialize)]
pub struct ConversationRow {
    /// Its id, as the records say it.
    pub id: String,
    /// Its title, where a record gives one; else how the user began.
    pub title: Option<String>,
    /// Where a record gave the title.
    pub titled: bool,
    /// The directory or project worked in most.
    pub project: Option<String>,
    /// Messages of the user and the assistant, without calls, results and thoughts. Of requests that resend their history those of
    /// the longest.
    pub turns: u64,
    /// Input tokens, cached ones included; a response whose usage several records tell counts once, by the last of them.
    pub tokens_in: u64,
    /// Of these, read from a cache.
    pub tokens_in_cached: u64,
    /// Of these, written to a cache.
    pub tokens_in_cache_write: u64,
    /// Output tokens, reasoning included.
    pub tokens_out: u64,
    /// Of these, spent on reasoning.
    pub tokens_reasoning: u64,
    /// Occurrences of its records.
    pub occurrences: u64,
    /// Distinct records.
    pub records: u64,
    /// Bytes of its records.
    pub bytes: u64,
    /// Sources it is in.
    pub sources: Vec<String>,
    /// Models, most used first.
    pub models: Vec<String>,
    /// Applications.
    pub apps: Vec<String>,
    /// Records that report an error.
    pub errors: u64,
    /// Earliest event.
    pub first: Option<Time>,
    /// Latest event.
    pub last: Option<Time>,
}

impl Report for ConversationRow {
    const KIND: &'static str = "conversation";
}

pub(super) fn as_text<S: Serializer>(hash: &RecordHash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}
