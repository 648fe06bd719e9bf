//! Lexical parts: which blocks and groups are worth a look.
//!
//! A part is made from a pack and only says where something *may* be; search is the same with and without. One that is damaged or of
//! another pack is not used, and the search says so.

mod build;
mod keep;
mod shelf;

use std::path::PathBuf;

use crate::error::{Corrupt, Error, Result};
use crate::fsio::Map;
use crate::lexical::grams::{Filters, GRAM, SeamPrints, SeamQuestion, Units, both};
use crate::lexical::part::{GroupLinks, Part};
use crate::lexical::pattern::Pattern;
use crate::vault::layout::Layout;
use crate::vault::search::hits::Bits;
use crate::vault::snapshot::Snapshot;
pub(crate) use keep::{forget, forget_pack, refresh};

/// The blocks and groups of a pack that may hold what is looked for.
pub(super) struct Candidates(Option<Chosen>);

struct Chosen {
    unit_of_block: Vec<u32>,
    unit_of_group: Vec<u32>,
    texts: Units,
    /// Blocks that were looked at and do not hold it.
    dismissed: Bits,
    /// True when what is constant in templates may hold it.
    constants: bool,
    values: Units,
    pieces: Units,
    inner: Units,
    odd: Units,
    /// Groups came after those the part knows: they may refer to what made earlier records odd.
    behind: bool,
    /// For each literal where a seam may lie in it.
    literals: Vec<Literal>,
    links: Vec<GroupLinks>,
}

/// A literal, and which units of text may hold the beginning or the end of it.
struct Literal {
    length: usize,
    question: SeamQuestion,
    heads: Vec<Units>,
    tails: Vec<Units>,
}

/// A block with how much of a segment lies in it there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// Place of the block in the directory.
    pub(super) block: usize,
    /// Bytes.
    pub(super) length: usize,
}

fn has(units: &Units, unit: u32) -> bool {
    units.get(unit as usize / 8).is_some_and(|byte| byte >> (unit % 8) & 1 == 1)
}

impl Candidates {
    /// Everything is worth a look.
    pub(super) fn all() -> Candidates {
        Candidates(None)
    }

    /// What a pack's part says about a pattern.
    pub(super) fn new(snapshot: &Snapshot, pack: usize, pattern: &Pattern, warnings: &mut Vec<String>) -> Candidates {
        let Some(needed) = pattern.needed().filter(|needed| !needed.is_empty()) else { return Candidates::all() };
        let path = path(snapshot.layout(), snapshot.packs[pack].committed.pack.0);
        let Ok(length) = std::fs::metadata(&path).map(|file| file.len()) else { return Candidates::all() };
        let read = Map::open(&path, length).and_then(|map| {
            let part = Part::read(&map).map_err(|corrupt| Error::integrity(&path, corrupt))?;
            fits(snapshot, pack, &part).map_err(|corrupt| Error::integrity(&path, corrupt))?;
            let either = pattern.either_case();
            let any = |ask: &dyn Fn(&[u8]) -> Units| {
                let all = needed.iter().map(|literal| ask(literal));
                all.reduce(|mut a, b| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
                    a
                })
            };
            // Of a literal whose tail may stand alone both are looked for across seams.
            let whole = pattern.quoted().tail().map(|_| pattern.literals()).unwrap_or_default();
            let seams = needed.iter().chain(whole);
            Ok(Chosen {
                behind: part.links.len() < snapshot.packs[pack].directory().groups.len(),
                texts: any(&|literal| both(part.texts.with(literal, either), &part.alphabets.with(literal, either)))
                    .unwrap_or_default(),
                dismissed: Bits::default(),
                values: any(&|literal| part.values.with(literal, either)).unwrap_or_default(),
                constants: any(&|literal| part.constants.with(literal, either)).is_none_or(|units| has(&units, 0)),
                pieces: any(&|literal| part.pieces.with(literal, either)).unwrap_or_default(),
                inner: any(&|literal| part.inner.with(literal, either)).unwrap_or_default(),
                odd: any(&|literal| part.odd.with(literal, either)).unwrap_or_default(),
                literals: seams.filter_map(|literal| Literal::new(literal, &part.texts, either)).collect(),
                unit_of_block: part.unit_of_block,
                unit_of_group: part.unit_of_group,
                links: part.links,
            })
        });
        match read {
            Ok(chosen) => Candidates(Some(chosen)),
            Err(error) => {
                warnings.push(format!("{error}; searched without it, `turnpack reindex --lexical` makes it anew"));
                Candidates::all()
            }
        }
    }

    /// True when a block, by its place in the directory, may hold it.
    pub(super) fn block(&self, index: usize) -> bool {
        let Some(chosen) = &self.0 else { return true };
        let named = chosen.unit_of_block.get(index).is_none_or(|unit| has(&chosen.texts, *unit));
        named && !chosen.dismissed.has(index as u64)
    }

    /// True when the part knows a block and names it among those that may hold it.
    pub(super) fn names_block(&self, index: usize) -> bool {
        self.0.as_ref().is_some_and(|chosen| index < chosen.unit_of_block.len()) && self.block(index)
    }

    /// Takes a block out of those that may hold it.
    pub(super) fn dismiss(&mut self, index: usize) {
        if let Some(chosen) = &mut self.0 {
            chosen.dismissed.insert(index as u64);
        }
    }

    /// True when a part tells of a group.
    pub(super) fn knows(&self, group: usize) -> bool {
        self.0.as_ref().is_some_and(|chosen| group < chosen.links.len())
    }

    /// True when a short value of a group may hold it.
    pub(super) fn values(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| chosen.group_has(&chosen.values, group) || chosen.must_be_judged(group))
    }

    /// True when a string in pieces of a group, or a text that is kept as it stands, may hold it.
    pub(super) fn pieces(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| chosen.group_has(&chosen.pieces, group) || chosen.must_be_judged(group))
    }

    /// True when a string of a group that is JSON may hold it.
    pub(super) fn inner_texts(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| chosen.group_has(&chosen.inner, group) || chosen.must_be_judged(group))
    }

    /// Whether what is constant in templates may hold it; `None` where nothing is known of all of them.
    pub(super) fn constants(&self) -> Option<bool> {
        self.0.as_ref().filter(|chosen| !chosen.behind).map(|chosen| chosen.constants)
    }

    /// True when a record of a group that must be read to be judged may hold it.
    pub(super) fn odd_lines(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| group >= chosen.links.len() || chosen.group_has(&chosen.odd, group))
    }

    /// For each seam of the texts of a group, in order, where in the literals it may lie; `None` where nothing is known.
    pub(super) fn seams(&self, group: usize) -> Option<Vec<u64>> {
        let chosen = self.0.as_ref()?;
        let seams = &chosen.links.get(group)?.seams;
        let offsets =
            |prints: &SeamPrints| chosen.literals.iter().fold(0, |all, literal| all | literal.question.offsets(*prints));
        Some(seams.iter().map(offsets).collect())
    }

    /// True when what is looked for may lie across a seam between two blocks' texts, with so many of its bytes before it as `offsets`
    /// has bits.
    pub(super) fn across(&self, offsets: u64, left: Side, right: Side) -> bool {
        let Some(chosen) = &self.0 else { return true };
        chosen.literals.iter().any(|literal| {
            (1..literal.length).filter(|offset| offsets >> offset & 1 == 1).any(|offset| {
                // What goes over a further seam lies in further blocks.
                let head = offset > left.length || chosen.block_has(&literal.heads[offset], left.block);
                head && (literal.length - offset > right.length || chosen.block_has(&literal.tails[offset], right.block))
            })
        })
    }

    /// True when a text of a group may hold it.
    pub(super) fn group_has_text(&self, group: usize) -> bool {
        let Some(chosen) = &self.0 else { return true };
        let Some(links) = chosen.links.get(group) else { return true };
        let over_seam = |prints: &SeamPrints| chosen.literals.iter().any(|literal| literal.question.offsets(*prints) != 0);
        links.blocks.iter().any(|block| self.block(*block as usize)) || links.seams.iter().any(over_seam)
    }

    /// Segments that are JSON texts, of groups where these may hold it.
    pub(super) fn inner(&self) -> Vec<u32> {
        let Some(chosen) = &self.0 else { return Vec::new() };
        let groups = chosen.links.iter().enumerate().filter(|(group, _)| chosen.group_has(&chosen.inner, *group));
        groups.flat_map(|(_, links)| &links.inner).copied().collect()
    }

    /// True when a group refers to one that `is` accepts.
    pub(super) fn refers(&self, group: usize, is: impl Fn(u32) -> bool) -> bool {
        let links = self.0.as_ref().and_then(|chosen| chosen.links.get(group));
        links.is_none_or(|links| links.groups.iter().any(|other| is(*other)))
    }

    /// True when a record is known to be one that must be read.
    pub(super) fn is_odd(&self, group: usize, position: u32) -> bool {
        let links = self.0.as_ref().and_then(|chosen| chosen.links.get(group));
        links.is_some_and(|links| links.odd.binary_search(&position).is_ok())
    }
}

impl Chosen {
    /// True when a block the part knows is in one of some units of text.
    fn block_has(&self, units: &Units, block: usize) -> bool {
        self.unit_of_block.get(block).is_some_and(|unit| has(units, *unit))
    }

    /// True when a group the part knows is in one of some units of groups.
    fn group_has(&self, units: &Units, group: usize) -> bool {
        self.unit_of_group.get(group).is_some_and(|unit| has(units, *unit))
    }

    /// True for groups of which the part does not tell enough.
    fn must_be_judged(&self, group: usize) -> bool {
        self.links.get(group).is_none_or(|links| self.behind && !links.odd.is_empty())
    }
}

impl Literal {
    fn new(literal: &[u8], texts: &Filters<'_>, either_case: bool) -> Option<Literal> {
        let question = SeamQuestion::new(literal)?;
        let grams = texts.grams(literal, either_case);
        // With so many of its bytes before a seam, the grams of those lie before it, and the grams of the others behind.
        let (mut heads, mut tails) = (vec![texts.all(); GRAM.min(literal.len())], vec![texts.all(); GRAM.min(literal.len() + 1)]);
        for gram in &grams {
            heads.push(both(gram.clone(), heads.last()?));
        }
        for gram in grams.iter().rev() {
            tails.push(both(gram.clone(), tails.last()?));
        }
        tails.reverse();
        Some(Literal { length: literal.len(), question, heads, tails })
    }
}

/// The file of a pack's part.
fn path(layout: &Layout, pack: u32) -> PathBuf {
    layout.parts().join(format!("{pack:08}.lex"))
}

/// Refuses a part of another pack, or of one that was not continued but replaced.
fn fits(snapshot: &Snapshot, pack: usize, part: &Part<'_>) -> Result<(), Corrupt> {
    let reader = &snapshot.packs[pack];
    let (subject, directory) = (part.subject, &reader.directory());
    let blocks = directory.blocks.iter().filter(|block| block.offset < subject.length).count();
    let groups = directory.groups.iter().filter(|group| group.offset < subject.length).count();
    let same = subject.vault == snapshot.head.vault_id
        && subject.pack == reader.committed.pack.0
        && subject.length <= reader.committed.length
        && subject.last_commit <= reader.committed.last_commit
        && (blocks, groups) == (part.unit_of_block.len(), part.links.len());
    let in_place = part.links.iter().enumerate().all(|(group, links)| links.groups.iter().all(|other| (*other as usize) < group));
    if same && in_place { Ok(()) } else { Err(Corrupt("is of another pack".into())) }
}
