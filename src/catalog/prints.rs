//! Fingerprints of the open pack's nodes and segments, group by group, so that a writer need not join the whole pack before it
//! can tell what is new.
//!
//! Only what is worth finding again is kept: nodes and segments of some length. Records have their fingerprint in the table of
//! hashes already. What is left out is stored again when it comes again in another session; within a session everything is found.
//!
//! ```text
//! stream = group*     group = nodes, then segments     each: count varint · (distance of the number varint)* · (u32)*
//! ```
//! The stream is cut into values without regard to groups; a value's key is its place, and only the last one is ever rewritten.

use crate::bytes::{Put, Reader};
use crate::error::{Corrupt, corrupt};

/// Fingerprints of one group: numbers rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPrints {
    /// Nodes.
    pub nodes: Vec<(u32, u32)>,
    /// Segments.
    pub segments: Vec<(u32, u32)>,
}

impl GroupPrints {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        for list in [&self.nodes, &self.segments] {
            out.put_varint(list.len() as u64);
            let mut last = 0;
            for (number, _) in list {
                out.put_varint(u64::from(number.wrapping_sub(last)));
                last = *number;
            }
            list.iter().for_each(|(_, print)| out.put_u32(*print));
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<GroupPrints, Corrupt> {
        Ok(GroupPrints { nodes: read_list(reader)?, segments: read_list(reader)? })
    }
}

fn read_list(reader: &mut Reader<'_>) -> Result<Vec<(u32, u32)>, Corrupt> {
    let count = reader.count(5)?;
    let mut list = Vec::with_capacity(count);
    let mut number = 0u32;
    for _ in 0..count {
        number = number.checked_add(reader.varint32()?).ok_or_else(|| corrupt!("a number past 32 bits"))?;
        list.push((number, 0));
    }
    for entry in &mut list {
        entry.1 = reader.u32()?;
    }
    Ok(list)
}
