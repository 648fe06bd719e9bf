//! What a command asks of a vault and what it gets back: plain values, no terminal, no arguments.
//!
//! Options come parsed and checked for form; whether a name exists in the vault is the vault's business. Reports are
//! [`Report`]s: serialised in a [`Versioned`] envelope, where fields are only ever added. Sizes are bytes, counts count
//! occurrences unless the name says otherwise, times are UTC. A negative answer (a difference, an unknown id) is part of
//! a report; `Err` is for what kept the command from finishing.

mod drift;
mod embed;
mod export;
mod ingest;
mod read;
mod report;
mod search;
mod stats;
mod upkeep;
mod verify;

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

pub use drift::{Component, DriftChange, DriftReport, Lineage, Outcome, PromptSlot, PromptVersion, Routed, Witness};
pub use embed::{
    Cluster, ClusterOptions, ClusterReport, ClusterRow, ConversationSummary, EmbedModel, EmbedOptions, EmbedReport, Metric,
    ModelRow, RefusedText,
};
pub use export::{
    Decontaminate, DialogueOptions, DialogueReport, Duplicates, FrequentWords, Overlap, Overlapping, PartRow, PartitionKey, Per,
};
pub use ingest::{Explanation, Failure, IngestOptions, IngestReport, Input, Sync};
pub use read::{
    ConversationRow, ExportOptions, ExportReport, GetItem, GetOptions, LsOptions, RecordItem, SegmentItem, SourceRow, Turn,
};
pub use report::{
    ByteDimension, ByteGroup, ByteGroups, DedupOptions, DedupReport, DiffPart, Holder, HolderConversation, Layer, NearCluster,
    NearReport, Repeat, SegmentReport, Variant, WhatIf,
};
pub use search::{
    HitLine, HitSegment, HitText, Looked, SearchItem, SearchOptions, SearchOrder, SearchReport, SearchWanted, SemanticOptions,
};
pub use stats::{Dimension, Numbers, Price, StatsGroup, StatsOptions, StatsReport, StoredSizes, Summary};
pub use upkeep::{
    CompactOptions, CompactReport, DictionaryRow, GcCandidate, GcOptions, GcReport, LogEntry, PackPlan, Receipt, ReindexReport,
    RmOptions, RmReport, RmRow, Tier, TrainOptions, TrainReport, TrainedRow,
};
pub use verify::{AgainstReport, CheckOptions, CheckReport, Finding, ReadData, Severity, Subset};

/// Version of every report's form. It rises only when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// A value that leaves the program as JSON.
pub trait Report: Serialize {
    /// The value of the field `report`: what kind of object this is.
    const KIND: &'static str;
}

/// A report with its version and kind in front.
#[derive(Debug, Serialize)]
pub struct Versioned<'a, R> {
    schema_version: u32,
    report: &'static str,
    #[serde(flatten)]
    body: &'a R,
}

impl<'a, R: Report> Versioned<'a, R> {
    /// Puts a report into its envelope.
    pub fn new(body: &'a R) -> Versioned<'a, R> {
        Versioned { schema_version: SCHEMA_VERSION, report: R::KIND, body }
    }
}

/// How to open a vault.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Worker threads; none: as many as the machine has.
    pub threads: Option<usize>,
    /// Bytes of memory to aim at: bounds what an ingest reads ahead and the windows of decoders, not the tables of the open pack.
    pub memory_limit: Option<u64>,
    /// How long a writer waits for another writer. `Duration::MAX` waits for ever.
    pub lock_timeout: Duration,
    /// Nothing is written: `create_or_open` takes an absent vault for an empty one.
    pub dry_run: bool,
    /// Secrets in what is handed out are replaced, and what cannot be searched for them is withheld.
    pub redact: bool,
}

/// A point in time: microseconds since 1970-01-01T00:00:00Z. Serialised as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Logs carry nonsense such as year 292277; the number itself is then the best that can be shown.
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which records a command is about: values of one field are alternatives, fields narrow each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Sources, by any whole-component ending of the name, `@N` for a generation.
    pub sources: Vec<String>,
    /// Conversation ids.
    pub conversations: Vec<String>,
    /// Segment types: records that hold such a segment.
    pub types: Vec<String>,
    /// Model names, as the records say them.
    pub models: Vec<String>,
    /// Applications, as the records say them.
    pub apps: Vec<String>,
    /// Event time at or after.
    pub since: Option<Time>,
    /// Event time before.
    pub until: Option<Time>,
    /// Only records that report an error.
    pub errors: bool,
    /// Roles, as the records word them: records in which one of them speaks.
    pub roles: Vec<String>,
    /// Tags: records that carry one of them.
    pub tags: Vec<String>,
    /// Conversations that are left out.
    pub not_conversations: Vec<String>,
    /// Segments, by hash or unique prefix: records that hold one of them.
    pub segments: Vec<String>,
    /// A condition on fields and JSON paths, as `--where` takes it.
    pub condition: Option<String>,
}

impl Filter {
    /// True when every record passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// True when records without a time are left out (and must be counted).
    #[must_use]
    pub fn looks_at_time(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }
}

/// How the text of an id is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// `SOURCE:LINE`, a record hash or its prefix, or an id the records carry: whatever the vault finds.
    Any,
    /// `hash:…`: a record hash or a unique prefix of it.
    Hash,
    /// `id:…`: an id that records carry.
    Carried,
}

/// One id as the user gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// How to read it.
    pub reading: Reading,
    /// The id without its `hash:` or `id:`.
    pub text: String,
}

impl Id {
    /// Shortest prefix of a hash that is accepted: six digits tell a thousand records apart nearly always, and typos fail.
    pub const MIN_PREFIX: usize = 6;

    /// Splits off `hash:` and `id:`.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is empty, or when a forced hash is no hash.
    pub fn parse(given: &str) -> Result<Id> {
        let (reading, text) = match (given.strip_prefix("hash:"), given.strip_prefix("id:")) {
            (Some(hash), _) => (Reading::Hash, hash.to_ascii_lowercase()),
            (_, Some(carried)) => (Reading::Carried, carried.to_string()),
            _ => (Reading::Any, given.to_string()),
        };
        if text.is_empty() {
            return Err(Error::Usage(format!("{given:?} is not an id: nothing is left of it")));
        }
        if reading == Reading::Hash && !is_hash_prefix(&text) {
            return Err(Error::Usage(format!(
                "{given:?} is not a record hash: 6 to 32 hex digits are expected after `hash:`; `id:` looks for an id that records carry"
            )));
        }
        Ok(Id { reading, text })
    }
}

/// True for 6 to 32 hex digits.
#[must_use]
pub fn is_hash_prefix(text: &str) -> bool {
    (Id::MIN_PREFIX..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_reading_is_taken_off_the_id_once() {
        let read = |given| Id::parse(given).map(|id| (id.reading, id.text)).unwrap();
        assert_eq!(read("hash:ABCDEF12"), (Reading::Hash, "abcdef12".into()));
        assert_eq!(read("id:id:7"), (Reading::Carried, "id:7".into()));
        assert_eq!(read("req_9f"), (Reading::Any, "req_9f".into()));
        assert_eq!(read("gw.log:17"), (Reading::Any, "gw.log:17".into()));
    }

    #[test]
    fn a_forced_hash_that_cannot_be_one_is_a_usage_error() {
        for wrong in ["hash:abc", "hash:xyzxyz", "hash:", "id:", "", "hash:000000000000000000000000000000001"] {
            assert!(matches!(Id::parse(wrong), Err(Error::Usage(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_report_says_its_version_and_kind_before_its_fields() {
        let row = Failure { path: "a.gz".into(), message: "cut short".into() };
        let json = serde_json::to_string(&Versioned::new(&row)).unwrap();
        assert_eq!(json, r#"{"schema_version":1,"report":"failure","path":"a.gz","message":"cut short"}"#);
    }

    #[test]
    fn a_time_outside_the_calendar_is_still_shown() {
        assert_eq!(Time(1_790_000_000_000_000).to_string(), "2026-09-21T14:13:20Z");
        assert_eq!(Time(i64::MAX).to_string(), "9223372036854775807us");
    }
}
