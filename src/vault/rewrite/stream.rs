//! Live records of packs that are rewritten: fetched and cut on several threads, handed on in the order they were stored.
//!
//! A thread takes every n-th unit and sends it in pieces of a few megabytes through a queue of its own; whoever takes the pieces
//! goes round the queues. Queues are short, so that memory does not depend on how long lines are beside their stored form.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::checksum::ContentHasher;
use crate::error::{Corrupt, Error, Result};
use crate::pack::directory::GroupEntry;
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
    /// A part of one that is too long to be cut, or held: its next bytes.
    LongPart(Vec<u8>),
    /// The end of such a record: number and hash.
    LongEnd(u64, u128),
}

impl Piece {
    /// How many records it has.
    #[must_use]
    pub fn records(&self) -> u64 {
        match self {
            Piece::Lines(lines) => lines.numbers.len() as u64,
            Piece::LongPart(_) => 0,
            Piece::LongEnd(..) => 1,
        }
    }
}

/// What a thread sends.
enum Sent {
    Piece(Piece),
    EndOfUnit,
    Failed(Error),
}

/// A record to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of its pack.
    pub pack: u32,
    /// Index of its group.
    pub group: u32,
    /// Position in the group.
    pub position: u32,
    /// Its number.
    pub number: u64,
}

/// Records that one thread fetches one after the other.
pub type Unit = Vec<Place>;

/// All units of a rewrite.
pub enum Units<'l> {
    /// As they are stored, those of them that stay: pack and group of each unit. Places take more memory than all else, so each unit
    /// is made when its turn comes.
    Stored(Vec<(u32, u32)>, &'l Numbers),
    /// In another order.
    Ordered(Vec<Unit>),
}

impl<'l> Units<'l> {
    /// All live records in the order they are stored, a unit for each group.
    #[must_use]
    pub fn stored(packs: &[Arc<PackReader>], live: &'l Numbers) -> Units<'l> {
        let groups = (0..).zip(packs).flat_map(|(pack, reader)| {
            let groups = (0..).zip(&reader.directory().groups);
            groups.filter(|(_, entry)| numbers(entry).any(|number| live.contains(number))).map(move |(group, _)| (pack, group))
        });
        Units::Stored(groups.collect(), live)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Units::Stored(groups, _) => groups.len(),
            Units::Ordered(units) => units.len(),
        }
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, packs: &[Arc<PackReader>], index: usize) -> Cow<'_, [Place]> {
        match self {
            Units::Stored(groups, live) => groups.get(index).map(|at| places(packs, *at, live)).unwrap_or_default().into(),
            Units::Ordered(units) => units.get(index).map(Vec::as_slice).unwrap_or_default().into(),
        }
    }
}

/// Numbers of a group's records, by position.
fn numbers(entry: &GroupEntry) -> impl Iterator<Item = u64> + '_ {
    entry.records.iter().flat_map(|run| run.first..run.first + run.count)
}

/// Places of the live records of a group.
fn places(packs: &[Arc<PackReader>], (pack, group): (u32, u32), live: &Numbers) -> Unit {
    let entry = packs.get(pack as usize).and_then(|reader| reader.directory().groups.get(group as usize));
    let all = (0..).zip(entry.into_iter().flat_map(numbers));
    all.filter(|(_, number)| live.contains(*number)).map(|(position, number)| Place { pack, group, position, number }).collect()
}

/// How records are fetched.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// Threads at most.
    pub threads: usize,
    /// Memory of each for decoded groups and blocks; more where records are not fetched in the order they are stored.
    pub cache_bytes: usize,
}

/// Threads beyond these would only wait for the one that numbers.
const MOST_THREADS: usize = 6;

/// How records are cut on their way.
#[derive(Clone, Copy)]
pub struct Cutting<'c> {
    /// What is known need not be opened. When it is written meanwhile, what comes out depends on luck.
    pub known: &'c Known,
    /// The wishes.
    pub options: &'c CutOptions,
}

/// Hands records of `packs` to `take`, unit by unit, which may say false to stop; false when it did.
///
/// # Errors
/// When a record cannot be read, and what `take` fails with.
pub fn in_order(
    packs: &[Arc<PackReader>],
    units: &Units<'_>,
    cutting: Cutting<'_>,
    means: Means,
    mut take: impl FnMut(Piece) -> Result<bool>,
) -> Result<bool> {
    let threads = means.threads.clamp(1, MOST_THREADS).min(units.len().max(1));
    std::thread::scope(|scope| {
        let queues: Vec<Receiver<Sent>> = (0..threads)
            .map(|thread| {
                let (sender, receiver) = bounded(2);
                scope.spawn(move || {
                    let own = (thread..units.len()).step_by(threads).map(|index| units.unit(packs, index));
                    if let Err(error) = fetch(packs, own, cutting, means.cache_bytes, &sender) {
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
                    Ok(Sent::EndOfUnit) => break,
                    Ok(Sent::Failed(error)) => return Err(error),
                    Err(_) => return Err(Error::Internal("a thread that fetches records stopped".into())),
                }
            }
        }
        Ok(true)
    })
}

/// Nobody listens any more.
struct Stopped;

fn fetch<'u>(
    packs: &[Arc<PackReader>],
    units: impl Iterator<Item = Cow<'u, [Place]>>,
    cutting: Cutting<'_>,
    cache_bytes: usize,
    sender: &Sender<Sent>,
) -> Result<()> {
    let mut views = Views { packs, cache_bytes, open: Vec::new() };
    for unit in units {
        let mut out = Outgoing { cutting, sender, bytes: Vec::new(), ranges: Vec::new(), numbers: Vec::new() };
        if fetch_unit(&mut views, &unit, &mut out)?.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Views stay open for as long as memory allows: records in a new order come from several packs in turn.
struct Views<'p> {
    packs: &'p [Arc<PackReader>],
    cache_bytes: usize,
    open: Vec<(u32, PackView)>,
}

/// Packs open at once in one thread.
const OPEN_PACKS: usize = 4;

impl Views<'_> {
    fn of(&mut self, pack: u32) -> Result<&mut PackView> {
        let at = match self.open.iter().position(|(open, _)| *open == pack) {
            Some(at) => at,
            None => {
                if self.open.len() >= OPEN_PACKS.min(self.packs.len()) {
                    self.open.remove(0);
                }
                let reader = self.packs.get(pack as usize).ok_or_else(|| Error::Internal(format!("no pack {pack}")))?;
                let share = self.cache_bytes / OPEN_PACKS.min(self.packs.len()).max(1);
                self.open.push((pack, PackView::with_cache(Arc::clone(reader), share)?));
                self.open.len() - 1
            }
        };
        Ok(&mut self.open[at].1)
    }
}

fn fetch_unit(views: &mut Views<'_>, unit: &[Place], out: &mut Outgoing<'_>) -> Result<Result<(), Stopped>> {
    for place in unit {
        let view = views.of(place.pack)?;
        let pack = Arc::clone(view.pack());
        let (group, position) = (place.group as usize, place.position as usize);
        let damaged = |corrupt| Error::integrity(pack.path(), format!("record {}: {corrupt}", place.number));
        if let Some((_, segments)) = view.pieces(group, position).map_err(damaged)? {
            if out.long(view, place.number, &segments).map_err(damaged)?.is_err() {
                return Ok(Err(Stopped));
            }
            continue;
        }
        let start = out.bytes.len();
        view.record(group, position, &mut out.bytes).map_err(damaged)?;
        if out.add(place.number, start..out.bytes.len()).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(out.flush().and_then(|()| out.send(Sent::EndOfUnit)))
}

/// Records on their way into a piece.
struct Outgoing<'o> {
    cutting: Cutting<'o>,
    sender: &'o Sender<Sent>,
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
    numbers: Vec<u64>,
}

impl Outgoing<'_> {
    fn add(&mut self, number: u64, range: Range<usize>) -> Result<(), Stopped> {
        self.ranges.push(range);
        self.numbers.push(number);
        if self.bytes.len() >= ChunkOptions::default().chunk_bytes { self.flush() } else { Ok(()) }
    }

    /// A record that came in pieces leaves in the same pieces: one of gigabytes is never held.
    fn long(&mut self, view: &mut PackView, number: u64, segments: &[u32]) -> Result<Result<(), Stopped>, Corrupt> {
        if self.flush().is_err() {
            return Ok(Err(Stopped));
        }
        let mut hash = ContentHasher::default();
        for &segment in segments {
            let mut part = Vec::new();
            view.segment(segment, &mut part)?;
            hash.update(&part);
            if self.send(Sent::Piece(Piece::LongPart(part))).is_err() {
                return Ok(Err(Stopped));
            }
        }
        Ok(self.send(Sent::Piece(Piece::LongEnd(number, hash.finish()))))
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        let mut cutter = Cutter::new(&bytes, self.cutting.known, self.cutting.options);
        self.ranges.drain(..).for_each(|range| cutter.line(range));
        let cuts = cutter.finish();
        let lines = Lines { bytes, cuts, numbers: std::mem::take(&mut self.numbers) };
        self.send(Sent::Piece(Piece::Lines(Box::new(lines))))
    }

    fn send(&self, sent: Sent) -> Result<(), Stopped> {
        self.sender.send(sent).map_err(|_| Stopped)
    }
}
