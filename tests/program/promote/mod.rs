//! Values that are copied from one environment to another: with what, where to, and when not.

mod base;
mod foreign;
mod property;
mod secrecy;
mod staged;
mod unpromoted;

use std::process::Command;

use crate::support::sandbox::{CANARY, Sandbox};

const BASE: &str = "app: shop
vars: { domain: example.com }
manifests: [workloads/web.yaml]
data:
  LOG_LEVEL: info
  PORT: { value: 8080, type: integer }
  HOST: { value: localhost, promote: never }
  TEXT: x
  PASSWORD: { sensitive: true }
  API_KEY: { sensitive: true, promote: always }
bundles:
  extra: { data: { X: 1, Y: 1 } }
";

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: nginx, envFrom: [{ configMapRef: { name: shop } }, { configMapRef: { name: extra } }, { secretRef: { name: shop } }] }]
";

/// A project with the environments `staging` and `prod`, whose encrypted files are for Alice.
fn project(staging: &str, prod: &str) -> Sandbox {
    let desk = Sandbox::with_identities();
    desk.write("environments/base.yaml", BASE);
    desk.write("environments/workloads/web.yaml", WEB);
    desk.write("environments/staging.yaml", staging);
    desk.write("environments/prod.yaml", prod);
    desk.encrypted(
        "environments/staging.secrets.yaml",
        format!("data:\n  PASSWORD: {CANARY}-1\n  # of {CANARY}\n  API_KEY: {CANARY}-2\n"),
    );
    desk.encrypted("environments/prod.secrets.yaml", format!("data:\n  PASSWORD: {CANARY}-3\n"));
    desk
}

fn prod(desk: &Sandbox) -> String {
    desk.read("environments/prod.yaml")
}

/// Runs Git in the project.
#[track_caller]
fn git(desk: &Sandbox, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]).args(arguments);
    let output = git.current_dir(desk.root()).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn own_values_travel_with_their_comments_and_style() {
    let staging = "data:
  # more
  # of it
  LOG_LEVEL: 'debug'  # for now
  PORT: 0x1F90
  HOST: staging.example.com
  TEXT: |
    one

      two
bundles:
  extra:
    data: { X: \"2\" }
";
    let desk = project(staging, "# prod\ndata:\n    HOST: example.com # own\n    TEXT: y\n");
    desk.replace("environments/staging.yaml", "0x1F90", "8081");
    let before = desk.all();
    let shown = desk.run(&["promote", "staging", "prod", "--dry-run"]);
    assert_eq!((shown.code, before == desk.all()), (1, true), "{}", shown.stderr);
    shown.record();
    assert!(shown.stdout.contains("LOG_LEVEL") && !shown.stdout.contains(CANARY), "{}", shown.stdout);
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();

    let expected = "# prod
data:
    HOST: example.com # own
    TEXT: |
      one

        two
    # more
    # of it
    LOG_LEVEL: 'debug'  # for now
    PORT: 8081
bundles:
  extra:
    data:
      X: \"2\"
";
    assert_eq!(prod(&desk), expected);
    assert_eq!(desk.run(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
    assert_eq!(desk.run(&["get", "prod", "PASSWORD"]).ok(), format!("{CANARY}-3"));
    let changed: Vec<_> = desk.all().into_iter().filter(|(name, bytes)| before.get(name) != Some(bytes)).collect();
    let changed: Vec<_> = changed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(changed, ["environments/prod.secrets.yaml", "environments/prod.yaml"]);
    // again
    let written = desk.all();
    let again = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""));
    again.record();
    assert_eq!(desk.all(), written);
}

#[test]
fn values_of_secrets_are_in_no_output() {
    let desk = project("data: { TEXT: \"{{ data.API_KEY }}\" }\n", "");
    for format in ["text", "markdown", "json"] {
        let run = desk.run(&["promote", "staging", "prod", "--dry-run", "--format", format]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{} {}", run.stdout, run.stderr);
        assert!(run.stdout.contains("API_KEY"), "{}", run.stdout);
    }
    let run = desk.run(&["promote", "staging", "prod", "--json", "--yes"]);
    let view: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((view["changed"].as_bool(), view["written"].as_bool()), (Some(true), Some(true)), "{view}");
    let outcomes: Vec<_> = view["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["name"].as_str().unwrap(), row["outcome"].as_str().unwrap(), row["encrypted"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(outcomes, [("TEXT", "skipped", false), ("PASSWORD", "skipped", false), ("API_KEY", "copied", true)]);
    for (name, bytes) in desk.all().iter().filter(|(name, _)| name.starts_with("environments/")) {
        assert!(!String::from_utf8_lossy(bytes).contains(CANARY), "{name}");
    }
    let run = desk.run(&["promote", "staging", "prod", "--json", "--yes"]);
    let view: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, view["changed"].as_bool(), view["written"].as_bool()), (0, Some(false), Some(false)));
}

#[test]
fn a_literal_that_is_routed_to_a_secret_is_encrypted() {
    let staging = "data:\n  # why\n  API_KEY: { value: changeme, description: d }\n";
    let desk = project(staging, "data:\n  API_KEY: old-old\n  TEXT: z\n");
    desk.run(&["unset", "staging", "API_KEY"]).succeeds();
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();

    assert_eq!(prod(&desk), "data:\n  TEXT: z\n");
    assert_eq!(desk.run(&["get", "prod", "API_KEY"]).ok(), "changeme");
}

#[test]
fn rules_of_the_target_stay() {
    let staging = "data:\n  # why\n  PORT: 9000 # new\n  TEXT: { value: x, description: own }\n";
    let desk = project(staging, "data:\n  PORT: { value: 1, maximum: 9999 }\n  TEXT: { template: false }\n");
    desk.run(&["promote", "staging", "prod", "PORT", "TEXT", "--yes"]).succeeds();

    assert_eq!(
        prod(&desk),
        "data:\n  PORT: { value: 9000, maximum: 9999 }\n  # own\n"
            .replace("  # own\n", "  TEXT: { value: x, description: own }\n")
    );
}

#[test]
fn a_new_error_stops_before_a_byte_is_written() {
    let desk = project("data: { PORT: 9000, LOG_LEVEL: debug }\n", "data:\n  PORT: { maximum: 8999 }\n");
    let before = desk.all();
    for arguments in [&["--yes"][..], &["--dry-run"], &["--yes", "--format", "json"]] {
        let run = desk.run(&[&["promote", "staging", "prod"], arguments].concat());
        assert_eq!(run.code, 2, "{}", run.stderr);
        run.record();
        assert_eq!(desk.all(), before);
    }
    // one that is there already does not
    desk.write("environments/prod.yaml", "data:\n  PORT: { value: 9001, maximum: 8999 }\n");
    desk.run(&["promote", "staging", "prod", "LOG_LEVEL", "--yes"]).succeeds();
}

#[test]
fn usage_is_checked() {
    let desk = project("data: { LOG_LEVEL: debug, HOST: x }\n", "");
    let before = desk.all();
    for arguments in [
        &["staging", "prod"][..],
        &["staging", "prod", "--json"],
        &["staging", "staging", "--yes"],
        &["stagin", "prod", "--yes"],
        &["staging", "prod", "LOG_LEVL", "--yes"],
        &["staging", "prod", CANARY, "--yes"],
        &["staging", "prod", "PASSWORD", "--yes"],
        &["staging", "prod", "HOST", "--yes"],
        &["staging", "prod", "--app", "other", "--yes"],
        &["staging", "prod", "--ours", CANARY, "--yes"],
    ] {
        desk.run(&[&["promote"], arguments].concat()).fails(2);
        assert_eq!(desk.all(), before);
    }
    desk.run(&["promote", "staging", "prod", "--base", "HEAD", "--yes"]).fails(4);
    // a key that only lower layers set, and a glob that means nothing that may be copied
    for key in ["TEXT", "HO*"] {
        let run = desk.run(&["promote", "staging", "prod", key, "--yes"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.record();
        assert_eq!(desk.all(), before);
    }
}

#[test]
fn only_what_is_named_is_copied() {
    let staging = "data: { LOG_LEVEL: debug, TEXT: y }\nbundles: { extra: { data: { X: 2, Y: 2 } } }\nvars: { domain: a.example.com }\nimages: { nginx: { newTag: \"2\" } }\nreplicas: { web: 3 }\npatches:\n  # add\n  - patch: |\n      kind: Deployment\n      apiVersion: apps/v1\n      metadata: { name: web, annotations: { a: b } }\n";
    for (keys, expected) in [
        (&["LOG*"][..], "data:\n  LOG_LEVEL: debug\n"),
        (&["extra/X"], "bundles:\n  extra:\n    data:\n      X: 2\n"),
        (&["shop/*"], "data:\n  LOG_LEVEL: debug\n  TEXT: y\n"),
        (&["images.*"], "images:\n  nginx: { newTag: \"2\" }\n"),
        (&["replicas.web"], "replicas:\n  web: 3\n"),
        (&["vars.domain"], "vars:\n  domain: a.example.com\n"),
        (
            &["patches.Deployment/web"],
            "patches:\n  # add\n  - patch: |\n      kind: Deployment\n      apiVersion: apps/v1\n      metadata: { name: web, annotations: { a: b } }\n",
        ),
        (&["--theirs", "nothing*", "X"], ""),
    ] {
        let desk = project(staging, "");
        if expected.is_empty() {
            desk.run(&[&["promote", "staging", "prod", "--yes"], keys].concat()).fails(2);
            continue;
        }
        desk.run(&[&["promote", "staging", "prod", "--yes"], keys].concat()).succeeds();
        assert_eq!(prod(&desk), expected, "{keys:?}");
    }
    let desk = project(staging, "");
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();
    assert!(!prod(&desk).contains("replicas") && !prod(&desk).contains("vars"), "{}", prod(&desk));
}

#[test]
fn a_key_is_needed_where_an_encrypted_file_is_changed_and_nowhere_else() {
    let desk = project("data: { LOG_LEVEL: debug }\n", "");
    desk.rules(
        r"creation_rules: [{path_regex: 'prod\.secrets\.', age: BOB}, {path_regex: '\.(enc|secrets)\.', age: ALICE}]",
    );
    desk.run(&["rekey", "environments/prod.secrets.yaml"]).succeeds();
    let before = desk.all();
    desk.run(&["promote", "staging", "prod", "--yes"]).fails(3);
    desk.run_without_key(&["promote", "staging", "prod", "API_KEY", "--yes"]).fails(3);
    assert_eq!(desk.all(), before);
    desk.run_without_key(&["promote", "staging", "prod", "LOG_LEVEL", "--yes"]).succeeds();
    assert_eq!(prod(&desk), "data:\n  LOG_LEVEL: debug\n");
    // a new file needs the recipients alone
    std::fs::remove_file(desk.path("environments/prod.secrets.yaml")).unwrap();
    desk.run(&["promote", "staging", "prod", "API_KEY", "--yes"]).succeeds();
    assert_eq!(desk.run_as_bob(&["get", "prod", "API_KEY"]).ok(), format!("{CANARY}-2"));
}

#[test]
fn a_value_that_a_rule_would_leave_readable_is_refused() {
    let desk = project("", "");
    desk.rules(r"creation_rules: [{path_regex: 'prod\.secrets\.', age: ALICE, encrypted_regex: '^PASSWORD$'}, {path_regex: '\.(enc|secrets)\.', age: ALICE}]");
    desk.run(&["rekey", "environments/prod.secrets.yaml"]).succeeds();
    let before = desk.all();
    desk.run(&["promote", "staging", "prod", "--yes"]).fails(2);
    assert_eq!(desk.all(), before);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let desk = project("data: { LOG_LEVEL: debug }\n", "");
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("prod.yaml");
    std::fs::write(&target, "data: {}\n").unwrap();
    std::fs::remove_file(desk.path("environments/prod.yaml")).unwrap();
    std::os::unix::fs::symlink(&target, desk.path("environments/prod.yaml")).unwrap();
    let run = desk.run(&["promote", "staging", "prod", "--yes"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "data: {}\n");
}

/// Editors of Windows write a byte order mark, which is not an indentation.
#[test]
fn a_byte_order_mark_stays() {
    let desk = project("\u{feff}data:\n  LOG_LEVEL: debug # c\n", "\u{feff}data:\n  HOST: example.com\n");
    desk.run(&["promote", "staging", "prod", "--yes"]).succeeds();
    assert_eq!(prod(&desk), "\u{feff}data:\n  HOST: example.com\n  LOG_LEVEL: debug # c\n");
}
