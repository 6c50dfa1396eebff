//! Course of a session: which messages are taken when, and what answers them.

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;

use super::address::path_of_uri;
use super::answers;
use super::position::ColumnUnit;
use super::protocol::{
    DidChangeParams, DidOpenParams, DocumentParams, InitializeParams, WatchedFilesParams, method, server_capabilities,
    watch_request,
};
use super::request::{RequestError, parse_params};
use super::workspace::EditorWorkspace;
use crate::parallel;
use crate::sops::Timestamp;

/// Files whose changes matter: layers, manifests, templates and other files of entries, rules.
const WATCHED: &str = "**/*";

/// Characters after which names are completed: the dot of a template, and the blank before a key or a value.
const TRIGGERS: [&str; 3] = [".", " ", "["];

/// Whether the server goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerFlow {
    /// It waits for the next message.
    Continue,
    /// It ends.
    Exit(ServerExit),
}

/// End of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerExit {
    /// With `shutdown`, then `exit`.
    Requested,
    /// Without `shutdown`.
    Unexpected,
}

/// Part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerPhase {
    /// Before `initialize`.
    New,
    Running,
    /// After `shutdown`.
    Stopped,
}

/// Server of one client.
pub struct LanguageServer {
    phase: ServerPhase,
    workspace: EditorWorkspace,
    outgoing: Vec<Message>,
    /// Whether the client reports changes of files.
    watches: bool,
}

impl LanguageServer {
    /// A server before the first message. `now` is asked for the day when something is checked.
    pub fn new(now: fn() -> Timestamp) -> Self {
        let workspace = EditorWorkspace::new(now);
        Self { phase: ServerPhase::New, workspace, outgoing: Vec::new(), watches: false }
    }

    /// Messages for the client since the last call.
    pub fn take_outgoing(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes a message.
    pub fn receive(&mut self, message: Message) -> ServerFlow {
        match message {
            Message::Request(request) => {
                let response = self.respond(request);
                self.outgoing.push(response.into());
            }
            Message::Notification(notification) if notification.method == "exit" => {
                return ServerFlow::Exit(match self.phase {
                    ServerPhase::Stopped => ServerExit::Requested,
                    ServerPhase::New | ServerPhase::Running => ServerExit::Unexpected,
                });
            }
            Message::Notification(notification) if self.phase == ServerPhase::Running => self.notice(notification),
            Message::Notification(_) | Message::Response(_) => {}
        }
        ServerFlow::Continue
    }

    /// Refuses a request that the client cancelled before it was taken.
    pub fn cancel(&mut self, id: RequestId) {
        let code = ErrorCode::RequestCanceled as i32;
        self.outgoing.push(Response::new_err(id, code, "the request was cancelled".to_owned()).into());
    }

    /// Whether files changed since the last check.
    pub fn has_changes(&self) -> bool {
        self.workspace.has_changes()
    }

    /// Checks what changed, and publishes the diagnostics that differ: for when no message waits.
    pub fn settle(&mut self) {
        for params in self.workspace.check_changes() {
            self.outgoing.push(Notification::new(method::PUBLISH_DIAGNOSTICS.to_owned(), params).into());
        }
    }

    fn respond(&mut self, request: Request) -> Response {
        let answered = match (self.phase, request.method.as_str()) {
            (ServerPhase::New, "initialize") => self.initialize(&request),
            (ServerPhase::New, _) => {
                Err(RequestError::new(ErrorCode::ServerNotInitialized, "expected `initialize` first"))
            }
            (ServerPhase::Stopped, _) => {
                Err(RequestError::new(ErrorCode::InvalidRequest, "expected `exit` after `shutdown`"))
            }
            (ServerPhase::Running, "initialize") => {
                Err(RequestError::new(ErrorCode::InvalidRequest, "`initialize` was requested already"))
            }
            (ServerPhase::Running, "shutdown") => {
                self.phase = ServerPhase::Stopped;
                Ok(serde_json::Value::Null)
            }
            (ServerPhase::Running, _) => {
                // answers are about what was typed
                self.settle();
                let answered = parallel::catch_panic(|| answers::answer_request(&self.workspace, &request));
                answered.unwrap_or_else(|panic| {
                    let message = format!("septum panics at {}: this is a bug in septum", panic.line);
                    Err(RequestError::new(ErrorCode::InternalError, message))
                })
            }
        };
        match answered {
            Ok(value) => Response::new_ok(request.id, value),
            Err(RequestError { code, message }) => Response::new_err(request.id, code as i32, message),
        }
    }

    fn initialize(&mut self, request: &Request) -> Result<serde_json::Value, RequestError> {
        let params: InitializeParams = parse_params(request)?;
        self.phase = ServerPhase::Running;
        let InitializeParams { capabilities: client } = params;
        let known = client.general.and_then(|general| general.position_encodings);
        self.workspace.unit = ColumnUnit::negotiate(known.as_deref());
        let watching = client.workspace.and_then(|workspace| workspace.did_change_watched_files);
        self.watches = watching.and_then(|watching| watching.dynamic_registration).unwrap_or_default();
        Ok(server_capabilities(self.workspace.unit.name(), &TRIGGERS))
    }

    fn notice(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            "initialized" if self.watches => self.outgoing.push(watch_request(WATCHED).into()),
            method::DID_OPEN => {
                if let Some(params) = parse_notice::<DidOpenParams>(params) {
                    let document = params.text_document;
                    self.workspace.put_document(document.uri, Some(document.version), &document.text);
                }
            }
            method::DID_CHANGE => {
                if let Some(params) = parse_notice::<DidChangeParams>(params)
                    // the text is always whole, as the server asks for it
                    && let Some(change) = params.content_changes.into_iter().rfind(|change| change.range.is_none())
                {
                    let document = params.text_document;
                    self.workspace.put_document(document.uri, document.version, &change.text);
                }
            }
            method::DID_SAVE => {
                if let Some(params) = parse_notice::<DocumentParams>(params) {
                    if !self.watches {
                        self.workspace.note_any_change();
                    }
                    self.workspace.note_change(path_of_uri(&params.text_document.uri));
                }
            }
            method::DID_CLOSE => {
                if let Some(params) = parse_notice::<DocumentParams>(params) {
                    self.workspace.close_document(&params.text_document.uri);
                }
            }
            method::DID_CHANGE_WATCHED_FILES => {
                if let Some(params) = parse_notice::<WatchedFilesParams>(params) {
                    params.changes.iter().for_each(|event| self.workspace.note_change(path_of_uri(&event.uri)));
                }
            }
            _ => {}
        }
    }
}

fn parse_notice<P: DeserializeOwned>(params: serde_json::Value) -> Option<P> {
    serde_json::from_value(params).ok()
}
