//! Finding a vocabulary in samples of text.
//!
//! The distinct words of the sample are split into bytes; the pairs that stand side by side most often are merged, a sixth of the
//! vocabulary each round, until there are enough or none is frequent. Then the words that were used least are given up.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::coder::{Memory, Tree};
use super::{LONGEST, MOST_WORDS, SINGLES, Vocabulary, words};

/// Parts of about equal use in which words with codes of two bytes are sorted by their bytes: first bytes then say how frequent
/// a word is and how it begins, which zstd's order-0 coder uses.
const BANDS: usize = 2;
/// The share of words merged in one round: a sixth.
const ROUND: usize = 6;
/// Merged in a round at least.
const LEAST: usize = 40;

/// A vocabulary for text like the samples; what occurs less than `least` times does not come in. The same samples give the same
/// vocabulary.
#[must_use]
pub fn train(samples: &[&[u8]], least: u64) -> Vocabulary {
    let merged = merge(samples, least.max(2));
    let mut counts = count(samples, &merged);
    // Fewer words are split differently: counted anew after the rare ones are gone.
    let kept: Vec<Vec<u8>> =
        merged.into_iter().zip(counts).filter(|(word, count)| word.len() == 1 || *count >= least).map(|(word, _)| word).collect();
    counts = count(samples, &kept);
    Vocabulary::new(in_code_order(&kept, &counts).into_iter().map(Vec::as_slice)).unwrap_or_default()
}

/// Words found by merging, single bytes first.
fn merge(samples: &[&[u8]], least: u64) -> Vec<Vec<u8>> {
    let mut counted: FxHashMap<&[u8], u64> = FxHashMap::default();
    for word in samples.iter().flat_map(|sample| words::words(sample)) {
        *counted.entry(word).or_default() += 1;
    }
    let mut texts: Vec<(&[u8], u64)> = counted.into_iter().filter(|(word, _)| word.len() > 1).collect();
    texts.sort_unstable();
    let mut splits: Vec<(Vec<u32>, u64)> =
        texts.into_iter().map(|(word, count)| (word.iter().map(|&byte| u32::from(byte)).collect(), count)).collect();
    let mut found: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
    let mut numbers: FxHashMap<Vec<u8>, u32> = found.iter().cloned().zip(0..).collect();
    while found.len() < MOST_WORDS {
        let best = frequent_pairs(&splits, &found, least);
        if best.is_empty() {
            break;
        }
        let mut ranks: FxHashMap<(u32, u32), (usize, u32)> = FxHashMap::default();
        for (rank, pair) in best.into_iter().enumerate() {
            let word = [found[pair.0 as usize].as_slice(), found[pair.1 as usize].as_slice()].concat();
            let next = found.len() as u32;
            let number = *numbers.entry(word.clone()).or_insert(next);
            if number == next {
                found.push(word);
            }
            ranks.insert(pair, (rank, number));
        }
        splits.iter_mut().for_each(|(split, _)| apply(split, &ranks));
        splits.retain(|(split, _)| split.len() > 1);
    }
    found
}

/// The pairs to merge next, the most frequent first.
fn frequent_pairs(splits: &[(Vec<u32>, u64)], found: &[Vec<u8>], least: u64) -> Vec<(u32, u32)> {
    let mut pairs: FxHashMap<(u32, u32), u64> = FxHashMap::default();
    for (split, count) in splits {
        for pair in split.windows(2) {
            *pairs.entry((pair[0], pair[1])).or_default() += count;
        }
    }
    let fits = |pair: &(u32, u32)| found[pair.0 as usize].len() + found[pair.1 as usize].len() <= LONGEST;
    let mut best: Vec<_> = pairs.into_iter().filter(|(pair, count)| *count >= least && fits(pair)).collect();
    best.sort_unstable_by_key(|(pair, count)| (Reverse(*count), *pair));
    best.truncate((found.len() / ROUND).max(LEAST).min(MOST_WORDS - found.len()));
    best.into_iter().map(|(pair, _)| pair).collect()
}

/// Merges pairs in one word, the most frequent first.
fn apply(split: &mut Vec<u32>, ranks: &FxHashMap<(u32, u32), (usize, u32)>) {
    loop {
        let ranked = split.windows(2).enumerate().filter_map(|(at, pair)| {
            let (rank, number) = ranks.get(&(pair[0], pair[1]))?;
            Some((*rank, at, *number))
        });
        let Some((_, at, number)) = ranked.min() else { return };
        split[at] = number;
        split.remove(at + 1);
    }
}

/// How often each word is used when the samples are written with them.
fn count(samples: &[&[u8]], vocabulary: &[Vec<u8>]) -> Vec<u64> {
    let mut tree = Tree::default();
    vocabulary.iter().zip(0..).for_each(|(word, code)| tree.insert(word, code));
    let mut counts = vec![0; vocabulary.len()];
    let mut memory = Memory::default();
    for word in samples.iter().flat_map(|sample| words::words(sample)) {
        memory.codes(&tree, word, |codes| codes.iter().for_each(|code| counts[*code as usize] += 1));
    }
    counts
}

/// The most used words get codes of one byte, the others are sorted within bands of use.
fn in_code_order<'w>(found: &'w [Vec<u8>], counts: &[u64]) -> Vec<&'w Vec<u8>> {
    let mut order: Vec<(Reverse<u64>, &Vec<u8>)> = counts.iter().map(|count| Reverse(*count)).zip(found).collect();
    order.sort_unstable();
    let mut order: Vec<&Vec<u8>> = order.into_iter().map(|(_, word)| word).collect();
    if let Some(others) = order.get_mut(SINGLES..) {
        let band = others.len().div_ceil(BANDS).max(1);
        others.chunks_mut(band).for_each(|band| band.sort_unstable());
    }
    order
}
