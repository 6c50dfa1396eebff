//! Dates, times and durations (RFC 3339, with its appendix A).

use crate::time::days_in;

/// Minutes of a day.
const DAY: i32 = 24 * 60;

/// `2028-02-29`
pub(super) fn is_date(text: &str) -> bool {
    let mut fields = text.split('-');
    let (year, month, day) = (fields.next(), fields.next(), fields.next());
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    fields.next().is_none() && (1..=12).contains(&month) && (1..=days_in(month, year)).contains(&day)
}

/// `23:59:59.5+01:00`. The second 60 is one that UTC has: at the end of its day.
pub(super) fn is_time(text: &str) -> bool {
    let (clock, offset) = text.split_at(text.find(['Z', 'z', '+', '-']).unwrap_or(text.len()));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut fields = clock.split(':');
    let (hour, minute, second) = (fields.next(), fields.next(), fields.next());
    let (Some(minutes), Some(second), Some(offset)) =
        (minute_of_day(hour, minute), number(second, 2), offset_minutes(offset))
    else {
        return false;
    };
    let is_leap = || (minutes - offset).rem_euclid(DAY) == DAY - 1;
    fields.next().is_none() && is_digits(fraction) && (second < 60 || second == 60 && is_leap())
}

/// `2028-02-29T23:59:59Z`
pub(super) fn is_date_time(text: &str) -> bool {
    text.split_once(['T', 't']).is_some_and(|(date, time)| is_date(date) && is_time(time))
}

/// `P1Y2M3DT4H5M6S` or `P4W`: units that follow each other, the smaller after the larger.
pub(super) fn is_duration(text: &str) -> bool {
    let Some(period) = text.strip_prefix('P') else { return false };
    match period.split_once('T') {
        Some((days, time)) => (days.is_empty() || is_run_of_units(days, "YMD")) && is_run_of_units(time, "HMS"),
        None => is_run_of_units(period, "YMD") || is_run_of_units(period, "W"),
    }
}

/// Whether a text is numbers, each with a unit, and the units are neighbours: `1Y2M` and `2M3D`, but not `1Y3D`.
fn is_run_of_units(text: &str, units: &str) -> bool {
    let is_unit = |char: char| !char.is_ascii_digit();
    let used: String = text.chars().filter(|char| is_unit(*char)).collect();
    let has_numbers = text.split_inclusive(is_unit).all(|part| part.len() > 1);
    has_numbers && !used.is_empty() && units.contains(&used) && text.ends_with(is_unit)
}

/// Minutes east of UTC: of `Z`, `+01:00` or `-08:30`.
fn offset_minutes(text: &str) -> Option<i32> {
    let (sign, offset) = match text.split_at_checked(1)? {
        ("Z" | "z", rest) => return rest.is_empty().then_some(0),
        ("+", offset) => (1, offset),
        (_, offset) => (-1, offset),
    };
    let (hour, minute) = offset.split_once(':')?;
    minute_of_day(Some(hour), Some(minute)).map(|minutes| sign * minutes)
}

fn minute_of_day(hour: Option<&str>, minute: Option<&str>) -> Option<i32> {
    let hour = number(hour, 2).filter(|hour| *hour < 24)?;
    let minute = number(minute, 2).filter(|minute| *minute < 60)?;
    i32::try_from(hour * 60 + minute).ok()
}

/// A number of exactly so many digits.
fn number(text: Option<&str>, digits: usize) -> Option<u32> {
    text.filter(|text| text.len() == digits && is_digits(text))?.parse().ok()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
