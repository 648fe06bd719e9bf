//! Versions of a lineage: when each was in use, how often, and which earlier one it was made from.

use std::collections::{BTreeMap, BTreeSet};

use super::{About, Family, Request};
use crate::checksum::content_hash;
use crate::text::slots::Templates;
use crate::text::words::words;
use crate::vault::api::{PromptVersion, Time};
use crate::vault::report::near::diff_parts;

/// The templates of a family, in the order of their first use.
pub(super) fn versions(about: &About<'_>, family: &Family, templates: &Templates) -> Vec<PromptVersion> {
    let all: u64 = family.requests.iter().map(|request| request.count).sum();
    let mut versions: Vec<PromptVersion> = Vec::with_capacity(templates.templates.len());
    let bags: Vec<BTreeMap<&str, usize>> = templates.templates.iter().map(|text| bag(text)).collect();
    for (number, text) in templates.templates.iter().enumerate() {
        let uses: Vec<&Request> =
            family.requests.iter().filter(|request| templates.of.get(request.text) == Some(&number)).collect();
        let count: u64 = uses.iter().map(|request| request.count).sum();
        let timed = || uses.iter().filter(|request| request.timed).map(|request| Time(request.time));
        let mut uses_per_day: BTreeMap<String, u64> = BTreeMap::new();
        for request in &uses {
            if let Some(day) = about.day(request) {
                *uses_per_day.entry(day).or_default() += request.count;
            }
        }
        let models: BTreeSet<String> = uses.iter().filter_map(|request| about.name(request.model)).collect();
        // The nearest earlier one; of equally near ones the latest.
        let nearest = (0..number)
            .map(|other| (similarity(&bags[other], &bags[number]), other))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let parent_text = nearest.and_then(|(_, parent)| templates.templates.get(parent));
        versions.push(PromptVersion {
            version: number + 1,
            hash: hash(text),
            parent: nearest.map(|(_, parent)| parent + 1),
            parent_hash: parent_text.map(|text| hash(text)),
            similarity: nearest.map(|(similarity, _)| (similarity * 1e4).round() / 1e4),
            first_seen: timed().min(),
            last_seen: timed().max(),
            uses: count,
            uses_per_day,
            share: count as f64 / all.max(1) as f64,
            models: models.into_iter().collect(),
            texts: templates.of.iter().filter(|of| **of == number).count() as u64,
            text: text.clone(),
            diff: parent_text.map(|parent| diff_parts(parent, text)).unwrap_or_default(),
        });
    }
    versions
}

fn hash(text: &str) -> String {
    format!("{:032x}", content_hash(text.as_bytes()))
}

/// How often each word is in a text.
fn bag(text: &str) -> BTreeMap<&str, usize> {
    let mut bag = BTreeMap::new();
    words(text).filter(|word| !word.trim().is_empty()).for_each(|word| *bag.entry(word).or_default() += 1);
    bag
}

/// Words in common, with how often they stand there: 1 for the same words.
fn similarity(a: &BTreeMap<&str, usize>, b: &BTreeMap<&str, usize>) -> f64 {
    let (mut shared, mut all) = (0, 0);
    for (word, count) in a {
        let other = b.get(word).copied().unwrap_or_default();
        shared += (*count).min(other);
        all += (*count).max(other);
    }
    all += b.iter().filter(|(word, _)| !a.contains_key(*word)).map(|(_, count)| count).sum::<usize>();
    if all == 0 { 1.0 } else { shared as f64 / all as f64 }
}
