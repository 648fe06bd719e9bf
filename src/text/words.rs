//! Texts as words, and what is different between two of them in words.

use rustc_hash::FxHashMap;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Texts of more words are compared by what they begin and end with alike only: a person reads no longer difference.
const MOST_WORDS: usize = 200_000;

/// Cuts a text into words, runs of white space and single other characters. Joined they are the text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let same: fn(char) -> bool = match first {
            c if is_alone(c) => |_| false,
            c if c.is_alphanumeric() || c == '_' => |c| (c.is_alphanumeric() || c == '_') && !is_alone(c),
            c if c.is_whitespace() => char::is_whitespace,
            _ => |_| false,
        };
        let after = first.len_utf8();
        let end = rest[after..].find(|c| !same(c)).map_or(rest.len(), |end| after + end);
        let (word, left) = rest.split_at(end);
        rest = left;
        Some(word)
    })
}

/// Characters of scripts that write no spaces.
fn is_alone(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Ranges of two sequences that stand for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// In the old sequence.
    pub old: std::ops::Range<usize>,
    /// In the new one.
    pub new: std::ops::Range<usize>,
}

/// Where two sequences differ. Islands of equality that are shorter than what surrounds them, or hold fewer than `least` elements
/// that `counts` takes, belong to the difference.
pub fn hunks(old: &[u32], new: &[u32], least: usize, counts: &dyn Fn(u32) -> bool) -> Vec<Hunk> {
    let begin = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
    if old_rest.len() + new_rest.len() > MOST_WORDS {
        return vec![Hunk { old: begin..old.len() - end, new: begin..new.len() - end }];
    }
    let mut found: Vec<Hunk> = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, old_rest, new_rest) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let shift = |range: std::ops::Range<usize>| range.start + begin..range.end + begin;
        let hunk = Hunk { old: shift(op.old_range()), new: shift(op.new_range()) };
        match found.last_mut() {
            Some(last) if last.old.end == hunk.old.start && last.new.end == hunk.new.start => {
                last.old.end = hunk.old.end;
                last.new.end = hunk.new.end;
            }
            _ => found.push(hunk),
        }
    }
    merge(old, found, least, counts)
}

fn merge(old: &[u32], found: Vec<Hunk>, least: usize, counts: &dyn Fn(u32) -> bool) -> Vec<Hunk> {
    let weigh = |range: &std::ops::Range<usize>| old[range.clone()].iter().filter(|word| counts(**word)).count();
    let size = |hunk: &Hunk| hunk.old.len().max(hunk.new.len());
    let mut hunks = found;
    loop {
        let before = hunks.len();
        let mut merged: Vec<Hunk> = Vec::with_capacity(before);
        for hunk in hunks {
            if let Some(last) = merged.last_mut() {
                let island = last.old.end..hunk.old.start;
                if weigh(&island) < least || island.len() <= size(last).min(size(&hunk)) {
                    last.old.end = hunk.old.end;
                    last.new.end = hunk.new.end;
                    continue;
                }
            }
            merged.push(hunk);
        }
        hunks = merged;
        if hunks.len() == before {
            return hunks;
        }
    }
}

/// What a part of a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// In both.
    Equal,
    /// In the old text only.
    Delete,
    /// In the new text only.
    Insert,
}

/// The difference of two texts, in words.
#[must_use]
pub fn diff(old: &str, new: &str) -> Vec<(Change, String)> {
    let (old_words, new_words): (Vec<&str>, Vec<&str>) = (words(old).collect(), words(new).collect());
    let (mut old_numbers, mut new_numbers) = (Vec::with_capacity(old_words.len()), Vec::with_capacity(new_words.len()));
    let mut names: FxHashMap<&str, u32> = FxHashMap::default();
    for (list, numbers) in [(&old_words, &mut old_numbers), (&new_words, &mut new_numbers)] {
        for word in list {
            let next = names.len() as u32;
            numbers.push(*names.entry(word).or_insert(next));
        }
    }
    let spaces: Vec<bool> = {
        let mut spaces = vec![false; names.len()];
        names.iter().for_each(|(word, number)| spaces[*number as usize] = word.trim().is_empty());
        spaces
    };
    let mut parts: Vec<(Change, String)> = Vec::new();
    let mut at = 0;
    let mut push = |change: Change, words: &[&str]| {
        if !words.is_empty() {
            parts.push((change, words.concat()));
        }
    };
    for hunk in hunks(&old_numbers, &new_numbers, 1, &|number| !spaces[number as usize]) {
        push(Change::Equal, &old_words[at..hunk.old.start]);
        push(Change::Delete, &old_words[hunk.old.clone()]);
        push(Change::Insert, &new_words[hunk.new.clone()]);
        at = hunk.old.end;
    }
    push(Change::Equal, &old_words[at..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let mark = |(change, text): (Change, String)| match change {
            Change::Equal => text,
            Change::Delete => format!("[-{text}-]"),
            Change::Insert => format!("[+{text}+]"),
        };
        diff(old, new).into_iter().map(mark).collect()
    }

    #[test]
    fn words_joined_are_the_text() {
        let text = "You are_ok, 你好!\n\n  v2.1 é\u{301}";
        assert_eq!(words(text).collect::<String>(), text);
        assert_eq!(words("a b2, c").collect::<Vec<_>>(), ["a", " ", "b2", ",", " ", "c"]);
    }

    #[test]
    fn a_difference_is_told_in_words_and_nothing_is_lost() {
        assert_eq!(shown("Answer in 3 sentences.", "Answer in 5 sentences."), "Answer in [-3-][+5+] sentences.");
        assert_eq!(shown("Be brief.", "Be brief. Cite sources."), "Be brief.[+ Cite sources.+]");
        assert_eq!(shown("same", "same"), "same");
        assert_eq!(shown("", "new"), "[+new+]");
    }

    #[test]
    fn an_island_shorter_than_what_surrounds_it_is_part_of_the_change() {
        let hunks = hunks(&[1, 2, 3, 9, 4, 5, 6], &[11, 12, 13, 9, 14, 15, 16], 1, &|_| true);
        assert_eq!(hunks, [Hunk { old: 0..7, new: 0..7 }]);
    }
}
