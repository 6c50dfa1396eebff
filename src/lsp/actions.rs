//! Code actions: fixes of findings that change only plaintext layers, and names that were meant.

use std::ops::Range;
use std::path::Path;

use super::edits::{EditedText, document_edit, workspace_edit};
use super::findings::{RangeCache, file_of};
use super::project::OpenProject;
use super::protocol::{CodeAction, DocumentTextEdit, QUICK_FIX, ShownDiagnostic, TextRange, WorkspaceEdit};
use super::workspace::EditorWorkspace;
use crate::check::Finding;
use crate::diagnostic::did_you_mean;
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
    let (written, name) = replaced_name(place, &finding.diagnostic.message, meant)?;
    let range = ranges.map(&place.source).range(written);
    let edit = DocumentTextEdit { range, new_text: name.to_owned() };
    let changes = WorkspaceEdit { document_changes: vec![document_edit(workspace, path, vec![edit])] };
    Some((format!("write `{name}`"), changes))
}

/// The range of the wrong name that a finding is about, and the right one. The place of a finding is that of the name,
/// of a path with it, or of the value behind it; none if it is unclear which of them is wrong.
fn replaced_name<'m>(place: &Location, message: &str, meant: &'m str) -> Option<(Range<usize>, &'m str)> {
    let text = place.source.text();
    let own = name_in(text, place.span.start..place.span.end);
    if let Some(own) = own.clone()
        && let Some(steps) = path_steps(text.get(own.clone())?, own.start)
    {
        return replaced_step(text, own, &steps, meant);
    }
    let key = key_before(text, place.span.start);
    let is_like = |range: &Range<usize>| text.get(range.clone()).is_some_and(|name| is_slip(name, meant));
    let is_named = |range: &Range<usize>| text.get(range.clone()).is_some_and(|name| mentions(message, name));
    let alike: Vec<_> = own.clone().into_iter().chain(key).filter(is_like).collect();
    let mut named = alike.iter().filter(|range| is_named(range));
    let wrong = match (alike.as_slice(), named.next(), named.next()) {
        ([only], ..) | (_, Some(only), None) => only.clone(),
        // the name that was meant may be longer by a whole part
        ([], ..) => own.filter(is_named)?,
        _ => return None,
    };
    Some((wrong, last_step(meant).unwrap_or(meant)))
}

/// The wrong step of a path of a template, or all of the path if another path was meant.
fn replaced_step<'m>(
    text: &str,
    path: Range<usize>,
    steps: &[Range<usize>],
    meant: &'m str,
) -> Option<(Range<usize>, &'m str)> {
    let root = text.get(path.clone())?.split('.').next()?;
    if path_steps(meant, 0).is_some() && meant.split('.').next() == Some(root) {
        return Some((path, meant));
    }
    let name = last_step(meant).unwrap_or(meant);
    let is_wrong = |step: &&Range<usize>| text.get((*step).clone()).is_some_and(|step| is_slip(step, name));
    let mut wrong = steps.iter().filter(is_wrong);
    match (wrong.next(), wrong.next()) {
        (Some(only), None) => Some((only.clone(), name)),
        _ => None,
    }
}

/// The name in a range, without its quotes; none if it is more than a name.
fn name_in(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let written = text.get(range.clone())?;
    let name = written.trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || "-_./".contains(char));
    let start = range.start + written.find(name)?;
    is_name.then(|| start..start + name.len())
}

/// The key whose value begins at an offset.
fn key_before(text: &str, start: usize) -> Option<Range<usize>> {
    let before = text.get(..start)?.trim_end().strip_suffix(':')?.trim_end();
    let first = match before.chars().next_back()? {
        quote @ ('"' | '\'') => before.get(..before.len() - 1)?.rfind(quote)?,
        _ => before
            .rfind(|char: char| !(char.is_alphanumeric() || "-_./".contains(char)))
            .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)),
    };
    name_in(text, first..before.len())
}

/// The steps of a path of a template behind its root; none if the text, which begins at an offset, is not one.
fn path_steps(name: &str, offset: usize) -> Option<Vec<Range<usize>>> {
    let (root, rest) = name.split_once('.')?;
    if !["data", "vars", "bundles", "env", "app"].contains(&root) {
        return None;
    }
    let mut start = offset + root.len() + 1;
    let step = |step: &str| {
        let range = start..start + step.len();
        start = range.end + 1;
        range
    };
    Some(rest.split('.').map(step).collect())
}

/// The last step of a path of a template; none if the text is not one.
fn last_step(name: &str) -> Option<&str> {
    path_steps(name, 0).and(name.rsplit('.').next())
}

/// Whether a name may be another one, mistyped.
fn is_slip(name: &str, meant: &str) -> bool {
    name != meant && did_you_mean(name, [last_step(meant).unwrap_or(meant)]).is_some()
}

/// Whether a message is about a name, or about a path that ends with it.
fn mentions(message: &str, name: &str) -> bool {
    let mut quoted = message.split('`').skip(1).step_by(2);
    quoted.any(|text| text.strip_suffix(name).is_some_and(|above| above.is_empty() || above.ends_with(['.', '/'])))
}
