//! The formats of `check` for other programs: all have the same findings, and are what their readers accept.

use std::process::Command;

use serde_json::Value as Json;

use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::peers::peer;
use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::{Sandbox, give};

/// A secret that is in nothing that the program prints.
const CANARY: &str = "k3x9Lq2mVb7zT";

/// Errors and warnings, with and without a location, some of them equal but for their line, a layer that cannot be
/// decrypted, and keys that are syntax somewhere.
fn project() -> Sandbox {
    let base = format!(
        "data:
  API_TOKEN: {{ value: {CANARY}, sensitive: true }}
  KEY_TOKEN: changeme
  COUNT: {{ value: \"ключ\", type: integer }}
  DATABASE_PASSWORD: {{ sensitive: true }}
  STRIPE_WEBHOOK_SECRET: {{ sensitive: true }}
  \"a]]>&<b\\\"' ##[error]::error::x\": 1
  \"\\u0001%0A\": 1
manifests: [\"w.yaml\"]
"
    );
    let manifest = format!(
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    metadata: {{ name: p }}\n    stringData:\n      password: {CANARY}\n  - apiVersion: v1\n    kind: Secret\n    metadata: {{ name: q }}\n    stringData:\n      password: {CANARY}\n"
    );
    Sandbox::new([("base.yaml", base.as_str()), ("dev.yaml", ""), ("prod.yaml", ""), ("prod.secrets.yaml", ENCRYPTED)])
        .file("w.yaml", manifest)
}

fn report(project: &Sandbox, format: &str) -> String {
    let run = project.run(&["check", "--format", format]);
    assert!(run.code < 4, "{format}: {}", run.stderr);
    assert!(!(run.stdout.clone() + &run.stderr).contains(CANARY), "{format}");
    run.stdout
}

fn json(project: &Sandbox, format: &str) -> Json {
    serde_json::from_str(&report(project, format)).unwrap()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

fn names(list: &Json, pointer: &str) -> Vec<String> {
    list.as_array().unwrap().iter().filter_map(|item| Some(item.pointer(pointer)?.as_str()?.to_owned())).collect()
}

/// Part of a text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

#[test]
fn every_format_has_every_finding_and_what_was_not_checked() {
    let project = project();
    let all = json(&project, "json");
    let rules = sorted(names(&all["findings"], "/rule"));
    assert!(rules.len() > 6 && all["unseen"].as_array().unwrap().len() == 1, "{all}");
    let with = |name: &str| sorted(rules.iter().cloned().chain([name.to_owned()]).collect());
    assert_eq!(sorted(names(&json(&project, "gitlab"), "/check_name")), with("not-checked"));
    assert_eq!(sorted(names(&json(&project, "rdjson")["diagnostics"], "/code/value")), with("not-checked"));
    assert_eq!(sorted(names(&json(&project, "sarif")["runs"][0]["results"], "/ruleId")), rules);
    let github = report(&project, "github");
    let titles = github.lines().filter_map(|line| between(line, "title=", "::")).map(str::to_owned);
    assert_eq!(sorted(titles.collect()), with("not checked"));
    let junit = report(&project, "junit");
    let failures = junit.lines().filter_map(|line| between(line, "<failure type=\"", "\"")).map(str::to_owned);
    assert_eq!(sorted(failures.collect()), rules);
    assert_eq!(junit.matches("<skipped ").count(), 1);
}

#[test]
fn a_clean_project_gives_an_empty_report() {
    let clean = Sandbox::of("data: { A: 1 }", "");
    record(report(&clean, "gitlab"));
    record(report(&clean, "rdjson"));
    record(report(&clean, "junit"));
    assert_eq!(report(&clean, "github"), "");
}

#[test]
fn reports_of_one_finding() {
    let project = Sandbox::of("data:\n  API_TOKEN: changeme\n", "");
    for format in ["gitlab", "rdjson", "junit", "github"] {
        record(report(&project, format));
    }
}

#[test]
fn gitlab_gets_distinct_fingerprints_that_stay_when_lines_move() {
    let project = project();
    let prints = || names(&json(&project, "gitlab"), "/fingerprint");
    let before = prints();
    let mut unique = before.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), before.len());
    project.write("w.yaml", format!("# moved\n\n{}", project.read("w.yaml")));
    assert_eq!(sorted(prints()), sorted(before));
    for issue in json(&project, "gitlab").as_array().unwrap() {
        let path = text(&issue["location"]["path"]);
        assert!(!path.starts_with("./") && !path.starts_with('/'), "{issue}");
        assert!(issue["location"]["lines"]["begin"].as_u64() > Some(0), "{issue}");
        assert!(["info", "minor", "critical", "blocker"].contains(&text(&issue["severity"])), "{issue}");
    }
}

#[test]
fn columns_of_rdjson_are_bytes() {
    let project = project();
    let (findings, report) = (json(&project, "json"), json(&project, "rdjson"));
    let mut checked = 0;
    for (finding, diagnostic) in
        findings["findings"].as_array().unwrap().iter().zip(report["diagnostics"].as_array().unwrap())
    {
        let Some(file) = finding["file"].as_str() else { continue };
        let range = &diagnostic["location"]["range"];
        let (line, column) = (range["start"]["line"].as_u64().unwrap(), range["start"]["column"].as_u64().unwrap());
        assert_eq!(Some(line), finding["line"].as_u64());
        let content = project.read(file);
        let content = content.lines().nth(usize::try_from(line).unwrap() - 1).unwrap_or_default();
        let before = content.get(..usize::try_from(column).unwrap() - 1).expect("a boundary of characters");
        assert_eq!(before.chars().count() as u64 + 1, finding["column"].as_u64().unwrap(), "{finding}");
        checked += 1;
    }
    assert!(checked > 4);
}

#[test]
fn junit_is_xml_with_numbers_that_agree_and_passes_what_does_not_count() {
    let Some(python) = peer("python3") else { return };
    let script = "import sys, xml.etree.ElementTree as E
root = E.fromstring(sys.stdin.buffer.read())
for level in [root] + list(root.iter('testsuite')):
    cases = list(level.iter('testcase'))
    count = lambda tag: sum(1 for case in cases if case.find(tag) is not None)
    assert [level.get(name) for name in ('tests', 'failures', 'skipped')] == [str(n) for n in (len(cases), count('failure'), count('skipped'))]
names = [(case.get('classname'), case.get('name')) for case in root.iter('testcase')]
print(len(names), sum(1 for case in root.iter('testcase') if case.find('failure') is not None))";
    let read = |xml: &str| {
        let mut command = Command::new(&python);
        command.args(["-c", script]);
        let output = give(command, xml.as_bytes());
        assert!(output.status.success(), "{}\n{xml}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<usize> = found.split_whitespace().map(|number| number.parse().unwrap()).collect();
        (numbers[0], numbers[1])
    };
    let project = project();
    let findings = json(&project, "json")["findings"].as_array().unwrap().clone();
    let errors = findings.iter().filter(|it| it["severity"] == "error").count();
    let (_, failures) = read(&report(&project, "junit"));
    assert_eq!(failures, findings.len());
    let lenient = project.run(&["check", "--format", "junit", "--fail-on", "error"]).stdout;
    assert_eq!(read(&lenient).1, errors);
    let green = Sandbox::new([("base.yaml", "data: { A: 1 }"), ("dev.yaml", ""), ("prod.yaml", "")]);
    assert_eq!(read(&report(&green, "junit")), (2, 0), "a test for each environment");
}
