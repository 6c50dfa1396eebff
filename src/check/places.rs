//! What a place is about.

use std::collections::HashMap;

use super::finding::Finding;
use super::leak::Leak;
use super::remedy::Remedy;
use crate::diagnostic::Diagnostic;
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;

/// Which entry stands on which line: messages know places only.
pub(super) struct Places {
    app: String,
    entries: HashMap<(String, usize), EntryId>,
}

impl Places {
    pub(super) fn of(survey: &Survey) -> Self {
        let mut entries = HashMap::new();
        for resolved in &survey.environments {
            for (id, _, entry) in resolved.definition.entries() {
                let places = entry.history.iter().map(|step| &step.place).chain([&entry.defined]);
                for place in places {
                    entries.entry((place.source.name().to_owned(), place.span.line)).or_insert_with(|| id.clone());
                }
            }
        }
        Self { app: survey.app.as_str().to_owned(), entries }
    }

    pub(super) fn leak(&self, leak: Leak, environment: &EnvironmentName) -> Finding {
        let mut finding = Finding::of(leak.diagnostic, Some(&self.app), Some(environment), leak.entry);
        finding.detector = leak.detector;
        finding.tag = leak.tag;
        finding.remedy = leak.remedy;
        finding
    }

    /// Findings with what mends them.
    pub(super) fn mendable(
        &self,
        problems: impl IntoIterator<Item = (Diagnostic, Remedy)>,
        environment: Option<&EnvironmentName>,
    ) -> Vec<Finding> {
        let (problems, remedies): (Vec<_>, Vec<_>) = problems.into_iter().unzip();
        let findings = self.findings(problems, environment).into_iter().zip(remedies);
        findings.map(|(finding, remedy)| finding.with(remedy)).collect()
    }

    pub(super) fn findings(
        &self,
        problems: impl IntoIterator<Item = Diagnostic>,
        environment: Option<&EnvironmentName>,
    ) -> Vec<Finding> {
        let finding = |problem: Diagnostic| {
            let places =
                problem.labels.iter().map(|label| (label.place.source.name().to_owned(), label.place.span.line));
            let entry = places.into_iter().find_map(|place| self.entries.get(&place).cloned());
            Finding::of(problem, Some(&self.app), environment, entry)
        };
        problems.into_iter().map(finding).collect()
    }
}
