//! `search`: what is looked for, and what is found.

use serde::Serialize;

use super::{EmbedModel, Filter, Id, Report, Time};
use crate::ids::RecordHash;

/// What to look for and how to show it.
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// Patterns, any of which is wanted; none: every record that passes the filter.
    pub patterns: Vec<String>,
    /// All patterns are wanted, each somewhere in the record.
    pub all: bool,
    /// Patterns are regular expressions.
    pub regex: bool,
    /// Case does not count.
    pub ignore_case: bool,
    /// Whole words only.
    pub words: bool,
    /// Neither case nor accents nor width count.
    pub fold: bool,
    /// The exact bytes of lines are searched, not their strings.
    pub raw: bool,
    /// Score by words (BM25): the best first.
    pub rank: bool,
    /// Which records. With patterns, `types` and `roles` name the segments in which a match must stand.
    pub filter: Filter,
    /// At most so many items.
    pub limit: Option<u64>,
    /// Their order; none: as fits the kind of search.
    pub order: Option<SearchOrder>,
    /// What is handed out.
    pub wanted: SearchWanted,
    /// Count each record once, however often it occurs.
    pub distinct: bool,
    /// Hits carry metadata.
    pub with_metadata: bool,
    /// Texts by what they say: the patterns are one query.
    pub semantic: Option<SemanticOptions>,
}

/// How texts are found by what they say.
#[derive(Debug, Clone, Default)]
pub struct SemanticOptions {
    /// Who embeds queries; none: the program, where its own vectors are searched.
    pub model: Option<EmbedModel>,
    /// Whose vectors are searched; none: those of `model`, else the built-in ones, else the only ones there are.
    pub model_name: Option<String>,
    /// Records that are like this one, instead of a query.
    pub like: Option<Id>,
    /// Several queries, instead of one; each gets its hits.
    pub queries: Vec<String>,
    /// Words count too (BM25).
    pub lexical: bool,
    /// Conversations are found, not texts.
    pub conversations: bool,
    /// Every vector is compared.
    pub exact: bool,
    /// Candidates of a walk through a graph.
    pub ef: Option<usize>,
    /// Hits with a lower score are left out.
    pub min_score: Option<f64>,
}

/// In which order hits come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchOrder {
    /// Sources as they came, their lines in order.
    Source,
    /// Event time, oldest first; records without one last.
    Time,
    /// The best first, newest among equals.
    Score,
}

/// What is handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchWanted {
    /// One item for each occurrence.
    #[default]
    Lines,
    /// One for each text that has a match.
    Unique,
    /// Record hashes, each once.
    Ids,
    /// Nothing: the report counts.
    Count,
    /// Nothing: one hit is enough.
    Any,
}

/// What `search` hands out.
#[derive(Debug)]
pub enum SearchItem {
    /// An occurrence.
    Line(HitLine),
    /// A text.
    Segment(HitSegment),
    /// A record.
    Id(RecordHash),
}

/// An occurrence of a record with a match.
#[derive(Debug, Clone, Serialize)]
pub struct HitLine {
    /// Hash of the record.
    #[serde(serialize_with = "super::read::as_text")]
    pub hash: RecordHash,
    /// Its source.
    pub source: String,
    /// Its line there, from 1.
    pub line: u64,
    /// Score of a ranked or semantic search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Cosine of the text and the query, in a semantic search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    /// BM25 of the text, in a semantic search that counts words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_score: Option<f64>,
    /// The query, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Event time.
    pub time: Option<Time>,
    /// Conversation.
    pub conversation: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Application.
    pub application: Option<String>,
    /// The texts of the record that have a match, in their order.
    pub matches: Vec<HitText>,
}

impl Report for HitLine {
    const KIND: &'static str = "hit";
}

/// A text with a match.
#[derive(Debug, Clone, Default, Serialize)]
pub struct HitText {
    /// Hash of the text: what `get --segment` takes where the text is long enough to be a segment.
    pub segment: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Who spoke.
    pub role: Option<String>,
    /// First byte of the first match in the text; where secrets are not shown, of the text without them.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
    /// What stands before the match.
    pub before: String,
    /// What matched.
    pub matched: String,
    /// What stands after it.
    pub after: String,
    /// Bytes of the text.
    pub length: usize,
}

/// A text that records share.
#[derive(Debug, Clone, Serialize)]
pub struct HitSegment {
    /// The text and its first match.
    #[serde(flatten)]
    pub text: HitText,
    /// Where it occurs first.
    pub first: String,
    /// And last.
    pub last: String,
    /// In how many occurrences of records.
    pub occurrences: u64,
    /// In how many records.
    pub records: u64,
}

impl Report for HitSegment {
    const KIND: &'static str = "hit_segment";
}

/// How much of the vault was decoded to find the records.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Looked {
    /// Blocks of text.
    pub blocks: u64,
    /// Of so many.
    pub blocks_of: u64,
    /// Groups.
    pub groups: u64,
    /// Of so many.
    pub groups_of: u64,
}

/// What a search found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SearchReport {
    /// Occurrences of records with a match.
    pub occurrences: u64,
    /// Distinct records with a match.
    pub records: u64,
    /// Items not handed out because of the limit.
    pub left_out: u64,
    /// Records outside a time filter because they have no time.
    pub without_time: u64,
    /// What was decoded for it.
    pub looked: Looked,
    /// What could not be used and was gone without.
    pub warnings: Vec<String>,
}

impl Report for SearchReport {
    const KIND: &'static str = "search";
}
