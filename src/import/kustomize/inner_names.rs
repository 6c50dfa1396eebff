//! Names of bundles below a prefix or a suffix that only some objects have: it becomes a part of the name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::field_map::Text;
use super::fields::{GeneratorBehavior, GeneratorField};
use super::graph::{EnvironmentRoot, KustomizationGraph, NodeIndex, ResourceItem};
use super::inner_files::{Affixes, with_affixes};
use super::json::text_at;
use super::pair::identity;
use crate::layer::Tree;
use crate::map::{HashMap, HashSet};

/// Prefixes and suffixes that the fields of the app do not give, by kustomization.
#[derive(Default)]
pub(super) struct InnerNames {
    /// None where roots give different ones.
    affixes: HashMap<NodeIndex, Option<Affixes>>,
    /// ConfigMaps and Secrets that kustomize builds, by kind and name, with and without the end that may be a hash.
    objects: HashSet<(String, String)>,
}

/// Length of the hash of kustomize, with its `-`.
const HASH: usize = 11;

impl InnerNames {
    /// Those of all that some roots include, beside what `common` gives to all names of each root.
    pub(super) fn of_roots(
        graph: &KustomizationGraph<'_>,
        roots: &[EnvironmentRoot],
        common: &BTreeMap<String, Affixes>,
        built: &BTreeMap<String, Vec<Json>>,
    ) -> Self {
        let is_affixed = |text: &Option<Text>| text.as_ref().is_some_and(|text| !text.value.is_empty());
        let mut components = graph.nodes.iter().map(|node| &node.content).filter(|content| content.is_component);
        // that of a component is for what was added before it, too
        if components.any(|content| is_affixed(&content.prefix) || is_affixed(&content.suffix)) {
            return Self::default();
        }
        let mut found = Self::default();
        for root in roots {
            let common = common.get(&root.name).cloned().unwrap_or_default();
            found.add(graph, root.node, &Affixes::default(), &common);
            for object in built.get(&root.name).into_iter().flatten() {
                let [_, kind, _, name] = identity(object);
                if matches!(kind, "ConfigMap" | "Secret") {
                    let hash = name.len().checked_sub(HASH).and_then(|start| name.split_at_checked(start));
                    let unhashed = hash.filter(|(_, hash)| hash.starts_with('-')).map(|(name, _)| name);
                    let names = [Some(name), unhashed].into_iter().flatten();
                    let names = names.filter_map(|name| name.strip_prefix(&common.0)?.strip_suffix(&common.1));
                    found.objects.extend(names.map(|name| (kind.to_owned(), name.to_owned())));
                }
            }
        }
        found
    }

    fn add(&mut self, graph: &KustomizationGraph<'_>, index: NodeIndex, above: &Affixes, common: &Affixes) {
        let Some(node) = graph.nodes.get(index) else { return };
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
        let (prefix, suffix) = (text(&node.content.prefix), text(&node.content.suffix));
        let whole = (above.0.clone() + &prefix, suffix + &above.1);
        let inner = whole.0.strip_prefix(&common.0).zip(whole.1.strip_suffix(&common.1));
        let inner = inner.map(|(prefix, suffix)| (prefix.to_owned(), suffix.to_owned()));
        let known = self.affixes.entry(index).or_insert_with(|| inner.clone());
        if *known != inner {
            *known = None;
        }
        let below = node.resources.iter().filter_map(|item| match item {
            ResourceItem::Directory(below) => Some(*below),
            ResourceItem::File(..) => None,
        });
        for below in below.chain(node.components.iter().copied()) {
            self.add(graph, below, &whole, common);
        }
    }

    /// Name of the bundle of a generator.
    pub(super) fn bundle_of(
        &self,
        graph: &KustomizationGraph<'_>,
        index: NodeIndex,
        generator: &GeneratorField,
    ) -> String {
        if generator.behavior == GeneratorBehavior::Create {
            return self.with_affixes(index, &generator.name);
        }
        // one that merges names an object from below by one of the names that it had
        let below = graph.reached(index).into_iter().filter_map(|below| Some((below, graph.nodes.get(below)?)));
        let created = below.flat_map(|(below, node)| node.content.generators.iter().map(move |other| (below, other)));
        let created = created
            .filter(|(_, other)| other.behavior == GeneratorBehavior::Create && other.is_secret == generator.is_secret);
        let named = created.map(|(below, other)| (other, self.with_affixes(below, &other.name)));
        let mut named = named.filter(|(other, name)| [&other.name, name].contains(&&generator.name));
        match (named.next(), named.next()) {
            (Some((_, name)), None) => name,
            _ => generator.name.clone(),
        }
    }

    /// Text of a file of objects of a kustomization, with the prefix and the suffix in the names.
    pub(super) fn rename_in(&self, index: NodeIndex, text: &str, documents: &[&Tree]) -> String {
        match self.affixes.get(&index) {
            Some(Some(affixes)) if *affixes != Affixes::default() => {
                let is_object = |kind: &str, name: &str| self.objects.contains(&(kind.to_owned(), name.to_owned()));
                with_affixes(text, documents, affixes, is_object)
            }
            _ => text.to_owned(),
        }
    }

    /// Adds to the name in the target of a patch the prefix and the suffix of its kustomization, or those of all copied
    /// files if it has none; once.
    pub(super) fn affix_target(&self, target: &mut Json, node: Option<NodeIndex>) {
        let name = text_at(target, "/name");
        let own = node.and_then(|node| self.affixes.get(&node)?.as_ref()).filter(|own| **own != Affixes::default());
        let affixes: BTreeSet<_> = match own {
            Some(own) => BTreeSet::from([own]),
            None => self.affixes.values().flatten().filter(|affixes| **affixes != Affixes::default()).collect(),
        };
        let is_affixed =
            affixes.iter().any(|(prefix, suffix)| name.starts_with(prefix.as_str()) && name.ends_with(suffix.as_str()));
        if name.is_empty() || affixes.is_empty() || is_affixed {
            return;
        }
        let names: Vec<_> = affixes.iter().map(|(prefix, suffix)| format!("{prefix}{name}{suffix}")).collect();
        target["name"] = Json::from(names.join("|"));
    }

    fn with_affixes(&self, index: NodeIndex, name: &str) -> String {
        match self.affixes.get(&index) {
            Some(Some((prefix, suffix))) => format!("{prefix}{name}{suffix}"),
            _ => name.to_owned(),
        }
    }
}
