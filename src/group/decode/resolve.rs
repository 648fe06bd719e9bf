//! References of nodes: who is whose child, which segments are whose.
//!
//! Nodes are resolved record by record, for a record begins and ends with nothing unclaimed. What lies before a record need not be
//! resolved to begin with it: how many nodes of each template there are says how far each column was read, and columns of
//! references are stepped over eight bytes at a time.

use smallvec::SmallVec;

use super::{ListPart, NodePart, element_slot};
use crate::bytes::{Reader, unzigzag};
use crate::error::{Corrupt, corrupt};
use crate::group::build::list_column;
use crate::record::template::Slot;

pub(super) mod outside;

/// How a template's columns are read while references are resolved.
pub(super) struct Cursor {
    /// Of a list template: the slot of all elements, if they have one in common.
    pub(super) list: Option<Option<Slot>>,
    /// Fixed: the columns of references in order. List: nodes, segments.
    pub(super) references: SmallVec<[References; 2]>,
    /// Elements of each list.
    pub(super) counts: Vec<u32>,
    rank: u32,
    short_at: u32,
    token_at: u32,
    kind_at: u32,
}

impl Cursor {
    /// A cursor before the first node; columns and counts are added as they are read.
    pub(super) fn new() -> Cursor {
        Cursor { list: None, references: SmallVec::new(), counts: Vec::new(), rank: 0, short_at: 0, token_at: 0, kind_at: 0 }
    }

    fn restart(&mut self) {
        (self.rank, self.short_at, self.token_at, self.kind_at) = (0, 0, 0, 0);
        self.references.iter_mut().for_each(|column| column.at = column.start);
    }

    /// Steps over `count` nodes; gives how many new segments they have. `kinds` are those of a mixed list's elements.
    fn skip(&mut self, count: u32, kinds: &[u8], stream: &[u8]) -> Result<u32, Corrupt> {
        let from = self.rank as usize;
        self.rank += count;
        let Some(element) = self.list else {
            let mut segments = 0;
            for column in &mut self.references {
                let new = column.skip(count, stream)?;
                segments += if column.to_node { 0 } else { new };
            }
            return Ok(segments);
        };
        let lists = self.counts.get(from..self.rank as usize).ok_or_else(|| corrupt!("more lists than were counted"))?;
        let elements: u32 = lists.iter().sum();
        let mut per_column = [0; 4];
        match element {
            Some(slot) => per_column[list_column(slot.kind)] = elements,
            None => {
                for at in self.kind_at..self.kind_at + elements {
                    per_column[list_column(element_slot(kinds, at)?.kind)] += 1;
                }
                self.kind_at += elements;
            }
        }
        let [nodes, segments, shorts, tokens] = per_column;
        self.short_at += shorts;
        self.token_at += tokens;
        let [of_nodes, of_segments] = &mut self.references[..] else { return Err(corrupt!("a list without its columns")) };
        of_nodes.skip(nodes, stream)?;
        of_segments.skip(segments, stream)
    }
}

/// What is left of a column of references: bytes of their stream. Without any, all are new.
#[derive(Clone, Copy, Default)]
pub(super) struct References {
    to_node: bool,
    named: bool,
    start: usize,
    at: usize,
    end: usize,
}

/// The high bit of each of eight bytes.
const HIGH: u64 = 0x8080_8080_8080_8080;

impl References {
    /// A column of `length` bytes of the stream.
    pub(super) fn new(to_node: bool, start: usize, length: usize) -> References {
        References { to_node, named: length > 0, start, at: start, end: start.saturating_add(length) }
    }

    fn rest<'s>(&self, stream: &'s [u8]) -> Result<&'s [u8], Corrupt> {
        stream.get(self.at..self.end).ok_or_else(|| corrupt!("reference column outside its stream"))
    }

    /// The next code.
    fn next(&mut self, stream: &[u8]) -> Result<u64, Corrupt> {
        if !self.named {
            return Ok(0);
        }
        let bytes = self.rest(stream)?;
        // Most codes are 0 or small: this runs for every reference of every group that is opened.
        if let Some(&code) = bytes.first()
            && code < 0x80
        {
            self.at += 1;
            return Ok(u64::from(code));
        }
        let mut reader = Reader::new(bytes);
        let code = reader.varint()?;
        self.at += reader.position();
        Ok(code)
    }

    /// Steps over codes; gives how many of them are 0. A code ends with its first byte below 128.
    fn skip(&mut self, mut count: u32, stream: &[u8]) -> Result<u32, Corrupt> {
        if !self.named {
            return Ok(count);
        }
        let bytes = self.rest(stream)?;
        let (mut zeros, mut at, mut inside) = (0, 0, 0u64);
        for eight in bytes.chunks_exact(8) {
            let word = u64::from_le_bytes(eight.try_into().unwrap_or_default());
            let goes_on = word & HIGH;
            let ends = (goes_on ^ HIGH).count_ones();
            // The last code asked for may not be the last that begins here.
            if ends >= count {
                break;
            }
            let is_zero = !(((word & !HIGH) + !HIGH) | word) & HIGH;
            zeros += (is_zero & !(goes_on << 8 | inside)).count_ones();
            inside = goes_on >> 56;
            count -= ends;
            at += 8;
        }
        let mut inside = inside != 0;
        for &byte in bytes.get(at..).unwrap_or_default() {
            if count == 0 {
                break;
            }
            at += 1;
            zeros += u32::from(byte == 0 && !inside);
            inside = byte >= 0x80;
            count -= u32::from(!inside);
        }
        if count > 0 || inside {
            return Err(corrupt!("a column of references ends early"));
        }
        self.at += at;
        Ok(zeros)
    }
}

/// Nodes with their references.
#[derive(Default)]
pub(super) struct Resolved {
    pub(super) nodes: Vec<NodePart>,
    pub(super) references: Vec<u32>,
    /// For each reference whether it leads to a node.
    pub(super) to_node: Vec<bool>,
    pub(super) lists: Vec<ListPart>,
}

/// Resolves nodes in order, from the start of any record on.
pub(super) struct Resolver {
    cursors: Vec<Cursor>,
    unclaimed: Vec<u32>,
    next_segment: u32,
    first_segment: u32,
    end_segment: u32,
    /// References of the node at hand: to a node or else a segment, and the code.
    codes: Vec<(bool, u64)>,
}

impl Resolver {
    /// Before the first node of a group with these segments.
    pub(super) fn new(cursors: Vec<Cursor>, first_segment: u32, segments: usize) -> Resolver {
        let end_segment = first_segment.saturating_add(segments as u32);
        Resolver { cursors, unclaimed: Vec::new(), next_segment: first_segment, first_segment, end_segment, codes: Vec::new() }
    }

    /// Goes back to before the first node.
    pub(super) fn restart(&mut self) {
        self.cursors.iter_mut().for_each(Cursor::restart);
        self.unclaimed.clear();
        self.next_segment = self.first_segment;
    }

    /// True when every segment was claimed by a node.
    pub(super) fn is_done(&self) -> bool {
        self.next_segment == self.end_segment
    }

    /// Steps over whole records: `counts` nodes of each template, whose mixed lists have these kinds.
    ///
    /// # Errors
    /// When there are not so many.
    pub(super) fn skip<'k>(&mut self, counts: &[u32], kinds: impl Fn(usize) -> &'k [u8], stream: &[u8]) -> Result<(), Corrupt> {
        for (template, (cursor, &count)) in self.cursors.iter_mut().zip(counts).enumerate() {
            if count > 0 {
                let new = cursor.skip(count, kinds(template), stream)?;
                self.next_segment = self.next_segment.checked_add(new).ok_or_else(|| corrupt!("segment numbers overflow"))?;
            }
        }
        if self.next_segment > self.end_segment {
            return Err(corrupt!("nodes refer to more segments than there are"));
        }
        Ok(())
    }

    /// Resolves the next node.
    ///
    /// # Errors
    /// When its references lead nowhere or to what comes after it.
    pub(super) fn node(
        &mut self,
        number: u32,
        shape: u32,
        kinds: &[u8],
        stream: &[u8],
        out: &mut Resolved,
    ) -> Result<(), Corrupt> {
        let cursor = self.cursors.get_mut(shape as usize).ok_or_else(|| corrupt!("node of template {shape}"))?;
        let first_reference = out.references.len() as u32;
        let mut rank = cursor.rank;
        self.codes.clear();
        let is_list = cursor.list.is_some();
        match cursor.list {
            None => {
                for column in &mut cursor.references {
                    self.codes.push((column.to_node, column.next(stream)?));
                }
            }
            Some(element) => {
                let count = *cursor.counts.get(rank as usize).ok_or_else(|| corrupt!("a list that was not counted"))?;
                rank = out.lists.len() as u32;
                out.lists.push(ListPart {
                    count,
                    first_kind: cursor.kind_at,
                    short_at: cursor.short_at,
                    token_at: cursor.token_at,
                });
                match element.map(|slot| list_column(slot.kind)) {
                    Some(2) => cursor.short_at += count,
                    Some(3) => cursor.token_at += count,
                    Some(column) => {
                        let column = &mut cursor.references[column];
                        for _ in 0..count {
                            self.codes.push((column.to_node, column.next(stream)?));
                        }
                    }
                    None => {
                        for at in 0..count {
                            let slot = element_slot(kinds, cursor.kind_at + at)?;
                            match list_column(slot.kind) {
                                2 => cursor.short_at += 1,
                                3 => cursor.token_at += 1,
                                column => self.codes.push((column == 0, cursor.references[column].next(stream)?)),
                            }
                        }
                        cursor.kind_at += count;
                    }
                }
            }
        }
        cursor.rank += 1;
        self.assign(is_list, number, out)?;
        out.nodes.push(NodePart { dense: shape, rank, first_reference });
        self.unclaimed.push(number);
        Ok(())
    }

    /// Ends a record: its root alone is left.
    ///
    /// # Errors
    /// When other nodes are left, too.
    pub(super) fn end_record(&mut self) -> Result<u32, Corrupt> {
        match self.unclaimed[..] {
            [root] => {
                self.unclaimed.clear();
                Ok(root)
            }
            _ => Err(corrupt!("a record with {} roots", self.unclaimed.len())),
        }
    }

    fn assign(&mut self, is_list: bool, number: u32, out: &mut Resolved) -> Result<(), Corrupt> {
        let new = self.codes.iter().map(|(is_node, code)| usize::from(*is_node & (*code == 0))).sum();
        let from = self
            .unclaimed
            .len()
            .checked_sub(new)
            .ok_or_else(|| corrupt!("node {number} claims {new} nodes that are not there"))?;
        let mut next_new = from;
        let mut previous: Option<u32> = None;
        for &(is_node, code) in &self.codes {
            let target = match (is_node, code) {
                (true, 0) => {
                    next_new += 1;
                    self.unclaimed[next_new - 1]
                }
                (true, code) => match previous.filter(|_| is_list) {
                    Some(previous) => to_u32(i64::from(previous).checked_add(unzigzag(code - 1)))?,
                    None => to_u32(i64::try_from(code - 1).ok())?,
                },
                (false, 0) if self.next_segment < self.end_segment => {
                    self.next_segment += 1;
                    self.next_segment - 1
                }
                (false, 0) => return Err(corrupt!("node {number} refers to more segments than there are")),
                (false, code) => to_u32(i64::try_from(code - 1).ok())?,
            };
            let limit = if is_node { number } else { self.next_segment };
            if target >= limit {
                return Err(corrupt!("node {number} refers to {target}, which comes after it"));
            }
            if is_node {
                previous = Some(target);
            }
            out.references.push(target);
            out.to_node.push(is_node);
        }
        self.unclaimed.truncate(from);
        Ok(())
    }
}

fn to_u32(value: Option<i64>) -> Result<u32, Corrupt> {
    value.and_then(|value| u32::try_from(value).ok()).ok_or_else(|| corrupt!("a reference outside 32 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Put;

    // Protects what a record read alone is made of: stepping over must end where reading ends, and count the same new segments.
    #[test]
    fn stepping_over_references_is_reading_them() {
        let mut stream = vec![9; 5];
        let codes: Vec<u64> =
            (0..700u64).map(|at| [0, 0, 3, 128, 0, 70_000, 127, 1 << 40, 0, 256][(at * at % 10) as usize]).collect();
        codes.iter().for_each(|code| stream.put_varint(*code));
        let whole = References::new(false, 5, stream.len() - 5);
        for start in [0, 1, 7, 8, 9, 350] {
            let mut column = whole;
            (0..start).for_each(|_| assert!(column.next(&stream).is_ok()));
            for count in [0, 1, 2, 8, 15, 16, 17, 100, 349, 700 - start] {
                let (mut read, mut skipped) = (column, column);
                let zeros = (0..count).filter(|_| read.next(&stream).unwrap() == 0).count();
                assert_eq!(
                    (skipped.skip(count as u32, &stream).unwrap(), skipped.at),
                    (zeros as u32, read.at),
                    "{start} {count}"
                );
            }
            assert!({ column }.skip(701 - start as u32, &stream).is_err());
        }
        assert_eq!(References::new(true, 5, 0).skip(77, &stream).unwrap(), 77);
        assert!(References::new(true, 5, stream.len()).skip(1, &stream).is_err());
    }
}
