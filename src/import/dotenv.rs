//! Import of dotenv files.

mod dialect;
mod disagreement;
mod draft;
mod earlier_values;
mod expansion;
mod frozen;
mod lines;
mod value;

use std::collections::BTreeMap;

use self::disagreement::report_disagreements;
use self::draft::DotenvDraft;
use self::earlier_values::{EarlierValues, ReferenceOrder};
use self::frozen::ValuesBefore;
use self::lines::{DialectLine, DotenvEntry, read_dotenv};
use self::value::DotenvPart;
use super::plan::ImportPlan;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::IndexMap;
use crate::span::{Location, Source, Span};

pub use dialect::DotenvDialect;

/// Size of a value from which it is refused: no ConfigMap is larger, in bytes.
const LARGEST: usize = 1 << 20;

/// Environment of an import without one.
const USUAL: &str = "prod";

/// A dotenv file.
pub struct DotenvInput {
    /// Its environment; none for the base.
    pub environment: Option<String>,
    /// The file.
    pub source: Source,
}

/// Value of a key in a file.
#[derive(Clone)]
struct DotenvValue {
    parts: Vec<DotenvPart>,
    place: Location,
}

/// Values of an environment by key.
type DotenvValues = IndexMap<String, DotenvValue>;

/// Plans the import of dotenv files. Without a dialect, they are read as by Node, and disagreements are reported.
pub fn plan_dotenv(
    app: &str,
    inputs: &[DotenvInput],
    dialect: Option<DotenvDialect>,
) -> Result<ImportPlan, Diagnostics> {
    let (mut plan, mut problems) = (ImportPlan::default(), Diagnostics::new());
    let mut base = DotenvValues::default();
    let mut environments: IndexMap<String, DotenvValues> = IndexMap::default();
    // files of environments are read after those of the base
    let (of_base, of_environments): (Vec<_>, Vec<_>) = inputs.iter().partition(|input| input.environment.is_none());
    for input in of_base.into_iter().chain(of_environments) {
        let shared = if input.environment.is_none() { DotenvValues::default() } else { base.clone() };
        let values = match &input.environment {
            None => &mut base,
            Some(name) => environments.entry(name.clone()).or_default(),
        };
        let reader = dialect.unwrap_or(DotenvDialect::Node);
        read_values(&input.source, reader, &shared, values, &mut plan, &mut problems);
        if dialect.is_none() {
            plan.findings.extend(report_disagreements(&input.source, DotenvDialect::Node));
        }
    }
    if environments.is_empty() {
        environments.insert(USUAL.to_owned(), DotenvValues::default());
    }
    if base.is_empty() && environments.values().all(IndexMap::is_empty) && !problems.has_errors() {
        problems.push(Diagnostic::error(Rule::Usage, "there are no variables to import"));
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let effective: IndexMap<String, DotenvValues> = environments
        .iter()
        .map(|(name, own)| {
            let mut values = base.clone();
            values.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
            (name.clone(), values)
        })
        .collect();
    let draft = DotenvDraft { app, base: &base, effective: &effective };
    draft.write(&mut plan);
    if plan.findings.has_errors() { Err(plan.findings) } else { Ok(plan) }
}

/// Adds the values of a file, which is read after those of the base.
fn read_values(
    source: &Source,
    dialect: DotenvDialect,
    base: &DotenvValues,
    values: &mut DotenvValues,
    plan: &mut ImportPlan,
    problems: &mut Diagnostics,
) {
    let lines = read_dotenv(source, dialect);
    plan.note_lost_comments(source.name(), count_comments(source, &lines));
    let order = ReferenceOrder::of(&lines);
    let mut before = base.clone();
    before.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
    let before = ValuesBefore { values: &before, is_set: &|key| order.is_set(key) };
    let (mut read, mut earlier) = (DotenvValues::default(), EarlierValues::new(&order, before));
    let mut accepted = AcceptedLines { source, dialect, places: BTreeMap::new(), skipped: Vec::new() };
    for line in lines {
        let Some(DotenvEntry { key, parts, span, .. }) = accepted.entry(line, plan, problems) else { continue };
        let place = source.place(span);
        // after the first one for which there is no room, there is none for any
        let is_reported = earlier.is_exhausted();
        let Some(parts) = earlier.replace(&key, parts, &read, &place, plan) else {
            problems.extend((!is_reported).then(|| too_long(&key, &place)));
            continue;
        };
        if parts.iter().any(|part| matches!(part, DotenvPart::Substitution(_))) {
            plan.findings.push(kept_substitution(&key, &place));
        }
        read.insert(key, DotenvValue { parts, place });
    }
    values.extend(read);
    if before.freeze_circles(values, plan).is_err() && !problems.has_errors() {
        let message = "the variables of values before this file expand to a text that is too long";
        problems.push(Diagnostic::error(Rule::DotenvSyntax, message).at_masked(source.place(Span::default())));
    }
    accepted.note_skipped(plan);
}

/// Lines of a file that can be keys of a ConfigMap.
struct AcceptedLines<'s> {
    source: &'s Source,
    dialect: DotenvDialect,
    /// Last place of each key.
    places: BTreeMap<String, Location>,
    /// Places of lines without `=`.
    skipped: Vec<Location>,
}

impl AcceptedLines<'_> {
    /// The entry of a line. Reports lines that are invalid, and keys that are set again.
    fn entry(&mut self, line: DialectLine, plan: &mut ImportPlan, problems: &mut Diagnostics) -> Option<DotenvEntry> {
        let entry = match line {
            DialectLine::Entry(entry) => entry,
            DialectLine::Skipped(span) => {
                self.skipped.push(self.source.place(span));
                return None;
            }
            DialectLine::Invalid(span, why) => {
                let message = format!("{} refuses this line: {why}", self.dialect.as_str());
                problems.push(Diagnostic::error(Rule::DotenvSyntax, message).at_masked(self.source.place(span)));
                return None;
            }
        };
        let (key, place) = (&entry.key, self.source.place(entry.span));
        if !is_config_map_key(key) {
            problems.push(
                Diagnostic::error(Rule::InvalidKey, "the key of this line is not a valid key of a ConfigMap")
                    .at_masked(place)
                    .note("keys consist of letters, digits, `-`, `_` and `.`"),
            );
            return None;
        }
        if let Some(first) = self.places.insert(key.clone(), place.clone()) {
            plan.findings.push(
                Diagnostic::warning(Rule::ImportDialect, format!("`{key}` is set twice, and the last value was read"))
                    .at_masked(place)
                    .at_masked_with(first, "first value"),
            );
        }
        Some(entry)
    }

    fn note_skipped(&self, plan: &mut ImportPlan) {
        let Some(first) = self.skipped.first() else { return };
        let text = match self.skipped.len() {
            1 => "skipped this line, which has no `=`".to_owned(),
            count => format!("skipped {count} lines without `=`, of which this is the first"),
        };
        plan.note(first, text);
    }
}

fn is_config_map_key(key: &str) -> bool {
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !key.is_empty() && key.bytes().all(is_of_key) && !key.bytes().all(|byte| byte == b'.')
}

fn kept_substitution(key: &str, place: &Location) -> Diagnostic {
    Diagnostic::warning(Rule::ImportDialect, format!("a substitution in the value of `{key}` is kept as text"))
        .at_masked(place.clone())
        .note("`$VAR`, `${VAR}` and `${VAR:-text}` can be converted")
        .hint("write the value that it has, or a template, in the layer")
}

/// Number of the lines with a comment alone: those between what was read, some of which has several lines.
fn count_comments(source: &Source, lines: &[DialectLine]) -> usize {
    let text = source.text();
    let in_gap = |from: usize, until: usize| {
        let lines = text.get(from..until).unwrap_or_default().lines();
        lines.filter(|line| line.trim_start().starts_with('#')).count()
    };
    let (mut count, mut from) = (0, 0);
    for line in lines {
        let (start, end) = match line {
            DialectLine::Entry(entry) => (entry.span.start, entry.end),
            DialectLine::Skipped(span) | DialectLine::Invalid(span, _) => (span.start, span.end),
        };
        count += in_gap(from, start);
        from = end;
    }
    count + in_gap(from, text.len())
}

fn too_long(key: &str, place: &Location) -> Diagnostic {
    let message = format!("the variables of `{key}` expand to a text that is too long");
    Diagnostic::error(Rule::DotenvSyntax, message).at_masked(place.clone())
}
