//! More than two environments, and their order.

use std::path::Path;

use serde_json::Value as Json;

use super::{commit, git, rows};
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, DEMO_KEY, Run, Sandbox, files};

const WORKLOAD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: shop\nspec:\n  selector:\n    matchLabels: { app: shop }\n  \
     template:\n    metadata:\n      labels: { app: shop }\n    spec:\n      containers:\n      - name: shop\n        image: shop:1\n";

const BUDGET: &str = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: shop\nspec:\n  minAvailable: '{{ vars.available }}'\n  \
     selector:\n    matchLabels: { app: shop }\n";

/// Environments that differ in an image, a count, an object that the first one does not have, a rule and a source.
fn fleet() -> Sandbox {
    Sandbox::new([
        (
            "base.yaml",
            "app: shop\nvars: { available: 1 }\nmanifests: [workloads/shop.yaml]\ndata:\n  LEVEL: info\n  HOST: shop.example.com\n",
        ),
        ("workloads/shop.yaml", WORKLOAD),
        ("workloads/budget.yaml", BUDGET),
        ("dev.yaml", "replicas: { shop: 1 }\n"),
        ("host.txt", "shop.example.com"),
        (
            "staging.yaml",
            "manifests: [workloads/budget.yaml]\nreplicas: { shop: 2 }\ndata:\n  HOST: { file: host.txt }\n",
        ),
        (
            "prod.yaml",
            "vars: { available: 2 }\nmanifests: [workloads/budget.yaml]\nreplicas: { shop: 3 }\nimages: { shop: { newTag: '2' } }\n\
             data:\n  LEVEL: { value: info, pattern: 'info|warn' }\n",
        ),
    ])
}

#[test]
fn the_table_has_objects_rules_and_sources() {
    let run = fleet().run(&["diff", "dev", "staging", "prod"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
}

#[test]
fn an_object_of_later_environments_is_compared_between_them() {
    let rows = rows(&fleet().run(&["diff", "dev", "staging", "prod", "--only", "objects", "--format", "json"]));
    let budget: Vec<_> = rows.iter().filter(|row| row["object"]["kind"] == "PodDisruptionBudget").collect();
    let states = |row: &Json| ["dev", "staging", "prod"].map(|name| row["environments"][name]["state"].clone());
    assert_eq!(budget.len(), 2, "{rows:?}");
    assert_eq!(states(budget[0]), ["missing", "present", "present"]);
    assert_eq!(budget[1]["field"], "spec.minAvailable");
    assert_eq!(states(budget[1]), ["none", "value", "value"]);
    assert_eq!(budget[1]["environments"]["prod"]["value"], "2");
}

#[test]
fn a_table_shows_the_kinds_that_it_can_have() {
    let project = fleet();
    let kinds = |kind: &str| -> Vec<Json> {
        rows(&project.run(&["diff", "dev", "staging", "prod", "--only", kind, "--format", "json"]))
    };
    assert!(kinds("rules").iter().all(|row| row["key"] == "LEVEL" && row["field"] == "pattern"));
    assert!(kinds("source").iter().all(|row| row["key"] == "HOST" && row["field"] == "source"));
    for kind in ["added", "removed", "moved", "renamed"] {
        project.run(&["diff", "dev", "staging", "prod", "--only", kind]).fails(2);
    }
}

/// Whatever `diff A B` shows of objects and rules has a row in the table of all environments, with other cells.
#[test]
fn the_table_has_what_each_pair_has() {
    let mut compared = 0;
    for (project, names) in [
        (fleet(), ["dev", "staging", "prod"]),
        (Sandbox::demo(), ["dev", "staging", "prod"]),
        (mastodon(), ["dev", "staging", "prod"]),
    ] {
        let table = json(&project.run(&["diff", names[0], names[1], names[2], "--format", "json"]));
        for (left, right) in [(0, 1), (0, 2), (1, 2)].map(|(left, right)| (names[left], names[right])) {
            for change in json(&project.run(&["diff", left, right, "--format", "json"])) {
                let empty = Vec::new();
                let fields = change["fields"].as_array().unwrap_or(&empty).iter().map(|field| &field["path"]);
                let whole = matches!(change["change"].as_str(), Some("added" | "removed"));
                let wanted: Vec<&Json> = if whole { vec![&Json::Null] } else { fields.collect() };
                if change["change"] == "renamed" {
                    continue;
                }
                for path in wanted {
                    let is_row = |row: &&Json| {
                        ["app", "bundle", "key", "object"].iter().all(|name| row[name] == change[name])
                            && row["field"] == *path
                    };
                    let row =
                        table.iter().find(is_row).unwrap_or_else(|| panic!("{left} {right}: {change} in {table:?}"));
                    assert_ne!(row["environments"][left], row["environments"][right], "{left} {right}: {row}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 20, "{compared}");
}

fn mastodon() -> Sandbox {
    let found = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mastodon"));
    let sandbox = Sandbox::read_only().env("SOPS_AGE_KEY_FILE", DEMO_KEY);
    found.iter().fold(sandbox, |sandbox, (name, bytes)| sandbox.file(name, bytes))
}

fn json(run: &Run) -> Vec<Json> {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr))
}

/// Environments whose order is not that of the alphabet: `alpha` extends `prod`.
fn stack() -> Sandbox {
    let project = Sandbox::new([
        (
            "base.yaml",
            "app: shop\nvars: { unused: 0 }\ndata:\n  LEVEL: { value: info, owner: team-a }\n  TOKEN: { sensitive: true, value: example-0123 }\n",
        ),
        ("alpha.yaml", "extends: [prod]\n"),
        ("dev.yaml", "data: { LEVEL: { value: debug, owner: team-dev } }\n"),
        ("prod.yaml", "vars: { unused: 1 }\n"),
        ("staging.yaml", "vars: { unused: 1 }\n"),
    ]);
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    commit(&project);
    project.append("base.yaml", "  HOST: shop.example.com\n")
}

/// Lists of environments anywhere in an output.
fn environment_lists(json: &Json, found: &mut Vec<Vec<String>>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("environments", Json::Array(names)) => {
                        found.push(names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect());
                    }
                    ("environments", Json::Object(names)) => found.push(names.keys().cloned().collect()),
                    _ => environment_lists(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| environment_lists(item, found)),
        _ => {}
    }
}

#[test]
fn environments_have_one_order_everywhere() {
    const ORDER: [&str; 4] = ["dev", "staging", "prod", "alpha"];
    let project = stack();
    for arguments in [
        &["diff", "--rev", "HEAD", "--format", "json"][..],
        &["list", "--format", "json"],
        &["list", "--age", "--format", "json"],
    ] {
        let run = project.run(arguments);
        let json: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
        let mut lists = Vec::new();
        environment_lists(&json, &mut lists);
        assert!(lists.iter().any(|names| names.len() == ORDER.len()), "{arguments:?}: {lists:?}");
        for names in lists {
            let ranks: Vec<_> = names.iter().map(|name| ORDER.iter().position(|known| known == name)).collect();
            assert!(ranks.is_sorted(), "{arguments:?}: {names:?}");
        }
    }
    let docs = project.run(&["docs"]).succeeds();
    assert!(docs.contains("team-a (staging, prod, alpha)"), "{docs}");
}

#[test]
fn checksums_of_pods_are_one_change_that_folds() {
    let workload =
        WORKLOAD.replace("    metadata:\n", "    metadata:\n      annotations: { septum.dev/checksum: 'true' }\n");
    let workload =
        workload.replace("image: shop:1\n", "image: shop:1\n        envFrom: [{ configMapRef: { name: shop } }]\n");
    let project = Sandbox::new([
        (
            "base.yaml",
            "app: shop\nmanifests: [workloads/shop.yaml]\nvars: { name: none }\ndata: { LEVEL: info, NAME: '{{ vars.name }}' }\n",
        ),
        ("workloads/shop.yaml", &workload),
        ("dev.yaml", "vars: { name: dev }\n"),
        ("prod.yaml", "vars: { name: prod }\n"),
    ]);
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    commit(&project);
    let project = project.edited("base.yaml", "LEVEL: info", "LEVEL: warn");
    let run = project.run(&["diff", "--rev", "HEAD"]);
    record(&run.stdout);
    assert_eq!(run.stdout.matches("checksum").count(), 1, "{}", run.stdout);
    // nothing of them on one side only
    let without =
        project.read("workloads/shop.yaml").replace("      annotations: { septum.dev/checksum: 'true' }\n", "");
    let run = project.file("workloads/shop.yaml", without).run(&["diff", "--rev", "HEAD"]);
    assert_eq!(run.stdout.matches("checksum").count(), 1, "{}", run.stdout);
}

#[test]
fn of_two_texts_both_are_quoted_or_none() {
    let manifest = |size: &str, items: &str| {
        format!(
            "apiVersion: example.com/v1\nkind: Shop\nmetadata: {{ name: shop }}\nspec: {{ size: {size}, items: {items} }}\n"
        )
    };
    let project = Sandbox::new([
        ("base.yaml", "app: shop\n"),
        ("dev.yaml", "manifests: [workloads/dev-shop.yaml]\n"),
        ("prod.yaml", "manifests: [workloads/prod-shop.yaml]\n"),
        ("workloads/dev-shop.yaml", &manifest("small", "[]")),
        ("workloads/prod-shop.yaml", &manifest("'100'", "[one, two]")),
    ]);
    let run = project.run(&["diff", "dev", "prod"]);
    record(&run.stdout);
}

/// What `check` calls a credential in a manifest is not repeated where others read it.
#[test]
fn credentials_in_objects_are_not_shown() {
    let patch = |word: &str| {
        let value = format!("{CANARY}-{word}-x7Kq2pL9");
        format!(
            "patches:\n- target: {{ kind: Deployment }}\n  patch: |\n    - op: add\n      path: /spec/template/spec/containers/0/env\n      \
             value: [{{ name: DB_PASSWORD, value: {value} }}]\n    - op: add\n      path: /spec/template/spec/containers/0/args\n      \
             value: [\"--password={value}\"]\n"
        )
    };
    let project = fleet().append("dev.yaml", &patch("dev")).append("staging.yaml", &patch("staging"));
    for arguments in [
        &["diff", "dev", "staging"][..],
        &["diff", "dev", "staging", "prod"],
        &["diff", "dev", "staging", "--format", "json"],
        &["diff", "dev", "staging", "--format", "markdown"],
    ] {
        let run = project.run(arguments);
        assert!(run.stdout.contains("DB_PASSWORD") && !run.stdout.contains(CANARY), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn cells_that_differ_look_different() {
    let image = |tag: &str| {
        format!("images: {{ shop: {{ newName: registry.example.com/platform/team/checkout, newTag: '{tag}' }} }}\n")
    };
    let project = fleet().append("dev.yaml", &image("1.2.3")).append("staging.yaml", &image("1.2.4"));
    let project = project.edited("prod.yaml", "images: { shop: { newTag: '2' } }\n", &image("1.2.5"));
    let run = project.run(&["diff", "dev", "staging", "prod", "--only", "objects"]);
    record(&run.stdout);
    assert!(["1.2.3", "1.2.4", "1.2.5"].iter().all(|tag| run.stdout.contains(tag)), "{}", run.stdout);
    project.run(&["diff", "dev", "staging", "prod", "--stat"]).fails(2);
    let lines = |text: &str| format!("data: {{ LEVEL: \"same\\n{text}\" }}\n");
    let project = fleet().edited("base.yaml", "LEVEL: info", "LEVEL: \"same\\na\"");
    let project = project.append("dev.yaml", &lines("b")).edited(
        "prod.yaml",
        "{ value: info, pattern: 'info|warn' }",
        "\"same\\nc\"",
    );
    record(&project.run(&["diff", "dev", "staging", "prod", "--only", "changed"]).stdout);
}

#[test]
fn a_key_that_is_invalid_everywhere_has_a_row() {
    let project = Sandbox::new([
        (
            "base.yaml",
            "app: shop\ndata:\n  PORT: { value: 80, type: nonsense }\n  LIST: [1]\n  SOME: \"{{ nothing }}\"\n  SAME: x\n",
        ),
        ("dev.yaml", "data: { PORT: 81, SOME: x }\n"),
        ("staging.yaml", ""),
        ("prod.yaml", ""),
    ]);
    let run = project.run(&["diff", "dev", "staging", "prod"]);
    record(&run.stdout);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let rows = rows(&project.run(&["diff", "dev", "staging", "prod", "--format", "json"]));
    let found: Vec<_> =
        rows.iter().map(|row| (row["key"].as_str().unwrap(), row["change"].as_str().unwrap())).collect();
    assert_eq!(found, [("LIST", "invalid"), ("PORT", "invalid"), ("SOME", "changed")]);
    // two environments are compared alike
    for format in ["text", "markdown", "github-diff"] {
        let run = project.run(&["diff", "staging", "prod", "--format", format]);
        record(&run.stdout);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(["LIST", "PORT", "SOME"].iter().all(|key| run.stdout.contains(key)), "{}", run.stdout);
    }
    let changes = |arguments: &[&str]| -> Vec<(String, String)> {
        let run = project.run(&[&["diff", "--format", "json"], arguments].concat());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
        rows.iter()
            .map(|row| (row["key"].as_str().unwrap().to_owned(), row["change"].as_str().unwrap().to_owned()))
            .collect()
    };
    let row = |key: &str, change: &str| (key.to_owned(), change.to_owned());
    let all = [row("LIST", "invalid"), row("PORT", "invalid"), row("SOME", "invalid")];
    assert_eq!(changes(&["staging", "prod"]), all);
    assert_eq!(changes(&["staging", "prod", "--only", "invalid"]), all);
    assert_eq!(changes(&["staging", "prod", "--only", "changed"]), []);
    assert_eq!(changes(&["dev", "prod"]), [row("LIST", "invalid"), row("PORT", "invalid"), row("SOME", "changed")]);
    assert_eq!(changes(&["dev", "staging", "prod", "--only", "invalid"]), all[..2]);
    // nothing that is valid differs
    project.write("dev.yaml", "");
    assert_eq!(project.run(&["diff", "dev", "staging", "prod"]).code, 2);
}
