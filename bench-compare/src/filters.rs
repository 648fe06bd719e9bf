//! What is found through filters: by the walk or by the scan that the program itself chooses between, against all rows that pass.

use std::path::Path;

use anyhow::Result;
use cpu_time::ThreadTime;
use rayon::prelude::*;
use turnpack::vectors::nearest::{Manner, RowSet, nearest};
use turnpack::vectors::part::Part;
use turnpack::vectors::quantize::Query;

use crate::data::{self, Vectors, WANTED};
use crate::libraries::{OURS, our_part};

/// Shares of rows that filters leave.
const SHARES: [f64; 6] = [0.5, 0.2, 0.13, 0.05, 0.01, 0.001];

/// Which rows pass.
#[derive(Clone, Copy)]
enum Filter {
    /// Any: what passes has nothing to do with what is asked for.
    Scattered,
    /// Those nearest to some row, as the texts of one application are: most questions are about something else, and the way to
    /// the nearest that pass leads through many that do not.
    Alike,
}

/// One filter's outcome.
struct Outcome {
    of_scan: f64,
    of_truth: f64,
    scan_of_truth: f64,
    milliseconds: f64,
    scan_milliseconds: f64,
}

pub fn run(vectors: &Path, rows: usize, queries: usize, keep: Option<&Path>) -> Result<()> {
    let (base, asked) = data::read_vectors(vectors, rows, queries)?;
    let passing = tempfile::tempdir()?;
    let directory = keep.map_or_else(|| passing.path().to_path_buf(), |keep| crate::kept_in(keep, OURS, &base));
    std::fs::create_dir_all(&directory)?;
    let part = our_part(&base, &directory)?;
    println!("{rows} vectors of {} dimensions, {queries} questions, default effort; ms of CPU time a question\n", base.dimension);
    println!(
        "| rows that pass | | recall@10 of the exact scan | of the vectors as f32 | the exact scan of those | ms | scan, ms |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|");
    for (filter, name) in [(Filter::Scattered, "scattered"), (Filter::Alike, "alike")] {
        for share in SHARES {
            let found = measure(&part, &base, &asked, filter, share);
            let (percent, Outcome { of_scan, of_truth, scan_of_truth, milliseconds, scan_milliseconds }) = (share * 100.0, found);
            println!(
                "| {percent:.1} % | {name} | {of_scan:.4} | {of_truth:.4} | {scan_of_truth:.4} | {milliseconds:.2} | {scan_milliseconds:.2} |"
            );
        }
    }
    Ok(())
}

fn measure(part: &Part<'_>, base: &Vectors, asked: &Vectors, filter: Filter, share: f64) -> Outcome {
    let passing = rows_that_pass(base, filter, share);
    let set = RowSet::of_texts(part, &|text| passing[text as usize]);
    let (mut same, mut hits, mut scan_hits, mut spent, mut scan_spent) = (0, 0, 0, 0.0, 0.0);
    let least: Vec<f32> =
        (0..asked.len()).into_par_iter().map(|at| data::last_true(asked.get(at), base, &|row| passing[row as usize])).collect();
    // One thread, so that what it spends is what a question costs.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    pool.install(|| {
        for (at, least) in least.iter().enumerate() {
            let Ok(query) = Query::new(asked.get(at), part.form.metric) else { continue };
            let ask = |exact| {
                let start = ThreadTime::now();
                let found = nearest(part, &query, WANTED, Manner { within: Some(&set), exact, ..Manner::default() });
                (found, start.elapsed().as_secs_f64())
            };
            let ((found, time), (scanned, scan_time)) = (ask(false), ask(true));
            spent += time;
            scan_spent += scan_time;
            // Rows as like as the last of the scan count: equal texts have equal rows.
            let last = scanned.last().map_or(f32::INFINITY, |last| last.likeness());
            same += found.iter().filter(|found| found.likeness() >= last).count();
            let rows =
                |found: &[turnpack::vectors::graph::search::Found]| found.iter().map(|found| found.row()).collect::<Vec<_>>();
            hits += data::hits(base, asked.get(at), *least, &rows(&found));
            scan_hits += data::hits(base, asked.get(at), *least, &rows(&scanned));
        }
    });
    let wanted = (asked.len() * WANTED) as f64;
    let each = 1e3 / asked.len() as f64;
    Outcome {
        of_scan: same as f64 / wanted,
        of_truth: hits as f64 / wanted,
        scan_of_truth: scan_hits as f64 / wanted,
        milliseconds: spent * each,
        scan_milliseconds: scan_spent * each,
    }
}

/// Rows in the order in which a filter takes them, as many as its share.
fn rows_that_pass(base: &Vectors, filter: Filter, share: f64) -> Vec<bool> {
    let stirred =
        |row: usize| (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0x94d0_49bb_1331_11eb);
    let centre = base.get(base.len() / 3);
    let mut order: Vec<usize> = (0..base.len()).collect();
    match filter {
        Filter::Scattered => order.sort_by_key(|row| stirred(*row)),
        Filter::Alike => order.sort_by(|a, b| data::dot(centre, base.get(*b)).total_cmp(&data::dot(centre, base.get(*a)))),
    }
    let mut passing = vec![false; base.len()];
    order.iter().take((share * base.len() as f64).round() as usize).for_each(|row| passing[*row] = true);
    passing
}
