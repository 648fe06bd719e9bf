//! Segments of a group: where their text is.
//!
//! The table says how long each is, so a segment's place is the sum of those before it. Who wants a few asks [`Segments`], which
//! adds up as far as it must and keeps a mark now and then; who wants all takes [`read_segments`].

use std::cell::RefCell;

use smallvec::SmallVec;

use super::SegmentPart;
use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};
use crate::group::Piece;
use crate::group::build::{LISTED, NAMING};
use crate::record::cut::class;

/// Where the text of a segment is.
pub struct Located {
    /// Which stream.
    pub class: u8,
    /// Bytes in all.
    pub length: u32,
    /// Where they are, in order.
    pub pieces: SmallVec<[Piece; 2]>,
}

/// A mark is kept every so many segments.
const STEP: usize = 64;

/// Before a segment: where its length stands, where its pieces would be listed, and the next text of each class.
#[derive(Clone, Copy)]
struct Mark {
    length_at: usize,
    listed_at: usize,
    next: [u32; class::COUNT],
}

/// Segments, found one at a time.
pub(super) struct Segments {
    count: usize,
    table: Vec<u8>,
    listed: Vec<u8>,
    walk: RefCell<Walk>,
}

struct Walk {
    /// Before segments 0, [`STEP`], …
    marks: Vec<Mark>,
    /// Before this one.
    at: usize,
    mark: Mark,
}

impl Segments {
    /// The segments of these tables; `starts` is where each class's new text begins.
    ///
    /// # Errors
    /// When the table is too short for them.
    pub(super) fn new(table: Vec<u8>, listed: Vec<u8>, count: usize, starts: [u32; class::COUNT]) -> Result<Segments, Corrupt> {
        if table.len() < count {
            return Err(corrupt!("{} bytes for {count} segments", table.len()));
        }
        let mark = Mark { length_at: count, listed_at: 0, next: starts };
        Ok(Segments { count, table, listed, walk: RefCell::new(Walk { marks: vec![mark], at: 0, mark }) })
    }

    /// The segment at an index.
    ///
    /// # Errors
    /// When there is none, or the tables before it are damaged.
    pub(super) fn get(&self, index: usize) -> Result<Located, Corrupt> {
        if index >= self.count {
            return Err(corrupt!("no segment {index} among {}", self.count));
        }
        let mut walk = self.walk.borrow_mut();
        let Walk { marks, at, mark } = &mut *walk;
        if index < *at || index - *at > STEP {
            let nearest = (index / STEP).min(marks.len() - 1);
            if index < *at || nearest * STEP > *at {
                (*at, *mark) = (nearest * STEP, marks[nearest]);
            }
        }
        loop {
            let segment = self.step(*at, mark)?;
            *at += 1;
            if *at == marks.len() * STEP {
                marks.push(*mark);
            }
            if *at > index {
                return Ok(segment);
            }
        }
    }

    /// The segment behind a mark; the mark moves on when all is well with it.
    fn step(&self, index: usize, mark: &mut Mark) -> Result<Located, Corrupt> {
        let kind = *self.table.get(index).ok_or_else(|| corrupt!("no segment {index}"))?;
        let mut lengths = Reader::new(self.table.get(mark.length_at..).unwrap_or_default());
        let mut listed = Reader::new(self.listed.get(mark.listed_at..).unwrap_or_default());
        let mut after = *mark;
        let mut pieces = SmallVec::new();
        let (class, length) = read_segment(kind, &mut lengths, &mut listed, &mut after.next, |piece| pieces.push(piece))?;
        after.length_at += lengths.position();
        after.listed_at += listed.position();
        *mark = after;
        Ok(Located { class, length, pieces })
    }
}

/// Reads a segment's length and pieces; `next` is the next text of each class.
fn read_segment(
    kind: u8,
    lengths: &mut Reader<'_>,
    listed: &mut Reader<'_>,
    next: &mut [u32; class::COUNT],
    mut piece: impl FnMut(Piece),
) -> Result<(u8, u32), Corrupt> {
    let class = kind & !(LISTED | NAMING);
    let next = next.get_mut(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
    let mut new = |length: u32| {
        let start = *next;
        *next = next.checked_add(length).ok_or_else(|| corrupt!("literal positions overflow"))?;
        Ok::<_, Corrupt>(start)
    };
    let length = lengths.short_varint32()?;
    if kind & LISTED == 0 {
        piece(Piece { start: new(length)?, length });
        return Ok((class, length));
    }
    let mut sum = 0u64;
    for _ in 0..listed.count(2)? {
        let length = listed.varint32()?;
        let start = match listed.varint32()? {
            0 => new(length)?,
            code => code - 1,
        };
        sum += u64::from(length);
        piece(Piece { start, length });
    }
    if sum != u64::from(length) {
        return Err(corrupt!("a segment of {length} bytes with pieces of {sum}"));
    }
    Ok((class, length))
}

/// All segments with their pieces made explicit.
pub(super) fn read_segments(
    table: &[u8],
    listed: &[u8],
    count: usize,
    mut next: [u32; class::COUNT],
) -> Result<(Vec<SegmentPart>, Vec<Piece>), Corrupt> {
    let kinds = table.get(..count).ok_or_else(|| corrupt!("{} bytes for {count} segments", table.len()))?;
    let mut lengths = Reader::new(&table[count..]);
    let mut listed = Reader::new(listed);
    let mut parts = Vec::with_capacity(count);
    let mut pieces = Vec::with_capacity(count);
    for &kind in kinds {
        let first_piece = pieces.len() as u32;
        let (class, length) = read_segment(kind, &mut lengths, &mut listed, &mut next, |piece| pieces.push(piece))?;
        parts.push(SegmentPart { class, length, first_piece, pieces: pieces.len() as u32 - first_piece });
    }
    lengths.finish()?;
    listed.finish()?;
    Ok((parts, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Put;

    /// Tables of `count` segments of several classes, every fifth made of pieces.
    fn tables(count: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut kinds, mut lengths, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..count as u64 {
            let class = (at % 3) as u8;
            match at % 5 {
                0 => {
                    kinds.push(class | LISTED);
                    lengths.put_varint(at + 300);
                    listed.put_varint(2);
                    [at, 0, 300, at * 7 + 1].into_iter().for_each(|number| listed.put_varint(number));
                }
                _ => {
                    kinds.push(class);
                    lengths.put_varint(at * 13 % 1000);
                }
            }
        }
        (kinds.into_iter().chain(lengths).collect(), listed)
    }

    // Protects texts found alone: sums from marks, on from the one before, and back again must be the sums of the whole table.
    #[test]
    fn a_segment_asked_for_alone_is_where_the_whole_table_has_it() {
        let (table, listed) = tables(500);
        let (parts, pieces) = read_segments(&table, &listed, 500, [7, 70, 700]).unwrap();
        let segments = Segments::new(table.clone(), listed.clone(), 500, [7, 70, 700]).unwrap();
        let order = [499, 0, 1, 2, 64, 63, 65, 400, 128, 129, 300, 12, 499].into_iter().chain(0..500);
        for index in order {
            let part = parts[index];
            let found = segments.get(index).unwrap();
            let there = &pieces[part.first_piece as usize..(part.first_piece + part.pieces) as usize];
            assert_eq!((found.class, found.length, found.pieces.as_slice()), (part.class, part.length, there), "{index}");
        }
        assert!(segments.get(500).is_err());
        // Cut off or with an unknown class: an error each time it is asked, and what stands before is still found.
        let cut = Segments::new(table[..table.len() - 1].to_vec(), listed.clone(), 500, [0; 3]).unwrap();
        assert!(cut.get(499).is_err() && cut.get(499).is_err() && cut.get(498).is_ok());
        let mut bad = table.clone();
        bad[100] = 9;
        let bad = Segments::new(bad, listed, 500, [0; 3]).unwrap();
        assert!(bad.get(101).is_err() && bad.get(99).is_ok() && bad.get(100).is_err());
        assert!(Segments::new(table[..499].to_vec(), Vec::new(), 500, [0; 3]).is_err());
    }
}
