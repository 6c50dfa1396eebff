//! Tags of YAML: what is behind one is what the tag says, or an error, also if only a run knows it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::peers::peer;
use crate::support::sandbox::Sandbox;
use serde_json::{Value as Json, json};
use std::process::Command;

const VARS: &str = "vars: { three: 3, text: abc, truth: \"true\", day: 2024-01-31, empty: \"\", list: [1] }\n";

fn printed(base: &str) -> Json {
    let files = [("base.yaml", base), ("dev.yaml", "data: {}\n"), ("files/x.yaml", "")];
    let text = Sandbox::new(files).run(&["render", "dev", "--format", "json"]).ok();
    serde_json::from_str(&text).unwrap()
}

/// The value of a field of an object, or of a key of `content`, with a tag.
fn typed(value: &str) -> [Json; 2] {
    let content = format!("app: shop\n{VARS}data: {{ c.json: {{ content: {{ a: {value} }} }} }}\n");
    let content = printed(&content)["items"][0]["data"]["c.json"].as_str().unwrap().to_owned();
    let content: Json = serde_json::from_str(&content).unwrap();
    let object = format!("apiVersion: x.example/v1\nkind: X\nmetadata: {{ name: x }}\nspec: {{ a: {value} }}\n");
    let base = format!("app: shop\n{VARS}manifests: [workloads/x.yaml]\n");
    let files = [("base.yaml", &*base), ("dev.yaml", "data: {}\n"), ("workloads/x.yaml", &object)];
    let found = Sandbox::new(files).run(&["render", "dev", "--format", "json"]).ok();
    let found: Json = serde_json::from_str(&found).unwrap();
    [content["a"].clone(), found["items"][0]["spec"]["a"].clone()]
}

#[test]
fn what_a_template_gives_is_of_the_type_of_its_tag() {
    for (value, expected) in [
        ("'{{ vars.three }}'", json!(3)),
        ("!!str '{{ vars.three }}'", json!("3")),
        ("!!str '{{ vars.truth }}'", json!("true")),
        ("!!str '{{ vars.empty }}'", json!("")),
        ("!!int '{{ vars.three | string }}'", json!(3)),
        ("!!int '{{ vars.three }}{{ vars.three }}'", json!(33)),
        ("!!float '{{ vars.three }}.5'", json!(3.5)),
        ("!!bool '{{ vars.truth }}'", json!(true)),
        ("!!bool '{% if vars.three == 4 %}true{% else %}false{% endif %}'", json!(false)),
        ("!!timestamp '{{ vars.day }}'", json!("2024-01-31")),
    ] {
        assert_eq!(typed(value), [expected.clone(), expected], "{value}");
    }
}

#[test]
fn what_a_template_gives_that_contradicts_its_tag_is_refused() {
    for value in [
        "!!int '{{ vars.text }}'",
        "!!int '{{ vars.empty }}'",
        "!!int '{{ vars.three }}.5'",
        "!!float '{{ vars.text }}'",
        "!!bool '{{ vars.three }}'",
        "!!timestamp '{{ vars.text }}'",
    ] {
        let object = format!("apiVersion: x.example/v1\nkind: X\nmetadata: {{ name: x }}\nspec:\n  a: {value}\n");
        for (rest, place) in [
            (format!("data:\n  A: {value}\n"), "base.yaml:4:"),
            (format!("data:\n  c.json: {{ content: {{ a: {value} }} }}\n"), "base.yaml:4:"),
            (format!("data:\n  A: '{{{{ vars.of }}}}'\nvars.of: {value}\n"), "base.yaml:3:"),
            ("manifests: [workloads/x.yaml]\n".to_owned(), "workloads/x.yaml:5:"),
        ] {
            let base = match rest.split_once("vars.of: ") {
                Some((data, value)) => {
                    let vars = VARS.replace(" }\n", &format!(", of: {} }}\n", value.trim()));
                    format!("app: shop\n{vars}{data}")
                }
                None => format!("app: shop\n{VARS}{rest}"),
            };
            let place = if rest.contains("vars.of") { "base.yaml:2:" } else { place };
            let sandbox =
                Sandbox::new([("base.yaml", &*base), ("dev.yaml", "data: {}\n"), ("workloads/x.yaml", &object)]);
            let stderr = sandbox.run(&["render", "dev"]).refused();
            assert!(stderr.contains(place), "{value} in {rest}: {stderr}");
            assert!(!stderr.contains("abc"), "{value}: {stderr}");
        }
    }
}

#[test]
fn a_number_is_no_text_because_its_format_has_no_such_spelling() {
    for (key, value, is_possible) in [
        ("c.json", "!!int 0b11", false),
        ("c.json", "!!int 0644", false),
        ("c.json", "!!float .nan", false),
        ("c.json", "!!float 1.50", true),
        ("c.json", "0b11", true),
        ("c.toml", "!!int 1_000", true),
        ("c.toml", "!!int 0644", false),
        ("c.yaml", "!!float .nan", true),
        ("c.yaml", "!!int 0x1F", true),
        ("c.env", "!!int 0644", true),
        ("c.yaml", "!!binary aGk=", false),
        ("c.json", "!!binary '{{ vars.text }}'", false),
    ] {
        let base = format!("app: shop\n{VARS}data: {{ {key}: {{ content: {{ a: {value} }} }} }}\n");
        let run = Sandbox::of(&base, "").run(&["render", "dev"]);
        assert_eq!(run.code == 0, is_possible, "{key}: {value}: {}{}", run.stdout, run.stderr);
    }
}

/// kubectl refuses them, with whatever tag.
#[test]
fn an_object_holds_no_number_that_json_does_not_have() {
    for value in [".nan", ".inf", "-.INF", "!!float .nan"] {
        let object = format!("apiVersion: x.example/v1\nkind: X\nmetadata: {{ name: x }}\nspec: {{ a: [{value}] }}\n");
        let base = "app: shop\nmanifests: [workloads/x.yaml]\n";
        let project = Sandbox::new([("base.yaml", base), ("dev.yaml", "data: {}\n"), ("workloads/x.yaml", &object)]);
        for format in ["yaml", "json"] {
            project.run(&["render", "dev", "--format", format]).refused();
        }
        if let Some(kubectl) = peer("kubectl") {
            let mut label = Command::new(kubectl);
            label.args(["label", "--local", "-o", "json", "-f", "workloads/x.yaml", "a=b"]);
            let run = label.current_dir(project.root()).output().unwrap();
            assert!(!run.status.success(), "kubectl accepts {value}");
        }
    }
    let quoted = typed("'.nan'");
    assert_eq!(quoted, [json!(".nan"), json!(".nan")]);
}

#[test]
fn sops_refuses_the_same_contradictions() {
    let Some(sops) = peer("sops") else { return };
    let tags = ["null", "bool", "int", "float", "binary", "timestamp", "str"];
    let values = [
        "abc",
        "~",
        "8",
        "08",
        "0644",
        "0b11",
        "1.5",
        "1e3",
        ".nan",
        "True",
        "yes",
        "2024-01-31",
        "2024-13-45",
        "aGk=",
    ];
    let project = Sandbox::with_identities();
    for tag in tags {
        for value in values {
            project.write("sops/x.yaml", format!("a: !!{tag} {value}\n"));
            let mut encrypt = Command::new(&sops);
            let recipient = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";
            encrypt
                .args(["--config", "/dev/null", "-e", "--age", recipient, "sops/x.yaml"])
                .current_dir(project.root());
            let theirs = encrypt.output().unwrap().status.success();
            project.write("base.yaml", format!("vars:\n  a: !!{tag} {value}\n"));
            project.write("dev.yaml", "data: {}\n");
            let ours = project.run(&["render", "dev"]);
            assert_eq!(ours.code == 0, theirs, "!!{tag} {value}: {}", ours.stderr);
        }
    }
}

#[test]
fn a_tag_of_another_shape_contradicts_its_value() {
    for value in ["!!str [a]", "!!int { a: 1 }", "!!seq { a: 1 }", "!!map [a]", "!!map a", "!!seq"] {
        Sandbox::of(&format!("data:\n  A: {value}\n"), "").run(&["render", "dev"]).refused();
    }
    let settings =
        Sandbox::new([("septum.yaml", "apps: !!str [shop]\n"), ("shop/base.yaml", ""), ("shop/dev.yaml", "")]);
    settings.run(&["render", "dev"]).refused();
}
