//! One record's skeleton as facts: what it means, and the prompt, the tools and the kinds of segments in it.

use std::sync::atomic::{AtomicU8, Ordering};

use rustc_hash::FxHashSet;

use super::Piece;
use crate::checksum::checksum;
use crate::error::Result;
use crate::redact::redact_cut;
use crate::shape::{Detection, FileState, LONGEST_WORD, Metadata, Record, SegmentType, Visited, is_scoped};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::{Sieve, TypeSet, Verdict};
use crate::vault::latency::Components;
use crate::vault::meaning::{Meaning, Scan};
use crate::vault::report::bones::Heads;

/// What is read of one record, before names have numbers.
pub(super) struct Read {
    pub(super) number: u64,
    pub(super) meaning: Meaning,
    pub(super) metadata: Figures,
    pub(super) prompt: u64,
    pub(super) tools: Vec<u64>,
    pub(super) components: Components,
    pub(super) verdict: Verdict,
    pub(super) scoped: bool,
}

#[derive(Default)]
pub(super) struct Figures {
    pub(super) ttft_ms: Option<f64>,
    pub(super) quality: Option<f64>,
    pub(super) error: Option<String>,
}

/// What a job brings.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Read>,
    /// Prompts and definitions by hash, each once.
    pub(super) pieces: Vec<(u64, Piece)>,
    pub(super) tools: Vec<(usize, u32, String)>,
}

/// Reads skeletons.
pub(super) struct Reader<'r> {
    pub(super) scan: &'r Scan<'r>,
    pub(super) sieve: &'r Sieve<'r>,
    pub(super) heads: &'r [Heads],
    pub(super) always_scoped: bool,
    pub(super) redact: bool,
    pub(super) of_parts: bool,
}

impl Reader<'_> {
    /// Appends the skeleton of a record; gives its pack, nothing when it is gone.
    pub(super) fn skeleton(&self, fetcher: &mut Fetcher<'_>, number: u64, out: &mut Vec<u8>) -> Result<Option<usize>> {
        let Some((pack, group, position)) = fetcher.locate(number) else { return Ok(None) };
        let view = fetcher.view(pack)?;
        let read = self.heads[pack].record(view, number, out, (group, position));
        read.map_err(|corrupt| view.pack().damaged(corrupt))?;
        Ok(Some(pack))
    }

    /// What was read of a skeleton, without marks.
    pub(super) fn clean(&self, pack: usize, mut metadata: Metadata) -> Metadata {
        for text in [
            &mut metadata.conversation_id,
            &mut metadata.application,
            &mut metadata.model,
            &mut metadata.title,
            &mut metadata.error,
            &mut metadata.status,
        ] {
            *text = text.take().map(|text| self.heads[pack].unmarked(text));
        }
        metadata
    }

    /// An error as it may be shown: kinds of errors are made of what it says.
    fn shown(&self, error: Option<String>) -> Option<String> {
        let hide = |text: String| redact_cut(&text, LONGEST_WORD).unwrap_or_else(|_| "withheld".into());
        if self.redact { error.map(hide) } else { error }
    }

    pub(super) fn understood(
        &self,
        number: u64,
        bytes: &[u8],
        record: &Record<'_>,
        detection: &Detection<'_>,
        mut metadata: Metadata,
        types: TypeSet,
    ) -> Read {
        let figures =
            Figures { ttft_ms: metadata.ttft_ms, quality: metadata.quality_score, error: self.shown(metadata.error.clone()) };
        metadata.title = None;
        let meaning = Meaning::of(bytes, record, detection, metadata, types);
        let scoped = is_scoped(detection.shape) || self.always_scoped;
        let verdict = self.sieve.judge(&meaning);
        let components = meaning.components.clone();
        Read { number, meaning, metadata: figures, prompt: 0, tools: Vec::new(), components, verdict, scoped }
    }

    pub(super) fn batch(&self, fetcher: &mut Fetcher<'_>, numbers: &[u64], types: &[Vec<AtomicU8>]) -> Result<Batch> {
        let mut batch = Batch::default();
        let mut sent = FxHashSet::default();
        let mut with_tool = FxHashSet::default();
        let mut bytes = Vec::new();
        for &number in numbers {
            bytes.clear();
            let Some(pack) = self.skeleton(fetcher, number, &mut bytes)? else { continue };
            let heads = &self.heads[pack];
            let record = Record::read(&bytes);
            let detection = self.scan.detect(&record, None);
            let metadata = self.clean(pack, record.metadata(&detection, &mut FileState::default()));
            let mut kinds = TypeSet::default();
            let mut sent_with = SentWith::default();
            let mut calls: Vec<(String, String)> = Vec::new();
            let mut tell = |part: &Visited<'_>| {
                kinds.insert(part.kind);
                let kind = part.kind as u8;
                let tool = tool_of(part, &mut calls);
                heads.marked(part.value.raw(), &mut |segment| {
                    if let Some(known) = types[pack].get(segment as usize)
                        && known.load(Ordering::Relaxed) > kind
                    {
                        known.fetch_min(kind, Ordering::Relaxed);
                    }
                    if let Some(tool) = &tool
                        && with_tool.insert((pack, segment))
                    {
                        batch.tools.push((pack, segment, tool.clone()));
                    }
                });
                sent_with.part(part, heads);
            };
            if self.of_parts {
                record.visit(&detection, &mut tell);
            }
            let mut read = self.understood(number, &bytes, &record, &detection, metadata, kinds);
            let mut keep = |text: String, is_tool: bool| {
                let hash = checksum(format!("{pack}\0{is_tool}\0{text}").as_bytes());
                if sent.insert(hash) {
                    batch.pieces.push((hash, Piece { pack, text, is_tool }));
                }
                hash
            };
            if !sent_with.prompt.is_empty() {
                read.prompt = keep(sent_with.prompt, false);
            }
            read.tools = sent_with.tools.into_iter().map(|text| keep(text, true)).collect();
            batch.records.push(read);
        }
        Ok(batch)
    }
}

/// The system prompt and the tools that a request was sent with.
#[derive(Default)]
struct SentWith {
    prompt: String,
    tools: Vec<String>,
    spoken: bool,
}

impl SentWith {
    fn part(&mut self, part: &Visited<'_>, heads: &Heads) {
        match part.kind {
            // What is said to the model in the middle of a conversation is part of that conversation.
            SegmentType::SystemPrompt if part.visible && !self.spoken => {
                let text = part.value.as_str().unwrap_or_default();
                let text = part.within.clone().map_or(&*text, |within| text.get(within).unwrap_or_default());
                if !self.prompt.is_empty() {
                    self.prompt.push_str("\n\n");
                }
                self.prompt.push_str(text);
            }
            SegmentType::ToolDefinitions if part.visible => {
                // One that an earlier record brought is known by its node.
                self.tools.push(match heads.node_in(part.value.raw()) {
                    Some(node) => heads.node_mark(node),
                    None => String::from_utf8_lossy(part.value.raw()).into_owned(),
                });
            }
            SegmentType::UserTurn | SegmentType::AssistantTurn | SegmentType::ToolResult if part.visible => self.spoken = true,
            _ => {}
        }
    }
}

/// The name inside a definition.
fn name_of(part: &Visited<'_>) -> Option<String> {
    let value = part.value;
    let inner = || value.get("function").or_else(|| value.get("toolSpec")).or_else(|| value.get("json_schema"));
    let name = value.get("name").or_else(|| inner()?.get("name"))?;
    name.as_str().map(|name| name.into_owned())
}

/// The tool a part belongs to: named, or that of the call it answers.
fn tool_of(part: &Visited<'_>, calls: &mut Vec<(String, String)>) -> Option<String> {
    match part.kind {
        SegmentType::ToolCall | SegmentType::ToolDefinitions => {
            let name = part.name.map(String::from).or_else(|| name_of(part))?;
            if let Some(id) = part.call_id {
                calls.push((id.to_string(), name.clone()));
            }
            Some(name)
        }
        SegmentType::ToolResult => part.name.map(String::from).or_else(|| {
            let id = part.call_id?;
            calls.iter().rev().find(|(call, _)| call == id).map(|(_, name)| name.clone())
        }),
        _ => None,
    }
}
