//! Rewriting packs: the one operation behind gc, compact and purge.
//!
//! ```text
//! reserve   write.lock: the open pack is sealed in `head`, numbers for new packs are set aside, `head` is published
//! write     no lock but maintenance.lock: every live record goes to new packs under its old number, journals are carried over
//! verify    every record of the new packs is decoded and compared with the old one
//! publish   write.lock: `head` as it is now, the old packs replaced by the new ones
//! unlink    the old packs go; what cannot go yet stays in `head`'s retired list
//! ```
//! Others may read all the time and write in between: what they add lies in packs of its own. A process killed anywhere leaves
//! the old state or the new one; files that no head names are removed by the next rewrite, under both locks.
//!
//! | file | what |
//! |---|---|
//! | `live` | which records stay |
//! | `carry` | the journals' entries that go along |
//! | `kinds` | logs of different kinds in different packs |
//! | `numbers` | a set of record numbers |
//! | `order` | like records together, where that pays |
//! | `stream` | records are fetched and cut on several threads and leave in order |
//! | `splits` | where the user had strings split |
//! | `sink` | appends the new packs |
//! | `verify` | old and new compared |
//! | `vocabulary` | words found in a sample of what stays |
//! | `writer` | the new packs as they are written |

pub mod carry;
pub mod kinds;
pub mod live;
pub mod numbers;
pub mod order;
pub mod sink;
pub mod splits;
pub mod stream;
pub mod verify;
pub mod vocabulary;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;

use crate::error::{Error, IoContext, Result};
use crate::fsio::{self, Lock};
use crate::ids::PackId;
use crate::interrupt::Interrupt;
use crate::pack::reader::{PackReader, read_header};
use crate::pack::{HEADER_BYTES, Mark};
use crate::progress::Progress;
use crate::record::cut::CutOptions;
use crate::record::known::Known;
use crate::vault::head::{Head, LivePack};
use crate::vault::journal::{self, Entry, Stamp};
use crate::vault::layout::Layout;
use crate::vault::rewrite::carry::{Carried, Purged};
use crate::vault::rewrite::kinds::{Section, Text};
use crate::vault::rewrite::live::Removed;
pub use crate::vault::rewrite::numbers::Numbers;
use crate::vault::rewrite::sink::{NewPacks, Shared};
use crate::vault::rewrite::stream::{Cutting, Means, Units};
use crate::vault::rewrite::writer::Writer;
use crate::vault::snapshot::{Snapshot, read_journals};
use crate::vault::write::assemble::{Assembler, Past, Shape};
use crate::vault::write::encode::{Encoder, Levels};

/// How new packs are made.
#[derive(Clone, Debug)]
pub struct Profile {
    /// How hard to compress.
    pub levels: Levels,
    /// Sizes.
    pub shape: Shape,
    /// What the new packs say of themselves.
    pub mark: Mark,
    /// Look for a vocabulary that makes text smaller.
    pub vocabulary: bool,
    /// Logs of different kinds go to different packs, each with the sizes for its mark and so much text.
    pub apart: Option<fn(Mark, u64) -> Shape>,
    /// Look for an order in which like records stand together.
    pub reorder: bool,
    /// What each thread may keep of decoded blocks and groups.
    pub cache_bytes: usize,
    /// A new pack begins when the tables of the one being written have so many bytes.
    pub table_bytes: u64,
}

/// Windows of records to be put in another order take some hundred megabytes.
const ROOM_TO_ORDER: u64 = 1 << 30;
/// Less than this is no window.
const LEAST_SHARE: usize = 8 << 20;

impl Profile {
    /// The same within a limit of memory. What is remembered to compare with becomes less, packs of very many short texts end early, and
    /// records stay in the order they are in: the result is larger. Compressing itself takes what it takes, some 100 MiB a thread at level 19.
    #[must_use]
    pub fn within(mut self, limit: Option<u64>) -> Profile {
        if let Some(limit) = limit {
            let share = usize::try_from(limit / 20).unwrap_or(usize::MAX).max(LEAST_SHARE);
            self.shape.window_bytes = self.shape.window_bytes.min(share);
            self.shape.ring_bytes = self.shape.ring_bytes.min(share);
            self.cache_bytes = self.cache_bytes.min(share / 2);
            // Tables double, and both are there while they do.
            self.table_bytes = (limit / 5).max(LEAST_SHARE as u64);
            self.reorder &= limit >= ROOM_TO_ORDER;
            self.apart = self.apart.filter(|_| limit >= ROOM_TO_ORDER);
        }
        self
    }
}

/// Places in the filter of known content: 8 MiB.
const KNOWN_BITS: u32 = 20;

/// A moment of a rewrite; tests stop or copy the vault there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pack numbers are set aside.
    Reserved,
    /// New packs are on disk.
    Written,
    /// They were compared with the old ones.
    Verified,
    /// `head` names them.
    Published,
    /// Old packs are gone.
    Unlinked,
}

/// The right to rewrite, and what it needs.
pub struct Maintenance<'a> {
    _lock: Lock,
    layout: Layout,
    pool: Arc<ThreadPool>,
    lock_timeout: Duration,
    memory_limit: Option<u64>,
    progress: &'a dyn Progress,
    interrupt: &'a Interrupt,
    /// Looks on at every step.
    pub watch: Box<dyn Fn(Step) -> Result<()> + 'a>,
}

/// What to rewrite.
pub struct Request<'r> {
    /// Packs to replace, all sealed in the snapshot.
    pub packs: Vec<PackId>,
    /// Records that stay.
    pub live: &'r Numbers,
    /// What leaves no trace.
    pub purged: &'r Purged,
    /// An entry for the log, if this rewrite ends an operation.
    pub log: Option<Entry>,
}

/// What a rewrite did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// New packs with their sizes.
    pub written: Vec<LivePack>,
    /// Files that are gone, relative to the vault.
    pub unlinked: Vec<String>,
    /// Records in the new packs.
    pub records: u64,
    /// Records left out.
    pub dropped: u64,
    /// Generation that `head` has now.
    pub generation: u64,
    /// False when nothing was changed: interrupted, or a record that was to go came back meanwhile.
    pub done: bool,
}

impl<'a> Maintenance<'a> {
    /// Takes the lock of rewriters and removes what a killed one left.
    ///
    /// # Errors
    /// [`Error::Locked`] while another one is at work.
    pub fn begin(
        layout: &Layout,
        pool: Arc<ThreadPool>,
        lock_timeout: Duration,
        progress: &'a dyn Progress,
        interrupt: &'a Interrupt,
    ) -> Result<Maintenance<'a>> {
        let lock = layout.maintenance_lock(lock_timeout)?;
        let maintenance = Maintenance {
            _lock: lock,
            layout: layout.clone(),
            pool,
            lock_timeout,
            memory_limit: None,
            progress,
            interrupt,
            watch: Box::new(|_| Ok(())),
        };
        if !maintenance.leftovers(&Head::read(layout.dir())?)?.is_empty() {
            maintenance.clear_leftovers()?;
        }
        Ok(maintenance)
    }

    /// Rewrites within so much memory ([`Profile::within`]).
    #[must_use]
    pub fn within(self, memory_limit: Option<u64>) -> Maintenance<'a> {
        Maintenance { memory_limit, ..self }
    }

    /// Pack files of this vault that no head names.
    fn leftovers(&self, head: &Head) -> Result<Vec<std::path::PathBuf>> {
        let packs = self.layout.packs();
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&packs).on("listing", &packs)? {
            let path = entry.on("listing", &packs)?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".pack")?.parse().ok()).map(PackId);
            if let Some(id) = number
                && head.pack(id).is_none()
                && (id.0 < head.next_pack || is_of_vault(&path, head.vault_id))
            {
                found.push(path);
            }
        }
        Ok(found)
    }

    fn clear_leftovers(&self) -> Result<()> {
        let _write = self.layout.write_lock(self.lock_timeout)?;
        // Looked at again under the lock: a writer may have published one meanwhile.
        for path in self.leftovers(&Head::read(self.layout.dir())?)? {
            fsio::remove(&path)?;
        }
        Ok(())
    }

    /// Seals these packs and sets numbers for new ones aside. Gives the state to rewrite from and the first number.
    ///
    /// # Errors
    /// When the vault is locked or damaged.
    pub fn reserve(&self, packs: &[PackId]) -> Result<(Snapshot, PackId)> {
        let _write = self.layout.write_lock(self.lock_timeout)?;
        let mut head = Head::read(self.layout.dir())?;
        head.packs.iter_mut().filter(|pack| packs.contains(&pack.committed.pack)).for_each(|pack| pack.sealed = true);
        let first = PackId(head.next_pack);
        head.next_pack += packs.len() as u32 * 2 + SPARE_PACKS;
        head.generation += 1;
        head.sweep(self.layout.dir());
        head.publish(self.layout.dir())?;
        let snapshot = Snapshot::open(&self.layout)?;
        (self.watch)(Step::Reserved)?;
        Ok((snapshot, first))
    }

    /// Refuses when the disk has no room for a second copy of these packs.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn make_sure_of_space(&self, bytes: u64) -> Result<()> {
        let packs = self.layout.packs();
        match fsio::free_bytes(&packs)? {
            free if free < bytes + (1 << 20) => Err(Error::NoSpace { path: packs, doing: "rewriting packs in" }),
            _ => Ok(()),
        }
    }

    /// Rewrites packs of a snapshot that [`Maintenance::reserve`] gave.
    ///
    /// # Errors
    /// When anything cannot be read, written or is not equal; the vault is then as before.
    pub fn rewrite(&self, snapshot: &Snapshot, first: PackId, profile: &Profile, request: &Request<'_>) -> Result<Outcome> {
        let profile = &profile.clone().within(self.memory_limit);
        let old: Vec<Arc<PackReader>> =
            snapshot.packs.iter().filter(|pack| request.packs.contains(&pack.committed.pack)).cloned().collect();
        // As bytes: what the journals say of every removed record takes several times as much when it is taken apart.
        let journal = journal_of(snapshot, &carry::entries(snapshot, &request.packs, request.purged)?, request.log.as_ref());
        let shared = Arc::new(Shared::default());
        let written = self.write(snapshot, &old, first, profile, request, journal, &shared);
        let outcome = written.and_then(|new| match new {
            Some(new) => self.verify_and_publish(snapshot, &old, new, request, profile.cache_bytes),
            None => Ok(Outcome::default()),
        });
        if !outcome.as_ref().is_ok_and(|outcome| outcome.done) {
            // Nobody has seen these files: they may go at once. Failing that, the next rewrite removes them.
            shared.created().into_iter().for_each(|id| {
                let _ = fsio::remove(&self.layout.packs().join(id.file_name()));
            });
        }
        outcome
    }

    #[allow(clippy::too_many_arguments, reason = "each is one thing that a rewrite needs")]
    fn write(
        &self,
        snapshot: &Snapshot,
        old: &[Arc<PackReader>],
        first: PackId,
        profile: &Profile,
        request: &Request<'_>,
        journal: Vec<u8>,
        shared: &Arc<Shared>,
    ) -> Result<Option<Vec<LivePack>>> {
        let sink =
            NewPacks::new(self.layout.packs(), &snapshot.head, first, profile.mark, request.packs.clone(), Arc::clone(shared));
        let encoder = Encoder::start(Arc::clone(&self.pool), profile.levels, sink);
        let known = Arc::new(Known::new(KNOWN_BITS));
        let mut writer = Writer {
            assembler: Assembler::new(
                encoder,
                profile.shape.clone(),
                Arc::clone(&known),
                snapshot.head.next_record,
                Past::default(),
            ),
            layout: &self.layout,
            vault_id: snapshot.head.vault_id,
            shared,
            issued: 0,
            commit_every: (profile.shape.ring_bytes / 2) as u64,
            table_bytes: profile.table_bytes,
            cache_bytes: profile.cache_bytes,
            numbers: Vec::new(),
            long: Vec::new(),
        };
        let means = Means { threads: self.pool.current_num_threads(), cache_bytes: profile.cache_bytes };
        let stored = Units::stored(old, request.live);
        let sections = match profile.apart {
            Some(_) => {
                self.progress.phase("telling kinds of logs apart", None);
                kinds::apart(old, stored, means, self.interrupt)?
            }
            None => vec![Section { units: stored, text: Text::of(old) }],
        };
        let total = old.iter().map(|pack| pack.directory().record_count()).sum();
        self.progress.phase("rewriting", Some(total));
        let options = CutOptions { splits: splits::of(old)?, ..CutOptions::default() };
        for (index, section) in sections.into_iter().enumerate() {
            if let Some(shape_of) = profile.apart {
                // What is kept in memory is for all of them.
                let Shape { window_bytes, ring_bytes, .. } = profile.shape;
                writer.begin(index, Shape { window_bytes, ring_bytes, ..shape_of(profile.mark, section.text.all()) })?;
            }
            // Who was interrupted while kinds were told apart has not seen all groups.
            if self.interrupt.is_raised() || !self.section(old, section, means, profile, &options, &known, &mut writer)? {
                // Dropped rather than finished: nothing names what was written.
                drop(writer.assembler.finish());
                return Ok(None);
            }
        }
        writer.finish(journal)?;
        (self.watch)(Step::Written)?;
        Ok(Some(shared.packs()))
    }

    /// Writes a section; false when interrupted.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that a section needs")]
    fn section(
        &self,
        old: &[Arc<PackReader>],
        section: Section<'_>,
        means: Means,
        profile: &Profile,
        options: &CutOptions,
        known: &Known,
        writer: &mut Writer<'_>,
    ) -> Result<bool> {
        if profile.vocabulary
            && let Some(coder) = vocabulary::find(old, &section.units, section.text.words, means, profile.levels.text)?
        {
            writer.assembler.use_vocabulary(coder);
        }
        let (units, means) = match profile.reorder {
            true => order::by_likeness(old, section.units, section.text.all(), means, self.interrupt)?,
            false => (section.units, means),
        };
        stream::in_order(old, &units, Cutting { known, options }, means, |piece| {
            if self.interrupt.is_raised() {
                return Ok(false);
            }
            self.progress.advance(piece.records());
            writer.take(&piece, options)?;
            Ok(true)
        })
    }

    fn verify_and_publish(
        &self,
        snapshot: &Snapshot,
        old: &[Arc<PackReader>],
        new: Vec<LivePack>,
        request: &Request<'_>,
        cache_bytes: usize,
    ) -> Result<Outcome> {
        self.progress.phase("verifying", None);
        let opened: Result<Vec<_>> = new
            .iter()
            .map(|pack| PackReader::open(&self.layout.packs(), snapshot.head.vault_id, pack.committed).map(Arc::new))
            .collect();
        let Some(records) = verify::equal(old, &opened?, request.live, &self.pool, cache_bytes, self.interrupt)? else {
            return Ok(Outcome::default());
        };
        (self.watch)(Step::Verified)?;
        let held: u64 = old.iter().map(|pack| pack.directory().record_count()).sum();
        let mut outcome = Outcome { written: new, records, dropped: held - records, ..Outcome::default() };
        self.publish(old, request, &mut outcome)?;
        Ok(outcome)
    }

    fn publish(&self, old: &[Arc<PackReader>], request: &Request<'_>, outcome: &mut Outcome) -> Result<()> {
        let dir = self.layout.dir();
        {
            let _write = self.layout.write_lock(self.lock_timeout.max(PUBLISH_PATIENCE))?;
            let mut head = Head::read(dir)?;
            if let Some(pack) =
                old.iter().find(|pack| head.pack(pack.committed.pack).is_none_or(|now| now.committed != pack.committed))
            {
                return Err(Error::Internal(format!("{} changed while it was rewritten", pack.committed.pack)));
            }
            if outcome.dropped > 0 && !self.still_dead(old, request.live)? {
                return Ok(());
            }
            head.packs.retain(|pack| !request.packs.contains(&pack.committed.pack));
            outcome.written.iter().for_each(|pack| head.set_pack(*pack));
            head.sweep(dir);
            head.retired.extend(&request.packs);
            head.generation += 1;
            head.publish(dir)?;
            outcome.generation = head.generation;
            outcome.done = true;
        }
        (self.watch)(Step::Published)?;
        for id in &request.packs {
            if fsio::remove(&self.layout.packs().join(id.file_name())).is_ok() {
                outcome.unlinked.push(format!("packs/{}", id.file_name()));
            }
            crate::vault::search::parts::forget_pack(&self.layout, *id)?;
        }
        (self.watch)(Step::Unlinked)
    }

    /// True unless a record that was left out has been brought back meanwhile.
    fn still_dead(&self, old: &[Arc<PackReader>], live: &Numbers) -> Result<bool> {
        let snapshot = Snapshot::open(&self.layout)?;
        let state = snapshot.state()?;
        let now = live::shown(state, &Removed::of(&state.removals));
        let runs = old.iter().flat_map(|pack| &pack.directory().groups).flat_map(|group| &group.records);
        Ok(runs.flat_map(|run| run.first..run.first + run.count).all(|number| live.contains(number) || !now.contains(number)))
    }
}

/// Pack numbers set aside beyond two for each that is replaced: little memory makes small packs.
const SPARE_PACKS: u32 = 256;

/// Publishing waits at least so long for a writer that is at work: all the work before would be lost otherwise.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(600);

fn is_of_vault(path: &std::path::Path, vault_id: u128) -> bool {
    let header = fsio::read_prefix(path, HEADER_BYTES).and_then(|bytes| read_header(&bytes, path));
    header.is_ok_and(|header| header.vault_id == vault_id)
}

/// The journal of the new packs: what is carried over, and what is said of the rewrite itself.
fn journal_of(snapshot: &Snapshot, carried: &Carried, log: Option<&Entry>) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut place = 0;
    for (stamp, entry) in &carried.0 {
        journal::put(entry, *stamp, &mut payload);
        if stamp.generation == snapshot.head.generation {
            place = place.max(stamp.place + 1);
        }
    }
    if let Some(entry) = log {
        journal::put(entry, Stamp { generation: snapshot.head.generation, place }, &mut payload);
    }
    payload
}

/// Journals of all packs of a snapshot with the pack each entry lies in, sorted by stamp.
///
/// # Errors
/// When one is damaged.
pub fn all_entries(snapshot: &Snapshot) -> Result<Vec<(PackId, Stamp, Entry)>> {
    let mut all = Vec::new();
    for pack in &snapshot.packs {
        let mut entries = Vec::new();
        read_journals(pack, &mut entries)?;
        all.extend(entries.into_iter().map(|(stamp, entry)| (pack.committed.pack, stamp, entry)));
    }
    all.sort_by_key(|(_, stamp, _)| *stamp);
    Ok(all)
}
