//! Credentials in the older version of a manifest that is not a Secret: what is a secret now may have been public before.

use std::collections::BTreeSet;

use crate::route::detect;
use crate::yaml::node::{Scalar, YamlKind, YamlNode, YamlStyle};

/// Beginnings of ciphertext: a leaf of SOPS, its file key.
const CIPHERTEXT: [&str; 3] = ["ENC[", "-----BEGIN AGE ENCRYPTED FILE-----", "-----BEGIN PGP MESSAGE-----"];

/// Mark in the place of a value.
const HIDDEN: &str = "[secret]";

/// Fields of Secrets, and of what they are made of, whose keys are those of values.
const VALUES: [&str; 3] = ["data", "stringData", "encryptedData"];

/// Whether a text is ciphertext.
pub(super) fn is_ciphertext(text: &str) -> bool {
    CIPHERTEXT.iter().any(|start| text.starts_with(start))
}

/// Adds the keys of all values of Secrets in a document.
pub(super) fn add_secret_keys(node: &YamlNode, keys: &mut BTreeSet<String>) {
    match &node.kind {
        YamlKind::Scalar(_) => {}
        YamlKind::List(items) => items.iter().for_each(|item| add_secret_keys(item, keys)),
        YamlKind::Map(map) => {
            for (key, value) in map {
                if let Some(values) = value.as_map().filter(|_| VALUES.contains(&key.text.as_str())) {
                    keys.extend(values.keys().map(|key| key.text.clone()));
                }
                add_secret_keys(value, keys);
            }
        }
    }
}

/// Hides values of an older document that look like credentials, or whose keys are those of a Secret now, unless the newer
/// document has the same in their places. Returns whether there are any.
pub(super) fn hide_former_secrets(old: &mut YamlNode, new: Option<&YamlNode>, secret_keys: &BTreeSet<String>) -> bool {
    hide_below(old, new, ("", false), secret_keys)
}

/// Hides values in a node with a name; `in_data` says that it is a value of a ConfigMap.
fn hide_below(
    node: &mut YamlNode,
    new: Option<&YamlNode>,
    (name, in_data): (&str, bool),
    secret_keys: &BTreeSet<String>,
) -> bool {
    match &mut node.kind {
        YamlKind::Scalar(scalar) => {
            let text = scalar.text();
            let is_kept = new.and_then(YamlNode::as_scalar).is_some_and(|new| new.text() == text);
            let is_secret = (in_data && secret_keys.contains(name)) || detect::is_literal_credential(name, text);
            if is_kept || !is_secret || is_ciphertext(text) {
                return false;
            }
            *scalar = Scalar::new(HIDDEN, YamlStyle::DoubleQuoted);
            true
        }
        YamlKind::List(items) => {
            let new: &[YamlNode] = match new.map(|new| &new.kind) {
                Some(YamlKind::List(items)) => items,
                _ => &[],
            };
            let items = items.iter_mut().enumerate();
            items.fold(false, |any, (at, item)| hide_below(item, new.get(at), (name, false), secret_keys) | any)
        }
        YamlKind::Map(map) => {
            // a variable of a container
            let variable = map.get("name").and_then(YamlNode::as_scalar).map(|name| name.text().to_owned());
            let is_values = ["data", "binaryData"].contains(&name);
            let pairs = map.iter_mut();
            pairs.fold(false, |any, (key, value)| {
                let new = new.and_then(YamlNode::as_map).and_then(|map| map.get(key.text.as_str()));
                let name = variable.as_deref().filter(|_| key.text == "value").unwrap_or(&key.text);
                hide_below(value, new, (name, is_values), secret_keys) | any
            })
        }
    }
}
