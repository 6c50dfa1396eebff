//! Each rule: when it speaks, and when it does not.

use super::{check, findings};
use crate::support::messages::record;
use crate::support::samples::{ENCRYPTED, PROJECTS, TREES, repository};
use crate::support::sandbox::{DEMO_KEY, Sandbox, run};

/// A case: what it shows, files besides an empty `dev.yaml`, and what is found.
pub(crate) type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[track_caller]
pub(crate) fn assert_all(cases: &[Case<'_>]) {
    for (name, files, expected) in cases {
        let project = Sandbox::new([("dev.yaml", "")]);
        let project = files.iter().fold(project, |project, (path, text)| project.file(path, text));
        assert_eq!(check(&project), *expected, "{name}");
    }
}

#[test]
fn credentials_in_plaintext_are_found_wherever_git_has_them() {
    assert_all(&[
        (
            "by its name",
            &[("base.yaml", "data: { API_TOKEN: k3x9Lq2mVb7 }")],
            &["plaintext-secret base.yaml:1 API_TOKEN"],
        ),
        (
            "by its value",
            &[("base.yaml", "data: { A: 'postgres://a:x9Lq2mV@db' }")],
            &["plaintext-secret base.yaml:1 A"],
        ),
        (
            "in an overlay",
            &[("base.yaml", "data: { S: { sensitive: true } }"), ("dev.yaml", "data:\n  S: weak")],
            &["plaintext-secret dev.yaml:2 S"],
        ),
        (
            "although another layer overrides it",
            &[
                ("base.yaml", "data: { S: { sensitive: true } }"),
                ("m/a.yaml", "data: { S: weak }"),
                ("dev.yaml", "extends: [m/a]\ndata: { S: '{{ env.name }}' }"),
            ],
            &["plaintext-secret m/a.yaml:1 S"],
        ),
        (
            "in a structure",
            &[("base.yaml", "data:\n  a.yaml:\n    content:\n      db: { password: k3x9Lq2mVb7 }")],
            &["plaintext-secret base.yaml:4 a.yaml"],
        ),
        (
            "in a variable",
            &[("base.yaml", "vars: { db: { password: k3x9Lq2mVb7 } }\ndata: { A: '{{ vars.db.password }}' }")],
            &["plaintext-secret base.yaml:1"],
        ),
        (
            "in a file",
            &[("base.yaml", "data: { a.ini: { file: a.ini } }"), ("a.ini", "[db]\npassword = k3x9Lq2mVb7\n")],
            &["plaintext-secret base.yaml:1 a.ini"],
        ),
        (
            "in a template",
            &[("base.yaml", "data: { a.ini: { template: a.j2 } }"), ("a.j2", "{{ env.name }}\npassword=k3x9Lq2mVb7\n")],
            &["plaintext-secret base.yaml:1 a.ini"],
        ),
        (
            "in the environment of a container",
            &[
                ("base.yaml", "manifests: [w/w.yaml]"),
                (
                    "w/w.yaml",
                    "kind: Pod\napiVersion: v1\nmetadata: { name: p }\nspec:\n  containers:\n  - name: a\n    image: a\n    env:\n    - { name: DB_PASSWORD, value: k3x9Lq2mVb7 }\n",
                ),
            ],
            &["plaintext-secret w/w.yaml:9"],
        ),
        (
            "in base64 in a Secret",
            &[
                ("base.yaml", "manifests: [w/w.yaml]"),
                (
                    "w/w.yaml",
                    "kind: Secret\napiVersion: v1\nmetadata: { name: p }\ndata: { password: azN4OUxxMm1WYjc= }\n",
                ),
            ],
            &["plaintext-secret w/w.yaml:4"],
        ),
    ]);
}

#[test]
fn what_is_no_credential_is_none() {
    assert_all(&[
        ("a placeholder", &[("base.yaml", "data: { S: { value: changeme, sensitive: true } }")], &[]),
        ("nothing", &[("base.yaml", "data: { S: { value: '', sensitive: true } }")], &[]),
        ("a template", &[("base.yaml", "data: { S: { sensitive: true, value: '{{ env.name }}' } }")], &[]),
        ("a key about a secret", &[("base.yaml", "data: { TOKEN_TTL: 15m, PASSWORD_MIN_LENGTH: 12 }")], &[]),
        (
            "one that is declared plain",
            &[(
                "base.yaml",
                "data: { STRIPE_KEY: { value: pk_live_x9Lq2mVb7x9Lq2mVb7, sensitive: false, reason: public } }",
            )],
            &[],
        ),
        (
            "one that is encrypted",
            &[
                (
                    "base.yaml",
                    "data: { DATABASE_PASSWORD: { sensitive: true }, STRIPE_WEBHOOK_SECRET: { sensitive: true } }",
                ),
                ("dev.yaml", "data: { DATABASE_PASSWORD: null, STRIPE_WEBHOOK_SECRET: null }"),
                ("prod.yaml", ""),
                ("prod.secrets.yaml", ENCRYPTED),
            ],
            &[],
        ),
        (
            "fields of manifests that only name secrets",
            &[
                ("base.yaml", "manifests: [w/w.yaml]\nexternal: [{ kind: Secret, name: db-secret }]"),
                (
                    "w/w.yaml",
                    "kind: Pod\napiVersion: v1\nmetadata: { name: p }\nspec:\n  automountServiceAccountToken: false\n  containers:\n  - name: a\n    image: a\n    env:\n    - name: DB_PASSWORD\n      valueFrom: { secretKeyRef: { name: db-secret, key: password } }\n",
                ),
            ],
            &[],
        ),
    ]);
}

#[test]
fn files_that_should_be_encrypted_are_told() {
    let recipient = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";
    let rule = format!("creation_rules:\n- path_regex: dev\\.yaml$\n  age: {recipient}\n");
    let catch_all = format!("creation_rules:\n- age: {recipient}\n");
    assert_all(&[
        ("by the name", &[("base.yaml", ""), ("dev.secrets.yaml", "data: {}")], &["not-encrypted dev.secrets.yaml:1"]),
        ("by a rule", &[("base.yaml", ""), (".sops.yaml", &rule)], &["not-encrypted dev.yaml:1"]),
        ("a rule for all is for those that are", &[("base.yaml", ""), (".sops.yaml", &catch_all)], &[]),
    ]);
}

#[test]
fn secrets_that_nothing_declares_are_told() {
    assert_all(&[
        ("by name", &[("base.yaml", "data:\n  API_TOKEN: changeme")], &["undeclared-secret base.yaml:2 API_TOKEN"]),
        ("not if it is declared", &[("base.yaml", "data: { API_TOKEN: { value: changeme, sensitive: true } }")], &[]),
        (
            "not if it is derived",
            &[("base.yaml", "data: { S: { value: changeme, sensitive: true }, PASSWORD: '{{ data.S }}' }")],
            &[],
        ),
        (
            "not if worse is told",
            &[("base.yaml", "data: { API_TOKEN: k3x9Lq2mVb7 }")],
            &["plaintext-secret base.yaml:1 API_TOKEN"],
        ),
    ]);
}

#[test]
fn what_one_environment_lacks_and_what_nobody_uses_is_told() {
    assert_all(&[
        (
            "a key that one environment lacks",
            &[("base.yaml", "data: { A: { description: x } }"), ("dev.yaml", "data: { A: 1 }"), ("prod.yaml", "")],
            &["missing-environment base.yaml:1 A"],
        ),
        (
            "not one that it takes out",
            &[
                ("base.yaml", "data: { A: { description: x } }"),
                ("dev.yaml", "data: { A: 1 }"),
                ("prod.yaml", "data: { A: null }"),
            ],
            &[],
        ),
        (
            "one that is required is an error of its own",
            &[("base.yaml", "data: { A: { required: true } }"), ("dev.yaml", "data: { A: 1 }"), ("prod.yaml", "")],
            &["missing-required base.yaml:1 A"],
        ),
        (
            "a key without any value",
            &[("base.yaml", "data: { A: { description: x } }")],
            &["unused-entry base.yaml:1 A"],
        ),
        (
            "a variable",
            &[("base.yaml", "vars:\n  a: 1\n  b: { c: 2, d: [3] }\ndata: { A: '{{ vars.b.d[0] }}' }")],
            &["unused-variable base.yaml:2", "unused-variable base.yaml:3"],
        ),
        (
            "not one that a loop reads",
            &[("base.yaml", "vars: { a: [1, 2] }\ndata: { A: '{% for x in vars.a %}{{ x }}{% endfor %}' }")],
            &[],
        ),
        (
            "not one that is read whole",
            &[("base.yaml", "vars: { a: { b: 1 } }\ndata: { A: '{{ vars.a | tojson }}' }")],
            &[],
        ),
        (
            "not one that another environment reads",
            &[("base.yaml", "vars: { a: 1 }\ndata: { A: x }"), ("prod.yaml", "data: { A: '{{ vars.a }}' }")],
            &[],
        ),
    ]);
}

#[test]
fn a_shared_layer_is_judged_by_all_its_apps() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [apps/*]\nshared: shared"),
        ("shared/base.yaml", "vars: { a: 1, b: 2 }"),
        ("apps/one/base.yaml", "data: { A: '{{ vars.a }}' }"),
        ("apps/one/dev.yaml", ""),
        ("apps/two/base.yaml", "data: { A: x }"),
        ("apps/two/dev.yaml", ""),
    ]);
    assert_eq!(check(&project), ["unused-variable shared/base.yaml:1"]);
    let told = project.run(&["check"]).stdout;
    record(&told);
}

#[test]
fn mistakes_that_rendering_finds_are_findings() {
    assert_all(&[
        ("an unknown key", &[("base.yaml", ""), ("dev.yaml", "data: { A: 1 }")], &["unknown-key dev.yaml:1"]),
        (
            "a value against its rules",
            &[("base.yaml", "data: { P: { value: x, type: integer } }")],
            &["invalid-value base.yaml:1 P"],
        ),
        (
            "a deprecated key",
            &[("base.yaml", "data: { A: { deprecated: use B } }"), ("dev.yaml", "data: { A: 1 }")],
            &["deprecated-key dev.yaml:1 A"],
        ),
        (
            "a reference that leads nowhere",
            &[
                ("base.yaml", "manifests: [w/w.yaml]"),
                (
                    "w/w.yaml",
                    "kind: Pod\napiVersion: v1\nmetadata: { name: p }\nspec: { containers: [{ name: a, image: a, envFrom: [{ configMapRef: { name: none } }] }] }\n",
                ),
            ],
            &["dangling-reference w/w.yaml:4"],
        ),
    ]);
}

#[test]
fn what_flux_would_substitute_is_told_where_it_does() {
    let base = "data:\n  nginx.conf: 'listen ${PORT};'\n";
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  postBuild: { substitute: { a: b } }\n";
    let off =
        "annotations: { kustomize.toolkit.fluxcd.io/substitute: disabled }\ndata:\n  nginx.conf: 'listen ${PORT};'\n";
    assert_all(&[
        ("nobody substitutes", &[("base.yaml", base)], &[]),
        (
            "Flux does",
            &[("base.yaml", base), ("clusters/prod/apps.yaml", flux)],
            &["substitution base.yaml:2 nginx.conf"],
        ),
        ("it is kept from it", &[("base.yaml", off), ("clusters/prod/apps.yaml", flux)], &[]),
        ("it is escaped", &[("base.yaml", "data: { A: 'listen $${PORT};' }"), ("clusters/prod/apps.yaml", flux)], &[]),
    ]);
}

#[test]
fn output_that_is_not_current_is_told() {
    let project = Sandbox::new([("base.yaml", "data: { A: 1 }"), ("dev.yaml", "")]);
    project.run(&["render", "--all", "--out", "rendered"]);
    let compared = || findings(&project.run(&["check", "--rendered", "rendered", "--format", "json"]));
    assert!(compared().is_empty());
    std::fs::write(project.root().join("base.yaml"), "data: { A: 2 }").unwrap();
    assert_eq!(compared(), ["stale-output rendered/dev/app/configmap-app.yaml:1"]);
    std::fs::remove_dir_all(project.root().join("rendered")).unwrap();
    assert_eq!(compared(), ["stale-output rendered/dev:1"], "both files are missing with their directory");
}

#[test]
fn what_a_tree_lost_is_told_by_the_outermost_directory() {
    let project = Sandbox::new([("base.yaml", "data: { A: 1 }"), ("dev.yaml", ""), ("prod.yaml", "")]);
    project.run(&["render", "--all", "--out", "rendered"]);
    let compared = || findings(&project.run(&["check", "--rendered", "rendered", "--format", "json"]));
    let remove = |part: &str| std::fs::remove_dir_all(project.root().join(part)).unwrap();
    std::fs::remove_file(project.root().join("rendered/dev/app/configmap-app.yaml")).unwrap();
    assert_eq!(compared(), ["stale-output rendered/dev/app/configmap-app.yaml:1"]);
    remove("rendered/dev/app");
    assert_eq!(compared(), ["stale-output rendered/dev/app:1"]);
    remove("rendered/dev");
    assert_eq!(compared(), ["stale-output rendered/dev:1"]);
    remove("rendered/prod");
    assert_eq!(compared(), ["stale-output rendered:1"]);
    remove("rendered");
    assert_eq!(compared(), ["stale-output rendered:1"]);
}

#[test]
fn what_a_typed_secret_lacks_is_told_once_with_its_environments() {
    let base = "bundles:\n  s: { type: kubernetes.io/ssh-auth, data: { foo: x } }\n";
    let project = Sandbox::new([("base.yaml", base), ("dev.yaml", ""), ("prod.yaml", "")]);
    let run = project.run(&["check"]);
    assert_eq!(run.stdout.matches("typed-secret").count(), 1, "{}", run.stdout);
    record(&run.stdout);
}

#[test]
fn the_demo_and_the_examples_are_clean() {
    let directories =
        PROJECTS.iter().map(|(_, directory, _)| *directory).chain(TREES.iter().map(|(directory, _)| *directory));
    for directory in directories {
        let path = repository().join(directory);
        // certificates of examples are valid for a while only
        let run = run(&path, &["check", "--at", "2026-11-25"], &[("SOPS_AGE_KEY_FILE", DEMO_KEY)]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{directory}: {}", run.stderr);
    }
}

/// Two apps that are called the same, in one environment, and one more in another.
fn namesakes() -> Sandbox {
    Sandbox::new([
        ("septum.yaml", "apps: [services/*]\n"),
        ("services/a/base.yaml", "app: shop\nvars: { v: x }\ndata: { A: a, V: \"{{ vars.v }}\" }\n"),
        ("services/a/dev.yaml", ""),
        ("services/b/base.yaml", "app: shop\nvars: { v: x }\ndata: { A: b, V: \"{{ vars.v }}\" }\n"),
        ("services/b/dev.yaml", ""),
        ("services/c/base.yaml", "app: shop\ndata: { A: c }\n"),
        ("services/c/prod.yaml", ""),
    ])
}

#[test]
fn apps_of_one_name_are_one_finding() {
    for arguments in [&["check"][..], &["check", "--app", "shop"], &["check", "dev"]] {
        let run = namesakes().run(arguments);
        record(&run.stdout);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.stdout);
        let report = namesakes().run(&[arguments, &["--format", "json"]].concat());
        let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
        let rules: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["rule"]).collect();
        assert_eq!(rules, ["invalid-name"], "{arguments:?}");
    }
    // their objects may differ where an object of another app does not
    let project = namesakes().file("services/b/base.yaml", "app: mail\nbundles: { shop: { data: { A: x } } }\n");
    record(&project.run(&["check"]).stdout);
}

#[test]
fn no_command_takes_the_first_of_two_apps() {
    for arguments in [
        &["get", "dev", "A", "--app", "shop"][..],
        &["get", "dev", "A"],
        &["get", "dev", "vars.v", "--app", "shop"],
        &["render", "dev", "--app", "shop"],
        &["render", "dev", "--app", "shop", "--out", "rendered"],
        &["render", "dev", "--app", "shop", "--format", "helm-values"],
        &["exec", "dev", "--app", "shop", "--", "true"],
        &["export", "dev", "--app", "shop"],
        &["edit", "dev", "--app", "shop"],
        &["rename", "A", "B", "--app", "shop"],
        &["schema", "--app", "shop"],
    ] {
        let run = namesakes().run(arguments);
        assert_ne!(run.code, 0, "{arguments:?}: {}", run.stdout);
        let names_both = ["services/a", "services/b"].iter().all(|place| run.stderr.contains(place));
        assert!(names_both, "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("--app NAME") && run.stderr.contains("rename"), "{arguments:?}: {}", run.stderr);
    }
    // the only one of the environment is meant
    let project = namesakes();
    assert_eq!(project.run(&["get", "prod", "A", "--app", "shop"]).ok().trim_end(), "c");
    let printed = project.run(&["render", "prod", "--app", "shop"]).ok();
    assert!(printed.contains("A: c"), "{printed}");
    let one = project.run(&["explain", "dev", "A", "--app", "shop"]);
    assert!(one.code == 0 && one.stdout.matches("history").count() == 2, "{}{}", one.stdout, one.stderr);
}
