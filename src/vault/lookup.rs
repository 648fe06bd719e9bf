//! From ids to records, with certainty and without an index.
//!
//! An index may name candidates ([`Candidates`]); what it names is verified, and where it knows nothing the packs themselves are
//! searched. Record hashes cost joining every record; carried ids are found through the columns they stand in ([`super::find`])
//! and verified on the joined record, so an id that is only mentioned does not count.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::checksum::content_hash;
use crate::error::Result;
use crate::group::build::print_of;
use crate::group::decode::record_prints;
use crate::ids::RecordHash;
use crate::pack::frame::{self, Kind};
use crate::shape::{FileState, Record, carried_ids};
use crate::vault::ahead::in_order;
use crate::vault::fetch::Fetcher;
use crate::vault::find;
use crate::vault::index::Index;
use crate::vault::meaning::{Scan, jobs, live_records};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::{Source, State};

/// What an index knows. `None` means that it cannot tell; a list may name too many records but never too few.
pub(crate) trait Candidates: Sync {
    /// Records whose hash may begin with these hex digits.
    fn by_hash(&self, prefix: &str) -> Option<Vec<u64>>;
    /// Records that may carry an id.
    fn by_id(&self, id: &[u8]) -> Option<Vec<u64>>;
}

/// The vault's catalog, opened when it is first asked: a line is found by its place without it.
pub(crate) struct LazyIndex<'s> {
    snapshot: &'s Snapshot,
    index: OnceLock<Index>,
}

impl<'s> LazyIndex<'s> {
    /// Nothing is opened yet.
    pub(crate) fn new(snapshot: &'s Snapshot) -> LazyIndex<'s> {
        LazyIndex { snapshot, index: OnceLock::new() }
    }

    fn open(&self) -> &Index {
        self.index.get_or_init(|| Index::open(self.snapshot))
    }
}

impl Candidates for LazyIndex<'_> {
    fn by_hash(&self, prefix: &str) -> Option<Vec<u64>> {
        self.open().candidates_by_hash(prefix)
    }

    fn by_id(&self, id: &[u8]) -> Option<Vec<u64>> {
        self.open().candidates_by_id(id)
    }
}

/// More ids than this are looked for in one reading of all records instead of one search each.
const MANY_IDS: usize = 12;

/// Looks up records of one snapshot.
pub(crate) struct Lookup<'v> {
    /// The snapshot.
    pub(crate) snapshot: &'v Snapshot,
    /// Its sources and removals.
    pub(crate) state: &'v State,
    /// Reads what records mean.
    pub(crate) scan: Scan<'v>,
    threads: usize,
    index: &'v dyn Candidates,
    read: RefCell<Read<'v>>,
}

/// Few records are read here and not by threads: what was decoded for them is at hand when they are given out.
struct Read<'v> {
    fetcher: Fetcher<'v>,
    /// Their bytes, and how many there are.
    kept: FxHashMap<u64, Vec<u8>>,
    bytes: usize,
}

/// Fewer records than this are few.
pub(crate) const FEW: usize = 8;
/// Bytes of them that are kept.
const KEPT_BYTES: usize = 32 << 20;

/// Whether a hash with this print can begin with a prefix, given as its digits and how far they are shifted down.
fn fits_print(value: u128, shift: u32, print: u16) -> bool {
    // Prefixes have at least six digits, prints are the first four of them.
    match 112u32.checked_sub(shift) {
        Some(below) => value >> below == u128::from(print),
        None => true,
    }
}

/// A line: its source and its number from 1.
pub(crate) type Place<'s> = (&'s Source, u64);

impl<'v> Lookup<'v> {
    /// Look-ups with the help of an index.
    ///
    /// # Errors
    /// When journals are damaged.
    pub(crate) fn new(snapshot: &'v Snapshot, threads: usize, index: &'v dyn Candidates) -> Result<Lookup<'v>> {
        let read = Read { fetcher: Fetcher::new(snapshot), kept: FxHashMap::default(), bytes: 0 };
        let scan = Scan::new(snapshot, threads, false)?;
        Ok(Lookup { snapshot, state: snapshot.state()?, scan, threads, index, read: RefCell::new(read) })
    }

    /// Records whose hash begins with each prefix (hex digits, lower case).
    ///
    /// # Errors
    /// When records are damaged.
    pub(crate) fn by_hash(&self, prefixes: &[&str]) -> Result<Vec<BTreeMap<RecordHash, u64>>> {
        let mut found = vec![BTreeMap::new(); prefixes.len()];
        let known: Option<Vec<Vec<u64>>> = prefixes.iter().map(|prefix| self.index.by_hash(prefix)).collect();
        let wanted: Vec<(u128, u32)> = prefixes.iter().filter_map(|prefix| parse_prefix(prefix)).collect();
        if wanted.len() != prefixes.len() {
            return Ok(found);
        }
        let numbers = match known {
            Some(lists) => lists.concat(),
            None => self.by_print(&wanted)?,
        };
        let mut numbers = self.sorted(numbers);
        self.as_stored(&mut numbers);
        let work = |bytes: &[u8], _number: u64| {
            let hash = content_hash(bytes);
            wanted.iter().any(|(value, shift)| hash.checked_shr(*shift) == Some(*value)).then_some(hash)
        };
        self.each(&numbers, work, |number, hash| {
            for ((value, shift), found) in wanted.iter().zip(&mut found) {
                if hash.checked_shr(*shift) == Some(*value) {
                    found.insert(RecordHash(hash), number);
                }
            }
        })?;
        Ok(found)
    }

    /// Records whose print, the two bytes of hash that groups keep, fits one of the prefixes: one in 65,536 of the others too.
    fn by_print(&self, wanted: &[(u128, u32)]) -> Result<Vec<u64>> {
        self.where_print(|print| wanted.iter().any(|(value, shift)| fits_print(*value, *shift, print)))
    }

    fn where_print(&self, fits: impl Fn(u16) -> bool) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for pack in &self.snapshot.packs {
            for entry in &pack.directory().groups {
                let frame = pack.frame(entry.offset, Kind::Group).map_err(|corrupt| pack.damaged(corrupt))?;
                let prints = frame::content(&frame)
                    .and_then(|payload| record_prints(&payload))
                    .map_err(|corrupt| pack.damaged(corrupt))?;
                let records = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
                numbers.extend(prints.iter().zip(records).filter(|(print, _)| fits(**print)).map(|(_, number)| number));
            }
        }
        Ok(numbers)
    }

    /// All stored records with one of these hashes, whether a line shows them or not.
    ///
    /// # Errors
    /// When records are damaged.
    pub(crate) fn all_with_hashes(&self, hashes: &FxHashSet<u128>) -> Result<Vec<u64>> {
        let prints: FxHashSet<u16> = hashes.iter().map(|hash| print_of(*hash)).collect();
        let mut numbers = self.where_print(|print| prints.contains(&print))?;
        numbers.sort_unstable();
        let mut found = Vec::new();
        let work = |bytes: &[u8], _| hashes.contains(&content_hash(bytes)).then_some(());
        self.each(&numbers, work, |number, ()| found.push(number))?;
        Ok(found)
    }

    /// Records that carry each id.
    ///
    /// # Errors
    /// When records are damaged.
    pub(crate) fn by_id(&self, ids: &[&str]) -> Result<Vec<Vec<u64>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = self.candidates(ids)?;
        let wanted: BTreeMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let places = if self.state.mappings.is_empty() { BTreeMap::new() } else { self.places(&numbers) };
        let mut found: Vec<BTreeSet<u64>> = vec![BTreeSet::new(); ids.len()];
        let scan = &self.scan;
        let work = |bytes: &[u8], number: u64| {
            let record = Record::read(bytes);
            // Mappings may ask for the name of the source.
            let name = places.get(&number).map(|(source, _)| source.state.name.as_str());
            let metadata = record.metadata(&scan.detect(&record, name), &mut FileState::default());
            let carried: Vec<usize> = carried_ids(&metadata).iter().filter_map(|id| wanted.get(id).copied()).collect();
            (!carried.is_empty()).then_some(carried)
        };
        self.each(&numbers, work, |number, carried| {
            carried.into_iter().for_each(|at| {
                found[at].insert(number);
            });
        })?;
        // The same id asked for twice is found under the last.
        Ok(ids.iter().map(|id| found[wanted[id]].iter().copied().collect()).collect())
    }

    /// Records that may carry one of the ids; sorted.
    fn candidates(&self, ids: &[&str]) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        let mut unknown = Vec::new();
        for id in ids {
            match self.index.by_id(id.as_bytes()) {
                Some(known) => numbers.extend(known),
                None => unknown.push(id.as_bytes()),
            }
        }
        // A mapping may call anything an id, also what a search of the columns does not see.
        if unknown.len() > MANY_IDS || !unknown.is_empty() && !self.state.mappings.is_empty() {
            return Ok(live_records(self.snapshot, self.state));
        }
        if !unknown.is_empty() {
            numbers.extend(find::records_with(self.snapshot, &unknown, self.threads)?);
        }
        Ok(self.sorted(numbers))
    }

    fn sorted(&self, mut numbers: Vec<u64>) -> Vec<u64> {
        numbers.retain(|number| !self.state.removed.contains(number));
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Brings records into the order they are stored, each once: neighbours share groups and blocks.
    pub(crate) fn as_stored(&self, numbers: &mut Vec<u64>) {
        numbers.sort_by_cached_key(|number| (self.snapshot.locate(*number), *number));
        numbers.dedup();
    }

    /// The reader of few records. It must be given back before others are looked up.
    pub(crate) fn fetcher(&self) -> RefMut<'_, Fetcher<'v>> {
        RefMut::map(self.read.borrow_mut(), |read| &mut read.fetcher)
    }

    /// The bytes of a record that was read to look it up, if they were kept; they are not afterwards.
    pub(crate) fn take_read(&self, number: u64) -> Option<Vec<u8>> {
        let read = &mut *self.read.borrow_mut();
        let bytes = read.kept.remove(&number)?;
        read.bytes -= bytes.len();
        Some(bytes)
    }

    /// Joins records, many of them on all threads; `sink` gets what `work` makes of them.
    pub(crate) fn each<T: Send>(
        &self,
        numbers: &[u64],
        work: impl Fn(&[u8], u64) -> Option<T> + Sync,
        mut sink: impl FnMut(u64, T),
    ) -> Result<()> {
        if numbers.len() < FEW {
            let read = &mut *self.read.borrow_mut();
            for &number in numbers {
                let mut bytes = Vec::new();
                if !read.fetcher.record(number, &mut bytes)? {
                    continue;
                }
                let Some(made) = work(&bytes, number) else { continue };
                sink(number, made);
                if read.bytes + bytes.len() <= KEPT_BYTES {
                    read.bytes += bytes.len();
                    let before = read.kept.insert(number, bytes);
                    read.bytes -= before.map_or(0, |before| before.len());
                }
            }
            return Ok(());
        }
        in_order(
            self.snapshot,
            self.threads,
            jobs(self.snapshot, numbers),
            |fetcher, numbers| {
                let (mut bytes, mut made) = (Vec::new(), Vec::new());
                for &number in numbers {
                    bytes.clear();
                    if fetcher.record(number, &mut bytes)? {
                        made.extend(work(&bytes, number).map(|made| (number, made)));
                    }
                }
                Ok(made)
            },
            |made| {
                made.into_iter().for_each(|(number, made)| sink(number, made));
                Ok(())
            },
        )
    }

    /// Where each record is first seen. Records without a place are those of lines that were superseded.
    pub(crate) fn places(&self, numbers: &[u64]) -> BTreeMap<u64, Place<'v>> {
        let mut places = BTreeMap::new();
        for source in self.state.in_order() {
            let mut before = 0;
            for run in &source.runs {
                let from = numbers.partition_point(|number| *number < run.first);
                let here = numbers.get(from..).unwrap_or_default().iter().take_while(|number| **number < run.first + run.count);
                for &number in here {
                    let line = before + (number - run.first) + 1;
                    if !self.state.is_removed(source.state.id, line, number) {
                        places.entry(number).or_insert((source, line));
                    }
                }
                before += run.count;
            }
        }
        places
    }

    /// Records in the order of their places; those without one are left out.
    pub(crate) fn in_source_order(&self, mut numbers: Vec<u64>) -> Vec<(u64, Place<'v>)> {
        numbers.sort_unstable();
        let mut found: Vec<(u64, Place<'v>)> = self.places(&numbers).into_iter().collect();
        found.sort_by_key(|(_, (source, line))| (source.state.id, *line));
        found
    }
}

/// A prefix of a hash as its value, and how far a hash is shifted to be compared with it.
pub(crate) fn parse_prefix(prefix: &str) -> Option<(u128, u32)> {
    let shift = 128u32.checked_sub(4 * u32::try_from(prefix.len()).ok()?)?;
    Some((u128::from_str_radix(prefix, 16).ok()?, shift))
}
