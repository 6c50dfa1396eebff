//! Keys that layers set under their former names.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::record;
use crate::support::objects::Objects;
use crate::support::sandbox::Sandbox;
use serde_json::Value as Json;

const BASE: &str = "app: shop
data:
  LOG_LEVEL: { value: info, renamedFrom: LEVEL }
  DATABASE_PASSWORD: { sensitive: true, renamedFrom: DB_PASSWORD }
  URL: 'db:{{ data.LOG_LEVEL }}'
bundles:
  extra: { open: true, data: { A: { value: '1', renamedFrom: B } } }
";

/// The rules and the files of all findings.
fn findings(project: &Sandbox) -> Vec<String> {
    let found: Json = serde_json::from_str(&project.run(&["check", "--format", "json"]).stdout).unwrap();
    let text = |finding: &Json, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let findings = found["findings"].as_array().unwrap().iter();
    findings.map(|it| format!("{} {}:{} {}", text(it, "rule"), text(it, "file"), it["line"], text(it, "key"))).collect()
}

#[test]
fn a_layer_with_a_former_name_works_as_with_the_current_one() {
    let old = "data: { LEVEL: debug, DB_PASSWORD: '{{ data.LOG_LEVEL }}x' }\nbundles: { extra: { data: { B: '2', C: '3' } } }\n";
    let new = old.replace("LEVEL:", "LOG_LEVEL:").replace("DB_PASSWORD", "DATABASE_PASSWORD").replace("B:", "A:");
    let (project, renamed) = (Sandbox::of(BASE, old), Sandbox::of(BASE, &new));
    assert_eq!(Objects::read(&project.run(&["render", "dev"]).succeeds()), renamed.dev());
    project.run(&["render", "dev"]).record();
    let states = |project: &Sandbox| {
        let rows = project.run(&["list", "--format", "json"]).json();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| (row["key"].clone(), row["environments"]["dev"]["state"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&project), states(&renamed));
    assert_eq!(
        findings(&project),
        ["renamed-key dev.yaml:1 LOG_LEVEL", "renamed-key dev.yaml:1 DATABASE_PASSWORD", "renamed-key dev.yaml:2 A"]
    );
}

#[test]
fn a_layer_removes_a_key_and_changes_its_rules_by_the_former_name() {
    let project = Sandbox::of(BASE, "data: { LEVEL: null, URL: x }\n");
    assert_eq!(
        project.run(&["explain", "dev", "LOG_LEVEL", "--format", "json"]).json()["environments"]["dev"]["state"],
        "removed"
    );
    let project = Sandbox::of(BASE, "data: { LEVEL: { minLength: 9 } }\n");
    project.run(&["render", "dev"]).refused();
}

#[test]
fn fixing_writes_the_current_name_and_nothing_else() {
    let dev = "# about the log\ndata:\n  # level\n  LEVEL: debug   # loud\n  'DB_PASSWORD': { sensitive: true }\nbundles:\n  extra: {data: {B: '2'}}\n";
    let project = Sandbox::of(BASE, dev);
    let before = Objects::read(&project.run(&["render", "dev"]).succeeds());
    record(&project.run(&["check", "--fix"]).stdout);
    let fixed =
        dev.replace("  LEVEL", "  LOG_LEVEL").replace("'DB_PASSWORD'", "'DATABASE_PASSWORD'").replace("{B:", "{A:");
    assert_eq!(project.read("dev.yaml"), fixed);
    assert_eq!(project.dev(), before);
    assert_eq!(findings(&project), ["unused-entry base.yaml:4 DATABASE_PASSWORD"]);
}

#[test]
fn an_encrypted_layer_works_with_a_former_name_and_is_not_fixed_without_a_key() {
    let project = Sandbox::with_identities().file("base.yaml", BASE).file("dev.yaml", "");
    project.encrypted("dev.secrets.yaml", "data:\n  DB_PASSWORD: hunter2-canary\n");
    assert_eq!(project.run(&["get", "dev", "DATABASE_PASSWORD"]).stdout, "hunter2-canary");
    let before = project.all();
    let run = project.run(&["check", "--fix"]);
    record(&run.stdout);
    assert_eq!((run.code, project.all()), (1, before.clone()));
    assert_eq!(findings(&project), ["renamed-key dev.secrets.yaml:2 DATABASE_PASSWORD"]);
    // a value under the current name beside it would be a conflict
    project.give("other", &["set", "dev", "DATABASE_PASSWORD"]).record();
    project.run(&["unset", "dev", "DATABASE_PASSWORD"]).record();
    assert_eq!(project.all(), before);
}

#[test]
fn both_names_in_the_layers_of_an_environment_are_refused_with_both_places() {
    for (name, files) in [
        ("the same layer", vec![("dev.yaml", "data: { LEVEL: a, LOG_LEVEL: b }\n")]),
        ("the same layer, in the other order", vec![("dev.yaml", "data: { LOG_LEVEL: b, LEVEL: a }\n")]),
        ("a removal", vec![("dev.yaml", "data: { LOG_LEVEL: null, LEVEL: a }\n")]),
        (
            "two layers",
            vec![("dev.yaml", "extends: m/x\ndata: { LEVEL: a }\n"), ("m/x.yaml", "data: { LOG_LEVEL: b }\n")],
        ),
    ] {
        let project = Sandbox::new([("base.yaml", BASE)].into_iter().chain(files));
        project.run(&["render", "dev"]).refused();
        assert!(findings(&project).iter().any(|found| found.starts_with("conflicting-names")), "{name}");
    }
}

#[test]
fn a_former_name_is_that_of_no_other_key() {
    for base in [
        "data: { A: { value: a, renamedFrom: B }, B: b }\n",
        "data: { B: b, A: { value: a, renamedFrom: B } }\n",
        "data: { A: { value: a, renamedFrom: C }, B: { value: b, renamedFrom: C } }\n",
    ] {
        Sandbox::of(base, "").run(&["render", "dev"]).refused();
    }
    Sandbox::of("data: { A: a }\n", "data: { A: { renamedFrom: B } }\n").run(&["render", "dev"]).refused();
}

#[test]
fn a_command_or_template_with_a_former_name_is_led_to_the_current_one() {
    let template = BASE.replace("{{ data.LOG_LEVEL }}", "{{ data.LEVEL }}");
    Sandbox::of(&template, "").run(&["render", "dev"]).refused();
    let bundle = BASE.replace("{{ data.LOG_LEVEL }}", "{{ bundles.extra.B }}");
    Sandbox::of(&bundle, "").run(&["render", "dev"]).refused();
    let project = Sandbox::of(BASE, "");
    project.run(&["explain", "dev", "LEVEL"]).refused();
    project.run(&["get", "dev", "LEVEL"]).refused();
}
