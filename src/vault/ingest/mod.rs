//! `ingest`: inputs are found, looked at, read, and fed.
//!
//! | file | what |
//! |---|---|
//! | `mod` | the run: what each input means and which way it is read |
//! | `feed` | the conveyor from chunks to commits |
//! | `repeat` | whether a stream repeats what is known |
//! | `digests` | digests of the streams, on a thread of their own |

mod digests;
mod feed;
mod repeat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::record::cut::CutOptions;
use crate::shape::{Mappings, ShapeId};
use crate::source::decide::{Decision, Growth, Twin};
use crate::source::decompress::{self, Compression};
use crate::source::digest::{EDGE, edge_hash};
use crate::source::document::{self, ElementReader, Outline, Verdict};
use crate::source::lines::{ChunkOptions, Item, LineReader};
use crate::source::names;
use crate::source::observe::{self, Seen};
use crate::source::paths;
use crate::source::pipe;
use crate::source::state::{SourceKind, SourceState, Stamp};
use crate::source::walk::{self, FoundFile, WalkOptions};
use crate::vault::Vault;
use crate::vault::api::{Explanation, Failure, IngestOptions, IngestReport, Input, Sync};
use crate::vault::head::disk_bytes;
use crate::vault::ingest::digests::{Bytes, Digest};
use crate::vault::ingest::feed::{Active, Detector, Feed};
use crate::vault::ingest::repeat::Undecided;
use crate::vault::journal::{Entry, SourceDelta};
use crate::vault::logbook;
use crate::vault::session::Session;
use crate::vault::write::assemble::Shape;

/// A chunk is the unit of parallel cutting: large enough to be worth a task, small enough that what is under way stays in the
/// processor's caches (1 MiB was a third faster than 4 MiB).
fn chunk_options() -> ChunkOptions {
    ChunkOptions { chunk_bytes: 1 << 20, ..ChunkOptions::default() }
}

/// How long a wait for a pipe may hide a signal.
const PATIENCE: Duration = Duration::from_millis(100);
/// Largest window a decoder may need unless more memory was allowed.
const WINDOW: u64 = 128 << 20;

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
        };
        let mut run = Run {
            vault: self,
            options,
            progress,
            interrupt,
            next_source: session.state.next_source(),
            session,
            feed: Feed::new(cut),
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
        report.vault_bytes_before = before;
        report.vault_bytes_after += if options.dry_run { before } else { disk_bytes(self.layout.dir())? };
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }
}

impl Run<'_> {
    fn window(&self) -> u64 {
        self.vault.options.memory_limit.map_or(WINDOW, |limit| limit.max(WINDOW))
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

    fn path(&mut self, path: &Path) -> Result<()> {
        let vault =
            paths::absolute(self.vault.layout.dir()).map_err(|error| Error::io("resolving", self.vault.layout.dir(), error))?;
        let options = WalkOptions::new(&self.options.include, &self.options.exclude, self.options.all_files, Some(vault))?;
        let found = walk::discover(&[path.to_path_buf()], &options);
        for (reason, count) in found.skipped {
            *self.report.skipped.entry(reason.to_string()).or_default() += count;
        }
        for (path, error) in found.errors {
            self.fail(path, &error);
        }
        let total = found.files.iter().map(|file| file.size).sum();
        self.progress.phase("ingest", Some(total));
        for file in found.files {
            if self.interrupt.is_raised() {
                break;
            }
            let name = self.name_of(path, &file);
            if file.regular {
                self.file(&file, &name)?;
            } else {
                match std::fs::File::open(&file.path) {
                    Ok(reader) => self.stream(Box::new(reader), Some(name))?,
                    Err(error) => self.fail(file.path, &error),
                }
            }
        }
        Ok(())
    }

    /// The source's name: as given, below a prefix, or the path.
    fn name_of(&self, root: &Path, file: &FoundFile) -> String {
        if let Some(name) = &self.options.source {
            return name.clone();
        }
        let full = paths::source_name(&file.path);
        let Some(prefix) = &self.options.as_prefix else { return full };
        let root = paths::absolute(root).map(|root| paths::source_name(&root)).unwrap_or_default();
        let base = if file.explicit { Path::new(&root).parent().map(paths::source_name).unwrap_or_default() } else { root };
        let rest = full.strip_prefix(&base).unwrap_or(&full).trim_start_matches('/');
        format!("{}/{rest}", prefix.trim_end_matches('/'))
    }

    fn fail(&mut self, path: PathBuf, error: &io::Error) {
        self.progress.warn(&format!("{}: {error}", path.display()));
        self.report.failures.push(Failure { path, message: error.to_string() });
    }

    /// A regular file: what the vault knows of it decides how it is read.
    fn file(&mut self, file: &FoundFile, name: &str) -> Result<()> {
        let repeats = self.feed.active.iter().any(|active| !active.done && active.state.name == name);
        let may_equal = self.under_way.iter().any(|(size, packed)| *size == file.size || *packed);
        if repeats || may_equal || decompress_looks_packed(&file.path) && !self.under_way.is_empty() {
            self.settle_all()?;
        }
        let known: Vec<SourceState> =
            self.session.state.generations(name).into_iter().map(|source| source.state.clone()).collect();
        let twins = self.twins(file, name);
        let twins: Vec<Twin<'_>> = twins.iter().map(|(state, moved)| Twin { state, moved_away: *moved }).collect();
        let looked = if self.options.append && !known.is_empty() {
            Ok(append_to(&known))
        } else {
            observe::look(file, &known, &twins, self.options.verify_sources, self.window())
        };
        let seen = match looked {
            Ok(seen) => seen,
            Err(error) => {
                self.fail(file.path.clone(), &error);
                return Ok(());
            }
        };
        self.read_file(file, name, &seen)
    }

    /// Other sources whose content this file may repeat or continue, and whether their own file has gone or changed.
    fn twins(&self, file: &FoundFile, name: &str) -> Vec<(SourceState, bool)> {
        let head = head_hash(&file.path, self.window()).ok();
        let stamp = Stamp::from(file);
        let others = self.session.state.sources.values().map(|source| &source.state).filter(|state| state.name != name);
        others
            .filter(|state| {
                let same_file = state.stamp.is_some_and(|known| (known.dev, known.ino) == (stamp.dev, stamp.ino));
                same_file || (state.stream_len() > 0 && head == Some(state.head_hash))
            })
            .map(|state| (state.clone(), has_moved(state)))
            .collect()
    }

    fn read_file(&mut self, file: &FoundFile, name: &str, seen: &Seen) -> Result<()> {
        let compressed = seen.compression != Compression::None;
        let fresh = |run: &mut Run<'_>, generation: u32| {
            let mut state = SourceState::new(run.fresh_id(), name, generation, SourceKind::File);
            state.compressed = compressed;
            state.stamp = Some(Stamp::from(file));
            state
        };
        match &seen.decision {
            Decision::Unchanged => self.report.sources_unchanged += 1,
            Decision::Touched { id } => {
                self.report.sources_unchanged += 1;
                if let Some(mut state) = self.session.state.sources.get(id).map(|source| source.state.clone()) {
                    state.stamp = Some(Stamp::from(file));
                    state.compressed = compressed;
                    self.session.commit(vec![Entry::Source(SourceDelta { state: state.encode(), ..SourceDelta::default() })])?;
                }
            }
            Decision::AliasOf { id, generation } => {
                self.report.sources_unchanged += 1;
                let mut state = fresh(self, *generation);
                if let Some(origin) = self.session.state.sources.get(id).map(|source| source.state.clone()) {
                    state = SourceState {
                        id: state.id,
                        name: state.name,
                        generation: *generation,
                        stamp: state.stamp,
                        compressed,
                        alias_of: Some(*id),
                        ..origin
                    };
                    self.session.commit(vec![Entry::Source(SourceDelta { state: state.encode(), ..SourceDelta::default() })])?;
                }
            }
            Decision::New => {
                let state = fresh(self, 1);
                self.whole(file, state, seen.maybe_document)?;
            }
            Decision::NewGeneration { generation } => {
                let state = fresh(self, *generation);
                self.whole(file, state, seen.maybe_document)?;
            }
            Decision::Continue(growth) => {
                let stamp = Stamp::from(file);
                self.grow(file, *growth, compressed, Some(stamp), None)?;
            }
            Decision::Extend { growth, generation } => {
                let mut alias = fresh(self, *generation);
                alias.alias_of = Some(growth.id);
                self.grow(file, *growth, compressed, None, Some(alias))?;
            }
            Decision::LookCloser(_) => return Err(Error::Internal("a look that was not taken".into())),
        }
        Ok(())
    }

    /// A file read from its start.
    fn whole(&mut self, file: &FoundFile, mut state: SourceState, maybe_document: bool) -> Result<()> {
        let outline = if maybe_document { self.outline(&file.path) } else { None };
        let opened = match decompress::open(&file.path, self.window()) {
            Ok(opened) => opened,
            Err(error) => {
                self.fail(file.path.clone(), &error);
                return Ok(());
            }
        };
        self.under_way.push((file.size, state.compressed));
        let chunk = chunk_options();
        if let Some(outline) = outline {
            state.kind = SourceKind::Document;
            state.glue = Some(outline.glue.clone());
            let slot = self.open(state, None);
            let elements = ElementReader::new(opened.reader, outline, chunk.chunk_bytes);
            return self.pull(slot, file.path.clone(), elements.map(|chunk| chunk.map(Item::Chunk)), true);
        }
        let slot = self.open(state, None);
        let items = read_ahead(opened.reader, chunk, self.feed.digests.spare.clone());
        self.pull(slot, file.path.clone(), items.into_iter(), false)
    }

    fn outline(&mut self, path: &Path) -> Option<Outline> {
        let opened = decompress::open(path, self.window()).ok()?;
        match document::outline(opened.reader, chunk_options().max_line) {
            Ok(Verdict::Document(outline)) => Some(outline),
            Ok(Verdict::Lines(why)) => {
                self.progress.note(&format!("{}: cut at newlines, not as one document: {why}", path.display()));
                None
            }
            Err(_) => None,
        }
    }

    /// A file that continues a source.
    fn grow(
        &mut self,
        file: &FoundFile,
        growth: Growth,
        compressed: bool,
        stamp: Option<Stamp>,
        then_alias: Option<SourceState>,
    ) -> Result<()> {
        let Some(source) = self.session.state.sources.get(&growth.id) else {
            return Err(Error::Internal(format!("source {} is gone", growth.id)));
        };
        let mut state = source.state.clone();
        let drop_last = u64::from(state.last_line_open());
        state.stamp = stamp.or(state.stamp);
        state.compressed = compressed && stamp.is_some();
        state.alias_of = None;
        let opened = decompress::open(&file.path, self.window());
        let mut reader = match opened {
            Ok(opened) => opened.reader,
            Err(error) => {
                self.fail(file.path.clone(), &error);
                return Ok(());
            }
        };
        let resumed = Digest::resumed(&state.digest);
        state.open_line = 0;
        let mut active = self.activate(state, drop_last);
        active.then_alias = then_alias.map(Box::new);
        let slot = if compressed || resumed.digest.is_closed() {
            // The stream passes from its start anyway: digest all of it, cut what is new.
            let slot = self.feed.open(active, Digest::fresh(), 0);
            if let Err(error) = self.skip(slot, &mut reader, growth.from) {
                self.fail(file.path.clone(), &error);
            }
            slot
        } else {
            active.plain = Some(file.path.clone());
            let slot = self.feed.open(active, resumed, growth.digested - growth.from);
            reader = match open_at(&file.path, growth.from) {
                Ok(reader) => reader,
                Err(error) => {
                    self.fail(file.path.clone(), &error);
                    return Ok(());
                }
            };
            slot
        };
        let items = LineReader::at(reader, chunk_options(), growth.from);
        self.pull(slot, file.path.clone(), items, false)
    }

    fn skip(&mut self, slot: usize, reader: &mut dyn Read, mut length: u64) -> io::Result<()> {
        while length > 0 {
            let mut bytes = vec![0; length.min(1 << 20) as usize];
            reader.read_exact(&mut bytes)?;
            length -= bytes.len() as u64;
            self.feed.digests.bytes(slot, Bytes::Raw(bytes));
        }
        Ok(())
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

    /// Feeds all items of a file. `all_or_nothing` for documents: one that changes while it is read is not kept.
    fn pull(
        &mut self,
        slot: usize,
        path: PathBuf,
        items: impl Iterator<Item = io::Result<Item>>,
        all_or_nothing: bool,
    ) -> Result<()> {
        self.feed.active[slot].held = all_or_nothing;
        let mut complete = true;
        for item in items {
            if self.interrupt.is_raised() {
                complete = false;
                break;
            }
            match item {
                Ok(item) => {
                    self.progress.advance(length_of(&item));
                    self.feed.push(&mut self.session, slot, item)?;
                }
                Err(error) => {
                    self.fail(path, &error);
                    complete = false;
                    break;
                }
            }
        }
        if all_or_nothing && !complete {
            self.feed.drain(&mut self.session)?;
            self.feed.active[slot].runs.clear();
            self.feed.active[slot].dirty = false;
            return Ok(());
        }
        self.feed.active[slot].complete = complete;
        self.feed.end(&mut self.session, slot)
    }

    /// A stream: standard input, or a pipe with a name.
    fn stream(&mut self, reader: Box<dyn Read + Send>, name: Option<String>) -> Result<()> {
        self.progress.phase("ingest", None);
        self.settle_all()?;
        let opened = match decompress::wrap(reader, self.window()) {
            Ok(opened) => opened,
            Err(error) => {
                self.fail(PathBuf::from("-"), &error);
                return Ok(());
            }
        };
        let options = chunk_options();
        let interval = self.options.flush_interval;
        let items = pipe::spawn(opened.reader, options, Some(interval));
        let named = self.options.source.clone().or(name);
        // The first MiB names an unnamed stream: its chunks wait until it is there.
        let mut head = Vec::new();
        let mut waiting = Vec::new();
        let mut over = false;
        let mut failure = None;
        while named.is_none() && head.len() < names::STDIN_HEAD && !over {
            match self.receive(&items, interval) {
                Next::Item(item) => {
                    head.extend_from_slice(bytes_of(&item));
                    waiting.push(item);
                }
                // A slow stream is named by what came before the first pause: its lines must not wait for a MiB.
                Next::Pause if !head.is_empty() => break,
                Next::Pause => {}
                Next::Failed(error) => failure = Some(error),
                Next::End => over = true,
            }
        }
        let slot = self.open_stream(named, &head, opened.compression)?;
        for item in waiting {
            self.progress.advance(length_of(&item));
            self.feed.push(&mut self.session, slot, item)?;
        }
        while !over {
            match self.receive(&items, interval) {
                Next::Item(item) => {
                    self.session.resume(self.vault.options.lock_timeout)?;
                    self.progress.advance(length_of(&item));
                    self.feed.push(&mut self.session, slot, item)?;
                    if self.feed.last_commit.elapsed() >= interval {
                        self.flush()?;
                    }
                }
                Next::Pause => {
                    if self.feed.is_dirty() {
                        self.flush()?;
                    }
                    self.session.pause()?;
                }
                Next::Failed(error) => failure = Some(error),
                Next::End => over = true,
            }
        }
        self.session.resume(self.vault.options.lock_timeout)?;
        if let Some(error) = failure {
            self.fail(PathBuf::from("-"), &error);
        }
        self.feed.end(&mut self.session, slot)?;
        self.settle_all()
    }

    fn open_stream(&mut self, named: Option<String>, head: &[u8], compression: Compression) -> Result<usize> {
        let is_named = named.is_some();
        let (name, known) = match named {
            Some(name) => {
                let known = self.session.state.generations(&name).last().map(|source| source.state.clone());
                (name, known)
            }
            None => {
                let states = self.session.state.sources.values().map(|source| &source.state);
                let known = names::find_stdin(head, states).cloned();
                (known.as_ref().map_or_else(|| names::stdin_name(head), |state| state.name.clone()), known)
            }
        };
        if self.options.append
            && let Some(state) = known
        {
            if state.digest.is_closed() {
                let what = "lines were purged from it, so that its digest cannot go on; append under another name";
                return Err(Error::Usage(format!("{}: {what}", state.name)));
            }
            // An open line was ended by whoever appends: it stays as it is, a line of its own.
            let digest = Digest::resumed(&state.digest);
            let mut active = self.activate(state, 0);
            active.ends_open_line = active.state.last_line_open();
            return Ok(self.feed.open(active, digest, 0));
        }
        let kind = if is_named { SourceKind::Stream } else { SourceKind::Stdin };
        let mut state = SourceState::new(self.fresh_id(), &name, 1, kind);
        state.compressed = compression != Compression::None;
        let mut active = self.activate(state, 0);
        active.undecided = known.as_ref().map(|known| Undecided::against(known.id));
        // What comes is compared with what is known up to its end.
        let mark = known.map(|known| (known.stream_len(), None));
        Ok(self.feed.open(active, Digest { mark, ..Digest::fresh() }, 0))
    }

    fn receive(&self, items: &Receiver<io::Result<Item>>, interval: Duration) -> Next {
        let deadline = Instant::now() + interval.max(PATIENCE);
        loop {
            if self.interrupt.is_raised() {
                return Next::End;
            }
            match items.recv_timeout(PATIENCE) {
                Ok(Ok(item)) => return Next::Item(item),
                Ok(Err(error)) => return Next::Failed(error),
                Err(RecvTimeoutError::Disconnected) => return Next::End,
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return Next::Pause,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
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

/// Reads and splits a file on a thread of its own, into buffers that come back.
fn read_ahead(reader: Box<dyn Read + Send>, options: ChunkOptions, spare: Receiver<Vec<u8>>) -> Receiver<io::Result<Item>> {
    let (sender, receiver) = bounded(2);
    std::thread::spawn(move || {
        let mut lines = LineReader::new(reader, options);
        while let Some(item) = lines.next() {
            if sender.send(item).is_err() {
                return;
            }
            if let Ok(buffer) = spare.try_recv() {
                lines.recycle(buffer);
            }
        }
    });
    receiver
}

/// Under which name the journal keeps the shape that a source was given.
pub(crate) fn forced_shape_key(source: &str) -> String {
    format!("shape:{source}")
}

/// What a wait for a stream brought.
enum Next {
    Item(Item),
    Pause,
    Failed(io::Error),
    End,
}

fn bytes_of(item: &Item) -> &[u8] {
    match item {
        Item::Chunk(chunk) => &chunk.data,
        Item::LongPiece(piece) => &piece.data,
    }
}

fn length_of(item: &Item) -> u64 {
    bytes_of(item).len() as u64
}

fn open_at(path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
    use std::io::Seek;
    let mut file = std::fs::File::open(path)?;
    file.seek(io::SeekFrom::Start(offset))?;
    Ok(Box::new(file))
}

/// `--append` to a file's source: whatever the file holds comes after what is known.
fn append_to(known: &[SourceState]) -> Seen {
    let generation = known.iter().map(|state| state.generation).max().unwrap_or(0) + 1;
    Seen { decision: Decision::NewGeneration { generation }, compression: Compression::None, maybe_document: false }
}

fn decompress_looks_packed(path: &Path) -> bool {
    let mut start = [0; 8];
    std::fs::File::open(path)
        .and_then(|mut file| file.read(&mut start))
        .is_ok_and(|read| decompress::recognise(&start[..read]) != Compression::None)
}

/// Hash of the first 64 KiB of a file's stream.
fn head_hash(path: &Path, window: u64) -> io::Result<u128> {
    let opened = decompress::open(path, window)?;
    let mut head = Vec::new();
    opened.reader.take(EDGE).read_to_end(&mut head)?;
    Ok(edge_hash(&head))
}

/// The file of a source is gone, or is another one by now.
fn has_moved(state: &SourceState) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(&state.name), state.stamp) {
        (Ok(meta), Some(stamp)) => (meta.dev(), meta.ino()) != (stamp.dev, stamp.ino) || meta.len() < stamp.size,
        (Err(_), Some(_)) => true,
        _ => false,
    }
}
