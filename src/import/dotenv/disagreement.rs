//! Lines that readers of dotenv files read differently.

use std::collections::BTreeMap;

use super::dialect::{DialectLine, DotenvDialect, DotenvEntry, DotenvPart, read_dotenv};
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

/// A warning for each line on which dialects disagree. Contains no value.
pub(super) fn report_disagreements(source: &Source, chosen: DotenvDialect) -> Diagnostics {
    let mut lines: BTreeMap<usize, (Span, BTreeMap<DotenvDialect, LineReading>)> = BTreeMap::new();
    for dialect in DotenvDialect::ALL {
        for line in read_dotenv(source, dialect) {
            let (span, reading) = match line {
                DialectLine::Invalid(span, _) => (span, LineReading::Refused),
                DialectLine::Entry(DotenvEntry { key, parts, span }) => (span, LineReading::Value(key, parts)),
            };
            lines.entry(span.start).or_insert_with(|| (span, BTreeMap::new())).1.insert(dialect, reading);
        }
    }
    let mut found = Diagnostics::new();
    for (span, readings) in lines.into_values() {
        let of = |dialect: DotenvDialect| readings.get(&dialect).unwrap_or(&LineReading::Nothing);
        let own = of(chosen);
        if DotenvDialect::ALL.iter().all(|dialect| of(*dialect) == own) {
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
        let warning = Diagnostic::warning(Rule::ImportDialect, "readers of dotenv files disagree on this line");
        let warning = warning.at_masked(source.place(span)).note(format!("it was read as by {}", chosen.as_str()));
        let notes = groups.into_iter().map(|(text, names)| format!("{}: {text}", names.join(", ")));
        found.push(notes.fold(warning, Diagnostic::note).hint("choose the reader of the file with `--dialect`"));
    }
    found
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
        let is_expanded =
            parts.iter().any(|part| matches!(part, DotenvPart::Variable { .. } | DotenvPart::Substitution(_)));
        notes.push(if is_expanded { "variables are expanded" } else { "`$` is a character" });
    }
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
    if notes.is_empty() { "all that is after the `=`".to_owned() } else { notes.join(", ") }
}
