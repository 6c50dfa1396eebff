//! Canaries: values planted wherever a secret can be, and looked for in every byte that any command
//! prints, as they are, in base64 of any alignment, in hexadecimal and as in a URL.
//!
//! They may be in one place: the `data` of a Secret that `render` writes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::support::sandbox::{DEMO_KEY, Run, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Deserialize as _;
use serde_yaml::Value;

/// What `prod` puts into Secrets, each as a part of some value.
const RENDERED: [&str; 21] = [
    // encrypted (vectors/canary/prod.plain.yaml)
    "canary-vars/encrypted+41",
    "canary leaf?str&42 ü",
    "7305918264",
    "7305918265",
    "canary-in-a-block-43",
    "canary-around",
    "a-template-44",
    "canary-content-leaf-45",
    "canary-in-base64-46",
    "canary-declared-plain-name-47",
    "canary-partly-encrypted-71",
    // in the plain layers below
    "canary-vars-by-name-01",
    "canary-declared-02",
    "canary-name-03",
    "canary-url-password-04",
    "canary-template-literal-05",
    "canary-in-a-file-06",
    "canary-template-file-07",
    "canary-included-08",
    "canary-typed-09",
    "canary-registry-10",
];

const BASE: &str = r#"app: shop
manifests: ["workloads/*"]
vars:
  smtp: { host: localhost, password: dummy }
  api_password: canary-vars-by-name-01
  deep: { chain: "{{ vars.smtp.password }}" }
data:
  LOG_LEVEL: info
  API_URL: https://api.example.com
  HOST_enc: localhost
  DATABASE_PASSWORD: { sensitive: true, required: true }
  PIN: { type: integer, value: 1234 }
  RATIO: { type: number, value: 0.5 }
  CERTIFICATE: { value: none }
  GREETING: { value: hello }
  NOTE: { value: none }
  BINARY: { value: "" }
  app.yaml: { content: { auth: { token: dummy, url: "x://{{ data.DATABASE_PASSWORD | urlencode }}@h" } } }
  DECLARED: { value: canary-declared-02, sensitive: true }
  API_TOKEN: canary-name-03
  BY_VALUE: "DSN"
  LITERAL: "canary-template-literal-05 {{ data.PIN }}"
  TYPED: { value: canary-typed-09, sensitive: true, type: string, minLength: 3 }
  key.pem: { file: files/key.pem, sensitive: true }
  settings.ini: { template: files/settings.ini.j2 }
  FROM_VARS: "{{ vars.smtp.password }} {{ vars.api_password }}"
  FROM_CHAIN: "{{ vars.deep.chain | b64encode }}"
  FROM_ENCODED: "{{ data.BINARY | b64decode }} {{ data.DATABASE_PASSWORD | urlencode }} {{ data.DATABASE_PASSWORD | tojson }}"
  CONDITIONAL: "{% if data.PIN > 7000000000 %}big{% else %}small{% endif %}"
  PUBLIC: "{{ declassify(data.DATABASE_PASSWORD | length, 'a length says little') }}"
bundles:
  pull:
    registries:
      ghcr.io: { username: robot, password: canary-registry-10 }
"#;

/// Objects of the app that take secrets in every way that is allowed.
const WORKLOADS: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    metadata:
      annotations: { septum.dev/env-from: shop, septum.dev/mount: "shop:/etc/shop" }
    spec: { containers: [{ name: web, image: "web:1" }] }
---
apiVersion: v1
kind: Secret
metadata: { name: "more" }
data: { both: "{{ (data.DATABASE_PASSWORD ~ data.PIN) | b64encode }}" }
"#;

/// The same as one text.
const COMPUTED: &str = r"apiVersion: v1
kind: Secret
metadata: { name: computed }
data:
{%- for number in [1, 2] %}
  part{{ number }}: {{ [data.DATABASE_PASSWORD, vars.smtp.password][number - 1] | b64encode }}
{%- endfor %}
";

/// A project with canaries in all that can hold one.
fn project() -> Sandbox {
    let dsn = format!("postgres{}//app:canary-url-password-04@db/shop", ':');
    Sandbox::read_only()
        .env("SOPS_AGE_KEY_FILE", DEMO_KEY)
        .file("environments/base.yaml", BASE.replace("DSN", &dsn))
        .file("environments/dev.yaml", "data:\n  DATABASE_PASSWORD: dummy\n")
        .file("environments/prod.yaml", "extends: [mixins/mixed]\ndata:\n  LOG_LEVEL: warn\n")
        .file("environments/prod.secrets.yaml", include_str!("../../vectors/canary/prod.secrets.yaml"))
        .file("environments/mixins/mixed.yaml", include_str!("../../vectors/canary/mixed.yaml"))
        .file("environments/files/key.pem", "canary-in-a-file-06\n")
        .file(
            "environments/files/settings.ini.j2",
            "password = {{ data.DATABASE_PASSWORD }}\nliteral = canary-template-file-07\n{% include 'part.ini' %}",
        )
        .file("environments/workloads/web.yaml", WORKLOADS)
        .file("environments/workloads/computed.yaml.j2", COMPUTED)
        .file("environments/files/part.ini", "; canary-included-08\npin = {{ data.PIN }}\n")
}

/// What else is planted: in mistakes, and in encrypted files that are refused.
const PLANTED: [&str; 24] = [
    "canary-label-51",
    "canary-annotation-52",
    "canary-namespace-53",
    "canary-extends-54",
    "canary-undefined-54",
    "canaryIdentifier55",
    "canary-syntax-56",
    "canaryStatement57",
    "canary-unclosed-58",
    "canaryUnclosed59",
    "canary-filter-60",
    "canaryFilter61",
    "canaryKey62",
    "canary-with-rules-63",
    "canary-pattern-64",
    "canary-description-65",
    "canary-deprecated-66",
    "canary-enum-67",
    "canary-path-68",
    "canary-mistake-81",
    "canary mistake 82",
    "canary-mistake-83",
    "canaryMistake84",
    "8273645546",
];

/// Everything by which a canary could be recognised.
fn traces() -> Vec<(&'static str, String)> {
    let mut traces = Vec::new();
    for canary in RENDERED.into_iter().chain(PLANTED) {
        let mut add = |trace: String| traces.push((canary, trace));
        add(canary.to_owned());
        // a part that is cut out of it tells enough
        let chars: Vec<char> = canary.chars().collect();
        if canary.starts_with("canary") {
            add(chars[chars.len() - 8..].iter().collect());
        }
        let bytes = canary.as_bytes();
        let hex = |upper: bool| {
            bytes.iter().fold(String::new(), |mut out, byte| {
                let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
                out
            })
        };
        add(hex(false));
        add(hex(true));
        add(bytes.iter().fold(String::new(), |mut out, &byte| {
            let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let _ = if plain { write!(out, "{}", char::from(byte)) } else { write!(out, "%{byte:02X}") };
            out
        }));
        for offset in 0..3 {
            let shifted = [&b"\0\0"[..offset], bytes].concat();
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let text = engine.encode(&shifted);
                // characters at both ends hold bits of what is beside it
                let start = [0, 2, 3][offset];
                let end = text.len() - usize::from(shifted.len() % 3 != 0);
                add(text[start..end].to_owned());
            }
        }
    }
    traces
}

/// The canary that a text shows, and how.
fn shown(what: &str, text: &str, traces: &[(&str, String)]) -> Option<String> {
    let (canary, trace) = traces.iter().find(|(_, trace)| text.contains(trace))?;
    Some(format!("{what} shows `{canary}` as `{trace}`:\n{text}"))
}

#[track_caller]
fn assert_clean(what: &str, text: &str, traces: &[(&str, String)]) {
    assert_eq!(shown(what, text, traces).unwrap_or_default(), "");
}

#[track_caller]
fn assert_run_clean(what: &str, run: &Run, traces: &[(&str, String)]) {
    assert_clean(what, &run.stdout, traces);
    assert_clean(what, &run.stderr, traces);
}

/// The objects of a manifest in any format.
fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap());
    documents
        .filter(|document| !document.is_null())
        .flat_map(|document| match document.get("items") {
            Some(items) => items.as_sequence().unwrap().clone(),
            None => vec![document],
        })
        .collect()
}

#[test]
fn secrets_are_in_the_data_of_secrets_and_nowhere_else() {
    let (project, traces) = (project(), traces());
    for format in ["yaml", "json", "kyaml"] {
        let run = project.run(&["render", "prod", "-v", "--format", format]);
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
        assert_clean(&format!("render --format {format}"), &run.stderr, &traces);
        let mut found = BTreeSet::new();
        for mut object in objects(&run.stdout) {
            if object["kind"] == "Secret" {
                let data = object.as_mapping_mut().unwrap().remove("data").unwrap();
                for (_, value) in data.as_mapping().unwrap() {
                    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
                    let text = String::from_utf8(bytes).unwrap();
                    let text = format!("{text} {}", unpacked(&text));
                    found.extend(RENDERED.into_iter().filter(|canary| text.contains(canary)));
                }
            }
            assert_clean(&format!("an object as {format}"), &serde_yaml::to_string(&object).unwrap(), &traces);
        }
        // or else the test would prove nothing
        let missing: Vec<_> = RENDERED.iter().filter(|canary| !found.contains(**canary)).collect();
        assert!(missing.is_empty(), "{format}: {missing:?} did not get into a Secret");
    }
}

/// A text without base64, if it is that.
fn unpacked(text: &str) -> String {
    STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[test]
fn views_show_no_secret_with_the_key_or_without() {
    let traces = traces();
    let keys = [
        "LOG_LEVEL",
        "HOST_enc",
        "DATABASE_PASSWORD",
        "PIN",
        "RATIO",
        "CERTIFICATE",
        "GREETING",
        "NOTE",
        "BINARY",
        "app.yaml",
        "DECLARED",
        "API_TOKEN",
        "BY_VALUE",
        "LITERAL",
        "TYPED",
        "key.pem",
        "settings.ini",
        "FROM_VARS",
        "FROM_CHAIN",
        "FROM_ENCODED",
        "CONDITIONAL",
        "PUBLIC",
    ];
    for project in [project(), project().env("SOPS_AGE_KEY_FILE", "")] {
        for format in ["text", "json"] {
            for arguments in [&["list", "--format", format][..], &["list", "prod", "-v", "--format", format]] {
                let run = project.run(arguments);
                assert_eq!(run.code, 0, "{}", run.stderr);
                assert_run_clean(&arguments.join(" "), &run, &traces);
            }
            for key in keys {
                let run = project.run(&["explain", "prod", key, "--format", format]);
                assert_eq!(run.code, 0, "{}", run.stderr);
                assert_run_clean(&format!("explain prod {key} --format {format}"), &run, &traces);
            }
            let more = [
                &["list", "--values", "--key", "*"][..],
                &["explain", "DATABASE_PASSWORD"],
                &["explain", "prod", "vars.smtp.password"],
                &["explain", "vars.smtp"],
                &["explain", "vars.api_password"],
                &["explain", "vars.deep.chain"],
            ];
            for arguments in more {
                let arguments = [arguments, &["--format", format]].concat();
                let run = project.run(&arguments);
                assert_eq!(run.code, 0, "{}", run.stderr);
                assert_run_clean(&arguments.join(" "), &run, &traces);
            }
        }
        for arguments in PAGES {
            let run = project.run(arguments);
            assert_eq!(run.code, 0, "{}", run.stderr);
            assert!(run.stdout.contains("DATABASE_PASSWORD"), "{}", run.stdout);
            assert_run_clean(&arguments.join(" "), &run, &traces);
        }
    }
}

/// Calls of commands that write a page about the whole project.
const PAGES: &[&[&str]] =
    &[&["docs"], &["schema"], &["docs", "--format", "html"], &["docs", "--format", "env-example"], &["report"]];

#[test]
fn argo_cd_gets_no_secret() {
    let traces = traces();
    // with the key at hand
    for words in [&["generate"][..], &["generate", "--keyless"], &["parameters"], &["discover"]] {
        let project = project().env("PARAM_ENVIRONMENT", "prod");
        let run = project.run(&[&["argocd"], words, &["-v"]].concat());
        assert_run_clean(&words.join(" "), &run, &traces);
    }
}

#[test]
fn completions_show_no_secret() {
    let traces = traces();
    for words in [&["septum", "render", ""][..], &["septum", "explain", "prod", ""]] {
        let index = (words.len() - 1).to_string();
        let project = project().env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", &index).env("_CLAP_IFS", "\n");
        let run = project.run(&[&["--"], words].concat());
        assert!(run.stdout.contains("prod") || run.stdout.contains("DATABASE_PASSWORD"), "{run:?}");
        assert_run_clean(&words.join(" "), &run, &traces);
    }
}

/// Mistakes with a canary beside them or in them: `(name, file, text)`. The file is replaced, or if
/// the text starts with `+`, added to.
#[rustfmt::skip] // a table
const MISTAKES: &[(&str, &str, &str)] = &[
    // on the line of a mistake
    ("flow map, unknown field", "dev.yaml", "data:\n  PIN: { value: 8273645546, pattren: canary-mistake-81, x: \"canary mistake 82\" }\n"),
    ("flow map, unknown key", "dev.yaml", "data: { DATABASE_PASSWORD: canary-mistake-81, PORT: canary mistake 82 }\n"),
    ("flow map, no comma", "dev.yaml", "data: { DATABASE_PASSWORD: canary-mistake-81 PORT: 'canary mistake 82' }\n"),
    ("flow map, open", "dev.yaml", "data: { DATABASE_PASSWORD: canary-mistake-81, PIN: 8273645546\n"),
    ("duplicate key", "dev.yaml", "data: { NOTE: canary-mistake-81, NOTE: canary mistake 82 }\n"),
    ("tab", "dev.yaml", "data:\n\tDATABASE_PASSWORD: canary-mistake-81\n"),
    ("comment", "dev.yaml", "data:\n  PORT: 1 # canary-mistake-81\n"),
    ("two sources", "dev.yaml", "data:\n  NOTE: { value: canary-mistake-81, file: canary-mistake-83 }\n"),
    ("list", "dev.yaml", "data:\n  DATABASE_PASSWORD: [canary-mistake-81, \"canary mistake 82\"]\n"),
    ("mapping", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: { canary-mistake-81: canary mistake 82 } }\n"),
    ("no mapping", "dev.yaml", "data: canary-mistake-81\n"),
    ("no layer", "dev.yaml", "canary mistake 82\n"),
    ("no list", "dev.yaml", "allow: canary-mistake-81\n"),
    ("list of texts", "dev.yaml", "- canary-mistake-81\n- 8273645546\n"),
    ("truth value", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: canary-mistake-81, required: canary-mistake-83 }\n"),
    ("second document", "dev.yaml", "data: {}\n---\nDATABASE_PASSWORD: canary-mistake-81\n"),
    ("not UTF-8 behind it", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81 \u{1}\n"),
    // a secret that wants quotes
    ("starts with {", "dev.yaml", "data:\n  DATABASE_PASSWORD: {canaryMistake84}\n"),
    ("starts with { and has a comma", "dev.yaml", "data:\n  DATABASE_PASSWORD: {canaryMistake84,canary-mistake-81}\n"),
    ("starts with [", "dev.yaml", "data:\n  DATABASE_PASSWORD: [canaryMistake84\n"),
    ("starts with !", "dev.yaml", "data:\n  DATABASE_PASSWORD: !canaryMistake84\n"),
    ("starts with *", "dev.yaml", "data:\n  DATABASE_PASSWORD: *canaryMistake84\n"),
    ("starts with &", "dev.yaml", "data:\n  DATABASE_PASSWORD: &canaryMistake84\n"),
    ("starts with &, and another", "dev.yaml", "data:\n  DATABASE_PASSWORD: &canaryMistake84 &canary-mistake-81 x\n"),
    ("starts with %", "dev.yaml", "data:\n  DATABASE_PASSWORD: %canaryMistake84\n"),
    ("starts with @", "dev.yaml", "data:\n  DATABASE_PASSWORD: @canaryMistake84\n"),
    ("starts with a quote", "dev.yaml", "data:\n  DATABASE_PASSWORD: 'canary'canaryMistake84\n"),
    ("starts with an open quote", "dev.yaml", "data:\n  DATABASE_PASSWORD: \"canaryMistake84\n"),
    ("starts with >", "dev.yaml", "data:\n  DATABASE_PASSWORD: >canaryMistake84\n"),
    ("starts with |", "dev.yaml", "data:\n  DATABASE_PASSWORD: |canaryMistake84\n"),
    ("starts with - ", "dev.yaml", "data:\n  DATABASE_PASSWORD: - canary-mistake-81\n"),
    ("starts with ?", "dev.yaml", "data:\n  DATABASE_PASSWORD: ? canary-mistake-81\n"),
    ("holds a colon", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81: canary-mistake-83\n"),
    ("unknown escape", "dev.yaml", "data:\n  DATABASE_PASSWORD: \"canary-mistake-81\\canaryMistake84\"\n"),
    ("merge of a text", "dev.yaml", "data:\n  <<: canary-mistake-81\n"),
    ("in a block, not indented", "dev.yaml", "data:\n  DATABASE_PASSWORD: |\n      canary-mistake-81\n    canary-mistake-83\n   x: canary-mistake-81\n"),
    ("a line too many", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary\n   canary-mistake-81\n  canary-mistake-83\n"),
    // templates
    ("unclosed", "dev.yaml", "data:\n  DATABASE_PASSWORD: \"canary-mistake-81{{canaryMistake84\"\n"),
    ("unclosed statement", "dev.yaml", "data:\n  DATABASE_PASSWORD: x{%canaryMistake84\n"),
    ("unclosed comment", "dev.yaml", "data:\n  DATABASE_PASSWORD: \"canary-mistake-81{{ x }}{#canaryMistake84\"\n"),
    ("beside an expression", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81 {{ vars.nope }} canary-mistake-83\n"),
    ("in a literal", "dev.yaml", "data:\n  NOTE: \"{{ 'canary-mistake-81' ~ vars.nope }}\"\n"),
    ("literal in place of an operator", "dev.yaml", "data:\n  NOTE: \"{{ vars 'canary-mistake-81' }}\"\n"),
    ("literal plus number", "dev.yaml", "data:\n  NOTE: \"{{ 'canary-mistake-81' + 1 }}\"\n"),
    ("open literal", "dev.yaml", "data:\n  NOTE: \"{{ 'canary-mistake-81 }}\"\n"),
    ("attribute of a literal", "dev.yaml", "data:\n  NOTE: \"{{ 'canary-mistake-81'.x.y }}\"\n"),
    ("filter of a literal", "dev.yaml", "data:\n  NOTE: \"{{ 'canary-mistake-81' | nope }}\"\n"),
    ("several lines", "dev.yaml", "data:\n  NOTE: |\n    canary-mistake-81 {{\n      vars.nope }} canary-mistake-83\n"),
    ("folded", "dev.yaml", "data:\n  NOTE: >\n    canary-mistake-81\n    canary-mistake-83 {{ vars.nope | default( }}\n"),
    ("content", "dev.yaml", "data:\n  app.yaml: { content: { auth: { token: \"canary-mistake-81{{ vars.nope }}\", x: canary-mistake-83 } } }\n"),
    ("template file", "files/settings.ini.j2", "password = canary-mistake-81 {{ vars.nope }} canary-mistake-83\n"),
    ("include", "files/part.ini", "password = canary-mistake-81 {{ vars.nope }} canary-mistake-83\n"),
    ("include with a syntax error", "files/part.ini", "{{ vars 'canary-mistake-81' 'canary-mistake-83' }}\n"),
    // computed from a secret
    ("calculation", "dev.yaml", "data:\n  PIN: 8273645546\n  NOTE: \"{{ data.PIN // 0 }}\"\n"),
    ("power", "dev.yaml", "data:\n  PIN: 8273645546\n  NOTE: \"{{ data.PIN ** 999 }}\"\n"),
    ("negative", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ -data.DATABASE_PASSWORD }}\"\n"),
    ("sum", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ data.DATABASE_PASSWORD + 1 }}\"\n"),
    ("number", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ data.DATABASE_PASSWORD | int }}\"\n"),
    ("key", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ data[data.DATABASE_PASSWORD] }}\"\n"),
    ("variable", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ vars[data.DATABASE_PASSWORD].x }}\"\n"),
    ("bundle", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ bundles[data.DATABASE_PASSWORD].x }}\"\n"),
    ("near a key", "dev.yaml", "data:\n  DATABASE_PASSWORD: canaryMistake84\n  NOTE: \"{{ data['x' ~ data.DATABASE_PASSWORD] }}\"\n"),
    ("included name", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{% include data.DATABASE_PASSWORD %}\"\n"),
    ("imported name", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{% import data.DATABASE_PASSWORD as x %}{{ x }}\"\n"),
    ("extended name", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{% extends data.DATABASE_PASSWORD %}\"\n"),
    ("required", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ none | required(data.DATABASE_PASSWORD) }}\"\n"),
    ("format", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ '%d' | format(data.DATABASE_PASSWORD) }}\"\n"),
    ("format string", "dev.yaml", "data:\n  DATABASE_PASSWORD: \"%y canary-mistake-81\"\n  NOTE: \"{{ data.DATABASE_PASSWORD | format(1) }}\"\n"),
    ("filter by name", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ [1] | map(data.DATABASE_PASSWORD) | list | tojson }}\"\n"),
    ("test by name", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ [1] | select(data.DATABASE_PASSWORD) | list | tojson }}\"\n"),
    ("keyword argument", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ dict(**{data.DATABASE_PASSWORD: 1})(x=1) }}\"\n"),
    ("macro argument", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**{data.DATABASE_PASSWORD: 1}) }}\"\n"),
    ("declassified, reason", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{{ declassify(data.DATABASE_PASSWORD, 1, 2) }}\"\n"),
    ("cycle", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81 {{ data.NOTE }}\n  NOTE: canary-mistake-83 {{ data.DATABASE_PASSWORD }}\n"),
    ("runaway", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  NOTE: \"{% for a in range(9999) %}{% for b in range(9999) %}{{ data.DATABASE_PASSWORD }}{% endfor %}{% endfor %}\"\n"),
    // rules
    ("type", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: canary-mistake-81, type: integer }\n"),
    ("type of a computed value", "dev.yaml", "data:\n  DATABASE_PASSWORD: canary-mistake-81\n  PIN: \"{{ data.DATABASE_PASSWORD }}\"\n"),
    ("enumeration", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: dummy, enum: [canary-mistake-81, canary mistake 82] }\n"),
    ("constant", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: dummy, const: canary-mistake-81 }\n"),
    ("constant of a number", "dev.yaml", "data:\n  PIN: { value: 5, sensitive: true, const: 8273645546 }\n"),
    ("length", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: canary-mistake-81, maxLength: 3, pattern: ^x, format: uri }\n"),
    ("deprecated", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: canary-mistake-81, deprecated: true, minLength: 99 }\n"),
    ("binary", "dev.yaml", "data:\n  DATABASE_PASSWORD: !!binary canary-mistake-81\n"),
    ("content", "dev.yaml", "data:\n  DATABASE_PASSWORD: { content: { a: canary-mistake-81, b: [canary-mistake-83] }, format: env }\n"),
    ("text in INI", "dev.yaml", "data:\n  DATABASE_PASSWORD: { content: { a: \"canary-mistake-81\\u0001\" }, format: ini }\n"),
    ("declared plain", "dev.yaml", "data:\n  DATABASE_PASSWORD: { value: canary-mistake-81, sensitive: false, reason: canary-mistake-83 }\n"),
    ("lists", "dev.yaml", "data:\n  app.yaml: { content: { auth+: [canary-mistake-81] } }\n"),
    // in other objects
    ("variable of a workload", "workloads/w.yaml", "kind: Pod\napiVersion: v1\nmetadata: { name: a }\nspec: { containers: [{ name: a, env: [{ name: A, value: \"{{ data.DECLARED }}\" }] }] }\n"),
    ("a mistake beside it", "workloads/w.yaml", "kind: Pod\napiVersion: v1\nmetadata: { name: a }\nspec: \"canary-mistake-81 {{ vars.nope }} {{ data.DECLARED }}\"\n"),
    ("a Secret with a mistake", "workloads/w.yaml", "kind: Secret\napiVersion: v1\nmetadata: { name: a }\nstringData: { a: \"{{ data.DECLARED }}\", b: canary-mistake-81 {{ vars.nope }} }\n"),
    ("name", "workloads/w.yaml", "kind: Secret\napiVersion: v1\nmetadata: { name: \"{{ data.DECLARED }}\" }\n"),
    ("namespace", "workloads/w.yaml", "kind: Secret\napiVersion: v1\nmetadata: { name: a, namespace: \"{{ data.DECLARED }}\" }\n"),
    ("label of a Secret", "workloads/w.yaml", "kind: Secret\napiVersion: v1\nmetadata: { name: a, labels: { a: \"{{ data.DECLARED }}\" } }\n"),
    ("kind", "workloads/w.yaml", "kind: \"{{ data.DECLARED }}\"\napiVersion: v1\nmetadata: { name: a }\n"),
    ("version", "workloads/w.yaml", "kind: Pod\napiVersion: \"{{ data.DECLARED }}\"\nmetadata: { name: a }\n"),
    ("name of a reference", "workloads/w.yaml", "kind: Pod\napiVersion: v1\nmetadata: { name: a }\nspec: { containers: [{ name: a, envFrom: [{ secretRef: { name: \"{{ data.DECLARED }}\" } }] }] }\n"),
    ("key of a reference", "workloads/w.yaml", "kind: Pod\napiVersion: v1\nmetadata: { name: a }\nspec: { containers: [{ name: a, env: [{ name: A, valueFrom: { secretKeyRef: { name: shop, key: \"{{ data.DECLARED }}\" } } }] }] }\n"),
    ("wiring", "workloads/w.yaml", "kind: Pod\napiVersion: v1\nmetadata: { name: a, annotations: { septum.dev/env-from: \"{{ data.DECLARED }}\" } }\nspec: { containers: [{ name: a }] }\n"),
    ("mount", "workloads/w.yaml", "kind: Pod\napiVersion: v1\nmetadata: { name: a, annotations: { septum.dev/mount: \"shop:{{ data.DECLARED }}\" } }\nspec: { containers: [{ name: a }] }\n"),
    ("template that gives no YAML", "workloads/w.yaml.j2", "kind: Secret\napiVersion: v1\nmetadata: { name: a }\nstringData: { a: {{ data.DECLARED }}: [ }\n"),
    ("template that gives a text", "workloads/w.yaml.j2", "{{ data.DECLARED }}\n"),
    ("template that gives a list", "workloads/w.yaml.j2", "- {{ data.DECLARED }}\n- [\n"),
    ("template that gives a key twice", "workloads/w.yaml.j2", "kind: Secret\napiVersion: v1\nmetadata: { name: a }\nstringData:\n  {{ data.DECLARED }}: 1\n  {{ data.DECLARED }}: 2\n"),
    ("template that gives a ConfigMap", "workloads/w.yaml.j2", "kind: ConfigMap\napiVersion: v1\nmetadata: { name: a }\ndata: { a: \"{{ data.DECLARED }}\" }\n"),
    ("template that gives a key", "workloads/w.yaml.j2", "kind: ConfigMap\napiVersion: v1\nmetadata: { name: a }\ndata: { \"{{ data.DECLARED }}\": a }\n"),
    ("template that gives an alias", "workloads/w.yaml.j2", "kind: Secret\napiVersion: v1\nmetadata: { name: a }\nstringData: { a: *{{ data.DECLARED }} }\n"),
    ("statement", "workloads/w.yaml.j2", "{% if data.DECLARED > 1 %}{{ data.DECLARED }}{% else %}{{ vars.nope }}{% endif %}\n"),
    // encrypted
    ("secrets that look like templates", "dev.secrets.yaml", include_str!("../../vectors/canary/templates.secrets.yaml")),
    ("encrypted fields", "dev.secrets.yaml", include_str!("../../vectors/canary/fields.secrets.yaml")),
];

#[test]
fn no_mistake_shows_the_secret_beside_it() {
    let traces = traces();
    let wrong = |&(name, file, text): &(&str, &str, &str)| -> Vec<String> {
        let project = project().file(&format!("environments/{file}"), text);
        let mut wrong = Vec::new();
        for arguments in [&["render", "dev", "prod", "-v"][..], &["explain", "dev", "DATABASE_PASSWORD"]] {
            let run = project.run(arguments);
            let what = format!("{name}: {}", arguments.join(" "));
            if arguments[0] == "render" && (run.code != 2 || !run.stdout.is_empty()) {
                wrong.push(format!("{what} exits with {}:\n{}{}", run.code, run.stdout, run.stderr));
            }
            wrong.extend(shown(&what, &run.stdout, &traces));
            wrong.extend(shown(&what, &run.stderr, &traces));
        }
        wrong
    };
    let (first, second) = MISTAKES.split_at(MISTAKES.len() / 2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let second = scope.spawn(|| second.iter().flat_map(wrong).collect::<Vec<_>>());
        first.iter().flat_map(wrong).collect::<Vec<_>>().into_iter().chain(second.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} shown:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn identities_are_secrets_too() {
    let traces = traces();
    for (variable, value) in [
        ("SOPS_AGE_KEY", "canary-mistake-81"),
        ("SOPS_AGE_KEY", "AGE-SECRET-KEY-1canary-mistake-81"),
        ("SOPS_AGE_KEY_CMD", "echo canary-mistake-81"),
        ("SOPS_AGE_KEY_CMD", "'canary-mistake-81"),
    ] {
        let run = project().env("SOPS_AGE_KEY_FILE", "").env(variable, value).run(&["render", "prod"]);
        assert_eq!(run.code, 3, "{variable}={value}: {}", run.stderr);
        assert_run_clean(&format!("{variable}={value}"), &run, &traces);
    }
}
