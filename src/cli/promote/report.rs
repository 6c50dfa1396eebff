//! Messages and output of a promotion.

use serde::Serialize;

use super::super::output::OutputStreams;
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use septum::diff::{self, ChangeRow};
use septum::map::IndexMap;
use septum::name::EnvironmentName;
use septum::promote::{
    AppPromotion, PromotionEffect, PromotionHistory, PromotionOutcome, PromotionRow, SkipReason, UnpromotedReason,
    trailer_line,
};
use septum::sort::sort;

/// A promotion with its effect.
pub(super) struct PlannedPromotion<'p> {
    pub(super) from: EnvironmentName,
    pub(super) to: EnvironmentName,
    pub(super) apps: Vec<AppPromotion>,
    pub(super) history: PromotionHistory<'p>,
    /// Lines that record it, one for each app.
    pub(super) trailers: Vec<String>,
    /// Files of both environments with changes that are not committed.
    pub(super) uncommitted: Vec<String>,
    /// Whether values that waited are merged.
    pub(super) is_merge: bool,
}

/// Error for a key that was named and is never promoted.
pub(super) fn refusal_error(row: &PromotionRow) -> Option<Diagnostic> {
    let PromotionOutcome::Skipped(reason) = &row.outcome else { return None };
    let error = |message: String| Diagnostic::error(Rule::PromotionBlocked, message);
    Some(match reason {
        SkipReason::Never(place) => {
            error(format!("`{}` is never promoted", row.name)).at_with(place.clone(), "this rule says so")
        }
        SkipReason::Secret => error(format!("`{}` is a secret, and is not promoted", row.name))
            .hint("to copy it, declare `promote: always` for the key in `base.yaml`")
            .hint("to give the environment a value of its own, use `septum set`"),
        SkipReason::Removal => {
            error(format!("`{}` is removed, and removals are not promoted", row.name)).hint("use `--deletions`")
        }
    })
}

/// New errors, which stop a promotion.
pub(super) fn blocked_errors(findings: Diagnostics, to: &EnvironmentName) -> Diagnostics {
    let note = format!("`{to}` would have this error after the promotion; nothing was written");
    let findings = findings.into_iter().filter(Diagnostic::is_error);
    findings.map(|finding| finding.note(note.clone()).with_failure(FailureKind::Invalid)).collect()
}

impl PlannedPromotion<'_> {
    /// Error for a value that changed in both environments.
    pub(super) fn conflict_error(&self, row: &PromotionRow) -> Diagnostic {
        let (from, to) = (&self.from, &self.to);
        let message = if self.is_merge {
            format!("`{}` changed in `{to}` since the value of `{from}` was staged", row.name)
        } else if row.kept_in.is_some() {
            format!("`{}` changed in `{from}` since `--ours` kept the value of `{to}`", row.name)
        } else {
            format!("`{}` changed in `{from}` and in `{to}` since the last promotion", row.name)
        };
        let mut error = Diagnostic::error(Rule::PromotionConflict, message);
        for (place, environment) in [(&row.from, from), (&row.to, to)] {
            error = match place {
                Some(place) => error.at_masked_with(place.clone(), format!("in `{environment}`")),
                None => error.note(format!("it is no longer set in `{environment}`")),
            };
        }
        if let Some(commit) = &row.kept_in {
            error = error.note(format!("that was decided in {}", short_commit(commit)));
        }
        let name = &row.name;
        error.hint(format!("`--ours '{name}'` keeps the value of `{to}`, `--theirs '{name}'` copies that of `{from}`"))
    }

    /// The command that shows the promotion.
    pub(super) fn command(&self) -> String {
        if self.is_merge {
            format!("septum promote {} --staged --dry-run", self.to)
        } else {
            format!("septum promote {} {} --dry-run", self.from, self.to)
        }
    }

    /// Note for a promotion that changes nothing.
    pub(super) fn nothing_note(&self) -> String {
        if self.is_merge {
            format!("septum: nothing waits for {}", self.to)
        } else {
            "septum: nothing to promote".to_owned()
        }
    }

    /// The line of a pull request about values that wait for somebody with a key.
    pub(super) fn waiting_markdown(&self) -> String {
        let names = self.names_of(&PromotionOutcome::Staged);
        if names.is_empty() {
            return String::new();
        }
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let to = &self.to;
        format!("\nEncrypted for `{to}`, until `septum promote {to} --staged` merges them: {}\n", names.join(", "))
    }

    fn names_of(&self, outcome: &PromotionOutcome) -> Vec<&str> {
        self.rows().filter(|(_, row)| row.outcome == *outcome).map(|(_, row)| row.name.as_str()).collect()
    }

    /// All items with the apps that they are in.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&AppPromotion, &PromotionRow)> {
        self.apps.iter().flat_map(|app| app.rows.iter().map(move |row| (app, row)))
    }

    /// Names of the files that change, each with what changes in it.
    pub(super) fn files(&self) -> Vec<(String, Vec<String>)> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for (_, row) in self.rows() {
            for file in &row.files {
                let text = match row.outcome {
                    PromotionOutcome::Removed => format!("{} (removed)", row.name),
                    _ => row.name.clone(),
                };
                match found.iter_mut().find(|(known, _)| known == file) {
                    Some((_, names)) => names.push(text),
                    None => found.push((file.clone(), vec![text])),
                }
            }
        }
        found
    }

    /// Says what is not promoted, and why. `is_whole` is whether everything is promoted, and not only what is named.
    pub(super) fn note_skipped(&self, is_whole: bool, output: &OutputStreams) {
        let names = |wanted: &dyn Fn(&SkipReason) -> bool| {
            let skipped = self.rows().filter_map(|(_, row)| match &row.outcome {
                PromotionOutcome::Skipped(reason) if wanted(reason) => Some(row.name.clone()),
                _ => None,
            });
            skipped.collect::<Vec<_>>().join(", ")
        };
        for (names, why) in [
            (names(&|reason| *reason == SkipReason::Secret), "secrets without `promote: always`"),
            (names(&|reason| matches!(reason, SkipReason::Never(_))), "`promote: never`"),
            (names(&|reason| *reason == SkipReason::Removal), "removed, which requires `--deletions`"),
        ] {
            if !names.is_empty() {
                output.print_note(&format!("septum: not promoted: {names} ({why})"));
            }
        }
        self.note_fields(output);
        if is_whole {
            self.note_inherited(output);
        }
        self.note_kept(output);
        self.note_unchanged(output);
        for note in self.apps.iter().flat_map(|app| &app.notes) {
            output.print_note(&format!("septum: {note}"));
        }
        for commit in self.history.lost_sources() {
            output.print_note(&format!(
                "septum: Git does not know the commit {} of a former promotion, which is not considered",
                short_commit(commit)
            ));
        }
        let dropped: Vec<_> = self.apps.iter().flat_map(|app| &app.dropped).map(String::as_str).collect();
        if !dropped.is_empty() {
            let why = format!("{} no longer promotes it", self.from);
            output.print_note(&format!("septum: no longer waiting: {} ({why})", dropped.join(", ")));
        }
    }

    /// Says which fields of the layer are not promoted, and why.
    fn note_fields(&self, output: &OutputStreams) {
        for reason in [UnpromotedReason::Setting, UnpromotedReason::Unnamed, UnpromotedReason::Rules] {
            let why = match reason {
                UnpromotedReason::Setting => format!("settings of {}", self.from),
                UnpromotedReason::Unnamed => "only if named".to_owned(),
                UnpromotedReason::Rules => "rules without a value".to_owned(),
            };
            let fields = self.apps.iter().flat_map(|app| &app.unpromoted).filter(|field| field.reason == reason);
            let mut names: Vec<_> = fields.map(|field| field.name.as_str()).collect();
            sort(&mut names);
            names.dedup();
            if !names.is_empty() {
                output.print_note(&format!("septum: not promoted: {} ({why})", names.join(", ")));
            }
        }
    }

    /// Says which values are in layers that FROM extends and TO does not, if everything is promoted.
    fn note_inherited(&self, output: &OutputStreams) {
        let mut by_file: IndexMap<&str, Vec<String>> = IndexMap::default();
        for (app, value) in self.apps.iter().flat_map(|app| app.inherited.iter().map(move |value| (app, value))) {
            by_file.entry(&value.file).or_default().push(value.item.name(app.app.as_str()));
        }
        for (file, names) in by_file {
            let to = &self.to;
            output.print_note(&format!(
                "septum: not promoted: {} (in {file}, which is no layer of {to})",
                names.join(", ")
            ));
        }
    }

    /// Says where the value of TO stays, because that was decided now or before.
    fn note_kept(&self, output: &OutputStreams) {
        let (from, to) = (&self.from, &self.to);
        let kept = self.names_of(&PromotionOutcome::Kept);
        if !kept.is_empty() {
            let until = if self.is_merge { String::new() } else { format!(", until {from} changes it again") };
            output.print_note(&format!(
                "septum: not promoted: {} (`--ours` keeps the value of {to}{until})",
                kept.join(", ")
            ));
        }
        for (_, row) in self.rows().filter(|(_, row)| row.outcome == PromotionOutcome::Unchanged) {
            if let Some(commit) = &row.kept_in {
                let short = short_commit(commit);
                output.print_note(&format!(
                    "septum: not promoted: {} (`--ours` kept the value of {to} in {short}; {from} has not changed it since)",
                    row.name
                ));
            }
        }
    }

    /// Says where TO has another value that stays, because FROM has not changed its own since the last promotion.
    fn note_unchanged(&self, output: &OutputStreams) {
        let mut by_commit: IndexMap<&str, Vec<&str>> = IndexMap::default();
        for (_, row) in self.rows().filter(|(_, row)| row.would_change && row.kept_in.is_none()) {
            if let Some(commit) = &row.base {
                by_commit.entry(commit).or_default().push(&row.name);
            }
        }
        for (commit, names) in by_commit {
            output.print_note(&format!(
                "septum: not promoted: {} (unchanged in {} since its state in {}; `--theirs KEY` copies a value)",
                names.join(", "),
                self.from,
                short_commit(commit)
            ));
        }
    }

    /// Adds the lines that record the promotion; none if its source is not committed.
    pub(super) fn add_trailers(&mut self, uncommitted: &[String], has_several_apps: bool, output: &OutputStreams) {
        let Some(head) = self.history.head() else { return };
        if let Some(file) = uncommitted.first() {
            output.print_note(&format!(
                "septum: `{file}` has changes that are not committed, so no commit can record this promotion"
            ));
            return;
        }
        let lines = self.apps.iter().filter_map(|app| self.trailer(app, head, has_several_apps)).collect();
        self.trailers = lines;
    }

    /// The line that records the promotion of an app, of values at a commit; none if nothing was decided.
    pub(super) fn trailer(&self, app: &AppPromotion, commit: &str, has_several_apps: bool) -> Option<String> {
        let names = |is_wanted: fn(&PromotionRow) -> bool| {
            app.rows.iter().filter(|row| is_wanted(row)).map(|row| row.name.as_str()).collect::<Vec<_>>()
        };
        let keys = names(PromotionRow::is_settled);
        let kept = names(|row| row.outcome == PromotionOutcome::Kept);
        let name = has_several_apps.then(|| app.app.as_str());
        let pair = (self.from.as_str(), self.to.as_str());
        (!keys.is_empty()).then(|| trailer_line(pair, commit, name, &keys, &kept))
    }

    /// Says what was written, and how it is recorded: by a commit on a branch, or by a line.
    pub(super) fn report_done(&self, commit: Option<&(String, String)>, output: &OutputStreams) {
        let (from, to) = (&self.from, &self.to);
        let values = |count: usize| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
        let copied = self.names_of(&PromotionOutcome::Copied).len();
        if copied > 0 {
            output.print_note(&format!("septum: promoted {} from {from} to {to}", values(copied)));
        }
        let removed = self.names_of(&PromotionOutcome::Removed);
        if !removed.is_empty() {
            output.print_note(&format!("septum: removed from {to}: {}", removed.join(", ")));
        }
        let staged = self.names_of(&PromotionOutcome::Staged).len();
        if staged > 0 {
            output.print_note(&format!(
                "septum: staged {} of {from} for {to}; to merge them, with a key: `septum promote {to} --staged`",
                values(staged)
            ));
        }
        for file in self.apps.iter().filter_map(|app| app.merged.as_ref()) {
            output.print_note(&format!("septum: removed {}, which is merged", file.name));
        }
        self.report_record(commit, output);
    }

    /// Whether values of TO were kept, which a commit can record although nothing changes.
    pub(super) fn has_decision(&self) -> bool {
        self.rows().any(|(_, row)| row.outcome == PromotionOutcome::Kept)
    }

    /// Says how a promotion is recorded: by a commit on a branch, or by a line.
    pub(super) fn report_record(&self, commit: Option<&(String, String)>, output: &OutputStreams) {
        if let Some((commit, branch)) = commit {
            output.print_note(&format!("septum: committed {} on {branch}", short_commit(commit)));
        } else if !self.trailers.is_empty() {
            output.print_note(
                "septum: add this to the message of the commit, so that the next promotion starts from it:",
            );
            self.trailers.iter().for_each(|line| output.print_note(line));
        }
    }

    /// The promotion for programs.
    pub(super) fn view<'v>(&'v self, effect: Option<&'v PromotionEffect>, is_written: bool) -> PromotionView<'v> {
        PromotionView {
            from: self.from.as_str(),
            to: self.to.as_str(),
            changed: effect.is_some() && (self.is_merge || self.rows().any(|(_, row)| row.is_change())),
            written: is_written,
            keys: self.rows().map(|(app, row)| PromotionRowView::of(app, row)).collect(),
            fields: self.apps.iter().flat_map(UnpromotedFieldView::of_app).collect(),
            diff: effect.map(|effect| diff::to_json_rows(&effect.report.changes)).unwrap_or_default(),
            trailers: &self.trailers,
        }
    }
}

/// A promotion in `--format json`. Values of secrets are absent.
#[derive(Serialize)]
pub(super) struct PromotionView<'v> {
    from: &'v str,
    to: &'v str,
    /// Whether there is something to promote.
    changed: bool,
    /// Whether it was written.
    written: bool,
    keys: Vec<PromotionRowView<'v>>,
    /// Fields of the layer that are not promoted, and differ.
    fields: Vec<UnpromotedFieldView<'v>>,
    /// Differences of what is rendered, as in `diff --format json`.
    diff: Vec<ChangeRow<'v>>,
    /// Lines for the message of the commit.
    trailers: &'v [String],
}

/// A field that is not promoted, in `--format json`.
#[derive(Serialize)]
struct UnpromotedFieldView<'v> {
    app: &'v str,
    name: &'v str,
    reason: &'static str,
}

impl<'v> UnpromotedFieldView<'v> {
    fn of_app(app: &'v AppPromotion) -> impl Iterator<Item = Self> {
        app.unpromoted.iter().map(|field| Self {
            app: app.app.as_str(),
            name: &field.name,
            reason: match field.reason {
                UnpromotedReason::Setting => "setting",
                UnpromotedReason::Unnamed => "unnamed",
                UnpromotedReason::Rules => "rules",
            },
        })
    }
}

/// An item in `--format json`.
#[derive(Serialize)]
struct PromotionRowView<'v> {
    app: &'v str,
    kind: &'static str,
    name: &'v str,
    /// `copied`, `removed`, `staged`, `same`, `unchanged`, `conflict`, `kept` or `skipped`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    files: &'v [String],
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'v str>,
    /// Commit in which `--ours` kept the value of TO.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<&'v str>,
}

impl<'v> PromotionRowView<'v> {
    fn of(app: &'v AppPromotion, row: &'v PromotionRow) -> Self {
        let (outcome, reason) = match &row.outcome {
            PromotionOutcome::Copied => ("copied", None),
            PromotionOutcome::Removed => ("removed", None),
            PromotionOutcome::Staged => ("staged", None),
            PromotionOutcome::Same => ("same", None),
            PromotionOutcome::Unchanged => ("unchanged", None),
            PromotionOutcome::Conflict => ("conflict", None),
            PromotionOutcome::Kept => ("kept", None),
            PromotionOutcome::Skipped(SkipReason::Never(_)) => ("skipped", Some("never")),
            PromotionOutcome::Skipped(SkipReason::Secret) => ("skipped", Some("secret")),
            PromotionOutcome::Skipped(SkipReason::Removal) => ("skipped", Some("removal")),
        };
        Self {
            app: app.app.as_str(),
            kind: row.item.kind(),
            name: &row.name,
            outcome,
            reason,
            source: row.from.as_ref().map(ToString::to_string),
            target: row.to.as_ref().map(ToString::to_string),
            files: &row.files,
            encrypted: row.is_encrypted,
            base: row.base.as_deref(),
            kept: row.kept_in.as_deref(),
        }
    }
}

/// The first characters of the name of a commit.
fn short_commit(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
