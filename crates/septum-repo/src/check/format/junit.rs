//! Findings as a report of tests, in the format of JUnit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{CheckReport, Finding, NOT_CHECKED, message_with_help, unchecked_message};
use crate::diagnostic::{Severity, escape_line};
use crate::view::escape_html;

/// Name of the test suite of what belongs to no app.
const PROJECT: &str = "project";

/// Test cases of a suite.
#[derive(Default)]
struct TestSuite {
    cases: Vec<TestCase>,
}

struct TestCase {
    name: String,
    file: Option<String>,
    outcome: CaseOutcome,
}

enum CaseOutcome {
    Passed,
    /// A finding that does not count: its text.
    Reported(String),
    /// A part that could not be checked: the reason.
    Skipped(String),
    /// A finding: its rule, its message, and the message with its place.
    Failed(&'static str, String, String),
}

/// The report as XML: a suite for each app, in which each environment without findings is a test that passed, and each
/// finding of at least a severity one that failed. Names have no line numbers, so that they are the same in the next
/// run.
///
/// Source: the schema that Jenkins publishes for its plugin (`junit-10.xsd`).
pub fn junit_report(report: &CheckReport, least: Severity) -> String {
    let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
    for (app, environments) in &report.targets {
        let suite = suites.entry(app.as_str().to_owned()).or_default();
        for environment in environments {
            let is_about = |it: &&Finding| {
                let view = it.view();
                view.app == Some(app.as_str()) && view.environment.is_none_or(|name| name == environment.as_str())
            };
            if !report.findings.iter().any(|it| is_about(&it)) {
                suite.cases.push(TestCase {
                    name: environment.as_str().to_owned(),
                    file: None,
                    outcome: CaseOutcome::Passed,
                });
            }
        }
    }
    for finding in &report.findings {
        let suite = suites.entry(finding.app().unwrap_or(PROJECT).to_owned()).or_default();
        suite.cases.push(finding_case(finding, least));
    }
    for unchecked in &report.unseen {
        let suite = suites.entry(PROJECT.to_owned()).or_default();
        let path = unchecked.path();
        suite.cases.push(TestCase {
            name: format!("{NOT_CHECKED} {path}"),
            file: Some(path),
            outcome: CaseOutcome::Skipped(unchecked_message(unchecked)),
        });
    }
    if suites.is_empty() {
        // a report without a test is an error for Jenkins
        let passed = TestCase { name: "check".to_owned(), file: None, outcome: CaseOutcome::Passed };
        suites.insert(PROJECT.to_owned(), TestSuite { cases: vec![passed] });
    }
    write_suites(&suites)
}

fn finding_case(finding: &Finding, least: Severity) -> TestCase {
    let view = finding.view();
    let (rule, message, file) = (finding.diagnostic.rule.id(), message_with_help(finding), finding.path());
    let about = [view.environment, view.bundle.filter(|name| Some(*name) != view.app), view.key, file.as_deref()];
    let name = [Some(rule)].into_iter().chain(about).flatten().collect::<Vec<_>>().join(" ");
    let site = match (&file, view.line, view.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => String::new(),
    };
    let text = format!("{site}{message}");
    let is_counted = least == Severity::Warning || finding.diagnostic.is_error();
    let outcome = if is_counted {
        CaseOutcome::Failed(rule, message, text)
    } else {
        CaseOutcome::Reported(format!("{}[{rule}]: {text}", view.severity))
    };
    TestCase { name, file, outcome }
}

fn write_suites(suites: &BTreeMap<String, TestSuite>) -> String {
    let all = || suites.values().flat_map(|suite| &suite.cases);
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ = writeln!(out, "<testsuites name=\"septum check\" {}>", counts(all()));
    for (name, suite) in suites {
        let _ = writeln!(out, "  <testsuite name=\"{}\" {}>", xml(name), counts(suite.cases.iter()));
        for case in &suite.cases {
            push_case(&mut out, name, case);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts<'a>(cases: impl Iterator<Item = &'a TestCase>) -> String {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for case in cases {
        tests += 1;
        match case.outcome {
            CaseOutcome::Passed | CaseOutcome::Reported(_) => {}
            CaseOutcome::Skipped(_) => skipped += 1,
            CaseOutcome::Failed(..) => failures += 1,
        }
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn push_case(out: &mut String, suite: &str, case: &TestCase) {
    let file = case.file.as_ref().map(|file| format!(" file=\"{}\"", xml(file))).unwrap_or_default();
    let _ = write!(out, "    <testcase classname=\"septum.{}\" name=\"{}\"{file}", xml(suite), xml(&case.name));
    let _ = match &case.outcome {
        CaseOutcome::Passed => writeln!(out, "/>"),
        CaseOutcome::Reported(text) => writeln!(out, "><system-out>{}</system-out></testcase>", xml(text)),
        CaseOutcome::Skipped(why) => writeln!(out, "><skipped message=\"{}\"/></testcase>", xml(why)),
        CaseOutcome::Failed(rule, message, text) => writeln!(
            out,
            "><failure type=\"{}\" message=\"{}\">{}</failure></testcase>",
            xml(rule),
            xml(message),
            xml(text)
        ),
    };
}

/// A text in XML 1.0, which no control character may be in, not even as a reference.
fn xml(text: &str) -> String {
    let is_allowed = |char: char| !matches!(char, '\u{fffe}' | '\u{ffff}');
    escape_html(&escape_line(text)).chars().filter(|char| is_allowed(*char)).collect()
}
