//! When prompts and tools changed: their lineages by application, versions in order of time, edits and roll-backs.
//!
//! | file | what |
//! |---|---|
//! | `texts` | prompts and definitions as texts |
//! | `families` | which prompts of an application belong together |
//! | `joined` | families that turn out to be one |
//! | `timeline` | from a sequence of versions to what changed when |
//! | `outcome` | how requests went before and after |
//!
//! Texts of one family become templates first ([`crate::text::slots`]): a name, a date or an id put into a prompt makes no version.
//! Changes are looked for in the requests of each model by itself; models that change over to the same version change once.

mod families;
mod joined;
mod outcome;
mod texts;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Material;
use super::facts::{Fact, Facts, Name};
use super::near::diff_parts;
use super::repeats::preview;
use crate::checksum::content_hash;
use crate::error::{Error, Result};
use crate::text::slots::{self, Templates};
use crate::text::words::words;
use crate::vault::api::{DriftChange, DriftReport, Lineage, PromptSlot, PromptVersion, Time};
use crate::vault::filter::newest_generations;
use crate::vault::get::shown_name;
use crate::vault::meaning::Part;
use outcome::outcome;
use texts::Sent;
use timeline::events;

/// A request that uses a text.
#[derive(Clone, Copy, Debug)]
struct Request {
    number: u64,
    /// When; of a request without a time that of the one before.
    time: i64,
    timed: bool,
    count: u64,
    model: Name,
    /// Its list of tools.
    tools: u32,
    /// Its text, by number within its family.
    text: usize,
}

/// Texts that are versions of one another, and their uses in order of time.
struct Family {
    what: &'static str,
    app: Name,
    tool: Option<String>,
    texts: Vec<Sent>,
    requests: Vec<Request>,
    /// Unlike texts that took the place of one another.
    replaced: bool,
}

impl Family {
    /// Takes in a family that belongs to this one.
    fn absorb(&mut self, other: Family) {
        let shift = self.texts.len();
        self.texts.extend(other.texts);
        self.requests.extend(other.requests.into_iter().map(|request| Request { text: request.text + shift, ..request }));
        self.requests.sort_by_key(|request| (request.time, request.number));
    }
}

/// Finds lineages and changes.
///
/// # Errors
/// When the vault is damaged.
pub(super) fn drift(material: &Material<'_>, time_zone: Option<&str>) -> Result<DriftReport> {
    let Some(facts) = &material.facts else { return Ok(DriftReport::default()) };
    let zone = match time_zone {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|error| Error::Usage(format!("time zone {name}: {error}")))?,
    };
    let (prompts, definitions) = texts::resolve(material, facts)?;
    let requests = requests(material, facts);
    let mut report = DriftReport {
        requests: requests.iter().map(|(request, _)| request.count).sum(),
        without_time: requests.iter().filter(|(request, _)| !request.timed).map(|(request, _)| request.count).sum(),
        ..DriftReport::default()
    };
    let name_of = |tool: &u32| definitions.get(*tool as usize).map(|sent| sent.tool.as_str());
    let tool_names: Vec<BTreeSet<&str>> = facts.toolsets.iter().map(|tools| tools.iter().filter_map(name_of).collect()).collect();
    let mut families = families::of_prompts(&requests, &prompts, &tool_names);
    families.extend(families::of_tools(&requests, &definitions, &facts.toolsets));
    let mut places = Vec::new();
    for family in &families {
        let about = About { facts, zone: &zone };
        let (lineage, changes) = lineage(&about, family);
        for (number, change) in changes {
            places.push(number);
            report.changes.push(change);
        }
        report.lineages.push(lineage);
    }
    name_places(material, &places, &mut report.changes);
    report.changes.sort_by(|a, b| (a.time, &a.app, &a.tool, a.to).cmp(&(b.time, &b.app, &b.tool, b.to)));
    report.lineages.sort_by(|a, b| {
        let key = |lineage: &Lineage| {
            (lineage.what == "tool", std::cmp::Reverse(lineage.versions.len()), std::cmp::Reverse(lineage.uses))
        };
        key(a).cmp(&key(b)).then_with(|| (&a.app, &a.tool, &a.preview).cmp(&(&b.app, &b.tool, &b.preview)))
    });
    report.summary = summary(&report);
    Ok(report)
}

/// Requests that the filter takes, in order of time, with their facts.
fn requests<'f>(material: &Material<'_>, facts: &'f Facts) -> Vec<(Request, &'f Fact)> {
    let mut numbers: Vec<u64> = material.occurrences.keys().copied().filter(|number| material.passes(*number)).collect();
    numbers.sort_unstable();
    let mut last = i64::MIN;
    let mut requests = Vec::new();
    for number in numbers {
        let Some(fact) = facts.get(number).filter(|fact| fact.prompt > 0 || fact.tools > 0) else { continue };
        last = fact.time.unwrap_or(last);
        let count = material.occurrences(number);
        let timed = fact.time.is_some();
        requests.push((Request { number, time: last, timed, count, model: fact.model, tools: fact.tools, text: 0 }, fact));
    }
    requests.sort_by_key(|(request, _)| (request.time, request.number));
    requests
}

/// What a lineage is described with.
struct About<'a> {
    facts: &'a Facts,
    zone: &'a TimeZone,
}

impl About<'_> {
    fn name(&self, name: Name) -> Option<String> {
        self.facts.name(name).map(String::from)
    }

    fn day(&self, request: &Request) -> Option<String> {
        let moment = jiff::Timestamp::from_microsecond(request.time).ok().filter(|_| request.timed)?;
        Some(moment.to_zoned(self.zone.clone()).date().to_string())
    }
}

/// Versions of a family and its changes, each with the record it was first seen in.
fn lineage(about: &About<'_>, family: &Family) -> (Lineage, Vec<(u64, DriftChange)>) {
    let texts: Vec<&str> = family.texts.iter().map(|sent| sent.text.as_str()).collect();
    let uses: Vec<slots::Use> = family
        .requests
        .iter()
        .map(|request| slots::Use { text: request.text, time: request.timed.then_some(request.time) })
        .collect();
    let templates = settle(slots::templates(&texts, &uses), &family.requests);
    let versions = versions(about, family, &templates);
    let changes = changes(about, family, &templates, &versions);
    let timed = || family.requests.iter().filter(|request| request.timed).map(|request| Time(request.time));
    let models: BTreeSet<String> = family.requests.iter().filter_map(|request| about.name(request.model)).collect();
    let slot = |slot: &slots::Slot| PromptSlot {
        name: slot.name.clone(),
        kind: slot.kind,
        values: slot.values,
        examples: slot.examples.clone(),
    };
    let lineage = Lineage {
        what: family.what,
        app: about.name(family.app),
        models: models.into_iter().collect(),
        tool: family.tool.clone(),
        preview: preview(versions.first().map_or("", |version| version.text.as_str()).as_bytes()),
        uses: family.requests.iter().map(|request| request.count).sum(),
        first_seen: timed().min(),
        last_seen: timed().max(),
        slots: templates.slots.iter().map(slot).collect(),
        versions,
    };
    (lineage, changes)
}

/// Where hardly any text comes twice and no template was found, the texts are no versions: they are one prompt, different each time.
fn settle(mut templates: Templates, requests: &[Request]) -> Templates {
    const FEW: usize = 20;
    let count = templates.templates.len();
    if count > FEW && requests.len() < count * 4 {
        templates.of.iter_mut().for_each(|of| *of = 0);
        templates.templates.truncate(1);
        let examples = templates.templates.iter().map(|text| preview(text.as_bytes())).collect();
        templates.slots = vec![slots::Slot { name: "{text}".into(), kind: "text", values: count as u64, examples }];
    }
    templates
}

fn versions(about: &About<'_>, family: &Family, templates: &Templates) -> Vec<PromptVersion> {
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

/// A change and the models that made it.
struct Changed {
    at: usize,
    from: usize,
    to: usize,
    returned: bool,
    models: BTreeSet<Name>,
}

fn changes(about: &About<'_>, family: &Family, templates: &Templates, versions: &[PromptVersion]) -> Vec<(u64, DriftChange)> {
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
            && let Some(from) = timeline::came_with(&all, &sequence, at)
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

/// Says where changes were first seen.
fn name_places(material: &Material<'_>, numbers: &[u64], changes: &mut [DriftChange]) {
    let newest = newest_generations(material.state);
    let wanted: FxHashSet<u64> = numbers.iter().copied().collect();
    let mut places: FxHashMap<u64, String> = FxHashMap::default();
    for source in &material.sources {
        let lines = Part::whole(source).live(material.state).filter(|(_, number)| wanted.contains(number));
        for (line, number) in lines {
            places.entry(number).or_insert_with(|| format!("{}:{line}", shown_name(source, &newest)));
        }
    }
    for (number, change) in numbers.iter().zip(changes) {
        change.place = places.get(number).cloned().unwrap_or_default();
    }
}

/// One line for a mail.
fn summary(report: &DriftReport) -> String {
    let prompts = report.lineages.iter().filter(|lineage| lineage.what == "system_prompt").count();
    let tools = report.lineages.len() - prompts;
    let count = |kind: &str| report.changes.iter().filter(|change| change.kind == kind).count();
    let (edits, rollbacks) = (count("edit") + count("replaced"), count("rollback"));
    let many = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let last = report.changes.last().map(|change| {
        let what = change.tool.as_ref().map_or("system prompt".to_string(), |tool| format!("tool {tool}"));
        let app = change.app.as_ref().map(|app| format!(" of {app}")).unwrap_or_default();
        let time = change.time.map(|time| format!(" at {time}")).unwrap_or_default();
        format!("; last: {} of the {what}{app}{time}", if change.kind == "rollback" { "roll-back" } else { "edit" })
    });
    if report.requests == 0 {
        return "no drift: no request has a system prompt or tools".to_string();
    }
    let drift = if report.changes.is_empty() { "no drift" } else { "drift" };
    format!(
        "{drift}: {}, {} in {} and {} over {}{}",
        many(edits, "edit"),
        many(rollbacks, "roll-back"),
        many(prompts, "prompt"),
        many(tools, "tool"),
        many(report.requests as usize, "request"),
        last.unwrap_or_default()
    )
}
