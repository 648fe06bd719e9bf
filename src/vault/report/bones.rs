//! Records without their flesh: the JSON of a record in which every long text is cut to its beginning and a mark that names the
//! segment. Shapes, metadata and labels read it as they read the record, at a fraction of the bytes, and tell which segment is what.
//!
//! Beginnings of all texts are read once, block by block, and shared by all threads; joining then touches groups only. Strings of
//! the outermost object stay whole: a prompt with a conversation rendered into it is cut by markers anywhere in it.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem::Finder;

use crate::error::{Corrupt, Result, corrupt};
use crate::group::decode::Element;
use crate::record::MAX_DEPTH;
use crate::record::escape;
use crate::record::template::{Part, Slot, SlotKind, Template};
use crate::vault::ahead::in_order;
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// Bytes of a text that are kept; ids and names are shorter.
const HEAD: usize = 96;
/// Texts of the outermost object up to this stay whole.
const WHOLE: u32 = 64 << 10;
/// Groups of one job.
const JOB_GROUPS: usize = 8;
/// Where the number of a raw segment is added, to stand for the rest of an array of numbers.
const NUMBER: u64 = 7_770_000_000_000_000;
/// The first messages stay: a list is known by them, and the prompt is among them.
const FIRST_MESSAGES: u32 = 3;
/// Lists of what is said; most of it was said before.
const MESSAGES: [&str; 3] = ["messages", "input", "contents"];
/// Lists of tools.
const TOOLS: [&str; 2] = ["tools", "functions"];
/// Joined nodes nest at most this deep.
const MAX_JOIN: usize = MAX_DEPTH * 8;

/// Beginnings of the texts of a pack.
pub(super) struct Heads {
    bytes: Vec<u8>,
    ends: Vec<u64>,
    mark: String,
    /// Finds marks.
    finder: Finder<'static>,
    /// The first live record that holds each node.
    owners: Vec<u64>,
}

/// Where a skeleton is joined.
#[derive(Clone, Copy)]
struct At {
    /// The record; nothing is left out where there is none.
    record: Option<u64>,
    depth: usize,
    list: List,
}

/// What a list is said to be by the key before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Any,
    Messages,
    Tools,
}

impl At {
    fn below(self, list: List) -> At {
        At { depth: self.depth + 1, list, ..self }
    }
}

/// Makes marks of one run unlike those of another, and unlike anything a log may hold.
static RUNS: AtomicU64 = AtomicU64::new(0);

impl Heads {
    /// Reads them.
    ///
    /// # Errors
    /// When the pack is damaged.
    pub(super) fn read(snapshot: &Snapshot, pack: usize, threads: usize, owners: Vec<u64>) -> Result<Heads> {
        let seed = format!("{:032x}{}{pack}", snapshot.head.vault_id, RUNS.fetch_add(1, Ordering::Relaxed));
        let key = crate::checksum::checksum(seed.as_bytes()) as u32;
        let mark = format!("~#{key:08x}:");
        let finder = Finder::new(&mark).into_owned();
        let mut heads = Heads { bytes: Vec::new(), ends: vec![0], mark, finder, owners };
        let groups = &snapshot.packs[pack].directory().groups;
        in_order(
            snapshot,
            threads,
            groups.chunks(JOB_GROUPS),
            |fetcher, groups| {
                let view = fetcher.view(pack)?;
                let (mut text, mut bytes, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
                for segment in groups.iter().flat_map(|group| group.first_segment..group.first_segment + group.segments) {
                    text.clear();
                    view.segment_start(segment, HEAD as u32, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
                    let head = beginning(&text);
                    bytes.extend_from_slice(head);
                    lengths.push(head.len() as u64);
                }
                Ok((bytes, lengths))
            },
            |(bytes, lengths)| {
                heads.bytes.extend(bytes);
                for length in lengths {
                    let end = heads.ends.last().copied().unwrap_or_default() + length;
                    heads.ends.push(end);
                }
                Ok(())
            },
        )?;
        Ok(heads)
    }

    /// How many segments there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn head(&self, segment: u32) -> Result<&[u8], Corrupt> {
        let at = segment as usize;
        let range = self.ends.get(at).zip(self.ends.get(at + 1)).map(|(start, end)| *start as usize..*end as usize);
        range.and_then(|range| self.bytes.get(range)).ok_or_else(|| corrupt!("no segment {segment}"))
    }

    /// The segments marked in some bytes of a skeleton.
    pub(super) fn marked(&self, bytes: &[u8], sink: &mut dyn FnMut(u32)) {
        for at in self.finder.find_iter(bytes) {
            if let Some((segment, _)) = self.number(bytes, at) {
                sink(segment);
            }
        }
        if bytes.first() == Some(&b'[') && memchr::memchr(b'"', bytes).is_none() {
            let last = bytes.trim_ascii_end().rsplit(|byte| !byte.is_ascii_digit()).find(|digits| digits.len() == 16);
            let number = last.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?.checked_sub(NUMBER));
            if let Some(segment) = number.filter(|number| *number < self.len() as u64) {
                sink(segment as u32);
            }
        }
    }

    /// The segment of a mark and where the mark ends.
    fn number(&self, bytes: &[u8], at: usize) -> Option<(u32, usize)> {
        let digits = bytes.get(at + self.mark.len()..)?;
        let end = digits.iter().take(12).position(|byte| *byte == b'~')?;
        let number: u32 = std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()?;
        ((number as usize) < self.len()).then_some((number, at + self.mark.len() + end + 1))
    }

    /// The node that a mark stands for, where a text is nothing but one.
    pub(super) fn node(&self, text: &str) -> Option<u32> {
        text.strip_prefix(self.mark.as_str())?.strip_prefix('n')?.strip_suffix('~')?.parse().ok()
    }

    /// The mark of a node.
    pub(super) fn node_mark(&self, node: u32) -> String {
        format!("{}n{node}~", self.mark)
    }

    /// The mark of a node that stands in a definition of a tool.
    pub(super) fn node_in(&self, raw: &[u8]) -> Option<u32> {
        let numbers = self.finder.find_iter(raw).filter_map(|at| raw.get(at + self.mark.len()..));
        let digits = numbers.filter_map(|rest| rest.strip_prefix(b"n")).next()?;
        let end = digits.iter().take(12).position(|byte| *byte == b'~')?;
        std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
    }

    /// The skeleton of a node.
    ///
    /// # Errors
    /// When what it needs is damaged.
    pub(super) fn of_node(&self, view: &mut PackView, node: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        self.join(view, node, out, At { record: None, depth: 1, list: List::Any })
    }

    /// A text of a skeleton without marks: what metadata have read.
    pub(super) fn unmarked(&self, text: String) -> String {
        match self.finder.find(text.as_bytes()) {
            Some(at) => text.get(..at).unwrap_or_default().to_string(),
            None => text,
        }
    }

    /// Puts the whole texts in the place of marks; `text` is decoded.
    ///
    /// # Errors
    /// When one is damaged.
    pub(super) fn expand(&self, view: &mut PackView, text: &str) -> Result<String, Corrupt> {
        let bytes = text.as_bytes();
        let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for at in self.finder.find_iter(bytes) {
            let Some((segment, end)) = self.number(bytes, at).filter(|_| at >= done) else { continue };
            out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
            let mut whole = Vec::new();
            view.segment(segment, &mut whole)?;
            let head = self.head(segment)?;
            // A whole text stands before its mark already.
            match out.ends_with(&whole) {
                true => {}
                false => {
                    let without = out.len().saturating_sub(head.len());
                    out.truncate(without);
                    out.extend_from_slice(&whole);
                }
            }
            done = end;
        }
        out.extend_from_slice(bytes.get(done..).unwrap_or_default());
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Appends the skeleton of a record.
    ///
    /// # Errors
    /// When what it needs is damaged.
    pub(super) fn record(
        &self,
        view: &mut PackView,
        number: u64,
        out: &mut Vec<u8>,
        place: (usize, usize),
    ) -> Result<(), Corrupt> {
        let root = view.root(place.0, place.1)?;
        self.join(view, root, out, At { record: Some(number), depth: 0, list: List::Any })
    }

    /// True for a node that an earlier record brought.
    fn is_old(&self, node: u32, at: At) -> bool {
        at.record.is_some_and(|record| self.owners.get(node as usize).is_some_and(|owner| *owner != record))
    }

    fn join(&self, view: &mut PackView, number: u32, out: &mut Vec<u8>, at: At) -> Result<(), Corrupt> {
        if at.depth > MAX_JOIN {
            return Err(corrupt!("nodes nested more than {MAX_JOIN} deep"));
        }
        let index = view.pack().directory().groups.partition_point(|group| group.first_node + group.nodes <= number);
        let group = view.group(index)?;
        let found = group.find(number)?;
        let node = group.node(&found)?;
        let templates = view.shared_templates();
        match templates.get(node.template()).ok_or_else(|| corrupt!("no template {}", node.template()))? {
            Template::Fixed(parts) => {
                let (mut slot_at, mut reference_at) = (0, 0);
                let mut list = List::Any;
                for part in parts {
                    let slot = match part {
                        Part::Literal(bytes) => {
                            list = list_named(bytes);
                            out.extend_from_slice(bytes);
                            continue;
                        }
                        Part::Slot(slot) => slot,
                    };
                    match slot.kind {
                        SlotKind::ShortString => {
                            out.push(b'"');
                            node.value(slot_at, out)?;
                            out.push(b'"');
                        }
                        SlotKind::Token => node.value(slot_at, out)?,
                        _ => {
                            self.refer(view, *slot, node.reference(reference_at)?, out, at.below(list))?;
                            reference_at += 1;
                        }
                    }
                    slot_at += 1;
                }
            }
            Template::List { element, open, separator, close } => {
                let mut list = node.list()?;
                out.extend_from_slice(open);
                for index in 0..list.count() {
                    let before = out.len();
                    if index > 0 {
                        out.extend_from_slice(separator);
                    }
                    let slot = list.next_slot(*element)?;
                    let quote: &[u8] = if slot.kind == SlotKind::ShortString { b"\"" } else { b"" };
                    out.extend_from_slice(quote);
                    if let Element::Reference(target) = list.next(slot, out)? {
                        let old = slot.kind == SlotKind::Node && self.is_old(target, at);
                        match at.list {
                            List::Messages if old && index >= FIRST_MESSAGES => out.truncate(before),
                            List::Tools if old => {
                                out.extend_from_slice(format!("{{\"name\":\"{}n{target}~\"}}", self.mark).as_bytes())
                            }
                            _ => self.refer(view, slot, target, out, at.below(List::Any))?,
                        }
                    }
                    out.extend_from_slice(quote);
                }
                out.extend_from_slice(close);
            }
        }
        Ok(())
    }

    fn refer(&self, view: &mut PackView, slot: Slot, target: u32, out: &mut Vec<u8>, at: At) -> Result<(), Corrupt> {
        match slot.kind {
            SlotKind::Node => self.join(view, target, out, at),
            SlotKind::RawSegment => self.raw(view, target, out),
            SlotKind::Segment => {
                let mut text = Vec::with_capacity(HEAD);
                if at.depth == 1 && at.record.is_some() && view.segment_pieces(target)?.1 <= WHOLE {
                    view.segment(target, &mut text)?;
                } else {
                    text.extend_from_slice(self.head(target)?);
                }
                out.push(b'"');
                escape::encode(&text, slot.style, out);
                // No style changes a mark.
                self.push_mark(target, out);
                out.push(b'"');
                Ok(())
            }
            SlotKind::NodeInString => {
                let mut text = Vec::new();
                self.join(view, target, &mut text, at)?;
                out.push(b'"');
                escape::encode(&text, slot.style, out);
                out.push(b'"');
                Ok(())
            }
            SlotKind::ShortString | SlotKind::Token => Err(corrupt!("a short value where a reference belongs")),
        }
    }

    /// Appends the mark of a segment.
    fn push_mark(&self, segment: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.mark.as_bytes());
        // Writing to a Vec does not fail.
        let _ = write!(out, "{segment}~");
    }

    /// Raw text: a string keeps its beginning, an array of numbers its first; anything else stays whole.
    fn raw(&self, view: &mut PackView, target: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let head = self.head(target)?;
        match head.first() {
            Some(b'[') if memchr::memchr2(b'"', b'{', head).is_none() => {
                let cut = head.get(..64.min(head.len())).unwrap_or_default();
                match memchr::memrchr(b',', cut) {
                    Some(comma) => out.extend_from_slice(cut.get(..=comma).unwrap_or_default()),
                    None => out.push(b'['),
                }
                out.extend_from_slice(format!("{}]", NUMBER + u64::from(target)).as_bytes());
                Ok(())
            }
            Some(b'"') => {
                let inside = head.get(1..).unwrap_or_default();
                let plain = inside.iter().take_while(|byte| !matches!(byte, b'\\' | b'"')).count();
                out.push(b'"');
                out.extend_from_slice(inside.get(..plain).unwrap_or_default());
                self.push_mark(target, out);
                out.push(b'"');
                Ok(())
            }
            _ => view.segment(target, out),
        }
    }
}

/// What the list is whose key ends these bytes of a template.
fn list_named(bytes: &[u8]) -> List {
    let before = bytes.trim_ascii_end();
    let Some(before) = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end).and_then(|before| before.strip_suffix(b"\"")) else {
        return List::Any;
    };
    let is = |name: &&str| before.strip_suffix(name.as_bytes()).is_some_and(|before| before.last() == Some(&b'"'));
    if MESSAGES.iter().any(is) {
        List::Messages
    } else if TOOLS.iter().any(is) {
        List::Tools
    } else {
        List::Any
    }
}

/// As much of a text as is kept, cut between characters.
fn beginning(text: &[u8]) -> &[u8] {
    let mut end = text.len().min(HEAD);
    while end > 0 && end < text.len() && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}
