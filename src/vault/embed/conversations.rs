//! Conversations as one vector each: what is said in one is put together, or summed up by a command, and embedded.
//!
//! Their parts are like those of texts: a conversation's hash is that of its id, and what holds it are its records. They go by a name of their
//! own (`conversations:concat:4000:builtin-1`), so that several kinds live side by side. A conversation that has grown, or has lost a
//! record, is embedded anew; one that has not keeps its vector.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::fsio;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::shape::Record;
use crate::vault::Vault;
use crate::vault::api::{ConversationSummary, EmbedModel, EmbedOptions, EmbedReport, Filter, RefusedText};
use crate::vault::embed::backend::{Backend, sum_up};
use crate::vault::embed::keep::{self, Shelf};
use crate::vault::embed::{REFUSED_SHOWN, shown};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::{Sieve, TypeSet, select};
use crate::vault::meaning::Scan;
use crate::vault::snapshot::Snapshot;
use crate::vectors::builtin::{DIMENSION, Embedder};
use crate::vectors::metric::Form;
use crate::vectors::part::{Built, MOST_ROWS, Run, Text, join_runs};
use crate::vectors::quantize::MOST_DIMENSIONS;

/// Conversations read and embedded together.
const TOGETHER: usize = 512;
/// A command that sums up is given at most so much of a conversation.
const MOST_SUMMED_UP: usize = 1 << 20;
/// What the names of such vectors begin with.
const PREFIX: &str = "conversations:";

/// The name that vectors of conversations are kept under.
pub(crate) fn name_of(summary: &ConversationSummary, model: &str) -> String {
    match summary {
        ConversationSummary::Concat(length) => format!("{PREFIX}concat:{length}:{model}"),
        ConversationSummary::Command(_) => format!("{PREFIX}command:{model}"),
    }
}

/// True for the name of vectors of conversations, by this model or any.
pub(crate) fn is_conversations(name: &str, model: Option<&str>) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| model.is_none_or(|model| rest.ends_with(&format!(":{model}"))))
}

/// A conversation: hash of its name, its records in order.
struct Conversation {
    hash: u64,
    records: Vec<u64>,
}

/// What the summary of a conversation is made of.
struct Source<'s> {
    snapshot: &'s Snapshot,
    scan: Scan<'s>,
    types: u32,
    /// Bytes of text after which no more is taken.
    most: usize,
}

impl Vault {
    /// Embeds the conversations that changed. `pending` are the records no vector of a conversation knows yet.
    pub(super) fn embed_conversations(
        &self,
        snapshot: &Snapshot,
        options: &EmbedOptions,
        (summary, mut form, types, pending): (&ConversationSummary, Form, u32, &[u64]),
        report: &mut EmbedReport,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut backend = Backend::new(self, &options.model)?;
        let old_files = keep::of_model(snapshot, &report.model)?;
        let shelf = Shelf::open(snapshot)?;
        let mut old = old_texts(&shelf, &report.model);
        if pending.is_empty() {
            return Ok(());
        }
        let conversations = conversations(self, snapshot)?;
        if conversations.len() > MOST_ROWS {
            return Err(Error::Usage(format!("{} conversations; {MOST_ROWS} at most can have vectors", conversations.len())));
        }
        progress.phase("embedding conversations", Some(conversations.len() as u64));
        let most = if let ConversationSummary::Concat(length) = summary { *length } else { MOST_SUMMED_UP };
        let source = Source { snapshot, scan: Scan::new(snapshot, 1, false)?, types, most };
        let (mut texts, mut known) = (Vec::with_capacity(conversations.len()), Vec::new());
        for chunk in conversations.chunks(TOGETHER) {
            let (same, changed): (Vec<&Conversation>, Vec<&Conversation>) = chunk.iter().partition(|conversation| {
                let before = old.get(&conversation.hash);
                interrupt.is_raised() || !options.all && before.is_some_and(|before| before.holders == conversation.records)
            });
            // Of one that was not come to, what there was stays; it is pending still.
            for conversation in same {
                if let Some(text) = old.remove(&conversation.hash) {
                    if text.holders == conversation.records {
                        known.extend(text.holders.iter().map(|number| Run { first: *number, count: 1 }));
                    }
                    texts.push(text);
                }
            }
            let summaries = self.pool()?.install(|| source.texts(&changed))?;
            let made = make(&mut backend, summary, &changed, summaries, &mut form, report)?;
            report.vectors += made.iter().filter(|text| !text.vectors.is_empty()).count() as u64;
            known.extend(made.iter().flat_map(|text| &text.holders).map(|number| Run { first: *number, count: 1 }));
            texts.extend(made);
            progress.advance(chunk.len() as u64);
        }
        let there = shelf.parts(Some(&report.model)).first().map(|part| part.form);
        if interrupt.is_raised() && there.is_some_and(|there| there != form) {
            // What was not come to cannot lie in one part with vectors of another form: all stays as it was.
            (report.texts, report.vectors) = (0, 0);
            return Ok(());
        }
        report.texts = report.vectors;
        let known = join_runs(known);
        let left = pending.iter().filter(|number| !holds(&known, **number)).count() as u64;
        (report.records, report.pending) = (report.pending - left, left);
        texts.sort_unstable_by_key(|text| text.hash);
        if form.dimension > 0 {
            let (vault, model) = (snapshot.head.vault_id, report.model.clone());
            keep::write(snapshot.layout(), &Built { vault, model, types, form, known, texts, graph: None })?;
            drop(shelf);
            old_files.iter().try_for_each(|path| fsio::remove(path))?;
        }
        Ok(())
    }
}

fn holds(runs: &[Run], number: u64) -> bool {
    let at = runs.partition_point(|run| run.first <= number);
    at.checked_sub(1).and_then(|at| runs.get(at)).is_some_and(|run| number - run.first < run.count)
}

fn old_texts(shelf: &Shelf, model: &str) -> FxHashMap<u64, Text> {
    let mut old = FxHashMap::default();
    for part in shelf.parts(Some(model)) {
        old.extend((0..part.texts()).map(|text| (part.hash(text), part.take(text))));
    }
    old
}

/// All conversations, in the order they began; a record without one is one by itself.
fn conversations(vault: &Vault, snapshot: &Snapshot) -> Result<Vec<Conversation>> {
    let (state, filter) = (snapshot.state()?, Filter::default());
    let sieve = Sieve::new(&filter)?;
    let mut of_hash: FxHashMap<u64, usize> = FxHashMap::default();
    let mut all: Vec<Conversation> = Vec::new();
    let shown = shown(snapshot)?;
    Scan::for_filter(snapshot, vault.threads(), false, &sieve)?.lines(&select(state, &filter, true)?, |line| {
        if !shown.contains(line.number) {
            return Ok(());
        }
        let name = line.meaning.conversation.as_deref();
        let name = name.map_or_else(|| format!("record {}", line.number), str::to_string);
        let hash = content_hash(name.as_bytes()) as u64;
        let at = *of_hash.entry(hash).or_insert_with(|| {
            all.push(Conversation { hash, records: Vec::new() });
            all.len() - 1
        });
        all.get_mut(at).into_iter().for_each(|conversation| conversation.records.push(line.number));
        Ok(())
    })?;
    for conversation in &mut all {
        conversation.records.sort_unstable();
        conversation.records.dedup();
    }
    Ok(all)
}

impl Source<'_> {
    fn texts(&self, conversations: &[&Conversation]) -> Result<Vec<(u32, String)>> {
        let read = |fetcher: &mut Fetcher<'_>, conversation: &&Conversation| self.text(fetcher, conversation);
        conversations.par_iter().map_init(|| Fetcher::new(self.snapshot), read).collect()
    }

    /// What is said in a conversation, each text once, in the order it was said first; with the types it has.
    fn text(&self, fetcher: &mut Fetcher<'_>, conversation: &Conversation) -> Result<(u32, String)> {
        let (mut said, mut types, mut seen, mut line) = (String::new(), 0, rustc_hash::FxHashSet::default(), Vec::new());
        for &number in &conversation.records {
            line.clear();
            if said.len() >= self.most || !fetcher.record(number, &mut line)? {
                continue;
            }
            let record = Record::read(&line);
            record.texts(&self.scan.detect(&record, None), &mut |spoken| {
                let kind = TypeSet::of(spoken.kind).bits() as u32;
                if kind & self.types == 0 || said.len() >= self.most || !seen.insert(content_hash(spoken.text.as_bytes())) {
                    return;
                }
                types |= kind;
                said.push_str(spoken.text);
                said.push('\n');
            });
        }
        let end = (0..=self.most.min(said.len())).rev().find(|end| said.is_char_boundary(*end)).unwrap_or(0);
        said.truncate(end);
        Ok((types, said))
    }
}

/// The vectors of some conversations.
fn make(
    backend: &mut Backend,
    summary: &ConversationSummary,
    conversations: &[&Conversation],
    texts: Vec<(u32, String)>,
    form: &mut Form,
    report: &mut EmbedReport,
) -> Result<Vec<Text>> {
    let (types, mut said): (Vec<u32>, Vec<String>) = texts.into_iter().unzip();
    if let ConversationSummary::Command(command) = summary {
        said = sum_up(command, &said)?;
    }
    let vectors: Vec<Vec<f32>> = match backend {
        Backend::Builtin => {
            let embed = |embedder: &mut Embedder, text: &String| embedder.embed(text.as_bytes()).to_vec();
            form.dimension = DIMENSION;
            said.par_iter().map_init(Embedder::new, embed).collect()
        }
        Backend::Log => return Err(Error::Usage("vectors from the log are of texts; conversations have none there".into())),
        Backend::Outside(outside) => {
            let mut vectors = Vec::with_capacity(said.len());
            for batch in said.chunks(outside.together()) {
                vectors.extend(outside.embed(&batch.iter().map(String::as_str).collect::<Vec<_>>())?);
            }
            vectors
        }
    };
    let mut made = Vec::with_capacity(conversations.len());
    for ((conversation, types), vector) in conversations.iter().zip(types).zip(vectors) {
        if form.dimension == 0 {
            form.dimension = vector.len();
        }
        if vector.len() != form.dimension || vector.len() > MOST_DIMENSIONS {
            return Err(Error::Usage(format!(
                "a vector of {} dimensions, the vectors of {} have {}; embed everything anew with --all",
                vector.len(),
                report.model,
                form.dimension
            )));
        }
        let mut text = Text { hash: conversation.hash, types, holders: conversation.records.clone(), ..Text::default() };
        match text.vectors.add(0, &vector, *form) {
            Ok(()) => {}
            // The built-in embedder has no words to go by, which is no fault of the conversation.
            Err(_) if matches!(backend, Backend::Builtin) => report.without_words += 1,
            Err(unusable) => {
                report.refused_count += 1;
                if report.refused.len() < REFUSED_SHOWN {
                    let record = conversation.records.first().map_or(String::new(), u64::to_string);
                    report.refused.push(RefusedText {
                        record,
                        segment: format!("{:016x}", conversation.hash),
                        reason: unusable.to_string(),
                    });
                }
            }
        }
        made.push(text);
    }
    Ok(made)
}

/// The model asked for, where it can embed conversations.
pub(super) fn name(summary: Option<&ConversationSummary>, model: &EmbedModel) -> String {
    summary.map_or_else(|| model.name().to_string(), |summary| name_of(summary, model.name()))
}
