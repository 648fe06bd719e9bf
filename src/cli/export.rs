//! `export`: lines in the order they came, to stdout or to a tree of files.

use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::progress::Bars;
use super::{Context, units};
use crate::error::Result;
use crate::vault::api::{ExportOptions, ExportReport, Filter};

/// Write lines out of the vault, byte for byte
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes lines out of the vault, byte for byte. Without filters every source comes whole, in the order of their \
                  ingest: one after the other on standard output, or with -o each as a file of its own.",
    after_long_help = "\
Examples:
  turnpack export --source gateway.jsonl > gateway.jsonl
  turnpack export -o restored/
  turnpack export --model gpt-5 --since 30d --limit 1000 > sample.jsonl"
)]
pub(crate) struct Args {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    format: Format,

    /// Write a file for each source below DIR, with its tree and modification times
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    output: Option<PathBuf>,

    /// At most N lines
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The exact lines
    Raw,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let Format::Raw = args.format;
    let options = ExportOptions { filter: args.filter.resolve(&context.settings)?, limit: args.limit };
    let vault = context.open()?;
    let to_stdout = args.output.as_deref().is_none_or(|output| output.as_os_str() == "-");
    let report = match &args.output {
        Some(dir) if !to_stdout => vault.export_tree(&options, dir, &Bars::new(context.ui))?,
        _ => vault.export_raw(&options, &mut context.ui.writer())?,
    };
    tell(&report, to_stdout, context)?;
    // Naming sources takes them whole; only what picks lines out of them makes an empty result an answer of its own.
    let picked = Filter { sources: Vec::new(), ..options.filter };
    Ok(status(&report, !picked.is_empty()))
}

fn tell(report: &ExportReport, to_stdout: bool, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    for failure in &report.failures {
        ui.trouble(&format!("{}: {}", failure.path.display(), failure.message));
    }
    tell_without_time(context, report.without_time);
    if ui.json() && !to_stdout {
        return ui.report(report);
    }
    // On stdout the report would be taken for a line of the export.
    if !to_stdout {
        let (lines, sources) = (units::counted(report.occurrences, "line"), units::counted(report.sources, "source"));
        ui.say(&format!("{lines} of {sources}, {}", units::size(report.bytes)));
    }
    Ok(())
}

fn status(report: &ExportReport, filtered: bool) -> Status {
    if !report.failures.is_empty() {
        let files = units::counted(report.failures.len() as u64, "file");
        return Status::Partial(format!("{files} could not be written"));
    }
    if report.removed_lines > 0 && !filtered {
        let lines = units::counted(report.removed_lines, "line");
        return Status::Partial(format!("{lines} left out because they were removed: this is not the original any more"));
    }
    if filtered && report.occurrences == 0 {
        return Status::Negative("nothing matches".into());
    }
    Status::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_is_not_the_original_says_so_with_its_exit_code() {
        let report = ExportReport { occurrences: 2, removed_lines: 1, ..ExportReport::default() };
        assert!(matches!(status(&report, false), Status::Partial(_)));
        assert_eq!(status(&report, true), Status::Done);
        assert!(matches!(status(&ExportReport::default(), true), Status::Negative(_)));
        assert_eq!(status(&ExportReport::default(), false), Status::Done);
    }
}
