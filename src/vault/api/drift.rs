//! Prompts and tools over time, and how requests went.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DiffPart, Summary, Time};

/// A part of a template that is different each time.
#[derive(Debug, Clone, Serialize)]
pub struct PromptSlot {
    /// As it stands in the template.
    pub name: String,
    /// What its values look like: `date`, `time`, `id`, `number` or `text`.
    pub kind: &'static str,
    /// Different values seen.
    pub values: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// A version of a prompt or of a tool's definition.
#[derive(Debug, Clone, Serialize)]
pub struct PromptVersion {
    /// From 1, in the order of their first use.
    pub version: usize,
    /// Hash of its text with slots.
    pub hash: String,
    /// The version it comes from: the most similar earlier one.
    pub parent: Option<usize>,
    /// Hash of the parent.
    pub parent_hash: Option<String>,
    /// Similarity to the parent, in words.
    pub similarity: Option<f64>,
    /// First use.
    pub first_seen: Option<Time>,
    /// Last use.
    pub last_seen: Option<Time>,
    /// Uses.
    pub uses: u64,
    /// Uses on each day.
    pub uses_per_day: BTreeMap<String, u64>,
    /// Its share of the uses of all versions.
    pub share: f64,
    /// Models it was sent to.
    pub models: Vec<String>,
    /// Texts without slots that are this version.
    pub texts: u64,
    /// The text with slots.
    pub text: String,
    /// What is different from the parent.
    pub diff: Vec<DiffPart>,
}

/// How requests went on one side of a change.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// Requests looked at.
    pub requests: u64,
    /// Share that reports an error.
    pub error_rate: Option<f64>,
    /// Median latency.
    pub latency_p50_ms: Option<f64>,
    /// Mean input tokens.
    pub tokens_in: Option<f64>,
    /// Mean output tokens.
    pub tokens_out: Option<f64>,
    /// Mean quality score.
    pub quality: Option<f64>,
}

/// A change of a prompt or of a tool.
#[derive(Debug, Clone, Serialize)]
pub struct DriftChange {
    /// `edit`, `rollback`, or `replaced` where the old text gave way to an unlike one.
    pub kind: &'static str,
    /// `system_prompt` or `tool`.
    pub what: &'static str,
    /// The application.
    pub app: Option<String>,
    /// The models that changed over.
    pub models: Vec<String>,
    /// The tool.
    pub tool: Option<String>,
    /// First use of what came.
    pub time: Option<Time>,
    /// Source and line of the first use.
    pub place: String,
    /// Version that was in use before.
    pub from: usize,
    /// Its hash.
    pub from_hash: String,
    /// Version that came.
    pub to: usize,
    /// Its hash.
    pub to_hash: String,
    /// Version that what came was made from; for a roll-back the version itself.
    pub parent: usize,
    /// Its hash.
    pub parent_hash: String,
    /// What is different from the version before.
    pub diff: Vec<DiffPart>,
    /// How requests went before.
    pub before: Outcome,
    /// How they went afterwards.
    pub after: Outcome,
}

/// A prompt or a tool of an application, in its versions.
#[derive(Debug, Clone, Serialize)]
pub struct Lineage {
    /// `system_prompt` or `tool`.
    pub what: &'static str,
    /// The application.
    pub app: Option<String>,
    /// The models it is sent to.
    pub models: Vec<String>,
    /// The tool.
    pub tool: Option<String>,
    /// Its beginning.
    pub preview: String,
    /// Uses.
    pub uses: u64,
    /// First use.
    pub first_seen: Option<Time>,
    /// Last use.
    pub last_seen: Option<Time>,
    /// What is different each time.
    pub slots: Vec<PromptSlot>,
    /// Versions in the order of their first use.
    pub versions: Vec<PromptVersion>,
}

/// Prompts and tools, and how they changed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DriftReport {
    /// One line for a mail.
    pub summary: String,
    /// Requests that have a prompt or tools.
    pub requests: u64,
    /// Of these, requests without a time: they count as of the place where they stand.
    pub without_time: u64,
    /// Prompts and tools.
    pub lineages: Vec<Lineage>,
    /// Changes in order of time.
    pub changes: Vec<DriftChange>,
}

/// A part of the latency.
#[derive(Debug, Clone, Serialize)]
pub struct Component {
    /// Its name in the records.
    pub name: String,
    /// Its distribution, in milliseconds.
    pub ms: Summary,
    /// Its share of all parts.
    pub share: f64,
}

/// Requests sent to a model.
#[derive(Debug, Clone, Serialize)]
pub struct Routed {
    /// The model.
    pub model: Option<String>,
    /// Requests.
    pub requests: u64,
    /// Share of all.
    pub share: f64,
    /// Share without error.
    pub success_rate: f64,
    /// Latency.
    pub latency_ms: Option<Summary>,
    /// Mean quality score.
    pub quality: Option<f64>,
}

/// How requests went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Witness {
    /// Requests: records with a model.
    pub requests: u64,
    /// Share without error.
    pub success_rate: Option<f64>,
    /// Latency.
    pub latency_ms: Option<Summary>,
    /// Time to the first token.
    pub ttft_ms: Option<Summary>,
    /// Parts of the latency, slowest first.
    pub components: Vec<Component>,
    /// The part that takes most time.
    pub slowest_component: Option<String>,
    /// Quality scores.
    pub quality: Option<Summary>,
    /// Scores in ten steps from the lowest to the highest: lower bound and count.
    pub quality_histogram: Vec<(f64, u64)>,
    /// By model, most requests first.
    pub routing: Vec<Routed>,
    /// Errors by kind, most first.
    pub errors: Vec<(String, u64)>,
}
