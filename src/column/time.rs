//! ISO 8601 timestamps as a count of ticks, and back.
//!
//! One format per column: separator, fraction digits (0 to 9) and whatever follows (`Z`, `+00:00`, nothing) are the same
//! for all values and live in the header; the ticks are whole units of the last fraction digit. The suffix is not
//! understood, only repeated: the ticks are local time. Dates that do not exist are refused, so printing is exact.

/// What the timestamps of a column have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format<'a> {
    /// `T`, a space, or 0 when there is only a date.
    pub separator: u8,
    /// Fraction digits; 0 means no point either.
    pub digits: u8,
    /// What follows the last digit.
    pub suffix: &'a [u8],
}

/// Longest suffix taken for one; a time zone with a name fits.
const SUFFIX: usize = 12;
/// `2026-11-20`
const DATE: usize = 10;
/// `2026-11-20T10:00:00`
const SECONDS: usize = 19;
/// 1970-01-01 as days since 0000-03-01; counting from there lets nanoseconds fit an i64 until 2262.
const EPOCH: i64 = 719_468;
/// Most fraction digits.
pub(super) const FRACTION: u8 = 9;

/// Splits a timestamp into format and ticks.
pub(super) fn parse(value: &[u8]) -> Option<(Format<'_>, i64)> {
    let date = value.get(..DATE)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let days = days_of(number(&date[..4])?, number(&date[5..7])?, number(&date[8..10])?)? - EPOCH;
    if value.len() == DATE {
        return Some((Format { separator: 0, digits: 0, suffix: b"" }, days));
    }
    let clock = value.get(DATE..SECONDS)?;
    if !matches!(clock[0], b'T' | b' ') || clock[3] != b':' || clock[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&clock[1..3])?, number(&clock[4..6])?, number(&clock[7..9])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let (digits, fraction, suffix) = split_fraction(&value[SECONDS..]);
    let ticks = seconds.checked_mul(super::decimal::POWERS[usize::from(digits)])?.checked_add(fraction)?;
    (suffix.len() <= SUFFIX).then_some((Format { separator: clock[0], digits, suffix }, ticks))
}

/// The digits after a point, as count and number, and what is left.
fn split_fraction(rest: &[u8]) -> (u8, i64, &[u8]) {
    let Some((b'.', after)) = rest.split_first() else {
        return (0, 0, rest);
    };
    let digits = after.iter().take(usize::from(FRACTION)).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return (0, 0, rest);
    }
    let number = after[..digits].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    (digits as u8, number, &after[digits..])
}

/// Appends a timestamp. Ticks outside the years 0 to 9999 cannot come from [`parse`]: false, and nothing sensible is written.
pub(super) fn write(format: &Format<'_>, ticks: i64, out: &mut Vec<u8>) -> bool {
    let (days, clock) = if format.separator == 0 {
        (ticks, 0)
    } else {
        let a_day = 86_400 * super::decimal::POWERS[usize::from(format.digits.min(FRACTION))];
        (ticks.div_euclid(a_day), ticks.rem_euclid(a_day))
    };
    let Some((year, month, day)) = days.checked_add(EPOCH).and_then(date_of) else {
        return false;
    };
    put(out, year, 4);
    out.push(b'-');
    put(out, month, 2);
    out.push(b'-');
    put(out, day, 2);
    if format.separator != 0 {
        write_clock(format, clock, out);
    }
    out.extend_from_slice(format.suffix);
    true
}

fn write_clock(format: &Format<'_>, clock: i64, out: &mut Vec<u8>) {
    let a_second = super::decimal::POWERS[usize::from(format.digits.min(FRACTION))];
    let (seconds, fraction) = (clock / a_second, clock % a_second);
    out.push(format.separator);
    put(out, seconds / 3_600, 2);
    out.push(b':');
    put(out, seconds / 60 % 60, 2);
    out.push(b':');
    put(out, seconds % 60, 2);
    if format.digits > 0 {
        out.push(b'.');
        put(out, fraction, usize::from(format.digits));
    }
}

/// Appends a number with leading zeros to a width of at most nine.
fn put(out: &mut Vec<u8>, mut number: i64, width: usize) {
    let mut buffer = [b'0'; FRACTION as usize];
    let width = width.min(buffer.len());
    for place in buffer[..width].iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&buffer[..width]);
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

// Years are counted from March, so that the leap day is the last of its year and months have a regular rhythm
// (31, 30, 31, 30, 31 days twice and a half: 153 days in five months). Day 0 is 0000-03-01.

/// Days before the March-year that begins in calendar year `year`.
fn days_before(year: i64) -> i64 {
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400)
}

fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(days_before(march_year) + (153 * march_month + 2) / 5 + day - 1)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day; `None` outside the years 0 to 9999.
fn date_of(days: i64) -> Option<(i64, i64, i64)> {
    // 0000-01-01 is 60 days before 0000-03-01, 9999-12-31 is day 3,652,364.
    if !(-60..=3_652_364).contains(&days) {
        return None;
    }
    let mut year = (days * 400).div_euclid(146_097);
    if days_before(year + 1) <= days {
        year += 1;
    } else if days_before(year) > days {
        year -= 1;
    }
    let within = days - days_before(year);
    let march_month = (5 * within + 2) / 153;
    let day = within - (153 * march_month + 2) / 5 + 1;
    Some(if march_month < 10 { (year, march_month + 3, day) } else { (year + 1, march_month - 9, day) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        let (format, ticks) = parse(text.as_bytes())?;
        let mut out = Vec::new();
        assert!(write(&format, ticks, &mut out));
        Some(String::from_utf8(out).expect("digits"))
    }

    #[test]
    fn every_day_of_ten_thousand_years_comes_back() {
        let mut days = -60;
        while let Some((year, month, day)) = date_of(days) {
            assert_eq!(days_of(year, month, day), Some(days), "{year}-{month}-{day}");
            days += 1;
        }
        assert_eq!(date_of(days - 1), Some((9999, 12, 31)));
    }

    #[test]
    fn the_common_forms_of_iso_8601_print_as_they_were() {
        for text in [
            "2026-11-20T10:00:00.123Z",
            "2026-11-20T10:00:00Z",
            "2024-02-29 23:59:59.000001",
            "2026-11-20T10:00:00.123456789+02:00",
            "1969-12-31T00:00:00",
            "0000-01-01T00:00:00.5 UTC",
            "2026-11-20",
        ] {
            assert_eq!(printed(text).as_deref(), Some(text));
        }
        for text in [
            "2026-02-30",
            "2025-02-29T00:00:00Z",
            "1900-02-29",
            "2026-11-20T24:00:00Z",
            "2026-11-20T10:00:60Z",
            "2026-11-20T10:00",
            "2026-00-20",
        ] {
            assert_eq!(printed(text), None, "{text}");
        }
    }
}
