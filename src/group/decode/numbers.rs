//! What a group's payload begins with: how much is in it, and where its text begins.

use crate::bytes::Reader;
use crate::error::Corrupt;
use crate::record::cut::class;

/// The numbers before a payload's streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) first_node: u32,
    pub(super) nodes: usize,
    pub(super) first_segment: u32,
    pub(super) segments: usize,
    pub(super) records: usize,
    /// Where new text begins in each literal stream.
    pub(super) class_starts: [u32; class::COUNT],
}

impl Numbers {
    pub(super) fn read(head: &mut Reader<'_>) -> Result<Numbers, Corrupt> {
        let (first_node, nodes) = (head.varint32()?, head.varint32()? as usize);
        let (first_segment, segments) = (head.varint32()?, head.varint32()? as usize);
        let records = head.varint32()? as usize;
        let mut class_starts = [0; class::COUNT];
        for start in &mut class_starts {
            *start = head.varint32()?;
        }
        Ok(Numbers { first_node, nodes, first_segment, segments, records, class_starts })
    }
}

/// Where a group's new text begins in each literal stream.
///
/// # Errors
/// When the payload is malformed.
pub fn text_starts(payload: &[u8]) -> Result<[u32; class::COUNT], Corrupt> {
    Numbers::read(&mut Reader::new(payload)).map(|numbers| numbers.class_starts)
}
