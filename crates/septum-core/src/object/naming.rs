//! Final names of objects: those of their bundles, with a suffix derived from the values if a layer requests it.

use std::collections::BTreeMap;

use super::hash::HashedContent;
use super::input::{object_kind, secret_type};
use super::{ObjectKind, names, typed};
use crate::diagnostic::{Diagnostic, PublicReason, Rule};
use crate::layer::{Definition, NameAffixes, Naming};
use crate::name::BundleName;
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget};
use crate::route::Routing;
use crate::test_hook::count_work;

/// Naming scheme of an object of a bundle. A Secret that is found by its name alone, or whose values are added later,
/// keeps its name.
pub(super) fn scheme_for(definition: &Definition, bundle: &BundleName, kind: ObjectKind) -> Naming {
    let secret_type = secret_type(definition, bundle, kind);
    if secret_type.is_some_and(typed::keeps_name) { Naming::Plain } else { definition.naming(bundle.as_str()) }
}

/// Whether an object of a bundle is immutable: as its layers say, or else if it is named by its values. A Secret that
/// the cluster adds values to never is.
pub(super) fn is_immutable(definition: &Definition, bundle: &BundleName, kind: ObjectKind) -> bool {
    let is_changed = secret_type(definition, bundle, kind).is_some_and(typed::keeps_name);
    let has_suffix = scheme_for(definition, bundle, kind).has_suffix();
    !is_changed && definition.immutable_of(bundle.as_str()).map_or(has_suffix, |setting| setting.value)
}

/// Name of an object of a bundle; `None` if it requires a missing key.
pub(super) fn final_name(
    definition: &Definition,
    bundle: &BundleName,
    kind: ObjectKind,
    data: &BTreeMap<String, ResolvedBytes>,
) -> Option<String> {
    let secret_type = secret_type(definition, bundle, kind);
    let content = HashedContent { kind, secret_type, data };
    let suffix = match (scheme_for(definition, bundle, kind), kind) {
        (Naming::Plain, _) => return Some(definition.affixes.apply(bundle.as_str())),
        (Naming::Kustomize, _) | (Naming::Hashed, ObjectKind::ConfigMap) => content.suffix(),
        (Naming::Hashed, ObjectKind::Secret) => content.keyed_suffix(definition.naming_key()?),
    };
    Some(format!("{}-{suffix}", definition.affixes.apply(bundle.as_str())))
}

/// Name of an object that was not built, if it follows from known values; `None` if it requires an unknown value, or a
/// key.
pub fn known_name(
    resolved: &ResolvedTarget,
    routing: &Routing,
    bundle: &BundleName,
    kind: ObjectKind,
) -> Option<String> {
    let definition = &resolved.definition;
    if scheme_for(definition, bundle, kind) == Naming::Plain {
        return Some(definition.affixes.apply(bundle.as_str()));
    }
    let mut data = BTreeMap::new();
    let entries = resolved.entries.iter().filter(|(id, _)| id.bundle == *bundle && object_kind(routing, id) == kind);
    for (id, value) in entries {
        count_work(1);
        match &value.outcome {
            EntryOutcome::Known(known) => drop(data.insert(id.key.as_str().to_owned(), known.clone())),
            // not in the object being named, or not anywhere
            EntryOutcome::Missing | EntryOutcome::Pointed(_) => {}
            EntryOutcome::Locked(_) | EntryOutcome::Failed => return None,
        }
    }
    final_name(definition, bundle, kind, &data)
}

/// Error: a name leaves no room for its suffix.
pub(super) fn too_long(definition: &Definition, bundle: &BundleName) -> Option<Diagnostic> {
    let name = definition.affixes.apply(bundle.as_str());
    let long = definition.naming(bundle.as_str()).has_suffix() && name.len() > names::MAX_BASE;
    let error = || {
        let length = name.len();
        let message = format!("`{name}` has {length} characters, but at most 242 are allowed before a hash suffix");
        Diagnostic::error(Rule::InvalidName, message)
            .note("Kubernetes limits names to 253 characters, of which a dash and the hash use 11")
            .hint("shorten it, or set `names: plain`")
    };
    long.then(error)
}

/// Error: Secrets cannot be named with a key, since no layer provides one.
pub(super) fn no_key(definition: &Definition, bundle: &str) -> Diagnostic {
    let environment = &definition.environment;
    let message =
        format!("`names: hashed` requires a key to name a Secret, but no layer of `{environment}` is encrypted");
    let error = Diagnostic::error(Rule::NoNamingKey, message)
        .note("the key is derived from encrypted layers: without it, a password could be guessed from the hash in the name")
        .hint(format!("encrypt the secrets: `septum set {environment} KEY` stores one in `{environment}.secrets.yaml`"))
        .hint(format!("or set `names: plain` in `{environment}.yaml`"))
        .hint("or set `names: kustomize`, if the values cannot be guessed from their hashes");
    match definition.names_of(bundle) {
        Some(names) => error.at(names.place.clone()),
        None => error,
    }
}

/// Error: no name with these additions is valid.
pub(super) fn wrong_affixes(affixes: &NameAffixes) -> Option<Diagnostic> {
    let why = names::wrong_object_name(&affixes.apply("x"))?;
    let affix = affixes.prefix.as_ref().or(affixes.suffix.as_ref())?;
    let message = format!("`{}` is not a valid object name: {why}", affixes.apply("NAME"));
    Some(Diagnostic::error(Rule::InvalidName, message).at_public(affix.place.clone(), PublicReason::Name))
}
