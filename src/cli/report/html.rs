//! The report as one page: no script, no network, light and dark, everything from logs escaped.

mod drift;

use std::fmt::Write;

use super::super::units;
use super::super::visible::visible;
use super::drift::short;
use super::svg;
use super::text::title;
use crate::display::push_html;
use crate::vault::api::{ByteGroups, DedupReport, DiffPart, Layer, NearReport, Repeat, Summary, Time, WhatIf, Witness};

/// Lineages and clusters shown in full.
const SHOWN: usize = 60;

const STYLE: &str = include_str!("page.css");

/// Makes text harmless in HTML; control characters are made visible.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        push_html(&visible(line), &mut out);
    }
    out
}

/// A page in the making.
struct Page(String);

impl Page {
    fn put(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// A section that the list at the top leads to by its name.
    fn section(&mut self, name: &str, words: &str, about: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "<h2 id=\"{name}\">{}</h2>", escape(words));
        self.about(about);
    }

    fn about(&mut self, words: &str) {
        self.put(&format!("<p class=\"dim\">{}</p>", escape(words)));
    }

    /// A chart, which moves in its frame where the window is narrower than it.
    fn chart(&mut self, svg: &str) {
        if !svg.is_empty() {
            self.put(&format!("<div class=\"scroll\">{svg}</div>"));
        }
    }

    /// Cells are escaped here. Columns whose title begins with `>` hold numbers, with `|` words that are not broken, with `~` long text.
    fn table(&mut self, titles: &[&str], rows: &[Vec<String>]) {
        let class = |column: usize| match titles.get(column).and_then(|title| title.chars().next()) {
            Some('>') => " class=\"n\"",
            Some('|') => " class=\"k\"",
            Some('~') => " class=\"t\"",
            _ => "",
        };
        self.put("<div class=\"scroll\"><table><thead><tr>");
        for (column, title) in titles.iter().enumerate() {
            let _ = write!(self.0, "<th{}>{}</th>", class(column), escape(title.trim_start_matches(['>', '|', '~'])));
        }
        self.put("</tr></thead><tbody>");
        for row in rows {
            self.put("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let _ = write!(self.0, "<td{}>{}</td>", class(column), escape(cell));
            }
            self.put("</tr>");
        }
        self.put("</tbody></table></div>");
    }

    fn diff(&mut self, diff: &[DiffPart]) {
        self.put("<pre>");
        for part in diff {
            let text = escape(&part.text);
            let html = match part.op {
                "insert" => format!("<ins>{text}</ins>"),
                "delete" => format!("<del>{text}</del>"),
                _ => text,
            };
            self.put(&html);
        }
        self.put("</pre>");
    }
}

/// The page: what was stored, what changed, how it went, and then the long lists.
pub(super) fn page(report: &DedupReport) -> String {
    let mut page = Page(String::new());
    page.put(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
    );
    page.put("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    page.put("<title>turnpack: where the bytes go</title><style>");
    page.put(STYLE);
    page.put("</style></head><body><h1>Where the bytes go, and what changed</h1>");
    if let Some(drift) = &report.drift {
        page.put(&format!("<p>{}</p>", escape(&drift.summary)));
    }
    cards(&mut page, report);
    contents(&mut page, report);
    waterfall(&mut page, report);
    report.by.iter().for_each(|by| groups(&mut page, by));
    report.drift.iter().for_each(|drift| drift::changes(&mut page, drift));
    report.witness.iter().for_each(|witness| witness_section(&mut page, witness));
    report.drift.iter().for_each(|drift| drift::lineages(&mut page, drift));
    report.top.iter().for_each(|top| repeats(&mut page, top));
    report.near.iter().for_each(|near| near_duplicates(&mut page, near));
    report.what_if.iter().for_each(|what_if| freed(&mut page, what_if));
    page.put("</body></html>\n");
    page.0
}

fn cards(page: &mut Page, report: &DedupReport) {
    let ratio = report.bytes_in as f64 / report.vault_bytes.max(1) as f64;
    let mut cards = vec![
        ("taken in".to_string(), units::size(report.bytes_in)),
        ("on disk".to_string(), units::size(report.vault_bytes)),
        ("ratio".to_string(), format!("{ratio:.1} : 1")),
    ];
    if let Some(drift) = &report.drift {
        cards.push(("prompts and tools".into(), units::count(drift.lineages.len() as u64)));
        cards.push(("changes".into(), units::count(drift.changes.len() as u64)));
    }
    if let Some(rate) = report.witness.as_ref().and_then(|witness| witness.success_rate) {
        cards.push(("without error".into(), format!("{:.2} %", rate * 100.0)));
    }
    page.put("<div class=\"cards\">");
    for (name, value) in cards {
        page.put(&format!("<div class=\"card\"><b>{}</b><span class=\"dim\">{}</span></div>", escape(&value), escape(&name)));
    }
    page.put("</div>");
}

/// Where to go on the page.
fn contents(page: &mut Page, report: &DedupReport) {
    let sections = [
        (true, "bytes", "Bytes"),
        (report.by.is_some(), "by", "Told apart"),
        (report.drift.is_some(), "changes", "Changes"),
        (report.witness.is_some(), "requests", "Requests"),
        (report.drift.is_some(), "lineages", "Prompts and tools"),
        (report.top.is_some(), "repeats", "Repeated segments"),
        (report.near.is_some(), "near", "Near duplicates"),
        (report.what_if.is_some(), "freed", "What would be freed"),
    ];
    page.put("<nav>");
    for (_, name, words) in sections.iter().filter(|(there, _, _)| *there) {
        page.put(&format!("<a href=\"#{name}\">{words}</a>"));
    }
    page.put("</nav><p class=\"dim\">Times are those of the events, in UTC unless they say otherwise.</p>");
}

fn waterfall(page: &mut Page, report: &DedupReport) {
    page.section(
        "bytes",
        "Bytes in to bytes on disk",
        "Each step is what a layer took away or added; the steps add up exactly to what du -b says.",
    );
    page.chart(&svg::waterfall(&report.waterfall));
    let row = |layer: &Layer| {
        vec![layer.layer.replace('_', " "), layer.bytes.to_string(), layer.remaining.to_string(), layer.about.to_string()]
    };
    let rows: Vec<Vec<String>> = report.waterfall.iter().filter(|layer| layer.bytes != 0).map(row).collect();
    page.put("<details><summary>The steps in numbers</summary>");
    page.table(&["|layer", ">bytes", ">left", "~what it is"], &rows);
    page.put("</details>");
}

fn groups(page: &mut Page, by: &ByteGroups) {
    let heading = format!("Bytes on disk by {}", title(by.by));
    page.section("by", &heading, "Each stored byte is charged to the first live record that needs it.");
    let rest = [
        ("(left out by the filter)", by.left_out_bytes),
        ("(needed by no live record)", by.unneeded_bytes),
        ("(shared by all)", by.shared_bytes),
    ];
    let all = by.groups.iter().map(|group| group.stored_bytes).chain(rest.map(|(_, bytes)| bytes)).sum::<u64>().max(1);
    let share = |bytes: u64| format!("{:.1} %", 100.0 * bytes as f64 / all as f64);
    let row = |group: &crate::vault::api::ByteGroup| {
        let said = |text: String| if group.occurrences == 0 { String::new() } else { text };
        vec![
            group.key.clone().unwrap_or_else(|| format!("(no {})", title(by.by))),
            said(units::count(group.occurrences)),
            said(units::count(group.distinct)),
            said(units::size(group.content_bytes)),
            units::size(group.stored_bytes),
            share(group.stored_bytes),
        ]
    };
    let mut rows: Vec<Vec<String>> = by.groups.iter().map(row).collect();
    for (name, bytes) in rest.into_iter().filter(|(_, bytes)| *bytes > 0) {
        rows.push(vec![name.into(), String::new(), String::new(), String::new(), units::size(bytes), share(bytes)]);
    }
    page.table(&[title(by.by), ">said", ">distinct", ">content", ">on disk", ">share"], &rows);
}

/// A moment as people read it; fractions of a second stand in `--json`.
fn moment(time: Option<Time>) -> String {
    let text = time.map(|time| time.to_string()).unwrap_or_default();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock}"),
        _ => text,
    }
}

fn repeats(page: &mut Page, top: &[Repeat]) {
    page.section(
        "repeats",
        "Repeated segments",
        "Those whose repetitions had most bytes when they came. On disk each is there once.",
    );
    let row = |repeat: &Repeat| {
        vec![
            repeat.hash.get(..12).unwrap_or_default().to_string(),
            repeat.kind.clone().unwrap_or_default(),
            units::count(repeat.references),
            units::size(repeat.bytes),
            units::size(repeat.wasted_bytes),
            moment(repeat.first_seen),
            moment(repeat.last_seen),
            repeat.preview.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = top.iter().map(row).collect();
    page.table(&["|hash", "|type", ">said", ">bytes", ">repeated", "|first seen", "|last seen", "~text"], &rows);
}

fn freed(page: &mut Page, what_if: &WhatIf) {
    page.section("freed", "If older records were removed", "Records without a time would stay.");
    let rows = [
        ("events before", what_if.keep_since.to_string()),
        ("records", units::count(what_if.records)),
        ("freed", units::size(what_if.freed_bytes)),
        ("kept", units::size(what_if.kept_bytes)),
    ];
    page.table(&["", ""], &rows.map(|(name, value)| vec![name.to_string(), value]));
}

fn near_duplicates(page: &mut Page, near: &NearReport) {
    let about = format!(
        "{} of {} segments are at least {} similar to a canonical one, by five-word shingles, computed exactly. A pair at the threshold is found with a probability of {:.4}.",
        near.clustered, near.segments, near.threshold, near.recall
    );
    page.section("near", "Near duplicates", &about);
    if near.clusters.is_empty() {
        return;
    }
    let (shown, all) = (near.clusters.len().min(SHOWN) as u64, near.clusters.len() as u64 + near.more_clusters);
    let rest = match all - shown {
        0 => String::new(),
        _ => format!(" Of {} clusters the {shown} with most bytes are listed.", units::count(all)),
    };
    page.about(&format!(
        "A row is a cluster. A dot is a variant by its similarity to the canonical text, a ring; large ones are said often.{rest}"
    ));
    page.chart(&svg::clusters(near));
    for cluster in near.clusters.iter().take(SHOWN) {
        let more = cluster.variants.len() as u64 + cluster.more_variants;
        let variants = if more == 1 { "1 variant".into() } else { format!("{} variants", units::count(more)) };
        let title = format!("{variants}, {} · {}", units::size(cluster.bytes), cluster.preview);
        page.put(&format!("<details><summary>{}</summary>", escape(&title)));
        for variant in &cluster.variants {
            page.put(&format!(
                "<p class=\"dim\"><code>{}</code> similarity {:.4}, said {}</p>",
                escape(variant.hash.get(..12).unwrap_or_default()),
                variant.similarity,
                match variant.references {
                    1 => "once".into(),
                    times => format!("{} times", units::count(times)),
                }
            ));
            page.diff(&variant.diff);
        }
        page.put("</details>");
    }
}

fn witness_section(page: &mut Page, witness: &Witness) {
    let about = match (witness.success_rate, &witness.slowest_component) {
        (Some(rate), Some(slowest)) => {
            format!(
                "{} requests, {:.2} % without error; most time is spent in {slowest}.",
                units::count(witness.requests),
                rate * 100.0
            )
        }
        (Some(rate), None) => format!("{} requests, {:.2} % without error.", units::count(witness.requests), rate * 100.0),
        _ => "No record tells.".to_string(),
    };
    page.section("requests", "How requests went", &about);
    let summary_row = |name: String, summary: &Summary| {
        let values = [summary.p50, summary.p90, summary.p99, summary.max].map(short);
        [name, units::count(summary.count)].into_iter().chain(values).collect::<Vec<String>>()
    };
    let distributions =
        [("latency, ms", &witness.latency_ms), ("first token, ms", &witness.ttft_ms), ("quality", &witness.quality)];
    let known = distributions.into_iter().filter_map(|(name, summary)| Some(summary_row(name.to_string(), summary.as_ref()?)));
    let components =
        witness.components.iter().map(|part| summary_row(format!("· {} ({:.0}%)", part.name, part.share * 100.0), &part.ms));
    let rows: Vec<Vec<String>> = known.chain(components).collect();
    if !rows.is_empty() {
        page.table(&["|", ">records", ">p50", ">p90", ">p99", ">max"], &rows);
    }
    if witness.quality_histogram.len() > 1 {
        page.chart(&svg::histogram(&witness.quality_histogram, "quality scores"));
    }
    let row = |routed: &crate::vault::api::Routed| {
        vec![
            routed.model.clone().unwrap_or_else(|| "(not told)".into()),
            units::count(routed.requests),
            format!("{:.1} %", routed.share * 100.0),
            format!("{:.2} %", routed.success_rate * 100.0),
            routed.latency_ms.as_ref().map(|latency| short(latency.p50)).unwrap_or_default(),
            routed.quality.map(short).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = witness.routing.iter().take(SHOWN).map(row).collect();
    page.table(&["model", ">requests", ">share", ">without error", ">p50 ms", ">quality"], &rows);
    if !witness.errors.is_empty() {
        let rows: Vec<Vec<String>> =
            witness.errors.iter().map(|(kind, count)| vec![kind.clone(), units::count(*count)]).collect();
        page.table(&["~error", ">count"], &rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_logs_cannot_leave_its_place() {
        assert_eq!(
            escape("<script>'\"&\n\u{1b}[31m"),
            "&lt;script&gt;&#39;&quot;&amp;\n\\u{1b}[31m".replace("\\u{1b}", &visible("\u{1b}"))
        );
        let diff = vec![DiffPart { op: "insert", text: "</ins><script>alert(1)</script>".into() }];
        let mut page = Page(String::new());
        page.diff(&diff);
        assert!(!page.0.contains("<script>"), "{}", page.0);
    }

    #[test]
    fn a_page_needs_nothing_from_outside() {
        let page = page(&DedupReport::default());
        assert!(
            !page.contains("http://") && !page.contains("https://") && !page.contains("<script") && page.ends_with("</html>\n")
        );
    }
}
