//! Import of manifest files, and of what `kubectl get -o yaml` prints.

use std::collections::{BTreeMap, BTreeSet};

use super::app_layers::AppLayers;
use super::plan::{ExpectedEnvironment, ImportPlan};
use super::source::{SourceObject, SourceObjects};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::manifest::is_namespaced;
use crate::name::wrong_dns_label;
use crate::span::Source;

/// Directory of the app for objects without a namespace, where there are others with one.
const CLUSTER: &str = "cluster";

/// Manifests of an environment.
pub struct ManifestInput {
    /// Name of the environment.
    pub environment: String,
    /// Its files.
    pub sources: Vec<Source>,
}

/// Objects of an environment.
struct EnvironmentObjects {
    name: String,
    objects: Vec<SourceObject>,
}

/// Plans the import of manifests. Invalid manifests are errors.
pub fn plan_manifests(app: &str, inputs: &[ManifestInput]) -> Result<ImportPlan, Diagnostics> {
    let (mut plan, mut problems) = (ImportPlan::default(), Diagnostics::new());
    let mut environments = Vec::new();
    for input in inputs {
        let mut read = SourceObjects::default();
        input.sources.iter().for_each(|source| read.read(source, &mut problems));
        for (place, reason) in &read.left_out {
            plan.note(place, format!("left out: {reason}"));
        }
        if read.trimmed > 0 {
            plan.note(
                "",
                format!(
                    "dropped the fields that a server sets from {} in {}",
                    count_objects(read.trimmed),
                    input.environment
                ),
            );
        }
        report_duplicates(&read.objects, &mut problems);
        environments.push(EnvironmentObjects { name: input.environment.clone(), objects: read.objects });
    }
    if environments.iter().all(|environment| environment.objects.is_empty()) && !problems.has_errors() {
        problems.push(
            Diagnostic::error(Rule::Usage, "there are no objects to import")
                .hint("specify files with manifests, or pass them on standard input: `kubectl get … -o yaml | septum import manifests -`"),
        );
    }
    if problems.has_errors() {
        return Err(problems);
    }
    for environment in &environments {
        let objects: Vec<Tree> = environment.objects.iter().map(|object| object.tree.clone()).collect();
        plan.expected.push(ExpectedEnvironment {
            name: environment.name.clone(),
            objects,
            values: Vec::new(),
            structures: Vec::new(),
        });
    }
    let apps = split_apps(app, environments);
    let is_alone = apps.len() == 1;
    if !is_alone {
        check_namespaces(&apps)?;
    }
    for (name, environments) in apps {
        let prefix = if is_alone { String::new() } else { format!("{name}/") };
        if !is_alone {
            plan.apps.push(name.clone());
        }
        let mut layers = AppLayers::new(&name, &prefix);
        for environment in environments {
            layers.add_environment(&environment.name, environment.objects, &mut plan);
        }
        layers.write(&mut plan);
    }
    if plan.findings.has_errors() { Err(plan.findings) } else { Ok(plan) }
}

/// `1 object`, `3 objects`.
fn count_objects(count: usize) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

fn report_duplicates(objects: &[SourceObject], problems: &mut Diagnostics) {
    let mut known = BTreeMap::new();
    for object in objects {
        if let Some(first) = known.insert(object.id(), object) {
            let message = format!("{} is defined twice", object.label());
            problems.push(
                Diagnostic::error(Rule::InvalidManifest, message)
                    .at_masked(object.place().clone())
                    .at_masked_with(first.place().clone(), "first definition"),
            );
        }
    }
}

/// Refuses namespaces that cannot be the names of directories.
fn check_namespaces(apps: &[(String, Vec<EnvironmentObjects>)]) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    for object in apps.iter().flat_map(|(_, environments)| environments).flat_map(|environment| &environment.objects) {
        if let Some(why) = object.namespace.as_deref().and_then(wrong_dns_label) {
            let message = format!("the namespace of {} is not valid: {why}", object.label());
            problems.push(Diagnostic::error(Rule::InvalidManifest, message).at_masked(object.place().clone()));
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}

/// Apps of the objects: one for all, or one for each namespace where an environment has several.
fn split_apps(app: &str, environments: Vec<EnvironmentObjects>) -> Vec<(String, Vec<EnvironmentObjects>)> {
    let is_single = environments.iter().all(|environment| namespaces(environment).len() <= 1);
    if is_single {
        return vec![(app.to_owned(), environments)];
    }
    let all: BTreeSet<_> = environments.iter().flat_map(namespaces).collect();
    // objects of the cluster are in the app of the objects without a namespace
    let names: BTreeSet<String> = all
        .iter()
        .cloned()
        .chain(environments.iter().flat_map(|environment| environment.objects.iter().map(group_of)))
        .collect();
    let mut apps: Vec<(String, Vec<EnvironmentObjects>)> = names.into_iter().map(|name| (name, Vec::new())).collect();
    for environment in environments {
        let mut groups: BTreeMap<String, Vec<SourceObject>> = BTreeMap::new();
        for object in environment.objects {
            groups.entry(group_of(&object)).or_default().push(object);
        }
        for (name, objects) in groups {
            if let Some((_, of_app)) = apps.iter_mut().find(|(app, _)| *app == name) {
                of_app.push(EnvironmentObjects { name: environment.name.clone(), objects });
            }
        }
    }
    let mut cluster = CLUSTER.to_owned();
    while apps.iter().any(|(app, _)| *app == cluster) {
        cluster.push_str("-scope");
    }
    let name = |name: String| if name.is_empty() { cluster.clone() } else { name };
    apps.into_iter().map(|(app, environments)| (name(app), environments)).collect()
}

/// Namespace of an object; empty for none.
fn group_of(object: &SourceObject) -> String {
    object.namespace.clone().unwrap_or_default()
}

/// Namespaces of the objects of an environment that can have one.
fn namespaces(environment: &EnvironmentObjects) -> BTreeSet<String> {
    environment.objects.iter().filter(|object| is_namespaced(&object.kind)).map(group_of).collect()
}
