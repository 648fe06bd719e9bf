//! What one group says by itself: its short values, the JSON in its strings, and what it keeps as it stands.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Bits;
use crate::column::Needles;
use crate::error::Corrupt;
use crate::error::Result;
use crate::group::decode::Links;
use crate::group::decode::scan::{Judged, Skip, Special, Standing};
use crate::lexical::pattern::Pattern;
use crate::lexical::quoted::Quoted;
use crate::record::cut::class;
use crate::record::template::SlotKind;
use crate::shape::json::Json;
use crate::vault::search::parts::Candidates;
use crate::vault::search::strings::{json_matches, string_matches, unescape};
use crate::vault::view::PackView;

/// What is found in one group by itself.
pub(super) struct Found {
    pub(super) links: Links,
    pub(super) nodes: Vec<(u32, Judged)>,
    /// References to raw text, which is judged with its node and not as a string: node and place among its references.
    pub(super) raw: FxHashMap<u32, Vec<usize>>,
    /// Nodes that are texts in pieces: odd when they are a whole record.
    pub(super) split: Vec<u32>,
}

pub(super) fn search_groups(
    view: &mut PackView,
    pattern: &Pattern,
    tails: &Bits,
    candidates: &Candidates,
    groups: impl Iterator<Item = usize>,
) -> Result<Vec<Found>, Corrupt> {
    // The same JSON text is often in many places.
    let mut inner = FxHashMap::default();
    groups.map(|group| search_group(view, pattern, tails, candidates, group, &mut inner)).collect()
}

fn search_group(
    view: &mut PackView,
    pattern: &Pattern,
    tails: &Bits,
    candidates: &Candidates,
    index: usize,
    inner: &mut FxHashMap<u32, bool>,
) -> Result<Found, Corrupt> {
    let group = view.open_group(index)?;
    let literals = pattern.literals();
    let needles = Needles::new(&literals.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>());
    let skip = |kind: SlotKind, standing: Standing| match (kind, standing) {
        (SlotKind::Token, Standing::Inside) => Skip::Numbers,
        (SlotKind::ShortString, _) if !needles.is_empty() => Skip::WithoutNeedles,
        _ => Skip::Never,
    };
    let mut judge = |kind: SlotKind, standing: Standing, value: &[u8]| judge_value(pattern, kind, standing, value);
    let mut nodes = match candidates.values(index) {
        true => group.judge_values(|number| view.templates().get(number), &needles, &skip, &mut judge)?,
        false => Vec::new(),
    };
    // What is known to have a match need not be put together.
    let hits: FxHashSet<u32> = nodes.iter().filter(|(_, judged)| *judged == Judged::Hit).map(|(node, _)| *node).collect();
    let in_texts = candidates.inner_texts(index);
    let specials = group.specials(|number| view.templates().get(number))?;
    let split = group.split_nodes(|number| view.templates().get(number))?.into_iter().collect();
    let mut raw: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    let mut text = Vec::new();
    for special in specials {
        if special.slot.kind == SlotKind::RawSegment {
            raw.entry(special.node).or_default().push(special.index);
        }
        if !in_texts {
            continue;
        }
        let judged = match special.slot.kind {
            SlotKind::NodeInString if hits.contains(&special.target) => Judged::Hit,
            SlotKind::NodeInString => match inner.get(&special.target) {
                Some(true) => Judged::Hit,
                Some(false) => Judged::No,
                None => {
                    text.clear();
                    let hit = inner_text_matches(view, pattern, tails, special.target, &mut text)?;
                    inner.insert(special.target, hit);
                    if hit { Judged::Hit } else { Judged::No }
                }
            },
            _ => judge_raw(view, pattern, &special, &mut text)?,
        };
        if judged != Judged::No {
            nodes.push((special.node, judged));
        }
    }
    Ok(Found { links: group.into_links(), nodes, raw, split })
}

/// Judges the JSON text that a string is as a whole. Its strings are judged as values and texts, so that where these tell enough
/// about their escaped forms only the rest of it is put together.
fn inner_text_matches(
    view: &mut PackView,
    pattern: &Pattern,
    tails: &Bits,
    node: u32,
    text: &mut Vec<u8>,
) -> Result<bool, Corrupt> {
    match pattern.quoted() {
        Quoted::Unknown => {
            view.node(node, text)?;
            return Ok(string_matches(pattern, text));
        }
        Quoted::Same => view.node_with_texts(node, &|_| false, text)?,
        Quoted::Tail(_) => view.node_with_texts(node, &|segment| tails.has(u64::from(segment)), text)?,
    }
    Ok(pattern.is_in(text))
}

/// A group of which only the links are needed: no value of it has a match.
pub(super) fn open_links(view: &PackView, index: usize) -> Result<Found, Corrupt> {
    let group = view.open_group(index)?;
    let mut raw: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for special in group.specials(|number| view.templates().get(number))? {
        if special.slot.kind == SlotKind::RawSegment {
            raw.entry(special.node).or_default().push(special.index);
        }
    }
    let split = group.split_nodes(|number| view.templates().get(number))?.into_iter().collect();
    Ok(Found { links: group.into_links(), nodes: Vec::new(), raw, split })
}

fn judge_value(pattern: &Pattern, kind: SlotKind, standing: Standing, value: &[u8]) -> Judged {
    let hit = |hit: bool| if hit { Judged::Hit } else { Judged::No };
    match (kind, standing) {
        (SlotKind::ShortString, _) => hit(string_matches(pattern, &unescape(value))),
        (_, Standing::Beside) => match value.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(value).trim_ascii().is_empty() {
            true => Judged::No,
            false => Judged::Odd,
        },
        _ => judge_json(pattern, value),
    }
}

/// Judges bytes that should be one JSON value.
fn judge_json(pattern: &Pattern, value: &[u8]) -> Judged {
    match Json::parse(value) {
        None => Judged::Odd,
        Some(json) if json_matches(pattern, json.raw()) => Judged::Hit,
        Some(_) => Judged::No,
    }
}

/// Judges a segment that is kept as it stands in the line.
fn judge_raw(view: &mut PackView, pattern: &Pattern, special: &Special, text: &mut Vec<u8>) -> Result<Judged, Corrupt> {
    if special.standing == Standing::Beside {
        return Ok(Judged::Odd);
    }
    text.clear();
    view.segment(special.target, text)?;
    let (of_class, ..) = view.segment_pieces(special.target)?;
    // Arrays of numbers may be long, and there is nothing to find in them.
    if of_class == class::RAW && memchr::memchr(b'"', text).is_none() {
        return Ok(Judged::No);
    }
    Ok(judge_json(pattern, text))
}
