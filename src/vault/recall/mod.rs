//! What lines mean, kept: so that `stats`, `ls` and filters need not read records.
//!
//! One file for the vault, `parts/meaning`, made by `reindex` and by what rewrites packs; reading commands use it for every source
//! that is as it was then, and read the records of all others. It is made by one version of the detectors and mappings and
//! counts for no other. It is written and read chunk by chunk: memory does not grow with the lines of a source.
//!
//! ```text
//! file    = magic "TPKMEAN4" · vault id u128 · maker u64 · sources varint × source · xxh3 of everything before u64
//! source  = id varint · lines varint · xxh3 of its name and runs u64 · chunks until all lines are there · lines that are gone varint
//! chunk   = lines varint · raw length varint · bytes (zstd of words and columns, see `columns`)
//! ```

mod columns;

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::bytes::{Put, Reader};
use crate::checksum::{Checksummer, checksum};
use crate::codec;
use crate::error::{Corrupt, Error, Result, corrupt};
use crate::fsio::{self, Map, Replacement};
use crate::vault::layout::Layout;
use crate::vault::meaning::{Meaning, Scan};
use crate::vault::recall::columns::Columns;
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

const MAGIC: &[u8; 8] = b"TPKMEAN4";
/// Vaults that took in less are read as fast as anything could be recalled.
const WORTH_BYTES: u64 = 64 << 20;
/// zstd's level: the file is made seldom.
const LEVEL: i32 = 12;
/// Most bytes the columns of a chunk may have.
const MOST_BYTES: usize = 1 << 30;
/// A chunk ends with so many lines: some 200 bytes each are in memory while it is read.
const CHUNK_LINES: u64 = 1 << 16;
/// Or when its columns have so many bytes.
const CHUNK_BYTES: usize = 16 << 20;

/// Meanings kept in a vault.
pub(crate) struct Recall {
    map: Map,
    path: std::path::PathBuf,
    sources: FxHashMap<u32, Kept>,
}

/// What is kept of a source.
struct Kept {
    lines: u64,
    runs: u64,
    gone: u64,
    chunks: Vec<Chunk>,
}

/// Some lines of a source.
struct Chunk {
    lines: u64,
    /// Bytes of its words and columns, decoded.
    raw: usize,
    /// Where they are in the file.
    range: std::ops::Range<usize>,
}

impl Recall {
    /// What the vault keeps; nothing when that is damaged, of another maker or not there: then records are read.
    pub(crate) fn open(snapshot: &Snapshot, state: &State) -> Option<Recall> {
        let path = snapshot.layout().meaning();
        let length = std::fs::metadata(&path).ok()?.len();
        let map = Map::open(&path, length).ok()?;
        let sources = read_index(&map, snapshot.head.vault_id, maker(state)).ok()?;
        Some(Recall { map, path, sources })
    }

    /// What is kept of a source, when it is as it was.
    fn kept(&self, source: &Source) -> Option<&Kept> {
        let kept = self.sources.get(&source.state.id)?;
        (kept.lines == source.occurrences() && kept.runs == runs_hash(source)).then_some(kept)
    }

    /// True when something is kept of all these lines (from 1, in order) of a source. Lines that were removed then are gone: who
    /// asks for them has brought them back.
    pub(crate) fn has_all(&self, source: &Source, mut lines: impl Iterator<Item = u64>) -> Result<bool> {
        let Some(kept) = self.kept(source) else { return Ok(false) };
        if kept.gone == 0 {
            return Ok(true);
        }
        let mut wanted = lines.next();
        let mut before = 0;
        for chunk in &kept.chunks {
            let rows = self.rows(chunk)?;
            while let Some(line) = wanted.filter(|line| *line <= before + chunk.lines) {
                if rows.get((line - before - 1) as usize).is_none_or(Option::is_none) {
                    return Ok(false);
                }
                wanted = lines.next();
            }
            before += chunk.lines;
        }
        Ok(wanted.is_none())
    }

    /// The meanings of a source's lines, in order, chunk by chunk; nothing when the source is not as it was.
    pub(crate) fn lines(&self, source: &Source) -> impl Iterator<Item = Result<Vec<Option<Meaning>>>> {
        let chunks = self.kept(source).map(|kept| kept.chunks.as_slice()).unwrap_or_default();
        chunks.iter().map(|chunk| self.rows(chunk))
    }

    /// The file's checksum was right: what does not fit now was written so.
    fn rows(&self, chunk: &Chunk) -> Result<Vec<Option<Meaning>>> {
        let packed = self.map.get(chunk.range.clone()).unwrap_or_default();
        let rows = codec::decompress(packed, chunk.raw, None).and_then(|bytes| columns::decode(&bytes, chunk.lines as usize));
        rows.map_err(|corrupt| Error::integrity(&self.path, format!("{corrupt}; `turnpack reindex` makes it anew")))
    }
}

/// What meanings depend on besides the records.
fn maker(state: &State) -> u64 {
    let mut text = env!("CARGO_PKG_VERSION").as_bytes().to_vec();
    for (name, mapping) in &state.mappings {
        text.put_bytes(name.as_bytes());
        text.put_bytes(mapping);
    }
    checksum(&text)
}

fn runs_hash(source: &Source) -> u64 {
    let mut hash = Checksummer::default();
    hash.update(source.state.name.as_bytes());
    for run in &source.runs {
        hash.update(&run.first.to_le_bytes());
        hash.update(&run.count.to_le_bytes());
    }
    hash.finish()
}

fn read_index(bytes: &[u8], vault: u128, maker: u64) -> Result<FxHashMap<u32, Kept>, Corrupt> {
    let (body, sum) = bytes.split_at(bytes.len().checked_sub(8).ok_or_else(|| corrupt!("cut short"))?);
    if Reader::new(sum).u64()? != checksum(body) {
        return Err(corrupt!("checksum mismatch"));
    }
    let mut reader = Reader::new(body);
    let magic = reader.take(MAGIC.len())?;
    let of = u128::from(reader.u64()?) | u128::from(reader.u64()?) << 64;
    if magic != MAGIC || of != vault || reader.u64()? != maker {
        return Err(corrupt!("of another vault or maker"));
    }
    let mut sources = FxHashMap::default();
    for _ in 0..reader.count(4)? {
        let id = reader.varint32()?;
        sources.insert(id, read_source(&mut reader)?);
    }
    reader.finish()?;
    Ok(sources)
}

fn read_source(reader: &mut Reader<'_>) -> Result<Kept, Corrupt> {
    let (lines, runs) = (reader.varint()?, reader.u64()?);
    let mut chunks = Vec::new();
    let mut left = lines;
    while left > 0 {
        let (lines, raw) = (reader.varint()?, reader.varint32()? as usize);
        let length = reader.bytes()?.len();
        if lines == 0 || lines > left.min(CHUNK_LINES) || raw > MOST_BYTES {
            return Err(corrupt!("a chunk of {lines} lines in {raw} bytes"));
        }
        left -= lines;
        chunks.push(Chunk { lines, raw, range: reader.position() - length..reader.position() });
    }
    Ok(Kept { lines, runs, gone: reader.varint()?, chunks })
}

/// Makes the file for a vault that is worth it, and removes it from any other.
///
/// # Errors
/// When records are damaged or the file cannot be written.
pub(crate) fn refresh(snapshot: &Snapshot, threads: usize) -> Result<()> {
    let path = snapshot.layout().meaning();
    let state = snapshot.state()?;
    let taken_in: u64 = state.in_order().map(|source| source.state.stream_len()).sum();
    if taken_in < WORTH_BYTES {
        return fsio::remove(&path);
    }
    let known = Recall::open(snapshot, state);
    let sources: Vec<&Source> = state.in_order().collect();
    if known
        .is_some_and(|known| sources.iter().all(|source| known.kept(source).is_some()) && known.sources.len() == sources.len())
    {
        return Ok(());
    }
    if !snapshot.layout().parts().is_dir() {
        fsio::create_dir(&snapshot.layout().parts())?;
    }
    let mut making = Making::begin(&path, snapshot.head.vault_id, maker(state), &sources)?;
    Scan::of_records(snapshot, threads)?.lines(&sources, |line| making.line(line.source.state.id, line.line, line.meaning))?;
    making.finish()
}

/// Forgets all that is kept.
///
/// # Errors
/// When the file cannot be removed.
pub(crate) fn forget(layout: &Layout) -> Result<()> {
    fsio::remove(&layout.meaning())
}

/// The file while it is written: lines come in the order of their sources.
struct Making<'s> {
    file: Replacement,
    hash: Checksummer,
    sources: std::slice::Iter<'s, &'s Source>,
    source: Option<&'s Source>,
    /// Lines of the source so far, and those of them that are gone.
    lines: u64,
    gone: u64,
    columns: Columns,
}

impl<'s> Making<'s> {
    fn begin(path: &Path, vault: u128, maker: u64, sources: &'s [&'s Source]) -> Result<Making<'s>> {
        let mut making = Making {
            file: Replacement::begin(path)?,
            hash: Checksummer::default(),
            sources: sources.iter(),
            source: None,
            lines: 0,
            gone: 0,
            columns: Columns::default(),
        };
        let mut head = MAGIC.to_vec();
        head.put_u64(vault as u64);
        head.put_u64((vault >> 64) as u64);
        head.put_u64(maker);
        head.put_varint(sources.len() as u64);
        making.write(&head)?;
        Ok(making)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.file.write(bytes)
    }

    fn line(&mut self, source: u32, line: u64, meaning: &Meaning) -> Result<()> {
        while self.source.is_none_or(|open| open.state.id != source) {
            if !self.next_source()? {
                return Err(Error::Internal(format!("a line of source {source} out of its order")));
            }
        }
        // Lines that were removed leave nothing here.
        while self.lines + 1 < line {
            self.row(None)?;
        }
        self.row(Some(meaning))
    }

    fn row(&mut self, row: Option<&Meaning>) -> Result<()> {
        self.columns.push(row);
        self.lines += 1;
        self.gone += u64::from(row.is_none());
        if self.columns.lines() >= CHUNK_LINES || self.columns.bytes() >= CHUNK_BYTES { self.end_chunk() } else { Ok(()) }
    }

    fn end_chunk(&mut self) -> Result<()> {
        let columns = std::mem::take(&mut self.columns);
        if columns.lines() == 0 {
            return Ok(());
        }
        let mut head = Vec::new();
        head.put_varint(columns.lines());
        let bytes = columns.finish();
        let packed = codec::compress(&bytes, LEVEL);
        let packed = packed.ok_or_else(|| Error::Internal("zstd refused the columns of a source".into()))?;
        head.put_varint(bytes.len() as u64);
        head.put_varint(packed.len() as u64);
        self.write(&head)?;
        self.write(&packed)
    }

    /// Ends a source and begins the next; false when there is none.
    fn next_source(&mut self) -> Result<bool> {
        if let Some(source) = self.source.take() {
            while self.lines < source.occurrences() {
                self.row(None)?;
            }
            self.end_chunk()?;
            let mut end = Vec::new();
            end.put_varint(self.gone);
            self.write(&end)?;
        }
        let Some(&source) = self.sources.next() else { return Ok(false) };
        (self.source, self.lines, self.gone) = (Some(source), 0, 0);
        let mut head = Vec::new();
        head.put_varint(u64::from(source.state.id));
        head.put_varint(source.occurrences());
        head.put_u64(runs_hash(source));
        self.write(&head)?;
        Ok(true)
    }

    fn finish(mut self) -> Result<()> {
        while self.next_source()? {}
        let sum = self.hash.finish();
        self.file.write(&sum.to_le_bytes())?;
        self.file.publish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::directory::RecordRun;
    use crate::source::state::{SourceKind, SourceState};
    use crate::vault::journal::Stamp;

    fn source(id: u32, lines: u64) -> Source {
        let state = SourceState::new(id, &format!("s{id}"), 1, SourceKind::File);
        let runs = if lines == 0 { Vec::new() } else { vec![RecordRun { first: 5, count: lines }] };
        Source { state, runs, stamp: Stamp::default() }
    }

    // Protects reading without records: every line of a source that is in several chunks has its own meaning, sources without lines
    // and lines that were removed leave no one else's, and who asks for a line that was brought back is sent to the records.
    #[test]
    fn lines_come_back_chunk_by_chunk_and_those_that_are_gone_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meaning");
        let many = CHUNK_LINES + 100;
        let (long, empty, gone, short) = (source(1, many), source(2, 0), source(4, 3), source(7, 2));
        let sources = [&long, &empty, &gone, &short];
        let mut making = Making::begin(&path, 9, 8, &sources).unwrap();
        let meaning = |line: u64| Meaning { bytes: line, conversation: Some(format!("c{line}").into()), ..Meaning::default() };
        (1..=many).filter(|line| *line != 3).for_each(|line| making.line(1, line, &meaning(line)).unwrap());
        (1..=2).for_each(|line| making.line(7, line, &meaning(line)).unwrap());
        assert!(making.line(4, 1, &meaning(1)).is_err(), "sources come in order");
        making.finish().unwrap();
        let map = Map::open(&path, std::fs::metadata(&path).unwrap().len()).unwrap();
        assert!(read_index(&map, 9, 7).is_err() && read_index(&map, 8, 8).is_err());
        let recall = Recall { sources: read_index(&map, 9, 8).unwrap(), map, path };
        let told = |source| {
            let chunks: Vec<_> = recall.lines(source).map(Result::unwrap).collect();
            (chunks.len(), chunks.concat().into_iter().map(|row| row.map(|row| row.bytes)).collect::<Vec<_>>())
        };
        assert_eq!(told(&long), (2, (1..=many).map(|line| (line != 3).then_some(line)).collect()));
        assert_eq!((told(&empty), told(&gone), told(&short)), ((0, vec![]), (1, vec![None; 3]), (1, vec![Some(1), Some(2)])));
        assert!(recall.has_all(&long, (1..=many).filter(|line| *line != 3)).unwrap());
        assert!(!recall.has_all(&long, 1..=many).unwrap() && !recall.has_all(&gone, [2].into_iter()).unwrap());
        assert!(recall.has_all(&short, 1..=2).unwrap() && recall.has_all(&gone, std::iter::empty()).unwrap());
        assert!(!recall.has_all(&source(7, 3), 1..=2).unwrap(), "a source that has grown");
    }
}
