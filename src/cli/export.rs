//! `export`: lines in the order they came, or dialogues in the forms that others take; to stdout or to files.

use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::progress::Bars;
use super::{Context, units};
use crate::dialogue::{Form, Speaker};
use crate::error::{Error, Result};
use crate::vault::api::{
    Decontaminate, DialogueOptions, DialogueReport, Duplicates, ExportOptions, ExportReport, Filter, Overlapping, PartitionKey,
    Per, Versioned,
};

/// Write lines out of the vault, byte for byte, or conversations in other formats
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes lines out of the vault, byte for byte. Without filters every source comes whole, in the order of their \
                  ingest: one after the other on standard output, or with -o each as a file of its own.\n\n\
                  With another --format it writes conversations. Agents log an event a line: a session is all of them, and it \
                  comes whole when one of its records passes the filters. Requests resend what was said before: the longest of \
                  each chain is written, and forks are kept. What a format cannot hold is left out and counted on standard \
                  error; with -o DIR the file is DIR/all.jsonl (.md, .csv, .html), or train and test of a --split.\n\n\
                  --format parquet writes a row for each record, or with --per conversation for each conversation: its hash, \
                  source, line, time, application, model, conversation, shape, ids, status, error, latency, tokens, cost and \
                  tags as typed columns, and what was said as a list of messages in the words of OpenAI's chat format. Usage \
                  that an agent tells in several records stands in the last of them, so that columns can be summed up.",
    after_long_help = "\
Examples:
  turnpack export --source gateway.jsonl > gateway.jsonl
  turnpack export --format openai --dedup exact --split 90/10 -o training/
  turnpack export --format parquet --no-messages --partition-by day,model -o warehouse/"
)]
pub(crate) struct Args {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    format: Format,

    /// Write files below DIR: for each source with its tree and modification times, or all.FORMAT, or the parts of a split
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    output: Option<PathBuf>,

    /// At most N lines, or conversations
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// What becomes one conversation, or row, of the output [default: conversation; with parquet: record]
    #[arg(long, value_enum, value_name = "UNIT")]
    per: Option<Unit>,

    /// Only texts of this segment type
    #[arg(long, value_name = "TYPE")]
    include: Vec<String>,

    /// No texts of this segment type
    #[arg(long, value_name = "TYPE")]
    exclude: Vec<String>,

    /// Write conversations once that are equal, or near: with four fifths of all runs of five words in common
    #[arg(long, value_enum, value_name = "HOW")]
    dedup: Option<Dedup>,

    /// Parts in per cent, such as 90/10 (train, test) or 80/10/10 (train, validation, test); near duplicates stay together
    #[arg(long, value_name = "SHARES")]
    split: Option<String>,

    /// Leave out conversations that overlap with a text of FILE (JSON lines, a JSON array, or text with blank lines between):
    /// 13 words in a row are in both, or a whole turn is a text of 3 to 12 words; instructions do not count
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    decontaminate: Option<PathBuf>,

    /// How many words in a row are an overlap
    #[arg(long, value_name = "N", default_value_t = 13, requires = "decontaminate", value_parser = clap::value_parser!(u64).range(4..=100))]
    decontaminate_words: u64,

    /// Who speaks behind a role word that is not known, such as counselor=assistant
    #[arg(long, value_name = "WORD=ROLE")]
    role_as: Vec<String>,

    /// With parquet: directories below the -o one that are named by these, such as day,model; days are those of UTC
    #[arg(long, value_enum, value_name = "COLUMNS", value_delimiter = ',')]
    partition_by: Vec<Partition>,

    /// With parquet: leave out messages and tools and keep the columns about them
    #[arg(long)]
    no_messages: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Partition {
    /// Day of the event
    Day,
    /// Month of the event
    Month,
    /// Model
    Model,
    /// Application
    #[value(alias = "app")]
    Application,
    /// Who served the model
    Provider,
    /// Shape of the record
    Shape,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The exact lines
    Raw,
    /// Fine-tuning lines of OpenAI, with tools and calls
    Openai,
    /// Requests of Anthropic's Messages API
    Anthropic,
    /// ShareGPT, with function_call and observation
    Sharegpt,
    /// Messages for Hugging Face data sets and chat templates
    Hf,
    /// Transcripts in Markdown
    Md,
    /// A row for each turn
    Csv,
    /// Transcripts as one page that needs nothing else
    Html,
    /// A table of typed columns for DuckDB, Spark, ClickHouse, pandas
    Parquet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unit {
    /// A session, or the longest of requests that resend their history
    Conversation,
    /// A record
    Record,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dedup {
    /// Equal in all that is said
    Exact,
    /// Equal, or near an earlier one
    Near,
}

impl Partition {
    fn api(self) -> PartitionKey {
        match self {
            Partition::Day => PartitionKey::Day,
            Partition::Month => PartitionKey::Month,
            Partition::Model => PartitionKey::Model,
            Partition::Application => PartitionKey::Application,
            Partition::Provider => PartitionKey::Provider,
            Partition::Shape => PartitionKey::Shape,
        }
    }
}

impl Format {
    fn form(self) -> Option<Form> {
        match self {
            Format::Raw => None,
            Format::Openai => Some(Form::Openai),
            Format::Anthropic => Some(Form::Anthropic),
            Format::Sharegpt => Some(Form::Sharegpt),
            Format::Hf => Some(Form::Hf),
            Format::Md => Some(Form::Md),
            Format::Csv => Some(Form::Csv),
            Format::Html => Some(Form::Html),
            Format::Parquet => Some(Form::Parquet),
        }
    }
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    match args.format.form() {
        Some(form) => dialogues(args, form, context),
        None => raw(args, context),
    }
}

fn raw(args: Args, context: &Context<'_>) -> Result<Status> {
    let asked = [
        ("--per", args.per.is_some()),
        ("--include", !args.include.is_empty()),
        ("--exclude", !args.exclude.is_empty()),
        ("--dedup", args.dedup.is_some()),
        ("--split", args.split.is_some()),
        ("--decontaminate", args.decontaminate.is_some()),
        ("--role-as", !args.role_as.is_empty()),
        ("--partition-by", !args.partition_by.is_empty()),
        ("--no-messages", args.no_messages),
    ];
    if let Some((option, _)) = asked.iter().find(|(_, given)| *given) {
        return Err(Error::Usage(format!("{option} is for conversations, and --format raw gives lines; name another --format")));
    }
    let options = ExportOptions { filter: args.filter.resolve(&context.settings)?, limit: args.limit };
    if context.ui.redacts() {
        context.ui.trouble("with --redact this is not byte for byte what came in");
    }
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

fn dialogues(args: Args, form: Form, context: &Context<'_>) -> Result<Status> {
    let options = DialogueOptions {
        split: args.split.as_deref().map(shares).transpose()?.unwrap_or_default(),
        roles: args.role_as.iter().map(|text| role(text)).collect::<Result<_>>()?,
        filter: args.filter.resolve(&context.settings)?,
        form,
        per: match args.per {
            Some(Unit::Record) => Per::Record,
            Some(Unit::Conversation) => Per::Conversation,
            None if form == Form::Parquet => Per::Record,
            None => Per::Conversation,
        },
        partition_by: args.partition_by.iter().map(|key| key.api()).collect(),
        without_messages: args.no_messages,
        include: args.include,
        exclude: args.exclude,
        limit: args.limit,
        dedup: args.dedup.map(|how| match how {
            Dedup::Exact => Duplicates::Exact,
            Dedup::Near => Duplicates::Near,
        }),
        decontaminate: args
            .decontaminate
            .map(|file| Decontaminate { file, words: usize::try_from(args.decontaminate_words).unwrap_or(usize::MAX) }),
    };
    // A table of records has rows in which nothing is said.
    let unit = if form == Form::Parquet && options.per == Per::Record { "row" } else { "conversation" };
    let to_stdout = args.output.as_deref().is_none_or(|output| output.as_os_str() == "-");
    if form == Form::Parquet && to_stdout && context.ui.stdout_is_terminal() {
        return Err(Error::Usage("a table is not for a terminal: name a directory with -o DIR, or redirect the output".into()));
    }
    let vault = context.open()?;
    let report = match &args.output {
        Some(dir) if !to_stdout => vault.export_dialogues_below(&options, dir)?,
        _ => vault.export_dialogues(&options, &mut context.ui.writer())?,
    };
    tell_without_time(context, report.without_time);
    match (context.ui.json(), to_stdout) {
        (true, false) => context.ui.report(&report)?,
        // On stdout the report would be taken for a conversation.
        (true, true) if !context.ui.quiet() => context.ui.json_on_stderr(&Versioned::new(&report)),
        _ => summary(&report, unit).iter().for_each(|line| context.ui.say(line)),
    }
    Ok(match (report.dialogues, report.left_out.is_empty()) {
        (0, true) => Status::Negative("no conversation matches".into()),
        (0, false) => Status::Negative("nothing of what matches has a place in this format; --format csv and md hold all".into()),
        _ => Status::Done,
    })
}

/// `90/10` as per cents.
fn shares(text: &str) -> Result<Vec<u32>> {
    let wrong = || Error::Usage(format!("--split {text}: two or three shares that make 100 are needed, such as 90/10"));
    let shares: Vec<u32> = text.split('/').map(|share| share.trim().parse().map_err(|_| wrong())).collect::<Result<_>>()?;
    let whole = shares.iter().try_fold(0_u32, |all, share| all.checked_add(*share)) == Some(100);
    if whole && matches!(shares.len(), 2 | 3) && !shares.contains(&0) { Ok(shares) } else { Err(wrong()) }
}

/// `counselor=assistant`.
fn role(text: &str) -> Result<(String, Speaker)> {
    let speakers = [Speaker::System, Speaker::User, Speaker::Assistant, Speaker::Tool];
    let found = text.rsplit_once('=').and_then(|(word, role)| {
        let speaker = speakers.into_iter().find(|speaker| speaker.name() == role)?;
        (!word.is_empty()).then(|| (word.to_owned(), speaker))
    });
    found.ok_or_else(|| Error::Usage(format!("--role-as {text}: WORD=ROLE is needed, with system, user, assistant or tool")))
}

/// Of more files only their number is told.
const MOST_PARTS: usize = 12;

/// What was written, and what could not be.
fn summary(report: &DialogueReport, unit: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "{}, {}, {} ({} unique), {}, {}",
        units::counted(report.dialogues, unit),
        units::counted(report.messages, "message"),
        units::counted(report.pairs, "pair"),
        report.unique_pairs,
        tokens(report),
        units::size(report.bytes)
    )];
    if report.parts.len() > MOST_PARTS {
        lines.push(format!("  {}", units::counted(report.parts.len() as u64, "file")));
    } else if report.parts.len() > 1 {
        lines.extend(
            report
                .parts
                .iter()
                .map(|part| format!("  {}: {}, {}", part.name, units::counted(part.dialogues, unit), units::size(part.bytes))),
        );
    }
    if report.resent > 0 {
        lines.push(format!("{} left out: a longer one resends all of it", units::counted(report.resent, "request")));
    }
    if report.repeated > 0 {
        lines.push(format!("{} left out: an equal one was written", units::counted(report.repeated, "conversation")));
    }
    if report.near > 0 {
        lines.push(format!("{} left out: near one that was written", units::counted(report.near, "conversation")));
    }
    let overlapping = &report.overlapping;
    if overlapping.texts + overlapping.texts_too_short > 0 {
        lines.extend(overlaps(overlapping));
    }
    if !report.left_out.is_empty() {
        let each: Vec<String> = report.left_out.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        lines.push(format!("left out or changed for this format: {}", each.join(", ")));
    }
    if !report.unknown_roles.is_empty() {
        lines.push(unknown_roles(report));
    }
    lines
}

/// The words behind which nobody knows who speaks, and what to do about it.
fn unknown_roles(report: &DialogueReport) -> String {
    const MOST: usize = 5;
    let mut roles: Vec<(&String, &u64)> = report.unknown_roles.iter().collect();
    roles.sort_by_key(|(role, count)| (std::cmp::Reverse(**count), *role));
    let first = roles.first().map_or("WORD", |(role, _)| role.as_str());
    let each: Vec<String> = roles.iter().take(MOST).map(|(role, count)| format!("{role} ({})", units::count(**count))).collect();
    format!("nobody knows who speaks as {}; say it, for instance with --role-as '{first}=user'", each.join(", "))
}

/// The usage of records is exact for them and not for a form of them; without it bytes must do.
fn tokens(report: &DialogueReport) -> String {
    let all = units::counted(report.tokens, "token");
    match report.tokens_estimated {
        0 => format!("about {all}"),
        estimated if estimated == report.tokens => format!("about {all} (estimated at 4 bytes each)"),
        estimated => format!("about {all} ({} of them estimated at 4 bytes each)", units::count(estimated)),
    }
}

/// What was left out for its overlap with which texts.
fn overlaps(found: &Overlapping) -> Vec<String> {
    let all = found.by_words + found.by_short_texts;
    let mut lines = vec![format!(
        "{} left out for an overlap with one of {}: {} by words in a row, {} by a turn that is a short text",
        units::counted(all, "conversation"),
        units::counted(found.texts, "text"),
        found.by_words,
        found.by_short_texts
    )];
    lines.extend(found.examples.iter().take(3).map(|overlap| format!("  {} with text {}", overlap.place, overlap.text)));
    lines.extend(found.frequent.iter().map(|frequent| {
        let left_out = units::counted(frequent.dialogues, "conversation");
        format!("  {left_out} for the same words: “{}”; take boilerplate out of the file to keep them", frequent.words)
    }));
    if found.texts_too_short > 0 {
        lines.push(format!("  {} of fewer than 3 words not looked for", units::counted(found.texts_too_short, "text")));
    }
    lines
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

    #[test]
    fn shares_and_roles_are_checked_before_anything_is_read() {
        assert_eq!(shares("90/10").unwrap(), [90, 10]);
        assert_eq!(shares("80/10/10").unwrap(), [80, 10, 10]);
        for wrong in ["90", "90/20", "100/0", "a/b", "25/25/25/25", "-10/110", "4294967295/101"] {
            assert!(matches!(shares(wrong), Err(Error::Usage(_))), "{wrong}");
        }
        assert_eq!(role("counselor=assistant").unwrap(), ("counselor".to_owned(), Speaker::Assistant));
        for wrong in ["counselor", "=user", "a=b"] {
            assert!(matches!(role(wrong), Err(Error::Usage(_))), "{wrong}");
        }
    }
}
