//! Dates in texts, and whether they follow the time of their use.

use super::looks::Look;
use jiff::civil::Date;

/// Whether a date or a time says about when it was sent. The zone is not known: a day more or less, and minutes only.
pub(super) fn follows(text: &str, look: Look, time: i64) -> bool {
    const DAY: i64 = 86_400_000_000;
    if look == Look::Time {
        let minute = text.split(':').nth(1).and_then(|rest| rest.get(..2)?.parse::<i64>().ok());
        let Some(minute) = minute else { return false };
        let distance = (minute - time.div_euclid(60_000_000)).rem_euclid(15);
        return distance <= 2 || distance >= 13;
    }
    let sent = time.div_euclid(DAY);
    dates(text).into_iter().any(|date| {
        let midnight = date.to_datetime(jiff::civil::Time::midnight()).to_zoned(jiff::tz::TimeZone::UTC);
        midnight.is_ok_and(|midnight| (midnight.timestamp().as_second().div_euclid(86_400) - sent).abs() <= 1)
    })
}

/// The days a date may mean.
pub(super) fn dates(text: &str) -> Vec<Date> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    let numbers: Vec<i16> = lower.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let month = lower
        .split(|c: char| !c.is_ascii_alphabetic())
        .find_map(|word| MONTHS.iter().position(|month| word.len() >= 3 && word.starts_with(month)))
        .map(|month| month as i16 + 1);
    let date = |year: i16, month: i16, day: i16| Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    let found = match (month, numbers.as_slice()) {
        (Some(month), [a, b, ..]) if *b > 31 => vec![date(*b, month, *a)],
        (Some(month), [a, b, ..]) if *a > 31 => vec![date(*a, month, *b)],
        (None, [a, b, c, ..]) if *a > 31 => vec![date(*a, *b, *c)],
        (None, [a, b, c, ..]) if *c > 31 => vec![date(*c, *a, *b), date(*c, *b, *a)],
        _ => Vec::new(),
    };
    found.into_iter().flatten().collect()
}
