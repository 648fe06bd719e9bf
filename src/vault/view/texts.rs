//! All texts of a group, one after another: neighbours share blocks, and most are looked at where they lie.

use std::rc::Rc;

use super::PackView;
use crate::error::{Corrupt, corrupt};
use crate::group::decode::{Group, Text};
use crate::pack::directory::BlockEntry;

/// The block looked at last.
type Last = Option<(u8, BlockEntry, Rc<Vec<u8>>)>;

impl PackView {
    /// Hands each segment of a group to `visit`.
    ///
    /// # Errors
    /// When the group or a block is damaged.
    pub fn each_text(&mut self, group: &Group, visit: &mut dyn FnMut(u32, &[u8])) -> Result<(), Corrupt> {
        let (_, segments, _) = group.sizes();
        let (mut last, mut joined): (Last, Vec<u8>) = (None, Vec::new());
        for number in group.first_segment..group.first_segment + segments as u32 {
            let text = group.segment(number)?;
            let at = text.pieces.first().map_or(0, |piece| piece.start);
            if !holds(&last, text, at) && text.length > 0 {
                let (entry, bytes) = self.block(text.class, at)?;
                last = Some((text.class, entry, bytes));
            }
            match &last {
                Some((_, entry, bytes)) if text.pieces.len() == 1 && entry.start + entry.length - at >= text.length => {
                    let from = (at - entry.start) as usize;
                    let part = bytes.get(from..from + text.length as usize);
                    visit(number, part.ok_or_else(|| corrupt!("a block is shorter than its entry"))?);
                }
                _ => {
                    joined.clear();
                    for piece in text.pieces {
                        self.literal(text.class, piece.start, piece.length, &mut joined)?;
                    }
                    visit(number, &joined);
                }
            }
        }
        Ok(())
    }
}

fn holds(last: &Last, text: Text<'_>, at: u32) -> bool {
    let inside = |entry: &BlockEntry| entry.start <= at && at - entry.start < entry.length;
    last.as_ref().is_some_and(|(class, entry, _)| *class == text.class && inside(entry))
}
