//! What a cut is made of: places of bytes, values, nodes, segments.

use std::ops::Range;

use crate::record::template::Slot;

/// Where bytes are: in the chunk, or (top bit set) in [`Cuts::decoded`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub(super) start: u32,
    pub(super) length: u32,
}

pub(super) const IN_DECODED: u32 = 1 << 31;

impl Place {
    /// Number of bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.length as usize
    }

    /// How far into `outer` these bytes begin, when they lie inside it.
    #[must_use]
    pub fn offset_in(self, outer: Place) -> Option<u32> {
        let offset = self.start.checked_sub(outer.start)?;
        (u64::from(offset) + u64::from(self.length) <= u64::from(outer.length)).then_some(offset)
    }

    /// True for no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// A value in a node's slot.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// What it is.
    pub slot: Slot,
    /// Index of the child node or segment; for short values where their bytes are.
    pub place: Place,
}

impl Value {
    pub(super) fn indexed(slot: Slot, index: u32) -> Value {
        Value { slot, place: Place { start: index, length: 0 } }
    }

    /// A child whose bytes begin at `start`, counted like the start of a [`Place`]: those of the node itself may lie where it was
    /// first seen.
    pub(super) fn child(slot: Slot, index: u32, start: Place) -> Value {
        Value { slot, place: Place { start: index, length: start.start } }
    }

    /// How far into its parent's bytes a child begins.
    #[must_use]
    pub fn offset_in(self, parent: Place) -> Option<u32> {
        self.place.length.checked_sub(parent.start)
    }

    /// Index of the child node or segment.
    #[must_use]
    pub fn index(self) -> usize {
        self.place.start as usize
    }
}

/// A node as cut.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its own bytes, whole.
    pub raw: Place,
    /// Hash of those bytes.
    pub hash: u128,
    /// Index of its template, or [`UNOPENED`] when the filter knew it.
    pub template: u32,
    /// Its values in [`Cuts::values`].
    pub values: Range<u32>,
    /// Number of elements when the template is a list.
    pub is_list: bool,
}

/// Template index of a node that was not opened.
pub const UNOPENED: u32 = u32::MAX;

/// A segment as cut.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Its text.
    pub text: Place,
    /// Hash of the text.
    pub hash: u128,
    /// In which literal stream it belongs.
    pub class: u8,
}

/// Literal streams.
pub mod class {
    /// Text of any language.
    pub const TEXT: u8 = 0;
    /// Base64 and other text without words.
    pub const DENSE: u8 = 1;
    /// Raw JSON: number arrays and what could not be cut.
    pub const RAW: u8 = 2;
    /// How many there are.
    pub const COUNT: usize = 3;
}
