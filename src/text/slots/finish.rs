//! Texts with their slots named, and what stands in each slot.

use super::looks::*;
use super::{EXAMPLES, Search, Slot, Templates};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

pub(super) fn name(kind: &str, nth: usize) -> String {
    if nth == 1 { format!("{{{kind}}}") } else { format!("{{{kind} {nth}}}") }
}

impl Search<'_> {
    /// White space at an end of a filler, which stays around the slot.
    pub(super) fn space(&self, word: Option<&u32>) -> String {
        let space = word.filter(|word| self.words.look(**word) == Look::Space);
        space.map(|word| self.words.text(*word).to_string()).unwrap_or_default()
    }

    pub(super) fn finish(mut self) -> Templates {
        let mut order: Vec<usize> = self.uses.iter().map(|one| one.text).collect();
        order.extend(0..self.forms.len());
        let mut numbers: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
        let mut templates = Vec::new();
        let mut named: BTreeMap<(&'static str, usize), Vec<usize>> = BTreeMap::new();
        for text in order {
            if numbers.contains_key(&self.forms[text]) {
                continue;
            }
            let form = self.forms[text].clone();
            templates.push(self.render(&form, &mut named));
            numbers.insert(form, templates.len() - 1);
        }
        let of = self.forms.iter().map(|form| numbers.get(form).copied().unwrap_or_default()).collect();
        let slots = named.into_iter().map(|((kind, nth), slots)| self.sum_up(kind, nth, &slots)).collect();
        Templates { of, templates, slots }
    }

    /// The text of a form; slots are named by their kind and their order in it, so that versions name theirs alike.
    pub(super) fn render(&self, form: &[u32], named: &mut BTreeMap<(&'static str, usize), Vec<usize>>) -> String {
        let mut text = String::new();
        let mut seen: FxHashMap<&'static str, usize> = FxHashMap::default();
        let mut alike: FxHashMap<u64, usize> = FxHashMap::default();
        for word in form {
            let slot = self.slot_words.iter().position(|slot| slot == word).map(|slot| (slot, &self.found[slot]));
            let Some((slot, found)) = slot else {
                let plain = self.words.text(*word);
                text.push_str(if plain.starts_with(['\u{2}', '\u{3}']) { "" } else { plain });
                continue;
            };
            let kind = found.kind();
            // One variable may stand in several places: it has the same values everywhere.
            let nth = *alike.entry(found.print()).or_insert_with(|| {
                let nth = seen.entry(kind).or_default();
                *nth += 1;
                *nth
            });
            let of = named.entry((kind, nth)).or_default();
            if !of.contains(&slot) {
                of.push(slot);
            }
            let (lead, trail) = &found.around;
            text.push_str(&format!("{lead}{}{trail}", name(kind, nth)));
        }
        text
    }

    /// What is known of the slots that have one name.
    pub(super) fn sum_up(&mut self, kind: &'static str, nth: usize, slots: &[usize]) -> Slot {
        let mut values: FxHashSet<u64> = FxHashSet::default();
        let mut examples: Vec<String> = Vec::new();
        for slot in slots {
            values.extend(&self.found[*slot].values);
            for example in &self.found[*slot].examples {
                if examples.len() < EXAMPLES && !examples.contains(example) {
                    examples.push(example.clone());
                }
            }
        }
        Slot { name: name(kind, nth), kind, values: values.len() as u64, examples }
    }
}
