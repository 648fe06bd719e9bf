//! Reading the catalog: the file is opened without a right to write, and whoever cannot open it goes without.

use std::path::Path;
use std::sync::OnceLock;

use redb::{Builder, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable};

use crate::bytes::Reader as ByteReader;
use crate::catalog::blob::{self, Ids};
use crate::catalog::runs::{Kind, Runs};
use crate::catalog::{
    COVERED, Covered, GroupPrints, HASHES, IDS, META, PRINTS, READ_CACHE_BYTES, Unusable, broken, guarded, id_print, unsealed,
};
use crate::error::corrupt;

/// A catalog open for look-ups.
pub struct Reader {
    transaction: ReadTransaction,
    covered: Covered,
    runs: OnceLock<Runs>,
    _database: ReadOnlyDatabase,
}

impl Reader {
    /// Opens a catalog as it is: nothing is repaired, nobody is waited for.
    ///
    /// # Errors
    /// Why there is nothing to look into.
    pub fn open(path: &Path) -> Result<Reader, Unusable> {
        if !path.exists() {
            return Err(Unusable::Missing);
        }
        guarded(|| {
            let database = Builder::new().set_cache_size(READ_CACHE_BYTES).open_read_only(path).map_err(broken)?;
            let transaction = database.begin_read().map_err(broken)?;
            let meta = transaction.open_table(META).map_err(broken)?;
            let value = meta.get(COVERED).map_err(broken)?;
            let value = value.ok_or_else(|| Unusable::Broken("it does not say what it reflects".into()))?;
            let covered = Covered::decode(value.value())?;
            drop(value);
            drop(meta);
            Ok(Reader { transaction, covered, runs: OnceLock::new(), _database: database })
        })
    }

    /// What it reflects.
    #[must_use]
    pub fn covered(&self) -> &Covered {
        &self.covered
    }

    /// Records whose hash begins with the bits of `wanted` that `mask` has: some of the highest, or all.
    ///
    /// # Errors
    /// When a value is damaged or lost.
    pub fn by_hash(&self, wanted: u32, mask: u32) -> Result<Vec<u64>, Unusable> {
        let (mut found, mut places) = (Vec::new(), Vec::new());
        guarded(|| self.runs()?.find(&self.transaction, Kind::Hashes, wanted & mask, wanted | !mask, &mut found))?;
        self.each_hashes(0, |first, prints| {
            places.clear();
            blob::scan(prints, wanted, mask, &mut places);
            found.extend(places.iter().map(|&place| first + place as u64));
        })?;
        Ok(found)
    }

    /// Fingerprints of the hashes of all records covered, from one on.
    ///
    /// # Errors
    /// When a value is damaged or lost.
    pub fn hashes(&self, from: u64) -> Result<Vec<u32>, Unusable> {
        let mut hashes = guarded(|| self.runs()?.hashes(&self.transaction, from))?;
        self.each_hashes(from, |first, prints| {
            let before = from.saturating_sub(first) as usize;
            let prints = prints.chunks_exact(4).skip(before).filter_map(|print| print.first_chunk::<4>());
            hashes.extend(prints.map(|print| u32::from_le_bytes(*print)));
        })?;
        Ok(hashes)
    }

    /// The runs, read when somebody first asks.
    fn runs(&self) -> Result<&Runs, Unusable> {
        match self.runs.get() {
            Some(runs) => Ok(runs),
            None => Runs::read(&self.transaction, self.covered.sorted).map(|runs| self.runs.get_or_init(|| runs)),
        }
    }

    /// All values that are not in runs, but those that end before a record.
    fn each_hashes(&self, from: u64, mut take: impl FnMut(u64, &[u8])) -> Result<(), Unusable> {
        guarded(|| {
            let table = self.transaction.open_table(HASHES).map_err(broken)?;
            let mut next = self.covered.sorted;
            if let Some(entry) = table.range(..=from).map_err(broken)?.next_back() {
                next = entry.map_err(broken)?.0.value();
            }
            for entry in table.range(next..).map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                let prints = blob::hashes(follows(key.value(), next)?, value.value())?;
                take(next, prints);
                next += prints.len() as u64 / 4;
            }
            self.ends_right(next)
        })
    }

    /// Records that may carry an id, and those nobody looked into.
    ///
    /// # Errors
    /// When a value is damaged or lost.
    pub fn by_id(&self, id: &[u8]) -> Result<Vec<u64>, Unusable> {
        guarded(|| {
            let table = self.transaction.open_table(IDS).map_err(broken)?;
            let (mut found, mut places) = (Vec::new(), Vec::new());
            let (runs, print) = (self.runs()?, id_print(id));
            runs.find(&self.transaction, Kind::Ids, print, print, &mut found)?;
            found.extend(runs.unknown());
            let mut next = self.covered.sorted;
            for entry in table.iter().map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                let ids = Ids::read(follows(key.value(), next)?, value.value())?;
                places.clear();
                blob::scan(ids.prints, print, u32::MAX, &mut places);
                // Nearly always nobody here has it, and then nobody cares how many each has.
                if !places.is_empty() || ids.may_be_unknown() {
                    owners(&ids.counts()?, &places, next, &mut found);
                }
                next += ids.count as u64;
            }
            self.ends_right(next)?;
            Ok(found)
        })
    }

    /// Fingerprints of the groups of the open pack, in order.
    ///
    /// # Errors
    /// When a value is damaged or lost.
    pub fn prints(&self) -> Result<Vec<GroupPrints>, Unusable> {
        guarded(|| {
            let table = self.transaction.open_table(PRINTS).map_err(broken)?;
            let mut stream = Vec::new();
            for entry in table.iter().map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                let key = follows(key.value(), stream.len() as u64)?;
                stream.extend_from_slice(unsealed(key, value.value())?);
            }
            if stream.len() as u64 != self.covered.prints.bytes {
                return Err(corrupt!("{} bytes of prints instead of {}", stream.len(), self.covered.prints.bytes).into());
            }
            let mut reader = ByteReader::new(&stream);
            let mut groups = Vec::new();
            for _ in 0..self.covered.prints.groups {
                groups.push(GroupPrints::read(&mut reader)?);
            }
            reader.finish()?;
            Ok(groups)
        })
    }

    fn ends_right(&self, next: u64) -> Result<(), Unusable> {
        let expected = self.covered.next_record;
        if next == expected { Ok(()) } else { Err(corrupt!("it ends at record {next} instead of {expected}").into()) }
    }
}

/// A value must begin where the one before it ended.
fn follows(key: u64, next: u64) -> Result<u64, Unusable> {
    if key == next { Ok(key) } else { Err(corrupt!("a value for {key} where {next} should follow").into()) }
}

/// The records that own the fingerprints at some places; those without known ids own all.
fn owners(counts: &[u32], places: &[usize], first: u64, found: &mut Vec<u64>) {
    let mut places = places.iter().copied().peekable();
    let mut end = 0;
    for (number, &count) in (first..).zip(counts) {
        end += count.saturating_sub(1) as usize;
        let mut owns = count == 0;
        while places.next_if(|&place| place < end).is_some() {
            owns = true;
        }
        if owns {
            found.push(number);
        }
    }
}
