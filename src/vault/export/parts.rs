//! Parts for training and for judging that have nothing near in common.
//!
//! Dialogues that are similar, directly or by way of others, stay together; such families go to the part that lacks most of its
//! share, in an order given by their content. So the parts do not depend on the order or the number of threads. MinHash
//! signatures find candidates, their sets of word 5-grams decide.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::text::{Shingles, Signature};

/// From here on two dialogues are near duplicates: shared word 5-grams by all of both.
pub(super) const NEAR: f64 = 0.8;
/// From here on they stay in one part. Others cut words in another way and find a little more alike: nothing that is near to
/// them may be on both sides.
const TOGETHER: f64 = 0.75;
/// Rows of a band: of pairs at 0.8 one in twenty million shares no band, at 0.75 one in two hundred thousand.
const ROWS: usize = 4;
/// Sets so small have too few different bins to rely on: they, and what can be near them, are found without signatures.
const SMALL: usize = 64;

/// A dialogue to be placed.
pub(super) struct Member {
    pub(super) fingerprint: u128,
    pub(super) shingles: Shingles,
}

/// The part of each dialogue, in order.
pub(super) fn assign(members: &[Member], shares: &[u32]) -> Vec<usize> {
    let family = families(members);
    let mut sizes: BTreeMap<usize, (u128, u64)> = BTreeMap::new();
    for (at, root) in family.iter().enumerate() {
        let fingerprint = members.get(at).map_or(0, |member| member.fingerprint);
        let entry = sizes.entry(*root).or_insert((fingerprint, 0));
        *entry = (entry.0.min(fingerprint), entry.1 + 1);
    }
    let mut order: Vec<(u128, usize, u64)> = sizes.into_iter().map(|(root, (name, size))| (name, root, size)).collect();
    // The largest families first: a family that comes last may not fit any more.
    order.sort_unstable_by_key(|(name, root, size)| (std::cmp::Reverse(*size), *name, *root));
    let total: u64 = shares.iter().map(|share| u64::from(*share)).sum::<u64>().max(1);
    let mut filled = vec![0_u64; shares.len()];
    let mut part_of: FxHashMap<usize, usize> = FxHashMap::default();
    for (_, root, size) in order {
        // What a part lacks, in units of 1 / total: integers, so that no rounding depends on the machine.
        let lacks = |part: &usize| {
            let share = shares.get(*part).copied().map_or(0, u64::from) as i128;
            share * members.len() as i128 - (filled.get(*part).copied().unwrap_or(0) * total) as i128
        };
        let part = (0..shares.len()).max_by_key(|part| (lacks(part), std::cmp::Reverse(*part))).unwrap_or(0);
        if let Some(filled) = filled.get_mut(part) {
            *filled += size;
        }
        part_of.insert(root, part);
    }
    family.iter().map(|root| part_of.get(root).copied().unwrap_or(0)).collect()
}

/// Which dialogues to write when near duplicates are left out: of those written no two are near, and every other is near an
/// earlier one that is written.
pub(super) fn distinct(members: &[Member]) -> Vec<bool> {
    let mut buckets = Buckets::default();
    let mut keep = |(at, member): (usize, &Member)| {
        let keys = Keys::of(member, NEAR);
        let is_new = !buckets.like(&keys).iter().any(|other| is_near(members, *other, at, NEAR));
        if is_new {
            buckets.insert(&keys, at);
        }
        is_new
    };
    members.iter().enumerate().map(&mut keep).collect()
}

/// For each dialogue the first of its family.
fn families(members: &[Member]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..members.len()).collect();
    let mut buckets = Buckets::default();
    for (at, member) in members.iter().enumerate() {
        let keys = Keys::of(member, TOGETHER);
        for other in buckets.like(&keys) {
            if root(&mut parents, other) != root(&mut parents, at) && is_near(members, other, at, TOGETHER) {
                unite(&mut parents, other, at);
            }
        }
        buckets.insert(&keys, at);
    }
    (0..members.len()).map(|at| root(&mut parents, at)).collect()
}

/// What dialogues that are near have in common, nearly always the one or the other.
struct Keys {
    bands: Vec<u64>,
    /// Small sets share a shingle among the first of each, in any one order, when they are near: with n shingles of which 0.8 n
    /// are shared, no more than 0.2 n can come before the first shared one.
    firsts: Vec<u64>,
}

impl Keys {
    fn of(member: &Member, threshold: f64) -> Keys {
        let count = member.shingles.len();
        let Some(signature) = Signature::of(&member.shingles) else {
            // Dialogues without words are equal.
            return Keys { bands: vec![0], firsts: Vec::new() };
        };
        let is_small = count as f64 * threshold <= SMALL as f64;
        let first = if is_small { count - (threshold * count as f64).ceil() as usize + 1 } else { 0 };
        Keys { bands: signature.bands(ROWS).collect(), firsts: member.shingles.hashes().take(first).collect() }
    }
}

/// Dialogues by their keys.
#[derive(Default)]
struct Buckets {
    bands: FxHashMap<u64, Vec<usize>>,
    firsts: FxHashMap<u64, Vec<usize>>,
}

impl Buckets {
    /// Those that may be near, each once, in order.
    fn like(&self, keys: &Keys) -> Vec<usize> {
        let bands = keys.bands.iter().filter_map(|key| self.bands.get(key));
        let firsts = keys.firsts.iter().filter_map(|key| self.firsts.get(key));
        let mut found: Vec<usize> = bands.chain(firsts).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn insert(&mut self, keys: &Keys, at: usize) {
        keys.bands.iter().for_each(|key| self.bands.entry(*key).or_default().push(at));
        keys.firsts.iter().for_each(|key| self.firsts.entry(*key).or_default().push(at));
    }
}

fn is_near(members: &[Member], a: usize, b: usize, threshold: f64) -> bool {
    match (members.get(a), members.get(b)) {
        (Some(a), Some(b)) => a.shingles.at_least(&b.shingles, threshold),
        _ => false,
    }
}

fn root(parents: &mut [usize], of: usize) -> usize {
    let mut at = of;
    while let Some(&parent) = parents.get(at)
        && parent != at
    {
        // Halves the way for whoever comes next.
        let above = parents.get(parent).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(at) {
            *slot = above;
        }
        at = above;
    }
    at
}

/// The smaller root stays one, so that a family is named by its first dialogue.
fn unite(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    if let Some(parent) = parents.get_mut(a.max(b)) {
        *parent = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::content_hash;

    fn member(text: &str) -> Member {
        Member { fingerprint: content_hash(text.as_bytes()), shingles: Shingles::of(text) }
    }

    /// Texts of all lengths, each with relatives that differ in more and more words.
    fn texts() -> Vec<String> {
        let mut texts = Vec::new();
        let mut dice = 1_u64;
        let mut roll = |sides: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        for family in 0..60_u64 {
            let length = 4 + roll(if family % 3 == 0 { 30 } else { 300 });
            let mut words: Vec<String> = (0..length).map(|at| format!("w{family}x{at}")).collect();
            for _ in 0..6 {
                texts.push(words.join(" "));
                let at = roll(words.len() as u64) as usize;
                words[at] = format!("n{}", roll(1 << 30));
                if roll(2) == 0 {
                    words.push(format!("m{}", roll(1 << 30)));
                }
            }
        }
        texts
    }

    // The promise of a split: by brute force over all pairs, no near duplicates are on both sides.
    #[test]
    fn near_duplicates_are_never_on_both_sides() {
        let members: Vec<Member> = texts().iter().map(|text| member(text)).collect();
        let sides = assign(&members, &[70, 20, 10]);
        let mut pairs = 0;
        for a in 0..members.len() {
            for b in 0..a {
                if members[a].shingles.jaccard(&members[b].shingles) >= NEAR {
                    pairs += 1;
                    assert_eq!(sides[a], sides[b], "{a} and {b}");
                }
            }
        }
        assert!(pairs > 300, "the test has {pairs} near pairs");
        let count = |part| sides.iter().filter(|side| **side == part).count();
        assert_eq!(count(0) + count(1) + count(2), 360);
        assert!((240..=264).contains(&count(0)) && (66..=78).contains(&count(1)), "{} {}", count(0), count(1));
    }

    // What --dedup near promises, by brute force: no two that are written are near, and nothing else was left out.
    #[test]
    fn of_near_duplicates_the_first_is_kept_and_only_they_are_left_out() {
        let members: Vec<Member> = texts().iter().map(|text| member(text)).collect();
        let keep = distinct(&members);
        let near = |a: usize, b: usize| members[a].shingles.jaccard(&members[b].shingles) >= NEAR;
        for at in 0..members.len() {
            let like_an_earlier_one = (0..at).any(|before| keep[before] && near(before, at));
            assert_eq!(keep[at], !like_an_earlier_one, "{at}");
        }
        let kept = keep.iter().filter(|keep| **keep).count();
        assert!((60..300).contains(&kept), "{kept}");
        assert_eq!(distinct(&[member(""), member("?"), member("a")]), [true, false, true]);
    }

    // The same dialogues in another order are in the same parts.
    #[test]
    fn a_split_does_not_depend_on_the_order() {
        let texts = texts();
        let forward: Vec<Member> = texts.iter().map(|text| member(text)).collect();
        let backward: Vec<Member> = texts.iter().rev().map(|text| member(text)).collect();
        let mut sides = assign(&backward, &[90, 10]);
        sides.reverse();
        assert_eq!(assign(&forward, &[90, 10]), sides);
    }

    #[test]
    fn ten_different_dialogues_are_nine_and_one() {
        let members: Vec<Member> = (0..10).map(|at| member(&format!("a{at} b{at} c{at} d{at} e{at} f{at}"))).collect();
        assert_eq!(assign(&members, &[90, 10]).iter().sum::<usize>(), 1);
        assert!(assign(&[], &[90, 10]).is_empty());
        let silent: Vec<Member> = (0..3).map(|_| member("")).collect();
        assert_eq!(assign(&silent, &[50, 50]), [0, 0, 0]);
    }
}
