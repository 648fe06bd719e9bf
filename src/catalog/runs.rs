//! Runs: fingerprints of very many records, sorted, so that a look-up reads one value of each run and not all of them.
//!
//! New records come at the end of the tables that are scanned; once a scan of those would take longer than a look-up may, they
//! become a run. A run is never changed. Its head says which fingerprint each of its values begins with, so that a lost value is
//! noticed and a negative answer stays certain.
//!
//! ```text
//! runs    first record → checksum u64 · records u32 · unknown: count varint × step varint
//!                        · values of hashes: count varint × first fingerprint u32 · values of ids: the same
//! sorted  first record, index (from 2^31 on: of ids) → checksum u64 · count u32 · step to each fingerprint varint · records: u24 each
//! ```

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::bytes::{Put, Reader as ByteReader};
use crate::catalog::{Rows, Unusable, VALUE_BYTES, broken, sealed, unsealed};
use crate::error::{Corrupt, corrupt};

const RUNS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("runs");
const SORTED: TableDefinition<'static, (u64, u32), &[u8]> = TableDefinition::new("sorted");

/// So many records make a run: scanning half a megabyte of fingerprints takes a third of a millisecond.
pub(super) const RECORDS: usize = 1 << 17;
/// Records of a run are told apart by three bytes.
pub(super) const MOST_RECORDS: usize = 1 << 24;
const OFFSET_BYTES: usize = 3;
/// A step between fingerprints and a record, at most.
const ENTRY_BYTES: usize = 5 + OFFSET_BYTES;
/// Indexes of values with ids.
const IDS: u32 = 1 << 31;

/// What values hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hashes of records.
    Hashes,
    /// Ids that records carry.
    Ids,
}

impl Kind {
    fn index(self, at: usize) -> u32 {
        at as u32 + if self == Kind::Ids { IDS } else { 0 }
    }
}

/// A run, without its values.
struct Head {
    first: u64,
    records: u32,
    /// Offsets of records nobody looked into.
    unknown: Vec<u32>,
    hashes: Vec<u32>,
    ids: Vec<u32>,
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u32(self.records);
        out.put_varint(self.unknown.len() as u64);
        let mut last = 0;
        for &offset in &self.unknown {
            out.put_varint(u64::from(offset - last));
            last = offset;
        }
        for firsts in [&self.hashes, &self.ids] {
            out.put_varint(firsts.len() as u64);
            firsts.iter().for_each(|first| out.put_u32(*first));
        }
        out
    }

    fn decode(first: u64, value: &[u8]) -> Result<Head, Corrupt> {
        let mut reader = ByteReader::new(unsealed(first, value)?);
        let records = reader.u32()?;
        if records as usize > MOST_RECORDS {
            return Err(corrupt!("a run of {records} records"));
        }
        let mut last = 0u32;
        let mut unknown = Vec::new();
        for _ in 0..reader.count(1)? {
            last = last
                .checked_add(reader.varint32()?)
                .filter(|at| *at < records)
                .ok_or_else(|| corrupt!("a record past its run"))?;
            unknown.push(last);
        }
        let mut firsts = || (0..reader.count(4)?).map(|_| reader.u32()).collect::<Result<Vec<u32>, Corrupt>>();
        let (hashes, ids) = (firsts()?, firsts()?);
        reader.finish()?;
        Ok(Head { first, records, unknown, hashes, ids })
    }

    fn firsts(&self, kind: Kind) -> &[u32] {
        match kind {
            Kind::Hashes => &self.hashes,
            Kind::Ids => &self.ids,
        }
    }
}

/// Writes the records from `first` on as a run.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(transaction: &WriteTransaction, first: u64, rows: &Rows) -> Result<(), Unusable> {
    let mut hashes: Vec<(u32, u32)> = rows.hashes.iter().copied().zip(0..).collect();
    let mut ids = Vec::with_capacity(rows.ids.len());
    let mut unknown = Vec::new();
    let mut prints = rows.ids.iter();
    for (&count, offset) in rows.counts.iter().zip(0..) {
        match count.checked_sub(1) {
            Some(count) => ids.extend(prints.by_ref().take(count as usize).map(|print| (*print, offset))),
            None => unknown.push(offset),
        }
    }
    let mut table = transaction.open_table(SORTED).map_err(broken)?;
    let mut put = |entries: &mut Vec<(u32, u32)>, kind: Kind| -> Result<Vec<u32>, Unusable> {
        entries.sort_unstable();
        let (mut rest, mut firsts) = (entries.as_slice(), Vec::new());
        while let Some(&(begin, _)) = rest.first() {
            let key = (first, kind.index(firsts.len()));
            let (count, content) = value(rest, begin);
            table.insert(key, sealed(mixed(key), &content).as_slice()).map_err(broken)?;
            firsts.push(begin);
            rest = &rest[count..];
        }
        Ok(firsts)
    };
    let (hashes, ids) = (put(&mut hashes, Kind::Hashes)?, put(&mut ids, Kind::Ids)?);
    let head = Head { first, records: rows.len() as u32, unknown, hashes, ids };
    let mut runs = transaction.open_table(RUNS).map_err(broken)?;
    runs.insert(first, sealed(first, &head.encode()).as_slice()).map_err(broken)?;
    Ok(())
}

/// As many entries as fit a value, and its content.
fn value(entries: &[(u32, u32)], begin: u32) -> (usize, Vec<u8>) {
    let mut steps = Vec::with_capacity(VALUE_BYTES);
    let (mut count, mut last) = (0, begin);
    for &(print, _) in entries {
        if steps.len() + (count + 1) * OFFSET_BYTES + ENTRY_BYTES + 12 > VALUE_BYTES {
            break;
        }
        steps.put_varint(u64::from(print - last));
        last = print;
        count += 1;
    }
    let mut out = Vec::with_capacity(VALUE_BYTES);
    out.put_u32(count as u32);
    out.extend_from_slice(&steps);
    for (_, offset) in &entries[..count] {
        out.extend_from_slice(&offset.to_le_bytes()[..OFFSET_BYTES]);
    }
    (count, out)
}

fn mixed((first, index): (u64, u32)) -> u64 {
    first.rotate_left(32) ^ u64::from(index)
}

/// Calls with fingerprint and record of each entry of a value.
fn each_entry(begin: u32, content: &[u8], mut take: impl FnMut(u32, u32)) -> Result<(), Corrupt> {
    let mut reader = ByteReader::new(content);
    let count = reader.u32()? as usize;
    let at = content.len().checked_sub(count.saturating_mul(OFFSET_BYTES)).ok_or_else(|| corrupt!("{count} entries"))?;
    let mut print = begin;
    for offset in content[at..].chunks_exact(OFFSET_BYTES) {
        print = print.checked_add(reader.varint32()?).ok_or_else(|| corrupt!("fingerprints overflow"))?;
        take(print, u32::from_le_bytes([offset[0], offset[1], offset[2], 0]));
    }
    if reader.position() == at { Ok(()) } else { Err(corrupt!("steps end at {} instead of {at}", reader.position())) }
}

/// The runs of a catalog, without their values.
pub(super) struct Runs(Vec<Head>);

impl Runs {
    /// Reads what they are; together they must hold the records before `end`.
    ///
    /// # Errors
    /// When one is damaged or lost.
    pub(super) fn read(transaction: &ReadTransaction, end: u64) -> Result<Runs, Unusable> {
        let (mut heads, mut next) = (Vec::new(), 0);
        if end > 0 {
            let table = transaction.open_table(RUNS).map_err(broken)?;
            for entry in table.iter().map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                let head = Head::decode(key.value(), value.value())?;
                if head.first != next {
                    return Err(corrupt!("a run from record {} where {next} should follow", head.first).into());
                }
                next += u64::from(head.records);
                heads.push(head);
            }
        }
        if next == end { Ok(Runs(heads)) } else { Err(corrupt!("runs end at {next} instead of {end}").into()) }
    }

    /// Records with a fingerprint in a range, both ends included.
    ///
    /// # Errors
    /// When a value is damaged or lost.
    pub(super) fn find(
        &self,
        values: &ReadTransaction,
        kind: Kind,
        low: u32,
        high: u32,
        found: &mut Vec<u64>,
    ) -> Result<(), Unusable> {
        for head in &self.0 {
            let firsts = head.firsts(kind);
            // The value before the first that begins with what is looked for may end with it.
            let start = firsts.partition_point(|first| *first < low).saturating_sub(1);
            for at in start..firsts.partition_point(|first| *first <= high) {
                head.value(values, kind, at, |print, offset| {
                    if (low..=high).contains(&print) {
                        found.push(head.first + u64::from(offset));
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Records nobody looked into.
    pub(super) fn unknown(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|head| head.unknown.iter().map(|offset| head.first + u64::from(*offset)))
    }

    /// Fingerprints of the hashes of records from one on, in order.
    ///
    /// # Errors
    /// When a value is damaged or lost.
    pub(super) fn hashes(&self, values: &ReadTransaction, from: u64) -> Result<Vec<u32>, Unusable> {
        let mut hashes = Vec::new();
        for head in self.0.iter().filter(|head| head.first + u64::from(head.records) > from) {
            let mut of_run = vec![0; head.records as usize];
            for at in 0..head.hashes.len() {
                head.value(values, Kind::Hashes, at, |print, offset| {
                    if let Some(hash) = of_run.get_mut(offset as usize) {
                        *hash = print;
                    }
                })?;
            }
            hashes.extend_from_slice(&of_run[from.saturating_sub(head.first) as usize..]);
        }
        Ok(hashes)
    }
}

impl Head {
    fn value(&self, values: &ReadTransaction, kind: Kind, at: usize, take: impl FnMut(u32, u32)) -> Result<(), Unusable> {
        let table = values.open_table(SORTED).map_err(broken)?;
        let key = (self.first, kind.index(at));
        let value =
            table.get(key).map_err(broken)?.ok_or_else(|| corrupt!("value {at} of the run from {} is lost", self.first))?;
        let begin = self.firsts(kind).get(at).copied().unwrap_or_default();
        Ok(each_entry(begin, unsealed(mixed(key), value.value())?, take)?)
    }
}

/// Takes a value (0) or a run (1) away, or gives a value another's place (2).
#[cfg(test)]
pub(super) fn damage(path: &std::path::Path, how: u32) {
    let database = redb::Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut sorted = transaction.open_table(SORTED).unwrap();
        match how {
            0 => drop(sorted.remove((0, 3)).unwrap()),
            1 => drop(transaction.open_table(RUNS).unwrap().remove(0).unwrap()),
            _ => {
                let other = sorted.get((0, 4)).unwrap().unwrap().value().to_vec();
                sorted.insert((0, 3), other.as_slice()).unwrap();
            }
        }
    }
    transaction.commit().unwrap();
}
