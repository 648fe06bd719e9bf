//! `ls`: sources, or conversations.

use clap::ValueEnum;

use super::exit::Status;
use super::filter::FilterArgs;
use super::table::Table;
use super::{Context, units};
use crate::error::{Error, Result};
use crate::vault::api::{ConversationRow, LsOptions, SourceRow, Time};

/// List sources or conversations
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What the vault keeps of each source is listed at once; --long and filters read the records, and tell their shape and the
time of their last event. With filters, those are listed that hold at least one such record. A terminal gets a table; a pipe gets tab-separated
lines without a header and with exact numbers.

Examples:
  turnpack ls --long --since 7d
  turnpack ls conversations --app claude-code --since 7d
  turnpack ls --sha256 --json | jq -r '\"\\(.sha256)  \\(.name)\"'")]
pub(crate) struct Args {
    /// What to list
    #[arg(value_enum, value_name = "WHAT", default_value_t = What::Sources)]
    what: What,

    /// List conversations: the same as `ls conversations`
    #[arg(long)]
    conversations: bool,

    /// Compute the SHA-256 of each source, which reads it
    #[arg(long)]
    sha256: bool,

    /// Read the records, to tell their shape and the time of their last event
    #[arg(short, long)]
    long: bool,

    /// List older generations of a source too
    #[arg(short, long)]
    all: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Sources
    Sources,
    /// Conversations
    Conversations,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let what = if args.conversations { What::Conversations } else { args.what };
    if what == What::Conversations && (args.sha256 || args.all || args.long) {
        return Err(Error::Usage("--sha256, --all and --long are about sources".into()));
    }
    let filter = args.filter.resolve(&context.settings)?;
    let options = LsOptions { filter, sha256: args.sha256, all_generations: args.all, long: args.long };
    let vault = context.open()?;
    let listed = match what {
        What::Sources => list_sources(&vault.ls_sources(&options)?, &options, context)?,
        What::Conversations => list_conversations(&vault.ls_conversations(&options)?, context)?,
    };
    if listed == 0 && !options.filter.is_empty() {
        return Ok(Status::Negative("nothing matches".into()));
    }
    Ok(Status::Done)
}

fn list_sources(rows: &[SourceRow], options: &LsOptions, context: &Context<'_>) -> Result<usize> {
    if context.ui.json() {
        rows.iter().try_for_each(|row| context.ui.report(row))?;
        return Ok(rows.len());
    }
    let sha256 = options.sha256;
    let digest_title = if sha256 { "<sha256" } else { "<blake3" };
    let mut table = Table::new(&["<source", ">lines", ">bytes", "<shape", "<last", "<ingested", digest_title]);
    for row in rows {
        let digest = if sha256 { row.sha256.clone().unwrap_or_default() } else { row.blake3.clone() };
        table.row(vec![
            display_name(row),
            number(row.occurrences, context),
            bytes(row.bytes, context),
            row.shape.clone().unwrap_or_default(),
            moment(row.last),
            moment(row.ingested),
            digest,
        ]);
    }
    table.print(context.ui).map(|()| rows.len())
}

/// The name as look-ups take it: only an older generation needs its number.
fn display_name(row: &SourceRow) -> String {
    if row.newest { row.name.clone() } else { format!("{}@{}", row.name, row.generation) }
}

fn list_conversations(rows: &[ConversationRow], context: &Context<'_>) -> Result<usize> {
    if context.ui.json() {
        rows.iter().try_for_each(|row| context.ui.report(row))?;
        return Ok(rows.len());
    }
    // The title last: it is the longest, and a terminal cuts there.
    let titles =
        ["<conversation", ">turns", ">tokens in", ">out", ">bytes", "<first", "<last", "<agent", "<models", "<project", "<title"];
    let mut table = Table::new(&titles);
    for row in rows {
        table.row(vec![
            row.id.clone(),
            number(row.turns, context),
            number(row.tokens_in, context),
            number(row.tokens_out, context),
            bytes(row.bytes, context),
            moment(row.first),
            moment(row.last),
            row.apps.join(", "),
            row.models.join(", "),
            row.project.clone().unwrap_or_default(),
            row.title.clone().unwrap_or_default(),
        ]);
    }
    table.print(context.ui).map(|()| rows.len())
}

/// For people with separators, for programs without.
pub(crate) fn number(value: u64, context: &Context<'_>) -> String {
    if context.ui.stdout_is_terminal() { units::count(value) } else { value.to_string() }
}

/// For people with a unit, for programs as a number.
pub(crate) fn bytes(value: u64, context: &Context<'_>) -> String {
    if context.ui.stdout_is_terminal() { units::size(value) } else { value.to_string() }
}

fn moment(time: Option<Time>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_name_is_one_that_a_look_up_takes() {
        let mut row = SourceRow {
            name: "/var/log/gw.log".into(),
            generation: 2,
            newest: true,
            aliases: Vec::new(),
            occurrences: 0,
            records: 0,
            removed_lines: 0,
            bytes: 0,
            provisional: false,
            blake3: String::new(),
            sha256: None,
            shape: None,
            first: None,
            last: None,
            ingested: None,
        };
        assert_eq!(display_name(&row), "/var/log/gw.log");
        row.newest = false;
        row.generation = 1;
        assert_eq!(display_name(&row), "/var/log/gw.log@1");
    }
}
