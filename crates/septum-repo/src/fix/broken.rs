//! Apps in which nothing is fixed.

use std::collections::BTreeSet;

use crate::check::Finding;
use crate::sort::CollectSorted;

/// Apps with layers that cannot be read correctly: a fix in them might have an unintended effect.
pub(super) struct BrokenApps {
    apps: BTreeSet<String>,
    all: bool,
}

impl BrokenApps {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let is_broken = |finding: &&Finding| finding.is_of_layers && !finding.is_acceptable();
        let broken = || findings.iter().filter(is_broken);
        let apps = broken().filter_map(|finding| finding.app().map(str::to_owned)).collect_set();
        Self { apps, all: broken().any(|finding| finding.app().is_none()) }
    }

    pub(super) fn affects_finding(&self, finding: &Finding) -> bool {
        self.all || finding.app().is_some_and(|app| self.apps.contains(app))
    }
}
