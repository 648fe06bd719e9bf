//! A fixed rotation before rounding: no dimension stays much larger than the rest, so that 255 steps are fine steps.
//!
//! Vectors of short texts have a few large values and many zeros: the largest is some 7.6 times the mean, and the scale follows it. Turned
//! by signs and Hadamard transforms (as Ailon and Chazelle 2009) all values are about as large, the largest some 3.2 times the mean, and
//! angles stay as they were. Where the dimension is no power of two, two transforms overlap.

/// Turns a vector. The rule belongs to the format of parts: rows of one model are compared for as long as it stays.
pub fn rotate(vector: &mut [f32]) {
    let length = vector.len();
    let Some(power) = length.checked_ilog2() else { return };
    let size = 1usize << power;
    let rounds = if size == length { 1 } else { 2 };
    for round in 0..rounds {
        flip(vector, round * 2);
        vector.get_mut(..size).into_iter().for_each(hadamard);
        if size < length {
            flip(vector, round * 2 + 1);
            vector.get_mut(length - size..).into_iter().for_each(hadamard);
        }
    }
}

/// Turns the signs of about half the values, always of the same ones.
fn flip(vector: &mut [f32], round: u64) {
    for (at, value) in (round << 32..).zip(vector) {
        if stir(at) & 1 == 1 {
            *value = -*value;
        }
    }
}

/// A number without a pattern to it (the last step of splitmix64, Steele and others 2014).
pub(crate) fn stir(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// The Walsh–Hadamard transform of as many values as a power of two, keeping their length.
fn hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(half * 2) {
            let (left, right) = pair.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        half *= 2;
    }
    let factor = 1.0 / (values.len() as f32).sqrt();
    values.iter_mut().for_each(|value| *value *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    // All that is known of a vector is its angles to others: they must not change, and no dimension may stand out.
    #[test]
    fn angles_stay_and_peaks_go() {
        for length in [1, 2, 3, 48, 100, 384, 512, 1000] {
            let mut peak = vec![0.0; length];
            peak[length / 2] = 3.0;
            let mut other: Vec<f32> = (0..length).map(|at| (at as f32 * 0.7).sin() + 0.1).collect();
            let before = (dot(&peak, &peak), dot(&peak, &other), dot(&other, &other));
            rotate(&mut peak);
            rotate(&mut other);
            let after = (dot(&peak, &peak), dot(&peak, &other), dot(&other, &other));
            let near = |a: f32, b: f32| (a - b).abs() < 1e-4 * (1.0 + before.2);
            assert!(
                near(before.0, after.0) && near(before.1, after.1) && near(before.2, after.2),
                "{length}: {before:?} {after:?}"
            );
            let largest = peak.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            assert!(length < 48 || largest < 1.5, "{length}: {largest}");
        }
        rotate(&mut []);
    }

    // Rows on disk are compared with questions of a later day.
    #[test]
    fn the_rotation_is_frozen() {
        let mut vector: Vec<f32> = (0..6).map(|at| at as f32).collect();
        rotate(&mut vector);
        let print: Vec<i32> = vector.iter().map(|value| (value * 1000.0).round() as i32).collect();
        assert_eq!(print, [-3000, -5500, 3250, -1750, -750, 1250]);
    }
}
