//! `septum check --rules`: a team's own rules find more, and never less.

use crate::support::messages::record;
use crate::support::sandbox::{Run, Sandbox, run as run_in};

const RULES: &str = r#"
title = "rules of Acme"

[[rules]]
id = "acme-deploy-token"
description = "a token that deploys to Acme"
regex = '''\bacmedt-([a-z0-9]{12})\b'''
keywords = ["acmedt-"]

    [[rules.allowlists]]
    stopwords = ["sample"]

[[rules]]
id = "acme-badge"
regex = '''(?i)acme_?badge['"]?\s*[:=]\s*['"]?([0-9]{6})'''

[[rules]]
id = "acme-mixed"
regex = '''mix-([a-z]{8})'''
entropy = 2.5
"#;

/// Keys that say nothing, with values that the built-in detectors know nothing of.
const BASE: &str = "data:
  ENDPOINT: 'x acmedt-k3v9q2m7x1zp y'
  SAMPLE: acmedt-sample00sampl
  ACME_BADGE: '493817'
  OTHER_BADGE: '493817'
  FLAT: mix-aaaaaaab
  MIXED: mix-abcdefgh
  app.yaml: { content: { sender: { id: acmedt-w8e2n5c6b0tt } } }
  app.conf: { file: app.conf }
vars:
  edge: acmedt-h6j1l4s9d3ff
";

const CONF: &str = "listen 80;\nauth acmedt-r7u5o0i2y8ww;\n";

/// What must not be in any output: the secrets.
const SECRETS: [&str; 6] = ["k3v9q2m7x1zp", "493817", "abcdefgh", "w8e2n5c6b0tt", "h6j1l4s9d3ff", "r7u5o0i2y8ww"];

fn project(base: &str) -> Sandbox {
    Sandbox::of(base, "").file("app.conf", CONF).file("ci/rules.toml", RULES)
}

/// The number of findings of `plaintext-secret`, which are recorded with what found them.
#[track_caller]
fn found(run: &Run) -> usize {
    let count = run.stdout.lines().filter(|line| line.contains("[plaintext-secret]")).count();
    if count > 0 {
        record(&run.stdout);
    }
    count
}

#[test]
fn a_teams_own_format_is_found_wherever_a_value_stands() {
    let project = project(BASE);
    assert_eq!(found(&project.run(&["check"])), 0, "built-in detectors know none of it");
    let run = project.run(&["check", "--rules", "ci/rules.toml"]);
    assert_eq!((run.code, found(&run)), (1, 6), "{}{}", run.stdout, run.stderr);
}

#[test]
fn no_format_shows_a_value() {
    for format in ["text", "json", "sarif", "github"] {
        let run = project(BASE).run(&["check", "--rules", "ci/rules.toml", "--format", format]);
        assert_eq!(run.code, 1);
        for secret in SECRETS {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{format}: {}", run.stdout);
        }
    }
}

#[test]
fn what_is_built_in_finds_as_much_as_ever() {
    let base = "data:\n  URL: 'postgres://app:hunter22@db/app'\n  DB_PASSWORD: hunter22\n";
    let silent = "[[rules]]\nid = 'r'\nregex = 'never'\n[[allowlists]]\nregexes = ['.*']\npaths = ['.*']\nstopwords = ['hunter22']\n";
    let project = project(base).file("silent.toml", silent);
    let without = project.run(&["check"]);
    let with = project.run(&["check", "--rules", "silent.toml", "--rules", "ci/rules.toml"]);
    assert_eq!(found(&without), 2, "{}", without.stdout);
    assert_eq!((with.code, with.stdout), (without.code, without.stdout));
}

#[test]
fn a_value_is_told_of_once() {
    let base = "data:\n  DB_PASSWORD: acmedt-k3v9q2m7x1zp\n  NOTE: acmedt-k3v9q2m7x1zp mix-abcdefgh\n";
    let run = project(base).run(&["check", "--rules", "ci/rules.toml", "--rules", "ci/rules.toml"]);
    assert_eq!(found(&run), 2, "{}", run.stdout);
}

#[test]
fn findings_are_accepted_for_a_reason() {
    let allowed = "allow:\n  - { rule: plaintext-secret, key: ENDPOINT, reason: it expired }\n";
    let base = format!("data:\n  ENDPOINT: acmedt-k3v9q2m7x1zp\n{allowed}");
    let run = project(&base).run(&["check", "--rules", "ci/rules.toml"]);
    assert_eq!((found(&run), run.code), (0, 0), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("1 accepted"), "{}", run.stderr);
}

#[test]
fn files_that_find_nothing_are_refused() {
    let cases = [
        ("empty", "", "r.toml:1:1"),
        ("only extends", "[extend]\nuseDefault = true\n", "r.toml:1:1"),
        ("a field", "[[rules]]\nid = 'a'\nregex = 'b'\nkeyword = ['c']\n", "r.toml:4:1"),
        ("switches off", "[extend]\ndisabledRules = ['jwt']\n[[rules]]\nid = 'a'\nregex = 'b'\n", "r.toml:2:1"),
        ("looks ahead", "[[rules]]\nid = 'a'\nregex = 'b(?=c)'\n", "r.toml:3:11"),
        ("no TOML", "[[rules]\n", "r.toml:1:"),
    ];
    for (name, rules, place) in cases {
        let refused = project(BASE).file("r.toml", rules).run(&["check", "--rules", "r.toml"]).refused();
        assert!(refused.contains(place), "{name}: {refused}");
    }
}

#[test]
fn mistakes_of_all_files_are_told_at_once() {
    let project = project(BASE).file("a.toml", "titel = 1\n").file("b.toml", b"\xff");
    project.run(&["check", "--rules", "a.toml", "--rules", "b.toml", "--rules", "c.toml"]).refused();
}

#[test]
fn paths_are_those_of_the_project_and_rules_are_found_from_the_working_directory() {
    let rules = "[[rules]]\nid = 'dev'\nregex = 'tok-[0-9]{4}'\npath = '^dev\\.yaml$'\n\
                 [[rules]]\nid = 'conf'\npath = '^app\\.conf$'\n";
    let project = Sandbox::of("data:\n  A: tok-1234\n  app.conf: { file: app.conf }\n", "data:\n  A: tok-5678\n")
        .file("app.conf", CONF)
        .file("r.toml", rules);
    let root = project.root();
    let run = run_in(root.parent().unwrap(), &["-C", "app", "check", "--rules", "r.toml"], &[]);
    assert_eq!(found(&run), 2, "{}{}", run.stdout, run.stderr);
}
