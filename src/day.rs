//! Calendar day given by the user, since the program has no clock of its own.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use x509_cert::der::DateTime;

/// A day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Its first moment, since 1970.
    start: Duration,
}

/// Error for a text that is not a valid day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a date like `2027-01-31`")]
pub struct InvalidDay;

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<u16>().ok()
        };
        let separated = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let parts = (number(0..4), number(5..7), number(8..10));
        let (true, (Some(year), Some(month), Some(day))) = (separated, parts) else { return Err(InvalidDay) };
        let (Ok(month), Ok(day)) = (u8::try_from(month), u8::try_from(day)) else { return Err(InvalidDay) };
        let start = DateTime::new(year, month, day, 0, 0, 0).map_err(|_| InvalidDay)?;
        Ok(Self { start: start.unix_duration() })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(self.start) {
            Ok(time) => write!(f, "{}-{:02}-{:02}", time.year(), time.month(), time.day()),
            Err(_) => f.write_str("a later day"),
        }
    }
}

impl Day {
    /// The day that a moment is on; `moment` is counted since 1970.
    pub fn at(moment: Duration) -> Self {
        const LENGTH: u64 = 24 * 60 * 60;
        Self { start: Duration::from_secs(moment.as_secs() / LENGTH * LENGTH) }
    }

    /// Whether a moment is before the day.
    pub fn is_after(self, moment: Duration) -> bool {
        moment < self.start
    }

    /// Whether a moment is after the day.
    pub fn is_before(self, moment: Duration) -> bool {
        moment >= self.start + Duration::from_secs(24 * 60 * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
