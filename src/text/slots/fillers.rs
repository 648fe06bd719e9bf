//! Places where texts differ though the words around them are the same.

use super::looks::*;
use super::{CONTEXT, LONGEST, MANY, PAIRS, ROUNDS, SPANS, Search};
use crate::checksum::checksum;
use crate::text::words::{Hunk, hunks};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};

/// Words before and behind a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) before: [u32; CONTEXT],
    pub(super) behind: [u32; CONTEXT],
}

/// What was seen in a place.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) fillers: BTreeSet<Vec<u32>>,
    pub(super) changes: u64,
    pub(super) longest: usize,
}

impl Search<'_> {
    /// Places with many fillers, then places whose few fillers take turns.
    pub(super) fn mask_fillers(&mut self) {
        for _ in 0..ROUNDS {
            let seen = self.compare();
            if seen.is_empty() {
                return;
            }
            let steps = |of: &Seen| {
                of.changes < of.fillers.len() as u64 * 2 && self.uses.len() >= of.fillers.len() * 100 && of.fillers.len() < 20
            };
            let many = |of: &Seen| of.fillers.len() >= MANY && !steps(of);
            let mut slots: Vec<(Place, usize)> =
                seen.iter().filter(|(_, of)| many(of)).map(|(place, of)| (*place, of.longest)).collect();
            if slots.is_empty() {
                let few = seen.iter().filter(|(_, of)| of.fillers.len() < MANY && of.changes >= 8);
                slots = few
                    .filter(|(place, of)| self.take_turns(**place, of.longest))
                    .map(|(place, of)| (*place, of.longest))
                    .collect();
            }
            if slots.is_empty() {
                return;
            }
            slots.sort_unstable();
            self.mask(&slots);
        }
    }

    /// Forms by number, each once: the number of each text's form, and of how many there are.
    pub(super) fn distinct(&self) -> (Vec<usize>, usize) {
        let mut numbers: FxHashMap<&[u32], usize> = FxHashMap::default();
        let of = self.forms.iter().map(|form| {
            let next = numbers.len();
            *numbers.entry(form.as_slice()).or_insert(next)
        });
        let of: Vec<usize> = of.collect();
        let count = numbers.len();
        (of, count)
    }

    /// What differs between texts that follow one another, by place.
    pub(super) fn compare(&self) -> FxHashMap<Place, Seen> {
        let (form_of, count) = self.distinct();
        let mut seen: FxHashMap<Place, Seen> = FxHashMap::default();
        if count < 2 {
            return seen;
        }
        // By forms: how often, and a text of each.
        let mut pairs: BTreeMap<(usize, usize), (u64, usize, usize)> = BTreeMap::new();
        for pair in self.uses.windows(2) {
            let forms = (form_of[pair[0].text], form_of[pair[1].text]);
            if forms.0 != forms.1 {
                let entry = pairs.entry((forms.0.min(forms.1), forms.0.max(forms.1))).or_insert((0, pair[0].text, pair[1].text));
                entry.0 += 1;
            }
        }
        let step = pairs.len().div_ceil(PAIRS).max(1);
        for (_, (times, old, new)) in pairs.into_iter().step_by(step) {
            let (old, new) = (&self.forms[old], &self.forms[new]);
            let is_word = |word: u32| self.words.look(word) != Look::Space;
            for hunk in hunks(old, new, CONTEXT, &is_word) {
                if hunk.old.len().max(hunk.new.len()) > LONGEST {
                    continue;
                }
                let Some(place) = self.place(old, &hunk) else { continue };
                let of = seen.entry(place).or_default();
                of.changes += times * step as u64;
                of.longest = of.longest.max(hunk.old.len()).max(hunk.new.len());
                of.fillers.insert(self.trimmed(&old[hunk.old.clone()]));
                of.fillers.insert(self.trimmed(&new[hunk.new.clone()]));
            }
        }
        seen
    }

    pub(super) fn trimmed(&self, filler: &[u32]) -> Vec<u32> {
        filler.iter().copied().filter(|word| self.words.look(*word) != Look::Space).collect()
    }

    /// The words around a difference.
    pub(super) fn place(&self, old: &[u32], hunk: &Hunk) -> Option<Place> {
        let is_word = |word: &u32| self.words.look(*word) != Look::Space;
        let mut before = old.get(..hunk.old.start)?.iter().rev().copied().filter(is_word);
        let mut behind = old.get(hunk.old.end..)?.iter().copied().filter(is_word);
        let before = [before.next()?, before.next()?];
        Some(Place { before: [before[1], before[0]], behind: [behind.next()?, behind.next()?] })
    }

    /// Whether the fillers of a place take turns all the time; an edit that comes slowly has both only for a while.
    pub(super) fn take_turns(&self, place: Place, longest: usize) -> bool {
        let (form_of, count) = self.distinct();
        let mut fillers: Vec<Option<u64>> = vec![None; count];
        for (form, number) in self.forms.iter().zip(&form_of) {
            if fillers[*number].is_none() {
                let found = self.locate(form, place, longest);
                let print = |range: std::ops::Range<usize>| {
                    let words = self.trimmed(&form[range]);
                    checksum(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
                };
                fillers[*number] = found.map(print);
            }
        }
        let sequence: Vec<u64> = self.uses.iter().filter_map(|one| fillers[form_of[one.text]]).collect();
        let distinct: FxHashSet<u64> = sequence.iter().copied().collect();
        let changes = sequence.windows(2).filter(|pair| pair[0] != pair[1]).count();
        if distinct.len() < 2 || changes < 8 || changes < 4 * (distinct.len() - 1) {
            return false;
        }
        let spans = sequence.chunks(sequence.len().div_ceil(SPANS).max(2));
        let total = spans.len();
        let mixed = spans.filter(|span| span.iter().any(|filler| *filler != span[0])).count();
        mixed * 2 >= total
    }

    /// Where the filler of a place is in a form.
    pub(super) fn locate(&self, form: &[u32], place: Place, longest: usize) -> Option<std::ops::Range<usize>> {
        let mut before = [u32::MAX; CONTEXT];
        for (at, &word) in form.iter().enumerate() {
            if self.words.look(word) != Look::Space {
                before = [before[1], word];
                if before == place.before
                    && let Some(end) = self.next_place(form, at + 1, place.behind, longest)
                {
                    return Some(at + 1..end);
                }
            }
        }
        None
    }

    /// Where the words behind a filler begin.
    pub(super) fn next_place(&self, form: &[u32], from: usize, behind: [u32; CONTEXT], longest: usize) -> Option<usize> {
        let most = from.saturating_add(longest * 2 + 8).min(form.len());
        (from..most).find(|at| {
            form[*at] == behind[0] && {
                let mut rest = form[at + 1..].iter().copied().filter(|word| self.words.look(*word) != Look::Space);
                rest.next() == Some(behind[1])
            }
        })
    }

    /// Puts slots in places.
    pub(super) fn mask(&mut self, places: &[(Place, usize)]) {
        let mut by_before: FxHashMap<[u32; CONTEXT], Vec<(Place, usize)>> = FxHashMap::default();
        for (place, longest) in places {
            by_before.entry(place.before).or_default().push((*place, *longest));
        }
        let mut slots: FxHashMap<Place, usize> = FxHashMap::default();
        for form in 0..self.forms.len() {
            let old = std::mem::take(&mut self.forms[form]);
            let mut new = Vec::with_capacity(old.len());
            let mut before = [u32::MAX; CONTEXT];
            let mut at = 0;
            while at < old.len() {
                let word = old[at];
                new.push(word);
                at += 1;
                if self.words.look(word) == Look::Space {
                    continue;
                }
                before = [before[1], word];
                let fits = |(place, longest): &(Place, usize)| Some((self.next_place(&old, at, place.behind, *longest)?, *place));
                let Some((end, place)) = by_before.get(&before).and_then(|places| places.iter().filter_map(fits).min()) else {
                    continue;
                };
                let filler = &old[at..end];
                let slot = match slots.get(&place) {
                    Some(slot) => *slot,
                    None => {
                        let lead = self.space(filler.first());
                        let trail = self.space(filler.last());
                        let slot = self.new_slot("text", &lead, if filler.len() > 1 { &trail } else { "" });
                        slots.insert(place, slot);
                        slot
                    }
                };
                self.note_value(slot, filler);
                new.push(self.slot_words[slot]);
                before = [before[1], self.slot_words[slot]];
                at = end;
            }
            self.forms[form] = new;
        }
    }
}
