//! From the bytes taken in to the bytes on disk, layer by layer.
//!
//! Each layer is a difference of two numbers that are both known exactly, so that the steps add up to what `du` says. Content is
//! counted with strings decoded; what escapes and line feeds take is the difference to the bytes that came in.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::census::Census;
use crate::error::{Error, IoContext, Result};
use crate::pack::HEADER_BYTES;
use crate::pack::frame::{self, Frame, Kind};
use crate::vault::api::Layer;
use crate::vault::snapshot::Snapshot;

/// Sums over all packs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Bytes of all live occurrences, strings decoded.
    pub(super) occurrences: u64,
    /// Of all live records, each once.
    pub(super) records: u64,
    /// What repeated segments would take in these.
    repeated_segments: u64,
    /// What repeated nodes would.
    repeated_nodes: u64,
    /// Bytes of nodes and segments that no live record needs.
    unneeded: u64,
    segments: u64,
    nodes: u64,
    literals: u64,
    codes: u64,
    streams: u64,
    stored: u64,
}

impl Totals {
    /// Adds a pack; `occurrences` says how many live occurrences a record has.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn add(
        &mut self,
        snapshot: &Snapshot,
        pack: usize,
        census: &Census,
        occurrences: &dyn Fn(u64) -> u64,
    ) -> Result<()> {
        let reader = &snapshot.packs[pack];
        let whole = census.whole_bytes();
        for &(number, root) in &census.records {
            let (count, bytes) = (occurrences(number), whole.get(root as usize).copied().unwrap_or_default());
            self.occurrences = self.occurrences.saturating_add(count.saturating_mul(bytes));
            self.records = self.records.saturating_add(if count > 0 { bytes } else { 0 });
        }
        let (nodes, segments) = census.hand_down(0u64, |number| u64::from(occurrences(number) > 0), u64::saturating_add);
        for (own, uses) in census.nodes.iter().zip(nodes) {
            let bytes = u64::from(own.bytes);
            self.nodes += bytes;
            match uses.checked_sub(1) {
                Some(again) => self.repeated_nodes = self.repeated_nodes.saturating_add(again.saturating_mul(bytes)),
                None => self.unneeded += bytes,
            }
        }
        for (stored, uses) in census.segments.iter().zip(segments) {
            let bytes = u64::from(stored.length);
            self.segments += bytes;
            match uses.checked_sub(1) {
                Some(again) => self.repeated_segments = self.repeated_segments.saturating_add(again.saturating_mul(bytes)),
                None => self.unneeded += bytes,
            }
        }
        self.add_frames(snapshot, pack, census).map_err(|corrupt| reader.damaged(corrupt))
    }

    fn add_frames(&mut self, snapshot: &Snapshot, pack: usize, census: &Census) -> Result<(), crate::error::Corrupt> {
        let reader = &snapshot.packs[pack];
        for block in &reader.directory().blocks {
            let stored = Frame::read(reader.bytes(), block.offset)?.expect(Kind::Block)?;
            self.literals += u64::from(block.length);
            self.codes +=
                if frame::codec::is_coded(stored.codec) { u64::from(stored.raw_length) } else { u64::from(block.length) };
            self.stored += stored.length;
        }
        for entry in &reader.directory().templates {
            let stored = Frame::read(reader.bytes(), entry.offset)?.expect(Kind::Templates)?;
            self.streams += u64::from(stored.raw_length);
            self.stored += stored.length;
        }
        for group in &census.groups {
            self.streams += group.streams.raw;
            self.stored += group.frame;
        }
        Ok(())
    }

    /// Bytes of blocks, groups and templates on disk.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }
}

/// The vault's files by what they are for.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// Bytes by purpose; adds up to `du`.
    pub(super) purposes: BTreeMap<&'static str, u64>,
    /// Lengths of all files.
    pub(super) lengths: u64,
    /// Lengths of files and directories, as `du -b`.
    pub(super) du: u64,
    /// Blocks of the file system, as `du`.
    pub(super) allocated: u64,
}

impl Files {
    /// Looks at the files; `stored` are the bytes of blocks, groups and templates.
    ///
    /// # Errors
    /// When a directory cannot be listed or a pack is damaged.
    pub(super) fn look(snapshot: &Snapshot, stored: u64) -> Result<Files> {
        let mut files = Files::default();
        let dir = snapshot.layout().dir();
        files.walk(dir, None)?;
        // Of a pack's file the frames are known; what is left of it is directories, headers and what was never committed.
        let mut journals = 0;
        let mut dictionaries = 0;
        let mut committed = 0;
        for pack in &snapshot.packs {
            committed += pack.committed.length;
            let sum = |offsets: &[u64], kind: Kind| -> Result<u64, crate::error::Corrupt> {
                offsets.iter().map(|offset| Ok(Frame::read(pack.bytes(), *offset)?.expect(kind)?.length)).sum()
            };
            journals += sum(&pack.directory().journals, Kind::Journal).map_err(|corrupt| pack.damaged(corrupt))?;
            dictionaries += sum(&pack.directory().dictionaries, Kind::Dictionary).map_err(|corrupt| pack.damaged(corrupt))?;
        }
        let headers = HEADER_BYTES * snapshot.packs.len() as u64;
        let packs = files.purposes.remove("packs").unwrap_or_default();
        let known = [
            ("content", stored),
            ("journals", journals),
            ("dictionaries", dictionaries),
            ("directories_of_packs", committed.saturating_sub(stored + journals + dictionaries + headers)),
            ("pack_headers", headers),
            ("uncommitted_or_retired", packs.saturating_sub(committed)),
        ];
        files.purposes.extend(known);
        Ok(files)
    }

    fn walk(&mut self, dir: &Path, purpose: Option<&'static str>) -> Result<()> {
        let own = std::fs::metadata(dir).on("looking at", dir)?;
        *self.purposes.entry("directories").or_default() += own.len();
        self.du += own.len();
        self.allocated += own.blocks() * 512;
        for entry in std::fs::read_dir(dir).on("listing", dir)? {
            let entry = entry.on("listing", dir)?;
            let name = entry.file_name();
            let purpose = purpose.unwrap_or(match name.to_str().unwrap_or_default() {
                "packs" => "packs",
                "parts" => "indexes",
                name if name.starts_with("catalog") => "indexes",
                _ => "other",
            });
            match entry.metadata() {
                Ok(found) if found.is_dir() => self.walk(&entry.path(), Some(purpose))?,
                Ok(found) => {
                    *self.purposes.entry(purpose).or_default() += found.len();
                    self.lengths += found.len();
                    self.du += found.len();
                    self.allocated += found.blocks() * 512;
                }
                // Gone since it was listed: a writer at work.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("looking at", &entry.path(), error)),
            }
        }
        Ok(())
    }
}

/// The steps. `bytes_in` came in, `repeated_sources` of them under a second name.
pub(super) fn layers(bytes_in: u64, repeated_sources: u64, totals: &Totals, files: &Files) -> Vec<Layer> {
    let mut remaining = i128::from(bytes_in);
    let mut layers =
        vec![Layer { layer: "bytes_in", bytes: clamp(remaining), remaining: bytes_in, about: "all sources, decompressed" }];
    let mut step = |layer, bytes: i128, about| {
        remaining += bytes;
        layers.push(Layer { layer, bytes: clamp(bytes), remaining: u64::try_from(remaining.max(0)).unwrap_or(u64::MAX), about });
    };
    let of = i128::from;
    let less = |a: u64, b: u64| of(b) - of(a);
    step("repeated_sources", -of(repeated_sources), "the same stream under another name");
    step(
        "escapes_and_line_feeds",
        of(totals.occurrences) - (of(bytes_in) - of(repeated_sources)),
        "strings are kept decoded, line feeds not at all; lines that were removed",
    );
    step("repeated_records", less(totals.occurrences, totals.records), "lines that are equal to an earlier one");
    step("repeated_segments", -of(totals.repeated_segments), "texts that are equal to an earlier one");
    step("repeated_nodes", -of(totals.repeated_nodes), "JSON objects and lists that are equal to an earlier one");
    step("not_collected", of(totals.unneeded), "kept though no live record needs it; `gc` drops it");
    // What is left now must be the unique nodes and segments; where hostile counts overflowed, it is made so.
    let unique = of(totals.nodes) + of(totals.segments);
    let before = of(totals.records) - of(totals.repeated_segments) - of(totals.repeated_nodes) + of(totals.unneeded);
    step(
        "near_duplicates",
        less(totals.segments, totals.literals) + (unique - before),
        "parts of texts copied from earlier ones",
    );
    step("columns", less(totals.nodes, totals.streams), "keys and brackets kept once, short values in columns");
    step("vocabulary", less(totals.literals, totals.codes), "frequent words as codes of one or two bytes");
    step("entropy", of(totals.stored) - of(totals.codes) - of(totals.streams), "zstd or PPMd, frames and checksums included");
    let purpose = |name: &str| of(files.purposes.get(name).copied().unwrap_or_default());
    step("dictionaries", purpose("dictionaries"), "dictionaries and vocabularies themselves");
    step("journals", purpose("journals"), "sources, removals, the log");
    step(
        "directories_of_packs",
        purpose("directories_of_packs") + purpose("pack_headers"),
        "where things are in the packs, and their headers",
    );
    step("indexes", purpose("indexes"), "catalog and search parts; they can be rebuilt");
    step("uncommitted_or_retired", purpose("uncommitted_or_retired"), "never acknowledged, or replaced and not yet removed");
    step("directories", purpose("directories"), "the directories themselves, as `du -b` counts them");
    step("other", purpose("other"), "head, settings, lock files");
    layers
}

fn clamp(bytes: i128) -> i64 {
    i64::try_from(bytes).unwrap_or(if bytes < 0 { i64::MIN } else { i64::MAX })
}
