//! A finding, and its subject.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::remedy::{Fix, FormerUseIndex};
use crate::budget::BUDGET_EXCEEDED;
use crate::diagnostic::{Diagnostic, FailureKind, Label, Rule, Severity, shell_word, shown_path};
use crate::layer::entry_label;
use crate::name::{AppName, EntryId, EnvironmentName};
use crate::resolve::TemplateRead;
use crate::sort::{CollectSorted as _, sort_by};
use crate::span::{Located, Location, Source};

/// The name of a file of rules.
pub(super) const RULES: &str = ".sops.yaml";

/// A diagnostic with its subject: app, environment, entry.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The diagnostic.
    pub diagnostic: Diagnostic,
    app: Option<String>,
    environment: Option<String>,
    /// Environments in whose results it is, each once; none if it is about a file.
    pub(super) result_environments: BTreeSet<String>,
    entry: Option<EntryId>,
    /// The detector that found a credential, whose name can be used to accept it.
    pub(super) detector: Option<&'static str>,
    /// Entry or variable for which an `allow` accepts it, if not its entry.
    pub(super) accepted_for: Option<TemplateRead>,
    /// Tag of its value in a baseline.
    pub(super) tag: Option<String>,
    /// Reason why it is accepted, if it is.
    pub(super) accepted: Option<Acceptance>,
    /// Automatic fix, if there is one.
    pub fix: Option<Fix>,
    /// Reason why a requested fix was skipped.
    pub skip_reason: Option<String>,
    /// Whether it was found while layers were read, and not in their result.
    pub is_of_layers: bool,
    /// Whether it is the reason why its app could not be checked.
    is_unjudged: bool,
    /// Whether it is sorted after all others, as the least severe.
    pub(super) is_last: bool,
    /// Location of the project, once it is known.
    layout: Option<RepoLayout>,
}

/// Reason why a finding is accepted.
#[derive(Debug, Clone)]
pub(super) enum Acceptance {
    /// A layer accepts it with an `allow`, which has a reason.
    Allowed(String),
    /// The baseline contains it.
    Known,
}

/// Location of a project in its repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RepoLayout {
    repository: PathBuf,
    project: PathBuf,
    /// The path from the repository to the project; none if they are the same.
    directory: Option<String>,
}

/// A finding in the form of `check --format json`.
#[derive(Debug, Serialize)]
pub struct FindingView<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// `error` or `warning`.
    pub severity: String,
    /// The message.
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
    /// Reason why `--fix` skipped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfixed: Option<&'a str>,
}

impl Finding {
    /// Creates a finding about an app, in an environment, of an entry, as far as it has these subjects.
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
            result_environments: BTreeSet::new(),
            entry,
            detector: None,
            accepted_for: None,
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

    /// Adds the fix.
    #[must_use]
    pub(super) fn with_fix(mut self, remedy: Fix) -> Self {
        self.fix = Some(remedy);
        self
    }

    /// Adds the fix for the use of a former name, if it is such a finding.
    #[must_use]
    pub(super) fn with_rename(mut self, uses: &FormerUseIndex<'_>) -> Self {
        if self.diagnostic.rule == Rule::RenamedKey {
            self.fix = self.place().and_then(|place| uses.fix_at(place));
        }
        self
    }

    /// Marks it as found while layers were read.
    #[must_use]
    pub(super) fn of_layers(mut self) -> Self {
        self.is_of_layers = true;
        self
    }

    /// Marks it as found in the result of its environment: in that of another, it is another finding.
    #[must_use]
    pub(super) fn of_result(mut self) -> Self {
        self.result_environments = self.environment.iter().cloned().collect_set();
        self
    }

    /// Marks it as the reason why an app could not be checked.
    #[must_use]
    pub(super) fn mark_unjudged(mut self) -> Self {
        self.is_unjudged = true;
        self
    }

    /// Marks an error in one of the files that could not be read, or without a place, as such a reason.
    #[must_use]
    pub(super) fn mark_unread(self, unread: &BTreeSet<String>) -> Self {
        let is_why = !unread.is_empty() && self.file().is_none_or(|file| unread.contains(file));
        if is_why { self.mark_unjudged() } else { self }
    }

    /// Sorts it after all others.
    #[must_use]
    pub(super) fn placed_last(mut self) -> Self {
        self.is_last = true;
        self
    }

    /// The file that it is about, from the root of the project.
    pub(super) fn file(&self) -> Option<&str> {
        self.place().map(|place| place.source.name())
    }

    /// Sets the location of its project.
    pub(super) fn set_layout(&mut self, home: &RepoLayout) {
        self.layout = Some(home.clone());
    }

    /// The file, from the root of the repository: tools that annotate code need paths from there.
    pub fn path(&self) -> Option<String> {
        self.place().map(|place| self.path_in_repository(place.source.name()))
    }

    /// The root of its project, if known.
    pub fn project(&self) -> Option<&Path> {
        self.layout.as_ref().map(|home| home.project.as_path())
    }

    /// The diagnostic with paths from the root of the repository instead of the project.
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

    /// Accepts it.
    #[must_use]
    pub(super) fn accept(mut self, why: Acceptance) -> Self {
        self.accepted = Some(why);
        self
    }

    /// Adds that a layer accepts it in one environment alone.
    #[must_use]
    pub(super) fn accepted_elsewhere(mut self, environment: &str, others: &[&str]) -> Self {
        let others: Vec<_> = others.iter().map(|name| format!("`{name}`")).collect();
        let note = format!("an `allow` accepts it in `{environment}`, and not in {}", others.join(", "));
        self.diagnostic = self.diagnostic.note(note);
        self
    }

    /// Removes the environment, of a finding that is about a layer alone.
    #[must_use]
    pub(super) fn without_environment(self) -> Self {
        Self { environment: None, ..self }
    }

    /// The environment that it is about, the first of several.
    pub(super) fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Sets the environment that it is shown with.
    pub(super) fn set_environment(&mut self, name: &str) {
        self.environment = Some(name.to_owned());
    }

    /// The app that it is about.
    pub fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// Name in messages of the entry that it is about: `data.KEY`.
    pub fn label(&self) -> Option<String> {
        Some(entry_label(self.app.as_deref()?, self.entry.as_ref()?))
    }

    /// Leaves it to the user and sets the reason: the command for the automatic fix is no longer a hint then.
    pub fn skip_fix(&mut self, why: String) {
        self.skip_reason = Some(why);
        if let (Some(Fix::Encrypt(name)), Some(hint)) = (&self.fix, self.diagnostic.hints.first_mut()) {
            *hint = format!("fix that first, then run `septum encrypt {}`", shell_word(name));
        }
        let Some(key) = self.entry.as_ref().map(|id| id.key.as_str()) else { return };
        let by_hand = match &self.fix {
            Some(Fix::Move { words: None, .. }) => "move it into an encrypted layer with `septum edit`".to_owned(),
            Some(Fix::Move { words: Some(words), .. }) => {
                format!("run `septum set {words}` to store it in an encrypted layer, then remove it here")
            }
            Some(Fix::Declare(spot)) => {
                format!("declare it in `{}`: `{key}: {{ sensitive: true }}`", spot.place.source.name())
            }
            Some(Fix::Rename { location, new }) => {
                format!("write `{new}` in `{}`", location.place.source.name())
            }
            Some(Fix::Encrypt(_)) | None => return,
        };
        if let Some(hint) = self.diagnostic.hints.first_mut() {
            *hint = by_hand;
        }
    }

    /// Merges the same finding of another app or environment into this one.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.is_unjudged |= other.is_unjudged;
        self.result_environments.extend(other.result_environments.iter().cloned());
        if let (Some(remedy), Some(other)) = (&mut self.fix, &other.fix) {
            remedy.absorb(other);
        }
    }

    /// Names the environments of an entry of a layer that matches no object in them, but in others.
    pub(super) fn note_environments(&mut self, checked: &[(Located<AppName>, Vec<EnvironmentName>)]) {
        if !matches!(self.diagnostic.rule, Rule::UnmatchedImage | Rule::UnmatchedPatch) {
            return;
        }
        let names = &self.result_environments;
        let of_app = checked.iter().filter(|(app, _)| Some(app.value.as_str()) == self.app.as_deref());
        let is_everywhere = of_app.flat_map(|(_, environments)| environments).all(|name| names.contains(name.as_str()));
        let file = self.place().and_then(|place| place.source.name().rsplit('/').next());
        let is_own = names.len() == 1 && names.iter().any(|name| file == Some(format!("{name}.yaml").as_str()));
        if names.is_empty() || is_everywhere || is_own {
            return;
        }
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        self.diagnostic.notes.push(format!("this is so in {}, and not in other environments", names.join(", ")));
    }

    /// The entry that it is about.
    pub(super) fn entry(&self) -> Option<&EntryId> {
        self.entry.as_ref()
    }

    /// Whether it is a credential in plaintext.
    pub(super) fn is_leak(&self) -> bool {
        self.diagnostic.rule == Rule::PlaintextSecret
    }

    /// The kind of failure. An error is a finding like any other, unless an app could not be checked because of it.
    pub fn failure(&self) -> FailureKind {
        let Diagnostic { rule, severity, failure, .. } = &self.diagnostic;
        // beyond a bound, the input was not checked
        let is_unjudged = self.is_unjudged || *rule == BUDGET_EXCEEDED;
        match failure {
            FailureKind::Invalid if *severity == Severity::Warning || !is_unjudged => FailureKind::Found,
            other => *other,
        }
    }

    /// Whether a baseline or an `allow` may accept it: errors that prevent reading cannot be accepted.
    pub fn is_acceptable(&self) -> bool {
        let Diagnostic { rule, severity, .. } = &self.diagnostic;
        self.failure() == FailureKind::Found && (*severity == Severity::Warning || rule.info().is_acceptable)
    }

    /// The first location.
    pub(super) fn place(&self) -> Option<&Location> {
        self.diagnostic.labels.first().map(|label| &label.place)
    }

    /// The order of findings: by file and place, then by rule.
    pub(super) fn key(&self) -> (&str, usize, usize, &str, &str, Option<&String>, Option<&String>) {
        let (file, line, column) =
            self.place().map_or(("", 0, 0), |place| (place.source.name(), place.span.line, place.span.column));
        let Diagnostic { rule, message, .. } = &self.diagnostic;
        (file, line, column, rule.id(), message, self.app.as_ref(), self.environment.as_ref())
    }

    /// Whether another one is the same finding at the same place: environments share layers, and their mistakes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let what = |finding: &Self| {
            let (file, line, column, rule, message, ..) = finding.key();
            (file.to_owned(), line, column, rule.to_owned(), message.to_owned())
        };
        what(self) == what(other)
    }

    /// The finding as serialised for programs.
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
            // a file as a whole has no line, and programs need one
            line: place.map(|place| place.span.line.max(1)),
            column: place.map(|place| place.span.column.max(1)),
            app: self.app.as_deref(),
            environment: self.environment.as_deref(),
            bundle: self.entry.as_ref().map(|id| id.bundle.as_str()),
            key: self.entry.as_ref().map(|id| id.key.as_str()),
            unfixed: self.skip_reason.as_deref(),
        }
    }
}

impl RepoLayout {
    /// The location of a project in a repository; none if it is outside of it.
    pub(super) fn new(repository: &Path, project: &Path) -> Option<Self> {
        let directory = shown_path(project.strip_prefix(repository).ok()?);
        let directory = Some(directory).filter(|directory| !directory.is_empty());
        Some(Self { repository: repository.to_path_buf(), project: project.to_path_buf(), directory })
    }

    /// The path from the repository of a file in a message, which is named from the project, or, for rules, which may
    /// be above it, from the working directory, or by its whole path.
    pub(super) fn path(&self, file: &str) -> String {
        let is_rules = Path::new(file).file_name().is_some_and(|name| name == RULES);
        let whole = if is_rules { std::path::absolute(file).ok() } else { None };
        let whole = whole.unwrap_or_else(|| self.project.join(file));
        whole.strip_prefix(&self.repository).map_or_else(|_| file.to_owned(), shown_path)
    }
}

/// The findings in the order of files, each once.
pub(super) fn sort_findings(mut findings: Vec<Finding>) -> Vec<Finding> {
    sort_by(&mut findings, |a, b| (a.is_last, a.key()).cmp(&(b.is_last, b.key())));
    findings.dedup_by(|later, first| {
        let is_same = later.is_same(first);
        if is_same {
            first.absorb(later);
        }
        is_same
    });
    findings
}
