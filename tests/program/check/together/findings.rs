//! What is found in the project with some mistakes, in a form that other mistakes do not change.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value as Json;

use super::project::{Mistake, project_with};
use crate::support::objects::text;
use crate::support::sandbox::Sandbox;

/// Findings: rule, file, text of the line and message, or the same of an error of `render`.
pub(super) type Findings = BTreeSet<String>;

/// The day of the runs.
const DAY: &str = "2026-11-25";

/// All that is found in the project with some mistakes; none if they cannot be made together.
pub(super) fn find(mistakes: &[&Mistake]) -> Option<Findings> {
    let project = project_with(mistakes)?;
    let mut found = checked(&project);
    let refused: Vec<_> = rendered(&project, "prod").iter().map(|it| with_rule(it, &found)).collect();
    found.extend(refused);
    // two of them made the same key
    let is_sound = !found.iter().any(|it| it.starts_with("duplicate-key "));
    let root = project.root().parent().unwrap().display().to_string();
    let index = Regex::new(r"\[\d+\]").unwrap();
    let stable = |it: &String| index.replace_all(it, "[]").replace(&root, "FOLDER");
    is_sound.then(|| found.iter().map(stable).collect())
}

/// The text of a line, without ciphertext, which is new in each file.
fn line_of(project: &Sandbox, file: &str, line: usize) -> String {
    let bytes = if file.is_empty() { Vec::new() } else { std::fs::read(project.path(file)).unwrap_or_default() };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().nth(line.wrapping_sub(1)).unwrap_or_default().trim();
    line.split("ENC[").next().unwrap_or_default().to_owned()
}

/// The findings of `check`.
fn checked(project: &Sandbox) -> Findings {
    let run = project.run_with_key(&["check", "--at", DAY, "--format", "json"]);
    let report: Json =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}: {}{}", run.code, run.stdout, run.stderr));
    let found = report["findings"].as_array().unwrap().iter().map(|it| {
        let file = it["file"].as_str().unwrap_or_default();
        let line = usize::try_from(it["line"].as_u64().unwrap_or_default()).unwrap();
        let line = line_of(project, file, line);
        format!("{} {}: {file} `{line}` {}", text(&it["rule"]), text(&it["severity"]), text(&it["message"]))
    });
    found.collect()
}

/// What `render` reports of an environment.
fn rendered(project: &Sandbox, environment: &str) -> Findings {
    let run = project.run_with_key(&["render", environment, "--at", DAY]);
    let lines: Vec<&str> = run.stderr.lines().collect();
    let is_head = |line: &str| line.starts_with("error: ") || line.starts_with("warning: ");
    let parts = lines.chunk_by(|_, next| !is_head(next)).filter(|part| is_head(part[0]));
    let found = parts.filter_map(|part| {
        let (severity, message) = part[0].split_once(": ").unwrap();
        let place = part.iter().find_map(|line| line.trim_start().strip_prefix("--> ")).unwrap_or_default();
        let mut place = place.rsplitn(3, ':').skip(1);
        let line = place.next().and_then(|line| line.parse().ok()).unwrap_or_default();
        let file = place.next().unwrap_or_default();
        // a warning about what is printed, which an error prevents
        let is_of_output = severity == "warning" && file.is_empty();
        (!is_of_output).then(|| format!("{severity}: {file} `{}` {message}", line_of(project, file, line)))
    });
    found.collect()
}

/// What `render` reports, with the rule by which `check` reports the same.
fn with_rule(rendered: &str, checked: &Findings) -> String {
    let same = checked.iter().find(|it| it.ends_with(rendered));
    let rule = same.and_then(|it| it.split(' ').next()).unwrap_or("unknown");
    format!("{rule} render {rendered}")
}
