//! Diagnostics: the findings of `check` in what is typed.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::client::{Client, address};
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

const BASE: &str = "data:\n  LOG_LEVEL: info\n  PORT: { value: 8080, type: integer }\n";

fn project(dev: &str) -> Sandbox {
    Sandbox::new([("environments/base.yaml", BASE), ("environments/dev.yaml", dev)])
}

/// The code and the message of each, without hints.
fn codes(diagnostics: &Json) -> Vec<String> {
    let code = |it: &Json| format!("{} {}", it["code"].as_str().unwrap(), it["range"]["start"]);
    diagnostics.as_array().unwrap().iter().map(code).collect()
}

#[test]
fn a_finding_is_reported_while_it_is_typed_and_cleared_when_it_is_fixed() {
    let sandbox = project("data:\n  PORT: 1\n");
    let mut client = Client::open(&sandbox);
    assert_eq!(client.open_text("environments/dev.yaml", "data:\n  PORT: 1\n"), json!([]));
    let found = client.change("environments/dev.yaml", "data:\n  😀: {}\n  LOG_LEVL: debug\n  PORT: many\n");
    record(client.shown(&found));
    // broken, then well again
    let found = client.change("environments/dev.yaml", "data:\n  PORT: [\n");
    record(client.shown(&found));
    assert_eq!(client.change("environments/dev.yaml", "data:\n  PORT: 2\n"), json!([]));
    assert!(client.diagnostics.is_empty());
    assert_eq!(sandbox.read("environments/dev.yaml"), "data:\n  PORT: 1\n");
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn a_change_without_a_version_is_a_change() {
    let sandbox = project("");
    let mut client = Client::open(&sandbox);
    client.open_text("environments/dev.yaml", "");
    let document = json!({ "uri": client.uri("environments/dev.yaml"), "version": null });
    let changes = json!([{ "text": "data: { NO: 1 }\n" }]);
    client.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    client.request("septum/nothing", json!({}));
    assert_eq!(codes(&client.diagnostics["environments/dev.yaml"]).len(), 1);
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn a_finding_in_another_file_is_reported_there() {
    let sandbox = project("data:\n  LOG_LEVEL: debug\n");
    let mut client = Client::open(&sandbox);
    client.open_text("environments/base.yaml", BASE);
    assert!(client.diagnostics.is_empty());
    client.change("environments/base.yaml", "data:\n  PORT: { value: 8080, type: integer }\n");
    assert_eq!(client.diagnostics.keys().collect::<Vec<_>>(), ["environments/dev.yaml"]);
    assert_eq!(codes(&client.diagnostics["environments/dev.yaml"])[0].split(' ').next(), Some("unknown-key"));
    client.close("environments/base.yaml");
    // as on the disk
    assert!(client.diagnostics.is_empty());
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn files_that_are_not_of_a_project_have_no_findings() {
    let sandbox = Sandbox::new([("notes.yaml", "a: [\n")]).file("gr ü%e/base.yaml", "data: {}\n");
    let sandbox = sandbox.file("gr ü%e/dev.yaml", "data: { A: 1 }\n");
    let mut client = Client::open(&sandbox);
    assert_eq!(client.open_text("notes.yaml", "a: [\n"), json!([]));
    assert_eq!(client.open_text("none/such/directory.yaml", "a: [\n"), json!([]));
    for uri in ["untitled:Untitled-1", "file://elsewhere/a.yaml", "git:/a.yaml?x", "file:///", "file:///dev/null"] {
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": "data: [" });
        client.notify("textDocument/didOpen", json!({ "textDocument": document }));
        client.at("textDocument/hover", uri, 0, 0, json!({}));
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }
    let outside = address(&sandbox.outside().join("x.yaml"));
    let document = json!({ "uri": outside, "languageId": "yaml", "version": 1, "text": "a: [" });
    client.notify("textDocument/didOpen", json!({ "textDocument": document }));
    assert!(client.diagnostics.is_empty());
    // an address of other characters than those of the protocol
    let found = client.open_text("gr%20%C3%BC%25e/dev.yaml", "data: { A: 1 }\n");
    assert_eq!(codes(&found).len(), 1, "{found}");
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn a_file_that_is_removed_while_it_is_open_has_the_text_of_the_editor() {
    let sandbox = project("");
    let mut client = Client::open(&sandbox);
    client.open_text("environments/dev.yaml", "data: { NO: 1 }\n");
    std::fs::remove_file(sandbox.path("environments/dev.yaml")).unwrap();
    assert_eq!(codes(&client.change("environments/dev.yaml", "data: { NO: 2 }\n")).len(), 1);
    std::fs::remove_dir_all(sandbox.path("environments")).unwrap();
    client.change("environments/dev.yaml", "data: { NO: 3 }\n");
    client.at("textDocument/hover", "environments/dev.yaml", 0, 9, json!({}));
    client.close("environments/dev.yaml");
    assert!(client.diagnostics.is_empty(), "{:?}", client.diagnostics);
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn a_large_text_is_refused_as_a_large_file_is() {
    let sandbox = project("");
    let mut client = Client::open(&sandbox);
    let large = format!("data:\n  LOG_LEVEL: {}\n", "é😀".repeat(2 << 20));
    client.open_text("environments/dev.yaml", &large);
    let found: Vec<_> = client.diagnostics.values().flat_map(codes).collect();
    assert_eq!(found, ["file-too-big {\"line\":0,\"character\":0}"]);
    client.at("textDocument/completion", "environments/dev.yaml", 1, 5_000_000, json!({}));
    assert_eq!(client.change("environments/dev.yaml", ""), json!([]));
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn what_an_editor_saves_or_reports_is_read_again() {
    let sandbox = project("");
    let mut client = Client::open(&sandbox);
    client.open_text("environments/dev.yaml", "data: { NEW: 1 }\n");
    assert_eq!(client.diagnostics.len(), 1);
    // another program changes the base
    sandbox.write("environments/base.yaml", "data:\n  NEW: x\n");
    let event = json!({ "uri": client.uri("environments/base.yaml"), "type": 2 });
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [event] }));
    client.request("septum/nothing", json!({}));
    assert!(client.diagnostics.is_empty(), "{:?}", client.diagnostics);
    sandbox.write("environments/base.yaml", BASE);
    client.notify("textDocument/didSave", json!({ "textDocument": { "uri": client.uri("environments/dev.yaml") } }));
    client.request("septum/nothing", json!({}));
    assert_eq!(client.diagnostics.len(), 1);
    assert_eq!(client.shut_down(), 0);
}

/// Files of a project of two apps that share layers, with a secret.
fn monorepo() -> Sandbox {
    let sandbox = Sandbox::with_identities();
    for (name, text) in FILES {
        sandbox.write(name, text);
    }
    sandbox.encrypted("shared/prod.secrets.yaml", format!("vars:\n  shared: {CANARY}-shared\n"));
    sandbox.encrypted("apps/a/prod.secrets.yaml", format!("data:\n  PASSWORD: {CANARY}-password\n"));
    sandbox
}

const FILES: [(&str, &str); 9] = [
    ("septum.yaml", "apps: [\"apps/*\"]\nshared: shared\n"),
    ("shared/base.yaml", "vars:\n  domain: example.com\n"),
    ("shared/prod.yaml", "vars:\n  domain: example.org\n"),
    ("apps/a/base.yaml", "data:\n  HOST: \"{{ vars.domain }}\"\n  PASSWORD: { sensitive: true, required: true }\n"),
    ("apps/a/dev.yaml", "data:\n  PASSWORD: changeme\n"),
    ("apps/a/prod.yaml", ""),
    ("apps/b/base.yaml", "data:\n  HOST: \"b.{{ vars.domain }}\"\n  MODE: { value: fast, enum: [fast, slow] }\n"),
    ("apps/b/dev.yaml", ""),
    ("apps/b/prod.yaml", "data:\n  MODE: slow\n"),
];

/// Texts that are typed, of any file: whole, half, and wrong.
fn edits() -> impl Strategy<Value = Vec<(usize, String)>> {
    let pieces = prop_oneof![
        Just("vars:\n  domain: example.net\n"),
        Just("vars:\n  dom: x\n"),
        Just("data:\n  HOST: here\n"),
        Just("data:\n  HOTS: here\n"),
        Just("data:\n  HOST: \"{{ vars.doman }}\"\n"),
        Just("data:\n  MODE: sideways\n"),
        Just("data:\n  MODE: {"),
        Just("extends: [none]\n"),
        Just("allow:\n  - { rule: unused-entry, key: HOST, reason: why }\n"),
        Just("data:\n  DATABASE_URL: postgres://app:S3cr3tP4ss@db.example.com/x\n"),
        Just("apps: [\"apps/*\"]\nshared: shared\n"),
        Just("apps: [\"apps/b\"]\n"),
        Just("apps: [nowhere]\n"),
        Just("app: b\n"),
        Just(""),
        Just("\u{1F600}: 1\n"),
    ];
    let edit = prop_oneof![
        4 => (0..FILES.len(), pieces.prop_map(str::to_owned)),
        2 => (0..FILES.len()).prop_map(|file| (file, FILES[file].1.to_owned())),
        1 => (0..FILES.len(), 0..40_usize).prop_map(|(file, length)| {
            (file, FILES[file].1.chars().take(length).collect())
        }),
    ];
    proptest::collection::vec(edit, 1..8)
}

/// What a finding is about, as both report it.
fn subject(file: &str, line: u64, column: u64, rule: &Json, severity: &str) -> String {
    format!("{file}:{line}:{column} {} {severity}", rule.as_str().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("SEPTUM_LSP_CASES").map_or(4, |cases| cases.parse().unwrap()),
        max_shrink_iters: 40,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_diagnostics_after_any_edits_are_the_findings_of_check(edits in edits(), saves in any::<u64>()) {
        let sandbox = monorepo();
        let mut client = Client::open(&sandbox);
        let mut open = std::collections::BTreeSet::new();
        for (index, (file, text)) in edits.iter().enumerate() {
            let name = FILES[*file].0;
            if open.insert(name) {
                client.open_text(name, text);
            } else {
                client.change(name, text);
            }
            if saves >> index & 1 == 1 {
                sandbox.write(name, text);
                client.notify("textDocument/didSave", json!({ "textDocument": { "uri": client.uri(name) } }));
            }
            if (saves >> (index + 16)).trailing_zeros() >= 3 && open.len() > 1 {
                // what is closed without saving is lost
                client.close(name);
                open.remove(name);
            }
        }
        client.request("septum/nothing", json!({}));
        let texts: std::collections::BTreeMap<_, _> = edits.iter().map(|(file, text)| (FILES[*file].0, text)).collect();
        for name in &open {
            sandbox.write(name, texts[name]);
        }
        let mut expected: Vec<String> = Vec::new();
        let run = sandbox.run(&["check", "--keyless", "--format", "json"]);
        let report: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| json!({ "findings": [] }));
        for finding in report["findings"].as_array().unwrap() {
            // what is about no file is shown where the project begins
            let file = finding["file"].as_str().unwrap_or("septum.yaml");
            let (line, column) = (finding["line"].as_u64().unwrap_or(1), finding["column"].as_u64().unwrap_or(1));
            expected.push(subject(file, line, column, &finding["rule"], finding["severity"].as_str().unwrap()));
        }
        let mut found: Vec<String> = Vec::new();
        for (file, diagnostics) in &client.diagnostics {
            for it in diagnostics.as_array().unwrap() {
                let start = &it["range"]["start"];
                let (line, column) = (start["line"].as_u64().unwrap() + 1, start["character"].as_u64().unwrap() + 1);
                let severity = if it["severity"] == 1 { "error" } else { "warning" };
                found.push(subject(file, line, column, &it["code"], severity));
            }
        }
        // a project file that cannot be read is an error of the command itself
        if run.stdout.is_empty() {
            prop_assert!(!found.is_empty());
        } else {
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(client.shut_down(), 0);
    }
}
