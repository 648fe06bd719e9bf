//! Sizes, durations and times, from text and to text. Nothing here reads a clock: `now` comes from outside.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Result};
use crate::vault::api::{Subset, Time};

/// Reads `4096`, `64K`, `1.5GiB`: K, M, G, T count in 1024s, `KB`, `MB`… in 1000s.
pub(crate) fn parse_size(text: &str) -> Result<u64> {
    let wrong = || Error::Usage(format!("{text:?} is not a size; 4096, 64K, 512MiB and 1.5G are"));
    let trimmed = text.trim();
    let digits_end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits_end);
    let unit = unit.trim().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix("ib").or(unit.strip_suffix('b')) {
        Some(prefix) if !unit.ends_with("ib") && !prefix.is_empty() => (prefix, 1000_u64),
        Some(prefix) => (prefix, 1024),
        None => (unit.as_str(), 1024),
    };
    let power = ["", "k", "m", "g", "t"].iter().position(|known| *known == prefix).ok_or_else(wrong)?;
    let factor = base.pow(u32::try_from(power).map_err(|_| wrong())?);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(wrong);
    }
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * factor as f64;
    // Above 2^63 a float says nothing exact, and nobody has that much memory.
    if bytes.is_finite() && bytes < 9.0e18 { Ok(bytes as u64) } else { Err(wrong()) }
}

/// Reads `0`, `5s`, `500ms`, `10m`, `1h30m`, `30d`, `2w`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration> {
    let wrong = || Error::Usage(format!("{text:?} is not a duration; 5s, 10m, 1h30m and 30d are"));
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let amount: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let part = match &rest[digits..unit_end] {
            "ms" => Some(Duration::from_millis(amount)),
            "s" => Some(Duration::from_secs(amount)),
            "m" | "min" => amount.checked_mul(60).map(Duration::from_secs),
            "h" => amount.checked_mul(3600).map(Duration::from_secs),
            "d" => amount.checked_mul(86_400).map(Duration::from_secs),
            "w" => amount.checked_mul(7 * 86_400).map(Duration::from_secs),
            _ => None,
        };
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[unit_end..];
    }
    if text.trim().is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Reads a duration or `forever`.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration> {
    if text.trim() == "forever" { Ok(Duration::MAX) } else { parse_duration(text) }
}

/// Reads RFC 3339, a date (its midnight), a date and time, or an age such as `30d`. Without a zone it is in `zone`.
pub(crate) fn parse_time(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Time> {
    let text = text.trim();
    let wrong = || Error::Usage(format!("{text:?} is not a time; 2026-10-01, 2026-10-01T12:00:00Z and 30d (ago) are"));
    let local = |civil: DateTime| zone.to_timestamp(civil).map_err(|_| wrong());
    // RFC 3339 first: as a local time the zone of the text would silently be dropped.
    let timestamp = if let Ok(exact) = text.parse::<Timestamp>() {
        exact
    } else if let Ok(age) = parse_duration(text) {
        let age = SignedDuration::try_from(age).map_err(|_| wrong())?;
        now.checked_sub(age).map_err(|_| wrong())?
    } else if text.contains(['T', ' ']) {
        local(text.parse::<DateTime>().map_err(|_| wrong())?)?
    } else {
        local(text.parse::<Date>().map_err(|_| wrong())?.at(0, 0, 0, 0))?
    };
    Ok(Time(timestamp.as_microsecond()))
}

/// Reads the name of a time zone.
pub(crate) fn parse_zone(text: &str) -> Result<TimeZone> {
    if text.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    let unknown = || {
        Error::Usage(format!("{text:?} is no time zone that is known here; UTC is, and Europe/Berlin where zones are installed"))
    };
    TimeZone::get(text).map_err(|_| unknown())
}

/// Reads `10%`, `2/7` or a size.
pub(crate) fn parse_subset(text: &str) -> Result<Subset> {
    let wrong = || Error::Usage(format!("{text:?} is not a part; 10%, 2/7 (the second seventh) and 5GiB are"));
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
        return if percent > 0.0 && percent <= 100.0 { Ok(Subset::Percent(percent)) } else { Err(wrong()) };
    }
    if let Some((part, of)) = text.split_once('/') {
        let (part, of) = (part.trim().parse().map_err(|_| wrong())?, of.trim().parse().map_err(|_| wrong())?);
        return if part >= 1 && part <= of { Ok(Subset::Part { part, of }) } else { Err(wrong()) };
    }
    parse_size(text).map_err(|_| wrong()).and_then(|bytes| if bytes > 0 { Ok(Subset::Bytes(bytes)) } else { Err(wrong()) })
}

/// `1.4 GiB`; exact below 1024.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // 1023.95 would be shown as 1024.0.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 record`, `2,000 records`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A change of size, with its sign.
pub(crate) fn change(before: u64, after: u64) -> String {
    if after >= before { format!("+{}", size(after - before)) } else { format!("-{}", size(before - after)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_systems_of_units() {
        let table =
            [("0", 0), ("4096", 4096), ("64K", 65_536), ("64 KiB", 65_536), ("64kb", 64_000), ("1.5G", 3 << 29), ("7B", 7)];
        for (text, bytes) in table {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_and_never_rounded_to_one() {
        for text in ["", "K", "-1", "1Q", "1.2.3", "99999999999T", "99999999.5T", "1e3", "inf", "nan", ".", "1 2"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn durations_add_up_their_parts() {
        let table =
            [("0", 0), ("500ms", 500), ("5s", 5_000), ("1h30m", 5_400_000), ("30d", 2_592_000_000), ("2w", 1_209_600_000)];
        for (text, milliseconds) in table {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["", "5", "s", "5x", "-5s", "1.5h", "99999999999999999999s", "18446744073709551615w", "é5s", "5é"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_timeout("forever").unwrap(), Duration::MAX);
    }

    #[test]
    fn a_time_without_zone_is_in_the_zone_asked_for_and_an_age_counts_back_from_now() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let berlin = parse_zone("Europe/Berlin").unwrap();
        let read = |text: &str, zone: &TimeZone| parse_time(text, zone, now).map(|time| time.to_string());
        assert_eq!(read("2026-10-01", &TimeZone::UTC).unwrap(), "2026-10-01T00:00:00Z");
        assert_eq!(read("2026-10-01", &berlin).unwrap(), "2026-09-30T22:00:00Z");
        assert_eq!(read("2026-10-01T06:30:00", &berlin).unwrap(), "2026-10-01T04:30:00Z");
        assert_eq!(read("2026-10-01T06:30:00+05:00", &berlin).unwrap(), "2026-10-01T01:30:00Z");
        assert_eq!(read("30d", &berlin).unwrap(), "2026-10-22T12:00:00Z");
        for text in ["", "yesterday", "2026-13-01", "10", "99999999d"] {
            assert!(read(text, &berlin).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_part_of_the_data_is_never_nothing_and_never_more_than_all() {
        assert_eq!(parse_subset("10%").unwrap(), Subset::Percent(10.0));
        assert_eq!(parse_subset("2/7").unwrap(), Subset::Part { part: 2, of: 7 });
        assert_eq!(parse_subset("5GiB").unwrap(), Subset::Bytes(5 << 30));
        for text in ["0%", "101%", "nan%", "0/7", "8/7", "0", "x"] {
            assert!(parse_subset(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!((size(0), size(1023), size(1536)), ("0 B".into(), "1023 B".into(), "1.5 KiB".into()));
        assert_eq!((size((1 << 20) - 1), size(u64::MAX)), ("1.0 MiB".into(), "16.0 EiB".into()));
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((counted(1, "line"), counted(0, "line")), ("1 line".into(), "0 lines".into()));
        assert_eq!((change(10, 5), change(5, 10)), ("-5 B".into(), "+5 B".into()));
    }
}
