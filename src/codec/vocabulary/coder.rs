//! Text → codes: the fewest codes for each word.

use rustc_hash::FxHashMap;

use super::coded::STRETCH;
use super::{LONGEST, SINGLES, Vocabulary, words};
use crate::bytes::Put;

/// Words whose codes are kept, at most: beyond that they are worked out anew.
const REMEMBERED: usize = 1 << 17;

/// Writes text in the codes of a vocabulary.
#[derive(Debug)]
pub struct Coder {
    vocabulary: Vocabulary,
    tree: Tree,
}

/// All beginnings of words: from a place, by a byte, to the next place.
#[derive(Debug, Default)]
pub(super) struct Tree {
    steps: FxHashMap<u32, u32>,
    /// Code of the word that ends at a place.
    codes: Vec<Option<u32>>,
}

impl Tree {
    /// Adds a word.
    pub(super) fn insert(&mut self, word: &[u8], code: u32) {
        let mut place = 0u32;
        self.codes.resize(self.codes.len().max(1), None);
        for &byte in word {
            let next = self.codes.len() as u32;
            place = *self.steps.entry(place << 8 | u32::from(byte)).or_insert(next);
            if place == next {
                self.codes.push(None);
            }
        }
        if let Some(slot) = self.codes.get_mut(place as usize) {
            *slot = Some(code);
        }
    }

    /// Calls `take` with length and code of every known word at the start of `text`.
    fn beginnings(&self, text: &[u8], mut take: impl FnMut(usize, u32)) {
        let mut place = 0u32;
        for (at, &byte) in text.iter().enumerate().take(LONGEST) {
            let Some(&next) = self.steps.get(&(place << 8 | u32::from(byte))) else { return };
            place = next;
            if let Some(code) = self.codes.get(place as usize).copied().flatten() {
                take(at + 1, code);
            }
        }
    }

    /// The fewest codes for a word, appended; among equals the longest first.
    pub(super) fn split(&self, word: &[u8], out: &mut Vec<u32>) {
        /// Codes from here on, the first of them, and its length.
        type Best = (u32, u32, usize);
        let mut best: Vec<Best> = vec![(0, 0, 0); word.len() + 1];
        for start in (0..word.len()).rev() {
            let mut here: Best = (u32::MAX, 0, 1);
            self.beginnings(&word[start..], |length, code| {
                let cost = best[start + length].0.saturating_add(1);
                if cost <= here.0 {
                    here = (cost, code, length);
                }
            });
            best[start] = here;
        }
        let mut at = 0;
        while at < word.len() {
            out.push(best[at].1);
            at += best[at].2;
        }
    }
}

/// Codes of words met before.
#[derive(Default)]
pub(super) struct Memory<'t>(FxHashMap<&'t [u8], Vec<u32>>);

impl<'t> Memory<'t> {
    /// Calls `take` with the codes of a word.
    pub(super) fn codes(&mut self, tree: &Tree, word: &'t [u8], take: impl FnOnce(&[u32])) {
        if let Some(codes) = self.0.get(word) {
            return take(codes);
        }
        let mut codes = Vec::new();
        tree.split(word, &mut codes);
        take(&codes);
        if self.0.len() < REMEMBERED {
            self.0.insert(word, codes);
        }
    }
}

impl Coder {
    /// A coder for a vocabulary that holds every single byte.
    #[must_use]
    pub fn new(vocabulary: Vocabulary) -> Coder {
        let mut tree = Tree::default();
        vocabulary.words().zip(0..).for_each(|(word, code)| tree.insert(word, code));
        Coder { vocabulary, tree }
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A block's text as the payload that [`super::Stretches`] reads; `number` is that of the vocabulary in its pack.
    #[must_use]
    pub fn code(&self, text: &[u8], number: u32) -> Vec<u8> {
        let mut memory = Memory::default();
        let (mut head, mut codes) = (Vec::new(), Vec::with_capacity(text.len() / 2));
        head.put_varint(u64::from(number));
        for stretch in text.chunks(STRETCH) {
            let start = codes.len();
            for word in words::words(stretch) {
                memory.codes(&self.tree, word, |found| found.iter().for_each(|code| put(*code, &mut codes)));
            }
            // Even without a word of two bytes a stretch has at most twice 16 KiB of codes.
            head.put_u16((codes.len() - start) as u16);
        }
        head.extend_from_slice(&codes);
        head
    }
}

fn put(code: u32, out: &mut Vec<u8>) {
    match (code as usize).checked_sub(SINGLES) {
        None => out.push(code as u8),
        Some(rest) => out.extend_from_slice(&[(SINGLES + rest / 256) as u8, rest as u8]),
    }
}
