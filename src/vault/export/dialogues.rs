//! `export` of dialogues: planned, read on all threads, written in the order of their first records.
//!
//! The same vault and options give the same bytes. A split, or leaving near duplicates out, needs all dialogues before the first
//! can be placed: they are read twice, and of the first time eight bytes a word are kept.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashSet;

use super::files::{self, Out};
use super::gather::{Found, Gatherer};
use super::overlap::{Frequent, Reference};
use super::parts::{Member, assign, distinct};
use super::plan::{Ground, Kind, Plan, Unit};
use super::row::Row;
use crate::dialogue::{Dialogue, Form, Losses, Rendered};
use crate::error::{Error, Result};
use crate::redact::Secrets;
use crate::shape::SegmentType;
use crate::vault::Vault;
use crate::vault::ahead::in_order;
use crate::vault::api::{DialogueOptions, DialogueReport, Duplicates, Overlap, Per};
use crate::vault::filter::{Sieve, TypeSet, select};
use crate::vault::ls::hide_in_title;
use crate::vault::meaning::Scan;
use crate::vault::snapshot::Snapshot;

/// Records without company that one worker takes at once.
const JOB_UNITS: usize = 64;
/// What is usual for English; other scripts and code have fewer.
const BYTES_PER_TOKEN: usize = 4;

impl Vault {
    /// Writes dialogues to one stream.
    ///
    /// # Errors
    /// [`Error::Usage`] for filters and types that make no sense and for what needs a directory, [`Error::NotFound`] for an
    /// unknown source, damage, and errors of `out`.
    pub fn export_dialogues(&self, options: &DialogueOptions, out: &mut (dyn Write + Send)) -> Result<DialogueReport> {
        if !options.split.is_empty() {
            return Err(Error::Usage("--split writes a file for each part: name a directory for them with -o DIR".into()));
        }
        if !options.partition_by.is_empty() {
            return Err(Error::Usage("--partition-by writes many files: name a directory for them with -o DIR".into()));
        }
        run(&self.snapshot()?, options, self.threads(), self.options.redact, |_| Ok(vec![Out::stream(out, options)?]))
    }

    /// Writes dialogues to a file below `dir`, one for each part of a split, or many below directories of its own.
    ///
    /// # Errors
    /// As [`Vault::export_dialogues`], and [`Error::Usage`] when a file is there already.
    pub fn export_dialogues_below(&self, options: &DialogueOptions, dir: &Path) -> Result<DialogueReport> {
        run(&self.snapshot()?, options, self.threads(), self.options.redact, |parts| files::create(dir, options, parts))
    }
}

/// Writes dialogues to what `open` gives for so many parts.
fn run<'w>(
    snapshot: &Snapshot,
    options: &DialogueOptions,
    threads: usize,
    redact: bool,
    open: impl FnOnce(usize) -> Result<Vec<Out<'w>>>,
) -> Result<DialogueReport> {
    check(options)?;
    let wanted = wanted(options)?;
    let sieve = Sieve::new(&options.filter)?;
    let sources = select(snapshot.state()?, &options.filter, false)?;
    let plan = Plan::new(Ground { snapshot, sources: &sources, sieve: &sieve, options, threads })?;
    let scan = Scan::new(snapshot, threads, false)?;
    let gatherer = Gatherer {
        scan: &scan,
        sources: sources.iter().map(|source| (source.state.id, *source)).collect(),
        wanted: &wanted,
        roles: &options.roles,
        without_messages: options.without_messages,
    };
    let reference = options.decontaminate.as_ref().map(Reference::read).transpose()?;
    let reader = Reader { snapshot, threads, plan: &plan, gatherer: &gatherer, options, redact, reference: reference.as_ref() };
    let near = options.dedup == Some(Duplicates::Near);
    let places = if options.split.is_empty() && !near { Vec::new() } else { reader.places()? };
    let mut outs = open(options.split.len())?;
    let mut report = DialogueReport::default();
    let mut unique = FxHashSet::default();
    let mut count = 0;
    if let Some(reference) = &reference {
        (report.overlapping.texts, report.overlapping.texts_too_short) = (reference.texts, reference.too_short);
    }
    reader.each(Pass::Write, &mut report, |ready| {
        count += 1;
        let part = match places.get(count - 1) {
            Some(None) => return Ok(Taken::Near),
            Some(Some(part)) => *part,
            None => 0,
        };
        unique.extend(ready.pairs.iter().copied());
        match outs.get_mut(part) {
            Some(out) => out.write(&ready.text, ready.row.as_deref()).map(|()| Taken::Written),
            None => Err(Error::Internal(format!("an export has no part {part}"))),
        }
    })?;
    report.unique_pairs = unique.len() as u64;
    for out in outs {
        report.parts.extend(out.finish(options.form)?);
    }
    report.bytes = report.parts.iter().map(|part| part.bytes).sum();
    Ok(report)
}

/// What does not go together.
fn check(options: &DialogueOptions) -> Result<()> {
    let wrong = |reason: &str| Err(Error::Usage(reason.to_owned()));
    let table = options.form == Form::Parquet;
    if !table && !options.partition_by.is_empty() {
        return wrong("--partition-by is for tables; give --format parquet too");
    }
    if !table && options.without_messages {
        return wrong("--no-messages is for tables; give --format parquet too");
    }
    if !options.split.is_empty() && !options.partition_by.is_empty() {
        return wrong("--split and --partition-by both say which files there are; give one of them");
    }
    if options.without_messages && (options.dedup.is_some() || options.decontaminate.is_some() || !options.split.is_empty()) {
        return wrong("--dedup, --split and --decontaminate compare what was said, which --no-messages leaves out");
    }
    let keys = &options.partition_by;
    if keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|before| before == key)) {
        return wrong("--partition-by names the same twice");
    }
    Ok(())
}

/// The types that `--include` and `--exclude` leave.
fn wanted(options: &DialogueOptions) -> Result<impl Fn(SegmentType) -> bool + Sync + use<>> {
    let (include, exclude) = (TypeSet::parse(&options.include)?, TypeSet::parse(&options.exclude)?);
    Ok(move |kind| {
        let kind = TypeSet::of(kind);
        (include.is_empty() || include.meets(kind)) && !exclude.meets(kind)
    })
}

struct Reader<'r> {
    snapshot: &'r Snapshot,
    threads: usize,
    plan: &'r Plan<'r>,
    gatherer: &'r Gatherer<'r>,
    options: &'r DialogueOptions,
    redact: bool,
    reference: Option<&'r Reference>,
}

/// What dialogues are read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Compare,
    Write,
}

/// What became of a dialogue.
#[derive(PartialEq, Eq)]
enum Taken {
    Written,
    Near,
}

/// A dialogue in its form.
struct Ready {
    text: String,
    /// What a table takes instead of the text.
    row: Option<Box<Row>>,
    fingerprint: u128,
    pairs: Vec<u128>,
    messages: u64,
    tokens: u64,
    tokens_estimated: u64,
    overlap: Option<Overlap>,
    member: Option<Member>,
}

/// The dialogue without secrets. What is one anywhere in it is one everywhere.
fn hidden(mut dialogue: Dialogue) -> Result<Dialogue> {
    hide_in_title(&mut dialogue.title)?;
    let mut secrets = Secrets::default();
    for text in dialogue.texts_mut() {
        secrets = Secrets::with(text.as_bytes(), &secrets)?;
    }
    for text in dialogue.texts_mut() {
        let found = Secrets::with(text.as_bytes(), &secrets)?;
        if !found.found.is_empty() {
            *text = String::from_utf8_lossy(&found.replace(text.as_bytes()).text).into_owned();
        }
    }
    Ok(dialogue)
}

/// What a worker hands on: what is written and what is not.
#[derive(Default)]
struct Batch {
    ready: Vec<(Option<Ready>, Losses)>,
    resent: u64,
}

impl Reader<'_> {
    /// The part of each dialogue; none for near duplicates of one that is written.
    fn places(&self) -> Result<Vec<Option<usize>>> {
        let mut members = Vec::new();
        self.each(Pass::Compare, &mut DialogueReport::default(), |ready| {
            members.extend(ready.member);
            Ok(Taken::Written)
        })?;
        let keep = match self.options.dedup {
            Some(Duplicates::Near) => distinct(&members),
            _ => vec![true; members.len()],
        };
        let limit = self.options.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut kept = keep.iter().copied();
        members.retain(|_| kept.next().unwrap_or(false));
        members.truncate(limit);
        let mut parts = match self.options.split.as_slice() {
            [] => vec![0; members.len()],
            shares => assign(&members, shares),
        }
        .into_iter();
        Ok(keep.into_iter().map(|keep| if keep { parts.next() } else { None }).collect())
    }

    /// Hands out the dialogues to be written, counted in `report`.
    fn each(&self, pass: Pass, report: &mut DialogueReport, mut sink: impl FnMut(Ready) -> Result<Taken>) -> Result<()> {
        // A limit counts what is written, and nobody knows yet which near duplicates are.
        let limit = self.options.limit.filter(|_| pass == Pass::Write || self.options.dedup != Some(Duplicates::Near));
        let full = AtomicBool::new(limit == Some(0));
        let mut seen = FxHashSet::default();
        let mut losses = Losses::default();
        let mut frequent = Frequent::default();
        let work = |fetcher: &mut _, units: &[Unit]| {
            let mut batch = Batch::default();
            for unit in units {
                if full.load(Ordering::Relaxed) {
                    break;
                }
                let gathered = self.gatherer.gather(fetcher, unit)?;
                batch.resent += gathered.resent;
                for found in gathered.dialogues {
                    batch.ready.push(self.ready(found, pass)?);
                }
            }
            Ok(batch)
        };
        let mut take = |batch: Batch, report: &mut DialogueReport| {
            if full.load(Ordering::Relaxed) {
                return Ok(());
            }
            report.resent += batch.resent;
            for (ready, left_out) in batch.ready {
                if full.load(Ordering::Relaxed) {
                    break;
                }
                if let Some(overlap) = ready.as_ref().and_then(|ready| ready.overlap.as_ref()) {
                    report.overlapping.count(overlap, &mut frequent);
                    continue;
                }
                if let Some(ready) = &ready
                    && self.options.dedup.is_some()
                    && !seen.insert(ready.fingerprint)
                {
                    report.repeated += 1;
                    continue;
                }
                let Some(ready) = ready else {
                    losses.absorb(left_out);
                    continue;
                };
                let (messages, pairs) = (ready.messages, ready.pairs.len() as u64);
                let (tokens, estimated) = (ready.tokens, ready.tokens_estimated);
                if sink(ready)? == Taken::Near {
                    report.near += 1;
                    continue;
                }
                losses.absorb(left_out);
                report.dialogues += 1;
                report.messages += messages;
                report.pairs += pairs;
                report.tokens += tokens;
                report.tokens_estimated += estimated;
                full.store(limit.is_some_and(|limit| report.dialogues >= limit), Ordering::Relaxed);
            }
            Ok(())
        };
        report.without_time = self.plan.each(&mut |units| {
            let jobs = units.chunk_by(|a, b| a.kind == Kind::Single && b.kind == Kind::Single);
            let jobs = jobs.flat_map(|run| run.chunks(JOB_UNITS));
            in_order(self.snapshot, self.threads, jobs, work, |batch| take(batch, report))
        })?;
        (report.left_out, report.unknown_roles) = (losses.counts, losses.roles);
        frequent.name(&mut report.overlapping);
        Ok(())
    }

    fn ready(&self, Found { dialogue, mut losses, mut row }: Found, pass: Pass) -> Result<(Option<Ready>, Losses)> {
        let compare = pass == Pass::Compare;
        // What is compared with other dialogues is what is written of them, also where secrets were taken out.
        let hidden = if self.redact { Some(hidden(dialogue.clone())?) } else { None };
        let shown = hidden.as_ref().unwrap_or(&dialogue);
        if hidden.is_some() {
            row.hide()?;
        }
        let table = self.options.form == Form::Parquet;
        // A table of records has a row for each, also for those in which nothing is said.
        let all = table && self.options.per == Per::Record;
        let rendered = match all {
            true => Some(Rendered::unwritten(shown)),
            false => self.options.form.render(shown, &mut losses),
        };
        let Some(Rendered { text, messages, pairs, likeness }) = rendered else { return Ok((None, losses)) };
        let overlap = self.reference.and_then(|reference| reference.overlap(&dialogue));
        let (tokens, tokens_estimated) = self.length(&dialogue, &row);
        let silent = dialogue.messages.is_empty();
        let fingerprint = if silent { row.hash } else { likeness.fingerprint };
        if table && !compare && !self.options.without_messages {
            row.say(shown, &mut losses);
        }
        let ready = Ready {
            text: if compare { String::new() } else { text },
            row: (table && !compare).then(|| Box::new(row)),
            fingerprint,
            pairs,
            messages: messages as u64,
            tokens,
            tokens_estimated,
            overlap,
            member: compare.then(|| Member { fingerprint, shingles: likeness.shingles() }),
        };
        Ok((Some(ready), losses))
    }

    /// How many tokens a dialogue has, and how many of them are estimated.
    fn length(&self, dialogue: &Dialogue, row: &Row) -> (u64, u64) {
        // What a record tells is of all that was said.
        let whole = self.options.include.is_empty() && self.options.exclude.is_empty();
        if whole && row.tokens > 0 || self.options.without_messages {
            let is_table = self.options.form == Form::Parquet && self.options.per == Per::Record;
            return (if is_table { row.told_tokens() } else { row.tokens }, 0);
        }
        let bytes: usize = dialogue.messages.iter().flat_map(|message| &message.parts).map(|part| part.text.len()).sum();
        let estimate = bytes.div_ceil(BYTES_PER_TOKEN) as u64;
        (estimate, estimate)
    }
}
