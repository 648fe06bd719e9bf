//! Which nodes the records of a group have.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};

/// Which nodes the records of a group have.
pub(super) struct Records {
    pub(super) first_node: u32,
    /// For each record how many nodes there are up to its end.
    pub(super) ends: Vec<u32>,
    /// Roots of records without nodes of their own, by position.
    pub(super) old: FxHashMap<u32, u32>,
}

impl Records {
    pub(super) fn read(table: &[u8], records: usize, first_node: u32, nodes: usize) -> Result<Records, Corrupt> {
        let mut reader = Reader::new(table);
        if records > table.len() {
            return Err(corrupt!("{} bytes for {records} records", table.len()));
        }
        let mut all = Records { first_node, ends: Vec::with_capacity(records), old: FxHashMap::default() };
        let mut end = 0u32;
        for position in 0..records as u32 {
            let new = reader.varint32()?;
            if new == 0 {
                let root = reader.varint32()?;
                if root >= first_node.saturating_add(end) {
                    return Err(corrupt!("a record's root {root} comes after it"));
                }
                all.old.insert(position, root);
            }
            end = end.checked_add(new).ok_or_else(|| corrupt!("node numbers overflow"))?;
            all.ends.push(end);
        }
        reader.finish()?;
        if end as usize != nodes {
            return Err(corrupt!("records have {end} nodes, the group {nodes}"));
        }
        Ok(all)
    }

    /// The root of the record at a position: a record's own nodes end with it.
    pub(super) fn root(&self, position: usize) -> Option<u32> {
        let end = *self.ends.get(position)?;
        self.old.get(&(position as u32)).copied().or_else(|| (self.first_node + end).checked_sub(1))
    }

    /// Nodes of the record at a position, as indexes in the group.
    pub(super) fn nodes(&self, position: usize) -> Range<usize> {
        let before = position.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |end| *end as usize)..self.ends.get(position).map_or(0, |end| *end as usize)
    }

    /// Position of the record that a node, by its index in the group, belongs to.
    pub(super) fn of_node(&self, index: u32) -> usize {
        self.ends.partition_point(|end| *end <= index)
    }
}
