//! The writer's end of a rewrite: packs that no head names yet.
//!
//! Only the last commit of the last new pack says what is replaced: everything before it is on disk by then, so that a vault
//! without `head` never takes a half-written rewrite for a whole one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::ids::PackId;
use crate::pack::writer::PackWriter;
use crate::pack::{Header, Mark};
use crate::vault::head::{Head, LivePack};
use crate::vault::write::encode::{Coded, Sink};

/// What the rewriting thread sees of the writer.
#[derive(Debug, Default)]
pub struct Shared {
    commits: AtomicU64,
    /// Index of the last commit, plus one; 0 while it is not known.
    last: AtomicU64,
    packs: Mutex<Vec<LivePack>>,
    created: Mutex<Vec<PackId>>,
}

impl Shared {
    /// Commits on disk.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Says that the commit with this index is the last.
    pub fn last_is(&self, index: u64) {
        self.last.store(index + 1, Ordering::SeqCst);
    }

    /// New packs as far as committed.
    #[must_use]
    pub fn packs(&self) -> Vec<LivePack> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Numbers of all files begun.
    #[must_use]
    pub fn created(&self) -> Vec<PackId> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Appends new packs.
pub struct NewPacks {
    folder: PathBuf,
    vault_id: u128,
    generation: u64,
    next: PackId,
    end: PackId,
    mark: Mark,
    replaces: Vec<PackId>,
    pack: Option<PackWriter>,
    shared: Arc<Shared>,
}

impl NewPacks {
    /// A writer of packs numbered from `first`, which take the place of `replaces`.
    #[must_use]
    pub fn new(folder: PathBuf, head: &Head, first: PackId, mark: Mark, replaces: Vec<PackId>, shared: Arc<Shared>) -> NewPacks {
        NewPacks {
            folder,
            vault_id: head.vault_id,
            generation: head.generation + 1,
            next: first,
            end: PackId(head.next_pack),
            mark,
            replaces,
            pack: None,
            shared,
        }
    }

    fn pack(&mut self) -> Result<&mut PackWriter> {
        if self.pack.is_none() {
            let id = self.next;
            if id >= self.end {
                return Err(Error::Internal(format!("a rewrite needs more packs than the {} set aside", self.end.0)));
            }
            self.next = PackId(id.0 + 1);
            let header = Header { incompatible: 0, read_only_compatible: 0, mark: self.mark, vault_id: self.vault_id, pack: id };
            self.shared.created.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            self.pack = Some(PackWriter::create(&self.folder, header)?);
        }
        self.pack.as_mut().ok_or_else(|| Error::Internal("no open pack".into()))
    }

    fn commit(&mut self, next_record: u64, seal: bool) -> Result<()> {
        let index = self.shared.commits();
        let is_last = self.shared.last.load(Ordering::SeqCst) == index + 1;
        let replaces = if is_last { std::mem::take(&mut self.replaces) } else { Vec::new() };
        let generation = self.generation;
        let committed = self.pack()?.commit(generation, next_record, seal, replaces)?;
        if seal {
            self.pack = None;
        }
        {
            let mut packs = self.shared.packs.lock().unwrap_or_else(PoisonError::into_inner);
            packs.retain(|pack| pack.committed.pack != committed.pack);
            packs.push(LivePack { committed, sealed: seal });
        }
        self.shared.commits.store(index + 1, Ordering::SeqCst);
        Ok(())
    }
}

impl Sink for NewPacks {
    fn take(&mut self, coded: Coded) -> Result<()> {
        match coded {
            Coded::Frame(frame, enter) => {
                let pack = self.pack()?;
                let offset = pack.frame(&frame)?;
                enter(offset, pack.directory());
                Ok(())
            }
            Coded::Commit(commit) => self.commit(commit.next_record, commit.seal),
        }
    }
}
