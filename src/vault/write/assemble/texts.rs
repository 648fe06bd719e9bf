//! Texts of records: known ones are found, new ones go into their literal stream.

use super::{Assembler, Chunk, UNSEEN};
use crate::error::Result;
use crate::group::build::Target;
use crate::record::cut::{self};
use crate::record::naming;
use crate::text::{Piece, anchors};
use crate::vault::view::PackView;
use crate::vault::write::encode::Sink;

/// A node or segment of this session, as far as it is needed to compare newcomers with it.
#[derive(Clone, Copy)]
pub(super) struct SegmentMemory {
    pub(super) class: u8,
    pub(super) length: u32,
    /// First position when it is one piece, else `u32::MAX`.
    pub(super) start: u32,
}

impl<S: Sink> Assembler<S> {
    pub(super) fn segment(&mut self, chunk: &mut Chunk<'_>, local: usize) -> Result<(Target, u32)> {
        if chunk.segments[local] != UNSEEN {
            let number = chunk.segments[local];
            return Ok((Target::Old(number), number));
        }
        let segment = chunk.cuts.segments[local];
        let (target, number) = self.segment_of(chunk.cuts.bytes(chunk.bytes, segment.text), segment)?;
        chunk.segments[local] = number;
        Ok((target, number))
    }

    pub(super) fn segment_of(&mut self, text: &[u8], segment: cut::Segment) -> Result<(Target, u32)> {
        for number in self.segments.candidates(segment.hash) {
            if self.is_segment(number, text)? {
                return Ok((Target::Old(number), number));
            }
        }
        let number = self.position.segment;
        self.position.segment += 1;
        self.counts.segments += 1;
        self.segments.insert(number, segment.hash);
        let memory = self.store_text(text, segment.class)?;
        self.segment_memory.push(memory);
        Ok((Target::New, number))
    }

    pub(super) fn is_segment(&mut self, number: u32, text: &[u8]) -> Result<bool> {
        if let Some(index) = number.checked_sub(self.session.1) {
            let memory = self.segment_memory[index as usize];
            if memory.length as usize != text.len() {
                return Ok(false);
            }
            if memory.start != u32::MAX
                && let Some(equal) = self.literals[memory.class as usize].equals(memory.start, text)
            {
                return Ok(equal);
            }
        }
        if number < self.committed.1 { self.same_in_pack(number, text, PackView::segment) } else { Ok(false) }
    }

    /// Puts a segment's text into its literal stream, but for what stands there already.
    pub(super) fn store_text(&mut self, text: &[u8], class: u8) -> Result<SegmentMemory> {
        let stream = class as usize;
        let length = text.len() as u32;
        let anchored = self.shape.min_match > 0 && text.len() >= self.shape.min_match;
        self.scratch.anchors.clear();
        self.scratch.pieces.clear();
        if anchored {
            anchors(text, &mut self.scratch.anchors);
            let literals = &self.literals[stream];
            self.matchers[stream].pieces(text, &self.scratch.anchors, literals, &mut self.scratch.pieces);
        }
        let start = self.literals[stream].end();
        let naming = naming::may_hold_ids(text, class);
        let copies = self.scratch.pieces.iter().any(|piece| matches!(piece, Piece::Copy { .. }));
        if !copies {
            self.literals[stream].append(text, &mut self.scratch.blocks);
            self.group.segment(class, length, naming);
            self.text_bytes += text.len() as u64;
        } else {
            let mut stored = Vec::with_capacity(self.scratch.pieces.len());
            for piece in &self.scratch.pieces {
                match piece {
                    Piece::Literal(range) => {
                        self.literals[stream].append(&text[range.clone()], &mut self.scratch.blocks);
                        self.text_bytes += range.len() as u64;
                        stored.push((None, range.len() as u32));
                    }
                    Piece::Copy { address, len } => stored.push((Some(*address), *len)),
                }
            }
            self.group.segment_of_pieces(class, length, naming, &stored);
        }
        if anchored {
            self.matchers[stream].insert(&self.scratch.anchors, &self.scratch.pieces, start);
        }
        self.push_blocks()?;
        Ok(SegmentMemory { class, length, start: if copies { u32::MAX } else { start } })
    }
}
