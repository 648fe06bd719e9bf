//! `embed`: vectors of texts, so that they are found by what they say.

use std::path::{Path, PathBuf};

use super::exit::Status;
use super::progress::Bars;
use super::{Context, units};
use crate::error::{Error, IoContext, Result};
use crate::vault::Vault;
use crate::vault::api::{ConversationSummary, EmbedModel, EmbedOptions, EmbedReport, Metric};
use crate::vectors::builtin;

/// Make vectors of texts, for search --semantic
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Makes vectors of the texts of all records that have none yet; `search --semantic` finds texts by them. The built-in \
                  embedder needs no model, server or network. Interrupted, it goes on where it stopped; a text that many records hold is \
                  embedded once. Vectors lie in parts/ and take some 550 bytes for each text, two kilobytes of a long one. The result is the \
                  same with any number of threads.",
    after_long_help = "\
A command reads JSON lines {\"text\": …} and writes a line {\"embedding\": […]} for each, in their order. An endpoint is sent
requests as OpenAI's /v1/embeddings takes them; nothing else ever leaves the machine. A command that sums up reads lines
{\"text\": …}, a conversation each, and writes a line {\"summary\": …} for each.

Examples:
  turnpack embed
  turnpack embed --summary concat:4000
  turnpack embed --endpoint http://localhost:11434/v1 --model nomic-embed-text"
)]
pub(crate) struct Args {
    /// Only what has no vectors yet (the default)
    #[arg(long, conflicts_with = "all")]
    pending: bool,

    /// Everything anew
    #[arg(long)]
    all: bool,

    /// Count what is pending, write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Types of segments [default: all that are words but tool_definitions, with --summary also without system_prompt and context]
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,

    /// One vector for each conversation: of its first N bytes of text (concat:N), or of what a command makes of it (command:CMD)
    #[arg(long, value_name = "concat:N|command:CMD", value_parser = summary, conflicts_with = "from_log")]
    summary: Option<ConversationSummary>,

    /// Model: `builtin`, or the name that --command, --endpoint or --model-dir goes by [default for a folder: its own name]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,

    #[command(flatten)]
    from: ModelArgs,

    /// Take the vectors that records carry under KEY, such as query_embedding; their model is called log:KEY
    #[arg(long, value_name = "KEY", conflicts_with_all = ["command", "endpoint", "model_dir", "model"])]
    from_log: Option<String>,

    /// How vectors from the log are compared [default: as those there are, else cosine]
    #[arg(long, value_name = "METRIC", requires = "from_log", value_parser = metric)]
    metric: Option<Metric>,

    /// How vectors are kept: as int8, or as they are beside it (four bytes more a value; nothing is rounded in the last comparison)
    /// [default: as those there are, else int8]
    #[arg(long, value_name = "int8|none", value_parser = quantize)]
    quantize: Option<bool>,

    /// Parts with at least N vectors get a graph (HNSW); smaller ones are looked at whole
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    graph_from: usize,

    /// Links of a graph's row: M, 4 to 64
    #[arg(long, value_name = "M", default_value_t = 16)]
    links: usize,

    /// Candidates looked at for each row of a graph
    #[arg(long, value_name = "N", default_value_t = 200)]
    ef_construction: usize,
}

fn metric(text: &str) -> Result<Metric, String> {
    Metric::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| "cosine, dot or l2 is expected".into())
}

/// True for vectors that are kept as they are.
fn quantize(text: &str) -> Result<bool, String> {
    match text {
        "int8" => Ok(false),
        "none" => Ok(true),
        _ => Err("int8 or none is expected".into()),
    }
}

fn summary(text: &str) -> Result<ConversationSummary, String> {
    let length = |digits: &str| digits.parse().ok().filter(|length| (100..=1 << 24).contains(length));
    match text.split_once(':') {
        Some(("concat", digits)) => length(digits)
            .map(ConversationSummary::Concat)
            .ok_or_else(|| format!("{digits} is no number of bytes from 100 to 16777216")),
        Some(("command" | "cmd", command)) if !command.trim().is_empty() => Ok(ConversationSummary::Command(command.to_string())),
        _ => Err("concat:N or command:CMD is expected".into()),
    }
}

/// Who embeds; for queries as for texts.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ModelArgs {
    /// Command that embeds: JSON lines in, JSON lines out
    #[arg(long = "command", value_name = "CMD", conflicts_with = "endpoint")]
    command: Option<String>,

    /// Folder of sentence-transformers (BERT, such as all-MiniLM-L6-v2), run on the CPU; for programs built with the feature candle
    #[arg(long, value_name = "DIR", conflicts_with_all = ["command", "endpoint"], value_hint = clap::ValueHint::DirPath)]
    model_dir: Option<PathBuf>,

    /// Server that embeds, as OpenAI does: its address up to /v1
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    endpoint: Option<String>,

    /// File with the key the server wants
    #[arg(long, value_name = "FILE", requires = "endpoint", value_hint = clap::ValueHint::FilePath)]
    key_file: Option<PathBuf>,
}

impl ModelArgs {
    /// The model asked for; `None` when none is.
    pub(crate) fn resolve(&self, name: Option<&str>) -> Result<Option<EmbedModel>> {
        let key = |path: &Path| std::fs::read_to_string(path).on("reading the key from", path).map(|key| key.trim().to_string());
        if let Some(path) = &self.model_dir {
            let own_name = || Some(path.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned());
            let name = name.map(str::to_string).or_else(own_name).unwrap_or_else(|| "model".to_string());
            return Ok(Some(EmbedModel::Folder { path: path.clone(), name }));
        }
        match (&self.command, &self.endpoint, name) {
            (Some(command), ..) => {
                Ok(Some(EmbedModel::Command { command: command.clone(), name: name.unwrap_or("command").to_string() }))
            }
            (None, Some(url), Some(name)) => Ok(Some(EmbedModel::Endpoint {
                url: url.clone(),
                name: name.to_string(),
                key: self.key_file.as_deref().map(key).transpose()?,
            })),
            (None, Some(_), None) => Err(Error::Usage(
                "--endpoint needs the model it is to be asked for, by name: --model for embed, --embedder for search".into(),
            )),
            (None, None, Some("builtin" | builtin::NAME)) => Ok(Some(EmbedModel::Builtin)),
            (None, None, _) => Ok(None),
        }
    }
}

/// The name kept with vectors that a model is asked for by.
pub(crate) fn kept_name(name: &str) -> String {
    if name == "builtin" { builtin::NAME.to_string() } else { name.to_string() }
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let of_log = args.from_log.map(|key| EmbedModel::Log { name: format!("log:{key}"), key });
    let model = match of_log {
        Some(model) => Some(model),
        None => args.from.resolve(args.model.as_deref())?,
    };
    let model = match (model, args.model) {
        (Some(model), _) => model,
        (None, None) => EmbedModel::Builtin,
        (None, Some(name)) => {
            return Err(Error::Usage(format!(
                "who embeds with {name}? Say it with --endpoint URL, --command CMD or --model-dir DIR"
            )));
        }
    };
    let options = EmbedOptions {
        model,
        summary: args.summary,
        types: args.types,
        all: args.all,
        dry_run: args.dry_run,
        graph_from: args.graph_from,
        metric: args.metric,
        keep_originals: args.quantize,
        links: args.links,
        ef_construction: args.ef_construction,
    };
    let vault = context.open()?;
    context.catch_signals()?;
    let report = {
        let bars = Bars::new(context.ui);
        vault.embed(&options, &bars, &context.interrupt)?
    };
    tell(&report, context)?;
    Ok(if context.interrupt.is_raised() { Status::Interrupted } else { Status::Done })
}

/// Embeds what an ingest brought.
pub(crate) fn run_builtin(vault: &Vault, context: &Context<'_>) -> Result<()> {
    let report = {
        let bars = Bars::new(context.ui);
        vault.embed(&EmbedOptions::default(), &bars, &context.interrupt)?
    };
    tell(&report, context)
}

fn tell(report: &EmbedReport, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    if ui.json() {
        return ui.report(report);
    }
    if report.dry_run {
        ui.say(&format!("{} without vectors of {}", units::counted(report.pending, "record"), report.model));
        return Ok(());
    }
    for refused in &report.refused {
        ui.warn(&format!("segment {} of record {} refused: {}", refused.segment, refused.record, refused.reason));
    }
    if report.refused_count > report.refused.len() as u64 {
        ui.warn(&format!("{} refused in all", units::counted(report.refused_count, "text")));
    }
    let (records, texts) = (units::counted(report.records, "record"), units::counted(report.texts, "new text"));
    ui.say(&format!("{texts} in {records} embedded with {}: {}", report.model, units::counted(report.vectors, "vector")));
    let (all, total) = (units::counted(report.total_texts, "text"), units::counted(report.total_vectors, "vector"));
    ui.say(&format!("now {all}, {total} of {} dimensions, {}", report.dimension, super::ls::bytes(report.bytes, context)));
    if report.pending > 0 {
        ui.say(&format!("{} left; run it again to go on", units::counted(report.pending, "record")));
    }
    Ok(())
}
