//! The catalog's place in the vault: when there is one, when it can be believed, and what it is asked.
//!
//! | file | what |
//! |---|---|
//! | `mod` | reading: candidates for look-ups, fingerprints for a writer that begins |
//! | `keep` | writing: what a session brings, and the step that makes the catalog reflect the head |
//! | `derive` | what the catalog keeps of a record, from the record |
//!
//! Nobody needs it. A reader that cannot open it, or finds it damaged, asks the packs; so every method here gives `None` for *the
//! packs know*, and a list is never too short. Record numbers are never given to another record, so a catalog that is behind the
//! head is right about the records it has; the others are added as candidates while they are few.
//!
//! A vault's files may have been put back from a backup, or its head rebuilt with commits missing: then the same numbers may mean
//! other records. The catalog names a commit frame as its witness: only a vault whose packs have that very frame may use it.

mod derive;
mod keep;

use crate::catalog::{self, Covered, GroupPrints, Unusable, Witness};
use crate::error::Result;
use crate::pack::frame::{self, Frame, Kind};
use crate::pack::reader::PackReader;
use crate::vault::snapshot::Snapshot;

pub use keep::{Keeper, refresh, remove};

/// Records behind the catalog are named as candidates while there are no more of them: joining so many takes some milliseconds.
const MOST_UNCOVERED: u64 = 4096;

/// What the catalog knows of a snapshot.
pub struct Index {
    opened: Result<catalog::Reader, Unusable>,
    next_record: u64,
    /// Mappings may find other ids in a record, depending on its source.
    mapped: bool,
}

impl Index {
    /// Opens the catalog as far as it can be used.
    #[must_use]
    pub fn open(snapshot: &Snapshot) -> Index {
        let opened = catalog::Reader::open(&snapshot.layout().catalog()).and_then(|reader| {
            if !snapshot_has(snapshot, reader.covered()) {
                return Err(Unusable::Broken("it reflects another state of the vault".into()));
            }
            Ok(reader)
        });
        let mapped = snapshot.state().is_ok_and(|state| !state.mappings.is_empty());
        Index { opened, next_record: snapshot.head.next_record, mapped }
    }

    /// No catalog.
    #[must_use]
    pub fn none() -> Index {
        Index { opened: Err(Unusable::Missing), next_record: 0, mapped: false }
    }

    /// Why a catalog that is there is not used: worth a note to whoever wonders about the time a look-up takes.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match &self.opened {
            Ok(_) | Err(Unusable::Missing) => None,
            Err(why) => Some(format!("the catalog is not used, the packs are searched: {why}")),
        }
    }

    /// True when there is one that can be used.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.opened.is_ok()
    }

    /// True when there is a file, usable or not.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.opened.as_ref().err() != Some(&Unusable::Missing)
    }

    /// Numbers of the records whose hash may begin with these hex digits; `None` when the packs have to be asked.
    #[must_use]
    pub fn candidates_by_hash(&self, prefix: &str) -> Option<Vec<u64>> {
        let digits = prefix.get(..prefix.len().min(8))?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let shift = 32 - 4 * digits.len() as u32;
        let mask = u32::MAX.checked_shl(shift)?;
        let reader = self.opened.as_ref().ok()?;
        self.with_uncovered(reader.by_hash(value << shift, mask).ok()?)
    }

    /// Numbers of the records that may carry an id; `None` when the packs have to be asked.
    #[must_use]
    pub fn candidates_by_id(&self, id: &[u8]) -> Option<Vec<u64>> {
        if self.mapped {
            return None;
        }
        let reader = self.opened.as_ref().ok()?;
        self.with_uncovered(reader.by_id(id).ok()?)
    }

    fn with_uncovered(&self, mut numbers: Vec<u64>) -> Option<Vec<u64>> {
        let covered = self.opened.as_ref().ok()?.covered().next_record;
        numbers.retain(|number| *number < self.next_record);
        let uncovered = covered..self.next_record;
        (uncovered.end.saturating_sub(uncovered.start) <= MOST_UNCOVERED).then(|| {
            numbers.extend(uncovered);
            numbers
        })
    }

    /// Fingerprints of the first groups of a pack, if they are kept.
    pub(crate) fn prints(&self, pack: &PackReader) -> Option<Vec<GroupPrints>> {
        let reader = self.opened.as_ref().ok()?;
        let of = reader.covered().prints;
        let ours = of.pack == pack.committed.pack.0 && of.groups as usize <= pack.directory().groups.len();
        let prints = if ours { reader.prints().ok()? } else { return None };
        // Numbers outside their group would send a comparison to the wrong place, or past the end of the pack.
        let fits = prints.iter().zip(&pack.directory().groups).all(|(prints, group)| {
            let within = |list: &[(u32, u32)], first: u32, count: u32| {
                list.iter().all(|(number, _)| number.checked_sub(first).is_some_and(|at| at < count))
            };
            within(&prints.nodes, group.first_node, group.nodes) && within(&prints.segments, group.first_segment, group.segments)
        });
        fits.then_some(prints)
    }

    /// Fingerprints of the hashes of records from a number on, as far as they are covered.
    pub(crate) fn hashes(&self, from: u64) -> Option<Vec<u32>> {
        self.opened.as_ref().ok()?.hashes(from).ok()
    }
}

/// True when the vault's history went through the head that a catalog reflects.
fn snapshot_has(snapshot: &Snapshot, covered: &Covered) -> bool {
    let (head, witness) = (&snapshot.head, covered.witness);
    if covered.vault_id != head.vault_id || covered.generation > head.generation || covered.next_record > head.next_record {
        return false;
    }
    snapshot.packs.iter().any(|pack| {
        if pack.committed.pack.0 == witness.pack {
            return pack.frame(witness.offset, Kind::Commit).is_ok_and(|frame| frame.checksum == witness.checksum);
        }
        pack.replaces.iter().any(|replaced| replaced.0 == witness.pack)
    })
}

/// The commit that made the head what it is, or the latest that can be found.
fn witness(snapshot: &Snapshot) -> Option<Witness> {
    let mut latest: Option<(u64, Witness)> = None;
    // The open pack nearly always has it: then no other need be looked at.
    for pack in snapshot.packs.iter().rev() {
        let offset = pack.committed.last_commit;
        let frame = Frame::read(pack.bytes(), offset).ok()?;
        let commit = crate::pack::directory::Commit::decode(&frame::decode(&frame, None).ok()?).ok()?;
        if latest.is_none_or(|(generation, _)| generation < commit.generation) {
            let witness = Witness { pack: pack.committed.pack.0, offset, checksum: frame.checksum };
            latest = Some((commit.generation, witness));
        }
        if commit.generation == snapshot.head.generation {
            break;
        }
    }
    latest.map(|(_, witness)| witness)
}
