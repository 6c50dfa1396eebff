//! Layers that are not valid YAML in part: the rest of them is read, unless it would be misunderstood.

use crate::project::LAYER_FIELDS;
use crate::yaml::node::{Mapping, YamlKind, YamlNode, lacks_merged};

/// Fields that other files depend on: without one of their parts, messages about those files would be wrong.
const DEPENDED_ON: [&str; 6] = ["app", "delivery", "extends", "external", "manifests", "namespace"];

/// Whether so much of a layer is not valid that the layers beside it cannot be checked with it.
pub(super) fn lacks_structure(root: &YamlNode) -> bool {
    let Some(layer) = root.as_map() else { return true };
    let has = |name: &&str, lacks: fn(&YamlNode) -> bool| layer.get(*name).is_some_and(lacks);
    lacks_merged(layer)
        || DEPENDED_ON.iter().any(|name| has(name, YamlNode::has_broken))
        || ["data", "vars", "varRules"].iter().any(|name| has(name, lacks_keys))
        || has(&"patches", lacks_patch)
        || has(&"bundles", lacks_bundle)
}

/// Whether keys of a mapping may be missing.
fn lacks_keys(node: &YamlNode) -> bool {
    node.is_broken() || node.as_map().is_some_and(lacks_merged)
}

fn lacks_patch(patches: &YamlNode) -> bool {
    let is_lost = |patch: &YamlNode| match &patch.kind {
        YamlKind::Map(fields) => fields.values().any(YamlNode::is_broken),
        YamlKind::Scalar(_) | YamlKind::List(_) => patch.is_broken(),
    };
    patches.is_broken() || matches!(&patches.kind, YamlKind::List(items) if items.iter().any(is_lost))
}

fn lacks_bundle(bundles: &YamlNode) -> bool {
    let is_lost = |bundle: &YamlNode| {
        let fields = bundle.as_map();
        let lacks = |fields: &Mapping| {
            fields.iter().any(|(key, field)| field.is_broken() || key.text == "data" && lacks_keys(field))
        };
        lacks_keys(bundle) || fields.is_some_and(lacks)
    };
    lacks_keys(bundles) || bundles.as_map().is_some_and(|bundles| bundles.values().any(is_lost))
}

/// Adds the documents after the first, as far as they are parts of a layer, so that their keys are known.
pub(super) fn add_documents(root: &mut YamlNode, others: Vec<YamlNode>) {
    let is_part = |map: &Mapping| map.keys().all(|key| LAYER_FIELDS.contains(&key.text.as_str()));
    for other in others {
        if other.as_map().is_some_and(is_part) {
            root.join(other);
        }
    }
}
