//! Floats → int8, one scale a vector: rotated (see `rotate`), the largest value becomes 127. Similarities of unit vectors move by less than a hundredth.

use crate::vectors::distance::{dot, dot_float};
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
}

/// Bytes of a row with so many dimensions.
#[must_use]
pub fn stride(dimension: usize) -> usize {
    dimension.next_multiple_of(STRIDE)
}

/// Appends the row of a vector; gives the inverse of the row's length, which makes inner products cosines.
///
/// # Errors
/// [`Unusable`] for a vector without direction.
pub fn quantize(vector: &[f32], rows: &mut Vec<i8>) -> Result<f32, Unusable> {
    let mut rotated = vector.to_vec();
    rotate(&mut rotated);
    round(&rotated, rows)
}

/// Appends the row of a vector that was rotated.
fn round(vector: &[f32], rows: &mut Vec<i8>) -> Result<f32, Unusable> {
    let largest = vector.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(Unusable::NotFinite);
    }
    let factor = 127.0 / largest;
    if largest == 0.0 || !factor.is_finite() {
        return Err(Unusable::Zero);
    }
    let first = rows.len();
    rows.extend(vector.iter().map(|value| (value * factor).round() as i8));
    let row = rows.get(first..).unwrap_or_default();
    let inverse = 1.0 / (dot(row, row) as f32).sqrt();
    rows.resize(first + stride(vector.len()), 0);
    Ok(inverse)
}

/// What is looked for: as a row for the way there, as floats for the last comparison.
#[derive(Clone, Debug)]
pub struct Query {
    /// The row.
    pub row: Vec<i8>,
    /// Inverse of the row's length.
    pub inverse: f32,
    /// The vector, rotated, at length 1.
    pub exact: Vec<f32>,
}

impl Query {
    /// A vector as a question.
    ///
    /// # Errors
    /// [`Unusable`] for a vector without direction.
    pub fn new(vector: &[f32]) -> Result<Query, Unusable> {
        let mut row = Vec::new();
        let mut rotated = vector.to_vec();
        rotate(&mut rotated);
        let inverse = round(&rotated, &mut row)?;
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        Ok(Query { row, inverse, exact: rotated.iter().map(|value| (f64::from(*value) / length) as f32).collect() })
    }

    /// A row as a question: what is like something that is kept.
    #[must_use]
    pub fn of_row(row: &[i8], inverse: f32) -> Query {
        Query { row: row.to_vec(), inverse, exact: row.iter().map(|value| f32::from(*value) * inverse).collect() }
    }

    /// The cosine of the question and a row, the question not rounded.
    #[must_use]
    pub fn cosine(&self, row: &[i8], inverse: f32) -> f32 {
        dot_float(&self.exact, row) * inverse
    }
}

/// Rows with their inverse lengths: what is searched.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// End to end, each [`stride`] long.
    pub values: &'a [i8],
    /// One for each.
    pub inverses: &'a [f32],
    /// Bytes of a row.
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inverses.len()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inverses.is_empty()
    }

    /// A row; empty past the end.
    #[must_use]
    #[inline]
    pub fn row(&self, at: u32) -> &'a [i8] {
        let start = at as usize * self.stride;
        self.values.get(start..start + self.stride).unwrap_or_default()
    }

    /// Inverse length of a row.
    #[must_use]
    #[inline]
    pub fn inverse(&self, at: u32) -> f32 {
        self.inverses.get(at as usize).copied().unwrap_or_default()
    }

    /// Likeness of a row and another one with this inverse length.
    #[must_use]
    #[inline]
    pub fn likeness(&self, row: &[i8], inverse: f32, at: u32) -> f32 {
        dot(row, self.row(at)) as f32 * inverse * self.inverse(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_angles() {
        let vector = |seed: f32| -> Vec<f32> { (0..100).map(|n| (n as f32 * seed).sin()).collect() };
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let (a, b) = (vector(0.3), vector(0.31));
        let mut values = Vec::new();
        let inverse = quantize(&b, &mut values).unwrap();
        assert_eq!(values.len(), 128);
        let query = Query::new(&a).unwrap();
        assert!((query.cosine(&values, inverse) - cosine(&a, &b)).abs() < 0.01);
        let rows = Rows { values: &values, inverses: &[inverse], stride: 128 };
        assert!((rows.likeness(&query.row, query.inverse, 0) - cosine(&a, &b)).abs() < 0.02);
        assert_eq!(rows.likeness(&query.row, query.inverse, 9), 0.0);
    }

    #[test]
    fn vectors_without_direction_are_refused() {
        let mut rows = Vec::new();
        assert_eq!(quantize(&[0.0; 8], &mut rows), Err(Unusable::Zero));
        assert_eq!(quantize(&[1.0, f32::NAN], &mut rows), Err(Unusable::NotFinite));
        assert_eq!(quantize(&[1.0, f32::INFINITY], &mut rows), Err(Unusable::NotFinite));
        assert_eq!(quantize(&[1e-45; 4], &mut rows), Err(Unusable::Zero));
        assert!(rows.is_empty());
    }
}
