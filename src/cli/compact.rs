//! `compact`: rewrites packs for size, in whatever time it is given.

use super::exit::Status;
use super::progress::Bars;
use super::table::Table;
use super::{Context, units};
use crate::error::Result;
use crate::vault::api::{CompactOptions, CompactReport, Tier};

/// Rewrite packs for size
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Rewrites packs for size, one after the other. Finished packs are left alone: a second run writes nothing. When \
                  the time is up it stops after a pack, exits 0 and reports \"complete\": false; the next run goes on from there. The \
                  cold tier is for what is kept rather than read: smaller, but one record costs the decoding of a large block.",
    after_long_help = "\
Examples:
  turnpack compact --dry-run
  turnpack compact --tier cold
  turnpack compact --max-runtime 20m --lock-timeout 10m --quiet"
)]
pub(crate) struct Args {
    /// Show what would be rewritten, write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Stop after this long
    #[arg(long, value_name = "DUR")]
    max_runtime: Option<String>,

    /// How hard to compress, 1 to 22 [default: 19]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=22))]
    level: Option<u8>,

    /// What packs are for: `hot` is read, `cold` is kept
    #[arg(long, value_name = "TIER")]
    tier: Option<TierArg>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum TierArg {
    Hot,
    Cold,
}

impl From<TierArg> for Tier {
    fn from(tier: TierArg) -> Tier {
        match tier {
            TierArg::Hot => Tier::Hot,
            TierArg::Cold => Tier::Cold,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let max_runtime = args.max_runtime.as_deref().map(units::parse_duration).transpose()?;
    let options = CompactOptions { dry_run: args.dry_run, max_runtime, level: args.level, tier: args.tier.map(Tier::from) };
    #[allow(unused_mut, reason = "the engine may need it")]
    let mut vault = context.open()?;
    context.catch_signals()?;
    let report = {
        let bars = Bars::new(context.ui);
        vault.compact(&options, &bars, &context.interrupt)?
    };
    tell(&report, context)?;
    Ok(if !report.complete && context.interrupt.is_raised() { Status::Interrupted } else { Status::Done })
}

fn tell(report: &CompactReport, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    if ui.json() {
        return ui.report(report);
    }
    if report.dry_run {
        let mut table = Table::new(&["<pack", "<action", ">bytes", ">then", "<reason"]);
        for pack in &report.packs {
            table.row(vec![
                pack.pack.clone(),
                pack.action.clone(),
                super::ls::bytes(pack.bytes_before, context),
                pack.bytes_after.map(|bytes| super::ls::bytes(bytes, context)).unwrap_or_default(),
                pack.reason.clone(),
            ]);
        }
        table.print(ui)?;
    }
    let would = if report.dry_run { "would rewrite" } else { "rewrote" };
    let change = units::change(report.vault_bytes_before, report.vault_bytes_after);
    let packs = units::counted(report.packs_rewritten, "pack");
    ui.say(&format!("{would} {packs}, left {} alone, vault {change}", units::count(report.packs_kept)));
    if !report.complete {
        ui.say("not complete yet; run it again to go on");
    }
    Ok(())
}
