//! Edits of texts, which the editor makes.

use std::path::Path;

use lsp_types::{
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, WorkspaceEdit,
};

use super::position::PositionMap;
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
        let uri = workspace.documents.uri(file.path)?;
        let version = workspace.documents.get(file.path).map(|document| document.version);
        let edits = line_edits(workspace, &file).into_iter().map(OneOf::Left).collect();
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version };
        Some(TextDocumentEdit { text_document, edits })
    };
    let edits = files.into_iter().filter_map(edit).collect();
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(edits)), ..WorkspaceEdit::default() }
}

fn line_edits(workspace: &EditorWorkspace, file: &EditedText<'_>) -> Vec<TextEdit> {
    let map = PositionMap::new(file.before, workspace.unit);
    let edit = |LineEdit { range, text }| TextEdit { range: map.range(range), new_text: text.to_owned() };
    LineDiff::new(file.before, file.after).edits().map(edit).collect()
}
