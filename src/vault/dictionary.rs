//! zstd dictionaries for small blocks and groups, such as a log that is taken in every minute makes.
//!
//! A block of a few kilobytes has nothing before it to repeat. A dictionary is that: bytes found in what the pack holds already,
//! against which later small blocks and groups are compressed. It is stored in the pack that uses it, because a pack stands alone;
//! a rewrite leaves it behind together with the small blocks. One is trained when a pack has enough small blocks, and again when
//! it has grown fourfold. It is judged on blocks it was not trained on and refused when it does not pay for itself.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec;
use crate::error::{Corrupt, Result};
use crate::group;
use crate::pack::frame::{self, Frame, Kind, form};
use crate::pack::reader::PackReader;
use crate::record::cut::class;
use crate::vault::snapshot::each_journal;
use crate::vault::sources::State;
use crate::vault::view::PackView;
use crate::vault::write::encode::{Dictionaries, Dictionary, SMALL, SMALL_LEVEL};

/// Text of small blocks that is enough for a first dictionary.
const ENOUGH: u64 = 256 << 10;
/// Blocks that are.
const ENOUGH_BLOCKS: usize = 16;
/// A new dictionary comes when the text has grown by this factor.
const GROWTH: u64 = 4;
/// Text and groups looked at, each: the newest.
const MOST_SAMPLED: usize = 6 << 20;
/// Text is cut into samples of this size.
const SAMPLE: usize = 4 << 10;
/// Size of a dictionary: a share of the samples, within bounds.
const SIZES: std::ops::RangeInclusive<usize> = (8 << 10)..=(160 << 10);
/// 1/6 of the samples.
const SHARE: usize = 6;
/// Journals looked at; the newer half becomes part of the dictionary.
const JOURNALS: usize = 16;
/// Text before them.
const JOURNAL_TEXT: usize = 24 << 10;
/// Every eighth block is held out to judge by.
const HELD_OUT: usize = 8;

/// What became of one dictionary.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its [`form`].
    pub form: u8,
    /// The dictionary, if it pays.
    pub dictionary: Option<Arc<Vec<u8>>>,
    /// Blocks or groups it was trained on.
    pub samples: u64,
    /// Bytes of those held out, compressed without it.
    pub without: u64,
    /// The same with it.
    pub with: u64,
}

/// What a writer that continues a pack uses: the newest of each form, or new ones where they are due.
///
/// # Errors
/// When the pack is damaged.
pub fn for_writer(pack: &Arc<PackReader>, state: &State, level: i32) -> Result<Dictionaries> {
    let mut dictionaries = in_use(pack, state).map_err(|corrupt| pack.damaged(corrupt))?;
    dictionaries.next = pack.directory().dictionaries.len() as u32;
    if is_due(pack) {
        for judged in train(pack, level, None, None)? {
            if let Some(bytes) = judged.dictionary {
                dictionaries.add(judged.form, bytes);
            }
        }
    }
    Ok(dictionaries)
}

/// The newest dictionary of each form that was not retired.
fn in_use(pack: &PackReader, state: &State) -> Result<Dictionaries, Corrupt> {
    let mut found = Dictionaries::default();
    for (number, &offset) in (0..).zip(&pack.directory().dictionaries) {
        if state.dictionaries.get(&(pack.committed.pack.0, number)) == Some(&false) {
            continue;
        }
        let payload = frame::decode(&pack.frame(offset, Kind::Dictionary)?, None)?;
        let Some((&form, bytes)) = payload.split_first() else { continue };
        let dictionary = Some(Dictionary { number, bytes: Arc::new(bytes.to_vec()) });
        match form {
            form::ZSTD => found.text = dictionary,
            form::ZSTD_GROUPS => found.groups = dictionary,
            form::ZSTD_JOURNALS => found.journals = dictionary,
            _ => {}
        }
    }
    Ok(found)
}

/// Small blocks of text with their offsets.
fn small_blocks(pack: &PackReader) -> impl Iterator<Item = (usize, u64, u64)> {
    let text = pack.directory().blocks.iter().filter(|block| block.class == class::TEXT).enumerate();
    text.filter(|(_, block)| block.length as usize <= SMALL).map(|(index, block)| (index, block.offset, u64::from(block.length)))
}

fn is_due(pack: &PackReader) -> bool {
    let last = pack.directory().dictionaries.last().copied().unwrap_or_default();
    let sum = |after: bool| {
        small_blocks(pack).filter(|(_, offset, _)| (*offset > last) == after).map(|(_, _, length)| length).sum::<u64>()
    };
    let (before, since) = (sum(false), sum(true));
    small_blocks(pack).count() >= ENOUGH_BLOCKS && since >= ENOUGH && since >= before * (GROWTH - 1)
}

/// Trains a dictionary for text and one for groups on what a pack holds (the newest `most` blocks and groups), and judges them.
///
/// # Errors
/// When the pack is damaged.
pub fn train(pack: &Arc<PackReader>, level: i32, size: Option<usize>, most: Option<usize>) -> Result<Vec<Judged>> {
    let damaged = |corrupt| pack.damaged(corrupt);
    let texts = texts(pack, most.unwrap_or(usize::MAX)).map_err(damaged)?;
    let groups = groups(pack, most.unwrap_or(usize::MAX)).map_err(damaged)?;
    let level = level.max(SMALL_LEVEL);
    let text = judge(form::ZSTD, &texts, level, size);
    let journals = journals(pack, text.dictionary.as_deref().map(Vec::as_slice).unwrap_or_default(), level).map_err(damaged)?;
    Ok(vec![text, judge(form::ZSTD_GROUPS, &groups, level, size), journals])
}

/// Journals repeat each other and the text they keep the end of: no more is needed than the newest of both.
fn journals(pack: &PackReader, text: &[u8], level: i32) -> Result<Judged, Corrupt> {
    let mut newest: VecDeque<Vec<u8>> = VecDeque::new();
    let all = each_journal(pack, |journal| {
        newest.push_back(journal.to_vec());
        if newest.len() > JOURNALS {
            newest.pop_front();
        }
        Ok(())
    });
    all.map_err(|error| Corrupt(error.to_string()))?;
    let mut newest: Vec<Vec<u8>> = newest.into_iter().rev().collect();
    let mut judged = Judged { form: form::ZSTD_JOURNALS, dictionary: None, samples: newest.len() as u64, without: 0, with: 0 };
    if newest.len() < JOURNALS {
        return Ok(judged);
    }
    let held_out = newest.split_off(JOURNALS / 2);
    newest.reverse();
    let mut dictionary = text[text.len().saturating_sub(JOURNAL_TEXT)..].to_vec();
    newest.iter().for_each(|journal| dictionary.extend_from_slice(journal));
    for bytes in &held_out {
        let length = |packed: Option<Vec<u8>>| packed.map_or(bytes.len(), |packed| packed.len()) as u64;
        judged.without += length(codec::compress(bytes, level));
        judged.with += length(codec::compress_with_dictionary(bytes, level, &dictionary));
    }
    let each = judged.without.saturating_sub(judged.with) / held_out.len().max(1) as u64;
    let cost = codec::compress(&dictionary, level).map_or(dictionary.len(), |packed| packed.len()) as u64;
    judged.dictionary = (each * pack.directory().journals.len() as u64 > cost).then(|| Arc::new(dictionary));
    Ok(judged)
}

fn texts(pack: &Arc<PackReader>, most: usize) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut view = PackView::new(Arc::clone(pack)).map_err(|error| Corrupt(error.to_string()))?;
    let mut texts = Vec::new();
    let mut bytes = 0;
    let blocks: Vec<usize> = small_blocks(pack).map(|(index, _, _)| index).collect();
    for index in blocks.into_iter().rev() {
        let text = view.with_block(class::TEXT, index, <[u8]>::to_vec)?;
        bytes += text.len();
        texts.push(text);
        if bytes >= MOST_SAMPLED || texts.len() >= most {
            break;
        }
    }
    texts.reverse();
    Ok(texts)
}

fn groups(pack: &PackReader, most: usize) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut groups = Vec::new();
    let mut bytes = 0;
    for entry in pack.directory().groups.iter().rev() {
        let frame: Frame<'_> = pack.frame(entry.offset, Kind::Group)?;
        if frame.raw_length as usize > SMALL {
            continue;
        }
        let payload = group::plain(&frame::decode(&frame, None)?)?;
        bytes += payload.len();
        groups.push(payload);
        if bytes >= MOST_SAMPLED || groups.len() >= most {
            break;
        }
    }
    groups.reverse();
    Ok(groups)
}

fn judge(form: u8, all: &[Vec<u8>], level: i32, size: Option<usize>) -> Judged {
    let held_out = |index: usize| index % HELD_OUT == HELD_OUT - 1;
    let pick = |which: bool| all.iter().enumerate().filter(move |(index, _)| held_out(*index) == which).map(|(_, bytes)| bytes);
    let samples: Vec<&[u8]> = pick(false).flat_map(|bytes| bytes.chunks(SAMPLE)).collect();
    let bytes: usize = samples.iter().map(|sample| sample.len()).sum();
    let size = size.unwrap_or((bytes / SHARE).clamp(*SIZES.start(), *SIZES.end()));
    let mut judged = Judged { form, dictionary: None, samples: pick(false).count() as u64, without: 0, with: 0 };
    let Some(dictionary) = codec::train_dictionary(&samples, size) else { return judged };
    for bytes in pick(true) {
        let length = |packed: Option<Vec<u8>>| packed.map_or(bytes.len(), |packed| packed.len()) as u64;
        let without = length(codec::compress(bytes, level));
        judged.without += without;
        judged.with += length(codec::compress_with_dictionary(bytes, level, &dictionary)).min(without);
    }
    // As much again as was seen must pay for storing it.
    let saved = judged.without.saturating_sub(judged.with) * HELD_OUT as u64;
    let cost = codec::compress(&dictionary, level).map_or(dictionary.len(), |packed| packed.len()) as u64;
    judged.dictionary = (saved > cost).then(|| Arc::new(dictionary));
    judged
}
