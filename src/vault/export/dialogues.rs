//! `export` of dialogues: planned, read on all threads, written in the order of their first records.
//!
//! The same vault and options give the same bytes. A split needs all dialogues before the first can be placed: it reads them
//! twice and keeps of the first time eight bytes a word.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashSet;

use super::files::{self, Part};
use super::gather::Gatherer;
use super::parts::{Member, assign};
use super::plan::{Kind, Plan, Unit, plan};
use crate::dialogue::{Dialogue, Losses};
use crate::error::{Error, Result};
use crate::redact::Secrets;
use crate::shape::SegmentType;
use crate::vault::Vault;
use crate::vault::ahead::in_order;
use crate::vault::api::{DialogueOptions, DialogueReport};
use crate::vault::filter::{Sieve, TypeSet, select};
use crate::vault::ls::hide_in_title;
use crate::vault::meaning::Scan;
use crate::vault::snapshot::Snapshot;

/// Records without company that one worker takes at once.
const JOB_UNITS: usize = 64;

impl Vault {
    /// Writes dialogues to one stream.
    ///
    /// # Errors
    /// [`Error::Usage`] for filters and types that make no sense and for a split, [`Error::NotFound`] for an unknown source,
    /// damage, and errors of `out`.
    pub fn export_dialogues(&self, options: &DialogueOptions, out: &mut dyn Write) -> Result<DialogueReport> {
        if !options.split.is_empty() {
            return Err(Error::Usage("--split writes a file for each part: name a directory for them with -o DIR".into()));
        }
        run(&self.snapshot()?, options, self.threads(), self.options.redact, |_| Ok(vec![Part::stream(out)]))
    }

    /// Writes dialogues to a file below `dir`, or one for each part of a split.
    ///
    /// # Errors
    /// As [`Vault::export_dialogues`], and [`Error::Usage`] when a file is there already.
    pub fn export_dialogues_below(&self, options: &DialogueOptions, dir: &Path) -> Result<DialogueReport> {
        run(&self.snapshot()?, options, self.threads(), self.options.redact, |parts| files::create(dir, options.form, parts))
    }
}

/// Writes dialogues to what `open` gives for so many parts.
fn run<'w>(
    snapshot: &Snapshot,
    options: &DialogueOptions,
    threads: usize,
    redact: bool,
    open: impl FnOnce(usize) -> Result<Vec<Part<'w>>>,
) -> Result<DialogueReport> {
    let wanted = wanted(options)?;
    let sieve = Sieve::new(&options.filter)?;
    let state = snapshot.state()?;
    let sources = select(state, &options.filter, false)?;
    let Plan { units, without_time } = plan(snapshot, &sources, &sieve, options, threads)?;
    let scan = Scan::new(snapshot, threads, false)?;
    let gatherer = Gatherer {
        scan: &scan,
        sources: sources.iter().map(|source| (source.state.id, *source)).collect(),
        wanted: &wanted,
        roles: &options.roles,
    };
    let reader = Reader { snapshot, threads, units: &units, gatherer: &gatherer, options, redact };
    let parts = if options.split.is_empty() { Vec::new() } else { reader.parts()? };
    let mut outs = open(options.split.len())?;
    for out in &mut outs {
        out.write(options.form.head())?;
    }
    let mut report = DialogueReport { without_time, ..DialogueReport::default() };
    let mut unique = FxHashSet::default();
    let mut count = 0;
    reader.each(false, &mut report, |ready| {
        unique.extend(ready.pairs.iter().copied());
        let part = parts.get(count).copied().unwrap_or(0);
        count += 1;
        match outs.get_mut(part) {
            Some(out) => {
                out.row.dialogues += 1;
                out.write(&ready.text)
            }
            None => Err(Error::Internal(format!("an export has no part {part}"))),
        }
    })?;
    report.unique_pairs = unique.len() as u64;
    for mut out in outs {
        out.write(options.form.foot())?;
        let row = out.finish()?;
        report.bytes += row.bytes;
        report.parts.push(row);
    }
    Ok(report)
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
    units: &'r [Unit],
    gatherer: &'r Gatherer<'r>,
    options: &'r DialogueOptions,
    redact: bool,
}

/// A dialogue in its form.
struct Ready {
    text: String,
    fingerprint: u128,
    pairs: Vec<u128>,
    messages: u64,
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
    /// The part of each dialogue that will be written.
    fn parts(&self) -> Result<Vec<usize>> {
        let mut members = Vec::new();
        self.each(true, &mut DialogueReport::default(), |ready| {
            members.extend(ready.member);
            Ok(())
        })?;
        Ok(assign(&members, &self.options.split))
    }

    /// Hands out the dialogues to be written, counted in `report`.
    fn each(&self, compare: bool, report: &mut DialogueReport, mut sink: impl FnMut(Ready) -> Result<()>) -> Result<()> {
        let full = AtomicBool::new(self.options.limit == Some(0));
        let mut seen = FxHashSet::default();
        let mut losses = Losses::default();
        let jobs = self.units.chunk_by(|a, b| a.kind == Kind::Single && b.kind == Kind::Single);
        let jobs = jobs.flat_map(|run| run.chunks(JOB_UNITS));
        let work = |fetcher: &mut _, units: &[Unit]| {
            let mut batch = Batch::default();
            for unit in units {
                if full.load(Ordering::Relaxed) {
                    break;
                }
                let gathered = self.gatherer.gather(fetcher, unit)?;
                batch.resent += gathered.resent;
                for found in gathered.dialogues {
                    batch.ready.push(self.ready(found, compare)?);
                }
            }
            Ok(batch)
        };
        in_order(self.snapshot, self.threads, jobs, work, |batch: Batch| {
            if full.load(Ordering::Relaxed) {
                return Ok(());
            }
            report.resent += batch.resent;
            for (ready, left_out) in batch.ready {
                if full.load(Ordering::Relaxed) {
                    break;
                }
                if let Some(ready) = &ready
                    && self.options.distinct
                    && !seen.insert(ready.fingerprint)
                {
                    report.repeated += 1;
                    continue;
                }
                losses.absorb(left_out);
                let Some(ready) = ready else { continue };
                report.dialogues += 1;
                report.messages += ready.messages;
                report.pairs += ready.pairs.len() as u64;
                sink(ready)?;
                full.store(self.options.limit.is_some_and(|limit| report.dialogues >= limit), Ordering::Relaxed);
            }
            Ok(())
        })?;
        report.left_out = losses.0;
        Ok(())
    }

    fn ready(&self, (dialogue, mut losses): (Dialogue, Losses), compare: bool) -> Result<(Option<Ready>, Losses)> {
        // What is compared is what was said; what is written may be less.
        let text = match self.redact && !compare {
            true => self.options.form.render(&hidden(dialogue.clone())?, &mut losses),
            false => self.options.form.render(&dialogue, &mut losses),
        };
        let ready = text.map(|text| Ready {
            text: if compare { String::new() } else { text },
            fingerprint: dialogue.fingerprint(),
            pairs: dialogue.pairs(),
            messages: dialogue.messages.len() as u64,
            member: compare.then(|| Member { fingerprint: dialogue.fingerprint(), shingles: dialogue.shingles() }),
        });
        Ok((ready, losses))
    }
}
