//! What a group refers to before itself, told without resolving it.
//!
//! A reference to something older is a number in its column; only in a list it is a step from the node before it, which may be one
//! that resolving alone would know. So one pass over the codes tells almost always whether a group refers to a node at all.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::{Cursor, to_u32};
use crate::bytes::unzigzag;
use crate::error::{Corrupt, corrupt};
use crate::group::build::list_column;
use crate::group::decode::element_slot;

/// Whether one of more nodes than this is near is not worth finding out.
const MANY: usize = 64;

/// Nodes and segments of earlier groups that a group refers to, in no order and as often as it does.
#[derive(Debug, Default)]
pub struct Outside {
    /// Nodes, and the roots of records that bring nothing new.
    nodes: Vec<u32>,
    /// Nodes told by how far they are from a node of the group, whichever it is.
    steps: Vec<i64>,
    segments: Vec<u32>,
    /// The group's own nodes.
    own: Range<u32>,
    first_segment: u32,
}

/// The node before the one at hand in its list.
#[derive(Clone, Copy)]
enum Before {
    None,
    Known(u32),
    /// So far from a node of the record itself, whose number is not known here.
    Near(i64),
}

impl Cursor {
    /// Adds what all nodes of a template name by number; to be called before any is read. `kinds` are those of a mixed list's elements.
    pub(in crate::group::decode) fn outside(&self, kinds: &[u8], stream: &[u8], out: &mut Outside) -> Result<(), Corrupt> {
        let mut columns = self.references.clone();
        if columns.iter().all(|column| !column.named) {
            return Ok(());
        }
        let Some(element) = self.list else {
            for column in &mut columns {
                while column.named && column.at < column.end {
                    out.add(column.to_node, column.next(stream)?, Before::None)?;
                }
            }
            return Ok(());
        };
        let mut kind_at = 0;
        for &count in &self.counts {
            let mut before = Before::None;
            match element.map(|slot| list_column(slot.kind)) {
                Some(column) => {
                    let Some(column) = columns.get_mut(column) else { continue };
                    for _ in 0..count {
                        before = out.add(column.to_node, column.next(stream)?, before)?;
                    }
                }
                None => {
                    for at in kind_at..kind_at + count {
                        let column = list_column(element_slot(kinds, at)?.kind);
                        let Some(column) = columns.get_mut(column) else { continue };
                        before = out.add(column.to_node, column.next(stream)?, before)?;
                    }
                    kind_at += count;
                }
            }
        }
        Ok(())
    }
}

impl Outside {
    /// Of a group with these nodes and the segments from this one on.
    pub(in crate::group::decode) fn new(own: Range<u32>, first_segment: u32) -> Outside {
        Outside { own, first_segment, ..Outside::default() }
    }

    /// Adds the root of a record.
    pub(in crate::group::decode) fn add_root(&mut self, root: u32) {
        if root < self.own.start {
            self.nodes.push(root);
        }
    }

    /// Adds the target of a code; gives what the next of a list counts from.
    #[inline]
    fn add(&mut self, to_node: bool, code: u64, before: Before) -> Result<Before, Corrupt> {
        if !to_node {
            if let Some(target) = code.checked_sub(1).filter(|target| *target < u64::from(self.first_segment)) {
                self.segments.push(target as u32);
            }
            return Ok(before);
        }
        let Some(value) = code.checked_sub(1) else { return Ok(Before::Near(0)) };
        let target = match before {
            Before::None => to_u32(i64::try_from(value).ok())?,
            Before::Known(before) => to_u32(i64::from(before).checked_add(unzigzag(value)))?,
            Before::Near(step) => {
                let step = step.checked_add(unzigzag(value)).ok_or_else(|| corrupt!("a step of a list overflows"))?;
                if step < 0 {
                    self.steps.push(step);
                }
                return Ok(Before::Near(step));
            }
        };
        if target < self.own.start {
            self.nodes.push(target);
        }
        Ok(Before::Known(target))
    }

    /// False only when the group refers to none of these nodes and segments, all of earlier groups.
    #[must_use]
    pub fn may_refer_to(&self, nodes: &FxHashSet<u32>, segments: &FxHashSet<u32>) -> bool {
        let is_near = |node: u32| {
            let from_own = |step: &i64| i64::from(node).checked_sub(*step).and_then(|own| u32::try_from(own).ok());
            self.steps.iter().filter_map(from_own).any(|own| self.own.contains(&own))
        };
        !segments.is_empty() && self.segments.iter().any(|segment| segments.contains(segment))
            || !nodes.is_empty() && self.nodes.iter().any(|node| nodes.contains(node))
            || !self.steps.is_empty() && (nodes.len() > MANY || nodes.iter().any(|node| is_near(*node)))
    }
}
