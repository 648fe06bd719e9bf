//! Short decimals that went through binary arithmetic: `0.0032825000000000003` is 0.0032825 and one step of a double.
//!
//! Costs and scores are full of them. Seventeen digits of noise cost 57 bits as an integer; the short decimal and the number
//! of steps (units in the last place) away from it cost a third. The encoder prints each value back and compares, so that
//! nothing rests on how another program rounds.

use super::Values;
use super::decimal::{self, Decimal, POWERS, raise};
use std::io::Write;

/// Values with more fraction digits are taken for noisy (chosen: prices of tokens have up to 8, scores up to 6).
const SHORT: u8 = 12;
/// Integers up to here are exact as doubles, and dividing one by an exact power of ten rounds once, correctly.
const EXACT: i64 = 1 << 53;

/// A column of noisy decimals: integers of one scale, and the steps away from them.
pub(super) struct Nudged {
    pub scale: u8,
    pub least: u8,
    pub scaled: Vec<i64>,
    pub steps: Vec<u8>,
}

impl Nudged {
    /// Tries scales from the longest short value on; `None` when nothing is noisy, or the noise is no rounding.
    pub(super) fn of(values: &Values, numbers: &[Decimal]) -> Option<Nudged> {
        let noisy = numbers.iter().position(|number| number.digits > SHORT)?;
        let fits = |scale| nudge(values.get(noisy), numbers[noisy], scale).is_some();
        let short = numbers.iter().map(|number| number.digits).filter(|&digits| digits <= SHORT);
        let least = numbers.iter().map(|number| number.digits).min().unwrap_or(0).min(1);
        let mut scales = (short.max().unwrap_or(1)..=SHORT).filter(|&scale| fits(scale));
        scales.find_map(|scale| Nudged::with(scale, least, values, numbers))
    }

    fn with(scale: u8, least: u8, values: &Values, numbers: &[Decimal]) -> Option<Nudged> {
        let mut nudged = Nudged { scale, least, scaled: Vec::new(), steps: Vec::new() };
        let mut printed = Vec::new();
        for (value, number) in values.iter().zip(numbers) {
            let (scaled, steps) = nudge(value, *number, scale)?;
            printed.clear();
            write(scaled, scale, least, steps, &mut printed);
            if printed != value {
                return None;
            }
            nudged.scaled.push(scaled);
            nudged.steps.push(steps as u8);
        }
        Some(nudged)
    }
}

/// The nearest decimal of `scale` digits and the steps from its double to the value's.
fn nudge(value: &[u8], number: Decimal, scale: u8) -> Option<(i64, i8)> {
    if let Some(up) = scale.checked_sub(number.digits) {
        return Some((raise(number.mantissa, up)?, 0));
    }
    let double: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    let scaled = (double * POWERS[usize::from(scale)] as f64).round() as i64;
    let exact = scaled != 0 && scaled.abs() < EXACT;
    let steps = (double.to_bits() as i64).checked_sub(nearest(scaled, scale).to_bits() as i64)?;
    exact.then_some((scaled, i8::try_from(steps).ok()?))
}

/// The double nearest to a decimal.
fn nearest(scaled: i64, scale: u8) -> f64 {
    scaled as f64 / POWERS[usize::from(scale.min(SHORT))] as f64
}

/// Appends a value: without steps the decimal itself, else the shortest digits that name the double.
pub(super) fn write(scaled: i64, scale: u8, least: u8, steps: i8, out: &mut Vec<u8>) {
    if steps == 0 {
        return decimal::write_stripped(scaled, scale, least, out);
    }
    let bits = nearest(scaled, scale).to_bits().wrapping_add_signed(i64::from(steps));
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", f64::from_bits(bits));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Option<Nudged> {
        let values: Values = texts.iter().map(|text| text.as_bytes()).collect();
        let numbers: Option<Vec<Decimal>> = values.iter().map(decimal::parse).collect();
        Nudged::of(&values, &numbers.expect("numbers"))
    }

    #[test]
    fn noise_of_binary_arithmetic_becomes_a_short_decimal_and_a_few_steps() {
        let nudged = of(&["0.0032825000000000003", "0.0", "0.0055674999999999995", "-0.30000000000000004"]).expect("noisy");
        assert_eq!((nudged.scale, nudged.scaled), (7, vec![32_825, 0, 55_675, -3_000_000]));
        assert_eq!(nudged.steps, [1, 0, 255, 1]);
    }

    #[test]
    fn numbers_that_are_no_rounded_decimals_are_left_alone() {
        assert!(of(&["0.5", "0.25"]).is_none());
        assert!(of(&["0.8414709848078965", "0.5"]).is_none());
        // More digits than a double's name has: printing would lose the last.
        assert!(of(&["0.500000000000000001"]).is_none());
    }

    #[test]
    fn any_parameters_print_something_without_a_panic() {
        for scaled in [0, 1, -1, i64::MAX, i64::MIN] {
            for steps in [i8::MIN, -1, 0, 1, i8::MAX] {
                (0..=u8::MAX).for_each(|scale| write(scaled, scale.min(24), 1, steps, &mut Vec::new()));
            }
        }
    }
}
