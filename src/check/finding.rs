//! One finding, and what it is about.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::remedy::Fix;
use crate::budget::BUDGET_EXCEEDED;
use crate::diagnostic::{Diagnostic, FailureKind, Label, Rule, Severity};
use crate::layer::entry_label;
use crate::name::{EntryId, EnvironmentName};
use crate::span::{Location, Source};

/// The name of a file of rules.
pub(super) const RULES: &str = ".sops.yaml";

/// What is wrong, and what it is about.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What, where, why, and what to do.
    pub diagnostic: Diagnostic,
    app: Option<String>,
    environment: Option<String>,
    entry: Option<EntryId>,
    /// The detector that found a credential, which may be accepted by its name.
    pub(super) detector: Option<&'static str>,
    /// What stands for the value that it is about in a baseline.
    pub(super) tag: Option<String>,
    /// Why it is accepted, if it is.
    pub(super) accepted: Option<Acceptance>,
    /// How it can be mended by itself, if it can.
    pub fix: Option<Fix>,
    /// Why it was not mended, if that was wanted.
    pub skip_reason: Option<String>,
    /// It was met while layers were read, and not in what comes of them.
    pub is_of_layers: bool,
    /// The app that it is about could not be judged because of it.
    is_unjudged: bool,
    /// It comes behind all others: least is wrong with it.
    pub(super) is_last: bool,
    /// Where the project lies, once that is known.
    layout: Option<RepoLayout>,
}

/// Why a finding is accepted.
#[derive(Debug, Clone)]
pub(super) enum Acceptance {
    /// Somebody says so in a layer, for a reason.
    Allowed(String),
    /// The baseline has it.
    Known,
}

/// Where a project lies in its repository.
#[derive(Debug, Clone)]
pub(super) struct RepoLayout {
    repository: PathBuf,
    project: PathBuf,
    /// The path from the one to the other; none if they are the same.
    directory: Option<String>,
}

/// A finding as `check --format json` shows it.
#[derive(Debug, Serialize)]
pub struct FindingView<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong.
    pub message: &'a str,
    /// Remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The file, from the project's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// The directory of the project, from the root of its repository, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<&'a str>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<&'a str>,
    /// The environment, the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'a str>,
    /// The bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<&'a str>,
    /// The key in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// Why `--fix` left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfixed: Option<&'a str>,
}

impl Finding {
    /// A finding about an app, in an environment, of an entry, as far as it is about such.
    pub fn new_finding(
        diagnostic: Diagnostic,
        app: Option<&str>,
        environment: Option<&EnvironmentName>,
        entry: Option<EntryId>,
    ) -> Self {
        let environment = environment.map(|environment| environment.as_str().to_owned());
        let app = app.map(str::to_owned);
        let file = diagnostic.labels.first().map(|label| label.place.source.name().to_owned());
        let remedy = file.filter(|_| diagnostic.rule == Rule::SopsPlaintext).map(Fix::Encrypt);
        Self {
            diagnostic,
            app,
            environment,
            entry,
            detector: None,
            tag: None,
            accepted: None,
            fix: remedy,
            skip_reason: None,
            is_of_layers: false,
            is_unjudged: false,
            is_last: false,
            layout: None,
        }
    }

    /// The same, with what mends it.
    #[must_use]
    pub(super) fn with_fix(mut self, remedy: Fix) -> Self {
        self.fix = Some(remedy);
        self
    }

    /// The same, met while layers were read.
    #[must_use]
    pub(super) fn of_layers(mut self) -> Self {
        self.is_of_layers = true;
        self
    }

    /// The same, which kept an app from being judged.
    #[must_use]
    pub(super) fn mark_unjudged(mut self) -> Self {
        self.is_unjudged = true;
        self
    }

    /// The same, behind all others.
    #[must_use]
    pub(super) fn placed_last(mut self) -> Self {
        self.is_last = true;
        self
    }

    /// The file that it is about, from the root of the project.
    pub(super) fn file(&self) -> Option<&str> {
        self.place().map(|place| place.source.name())
    }

    /// Says where its project lies.
    pub(super) fn set_layout(&mut self, home: &RepoLayout) {
        self.layout = Some(home.clone());
    }

    /// The file, from the root of the repository: who shows findings in code wants paths from there.
    pub fn path(&self) -> Option<String> {
        self.place().map(|place| self.path_in_repository(place.source.name()))
    }

    /// The root of its project, where that is known.
    pub fn project(&self) -> Option<&Path> {
        self.layout.as_ref().map(|home| home.project.as_path())
    }

    /// What to show to who works in the repository, and not in the project.
    pub fn in_repository(&self) -> Diagnostic {
        let mut diagnostic = self.diagnostic.clone();
        for Label { place, .. } in &mut diagnostic.labels {
            let source = Source::new(self.path_in_repository(place.source.name()), place.source.text());
            *place = source.place(place.span);
        }
        diagnostic
    }

    fn path_in_repository(&self, file: &str) -> String {
        self.layout.as_ref().map_or_else(|| file.to_owned(), |home| home.path(file))
    }

    /// The same, accepted.
    #[must_use]
    pub(super) fn accept(mut self, why: Acceptance) -> Self {
        self.accepted = Some(why);
        self
    }

    /// The app that it is about.
    pub fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// How messages call the entry that it is about: `data.KEY`.
    pub fn label(&self) -> Option<String> {
        Some(entry_label(self.app.as_deref()?, self.entry.as_ref()?))
    }

    /// Leaves it for people, and says why: what would have mended it by itself is no advice then.
    pub fn skip_fix(&mut self, why: String) {
        self.skip_reason = Some(why);
        if let (Some(Fix::Encrypt(name)), Some(hint)) = (&self.fix, self.diagnostic.hints.first_mut()) {
            *hint = format!("`septum encrypt {name}` encrypts it, once that is mended");
        }
        let Some(key) = self.entry.as_ref().map(|id| id.key.as_str()) else { return };
        let by_hand = match (&self.fix, &self.environment) {
            (Some(Fix::Move { .. }), Some(environment)) => {
                format!("`septum set {environment} {key}` puts it into an encrypted layer; then remove it here")
            }
            (Some(Fix::Declare(spot)), _) => {
                format!("declare it in `{}`: `{key}: {{ sensitive: true }}`", spot.place.source.name())
            }
            (Some(Fix::Move { .. } | Fix::Encrypt(_)) | None, _) => return,
        };
        if let Some(hint) = self.diagnostic.hints.first_mut() {
            *hint = by_hand;
        }
    }

    /// The same finding, as another app met it.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.is_unjudged |= other.is_unjudged;
        if let (Some(remedy), Some(other)) = (&mut self.fix, &other.fix) {
            remedy.absorb(other);
        }
    }

    /// The entry that it is about.
    pub(super) fn entry(&self) -> Option<&EntryId> {
        self.entry.as_ref()
    }

    /// Whether it is a credential that everybody may read.
    pub(super) fn is_leak(&self) -> bool {
        self.diagnostic.rule == Rule::PlaintextSecret
    }

    /// The kind of failure. An error is a finding like any other, unless nothing could be judged because of it.
    pub fn failure(&self) -> FailureKind {
        let Diagnostic { rule, severity, failure, .. } = &self.diagnostic;
        // beyond a bound, nobody looked
        let is_unjudged = self.is_unjudged || *rule == BUDGET_EXCEEDED;
        match failure {
            FailureKind::Invalid if *severity == Severity::Warning || !is_unjudged => FailureKind::Found,
            other => *other,
        }
    }

    /// Whether a baseline or an `allow` may accept it: rendering what cannot be read is not put off.
    pub fn is_acceptable(&self) -> bool {
        let Diagnostic { rule, severity, .. } = &self.diagnostic;
        self.failure() == FailureKind::Found && (*severity == Severity::Warning || rule.info().is_acceptable)
    }

    fn place(&self) -> Option<&Location> {
        self.diagnostic.labels.first().map(|label| &label.place)
    }

    /// The order of findings: by file and place, then by rule.
    pub(super) fn key(&self) -> (&str, usize, usize, &str, &str, Option<&String>, Option<&String>) {
        let (file, line, column) =
            self.place().map_or(("", 0, 0), |place| (place.source.name(), place.span.line, place.span.column));
        let Diagnostic { rule, message, .. } = &self.diagnostic;
        (file, line, column, rule.id(), message, self.app.as_ref(), self.environment.as_ref())
    }

    /// Whether another one says the same of the same place: environments meet the mistakes of a layer that they
    /// share.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let what = |finding: &Self| {
            let (file, line, column, rule, message, ..) = finding.key();
            (file.to_owned(), line, column, rule.to_owned(), message.to_owned())
        };
        what(self) == what(other)
    }

    /// The finding as programs see it.
    pub fn view(&self) -> FindingView<'_> {
        let Diagnostic { rule, severity, message, hints, .. } = &self.diagnostic;
        let place = self.place();
        FindingView {
            rule: rule.id(),
            severity: severity.to_string(),
            message,
            help: (!hints.is_empty()).then(|| hints.join("; ")),
            file: place.map(|place| place.source.name()),
            project: self.layout.as_ref().and_then(|home| home.directory.as_deref()),
            line: place.map(|place| place.span.line),
            column: place.map(|place| place.span.column),
            app: self.app.as_deref(),
            environment: self.environment.as_deref(),
            bundle: self.entry.as_ref().map(|id| id.bundle.as_str()),
            key: self.entry.as_ref().map(|id| id.key.as_str()),
            unfixed: self.skip_reason.as_deref(),
        }
    }
}

impl RepoLayout {
    /// Of a project in a repository; none if it lies elsewhere.
    pub(super) fn new(repository: &Path, project: &Path) -> Option<Self> {
        let directory = slash_path(project.strip_prefix(repository).ok()?);
        let directory = Some(directory).filter(|directory| !directory.is_empty());
        Some(Self { repository: repository.to_path_buf(), project: project.to_path_buf(), directory })
    }

    /// The path from the repository of a file as messages name it: from the project, or, of rules, which may lie
    /// above it, from the directory that the program runs in, or by its whole path.
    fn path(&self, file: &str) -> String {
        let is_rules = Path::new(file).file_name().is_some_and(|name| name == RULES);
        let whole = if is_rules { std::path::absolute(file).ok() } else { None };
        let whole = whole.unwrap_or_else(|| self.project.join(file));
        whole.strip_prefix(&self.repository).map_or_else(|_| file.to_owned(), slash_path)
    }
}

/// A path with `/`.
pub(super) fn slash_path(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
