//! Times as logs write them: numbers whose magnitude tells the unit, ISO 8601 with or without zone, LangSmith's compact
//! form, and the time inside a UUIDv7 or ULID. All become microseconds since 1970 UTC; a time without zone counts as UTC.

use super::super::json::{Json, Kind};

/// Microseconds since 1970 and how fine the record wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// Microseconds since 1970-01-01 UTC.
    pub us: i64,
    /// The finest unit the record shows.
    pub precision: Precision,
    /// The record named no zone; UTC is assumed.
    pub assumed_utc: bool,
}

/// The finest unit a time was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Seconds or coarser.
    Second,
    /// Milliseconds.
    Milli,
    /// Microseconds.
    Micro,
    /// Nanoseconds, of which microseconds are kept.
    Nano,
}

/// Reads a number or a string as a time; 0 and 1970 mean that there is none.
pub(in crate::shape) fn read(value: Json<'_>) -> Option<Instant> {
    match value.kind() {
        Kind::Number => number(std::str::from_utf8(value.raw()).ok()?),
        Kind::String => text(value.as_str()?.trim()),
        _ => None,
    }
}

/// Reads a text as a time.
pub(in crate::shape) fn text(text: &str) -> Option<Instant> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    // Eight digits are a date, not seconds since 1970.
    if is_number && text.len() != 8 {
        return number(text);
    }
    calendar(text)
}

/// As `unit` says: `s`, `ms`, `us`, `ns`.
pub(in crate::shape) fn in_unit(value: Json<'_>, unit: &str) -> Option<Instant> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let (factor, precision) = match unit {
        "s" => (1e6, Precision::Second),
        "ms" => (1e3, Precision::Milli),
        "us" => (1.0, Precision::Micro),
        "ns" => (1e-3, Precision::Nano),
        _ => return None,
    };
    instant(number * factor, precision)
}

fn number(lexeme: &str) -> Option<Instant> {
    // Integers stay integers: nanoseconds do not fit a double.
    if let Ok(integer) = lexeme.parse::<i64>() {
        let (us, precision) = match integer.unsigned_abs() {
            0..=99_999_999_999 => (integer.checked_mul(1_000_000)?, Precision::Second),
            100_000_000_000..=99_999_999_999_999 => (integer.checked_mul(1_000)?, Precision::Milli),
            100_000_000_000_000..=99_999_999_999_999_999 => (integer, Precision::Micro),
            _ => (integer / 1_000, Precision::Nano),
        };
        return sane(us, precision, false);
    }
    let number: f64 = lexeme.parse().ok()?;
    let magnitude = number.abs();
    if magnitude < 1e11 {
        let fraction = lexeme.split('.').nth(1).map_or(0, str::len);
        return instant(number * 1e6, of_digits(fraction));
    }
    if magnitude < 1e14 { instant(number * 1e3, Precision::Milli) } else { instant(number, Precision::Micro) }
}

fn instant(us: f64, precision: Precision) -> Option<Instant> {
    // The range check makes the cast exact enough: 9e15 µs is the year 2255.
    (us.abs() < 9e15).then_some(us.round() as i64).and_then(|us| sane(us, precision, false))
}

/// 0 and 1970 stand for "unknown" in the wild.
fn sane(us: i64, precision: Precision, assumed_utc: bool) -> Option<Instant> {
    const YEAR_1971: i64 = 31_536_000_000_000;
    (us >= YEAR_1971).then_some(Instant { us, precision, assumed_utc })
}

fn of_digits(digits: usize) -> Precision {
    match digits {
        0 => Precision::Second,
        1..=3 => Precision::Milli,
        4..=6 => Precision::Micro,
        _ => Precision::Nano,
    }
}

/// Reads digits off the front of a text.
struct Cursor<'t>(&'t str);

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.0.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = self.0.get(count..)?;
        digits.parse().ok()
    }

    fn skip(&mut self, any: &[char]) -> bool {
        let rest = self.0.strip_prefix(any);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn fraction(&mut self) -> Option<(i64, usize)> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.0.get(..length)?;
        self.0 = self.0.get(length..)?;
        let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
        Some((micros.parse().ok()?, length))
    }
}

/// `2026-11-20T10:00:00.123Z`, `2026-11-20 10:00:00`, `20261120T100000Z…`, `2026-11-20`.
fn calendar(text: &str) -> Option<Instant> {
    let mut at = Cursor(text);
    let year = at.digits(4)?;
    let dashed = at.skip(&['-']);
    let month = at.digits(2)?;
    if dashed && !at.skip(&['-']) {
        return None;
    }
    let day = at.digits(2)?;
    let mut us = days(year, month, day)? * 86_400_000_000;
    if at.0.is_empty() {
        return sane(us, Precision::Second, true);
    }
    if !at.skip(&['T', 't', ' ']) {
        return None;
    }
    let mut clock = [0; 3];
    for (index, part) in clock.iter_mut().enumerate() {
        if index > 0 && !at.skip(&[':']) && dashed {
            break;
        }
        *part = at.digits(2)?;
    }
    let [hour, minute, second] = clock;
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    us += (hour * 3600 + minute * 60 + second) * 1_000_000;
    let (mut fraction, mut digits) = (0, 0);
    if at.skip(&['.', ',']) || (!dashed && at.0.starts_with(|first: char| first.is_ascii_digit())) {
        (fraction, digits) = at.fraction()?;
    }
    us += fraction;
    at.skip(&[' ']);
    let zone = zone(&mut at);
    sane(us - zone.unwrap_or(0) * 60_000_000, of_digits(digits), zone.is_none())
}

/// Minutes east of UTC.
fn zone(at: &mut Cursor<'_>) -> Option<i64> {
    if at.skip(&['Z', 'z']) || at.0.starts_with("UTC") {
        return Some(0);
    }
    let sign = if at.0.starts_with('-') { -1 } else { 1 };
    if !at.skip(&['+', '-']) {
        return None;
    }
    let hours = at.digits(2)?;
    at.skip(&[':']);
    Some(sign * (hours * 60 + at.digits(2).unwrap_or(0)))
}

/// Days since 1970 of a date in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}

/// The time inside a UUIDv7 or a ULID; other ids have none.
pub(in crate::shape) fn of_id(id: &str) -> Option<Instant> {
    let bytes = id.as_bytes();
    let ms = if bytes.len() == 36 && bytes.get(14) == Some(&b'7') {
        let hex: String = id.get(..13)?.chars().filter(|digit| *digit != '-').collect();
        i64::from_str_radix(&hex, 16).ok()?
    } else if bytes.len() == 26 {
        const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        bytes.iter().take(10).try_fold(0i64, |ms, byte| {
            let digit = CROCKFORD.iter().position(|known| *known == byte.to_ascii_uppercase())?;
            Some(ms * 32 + i64::try_from(digit).ok()?)
        })?
    } else {
        return None;
    };
    // An id that is no time gives an absurd year.
    (1_400_000_000_000..4_100_000_000_000).contains(&ms).then_some(Instant {
        us: ms * 1000,
        precision: Precision::Milli,
        assumed_utc: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(written: &str) -> Option<i64> {
        text(written).map(|instant| instant.us)
    }

    #[test]
    fn every_way_to_write_a_moment_gives_the_same_microsecond() {
        const MOMENT: i64 = 1_795_168_800_000_000;
        for written in [
            "2026-11-20T10:00:00Z",
            "2026-11-20T10:00:00.000000000Z",
            "2026-11-20 10:00:00",
            "2026-11-20T03:00:00-07:00",
            "2026-11-20T10:00",
            "20261120T100000Z5a0c",
            "1795168800",
            "1795168800.0",
            "1795168800000",
            "1795168800000000",
            "1795168800000000000",
        ] {
            assert_eq!(us(written), Some(MOMENT), "{written}");
        }
    }

    #[test]
    fn fractions_are_kept_and_say_how_fine_they_are() {
        let instant = text("2026-11-20T10:00:00.123Z").unwrap();
        assert_eq!((instant.us % 1_000_000, instant.precision), (123_000, Precision::Milli));
        assert!(text("2026-11-20T10:00:00").unwrap().assumed_utc);
        assert_eq!(us("20261120T100000123456Z").unwrap() % 1_000_000, 123_456);
    }

    #[test]
    fn nothing_zero_and_nonsense_are_no_time() {
        for written in ["", "0", "1970-01-01T00:00:00Z", "yesterday", "2026-13-01", "2026-11-20T99:00:00Z", "é026-11-20"] {
            assert_eq!(us(written), None, "{written}");
        }
    }

    #[test]
    fn ids_that_carry_a_time_give_it_and_others_do_not() {
        assert_eq!(of_id("019f5c5a-eb02-7ff0-90af-653b66eba9f4").unwrap().us, 0x019f_5c5a_eb02 * 1000);
        assert!(of_id("c3c4b301-27c8-4c70-b6e4-46b99fdf0236").is_none());
        assert!(of_id("01JM8E000000000000000000ZZ").is_some());
    }
}
