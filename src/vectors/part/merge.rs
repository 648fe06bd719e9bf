//! Texts of several parts → those of one.

use crate::vectors::part::{Run, Text};

/// Joins the texts of several parts: equal ones become one with the records of all. `lives` says which records still are; a text that
/// no record holds is left out.
#[must_use]
pub fn merge(parts: Vec<Vec<Text>>, lives: &dyn Fn(u64) -> bool) -> Vec<Text> {
    let mut all: Vec<Text> = parts.into_iter().flatten().collect();
    // Stable: of equal texts the vectors of the first part that has some stay.
    all.sort_by_key(|text| text.hash);
    let mut merged: Vec<Text> = Vec::with_capacity(all.len());
    for mut text in all {
        text.holders.retain(|number| lives(*number));
        match merged.last_mut().filter(|last| last.hash == text.hash) {
            Some(last) => {
                last.types |= text.types;
                if last.vectors.is_empty() {
                    last.vectors = text.vectors;
                }
                last.holders.append(&mut text.holders);
                last.holders.sort_unstable();
                last.holders.dedup();
            }
            None => merged.push(text),
        }
    }
    merged.retain(|text| !text.holders.is_empty());
    merged
}

/// Adds runs together: sorted, none touching the next.
#[must_use]
pub fn join_runs(mut runs: Vec<Run>) -> Vec<Run> {
    runs.retain(|run| run.count > 0);
    runs.sort_unstable_by_key(|run| run.first);
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut().filter(|last| run.first <= last.first.saturating_add(last.count)) {
            Some(last) => last.count = last.count.max(run.first.saturating_add(run.count) - last.first),
            None => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::part::Vectors;

    #[test]
    fn merging_joins_equal_texts_and_forgets_records_that_are_gone() {
        let one = |scale| Vectors { scales: vec![scale], ..Vectors::default() };
        let text = |hash, holders: &[u64]| Text { hash, holders: holders.to_vec(), vectors: one(hash as f32), ..Text::default() };
        let merged =
            merge(vec![vec![text(1, &[1, 5]), text(3, &[2])], vec![text(1, &[3]), text(2, &[9])]], &|number| number != 2);
        let seen: Vec<(u64, &[u64])> = merged.iter().map(|text| (text.hash, &text.holders[..])).collect();
        assert_eq!(seen, [(1, &[1, 3, 5][..]), (2, &[9][..])]);
    }

    #[test]
    fn runs_that_touch_become_one() {
        let runs = [(5, 2), (1, 2), (3, 1), (9, 1), (6, 2)].map(|(first, count)| Run { first, count });
        let joined = [(1, 3), (5, 3), (9, 1)].map(|(first, count)| Run { first, count });
        assert_eq!(join_runs(runs.to_vec()), joined);
    }
}
