//! `--rank`: the texts that speak most of the words asked for.
//!
//! BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75) over segments; words are compared folded, and of scripts written without
//! spaces pairs of characters stand for words. The length of a text is its bytes. A record scores as its best segment; each
//! segment is shown once, at its newest record. Equal scores go to the newest, so the answer is the same on every machine.

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::lexical::fold::folded;
use crate::lexical::pattern::{Manner, Pattern};
use crate::vault::ahead::in_order;
use crate::vault::api::Looked;
use crate::vault::search::parts::Candidates;
use crate::vault::search::texts;
use crate::vault::snapshot::Snapshot;

/// How soon further mentions of a word stop counting.
const K1: f64 = 1.2;
/// How much long texts are held back.
const B: f64 = 0.75;
/// Segments scored by one job.
const TOGETHER: usize = 64;

/// A word of the query.
struct Word {
    finder: Finder<'static>,
    /// It must stand alone: not for scripts without spaces.
    alone: bool,
}

/// A record's best segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    /// Its score.
    pub(super) score: f64,
    /// Pack and number of the segment.
    pub(super) segment: (usize, u32),
}

/// The best segment of each record that holds one of the words.
///
/// # Errors
/// [`Error::Usage`] when no word is left of the query, and damage.
pub(super) fn records(snapshot: &Snapshot, queries: &[String], threads: usize) -> Result<FxHashMap<u64, Best>> {
    let words = words(&queries.join(" "));
    if words.is_empty() {
        return Err(Error::Usage("no word is left of the query: --rank looks for letters and digits".into()));
    }
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    let pattern = Pattern::any(&texts, Manner { fold: true, ..Manner::default() })?;
    let words: Vec<Word> = texts
        .iter()
        .map(|word| Word { finder: Finder::new(word.as_bytes()).into_owned(), alone: !word.chars().any(is_unspaced) })
        .collect();
    let mut found = Vec::new();
    let (mut total, mut length) = (0u64, 0u64);
    for pack in 0..snapshot.packs.len() {
        let directory = &snapshot.packs[pack].directory();
        total += directory.groups.iter().map(|group| u64::from(group.segments)).sum::<u64>();
        length += directory.blocks.iter().map(|block| u64::from(block.length)).sum::<u64>();
        let subjects = [texts::Subject { pack, candidates: &Candidates::all() }];
        for judged in texts::segments(snapshot, &subjects, &pattern, threads, texts::Kept::default(), &mut Looked::default())? {
            count(snapshot, pack, &words, &judged.hits.numbers(), threads, &mut found)?;
        }
    }
    let scores = score(&found, words.len(), total.max(1), length);
    let mut records = FxHashMap::default();
    for pack in 0..snapshot.packs.len() {
        let of_pack = found.iter().zip(&scores).filter(|(mentions, _)| mentions.pack == pack);
        let scores: FxHashMap<u32, f64> = of_pack.map(|(mentions, score)| (mentions.segment, *score)).collect();
        spread(snapshot, pack, &scores, threads, &mut records)?;
    }
    Ok(records)
}

/// How often each word stands in a segment.
struct Mentions {
    pack: usize,
    segment: u32,
    bytes: usize,
    counts: Vec<u32>,
}

fn count(
    snapshot: &Snapshot,
    pack: usize,
    words: &[Word],
    candidates: &[u32],
    threads: usize,
    found: &mut Vec<Mentions>,
) -> Result<()> {
    in_order(
        snapshot,
        threads,
        candidates.chunks(TOGETHER),
        |fetcher, segments| {
            let view = fetcher.view(pack)?;
            let (mut text, mut found) = (Vec::new(), Vec::new());
            for &segment in segments {
                text.clear();
                view.segment(segment, &mut text).map_err(|corrupt| view.pack().damaged(corrupt))?;
                let folded = folded(&text);
                let counts: Vec<u32> = words.iter().map(|word| word.count(&folded)).collect();
                if counts.iter().any(|count| *count > 0) {
                    found.push(Mentions { pack, segment, bytes: text.len(), counts });
                }
            }
            Ok(found)
        },
        |some| {
            found.extend(some);
            Ok(())
        },
    )
}

fn score(found: &[Mentions], words: usize, total: u64, length: u64) -> Vec<f64> {
    let average = length as f64 / total as f64;
    let weights: Vec<f64> = (0..words)
        .map(|word| {
            let holding = found.iter().filter(|mentions| mentions.counts[word] > 0).count() as f64;
            (1.0 + (total as f64 - holding + 0.5).max(0.5) / (holding + 0.5)).ln()
        })
        .collect();
    let of = |mentions: &Mentions| {
        let held_back = K1 * (1.0 - B + B * mentions.bytes as f64 / average.max(1.0));
        let parts = mentions.counts.iter().zip(&weights).map(|(count, weight)| {
            let count = f64::from(*count);
            weight * count * (K1 + 1.0) / (count + held_back)
        });
        parts.sum()
    };
    found.iter().map(of).collect()
}

/// Gives each record of a pack the best of its segments.
fn spread(
    snapshot: &Snapshot,
    pack: usize,
    scores: &FxHashMap<u32, f64>,
    threads: usize,
    records: &mut FxHashMap<u64, Best>,
) -> Result<()> {
    if scores.is_empty() {
        return Ok(());
    }
    let groups = &snapshot.packs[pack].directory().groups;
    let mut best: FxHashMap<u32, (f64, u32)> = FxHashMap::default();
    in_order(
        snapshot,
        threads,
        0..groups.len(),
        |fetcher, group| {
            let view = fetcher.view(pack)?;
            let links = view.open_group(group).map_err(|corrupt| view.pack().damaged(corrupt))?.into_links();
            Ok((group, links))
        },
        |(group, links)| {
            for (node, targets) in links.nodes() {
                let found = targets.filter_map(|(to_node, target)| match to_node {
                    true => best.get(&target).copied(),
                    false => scores.get(&target).map(|score| (*score, target)),
                });
                // Among equal scores the later segment.
                if let Some(found) = found.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) {
                    best.insert(node, found);
                }
            }
            let numbers = groups[group].records.iter().flat_map(|run| run.first..run.first + run.count);
            for (number, root) in numbers.zip(&links.roots) {
                if let Some((score, segment)) = best.get(root) {
                    records.insert(number, Best { score: *score, segment: (pack, *segment) });
                }
            }
            Ok(())
        },
    )
}

/// The words of a query, folded, each once.
pub(super) fn words(query: &str) -> Vec<String> {
    let folded = folded(query.as_bytes());
    let text = String::from_utf8_lossy(&folded);
    let mut words: Vec<String> = Vec::new();
    for run in text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let characters: Vec<char> = run.chars().collect();
        for part in characters.chunk_by(|a, b| is_unspaced(*a) == is_unspaced(*b)) {
            match part {
                [first, _, ..] if is_unspaced(*first) => {
                    words.extend(part.windows(2).map(|pair| pair.iter().collect::<String>()))
                }
                _ => words.push(part.iter().collect()),
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

/// Characters of scripts that are written without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

impl Word {
    fn count(&self, text: &[u8]) -> u32 {
        let length = self.finder.needle().len();
        let stands = |at: &usize| !self.alone || !(letter_before(text, *at) || letter_at(text, at + length));
        self.finder.find_iter(text).filter(stands).count() as u32
    }
}

fn letter_at(text: &[u8], at: usize) -> bool {
    let rest = text.get(at..text.len().min(at + 4)).unwrap_or_default();
    let first = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    first.is_some_and(|c| c.is_alphanumeric() && !is_unspaced(c))
}

fn letter_before(text: &[u8], at: usize) -> bool {
    let start = (at.saturating_sub(4)..at).rev().find(|start| text.get(*start).is_some_and(|byte| byte & 0xc0 != 0x80));
    start.is_some_and(|start| letter_at(text, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_fall_into_words_and_pairs() {
        assert_eq!(words("Le Café, le thé!"), ["le", "cafe", "the"]);
        assert_eq!(words("机器学习 GPT-5"), ["机器", "器学", "学习", "gpt", "5"]);
        assert_eq!(words("!?"), Vec::<String>::new());
    }

    #[test]
    fn words_are_counted_where_they_stand_alone() {
        let word = Word { finder: Finder::new(b"cat").into_owned(), alone: true };
        assert_eq!(word.count("cat concat, (cat) catalog écat cat".as_bytes()), 3);
        let pair = Word { finder: Finder::new("学".as_bytes()).into_owned(), alone: false };
        assert_eq!(pair.count("学学x学".as_bytes()), 3);
    }

    #[test]
    fn rare_words_and_short_texts_weigh_more() {
        let mentions = |counts: &[u32], bytes| Mentions { pack: 0, segment: 0, bytes, counts: counts.to_vec() };
        // The first word is in all three texts, the second in one.
        let found = [mentions(&[1, 1], 100), mentions(&[3, 0], 100), mentions(&[1, 0], 1000)];
        let scores = score(&found, 2, 100, 10_000);
        assert!(scores[0] > scores[1] && scores[1] > scores[2], "{scores:?}");
    }
}
