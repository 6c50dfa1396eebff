//! Metadata of objects that exist in several versions, because a hash of their values is part of their name: the label
//! by which `gc` finds them, and annotations that keep the old ones.

use std::collections::BTreeMap;

use super::{Object, names};
use crate::layer::{Definition, Naming, Pruning};
use crate::manifest::BASE_NAME;

/// Annotation of Flux that keeps an object which is no longer applied.
const FLUX_PRUNE: (&str, &str) = ("kustomize.toolkit.fluxcd.io/prune", "disabled");
/// Annotation with the options of Argo CD for the sync of an object, and its option that keeps an object.
const ARGO_SYNC: (&str, &str) = ("argocd.argoproj.io/sync-options", "Prune=false");
/// Annotation with the options of Argo CD for the comparison of an object, and its option for an object that is no
/// longer applied: the application stays in sync.
const ARGO_COMPARE: (&str, &str) = ("argocd.argoproj.io/compare-options", "IgnoreExtraneous");

/// Adds the label and the annotations of an object with a hash in its name.
///
/// `names: kustomize` gives exactly what kustomize gives, so the label is for `names: hashed` alone. It is left out if
/// a layer removes it, or if the name is too long for a label.
pub(super) fn mark_version(object: &mut Object, definition: &Definition, naming: Naming) {
    let base_name = definition.affixes.apply(&object.base_name);
    let is_removed = definition.removed_labels.contains(BASE_NAME);
    if naming == Naming::Hashed && !is_removed && names::wrong_label_value(&base_name).is_none() {
        object.labels.entry(BASE_NAME.to_owned()).or_insert(base_name);
    }
    if naming.has_suffix() && definition.delivery.prune() == Pruning::Keep {
        keep_versions(&mut object.annotations);
    }
}

/// Adds the annotations that keep an object. What the layers set themselves has precedence.
fn keep_versions(annotations: &mut BTreeMap<String, String>) {
    annotations.entry(FLUX_PRUNE.0.to_owned()).or_insert_with(|| FLUX_PRUNE.1.to_owned());
    for (annotation, option) in [ARGO_SYNC, ARGO_COMPARE] {
        add_option(annotations.entry(annotation.to_owned()).or_default(), option);
    }
}

/// Adds an option to a list with commas, unless it has an option of that name.
fn add_option(list: &mut String, option: &str) {
    let name = |option: &str| option.split('=').next().unwrap_or_default().trim().to_owned();
    if list.split(',').any(|other| name(other) == name(option)) {
        return;
    }
    let kept = list.trim_end_matches([',', ' ']).len();
    list.truncate(kept);
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(option);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_added_once_and_those_of_the_layers_win() {
        for (list, expected) in [
            ("", "Prune=false"),
            ("ServerSideApply=true", "ServerSideApply=true,Prune=false"),
            ("A=b, ", "A=b,Prune=false"),
            ("PruneLast=true", "PruneLast=true,Prune=false"),
            ("A=b, Prune=true", "A=b, Prune=true"),
            ("Prune=false", "Prune=false"),
        ] {
            let mut found = list.to_owned();
            add_option(&mut found, ARGO_SYNC.1);
            assert_eq!(found, expected, "{list}");
        }
    }
}
