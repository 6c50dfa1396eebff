//! Namespaces of references: a service account or a service of the app is named where it is deployed.

use super::identity::Manifest;
use crate::layer::{Tree, TreeKind};
use crate::map::HashSet;

/// Namespace of an object without one, as kustomize compares them.
const DEFAULT: &str = "default";

/// Service accounts and services of an app: kind, name, and the namespace that their files give them.
#[derive(Debug, Default)]
pub struct MovedObjects(HashSet<(String, String, String)>);

/// Fields that name a service together with its namespace, by the kind of their object.
const SERVICES: [(&str, &[&str]); 4] = [
    ("APIService", &["spec", "service"]),
    ("CustomResourceDefinition", &["spec", "conversion", "webhook", "clientConfig", "service"]),
    ("MutatingWebhookConfiguration", &["webhooks", "clientConfig", "service"]),
    ("ValidatingWebhookConfiguration", &["webhooks", "clientConfig", "service"]),
];

impl MovedObjects {
    /// The objects of an app, before they get its namespace.
    pub fn of(manifests: &[Manifest]) -> Self {
        let named = manifests.iter().filter(|manifest| matches!(&*manifest.kind, "ServiceAccount" | "Service"));
        let namespace = |manifest: &Manifest| manifest.namespace.clone().unwrap_or_else(|| DEFAULT.to_owned());
        Self(named.map(|manifest| (manifest.kind.clone(), manifest.name.clone(), namespace(manifest))).collect())
    }

    fn has(&self, kind: &str, name: &str, namespace: &str) -> bool {
        self.0.contains(&(kind.to_owned(), name.to_owned(), namespace.to_owned()))
    }

    /// Sets the namespace of the app in references to its objects, and of service accounts that are named without one.
    pub(super) fn follow(&self, manifest: &mut Manifest, namespace: &str) {
        if manifest.kind.ends_with("RoleBinding")
            && let Some(subjects) = manifest.tree.at_mut(&["subjects"])
        {
            for_each_at(subjects, &[], &mut |subject| {
                if text(subject, "kind") == "ServiceAccount" {
                    let is_moved = self.has("ServiceAccount", text(subject, "name"), text(subject, "namespace"));
                    set_namespace(subject, namespace, is_moved);
                }
            });
        }
        let services = SERVICES.iter().filter(|(kind, _)| *kind == manifest.kind);
        for (_, path) in services {
            for_each_at(&mut manifest.tree, path, &mut |service| {
                if self.has("Service", text(service, "name"), text(service, "namespace")) {
                    set_namespace(service, namespace, true);
                }
            });
        }
    }
}

fn text<'t>(tree: &'t Tree, key: &str) -> &'t str {
    tree.get(key).and_then(Tree::as_text).unwrap_or_default()
}

/// Calls `visit` with each mapping at a path; lists on the way are entered.
fn for_each_at(tree: &mut Tree, path: &[&str], visit: &mut impl FnMut(&mut Tree)) {
    match (&mut tree.kind, path.split_first()) {
        (TreeKind::List(items), _) => items.iter_mut().for_each(|item| for_each_at(item, path, visit)),
        (TreeKind::Map(_), None) => visit(tree),
        (TreeKind::Map(map), Some((key, rest))) => {
            if let Some(below) = map.get_mut(*key) {
                for_each_at(below, rest, visit);
            }
        }
        (TreeKind::Leaf(_), _) => {}
    }
}

/// Sets the namespace of a reference: one that is there only if `is_moved`.
fn set_namespace(reference: &mut Tree, namespace: &str, is_moved: bool) {
    let place = reference.place.clone();
    let TreeKind::Map(map) = &mut reference.kind else { return };
    match map.get_mut("namespace") {
        Some(known) if is_moved => *known = Tree::text(namespace, &known.place),
        Some(_) => {}
        None => _ = map.insert("namespace".to_owned(), Tree::text(namespace, &place)),
    }
}
