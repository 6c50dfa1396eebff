//! Edits that rename a key in one text: a layer, a manifest, a template.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::key_text;
use crate::sort::sort_by_key;
use crate::span::{Location, Source, Span};
use crate::template_tokens::{is_template, lex_template};
use crate::yaml::node::{Scalar, YamlKey, YamlKind, YamlNode, YamlStyle};

/// A key of a bundle, and its new name.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyChange<'a> {
    /// The bundle.
    pub(super) bundle: &'a str,
    /// Whether it is the app's own.
    pub(super) is_own: bool,
    /// Present name of the key.
    pub(super) old: &'a str,
    /// New name of the key.
    pub(super) new: &'a str,
}

/// Kind of a place that names a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// The key itself, in a layer.
    Key,
    /// A template that reads it.
    Template,
    /// A reference in a manifest.
    Reference,
    /// An accepted finding.
    Allow,
}

impl NameKind {
    /// Word for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Template => "template",
            Self::Reference => "reference",
            Self::Allow => "allow",
        }
    }
}

/// Bundle that `data` is in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataScope {
    /// The one whose key is renamed.
    Renamed,
    /// Another one.
    Other,
}

/// Text that names a key, with the edits that rename it.
pub(super) struct TextRenaming<'a> {
    pub(super) change: KeyChange<'a>,
    source: &'a Source,
    edits: Vec<(Range<usize>, String, NameKind)>,
    pub(super) problems: Diagnostics,
}

impl<'a> TextRenaming<'a> {
    pub(super) fn new(change: KeyChange<'a>, source: &'a Source) -> Self {
        Self { change, source, edits: Vec::new(), problems: Diagnostics::new() }
    }

    /// Renames a key of a mapping.
    pub(super) fn rename_key(&mut self, key: &YamlKey) {
        let written = key_text(self.slice(key.span), self.change.new);
        self.edits.push((key.span.start..key.span.end, written, NameKind::Key));
    }

    /// Renames a text that is the name.
    pub(super) fn rename_scalar(&mut self, node: &YamlNode, kind: NameKind) {
        if node.as_scalar().is_none_or(|scalar| scalar.text() != self.change.old) {
            return;
        }
        let written = key_text(self.slice(node.span), self.change.new);
        self.edits.push((node.span.start..node.span.end, written, kind));
    }

    /// Renames a variable that Kubernetes expands in a text: `$(NAME)`, whose name is the key behind a prefix.
    pub(super) fn rename_variable(&mut self, node: &YamlNode, name: &str, prefix: &str) {
        let Some(scalar) = node.as_scalar() else { return };
        let found = expanded_names(self.slice(node.span), name);
        if found.len() != expanded_names(scalar.text(), name).len() {
            let place = self.source.place(node.span);
            self.problems.push(self.unsafe_place(place, "a text with escapes expands it as a variable"));
            return;
        }
        let key = |at: usize| node.span.start + at + prefix.len()..node.span.start + at + name.len();
        self.edits.extend(found.into_iter().map(|at| (key(at), self.change.new.to_owned(), NameKind::Reference)));
    }

    /// Renames the key in all templates of a structure.
    pub(super) fn rename_in_templates(&mut self, node: &YamlNode, scope: DataScope) {
        match &node.kind {
            YamlKind::Scalar(scalar) => self.rename_in_scalar(node.span, scalar, scope),
            YamlKind::List(items) => items.iter().for_each(|item| self.rename_in_templates(item, scope)),
            YamlKind::Map(map) => {
                for (key, node) in map {
                    self.rename_in_key(key, scope);
                    self.rename_in_templates(node, scope);
                }
            }
        }
    }

    /// Renames the key in a whole text that is a template.
    pub(super) fn rename_in_text(&mut self, scope: DataScope) {
        let edits = self.template_edits(self.source.text(), 0, '"', scope, true);
        self.edits.extend(edits);
    }

    fn rename_in_key(&mut self, key: &YamlKey, scope: DataScope) {
        if is_template(&key.text) && !self.template_edits(&key.text, 0, '"', scope, false).is_empty() {
            self.problems.push(self.unsafe_place(self.source.place(key.span), "a template in a key reads it"));
        }
    }

    /// The raw text is edited, and must have the same reads as the text that it stands for.
    fn rename_in_scalar(&mut self, span: Span, scalar: &Scalar, scope: DataScope) {
        if !is_template(scalar.text()) {
            return;
        }
        let quote = if scalar.style == YamlStyle::DoubleQuoted { '\'' } else { '"' };
        let source = self.source;
        let raw = source.text().get(span.start..span.end).unwrap_or_default();
        let before = self.problems.len();
        let edits = self.template_edits(raw, span.start, quote, scope, true);
        if edits.len() != self.template_edits(scalar.text(), 0, quote, scope, false).len() {
            let place = self.source.place(span);
            self.problems = std::mem::take(&mut self.problems).into_iter().take(before).collect();
            self.problems.push(self.unsafe_place(place, "a template reads it in a text with escapes"));
            return;
        }
        self.edits.extend(edits);
    }

    /// Adds the edits of a text that is a scalar of this one: at the places where it is written as it is.
    pub(super) fn add_edits_within(&mut self, span: Span, inner: TextRenaming<'_>) {
        let starts = line_starts_within(self.slice(span), inner.source.text());
        let mut problems = inner.problems;
        for (range, written, kind) in inner.edits {
            let text = inner.source.text();
            let line = text.get(..range.start).unwrap_or_default();
            let (number, column) = (line.matches('\n').count(), range.start - line.rfind('\n').map_or(0, |at| at + 1));
            let start = starts.get(number).copied().flatten().map(|start| span.start + start + column);
            let outer = start.map(|start| start..start + range.len());
            match outer.filter(|outer| self.source.text().get(outer.clone()) == text.get(range)) {
                Some(outer) => self.edits.push((outer, written, kind)),
                None => problems.push(self.unsafe_patch(self.source.place(span))),
            }
        }
        self.problems.extend(problems);
    }

    /// Edits of a template that begins at an offset. With `reports`, names that cannot be known are problems.
    fn template_edits(
        &mut self,
        template: &str,
        start: usize,
        quote: char,
        scope: DataScope,
        reports: bool,
    ) -> Vec<(Range<usize>, String, NameKind)> {
        let KeyChange { bundle, old, new, .. } = self.change;
        let mut edits = Vec::new();
        for path in lex_template(template).value_paths() {
            let at = match (path.root, scope) {
                ("data", DataScope::Renamed) => 0,
                ("bundles", _) => match path.steps.first() {
                    Some(step) if step.key != bundle => continue,
                    // a step that is missing is computed
                    Some(_) => 1,
                    None => 0,
                },
                _ => continue,
            };
            let is_known = path.root == "data" || !path.steps.is_empty();
            match path.steps.get(at).filter(|_| is_known) {
                Some(step) if step.key == old => {
                    let range = start + step.range.start..start + step.range.end;
                    let written = template.get(step.range.clone()).unwrap_or_default();
                    edits.push((range, step_text(written, new, quote), NameKind::Template));
                }
                None if reports => {
                    let (from, to) = (start + path.range.start, start + path.range.end);
                    let place = self.source.place(self.source.locate(from, to));
                    self.problems.push(self.unsafe_place(place, "a template computes the name of a key"));
                }
                Some(_) | None => {}
            }
        }
        edits
    }

    fn unsafe_patch(&self, place: Location) -> Diagnostic {
        let KeyChange { old, new, .. } = self.change;
        let why = "the text of a patch with escapes or folded lines refers to it";
        Diagnostic::error(Rule::NotRenamed, format!("`{old}` cannot be renamed here: {why}"))
            .at(place)
            .note("nothing was written")
            .hint(format!("write `{new}` in the patch, then run the command again"))
    }

    fn unsafe_place(&self, place: Location, why: &str) -> Diagnostic {
        let old = self.change.old;
        Diagnostic::error(Rule::NotRenamed, format!("`{old}` cannot be renamed here: {why}"))
            .at(place)
            .note("nothing was written")
            .hint("write the name of the key in the template, then run the command again")
    }

    /// Places that name the key, each with its location.
    pub(super) fn places(&self) -> impl Iterator<Item = (NameKind, Location)> {
        self.edits.iter().map(|(range, _, kind)| (*kind, self.source.place(self.source.locate(range.start, range.end))))
    }

    /// Whether the text sets the key.
    pub(super) fn names_key(&self) -> bool {
        self.edits.iter().any(|(_, _, kind)| *kind == NameKind::Key)
    }

    /// The text with all edits; none if there are none.
    pub(super) fn edited_text(&self) -> Option<String> {
        let mut edits: Vec<_> = self.edits.iter().collect();
        sort_by_key(&mut edits, |(range, ..)| range.start);
        edits.dedup_by_key(|(range, ..)| range.start);
        let (mut text, mut from) = (String::new(), 0);
        for (range, written, _) in &edits {
            text.push_str(self.source.text().get(from..range.start)?);
            text.push_str(written);
            from = range.end;
        }
        text.push_str(self.source.text().get(from..)?);
        (!edits.is_empty()).then_some(text)
    }

    fn slice(&self, span: Span) -> &str {
        self.source.text().get(span.start..span.end).unwrap_or_default()
    }
}

/// Offsets in a scalar, as it is written, at which the lines of its text begin; none of a line that is written in
/// another way.
fn line_starts_within(raw: &str, text: &str) -> Vec<Option<usize>> {
    let header = if raw.starts_with(['|', '>']) { raw.find('\n').map_or(raw.len(), |newline| newline + 1) } else { 0 };
    let mut at = header;
    let mut starts = Vec::new();
    for line in text.lines() {
        let rest = raw.get(at..).unwrap_or_default();
        let written = rest.lines().next().unwrap_or_default();
        let quoted = written.trim_matches(['"', '\'']);
        let found = [written, quoted].into_iter().find(|written| written.ends_with(line));
        starts.push(found.map(|found| at + written.find(found).unwrap_or_default() + found.len() - line.len()));
        at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
    }
    starts
}

/// Offsets of a name where Kubernetes expands it: `$(NAME)`, but not `$$(NAME)`.
fn expanded_names(text: &str, name: &str) -> Vec<usize> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(dollar) = text.get(at..).and_then(|rest| rest.find('$')) {
        let start = at + dollar + 1;
        let rest = text.get(start..).unwrap_or_default();
        let inside = rest.strip_prefix('(').and_then(|inside| inside.strip_prefix(name));
        if inside.is_some_and(|after| after.starts_with(')')) {
            found.push(start + 1);
        }
        at = start + usize::from(rest.starts_with('$'));
    }
    found
}

/// Whether a text may be the name of a key.
pub fn is_key_text(text: &str) -> bool {
    let is_key = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
    !text.is_empty() && text.chars().all(is_key)
}

/// A step of a path with another key: with a dot where the key is a name, else in brackets.
fn step_text(old: &str, new: &str, quote: char) -> String {
    let is_name = new.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && new.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    let quote = old.chars().find(|char| matches!(char, '"' | '\'')).unwrap_or(quote);
    match (old.starts_with('.'), is_name) {
        (true, true) => format!(".{new}"),
        _ => format!("[{quote}{new}{quote}]"),
    }
}
