//! Tokens of records that tell no usage, counted by their texts.
//!
//! A text that many records hold is counted once, as long as the memory for it lasts. What the model says last is output, all
//! else is input. A conversation in which any record tells a usage is not counted: there the usage of an answer has the texts
//! of what was asked in it, which in agents' logs are records of their own.

use std::sync::{Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::shape::{Record, SegmentType};
use crate::text::tokens::Tokenizer;
use crate::vault::ahead::in_order;
use crate::vault::meaning::{Line, Meaning, Scan, jobs};
use crate::vault::snapshot::Snapshot;

/// Texts shorter than this are counted faster than they are looked up.
const WORTH: usize = 64;
/// Parts of the memory for counts, so that threads seldom meet.
const SHARDS: usize = 64;
/// Counts kept in one of them: some 100 MB in all.
const KEPT: usize = 1 << 16;

/// Tokens in and out.
pub(crate) type InOut = [u64; 2];

/// Records that may have to be counted, while they are gathered.
#[derive(Default)]
pub(crate) struct Silent {
    records: FxHashMap<u64, Option<u64>>,
    told: FxHashSet<u64>,
}

impl Silent {
    /// Takes a line; `wanted` when it passes the filter.
    pub(crate) fn look(&mut self, line: &Line<'_>, wanted: bool) {
        let conversation = line.meaning.conversation.as_ref().map(|id| content_hash(id.as_bytes()) as u64);
        if tells_usage(line.meaning) {
            self.told.extend(conversation);
        } else if wanted {
            self.records.insert(line.number, conversation);
        }
    }

    /// Counts the texts of all records that no usage covers.
    ///
    /// # Errors
    /// [`Error::Usage`] for a program without vocabularies, and damage.
    pub(crate) fn count(
        self,
        snapshot: &Snapshot,
        scan: &Scan<'_>,
        tokenizer: Tokenizer,
        threads: usize,
    ) -> Result<FxHashMap<u64, InOut>> {
        let missing = || Error::Usage(format!("this program was built without tokenizers, so without {}", tokenizer.name()));
        tokenizer.count("").ok_or_else(missing)?;
        let is_silent = |conversation: &Option<u64>| conversation.is_none_or(|id| !self.told.contains(&id));
        let silent = self.records.iter().filter(|(_, conversation)| is_silent(conversation));
        let mut numbers: Vec<u64> = silent.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let counter = Counter { tokenizer, kept: std::array::from_fn(|_| Mutex::default()) };
        let mut counts = FxHashMap::default();
        in_order(
            snapshot,
            threads,
            jobs(snapshot, &numbers),
            |fetcher, numbers| {
                let (mut line, mut counted) = (Vec::new(), Vec::with_capacity(numbers.len()));
                for &number in numbers {
                    line.clear();
                    if fetcher.record(number, &mut line)? {
                        counted.push((number, counter.record(&line, scan)));
                    }
                }
                Ok(counted)
            },
            |counted| {
                counts.extend(counted);
                Ok(())
            },
        )?;
        Ok(counts)
    }
}

/// True when a record says itself what it used, if only in sum.
fn tells_usage(meaning: &Meaning) -> bool {
    meaning.usage.is_some() || meaning.tokens.iter().any(|tokens| *tokens > 0)
}

struct Counter {
    tokenizer: Tokenizer,
    kept: [Mutex<FxHashMap<u128, u64>>; SHARDS],
}

impl Counter {
    fn record(&self, line: &[u8], scan: &Scan<'_>) -> InOut {
        let record = Record::read(line);
        let (mut input, mut said_last) = (0, 0);
        record.texts(&scan.detect(&record, None), &mut |spoken| {
            let tokens = self.text(spoken.text);
            match spoken.kind {
                SegmentType::AssistantTurn
                | SegmentType::Reasoning
                | SegmentType::ToolCall
                | SegmentType::Continuation
                | SegmentType::Refusal => said_last += tokens,
                SegmentType::UserTurn | SegmentType::ToolResult => {
                    input += tokens + said_last;
                    said_last = 0;
                }
                _ => input += tokens,
            }
        });
        [input, said_last]
    }

    fn text(&self, text: &str) -> u64 {
        let count = || self.tokenizer.count(text).unwrap_or_default();
        if text.len() < WORTH {
            return count();
        }
        let hash = content_hash(text.as_bytes());
        let Some(kept) = self.kept.get(hash as usize % SHARDS) else { return count() };
        let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&hash) {
            return *known;
        }
        let tokens = count();
        let mut kept = lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(hash, tokens);
        tokens
    }
}
