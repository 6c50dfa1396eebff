//! How findings are written, and what the exit code says.

use serde_json::{Value as Json, json};

use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{Sandbox, run};

/// A secret that is in nothing that the program says.
const CANARY: &str = "k3x9Lq2mVb7zT";

fn leaking() -> Sandbox {
    let base = format!(
        "data:\n  API_TOKEN: {{ value: {CANARY}, sensitive: true }}\n  URL: 'mysql://a:{CANARY}@db'\n  a.ini: {{ file: a.ini }}\nvars: {{ password: {CANARY} }}\nmanifests: [w/w.yaml]\n"
    );
    let manifest =
        format!("kind: Secret\napiVersion: v1\nmetadata: {{ name: p }}\nstringData: {{ password: {CANARY} }}\n");
    Sandbox::of(&base, "").file("a.ini", format!("password={CANARY}\n")).file("w/w.yaml", manifest)
}

#[test]
fn a_value_is_in_no_report() {
    let project = leaking();
    for format in ["text", "json", "sarif", "github"] {
        for color in ["never", "always"] {
            let run = project.run(&["check", "--format", format, "--color", color]);
            assert_eq!(run.code, 1);
            assert!(run.stdout.matches("plaintext-secret").count() >= 5, "{format}: {}", run.stdout);
            let said = run.stdout + &run.stderr;
            for part in [CANARY, &CANARY[..5], &CANARY[8..]] {
                assert!(!said.contains(part), "{format}: {said}");
            }
        }
    }
}

#[test]
fn programs_get_the_shape_of_the_contract() {
    let project = Sandbox::of("data:\n  API_TOKEN: { value: k3x9Lq2mVb7, sensitive: true }\n", "");
    let run = project.run(&["check", "--format", "json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        report,
        json!({ "findings": [{
            "rule": "plaintext-secret",
            "severity": "error",
            "message": text(&report["findings"][0]["message"]),
            "help": text(&report["findings"][0]["help"]),
            "file": "base.yaml",
            "line": 2,
            "column": 23,
            "app": "app",
            "environment": "dev",
            "bundle": "app",
            "key": "API_TOKEN",
        }], "unseen": [] })
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn people_get_place_rule_and_remedy_and_a_summary() {
    let run = Sandbox::of("data:\n  API_TOKEN: changeme\n", "").run(&["check"]);
    record(&run.stdout);
    record(&run.stderr);
    let quiet = Sandbox::of("data:\n  API_TOKEN: changeme\n", "").run(&["check", "-q"]);
    assert_eq!(quiet.stderr, "");
    let clean = Sandbox::of("data: { A: 1 }", "").run(&["check"]);
    clean.record();
    assert_eq!((clean.code, clean.stdout.as_str()), (0, ""));
}

#[test]
fn workflows_get_annotations_in_one_line_each() {
    let run = Sandbox::of("data:\n  API_TOKEN: changeme\n", "").run(&["check", "--format", "github"]);
    let annotation = "::warning file=base.yaml,line=2,col=3,title=undeclared-secret::";
    assert!(run.stdout.starts_with(annotation) && run.stdout.lines().count() == 1, "{}", run.stdout);
}

#[test]
fn the_exit_code_never_takes_what_was_not_seen_for_clean() {
    let base = "data: { DATABASE_PASSWORD: { sensitive: true }, STRIPE_WEBHOOK_SECRET: { sensitive: true } }";
    let locked = Sandbox::new([("base.yaml", base), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)]);
    let run = locked.run(&["check", "--format", "json"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    record(text(&report["unseen"][0]));
    assert_eq!(run.code, 3, "something was not seen");
    assert_eq!(locked.run(&["check", "--keyless"]).code, 0, "that does not count");
    assert_eq!(locked.run_with_key(&["check"]).code, 0, "all was seen");
    record(&locked.run_with_key(&["check", "--keyless"]).stdout);

    let finding = Sandbox::of("data: { API_TOKEN: changeme }", "");
    assert_eq!(finding.run(&["check"]).code, 1, "a warning is a finding");
    let broken = Sandbox::of("data: { A: 1, A: 2 }", "");
    assert_eq!(broken.run(&["check"]).code, 2, "a layer cannot be read");
    assert_eq!(broken.run(&["check", "nowhere"]).code, 2, "no such environment");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(run_in(empty.path()), 2, "no project");
}

fn run_in(directory: &std::path::Path) -> i32 {
    run(directory, &["check"], &[]).code
}

#[test]
fn findings_of_several_environments_and_apps_are_told_once_and_in_order() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [apps/*]\nshared: shared"),
        ("shared/base.yaml", "data: { API_TOKEN: { value: k3x9Lq2mVb7, sensitive: true } }"),
        ("apps/one/base.yaml", "data: { Z: { value: x, type: integer } }"),
        ("apps/one/dev.yaml", ""),
        ("apps/one/prod.yaml", ""),
        ("apps/two/base.yaml", ""),
        ("apps/two/dev.yaml", ""),
    ]);
    assert_eq!(
        super::check(&project),
        ["invalid-value apps/one/base.yaml:1 Z", "plaintext-secret shared/base.yaml:1 API_TOKEN"]
    );
    let of_one = project.run(&["check", "--app", "two", "--format", "json"]);
    assert_eq!(super::findings(&of_one), ["plaintext-secret shared/base.yaml:1 API_TOKEN"]);
}
