//! `gc`: drops what no live record needs.

use super::exit::Status;
use super::progress::Bars;
use super::table::Table;
use super::{Context, units};
use crate::error::Result;
use crate::vault::api::{GcOptions, GcReport};

/// Drop what no live record needs
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Drops what no live record needs: records removed longer ago than the grace period, and all content that only \
                  they held. It can be interrupted at any time and run again.",
    after_long_help = "\
Examples:
  turnpack gc --dry-run
  turnpack gc --grace 0
  turnpack gc --lock-timeout 10m --quiet"
)]
pub(crate) struct Args {
    /// List candidates, write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Keep what was removed more recently than this [env: TURNPACK_GC_GRACE] [default: 7d]
    #[arg(long, value_name = "DUR")]
    grace: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let options = GcOptions { dry_run: args.dry_run, grace: context.settings.gc_grace(args.grace.as_deref())? };
    #[allow(unused_mut, reason = "the engine may need it")]
    let mut vault = context.open()?;
    context.catch_signals()?;
    let report = {
        let bars = Bars::new(context.ui);
        vault.gc(&options, &bars, &context.interrupt)?
    };
    tell(&report, context)?;
    Ok(if !report.complete && context.interrupt.is_raised() { Status::Interrupted } else { Status::Done })
}

fn tell(report: &GcReport, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    if ui.json() {
        return ui.report(report);
    }
    if report.dry_run {
        let mut table = Table::new(&["<pack", ">records", ">bytes", "<action"]);
        for candidate in &report.candidates {
            table.row(vec![
                candidate.pack.clone(),
                super::ls::number(candidate.records, context),
                super::ls::bytes(candidate.bytes, context),
                candidate.action.clone(),
            ]);
        }
        table.print(ui)?;
    }
    let would = if report.dry_run { "would drop" } else { "dropped" };
    let (records, segments) = (units::counted(report.records, "record"), units::counted(report.segments, "segment"));
    let change = units::change(report.vault_bytes_before, report.vault_bytes_after);
    ui.say(&format!("{would} {records} and {segments}, vault {change}"));
    if report.in_grace > 0 {
        ui.say(&format!("{} still in grace; --grace 0 drops them too", units::counted(report.in_grace, "removed record")));
    }
    Ok(())
}
