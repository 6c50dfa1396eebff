//! `metadata` of the objects of a bundle, except their name.

use std::collections::BTreeMap;

use super::{names, naming, size};
use crate::budget::VALUE_COST;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::layer::{Bundle, Definition};
use crate::manifest::CommonMetadata;
use crate::map::IndexMap;
use crate::sort::CollectSorted;
use crate::span::Located;

/// Label for the manager of an object.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "septum");
/// Label for the app that an object belongs to.
const NAME: &str = "app.kubernetes.io/name";

/// Label of an object whose changes Flux watches (`watch-configs-label-selector` of its controllers).
const FLUX_WATCH: (&str, &str) = ("reconcile.fluxcd.io/watch", "Enabled");

/// Texts of layers, each with its location.
pub(super) type LocatedTexts = IndexMap<String, Located<String>>;

/// Labels and annotations.
pub(super) struct ObjectMetadata {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// Metadata common to all objects of a target. Errors: `invalid-name`.
pub(super) fn common_metadata(definition: &Definition, problems: &mut Diagnostics) -> CommonMetadata {
    if let Some(namespace) = &definition.namespace
        && let Some(why) = names::wrong_namespace(&namespace.value)
    {
        let message = format!("`{}` is not a valid namespace: {why}", namespace.value);
        let nearest = names::nearest_object_name(&namespace.value.replace('.', "-"));
        problems.push(
            Diagnostic::error(Rule::InvalidName, message)
                .at_public(namespace.place.clone(), PublicReason::Name)
                .maybe_hint(nearest.map(|name| format!("the nearest valid name is `{name}`"))),
        );
    }
    check_texts(&definition.labels, &definition.annotations, problems);
    check_texts(&definition.selector_labels, &LocatedTexts::default(), problems);
    problems.extend(naming::wrong_affixes(&definition.affixes));
    let mut defaults = BTreeMap::from([(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())]);
    // an object name may be too long for a label: longer than 63 characters
    if names::wrong_label_value(definition.app.as_str()).is_none() {
        defaults.insert(NAME.to_owned(), definition.app.as_str().to_owned());
    }
    defaults.retain(|key, _| !definition.removed_labels.contains(key));
    CommonMetadata {
        namespace: definition.namespace.as_ref().map(|namespace| namespace.value.clone()),
        labels: owned_texts(&definition.labels).collect_map(),
        defaults,
        selector_labels: owned_texts(&definition.selector_labels).collect_map(),
        annotations: owned_texts(&definition.annotations).collect_map(),
    }
}

/// Approximate size of the metadata of a bundle's objects, in bytes.
pub(super) fn metadata_size(common: &CommonMetadata, bundle: &Bundle) -> u64 {
    let of_common = [&common.labels, &common.selector_labels, &common.annotations]
        .map(|texts| size::annotations_size(texts) + texts.len() * EACH);
    let of_own = [&bundle.labels, &bundle.annotations]
        .map(|texts| texts.iter().map(|(key, text)| key.len() + text.value.len() + EACH).sum::<usize>());
    (of_common.iter().chain(&of_own).sum::<usize>() + VALUE_COST) as u64
}

/// Overhead of a label or annotation in addition to its text.
const EACH: usize = 64;

/// Metadata of a bundle's objects: its own, over that of every object. Errors: `invalid-name`, `oversized-object`.
pub(super) fn bundle_metadata(
    common: &CommonMetadata,
    definition: &Definition,
    bundle: &Bundle,
    problems: &mut Diagnostics,
) -> ObjectMetadata {
    check_texts(&bundle.labels, &bundle.annotations, problems);
    let mut labels = common.defaults.clone();
    labels.extend(common.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    labels.extend(owned_texts(&bundle.labels));
    labels.extend(common.selector_labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    if definition.delivery.flux.is_watching() && !definition.removed_labels.contains(FLUX_WATCH.0) {
        labels.entry(FLUX_WATCH.0.to_owned()).or_insert_with(|| FLUX_WATCH.1.to_owned());
    }
    let mut annotations = common.annotations.clone();
    annotations.extend(owned_texts(&bundle.annotations));
    problems.extend(too_long(&annotations, definition, bundle));
    ObjectMetadata { labels, annotations }
}

fn owned_texts(texts: &LocatedTexts) -> impl Iterator<Item = (String, String)> {
    texts.iter().map(|(key, text)| (key.clone(), text.value.clone()))
}

pub(super) fn check_texts(labels: &LocatedTexts, annotations: &LocatedTexts, problems: &mut Diagnostics) {
    let mut wrong = |message: Option<String>, text: &Located<String>| {
        problems
            .extend(message.map(|message| Diagnostic::error(Rule::InvalidName, message).at_masked(text.place.clone())));
    };
    for (key, text) in labels {
        let of_key = names::wrong_label_key(key).map(|why| format!("`{key}` is not a valid label key: {why}"));
        let of_value = || {
            names::wrong_label_value(&text.value).map(|why| format!("the label `{key}` has an invalid value: {why}"))
        };
        wrong(of_key.or_else(of_value), text);
    }
    for (key, text) in annotations {
        let why = names::wrong_label_key(&key.to_lowercase());
        wrong(why.map(|why| format!("`{key}` is not a valid annotation key: {why}")), text);
    }
}

/// Error: the annotations of an object are too long in total (`TotalAnnotationSizeLimitB`).
fn too_long(annotations: &BTreeMap<String, String>, definition: &Definition, bundle: &Bundle) -> Option<Diagnostic> {
    let length = size::annotations_size(annotations);
    if length <= size::MAX_ANNOTATIONS {
        return None;
    }
    let (key, _) = annotations.iter().max_by_key(|(key, value)| key.len() + value.len())?;
    let place = bundle.annotations.get(key).or_else(|| definition.annotations.get(key))?.place.clone();
    let message = format!(
        "the annotations of an object in `{}` have {length} bytes, but Kubernetes allows at most {}",
        definition.environment,
        size::MAX_ANNOTATIONS
    );
    Some(
        Diagnostic::error(Rule::OversizedObject, message)
            .at_masked(place)
            .note("the limit applies to the keys and values of all annotations together")
            .hint(format!("`{key}` is the longest; move configuration of the application to `data`")),
    )
}
