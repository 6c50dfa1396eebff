//! From locations to entries.

use super::finding::Finding;
use super::leak::PlaintextCredential;
use super::remedy::Fix;
use crate::diagnostic::Diagnostic;
use crate::leak_scan::AcceptedLeak;
use crate::map::{HashMap, HashSet};
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;

/// Index from lines to entries: messages have only locations.
pub(super) struct EntryIndex {
    app: String,
    entries: HashMap<(String, usize), EntryId>,
    /// Layers that are not valid YAML in part, so that their apps could not be checked as a whole.
    partial: HashSet<String>,
}

impl EntryIndex {
    pub(super) fn of(survey: &Survey) -> Self {
        let (mut entries, mut partial) = (HashMap::default(), HashSet::default());
        for resolved in survey.readable() {
            let layers = resolved.definition.layers.iter().filter(|layer| layer.is_partial);
            partial.extend(layers.map(|layer| layer.source.name().to_owned()));
            for (id, _, entry) in resolved.definition.entries() {
                let places = entry.history.iter().map(|step| &step.place).chain([&entry.defined]);
                for place in places {
                    entries.entry((place.source.name().to_owned(), place.span.line)).or_insert_with(|| id.clone());
                }
            }
        }
        Self { app: survey.app.as_str().to_owned(), entries, partial }
    }

    pub(super) fn leak_finding(&self, leak: PlaintextCredential, environment: &EnvironmentName) -> Finding {
        let mut finding = Finding::new_finding(leak.diagnostic, Some(&self.app), Some(environment), leak.entry);
        finding.detector = leak.detector;
        finding.tag = leak.tag;
        finding.fix = leak.fix;
        finding
    }

    pub(super) fn accepted_leak(&self, leak: AcceptedLeak, environment: &EnvironmentName) -> Finding {
        let entry = self.entry_of(&leak.diagnostic);
        let mut finding = Finding::new_finding(leak.diagnostic, Some(&self.app), Some(environment), entry);
        finding.allow_key = Some(leak.key);
        finding
    }

    /// Findings with their fixes.
    pub(super) fn findings_with_fix(
        &self,
        problems: impl IntoIterator<Item = (Diagnostic, Fix)>,
        environment: Option<&EnvironmentName>,
    ) -> Vec<Finding> {
        let (problems, remedies): (Vec<_>, Vec<_>) = problems.into_iter().unzip();
        let findings = self.findings(problems, environment).into_iter().zip(remedies);
        findings.map(|(finding, remedy)| finding.with_fix(remedy)).collect()
    }

    pub(super) fn findings(
        &self,
        problems: impl IntoIterator<Item = Diagnostic>,
        environment: Option<&EnvironmentName>,
    ) -> Vec<Finding> {
        let finding = |problem: Diagnostic| {
            if self.is_unjudged(&problem) {
                return Finding::new_finding(problem, Some(&self.app), environment, None).mark_unjudged();
            }
            let entry = self.entry_of(&problem);
            Finding::new_finding(problem, Some(&self.app), environment, entry)
        };
        problems.into_iter().map(finding).collect()
    }

    /// The entry that a problem is about: the first at one of its locations.
    fn entry_of(&self, problem: &Diagnostic) -> Option<EntryId> {
        let places = problem.labels.iter().map(|label| (label.place.source.name().to_owned(), label.place.span.line));
        places.into_iter().find_map(|place| self.entries.get(&place).cloned())
    }

    /// Whether a problem is that a layer is not valid YAML.
    fn is_unjudged(&self, problem: &Diagnostic) -> bool {
        let file = problem.labels.first().map(|label| label.place.source.name());
        !self.partial.is_empty() && problem.rule.is_of_yaml() && file.is_some_and(|file| self.partial.contains(file))
    }
}
