//! Looking at all short values of a group, and at what its nodes hold in unusual ways: for searching.

use rustc_hash::{FxHashMap, FxHashSet};

use super::numbers::Numbers;
use super::{Group, NodePart, Text, element_slot, one_stream, read_segments};
use crate::bytes::Reader;
use crate::column::{Needles, Sought};
use crate::error::{Corrupt, corrupt};
use crate::group::build::list_column;
use crate::group::{Piece, stream};
use crate::record::template::{Part, Slot, SlotKind, Template};

/// What is said of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judged {
    /// Nothing.
    No,
    /// Its escaped form may be what is looked for, though it is not.
    Doubt,
    /// It is what is looked for.
    Hit,
    /// It makes its record something else than plain JSON: the record must be read as a whole.
    Odd,
}

/// Which columns need not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// None of them.
    Never,
    /// Those of nothing but numbers.
    Numbers,
    /// Those that cannot hold what is looked for.
    WithoutNeedles,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Inside an object or array.
    Inside,
    /// It is the whole node: text that could not be cut.
    Alone,
    /// Before or after the JSON of a line.
    Beside,
}

/// A reference that is not simply a child or a string.
#[derive(Clone, Copy, Debug)]
pub struct Special {
    /// The node that refers.
    pub node: u32,
    /// How.
    pub slot: Slot,
    /// Where the value stands.
    pub standing: Standing,
    /// Which of the node's references it is.
    pub index: usize,
    /// The node or segment referred to.
    pub target: u32,
}

/// Kind of a template, as far as searching cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Special(Standing),
    /// Pieces of one text, end to end.
    Split,
}

fn form(template: &Template) -> Form {
    let is_special = |slot: Slot| matches!(slot.kind, SlotKind::NodeInString | SlotKind::RawSegment);
    match template {
        Template::Fixed(parts) => match parts.first() {
            Some(Part::Slot(_)) if parts.len() == 1 => Form::Special(Standing::Alone),
            Some(Part::Slot(_)) => Form::Special(Standing::Beside),
            _ if template.slots().any(is_special) => Form::Special(Standing::Inside),
            _ => Form::Plain,
        },
        Template::List { open, separator, close, .. } if open.is_empty() && separator.is_empty() && close.is_empty() => {
            Form::Split
        }
        Template::List { element: Some(slot), .. } if !is_special(*slot) => Form::Plain,
        Template::List { .. } => Form::Special(Standing::Inside),
    }
}

/// True for nodes that are more than one object or array: text in pieces, JSON with text beside it, and what could not be cut.
#[must_use]
pub fn is_in_pieces(template: &Template) -> bool {
    !matches!(form(template), Form::Plain | Form::Special(Standing::Inside))
}

/// The segments of a group as pieces, without anything else of it.
pub struct SegmentTable {
    /// Number of the first.
    pub first_segment: u32,
    segments: Vec<super::SegmentPart>,
    pieces: Vec<Piece>,
}

impl SegmentTable {
    /// Reads it from a group's payload.
    ///
    /// # Errors
    /// When the payload is malformed.
    pub fn read(payload: &[u8]) -> Result<SegmentTable, Corrupt> {
        let mut head = Reader::new(payload);
        let Numbers { first_segment, segments: count, class_starts: starts, .. } = Numbers::read(&mut head)?;
        let (_, _, table) = one_stream(payload, stream::SEGMENTS)?;
        let (_, _, listed) = one_stream(payload, stream::PIECES)?;
        let (segments, pieces) = read_segments(&table, &listed, count, starts)?;
        Ok(SegmentTable { first_segment, segments, pieces })
    }

    /// Each segment with its number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Text<'_>)> {
        (self.first_segment..).zip(&self.segments).map(|(number, part)| {
            let pieces = self.pieces.get(part.first_piece as usize..(part.first_piece + part.pieces) as usize);
            (number, Text { class: part.class, length: part.length, pieces: pieces.unwrap_or_default() })
        })
    }
}

impl Group {
    /// Judges all short values but those of columns that `skip` gives up; equal values may be judged once for all. Each node is
    /// named with the gravest word about any of its values.
    ///
    /// # Errors
    /// When a column is damaged.
    pub fn judge_values<'t>(
        &self,
        template: impl Fn(u32) -> Option<&'t Template>,
        needles: &Needles<'_>,
        skip: &dyn Fn(SlotKind, Standing) -> Skip,
        judge: &mut dyn FnMut(SlotKind, Standing, &[u8]) -> Judged,
    ) -> Result<Vec<(u32, Judged)>, Corrupt> {
        let mut found: FxHashMap<(u32, usize), Vec<Judged>> = FxHashMap::default();
        let stream = |class| self.columns.class_stream(class);
        let sought = Sought::new(needles, &stream);
        let mut dense_found = vec![false; self.columns.templates.len()];
        for (dense, part) in self.columns.templates.iter().enumerate() {
            let parsed = template(part.template).ok_or_else(|| corrupt!("template {} is not in the pack", part.template))?;
            let standing = match form(parsed) {
                Form::Special(standing) => standing,
                Form::Plain | Form::Split => Standing::Inside,
            };
            let kinds: Vec<SlotKind> = match parsed {
                Template::Fixed(_) => parsed.slots().map(|slot| slot.kind).collect(),
                Template::List { .. } => super::LIST_SLOTS.to_vec(),
            };
            for (index, (column, kind)) in part.columns.iter().zip(kinds).enumerate() {
                let Some(column) = column else { continue };
                let header = self.columns.header(column)?;
                let is_skipped = match skip(kind, standing) {
                    Skip::Never => false,
                    Skip::Numbers => header.holds_only_numbers(),
                    Skip::WithoutNeedles => !header.may_hold(&sought)?,
                };
                if is_skipped {
                    continue;
                }
                let mut judged = Vec::new();
                let column = self.columns.open_header(&header)?;
                column.judge_all(&mut |value| judge(kind, standing, value), &mut judged)?;
                if judged.iter().any(|judged| *judged != Judged::No) {
                    dense_found[dense] = true;
                    found.insert((dense as u32, index), judged);
                }
            }
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut nodes = Vec::new();
        for (number, node) in (self.first_node..).zip(&self.nodes) {
            if dense_found.get(node.dense as usize).copied().unwrap_or_default() {
                let worst = self.gravest(node, &found)?;
                if worst != Judged::No {
                    nodes.push((number, worst));
                }
            }
        }
        Ok(nodes)
    }

    /// The gravest word about a node's values.
    fn gravest(&self, node: &NodePart, found: &FxHashMap<(u32, usize), Vec<Judged>>) -> Result<Judged, Corrupt> {
        let part = &self.columns.templates[node.dense as usize];
        let mut gravest = Judged::No;
        for index in 0..part.columns.len() {
            let Some(judged) = found.get(&(node.dense, index)) else { continue };
            let ranks = match part.is_list {
                false => node.rank as usize..node.rank as usize + 1,
                true => self.ranks_of_list(node, index)?,
            };
            gravest = judged.get(ranks).unwrap_or_default().iter().copied().max().unwrap_or(Judged::No).max(gravest);
        }
        Ok(gravest)
    }

    /// Which values of a list template's column belong to a list.
    pub(super) fn ranks_of_list(&self, node: &NodePart, column: usize) -> Result<std::ops::Range<usize>, Corrupt> {
        let list = self.lists.get(node.rank as usize).ok_or_else(|| corrupt!("a list without its length"))?;
        let part = &self.columns.templates[node.dense as usize];
        let kinds = part.kinds.get(list.first_kind as usize * 2..).unwrap_or_default();
        let mine = match kinds.is_empty() {
            // All elements are of one kind: the column that is there has them all.
            true => list.count as usize,
            false => {
                let kinds = kinds.chunks_exact(2).take(list.count as usize);
                kinds.filter(|pair| Slot::from_pair(pair[0], pair[1]).is_ok_and(|slot| list_column(slot.kind) == column)).count()
            }
        };
        let from = if column == list_column(SlotKind::ShortString) { list.short_at } else { list.token_at } as usize;
        Ok(from..from + mine)
    }

    /// References to JSON in strings and to raw text.
    ///
    /// # Errors
    /// When the group is damaged.
    pub fn specials<'t>(&self, template: impl Fn(u32) -> Option<&'t Template>) -> Result<Vec<Special>, Corrupt> {
        let mut forms = Vec::with_capacity(self.columns.templates.len());
        for part in &self.columns.templates {
            let parsed = template(part.template).ok_or_else(|| corrupt!("template {} is not in the pack", part.template))?;
            forms.push((form(parsed), parsed));
        }
        let mut specials = Vec::new();
        for (number, node) in (self.first_node..).zip(&self.nodes) {
            let Some(&(Form::Special(standing), parsed)) = forms.get(node.dense as usize) else { continue };
            let mut index = 0;
            let mut take = |slot: Slot| -> Result<(), Corrupt> {
                if list_column(slot.kind) > 1 {
                    return Ok(());
                }
                if matches!(slot.kind, SlotKind::NodeInString | SlotKind::RawSegment) {
                    let target = self.references.get(node.first_reference as usize + index).copied();
                    let target = target.ok_or_else(|| corrupt!("node {number} without its reference"))?;
                    specials.push(Special { node: number, slot, standing, index, target });
                }
                index += 1;
                Ok(())
            };
            match parsed {
                Template::Fixed(_) => parsed.slots().try_for_each(take)?,
                Template::List { element, .. } => {
                    let list = self.lists.get(node.rank as usize).ok_or_else(|| corrupt!("a list without its length"))?;
                    let kinds = &self.columns.templates[node.dense as usize].kinds;
                    for at in 0..list.count {
                        take(match element {
                            Some(slot) => *slot,
                            None => element_slot(kinds, list.first_kind + at)?,
                        })?;
                    }
                }
            }
        }
        Ok(specials)
    }

    /// Nodes that are pieces of one text, end to end.
    ///
    /// # Errors
    /// When a template is missing.
    pub fn split_nodes<'t>(&self, template: impl Fn(u32) -> Option<&'t Template>) -> Result<FxHashSet<u32>, Corrupt> {
        let mut is_split = Vec::with_capacity(self.columns.templates.len());
        for part in &self.columns.templates {
            let parsed = template(part.template).ok_or_else(|| corrupt!("template {} is not in the pack", part.template))?;
            is_split.push(form(parsed) == Form::Split);
        }
        if !is_split.contains(&true) {
            return Ok(FxHashSet::default());
        }
        let split = |node: &NodePart| is_split.get(node.dense as usize).copied().unwrap_or_default();
        Ok((self.first_node..).zip(&self.nodes).filter(|(_, node)| split(node)).map(|(number, _)| number).collect())
    }
}
