//! Reading a group's directory: its templates, where their columns are, and which node has which template.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::columns::{ColumnState, Columns, TemplatePart, ValueColumn};
use super::element_slot;
use super::outline::{Outline, Outlines};
use super::resolve::{Cursor, References};
use super::streams::Head;
use crate::bytes::Reader;
use crate::column::{Class, Header, Offsets};
use crate::error::{Corrupt, corrupt};
use crate::group::build::{LIST_COLUMNS, list_column};
use crate::group::stream;
use crate::record::template::{Slot, SlotKind};

/// The nodes of a group: their columns and templates are known, but not yet who refers to whom.
pub(super) struct Opening {
    pub(super) columns: Columns,
    pub(super) cursors: Vec<Cursor>,
    pub(super) shapes: Shapes,
}

/// A template's place in the directory for each node.
pub(super) struct Shapes {
    /// Low bytes, then high ones where there are more than 256 templates.
    pub(super) bytes: Vec<u8>,
    pub(super) nodes: usize,
}

impl Shapes {
    pub(super) fn read(bytes: Vec<u8>, nodes: usize, templates: usize) -> Result<Shapes, Corrupt> {
        let planes = if templates > 256 { 2 } else { 1 };
        if bytes.len() != nodes * planes {
            return Err(corrupt!("{} shape bytes for {nodes} nodes", bytes.len()));
        }
        let shapes = Shapes { bytes, nodes };
        // With one plane, and that of 256 templates or fewer, this is a maximum of bytes.
        let (low, high) = shapes.planes(0..nodes);
        let most = match high.is_empty() {
            true => low.iter().copied().max().map(u32::from),
            false => shapes.iter(0..nodes).max(),
        };
        match most.filter(|&most| most as usize >= templates) {
            Some(most) => Err(corrupt!("node of template {most} of {templates}")),
            None => Ok(shapes),
        }
    }

    /// Low and high bytes of a range; no high ones where there is one plane.
    pub(super) fn planes(&self, range: Range<usize>) -> (&[u8], &[u8]) {
        let (low, high) = self.bytes.split_at(self.nodes.min(self.bytes.len()));
        (low.get(range.clone()).unwrap_or_default(), high.get(range).unwrap_or_default())
    }

    pub(super) fn iter(&self, range: Range<usize>) -> impl Iterator<Item = u32> + '_ {
        let (low, high) = self.planes(range);
        let high = high.iter().map(|&byte| u32::from(byte) << 8).chain(std::iter::repeat(0));
        low.iter().zip(high).map(|(&low, high)| u32::from(low) | high)
    }

    /// How many nodes of a range each template has.
    pub(super) fn count(&self, range: Range<usize>, templates: usize) -> Vec<u32> {
        let (low, high) = self.planes(range.clone());
        // Shapes were checked when they were read.
        let mut counts = vec![0; templates.max(256)];
        match high.is_empty() {
            true => low.iter().for_each(|&shape| counts[usize::from(shape)] += 1),
            false => self.iter(range).for_each(|shape| counts[shape as usize] += 1),
        }
        counts.truncate(templates);
        counts
    }
}

impl Opening {
    /// Opens the nodes of a payload.
    pub(super) fn read(head: &Head, templates: &dyn Outlines) -> Result<Opening, Corrupt> {
        let directory = head.unpack(stream::DIRECTORY)?;
        let count = Reader::new(&directory).count(1)?;
        let shapes = Shapes::read(head.unpack(stream::SHAPES)?, head.nodes, count)?;
        let counts = head.unpack(stream::COUNTS)?;
        let columns = Columns {
            unpacked: (0..Class::COUNT).map(|_| OnceCell::new()).collect(),
            streams: head.streams.get(stream::COLUMNS..).unwrap_or_default().to_vec(),
            payload: Arc::clone(&head.payload),
            decoded: RefCell::default(),
            directory,
            templates: Vec::with_capacity(count),
        };
        let mut opening = Opening { columns, cursors: Vec::with_capacity(count), shapes };
        opening.read_directory(&counts, count, templates)?;
        Ok(opening)
    }

    /// Reads templates and column headers; the counts of nodes per template say how many values each column has.
    pub(super) fn read_directory(&mut self, counts: &[u8], templates: usize, outlines: &dyn Outlines) -> Result<(), Corrupt> {
        let mut reader = Reader::new(&self.columns.directory);
        reader.varint()?;
        let uses = self.shapes.count(0..self.shapes.nodes, templates);
        let mut counts = Reader::new(counts);
        let mut offsets = Offsets::default();
        let mut reference_at = 0usize;
        let mut slots = Vec::new();
        for uses in uses {
            let uses = uses as usize;
            let number = reader.varint32()?;
            slots.clear();
            let outline = outlines.outline(number, &mut slots);
            let outline = outline.ok_or_else(|| corrupt!("template {number} is not in the pack"))?;
            let mut cursor = Cursor::new();
            let is_list = matches!(outline, Outline::List(_));
            let mut part = TemplatePart { template: number, is_list, columns: Vec::new(), kinds: Vec::new() };
            let columns: SmallVec<[(SlotKind, usize); 16]> = match outline {
                Outline::Fixed => slots.iter().map(|kind| (*kind, uses)).collect(),
                Outline::List(element) => {
                    let per_column = read_list_counts(&mut counts, uses, element, &mut cursor, &mut part)?;
                    cursor.list = Some(element);
                    LIST_SLOTS.into_iter().zip(per_column).collect()
                }
            };
            part.columns.reserve_exact(columns.len());
            for (kind, count) in columns {
                let is_value = list_column(kind) >= 2;
                let mut column = None;
                if count > 0 && is_value {
                    let (header_at, before) = (reader.position() as u32, offsets);
                    Header::read(&mut reader, count, &mut offsets)?;
                    let state = Cell::new(ColumnState::Opened(0));
                    column = Some(ValueColumn { header_at, offsets: before, count: count as u32, state });
                }
                if !is_value {
                    let length = if count > 0 { reader.varint()? } else { 0 };
                    let length = usize::try_from(length).map_err(|_| corrupt!("reference column too long"))?;
                    let column = References::new(list_column(kind) == 0, reference_at, length);
                    cursor.references.push(column);
                    reference_at = reference_at.saturating_add(length);
                }
                part.columns.push(column);
            }
            self.columns.templates.push(part);
            self.cursors.push(cursor);
        }
        reader.finish()?;
        counts.finish()
    }
}

/// The columns of a list, by the kind that stands for each.
pub(super) const LIST_SLOTS: [SlotKind; LIST_COLUMNS] =
    [SlotKind::Node, SlotKind::Segment, SlotKind::ShortString, SlotKind::Token];

/// Lengths of a list template's lists; how many values each of its columns has.
pub(super) fn read_list_counts(
    counts: &mut Reader<'_>,
    uses: usize,
    element: Option<Slot>,
    cursor: &mut Cursor,
    part: &mut TemplatePart,
) -> Result<Vec<usize>, Corrupt> {
    let mut total = 0u64;
    for _ in 0..uses {
        let count = counts.varint32()?;
        total += u64::from(count);
        cursor.counts.push(count);
    }
    // Every element costs at least part of a byte somewhere, except constants: this bound stops absurd counts early.
    let total =
        usize::try_from(total).ok().filter(|&total| total <= 1 << 26).ok_or_else(|| corrupt!("lists of {total} elements"))?;
    let mut per_column = vec![0; LIST_COLUMNS];
    match element {
        Some(slot) => per_column[list_column(slot.kind)] = total,
        None => {
            part.kinds = counts.take(total * 2)?.to_vec();
            for at in 0..total as u32 {
                per_column[list_column(element_slot(&part.kinds, at)?.kind)] += 1;
            }
        }
    }
    Ok(per_column)
}
