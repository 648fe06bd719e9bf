//! Which records make one dialogue.
//!
//! An agent writes a record for each event: a session is all of them. A program that asks a model resends what was said before:
//! of such requests the longest of each chain is the dialogue. A record of a data set is one by itself.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dialogue::Builder;
use crate::error::Result;
use crate::shape::{Record, ShapeId};
use crate::vault::ahead::in_order;
use crate::vault::api::{DialogueOptions, Per, Time};
use crate::vault::filter::{Sieve, Verdict};
use crate::vault::meaning::{Line, Meaning, Scan, jobs};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::Source;

/// What a dialogue is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Events, one after the other.
    Session,
    /// Requests, of which some are the beginning of others.
    Chain,
    /// A record.
    Single,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) source: u32,
    pub(super) line: u64,
    pub(super) number: u64,
}

/// What the records of a session say about it.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) model: Option<String>,
    pub(super) title: Option<String>,
    pub(super) time: Option<Time>,
}

/// Records that belong together.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) kind: Kind,
    pub(super) id: Option<Box<str>>,
    pub(super) about: Option<Box<About>>,
    pub(super) spots: Vec<Spot>,
    wanted: bool,
}

/// All units, in the order of their first records.
pub(super) struct Plan {
    pub(super) units: Vec<Unit>,
    pub(super) without_time: u64,
}

/// What units are known by.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Session(Box<str>),
    SessionOfSource(u32),
    Chain(Box<str>),
}

/// Sorts the records of the sources into units.
pub(super) fn plan(
    snapshot: &Snapshot,
    sources: &[&Source],
    sieve: &Sieve<'_>,
    options: &DialogueOptions,
    threads: usize,
) -> Result<Plan> {
    let scan = Scan::for_filter(snapshot, threads, false, sieve)?;
    let mut planner = Planner { per: options.per, units: Vec::new(), known: FxHashMap::default(), loose: Vec::new() };
    let mut without_time = 0;
    let mut judged = |meaning: &Meaning| {
        let verdict = sieve.judge(meaning);
        without_time += u64::from(verdict == Verdict::WithoutTime);
        verdict == Verdict::In
    };
    if sieve.segments().is_empty() {
        scan.lines(sources, |line| {
            let passes = judged(line.meaning);
            planner.take(&line, passes);
            Ok(())
        })?;
    } else {
        // Records without the segment are passed over unread: sessions are completed by a second look.
        let mut passing = FxHashSet::default();
        scan.lines(sources, |line| {
            if judged(line.meaning) {
                passing.insert((line.source.state.id, line.line));
            }
            Ok(())
        })?;
        Scan::new(snapshot, threads, false)?.lines(sources, |line| {
            planner.take(&line, passing.contains(&(line.source.state.id, line.line)));
            Ok(())
        })?;
    }
    let units = planner.finish(snapshot, &scan, sources, threads)?;
    Ok(Plan { units, without_time })
}

struct Planner {
    per: Per,
    units: Vec<Unit>,
    known: FxHashMap<Key, usize>,
    /// Places of units of one request each that name no conversation.
    loose: Vec<usize>,
}

impl Planner {
    fn take(&mut self, line: &Line<'_>, passes: bool) {
        let shape = shape_of(&line.meaning.shape);
        let whole_session = self.per == Per::Conversation && shape.is_some_and(is_event);
        if !passes && !whole_session {
            return;
        }
        let spot = Spot { source: line.source.state.id, line: line.line, number: line.number };
        let id = line.meaning.conversation.clone();
        let (kind, key) = match (&id, self.per) {
            (_, Per::Record) => (Kind::Single, None),
            (Some(id), _) if whole_session => (Kind::Session, Some(Key::Session(id.clone()))),
            (None, _) if whole_session => (Kind::Session, Some(Key::SessionOfSource(spot.source))),
            (Some(id), _) => (Kind::Chain, Some(Key::Chain(id.clone()))),
            (None, _) => (Kind::Single, None),
        };
        let next = self.units.len();
        let at = key.map_or(next, |key| *self.known.entry(key).or_insert(next));
        if at == next {
            if kind == Kind::Single && self.per == Per::Conversation && shape.is_some_and(resends) {
                self.loose.push(at);
            }
            let about = (kind == Kind::Session).then(Box::default);
            self.units.push(Unit { kind, id, about, spots: Vec::new(), wanted: false });
        }
        if let Some(unit) = self.units.get_mut(at) {
            unit.wanted |= passes;
            unit.spots.push(spot);
            if let Some(about) = &mut unit.about {
                about.learn(line.meaning);
            }
        }
    }

    /// Requests that name no conversation are one chain where they begin with the same words in the same source.
    fn finish(mut self, snapshot: &Snapshot, scan: &Scan<'_>, sources: &[&Source], threads: usize) -> Result<Vec<Unit>> {
        if !self.loose.is_empty() {
            let spots: Vec<Spot> = self.loose.iter().filter_map(|at| self.units.get(*at)?.spots.first().copied()).collect();
            let mut numbers: Vec<u64> = spots.iter().map(|spot| spot.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let beginnings = beginnings(snapshot, scan, sources, &spots, &numbers, threads)?;
            let mut chains: FxHashMap<(u32, u128), usize> = FxHashMap::default();
            for (at, spot) in self.loose.iter().zip(spots) {
                let Some(beginning) = beginnings.get(&spot.number) else { continue };
                let first = *chains.entry((spot.source, *beginning)).or_insert(*at);
                if first != *at {
                    let moved = self.units.get_mut(*at).map(|unit| std::mem::take(&mut unit.spots)).unwrap_or_default();
                    if let Some(unit) = self.units.get_mut(first) {
                        unit.kind = Kind::Chain;
                        unit.spots.extend(moved);
                    }
                }
            }
        }
        self.units.retain(|unit| unit.wanted && !unit.spots.is_empty());
        Ok(self.units)
    }
}

impl About {
    fn learn(&mut self, meaning: &Meaning) {
        let fill = |slot: &mut Option<String>, found: &Option<Box<str>>| {
            if slot.is_none() {
                *slot = found.as_deref().map(String::from);
            }
        };
        fill(&mut self.model, &meaning.model);
        fill(&mut self.title, &meaning.title);
        self.time = self.time.or(meaning.time);
    }
}

/// The hash of the first thing said in each record.
fn beginnings(
    snapshot: &Snapshot,
    scan: &Scan<'_>,
    sources: &[&Source],
    spots: &[Spot],
    numbers: &[u64],
    threads: usize,
) -> Result<FxHashMap<u64, u128>> {
    let names: FxHashMap<u32, &str> = sources.iter().map(|source| (source.state.id, source.state.name.as_str())).collect();
    let place: FxHashMap<u64, u32> = spots.iter().map(|spot| (spot.number, spot.source)).collect();
    let mut found = FxHashMap::default();
    let work = |fetcher: &mut crate::vault::fetch::Fetcher<'_>, numbers: &[u64]| {
        let (mut bytes, mut out) = (Vec::new(), Vec::with_capacity(numbers.len()));
        for number in numbers {
            bytes.clear();
            fetcher.record(*number, &mut bytes)?;
            let record = Record::read(&bytes);
            let name = place.get(number).and_then(|source| names.get(source)).copied();
            let mut builder = Builder::new(&|_| true, &[]);
            builder.add(record.turns(&scan.detect(&record, name)), Vec::new());
            out.extend(builder.dialogue.chain().first().map(|first| (*number, *first)));
        }
        Ok(out)
    };
    in_order(snapshot, threads, jobs(snapshot, numbers), work, |some: Vec<(u64, u128)>| {
        found.extend(some);
        Ok(())
    })?;
    Ok(found)
}

fn shape_of(name: &str) -> Option<ShapeId> {
    ShapeId::from_name(name.strip_prefix("batch:").unwrap_or(name))
}

/// Shapes that are one event of a session.
fn is_event(shape: ShapeId) -> bool {
    use ShapeId::*;
    matches!(
        shape,
        ClaudeCodeEntry
            | ClaudeCodeAux
            | ClaudeCodeStream
            | ClaudeCodeMin
            | CodexRollout
            | CodexLegacyMeta
            | CodexExec
            | GeminiCliSession
            | CopilotCliEvent
            | PiSession
            | OpencodeMessage
            | ClineUi
            | OpenhandsV1
            | OpenhandsV0
            | CursorBubble
            | OpenaiResponsesItem
            | MistralEntry
            | MessageSingle
    )
}

/// Shapes of requests, which hold what was said before.
fn resends(shape: ShapeId) -> bool {
    use ShapeId::*;
    matches!(
        shape,
        LitellmSlp
            | HeliconeRequest
            | LangfuseObservation
            | LangsmithRun
            | OpeninferenceSpan
            | OtelGenai
            | MlflowTrace
            | WeaveCall
            | BedrockInvocationLog
            | GatewayPair
            | Witness
            | OpenaiChatRequest
            | OpenaiResponsesRequest
            | AnthropicRequest
            | GeminiRequest
            | BedrockConverseReq
            | OllamaRequest
            | CohereV1Req
    )
}
