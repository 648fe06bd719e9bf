//! `dedup-report`: where the bytes go, what repeats, and when a prompt changed.

mod drift;
mod heaps;
mod html;
mod moments;
mod near;
mod svg;
mod text;
pub(super) mod witness;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::{Context, units};
use crate::error::{Error, IoContext, Result};
use crate::vault::api::{ByteDimension, ClusterOptions, DedupOptions, DedupReport, Time};

/// Tell where the bytes go, what repeats, and when a prompt changed
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Bytes on disk are those of the vault as it is: each stored byte is charged to the first live record that needs it.
--segment HASH lists every line and conversation that holds that segment. A prompt into which names, dates or ids are
put is one template with slots, not many versions; a version that comes back is a roll-back.

Examples:
  turnpack dedup-report --by app --top 20 --what-if keep=90d
  turnpack dedup-report --drift --since 30d --app support --fail-on-drift
  turnpack dedup-report --near 0.85 --html report.html")]
pub(crate) struct Args {
    /// Tell the bytes on disk apart by this
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,

    /// List the N segments whose repetitions had most bytes
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Only segments that are said at least so often
    #[arg(long, value_name = "N")]
    min_refs: Option<u64>,

    /// Find segments that are nearly the same: least similarity of their five-word shingles, 0.5 to 0.99
    #[arg(long, value_name = "SIMILARITY", num_args = 0..=1, default_missing_value = "0.85", value_parser = similarity)]
    near: Option<f64>,

    /// List system prompts and tools of each application in their versions
    #[arg(long)]
    prompts: bool,

    /// Tell when system prompts and tools changed
    #[arg(long)]
    drift: bool,

    /// With --drift: end with 1 when something changed
    #[arg(long)]
    fail_on_drift: bool,

    /// Tell how requests went: errors, latency, quality, routing
    #[arg(long)]
    witness: bool,

    /// Put conversations into N heaps by what they are about; needs `turnpack embed`
    #[arg(long, value_name = "N", conflicts_with_all = ["by", "top", "near", "prompts", "drift", "fail_on_drift", "witness", "html", "what_if"])]
    clusters: Option<usize>,

    /// With --clusters: the N conversations that are least like their heap [default: 0]
    #[arg(long, value_name = "N", requires = "clusters")]
    outliers: Option<usize>,

    /// Write everything into one page that needs no network
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    html: Option<PathBuf>,

    /// What would be freed: keep=90d, or keep=2026-01-01
    #[arg(long, value_name = "keep=AGE")]
    what_if: Option<String>,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Segments listed where nothing was asked for.
const TOP_AT_FIRST: usize = 5;
/// Segments listed on a page.
const TOP_ON_PAGE: usize = 15;

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

/// A similarity that makes sense.
fn similarity(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.5..=0.99).contains(&value) => Ok(value),
        _ => Err(format!("{text} is no similarity from 0.5 to 0.99")),
    }
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    if let Some(clusters) = args.clusters {
        let filter = args.filter.resolve(&context.settings)?;
        let outliers = args.outliers.unwrap_or_default();
        let options = ClusterOptions { filter, clusters, outliers, ..ClusterOptions::default() };
        heaps::print(&context.open()?.clusters(&options)?, context)?;
        return Ok(Status::Done);
    }
    let (html, fail_on_drift) = (args.html.clone(), args.fail_on_drift);
    let shown = text::Shown { prompts: args.prompts, drift: args.drift || args.fail_on_drift };
    let options = options(args, context)?;
    let report = context.open()?.dedup_report(&options)?;
    tell_without_time(context, report.without_time);
    if let Some(path) = &html {
        write_page(path, &context.ui.shown(&html::page(&report))?)?;
        context.ui.say(&format!("{} written", path.display()));
    }
    if context.ui.json() {
        context.ui.report(&report)?;
    } else if html.is_none() {
        text::print(&report, shown, context)?;
    }
    Ok(outcome(&report, fail_on_drift))
}

/// Writes the page beside its place first: half a page would look like a report.
fn write_page(path: &Path, page: &str) -> Result<()> {
    let mut name = path.file_name().map(std::ffi::OsStr::to_os_string).unwrap_or_default();
    name.push(".new");
    let beside = path.with_file_name(name);
    std::fs::write(&beside, page).on("writing the report to", &beside)?;
    std::fs::rename(&beside, path).on("writing the report to", path)
}

fn outcome(report: &DedupReport, fail_on_drift: bool) -> Status {
    match (&report.segment, &report.drift) {
        (Some(segment), _) if segment.holders.is_empty() => Status::Negative("no line that passes holds the segment".into()),
        (_, Some(drift)) if fail_on_drift && !drift.changes.is_empty() => Status::Negative(drift.summary.clone()),
        _ => Status::Done,
    }
}

fn options(args: Args, context: &Context<'_>) -> Result<DedupOptions> {
    let zone = context.settings.zone(args.filter.tz.as_deref())?;
    let mut filter = args.filter.resolve(&context.settings)?;
    if filter.segments.len() > 1 {
        return Err(Error::Usage("dedup-report looks up one --segment at a time".into()));
    }
    // Who asks for nothing gets a first look; a program gets the steps alone unless it reads JSON.
    let asks = args.by.is_some() || args.top.is_some() || args.near.is_some() || args.what_if.is_some() || args.witness;
    let asks = asks || args.prompts || args.drift || args.fail_on_drift || args.html.is_some() || !filter.segments.is_empty();
    let first_look = !asks && (context.ui.stdout_is_terminal() || context.ui.json());
    // A page is read by people who did not ask the questions: it has all but what takes long.
    let whole = args.html.is_some();
    Ok(DedupOptions {
        segment: filter.segments.pop(),
        filter,
        by: args.by.map(By::dimension).or(whole.then_some(ByteDimension::Type)).or(first_look.then_some(ByteDimension::Source)),
        top: args.top.or(whole.then_some(TOP_ON_PAGE)).or(first_look.then_some(TOP_AT_FIRST)),
        min_refs: args.min_refs.unwrap_or_default(),
        near: args.near,
        prompts: args.prompts,
        drift: args.drift || args.fail_on_drift || whole,
        witness: args.witness || whole,
        keep_since: args.what_if.as_deref().map(|text| keep_since(text, &zone)).transpose()?,
        time_zone: zone.iana_name().map(str::to_string),
    })
}

/// Reads `keep=90d`.
fn keep_since(text: &str, zone: &jiff::tz::TimeZone) -> Result<Time> {
    let age = text
        .strip_prefix("keep=")
        .ok_or_else(|| Error::Usage(format!("--what-if {text:?} is not understood; keep=90d and keep=2026-01-01 are")))?;
    units::parse_time(age, zone, Timestamp::now())
}
