//! Files beside `base.yaml`: an environment, a part of one, harmless, or an error that says what it looks like.

use super::rules;
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: shop\ndata:\n  LEVEL: info\n";

/// What becomes of a file.
enum Fate {
    /// An error, whose message is recorded.
    Refused,
    /// Nothing: it cannot be taken for a layer.
    Harmless,
}

use Fate::{Harmless, Refused};

/// Files beside the layers `base`, `dev` and `prod`.
const FILES: &[(&str, Fate)] = &[
    ("prod.yml", Refused),
    ("qa.yml", Refused),
    ("base.yml", Refused),
    ("prod.secrets.yml", Refused),
    ("base.secrets.yml", Refused),
    ("PROD.yaml", Refused),
    ("Prod.secrets.yaml", Refused),
    ("prod.YAML", Refused),
    ("prod.yaml.yaml", Refused),
    ("prod.ymal", Refused),
    ("prod.yaml.bak", Refused),
    ("prod.yaml.orig", Refused),
    ("prod.yaml.txt", Refused),
    ("prod.yaml~", Refused),
    ("#prod.yaml#", Refused),
    ("prod copy.yaml", Refused),
    ("prod-copy.yaml", Refused),
    ("prod (1).yaml", Refused),
    ("Copy of prod.yaml", Refused),
    ("base copy.yaml", Refused),
    ("prdo.secrets.yaml", Refused),
    ("qa.secrets.yaml", Refused),
    ("prod.secret.yaml", Refused),
    ("prod.sercets.yaml", Refused),
    ("prod-secrets.yaml", Refused),
    ("prod_secrets.yaml", Refused),
    ("secrets.prod.yaml", Refused),
    ("secrets.yaml", Refused),
    ("prod.sops.yaml", Refused),
    ("prod.enc.yaml", Refused),
    ("prod.yaml.enc", Refused),
    ("prod.secrets", Refused),
    ("prod.json", Refused),
    ("prod.toml", Refused),
    ("prod.env", Refused),
    ("prod", Refused),
    ("settings.json", Refused),
    (".prod.yaml", Refused),
    (".secrets.yaml", Refused),
    ("kustomization.yaml", Refused),
    ("Kustomization.yml", Refused),
    ("Chart.yaml", Refused),
    ("values.yaml", Refused),
    ("values-prod.yaml", Refused),
    ("docker-compose.yml", Refused),
    ("stage.yaml/", Refused),
    ("stage.yml/", Refused),
    ("README.md", Harmless),
    ("LICENSE", Harmless),
    ("Makefile", Harmless),
    ("prod.schema.json", Harmless),
    ("checkout.schema.json", Harmless),
    ("Dockerfile", Harmless),
    ("main.go", Harmless),
    ("ca.crt", Harmless),
    ("prod.crt", Harmless),
    ("notes.txt", Harmless),
    ("package.json", Harmless),
    (".gitignore", Harmless),
    (".pre-commit-config.yaml", Harmless),
    (".prod.yaml.swp", Harmless),
    ("files/", Harmless),
    ("regions/", Harmless),
    ("qa.yaml", Harmless),
    ("prod.secrets.yaml", Harmless),
    ("eu-1.yaml", Harmless),
];

fn with(file: &str) -> Sandbox {
    let project = Sandbox::new([("base.yaml", BASE), ("dev.yaml", ""), ("prod.yaml", "data:\n  LEVEL: warn\n")]);
    match file.strip_suffix('/') {
        Some(directory) => {
            std::fs::create_dir(project.root().join(directory)).unwrap();
            project
        }
        None => project.file(file, "{}\n"),
    }
}

#[test]
fn each_file_beside_the_base_is_read_harmless_or_refused() {
    for (file, fate) in FILES {
        let project = with(file);
        let render = project.run(&["render", "prod"]);
        let check = project.run(&["check", "--format", "json"]);
        let found = rules(&check);
        let is_refused = |(severity, rule): &(String, String)| {
            severity == "error" && ["unknown-file", "invalid-name"].contains(&rule.as_str())
        };
        match fate {
            Refused => {
                let message = render.refused();
                let name = file.trim_end_matches('/');
                assert!(message.contains(&format!("`{name}`")), "{file}: {message}");
                assert!(found.iter().any(is_refused), "{file}: {found:?}");
                assert_eq!(check.code, 1, "{file}: {}", check.stdout);
                let tree = project.run(&["render", "--all", "--out", "out"]);
                tree.refused();
                assert!(!project.root().join("out").exists(), "{file}: nothing is written");
            }
            Harmless => {
                assert!(render.ok().contains("warn"), "{file}");
                assert!(!found.iter().any(is_refused), "{file}: {found:?}");
            }
        }
    }
}

#[test]
fn an_environment_whose_file_has_the_wrong_name_is_named_where_it_is_asked_for() {
    let project = Sandbox::new([("base.yaml", BASE), ("dev.yaml", ""), ("prod.yml", "data:\n  LEVEL: warn\n")]);
    for command in
        [&["render", "prod"][..], &["get", "prod", "LEVEL"], &["explain", "prod", "LEVEL"], &["list", "prod"]]
    {
        let message = project.run(command).refused();
        assert!(message.contains("`prod.yml`"), "{command:?}: {message}");
    }
}

#[test]
fn a_file_that_a_layer_names_is_none_of_its_environments() {
    let base = "app: shop\ndata:\n  prod.json: { file: prod.json }\n  x: { template: dev.env }\n";
    let project = Sandbox::new([("base.yaml", base), ("dev.yaml", ""), ("prod.json", "{}"), ("dev.env", "A=1\n")]);
    project.run(&["render", "dev"]).ok();
}

#[test]
fn an_app_without_an_environment_is_an_error() {
    let alone = Sandbox::new([("base.yaml", BASE)]);
    for command in [&["render", "--all"][..], &["render", "--all", "--out", "out"]] {
        alone.run(command).refused();
    }
    let check = alone.run(&["check", "--format", "json"]);
    assert_eq!((check.code, rules(&check)), (1, vec![("error".to_owned(), "no-environment".to_owned())]));
}

#[test]
fn shared_layers_of_no_environment_and_lookalikes_of_a_base_are_found() {
    let project = || {
        Sandbox::new([
            ("septum.yaml", "apps: [\"services/*\"]\nshared: environments\n"),
            ("environments/base.yaml", ""),
            ("environments/prod.yaml", ""),
            ("services/cart/base.yaml", BASE),
            ("services/cart/prod.yaml", ""),
        ])
    };
    project().run(&["render", "--all"]).ok();
    for file in [
        "environments/prod.yml",
        "environments/prdo.yaml",
        "environments/prdo.secrets.yaml",
        "environments/staging.yaml",
        "services/mail/base.yml",
        "services/mail/Base.yaml",
        "services/cart/prdo.secrets.yaml",
    ] {
        let project = project().file(file, "");
        project.run(&["render", "--all"]).refused();

        let check = project.run(&["check", "--format", "json"]);
        assert!(rules(&check).contains(&("error".to_owned(), "unknown-file".to_owned())), "{file}: {}", check.stdout);
    }
    // a layer that another one extends has its name from there
    let extended = project().file("environments/eu.yaml", "").file("services/cart/prod.yaml", "extends: [eu]\n");
    extended.run(&["render", "--all"]).ok();
}

#[test]
fn what_looks_like_half_a_mixin_is_found() {
    for (file, is_wrong) in [
        ("regions/eu.yml", true),
        ("regions/eu.secrets.yml", true),
        ("regions/eu.secret.yaml", true),
        ("regions/eu.yaml.bak", true),
        ("regions/us.yaml", false),
        ("regions/README.md", false),
    ] {
        let layers = [("base.yaml", BASE), ("prod.yaml", "extends: [regions/eu]\n"), ("regions/eu.yaml", "")];
        let run = Sandbox::new(layers).file(file, "{}\n").run(&["render", "prod"]);
        run.record();
        assert_eq!(run.code == 2, is_wrong, "{file}: {}", run.stderr);
    }
}

#[test]
fn a_project_file_with_the_wrong_ending_is_found() {
    let project = Sandbox::new([("septum.yml", "apps: [\"*\"]\n"), ("cart/base.yaml", BASE), ("cart/dev.yaml", "")]);
    project.run(&["render", "--all"]).refused();

    let project = Sandbox::new([("environments/base.yml", BASE), ("environments/dev.yaml", "")]);
    project.run(&["render", "--all"]).refused();
}

#[test]
fn a_file_of_another_program_is_called_one_whatever_its_name() {
    for (file, content) in [
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\nsettings: { autoInstallPeers: true }\nimporters: { .: {} }\n"),
        ("cloudbuild.yaml", "steps:\n  - name: gcr.io/cloud-builders/docker\nimages: [a]\n"),
        ("catalog-info.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: shop }\n"),
        ("appsettings.json", "{ \"Logging\": { \"LogLevel\": { \"Default\": \"Information\" } } }\n"),
        ("lefthook.yml", "pre-commit:\n  commands: { lint: { run: make lint } }\n"),
        ("mkdocs.yml", "site_name: Shop\nnav: [index.md]\n"),
        ("mkdocs.yaml", "site_name: Shop\nnav: [index.md]\n"),
        ("playbook.yml", "- hosts: all\n"),
        ("deployment.yml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n"),
    ] {
        let project = Sandbox::new([("base.yaml", BASE), ("dev.yaml", ""), ("prod.yaml", "")]).file(file, content);
        for command in [&["render", "prod"][..], &["render", "--all", "--out", "out"]] {
            let message = project.run(command).refused();
            assert!(message.contains(file), "{file}: {message}");
        }
        let check = project.run(&["check", "--format", "json"]);
        assert!(rules(&check).iter().any(|(severity, _)| severity == "error"), "{file}: {}", check.stdout);
    }
}

#[test]
fn a_layer_with_nothing_but_mistakes_is_still_taken_for_a_layer() {
    for content in [
        "dta: { LEVEL: debug }\n",
        "LEVEL: debug\n",
        "stringData: { LEVEL: debug }\n",
        "values: { a: { b: 1 } }\n",
        "LIMITS: { cpu: 1 }\n",
    ] {
        let project = Sandbox::new([("base.yaml", BASE), ("dev.yaml", content), ("prod.yaml", "")]);
        project.run(&["render", "dev"]).refused();
    }
}

#[test]
fn a_name_of_a_series_is_no_slip_for_another() {
    with("dev2.yml").run(&["render", "prod"]).refused();
}
