//! What every record says of itself, for reports: who, when, which model, how it went, and which prompt and tools it was sent with.
//!
//! Skeletons of all records ([`super::bones`]) are read once on all threads. Names are interned: a fact is some sixty bytes.
//! Records that mean more after the lines before them are read again in the order of their source.

mod read;

use std::sync::atomic::AtomicU8;

use rustc_hash::{FxHashMap, FxHashSet};

use super::bones::Heads;
use super::census::Census;
use super::charge::NOBODY;
use crate::error::Result;
use crate::shape::{FileState, Record};
use crate::vault::ahead::in_order;
use crate::vault::api::Time;
use crate::vault::filter::{Sieve, TypeSet, Verdict};
use crate::vault::meaning::{Part, Scan, jobs};
use crate::vault::snapshot::Snapshot;
use crate::vault::sources::State;
use read::{Batch, Read, Reader};

/// A segment whose type no record tells.
pub(super) const NO_TYPE: u8 = u8::MAX;

/// A name by its number; 0 is none.
pub(super) type Name = u32;

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) app: Name,
    pub(super) model: Name,
    /// The kind of error; 0 where none is told.
    pub(super) error: Name,
    pub(super) time: Option<i64>,
    pub(super) latency_ms: Option<f32>,
    pub(super) ttft_ms: Option<f32>,
    pub(super) quality: Option<f32>,
    pub(super) tokens_in: u64,
    pub(super) tokens_out: u64,
    /// Its system prompt; 0 for none.
    pub(super) prompt: u32,
    /// Its list of tools; 0 for none.
    pub(super) tools: u32,
    /// What the filter says.
    pub(super) verdict: Verdict,
}

/// A prompt or a definition of a tool, as it stands in a skeleton.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The pack of the record it was seen in first.
    pub(super) pack: usize,
    /// The text, with marks.
    pub(super) text: String,
    /// It is the JSON that defines a tool.
    pub(super) is_tool: bool,
}

/// Facts of all records.
pub(super) struct Facts {
    names: Vec<String>,
    known: FxHashMap<String, Name>,
    of: FxHashMap<u64, Fact>,
    /// Type of each segment of each pack.
    pub(super) types: Vec<Vec<u8>>,
    /// Tool of each segment that belongs to one, by pack.
    pub(super) tool_of: Vec<FxHashMap<u32, Name>>,
    /// Prompts; number 0 is none.
    pub(super) prompts: Vec<Piece>,
    /// Definitions of tools.
    pub(super) definitions: Vec<Piece>,
    /// Lists of definitions; number 0 is the empty one.
    pub(super) toolsets: Vec<Vec<u32>>,
    /// What marks in prompts and definitions stand for, by pack.
    pub(super) heads: Vec<Heads>,
    /// Parts of the latency of records that tell them.
    pub(super) components: Vec<(u64, Vec<(Name, f32)>)>,
}

impl Facts {
    /// Reads all records in `numbers`, sorted; what their parts are, prompts and tools among them, only with `of_parts`.
    ///
    /// # Errors
    /// When the vault is damaged.
    pub(super) fn read(
        snapshot: &Snapshot,
        state: &State,
        threads: usize,
        numbers: &[u64],
        sieve: &Sieve<'_>,
        censuses: &[Census],
        of_parts: bool,
    ) -> Result<Facts> {
        let mut heads = Vec::with_capacity(censuses.len());
        for (pack, census) in censuses.iter().enumerate() {
            let live = |number: u64| if numbers.binary_search(&number).is_ok() { number } else { NOBODY };
            let (owners, _) = census.hand_down(NOBODY, live, u64::min);
            heads.push(Heads::read(snapshot, pack, threads, owners)?);
        }
        let scan = Scan::new(snapshot, threads, false)?;
        let reader = Reader {
            scan: &scan,
            sieve,
            heads: &heads,
            always_scoped: !state.mappings.is_empty(),
            redact: snapshot.redacts(),
            of_parts,
        };
        let types: Vec<Vec<AtomicU8>> =
            heads.iter().map(|heads| (0..heads.len()).map(|_| AtomicU8::new(NO_TYPE)).collect()).collect();
        let empty = Piece { pack: 0, text: String::new(), is_tool: false };
        let mut facts = Facts {
            names: vec![String::new()],
            known: FxHashMap::default(),
            of: FxHashMap::default(),
            types: Vec::new(),
            tool_of: vec![FxHashMap::default(); heads.len()],
            prompts: vec![empty],
            definitions: Vec::new(),
            toolsets: vec![Vec::new()],
            heads: Vec::new(),
            components: Vec::new(),
        };
        facts.of.reserve(numbers.len());
        let mut numbering = Numbering::default();
        let mut scoped = FxHashSet::default();
        in_order(
            snapshot,
            threads,
            jobs(snapshot, numbers),
            |fetcher, numbers| reader.batch(fetcher, numbers, &types),
            |batch| {
                scoped.extend(batch.records.iter().filter(|read| read.scoped).map(|read| read.number));
                facts.take(batch, &mut numbering);
                Ok(())
            },
        )?;
        if !scoped.is_empty() {
            facts.read_in_context(snapshot, state, threads, &reader, &scoped)?;
        }
        facts.heads = heads;
        facts.types = types.into_iter().map(|pack| pack.into_iter().map(AtomicU8::into_inner).collect()).collect();
        Ok(facts)
    }

    /// The fact of a record.
    pub(super) fn get(&self, number: u64) -> Option<&Fact> {
        self.of.get(&number)
    }

    /// The text of a name.
    pub(super) fn name(&self, name: Name) -> Option<&str> {
        self.names.get(name as usize).map(String::as_str).filter(|_| name > 0)
    }

    fn intern(&mut self, text: Option<&str>) -> Name {
        let Some(text) = text else { return 0 };
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        self.names.push(text.to_string());
        let name = (self.names.len() - 1) as Name;
        self.known.insert(text.to_string(), name);
        name
    }

    fn fact(&mut self, read: &Read) -> Fact {
        let meaning = &read.meaning;
        let kind = if meaning.error { Some(error_kind(read.metadata.error.as_deref().unwrap_or("error"))) } else { None };
        Fact {
            app: self.intern(meaning.application.as_deref()),
            model: self.intern(meaning.model.as_deref()),
            error: self.intern(kind.as_deref()),
            time: meaning.time.map(|Time(time)| time),
            latency_ms: meaning.latency_ms.map(|value| value as f32),
            ttft_ms: read.metadata.ttft_ms.map(|value| value as f32),
            quality: read.metadata.quality.map(|value| value as f32),
            tokens_in: meaning.tokens[0],
            tokens_out: meaning.tokens[3],
            prompt: 0,
            tools: 0,
            verdict: read.verdict,
        }
    }

    fn take(&mut self, batch: Batch, numbering: &mut Numbering) {
        for (hash, piece) in batch.pieces {
            let list = if piece.is_tool { &mut self.definitions } else { &mut self.prompts };
            numbering.pieces.entry(hash).or_insert_with(|| {
                list.push(piece);
                (list.len() - 1) as u32
            });
        }
        for (pack, segment, tool) in batch.tools {
            let tool = self.intern(Some(&tool));
            self.tool_of[pack].entry(segment).or_insert(tool);
        }
        for read in batch.records {
            let mut fact = self.fact(&read);
            fact.prompt = numbering.pieces.get(&read.prompt).copied().unwrap_or_default();
            if !read.tools.is_empty() {
                let list: Vec<u32> = read.tools.iter().filter_map(|hash| numbering.pieces.get(hash).copied()).collect();
                let next = self.toolsets.len() as u32;
                let toolsets = &mut self.toolsets;
                fact.tools = *numbering.toolsets.entry(list).or_insert_with_key(|list| {
                    toolsets.push(list.clone());
                    next
                });
            }
            if !read.components.is_empty() {
                let named = read.components.iter().map(|(name, value)| (self.intern(Some(name)), *value)).collect();
                self.components.push((read.number, named));
            }
            self.of.insert(read.number, fact);
        }
    }

    /// Reads lines that depend on those before them once more, in order.
    fn read_in_context(
        &mut self,
        snapshot: &Snapshot,
        state: &State,
        threads: usize,
        reader: &Reader<'_>,
        scoped: &FxHashSet<u64>,
    ) -> Result<()> {
        in_order(
            snapshot,
            threads,
            state.in_order(),
            |fetcher, source| {
                let mut file = FileState::from_source_name(&source.state.name);
                let (mut bytes, mut reads) = (Vec::new(), Vec::new());
                for (_, number) in Part::whole(source).live(state).filter(|(_, number)| scoped.contains(number)) {
                    bytes.clear();
                    if let Some(pack) = reader.skeleton(fetcher, number, &mut bytes)? {
                        let record = Record::read(&bytes);
                        let detection = reader.scan.detect(&record, Some(&source.state.name));
                        let metadata = reader.clean(pack, record.metadata(&detection, &mut file));
                        reads.push(reader.understood(number, &bytes, &record, &detection, metadata, TypeSet::default()));
                    }
                }
                Ok(reads)
            },
            |reads| {
                for read in reads {
                    let fact = self.fact(&read);
                    if let Some(known) = self.of.get_mut(&read.number) {
                        let (prompt, tools) = (known.prompt, known.tools);
                        // Types were told by the first reading.
                        let verdict = if known.verdict == Verdict::Out && reader.sieve.looks_at_types() {
                            Verdict::Out
                        } else {
                            fact.verdict
                        };
                        *known = Fact { prompt, tools, verdict, ..fact };
                    }
                }
                Ok(())
            },
        )
    }
}

/// Numbers of prompts, definitions and lists of them by hash.
#[derive(Default)]
struct Numbering {
    pieces: FxHashMap<u64, u32>,
    toolsets: FxHashMap<Vec<u32>, u32>,
}

/// An error without what is different each time: the kind that errors are counted by.
fn error_kind(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let mut kind = String::new();
    for c in first.chars().take(80) {
        let c = if c.is_ascii_digit() && !first.starts_with("HTTP") { '#' } else { c };
        if !(c == '#' && kind.ends_with('#')) {
            kind.push(c);
        }
    }
    kind.trim().to_string()
}
