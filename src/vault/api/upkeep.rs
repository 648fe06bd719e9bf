//! `rm`, `log`, `gc`, `compact`, `reindex`: what changes the vault, told as a plan or as a deed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{Filter, Id, Report, Time};

/// What to remove, or to bring back.
#[derive(Debug, Clone, Default)]
pub struct RmOptions {
    /// Records by id: every occurrence of a hash, one line for `SOURCE:LINE`.
    pub ids: Vec<Id>,
    /// Records by filter; not looked at when empty. With ids as well, both must hold.
    pub filter: Filter,
    /// List what would go, write nothing.
    pub dry_run: bool,
    /// Kept in the log.
    pub reason: Option<String>,
    /// Take tombstones away instead of setting them.
    pub undo: bool,
    /// Rewrite every file that holds a victim, now, and give a receipt.
    pub purge: bool,
}

/// One record that goes (or went, or came back).
#[derive(Debug, Clone, Serialize)]
pub struct RmRow {
    /// Its hash, 32 hex digits.
    pub hash: String,
    /// Where it is: `SOURCE:LINE`, the first few.
    pub places: Vec<String>,
    /// How many places in all.
    pub occurrences: u64,
}

/// Proof of a purge.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// When it was done.
    pub time: Time,
    /// Generation of the vault afterwards.
    pub generation: u64,
    /// Records purged.
    pub records: u64,
    /// Files rewritten, relative to the vault.
    pub rewritten: Vec<String>,
    /// Files deleted, relative to the vault.
    pub deleted: Vec<String>,
    /// BLAKE3 over the hashes of the purged records, sorted, hex: can be compared, tells nothing.
    pub digest: String,
}

/// What a removal did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RmReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// This was an undo.
    pub undo: bool,
    /// Records concerned.
    pub records: u64,
    /// Their occurrences.
    pub occurrences: u64,
    /// The first of them (all in a dry run).
    pub rows: Vec<RmRow>,
    /// Ids that nothing has.
    pub missing: Vec<String>,
    /// Records outside a time filter because they have no time.
    pub without_time: u64,
    /// Set after a purge.
    pub receipt: Option<Receipt>,
}

impl Report for RmReport {
    const KIND: &'static str = "rm";
}

/// One change of the vault.
#[derive(Debug, Clone, Serialize)]
pub struct LogEntry {
    /// When it was committed.
    pub time: Time,
    /// Generation of the vault it made.
    pub generation: u64,
    /// `ingest`, `rm`, `undo`, `purge`, `gc`, `compact` or `reindex`.
    pub command: String,
    /// Its counts by name.
    pub counts: BTreeMap<String, u64>,
    /// The reason given.
    pub reason: Option<String>,
}

impl Report for LogEntry {
    const KIND: &'static str = "log";
}

/// How to collect garbage.
#[derive(Debug, Clone, Default)]
pub struct GcOptions {
    /// List candidates, write nothing.
    pub dry_run: bool,
    /// Tombstones younger than this stay, so that `rm --undo` still works.
    pub grace: Duration,
}

/// A pack with something to drop.
#[derive(Debug, Clone, Serialize)]
pub struct GcCandidate {
    /// The pack's file.
    pub pack: String,
    /// Records to drop.
    pub records: u64,
    /// Stored bytes no live record needs; an estimate before the pack is rewritten.
    pub bytes: u64,
    /// What is done with it: `keep`, `rewrite` or `drop`.
    pub action: String,
}

/// What a collection did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GcReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// Records dropped.
    pub records: u64,
    /// Segments dropped.
    pub segments: u64,
    /// Tombstones that are still in their grace period.
    pub in_grace: u64,
    /// Size of all files of the vault, before.
    pub vault_bytes_before: u64,
    /// Size of all files of the vault, after (in a dry run: expected).
    pub vault_bytes_after: u64,
    /// Packs with something to drop.
    pub candidates: Vec<GcCandidate>,
    /// False when a signal ended it early, after a clean commit.
    pub complete: bool,
}

impl Report for GcReport {
    const KIND: &'static str = "gc";
}

/// How to compact.
#[derive(Debug, Clone, Default)]
pub struct CompactOptions {
    /// Show the plan, write nothing.
    pub dry_run: bool,
    /// Stop at the end of the pack in work once this long has passed.
    pub max_runtime: Option<Duration>,
    /// zstd's level, 1 to 22; none: 19. Packs that were compacted at a lower one are rewritten.
    pub level: Option<u8>,
    /// What the packs are for; none: read, but packs in the cold tier stay there.
    pub tier: Option<Tier>,
}

/// What a pack is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// To be read: a record is a few milliseconds away.
    Hot,
    /// To be kept: smaller, and a record costs the decoding of a large block.
    Cold,
}

/// What is planned or done with one pack.
#[derive(Debug, Clone, Serialize)]
pub struct PackPlan {
    /// The pack's file.
    pub pack: String,
    /// `keep` or `rewrite`.
    pub action: String,
    /// Why.
    pub reason: String,
    /// Its size before.
    pub bytes_before: u64,
    /// Its size after; none when it is not known yet.
    pub bytes_after: Option<u64>,
}

/// What a compaction did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CompactReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// False when the time or a signal ended it early; running it again goes on.
    pub complete: bool,
    /// Packs rewritten.
    pub packs_rewritten: u64,
    /// Packs left alone.
    pub packs_kept: u64,
    /// Size of all files of the vault, before.
    pub vault_bytes_before: u64,
    /// Size of all files of the vault, after.
    pub vault_bytes_after: u64,
    /// Every pack that was looked at.
    pub packs: Vec<PackPlan>,
    /// Wall-clock milliseconds.
    pub elapsed_ms: u64,
}

impl Report for CompactReport {
    const KIND: &'static str = "compact";
}

/// What a rebuild of everything derived did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ReindexReport {
    /// Packs read.
    pub packs: u64,
    /// Records found.
    pub records: u64,
    /// Sources found.
    pub sources: u64,
    /// The commit point itself had to be reconstructed from the packs.
    pub head_rebuilt: bool,
    /// What could not be recovered, in words.
    pub lost: Vec<String>,
    /// Wall-clock milliseconds.
    pub elapsed_ms: u64,
}

impl Report for ReindexReport {
    const KIND: &'static str = "reindex";
}

/// What to do about dictionaries.
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// Only list them.
    pub list: bool,
    /// Newest small blocks and groups to train on; none: as many as help.
    pub samples: Option<u64>,
    /// Bytes of a dictionary; none: a share of the samples.
    pub size: Option<u64>,
    /// Keep new ones without using them.
    pub no_activate: bool,
    /// Use these, by id.
    pub activate: Vec<String>,
    /// Use these no more; blocks that need them keep them.
    pub retire: Vec<String>,
}

/// A dictionary or vocabulary of a pack.
#[derive(Debug, Clone, Serialize)]
pub struct DictionaryRow {
    /// `PACK:NUMBER`.
    pub id: String,
    /// `text`, `groups` or `vocabulary`.
    pub kind: String,
    /// Its size.
    pub bytes: u64,
    /// Its size as stored.
    pub stored_bytes: u64,
    /// New small blocks use it.
    pub active: bool,
}

/// What training came to.
#[derive(Debug, Clone, Serialize)]
pub struct TrainedRow {
    /// `text` or `groups`.
    pub kind: String,
    /// Blocks or groups it was trained on.
    pub samples: u64,
    /// Others, held out: their bytes without a dictionary.
    pub held_out_bytes_without: u64,
    /// And with it.
    pub held_out_bytes_with: u64,
    /// Its id; none when it does not pay and was not kept.
    pub id: Option<String>,
}

/// What `train-dict` did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TrainReport {
    /// Trained now.
    pub trained: Vec<TrainedRow>,
    /// All there are.
    pub dictionaries: Vec<DictionaryRow>,
}

impl Report for TrainReport {
    const KIND: &'static str = "train-dict";
}
