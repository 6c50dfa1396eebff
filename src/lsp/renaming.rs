//! Renaming of a key, by the engine of `septum rename`.

use std::path::{Path, PathBuf};

use super::edits::{EditedText, workspace_edit};
use super::focus::DocumentFocus;
use super::navigate::defining_places;
use super::position::PositionMap;
use super::project::no_identities;
use super::protocol::{Position, RenamablePart, WorkspaceEdit};
use super::request::RequestError;
use super::subject::{NamedSubject, find_subject};
use super::workspace::EditorWorkspace;
use crate::diagnostic::{Diagnostics, FailureKind, escape_line};
use crate::files::FileKind;
use crate::name::EntryId;
use crate::project::App;
use crate::rename::{RenameOutcome, RenamePlan, RenameRequest, is_key_text};

/// The name that can be changed at a position; none if there is no key.
pub(super) fn prepare_rename(workspace: &EditorWorkspace, path: &Path, position: Position) -> Option<RenamablePart> {
    let document = workspace.documents.get(path)?;
    let map = PositionMap::new(&document.text, workspace.unit);
    let offset = map.offset(position);
    workspace.focus(path, None, |focus| match find_subject(focus, &document.text, offset)? {
        (NamedSubject::Entry(id), range) => {
            Some(RenamablePart { range: map.range(range), placeholder: id.key.as_str().to_owned() })
        }
        (NamedSubject::Variable(_), _) => None,
    })
}

/// The edits that rename the key at a position in all files of the project. An error if encrypted files would have to
/// change, since their ciphertext is bound to the name, and nothing is decrypted here.
pub(super) fn rename_key(
    workspace: &EditorWorkspace,
    path: &Path,
    position: Position,
    new: &str,
) -> Result<WorkspaceEdit, RequestError> {
    if !is_key_text(new) {
        let why = "not a valid key: keys consist of letters, digits, `-`, `_` and `.`";
        return Err(RequestError::failed(why));
    }
    let renamed = workspace.documents.get(path).and_then(|document| {
        let offset = PositionMap::new(&document.text, workspace.unit).offset(position);
        workspace.focus(path, None, |focus| match find_subject(focus, &document.text, offset)? {
            (NamedSubject::Entry(id), _) => Some(plan_renaming(workspace, focus, &id, new)),
            (NamedSubject::Variable(_), _) => {
                Some(Err(RequestError::failed("variables cannot be renamed: change each place that references show")))
            }
        })
    });
    renamed.unwrap_or_else(|| Err(RequestError::failed("no key to rename here, or a layer of the app is invalid")))
}

fn plan_renaming(
    workspace: &EditorWorkspace,
    focus: &DocumentFocus<'_>,
    id: &EntryId,
    new: &str,
) -> Result<WorkspaceEdit, RequestError> {
    let project = focus.project();
    let old = id.key.as_str();
    let is_shared =
        |file: &str| project.shared.as_ref().is_some_and(|dir| project.files.root().join(file).starts_with(dir));
    // apps that share the layer have the key in common, in a bundle of their own name
    let shares = defining_places(focus, id).iter().any(|place| is_shared(place.source.name()));
    let is_own = id.bundle.as_str() == focus.survey.app.as_str();
    let apps: Vec<&App> = if shares { project.apps.iter().collect() } else { vec![focus.app] };
    let bundle = (!(shares && is_own)).then_some(id.bundle.as_str());
    let now = (workspace.now)();
    let request =
        RenameRequest { pipeline: focus.pipeline, apps: &apps, bundle, old, new, identities: no_identities, now };
    match request.plan().map_err(|problems| refusal(problems, old, new))? {
        RenameOutcome::Nothing(why) => Err(RequestError::failed(format!("nothing to rename: {why}"))),
        RenameOutcome::Planned(plan) => Ok(edit_of(workspace, focus, &plan)),
    }
}

fn edit_of(workspace: &EditorWorkspace, focus: &DocumentFocus<'_>, plan: &RenamePlan) -> WorkspaceEdit {
    let files = &focus.project().files;
    let text = |(path, bytes): (&Path, &[u8])| -> Option<(PathBuf, String, String)> {
        let before = files.read_text(FileKind::Layer, path).ok()?;
        Some((path.to_path_buf(), before.into_text(), String::from_utf8(bytes.to_vec()).ok()?))
    };
    let texts: Vec<_> = plan.edited_files().filter_map(text).collect();
    workspace_edit(workspace, texts.iter().map(|(path, before, after)| EditedText { path, before, after }))
}

/// The first reason why a key cannot be renamed, with the command that can where a key is missing.
fn refusal(problems: Diagnostics, old: &str, new: &str) -> RequestError {
    let problems = problems.into_sorted();
    let lacks_key = problems.iter().any(|problem| problem.failure == FailureKind::Key);
    let mut lines = Vec::new();
    if let Some(problem) = problems.first() {
        let place = problem.labels.first().map(|label| format!("{}: ", label.place)).unwrap_or_default();
        lines.push(format!("{place}{}", problem.message));
        let hints = problem.hints.iter().filter(|_| !lacks_key);
        lines.extend(hints.map(|hint| format!("hint: {hint}")));
    }
    if lacks_key {
        let note = "an encrypted file sets the key, and its ciphertext is bound to the name; editors decrypt nothing";
        lines.push(format!("note: {note}"));
        lines.push(format!("hint: save all files and run `septum rename {old} {new}`, with a key of the file"));
    }
    let lines: Vec<_> = lines.iter().map(|line| escape_line(line)).collect();
    RequestError::failed(lines.join("\n"))
}
