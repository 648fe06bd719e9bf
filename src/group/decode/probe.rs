//! Looking for an id in a group, opening no more of it than the id may stand in.
//!
//! Most groups do not hold it, and their columns and segment kinds say so: who refers to whom is then never resolved.

use rustc_hash::FxHashMap;

use super::columns::TemplatePart;
use super::outline::{Outline, Outlines};
pub use super::resolve::outside::Outside;
use super::{COLUMN_LIMIT, Columns, Group, Head, Links, NodePart, Opening, Payload};
use crate::bytes::Reader;
use crate::column::{Needles, Sought};
use crate::error::{Corrupt, corrupt};
use crate::group::build::{NAMING, list_column};
use crate::group::stream;
use crate::record::cut::class;
use crate::record::naming::is_named;
use crate::record::template::{Slot, SlotKind, Template};

/// What is looked for in short values.
pub struct Wanted<'w> {
    /// Such a value holds one of these, plainly or escaped.
    pub needles: &'w Needles<'w>,
    /// Decides on a decoded value.
    pub holds: &'w (dyn Fn(&[u8]) -> bool + Sync),
}

/// Numbers of the first node and the first segment of a group; how many nodes, segments and records it has.
pub type Sizes = (u32, u32, (usize, usize, usize));

/// Where an id may stand in a group.
pub struct Probed {
    /// How many there are of what.
    pub sizes: Sizes,
    /// Nodes with a short value that holds it.
    pub nodes: Vec<u32>,
    /// Segments of the group whose text may hold it.
    pub texts: Vec<u32>,
    /// Nodes that hold raw text: for each the segments it consists of, in order.
    pub raw: Vec<(u32, Vec<u32>)>,
    /// Who refers to whom, where that had to be found out.
    pub links: Option<Links>,
    /// What the group refers to in others, where that was asked for and the links were not found out.
    pub outside: Option<Outside>,
}

/// Places of accepted values, by template and column.
type Accepted = FxHashMap<(u32, usize), Vec<u32>>;

/// Probes a payload; `outlines` and `template` give the pack's templates by number. With `outside` it is told
/// what the group refers to in others.
///
/// # Errors
/// When anything that is looked at does not add up.
pub fn probe<'t>(
    payload: Payload,
    outlines: &dyn Outlines,
    template: impl Fn(u32) -> Option<&'t Template>,
    wanted: &Wanted<'_>,
    outside: bool,
) -> Result<Probed, Corrupt> {
    let head = Head::read(payload)?;
    let opening = Opening::read(&head, outlines)?;
    let accepted = opening.columns.accepted(wanted)?;
    let mut has_raw = false;
    for part in &opening.columns.templates {
        has_raw |= may_have_raw(outlines, part)?;
    }
    let mut probed = Probed {
        sizes: head.sizes(),
        nodes: Vec::new(),
        texts: head.texts(wanted.needles)?,
        raw: Vec::new(),
        links: None,
        outside: None,
    };
    if !accepted.is_empty() || has_raw {
        let group = Group::resolve(&head, opening)?;
        probed.nodes = group.with_accepted(&accepted);
        if has_raw {
            probed.raw = group.raw_texts(template)?;
        }
        probed.links = Some(group.into_links());
    } else if outside {
        probed.outside = Some(opening.outside(&head)?);
    }
    Ok(probed)
}

/// What a group refers to in others, told without resolving it.
///
/// # Errors
/// When anything that is looked at does not add up.
pub fn outside(payload: Payload, outlines: &dyn Outlines) -> Result<(Sizes, Outside), Corrupt> {
    let head = Head::read(payload)?;
    let outside = Opening::read(&head, outlines)?.outside(&head)?;
    Ok((head.sizes(), outside))
}

impl Opening {
    fn outside(&self, head: &Head) -> Result<Outside, Corrupt> {
        let stream = head.unpack(stream::REFERENCES)?;
        let own = head.first_node..head.first_node.saturating_add(head.nodes as u32);
        let mut found = Outside::new(own, head.first_segment);
        for (template, cursor) in self.cursors.iter().enumerate() {
            cursor.outside(self.columns.kinds(template), &stream, &mut found)?;
        }
        head.read_records()?.old.values().for_each(|root| found.add_root(*root));
        Ok(found)
    }
}

fn may_have_raw(outlines: &dyn Outlines, part: &TemplatePart) -> Result<bool, Corrupt> {
    let mut kinds = Vec::new();
    let outline = outlines.outline(part.template, &mut kinds);
    Ok(match outline.ok_or_else(|| corrupt!("template {} is not in the pack", part.template))? {
        Outline::Fixed => kinds.contains(&SlotKind::RawSegment),
        Outline::List(Some(slot)) => slot.kind == SlotKind::RawSegment,
        Outline::List(None) => {
            let mut slots = part.kinds.chunks_exact(2).map(|pair| Slot::from_pair(pair[0], pair[1]));
            slots.any(|slot| slot.is_ok_and(|slot| slot.kind == SlotKind::RawSegment))
        }
    })
}

impl Head {
    fn sizes(&self) -> Sizes {
        (self.first_node, self.first_segment, (self.nodes, self.segments, self.records))
    }

    /// Segments that are marked, and those as long as a needle that is a segment by itself and has no mark.
    fn texts(&self, needles: &Needles<'_>) -> Result<Vec<u32>, Corrupt> {
        let table = self.unpack(stream::SEGMENTS)?;
        let (kinds, lengths) = table
            .split_at_checked(self.segments)
            .ok_or_else(|| corrupt!("{} bytes for {} segments", table.len(), self.segments))?;
        let unnamed: Vec<usize> = needles.iter().filter(|needle| !is_named(needle)).map(<[u8]>::len).collect();
        let mut texts = Vec::new();
        if unnamed.is_empty() {
            let marked = (self.first_segment..).zip(kinds).filter(|(_, kind)| *kind & NAMING != 0);
            texts.extend(marked.map(|(number, _)| number));
            return Ok(texts);
        }
        let mut lengths = Reader::new(lengths);
        for (number, kind) in (self.first_segment..).zip(kinds) {
            let length = lengths.short_varint32()? as usize;
            if kind & NAMING != 0 || unnamed.contains(&length) {
                texts.push(number);
            }
        }
        Ok(texts)
    }
}

impl Columns {
    fn accepted(&self, wanted: &Wanted<'_>) -> Result<Accepted, Corrupt> {
        let mut accepted = Accepted::default();
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let stream = |class| self.class_stream(class);
        let sought = Sought::new(wanted.needles, &stream);
        for (dense, part) in (0..).zip(&self.templates) {
            for (index, column) in part.columns.iter().enumerate() {
                let Some(column) = column else { continue };
                let header = self.header(column)?;
                if !header.may_hold(&sought)? {
                    continue;
                }
                bytes.clear();
                ends.clear();
                self.open_header(&header)?.decode_all(COLUMN_LIMIT, &mut bytes, &mut ends)?;
                let mut start = 0;
                let mut ranks = Vec::new();
                for (rank, &end) in (0..).zip(&ends) {
                    if (wanted.holds)(bytes.get(start..end as usize).unwrap_or_default()) {
                        ranks.push(rank);
                    }
                    start = end as usize;
                }
                if !ranks.is_empty() {
                    accepted.insert((dense, index), ranks);
                }
            }
        }
        Ok(accepted)
    }
}

impl Group {
    /// Nodes with an accepted value. A list may be named for the value of a neighbour.
    fn with_accepted(&self, accepted: &Accepted) -> Vec<u32> {
        if accepted.is_empty() {
            return Vec::new();
        }
        let is_hit = |node: &NodePart| {
            let part = &self.columns.templates[node.dense as usize];
            (0..part.columns.len()).any(|index| {
                let Some(ranks) = accepted.get(&(node.dense, index)) else { return false };
                if !part.is_list {
                    return ranks.binary_search(&node.rank).is_ok();
                }
                // A list's values are somewhere among as many ranks as it has elements.
                let Some(list) = self.lists.get(node.rank as usize) else { return false };
                let from = if index == list_column(SlotKind::ShortString) { list.short_at } else { list.token_at };
                ranks.iter().any(|rank| (from..from.saturating_add(list.count)).contains(rank))
            })
        };
        let numbered = (self.first_node..).zip(&self.nodes);
        numbered.filter(|(_, node)| is_hit(node)).map(|(number, _)| number).collect()
    }

    /// Raw text by the nodes that hold it, each text by itself: a node that is split is one of several segments. Text of the raw
    /// class that the group itself brings is left out: it is numbers, or named by its kind.
    fn raw_texts<'t>(&self, template: impl Fn(u32) -> Option<&'t Template>) -> Result<Vec<(u32, Vec<u32>)>, Corrupt> {
        let mut texts: Vec<(u32, Vec<u32>)> = Vec::new();
        let split = self.split_nodes(&template)?;
        for (node, targets) in self.links_of(&split) {
            texts.push((node, targets));
        }
        let is_known = |segment: u32| self.segment(segment).is_ok_and(|text| text.class == class::RAW);
        for special in self.specials(&template)? {
            if special.slot.kind == SlotKind::RawSegment && !is_known(special.target) {
                texts.push((special.node, vec![special.target]));
            }
        }
        Ok(texts)
    }

    /// What some nodes refer to.
    fn links_of<'g>(&'g self, nodes: &'g rustc_hash::FxHashSet<u32>) -> impl Iterator<Item = (u32, Vec<u32>)> + 'g {
        let ends = self.nodes.iter().skip(1).map(|node| node.first_reference).chain([self.references.len() as u32]);
        (self.first_node..).zip(self.nodes.iter().zip(ends)).filter(|(number, _)| nodes.contains(number)).map(
            |(number, (node, end))| {
                let targets = self.references.get(node.first_reference as usize..end as usize);
                (number, targets.unwrap_or_default().to_vec())
            },
        )
    }
}
