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
use crate::vault::snapshot::Snapshot;
pub(crate) use keep::{forget, forget_pack, refresh};

/// The blocks and groups of a pack that may hold what is looked for.
pub(super) struct Candidates(Option<Chosen>);

struct Chosen {
    known_blocks: usize,
    blocks: Units,
    values: Units,
    inner: Units,
    odd: Units,
    /// Groups came after those the part knows: they may refer to what made earlier records odd.
    behind: bool,
    /// For each literal where a seam may lie in it.
    literals: Vec<Literal>,
    links: Vec<GroupLinks>,
}

/// A literal, and which blocks may hold the beginning or the end of it.
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

fn has(units: &Units, unit: usize) -> bool {
    units.get(unit / 8).is_some_and(|byte| byte >> (unit % 8) & 1 == 1)
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
                known_blocks: part.blocks as usize,
                behind: part.links.len() < snapshot.packs[pack].directory().groups.len(),
                blocks: any(&|literal| both(part.texts.with(literal, either), &part.alphabets.with(literal, either)))
                    .unwrap_or_default(),
                values: any(&|literal| part.values.with(literal, either)).unwrap_or_default(),
                inner: any(&|literal| part.inner.with(literal, either)).unwrap_or_default(),
                odd: any(&|literal| part.odd.with(literal, either)).unwrap_or_default(),
                literals: seams.filter_map(|literal| Literal::new(literal, &part.texts, either)).collect(),
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
        self.0.as_ref().is_none_or(|chosen| index >= chosen.known_blocks || has(&chosen.blocks, index))
    }

    /// True when a part tells of a group.
    pub(super) fn knows(&self, group: usize) -> bool {
        self.0.as_ref().is_some_and(|chosen| group < chosen.links.len())
    }

    /// True when a short value of a group may hold it.
    pub(super) fn values(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| has(&chosen.values, group) || chosen.must_be_judged(group))
    }

    /// True when a text of a group that is JSON, or is kept as it stands in its line, may hold it.
    pub(super) fn inner_texts(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| has(&chosen.inner, group) || chosen.must_be_judged(group))
    }

    /// True when a record of a group that must be read to be judged may hold it.
    pub(super) fn odd_lines(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| group >= chosen.links.len() || has(&chosen.odd, group))
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
                let head = offset > left.length || has(&literal.heads[offset], left.block);
                head && (literal.length - offset > right.length || has(&literal.tails[offset], right.block))
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
        let groups = chosen.links.iter().enumerate().filter(|(group, _)| has(&chosen.inner, *group));
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
        && (blocks, groups) == (part.blocks as usize, part.links.len());
    let in_place = part.links.iter().enumerate().all(|(group, links)| links.groups.iter().all(|other| (*other as usize) < group));
    if same && in_place { Ok(()) } else { Err(Corrupt("is of another pack".into())) }
}
