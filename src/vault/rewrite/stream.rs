//! Live records of packs that are rewritten: fetched and cut on several threads, handed on in the order they were stored.
//!
//! A thread takes every n-th group and sends it in pieces of a few megabytes through a queue of its own; whoever takes the pieces
//! goes round the queues. Queues are short, so that memory does not depend on how long lines are beside their stored form.

use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::pack::reader::PackReader;
use crate::record::cut::{CutOptions, Cuts, Cutter};
use crate::record::known::Known;
use crate::source::lines::ChunkOptions;
use crate::vault::rewrite::Numbers;
use crate::vault::view::PackView;

/// Some records, cut.
pub struct Lines {
    /// Their bytes, one after the other.
    pub bytes: Vec<u8>,
    /// The cuts.
    pub cuts: Cuts,
    /// Their numbers.
    pub numbers: Vec<u64>,
}

/// A part of the stream of records.
pub enum Piece {
    /// Records of usual length.
    Lines(Box<Lines>),
    /// One that is too long to be cut: number, hash, parts.
    Long(u64, u128, Vec<Vec<u8>>),
}

impl Piece {
    /// How many records it has.
    #[must_use]
    pub fn records(&self) -> u64 {
        match self {
            Piece::Lines(lines) => lines.numbers.len() as u64,
            Piece::Long(..) => 1,
        }
    }
}

/// What a thread sends.
enum Sent {
    Piece(Piece),
    EndOfGroup,
    Failed(Error),
}

/// A group to fetch: index of its pack, and its own.
pub type Unit = (usize, usize);

/// Threads beyond these would only wait for the one that numbers.
const MOST_THREADS: usize = 6;

/// Hands the live records of some groups of `packs` to `take`, which may say false to stop; false when it did.
///
/// # Errors
/// When a record cannot be read, and what `take` fails with.
pub fn in_order(
    packs: &[Arc<PackReader>],
    units: Vec<Unit>,
    live: &Numbers,
    known: &Arc<Known>,
    threads: usize,
    mut take: impl FnMut(Piece) -> Result<bool>,
) -> Result<bool> {
    let threads = threads.clamp(1, MOST_THREADS).min(units.len().max(1));
    std::thread::scope(|scope| {
        let queues: Vec<Receiver<Sent>> = (0..threads)
            .map(|thread| {
                let (sender, receiver) = bounded(2);
                let units = &units;
                scope.spawn(move || {
                    if let Err(error) = fetch(packs, units.iter().skip(thread).step_by(threads), live, known, &sender) {
                        let _ = sender.send(Sent::Failed(error));
                    }
                });
                receiver
            })
            .collect();
        for index in 0..units.len() {
            loop {
                match queues[index % threads].recv() {
                    Ok(Sent::Piece(piece)) => {
                        // Leaving drops the queues, and with them the threads.
                        if !take(piece)? {
                            return Ok(false);
                        }
                    }
                    Ok(Sent::EndOfGroup) => break,
                    Ok(Sent::Failed(error)) => return Err(error),
                    Err(_) => return Err(Error::Internal("a thread that fetches records stopped".into())),
                }
            }
        }
        Ok(true)
    })
}

/// Groups that hold a live record.
#[must_use]
pub fn units(packs: &[Arc<PackReader>], live: &Numbers) -> Vec<Unit> {
    let mut units = Vec::new();
    for (pack, reader) in packs.iter().enumerate() {
        for (group, entry) in reader.directory.groups.iter().enumerate() {
            let mut numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
            if numbers.any(|number| live.contains(number)) {
                units.push((pack, group));
            }
        }
    }
    units
}

/// Nobody listens any more.
struct Stopped;

fn fetch<'u>(
    packs: &[Arc<PackReader>],
    units: impl Iterator<Item = &'u Unit>,
    live: &Numbers,
    known: &Known,
    sender: &Sender<Sent>,
) -> Result<()> {
    let mut current: Option<(usize, PackView)> = None;
    for &(pack, group) in units {
        if current.as_ref().is_none_or(|(open, _)| *open != pack) {
            current = Some((pack, PackView::new(Arc::clone(&packs[pack]))?));
        }
        if let Some((_, view)) = &mut current {
            let mut out = Outgoing { known, sender, bytes: Vec::new(), ranges: Vec::new(), numbers: Vec::new() };
            if fetch_group(view, group, live, &mut out)?.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn fetch_group(view: &mut PackView, group: usize, live: &Numbers, out: &mut Outgoing<'_>) -> Result<Result<(), Stopped>> {
    let pack = Arc::clone(view.pack());
    let Some(entry) = pack.directory.groups.get(group) else { return Ok(Ok(())) };
    let numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
    for (position, number) in numbers.enumerate().filter(|(_, number)| live.contains(*number)) {
        let start = out.bytes.len();
        view.record(group, position, &mut out.bytes)
            .map_err(|corrupt| Error::integrity(pack.path(), format!("record {number}: {corrupt}")))?;
        if out.add(number, start..out.bytes.len()).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(out.flush().and_then(|()| out.send(Sent::EndOfGroup)))
}

/// Records on their way into a piece.
struct Outgoing<'o> {
    known: &'o Known,
    sender: &'o Sender<Sent>,
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
    numbers: Vec<u64>,
}

impl Outgoing<'_> {
    fn add(&mut self, number: u64, range: Range<usize>) -> Result<(), Stopped> {
        let sizes = ChunkOptions::default();
        if range.len() > sizes.max_line {
            let hash = content_hash(&self.bytes[range.clone()]);
            let parts = self.bytes[range.clone()].chunks(sizes.long_piece).map(<[u8]>::to_vec).collect();
            self.bytes.truncate(range.start);
            self.flush()?;
            return self.send(Sent::Piece(Piece::Long(number, hash, parts)));
        }
        self.ranges.push(range);
        self.numbers.push(number);
        if self.bytes.len() >= sizes.chunk_bytes { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        let options = CutOptions::default();
        let mut cutter = Cutter::new(&bytes, self.known, &options);
        self.ranges.drain(..).for_each(|range| cutter.line(range));
        let cuts = cutter.finish();
        let lines = Lines { bytes, cuts, numbers: std::mem::take(&mut self.numbers) };
        self.send(Sent::Piece(Piece::Lines(Box::new(lines))))
    }

    fn send(&self, sent: Sent) -> Result<(), Stopped> {
        self.sender.send(sent).map_err(|_| Stopped)
    }
}
