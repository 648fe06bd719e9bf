//! `ingest`: finds out what to read, hands it over, tells what became of it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::exit::Status;
use super::progress::Bars;
use super::settings::Settings;
use super::table::Table;
use super::ui::Ui;
use super::{Context, units};
use crate::error::{Error, IoContext, Result};
use crate::vault::Vault;
use crate::vault::api::{IngestOptions, IngestReport, Input, OpenOptions};

/// Take files, directories or a stream into the vault
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Takes files, directories (recursively) or standard input into the vault, which is created when there is none. \
                  Compressed files are recognised by their content: gzip, zstd, xz, bzip2. Every line is kept, byte for byte; \
                  what is in the vault already is not stored again, and a file that has grown adds its growth.",
    after_long_help = "\
Examples:
  turnpack ingest ~/.claude/projects ~/.codex/sessions
  tail -F gateway.jsonl | turnpack ingest --source gateway -
  find /var/log/llm -name '*.jsonl.zst' -mtime +7 -print0 | turnpack ingest --files-from - -0"
)]
pub(crate) struct Args {
    /// Files and directories; - for standard input
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    /// Name of the source, instead of its path
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// Add to the source, whatever it holds already
    #[arg(long, requires = "source")]
    append: bool,

    /// Name sources found in a directory PREFIX/..., instead of by absolute path
    #[arg(long = "as", value_name = "PREFIX", conflicts_with = "source")]
    as_prefix: Option<String>,

    /// Shape of the records, instead of detecting it
    #[arg(long, value_name = "SHAPE")]
    shape: Option<String>,

    /// Mapping for unknown shapes (TOML); kept in the vault
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    map: Option<PathBuf>,

    /// Text that separates a context from the turn after it
    #[arg(long, value_name = "STR")]
    context_delimiter: Option<String>,

    /// Store longer strings in pieces of this size
    #[arg(long, value_name = "SIZE")]
    max_segment_bytes: Option<String>,

    /// Read paths from FILE, one a line; - for standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files_from: Option<PathBuf>,

    /// Paths in --files-from end with a NUL byte
    #[arg(short = '0', long = "null", requires = "files_from")]
    null: bool,

    /// Only files that match, in directories
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,

    /// No files that match, in directories
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Take files of unknown kind too, in directories (never credentials)
    #[arg(long)]
    all_files: bool,

    /// Commit a stream at least this often [env: TURNPACK_FLUSH_INTERVAL] [default: 5s]
    #[arg(long, value_name = "DUR")]
    flush_interval: Option<String>,

    /// Flush to disk after each commit or once per batch: each, batch [env: TURNPACK_SYNC] [default: batch]
    #[arg(long, value_name = "WHEN")]
    sync: Option<String>,

    /// Do not create a vault
    #[arg(long)]
    no_create: bool,

    /// Then make vectors of what is new with the built-in embedder, as `turnpack embed` does
    #[arg(long, conflicts_with = "dry_run")]
    embed: bool,

    /// Tell what would happen, write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Print how the shape of each source was decided
    #[arg(long)]
    explain: bool,

    /// Bring back records that were removed
    #[arg(long)]
    restore_removed: bool,

    /// Read known files again instead of trusting size and time
    #[arg(long)]
    verify_sources: bool,
}

/// On a new machine the place for data may not be there yet: XDG has programs make it. A place that somebody named may be misspelt.
fn make_data_home(vault: &Path) -> Result<()> {
    match vault.parent() {
        Some(parent) if !parent.exists() => crate::fsio::create_dirs(parent),
        _ => Ok(()),
    }
}

pub(crate) fn run(mut args: Args, context: &Context<'_>) -> Result<Status> {
    let paths = args.take_paths()?;
    args.check_source(&paths)?;
    let inputs = paths.into_iter().map(input).collect::<Result<Vec<_>>>()?;
    let (no_create, explain, embed) = (args.no_create, args.explain, args.embed);
    let options = args.resolve(&context.settings)?;
    let open = OpenOptions { dry_run: options.dry_run, ..context.settings.open_options()? };
    context.catch_signals()?;
    let dir = context.settings.vault()?;
    if context.settings.vault_is_default() && !no_create && !open.dry_run {
        make_data_home(dir)?;
    }
    let vault = if no_create { Vault::open(dir, &open)? } else { Vault::create_or_open(dir, &open)? };
    let report = {
        let bars = Bars::new(context.ui);
        vault.ingest(&options, inputs, &bars, &context.interrupt)?
    };
    tell(&report, explain, dir, context.ui)?;
    if embed && !context.interrupt.is_raised() {
        super::embed::run_builtin(&vault, context)?;
    }
    Ok(status(&report))
}

impl Args {
    /// Paths typed and listed; standard input where nothing is named and something is piped in.
    fn take_paths(&mut self) -> Result<Vec<PathBuf>> {
        let mut paths = std::mem::take(&mut self.paths);
        if let Some(list) = &self.files_from {
            paths.extend(listed(list, if self.null { 0 } else { b'\n' })?);
        } else if paths.is_empty() {
            if std::io::stdin().is_terminal() {
                return Err(Error::Usage(
                    "nothing to ingest: name files or directories, or pipe lines in; `turnpack ingest --help` has examples"
                        .into(),
                ));
            }
            paths.push("-".into());
        }
        let streams = paths.iter().filter(|path| is_stdin(path)).count();
        let list_is_stream = self.files_from.as_deref().is_some_and(is_stdin);
        if streams + usize::from(list_is_stream) > 1 {
            return Err(Error::Usage("standard input can be read once only, and `-` is there twice".into()));
        }
        Ok(paths)
    }

    /// One name fits one source.
    fn check_source(&self, paths: &[PathBuf]) -> Result<()> {
        let Some(name) = &self.source else { return Ok(()) };
        if name.is_empty() {
            return Err(Error::Usage("--source needs a name, and an empty one is none".into()));
        }
        match paths {
            [one] if is_stdin(one) || !one.is_dir() => Ok(()),
            [one] => Err(Error::Usage(format!("--source names one source, and {} is a directory; use --as", one.display()))),
            many => Err(Error::Usage(format!("--source names one source, and {} are given; use --as", many.len()))),
        }
    }

    fn resolve(self, settings: &Settings) -> Result<IngestOptions> {
        Ok(IngestOptions {
            flush_interval: settings.flush_interval(self.flush_interval.as_deref())?,
            sync: settings.sync(self.sync.as_deref())?,
            max_segment_bytes: self.max_segment_bytes.as_deref().map(units::parse_size).transpose()?,
            source: self.source,
            append: self.append,
            as_prefix: self.as_prefix,
            shape: self.shape,
            map: self.map,
            context_delimiter: self.context_delimiter.filter(|text| !text.is_empty()),
            include: self.include,
            exclude: self.exclude,
            all_files: self.all_files,
            dry_run: self.dry_run,
            explain: self.explain,
            restore_removed: self.restore_removed,
            verify_sources: self.verify_sources,
        })
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn input(path: PathBuf) -> Result<Input> {
    if !is_stdin(&path) {
        return Ok(Input::Path(path));
    }
    // The descriptor itself: std's handle would put its small buffer and its lock in between.
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned().on("opening", Path::new("standard input"))?;
    Ok(Input::Stream(Box::new(File::from(descriptor))))
}

fn listed(list: &Path, end: u8) -> Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    if is_stdin(list) {
        std::io::stdin().read_to_end(&mut text).on("reading", Path::new("standard input"))?;
    } else {
        text = std::fs::read(list).on("reading", list)?;
    }
    let paths = text.split(|byte| *byte == end).filter(|path| !path.is_empty());
    // In a list `-` is a file of that name: the stream is the list itself, or was not asked for.
    let as_file = |path: &[u8]| if path == b"-" { PathBuf::from("./-") } else { PathBuf::from(OsStr::from_bytes(path)) };
    Ok(paths.map(as_file).collect())
}

fn tell(report: &IngestReport, explain: bool, dir: &Path, ui: &Ui) -> Result<()> {
    for failure in &report.failures {
        ui.trouble(&format!("{}: {}", failure.path.display(), failure.message));
    }
    if ui.json() {
        return ui.report(report);
    }
    if explain {
        print_explanations(report, ui)?;
    }
    if report.created {
        ui.say(&format!("created the vault {}", dir.display()));
    }
    summary(report).iter().for_each(|line| ui.say(line));
    Ok(())
}

fn print_explanations(report: &IngestReport, ui: &Ui) -> Result<()> {
    let mut table = Table::new(&["<source", "<shapes", "<reason"]);
    for explanation in &report.explanations {
        let shapes = explanation.shapes.iter().map(|(shape, records)| format!("{shape} {}", units::count(*records)));
        let shapes: Vec<_> = shapes.collect();
        table.row(vec![explanation.source.clone(), shapes.join(", "), explanation.reason.clone()]);
    }
    table.print(ui)
}

fn summary(report: &IngestReport) -> Vec<String> {
    let would = if report.dry_run { "dry run, nothing written: " } else { "" };
    let unchanged = match report.sources_unchanged {
        0 => String::new(),
        sources => format!(" ({} unchanged)", units::count(sources)),
    };
    let mut lines = vec![format!(
        "{would}{} from {}{unchanged}: {}, {}, {}",
        units::counted(report.occurrences, "line"),
        units::counted(report.sources, "source"),
        units::counted(report.new_records, "new record"),
        units::counted(report.new_segments, "new segment"),
        units::counted(report.opaque_lines, "opaque line"),
    )];
    let growth = units::change(report.vault_bytes_before, report.vault_bytes_after);
    lines.push(format!("{} in, vault {growth}, now {}", units::size(report.bytes_in), units::size(report.vault_bytes_after)));
    if report.removed_again > 0 {
        let records = units::counted(report.removed_again, "line");
        lines.push(format!("{records} left out because they were removed; --restore-removed brings them back"));
    }
    if !report.skipped.is_empty() {
        let skipped = report.skipped.iter().map(|(reason, files)| format!("{} {reason}", units::count(*files)));
        lines.push(format!("skipped: {}", skipped.collect::<Vec<_>>().join(", ")));
    }
    lines
}

fn status(report: &IngestReport) -> Status {
    if report.interrupted.is_some() {
        return Status::Interrupted;
    }
    match report.failures.len() {
        0 => Status::Done,
        files => Status::Partial(format!("{} could not be read completely", units::counted(files as u64, "file"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_summary_says_everything_the_contract_asks_for() {
        let report = IngestReport {
            sources: 2,
            sources_unchanged: 1,
            occurrences: 1_234,
            new_records: 1_000,
            new_segments: 1,
            opaque_lines: 3,
            bytes_in: 3 << 20,
            vault_bytes_before: 2048,
            vault_bytes_after: 4096,
            skipped: BTreeMap::from([("of unknown kind".to_string(), 7)]),
            ..IngestReport::default()
        };
        assert_eq!(
            summary(&report),
            [
                "1,234 lines from 2 sources (1 unchanged): 1,000 new records, 1 new segment, 3 opaque lines",
                "3.0 MiB in, vault +2.0 KiB, now 4.0 KiB",
                "skipped: 7 of unknown kind",
            ]
        );
    }

    #[test]
    fn a_listed_dash_is_a_file_and_any_byte_but_the_end_belongs_to_a_path() {
        let list = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(list.path(), b"a b\n-\n\n\xff\n").unwrap();
        let paths = listed(list.path(), b'\n').unwrap();
        assert_eq!(paths, [Path::new("a b"), Path::new("./-"), Path::new(OsStr::from_bytes(b"\xff"))]);
        std::fs::write(list.path(), b"a\nb\0c").unwrap();
        assert_eq!(listed(list.path(), 0).unwrap(), [Path::new("a\nb"), Path::new("c")]);
    }
}
