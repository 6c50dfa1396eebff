//! Findings as diagnostics of the protocol.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::documents::DocumentStore;
use super::position::{ColumnUnit, PositionMap};
use super::protocol::{DiagnosticTag, DocumentPlace, EditorDiagnostic, EditorSeverity, RelatedPlace, TextRange};
use crate::diagnostic::{Diagnostic, Label, Rule, Severity, escape_line};
use crate::span::{Location, Source};

/// Name of the program in the list of problems.
const SOURCE: &str = "septum";

/// Diagnostics by file.
pub(super) type FileDiagnostics = BTreeMap<PathBuf, Vec<EditorDiagnostic>>;

/// Converts findings of a project.
pub(super) struct FindingConverter<'a> {
    /// Directory that names of files are relative to.
    pub(super) root: &'a Path,
    /// File for findings without a location.
    pub(super) default: &'a Path,
    pub(super) documents: &'a DocumentStore,
    pub(super) unit: ColumnUnit,
}

impl FindingConverter<'_> {
    /// The diagnostics of each file.
    pub(super) fn convert_all<'f>(&self, findings: impl Iterator<Item = &'f Diagnostic>) -> FileDiagnostics {
        let mut all = FileDiagnostics::new();
        let mut ranges = RangeCache::new(self.unit);
        for finding in findings {
            let (path, converted) = self.convert(finding, &mut ranges);
            all.entry(path).or_default().push(converted);
        }
        all
    }

    fn convert<'f>(&self, finding: &'f Diagnostic, ranges: &mut RangeCache<'f>) -> (PathBuf, EditorDiagnostic) {
        let mut labels = finding.labels.iter();
        let (path, range) = match labels.next() {
            Some(label) => (self.path_of(&label.place), ranges.range(&label.place)),
            None => (self.default.to_path_buf(), TextRange::default()),
        };
        let related_information = labels.map(|label| self.related(label, ranges)).collect();
        // a line break in a text is one of a name
        let notes = finding.notes.iter().map(|note| format!("\nnote: {}", escape_line(note)));
        let hints = finding.hints.iter().map(|hint| format!("\nhint: {}", escape_line(hint)));
        let first = escape_line(&finding.message).into_owned();
        let message = [first].into_iter().chain(notes).chain(hints).collect::<String>();
        let converted = EditorDiagnostic {
            range,
            severity: match finding.severity {
                Severity::Error => EditorSeverity::ERROR,
                Severity::Warning => EditorSeverity::WARNING,
            },
            code: finding.rule.id(),
            source: SOURCE,
            message,
            related_information,
            tags: tags_of(finding.rule),
        };
        (path, converted)
    }

    fn related<'f>(&self, label: &'f Label, ranges: &mut RangeCache<'f>) -> RelatedPlace {
        let uri = self.documents.uri(&self.path_of(&label.place));
        let message = if label.text.is_empty() { "see here" } else { label.text.as_str() };
        let location = DocumentPlace { uri, range: ranges.range(&label.place) };
        RelatedPlace { location, message: escape_line(message).into_owned() }
    }

    /// The file of a location, which is named from the project, or, for rules above it, by another path.
    fn path_of(&self, place: &Location) -> PathBuf {
        file_of(self.root, place)
    }
}

/// The file of a location in a project with this root.
pub(super) fn file_of(root: &Path, place: &Location) -> PathBuf {
    let name = Path::new(place.source.name());
    let path = root.join(name);
    let is_rules = name.file_name().is_some_and(|name| name == crate::files::SOPS_CONFIG);
    if is_rules && !crate::disk::Disk::default().has(&path) {
        return std::path::absolute(name).unwrap_or(path);
    }
    path
}

/// Ranges of locations. Each text is read once: findings of files alternate with the places in others to which they
/// point.
pub(super) struct RangeCache<'f> {
    unit: ColumnUnit,
    maps: BTreeMap<(*const u8, usize), PositionMap<'f>>,
}

impl<'f> RangeCache<'f> {
    pub(super) fn new(unit: ColumnUnit) -> Self {
        Self { unit, maps: BTreeMap::new() }
    }

    /// The positions in a text.
    pub(super) fn map(&mut self, source: &'f Source) -> &PositionMap<'f> {
        let (text, unit) = (source.text(), self.unit);
        self.maps.entry((text.as_ptr(), text.len())).or_insert_with(|| PositionMap::new(text, unit))
    }

    pub(super) fn range(&mut self, place: &'f Location) -> TextRange {
        self.map(&place.source).range(place.span.start..place.span.end)
    }
}

/// Styles in which editors show findings of a rule.
fn tags_of(rule: Rule) -> &'static [DiagnosticTag] {
    match rule {
        Rule::UnusedEntry | Rule::UnusedVariable | Rule::UnusedAllow => &[DiagnosticTag::UNNECESSARY],
        Rule::DeprecatedKey => &[DiagnosticTag::DEPRECATED],
        _ => &[],
    }
}
