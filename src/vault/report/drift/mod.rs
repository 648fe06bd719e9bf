//! When prompts and tools changed: their lineages by application, versions in order of time, edits and roll-backs.
//!
//! | file | what |
//! |---|---|
//! | `texts` | prompts and definitions as texts |
//! | `families` | which prompts of an application belong together |
//! | `joined` | families that turn out to be one |
//! | `versions` | when each version was in use, and its parent |
//! | `timeline` | from a sequence of versions to what changed when |
//! | `changes` | the same for all models together, with what is told of each change |
//! | `outcome` | how requests went before and after |
//!
//! Texts of one family become templates first ([`crate::text::slots`]): a name, a date or an id put into a prompt makes no version.
//! Changes are looked for in the requests of each model by itself; models that change over to the same version change once.

mod changes;
mod families;
mod joined;
mod outcome;
mod texts;
mod timeline;
mod versions;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Material;
use super::facts::{Fact, Facts, Name};
use super::repeats::preview;
use crate::error::Result;
use crate::text::slots::{self, Templates};
use crate::vault::api::{DriftChange, DriftReport, Lineage, PromptSlot, Time};
use crate::vault::filter::{newest_generations, zone_named};
use crate::vault::get::shown_name;
use crate::vault::meaning::Part;
use changes::changes;
use texts::Sent;
use versions::versions;

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
    let zone = zone_named(time_zone)?;
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
    let about = About { facts, zone: &zone };
    let mut changes = Vec::new();
    for family in &families {
        let (lineage, of_family) = lineage(&about, family);
        changes.extend(of_family);
        report.lineages.push(lineage);
    }
    name_places(material, &mut changes);
    // What the same record brought stands together, also where no time is told.
    let key = |(number, change): &(u64, DriftChange)| (change.time, *number, change.tool.clone(), change.to);
    changes.sort_by_cached_key(key);
    report.changes = changes.into_iter().map(|(_, change)| change).collect();
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

/// Says where changes were first seen.
fn name_places(material: &Material<'_>, changes: &mut [(u64, DriftChange)]) {
    let newest = newest_generations(material.state);
    let wanted: FxHashSet<u64> = changes.iter().map(|(number, _)| *number).collect();
    let mut places: FxHashMap<u64, String> = FxHashMap::default();
    for source in &material.sources {
        let lines = Part::whole(source).live(material.state).filter(|(_, number)| wanted.contains(number));
        for (line, number) in lines {
            places.entry(number).or_insert_with(|| format!("{}:{line}", shown_name(source, &newest)));
        }
    }
    for (number, change) in changes {
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
