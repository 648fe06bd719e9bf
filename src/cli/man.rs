//! `man`: manual pages, rendered from the same definition as the parser.

use super::Context;
use super::exit::Status;
use crate::error::{Error, IoContext, Result};

/// Print a manual page
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  turnpack man | man -l -
  turnpack man ingest | man -l -
  turnpack man check > ~/.local/share/man/man1/turnpack-check.1")]
pub(crate) struct Args {
    /// The command; without one, the page about turnpack
    #[arg(value_name = "COMMAND")]
    page: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<Status> {
    let page = render(args.page.as_deref())?;
    context.ui.raw(page.as_bytes())?;
    Ok(Status::Done)
}

/// The page of a command, or of the program itself, as roff.
///
/// # Errors
/// [`Error::Usage`] when there is no such command.
pub fn render(command: Option<&str>) -> Result<String> {
    let mut root = super::command().disable_help_subcommand(true).version(env!("CARGO_PKG_VERSION"));
    // Building hands the global options down to the commands.
    root.build();
    let page = match command {
        None => root,
        Some(name) => {
            let found = root.find_subcommand(name).cloned();
            let found =
                found.ok_or_else(|| Error::Usage(format!("there is no command {name:?}; `turnpack --help` lists them")))?;
            // clap keeps names for ever; ours come from the command line.
            let full: &'static str = Box::leak(format!("turnpack-{}", found.get_name()).into_boxed_str());
            found.name(full).display_name(full).version(env!("CARGO_PKG_VERSION"))
        }
    };
    let mut roff = Vec::new();
    let rendered = clap_mangen::Man::new(page).manual("turnpack manual").render(&mut roff);
    rendered.on("rendering", std::path::Path::new("a manual page"))?;
    let roff = String::from_utf8(roff).map_err(|_| Error::Internal("a manual page is not UTF-8".into()))?;
    Ok(with_named_sections(&roff))
}

/// What follows the options in `--help` arrives as one filled paragraph; a page gives each part a section, line by line.
fn with_named_sections(roff: &str) -> String {
    let roff = roff.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n.nf\n");
    let roff = roff.replace(".SH EXTRA\n", ".SH NOTES\n");
    let roff = roff.replace("\n\nExamples:\n", "\n.SH EXAMPLES\n.nf\n");
    let roff = roff.replace("\n\nExit codes:\n", "\n.fi\n.SH EXIT STATUS\n.nf\n");
    roff.replace("\n.SH VERSION\n", "\n.fi\n.SH VERSION\n")
}
