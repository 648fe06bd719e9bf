//! `search`: what is where.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::embed::{ModelArgs, kept_name};
use super::exit::Status;
use super::filter::{FilterArgs, tell_without_time};
use super::visible::visible;
use super::{Context, units};
use crate::error::{Error, IoContext, Result};
use crate::vault::api::{
    HitSegment, HitText, Id, SearchItem, SearchOptions, SearchOrder, SearchReport, SearchWanted, SemanticOptions,
};

/// Search every string of every record, in place
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Searches the decoded string values of all records, and the strings of JSON inside strings. QUERY is one literal, \
                  spaces included, as for grep -F; -E makes it a regular expression, in which ^ and $ are ends of lines and a dot \
                  is no newline. One line per occurrence is printed: SOURCE:LINE: the first match and what stands around it. \
                  With a filter QUERY may be absent.",
    after_long_help = "\
With --type or --role and a QUERY, the match must stand in such a segment.

Examples:
  turnpack search 'connection reset by peer'
  turnpack search -E 'time(d )?out' --since 7d --error -c
  turnpack search --semantic 'customer wants money back' --since 30d"
)]
pub(crate) struct Args {
    /// What to look for
    #[arg(value_name = "QUERY", allow_hyphen_values = false)]
    query: Option<String>,

    /// Patterns are literals (the default)
    #[arg(short = 'F', long, conflicts_with = "regex")]
    fixed_strings: bool,

    /// Patterns are regular expressions
    #[arg(short = 'E', long)]
    regex: bool,

    /// A pattern; repeat for several, any of which is wanted
    #[arg(short = 'e', long = "pattern", value_name = "PATTERN", allow_hyphen_values = true)]
    patterns: Vec<String>,

    /// Patterns from a file, one a line; - reads standard input
    #[arg(short = 'f', long = "file", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,

    /// Records must hold all patterns
    #[arg(long)]
    all: bool,

    /// Case does not count
    #[arg(short = 'i', long)]
    ignore_case: bool,

    /// Only whole words
    #[arg(short = 'w', long = "word-regexp")]
    words: bool,

    /// Neither case nor accents nor width count
    #[arg(long)]
    fold: bool,

    /// The texts that speak most of the words of QUERY, best first (BM25); 10 unless -n says otherwise
    #[arg(long, conflicts_with_all = ["regex", "all", "raw", "words", "unique", "fold", "ignore_case"])]
    rank: bool,

    /// The texts that say most nearly what QUERY says, best first; needs `turnpack embed`. 10 unless -n says otherwise
    #[arg(long, visible_alias = "hybrid", conflicts_with_all = ["regex", "all", "raw", "words", "fold", "ignore_case", "rank"])]
    semantic: bool,

    /// Texts that are like what this record's user said last, best first
    #[arg(long, value_name = "ID", conflicts_with_all = ["query", "patterns", "file", "regex", "all", "raw", "words", "fold", "ignore_case", "rank", "semantic"])]
    like: Option<String>,

    /// With --semantic: a query on each line of FILE; - reads standard input
    #[arg(long, value_name = "FILE", requires = "semantic", conflicts_with_all = ["query", "patterns", "file"], value_hint = clap::ValueHint::FilePath)]
    queries_from: Option<PathBuf>,

    /// With --semantic: words do not count beside likeness
    #[arg(long, requires = "semantic")]
    no_lexical: bool,

    /// With --semantic or --like: what is found; conversations need `turnpack embed --summary`
    #[arg(long, value_enum, default_value_t = Granularity::Segment)]
    granularity: Granularity,

    /// With --semantic or --like: compare every vector, no graph
    #[arg(long)]
    exact: bool,

    /// With --semantic or --like: leave out hits with a lower score
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f64>,

    /// With --semantic or --like: candidates of a walk through a graph [default: 256]
    #[arg(long, value_name = "N")]
    ef: Option<usize>,

    /// With --semantic or --like: whose vectors are searched, as `embed --model` named them
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,

    #[command(flatten)]
    from: ModelArgs,

    /// Search the exact bytes of lines, not their strings
    #[arg(long)]
    raw: bool,

    /// Print the number of occurrences
    #[arg(short, long, conflicts_with_all = ["ids", "unique"])]
    count: bool,

    /// Print record hashes, each once
    #[arg(long, conflicts_with = "unique")]
    ids: bool,

    /// Print each text that has a match once: how many records hold it, and the first and last place
    #[arg(long)]
    unique: bool,

    /// At most N lines
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<u64>,

    /// Order: source, time (oldest first) or score [default: source; score with --rank]
    #[arg(long, value_enum, value_name = "ORDER", hide_possible_values = true)]
    sort: Option<Order>,

    /// Count each record once, however often it occurs
    #[arg(long)]
    distinct: bool,

    /// End lines with a zero byte
    #[arg(short = '0', long = "null")]
    zero: bool,

    /// Refused, so that nobody takes it for grep's: --verbose explains, and nothing here inverts
    #[arg(short = 'v', hide = true)]
    v: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Hits of a ranked search when nobody says how many.
const BEST: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Source,
    Time,
    Score,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let ui = context.ui;
    if args.v {
        return Err(Error::Usage("-v is not taken: --verbose explains what is done; leaving matches out is not possible".into()));
    }
    let wanted = match &args {
        Args { count: true, .. } => SearchWanted::Count,
        Args { ids: true, .. } => SearchWanted::Ids,
        Args { unique: true, .. } => SearchWanted::Unique,
        _ if ui.quiet() => SearchWanted::Any,
        _ => SearchWanted::Lines,
    };
    let semantic = semantic(&args)?;
    let options = SearchOptions {
        patterns: patterns(&args)?,
        all: args.all,
        regex: args.regex,
        ignore_case: args.ignore_case,
        words: args.words,
        fold: args.fold,
        raw: args.raw,
        rank: args.rank,
        filter: args.filter.resolve(&context.settings)?,
        limit: args.limit.or((args.rank || semantic.is_some()).then_some(BEST)),
        order: args.sort.map(|order| match order {
            Order::Source => SearchOrder::Source,
            Order::Time => SearchOrder::Time,
            Order::Score => SearchOrder::Score,
        }),
        wanted,
        distinct: args.distinct,
        with_metadata: ui.json(),
        semantic,
    };
    let end: &[u8] = if args.zero { b"\0" } else { b"\n" };
    let report = context.open()?.search(&options, &mut |item| print(&item, end, context))?;
    tell(&report, &options, context)?;
    Ok(match report.occurrences {
        0 => Status::Nothing,
        _ => Status::Done,
    })
}

/// What --semantic finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Granularity {
    /// Texts
    Segment,
    /// Conversations
    Conversation,
}

/// How texts are found by what they say, if that is asked.
fn semantic(args: &Args) -> Result<Option<SemanticOptions>> {
    if !args.semantic && args.like.is_none() {
        let is_whole = args.granularity == Granularity::Conversation;
        return match args.exact || args.min_score.is_some() || args.ef.is_some() || is_whole {
            true => Err(Error::Usage("--exact, --min-score, --ef and --granularity go with --semantic or --like".into())),
            false => Ok(None),
        };
    }
    if args.sort.is_some_and(|order| order != Order::Score) {
        return Err(Error::Usage("hits of --semantic and --like come by score".into()));
    }
    let mut queries = Vec::new();
    if let Some(file) = &args.queries_from {
        queries.extend(read_lines(file)?.lines().filter(|line| !line.trim().is_empty()).map(str::to_string));
        if queries.is_empty() {
            return Err(Error::Usage(format!("no query is in {}", file.display())));
        }
    }
    Ok(Some(SemanticOptions {
        model: args.from.resolve(args.embedder.as_deref())?,
        model_name: args.embedder.as_deref().map(kept_name),
        like: args.like.as_deref().map(Id::parse).transpose()?,
        queries,
        lexical: !args.no_lexical,
        conversations: args.granularity == Granularity::Conversation,
        exact: args.exact,
        ef: args.ef,
        min_score: args.min_score,
    }))
}

fn read_lines(file: &Path) -> Result<String> {
    let mut text = String::new();
    match file.as_os_str() == "-" {
        true => drop(std::io::stdin().read_to_string(&mut text).on("reading from", Path::new("standard input"))?),
        false => text = std::fs::read_to_string(file).on("reading", file)?,
    }
    Ok(text)
}

/// What is looked for, wherever it was typed.
fn patterns(args: &Args) -> Result<Vec<String>> {
    let mut patterns = args.patterns.clone();
    if let Some(file) = &args.file {
        let mut text = String::new();
        if file.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text).on("reading patterns from", Path::new("standard input"))?;
        } else {
            text = std::fs::read_to_string(file).on("reading patterns from", file)?;
        }
        patterns.extend(text.lines().map(str::to_string));
    }
    if let Some(query) = &args.query {
        if !patterns.is_empty() || args.file.is_some() {
            return Err(Error::Usage(format!("{query:?} is one pattern too many: with -e or -f every pattern is given so")));
        }
        patterns.push(query.clone());
    }
    if args.semantic && patterns.is_empty() && args.queries_from.is_none() {
        return Err(Error::Usage("--semantic needs a QUERY, or --queries-from".into()));
    }
    if args.rank && patterns.is_empty() {
        return Err(Error::Usage("--rank needs words to look for".into()));
    }
    if args.sort == Some(Order::Score) && !(args.rank || args.semantic || args.like.is_some()) {
        return Err(Error::Usage("--sort score goes with --rank, --semantic and --like".into()));
    }
    if args.all && patterns.len() < 2 {
        return Err(Error::Usage("--all is about several patterns; give them with -e".into()));
    }
    Ok(patterns)
}

fn print(item: &SearchItem, end: &[u8], context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    match item {
        SearchItem::Line(line) if ui.json() => ui.report(line),
        SearchItem::Segment(segment) if ui.json() => ui.report(segment),
        SearchItem::Id(hash) if ui.json() => ui.json_line(&serde_json::json!({ "hash": hash.to_string() })),
        SearchItem::Id(hash) => raw(context, &hash.to_string(), end),
        SearchItem::Line(line) => {
            let place = format!("{}:{}:", visible(&line.source), line.line);
            let query = line.query.as_ref().map(|query| format!("{}\t", visible(query))).unwrap_or_default();
            let snippet = line.matches.first().map(|text| snippet(text, context)).unwrap_or_default();
            raw(context, &format!("{query}{} {snippet}", colored(&place, "35", context)), end)
        }
        SearchItem::Segment(HitSegment { text, first, last, occurrences, records }) => {
            let counts = format!("{}\t{occurrences}\t{records}\t{}\t{}", text.segment, visible(first), visible(last));
            raw(context, &format!("{counts}\t{}", snippet(text, context)), end)
        }
    }
}

fn raw(context: &Context<'_>, text: &str, end: &[u8]) -> Result<()> {
    context.ui.raw(text.as_bytes())?;
    context.ui.raw(end)
}

fn snippet(text: &HitText, context: &Context<'_>) -> String {
    let dots = |cut: bool| if cut { "…" } else { "" };
    let (before, after) = (visible(&text.before), visible(&text.after));
    let cut_before = text.start > text.before.len();
    let cut_after = text.end + text.after.len() < text.length;
    let matched = colored(&visible(&text.matched), "1;31", context);
    format!("{}{before}{matched}{after}{}", dots(cut_before), dots(cut_after))
}

fn colored(text: &str, code: &str, context: &Context<'_>) -> String {
    if context.ui.colors_stdout() && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

/// The count, and what was left out.
fn tell(report: &SearchReport, options: &SearchOptions, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    report.warnings.iter().for_each(|warning| ui.warn(warning));
    tell_without_time(context, report.without_time);
    let looked = &report.looked;
    if options.semantic.is_none() {
        ui.note(&format!(
            "{} of {} blocks and {} of {} groups decoded",
            looked.blocks, looked.blocks_of, looked.groups, looked.groups_of
        ));
    }
    if options.wanted == SearchWanted::Count {
        return if ui.json() { ui.report(report) } else { ui.line(&report.occurrences.to_string()) };
    }
    if report.left_out > 0 && !(options.rank && options.limit == Some(BEST)) {
        ui.warn(&format!("{} left out by --limit", units::counted(report.left_out, "more hit")));
    }
    Ok(())
}
