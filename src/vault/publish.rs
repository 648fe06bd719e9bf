//! The writer's end: frames go into the pack, commits become heads.
//!
//! Order (see `docs/format.md`, *Commit*): frames and commit frame → flush of the pack → `head` → acknowledgement. What comes
//! before a failed step never counts.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::PackId;
use crate::pack::directory::Directory;
use crate::pack::writer::PackWriter;
use crate::pack::{Header, Mark};
use crate::vault::head::{Head, LivePack};
use crate::vault::layout::Layout;
use crate::vault::write::encode::{Coded, Sink};

/// What others may know of a writer at work.
#[derive(Debug, Default)]
pub struct Acknowledged {
    commits: Mutex<u64>,
    changed: Condvar,
}

/// How long one waits for a commit before looking whether the writer is still there.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Acknowledged {
    /// Commits published.
    #[must_use]
    pub fn commits(&self) -> u64 {
        *self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_more(&self) {
        *self.commits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Waits until there are so many, or a little while: the writer may have stopped, which the caller sees.
    pub fn wait_for(&self, count: u64) {
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        // Poisoned or not, the number is right.
        drop(self.changed.wait_timeout_while(commits, LOOK_AGAIN, |commits| *commits < count));
    }
}

/// Appends to the open pack and publishes.
pub struct Publisher {
    layout: Layout,
    head: Head,
    pack: Option<PackWriter>,
    acknowledged: Arc<Acknowledged>,
    dry_run: bool,
    written: u64,
}

impl Publisher {
    /// A publisher that continues `pack` or begins a new one.
    #[must_use]
    pub fn new(
        layout: Layout,
        head: Head,
        pack: Option<PackWriter>,
        acknowledged: Arc<Acknowledged>,
        dry_run: bool,
    ) -> Publisher {
        Publisher { layout, head, pack, acknowledged, dry_run, written: 0 }
    }

    /// The head as of the last commit.
    #[must_use]
    pub fn into_head(self) -> Head {
        self.head
    }

    /// Bytes of frames taken in a dry run.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    fn pack(&mut self) -> Result<&mut PackWriter> {
        if self.pack.is_none() {
            let id = PackId(self.head.next_pack);
            self.head.next_pack += 1;
            let header = Header {
                incompatible: 0,
                read_only_compatible: 0,
                mark: Mark::default(),
                vault_id: self.head.vault_id,
                pack: id,
            };
            let packs = self.layout.packs();
            // A file of that name can only be a leftover of a writer that died before publishing it.
            if packs.join(id.file_name()).exists() {
                return self.skip_leftover();
            }
            self.pack = Some(PackWriter::create(&packs, header)?);
        }
        self.pack.as_mut().ok_or_else(|| Error::Internal("no open pack".into()))
    }

    /// Numbers of leftovers are passed over rather than reused; gc removes the files.
    fn skip_leftover(&mut self) -> Result<&mut PackWriter> {
        let packs = self.layout.packs();
        while packs.join(PackId(self.head.next_pack).file_name()).exists() {
            self.head.next_pack += 1;
        }
        self.pack()
    }

    fn commit(&mut self, next_record: u64, seal: bool) -> Result<()> {
        let generation = self.head.generation + 1;
        let committed = self.pack()?.commit(generation, next_record, seal, Vec::new())?;
        let live = LivePack { committed, sealed: seal };
        if seal {
            self.pack = None;
        }
        self.head.next_record = self.head.next_record.max(next_record);
        self.head.generation = generation;
        self.head.set_pack(live);
        self.head.publish(self.dir())?;
        self.acknowledged.one_more();
        Ok(())
    }

    fn dir(&self) -> &Path {
        self.layout.dir()
    }
}

impl Sink for Publisher {
    fn take(&mut self, coded: Coded) -> Result<()> {
        match coded {
            Coded::Frame(frame, _) if self.dry_run => {
                self.written += frame.len() as u64;
                Ok(())
            }
            Coded::Commit(_) if self.dry_run => {
                self.acknowledged.one_more();
                Ok(())
            }
            Coded::Frame(frame, enter) => {
                let pack = self.pack()?;
                let offset = pack.frame(&frame)?;
                let directory: &mut Directory = pack.directory();
                enter(offset, directory);
                Ok(())
            }
            Coded::Commit(commit) => self.commit(commit.next_record, commit.seal),
        }
    }
}
