//! A small client of the language server: it speaks the protocol over the standard streams of the program.

#![allow(clippy::needless_pass_by_value, reason = "values that are written where they are passed")]

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value as Json, json};

use crate::support::sandbox::{CANARY, Sandbox};

/// A session with the program.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    root: String,
    next: i32,
    versions: BTreeMap<String, i32>,
    /// Messages that no answer was waited for yet.
    notices: VecDeque<Json>,
    /// Diagnostics as the server published them last.
    pub(crate) diagnostics: BTreeMap<String, Json>,
}

impl Client {
    /// Starts the program.
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let mut command = sandbox.command(&["lsp"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let root = address(&std::fs::canonicalize(sandbox.root()).unwrap());
        Self {
            input: child.stdin.take(),
            child,
            output,
            root,
            next: 1,
            versions: BTreeMap::new(),
            notices: VecDeque::new(),
            diagnostics: BTreeMap::new(),
        }
    }

    /// Starts the program and initializes the session.
    pub(crate) fn open(sandbox: &Sandbox) -> Self {
        let mut client = Self::start(sandbox);
        client.request("initialize", json!({ "processId": null, "rootUri": client.root, "capabilities": {} }));
        client.notify("initialized", json!({}));
        client
    }

    /// The address of a file of the sandbox.
    pub(crate) fn uri(&self, file: &str) -> String {
        format!("{}/{file}", self.root)
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        // the program may have ended
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &Json) {
        let text = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    /// Sends a notification.
    pub(crate) fn notify(&mut self, method: &str, params: Json) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request, and waits for its answer: `result` or `error`.
    pub(crate) fn request(&mut self, method: &str, params: Json) -> Json {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.answer(&json!(id))
    }

    /// Waits for the answer to a request.
    pub(crate) fn answer(&mut self, id: &Json) -> Json {
        loop {
            let message = self.read().expect("an answer");
            if message.get("method").is_none() && message.get("id") == Some(id) {
                let result = message.get("result").cloned();
                return result.unwrap_or_else(|| json!({ "error": message["error"] }));
            }
            self.take(message);
        }
    }

    /// A request about a place, which `|` marks in a line of a file: the text is what is open.
    pub(crate) fn at(&mut self, method: &str, file: &str, line: u32, character: u32, more: Json) -> Json {
        let mut params = json!({
            "textDocument": { "uri": self.uri(file) },
            "position": { "line": line, "character": character },
        });
        if let (Some(params), Json::Object(more)) = (params.as_object_mut(), more) {
            params.extend(more);
        }
        self.request(method, params)
    }

    /// Opens a file with a text, and waits for its diagnostics.
    pub(crate) fn open_text(&mut self, file: &str, text: &str) -> Json {
        let version = *self.versions.entry(file.to_owned()).or_insert(1);
        let document = json!({ "uri": self.uri(file), "languageId": "yaml", "version": version, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        self.published(file, version)
    }

    /// Changes the text of a file, and waits for its diagnostics.
    pub(crate) fn change(&mut self, file: &str, text: &str) -> Json {
        let version = self.versions.get_mut(file).expect("an open file");
        *version += 1;
        let version = *version;
        let document = json!({ "uri": self.uri(file), "version": version });
        let changes = json!([{ "text": text }]);
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
        self.published(file, version)
    }

    /// Closes a file. Whatever is published for it comes before the next answer.
    pub(crate) fn close(&mut self, file: &str) {
        self.versions.remove(file);
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": self.uri(file) } }));
        self.request("septum/nothing", json!({}));
    }

    fn published(&mut self, file: &str, version: i32) -> Json {
        let uri = self.uri(file);
        loop {
            let message = self.read().expect("diagnostics");
            let params = message["params"].clone();
            let is_awaited = params["uri"] == uri.as_str() && params["version"] == version;
            self.take(message);
            if is_awaited {
                // those of other files come before the next answer
                self.request("septum/nothing", json!({}));
                return params["diagnostics"].clone();
            }
        }
    }

    fn take(&mut self, message: Json) {
        if message["method"] == "textDocument/publishDiagnostics" {
            let uri = message["params"]["uri"].as_str().unwrap();
            let file = uri.strip_prefix(&format!("{}/", self.root)).unwrap_or(uri).to_owned();
            let found = message["params"]["diagnostics"].clone();
            if found == json!([]) {
                self.diagnostics.remove(&file);
            } else {
                self.diagnostics.insert(file, found);
            }
        } else {
            self.notices.push_back(message);
        }
    }

    /// The next message that is neither an answer nor diagnostics.
    pub(crate) fn notice(&mut self) -> Json {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return notice;
            }
            let message = self.read().expect("a message");
            self.take(message);
        }
    }

    /// The next message; none at the end. No message contains a canary.
    pub(crate) fn read(&mut self) -> Option<Json> {
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            let value = line.strip_prefix("Content-Length: ").expect("a header of the protocol");
            length = Some(value.trim_end().parse().unwrap());
        }
        let mut body = vec![0; length.expect("a length")];
        self.output.read_exact(&mut body).unwrap();
        let text = String::from_utf8(body).unwrap();
        assert!(!text.contains(CANARY), "a value in {text}");
        let message: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(message["jsonrpc"], "2.0");
        Some(message)
    }

    /// Ends the session as an editor does, and returns the exit code.
    pub(crate) fn shut_down(mut self) -> i32 {
        assert_eq!(self.request("shutdown", Json::Null), Json::Null);
        self.notify("exit", Json::Null);
        self.end().0
    }

    /// Closes the input, and returns the exit code and what was printed for people.
    pub(crate) fn end(mut self) -> (i32, String) {
        drop(self.input.take());
        while self.read().is_some() {}
        let mut printed = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
        assert!(!printed.contains(CANARY), "a value in {printed}");
        (self.child.wait().unwrap().code().unwrap_or(-1), printed)
    }

    /// A message as text, with the directory of the sandbox shortened.
    pub(crate) fn shown(&self, message: &Json) -> String {
        serde_json::to_string_pretty(message).unwrap().replace(&self.root, "file:///PROJECT")
    }
}

/// The address of a path.
pub(crate) fn address(path: &Path) -> String {
    format!("file://{}", path.to_str().unwrap())
}
