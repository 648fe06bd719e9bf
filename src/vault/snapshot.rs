//! One consistent state of the vault, for reading.
//!
//! `head` is read, the packs it names are mapped, and that is the state: writers append behind committed lengths, rewrites make
//! new packs. A pack that is gone by the time it is opened means that `head` has moved on: it is read again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{Corrupt, Error, Result};
use crate::ids::PackId;
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::vault::head::Head;
use crate::vault::journal::{self, Entry, Stamp};
use crate::vault::layout::Layout;
use crate::vault::sources::State;
use crate::vault::view::CACHE_BYTES;

/// Where a run of records is stored.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// First record number.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Index into [`Snapshot::packs`].
    pub pack: u32,
    /// Index of the group.
    pub group: u32,
    /// Position of the first in the group.
    pub position: u32,
}

/// A state of the vault.
pub struct Snapshot {
    /// The head it was made from.
    pub head: Head,
    /// Live packs, in order of their numbers.
    pub packs: Vec<Arc<PackReader>>,
    layout: Layout,
    places: OnceLock<Vec<Place>>,
    /// How often a record was looked for without them.
    asked: AtomicUsize,
    state: OnceLock<State>,
    cache_bytes: usize,
    redact: bool,
}

/// Packs that a thread has open at once.
pub const OPEN_VIEWS: usize = 4;
/// Of a limit of memory all caches together may have a quarter.
const CACHES_SHARE: usize = 4;
/// A view with less would decode the same block again and again.
const LEAST_CACHE: usize = 6 << 20;

/// Records are looked for in the directories so often before a list of all places is made.
const FEW: usize = 8;

/// How often a vanished pack makes us look at `head` again before it is taken for lost.
const ATTEMPTS: usize = 5;

impl Snapshot {
    /// The state now.
    ///
    /// # Errors
    /// No vault, too new, or damaged.
    pub fn open(layout: &Layout) -> Result<Snapshot> {
        Snapshot::open_with(layout, PackReader::open)
    }

    /// The state now, for who wants a few records: where things are is read of those packs only that may hold them. Whoever uses it
    /// asks for the [`damage`](Snapshot::damage) in the end.
    ///
    /// # Errors
    /// As [`Snapshot::open`], but for damaged directories.
    pub fn open_for_few(layout: &Layout) -> Result<Snapshot> {
        Snapshot::open_with(layout, PackReader::open_briefly)
    }

    /// What was damaged of the directories that were read, and therefore seemed to be empty.
    #[must_use]
    pub fn damage(&self) -> Option<Error> {
        self.packs.iter().find_map(|pack| pack.damage())
    }

    /// The state now, read without mapping: for `check`, which must survive bad sectors.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open_by_reading(layout: &Layout) -> Result<Snapshot> {
        Snapshot::open_with(layout, PackReader::open_by_reading)
    }

    fn open_with(
        layout: &Layout,
        open: fn(&std::path::Path, u128, crate::pack::writer::Committed) -> Result<PackReader>,
    ) -> Result<Snapshot> {
        let mut attempt = 0;
        loop {
            let head = Head::read(layout.dir())?;
            let packs: Result<Vec<_>> =
                head.packs.iter().map(|live| open(&layout.packs(), head.vault_id, live.committed).map(Arc::new)).collect();
            match packs {
                Ok(packs) => {
                    return Ok(Snapshot::with_packs(layout, head, packs));
                }
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    attempt += 1
                }
                Err(Error::Io { path, source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    return Err(Error::integrity(&path, "named by head but missing"));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A state of some packs only: for `check`, which goes on without those that cannot be opened.
    #[must_use]
    pub fn with_packs(layout: &Layout, head: Head, packs: Vec<Arc<PackReader>>) -> Snapshot {
        let (places, state) = (OnceLock::new(), OnceLock::new());
        let asked = AtomicUsize::new(0);
        Snapshot { head, packs, layout: layout.clone(), places, asked, state, cache_bytes: CACHE_BYTES, redact: false }
    }

    /// The same, read by so many threads within a limit of memory: each view of a pack may keep less of what it decodes.
    #[must_use]
    pub fn within(self, limit: Option<u64>, threads: usize) -> Snapshot {
        let share = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX) / CACHES_SHARE / threads.max(1) / OPEN_VIEWS);
        Snapshot { cache_bytes: share.map_or(CACHE_BYTES, |share| share.clamp(LEAST_CACHE, CACHE_BYTES)), ..self }
    }

    /// The same for one who is not shown secrets.
    #[must_use]
    pub fn redacting(self, redact: bool) -> Snapshot {
        Snapshot { redact, ..self }
    }

    /// True when secrets are not shown.
    #[must_use]
    pub fn redacts(&self) -> bool {
        self.redact
    }

    /// The same state without what was read of it so far: what journals say of every removed record takes memory.
    #[must_use]
    pub fn forgetting(self) -> Snapshot {
        Snapshot { places: OnceLock::new(), state: OnceLock::new(), ..self }
    }

    /// What a view of a pack may keep of what it decodes.
    #[must_use]
    pub fn cache_bytes(&self) -> usize {
        self.cache_bytes
    }

    /// The vault's files.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where every record is, sorted by number.
    pub fn places(&self) -> &[Place] {
        self.places.get_or_init(|| {
            let mut places = Vec::new();
            for (pack, reader) in self.packs.iter().enumerate() {
                for (group, entry) in reader.directory().groups.iter().enumerate() {
                    let mut position = 0;
                    for run in &entry.records {
                        places.push(Place {
                            first: run.first,
                            count: run.count,
                            pack: pack as u32,
                            group: group as u32,
                            position,
                        });
                        position += run.count as u32;
                    }
                }
            }
            places.sort_by_key(|place| place.first);
            places
        })
    }

    /// Where a record is: pack, group, position; `None` when it is gone.
    #[must_use]
    pub fn locate(&self, number: u64) -> Option<(usize, usize, usize)> {
        if self.places.get().is_none() && self.asked.fetch_add(1, Ordering::Relaxed) < FEW {
            return self.locate_by_looking(number);
        }
        let places = self.places();
        let place = places[..places.partition_point(|place| place.first <= number)].last()?;
        let offset = number - place.first;
        (offset < place.count).then(|| (place.pack as usize, place.group as usize, place.position as usize + offset as usize))
    }

    /// The same without a list of all places, which costs more than looking at them a few times.
    fn locate_by_looking(&self, number: u64) -> Option<(usize, usize, usize)> {
        for (pack, reader) in self.packs.iter().enumerate().filter(|(_, reader)| reader.may_hold(number)) {
            for (group, entry) in reader.directory().groups.iter().enumerate() {
                let mut position = 0;
                for run in &entry.records {
                    if number.checked_sub(run.first).is_some_and(|offset| offset < run.count) {
                        return Some((pack, group, (position + (number - run.first)) as usize));
                    }
                    position += run.count;
                }
            }
        }
        None
    }

    /// Sources, removals, mappings and log.
    ///
    /// # Errors
    /// When a journal is damaged.
    pub fn state(&self) -> Result<&State> {
        if let Some(state) = self.state.get() {
            return Ok(state);
        }
        let mut entries = Vec::new();
        for pack in &self.packs {
            read_journals(pack, &mut entries)?;
        }
        entries.sort_by_key(|(stamp, _)| *stamp);
        let state = State::replay(entries).map_err(|(stamp, Corrupt(what))| {
            Error::integrity(&self.layout.packs(), format!("journal entry {}.{}: {what}", stamp.generation, stamp.place))
        })?;
        Ok(self.state.get_or_init(|| state))
    }

    /// The pack that can be appended to, if any.
    #[must_use]
    pub fn open_pack(&self) -> Option<PackId> {
        self.head.packs.iter().rev().find(|pack| !pack.sealed).map(|pack| pack.committed.pack)
    }

    /// Number of stored records.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.packs.iter().map(|pack| pack.directory().record_count()).sum()
    }
}

/// Reads all journals of a pack.
///
/// # Errors
/// When one is damaged.
pub fn read_journals(pack: &PackReader, entries: &mut Vec<(Stamp, Entry)>) -> Result<()> {
    each_journal(pack, |payload| journal::read(payload, entries)).map(drop)
}

/// Decodes the journals of a pack in order, for each may rest on the one before; gives the last.
///
/// # Errors
/// When one is damaged, or `look` says so.
pub fn each_journal(pack: &PackReader, mut look: impl FnMut(&[u8]) -> Result<(), Corrupt>) -> Result<Option<Vec<u8>>> {
    let mut last: Option<Vec<u8>> = None;
    for &offset in pack.journals() {
        let payload = pack.frame(offset, Kind::Journal).and_then(|frame| {
            let payload = frame::decode(&frame, last.as_deref())?;
            look(&payload).map(|()| payload)
        });
        let damaged = |Corrupt(what)| pack.damaged(Corrupt(format!("journal at offset {offset}: {what}")));
        last = Some(payload.map_err(damaged)?);
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::pack::directory::Brief;
    use crate::pack::frame::build_raw;
    use crate::progress::Silent;
    use crate::vault::Vault;
    use crate::vault::api::{GetOptions, Id, IngestOptions, Input, OpenOptions};

    /// Protects those who read directories only when they need them: a commit whose list of things makes no sense, checksums being
    /// right, hides records and must not look like a vault without them.
    #[test]
    fn a_directory_that_makes_no_sense_is_damage_and_not_an_empty_pack() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_or_open(&dir.path().join("v"), &OpenOptions::default()).unwrap();
        let line = || Input::Stream(Box::new(&b"{\"id\":\"request-77\"}\n"[..]));
        let options = IngestOptions { source: Some("s".into()), ..IngestOptions::default() };
        vault.ingest(&options, vec![line()], &Silent, &Interrupt::default()).unwrap();
        let snapshot = vault.snapshot_for_few().unwrap();
        assert!(snapshot.packs[0].may_hold(0) && !snapshot.packs[0].may_hold(1));
        let pack = Arc::clone(&snapshot.packs[0]);
        let at = pack.committed.last_commit as usize;
        let payload = frame::Frame::read(pack.bytes(), at as u64).unwrap().payload.to_vec();
        // Its things are the last bytes: more blocks than there are bytes for.
        let things = Brief::read(&payload).unwrap().things_at();
        let mut broken = payload[..things].to_vec();
        broken.extend(std::iter::repeat_n(0x7f, payload.len() - things));
        let bytes = [&pack.bytes()[..at], &build_raw(Kind::Commit, &broken)].concat();
        assert_eq!(bytes.len(), pack.bytes().len());
        std::fs::write(pack.path(), bytes).unwrap();
        assert!(matches!(Snapshot::open(snapshot.layout()), Err(Error::Integrity { .. })));
        for id in ["s:1", "id:request-77", "request-77"] {
            let wanted = GetOptions { ids: vec![Id::parse(id).unwrap()], ..GetOptions::default() };
            let given = vault.get(&wanted, &mut |_| Ok(()));
            assert!(matches!(given, Err(Error::Integrity { .. })), "{id}: {given:?}");
        }
    }
}
