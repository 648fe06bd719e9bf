//! Records → the texts in them that have no vector yet.

use std::sync::{Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::checksum::content_hash;
use crate::error::Result;
use crate::progress::Progress;
use crate::shape::Record;
use crate::vault::ahead::in_order;
use crate::vault::embed::keep::Shelf;
use crate::vault::filter::TypeSet;
use crate::vault::meaning::{Scan, jobs};
use crate::vault::snapshot::Snapshot;
use crate::vectors::builtin::Embedder;
use crate::vectors::part::Text;
use crate::vectors::quantize::quantize;

/// Bytes of a text that one vector is for: what the distilled table was fitted to, some 500 tokens.
const WINDOW: usize = 2048;
/// A text's windows end here: what comes after 128 KiB of one text is not embedded.
const MOST_WINDOWS: usize = 64;
/// A window ends at white space when there is some this near.
const NEAR_END: usize = 256;

/// A part of a text that a model outside is asked about.
pub(super) struct Window {
    /// The text.
    pub(super) hash: u64,
    /// First byte of the window in it.
    pub(super) start: u32,
    /// The window.
    pub(super) text: String,
}

/// What a round found.
#[derive(Default)]
pub(super) struct Gathered {
    /// By hash; those that are embedded elsewhere have no rows.
    pub(super) texts: FxHashMap<u64, Text>,
    /// What models outside are to embed.
    pub(super) windows: Vec<Window>,
    /// Texts without a letter or digit.
    pub(super) without_words: u64,
    /// Texts that were refused: hash, a record, reason.
    pub(super) refused: Vec<(u64, u64, String)>,
}

/// Reads records for their texts.
pub(super) struct Gatherer<'s> {
    snapshot: &'s Snapshot,
    scan: Scan<'s>,
    types: u32,
    threads: usize,
    /// The program embeds by itself.
    builtin: bool,
    /// Texts that have vectors or are getting them.
    claimed: Mutex<FxHashSet<u64>>,
    embedders: Mutex<Vec<Embedder>>,
}

/// A text of one record.
struct Found {
    hash: u64,
    types: u32,
    holder: u64,
    /// What is new of it: its windows, and their rows when they were embedded at once.
    new: Option<New>,
}

#[derive(Default)]
struct New {
    windows: Vec<u32>,
    inverses: Vec<f32>,
    rows: Vec<i8>,
    texts: Vec<(u32, String)>,
}

impl<'s> Gatherer<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        shelf: &Shelf,
        model: &str,
        types: u32,
        threads: usize,
        builtin: bool,
    ) -> Result<Gatherer<'s>> {
        let mut claimed = FxHashSet::default();
        for part in shelf.parts(Some(model)) {
            claimed.extend((0..part.texts()).filter(|text| !part.rows_of(*text).is_empty()).map(|text| part.hash(text)));
        }
        let (claimed, embedders) = (Mutex::new(claimed), Mutex::new(Vec::new()));
        Ok(Gatherer { snapshot, scan: Scan::new(snapshot, 1, false)?, types, threads, builtin, claimed, embedders })
    }

    /// Reads the records of a round.
    pub(super) fn round(&self, numbers: &[u64], progress: &dyn Progress) -> Result<Gathered> {
        let mut gathered = Gathered::default();
        in_order(
            self.snapshot,
            self.threads,
            jobs(self.snapshot, numbers),
            |fetcher, numbers| {
                let mut embedder = lock(&self.embedders).pop().unwrap_or_default();
                let (mut line, mut found) = (Vec::new(), Vec::new());
                for &number in numbers {
                    line.clear();
                    if fetcher.record(number, &mut line)? {
                        self.record(&line, number, &mut embedder, &mut found);
                    }
                }
                lock(&self.embedders).push(embedder);
                Ok((numbers.len(), found))
            },
            |(count, found)| {
                progress.advance(count as u64);
                found.into_iter().for_each(|found| gathered.add(found));
                Ok(())
            },
        )?;
        Ok(gathered)
    }

    fn record(&self, line: &[u8], number: u64, embedder: &mut Embedder, found: &mut Vec<Found>) {
        let record = Record::read(line);
        record.texts(&self.scan.detect(&record, None), &mut |spoken| {
            let types = TypeSet::of(spoken.kind).bits() as u32;
            if types & self.types == 0 {
                return;
            }
            let hash = content_hash(spoken.text.as_bytes()) as u64;
            let is_new = lock(&self.claimed).insert(hash);
            let new = is_new.then(|| self.windows(spoken.text, embedder));
            found.push(Found { hash, types, holder: number, new });
        });
    }

    fn windows(&self, text: &str, embedder: &mut Embedder) -> New {
        let mut new = New::default();
        for (start, window) in windows(text) {
            match self.builtin {
                false => new.texts.push((start, window.to_string())),
                true => {
                    if let Ok(inverse) = quantize(&embedder.embed(window.as_bytes()), &mut new.rows) {
                        new.inverses.push(inverse);
                        new.windows.push(start);
                    }
                }
            }
        }
        new
    }
}

impl Gathered {
    fn add(&mut self, found: Found) {
        let text = self.texts.entry(found.hash).or_insert_with(|| Text { hash: found.hash, ..Text::default() });
        text.types |= found.types;
        if text.holders.last() != Some(&found.holder) {
            text.holders.push(found.holder);
        }
        if let Some(new) = found.new {
            self.without_words += u64::from(new.inverses.is_empty() && new.texts.is_empty());
            (text.windows, text.inverses, text.rows) = (new.windows, new.inverses, new.rows);
            let windows = new.texts.into_iter().map(|(start, text)| Window { hash: found.hash, start, text });
            self.windows.extend(windows);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts a text into windows; gives the first byte of each.
pub(super) fn windows(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut at = 0;
    let cut = move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at;
        at += if rest.len() <= WINDOW { rest.len() } else { end_of_window(rest) };
        Some((u32::try_from(start).ok()?, text.get(start..at)?))
    };
    std::iter::from_fn(cut).take(MOST_WINDOWS)
}

fn end_of_window(rest: &str) -> usize {
    let end = (0..=WINDOW).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
    let near = rest.as_bytes().get(end.saturating_sub(NEAR_END)..end).unwrap_or_default();
    near.iter().rposition(|byte| byte.is_ascii_whitespace()).map_or(end, |at| end.saturating_sub(NEAR_END) + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A window that began inside a character would end the walk and lose the rest of the text.
    #[test]
    fn windows_cover_a_text_and_end_at_words() {
        for text in ["short".to_string(), "word ".repeat(2000), "数据".repeat(3000), "x".repeat(WINDOW + 1)] {
            let all: Vec<(u32, &str)> = windows(&text).collect();
            let joined: String = all.iter().map(|(_, window)| *window).collect();
            assert_eq!(joined, text);
            assert!(all.iter().all(|(start, window)| text[*start as usize..].starts_with(window) && window.len() <= WINDOW));
        }
        assert!(windows(&"word ".repeat(2000)).all(|(_, window)| window.ends_with(' ')));
        assert_eq!(windows(&"y".repeat(WINDOW * 100)).count(), MOST_WINDOWS);
        assert_eq!(windows("").count(), 0);
    }
}
