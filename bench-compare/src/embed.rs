//! Texts → vectors of the built-in embedder, as a file.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use turnpack::vectors::builtin::{DIMENSION, Embedder};

/// The embedder's first half, of which every dimension is kept.
const POOLED: usize = 192;

/// Embeds JSON lines `{"text": …}`, one vector a line. Fewer dimensions come of hashing into fewer places: the last are added to the first hashed ones.
pub fn run(texts: &Path, out: &Path, dimension: usize, most: usize) -> Result<()> {
    ensure!((POOLED + DIMENSION).div_ceil(2) <= dimension && dimension <= DIMENSION, "352 to 512 dimensions");
    let lines = BufReader::new(std::fs::File::open(texts)?).lines();
    let mut out = BufWriter::new(std::fs::File::create(out)?);
    out.write_all(&(dimension as u32).to_le_bytes())?;
    let (mut embedder, mut count) = (Embedder::new(), 0);
    for line in lines {
        let line: serde_json::Value = serde_json::from_str(&line?)?;
        let mut vector = embedder.embed(line["text"].as_str().context("a line without text")?.as_bytes());
        if vector.iter().all(|value| *value == 0.0) {
            continue;
        }
        for at in dimension..DIMENSION {
            vector[POOLED + at - dimension] += vector[at];
        }
        for value in &vector[..dimension] {
            out.write_all(&value.to_le_bytes())?;
        }
        count += 1;
        if count == most {
            break;
        }
    }
    out.flush()?;
    println!("{count} vectors");
    Ok(())
}
