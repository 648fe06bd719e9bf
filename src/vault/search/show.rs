//! From a record that has a match to what is shown of it.

use std::ops::Range;

use crate::checksum::content_hash;
use crate::error::Result;
use crate::ids::RecordHash;
use crate::lexical::pattern::Pattern;
use crate::redact::Secrets;
use crate::shape::{Label, Record, SegmentType};
use crate::vault::api::{HitLine, HitText, Time};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::TypeSet;
use crate::vault::meaning::{Meaning, Scan, vanished};
use crate::vault::search::hits::read_and_judge;
use crate::vault::search::strings::{Text, each_string};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// Bytes of text shown before and after a match.
const AROUND: usize = 60;
/// Bytes of a match shown at most.
const LONGEST_SHOWN: usize = 400;

/// Bytes of a text shown that is found for what it says.
const PASSAGE: usize = 180;
/// Bytes from there on in which a word is looked for that is worth showing.
const REACH: usize = 2048;

/// How much of a record is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its hash.
    Nothing,
    /// Its first match.
    First,
    /// All texts with a match.
    Each,
    /// All texts with a match, with types and metadata.
    All,
}

/// In which segments a match must stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Inside {
    types: TypeSet,
    roles: Vec<String>,
}

impl Inside {
    /// These types and roles; none of a kind: any.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) for an unknown type.
    pub(super) fn new(types: &[String], roles: &[String]) -> Result<Inside> {
        Ok(Inside { types: TypeSet::parse(types)?, roles: roles.to_vec() })
    }

    /// True when a match may stand anywhere.
    pub(super) fn is_anywhere(&self) -> bool {
        self.types.is_empty() && self.roles.is_empty()
    }

    fn takes(&self, label: &Label) -> bool {
        (self.types.is_empty() || self.types.meets(TypeSet::of(label.kind)))
            && (self.roles.is_empty() || label.role.as_ref().is_some_and(|role| self.roles.contains(role)))
    }
}

/// Makes hits of records; shared by all threads.
pub(super) struct Shower<'v> {
    scan: Scan<'v>,
    patterns: &'v [Pattern],
    raw: bool,
    inside: Inside,
    wanted: Wanted,
    redact: bool,
}

impl<'v> Shower<'v> {
    /// Only matches in these segments are shown.
    pub(super) fn new(
        snapshot: &'v Snapshot,
        patterns: &'v [Pattern],
        raw: bool,
        inside: Inside,
        wanted: Wanted,
    ) -> Result<Shower<'v>> {
        Ok(Shower { scan: Scan::new(snapshot, 1, false)?, patterns, raw, inside, wanted, redact: false })
    }

    /// Shows no secrets.
    pub(super) fn redacting(self, redact: bool) -> Shower<'v> {
        Shower { redact, ..self }
    }

    /// What a line keeps secret, where that is asked.
    fn secrets(&self, line: &[u8]) -> Result<Option<Secrets>> {
        Ok(if self.redact { Some(Secrets::of(line)?) } else { None })
    }

    /// Reads one line.
    pub(super) fn line(
        &self,
        fetcher: &mut Fetcher<'_>,
        source: &Source,
        line: u64,
        number: u64,
        meaning: Option<&Meaning>,
    ) -> Result<HitLine> {
        let mut bytes = Vec::new();
        if !fetcher.record(number, &mut bytes)? {
            return Err(vanished(number));
        }
        let mut hit = HitLine {
            hash: RecordHash(content_hash(&bytes)),
            source: String::new(),
            line,
            score: None,
            similarity: None,
            word_score: None,
            query: None,
            time: None,
            conversation: None,
            model: None,
            application: None,
            matches: Vec::new(),
        };
        if self.wanted == Wanted::Nothing {
            return Ok(hit);
        }
        let with_labels = self.wanted == Wanted::All || !self.inside.is_anywhere();
        let labels = if with_labels { self.labels(&bytes, source) } else { Vec::new() };
        hit.matches = self.matches(&bytes, &labels)?;
        if self.wanted == Wanted::All {
            match meaning {
                Some(meaning) => {
                    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_string);
                    (hit.time, hit.model) = (meaning.time, text(&meaning.model));
                    (hit.conversation, hit.application) = (text(&meaning.conversation), text(&meaning.application));
                }
                None => {
                    let metadata = self.scan.metadata_at(fetcher, source, line, &bytes)?;
                    (hit.time, hit.model) = (metadata.timestamp_us.map(Time), metadata.model);
                    (hit.conversation, hit.application) = (metadata.conversation_id, metadata.application);
                }
            }
        }
        Ok(hit)
    }

    /// The text of a record with a hash (its low half), from a place on: the first pattern within reach, else what stands there.
    pub(super) fn passage(
        &self,
        fetcher: &mut Fetcher<'_>,
        source: &Source,
        number: u64,
        hash: u64,
        start: usize,
    ) -> Result<Option<HitText>> {
        let mut line = Vec::new();
        if !fetcher.record(number, &mut line)? {
            return Err(vanished(number));
        }
        let record = Record::read(&line);
        let secrets = self.secrets(&line)?;
        let mut found = None;
        record.texts(&self.scan.detect(&record, Some(&source.state.name)), &mut |spoken| {
            let text = spoken.text.as_bytes();
            if found.is_some() || content_hash(text) as u64 != hash {
                return;
            }
            found = Some(self.passage_of(text, start, secrets.as_ref()).map(|mut hit| {
                hit.kind = Some(spoken.kind.name().to_string());
                hit.role = spoken.role.map(str::to_string);
                hit
            }));
        });
        found.transpose()
    }

    /// What stands for a record of a conversation that was found as a whole: the first that the user says with a word that was looked for, else what
    /// the user says first.
    pub(super) fn opening(&self, fetcher: &mut Fetcher<'_>, source: &Source, number: u64) -> Result<Option<HitText>> {
        let mut line = Vec::new();
        if !fetcher.record(number, &mut line)? {
            return Err(vanished(number));
        }
        let record = Record::read(&line);
        let mut said: Option<(bool, u64)> = None;
        record.texts(&self.scan.detect(&record, Some(&source.state.name)), &mut |spoken| {
            let text = spoken.text.as_bytes();
            let speaks = self.patterns.iter().any(|pattern| pattern.first_in(text).is_some());
            let is_better = said.is_none_or(|(before, _)| speaks && !before);
            if spoken.kind == SegmentType::UserTurn && is_better {
                said = Some((speaks, content_hash(text) as u64));
            }
        });
        said.map_or(Ok(None), |(_, hash)| self.passage(fetcher, source, number, hash, 0))
    }

    fn passage_of(&self, text: &[u8], start: usize, secrets: Option<&Secrets>) -> Result<HitText> {
        if let Some(secrets) = secrets {
            let redacted = Secrets::with(text, secrets)?.replace(text);
            let start = redacted.place(&(start..start)).start;
            let segment = format!("{:032x}", content_hash(text));
            return Ok(HitText { segment, ..self.passage_of(&redacted.text, start, None)? });
        }
        let start = start.min(text.len());
        let reach = text.get(start..text.len().min(start + REACH)).unwrap_or_default();
        let place = self.patterns.iter().find_map(|pattern| pattern.first_in(reach));
        if let Some(place) = place {
            return Ok(excerpt(text, start + place.start..start + place.end));
        }
        let mut hit = excerpt(text, start..start);
        let end = floor(text, text.len().min(start + PASSAGE));
        hit.after = String::from_utf8_lossy(text.get(start..end).unwrap_or_default()).into_owned();
        hit.before.clear();
        Ok(hit)
    }

    fn labels(&self, line: &[u8], source: &Source) -> Vec<Label> {
        let record = Record::read(line);
        record.segments(&self.scan.detect(&record, Some(&source.state.name)))
    }

    fn matches(&self, line: &[u8], labels: &[Label]) -> Result<Vec<HitText>> {
        let first_only = self.wanted == Wanted::First;
        let mut found = Vec::new();
        let mut withheld = None;
        let secrets = self.secrets(line)?;
        if self.patterns.is_empty() {
            return Ok(vec![shown(line, 0..0, secrets.as_ref())?]);
        }
        let mut look = |text: Text<'_>| {
            let Some(place) = self.patterns.iter().find_map(|pattern| pattern.first_in(text.text)) else { return false };
            let label = label_of(labels, &text, &place);
            if !self.inside.is_anywhere() && !label.is_some_and(|label| self.inside.takes(label)) {
                return false;
            }
            let mut hit = match shown(text.text, place, secrets.as_ref()) {
                Ok(hit) => hit,
                Err(error) => {
                    withheld = Some(error);
                    return true;
                }
            };
            hit.kind = label.map(|label| label.kind.name().to_string());
            hit.role = label.and_then(|label| label.role.clone());
            found.push(hit);
            first_only
        };
        match self.raw {
            true => {
                look(Text { text: line, span: 0..line.len(), nested: false });
            }
            false => {
                each_string(line, &mut look);
            }
        }
        withheld.map_or(Ok(found), Err)
    }
}

/// The label a text has: the narrowest that covers it.
fn label_of<'l>(labels: &'l [Label], text: &Text<'_>, place: &Range<usize>) -> Option<&'l Label> {
    let covers = |label: &&Label| {
        label.span.start <= text.span.start
            && text.span.end <= label.span.end
            && label.within.as_ref().is_none_or(|within| text.nested || within.contains(&place.start) || within.is_empty())
    };
    labels.iter().filter(covers).min_by_key(|label| (label.span.len(), label.within.as_ref().map_or(0, |within| within.len())))
}

/// A match with what stands around it, without secrets where they are known. Places are then those of the text as it is shown.
fn shown(text: &[u8], place: Range<usize>, secrets: Option<&Secrets>) -> Result<HitText> {
    let Some(secrets) = secrets else { return Ok(excerpt(text, place)) };
    let secrets = Secrets::with(text, secrets)?;
    if secrets.found.is_empty() {
        return Ok(excerpt(text, place));
    }
    let redacted = secrets.replace(text);
    Ok(HitText { segment: format!("{:032x}", content_hash(text)), ..excerpt(&redacted.text, redacted.place(&place)) })
}

/// A match with what stands around it.
fn excerpt(text: &[u8], place: Range<usize>) -> HitText {
    let from = floor(text, place.start.saturating_sub(AROUND));
    let to = floor(text, text.len().min(place.end + AROUND));
    let shown_end = floor(text, place.end.min(place.start + LONGEST_SHOWN));
    let part = |range: Range<usize>| String::from_utf8_lossy(text.get(range).unwrap_or_default()).into_owned();
    HitText {
        segment: format!("{:032x}", content_hash(text)),
        kind: None,
        role: None,
        start: place.start,
        end: place.end,
        before: part(from..place.start),
        matched: part(place.start..shown_end.max(place.start)),
        after: if shown_end < place.end { "…".into() } else { part(place.end..to.max(place.end)) },
        length: text.len(),
    }
}

/// The start of the character at or before a place.
fn floor(text: &[u8], at: usize) -> usize {
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !is_inside(*at)).unwrap_or(at)
}

/// The records whose match stands in one of the segments wanted, each pattern in any.
pub(super) fn narrowed(
    snapshot: &Snapshot,
    state: &State,
    records: &[u64],
    patterns: &[Pattern],
    inside: &Inside,
    threads: usize,
) -> Result<Vec<u64>> {
    let scan = Scan::new(snapshot, 1, false)?;
    let live: Vec<u64> = records.iter().copied().filter(|number| !state.removed.contains(number)).collect();
    read_and_judge(snapshot, threads, &live, &|line| {
        let record = Record::read(line);
        let labels = record.segments(&scan.detect(&record, None));
        patterns.iter().all(|pattern| {
            each_string(line, &mut |text| {
                pattern
                    .first_in(text.text)
                    .is_some_and(|place| label_of(&labels, &text, &place).is_some_and(|label| inside.takes(label)))
            })
        })
    })
}
