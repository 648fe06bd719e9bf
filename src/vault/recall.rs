//! What lines mean, kept: so that `stats`, `ls` and filters need not read records.
//!
//! One file for the vault, `parts/meaning`, made by `reindex` and by what rewrites packs; reading commands use it for every source
//! that is as it was then, and read the records of all others. It is made by one version of the detectors and mappings and
//! counts for no other.
//!
//! ```text
//! file    = magic "TPKMEAN1" · vault id u128 · maker u64 · sources varint × source · xxh3 of everything before u64
//! source  = id varint · lines varint · xxh3 of its runs u64 · raw length varint · bytes (zstd of words and columns)
//! words   = count varint × bytes · bytes usages (u64 each)   column = bytes, one value a line, in the order of [`COLUMNS`]
//! ```

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::bytes::{Put, Reader, unzigzag, zigzag};
use crate::checksum::checksum;
use crate::codec;
use crate::error::{Corrupt, Error, Result, corrupt};
use crate::fsio::{self, Map};
use crate::vault::api::Time;
use crate::vault::filter::TypeSet;
use crate::vault::layout::Layout;
use crate::vault::meaning::{Meaning, Scan};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

const MAGIC: &[u8; 8] = b"TPKMEAN1";
/// Vaults that took in less are read as fast as anything could be recalled.
const WORTH_BYTES: u64 = 64 << 20;
/// zstd's level: the file is made seldom.
const LEVEL: i32 = 12;
/// Most bytes the columns of a source may have.
const MOST_BYTES: usize = 1 << 30;

/// Columns of a source: flags, bytes, shape, conversation, model, application, title, usage, types, time, latency, cost, five
/// of tokens.
const COLUMNS: usize = 17;

const OPAQUE: u8 = 1;
const ERROR: u8 = 2;
const TIMED: u8 = 4;
const SLOW: u8 = 8;
const PAID: u8 = 16;
const GONE: u8 = 32;

/// Meanings kept in a vault.
pub(crate) struct Recall {
    map: Map,
    sources: FxHashMap<u32, Kept>,
}

/// What is kept of a source.
struct Kept {
    lines: u64,
    runs: u64,
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
        Some(Recall { map, sources })
    }

    /// The meanings of a source's lines, in order; nothing when the source is not as it was.
    pub(crate) fn lines(&self, source: &Source) -> Option<Vec<Option<Meaning>>> {
        let kept = self.sources.get(&source.state.id)?;
        if kept.lines != source.occurrences() || kept.runs != runs_hash(source) {
            return None;
        }
        let bytes = codec::decompress(self.map.get(kept.range.clone())?, kept.raw, None).ok()?;
        decode(&bytes, usize::try_from(kept.lines).ok()?).ok()
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
    let mut bytes = source.state.name.as_bytes().to_vec();
    for run in &source.runs {
        bytes.put_u64(run.first);
        bytes.put_u64(run.count);
    }
    checksum(&bytes)
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
        let (id, lines, runs) = (reader.varint32()?, reader.varint()?, reader.u64()?);
        let raw = reader.varint32()? as usize;
        let length = reader.bytes()?.len();
        if raw > MOST_BYTES {
            return Err(corrupt!("columns of {raw} bytes"));
        }
        sources.insert(id, Kept { lines, runs, raw, range: reader.position() - length..reader.position() });
    }
    reader.finish()?;
    Ok(sources)
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
        .is_some_and(|known| sources.iter().all(|source| known.lines(source).is_some()) && known.sources.len() == sources.len())
    {
        return Ok(());
    }
    let mut rows: FxHashMap<u32, Vec<Option<Meaning>>> = FxHashMap::default();
    Scan::of_records(snapshot, threads)?.lines(&sources, |line| {
        let rows = rows.entry(line.source.state.id).or_default();
        // Lines that were removed leave nothing here.
        rows.resize(usize::try_from(line.line - 1).unwrap_or_default(), None);
        rows.push(Some(line.meaning.clone()));
        Ok(())
    })?;
    let mut out = MAGIC.to_vec();
    out.put_u64(snapshot.head.vault_id as u64);
    out.put_u64((snapshot.head.vault_id >> 64) as u64);
    out.put_u64(maker(state));
    out.put_varint(sources.len() as u64);
    for source in sources {
        let mut rows = rows.remove(&source.state.id).unwrap_or_default();
        rows.resize(usize::try_from(source.occurrences()).unwrap_or_default(), None);
        let bytes = encode(&rows);
        out.put_varint(u64::from(source.state.id));
        out.put_varint(source.occurrences());
        out.put_u64(runs_hash(source));
        out.put_varint(bytes.len() as u64);
        let packed = codec::compress(&bytes, LEVEL);
        out.put_bytes(&packed.ok_or_else(|| Error::Internal("zstd refused the columns of a source".into()))?);
    }
    let sum = checksum(&out);
    out.put_u64(sum);
    if !snapshot.layout().parts().is_dir() {
        fsio::create_dir(&snapshot.layout().parts())?;
    }
    fsio::replace(&path, &out)
}

/// Forgets all that is kept.
///
/// # Errors
/// When the file cannot be removed.
pub(crate) fn forget(layout: &Layout) -> Result<()> {
    fsio::remove(&layout.meaning())
}

fn encode(rows: &[Option<Meaning>]) -> Vec<u8> {
    let mut words: FxHashMap<Box<str>, u64> = FxHashMap::default();
    let mut list: Vec<Box<str>> = Vec::new();
    let mut word = |text: Option<&str>| match text {
        None => 0,
        Some(text) => *words.entry(text.into()).or_insert_with(|| {
            list.push(text.into());
            list.len() as u64
        }),
    };
    let mut usages: FxHashMap<u64, u64> = FxHashMap::default();
    let mut keys = Vec::new();
    let mut columns: Vec<Vec<u8>> = vec![Vec::new(); COLUMNS];
    let mut before = 0i64;
    for row in rows {
        let Some(row) = row else {
            columns[0].push(GONE);
            continue;
        };
        let bit = |is: bool, flag: u8| if is { flag } else { 0 };
        columns[0].push(
            bit(row.opaque, OPAQUE)
                | bit(row.error, ERROR)
                | bit(row.time.is_some(), TIMED)
                | bit(row.latency_ms.is_some(), SLOW)
                | bit(row.cost_usd.is_some(), PAID),
        );
        columns[1].put_varint(row.bytes);
        columns[2].put_varint(word(Some(&row.shape)));
        columns[3].put_varint(word(row.conversation.as_deref()));
        columns[4].put_varint(word(row.model.as_deref()));
        columns[5].put_varint(word(row.application.as_deref()));
        columns[6].put_varint(word(row.title.as_deref()));
        columns[7].put_varint(row.usage.map_or(0, |usage| {
            *usages.entry(usage).or_insert_with(|| {
                keys.put_u64(usage);
                keys.len() as u64 / 8
            })
        }));
        columns[8].put_varint(row.types.bits());
        if let Some(Time(time)) = row.time {
            columns[9].put_varint(zigzag(time.wrapping_sub(before)));
            before = time;
        }
        columns[10].extend(row.latency_ms.iter().flat_map(|value| value.to_bits().to_le_bytes()));
        columns[11].extend(row.cost_usd.iter().flat_map(|value| value.to_bits().to_le_bytes()));
        for (column, tokens) in columns[12..].iter_mut().zip(row.tokens) {
            column.put_varint(tokens);
        }
    }
    let mut out = Vec::new();
    out.put_varint(list.len() as u64);
    list.iter().for_each(|word| out.put_bytes(word.as_bytes()));
    out.put_bytes(&keys);
    columns.iter().for_each(|column| out.put_bytes(column));
    out
}

fn decode(bytes: &[u8], lines: usize) -> Result<Vec<Option<Meaning>>, Corrupt> {
    let mut reader = Reader::new(bytes);
    let mut words: Vec<Arc<str>> = Vec::new();
    for _ in 0..reader.count(1)? {
        let word = std::str::from_utf8(reader.bytes()?).map_err(|_| corrupt!("a word that is no text"))?;
        words.push(word.into());
    }
    let keys = reader.bytes()?;
    let mut columns = Vec::with_capacity(COLUMNS);
    for _ in 0..COLUMNS {
        columns.push(Reader::new(reader.bytes()?));
    }
    reader.finish()?;
    let [flags, size, shape, conversation, model, application, title, usage, types, time, latency, cost, tokens @ ..] =
        &mut columns[..]
    else {
        return Err(corrupt!("columns missing"));
    };
    let word = |at: u64| match at.checked_sub(1) {
        None => Ok(None),
        Some(at) => words.get(at as usize).map(Some).ok_or_else(|| corrupt!("no word {at}")),
    };
    let text = |at: u64| Ok::<_, Corrupt>(word(at)?.map(|word| Box::<str>::from(&**word)));
    if flags.remaining() != lines {
        return Err(corrupt!("{} of {lines} lines", flags.remaining()));
    }
    let mut before = 0i64;
    let mut rows = Vec::with_capacity(lines);
    for _ in 0..lines {
        let flag = flags.u8()?;
        if flag & GONE != 0 {
            rows.push(None);
            continue;
        }
        let mut row = Meaning {
            opaque: flag & OPAQUE != 0,
            error: flag & ERROR != 0,
            bytes: size.varint()?,
            shape: word(shape.varint()?)?.map(Arc::clone).unwrap_or_default(),
            conversation: text(conversation.varint()?)?,
            model: text(model.varint()?)?,
            application: text(application.varint()?)?,
            title: text(title.varint()?)?,
            types: TypeSet::from_bits(types.varint()?),
            ..Meaning::default()
        };
        if let Some(at) = usage.varint()?.checked_sub(1) {
            let key = usize::try_from(at).ok().and_then(|at| keys.get(at.checked_mul(8)?..)).unwrap_or_default();
            row.usage = Some(Reader::new(key).u64()?);
        }
        if flag & TIMED != 0 {
            before = before.wrapping_add(unzigzag(time.varint()?));
            row.time = Some(Time(before));
        }
        row.latency_ms = (flag & SLOW != 0).then(|| latency.u64().map(f64::from_bits)).transpose()?;
        row.cost_usd = (flag & PAID != 0).then(|| cost.u64().map(f64::from_bits)).transpose()?;
        for (value, column) in row.tokens.iter_mut().zip(tokens.iter_mut()) {
            *value = column.varint()?;
        }
        rows.push(Some(row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_come_back_as_they_were() {
        let row = |n: u64| Meaning {
            shape: "openai.chat".into(),
            bytes: n * 100,
            conversation: Some(format!("c{}", n % 2).into()),
            model: (n > 1).then(|| "m".into()),
            time: (n != 2).then_some(Time(1_790_000_000_000_000 - n as i64)),
            latency_ms: (n == 2).then_some(1.5),
            cost_usd: (n == 1).then_some(0.25),
            tokens: [n, 0, 1, 2, 3],
            error: n == 3,
            usage: (n != 1).then_some(n % 2 * 77),
            ..Meaning::default()
        };
        let rows = vec![Some(row(0)), None, Some(row(1)), Some(row(2)), Some(row(3))];
        let again = decode(&encode(&rows), rows.len()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{rows:?}"));
        assert!(decode(&encode(&rows), 4).is_err());
        let bytes = encode(&rows);
        (0..bytes.len()).for_each(|end| assert!(decode(&bytes[..end], rows.len()).is_err(), "cut at {end}"));
    }
}
