//! Lexical parts: which blocks and groups are worth a look.
//!
//! A part is made from a pack and only says where something *may* be; search is the same with and without. One that is damaged or of
//! another pack is not used, and the search says so.

use std::path::PathBuf;

use rustc_hash::FxHashMap;

use crate::error::{Corrupt, Error, Result};
use crate::fsio::{self, Map};
use crate::group::decode::Links;
use crate::group::decode::scan::{Judged, Standing};
use crate::ids::PackId;
use crate::lexical::grams::{COARSER, FINEST, Filters, GRAM, SeamPrints, SeamQuestion, Seen, Units, both, seam_prints};
use crate::lexical::part::{Built, GroupLinks, Part, Subject};
use crate::lexical::pattern::Pattern;
use crate::record::cut::class;
use crate::record::template::SlotKind;
use crate::shape::json::Json;
use crate::vault::Vault;
use crate::vault::ahead::in_order;
use crate::vault::layout::Layout;
use crate::vault::recall;
use crate::vault::search::hits::Bits;
use crate::vault::search::strings::{each_in, each_string, unescape};
use crate::vault::snapshot::Snapshot;
use crate::vault::view::PackView;

/// Of the bytes of its pack a part may have one in so many.
const SHARE: u64 = 18;
/// Filters emptier than this are not worth their bytes.
const FILL: f64 = 0.2;
/// The share of its due that a filter of dense text gets.
const DENSE: f64 = 0.3;
/// Packs of more units than this have small ones.
const MANY_UNITS: usize = 512;
/// Packs with less text are scanned faster than anything could be looked up.
pub(crate) const WORTH_BYTES: u64 = 64 << 20;

/// The blocks and groups of a pack that may hold what is looked for.
pub(super) struct Candidates(Option<Chosen>);

struct Chosen {
    known_blocks: usize,
    blocks: Units,
    values: Units,
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
                blocks: any(&|literal| part.texts.with(literal, either)).unwrap_or_default(),
                values: any(&|literal| part.values.with(literal, either)).unwrap_or_default(),
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

    /// True when a short value or JSON text of a group may hold it.
    pub(super) fn values(&self, group: usize) -> bool {
        self.0.as_ref().is_none_or(|chosen| group >= chosen.links.len() || has(&chosen.values, group))
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

    /// Segments that are JSON texts of groups whose values may hold it.
    pub(super) fn inner(&self) -> Vec<u32> {
        let Some(chosen) = &self.0 else { return Vec::new() };
        let groups = chosen.links.iter().enumerate().filter(|(group, _)| has(&chosen.values, *group));
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
    let (subject, directory) = (part.subject, &reader.directory);
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

impl Vault {
    /// Makes lexical parts: for packs large enough to be worth one, or for all. Bytes of all of them.
    ///
    /// # Errors
    /// When another process rewrites the vault, packs are damaged or parts cannot be written.
    pub fn make_lexical_parts(&self, every: bool) -> Result<u64> {
        let _maintenance = self.layout.maintenance_lock(self.options.lock_timeout)?;
        let snapshot = self.snapshot()?;
        refresh(&snapshot, self.threads(), every)?;
        let size = |pack: &std::sync::Arc<crate::pack::reader::PackReader>| {
            std::fs::metadata(path(&self.layout, pack.committed.pack.0)).map_or(0, |file| file.len())
        };
        Ok(snapshot.packs.iter().map(size).sum())
    }
}

/// True when a pack has a part that knows all of it.
fn is_fresh(snapshot: &Snapshot, pack: usize) -> bool {
    let path = path(snapshot.layout(), snapshot.packs[pack].committed.pack.0);
    let read = std::fs::metadata(&path).ok().and_then(|file| Map::open(&path, file.len()).ok());
    read.is_some_and(|map| {
        Part::read(&map)
            .is_ok_and(|part| fits(snapshot, pack, &part).is_ok() && part.subject.length == snapshot.packs[pack].committed.length)
    })
}

/// Forgets all parts.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn forget(layout: &Layout) -> Result<()> {
    recall::forget(layout)?;
    let Ok(entries) = std::fs::read_dir(layout.parts()) else { return Ok(()) };
    entries.flatten().filter(|entry| is_ours(&entry.path())).try_for_each(|entry| fsio::remove(&entry.path()))
}

/// Forgets the part of a pack that goes: it holds traces of what was in it.
///
/// # Errors
/// When the file cannot be removed.
pub(crate) fn forget_pack(layout: &Layout, pack: PackId) -> Result<()> {
    recall::forget(layout)?;
    fsio::remove(&path(layout, pack.0))
}

fn is_ours(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lex") || path.to_string_lossy().ends_with(".lex.new")
}

/// Makes the parts of all packs that are worth one and have none that knows all of them, and drops those of packs that are gone.
/// With `every`, small packs get one too.
///
/// # Errors
/// When packs are damaged or parts cannot be written.
pub(crate) fn refresh(snapshot: &Snapshot, threads: usize, every: bool) -> Result<()> {
    drop_stale(snapshot)?;
    recall::refresh(snapshot, threads)?;
    for (index, pack) in snapshot.packs.iter().enumerate() {
        let text: u64 = pack.directory.blocks.iter().map(|block| u64::from(block.length)).sum();
        if (every || text >= WORTH_BYTES) && !is_fresh(snapshot, index) {
            let built = build(snapshot, index, threads)?;
            let parts = snapshot.layout().parts();
            if !parts.is_dir() {
                fsio::create_dir(&parts)?;
            }
            fsio::replace(&path(snapshot.layout(), pack.committed.pack.0), &built.encode())?;
        }
    }
    Ok(())
}

/// Drops the parts of packs that are gone.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn drop_stale(snapshot: &Snapshot) -> Result<()> {
    let live: Vec<PathBuf> = snapshot.packs.iter().map(|pack| path(snapshot.layout(), pack.committed.pack.0)).collect();
    let Ok(entries) = std::fs::read_dir(snapshot.layout().parts()) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if is_ours(&path) && !live.contains(&path) {
            fsio::remove(&path)?;
        }
    }
    Ok(())
}

/// What a group has to say to its part.
struct Gathered {
    values: Seen,
    seams: Vec<SeamPrints>,
    links: Links,
    odd_nodes: Vec<u32>,
    split: Vec<u32>,
    inner: Vec<u32>,
    blocks: Vec<u32>,
}

/// Makes the part of a pack.
fn build(snapshot: &Snapshot, pack: usize, threads: usize) -> Result<Built> {
    let reader = &snapshot.packs[pack];
    let directory = &reader.directory;
    let finest = finest(directory.blocks.len().max(directory.groups.len()));
    let mut blocks = vec![Seen::new(finest); directory.blocks.len()];
    let mut places: [Vec<usize>; class::COUNT] = Default::default();
    for (index, block) in directory.blocks.iter().enumerate() {
        if let Some(list) = places.get_mut(block.class as usize) {
            list.push(index);
        }
    }
    let jobs = places.iter().enumerate().flat_map(|(class, list)| (0..list.len()).map(move |index| (class, index)));
    in_order(
        snapshot,
        threads,
        jobs,
        |fetcher, (class, index)| {
            let view = fetcher.view(pack)?;
            let bytes = view.whole_block(class as u8, index).map_err(|corrupt| reader.damaged(corrupt))?;
            let mut seen = Seen::new(finest);
            seen.add(&bytes);
            view.reuse(bytes);
            Ok((class, index, seen))
        },
        |(class, index, seen)| {
            blocks[places[class][index]] = seen;
            Ok(())
        },
    )?;
    let (mut values, mut links) = (Vec::new(), Vec::new());
    let mut odd = Odd::default();
    in_order(
        snapshot,
        threads,
        0..directory.groups.len(),
        |fetcher, group| {
            let view = fetcher.view(pack)?;
            let gathered = gather(view, group, &places, finest).map_err(|corrupt| view.pack().damaged(corrupt))?;
            Ok((group, gathered))
        },
        |(group, mut gathered)| {
            let of_group = connect(snapshot, pack, group, &gathered, &mut odd);
            // Records that are read whole are found by their lines.
            let mut fetcher = crate::vault::fetch::Fetcher::new(snapshot);
            let runs = &directory.groups[group].records;
            let numbers: Vec<u64> = runs.iter().flat_map(|run| run.first..run.first + run.count).collect();
            let mut line = Vec::new();
            for position in &of_group.odd {
                line.clear();
                if let Some(number) = numbers.get(*position as usize) {
                    fetcher.record(*number, &mut line)?;
                }
                each_string(&line, &mut |text| {
                    gathered.values.add(text.text);
                    false
                });
            }
            values.push(gathered.values);
            links.push(of_group);
            Ok(())
        },
    )?;
    let of_seams: u64 = links.iter().map(|links: &GroupLinks| links.seams.len() as u64 * 4).sum();
    let room = (reader.committed.length / SHARE).saturating_sub(of_seams);
    let is_dense = |unit: usize| directory.blocks.get(unit).is_some_and(|block| block.class == class::DENSE);
    let [blocks, values] = filters([&blocks, &values], &is_dense, room);
    let committed = reader.committed;
    let subject = Subject {
        vault: snapshot.head.vault_id,
        pack: committed.pack.0,
        length: committed.length,
        last_commit: committed.last_commit,
    };
    Ok(Built { subject, blocks, values, links })
}

/// The filters of blocks and groups: all equally full, and together within their share of the pack.
fn filters(units: [&[Seen]; 2], is_dense: &dyn Fn(usize) -> bool, room: u64) -> [Vec<Vec<u8>>; 2] {
    // Each unit with its weight, in bytes at one gram a bit.
    let [mut blocks, values] = units.map(|units| units.iter().map(|seen| seen.distinct() / 8.0).collect::<Vec<f64>>());
    // Nobody looks for what is in base64, and nothing else has so many different grams.
    blocks.iter_mut().enumerate().filter(|(unit, _)| is_dense(*unit)).for_each(|(_, weight)| *weight *= DENSE);
    let all: f64 = blocks.iter().chain(&values).sum();
    // What falls into bits at random leaves exp(-grams / bits) of them empty.
    let density = f64::max(all / room.max(1) as f64, -(1.0 - FILL).ln());
    let make = |units: &[Seen], weights: &[f64]| {
        units.iter().zip(weights).map(|(seen, weight)| seen.filter((weight / density) as usize + 1)).collect()
    };
    [make(units[0], &blocks), make(units[1], &values)]
}

/// Bits of hash that grams are gathered by before it is clear how many are worth their bytes.
fn finest(units: usize) -> u8 {
    if units > MANY_UNITS { COARSER } else { FINEST }
}

/// Reads all of a group.
fn gather(view: &mut PackView, index: usize, places: &[Vec<usize>; class::COUNT], finest: u8) -> Result<Gathered, Corrupt> {
    let group = view.open_group(index)?;
    let (mut values, mut seams) = (Seen::new(finest), Vec::new());
    let mut add = |text: &[u8]| {
        each_in(text, &mut |text| values.add(text));
    };
    let mut judge = |kind: SlotKind, standing: Standing, value: &[u8]| match (kind, standing) {
        (SlotKind::ShortString, _) => {
            add(&unescape(value));
            Judged::No
        }
        (_, Standing::Beside) if value.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(value).trim_ascii().is_empty() => Judged::No,
        (_, Standing::Beside) => Judged::Odd,
        _ => add_json(value, &mut add),
    };
    let mut nodes = group.judge_values(|number| view.templates().get(number), &|_, _, _| false, &mut judge)?;
    let specials = group.specials(|number| view.templates().get(number))?;
    let mut text = Vec::new();
    let mut done = FxHashMap::default();
    for special in specials {
        text.clear();
        match (special.slot.kind, special.standing) {
            (SlotKind::NodeInString, _) => {
                if done.insert(special.target, ()).is_none() {
                    view.node(special.target, &mut text)?;
                    add(&text);
                }
            }
            (_, Standing::Beside) => nodes.push((special.node, Judged::Odd)),
            _ => {
                view.segment(special.target, &mut text)?;
                nodes.push((special.node, add_json(&text, &mut add)));
            }
        }
    }
    let split = group.split_nodes(|number| view.templates().get(number))?.into_iter().collect();
    let (mut inner, mut blocks) = (Vec::new(), Vec::new());
    let (_, segments, _) = group.sizes();
    for number in group.first_segment..group.first_segment + segments as u32 {
        let located = group.segment(number)?;
        let borders = borders(view, located.class, located.pieces, &places[located.class as usize], &mut blocks);
        text.clear();
        view.segment(number, &mut text)?;
        seams.extend(borders.into_iter().map(|border| seam_prints(&text, border)));
        let is_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) && memchr::memchr(b'\\', &text).is_some();
        if is_json && Json::parse(&text).is_some() {
            add(&text);
            inner.push(number);
        }
    }
    blocks.sort_unstable();
    blocks.dedup();
    let odd_nodes = nodes.into_iter().filter(|(_, judged)| *judged == Judged::Odd).map(|(node, _)| node).collect();
    Ok(Gathered { values, seams, links: group.into_links(), odd_nodes, split, inner, blocks })
}

/// Adds the strings of what should be one JSON value.
fn add_json(value: &[u8], add: &mut dyn FnMut(&[u8])) -> Judged {
    if Json::parse(value).is_none() {
        return Judged::Odd;
    }
    each_string(value, &mut |text| {
        add(text.text);
        false
    });
    Judged::No
}

/// Where in a segment's text one part of it ends and the next begins, at ends of pieces and of blocks; the blocks go to `found`.
fn borders(view: &PackView, class: u8, pieces: &[crate::group::Piece], places: &[usize], found: &mut Vec<u32>) -> Vec<usize> {
    let directory = &view.pack().directory.blocks;
    let block = |place: &usize| directory.get(*place).filter(|block| block.class == class);
    let mut borders = Vec::new();
    let mut length = 0usize;
    for piece in pieces {
        let (mut at, end) = (u64::from(piece.start), u64::from(piece.start) + u64::from(piece.length));
        let first = places.partition_point(|place| block(place).is_some_and(|block| block.start + block.length <= piece.start));
        for place in places.get(first..).unwrap_or_default() {
            let Some(block) = block(place).filter(|_| at < end) else { break };
            found.push(*place as u32);
            let upto = end.min(u64::from(block.start) + u64::from(block.length));
            length += (upto - at) as usize;
            borders.push(length);
            at = upto;
        }
    }
    borders.pop();
    borders
}

/// What makes records odd, by node.
#[derive(Default)]
struct Odd {
    nodes: Bits,
    /// Texts in pieces: odd when they are a whole record.
    split: Bits,
}

/// What leads from a group to others and to records; odd nodes are remembered for those after it.
fn connect(snapshot: &Snapshot, pack: usize, group: usize, gathered: &Gathered, odd: &mut Odd) -> GroupLinks {
    let groups = &snapshot.packs[pack].directory.groups;
    let own = &groups[group];
    gathered.odd_nodes.iter().for_each(|node| odd.nodes.insert(u64::from(*node)));
    gathered.split.iter().for_each(|node| odd.split.insert(u64::from(*node)));
    let mut referred = Vec::new();
    for (node, targets) in gathered.links.nodes() {
        let mut is_odd = false;
        for (to_node, target) in targets {
            is_odd |= to_node && odd.nodes.has(u64::from(target));
            let outside = if to_node { target < own.first_node } else { target < own.first_segment };
            if outside {
                let at = match to_node {
                    true => groups.partition_point(|group| group.first_node + group.nodes <= target),
                    false => groups.partition_point(|group| group.first_segment + group.segments <= target),
                };
                referred.push(at as u32);
            }
        }
        if is_odd {
            odd.nodes.insert(u64::from(node));
        }
    }
    // A record may have no node of its own: its root is that of an earlier one.
    let earlier = gathered.links.roots.iter().filter(|root| **root < own.first_node);
    referred.extend(earlier.map(|root| groups.partition_point(|group| group.first_node + group.nodes <= *root) as u32));
    referred.sort_unstable();
    referred.dedup();
    let is_odd = |root: &u32| odd.nodes.has(u64::from(*root)) || odd.split.has(u64::from(*root));
    let positions = (0u32..).zip(&gathered.links.roots).filter(|(_, root)| is_odd(root)).map(|(position, _)| position);
    GroupLinks {
        groups: referred,
        blocks: gathered.blocks.clone(),
        odd: positions.collect(),
        inner: gathered.inner.clone(),
        seams: gathered.seams.clone(),
    }
}
