//! The report as one page: no script, no network, light and dark, everything from logs escaped.

use std::fmt::Write;

use super::super::units;
use super::super::visible::visible;
use super::drift::short;
use super::svg;
use crate::display::push_html;
use crate::vault::api::{
    ByteGroups, DedupReport, DiffPart, DriftChange, DriftReport, Lineage, NearReport, Outcome, Repeat, Summary, Time, WhatIf,
    Witness,
};

/// Lineages and clusters shown in full.
const SHOWN: usize = 60;

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1d1f22;--dim:#6b7076;--line:#dcdedf;--card:#fff;--less:#2f8f6b;--more:#c2683a;--whole:#8b96a5;\
--add:#d9f2e4;--addfg:#0c5a38;--del:#fbe0dd;--delfg:#8f1f14;--c0:#3b78c4;--c1:#d98e2b;--c2:#3f9c70;--c3:#b4508f;--c4:#7d6bc9;--c5:#b23b3b;--c6:#2c9fb0;--c7:#8a8f45}\
@media(prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e4e6e8;--dim:#9aa0a6;--line:#33373c;--card:#1c1f23;--less:#49b58c;--more:#e08a58;--whole:#7d8794;\
--add:#12382a;--addfg:#8fe3bd;--del:#4a1f1b;--delfg:#ffb3aa;--c0:#6aa3ea;--c1:#eab15c;--c2:#62c497;--c3:#d67cb4;--c4:#a596ea;--c5:#e07171;--c6:#5cc4d4;--c7:#b8bd6c}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:1080px;padding:24px 20px 80px;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}\
h1{font-size:24px;margin:0 0 4px}h2{font-size:19px;margin:40px 0 8px;border-bottom:1px solid var(--line);padding-bottom:4px}h3{font-size:15px;margin:20px 0 4px}\
p.dim,.dim{color:var(--dim)}.cards{display:flex;flex-wrap:wrap;gap:10px;margin:16px 0}.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px;min-width:130px}\
.card b{display:block;font-size:20px;font-weight:600}table{border-collapse:collapse;width:100%;margin:8px 0;font-size:13px}th,td{padding:3px 10px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}\
th{color:var(--dim);font-weight:500}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}code,pre{font:12.5px/1.5 ui-monospace,monospace}\
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px 10px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:420px;overflow:auto;margin:6px 0}\
ins{background:var(--add);color:var(--addfg);text-decoration:none}del{background:var(--del);color:var(--delfg)}details{margin:6px 0}summary{cursor:pointer}\
svg{width:100%;height:auto;display:block;margin:8px 0}svg text{font:12px system-ui,sans-serif;fill:var(--fg)}svg text.small{font-size:11px;fill:var(--dim)}svg text.end{text-anchor:end}\
.less{fill:var(--less)}.more{fill:var(--more)}.whole{fill:var(--whole)}.axis{stroke:var(--line)}.mark{stroke:var(--fg);stroke-width:2}.back{stroke-dasharray:4 3}.half{opacity:.7}\
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.c6{fill:var(--c6)}.c7{fill:var(--c7)}";

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

    fn heading(&mut self, words: &str, about: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "<h2>{}</h2><p class=\"dim\">{}</p>", escape(words), escape(about));
    }

    /// Columns whose title begins with `>` hold numbers. Cells are escaped here.
    fn table(&mut self, titles: &[&str], rows: &[Vec<String>]) {
        let class =
            |column: usize| if titles.get(column).is_some_and(|title| title.starts_with('>')) { " class=\"n\"" } else { "" };
        self.put("<table><thead><tr>");
        for (column, title) in titles.iter().enumerate() {
            let _ = write!(self.0, "<th{}>{}</th>", class(column), escape(title.trim_start_matches('>')));
        }
        self.put("</tr></thead><tbody>");
        for row in rows {
            self.put("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let _ = write!(self.0, "<td{}>{}</td>", class(column), escape(cell));
            }
            self.put("</tr>");
        }
        self.put("</tbody></table>");
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

/// The page.
pub(super) fn page(report: &DedupReport) -> String {
    let mut page = Page(String::new());
    page.put(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
    );
    page.put("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    page.put("<title>turnpack: where the bytes go</title><style>");
    page.put(STYLE);
    page.put("</style></head><body><h1>Where the bytes go</h1>");
    if let Some(drift) = &report.drift {
        page.put(&format!("<p class=\"dim\">{}</p>", escape(&drift.summary)));
    }
    cards(&mut page, report);
    page.heading(
        "Bytes in to bytes on disk",
        "Each step is what a layer took away or added; the steps add up exactly to what du -b says.",
    );
    page.put(&svg::waterfall(&report.waterfall));
    let row = |layer: &crate::vault::api::Layer| {
        vec![layer.layer.replace('_', " "), layer.bytes.to_string(), layer.remaining.to_string(), layer.about.to_string()]
    };
    let rows: Vec<Vec<String>> = report.waterfall.iter().filter(|layer| layer.bytes != 0).map(row).collect();
    page.put("<details><summary>In numbers</summary>");
    page.table(&["layer", ">bytes", ">left", "what it is"], &rows);
    page.put("</details>");
    report.by.iter().for_each(|by| groups(&mut page, by));
    report.top.iter().for_each(|top| repeats(&mut page, top));
    report.what_if.iter().for_each(|what_if| freed(&mut page, what_if));
    report.near.iter().for_each(|near| near_duplicates(&mut page, near));
    report.drift.iter().for_each(|drift| drift_section(&mut page, drift));
    report.witness.iter().for_each(|witness| witness_section(&mut page, witness));
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
        cards.push(("prompts and tools".into(), drift.lineages.len().to_string()));
        cards.push(("changes".into(), drift.changes.len().to_string()));
    }
    if let Some(rate) = report.witness.as_ref().and_then(|witness| witness.success_rate) {
        cards.push(("success".into(), format!("{:.2}%", rate * 100.0)));
    }
    page.put("<div class=\"cards\">");
    for (name, value) in cards {
        page.put(&format!("<div class=\"card\"><b>{}</b><span class=\"dim\">{}</span></div>", escape(&value), escape(&name)));
    }
    page.put("</div>");
}

fn groups(page: &mut Page, by: &ByteGroups) {
    page.heading("Bytes on disk, told apart", "Each stored byte is charged to the first live record that needs it.");
    let row = |group: &crate::vault::api::ByteGroup| {
        vec![
            group.key.clone().unwrap_or_else(|| "–".into()),
            units::count(group.occurrences),
            units::count(group.distinct),
            units::size(group.content_bytes),
            units::size(group.stored_bytes),
        ]
    };
    let mut rows: Vec<Vec<String>> = by.groups.iter().map(row).collect();
    let rest = [
        ("left out by the filter", by.left_out_bytes),
        ("needed by no live record", by.unneeded_bytes),
        ("shared by all", by.shared_bytes),
    ];
    for (name, bytes) in rest.into_iter().filter(|(_, bytes)| *bytes > 0) {
        rows.push(vec![format!("({name})"), String::new(), String::new(), String::new(), units::size(bytes)]);
    }
    page.table(&["", ">said", ">distinct", ">content", ">on disk"], &rows);
}

fn time(time: Option<Time>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn repeats(page: &mut Page, top: &[Repeat]) {
    page.heading("Repeated segments", "Those whose repetitions had most bytes when they came. On disk each is there once.");
    let row = |repeat: &Repeat| {
        vec![
            repeat.hash.get(..12).unwrap_or_default().to_string(),
            repeat.kind.clone().unwrap_or_default(),
            units::count(repeat.references),
            units::size(repeat.bytes),
            units::size(repeat.wasted_bytes),
            time(repeat.first_seen),
            time(repeat.last_seen),
            repeat.preview.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = top.iter().map(row).collect();
    page.table(&["hash", "type", ">said", ">bytes", ">repeated", "first seen", "last seen", "text"], &rows);
}

fn freed(page: &mut Page, what_if: &WhatIf) {
    page.heading("If older records were removed", "Records without a time would stay.");
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
    page.heading("Near duplicates", &about);
    page.put(&svg::clusters(near));
    for cluster in near.clusters.iter().take(SHOWN) {
        let more = cluster.variants.len() as u64 + cluster.more_variants;
        let title = format!("{more} of {} · {}", units::size(cluster.bytes), cluster.preview);
        page.put(&format!("<details><summary>{}</summary>", escape(&title)));
        for variant in &cluster.variants {
            page.put(&format!(
                "<p class=\"dim\"><code>{}</code> {:.4}, said {}</p>",
                escape(&variant.hash),
                variant.similarity,
                variant.references
            ));
            page.diff(&variant.diff);
        }
        page.put("</details>");
    }
}

fn drift_section(page: &mut Page, drift: &DriftReport) {
    page.heading("Prompts and tools over time", &drift.summary);
    page.put(&svg::timeline(&drift.lineages, &drift.changes));
    for change in &drift.changes {
        change_block(page, change);
    }
    let several: Vec<&Lineage> = drift.lineages.iter().filter(|lineage| lineage.versions.len() > 1).collect();
    let charts: String = several.iter().take(12).map(|lineage| svg::share(lineage)).collect();
    if !charts.is_empty() {
        page.heading("Share of traffic", "Versions of each prompt and tool by day.");
        page.put(&charts);
    }
    page.heading("Lineages", "Templates of prompts and tools; what is different each time stands in braces.");
    for lineage in drift.lineages.iter().take(SHOWN) {
        lineage_block(page, lineage);
    }
}

fn change_block(page: &mut Page, change: &DriftChange) {
    let what = change.tool.as_ref().map_or("system prompt".to_string(), |tool| format!("tool {tool}"));
    let kind = if change.kind == "rollback" {
        "Roll-back"
    } else if change.kind == "replaced" {
        "Replacement"
    } else {
        "Edit"
    };
    let app = change.app.as_ref().map(|app| format!(" of {app}")).unwrap_or_default();
    page.put(&format!("<h3>{}</h3>", escape(&format!("{} · {kind} of the {what}{app}", time(change.time)))));
    let about =
        format!("version {} to {} · {} · first seen in {}", change.from, change.to, change.models.join(", "), change.place);
    page.put(&format!("<p class=\"dim\">{}</p>", escape(&about)));
    page.diff(&change.diff);
    let cell = |pick: fn(&Outcome) -> Option<f64>, outcome: &Outcome| pick(outcome).map(short).unwrap_or_default();
    let row = |name: &str, pick: fn(&Outcome) -> Option<f64>| {
        vec![name.to_string(), cell(pick, &change.before), cell(pick, &change.after)]
    };
    let rows = [
        row("errors, %", |outcome| outcome.error_rate.map(|rate| rate * 100.0)),
        row("latency, median ms", |outcome| outcome.latency_p50_ms),
        row("tokens in, mean", |outcome| outcome.tokens_in),
        row("tokens out, mean", |outcome| outcome.tokens_out),
        row("quality, mean", |outcome| outcome.quality),
    ];
    let known: Vec<Vec<String>> = rows.into_iter().filter(|row| !row[1].is_empty() || !row[2].is_empty()).collect();
    page.table(&["", ">before", ">after"], &known);
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
        let row = |slot: &crate::vault::api::PromptSlot| {
            vec![slot.name.clone(), slot.kind.to_string(), units::count(slot.values), slot.examples.join(" · ")]
        };
        let rows: Vec<Vec<String>> = lineage.slots.iter().map(row).collect();
        page.table(&["slot", "kind", ">values", "some of them"], &rows);
    }
    let row = |version: &crate::vault::api::PromptVersion| {
        vec![
            version.version.to_string(),
            version.hash.get(..12).unwrap_or_default().to_string(),
            version.parent.map(|parent| parent.to_string()).unwrap_or_default(),
            units::count(version.uses),
            format!("{:.1}%", version.share * 100.0),
            time(version.first_seen),
            time(version.last_seen),
            version.models.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = lineage.versions.iter().map(row).collect();
    page.table(&["version", "hash", "parent", ">uses", ">share", "first seen", "last seen", "models"], &rows);
    for version in &lineage.versions {
        match version.diff.is_empty() {
            true => page.put(&format!("<pre>{}</pre>", escape(&version.text))),
            false => page.diff(&version.diff),
        }
    }
    page.put("</details>");
}

fn witness_section(page: &mut Page, witness: &Witness) {
    let about = match (witness.success_rate, &witness.slowest_component) {
        (Some(rate), Some(slowest)) => {
            format!("{} requests, {:.2}% without error; most time is spent in {slowest}.", witness.requests, rate * 100.0)
        }
        (Some(rate), None) => format!("{} requests, {:.2}% without error.", witness.requests, rate * 100.0),
        _ => "No record tells.".to_string(),
    };
    page.heading("How requests went", &about);
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
    page.table(&["", ">records", ">p50", ">p90", ">p99", ">max"], &rows);
    if witness.quality_histogram.len() > 1 {
        page.put(&svg::histogram(&witness.quality_histogram, "quality scores"));
    }
    let row = |routed: &crate::vault::api::Routed| {
        vec![
            routed.model.clone().unwrap_or_else(|| "–".into()),
            units::count(routed.requests),
            format!("{:.1}%", routed.share * 100.0),
            format!("{:.2}%", routed.success_rate * 100.0),
            routed.latency_ms.as_ref().map(|latency| short(latency.p50)).unwrap_or_default(),
            routed.quality.map(short).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = witness.routing.iter().take(SHOWN).map(row).collect();
    page.table(&["model", ">requests", ">share", ">success", ">p50 ms", ">quality"], &rows);
    if !witness.errors.is_empty() {
        let rows: Vec<Vec<String>> =
            witness.errors.iter().map(|(kind, count)| vec![kind.clone(), units::count(*count)]).collect();
        page.table(&["error", ">count"], &rows);
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
