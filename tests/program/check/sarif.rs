//! SARIF: valid against its schema, with all that those who show findings ask for.

use std::fs;

use serde_json::Value as Json;

use crate::support::objects::text;
use crate::support::samples::{ENCRYPTED, repository};
use crate::support::sandbox::{Sandbox, run};

/// A project with findings of several kinds, one that is accepted, one that is known, and a layer that is not seen.
fn project() -> Sandbox {
    let base = "\
data:
  API_TOKEN: { value: k3x9Lq2mVb7zT, sensitive: true }
  SANDBOX_TOKEN: { value: k3x9Lq2mVb7zU, sensitive: true }
  COUNT: { value: many, type: integer }
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
allow:
  - { rule: plaintext-secret, key: SANDBOX_TOKEN, reason: the sandbox gives it to everybody }
";
    let files = [("base.yaml", base), ("my-app.yaml", ""), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)];
    let project = Sandbox::new(files).file("dev.yaml", "data: { OLD_TOKEN: k3x9Lq2mVb7zV }\n");
    let known = project.run(&["check", "--write-baseline"]);
    assert_eq!(known.code, 0, "{}{}", known.stdout, known.stderr);
    project.file("dev.yaml", "data: { OLD_TOKEN: k3x9Lq2mVb7zV, COUNT: 'ten\n  lines' }\n")
}

fn log(project: &Sandbox) -> Json {
    let run = project.run(&["check", "--format", "sarif"]);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

fn results(log: &Json) -> &Vec<Json> {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn it_is_valid_against_the_schema() {
    let schema = fs::read_to_string(repository().join("tests/vectors/sarif/sarif-schema-2.1.0.json")).unwrap();
    // a pattern of the schema is none: it has a `]` too many
    let (wrong, right) = ("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema: Json = serde_json::from_str(&schema.replace(wrong, right)).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let clean = Sandbox::of("data: { A: 1 }", "");
    let broken = Sandbox::of("data: { A: 1, A: 2 }", "");
    for log in [log(&project()), log(&clean), log(&broken)] {
        let wrong: Vec<String> = schema.iter_errors(&log).map(|it| format!("{}: {it}", it.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    // and the schema does refuse
    let mut log = log(&project());
    log["runs"][0]["results"][0]["suppressions"] = serde_json::json!([{ "kind": "somewhere" }]);
    assert!(!schema.is_valid(&log));
}

#[test]
fn rules_are_described_and_results_point_at_them() {
    let log = log(&project());
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for field in ["shortDescription", "fullDescription", "help"] {
            assert!(text(&rule[field]["text"]).len() > 10, "{rule}");
        }
        assert!(["error", "warning"].contains(&text(&rule["defaultConfiguration"]["level"])), "{rule}");
    }
    assert!(results(&log).len() > 3);
    for result in results(&log) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn what_is_accepted_is_suppressed_where_it_is_accepted() {
    let log = log(&project());
    let suppressed = |kind: &str| {
        let of_kind = |result: &&Json| result["suppressions"][0]["kind"] == kind;
        results(&log).iter().filter(of_kind).map(|it| text(&it["suppressions"][0]["justification"])).collect::<Vec<_>>()
    };
    assert_eq!(suppressed("inSource"), ["the sandbox gives it to everybody"]);
    let known = suppressed("external");
    assert!(!known.is_empty() && known.iter().all(|why| *why == "listed in .septum-baseline.yaml"), "{known:?}");
    assert!(results(&log).iter().any(|result| result.get("suppressions").is_none()));
}

#[test]
fn a_fingerprint_stays_when_lines_move_and_is_one_finding_s() {
    let base = "data:\n  A_TOKEN: { value: k3x9Lq2mVb7zT, sensitive: true }\n  B_TOKEN: { value: k3x9Lq2mVb7zT, sensitive: true }\n";
    let prints = |base: &str| {
        let log = log(&Sandbox::of(base, ""));
        let print = |result: &Json| text(&result["partialFingerprints"]["septum/v1"]).to_owned();
        results(&log).iter().map(print).collect::<Vec<_>>()
    };
    let before = prints(base);
    assert_eq!(before.len(), 2);
    assert_ne!(before[0], before[1]);
    assert_eq!(prints(&format!("# moved\n\n{base}")), before);
}

#[test]
fn paths_are_from_the_root_of_the_repository() {
    let base = "data:\n  API_TOKEN: { value: k3x9Lq2mVb7zT, sensitive: true }\n";
    let place = |root: &std::path::Path| {
        let directory = root.join("my team/shop");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("base.yaml"), base).unwrap();
        fs::write(directory.join("dev.yaml"), "").unwrap();
        let run = run(&directory, &["check", "--format", "sarif"], &[]);
        let log: Json = serde_json::from_str(&run.stdout).unwrap();
        results(&log)[0]["locations"][0]["physicalLocation"]["artifactLocation"].clone()
    };
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(text(&place(directory.path())["uri"]), "base.yaml", "of no repository");
    fs::create_dir(directory.path().join(".git")).unwrap();
    assert_eq!(text(&place(directory.path())["uri"]), "my%20team/shop/base.yaml");
    assert_eq!(text(&place(directory.path())["uriBaseId"]), "%SRCROOT%");
}
