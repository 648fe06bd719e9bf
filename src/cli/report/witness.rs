//! How requests went, as text.

use super::super::Context;
use super::super::ls::number;
use super::super::table::Table;
use super::drift::{short, spark};
use super::text::heading;
use crate::error::Result;
use crate::vault::api::{Summary, Witness};

/// Prints what is known.
pub(in crate::cli) fn print(witness: &Witness, context: &Context<'_>) -> Result<()> {
    heading(context, "How requests went")?;
    let mut table = Table::new(&["<", ">", ">p50", ">p90", ">p99", ">max"]);
    table.row(vec!["requests".into(), number(witness.requests, context)]);
    if let Some(rate) = witness.success_rate {
        table.row(vec!["success rate".into(), format!("{rate:.4}")]);
    }
    let distributions =
        [("latency, ms", &witness.latency_ms), ("first token, ms", &witness.ttft_ms), ("quality", &witness.quality)];
    for (name, summary) in distributions.into_iter().filter_map(|(name, summary)| Some((name, summary.as_ref()?))) {
        table.row(summary_row(name, summary, context));
    }
    for component in &witness.components {
        let name = format!("  {} ({:.0}%)", component.name, component.share * 100.0);
        table.row(summary_row(&name, &component.ms, context));
    }
    if let Some(slowest) = &witness.slowest_component {
        table.row(vec!["slowest component".into(), slowest.clone()]);
    }
    if witness.quality_histogram.len() > 1 {
        let counts: Vec<u64> = witness.quality_histogram.iter().map(|step| step.1).collect();
        table.row(vec!["quality, low to high".into(), spark(&counts)]);
    }
    table.print(context.ui)?;
    heading(context, "Requests by model")?;
    let mut table = Table::new(&["<model", ">requests", ">share", ">success", ">p50 ms", ">p99 ms", ">quality"]);
    for routed in &witness.routing {
        let latency =
            |pick: fn(&Summary) -> f64| routed.latency_ms.as_ref().map(|summary| short(pick(summary))).unwrap_or_default();
        table.row(vec![
            routed.model.clone().unwrap_or_else(|| "-".into()),
            number(routed.requests, context),
            format!("{:.1}%", routed.share * 100.0),
            format!("{:.4}", routed.success_rate),
            latency(|summary| summary.p50),
            latency(|summary| summary.p99),
            routed.quality.map(short).unwrap_or_default(),
        ]);
    }
    table.print(context.ui)?;
    if witness.errors.is_empty() {
        return Ok(());
    }
    heading(context, "Errors")?;
    let mut table = Table::new(&["<error", ">count"]);
    for (kind, count) in &witness.errors {
        table.row(vec![kind.clone(), number(*count, context)]);
    }
    table.print(context.ui)
}

fn summary_row(name: &str, summary: &Summary, context: &Context<'_>) -> Vec<String> {
    let values = [summary.p50, summary.p90, summary.p99, summary.max].map(short);
    [name.to_string(), number(summary.count, context)].into_iter().chain(values).collect()
}
