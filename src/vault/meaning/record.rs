//! What one record means.

use crate::checksum::content_hash;
use crate::shape::{Detection, Metadata, Record, SegmentType};
use crate::vault::api::Time;
use crate::vault::filter::TypeSet;
use crate::vault::latency::{Components, components};
use std::sync::Arc;

/// What commands ask about a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    /// Name of the shape.
    pub(crate) shape: Arc<str>,
    /// It is not JSON.
    pub(crate) opaque: bool,
    /// Its bytes, without the newline.
    pub(crate) bytes: u64,
    /// Conversation.
    pub(crate) conversation: Option<Box<str>>,
    /// Model.
    pub(crate) model: Option<Box<str>>,
    /// Application.
    pub(crate) application: Option<Box<str>>,
    /// Title of the conversation.
    pub(crate) title: Option<Box<str>>,
    /// The directory or project worked in.
    pub(crate) project: Option<Box<str>>,
    /// Event time.
    pub(crate) time: Option<Time>,
    /// It reports an error.
    pub(crate) error: bool,
    /// Latency.
    pub(crate) latency_ms: Option<f64>,
    /// Cost.
    pub(crate) cost_usd: Option<f64>,
    /// Token counts: in, cached, cache write, out, reasoning.
    pub(crate) tokens: [u64; 5],
    /// Which usage the tokens belong to, where several records tell one.
    pub(crate) usage: Option<u64>,
    /// Segment types, when asked for.
    pub(crate) types: TypeSet,
    /// Messages in which the user or the assistant speaks, when types are asked for.
    pub(crate) turns: u32,
    /// Where its latency went.
    pub(crate) components: Components,
    /// It is not what [`Scan::asking`] wanted.
    pub(crate) refused: bool,
    /// The whole of it, when asked for.
    pub(crate) fields: Option<Arc<Fields>>,
}

/// All canonical fields of a record, and what names it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// Its hash.
    pub(crate) hash: u128,
    /// The fields.
    pub(crate) metadata: Metadata,
}

impl Fields {
    /// The same without tokens and cost: they are told elsewhere.
    pub(crate) fn without_usage(&self) -> Fields {
        let mut metadata = self.metadata.clone();
        metadata.forget_usage();
        metadata.cost_usd = None;
        Fields { hash: self.hash, metadata }
    }
}

impl Meaning {
    /// What a record means whose metadata were read.
    pub(crate) fn of(
        bytes: &[u8],
        record: &Record<'_>,
        detection: &Detection<'_>,
        metadata: Metadata,
        types: TypeSet,
    ) -> Meaning {
        meaning(bytes, record, detection, metadata, types)
    }
}

/// The types of a record's segments, and how many messages of it are talk: calls, results and thoughts are none, nor is what
/// repeats another.
pub(super) fn types_and_turns(record: &Record<'_>, detection: &Detection<'_>) -> (TypeSet, u32) {
    let (mut types, mut turns, mut last) = (TypeSet::default(), 0, None);
    record.visit(detection, &mut |part| {
        types.insert(part.kind);
        let is_talk = matches!(part.kind, SegmentType::UserTurn | SegmentType::AssistantTurn);
        if is_talk && part.visible && last != Some(part.order) {
            turns += 1;
            last = Some(part.order);
        }
    });
    (types, turns)
}

pub(super) fn meaning(
    bytes: &[u8],
    record: &Record<'_>,
    detection: &Detection<'_>,
    metadata: Metadata,
    types: TypeSet,
) -> Meaning {
    let boxed = |text: Option<String>| text.map(String::into_boxed_str);
    let count = |count: Option<u64>| count.unwrap_or(0);
    Meaning {
        shape: shape_name(detection),
        opaque: record.values.is_empty(),
        bytes: bytes.len() as u64,
        conversation: boxed(metadata.conversation_id),
        model: boxed(metadata.model),
        application: boxed(metadata.application),
        title: boxed(metadata.title),
        project: boxed(metadata.project),
        time: metadata.timestamp_us.map(Time),
        error: metadata.error.is_some(),
        latency_ms: metadata.latency_ms,
        cost_usd: metadata.cost_usd,
        // Counts of everything so far would be counted again with every record.
        tokens: match metadata.usage_is_cumulative {
            true => [0; 5],
            false => [
                count(metadata.tokens_in),
                count(metadata.tokens_in_cached),
                count(metadata.tokens_in_cache_write),
                count(metadata.tokens_out),
                count(metadata.tokens_reasoning),
            ],
        },
        usage: metadata.usage_key.map(|key| content_hash(key.as_bytes()) as u64),
        types,
        turns: 0,
        components: components(record),
        refused: false,
        fields: None,
    }
}

thread_local! {
    /// Names seen by this thread: hundreds of thousands of records share a dozen.
    static NAMES: std::cell::RefCell<std::collections::BTreeSet<Arc<str>>> = const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

pub(super) fn shape_name(detection: &Detection<'_>) -> Arc<str> {
    let name = detection.name();
    NAMES.with_borrow_mut(|names| match names.get(name.as_str()) {
        Some(known) => Arc::clone(known),
        None => {
            let name: Arc<str> = name.into();
            names.insert(Arc::clone(&name));
            name
        }
    })
}
