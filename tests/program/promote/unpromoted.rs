//! What of a layer is promoted, and what is named as not promoted: each field is one or the other.

use septum::layer::LayerMapping;

use super::{git, prod, project};
use crate::support::sandbox::{CANARY, Sandbox};

/// A part of a layer with a field, and what names it: in the layer of the target, or in a note. Every field of a layer
/// must have a row.
const FIELDS: &[(&str, &str, Fate)] = &[
    ("app", "app: shop\n", Fate::Absent),
    ("extends", "extends: [team/eu]\n", Fate::Named("extends (settings of staging)")),
    ("namespace", "namespace: s\n", Fate::Named("namespace (settings of staging)")),
    ("labels", "labels: { a: b }\n", Fate::Named("labels (settings of staging)")),
    ("annotations", "annotations: { a: b }\n", Fate::Named("annotations (settings of staging)")),
    ("selectorLabels", "selectorLabels: { a: b }\n", Fate::Named("selectorLabels (settings of staging)")),
    ("prefix", "prefix: a-\n", Fate::Named("prefix (settings of staging)")),
    ("suffix", "suffix: -a\n", Fate::Named("suffix (settings of staging)")),
    ("vars", "vars: { domain: s.example.com }\n", Fate::Named("vars.domain (only if named)")),
    ("varRules", "varRules: { domain: { pattern: .+ } }\n", Fate::Named("varRules (settings of staging)")),
    ("data", "data:\n  TEXT: y\n", Fate::Copied("data:\n  TEXT: y\n")),
    (
        "bundles",
        "bundles:\n  extra:\n    data:\n      X: 2\n",
        Fate::Copied("bundles:\n  extra:\n    data:\n      X: 2\n"),
    ),
    ("manifests", "manifests: [workloads/other.yaml]\n", Fate::Named("manifests (settings of staging)")),
    ("patches", "patches:\n  - workloads/patch.yaml\n", Fate::Copied("patches:\n  - workloads/patch.yaml\n")),
    ("images", "images:\n  nginx: { newTag: \"2\" }\n", Fate::Copied("images:\n  nginx: { newTag: \"2\" }\n")),
    ("replicas", "replicas: { web: 2 }\n", Fate::Named("replicas.web (only if named)")),
    ("external", "external: [{ kind: Secret, name: s }]\n", Fate::Named("external (settings of staging)")),
    ("names", "names: plain\n", Fate::Named("names (settings of staging)")),
    ("immutable", "immutable: true\n", Fate::Named("immutable (settings of staging)")),
    ("delivery", "delivery: { secrets: manifest }\n", Fate::Named("delivery (settings of staging)")),
    ("allow", "allow: [{ rule: unused-entry, key: X, reason: why }]\n", Fate::Named("allow (settings of staging)")),
];

/// What becomes of a field.
enum Fate {
    /// The layer of the target has it then.
    Copied(&'static str),
    /// A note has this.
    Named(&'static str),
    /// It is not allowed in the layer of an environment.
    Absent,
}

#[test]
fn every_field_of_a_layer_is_copied_or_named() {
    let mut known: Vec<_> = FIELDS.iter().map(|(field, ..)| *field).collect();
    let mut fields = LayerMapping::Layer.fields();
    known.sort_unstable();
    fields.sort_unstable();
    assert_eq!(known, fields);
    for (field, text, fate) in FIELDS {
        let desk = project("", "");
        desk.run(&["unset", "staging", "API_KEY"]).succeeds();
        desk.write("environments/staging.yaml", text);
        desk.write("environments/team/eu.yaml", "");
        let other = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }\n";
        desk.write("environments/workloads/other.yaml", other);
        let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, labels: { a: b } }\n";
        desk.write("environments/workloads/patch.yaml", patch);
        let run = desk.run(&["promote", "staging", "prod", "--yes"]);
        match fate {
            Fate::Copied(expected) => {
                assert_eq!((run.code, prod(&desk).as_str()), (0, *expected), "{field}: {}", run.stderr);
            }
            Fate::Named(note) => {
                assert_eq!((run.code, prod(&desk).as_str()), (0, ""), "{field}: {}", run.stderr);
                assert!(run.stderr.contains(&format!("not promoted: {note}\n")), "{field}: {}", run.stderr);
                // it is the same in both
                desk.write("environments/prod.yaml", text);
                let run = desk.run(&["promote", "staging", "prod", "--yes"]);
                assert!(!run.stderr.contains(note), "{field}: {}", run.stderr);
            }
            Fate::Absent => assert_eq!(prod(&desk), "", "{field}: {}", run.stderr),
        }
    }
}

#[test]
fn fields_that_are_not_promoted_are_named() {
    let staging = "namespace: s\nlabels: { a: b }\nreplicas: { web: 3 }\nvars: { domain: x }\ndata:\n  PORT: { maximum: 9000 }\n  TEXT: { value: y, maxLength: 5 }\nbundles:\n  extra: { immutable: true, data: { X: 2 } }\n";
    let desk = project(staging, "namespace: p\n");
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    assert!(prod(&desk).contains("TEXT: { value: y, maxLength: 5 }"), "{}", prod(&desk));
    let view: serde_json::Value =
        serde_json::from_str(&desk.run(&["promote", "staging", "prod", "--yes", "--json"]).stdout).unwrap();
    let fields = view["fields"].as_array().unwrap().iter();
    let fields: Vec<_> =
        fields.map(|field| format!("{} {}", field["name"], field["reason"]).replace('"', "")).collect();
    let expected = [
        "bundles.extra.immutable setting",
        "labels setting",
        "namespace setting",
        "replicas.web unnamed",
        "vars.domain unnamed",
        "PORT rules",
    ];
    assert_eq!(fields, expected);
    // what was asked for by name is all that is meant
    let run = desk.run(&["promote", "staging", "prod", "TEXT", "--yes"]);
    assert!(!run.stderr.contains("namespace"), "{}", run.stderr);
}

#[test]
fn comments_of_the_target_stay_and_blocks_keep_their_line_breaks() {
    let staging = "data:\n  # of staging\n  LOG_LEVEL: debug # for now\n  TEXT: |+\n    one\n\n\n  PORT: 9000\n";
    let target = "data:\n  # of prod\n  LOG_LEVEL: warn # as agreed\n  TEXT: x # also\n\n  PORT:\n    # the one of the proxy\n    value: 1\n";
    let desk = project(staging, target);
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();
    let expected = "data:\n  # of prod\n  LOG_LEVEL: debug # as agreed\n  TEXT: |+ # also\n    one\n\n\n  PORT:\n    # the one of the proxy\n    value: 9000\n";
    assert_eq!(prod(&desk), expected);
    assert_eq!(desk.run(&["get", "prod", "TEXT"]).ok(), "one\n\n\n");
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
}

/// A repository in which `staging` was promoted to `prod`, and both changed since.
fn changed_in_both() -> Sandbox {
    let desk = project("data:\n  LOG_LEVEL: debug\n  TEXT: one\n", "")
        .env("GIT_AUTHOR_NAME", "B")
        .env("GIT_AUTHOR_EMAIL", "b@example.org");
    git(&desk, &["init", "-q"]);
    commit(&desk, "start");
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    desk.replace("environments/staging.yaml", "debug", "trace");
    desk.replace("environments/prod.yaml", "debug", "warn");
    commit(&desk, "changes");
    desk
}

#[track_caller]
fn commit(desk: &Sandbox, message: &str) {
    git(desk, &["add", "environments", ".sops.yaml"]);
    git(desk, &["commit", "-q", "-m", message]);
}

#[test]
fn later_promotions_know_that_a_conflict_was_decided_for_the_target() {
    let desk = changed_in_both();
    let run = desk.run(&["promote", "staging", "prod", "--ours", "LOG_LEVEL", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    let line = run.stderr.lines().find(|line| line.starts_with("Septum-Promoted: ")).expect("a line");
    assert!(line.ends_with(" KEPT=LOG_LEVEL"), "{line:?}");
    git(&desk, &["commit", "-q", "--allow-empty", "-m", &format!("decide\n\n{line}")]);
    let head: String = git(&desk, &["rev-parse", "HEAD"]).chars().take(12).collect();
    // it stays, and the next ones say why
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    run.record();
    assert!(run.stderr.contains(&head), "{}", run.stderr);
    let run = desk.run(&["promote", "staging", "prod", "--yes", "--json"]);
    let view: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((view["keys"][0]["outcome"].as_str(), view["keys"][0]["kept"].is_string()), (Some("unchanged"), true));
    // a newer value of the source is a conflict again, and is not copied over the one that was chosen
    desk.replace("environments/staging.yaml", "trace", "info");
    commit(&desk, "again");
    let message = desk.run(&["promote", "staging", "prod", "--yes"]).fails(1);
    assert!(prod(&desk).contains("warn") && message.contains(&head) && !message.contains(CANARY), "{message}");
    desk.run(&["promote", "staging", "prod", "--theirs", "LOG_LEVEL", "--yes"]).succeeds();
    assert!(prod(&desk).contains("LOG_LEVEL: info"), "{}", prod(&desk));
}

#[test]
fn a_decision_for_the_target_alone_can_be_committed() {
    let desk = changed_in_both();
    let run = desk.run(&["promote", "staging", "prod", "--ours", "LOG_LEVEL", "--yes", "--commit"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(git(&desk, &["show", "--name-only", "--format=", "HEAD"]), "");
    let line = git(&desk, &["log", "-1", "--format=%(trailers:key=Septum-Promoted,valueonly)"]);
    assert!(line.trim_end().ends_with(" KEYS=LOG_LEVEL KEPT=LOG_LEVEL"), "{line}");
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
}

#[test]
fn what_is_removed_is_named() {
    let desk = changed_in_both();
    desk.replace("environments/staging.yaml", "  TEXT: one\n", "");
    desk.replace("environments/staging.yaml", "trace", "null");
    desk.run(&["unset", "staging", "API_KEY"]).succeeds();
    commit(&desk, "remove");
    let run = desk.run(&["promote", "staging", "prod", "--deletions", "--theirs", "LOG_LEVEL", "--dry-run"]);
    assert!(run.stdout.contains("TEXT (removed)") && run.stdout.contains("API_KEY (removed)"), "{}", run.stdout);
    let promote = ["promote", "staging", "prod", "--deletions", "--theirs", "LOG_LEVEL"];
    let run = desk.run(&[&promote[..], &["--dry-run", "--json"]].concat());
    let view: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let rows = view["keys"].as_array().unwrap().iter().filter(|row| row["outcome"] == "removed");
    let mut names: Vec<_> = rows.map(|row| row["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["API_KEY", "LOG_LEVEL", "TEXT"], "{view}");
    let run = desk.run(&[&promote[..], &["--yes"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
}

/// An import of components, and people, put values into layers that one environment extends: they are not its own.
#[test]
fn values_in_layers_that_the_target_lacks_are_named_with_their_file() {
    let files = Sandbox::of(
        "app: shop\ndata: { A: 1, B: 1, C: 1, SAME: 1 }\n",
        "extends: [resources/dev, common]\ndata: { C: 2 }\n",
    );
    let files = files.file("prod.yaml", "extends: common\n").file("common.yaml", "data: { A: 2 }\n");
    let desk = files.file("resources/dev.yaml", "data: { B: 2, SAME: 1 }\nbundles: {}\n");
    let run = desk.run(&["promote", "dev", "prod", "--dry-run"]);
    assert_eq!(run.stderr.matches("resources/dev.yaml").count(), 1, "{}", run.stderr);
    run.record();
    for (keys, count) in [(&["B"][..], 1), (&["A"], 0), (&["C"], 0)] {
        let run = desk.run(&[&["promote", "dev", "prod", "--dry-run"], keys].concat());
        assert_eq!(run.stderr.matches("resources/dev.yaml").count(), count, "{keys:?}: {}", run.stderr);
        run.record();
    }
}
