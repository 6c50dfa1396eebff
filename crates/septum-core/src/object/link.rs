//! References of workloads to ConfigMaps and Secrets: each must name an existing object, and an existing key.

use std::cell::OnceCell;

use super::names::is_portable_variable;
use super::provide::{KeySet, ObjectIndex, entry_of, kind_for, other_kind};
use crate::diagnostic::{Cause, Diagnostic, Diagnostics, PublicReason, Rule, did_you_mean};
use crate::layer::{Definition, ExternalObject};
use crate::manifest::references::{RefKind, Reference, Role};
use crate::manifest::{self, Manifest, is_filled_in_later};
use crate::resolve::ResolvedTarget;
use crate::route::Routing;
use crate::span::Located;

/// Number of keys that a message names.
const SHOWN_KEYS: usize = 3;

/// Data that references are checked against.
pub(super) struct ReferenceChecker<'a> {
    pub(super) provided: &'a ObjectIndex,
    pub(super) definition: &'a Definition,
    pub(super) routing: &'a Routing,
    pub(super) resolved: &'a ResolvedTarget,
    /// Whether there are manifests whose names are unknown without a key, once it was asked.
    pub(super) nameless: OnceCell<bool>,
}

/// Path of the container whose environment a reference is for; none if it is for the whole object, such as a volume.
fn container_of(reference: &Reference) -> Option<&str> {
    [".envFrom[", ".env["]
        .iter()
        .find_map(|field| reference.path.rfind(field))
        .and_then(|end| reference.path.get(..end))
}

/// Whether a container has what one reference or the other is for.
fn is_same_container(reference: &Reference, other: &Reference) -> bool {
    match (container_of(reference), container_of(other)) {
        (Some(container), Some(other)) => container == other,
        _ => true,
    }
}

/// Annotation by which a workload gets both halves of a bundle where it has one; none if there is no workload.
fn wiring_for(manifest: &Manifest, reference: &Reference) -> Option<&'static str> {
    manifest::pod_template(&manifest.kind)?;
    match reference.path.as_str() {
        _ if reference.env_from => Some("septum.dev/env-from"),
        path if path.contains("volumes[") => Some("septum.dev/mount"),
        _ => None,
    }
}

/// Whether a name or its namespace contains a placeholder of another tool, so that the target is unknown.
fn has_placeholder(reference: &Reference) -> bool {
    let texts = [Some(&reference.name.value), reference.namespace.as_ref()];
    texts.into_iter().flatten().any(|text| is_filled_in_later(text))
}

impl ReferenceChecker<'_> {
    /// Reports the references of an object to objects and keys that do not exist.
    pub(super) fn check(&self, manifest: &Manifest, references: &[Reference], problems: &mut Diagnostics) {
        let from = self.provided.namespace_of(manifest);
        for reference in references.iter().filter(|reference| reference.role == Role::Reference) {
            match self.provided.find(reference, from.as_ref()) {
                Some(KeySet::Known(keys)) => {
                    for key in reference.keys.iter().filter(|key| !keys.contains(&key.value) && !reference.optional) {
                        problems.push(self.no_key(manifest, reference, key, &keys));
                    }
                    problems.extend(self.binary_variables(manifest, reference, &keys));
                    problems.extend(self.half_of_bundle(manifest, reference, references));
                    problems.extend(self.other_half(manifest, reference, references));
                    if reference.env_from && self.provided.bundle(reference, from.as_ref()).is_some() {
                        let odd = keys.iter().filter(|key| !is_portable_variable(key));
                        problems.extend(odd.map(|key| self.odd_variable(manifest, reference, key)));
                    }
                }
                Some(KeySet::Any) => {}
                None if reference.optional || has_placeholder(reference) || self.has_nameless() => {}
                None => problems.push(self.no_object(manifest, reference)),
            }
        }
    }

    /// Whether there are manifests whose names are unknown without a key: one of them may be any object.
    fn has_nameless(&self) -> bool {
        *self.nameless.get_or_init(|| manifest::has_nameless(self.resolved))
    }

    /// Reports binary keys where variables are needed: the kubelet does not read variables from `binaryData`.
    fn binary_variables(
        &self,
        manifest: &Manifest,
        reference: &Reference,
        keys: &std::collections::BTreeSet<String>,
    ) -> Vec<Diagnostic> {
        let hint = "mount it as a file, or store it as a base64 string";
        let name = &reference.name.value;
        let is_binary = |key: &&String| self.provided.is_binary(reference, key);
        if reference.env_from {
            let left_out = |key: &String| {
                let message =
                    format!("{} uses `{name}` for environment variables, but `{key}` is binary", manifest.label());
                Diagnostic::warning(Rule::UnportableVariable, message)
                    .at_public(reference.name.place.clone(), PublicReason::Name)
                    .note("Kubernetes silently skips such a key")
                    .hint(hint)
            };
            return keys.iter().filter(is_binary).map(left_out).collect();
        }
        if !reference.path.contains("configMapKeyRef") {
            return Vec::new();
        }
        let wanted = reference.keys.iter().filter(|key| is_binary(&&key.value));
        let problem = |key: &Located<String>| {
            let message = format!(
                "{} uses `{}` of the ConfigMap `{name}` as an environment variable, but it is binary",
                manifest.label(),
                key.value
            );
            Diagnostic::error(Rule::DanglingReference, message)
                .at_public(key.place.clone(), PublicReason::Name)
                .note(
                    "the key is in `binaryData`, which is not used for environment variables: the pod would not start",
                )
                .hint(hint)
        };
        wanted.map(problem).collect()
    }

    /// Error: an object uses one Secret of a bundle as a whole, and not the one that an operator creates beside it.
    fn half_of_bundle(&self, manifest: &Manifest, reference: &Reference, all: &[Reference]) -> Option<Diagnostic> {
        let bundle = &reference.name.value;
        let (beside, _) = self.provided.made_beside(bundle).filter(|_| reference.target == RefKind::Secret)?;
        let is_beside = |other: &&Reference| other.target == RefKind::Secret && other.name.value == beside;
        let has_both = all.iter().filter(is_beside).any(|other| is_same_container(reference, other));
        if has_both || !reference.keys.is_empty() {
            return None;
        }
        let wire = wiring_for(manifest, reference).map(|wiring| format!(", or wire the bundle with `{wiring}`"));
        let message = format!(
            "{} uses the Secret `{bundle}` as a whole, but it contains only a part of `{bundle}`",
            manifest.label()
        );
        Some(
            Diagnostic::warning(Rule::HalfBundle, message)
                .at_public(reference.name.place.clone(), PublicReason::Name)
                .note(format!("its values from the store are in the Secret `{beside}`, which an operator creates"))
                .hint(format!("refer to `{beside}` too{}", wire.unwrap_or_default())),
        )
    }

    /// Warning: an object takes all variables of the ConfigMap of a bundle and nothing of its Secret, or the reverse. A key
    /// that moves between them would be missing there, and nobody would notice before the program does.
    fn other_half(&self, manifest: &Manifest, reference: &Reference, all: &[Reference]) -> Option<Diagnostic> {
        let from = self.provided.namespace_of(manifest);
        self.provided.bundle(reference, from.as_ref()).filter(|_| reference.env_from)?;
        let keys = self.provided.other_half(reference)?;
        let (name, other) = (&reference.name.value, other_kind(reference.target));
        let is_beside = |beside: &&Reference| beside.name.value == *name && is_same_container(reference, beside);
        let mut named = all.iter().filter(is_beside);
        // once for each container
        let is_first = named.clone().find(|beside| beside.env_from).is_some_and(|first| std::ptr::eq(first, reference));
        if !is_first || named.any(|beside| beside.target == other) {
            return None;
        }
        let (target, other) = (reference.target.as_str(), other.as_str());
        let user = match container_of(reference) {
            Some(_) => format!("a container of {}", manifest.label()),
            None => manifest.label(),
        };
        let message = format!("{user} uses all keys of the {target} `{name}`, but none of the {other} `{name}`");
        let shown = keys.iter().take(SHOWN_KEYS);
        let mut error =
            Diagnostic::warning(Rule::HalfBundle, message).at_public(reference.name.place.clone(), PublicReason::Name);
        for key in shown {
            error = error.note(format!("`{key}` is in the {other}{}", self.explain_side(name, key)));
        }
        if keys.len() > SHOWN_KEYS {
            error = error.note(format!("{} more keys are there", keys.len() - SHOWN_KEYS));
        }
        let wire = wiring_for(manifest, reference);
        let wire = wire.map(|wiring| format!(", or wire the bundle: `{wiring}: \"{name}\"` on the pod template"));
        Some(
            error
                .hint(format!("refer to the {other} too{}", wire.unwrap_or_default()))
                .hint("if the keys are for others only, move them to a bundle of their own"),
        )
    }

    fn no_object(&self, manifest: &Manifest, reference: &Reference) -> Diagnostic {
        let (kind, name) = (reference.target.as_str(), &reference.name.value);
        let message =
            format!("`{}` of {} refers to the {kind} `{name}`, which is not defined", reference.path, manifest.label());
        let error = Diagnostic::error(Rule::DanglingReference, message)
            .at_public(reference.name.place.clone(), PublicReason::Name)
            .with_cause(self.provided.lacking_entry(reference).map(|place| Cause::FollowsFrom(vec![place.clone()])));
        let error = if self.provided.is_only_mounted(name) {
            error.note(format!("all secret values of `{name}` are in an external store, and `refs: csi` mounts them"))
        } else if self.provided.is_other_kind(reference) {
            error.note(format!(
                "the bundle `{name}` is only a {} here, and has no values for a {kind}",
                other_kind(reference.target).as_str()
            ))
        } else {
            error
        };
        let is_declared = |external: &&ExternalObject| {
            external.kind == kind && external.name == *name && external.namespace.is_some()
        };
        let declared = self.definition.external.iter().find(is_declared);
        if let Some(namespace) = declared.and_then(|external| external.namespace.as_ref()) {
            return error
                .note(format!("`external` declares one of that name in the namespace `{namespace}`"))
                .hint("remove its `namespace` if it exists in all namespaces, or declare it for this one too");
        }
        if let Some(namespace) = self.provided.elsewhere(reference) {
            return error
                .note(format!("a manifest gives one of that name in the namespace `{namespace}`"))
                .hint(format!("if all objects are in that namespace, set it in the layer: `namespace: {namespace}`"));
        }
        error.maybe_hint(did_you_mean(name, self.provided.names(reference.target))).hint(format!(
            "define a bundle of that name, or declare it as external: `external: [{{ kind: {kind}, name: {name} }}]`"
        ))
    }

    fn no_key(
        &self,
        manifest: &Manifest,
        reference: &Reference,
        key: &Located<String>,
        keys: &std::collections::BTreeSet<String>,
    ) -> Diagnostic {
        let (kind, name) = (reference.target.as_str(), &reference.name.value);
        let message =
            format!("{} uses the key `{}` of the {kind} `{name}`, which does not exist", manifest.label(), key.value);
        let error =
            Diagnostic::error(Rule::DanglingReference, message).at_public(key.place.clone(), PublicReason::Name);
        if self.provided.other_has(reference, &key.value) {
            let side = other_kind(reference.target).as_str();
            let error =
                error.note(format!("`{}` is in the {side} `{name}`{}", key.value, self.explain_side(name, &key.value)));
            return error.hint(format!(
                "refer to the {side}, or wire the whole bundle: `septum.dev/env-from: \"{name}\"` on the pod template"
            ));
        }
        if let Some((beside, _)) = self.provided.made_beside(name).filter(|(_, keys)| keys.contains(&key.value)) {
            return error
                .note(format!(
                    "`{}` is in an external store, so it is in the Secret `{beside}`, which an operator creates",
                    key.value
                ))
                .hint(format!("refer to `{beside}` for this key"));
        }
        if self.provided.is_mounted(name, &key.value) {
            return error
                .note(format!(
                    "`{}` is in an external store, and `refs: csi` mounts it: no Secret contains it",
                    key.value
                ))
                .hint(format!("mount it: `septum.dev/mount: \"{name}:/etc/{name}\"` on the pod template"))
                .hint("or deliver with `refs: external-secret`");
        }
        match entry_of(self.definition, name, &key.value) {
            Some(id) => {
                let is_this = kind_for(self.routing.sensitivity(&id)) == reference.target;
                let entry = self.definition.entry(&id).filter(|_| is_this);
                error
                    .with_cause(entry.map(|entry| Cause::FollowsFrom(vec![entry.defined.clone()])))
                    .note(format!("the key is defined, but has no value in `{}`", self.definition.environment))
                    .hint("set a value, or make the reference `optional: true`")
            }
            None => error.maybe_hint(did_you_mean(&key.value, keys.iter().map(String::as_str))),
        }
    }

    /// Reason why an entry is on its side of the classification boundary.
    fn explain_side(&self, bundle: &str, key: &str) -> String {
        let id = entry_of(self.definition, bundle, key);
        let reason = id.and_then(|id| self.routing.verdict(&id)?.reasons.first().cloned());
        reason.map(|reason| format!(", because: {} ({})", reason.detail, reason.place)).unwrap_or_default()
    }

    fn odd_variable(&self, manifest: &Manifest, reference: &Reference, key: &str) -> Diagnostic {
        let message =
            format!("{} uses `{key}` as an environment variable, but the name is not portable", manifest.label());
        let entry = entry_of(self.definition, &reference.name.value, key).and_then(|id| self.definition.entry(&id));
        let place = entry.map_or_else(|| reference.name.place.clone(), |entry| entry.defined.clone());
        Diagnostic::warning(Rule::UnportableVariable, message)
            .at(place)
            .note("Kubernetes before 1.30 silently skips such keys, and shells cannot reference them")
            .hint("rename it to letters, digits and `_`, or move files to a separate bundle and mount that")
    }
}
