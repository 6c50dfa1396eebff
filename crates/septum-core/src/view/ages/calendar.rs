//! Days by which values have to be replaced, as a calendar (RFC 5545). It contains no value.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::AgedValue;
use crate::diagnostic::escape_lines;
use crate::time::{Day, DayCount};

/// Longest line in bytes, without its end.
const LONGEST: usize = 75;

/// The calendar of values, as of a day.
pub fn to_calendar(values: &[AgedValue], at: Day) -> String {
    let mut out = String::new();
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//septum//list --age//EN", "CALSCALE:GREGORIAN"] {
        push_line(&mut out, line);
    }
    for value in values {
        let AgedValue { deadlines, key, .. } = value;
        if let Some((day, _)) = deadlines.expires {
            push_event(&mut out, value, "expires", &format!("{key} expires"), day, at);
        }
        if let Some((day, _)) = deadlines.rotate_by {
            push_event(&mut out, value, "rotation", &format!("{key} must be rotated"), day, at);
        }
    }
    push_line(&mut out, "END:VCALENDAR");
    out
}

fn push_event(out: &mut String, value: &AgedValue, kind: &str, what: &str, day: Day, at: Day) {
    let compact = |day: Day| day.to_string().replace('-', "");
    let AgedValue { app, bundle, environments, owner, rotation, .. } = value;
    let of = if app == bundle { app.clone() } else { format!("{app}/{bundle}") };
    let mut description = format!("Environments: {}", environments.join(", "));
    if let Some(owner) = owner {
        let _ = write!(description, "\nOwner: {owner}");
    }
    if let Some(rotation) = rotation {
        let _ = write!(description, "\nRotation: {rotation}");
    }
    push_line(out, "BEGIN:VEVENT");
    push_line(out, &format!("UID:{}", event_id(value, kind)));
    push_line(out, &format!("DTSTAMP:{}T000000Z", compact(at)));
    push_line(out, &format!("DTSTART;VALUE=DATE:{}", compact(day)));
    push_line(out, &format!("DTEND;VALUE=DATE:{}", compact(day.plus(DayCount::of_days(1)))));
    push_line(out, &format!("SUMMARY:{}", escape_text(&format!("{what} ({of})"))));
    push_line(out, &format!("DESCRIPTION:{}", escape_text(&description)));
    push_line(out, "TRANSP:TRANSPARENT");
    push_line(out, "END:VEVENT");
}

/// Identity of an event, which stays when its day changes.
fn event_id(value: &AgedValue, kind: &str) -> String {
    let file = value.source.split(':').next().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [&value.app, &value.bundle, &value.key, file, kind] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut id = String::new();
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    format!("{id}@septum")
}

/// A text as a value of a property. Characters that act on a display are escaped as in messages.
fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in escape_lines(text.trim_end()).chars() {
        match char {
            '\\' | ';' | ',' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => {}
            char => out.push(char),
        }
    }
    out
}

/// Adds a line, folded where it is too long, and never within a character.
fn push_line(out: &mut String, line: &str) {
    let mut length = 0;
    for char in line.chars() {
        if length + char.len_utf8() > LONGEST {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(char);
        length += char.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_75_bytes_and_unfold_to_the_text() {
        for text in [String::new(), "a".repeat(75), "ä".repeat(100), format!("{}😀{}", "x".repeat(73), "y".repeat(200))]
        {
            let mut out = String::new();
            push_line(&mut out, &text);
            assert!(out.split("\r\n").all(|line| line.len() <= LONGEST), "{out}");
            assert_eq!(out.strip_suffix("\r\n").unwrap().replace("\r\n ", ""), text);
        }
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escape_text("a,b;c\\d\ne\r\u{7}f\n"), "a\\,b\\;c\\\\d\\ne\\\\u{7}f");
    }

    #[test]
    fn no_character_of_a_text_acts_on_a_display() {
        for char in '\0'..=char::MAX {
            let escaped = escape_text(&format!("a{char}b"));
            assert_eq!(crate::diagnostic::escape_line(&escaped), escaped, "{char:?}");
        }
    }
}
