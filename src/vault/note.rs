//! A commit that brings no records, only entries of the journal.

use std::sync::Arc;

use crate::error::Result;
use crate::fsio::Lock;
use crate::pack::frame::Kind;
use crate::pack::writer::PackWriter;
use crate::vault::head::Head;
use crate::vault::journal::{self, Entry, Stamp};
use crate::vault::publish::Publisher;
use crate::vault::snapshot::Snapshot;
use crate::vault::write::encode::{Coded, Commit, Levels, Sink, compressed_frame};

/// Dictionaries are few: they may cost time.
const DICTIONARY_LEVEL: i32 = 19;

/// Appends entries to the open pack, or to a new one, and publishes. The lock of writers was held since before the snapshot.
///
/// # Errors
/// When the vault cannot be written; then nothing has changed.
pub fn commit(lock: &Lock, snapshot: &Snapshot, entries: &[Entry]) -> Result<Head> {
    commit_with(lock, snapshot, &[], entries)
}

/// The same with dictionaries before the entries: their [`crate::pack::frame::form`] and bytes.
///
/// # Errors
/// As [`commit`].
pub fn commit_with(_lock: &Lock, snapshot: &Snapshot, dictionaries: &[(u8, Arc<Vec<u8>>)], entries: &[Entry]) -> Result<Head> {
    let layout = snapshot.layout();
    let open = snapshot.open_pack().and_then(|id| snapshot.packs.iter().find(|pack| pack.committed.pack == id));
    let writer = match open {
        Some(pack) => PackWriter::append(&layout.packs(), pack.committed, pack.directory().clone())?,
        None => None,
    };
    let mut payload = Vec::new();
    for (place, entry) in (0..).zip(entries) {
        journal::put(entry, Stamp { generation: snapshot.head.generation + 1, place }, &mut payload);
    }
    let mut publisher = Publisher::new(layout.clone(), snapshot.head.clone(), writer, Arc::default(), false);
    for (form, bytes) in dictionaries {
        let frame = compressed_frame(Kind::Dictionary, &[&[*form], bytes.as_slice()].concat(), DICTIONARY_LEVEL);
        publisher.take(Coded::Frame(frame, Box::new(|offset, directory| directory.dictionaries.push(offset))))?;
    }
    let frame = compressed_frame(Kind::Journal, &payload, Levels::INGEST.group);
    publisher.take(Coded::Frame(frame, Box::new(|offset, directory| directory.journals.push(offset))))?;
    publisher.take(Coded::Commit(Commit { next_record: snapshot.head.next_record, seal: false }))?;
    Ok(publisher.into_head())
}
