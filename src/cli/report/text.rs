//! The report as tables.

use super::super::ls::{bytes, number};
use super::super::table::Table;
use super::super::{Context, units};
use crate::error::Result;
use crate::vault::api::{ByteDimension, ByteGroups, DedupReport, Repeat, SegmentReport, WhatIf};

/// Cells of a bar.
const BAR: usize = 24;

/// Which views of the lineages are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) prompts: bool,
    pub(super) drift: bool,
}

/// Prints what there is of a report.
pub(super) fn print(report: &DedupReport, shown: Shown, context: &Context<'_>) -> Result<()> {
    if let Some(segment) = &report.segment {
        return print_segment(segment, context);
    }
    let some = report.by.is_some() || report.top.is_some() || report.what_if.is_some();
    let others = report.near.is_some() || report.drift.is_some() || report.witness.is_some();
    if !others && (context.ui.stdout_is_terminal() || !some) {
        waterfall(report, context)?;
    }
    if let Some(by) = &report.by {
        heading(context, &format!("Bytes on disk by {}", title(by.by)))?;
        groups(by, context)?;
    }
    if let Some(top) = &report.top {
        heading(context, "Segments whose repetitions had most bytes")?;
        repeats(top, context)?;
    }
    if let Some(what_if) = &report.what_if {
        heading(context, "If older records were removed")?;
        freed(what_if, context)?;
    }
    if let Some(near) = &report.near {
        heading(context, "Segments that are nearly the same")?;
        super::near::print(near, context)?;
    }
    if let Some(drift) = &report.drift {
        super::drift::print(drift, shown, context)?;
    }
    if let Some(witness) = &report.witness {
        super::witness::print(witness, context)?;
    }
    Ok(())
}

/// A line above a table, where a person looks.
pub(super) fn heading(context: &Context<'_>, words: &str) -> Result<()> {
    if !context.ui.stdout_is_terminal() {
        return Ok(());
    }
    context.ui.line("")?;
    context.ui.line(words)
}

fn waterfall(report: &DedupReport, context: &Context<'_>) -> Result<()> {
    let mut table = Table::new(&["<layer", ">bytes", ">left", "<", "<"]);
    let most = report.waterfall.iter().map(|layer| layer.remaining).max().unwrap_or_default();
    for layer in report.waterfall.iter().filter(|layer| layer.bytes != 0) {
        let change = match context.ui.stdout_is_terminal() {
            true => format!("{}{}", if layer.bytes < 0 { "−" } else { "" }, units::size(layer.bytes.unsigned_abs())),
            false => layer.bytes.to_string(),
        };
        let mut row = vec![layer.layer.replace('_', " "), change, bytes(layer.remaining, context)];
        if context.ui.stdout_is_terminal() {
            row.extend([bar(layer.remaining, most), layer.about.to_string()]);
        }
        table.row(row);
    }
    table.row(vec!["on disk".into(), String::new(), bytes(report.du_bytes, context)]);
    table.print(context.ui)
}

/// A bar of block characters.
pub(super) fn bar(value: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let cells = (u128::from(value) * (BAR as u128 * 8)).checked_div(u128::from(most)).unwrap_or_default() as usize;
    format!("{}{}", "█".repeat(cells / 8), EIGHTHS[cells % 8])
}

pub(super) fn title(by: ByteDimension) -> &'static str {
    match by {
        ByteDimension::Type => "type",
        ByteDimension::Tool => "tool",
        ByteDimension::Model => "model",
        ByteDimension::App => "application",
        ByteDimension::Source => "source",
        ByteDimension::Day => "day",
    }
}

fn groups(by: &ByteGroups, context: &Context<'_>) -> Result<()> {
    let mut table = Table::new(&["<", ">said", ">distinct", ">content", ">on disk", ">share", "<"]);
    let all: u64 =
        by.groups.iter().map(|group| group.stored_bytes).sum::<u64>() + by.shared_bytes + by.unneeded_bytes + by.left_out_bytes;
    let most = by.groups.iter().map(|group| group.stored_bytes).max().unwrap_or_default();
    let share = |bytes: u64| format!("{:.1}%", 100.0 * bytes as f64 / all.max(1) as f64);
    for group in &by.groups {
        let mut row = vec![
            group.key.clone().unwrap_or_else(|| "-".into()),
            number(group.occurrences, context),
            number(group.distinct, context),
            bytes(group.content_bytes, context),
            bytes(group.stored_bytes, context),
            share(group.stored_bytes),
        ];
        if context.ui.stdout_is_terminal() {
            row.push(bar(group.stored_bytes, most));
        }
        table.row(row);
    }
    let rest =
        [("(left out by the filter)", by.left_out_bytes), ("(no live record)", by.unneeded_bytes), ("(shared)", by.shared_bytes)];
    for (name, size) in rest.into_iter().filter(|(_, size)| *size > 0) {
        let none = String::new;
        table.row(vec![name.into(), none(), none(), none(), bytes(size, context), share(size)]);
    }
    table.print(context.ui)
}

fn repeats(top: &[Repeat], context: &Context<'_>) -> Result<()> {
    let mut table =
        Table::new(&["<hash", "<type", ">said", ">records", ">bytes", ">repeated", "<first seen", "<last seen", "<text"]);
    let day = |time: Option<crate::vault::api::Time>| time.map(|time| time.to_string()).unwrap_or_default();
    for repeat in top {
        table.row(vec![
            repeat.hash.get(..12).unwrap_or_default().to_string(),
            repeat.kind.clone().unwrap_or_else(|| "-".into()),
            number(repeat.references, context),
            number(repeat.records, context),
            bytes(repeat.bytes, context),
            bytes(repeat.wasted_bytes, context),
            day(repeat.first_seen),
            day(repeat.last_seen),
            repeat.preview.clone(),
        ]);
    }
    table.print(context.ui)
}

fn freed(what_if: &WhatIf, context: &Context<'_>) -> Result<()> {
    let mut table = Table::new(&["<", ">"]);
    table.row(vec!["events before".into(), what_if.keep_since.to_string()]);
    table.row(vec!["records".into(), number(what_if.records, context)]);
    table.row(vec!["occurrences".into(), number(what_if.occurrences, context)]);
    table.row(vec!["freed".into(), bytes(what_if.freed_bytes, context)]);
    table.row(vec!["kept".into(), bytes(what_if.kept_bytes, context)]);
    table.print(context.ui)
}

fn print_segment(segment: &SegmentReport, context: &Context<'_>) -> Result<()> {
    if context.ui.stdout_is_terminal() {
        context.ui.line(&format!("{}  {}  {}", segment.hash, segment.types.join(", "), bytes(segment.bytes, context)))?;
        context.ui.line(&super::super::visible::visible(&segment.preview))?;
        heading(context, "Conversations")?;
        let mut table = Table::new(&["<conversation", ">lines"]);
        for row in &segment.conversations {
            table.row(vec![row.id.clone(), number(row.occurrences, context)]);
        }
        table.print(context.ui)?;
        heading(context, "Lines")?;
    }
    let mut table = Table::new(&["<line", "<record", "<conversation", "<time", "<model", "<app"]);
    for holder in &segment.holders {
        table.row(vec![
            holder.place.clone(),
            holder.record.clone(),
            holder.conversation.clone().unwrap_or_default(),
            holder.time.map(|time| time.to_string()).unwrap_or_default(),
            holder.model.clone().unwrap_or_default(),
            holder.app.clone().unwrap_or_default(),
        ]);
    }
    table.print(context.ui)
}
