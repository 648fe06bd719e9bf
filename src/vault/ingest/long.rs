//! Lines too long to be held: their pieces are stored as they come, and at its end a line is a list of them.
//!
//! Pieces are segments, equal ones stored once; so a line that comes again, from its start, is the same list of numbers, and that is how
//! it is found: equal without a look at a byte. Numbers are those of the open pack; what lies in sealed packs is stored again.

use rustc_hash::FxHashMap;

use crate::checksum::ContentHasher;
use crate::error::Result;
use crate::vault::session::Session;

/// The long line under way, and those of the open pack.
#[derive(Default)]
pub struct LongLines {
    pieces: Vec<(u32, u32)>,
    hash: ContentHasher,
    /// Records by the numbers of their segments.
    seen: FxHashMap<Box<[u32]>, u64>,
    /// Which pack the numbers are of, and whether what older sessions put into it is listed too.
    epoch: u64,
    listed: bool,
    has_new: bool,
}

impl LongLines {
    /// True in the middle of a line: its source's list and digest do not match then.
    #[must_use]
    pub fn under_way(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// True once after a line that was new. Its pieces are more than memory keeps to compare with: they must be on disk before the next.
    pub fn take_new(&mut self) -> bool {
        std::mem::take(&mut self.has_new)
    }

    /// Stores a piece.
    ///
    /// # Errors
    /// When writing fails.
    pub fn piece(&mut self, session: &mut Session, data: &[u8], first: bool) -> Result<()> {
        if first {
            self.pieces.clear();
            self.hash = ContentHasher::default();
        }
        self.hash.update(data);
        if !data.is_empty() {
            self.pieces.push(session.assembler.long_piece(data)?);
        }
        Ok(())
    }

    /// Ends the line; gives its record's number, old or new, and its hash.
    ///
    /// # Errors
    /// When writing fails or the open pack cannot be read.
    pub fn end(&mut self, session: &mut Session) -> Result<(u64, u128)> {
        let (pieces, hash) = (std::mem::take(&mut self.pieces), self.hash.finish());
        if self.epoch != session.epoch() {
            *self = LongLines { epoch: session.epoch(), ..LongLines::default() };
        }
        let list: Box<[u32]> = pieces.iter().map(|piece| piece.0).collect();
        // With a new piece it cannot be a line that was there.
        if pieces.iter().all(|piece| piece.1 == 0) {
            if !self.listed {
                self.seen.extend(session.long_records()?);
                self.listed = true;
            }
            if let Some(&number) = self.seen.get(&list) {
                return Ok((number, hash));
            }
        }
        let number = session.assembler.long_record(&pieces, hash, None)?;
        self.has_new = true;
        self.seen.insert(list, number);
        Ok((number, hash))
    }
}
