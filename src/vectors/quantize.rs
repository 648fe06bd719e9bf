//! Floats → int8, one scale a vector: rotated (see `rotate`), the largest value becomes 127. Similarities of unit vectors move by less than a hundredth.

use crate::vectors::distance::{dot, dot_float, dot_floats, squared_distance};
use crate::vectors::metric::Metric;
use crate::vectors::rotate::rotate;

/// Rows begin where cache lines do: their length on disk and in memory is a multiple of this.
pub const STRIDE: usize = 64;
/// Most dimensions a vector may have.
pub const MOST_DIMENSIONS: usize = 16_384;

/// Why a vector cannot be compared with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It points nowhere.
    #[error("all its values are zero")]
    Zero,
    /// It holds NaN or an infinity.
    #[error("it holds a value that is no finite number")]
    NotFinite,
    /// Its inner product with itself is no float.
    #[error("its values are too large to be compared")]
    TooLong,
}

/// Bytes of a row with so many dimensions.
#[must_use]
pub fn stride(dimension: usize) -> usize {
    dimension.next_multiple_of(STRIDE)
}

/// Appends the row of a vector; gives its scale. Row times scale is the vector, rotated, at length 1 where angles are compared: so products of
/// rows, times both scales, are cosines there and inner products elsewhere.
///
/// # Errors
/// [`Unusable`] for a vector without direction.
pub fn quantize(vector: &[f32], metric: Metric, rows: &mut Vec<i8>) -> Result<f32, Unusable> {
    let mut rotated = vector.to_vec();
    rotate(&mut rotated);
    round(&rotated, metric, rows)
}

/// Appends the row of a vector that was rotated.
fn round(vector: &[f32], metric: Metric, rows: &mut Vec<i8>) -> Result<f32, Unusable> {
    let largest = vector.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(Unusable::NotFinite);
    }
    let factor = 127.0 / largest;
    if largest == 0.0 || !factor.is_finite() {
        return Err(Unusable::Zero);
    }
    if metric != Metric::Cosine && !dot_floats(vector, vector).is_finite() {
        return Err(Unusable::TooLong);
    }
    let first = rows.len();
    rows.extend(vector.iter().map(|value| (value * factor).round() as i8));
    let row = rows.get(first..).unwrap_or_default();
    let scale = match metric {
        Metric::Cosine => 1.0 / (dot(row, row) as f32).sqrt(),
        Metric::Dot | Metric::L2 => largest / 127.0,
    };
    rows.resize(first + stride(vector.len()), 0);
    Ok(scale)
}

/// A vector as it is kept beside its row: at length 1 where angles are compared, else as it is.
pub fn original(vector: &[f32], metric: Metric) -> impl Iterator<Item = f32> {
    let length = match metric {
        Metric::Cosine => vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt(),
        Metric::Dot | Metric::L2 => 1.0,
    };
    vector.iter().map(move |value| (f64::from(*value) / length) as f32)
}

/// What is looked for: as a row for the way there, as floats for the last comparison.
#[derive(Clone, Debug)]
pub struct Query {
    /// The row.
    pub row: Vec<i8>,
    /// The row's scale.
    pub scale: f32,
    metric: Metric,
    /// The vector, rotated; at length 1 where angles are compared.
    turned: Vec<f32>,
    /// The same before it was rotated; empty for a row of a part that keeps no originals.
    original: Vec<f32>,
    /// The square of its length.
    norm: f32,
}

impl Query {
    /// A vector as a question.
    ///
    /// # Errors
    /// [`Unusable`] for a vector without direction.
    pub fn new(vector: &[f32], metric: Metric) -> Result<Query, Unusable> {
        let mut row = Vec::new();
        let mut rotated = vector.to_vec();
        rotate(&mut rotated);
        let scale = round(&rotated, metric, &mut row)?;
        let original: Vec<f32> = original(vector, metric).collect();
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        let length = if metric == Metric::Cosine { length } else { 1.0 };
        let turned: Vec<f32> = rotated.iter().map(|value| (f64::from(*value) / length) as f32).collect();
        let norm = dot_floats(&turned, &turned);
        Ok(Query { row, scale, metric, turned, original, norm })
    }

    /// A row as a question: what is like something that is kept.
    #[must_use]
    pub fn of_row(row: &[i8], scale: f32, metric: Metric) -> Query {
        let turned: Vec<f32> = row.iter().map(|value| f32::from(*value) * scale).collect();
        let norm = dot_floats(&turned, &turned);
        Query { row: row.to_vec(), scale, metric, turned, original: Vec::new(), norm }
    }

    /// How alike a row is, the question not rounded.
    #[must_use]
    pub fn likeness(&self, rows: &Rows<'_>, at: u32) -> f32 {
        let product = dot_float(&self.turned, rows.row(at)) * rows.scale(at);
        match self.metric {
            Metric::Cosine | Metric::Dot => product,
            Metric::L2 => product * 2.0 - self.norm - rows.norm(at),
        }
    }

    /// How alike a vector is that was kept as it is: nothing is rounded.
    #[must_use]
    pub fn likeness_of_original(&self, original: &[f32]) -> f32 {
        match self.metric {
            Metric::Cosine | Metric::Dot => dot_floats(&self.original, original),
            Metric::L2 => -squared_distance(&self.original, original),
        }
    }

    /// Its row, as rows are compared.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        Target { row: &self.row, scale: self.scale, norm: norm(&self.row, self.scale) }
    }
}

/// The square of a row's length.
#[must_use]
pub fn norm(row: &[i8], scale: f32) -> f32 {
    dot(row, row) as f32 * scale * scale
}

/// A row that others are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The row.
    pub row: &'a [i8],
    /// Its scale.
    pub scale: f32,
    /// The square of its length; only distances need it.
    pub norm: f32,
}

/// Rows with what is needed to compare them.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// End to end, each [`stride`] long.
    pub values: &'a [i8],
    /// Scales, one for each.
    pub scales: &'a [f32],
    /// Squares of their lengths where distances are compared, else none.
    pub norms: &'a [f32],
    /// Bytes of a row.
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// A row; empty past the end.
    #[must_use]
    #[inline]
    pub fn row(&self, at: u32) -> &'a [i8] {
        let start = at as usize * self.stride;
        self.values.get(start..start + self.stride).unwrap_or_default()
    }

    /// Scale of a row.
    #[must_use]
    #[inline]
    pub fn scale(&self, at: u32) -> f32 {
        self.scales.get(at as usize).copied().unwrap_or_default()
    }

    /// Square of a row's length, where distances are compared.
    #[must_use]
    #[inline]
    pub fn norm(&self, at: u32) -> f32 {
        self.norms.get(at as usize).copied().unwrap_or_default()
    }

    /// A row, for others to be compared with.
    #[must_use]
    #[inline]
    pub fn target(&self, at: u32) -> Target<'a> {
        Target { row: self.row(at), scale: self.scale(at), norm: self.norm(at) }
    }

    /// How alike a row is to another: cosine, inner product, or the square of the distance, less than 0.
    #[must_use]
    #[inline]
    pub fn likeness(&self, target: Target<'_>, at: u32) -> f32 {
        let product = dot(target.row, self.row(at)) as f32 * target.scale * self.scale(at);
        if self.norms.is_empty() { product } else { product * 2.0 - target.norm - self.norm(at) }
    }
}

/// Rows in memory.
#[derive(Clone, Debug, Default)]
pub struct RowStore {
    /// As in [`Rows`].
    pub values: Vec<i8>,
    /// As in [`Rows`].
    pub scales: Vec<f32>,
    /// As in [`Rows`].
    pub norms: Vec<f32>,
    /// As in [`Rows`].
    pub stride: usize,
}

impl RowStore {
    /// The rows, to be compared.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows { values: &self.values, scales: &self.scales, norms: &self.norms, stride: self.stride }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()
    }

    fn vector(seed: f32) -> Vec<f32> {
        (0..100).map(|n| (n as f32 * seed).sin() * 3.0).collect()
    }

    // What is computed from rounded rows must be what the vectors themselves say, whichever way they are compared.
    #[test]
    fn rows_keep_angles_products_and_distances() {
        let (a, b) = (vector(0.3), vector(0.31));
        let distance: f32 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum();
        for (metric, truth, most) in [
            (Metric::Cosine, dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt(), 0.01),
            (Metric::Dot, dot(&a, &b), 0.01 * dot(&a, &a)),
            (Metric::L2, -distance, 0.02 * dot(&a, &a)),
        ] {
            let mut values = Vec::new();
            let scale = quantize(&b, metric, &mut values).unwrap();
            assert_eq!(values.len(), 128);
            let norms = [norm(&values, scale)];
            let norms = if metric == Metric::L2 { &norms[..] } else { &[] };
            let rows = Rows { values: &values, scales: &[scale], norms, stride: 128 };
            let query = Query::new(&a, metric).unwrap();
            assert!((query.likeness(&rows, 0) - truth).abs() < most, "{metric:?} {} {truth}", query.likeness(&rows, 0));
            assert!((rows.likeness(query.target(), 0) - truth).abs() < most * 2.0, "{metric:?}");
            let kept: Vec<f32> = original(&b, metric).collect();
            assert!((query.likeness_of_original(&kept) - truth).abs() < most * 0.001, "{metric:?}");
            // A row of the part as a question: nothing is more like it than itself.
            let same = Query::of_row(rows.row(0), scale, metric);
            let expected = if metric == Metric::L2 { 0.0 } else { norm(&values, scale) };
            assert!((same.likeness(&rows, 0) - expected).abs() <= expected * 1e-5 + 0.01);
        }
    }

    #[test]
    fn vectors_without_direction_are_refused() {
        let mut rows = Vec::new();
        for metric in Metric::ALL {
            assert_eq!(quantize(&[0.0; 8], metric, &mut rows), Err(Unusable::Zero));
            assert_eq!(quantize(&[1.0, f32::NAN], metric, &mut rows), Err(Unusable::NotFinite));
            assert_eq!(quantize(&[1.0, f32::INFINITY], metric, &mut rows), Err(Unusable::NotFinite));
            assert_eq!(quantize(&[1e-45; 4], metric, &mut rows), Err(Unusable::Zero));
        }
        // A product that is no float would be nearest to everything.
        assert_eq!(quantize(&[1e30, 2.0], Metric::Dot, &mut rows), Err(Unusable::TooLong));
        assert!(rows.is_empty() && quantize(&[1e30, 2.0], Metric::Cosine, &mut rows).is_ok());
    }
}
