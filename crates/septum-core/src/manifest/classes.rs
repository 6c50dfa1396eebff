//! Fields of pods that name a SecretProviderClass, with which a driver mounts values from a store.

use crate::layer::tree::join_path;
use crate::layer::{Tree, TreeKind};

/// Name of the driver in a volume.
pub(super) const DRIVER: &str = "secrets-store.csi.k8s.io";
/// Field of `volumeAttributes` that names the class.
pub(super) const CLASS: &str = "secretProviderClass";

/// Visits the names of classes in an object of any kind, each with its path.
pub fn visit_class_names(tree: &mut Tree, visit: &mut dyn FnMut(&str, &mut Tree)) {
    visit_below(tree, "", visit);
}

fn visit_below(tree: &mut Tree, path: &str, visit: &mut dyn FnMut(&str, &mut Tree)) {
    match &mut tree.kind {
        TreeKind::Map(map) => {
            for (key, value) in map {
                let path = join_path(path, key);
                if key == "csi" && value.get("driver").and_then(Tree::as_text) == Some(DRIVER) {
                    if let Some(name) = value.at_mut(&["volumeAttributes", CLASS]) {
                        visit(&format!("{path}.volumeAttributes.{CLASS}"), name);
                    }
                } else {
                    visit_below(value, &path, visit);
                }
            }
        }
        TreeKind::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                visit_below(item, &format!("{path}[{index}]"), visit);
            }
        }
        TreeKind::Leaf(_) => {}
    }
}

/// Gives classes other names.
pub fn rename_classes(tree: &mut Tree, new_name: &dyn Fn(&str) -> Option<String>) {
    visit_class_names(tree, &mut |_, leaf| {
        if let Some(name) = leaf.as_text().and_then(new_name) {
            *leaf = Tree::text(&name, &leaf.place);
        }
    });
}
