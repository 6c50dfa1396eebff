//! Edits of texts, which the editor makes.

use std::path::Path;

use lsp_types::{
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, WorkspaceEdit,
};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::position::PositionMap;
use super::workspace::EditorWorkspace;

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
    let before: Vec<&str> = file.before.split_inclusive('\n').collect();
    let after: Vec<&str> = file.after.split_inclusive('\n').collect();
    let offset = |index: usize| before.iter().take(index).map(|line| line.len()).sum::<usize>();
    let edit = |op: &DiffOp| {
        let (old, new) = (op.old_range(), op.new_range());
        let range = map.range(offset(old.start)..offset(old.end));
        TextEdit { range, new_text: after.get(new).unwrap_or_default().concat() }
    };
    let ops = capture_diff_slices(Algorithm::Myers, &before, &after);
    ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).map(edit).collect()
}
