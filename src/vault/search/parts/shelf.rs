//! What units have of grams, kept until it is clear how large their filters may be: 16 KiB and more each, for tens of thousands of groups.
//!
//! Units without any cost nothing, some stay in memory, and the others lie in a file that has no name any more.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{IoContext, Result};
use crate::fsio;
use crate::lexical::grams::Seen;

/// Bytes that stay in memory.
const KEPT_BYTES: usize = 48 << 20;

/// More different grams than this for each hash leave a fifth of the hashes, or less, to be denied.
const CROWDED: f64 = 1.6;

/// Where the grams of units are.
pub(super) struct Shelf {
    finest: u8,
    path: PathBuf,
    room: usize,
    file: Option<File>,
    length: u64,
}

/// The grams of a unit.
pub(super) struct Unit {
    /// How many different ones, about.
    pub(super) distinct: f64,
    /// Bytes for each of them, as a multiple of those for others.
    pub(super) worth: f64,
    crowded: bool,
    place: Place,
}

impl Unit {
    /// The same with so many times the bytes for each of its grams.
    pub(super) fn worth(mut self, worth: f64) -> Unit {
        self.worth = worth;
        self
    }

    /// True when nearly every hash there is stands for one of its grams.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }
}

enum Place {
    Nowhere,
    Here(Seen),
    There(u64),
}

impl Shelf {
    /// For grams told apart by so many bits; should it need a file, it is made here.
    pub(super) fn new(finest: u8, path: &Path) -> Shelf {
        Shelf { finest, path: path.to_path_buf(), room: KEPT_BYTES, file: None, length: 0 }
    }

    /// Bits that grams are told apart by.
    pub(super) fn finest(&self) -> u8 {
        self.finest
    }

    /// None yet.
    fn seen(&self) -> Seen {
        Seen::new(self.finest)
    }

    /// Takes what a unit has.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn put(&mut self, seen: Seen) -> Result<Unit> {
        let distinct = seen.distinct();
        let bytes = size_of_val(seen.bits());
        let place = if distinct == 0.0 {
            Place::Nowhere
        } else if let Some(left) = self.room.checked_sub(bytes) {
            self.room = left;
            Place::Here(seen)
        } else {
            Place::There(self.put_away(&seen)?)
        };
        Ok(Unit { distinct, worth: 1.0, crowded: distinct > CROWDED * (1u64 << self.finest) as f64, place })
    }

    fn put_away(&mut self, seen: &Seen) -> Result<u64> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                fsio::remove(&self.path)?;
                let file = fsio::create_new(&self.path)?;
                // Whatever happens, nothing of it stays.
                fsio::remove(&self.path)?;
                none.insert(file)
            }
        };
        let bytes: &[u8] = bytemuck::cast_slice(seen.bits());
        std::io::Write::write_all(file, bytes).on("writing", &self.path)?;
        self.length += bytes.len() as u64;
        Ok(self.length - bytes.len() as u64)
    }

    /// The filter of so many bytes for a unit.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn filter(&self, unit: &Unit, bytes: usize) -> Result<Vec<u8>> {
        Ok(match (&unit.place, &self.file) {
            (Place::Here(seen), _) => seen.filter(bytes),
            (Place::There(at), Some(file)) => {
                let mut bits = vec![0u64; self.seen().bits().len()];
                file.read_exact_at(bytemuck::cast_slice_mut(&mut bits), *at).on("reading", &self.path)?;
                Seen::of_bits(bits, self.finest).filter(bytes)
            }
            _ => self.seen().filter(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexical::grams::COARSER;

    // Protects parts of packs with very many groups: what was put away must give the filter that it would have given at once.
    #[test]
    fn grams_that_were_put_away_give_the_same_filters() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::new(COARSER, &folder.path().join("1.lex.new"));
        shelf.room = 3 << 14;
        let seens: Vec<Seen> = (0..9)
            .map(|n| {
                let mut seen = shelf.seen();
                seen.add(format!("unit {n} of some text").repeat(n % 3).as_bytes());
                seen
            })
            .collect();
        let units: Vec<Unit> = seens.iter().map(|seen| shelf.put(seen.clone()).unwrap()).collect();
        assert_eq!(shelf.length, 3 << 14, "three are empty, three stay, three are put away");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        for (seen, unit) in seens.iter().zip(&units) {
            assert_eq!(shelf.filter(unit, 90).unwrap(), seen.filter(90));
        }
    }
}
