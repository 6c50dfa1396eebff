//! API versions that do not have the kind of an object, or no longer have it.

use super::table;
use crate::diagnostic::{Diagnostic, Rule, nearest_name};
use crate::manifest::Manifest;

/// Versions that the API server no longer serves; an empty list means all kinds.
const REMOVED: [(&str, &[&str]); 21] = [
    ("admissionregistration.k8s.io/v1beta1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("apiextensions.k8s.io/v1beta1", &[]),
    ("apiregistration.k8s.io/v1beta1", &[]),
    ("apps/v1beta1", &[]),
    ("apps/v1beta2", &[]),
    ("autoscaling/v2beta1", &[]),
    ("autoscaling/v2beta2", &[]),
    ("batch/v1beta1", &[]),
    ("batch/v2alpha1", &[]),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    ("coordination.k8s.io/v1beta1", &["Lease"]),
    ("discovery.k8s.io/v1beta1", &[]),
    ("events.k8s.io/v1beta1", &[]),
    ("extensions/v1beta1", &[]),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"]),
    ("node.k8s.io/v1beta1", &[]),
    ("policy/v1beta1", &[]),
    ("rbac.authorization.k8s.io/v1alpha1", &[]),
    ("rbac.authorization.k8s.io/v1beta1", &[]),
    ("scheduling.k8s.io/v1beta1", &[]),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"]),
];

/// Reports an object of a kind that its API version does not have.
///
/// Errors: `invalid-manifest`; warnings: `removed-api`.
pub(in crate::manifest) fn report_kind(manifest: &Manifest) -> Option<Diagnostic> {
    let (version, kind) = (manifest.api_version.as_str(), manifest.kind.as_str());
    let at = |field: &str| manifest.tree.get(field).unwrap_or(&manifest.tree).place.clone();
    let current = current_version(version, kind);
    if is_removed(version, kind) {
        let message = format!("Kubernetes no longer serves `{kind}` in `{version}`");
        let warning = Diagnostic::warning(Rule::RemovedApi, message).at_masked(at("apiVersion"));
        return Some(warning.maybe_hint(current.map(|it| format!("write `apiVersion: {it}`, and compare the fields"))));
    }
    if table::object_structure(version, kind).is_some() {
        return None;
    }
    let error = || Diagnostic::error(Rule::InvalidManifest, format!("unknown kind `{kind}` in `{version}`"));
    match current {
        // third parties define their own kinds in a group with a dot
        Some(current) if is_group_of_kubernetes(version) => {
            Some(error().at_masked(at("apiVersion")).hint(format!("write `apiVersion: {current}`")))
        }
        _ => {
            let near = nearest_name(kind, table::kinds(version))?;
            Some(error().at_masked(at("kind")).hint(format!("did you mean `{near}`?")))
        }
    }
}

fn is_removed(version: &str, kind: &str) -> bool {
    REMOVED.iter().any(|(removed, kinds)| *removed == version && (kinds.is_empty() || kinds.contains(&kind)))
}

/// Whether only Kubernetes itself defines kinds in the group of a version.
fn is_group_of_kubernetes(version: &str) -> bool {
    version.split_once('/').is_none_or(|(group, _)| !group.contains('.'))
}

/// Version that has a kind: of the same group before others, a stable one before others, the newest.
fn current_version(version: &str, kind: &str) -> Option<&'static str> {
    let group = group_of(version);
    let versions = table::versions(kind).filter(|known| !is_removed(known, kind));
    versions.max_by_key(|known| {
        let number = known.rsplit('/').next().unwrap_or_default();
        (group_of(known) == group, !number.contains("alpha"), !number.contains("beta"), *known)
    })
}

fn group_of(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_a_version_that_is_still_served() {
        for (version, kind, expected) in [
            ("app/v1", "Deployment", Some("apps/v1")),
            ("v1", "Deployment", Some("apps/v1")),
            ("apps/v1beta2", "DaemonSet", Some("apps/v1")),
            ("extensions/v1beta1", "Ingress", Some("networking.k8s.io/v1")),
            ("autoscaling/v2beta2", "HorizontalPodAutoscaler", Some("autoscaling/v2")),
            ("batch/v1beta1", "CronJob", Some("batch/v1")),
            ("policy/v1beta1", "PodDisruptionBudget", Some("policy/v1")),
            ("v1", "Ingress", Some("networking.k8s.io/v1")),
            ("apps/v1", "Pod", Some("v1")),
            ("apps/v1", "CloneSet", None),
        ] {
            assert_eq!(current_version(version, kind), expected, "{version} {kind}");
        }
    }

    #[test]
    fn what_is_removed_has_a_successor_or_none_at_all() {
        for (version, kinds) in REMOVED {
            for kind in kinds.iter().copied().chain(table::kinds(version).filter(|_| kinds.is_empty())) {
                let successor = current_version(version, kind);
                assert!(successor.is_none_or(|it| !it.contains("beta")), "{version} {kind}: {successor:?}");
                assert_ne!(successor, Some(version));
            }
        }
    }
}
