//! `get`: single records, segments and conversations.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustc_hash::FxHashMap;

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::ids::RecordHash;
use crate::redact::{redact, redact_alone};
use crate::shape::Record;
use crate::source::names;
use crate::vault::Vault;
use crate::vault::api::{GetItem, GetOptions, Id, Reading, RecordItem, Turn, is_hash_prefix};
use crate::vault::filter::{TypeSet, newest_generations};
use crate::vault::lookup::{FEW, LazyIndex, Lookup, Place};
use crate::vault::segments;
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// Candidates shown for a prefix that fits several hashes.
const SHOWN: usize = 10;

/// What one id leads to.
enum Answer<'s> {
    Records(Vec<(u64, Place<'s>)>),
    Missing(String),
}

impl Vault {
    /// Hands out records and segments. Unknown ids are items, not errors.
    ///
    /// # Errors
    /// [`Error::Usage`] for an ambiguous id, damage, and whatever `sink` returns.
    pub fn get(&self, options: &GetOptions, sink: &mut dyn FnMut(GetItem) -> Result<()>) -> Result<()> {
        let snapshot = self.snapshot_for_few()?;
        let given = self.give(&snapshot, options, sink);
        // What damage hid was not missing.
        snapshot.damage().map_or(given, Err)
    }

    fn give(&self, snapshot: &Snapshot, options: &GetOptions, sink: &mut dyn FnMut(GetItem) -> Result<()>) -> Result<()> {
        let index = LazyIndex::new(snapshot);
        let lookup = Lookup::new(snapshot, self.threads(), &index)?;
        let mut giver = Giver {
            lookup: &lookup,
            newest: newest_generations(lookup.state),
            types: TypeSet::parse(&options.types)?,
            with_turns: options.with_turns,
            with_conversation: options.with_conversation,
            redact: self.options.redact,
            ahead: Ahead::default(),
        };
        let answers = resolve(&lookup, &options.ids)?;
        giver.ahead = Ahead::of(&answers);
        for (id, answer) in options.ids.iter().zip(answers) {
            giver.give(&id.text, answer, sink)?;
        }
        for prefix in &options.segments {
            sink(match segments::find(&lookup, prefix, self.threads())? {
                Some(mut segment) => {
                    if self.options.redact {
                        segment.bytes = redact_alone(&segment.bytes)?.into_owned();
                    }
                    GetItem::Segment(segment)
                }
                None => GetItem::Missing { id: prefix.clone(), message: "no segment has this hash".into() },
            })?;
        }
        let answers = conversations(&lookup, &options.conversations)?;
        giver.ahead = Ahead::of(&answers);
        for (id, answer) in options.conversations.iter().zip(answers) {
            giver.give(id, answer, sink)?;
        }
        Ok(())
    }
}

/// Makes items of records.
struct Giver<'l, 'v> {
    lookup: &'l Lookup<'v>,
    newest: BTreeMap<&'v str, u32>,
    types: TypeSet,
    with_turns: bool,
    with_conversation: bool,
    redact: bool,
    ahead: Ahead,
}

/// Records fetched together: those of one group or block follow each other then, and all threads work.
const TOGETHER: usize = 512;
/// Bytes of them that are kept until their turn comes; what is beyond is fetched again.
const KEPT_BYTES: usize = 32 << 20;

/// Records in the order they are given out, some of them already fetched.
#[derive(Default)]
struct Ahead {
    numbers: Vec<u64>,
    given: usize,
    fetched: usize,
    kept: FxHashMap<u64, Vec<u8>>,
}

impl Ahead {
    fn of(answers: &[Answer<'_>]) -> Ahead {
        let numbers = |answer: &Answer<'_>| match answer {
            Answer::Records(records) => records.iter().map(|(number, _)| *number).collect(),
            Answer::Missing(_) => Vec::new(),
        };
        Ahead { numbers: answers.iter().flat_map(numbers).collect(), ..Ahead::default() }
    }

    /// The bytes of the next record if they are at hand.
    fn next(&mut self, lookup: &Lookup<'_>, number: u64) -> Result<Option<Vec<u8>>> {
        if self.given == self.fetched && self.numbers.len() >= FEW {
            self.fetch(lookup)?;
        }
        self.given += 1;
        Ok(self.kept.get(&number).cloned())
    }

    fn fetch(&mut self, lookup: &Lookup<'_>) -> Result<()> {
        let upto = self.numbers.len().min(self.fetched + TOGETHER);
        let mut numbers = self.numbers.get(self.fetched..upto).unwrap_or_default().to_vec();
        lookup.as_stored(&mut numbers);
        self.fetched = upto;
        self.kept.clear();
        let room = AtomicUsize::new(KEPT_BYTES);
        let keep = |bytes: &[u8], _| {
            let left = room.fetch_update(Relaxed, Relaxed, |room| room.checked_sub(bytes.len()));
            left.is_ok().then(|| bytes.to_vec())
        };
        lookup.each(&numbers, keep, |number, bytes| {
            self.kept.insert(number, bytes);
        })
    }
}

impl<'v> Giver<'_, 'v> {
    fn give(&mut self, id: &str, answer: Answer<'v>, sink: &mut dyn FnMut(GetItem) -> Result<()>) -> Result<()> {
        match answer {
            Answer::Missing(message) => sink(GetItem::Missing { id: id.to_string(), message }),
            Answer::Records(records) => records.into_iter().try_for_each(|(number, place)| {
                let item = self.item(number, place)?;
                sink(item.map_or_else(|| GetItem::Missing { id: id.to_string(), message: GONE.into() }, GetItem::Record))
            }),
        }
    }

    fn item(&mut self, number: u64, (source, line): Place<'v>) -> Result<Option<RecordItem>> {
        let known = self.ahead.next(self.lookup, number)?;
        let bytes = match self.lookup.take_read(number).or(known) {
            Some(bytes) => bytes,
            None => {
                let mut bytes = Vec::new();
                if !self.lookup.fetcher().record(number, &mut bytes)? {
                    return Ok(None);
                }
                bytes
            }
        };
        let conversation = if self.with_conversation {
            self.lookup.scan.metadata_at(&mut self.lookup.fetcher(), source, line, &bytes)?.conversation_id
        } else {
            None
        };
        let hash = RecordHash(content_hash(&bytes));
        let bytes = if self.redact { redact(&bytes)?.into_owned() } else { bytes };
        let turns = if self.with_turns { self.turns(&bytes, source) } else { Vec::new() };
        Ok(Some(RecordItem { hash, source: shown_name(source, &self.newest), line, conversation, bytes, turns }))
    }

    fn turns(&self, bytes: &[u8], source: &Source) -> Vec<Turn> {
        let record = Record::read(bytes);
        let detection = self.lookup.scan.detect(&record, Some(&source.state.name));
        let wanted = |turn: &crate::shape::Turn| {
            let mut kind = TypeSet::default();
            kind.insert(turn.kind);
            self.types.is_empty() || self.types.meets(kind)
        };
        let turns = record.turns(&detection).into_iter().filter(wanted);
        turns
            .map(|turn| Turn {
                role: Some(turn.role).filter(|role| !role.is_empty()),
                kind: turn.kind.name().to_string(),
                name: turn.name,
                text: turn.text,
            })
            .collect()
    }
}

const GONE: &str = "was removed";

/// The name as look-ups take it: an older generation needs its number.
pub(crate) fn shown_name(source: &Source, newest: &BTreeMap<&str, u32>) -> String {
    let state = &source.state;
    match newest.get(state.name.as_str()) {
        Some(newest) if *newest != state.generation => format!("{}@{}", state.name, state.generation),
        _ => state.name.clone(),
    }
}

/// What each id leads to. Places are tried first, then ids that records carry, then hashes: that is from cheap to dear, and an
/// id that is carried as a whole means more than the first digits of a hash.
fn resolve<'v>(lookup: &Lookup<'v>, ids: &[Id]) -> Result<Vec<Answer<'v>>> {
    let mut answers: Vec<Option<Answer<'v>>> = Vec::with_capacity(ids.len());
    let mut complaints: Vec<String> = Vec::with_capacity(ids.len());
    for id in ids {
        let place = if id.reading == Reading::Any { by_place(lookup.state, &id.text)? } else { Found::NoPlace };
        let (answer, complaint) = match place {
            Found::At(number, place) => (Some(Answer::Records(vec![(number, place)])), String::new()),
            Found::Removed => (Some(Answer::Missing(GONE.into())), String::new()),
            Found::Not(complaint) => (None, complaint),
            Found::NoPlace => (None, String::new()),
        };
        answers.push(answer);
        complaints.push(complaint);
    }
    let open = |answers: &[Option<Answer<'v>>], wanted: &dyn Fn(&Id) -> bool| -> Vec<usize> {
        (0..ids.len()).filter(|&at| answers[at].is_none() && wanted(&ids[at])).collect()
    };
    // All 32 digits of a hash that is there leave no doubt; less may as well be an id that a record carries, which goes first.
    let whole = open(&answers, &|id| id.reading != Reading::Carried && id.text.len() == 32 && is_hash_prefix(&id.text));
    by_hashes(lookup, ids, whole, &mut answers)?;
    let carried = open(&answers, &|id| id.reading != Reading::Hash);
    let texts: Vec<&str> = carried.iter().map(|&at| ids[at].text.as_str()).collect();
    for (at, numbers) in carried.into_iter().zip(lookup.by_id(&texts)?) {
        let records = lookup.in_source_order(numbers);
        answers[at] = (!records.is_empty()).then_some(Answer::Records(records));
    }
    let hashes = open(&answers, &|id| id.reading != Reading::Carried && is_hash_prefix(&id.text));
    by_hashes(lookup, ids, hashes, &mut answers)?;
    let missing = |(answer, complaint): (Option<Answer<'v>>, String)| {
        let complaint = if complaint.is_empty() { "no record has this id".to_string() } else { complaint };
        answer.unwrap_or(Answer::Missing(complaint))
    };
    Ok(answers.into_iter().zip(complaints).map(missing).collect())
}

/// The first record an id leads to.
///
/// # Errors
/// [`Error::NotFound`] when there is none, and those of a look-up.
pub(crate) fn one_record(lookup: &Lookup<'_>, id: &Id) -> Result<u64> {
    match resolve(lookup, std::slice::from_ref(id))?.pop() {
        Some(Answer::Records(records)) if !records.is_empty() => Ok(records[0].0),
        Some(Answer::Missing(message)) => Err(Error::NotFound(format!("{}: {message}", id.text))),
        _ => Err(Error::NotFound(format!("{}: no record has this id", id.text))),
    }
}

/// Answers those of the ids that are hashes or their beginnings.
fn by_hashes<'v>(lookup: &Lookup<'v>, ids: &[Id], wanted: Vec<usize>, answers: &mut [Option<Answer<'v>>]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = wanted.iter().map(|&at| ids[at].text.to_ascii_lowercase()).collect();
    let prefixes: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (at, found) in wanted.into_iter().zip(lookup.by_hash(&prefixes)?) {
        answers[at] = one_hash(lookup, &ids[at].text, &found)?;
    }
    Ok(())
}

/// The one record of a prefix.
fn one_hash<'v>(lookup: &Lookup<'v>, prefix: &str, found: &BTreeMap<RecordHash, u64>) -> Result<Option<Answer<'v>>> {
    let numbers: Vec<u64> = found.values().copied().collect();
    let records = lookup.in_source_order(numbers);
    if records.len() > 1 {
        let hashes = found.iter().filter(|(_, number)| records.iter().any(|(record, _)| record == *number));
        let list: Vec<String> = hashes.take(SHOWN).map(|(hash, _)| format!("  {hash}")).collect();
        return Err(Error::Usage(format!(
            "{prefix} is the beginning of {} hashes; give more digits:\n{}",
            records.len(),
            list.join("\n")
        )));
    }
    Ok((!records.is_empty()).then_some(Answer::Records(records)))
}

/// What `SOURCE:LINE` leads to.
enum Found<'s> {
    At(u64, Place<'s>),
    Removed,
    /// The form of a place, but there is no such one, and why.
    Not(String),
    NoPlace,
}

fn by_place<'s>(state: &'s State, text: &str) -> Result<Found<'s>> {
    let Some((name, digits)) = text.rsplit_once(':') else { return Ok(Found::NoPlace) };
    let Some(line) = names::parse_place(text)?.line else { return Ok(Found::NoPlace) };
    debug_assert!(!digits.is_empty());
    let Some(source) = state.find(name)? else { return Ok(Found::Not(format!("no source is called {name}"))) };
    let origin = state.origin(source);
    Ok(match origin.line(line) {
        Some(number) if state.is_removed(origin.state.id, line, number) => Found::Removed,
        Some(number) => Found::At(number, (source, line)),
        None => Found::Not(format!("{} has {} lines", source.state.name, origin.occurrences())),
    })
}

/// The records of each conversation, each once, in the order of their sources.
fn conversations<'v>(lookup: &Lookup<'v>, ids: &[String]) -> Result<Vec<Answer<'v>>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sources: Vec<&Source> = lookup.state.in_order().collect();
    let mut found: Vec<BTreeMap<u64, (u32, u64)>> = vec![BTreeMap::new(); ids.len()];
    lookup.scan.lines(&sources, |line| {
        for (id, found) in ids.iter().zip(&mut found) {
            if line.meaning.conversation.as_deref() == Some(id) {
                found.entry(line.number).or_insert((line.source.state.id, line.line));
            }
        }
        Ok(())
    })?;
    let answer = |found: BTreeMap<u64, (u32, u64)>| {
        let place = |(number, (id, line))| lookup.state.sources.get(&id).map(|source| (number, (source, line)));
        let mut records: Vec<(u64, Place<'v>)> = found.into_iter().filter_map(place).collect();
        records.sort_by_key(|(_, (source, line))| (source.state.id, *line));
        if records.is_empty() {
            Answer::Missing("no record belongs to this conversation".into())
        } else {
            Answer::Records(records)
        }
    };
    Ok(found.into_iter().map(answer).collect())
}
