//! Hints from the name of a field about the name in it, where no rule applies.
//!
//! `secretName: app` names a Secret and `backendRefs[].name: app` a Service: the words before a name show that. In an
//! annotation, a name may follow a namespace, or be in a list or in JSON.

use super::walk::{ScalarSite, ScalarStep};

/// Words in the name of a field that names a ConfigMap or a Secret.
const WORDS: [&str; 6] = ["secret", "configmap", "config-map", "config_map", "credential", "paramref"];

/// Last words of fields that contain one name alone.
const ENDINGS: [&str; 4] = ["config", "configs", "creds", "settings"];

/// Words of a field that contains a property of the object, or the name of another one.
const OTHERS: [&str; 10] =
    ["class", "store", "path", "type", "version", "policy", "namespace", "prefix", "provider", "generator"];

/// Key of the annotation whose value is a scalar.
pub(super) fn annotation_key<'t>(spot: &ScalarSite<'t>) -> Option<&'t str> {
    match spot.steps.as_slice() {
        [.., ScalarStep::Key(_, "metadata"), ScalarStep::Key(_, "annotations"), ScalarStep::Key(_, key)] => Some(*key),
        _ => None,
    }
}

/// Whether the name of a field is typical of a reference to a ConfigMap or a Secret: `spec.configMaps[]`,
/// `spec.secret.name`.
pub(super) fn is_reference_by_name(spot: &ScalarSite<'_>) -> bool {
    let mut keys = spot.steps.iter().rev().filter_map(|step| match step {
        ScalarStep::Key(_, key) => Some(key.to_lowercase()),
        ScalarStep::Item(_) => None,
    });
    let Some(own) = keys.next() else { return false };
    if matches!(own.as_str(), "name" | "names" | "ref") {
        return keys.next().is_some_and(|parent| has_word(&parent));
    }
    has_word(&own) || ENDINGS.iter().any(|ending| own.ends_with(ending))
}

fn has_word(key: &str) -> bool {
    WORDS.iter().any(|word| key.contains(word)) && !OTHERS.iter().any(|word| key.contains(word))
}

/// Domains of annotations that name secrets of another store: paths in Vault, roles of a cloud.
const OTHER_STORES: [&str; 6] =
    ["vault.hashicorp.com", "banzaicloud.io", "bank-vaults.dev", "conjur.org", "amazonaws.com", "iam.gke.io"];

/// Names in the value of an annotation that may be those of ConfigMaps and Secrets.
pub(super) fn names_in_annotation<'t>(annotation: &str, text: &'t str) -> impl Iterator<Item = &'t str> {
    let (domain, name) = annotation.rsplit_once('/').unwrap_or(("", annotation));
    let name = name.to_lowercase();
    // annotations of septum itself and of kubectl are not references of the object
    let is_foreign = domain != "septum.dev"
        && domain != "checksum"
        && !name.starts_with("last-applied")
        && !OTHER_STORES.iter().any(|store| domain.ends_with(store));
    let says = |text: &str| WORDS.iter().any(|word| text.contains(word));
    let is_json = text.starts_with(['{', '[']) && says(&text.to_lowercase());
    let has_names = is_foreign && (has_word(&name) || is_json);
    text.split(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '.'))).filter(move |_| has_names)
}
