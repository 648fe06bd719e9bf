//! Records → the texts in them that have no vector yet.

use std::sync::{Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::checksum::content_hash;
use crate::error::Result;
use crate::progress::Progress;
use crate::shape::{Detection, Record, SegmentType};
use crate::vault::ahead::in_order;
use crate::vault::api::EmbedModel;
use crate::vault::embed::backend::Backend;
use crate::vault::embed::keep::Shelf;
use crate::vault::filter::TypeSet;
use crate::vault::meaning::{Scan, jobs};
use crate::vault::snapshot::Snapshot;
use crate::vectors::builtin::{DIMENSION, Embedder};
use crate::vectors::metric::Form;
use crate::vectors::part::{Text, Vectors};
use crate::vectors::quantize::MOST_DIMENSIONS;

/// Bytes of a text that one vector is for: what the distilled table was fitted to, some 500 tokens.
const WINDOW: usize = 2048;
/// Models that take in less get smaller ones, but none as small as this.
const LEAST_WINDOW: usize = 512;
/// A text's windows end here: what comes after 128 KiB of one text, less with smaller windows, is not embedded.
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
    /// What the vectors have in common; no dimension without any. Records that carry vectors of another one are refused.
    pub(super) form: Form,
    /// Texts that were refused: hash, a record, reason.
    pub(super) refused: Vec<(u64, u64, String)>,
}

/// Where the vectors of texts come from, as far as reading records has to know.
pub(super) enum Manner {
    /// The program makes them at once.
    Builtin,
    /// They are asked for later, in windows of so many bytes.
    Outside(usize),
    /// They stand in the records, under this key.
    Log(String),
}

impl Manner {
    /// That of a model.
    pub(super) fn of(model: &EmbedModel, backend: &Backend) -> Manner {
        match (model, backend) {
            (EmbedModel::Log { key, .. }, _) => Manner::Log(key.clone()),
            (_, Backend::Outside(outside)) => Manner::Outside(outside.window().clamp(LEAST_WINDOW, WINDOW)),
            _ => Manner::Builtin,
        }
    }

    fn window(&self) -> usize {
        if let Manner::Outside(window) = self { *window } else { WINDOW }
    }
}

/// Words in a key that say that its vector is of an answer and not of what was asked.
const ANSWERS: [&str; 4] = ["response", "answer", "output", "completion"];

/// Reads records for their texts.
pub(super) struct Gatherer<'s> {
    snapshot: &'s Snapshot,
    scan: Scan<'s>,
    types: u32,
    threads: usize,
    manner: Manner,
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
    vectors: Vectors,
    texts: Vec<(u32, String)>,
    dimension: usize,
    refused: Option<String>,
}

impl<'s> Gatherer<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        shelf: &Shelf,
        model: &str,
        types: u32,
        threads: usize,
        manner: Manner,
    ) -> Result<Gatherer<'s>> {
        let mut claimed = FxHashSet::default();
        for part in shelf.parts(Some(model)) {
            claimed.extend((0..part.texts()).filter(|text| !part.rows_of(*text).is_empty()).map(|text| part.hash(text)));
        }
        let (claimed, embedders) = (Mutex::new(claimed), Mutex::new(Vec::new()));
        Ok(Gatherer { snapshot, scan: Scan::new(snapshot, 1, false)?, types, threads, manner, claimed, embedders })
    }

    /// Reads the records of a round. Vectors are of this form; where it has no dimension, of the first one's.
    pub(super) fn round(&self, numbers: &[u64], form: Form, progress: &dyn Progress) -> Result<Gathered> {
        let mut gathered = Gathered { form, ..Gathered::default() };
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
                        self.record((&line, number), form, &mut embedder, &mut found);
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

    fn record(&self, (line, number): (&[u8], u64), form: Form, embedder: &mut Embedder, found: &mut Vec<Found>) {
        let record = Record::read(line);
        let detection = self.scan.detect(&record, None);
        if let Manner::Log(key) = &self.manner {
            return self.carried(&record, &detection, (key, form), number, found);
        }
        record.texts(&detection, &mut |spoken| {
            let types = TypeSet::of(spoken.kind).bits() as u32;
            if types & self.types == 0 {
                return;
            }
            let hash = content_hash(spoken.text.as_bytes()) as u64;
            let is_new = lock(&self.claimed).insert(hash);
            let new = is_new.then(|| self.windows(spoken.text, form, embedder));
            found.push(Found { hash, types, holder: number, new });
        });
    }

    /// The vector a record carries, as that of what was asked or answered in it last.
    fn carried(
        &self,
        record: &Record<'_>,
        detection: &Detection<'_>,
        (key, form): (&str, Form),
        number: u64,
        found: &mut Vec<Found>,
    ) {
        let mut vector = None;
        record.embeddings(detection, key, &mut |raw| vector = Some(serde_json::from_slice::<Vec<f32>>(raw)));
        let Some(vector) = vector else { return };
        let lower = key.to_ascii_lowercase();
        let wanted =
            if ANSWERS.iter().any(|word| lower.contains(word)) { SegmentType::AssistantTurn } else { SegmentType::UserTurn };
        // Without such a text the line stands for it.
        let (mut hash, mut types) = (content_hash(record.line) as u64, TypeSet::of(SegmentType::Embedding).bits() as u32);
        record.texts(detection, &mut |spoken| {
            if spoken.kind == wanted {
                (hash, types) = (content_hash(spoken.text.as_bytes()) as u64, TypeSet::of(wanted).bits() as u32);
            }
        });
        let new = lock(&self.claimed).insert(hash).then(|| {
            let mut new = New::default();
            match vector {
                Ok(vector) if vector.len() > MOST_DIMENSIONS => {
                    new.refused = Some(format!("more than {MOST_DIMENSIONS} dimensions"))
                }
                Ok(vector) => {
                    new.dimension = vector.len();
                    new.refused = new.vectors.add(0, &vector, form).err().map(|unusable| unusable.to_string());
                }
                Err(_) => new.refused = Some("it is no list of numbers".into()),
            }
            new
        });
        found.push(Found { hash, types, holder: number, new });
    }

    fn windows(&self, text: &str, form: Form, embedder: &mut Embedder) -> New {
        let mut new = New::default();
        for (start, window) in windows(text, self.manner.window()) {
            match self.manner {
                Manner::Outside(_) | Manner::Log(_) => new.texts.push((start, window.to_string())),
                Manner::Builtin => {
                    new.dimension = DIMENSION;
                    // Without a letter or digit there is nothing to go by.
                    let _ = new.vectors.add(start, &embedder.embed(window.as_bytes()), form);
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
        if let Some(mut new) = found.new {
            let is_there = !new.vectors.is_empty();
            if self.form.dimension == 0 && is_there {
                self.form.dimension = new.dimension;
            }
            if new.dimension != self.form.dimension && is_there {
                new.refused = Some(format!("it has {} dimensions, those before it {}", new.dimension, self.form.dimension));
            }
            if let Some(reason) = new.refused {
                self.refused.push((found.hash, found.holder, reason));
                return;
            }
            self.without_words += u64::from(!is_there && new.texts.is_empty());
            text.vectors = new.vectors;
            let windows = new.texts.into_iter().map(|(start, text)| Window { hash: found.hash, start, text });
            self.windows.extend(windows);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts a text into windows of at most so many bytes; gives the first byte of each.
pub(super) fn windows(text: &str, most: usize) -> impl Iterator<Item = (u32, &str)> {
    let mut at = 0;
    let cut = move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at;
        at += if rest.len() <= most { rest.len() } else { end_of_window(rest, most) };
        Some((u32::try_from(start).ok()?, text.get(start..at)?))
    };
    std::iter::from_fn(cut).take(MOST_WINDOWS)
}

fn end_of_window(rest: &str, most: usize) -> usize {
    let end = (0..=most).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
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
            let all: Vec<(u32, &str)> = windows(&text, WINDOW).collect();
            let joined: String = all.iter().map(|(_, window)| *window).collect();
            assert_eq!(joined, text);
            assert!(all.iter().all(|(start, window)| text[*start as usize..].starts_with(window) && window.len() <= WINDOW));
        }
        assert!(windows(&"word ".repeat(2000), LEAST_WINDOW).all(|(_, window)| window.ends_with(' ')));
        assert_eq!(windows(&"y".repeat(WINDOW * 100), WINDOW).count(), MOST_WINDOWS);
        assert_eq!(windows("", WINDOW).count(), 0);
    }
}
