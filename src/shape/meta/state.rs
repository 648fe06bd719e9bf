//! What earlier records of a source say about later ones (record-shapes §12): agents write session, model and directory on
//! the first line only. One [`FileState`] per source, fed record by record in order.

use super::{Metadata, find, id, time, word};
use crate::shape::id::ShapeId::{self, *};
use crate::shape::json::Object;

/// State of one source; a fresh one knows what the name of the source tells.
#[derive(Debug, Clone, Default)]
pub struct FileState {
    family: &'static str,
    name_id: Option<String>,
    conversation_id: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    project: Option<String>,
    forked_from: Option<String>,
    codex_total: Option<String>,
    pub(in crate::shape) mapped: Vec<(String, String)>,
}

impl FileState {
    /// A state that knows the session id in a file name, such as `rollout-2026-07-13T16-41-30-019f5c5a-….jsonl`.
    pub fn from_source_name(name: &str) -> FileState {
        FileState { name_id: last_uuid(name).map(String::from), ..FileState::default() }
    }

    /// Learns from a record and fills in what it leaves out.
    pub(super) fn pass(&mut self, shape: ShapeId, object: Option<&Object<'_>>, metadata: &mut Metadata) {
        if !is_scoped(shape) {
            return;
        }
        self.enter(family(shape));
        self.learn(shape, metadata);
        if shape == CodexRollout && object.is_some_and(|object| self.is_repeated_count(object)) {
            metadata.forget_usage();
        }
        let known = self.conversation_id.as_ref().or(self.name_id.as_ref());
        metadata.conversation_id = metadata.conversation_id.take().or_else(|| known.cloned());
        if says_model(shape) {
            metadata.model = metadata.model.take().or_else(|| self.model.clone());
            metadata.provider = metadata.provider.take().or_else(|| self.provider.clone());
        }
        metadata.project = metadata.project.take().or_else(|| self.project.clone());
        if metadata.timestamp_us.is_none() && is_codex(shape) {
            let session = metadata.conversation_id.as_deref().and_then(time::of_id);
            session.into_iter().for_each(|instant| metadata.instant("conversation_id", instant));
        }
    }

    /// Forgets what another program said, when several logs were joined in one file.
    fn enter(&mut self, family: &'static str) {
        if self.family != family {
            let known = std::mem::take(self);
            *self = FileState { family, name_id: known.name_id, mapped: known.mapped, ..FileState::default() };
        }
    }

    fn learn(&mut self, shape: ShapeId, metadata: &mut Metadata) {
        // A fork replays its parent's head: that second session is not this file's. Any other new one is (joined files).
        let is_replay = metadata.conversation_id.is_some() && metadata.conversation_id == self.forked_from;
        if shape == CodexRollout && is_replay {
            metadata.conversation_id.clone_from(&self.conversation_id);
        } else if shape == CodexRollout && metadata.conversation_id.is_some() {
            self.forked_from.clone_from(&metadata.parent_id);
        }
        let keep = |slot: &mut Option<String>, value: &Option<String>| {
            if value.is_some() {
                slot.clone_from(value);
            }
        };
        keep(&mut self.conversation_id, &metadata.conversation_id);
        if says_model(shape) {
            keep(&mut self.model, &metadata.model);
            keep(&mut self.provider, &metadata.provider);
        }
        keep(&mut self.project, &metadata.project);
    }

    /// Codex tells the count of the last call again whenever limits change; only a new total is a new call.
    fn is_repeated_count(&mut self, object: &Object<'_>) -> bool {
        let Some(total) = find(object, "payload/info/total_token_usage") else {
            return false;
        };
        let total = Some(String::from_utf8_lossy(total.raw()).into_owned());
        let is_repeated = self.codex_total == total;
        self.codex_total = total;
        is_repeated
    }

    /// Remembers a value for a user's mapping; gives the remembered one when `value` is absent.
    pub(in crate::shape) fn remember(&mut self, field: &str, value: Option<String>) -> Option<String> {
        let known = self.mapped.iter_mut().find(|(name, _)| name == field);
        match (known, value) {
            (Some((_, known)), _) => Some(known.clone()),
            (None, Some(value)) => {
                self.mapped.push((field.to_owned(), value.clone()));
                Some(value)
            }
            (None, None) => None,
        }
    }
}

impl Metadata {
    /// Takes the token counts back: they are told elsewhere.
    pub fn forget_usage(&mut self) {
        self.tokens_in = None;
        self.tokens_in_cached = None;
        self.tokens_in_cache_write = None;
        self.tokens_out = None;
        self.tokens_reasoning = None;
        self.tokens_total = None;
    }

    /// Sets a field by its canonical name; for mappings. `false` when there is no such field.
    pub(in crate::shape) fn set_field(&mut self, field: &str, value: &str) -> bool {
        let text = |slot: &mut Option<String>| *slot = Some(value.to_owned());
        let count =
            |slot: &mut Option<u64>| *slot = value.parse::<f64>().ok().filter(|n| (0.0..9e15).contains(n)).map(|n| n as u64);
        let real = |slot: &mut Option<f64>| *slot = value.parse::<f64>().ok().filter(|n| n.is_finite());
        match field {
            "record_id" => text(&mut self.record_id),
            "request_id" => text(&mut self.request_id),
            "response_id" => text(&mut self.response_id),
            "parent_id" => text(&mut self.parent_id),
            "trace_id" => text(&mut self.trace_id),
            "conversation_id" => text(&mut self.conversation_id),
            "application" => text(&mut self.application),
            "agent" => text(&mut self.agent),
            "end_user" => text(&mut self.end_user),
            "model" => text(&mut self.model),
            "model_requested" => text(&mut self.model_requested),
            "provider" => text(&mut self.provider),
            "status" => text(&mut self.status),
            "stop_reason" => text(&mut self.stop_reason),
            "error" => text(&mut self.error),
            "title" => text(&mut self.title),
            "project" => text(&mut self.project),
            "latency_ms" => real(&mut self.latency_ms),
            "ttft_ms" => real(&mut self.ttft_ms),
            "cost_usd" => real(&mut self.cost_usd),
            "quality_score" => real(&mut self.quality_score),
            "tokens_in" => count(&mut self.tokens_in),
            "tokens_in_cached" => count(&mut self.tokens_in_cached),
            "tokens_in_cache_write" => count(&mut self.tokens_in_cache_write),
            "tokens_out" => count(&mut self.tokens_out),
            "tokens_reasoning" => count(&mut self.tokens_reasoning),
            "tokens_total" => count(&mut self.tokens_total),
            "tags" => self.tag(value.to_owned()),
            "timestamp" => time::text(value).into_iter().for_each(|instant| self.instant("mapping", instant)),
            _ => return false,
        }
        true
    }
}

/// The program a shape belongs to; early Codex rollouts are bare items after a head.
fn family(shape: ShapeId) -> &'static str {
    match shape {
        OpenaiResponsesItem => "codex",
        _ => shape.name().split('.').next().unwrap_or_default(),
    }
}

fn is_codex(shape: ShapeId) -> bool {
    matches!(shape, CodexRollout | CodexLegacyMeta)
}

/// Shapes whose records lean on the lines before them: their metadata needs the records of a source in order, that of all
/// others a record alone. Early Codex rollouts are bare items after a head.
pub fn is_scoped(shape: ShapeId) -> bool {
    is_codex(shape)
        || matches!(
            shape,
            GeminiCliSession
                | PiSession
                | CopilotCliEvent
                | CodexExec
                | OpenaiResponsesItem
                | OpenhandsV0
                | OpenhandsV1
                | ClineUi
        )
}

/// Shapes where the model named once holds for the lines after it.
fn says_model(shape: ShapeId) -> bool {
    is_codex(shape) || matches!(shape, PiSession | CopilotCliEvent)
}

/// The last UUID in a name.
fn last_uuid(name: &str) -> Option<&str> {
    const LENGTH: usize = 36;
    let last = name.len().checked_sub(LENGTH)?;
    (0..=last).rev().find_map(|start| name.get(start..start + LENGTH).filter(|text| is_uuid(text)))
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// A value of a record as a mapping uses it: any scalar, as text.
pub(in crate::shape) fn scalar(value: crate::shape::json::Json<'_>) -> Option<String> {
    id(value).or_else(|| word(value))
}
