//! The part of the Language Server Protocol that the server speaks.
//!
//! Source: the specification, version 3.17. Of what a client sends, only the fields that are used are read, so that no
//! other field can make a message invalid. The types that exist as a library describe all of the protocol; they took a
//! twentieth of a build, and this part is stable.

use std::fmt;

use lsp_server::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Names of requests and notifications.
pub(super) mod method {
    pub(in crate::lsp) const CODE_ACTION: &str = "textDocument/codeAction";
    pub(in crate::lsp) const COMPLETION: &str = "textDocument/completion";
    pub(in crate::lsp) const DEFINITION: &str = "textDocument/definition";
    pub(in crate::lsp) const DID_CHANGE: &str = "textDocument/didChange";
    pub(in crate::lsp) const DID_CHANGE_WATCHED_FILES: &str = "workspace/didChangeWatchedFiles";
    pub(in crate::lsp) const DID_CLOSE: &str = "textDocument/didClose";
    pub(in crate::lsp) const DID_OPEN: &str = "textDocument/didOpen";
    pub(in crate::lsp) const DID_SAVE: &str = "textDocument/didSave";
    pub(in crate::lsp) const DOCUMENT_SYMBOL: &str = "textDocument/documentSymbol";
    pub(in crate::lsp) const HOVER: &str = "textDocument/hover";
    pub(in crate::lsp) const PREPARE_RENAME: &str = "textDocument/prepareRename";
    pub(in crate::lsp) const PUBLISH_DIAGNOSTICS: &str = "textDocument/publishDiagnostics";
    pub(in crate::lsp) const REFERENCES: &str = "textDocument/references";
    pub(in crate::lsp) const REGISTER_CAPABILITY: &str = "client/registerCapability";
    pub(in crate::lsp) const RENAME: &str = "textDocument/rename";
}

/// Address of a document, as the client writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentUri(pub(super) String);

impl DocumentUri {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Position in a document. Lines and columns count from 0; the unit of columns is agreed on at the start of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub character: u32,
}

/// Part of a document, without its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRange {
    /// First position.
    pub start: Position,
    /// Position behind it.
    pub end: Position,
}

// --- what clients send ------------------------------------------------------------------------------------------------

/// Parameters of `initialize`.
#[derive(Debug, Deserialize)]
pub(super) struct InitializeParams {
    pub(super) capabilities: ClientCapabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClientCapabilities {
    pub(super) general: Option<GeneralCapabilities>,
    pub(super) workspace: Option<WorkspaceCapabilities>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GeneralCapabilities {
    /// Units of columns that the client knows.
    pub(super) position_encodings: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WorkspaceCapabilities {
    pub(super) did_change_watched_files: Option<WatchCapability>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WatchCapability {
    /// Whether the client reports changes of files when it is asked to.
    pub(super) dynamic_registration: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DocumentId {
    pub(super) uri: DocumentUri,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionedDocumentId {
    pub(super) uri: DocumentUri,
    /// Clients of protocols before 3.16 may send none.
    pub(super) version: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DidOpenParams {
    pub(super) text_document: OpenedDocument,
}

#[derive(Debug, Deserialize)]
pub(super) struct OpenedDocument {
    pub(super) uri: DocumentUri,
    pub(super) version: i32,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DidChangeParams {
    pub(super) text_document: VersionedDocumentId,
    pub(super) content_changes: Vec<TextChange>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TextChange {
    /// The part that is replaced; none if it is the whole text.
    pub(super) range: Option<TextRange>,
    pub(super) text: String,
}

/// Parameters of messages about a document, and nothing in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentParams {
    pub(super) text_document: DocumentId,
}

#[derive(Debug, Deserialize)]
pub(super) struct WatchedFilesParams {
    /// Files that changed, in whatever way.
    pub(super) changes: Vec<DocumentId>,
}

/// Parameters of requests about a position.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PositionParams {
    pub(super) text_document: DocumentId,
    pub(super) position: Position,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReferenceContext {
    pub(super) include_declaration: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReferenceParams {
    #[serde(flatten)]
    pub(super) place: PositionParams,
    pub(super) context: ReferenceContext,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RenameParams {
    #[serde(flatten)]
    pub(super) place: PositionParams,
    pub(super) new_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeActionParams {
    pub(super) text_document: DocumentId,
    pub(super) range: TextRange,
    pub(super) context: CodeActionContext,
}

#[derive(Debug, Deserialize)]
pub(super) struct CodeActionContext {
    /// Diagnostics that the client shows there, with all that it added.
    pub(super) diagnostics: Vec<ShownDiagnostic>,
}

/// Diagnostic that the client shows. Answers repeat it as it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShownDiagnostic {
    pub(super) range: TextRange,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

// --- what the server sends --------------------------------------------------------------------------------------------

/// Place in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DocumentPlace {
    pub(super) uri: DocumentUri,
    pub(super) range: TextRange,
}

/// Constants of the protocol.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($kind:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub(super) struct $name(u8);

        impl $name {
            $(pub(super) const $kind: Self = Self($number);)*
        }
    };
}

kinds!(EditorSeverity { ERROR = 1, WARNING = 2, });
kinds!(
    /// Style of a diagnostic.
    DiagnosticTag { UNNECESSARY = 1, DEPRECATED = 2, }
);
kinds!(SymbolKind { NAMESPACE = 3, ARRAY = 18, OBJECT = 19, KEY = 20, });
kinds!(CompletionKind {
    FIELD = 5,
    VARIABLE = 6,
    MODULE = 9,
    PROPERTY = 10,
    FILE = 17,
    ENUM_MEMBER = 20,
    STRUCT = 22,
});

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EditorDiagnostic {
    pub(super) range: TextRange,
    pub(super) severity: EditorSeverity,
    /// Name of the rule.
    pub(super) code: &'static str,
    /// Name of the program.
    pub(super) source: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_information: Vec<RelatedPlace>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) tags: &'static [DiagnosticTag],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct RelatedPlace {
    pub(super) location: DocumentPlace,
    pub(super) message: String,
}

/// Parameters of the notification with the diagnostics of a document.
#[derive(Debug, Serialize)]
pub(super) struct PublishedDiagnostics {
    pub(super) uri: DocumentUri,
    pub(super) diagnostics: Vec<EditorDiagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompletionList {
    pub(super) is_incomplete: bool,
    pub(super) items: Vec<CompletionItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompletionItem {
    pub(super) label: String,
    pub(super) kind: CompletionKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) documentation: Option<MarkedText>,
    pub(super) sort_text: String,
    pub(super) filter_text: String,
    pub(super) text_edit: DocumentTextEdit,
}

/// Text, and how clients show it: `plaintext` or `markdown`.
#[derive(Debug, Serialize)]
pub(super) struct MarkedText {
    kind: &'static str,
    value: String,
}

impl MarkedText {
    pub(super) fn plain(value: String) -> Self {
        Self { kind: "plaintext", value }
    }

    pub(super) fn markdown(value: String) -> Self {
        Self { kind: "markdown", value }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct HoverAnswer {
    pub(super) contents: MarkedText,
    pub(super) range: TextRange,
}

/// The part of a document that can be renamed, and the name to begin with.
#[derive(Debug, Serialize)]
pub(super) struct RenamablePart {
    pub(super) range: TextRange,
    pub(super) placeholder: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentSymbol {
    pub(super) name: String,
    pub(super) kind: SymbolKind,
    pub(super) range: TextRange,
    pub(super) selection_range: TextRange,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<Self>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentTextEdit {
    pub(super) range: TextRange,
    pub(super) new_text: String,
}

/// Edits of documents.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkspaceEdit {
    pub(super) document_changes: Vec<DocumentEdit>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentEdit {
    pub(super) text_document: EditedDocument,
    pub(super) edits: Vec<DocumentTextEdit>,
}

#[derive(Debug, Serialize)]
pub(super) struct EditedDocument {
    pub(super) uri: DocumentUri,
    /// `null` if the document is not open.
    pub(super) version: Option<i32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeAction {
    pub(super) title: String,
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) diagnostics: Vec<ShownDiagnostic>,
    pub(super) edit: WorkspaceEdit,
    pub(super) is_preferred: bool,
}

/// Kind of the code actions that fix a finding.
pub(super) const QUICK_FIX: &str = "quickfix";

/// The answer to `initialize`. Clients send a document as a whole: `1` of `change`.
pub(super) fn server_capabilities(position_encoding: &str, completion_triggers: &[&str]) -> Value {
    json!({
        "capabilities": {
            "positionEncoding": position_encoding,
            "textDocumentSync": { "openClose": true, "change": 1, "save": { "includeText": false } },
            "hoverProvider": true,
            "completionProvider": { "triggerCharacters": completion_triggers },
            "definitionProvider": true,
            "referencesProvider": true,
            "documentSymbolProvider": true,
            "codeActionProvider": { "codeActionKinds": [QUICK_FIX] },
            "renameProvider": { "prepareProvider": true },
        },
        "serverInfo": { "name": "septum", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// The request to report changes of the files that a pattern matches.
pub(super) fn watch_request(pattern: &str) -> Request {
    let registration = json!({
        "id": "septum-files",
        "method": method::DID_CHANGE_WATCHED_FILES,
        "registerOptions": { "watchers": [{ "globPattern": pattern }] },
    });
    let params = json!({ "registrations": [registration] });
    Request { id: "septum-watch".to_owned().into(), method: method::REGISTER_CAPABILITY.to_owned(), params }
}
