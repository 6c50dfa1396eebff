//! `mode: generate`: the objects of apps, with the annotations by which a caller knows what to do with them.

use super::app_objects::{AddedObject, BuiltParts, NeighbourTarget};
use super::function_config::{FunctionConfig, OverlapBehavior};
use super::item::{ItemIdentity, set_annotation};
use super::placement::place_objects;
use super::resource_list::{FunctionCaller, ResourceList};
use super::results::FunctionResult;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::span::Location;

/// Annotations of generators of kustomize, and the one that it uses among its own.
const NEEDS_HASH: &str = "kustomize.config.k8s.io/needs-hash";
const BEHAVIOR: &str = "kustomize.config.k8s.io/behavior";
const NEEDS_HASH_SUFFIX: &str = "internal.config.kubernetes.io/needsHashSuffix";

/// Adds the objects of the apps of a target to the items.
pub(super) fn generate(
    list: &mut ResourceList,
    config: &FunctionConfig,
    target: &NeighbourTarget<'_, '_>,
) -> Result<Vec<FunctionResult>, Diagnostics> {
    let mut warnings = Diagnostics::new();
    refuse_behavior(list.caller, config)?;
    let mut added = target.build(BuiltParts::Objects, &mut warnings)?.deliver(&mut warnings)?;
    annotate(&mut added, list.caller, config)?;
    let mut results = FunctionResult::about(warnings, None);
    results.extend(place_objects(list, added, target)?);
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
                problems.extend(object.base_name.as_ref().map(|_| hashed_twice(&identity, place)));
                match caller {
                    FunctionCaller::KustomizeGenerator => set_annotation(&mut object.tree, NEEDS_HASH, "true"),
                    FunctionCaller::KustomizeTransformer | FunctionCaller::Files => {
                        set_annotation(&mut object.tree, NEEDS_HASH_SUFFIX, "enabled");
                    }
                }
            }
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}

/// Error: the name of an object has a hash already.
fn hashed_twice(identity: &ItemIdentity, place: &Location) -> Diagnostic {
    let message = format!("`needsHash` would add a second hash to the name of {}", identity.label());
    Diagnostic::error(Rule::FunctionInput, message)
        .at(place.clone())
        .note("its layers add one with `names`")
        .hint("use `names: plain` in the layers, or remove `needsHash`")
}
