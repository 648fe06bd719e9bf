//! A writer at work: the lock, the open pack's past, the assembler, and commits with their journal.

use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::fsio::Lock;
use crate::pack::reader::PackReader;
use crate::pack::writer::PackWriter;
use crate::record::known::Known;
use crate::vault::head::Head;
use crate::vault::journal::{self, Entry, Stamp};
use crate::vault::layout::Layout;
use crate::vault::past;
use crate::vault::publish::{Acknowledged, Publisher};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::State;
use crate::vault::view::PackView;
use crate::vault::write::assemble::{Assembler, Past, Shape};
use crate::vault::write::encode::{Encoder, Levels};

/// Places in the filter of known content: 8 MiB.
const KNOWN_BITS: u32 = 20;

/// A vault open for writing.
pub struct Session {
    _lock: Lock,
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
}

impl Session {
    /// Takes the lock and continues the open pack.
    ///
    /// # Errors
    /// When the vault is locked, damaged, or cannot be written.
    pub fn begin(layout: &Layout, pool: &Arc<ThreadPool>, shape: Shape, lock_timeout: Duration) -> Result<Session> {
        let lock = layout.write_lock(lock_timeout)?;
        let snapshot = Snapshot::open(layout)?;
        let state = snapshot.state()?.clone();
        let mut head = snapshot.head.clone();
        head.sweep(layout.dir());
        let mut past = Past::default();
        let mut writer = None;
        if let Some(id) = snapshot.open_pack()
            && let Some(pack) = snapshot.packs.iter().find(|pack| pack.committed.pack == id)
        {
            writer = PackWriter::append(&layout.packs(), pack.committed, pack.directory.clone())?;
            if writer.is_some() {
                past = past::load(pack, pool)?;
            }
        }
        let (generation, next_record) = (head.generation, head.next_record);
        let acknowledged = Arc::new(Acknowledged::default());
        let publisher = Publisher::new(layout.clone(), head, writer, Arc::clone(&acknowledged));
        let encoder = Encoder::start(Arc::clone(pool), Levels::INGEST, publisher);
        let known = Arc::new(Known::new(KNOWN_BITS));
        let mut assembler = Assembler::new(encoder, shape, Arc::clone(&known), next_record, past);
        assembler.suppress(state.removed_hashes.iter().map(|(hash, number)| (*hash, *number)));
        Ok(Session {
            _lock: lock,
            layout: layout.clone(),
            pool: Arc::clone(pool),
            known,
            assembler,
            state,
            acknowledged,
            generation,
            issued: 0,
        })
    }

    /// The threads that cut and code.
    #[must_use]
    pub fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// Hands over everything so far as one commit together with these entries, which also become part of [`Session::state`].
    ///
    /// # Errors
    /// When writing fails.
    pub fn commit(&mut self, entries: Vec<Entry>) -> Result<()> {
        let mut payload = Vec::new();
        for (place, entry) in (0..).zip(entries) {
            let stamp = Stamp { generation: self.generation + self.issued + 1, place };
            journal::put(&entry, stamp, &mut payload);
            self.state.apply(stamp, entry).map_err(|corrupt| Error::Internal(corrupt.to_string()))?;
        }
        let seal = self.assembler.is_full();
        self.assembler.commit(payload, seal)?;
        self.issued += 1;
        if !seal {
            self.refresh_history()?;
        }
        Ok(())
    }

    /// Comparisons with content that left memory need the commit on disk: wait for it, then look at it. Only long inputs pay.
    fn refresh_history(&mut self) -> Result<()> {
        if self.assembler.session_bytes() < HISTORY_AFTER {
            return Ok(());
        }
        while self.acknowledged.commits.load(std::sync::atomic::Ordering::SeqCst) < self.issued {
            if self.assembler.writer_stopped() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
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
        self.acknowledged.commits.load(std::sync::atomic::Ordering::SeqCst) >= self.issued
    }

    /// Waits until everything is on disk; gives the head it made.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn finish(self) -> Result<Head> {
        Ok(self.assembler.finish()?.into_head())
    }
}

/// Bytes of new nodes in one session before older commits are opened for comparing.
const HISTORY_AFTER: u64 = 48 << 20;
