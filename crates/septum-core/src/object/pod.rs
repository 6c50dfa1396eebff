//! Interactions between the parts of a pod: unreadable files, variables that shadow others.

use std::collections::BTreeMap;

use super::provide::{KeySet, ObjectIndex};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::layer::Tree;
use crate::manifest::references::{RefKind, Reference, Role};
use crate::manifest::{Manifest, pod_template};
use crate::span::{Located, Location};

/// Mode bits that let the group and others read.
const SHARED_READ: u32 = 0o044;

/// Warnings: `shadowed-variable`, `unreadable-mount`.
pub(super) fn check_pods(manifest: &Manifest, provided: &ObjectIndex, problems: &mut Diagnostics) {
    let Some(spec) = pod_template(&manifest.kind).and_then(|path| manifest.tree.at(path)?.get("spec")) else { return };
    let from = provided.namespace_of(manifest);
    for container in containers(spec) {
        problems.extend(shadowed_variables(manifest, container, provided, from.as_ref()));
    }
    problems.extend(unreadable_mounts(manifest, spec));
}

fn containers(spec: &Tree) -> impl Iterator<Item = &Tree> {
    ["initContainers", "containers"].into_iter().filter_map(|field| spec.get(field)?.as_list()).flatten()
}

fn text_at<'t>(tree: &'t Tree, path: &[&str]) -> Option<&'t str> {
    tree.at(path)?.as_text()
}

/// Keys provided by two sources of a container's variables: the later source wins silently.
fn shadowed_variables(
    manifest: &Manifest,
    container: &Tree,
    provided: &ObjectIndex,
    from: Option<&String>,
) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut found = Vec::new();
    for source in container.get("envFrom").and_then(Tree::as_list).unwrap_or_default() {
        let prefix = text_at(source, &["prefix"]).unwrap_or_default();
        for (field, target) in [("configMapRef", RefKind::ConfigMap), ("secretRef", RefKind::Secret)] {
            let Some(name) = source.at(&[field, "name"]) else { continue };
            let Some(reference) = reference_to(target, name) else { continue };
            let Some(KeySet::Known(keys)) = provided.find(&reference, from) else { continue };
            let label = format!("the {} `{}`", target.as_str(), reference.name.value);
            let mut hidden = Vec::new();
            for key in keys {
                if let Some(other) =
                    first.insert(format!("{prefix}{key}"), label.clone()).filter(|other| *other != label)
                {
                    hidden.push((format!("{prefix}{key}"), other));
                }
            }
            found.extend(shadowed_diagnostic(manifest, &hidden, &label, &name.place));
        }
    }
    found
}

fn shadowed_diagnostic(
    manifest: &Manifest,
    hidden: &[(String, String)],
    label: &str,
    place: &Location,
) -> Option<Diagnostic> {
    let (_, other) = hidden.first()?;
    let keys: Vec<_> = hidden.iter().filter(|(_, of)| of == other).map(|(key, _)| format!("`{key}`")).collect();
    let message =
        format!("{} gets the environment variable {} from both {other} and {label}", manifest.label(), keys.join(", "));
    Some(
        Diagnostic::warning(Rule::ShadowedVariable, message)
            .at_public(place.clone(), PublicReason::Name)
            .note("the later source takes precedence, and the other is silently ignored")
            .hint("rename one, remove one, or add a `prefix` to one source"),
    )
}

fn reference_to(target: RefKind, name: &Tree) -> Option<Reference> {
    Some(Reference {
        target,
        name: Located { value: name.as_text()?.to_owned(), place: name.place.clone() },
        namespace: None,
        keys: Vec::new(),
        optional: false,
        role: Role::Reference,
        path: String::new(),
        env_from: true,
    })
}

/// Secrets mounted with root-only permissions in a pod that runs as another user.
fn unreadable_mounts(manifest: &Manifest, spec: &Tree) -> Vec<Diagnostic> {
    let has_group = spec.at(&["securityContext", "fsGroup"]).is_some_and(|group| group.as_text().is_some());
    if has_group {
        return Vec::new();
    }
    let volumes = spec.get("volumes").and_then(Tree::as_list).unwrap_or_default();
    let mut found = Vec::new();
    for volume in volumes {
        let (Some(name), Some(source)) = (text_at(volume, &["name"]), secret_source(volume)) else { continue };
        let modes = file_modes(source);
        let Some(mode) = modes.into_iter().find(|mode| mode.0 & SHARED_READ == 0) else { continue };
        let Some(container) = containers(spec).find(|it| mounts_volume(it, name) && runs_as_other(spec, it)) else {
            continue;
        };
        let container = text_at(container, &["name"]).unwrap_or_default();
        let message = format!(
            "the container `{container}` of {} does not run as root, so it cannot read the Secret in the volume `{name}`",
            manifest.label()
        );
        found.push(
            Diagnostic::warning(Rule::UnreadableMount, message)
                .at_masked(mode.1.clone())
                .note("its files are owned by root, and their mode grants no access to others")
                .hint("set `securityContext: { fsGroup: NUMBER }` on the pod, which grants read access to that group")
                .hint("or grant read access to others: `defaultMode: 0444`"),
        );
    }
    found
}

/// Part of a volume that mounts a Secret.
fn secret_source(volume: &Tree) -> Option<&Tree> {
    let of_projected = |projected: &&Tree| {
        let sources = projected.get("sources").and_then(Tree::as_list).unwrap_or_default();
        sources.iter().any(|source| source.get("secret").is_some())
    };
    volume.get("secret").or_else(|| volume.get("projected").filter(of_projected))
}

/// Modes set for files, with their locations. Without one, everybody may read.
fn file_modes(source: &Tree) -> Vec<(u32, &Location)> {
    let sources = source.get("sources").and_then(Tree::as_list).unwrap_or_default();
    let items = sources.iter().filter_map(|source| source.at(&["secret", "items"])).chain(source.get("items"));
    let of_items = items.filter_map(Tree::as_list).flatten().filter_map(|item| item.get("mode"));
    let given = source.get("defaultMode").into_iter().chain(of_items);
    given.filter_map(|tree| Some((tree.as_text().and_then(parse_mode)?, &tree.place))).collect()
}

/// Parses a mode as kubectl does: octal with a leading zero (or `0o`), otherwise decimal.
fn parse_mode(text: &str) -> Option<u32> {
    match text.strip_prefix("0o").or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty())) {
        Some(octal) => u32::from_str_radix(octal, 8).ok(),
        None => text.parse().ok(),
    }
}

fn mounts_volume(container: &Tree, volume: &str) -> bool {
    let mounts = container.get("volumeMounts").and_then(Tree::as_list).unwrap_or_default();
    mounts.iter().any(|mount| text_at(mount, &["name"]) == Some(volume))
}

/// Whether a container certainly runs as a user other than root: its own settings override those of the pod.
fn runs_as_other(spec: &Tree, container: &Tree) -> bool {
    let of = |field: &str| {
        text_at(container, &["securityContext", field]).or_else(|| text_at(spec, &["securityContext", field]))
    };
    match of("runAsUser") {
        Some(user) => user != "0",
        None => of("runAsNonRoot") == Some("true"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_mode;

    #[test]
    fn modes_are_those_that_kubectl_reads() {
        for (text, expected) in [
            ("0400", Some(0o400)),
            ("0o400", Some(0o400)),
            ("256", Some(0o400)),
            ("0", Some(0)),
            ("0444", Some(0o444)),
            ("x", None),
            ("08", None),
        ] {
            assert_eq!(parse_mode(text), expected, "{text}");
        }
    }
}
