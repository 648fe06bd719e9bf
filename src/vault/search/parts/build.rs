//! Making a part: every block and every group of a pack is read once.

mod gather;

use std::ops::Range;

use crate::error::{Result, corrupt};
use crate::lexical::grams::{Alphabet, COARSER, FINEST, Seen, alphabet};
use crate::lexical::part::{Built, GroupLinks, Subject};
use crate::pack::directory::Directory;
use crate::record::cut::class;
use crate::vault::ahead::in_order;
use crate::vault::fetch::Fetcher;
use crate::vault::search::parts::shelf::{Shelf, Unit};
use crate::vault::search::strings::each_string;
use crate::vault::snapshot::Snapshot;
use gather::{Gathered, Gathering, Odd, connect};

/// Of the bytes of its pack the filters of a part may have one in so many.
const SHARE: u64 = 18;
/// So full are filters where that leaves them room: fuller ones deny less, emptier ones hardly more for their bytes.
const FILL: f64 = 0.5;
/// Bytes for each gram of templates, as a multiple of those for others.
const CONSTANTS_WORTH: f64 = 8.0;
/// Packs of more units than this have small ones.
const MANY_UNITS: usize = 4096;
/// Each time so many units were read, the pages they were read from are given back.
const PAGES_OF_UNITS: usize = 16;
/// Blocks side by side are one unit up to so much text: what they have in common is kept once.
const UNIT_TEXT: u64 = 4 << 20;
/// Groups side by side are one unit up to so many nodes and segments.
const UNIT_NODES: u64 = 1 << 15;

/// A unit of text: its class, and which of that class's blocks.
struct TextUnit {
    class: usize,
    blocks: Range<usize>,
}

/// Makes the part of a pack.
pub(super) fn build(snapshot: &Snapshot, pack: usize, threads: usize) -> Result<Built> {
    let reader = &snapshot.packs[pack];
    let directory = &reader.directory();
    let mut places: [Vec<usize>; class::COUNT] = Default::default();
    for (index, block) in directory.blocks.iter().enumerate() {
        if let Some(list) = places.get_mut(block.class as usize) {
            list.push(index);
        }
    }
    let text_units = text_units(directory, &places);
    let group_units = group_units(directory);
    let finest = if text_units.len().max(group_units.len()) > MANY_UNITS { COARSER } else { FINEST };
    let mut shelf = Shelf::new(finest, &super::path(snapshot.layout(), reader.committed.pack.0).with_extension("grams.lex.new"));
    let (texts, alphabets) = read_texts(snapshot, pack, threads, &text_units, &mut shelf)?;
    let groups = read_groups(snapshot, pack, threads, &group_units, &places, &mut shelf)?;
    reader.give_back();
    let room = reader.committed.length / SHARE;
    // A wrong word about these costs more than their few bytes.
    let constants = shelf.put(read_constants(snapshot, pack, finest)?)?.worth(CONSTANTS_WORTH);
    let kinds = [std::slice::from_ref(&constants), &texts, &groups.values, &groups.pieces, &groups.inner, &groups.odd];
    let [constants, texts, values, pieces, inner, odd] = filters(snapshot, threads, &shelf, kinds, room)?;
    let constants = constants.into_iter().next().unwrap_or_default();
    let mut unit_of_block = vec![0; directory.blocks.len()];
    for (number, unit) in (0..).zip(&text_units) {
        unit.blocks.clone().for_each(|index| unit_of_block[places[unit.class][index]] = number);
    }
    let unit_of_group = (0..).zip(&group_units).flat_map(|(number, groups)| groups.clone().map(move |_| number)).collect();
    let committed = reader.committed;
    let subject = Subject {
        vault: snapshot.head.vault_id,
        pack: committed.pack.0,
        length: committed.length,
        last_commit: committed.last_commit,
    };
    Ok(Built {
        subject,
        unit_of_block,
        unit_of_group,
        texts,
        alphabets,
        constants,
        values,
        pieces,
        inner,
        odd,
        links: groups.links,
    })
}

/// Blocks of a class side by side.
fn text_units(directory: &Directory, places: &[Vec<usize>; class::COUNT]) -> Vec<TextUnit> {
    let mut units = Vec::new();
    for (class, places) in places.iter().enumerate() {
        let lengths = places.iter().map(|place| u64::from(directory.blocks[*place].length));
        units.extend(runs(lengths, UNIT_TEXT).into_iter().map(|blocks| TextUnit { class, blocks }));
    }
    units
}

/// Groups side by side.
fn group_units(directory: &Directory) -> Vec<Range<usize>> {
    runs(directory.groups.iter().map(|group| u64::from(group.nodes) + u64::from(group.segments)), UNIT_NODES)
}

/// Things side by side, as many together as make up `most`, and at least one.
fn runs(sizes: impl Iterator<Item = u64>, most: u64) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for (at, size) in sizes.enumerate() {
        held += size;
        match runs.last_mut() {
            Some(run) if held <= most => run.end = at + 1,
            _ => {
                runs.push(at..at + 1);
                held = size;
            }
        }
    }
    runs
}

/// What the text of each unit has.
fn read_texts(
    snapshot: &Snapshot,
    pack: usize,
    threads: usize,
    units: &[TextUnit],
    shelf: &mut Shelf,
) -> Result<(Vec<Unit>, Vec<Alphabet>)> {
    let (mut read, mut alphabets) = (Vec::with_capacity(units.len()), Vec::with_capacity(units.len()));
    let finest = shelf.finest();
    in_order(
        snapshot,
        threads,
        units.iter(),
        |fetcher, unit| {
            let view = fetcher.view(pack)?;
            let (mut seen, mut bytes) = (Seen::new(finest), [0; 32]);
            for index in unit.blocks.clone() {
                let look = |text: &[u8]| {
                    seen.add(text);
                    bytes.iter_mut().zip(alphabet(text)).for_each(|(all, here)| *all |= here);
                };
                view.with_block(unit.class as u8, index, look).map_err(|corrupt| view.pack().damaged(corrupt))?;
            }
            Ok((seen, bytes))
        },
        |(seen, bytes)| {
            read.push(shelf.put(seen)?);
            alphabets.push(bytes);
            if read.len() % PAGES_OF_UNITS == 0 {
                snapshot.packs[pack].give_back();
            }
            Ok(())
        },
    )?;
    Ok((read, alphabets))
}

/// What is constant in a pack's templates.
fn read_constants(snapshot: &Snapshot, pack: usize, finest: u8) -> Result<Seen> {
    let (mut fetcher, mut seen) = (Fetcher::new(snapshot), Seen::new(finest));
    let view = fetcher.view(pack)?;
    let damaged = view.templates().any_constant(&mut |bytes| {
        seen.add(bytes);
        false
    });
    if damaged { Err(view.pack().damaged(corrupt!("a template cannot be read"))) } else { Ok(seen) }
}

/// What the units of groups have, and what leads from each group.
#[derive(Default)]
struct Groups {
    values: Vec<Unit>,
    pieces: Vec<Unit>,
    inner: Vec<Unit>,
    odd: Vec<Unit>,
    links: Vec<GroupLinks>,
}

/// Reads all groups.
fn read_groups(
    snapshot: &Snapshot,
    pack: usize,
    threads: usize,
    units: &[Range<usize>],
    places: &[Vec<usize>; class::COUNT],
    shelf: &mut Shelf,
) -> Result<Groups> {
    let (mut groups, mut odd) = (Groups::default(), Odd::default());
    let mut lines = Fetcher::new(snapshot);
    let finest = shelf.finest();
    in_order(
        snapshot,
        threads,
        units.iter(),
        |fetcher, unit| {
            let view = fetcher.view(pack)?;
            let mut gathering = Gathering::new(finest);
            let gather = |group| gathering.group(view, group, places).map_err(|corrupt| view.pack().damaged(corrupt));
            let gathered: Result<Vec<Gathered>> = unit.clone().map(gather).collect();
            Ok((unit, gathered?, gathering))
        },
        |(unit, gathered, gathering)| {
            let mut seen = Seen::new(finest);
            for (group, gathered) in unit.clone().zip(gathered) {
                let links = connect(snapshot, pack, group, gathered, &mut odd);
                // Records that are read whole are found by their lines.
                read_odd_lines(&mut lines, snapshot, (pack, group), &links.odd, &mut seen)?;
                groups.links.push(links);
            }
            groups.values.push(shelf.put(gathering.values)?);
            groups.pieces.push(shelf.put(gathering.pieces)?);
            groups.inner.push(shelf.put(gathering.inner)?);
            groups.odd.push(shelf.put(seen)?);
            if groups.odd.len() % PAGES_OF_UNITS == 0 {
                snapshot.packs[pack].give_back();
            }
            Ok(())
        },
    )?;
    Ok(groups)
}

/// Adds the strings of some records of a group.
fn read_odd_lines(
    lines: &mut Fetcher<'_>,
    snapshot: &Snapshot,
    (pack, group): (usize, usize),
    positions: &[u32],
    seen: &mut Seen,
) -> Result<()> {
    if positions.is_empty() {
        return Ok(());
    }
    let runs = &snapshot.packs[pack].directory().groups[group].records;
    let numbers: Vec<u64> = runs.iter().flat_map(|run| run.first..run.first + run.count).collect();
    let mut line = Vec::new();
    for number in positions.iter().filter_map(|position| numbers.get(*position as usize)) {
        line.clear();
        lines.record(*number, &mut line)?;
        each_string(&line, &mut |text| {
            seen.add(text.text);
            false
        });
    }
    Ok(())
}

/// The filters of units: all equally full, and together within their share of the pack.
fn filters<const KINDS: usize>(
    snapshot: &Snapshot,
    threads: usize,
    shelf: &Shelf,
    units: [&[Unit]; KINDS],
    room: u64,
) -> Result<[Vec<Vec<u8>>; KINDS]> {
    // Each unit with its weight, in bytes at one gram a bit. Base64 has so many different grams that no filter could deny one.
    let weight = |unit: &Unit| if unit.is_crowded() { 0.0 } else { unit.distinct / 8.0 * unit.worth };
    let all: f64 = units.iter().flat_map(|units| units.iter()).map(weight).sum();
    // What falls into bits at random leaves exp(-grams / bits) of them empty.
    let density = f64::max(all / room.max(1) as f64, -(1.0 - FILL).ln());
    let mut filters = [const { Vec::new() }; KINDS];
    in_order(
        snapshot,
        threads,
        units.iter().enumerate().flat_map(|(kind, units)| units.iter().map(move |unit| (kind, unit))),
        |_, (kind, unit)| Ok((kind, shelf.filter(unit, (weight(unit) / density) as usize + 1)?)),
        |(kind, filter)| {
            filters[kind].push(filter);
            Ok(())
        },
    )?;
    Ok(filters)
}
