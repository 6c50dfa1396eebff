//! Renaming and code actions: changes that the editor makes.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::client::Client;
use super::names::{ask, checkout, mark};
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

/// Applies the edit of an answer to the texts of files.
fn apply(client: &Client, edit: &Json, texts: &mut BTreeMap<String, String>) {
    for change in edit["documentChanges"].as_array().expect("changes") {
        let uri = change["textDocument"]["uri"].as_str().unwrap();
        let text = texts.get_mut(&uri.replace(&client.uri(""), "")).expect("a known file");
        let mut edits: Vec<_> = change["edits"].as_array().unwrap().iter().collect();
        edits.reverse();
        for edit in edits {
            let offset = |position: &Json| {
                let (line, column) = (position["line"].as_u64().unwrap(), position["character"].as_u64().unwrap());
                let before: usize = text.split_inclusive('\n').take(usize::try_from(line).unwrap()).map(str::len).sum();
                let rest = &text[before..];
                let units = |(at, _): &(usize, char)| rest[..*at].encode_utf16().count() as u64 == column;
                before + rest.char_indices().find(units).map_or(rest.len(), |(at, _)| at)
            };
            let range = offset(&edit["range"]["start"])..offset(&edit["range"]["end"]);
            text.replace_range(range, edit["newText"].as_str().unwrap());
        }
    }
}

fn texts(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let all = sandbox.all().into_iter();
    all.filter_map(|(name, bytes)| Some((name, String::from_utf8(bytes).ok()?))).collect()
}

#[test]
fn renaming_a_key_changes_what_the_command_changes() {
    let sandbox = checkout();
    let mut client = Client::open(&sandbox);
    let base = sandbox.read("environments/base.yaml");
    let text = mark(&base, "LOG_LEVEL", 0);
    let prepared = ask(&mut client, "textDocument/prepareRename", "environments/base.yaml", &text, json!({}));
    assert_eq!(prepared["placeholder"], "LOG_LEVEL");
    let edit =
        ask(&mut client, "textDocument/rename", "environments/base.yaml", &text, json!({ "newName": "VERBOSITY" }));
    let mut renamed = texts(&sandbox);
    apply(&client, &edit, &mut renamed);
    let run = sandbox.run(&["rename", "LOG_LEVEL", "VERBOSITY"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(renamed, texts(&sandbox));
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn renaming_uses_what_is_typed_and_not_what_is_saved() {
    let sandbox = Sandbox::new([("environments/base.yaml", "data:\n  A: 1\n"), ("environments/dev.yaml", "")]);
    let mut client = Client::open(&sandbox);
    client.open_text("environments/dev.yaml", "data:\n  😀: 1\n  A: 2 # 😀\n");
    client.change("environments/dev.yaml", "# 😀\ndata: { A: 2 }\n");
    let edit = ask(
        &mut client,
        "textDocument/rename",
        "environments/base.yaml",
        "data:\n  ¦A: 1\n",
        json!({ "newName": "B" }),
    );
    let typed = [("environments/base.yaml", "data:\n  A: 1\n"), ("environments/dev.yaml", "# 😀\ndata: { A: 2 }\n")];
    let mut typed = typed.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    apply(&client, &edit, &mut typed);
    let expected = ["data:\n  B: 1\n", "# 😀\ndata: { B: 2 }\n"];
    assert_eq!(typed.values().collect::<Vec<_>>(), expected);
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn an_edit_repeats_no_value_of_its_line() {
    let base =
        format!("data:\n  DB_PASSWORD: {{ value: {CANARY}, sensitive: true }}\n  B: \"{{{{ data.DB_PASSWORD }}}}\"\n");
    let dev = format!("data:\r\n  DB_PASSWORD: {CANARY} # 😀\r\n  B: {CANARY}\r\n");
    let sandbox = Sandbox::new([("environments/base.yaml", &*base), ("environments/dev.yaml", &*dev)]);
    let mut client = Client::open(&sandbox);
    client.open_text("environments/dev.yaml", &dev);
    // the client looks for the value in every message
    let edit = client.at("textDocument/rename", "environments/dev.yaml", 1, 4, json!({ "newName": "DATABASE_KEY" }));
    let mut renamed = texts(&sandbox);
    apply(&client, &edit, &mut renamed);
    assert_eq!(sandbox.run(&["rename", "DB_PASSWORD", "DATABASE_KEY"]).code, 0);
    assert_eq!(renamed, texts(&sandbox));
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn what_cannot_be_renamed_is_refused_with_the_reason() {
    let sandbox = checkout();
    let mut client = Client::open(&sandbox);
    let base = sandbox.read("environments/base.yaml");
    let mut shown = Vec::new();
    for (word, nth, new) in [
        ("PASSWORD", 0, "SECRET_KEY"),
        ("LOG_LEVEL", 0, "PORT"),
        ("LOG_LEVEL", 0, "no name"),
        ("LOG_LEVEL", 0, ""),
        ("domain", 0, "zone"),
        ("info", 0, "x"),
        ("URL", 0, "SITE_TOKEN"),
    ] {
        let text = mark(&base, word, nth);
        let refused =
            ask(&mut client, "textDocument/rename", "environments/base.yaml", &text, json!({ "newName": new }));
        shown.push(format!("{word} {new:?}\n{}", refused["error"]["message"].as_str().unwrap_or("not refused")));
    }
    client.change("environments/base.yaml", "data: [");
    let refused = client.at("textDocument/rename", "environments/base.yaml", 0, 1, json!({ "newName": "X" }));
    shown.push(client.shown(&refused));
    record(shown.join("\n"));
    assert_eq!(client.shut_down(), 0);
}

#[test]
fn a_finding_that_can_be_fixed_in_plaintext_has_an_action_that_fixes_it() {
    let cases = [
        (
            "undeclared",
            "data:\n  DATABASE_PASSWORD: changeme\n",
            "data:\n  DATABASE_PASSWORD: changeme\n",
            "environments/base.yaml",
        ),
        ("a mistyped key", "data:\n  LOG_LEVEL: info\n", "data:\n  LOG_LEVLE: debug\n", "environments/dev.yaml"),
        (
            "a former name",
            "data:\n  NEW: { value: x, renamedFrom: OLD }\n",
            "data:\n  OLD: y\n",
            "environments/dev.yaml",
        ),
        ("a mistyped field", "data:\n  A: { value: 1, typ: integer }\n", "", "environments/base.yaml"),
        ("a mistyped read", "data:\n  HOST: x\n  URL: \"{{ data.HOTS }}\"\n", "", "environments/base.yaml"),
        (
            "a mistyped variable",
            "vars: { domain: x }\ndata:\n  URL: \"{{ vars.domian }}\"\n",
            "",
            "environments/base.yaml",
        ),
    ];
    let mut shown = Vec::new();
    for (case, base, dev, file) in cases {
        let sandbox = Sandbox::new([("environments/base.yaml", base), ("environments/dev.yaml", dev)]);
        let mut client = Client::open(&sandbox);
        let text = sandbox.read(file);
        let found = client.open_text(file, &text);
        let all = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
        let document = json!({ "uri": client.uri(file) });
        let params = json!({ "textDocument": document, "range": all, "context": { "diagnostics": found } });
        let actions = client.request("textDocument/codeAction", params);
        shown.push(format!("{case}: {} findings", found.as_array().unwrap().len()));
        for action in actions.as_array().unwrap() {
            let mut fixed = texts(&sandbox);
            apply(&client, &action["edit"], &mut fixed);
            shown.push(format!("- {}\n{}", action["title"].as_str().unwrap(), fixed[file].trim_end()));
            assert_eq!(action["diagnostics"].as_array().map(Vec::len), Some(1), "{case}: {action}");
            let left = client.change(file, &fixed[file]).as_array().unwrap().len();
            assert!(left < found.as_array().unwrap().len(), "{case}: {left} findings");
            client.change(file, &text);
        }
        assert_eq!(client.shut_down(), 0);
    }
    record(shown.join("\n"));
}

#[test]
fn an_action_replaces_the_name_that_is_wrong_and_nothing_else() {
    let base = "vars: { domain: x }\nbundles: { tls: { data: { K: v } } }\nmanifests: [w/web.yaml]\ndata:\n  HOST: \"{{ vars.domain }}\"\n  \
                app.yaml: { content: { server: { port: 1, hosts: [a] } } }\n";
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { a: b } }\n  template:\n    \
               metadata: { labels: { a: b }, annotations: { septum.dev/env-from: x } }\n    spec: { containers: [{ name: c, image: x }] }\n";
    let content = |text: &str| format!("data: {{ app.yaml: {{ content: {{ server: {{ {text} }} }} }} }}\n");
    let patch =
        |text: &str| format!("patches:\n  - target: {{ kind: Deployment, name: web }}\n    patch: [{{ {text} }}]\n");
    for (file, wrong, right) in [
        // the finding is at the value of the key
        ("dev", content("prot: EUR"), Some(content("port: EUR"))),
        ("dev", content("\"prot\": 81"), Some(content("\"port\": 81"))),
        ("dev", content("'Port' : pors"), Some(content("'port' : pors"))),
        ("dev", content("port: 1").replace("server", "sevrer"), Some(content("port: 1"))),
        (
            "dev",
            patch("op: replace, paht: /spec/replicas, value: 2"),
            Some(patch("op: replace, path: /spec/replicas, value: 2")),
        ),
        ("w/web", web.replace("env-from: x", "env-form: app"), Some(web.replace("env-from: x", "env-from: app"))),
        // the finding is at the field above the name
        (
            "dev",
            "patches: [{ target: { kind: Deployment, name: wbe }, patch: { spec: { paused: true } } }]\n".to_owned(),
            None,
        ),
        // one step of a path is wrong
        (
            "dev",
            "data: { HOST: \"{{ bundles.tsl.K }}\" }\n".to_owned(),
            Some("data: { HOST: \"{{ bundles.tls.K }}\" }\n".to_owned()),
        ),
        (
            "dev",
            "data: { HOST: \"{{ env.nmae }}\" }\n".to_owned(),
            Some("data: { HOST: \"{{ env.name }}\" }\n".to_owned()),
        ),
        (
            "dev",
            "data: { HOST: \"{{ vars.domian }}\" }\n".to_owned(),
            Some("data: { HOST: \"{{ vars.domain }}\" }\n".to_owned()),
        ),
    ] {
        let sandbox = Sandbox::new([
            ("environments/base.yaml", base),
            ("environments/dev.yaml", ""),
            ("environments/w/web.yaml", web),
        ]);
        let file = format!("environments/{file}.yaml");
        sandbox.write(&file, &wrong);
        let mut client = Client::open(&sandbox);
        client.open_text(&file, &wrong);
        let all = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
        let document = json!({ "uri": client.uri(&file) });
        let params = json!({ "textDocument": document, "range": all, "context": { "diagnostics": [] } });
        let actions = client.request("textDocument/codeAction", params);
        let fixed = actions.as_array().unwrap().iter().map(|action| {
            let mut fixed = texts(&sandbox);
            apply(&client, &action["edit"], &mut fixed);
            fixed[&file].clone()
        });
        assert_eq!(fixed.collect::<Vec<_>>(), right.into_iter().collect::<Vec<_>>(), "{wrong}");
        assert_eq!(client.shut_down(), 0);
    }
}

#[test]
fn no_action_decrypts_or_moves_a_secret() {
    let sandbox = checkout();
    let leak = format!("data:\n  DSN: postgres://app:{CANARY}@db.example.com/x\n");
    let mut client = Client::open(&sandbox);
    let found = client.open_text("environments/dev.yaml", &leak);
    assert!(found.as_array().unwrap().iter().any(|it| it["code"] == "plaintext-secret"), "{found}");
    let all = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let document = json!({ "uri": client.uri("environments/dev.yaml") });
    let params = json!({ "textDocument": document, "range": all, "context": { "diagnostics": found } });
    assert_eq!(client.request("textDocument/codeAction", params), json!([]));
    client.at("textDocument/hover", "environments/dev.yaml", 1, 3, json!({}));
    client.at("textDocument/completion", "environments/dev.yaml", 1, 3, json!({}));
    assert_eq!(client.shut_down(), 0);
}
