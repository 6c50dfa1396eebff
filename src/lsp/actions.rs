//! Code actions: fixes of findings that change only plaintext layers, and names that were meant.

use std::path::Path;

use super::edits::{EditedText, document_edit, workspace_edit};
use super::findings::{RangeCache, file_of};
use super::project::OpenProject;
use super::protocol::{CodeAction, DocumentTextEdit, QUICK_FIX, ShownDiagnostic, TextRange, WorkspaceEdit};
use super::workspace::EditorWorkspace;
use crate::check::Finding;
use crate::fix::preview_fix;
use crate::span::Location;

/// Beginning of a hint with the name that was meant.
const MEANT: &str = "did you mean `";

/// The fixes of the findings in a range of a document. `known` are the diagnostics that the editor shows there.
pub(super) fn find_actions(
    workspace: &EditorWorkspace,
    path: &Path,
    range: TextRange,
    known: &[ShownDiagnostic],
) -> Vec<CodeAction> {
    let mut actions = Vec::new();
    let mut ranges = RangeCache::new(workspace.unit);
    for project in workspace.projects.values() {
        for finding in &project.findings {
            let Some(label) = finding.diagnostic.labels.first() else { continue };
            if file_of(project.root.directory(), &label.place) != path {
                continue;
            }
            let own = ranges.range(&label.place);
            if own.end < range.start || range.end < own.start {
                continue;
            }
            let fix = fix_edit(workspace, project, finding);
            let edits = fix.into_iter().chain(meant_edit(workspace, path, finding, &mut ranges));
            let shown: Vec<_> = known.iter().filter(|shown| shown.range == own).cloned().collect();
            actions.extend(edits.map(|(title, edit)| CodeAction {
                title,
                kind: QUICK_FIX,
                diagnostics: shown.clone(),
                edit,
                is_preferred: true,
            }));
        }
    }
    actions
}

/// The edit of the automatic fix.
fn fix_edit(workspace: &EditorWorkspace, project: &OpenProject, finding: &Finding) -> Option<(String, WorkspaceEdit)> {
    let preview = preview_fix(&project.findings, finding)?;
    let path = project.root.directory().join(preview.file);
    let file = EditedText { path: &path, before: preview.before, after: &preview.after };
    Some((preview.title, workspace_edit(workspace, [file])))
}

/// The edit that writes the name that was meant, where the finding is about a name.
fn meant_edit<'f>(
    workspace: &EditorWorkspace,
    path: &Path,
    finding: &'f Finding,
    ranges: &mut RangeCache<'f>,
) -> Option<(String, WorkspaceEdit)> {
    let place = &finding.diagnostic.labels.first()?.place;
    let mut hints = finding.diagnostic.hints.iter();
    let meant = hints.find_map(|hint| hint.strip_prefix(MEANT)?.split('`').next())?;
    let (start, end, name) = replaced_name(place, meant)?;
    let range = ranges.map(&place.source).range(start..end);
    let edit = DocumentTextEdit { range, new_text: name.to_owned() };
    let changes = WorkspaceEdit { document_changes: vec![document_edit(workspace, path, vec![edit])] };
    Some((format!("write `{name}`"), changes))
}

/// The range of a wrong name in the place of a finding, and the right one. Of a path such as `data.KEY`, either may be
/// the last step alone. None if the place is more than a name.
fn replaced_name<'m>(place: &Location, meant: &'m str) -> Option<(usize, usize, &'m str)> {
    let written = place.source.text().get(place.span.start..place.span.end)?;
    let name = written.trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || "-_./".contains(char));
    if !is_name {
        return None;
    }
    let start = place.span.start + written.find(name)?;
    let end = start + name.len();
    Some(match (last_step(name), last_step(meant)) {
        (Some(_), Some(_)) | (None, None) => (start, end, meant),
        (Some(step), None) => (end - step.len(), end, meant),
        (None, Some(step)) => (start, end, step),
    })
}

/// The last step of a path of a template; none if the text is not one.
fn last_step(name: &str) -> Option<&str> {
    let is_path = ["data.", "vars.", "bundles."].iter().any(|root| name.starts_with(root));
    name.rsplit('.').next().filter(|_| is_path)
}
