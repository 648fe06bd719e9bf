//! Files: what the vault knows of one decides how it is read.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};

use super::{Run, chunk_options, length_of};
use crate::error::{Error, Result};
use crate::source::decide::{Decision, Growth, Twin};
use crate::source::decompress::{self, Compression};
use crate::source::digest::{EDGE, StreamDigest, edge_hash};
use crate::source::document::{self, ElementReader, Outline, Verdict};
use crate::source::lines::{ChunkOptions, Item, LineReader};
use crate::source::observe::{self, Seen};
use crate::source::paths;
use crate::source::state::{SourceKind, SourceState, Stamp};
use crate::source::walk::{self, FoundFile, WalkOptions};
use crate::vault::ingest::digests::{Bytes, Digest};
use crate::vault::journal::{Entry, SourceDelta};

impl Run<'_> {
    pub(super) fn path(&mut self, path: &Path) -> Result<()> {
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
                // A pipe nobody writes to yet blocks who opens it: that is for the thread that reads.
                self.stream(Box::new(OpenedLater { path: file.path, file: None }), Some(name))?;
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
        let mut resumed = Digest::resumed(&state.digest);
        let goes_on = !resumed.digest.is_closed() && (compressed || has_its_end(&mut resumed.digest, &file.path));
        state.open_line = 0;
        let mut active = self.activate(state, drop_last);
        active.then_alias = then_alias.map(Box::new);
        let slot = if compressed || !goes_on {
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

/// A file that is opened when it is first read.
struct OpenedLater {
    path: PathBuf,
    file: Option<std::fs::File>,
}

impl Read for OpenedLater {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let file = match self.file.take() {
            Some(file) => file,
            None => std::fs::File::open(&self.path)?,
        };
        self.file.insert(file).read(buffer)
    }
}

/// Gives a digest the last bytes of its stream back, from the file that has them; false when they are others.
fn has_its_end(digest: &mut StreamDigest, path: &Path) -> bool {
    let Some(missing) = digest.missing() else { return true };
    let mut bytes = vec![0; (missing.end - missing.start) as usize];
    let read = open_at(path, missing.start).and_then(|mut file| file.read_exact(&mut bytes));
    read.is_ok() && digest.restore(&bytes)
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
