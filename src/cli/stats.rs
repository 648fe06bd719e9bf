//! `stats`: what is in the vault, by whatever the user groups by.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::ls::{bytes, number};
use super::table::Table;
use super::{Context, units};
use crate::error::{Error, IoContext, Result};
use crate::text::tokens::Tokenizer;
use crate::vault::api::{Dimension, Numbers, Price, StatsOptions, StatsReport};

/// Count records, tokens, errors, latency and cost
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Counts are of occurrences; --distinct counts each record once. Token usage that several records of one response repeat
is counted once. Without options the size of the vault is told at once; everything else reads the records.

Examples:
  turnpack stats --totals
  turnpack stats --by model --by day --since 30d
  turnpack stats --by app --error --json")]
pub(crate) struct Args {
    /// Group by this; repeat for groups in groups
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    by: Vec<By>,

    /// Only the N largest groups
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// What tokens cost where records do not say: TOML, a table for each model (or NAME*) with input, output and, if need be,
    /// cached and cache_write, in US dollars for a million tokens
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    prices: Option<PathBuf>,

    /// Count the text of records that tell no usage, and whose conversation tells none: o200k_base, cl100k_base, p50k_base,
    /// p50k_edit or r50k_base
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = Tokenizer::ALL.map(Tokenizer::name))]
    tokenizer: Option<String>,

    /// Add up tokens, errors, latency and cost of all records
    #[arg(long)]
    totals: bool,

    /// Tell how requests went: parts of the latency, quality, routing by model, errors by kind
    #[arg(long)]
    witness: bool,

    /// Count each record once, however often it occurs
    #[arg(long)]
    distinct: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Model,
    App,
    Day,
    Conversation,
    Source,
    Shape,
    Type,
}

impl By {
    fn dimension(self) -> Dimension {
        match self {
            By::Model => Dimension::Model,
            By::App => Dimension::App,
            By::Day => Dimension::Day,
            By::Conversation => Dimension::Conversation,
            By::Source => Dimension::Source,
            By::Shape => Dimension::Shape,
            By::Type => Dimension::Type,
        }
    }

    fn title(self) -> &'static str {
        match self {
            By::Model => "<model",
            By::App => "<app",
            By::Day => "<day",
            By::Conversation => "<conversation",
            By::Source => "<source",
            By::Shape => "<shape",
            By::Type => "<type",
        }
    }
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let zone = context.settings.zone(args.filter.tz.as_deref())?;
    let options = StatsOptions {
        filter: args.filter.resolve(&context.settings)?,
        by: args.by.iter().map(|by| by.dimension()).collect(),
        top: args.top,
        distinct: args.distinct,
        prices: args.prices.as_deref().map(read_prices).transpose()?.unwrap_or_default(),
        tokenizer: args.tokenizer.as_deref().and_then(Tokenizer::from_name),
        totals: args.totals,
        witness: args.witness,
        time_zone: zone.iana_name().map(str::to_string),
    };
    let report = context.open()?.stats(&options)?;
    tell_without_time(context, report.without_time);
    if context.ui.json() {
        context.ui.report(&report)?;
    } else if args.by.is_empty() {
        if !args.witness || args.totals {
            print_totals(&report, options.filter.is_empty(), context)?;
        }
    } else {
        print_groups(&report, &args.by, context)?;
    }
    if let Some(witness) = report.witness.as_ref().filter(|_| !context.ui.json()) {
        super::report::witness::print(witness, context)?;
    }
    let nothing = report.total.as_ref().is_some_and(|total| total.records == 0) && !options.filter.is_empty();
    Ok(if nothing { Status::Negative("nothing matches".into()) } else { Status::Done })
}

/// Reads a price list.
fn read_prices(path: &Path) -> Result<Vec<Price>> {
    let text = std::fs::read_to_string(path).on("reading prices from", path)?;
    let wrong =
        |what: String| Error::Usage(format!("{}: {what}; an example is [\"gpt-5*\"] input = 1.25, output = 10", path.display()));
    let table: toml::Table = text.parse().map_err(|error| wrong(format!("{error}")))?;
    let price = |(model, entry): (&String, &toml::Value)| {
        let entry = entry.as_table().ok_or_else(|| wrong(format!("{model} is no table")))?;
        let number = |name: &str| match entry.get(name) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64));
                number.filter(|number| *number >= 0.0).map(Some).ok_or_else(|| wrong(format!("{name} of {model} is no price")))
            }
        };
        if let Some(unknown) = entry.keys().find(|name| !["input", "output", "cached", "cache_write"].contains(&name.as_str())) {
            return Err(wrong(format!("{unknown} of {model} is not known; input, output, cached and cache_write are")));
        }
        Ok(Price {
            model: model.clone(),
            input: number("input")?.unwrap_or_default(),
            output: number("output")?.unwrap_or_default(),
            cached: number("cached")?,
            cache_write: number("cache_write")?,
        })
    };
    table.iter().map(price).collect()
}

fn print_totals(report: &StatsReport, whole_vault: bool, context: &Context<'_>) -> Result<()> {
    let mut table = Table::new(&["<", ">"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_string(), value]);
    if whole_vault {
        let stored = &report.stored;
        row("sources", number(stored.sources, context));
        row("occurrences", number(stored.occurrences, context));
        row("distinct records", number(stored.records, context));
        row("distinct segments", number(stored.segments, context));
        row("removed", number(stored.removed, context));
        row("bytes taken in", bytes(stored.bytes_in, context));
        row("bytes of the vault", bytes(stored.vault_bytes, context));
        for (kind, size) in &stored.files {
            row(&format!("bytes of {kind}"), bytes(*size, context));
        }
        for model in &stored.vectors {
            row(&format!("texts with vectors of {}", model.model), number(model.texts, context));
            let kept = if model.quantize == "none" { ", originals kept" } else { "" };
            let form = format!("{} dimensions, {}{kept}", model.dimension, model.metric);
            row(&format!("vectors of {}, {form}", model.model), number(model.vectors, context));
            for (layer, rows) in model.layers.iter().enumerate() {
                row(&format!("on layer {layer} of its graphs"), number(*rows, context));
            }
        }
    }
    for (name, value) in report.total.iter().flat_map(|total| numbers(total, context)) {
        row(name, value);
    }
    table.print(context.ui)
}

fn print_groups(report: &StatsReport, by: &[By], context: &Context<'_>) -> Result<()> {
    let mut titles: Vec<_> = by.iter().map(|by| by.title()).collect();
    titles.extend([">records", ">bytes", ">errors", ">tokens in", ">tokens out", ">cost USD", ">p50 ms", ">p95 ms", ">p99 ms"]);
    // Few logs tell where the time went.
    let with_slowest = report.groups.iter().any(|group| group.numbers.slowest_component.is_some());
    if with_slowest {
        titles.push("<slowest part");
    }
    let mut table = Table::new(&titles);
    for group in &report.groups {
        let numbers = &group.numbers;
        let latency = |pick: fn(&crate::vault::api::Summary) -> f64| {
            numbers.latency_ms.as_ref().map(|latency| format!("{:.0}", pick(latency))).unwrap_or_default()
        };
        let mut row: Vec<String> = group.key.iter().map(|value| value.clone().unwrap_or_else(|| "-".into())).collect();
        row.extend([
            number(numbers.records, context),
            bytes(numbers.bytes, context),
            number(numbers.errors, context),
            number(numbers.tokens_in, context),
            number(numbers.tokens_out, context),
            format!("{:.4}", numbers.cost_usd),
            latency(|latency| latency.p50),
            latency(|latency| latency.p95),
            latency(|latency| latency.p99),
        ]);
        if with_slowest {
            row.push(numbers.slowest_component.clone().unwrap_or_default());
        }
        table.row(row);
    }
    table.print(context.ui)?;
    if report.groups_left_out > 0 {
        context.ui.say(&format!("{} more", units::counted(report.groups_left_out, "group")));
    }
    Ok(())
}

fn numbers(numbers: &Numbers, context: &Context<'_>) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("records", number(numbers.records, context)),
        ("bytes of records", bytes(numbers.bytes, context)),
        ("opaque lines", number(numbers.opaque, context)),
        ("conversations", number(numbers.conversations, context)),
        ("errors", number(numbers.errors, context)),
        ("success rate", numbers.success_rate.map_or_else(String::new, |rate| format!("{rate:.4}"))),
        ("tokens in", number(numbers.tokens_in, context)),
        ("tokens in, cached", number(numbers.tokens_in_cached, context)),
        ("tokens out", number(numbers.tokens_out, context)),
        ("tokens out, reasoning", number(numbers.tokens_reasoning, context)),
        ("cost, USD", format!("{:.4}", numbers.cost_usd)),
    ];
    if numbers.tokens_in_counted + numbers.tokens_out_counted > 0 {
        rows.push(("tokens in, counted", number(numbers.tokens_in_counted, context)));
        rows.push(("tokens out, counted", number(numbers.tokens_out_counted, context)));
    }
    if let Some(latency) = &numbers.latency_ms {
        rows.push(("latency p50, ms", format!("{:.0}", latency.p50)));
        rows.push(("latency p90, ms", format!("{:.0}", latency.p90)));
        rows.push(("latency p95, ms", format!("{:.0}", latency.p95)));
        rows.push(("latency p99, ms", format!("{:.0}", latency.p99)));
    }
    rows.extend(numbers.slowest_component.clone().map(|slowest| ("slowest part of latency", slowest)));
    rows.extend(numbers.first.map(|time| ("first", time.to_string())));
    rows.extend(numbers.last.map(|time| ("last", time.to_string())));
    rows
}
