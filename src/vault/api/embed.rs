//! `embed`: vectors of texts.

use std::path::PathBuf;

use serde::Serialize;

use super::{Filter, Report};
pub use crate::vectors::metric::Metric;

/// What to embed, and with what.
#[derive(Debug, Clone)]
pub struct EmbedOptions {
    /// Where vectors come from.
    pub model: EmbedModel,
    /// One vector for each conversation, of what this makes of it; none: vectors of texts.
    pub summary: Option<ConversationSummary>,
    /// Types of segments; none: those that are words, without definitions of tools.
    pub types: Vec<String>,
    /// Everything anew, not only what is pending.
    pub all: bool,
    /// Count what is pending, write nothing.
    pub dry_run: bool,
    /// Parts with at least so many vectors get a graph; others are looked at whole.
    pub graph_from: usize,
    /// How vectors are compared; none: as those there are, else by their angle.
    pub metric: Option<Metric>,
    /// Vectors are kept as they are given, beside their rows of int8; none: as those there are, else not.
    pub keep_originals: Option<bool>,
    /// Links of a row above the lowest layer (M).
    pub links: usize,
    /// Candidates looked at for each row of a graph.
    pub ef_construction: usize,
}

impl Default for EmbedOptions {
    fn default() -> EmbedOptions {
        EmbedOptions {
            model: EmbedModel::Builtin,
            summary: None,
            types: Vec::new(),
            all: false,
            dry_run: false,
            graph_from: 200_000,
            metric: None,
            keep_originals: None,
            links: 16,
            ef_construction: 200,
        }
    }
}

/// What stands for a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationSummary {
    /// What is said in it, up to so many bytes.
    Concat(usize),
    /// What a command makes of that: JSON lines `{"text": …}` in, `{"summary": …}` out.
    Command(String),
}

/// Where vectors come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EmbedModel {
    /// The table in the program.
    #[default]
    Builtin,
    /// A command: one JSON object with `text` on a line of its standard input, one with `embedding` on a line of its output.
    Command {
        /// What the shell runs.
        command: String,
        /// Name kept with the vectors.
        name: String,
    },
    /// The records themselves: those that carry a vector of what was asked or answered.
    Log {
        /// The key it stands under.
        key: String,
        /// Name kept with the vectors.
        name: String,
    },
    /// A folder of sentence-transformers, run on the CPU; only in programs built with the feature `candle`.
    Folder {
        /// Where it is.
        path: PathBuf,
        /// Name kept with the vectors.
        name: String,
    },
    /// A server that speaks the embeddings interface of OpenAI.
    Endpoint {
        /// Address up to `/v1`, or with `/embeddings`; plain HTTP.
        url: String,
        /// The model it is asked for, also the name kept with the vectors.
        name: String,
        /// Sent as bearer token.
        key: Option<String>,
    },
}

impl EmbedModel {
    /// The name kept with the vectors.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            EmbedModel::Builtin => crate::vectors::builtin::NAME,
            EmbedModel::Command { name, .. }
            | EmbedModel::Log { name, .. }
            | EmbedModel::Folder { name, .. }
            | EmbedModel::Endpoint { name, .. } => name,
        }
    }
}

/// What `embed` did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EmbedReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// The model.
    pub model: String,
    /// Dimensions of its vectors; 0 without any.
    pub dimension: usize,
    /// How they are compared: `cosine`, `dot` or `l2`; empty without any.
    pub metric: &'static str,
    /// How they are kept: `int8`, or `none` where the vectors are there as they were given, too.
    pub quantize: &'static str,
    /// Records read.
    pub records: u64,
    /// Records still to be read.
    pub pending: u64,
    /// Texts that were embedded.
    pub texts: u64,
    /// Texts of no letter or digit, which have no vector.
    pub without_words: u64,
    /// Vectors made of them: long texts have several.
    pub vectors: u64,
    /// Texts whose vector could not be used: hash and reason, the first few.
    pub refused: Vec<RefusedText>,
    /// How many were refused in all.
    pub refused_count: u64,
    /// All texts of the model.
    pub total_texts: u64,
    /// All vectors of the model.
    pub total_vectors: u64,
    /// Bytes of its parts.
    pub bytes: u64,
    /// All that was pending is done.
    pub complete: bool,
    /// Time it took.
    pub elapsed_ms: u64,
}

impl Report for EmbedReport {
    const KIND: &'static str = "embed";
}

/// A text whose vector could not be used.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedText {
    /// The record it was found in, by hash.
    pub record: String,
    /// Hash of the text.
    pub segment: String,
    /// Why.
    pub reason: String,
}

/// The vectors of one model, for `stats`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ModelRow {
    /// The model.
    pub model: String,
    /// Dimensions.
    pub dimension: usize,
    /// How they are compared: `cosine`, `dot` or `l2`.
    pub metric: &'static str,
    /// How they are kept: `int8`, or `none` where the vectors are there as they were given, too.
    pub quantize: &'static str,
    /// Texts.
    pub texts: u64,
    /// Vectors.
    pub vectors: u64,
    /// Parts.
    pub parts: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Rows on each layer of the graphs, the lowest first; empty where all rows are looked at.
    pub layers: Vec<u64>,
}

/// How conversations are put into heaps.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Which records.
    pub filter: Filter,
    /// At most so many heaps.
    pub clusters: usize,
    /// So many conversations that are least like their heap.
    pub outliers: usize,
    /// Whose vectors; none: the built-in ones.
    pub model: Option<String>,
    /// Where to begin: the same seed gives the same heaps.
    pub seed: u64,
}

/// Conversations by what they are about.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClusterReport {
    /// Whose vectors.
    pub model: String,
    /// Conversations looked at.
    pub conversations: u64,
    /// Conversations none of whose texts has a vector.
    pub without_vectors: u64,
    /// Heaps, the largest first.
    pub clusters: Vec<Cluster>,
    /// Conversations that are least like their heap, the strangest first.
    pub outliers: Vec<ClusterRow>,
}

impl Report for ClusterReport {
    const KIND: &'static str = "clusters";
}

/// A heap of conversations.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cluster {
    /// How many.
    pub conversations: u64,
    /// Their cosine to the middle, on average: how alike they are.
    pub similarity: f64,
    /// Those nearest to the middle.
    pub typical: Vec<ClusterRow>,
}

/// A conversation in a heap.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterRow {
    /// Its id; its first line where records say none.
    pub conversation: String,
    /// Its title.
    pub title: Option<String>,
    /// Its first line, as `SOURCE:LINE`.
    pub first: String,
    /// Its lines.
    pub records: u64,
    /// Cosine to the middle of its heap.
    pub similarity: f64,
}
