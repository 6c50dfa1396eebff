//! A layer that cannot be read hides nothing of the others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;

/// A project with a mistake of each kind in each layer.
const FILES: &[(&str, &str)] = &[
    (
        "base.yaml",
        "app: shop\ndata:\n  LEVEL: { value: info, enum: [info, warn] }\n  PORT: { value: 80, type: integer }\n  \
         BASE_TOKEN: k3x9Lq2mVb7\n  S: { sensitive: true, required: true }\n  NAME: { value: '{{ vars.name }}' }\n  \
         page: { template: files/page.j2 }\n  SOME: {}\nvars: { name: shop }\nmanifests: [manifests/*.yaml]\n",
    ),
    ("m/eu.yaml", "data:\n  EU_TOKEN: k3x9Lq2mVb8\n  REGION: { value: eu, enum: [eu] }\n  ZONE: [1]\n"),
    (
        "dev.yaml",
        "extends: [m/eu]\ndata:\n  LEVEL: loud\n  NOPE: 1\n  S: x9Lq2mV1\n  SOME: a\nvars: { name: dev }\nlabel: {}\n",
    ),
    ("stage.yaml", "extends: [m/eu]\ndata:\n  PORT: high\n  S: x9Lq2mV2\n  SOME: b\n  REGION: us\n"),
    ("prod.yaml", "data:\n  PORT: higher\n  UNKNOWN: 1\n"),
    ("prod.secrets.yaml", "data: { S: x9Lq2mV3 }\n"),
    ("files/page.j2", "{% if %}\n"),
    ("manifests/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\ndata: { TOKEN: k3x9Lq2mVb9 }\n"),
    ("manifests/two.yaml", "a: [\n"),
];

type Damage = (&'static str, fn(&Path));

/// How a file becomes one that cannot be read.
const DAMAGES: &[Damage] = &[
    ("a directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("no text", |path| fs::write(path, b"\xff\xfe").unwrap()),
    ("syntax", |path| fs::write(path, "data: [b\n\"c\n").unwrap()),
    ("conflict", |path| fs::write(path, "<<<<<<< a\ndata: {}\n=======\ndata: { A: 1 }\n>>>>>>> b\n").unwrap()),
    ("a parent that does not exist", |path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, format!("extends: [m/none]\n{}", text.replace("extends: [m/eu]\n", ""))).unwrap();
    }),
];

/// What cannot be known of other files without a file: rule and file, perhaps with a key.
const LOST: &[(&str, &[&str])] = &[
    // its rules, its keys, and what it names
    (
        "base.yaml",
        &[
            "invalid-value dev.yaml",
            "invalid-value stage.yaml",
            "invalid-value prod.yaml",
            "unknown-key dev.yaml",
            "unknown-key prod.yaml",
            "template-syntax files/page.j2",
            "plaintext-secret manifests/one.yaml",
            "yaml-syntax manifests/two.yaml",
            "plaintext-secret dev.yaml S",
            "plaintext-secret stage.yaml S",
        ],
    ),
    // it is extended by two of three environments
    ("m/eu.yaml", &["invalid-value dev.yaml", "invalid-value stage.yaml", "unknown-key dev.yaml"]),
    ("dev.yaml", &[]),
    ("stage.yaml", &[]),
    ("prod.yaml", &[]),
    // a parent that it names comes below `prod.yaml`
    ("prod.secrets.yaml", &["invalid-value prod.yaml", "unknown-key prod.yaml"]),
];

/// Rules that need all environments, or all that is known of what is sensitive.
const OF_ALL: [&str; 3] = ["missing-environment", "undeclared-secret", "unused-entry"];

fn project() -> Sandbox {
    FILES.iter().fold(Sandbox::new([]), |project, (path, text)| project.file(path, text))
}

/// Findings as `rule file`, with their keys.
fn told(project: &Sandbox) -> BTreeSet<(String, String)> {
    let run = project.run(&["check", "--format", "json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let told = |finding: &Json| {
        let message = text(&finding["message"]);
        // a file that cannot be read has no place
        let file = finding["file"].as_str().map(str::to_owned);
        let file = file.unwrap_or_else(|| message.split('`').nth(1).unwrap_or_default().to_owned());
        (format!("{} {file}", text(&finding["rule"])), finding["key"].as_str().unwrap_or_default().to_owned())
    };
    report["findings"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn a_layer_that_cannot_be_read_hides_nothing_of_the_others() {
    let before = told(&project());
    let is_one_of = |lost: &[&str], what: &str, key: &str| {
        lost.iter().any(|it| *it == what || it.strip_prefix(what).is_some_and(|rest| rest.trim_start() == key))
    };
    for lost in LOST.iter().flat_map(|(_, lost)| *lost) {
        let is_there = before.iter().any(|(what, key)| is_one_of(&[lost], what, key));
        assert!(is_there, "not found in the first place: {lost} of {before:#?}");
    }
    let mut wrong = Vec::new();
    for (file, lost) in LOST {
        for (damage, make) in DAMAGES {
            let damaged = project();
            make(&damaged.root().join(file));
            let after = told(&damaged);
            let is_of_file = |what: &str| what.ends_with(&format!(" {file}"));
            let is_of_all = |what: &str| OF_ALL.iter().any(|rule| what.starts_with(rule));
            // a mixin that is none is missed where it is named
            let is_missed = |what: &str| file.contains('/') && what.starts_with("missing-file");
            let is_kept = |what: &str| after.iter().any(|(other, _)| other == what);
            for (what, key) in before.difference(&after) {
                let is_lost =
                    if key.is_empty() { !is_kept(what) } else { !after.contains(&(what.clone(), String::new())) };
                if is_lost && !is_of_file(what) && !is_of_all(what) && !is_one_of(lost, what, key) {
                    wrong.push(format!("{file}, {damage}: lost {what} {key}"));
                }
            }
            for (what, key) in after.iter().filter(|(what, _)| !before.iter().any(|(known, _)| known == what)) {
                if !is_of_file(what) && !is_missed(what) {
                    wrong.push(format!("{file}, {damage}: follows {what} {key}"));
                }
            }
            if !after.iter().any(|(what, _)| is_of_file(what) || is_missed(what)) {
                wrong.push(format!("{file}, {damage}: not told"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_was_not_checked_is_told() {
    let project = project().file("stage.yaml", "data: [b\n\"c\n").file("m/eu.yaml", "a: {\n");
    let run = project.run(&["check"]);
    assert_eq!(run.code, 2);
    record(&run.stdout);
}

/// What a key would open is no mistake, and what nobody can open is one.
#[test]
fn encrypted_layers_beside_one_that_cannot_be_read_are_seen_without_keys() {
    let base = "data:\n  DATABASE_PASSWORD: { sensitive: true }\n  STRIPE_WEBHOOK_SECRET: {}\n  \
                WHERE: { value: here, sensitive: false }\n  PORT: { value: 1, type: integer }\n";
    let project = Sandbox::of(base, "data: { DATABASE_PASSWORD: null, STRIPE_WEBHOOK_SECRET: null }\n")
        .file("prod.yaml", "data: { PORT: high, WHERE: '{{ data.DATABASE_PASSWORD }}' }\n")
        .file("prod.secrets.yaml", ENCRYPTED);
    let found = |project: &Sandbox| -> Vec<String> {
        told(project).into_iter().map(|(what, _)| what).filter(|what| !what.starts_with("missing-env")).collect()
    };
    assert_eq!(found(&project), ["declared-plain base.yaml", "invalid-value prod.yaml"]);
    let broken = project.file("dev.yaml", "data: [\n");
    assert_eq!(found(&broken), ["declared-plain base.yaml", "invalid-value prod.yaml", "yaml-syntax dev.yaml"]);
    let altered = ENCRYPTED.replacen("lastmodified: \"20", "lastmodified: \"19", 1);
    assert_ne!(altered, ENCRYPTED);
    let run = broken.file("prod.secrets.yaml", altered).run_with_key(&["check"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    let text = run.stdout;
    for what in ["tampered", "invalid-value", "yaml-syntax", "not checked: prod.secrets.yaml: its values"] {
        assert!(text.contains(what), "{what}: {text}");
    }
}

/// A baseline is about the whole project: what was not seen is neither gone nor new.
#[test]
fn a_baseline_is_left_alone_while_a_layer_cannot_be_read() {
    let project = Sandbox::of("data:\n  A_TOKEN: { sensitive: true }\n", "data: { A_TOKEN: k3x9Lq2mVb7 }\n")
        .file("prod.yaml", "data: { A_TOKEN: k3x9Lq2mVb8 }\n");
    assert_eq!(project.run(&["check", "--write-baseline"]).code, 0);
    let known = project.read(".septum-baseline.yaml");
    assert_eq!(project.run(&["check"]).code, 0);
    let broken = project.file("prod.yaml", "data: [\n");
    let found: Vec<_> = told(&broken).into_iter().map(|(what, _)| what).collect();
    assert_eq!(found, ["yaml-syntax prod.yaml"]);
    assert_eq!(broken.run(&["check", "--write-baseline"]).code, 2);
    assert_eq!(broken.read(".septum-baseline.yaml"), known, "what was not seen would be forgotten");
}

/// A variable that an app uses is used, whether that app can be read today or not.
#[test]
fn what_an_app_that_cannot_be_read_may_use_is_not_called_unused() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: ['apps/*']\nshared: shared\n"),
        ("shared/base.yaml", "vars: { host: a.example, region: eu }\n"),
        ("apps/a/base.yaml", "vars: { mine: 1 }\ndata: { HOST: '{{ vars.host }}', REGION: '{{ vars.region }}' }\n"),
        ("apps/a/dev.yaml", ""),
        ("apps/b/base.yaml", "vars: { own: 1 }\ndata: { REGION: '{{ vars.region }}' }\n"),
        ("apps/b/dev.yaml", ""),
    ]);
    let unused = |project: &Sandbox| -> Vec<String> {
        told(project).into_iter().map(|(what, _)| what).filter(|what| what.starts_with("unused")).collect()
    };
    assert_eq!(unused(&project), ["unused-variable apps/a/base.yaml", "unused-variable apps/b/base.yaml"]);
    assert_eq!(unused(&project.file("apps/a/dev.yaml", "data: [\n")), ["unused-variable apps/b/base.yaml"]);
}

#[test]
fn an_app_without_an_environment_hides_no_error_of_its_base() {
    let project = Sandbox::new([("septum.yaml", "apps: [a, b]\n"), ("b/base.yaml", "data: { A: x }\n")])
        .file("a/base.yaml", "data:\n  A: x\n B: y\n")
        .file("b/dev.yaml", "");
    let run = project.run(&["check"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    record(&run.stdout);
    project.write("a/base.yaml", "data:\n  A: x\n");
    assert_eq!(project.run(&["check"]).code, 1);
}
