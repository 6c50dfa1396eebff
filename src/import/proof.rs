//! Proof of an import: the written layers are rendered, and compared with what was read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

use super::compare::{find_differences, find_value_differences};
use super::kustomize::json_of_value;
use super::plan::{ExpectedEnvironment, ExpectedKey, ExpectedStructure, ExpectedValue, ImportPlan};
use crate::deliver::Delivered;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::disk::Disk;
use crate::layer::Tree;
use crate::manifest::list_items;
use crate::name::{EntryId, EnvironmentName};
use crate::object::Reveal;
use crate::output_tree;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::{PROJECT_FILE, Project, ProjectRoot};
use crate::resolve::{ResolvedBytes, ResolvedTarget};
use crate::sops::{Identities, Timestamp};
use crate::sort::CollectSorted;
use crate::span::Source;
use crate::value::OutputValue;
use crate::visibility::OnMissingKey;
use crate::yaml::read::read_document;

/// Result of comparing what was written with what was read.
#[derive(Debug, Default)]
pub struct ImportProof {
    /// Number of objects or values that were read.
    pub total: usize,
    /// Number of those that render equal.
    pub equal: usize,
    /// Whether objects were compared, and not values.
    pub of_objects: bool,
    /// Environments, in the order of the plan.
    pub environments: Vec<String>,
    /// Differences, in the order of the plan.
    pub differences: Vec<ProofDifference>,
}

/// Object or value that differs. Contains no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofDifference {
    /// Environment in which it differs.
    pub environment: String,
    /// Label of the object or entry: ``the Deployment `web` ``.
    pub subject: String,
    /// Differences: `is not rendered`, ``at `spec.replicas` ``.
    pub details: Vec<String>,
}

/// Identity of an object: API version, kind, namespace and name.
type ObjectKey = (String, String, String, String);

/// Renders the app in `directory` in every environment, and compares it with the plan. An error if it is invalid.
pub(super) fn prove_plan(
    plan: &ImportPlan,
    directory: &Path,
    identities: Identities,
    now: Timestamp,
) -> Result<ImportProof, Diagnostics> {
    let of_objects = !plan.proves_values();
    let mut proof = ImportProof { of_objects, ..ImportProof::default() };
    let mut compare_values = |survey: &Survey, environment: &EnvironmentName| {
        let expected = plan.expected.iter().filter(|expected| !of_objects && expected.name == environment.as_str());
        expected.for_each(|expected| compare_entries(expected, environment, survey, &mut proof));
    };
    let mut rendered = deliver_app(directory, identities, now, &mut compare_values).map_err(|problems| {
        let errors = problems.into_iter().filter(Diagnostic::is_error);
        errors
            .map(|error| error.note("this is in what the import would write; nothing was written"))
            .collect::<Diagnostics>()
    })?;
    for expected in &plan.expected {
        proof.environments.push(expected.name.clone());
        if of_objects {
            let rendered = rendered.remove(&expected.name).unwrap_or_default();
            compare_rendered(expected, &rendered, &mut proof);
        }
    }
    Ok(proof)
}

/// The project of an app that was written, with its `septum.yaml`, if there is one.
fn open_app(directory: &Path) -> Result<Project, Diagnostics> {
    let above = directory.parent().filter(|above| Disk::default().has(&above.join(PROJECT_FILE)));
    let root = above
        .map_or_else(|| ProjectRoot::App(directory.to_path_buf()), |above| ProjectRoot::Settings(above.to_path_buf()));
    Project::open(&Disk::default(), &root)
}

/// Renders the app in `directory`: all objects of each environment, with their values.
pub(super) fn render_json(
    directory: &Path,
    identities: Identities,
    now: Timestamp,
) -> Result<BTreeMap<String, Vec<Json>>, Diagnostics> {
    let rendered = deliver_app(directory, identities, now, &mut |_, _| {})?;
    let values = |objects: Vec<Delivered>| {
        let plain = objects.iter().filter_map(Delivered::as_plain);
        plain.map(|object| json_of_value(&object.to_value(Reveal::Values))).collect()
    };
    Ok(rendered.into_iter().map(|(environment, objects)| (environment, values(objects))).collect_map())
}

/// Objects of each environment of the app in `directory`, as they are delivered. Each environment is shown to `visit`
/// before. Errors: those of `septum render`.
fn deliver_app(
    directory: &Path,
    identities: Identities,
    now: Timestamp,
    visit: &mut dyn FnMut(&Survey, &EnvironmentName),
) -> Result<BTreeMap<String, Vec<Delivered>>, Diagnostics> {
    let project = open_app(directory)?;
    let pipeline = Pipeline::new(&project, identities);
    let mut problems = project.name_errors(&project.apps);
    let mut rendered: BTreeMap<String, Vec<Delivered>> = BTreeMap::new();
    let mut sites = Vec::new();
    for app in &project.apps {
        let options = SurveyOptions::decrypting(&app.environments);
        let Some(survey) = pipeline.survey(app, options, &mut problems) else { continue };
        for environment in &app.environments {
            visit(&survey, environment);
            let objects = pipeline.objects(&survey, environment, OnMissingKey::Fail, &mut problems);
            let objects =
                output_tree::deliver_objects(&pipeline, app, &survey, environment, objects, now, &mut problems);
            sites.extend(output_tree::object_sites(app, &survey, environment, &objects));
            rendered.entry(environment.as_str().to_owned()).or_default().extend(objects);
        }
    }
    problems.extend(output_tree::find_duplicates(&sites));
    if problems.has_errors() { Err(problems) } else { Ok(rendered) }
}

/// Items of lists, and all other objects.
fn flatten(objects: &[Tree]) -> Vec<&Tree> {
    objects.iter().flat_map(|object| list_items(object).map_or_else(|| vec![object], flatten)).collect()
}

fn compare_rendered(expected: &ExpectedEnvironment, rendered: &[Delivered], proof: &mut ImportProof) {
    let values = rendered.iter().filter_map(Delivered::as_plain).map(|object| object.to_value(Reveal::Values));
    let words = DifferenceWords { missing: "is not rendered", added: "is rendered, but was not read" };
    let expected_values = flatten(&expected.objects).into_iter().map(Tree::to_value);
    proof.compare_objects(&expected.name, &words, expected_values, values);
}

/// Words for objects that only one of the sides has.
pub struct DifferenceWords {
    /// An expected object that is missing.
    pub missing: &'static str,
    /// An object that was not expected.
    pub added: &'static str,
}

impl ImportProof {
    /// Compares the objects of an environment with the expected ones.
    pub fn compare_objects<'a, 'b>(
        &mut self,
        environment: &str,
        words: &DifferenceWords,
        expected: impl IntoIterator<Item = OutputValue<'a>>,
        actual: impl IntoIterator<Item = OutputValue<'b>>,
    ) {
        let mut actual = actual.into_iter().map(|value| (key_of(&value), value)).collect_map();
        let mut push = |key: &ObjectKey, details: Vec<String>| {
            let (environment, subject) = (environment.to_owned(), label_of(key));
            self.differences.push(ProofDifference { environment, subject, details });
        };
        for object in expected {
            self.total += 1;
            let key = key_of(&object);
            let Some(actual) = actual.remove(&key) else {
                push(&key, vec![words.missing.to_owned()]);
                continue;
            };
            let found = find_differences(object, actual);
            if found.is_empty() {
                self.equal += 1;
            } else {
                push(&key, found.iter().map(|found| format!("`{}` {}", found.path, found.kind)).collect());
            }
        }
        for key in actual.keys() {
            push(key, vec![words.added.to_owned()]);
        }
    }
}

fn compare_entries(
    expected: &ExpectedEnvironment,
    environment: &EnvironmentName,
    survey: &Survey,
    proof: &mut ImportProof,
) {
    let Some(resolved) = survey.environment(environment) else { return };
    let mut comparison = EntryComparison { expected, resolved, known: BTreeSet::new(), proof };
    for structure in &expected.structures {
        comparison.structure(structure);
    }
    comparison.values();
    comparison.unexpected();
}

/// Comparison of the entries of an environment with those that were expected.
struct EntryComparison<'c> {
    expected: &'c ExpectedEnvironment,
    resolved: &'c ResolvedTarget,
    /// Entries that were expected.
    known: BTreeSet<&'c EntryId>,
    proof: &'c mut ImportProof,
}

impl<'c> EntryComparison<'c> {
    fn structure(&mut self, ExpectedStructure { id, tree }: &'c ExpectedStructure) {
        self.known.insert(id);
        let rendered = self.resolved.entries.get(id).and_then(|value| value.outcome.known());
        let source = Source::new("", rendered.and_then(ResolvedBytes::text).unwrap_or_default());
        let rendered = read_document(&source).map(|node| Tree::from_node(node, &source));
        let rendered = rendered.ok().filter(|tree| tree.as_map().is_some());
        let found = find_value_differences(
            tree.to_value(),
            rendered.as_ref().map_or_else(|| OutputValue::map::<&str>([]), Tree::to_value),
        );
        let mut count = 0;
        tree.leaves("", &mut |_, _, _| count += 1);
        let count = count.max(found.len());
        self.proof.total += count;
        self.proof.equal += count - found.len();
        for difference in found {
            let subject = format!("`{}` of `{}`", difference.path, self.resolved.definition.label(id));
            self.differs(subject, difference.kind);
        }
    }

    fn values(&mut self) {
        let mut variables = BTreeMap::new();
        if let Some(vars) = &self.resolved.definition.vars {
            vars.leaves("", &mut |path, _, scalar| drop(variables.insert(path.to_owned(), scalar.clone())));
        }
        for ExpectedValue { key, bytes } in &self.expected.values {
            let (actual, subject) = match key {
                ExpectedKey::Entry(id) => {
                    self.known.insert(id);
                    let actual = self.resolved.entries.get(id).and_then(|value| value.outcome.known());
                    (actual.map(ResolvedBytes::bytes), format!("`{}`", self.resolved.definition.label(id)))
                }
                ExpectedKey::Variable(path) => {
                    let actual = variables.get(path).map(|scalar| scalar.text().as_bytes());
                    (actual, format!("`vars.{path}`"))
                }
            };
            self.proof.total += 1;
            match actual {
                Some(actual) if actual == bytes.as_slice() => self.proof.equal += 1,
                Some(_) => self.differs(subject, "has another value"),
                None => self.differs(subject, "has no value"),
            }
        }
    }

    fn unexpected(&mut self) {
        for (id, value) in &self.resolved.entries {
            if !self.known.contains(id) && value.outcome.known().is_some() {
                let subject = format!("`{}`", self.resolved.definition.label(id));
                self.differs(subject, "has a value, but none was read");
            }
        }
    }

    fn differs(&mut self, subject: String, detail: &str) {
        let (environment, details) = (self.expected.name.clone(), vec![detail.to_owned()]);
        self.proof.differences.push(ProofDifference { environment, subject, details });
    }
}

/// Identity of an object, for comparison.
fn key_of(object: &OutputValue<'_>) -> ObjectKey {
    let get = |value: &OutputValue<'_>, field: &str| match field_of(value, field) {
        Some(OutputValue::String(text) | OutputValue::Literal(text)) => text.to_string(),
        _ => String::new(),
    };
    let metadata = field_of(object, "metadata").unwrap_or(&OutputValue::Null);
    (get(object, "apiVersion"), get(object, "kind"), get(metadata, "namespace"), get(metadata, "name"))
}

/// Field of a mapping.
fn field_of<'v, 'a>(value: &'v OutputValue<'a>, name: &str) -> Option<&'v OutputValue<'a>> {
    let OutputValue::Map(pairs) = value else { return None };
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Label of an object for messages.
fn label_of((_, kind, namespace, name): &ObjectKey) -> String {
    if namespace.is_empty() { format!("the {kind} `{name}`") } else { format!("the {kind} `{namespace}/{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_lacks_and_what_differs_is_named() {
        let object = |namespace: &str, name: &str, value: &str| {
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}{namespace} }}\ndata: {{ A: {value} }}\n"
            );
            let source = Source::new("a.yaml", text);
            Tree::from_node(read_document(&source).expect("valid"), &source)
        };
        let expected = [object("", "same", "a"), object("", "other", "a"), object(", namespace: n", "gone", "a")];
        let actual = [object("", "same", "a"), object("", "other", "b"), object("", "new", "a")];
        let mut proof = ImportProof::default();
        let words = DifferenceWords { missing: "is missing", added: "is new" };
        proof.compare_objects("dev", &words, expected.iter().map(Tree::to_value), actual.iter().map(Tree::to_value));
        let found: Vec<_> = proof
            .differences
            .iter()
            .map(|difference| (difference.subject.as_str(), difference.details.join(" ")))
            .collect();
        assert_eq!((proof.total, proof.equal), (3, 1));
        assert_eq!(
            found,
            [
                ("the ConfigMap `other`", "`data.A` differs".to_owned()),
                ("the ConfigMap `n/gone`", "is missing".to_owned()),
                ("the ConfigMap `new`", "is new".to_owned()),
            ]
        );
    }
}
