//! Prompts, tools and their changes as text.

use super::super::Context;
use super::super::ls::number;
use super::super::table::Table;
use super::super::visible::visible;
use super::moments::{Moment, moments};
use super::near::{changes, print_diff, print_text};
use super::text::{Shown, heading};
use crate::error::Result;
use crate::vault::api::{DriftChange, DriftReport, Lineage, Outcome, Time};

/// Prints lineages and changes, whichever are wanted.
pub(super) fn print(drift: &DriftReport, shown: Shown, context: &Context<'_>) -> Result<()> {
    if shown.prompts {
        heading(context, "Prompts and tools")?;
        lineages(&drift.lineages, context)?;
    }
    if shown.drift {
        heading(context, "Changes")?;
        if context.ui.stdout_is_terminal() {
            moments(drift).iter().try_for_each(|moment| for_people(moment, context))?;
        } else {
            change_rows(&drift.changes, context)?;
        }
    }
    context.ui.say(&drift.summary);
    Ok(())
}

fn time(time: Option<Time>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn lineages(lineages: &[Lineage], context: &Context<'_>) -> Result<()> {
    let mut table = Table::new(&[
        "<app",
        "<what",
        "<version",
        "<parent",
        ">uses",
        ">share",
        "<first seen",
        "<last seen",
        "<days",
        "<models",
        "<text",
    ]);
    for lineage in lineages {
        let what = lineage.tool.as_ref().map_or("system prompt".to_string(), |tool| format!("tool {tool}"));
        for version in &lineage.versions {
            let text = if version.diff.is_empty() { lineage.preview.clone() } else { changes(&version.diff) };
            let per_day: Vec<u64> = version.uses_per_day.values().copied().collect();
            table.row(vec![
                lineage.app.clone().unwrap_or_else(|| "-".into()),
                what.clone(),
                format!("{} {}", version.version, version.hash.get(..8).unwrap_or_default()),
                version.parent.map(|parent| parent.to_string()).unwrap_or_default(),
                number(version.uses, context),
                format!("{:.1}%", version.share * 100.0),
                time(version.first_seen),
                time(version.last_seen),
                spark(&per_day),
                version.models.join(", "),
                text,
            ]);
        }
        for slot in lineage.slots.iter().filter(|_| context.ui.stdout_is_terminal()) {
            let mut row = vec![String::new(); 10];
            row[1] = format!("  slot {}", slot.name);
            row[4] = number(slot.values, context);
            row.push(slot.examples.join(" · "));
            table.row(row);
        }
    }
    table.print(context.ui)
}

/// A line of small bars, at most as wide as a word.
pub(super) fn spark(values: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const WIDE: usize = 16;
    let step = values.len().div_ceil(WIDE).max(1);
    let sums: Vec<u64> = values.chunks(step).map(|some| some.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or_default().max(1);
    sums.iter().map(|sum| BARS[(u128::from(*sum) * 7 / u128::from(most)) as usize]).collect()
}

/// What came with one request. Of several tools the changed words are enough; a long difference is cut.
fn for_people(moment: &Moment<'_>, context: &Context<'_>) -> Result<()> {
    let Some(first) = moment.first() else { return Ok(()) };
    context.ui.line("")?;
    context.ui.line(&visible(&format!("{}  {}", time(first.time), moment.title())))?;
    let models = if first.models.is_empty() { String::new() } else { format!("{}; ", first.models.join(", ")) };
    context.ui.line(&visible(&format!("      {models}first seen in {}", first.place)))?;
    let outcome = before_and_after(&first.before, &first.after);
    if !outcome.is_empty() {
        context.ui.line(&format!("      {outcome}"))?;
    }
    let together = moment.changes.len() > 1;
    for changed in &moment.changes {
        if together {
            context.ui.line(&visible(&format!("   {}", changed.title())))?;
        }
        match changed.came().filter(|_| changed.change.kind == "replaced") {
            Some(version) => print_text(&version.text, context)?,
            None if together && changed.change.tool.is_some() => {
                context.ui.line(&visible(&format!("      {}", changes(&changed.change.diff))))?;
            }
            None => print_diff(&changed.change.diff, context)?,
        }
    }
    Ok(())
}

/// What was measured on both sides.
pub(super) fn before_and_after(before: &Outcome, after: &Outcome) -> String {
    let pair = |name: &str, unit: &str, a: Option<f64>, b: Option<f64>| {
        let (a, b) = (a?, b?);
        let change = if a > 0.0 { format!(" ({:+.0}%)", (b / a - 1.0) * 100.0) } else { String::new() };
        Some(format!("{name} {} → {}{unit}{change}", short(a), short(b)))
    };
    let percent = |rate: Option<f64>| rate.map(|rate| rate * 100.0);
    let parts = [
        pair("errors", "%", percent(before.error_rate), percent(after.error_rate)),
        pair("latency", " ms", before.latency_p50_ms, after.latency_p50_ms),
        pair("tokens in", "", before.tokens_in, after.tokens_in),
        pair("out", "", before.tokens_out, after.tokens_out),
        pair("quality", "", before.quality, after.quality),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

pub(super) fn short(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{:.2}", value).trim_end_matches('0').trim_end_matches('.').to_string()
    }
}

fn change_rows(rows: &[DriftChange], context: &Context<'_>) -> Result<()> {
    let mut table =
        Table::new(&["<time", "<kind", "<app", "<what", "<from", "<to", "<parent", "<models", "<place", "<difference"]);
    for change in rows {
        let version = |number: usize, hash: &str| format!("{number} {}", hash.get(..8).unwrap_or_default());
        table.row(vec![
            time(change.time),
            change.kind.to_string(),
            change.app.clone().unwrap_or_else(|| "-".into()),
            change.tool.as_ref().map_or("system prompt".to_string(), |tool| format!("tool {tool}")),
            version(change.from, &change.from_hash),
            version(change.to, &change.to_hash),
            version(change.parent, &change.parent_hash),
            change.models.join(", "),
            change.place.clone(),
            changes(&change.diff),
        ]);
    }
    table.print(context.ui)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_has_a_bar_for_each_day_until_there_are_too_many() {
        assert_eq!(spark(&[0, 7, 14]), "▁▄█");
        assert_eq!(spark(&[1; 100]).chars().count(), 15);
        assert_eq!(spark(&[]), "");
    }
}
