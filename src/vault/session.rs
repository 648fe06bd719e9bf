//! A writer at work: the lock, the open pack's past, the assembler, and commits with their journal.

use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::fsio::Lock;
use crate::pack::reader::PackReader;
use crate::pack::writer::PackWriter;
use crate::record::cut::Cuts;
use crate::record::known::Known;
use crate::source::lines::Chunk;
use crate::vault::dictionary;
use crate::vault::head::Head;
use crate::vault::index::{Index, Keeper};
use crate::vault::journal::{self, Entry, Stamp};
use crate::vault::layout::Layout;
use crate::vault::past;
use crate::vault::publish::{Acknowledged, Publisher};
use crate::vault::snapshot::{Snapshot, each_journal};
use crate::vault::sources::State;
use crate::vault::view::PackView;
use crate::vault::write::assemble::{Assembler, Past, Shape};
use crate::vault::write::encode::{Dictionaries, Encoder, Levels};

/// Places in the filter of known content: 8 MiB.
const KNOWN_BITS: u32 = 18;

/// A vault open for writing.
pub struct Session {
    lock: Option<Lock>,
    layout: Layout,
    pool: Arc<ThreadPool>,
    /// What the cutters may skip.
    pub known: Arc<Known>,
    /// Numbers and stores content.
    pub assembler: Assembler<Publisher>,
    /// Sources and removals, including what this session added.
    pub state: State,
    acknowledged: Arc<Acknowledged>,
    generation: u64,
    issued: u64,
    shape: Shape,
    dry_run: bool,
    keeper: Keeper,
    before: (crate::vault::write::assemble::Counts, u64),
    epoch: u64,
}

impl Session {
    /// Takes the lock and continues the open pack.
    ///
    /// # Errors
    /// When the vault is locked, damaged, or cannot be written.
    pub fn begin(
        layout: &Layout,
        pool: &Arc<ThreadPool>,
        shape: Shape,
        lock_timeout: Duration,
        dry_run: bool,
    ) -> Result<Session> {
        if dry_run && !layout.is_vault() {
            return Ok(Session::with(
                layout,
                pool,
                shape,
                None,
                Head::new(0),
                State::default(),
                Past::default(),
                None,
                Keeper::idle(),
                true,
            ));
        }
        let lock = if dry_run { None } else { Some(layout.write_lock(lock_timeout)?) };
        let snapshot = Snapshot::open(layout)?;
        let state = snapshot.state()?.clone();
        let mut head = snapshot.head.clone();
        if !dry_run {
            head.sweep(layout.dir());
        }
        let index = if dry_run { Index::none() } else { Index::open(&snapshot) };
        let mut past = Past::default();
        let mut dictionaries = Dictionaries::default();
        let mut writer = None;
        if let Some(id) = snapshot.open_pack()
            && let Some(pack) = snapshot.packs.iter().find(|pack| pack.committed.pack == id)
        {
            writer = PackWriter::append(&layout.packs(), pack.committed, pack.directory().clone())?;
            if writer.is_some() {
                past = past::load(pack, &index, pool)?;
                let mut journals = Vec::new();
                let last = each_journal(pack, |journal| {
                    journals.extend_from_slice(journal);
                    Ok(())
                })?;
                (past.last_journal, past.journals) = (last.map(Arc::new), journals);
                dictionaries = dictionary::for_writer(pack, &state, Levels::INGEST.text)?;
            }
        }
        let unlisted = std::mem::take(&mut past.unlisted);
        let keeper = if dry_run { Keeper::idle() } else { Keeper::new(&snapshot, &index, unlisted) };
        let mut session = Session::with(layout, pool, shape, lock, head, state, past, writer, keeper, dry_run);
        session.assembler.use_dictionaries(dictionaries);
        Ok(session)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one thing, put together in one place")]
    fn with(
        layout: &Layout,
        pool: &Arc<ThreadPool>,
        shape: Shape,
        lock: Option<Lock>,
        head: Head,
        state: State,
        past: Past,
        writer: Option<PackWriter>,
        keeper: Keeper,
        dry_run: bool,
    ) -> Session {
        let (generation, next_record) = (head.generation, head.next_record);
        let acknowledged = Arc::new(Acknowledged::default());
        let publisher = Publisher::new(layout.clone(), head, writer, Arc::clone(&acknowledged), dry_run);
        let encoder = Encoder::start(Arc::clone(pool), Levels::INGEST, publisher);
        let known = Arc::new(Known::new(KNOWN_BITS));
        let mut assembler = Assembler::new(encoder, shape.clone(), Arc::clone(&known), next_record, past);
        assembler.suppress(state.removed_hashes.iter().map(|(hash, number)| (*hash, *number)));
        Session {
            lock,
            layout: layout.clone(),
            pool: Arc::clone(pool),
            known,
            assembler,
            state,
            acknowledged,
            generation,
            issued: 0,
            shape,
            dry_run,
            keeper,
            before: (Default::default(), 0),
            epoch: 1,
        }
    }

    /// Lets others write while this writer waits for input. Everything is on disk by then.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn pause(&mut self) -> Result<()> {
        if self.lock.is_some() {
            self.wait()?;
            if self.keeper.has_some() {
                self.update_catalog();
            }
            self.lock = None;
        }
        Ok(())
    }

    /// True while others may write.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.lock.is_none() && !self.dry_run
    }

    /// Keeps what the catalog wants of a chunk's records, those from `first_new` on being new.
    pub fn keep(&mut self, chunk: &Arc<Chunk>, cuts: &Cuts, numbers: &[u64], first_new: u64) {
        if !self.dry_run {
            self.keeper.chunk(&self.pool, chunk, cuts, numbers, first_new, self.assembler.text_bytes());
        }
    }

    /// The same for a record that came in pieces.
    pub fn keep_long(&mut self, number: u64, hash: u128, first_new: u64) {
        if !self.dry_run && number >= first_new {
            self.keeper.long_record(number, hash);
        }
    }

    fn update_catalog(&mut self) {
        let assembler = &self.assembler;
        let recent = std::cell::OnceCell::new();
        let prints = |group: &_| assembler.group_prints(group, recent.get_or_init(|| assembler.recent_prints()));
        self.keeper.update(&self.layout, &self.pool, &prints);
    }

    /// Takes the lock again. When others wrote meanwhile, everything is read anew; numbers given out stay valid.
    ///
    /// # Errors
    /// As [`Session::begin`].
    pub fn resume(&mut self, lock_timeout: Duration) -> Result<()> {
        if self.lock.is_some() || self.dry_run {
            return Ok(());
        }
        // A stream must not fail because another writer is at work: it waits its turn.
        let lock = self.layout.write_lock(lock_timeout.max(Duration::from_secs(3600)))?;
        let head = Head::read(self.layout.dir())?;
        if head.generation == self.generation + self.issued {
            self.lock = Some(lock);
            return Ok(());
        }
        drop(lock);
        let fresh =
            Session::begin(&self.layout, &self.pool, self.shape.clone(), lock_timeout.max(Duration::from_secs(3600)), false)?;
        let old = std::mem::replace(self, fresh);
        self.epoch = old.epoch + 1;
        let counts = old.assembler.counts();
        self.before = (
            crate::vault::write::assemble::Counts {
                records: old.before.0.records + counts.records,
                segments: old.before.0.segments + counts.segments,
            },
            0,
        );
        old.finish().map(drop)
    }

    /// Changes whenever numbers of segments may mean others: another pack has begun, or was continued by others.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Records of the open pack that came in pieces, as committed: their segments and their numbers.
    ///
    /// # Errors
    /// When the pack cannot be read.
    pub fn long_records(&self) -> Result<Vec<(Box<[u32]>, u64)>> {
        if !self.layout.is_vault() {
            return Ok(Vec::new());
        }
        let snapshot = self.snapshot()?;
        match snapshot.packs.iter().find(|pack| Some(pack.committed.pack) == snapshot.open_pack()) {
            Some(pack) => past::long_records(pack),
            None => Ok(Vec::new()),
        }
    }

    /// The vault as it is on disk.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::open(&self.layout)
    }

    /// What was new in all of this writer's life.
    #[must_use]
    pub fn counts(&self) -> crate::vault::write::assemble::Counts {
        let now = self.assembler.counts();
        crate::vault::write::assemble::Counts {
            records: self.before.0.records + now.records,
            segments: self.before.0.segments + now.segments,
        }
    }

    /// Waits until all commits are on disk.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn wait(&mut self) -> Result<()> {
        while !self.is_durable() {
            if self.assembler.writer_stopped() {
                return self.assembler.failure();
            }
            self.acknowledged.wait_for(self.issued);
        }
        Ok(())
    }

    /// The threads that cut and code.
    #[must_use]
    pub fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// Hands over everything so far as one commit together with these entries, which also become part of [`Session::state`].
    ///
    /// # Errors
    /// When writing fails, or while it pauses: the head it knows may be an old one.
    pub fn commit(&mut self, entries: Vec<Entry>) -> Result<()> {
        if self.is_paused() {
            return Err(Error::Internal("a commit by a writer that has given up its lock".into()));
        }
        let mut payload = Vec::new();
        for (place, entry) in (0..).zip(entries) {
            let stamp = Stamp { generation: self.generation + self.issued + 1, place };
            journal::put(&entry, stamp, &mut payload);
            self.state.apply(stamp, entry).map_err(|corrupt| Error::Internal(corrupt.to_string()))?;
        }
        let seal = self.assembler.is_full() || self.assembler.table_bytes() >= TABLE_BYTES;
        self.epoch += u64::from(seal);
        self.assembler.commit(payload, seal)?;
        self.issued += 1;
        if !seal {
            self.refresh_history()?;
        }
        if self.keeper.is_due() {
            self.wait()?;
            self.update_catalog();
        }
        Ok(())
    }

    /// Comparisons with content that left memory need the commit on disk: wait for it, then look at it. Only long inputs pay.
    fn refresh_history(&mut self) -> Result<()> {
        if self.assembler.session_bytes() < HISTORY_AFTER { Ok(()) } else { self.look_back() }
    }

    /// Waits for the last commit, and lets what follows be compared with it.
    ///
    /// # Errors
    /// What the writer failed with, and when the pack cannot be read.
    pub fn look_back(&mut self) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        self.wait()?;
        let head = Head::read(self.layout.dir())?;
        if let Some(live) = head.packs.iter().rev().find(|pack| !pack.sealed) {
            let pack = PackReader::open(&self.layout.packs(), head.vault_id, live.committed)?;
            self.assembler.set_history(PackView::new(Arc::new(pack))?);
        }
        Ok(())
    }

    /// True when everything handed over is on disk.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.acknowledged.commits() >= self.issued
    }

    /// Waits until everything is on disk; gives the head it made, and in a dry run the bytes it would have written.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn finish(mut self) -> Result<(Head, u64)> {
        self.assembler.let_go();
        // Whoever does not hold the lock leaves the catalog to those who wrote meanwhile.
        if self.lock.is_some() && self.issued > 0 {
            self.wait()?;
            self.update_catalog();
        }
        let Session { assembler, lock, .. } = self;
        let publisher = assembler.finish()?;
        drop(lock);
        let written = publisher.written();
        Ok((publisher.into_head(), written))
    }
}

/// A pack is sealed when so much is remembered of its nodes and segments, about three million of them: very many short ones must
/// not fill the memory. What depends on the input alone decides, never a limit that somebody set.
const TABLE_BYTES: u64 = 224 << 20;

/// Bytes of new nodes in one session before older commits are opened for comparing.
const HISTORY_AFTER: u64 = 48 << 20;
