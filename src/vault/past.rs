//! What a writer must know of the pack it continues: where it stands, and fingerprints of what it holds.
//!
//! All of it follows from the pack. Nodes are joined once each, in order, on all cores; a node's bytes are hashed as the cutter
//! hashes them, so that a line that comes again is found whether it was stored a second or a year ago.

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bytes::Reader;
use crate::checksum::content_hash;
use crate::error::{Corrupt, Result, corrupt};
use crate::pack::frame::{self, Kind};
use crate::pack::reader::PackReader;
use crate::record::NODE_BYTES;
use crate::record::cut::class;
use crate::vault::view::PackView;
use crate::vault::write::assemble::{Past, Position};

/// Reads a pack's past.
///
/// # Errors
/// When the pack is damaged.
pub fn load(pack: &Arc<PackReader>, pool: &ThreadPool) -> Result<Past> {
    let templates = template_bytes(pack).map_err(|corrupt| pack.damaged(corrupt))?;
    let mut past = Past { position: position(pack), templates, ..Past::default() };
    past.position.template = past.templates.len() as u32;
    let groups = pack.directory.groups.len();
    let threads = pool.current_num_threads();
    // Ranges rather than single groups: neighbours share what they join.
    let ranges: Vec<_> = (0..threads * 4).map(|n| groups * n / (threads * 4)..groups * (n + 1) / (threads * 4)).collect();
    let prints: Vec<Prints> = pool.install(|| {
        ranges
            .into_par_iter()
            .map(|range| fingerprints(pack, range).map_err(|corrupt| pack.damaged(corrupt)))
            .collect::<Result<_>>()
    })?;
    for part in prints {
        part.nodes.iter().for_each(|&(number, print)| past.nodes.insert_print(number, print));
        part.segments.iter().for_each(|&(number, print)| past.segments.insert_print(number, print));
        past.roots.extend(part.roots);
    }
    past.view = Some(PackView::new(Arc::clone(pack))?);
    Ok(past)
}

#[derive(Default)]
struct Prints {
    nodes: Vec<(u32, u32)>,
    segments: Vec<(u32, u32)>,
    roots: Vec<(u32, u64)>,
}

fn fingerprints(pack: &Arc<PackReader>, groups: std::ops::Range<usize>) -> Result<Prints, Corrupt> {
    let mut prints = Prints::default();
    if groups.is_empty() {
        return Ok(prints);
    }
    let mut view = PackView::new(Arc::clone(pack)).map_err(|error| corrupt!("{error}"))?;
    let mut bytes = Vec::new();
    for index in groups {
        let entry = &pack.directory.groups[index];
        let group = view.group(index)?;
        let mut roots = Vec::new();
        let mut position = 0;
        for run in &entry.records {
            for number in run.first..run.first + run.count {
                let root = group.root(position).ok_or_else(|| corrupt!("a record without root"))?;
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
                prints.nodes.push((number, content_hash(&bytes) as u32));
            }
        }
        for number in entry.first_segment..entry.first_segment + entry.segments {
            bytes.clear();
            view.segment(number, &mut bytes)?;
            prints.segments.push((number, content_hash(&bytes) as u32));
        }
    }
    Ok(prints)
}

fn position(pack: &PackReader) -> Position {
    let directory = &pack.directory;
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
    for entry in &pack.directory.templates {
        let frame = pack.frame(entry.offset, Kind::Templates)?;
        let payload = frame::decode(&frame, None)?;
        let mut reader = Reader::new(&payload);
        for _ in 0..entry.count {
            templates.push(reader.bytes()?.to_vec());
        }
    }
    Ok(templates)
}
