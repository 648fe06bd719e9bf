//! Giving out numbers: cuts become nodes, segments and records of the open pack.
//!
//! One thread, in input order, so that numbers depend on the input alone. Equal content gets one number: a fingerprint finds
//! candidates, a byte comparison decides, against memory for what is recent and against the pack itself for what is not.

mod commit;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::catalog::GroupPrints;
use crate::codec::vocabulary::Coder;
use crate::error::Result;
use crate::group::build::{GroupBuilder, Item, Target};
use crate::pack::directory::GroupEntry;
use crate::pack::frame::form;
use crate::record::cut::{self, CutOptions, Cuts, Cutter, Place, UNOPENED, class};
use crate::record::known::{KNOWN_BYTES, Known};
use crate::record::template::{Slot, SlotKind};
use crate::record::{NODE_BYTES, naming};
use crate::text::{Anchor, Matcher, Piece, anchors};
use crate::vault::view::PackView;
use crate::vault::write::encode::{Dictionaries, Encoder, Job, Sink, Star};
use crate::vault::write::literal::{Block, Literals};
use crate::vault::write::memory::{Child, NodeMemory};
use crate::vault::write::ring::Spot;
use crate::vault::write::table::Table;

/// Sizes that decide the shape of a pack. They are format options: the same input under the same options gives the same bytes.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Bytes of a block of literal text.
    pub block_bytes: usize,
    /// Bytes of a group before compression.
    pub group_bytes: usize,
    /// Unique text after which a pack is sealed.
    pub pack_bytes: u64,
    /// Recent text kept for matching, per class.
    pub window_bytes: usize,
    /// Recent node bytes kept for comparing.
    pub ring_bytes: usize,
    /// Shortest text taken from elsewhere; 0 for no matching.
    pub min_match: usize,
    /// Blocks that rest on the first of their star, which is one of this many; 1 for none.
    pub star: usize,
    /// Bytes of text of that first block that the others rest on: all of them must be decoded to read any other.
    pub rest_bytes: usize,
}

impl Shape {
    /// For ingest: fast, small memory.
    #[must_use]
    pub fn ingest() -> Shape {
        Shape {
            block_bytes: 512 << 10,
            group_bytes: 64 << 10,
            pack_bytes: 1 << 30,
            window_bytes: 32 << 20,
            ring_bytes: 34 << 20,
            min_match: 192,
            star: 1,
            rest_bytes: 0,
        }
    }
}

/// Where the open pack stands.
#[derive(Clone, Debug, Default)]
pub struct Position {
    /// The next node's number.
    pub node: u32,
    /// The next segment's number.
    pub segment: u32,
    /// The next template's number.
    pub template: u32,
    /// Ends of the literal streams.
    pub literals: [u32; class::COUNT],
    /// Blocks of each class.
    pub blocks: [u32; class::COUNT],
}

/// What an assembler counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Records that were not there before.
    pub records: u64,
    /// Segments that were not there before.
    pub segments: u64,
}

/// A node or segment of this session, as far as it is needed to compare newcomers with it.
#[derive(Clone, Copy)]
struct SegmentMemory {
    class: u8,
    length: u32,
    /// First position when it is one piece, else `u32::MAX`.
    start: u32,
}

/// Numbers content and hands it to the encoder.
pub struct Assembler<S: Sink> {
    encoder: Encoder<S>,
    shape: Shape,
    known: Arc<Known>,
    position: Position,
    /// First numbers of this session: what is below lies in the pack only.
    session: (u32, u32),
    /// Numbers below these are committed.
    committed: (u32, u32),
    templates: FxHashMap<Vec<u8>, u32>,
    new_templates: Vec<Vec<u8>>,
    nodes: Table,
    segments: Table,
    node_memory: NodeMemory,
    segment_memory: Vec<SegmentMemory>,
    roots: FxHashMap<u32, u64>,
    literals: Vec<Literals>,
    matchers: Vec<Matcher>,
    stars: Vec<Option<Arc<Star>>>,
    has_vocabulary: bool,
    /// Vocabulary and dictionaries that are to be stored before what uses them.
    new_dictionaries: Vec<(u8, Arc<Vec<u8>>)>,
    group: Box<GroupBuilder>,
    next_record: u64,
    /// What [`NodeMemory::taken`] said at the last commit.
    committed_bytes: u64,
    text_bytes: u64,
    counts: Counts,
    scratch: Scratch,
    history: Option<PackView>,
    /// The pack's last journal: the next one rests on it.
    last_journal: Option<Arc<Vec<u8>>>,
    /// All of the pack's journals one after the other, to be said again in one when it is sealed; `None` when that is too much.
    journals: Option<Vec<u8>>,
    /// Records that were removed, by hash: they are not stored again.
    suppressed: FxHashMap<u128, u64>,
}

#[derive(Default)]
struct Scratch {
    blocks: Vec<Block>,
    anchors: Vec<Anchor>,
    pieces: Vec<Piece>,
    joined: Vec<u8>,
}

/// What was there before: the open pack's templates, fingerprints and roots, and a way to read it.
#[derive(Default)]
pub struct Past {
    /// Where the pack stands.
    pub position: Position,
    /// Template bytes in order of their numbers.
    pub templates: Vec<Vec<u8>>,
    /// Fingerprints of nodes.
    pub nodes: Table,
    /// Fingerprints of segments.
    pub segments: Table,
    /// Record number by root node.
    pub roots: FxHashMap<u32, u64>,
    /// Reads what was committed.
    pub view: Option<PackView>,
    /// The pack's last journal.
    pub last_journal: Option<Arc<Vec<u8>>>,
    /// All of its journals one after the other.
    pub journals: Vec<u8>,
    /// Fingerprints of groups that the catalog does not have yet, and the index of the first.
    pub unlisted: (usize, Vec<GroupPrints>),
}

/// Fingerprints of the nodes and segments of one session.
pub struct RecentPrints {
    nodes: Vec<u32>,
    segments: Vec<u32>,
}

/// Lines and how they were cut.
#[derive(Clone, Copy)]
pub struct CutChunk<'c> {
    /// The lines' bytes.
    pub bytes: &'c [u8],
    /// Their cuts.
    pub cuts: &'c Cuts,
    /// What they were cut with: some may have to be cut again.
    pub options: &'c CutOptions,
}

/// A chunk's cuts while they are numbered.
struct Chunk<'c> {
    bytes: &'c [u8],
    cuts: &'c Cuts,
    options: &'c CutOptions,
    nodes: Vec<u32>,
    segments: Vec<u32>,
    templates: Vec<u32>,
}

impl<'c> Chunk<'c> {
    fn new(&CutChunk { bytes, cuts, options }: &CutChunk<'c>) -> Chunk<'c> {
        let nodes = vec![UNSEEN; cuts.nodes.len()];
        let segments = vec![UNSEEN; cuts.segments.len()];
        Chunk { bytes, cuts, options, nodes, segments, templates: vec![UNSEEN; cuts.template_count()] }
    }
}

/// Nodes looked ahead at once: what looking reads of them stays in the nearest cache until they are stored.
const AHEAD: usize = 256;

const UNSEEN: u32 = u32::MAX;

/// A root and its record in a hash table.
const ROOT_BYTES: usize = 18;

/// Nodes and segments shorter than this are not looked for in older sessions when a catalog is kept: finding one again would
/// save less than remembering all of them costs.
pub const PRINTED_BYTES: usize = 256;

/// Where a parent's bytes are in memory, so that its children's need not go there again.
#[derive(Clone, Copy)]
struct Within {
    raw: Place,
    spot: Spot,
}

/// How deep one looks for known children: a request holds an object that holds a list of them.
const KNOWN_DEPTH: usize = 3;

/// Bytes of a node that belong to children that are known already. What is known is for the table to say, as it stands at this
/// point of the input: what the cutters' filter knew by then is a matter of luck.
fn known_bytes(table: &Table, cuts: &Cuts, node: &cut::Node, depth: usize) -> usize {
    let children = cuts.values_of(node).iter().filter(|value| value.slot.kind == SlotKind::Node);
    children
        .map(|value| {
            let child = &cuts.nodes[value.index()];
            match (child.raw.len() >= NODE_BYTES && table.holds(child.hash), depth) {
                (true, _) => child.raw.len(),
                (false, 0) => 0,
                (false, _) => known_bytes(table, cuts, child, depth - 1),
            }
        })
        .sum()
}

impl<S: Sink> Assembler<S> {
    /// Continues a pack (or begins one, with a default [`Past`]).
    #[must_use]
    pub fn new(encoder: Encoder<S>, shape: Shape, known: Arc<Known>, next_record: u64, past: Past) -> Assembler<S> {
        let position = past.position;
        let literals = (0..class::COUNT)
            .map(|c| Literals::new(c as u8, position.literals[c], shape.block_bytes, shape.window_bytes))
            .collect();
        let matchers = (0..class::COUNT).map(|_| Matcher::new(18, shape.min_match.max(64))).collect();
        Assembler {
            encoder,
            known,
            session: (position.node, position.segment),
            committed: (position.node, position.segment),
            templates: past.templates.into_iter().zip(0..).collect(),
            new_templates: Vec::new(),
            nodes: past.nodes,
            segments: past.segments,
            node_memory: NodeMemory::new(position.node, shape.ring_bytes),
            segment_memory: Vec::new(),
            roots: past.roots,
            literals,
            matchers,
            stars: vec![None; class::COUNT],
            has_vocabulary: false,
            new_dictionaries: Vec::new(),
            group: Box::new(GroupBuilder::new(position.node, position.segment, position.literals)),
            next_record,
            committed_bytes: 0,
            text_bytes: position.literals.iter().map(|&end| u64::from(end)).sum(),
            counts: Counts::default(),
            scratch: Scratch::default(),
            history: past.view,
            last_journal: past.last_journal,
            journals: Some(past.journals),
            suppressed: FxHashMap::default(),
            position,
            shape,
        }
    }

    /// Numbers a chunk's records in order; gives each one's record number, old or new.
    ///
    /// # Errors
    /// When writing fails or the pack cannot be read.
    pub fn chunk(&mut self, chunk: &CutChunk<'_>, numbers: &mut Vec<u64>) -> Result<()> {
        self.chunk_numbered(chunk, None, numbers)
    }

    /// The same with the numbers that records of a rewritten pack already have.
    ///
    /// # Errors
    /// As [`Assembler::chunk`].
    pub fn chunk_numbered(&mut self, chunk: &CutChunk<'_>, given: Option<&[u64]>, numbers: &mut Vec<u64>) -> Result<()> {
        let cuts = chunk.cuts;
        let mut chunk = Chunk::new(chunk);
        let (mut fetched, mut seen) = (0, 0);
        for (at, &root) in cuts.records.iter().enumerate() {
            // A record's root is its last node.
            while root as usize >= fetched {
                let upto = (fetched + AHEAD).min(cuts.nodes.len());
                // Segments stand about where the nodes do that hold them.
                let of_segments = |nodes: usize| cuts.segments.len() * nodes / cuts.nodes.len();
                self.fetch_ahead(&cuts.nodes[fetched..upto], &cuts.segments[of_segments(fetched)..of_segments(upto)]);
                fetched = upto;
            }
            if !self.suppressed.is_empty()
                && let Some(&number) = self.suppressed.get(&cuts.nodes[root as usize].hash)
            {
                numbers.push(number);
                continue;
            }
            let hash = cuts.nodes[root as usize].hash;
            let own = seen..seen.max(root as usize + 1);
            seen = own.end;
            let broken = cuts.nodes[own].iter().any(|node| node.template == UNOPENED && !self.nodes.holds(node.hash));
            let (target, node) = if broken {
                self.cut_again(&chunk, root as usize, None, true)?
            } else {
                self.node(&mut chunk, root as usize, None, true)?
            };
            numbers.push(self.record(target, node, hash, given.map(|given| given[at]))?);
        }
        Ok(())
    }

    /// A record too long for a chunk: its pieces become raw segments of one node.
    ///
    /// # Errors
    /// When writing fails.
    pub fn long_record(&mut self, pieces: &[(u32, u32)], hash: u128, given: Option<u64>) -> Result<u64> {
        let mut template = Vec::new();
        let slot = Slot::plain(SlotKind::RawSegment);
        crate::record::template::put_list(Some(slot), b"", b"", b"", &mut template);
        let template = self.template(&template);
        let items = pieces.iter().map(|&(segment, is_new)| {
            let target = if is_new == 1 { Target::New } else { Target::Old(segment) };
            (slot, Item::Reference(target), segment)
        });
        self.group.node(template, Some(false), items);
        let node = self.position.node;
        self.position.node += 1;
        self.node_memory.push(Spot::NONE);
        self.record(Target::New, node, hash, given)
    }

    /// A piece of such a record: its segment's number and 1 when it is new.
    ///
    /// # Errors
    /// When writing fails.
    pub fn long_piece(&mut self, bytes: &[u8]) -> Result<(u32, u32)> {
        let segment = cut::Segment { text: Place::default(), hash: crate::checksum::content_hash(bytes), class: class::TEXT };
        let (target, number) = self.segment_of(bytes, segment)?;
        Ok((number, u32::from(target == Target::New)))
    }

    fn record(&mut self, target: Target, node: u32, hash: u128, given: Option<u64>) -> Result<u64> {
        if let Target::Old(_) = target
            && let Some(&number) = self.roots.get(&node)
            && given.is_none()
        {
            return Ok(number);
        }
        let number = given.unwrap_or(self.next_record);
        self.next_record = self.next_record.max(number + 1);
        self.counts.records += 1;
        self.group.record(target, number, hash);
        self.roots.insert(node, number);
        if self.group.weight() >= self.shape.group_bytes {
            self.flush_group()?;
        }
        Ok(number)
    }

    /// The number of a node of the chunk, storing it when it is new.
    fn node(&mut self, chunk: &mut Chunk<'_>, local: usize, within: Option<Within>, root: bool) -> Result<(Target, u32)> {
        if chunk.nodes[local] != UNSEEN {
            let number = chunk.nodes[local];
            return Ok((Target::Old(number), number));
        }
        let cuts = chunk.cuts;
        let node = &cuts.nodes[local];
        let raw = cuts.bytes(chunk.bytes, node.raw);
        let findable = root || raw.len() >= NODE_BYTES;
        if findable && let Some(number) = self.find_node(raw, node.hash)? {
            chunk.nodes[local] = number;
            return Ok((Target::Old(number), number));
        }
        if node.template == UNOPENED {
            // Only its fingerprint is there.
            let (target, number) = self.cut_again(chunk, local, within, root)?;
            chunk.nodes[local] = number;
            return Ok((target, number));
        }
        // What is new throughout goes into memory at once, with its children in it; else each of them goes by itself.
        let spot =
            match within.and_then(|parent| node.raw.offset_in(parent.raw).map(|offset| parent.spot.part(offset, raw.len()))) {
                Some(part) => part,
                None if findable && !self.is_mostly_known(cuts, node) => self.node_memory.plain(raw),
                None => Spot::NONE,
            };
        let inside = spot.length().map(|_| Within { raw: node.raw, spot });
        let mut children: SmallVec<[Child; 8]> = SmallVec::new();
        let values = cuts.values_of(node);
        let mut items: SmallVec<[(Slot, Item<'_>, u32); 12]> = SmallVec::with_capacity(values.len());
        for value in values {
            items.push(match value.slot.kind {
                SlotKind::Node | SlotKind::NodeInString => {
                    let (target, number) = self.node(chunk, value.index(), inside, false)?;
                    if inside.is_none() && value.slot.kind == SlotKind::Node {
                        children.extend(value.offset_in(node.raw).map(|offset| (offset, number)));
                    }
                    (value.slot, Item::Reference(target), number)
                }
                // Children come first: segments get their numbers after them.
                SlotKind::Segment | SlotKind::RawSegment => (value.slot, Item::Reference(Target::New), value.index() as u32),
                SlotKind::ShortString | SlotKind::Token => (value.slot, Item::Bytes(cuts.bytes(chunk.bytes, value.place)), 0),
            });
        }
        for item in &mut items {
            if matches!(item.0.kind, SlotKind::Segment | SlotKind::RawSegment) {
                let (target, number) = self.segment(chunk, item.2 as usize)?;
                *item = (item.0, Item::Reference(target), number);
            }
        }
        let bytes = cuts.template(node.template);
        let known = chunk.templates[node.template as usize];
        let template = if known == UNSEEN { self.template(bytes) } else { known };
        chunk.templates[node.template as usize] = template;
        // A list template's second byte is its elements' marker, 0 where they differ.
        let list = node.is_list.then(|| bytes[1] == 0);
        self.group.node(template, list, items.into_iter());
        let number = self.position.node;
        self.position.node += 1;
        let spot = if findable && inside.is_none() { self.node_memory.composed(raw, &children) } else { spot };
        self.node_memory.push(if findable { spot } else { Spot::NONE });
        if findable {
            self.nodes.insert(number, node.hash);
            // Lines that are no JSON stay unknown to the filter: each is looked at, and counted.
            if bytes.len() > 1 && raw.len() >= KNOWN_BYTES {
                self.known.insert(node.hash);
            }
        }
        chunk.nodes[local] = number;
        Ok((Target::New, number))
    }

    /// True when a quarter of a node's bytes or more belong to children that are known already.
    fn is_mostly_known(&self, cuts: &Cuts, node: &cut::Node) -> bool {
        known_bytes(&self.nodes, cuts, node, KNOWN_DEPTH) * 4 > node.raw.len()
    }

    /// A node that the filter promised and that is not there (a new pack began, or two hashes met), or a record that holds such a
    /// node: cut again, and whole, so that it is stored as it would have been without a filter. Its bytes may lie in memory
    /// already, as a part of its parent's.
    fn cut_again(&mut self, chunk: &Chunk<'_>, local: usize, within: Option<Within>, root: bool) -> Result<(Target, u32)> {
        let node = &chunk.cuts.nodes[local];
        let raw = chunk.cuts.bytes(chunk.bytes, node.raw);
        let nothing = Known::new(0);
        let mut cutter = Cutter::new(raw, &nothing, chunk.options);
        let local = cutter.reopen(0..raw.len()) as usize;
        let cuts = cutter.finish();
        let within = within.and_then(|parent| {
            let offset = node.raw.offset_in(parent.raw)?;
            Some(Within { raw: cuts.nodes[local].raw, spot: parent.spot.part(offset, raw.len()) })
        });
        let mut whole = Chunk::new(&CutChunk { bytes: raw, cuts: &cuts, options: chunk.options });
        self.node(&mut whole, local, within, root)
    }

    /// Fetches what looking for these will read. Each step of a look-up waits for memory; many at once wait together.
    fn fetch_ahead(&self, nodes: &[cut::Node], segments: &[cut::Segment]) {
        std::hint::black_box(segments.iter().filter_map(|segment| self.segments.first(segment.hash)).fold(0, |any, n| any ^ n));
        let numbers: SmallVec<[u32; AHEAD]> = nodes.iter().filter_map(|node| self.nodes.first(node.hash)).collect();
        self.node_memory.fetch(numbers.into_iter());
    }

    /// The number of a node with these bytes, if there is one.
    fn find_node(&mut self, raw: &[u8], hash: u128) -> Result<Option<u32>> {
        for number in self.nodes.candidates(hash) {
            if let Some(equal) = self.node_memory.equals(number, raw) {
                if equal {
                    return Ok(Some(number));
                }
            } else if number < self.committed.0 && self.same_in_pack(number, raw, PackView::node)? {
                self.node_memory.restore(number, raw);
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn same_in_pack(
        &mut self,
        number: u32,
        bytes: &[u8],
        read: impl FnOnce(&mut PackView, u32, &mut Vec<u8>) -> Result<(), crate::error::Corrupt>,
    ) -> Result<bool> {
        let Some(view) = &mut self.history else { return Ok(false) };
        self.scratch.joined.clear();
        read(view, number, &mut self.scratch.joined).map_err(|corrupt| view.pack().damaged(corrupt))?;
        Ok(self.scratch.joined == bytes)
    }

    fn segment(&mut self, chunk: &mut Chunk<'_>, local: usize) -> Result<(Target, u32)> {
        if chunk.segments[local] != UNSEEN {
            let number = chunk.segments[local];
            return Ok((Target::Old(number), number));
        }
        let segment = chunk.cuts.segments[local];
        let (target, number) = self.segment_of(chunk.cuts.bytes(chunk.bytes, segment.text), segment)?;
        chunk.segments[local] = number;
        Ok((target, number))
    }

    fn segment_of(&mut self, text: &[u8], segment: cut::Segment) -> Result<(Target, u32)> {
        for number in self.segments.candidates(segment.hash) {
            if self.is_segment(number, text)? {
                return Ok((Target::Old(number), number));
            }
        }
        let number = self.position.segment;
        self.position.segment += 1;
        self.counts.segments += 1;
        self.segments.insert(number, segment.hash);
        let memory = self.store_text(text, segment.class)?;
        self.segment_memory.push(memory);
        Ok((Target::New, number))
    }

    fn is_segment(&mut self, number: u32, text: &[u8]) -> Result<bool> {
        if let Some(index) = number.checked_sub(self.session.1) {
            let memory = self.segment_memory[index as usize];
            if memory.length as usize != text.len() {
                return Ok(false);
            }
            if memory.start != u32::MAX
                && let Some(equal) = self.literals[memory.class as usize].equals(memory.start, text)
            {
                return Ok(equal);
            }
        }
        if number < self.committed.1 { self.same_in_pack(number, text, PackView::segment) } else { Ok(false) }
    }

    /// Puts a segment's text into its literal stream, but for what stands there already.
    fn store_text(&mut self, text: &[u8], class: u8) -> Result<SegmentMemory> {
        let stream = class as usize;
        let length = text.len() as u32;
        let anchored = self.shape.min_match > 0 && text.len() >= self.shape.min_match;
        self.scratch.anchors.clear();
        self.scratch.pieces.clear();
        if anchored {
            anchors(text, &mut self.scratch.anchors);
            let literals = &self.literals[stream];
            self.matchers[stream].pieces(text, &self.scratch.anchors, literals, &mut self.scratch.pieces);
        }
        let start = self.literals[stream].end();
        let naming = naming::may_hold_ids(text, class);
        let copies = self.scratch.pieces.iter().any(|piece| matches!(piece, Piece::Copy { .. }));
        if !copies {
            self.literals[stream].append(text, &mut self.scratch.blocks);
            self.group.segment(class, length, naming);
            self.text_bytes += text.len() as u64;
        } else {
            let mut stored = Vec::with_capacity(self.scratch.pieces.len());
            for piece in &self.scratch.pieces {
                match piece {
                    Piece::Literal(range) => {
                        self.literals[stream].append(&text[range.clone()], &mut self.scratch.blocks);
                        self.text_bytes += range.len() as u64;
                        stored.push((None, range.len() as u32));
                    }
                    Piece::Copy { address, len } => stored.push((Some(*address), *len)),
                }
            }
            self.group.segment_of_pieces(class, length, naming, &stored);
        }
        if anchored {
            self.matchers[stream].insert(&self.scratch.anchors, &self.scratch.pieces, start);
        }
        self.push_blocks()?;
        Ok(SegmentMemory { class, length, start: if copies { u32::MAX } else { start } })
    }

    /// Codes text with a vocabulary from here on; called before anything is stored.
    pub fn use_vocabulary(&mut self, coder: Coder) {
        self.has_vocabulary = true;
        self.new_dictionaries.push((form::VOCABULARY, Arc::new(coder.vocabulary().encode())));
        self.encoder.use_vocabulary(Some(Arc::new(coder)));
    }

    /// Compresses small blocks and groups with these from here on; called before anything is stored.
    pub fn use_dictionaries(&mut self, mut dictionaries: Dictionaries) {
        self.new_dictionaries.append(&mut dictionaries.new);
        self.encoder.use_dictionaries(Arc::new(dictionaries));
    }

    /// A pack stands alone: what is coded with comes before the first that is coded.
    fn preface(&mut self) -> Result<()> {
        for (form, stored) in std::mem::take(&mut self.new_dictionaries) {
            self.encoder.push(Job::Dictionary(form, stored))?;
        }
        Ok(())
    }

    fn push_blocks(&mut self) -> Result<()> {
        for block in std::mem::take(&mut self.scratch.blocks) {
            self.push_block(block)?;
        }
        Ok(())
    }

    /// Blocks come in stars: the first stands alone, the others rest on it.
    fn push_block(&mut self, block: Block) -> Result<()> {
        self.preface()?;
        let class = block.class as usize;
        let index = self.position.blocks[class];
        self.position.blocks[class] += 1;
        if let Some(spare) = self.encoder.spare_block() {
            self.literals[class].reuse(spare);
        }
        // A star of one is a block that may be written in codes.
        let in_star = (self.shape.star > 1 || self.has_vocabulary) && class != class::DENSE as usize;
        if in_star && (index as usize).is_multiple_of(self.shape.star) {
            self.stars[class] = Some(Arc::new(Star::new(index, Arc::clone(&block.bytes), self.shape.rest_bytes)));
        }
        let star = if in_star { self.stars[class].clone() } else { None };
        self.encoder.push(Job::Block(block, star))
    }

    fn template(&mut self, bytes: &[u8]) -> u32 {
        if let Some(&number) = self.templates.get(bytes) {
            return number;
        }
        let number = self.position.template + self.new_templates.len() as u32;
        self.templates.insert(bytes.to_vec(), number);
        self.new_templates.push(bytes.to_vec());
        number
    }

    fn flush_group(&mut self) -> Result<()> {
        self.preface()?;
        let ends: [u32; class::COUNT] = std::array::from_fn(|class| self.literals[class].end());
        let mut next = self.encoder.spare_group();
        next.renew(self.position.node, self.position.segment, ends);
        let group = std::mem::replace(&mut self.group, next);
        if group.is_empty() { Ok(()) } else { self.encoder.push(Job::Group(group)) }
    }

    /// All fingerprints of this session, by number.
    #[must_use]
    pub fn recent_prints(&self) -> RecentPrints {
        RecentPrints { nodes: self.nodes.prints_from(self.session.0), segments: self.segments.prints_from(self.session.1) }
    }

    /// Fingerprints of what this session put into a group of the open pack, records and short things left out; `None` for a
    /// group that was there before.
    #[must_use]
    pub fn group_prints(&self, group: &GroupEntry, recent: &RecentPrints) -> Option<GroupPrints> {
        if group.first_node < self.session.0 || group.first_segment < self.session.1 {
            return None;
        }
        let long = |length: Option<u32>| length.is_some_and(|length| length as usize >= PRINTED_BYTES);
        let mut prints = GroupPrints::default();
        for number in group.first_node..group.first_node + group.nodes {
            if long(self.node_memory.length(number)) && !self.roots.contains_key(&number) {
                prints.nodes.push((number, *recent.nodes.get((number - self.session.0) as usize)?));
            }
        }
        for number in group.first_segment..group.first_segment + group.segments {
            let memory = self.segment_memory.get((number - self.session.1) as usize)?;
            if long(Some(memory.length)) {
                prints.segments.push((number, *recent.segments.get((number - self.session.1) as usize)?));
            }
        }
        Some(prints)
    }

    /// Bytes of new nodes since the last commit.
    #[must_use]
    pub fn uncommitted(&self) -> u64 {
        self.node_memory.taken() - self.committed_bytes
    }

    /// Bytes of new nodes since the pack or the session began.
    #[must_use]
    pub fn session_bytes(&self) -> u64 {
        self.node_memory.taken()
    }

    /// Bytes of unique text in the open pack.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// True when the writer has failed; the next hand-over says why.
    #[must_use]
    pub fn writer_stopped(&self) -> bool {
        self.encoder.writer_stopped()
    }

    /// What the writer failed with.
    ///
    /// # Errors
    /// Always, when it failed.
    pub fn failure(&mut self) -> Result<()> {
        self.encoder.finish().map(drop)
    }

    /// True when the pack should be sealed at the next commit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.text_bytes >= self.shape.pack_bytes || self.position.node > 1 << 30 || self.position.segment > 1 << 30
    }

    /// Memory of what is remembered of each node, segment and record of the open pack, about.
    #[must_use]
    pub fn table_bytes(&self) -> u64 {
        let prints = self.nodes.bytes() + self.segments.bytes();
        let nodes = self.node_memory.bytes();
        let segments = self.segment_memory.capacity() * size_of::<SegmentMemory>();
        (prints + nodes + segments + self.roots.capacity() * ROOT_BYTES) as u64
    }

    /// What was new so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The number the next new record will get.
    #[must_use]
    pub fn next_record(&self) -> u64 {
        self.next_record
    }

    /// Hashes of removed records and the numbers they had: they keep those numbers and are not stored again.
    pub fn suppress(&mut self, removed: impl Iterator<Item = (u128, u64)>) {
        self.suppressed.extend(removed);
    }

    /// Removed records may be stored again.
    pub fn suppress_nothing(&mut self) {
        self.suppressed.clear();
    }

    /// Lets later comparisons read what this commit made durable.
    pub fn set_history(&mut self, view: PackView) {
        self.committed = (self.position.node, self.position.segment);
        self.history = Some(view);
    }
}
