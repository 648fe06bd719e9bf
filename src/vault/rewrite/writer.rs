//! New packs as they are written: sections, full packs, and looking back at what left memory.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::pack::reader::PackReader;
use crate::record::cut::CutOptions;
use crate::vault::layout::Layout;
use crate::vault::rewrite::sink::{NewPacks, Shared};
use crate::vault::rewrite::stream::Piece;
use crate::vault::view::PackView;
use crate::vault::write::assemble::{Assembler, CutChunk, Shape};

/// The assembler with what it needs to look back at what it wrote.
pub(super) struct Writer<'w> {
    pub(super) assembler: Assembler<NewPacks>,
    pub(super) layout: &'w Layout,
    pub(super) vault_id: u128,
    pub(super) shared: &'w Arc<Shared>,
    /// Commits handed over.
    pub(super) issued: u64,
    pub(super) commit_every: u64,
    pub(super) table_bytes: u64,
    pub(super) cache_bytes: usize,
    pub(super) numbers: Vec<u64>,
    /// Segments of a long record so far.
    pub(super) long: Vec<(u32, u32)>,
}

impl Writer<'_> {
    /// A section begins, in a pack of its own.
    pub(super) fn begin(&mut self, index: usize, shape: Shape) -> Result<()> {
        if index > 0 && !self.assembler.is_at_start() {
            self.issued += 1;
            self.assembler.commit(Vec::new(), true)?;
        }
        self.commit_every = (shape.ring_bytes / 2) as u64;
        self.assembler.begin_anew(shape);
        Ok(())
    }

    pub(super) fn take(&mut self, piece: &Piece, options: &CutOptions) -> Result<()> {
        self.numbers.clear();
        match piece {
            Piece::Lines(lines) => {
                let chunk = CutChunk { bytes: &lines.bytes, cuts: &lines.cuts, options };
                self.assembler.chunk_numbered(&chunk, Some(&lines.numbers), &mut self.numbers)?;
            }
            Piece::LongPart(part) => {
                self.long.push(self.assembler.long_piece(part)?);
                // No commit and no new pack in the middle of a record.
                return Ok(());
            }
            Piece::LongEnd(number, hash) => {
                self.assembler.long_record(&std::mem::take(&mut self.long), *hash, Some(*number))?;
            }
        }
        if self.assembler.is_full() || self.assembler.table_bytes() >= self.table_bytes {
            self.issued += 1;
            return self.assembler.commit(Vec::new(), true);
        }
        if self.assembler.uncommitted() >= self.commit_every {
            self.look_back()?;
        }
        Ok(())
    }

    /// Commits, so that what leaves memory can still be compared with.
    fn look_back(&mut self) -> Result<()> {
        self.issued += 1;
        self.assembler.commit(Vec::new(), false)?;
        while self.shared.commits() < self.issued {
            if self.assembler.writer_stopped() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(last) = self.shared.packs().last() {
            let pack = PackReader::open(&self.layout.packs(), self.vault_id, last.committed)?;
            self.assembler.set_history(PackView::with_cache(Arc::new(pack), self.cache_bytes)?);
        }
        Ok(())
    }

    pub(super) fn finish(mut self, journal: Vec<u8>) -> Result<()> {
        self.shared.last_is(self.issued);
        self.assembler.commit(journal, true)?;
        self.assembler.finish().map(drop)
    }
}
