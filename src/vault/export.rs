//! `export`: lines byte for byte, in the order they came.
//!
//! A source that goes out whole gives the bytes that came in: its lines, the newline after the last only where there was one, and
//! around the elements of a document what stood there. With a filter or a limit lines are lines, each ended by a newline.
//! Workers decode ahead; a line too long for memory is passed through piece by piece.

mod dialogues;
mod files;
mod gather;
mod overlap;
mod parts;
mod plan;
mod row;
#[cfg_attr(not(feature = "parquet"), path = "export/no_table.rs")]
mod table;

pub(crate) use plan::{is_event, shape_of};

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use crate::error::{Corrupt, Error, IoContext, Result};
use crate::redact::{self, redact};
use crate::vault::Vault;
use crate::vault::ahead::in_order;
use crate::vault::api::{ExportOptions, ExportReport};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::{Sieve, Verdict, select};
use crate::vault::meaning::{Part, Scan, vanished};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// Bytes a job should decode to.
const JOB_BYTES: u64 = 4 << 20;
/// Lines of one job at most.
const JOB_LINES: u64 = 1024;
/// A line of more bytes is passed through in pieces.
const LONG_LINE: u64 = 16 << 20;

/// Where an export goes, and how much went there.
pub(crate) struct Sink<'w> {
    out: &'w mut dyn Write,
    name: &'w Path,
    /// Bytes written.
    pub(crate) bytes: u64,
    /// Lines written.
    pub(crate) lines: u64,
    /// Lines left out.
    pub(crate) removed: u64,
    /// Secrets in lines are replaced.
    redact: bool,
}

impl<'w> Sink<'w> {
    /// Writes to `out`, which errors call `name`.
    pub(crate) fn new(out: &'w mut dyn Write, name: &'w Path) -> Sink<'w> {
        Sink { out, name, bytes: 0, lines: 0, removed: 0, redact: false }
    }

    /// Writes what stands around lines.
    fn write_around(&mut self, bytes: &[u8]) -> Result<()> {
        if self.redact { self.write(&redact(bytes)?) } else { self.write(bytes) }
    }

    /// Replaces secrets, where that is asked.
    pub(crate) fn redacting(self, redact: bool) -> Sink<'w> {
        Sink { redact, ..self }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).on("writing", self.name)
    }
}

/// Processors this process may use. Asked once: control groups are files to be read.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

impl Vault {
    /// Writes lines byte for byte.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown source, damage, and errors of `out`.
    pub fn export_raw(&self, options: &ExportOptions, out: &mut dyn Write) -> Result<ExportReport> {
        let snapshot = self.snapshot()?;
        let export = Export::new(&snapshot, options, self.threads())?;
        let mut sink = Sink::new(out, Path::new("the output")).redacting(self.options.redact);
        let mut report = ExportReport::default();
        for source in select(export.state, &options.filter, false)? {
            let room = options.limit.map(|limit| limit.saturating_sub(sink.lines));
            if room == Some(0) {
                break;
            }
            let before = sink.lines;
            report.without_time += export.source(source, room, &mut sink)?;
            report.sources += u64::from(export.is_whole() || sink.lines > before);
        }
        sink.out.flush().on("writing", sink.name)?;
        (report.occurrences, report.bytes, report.removed_lines) = (sink.lines, sink.bytes, sink.removed);
        Ok(report)
    }

    /// Threads to read with.
    pub(crate) fn threads(&self) -> usize {
        self.options.threads.unwrap_or_else(cores)
    }
}

/// Lines as a worker hands them on.
enum Piece {
    /// Decoded, and where each ends.
    Lines { bytes: Vec<u8>, ends: Vec<usize> },
    /// A record too long to be decoded at once.
    Long(u64),
}

/// Writes a whole source as it came in.
pub(crate) fn write_source(
    snapshot: &Snapshot,
    state: &State,
    source: &Source,
    threads: usize,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let kept: Vec<u64> =
        Part::whole(source).live(state).map(|(_, number)| number).filter(|number| snapshot.locate(*number).is_some()).collect();
    let removed = source.occurrences() - kept.len() as u64;
    sink.removed += removed;
    let glue = source.state.glue.as_ref();
    // With elements removed, those that are left stand between the first separators: still a document.
    let mut around = glue.map(|glue| glue.around());
    let open_end = source.state.last_line_open() && removed == 0;
    let mut left = kept.len();
    write_numbers(snapshot, &kept, bytes_per_line(source), threads, sink, |sink, at| match (at, &mut around) {
        (At::Start, Some(around)) => sink.write_around(around.next().unwrap_or_default()),
        (At::End, None) => {
            left -= 1;
            if left == 0 && open_end { Ok(()) } else { sink.write(b"\n") }
        }
        _ => Ok(()),
    })?;
    match glue {
        Some(glue) if kept.is_empty() => sink.write_around(&glue.open).and_then(|()| sink.write_around(&glue.close)),
        Some(glue) => sink.write_around(&glue.close),
        None => Ok(()),
    }
}

/// A moment of writing a line.
#[derive(Clone, Copy)]
enum At {
    Start,
    End,
}

/// Writes records; `around` is called before and after each.
fn write_numbers(
    snapshot: &Snapshot,
    numbers: &[u64],
    bytes_per_line: u64,
    threads: usize,
    sink: &mut Sink<'_>,
    mut around: impl FnMut(&mut Sink<'_>, At) -> Result<()>,
) -> Result<()> {
    let job_lines = (JOB_BYTES / bytes_per_line.max(1)).clamp(1, JOB_LINES) as usize;
    let mut long = Fetcher::new(snapshot);
    let redact = sink.redact;
    in_order(
        snapshot,
        threads,
        numbers.chunks(job_lines),
        |fetcher, numbers| decode(fetcher, numbers, redact),
        |pieces| {
            for piece in pieces {
                match piece {
                    Piece::Lines { bytes, ends } => {
                        let mut from = 0;
                        for to in ends {
                            around(sink, At::Start)?;
                            sink.write(bytes.get(from..to).unwrap_or_default())?;
                            around(sink, At::End)?;
                            sink.lines += 1;
                            from = to;
                        }
                    }
                    Piece::Long(number) => {
                        around(sink, At::Start)?;
                        long.stream(number, &mut |bytes| sink.write(bytes))?;
                        around(sink, At::End)?;
                        sink.lines += 1;
                    }
                }
            }
            Ok(())
        },
    )
}

fn decode(fetcher: &mut Fetcher<'_>, numbers: &[u64], hide: bool) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for &number in numbers {
        // Secrets are looked for in whole lines, or the line is withheld.
        let longest = if hide { redact::LONGEST as u64 } else { LONG_LINE };
        if fetcher.long_record(number, longest)? {
            if hide {
                return Err(redact::Withheld::Long.into());
            }
            pieces.push(Piece::Lines { bytes: std::mem::take(&mut bytes), ends: std::mem::take(&mut ends) });
            pieces.push(Piece::Long(number));
            continue;
        }
        if !fetcher.record(number, &mut bytes)? {
            return Err(vanished(number));
        }
        if hide {
            let from = ends.last().copied().unwrap_or_default();
            let shown = redact(bytes.get(from..).unwrap_or_default())?.into_owned();
            bytes.truncate(from);
            bytes.extend_from_slice(&shown);
        }
        ends.push(bytes.len());
    }
    pieces.push(Piece::Lines { bytes, ends });
    Ok(pieces)
}

fn bytes_per_line(source: &Source) -> u64 {
    source.state.stream_len() / source.occurrences().max(1)
}

fn end_line(sink: &mut Sink<'_>, at: At) -> Result<()> {
    match at {
        At::Start => Ok(()),
        At::End => sink.write(b"\n"),
    }
}

/// An export of single sources.
pub(crate) struct Export<'v> {
    snapshot: &'v Snapshot,
    state: &'v State,
    sieve: Sieve<'v>,
    scan: Scan<'v>,
    limited: bool,
    threads: usize,
    redact: bool,
}

impl<'v> Export<'v> {
    /// An export with these filters.
    ///
    /// # Errors
    /// [`Error::Usage`] for filters that make no sense, and damage.
    pub(crate) fn new(snapshot: &'v Snapshot, options: &'v ExportOptions, threads: usize) -> Result<Export<'v>> {
        let sieve = Sieve::new(&options.filter)?;
        let scan = Scan::for_filter(snapshot, threads, false, &sieve)?;
        Ok(Export { snapshot, state: snapshot.state()?, sieve, scan, limited: options.limit.is_some(), threads, redact: false })
    }

    /// Shows no secrets.
    pub(crate) fn redacting(self, redact: bool) -> Export<'v> {
        Export { redact, ..self }
    }

    /// True when secrets are replaced.
    pub(crate) fn redacts(&self) -> bool {
        self.redact
    }

    /// True when sources go out as they came in.
    pub(crate) fn is_whole(&self) -> bool {
        self.sieve.takes_whole_sources() && !self.limited
    }

    /// Writes what passes of a source, at most `room` lines; how many records have no time to judge them by.
    ///
    /// # Errors
    /// Damage, and errors of writing.
    pub(crate) fn source(&self, source: &Source, room: Option<u64>, sink: &mut Sink<'_>) -> Result<u64> {
        if self.is_whole() {
            return write_source(self.snapshot, self.state, source, self.threads, sink).map(|()| 0);
        }
        let room = room.map_or(usize::MAX, |room| usize::try_from(room).unwrap_or(usize::MAX));
        let (kept, without_time) = match self.sieve.takes_whole_sources() {
            true => (self.first(source, room, sink), 0),
            false => self.passing(source, room)?,
        };
        write_numbers(self.snapshot, &kept, bytes_per_line(source), self.threads, sink, end_line)?;
        Ok(without_time)
    }

    fn first(&self, source: &Source, room: usize, sink: &mut Sink<'_>) -> Vec<u64> {
        let mut kept = Vec::new();
        for (line, number) in Part::whole(source).numbers() {
            if kept.len() == room {
                break;
            }
            let gone = self.state.is_removed(source.state.id, line, number) || self.snapshot.locate(number).is_none();
            if gone { sink.removed += 1 } else { kept.push(number) }
        }
        kept
    }

    fn passing(&self, source: &Source, room: usize) -> Result<(Vec<u64>, u64)> {
        let (mut kept, mut without_time) = (Vec::new(), 0);
        self.scan.lines(&[source], |line| {
            match self.sieve.judge(line.meaning) {
                Verdict::In if kept.len() < room => kept.push(line.number),
                Verdict::WithoutTime => without_time += 1,
                Verdict::In | Verdict::Out => {}
            }
            Ok(())
        })?;
        Ok((kept, without_time))
    }
}

impl Fetcher<'_> {
    /// True when a record has more than `limit` bytes and can be passed through in pieces.
    pub(crate) fn long_record(&mut self, number: u64, limit: u64) -> Result<bool> {
        let Some((pack, group, position)) = self.locate(number) else { return Ok(false) };
        let view = self.view(pack)?;
        let length = view.pieces(group, position).map_err(|corrupt| damaged(view.pack().path(), number, &corrupt))?;
        Ok(length.is_some_and(|(length, _)| length > limit))
    }

    /// Hands the pieces of a long record to `sink`.
    pub(crate) fn stream(&mut self, number: u64, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Some((pack, group, position)) = self.locate(number) else { return Err(vanished(number)) };
        let view = self.view(pack)?;
        let path = view.pack().path().to_path_buf();
        let pieces = view.pieces(group, position).map_err(|corrupt| damaged(&path, number, &corrupt))?;
        let mut bytes = Vec::new();
        for segment in pieces.map(|(_, segments)| segments).unwrap_or_default() {
            bytes.clear();
            view.segment(segment, &mut bytes).map_err(|corrupt| damaged(&path, number, &corrupt))?;
            sink(&bytes)?;
        }
        Ok(())
    }
}

fn damaged(path: &Path, number: u64, corrupt: &Corrupt) -> Error {
    Error::integrity(path, format!("record {number}: {corrupt}"))
}
