//! From locations to entries.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::leak::PlaintextCredential;
use super::remedy::Fix;
use crate::diagnostic::Diagnostic;
use crate::layer::{Definition, Layer};
use crate::leak_scan::AcceptedLeak;
use crate::map::{HashMap, HashSet, IndexMap};
use crate::name::{EntryId, EnvironmentName};
use crate::pipeline::Survey;
use crate::span::Location;

/// Index from locations to entries: messages have only locations.
pub(super) struct EntryIndex {
    app: String,
    /// Starts of entries and their values by file, each with its line. What is no entry ends the one before it.
    starts: HashMap<String, BTreeMap<usize, (usize, Option<EntryId>)>>,
    /// Layers that are not valid YAML in part, so that their apps could not be checked as a whole.
    partial: HashSet<String>,
}

impl EntryIndex {
    pub(super) fn of(survey: &Survey) -> Self {
        let (starts, partial) = (HashMap::default(), HashSet::default());
        let mut index = Self { app: survey.app.as_str().to_owned(), starts, partial };
        for resolved in survey.readable() {
            let definition = &*resolved.definition;
            let layers = definition.layers.iter().filter(|layer| layer.is_partial);
            index.partial.extend(layers.map(|layer| layer.source.name().to_owned()));
            for (id, _, entry) in definition.entries() {
                let places = entry.history.iter().map(|step| &step.place).chain([&entry.defined]);
                let places = places.chain(entry.rules.sensitive.as_ref().map(|declared| &declared.place));
                places.for_each(|place| index.add(place, Some(&id)));
            }
            for former in &definition.former_uses {
                index.add(&former.place, Some(&former.id));
            }
            definition.layers.iter().for_each(|layer| index.add_layer(layer, definition));
        }
        index
    }

    /// Adds the keys of a layer, several of which may be on one line.
    fn add_layer(&mut self, layer: &Layer, definition: &Definition) {
        let own = definition.own_bundle();
        let of_bundles = layer.bundles.iter().map(|(name, bundle)| (name, &bundle.data));
        for (bundle, data) in of_bundles.chain([(&own, &layer.data)]) {
            for (key, patch) in data {
                let id = EntryId { bundle: bundle.clone(), key: key.clone() };
                // a key that is not defined is no entry
                self.add(&patch.key_place, definition.entry(&id).is_some().then_some(&id));
            }
        }
        let vars = layer.vars.as_ref().map(|vars| &vars.place);
        let bundles = layer.bundles.values().map(|bundle| &bundle.place);
        let allow = layer.allow.iter().map(|allow| &allow.rule.place);
        let of_bundles = layer.bundles.values().flat_map(|bundle| [&bundle.labels, &bundle.annotations]);
        let texts = of_bundles.chain([&layer.labels, &layer.annotations]).flat_map(IndexMap::values);
        let texts = texts.map(|text| &text.place);
        bundles.chain(allow).chain(vars).chain(texts).for_each(|place| self.add(place, None));
    }

    fn add(&mut self, place: &Location, id: Option<&EntryId>) {
        let name = place.source.name();
        if !self.starts.contains_key(name) {
            self.starts.insert(name.to_owned(), BTreeMap::new());
        }
        if let Some(starts) = self.starts.get_mut(name) {
            starts.entry(place.span.start).or_insert_with(|| (place.span.line, id.cloned()));
        }
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
        finding.accepted_for = Some(leak.accepted);
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
        problem.labels.iter().find_map(|label| self.entry_at(&label.place))
    }

    /// The entry that begins last on the line of a location, up to it.
    fn entry_at(&self, place: &Location) -> Option<EntryId> {
        let starts = self.starts.get(place.source.name())?;
        let (_, (line, id)) = starts.range(..=place.span.start).next_back()?;
        id.clone().filter(|_| *line == place.span.line)
    }

    /// Whether a problem is that a layer is not valid YAML.
    fn is_unjudged(&self, problem: &Diagnostic) -> bool {
        let file = problem.labels.first().map(|label| label.place.source.name());
        !self.partial.is_empty() && problem.rule.is_of_yaml() && file.is_some_and(|file| self.partial.contains(file))
    }
}
