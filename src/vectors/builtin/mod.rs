//! The embedder in the program: no model, server or network.
//!
//! A vector is two halves side by side. 192 dimensions are the weighted mean of a distilled table's rows for the text's WordPiece
//! tokens: they know that *refund* is near *money back*. 320 dimensions are signed hashes (Weinberger and others 2009) of words and
//! their 3- to 5-grams, weighted by a fixed inverse document frequency: they know names, ids and every language. Each half has
//! length √½; characters of scripts without spaces count for the second only, which the table has not learnt.
//!
//! The rules are frozen as [`NAME`]: vectors of one vault stay comparable for as long as they bear it.

mod hashed;
mod pieces;
mod words;

use rustc_hash::FxHashMap;

use crate::lexical::fold::fold;
use hashed::{DIMENSION as HASHED, Features};
use pieces::{DIMENSION as POOLED, Pieces};
use words::{Token, each_token};

/// Name and version of the rules.
pub const NAME: &str = "builtin-1";
/// Dimensions of a vector.
pub const DIMENSION: usize = POOLED + HASHED;
/// Words an embedder remembers before it begins anew: some 20 MB.
const MOST_WORDS: usize = 1 << 16;

/// Turns texts into vectors; one for each thread, since it remembers words it has seen.
pub struct Embedder {
    pieces: &'static Pieces,
    known: FxHashMap<Box<[u8]>, u32>,
    entries: Vec<Entry>,
    /// WordPiece tokens of all known words, end to end.
    tokens: Vec<u16>,
    features: Features,
    folded: Vec<u8>,
    /// Words of this text, each once, and how often it has them.
    touched: Vec<u32>,
    counts: Vec<u32>,
    token_counts: Vec<u32>,
    touched_tokens: Vec<u16>,
}

/// What is remembered of a word.
struct Entry {
    tokens: std::ops::Range<u32>,
    features: std::ops::Range<u32>,
}

impl Default for Embedder {
    fn default() -> Embedder {
        Embedder::new()
    }
}

impl Embedder {
    /// An embedder that knows no word yet.
    #[must_use]
    pub fn new() -> Embedder {
        let pieces = Pieces::shared();
        Embedder {
            pieces,
            known: FxHashMap::default(),
            entries: Vec::new(),
            tokens: Vec::new(),
            features: Features::default(),
            folded: Vec::new(),
            touched: Vec::new(),
            counts: Vec::new(),
            token_counts: vec![0; pieces.len()],
            touched_tokens: Vec::new(),
        }
    }

    /// The vector of a text, of length 1; all zeros for a text without a letter or digit.
    #[must_use]
    pub fn embed(&mut self, text: &[u8]) -> [f32; DIMENSION] {
        if self.entries.len() > MOST_WORDS {
            self.forget();
        }
        let mut folded = std::mem::take(&mut self.folded);
        folded.clear();
        fold(text, &mut folded);
        let (mut spaced, mut unspaced) = (0u32, 0u32);
        each_token(&folded, &mut |token| {
            match token {
                Token::Word(_) => spaced += 1,
                Token::Character(_) => unspaced += 1,
                Token::Mark(_) | Token::Pair(_) => {}
            }
            self.count(token);
        });
        self.folded = folded;
        let mut vector = [0.0; DIMENSION];
        let (pooled, hashed) = vector.split_at_mut(POOLED);
        self.sum(pooled, hashed);
        let share = f64::from(spaced) / f64::from((spaced + unspaced).max(1));
        let pooled_weight = if norm(hashed) == 0.0 { 0.0 } else { (0.5 * share) as f32 };
        let pooled_weight = if norm(pooled) == 0.0 { 0.0 } else { pooled_weight };
        scale_to(pooled, pooled_weight.sqrt());
        scale_to(hashed, (1.0 - pooled_weight).sqrt());
        vector
    }

    fn forget(&mut self) {
        self.known.clear();
        self.entries.clear();
        self.tokens.clear();
        self.features.clear();
        self.counts.clear();
    }

    fn count(&mut self, token: Token<'_>) {
        let word = token.bytes();
        let at = match self.known.get(word) {
            Some(at) => *at,
            None => self.learn(token),
        };
        if let Some(count) = self.counts.get_mut(at as usize) {
            if *count == 0 {
                self.touched.push(at);
            }
            *count += 1;
        }
    }

    fn learn(&mut self, token: Token<'_>) -> u32 {
        let (tokens, features) = (self.tokens.len() as u32, self.features.len());
        match token {
            Token::Word(word) => {
                self.pieces.cut(word, &mut self.tokens);
                self.features.add_word(word);
            }
            Token::Mark(mark) => self.pieces.cut(mark, &mut self.tokens),
            Token::Character(character) => {
                self.pieces.cut(character, &mut self.tokens);
                self.features.add_character(character);
            }
            Token::Pair(pair) => self.features.add_pair(pair),
        }
        let at = self.entries.len() as u32;
        self.entries.push(Entry { tokens: tokens..self.tokens.len() as u32, features: features..self.features.len() });
        self.counts.push(0);
        self.known.insert(token.bytes().into(), at);
        at
    }

    /// Adds up both halves and leaves the counts as they were: all zero.
    fn sum(&mut self, pooled: &mut [f32], hashed: &mut [f32]) {
        for at in self.touched.drain(..) {
            let (Some(entry), Some(count)) = (self.entries.get(at as usize), self.counts.get_mut(at as usize)) else { continue };
            let count = std::mem::take(count);
            self.features.add_to(&entry.features, damped(count), hashed);
            for token in self.tokens.get(entry.tokens.start as usize..entry.tokens.end as usize).unwrap_or_default() {
                if let Some(of_token) = self.token_counts.get_mut(usize::from(*token)) {
                    if *of_token == 0 {
                        self.touched_tokens.push(*token);
                    }
                    *of_token += count;
                }
            }
        }
        for token in self.touched_tokens.drain(..) {
            let count = self.token_counts.get_mut(usize::from(token)).map(std::mem::take).unwrap_or_default();
            self.pieces.add_to(token, damped(count), pooled);
        }
    }
}

/// The buckets of the table of rarities that a text's features fall into, each once: for `examples/idf.rs`, which counts them.
#[must_use]
pub fn buckets(text: &[u8]) -> Vec<u16> {
    let (mut folded, mut found) = (Vec::new(), Vec::new());
    fold(text, &mut folded);
    each_token(&folded, &mut |token| hashed::buckets(token, &mut found));
    found.sort_unstable();
    found.dedup();
    found
}

/// How much a word counts that occurs so often: the tenth time says less than the first.
fn damped(count: u32) -> f32 {
    if count <= 1 { 1.0 } else { 1.0 + (f64::from(count)).ln() as f32 }
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|value| value * value).sum::<f32>().sqrt()
}

fn scale_to(values: &mut [f32], length: f32) {
    let norm = norm(values);
    if norm > 0.0 {
        let factor = length / norm;
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(a: &str, b: &str) -> f32 {
        let mut embedder = Embedder::new();
        let (a, b) = (embedder.embed(a.as_bytes()), embedder.embed(b.as_bytes()));
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    }

    // What the command is for: other words for the same thing are nearer than other things.
    #[test]
    fn other_words_for_the_same_are_nearer_than_other_things() {
        let wanted = "customer wants money back";
        assert!(likeness(wanted, "please refund my payment") > likeness(wanted, "the connection was reset by peer"));
        let lost = "how do I reset my password";
        assert!(likeness(lost, "I forgot my login credentials") > likeness(lost, "the weather is fine today"));
    }

    #[test]
    fn case_accents_and_endings_cost_little() {
        assert!(likeness("Café REFUNDS", "cafe refunds") > 0.999);
        assert!(likeness("refunded payments", "refund payment") > 0.6);
        assert!(likeness("机器学习模型", "学习模型训练") > 0.4);
    }

    #[test]
    fn vectors_have_length_one_or_nothing_at_all() {
        let mut embedder = Embedder::new();
        for text in ["a", "refund", "数据", "ok 数据", "0x1f", "naïve café", "..."] {
            let length = norm(&embedder.embed(text.as_bytes()));
            assert!((length - 1.0).abs() < 1e-4 || text == "..." && length == 0.0, "{text}: {length}");
        }
        assert_eq!(norm(&embedder.embed(b" \n\xff")), 0.0);
    }

    // Vectors on disk are compared with those of queries years later: a change of rules needs a new name.
    #[test]
    fn the_rules_are_frozen() {
        let mut embedder = Embedder::new();
        let vector = embedder.embed("Déjà vu: the customer's REFUND of $12.50 failed (error_code=E42); 退款 已完成!".as_bytes());
        let print: i64 = vector.iter().zip(1..).map(|(value, at)| (value * 1000.0).round() as i64 * at).sum();
        assert_eq!((NAME, print), ("builtin-1", FROZEN));
    }

    const FROZEN: i64 = -549_326;

    #[test]
    fn what_was_seen_before_does_not_matter() {
        let (mut fresh, mut used) = (Embedder::new(), Embedder::new());
        for n in 0..500 {
            let _ = used.embed(format!("words {n} and more words {}", n * 7).as_bytes());
        }
        assert_eq!(fresh.embed(b"some words 12"), used.embed(b"some words 12"));
    }
}
