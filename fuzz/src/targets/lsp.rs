//! The language server, message by message.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use septum::lsp::{LanguageServer, ServerFlow};
use septum::sops::Timestamp;
use serde_json::{Value as Json, json};

use crate::input::parts;
use crate::project::MemoryRoot;

/// The files on the disk.
const FILES: [(&str, &str); 3] = [
    (
        "environments/base.yaml",
        "vars: { host: db }\ndata:\n  LOG_LEVEL: info\n  PORT: { value: 8080, type: integer }\n  URL: \"x://{{ vars.host }}:{{ data.PORT }}\"\n",
    ),
    ("environments/dev.yaml", "data:\n  PORT: 1\n"),
    ("environments/prod.yaml", "extends: [mix/a]\ndata:\n  LOG_LEVEL: warn\n"),
];

/// Names of files that an input may mean by a digit.
const NAMES: [&str; 6] = [
    "environments/base.yaml",
    "environments/dev.yaml",
    "environments/prod.yaml",
    "environments/mix/a.yaml",
    "septum.yaml",
    "notes.txt",
];

/// Most messages of one input.
const MOST: usize = 12;

static ROOT: LazyLock<MemoryRoot> = LazyLock::new(|| {
    let root = MemoryRoot::new("lsp", &["environments/mix"]);
    for (name, text) in FILES {
        std::fs::write(root.path().join(name), text).expect("a file");
    }
    root
});

/// Input: messages, each a line `METHOD FILE LINE CHARACTER` with a text below it; or one in JSON.
pub(crate) fn check(data: &[u8]) {
    let root = format!("file://{}", ROOT.path().display());
    let mut session = Session { server: LanguageServer::new(now), root, next: 1, version: 1, open: BTreeMap::new() };
    let root = json!({ "processId": null, "rootUri": session.root, "capabilities": {} });
    session.request("initialize", root);
    session.notify("initialized", json!({}));
    for part in parts(data).into_iter().take(MOST) {
        session.take(&part);
    }
    session.server.settle();
    session.check_outgoing(None);
    session.request("shutdown", Json::Null);
}

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2030-01-31T00:00:00Z").expect("a time")
}

struct Session {
    server: LanguageServer,
    root: String,
    next: i32,
    version: i32,
    /// The texts of open documents by their addresses.
    open: BTreeMap<String, String>,
}

impl Session {
    fn take(&mut self, part: &str) {
        let (head, text) = part.split_once('\n').unwrap_or((part, ""));
        if head.starts_with('{') {
            return self.take_json(&part.replace("ROOT", &self.root));
        }
        let mut words = head.split(' ');
        let method = words.next().unwrap_or_default();
        let file = words.next().unwrap_or_default();
        let name = file.parse().ok().and_then(|index: usize| NAMES.get(index)).copied().unwrap_or(file);
        let uri = format!("{}/{name}", self.root);
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
        let position = json!({ "line": number(), "character": number() });
        let end = json!({ "line": number(), "character": number() });
        self.version += 1;
        match method {
            "open" => {
                let document = json!({ "uri": uri, "languageId": "yaml", "version": self.version, "text": text });
                self.notify("textDocument/didOpen", json!({ "textDocument": document }));
                self.open.insert(uri, text.to_owned());
            }
            "change" => {
                let document = json!({ "uri": uri, "version": self.version });
                self.notify(
                    "textDocument/didChange",
                    json!({ "textDocument": document, "contentChanges": [{ "text": text }] }),
                );
                self.open.entry(uri).and_modify(|known| text.clone_into(known));
            }
            "edit" => {
                let change = json!({ "range": { "start": position, "end": end }, "text": text });
                let document = json!({ "uri": uri, "version": self.version });
                self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
                // its text is no longer known here
                self.open.remove(&uri);
            }
            "close" => {
                self.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
                self.open.remove(&uri);
            }
            "save" => self.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri } })),
            "watched" => {
                let changes = json!([{ "uri": uri, "type": 2 }]);
                self.notify("workspace/didChangeWatchedFiles", json!({ "changes": changes }));
            }
            method => {
                let params = json!({
                    "textDocument": { "uri": uri },
                    "position": position,
                    "range": { "start": position, "end": end },
                    "context": { "includeDeclaration": true, "diagnostics": [] },
                    "newName": text.trim_end_matches('\n'),
                });
                self.request(&format!("textDocument/{method}"), params);
            }
        }
    }

    fn take_json(&mut self, text: &str) {
        let Ok(message) = serde_json::from_str::<Message>(text) else { return };
        let id = match &message {
            Message::Request(request) => Some(request.id.clone()),
            Message::Notification(_) | Message::Response(_) => None,
        };
        if self.server.receive(message) == ServerFlow::Continue {
            // what it opened or changed is not known here
            self.open.clear();
            self.check_outgoing(id.as_ref());
        }
    }

    fn notify(&mut self, method: &str, params: Json) {
        let message = Notification { method: method.to_owned(), params };
        assert_eq!(self.server.receive(message.into()), ServerFlow::Continue);
        self.check_outgoing(None);
    }

    fn request(&mut self, method: &str, params: Json) {
        let id = RequestId::from(self.next);
        self.next += 1;
        let message = Request { id: id.clone(), method: method.to_owned(), params };
        assert_eq!(self.server.receive(message.into()), ServerFlow::Continue);
        self.check_outgoing(Some(&id));
    }

    /// Holds that what the server sends is an answer to a request, or about a place that is there.
    fn check_outgoing(&mut self, asked: Option<&RequestId>) {
        let mut answers = 0;
        for message in self.server.take_outgoing() {
            match message {
                Message::Response(Response { id, response_result }) => {
                    assert_eq!(Some(&id), asked, "an answer to no question");
                    answers += 1;
                    let error = response_result.err().filter(|error| error.code == ErrorCode::InternalError as i32);
                    assert!(error.is_none(), "{error:?}");
                }
                Message::Notification(notice) => self.check_notice(&notice),
                Message::Request(_) => {}
            }
        }
        assert_eq!(answers, usize::from(asked.is_some()), "each request has one answer");
    }

    fn check_notice(&self, notice: &Notification) {
        let uri = notice.params["uri"].as_str().unwrap_or_default();
        let Some(text) = self.open.get(uri) else { return };
        let lines = text.matches('\n').count() as u64;
        for diagnostic in notice.params["diagnostics"].as_array().into_iter().flatten() {
            let line = |side: &str| diagnostic["range"][side]["line"].as_u64().expect("a line");
            assert!(line("start") <= line("end") && line("end") <= lines, "{diagnostic} is not in the text");
        }
    }
}
