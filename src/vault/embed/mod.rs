//! `embed`: vectors for the texts of records.
//!
//! | file | what |
//! |---|---|
//! | `keep` | the files: found, checked, pruned, merged |
//! | `gather` | records → texts that have no vector yet → windows |
//! | `backend` | windows → vectors, from commands and servers |
//! | `answer` | what those write, read with patience |
//! | `conversations` | one vector for a conversation |
//! | `clusters` | conversations → heaps and outliers |
//!
//! Records are read in rounds, in the order of their numbers; each round's vectors go into a part of their own, so that whoever
//! interrupts loses one round. At the end parts of like size are merged and large ones get their graph. A text is embedded once, however many
//! records and packs hold it: what is known by its hash only gets the new records.

mod answer;
mod backend;
mod clusters;
pub(crate) mod conversations;
mod gather;
pub(crate) mod keep;

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::fsio;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::shape::{SegmentType, has_words};
use crate::vault::Vault;
use crate::vault::api::{EmbedOptions, EmbedReport, RefusedText};
use crate::vault::embed::gather::{Gathered, Gatherer, Manner};
use crate::vault::embed::keep::Shelf;
use crate::vault::filter::TypeSet;
use crate::vault::rewrite::Numbers;
use crate::vault::rewrite::live::{self, Removed};
use crate::vault::snapshot::Snapshot;
use crate::vectors::graph::Config;
use crate::vectors::metric::Form;
use crate::vectors::part::{Built, MOST_ROWS, Run, Text, join_runs};
use crate::vectors::quantize::MOST_DIMENSIONS;

pub(crate) use backend::Backend;

/// Records of a round.
const ROUND: usize = 4096;
/// A part is written when it has so many rows, …
const ROWS_TOGETHER: usize = 1 << 16;
/// … or when so much time has gone: slow models lose little when they are interrupted.
const TIME_TOGETHER: Duration = Duration::from_secs(30);
/// Refused texts told by name.
const REFUSED_SHOWN: usize = 20;

impl Vault {
    /// Embeds what has no vectors yet.
    ///
    /// # Errors
    /// When the vault cannot be read, parts cannot be written, another process rewrites the vault, or a model does not answer; parts
    /// written until then stay.
    pub fn embed(&self, options: &EmbedOptions, progress: &dyn Progress, interrupt: &Interrupt) -> Result<EmbedReport> {
        let started = Instant::now();
        let _maintenance = match options.dry_run {
            true => None,
            false => Some(self.layout.maintenance_lock(self.options.lock_timeout)?),
        };
        let snapshot = self.snapshot()?;
        if !options.dry_run {
            keep::prune(&snapshot, progress)?;
        }
        let types = wanted_types(&options.types, options.summary.is_some())?;
        let model = conversations::name(options.summary.as_ref(), &options.model);
        // What everything is to be made anew of stays until that is done.
        let old = if options.all && !options.dry_run && options.summary.is_none() {
            keep::of_model(&snapshot, &model)?
        } else {
            Vec::new()
        };
        let mut shelf = Shelf::open(&snapshot)?;
        let form = form(&shelf, &model, options)?;
        shelf.leave_out(&old);
        let pending = pending(&snapshot, &shelf, &model, types, options.all)?;
        let mut report = EmbedReport { dry_run: options.dry_run, model: model.clone(), ..EmbedReport::default() };
        report.pending = pending.len() as u64;
        if let Some(summary) = options.summary.as_ref().filter(|_| !options.dry_run) {
            drop(shelf);
            let job = (summary, form, types, &pending[..]);
            self.embed_conversations(&snapshot, options, job, &mut report, progress, interrupt)?;
            report.complete = report.pending == 0;
            let config = Config { links: options.links, ef_construction: options.ef_construction };
            self.pool()?.install(|| keep::merge(&snapshot, &model, config, options.graph_from, progress))?;
        } else if !options.dry_run {
            let outcome =
                self.embed_pending(&snapshot, &shelf, options, (form, types), &pending, &mut report, progress, interrupt);
            drop(shelf);
            if !old.is_empty() {
                let done = outcome.is_ok() && report.pending == 0;
                let mut gone = keep::of_model(&snapshot, &model)?;
                gone.retain(|path| old.contains(path) == done);
                gone.iter().try_for_each(|path| fsio::remove(path))?;
            }
            outcome?;
            report.complete = report.pending == 0;
            if !interrupt.is_raised() {
                let config = Config { links: options.links, ef_construction: options.ef_construction };
                self.pool()?.install(|| keep::merge(&snapshot, &model, config, options.graph_from, progress))?;
            }
        }
        if let Some(row) = Shelf::open(&snapshot)?.rows().into_iter().find(|row| row.model == model) {
            (report.dimension, report.metric, report.quantize) = (row.dimension, row.metric, row.quantize);
            (report.total_texts, report.total_vectors, report.bytes) = (row.texts, row.vectors, row.bytes);
        }
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    #[allow(clippy::too_many_arguments, reason = "the state of one run, taken apart")]
    fn embed_pending(
        &self,
        snapshot: &Snapshot,
        shelf: &Shelf,
        options: &EmbedOptions,
        (form, types): (Form, u32),
        pending: &[u64],
        report: &mut EmbedReport,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if pending.is_empty() {
            return Ok(());
        }
        progress.phase("embedding", Some(pending.len() as u64));
        let model = options.model.name();
        let backend = Backend::new(self, &options.model)?;
        let mut run = EmbedRun {
            snapshot,
            gatherer: Gatherer::new(snapshot, shelf, model, types, self.threads(), Manner::of(&options.model, &backend))?,
            backend,
            form,
            texts: FxHashMap::default(),
            known: Vec::new(),
            rows: 0,
            written: Instant::now(),
            types,
            report,
        };
        let outcome = run.all(pending, progress, interrupt);
        // What was done before a model fell silent is kept.
        run.flush()?;
        outcome
    }
}

/// The form of the vectors that are made: what was asked for, else that of those the model has already. With `--all` another one may be
/// asked for, and any dimension.
fn form(shelf: &Shelf, model: &str, options: &EmbedOptions) -> Result<Form> {
    let there = shelf.parts(Some(model)).first().map(|part| part.form);
    let before = there.unwrap_or_default();
    let metric = options.metric.unwrap_or(before.metric);
    let keeps_originals = options.keep_originals.unwrap_or(before.keeps_originals);
    let form = Form { dimension: if options.all { 0 } else { before.dimension }, metric, keeps_originals };
    if there.is_some_and(|there| there != form && !options.all) {
        return Err(Error::Usage(format!(
            "the vectors of {model} in this vault are compared with --metric {} and kept with --quantize {}; ask for the same, or make all of them \
             anew with --all",
            before.metric.name(),
            before.quantized()
        )));
    }
    Ok(form)
}

/// The types that are embedded, as bits. What conversations are about is not said by what many of them are given to begin with.
fn wanted_types(names: &[String], of_conversations: bool) -> Result<u32> {
    if names.is_empty() {
        let given = |kind: SegmentType| matches!(kind, SegmentType::SystemPrompt | SegmentType::Context);
        let is_wanted = |kind: SegmentType| kind != SegmentType::ToolDefinitions && !(of_conversations && given(kind));
        let words = SegmentType::ALL.iter().filter(|kind| has_words(**kind) && is_wanted(**kind));
        return Ok(words.fold(0, |bits, kind| bits | TypeSet::of(*kind).bits() as u32));
    }
    let types = TypeSet::parse(names)?;
    if let Some(data) = SegmentType::ALL.iter().find(|kind| !has_words(**kind) && types.meets(TypeSet::of(**kind))) {
        return Err(Error::Usage(format!("{data} is no text; nothing of this type can be embedded")));
    }
    Ok(types.bits() as u32)
}

/// Records that some line shows.
pub(crate) fn shown(snapshot: &Snapshot) -> Result<Numbers> {
    let state = snapshot.state()?;
    Ok(live::shown(state, &Removed::of(&state.removals)))
}

/// Records whose texts are not all in a part of the model, in order.
pub(crate) fn pending(snapshot: &Snapshot, shelf: &Shelf, model: &str, types: u32, all: bool) -> Result<Vec<u64>> {
    let mut known = Numbers::default();
    for part in shelf.parts(Some(model)).iter().filter(|part| part.types_wanted & types == types && !all) {
        part.known.iter().for_each(|run| known.insert_run(run.first, run.count));
    }
    let shown = shown(snapshot)?;
    let numbers = snapshot.places().iter().flat_map(|place| place.first..place.first + place.count);
    Ok(numbers.filter(|number| shown.contains(*number) && !known.contains(*number)).collect())
}

/// One run of `embed`.
struct EmbedRun<'r, 's> {
    snapshot: &'s Snapshot,
    gatherer: Gatherer<'s>,
    backend: Backend,
    form: Form,
    /// What is not written yet.
    texts: FxHashMap<u64, Text>,
    known: Vec<Run>,
    rows: usize,
    written: Instant,
    types: u32,
    report: &'r mut EmbedReport,
}

impl EmbedRun<'_, '_> {
    fn all(&mut self, pending: &[u64], progress: &dyn Progress, interrupt: &Interrupt) -> Result<()> {
        let together = if let Backend::Outside(outside) = &self.backend { outside.records_together() } else { ROUND };
        for round in pending.chunks(together.min(ROUND)) {
            if interrupt.is_raised() {
                return Ok(());
            }
            let mut gathered = self.gatherer.round(round, self.form, progress)?;
            if !self.ask_outside(&mut gathered, interrupt)? {
                return Ok(());
            }
            self.take(round, gathered);
            if self.rows >= ROWS_TOGETHER || self.written.elapsed() >= TIME_TOGETHER {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Has the windows embedded that the program cannot embed itself; false when it was interrupted.
    fn ask_outside(&mut self, gathered: &mut Gathered, interrupt: &Interrupt) -> Result<bool> {
        let Backend::Outside(outside) = &mut self.backend else { return Ok(true) };
        let windows = std::mem::take(&mut gathered.windows);
        let mut refused: FxHashMap<u64, String> = FxHashMap::default();
        for batch in windows.chunks(outside.together()) {
            if interrupt.is_raised() {
                return Ok(false);
            }
            let texts: Vec<&str> = batch.iter().map(|window| window.text.as_str()).collect();
            for (window, vector) in batch.iter().zip(outside.embed(&texts)?) {
                let expected = if self.form.dimension == 0 { vector.len() } else { self.form.dimension };
                if vector.len() != expected || vector.len() > MOST_DIMENSIONS {
                    return Err(Error::Usage(format!(
                        "{} gave a vector of {} dimensions for segment {:016x}, its vectors in this vault have {expected}; name another model with \
                         --model, or embed everything anew with --all",
                        outside.name(),
                        vector.len(),
                        window.hash
                    )));
                }
                self.form.dimension = expected;
                let Some(text) = gathered.texts.get_mut(&window.hash) else { continue };
                if let Err(unusable) = text.vectors.add(window.start, &vector, self.form) {
                    refused.insert(window.hash, unusable.to_string());
                }
            }
        }
        for (hash, reason) in refused {
            let record = gathered.texts.get(&hash).and_then(|text| text.holders.first().copied());
            gathered.refused.push((hash, record.unwrap_or_default(), reason));
        }
        gathered.refused.sort();
        Ok(true)
    }

    /// Takes a round's texts over.
    fn take(&mut self, round: &[u64], gathered: Gathered) {
        if self.form.dimension == 0 {
            self.form = gathered.form;
        }
        self.known.extend(round.iter().map(|number| Run { first: *number, count: 1 }));
        self.known = join_runs(std::mem::take(&mut self.known));
        self.report.records += round.len() as u64;
        self.report.pending -= round.len() as u64;
        self.report.without_words += gathered.without_words;
        self.report.refused_count += gathered.refused.len() as u64;
        for (segment, record, reason) in gathered.refused {
            if self.report.refused.len() < REFUSED_SHOWN {
                let record = crate::vault::fetch::Fetcher::new(self.snapshot).hash_of(record).unwrap_or_default();
                self.report.refused.push(RefusedText { record, segment: format!("{segment:016x}"), reason });
            }
        }
        for (hash, text) in gathered.texts {
            self.rows += text.vectors.len();
            self.report.texts += u64::from(!text.vectors.is_empty());
            self.report.vectors += text.vectors.len() as u64;
            match self.texts.get_mut(&hash) {
                Some(known) => {
                    known.types |= text.types;
                    known.holders.extend(text.holders);
                    if known.vectors.is_empty() {
                        known.vectors = text.vectors;
                    }
                }
                None => drop(self.texts.insert(hash, text)),
            }
        }
    }

    /// Writes what has gathered as a part.
    fn flush(&mut self) -> Result<()> {
        if self.known.is_empty() || self.form.dimension == 0 {
            return Ok(());
        }
        let mut texts: Vec<Text> = self.texts.drain().map(|(_, text)| text).collect();
        texts.iter_mut().for_each(|text| {
            text.holders.sort_unstable();
            text.holders.dedup();
        });
        texts.sort_unstable_by_key(|text| text.hash);
        self.rows = 0;
        self.written = Instant::now();
        let built = Built {
            vault: self.snapshot.head.vault_id,
            model: self.report.model.clone(),
            types: self.types,
            form: self.form,
            known: std::mem::take(&mut self.known),
            texts,
            graph: None,
        };
        debug_assert!(built.row_count() <= MOST_ROWS, "rounds are far smaller");
        keep::write(self.snapshot.layout(), &built).map(drop)
    }
}
