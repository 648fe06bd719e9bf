//! What a writer must know of the pack it continues: where it stands, and fingerprints of what it holds.
//!
//! All of it follows from the pack. Where a catalog is kept, it has the fingerprints of all but short nodes and segments: those
//! are stored again when another session brings them again. Otherwise nodes are joined once each, in order, on all cores; a node's bytes are hashed as the cutter
//! hashes them, so that a line that comes again is found whether it was stored a second or a year ago.

use std::ops::Range;
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bytes::Reader;
use crate::catalog::{GroupPrints, hash_print};
use crate::checksum::content_hash;
use crate::error::{Corrupt, Result, corrupt};
use crate::group::decode::record_roots;
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::NODE_BYTES;
use crate::record::cut::class;
use crate::vault::index::Index;
use crate::vault::view::PackView;
use crate::vault::write::assemble::{PRINTED_BYTES, Past, Position};

/// Reads a pack's past: from the catalog as far as it goes, the rest from the pack.
///
/// # Errors
/// When the pack is damaged.
pub fn load(pack: &Arc<PackReader>, index: &Index, pool: &ThreadPool) -> Result<Past> {
    let templates = template_bytes(pack).map_err(|corrupt| pack.damaged(corrupt))?;
    let mut past = Past { position: position(pack), templates, ..Past::default() };
    past.position.template = past.templates.len() as u32;
    let listed = listed(pack, index, &mut past).map_err(|corrupt| pack.damaged(corrupt))?;
    past.unlisted.0 = listed;
    for part in fingerprints(pack, listed..pack.directory().groups.len(), pool)? {
        part.nodes.iter().for_each(|&(number, print, _)| past.nodes.insert_print(number, print));
        part.segments.iter().for_each(|&(number, print, _)| past.segments.insert_print(number, print));
        past.unlisted.1.push(part.worth_keeping());
        past.roots.extend(part.roots);
    }
    past.view = Some(PackView::new(Arc::clone(pack))?);
    Ok(past)
}

/// Takes the groups that the catalog knows; gives how many those are.
fn listed(pack: &PackReader, index: &Index, past: &mut Past) -> Result<usize, Corrupt> {
    let Some(prints) = index.prints(pack) else { return Ok(0) };
    let groups = &pack.directory().groups[..prints.len()];
    let lowest = groups.iter().flat_map(|group| &group.records).map(|run| run.first).min().unwrap_or(0);
    // What it knows of records must be whole as well.
    let Some(hashes) = index.hashes(lowest) else { return Ok(0) };
    let mut roots = Vec::new();
    for entry in groups {
        let frame = pack.frame(entry.offset, Kind::Group)?;
        let payload = frame::content(&frame)?;
        let numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
        for (root, number) in record_roots(&payload)?.into_iter().zip(numbers) {
            let Some(&hash) = hashes.get((number - lowest) as usize) else { return Ok(0) };
            roots.push((root, number, hash));
        }
    }
    for (root, number, hash) in roots {
        past.nodes.insert_print(root, hash);
        past.roots.insert(root, number);
    }
    for group in &prints {
        group.nodes.iter().for_each(|&(number, print)| past.nodes.insert_print(number, print));
        group.segments.iter().for_each(|&(number, print)| past.segments.insert_print(number, print));
    }
    Ok(prints.len())
}

/// Fingerprints of groups, as the catalog keeps them, from the pack itself.
///
/// # Errors
/// When the pack is damaged.
pub fn group_prints(pack: &Arc<PackReader>, groups: Range<usize>, pool: &ThreadPool) -> Result<Vec<GroupPrints>> {
    Ok(fingerprints(pack, groups, pool)?.iter().map(Prints::worth_keeping).collect())
}

/// What one group holds: numbers, fingerprints and lengths; roots with their records.
#[derive(Default)]
struct Prints {
    nodes: Vec<(u32, u32, usize)>,
    segments: Vec<(u32, u32, usize)>,
    roots: Vec<(u32, u64)>,
}

impl Prints {
    fn worth_keeping(&self) -> GroupPrints {
        let mut roots: Vec<u32> = self.roots.iter().map(|root| root.0).collect();
        roots.sort_unstable();
        let long = |list: &[(u32, u32, usize)]| -> Vec<(u32, u32)> {
            list.iter().filter(|entry| entry.2 >= PRINTED_BYTES).map(|&(number, print, _)| (number, print)).collect()
        };
        let mut prints = GroupPrints { nodes: long(&self.nodes), segments: long(&self.segments) };
        prints.nodes.retain(|(number, _)| roots.binary_search(number).is_err());
        prints
    }
}

fn fingerprints(pack: &Arc<PackReader>, groups: Range<usize>, pool: &ThreadPool) -> Result<Vec<Prints>> {
    // Ranges rather than single groups: neighbours share what they join.
    let jobs = pool.current_num_threads() * 4;
    let ranges: Vec<_> = (0..jobs).map(|n| groups.len() * n / jobs..groups.len() * (n + 1) / jobs).collect();
    let parts: Vec<Vec<Prints>> = pool.install(|| {
        ranges
            .into_par_iter()
            .map(|range| {
                let range = groups.start + range.start..groups.start + range.end;
                fingerprints_of(pack, range).map_err(|corrupt| pack.damaged(corrupt))
            })
            .collect::<Result<_>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}

fn fingerprints_of(pack: &Arc<PackReader>, groups: Range<usize>) -> Result<Vec<Prints>, Corrupt> {
    let mut all = Vec::new();
    if groups.is_empty() {
        return Ok(all);
    }
    let mut view = PackView::new(Arc::clone(pack)).map_err(|error| corrupt!("{error}"))?;
    let mut bytes = Vec::new();
    for index in groups {
        let mut prints = Prints::default();
        let entry = &pack.directory().groups[index];
        let group = view.group(index)?;
        let mut roots = Vec::new();
        let mut position = 0;
        for run in &entry.records {
            for number in run.first..run.first + run.count {
                let root = group.root(position)?.ok_or_else(|| corrupt!("a record without root"))?;
                roots.push(root);
                prints.roots.push((root, number));
                position += 1;
            }
        }
        roots.sort_unstable();
        for number in entry.first_node..entry.first_node + entry.nodes {
            bytes.clear();
            view.node(number, &mut bytes)?;
            if bytes.len() >= NODE_BYTES || roots.binary_search(&number).is_ok() {
                prints.nodes.push((number, hash_print(content_hash(&bytes)), bytes.len()));
            }
        }
        for number in entry.first_segment..entry.first_segment + entry.segments {
            bytes.clear();
            view.segment(number, &mut bytes)?;
            prints.segments.push((number, hash_print(content_hash(&bytes)), bytes.len()));
        }
        all.push(prints);
    }
    Ok(all)
}

/// Records that came in pieces: their segments and their numbers.
///
/// # Errors
/// When the pack is damaged.
pub fn long_records(pack: &Arc<PackReader>) -> Result<Vec<(Box<[u32]>, u64)>> {
    let mut view = PackView::new(Arc::clone(pack))?;
    let mut found = Vec::new();
    for (group, entry) in pack.directory().groups.iter().enumerate() {
        let numbers = entry.records.iter().flat_map(|run| run.first..run.first + run.count);
        for (position, number) in numbers.enumerate() {
            let pieces = view.pieces(group, position).map_err(|corrupt| pack.damaged(corrupt))?;
            found.extend(pieces.map(|(_, segments)| (segments.into(), number)));
        }
    }
    Ok(found)
}

fn position(pack: &PackReader) -> Position {
    let directory = &pack.directory();
    let last = directory.groups.last();
    let mut position = Position {
        node: last.map_or(0, |group| group.first_node + group.nodes),
        segment: last.map_or(0, |group| group.first_segment + group.segments),
        template: 0,
        literals: [0; class::COUNT],
        blocks: [0; class::COUNT],
    };
    for block in &directory.blocks {
        if let Some(end) = position.literals.get_mut(block.class as usize) {
            *end = (*end).max(block.start + block.length);
            position.blocks[block.class as usize] += 1;
        }
    }
    position
}

fn template_bytes(pack: &PackReader) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut templates = Vec::new();
    for entry in &pack.directory().templates {
        let frame = pack.frame(entry.offset, Kind::Templates)?;
        let payload = frame::decode(&frame, None)?;
        let mut reader = Reader::new(&payload);
        for _ in 0..entry.count {
            templates.push(reader.bytes()?.to_vec());
        }
    }
    Ok(templates)
}
