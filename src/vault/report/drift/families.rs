//! Which prompts of an application are versions of one another.
//!
//! A prompt belongs to the family it shares most with: half of the words of a short one, of a long one enough pairs of words, since
//! prompts for unlike work of one company share its words. What turns out to be one family later is told in [`super::joined`].

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::joined::joined;
use super::texts::Sent;
use super::{Family, Request};
use crate::checksum::checksum;
use crate::text::words::words;
use crate::vault::report::facts::{Fact, Name};

/// Share of words that members have in common.
const ALIKE: f64 = 0.5;
/// Prompts of so many different words are compared by pairs of words.
const LONG: usize = 60;
/// Share of these pairs.
const PAIRS_ALIKE: f64 = 0.45;
/// Families of one application that a prompt is compared with: the latest.
const COMPARED: usize = 48;

/// What texts are compared by: words and pairs of words, sorted, each once. Numbers are left out, since they vary.
#[derive(Clone, Default)]
pub(super) struct Bag {
    pub(super) words: Vec<u32>,
    pub(super) pairs: Vec<u32>,
}

impl Bag {
    pub(super) fn of(text: &str) -> Bag {
        let is_word = |word: &&str| word.chars().next().is_some_and(char::is_alphabetic);
        let words: Vec<u32> = words(text).filter(is_word).map(|word| checksum(word.to_lowercase().as_bytes()) as u32).collect();
        let pairs = words.windows(2).map(|pair| pair[0].rotate_left(15) ^ pair[1]).collect();
        Bag { words: sorted(words), pairs: sorted(pairs) }
    }

    fn is_like(&self, other: &Bag) -> Option<f64> {
        let long = self.words.len().min(other.words.len()) >= LONG;
        match long {
            true => Some(alike(&self.pairs, &other.pairs)).filter(|alike| *alike >= PAIRS_ALIKE),
            false => Some(alike(&self.words, &other.words)).filter(|alike| *alike >= ALIKE),
        }
    }
}

fn sorted(mut list: Vec<u32>) -> Vec<u32> {
    list.sort_unstable();
    list.dedup();
    list
}

/// Dice's coefficient.
pub(super) fn alike(a: &[u32], b: &[u32]) -> f64 {
    let (mut left, mut right, mut shared) = (a, b, 0);
    while let ([x, xs @ ..], [y, ys @ ..]) = (left, right) {
        shared += usize::from(x == y);
        (left, right) = (if x <= y { xs } else { left }, if y <= x { ys } else { right });
    }
    if a.len() + b.len() == 0 { 1.0 } else { 2.0 * shared as f64 / (a.len() + b.len()) as f64 }
}

/// A family while it grows.
struct Growing {
    /// The words of its first and of its latest member.
    first: Bag,
    latest: Bag,
    texts: FxHashMap<u128, usize>,
    family: Family,
}

/// Families of system prompts. `tool_names` are those of each list of tools.
pub(super) fn of_prompts(requests: &[(Request, &Fact)], prompts: &[Sent], tool_names: &[BTreeSet<&str>]) -> Vec<Family> {
    let mut of_apps: FxHashMap<Name, Vec<Growing>> = FxHashMap::default();
    let mut known: FxHashMap<(Name, u128), usize> = FxHashMap::default();
    for (request, fact) in requests.iter().filter(|(_, fact)| fact.prompt > 0) {
        let Some(sent) = prompts.get(fact.prompt as usize).filter(|sent| !sent.text.trim().is_empty()) else { continue };
        let families = of_apps.entry(fact.app).or_default();
        let place = *known.entry((fact.app, sent.hash)).or_insert_with(|| join(families, fact.app, sent));
        let growing = &mut families[place];
        let next = growing.texts.len();
        let text = *growing.texts.entry(sent.hash).or_insert(next);
        if text == next {
            growing.family.texts.push(sent.clone());
        }
        growing.family.requests.push(Request { text, ..*request });
    }
    let mut apps: Vec<(Name, Vec<Growing>)> = of_apps.into_iter().collect();
    apps.sort_by_key(|(app, _)| *app);
    let of_app = |(_, families): (Name, Vec<Growing>)| families.into_iter().map(|growing| growing.family).collect();
    apps.into_iter().map(of_app).flat_map(|families| joined(families, tool_names)).collect()
}

/// The family that a new text belongs to.
fn join(families: &mut Vec<Growing>, app: Name, sent: &Sent) -> usize {
    let bag = Bag::of(&sent.text);
    let from = families.len().saturating_sub(COMPARED);
    let near = |growing: &Growing| {
        let (latest, first) = (bag.is_like(&growing.latest), bag.is_like(&growing.first));
        latest.into_iter().chain(first).max_by(f64::total_cmp)
    };
    let best =
        (from..families.len()).filter_map(|place| Some((near(&families[place])?, place))).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, place)) = best {
        families[place].latest = bag;
        return place;
    }
    let family = Family { what: "system_prompt", app, tool: None, texts: Vec::new(), requests: Vec::new(), replaced: false };
    families.push(Growing { first: bag.clone(), latest: bag, texts: FxHashMap::default(), family });
    families.len() - 1
}

/// Families of tools: those of one name in one application.
pub(super) fn of_tools(requests: &[(Request, &Fact)], definitions: &[Sent], toolsets: &[Vec<u32>]) -> Vec<Family> {
    let mut families: Vec<(Family, FxHashMap<u128, usize>)> = Vec::new();
    let mut known: FxHashMap<(Name, &str), usize> = FxHashMap::default();
    for (request, fact) in requests.iter().filter(|(_, fact)| fact.tools > 0) {
        let tools = toolsets.get(fact.tools as usize).map(Vec::as_slice).unwrap_or_default();
        let mut told: FxHashSet<usize> = FxHashSet::default();
        for sent in tools.iter().filter_map(|tool| definitions.get(*tool as usize)) {
            let place = *known.entry((fact.app, sent.tool.as_str())).or_insert_with(|| {
                let family = Family {
                    what: "tool",
                    app: fact.app,
                    tool: Some(sent.tool.clone()),
                    texts: Vec::new(),
                    requests: Vec::new(),
                    replaced: false,
                };
                families.push((family, FxHashMap::default()));
                families.len() - 1
            });
            let (family, texts) = &mut families[place];
            let next = texts.len();
            let text = *texts.entry(sent.hash).or_insert(next);
            if text == next {
                family.texts.push(sent.clone());
            }
            // Two tools of one name in a request: the first counts.
            if told.insert(place) {
                family.requests.push(Request { text, ..*request });
            }
        }
    }
    families.into_iter().map(|(family, _)| family).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_alike_and_prompts_for_other_work_are_not() {
        let a =
            Bag::of("You are a helpful assistant for the bank. Answer questions about cards and accounts of the customer Ann.");
        let b = Bag::of("You are a helpful assistant for the bank. Answer questions about cards only, and be brief with Bob.");
        let c = Bag::of("Write a title of at most five words for the conversation below. Return nothing but the title.");
        assert!(a.is_like(&b).is_some() && a.is_like(&c).is_none());
        assert_eq!(a.is_like(&a), Some(1.0));
    }
}
