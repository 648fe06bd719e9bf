//! Fingerprints of consecutive records in one value.
//!
//! Records come in the order of their numbers, so a place in the value is a record and no number is stored. How many ids each
//! record has takes a byte, or less where neighbours have equally many; the fingerprints stand in one array at the end, which is
//! compared four bytes at a time by loops without branches.

use crate::bytes::{Put, Reader};
use crate::catalog::{VALUE_BYTES, unsealed};
use crate::error::{Corrupt, corrupt};

/// Bytes of a value besides the fingerprints: checksum, count, form.
const HEAD: usize = 13;
/// Records in a full value of hashes.
pub(super) const HASHES_EACH: usize = (VALUE_BYTES - HEAD) / 4;

/// How the numbers of ids are written.
const ONE_BY_ONE: u8 = 0;
const RUNS: u8 = 1;

/// What is kept of consecutive records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Fingerprint of each record's hash.
    pub hashes: Vec<u32>,
    /// Ids of each record plus one; 0 when they are unknown and every question has to look at the record.
    pub counts: Vec<u32>,
    /// Fingerprints of all ids, record by record.
    pub ids: Vec<u32>,
}

impl Rows {
    /// Adds a record; `None` when nobody looked for its ids.
    pub fn push(&mut self, hash: u32, ids: Option<&[u32]>) {
        self.hashes.push(hash);
        self.counts.push(ids.map_or(0, |ids| ids.len() as u32 + 1));
        self.ids.extend(ids.unwrap_or_default());
    }

    /// Adds a record that is gone: nothing finds it.
    pub fn push_gone(&mut self) {
        self.push(0, Some(&[]));
    }

    /// Adds all of `later`.
    pub fn append(&mut self, later: &Rows) {
        self.hashes.extend_from_slice(&later.hashes);
        self.counts.extend_from_slice(&later.counts);
        self.ids.extend_from_slice(&later.ids);
    }

    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// True without records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

fn prints_of(counts: &[u32]) -> usize {
    counts.iter().map(|count| count.saturating_sub(1) as usize).sum()
}

/// The content of a value of hashes.
pub(super) fn put_hashes(hashes: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(hashes.len() * 4 + 4);
    out.put_u32(hashes.len() as u32);
    hashes.iter().for_each(|hash| out.put_u32(*hash));
    out
}

/// The fingerprints in a value of hashes, as bytes.
pub(super) fn hashes(key: u64, value: &[u8]) -> Result<&[u8], Corrupt> {
    let mut reader = Reader::new(unsealed(key, value)?);
    let count = reader.u32()? as usize;
    let prints = reader.take(reader.remaining())?;
    if prints.len() != count * 4 {
        return Err(corrupt!("{} bytes of hashes for {count} records", prints.len()));
    }
    Ok(prints)
}

/// A value of ids, opened.
pub(super) struct Ids<'v> {
    /// How many records.
    pub(super) count: usize,
    form: u8,
    counts: &'v [u8],
    /// All fingerprints.
    pub(super) prints: &'v [u8],
}

impl<'v> Ids<'v> {
    pub(super) fn read(key: u64, value: &'v [u8]) -> Result<Ids<'v>, Corrupt> {
        let mut reader = Reader::new(unsealed(key, value)?);
        let (count, form, counts_bytes) = (reader.u32()? as usize, reader.u8()?, reader.u32()? as usize);
        let counts = reader.take(counts_bytes)?;
        Ok(Ids { count, form, counts, prints: reader.take(reader.remaining())? })
    }

    /// False only when the ids of all records are known: a count of 0 is a byte 0.
    pub(super) fn may_be_unknown(&self) -> bool {
        memchr::memchr(0, self.counts).is_some()
    }

    /// The numbers of ids, each plus one.
    pub(super) fn counts(&self) -> Result<Vec<u32>, Corrupt> {
        let mut reader = Reader::new(self.counts);
        let mut counts = Vec::with_capacity(self.count.min(VALUE_BYTES));
        while counts.len() < self.count {
            let count = reader.varint32()?;
            let repeated = if self.form == RUNS { reader.varint32()? as usize } else { 1 };
            if repeated == 0 || repeated > self.count - counts.len() {
                return Err(corrupt!("a run of {repeated} records"));
            }
            counts.extend(std::iter::repeat_n(count, repeated));
        }
        reader.finish()?;
        if prints_of(&counts) * 4 != self.prints.len() {
            return Err(corrupt!("{} bytes of ids do not fit their numbers", self.prints.len()));
        }
        Ok(counts)
    }
}

/// The longest prefix of rows whose ids fit one value (at least one record), and its content.
pub(super) fn put_ids(counts: &[u32], ids: &[u32]) -> (usize, usize, Vec<u8>) {
    let (mut records, mut prints) = (0, 0);
    for &count in counts {
        let more = count.saturating_sub(1) as usize;
        // One byte a record for its number: runs only make it shorter.
        if records > 0 && HEAD + 4 + (prints + more) * 4 + records + 1 + usize::from(count >= 128) * 4 > VALUE_BYTES {
            break;
        }
        records += 1;
        prints += more;
    }
    let counts = &counts[..records];
    let mut singles = Vec::with_capacity(records);
    counts.iter().for_each(|&count| singles.put_varint(u64::from(count)));
    let mut runs = Vec::new();
    for run in counts.chunk_by(|a, b| a == b) {
        runs.put_varint(u64::from(run[0]));
        runs.put_varint(run.len() as u64);
    }
    let (form, numbers) = if runs.len() < singles.len() { (RUNS, runs) } else { (ONE_BY_ONE, singles) };
    let mut out = Vec::with_capacity(9 + numbers.len() + prints * 4);
    out.put_u32(records as u32);
    out.put_u8(form);
    out.put_u32(numbers.len() as u32);
    out.extend_from_slice(&numbers);
    ids[..prints].iter().for_each(|print| out.put_u32(*print));
    (records, prints, out)
}

/// Places of the fingerprints that equal `wanted` under `mask`.
pub(super) fn scan(prints: &[u8], wanted: u32, mask: u32, found: &mut Vec<usize>) {
    const STRIDE: usize = 256;
    let differs = |print: &[u8]| {
        let print = print.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        (print ^ wanted) & mask != 0
    };
    for (stride, bytes) in prints.chunks(STRIDE).enumerate() {
        // First whether there is any, without a branch in the loop: there nearly never is.
        if bytes.chunks_exact(4).fold(true, |none, print| none & differs(print)) {
            continue;
        }
        let hits = bytes.chunks_exact(4).enumerate().filter(|(_, print)| !differs(print));
        found.extend(hits.map(|(at, _)| stride * STRIDE / 4 + at));
    }
}
