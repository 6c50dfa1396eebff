//! Completion, hover, definitions, references, symbols: the names of a project.

use serde_json::{Value as Json, json};

use super::client::Client;
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

const BASE: &str = "\
vars:
  domain: example.com
  db: { host: localhost, port: 5432 }
data:
  LOG_LEVEL: { value: info, enum: [debug, info], description: How much is written. }
  PORT: { value: 8080, type: integer }
  PASSWORD: { sensitive: true, required: true, description: Of the database. }
  URL: \"http://{{ vars.domain }}:{{ data.PORT }}/\"
  DSN: \"postgres://app:{{ data.PASSWORD | urlencode }}@{{ vars.db.host }}/x\"
  app.ini: { template: files/app.ini.j2 }
bundles:
  worker:
    data:
      LEVEL: \"{{ bundles.checkout.LOG_LEVEL }}\"
app: checkout
manifests: [\"workloads/*.yaml\"]
";

const WORKLOAD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    spec:
      containers:
        - name: web
          image: registry.example.com:5000/web:1.2
          env:
            - name: LEVEL
              valueFrom: { configMapKeyRef: { name: checkout, key: LOG_LEVEL } }
            - name: PASSWORD
              valueFrom: { secretKeyRef: { name: checkout, key: PASSWORD } }
";

const TEMPLATE: &str = "level = {{ data.LOG_LEVEL }}\nhost = {{ vars.db.host }}\n";

const PROD: &str =
    "extends: [regions/eu]\ndata:\n  LOG_LEVEL: debug\nallow:\n  - { rule: unused-entry, key: PORT, reason: why }\n";

/// A project with a secret, and a mixin.
pub(super) fn checkout() -> Sandbox {
    let sandbox = Sandbox::with_identities();
    for (name, text) in [
        ("environments/base.yaml", BASE),
        ("environments/dev.yaml", "data:\n  PASSWORD: changeme\n"),
        ("environments/prod.yaml", PROD),
        ("environments/regions/eu.yaml", "vars:\n  domain: example.eu\n"),
        ("environments/workloads/web.yaml", WORKLOAD),
        ("environments/files/app.ini.j2", TEMPLATE),
    ] {
        sandbox.write(name, text);
    }
    sandbox.encrypted("environments/prod.secrets.yaml", format!("data:\n  PASSWORD: {CANARY}-password\n"));
    sandbox
}

/// Mark of the cursor in a text.
const MARK: char = '¦';

/// A text without its `¦`, and the line and the column of it.
pub(super) fn marked(text: &str) -> (String, u32, u32) {
    let at = text.find(MARK).expect("a mark");
    let before = &text[..at];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
    (text.replacen(MARK, "", 1), u32::try_from(line).unwrap(), u32::try_from(column).unwrap())
}

/// The text of a file with a mark before the n-th occurrence of a word.
pub(super) fn mark(text: &str, word: &str, nth: usize) -> String {
    let (at, _) = text.match_indices(word).nth(nth).expect("the word");
    format!("{}{MARK}{}", &text[..=at], &text[at + 1..])
}

/// The answer about the `¦` in the text of a file, which stays open.
pub(super) fn ask(client: &mut Client, method: &str, file: &str, text: &str, more: Json) -> Json {
    let (text, line, column) = marked(text);
    client.open_text(file, &text);
    client.at(method, file, line, column, more)
}

fn labels(answer: &Json) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

#[test]
fn names_are_completed_where_they_can_be_written() {
    let sandbox = checkout();
    let mut client = Client::open(&sandbox);
    let mut shown = Vec::new();
    for (file, text) in [
        ("environments/prod.yaml", "data:\n  ¦"),
        ("environments/prod.yaml", "data:\n  LOG_LEVEL: debug\n  P¦\n  PORT: 1\n"),
        ("environments/prod.yaml", "data:\n  \"P¦\": 1\n"),
        ("environments/prod.yaml", "data:\n  LOG_LEVEL: ¦"),
        ("environments/prod.yaml", "data:\n  PORT: { v¦"),
        ("environments/prod.yaml", "data:\n  PORT:\n    type: ¦"),
        ("environments/prod.yaml", "data:\n  PASSWORD: ¦"),
        ("environments/prod.yaml", "data:\n  URL: \"{{ ¦"),
        ("environments/prod.yaml", "data:\n  URL: \"{{ data.¦"),
        ("environments/prod.yaml", "data:\n  URL: \"{{ vars.d¦"),
        ("environments/prod.yaml", "data:\n  URL: \"{{ vars.db.¦"),
        ("environments/prod.yaml", "data:\n  URL: \"{{ bundles.¦"),
        ("environments/prod.yaml", "data:\n  URL: \"{{ bundles.worker.¦"),
        ("environments/prod.yaml", "vars:\n  ¦"),
        ("environments/prod.yaml", "vars:\n  db:\n    h¦"),
        ("environments/prod.yaml", "bundles:\n  w¦"),
        ("environments/prod.yaml", "bundles:\n  worker:\n    data:\n      ¦"),
        ("environments/prod.yaml", "bundles:\n  worker:\n    names: ¦"),
        ("environments/prod.yaml", "extends: [¦"),
        ("environments/prod.yaml", "extends:\n  - ¦"),
        ("environments/prod.yaml", "allow:\n  - key: ¦"),
        ("environments/prod.yaml", "allow:\n  - rule: x\n    ¦"),
        ("environments/prod.yaml", "allow:\n  - bundle: ¦"),
        ("environments/prod.yaml", "allow:\n  - { rule: x, key: LEVEL, bundle: ¦ }"),
        ("environments/prod.yaml", "allow:\n  - rule: x\n    key: PORT\n    bundle: ¦"),
        ("environments/prod.yaml", "varRules:\n  ¦"),
        ("environments/prod.yaml", "images:\n  ¦"),
        ("environments/prod.yaml", "replicas: { ¦"),
        ("environments/prod.yaml", "delivery: { secrets: ¦"),
        ("environments/prod.yaml", "delivery:\n  ¦"),
        ("environments/files/app.ini.j2", "x = {{ data.¦"),
        ("environments/workloads/web.yaml", "kind: ¦"),
    ] {
        let answer = ask(&mut client, "textDocument/completion", file, text, json!({}));
        shown.push(format!("{file} {text:?}\n  {}", labels(&answer).join(" ")));
    }
    let rules =
        ask(&mut client, "textDocument/completion", "environments/prod.yaml", "allow:\n  - rule: un¦", json!({}));
    assert!(labels(&rules).contains(&"undeclared-secret") && !labels(&rules).contains(&"invalid-yaml"), "{rules}");
    let whole = ask(&mut client, "textDocument/completion", "environments/prod.yaml", "data:\n  LOG¦", json!({}));
    shown.push(client.shown(&whole));
    record(shown.join("\n"));
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn a_completed_name_is_that_name_in_quotes_or_not() {
    let base =
        "data:\n  LOG_LEVEL: { value: a, enum: [a, 'null', '1.10', 'x: y', \"it's\", '#c', 'q\"b\\'] }\n  \"on\": x\n";
    let sandbox = Sandbox::new([("environments/base.yaml", base), ("environments/prod.yaml", "")]);
    let mut client = Client::open(&sandbox);
    let mut shown = Vec::new();
    for (text, after) in [
        ("data:\n  ¦\n", " x"),
        ("data:\n  \"¦\n", " x"),
        ("data:\n  \"o¦\"\n", " x"),
        ("data:\n  'LO¦'\n", " x"),
        ("data:\n  \"LO¦\": x\n", ""),
        ("data:\n  'o¦': x\n", ""),
        ("data: { \"o¦\"", " x }"),
        ("data:\n  LOG_LEVEL: ¦\n", ""),
        ("data:\n  LOG_LEVEL: \"¦\n", ""),
        ("data:\n  LOG_LEVEL: \"¦\"\n", ""),
        ("data:\n  LOG_LEVEL: '¦'\n", ""),
        ("data:\n  LOG_LEVEL: { value: \"x\", type: ¦ }\n", ""),
    ] {
        let answer = ask(&mut client, "textDocument/completion", "environments/prod.yaml", text, json!({}));
        let (plain, line, _) = marked(text);
        for item in answer["items"].as_array().unwrap() {
            let edit = &item["textEdit"];
            let column = |end: &str| usize::try_from(edit["range"][end]["character"].as_u64().unwrap()).unwrap();
            let start: usize = plain.split_inclusive('\n').take(line as usize).map(str::len).sum();
            let mut text = plain.clone();
            let new = edit["newText"].as_str().unwrap();
            text.replace_range(start + column("start")..start + column("end"), new);
            let written = text.trim_end().to_owned() + after;
            shown.push(written.clone());
            let read: Json = serde_yaml::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            let data = read["data"].as_object().unwrap();
            let (key, value) = data.iter().next().unwrap();
            let label = item["label"].as_str().unwrap();
            let is_there = key == label || value.as_str() == Some(label) || value["type"] == label;
            // the text of a number is kept
            assert!(data.len() == 1 && (is_there || label == "1.10"), "{label}: {written}");
        }
    }
    record(shown.join("\n"));
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn hovering_explains_what_is_named() {
    let sandbox = checkout();
    let mut client = Client::open(&sandbox);
    let mut shown = Vec::new();
    for (file, text) in [
        ("environments/base.yaml", mark(BASE, "LOG_LEVEL", 0)),
        ("environments/base.yaml", mark(BASE, "PASSWORD", 1)),
        ("environments/base.yaml", mark(BASE, "host }}", 0)),
        ("environments/prod.yaml", mark(PROD, "LOG_LEVEL", 0)),
        ("environments/prod.yaml", mark(PROD, "PORT", 0)),
        ("environments/files/app.ini.j2", mark(TEMPLATE, "LOG_LEVEL", 0)),
        ("environments/workloads/web.yaml", mark(WORKLOAD, "PASSWORD }", 0)),
        ("environments/prod.yaml", mark(PROD, "debug", 0)),
        ("environments/prod.yaml", "data: [¦".to_owned()),
    ] {
        let answer = ask(&mut client, "textDocument/hover", file, &text, json!({}));
        let line = text.lines().find(|line| line.contains(MARK)).unwrap();
        shown.push(format!("{file}: {}", line.trim()));
        shown.push(match answer["contents"]["value"].as_str() {
            Some(value) => format!("{}{value}", answer["range"]),
            None => answer.to_string(),
        });
        // the next question is about what is saved
        client.close(file);
    }
    let secret = sandbox.read("environments/prod.secrets.yaml");
    let answer = ask(
        &mut client,
        "textDocument/hover",
        "environments/prod.secrets.yaml",
        &mark(&secret, "PASSWORD", 0),
        json!({}),
    );
    shown.push(answer["contents"]["value"].as_str().unwrap().to_owned());
    record(shown.join("\n"));
    assert_eq!(client.shut_down(), 0);
}

/// Places of an answer, as editors list them.
fn places(client: &Client, answer: &Json) -> String {
    let place = |it: &Json| {
        let (start, end) = (&it["range"]["start"], &it["range"]["end"]);
        let uri = it["uri"].as_str().unwrap().replace(&client.uri(""), "");
        format!("  {uri}:{}:{}-{}", start["line"], start["character"], end["character"])
    };
    answer.as_array().map_or_else(|| format!("  {answer}"), |all| all.iter().map(place).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_name_leads_to_its_definition_and_to_all_its_uses() {
    let sandbox = checkout();
    let mut client = Client::open(&sandbox);
    let mut shown = Vec::new();
    for (file, text) in [
        ("environments/base.yaml", mark(BASE, "LOG_LEVEL", 0)),
        ("environments/base.yaml", mark(BASE, "domain }}", 0)),
        ("environments/base.yaml", mark(BASE, "files/app.ini.j2", 0)),
        ("environments/prod.yaml", mark(PROD, "LOG_LEVEL", 0)),
        ("environments/prod.yaml", mark(PROD, "regions/eu", 0)),
        ("environments/workloads/web.yaml", mark(WORKLOAD, "PASSWORD }", 0)),
        ("environments/files/app.ini.j2", mark(TEMPLATE, "host }}", 0)),
        ("environments/prod.yaml", mark(PROD, "debug", 0)),
    ] {
        let line = text.lines().find(|line| line.contains(MARK)).unwrap();
        shown.push(format!("{file}: {}", line.trim()));
        let answer = ask(&mut client, "textDocument/definition", file, &text, json!({}));
        shown.push(format!(" definition\n{}", places(&client, &answer)));
        let context = json!({ "context": { "includeDeclaration": true } });
        let answer = ask(&mut client, "textDocument/references", file, &text, context);
        shown.push(format!(" references\n{}", places(&client, &answer)));
        client.close(file);
    }
    let context = json!({ "context": { "includeDeclaration": false } });
    let answer = ask(&mut client, "textDocument/references", "environments/base.yaml", &mark(BASE, "PORT", 0), context);
    shown.push(format!("PORT, without its definition\n{}", places(&client, &answer)));
    record(shown.join("\n"));
    assert_eq!(client.shut_down(), 0);
}

/// Names of symbols with their places, indented by depth.
fn names(symbols: &Json, indent: &str, out: &mut Vec<String>) {
    for symbol in symbols.as_array().into_iter().flatten() {
        let start = &symbol["selectionRange"]["start"];
        out.push(format!("{indent}{} {}:{}", symbol["name"].as_str().unwrap(), start["line"], start["character"]));
        names(&symbol["children"], &format!("{indent}  "), out);
    }
}

#[test]
fn a_document_has_an_outline() {
    let sandbox = checkout();
    let mut client = Client::open(&sandbox);
    client.open_text("environments/base.yaml", BASE);
    let answer = client.at("textDocument/documentSymbol", "environments/base.yaml", 0, 0, json!({}));
    let mut shown = Vec::new();
    names(&answer, "", &mut shown);
    record(shown.join("\n"));
    client.change("environments/base.yaml", "data: [");
    assert_eq!(client.at("textDocument/documentSymbol", "environments/base.yaml", 0, 0, json!({})), json!([]));
    assert_eq!(client.shut_down(), 0);
}
