//! Edits of texts, which the editor makes.

use std::path::Path;

use super::position::PositionMap;
use super::protocol::{DocumentEdit, DocumentTextEdit, EditedDocument, WorkspaceEdit};
use super::workspace::EditorWorkspace;
use crate::line_diff::{LineDiff, LineEdit};

/// A file with its text before and after.
pub(super) struct EditedText<'t> {
    pub(super) path: &'t Path,
    pub(super) before: &'t str,
    pub(super) after: &'t str,
}

/// The edits of some files, by line.
pub(super) fn workspace_edit<'t>(
    workspace: &EditorWorkspace,
    files: impl IntoIterator<Item = EditedText<'t>>,
) -> WorkspaceEdit {
    let edit = |file: EditedText<'_>| document_edit(workspace, file.path, line_edits(workspace, &file));
    WorkspaceEdit { document_changes: files.into_iter().map(edit).collect() }
}

/// The edits of a file, for the text that the editor has.
pub(super) fn document_edit(workspace: &EditorWorkspace, path: &Path, edits: Vec<DocumentTextEdit>) -> DocumentEdit {
    let uri = workspace.documents.uri(path);
    let version = workspace.documents.get(path).and_then(|document| document.version);
    DocumentEdit { text_document: EditedDocument { uri, version }, edits }
}

fn line_edits(workspace: &EditorWorkspace, file: &EditedText<'_>) -> Vec<DocumentTextEdit> {
    let map = PositionMap::new(file.before, workspace.unit);
    let edit = |LineEdit { range, text }| DocumentTextEdit { range: map.range(range), new_text: text.to_owned() };
    LineDiff::new(file.before, file.after).edits().map(edit).collect()
}
