//! `dedup-report`: where the bytes go and what repeats.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DriftReport, Filter, Report, Time, Witness};

/// By what stored bytes are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByteDimension {
    /// Type of the segment that the bytes are for.
    Type,
    /// Tool that the segment belongs to.
    Tool,
    /// Model of the record that the bytes are charged to.
    Model,
    /// Its application.
    App,
    /// Its first source.
    Source,
    /// Day of its event, in the chosen time zone.
    Day,
}

/// What to report.
#[derive(Debug, Clone, Default)]
pub struct DedupOptions {
    /// Which records.
    pub filter: Filter,
    /// Tell stored bytes apart by this.
    pub by: Option<ByteDimension>,
    /// List so many of the segments that repeat most.
    pub top: Option<usize>,
    /// List only segments that are referred to so often.
    pub min_refs: u64,
    /// Tell who holds this segment: its hash or the beginning of it.
    pub segment: Option<String>,
    /// What would go if records before this time were removed.
    pub keep_since: Option<Time>,
    /// Find segments at least so similar.
    pub near: Option<f64>,
    /// List prompts and tools in their versions.
    pub prompts: bool,
    /// Find changes of prompts and tools.
    pub drift: bool,
    /// Tell how requests went.
    pub witness: bool,
    /// IANA name of the zone that days are cut in; none: UTC.
    pub time_zone: Option<String>,
}

/// A step from the bytes taken in to the bytes on disk.
#[derive(Debug, Clone, Serialize)]
pub struct Layer {
    /// What took bytes away or added them.
    pub layer: &'static str,
    /// Bytes added; taken away where negative.
    pub bytes: i64,
    /// Bytes that are left.
    pub remaining: u64,
    /// What the layer is, for people.
    pub about: &'static str,
}

/// Stored bytes of one type, model, application, source, day or tool.
#[derive(Debug, Clone, Serialize)]
pub struct ByteGroup {
    /// The value; none where it is not told.
    pub key: Option<String>,
    /// Occurrences of records; of segments where bytes are told apart by type or tool.
    pub occurrences: u64,
    /// Distinct ones.
    pub distinct: u64,
    /// Bytes of all occurrences, strings decoded.
    pub content_bytes: u64,
    /// Bytes on disk charged to them.
    pub stored_bytes: u64,
}

/// Stored bytes told apart.
#[derive(Debug, Clone, Serialize)]
pub struct ByteGroups {
    /// By what.
    pub by: ByteDimension,
    /// The groups, largest first; days in order.
    pub groups: Vec<ByteGroup>,
    /// Bytes of records that the filter leaves out.
    pub left_out_bytes: u64,
    /// Bytes that no live record needs.
    pub unneeded_bytes: u64,
    /// Bytes that belong to all: indexes, directories, journals, dictionaries.
    pub shared_bytes: u64,
}

/// A segment that repeats.
#[derive(Debug, Clone, Serialize)]
pub struct Repeat {
    /// Its hash.
    pub hash: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How often the lines of the vault say it.
    pub references: u64,
    /// How many distinct records hold it.
    pub records: u64,
    /// Bytes of its text.
    pub bytes: u64,
    /// Bytes that its repetitions had when they came.
    pub wasted_bytes: u64,
    /// Earliest event with it.
    pub first_seen: Option<Time>,
    /// Latest event with it.
    pub last_seen: Option<Time>,
    /// Its beginning.
    pub preview: String,
}

/// A place that holds a segment.
#[derive(Debug, Clone, Serialize)]
pub struct Holder {
    /// Source and line.
    pub place: String,
    /// Hash of the record.
    pub record: String,
    /// Conversation.
    pub conversation: Option<String>,
    /// The record names no conversation: it was inferred from how its messages begin.
    pub inferred: bool,
    /// Time of the event.
    pub time: Option<Time>,
    /// Model.
    pub model: Option<String>,
    /// Application.
    pub app: Option<String>,
}

/// A conversation that holds a segment.
#[derive(Debug, Clone, Serialize)]
pub struct HolderConversation {
    /// Its id.
    pub id: String,
    /// It was inferred.
    pub inferred: bool,
    /// Lines of it that hold the segment.
    pub occurrences: u64,
}

/// Who holds a segment.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentReport {
    /// Its hash.
    pub hash: String,
    /// Types it occurs as.
    pub types: Vec<String>,
    /// Bytes of its text.
    pub bytes: u64,
    /// Its beginning.
    pub preview: String,
    /// The conversations, most lines first.
    pub conversations: Vec<HolderConversation>,
    /// Every line.
    pub holders: Vec<Holder>,
}

/// What removing old records would bring.
#[derive(Debug, Clone, Serialize)]
pub struct WhatIf {
    /// Events before this time would go; records without a time stay.
    pub keep_since: Time,
    /// Distinct records that would go.
    pub records: u64,
    /// Their occurrences.
    pub occurrences: u64,
    /// Stored bytes that nothing else needs.
    pub freed_bytes: u64,
    /// Stored bytes that would stay.
    pub kept_bytes: u64,
}

/// A segment similar to the canonical one of its cluster.
#[derive(Debug, Clone, Serialize)]
pub struct Variant {
    /// Its hash.
    pub hash: String,
    /// Jaccard similarity of five-word shingles to the canonical one, exact.
    pub similarity: f64,
    /// How often the lines of the vault say it.
    pub references: u64,
    /// Bytes of its text.
    pub bytes: u64,
    /// What is different, in words.
    pub diff: Vec<DiffPart>,
}

/// A run of words that two texts share or that one of them has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffPart {
    /// `equal`, `delete` or `insert`; long equal runs are cut in the middle.
    pub op: &'static str,
    /// The words.
    pub text: String,
}

/// Segments that are nearly the same.
#[derive(Debug, Clone, Serialize)]
pub struct NearCluster {
    /// Hash of the one that is said most often.
    pub canonical: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How often it is said.
    pub references: u64,
    /// Bytes of its text.
    pub bytes: u64,
    /// Its beginning.
    pub preview: String,
    /// The others, most similar first.
    pub variants: Vec<Variant>,
    /// Variants beyond those listed.
    pub more_variants: u64,
}

/// Near duplicates.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NearReport {
    /// Similarity from which segments count as near.
    pub threshold: f64,
    /// Bins of the signature in one band.
    pub rows: usize,
    /// Bands.
    pub bands: usize,
    /// Probability that a pair exactly at the threshold is found.
    pub recall: f64,
    /// Segments compared: those of enough words.
    pub segments: u64,
    /// Segments too short to be compared.
    pub too_short: u64,
    /// Pairs whose similarity was computed exactly.
    pub compared: u64,
    /// Segments in clusters.
    pub clustered: u64,
    /// The clusters, those with most text first.
    pub clusters: Vec<NearCluster>,
    /// Clusters beyond those listed.
    pub more_clusters: u64,
}

/// What `dedup-report` found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DedupReport {
    /// Bytes taken in, decompressed.
    pub bytes_in: u64,
    /// Lengths of all files of the vault.
    pub vault_bytes: u64,
    /// What `du -b` says: with the directories.
    pub du_bytes: u64,
    /// What `du` says: whole blocks of the file system.
    pub du_allocated_bytes: u64,
    /// From bytes in to `du_bytes`; each step adds its bytes to what remained before.
    pub waterfall: Vec<Layer>,
    /// The vault's files by what they are for; adds up to `du_bytes`.
    pub files: BTreeMap<&'static str, u64>,
    /// Stored bytes told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<ByteGroups>,
    /// Segments that repeat most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<Vec<Repeat>>,
    /// Who holds a segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentReport>,
    /// What removing old records would bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
    /// Near duplicates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near: Option<NearReport>,
    /// Prompts and tools, and how they changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftReport>,
    /// How requests went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// Records outside a time filter because they have no time.
    pub without_time: u64,
}

impl Report for DedupReport {
    const KIND: &'static str = "dedup";
}
