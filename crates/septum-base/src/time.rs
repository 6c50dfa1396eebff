//! Days, and points in time as sops reads and writes them.
//!
//! A timestamp is authenticated by the form in which Go prints it, so it goes from text to text.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Seconds of a day.
const DAY_LENGTH: u64 = 24 * 60 * 60;

/// A day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u32,
    month: u32,
    /// Counted from 1.
    of_month: u32,
}

/// Error for a text that is not a valid day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a date like `2027-01-31`")]
pub struct InvalidDay;

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let mut rest = TimestampParser(text.as_bytes());
        let day = rest.date(2).filter(|day| day.year >= 1970 && rest.end().is_some());
        day.ok_or(InvalidDay)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.of_month)
    }
}

impl Day {
    /// The day that a moment is on; `moment` is counted since 1970.
    pub fn at(moment: Duration) -> Self {
        Self::nth(moment.as_secs() / DAY_LENGTH)
    }

    /// A day counted from 1970-01-01.
    fn nth(days: u64) -> Self {
        let (mut year, mut rest) = (1970, days);
        loop {
            let length = (1..=12).map(|month| u64::from(days_in(month, year))).sum();
            if rest < length || year >= 9999 {
                break;
            }
            (year, rest) = (year + 1, rest - length);
        }
        let mut month = 1;
        while month < 12 && rest >= u64::from(days_in(month, year)) {
            (month, rest) = (month + 1, rest - u64::from(days_in(month, year)));
        }
        Self { year, month, of_month: u32::try_from(rest + 1).unwrap_or(1).min(days_in(month, year)) }
    }

    /// Number of days since 1970-01-01.
    pub fn number(self) -> u64 {
        let years = (1970..self.year).map(|year| (1..=12).map(|month| u64::from(days_in(month, year))).sum::<u64>());
        let months = (1..self.month).map(|month| u64::from(days_in(month, self.year)));
        years.sum::<u64>() + months.sum::<u64>() + u64::from(self.of_month) - 1
    }

    /// The day that follows by a number of days.
    #[must_use]
    pub fn plus(self, days: DayCount) -> Self {
        Self::nth(self.number() + u64::from(days.0))
    }

    /// Number of days from another day to this one; negative if the other one is later.
    pub fn days_since(self, other: Self) -> i64 {
        let number = |day: Self| i64::try_from(day.number()).unwrap_or(i64::MAX);
        number(self) - number(other)
    }

    /// Seconds from the start of 1970 to the start of the day.
    pub fn unix_seconds(self) -> i64 {
        // years begin in March, so that the day that only some have is the last one
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let month = i64::from(self.month + 9) % 12;
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let days = 365 * year + leap_days + (153 * month + 2) / 5 + i64::from(self.of_month) - 1;
        (days - 719_468) * 86_400
    }

    /// Whether a moment lies before the day.
    pub fn is_after(self, moment: Duration) -> bool {
        Self::at(moment) < self
    }

    /// Whether a moment lies after the day.
    pub fn is_before(self, moment: Duration) -> bool {
        Self::at(moment) > self
    }
}

/// A period of whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayCount(u32);

/// Error for a text that is not a valid period of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected days like `90d` or weeks like `12w`")]
pub struct InvalidDayCount;

/// Longest period, a hundred years.
const MOST_DAYS: u32 = 36_525;

impl DayCount {
    /// A period of `days`.
    pub const fn of_days(days: u32) -> Self {
        Self(days)
    }

    /// Number of days in it.
    pub fn days(self) -> u32 {
        self.0
    }
}

impl FromStr for DayCount {
    type Err = InvalidDayCount;

    fn from_str(text: &str) -> Result<Self, InvalidDayCount> {
        let (digits, days) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(digits), _) => (digits, 1),
            (_, Some(digits)) => (digits, 7),
            (None, None) => return Err(InvalidDayCount),
        };
        if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidDayCount);
        }
        let count = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(days));
        count.filter(|&count| count <= MOST_DAYS).map(Self).ok_or(InvalidDayCount)
    }
}

impl fmt::Display for DayCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

/// A point in time with its offset; prints as RFC 3339 with as many digits of a second as needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    day: Day,
    hour: u32,
    minute: u32,
    second: u32,
    nanoseconds: u32,
    /// East of UTC, in minutes.
    offset: i32,
}

impl Timestamp {
    /// Reads RFC 3339: `2026-05-22T20:16:23Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let mut rest = TimestampParser(text.as_bytes());
        let day = rest.date(2)?;
        rest.eat(b"T")?;
        let clock = rest.clock(2, b".")?;
        let offset = rest.offset()?;
        rest.end()?;
        Some(Self::new(day, clock, offset))
    }

    /// Reads what go-yaml interprets as a timestamp (format, section 1.9.2): RFC 3339 with `T` or `t` and fields of
    /// one or two digits, the same with a blank and without an offset, or a date alone.
    pub fn parse_yaml(text: &str) -> Option<Self> {
        let mut rest = TimestampParser(text.as_bytes());
        let day = rest.date(1)?;
        if rest.end().is_some() {
            return Some(Self::new(day, (0, 0, 0, 0), 0));
        }
        let zoned = rest.eat(b"Tt").is_some();
        if !zoned {
            rest.eat(b" ")?;
        }
        // Go's parser accepts a comma before the fraction too
        let clock = rest.clock(1, b".,")?;
        let offset = if zoned { rest.offset()? } else { 0 };
        rest.end()?;
        Some(Self::new(day, clock, offset))
    }

    /// A point in time by the clock of the machine, in whole seconds and UTC.
    pub fn from_system_time(time: SystemTime) -> Self {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let part = |number: u64| u32::try_from(number).unwrap_or_default();
        let clock = (part(seconds / 3600 % 24), part(seconds / 60 % 60), part(seconds % 60), 0);
        Self::new(Day::nth(seconds / DAY_LENGTH), clock, 0)
    }

    /// RFC 3339 without a fraction: the form that the MAC is bound to (format, section 1.6).
    pub fn to_seconds(self) -> String {
        Self { nanoseconds: 0, ..self }.to_string()
    }

    /// The day, as its offset has it.
    pub fn day(self) -> Day {
        self.day
    }

    /// Whole seconds since 1970 in UTC; negative before.
    pub fn unix_seconds(self) -> i64 {
        let of_day = i64::from(self.hour * 3600 + self.minute * 60 + self.second);
        self.day.unix_seconds() + of_day - i64::from(self.offset) * 60
    }

    fn new(day: Day, (hour, minute, second, nanoseconds): (u32, u32, u32, u32), offset: i32) -> Self {
        Self { day, hour, minute, second, nanoseconds, offset }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, hour, minute, second, nanoseconds, offset } = self;
        write!(f, "{day}T{hour:02}:{minute:02}:{second:02}")?;
        if *nanoseconds > 0 {
            let fraction = format!("{nanoseconds:09}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        if *offset == 0 {
            return f.write_str("Z");
        }
        let sign = if *offset < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
    }
}

struct TimestampParser<'a>(&'a [u8]);

impl TimestampParser<'_> {
    /// The next byte, if it is one of these.
    fn eat(&mut self, any: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        any.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// A number of `least` to `most` digits within a range.
    fn number(&mut self, least: usize, most: usize, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let digits = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        let number = number.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        range.contains(&number).then_some(number)
    }

    fn date(&mut self, least: usize) -> Option<Day> {
        let year = self.number(4, 4, 0..=9999)?;
        self.eat(b"-")?;
        let month = self.number(least, 2, 1..=12)?;
        self.eat(b"-")?;
        let of_month = self.number(least, 2, 1..=days_in(month, year))?;
        Some(Day { year, month, of_month })
    }

    fn clock(&mut self, least: usize, points: &[u8]) -> Option<(u32, u32, u32, u32)> {
        let hour = self.number(least, 2, 0..=23)?;
        self.eat(b":")?;
        let minute = self.number(least, 2, 0..=59)?;
        self.eat(b":")?;
        let second = self.number(least, 2, 0..=59)?;
        let mut nanoseconds = 0;
        if self.eat(points).is_some() {
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, rest) = self.0.split_at_checked(digits)?;
            // digits beyond a nanosecond are cut off
            let nine = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
            nanoseconds = nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            self.0 = rest;
            (digits > 0).then_some(())?;
        }
        Some((hour, minute, second, nanoseconds))
    }

    fn offset(&mut self) -> Option<i32> {
        let sign = match self.eat(b"Z+-")? {
            b'Z' => return Some(0),
            b'+' => 1,
            _ => -1,
        };
        let hours = self.number(2, 2, 0..=24)?;
        self.eat(b":")?;
        let minutes = self.number(2, 2, 0..=60)?;
        i32::try_from(hours * 60 + minutes).ok().map(|offset| sign * offset)
    }
}

/// Number of days of a month, counted from 1, in a year.
pub fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_machine_is_read_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_455_140, "2026-11-23T17:32:20Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            #[cfg(unix)] // where the system can say so
            (u64::from(u32::MAX) << 9, "9999-12-31T23:59:59Z"),
        ] {
            let time = Timestamp::from_system_time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let date = |text: &str| text.split('T').next().map(str::to_owned);
            assert_eq!(date(&time.to_string()), date(expected), "{seconds}");
        }
    }

    #[test]
    fn a_timestamp_prints_as_go_prints_it() {
        for (text, expected) in [
            ("2024-01-01", Some("2024-01-01T00:00:00Z")),
            ("2024-1-1", Some("2024-01-01T00:00:00Z")),
            ("2024-02-29", Some("2024-02-29T00:00:00Z")),
            ("2023-02-29", None),
            ("2024-13-01", None),
            ("2024-01-01 10:11:12", Some("2024-01-01T10:11:12Z")),
            ("2024-01-01 1:2:3.5", Some("2024-01-01T01:02:03.5Z")),
            ("2024-01-01T10:11:12", None),
            ("2024-01-01 10:11:12 +1", None),
            ("2024-01-01T10:11:12.123456789Z", Some("2024-01-01T10:11:12.123456789Z")),
            ("2024-01-01T10:11:12.1234567899Z", Some("2024-01-01T10:11:12.123456789Z")),
            ("2024-01-01T10:11:12,50+00:00", Some("2024-01-01T10:11:12.5Z")),
            ("2001-12-14t21:59:43.10-05:00", Some("2001-12-14T21:59:43.1-05:00")),
            ("2006-01-02T15:04:05+07:06", Some("2006-01-02T15:04:05+07:06")),
            ("2024-01-01T24:00:00Z", None),
            ("2024-01-01T10:11:12.Z", None),
            ("2024-01-01T10:11:12Zx", None),
            ("12024-01-01", None),
            ("24-01-01", None),
        ] {
            let printed = Timestamp::parse_yaml(text).map(|time| time.to_string());
            assert_eq!(printed.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_last_change_is_bound_in_seconds_and_zero_offset_is_z() {
        for (text, expected) in [
            ("2026-05-22T20:16:23Z", Some("2026-05-22T20:16:23Z")),
            ("2026-05-22T20:16:23.999Z", Some("2026-05-22T20:16:23Z")),
            ("2026-05-22T20:16:23+00:00", Some("2026-05-22T20:16:23Z")),
            ("2026-05-22T20:16:23-00:00", Some("2026-05-22T20:16:23Z")),
            ("2026-05-22T20:16:23-08:30", Some("2026-05-22T20:16:23-08:30")),
            ("2026-05-22", None),
            ("2026-5-22T20:16:23Z", None),
            ("2026-05-22 20:16:23", None),
            ("", None),
        ] {
            let bound = Timestamp::parse_rfc3339(text).map(Timestamp::to_seconds);
            assert_eq!(bound.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_day_is_one_of_the_calendar() {
        for (text, valid) in [
            ("2027-01-31", true),
            ("2028-02-29", true),
            ("2027-02-29", false),
            ("2027-02-31", false),
            ("1969-12-31", false),
            ("2027-13-01", false),
            ("2027-1-31", false),
            ("+027-01-31", false),
            ("2027-01-31T00:00:00Z", false),
            ("äöüäö", false),
        ] {
            assert_eq!(text.parse::<Day>().is_ok(), valid, "{text}");
        }
        let day: Day = "1970-01-02".parse().unwrap();
        assert!(day.is_after(Duration::from_secs(86_399)) && !day.is_after(Duration::from_secs(86_400)));
        assert!(day.is_before(Duration::from_secs(172_800)) && !day.is_before(Duration::from_secs(172_799)));
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        for (from, days, to) in [
            ("1970-01-01", 1, "1970-01-02"),
            ("2028-02-28", 1, "2028-02-29"),
            ("2027-12-31", 1, "2028-01-01"),
            ("2027-03-01", 366, "2028-03-01"),
            ("2000-01-01", 36_525, "2100-01-01"),
        ] {
            let (from, to) = (from.parse::<Day>().unwrap(), to.parse::<Day>().unwrap());
            assert_eq!(from.plus(DayCount::of_days(days)), to);
            assert_eq!(to.days_since(from), i64::from(days));
            assert_eq!(from.days_since(to), -i64::from(days));
            assert_eq!(Day::nth(to.number()), to);
        }
    }

    #[test]
    fn a_period_is_of_days_or_weeks() {
        for (text, days) in [
            ("90d", Some(90)),
            ("1d", Some(1)),
            ("12w", Some(84)),
            ("36525d", Some(36_525)),
            ("36526d", None),
            ("0d", None),
            ("090d", None),
            ("90", None),
            ("3m", None),
            ("1y", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5d", None),
            ("9 d", None),
            ("d", None),
            ("99999999999d", None),
            ("4294967295w", None),
        ] {
            assert_eq!(text.parse::<DayCount>().ok().map(DayCount::days), days, "{text}");
        }
    }

    #[test]
    fn seconds_are_counted_from_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-29T09:22:59Z", 1_795_944_179),
            ("2026-11-29T10:22:59+01:00", 1_795_944_179),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap().unix_seconds(), seconds, "{text}");
        }
    }
}
