//! All that was cut from one chunk, and the way back: [`Cuts::join`].

use rustc_hash::FxHashMap;

use super::parts::{IN_DECODED, Node, Place, Segment, UNOPENED, Value};
use crate::checksum::content_hash;
use crate::record::escape;
use crate::record::scan::Container;
use crate::record::template::SlotKind;

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
    pub(super) template_bytes: Vec<u8>,
    pub(super) template_ends: Vec<u32>,
    pub(super) template_index: FxHashMap<u64, u32>,
    pub(super) node_index: FxHashMap<u64, u32>,
    pub(super) segment_index: FxHashMap<u64, u32>,
    // Scratch of the node being cut; children work above their parents' part and leave it as it was.
    pub(super) template: Vec<u8>,
    pub(super) stack: Vec<Value>,
    pub(super) containers: Vec<Vec<Container>>,
    /// Buffers for strings while their escapes are undone, used again.
    pub(super) unescaped: Vec<Vec<u8>>,
}

pub(super) fn intern_template(bytes: &[u8], all: &mut Vec<u8>, ends: &mut Vec<u32>, index: &mut FxHashMap<u64, u32>) -> u32 {
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
    pub(super) fn clear(&mut self) {
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

    pub(super) fn add_node(&mut self, node: Node) -> u32 {
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
