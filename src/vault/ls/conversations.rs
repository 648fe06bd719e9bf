//! Conversations as `ls` shows them: what their records say together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::{hide_in_title, widen};
use crate::error::Result;
use crate::redact::redact_text;
use crate::shape::{Record, SegmentType};
use crate::vault::Vault;
use crate::vault::api::{ConversationRow, LsOptions, Time};
use crate::vault::export::{is_event, shape_of};
use crate::vault::fetch::Fetcher;
use crate::vault::filter::{Sieve, TypeSet, Verdict, newest_generations, select};
use crate::vault::get::shown_name;
use crate::vault::meaning::{Line, Scan};
use crate::vault::sources::State;

/// Characters of what the user said first, where that stands for a title.
const OPENING: usize = 80;
/// Records that are looked at for what the user said first.
const LOOKED_AT: usize = 4;

impl Vault {
    /// The conversations, latest last.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn ls_conversations(&self, options: &LsOptions) -> Result<Vec<ConversationRow>> {
        let snapshot = self.snapshot()?;
        let state = snapshot.state()?;
        let sieve = Sieve::new(&options.filter)?;
        let sources = select(state, &options.filter, true)?;
        let newest = newest_generations(state);
        let mut found: FxHashMap<Box<str>, Gathered> = FxHashMap::default();
        let scan = Scan::for_filter(&snapshot, self.threads(), true, &sieve)?;
        scan.lines(&sources, |line| {
            if let Some(id) = &line.meaning.conversation {
                if !found.contains_key(id) {
                    found.insert(id.clone(), Gathered::default());
                }
                if let Some(gathered) = found.get_mut(id) {
                    gathered.add(&line, &sieve);
                }
            }
            Ok(())
        })?;
        found.retain(|_, gathered| gathered.passes);
        let mut fetcher = Fetcher::new(&snapshot);
        let mut rows = Vec::with_capacity(found.len());
        // In the order of the vault: records that are near to each other are decoded together.
        let mut found: Vec<(Box<str>, Gathered)> = found.into_iter().collect();
        found.sort_by(|a, b| (a.1.spoken.first(), &a.0).cmp(&(b.1.spoken.first(), &b.0)));
        for (id, mut gathered) in found {
            let titled = gathered.title.is_some();
            if !titled {
                gathered.title = opening(&scan, &mut fetcher, state, &gathered.spoken, self.options.redact)?;
            }
            rows.push(gathered.row(id, titled, state, &newest));
        }
        if self.options.redact {
            rows.iter_mut().try_for_each(|row| hide_in_title(&mut row.title).and_then(|()| hide_in_title(&mut row.project)))?;
        }
        rows.sort_by(|a, b| (a.last, &a.id).cmp(&(b.last, &b.id)));
        Ok(rows)
    }
}

/// How the user began, in one line. Secrets are taken out before it is cut: half a key is not known for one.
fn opening(
    scan: &Scan<'_>,
    fetcher: &mut Fetcher<'_>,
    state: &State,
    spoken: &[(u64, u32)],
    redact: bool,
) -> Result<Option<Box<str>>> {
    let mut bytes = Vec::new();
    for (number, source) in spoken {
        bytes.clear();
        fetcher.record(*number, &mut bytes)?;
        let record = Record::read(&bytes);
        let name = state.sources.get(source).map(|source| source.state.name.as_str());
        let turns = record.turns(&scan.detect(&record, name));
        let said = turns.iter().find(|turn| turn.kind == SegmentType::UserTurn && !turn.text.trim().is_empty());
        if let Some(turn) = said {
            let text = if redact { redact_text(&turn.text)? } else { Cow::Borrowed(turn.text.as_str()) };
            return Ok(Some(one_line(&text)));
        }
    }
    Ok(None)
}

fn one_line(text: &str) -> Box<str> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > OPENING {
            break;
        }
    }
    match line.char_indices().nth(OPENING) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()).into(),
        None => line.into(),
    }
}

/// A conversation while its records come in.
#[derive(Default)]
struct Gathered {
    title: Option<Box<str>>,
    occurrences: u64,
    records: BTreeSet<u64>,
    bytes: u64,
    sources: BTreeSet<u32>,
    models: BTreeMap<Box<str>, u64>,
    apps: BTreeSet<Box<str>>,
    projects: BTreeMap<Box<str>, u64>,
    errors: u64,
    first: Option<Time>,
    last: Option<Time>,
    passes: bool,
    /// Turns of records that are one event each, and the most that one request holds.
    turns: u64,
    most_turns: u64,
    tokens: [u64; 5],
    /// What each usage brought that several records may tell.
    usages: FxHashMap<u64, [u64; 5]>,
    /// The first records in which a user may speak, and their sources.
    spoken: Vec<(u64, u32)>,
}

impl Gathered {
    fn add(&mut self, line: &Line<'_>, sieve: &Sieve<'_>) {
        let meaning = line.meaning;
        // Titles are improved as a conversation goes on: the last one is the best.
        if meaning.title.is_some() {
            self.title.clone_from(&meaning.title);
        }
        self.occurrences += 1;
        let is_new = self.records.insert(line.number);
        self.bytes += meaning.bytes;
        self.sources.insert(line.source.state.id);
        if let Some(model) = &meaning.model {
            *self.models.entry(model.clone()).or_default() += 1;
        }
        if let Some(project) = &meaning.project {
            *self.projects.entry(project.clone()).or_default() += 1;
        }
        self.apps.extend(meaning.application.clone());
        self.errors += u64::from(meaning.error);
        widen(&mut self.first, &mut self.last, meaning.time);
        self.passes |= sieve.judge(meaning) == Verdict::In;
        // The same file under two names is one conversation, told once.
        if is_new {
            self.talk(line);
            self.account(meaning.usage, meaning.tokens);
        }
    }

    fn talk(&mut self, line: &Line<'_>) {
        let turns = u64::from(line.meaning.turns);
        if shape_of(&line.meaning.shape).is_some_and(is_event) {
            self.turns += turns;
        } else {
            self.most_turns = self.most_turns.max(turns);
        }
        let mut by_user = TypeSet::default();
        by_user.insert(SegmentType::UserTurn);
        if self.spoken.len() < LOOKED_AT && turns > 0 && line.meaning.types.meets(by_user) {
            self.spoken.push((line.number, line.source.state.id));
        }
    }

    /// Usage that was told before gives way to what is told now.
    fn account(&mut self, usage: Option<u64>, tokens: [u64; 5]) {
        let before = usage.and_then(|usage| self.usages.insert(usage, tokens)).unwrap_or_default();
        for ((sum, before), now) in self.tokens.iter_mut().zip(before).zip(tokens) {
            *sum = sum.saturating_sub(before).saturating_add(now);
        }
    }

    fn row(self, id: Box<str>, titled: bool, state: &State, newest: &BTreeMap<&str, u32>) -> ConversationRow {
        let mut models: Vec<(Box<str>, u64)> = self.models.into_iter().collect();
        models.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let project = self.projects.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let sources = self.sources.iter().filter_map(|id| state.sources.get(id));
        let [tokens_in, tokens_in_cached, tokens_in_cache_write, tokens_out, tokens_reasoning] = self.tokens;
        ConversationRow {
            id: id.into(),
            title: self.title.map(String::from),
            titled,
            project: project.map(|(project, _)| project.into()),
            turns: self.turns.max(self.most_turns),
            tokens_in,
            tokens_in_cached,
            tokens_in_cache_write,
            tokens_out,
            tokens_reasoning,
            occurrences: self.occurrences,
            records: self.records.len() as u64,
            bytes: self.bytes,
            sources: sources.map(|source| shown_name(source, newest)).collect(),
            models: models.into_iter().map(|(model, _)| model.into()).collect(),
            apps: self.apps.into_iter().map(String::from).collect(),
            errors: self.errors,
            first: self.first,
            last: self.last,
        }
    }
}
