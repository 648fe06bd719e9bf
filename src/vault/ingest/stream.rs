//! Streams: standard input, and pipes with a name. They pass once, may pause at any byte, and may never end.
//!
//! The lock is given up while a stream pauses, before its first byte as well. A signal ends the stream where it is: what was
//! received by then is committed.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::{Run, chunk_options, length_of};
use crate::error::{Error, Result};
use crate::source::decompress::Compression;
use crate::source::digest::StreamDigest;
use crate::source::lines::Item;
use crate::source::names;
use crate::source::pipe::{self, Pipe};
use crate::source::state::{SourceKind, SourceState};
use crate::vault::fetch::Fetcher;
use crate::vault::ingest::digests::Digest;
use crate::vault::ingest::repeat::Undecided;

/// How long a wait for a pipe may hide a signal.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a wait for a stream brought.
enum Next {
    Item(Item),
    Pause,
    Failed(io::Error),
    End,
}

/// A stream up to where it can be named.
#[derive(Default)]
struct Beginning {
    /// Its first bytes, where they name it.
    head: Vec<u8>,
    items: Vec<Item>,
    over: bool,
    failure: Option<io::Error>,
}

impl Run<'_> {
    /// A stream, under the name given or one made of its first bytes.
    pub(super) fn stream(&mut self, reader: Box<dyn Read + Send>, name: Option<String>) -> Result<()> {
        self.progress.phase("ingest", None);
        self.settle_all()?;
        let path = PathBuf::from(name.as_deref().unwrap_or("-"));
        let pipe = pipe::spawn(reader, self.window(), chunk_options(), self.options.flush_interval);
        let named = self.options.source.clone().or(name);
        let Beginning { head, items, mut over, mut failure } = self.beginning(&pipe, named.is_none())?;
        if items.is_empty() && (failure.is_some() || self.interrupt.is_raised()) {
            failure.iter().for_each(|error| self.fail(path.clone(), error));
            return Ok(());
        }
        self.session.resume(self.vault.options.lock_timeout)?;
        let slot = self.open_stream(named, &head, pipe.compression())?;
        for item in items {
            self.progress.advance(length_of(&item));
            self.feed.push(&mut self.session, slot, item)?;
        }
        while !over {
            match self.receive(&pipe) {
                Next::Item(item) => {
                    self.session.resume(self.vault.options.lock_timeout)?;
                    self.progress.advance(length_of(&item));
                    self.feed.push(&mut self.session, slot, item)?;
                    if self.feed.last_commit.elapsed() >= self.options.flush_interval {
                        self.flush()?;
                    }
                }
                // While others may write, nothing of ours may be committed: what waits for a decision waits on.
                Next::Pause if self.session.is_paused() => {}
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
            self.fail(path, &error);
        }
        self.feed.end(&mut self.session, slot)?;
        self.settle_all()
    }

    /// Waits for the first item, or for the first MiB where that names the stream: then its items wait until it is there.
    fn beginning(&mut self, pipe: &Pipe, names_itself: bool) -> Result<Beginning> {
        let mut beginning = Beginning::default();
        let wanted = if names_itself { names::STDIN_HEAD } else { 1 };
        while beginning.head.len() < wanted && !beginning.over {
            match self.receive(pipe) {
                Next::Item(item) => {
                    beginning.head.extend_from_slice(bytes_of(&item));
                    beginning.items.push(item);
                    if !names_itself {
                        break;
                    }
                }
                // A slow stream is named by what came before the first pause: its lines must not wait for a MiB.
                Next::Pause if !beginning.items.is_empty() => break,
                Next::Pause => self.session.pause()?,
                Next::Failed(error) => beginning.failure = Some(error),
                Next::End => beginning.over = true,
            }
        }
        Ok(beginning)
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
            // An open line was ended by whoever appends: it stays as it is, a line of its own.
            let mut digest = Digest::resumed(&state.digest);
            if state.digest.is_closed() || !self.has_its_end(&state, &mut digest.digest)? {
                let what = "lines at its end were purged or dropped, so that its digest cannot go on; append under another name";
                return Err(Error::Usage(format!("{}: {what}", state.name)));
            }
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

    /// Gives the digest of a file's source the last bytes of its stream back, from the lines that have them.
    fn has_its_end(&self, state: &SourceState, digest: &mut StreamDigest) -> Result<bool> {
        let Some(missing) = digest.missing() else { return Ok(true) };
        let snapshot = self.session.snapshot()?;
        let known = snapshot.state()?;
        let Some(source) = known.sources.get(&state.id).map(|source| known.origin(source)) else { return Ok(false) };
        let wanted = usize::try_from(missing.end - missing.start).unwrap_or(usize::MAX);
        let mut fetcher = Fetcher::new(&snapshot);
        let mut end = Vec::new();
        for number in source.runs.iter().rev().flat_map(|run| (run.first..run.first + run.count).rev()) {
            let mut line = Vec::new();
            if !fetcher.record(number, &mut line)? {
                return Ok(false);
            }
            if !(end.is_empty() && state.last_line_open()) {
                line.push(b'\n');
            }
            line.append(&mut end);
            end = line;
            if end.len() >= wanted {
                break;
            }
        }
        Ok(end.len() >= wanted && digest.restore(&end[end.len() - wanted..]))
    }

    /// The next thing to happen; after a signal what was received before it, then the end.
    fn receive(&self, pipe: &Pipe) -> Next {
        let deadline = Instant::now().checked_add(self.options.flush_interval.max(PATIENCE));
        loop {
            let interrupted = self.interrupt.is_raised();
            if interrupted {
                pipe.stop();
            }
            match pipe.items.recv_timeout(PATIENCE) {
                Ok(Ok(item)) => return Next::Item(item),
                Ok(Err(error)) => return Next::Failed(error),
                Err(RecvTimeoutError::Disconnected) => return Next::End,
                Err(RecvTimeoutError::Timeout) if !interrupted && deadline.is_some_and(|at| Instant::now() >= at) => {
                    return Next::Pause;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn bytes_of(item: &Item) -> &[u8] {
    match item {
        Item::Chunk(chunk) => &chunk.data,
        Item::LongPiece(piece) => &piece.data,
    }
}
