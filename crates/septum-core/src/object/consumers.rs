//! Workloads that use the entries of an environment.

use std::collections::BTreeSet;

use super::provide::ObjectIndex;
use crate::diagnostic::Diagnostics;
use crate::manifest;
use crate::manifest::references::{RefKind, ReferenceRules, find_references};
use crate::name::EntryId;
use crate::resolve::ResolvedTarget;
use crate::route::Routing;
use crate::sort::CollectSorted;

/// Consumers of the entries of an environment: manifests, with the path in each.
#[derive(Debug)]
pub struct ConsumerIndex {
    found: Vec<EntryConsumer>,
}

/// Field of a manifest that refers to an object of a bundle.
#[derive(Debug)]
struct EntryConsumer {
    bundle: String,
    /// Keys of the object that it uses.
    keys: BTreeSet<String>,
    label: String,
}

impl ConsumerIndex {
    /// Finds the consumers in an environment.
    pub fn of(resolved: &ResolvedTarget, routing: &Routing, rules: &ReferenceRules) -> Self {
        let mut nothing = Diagnostics::new();
        let manifests = manifest::collect_manifests(resolved, routing, &mut nothing);
        let provided = ObjectIndex::of(resolved, routing);
        let bundles = provided.to_bundles(&resolved.definition);
        let mut found = Vec::new();
        for mut manifest in manifests {
            manifest::wire_workload(&mut manifest, &bundles, &mut nothing);
            provided.rename_split_keys(&mut manifest.tree, rules);
            let from = provided.namespace_of(&manifest);
            for reference in find_references(&manifest.tree, rules) {
                let Some(keys) = provided.bundle(&reference, from.as_ref()) else { continue };
                let uses =
                    |key: &&String| reference.keys.is_empty() || reference.keys.iter().any(|used| used.value == **key);
                let label = format!("{} {} ({})", manifest.kind, manifest.name, reference.path);
                let keys = keys.iter().filter(uses).cloned().collect_set();
                let bundle = match reference.target {
                    RefKind::ConfigMap => &reference.name.value,
                    RefKind::Secret => provided.bundle_of(&reference.name.value),
                };
                found.push(EntryConsumer { bundle: bundle.to_owned(), keys, label });
            }
            let workload = format!("{} {}", manifest.kind, manifest.name);
            manifest::visit_class_names(&mut manifest.tree, &mut |path, class| {
                let mounted = class.as_text().and_then(|name| provided.mounted_by(name));
                found.extend(mounted.map(|(bundle, keys)| EntryConsumer {
                    bundle: bundle.to_owned(),
                    keys: keys.clone(),
                    label: format!("{workload} ({path})"),
                }));
            });
        }
        Self { found }
    }

    /// Consumers of an entry, sorted.
    pub fn consumers(&self, id: &EntryId) -> Vec<String> {
        let uses = |consumer: &&EntryConsumer| {
            consumer.bundle == id.bundle.as_str() && consumer.keys.contains(id.key.as_str())
        };
        let labels = self.found.iter().filter(uses).map(|consumer| consumer.label.clone()).collect_set();
        labels.into_iter().collect()
    }
}
