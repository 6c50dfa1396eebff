//! How long answers to a keystroke take in projects of 1, 100 and 1,000 apps: the check of what is typed, completion
//! and hover. `cargo bench --bench lsp` prints milliseconds.

#![allow(clippy::print_stdout, clippy::expect_used)] // a program of its own, whose result is what it prints

#[path = "../measure/mod.rs"]
mod measure;

use std::fs;
use std::path::Path;

use lsp_server::{Message, Notification, Request};
use septum::lsp::LanguageServer;
use septum::sops::Timestamp;
use serde_json::{Value, json};

/// How many times each is measured.
const RUNS: usize = 31;

fn main() {
    println!("{:>8}  {:>8}  {:>8}  {:>10}  {:>8}  {:>8}", "apps", "open", "change", "completion", "hover", "shared");
    for apps in [1, 100, 1000] {
        let directory = tempfile::tempdir().expect("a directory");
        write_project(directory.path(), apps);
        let mut client = InProcessClient::start(directory.path());
        let base = "environments-0/prod.yaml";
        let opened = measure::sorted_times(1, || client.open(base, "data:\n  LOG_LEVEL: info\n"));
        let mut count = 0;
        let change = measure::sorted_times(RUNS, || {
            count += 1;
            client.change(base, &format!("data:\n  LOG_LEVEL: info{count}\n  UNKNOWN{count}: x\n"));
        });
        client.change(base, "data:\n  LOG_LEVEL: info\n  ");
        let completion = measure::sorted_times(RUNS, || client.ask("textDocument/completion", base, 2, 2));
        client.change(base, "data:\n  LOG_LEVEL: info\n");
        let hover = measure::sorted_times(RUNS, || client.ask("textDocument/hover", base, 1, 4));
        client.open("shared/base.yaml", "vars:\n  domain: example.com\n");
        let shared = measure::sorted_times(3, || {
            count += 1;
            client.change("shared/base.yaml", &format!("vars:\n  domain: example{count}.com\n"));
        });
        let median = |times: &[f64]| times.get(times.len() / 2).copied().unwrap_or_default();
        println!(
            "{apps:>8}  {:>8.1}  {:>8.1}  {:>10.1}  {:>8.1}  {:>8.1}",
            median(&opened),
            median(&change),
            median(&completion),
            median(&hover),
            median(&shared),
        );
    }
}

/// Writes a project: each app has 20 keys, 3 environments and a workload.
fn write_project(root: &Path, apps: usize) {
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write("septum.yaml", "apps: [\"environments-*\"]\nshared: shared\n");
    write("shared/base.yaml", "vars:\n  domain: example.com\n");
    let keys = (0..20).map(|key| format!("  KEY_{key}: value-{key}\n")).collect::<Vec<_>>().concat();
    for app in 0..apps {
        let at = |file: &str| format!("environments-{app}/{file}");
        let url = "  URL: \"https://{{ app.name }}.{{ vars.domain }}/\"\n";
        write(
            &at("base.yaml"),
            &format!("app: app-{app}\ndata:\n  LOG_LEVEL: info\n{url}{keys}manifests: [\"workloads/*.yaml\"]\n"),
        );
        for environment in ["dev", "staging", "prod"] {
            write(&at(&format!("{environment}.yaml")), "data:\n  LOG_LEVEL: debug\n");
        }
        write(&at("workloads/web.yaml"), &workload(app));
    }
}

fn workload(app: usize) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "web", "image": "web:1", "env": [{ "name": "LOG", "valueFrom": {
                "configMapKeyRef": { "name": format!("app-{app}"), "key": "LOG_LEVEL" } } }] }] } } },
    })
    .to_string()
}

/// A client in the same process: what is measured are the answers, and not the streams.
struct InProcessClient {
    server: LanguageServer,
    root: String,
    sent: i32,
}

impl InProcessClient {
    fn start(root: &Path) -> Self {
        let mut server = LanguageServer::new(|| Timestamp::from_system_time(std::time::SystemTime::now()));
        let params = json!({ "capabilities": {} });
        server.receive(Request::new(0.into(), "initialize".to_owned(), params).into());
        let root = fs::canonicalize(root).expect("a directory");
        Self { server, root: format!("file://{}", root.display()), sent: 0 }
    }

    fn send(&mut self, message: impl Into<Message>) {
        self.server.receive(message.into());
        self.server.settle();
        assert!(!self.server.take_outgoing().is_empty(), "nothing is answered");
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(Notification::new(method.to_owned(), params));
    }

    fn open(&mut self, file: &str, text: &str) {
        self.sent += 1;
        let uri = format!("{}/{file}", self.root);
        let document = json!({ "uri": uri, "languageId": "yaml", "version": self.sent, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, file: &str, text: &str) {
        self.sent += 1;
        let document = json!({ "uri": format!("{}/{file}", self.root), "version": self.sent });
        let params = json!({ "textDocument": document, "contentChanges": [{ "text": text }] });
        self.notify("textDocument/didChange", params);
    }

    fn ask(&mut self, method: &str, file: &str, line: u32, character: u32) {
        self.sent += 1;
        let document = json!({ "uri": format!("{}/{file}", self.root) });
        let params = json!({ "textDocument": document, "position": { "line": line, "character": character } });
        self.send(Request::new(self.sent.into(), method.to_owned(), params));
    }
}
