//! Findings that are counted and no longer kept.
//!
//! A file of a mebibyte may have hundreds of thousands of mistakes. A user cannot read them all, and each costs
//! memory and a scan of its line; but none may be lost, for they determine the exit code.

use std::collections::BTreeMap;

use super::{Diagnostic, FailureKind, Rule, Severity};

/// Most findings that are kept one by one.
pub(super) const MOST_KEPT: usize = 10_000;

/// Number of further findings, by the properties that the exit code and `check` need.
#[derive(Debug, Clone, Default)]
pub(super) struct OmittedCounts(BTreeMap<(Severity, Rule), (u32, FailureKind)>);

impl OmittedCounts {
    pub(super) fn count(&mut self, diagnostic: &Diagnostic) {
        let Diagnostic { severity, rule, failure, count, .. } = diagnostic;
        self.0.entry((*severity, *rule)).or_insert((0, *failure)).0 += count;
    }

    pub(super) fn has_errors(&self) -> bool {
        self.0.keys().any(|(severity, _)| *severity == Severity::Error)
    }

    /// A finding for each rule with omitted ones.
    pub(super) fn into_diagnostics(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_iter().map(|((severity, rule), (count, failure))| {
            let findings = if count == 1 { "finding" } else { "findings" };
            let message = format!("{count} more {findings} of the rule `{rule}` are not shown");
            Diagnostic {
                rule,
                severity,
                failure,
                message,
                labels: Vec::new(),
                notes: vec![format!("only the first {MOST_KEPT} findings are shown individually")],
                hints: vec!["fix some of them, and run it again".to_owned()],
                cause: None,
                count,
            }
        })
    }
}
