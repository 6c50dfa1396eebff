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
    let edit = |file: EditedText<'_>| {
        let uri = workspace.documents.uri(file.path);
        let version = workspace.documents.get(file.path).map(|document| document.version);
        DocumentEdit { text_document: EditedDocument { uri, version }, edits: line_edits(workspace, &file) }
    };
    WorkspaceEdit { document_changes: files.into_iter().map(edit).collect() }
}

fn line_edits(workspace: &EditorWorkspace, file: &EditedText<'_>) -> Vec<DocumentTextEdit> {
    let map = PositionMap::new(file.before, workspace.unit);
    let edit = |LineEdit { range, text }| DocumentTextEdit { range: map.range(range), new_text: text.to_owned() };
    LineDiff::new(file.before, file.after).edits().map(edit).collect()
}
