//! Messages and output of a promotion.

use serde::Serialize;

use super::super::output::OutputStreams;
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::diff::{self, ChangeRow};
use crate::name::EnvironmentName;
use crate::promote::{
    AppPromotion, PromotionEffect, PromotionHistory, PromotionOutcome, PromotionRow, SkipReason, trailer_line,
};

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
}

/// Error for a value that changed in both environments.
pub(super) fn conflict_error(row: &PromotionRow, from: &EnvironmentName, to: &EnvironmentName) -> Diagnostic {
    let message = format!("`{}` changed in `{from}` and in `{to}` since the last promotion", row.name);
    let mut error = Diagnostic::error(Rule::PromotionConflict, message);
    for (place, environment) in [(&row.from, from), (&row.to, to)] {
        error = match place {
            Some(place) => error.at_masked_with(place.clone(), format!("in `{environment}`")),
            None => error.note(format!("it is no longer set in `{environment}`")),
        };
    }
    let name = &row.name;
    error.hint(format!("`--ours '{name}'` keeps the value of `{to}`, `--theirs '{name}'` copies that of `{from}`"))
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

    /// Says what is not promoted, and why.
    pub(super) fn note_skipped(&self, output: &OutputStreams) {
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
        let mut lines = Vec::new();
        for app in &self.apps {
            let keys: Vec<_> = app.rows.iter().filter(|row| row.is_settled()).map(|row| row.name.as_str()).collect();
            if !keys.is_empty() {
                let name = has_several_apps.then(|| app.app.as_str());
                lines.push(trailer_line(self.from.as_str(), self.to.as_str(), head, name, &keys));
            }
        }
        self.trailers = lines;
    }

    /// Says what was written, and how it is recorded: by a commit on a branch, or by a line.
    pub(super) fn report_done(&self, commit: Option<&(String, String)>, output: &OutputStreams) {
        let count = self.rows().filter(|(_, row)| row.is_change()).count();
        let what = if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
        output.print_note(&format!("septum: promoted {what} from {} to {}", self.from, self.to));
        if let Some((commit, branch)) = commit {
            let short: String = commit.chars().take(12).collect();
            output.print_note(&format!("septum: committed {short} on {branch}"));
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
            changed: effect.is_some() && self.rows().any(|(_, row)| row.is_change()),
            written: is_written,
            keys: self.rows().map(|(app, row)| PromotionRowView::of(app, row)).collect(),
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
    /// Differences of what is rendered, as in `diff --format json`.
    diff: Vec<ChangeRow<'v>>,
    /// Lines for the message of the commit.
    trailers: &'v [String],
}

/// An item in `--format json`.
#[derive(Serialize)]
struct PromotionRowView<'v> {
    app: &'v str,
    kind: &'static str,
    name: &'v str,
    /// `copied`, `removed`, `same`, `unchanged`, `conflict`, `kept` or `skipped`.
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
}

impl<'v> PromotionRowView<'v> {
    fn of(app: &'v AppPromotion, row: &'v PromotionRow) -> Self {
        let (outcome, reason) = match &row.outcome {
            PromotionOutcome::Copied => ("copied", None),
            PromotionOutcome::Removed => ("removed", None),
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
        }
    }
}
