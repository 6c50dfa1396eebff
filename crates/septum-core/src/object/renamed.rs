//! Names that the objects of a target get in the output, and references to them.

use super::{ExternalBundle, Object, ObjectKind};
use crate::layer::Tree;
use crate::manifest;
use crate::manifest::references::{RefKind, Reference, ReferenceRules, rewrite_references};
use crate::map::{HashMap, HashSet};
use crate::test_hook::count_work;

/// Objects of bundles whose names differ from those that references are written with.
#[derive(Debug, Default)]
pub(super) struct RenamedObjects {
    /// Names in the output by kind and written name.
    names: HashMap<RefKind, HashMap<String, String>>,
    /// Names in the output of classes that a driver mounts.
    classes: HashMap<String, String>,
    /// Objects whose names depend on values that were not decrypted.
    nameless: HashMap<RefKind, HashSet<String>>,
}

impl RenamedObjects {
    /// Adds the objects of a target. Of two with the same written name, the first one counts.
    pub(super) fn add<'a>(&mut self, objects: impl IntoIterator<Item = &'a Object>, external: &[ExternalBundle]) {
        for object in objects {
            let kind = ref_kind(object.kind);
            if !object.is_named {
                self.nameless.entry(kind).or_default().insert(object.base_name.clone());
            }
            self.add_name(kind, &object.base_name, &object.name);
        }
        for part in external {
            if part.makes_secret() {
                self.add_name(RefKind::Secret, &part.written_name, &part.name);
            } else if part.written_name != part.name {
                self.classes.entry(part.written_name.clone()).or_insert_with(|| part.name.clone());
            }
        }
    }

    fn add_name(&mut self, kind: RefKind, written: &str, name: &str) {
        if written != name {
            let names = self.names.entry(kind).or_default();
            names.entry(written.to_owned()).or_insert_with(|| name.to_owned());
        }
    }

    /// Whether the name of some object is not known.
    pub(super) fn has_nameless(&self) -> bool {
        !self.nameless.is_empty()
    }

    /// Whether a reference is to an object whose name is not known.
    pub(super) fn is_nameless(&self, reference: &Reference) -> bool {
        self.nameless.get(&reference.target).is_some_and(|names| names.contains(&reference.name.value))
    }

    /// All written names that are replaced.
    pub(super) fn written_names(&self) -> HashSet<String> {
        self.names.values().flat_map(HashMap::keys).cloned().collect()
    }

    /// Replaces written names in an object: those of classes, and those in references that are to objects here.
    pub(super) fn rename_in(&self, tree: &mut Tree, rules: &ReferenceRules, is_here: impl Fn(&Reference) -> bool) {
        if !self.classes.is_empty() {
            manifest::rename_classes(tree, &|name| self.classes.get(name).cloned());
        }
        if !self.names.is_empty() {
            rewrite_references(tree, rules, |reference| {
                count_work(1);
                let name = self.names.get(&reference.target)?.get(&reference.name.value)?;
                is_here(reference).then(|| name.clone())
            });
        }
    }
}

/// Kind of references to an object.
pub(super) fn ref_kind(kind: ObjectKind) -> RefKind {
    match kind {
        ObjectKind::ConfigMap => RefKind::ConfigMap,
        ObjectKind::Secret => RefKind::Secret,
    }
}
