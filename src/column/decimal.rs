//! Canonical JSON numbers as an integer and a count of fraction digits, and back.
//!
//! Canonical means: printing gives the same bytes. No plus sign, no leading zeros, no exponent, no negative zero. `12`,
//! `-0.50` and `3.0` are canonical, `007`, `1e5` and `-0` are not.

/// `mantissa` × 10^-`digits`; `digits` is 0 for an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub mantissa: i64,
    pub digits: u8,
}

/// Most significant digits of a number with a fraction: all such integers fit an i64.
const SIGNIFICANT: u64 = 1_000_000_000_000_000_000;

/// Most digits behind the point; a double below 1 with all its digits needs 17 and a few zeros.
pub(super) const FRACTION_DIGITS: u8 = 24;

/// Powers of ten that fit an i64.
pub(super) const POWERS: [i64; 19] = {
    let mut powers = [1i64; 19];
    let mut at = 1;
    while at < 19 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Parses a canonical number; `None` for everything that [`write`] would not print the same.
pub(super) fn parse(value: &[u8]) -> Option<Decimal> {
    let (negative, unsigned) = match value.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, value),
    };
    let whole = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if whole == 0 || whole > 19 || (whole > 1 && unsigned[0] == b'0') {
        return None;
    }
    let magnitude = accumulate(0, &unsigned[..whole])?;
    let (magnitude, digits) = match unsigned[whole..].split_first() {
        None => (magnitude, 0),
        Some((b'.', fraction)) if !fraction.is_empty() && fraction.len() <= usize::from(FRACTION_DIGITS) => {
            (accumulate(magnitude, fraction)?, fraction.len() as u8)
        }
        Some(_) => return None,
    };
    if digits > 0 && magnitude >= SIGNIFICANT {
        return None;
    }
    if negative && magnitude == 0 {
        return None;
    }
    let magnitude = i64::try_from(magnitude).ok()?;
    Some(Decimal { mantissa: if negative { -magnitude } else { magnitude }, digits })
}

/// Appends decimal digits to a magnitude, as long as u64 holds it.
fn accumulate(magnitude: u64, digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(magnitude, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Multiplies by a power of ten.
pub(super) fn raise(mantissa: i64, power: u8) -> Option<i64> {
    mantissa.checked_mul(*POWERS.get(usize::from(power))?)
}

/// Appends the canonical form.
pub(super) fn write(mantissa: i64, digits: u8, out: &mut Vec<u8>) {
    if mantissa < 0 {
        out.push(b'-');
    }
    let mut buffer = [b'0'; 40];
    let mut at = buffer.len();
    let mut rest = mantissa.unsigned_abs();
    if digits > 0 {
        for _ in 0..digits.min(FRACTION_DIGITS) {
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        at -= 1;
        buffer[at] = b'.';
    }
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[at..]);
}

/// How the fraction digits of a column are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    /// Every value has this many.
    Always(u8),
    /// Scaled to this many, trailing zeros not printed, but at least so many digits: 1 as Python does (`1.0`), 0 as JavaScript (`1`).
    Stripped { scale: u8, least: u8 },
    /// Each value says how many.
    Each,
    /// As `Stripped`, with steps of a double away from it; see `nudged`.
    Nudged { scale: u8, least: u8 },
}

impl Digits {
    /// The most regular way that holds for all values.
    pub(super) fn of(numbers: &[Decimal]) -> Digits {
        let most = numbers.iter().map(|number| number.digits).max().unwrap_or(0);
        let least = numbers.iter().map(|number| number.digits).min().unwrap_or(0);
        if most == least {
            return Digits::Always(most);
        }
        let least = least.min(1);
        let strips = |number: &Decimal| {
            (number.digits <= least || number.mantissa % 10 != 0) && raise(number.mantissa, most - number.digits).is_some()
        };
        if numbers.iter().all(strips) { Digits::Stripped { scale: most, least } } else { Digits::Each }
    }

    /// The integer stored for a value, in the ways that [`Digits::of`] finds.
    pub(super) fn scaled(self, number: Decimal) -> i64 {
        match self {
            Digits::Stripped { scale, .. } => {
                raise(number.mantissa, scale.saturating_sub(number.digits)).unwrap_or(number.mantissa)
            }
            Digits::Always(_) | Digits::Each | Digits::Nudged { .. } => number.mantissa,
        }
    }
}

/// Prints a scaled integer without trailing zeros, keeping `least` fraction digits.
pub(super) fn write_stripped(mut scaled: i64, mut digits: u8, least: u8, out: &mut Vec<u8>) {
    while digits > least && scaled % 10 == 0 {
        scaled /= 10;
        digits -= 1;
    }
    write(scaled, digits, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_numbers_print_as_they_were_and_others_are_refused() {
        for text in [
            "0",
            "-1",
            "9223372036854775807",
            "-9223372036854775807",
            "0.0",
            "-0.50",
            "123.456",
            "0.000000000000000001",
            "0.0032825000000000003",
        ] {
            let number = parse(text.as_bytes()).expect(text);
            let mut out = Vec::new();
            write(number.mantissa, number.digits, &mut out);
            assert_eq!(out, text.as_bytes());
        }
        for text in
            ["", "-", "-0", "-0.0", "007", "+1", "1.", ".5", "1e5", "1.5e3", "9223372036854775808", "1 ", "0.1000000000000000001"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn python_and_javascript_styles_of_stripping_zeros_are_told_apart() {
        let digits =
            |texts: &[&str]| Digits::of(&texts.iter().map(|text| parse(text.as_bytes()).expect(text)).collect::<Vec<_>>());
        assert_eq!(digits(&["1.25", "3.50"]), Digits::Always(2));
        assert_eq!(digits(&["1.0", "0.125", "20.0"]), Digits::Stripped { scale: 3, least: 1 });
        assert_eq!(digits(&["1", "0.125", "20"]), Digits::Stripped { scale: 3, least: 0 });
        assert_eq!(digits(&["1.10", "0.125"]), Digits::Each);
        // Scaled to the longest, the first would not fit.
        assert_eq!(digits(&["0.1", "0.0000000000000000000001"]), Digits::Each);
    }
}
