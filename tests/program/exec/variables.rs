//! Which variables a program gets, and which exit code comes back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use super::project;
use crate::support::sandbox::{CANARY, Run, Sandbox};

/// The variables that a program prints with `env -0`.
fn variables(run: &Run) -> BTreeMap<String, String> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    let pairs = run.stdout.split_terminator('\0').map(|line| line.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The variables of a program that inherits none.
#[track_caller]
fn clear(site: &Sandbox, options: &[&str]) -> BTreeMap<String, String> {
    let arguments = [&["exec", "dev", "--clear-env"], options, &["--", "env", "-0"]].concat();
    let mut found = variables(&site.run(&arguments));
    assert_eq!(found.remove("SEPTUM_ENV").as_deref(), Some("dev"));
    found
}

fn names(found: &BTreeMap<String, String>) -> Vec<&str> {
    found.keys().map(String::as_str).collect()
}

#[test]
fn a_program_gets_the_rendered_values_and_no_identity() {
    let site = project().env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "none").env("INHERITED", "yes").env("LEVEL", "old");
    let found = variables(&site.run(&["exec", "dev", "--", "env", "-0"]));
    assert_eq!(found["LEVEL"], "debug", "a value replaces an inherited one");
    assert_eq!(found["HOST"], "db.example.com");
    assert_eq!(found["PASSWORD"], format!("{CANARY} Z9/+"));
    assert_eq!(found["URL"], format!("postgres://shop:{CANARY}%20Z9%2F%2B@db.example.com/shop"));
    assert_eq!(found["QUEUE"], "jobs");
    assert_eq!((found["SEPTUM_ENV"].as_str(), found["INHERITED"].as_str()), ("dev", "yes"));
    assert!(found.keys().all(|name| !name.starts_with("SOPS_")), "{:?}", found.keys());
    assert!(!found.contains_key("UNSET") && !found.contains_key("nginx.conf"));
}

#[test]
fn options_select_the_variables() {
    let site = project();
    let all = ["HOST", "LEVEL", "PASSWORD", "QUEUE", "URL"];
    for (options, expected) in [
        (&[][..], &all[..]),
        (&["--only", "H*,URL"], &["HOST", "URL"]),
        (&["--only", "{HOST,QUEUE}", "--only=LEVEL"], &["HOST", "LEVEL", "QUEUE"]),
        (&["--except", "P*", "--except", "URL"], &["HOST", "LEVEL", "QUEUE"]),
        (&["--only", "*O*", "--except", "HOST"], &["PASSWORD"]),
        (&["--bundle", "worker"], &["QUEUE"]),
        (&["--no-secrets"], &["HOST", "LEVEL", "QUEUE"]),
    ] {
        assert_eq!(names(&clear(&site, options)), expected, "{options:?}");
    }
    let kept = site.env("HOME_A", "1").env("HOME_B", "2").env("LEVEL", "old");
    let run = kept.run(&[
        "exec",
        "dev",
        "--clear-env=HOME_*,LEVEL,SOPS_*",
        "--no-override",
        "--only=LEVEL",
        "--",
        "env",
        "-0",
    ]);
    let found = variables(&run);
    assert_eq!(names(&found), ["HOME_A", "HOME_B", "LEVEL", "SEPTUM_ENV"]);
    assert_eq!(found["LEVEL"], "old");
    kept.run(&["exec", "dev", "--only", "NOWHERE", "--", "env"]).refused();
    kept.run(&["exec", "dev", "--bundle", "nowhere", "--", "env"]).refused();
    kept.run(&["exec", "dev", "-v", "--clear-env", "--no-secrets", "--", "true"]).record();
}

#[test]
fn a_missing_key_is_reported_and_without_secrets_none_is_needed() {
    let site = project();
    let run = site.run_without_key(&["exec", "dev", "--", "env"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{}", run.stderr);
    let run = site.run_without_key(&["exec", "dev", "--no-secrets", "--clear-env", "--", "env", "-0"]);
    assert_eq!(names(&variables(&run)), ["HOST", "LEVEL", "QUEUE", "SEPTUM_ENV"]);
}

#[test]
fn names_with_which_layers_would_run_code_are_refused() {
    let base =
        "app: a\ndata:\n  PATH: /evil\n  LD_PRELOAD: ./x.so\n  BASH_ENV: ./x\n  NODE_OPTIONS: -r ./x\n  ENV: dev\n";
    let site = Sandbox::of(base, "").env("PATH", std::env::var_os("PATH").unwrap());
    site.run(&["exec", "dev", "--", "env"]).refused();
    site.run(&["export", "dev"]).refused();
    assert_eq!(names(&clear(&site, &["--only=ENV"])), ["ENV"]);
    let allowed = clear(&site, &["--allow-dangerous-names", "--except=LD_*"]);
    assert_eq!(names(&allowed), ["BASH_ENV", "ENV", "NODE_OPTIONS", "PATH"]);
}

#[test]
fn what_cannot_be_a_variable_is_left_out_or_refused() {
    let site = project();
    site.run(&["exec", "dev", "--strict", "--", "env"]).refused();
    let site = site.edited("base.yaml", "UNSET: { sensitive: true }", "BIN: { file: files/bin }\n  NUL: \"a\\0b\"");
    site.write("files/bin", [0xff, 0xfe]);
    site.run(&["exec", "dev", "--", "env"]).refused();
    assert!(!clear(&site, &["--except", "NUL"]).contains_key("BIN"));
    site.run(&["exec", "dev", "--strict", "--only", "BIN", "--", "env"]).refused();
    let site = project().edited("base.yaml", "UNSET: { sensitive: true }", "LONG: { file: files/long }");
    site.write("files/long", vec![b'x'; 140_000]);
    site.run(&["exec", "dev", "--", "true"]).refused();
    assert_eq!(site.run(&["exec", "dev", "--except", "LONG", "--", "true"]).code, 0);
}

#[test]
fn values_in_a_store_are_refused_or_skipped() {
    let base = "app: a\ndata: { A: b, K: { ref: { key: shop/k, property: p } } }\n\
                delivery: { refs: external-secret, store: { kind: ClusterSecretStore, name: vault } }\n";
    let site = Sandbox::of(base, "").env("PATH", std::env::var_os("PATH").unwrap());
    site.run(&["exec", "dev", "--", "env"]).refused();
    assert_eq!(names(&clear(&site, &["--refs=skip"])), ["A"]);
}

#[test]
fn a_key_of_several_bundles_and_an_environment_of_several_apps_must_be_chosen() {
    let site = project().edited("base.yaml", "QUEUE: jobs", "QUEUE: jobs, LEVEL: low");
    site.run(&["exec", "dev", "--", "env"]).refused();
    assert_eq!(clear(&site, &["--bundle", "worker"])["LEVEL"], "low");
    assert_eq!(clear(&site, &["--bundle", "shop"])["LEVEL"], "debug");
    assert!(!clear(&site, &["--except", "LEVEL"]).contains_key("LEVEL"));
    let apps = Sandbox::new([
        ("septum.yaml", "apps: [\"*\"]\n"),
        ("one/base.yaml", "data: { A: one }\n"),
        ("one/dev.yaml", ""),
        ("two/base.yaml", "data: { A: two }\n"),
        ("two/dev.yaml", ""),
        ("two/prod.yaml", ""),
    ]);
    let apps = apps.env("PATH", std::env::var_os("PATH").unwrap());
    apps.run(&["exec", "dev", "--", "env"]).refused();
    assert_eq!(clear(&apps, &["--app", "two"])["A"], "two");
    assert_eq!(apps.run(&["exec", "prod", "--", "sh", "-c", "echo $A"]).stdout, "two\n");
    apps.run(&["exec", "prod", "--app", "one", "--", "env"]).refused();
}

#[test]
fn an_error_elsewhere_does_not_stop_a_program_and_an_invalid_value_does() {
    let site = project();
    site.write("prod.yaml", "data: { NOWHERE: 1 }\n");
    assert_eq!(names(&clear(&site, &["--only=HOST"])), ["HOST"]);
    let site = project().edited("base.yaml", "LEVEL: info", "LEVEL: { value: info, enum: [info, warn] }");
    site.run(&["exec", "dev", "--", "env"]).refused();
}

#[test]
fn the_exit_code_is_that_of_the_program() {
    let site = project();
    site.write("plain.txt", "echo\n");
    site.write("bin/other", "echo\n");
    let path = format!("{}:{}", site.path("bin").display(), std::env::var("PATH").unwrap());
    let site = site.env("PATH", path);
    for options in [&[][..], &["--redact"]] {
        for (command, code) in [
            (&["true"][..], 0),
            (&["sh", "-c", "exit 7"], 7),
            (&["hunter2canary"], 127),
            (&["./hunter2canary"], 127),
            (&["./plain.txt"], 126),
            (&["other"], 126),
        ] {
            let run = site.run(&[&["exec", "dev"], options, &["--"], command].concat());
            assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{options:?} {command:?}: {}", run.stderr);
            assert!(!run.stderr.contains("hunter2canary"), "{}", run.stderr);
            run.record();
        }
    }
    assert_eq!(site.run(&["exec", "dev", "--redact", "--", "sh", "-c", "kill -TERM $$"]).code, 128 + 15);
    assert_eq!(site.run(&["exec", "dev", "--", "sh", "-c", "kill -TERM $$"]).code, -1, "the signal itself");
}

#[test]
fn the_program_takes_the_place_of_septum() {
    let site = project();
    let mut command = site.command(&["-C", "files", "exec", "dev", "--", "sh", "-c", "echo $$ $0; pwd"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let (id, output) = (child.id(), child.wait_with_output().unwrap());
    let text = String::from_utf8(output.stdout).unwrap();
    let files = fs::canonicalize(site.path("files")).unwrap();
    assert_eq!(text, format!("{id} sh\n{}\n", files.display()));
}
