//! Prefix and suffix of the names of an app's objects; references follow.

use super::classes::rename_classes;
use super::identity::Manifest;
use super::references::{OWN_NAME, ReferenceRules, Role, find_references, rewrite_references};
use super::scope::is_namespaced;
use super::wiring::template_of;
use crate::layer::{NameAffixes, Tree, TreeKind};
use crate::map::HashMap;

/// Kinds that keep their names, as in kustomize: others refer to them by names that are part of an API.
const KEPT: [&str; 3] = ["APIService", "CustomResourceDefinition", "Namespace"];

/// Whether objects of a kind keep their names.
pub fn keeps_name(kind: &str) -> bool {
    KEPT.contains(&kind)
}

/// Field that names another object.
struct NameField {
    /// Kind of the object that has the field; empty for any pod template.
    owner: &'static str,
    /// Path of the field; lists on the way are entered. In a pod template, it starts at the `spec` of the pod.
    path: &'static str,
    /// Kind of the named object; empty if the field `kind` beside the name tells it.
    target: &'static str,
}

const fn field(owner: &'static str, path: &'static str, target: &'static str) -> NameField {
    NameField { owner, path, target }
}

/// Fields that name objects other than ConfigMaps and Secrets: those that kustomize renames.
const FIELDS: [NameField; 23] = [
    field("", "serviceAccountName", "ServiceAccount"),
    field("", "priorityClassName", "PriorityClass"),
    field("", "volumes.persistentVolumeClaim.claimName", "PersistentVolumeClaim"),
    field("StatefulSet", "spec.serviceName", "Service"),
    field("StatefulSet", "spec.volumeClaimTemplates.spec.storageClassName", "StorageClass"),
    field("Ingress", "spec.rules.http.paths.backend.serviceName", "Service"),
    field("Ingress", "spec.rules.http.paths.backend.service.name", "Service"),
    field("Ingress", "spec.backend.serviceName", "Service"),
    field("Ingress", "spec.defaultBackend.service.name", "Service"),
    field("Ingress", "spec.ingressClassName", "IngressClass"),
    field("APIService", "spec.service.name", "Service"),
    field("ValidatingWebhookConfiguration", "webhooks.clientConfig.service.name", "Service"),
    field("MutatingWebhookConfiguration", "webhooks.clientConfig.service.name", "Service"),
    field("HTTPRoute", "spec.rules.backendRefs.name", "Service"),
    field("RoleBinding", "roleRef.name", ""),
    field("RoleBinding", "subjects.name", ""),
    field("ClusterRoleBinding", "roleRef.name", ""),
    field("ClusterRoleBinding", "subjects.name", ""),
    field("HorizontalPodAutoscaler", "spec.scaleTargetRef.name", ""),
    field("PersistentVolumeClaim", "spec.volumeName", "PersistentVolume"),
    field("PersistentVolumeClaim", "spec.storageClassName", "StorageClass"),
    field("PersistentVolume", "spec.storageClassName", "StorageClass"),
    field("ClusterRole", "rules.resourceNames", "PersistentVolume"),
];

/// Adds prefix and suffix to the names of manifests, and to the references among them.
///
/// References to objects of bundles follow with the names of those objects. `namespace` is that of the app, which objects
/// without one will get.
pub fn add_affixes(manifests: &mut [Manifest], affixes: &NameAffixes, namespace: Option<&str>, rules: &ReferenceRules) {
    if affixes.is_empty() {
        return;
    }
    let mut renamed: HashMap<(String, String), Vec<Option<String>>> = HashMap::default();
    for manifest in manifests.iter().filter(|manifest| !keeps_name(&manifest.kind)) {
        let namespaces = renamed.entry((manifest.kind.clone(), manifest.name.clone())).or_default();
        namespaces.push(manifest.namespace.clone());
        // what a controller makes under the same name
        for made in find_references(&manifest.tree, rules) {
            if made.role == Role::Output && made.path == OWN_NAME {
                let namespaces = renamed.entry((made.target.as_str().to_owned(), made.name.value)).or_default();
                namespaces.push(manifest.namespace.clone());
            }
        }
    }
    let of_app = namespace;
    for manifest in manifests {
        let own = manifest.namespace.clone();
        let new_name = |kind: &str, name: &str, namespace: Option<&str>| {
            let namespaces = renamed.get(&(kind.to_owned(), name.to_owned()))?;
            let is_there = |found: &Option<String>| match (found.as_deref(), namespace.or(own.as_deref())) {
                (Some(found), Some(namespace)) => found == namespace,
                // objects without a namespace get that of the app, or may be in any
                (None, _) => match (of_app.filter(|_| is_namespaced(kind)), namespace) {
                    (Some(of_app), Some(namespace)) => namespace == of_app || namespace == "default",
                    _ => true,
                },
                (_, None) => true,
            };
            namespaces.iter().any(is_there).then(|| affixes.apply(name))
        };
        rewrite_references(&mut manifest.tree, rules, |reference| {
            new_name(reference.target.as_str(), &reference.name.value, reference.namespace.as_deref())
        });
        let pod = template_of(&manifest.kind).and_then(|path| manifest.tree.at_mut(path)?.at_mut(&["spec"]));
        if let Some(pod) = pod {
            for field in FIELDS.iter().filter(|field| field.owner.is_empty()) {
                rename_at(pod, field.path, field.target, &new_name);
            }
        }
        rename_classes(&mut manifest.tree, &|name| new_name("SecretProviderClass", name, None));
        for field in FIELDS.iter().filter(|field| field.owner == manifest.kind) {
            rename_at(&mut manifest.tree, field.path, field.target, &new_name);
        }
        if !keeps_name(&manifest.kind) {
            manifest.name = affixes.apply(&manifest.name);
            if let Some(metadata) = manifest.tree.map_under("metadata")
                && let Some(name) = metadata.get_mut("name")
            {
                *name = Tree::text(&manifest.name, &name.place);
            }
        }
    }
}

/// Renames the objects that a path of keys names; `target` is their kind, or empty if a field beside the name tells it.
fn rename_at(
    tree: &mut Tree,
    path: &str,
    target: &str,
    new_name: &impl Fn(&str, &str, Option<&str>) -> Option<String>,
) {
    match &mut tree.kind {
        TreeKind::List(items) => items.iter_mut().for_each(|item| rename_at(item, path, target, new_name)),
        TreeKind::Map(map) => match path.split_once('.') {
            Some((key, rest)) => {
                if let Some(below) = map.get_mut(key) {
                    rename_at(below, rest, target, new_name);
                }
            }
            None => {
                let text = |key: &str| map.get(key).and_then(Tree::as_text);
                let kind = if target.is_empty() { text("kind") } else { Some(target) };
                let kind = kind.unwrap_or_default().to_owned();
                let namespace = text("namespace").map(str::to_owned);
                match map.get_mut(path) {
                    Some(Tree { kind: TreeKind::List(items), .. }) => {
                        for item in items {
                            rename_leaf(item, &kind, namespace.as_deref(), new_name);
                        }
                    }
                    Some(leaf) => rename_leaf(leaf, &kind, namespace.as_deref(), new_name),
                    None => {}
                }
            }
        },
        TreeKind::Leaf(_) => {}
    }
}

fn rename_leaf(
    leaf: &mut Tree,
    kind: &str,
    namespace: Option<&str>,
    new_name: &impl Fn(&str, &str, Option<&str>) -> Option<String>,
) {
    if let Some(name) = leaf.as_text().and_then(|name| new_name(kind, name, namespace)) {
        *leaf = Tree::text(&name, &leaf.place);
    }
}
