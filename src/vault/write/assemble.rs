//! Giving out numbers: cuts become nodes, segments and records of the open pack.
//!
//! One thread, in input order, so that numbers depend on the input alone. Equal content gets one number: a fingerprint finds
//! candidates, a byte comparison decides, against memory for what is recent and against the pack itself for what is not.

mod commit;
mod nodes;
mod state;
mod texts;

use nodes::AHEAD;
pub use state::{Counts, RecentPrints};
use texts::SegmentMemory;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::catalog::GroupPrints;
use crate::codec::vocabulary::Coder;
use crate::error::Result;
use crate::group::build::{GroupBuilder, Item, Target};
use crate::pack::frame::form;
use crate::record::cut::{self, CutOptions, Cuts, Place, UNOPENED, class};
use crate::record::known::Known;
use crate::record::template::{Slot, SlotKind};
use crate::text::{Anchor, Matcher, Piece};
use crate::vault::view::PackView;
use crate::vault::write::encode::{Dictionaries, Encoder, Job, Sink, Star};
use crate::vault::write::literal::{Block, Literals};
use crate::vault::write::memory::NodeMemory;
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

const UNSEEN: u32 = u32::MAX;

/// A root and its record in a hash table.
const ROOT_BYTES: usize = 18;

/// Nodes and segments shorter than this are not looked for in older sessions when a catalog is kept: finding one again would
/// save less than remembering all of them costs.
pub const PRINTED_BYTES: usize = 256;

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
}
