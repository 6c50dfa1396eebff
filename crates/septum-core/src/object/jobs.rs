//! Jobs and the names of the objects that they use: a Job starts pods later than it was applied, when an object with a
//! hash in its name may be gone.

use super::name_index::ObjectsByName;
use super::naming;
use crate::diagnostic::{Diagnostic, PublicReason, Rule};
use crate::layer::{Definition, Pruning};
use crate::manifest::Manifest;
use crate::manifest::references::{Reference, ReferenceRules, Role, find_references};

/// Warning: a `Job` or a `CronJob` uses an object with a hash in its name, and nothing keeps the object once its values
/// change.
pub(super) fn hashed_name_warning(
    manifest: &Manifest,
    rules: &ReferenceRules,
    built: &ObjectsByName<'_>,
    definition: &Definition,
) -> Option<Diagnostic> {
    let kind = manifest.kind.as_str();
    if !matches!(kind, "CronJob" | "Job") || definition.delivery.prune() == Pruning::Keep {
        return None;
    }
    let hashed = |reference: &Reference| {
        let object = built.get(reference.target.as_str(), &reference.name.value)?;
        let scheme = naming::scheme_for(definition, &object.base_name.as_str().into(), object.kind);
        (reference.role == Role::Reference && scheme.has_suffix()).then_some(object)
    };
    let references = find_references(&manifest.tree, rules);
    let (reference, object) = references.iter().find_map(|found| Some((found, hashed(found)?)))?;
    let (target, bundle) = (object.kind.as_str(), &object.base_name);
    let message = format!("{} uses the {target} `{bundle}`, whose name changes with its values", manifest.label());
    let note = if kind == "Job" {
        "a Job cannot be changed, and when its pods start again the old object may be gone"
    } else {
        "pods of a Job that already exists look for the old object, which may be gone"
    };
    Some(
        Diagnostic::warning(Rule::HashedNameInJob, message)
            .at_public(reference.name.place.clone(), PublicReason::Name)
            .note(note)
            .hint(format!("give the objects of the bundle plain names: `bundles: {{ {bundle}: {{ names: plain }} }}`"))
            .hint("or keep old objects: `delivery: { prune: keep }`"),
    )
}
