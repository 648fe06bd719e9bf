//! What one group says by itself: its short values, the JSON in its strings, and what it keeps as it stands.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Bits;
use crate::column::Needles;
use crate::error::Corrupt;
use crate::error::Result;
use crate::group::decode::Links;
use crate::group::decode::scan::{Judged, Skip, Special, Standing, is_in_pieces};
use crate::lexical::pattern::Pattern;
use crate::lexical::quoted::Quoted;
use crate::record::cut::class;
use crate::record::template::SlotKind;
use crate::shape::json::Json;
use crate::vault::search::parts::Candidates;
use crate::vault::search::strings::{each_string, json_matches, string_matches, unescape};
use crate::vault::view::PackView;

/// What is found in one group by itself.
pub(super) struct Found {
    pub(super) links: Links,
    pub(super) nodes: Vec<(u32, Judged)>,
    /// References to raw text, which is judged with its node and not as a string: node and place among its references.
    pub(super) raw: FxHashMap<u32, Vec<usize>>,
    /// Nodes with raw text inside an object or array, and the segments it is.
    pub(super) inside: Vec<(u32, u32)>,
    /// Nodes that are texts in pieces: odd when they are a whole record.
    pub(super) split: Vec<u32>,
    /// Nodes that are JSON in a string.
    pub(super) strings: Vec<u32>,
}

/// How the groups of a pack are judged.
pub(super) struct Judge<'j> {
    pub(super) pattern: &'j Pattern,
    /// What may hold a match.
    pub(super) candidates: &'j Candidates,
    /// Segments whose escaped form may have one.
    pub(super) tails: &'j Bits,
    /// JSON in strings is put together and judged as text. Else its values and texts are enough, and only strings in pieces are.
    pub(super) joins: bool,
}

impl Judge<'_> {
    /// True for groups that have to be opened.
    pub(super) fn wants(&self, group: usize) -> bool {
        let candidates = self.candidates;
        candidates.values(group) || candidates.pieces(group) || self.joins && candidates.inner_texts(group)
    }

    /// Judges some groups.
    pub(super) fn groups(&self, view: &mut PackView, groups: impl Iterator<Item = usize>) -> Result<Vec<Found>, Corrupt> {
        // The same JSON text is often in many places.
        let mut inner = FxHashMap::default();
        groups.map(|group| self.group(view, group, &mut inner)).collect()
    }

    fn group(&self, view: &mut PackView, index: usize, inner: &mut FxHashMap<u32, bool>) -> Result<Found, Corrupt> {
        let group = view.open_group(index)?;
        let literals = self.pattern.literals();
        let needles = Needles::new(&literals.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>());
        let skip = |kind: SlotKind, standing: Standing| match (kind, standing) {
            (SlotKind::Token, Standing::Inside) => Skip::Numbers,
            (SlotKind::ShortString, _) if !needles.is_empty() => Skip::WithoutNeedles,
            _ => Skip::Never,
        };
        let mut judge = |kind: SlotKind, standing: Standing, value: &[u8]| {
            let judged = judge_value(self.pattern, kind, standing, value);
            if judged == Judged::No && self.leaves_doubt(kind, value) { Judged::Doubt } else { judged }
        };
        let in_values = self.candidates.values(index);
        let mut nodes = match in_values {
            true => group.judge_values(|number| view.templates().get(number), &needles, &skip, &mut judge)?,
            false => Vec::new(),
        };
        // What is known to have a match need not be put together.
        let hits: FxHashSet<u32> = nodes.iter().filter(|(_, judged)| *judged == Judged::Hit).map(|(node, _)| *node).collect();
        let (in_pieces, in_texts) = (self.candidates.pieces(index), self.joins && self.candidates.inner_texts(index));
        let specials = group.specials(|number| view.templates().get(number))?;
        let split = group.split_nodes(|number| view.templates().get(number))?.into_iter().collect();
        let mut raw: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        let (mut inside, mut strings, mut text) = (Vec::new(), Vec::new(), Vec::new());
        for special in specials {
            if special.slot.kind == SlotKind::NodeInString {
                strings.push(special.target);
            }
            let judged = match special.slot.kind {
                // It has a match already.
                SlotKind::NodeInString if hits.contains(&special.node) => Judged::No,
                SlotKind::NodeInString if hits.contains(&special.target) => Judged::Hit,
                SlotKind::NodeInString => match inner.get(&special.target) {
                    Some(true) => Judged::Hit,
                    Some(false) => Judged::No,
                    None => {
                        text.clear();
                        let looks = in_texts || in_pieces && is_in_pieces(view.template_of(special.target)?);
                        let hit = looks && self.inner_text_matches(view, special.target, &mut text)?;
                        inner.insert(special.target, hit);
                        if hit { Judged::Hit } else { Judged::No }
                    }
                },
                _ => {
                    raw.entry(special.node).or_default().push(special.index);
                    inside.extend((special.standing == Standing::Inside).then_some((special.node, special.target)));
                    if in_pieces { judge_raw(view, self.pattern, &special, &mut text)? } else { Judged::No }
                }
            };
            if judged != Judged::No {
                nodes.push((special.node, judged));
            }
        }
        Ok(Found { links: group.into_links(), nodes, raw, inside, strings, split })
    }

    /// True when the escaped form of a value that has no match may have one.
    fn leaves_doubt(&self, kind: SlotKind, value: &[u8]) -> bool {
        if self.joins {
            return false;
        }
        let tail = self.pattern.quoted().tail();
        let in_escaped = |text: &[u8]| tail.is_some_and(|tail| tail.may_be_in(text));
        match kind {
            SlotKind::ShortString => in_escaped(&unescape(value)),
            // A few values in brackets, perhaps with keys.
            _ => self.pattern.is_in(value) || each_string(value, &mut |text| in_escaped(text.text)),
        }
    }

    /// Judges the text that a string is as a whole. Its strings are judged as values and texts, so that where these tell enough about
    /// their escaped forms only the rest of it is put together.
    fn inner_text_matches(&self, view: &mut PackView, node: u32, text: &mut Vec<u8>) -> Result<bool, Corrupt> {
        match self.pattern.quoted() {
            Quoted::Unknown => {
                view.node(node, text)?;
                return Ok(string_matches(self.pattern, text));
            }
            Quoted::Same => view.node_with_texts(node, &|_| false, text)?,
            Quoted::Tail(_) => view.node_with_texts(node, &|segment| self.tails.has(u64::from(segment)), text)?,
        }
        Ok(self.pattern.is_in(text))
    }
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
