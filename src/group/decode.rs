//! A frame's payload becomes nodes, segments and records again.
//!
//! Opening resolves all references in one pass over the nodes (a few microseconds a thousand); column streams are decompressed
//! when the first value in them is asked for, and a column asked for often is decoded whole. Every number is checked: a damaged
//! group gives errors, and a child always has a smaller number than its parent, so that joining ends.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::{Deref, Range};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::bytes::Reader;
use crate::codec::{self, packing};
use crate::column::{Class, Column, Header, Offsets};
use crate::error::{Corrupt, corrupt};
use crate::group::build::{LIST_COLUMNS, list_column};
use crate::group::{Piece, stream};
use crate::record::cut::class;
use crate::record::template::{Slot, SlotKind, Template};

mod numbers;
pub mod outline;
pub mod probe;
mod resolve;
pub mod scan;
mod segments;
pub mod sizes;
pub mod sparse;

use numbers::Numbers;
pub use numbers::text_starts;
use outline::{Outline, Outlines};
use resolve::{Cursor, References, Resolved, Resolver};
use segments::read_segments;

/// No value makes a group's column longer than this, decoded.
const COLUMN_LIMIT: usize = 1 << 28;

/// A payload as it lies in a pack, or decoded.
pub type Payload = Arc<dyn Deref<Target = [u8]> + Send + Sync>;

/// A group, opened.
pub struct Group {
    /// Number of its first node.
    pub first_node: u32,
    /// Number of its first segment.
    pub first_segment: u32,
    columns: Columns,
    nodes: Vec<NodePart>,
    references: Vec<u32>,
    /// For each reference whether it leads to a node.
    to_node: Vec<bool>,
    lists: Vec<ListPart>,
    segments: Vec<SegmentPart>,
    pieces: Vec<Piece>,
    roots: Vec<u32>,
}

/// The short values of a group.
struct Columns {
    payload: Payload,
    /// The stream of each class.
    streams: Vec<Stream>,
    unpacked: Vec<OnceCell<Vec<u8>>>,
    /// Columns that were asked often, with the ends of their values.
    decoded: RefCell<Vec<(Vec<u8>, Vec<u32>)>>,
    directory: Vec<u8>,
    templates: Vec<TemplatePart>,
}

/// What a payload begins with, and the payload.
struct Head {
    payload: Payload,
    first_node: u32,
    nodes: usize,
    first_segment: u32,
    segments: usize,
    records: usize,
    class_starts: [u32; class::COUNT],
    streams: Vec<Stream>,
}

/// How a stream is packed, its length unpacked, and where it is in the payload.
type Stream = (u8, usize, Range<usize>);

impl Head {
    fn read(payload: Payload) -> Result<Head, Corrupt> {
        let mut head = Reader::new(&payload);
        let Numbers { first_node, nodes, first_segment, segments, records, class_starts } = Numbers::read(&mut head)?;
        let streams = read_streams(&mut head)?;
        if streams[stream::PRINTS].1 != records * 2 {
            return Err(corrupt!("prints do not match the {records} records"));
        }
        Ok(Head { payload, first_node, nodes, first_segment, segments, records, class_starts, streams })
    }

    fn unpack(&self, index: usize) -> Result<Vec<u8>, Corrupt> {
        unpack(&self.payload, &self.streams[index])
    }

    fn read_records(&self) -> Result<Records, Corrupt> {
        Records::read(&self.unpack(stream::RECORDS)?, self.records, self.first_node, self.nodes)
    }

    fn read_segments(&self) -> Result<(Vec<SegmentPart>, Vec<Piece>), Corrupt> {
        read_segments(&self.unpack(stream::SEGMENTS)?, &self.unpack(stream::PIECES)?, self.segments, self.class_starts)
    }
}

/// The nodes of a group: their columns and templates are known, but not yet who refers to whom.
struct Opening {
    columns: Columns,
    cursors: Vec<Cursor>,
    shapes: Shapes,
}

/// A template's place in the directory for each node.
struct Shapes {
    /// Low bytes, then high ones where there are more than 256 templates.
    bytes: Vec<u8>,
    nodes: usize,
}

impl Shapes {
    fn read(bytes: Vec<u8>, nodes: usize, templates: usize) -> Result<Shapes, Corrupt> {
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
    fn planes(&self, range: Range<usize>) -> (&[u8], &[u8]) {
        let (low, high) = self.bytes.split_at(self.nodes.min(self.bytes.len()));
        (low.get(range.clone()).unwrap_or_default(), high.get(range).unwrap_or_default())
    }

    fn iter(&self, range: Range<usize>) -> impl Iterator<Item = u32> + '_ {
        let (low, high) = self.planes(range);
        let high = high.iter().map(|&byte| u32::from(byte) << 8).chain(std::iter::repeat(0));
        low.iter().zip(high).map(|(&low, high)| u32::from(low) | high)
    }

    /// How many nodes of a range each template has.
    fn count(&self, range: Range<usize>, templates: usize) -> Vec<u32> {
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

/// Columns of one template.
struct TemplatePart {
    template: u32,
    is_list: bool,
    columns: Vec<Option<ValueColumn>>,
    kinds: Vec<u8>,
}

/// A column of short values. A group has thousands, most of which nobody asks: they are small.
struct ValueColumn {
    header_at: u32,
    count: u32,
    offsets: Offsets,
    state: Cell<ColumnState>,
}

/// A column is opened so many times before it is decoded whole: opening costs about a fifth of that, and a record alone asks little.
const OPENINGS: u8 = 6;

#[derive(Clone, Copy)]
enum ColumnState {
    /// Opened so many times.
    Opened(u8),
    /// By its place among the decoded.
    Decoded(u32),
}

#[derive(Clone, Copy)]
struct NodePart {
    dense: u32,
    /// Among nodes of its template; for lists the index into `lists`.
    rank: u32,
    first_reference: u32,
}

#[derive(Clone, Copy)]
struct ListPart {
    count: u32,
    first_kind: u32,
    short_at: u32,
    token_at: u32,
}

#[derive(Clone, Copy)]
struct SegmentPart {
    class: u8,
    length: u32,
    first_piece: u32,
    pieces: u32,
}

/// A segment's text, as places in a literal stream.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Which stream.
    pub class: u8,
    /// Bytes in all.
    pub length: u32,
    /// Where they are, in order.
    pub pieces: &'a [Piece],
}

impl Opening {
    /// Opens the nodes of a payload.
    fn read(head: &Head, templates: &dyn Outlines) -> Result<Opening, Corrupt> {
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
    fn read_directory(&mut self, counts: &[u8], templates: usize, outlines: &dyn Outlines) -> Result<(), Corrupt> {
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

impl Group {
    /// Opens a payload; `template` gives the pack's templates by number.
    ///
    /// # Errors
    /// When anything does not add up.
    pub fn decode<'t>(payload: Payload, template: impl Fn(u32) -> Option<&'t Template>) -> Result<Group, Corrupt> {
        let head = Head::read(payload)?;
        let opening = Opening::read(&head, &template)?;
        Group::resolve(&head, opening)
    }

    /// Finds out who refers to whom.
    fn resolve(head: &Head, opening: Opening) -> Result<Group, Corrupt> {
        let (segments, pieces) = head.read_segments()?;
        let stream = head.unpack(stream::REFERENCES)?;
        let mut all = Resolved::default();
        let room = stream.len() + segments.len() + head.nodes;
        all.nodes.reserve(head.nodes);
        all.references.reserve(room);
        all.to_node.reserve(room);
        let mut resolver = Resolver::new(opening.cursors, head.first_segment, head.segments);
        let records = head.read_records()?;
        let roots = resolve_all(&mut resolver, &records, &opening.shapes, &opening.columns, &stream, &mut all)?;
        let Resolved { nodes, references, to_node, lists } = all;
        Ok(Group {
            first_node: head.first_node,
            first_segment: head.first_segment,
            columns: opening.columns,
            nodes,
            references,
            to_node,
            lists,
            segments,
            pieces,
            roots,
        })
    }
}

/// Which nodes the records of a group have.
struct Records {
    first_node: u32,
    /// For each record how many nodes there are up to its end.
    ends: Vec<u32>,
    /// Roots of records without nodes of their own, by position.
    old: FxHashMap<u32, u32>,
}

impl Records {
    fn read(table: &[u8], records: usize, first_node: u32, nodes: usize) -> Result<Records, Corrupt> {
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
    fn root(&self, position: usize) -> Option<u32> {
        let end = *self.ends.get(position)?;
        self.old.get(&(position as u32)).copied().or_else(|| (self.first_node + end).checked_sub(1))
    }

    /// Nodes of the record at a position, as indexes in the group.
    fn nodes(&self, position: usize) -> Range<usize> {
        let before = position.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |end| *end as usize)..self.ends.get(position).map_or(0, |end| *end as usize)
    }

    /// Position of the record that a node, by its index in the group, belongs to.
    fn of_node(&self, index: u32) -> usize {
        self.ends.partition_point(|end| *end <= index)
    }
}

/// Resolves all nodes of a group; gives the roots of its records.
fn resolve_all(
    resolver: &mut Resolver,
    records: &Records,
    shapes: &Shapes,
    columns: &Columns,
    stream: &[u8],
    out: &mut Resolved,
) -> Result<Vec<u32>, Corrupt> {
    let mut roots = Vec::with_capacity(records.ends.len());
    let mut shapes = shapes.iter(0..shapes.nodes);
    let mut number = records.first_node;
    for position in 0..records.ends.len() {
        let nodes = records.nodes(position);
        if nodes.is_empty() {
            roots.extend(records.root(position));
            continue;
        }
        for shape in shapes.by_ref().take(nodes.len()) {
            resolver.node(number, shape, columns.kinds(shape as usize), stream, out)?;
            number += 1;
        }
        roots.push(resolver.end_record()?);
    }
    if !resolver.is_done() {
        return Err(corrupt!("segments that nothing refers to"));
    }
    Ok(roots)
}

fn element_slot(kinds: &[u8], at: u32) -> Result<Slot, Corrupt> {
    let at = at as usize * 2;
    match kinds.get(at..at + 2) {
        Some(&[marker, style]) => Slot::from_pair(marker, style),
        _ => Err(corrupt!("a mixed list without its slots")),
    }
}

/// The columns of a list, by the kind that stands for each.
const LIST_SLOTS: [SlotKind; LIST_COLUMNS] = [SlotKind::Node, SlotKind::Segment, SlotKind::ShortString, SlotKind::Token];

/// Lengths of a list template's lists; how many values each of its columns has.
fn read_list_counts(
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

/// Whether each stream is compressed, and its raw and stored length.
fn read_sizes(head: &mut Reader<'_>) -> Result<Vec<(u8, usize, usize)>, Corrupt> {
    let mut sizes = Vec::with_capacity(stream::COUNT);
    for _ in 0..stream::COUNT {
        let packed = head.u8()?;
        let raw = head.varint32()? as usize;
        let stored = if packed == packing::RAW { raw } else { head.varint32()? as usize };
        sizes.push((packed, raw, stored));
    }
    Ok(sizes)
}

/// For each stream how it is packed, its length unpacked, and where it is.
fn read_streams(head: &mut Reader<'_>) -> Result<Vec<Stream>, Corrupt> {
    let sizes = read_sizes(head)?;
    let mut streams = Vec::with_capacity(stream::COUNT);
    for (packed, raw, stored) in sizes {
        let start = head.position();
        head.take(stored)?;
        streams.push((packed, raw, start..head.position()));
    }
    if !head.is_empty() {
        return Err(corrupt!("{} bytes after the last stream", head.remaining()));
    }
    Ok(streams)
}

/// The prints of a group's records (see [`crate::group::build::print_of`]), without opening anything else.
///
/// # Errors
/// When the payload is malformed.
pub fn record_prints(payload: &[u8]) -> Result<Vec<u16>, Corrupt> {
    let (_, records, bytes) = one_stream(payload, stream::PRINTS)?;
    if bytes.len() != records * 2 {
        return Err(corrupt!("{} bytes of prints for {records} records", bytes.len()));
    }
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// The root nodes of a group's records, without opening anything else: a record's own nodes end with its root.
///
/// # Errors
/// When the payload is malformed.
pub fn record_roots(payload: &[u8]) -> Result<Vec<u32>, Corrupt> {
    let (mut next, records, bytes) = one_stream(payload, stream::RECORDS)?;
    let mut reader = Reader::new(&bytes);
    let mut roots = Vec::with_capacity(records.min(bytes.len()));
    for _ in 0..records {
        let new = reader.varint32()?;
        if new == 0 {
            roots.push(reader.varint32()?);
            continue;
        }
        next = next.checked_add(new).ok_or_else(|| corrupt!("node numbers overflow"))?;
        roots.push(next - 1);
    }
    reader.finish()?;
    Ok(roots)
}

/// Number of the first node, how many records, and the bytes of one stream.
fn one_stream(payload: &[u8], index: usize) -> Result<(u32, usize, Vec<u8>), Corrupt> {
    let mut head = Reader::new(payload);
    let Numbers { first_node, records, .. } = Numbers::read(&mut head)?;
    let sizes = read_sizes(&mut head)?;
    head.take(sizes[..index].iter().map(|size| size.2).sum())?;
    let (packed, raw, stored) = sizes[index];
    let bytes = head.take(stored)?;
    let bytes = unpacked(packed, bytes, raw)?;
    Ok((first_node, records, bytes))
}

fn unpack(payload: &[u8], (packed, raw, range): &Stream) -> Result<Vec<u8>, Corrupt> {
    let bytes = payload.get(range.clone()).ok_or_else(|| corrupt!("a stream outside its payload"))?;
    unpacked(*packed, bytes, *raw)
}

fn unpacked(packed: u8, bytes: &[u8], raw: usize) -> Result<Vec<u8>, Corrupt> {
    // zstd packs at most about 1:130,000 (runs); more is a lie that would only cost memory.
    if raw > bytes.len().saturating_mul(1 << 17).saturating_add(1 << 16) {
        return Err(corrupt!("a stream of {} bytes that claims to hold {raw}", bytes.len()));
    }
    codec::unpack(packed, bytes, raw)
}

/// The references of a group.
pub struct Links {
    /// Number of its first node.
    pub first_node: u32,
    starts: Vec<u32>,
    targets: Vec<u32>,
    to_node: Vec<bool>,
    /// Root nodes of its records, by position.
    pub roots: Vec<u32>,
}

impl Links {
    /// Each node with what it refers to: whether a node, and the number.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = (bool, u32)> + '_)> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.targets.len() as u32]);
        (self.first_node..).zip(self.starts.iter().zip(ends)).map(|(node, (&start, end))| {
            let range = start as usize..end as usize;
            let (kinds, targets) = (self.to_node.get(range.clone()), self.targets.get(range));
            (node, kinds.unwrap_or_default().iter().copied().zip(targets.unwrap_or_default().iter().copied()))
        })
    }
}

/// A node, ready to be joined.
#[derive(Clone, Copy)]
pub struct NodeView<'g> {
    columns: &'g Columns,
    references: &'g [u32],
    lists: &'g [ListPart],
    node: NodePart,
}

impl Group {
    /// How many nodes, segments and records it has.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.segments.len(), self.roots.len())
    }

    /// Who refers to whom, without the values.
    #[must_use]
    pub fn into_links(self) -> Links {
        let starts = self.nodes.iter().map(|node| node.first_reference).collect();
        Links { first_node: self.first_node, starts, targets: self.references, to_node: self.to_node, roots: self.roots }
    }

    /// Root node of the record at a position of the group.
    #[must_use]
    pub fn root(&self, position: usize) -> Option<u32> {
        self.roots.get(position).copied()
    }

    /// A node by its number in the pack.
    ///
    /// # Errors
    /// When the group does not hold it.
    pub fn node(&self, number: u32) -> Result<NodeView<'_>, Corrupt> {
        let node = number.checked_sub(self.first_node).and_then(|index| self.nodes.get(index as usize));
        let node = *node.ok_or_else(|| corrupt!("node {number} is not in its group"))?;
        Ok(NodeView { columns: &self.columns, references: &self.references, lists: &self.lists, node })
    }

    /// A segment by its number in the pack.
    ///
    /// # Errors
    /// When the group does not hold it.
    pub fn segment(&self, number: u32) -> Result<Text<'_>, Corrupt> {
        let part = number.checked_sub(self.first_segment).and_then(|index| self.segments.get(index as usize));
        let part = part.ok_or_else(|| corrupt!("segment {number} is not in its group"))?;
        let pieces = &self.pieces[part.first_piece as usize..(part.first_piece + part.pieces) as usize];
        Ok(Text { class: part.class, length: part.length, pieces })
    }

    fn open_column<T>(&self, column: &ValueColumn, use_it: impl FnOnce(&Column<'_>) -> Result<T, Corrupt>) -> Result<T, Corrupt> {
        self.columns.open(column, use_it)
    }
}

impl Columns {
    /// Markers and styles of the elements of a mixed list template.
    fn kinds(&self, template: usize) -> &[u8] {
        self.templates.get(template).map_or(&[], |part| &part.kinds)
    }

    fn class_stream(&self, class: Class) -> Result<&[u8], Corrupt> {
        let cell = &self.unpacked[class as usize];
        if let Some(bytes) = cell.get() {
            return Ok(bytes);
        }
        let bytes = unpack(&self.payload, &self.streams[class as usize])?;
        Ok(cell.get_or_init(|| bytes))
    }

    fn value(&self, column: &ValueColumn, rank: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        match column.state.get() {
            ColumnState::Decoded(index) => {
                let decoded = self.decoded.borrow();
                let (bytes, ends) = decoded.get(index as usize).ok_or_else(|| corrupt!("a column that is not there"))?;
                let start = rank.checked_sub(1).map_or(0, |before| ends.get(before).copied().unwrap_or(0));
                let end = ends.get(rank).ok_or_else(|| corrupt!("value {rank} of a column of {}", ends.len()))?;
                out.extend_from_slice(bytes.get(start as usize..*end as usize).unwrap_or_default());
                Ok(())
            }
            ColumnState::Opened(times) if times < OPENINGS => {
                column.state.set(ColumnState::Opened(times + 1));
                self.open(column, |column| column.get(rank, out))
            }
            ColumnState::Opened(_) => {
                let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(column.count as usize));
                self.open(column, |column| column.decode_all(COLUMN_LIMIT, &mut bytes, &mut ends))?;
                column.state.set(ColumnState::Decoded(self.decoded.borrow().len() as u32));
                self.decoded.borrow_mut().push((bytes, ends));
                self.value(column, rank, out)
            }
        }
    }

    fn open<T>(&self, column: &ValueColumn, use_it: impl FnOnce(&Column<'_>) -> Result<T, Corrupt>) -> Result<T, Corrupt> {
        let header =
            self.directory.get(column.header_at as usize..).ok_or_else(|| corrupt!("column header outside the directory"))?;
        let header = Header::read(&mut Reader::new(header), column.count as usize, &mut { column.offsets })?;
        let mut streams: [&[u8]; Class::COUNT] = [&[]; Class::COUNT];
        for class in Class::ALL {
            if header.reads(class) {
                streams[class as usize] = self.class_stream(class)?;
            }
        }
        use_it(&Column::open(&header, &streams)?)
    }
}

impl NodeView<'_> {
    /// Number of its template.
    #[must_use]
    pub fn template(&self) -> u32 {
        self.part().template
    }

    fn part(&self) -> &TemplatePart {
        &self.columns.templates[self.node.dense as usize]
    }

    /// The number of the `index`th reference among the node's references.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn reference(&self, index: usize) -> Result<u32, Corrupt> {
        let at = self.node.first_reference as usize + index;
        self.references.get(at).copied().ok_or_else(|| corrupt!("a node without its reference"))
    }

    /// Appends the short value of slot `slot` of a fixed template.
    ///
    /// # Errors
    /// When the column is damaged.
    pub fn value(&self, slot: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let column = self.part().columns.get(slot).and_then(Option::as_ref).ok_or_else(|| corrupt!("a slot without column"))?;
        self.columns.value(column, self.node.rank as usize, out)
    }

    /// Number of elements of a list.
    ///
    /// # Errors
    /// When the node is none.
    pub fn list(&self) -> Result<ListView<'_>, Corrupt> {
        let list = self.lists.get(self.node.rank as usize).ok_or_else(|| corrupt!("a list without its length"))?;
        Ok(ListView { node: *self, list: *list, at: 0, references: 0, shorts: 0, tokens: 0 })
    }
}

/// Walks the elements of a list.
pub struct ListView<'g> {
    node: NodeView<'g>,
    list: ListPart,
    at: u32,
    references: usize,
    shorts: u32,
    tokens: u32,
}

/// An element of a list.
pub enum Element {
    /// A child node or segment.
    Reference(u32),
    /// A short value, appended to the output.
    Value,
}

impl ListView<'_> {
    /// How many elements there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.list.count
    }

    /// The slot of the next element; `common` is the template's.
    ///
    /// # Errors
    /// When a mixed list does not say.
    pub fn next_slot(&self, common: Option<Slot>) -> Result<Slot, Corrupt> {
        match common {
            Some(slot) => Ok(slot),
            None => element_slot(&self.node.part().kinds, self.list.first_kind + self.at),
        }
    }

    /// Steps over the next element; a short value is appended to `out`.
    ///
    /// # Errors
    /// When its column is damaged.
    pub fn next(&mut self, slot: Slot, out: &mut Vec<u8>) -> Result<Element, Corrupt> {
        self.at += 1;
        let column = list_column(slot.kind);
        let rank = match column {
            0 | 1 => {
                self.references += 1;
                return Ok(Element::Reference(self.node.reference(self.references - 1)?));
            }
            2 => {
                self.shorts += 1;
                self.list.short_at + self.shorts - 1
            }
            _ => {
                self.tokens += 1;
                self.list.token_at + self.tokens - 1
            }
        };
        let values = self.node.part().columns.get(column).and_then(Option::as_ref);
        let values = values.ok_or_else(|| corrupt!("a list without column"))?;
        self.node.columns.value(values, rank as usize, out)?;
        Ok(Element::Value)
    }
}
