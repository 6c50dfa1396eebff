//! The KRM function: what it does with the items that it is called with.

use std::path::Path;

use super::app_objects::{AddedObject, BuiltParts, NeighbourTarget};
use super::function_config::{FunctionConfig, FunctionMode, OverlapBehavior};
use super::item::{ItemIdentity, has_directive, wire_tree};
use super::resource_list::{FunctionCaller, ListItem, ResourceList};
use super::results::FunctionResult;
use crate::check::{self, Baseline, CheckScope};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, did_you_mean};
use crate::layer::Tree;
use crate::pipeline::Pipeline;
use crate::sops::Timestamp;
use crate::span::Location;
use crate::yaml::node::YamlNode;

/// Prefixes of annotations with which callers recognise their items.
const OF_CALLERS: [&str; 4] =
    ["internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/"];

/// Annotations of generators of kustomize, and the one that it uses among its own.
const NEEDS_HASH: &str = "kustomize.config.k8s.io/needs-hash";
const BEHAVIOR: &str = "kustomize.config.k8s.io/behavior";
const NEEDS_HASH_SUFFIX: &str = "internal.config.kubernetes.io/needsHashSuffix";

/// File and place in it of an object, for programs that keep objects in files.
const PATH: &str = "internal.config.kubernetes.io/path";
const INDEX: &str = "internal.config.kubernetes.io/index";

/// API version of the configuration of this function, which is no object to wire.
const OWN_GROUP: &str = "septum.dev/";

/// Applies the function to the items of a list, and returns its findings. With an error among them, there are no items,
/// except for a check.
pub fn run_function(
    list: &mut ResourceList,
    config: &FunctionConfig,
    pipeline: &Pipeline<'_>,
    now: Timestamp,
) -> Vec<FunctionResult> {
    let found =
        NeighbourTarget::find(pipeline, &config.environment, &config.apps, now).and_then(|target| match config.mode {
            FunctionMode::Generate => generate(list, config, &target),
            FunctionMode::Wire => wire(list, &target),
            FunctionMode::Check => check(list, &target),
        });
    let results = found.unwrap_or_else(|problems| FunctionResult::about(problems, None));
    let has_errors = results.iter().any(|result| result.diagnostic.is_error());
    // nobody is to take what is half done for the result
    let is_dropped = if config.mode == FunctionMode::Check { !config.returns_items } else { has_errors };
    if is_dropped {
        list.items.clear();
    }
    results
}

fn generate(
    list: &mut ResourceList,
    config: &FunctionConfig,
    target: &NeighbourTarget<'_, '_>,
) -> Result<Vec<FunctionResult>, Diagnostics> {
    let mut warnings = Diagnostics::new();
    refuse_behavior(list.caller, config)?;
    let mut added = target.build(BuiltParts::Objects, &mut warnings)?.deliver(&mut warnings)?;
    annotate(&mut added, list.caller, config)?;
    let mut results = FunctionResult::about(warnings, None);
    for AddedObject { tree, .. } in added {
        let identity = ItemIdentity::of_tree(&tree);
        match list.items.iter_mut().find(|item| item.identity.is_same(&identity)) {
            None => list.items.push(ListItem::added(tree)),
            Some(item) if item.is_generated() => {
                let tree = item.node().map(|old| with_annotations_of(tree.clone(), old)).unwrap_or(tree);
                item.replace(tree);
            }
            Some(item) => results.push(FunctionResult {
                diagnostic: duplicate_error(&identity, list.caller),
                item: Some(item.identity.clone()),
            }),
        }
    }
    Ok(results)
}

/// Error: the caller knows no behavior of generators.
fn refuse_behavior(caller: FunctionCaller, config: &FunctionConfig) -> Result<(), Diagnostics> {
    if caller == FunctionCaller::KustomizeGenerator {
        return Ok(());
    }
    let behavior =
        config.behavior.iter().chain(config.behaviors.values()).map(|behavior| ("behavior", &behavior.place));
    let hash = config.needs_hash.iter().map(|place| ("needsHash", place));
    let refused = behavior.take(1).chain(hash.filter(|_| caller == FunctionCaller::Files));
    let problems: Diagnostics = refused
        .map(|(name, place)| {
            Diagnostic::error(Rule::FunctionInput, format!("`{name}` is for generators of kustomize"))
                .at(place.clone())
                .hint("list the function under `generators:` of the kustomization, or remove the field")
        })
        .collect();
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}

/// Adds the annotations with which a caller knows what to do with an object.
fn annotate(added: &mut [AddedObject], caller: FunctionCaller, config: &FunctionConfig) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    let is_generated = |identity: &ItemIdentity| {
        identity.api_version == "v1" && matches!(identity.kind.as_str(), "ConfigMap" | "Secret")
    };
    let names: Vec<_> = added
        .iter()
        .map(|object| ItemIdentity::of_tree(&object.tree))
        .filter(is_generated)
        .map(|identity| format!("{}/{}", identity.kind, identity.name))
        .collect();
    for (name, behavior) in config.behaviors.iter().filter(|(name, _)| !names.contains(name)) {
        let message = format!("`behavior` names `{name}`, which is not generated");
        problems.push(
            Diagnostic::error(Rule::FunctionInput, message)
                .at(behavior.place.clone())
                .note(format!("generated are {}", names.join(", ")))
                .maybe_hint(did_you_mean(name, names.iter().map(String::as_str))),
        );
    }
    for object in added {
        let identity = ItemIdentity::of_tree(&object.tree);
        if is_generated(&identity) {
            let name = format!("{}/{}", identity.kind, identity.name);
            let behavior = config.behaviors.get(&name).or(config.behavior.as_ref()).map(|behavior| behavior.value);
            if let Some(behavior) = behavior.filter(|behavior| *behavior != OverlapBehavior::Create) {
                set_annotation(&mut object.tree, BEHAVIOR, behavior.as_str());
            }
            if let Some(place) = &config.needs_hash {
                problems.extend(hashed_twice(&object.tree, &identity, place));
                match caller {
                    FunctionCaller::KustomizeGenerator => set_annotation(&mut object.tree, NEEDS_HASH, "true"),
                    FunctionCaller::KustomizeTransformer | FunctionCaller::Files => {
                        set_annotation(&mut object.tree, NEEDS_HASH_SUFFIX, "enabled");
                    }
                }
            }
        }
        // kustomize would print them
        if caller == FunctionCaller::Files {
            set_annotation(&mut object.tree, PATH, &object.file);
            set_annotation(&mut object.tree, INDEX, "0");
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}

/// Error: the name of an object has a hash already.
fn hashed_twice(tree: &Tree, identity: &ItemIdentity, place: &Location) -> Option<Diagnostic> {
    let is_immutable = tree.get("immutable").and_then(Tree::as_text) == Some("true");
    let error = || {
        let message = format!("`needsHash` would add a second hash to the name of {}", identity.label());
        Diagnostic::error(Rule::FunctionInput, message)
            .at(place.clone())
            .note("its layers add one with `names`")
            .hint("use `names: plain` in the layers, or remove `needsHash`")
    };
    is_immutable.then(error)
}

fn set_annotation(tree: &mut Tree, name: &str, text: &str) {
    let place = tree.place.clone();
    if let Some(metadata) = tree.at_mut(&["metadata"])
        && let Some(annotations) = metadata.map_under("annotations")
    {
        annotations.insert(name.to_owned(), Tree::text(text, &place));
    }
}

/// The new version of an object in the place of the old one.
fn with_annotations_of(mut tree: Tree, old: &YamlNode) -> Tree {
    let annotations = old.as_map().and_then(|map| map.get("metadata")?.as_map()?.get("annotations")?.as_map());
    for (key, value) in annotations.into_iter().flatten() {
        if OF_CALLERS.iter().any(|prefix| key.text.starts_with(prefix))
            && let Some(scalar) = value.as_scalar()
        {
            set_annotation(&mut tree, &key.text, scalar.text());
        }
    }
    tree
}

/// Error: the caller has an object of the same kind and name.
fn duplicate_error(identity: &ItemIdentity, caller: FunctionCaller) -> Diagnostic {
    let error = Diagnostic::error(Rule::InvalidName, format!("{} is among the items already", identity.label()))
        .note("septum did not generate that one, so it is not replaced");
    match caller {
        FunctionCaller::Files => error.hint("rename the bundle, or remove the other object"),
        FunctionCaller::KustomizeGenerator | FunctionCaller::KustomizeTransformer => {
            let name = format!("{}/{}", identity.kind, identity.name);
            error.hint("rename the bundle, or remove the other object").hint(format!(
                "to merge them, list the function under `generators:`, with `behavior: {{ {name}: merge }}`"
            ))
        }
    }
}

fn wire(list: &mut ResourceList, target: &NeighbourTarget<'_, '_>) -> Result<Vec<FunctionResult>, Diagnostics> {
    // without a directive there is nothing to look up
    if !list.items.iter().any(is_wired) {
        return Ok(Vec::new());
    }
    let mut warnings = Diagnostics::new();
    let objects = target.build(BuiltParts::Names, &mut warnings)?;
    let wiring = objects.wiring();
    let mut results = FunctionResult::about(warnings, None);
    let source = list.source().clone();
    for item in list.items.iter_mut().filter(|item| is_wired(item)) {
        let Some(tree) = item.node().map(|node| Tree::from_node(node.clone(), &source)) else { continue };
        let mut problems = Diagnostics::new();
        let identity = item.identity.clone();
        let wired = wire_tree(tree, &wiring, &mut problems);
        item.replace(wired);
        results.extend(FunctionResult::about(problems, Some(&identity)));
    }
    Ok(results)
}

/// Whether an item has directives, and is not itself the configuration of a function.
fn is_wired(item: &ListItem) -> bool {
    !item.identity.api_version.starts_with(OWN_GROUP) && item.node().is_some_and(has_directive)
}

fn check(list: &mut ResourceList, target: &NeighbourTarget<'_, '_>) -> Result<Vec<FunctionResult>, Diagnostics> {
    let mut results = FunctionResult::about(check_target(target)?, None);
    if results.iter().any(|result| result.diagnostic.is_error()) {
        return Ok(results);
    }
    // the items are compared with the bundles, and stay as they are
    let mut warnings = Diagnostics::new();
    if list.items.iter().any(is_wired) {
        let objects = target.build(BuiltParts::Names, &mut warnings)?;
        let wiring = objects.wiring();
        for item in list.items.iter().filter(|item| is_wired(item)) {
            let Some(node) = item.node() else { continue };
            let mut problems = Diagnostics::new();
            wire_tree(Tree::from_node(node.clone(), list.source()), &wiring, &mut problems);
            let found = problems.into_iter().map(|problem| problem.with_failure(FailureKind::Found)).collect();
            results.extend(FunctionResult::about(found, Some(&item.identity)));
        }
    }
    Ok(results)
}

/// Findings of `septum check` in the apps of a target, and what could not be checked without a key as warnings.
pub fn check_target(target: &NeighbourTarget<'_, '_>) -> Result<Diagnostics, Diagnostics> {
    let NeighbourTarget { pipeline, apps, environment, now } = target;
    let baseline = Baseline::of_project(pipeline.library.project)?;
    let environments = std::slice::from_ref(environment);
    let scope = CheckScope { baseline: baseline.as_ref(), ..CheckScope::of_layers(apps, environments, *now) };
    let mut report = check::check_apps(pipeline, &scope);
    report.excuse_missing_keys();
    let findings = report.findings.iter().map(|finding| finding.diagnostic.clone().with_failure(finding.failure()));
    let unseen = report.unseen.iter().map(|unchecked| {
        Diagnostic::warning(Rule::Unseen, format!("not checked: {}", unchecked.why))
            .note(format!("in `{}`", unchecked.file))
    });
    Ok(findings.chain(unseen).collect())
}

/// Directory of the project that a configuration names, from the working directory.
pub fn project_directory(config: &FunctionConfig, working_directory: &Path) -> std::path::PathBuf {
    config.root.as_ref().map_or_else(|| working_directory.to_path_buf(), |root| working_directory.join(&root.value))
}
