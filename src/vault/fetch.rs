//! Record number → bytes.

use std::sync::Arc;

use crate::error::Result;
use crate::vault::snapshot::{OPEN_VIEWS, Snapshot};
use crate::vault::view::PackView;

/// Reads records of a snapshot; one per thread.
pub struct Fetcher<'s> {
    snapshot: &'s Snapshot,
    views: Vec<Option<PackView>>,
}

impl<'s> Fetcher<'s> {
    /// A reader with empty caches.
    #[must_use]
    pub fn new(snapshot: &'s Snapshot) -> Fetcher<'s> {
        Fetcher { snapshot, views: snapshot.packs.iter().map(|_| None).collect() }
    }

    /// Where a record is: pack, group, position.
    pub(crate) fn locate(&self, number: u64) -> Option<(usize, usize, usize)> {
        self.snapshot.locate(number)
    }

    /// The view of a pack.
    ///
    /// # Errors
    /// When its templates are damaged.
    pub fn view(&mut self, pack: usize) -> Result<&mut PackView> {
        if self.views[pack].is_none() {
            // Views hold tens of megabytes: with many packs only the last few stay.
            let open = self.views.iter().filter(|view| view.is_some()).count();
            if open >= OPEN_VIEWS {
                self.views.iter_mut().for_each(|view| *view = None);
            }
            self.views[pack] = Some(PackView::with_cache(Arc::clone(&self.snapshot.packs[pack]), self.snapshot.cache_bytes())?);
        }
        Ok(self.views[pack].as_mut().expect("just put there"))
    }

    /// The hash of a record, for messages; `None` when it is gone or cannot be read.
    pub(crate) fn hash_of(&mut self, number: u64) -> Option<String> {
        let mut line = Vec::new();
        let is_there = self.record(number, &mut line).unwrap_or(false);
        is_there.then(|| crate::ids::RecordHash(crate::checksum::content_hash(&line)).to_string())
    }

    /// Appends a record's bytes; false when the record is gone.
    ///
    /// # Errors
    /// When what it needs is damaged.
    pub fn record(&mut self, number: u64, out: &mut Vec<u8>) -> Result<bool> {
        let Some((pack, group, position)) = self.snapshot.locate(number) else { return Ok(false) };
        let view = self.view(pack)?;
        match view.record(group, position, out) {
            Ok(()) => Ok(true),
            Err(corrupt) => {
                let what = format!("record {number}: {corrupt}");
                Err(crate::error::Error::integrity(view.pack().path(), what))
            }
        }
    }
}
