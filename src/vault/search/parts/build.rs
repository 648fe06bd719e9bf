//! Making a part: every block and every group of a pack is read once.

use rustc_hash::FxHashMap;

use crate::column::Needles;
use crate::error::{Corrupt, Result};
use crate::group::decode::Links;
use crate::group::decode::scan::{Judged, Skip, Standing};
use crate::lexical::grams::{COARSER, FINEST, SeamPrints, Seen, alphabet, seam_prints};
use crate::lexical::part::{Built, GroupLinks, Subject};
use crate::record::cut::class;
use crate::record::template::SlotKind;
use crate::shape::json::Json;
use crate::vault::ahead::in_order;
use crate::vault::search::hits::Bits;
use crate::vault::search::parts::shelf::{Shelf, Unit};
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
/// What a group has to say to its part.
struct Gathered {
    values: Seen,
    /// Of texts that are JSON or kept as they stand.
    texts: Seen,
    seams: Vec<SeamPrints>,
    links: Links,
    odd_nodes: Vec<u32>,
    split: Vec<u32>,
    inner: Vec<u32>,
    blocks: Vec<u32>,
}

/// Makes the part of a pack.
pub(super) fn build(snapshot: &Snapshot, pack: usize, threads: usize) -> Result<Built> {
    let reader = &snapshot.packs[pack];
    let directory = &reader.directory();
    let finest = finest(directory.blocks.len().max(directory.groups.len()));
    let mut shelf = Shelf::new(finest, &super::path(snapshot.layout(), reader.committed.pack.0).with_extension("grams.lex.new"));
    let mut blocks: Vec<Unit> = directory.blocks.iter().map(|_| Unit::empty()).collect();
    let mut alphabets = vec![[0; 32]; blocks.len()];
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
            let alphabet = alphabet(&bytes);
            view.reuse(bytes);
            Ok((class, index, seen, alphabet))
        },
        |(class, index, seen, alphabet)| {
            let place = places[class][index];
            blocks[place] = shelf.put(seen)?;
            alphabets[place] = alphabet;
            Ok(())
        },
    )?;
    let (mut values, mut inner, mut odd_lines, mut links) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut odd = Odd::default();
    let mut fetcher = crate::vault::fetch::Fetcher::new(snapshot);
    in_order(
        snapshot,
        threads,
        0..directory.groups.len(),
        |fetcher, group| {
            let view = fetcher.view(pack)?;
            let gathered = gather(view, group, &places, finest).map_err(|corrupt| view.pack().damaged(corrupt))?;
            Ok((group, gathered))
        },
        |(group, gathered)| {
            let of_group = connect(snapshot, pack, group, &gathered, &mut odd);
            // Records that are read whole are found by their lines.
            let runs = &directory.groups[group].records;
            let numbers: Vec<u64> = runs.iter().flat_map(|run| run.first..run.first + run.count).collect();
            let (mut line, mut seen) = (Vec::new(), Seen::new(finest));
            for position in &of_group.odd {
                line.clear();
                if let Some(number) = numbers.get(*position as usize) {
                    fetcher.record(*number, &mut line)?;
                }
                each_string(&line, &mut |text| {
                    seen.add(text.text);
                    false
                });
            }
            values.push(shelf.put(gathered.values)?);
            inner.push(shelf.put(gathered.texts)?);
            odd_lines.push(shelf.put(seen)?);
            links.push(of_group);
            Ok(())
        },
    )?;
    let of_seams: u64 = links.iter().map(|links: &GroupLinks| links.seams.len() as u64 * 4).sum();
    let room = (reader.committed.length / SHARE).saturating_sub(of_seams);
    let is_dense = |unit: usize| directory.blocks.get(unit).is_some_and(|block| block.class == class::DENSE);
    let [blocks, values, inner, odd] = filters(&shelf, [&blocks, &values, &inner, &odd_lines], &is_dense, room)?;
    let committed = reader.committed;
    let subject = Subject {
        vault: snapshot.head.vault_id,
        pack: committed.pack.0,
        length: committed.length,
        last_commit: committed.last_commit,
    };
    Ok(Built { subject, blocks, alphabets, values, inner, odd, links })
}

/// The filters of units: all equally full, and together within their share of the pack. Blocks come first.
fn filters(shelf: &Shelf, units: [&[Unit]; 4], is_dense: &dyn Fn(usize) -> bool, room: u64) -> Result<[Vec<Vec<u8>>; 4]> {
    // Each unit with its weight, in bytes at one gram a bit.
    let mut weights = units.map(|units| units.iter().map(|unit| unit.distinct / 8.0).collect::<Vec<f64>>());
    // Nobody looks for what is in base64, and nothing else has so many different grams.
    let dense = weights[0].iter_mut().enumerate().filter(|(unit, _)| is_dense(*unit));
    dense.for_each(|(_, weight)| *weight *= DENSE);
    let all: f64 = weights.iter().flatten().sum();
    // What falls into bits at random leaves exp(-grams / bits) of them empty.
    let density = f64::max(all / room.max(1) as f64, -(1.0 - FILL).ln());
    let mut filters: [Vec<Vec<u8>>; 4] = Default::default();
    for ((filters, units), weights) in filters.iter_mut().zip(units).zip(weights) {
        for (unit, weight) in units.iter().zip(weights) {
            filters.push(shelf.filter(unit, (weight / density) as usize + 1)?);
        }
    }
    Ok(filters)
}

/// Bits of hash that grams are gathered by before it is clear how many are worth their bytes.
fn finest(units: usize) -> u8 {
    if units > MANY_UNITS { COARSER } else { FINEST }
}

/// Reads all of a group.
fn gather(view: &mut PackView, index: usize, places: &[Vec<usize>; class::COUNT], finest: u8) -> Result<Gathered, Corrupt> {
    let group = view.open_group(index)?;
    let (mut values, mut texts, mut seams) = (Seen::new(finest), Seen::new(finest), Vec::new());
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
    let needles = Needles::new(&[]);
    let mut nodes = group.judge_values(|number| view.templates().get(number), &needles, &|_, _| Skip::Never, &mut judge)?;
    let specials = group.specials(|number| view.templates().get(number))?;
    let mut add = |text: &[u8]| {
        each_in(text, &mut |text| texts.add(text));
    };
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
    Ok(Gathered { values, texts, seams, links: group.into_links(), odd_nodes, split, inner, blocks })
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
    let directory = &view.pack().directory().blocks;
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
    let groups = &snapshot.packs[pack].directory().groups;
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
