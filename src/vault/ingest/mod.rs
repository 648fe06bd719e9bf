//! `ingest`: inputs are found, looked at, read, and fed.
//!
//! | file | what |
//! |---|---|
//! | `mod` | the run: from the first input to the report |
//! | `file` | files: what each means and which way it is read |
//! | `stream` | standard input and pipes |
//! | `budget` | what a memory limit means |
//! | `feed` | the conveyor from chunks to commits |
//! | `long` | lines too long to be held |
//! | `repeat` | whether a stream repeats what is known |
//! | `digests` | digests of the streams, on a thread of their own |

mod budget;
mod digests;
mod feed;
mod file;
mod long;
mod repeat;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::record::cut::CutOptions;
use crate::shape::{Mappings, ShapeId};
use crate::source::lines::{ChunkOptions, Item};
use crate::source::state::SourceState;
use crate::vault::Vault;
use crate::vault::api::{Explanation, Failure, IngestOptions, IngestReport, Input, Sync};
use crate::vault::head::disk_bytes;
use crate::vault::ingest::budget::Budget;
use crate::vault::ingest::digests::Digest;
use crate::vault::ingest::feed::{Active, Detector, Feed};
use crate::vault::journal::Entry;
use crate::vault::logbook;
use crate::vault::session::Session;
use crate::vault::write::assemble::Shape;

/// A chunk is the unit of parallel cutting: large enough to be worth a task, small enough that what is under way stays in the
/// processor's caches (1 MiB was a third faster than 4 MiB).
fn chunk_options() -> ChunkOptions {
    ChunkOptions { chunk_bytes: 1 << 18, ..ChunkOptions::default() }
}

/// One ingest.
struct Run<'v> {
    vault: &'v Vault,
    options: &'v IngestOptions,
    progress: &'v dyn Progress,
    interrupt: &'v Interrupt,
    session: Session,
    feed: Feed,
    report: IngestReport,
    /// Sizes and kinds of files on the conveyor: a file that may equal one of them waits for it.
    under_way: Vec<(u64, bool)>,
    next_source: u32,
    budget: Budget,
}

impl Vault {
    /// Takes inputs in. A raised interrupt ends it after a clean commit, with `Ok`.
    ///
    /// # Errors
    /// What kept it from going on; what was acknowledged stays.
    pub fn ingest(
        &self,
        options: &IngestOptions,
        inputs: Vec<Input>,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<IngestReport> {
        let started = Instant::now();
        let before = if self.layout.is_vault() { disk_bytes(self.layout.dir())? } else { 0 };
        let pool = self.pool()?;
        let mut session = Session::begin(&self.layout, &pool, Shape::ingest(), self.options.lock_timeout, options.dry_run)?;
        if options.restore_removed {
            session.assembler.suppress_nothing();
        }
        let cut = CutOptions {
            context_delimiter: options.context_delimiter.as_ref().map(|text| text.clone().into_bytes()),
            max_segment_bytes: options.max_segment_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            ..CutOptions::default()
        };
        let budget = Budget::of(self.options.memory_limit);
        let mut run = Run {
            budget,
            vault: self,
            options,
            progress,
            interrupt,
            next_source: session.state.next_source(),
            session,
            feed: Feed::new(cut, budget.under_way),
            report: IngestReport { dry_run: options.dry_run, created: self.created, ..IngestReport::default() },
            under_way: Vec::new(),
        };
        run.mapping()?;
        for input in inputs {
            if run.interrupt.is_raised() {
                break;
            }
            match input {
                Input::Path(path) => run.path(&path)?,
                Input::Stream(reader) => run.stream(reader, None)?,
            }
        }
        let mut report = run.finish()?;
        if report.new_records > 0 && !options.dry_run && !interrupt.is_raised() {
            self.follow_lexical_parts(progress);
        }
        report.vault_bytes_before = before;
        report.vault_bytes_after += if options.dry_run { before } else { disk_bytes(self.layout.dir())? };
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }
}

impl Run<'_> {
    fn window(&self) -> u64 {
        self.budget.window
    }

    /// Keeps a mapping file in the vault, and sets up what `--shape`, `--explain` and `--restore-removed` need.
    fn mapping(&mut self) -> Result<()> {
        let forced = match &self.options.shape {
            Some(name) => Some(ShapeId::from_name(name).ok_or_else(|| {
                Error::Usage(format!("--shape {name}: no such shape; `turnpack ingest --explain` names those that were found"))
            })?),
            None => None,
        };
        self.feed.restore = self.options.restore_removed;
        let mut entries = Vec::new();
        if let Some(path) = &self.options.map {
            let text = std::fs::read(path).map_err(|error| Error::io("reading", path, error))?;
            let name = path.file_name().map_or_else(|| "mapping".into(), |name| name.to_string_lossy().into_owned());
            let parsed = std::str::from_utf8(&text).map_err(|error| error.to_string());
            parsed
                .and_then(|text| Mappings::parse(text).map_err(|error| error.to_string()))
                .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
            if self.session.state.mappings.get(&name) != Some(&text) {
                entries.push(Entry::Mapping(name, text));
            }
        }
        if !entries.is_empty() {
            self.session.commit(entries)?;
        }
        if self.options.explain {
            let mappings = crate::vault::meaning::mappings(&self.session.state);
            self.feed.detector = Some(Arc::new(Detector { forced, mappings }));
        }
        Ok(())
    }

    fn explanations(&self) -> Vec<Explanation> {
        let reason = |active: &Active| match (&self.options.shape, active.shapes.len()) {
            (Some(_), _) => "given with --shape".to_string(),
            (None, 0) => "nothing new to look at".to_string(),
            (None, 1) => "detected: every line looks like this".to_string(),
            (None, many) => format!("detected line by line: {many} shapes"),
        };
        let explain = |active: &Active| Explanation {
            source: active.state.name.clone(),
            shapes: active.shapes.iter().map(|(name, count)| ((*name).to_string(), *count)).collect(),
            reason: reason(active),
        };
        self.feed.active.iter().map(explain).collect()
    }

    fn fail(&mut self, path: PathBuf, error: &io::Error) {
        self.progress.warn(&format!("{}: {error}", path.display()));
        self.report.failures.push(Failure { path, message: error.to_string() });
    }

    /// A number no source has. Others may have given out some while a stream was waiting.
    fn fresh_id(&mut self) -> u32 {
        let id = self.next_source.max(self.session.state.next_source());
        self.next_source = id + 1;
        id
    }

    fn activate(&mut self, state: SourceState, drop_last: u64) -> Active {
        self.report.sources += 1;
        let announce =
            self.options.shape.as_ref().map(|shape| Entry::Mapping(forced_shape_key(&state.name), shape.clone().into_bytes()));
        Active {
            state,
            drop_last,
            runs: Vec::new(),
            plain: None,
            undecided: None,
            dirty: true,
            then_alias: None,
            done: false,
            complete: false,
            held: false,
            occurrences: 0,
            unchanged: false,
            announce,
            shapes: BTreeMap::new(),
            ends_open_line: false,
        }
    }

    fn open(&mut self, state: SourceState, plain: Option<PathBuf>) -> usize {
        let mut active = self.activate(state, 0);
        active.plain = plain;
        self.feed.open(active, Digest::fresh(), 0)
    }

    /// Commits what came so far.
    fn flush(&mut self) -> Result<()> {
        self.feed.drain(&mut self.session)?;
        self.feed.commit(&mut self.session, Vec::new())?;
        if self.options.sync == Sync::Each { self.session.wait() } else { Ok(()) }
    }

    /// Finishes all sources under way, so that the next can be compared with them.
    fn settle_all(&mut self) -> Result<()> {
        self.feed.drain(&mut self.session)?;
        self.under_way.clear();
        if self.feed.active.iter().any(|active| active.dirty) {
            self.feed.commit(&mut self.session, Vec::new())?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<IngestReport> {
        self.feed.drain(&mut self.session)?;
        let counts = self.session.counts();
        let fed = &self.feed.fed;
        self.report.occurrences = fed.occurrences;
        self.report.bytes_in = fed.bytes;
        self.report.opaque_lines = fed.opaque;
        self.report.removed_again = fed.removed_again;
        self.report.new_records = counts.records;
        self.report.new_segments = counts.segments;
        self.report.interrupted = self.interrupt.signal();
        self.report.sources_unchanged += self.feed.unchanged();
        if self.feed.is_dirty() || counts.records > 0 {
            let log = logbook::entry(
                "ingest",
                &[
                    ("occurrences", self.report.occurrences),
                    ("new_records", self.report.new_records),
                    ("new_segments", self.report.new_segments),
                    ("bytes_in", self.report.bytes_in),
                ],
                None,
            );
            self.feed.commit(&mut self.session, vec![log])?;
        }
        if self.options.explain {
            self.report.explanations = self.explanations();
        }
        let written = self.session.finish()?;
        if self.options.dry_run {
            self.report.vault_bytes_after = written.1;
        }
        Ok(self.report)
    }
}

/// Under which name the journal keeps the shape that a source was given.
pub(crate) fn forced_shape_key(source: &str) -> String {
    format!("shape:{source}")
}

fn length_of(item: &Item) -> u64 {
    match item {
        Item::Chunk(chunk) => chunk.data.len() as u64,
        Item::LongPiece(piece) => piece.data.len() as u64,
    }
}
