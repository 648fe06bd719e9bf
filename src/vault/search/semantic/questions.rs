//! What is asked, as vectors: words embedded as the vault's texts were, or a record or conversation that has a vector already.

use rustc_hash::FxHashMap;

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::shape::{Record, SegmentType};
use crate::vault::Vault;
use crate::vault::api::{EmbedModel, Id, SearchReport, SemanticOptions};
use crate::vault::embed::Backend;
use crate::vault::embed::conversations::is_conversations;
use crate::vault::embed::keep::Shelf;
use crate::vault::fetch::Fetcher;
use crate::vault::get::one_record;
use crate::vault::lookup::{LazyIndex, Lookup};
use crate::vault::rewrite::Numbers;
use crate::vault::search::Search;
use crate::vault::snapshot::Snapshot;
use crate::vectors::builtin::{self, Embedder};
use crate::vectors::metric::Metric;
use crate::vectors::part::Part;
use crate::vectors::quantize::Query;

/// Something to be compared with.
pub(super) struct Question {
    /// As it was given, where there are several.
    pub(super) label: Option<String>,
    /// Its words; empty for a record.
    pub(super) words: String,
    pub(super) query: Query,
}

/// The model whose vectors are searched.
pub(super) fn model(shelf: &Shelf, semantic: &SemanticOptions) -> Result<String> {
    let names: Vec<String> = shelf.rows().into_iter().map(|row| row.model).collect();
    if semantic.conversations {
        return model_of_conversations(&names, semantic);
    }
    let names: Vec<String> = names.into_iter().filter(|name| !is_conversations(name, None)).collect();
    let asked = semantic.model_name.clone().or_else(|| semantic.model.as_ref().map(|model| model.name().to_string()));
    let builtin = names.iter().find(|name| *name == builtin::NAME).cloned();
    let name = asked.or(builtin).or_else(|| names.first().cloned());
    match name {
        Some(name) if names.contains(&name) => Ok(name),
        Some(name) if !names.is_empty() => {
            Err(Error::Usage(format!("this vault has no vectors of {name}; there are some of {}", names.join(", "))))
        }
        _ => Err(match shelf.damaged.first() {
            Some(damage) => Error::Usage(format!("{damage}; `turnpack embed` makes the vectors anew")),
            None => Error::Usage("this vault has no vectors yet; `turnpack embed` makes them".into()),
        }),
    }
}

/// The same where conversations are searched: kept under the name of the model, or named in full.
fn model_of_conversations(names: &[String], semantic: &SemanticOptions) -> Result<String> {
    let asked = semantic.model_name.as_deref().or_else(|| semantic.model.as_ref().map(EmbedModel::name));
    let fits = |name: &&String| match asked {
        Some(asked) => *name == asked || is_conversations(name, Some(asked)),
        None => is_conversations(name, Some(builtin::NAME)),
    };
    let any = || names.iter().find(|name| asked.is_none() && is_conversations(name, None));
    let none = || {
        Error::Usage("this vault has no such vectors of conversations; `turnpack embed --summary concat:4000` makes them".into())
    };
    names.iter().find(fits).or_else(any).cloned().ok_or_else(none)
}

pub(super) fn warn_of_pending(snapshot: &Snapshot, shown: &Numbers, parts: &[Part<'_>], report: &mut SearchReport) {
    let mut known = Numbers::default();
    parts.iter().flat_map(|part| &part.known).for_each(|run| known.insert_run(run.first, run.count));
    let numbers = snapshot.places().iter().flat_map(|place| place.first..place.first + place.count);
    let pending = numbers.filter(|number| shown.contains(*number) && !known.contains(*number)).count();
    if pending > 0 {
        report.warnings.push(format!("{pending} records have no vectors yet; `turnpack embed` makes them"));
    }
}

pub(super) fn questions(
    vault: &Vault,
    search: &Search<'_>,
    semantic: &SemanticOptions,
    model: &str,
    parts: &[Part<'_>],
    passing: &mut Numbers,
) -> Result<Vec<Question>> {
    if let Some(id) = &semantic.like {
        let (number, query) = like(vault, search, semantic, id, parts)?;
        // A record is always most like itself, and so is a conversation.
        for number in if semantic.conversations { companions(parts, number) } else { vec![number] } {
            passing.remove(number);
        }
        return Ok(vec![Question { label: None, words: String::new(), query }]);
    }
    let several = !semantic.queries.is_empty();
    let texts = if several { semantic.queries.clone() } else { vec![search.options.patterns.join(" ")] };
    // Vectors of conversations are of the model that ends their name.
    let model = if is_conversations(model, Some(builtin::NAME)) { builtin::NAME } else { model };
    let is_of = |name: &str| name == model || is_conversations(model, Some(name));
    let vectors: Vec<Vec<f32>> = match (&semantic.model, model) {
        (None | Some(EmbedModel::Builtin), builtin::NAME) => {
            let mut embedder = Embedder::new();
            texts.iter().map(|text| embedder.embed(text.as_bytes()).to_vec()).collect()
        }
        (Some(asked), _) if is_of(asked.name()) && !matches!(asked, EmbedModel::Builtin | EmbedModel::Log { .. }) => {
            let Backend::Outside(mut outside) = Backend::new(vault, asked)? else { return Ok(Vec::new()) };
            let mut vectors = Vec::new();
            for texts in texts.chunks(outside.together()) {
                vectors.extend(outside.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>())?);
            }
            vectors
        }
        (_, name) => {
            return Err(Error::Usage(format!(
                "the vectors of {name} were made elsewhere: say with --endpoint, --command or --model-dir who embeds the query, or give --like ID"
            )));
        }
    };
    let dimension = parts.first().map_or(0, |part| part.form.dimension);
    let metric = parts.first().map_or(Metric::Cosine, |part| part.form.metric);
    let question = |(text, vector): (String, Vec<f32>)| {
        if vector.len() != dimension {
            return Err(Error::Usage(format!(
                "the query has {} dimensions, the vectors of {model} have {dimension}",
                vector.len()
            )));
        }
        let query = Query::new(&vector, metric).map_err(|unusable| match vector.iter().all(|value| *value == 0.0) {
            true => Error::Usage(format!("{text:?} has no letter or digit to be compared by")),
            false => Error::Usage(format!("the vector of {text:?} cannot be used: {unusable}")),
        })?;
        Ok(Question { label: several.then(|| text.clone()), words: text, query })
    };
    texts.into_iter().zip(vectors).map(question).collect()
}

/// What a record asks: its last user turn, else its longest text.
fn like(vault: &Vault, search: &Search<'_>, semantic: &SemanticOptions, id: &Id, parts: &[Part<'_>]) -> Result<(u64, Query)> {
    let index = LazyIndex::new(search.snapshot);
    let lookup = Lookup::new(search.snapshot, vault.threads(), &index)?;
    let number = one_record(&lookup, id)?;
    let none = || Error::NotFound(format!("no text of {} has a vector; `turnpack embed` makes them", id.text));
    if semantic.conversations {
        let row = conversation_of(parts, number).and_then(|(part, text)| Some((part, part.rows_of(text).next()?)));
        let query = row.map(|(part, row)| part.question(row));
        return query.map(|query| (number, query)).ok_or_else(none);
    }
    let mut line = Vec::new();
    Fetcher::new(search.snapshot).record(number, &mut line)?;
    let record = Record::read(&line);
    let mut best: Option<((bool, usize), Query)> = None;
    let mut order = 0;
    record.texts(&lookup.scan.detect(&record, None), &mut |spoken| {
        let hash = content_hash(spoken.text.as_bytes()) as u64;
        order += 1;
        let said = spoken.kind == SegmentType::UserTurn;
        let rank = (said, if said { order } else { spoken.text.len() });
        if best.as_ref().is_some_and(|(best, _)| *best >= rank) {
            return;
        }
        let row = parts.iter().find_map(|part| Some((part, part.rows_of(part.find(hash)?).next()?)));
        if let Some((part, row)) = row {
            best = Some((rank, part.question(row)));
        }
    });
    best.map(|(_, query)| (number, query)).ok_or_else(none)
}

/// The conversation that a record is of: a part and its place there.
fn conversation_of<'p, 'v>(parts: &'p [Part<'v>], number: u64) -> Option<(&'p Part<'v>, u32)> {
    let of_part = |part: &'p Part<'v>| {
        let text = (0..part.texts()).find(|text| part.holders(*text).any(|holder| holder == number))?;
        Some((part, text))
    };
    parts.iter().find_map(of_part)
}

/// The records of the conversation that a record is of.
fn companions(parts: &[Part<'_>], number: u64) -> Vec<u64> {
    conversation_of(parts, number).map_or_else(|| vec![number], |(part, text)| part.holders(text).collect())
}

/// For each record the conversation it is of.
pub(super) fn conversations(parts: &[Part<'_>]) -> FxHashMap<u64, u64> {
    let of_part = |part: &Part<'_>| {
        let pairs = (0..part.texts()).flat_map(|text| part.holders(text).map(move |number| (number, text)));
        pairs.map(|(number, text)| (number, part.hash(text))).collect::<Vec<_>>()
    };
    parts.iter().flat_map(of_part).collect()
}
