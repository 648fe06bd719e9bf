//! Heaps of vectors, and those that belong to none: spherical k-means (Dhillon and Modha 2001), begun by k-means++ (Arthur and
//! Vassilvitskii 2007) from a seed. The same vectors and seed give the same heaps on any number of threads.

use rayon::prelude::*;

/// Rounds after which heaps are taken as they are.
const MOST_ROUNDS: usize = 50;

/// Heaps of vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// For each vector its heap.
    pub heap: Vec<u32>,
    /// For each vector its cosine to the middle of its heap.
    pub likeness: Vec<f32>,
    /// The middle of each heap, of length 1.
    pub centres: Vec<Vec<f32>>,
}

impl Clusters {
    /// The vectors that are least like their heap, the strangest first, ties in order.
    #[must_use]
    pub fn outliers(&self, most: usize) -> Vec<usize> {
        let mut order: Vec<(f32, usize)> = self.likeness.iter().copied().zip(0..).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().take(most).map(|(_, at)| at).collect()
    }

    /// For each heap the vectors nearest to its middle, the nearest first: what it is about.
    #[must_use]
    pub fn typical(&self, heap: u32, most: usize) -> Vec<usize> {
        let of_heap = self.heap.iter().zip(0..).filter(|(of, _)| **of == heap).map(|(_, at)| at);
        let mut order: Vec<(f32, usize)> =
            of_heap.map(|at: usize| (self.likeness.get(at).copied().unwrap_or_default(), at)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.into_iter().take(most).map(|(_, at)| at).collect()
    }
}

/// Puts vectors into at most `heaps` heaps. Vectors are unit vectors of one dimension; fewer heaps come out where vectors are fewer or equal.
#[must_use]
pub fn cluster(vectors: &[Vec<f32>], heaps: usize, seed: u64) -> Clusters {
    let mut centres = begin(vectors, heaps, seed);
    if centres.is_empty() {
        return Clusters::default();
    }
    let mut assigned = assign(vectors, &centres);
    for _ in 0..MOST_ROUNDS {
        centres = middles(vectors, &assigned, &centres);
        let next = assign(vectors, &centres);
        let settled = next.iter().zip(&assigned).all(|(a, b)| a.0 == b.0);
        assigned = next;
        if settled {
            break;
        }
    }
    let (heap, likeness) = assigned.into_iter().unzip();
    Clusters { heap, likeness, centres }
}

/// k-means++: each next centre is a vector, the likelier the stranger it is to those before.
fn begin(vectors: &[Vec<f32>], heaps: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let first = (random() * vectors.len() as f64) as usize;
    let Some(first) = vectors.get(first) else { return Vec::new() };
    let mut centres = vec![first.clone()];
    let mut strange: Vec<f64> = vectors.par_iter().map(|vector| strangeness(vector, first)).collect();
    while centres.len() < heaps {
        let total: f64 = strange.iter().sum();
        if total <= 1e-9 {
            break;
        }
        let mut left = random() * total;
        let at = strange.iter().position(|strange| {
            left -= strange;
            left < 0.0
        });
        let last = || strange.iter().rposition(|strange| *strange > 0.0);
        let Some(next) = at.or_else(last).and_then(|at| vectors.get(at)) else { break };
        strange.par_iter_mut().zip(vectors).for_each(|(strange, vector)| *strange = strange.min(strangeness(vector, next)));
        centres.push(next.clone());
    }
    centres
}

fn strangeness(a: &[f32], b: &[f32]) -> f64 {
    let distance = f64::from(1.0 - dot(a, b)).max(0.0);
    if distance < 1e-6 { 0.0 } else { distance }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}

fn assign(vectors: &[Vec<f32>], centres: &[Vec<f32>]) -> Vec<(u32, f32)> {
    let nearest = |vector: &Vec<f32>| {
        let likenesses = (0u32..).zip(centres).map(|(at, centre)| (at, dot(vector, centre)));
        likenesses.fold((0, f32::MIN), |best, next| if next.1 > best.1 { next } else { best })
    };
    vectors.par_iter().map(nearest).collect()
}

/// The middle of each heap; an empty one stays where it was.
fn middles(vectors: &[Vec<f32>], assigned: &[(u32, f32)], before: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut sums: Vec<Vec<f64>> = before.iter().map(|centre| vec![0.0; centre.len()]).collect();
    for (vector, (heap, _)) in vectors.iter().zip(assigned) {
        if let Some(sum) = sums.get_mut(*heap as usize) {
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
        }
    }
    let unit = |(sum, before): (Vec<f64>, &Vec<f32>)| {
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length > 0.0 { sum.iter().map(|value| (value / length) as f32).collect() } else { before.clone() }
    };
    sums.into_iter().zip(before).map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(x: f32, y: f32, z: f32) -> Vec<f32> {
        let length = (x * x + y * y + z * z).sqrt();
        vec![x / length, y / length, z / length]
    }

    #[test]
    fn what_lies_together_is_a_heap_and_what_lies_apart_is_strange() {
        let mut vectors: Vec<Vec<f32>> = (0..20).map(|n| unit(1.0, n as f32 * 0.005, 0.0)).collect();
        vectors.extend((0..20).map(|n| unit(0.0, 1.0, n as f32 * 0.005)));
        vectors.push(unit(0.5, -0.6, 0.6));
        let clusters = cluster(&vectors, 2, 1);
        assert!(clusters.heap[..20].iter().all(|heap| *heap == clusters.heap[0]));
        assert!(clusters.heap[20..40].iter().all(|heap| *heap == clusters.heap[20] && *heap != clusters.heap[0]));
        assert_eq!(clusters.outliers(1), [40]);
        assert!(clusters.typical(clusters.heap[20], 3).iter().all(|at| (20..40).contains(at)));
        assert_eq!(clusters, cluster(&vectors, 2, 1));
    }

    #[test]
    fn fewer_vectors_than_heaps_are_no_trouble() {
        assert_eq!(cluster(&[], 3, 0), Clusters::default());
        let same = vec![unit(1.0, 0.0, 0.0); 4];
        assert_eq!(cluster(&same, 3, 0).centres.len(), 1);
    }
}
