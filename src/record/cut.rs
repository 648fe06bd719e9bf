//! The cut: a line becomes a tree of nodes, its long strings become segments, its short values stay as they are.
//!
//! A [`Cuts`] holds one chunk's worth. Nothing is copied that need not be: values point into the chunk, or into `decoded` where a
//! string had escapes. Nodes seen before (in this chunk, or by the [`Known`] filter) are not opened. Every byte of a line ends up
//! in a template's literal, a value or a child, in order: [`Cuts::join`] is the plain inverse and what the tests hold it to.

use std::ops::Range;

use memchr::memchr;
use rustc_hash::FxHashMap;

use crate::checksum::content_hash;
use crate::record::escape::{self, Style};
use crate::record::known::{KNOWN_BYTES, Known};
use crate::record::scan::{self, Container};
use crate::record::template::{self, Slot, SlotKind};
use crate::record::{MAX_DEPTH, MAX_NESTING, NODE_BYTES};

/// Where bytes are: in the chunk, or (top bit set) in [`Cuts::decoded`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    start: u32,
    length: u32,
}

const IN_DECODED: u32 = 1 << 31;

impl Place {
    /// Number of bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.length as usize
    }

    /// True for no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// How far into `outer` these bytes begin, when they lie inside it.
    #[must_use]
    pub fn offset_in(self, outer: Place) -> Option<u32> {
        let offset = self.start.checked_sub(outer.start)?;
        (u64::from(offset) + u64::from(self.length) <= u64::from(outer.length)).then_some(offset)
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
    fn indexed(slot: Slot, index: u32) -> Value {
        Value { slot, place: Place { start: index, length: 0 } }
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

/// Where strings were split before, by the hash of their text.
pub type Splits = FxHashMap<u128, Box<[usize]>>;

/// User's wishes for splitting strings.
#[derive(Clone, Debug, Default)]
pub struct CutOptions {
    /// Strings are split before each occurrence of this text.
    pub context_delimiter: Option<Vec<u8>>,
    /// Strings longer than this are split.
    pub max_segment_bytes: Option<usize>,
    /// Strings that are split whatever the other wishes say.
    pub splits: Splits,
}

/// Everything cut from one chunk.
#[derive(Default)]
pub struct Cuts {
    /// Text of strings that had escapes.
    pub decoded: Vec<u8>,
    /// Nodes; a child always comes before its parent.
    pub nodes: Vec<Node>,
    /// Values of all nodes.
    pub values: Vec<Value>,
    /// Segments.
    pub segments: Vec<Segment>,
    /// Root nodes of the lines, in order.
    pub records: Vec<u32>,
    /// Lines that are no JSON.
    pub opaque: u64,
    template_bytes: Vec<u8>,
    template_ends: Vec<u32>,
    template_index: FxHashMap<u64, u32>,
    node_index: FxHashMap<u64, u32>,
    segment_index: FxHashMap<u64, u32>,
    // Scratch of the node being cut; children work above their parents' part and leave it as it was.
    template: Vec<u8>,
    stack: Vec<Value>,
    containers: Vec<Vec<Container>>,
}

/// The bytes a cut reads from, and where they are kept.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    base: u32,
}

impl Text<'_> {
    fn place(&self, range: Range<usize>) -> Place {
        Place { start: self.base + range.start as u32, length: range.len() as u32 }
    }
}

/// The node cannot be taken apart: it is kept raw.
struct Odd;

/// Cuts lines of one chunk.
pub struct Cutter<'a> {
    chunk: &'a [u8],
    known: &'a Known,
    options: &'a CutOptions,
    cuts: Cuts,
}

impl<'a> Cutter<'a> {
    /// A cutter for the lines of `chunk`, which is below 2 GiB.
    #[must_use]
    pub fn new(chunk: &'a [u8], known: &'a Known, options: &'a CutOptions) -> Self {
        Cutter { chunk, known, options, cuts: Cuts::default() }
    }

    /// The same with the memory of cuts that are no longer needed.
    #[must_use]
    pub fn reusing(mut cuts: Cuts, chunk: &'a [u8], known: &'a Known, options: &'a CutOptions) -> Self {
        cuts.clear();
        Cutter { chunk, known, options, cuts }
    }

    /// All that was cut.
    #[must_use]
    pub fn finish(self) -> Cuts {
        self.cuts
    }

    /// Cuts one line (without its newline).
    pub fn line(&mut self, range: Range<usize>) {
        let text = Text { bytes: self.chunk, base: 0 };
        let raw = &self.chunk[range.clone()];
        let root = self.root(text, range);
        self.cuts.records.push(root);
        if self.is_raw(root) && serde_json::from_slice::<serde::de::IgnoredAny>(raw).is_err() {
            self.cuts.opaque += 1;
        }
    }

    /// True for a line that is kept as one value: no JSON, or a lone scalar.
    fn is_raw(&self, root: u32) -> bool {
        let node = &self.cuts.nodes[root as usize];
        node.template != UNOPENED && self.cuts.template(node.template).len() == 1
    }

    /// Cuts bytes that are a whole node already known to be one (used when the filter was wrong).
    pub fn reopen(&mut self, range: Range<usize>) -> u32 {
        let text = Text { bytes: self.chunk, base: 0 };
        self.root(text, range)
    }

    fn root(&mut self, text: Text<'_>, range: Range<usize>) -> u32 {
        let raw = &text.bytes[range.clone()];
        let hash = content_hash(raw);
        if let Some(node) = self.seen(text, &range, hash) {
            return node;
        }
        // A line is text, a container, text; most have nothing before and after.
        let mut containers = self.cuts.containers.pop().unwrap_or_default();
        containers.clear();
        let found = first_container(raw).and_then(|at| {
            let start = range.start + at;
            scan::containers(&text.bytes[..range.end], start, &mut containers).map(|end| start..end)
        });
        let node = match found {
            Some(inner) if inner == range => self.container(text, &containers, 0, 0, 0, Some(hash)),
            Some(inner) => self.wrapped(text, &range, inner, &containers, hash),
            None => self.raw_node(text, range, hash),
        };
        self.cuts.containers.push(containers);
        node
    }

    /// A line with something around its JSON: log prefix, BOM, carriage return, trailing spaces.
    fn wrapped(&mut self, text: Text<'_>, range: &Range<usize>, inner: Range<usize>, cs: &[Container], hash: u128) -> u32 {
        let child = self.container(text, cs, 0, 1, 0, None);
        let frame = self.open_frame();
        for (part, is_node) in [(range.start..inner.start, false), (inner.clone(), true), (inner.end..range.end, false)] {
            if is_node {
                self.put(Value::indexed(Slot::plain(SlotKind::Node), child));
            } else if part.len() < NODE_BYTES {
                self.put(Value { slot: Slot::plain(SlotKind::Token), place: text.place(part) });
            } else {
                let segment = self.segment(text, part, class::TEXT);
                self.put(Value::indexed(Slot::plain(SlotKind::RawSegment), segment));
            }
        }
        self.close_frame(frame, text.place(range.clone()), hash, false)
    }

    /// A node that is one raw value.
    fn raw_node(&mut self, text: Text<'_>, range: Range<usize>, hash: u128) -> u32 {
        let frame = self.open_frame();
        if range.len() < NODE_BYTES {
            self.put(Value { slot: Slot::plain(SlotKind::Token), place: text.place(range.clone()) });
        } else {
            let segment = self.segment(text, range.clone(), class::TEXT);
            self.put(Value::indexed(Slot::plain(SlotKind::RawSegment), segment));
        }
        self.close_frame(frame, text.place(range), hash, false)
    }

    /// The node of container `index`; `hash` when the caller has it already.
    fn container(
        &mut self,
        text: Text<'_>,
        cs: &[Container],
        index: usize,
        depth: usize,
        nesting: usize,
        hash: Option<u128>,
    ) -> u32 {
        let range = cs[index].start as usize..cs[index].end as usize;
        let hash = match hash {
            Some(hash) => hash,
            None => {
                let hash = content_hash(&text.bytes[range.clone()]);
                if range.len() >= NODE_BYTES
                    && let Some(node) = self.seen(text, &range, hash)
                {
                    return node;
                }
                hash
            }
        };
        let frame = self.open_frame();
        let mut next = index;
        let is_list = text.bytes[range.start] == b'[';
        let cut = if depth >= MAX_DEPTH {
            Err(Odd)
        } else if is_list {
            self.list(text, cs, &mut next, depth, nesting, frame)
        } else {
            self.object(text, cs, &mut next, depth, nesting)
        };
        match cut {
            Ok(()) => self.close_frame(frame, text.place(range), hash, is_list),
            Err(Odd) => {
                self.abandon_frame(frame);
                self.raw_node(text, range, hash)
            }
        }
    }

    /// Looks for a node with the same bytes in this chunk, then in the filter.
    fn seen(&mut self, text: Text<'_>, range: &Range<usize>, hash: u128) -> Option<u32> {
        let raw = &text.bytes[range.clone()];
        if let Some(&node) = self.cuts.node_index.get(&(hash as u64)) {
            let other = &self.cuts.nodes[node as usize];
            if other.hash == hash && self.cuts.bytes(self.chunk, other.raw) == raw {
                return Some(node);
            }
            return None;
        }
        if raw.len() < KNOWN_BYTES || !self.known.contains(hash) {
            return None;
        }
        let node = Node { raw: text.place(range.clone()), hash, template: UNOPENED, values: 0..0, is_list: false };
        Some(self.cuts.add_node(node))
    }

    fn object(&mut self, text: Text<'_>, cs: &[Container], next: &mut usize, depth: usize, nesting: usize) -> Result<(), Odd> {
        let bytes = text.bytes;
        let container = cs[*next];
        let (mut literal, end) = (container.start as usize, container.end as usize);
        *next += 1;
        let mut at = skip_space(bytes, literal + 1);
        if bytes[at] != b'}' {
            loop {
                if bytes[at] != b'"' {
                    return Err(Odd);
                }
                at = skip_space(bytes, scan::string_end(bytes, at + 1).ok_or(Odd)?);
                if at >= end || bytes[at] != b':' {
                    return Err(Odd);
                }
                at = skip_space(bytes, at + 1);
                self.literal(&bytes[literal..at])?;
                at = self.value(text, cs, next, at, end, depth, nesting, false)?;
                literal = at;
                at = skip_space(bytes, at);
                match bytes.get(at) {
                    Some(b',') => at = skip_space(bytes, at + 1),
                    Some(b'}') if at + 1 == end => break,
                    _ => return Err(Odd),
                }
                if at >= end {
                    return Err(Odd);
                }
            }
        } else if at + 1 != end {
            return Err(Odd);
        }
        self.literal(&bytes[literal..end])
    }

    fn list(
        &mut self,
        text: Text<'_>,
        cs: &[Container],
        next: &mut usize,
        depth: usize,
        nesting: usize,
        frame: Frame,
    ) -> Result<(), Odd> {
        let bytes = text.bytes;
        let container = cs[*next];
        let (start, end) = (container.start as usize, container.end as usize);
        *next += 1;
        let first = skip_space(bytes, start + 1);
        let open = start..first;
        let mut separator: Option<Range<usize>> = None;
        let mut at = first;
        let close;
        loop {
            if at + 1 >= end {
                // `[]` with space inside, or a comma at the end.
                return Err(Odd);
            }
            let after = self.value(text, cs, next, at, end, depth, nesting, true)?;
            let comma = skip_space(bytes, after);
            match bytes.get(comma) {
                Some(b',') => {
                    at = skip_space(bytes, comma + 1);
                    match &separator {
                        None => separator = Some(after..at),
                        Some(known) if bytes[known.clone()] == bytes[after..at] => {}
                        Some(_) => return Err(Odd),
                    }
                }
                Some(b']') if comma + 1 == end => {
                    close = after..end;
                    break;
                }
                _ => return Err(Odd),
            }
        }
        let values = &self.cuts.stack[frame.values..];
        let slot = values[0].slot;
        let element = values.iter().all(|value| value.slot == slot).then_some(slot);
        let separator = separator.map_or_else(|| likely_separator(&bytes[start..end]), |range| &bytes[range]);
        template::put_list(element, &bytes[open], separator, &bytes[close], &mut self.cuts.template);
        Ok(())
    }

    /// Cuts the value at `at`; gives the offset after it. In a list every object is a node, so that elements look alike.
    #[allow(clippy::too_many_arguments, reason = "one recursive walk; a struct of the same eight would only hide them")]
    fn value(
        &mut self,
        text: Text<'_>,
        cs: &[Container],
        next: &mut usize,
        at: usize,
        end: usize,
        depth: usize,
        nesting: usize,
        in_list: bool,
    ) -> Result<usize, Odd> {
        let bytes = text.bytes;
        let first = *bytes.get(at).ok_or(Odd)?;
        match first {
            b'"' => {
                let after = scan::string_end(bytes, at + 1).ok_or(Odd)?;
                self.string(text, at + 1..after - 1, nesting, in_list);
                Ok(after)
            }
            b'{' | b'[' => {
                let container = cs.get(*next).filter(|c| c.start as usize == at).ok_or(Odd)?;
                let range = at..container.end as usize;
                let inner_end = range.end;
                let small = range.len() < NODE_BYTES;
                if first == b'[' && (small || is_numeric(bytes, cs, *next)) || range.len() == 2 {
                    *next = container.next as usize;
                    if small {
                        self.slot(Value { slot: Slot::plain(SlotKind::Token), place: text.place(range) }, in_list);
                    } else {
                        let segment = self.segment(text, range, class::RAW);
                        self.slot(Value::indexed(Slot::plain(SlotKind::RawSegment), segment), in_list);
                    }
                } else if small && !in_list && depth + 1 < MAX_DEPTH {
                    self.object(text, cs, next, depth + 1, nesting)?;
                } else {
                    let index = *next;
                    *next = container.next as usize;
                    let node = self.container(text, cs, index, depth + 1, nesting, None);
                    self.slot(Value::indexed(Slot::plain(SlotKind::Node), node), in_list);
                }
                Ok(inner_end)
            }
            _ => {
                let length = bytes[at..end]
                    .iter()
                    .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'{' | b'['));
                let after = at + length.ok_or(Odd)?;
                if after == at {
                    return Err(Odd);
                }
                if after - at < 4096 {
                    self.slot(Value { slot: Slot::plain(SlotKind::Token), place: text.place(at..after) }, in_list);
                } else {
                    let segment = self.segment(text, at..after, class::RAW);
                    self.slot(Value::indexed(Slot::plain(SlotKind::RawSegment), segment), in_list);
                }
                Ok(after)
            }
        }
    }

    fn string(&mut self, text: Text<'_>, inner: Range<usize>, nesting: usize, in_list: bool) {
        let raw = &text.bytes[inner.clone()];
        if raw.len() < NODE_BYTES {
            return self.slot(Value { slot: Slot::plain(SlotKind::ShortString), place: text.place(inner) }, in_list);
        }
        let value = if memchr(b'\\', raw).is_none() {
            if escape::is_plain(raw) { Some(self.decoded(text, inner.clone(), Style::MINIMAL, nesting)) } else { None }
        } else {
            let mut decoded = Vec::with_capacity(raw.len());
            escape::decode(raw, &mut decoded).map(|style| {
                let base = self.cuts.decoded.len() as u32 | IN_DECODED;
                self.cuts.decoded.extend_from_slice(&decoded);
                let text = Text { bytes: &decoded, base };
                self.decoded(text, 0..decoded.len(), style, nesting)
            })
        };
        let value = value.unwrap_or_else(|| {
            let segment = self.segment(text, inner.start - 1..inner.end + 1, class::RAW);
            Value::indexed(Slot::plain(SlotKind::RawSegment), segment)
        });
        self.slot(value, in_list);
    }

    /// A decoded string: JSON inside is opened, long or delimited text is split, the rest is a segment.
    fn decoded(&mut self, text: Text<'_>, range: Range<usize>, style: Style, nesting: usize) -> Value {
        let bytes = &text.bytes[range.clone()];
        if nesting < MAX_NESTING && matches!(bytes.first(), Some(b'{' | b'[')) {
            let mut containers = self.cuts.containers.pop().unwrap_or_default();
            containers.clear();
            let end = scan::containers(&text.bytes[..range.end], range.start, &mut containers);
            let whole = end == Some(range.end) && !is_numeric(text.bytes, &containers, 0) && range.len() >= NODE_BYTES;
            let node = whole.then(|| self.container(text, &containers, 0, 0, nesting + 1, None));
            self.cuts.containers.push(containers);
            if let Some(node) = node {
                return Value::indexed(Slot { kind: SlotKind::NodeInString, style }, node);
            }
        }
        if let Some(pieces) = split_points(bytes, self.options) {
            let node = self.split(text, range, &pieces);
            return Value::indexed(Slot { kind: SlotKind::NodeInString, style }, node);
        }
        let class = if is_dense(bytes) { class::DENSE } else { class::TEXT };
        let segment = self.segment(text, range, class);
        Value::indexed(Slot { kind: SlotKind::Segment, style }, segment)
    }

    /// A string as a list of raw pieces without separators.
    fn split(&mut self, text: Text<'_>, range: Range<usize>, points: &[usize]) -> u32 {
        let hash = content_hash(&text.bytes[range.clone()]);
        if let Some(node) = self.seen(text, &range, hash) {
            return node;
        }
        let frame = self.open_frame();
        let bounds = points.iter().map(|at| range.start + at).chain([range.end]);
        let mut from = range.start;
        for to in bounds {
            let segment = self.segment(text, from..to, class::TEXT);
            self.cuts.stack.push(Value::indexed(Slot::plain(SlotKind::RawSegment), segment));
            from = to;
        }
        template::put_list(Some(Slot::plain(SlotKind::RawSegment)), b"", b"", b"", &mut self.cuts.template);
        self.close_frame(frame, text.place(range), hash, true)
    }

    fn segment(&mut self, text: Text<'_>, range: Range<usize>, class: u8) -> u32 {
        let bytes = &text.bytes[range.clone()];
        let hash = content_hash(bytes);
        let key = (hash as u64) ^ u64::from(class);
        if let Some(&index) = self.cuts.segment_index.get(&key) {
            let other = &self.cuts.segments[index as usize];
            if other.class == class && other.hash == hash && self.cuts.bytes(self.chunk, other.text) == bytes {
                return index;
            }
        }
        let index = self.cuts.segments.len() as u32;
        self.cuts.segments.push(Segment { text: text.place(range), hash, class });
        self.cuts.segment_index.insert(key, index);
        index
    }

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Odd> {
        if bytes.iter().fold(false, |bad, &b| bad | template::is_marker(b)) {
            return Err(Odd);
        }
        self.cuts.template.extend_from_slice(bytes);
        Ok(())
    }

    /// A value whose marker goes into the template, unless it is a list's element.
    fn slot(&mut self, value: Value, in_list: bool) {
        if in_list { self.cuts.stack.push(value) } else { self.put(value) }
    }

    fn put(&mut self, value: Value) {
        value.slot.put(&mut self.cuts.template);
        self.cuts.stack.push(value);
    }

    fn open_frame(&self) -> Frame {
        Frame { template: self.cuts.template.len(), values: self.cuts.stack.len() }
    }

    fn abandon_frame(&mut self, frame: Frame) {
        self.cuts.template.truncate(frame.template);
        self.cuts.stack.truncate(frame.values);
    }

    fn close_frame(&mut self, frame: Frame, raw: Place, hash: u128, is_list: bool) -> u32 {
        let cuts = &mut self.cuts;
        let template = intern_template(
            &cuts.template[frame.template..],
            &mut cuts.template_bytes,
            &mut cuts.template_ends,
            &mut cuts.template_index,
        );
        let first = cuts.values.len() as u32;
        cuts.values.extend_from_slice(&cuts.stack[frame.values..]);
        let values = first..cuts.values.len() as u32;
        self.abandon_frame(frame);
        self.cuts.add_node(Node { raw, hash, template, values, is_list })
    }
}

/// Heights of the scratch stacks when a node was begun.
#[derive(Clone, Copy)]
struct Frame {
    template: usize,
    values: usize,
}

fn intern_template(bytes: &[u8], all: &mut Vec<u8>, ends: &mut Vec<u32>, index: &mut FxHashMap<u64, u32>) -> u32 {
    let mut key = content_hash(bytes) as u64;
    loop {
        match index.get(&key) {
            None => break,
            Some(&known) if template_at(all, ends, known) == bytes => return known,
            // Two templates with one hash: look under the next key.
            Some(_) => key = key.wrapping_add(1),
        }
    }
    all.extend_from_slice(bytes);
    ends.push(all.len() as u32);
    index.insert(key, ends.len() as u32 - 1);
    ends.len() as u32 - 1
}

fn template_at<'a>(all: &'a [u8], ends: &[u32], index: u32) -> &'a [u8] {
    let start = index.checked_sub(1).map_or(0, |before| ends[before as usize] as usize);
    &all[start..ends[index as usize] as usize]
}

impl Cuts {
    fn clear(&mut self) {
        self.decoded.clear();
        self.nodes.clear();
        self.values.clear();
        self.segments.clear();
        self.records.clear();
        self.opaque = 0;
        self.template_bytes.clear();
        self.template_ends.clear();
        self.template_index.clear();
        self.node_index.clear();
        self.segment_index.clear();
        self.template.clear();
        self.stack.clear();
    }

    /// The bytes at a place.
    #[must_use]
    pub fn bytes<'a>(&'a self, chunk: &'a [u8], place: Place) -> &'a [u8] {
        let start = (place.start & !IN_DECODED) as usize;
        let from = if place.start & IN_DECODED == 0 { chunk } else { &self.decoded };
        &from[start..start + place.len()]
    }

    /// The bytes of a template.
    #[must_use]
    pub fn template(&self, index: u32) -> &[u8] {
        template_at(&self.template_bytes, &self.template_ends, index)
    }

    /// How many templates the chunk has.
    #[must_use]
    pub fn template_count(&self) -> usize {
        self.template_ends.len()
    }

    /// Values of a node.
    #[must_use]
    pub fn values_of(&self, node: &Node) -> &[Value] {
        &self.values[node.values.start as usize..node.values.end as usize]
    }

    fn add_node(&mut self, node: Node) -> u32 {
        let index = self.nodes.len() as u32;
        self.node_index.entry(node.hash as u64).or_insert(index);
        self.nodes.push(node);
        index
    }

    /// Puts a node's bytes together again from template, values and children; an unopened node gives its own bytes.
    pub fn join(&self, chunk: &[u8], index: u32, out: &mut Vec<u8>) {
        use crate::record::template::{Part, Template};
        let node = &self.nodes[index as usize];
        if node.template == UNOPENED {
            out.extend_from_slice(self.bytes(chunk, node.raw));
            return;
        }
        let values = self.values_of(node);
        match Template::parse(self.template(node.template)).expect("templates of a cut are well formed") {
            Template::Fixed(parts) => {
                let mut values = values.iter();
                for part in parts {
                    match part {
                        Part::Literal(bytes) => out.extend_from_slice(&bytes),
                        Part::Slot(_) => self.join_value(chunk, values.next().expect("a value for each slot"), out),
                    }
                }
            }
            Template::List { open, separator, close, .. } => {
                out.extend_from_slice(&open);
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.extend_from_slice(&separator);
                    }
                    self.join_value(chunk, value, out);
                }
                out.extend_from_slice(&close);
            }
        }
    }

    fn join_value(&self, chunk: &[u8], value: &Value, out: &mut Vec<u8>) {
        let quoted = |text: &[u8], style, out: &mut Vec<u8>| {
            out.push(b'"');
            escape::encode(text, style, out);
            out.push(b'"');
        };
        match value.slot.kind {
            SlotKind::Node => self.join(chunk, value.index() as u32, out),
            SlotKind::NodeInString => {
                let mut inner = Vec::new();
                self.join(chunk, value.index() as u32, &mut inner);
                quoted(&inner, value.slot.style, out);
            }
            SlotKind::Segment => quoted(self.bytes(chunk, self.segments[value.index()].text), value.slot.style, out),
            SlotKind::RawSegment => out.extend_from_slice(self.bytes(chunk, self.segments[value.index()].text)),
            SlotKind::ShortString => {
                out.push(b'"');
                out.extend_from_slice(self.bytes(chunk, value.place));
                out.push(b'"');
            }
            SlotKind::Token => out.extend_from_slice(self.bytes(chunk, value.place)),
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// What would stand between the elements of a list that has only one: guessed from its colons, so that lists of one and of many
/// mostly share a template. Any answer is correct.
fn likely_separator(list: &[u8]) -> &'static [u8] {
    match memchr(b':', list) {
        Some(at) if list.get(at + 1) == Some(&b' ') => b", ",
        _ => b",",
    }
}

/// Where JSON may begin in a line: a log prefix is at most this long.
fn first_container(raw: &[u8]) -> Option<usize> {
    raw.iter().take(200).position(|b| matches!(b, b'{' | b'['))
}

/// An array of numbers only: no brackets, strings or words inside its first part, and no container or string anywhere.
fn is_numeric(bytes: &[u8], cs: &[Container], index: usize) -> bool {
    let container = cs[index];
    let inside = &bytes[container.start as usize + 1..container.end as usize - 1];
    container.next as usize == index + 1
        && bytes[container.start as usize] == b'['
        && matches!(inside.trim_ascii_start().first(), Some(b'0'..=b'9' | b'-'))
        && memchr(b'"', inside).is_none()
}

/// Base64 and its like: no byte of the middle is outside the alphabet.
fn is_dense(text: &[u8]) -> bool {
    if text.len() < 256 {
        return false;
    }
    let middle = text.len() / 2;
    let sample = &text[middle - 100..middle + 100];
    sample.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
}

/// Where the user wants a string split; `None` for not at all. Never inside a UTF-8 sequence.
fn split_points(text: &[u8], options: &CutOptions) -> Option<Vec<usize>> {
    if !options.splits.is_empty()
        && let Some(points) = options.splits.get(&content_hash(text))
    {
        // Whatever they say, the cut stays within the text and each piece has something.
        let fits = points.iter().try_fold(0, |before, &at| (before < at && at < text.len()).then_some(at)).is_some();
        return (fits && !points.is_empty()).then(|| points.to_vec());
    }
    if options.context_delimiter.is_none() && options.max_segment_bytes.is_none_or(|most| text.len() <= most) {
        return None;
    }
    let mut points = Vec::new();
    if let Some(delimiter) = options.context_delimiter.as_ref().filter(|d| !d.is_empty()) {
        points.extend(memchr::memmem::find_iter(text, delimiter).filter(|&at| at > 0));
    }
    if let Some(most) = options.max_segment_bytes {
        let most = most.max(64);
        let mut from = 0;
        let mut all = Vec::new();
        for to in points.drain(..).chain([text.len()]) {
            while to - from > most {
                let mut at = from + most;
                while at > from + 1 && text[at] & 0xc0 == 0x80 {
                    at -= 1;
                }
                all.push(at);
                from = at;
            }
            if to < text.len() {
                all.push(to);
            }
            from = to;
        }
        points = all;
    }
    (!points.is_empty()).then_some(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(lines: &[&[u8]], known: &Known) -> (Vec<u8>, Vec<Range<usize>>, Cuts) {
        let mut chunk = Vec::new();
        let ranges: Vec<_> = lines
            .iter()
            .map(|line| {
                let start = chunk.len();
                chunk.extend_from_slice(line);
                start..chunk.len()
            })
            .collect();
        let options = CutOptions::default();
        let mut cutter = Cutter::new(&chunk, known, &options);
        ranges.iter().for_each(|range| cutter.line(range.clone()));
        let cuts = cutter.finish();
        (chunk, ranges, cuts)
    }

    fn assert_exact(lines: &[&[u8]], known: &Known) -> Cuts {
        let (chunk, _, cuts) = cut(lines, known);
        for (line, &root) in lines.iter().zip(&cuts.records) {
            let mut out = Vec::new();
            cuts.join(&chunk, root, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(line));
        }
        cuts
    }

    #[test]
    fn odd_lines_come_back_byte_for_byte() {
        let long = "x".repeat(60);
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let lines = [
            String::new(),
            "not json".into(),
            long.clone(),
            r#"{"a":1, "a":1.0,"b" : [ ] , "c":{ },"d":[1,2],"long":"padpadpadpadpadpadpad"}"#.into(),
            format!("\u{feff}{{\"a\":\"{long}\"}}\r"),
            format!("data: {{\"a\":\"{long}\"}}"),
            format!("{{\"a\":\"{long}\"}}{{\"b\":\"{long}\"}}"),
            format!("{{\"a\":\"{long}\"}} {long} {{"),
            format!(
                r#"{{"a":"{long}\u0041","b":"{long}\/","c":"\u00e9{long}","d":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]}}"#
            ),
            format!(r#"{{"a":["{long}", "{long}",  "{long}"],"b":[{{"c":1}},{{"c":2}},"s",3,null,[1],["{long}"]]}}"#),
            format!(r#"{{"args":"{{\"path\": \"{long}\", \"n\": 12, \"deep\": \"{{\\\"x\\\":\\\"{long}\\\"}}\"}}"}}"#),
            format!(r#"{{"bad":"{{\"path\": \"{long}\", }}", "k":tru, "n":-1.5e+10}}"#),
            format!("{{\"tab\tkey\":\"{long}\",\"\u{1}key\":\"{long}\"}}"),
            format!("{{\"a\":1,}}{long}"),
            format!("[1,2,{long},]"),
            deep,
            format!("[{}]", "{},".repeat(40)),
            format!("[{}{{}}]", "{},".repeat(40)),
            "{\"unclosed\":\"".to_string() + &long,
        ];
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        assert_exact(&lines, &Known::new(4));
        assert_exact(
            &[b"{\"a\":\"\xff\xfe invalid utf-8 invalid utf-8 invalid utf-8 invalid\"}", b"\xff\x00\x01"],
            &Known::new(4),
        );
    }

    #[test]
    fn a_resent_history_is_cut_once() {
        let message = |n: usize| format!(r#"{{"role":"user","content":"message number {n} is long enough to be a node"}}"#);
        let line = |n: usize| format!(r#"{{"messages":[{}]}}"#, (0..n).map(message).collect::<Vec<_>>().join(","));
        let lines: Vec<String> = (1..20).map(line).collect();
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let cuts = assert_exact(&lines, &Known::new(4));
        // Each line is an object holding a list holding its messages.
        assert_eq!(cuts.nodes.len(), 19 * 2 + 19);
        assert_eq!(cuts.segments.len(), 0, "their text is short");
        assert_eq!(cuts.template_count(), 3);
    }

    #[test]
    fn json_in_a_string_is_opened_and_shares_nodes_with_plain_json() {
        let inner = r#"{"path": "src/main.rs", "content": "some words that fill the node up to its size"}"#;
        let outer = format!(r#"{{"a":{inner},"b":"{}","pad":"{}"}}"#, inner.replace('"', "\\\""), "p".repeat(50));
        let cuts = assert_exact(&[outer.as_bytes()], &Known::new(4));
        assert_eq!(cuts.nodes.len(), 2);
    }

    #[test]
    fn what_the_filter_knows_is_not_opened() {
        let line = format!(r#"{{"a":{{"b":"{}"}}}}"#, "y".repeat(KNOWN_BYTES));
        let known = Known::new(10);
        known.insert(content_hash(&line.as_bytes()[5..line.len() - 1]));
        let cuts = assert_exact(&[line.as_bytes()], &known);
        assert_eq!(cuts.nodes.iter().filter(|n| n.template == UNOPENED).count(), 1);
        assert_eq!(cuts.segments.len(), 0);
    }

    #[test]
    fn wishes_split_strings_without_changing_bytes() {
        let chunk = format!(r#"{{"text":"first part é of it \n---\nsecond part \"of it\" {}"}}"#, "é".repeat(100)).into_bytes();
        for (delimiter, most) in [(Some("\n---\n"), None), (None, Some(64)), (Some("\n---\n"), Some(70)), (Some("absent"), None)]
        {
            let options = CutOptions {
                context_delimiter: delimiter.map(|d| d.as_bytes().to_vec()),
                max_segment_bytes: most,
                ..CutOptions::default()
            };
            let known = Known::new(4);
            let mut cutter = Cutter::new(&chunk, &known, &options);
            cutter.line(0..chunk.len());
            let cuts = cutter.finish();
            let mut out = Vec::new();
            cuts.join(&chunk, cuts.records[0], &mut out);
            assert_eq!(out, chunk);
            assert!(cuts.segments.iter().all(|s| std::str::from_utf8(cuts.bytes(&chunk, s.text)).is_ok()));
            assert_eq!(cuts.segments.len() > 1, delimiter != Some("absent"));
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let string = prop_oneof![
            "[a-z\\\\\"\n é🎉/<]{0,90}".prop_map(|s| serde_json::to_string(&s).unwrap()),
            r#"(\\u[0-9a-fA-F]{4}|\\/|[a-c]){0,60}"#.prop_map(|s| format!("\"{s}\""))
        ];
        let leaf = prop_oneof![string.clone(), "-?[0-9]{1,5}(\\.[0-9]{1,3})?", Just("null".to_string())];
        let space = || "[ \n]{0,1}";
        leaf.prop_recursive(5, 60, 6, move |inner| {
            prop_oneof![
                (proptest::collection::vec(inner.clone(), 0..6), space())
                    .prop_map(|(v, s)| format!("[{}]", v.join(&format!(",{s}")))),
                (proptest::collection::vec((string.clone(), inner.clone()), 0..6), space()).prop_map(|(v, s)| format!(
                    "{{{}}}",
                    v.iter().map(|(k, v)| format!("{k}:{s}{v}")).collect::<Vec<_>>().join(",")
                )),
                inner.prop_map(|v| serde_json::to_string(&v).unwrap()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_comes_back(lines in proptest::collection::vec(json(), 1..6)) {
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            assert_exact(&lines, &Known::new(4));
        }

        #[test]
        fn damaged_json_comes_back(line in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut line = line.into_bytes();
            let at = at.index(line.len());
            line[at] = byte;
            assert_exact(&[&line], &Known::new(4));
        }
    }
}
