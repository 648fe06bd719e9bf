//! Arguments in, text out. One file per command: what can be typed (`Args`) and what is done about it (`run`).
//!
//! ```text
//! arguments ─ clap ─▶ Args ─┐
//! environment, files ───────┴─ settings ─▶ Settings ─▶ command ─▶ vault::api options ─▶ vault
//!                                        ui ◀─ table, json ◀─ report ◀──────────────────┘
//! ```
//!
//! Only `ui` prints, only `settings` reads the environment, only `exit` knows exit codes.

mod check;
mod color;
mod compact;
mod completions;
mod config;
mod embed;
mod exit;
mod export;
mod filter;
mod gc;
mod get;
mod ingest;
mod log;
mod ls;
mod man;
mod pretty;
mod progress;
mod reindex;
mod report;
mod rm;
mod search;
mod settings;
mod signals;
mod stats;
mod table;
mod train_dict;
mod ui;
mod units;
mod version;
mod visible;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::vault::Vault;
use exit::Status;
use settings::Settings;
use ui::Ui;

pub use completions::render as render_completions;
pub use man::render as render_man_page;

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "turnpack",
    about = "Archive LLM logs: every line back byte for byte, in a fraction of the space",
    long_about = "turnpack keeps logs of LLM conversations in a directory, the vault, in a fraction of the size that general \
                  compressors reach. Every line comes back byte for byte.",
    after_long_help = EXAMPLES,
    disable_version_flag = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    root: Root,

    #[command(subcommand)]
    command: Option<Command>,
}

// What can be typed without a command.
#[derive(Debug, clap::Args)]
struct Root {
    #[command(flatten)]
    global: GlobalArgs,

    /// Print the version; with --json also format versions and features
    #[arg(short = 'V', long)]
    version: bool,
}

const EXAMPLES: &str = "\
Examples:
  zcat gateway-*.gz | turnpack ingest --source gateway -
  turnpack get gateway:1041
  turnpack check --against ~/logs && rm -r ~/logs

Exit codes:
  0   done
  1   nothing found, negative answer
  2   usage
  3   done, but a file could not be opened or a compressed stream was damaged
  4   input/output or internal error
  10  no vault          11  locked            12  vault too new
  13  integrity error   14  no space          130/143  interrupted after a clean commit";

/// Options of every command.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) vault: Option<PathBuf>,

    /// Print JSON: one document for reports, lines for lists
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say nothing when all is well
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Explain decisions on stderr
    #[arg(long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// When to use colours: auto, always, never [env: TURNPACK_COLOR]
    #[arg(long, global = true, value_name = "WHEN")]
    pub(crate) color: Option<String>,

    /// Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]
    #[arg(long, global = true, value_name = "WHAT", value_parser = ["secrets"])]
    pub(crate) redact: Option<String>,

    /// Worker threads [env: TURNPACK_THREADS] [default: all processors]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<String>,

    /// Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]
    #[arg(long, global = true, value_name = "SIZE")]
    pub(crate) memory_limit: Option<String>,

    /// How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]
    #[arg(long, global = true, value_name = "DUR")]
    pub(crate) lock_timeout: Option<String>,

    /// Leave quietly (exit 0) when another process writes
    #[arg(long, global = true)]
    pub(crate) skip_if_locked: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(ingest::Args),
    Get(get::Args),
    Search(search::Args),
    Embed(embed::Args),
    Export(export::Args),
    Ls(ls::Args),
    Stats(stats::Args),
    DedupReport(report::Args),
    Rm(rm::Args),
    Log(log::Args),
    Check(check::Args),
    Gc(gc::Args),
    TrainDict(train_dict::Args),
    Compact(compact::Args),
    Reindex(reindex::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// What a command runs with.
pub(crate) struct Context<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) settings: Settings,
    pub(crate) interrupt: Interrupt,
}

impl Context<'_> {
    /// Opens the vault for a command that only reads, or changes what is there.
    pub(crate) fn open(&self) -> Result<Vault> {
        Vault::open(self.settings.vault()?, &self.settings.open_options()?)
    }

    /// From here on signals end the command after a clean commit. Without this call they end the process at once, which is
    /// what people expect of a command that only reads.
    pub(crate) fn catch_signals(&self) -> Result<()> {
        signals::install(&self.interrupt)
    }
}

/// The command line as clap knows it: for help, man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program and says how to exit.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match parse_alone(&arguments).map_or_else(|| Cli::try_parse_from(&arguments), Ok) {
        Ok(cli) => run_parsed(cli),
        Err(error) => refuse(&arguments, &error),
    }
}

/// Adds what can be typed after a command.
type Arguments = fn(clap::Command) -> clap::Command;

/// Commands that are run again and again: a `get` of one record would notice what building all of them takes.
const OFTEN: [(&str, Arguments); 5] = [
    ("ingest", ingest::Args::augment_args),
    ("get", get::Args::augment_args),
    ("search", search::Args::augment_args),
    ("ls", ls::Args::augment_args),
    ("stats", stats::Args::augment_args),
];

/// Parses one command without the others. What does not parse so is left to the whole, which has the right words for it.
fn parse_alone(arguments: &[OsString]) -> Option<Cli> {
    let word = arguments.iter().skip(1).find_map(|argument| OFTEN.iter().find(|(name, _)| argument == name));
    let (name, augment) = *word?;
    let command = augment(clap::Command::new(name));
    let one = Root::augment_args(clap::Command::new("turnpack").disable_version_flag(true)).subcommand(command);
    let mut matches = one.try_get_matches_from(arguments).ok()?;
    let cli = Cli::from_arg_matches_mut(&mut matches).ok()?;
    cli.command.is_some().then_some(cli)
}

fn run_parsed(cli: Cli) -> ExitCode {
    let mut ui = Ui::new(&cli.root.global);
    let interrupt = Interrupt::default();
    let skip_if_locked = cli.root.global.skip_if_locked;
    let outcome = Settings::load(&cli.root.global).and_then(|settings| {
        ui.set_color(settings.color()?);
        ui.set_redact(settings.redact()?);
        settings.warnings().iter().for_each(|warning| ui.warn(warning));
        let context = Context { ui: &ui, settings, interrupt: interrupt.clone() };
        dispatch(cli, &context).and_then(|status| ui.flush().map(|()| status))
    });
    exit::finish(&ui, outcome, &interrupt, skip_if_locked)
}

fn dispatch(cli: Cli, context: &Context<'_>) -> Result<Status> {
    if cli.root.version {
        return version::run(context);
    }
    let Some(command) = cli.command else {
        return Err(crate::error::Error::Usage("a command is missing; `turnpack --help` lists them".into()));
    };
    match command {
        Command::Ingest(_) if cli.root.global.redact.is_some() => {
            let why = "--redact is about what is shown; the vault keeps every byte, and secrets are taken out on the way out";
            Err(crate::error::Error::Usage(why.into()))
        }
        Command::Ingest(args) => ingest::run(args, context),
        Command::Get(args) => get::run(args, context),
        Command::Search(args) => search::run(args, context),
        Command::Embed(args) => embed::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Ls(args) => ls::run(args, context),
        Command::Stats(args) => stats::run(args, context),
        Command::DedupReport(args) => report::run(args, context),
        Command::Rm(args) => rm::run(args, context),
        Command::Log(args) => log::run(&args, context),
        Command::Check(args) => check::run(args, context),
        Command::Gc(args) => gc::run(&args, context),
        Command::TrainDict(args) => train_dict::run(&args, context),
        Command::Compact(args) => compact::run(&args, context),
        Command::Reindex(args) => reindex::run(&args, context),
        Command::Config(args) => config::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
    }
}

/// Help asked for goes to stdout and is a success; anything else clap refuses is a usage error.
fn refuse(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    // Parsing failed, so the few flags that decide how to speak are looked for by hand.
    let typed = || arguments.iter().skip(1).take_while(|argument| *argument != "--");
    let after_color = typed().skip_while(|argument| *argument != "--color").nth(1);
    let color = typed().find_map(|argument| argument.to_str()?.strip_prefix("--color=").map(str::to_string));
    let color = color.or_else(|| after_color.and_then(|value| value.to_str()).map(str::to_string));
    let global = GlobalArgs { json: typed().any(|argument| argument == "--json"), color, ..GlobalArgs::default() };
    let mut ui = Ui::new(&global);
    if let Ok(setting) = Settings::load(&global).and_then(|settings| settings.color()) {
        ui.set_color(setting);
    }
    exit::refused(&ui, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        std::iter::once("turnpack").chain(line.split_whitespace()).map(OsString::from).collect()
    }

    // Protects the short way of parsing: it must never understand something else than the whole does.
    #[test]
    fn a_command_built_alone_parses_to_the_same_as_among_all() {
        for line in [
            "get a.jsonl:1 --json",
            "--vault=v -q get --conversation c --type x",
            "get get",
            "ingest --vault v a.jsonl b.jsonl --source x",
            "ingest ls get",
            "search --json foo --since 30d -n 5",
            "--vault v search -- get",
            "ls --long",
            "stats --by model,day",
        ] {
            let (alone, among) = (parse_alone(&words(line)), Cli::try_parse_from(words(line)).unwrap());
            assert_eq!(format!("{:?}", alone.unwrap()), format!("{among:?}"), "{line}");
        }
        for line in [
            "",
            "get",
            "--vault get ls",
            "compact get",
            "--vault get",
            "get --nothing",
            "get --help",
            "help get",
            "--version",
            "ingest --help",
            "gc search",
            "--vault search get x --as md",
        ] {
            assert!(parse_alone(&words(line)).is_none(), "{line}");
        }
    }
}
