//! Baseline: findings that existed when it was written are known, and only new ones count.
//!
//! One line for each, sorted and without line numbers, so that Git merges it and no edit elsewhere invalidates it. A
//! value is recognised by a tag: another credential in the same place is another finding.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::baseline_form;
use super::finding::{Acceptance, Finding};
use super::tag::TagKey;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, without_quotes};
use crate::files::FileKind;
use crate::project::Project;
use crate::sort::CollectSorted;
use crate::span::{Source, Span};

/// The file, at the root of the project.
pub const FILE: &str = ".septum-baseline.yaml";

const HEAD: &str = "\
# Known findings, which `septum check` accepts. When one is fixed, remove its line: `septum check` reports unused
# lines, and `septum check --write-baseline` rewrites the file.
";

/// Known findings.
#[derive(Debug)]
pub struct Baseline {
    key: TagKey,
    entries: BTreeSet<BaselineEntry>,
    source: Option<Source>,
}

/// Entry for one finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineEntry {
    file: String,
    rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    /// Environment in whose result it is; none if it is about a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Tag of the value, or of the message if the finding is about none.
    tag: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineFile {
    key: String,
    #[serde(default)]
    findings: Vec<BaselineEntry>,
}

impl Baseline {
    /// An empty baseline.
    pub fn new() -> Self {
        Self { key: TagKey::random(), entries: BTreeSet::new(), source: None }
    }

    /// The baseline of a project, if it has one.
    pub fn of_project(project: &Project) -> Result<Option<Self>, Diagnostics> {
        let files = &project.files;
        let path = files.root().join(FILE);
        if !files.bounds().has(&path) {
            return Ok(None);
        }
        Ok(Some(Self::read(files.read_text(FileKind::Baseline, &path)?)?))
    }

    /// Reads a baseline. Errors: it does not have the form that `--write-baseline` writes.
    pub fn read(source: Source) -> Result<Self, Diagnostics> {
        let wrong = baseline_form::find_wrong_lines(&source);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let invalid = |why: &str, place: Option<Span>| {
            baseline_form::invalid_baseline(&source, why, place.unwrap_or_else(|| Span::locate(source.text(), 0, 0)))
        };
        let page: BaselineFile = serde_yaml::from_str(source.text()).map_err(|error| {
            let at = error.location().map(|at| Span::locate(source.text(), at.index(), at.index()));
            let text = error.to_string();
            invalid(without_quotes(text.split(" at line ").next().unwrap_or_default()), at)
        })?;
        let key = TagKey::parse(&page.key).ok_or_else(|| invalid(baseline_form::KEY_FORM, None))?;
        Ok(Self { key, entries: page.findings.into_iter().collect_set(), source: Some(source) })
    }

    /// Key of the tags by which values are recognised.
    pub fn key(&self) -> &TagKey {
        &self.key
    }

    /// A baseline of these findings with the same key.
    #[must_use]
    pub fn with_findings(&self, findings: &[Finding]) -> Self {
        // a finding about an unreadable file is not accepted for later
        let counted = findings.iter().filter(|finding| is_acceptable(finding));
        Self {
            key: self.key.clone(),
            entries: counted.flat_map(|finding| self.entries_for(finding)).collect_set(),
            source: None,
        }
    }

    /// Number of known findings.
    pub fn count_findings(&self) -> usize {
        self.entries.len()
    }

    /// The entries of a finding: one for each environment in whose result it is, or one for its file.
    fn entries_for(&self, finding: &Finding) -> Vec<BaselineEntry> {
        let entry = self.entry_for(finding);
        if finding.result_environments.is_empty() {
            return vec![entry];
        }
        let names = finding.result_environments.iter();
        names.map(|name| BaselineEntry { environment: Some(name.clone()), ..entry.clone() }).collect()
    }

    fn entry_for(&self, finding: &Finding) -> BaselineEntry {
        let view = finding.view();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        BaselineEntry {
            file: view.file.unwrap_or_default().to_owned(),
            rule: view.rule.to_owned(),
            app: owned(view.app),
            environment: None,
            bundle: owned(view.bundle),
            key: owned(view.key),
            tag: finding.tag.clone().unwrap_or_else(|| self.key.tag(&tagged_text(finding))),
        }
    }

    /// Splits findings into known ones and all others. With `whole`, the check was complete, and entries that were
    /// not found are reported.
    pub(super) fn split_known(&self, findings: Vec<Finding>, whole: bool) -> (Vec<Finding>, Vec<Finding>) {
        let mut met = BTreeSet::new();
        let (mut known, mut left) = (Vec::new(), Vec::new());
        for mut finding in findings {
            let entries = if is_acceptable(&finding) { self.entries_for(&finding) } else { Vec::new() };
            let (in_baseline, new): (Vec<_>, Vec<_>) =
                entries.into_iter().partition(|entry| self.entries.contains(entry));
            let is_known = !in_baseline.is_empty() && new.is_empty();
            met.extend(in_baseline);
            if is_known {
                known.push(finding.accept(Acceptance::Known));
                continue;
            }
            if let Some(name) = new.into_iter().find_map(|entry| entry.environment) {
                finding.set_environment(&name);
            }
            left.push(finding);
        }
        if whole {
            left.extend(self.report_stale(&met));
        }
        (known, left)
    }

    /// Finding: entries of the baseline are obsolete.
    fn report_stale(&self, met: &BTreeSet<BaselineEntry>) -> Option<Finding> {
        const MOST: usize = 5;
        let gone: Vec<&BaselineEntry> = self.entries.difference(met).collect();
        let source = self.source.as_ref().filter(|_| !gone.is_empty())?;
        let message = match gone.len() {
            1 => format!("1 entry of `{FILE}` no longer matches a finding"),
            count => format!("{count} entries of `{FILE}` no longer match a finding"),
        };
        let warning =
            Diagnostic::warning(Rule::UnusedAllow, message).at(source.place(Span::locate(source.text(), 0, 0)));
        let shown = gone.iter().take(MOST).map(|known| {
            let of_key = known.key.as_ref().map(|key| format!(" of `{key}`")).unwrap_or_default();
            let of_result = known.environment.as_ref().map(|name| format!(", in `{name}`")).unwrap_or_default();
            format!("`{}`{of_key} in {}{of_result}", known.rule, known.file)
        });
        let warning = shown.fold(warning, Diagnostic::note);
        let warning = if gone.len() > MOST { warning.note(format!("and {} more", gone.len() - MOST)) } else { warning };
        let warning = warning.hint("run `septum check --write-baseline` to remove them; it also adds all new findings");
        Some(Finding::new_finding(warning, None, None, None))
    }
}

/// Text by which a finding is recognised: its message, and for a file that should be encrypted its lines in any order, as
/// each value in it is a secret. Comments do not count.
fn tagged_text(finding: &Finding) -> String {
    let message = finding.diagnostic.message.clone();
    let place = finding.place().filter(|_| finding.diagnostic.rule == Rule::NotEncrypted);
    let Some(place) = place else { return message };
    let lines = place.source.text().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: BTreeSet<&str> = lines.collect_set();
    lines.into_iter().fold(message, |text, line| text + "\n" + line)
}

/// Whether a finding can be known. A finding about an output tree cannot: the author of an edit to one of its files
/// could accept the edit in the same commit, and all later content of the file with it.
fn is_acceptable(finding: &Finding) -> bool {
    finding.is_acceptable() && finding.diagnostic.rule != Rule::StaleOutput
}

impl Default for Baseline {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for Baseline {
    /// The file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = format!("{HEAD}key: \"{}\"\n", self.key);
        out.push_str(if self.entries.is_empty() { "findings: []\n" } else { "findings:\n" });
        for known in &self.entries {
            // JSON in a line is YAML too
            let _ = writeln!(out, "- {}", serde_json::to_string(known).unwrap_or_default());
        }
        f.write_str(&out)
    }
}
