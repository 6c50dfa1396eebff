//! Findings in the files of layers, which the output does not show.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::flux::FluxSubstitution;
use super::places::EntryIndex;
use super::{Baseline, CheckScope, leak, unencrypted};
use crate::diagnostic::Rule;
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, Survey};
use crate::sort::CollectSorted;

/// Checks apps, each by itself.
#[derive(Clone, Copy)]
pub(super) struct AppChecker<'a> {
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) scope: &'a CheckScope<'a>,
    pub(super) flux: &'a FluxSubstitution<'a>,
}

impl AppChecker<'_> {
    /// Findings in the files that the output does not show.
    pub(super) fn check_layers(self, survey: &Survey, wanted: &[EnvironmentName], places: &EntryIndex) -> Vec<Finding> {
        let mut search = leak::CredentialSearch::new(survey, self.scope.rules, self.scope.baseline.map(Baseline::key));
        let mut findings = Vec::new();
        for resolved in survey.readable_among(wanted) {
            let environment = &resolved.definition.environment;
            search.search_environment(resolved);
            findings.extend(search.leaks.drain(..).map(|leak| places.leak_finding(leak, environment)));
            let invalid = places.findings(unencrypted::invalid_rules(self.pipeline, resolved), None);
            findings.extend(invalid.into_iter().map(Finding::mark_unjudged));
            findings.extend(places.findings(unencrypted::without_keys(self.pipeline, resolved), None));
            findings.extend(
                places.findings_with_fix(
                    unencrypted::find_unencrypted_layers(self.pipeline, resolved),
                    Some(environment),
                ),
            );
        }
        findings
    }
}

/// Removes credentials in files that should be encrypted as a whole: that finding is reported once, and its fix
/// covers them all.
pub(super) fn without_covered(mut findings: Vec<Finding>) -> Vec<Finding> {
    let of_files = findings.iter().filter(|it| it.diagnostic.rule == Rule::NotEncrypted).filter_map(Finding::file);
    let open: BTreeSet<String> = of_files.map(str::to_owned).collect_set();
    findings.retain(|it| !(it.is_leak() && it.file().is_some_and(|file| open.contains(file))));
    findings
}
