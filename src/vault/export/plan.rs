//! Which records make one dialogue.
//!
//! An agent writes a record for each event: a session is all of them. A program that asks a model resends what was said before:
//! of such requests the longest of each chain is the dialogue. A record of a data set is one by itself.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dialogue::{Builder, Form};
use crate::error::Result;
use crate::shape::{Record, ShapeId};
use crate::vault::ahead::in_order;
use crate::vault::api::{DialogueOptions, Per, Time};
use crate::vault::filter::{Sieve, Verdict};
use crate::vault::meaning::{Fields, Line, Meaning, Scan, jobs};
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

/// What the records of a unit say about it.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) model: Option<String>,
    pub(super) title: Option<String>,
    pub(super) application: Option<String>,
    pub(super) time: Option<Time>,
    pub(super) shape: Arc<str>,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) error: bool,
    /// The sum of all usage: in, cached, cache write, out, reasoning.
    pub(super) tokens: [u64; 5],
    pub(super) cost_usd: Option<f64>,
    /// The most that one record tells, in and out: a session is about that long.
    pub(super) longest: u64,
    /// All fields, of a unit that is one record of a table.
    pub(super) fields: Option<Arc<Fields>>,
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

/// What will be read: conversations are found before the first can be written, records pass by.
pub(super) struct Plan<'p> {
    ground: Ground<'p>,
    /// All units, in the order of their first records.
    conversations: Option<(Vec<Unit>, u64)>,
    /// Where each usage that several records tell is told last, for a table of records.
    told_last: FxHashMap<u64, (u32, u64)>,
}

/// What to plan from.
#[derive(Clone, Copy)]
pub(super) struct Ground<'p> {
    pub(super) snapshot: &'p Snapshot,
    pub(super) sources: &'p [&'p Source],
    pub(super) sieve: &'p Sieve<'p>,
    pub(super) options: &'p DialogueOptions,
    pub(super) threads: usize,
}

/// Records handed out at once.
const RECORDS: usize = 1 << 13;

impl<'p> Plan<'p> {
    /// Looks at the records that pass, and what else is in their sessions.
    pub(super) fn new(ground: Ground<'p>) -> Result<Plan<'p>> {
        let Ground { snapshot, sources, sieve, options, threads } = ground;
        let mut plan = Plan { ground, conversations: None, told_last: FxHashMap::default() };
        if options.per == Per::Conversation {
            plan.conversations = Some(conversations(ground)?);
        } else if options.form == Form::Parquet {
            Scan::for_filter(snapshot, threads, false, sieve)?.lines(sources, |line| {
                if let Some(usage) = line.meaning.usage
                    && sieve.judge(line.meaning) == Verdict::In
                {
                    plan.told_last.insert(usage, (line.source.state.id, line.line));
                }
                Ok(())
            })?;
        }
        Ok(plan)
    }

    /// Hands out all units; how many records have no time to judge them by.
    pub(super) fn each(&self, sink: &mut dyn FnMut(&[Unit]) -> Result<()>) -> Result<u64> {
        if let Some((units, without_time)) = &self.conversations {
            return sink(units).map(|()| *without_time);
        }
        let Ground { snapshot, sources, sieve, options, threads } = self.ground;
        let mut scan = Scan::for_filter(snapshot, threads, false, sieve)?;
        if options.form == Form::Parquet {
            scan = scan.with_fields();
        }
        let (mut units, mut without_time) = (Vec::new(), 0);
        scan.lines(sources, |line| {
            match sieve.judge(line.meaning) {
                Verdict::Out => return Ok(()),
                Verdict::WithoutTime => {
                    without_time += 1;
                    return Ok(());
                }
                Verdict::In => units.push(self.single(&line)),
            }
            if units.len() == RECORDS {
                sink(&units)?;
                units.clear();
            }
            Ok(())
        })?;
        sink(&units)?;
        Ok(without_time)
    }

    fn single(&self, line: &Line<'_>) -> Unit {
        let spot = Spot { source: line.source.state.id, line: line.line, number: line.number };
        let mut about = Box::<About>::default();
        about.learn(line.meaning);
        about.fields.clone_from(&line.meaning.fields);
        let last = line.meaning.usage.and_then(|usage| self.told_last.get(&usage));
        if last.is_some_and(|last| *last != (spot.source, spot.line)) {
            about.take_back(line.meaning.tokens, line.meaning.cost_usd);
            about.fields = about.fields.as_deref().map(|fields| Arc::new(fields.without_usage()));
        }
        Unit { kind: Kind::Single, id: line.meaning.conversation.clone(), about: Some(about), spots: vec![spot], wanted: true }
    }
}

/// What units are known by.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Session(Box<str>),
    SessionOfSource(u32),
    Chain(Box<str>),
}

/// Sorts the records of the sources into conversations.
fn conversations(ground: Ground<'_>) -> Result<(Vec<Unit>, u64)> {
    let Ground { snapshot, sources, sieve, threads, .. } = ground;
    let scan = Scan::for_filter(snapshot, threads, false, sieve)?;
    let mut planner = Planner::default();
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
    Ok((units, without_time))
}

#[derive(Default)]
struct Planner {
    units: Vec<Unit>,
    known: FxHashMap<Key, usize>,
    /// Places of units of one request each that name no conversation.
    loose: Vec<usize>,
    /// Usage that several records may tell: to which unit it was counted.
    usages: FxHashMap<u64, (usize, [u64; 5], Option<f64>)>,
}

impl Planner {
    fn take(&mut self, line: &Line<'_>, passes: bool) {
        let shape = shape_of(&line.meaning.shape);
        let whole_session = shape.is_some_and(is_event);
        if !passes && !whole_session {
            return;
        }
        let spot = Spot { source: line.source.state.id, line: line.line, number: line.number };
        let id = line.meaning.conversation.clone();
        let (kind, key) = match &id {
            Some(id) if whole_session => (Kind::Session, Some(Key::Session(id.clone()))),
            None if whole_session => (Kind::Session, Some(Key::SessionOfSource(spot.source))),
            Some(id) => (Kind::Chain, Some(Key::Chain(id.clone()))),
            None => (Kind::Single, None),
        };
        let next = self.units.len();
        let at = key.map_or(next, |key| *self.known.entry(key).or_insert(next));
        if at == next {
            if kind == Kind::Single && shape.is_some_and(resends) {
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
                self.count_once(at, line.meaning);
            }
        }
    }

    /// Usage that was told before is taken back from where it was counted.
    fn count_once(&mut self, at: usize, meaning: &Meaning) {
        let Some(usage) = meaning.usage else { return };
        let before = self.usages.insert(usage, (at, meaning.tokens, meaning.cost_usd));
        if let Some((before, tokens, cost)) = before
            && let Some(about) = self.units.get_mut(before).and_then(|unit| unit.about.as_mut())
        {
            about.take_back(tokens, cost);
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
        fill(&mut self.application, &meaning.application);
        self.time = self.time.or(meaning.time);
        self.error |= meaning.error;
        if self.records == 0 {
            self.shape = Arc::clone(&meaning.shape);
        }
        self.records += 1;
        self.bytes += meaning.bytes;
        for (all, more) in self.tokens.iter_mut().zip(meaning.tokens) {
            *all = all.saturating_add(more);
        }
        self.longest = self.longest.max(meaning.tokens[0].saturating_add(meaning.tokens[3]));
        if let Some(cost) = meaning.cost_usd {
            *self.cost_usd.get_or_insert_default() += cost;
        }
    }

    fn take_back(&mut self, tokens: [u64; 5], cost_usd: Option<f64>) {
        for (all, less) in self.tokens.iter_mut().zip(tokens) {
            *all = all.saturating_sub(less);
        }
        if let (Some(all), Some(less)) = (&mut self.cost_usd, cost_usd) {
            *all -= less;
        }
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

pub(crate) fn shape_of(name: &str) -> Option<ShapeId> {
    ShapeId::from_name(name.strip_prefix("batch:").unwrap_or(name))
}

/// Shapes that are one event of a session.
pub(crate) fn is_event(shape: ShapeId) -> bool {
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
