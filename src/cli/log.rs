//! `log`: every change of the vault, oldest first.

use super::Context;
use super::exit::Status;
use super::table::Table;
use crate::error::Result;

/// List every ingest, rm, gc and compact
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  turnpack log
  turnpack log --limit 5
  turnpack log --json | jq 'select(.command == \"rm\")'")]
pub(crate) struct Args {
    /// Only the last N changes
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let entries = context.open()?.log()?;
    let skipped = args.limit.map_or(0, |limit| entries.len().saturating_sub(limit));
    let mut shown = entries.iter().skip(skipped);
    if context.ui.json() {
        return shown.try_for_each(|entry| context.ui.report(entry)).map(|()| Status::Done);
    }
    let mut table = Table::new(&["<time", ">generation", "<command", "<counts", "<reason"]);
    for entry in shown {
        let counts: Vec<_> = entry.counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
        table.row(vec![
            entry.time.to_string(),
            entry.generation.to_string(),
            entry.command.clone(),
            counts.join(" "),
            entry.reason.clone().unwrap_or_default(),
        ]);
    }
    table.print(context.ui).map(|()| Status::Done)
}
