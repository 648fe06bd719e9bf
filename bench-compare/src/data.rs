//! Vectors of a file, questions that are not among them, and the truth.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

/// Neighbours asked for.
pub const WANTED: usize = 10;
/// Rows whose likeness differs by less from that of the last true neighbour count as true: equal texts have equal vectors.
const TIE: f32 = 1e-6;

/// Unit vectors, end to end.
pub struct Vectors {
    pub dimension: usize,
    pub values: Vec<f32>,
}

impl Vectors {
    pub fn len(&self) -> usize {
        self.values.len() / self.dimension
    }

    pub fn get(&self, at: usize) -> &[f32] {
        &self.values[at * self.dimension..(at + 1) * self.dimension]
    }
}

/// What all are measured on.
pub struct Data {
    pub base: Vectors,
    pub queries: Vectors,
    /// For each question the likeness of its last true neighbour.
    least: Vec<f32>,
}

/// Reads a file of little-endian f32 (dimension u32 first), stirs its rows, takes the first as questions; and finds the truth.
pub fn read(path: &Path, count: usize, questions: usize) -> Result<Data> {
    let (base, queries) = read_vectors(path, count, questions)?;
    let least = (0..questions).into_par_iter().map(|at| last_true(queries.get(at), &base, &|_| true)).collect();
    Ok(Data { base, queries, least })
}

/// Vectors to be looked through, and those that are asked for.
pub fn read_vectors(path: &Path, count: usize, questions: usize) -> Result<(Vectors, Vectors)> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let words: Vec<[u8; 4]> = bytes.chunks_exact(4).map(|word| word.try_into().expect("four bytes")).collect();
    let dimension = u32::from_le_bytes(words[0]) as usize;
    let all: Vec<f32> = words[1..].iter().map(|word| f32::from_le_bytes(*word)).collect();
    ensure!(dimension > 0 && all.len() / dimension >= count + questions, "{} holds too few vectors", path.display());
    let mut order: Vec<usize> = (0..all.len() / dimension).collect();
    order.sort_by_key(|at| {
        (*at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    });
    let take = |some: &[usize]| Vectors {
        dimension,
        values: some.iter().flat_map(|at| unit(&all[at * dimension..(at + 1) * dimension])).collect(),
    };
    Ok((take(&order[questions..questions + count]), take(&order[..questions])))
}

impl Data {
    /// How many of a question's true neighbours were found.
    pub fn hits(&self, question: usize, found: &[u32]) -> usize {
        hits(&self.base, self.queries.get(question), self.least[question], found)
    }
}

/// How many of those found are as like as the last true neighbour is.
pub fn hits(base: &Vectors, query: &[f32], least: f32, found: &[u32]) -> usize {
    let mut found = found.to_vec();
    found.sort_unstable();
    found.dedup();
    found.iter().filter(|row| dot(query, base.get(**row as usize)) >= least - TIE).count().min(WANTED)
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    vector.iter().map(|value| (f64::from(*value) / length) as f32).collect()
}

/// Likeness of the last of the true neighbours among the rows that pass.
pub fn last_true(query: &[f32], base: &Vectors, passes: &dyn Fn(u32) -> bool) -> f32 {
    let rows = (0..base.len() as u32).filter(|row| passes(*row));
    let mut likeness: Vec<f32> = rows.map(|row| dot(query, base.get(row as usize))).collect();
    *likeness.select_nth_unstable_by(WANTED - 1, |a, b| b.total_cmp(a)).1
}

pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for at in 0..16 {
            sums[at] += a[at] * b[at];
        }
    }
    sums.iter().sum()
}
