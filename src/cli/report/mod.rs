//! `dedup-report`: where the bytes go, what repeats, and when a prompt changed.

mod text;

use clap::ValueEnum;
use jiff::Timestamp;

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::{Context, units};
use crate::error::{Error, Result};
use crate::vault::api::{ByteDimension, DedupOptions, DedupReport, Time};

/// Tell where the bytes go, what repeats, and when a prompt changed
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Bytes on disk are those of the vault as it is: each stored byte is charged to the first live record that needs it.
--segment HASH lists every line and conversation that holds that segment.

Examples:
  turnpack dedup-report --by app --top 20
  turnpack dedup-report --what-if keep=90d --json
  turnpack dedup-report --top 10 --min-refs 100 --type system_prompt")]
pub(crate) struct Args {
    /// Tell the bytes on disk apart by this
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,

    /// List the N segments whose repetitions had most bytes
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Only segments that are said at least so often
    #[arg(long, value_name = "N", default_value_t = 2)]
    min_refs: u64,

    /// What would be freed: keep=90d, or keep=2026-01-01
    #[arg(long, value_name = "keep=AGE")]
    what_if: Option<String>,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Type,
    Model,
    App,
    Source,
    Tool,
    Day,
}

impl By {
    fn dimension(self) -> ByteDimension {
        match self {
            By::Type => ByteDimension::Type,
            By::Model => ByteDimension::Model,
            By::App => ByteDimension::App,
            By::Source => ByteDimension::Source,
            By::Tool => ByteDimension::Tool,
            By::Day => ByteDimension::Day,
        }
    }
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let options = options(args, context)?;
    let report = context.open()?.dedup_report(&options)?;
    tell_without_time(context, report.without_time);
    if context.ui.json() {
        context.ui.report(&report)?;
    } else {
        text::print(&report, context)?;
    }
    Ok(outcome(&report))
}

fn outcome(report: &DedupReport) -> Status {
    match &report.segment {
        Some(segment) if segment.holders.is_empty() => Status::Negative("no line that passes holds the segment".into()),
        _ => Status::Done,
    }
}

fn options(args: Args, context: &Context<'_>) -> Result<DedupOptions> {
    let zone = context.settings.zone(args.filter.tz.as_deref())?;
    let mut filter = args.filter.resolve(&context.settings)?;
    if filter.segments.len() > 1 {
        return Err(Error::Usage("dedup-report looks up one --segment at a time".into()));
    }
    Ok(DedupOptions {
        segment: filter.segments.pop(),
        filter,
        by: args.by.map(By::dimension),
        top: args.top,
        min_refs: args.min_refs,
        keep_since: args.what_if.as_deref().map(|text| keep_since(text, &zone)).transpose()?,
        time_zone: zone.iana_name().map(str::to_string),
        ..DedupOptions::default()
    })
}

/// Reads `keep=90d`.
fn keep_since(text: &str, zone: &jiff::tz::TimeZone) -> Result<Time> {
    let age = text
        .strip_prefix("keep=")
        .ok_or_else(|| Error::Usage(format!("--what-if {text:?} is not understood; keep=90d and keep=2026-01-01 are")))?;
    units::parse_time(age, zone, Timestamp::now())
}
