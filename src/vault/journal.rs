//! Journals: what is true besides the records. Sources, removals, mappings and the log of operations.
//!
//! Entries carry the generation that made them, so that packs can be rewritten in any order and the state still comes out the
//! same: entries of all packs, sorted by generation and place, replayed.
//!
//! ```text
//! journal = entry*        entry = kind u8 · generation varint · place varint · length varint · body
//! ```

use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};
use crate::pack::directory::RecordRun;

/// When an entry was made: generation, then its place among the entries of that generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The vault's generation.
    pub generation: u64,
    /// Place among entries of one generation.
    pub place: u32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A source came or grew.
    Source(SourceDelta),
    /// Records or single occurrences were removed, or brought back.
    Removal(Removal),
    /// An operation, for `log`: JSON as [`crate::vault::api::LogEntry`] shows it.
    Log(Vec<u8>),
    /// A user mapping: its file name and text.
    Mapping(String, Vec<u8>),
    /// Records that no line is any more: they were stored before it was clear that their stream repeats a source.
    Superseded(Vec<RecordRun>),
    /// A dictionary is to be used, or no more: its pack, its number there.
    Dictionary {
        /// The pack's number.
        pack: u32,
        /// Its number among the pack's dictionaries.
        number: u32,
        /// Whether new blocks use it.
        active: bool,
    },
}

/// How a source changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceDelta {
    /// The source's state afterwards, as `source::state` encodes it.
    pub state: Vec<u8>,
    /// Occurrences at the end of the list that this replaces (a last line that had no newline).
    pub drop_last: u64,
    /// Record numbers of the new occurrences.
    pub runs: Vec<RecordRun>,
}

/// A removal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// True when it brings back instead.
    pub undo: bool,
    /// Records, all their occurrences.
    pub records: Vec<RecordRun>,
    /// Hashes of those records, by which a later ingest knows them again; empty after a purge.
    pub hashes: Vec<u128>,
    /// Single occurrences: source number and line (from 1).
    pub lines: Vec<(u32, u64)>,
}

const SOURCE: u8 = 1;
const REMOVAL: u8 = 2;
const LOG: u8 = 3;
const MAPPING: u8 = 4;
const SUPERSEDED: u8 = 5;
const DICTIONARY: u8 = 6;

/// Appends an entry.
pub fn put(entry: &Entry, stamp: Stamp, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    let kind = match entry {
        Entry::Source(delta) => {
            body.put_bytes(&delta.state);
            body.put_varint(delta.drop_last);
            put_runs(&delta.runs, &mut body);
            SOURCE
        }
        Entry::Removal(removal) => {
            body.put_u8(u8::from(removal.undo));
            put_runs(&removal.records, &mut body);
            body.put_varint(removal.hashes.len() as u64);
            for hash in &removal.hashes {
                body.put_u64(*hash as u64);
                body.put_u64((hash >> 64) as u64);
            }
            body.put_varint(removal.lines.len() as u64);
            for (source, line) in &removal.lines {
                body.put_varint(u64::from(*source));
                body.put_varint(*line);
            }
            REMOVAL
        }
        Entry::Log(json) => {
            body.extend_from_slice(json);
            LOG
        }
        Entry::Mapping(name, text) => {
            body.put_bytes(name.as_bytes());
            body.extend_from_slice(text);
            MAPPING
        }
        Entry::Dictionary { pack, number, active } => {
            body.put_varint(u64::from(*pack));
            body.put_varint(u64::from(*number));
            body.put_u8(u8::from(*active));
            DICTIONARY
        }
        Entry::Superseded(runs) => {
            put_runs(runs, &mut body);
            SUPERSEDED
        }
    };
    out.put_u8(kind);
    out.put_varint(stamp.generation);
    out.put_varint(u64::from(stamp.place));
    out.put_bytes(&body);
}

/// Reads a journal; entries of kinds from 128 on are stepped over, others must be known.
///
/// # Errors
/// When it is malformed.
pub fn read(payload: &[u8], out: &mut Vec<(Stamp, Entry)>) -> Result<(), Corrupt> {
    let mut reader = Reader::new(payload);
    while !reader.is_empty() {
        let kind = reader.u8()?;
        let stamp = Stamp { generation: reader.varint()?, place: reader.varint32()? };
        let mut body = Reader::new(reader.bytes()?);
        let entry = match kind {
            SOURCE => {
                let (state, drop_last) = (body.bytes()?.to_vec(), body.varint()?);
                Entry::Source(SourceDelta { state, drop_last, runs: read_runs(&mut body)? })
            }
            REMOVAL => {
                let (undo, records) = (body.u8()? != 0, read_runs(&mut body)?);
                let mut removal = Removal { undo, records, ..Removal::default() };
                for _ in 0..body.count(16)? {
                    removal.hashes.push(u128::from(body.u64()?) | u128::from(body.u64()?) << 64);
                }
                for _ in 0..body.count(2)? {
                    removal.lines.push((body.varint32()?, body.varint()?));
                }
                Entry::Removal(removal)
            }
            LOG => Entry::Log(body.take(body.remaining())?.to_vec()),
            MAPPING => Entry::Mapping(body.string()?.to_string(), body.take(body.remaining())?.to_vec()),
            SUPERSEDED => Entry::Superseded(read_runs(&mut body)?),
            DICTIONARY => {
                let (pack, number) = (body.varint32()?, body.varint32()?);
                Entry::Dictionary { pack, number, active: body.u8()? != 0 }
            }
            128.. => continue,
            _ => return Err(corrupt!("journal entry of kind {kind} is unknown")),
        };
        body.finish()?;
        out.push((stamp, entry));
    }
    Ok(())
}

fn put_runs(runs: &[RecordRun], out: &mut Vec<u8>) {
    out.put_varint(runs.len() as u64);
    let mut next = 0u64;
    for run in runs {
        out.put_signed(run.first.wrapping_sub(next) as i64);
        out.put_varint(run.count);
        next = run.first.wrapping_add(run.count);
    }
}

fn read_runs(reader: &mut Reader<'_>) -> Result<Vec<RecordRun>, Corrupt> {
    let mut runs = Vec::new();
    let mut next = 0u64;
    for _ in 0..reader.count(2)? {
        let first = next.wrapping_add(reader.signed()? as u64);
        let count = reader.varint()?;
        next = first.checked_add(count).filter(|_| count > 0).ok_or_else(|| corrupt!("a run of {count} records at {first}"))?;
        runs.push(RecordRun { first, count });
    }
    Ok(runs)
}

/// Appends a record number to a list of runs.
pub fn push_run(runs: &mut Vec<RecordRun>, number: u64) {
    match runs.last_mut() {
        Some(run) if run.first + run.count == number => run.count += 1,
        _ => runs.push(RecordRun { first: number, count: 1 }),
    }
}

/// Takes the last `count` numbers off a list of runs.
pub fn drop_last(runs: &mut Vec<RecordRun>, mut count: u64) {
    while count > 0
        && let Some(run) = runs.last_mut()
    {
        let now = run.count.min(count);
        run.count -= now;
        count -= now;
        if run.count == 0 {
            runs.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order_and_cut_off_journals_are_errors() {
        let runs = vec![RecordRun { first: 9, count: 3 }, RecordRun { first: 2, count: 1 }];
        let entries = [
            Entry::Source(SourceDelta { state: vec![1, 2], drop_last: 1, runs: runs.clone() }),
            Entry::Removal(Removal { undo: true, records: runs.clone(), hashes: vec![u128::MAX - 5], lines: vec![(3, 4)] }),
            Entry::Log(b"{}".to_vec()),
            Entry::Mapping("a.toml".into(), b"x".to_vec()),
            Entry::Superseded(runs.clone()),
            Entry::Dictionary { pack: 3, number: 1, active: true },
        ];
        let mut bytes = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            put(entry, Stamp { generation: 7, place: place as u32 }, &mut bytes);
        }
        let mut found = Vec::new();
        read(&bytes, &mut found).unwrap();
        assert!(found.iter().map(|(_, entry)| entry).eq(&entries));
        assert!(read(&bytes[..bytes.len() - 1], &mut Vec::new()).is_err());
    }

    #[test]
    fn dropping_the_last_occurrences_crosses_runs() {
        let mut runs = Vec::new();
        [5, 6, 7, 2, 9].into_iter().for_each(|number| push_run(&mut runs, number));
        drop_last(&mut runs, 3);
        assert_eq!(runs, [RecordRun { first: 5, count: 2 }]);
        drop_last(&mut runs, 9);
        assert!(runs.is_empty());
    }
}
