//! Requests about documents, and what answers each.

use std::path::PathBuf;

use lsp_server::{ErrorCode, Request};
use serde_json::Value;

use super::address::path_of_uri;
use super::documents::OpenDocument;
use super::protocol::{
    CodeActionParams, CompletionList, DocumentParams, DocumentUri, Position, PositionParams, ReferenceParams,
    RenameParams, method,
};
use super::request::{RequestError, parse_params, to_json};
use super::workspace::EditorWorkspace;
use super::{actions, complete, hover, navigate, renaming, symbols};

/// The result of a request.
pub(super) fn answer_request(workspace: &EditorWorkspace, request: &Request) -> Result<Value, RequestError> {
    match request.method.as_str() {
        method::COMPLETION => {
            let (path, position) = place_of(&parse_params(request)?);
            let items = path.and_then(|path| complete::complete_at(workspace, &path, position));
            // keys depend on what was written before
            to_json(CompletionList { is_incomplete: false, items: items.unwrap_or_default() })
        }
        method::HOVER => {
            let (path, position) = place_of(&parse_params(request)?);
            to_json(path.and_then(|path| hover::answer_hover(workspace, &path, position)))
        }
        method::DEFINITION => {
            let (path, position) = place_of(&parse_params(request)?);
            to_json(path.and_then(|path| navigate::find_definitions(workspace, &path, position)))
        }
        method::REFERENCES => {
            let params: ReferenceParams = parse_params(request)?;
            let with_definition = params.context.include_declaration;
            let (path, position) = place_of(&params.place);
            to_json(path.and_then(|path| navigate::find_references(workspace, &path, position, with_definition)))
        }
        method::PREPARE_RENAME => {
            let (path, position) = place_of(&parse_params(request)?);
            to_json(path.and_then(|path| renaming::prepare_rename(workspace, &path, position)))
        }
        method::RENAME => {
            let params: RenameParams = parse_params(request)?;
            let (path, position) = place_of(&params.place);
            let path = path.ok_or_else(|| RequestError::failed("the document is not a file"))?;
            to_json(renaming::rename_key(workspace, &path, position, &params.new_name)?)
        }
        method::CODE_ACTION => {
            let params: CodeActionParams = parse_params(request)?;
            let known = &params.context.diagnostics;
            let path = path_of_uri(&params.text_document.uri);
            to_json(path.map(|path| actions::find_actions(workspace, &path, params.range, known)).unwrap_or_default())
        }
        method::DOCUMENT_SYMBOL => {
            let params: DocumentParams = parse_params(request)?;
            let document = document_of(workspace, &params.text_document.uri);
            let symbols = document.map(|document| symbols::outline_document(document, workspace.unit));
            to_json(symbols.unwrap_or_default())
        }
        other => Err(RequestError::new(ErrorCode::MethodNotFound, format!("unknown method `{other}`"))),
    }
}

fn place_of(place: &PositionParams) -> (Option<PathBuf>, Position) {
    (path_of_uri(&place.text_document.uri), place.position)
}

fn document_of<'w>(workspace: &'w EditorWorkspace, uri: &DocumentUri) -> Option<&'w OpenDocument> {
    workspace.documents.get(&path_of_uri(uri)?)
}
