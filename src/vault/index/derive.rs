//! What the catalog keeps of a record, from the record: the fingerprint of its hash and those of the ids it carries.

use std::ops::Range;
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::catalog::{Rows, hash_print, id_print};
use crate::checksum::content_hash;
use crate::error::{Corrupt, Error, Result};
use crate::shape::{FileState, Hints, Record, carried_ids};
use crate::vault::snapshot::{Place, Snapshot};
use crate::vault::view::PackView;

/// Fingerprints of the ids a record carries. What other lines of its file say does not change them.
pub(super) fn ids_of(line: &[u8]) -> Vec<u32> {
    let record = Record::read(line);
    let metadata = record.metadata(&record.detect(&Hints::default()), &mut FileState::default());
    carried_ids(&metadata).iter().map(|id| id_print(id.as_bytes())).collect()
}

/// A record, derived.
struct Derived {
    number: u64,
    hash: u32,
    ids: Vec<u32>,
}

/// The rows of a range of records, joined on all cores; those that are gone get an empty row.
pub(super) fn rows(snapshot: &Snapshot, range: Range<u64>, pool: &ThreadPool) -> Result<Rows> {
    let jobs = jobs(snapshot, &range, pool.current_num_threads() as u64 * 8);
    let packs: Vec<_> = snapshot.packs.iter().map(Arc::clone).collect();
    let parts: Vec<Vec<Derived>> = pool.install(|| {
        jobs.into_par_iter()
            .map(|places| {
                let pack = packs.get(places.first().map_or(0, |place| place.pack as usize));
                let pack = pack.ok_or_else(|| Error::Internal("a place in no pack".into()))?;
                let mut view = PackView::new(Arc::clone(pack))?;
                derive(&mut view, &places, &range).map_err(|corrupt| pack.damaged(corrupt))
            })
            .collect::<Result<_>>()
    })?;
    let mut derived: Vec<Derived> = parts.into_iter().flatten().collect();
    derived.sort_unstable_by_key(|record| record.number);
    let mut rows = Rows::default();
    let mut derived = derived.into_iter().peekable();
    for number in range {
        match derived.next_if(|record| record.number == number) {
            Some(record) => rows.push(record.hash, Some(&record.ids)),
            None => rows.push_gone(),
        }
    }
    Ok(rows)
}

/// Places of the range's records in the order they are stored, in parts of one pack each that take about equally long.
fn jobs(snapshot: &Snapshot, range: &Range<u64>, parts: u64) -> Vec<Vec<Place>> {
    let overlaps = |place: &&Place| place.first < range.end && place.first + place.count > range.start;
    let mut places: Vec<Place> = snapshot.places().iter().filter(overlaps).copied().collect();
    places.sort_by_key(|place| (place.pack, place.group, place.position));
    let each = (range.end - range.start) / parts + 1;
    let mut jobs: Vec<Vec<Place>> = Vec::new();
    let mut records = 0;
    for place in places {
        match jobs.last_mut() {
            Some(job) if records < each && job[0].pack == place.pack => job.push(place),
            _ => {
                records = 0;
                jobs.push(vec![place]);
            }
        }
        records += place.count;
    }
    jobs
}

fn derive(view: &mut PackView, places: &[Place], range: &Range<u64>) -> Result<Vec<Derived>, Corrupt> {
    let mut derived = Vec::new();
    let mut line = Vec::new();
    for place in places {
        for (number, position) in (place.first..place.first + place.count).zip(place.position as usize..) {
            if range.contains(&number) {
                line.clear();
                view.record(place.group as usize, position, &mut line)?;
                derived.push(Derived { number, hash: hash_print(content_hash(&line)), ids: ids_of(&line) });
            }
        }
    }
    Ok(derived)
}
