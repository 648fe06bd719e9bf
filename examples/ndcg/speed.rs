//! Texts that the built-in embedder takes in a second, on one thread.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde_json::Value;
use turnpack::checksum::content_hash;
use turnpack::vectors::builtin::Embedder;

/// Texts of at least this size are segments; …
const SHORTEST: usize = 48;
/// … up to this one, short ones.
const SHORT: usize = 512;
/// Longer texts are cut: a window of `embed`.
const WINDOW: usize = 2048;
/// Texts of one log: enough to be many, few enough that no log rules.
const OF_ONE_LOG: usize = 20_000;
/// The best of so many passes counts: other programs only make it slower.
const PASSES: usize = 5;

/// Measures with the texts of all logs in a folder.
pub fn tell(logs: &Path) -> Result<()> {
    let mut texts = Vec::new();
    let mut paths = std::fs::read_dir(logs)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")) {
        let mut of_log = Texts { seen: BTreeSet::new(), texts: &mut texts };
        for line in BufReader::new(std::fs::File::open(path)?).lines() {
            if of_log.seen.len() < OF_ONE_LOG {
                serde_json::from_str(&line?).iter().for_each(|record| of_log.gather(record));
            }
        }
    }
    println!();
    time(&format!("all texts, cut at {WINDOW} bytes"), &texts);
    texts.retain(|text| text.len() <= SHORT);
    time(&format!("texts of {SHORTEST} to {SHORT} bytes"), &texts);
    Ok(())
}

/// Distinct texts of a log.
struct Texts<'t> {
    seen: BTreeSet<u128>,
    texts: &'t mut Vec<Vec<u8>>,
}

impl Texts<'_> {
    fn gather(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.take(text),
            Value::Array(values) => values.iter().for_each(|value| self.gather(value)),
            Value::Object(entries) => entries.values().for_each(|value| self.gather(value)),
            _ => {}
        }
    }

    fn take(&mut self, text: &str) {
        let is_wanted = text.len() >= SHORTEST && text.contains(' ') && self.seen.len() < OF_ONE_LOG;
        if is_wanted && self.seen.insert(content_hash(text.as_bytes())) {
            self.texts.push(text.bytes().take(WINDOW).collect());
        }
    }
}

fn time(what: &str, texts: &[Vec<u8>]) {
    let pass = || {
        let (mut embedder, start) = (Embedder::new(), Instant::now());
        for text in texts {
            std::hint::black_box(embedder.embed(text));
        }
        start.elapsed().as_secs_f64()
    };
    let best = (0..PASSES).map(|_| pass()).fold(f64::MAX, f64::min);
    let bytes = texts.iter().map(Vec::len).sum::<usize>() as f64;
    let (count, mean) = (texts.len() as f64, bytes / texts.len().max(1) as f64);
    println!(
        "{what}: {} of {mean:.0} bytes on average, {:.0} a second, {:.1} MB/s",
        texts.len(),
        count / best,
        bytes / best / 1e6
    );
}
