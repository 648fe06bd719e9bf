//! Changes of a lineage: what each of its models did is looked at by itself, and told together.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::outcome;
use super::timeline::{came_with, events};
use super::{About, Family};
use crate::text::slots::Templates;
use crate::vault::api::{DriftChange, PromptVersion, Time};
use crate::vault::report::facts::Name;
use crate::vault::report::near::diff_parts;

/// A change and the models that made it.
struct Changed {
    at: usize,
    from: usize,
    to: usize,
    returned: bool,
    models: BTreeSet<Name>,
}

/// Changes of a family, each with the record it was first seen in.
pub(super) fn changes(
    about: &About<'_>,
    family: &Family,
    templates: &Templates,
    versions: &[PromptVersion],
) -> Vec<(u64, DriftChange)> {
    let version_of = |at: usize| templates.of.get(family.requests[at].text).copied().unwrap_or_default();
    let mut of_models: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
    for (at, request) in family.requests.iter().enumerate() {
        of_models.entry(request.model).or_default().push(at);
    }
    let mut found: Vec<Changed> = Vec::new();
    let all: Vec<usize> = (0..family.requests.len()).map(version_of).collect();
    for (model, requests) in &of_models {
        let sequence: Vec<usize> = requests.iter().map(|at| version_of(*at)).collect();
        // A model that comes with a version of its own: prompt and model were changed together.
        if let Some(&at) = requests.first()
            && let Some(from) = came_with(&all, &sequence, at)
        {
            found.push(Changed { at, from, to: all[at], returned: false, models: BTreeSet::from([*model]) });
        }
        for event in events(&sequence) {
            let models = BTreeSet::from([*model]);
            found.push(Changed { at: requests[event.at], from: event.from, to: event.to, returned: event.returned, models });
        }
    }
    found.sort_by_key(|change| change.at);
    // A version is new once, whichever model gets it first; a roll-back is one until something else happens.
    let mut changes: Vec<Changed> = Vec::new();
    for change in found {
        let same = |known: &&mut Changed| known.to == change.to && known.returned == change.returned;
        let known = match change.returned {
            false => changes.iter_mut().find(|known| same(known)),
            true => changes.last_mut().filter(same),
        };
        match known {
            Some(known) => known.models.extend(change.models),
            None => changes.push(change),
        }
    }
    let row = |(index, change): (usize, &Changed)| {
        let request = &family.requests[change.at];
        let next = changes.get(index + 1).map_or(family.requests.len(), |next| next.at);
        let previous = index.checked_sub(1).and_then(|before| changes.get(before)).map_or(0, |before| before.at);
        let text = |version: usize| versions.get(version).map_or("", |version| version.text.as_str());
        let hash_of = |version: usize| versions.get(version).map(|version| version.hash.clone()).unwrap_or_default();
        let parent = if change.returned {
            change.to + 1
        } else {
            versions.get(change.to).and_then(|to| to.parent).unwrap_or(change.from + 1)
        };
        let unlike = versions.get(change.to).and_then(|to| to.similarity).is_some_and(|similarity| similarity < 0.2);
        let here = |requests: std::ops::Range<usize>| {
            let of_models = family.requests[requests].iter().filter(|request| change.models.contains(&request.model));
            of_models.filter_map(|request| about.facts.get(request.number)).collect::<Vec<_>>()
        };
        let change = DriftChange {
            kind: match change.returned {
                true => "rollback",
                false if family.replaced && unlike => "replaced",
                false => "edit",
            },
            what: family.what,
            app: about.name(family.app),
            models: change.models.iter().filter_map(|model| about.name(*model)).collect(),
            tool: family.tool.clone(),
            time: request.timed.then_some(Time(request.time)),
            place: String::new(),
            from: change.from + 1,
            from_hash: hash_of(change.from),
            to: change.to + 1,
            to_hash: hash_of(change.to),
            parent,
            parent_hash: hash_of(parent - 1),
            diff: diff_parts(text(change.from), text(change.to)),
            before: outcome(&here(previous..change.at), false),
            after: outcome(&here(change.at..next), true),
        };
        (request.number, change)
    };
    changes.iter().enumerate().map(row).collect()
}
