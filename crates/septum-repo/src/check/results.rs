//! Findings of several apps, put together.

use std::collections::BTreeSet;

use super::finding::{Finding, sort_findings};
use super::staged::StagedEntryRefs;
use super::unchecked::Unchecked;
use super::unused::UsageTracker;
use super::unused_references::ReferenceUsage;
use super::{CheckReport, CheckScope};
use crate::diagnostic::{FailureKind, without_consequences};
use crate::name::{AppName, EnvironmentName};
use crate::output_tree::ObjectSite;
use crate::span::Located;

/// Findings so far.
#[derive(Clone, Default)]
pub(super) struct CheckResults {
    pub(super) findings: Vec<Finding>,
    /// Sources of all objects.
    pub(super) sites: Vec<ObjectSite>,
    /// The names of the apps with the environments that were checked.
    pub(super) targets: Vec<(Located<AppName>, Vec<EnvironmentName>)>,
    pub(super) accepted: Vec<Finding>,
    pub(super) unseen: BTreeSet<Unchecked>,
    pub(super) usage: UsageTracker,
    /// Whether some app was checked only in part, and may use what others do not.
    pub(super) is_partial: bool,
    /// Files of shared layers that some app uses.
    pub(super) shared_layers: BTreeSet<String>,
    /// Uses of rules for references.
    pub(super) references: ReferenceUsage,
}

impl CheckResults {
    pub(super) fn merge_results(mut self, other: Self) -> Self {
        self.findings.extend(other.findings);
        self.sites.extend(other.sites);
        self.targets.extend(other.targets);
        self.accepted.extend(other.accepted);
        self.unseen.extend(other.unseen);
        self.usage.extend(other.usage);
        self.is_partial |= other.is_partial;
        self.shared_layers.extend(other.shared_layers);
        self.references.extend(other.references);
        self
    }

    /// The findings in the order of files, each once.
    pub(super) fn into_report(self, scope: &CheckScope<'_>, is_shared: &dyn Fn(&str) -> bool) -> CheckReport {
        let Self { mut findings, targets, mut accepted, unseen, usage, is_partial, .. } = self;
        let is_wanted =
            |finding: &Finding| scope.only.is_none_or(|only| only.has_finding(finding, &StagedEntryRefs::default()));
        let is_unused = |finding: &Finding| !(is_partial && finding.file().is_some_and(is_shared));
        findings.extend(usage.findings().filter(is_unused).filter(is_wanted));
        let mut findings = sort_findings(without_consequences(findings, |found| &found.diagnostic));
        for finding in &mut findings {
            finding.note_environments(&targets);
        }
        if let Some(baseline) = scope.baseline {
            // what was not seen is not gone
            let is_complete = unseen.is_empty() && findings.iter().all(|it| it.failure() != FailureKind::Invalid);
            let (known, left) = baseline.split_known(findings, scope.is_whole && is_complete);
            accepted.extend(known);
            findings = sort_findings(left);
        }
        CheckReport {
            findings,
            accepted: sort_findings(accepted),
            unseen: unseen.into_iter().collect(),
            targets: targets.into_iter().map(|(app, environments)| (app.value, environments)).collect(),
            ..Default::default()
        }
    }
}
