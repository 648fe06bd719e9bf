//! Charts as SVG. Colours are classes that the page's style sheet fills, for light and for dark.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::units;
use super::html::escape;
use crate::vault::api::{DriftChange, Layer, Lineage, NearReport, Time};

/// Width of every chart; the page scales it.
const WIDE: f64 = 920.0;
/// Left of this stand names.
const NAMES: f64 = 210.0;
/// Colours there are.
const COLORS: usize = 8;
/// Rows of a chart.
const ROWS: usize = 40;
/// Clusters of a chart: more of them are listed below it.
const CLUSTER_ROWS: usize = 20;

fn open(height: f64, title: &str) -> String {
    let title = escape(title);
    format!("<svg viewBox=\"0 0 {WIDE} {height:.0}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>")
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = out.write_fmt(text);
}

fn text(out: &mut String, x: f64, y: f64, class: &str, words: &str) {
    put(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escape(words)));
}

/// Columns of a name that fit to the left of a chart.
const NAME_COLUMNS: usize = 26;

/// A name cut to what fits: characters of scripts that are written wide take two columns.
fn short(words: &str, most: usize) -> String {
    let wide = |c: char| if c >= '\u{1100}' { 2 } else { 1 };
    if words.chars().map(wide).sum::<usize>() <= most {
        return words.to_string();
    }
    let mut room = most.saturating_sub(1);
    let fits = |c: &char| {
        let fits = room >= wide(*c);
        room = room.saturating_sub(wide(*c));
        fits
    };
    words.chars().take_while(fits).chain(['…']).collect()
}

/// The steps from bytes in to bytes on disk: what each takes away hangs, what it adds stands.
pub(super) fn waterfall(layers: &[Layer]) -> String {
    let layers: Vec<&Layer> = layers.iter().filter(|layer| layer.bytes != 0).collect();
    let most = layers.iter().map(|layer| layer.remaining).max().unwrap_or_default().max(1) as f64;
    let x = |bytes: f64| NAMES + bytes / most * (WIDE - NAMES - 170.0);
    let mut out = open(layers.len() as f64 * 26.0 + 10.0, "bytes from taken in to stored");
    for (row, layer) in layers.iter().enumerate() {
        let y = row as f64 * 26.0 + 4.0;
        let after = layer.remaining as f64;
        let before = if row == 0 { 0.0 } else { after - layer.bytes as f64 };
        let (from, to) = (x(before.min(after).max(0.0)), x(before.max(after)));
        let class = if row == 0 {
            "whole"
        } else if layer.bytes < 0 {
            "less"
        } else {
            "more"
        };
        text(&mut out, NAMES - 8.0, y + 14.0, "end", &layer.layer.replace('_', " "));
        put(
            &mut out,
            format_args!(
                "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"18\" rx=\"2\" class=\"{class}\"><title>{}: {}</title></rect>",
                (to - from).max(1.0),
                escape(layer.about),
                layer.bytes
            ),
        );
        let (sign, change) = (if layer.bytes < 0 { "−" } else { "+" }, units::size(layer.bytes.unsigned_abs()));
        let label = if row == 0 { change } else { format!("{sign}{change} → {}", units::size(layer.remaining)) };
        text(&mut out, to + 6.0, y + 14.0, "small", &label);
    }
    out.push_str("</svg>");
    out
}

/// How a lineage is called.
pub(super) fn lineage_name(lineage: &Lineage) -> String {
    let what = lineage.tool.as_ref().map_or_else(|| short(&lineage.preview, 60), |tool| format!("tool {tool}"));
    lineage.app.as_ref().map_or_else(|| what.clone(), |app| format!("{app}: {what}"))
}

/// Versions over time, and a mark where one took the place of another.
pub(super) fn timeline(lineages: &[Lineage], changes: &[DriftChange]) -> String {
    let timed: Vec<&Lineage> =
        lineages.iter().filter(|lineage| lineage.first_seen.is_some() && lineage.versions.len() > 1).take(ROWS).collect();
    let (Some(first), Some(last)) =
        (timed.iter().filter_map(|lineage| lineage.first_seen).min(), timed.iter().filter_map(|lineage| lineage.last_seen).max())
    else {
        return String::new();
    };
    let span = (last.0 - first.0).max(1) as f64;
    let x = |Time(time): Time| NAMES + (time - first.0) as f64 / span * (WIDE - NAMES - 16.0);
    let mut out = open(timed.len() as f64 * 28.0 + 28.0, "versions over time");
    for (row, lineage) in timed.iter().enumerate() {
        let y = row as f64 * 28.0 + 4.0;
        text(&mut out, NAMES - 8.0, y + 14.0, "end", &short(&lineage_name(lineage), NAME_COLUMNS));
        let lanes = lineage.versions.len().min(6) as f64;
        for (lane, version) in lineage.versions.iter().enumerate() {
            let (Some(from), Some(to)) = (version.first_seen, version.last_seen) else { continue };
            let (from, to) = (x(from), x(to));
            let top = y + (lane as f64 % lanes) * (18.0 / lanes);
            put(
                &mut out,
                format_args!(
                    "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"c{}\"><title>version {}: {} uses</title></rect>",
                    (to - from).max(2.0),
                    (18.0 / lanes - 0.5).max(1.0),
                    lane % COLORS,
                    version.version,
                    version.uses
                ),
            );
        }
        let of_lineage = |change: &&DriftChange| {
            change.app == lineage.app
                && change.tool == lineage.tool
                && lineage.versions.get(change.to - 1).is_some_and(|version| version.hash == change.to_hash)
        };
        for change in changes.iter().filter(of_lineage) {
            let Some(time) = change.time else { continue };
            let at = x(time);
            let class = if change.kind == "rollback" { "mark back" } else { "mark" };
            put(
                &mut out,
                format_args!(
                    "<path d=\"M{at:.1} {:.1}v22\" class=\"{class}\"><title>{} to version {} at {time}</title></path>",
                    y - 2.0,
                    escape(change.kind),
                    change.to
                ),
            );
        }
    }
    let y = timed.len() as f64 * 28.0 + 18.0;
    ends(&mut out, y, &first.to_string(), &last.to_string());
    out.push_str("</svg>");
    out
}

/// What stands below the two ends of an axis.
fn ends(out: &mut String, y: f64, first: &str, last: &str) {
    text(out, NAMES, y, "small", first);
    text(out, WIDE - 16.0, y, "small end", last);
}

/// Which colour is which version, in the middle below a chart.
fn key(out: &mut String, y: f64, versions: usize) {
    const STEP: f64 = 34.0;
    let shown = versions.min(COLORS);
    let from = (NAMES + WIDE - 16.0 - STEP * shown as f64) / 2.0;
    for lane in 0..shown {
        let x = from + STEP * lane as f64;
        put(out, format_args!("<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" class=\"c{lane}\"/>", y - 9.0));
        text(out, x + 13.0, y, "small", &(lane + 1).to_string());
    }
}

/// The share of each version on each day.
pub(super) fn share(lineage: &Lineage) -> String {
    let days: BTreeSet<&String> = lineage.versions.iter().flat_map(|version| version.uses_per_day.keys()).collect();
    if days.len() < 2 {
        return String::new();
    }
    let (width, high) = ((WIDE - NAMES - 16.0) / days.len() as f64, 64.0);
    let mut out = open(high + 22.0, &format!("share of traffic: {}", lineage_name(lineage)));
    text(&mut out, NAMES - 8.0, high / 2.0, "end", &short(&lineage_name(lineage), NAME_COLUMNS));
    for (at, day) in days.iter().enumerate() {
        let uses = |version: &crate::vault::api::PromptVersion| version.uses_per_day.get(*day).copied().unwrap_or_default();
        let all: u64 = lineage.versions.iter().map(uses).sum();
        let mut y = 0.0;
        for (lane, version) in lineage.versions.iter().enumerate().filter(|(_, version)| uses(version) > 0) {
            let height = uses(version) as f64 / all.max(1) as f64 * high;
            put(
                &mut out,
                format_args!(
                    "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.2}\" height=\"{height:.2}\" class=\"c{}\"><title>{}: version {}, {} of {all}</title></rect>",
                    NAMES + at as f64 * width,
                    (width - 0.5).max(0.5),
                    lane % COLORS,
                    escape(day),
                    version.version,
                    uses(version)
                ),
            );
            y += height;
        }
    }
    let edge = |day: Option<&&String>| day.map(|day| day.to_string()).unwrap_or_default();
    ends(&mut out, high + 14.0, &edge(days.first()), &edge(days.last()));
    key(&mut out, high + 14.0, lineage.versions.len());
    out.push_str("</svg>");
    out
}

/// A row for each cluster: its variants by similarity to the canonical one, as large as they are often said.
pub(super) fn clusters(near: &NearReport) -> String {
    let rows = near.clusters.iter().take(CLUSTER_ROWS);
    let count = near.clusters.len().min(CLUSTER_ROWS) as f64;
    let x = |similarity: f64| NAMES + (similarity - near.threshold) / (1.0 - near.threshold).max(1e-6) * (WIDE - NAMES - 30.0);
    let radius = |references: u64| (2.5 + (references as f64).ln().max(0.0) * 1.2).min(9.0);
    let mut out = open(count * 22.0 + 26.0, "near duplicates by similarity");
    for (row, cluster) in rows.enumerate() {
        let y = row as f64 * 22.0 + 14.0;
        text(&mut out, NAMES - 8.0, y + 4.0, "end", &short(&cluster.preview, NAME_COLUMNS));
        put(&mut out, format_args!("<path d=\"M{NAMES} {y:.1}H{:.1}\" class=\"axis\"/>", WIDE - 30.0));
        for variant in &cluster.variants {
            put(
                &mut out,
                format_args!(
                    "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" class=\"c0 half\"><title>{} at {:.4}, said {} times</title></circle>",
                    x(variant.similarity),
                    radius(variant.references),
                    escape(variant.hash.get(..12).unwrap_or_default()),
                    variant.similarity,
                    variant.references
                ),
            );
        }
        put(
            &mut out,
            format_args!(
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" class=\"ring\"><title>canonical, said {} times</title></circle>",
                x(1.0),
                radius(cluster.references) + 1.5,
                cluster.references
            ),
        );
    }
    let y = count * 22.0 + 20.0;
    text(&mut out, NAMES, y, "small", &format!("similarity {:.2}", near.threshold));
    text(&mut out, WIDE - 30.0, y, "small end", "1");
    out.push_str("</svg>");
    out
}

/// Columns of a histogram.
pub(super) fn histogram(steps: &[(f64, u64)], title: &str) -> String {
    let most = steps.iter().map(|step| step.1).max().unwrap_or_default().max(1) as f64;
    let width = (WIDE - NAMES - 16.0) / steps.len().max(1) as f64;
    let mut out = open(122.0, title);
    for (at, (low, count)) in steps.iter().enumerate() {
        let height = *count as f64 / most * 80.0;
        let x = NAMES + at as f64 * width;
        let middle = x + width / 2.0 - 1.0;
        put(
            &mut out,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" class=\"c0\"><title>from {low:.3}: {count}</title></rect>",
                98.0 - height,
                width - 2.0
            ),
        );
        text(&mut out, middle, 94.0 - height, "small middle", &units::count(*count));
        text(&mut out, x, 112.0, "small", &format!("{low:.2}"));
    }
    text(&mut out, NAMES - 8.0, 62.0, "end", title);
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is longer than the room left of a chart would be cut by its edge, at its beginning.
    #[test]
    fn a_name_fits_to_the_left_of_a_chart() {
        assert_eq!(short("short", 26), "short");
        assert_eq!(short("a name of many more characters than fit", 26), "a name of many more chara…");
        assert_eq!(short(&"你".repeat(20), 26), format!("{}…", "你".repeat(12)));
    }
}
