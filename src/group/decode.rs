//! A frame's payload becomes nodes, segments and records again.
//!
//! Opening resolves all references in one pass over the nodes (a few microseconds a thousand); column streams are decompressed
//! when the first value in them is asked for, and a column asked for twice is decoded whole. Every number is checked: a damaged
//! group gives errors, and a child always has a smaller number than its parent, so that joining ends.

use std::cell::{Cell, OnceCell, RefCell};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::bytes::{Reader, unzigzag};
use crate::codec::{self, packing};
use crate::column::{Class, Column, Header, Offsets};
use crate::error::{Corrupt, corrupt};
use crate::group::build::{LIST_COLUMNS, LISTED, list_column};
use crate::group::{Piece, stream};
use crate::record::cut::class;
use crate::record::template::{Slot, SlotKind, Template};

pub mod scan;
pub mod sizes;

/// No value makes a group's column longer than this, decoded.
const COLUMN_LIMIT: usize = 1 << 28;

/// A group, opened.
pub struct Group {
    /// Number of its first node.
    pub first_node: u32,
    /// Number of its first segment.
    pub first_segment: u32,
    payload_streams: Vec<(u8, usize, Vec<u8>)>,
    columns: Vec<OnceCell<Vec<u8>>>,
    /// Columns that were asked twice, with the ends of their values.
    decoded: RefCell<Vec<(Vec<u8>, Vec<u32>)>>,
    directory: Vec<u8>,
    templates: Vec<TemplatePart>,
    nodes: Vec<NodePart>,
    references: Vec<u32>,
    /// For each reference whether it leads to a node.
    to_node: Vec<bool>,
    lists: Vec<ListPart>,
    segments: Vec<SegmentPart>,
    pieces: Vec<Piece>,
    roots: Vec<u32>,
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

#[derive(Clone, Copy, Default)]
enum ColumnState {
    #[default]
    Untouched,
    Touched,
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

/// How a template's columns are read while references are resolved.
struct Cursor {
    template: usize,
    list: Option<Option<Slot>>,
    /// Fixed: the columns of references in order. List: nodes, segments.
    references: SmallVec<[References; 2]>,
    counts: Vec<u32>,
    rank: u32,
    short_at: u32,
    token_at: u32,
    kind_at: u32,
}

/// What is left of a column of references: bytes of their stream. Without any, all are new.
#[derive(Clone, Copy, Default)]
struct References {
    to_node: bool,
    named: bool,
    at: usize,
    end: usize,
}

impl References {
    /// The next code.
    fn next(&mut self, stream: &[u8]) -> Result<u64, Corrupt> {
        if !self.named {
            return Ok(0);
        }
        let bytes = stream.get(self.at..self.end).ok_or_else(|| corrupt!("reference column outside its stream"))?;
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
}

impl Group {
    /// Opens a payload; `template` gives the pack's templates by number.
    ///
    /// # Errors
    /// When anything does not add up.
    pub fn decode<'t>(payload: &[u8], template: impl Fn(u32) -> Option<&'t Template>) -> Result<Group, Corrupt> {
        let mut head = Reader::new(payload);
        let (first_node, nodes, first_segment, segments) =
            (head.varint32()?, head.varint32()? as usize, head.varint32()?, head.varint32()? as usize);
        let records = head.varint32()? as usize;
        let mut class_starts = [0; class::COUNT];
        for start in &mut class_starts {
            *start = head.varint32()?;
        }
        let mut streams = read_streams(&mut head)?;
        let directory = unpack(&mut streams, stream::DIRECTORY)?;
        let shapes = unpack(&mut streams, stream::SHAPES)?;
        let counts = unpack(&mut streams, stream::COUNTS)?;
        let references = unpack(&mut streams, stream::REFERENCES)?;
        let segment_table = unpack(&mut streams, stream::SEGMENTS)?;
        let piece_table = unpack(&mut streams, stream::PIECES)?;
        let record_table = unpack(&mut streams, stream::RECORDS)?;
        if unpack(&mut streams, stream::PRINTS)?.len() != records * 2 {
            return Err(corrupt!("prints do not match the {records} records"));
        }

        let (parts, piece_list) = read_segments(&segment_table, &piece_table, segments, class_starts)?;
        let shapes = read_shapes(&shapes, nodes, &directory)?;
        let mut group = Group {
            first_node,
            first_segment,
            columns: (0..Class::COUNT).map(|_| OnceCell::new()).collect(),
            payload_streams: streams,
            decoded: RefCell::default(),
            directory,
            templates: Vec::new(),
            nodes: Vec::with_capacity(nodes),
            references: Vec::with_capacity(references.len() + segments + nodes),
            to_node: Vec::with_capacity(references.len() + segments + nodes),
            lists: Vec::new(),
            segments: parts,
            pieces: piece_list,
            roots: Vec::with_capacity(records),
        };
        let mut cursors = group.read_directory(&shapes, &counts, &template)?;
        group.resolve(&shapes, &mut cursors, &references, &record_table, records)?;
        Ok(group)
    }

    /// Reads templates and column headers; the counts of nodes per template say how many values each column has.
    fn read_directory<'t>(
        &mut self,
        shapes: &[u32],
        counts: &[u8],
        template: &impl Fn(u32) -> Option<&'t Template>,
    ) -> Result<Vec<Cursor>, Corrupt> {
        let directory = std::mem::take(&mut self.directory);
        let mut reader = Reader::new(&directory);
        let templates = reader.count(1)?;
        let mut uses = vec![0usize; templates];
        shapes.iter().for_each(|&shape| uses[shape as usize] += 1);
        let mut counts = Reader::new(counts);
        let mut offsets = Offsets::default();
        let mut reference_at = 0usize;
        let mut cursors = Vec::with_capacity(templates);
        for (index, &uses) in uses.iter().enumerate() {
            let number = reader.varint32()?;
            let parsed = template(number).ok_or_else(|| corrupt!("template {number} is not in the pack"))?;
            let mut cursor = Cursor {
                template: index,
                list: None,
                references: SmallVec::new(),
                counts: Vec::new(),
                rank: 0,
                short_at: 0,
                token_at: 0,
                kind_at: 0,
            };
            let mut part = TemplatePart {
                template: number,
                is_list: matches!(parsed, Template::List { .. }),
                columns: Vec::new(),
                kinds: Vec::new(),
            };
            let columns: SmallVec<[(SlotKind, usize); 16]> = match parsed {
                Template::Fixed(_) => parsed.slots().map(|slot| (slot.kind, uses)).collect(),
                Template::List { element, .. } => {
                    let per_column = read_list_counts(&mut counts, uses, *element, &mut cursor, &mut part)?;
                    cursor.list = Some(*element);
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
                    column = Some(ValueColumn { header_at, offsets: before, count: count as u32, state: Cell::default() });
                }
                if !is_value {
                    let length = if count > 0 { reader.varint()? } else { 0 };
                    let length = usize::try_from(length).map_err(|_| corrupt!("reference column too long"))?;
                    let (at, end) = (reference_at, reference_at.saturating_add(length));
                    cursor.references.push(References { to_node: list_column(kind) == 0, named: length > 0, at, end });
                    reference_at = end;
                }
                part.columns.push(column);
            }
            self.templates.push(part);
            cursors.push(cursor);
        }
        reader.finish()?;
        counts.finish()?;
        self.directory = directory;
        Ok(cursors)
    }

    /// One pass over all nodes: who is whose child, which segments are whose.
    fn resolve(
        &mut self,
        shapes: &[u32],
        cursors: &mut [Cursor],
        references: &[u8],
        records: &[u8],
        count: usize,
    ) -> Result<(), Corrupt> {
        let mut state = Resolver {
            unclaimed: Vec::new(),
            next_segment: self.first_segment,
            end_segment: self.first_segment + self.segments.len() as u32,
            codes: Vec::new(),
        };
        let mut records = Reader::new(records);
        let mut shapes = shapes.iter();
        for _ in 0..count {
            let new = records.varint32()?;
            if new == 0 {
                let root = records.varint32()?;
                if root >= self.first_node + self.nodes.len() as u32 {
                    return Err(corrupt!("a record's root {root} comes after it"));
                }
                self.roots.push(root);
                continue;
            }
            for _ in 0..new {
                let &shape = shapes.next().ok_or_else(|| corrupt!("records have more nodes than the group"))?;
                self.resolve_node(shape, &mut cursors[shape as usize], references, &mut state)?;
            }
            match state.unclaimed[..] {
                [root] => self.roots.push(root),
                _ => return Err(corrupt!("a record with {} roots", state.unclaimed.len())),
            }
            state.unclaimed.clear();
        }
        if shapes.next().is_some() || state.next_segment != state.end_segment {
            return Err(corrupt!("nodes or segments that nothing refers to"));
        }
        records.finish()
    }

    fn resolve_node(&mut self, shape: u32, cursor: &mut Cursor, references: &[u8], state: &mut Resolver) -> Result<(), Corrupt> {
        let number = self.first_node + self.nodes.len() as u32;
        let first_reference = self.references.len() as u32;
        let mut rank = cursor.rank;
        state.codes.clear();
        let is_list = cursor.list.is_some();
        match cursor.list {
            None => {
                for column in &mut cursor.references {
                    state.codes.push((column.to_node, column.next(references)?));
                }
            }
            Some(element) => {
                let count = cursor.counts[cursor.rank as usize];
                rank = self.lists.len() as u32;
                self.lists.push(ListPart {
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
                            state.codes.push((column.to_node, column.next(references)?));
                        }
                    }
                    None => {
                        for at in 0..count {
                            let slot = element_slot(&self.templates[cursor.template].kinds, cursor.kind_at + at)?;
                            match list_column(slot.kind) {
                                2 => cursor.short_at += 1,
                                3 => cursor.token_at += 1,
                                column => state.codes.push((column == 0, cursor.references[column].next(references)?)),
                            }
                        }
                        cursor.kind_at += count;
                    }
                }
            }
        }
        cursor.rank += 1;
        state.assign(is_list, number, &mut self.references, &mut self.to_node)?;
        self.nodes.push(NodePart { dense: shape, rank, first_reference });
        state.unclaimed.push(number);
        Ok(())
    }
}

/// What is open while references are resolved.
struct Resolver {
    unclaimed: Vec<u32>,
    next_segment: u32,
    end_segment: u32,
    /// References of the node at hand: to a node or else a segment, and the code.
    codes: Vec<(bool, u64)>,
}

impl Resolver {
    fn assign(&mut self, is_list: bool, number: u32, out: &mut Vec<u32>, kinds: &mut Vec<bool>) -> Result<(), Corrupt> {
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
            out.push(target);
            kinds.push(is_node);
        }
        self.unclaimed.truncate(from);
        Ok(())
    }
}

fn to_u32(value: Option<i64>) -> Result<u32, Corrupt> {
    value.and_then(|value| u32::try_from(value).ok()).ok_or_else(|| corrupt!("a reference outside 32 bits"))
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

fn read_streams(head: &mut Reader<'_>) -> Result<Vec<(u8, usize, Vec<u8>)>, Corrupt> {
    let sizes = read_sizes(head)?;
    let mut streams = Vec::with_capacity(stream::COUNT);
    for (packed, raw, stored) in sizes {
        streams.push((packed, raw, head.take(stored)?.to_vec()));
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
    let first_node = head.varint32()?;
    for _ in 0..3 {
        head.varint32()?;
    }
    let records = head.varint32()? as usize;
    for _ in 0..class::COUNT {
        head.varint32()?;
    }
    let sizes = read_sizes(&mut head)?;
    head.take(sizes[..index].iter().map(|size| size.2).sum())?;
    let (packed, raw, stored) = sizes[index];
    let bytes = head.take(stored)?;
    let bytes = unpacked(packed, bytes, raw)?;
    Ok((first_node, records, bytes))
}

fn unpack(streams: &mut [(u8, usize, Vec<u8>)], index: usize) -> Result<Vec<u8>, Corrupt> {
    let (packed, raw, bytes) = &mut streams[index];
    let bytes = std::mem::take(bytes);
    if *packed == packing::RAW { Ok(bytes) } else { unpacked(*packed, &bytes, *raw) }
}

fn unpacked(packed: u8, bytes: &[u8], raw: usize) -> Result<Vec<u8>, Corrupt> {
    // zstd packs at most about 1:130,000 (runs); more is a lie that would only cost memory.
    if raw > bytes.len().saturating_mul(1 << 17).saturating_add(1 << 16) {
        return Err(corrupt!("a stream of {} bytes that claims to hold {raw}", bytes.len()));
    }
    codec::unpack(packed, bytes, raw)
}

fn read_shapes(bytes: &[u8], nodes: usize, directory: &[u8]) -> Result<Vec<u32>, Corrupt> {
    let templates = Reader::new(directory).count(1)?;
    let planes = if templates > 256 { 2 } else { 1 };
    if bytes.len() != nodes * planes {
        return Err(corrupt!("{} shape bytes for {nodes} nodes", bytes.len()));
    }
    let (low, high) = bytes.split_at(nodes);
    let mut shapes = Vec::with_capacity(nodes);
    for (index, &low) in low.iter().enumerate() {
        let shape = u32::from(low) | high.get(index).map_or(0, |&high| u32::from(high) << 8);
        if shape as usize >= templates {
            return Err(corrupt!("node of template {shape} of {templates}"));
        }
        shapes.push(shape);
    }
    Ok(shapes)
}

/// Segments with their pieces made explicit.
fn read_segments(
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
        let class = kind & !LISTED;
        let next = next.get_mut(class as usize).ok_or_else(|| corrupt!("literal class {class} is unknown"))?;
        let length = lengths.varint32()?;
        let first_piece = pieces.len() as u32;
        if kind & LISTED == 0 {
            pieces.push(Piece { start: *next, length });
            *next = next.checked_add(length).ok_or_else(|| corrupt!("literal positions overflow"))?;
        } else {
            let mut sum = 0u64;
            for _ in 0..listed.count(2)? {
                let length = listed.varint32()?;
                let start = match listed.varint32()? {
                    0 => {
                        let start = *next;
                        *next = next.checked_add(length).ok_or_else(|| corrupt!("literal positions overflow"))?;
                        start
                    }
                    code => code - 1,
                };
                sum += u64::from(length);
                pieces.push(Piece { start, length });
            }
            if sum != u64::from(length) {
                return Err(corrupt!("a segment of {length} bytes with pieces of {sum}"));
            }
        }
        parts.push(SegmentPart { class, length, first_piece, pieces: pieces.len() as u32 - first_piece });
    }
    lengths.finish()?;
    listed.finish()?;
    Ok((parts, pieces))
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
    group: &'g Group,
    node: NodePart,
}

impl Group {
    /// How many nodes, segments and records it has.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.segments.len(), self.roots.len())
    }

    /// Bytes it takes in memory, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        let streams: usize = self.payload_streams.iter().map(|(_, raw, stored)| raw * 3 + stored.len()).sum();
        streams + self.nodes.len() * 12 + self.references.len() * 4 + self.segments.len() * 20 + 4096
    }

    /// Nodes with a short value that `holds` accepts; `needles` are what such a value must hold, plainly or escaped. A list may be
    /// named for the value of a neighbour.
    ///
    /// # Errors
    /// When a column is damaged.
    pub fn nodes_with(&self, needles: &[&[u8]], holds: &dyn Fn(&[u8]) -> bool) -> Result<Vec<u32>, Corrupt> {
        let mut hits: FxHashMap<(u32, usize), Vec<u32>> = FxHashMap::default();
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (dense, part) in (0..).zip(&self.templates) {
            for (index, column) in part.columns.iter().enumerate() {
                let Some(column) = column else { continue };
                bytes.clear();
                ends.clear();
                self.open_column(column, |column| match needles.iter().any(|needle| column.may_hold(needle)) {
                    true => column.decode_all(COLUMN_LIMIT, &mut bytes, &mut ends),
                    false => Ok(()),
                })?;
                let mut start = 0;
                let mut ranks = Vec::new();
                for (rank, &end) in (0..).zip(&ends) {
                    if holds(bytes.get(start..end as usize).unwrap_or_default()) {
                        ranks.push(rank);
                    }
                    start = end as usize;
                }
                if !ranks.is_empty() {
                    hits.insert((dense, index), ranks);
                }
            }
        }
        if hits.is_empty() {
            return Ok(Vec::new());
        }
        let is_hit = |node: &NodePart| {
            let part = &self.templates[node.dense as usize];
            (0..part.columns.len()).any(|index| {
                let Some(ranks) = hits.get(&(node.dense, index)) else { return false };
                if !part.is_list {
                    return ranks.binary_search(&node.rank).is_ok();
                }
                // A list's values are somewhere among as many ranks as it has elements.
                let Some(list) = self.lists.get(node.rank as usize) else { return false };
                let from = if index == list_column(SlotKind::ShortString) { list.short_at } else { list.token_at };
                ranks.iter().any(|rank| (from..from.saturating_add(list.count)).contains(rank))
            })
        };
        let numbered = (self.first_node..).zip(&self.nodes);
        Ok(numbered.filter(|(_, node)| is_hit(node)).map(|(number, _)| number).collect())
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
        Ok(NodeView { group: self, node: *node.ok_or_else(|| corrupt!("node {number} is not in its group"))? })
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

    fn class_stream(&self, class: Class) -> Result<&[u8], Corrupt> {
        let cell = &self.columns[class as usize];
        if let Some(bytes) = cell.get() {
            return Ok(bytes);
        }
        let (packed, raw, bytes) = &self.payload_streams[stream::COLUMNS + class as usize];
        let bytes = unpacked(*packed, bytes, *raw)?;
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
            ColumnState::Untouched => {
                column.state.set(ColumnState::Touched);
                self.open_column(column, |column| column.get(rank, out))
            }
            ColumnState::Touched => {
                let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(column.count as usize));
                self.open_column(column, |column| column.decode_all(COLUMN_LIMIT, &mut bytes, &mut ends))?;
                column.state.set(ColumnState::Decoded(self.decoded.borrow().len() as u32));
                self.decoded.borrow_mut().push((bytes, ends));
                self.value(column, rank, out)
            }
        }
    }

    fn open_column<T>(&self, column: &ValueColumn, use_it: impl FnOnce(&Column<'_>) -> Result<T, Corrupt>) -> Result<T, Corrupt> {
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
        &self.group.templates[self.node.dense as usize]
    }

    /// The number of the `index`th reference among the node's references.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn reference(&self, index: usize) -> Result<u32, Corrupt> {
        let at = self.node.first_reference as usize + index;
        self.group.references.get(at).copied().ok_or_else(|| corrupt!("a node without its reference"))
    }

    /// Appends the short value of slot `slot` of a fixed template.
    ///
    /// # Errors
    /// When the column is damaged.
    pub fn value(&self, slot: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let column = self.part().columns.get(slot).and_then(Option::as_ref).ok_or_else(|| corrupt!("a slot without column"))?;
        self.group.value(column, self.node.rank as usize, out)
    }

    /// Number of elements of a list.
    ///
    /// # Errors
    /// When the node is none.
    pub fn list(&self) -> Result<ListView<'_>, Corrupt> {
        let list = self.group.lists.get(self.node.rank as usize).ok_or_else(|| corrupt!("a list without its length"))?;
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
        self.node.group.value(values, rank as usize, out)?;
        Ok(Element::Value)
    }
}
