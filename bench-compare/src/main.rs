//! Our graph beside others, on the same vectors, threads, M and ef_construction, in one run. See README.md.

mod data;
mod embed;
mod filters;
mod libraries;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand};
use cpu_time::ProcessTime;

use data::{Data, Vectors, WANTED};
use libraries::{Index, Library};

/// Efforts tried, until nearly all is found.
const EFFORTS: [usize; 14] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536];
/// No more effort where so much is found.
const ENOUGH: f64 = 0.9965;
/// Recalls at which speeds are told.
const RECALLS: [f64; 2] = [0.95, 0.99];

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// JSON lines {"text": …} → a file of vectors, by the built-in embedder
    Embed {
        texts: PathBuf,
        out: PathBuf,
        #[arg(long, default_value_t = 512)]
        dimension: usize,
        #[arg(long, default_value_t = usize::MAX)]
        most: usize,
    },
    /// Compares
    Run {
        vectors: PathBuf,
        #[arg(long, default_value_t = 200_000)]
        rows: usize,
        #[arg(long, default_value_t = 1000)]
        queries: usize,
        #[command(flatten)]
        setting: Setting,
        /// Only those whose names contain one of these
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Indexes are kept in this directory, and taken from it where they are there already
        #[arg(long)]
        keep: Option<PathBuf>,
        /// Passes over the questions for each effort, of which the median counts
        #[arg(long, default_value_t = 3)]
        passes: usize,
    },
    /// What ours finds where a filter leaves few rows, at its default effort
    Filters {
        vectors: PathBuf,
        #[arg(long, default_value_t = 200_000)]
        rows: usize,
        #[arg(long, default_value_t = 500)]
        queries: usize,
        /// As of `run`
        #[arg(long)]
        keep: Option<PathBuf>,
    },
}

/// The same for all.
#[derive(clap::Args)]
pub struct Setting {
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, default_value_t = 16)]
    links: usize,
    #[arg(long, default_value_t = 200)]
    ef_construction: usize,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting { threads: 1, links: 16, ef_construction: 200 }
    }
}

/// One that was built and opened.
struct Contender {
    name: &'static str,
    index: Box<dyn Index>,
    build: f64,
    bytes: f64,
    open: f64,
    /// Effort, recall, questions a second.
    points: Vec<(usize, f64, f64)>,
}

fn main() -> Result<()> {
    match Args::parse().what {
        What::Embed { texts, out, dimension, most } => embed::run(&texts, &out, dimension, most),
        What::Filters { vectors, rows, queries, keep } => filters::run(&vectors, rows, queries, keep.as_deref()),
        What::Run { vectors, rows, queries, setting, only, keep, passes } => {
            let data = data::read(&vectors, rows, queries)?;
            println!(
                "{rows} vectors of {} dimensions, {queries} questions; {} threads, M {}, ef_construction {}; seconds are of process CPU time",
                data.base.dimension, setting.threads, setting.links, setting.ef_construction
            );
            let chosen = |name: &str| only.is_empty() || only.iter().any(|only| name.contains(only.as_str()));
            let mut contenders = Vec::new();
            for mut library in libraries::all().into_iter().filter(|library| chosen(library.name())) {
                contenders.push(prepare(library.as_mut(), &data.base, &setting, keep.as_deref())?);
            }
            sweep(&mut contenders, &data, passes);
            show(&contenders);
            Ok(())
        }
    }
}

/// Builds one, saves it and opens it from its file; only that where it was kept.
fn prepare(library: &mut dyn Library, base: &Vectors, setting: &Setting, keep: Option<&Path>) -> Result<Contender> {
    let passing = tempfile::tempdir()?;
    let kept = keep.map(|keep| kept_in(keep, library.name(), base));
    let directory = kept.as_deref().unwrap_or(passing.path());
    let mut build = f64::NAN;
    if !kept.as_deref().is_some_and(Path::exists) {
        std::fs::create_dir_all(directory)?;
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        library.build(base, setting)?;
        build = cpu.elapsed().as_secs_f64();
        eprintln!("{} built: {build:.1} s of CPU time, {:.1} s by the clock", library.name(), wall.elapsed().as_secs_f64());
        library.save(base, directory)?;
    }
    let bytes = size(directory)? as f64 / base.len() as f64;
    let opened = Instant::now();
    let index = library.open(base.dimension, directory)?;
    let open = opened.elapsed().as_secs_f64() * 1e3;
    // What is mapped stays readable.
    Ok(Contender { name: library.name(), index, build, bytes, open, points: Vec::new() })
}

/// Where an index of these vectors is kept: not that of others as many.
fn kept_in(keep: &Path, name: &str, base: &Vectors) -> PathBuf {
    let bits = base.values.iter().fold(0u32, |bits, value| bits.rotate_left(5) ^ value.to_bits());
    keep.join(format!("{name} {}x{} {bits:08x}", base.len(), base.dimension))
}

fn size(directory: &Path) -> Result<u64> {
    std::fs::read_dir(directory)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// All contenders at each effort in turn, so that a busy moment meets all.
fn sweep(contenders: &mut [Contender], data: &Data, passes: usize) {
    for effort in EFFORTS {
        let mut speeds = vec![Vec::new(); contenders.len()];
        let mut recalls = vec![None; contenders.len()];
        for _ in 0..passes {
            for (at, contender) in contenders.iter_mut().enumerate() {
                if contender.points.last().is_some_and(|point| point.1 >= ENOUGH || contender.name.ends_with("--exact")) {
                    continue;
                }
                let start = ProcessTime::now();
                let found: Vec<Vec<u32>> =
                    (0..data.queries.len()).map(|query| contender.index.search(data.queries.get(query), effort)).collect();
                speeds[at].push(data.queries.len() as f64 / start.elapsed().as_secs_f64());
                let hits: usize = found.iter().enumerate().map(|(query, found)| data.hits(query, found)).sum();
                recalls[at] = Some(hits as f64 / (data.queries.len() * WANTED) as f64);
            }
        }
        for ((contender, speeds), recall) in contenders.iter_mut().zip(&mut speeds).zip(recalls) {
            if let Some(recall) = recall {
                speeds.sort_by(f64::total_cmp);
                contender.points.push((effort, recall, speeds[speeds.len() / 2]));
            }
        }
    }
}

/// Speed at a recall, between the two efforts around it.
fn at_recall(points: &[(usize, f64, f64)], recall: f64) -> Option<f64> {
    let above = points.iter().position(|point| point.1 >= recall)?;
    let Some(below) = above.checked_sub(1) else { return Some(points[above].2) };
    let ((_, low, fast), (_, high, slow)) = (points[below], points[above]);
    let share = (recall - low) / (high - low);
    Some((fast.ln() * (1.0 - share) + slow.ln() * share).exp())
}

fn show(contenders: &[Contender]) {
    let [first, second] = RECALLS;
    println!(
        "\n| | q/s at recall {first} | at {second} | best recall | build s | bytes a vector | open ms |\n|---|--:|--:|--:|--:|--:|--:|"
    );
    for Contender { name, build, bytes, open, points, .. } in contenders {
        let speed = |recall| at_recall(points, recall).map_or("–".to_string(), |speed| format!("{speed:.0}"));
        let best = points.iter().map(|point| point.1).fold(0.0, f64::max);
        println!("| {name} | {} | {} | {best:.4} | {build:.1} | {bytes:.0} | {open:.2} |", speed(first), speed(second));
    }
    println!("\n| ef | {} |", contenders.iter().map(|contender| contender.name).collect::<Vec<_>>().join(" | "));
    println!("|--:|{}", "--:|".repeat(contenders.len()));
    for (row, effort) in EFFORTS.iter().enumerate() {
        let cell = |contender: &Contender| {
            contender.points.get(row).map_or(String::new(), |point| format!("{:.4} @ {:.0}", point.1, point.2))
        };
        println!("| {effort} | {} |", contenders.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
}
