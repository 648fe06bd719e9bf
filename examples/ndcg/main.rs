//! How well what is asked for is found by words, by the built-in embedder and by both: nDCG@10, on sets made from logs; and how many
//! texts the embedder takes in a second.
//!
//! `cargo run --release --example ndcg -- LOGS [PYTHON]`. LOGS is a folder with some of `tau_bench.jsonl`, `tau2_sims.jsonl`,
//! `judge_tau2.jsonl`, `wildbench_outputs.jsonl` and `chat_zh_smile.jsonl`, as the projects of these names publish them, a record a line; PYTHON a
//! folder of Python sources. A set whose input is not there is left out, and said to be.
//!
//! Each set is asked of the program itself: its documents become the records of a vault, and each question is one search for ten.

#![allow(clippy::print_stdout, reason = "a program of its own, whose table is what it is for")]

mod python;
mod sets;
mod speed;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use rayon::prelude::*;
use turnpack::interrupt::Interrupt;
use turnpack::progress::Silent;
use turnpack::vault::Vault;
use turnpack::vault::api::{EmbedOptions, IngestOptions, Input, OpenOptions, SearchItem, SearchOptions, SemanticOptions};

use sets::{Question, Set};

/// Hits that count.
const WANTED: usize = 10;

/// How it is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Words,
    Meaning,
    Both,
}

fn main() -> Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (logs, python) = match &folders[..] {
        [logs] => (logs, None),
        [logs, python] => (logs, Some(python.as_path())),
        _ => bail!("usage: ndcg LOGS [PYTHON]"),
    };
    println!("| nDCG@{WANTED} × 100 | questions × documents | words | embedder | both |\n|---|--:|--:|--:|--:|");
    let mut sums = [0.0; 3];
    let mut count = 0;
    for (name, set) in sets::all(logs, python) {
        let set = match set {
            Ok(set) => set,
            Err(error) => {
                println!("| {name} | left out: {error:#} | | | |");
                continue;
            }
        };
        let gains = measure(&set)?;
        count += 1;
        sums.iter_mut().zip(gains).for_each(|(sum, gain)| *sum += gain);
        show(name, &format!("{} × {}", set.questions.len(), set.documents.len()), gains);
    }
    if count > 0 {
        show("mean", "", sums.map(|sum| sum / f64::from(count)));
    }
    speed::tell(logs)
}

fn show(name: &str, size: &str, gains: [f64; 3]) {
    let [words, meaning, both] = gains.map(|gain| gain * 100.0);
    println!("| {name} | {size} | {words:.1} | {meaning:.1} | {both:.1} |");
}

/// Mean gain of the questions of a set, for each way of looking.
fn measure(set: &Set) -> Result<[f64; 3]> {
    let scratch = tempfile::tempdir()?;
    let vault = vault_of(&set.documents, scratch.path())?;
    let mean = |by: By| -> Result<f64> {
        let gains: Result<Vec<f64>> =
            set.questions.par_iter().map(|question| Ok(gain(&asked(&vault, question, by)?, &question.relevant))).collect();
        Ok(gains?.iter().sum::<f64>() / set.questions.len().max(1) as f64)
    };
    Ok([mean(By::Words)?, mean(By::Meaning)?, mean(By::Both)?])
}

/// A vault with a record for each document, in their order.
fn vault_of(documents: &[String], scratch: &Path) -> Result<Vault> {
    let log = scratch.join("documents.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&log)?);
    for document in documents {
        writeln!(file, "{}", serde_json::json!({"messages": [{"role": "assistant", "content": document}]}))?;
    }
    file.into_inner()?;
    // Questions go side by side, each on one thread.
    let options = OpenOptions { threads: Some(1), ..OpenOptions::default() };
    let vault = Vault::create_or_open(&scratch.join("vault"), &options)?;
    vault.ingest(&IngestOptions::default(), vec![Input::Path(log)], &Silent, &Interrupt::default())?;
    vault.embed(&EmbedOptions::default(), &Silent, &Interrupt::default())?;
    Ok(vault)
}

/// The documents that a search finds, the best first.
fn asked(vault: &Vault, question: &Question, by: By) -> Result<Vec<usize>> {
    let semantic = SemanticOptions { lexical: by == By::Both, ..SemanticOptions::default() };
    let options = SearchOptions {
        patterns: vec![question.text.clone()],
        rank: by == By::Words,
        semantic: (by != By::Words).then_some(semantic),
        limit: Some(WANTED as u64),
        ..SearchOptions::default()
    };
    let mut found = Vec::new();
    vault.search(&options, &mut |item| {
        if let SearchItem::Line(hit) = item {
            found.push(hit.line as usize - 1);
        }
        Ok(())
    })?;
    Ok(found)
}

/// nDCG of a list, where a document is relevant or not.
fn gain(found: &[usize], relevant: &BTreeSet<usize>) -> f64 {
    let worth = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let best: f64 = (0..relevant.len().min(WANTED)).map(worth).sum();
    let ranks = found.iter().take(WANTED).enumerate().filter(|(_, document)| relevant.contains(document));
    ranks.map(|(rank, _)| worth(rank)).sum::<f64>() / best
}
