//! Objects of a cluster that others use.
//!
//! More counts as a use than the fields that name ConfigMaps and Secrets: any text that contains the name of an object is
//! one too, so that operators which nobody knows keep what they need. Names with a hash do not occur by chance.

use super::cluster::ClusterObject;
use super::read::words;
use crate::layer::{Tree, TreeKind};
use crate::manifest::references::{RefKind, ReferenceRules, Role, find_references};
use crate::map::{HashMap, HashSet};

/// Kinds that refer to objects of their own namespace alone, beside those that are evidence.
const LOCAL: [&str; 1] = ["ServiceAccount"];

/// Uses of objects.
#[derive(Debug, Default)]
pub(super) struct ObjectUsage {
    /// Kind, namespace and name of objects in the fields for them.
    references: HashSet<(RefKind, Option<String>, String)>,
    /// Names in other texts, each with the namespaces in which it is a use; `None` means all.
    mentions: HashMap<String, HashSet<Option<String>>>,
}

impl ObjectUsage {
    /// Uses of objects with these names.
    pub(super) fn of(objects: &[ClusterObject], names: &HashSet<&str>, rules: &ReferenceRules) -> Self {
        let mut usage = Self::default();
        for object in objects {
            for reference in find_references(&object.tree, rules) {
                if reference.role == Role::Reference {
                    let namespace = reference.namespace.or_else(|| object.namespace.clone());
                    usage.references.insert((reference.target, namespace, reference.name.value));
                }
            }
            let mut found = HashSet::default();
            find_mentions(&object.tree, names, &mut found);
            // an object that is made for another has its name
            found.remove(object.name.as_str());
            let is_local = object.is_evidence() || LOCAL.contains(&object.kind.as_str());
            let namespace = object.namespace.clone().filter(|_| is_local);
            for name in found {
                usage.mentions.entry(name.to_owned()).or_default().insert(namespace.clone());
            }
        }
        usage
    }

    /// Adds a use by an object that is not in the cluster yet.
    pub(super) fn add(&mut self, kind: RefKind, namespace: Option<String>, name: String) {
        self.references.insert((kind, namespace, name));
    }

    /// Whether anything uses an object.
    pub(super) fn contains(&self, kind: RefKind, namespace: Option<&str>, name: &str) -> bool {
        let here = namespace.map(str::to_owned);
        let is_mentioned = || {
            let everywhere =
                |namespaces: &HashSet<Option<String>>| namespaces.contains(&None) || namespaces.contains(&here);
            self.mentions.get(name).is_some_and(everywhere)
        };
        [&here, &None].into_iter().any(|of| self.references.contains(&(kind, of.clone(), name.to_owned())))
            || is_mentioned()
    }
}

/// Adds the names that occur in keys and texts.
fn find_mentions<'n>(tree: &Tree, names: &HashSet<&'n str>, found: &mut HashSet<&'n str>) {
    let mut look = |text: &str| found.extend(words(text).filter_map(|word| names.get(word).copied()));
    match &tree.kind {
        TreeKind::Leaf(scalar) => look(scalar.text()),
        TreeKind::List(items) => items.iter().for_each(|item| find_mentions(item, names, found)),
        TreeKind::Map(map) => {
            map.keys().for_each(|key| look(key));
            map.values().for_each(|value| find_mentions(value, names, found));
        }
    }
}
