//! How large things of a group are, as JSON and as stored: for reports.

use super::numbers::Numbers;
use super::streams::read_sizes;
use super::{COLUMN_LIMIT, Group, LIST_SLOTS};
use crate::bytes::Reader;
use crate::error::{Corrupt, corrupt};
use crate::group::stream;
use crate::record::template::{Part, SlotKind, Template};

/// Bytes of a group's streams by whom they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamSizes {
    /// Bytes before entropy coding.
    pub raw: u64,
    /// Stored bytes that say what nodes are.
    pub nodes: u64,
    /// Stored bytes that say what segments are.
    pub segments: u64,
    /// Stored bytes that say what records are.
    pub records: u64,
}

impl StreamSizes {
    /// Reads them from a group's payload; nothing is decompressed.
    ///
    /// # Errors
    /// When the payload is malformed.
    pub fn read(payload: &[u8]) -> Result<StreamSizes, Corrupt> {
        let mut head = Reader::new(payload);
        Numbers::read(&mut head)?;
        let mut sizes = StreamSizes::default();
        for (index, (_, raw, stored)) in read_sizes(&mut head)?.into_iter().enumerate() {
            sizes.raw += raw as u64;
            *match index {
                stream::SEGMENTS | stream::PIECES => &mut sizes.segments,
                stream::RECORDS | stream::PRINTS => &mut sizes.records,
                _ => &mut sizes.nodes,
            } += stored as u64;
        }
        Ok(sizes)
    }
}

/// A node's template, and its bytes without those of its child nodes and segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Number of the template.
    pub template: u32,
    /// Bytes of its constant parts, its short values and the quotes around its strings.
    pub bytes: u32,
}

impl Group {
    /// What each node brings itself.
    ///
    /// # Errors
    /// When a column is damaged.
    pub fn own_bytes<'t>(&self, template: impl Fn(u32) -> Option<&'t Template>) -> Result<Vec<Own>, Corrupt> {
        let mut constants = Vec::with_capacity(self.columns.templates.len());
        let mut lengths: Vec<Vec<Vec<u32>>> = Vec::with_capacity(self.columns.templates.len());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for part in &self.columns.templates {
            let parsed = template(part.template).ok_or_else(|| corrupt!("template {} is not in the pack", part.template))?;
            constants.push((parsed, constant_bytes(parsed)));
            let mut of_columns = Vec::with_capacity(part.columns.len());
            for column in &part.columns {
                bytes.clear();
                ends.clear();
                if let Some(column) = column {
                    self.columns.open(column, |column| column.decode_all(COLUMN_LIMIT, &mut bytes, &mut ends))?;
                }
                of_columns.push(running(&ends));
            }
            lengths.push(of_columns);
        }
        let mut own = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let dense = node.dense as usize;
            let (part, (parsed, constant)) = (&self.columns.templates[dense], constants[dense]);
            let mut bytes = u64::from(constant);
            for (index, lengths) in lengths[dense].iter().enumerate().filter(|(_, lengths)| lengths.len() > 1) {
                let ranks = match part.is_list {
                    false => node.rank as usize..node.rank as usize + 1,
                    true => self.ranks_of_list(node, index)?,
                };
                let at = |rank: usize| lengths.get(rank).copied().ok_or_else(|| corrupt!("a column without value {rank}"));
                bytes += u64::from(at(ranks.end)? - at(ranks.start)?);
            }
            if let Template::List { element, separator, .. } = parsed {
                let count = u64::from(self.lists.get(node.rank as usize).map_or(0, |list| list.count));
                let quotes = element.map_or(0, |slot| quotes(slot.kind));
                bytes += count * u64::from(quotes) + count.saturating_sub(1) * separator.len() as u64;
            }
            own.push(Own { template: part.template, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) });
        }
        Ok(own)
    }
}

/// The ends of values with a zero before them; nothing for no values.
fn running(ends: &[u32]) -> Vec<u32> {
    if ends.is_empty() { Vec::new() } else { std::iter::once(0).chain(ends.iter().copied()).collect() }
}

fn quotes(kind: SlotKind) -> u32 {
    match kind {
        SlotKind::ShortString | SlotKind::Segment | SlotKind::NodeInString => 2,
        SlotKind::Node | SlotKind::RawSegment | SlotKind::Token => 0,
    }
}

fn constant_bytes(template: &Template) -> u32 {
    debug_assert_eq!(LIST_SLOTS.len(), 4);
    let bytes = match template {
        Template::Fixed(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Literal(bytes) => bytes.len(),
                Part::Slot(slot) => quotes(slot.kind) as usize,
            })
            .sum(),
        Template::List { open, close, .. } => open.len() + close.len(),
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
