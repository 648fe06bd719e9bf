//! `reindex`: everything derived, again from the packs.

use super::exit::Status;
use super::progress::Bars;
use super::{Context, units};
use crate::error::Result;
use crate::vault::Vault;

/// Rebuild the catalog and all other derived files from the packs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  turnpack reindex
  turnpack reindex --lexical
  turnpack reindex --threads 2 --memory-limit 1G")]
pub(crate) struct Args {
    /// Lexical parts for all packs: without, only in vaults with 64 MiB of text, for packs with 4 MiB
    #[arg(long)]
    lexical: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let ui = context.ui;
    context.catch_signals()?;
    let (dir, options) = (context.settings.vault()?, context.settings.open_options()?);
    let report = {
        let bars = Bars::new(ui);
        Vault::reindex(dir, &options, &bars, &context.interrupt)?
    };
    if args.lexical {
        let bytes = context.open()?.make_lexical_parts(true)?;
        ui.say(&format!("lexical parts of {}", units::size(bytes)));
    }
    report.lost.iter().for_each(|lost| ui.trouble(lost));
    if ui.json() {
        ui.report(&report)?;
    }
    let (packs, records) = (units::counted(report.packs, "pack"), units::counted(report.records, "record"));
    ui.say(&format!("{packs} read, {records} in {} found", units::counted(report.sources, "source")));
    if report.head_rebuilt {
        ui.say("the commit point was lost and is rebuilt");
    }
    Ok(match report.lost.len() {
        0 => Status::Done,
        _ => Status::Damaged("not everything could be recovered".into()),
    })
}
