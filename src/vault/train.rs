//! `train-dict`: dictionaries on demand, listed, activated, retired.
//!
//! `ingest` trains by itself when it is worth it; this is for those who want it now, or otherwise. Only the pack that is being
//! appended to takes dictionaries: what is finished needs none, because `compact` writes large blocks.

use crate::error::{Error, Result};
use crate::pack::frame::{self, Kind, form};
use crate::pack::reader::PackReader;
use crate::vault::Vault;
use crate::vault::api::{DictionaryRow, TrainOptions, TrainReport, TrainedRow};
use crate::vault::dictionary;
use crate::vault::journal::Entry;
use crate::vault::snapshot::Snapshot;
use crate::vault::write::encode::Levels;
use crate::vault::{logbook, note};

impl Vault {
    /// Trains dictionaries for the open pack, or changes which are used.
    ///
    /// # Errors
    /// When the vault cannot be read or written, or an id names no dictionary.
    pub fn train_dictionaries(&self, options: &TrainOptions) -> Result<TrainReport> {
        let mut report = TrainReport::default();
        if !options.list {
            let lock = self.layout.write_lock(self.options.lock_timeout)?;
            let snapshot = self.snapshot()?;
            let (mut dictionaries, mut entries) = (Vec::new(), Vec::new());
            for (ids, active) in [(&options.activate, true), (&options.retire, false)] {
                for id in ids {
                    let (pack, number) = find(&snapshot, id)?;
                    entries.push(Entry::Dictionary { pack, number, active });
                }
            }
            if entries.is_empty() {
                train(&snapshot, options, &mut dictionaries, &mut entries, &mut report)?;
            }
            if !entries.is_empty() {
                let counts = [("dictionaries", entries.len() as u64)];
                entries.push(logbook::entry("train-dict", &counts, None));
                note::commit_with(&lock, &snapshot, &dictionaries, &entries)?;
            }
        }
        report.dictionaries = list(&self.snapshot()?)?;
        Ok(report)
    }
}

fn train(
    snapshot: &Snapshot,
    options: &TrainOptions,
    dictionaries: &mut Vec<(u8, std::sync::Arc<Vec<u8>>)>,
    entries: &mut Vec<Entry>,
    report: &mut TrainReport,
) -> Result<()> {
    let open = snapshot.open_pack().and_then(|id| snapshot.packs.iter().find(|pack| pack.committed.pack == id));
    let Some(pack) = open else { return Ok(()) };
    let size = options.size.map(|size| usize::try_from(size).unwrap_or(usize::MAX).clamp(1 << 10, 1 << 20));
    let most = options.samples.map(|samples| usize::try_from(samples).unwrap_or(usize::MAX));
    let mut number = pack.directory().dictionaries.len() as u32;
    for judged in dictionary::train(pack, Levels::INGEST.text, size, most)? {
        let mut row = TrainedRow {
            kind: name(judged.form).into(),
            samples: judged.samples,
            held_out_bytes_without: judged.without,
            held_out_bytes_with: judged.with,
            id: None,
        };
        if let Some(bytes) = judged.dictionary {
            row.id = Some(format!("{}:{number}", pack.committed.pack.0));
            entries.push(Entry::Dictionary { pack: pack.committed.pack.0, number, active: !options.no_activate });
            dictionaries.push((judged.form, bytes));
            number += 1;
        }
        report.trained.push(row);
    }
    Ok(())
}

fn find(snapshot: &Snapshot, id: &str) -> Result<(u32, u32)> {
    let unknown = || Error::Usage(format!("{id}: no such dictionary; `turnpack train-dict --list` shows them as PACK:NUMBER"));
    let (pack, number) = id.split_once(':').ok_or_else(unknown)?;
    let (pack, number) = (pack.parse::<u32>().map_err(|_| unknown())?, number.parse::<u32>().map_err(|_| unknown())?);
    let known = snapshot
        .packs
        .iter()
        .any(|reader| reader.committed.pack.0 == pack && (number as usize) < reader.directory().dictionaries.len());
    if known { Ok((pack, number)) } else { Err(unknown()) }
}

fn name(form: u8) -> &'static str {
    match form {
        form::ZSTD => "text",
        form::ZSTD_GROUPS => "groups",
        form::ZSTD_JOURNALS => "journals",
        form::VOCABULARY => "vocabulary",
        _ => "unknown",
    }
}

fn list(snapshot: &Snapshot) -> Result<Vec<DictionaryRow>> {
    let state = snapshot.state()?;
    let mut rows = Vec::new();
    for pack in &snapshot.packs {
        for (number, &offset) in (0..).zip(&pack.directory().dictionaries) {
            let read = |pack: &PackReader| {
                let frame = pack.frame(offset, Kind::Dictionary)?;
                Ok((frame::decode(&frame, None)?, frame.length))
            };
            let (payload, stored) = read(pack).map_err(|corrupt| pack.damaged(corrupt))?;
            rows.push(DictionaryRow {
                id: format!("{}:{number}", pack.committed.pack.0),
                kind: name(payload.first().copied().unwrap_or(u8::MAX)).into(),
                bytes: payload.len() as u64,
                stored_bytes: stored,
                active: !pack.sealed && state.dictionaries.get(&(pack.committed.pack.0, number)) != Some(&false),
            });
        }
    }
    // Of each kind only the newest is used.
    for kind in ["text", "groups", "journals"] {
        let newest = rows.iter().rposition(|row| row.kind == kind && row.active);
        rows.iter_mut()
            .enumerate()
            .filter(|(at, row)| row.kind == kind && Some(*at) != newest)
            .for_each(|(_, row)| row.active = false);
    }
    Ok(rows)
}
