//! `export`: lines in the order they came, or dialogues in the forms that others take; to stdout or to files.

use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::progress::Bars;
use super::{Context, units};
use crate::dialogue::{Form, Speaker};
use crate::error::{Error, Result};
use crate::vault::api::{DialogueOptions, DialogueReport, ExportOptions, ExportReport, Filter, Per, Versioned};

/// Write lines out of the vault, byte for byte, or conversations in other formats
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes lines out of the vault, byte for byte. Without filters every source comes whole, in the order of their \
                  ingest: one after the other on standard output, or with -o each as a file of its own.\n\n\
                  With another --format it writes conversations. Agents log an event a line: a session is all of them, and it \
                  comes whole when one of its records passes the filters. Requests resend what was said before: the longest of \
                  each chain is written, and forks are kept. What a format cannot hold is left out and counted on standard \
                  error; with -o DIR the file is DIR/all.jsonl (.md, .csv, .html), or train and test of a --split.",
    after_long_help = "\
Examples:
  turnpack export --source gateway.jsonl > gateway.jsonl
  turnpack export -o restored/
  turnpack export --format openai --dedup exact --split 90/10 -o training/"
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

    /// What becomes one conversation of the output [default: conversation]
    #[arg(long, value_enum, value_name = "UNIT")]
    per: Option<Unit>,

    /// Only texts of this segment type
    #[arg(long, value_name = "TYPE")]
    include: Vec<String>,

    /// No texts of this segment type
    #[arg(long, value_name = "TYPE")]
    exclude: Vec<String>,

    /// Write equal conversations once
    #[arg(long, value_enum, value_name = "HOW")]
    dedup: Option<Dedup>,

    /// Parts in per cent, such as 90/10 (train, test) or 80/10/10 (train, validation, test); near duplicates stay together
    #[arg(long, value_name = "SHARES")]
    split: Option<String>,

    /// Who speaks behind a role word that is not known, such as counselor=assistant
    #[arg(long, value_name = "WORD=ROLE")]
    role_as: Vec<String>,

    #[command(flatten)]
    filter: FilterArgs,
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
        ("--role-as", !args.role_as.is_empty()),
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
            Some(Unit::Conversation) | None => Per::Conversation,
        },
        include: args.include,
        exclude: args.exclude,
        limit: args.limit,
        distinct: args.dedup.is_some(),
    };
    let to_stdout = args.output.as_deref().is_none_or(|output| output.as_os_str() == "-");
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
        _ => summary(&report).iter().for_each(|line| context.ui.say(line)),
    }
    Ok(if report.dialogues == 0 { Status::Negative("no conversation matches".into()) } else { Status::Done })
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

/// What was written, and what could not be.
fn summary(report: &DialogueReport) -> Vec<String> {
    let mut lines = vec![format!(
        "{}, {}, {} ({} unique), {}",
        units::counted(report.dialogues, "conversation"),
        units::counted(report.messages, "message"),
        units::counted(report.pairs, "pair"),
        report.unique_pairs,
        units::size(report.bytes)
    )];
    if report.parts.len() > 1 {
        lines.extend(report.parts.iter().map(|part| {
            format!("  {}: {}, {}", part.name, units::counted(part.dialogues, "conversation"), units::size(part.bytes))
        }));
    }
    if report.resent > 0 {
        lines.push(format!("{} left out: a longer one resends all of it", units::counted(report.resent, "request")));
    }
    if report.repeated > 0 {
        lines.push(format!("{} left out: an equal one was written", units::counted(report.repeated, "conversation")));
    }
    if !report.left_out.is_empty() {
        let each: Vec<String> = report.left_out.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        lines.push(format!("left out or changed for this format: {}", each.join(", ")));
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
