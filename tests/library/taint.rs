//! Every way in which a secret can flow leads to the Secret, in all environments, and what no
//! secret flowed into stays out of it (contract, section 5).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;

use crate::support::objects::text;
use crate::support::samples::{ENCRYPTED, ENCRYPTED_VARS};
use crate::support::sandbox::Sandbox;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use septum::diagnostic::Diagnostics;
use septum::pipeline::{Pipeline, Survey, SurveyOptions};
use septum::route::Sensitivity;
use septum::sops::{HostSystem, Identities, IdentitySources};
use serde_json::Value as Json;

/// What the tables below may refer to. `S` is declared sensitive; `whichever` and the like lead
/// there; `RESULT` says nothing by its name.
const CONTEXT: &str = r#"
vars:
  plain: p
  which: S
  map: { a: x, b: "{{ data.S }}" }
  only: { plain: p, nothing: q }
  list: [x, "{{ data.S }}"]
  chain: "{{ vars.link }}"
  link: "{{ data.LINK }}"
bundles:
  more: { data: { P: p, FAR: "{{ bundles.app.S }}", KEPT: { value: t, sensitive: true } } }
data:
  S: { value: s3cr3t, sensitive: true }
  N: { value: 7, sensitive: true, type: integer }
  P: plain
  LINK: "{{ data.S }}"
"#;

const FILES: [(&str, &str); 6] = [
    ("files/secret.j2", "{{ data.S }}"),
    ("files/plain.j2", "{{ data.P }}"),
    ("files/include.j2", "{% include 'secret.j2' %}"),
    (
        "files/macros.j2",
        "{% macro print(x) %}{{ x }}{% endmacro %}{% macro own() %}{{ data.S }}{% endmacro %}{% macro plain() %}p{% endmacro %}",
    ),
    ("files/parent.j2", "{% block body %}{% endblock %}"),
    ("files/lifted.j2", "{{ declassify(data.S | sha256, 'a fingerprint') }}"),
];

fn project(result: &str) -> Sandbox {
    let base = format!("{CONTEXT}  RESULT: {result}\n");
    FILES
        .into_iter()
        .fold(Sandbox::new([("base.yaml", &*base), ("dev.yaml", ""), ("prod.yaml", "")]), |project, file| {
            project.file(file.0, file.1)
        })
}

/// The row of a key of the app's own bundle, as `list` shows it.
#[track_caller]
fn row(project: &Sandbox, key: &str) -> Json {
    let rows = project.run(&["list", "--format", "json"]).json();
    let of = |row: &&Json| row["key"] == key && row["bundle"] == "app";
    rows.as_array().unwrap().iter().find(of).expect("the key is listed").clone()
}

/// `SIDE: WEIGHTIEST REASON` of a key, after making sure that every environment of `rendered` has
/// it on that side.
#[track_caller]
fn verdict(project: &Sandbox, key: &str, rendered: &[&str]) -> String {
    let row = row(project, key);
    let (side, other) = if row["sensitive"] == true { ("Secret", "ConfigMap") } else { ("ConfigMap", "Secret") };
    for environment in rendered {
        let found = project.run(&["render", environment]).objects();
        assert!(found.texts(&format!("{side}/app")).contains_key(key), "{environment}: {key} belongs to the {side}");
        assert!(!found.texts(&format!("{other}/app")).contains_key(key), "{environment}: {key} is no {other}");
    }
    format!("{side}: {}", text(&row["reasons"][0]["layer"]))
}

fn quoted(template: &str) -> String {
    format!("'{}'", template.replace('\'', "''"))
}

/// Templates that touch a secret.
const FLOWS: &[&str] = &[
    "{{ data.S }}",
    "{{ data['S'] }}",
    "{{ data[vars.which] }}",
    "{{ data['' ~ 'S'] }}",
    "{{ bundles.app.S }}",
    "{{ bundles['app']['S'] }}",
    "{{ bundles[app.name].S }}",
    "{{ bundles.more.KEPT }}",
    "{{ bundles.more.FAR }}",
    "postgres://u:{{ data.S | urlencode }}@h/db",
    "{{ data.S | b64encode }}",
    "{{ data.S | sha256 }}",
    "{{ data.S | length }}",
    "{{ data.S | upper | lower | trim | replace('s', 'S') | first }}",
    "{{ data.S | default('x') }}",
    "{{ data.P | default(data.S) }}",
    "{{ data.S | required('x') }}",
    "{{ data.N + 1 }}",
    "{{ data.N > 3 }}",
    "{{ 'x' * data.N }}",
    "{{ [1, 2, 3][data.N - 5:] | tojson }}",
    "{{ range(data.N) | list | length }}",
    "{% set x = data.S %}{{ x }}",
    "{% set x = data.S %}nothing of it is printed",
    "{% set x, y = data.S, 1 %}{{ y }}",
    "{% set x %}{{ data.S }}{% endset %}{{ x | length }}",
    "{% set d = data %}{{ d.S }}",
    "{% for c in data.S %}.{% endfor %}",
    "{% for x in vars.list %}{{ x }}{% endfor %}",
    "{% for x in vars.list %}.{% endfor %}",
    "{% for k, v in vars.map | items %}{{ k }}{% endfor %}",
    "{% for k in bundles.more %}{{ bundles.more[k] }}{% endfor %}",
    "{% for x in [1, 2] if data.S %}{{ x }}{% endfor %}",
    "{% if data.S %}yes{% endif %}",
    "{% if data.S == 'guess' %}yes{% else %}no{% endif %}",
    "{% if env.name == 'x' %}{% elif data.S %}yes{% endif %}",
    "{{ 'a' if data.S else 'b' }}",
    "{{ data.S if data.P else 'b' }}",
    "{{ data.S and 'x' }}",
    "{{ data.P and data.S }}",
    "{{ not data.S }}",
    "{{ 's' in data.S }}",
    "{{ data.S in ['a', 'b'] }}",
    "{{ data.S == 'x' }}",
    "{{ data.S != 'x' }}",
    "{{ data.S < 'x' }}",
    "{{ {'a': data.S} == {'a': 'x'} }}",
    "{{ [data.S] | tojson }}",
    "{{ data.S is defined }}",
    "{{ data.S is string }}",
    "{{ 'S' in data }}",
    "{{ data.S ~ '' }}",
    "{{ data.S[0] }}",
    "{{ data.S[:2] }}",
    "{% include 'files/secret.j2' %}",
    "{% include 'files/include.j2' %}",
    "{% include ['files/none.j2', 'files/secret.j2'] %}",
    "{% from 'files/macros.j2' import print %}{{ print(data.S) }}",
    "{% from 'files/macros.j2' import own %}{{ own() }}",
    "{% import 'files/macros.j2' as m %}{{ m.print(data.S) }}{{ m.own() }}",
    "{% extends 'files/parent.j2' %}{% block body %}{{ data.S }}{% endblock %}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(data.S) }}",
    "{% macro m(x=data.S) %}{{ x }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ data.S }}{% endcall %}",
    "{% filter upper %}{{ data.S }}{% endfilter %}",
    "{% filter length %}{{ data.S }}{% endfilter %}",
    "{% filter replace('x', data.S) %}xyz{% endfilter %}",
    "{% with x = data.S %}{{ x }}{% endwith %}",
    "{% set ns = namespace(x=1) %}{% for i in [1] %}{% set ns.x = data.S %}{% endfor %}{{ ns.x }}",
    "{{ dict(a=data.S).a }}",
    "{{ vars.map.b }}",
    "{{ vars['map']['b'] }}",
    "{{ vars.list[1] }}",
    "{{ vars.list[-1] }}",
    "{{ vars.list | last }}",
    "{{ vars.list | join(',') }}",
    "{{ vars.list | map('upper') | join }}",
    "{{ vars.list | sort | first }}",
    "{{ vars.list == ['x', 'guess'] }}",
    "{{ vars.map | tojson }}",
    "{{ vars | tojson }}",
    "{{ vars | toyaml }}",
    "{{ vars.map | dictsort | tojson }}",
    "{{ vars.map | items | list | length }}",
    "{{ vars.map | pprint }}",
    "{{ vars.map | tojson ~ '' }}",
    "{{ vars.map == {'a': 'x', 'b': 'guess'} }}",
    "{{ vars.chain }}",
    "{{ data.LINK }}",
    "{{ bundles.more | tojson }}",
    "{{ {'m': bundles.more} | tojson | length }}",
    "{{ data.S | attr('x') is defined }}",
    "{{ data | attr('S') }}",
    "{{ vars.map | attr('b') }}",
    "{{ [data] | map(attribute='S') | join }}",
    "{{ [vars.map] | selectattr('b', 'eq', 'x') | list | length }}",
    "{{ vars.list | select('eq', 'x') | list | length }}",
    "{{ [data] | groupby('S') | length }}",
    "{{ data.S | batch(2) | list | length }}",
    "{% do dict(x=data.S) %}",
];

#[test]
fn every_way_a_secret_flows_leads_to_the_secret() {
    for template in FLOWS {
        assert_eq!(verdict(&project(&quoted(template)), "RESULT", &["dev", "prod"]), "Secret: derived", "{template}");
    }
}

#[test]
fn what_only_looks_like_a_flow_stays_plain() {
    for template in [
        "{{ data.P }}",
        "{{ vars.plain }} {{ env.name }} {{ app.name }}",
        "{{ vars.map.a }}",
        "{{ vars.list[0] }}",
        "{{ vars.only | tojson }}",
        "{{ bundles.more.P }}",
        "{# {{ data.S }} #}{{ 1 }}",
        "{% raw %}{{ data.S }}{% endraw %}",
        "{{ '{{ data.S }}' }}",
        "the word data.S {{ 1 }}",
        // a branch that is not taken tells nothing, since its condition is plain
        "{% if data.P == 'x' %}{{ data.S }}{% endif %}",
        "{{ data.S if data.P == 'x' else 'b' }}",
        "{{ data.P or data.S }}",
        "{% macro m() %}{{ data.S }}{% endmacro %}never called",
        "{% from 'files/macros.j2' import own, plain %}{{ plain() }}",
        // names of keys are no secret
        "{% for k in data %}{{ k }}{% endfor %}",
        "{{ data | list | length }}",
        "{{ data is mapping }}",
        "{% set d = data %}{{ d.P }}",
        "{% include 'files/plain.j2' %}",
    ] {
        assert_eq!(
            verdict(&project(&quoted(template)), "RESULT", &["dev", "prod"]),
            "ConfigMap: default",
            "{template}"
        );
    }
}

#[test]
fn files_and_structures_carry_secrets_too() {
    for (entry, expected) in [
        ("{ template: files/secret.j2 }", "Secret: derived"),
        ("{ template: files/include.j2 }", "Secret: derived"),
        ("{ template: files/plain.j2 }", "ConfigMap: default"),
        ("{ file: files/secret.j2 }", "ConfigMap: default"),
        ("{ content: { a: { b: [x, '{{ data.S }}'] } }, format: json }", "Secret: derived"),
        ("{ content: { a: 'x{{ data.S | length }}' }, format: env }", "Secret: derived"),
        ("{ content: { a: '{{ vars.map }}' }, format: yaml }", "Secret: derived"),
        ("{ content: ['{% if data.S %}{% endif %}'], format: json }", "Secret: derived"),
        ("{ content: { a: '{{ vars.only }}' }, format: yaml }", "ConfigMap: default"),
        ("{ content: { a: '{{ data.S }}' }, format: yaml, template: false }", "ConfigMap: default"),
        ("{ value: '{{ data.S }}', template: false }", "ConfigMap: default"),
    ] {
        assert_eq!(verdict(&project(entry), "RESULT", &["dev", "prod"]), expected, "{entry}");
    }
}

#[test]
fn taint_passes_through_chains_of_any_kind_and_order() {
    let base = r#"
vars: { v: { w: "{{ bundles.more.B }}" }, list: ["{{ vars.v.w }}"] }
data:
  Z: "{{ data.c.json }}{{ data['c.json'] }}"
  c.json: { content: { x: "{{ vars.list }}" } }
  A: { value: s3cr3t, sensitive: true }
  Y: "{{ data.F }}"
  F: { template: f.j2 }
  X: "{{ data.A2 }}"
  A2: plain
bundles: { more: { data: { B: "{{ bundles.app.A }}" } } }
"#
    .replace("{{ data.c.json }}", "");
    let project = Sandbox::of(&base, "").file("f.j2", "{{ data['c.json'] }}");
    for (key, expected) in [
        ("Z", "Secret: derived"),
        ("c.json", "Secret: derived"),
        ("Y", "Secret: derived"),
        ("F", "Secret: derived"),
        ("A", "Secret: declared"),
        ("X", "ConfigMap: default"),
        ("A2", "ConfigMap: default"),
    ] {
        assert_eq!(verdict(&project, key, &["dev"]), expected, "{key}");
    }
    let detail = |key: &str| text(&row(&project, key)["reasons"][0]["detail"]).to_owned();
    assert_eq!(["Z", "c.json", "Y"].map(detail), ["uses data.c.json", "uses vars.list[0]", "uses data.F"]);
}

#[test]
fn declassify_lifts_what_is_inside_its_call_and_nothing_else() {
    for (template, expected) in [
        ("{{ declassify(data.S | sha256, 'a fingerprint') }}", "ConfigMap"),
        ("{{ declassify(data.S, \"why\") }}", "ConfigMap"),
        ("{{ declassify( data.S if data.P else '', 'why' ) }}", "ConfigMap"),
        ("{{ declassify(data.LINK, 'why') }}", "ConfigMap"),
        ("{{ declassify(vars.map | tojson, 'why') }}", "ConfigMap"),
        ("{{ 'a' if declassify(data.S == 'x', 'why') else 'b' }}", "ConfigMap"),
        ("{% if declassify(data.N > 3, 'why') %}x{% endif %}", "ConfigMap"),
        ("{% set x = declassify(data.S, 'why') %}{{ x }}", "ConfigMap"),
        ("{{ declassify(declassify(data.S, 'one') ~ data.N, 'two') }}", "ConfigMap"),
        ("{{ declassify(data.S, 'why') ~ declassify(data.N, 'why') }}", "ConfigMap"),
        ("{% macro m() %}{{ declassify(data.S, 'why') }}{% endmacro %}{{ m() }}", "ConfigMap"),
        ("{% include 'files/lifted.j2' %}", "ConfigMap"),
        ("{{ declassify(data.S, 'why') | upper }}{{ data.P }}", "ConfigMap"),
        ("{{ declassify(data.S, 'why') }}{{ data.S }}", "Secret"),
        ("{{ data.S }}{{ declassify(data.S, 'why') }}", "Secret"),
        ("{{ data.S | length ~ declassify(data.S, 'why') }}", "Secret"),
        ("{{ declassify(data.S, 'why') ~ data.N }}", "Secret"),
        ("{{ declassify(data.P, 'why') ~ data.S }}", "Secret"),
        ("{% set x = data.S %}{{ declassify(x, 'why') }}", "Secret"),
        ("{% macro m(x) %}{{ declassify(x, 'why') }}{% endmacro %}{{ m(data.S) }}", "Secret"),
        ("{% if data.S %}{{ declassify('x', 'why') }}{% endif %}", "Secret"),
        ("{% for c in data.S %}{{ declassify(c, 'why') }}{% endfor %}", "Secret"),
        ("{{ declassify(data, 'why').S }}", "Secret"),
        ("{# declassify( #}{{ data.S }}", "Secret"),
        ("{{ 'declassify(' ~ data.S }}", "Secret"),
        ("{% raw %}{{ declassify({% endraw %}{{ data.S }}", "Secret"),
        ("{% include 'files/lifted.j2' %}{{ data.S }}", "Secret"),
    ] {
        let found = verdict(&project(&quoted(template)), "RESULT", &["dev", "prod"]);
        assert!(found.starts_with(expected), "{template}: {found}");
    }
    // what is public stays so in what is made of it, and is accounted for
    let project = project(&quoted("{{ declassify(data.S | length, 'a length') }}"))
        .file("dev.yaml", "data: { P: 'now {{ data.RESULT }}' }\n");
    assert_eq!(verdict(&project, "P", &["dev"]), "ConfigMap: default");
    let lifted = &project.run(&["explain", "dev", "RESULT", "--format", "json"]).json()["declassified"];
    assert_eq!(lifted, &serde_json::json!([{ "read": "data.S", "reason": "a length" }]));
}

#[test]
fn the_inner_workings_of_declassify_are_out_of_reach() {
    for template in [
        "{% set t = _m() %}{{ data.S }}{{ _d(t, '', 'x') }}",
        "{% set f = _m %}{% set g = _d %}{% set t = f() %}{{ data.S }}{{ g(t, '', 'x') }}",
        "{% set t = _m() %}{{ data.S }}{{ declassify('', 'x') }}",
        "{{ _d(0, data.S, 'x') }}",
        "{{ {\"a\":{\"b\":1}} and '' ~ _m() }}{% set p = data.S %}{{ {\"a\":{\"b\":1}} and _d(0, p|reverse, p) }}",
        "{{ {\"a\":{\"b\":1}} and '' ~ _septum_mark() }}{% set p = data.S %}{{ {\"a\":{\"b\":1}} and declassify(p, 'x') }}",
        "{% set t = _septum_mark() %}{{ data.S }}{{ declassify(t, data.S, 'x') }}",
        "{% set f = declassify %}{{ f(data.S, 'x') }}",
        "{{ ['x'] | map('_septum_mark') | list }}{{ data.S }}",
        "{{ {\"a\":{\"b\":1}} and declassify(data.S, 'x' ~ data.S) }}",
        "{{ declassify(data.P, 'x') ~ {\"a\":{\"b\":'}}'}}.a.b ~ data.S }}",
        "{{ declassify(data.P, '}}') }}{# {{ declassify( #}{% raw %}{{ {% endraw %}{{ data.S }}",
    ] {
        let run = project(&quoted(template)).run(&["render", "dev"]);
        assert!(run.code == 2 || !run.objects().texts("ConfigMap/app").contains_key("RESULT"), "{template}");
    }
}

#[test]
fn the_first_layer_of_reasons_that_speaks_decides() {
    let url = ["postgres://app", ":hunter2-real", "@db/app"].concat();
    for (name, key, entry, expected) in [
        ("nothing", "GREETING", "hello", "ConfigMap: default"),
        ("a name", "DB_PASSWORD", "changeme", "Secret: name"),
        ("a name without a value", "API_TOKEN", "''", "Secret: name"),
        ("a name that only sounds so", "TOKEN_TTL", "15m", "ConfigMap: name"),
        ("another", "PASSWORD_MIN_LENGTH", "12", "ConfigMap: name"),
        ("a public key", "JWT_PUBLIC_KEY_ID", "k1", "ConfigMap:"),
        ("a value", "BACKEND", &url, "Secret: value"),
        ("a value, though the name only sounds so", "TOKEN_TTL", &url, "Secret: value"),
        ("declared", "GREETING", "{ value: hello, sensitive: true }", "Secret: declared"),
        (
            "declared, against a name",
            "DB_PASSWORD",
            "{ value: x, sensitive: false, reason: a test }",
            "ConfigMap: declared",
        ),
        (
            "a certain value, against that",
            "BACKEND",
            &format!("{{ value: '{url}', sensitive: false, reason: x }}"),
            "Secret: value",
        ),
        ("derived, before a name", "DB_PASSWORD", "'{{ data.S }}'", "Secret: derived"),
        ("derived, before a value", "BACKEND", "'postgres://app:{{ data.S }}@db'", "Secret: derived"),
    ] {
        let base = format!("data:\n  S: {{ value: s3cr3t, sensitive: true }}\n  {key}: {entry}\n");
        let found = verdict(&Sandbox::of(&base, ""), key, &["dev"]);
        assert!(found.starts_with(expected), "{name}: expected {expected}, found {found}");
    }
    let allow = format!(
        "data:\n  BACKEND: {{ value: '{url}', sensitive: false, reason: x }}\nallow: [{{ rule: plaintext-secret, key: BACKEND, reason: a demo }}]\n"
    );
    assert_eq!(verdict(&Sandbox::of(&allow, ""), "BACKEND", &["dev"]), "ConfigMap: declared");
}

#[test]
fn plain_is_declared_with_a_reason_by_the_base_and_never_against_taint() {
    for (base, dev) in [
        ("{ value: x, sensitive: false }", ""),
        ("'{{ data.S }}'", "{ sensitive: false, reason: x }"),
        ("{ value: '{{ data.S }}', sensitive: false, reason: x }", ""),
        ("{ value: x, sensitive: true }", "{ sensitive: false, reason: x }"),
    ] {
        let base = format!("data:\n  S: {{ value: s3cr3t, sensitive: true }}\n  DB_PASSWORD: {base}\n");
        let dev = if dev.is_empty() { String::new() } else { format!("data: {{ DB_PASSWORD: {dev} }}\n") };
        let message = Sandbox::of(&base, &dev).run(&["render", "dev"]).refused();
        assert!(!message.contains("s3cr3t"), "{message}");
    }
}

#[test]
fn a_key_that_is_sensitive_in_one_environment_is_so_in_all() {
    let url = ["postgres://app", ":hunter2-real", "@db/app"].concat();
    let base = "vars: { x: plain }\ndata:\n  S: { value: s3cr3t, sensitive: true }\n  A: a\n  B: '{{ data.A }}'\n  C: '{{ vars.x }}'\n  D: d\n";
    for (name, prod, sensitive) in [
        ("nothing", String::new(), ""),
        ("declared there", "data: { A: { sensitive: true } }".to_owned(), "AB"),
        ("derived there", "data: { A: '{{ data.S }}' }".to_owned(), "AB"),
        ("derived there through a variable", "vars: { x: '{{ data.S }}' }".to_owned(), "C"),
        ("by the value there", format!("data: {{ A: '{url}' }}"), "AB"),
        (
            "a branch that runs there only",
            "data: { D: '{% if env.name == \"prod\" %}{{ data.S }}{% endif %}' }".to_owned(),
            "D",
        ),
        ("in a mixin of it", "extends: [m/a]".to_owned(), "D"),
        ("removed there", "data: { A: null }\nvars: { x: null }".to_owned(), ""),
    ] {
        // a variable that is gone is an error, but only of prod
        let project = Sandbox::new([("base.yaml", base), ("dev.yaml", ""), ("prod.yaml", &prod)])
            .file("m/a.yaml", "data: { D: '{{ data.S }}' }\n");
        let dev = project.run(&["render", "dev"]).objects();
        let secret: String = dev.texts("Secret/app").into_keys().filter(|key| key != "S").collect();
        assert_eq!(secret, sensitive, "{name}");
        assert_eq!(dev.texts("Secret/app").len() + dev.texts("ConfigMap/app").len(), 5, "{name}");
    }
}

#[test]
fn what_is_encrypted_is_secret_everywhere_and_needs_no_key_elsewhere() {
    let base = "vars: { broker: { host: localhost, user: shop, password: dummy-dev-only }, plain: p }\n\
        data:\n  DATABASE_PASSWORD: dummy-dev-only\n  STRIPE_WEBHOOK_SECRET: dummy-dev-only\n  A: a\n  B: '{{ vars.broker.host }}'\n  \
        C: '{{ vars.broker.password }}'\n  D: '{{ vars.broker | tojson }}'\n";
    let prod = "data: { A: '{{ data.DATABASE_PASSWORD | length }}' }\n";
    let project = Sandbox::new([("base.yaml", base), ("dev.yaml", ""), ("prod.yaml", prod)])
        .file("prod.secrets.yaml", ENCRYPTED)
        .file("eu.yaml", "")
        .file("eu.secrets.yaml", ENCRYPTED_VARS);
    for (key, expected) in [
        ("DATABASE_PASSWORD", "Secret: encrypted"),
        ("STRIPE_WEBHOOK_SECRET", "Secret: encrypted"),
        ("A", "Secret: derived"),
        ("B", "ConfigMap: default"),
        ("C", "Secret: derived"),
        ("D", "Secret: derived"),
    ] {
        assert_eq!(verdict(&project, key, &["dev"]), expected, "{key}");
    }
    let refused = project.run(&["render", "prod"]);
    assert_eq!((refused.code, &*refused.stdout), (3, ""), "without the key: {}", refused.stderr);
    let prod = project.run_with_key(&["render", "prod"]).objects();
    assert_eq!(
        prod.texts("Secret/app").into_keys().collect::<Vec<_>>(),
        ["A", "C", "D", "DATABASE_PASSWORD", "STRIPE_WEBHOOK_SECRET"]
    );
    // the same side of the wall with and without the key
    let keys = |run: crate::support::sandbox::Run| {
        run.objects()
            .0
            .iter()
            .map(|object| format!("{:?}", object["data"].as_object().unwrap().keys()))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(project.run(&["render", "dev"])), keys(project.run_with_key(&["render", "dev"])));
}

#[test]
fn only_the_encrypted_leaves_of_a_file_are_secret() {
    // `_unencrypted` is what the selector of the file leaves alone
    let base = "data: { DATABASE_PASSWORD: x, STRIPE_WEBHOOK_SECRET: x, A: a }\n";
    let project =
        Sandbox::new([("base.yaml", base), ("prod.yaml", "data: { A: b }\n"), ("prod.secrets.yaml", ENCRYPTED)]);
    let found = project.run_with_key(&["render", "prod"]).objects();
    assert_eq!(found.texts("ConfigMap/app"), crate::support::objects::pairs([("A", "b")]));
}

/// Texts that make conditions flip, and equal plain values.
const SECRETS: &[&str] =
    &["", "0", "7", "true", "false", "plain", "alpha", "S1", "P1", "a", "zz", "s3cr3t", "x y", "[1]"];

/// Expressions over the context of [`base`]: most have a value, whatever the secrets are.
fn expression() -> impl Strategy<Value = String> + Clone {
    let leaf = prop::sample::select(vec![
        "data.S1",
        "data.S2",
        "data.D1",
        "data.P1",
        "data.P2",
        "data.P3",
        "bundles.more.M",
        "bundles.more.Q",
        "bundles.app.S1",
        "vars.p",
        "vars.n",
        "vars.map.a",
        "vars.map.s",
        "vars.map",
        "vars.list",
        "vars.list[1]",
        "vars.list[0]",
        "vars.chain",
        "vars.plain",
        "vars",
        "data[vars.which]",
        "env.name",
        "'alpha'",
        "7",
        "true",
        "none",
        "[]",
        "data.T0",
        "data.MISSING",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let filter = prop::sample::select(vec![
            "upper",
            "length",
            "string",
            "b64encode",
            "sha256",
            "tojson",
            "first",
            "last",
            "list",
            "sort",
            "join(',')",
            "default('d')",
            "default(data.S2)",
            "map('upper') | list",
            "items | list",
            "dictsort",
            "reverse",
            "unique | list",
            "int",
            "bool",
            "replace('a', data.S1)",
            "select | list | length",
            "min",
            "quote",
            "urlencode",
            "toyaml",
            "attr('a')",
            "trim",
        ]);
        let test = prop::sample::select(vec![
            "defined",
            "string",
            "mapping",
            "none",
            "true",
            "iterable",
            "odd",
            "eq('a')",
            "in(vars.list)",
        ]);
        prop_oneof![
            (inner.clone(), filter).prop_map(|(a, f)| format!("({a} | {f})")),
            (inner.clone(), test).prop_map(|(a, t)| format!("({a} is {t})")),
            (two.clone(), prop::sample::select(vec!["~", "==", "!=", "and", "or", "in", "<"]))
                .prop_map(|((a, b), op)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
            two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            two.prop_map(|(a, b)| format!("{{'a': {a}, 'b': {b}}}")),
            inner.clone().prop_map(|a| format!("data['S' ~ ({a} | string | length % 2 + 1)]")),
            inner.clone().prop_map(|a| format!("(not {a})")),
            inner.prop_map(|a| format!("({a})[0]")),
        ]
    })
}

fn template() -> impl Strategy<Value = String> {
    let printed = expression().prop_map(|a| format!("{{{{ {a} | tojson }}}}"));
    let leaf = prop_oneof![4 => printed, 1 => Just("text".to_owned()), 1 => Just("{{ x | default('-') | tojson }}".to_owned())];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let with = (expression(), inner.clone());
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a + &b),
            (expression(), inner.clone(), inner.clone())
                .prop_map(|(e, a, b)| format!("{{% if {e} %}}{a}{{% else %}}{b}{{% endif %}}")),
            with.clone().prop_map(|(e, a)| format!("{{% for x in {e} %}}{a}{{% endfor %}}")),
            with.clone().prop_map(|(e, a)| format!("{{% set x = {e} %}}{a}")),
            with.clone().prop_map(|(e, a)| format!("{{% with x = {e} %}}{a}{{% endwith %}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{% set x %}}{a}{{% endset %}}{b}")),
            with.clone().prop_map(|(e, a)| format!("{{% macro m(x) %}}{a}{{% endmacro %}}{{{{ m({e}) }}}}")),
            inner.clone().prop_map(|a| format!("{{% filter upper %}}{a}{{% endfilter %}}")),
            with.prop_map(|(e, a)| format!(
                "{{% set ns = namespace(x=0) %}}{{% for i in [1] %}}{{% set ns.x = {e} %}}{{% endfor %}}{a}{{{{ ns.x | tojson }}}}"
            )),
            inner.prop_map(|a| format!("{{% from 'm.j2' import p %}}{{{{ p(data.S1, {{'a': 1}}) }}}}{a}{{% include 'i.j2' %}}")),
        ]
    })
}

fn base(secrets: (&str, &str), templates: &[String], leaf: &str) -> String {
    let json = |text: &str| Json::from(text).to_string();
    let mut base = format!(
        r#"
vars:
  p: alpha
  n: 3
  which: P1
  map: {{ a: 1, s: "{{{{ data.S2 }}}}" }}
  list: [x, "{{{{ data.S1 }}}}"]
  chain: "{{{{ vars.map.s }}}}"
  plain: "{{{{ vars.p }}}}"
bundles: {{ more: {{ data: {{ M: "{{{{ bundles.app.S1 }}}}", Q: q }} }} }}
data:
  S1: {{ value: {}, sensitive: true }}
  S2: {{ value: {}, sensitive: true }}
  D1: "{{{{ data.S1 | upper }}}}"
  P1: plain
  P2: 8080
  P3: "{{{{ vars.p }}}}"
  MISSING: {{ description: never set }}
  c.json: {{ content: {{ leaf: {}, other: 1 }} }}
"#,
        json(secrets.0),
        json(secrets.1),
        json(leaf),
    );
    for (index, template) in templates.iter().enumerate() {
        // only the first may be referred to, so that there are no circles
        let template = if index == 0 { template.replace("data.T0", "data.P1") } else { template.clone() };
        writeln!(base, "  T{index}: {}", json(&template)).unwrap();
    }
    base
}

/// What became of each entry: its side, and its value if there is one.
fn surveyed(directory: &std::path::Path, base: &str) -> Vec<(String, Sensitivity, Option<Vec<u8>>)> {
    fs::write(directory.join("base.yaml"), base).unwrap();
    let project = septum::project::Project::discover(directory).unwrap();
    let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::of(HostSystem::current(), |_| None)));
    let app = &project.apps[0];
    let survey: Survey = pipeline
        .survey(app, SurveyOptions::decrypting(&app.environments), &mut Diagnostics::new())
        .unwrap_or_else(|| panic!("the layers are valid:\n{base}"));
    let of_all = survey.environments.iter().flat_map(|resolved| &resolved.entries);
    of_all
        .map(|(id, value)| {
            let bytes = value.outcome.known().map(|known| known.bytes().to_vec());
            (format!("{}/{}", id.bundle, id.key), survey.routing.sensitivity(id), bytes)
        })
        .collect()
}

#[test]
fn whatever_depends_on_a_secret_is_routed_to_the_secret() {
    let cases = std::env::var("SEPTUM_TAINT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(500);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let secret = || prop::sample::select(SECRETS);
    let strategy = ((secret(), secret()), (secret(), secret()), prop::collection::vec(template(), 1..5), expression());
    let directory = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("dev.yaml", ""),
        ("prod.yaml", "vars: { which: S1 }\ndata: { P1: other }\n"),
        ("m.j2", "{% macro p(x, y) %}{{ y.a }}{% endmacro %}"),
        ("i.j2", "{% if env.name == 'prod' %}{{ data.P1 }}{% endif %}"),
    ] {
        fs::write(directory.path().join(file), text).unwrap();
    }
    let (known, plain, differing) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let result = runner.run(&strategy, |(one, other, templates, leaf)| {
        let leaf = format!("{{{{ {} }}}}", leaf.replace("data.T0", "data.P1"));
        let one = surveyed(directory.path(), &base(one, &templates, &leaf));
        let other = surveyed(directory.path(), &base(other, &templates, &leaf));
        for ((id, side, value), (_, other_side, other_value)) in one.into_iter().zip(other) {
            prop_assert_eq!(side, other_side, "{} changes sides with the secret", id);
            let (Some(value), Some(other_value)) = (value, other_value) else { continue };
            known.set(known.get() + 1);
            plain.set(plain.get() + u32::from(side == Sensitivity::Plain));
            if value != other_value {
                differing.set(differing.get() + 1);
                prop_assert_eq!(side, Sensitivity::Sensitive, "{} shows a secret", id);
            }
        }
        Ok(())
    });
    result.unwrap();
    // the test is one only if there is something to see
    let (known, plain, differing) = (known.get(), plain.get(), differing.get());
    assert!(known > 10 * cases && plain > 5 * cases && differing > 5 * cases, "{known} {plain} {differing}");
}

#[test]
fn declassify_lets_nothing_out_but_its_result() {
    for (name, template) in [
        (
            "a field that is set within the call",
            "{% macro m(ns) %}{% set ns.x = data.KEY %}{% endmacro %}{% set ns = namespace() %}{{ declassify(m(ns), 'r') }}{{ ns.x }}",
        ),
        (
            "a namespace that is made within the call",
            "{% macro m() %}{% set ns = namespace(x=data.KEY) %}{% endmacro %}{{ declassify(data.KEY ~ m(), 'r') }}",
        ),
        ("a reason that is computed", "{{ declassify(data.KEY | length, data.KEY) }}"),
        ("no reason", "{{ declassify(data.KEY | length) }}"),
    ] {
        let base = format!("data:\n  KEY: {{ value: dummy-secret, sensitive: true }}\n  OUT: \"{template}\"\n");
        let refused = Sandbox::of(&base, "").run(&["render", "dev"]).refused();
        assert!(!refused.contains("dummy-secret"), "{name}: {refused}");
    }
}
