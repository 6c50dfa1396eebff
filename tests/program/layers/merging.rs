//! Layers: their order, how they merge, and that what was written is what comes out
//! (contract, sections 3 and 4).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fmt::Write as _;

use crate::support::objects::{Objects, pairs};
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};

/// A layer that appends `name` to a list, so that the list tells the order of layers.
fn mark(name: &str, more: &str) -> String {
    format!("{more}\ndata:\n  order.yaml: {{ content: {{ order+: [{name}] }} }}\n")
}

fn order(project: &Sandbox, directory: &str) -> String {
    let text = crate::support::sandbox::run(&project.root().join(directory), &["render", "dev"], &[]).objects();
    let read: Json = serde_yaml::from_str(&text.value("order.yaml")).unwrap();
    let names: Vec<_> = read["order"].as_array().unwrap().iter().map(crate::support::objects::text).collect();
    names.join(" ")
}

#[test]
fn layers_apply_parents_first_each_once_in_the_order_named() {
    for (name, files, expected) in [
        ("an environment lies over the base", &[("base", ""), ("dev", "")][..], "base dev"),
        ("its secrets right over it", &[("base", ""), ("dev", ""), ("dev.secrets", "")], "base dev dev.secrets"),
        ("those of the base before it", &[("base", ""), ("base.secrets", ""), ("dev", "")], "base base.secrets dev"),
        ("an empty extends changes nothing", &[("base", ""), ("dev", "extends: []")], "base dev"),
        ("nor does the base in it", &[("base", ""), ("dev", "extends: [base]")], "base dev"),
        (
            "parents in the order named",
            &[("base", ""), ("m/b", ""), ("m/a", ""), ("dev", "extends: [m/b, m/a]")],
            "base m/b m/a dev",
        ),
        ("one parent needs no list", &[("base", ""), ("m/a", ""), ("dev", "extends: m/a")], "base m/a dev"),
        ("a name twice counts once", &[("base", ""), ("m/a", ""), ("dev", "extends: [m/a, m/a]")], "base m/a dev"),
        (
            "parents of parents",
            &[
                ("base", ""),
                ("m/a", "extends: [m/b]"),
                ("m/b", "extends: [n/deep/c]"),
                ("n/deep/c", ""),
                ("dev", "extends: [m/a]"),
            ],
            "base n/deep/c m/b m/a dev",
        ),
        (
            "a diamond",
            &[
                ("base", ""),
                ("m/z", ""),
                ("m/x", "extends: [m/z]"),
                ("m/y", "extends: [m/z]"),
                ("dev", "extends: [m/x, m/y]"),
            ],
            "base m/z m/x m/y dev",
        ),
        (
            "another environment with all that it extends",
            &[
                ("base", ""),
                ("m/eu", ""),
                ("staging", "extends: [m/eu]"),
                ("staging.secrets", ""),
                ("dev", "extends: [staging, m/eu]"),
            ],
            "base m/eu staging staging.secrets dev",
        ),
        (
            "the secrets of a mixin",
            &[("base", ""), ("m/a", ""), ("m/a.secrets", ""), ("dev", "extends: [m/a]")],
            "base m/a m/a.secrets dev",
        ),
        (
            "a secrets file may extend too",
            &[("base", ""), ("m/a", ""), ("dev", ""), ("dev.secrets", "extends: [m/a]")],
            "base m/a dev dev.secrets",
        ),
        ("a mixin that nobody names is not applied", &[("base", ""), ("m/a", ""), ("dev", "")], "base dev"),
    ] {
        let project = files
            .iter()
            .fold(Sandbox::new([]), |project, (layer, more)| project.file(&format!("{layer}.yaml"), mark(layer, more)));
        assert_eq!(order(&project, ""), expected, "{name}");
    }
}

#[test]
fn shared_layers_lie_under_those_of_the_app_name_by_name() {
    for (name, files, expected) in [
        (
            "every kind of file",
            &[
                ("shared/base", ""),
                ("shared/base.secrets", ""),
                ("services/app/base", ""),
                ("services/app/base.secrets", ""),
                ("shared/dev", ""),
                ("shared/dev.secrets", ""),
                ("services/app/dev", ""),
                ("services/app/dev.secrets", ""),
            ][..],
            "shared/base shared/base.secrets services/app/base services/app/base.secrets \
             shared/dev shared/dev.secrets services/app/dev services/app/dev.secrets",
        ),
        (
            "a mixin of both, named by the app",
            &[
                ("services/app/base", ""),
                ("shared/m/a", ""),
                ("services/app/m/a", ""),
                ("services/app/dev", "extends: [m/a]"),
            ],
            "services/app/base shared/m/a services/app/m/a services/app/dev",
        ),
        (
            "a mixin of the shared directory, named by the shared layer",
            &[
                ("services/app/base", ""),
                ("shared/m/a", ""),
                ("shared/dev", "extends: [m/a]"),
                ("services/app/dev", ""),
            ],
            "services/app/base shared/m/a shared/dev services/app/dev",
        ),
    ] {
        let start =
            Sandbox::new([("septum.yaml", "apps: [services/*]\nshared: shared\n")]).file("shared/base.yaml", "");
        let project = files
            .iter()
            .fold(start, |project, (layer, more)| project.file(&format!("{layer}.yaml"), mark(layer, more)));
        assert_eq!(order(&project, ""), expected, "{name}");
        assert_eq!(order(&project, "services/app"), expected, "{name}, started in the app");
    }
}

#[test]
fn a_scalar_replaces_a_list_only_grows_where_asked_and_null_removes() {
    for (name, base, mixin, dev, expected) in [
        ("untouched", "A: 1", "", "", Some("1")),
        ("a value replaces", "A: 1", "", "A: 2", Some("2")),
        ("the last one wins", "A: 1", "A: 2", "A: 3", Some("3")),
        ("the empty text is a value", "A: 1", "", "A: \"\"", Some("")),
        ("null removes", "A: 1", "", "A: null", None),
        ("so does a tilde", "A: 1", "", "A: ~", None),
        ("a mixin removes too", "A: 1", "A: null", "", None),
        ("what was removed can be set again", "A: 1", "A: null", "A: 2", Some("2")),
        ("the long form replaces as well", "A: 1", "", "A: { value: 2 }", Some("2")),
        ("rules alone leave the value", "A: 1", "", "A: { description: one }", Some("1")),
        ("a text replaces a file", "A: { file: f }", "", "A: 2", Some("2")),
        ("a file replaces a text", "A: 1", "", "A: { file: f }", Some("file {{ 1 }}\n")),
        ("a template replaces a file", "A: { file: f }", "", "A: { template: f }", Some("file 1\n")),
        ("content replaces a text", "A: 1", "", "A: { content: { x: 1 }, format: json }", Some("{\n  \"x\": 1\n}\n")),
        (
            "nulls of the first content are values",
            "A: { content: { x: null, l: [null] }, format: json }",
            "",
            "",
            Some("{\n  \"x\": null,\n  \"l\": [\n    null\n  ]\n}\n"),
        ),
        (
            "nulls of content that replaces a text vanish",
            "A: 1",
            "",
            "A: { content: { x: 1, y: null, z: { a: null }, l: [null] }, format: json }",
            Some("{\n  \"x\": 1,\n  \"z\": {},\n  \"l\": [\n    null\n  ]\n}\n"),
        ),
        ("a text replaces content", "A: { content: { x: 1 }, format: json }", "", "A: x", Some("x")),
        (
            "content after a text starts anew",
            "A: { content: { x: 1 }, format: env }",
            "A: x",
            "A: { content: { y: 2 } }",
            Some("y=2\n"),
        ),
        (
            "content after a removal starts anew",
            "A: { content: { x: 1 }, format: env }",
            "A: null",
            "A: { content: { y: 2 } }",
            Some("y=2\n"),
        ),
    ] {
        let layer = |entry: &str| format!("data:\n  KEEP: x\n  {entry}\n");
        let project = Sandbox::new([])
            .file("base.yaml", layer(base))
            .file("m/a.yaml", layer(mixin))
            .file("dev.yaml", format!("extends: [m/a]\n{}", layer(dev)))
            .file("f", "file {{ 1 }}\n")
            .file("m/f", "");
        let found = project.dev().texts("ConfigMap/app").remove("A");
        assert_eq!(found.as_deref(), expected, "{name}");
    }
}

#[test]
fn rules_stay_when_a_value_is_replaced() {
    for (base, dev) in [
        ("{ value: 1, type: integer }", "x"),
        ("{ value: 1, maximum: 9 }", "10"),
        ("{ value: a, enum: [a, b] }", "c"),
        ("{ value: 20 }", "{ maximum: 9 }"),
        ("{ value: 5, maximum: 9 }", "{ value: 10 }"),
        ("{ value: abc, pattern: '^[a-c]+$' }", "abd"),
        ("{ value: x, required: true }", "null"),
    ] {
        let project = Sandbox::of(&format!("data:\n  A: {base}\n"), &format!("data:\n  A: {dev}\n"));
        project.run(&["render", "dev"]).refused();
    }
    for (base, dev, expected) in [
        ("{ value: 1, type: integer, maximum: 9 }", "{ value: 20, maximum: 30 }", "20"),
        ("{ value: 1, type: integer, minimum: 1 }", "{ minimum: 0, value: 0 }", "0"),
        ("{ required: true, description: given by each }", "x", "x"),
    ] {
        let project = Sandbox::of(&format!("data:\n  A: {base}\n"), &format!("data:\n  A: {dev}\n"));
        assert_eq!(project.dev().value("A"), expected, "{base} under {dev}");
    }
    let declared = Sandbox::of("data:\n  A: { value: x, sensitive: true }\n", "data:\n  A: y\n");
    assert_eq!(declared.dev().texts("Secret/app"), pairs([("A", "y")]));
}

#[test]
fn an_overlay_sets_only_what_is_defined() {
    let base =
        "data:\n  LOG_LEVEL: info\nbundles:\n  free: { open: true, data: { A: 1 } }\n  more: { data: { B: 1 } }\n";
    for (name, dev) in [
        ("a slip", "data: { LOG_LEVL: debug }"),
        ("an unknown key", "data: { OTHER: 1 }"),
        ("removing one", "data: { OTHER: null }"),
        ("rules for one", "data: { OTHER: { required: true } }"),
        ("a key of another bundle", "data: { B: 1 }"),
        ("a bundle", "bundles: { other: { data: { A: 1 } } }"),
        ("a key of a closed bundle", "bundles: { more: { data: { C: 1 } } }"),
    ] {
        let message = Sandbox::of(base, dev).run(&["render", "dev"]).refused();
        assert!(message.contains("dev.yaml:1:"), "{name}: {message}");
    }
    let open = Sandbox::of(base, "bundles: { free: { data: { NEW: 2 } } }\n").dev();
    assert_eq!(open.texts("ConfigMap/free"), pairs([("A", "1"), ("NEW", "2")]));
    let opened_there = Sandbox::of(base, "bundles: { app: { open: true } }\ndata: { NEW: 2 }\n").dev();
    assert_eq!(opened_there.value("NEW"), "2");
    let mixin = Sandbox::of(base, "extends: [m/a]\ndata: { NEW: 3 }\n").file("m/a.yaml", "data: { NEW: 2 }\n").dev();
    assert_eq!(mixin.value("NEW"), "3");
}

/// Scalars that some reader of YAML takes for something else than their text.
const PLAIN: &[&str] = &[
    "1.10",
    "1.0",
    "0644",
    "007",
    "08",
    "1e6",
    "1E-3",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "n",
    "true",
    "True",
    "FALSE",
    "2024-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "12:30:45",
    "190:20:30",
    "0x1F",
    "0o17",
    "0b11",
    "1_000",
    "+1",
    "-0",
    ".5",
    "5.",
    ".inf",
    "-.INF",
    ".nan",
    "NaN",
    "12345678901234567890",
    "-98765432109876543210",
    "0.1000000000000000000001",
    "6.02e23",
    "=",
    "<<",
    "1.2.3",
    "nil",
    "None",
    "00",
    "1e400",
];

#[test]
fn plain_scalars_come_out_as_they_were_written() {
    let mut base = "bundles:\n  own:\n    data:\n".to_owned();
    for (index, text) in PLAIN.iter().enumerate() {
        writeln!(base, "      K{index}: {text}\n      L{index}: {{ value: {text} }}").unwrap();
    }
    let project = Sandbox::of(&base, "");
    for format in ["yaml", "json", "kyaml"] {
        let objects = objects(&project, format);
        let found = objects.texts("ConfigMap/own");
        for (index, text) in PLAIN.iter().enumerate() {
            assert_eq!((&*found[&format!("K{index}")], &*found[&format!("L{index}")]), (*text, *text), "{format}");
        }
    }
}

#[test]
fn plain_keys_come_out_as_they_were_written() {
    // what a ConfigMap takes as a key, and `null`, which is no null as a key
    let valid = |key: &&&str| key.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char));
    let keys: Vec<&str> = PLAIN.iter().filter(valid).copied().chain(["null", "Null"]).collect();
    assert!(keys.len() > 30);
    let base = keys.iter().fold("data:\n".to_owned(), |base, key| base + "  " + key + ": x\n");
    let content = keys.iter().fold(String::new(), |base, key| base + "      " + key + ": x\n");
    let project = Sandbox::of(&format!("{base}  all.json:\n    content:\n{content}"), "");
    for format in ["yaml", "json", "kyaml"] {
        let mut found = objects(&project, format).texts("ConfigMap/app");
        let inner: Json = serde_json::from_str(&found.remove("all.json").unwrap()).unwrap();
        let mut expected = keys.clone();
        expected.sort_unstable();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected, "{format}");
        let inner: Vec<_> = inner.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(inner, keys, "{format}, in content");
    }
}

fn objects(project: &Sandbox, format: &str) -> Objects {
    let text = project.run(&["render", "dev", "--format", format]).ok();
    if format == "json" {
        let list: Json = serde_json::from_str(&text).unwrap();
        return Objects(list["items"].as_array().unwrap().clone());
    }
    Objects::read(&text)
}

#[test]
fn quoted_and_block_scalars_give_their_content() {
    for (written, expected) in [
        ("\"1.10\"", "1.10"),
        ("'0644'", "0644"),
        ("'it''s'", "it's"),
        ("\"tab\\tand \\u00e9 \\x41\"", "tab\tand é A"),
        ("\"  blanks  \"", "  blanks  "),
        ("'null'", "null"),
        ("\"\"", ""),
        ("!!str 1.10", "1.10"),
        ("!!str", ""),
        ("plain text # a comment", "plain text"),
        ("a#b", "a#b"),
        ("one\n    two\n\n    three", "one two\nthree"),
        ("|\n    one\n      two\n", "one\n  two\n"),
        ("|-\n    one\n    two\n", "one\ntwo"),
        ("|+\n    one\n", "one\n\n"),
        ("|2\n      two more\n", "  two more\n"),
        (">\n    one\n    two\n\n    three\n", "one two\nthree\n"),
        (">-\n    one\n    two\n", "one two"),
        ("|\n    1.10\n", "1.10\n"),
        ("日本 ß 🎉", "日本 ß 🎉"),
    ] {
        for format in ["yaml", "json", "kyaml"] {
            let project = Sandbox::of(&format!("data:\n  A: {written}\n"), "");
            assert_eq!(objects(&project, format).value("A"), expected, "{written} as {format}");
        }
    }
}

#[test]
fn an_invalid_rule_is_refused_wherever_it_is_written() {
    const INVALID: &str = "{ pattern: '(', format: nope }";
    for (base, dev) in [
        (format!("data: {{ A: {INVALID} }}\n"), String::new()),
        (format!("data: {{ A: {INVALID} }}\n"), "data: { A: { value: x, pattern: x, format: date } }\n".to_owned()),
        (format!("bundles: {{ mail: {{ data: {{ A: {INVALID} }} }} }}\n"), String::new()),
        (format!("vars: {{ a: null }}\nvarRules: {{ a: {INVALID} }}\n"), String::new()),
        ("data: { A: { type: integer, value: 1 } }\n".to_owned(), "data: { A: { pattern: '(' } }\n".to_owned()),
    ] {
        Sandbox::of(&base, &dev).run(&["render", "dev"]).refused();
    }
    // the format of a structure is no rule, whether an environment has it or not
    let project = Sandbox::of("data: { A: { format: toml } }\n", "data: { A: { content: { x: 1 } } }\n");
    project.file("prod.yaml", "").run(&["render", "prod"]).succeeds();
}

#[test]
fn content_and_vars_merge_deeply_and_lists_grow_only_where_asked() {
    let base = json!({ "s": { "a": 1, "b": [1, 2], "c": { "d": "x" } } });
    for (name, mixin, dev, expected) in [
        ("maps merge", "{}", "{ s: { a: 2 } }", json!({ "s": { "a": 2, "b": [1, 2], "c": { "d": "x" } } })),
        ("new keys are added", "{}", "{ t: 1 }", json!({ "s": base["s"], "t": 1 })),
        ("lists replace", "{}", "{ s: { b: [3] } }", json!({ "s": { "a": 1, "b": [3], "c": { "d": "x" } } })),
        ("lists append", "{}", "{ s: { b+: [3] } }", json!({ "s": { "a": 1, "b": [1, 2, 3], "c": { "d": "x" } } })),
        ("lists prepend", "{}", "{ s: { +b: [3] } }", json!({ "s": { "a": 1, "b": [3, 1, 2], "c": { "d": "x" } } })),
        (
            "in several layers",
            "{ s: { b+: [3] } }",
            "{ s: { b+: [4], +b: [0] } }",
            json!({ "s": { "a": 1, "b": [0, 1, 2, 3, 4], "c": { "d": "x" } } }),
        ),
        ("a list that is new", "{}", "{ s: null, l+: [1] }", json!({ "l": [1] })),
        ("null removes", "{}", "{ s: { b: null, c: ~ } }", json!({ "s": { "a": 1 } })),
        ("and may be set again", "{ s: null }", "{ s: { z: 1 } }", json!({ "s": { "z": 1 } })),
        ("a scalar replaces a map", "{}", "{ s: x }", json!({ "s": "x" })),
        ("a map replaces a scalar", "{ s: x }", "{ s: { z: 1 } }", json!({ "s": { "z": 1 } })),
    ] {
        let content = Sandbox::new([])
            .file("base.yaml", format!("data:\n  x.json: {{ content: {base} }}\n"))
            .file("m/a.yaml", format!("data:\n  x.json: {{ content: {mixin} }}\n"))
            .file("dev.yaml", format!("extends: [m/a]\ndata:\n  x.json: {{ content: {dev} }}\n"));
        let read: Json = serde_json::from_str(&content.dev().value("x.json")).unwrap();
        assert_eq!(read, expected, "{name}, in content");
        let vars = Sandbox::new([])
            .file("base.yaml", format!("vars: {base}\ndata:\n  x.json: '{{{{ vars | tojson }}}}'\n"))
            .file("m/a.yaml", format!("vars: {mixin}\n"))
            .file("dev.yaml", format!("extends: [m/a]\nvars: {dev}\n"));
        if ["new keys are added", "a list that is new"].contains(&name) {
            // as strict as entries
            vars.run(&["render", "dev"]).refused();
            continue;
        }
        let read: Json = serde_json::from_str(&vars.dev().value("x.json")).unwrap();
        assert_eq!(read, expected, "{name}, in vars");
    }
}

#[test]
fn a_null_of_the_first_layer_is_a_value_of_the_structure() {
    let project = Sandbox::of("data:\n  x.json: { content: { a: null, b: 1 } }\n", "");
    assert_eq!(project.dev().value("x.json"), "{\n  \"a\": null,\n  \"b\": 1\n}\n");
}

#[test]
fn anchors_and_merge_keys_work() {
    let base = r"
vars:
  level: &level info
  common: &common { timeout: 5s, retries: 3 }
  other: &other { retries: 4, jitter: 1s }
data:
  LOG_LEVEL: *level
  AUDIT_LEVEL: &rules { value: warn, enum: [info, warn] }
  OTHER_LEVEL: *rules
  THIRD_LEVEL: { <<: *rules, value: info }
  one.json: { content: { <<: *common, timeout: 9s } }
  two.json: { content: { <<: [*common, *other] } }
  list.json: { content: [*common, *level] }
";
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let found = Sandbox::of(base, "").dev();
    let levels = ["LOG_LEVEL", "AUDIT_LEVEL", "OTHER_LEVEL", "THIRD_LEVEL"].map(|key| found.value(key));
    assert_eq!(levels, ["info", "warn", "warn", "info"]);
    assert_eq!(json(&found.value("one.json")), json!({ "timeout": "9s", "retries": 3 }));
    assert_eq!(json(&found.value("two.json")), json!({ "timeout": "5s", "retries": 3, "jitter": "1s" }));
    assert_eq!(json(&found.value("list.json")), json!([{ "timeout": "5s", "retries": 3 }, "info"]));
    Sandbox::of(base, "data: { THIRD_LEVEL: loud }").run(&["render", "dev"]).refused();
}

#[test]
fn bundles_become_objects_of_their_name() {
    let base = r#"
app: shop
data: { A: a }
bundles:
  shop: { data: { B: b } }
  more: { data: { C: "{{ data.D }}{{ bundles.shop.A }}", D: d, SESSION: { value: s, sensitive: true } } }
  empty: { data: {} }
  tls: { type: example.com/pair, data: { PUBLIC: p, PRIVATE: q } }
  unused: { type: Opaque, data: { X: { required: false } } }
"#;
    let found = Sandbox::of(base, "bundles: { shop: { data: { A: over } } }\n").dev();
    let names: Vec<_> = found
        .0
        .iter()
        .map(|object| format!("{}/{}", object["kind"], object["metadata"]["name"]).replace('"', ""))
        .collect();
    assert_eq!(names, ["ConfigMap/more", "ConfigMap/shop", "Secret/more", "Secret/tls"]);
    assert_eq!(found.texts("ConfigMap/shop"), pairs([("A", "over"), ("B", "b")]), "`data` is the bundle of the app");
    assert_eq!(found.texts("ConfigMap/more"), pairs([("C", "dover"), ("D", "d")]), "`data` is the same bundle");
    assert_eq!(found.texts("Secret/more"), pairs([("SESSION", "s")]));
    assert_eq!(found.texts("Secret/tls"), pairs([("PUBLIC", "p"), ("PRIVATE", "q")]), "all of a Secret type is secret");
    let types: Vec<_> = found.0.iter().map(|object| object["type"].as_str()).collect();
    assert_eq!(types, [None, None, Some("Opaque"), Some("example.com/pair")]);
}

#[test]
fn labels_annotations_and_namespace_are_on_every_object() {
    let base = r#"
namespace: shop
labels: { team: payments, tier: 1.10, gone: x }
annotations: { example.com/owner: "someone@example.com", gone: x }
data: { A: a, API_TOKEN: t }
bundles: { more: { data: { B: b } } }
"#;
    let dev = "namespace: shop-dev\nlabels: { tier: yes, gone: null, new: n }\nannotations: { gone: ~ }\n";
    let found = Sandbox::of(base, dev).dev();
    assert_eq!(found.0.len(), 3);
    for object in &found.0 {
        let metadata = json!({
            "annotations": { "example.com/owner": "someone@example.com" },
            "labels": {
                "app.kubernetes.io/managed-by": "septum", "app.kubernetes.io/name": "app",
                "new": "n", "team": "payments", "tier": "yes",
            },
            "name": object["metadata"]["name"],
            "namespace": "shop-dev",
        });
        assert_eq!(object["metadata"], metadata);
    }
    let bare = Sandbox::of("data: { A: a }\n", "").dev();
    let metadata = json!({
        "labels": { "app.kubernetes.io/managed-by": "septum", "app.kubernetes.io/name": "app" }, "name": "app",
    });
    assert_eq!(bare.0[0]["metadata"], metadata, "what is not given is left out");
}

#[test]
fn files_go_out_byte_for_byte() {
    let bytes: Vec<u8> = (0..=255).collect();
    let key: Vec<u8> = (0..=255).rev().collect();
    let project = Sandbox::of(
        "data:\n  text: { file: files/text }\n  crlf: { file: files/../files/crlf }\n  bin: { file: files/bin }\n  \
         empty: { file: files/empty }\n  key.bin: { file: files/key, sensitive: true }\n",
        "",
    )
    .file("files/text", "{{ not a template }}\n\n  ß")
    .file("files/crlf", "a\r\nb\r\n")
    .file("files/bin", &bytes)
    .file("files/key", &key)
    .file("files/empty", "");
    let found = project.dev();
    let plain = found.bytes("ConfigMap/app");
    assert_eq!(plain["text"], "{{ not a template }}\n\n  ß".as_bytes());
    assert_eq!(plain["crlf"], b"a\r\nb\r\n");
    assert_eq!((&plain["bin"], plain["empty"].len()), (&bytes, 0));
    assert_eq!(found.bytes("Secret/app")["key.bin"], key);
    let fields: Vec<_> = found.0[0]["binaryData"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["bin"], "what is text stands in `data`");
}

#[test]
fn files_are_relative_to_the_layer_that_names_them() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [services/app]\nshared: shared\n"),
        ("shared/base.yaml", "data: { A: { file: f }, B: { file: f } }\n"),
        ("shared/f", "shared"),
        ("services/app/base.yaml", "data: { C: { file: f }, D: x }\n"),
        ("services/app/f", "app"),
        ("services/app/m/a.yaml", "data: { D: { file: f } }\n"),
        ("services/app/m/f", "mixin"),
        ("services/app/dev.yaml", "extends: [m/a]\ndata: { B: { file: f } }\n"),
    ]);
    let expected = pairs([("A", "shared"), ("B", "app"), ("C", "app"), ("D", "mixin")]);
    assert_eq!(project.dev().texts("ConfigMap/app"), expected);
}

#[test]
fn binary_values_are_their_bytes() {
    let found = Sandbox::of(
        "data:\n  bin: !!binary gP8=\n  text: !!binary |\n    aGVs\n    bG8=\n  both: { value: !!binary AAE=, sensitive: true }\n",
        "",
    )
    .dev();
    let plain = found.bytes("ConfigMap/app");
    assert_eq!((&*plain["bin"], &*plain["text"]), (&b"\x80\xff"[..], &b"hello"[..]));
    assert_eq!(found.bytes("Secret/app")["both"], b"\0\x01");
}

#[test]
fn content_is_written_as_the_key_says() {
    let flat = "{ host: localhost, port: 8080, version: 1.10, mode: 0644, on: true, text: 'a b' }";
    for (key, content, expected) in [
        ("x.yaml", flat, "host: localhost\nport: 8080\nversion: 1.10\nmode: 0644\n\"on\": true\ntext: a b\n"),
        ("x.yml", "{ list: [1, two], empty: {} }", "list:\n- 1\n- two\nempty: {}\n"),
        (
            "x.json",
            flat,
            "{\n  \"host\": \"localhost\",\n  \"port\": 8080,\n  \"version\": 1.10,\n  \"mode\": \"0644\",\n  \"on\": true,\n  \"text\": \"a b\"\n}\n",
        ),
        ("list.json", "[1, [], {}, null]", "[\n  1,\n  [],\n  {},\n  null\n]\n"),
        (
            "x.toml",
            "{ title: t, since: 2024-01-01, server: { port: 8080, hosts: [a, b] }, users: [{ name: a }, { name: b }] }",
            "title = \"t\"\nsince = 2024-01-01\n\n[server]\nport = 8080\nhosts = [\"a\", \"b\"]\n\n[[users]]\nname = \"a\"\n\n[[users]]\nname = \"b\"\n",
        ),
        (
            "x.properties",
            "{ server: { port: 8080, hosts: [a, b] }, greeting: 'grüß: dich' }",
            "server.port=8080\nserver.hosts[0]=a\nserver.hosts[1]=b\ngreeting=gr\\u00FC\\u00DF\\: dich\n",
        ),
        (".env", "{ A: 1.10, B: 'two words', C: true, D: '' }", "A=1.10\nB='two words'\nC=true\nD=\n"),
        (".env.production", "{ A: 1 }", "A=1\n"),
        ("x.env", "{ A: \"it's\" }", "A=\"it's\"\n"),
        ("x.ini", "{ server: { port: 8080 }, top: yes }", "top = yes\n\n[server]\nport = 8080\n"),
        ("X.JSON", "{ a: 1 }", "{\n  \"a\": 1\n}\n"),
        ("NO_EXTENSION, format: toml", "{ a: 1 }", "a = 1\n"),
        ("x.conf, format: ini", "{ a: 1 }", "a = 1\n"),
    ] {
        let (key, format) = key.split_once(", ").unwrap_or((key, "description: x"));
        let project = Sandbox::of(&format!("data:\n  {key}: {{ content: {content}, {format} }}\n"), "");
        assert_eq!(project.dev().value(key), expected, "{key}");
    }
}

#[test]
fn a_leaf_that_is_one_expression_keeps_its_type() {
    let base = r#"
vars: { hosts: [a, b], limits: { cpu: 2 }, flag: true }
data:
  PORT: 8080
  RATIO: 0.5
  VERSION: 1.10
  DEBUG: { value: "true", type: boolean }
  NUMBER: { value: "7", type: integer }
  TEXT: "8080"
  x.json:
    content:
      port: "{{ data.PORT }}"
      next: "{{ data.PORT + 1 }}"
      trimmed: "{{- data.PORT -}}"
      ratio: "{{ data.RATIO }}"
      version: "{{ data.VERSION }}"
      debug: "{{ data.DEBUG }}"
      number: "{{ data.NUMBER }}"
      text: "{{ data.TEXT }}"
      within: "p{{ data.PORT }}"
      hosts: "{{ vars.hosts }}"
      limits: "{{ vars.limits }}"
      flag: "{{ not vars.flag }}"
      condition: "{% if vars.flag %}1{% endif %}"
      list: ["{{ data.PORT }}"]
"#;
    let read: Json = serde_json::from_str(&Sandbox::of(base, "").dev().value("x.json")).unwrap();
    let expected = json!({
        "port": 8080, "next": 8081, "trimmed": 8080, "ratio": 0.5, "version": "1.10", "debug": true, "number": 7,
        "text": "8080", "within": "p8080", "hosts": ["a", "b"], "limits": { "cpu": 2 }, "flag": false,
        "condition": "1", "list": [8080],
    });
    assert_eq!(read, expected);
}

#[test]
fn templates_can_be_switched_off() {
    let base = r#"
data:
  ON: "{{ 1 + 1 }}"
  OFF: { value: "{{ 1 + 1 }}", template: false }
  x.yaml: { content: { rule: "{{ $labels.instance }}" }, template: false }
  LATER: { value: "{{ broken", template: false }
"#;
    let found = Sandbox::of(base, "data: { LATER: '{% still broken' }\n").dev();
    let expected = pairs([
        ("ON", "2"),
        ("OFF", "{{ 1 + 1 }}"),
        ("x.yaml", "rule: \"{{ $labels.instance }}\"\n"),
        ("LATER", "{% still broken"),
    ]);
    assert_eq!(found.texts("ConfigMap/app"), expected);
}

#[test]
fn where_the_program_starts_does_not_change_what_it_writes() {
    let project = Sandbox::new([
        ("environments/base.yaml", "app: shop\ndata: { A: 1, f: { file: ../shared.txt } }\n"),
        ("environments/dev.yaml", ""),
        ("shared.txt", "x"),
        ("src/deep/main.rs", ""),
    ]);
    let expected = project.run(&["render", "dev"]).ok();
    for arguments in [&["-C", "environments", "render", "dev"][..], &["render", "dev", "-C", "src/deep"]] {
        assert_eq!(project.run(arguments).ok(), expected, "{arguments:?}");
    }
    let deep = crate::support::sandbox::run(&project.root().join("src/deep"), &["render", "dev"], &[]);
    assert_eq!(deep.ok(), expected);
}

#[test]
fn merge_keys_work_in_a_layer_that_sops_encrypted() {
    // sops keeps `<<` as a key that the ciphertexts below it are bound to
    let prod = include_str!("../../vectors/merge-keys.enc.yaml");
    let project = Sandbox::new([("base.yaml", "vars: { d: {} }\ndata: { A: x, B: x, C: x }\n"), ("prod.yaml", prod)]);
    let found = project.run_with_key(&["render", "prod"]).objects();
    assert_eq!(found.texts("Secret/app"), pairs([("A", "one"), ("B", "two"), ("C", "three")]));
}

#[test]
fn null_takes_back_the_namespace() {
    let project = Sandbox::of("namespace: shop\ndata: { A: x }\n", "namespace: null\n");
    assert!(!project.run(&["render", "dev"]).ok().contains("namespace"));
}
