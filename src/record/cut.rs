//! The cut: a line becomes a tree of nodes, its long strings become segments, its short values stay as they are.
//!
//! A [`Cuts`] holds one chunk's worth. Nothing is copied that need not be: values point into the chunk, or into `decoded` where a
//! string had escapes. Nodes seen before (in this chunk, or by the [`Known`] filter) are not opened. Every byte of a line ends up
//! in a template's literal, a value or a child, in order: [`Cuts::join`] is the plain inverse and what the tests hold it to.
//!
//! | file | what |
//! |---|---|
//! | `cut` | lines and containers |
//! | `values`, `strings` | what stands in a container |
//! | `parts`, `cuts` | the result, and the way back |
//! | `wishes` | where strings are split |

mod cuts;
mod parts;
mod strings;
#[cfg(test)]
mod tests;
mod values;
mod wishes;

use std::ops::Range;

use crate::checksum::content_hash;
use crate::record::known::{KNOWN_BYTES, Known};
use crate::record::scan::{self, Container};
use crate::record::template::{self, Slot, SlotKind};
use crate::record::{MAX_DEPTH, NODE_BYTES};

pub use cuts::Cuts;
pub use parts::{Node, Place, Segment, UNOPENED, Value, class};
pub use wishes::{CutOptions, Splits};

/// The bytes a cut reads from, and where they are kept.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    base: u32,
    /// Known to have no byte that a template uses as a marker: what stands between values need not be looked at.
    unmarked: bool,
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
    unmarked: bool,
    /// How often in a row the filter did not know a node.
    unknown: u32,
}

/// After so many nodes that the filter does not know only every [`SAMPLED`]th is looked for, until one is found: what the writer has
/// just put in has to come from its core's cache, and a log that repeats nothing would pay for that at every node.
const UNKNOWN: u32 = 64;
const SAMPLED: u32 = 8;

impl<'a> Cutter<'a> {
    /// A cutter for the lines of `chunk`, which is below 2 GiB.
    #[must_use]
    pub fn new(chunk: &'a [u8], known: &'a Known, options: &'a CutOptions) -> Self {
        Cutter::reusing(Cuts::default(), chunk, known, options)
    }

    /// The same with the memory of cuts that are no longer needed.
    #[must_use]
    pub fn reusing(mut cuts: Cuts, chunk: &'a [u8], known: &'a Known, options: &'a CutOptions) -> Self {
        cuts.clear();
        let unmarked = !chunk.iter().fold(false, |any, &byte| any | template::is_marker(byte));
        Cutter { chunk, known, options, cuts, unmarked, unknown: 0 }
    }

    /// All that was cut.
    #[must_use]
    pub fn finish(self) -> Cuts {
        self.cuts
    }

    /// Cuts one line (without its newline).
    pub fn line(&mut self, range: Range<usize>) {
        let text = Text { bytes: self.chunk, base: 0, unmarked: self.unmarked };
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
        let text = Text { bytes: self.chunk, base: 0, unmarked: self.unmarked };
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
                self.put(Value::child(Slot::plain(SlotKind::Node), child, text.place(part)));
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
        if raw.len() < KNOWN_BYTES || !self.is_known(hash) {
            return None;
        }
        let node = Node { raw: text.place(range.clone()), hash, template: UNOPENED, values: 0..0, is_list: false };
        Some(self.cuts.add_node(node))
    }
}

impl Cutter<'_> {
    fn is_known(&mut self, hash: u128) -> bool {
        let looked_for = self.unknown < UNKNOWN || self.unknown.is_multiple_of(SAMPLED);
        let known = looked_for && self.known.contains(hash);
        self.unknown = if known { 0 } else { self.unknown.saturating_add(1) };
        known
    }
}

/// Heights of the scratch stacks when a node was begun.
#[derive(Clone, Copy)]
struct Frame {
    template: usize,
    values: usize,
}

/// Where JSON may begin in a line: a log prefix is at most this long.
fn first_container(raw: &[u8]) -> Option<usize> {
    raw.iter().take(200).position(|b| matches!(b, b'{' | b'['))
}
