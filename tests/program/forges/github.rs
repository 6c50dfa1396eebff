//! Annotations of GitHub, of which it shows few, and the summary of a step, which has all.

use std::fmt::Write as _;
use std::fs;

use crate::support::messages::record;
use crate::support::sandbox::{Run, Sandbox};

/// Errors and warnings in this number.
fn project(errors: usize, warnings: usize) -> Sandbox {
    let mut base = "data:\n".to_owned();
    for number in 0..warnings {
        let _ = writeln!(base, "  A{number}_TOKEN: changeme");
    }
    for number in 0..errors {
        let _ = writeln!(base, "  N{number}: {{ value: x, type: integer }}");
    }
    Sandbox::of(&base, "")
}

fn count(run: &Run, start: &str) -> usize {
    run.stdout.lines().filter(|line| line.starts_with(start)).count()
}

#[test]
fn errors_come_first_and_what_github_would_drop_is_in_the_log() {
    let run = project(14, 12).run(&["check", "--format", "github"]);
    assert_eq!((count(&run, "::error "), count(&run, "::warning "), count(&run, "::notice ")), (10, 10, 1));
    assert_eq!((count(&run, "error["), count(&run, "warning[")), (4, 2));
    let first_warning = run.stdout.lines().position(|line| line.contains("warning")).unwrap();
    assert_eq!(first_warning, 14, "after all errors");
    assert!(run.stdout.lines().last().unwrap().starts_with("::notice "));
    record(run.stdout.lines().last().unwrap());
    let few = project(10, 10).run(&["check", "--format", "github"]);
    assert_eq!((few.stdout.lines().count(), count(&few, "::notice ")), (20, 0));
}

#[test]
fn no_text_of_a_project_is_a_command() {
    let base = "data:\n  \"##[stop-commands]x\\n::error::y\": 1\n  ::add-mask: { value: 1, sort: 2 }\n  \"%0A::error::z\": 1\n";
    let run = Sandbox::of(base, "").run(&["check", "--format", "github"]);
    assert!(run.stdout.lines().count() >= 3, "{}", run.stdout);
    for line in run.stdout.lines() {
        assert!(line.starts_with("::error file=") || line.starts_with("::warning file="), "{line}");
        assert!(!line.contains("##["), "{line}");
    }
}

#[test]
fn the_summary_of_the_step_has_all_findings_after_what_is_there() {
    let project = project(14, 12).env("GITHUB_STEP_SUMMARY", "summary.md").file("summary.md", "before\n");
    let run = project.run(&["check", "--format", "github"]);
    assert_eq!(run.code, 1);
    let summary = project.read("summary.md");
    assert!(summary.starts_with("before\n"));
    assert_eq!(summary.lines().filter(|line| line.starts_with("| error |")).count(), 14);
    assert_eq!(summary.lines().filter(|line| line.starts_with("| warning |")).count(), 12);
    record(summary.lines().take(6).collect::<Vec<_>>().join("\n"));
    project.run(&["check", "--format", "json"]);
    assert_eq!(project.read("summary.md"), summary, "only of this format");
}

#[test]
fn a_summary_is_never_larger_than_a_step_may_have() {
    for (there, rows) in [(1024 * 1024 - 1_500, 2..12), (1024 * 1024 - 100, 0..1), (1024 * 1024 + 5, 0..1)] {
        let project = project(14, 12).env("GITHUB_STEP_SUMMARY", "summary.md").file("summary.md", "x".repeat(there));
        project.run(&["check", "--format", "github"]);
        let summary = project.read("summary.md");
        assert!(summary.len() <= (1024 * 1024).max(there));
        let found = summary.lines().filter(|line| line.starts_with("| error |")).count();
        assert!(rows.contains(&found), "{found} rows after {there} bytes");
        if found > 0 {
            record(summary.trim_end().lines().last().unwrap());
        }
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_no_failure() {
    let project = Sandbox::of("data: { A: 1 }", "").env("GITHUB_STEP_SUMMARY", "nowhere/summary.md");
    let run = project.run(&["check", "--format", "github"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    run.record();
    assert!(fs::read_dir(project.root()).unwrap().count() == 2);
}
