//! `train-dict`: zstd dictionaries for small blocks.

use super::exit::Status;
use super::table::Table;
use super::{Context, units};
use crate::error::Result;
use crate::vault::api::{TrainOptions, TrainReport};

/// Train dictionaries for small blocks, list them, choose which are used
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Trains dictionaries on the small blocks and groups that the open pack holds, as logs make them that are taken in \
                  every minute; `ingest` does so by itself when it pays. They are judged on blocks they were not trained on and \
                  refused (exit 1) when they do not pay. A dictionary is kept as long as a block needs it; `compact` needs none.",
    after_long_help = "\
Examples:
  turnpack train-dict
  turnpack train-dict --list --json
  turnpack train-dict --retire 3:0"
)]
pub(crate) struct Args {
    /// List dictionaries, train nothing
    #[arg(long, conflicts_with_all = ["activate", "retire"])]
    list: bool,

    /// Train on this many of the newest small blocks
    #[arg(long, value_name = "N")]
    samples: Option<u64>,

    /// Size of a dictionary
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,

    /// Keep new dictionaries without using them
    #[arg(long)]
    no_activate: bool,

    /// Use this dictionary
    #[arg(long, value_name = "PACK:NUMBER")]
    activate: Vec<String>,

    /// Use this dictionary no more
    #[arg(long, value_name = "PACK:NUMBER")]
    retire: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let options = TrainOptions {
        list: args.list,
        samples: args.samples,
        size: args.size.as_deref().map(units::parse_size).transpose()?,
        no_activate: args.no_activate,
        activate: args.activate.clone(),
        retire: args.retire.clone(),
    };
    let trains = !args.list && args.activate.is_empty() && args.retire.is_empty();
    let report = context.open()?.train_dictionaries(&options)?;
    tell(&report, trains, context)?;
    let refused = trains && report.trained.iter().all(|row| row.id.is_none());
    Ok(if refused { Status::Negative("no dictionary pays here".into()) } else { Status::Done })
}

fn tell(report: &TrainReport, trains: bool, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    if ui.json() {
        return ui.report(report);
    }
    for row in &report.trained {
        let (without, with) =
            (super::ls::bytes(row.held_out_bytes_without, context), super::ls::bytes(row.held_out_bytes_with, context));
        let verdict = row.id.as_ref().map_or("does not pay, not kept".to_string(), |id| format!("kept as {id}"));
        ui.say(&format!("{}: held out {without} without, {with} with it: {verdict}", row.kind));
    }
    if trains {
        if report.trained.is_empty() {
            ui.say("nothing to train on: no pack is being appended to");
        }
        return Ok(());
    }
    let mut table = Table::new(&["<id", "<kind", ">bytes", ">stored", "<active"]);
    for row in &report.dictionaries {
        let active = if row.active { "yes" } else { "no" };
        let sizes = [super::ls::bytes(row.bytes, context), super::ls::bytes(row.stored_bytes, context)];
        let [bytes, stored] = sizes;
        table.row(vec![row.id.clone(), row.kind.clone(), bytes, stored, active.into()]);
    }
    table.print(ui)
}
