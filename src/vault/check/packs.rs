//! One pack: its frames, and, where asked for or where frames are damaged, its records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::checksum::{checksum, content_hash};
use crate::error::{Corrupt, corrupt};
use crate::group::build::print_of;
use crate::group::decode::record_prints;
use crate::interrupt::Interrupt;
use crate::pack::HEADER_BYTES;
use crate::pack::frame::{self, Frame, Kind};
use crate::pack::reader::PackReader;
use crate::vault::api::{ReadData, Subset};
use crate::vault::check::{offset_in, reason};
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// A damaged place.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// What is wrong.
    pub(super) what: String,
    /// Records that need it.
    pub(super) records: BTreeSet<u64>,
}

/// What was found in a pack.
#[derive(Debug, Default)]
pub(super) struct Examined {
    /// Frames looked at.
    pub(super) frames: u64,
    /// Bytes of records that were read back whole.
    pub(super) bytes: u64,
    /// Damage by offset.
    pub(super) damage: BTreeMap<Option<u64>, Damage>,
}

/// Examines a pack.
pub(super) fn examine(snapshot: &Snapshot, index: usize, read: ReadData, pool: &ThreadPool, interrupt: &Interrupt) -> Examined {
    let mut found = Examined::default();
    let mapped = &snapshot.packs[index];
    let folder = snapshot.layout().packs();
    let pack = match PackReader::open_by_reading(&folder, snapshot.head.vault_id, mapped.committed) {
        Ok(pack) => Arc::new(pack),
        Err(error) => {
            found.add(None, &reason(&error));
            return found;
        }
    };
    walk(&pack, &mut found);
    let is_damaged = !found.damage.is_empty();
    let groups = match (is_damaged, read) {
        (true, _) | (false, ReadData::All) => (0..pack.directory().groups.len()).collect(),
        (false, ReadData::Nothing) => Vec::new(),
        (false, ReadData::Some(subset)) => choose(&pack, subset),
    };
    let bytes = AtomicU64::new(0);
    let failed: Vec<(Option<u64>, String, Option<u64>)> = pool.install(|| {
        // Neighbours share blocks: a few at a time.
        groups.par_chunks(8).flat_map_iter(|groups| records(&pack, groups, &bytes, interrupt)).collect()
    });
    found.bytes = bytes.into_inner();
    for (offset, what, record) in failed {
        found.add(offset, &what).records.extend(record);
    }
    found
}

impl Examined {
    fn add(&mut self, offset: Option<u64>, what: &str) -> &mut Damage {
        self.damage.entry(offset).or_insert_with(|| Damage { what: what.to_string(), records: BTreeSet::new() })
    }
}

/// Every frame: its checksum, its commit's word for it, and whether the directory is right about it.
fn walk(pack: &PackReader, found: &mut Examined) {
    let mut expected: BTreeMap<u64, Kind> = BTreeMap::new();
    let directory = &pack.directory();
    expected.extend(directory.blocks.iter().map(|entry| (entry.offset, Kind::Block)));
    expected.extend(directory.groups.iter().map(|entry| (entry.offset, Kind::Group)));
    expected.extend(directory.templates.iter().map(|entry| (entry.offset, Kind::Templates)));
    expected.extend(directory.journals.iter().map(|offset| (*offset, Kind::Journal)));
    expected.extend(directory.dictionaries.iter().map(|offset| (*offset, Kind::Dictionary)));
    let (mut at, end) = (HEADER_BYTES, pack.bytes().len() as u64);
    let mut sums = Vec::new();
    let mut sums_are_whole = true;
    while at < end {
        match Frame::read(pack.bytes(), at) {
            Ok(frame) => {
                found.frames += 1;
                if let Err(Corrupt(what)) = examine_frame(pack, at, &frame, expected.remove(&at), &mut sums, sums_are_whole) {
                    found.add(Some(at), &what);
                }
                sums_are_whole |= frame.kind == Kind::Commit as u8;
                at += frame.length;
            }
            Err(Corrupt(what)) => {
                found.add(Some(at), &what);
                sums_are_whole = false;
                expected.remove(&at);
                // The lengths in its head may be what is damaged: the directory knows where the next frame begins.
                at = expected.range(at..).next().map_or(end, |(offset, _)| *offset);
            }
        }
    }
    for (offset, kind) in expected {
        found.add(Some(offset), &format!("the directory names a frame of kind {kind:?} where none begins"));
    }
}

fn examine_frame(
    pack: &PackReader,
    offset: u64,
    frame: &Frame<'_>,
    expected: Option<Kind>,
    sums: &mut Vec<u8>,
    sums_are_whole: bool,
) -> Result<(), Corrupt> {
    if frame.kind == Kind::Commit as u8 {
        let payload = frame::decode(frame, None)?;
        let commit = crate::pack::directory::Commit::decode(&payload)?;
        let sum = checksum(sums);
        sums.clear();
        return match sum == commit.frames_checksum || !sums_are_whole {
            true => Ok(()),
            false => Err(corrupt!("the commit's checksum over its frames does not match")),
        };
    }
    sums.extend_from_slice(&frame.checksum.to_le_bytes());
    match expected {
        Some(kind) if kind as u8 != frame.kind => {
            Err(corrupt!("a frame of kind {} where the directory names {kind:?}", frame.kind))
        }
        None if frame.kind < 128 => Err(corrupt!("a frame of kind {} that no directory names", frame.kind)),
        // Journals rest on each other and are read in their order, by whoever asks for the state.
        Some(Kind::Journal) => pack.frame(offset, Kind::Journal).map(drop),
        _ => Ok(()),
    }
}

/// Joins all records of some groups: what fails, where, and which record.
fn records(
    pack: &Arc<PackReader>,
    groups: &[usize],
    bytes: &AtomicU64,
    interrupt: &Interrupt,
) -> Vec<(Option<u64>, String, Option<u64>)> {
    let mut failed = Vec::new();
    let mut view = match PackView::new(Arc::clone(pack)) {
        Ok(view) => view,
        Err(error) => {
            let what = reason(&error);
            return all_records(pack, groups).map(|number| (offset_in(&what), what.clone(), Some(number))).collect();
        }
    };
    let mut out = Vec::new();
    for &index in groups.iter().take_while(|_| !interrupt.is_raised()) {
        let entry = &pack.directory().groups[index];
        let prints = pack.frame(entry.offset, Kind::Group).and_then(|frame| record_prints(&frame::decode(&frame, None)?));
        let prints = prints.unwrap_or_default();
        // Records are read alone; what lies between them is stored data too.
        if let Err(Corrupt(what)) = view.open_group(index) {
            failed.push((offset_in(&what), what, None));
        }
        for (position, number) in all_records(pack, &[index]).enumerate() {
            out.clear();
            let joined = view.record(index, position, &mut out).and_then(|()| match prints.get(position) {
                Some(print) if *print != print_of(content_hash(&out)) => {
                    Err(corrupt!("group at offset {}: record {number} is not what was stored", entry.offset))
                }
                _ => Ok(()),
            });
            match joined {
                Ok(()) => drop(bytes.fetch_add(out.len() as u64, Ordering::Relaxed)),
                Err(Corrupt(what)) => failed.push((offset_in(&what), what, Some(number))),
            }
        }
        // Text that no live record reaches is stored data too.
        for segment in entry.first_segment..entry.first_segment.saturating_add(entry.segments) {
            out.clear();
            if let Err(Corrupt(what)) = view.segment(segment, &mut out) {
                failed.push((offset_in(&what), what, None));
            }
        }
    }
    failed
}

fn all_records<'p>(pack: &'p PackReader, groups: &'p [usize]) -> impl Iterator<Item = u64> + 'p {
    let entries = groups.iter().filter_map(|index| pack.directory().groups.get(*index));
    entries.flat_map(|entry| &entry.records).flat_map(|run| run.first..run.first.saturating_add(run.count))
}

/// Groups of a part. Parts of equal number are the same on every day; shares are chosen anew.
fn choose(pack: &PackReader, subset: Subset) -> Vec<usize> {
    let groups = 0..pack.directory().groups.len();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let dice = |index: usize| checksum(&[now.to_le_bytes(), (index as u64).to_le_bytes()].concat());
    match subset {
        Subset::Part { part, of } => {
            let place = |index: usize| {
                checksum(&[u64::from(pack.committed.pack.0), index as u64].map(u64::to_le_bytes).concat()) % u64::from(of.max(1))
            };
            groups.filter(|index| place(*index) + 1 == u64::from(part)).collect()
        }
        Subset::Percent(share) => groups.filter(|index| dice(*index) as f64 / u64::MAX as f64 * 100.0 < share).collect(),
        Subset::Bytes(bytes) => {
            let share = bytes as f64 / pack.committed.length.max(1) as f64;
            groups.filter(|index| dice(*index) as f64 / u64::MAX as f64 <= share).collect()
        }
    }
}
