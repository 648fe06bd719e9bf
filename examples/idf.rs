//! Counts in how many paragraphs of some files each bucket of features occurs, and writes the built-in embedder's table of
//! rarities: `cargo run --example idf -- OUT FILE…`. The table in `models/` is frozen with the embedder's rules; another one needs another name.

use std::process::ExitCode;

use turnpack::vectors::builtin::buckets;

/// Shorter paragraphs are headlines and rulers.
const SHORTEST: usize = 80;
/// Longer ones are tables and code.
const LONGEST: usize = 4000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(out) = arguments.next() else { return ExitCode::from(2) };
    let (mut counts, mut paragraphs) = (vec![0u32; 1 << 16], 0u32);
    for path in arguments {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for paragraph in text.split("\n\n").filter(|text| (SHORTEST..LONGEST).contains(&text.len())) {
            paragraphs += 1;
            for bucket in buckets(paragraph.as_bytes()) {
                counts[usize::from(bucket)] += 1;
            }
        }
    }
    let most = f64::from(paragraphs + 1).ln();
    let rarity = |count: &u32| (f64::from(paragraphs + 1) / (f64::from(*count) + 1.0)).ln().max(0.0) / most;
    let table: Vec<u8> = counts.iter().map(|count| (rarity(count) * 255.0).round() as u8).collect();
    match std::fs::write(&out, table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
