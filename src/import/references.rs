//! ConfigMaps and Secrets that imported objects refer to and that were not part of the input.

use std::collections::BTreeSet;

use crate::layer::Tree;
use crate::manifest::references::{ReferenceRules, Role, find_references};
use crate::sort::CollectSorted;
use crate::value::OutputValue;

/// ConfigMap or Secret that is managed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingObject {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Namespace of the object that refers to it, or written in the reference.
    pub namespace: Option<String>,
}

impl MissingObject {
    /// Item of `external` in a layer.
    pub fn to_field(&self) -> OutputValue<'_> {
        let mut fields =
            vec![("kind", OutputValue::text(self.kind.as_str())), ("name", OutputValue::text(self.name.as_str()))];
        fields.extend(self.namespace.as_deref().map(|namespace| ("namespace", OutputValue::text(namespace))));
        OutputValue::map(fields)
    }
}

/// Objects that `objects` refer to and that are not among them.
pub fn find_missing_objects(objects: &[Tree], rules: &ReferenceRules) -> BTreeSet<MissingObject> {
    let field = |object: &Tree, keys: &[&str]| object.at(keys).and_then(Tree::as_text).map(str::to_owned);
    let mut defined = BTreeSet::new();
    let mut named = Vec::new();
    for object in objects {
        let namespace = field(object, &["metadata", "namespace"]);
        if let (Some(kind), Some(name)) = (field(object, &["kind"]), field(object, &["metadata", "name"])) {
            defined.insert((kind, name, namespace.clone()));
        }
        for reference in find_references(object, rules) {
            let namespace = reference.namespace.clone().or_else(|| namespace.clone());
            let kind = reference.target.as_str().to_owned();
            let target = (kind, reference.name.value.clone(), namespace);
            match reference.role {
                Role::Reference if !reference.optional => named.push(target),
                Role::Reference => {}
                Role::Output => {
                    defined.insert(target);
                }
            }
        }
    }
    let missing = named.into_iter().filter(|target| !defined.contains(target));
    missing.map(|(kind, name, namespace)| MissingObject { kind, name, namespace }).collect_set()
}
