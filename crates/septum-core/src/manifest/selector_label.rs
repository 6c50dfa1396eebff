//! Labels on objects, selectors and pod templates: `selectorLabels`, which does what `commonLabels` of kustomize does.

use std::collections::BTreeMap;

use super::identity::Manifest;
use crate::layer::{Tree, TreeKind};

/// Place of labels in an object.
struct LabelField {
    /// Kinds that have it; empty for any.
    kinds: &'static [&'static str],
    /// API group; empty for any.
    group: &'static str,
    /// Path of the mapping of labels; `[]` enters the items of a list.
    path: &'static str,
    /// Whether the mapping is created if it is missing.
    create: bool,
}

const fn created(kinds: &'static [&'static str], group: &'static str, path: &'static str) -> LabelField {
    LabelField { kinds, group, path, create: true }
}

const fn existing(kinds: &'static [&'static str], group: &'static str, path: &'static str) -> LabelField {
    LabelField { kinds, group, path, create: false }
}

/// Workloads whose selectors of other pods follow.
const REPLICATED: [&str; 2] = ["Deployment", "StatefulSet"];

/// Places of labels, as kustomize has them for `commonLabels`.
const FIELDS: [LabelField; 22] = [
    created(&[], "", "metadata.labels"),
    created(&["Service", "ReplicationController"], "core", "spec.selector"),
    created(&["Deployment", "ReplicaSet", "DaemonSet"], "", "spec.selector.matchLabels"),
    created(&["StatefulSet"], "apps", "spec.selector.matchLabels"),
    created(&["StatefulSet"], "apps", "spec.volumeClaimTemplates[].metadata.labels"),
    created(&["ReplicationController"], "core", "spec.template.metadata.labels"),
    created(&["Deployment", "ReplicaSet", "DaemonSet"], "", "spec.template.metadata.labels"),
    created(&["StatefulSet"], "apps", "spec.template.metadata.labels"),
    created(&["Job"], "batch", "spec.template.metadata.labels"),
    created(&["CronJob"], "batch", "spec.jobTemplate.metadata.labels"),
    created(&["CronJob"], "batch", "spec.jobTemplate.spec.template.metadata.labels"),
    existing(&["Job"], "batch", "spec.selector.matchLabels"),
    existing(&["CronJob"], "batch", "spec.jobTemplate.spec.selector.matchLabels"),
    existing(&["PodDisruptionBudget"], "policy", "spec.selector.matchLabels"),
    existing(&["NetworkPolicy"], "networking.k8s.io", "spec.podSelector.matchLabels"),
    existing(&["NetworkPolicy"], "networking.k8s.io", "spec.ingress[].from[].podSelector.matchLabels"),
    existing(&["NetworkPolicy"], "networking.k8s.io", "spec.egress[].to[].podSelector.matchLabels"),
    existing(&REPLICATED, "apps", "spec.template.spec.topologySpreadConstraints[].labelSelector.matchLabels"),
    existing(
        &REPLICATED,
        "apps",
        "spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[].labelSelector.matchLabels",
    ),
    existing(
        &REPLICATED,
        "apps",
        "spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].labelSelector.matchLabels",
    ),
    existing(
        &REPLICATED,
        "apps",
        "spec.template.spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm.labelSelector.matchLabels",
    ),
    existing(
        &REPLICATED,
        "apps",
        "spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm.labelSelector.matchLabels",
    ),
];

/// Adds labels to an object, its selectors and its pod templates.
pub(super) fn add_selector_labels(manifest: &mut Manifest, labels: &BTreeMap<String, String>) {
    if labels.is_empty() {
        return;
    }
    let (kind, group) = (manifest.kind.clone(), manifest.group().to_owned());
    let is_of = |field: &&LabelField| {
        (field.kinds.is_empty() || field.kinds.contains(&kind.as_str()))
            && match field.group {
                "" => true,
                "core" => group.is_empty(),
                other => group == other,
            }
    };
    for field in FIELDS.iter().filter(is_of) {
        let path: Vec<_> = field.path.split('.').collect();
        add_at(&mut manifest.tree, &path, field.create, labels);
    }
}

fn add_at(tree: &mut Tree, path: &[&str], create: bool, labels: &BTreeMap<String, String>) {
    let Some((step, rest)) = path.split_first() else {
        let place = tree.place.clone();
        if let TreeKind::Map(map) = &mut tree.kind {
            map.extend(labels.iter().map(|(key, value)| (key.clone(), Tree::text(value, &place))));
        }
        return;
    };
    match step.strip_suffix("[]") {
        Some(key) => {
            let items = tree.at_mut(&[key]).map(|list| &mut list.kind);
            if let Some(TreeKind::List(items)) = items {
                for item in items {
                    add_at(item, rest, create, labels);
                }
            }
        }
        None => {
            if create && tree.map_under(step).is_none() {
                return;
            }
            if let Some(below) = tree.at_mut(&[step]) {
                add_at(below, rest, create, labels);
            }
        }
    }
}
