//! No pack is given up before every live record of it was read from its successor and compared.

use std::ops::Range;
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::pack::reader::PackReader;
use crate::vault::rewrite::Numbers;
use crate::vault::view::PackView;

/// Where old records are, sorted by number: first number, count, pack, group, position. Records in a new order have a run each.
struct OldPlaces(Vec<(u64, u32, u32, u32, u32)>);

impl OldPlaces {
    fn of(packs: &[Arc<PackReader>]) -> OldPlaces {
        let mut places = Vec::new();
        for (pack, reader) in (0..).zip(packs) {
            for (group, entry) in (0..).zip(&reader.directory().groups) {
                let mut position = 0;
                for run in &entry.records {
                    places.push((run.first, run.count as u32, pack, group, position));
                    position += run.count as u32;
                }
            }
        }
        places.sort_unstable();
        OldPlaces(places)
    }

    fn find(&self, number: u64) -> Option<(usize, usize, usize)> {
        let &(first, count, pack, group, position) = self.0[..self.0.partition_point(|place| place.0 <= number)].last()?;
        (number - first < u64::from(count))
            .then(|| (pack as usize, group as usize, position as usize + (number - first) as usize))
    }
}

/// Compares; gives the number of records, or `None` when interrupted.
///
/// # Errors
/// When a record is missing, differs or cannot be read.
pub fn equal(
    old: &[Arc<PackReader>],
    new: &[Arc<PackReader>],
    live: &Numbers,
    pool: &ThreadPool,
    cache_bytes: usize,
    interrupt: &Interrupt,
) -> Result<Option<u64>> {
    let held = old.iter().flat_map(|pack| &pack.directory().groups).flat_map(|group| &group.records);
    let expected = held.flat_map(|run| run.first..run.first + run.count).filter(|number| live.contains(*number)).count() as u64;
    let mut seen = Numbers::default();
    for run in new.iter().flat_map(|pack| &pack.directory().groups).flat_map(|group| &group.records) {
        seen.insert_run(run.first, run.count);
    }
    let places = OldPlaces::of(old);
    let compared: u64 = pool.install(|| {
        let ranges = new.iter().flat_map(|pack| ranges(pack.directory().groups.len()).map(move |range| (pack, range)));
        let ranges: Vec<_> = ranges.collect();
        ranges
            .into_par_iter()
            .map(|(pack, range)| compare(pack, range, old, &places, cache_bytes, interrupt))
            .sum::<Result<u64>>()
    })?;
    if interrupt.is_raised() {
        return Ok(None);
    }
    if compared != expected || seen.count() != expected {
        return Err(Error::Internal(format!("a rewrite kept {compared} records where {expected} belong; the old packs stay")));
    }
    Ok(Some(expected))
}

/// Neighbouring groups share blocks: few ranges rather than single groups.
fn ranges(groups: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = groups.clamp(1, 16);
    (0..parts).map(move |part| groups * part / parts..groups * (part + 1) / parts).filter(|range| !range.is_empty())
}

fn compare(
    new: &Arc<PackReader>,
    groups: Range<usize>,
    old: &[Arc<PackReader>],
    places: &OldPlaces,
    cache_bytes: usize,
    interrupt: &Interrupt,
) -> Result<u64> {
    let mut new_view = PackView::with_cache(Arc::clone(new), cache_bytes)?;
    let mut old_view: Option<(usize, PackView)> = None;
    let (mut now, mut before) = (Vec::new(), Vec::new());
    let mut count = 0;
    for group in groups {
        if interrupt.is_raised() {
            break;
        }
        let numbers = new.directory().groups[group].records.iter().flat_map(|run| run.first..run.first + run.count);
        for (position, number) in numbers.enumerate() {
            let differs = || Error::Internal(format!("record {number} came out of a rewrite differently; the old packs stay"));
            let (pack, old_group, old_position) = places.find(number).ok_or_else(differs)?;
            if old_view.as_ref().is_none_or(|(open, _)| *open != pack) {
                old_view = Some((pack, PackView::with_cache(Arc::clone(&old[pack]), cache_bytes)?));
            }
            let Some((_, view)) = &mut old_view else { continue };
            let new_pieces = new_view.pieces(group, position).map_err(|corrupt| new.damaged(corrupt))?;
            let old_pieces = view.pieces(old_group, old_position).map_err(|corrupt| old[pack].damaged(corrupt))?;
            if let (Some((length, new_pieces)), Some((old_length, old_pieces))) = (new_pieces, old_pieces) {
                // Too long to be held: a rewrite keeps the pieces as they were.
                if (length, new_pieces.len()) != (old_length, old_pieces.len()) {
                    return Err(differs());
                }
                for (new_piece, old_piece) in new_pieces.into_iter().zip(old_pieces) {
                    now.clear();
                    before.clear();
                    new_view.segment(new_piece, &mut now).map_err(|corrupt| new.damaged(corrupt))?;
                    view.segment(old_piece, &mut before).map_err(|corrupt| old[pack].damaged(corrupt))?;
                    if now != before {
                        return Err(differs());
                    }
                }
                count += 1;
                continue;
            }
            now.clear();
            before.clear();
            new_view.record(group, position, &mut now).map_err(|corrupt| new.damaged(corrupt))?;
            view.record(old_group, old_position, &mut before).map_err(|corrupt| old[pack].damaged(corrupt))?;
            if now != before {
                return Err(differs());
            }
            count += 1;
        }
    }
    Ok(count)
}
