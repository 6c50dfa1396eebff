//! Changes as lines, which every format for people shares.

use super::change::{Change, ChangeKind, ChangeSubject, DiffReport, FieldChange, ShownValue, ranks};
use crate::line_diff::{HunkLine, LineDiff};
use crate::sort::sort_by_key;

/// Longest value that is shown in a line.
const WIDEST: usize = 120;

/// Number of lines around a change of a text.
const CONTEXT: usize = 3;

/// Role of a line, which decides its sign and its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineRole {
    /// Something that only the right side has.
    Added,
    /// Something that only the left side has.
    Removed,
    /// Something that both have, and that differs.
    Changed,
    /// Something that crosses the classification boundary.
    Moved,
    /// A line around a change.
    Context,
}

impl LineRole {
    /// The sign in front of a change.
    pub(super) fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
            Self::Moved => '!',
            Self::Context => ' ',
        }
    }
}

/// A change as lines: one that says what it is, and those below.
#[derive(Debug)]
pub(super) struct ChangeLines {
    pub(super) role: LineRole,
    /// Subject: a key, an object.
    pub(super) label: String,
    /// The change in a few words; empty where the lines below say it.
    pub(super) summary: String,
    pub(super) details: Vec<(LineRole, String)>,
}

impl ChangeLines {
    pub(super) fn of(change: &Change) -> Self {
        let role = match change.kind {
            ChangeKind::Added => LineRole::Added,
            ChangeKind::Removed => LineRole::Removed,
            ChangeKind::Moved => LineRole::Moved,
            ChangeKind::Changed
            | ChangeKind::Renamed
            | ChangeKind::Rules
            | ChangeKind::Source
            | ChangeKind::Invalid => LineRole::Changed,
        };
        let mut lines = Self { role, label: subject_label(change), summary: String::new(), details: Vec::new() };
        match change.kind {
            ChangeKind::Moved => lines.describe_move(change),
            ChangeKind::Rules => "rules".clone_into(&mut lines.summary),
            ChangeKind::Invalid => "(invalid) in both".clone_into(&mut lines.summary),
            _ => lines.describe_values(change),
        }
        // a setting of the target
        if let (ChangeSubject::Environment, ChangeKind::Changed, [field]) =
            (&change.subject, change.kind, change.fields.as_slice())
        {
            let text =
                |value: &Option<ShownValue>| value.as_ref().and_then(one_line).unwrap_or_else(|| "none".to_owned());
            lines.label.clone_from(&field.path);
            lines.summary = format!("{} → {}", text(&field.from), text(&field.to));
            return lines;
        }
        for field in &change.fields {
            lines.describe_field(field, change.kind);
        }
        lines
    }

    fn describe_values(&mut self, change: &Change) {
        if change.subject == ChangeSubject::Environment {
            match change.kind {
                ChangeKind::Added => "the environment is new".clone_into(&mut self.summary),
                ChangeKind::Removed => "the environment is removed".clone_into(&mut self.summary),
                _ => {}
            }
            return;
        }
        let side = |value: &Option<ShownValue>| value.as_ref().and_then(one_line);
        match (&change.from, &change.to) {
            (None, None) => {}
            (Some(ShownValue::Secret), Some(ShownValue::Secret)) => {
                let words = if change.is_unknown { UNKNOWN } else { "secret changed" };
                words.clone_into(&mut self.summary);
            }
            (Some(from), Some(to)) => match (one_line(from), one_line(to)) {
                (Some(from), Some(to)) => self.summary = format!("{from} → {to}"),
                _ => self.describe_texts(from.text().unwrap_or_default(), to.text().unwrap_or_default()),
            },
            (None, Some(value)) | (Some(value), None) => match side(&Some(value.clone())) {
                Some(text) => self.summary = text,
                None => {
                    let lines = value.text().unwrap_or_default().lines();
                    self.details.extend(lines.map(|line| (self.role, line.to_owned())));
                }
            },
        }
    }

    fn describe_move(&mut self, change: &Change) {
        let Some(routing) = &change.routing else { return };
        let value = match routing.is_same_value {
            Some(true) => "the value is the same",
            Some(false) => "the value changed",
            None => UNKNOWN,
        };
        self.summary = format!("{} → {}; {value}", routing.from, routing.to);
        self.details.extend(routing.reasons.iter().map(|reason| (LineRole::Context, reason.clone())));
    }

    fn describe_field(&mut self, field: &FieldChange, kind: ChangeKind) {
        if kind == ChangeKind::Source
            && let (Some(from), Some(to)) = (&field.from, &field.to)
        {
            let (from, to) = (from.text().unwrap_or_default(), to.text().unwrap_or_default());
            self.summary = format!("`{from}` → `{to}`; the value is the same");
            return;
        }
        let path = &field.path;
        let line = |value: &Option<ShownValue>| value.as_ref().map(one_line);
        match (line(&field.from), line(&field.to)) {
            (Some(Some(from)), Some(Some(to))) => {
                let is_secret = [&field.from, &field.to].iter().all(|it| **it == Some(ShownValue::Secret));
                let text = match (is_secret, field.is_unknown) {
                    (_, true) => UNKNOWN.to_owned(),
                    (true, false) => "secret changed".to_owned(),
                    (false, false) => format!("{from} → {to}"),
                };
                self.details.push((LineRole::Changed, format!("{path}: {text}")));
            }
            (None, Some(Some(to))) => self.details.push((LineRole::Added, format!("{path}: {to}"))),
            (Some(Some(from)), None) => self.details.push((LineRole::Removed, format!("{path}: {from}"))),
            _ => {
                let role = match (&field.from, &field.to) {
                    (None, _) => LineRole::Added,
                    (_, None) => LineRole::Removed,
                    _ => LineRole::Changed,
                };
                self.details.push((role, format!("{path}:")));
                let text = |value: &Option<ShownValue>| match value {
                    Some(ShownValue::Text(text)) => text.clone(),
                    Some(value) => one_line(value).unwrap_or_default(),
                    None => String::new(),
                };
                let (from, to) = (text(&field.from), text(&field.to));
                self.describe_texts(&from, &to);
            }
        }
    }

    /// Lines of two texts that differ, with a few around each change.
    fn describe_texts(&mut self, from: &str, to: &str) {
        for (index, hunk) in LineDiff::new(from, to).hunks(CONTEXT).into_iter().enumerate() {
            if index > 0 {
                self.details.push((LineRole::Context, "…".to_owned()));
            }
            for line in hunk.lines {
                let role = match line {
                    HunkLine::Removed(_) => LineRole::Removed,
                    HunkLine::Added(_) => LineRole::Added,
                    HunkLine::Kept(_) => LineRole::Context,
                };
                self.details.push((role, line.text().trim_end_matches('\n').to_owned()));
            }
        }
        let ends = |text: &str| text.is_empty() || text.ends_with('\n');
        if !from.is_empty() && !to.is_empty() && ends(from) != ends(to) {
            let which = if ends(to) { "the left" } else { "the right" };
            self.details.push((LineRole::Context, format!("{which} side does not end with a line break")));
        }
    }
}

/// Words for values that cannot be compared.
const UNKNOWN: &str = "unknown without the key";

/// A value in one line; none if it has more.
fn one_line(value: &ShownValue) -> Option<String> {
    match value {
        ShownValue::Text(text) if text.contains('\n') => crate::object::describe_certificates(text),
        ShownValue::Text(text) if text.is_empty() => Some("\"\"".to_owned()),
        ShownValue::Text(text) => Some(cut(text)),
        ShownValue::Binary => Some("(binary)".to_owned()),
        ShownValue::Secret => Some("[secret]".to_owned()),
        ShownValue::Store(pointer) => Some(format!("[in a store] {}", cut(pointer))),
        ShownValue::Failed => Some("(invalid)".to_owned()),
    }
}

/// A text that fits a line.
fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Label of what differs, in its app.
pub(super) fn subject_label(change: &Change) -> String {
    match &change.subject {
        ChangeSubject::Environment => change.app.clone(),
        ChangeSubject::Entry { bundle, key } if *bundle == change.app => key.clone(),
        ChangeSubject::Entry { bundle, key } => format!("{bundle}/{key}"),
        ChangeSubject::Object { kind, namespace, name, .. } if namespace.is_empty() => format!("{kind} {name}"),
        ChangeSubject::Object { kind, namespace, name, .. } => format!("{kind} {namespace}/{name}"),
    }
}

/// Changes of one app that concern the same environments.
#[derive(Debug)]
pub(super) struct ChangeGroup<'c> {
    /// Whether its environments are the two sides.
    is_pair: bool,
    pub(super) app: &'c str,
    environments: &'c [String],
    pub(super) changes: Vec<&'c Change>,
}

/// Groups changes by app and environments, in their order.
pub(super) fn group_changes(report: &DiffReport) -> Vec<ChangeGroup<'_>> {
    let mut groups: crate::map::IndexMap<(&str, &[String]), Vec<&Change>> = crate::map::IndexMap::default();
    for change in &report.changes {
        groups.entry((&change.app, &change.environments)).or_default().push(change);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    sort_by_key(&mut groups, |((app, environments), _)| (*app, ranks(environments, &report.order)));
    let is_pair = report.is_pair;
    let group = |((app, environments), changes)| ChangeGroup { is_pair, app, environments, changes };
    groups.into_iter().map(group).collect()
}

impl ChangeGroup<'_> {
    /// Its environments in words.
    pub(super) fn environments(&self) -> String {
        self.environments.join(if self.is_pair { " → " } else { ", " })
    }

    /// Heading: the app and its environments.
    pub(super) fn title(&self) -> String {
        let environments = self.environments();
        match (self.app, environments.as_str()) {
            ("", "") => "objects".to_owned(),
            ("", environments) => environments.to_owned(),
            (app, "") => app.to_owned(),
            (app, environments) if self.is_pair => format!("{app}: {environments}"),
            (app, environments) => format!("{app} in {environments}"),
        }
    }
}

/// Numbers of changes by kind, in words: `2 added, 1 moved`.
pub(super) fn count_words<'c>(changes: impl Iterator<Item = &'c Change>) -> String {
    let changes: Vec<_> = changes.collect();
    let count = |kind: ChangeKind| changes.iter().filter(|change| change.kind == kind).count();
    let words = ChangeKind::ALL.into_iter().filter(|kind| count(*kind) > 0);
    words.map(|kind| format!("{} {}", count(kind), kind.as_str())).collect::<Vec<_>>().join(", ")
}
