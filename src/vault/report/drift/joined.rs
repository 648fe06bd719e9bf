//! Families of one application that turn out to be one.
//!
//! A short prompt with long variables may share less with itself than with nothing: families with many texts are alike when what stays
//! in all texts of the one stays in those of the other. And a prompt that is unlike all others but takes the place of one that is
//! never used again is its new version: an application that throws its prompt away has changed it. Where no application is named
//! the tools must be the same, since one agent may well begin where another one ends.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::families::{Bag, alike};
use super::{Family, Request};
use crate::vault::report::facts::Name;

/// Uses before a replacement of which most must be of the family that ends.
const BEFORE: usize = 20;
/// Texts that show what stays.
const SAMPLE: usize = 48;
/// Fewer texts show nothing.
const SHOWING: usize = 8;
/// Fewer words and pairs of words that stay say nothing.
const STAYING: usize = 8;
/// Share of them that families of one prompt have in common.
const STAY_ALIKE: f64 = 0.75;

/// Puts families together that are one.
pub(super) fn joined(families: Vec<Family>, tool_names: &[BTreeSet<&str>]) -> Vec<Family> {
    continued(alike_in_what_stays(families), tool_names)
}

/// Families with the same words between their variables.
fn alike_in_what_stays(families: Vec<Family>) -> Vec<Family> {
    let mut out: Vec<(Family, Vec<u32>)> = Vec::new();
    for family in families {
        let stays = what_stays(&family);
        let is_same = |(_, known): &(Family, Vec<u32>)| stays.len() >= STAYING && alike(known, &stays) >= STAY_ALIKE;
        match out.iter().position(is_same) {
            Some(at) => out[at].0.absorb(family),
            None => out.push((family, stays)),
        }
    }
    out.into_iter().map(|(family, _)| family).collect()
}

/// Words and pairs of words that nearly all texts of a family have; none where they are too few to tell.
fn what_stays(family: &Family) -> Vec<u32> {
    if family.texts.len() < SHOWING {
        return Vec::new();
    }
    let mut counts: FxHashMap<u32, usize> = FxHashMap::default();
    let sample = family.texts.iter().step_by(family.texts.len().div_ceil(SAMPLE));
    let count = sample.len();
    for sent in sample {
        let bag = Bag::of(&sent.text);
        // Pairs keep apart from words by an odd bit.
        bag.words.iter().map(|word| word & !1).chain(bag.pairs.iter().map(|pair| pair | 1)).for_each(|item| {
            *counts.entry(item).or_default() += 1;
        });
    }
    let mut stays: Vec<u32> = counts.into_iter().filter(|(_, times)| times * 10 >= count * 9).map(|(item, _)| item).collect();
    stays.sort_unstable();
    stays
}

/// Puts a family behind the one whose place it took: of the same models, never used again, and in use until then.
fn continued(mut families: Vec<Family>, tool_names: &[BTreeSet<&str>]) -> Vec<Family> {
    let mut at = 1;
    while at < families.len() {
        match replaced_by(&families, at, tool_names) {
            Some(before) => {
                let later = families.remove(at);
                families[before].absorb(later);
                families[before].replaced = true;
            }
            None => at += 1,
        }
    }
    families
}

fn replaced_by(families: &[Family], at: usize, tool_names: &[BTreeSet<&str>]) -> Option<usize> {
    let first = families[at].requests.first()?;
    let models: FxHashSet<Name> = families[at].requests.iter().map(|request| request.model).collect();
    let key = |request: &Request| (request.time, request.number);
    // The uses just before, of these models.
    let mut before: Vec<((i64, u64), usize)> = Vec::new();
    for (place, family) in families.iter().enumerate().filter(|(place, _)| *place != at) {
        let upto = family.requests.partition_point(|request| key(request) < key(first));
        let earlier = family.requests[..upto].iter().rev().filter(|request| models.contains(&request.model));
        before.extend(earlier.take(BEFORE).map(|request| (key(request), place)));
    }
    before.sort_unstable();
    let latest: Vec<usize> = before.iter().rev().take(BEFORE).map(|(_, place)| *place).collect();
    let candidate = *latest.first()?;
    let share = latest.iter().filter(|place| **place == candidate).count();
    let of_models = || families[candidate].requests.iter().filter(|request| models.contains(&request.model));
    let ended = of_models().all(|request| key(request) < key(first));
    // Prompts that are used a few times each follow one another in any log; only what was in steady use can be replaced.
    let steady = latest.len() >= 5 && families[candidate].requests.len() >= 5 && families[at].requests.len() >= 5;
    let same = families[at].app > 0 || of_models().next_back().is_some_and(|last| share_tools(last, first, tool_names));
    (ended && steady && same && share * 10 >= latest.len() * 9).then_some(candidate)
}

/// Whether two requests were sent with tools of mostly the same names.
fn share_tools(before: &Request, after: &Request, tool_names: &[BTreeSet<&str>]) -> bool {
    let (Some(before), Some(after)) = (tool_names.get(before.tools as usize), tool_names.get(after.tools as usize)) else {
        return false;
    };
    let shared = before.intersection(after).count();
    shared > 0 && shared * 2 >= before.union(after).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::content_hash;
    use crate::vault::report::drift::texts::Sent;

    /// A family whose texts are used one after another from use `from` on.
    fn family(app: Name, tools: u32, from: u64, texts: &[String]) -> Family {
        let sent = |text: &String| Sent { text: text.clone(), hash: content_hash(text.as_bytes()), tool: String::new() };
        let request = |(text, number)| Request { number, time: number as i64, timed: true, count: 1, model: 1, tools, text };
        Family {
            what: "system_prompt",
            app,
            tool: None,
            texts: texts.iter().map(sent).collect(),
            requests: (0..texts.len()).zip(from..).map(request).collect(),
            replaced: false,
        }
    }

    fn clerk(count: usize) -> Vec<String> {
        let text =
            |n: usize| format!("Room {}. You are the clerk of a hotel by the sea, day and night, and polite.", "x".repeat(n + 1));
        (0..count).map(text).collect()
    }

    fn pilot(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("Fly {}: check fuel, flaps and weather before each start.", "y".repeat(n + 1))).collect()
    }

    /// Protects from an edit that nobody made: one agent begins where another one ends, in a log that names neither.
    #[test]
    fn an_agent_that_begins_where_another_ends_is_no_edit_of_it() {
        let tools = [&[][..], &["book", "cancel", "ask"], &["book", "cancel", "pay"], &["ask", "dial", "hang_up"]];
        let tools: Vec<BTreeSet<&str>> = tools.iter().map(|names| names.iter().copied().collect()).collect();
        let count = |app, before, after| {
            let found = joined(vec![family(app, before, 0, &clerk(20)), family(app, after, 20, &pilot(20))], &tools);
            (found.len(), found[0].replaced)
        };
        // Without a name the tools decide; without either nothing says that it is the same agent.
        assert_eq!((count(0, 1, 2), count(0, 1, 3), count(0, 0, 0)), ((1, true), (2, false), (2, false)));
        // An application with a name has thrown its prompt away.
        assert_eq!((count(7, 1, 3), count(7, 0, 0)), ((1, true), (1, true)));
        // Unless the old one is used again.
        let mut clerk = family(7, 0, 0, &clerk(20));
        clerk.requests[19].number = 100;
        clerk.requests[19].time = 100;
        assert_eq!(joined(vec![clerk, family(7, 0, 20, &pilot(20))], &tools).len(), 2);
    }

    /// Protects prompts that are mostly variables: what stays is the prompt, however much else differs.
    #[test]
    fn prompts_are_one_when_the_same_words_stay() {
        let text = |about: &str, n: usize| {
            let notes: String = (0..12).map(|word| format!("{about}{}{} ", "q".repeat(word), "z".repeat(n))).collect();
            format!("You help {about} with bills. Notes: {notes}. Write to them in plain words.")
        };
        let all = |about: &str| (0..10).map(|n| text(about, n)).collect::<Vec<String>>();
        let families = || vec![family(0, 0, 0, &all("ann")), family(0, 0, 5, &all("bob")), family(0, 0, 3, &clerk(10))];
        let found = joined(families(), &[]);
        assert_eq!(found.iter().map(|family| family.texts.len()).collect::<Vec<_>>(), [20, 10]);
        // Texts keep their requests, in order of time.
        let one = &found[0];
        assert!(one.requests.is_sorted_by_key(|request| request.time));
        let of_bob = |request: &&Request| one.texts[request.text].text.contains("bob");
        assert_eq!(
            one.requests.iter().filter(of_bob).map(|request| request.time).collect::<Vec<_>>(),
            (5..15).collect::<Vec<_>>()
        );
    }
}
