//! Coding on all cores, writing in order.
//!
//! The assembler hands over blocks, groups and commits; they are coded by the thread pool in any order and reach the one writer
//! in the order they were handed over, so that the pack's bytes do not depend on threads. At most a fixed number are under way:
//! whoever hands over more waits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rayon::ThreadPool;

use crate::codec::vocabulary::Coder;
use crate::codec::{self, Strength, packing};
use crate::error::{Error, Result};
use crate::group;
use crate::group::build::GroupBuilder;
use crate::pack::directory::{BlockEntry, Directory, GroupEntry, TemplatesEntry};
use crate::pack::frame::{self, Kind};
use crate::record::cut::class;
use crate::vault::write::literal::Block;

/// How hard to compress.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    /// zstd level of text.
    pub text: i32,
    /// zstd level of base64 and its like.
    pub dense: i32,
    /// zstd level of group streams.
    pub group: i32,
    /// PPMd where it is smaller.
    pub cold: bool,
}

impl Levels {
    /// Fast enough to keep up with a log.
    pub const INGEST: Levels = Levels { text: 1, dense: 1, group: 1, cold: false };
}

/// Something to be written.
pub enum Job {
    /// A block of a literal stream, perhaps of a star.
    Block(Block, Option<Arc<Star>>),
    /// A dictionary: its [`frame::form`] and what follows it.
    Dictionary(u8, Arc<Vec<u8>>),
    /// A group.
    Group(Box<GroupBuilder>),
    /// Templates: number of the first, and their bytes.
    Templates(u32, Vec<Vec<u8>>),
    /// A journal entry list, and the one before it in the pack.
    Journal(Arc<Vec<u8>>, Option<Arc<Vec<u8>>>),
    /// A journal that says again what all before it in the pack say.
    WholeJournal(Arc<Vec<u8>>),
    /// Everything before belongs to a commit.
    Commit(Commit),
}

/// Dictionaries and vocabularies are few: they may cost time.
const DICTIONARY_LEVEL: i32 = 19;

/// Blocks and groups up to this size may use a dictionary: larger ones have enough of their own to repeat.
pub const SMALL: usize = 128 << 10;

/// What is small may cost time: a commit has one or two such blocks, and milliseconds.
pub const SMALL_LEVEL: i32 = 18;

/// A zstd dictionary of the pack.
#[derive(Clone)]
pub struct Dictionary {
    /// Its place among the pack's dictionaries.
    pub number: u32,
    /// The dictionary.
    pub bytes: Arc<Vec<u8>>,
}

/// What small blocks and groups are compressed with.
#[derive(Clone, Default)]
pub struct Dictionaries {
    /// For text.
    pub text: Option<Dictionary>,
    /// For groups.
    pub groups: Option<Dictionary>,
    /// For journals.
    pub journals: Option<Dictionary>,
    /// Not stored yet: [`frame::form`] and bytes, in the order of their numbers.
    pub new: Vec<(u8, Arc<Vec<u8>>)>,
    /// The number the next one gets.
    pub next: u32,
}

impl Dictionaries {
    /// Uses a new dictionary from here on.
    pub fn add(&mut self, form: u8, bytes: Arc<Vec<u8>>) {
        let dictionary = Some(Dictionary { number: self.next, bytes: Arc::clone(&bytes) });
        match form {
            frame::form::ZSTD_GROUPS => self.groups = dictionary,
            frame::form::ZSTD_JOURNALS => self.journals = dictionary,
            _ => self.text = dictionary,
        }
        self.next += 1;
        self.new.push((form, bytes));
    }
}

/// Blocks that rest on the first of them.
pub struct Star {
    index: u32,
    text: Arc<Vec<u8>>,
    /// Bytes of its text that the others rest on.
    rest: usize,
    /// The first block's text in codes, or nothing where that does not pay; worked out by whoever needs it first.
    coded: OnceLock<Option<Vec<u8>>>,
}

impl Star {
    /// A star whose first block is the `index`-th of its class; the others rest on the first `rest` bytes of it.
    #[must_use]
    pub fn new(index: u32, text: Arc<Vec<u8>>, rest: usize) -> Star {
        Star { index, text, rest, coded: OnceLock::new() }
    }

    fn coded(&self, coder: Option<&Coder>) -> Option<&[u8]> {
        self.coded.get_or_init(|| coder.and_then(|coder| worth_coding(&self.text, coder))).as_deref()
    }

    /// What the others rest on: the start of the first block, so that reading them need not wait for all of it.
    fn prefix(&self, coder: Option<&Coder>) -> &[u8] {
        let first = self.coded(coder).unwrap_or(&self.text);
        let share = self.rest.min(self.text.len()) as u64 * first.len() as u64 / self.text.len().max(1) as u64;
        first.get(..share as usize).unwrap_or(first)
    }
}

/// A block this part of which is compressed both ways, quickly, to see which is smaller: 1/4.
const TRIAL: usize = 4;
const TRIAL_LEVEL: i32 = 6;

/// A text in codes, unless it seems smaller as it is. Number 0: a pack has one vocabulary.
fn worth_coding(text: &[u8], coder: &Coder) -> Option<Vec<u8>> {
    let part = text.get(..(text.len() / TRIAL).max(256 << 10).min(text.len())).unwrap_or_default();
    let size = |bytes: &[u8]| codec::compress(bytes, TRIAL_LEVEL).map_or(bytes.len(), |packed| packed.len());
    (size(&coder.code(part, 0)) < size(part)).then(|| coder.code(text, 0))
}

/// What the writer needs for a commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Number after the last record given out.
    pub next_record: u64,
    /// The pack is full: the next job belongs to a new one.
    pub seal: bool,
}

/// Puts a frame into the directory, once its offset is known.
pub type Enter = Box<dyn FnOnce(u64, &mut Directory) + Send>;

/// A coded job on its way to the writer.
pub enum Coded {
    /// A frame and what to put into the directory once its offset is known.
    Frame(Vec<u8>, Enter),
    /// End of a commit.
    Commit(Commit),
}

/// Receives coded jobs in order, on the writer thread.
pub trait Sink: Send + 'static {
    /// Takes the next one.
    ///
    /// # Errors
    /// When writing fails; nothing is written after that.
    fn take(&mut self, coded: Coded) -> Result<()>;
}

/// The way from the assembler to the writer.
pub struct Encoder<S: Sink> {
    pool: Arc<ThreadPool>,
    levels: Levels,
    coder: Option<Arc<Coder>>,
    dictionaries: Arc<Dictionaries>,
    sequence: u64,
    permits: (Sender<()>, Receiver<()>),
    results: Sender<(u64, Coded)>,
    /// Groups that are written, to be filled again.
    used: (Sender<Box<GroupBuilder>>, Receiver<Box<GroupBuilder>>),
    /// Memory of blocks that are coded.
    blocks: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    writer: Option<JoinHandle<Result<S>>>,
}

impl<S: Sink> Encoder<S> {
    /// Starts the writer thread.
    #[must_use]
    pub fn start(pool: Arc<ThreadPool>, levels: Levels, sink: S) -> Encoder<S> {
        let under_way = pool.current_num_threads() * 2 + 2;
        let permits = bounded(under_way);
        let (results, incoming) = unbounded::<(u64, Coded)>();
        let release = permits.1.clone();
        let writer = std::thread::spawn(move || write_in_order(sink, &incoming, &release));
        let (used, blocks) = (bounded(under_way), bounded(under_way));
        Encoder {
            pool,
            levels,
            coder: None,
            dictionaries: Arc::default(),
            sequence: 0,
            permits,
            results,
            used,
            blocks,
            writer: Some(writer),
        }
    }

    /// Codes text with a vocabulary from here on, where that makes it smaller; with none, no more.
    pub fn use_vocabulary(&mut self, coder: Option<Arc<Coder>>) {
        self.coder = coder;
    }

    /// Compresses small blocks and groups with these from here on.
    pub fn use_dictionaries(&mut self, dictionaries: Arc<Dictionaries>) {
        self.dictionaries = dictionaries;
    }

    /// A group that is written and can be renewed, or a new one.
    #[must_use]
    pub fn spare_group(&self) -> Box<GroupBuilder> {
        self.used.1.try_recv().unwrap_or_default()
    }

    /// Memory for the text of another block, if there is some.
    #[must_use]
    pub fn spare_block(&self) -> Option<Vec<u8>> {
        self.blocks.1.try_recv().ok()
    }

    /// Hands over a job; waits while too many are under way.
    ///
    /// # Errors
    /// When the writer has failed.
    pub fn push(&mut self, job: Job) -> Result<()> {
        if self.writer.as_ref().is_none_or(JoinHandle::is_finished) || self.permits.0.send(()).is_err() {
            return Err(self.finish().err().unwrap_or_else(|| Error::Internal("the writer stopped early".into())));
        }
        let (sequence, levels, coder) = (self.sequence, self.levels, self.coder.clone());
        let (results, dictionaries) = (self.results.clone(), Arc::clone(&self.dictionaries));
        let spare = Spare { groups: self.used.0.clone(), blocks: self.blocks.0.clone() };
        self.sequence += 1;
        self.pool.spawn(move || {
            // A closed channel means the writer failed: whoever pushes next is told.
            let _ = results.send((sequence, code(job, levels, coder.as_deref(), &dictionaries, &spare)));
        });
        Ok(())
    }

    /// True when the writer has failed.
    #[must_use]
    pub fn writer_stopped(&self) -> bool {
        self.writer.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until everything handed over is written; gives back the sink.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn finish(&mut self) -> Result<S> {
        let (closed, _) = unbounded();
        self.results = closed;
        let writer = self.writer.take().ok_or_else(|| Error::Internal("the writer was already finished".into()))?;
        writer.join().map_err(|_| Error::Internal("the writer thread panicked".into()))?
    }
}

fn write_in_order<S: Sink>(mut sink: S, incoming: &Receiver<(u64, Coded)>, release: &Receiver<()>) -> Result<S> {
    let mut next = 0;
    let mut waiting = BTreeMap::new();
    let mut outcome = Ok(());
    for (sequence, coded) in incoming {
        waiting.insert(sequence, coded);
        while let Some(coded) = waiting.remove(&next) {
            next += 1;
            if outcome.is_ok() {
                outcome = sink.take(coded);
            }
            // After a failure jobs are only drained, so that nobody waits for ever.
            let _ = release.recv();
        }
        if outcome.is_err() {
            break;
        }
    }
    // Whoever waits for a permit must wake up: the channel of permits closes with its last receiver.
    while outcome.is_err() && release.try_recv().is_ok() {}
    outcome.map(|()| sink)
}

/// Where memory goes that will be needed again: fresh memory costs more than what is done in it. A full shelf is no loss.
struct Spare {
    groups: Sender<Box<GroupBuilder>>,
    blocks: Sender<Vec<u8>>,
}

fn code(job: Job, levels: Levels, coder: Option<&Coder>, dictionaries: &Dictionaries, spare: &Spare) -> Coded {
    match job {
        Job::Block(block, star) => {
            let level = if block.class == class::DENSE { levels.dense } else { levels.text };
            let entry = BlockEntry { offset: 0, class: block.class, start: block.start, length: block.bytes.len() as u32 };
            let coder = coder.filter(|_| block.class != class::DENSE);
            let strength = Strength { level, cold: levels.cold };
            let dictionary = dictionaries.text.as_ref().filter(|_| block.class == class::TEXT && star.is_none());
            let frame = with_dictionary(Kind::Block, &block.bytes, level, dictionary)
                .unwrap_or_else(|| block_frame(&block, strength, star.as_deref(), coder));
            if let Some(bytes) = Arc::into_inner(block.bytes) {
                let _ = spare.blocks.try_send(bytes);
            }
            Coded::Frame(frame, Box::new(move |offset, directory| directory.blocks.push(BlockEntry { offset, ..entry })))
        }
        Job::Group(mut group) => {
            let frame = group_frame(&group, Strength { level: levels.group, cold: levels.cold }, dictionaries.groups.as_ref());
            let entry = GroupEntry {
                offset: 0,
                first_node: group.first_node,
                nodes: group.nodes(),
                first_segment: group.first_segment,
                segments: group.segments,
                records: group.runs.drain(..).collect(),
            };
            let _ = spare.groups.try_send(group);
            Coded::Frame(frame, Box::new(move |offset, directory| directory.groups.push(GroupEntry { offset, ..entry })))
        }
        Job::Templates(first, templates) => {
            let count = templates.len() as u32;
            let mut raw = Vec::new();
            templates.iter().for_each(|template| crate::bytes::Put::put_bytes(&mut raw, template));
            let frame = compressed_frame(Kind::Templates, &raw, levels.group);
            Coded::Frame(
                frame,
                Box::new(move |offset, directory| directory.templates.push(TemplatesEntry { offset, first, count })),
            )
        }
        Job::Dictionary(form, stored) => {
            let frame =
                compressed_frame(Kind::Dictionary, &[&[form], stored.as_slice()].concat(), levels.group.max(DICTIONARY_LEVEL));
            Coded::Frame(frame, Box::new(move |offset, directory| directory.dictionaries.push(offset)))
        }
        Job::Journal(raw, before) => {
            // Sources keep the last bytes of their text, which are like any text.
            let frame = after_journal(&raw, before.as_deref(), levels.group, dictionaries.journals.as_ref())
                .or_else(|| with_dictionary(Kind::Journal, &raw, levels.group, dictionaries.journals.as_ref()))
                .unwrap_or_else(|| compressed_frame(Kind::Journal, &raw, levels.group));
            Coded::Frame(frame, Box::new(move |offset, directory| directory.journals.push(offset)))
        }
        Job::WholeJournal(raw) => {
            let frame = compressed_frame(Kind::Journal, &raw, levels.group.max(WHOLE_JOURNAL_LEVEL));
            Coded::Frame(
                frame,
                Box::new(move |offset, directory| {
                    directory.journals.push(offset);
                    directory.whole_journal = offset;
                }),
            )
        }
        Job::Commit(commit) => Coded::Commit(commit),
    }
}

/// There is one in a pack.
const WHOLE_JOURNAL_LEVEL: i32 = 9;

/// A frame, compressed where that makes it smaller.
#[must_use]
pub fn compressed_frame(kind: Kind, raw: &[u8], level: i32) -> Vec<u8> {
    match codec::compress(raw, level) {
        Some(packed) => frame::build(kind, frame::codec::ZSTD, raw, &packed),
        None => frame::build_raw(kind, raw),
    }
}

/// A small payload with a dictionary; `None` where there is none or it does not help.
fn with_dictionary(kind: Kind, raw: &[u8], level: i32, dictionary: Option<&Dictionary>) -> Option<Vec<u8>> {
    let dictionary = dictionary.filter(|_| raw.len() <= SMALL)?;
    let packed = codec::compress_with_dictionary(raw, level.max(SMALL_LEVEL), &dictionary.bytes)?;
    let mut payload = Vec::with_capacity(packed.len() + 5);
    crate::bytes::Put::put_varint(&mut payload, u64::from(dictionary.number));
    payload.extend_from_slice(&packed);
    Some(frame::build(kind, frame::codec::ZSTD_DICTIONARY, raw, &payload))
}

/// A journal after the one before it: a source that grows says nearly the same each time.
fn after_journal(raw: &[u8], before: Option<&Vec<u8>>, level: i32, dictionary: Option<&Dictionary>) -> Option<Vec<u8>> {
    let before = before.filter(|before| before.len().max(raw.len()) <= SMALL)?;
    let known = dictionary.map_or(&[][..], |dictionary| dictionary.bytes.as_slice());
    let packed = codec::compress_with_prefix(raw, level.max(SMALL_LEVEL), Some(&[known, before.as_slice()].concat()))?;
    let mut payload = Vec::with_capacity(packed.len() + 5);
    crate::bytes::Put::put_varint(&mut payload, dictionary.map_or(0, |dictionary| u64::from(dictionary.number) + 1));
    payload.extend_from_slice(&packed);
    Some(frame::build(Kind::Journal, frame::codec::ZSTD_AFTER, raw, &payload))
}

/// A group, its streams compressed each by itself; a small one as a whole.
fn group_frame(group: &GroupBuilder, strength: Strength, dictionary: Option<&Dictionary>) -> Vec<u8> {
    // Groups of a long ingest are twice as large: they have no time for this.
    if group.weight() <= SMALL / 2 && dictionary.is_some() {
        let plain = group::encode::encode(group, Strength::NONE);
        if let Some(frame) = with_dictionary(Kind::Group, &plain, strength.level, dictionary) {
            return frame;
        }
    }
    frame::build_raw(Kind::Group, &group::encode::encode(group, strength))
}

/// A block alone, or on the first of its star, in codes or as it is.
fn block_frame(block: &Block, strength: Strength, star: Option<&Star>, coder: Option<&Coder>) -> Vec<u8> {
    use frame::codec::{CODED, CODED_PREFIX, PPMD, PPMD_CODED, ZSTD, ZSTD_PREFIX};
    let text = block.bytes.as_slice();
    let base = star.filter(|star| !Arc::ptr_eq(&star.text, &block.bytes));
    let coded = match (star.and_then(|star| star.coded(coder)), base, coder) {
        (Some(_), Some(_), Some(coder)) => Some(Cow::Owned(coder.code(text, 0))),
        (Some(first), None, Some(_)) => Some(Cow::Borrowed(first)),
        _ => None,
    };
    let raw = coded.as_deref().unwrap_or(text);
    let is_coded = coded.is_some();
    if let Some(star) = base {
        let prefix = star.prefix(coder);
        if let Some(packed) = codec::compress_with_prefix(raw, strength.level, Some(prefix)) {
            let mut payload = Vec::with_capacity(packed.len() + 10);
            crate::bytes::Put::put_varint(&mut payload, u64::from(star.index));
            crate::bytes::Put::put_varint(&mut payload, prefix.len() as u64);
            payload.extend_from_slice(&packed);
            return frame::build(Kind::Block, if is_coded { CODED_PREFIX } else { ZSTD_PREFIX }, raw, &payload);
        }
    }
    match codec::pack(raw, strength) {
        (packing::PPMD, Some(packed)) => frame::build(Kind::Block, if is_coded { PPMD_CODED } else { PPMD }, raw, &packed),
        (_, Some(packed)) => frame::build(Kind::Block, if is_coded { CODED } else { ZSTD }, raw, &packed),
        (_, None) => frame::build_raw(Kind::Block, text),
    }
}
