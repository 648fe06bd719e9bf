//! `stats`: counts, tokens, errors, latency and cost, by what the user groups by.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::text::tokens::Tokenizer;

use super::{Filter, ModelRow, Report, Time, Witness};

/// What to group by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// Model name.
    Model,
    /// Application.
    App,
    /// Day of the event, in the chosen time zone.
    Day,
    /// Conversation.
    Conversation,
    /// Source.
    Source,
    /// Detected shape.
    Shape,
    /// Segment type; a record counts in each type it holds.
    Type,
}

/// What to count.
#[derive(Debug, Clone, Default)]
pub struct StatsOptions {
    /// Which records.
    pub filter: Filter,
    /// Groups, outermost first; none: one total.
    pub by: Vec<Dimension>,
    /// At most so many groups, largest first; the rest is summed up.
    pub top: Option<usize>,
    /// Count each record once, however often it occurs.
    pub distinct: bool,
    /// Count over all records even though nothing else asks for it: what [`StatsReport::total`] needs.
    pub totals: bool,
    /// Tell how requests went: parts of the latency, quality, routing, errors by kind.
    pub witness: bool,
    /// IANA name of the zone that days are cut in; none: UTC.
    pub time_zone: Option<String>,
    /// What tokens cost where records do not say.
    pub prices: Vec<Price>,
    /// Counts the texts of records that tell no usage.
    pub tokenizer: Option<Tokenizer>,
}

/// What tokens of a model cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Price {
    /// Name of the model; with `*` at its end all that begin so.
    pub model: String,
    /// US dollars for a million input tokens.
    pub input: f64,
    /// The same for output.
    pub output: f64,
    /// For input read from a cache; none: as other input.
    pub cached: Option<f64>,
    /// For input written to a cache; none: as other input.
    pub cache_write: Option<f64>,
}

/// The vault on disk, independent of any filter.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StoredSizes {
    /// Sources, every generation.
    pub sources: u64,
    /// Occurrences.
    pub occurrences: u64,
    /// Distinct records.
    pub records: u64,
    /// Distinct nodes.
    pub nodes: u64,
    /// Distinct segments.
    pub segments: u64,
    /// Tombstones not yet collected.
    pub removed: u64,
    /// Decompressed bytes of all sources.
    pub bytes_in: u64,
    /// Bytes of all files of the vault.
    pub vault_bytes: u64,
    /// The same by kind of file: packs, catalog, parts, other.
    pub files: BTreeMap<String, u64>,
    /// Vectors, by model.
    pub vectors: Vec<ModelRow>,
    /// Number of packs.
    pub packs: u64,
}

/// Distribution of a number over the records that have it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Records that have it.
    pub count: u64,
    /// Sum.
    pub sum: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// The numbers of one group of records.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Numbers {
    /// Records counted: occurrences, or distinct records when asked so.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that are not JSON.
    pub opaque: u64,
    /// Conversations.
    pub conversations: u64,
    /// Records that report an error.
    pub errors: u64,
    /// Input tokens; usage repeated over the records of one response is counted once.
    pub tokens_in: u64,
    /// Of these, read from a cache.
    pub tokens_in_cached: u64,
    /// Input tokens written to a cache.
    pub tokens_in_cache_write: u64,
    /// Output tokens.
    pub tokens_out: u64,
    /// Of these, reasoning.
    pub tokens_reasoning: u64,
    /// Of the input tokens, counted by their texts because nothing tells a usage.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens_in_counted: u64,
    /// Of the output tokens, the same.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens_out_counted: u64,
    /// Cost in US dollars, as the records say, else by the prices given.
    pub cost_usd: f64,
    /// Of this, what was told by prices.
    pub cost_usd_by_prices: f64,
    /// Share of the records that report no error; none without records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// Latency in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Summary>,
    /// The part of the latency that takes most time, where records break it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest_component: Option<String>,
    /// Earliest event.
    pub first: Option<Time>,
    /// Latest event.
    pub last: Option<Time>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One group.
#[derive(Debug, Clone, Serialize)]
pub struct StatsGroup {
    /// Its values, one for each dimension asked for; none where the records do not say.
    pub key: Vec<Option<String>>,
    /// Its numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// What `stats` found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StatsReport {
    /// The vault as a whole.
    pub stored: StoredSizes,
    /// All records that pass the filter; nothing when no question needed the records to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Numbers>,
    /// What was grouped by.
    pub by: Vec<Dimension>,
    /// The groups, largest first (days in order).
    pub groups: Vec<StatsGroup>,
    /// How requests went, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// Groups not listed because of `top`.
    pub groups_left_out: u64,
    /// Records outside a time filter because they have no time.
    pub without_time: u64,
}

impl Report for StatsReport {
    const KIND: &'static str = "stats";
}
