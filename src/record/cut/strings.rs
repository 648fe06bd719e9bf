//! Strings: short ones stay, JSON in them is opened, the rest becomes segments; and the frames that nodes are built in.

use std::ops::Range;

use memchr::memchr;

use super::cuts::intern_template;
use super::parts::{IN_DECODED, Node, Place, Segment, Value, class};
use super::values::{is_dense, is_numeric};
use super::wishes::split_points;
use super::{Cutter, Frame, Odd, Text};
use crate::checksum::content_hash;
use crate::record::escape::{self, Style};
use crate::record::scan;
use crate::record::template::{self, Slot, SlotKind};
use crate::record::{MAX_NESTING, NODE_BYTES};

impl Cutter<'_> {
    pub(super) fn string(&mut self, text: Text<'_>, inner: Range<usize>, nesting: usize, in_list: bool) {
        let raw = &text.bytes[inner.clone()];
        if raw.len() < NODE_BYTES {
            return self.slot(Value { slot: Slot::plain(SlotKind::ShortString), place: text.place(inner) }, in_list);
        }
        let value = if memchr(b'\\', raw).is_none() {
            if escape::is_plain(raw) { Some(self.decoded(text, inner.clone(), Style::MINIMAL, nesting)) } else { None }
        } else {
            let mut decoded = self.cuts.unescaped.pop().unwrap_or_default();
            decoded.clear();
            decoded.reserve(raw.len());
            let value = escape::decode(raw, &mut decoded).map(|style| {
                let base = self.cuts.decoded.len() as u32 | IN_DECODED;
                self.cuts.decoded.extend_from_slice(&decoded);
                let text = Text { bytes: &decoded, base, unmarked: false };
                self.decoded(text, 0..decoded.len(), style, nesting)
            });
            self.cuts.unescaped.push(decoded);
            value
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

    pub(super) fn segment(&mut self, text: Text<'_>, range: Range<usize>, class: u8) -> u32 {
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

    pub(super) fn literal(&mut self, text: Text<'_>, range: Range<usize>) -> Result<(), Odd> {
        let bytes = &text.bytes[range];
        if !text.unmarked && bytes.iter().fold(false, |bad, &b| bad | template::is_marker(b)) {
            return Err(Odd);
        }
        self.cuts.template.extend_from_slice(bytes);
        Ok(())
    }

    /// A value whose marker goes into the template, unless it is a list's element.
    pub(super) fn slot(&mut self, value: Value, in_list: bool) {
        if in_list { self.cuts.stack.push(value) } else { self.put(value) }
    }

    pub(super) fn put(&mut self, value: Value) {
        value.slot.put(&mut self.cuts.template);
        self.cuts.stack.push(value);
    }

    pub(super) fn open_frame(&self) -> Frame {
        Frame { template: self.cuts.template.len(), values: self.cuts.stack.len() }
    }

    pub(super) fn abandon_frame(&mut self, frame: Frame) {
        self.cuts.template.truncate(frame.template);
        self.cuts.stack.truncate(frame.values);
    }

    pub(super) fn close_frame(&mut self, frame: Frame, raw: Place, hash: u128, is_list: bool) -> u32 {
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
