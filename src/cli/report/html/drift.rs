//! The page's parts about prompts and tools: what changed when, their share of the traffic, and their versions.

use super::super::moments::{Changed, Moment, moments};
use super::super::svg;
use super::{Page, SHOWN, escape, moment};
use crate::cli::report::drift::before_and_after;
use crate::cli::units;
use crate::vault::api::{DriftReport, Lineage, PromptSlot, PromptVersion};

/// Lineages whose share of the traffic is drawn.
const DRAWN: usize = 12;

/// What changed, moment by moment, after a picture of all of it.
pub(super) fn changes(page: &mut Page, drift: &DriftReport) {
    let about = match drift.changes.is_empty() {
        true => "No system prompt and no tool changed.",
        false => {
            "A bar is a version from its first to its last use. A line marks where a version took the place of another, a dashed one a roll-back."
        }
    };
    page.section("changes", "Changes of prompts and tools", about);
    page.chart(&svg::timeline(&drift.lineages, &drift.changes));
    moments(drift).iter().for_each(|moment| moment_block(page, moment));
    let charts: Vec<String> = drift
        .lineages
        .iter()
        .filter(|lineage| lineage.versions.len() > 1)
        .map(svg::share)
        .filter(|chart| !chart.is_empty())
        .collect();
    if !charts.is_empty() {
        page.put("<h3>Share of traffic</h3>");
        page.about("Versions of each prompt and tool by day; the first is at the top.");
        charts.iter().take(DRAWN).for_each(|chart| page.chart(chart));
    }
}

fn moment_block(page: &mut Page, moment_of: &Moment<'_>) {
    let Some(first) = moment_of.first() else { return };
    let when = first.time.map_or_else(|| "no time is told".to_string(), |time| moment(Some(time)));
    page.put(&format!("<h3>{}</h3>", escape(&format!("{when} · {}", moment_of.title()))));
    let models = if first.models.is_empty() { String::new() } else { format!("{} · ", first.models.join(", ")) };
    page.about(&format!("{models}first seen in {}", first.place));
    let together = moment_of.changes.len() > 1;
    // Of a release that touched much, each difference is a click away; the first is open.
    for (at, changed) in moment_of.changes.iter().enumerate() {
        if together {
            let open = if at == 0 { " open" } else { "" };
            page.put(&format!("<details{open}><summary>{}</summary>", escape(&changed.title())));
        }
        change_block(page, changed);
        if together {
            page.put("</details>");
        }
    }
}

fn change_block(page: &mut Page, changed: &Changed<'_>) {
    match changed.came().filter(|_| changed.change.kind == "replaced") {
        // Two texts that have nothing in common have no difference worth reading.
        Some(version) => {
            page.about("The text is another one:");
            page.put(&format!("<pre>{}</pre>", escape(&version.text)));
        }
        None => page.diff(&changed.change.diff),
    }
    let outcome = before_and_after(&changed.change.before, &changed.change.after);
    if !outcome.is_empty() {
        page.about(&format!("Requests before → after: {outcome}"));
    }
}

/// Every prompt and tool, folded: its slots, its versions, and what each has that its parent has not.
pub(super) fn lineages(page: &mut Page, drift: &DriftReport) {
    let shown = drift.lineages.len().min(SHOWN);
    let rest = match drift.lineages.len() - shown {
        0 => String::new(),
        more => format!(" {shown} are shown; {} more are in --json.", units::count(more as u64)),
    };
    let about = format!("Templates of prompts and tools in their versions; what is different each time stands in braces.{rest}");
    page.section("lineages", "Prompts and tools", &about);
    drift.lineages.iter().take(shown).for_each(|lineage| lineage_block(page, lineage));
}

fn lineage_block(page: &mut Page, lineage: &Lineage) {
    let versions = lineage.versions.len();
    let title = format!(
        "{} · {} uses, {versions} version{}",
        svg::lineage_name(lineage),
        units::count(lineage.uses),
        if versions == 1 { "" } else { "s" }
    );
    page.put(&format!("<details><summary>{}</summary>", escape(&title)));
    if !lineage.slots.is_empty() {
        let row = |slot: &PromptSlot| {
            vec![slot.name.clone(), slot.kind.to_string(), units::count(slot.values), slot.examples.join(" · ")]
        };
        let rows: Vec<Vec<String>> = lineage.slots.iter().map(row).collect();
        page.table(&["|slot", "|kind", ">values", "~some of them"], &rows);
    }
    let row = |version: &PromptVersion| {
        vec![
            version.version.to_string(),
            version.hash.get(..12).unwrap_or_default().to_string(),
            version.parent.map(|parent| parent.to_string()).unwrap_or_default(),
            units::count(version.uses),
            format!("{:.1} %", version.share * 100.0),
            moment(version.first_seen),
            moment(version.last_seen),
            version.models.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = lineage.versions.iter().map(row).collect();
    page.table(&[">version", "|hash", ">parent", ">uses", ">share", "|first seen", "|last seen", "models"], &rows);
    for version in &lineage.versions {
        page.about(&match version.parent {
            Some(parent) => format!("Version {}, made from version {parent}:", version.version),
            None => format!("Version {}:", version.version),
        });
        match version.diff.is_empty() {
            true => page.put(&format!("<pre>{}</pre>", escape(&version.text))),
            false => page.diff(&version.diff),
        }
    }
    page.put("</details>");
}
