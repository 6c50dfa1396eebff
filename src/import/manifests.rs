//! Import of manifest files, and of what `kubectl get -o yaml` prints.

use std::collections::{BTreeMap, BTreeSet};

use super::app_layers::AppLayers;
use super::plan::{ExpectedEnvironment, ImportPlan};
use super::source::{SourceObject, SourceObjects};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Tree;
use crate::manifest::is_namespaced;
use crate::name::wrong_dns_label;
use crate::sort::CollectSorted;
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
///
/// `is_unnamed`: several files, none of which names an environment, so that all of them are of one.
pub fn plan_manifests(app: &str, inputs: &[ManifestInput], is_unnamed: bool) -> Result<ImportPlan, Diagnostics> {
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
        report_duplicates(&read.objects, is_unnamed, &mut problems);
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
        note_apps(&apps, &mut plan);
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

/// Errors: objects that are defined twice. Where files of several environments were probably meant, one error says so.
fn report_duplicates(objects: &[SourceObject], is_unnamed: bool, problems: &mut Diagnostics) {
    let (mut known, mut twice) = (BTreeMap::new(), Vec::new());
    for object in objects {
        if let Some(first) = known.insert(object.id(), object) {
            twice.push((first, object));
        }
    }
    let count = twice.len();
    let is_two_files =
        |first: &SourceObject, object: &SourceObject| first.place().source.name() != object.place().source.name();
    let (shown, hint) = match twice.first() {
        Some((first, object)) if is_unnamed && is_two_files(first, object) => {
            let name = |object: &SourceObject| object.place().source.name().to_owned();
            (
                1,
                Some(format!(
                    "if the files are those of environments, name them: `staging={} prod={}`",
                    name(first),
                    name(object)
                )),
            )
        }
        _ => (count, None),
    };
    for (first, object) in twice.into_iter().take(shown) {
        let more =
            if count > shown { format!("{count} objects are defined twice; the first is") } else { String::new() };
        let verb = if more.is_empty() { " is defined twice" } else { "" };
        let message = format!("{more} {}{verb}", object.label()).trim_start().to_owned();
        problems.push(
            Diagnostic::error(Rule::InvalidManifest, message)
                .at_masked(object.place().clone())
                .at_masked_with(first.place().clone(), "first definition")
                .maybe_hint(hint.clone()),
        );
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
    let all = environments.iter().flat_map(namespaces).collect_set();
    // objects of the cluster are in the app of the objects without a namespace
    let names: BTreeSet<String> = all
        .iter()
        .cloned()
        .chain(environments.iter().flat_map(|environment| environment.objects.iter().map(group_of)))
        .collect_set();
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

/// Notes that each namespace is an app, and those that only some environments have.
fn note_apps(apps: &[(String, Vec<EnvironmentObjects>)], plan: &mut ImportPlan) {
    let all: BTreeSet<&str> = plan.expected.iter().map(|environment| environment.name.as_str()).collect_set();
    let mut notes = vec![format!("an environment has several namespaces, so each of the {} is an app", apps.len())];
    for (name, environments) in apps {
        let own: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
        if own.len() < all.len() {
            notes.push(format!(
                "the app `{name}` is in {} only, because no other environment has its namespace",
                own.join(", ")
            ));
        }
    }
    if notes.len() > 1 {
        notes.push("to have one app of namespaces that differ by environment, import them by themselves".to_owned());
    }
    for text in notes {
        plan.note("", text);
    }
}

/// Namespace of an object; empty for none.
fn group_of(object: &SourceObject) -> String {
    object.namespace.clone().unwrap_or_default()
}

/// Namespaces of the objects of an environment that can have one.
fn namespaces(environment: &EnvironmentObjects) -> BTreeSet<String> {
    environment.objects.iter().filter(|object| is_namespaced(&object.kind)).map(group_of).collect_set()
}
