//! Collecting a group: every node, segment and record is added in the order of its number.

use rustc_hash::FxHashMap;

use crate::bytes::{Put, zigzag};
use crate::column::Values;
use crate::pack::directory::RecordRun;
use crate::record::cut::class;
use crate::record::template::{Slot, SlotKind};

/// The part of a record's hash that its group keeps: the top 16 bits, so that a prefix of the hash tells most of it.
#[must_use]
pub fn print_of(hash: u128) -> u16 {
    (hash >> 112) as u16
}

/// Where a reference leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To what was just added and nobody has claimed yet.
    New,
    /// To a node or segment with this number.
    Old(u32),
}

/// One slot's values over all nodes of a template.
#[derive(Default)]
pub(crate) struct SlotColumn {
    /// Short values.
    pub(crate) values: Values,
    /// Reference codes, varints.
    pub(crate) references: Vec<u8>,
    /// False as long as every reference is [`Target::New`].
    pub(crate) named: bool,
}

fn cleared<T>(mut kept: T, clear: impl FnOnce(&mut T)) -> T {
    clear(&mut kept);
    kept
}

impl SlotColumn {
    fn clear(&mut self) {
        self.values.clear();
        self.references.clear();
        self.named = false;
    }

    fn reference(&mut self, code: u64) {
        self.named |= code != 0;
        self.references.put_varint(code);
    }
}

/// All columns of one template.
pub(crate) struct TemplateColumns {
    pub(crate) template: u32,
    pub(crate) is_list: bool,
    /// Fixed: one per slot. List: one per kind, in the order of [`list_column`].
    pub(crate) columns: Vec<SlotColumn>,
    /// Lists: number of elements of each.
    pub(crate) counts: Vec<u32>,
    /// Mixed lists: marker and style of each element.
    pub(crate) kinds: Vec<u8>,
}

/// The column of a list that values of a kind go to.
pub(crate) fn list_column(kind: SlotKind) -> usize {
    match kind {
        SlotKind::Node | SlotKind::NodeInString => 0,
        SlotKind::Segment | SlotKind::RawSegment => 1,
        SlotKind::ShortString => 2,
        SlotKind::Token => 3,
    }
}

/// Columns of a list.
pub(crate) const LIST_COLUMNS: usize = 4;

/// A value to be added.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A reference to a node or segment.
    Reference(Target),
    /// A short value.
    Bytes(&'a [u8]),
}

/// A group being collected.
#[derive(Default)]
pub struct GroupBuilder {
    pub(crate) first_node: u32,
    pub(crate) first_segment: u32,
    pub(crate) class_starts: [u32; class::COUNT],
    pub(crate) shapes: Vec<u32>,
    pub(crate) templates: Vec<TemplateColumns>,
    index: FxHashMap<u32, u32>,
    pub(crate) segment_kinds: Vec<u8>,
    pub(crate) segment_lengths: Vec<u8>,
    pub(crate) pieces: Vec<u8>,
    pub(crate) segments: u32,
    pub(crate) records: Vec<u8>,
    pub(crate) prints: Vec<u8>,
    pub(crate) record_count: u64,
    record_nodes: u32,
    /// Numbers of the records.
    pub runs: Vec<RecordRun>,
    weight: usize,
    /// Empty columns whose memory is used again.
    spare: Vec<SlotColumn>,
}

/// Bit of a segment's kind byte: its pieces are listed.
pub(crate) const LISTED: u8 = 0x80;

/// Added to a segment's class when an id may stand in its text (see [`crate::record::naming`]).
pub(crate) const NAMING: u8 = 0x40;

impl GroupBuilder {
    /// An empty group that begins at these numbers; `class_starts` are the literal positions where its new text begins.
    #[must_use]
    pub fn new(first_node: u32, first_segment: u32, class_starts: [u32; class::COUNT]) -> GroupBuilder {
        GroupBuilder { first_node, first_segment, class_starts, ..GroupBuilder::default() }
    }

    /// Empties the group, as [`GroupBuilder::new`] with these numbers, but keeps its memory: a log makes thousands of groups of
    /// hundreds of columns.
    pub fn renew(&mut self, first_node: u32, first_segment: u32, class_starts: [u32; class::COUNT]) {
        let mut old = std::mem::replace(self, GroupBuilder::new(first_node, first_segment, class_starts));
        let columns = old.templates.drain(..).flat_map(|template| template.columns);
        old.spare.extend(columns.map(|mut column| {
            column.clear();
            column
        }));
        self.spare = old.spare;
        self.templates = old.templates;
        self.index = cleared(old.index, FxHashMap::clear);
        self.shapes = cleared(old.shapes, Vec::clear);
        self.segment_kinds = cleared(old.segment_kinds, Vec::clear);
        self.segment_lengths = cleared(old.segment_lengths, Vec::clear);
        self.pieces = cleared(old.pieces, Vec::clear);
        self.records = cleared(old.records, Vec::clear);
        self.prints = cleared(old.prints, Vec::clear);
    }

    /// About how many bytes the group has before compression.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// True without any record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Nodes so far.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.shapes.len() as u32
    }

    /// Adds the next node. Fixed: one item per slot. List: one per element, with its slot; `mixed` when the template names none.
    pub fn node<'a>(&mut self, template: u32, list: Option<bool>, items: impl Iterator<Item = (Slot, Item<'a>, u32)>) {
        let next = self.templates.len() as u32;
        let dense = *self.index.entry(template).or_insert(next);
        if dense == next {
            self.templates.push(TemplateColumns {
                template,
                is_list: list.is_some(),
                columns: Vec::new(),
                counts: Vec::new(),
                kinds: Vec::new(),
            });
        }
        self.shapes.push(dense);
        self.weight += 2;
        let columns = &mut self.templates[dense as usize];
        match list {
            None => {
                for (at, (_, item, _)) in items.enumerate() {
                    if at == columns.columns.len() {
                        columns.columns.push(self.spare.pop().unwrap_or_default());
                    }
                    self.weight += 3;
                    match item {
                        Item::Bytes(bytes) => {
                            self.weight += bytes.len();
                            columns.columns[at].values.push(bytes);
                        }
                        Item::Reference(Target::New) => columns.columns[at].reference(0),
                        Item::Reference(Target::Old(number)) => columns.columns[at].reference(u64::from(number) + 1),
                    }
                }
            }
            Some(mixed) => {
                while columns.columns.len() < LIST_COLUMNS {
                    columns.columns.push(self.spare.pop().unwrap_or_default());
                }
                let mut count = 0;
                let mut previous: Option<u32> = None;
                for (slot, item, number) in items {
                    count += 1;
                    self.weight += 2;
                    if mixed {
                        columns.kinds.extend_from_slice(&[slot.marker(), slot.style.0]);
                    }
                    let column = &mut columns.columns[list_column(slot.kind)];
                    match item {
                        Item::Bytes(bytes) => {
                            self.weight += bytes.len();
                            column.values.push(bytes);
                        }
                        Item::Reference(Target::New) => column.reference(0),
                        // Histories repeat in order: the step from the element before is the same each time they are resent.
                        Item::Reference(Target::Old(_)) => column.reference(match previous {
                            Some(previous) if list_column(slot.kind) == 0 => zigzag(i64::from(number) - i64::from(previous)) + 1,
                            _ => u64::from(number) + 1,
                        }),
                    }
                    if list_column(slot.kind) == 0 {
                        previous = Some(number);
                    }
                }
                columns.counts.push(count);
            }
        }
    }

    /// Adds the next segment, whose text is the next `length` bytes of its class; `naming` when an id may stand in it.
    pub fn segment(&mut self, class: u8, length: u32, naming: bool) {
        self.segment_kinds.push(class | if naming { NAMING } else { 0 });
        self.segment_lengths.put_varint(u64::from(length));
        self.segments += 1;
        self.weight += 3;
    }

    /// Adds the next segment from pieces: `None` is the next text of its class, `Some(start)` text from before.
    pub fn segment_of_pieces(&mut self, class: u8, length: u32, naming: bool, pieces: &[(Option<u32>, u32)]) {
        self.segment_kinds.push(class | LISTED | if naming { NAMING } else { 0 });
        self.segment_lengths.put_varint(u64::from(length));
        self.pieces.put_varint(pieces.len() as u64);
        for (start, length) in pieces {
            self.pieces.put_varint(u64::from(*length));
            self.pieces.put_varint(start.map_or(0, |start| u64::from(start) + 1));
        }
        self.segments += 1;
        self.weight += 6 + 6 * pieces.len();
    }

    /// Ends a record whose root is `root`; `hash` is that of its bytes.
    pub fn record(&mut self, root: Target, number: u64, hash: u128) {
        self.prints.put_u16(print_of(hash));
        // How many nodes are new says where the record ends; without any, its root is one from before.
        let new = self.nodes() - self.record_nodes;
        self.record_nodes += new;
        self.records.put_varint(u64::from(new));
        if let Target::Old(node) = root {
            debug_assert_eq!(new, 0);
            self.records.put_varint(u64::from(node));
        }
        self.record_count += 1;
        self.weight += 3;
        match self.runs.last_mut() {
            Some(run) if run.first + run.count == number => run.count += 1,
            _ => self.runs.push(RecordRun { first: number, count: 1 }),
        }
    }
}
