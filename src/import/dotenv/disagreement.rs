//! Lines that readers of dotenv files read differently.

use std::collections::BTreeMap;
use std::ops::Range;

use super::dialect::DotenvDialect;
use super::lines::{DialectLine, DotenvEntry, read_dotenv};
use super::value::DotenvPart;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::span::{Source, Span};

/// Reading of a line by a dialect.
#[derive(PartialEq, Eq)]
enum LineReading {
    /// Nothing: the line is skipped, or part of the value before it.
    Nothing,
    /// The reader refuses the file.
    Refused,
    /// A key with a value.
    Value(String, Vec<DotenvPart>),
}

/// Lines that readers differ on in the same way.
struct DisagreedLines {
    /// Readings, each with its readers.
    notes: Vec<String>,
    /// Keys by the chosen reader, with their lines.
    keys: Vec<String>,
    first: Span,
}

/// A warning for each way in which dialects disagree, with the keys of the lines. Contains no value.
pub(super) fn report_disagreements(source: &Source, chosen: DotenvDialect) -> Diagnostics {
    let mut lines: BTreeMap<usize, (Span, BTreeMap<DotenvDialect, LineReading>)> = BTreeMap::new();
    let mut inner: Vec<Range<usize>> = Vec::new();
    for dialect in DotenvDialect::ALL {
        for line in read_dotenv(source, dialect) {
            let (span, reading) = match line {
                DialectLine::Skipped(span) => (span, LineReading::Nothing),
                DialectLine::Invalid(span, _) => (span, LineReading::Refused),
                DialectLine::Entry(DotenvEntry { key, parts, span, end }) => {
                    if dialect == chosen {
                        inner.push(span.start + 1..end);
                    }
                    (span, LineReading::Value(key, parts))
                }
            };
            lines.entry(span.start).or_insert_with(|| (span, BTreeMap::new())).1.insert(dialect, reading);
        }
    }
    let mut found: Vec<DisagreedLines> = Vec::new();
    for (span, readings) in lines.into_values() {
        let of = |dialect: DotenvDialect| readings.get(&dialect).unwrap_or(&LineReading::Nothing);
        let own = of(chosen);
        // the lines of a value belong to the line that begins it
        let is_inner = inner.iter().any(|range| range.contains(&span.start));
        if is_inner || DotenvDialect::ALL.iter().all(|dialect| of(*dialect) == own) {
            continue;
        }
        let raw = source.text().get(span.start..span.end).unwrap_or_default();
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for dialect in DotenvDialect::ALL {
            let text = describe(of(dialect), raw);
            match groups.iter_mut().find(|(known, _)| *known == text) {
                Some((_, names)) => names.push(dialect.as_str()),
                None => groups.push((text, vec![dialect.as_str()])),
            }
        }
        let notes: Vec<_> = groups.into_iter().map(|(text, names)| format!("{}: {text}", names.join(", "))).collect();
        let key = match own {
            LineReading::Value(key, _) => format!("`{key}`"),
            LineReading::Nothing | LineReading::Refused => format!("line {}", line_number(source, span)),
        };
        match found.iter_mut().find(|known| known.notes == notes) {
            Some(known) => known.keys.push(key),
            None => found.push(DisagreedLines { notes, keys: vec![key], first: span }),
        }
    }
    let warnings = found.into_iter().map(|DisagreedLines { notes, keys, first }| {
        let message = format!("readers of dotenv files disagree on {}", keys.join(", "));
        let warning = Diagnostic::warning(Rule::ImportDialect, message).at_masked(source.place(first));
        let warning = warning.note(format!("it was read as by {}", chosen.as_str()));
        notes.into_iter().fold(warning, Diagnostic::note).hint("choose the reader of the file with `--dialect`")
    });
    warnings.collect()
}

/// Number of the line of a span, from 1.
fn line_number(source: &Source, span: Span) -> usize {
    source.text().get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
}

/// Describes a reading of a line, without its value.
fn describe(reading: &LineReading, raw: &str) -> String {
    let (key, parts) = match reading {
        LineReading::Nothing => return "skip it".to_owned(),
        LineReading::Refused => return "refuse it".to_owned(),
        LineReading::Value(key, parts) => (key, parts),
    };
    let text: String = parts
        .iter()
        .map(|part| match part {
            DotenvPart::Text(text) | DotenvPart::Variable { text, .. } | DotenvPart::Substitution(text) => {
                text.as_str()
            }
        })
        .collect();
    let mut notes = Vec::new();
    if !raw.contains('=') {
        notes.push("an empty value");
    }
    if key.starts_with("export ") {
        notes.push("`export` is part of the key");
    } else if key.contains(char::is_whitespace) {
        notes.push("the blank is part of the key");
    }
    let value = raw.split_once('=').map_or("", |(_, value)| value).trim_start();
    if value.starts_with(['\'', '"', '`']) {
        notes.push(if text.trim_start().starts_with(['\'', '"', '`']) {
            "with the quotes"
        } else {
            "without the quotes"
        });
    }
    if value.contains('#') {
        notes.push(if text.contains('#') { "with the `#` and what follows" } else { "up to the `#`" });
    }
    if value.contains("\\n") && value.starts_with('"') {
        notes.push(if text.contains('\n') { "with `\\n` as a line break" } else { "with `\\n` as it is" });
    } else if text.contains('\n') {
        notes.push("with the lines that follow");
    }
    if value.contains('$') {
        note_variables(value, parts, &mut notes);
    }
    note_blanks_and_quotes(raw, value, &text, &mut notes);
    match notes.is_empty() {
        true if text.trim() == value.trim() => "all that is after the `=`".to_owned(),
        true => "other characters than those after the `=`".to_owned(),
        false => notes.join(", "),
    }
}

/// Notes whether variables are expanded, and empty ones have their defaults.
fn note_variables(value: &str, parts: &[DotenvPart], notes: &mut Vec<&'static str>) {
    let is_expanded =
        parts.iter().any(|part| matches!(part, DotenvPart::Variable { .. } | DotenvPart::Substitution(_)));
    notes.push(if is_expanded { "variables are expanded" } else { "`$` is a character" });
    let is_default = |part: &DotenvPart, is_for_empty: bool| match part {
        DotenvPart::Variable { default: Some(default), .. } => {
            !default.text.is_empty() && default.is_for_empty == is_for_empty
        }
        _ => false,
    };
    let has_default = |is_for_empty| parts.iter().any(|part| is_default(part, is_for_empty));
    if value.contains(":-") && (has_default(true) || has_default(false)) {
        notes.push(if has_default(true) { "an empty one has its default" } else { "an empty one has no default" });
    }
}

/// Notes what becomes of blanks and quotes in a value without quotes around it, and of blanks behind any.
fn note_blanks_and_quotes(raw: &str, value: &str, text: &str, notes: &mut Vec<&'static str>) {
    let has_quotes = value.starts_with(['\'', '"', '`']);
    if !has_quotes && value.trim().contains([' ', '\t']) && !value.contains('#') {
        let is_whole = text.trim().contains([' ', '\t']);
        notes.push(if is_whole { "with the blanks in it" } else { "up to the first blank" });
    }
    if raw.ends_with([' ', '\t']) {
        notes.push(if text.ends_with([' ', '\t']) {
            "with the blanks at the end"
        } else {
            "without the blanks at the end"
        });
    }
    if !has_quotes && value.contains(['\'', '"']) {
        let is_whole = text.contains(['\'', '"']);
        notes.push(if is_whole { "with the quotes in it" } else { "without the quotes in it" });
    }
}
