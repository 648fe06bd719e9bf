//! Who, when, which model, how many tokens, at what cost: the canonical fields of a record (record-shapes §10.2).
//!
//! Each shape first says where its own fields stand; a table of common names then fills what is still empty. A field that
//! the record does not hold stays `None`: nothing is guessed but the provider, whose name the model usually tells.
//! Some records know only with the lines before them (Codex names its session on line 1): see [`FileState`].

mod agents;
mod common;
mod figures;
mod gateways;
mod provider;
mod providers;
mod spans;
mod state;
pub(super) mod time;
mod usage;

use super::detect::Detection;
use super::id::ShapeId;
use super::json::{Json, Object};
use super::record::Record;

pub(super) use state::scalar;
pub use state::{FileState, is_scoped};
pub use time::{Instant, Precision};

/// Ids longer than this are texts under a key named `id`.
const LONGEST_ID: usize = 256;
/// Errors, titles and tags are cut here: metadata is for columns, the text itself is a segment.
pub const LONGEST_WORD: usize = 1000;

/// The canonical fields of one record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The id of the record itself.
    pub record_id: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Further ids the record itself carries.
    pub other_ids: Vec<String>,
    /// The id of the record this one follows or belongs to.
    pub parent_id: Option<String>,
    /// The trace it is part of.
    pub trace_id: Option<String>,
    /// The session, thread or chat it is part of.
    pub conversation_id: Option<String>,
    /// Which program asked.
    pub application: Option<String>,
    /// Which agent or sub-agent acted.
    pub agent: Option<String>,
    /// For whom.
    pub end_user: Option<String>,
    /// The model that answered, verbatim; the requested one when no answer names it.
    pub model: Option<String>,
    /// The model that was asked for.
    pub model_requested: Option<String>,
    /// Who served it, lower case.
    pub provider: Option<String>,
    /// Microseconds since 1970 UTC.
    pub timestamp_us: Option<i64>,
    /// How fine the record wrote the time.
    pub timestamp_precision: Option<Precision>,
    /// The key the time came from.
    pub timestamp_source: Option<String>,
    /// The time had no zone; UTC is assumed.
    pub timestamp_assumed_utc: bool,
    /// From request to last byte.
    pub latency_ms: Option<f64>,
    /// From request to first token.
    pub ttft_ms: Option<f64>,
    /// Input tokens, cached and written ones included.
    pub tokens_in: Option<u64>,
    /// Input tokens read from a cache.
    pub tokens_in_cached: Option<u64>,
    /// Input tokens written to a cache.
    pub tokens_in_cache_write: Option<u64>,
    /// Output tokens, reasoning included.
    pub tokens_out: Option<u64>,
    /// Output tokens spent on reasoning.
    pub tokens_reasoning: Option<u64>,
    /// All tokens.
    pub tokens_total: Option<u64>,
    /// Usage of records with the same key is one usage, told several times: the last one counts.
    pub usage_key: Option<String>,
    /// The token counts cover everything so far, not this call.
    pub usage_is_cumulative: bool,
    /// Cost in US dollars.
    pub cost_usd: Option<f64>,
    /// Outcome, as the record words it.
    pub status: Option<String>,
    /// Why the model stopped.
    pub stop_reason: Option<String>,
    /// The error, when there was one.
    pub error: Option<String>,
    /// A score, on the record's own scale.
    pub quality_score: Option<f64>,
    /// The key the score came from.
    pub quality_source: Option<String>,
    /// Tags; entries of maps as `key=value`.
    pub tags: Vec<String>,
    /// Sampling parameters of the request, as written.
    pub params: Vec<(String, String)>,
    /// A title of the conversation.
    pub title: Option<String>,
    /// The directory or project worked in.
    pub project: Option<String>,
}

/// The metadata of the record `line` as `shape`; feed the records of a source in their order.
pub fn metadata(line: &[u8], shape: ShapeId, state: &mut FileState) -> Metadata {
    Record::read(line).metadata(&super::segments::of_shape(line, shape), state)
}

/// The ids the record itself carries, each once: not its parent, conversation or trace, and none it merely mentions.
pub fn carried_ids(metadata: &Metadata) -> Vec<&str> {
    let own = [&metadata.record_id, &metadata.request_id, &metadata.response_id];
    let mut ids: Vec<&str> = Vec::new();
    for id in own.into_iter().flatten().chain(&metadata.other_ids) {
        if !id.is_empty() && !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    ids
}

impl Record<'_> {
    /// The metadata of the record; `state` carries what earlier records of its source said.
    pub fn metadata(&self, detection: &Detection<'_>, state: &mut FileState) -> Metadata {
        let mut metadata = Metadata::default();
        if let Some(object) = &self.object {
            if let (Some(mapping), Some(value)) = (detection.mapping, self.value()) {
                mapping.fill(&mut metadata, value, state);
            }
            metadata.read(detection.shape, object);
        }
        state.pass(detection.shape, self.object.as_ref(), &mut metadata);
        metadata.finish(detection.shape);
        metadata
    }
}

impl Metadata {
    /// Reads an object of a known shape; fields that are already set stay.
    fn read(&mut self, shape: ShapeId, object: &Object<'_>) {
        agents::read(self, shape, object);
        gateways::read(self, shape, object);
        providers::read(self, shape, object);
        common::read(self, shape, object);
    }

    /// Fills what is empty from a part of a known shape.
    pub(super) fn delegate(&mut self, shape: ShapeId, object: &Object<'_>) {
        let mut inner = Metadata::default();
        inner.read(shape, object);
        inner.finish(shape);
        self.absorb(inner);
    }

    /// What follows from the other fields.
    fn finish(&mut self, shape: ShapeId) {
        if self.model.is_none() {
            self.model.clone_from(&self.model_requested);
        }
        if self.provider.is_none() {
            let by_model = || self.model.as_deref().and_then(provider::of_model);
            self.provider = provider::of_shape(shape).map(String::from).or_else(by_model);
        }
    }

    /// Takes over what `inner`, the metadata of an embedded request or response, knows better.
    fn absorb(&mut self, inner: Metadata) {
        // A pair's inner id is the provider's; the record's own id is the envelope's.
        let inner_id = inner.response_id.or(inner.record_id);
        let fill = |slot: &mut Option<String>, value: Option<String>| *slot = slot.take().or(value);
        fill(&mut self.response_id, inner_id);
        fill(&mut self.request_id, inner.request_id);
        fill(&mut self.parent_id, inner.parent_id);
        fill(&mut self.conversation_id, inner.conversation_id);
        fill(&mut self.end_user, inner.end_user);
        fill(&mut self.model, inner.model);
        fill(&mut self.model_requested, inner.model_requested);
        fill(&mut self.provider, inner.provider);
        fill(&mut self.stop_reason, inner.stop_reason);
        fill(&mut self.status, inner.status);
        fill(&mut self.error, inner.error);
        if self.tokens_in.is_none() && self.tokens_out.is_none() {
            self.tokens_in = inner.tokens_in;
            self.tokens_in_cached = inner.tokens_in_cached;
            self.tokens_in_cache_write = inner.tokens_in_cache_write;
            self.tokens_out = inner.tokens_out;
            self.tokens_reasoning = inner.tokens_reasoning;
            self.tokens_total = inner.tokens_total;
        }
        self.latency_ms = self.latency_ms.or(inner.latency_ms);
        self.cost_usd = self.cost_usd.or(inner.cost_usd);
        self.params.extend(inner.params);
        for tag in inner.tags {
            self.tag(tag);
        }
        if self.timestamp_us.is_none() {
            self.timestamp_us = inner.timestamp_us;
            self.timestamp_precision = inner.timestamp_precision;
            self.timestamp_source = inner.timestamp_source;
            self.timestamp_assumed_utc = inner.timestamp_assumed_utc;
        }
    }

    /// Sets the time when there is none yet.
    pub(super) fn time(&mut self, source: &str, value: Option<Json<'_>>) {
        if let Some(instant) = value.and_then(time::read) {
            self.instant(source, instant);
        }
    }

    pub(super) fn instant(&mut self, source: &str, instant: Instant) {
        if self.timestamp_us.is_none() {
            self.timestamp_us = Some(instant.us);
            self.timestamp_precision = Some(instant.precision);
            self.timestamp_source = Some(source.to_owned());
            self.timestamp_assumed_utc = instant.assumed_utc;
        }
    }

    fn usage(&mut self, usage: usage::Usage) {
        if usage.is_empty() || self.tokens_in.is_some() || self.tokens_out.is_some() {
            return;
        }
        self.tokens_in = usage.input;
        self.tokens_in_cached = usage.cached;
        self.tokens_in_cache_write = usage.cache_write;
        self.tokens_out = usage.output;
        self.tokens_reasoning = usage.reasoning;
        self.tokens_total = usage.total;
    }

    /// Latency as the difference of two times, unless it is known.
    fn span_of_time(&mut self, start: Option<Json<'_>>, end: Option<Json<'_>>) {
        if let (Some(start), Some(end), None) = (start.and_then(time::read), end.and_then(time::read), self.latency_ms)
            && end.us >= start.us
        {
            self.latency_ms = Some((end.us - start.us) as f64 / 1000.0);
        }
    }

    pub(super) fn tag(&mut self, tag: String) {
        // A record with a thousand tags is a record with a map of data; the first ones are enough to filter by.
        if !tag.is_empty() && self.tags.len() < 64 && !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
    }

    fn tag_pair(&mut self, key: &str, value: Option<Json<'_>>) {
        if let Some(value) = value.and_then(word) {
            self.tag(format!("{key}={value}"));
        }
    }

    fn other_id(&mut self, value: Option<Json<'_>>) {
        if let Some(id) = value.and_then(id) {
            self.other_ids.push(id);
        }
    }
}

/// A short scalar as text; numbers as written.
pub(super) fn word(value: Json<'_>) -> Option<String> {
    let text = match value.as_str() {
        Some(text) => text.into_owned(),
        None if value.is_null() || value.is_object() || value.is_array() => return None,
        None => String::from_utf8_lossy(value.raw()).into_owned(),
    };
    if text.is_empty() {
        return None;
    }
    let end = (0..=LONGEST_WORD.min(text.len())).rev().find(|end| text.is_char_boundary(*end))?;
    text.get(..end).map(String::from)
}

/// An id: a short string or a number, as written.
pub(super) fn id(value: Json<'_>) -> Option<String> {
    let is_id = (value.is_string() || value.as_f64().is_some()) && value.raw().len() <= LONGEST_ID;
    word(value).filter(|_| is_id)
}

/// Sets an empty slot to a word.
fn set(slot: &mut Option<String>, value: Option<Json<'_>>) {
    if slot.is_none() {
        *slot = value.and_then(word);
    }
}

/// Sets an empty slot to an id.
fn set_id(slot: &mut Option<String>, value: Option<Json<'_>>) {
    if slot.is_none() {
        *slot = value.and_then(id);
    }
}

/// The value at `path` (`a`, or `a/b/c`), when it says something.
fn find<'v>(object: &Object<'v>, path: &str) -> Option<Json<'v>> {
    let value = match path.split_once('/') {
        None => object.get(path)?,
        Some((key, _)) => object.get(key)?.pointer(path.get(key.len()..)?)?,
    };
    (!value.is_null()).then_some(value)
}

/// The first of `paths` that says something.
fn first<'v>(object: &Object<'v>, paths: &[&str]) -> Option<Json<'v>> {
    paths.iter().find_map(|path| find(object, path))
}

/// A number, also one written as a string.
fn number(value: Json<'_>) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}
