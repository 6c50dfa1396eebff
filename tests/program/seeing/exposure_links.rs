//! `septum exposure` of layers behind links: a file and its link are one.

#![cfg(unix)]

use std::os::unix::fs::symlink;

use super::exposure::{commit, git};
use crate::support::sandbox::{CANARY, Sandbox};

/// Files with their environments.
fn exposed(site: &Sandbox) -> Vec<(String, Vec<String>)> {
    let found = site.run(&["exposure", &site.bob, "--format", "json"]).json();
    let row = |value: &serde_json::Value| {
        let names = value["environments"].as_array().unwrap().iter();
        let names = names.map(|name| name.as_str().unwrap().to_owned()).collect();
        (value["file"].as_str().unwrap().to_owned(), names)
    };
    found["values"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn files_behind_links_have_the_environments_of_the_layers_that_lead_to_them() {
    let site = Sandbox::with_identities();
    site.write(".gitignore", "*.txt\nhome\n");
    git(&site, &["init", "-q"]);
    site.rules("creation_rules: [{age: 'ALICE,BOB'}]");
    site.write("septum.yaml", "apps: [services/a, services/b, services/c]\n");
    // a file, a directory, a part of a path
    for app in ["services/a", "elsewhere/b", "more/services/c"] {
        let name = app.rsplit('/').next().unwrap();
        site.write(&format!("{app}/base.yaml"), format!("app: {name}\ndata: {{ TOKEN: {{ sensitive: true }} }}\n"));
        site.write(&format!("{app}/prod.yaml"), "");
    }
    for file in ["vault/token.yaml", "elsewhere/b/prod.secrets.yaml", "more/services/c/prod.secrets.yaml"] {
        site.encrypted(file, format!("data:\n  TOKEN: {CANARY}\n"));
    }
    symlink("../../vault/token.yaml", site.path("services/a/prod.secrets.yaml")).unwrap();
    symlink("../../vault/token.yaml", site.path("services/a/dev.secrets.yaml")).unwrap();
    site.write("services/a/dev.yaml", "");
    symlink("../elsewhere/b", site.path("services/b")).unwrap();
    symlink("../more/services/c", site.path("services/c")).unwrap();
    let row = |file: &str, names: &[&str]| (file.to_owned(), names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let expected = [
        row("elsewhere/b/prod.secrets.yaml", &["prod"]),
        row("more/services/c/prod.secrets.yaml", &["prod"]),
        row("vault/token.yaml", &["dev", "prod"]),
    ];
    assert_eq!(exposed(&site), expected, "not committed");
    commit(&site, "links");
    assert_eq!(exposed(&site), expected);
}
