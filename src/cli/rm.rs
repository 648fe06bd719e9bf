//! `rm`: tombstones, their undoing, and the purge that leaves nothing behind.

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::get::gather;
use super::progress::Bars;
use super::table::Table;
use super::{Context, units};
use crate::error::{Error, Result};
use crate::vault::Vault;
use crate::vault::api::{RmOptions, RmReport};

/// Remove records, for good only with --purge or gc
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Removes records by id, conversation or other filter. They are out of every answer at once and come back with \
                  --undo until gc has run; --purge drops them now, from every file of the vault. Ingesting the same source again \
                  does not bring them back.",
    after_long_help = "\
Examples:
  turnpack rm --conversation 7d1c0e52 --reason 'asked for by the user'
  turnpack rm --source old.jsonl --until 2025-01-01 --dry-run
  turnpack rm id:req_9f21 --purge --yes --json > receipt.json"
)]
pub(crate) struct Args {
    /// Ids of records, as for get; - reads them from standard input
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// Tell what would go, write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Why; kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Bring back what was removed and not collected yet
    #[arg(long, conflicts_with = "purge")]
    undo: bool,

    /// Remove from every file now, and print a receipt
    #[arg(long)]
    purge: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let ui = context.ui;
    let (dry_run, undo) = (args.dry_run, args.undo);
    let needs_yes = !args.yes && !dry_run && !undo;
    if needs_yes && !ui.can_ask() {
        return Err(Error::Usage("nobody is there to be asked; say --yes to remove, or --dry-run to see what would go".into()));
    }
    let options = RmOptions {
        filter: args.filter.resolve(&context.settings)?,
        ids: gather(&args.ids)?,
        dry_run,
        reason: args.reason,
        undo,
        purge: args.purge,
    };
    if options.ids.is_empty() && options.filter.is_empty() {
        return Err(Error::Usage("nothing to remove: give ids, or a filter such as --conversation or --source".into()));
    }
    #[allow(unused_mut, reason = "the engine may need it")]
    let mut vault = context.open()?;
    if needs_yes && !agreed(&vault, &options, context)? {
        return Ok(Status::Negative("nothing was removed".into()));
    }
    context.catch_signals()?;
    let report = vault.rm(&options, &Bars::new(ui), &context.interrupt)?;
    tell(&report, context)?;
    Ok(status(&report))
}

/// Shows what would go, then asks.
fn agreed(vault: &Vault, options: &RmOptions, context: &Context<'_>) -> Result<bool> {
    let plan = RmOptions { dry_run: true, ..options.clone() };
    let report = vault.rm(&plan, &Bars::new(context.ui), &context.interrupt)?;
    if report.records == 0 {
        // Nothing to agree to; the run itself tells why.
        return Ok(true);
    }
    let (records, lines) = (units::counted(report.records, "record"), units::counted(report.occurrences, "line"));
    let how = if options.purge { "purge for good" } else { "remove" };
    Ok(context.ui.confirm(&format!("{how} {records} ({lines})?")).unwrap_or(false))
}

fn tell(report: &RmReport, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    report.missing.iter().for_each(|id| ui.trouble(&format!("{id}: not found")));
    tell_without_time(context, report.without_time);
    if ui.json() {
        return ui.report(report);
    }
    if report.dry_run {
        let mut table = Table::new(&["<record", ">places", "<first"]);
        for row in &report.rows {
            let first = row.places.first().cloned().unwrap_or_default();
            table.row(vec![row.hash.clone(), row.occurrences.to_string(), first]);
        }
        table.print(ui)?;
    }
    let done = match (report.dry_run, report.undo, report.receipt.is_some()) {
        (true, true, _) => "would come back",
        (true, false, _) => "would be removed",
        (false, true, _) => "brought back",
        (false, false, true) => "purged",
        (false, false, false) => "removed",
    };
    let (records, lines) = (units::counted(report.records, "record"), units::counted(report.occurrences, "line"));
    ui.say(&format!("{records} ({lines}) {done}"));
    if let Some(receipt) = &report.receipt {
        ui.line(&format!("purged {records} at {}, generation {}", receipt.time, receipt.generation))?;
        ui.line(&format!("digest of the purged hashes: {}", receipt.digest))?;
        receipt.rewritten.iter().try_for_each(|file| ui.line(&format!("rewritten: {}", super::visible::visible(file))))?;
        receipt.deleted.iter().try_for_each(|file| ui.line(&format!("deleted: {}", super::visible::visible(file))))?;
    }
    Ok(())
}

fn status(report: &RmReport) -> Status {
    if !report.missing.is_empty() {
        return Status::Negative(format!("{} not found", units::counted(report.missing.len() as u64, "id")));
    }
    if report.records == 0 {
        return Status::Negative("nothing matches".into());
    }
    Status::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_that_missed_something_never_looks_like_a_success() {
        let all = RmReport { records: 2, ..RmReport::default() };
        assert_eq!(status(&all), Status::Done);
        let some = RmReport { missing: vec!["req_1".into()], ..all };
        assert!(matches!(status(&some), Status::Negative(_)));
        assert!(matches!(status(&RmReport::default()), Status::Negative(_)));
    }
}
