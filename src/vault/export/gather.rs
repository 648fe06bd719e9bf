//! Units become dialogues: records are read, chains cut down to their longest, forks kept.

use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::{Kind, Spot, Unit};
use super::row::Row;
use crate::checksum::content_hash;
use crate::dialogue::{Builder, Dialogue, Losses, Speaker};
use crate::error::Result;
use crate::shape::{FileState, Record, SegmentType};
use crate::vault::api::Time;
use crate::vault::fetch::Fetcher;
use crate::vault::meaning::{Scan, vanished};
use crate::vault::sources::Source;

/// Reads dialogues.
pub(super) struct Gatherer<'g> {
    pub(super) scan: &'g Scan<'g>,
    pub(super) sources: FxHashMap<u32, &'g Source>,
    pub(super) wanted: &'g (dyn Fn(SegmentType) -> bool + Sync),
    pub(super) roles: &'g [(String, Speaker)],
    /// Nothing that was said is asked for.
    pub(super) without_messages: bool,
}

/// A dialogue, and what is known about it beyond what was said.
pub(super) struct Found {
    pub(super) dialogue: Dialogue,
    pub(super) losses: Losses,
    pub(super) row: Row,
}

/// The dialogues of a unit.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) dialogues: Vec<Found>,
    /// Requests that a longer or an equal one makes superfluous.
    pub(super) resent: u64,
}

impl Gatherer<'_> {
    /// Reads the dialogues of a unit.
    pub(super) fn gather(&self, fetcher: &mut Fetcher<'_>, unit: &Unit) -> Result<Gathered> {
        match unit.kind {
            Kind::Session => self.session(fetcher, unit),
            Kind::Chain => self.chain(fetcher, unit),
            Kind::Single => self.singles(fetcher, unit, &unit.spots, 0),
        }
    }

    /// Events in their order; what sub-agents said among themselves are dialogues of their own.
    fn session(&self, fetcher: &mut Fetcher<'_>, unit: &Unit) -> Result<Gathered> {
        let mut seen = FxHashSet::default();
        let mut threads: Vec<(Option<String>, Row, Builder<'_>)> = Vec::new();
        let mut bytes = Vec::new();
        for spot in unit.spots.iter().filter(|spot| seen.insert(spot.number)) {
            self.read(fetcher, *spot, &mut bytes)?;
            let record = Record::read(&bytes);
            let detection = self.scan.detect(&record, self.name(*spot));
            let (turns, tools) = record.turns_and_tools(&detection);
            if turns.is_empty() && tools.is_empty() {
                continue;
            }
            let thread = side_thread(&record);
            let at = threads.iter().position(|(known, _, _)| *known == thread).unwrap_or(threads.len());
            if at == threads.len() {
                let mut row = self.row(*spot, &bytes);
                row.metadata.agent.clone_from(&thread);
                // What all of the session used is told once, with its main thread.
                match unit.about.as_deref() {
                    Some(about) if threads.is_empty() => row.tell(about),
                    Some(about) => row.name(about),
                    None => {}
                }
                threads.push((thread, row, Builder::new(self.wanted, self.roles)));
            }
            if let Some((_, _, builder)) = threads.get_mut(at) {
                builder.add(turns, tools);
            }
        }
        let about = unit.about.as_deref().cloned().unwrap_or_default();
        let finish = |(thread, mut row, builder): (Option<String>, Row, Builder<'_>)| {
            let id = unit.id.as_deref().map(|id| thread.map_or(id.to_owned(), |thread| format!("{id}/{thread}")));
            row.metadata.conversation_id.clone_from(&id);
            let time = about.time.map(|time| time.to_string());
            let (model, title) = (about.model.clone(), about.title.clone());
            let dialogue = Dialogue { id, place: row.place(), model, title, time, ..builder.dialogue };
            Found { dialogue, losses: builder.losses, row }
        };
        Ok(Gathered { dialogues: threads.into_iter().map(finish).collect(), resent: 0 })
    }

    /// Two looks: the first keeps hashes only, since a chain of requests is many times as long as its dialogue.
    fn chain(&self, fetcher: &mut Fetcher<'_>, unit: &Unit) -> Result<Gathered> {
        if unit.spots.len() == 1 {
            return self.singles(fetcher, unit, &unit.spots, 0);
        }
        let mut ends = Vec::with_capacity(unit.spots.len());
        let mut inner = FxHashSet::default();
        let mut bytes = Vec::new();
        for spot in &unit.spots {
            self.read(fetcher, *spot, &mut bytes)?;
            let record = Record::read(&bytes);
            let mut builder = Builder::new(&|_| true, self.roles);
            builder.add(record.turns(&self.scan.detect(&record, self.name(*spot))), Vec::new());
            let mut chain = builder.dialogue.chain();
            ends.push(chain.pop());
            inner.extend(chain);
        }
        let mut seen = FxHashSet::default();
        let last = |end: &Option<u128>| end.is_some_and(|end| !inner.contains(&end) && seen.insert(end));
        let keep: Vec<bool> = ends.iter().map(last).collect();
        let kept: Vec<Spot> = unit.spots.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(spot, _)| *spot).collect();
        let silent = ends.iter().filter(|end| end.is_none()).count();
        let resent = (unit.spots.len() - silent - kept.len()) as u64;
        self.singles(fetcher, unit, &kept, resent)
    }

    fn singles(&self, fetcher: &mut Fetcher<'_>, unit: &Unit, spots: &[Spot], resent: u64) -> Result<Gathered> {
        let mut gathered = Gathered { dialogues: Vec::with_capacity(spots.len()), resent };
        let mut bytes = Vec::new();
        for spot in spots {
            let about = unit.about.as_deref();
            let fields = about.and_then(|about| about.fields.as_ref());
            if let (true, Some(about), Some(fields)) = (self.without_messages, about, fields) {
                let row = Row::of(self.source(*spot), spot.line, fields, about);
                gathered.dialogues.push(Found { dialogue: Dialogue::default(), losses: Losses::default(), row });
                continue;
            }
            self.read(fetcher, *spot, &mut bytes)?;
            let record = Record::read(&bytes);
            let detection = self.scan.detect(&record, self.name(*spot));
            let (turns, tools) = record.turns_and_tools(&detection);
            let mut builder = Builder::new(self.wanted, self.roles);
            builder.add(turns, tools);
            let row = match (about, fields) {
                (Some(about), Some(fields)) => Row::of(self.source(*spot), spot.line, fields, about),
                _ => {
                    let mut row = self.row(*spot, &bytes);
                    row.metadata = record.metadata(&detection, &mut FileState::default());
                    row.shape = detection.name().into();
                    row.tokens = row.metadata.tokens_in.unwrap_or(0).saturating_add(row.metadata.tokens_out.unwrap_or(0));
                    about.into_iter().for_each(|about| row.name(about));
                    row
                }
            };
            let dialogue = Dialogue {
                id: unit.id.as_deref().map(String::from),
                place: row.place(),
                model: row.metadata.model.clone(),
                title: row.metadata.title.clone(),
                time: row.metadata.timestamp_us.map(|time| Time(time).to_string()),
                ..builder.dialogue
            };
            gathered.dialogues.push(Found { dialogue, losses: builder.losses, row });
        }
        Ok(gathered)
    }

    fn read(&self, fetcher: &mut Fetcher<'_>, spot: Spot, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        if fetcher.record(spot.number, bytes)? { Ok(()) } else { Err(vanished(spot.number)) }
    }

    fn name(&self, spot: Spot) -> Option<&str> {
        self.sources.get(&spot.source).map(|source| source.state.name.as_str())
    }

    fn source(&self, spot: Spot) -> String {
        self.name(spot).unwrap_or_default().to_owned()
    }

    /// Where a record stands and what it is known by, and nothing of what it says yet.
    fn row(&self, spot: Spot, bytes: &[u8]) -> Row {
        Row {
            hash: content_hash(bytes),
            source: self.source(spot),
            line: spot.line,
            bytes: bytes.len() as u64,
            records: 1,
            ..Row::default()
        }
    }
}

/// Claude Code writes what sub-agents do into the file of the session that started them.
fn side_thread(record: &Record<'_>) -> Option<String> {
    let object = record.object.as_ref()?;
    object.get("isSidechain").and_then(|flag| flag.as_bool()).filter(|side| *side)?;
    let agent = object.get("agentId").and_then(|id| id.as_str());
    Some(agent.map_or("sidechain".to_owned(), std::borrow::Cow::into_owned))
}
