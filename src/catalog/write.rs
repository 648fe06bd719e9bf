//! Writing the catalog: under the vault's write lock, after the commits it will reflect.
//!
//! A change is one redb transaction: the last values are taken up again and followed by new ones, what lies before stays untouched.
//! Quick repair is on: a killed writer leaves a file that the next one opens at once (readers ignore it until then).

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase, ReadableTable, Table, WriteTransaction};

use crate::catalog::blob::{self, HASHES_EACH, Ids};
use crate::catalog::{
    CACHE_BYTES, COVERED, Covered, GroupPrints, HASHES, IDS, META, PRINTS, Rows, Unusable, VALUE_BYTES, broken, guarded, runs,
    sealed, unsealed,
};
use crate::error::corrupt;

/// Bytes of the stream of prints in one value.
const PRINTS_EACH: usize = VALUE_BYTES - 8;

/// What happens to the fingerprints of the open pack.
#[derive(Debug, Default)]
pub enum Prints {
    /// They stay as they are.
    #[default]
    Keep,
    /// There is no open pack worth it any more.
    Drop,
    /// Those of a pack from its first group.
    Of(u32, Vec<GroupPrints>),
    /// More groups of the same pack.
    More(Vec<GroupPrints>),
}

/// A step forward.
#[derive(Debug, Default)]
pub struct Change {
    /// Records from the first that is not covered on.
    pub rows: Rows,
    /// Fingerprints of the open pack.
    pub prints: Prints,
    /// What the catalog reflects then; record number and prints are filled in.
    pub covered: Covered,
}

/// A catalog open for writing.
pub struct Writer {
    database: Database,
    path: PathBuf,
    covered: Option<Covered>,
}

impl Writer {
    /// Opens a catalog, or begins one where there is none.
    ///
    /// # Errors
    /// [`Unusable::Busy`] while somebody reads it; [`Unusable::Broken`] when it has to be made anew.
    pub fn open(path: &Path) -> Result<Writer, Unusable> {
        guarded(|| {
            let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
            let file = file.map_err(|error| Unusable::Broken(error.to_string()))?;
            let database = Builder::new().set_cache_size(CACHE_BYTES).create_file(file).map_err(broken)?;
            let covered = read_covered(&database)?;
            Ok(Writer { database, path: path.to_path_buf(), covered })
        })
    }

    /// What it reflects; none for a new one.
    #[must_use]
    pub fn covered(&self) -> Option<&Covered> {
        self.covered.as_ref()
    }

    /// Takes a step.
    ///
    /// # Errors
    /// When it cannot be written, or what is there does not fit; the file then has to be made anew.
    pub fn apply(&mut self, change: Change) -> Result<(), Unusable> {
        guarded(|| {
            let mut transaction = self.database.begin_write().map_err(broken)?;
            transaction.set_quick_repair(true);
            let old = self.covered.unwrap_or_default();
            let next_record = old.next_record + change.rows.len() as u64;
            let mut covered = Covered { next_record, sorted: old.sorted, prints: old.prints, ..change.covered };
            append_hashes(&transaction, &old, &change.rows.hashes)?;
            append_ids(&transaction, &old, &change.rows)?;
            if (runs::RECORDS as u64..=runs::MOST_RECORDS as u64).contains(&(next_record - old.sorted)) {
                sort(&transaction, &covered)?;
                covered.sorted = next_record;
            }
            change_prints(&transaction, change.prints, &mut covered)?;
            let mut meta = transaction.open_table(META).map_err(broken)?;
            meta.insert(COVERED, covered.encode().as_slice()).map_err(broken)?;
            drop(meta);
            transaction.commit().map_err(broken)?;
            self.covered = Some(covered);
            Ok(())
        })
    }

    /// Closes the file, made small where much of it is empty.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(mut self) -> Result<(), Unusable> {
        guarded(|| {
            let size = std::fs::metadata(&self.path).map_err(|error| Unusable::Broken(error.to_string()))?.len();
            if size < SMALL || size > self.used()? * 3 / 2 {
                self.database.compact().map_err(broken)?;
            }
            Ok(())
        })
    }

    /// Bytes of pages in use.
    fn used(&self) -> Result<u64, Unusable> {
        let transaction = self.database.begin_write().map_err(broken)?;
        let stats = transaction.stats().map_err(broken)?;
        let used = stats.allocated_pages() * stats.page_size() as u64;
        transaction.abort().map_err(broken)?;
        Ok(used)
    }
}

/// Files below this are compacted whenever they were written: it costs a few milliseconds and saves up to 1 MiB.
const SMALL: u64 = 4 << 20;

fn read_covered(database: &Database) -> Result<Option<Covered>, Unusable> {
    let transaction = database.begin_read().map_err(broken)?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    let value = meta.get(COVERED).map_err(broken)?;
    value.map(|value| Covered::decode(value.value())).transpose().map_err(Unusable::from)
}

/// Key and bytes of the last value of a table, which must end at `end`.
type Last = Option<(u64, Vec<u8>)>;

fn take_last(table: &mut Table<'_, u64, &'static [u8]>) -> Result<Last, Unusable> {
    let last = table.last().map_err(broken)?;
    Ok(last.map(|(key, value)| (key.value(), value.value().to_vec())))
}

fn ends_at(end: u64, expected: u64) -> Result<(), Unusable> {
    if end == expected { Ok(()) } else { Err(corrupt!("a table ends at {end} instead of {expected}").into()) }
}

/// New values go to the end of the table: a cursor there saves the way down the tree for each.
fn put_at_end(table: &mut Table<'_, u64, &'static [u8]>, values: &[(u64, Vec<u8>)]) -> Result<(), Unusable> {
    let mut values = values.iter();
    // The first may take the place of what was last.
    if let Some((key, value)) = values.next() {
        table.insert(*key, sealed(*key, value).as_slice()).map_err(broken)?;
    }
    if values.len() == 0 {
        return Ok(());
    }
    let mut cursor = table.upper_bound_mut(std::ops::Bound::<u64>::Unbounded).map_err(broken)?;
    for (key, value) in values {
        cursor.insert_before(*key, sealed(*key, value).as_slice()).map_err(broken)?;
    }
    cursor.close().map_err(broken)
}

/// Makes a run of what is not in one.
fn sort(transaction: &WriteTransaction, covered: &Covered) -> Result<(), Unusable> {
    let mut rows = Rows::default();
    let hashes = transaction.open_table(HASHES).map_err(broken)?;
    for entry in hashes.iter().map_err(broken)? {
        let (key, value) = entry.map_err(broken)?;
        rows.hashes.extend(numbers(blob::hashes(key.value(), value.value())?));
    }
    drop(hashes);
    let ids = transaction.open_table(IDS).map_err(broken)?;
    for entry in ids.iter().map_err(broken)? {
        let (key, value) = entry.map_err(broken)?;
        let ids = Ids::read(key.value(), value.value())?;
        rows.counts.extend(ids.counts()?);
        rows.ids.extend(numbers(ids.prints));
    }
    drop(ids);
    ends_at(covered.sorted + rows.hashes.len() as u64, covered.next_record)?;
    ends_at(covered.sorted + rows.counts.len() as u64, covered.next_record)?;
    runs::write(transaction, covered.sorted, &rows)?;
    for table in [HASHES, IDS] {
        transaction.delete_table(table).map_err(broken)?;
        // Empty, not absent: readers open both.
        transaction.open_table(table).map_err(broken)?;
    }
    Ok(())
}

fn numbers(prints: &[u8]) -> impl Iterator<Item = u32> {
    prints.chunks_exact(4).filter_map(|print| print.first_chunk::<4>()).map(|print| u32::from_le_bytes(*print))
}

fn append_hashes(transaction: &WriteTransaction, old: &Covered, new: &[u32]) -> Result<(), Unusable> {
    let from = old.next_record;
    let mut table = transaction.open_table(HASHES).map_err(broken)?;
    let mut first = from;
    let mut all = Vec::new();
    if let Some((key, value)) = take_last(&mut table)? {
        let prints = blob::hashes(key, &value)?;
        ends_at(key + prints.len() as u64 / 4, from)?;
        if prints.len() / 4 < HASHES_EACH {
            first = key;
            all.extend(numbers(prints));
        }
    } else {
        ends_at(old.sorted, from)?;
    }
    if new.is_empty() {
        return Ok(());
    }
    all.extend_from_slice(new);
    let values: Vec<(u64, Vec<u8>)> = all
        .chunks(HASHES_EACH)
        .zip((first..).step_by(HASHES_EACH))
        .map(|(hashes, key)| (key, blob::put_hashes(hashes)))
        .collect();
    put_at_end(&mut table, &values)
}

fn append_ids(transaction: &WriteTransaction, old: &Covered, new: &Rows) -> Result<(), Unusable> {
    let from = old.next_record;
    let mut table = transaction.open_table(IDS).map_err(broken)?;
    let mut first = from;
    let (mut counts, mut prints) = (Vec::new(), Vec::new());
    if let Some((key, value)) = take_last(&mut table)? {
        let ids = Ids::read(key, &value)?;
        ends_at(key + ids.count as u64, from)?;
        first = key;
        counts = ids.counts()?;
        prints.extend(numbers(ids.prints));
    } else {
        ends_at(old.sorted, from)?;
    }
    if new.is_empty() {
        return Ok(());
    }
    counts.extend_from_slice(&new.counts);
    prints.extend_from_slice(&new.ids);
    let (mut counts, mut prints) = (counts.as_slice(), prints.as_slice());
    let mut values = Vec::new();
    while !counts.is_empty() {
        let (records, ids, content) = blob::put_ids(counts, prints);
        values.push((first, content));
        first += records as u64;
        (counts, prints) = (&counts[records..], &prints[ids..]);
    }
    put_at_end(&mut table, &values)
}

fn change_prints(transaction: &WriteTransaction, prints: Prints, covered: &mut Covered) -> Result<(), Unusable> {
    let groups = match prints {
        Prints::Keep => Vec::new(),
        Prints::More(groups) => groups,
        Prints::Drop | Prints::Of(..) => {
            transaction.delete_table(PRINTS).map_err(broken)?;
            covered.prints = super::PrintsOf::default();
            match prints {
                Prints::Of(pack, groups) => {
                    covered.prints.pack = pack;
                    groups
                }
                _ => Vec::new(),
            }
        }
    };
    let mut table = transaction.open_table(PRINTS).map_err(broken)?;
    if groups.is_empty() {
        return Ok(());
    }
    let mut first = covered.prints.bytes;
    let mut stream = Vec::new();
    if let Some((key, value)) = take_last(&mut table)? {
        let content = unsealed(key, &value)?;
        ends_at(key + content.len() as u64, covered.prints.bytes)?;
        if content.len() < PRINTS_EACH {
            first = key;
            stream.extend_from_slice(content);
        }
    }
    groups.iter().for_each(|group| group.put(&mut stream));
    covered.prints.groups += groups.len() as u32;
    covered.prints.bytes = first + stream.len() as u64;
    let values: Vec<(u64, Vec<u8>)> =
        stream.chunks(PRINTS_EACH).zip((first..).step_by(PRINTS_EACH)).map(|(part, key)| (key, part.to_vec())).collect();
    put_at_end(&mut table, &values)
}
