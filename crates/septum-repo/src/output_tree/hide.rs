//! Redaction of two versions of a manifest: where a Secret or ciphertext is in one of them, both are rewritten
//! without it, so that no comment, no anchor and no typing error shows a value.

use std::collections::BTreeSet;

use super::former::{add_secret_keys, hide_former_secrets, is_ciphertext};
use crate::route::Sensitivity;
use crate::span::Source;
use crate::value::OutputValue;
use crate::yaml::node::{Mapping, YamlKind, YamlNode, YamlStyle};
use crate::yaml::read::{MergeKeys, read_stream};
use crate::yaml::write;

/// Redacted texts of both sides. A missing side is empty.
pub(super) struct DiffPair {
    pub(super) old: String,
    pub(super) new: String,
}

/// The fields of a Secret that are not secret.
const OPEN: [&str; 6] = ["apiVersion", "kind", "type", "immutable", "metadata", "sops"];

/// The fields that identify an object.
const IDENTITY: [&str; 4] = ["apiVersion", "kind", "name", "namespace"];

/// Annotation in which `kubectl apply` keeps the whole object, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Redacts two versions for a diff; none if one of them is not YAML, and its content is unknown.
///
/// `sensitivity` forces redaction even if neither version looks like a Secret. `secret_keys` are those that Secrets have
/// now: their former values are hidden elsewhere, too.
pub(super) fn redact_versions(
    old: Option<&str>,
    new: Option<&str>,
    sensitivity: Sensitivity,
    secret_keys: &BTreeSet<String>,
) -> Option<DiffPair> {
    let (mut old_nodes, new_nodes) = (parse_documents(old)?, parse_documents(new)?);
    let holds = |test: fn(&YamlNode) -> bool| old_nodes.iter().chain(&new_nodes).any(test);
    let is_secret = sensitivity == Sensitivity::Sensitive || holds(holds_secret);
    let is_encrypted = holds(holds_ciphertext);
    let documents = old_nodes.iter_mut().enumerate();
    let has_former =
        documents.fold(false, |any, (at, old)| hide_former_secrets(old, new_nodes.get(at), secret_keys) | any);
    if !is_secret && !is_encrypted && !has_former {
        return Some(DiffPair { old: old.unwrap_or_default().to_owned(), new: new.unwrap_or_default().to_owned() });
    }
    let mode = if is_secret { RedactionMode::Object { strict: true } } else { RedactionMode::Object { strict: false } };
    Some(DiffPair {
        old: show_documents(&old_nodes, None, mode),
        new: show_documents(&new_nodes, Some(&old_nodes), mode),
    })
}

/// Adds the keys of the Secrets in a text.
pub(super) fn find_secret_keys(text: &str, keys: &mut BTreeSet<String>) {
    parse_documents(Some(text)).unwrap_or_default().iter().for_each(|document| add_secret_keys(document, keys));
}

fn parse_documents(text: Option<&str>) -> Option<Vec<YamlNode>> {
    let Some(text) = text else { return Some(Vec::new()) };
    read_stream(&Source::new("", text), MergeKeys::Apply).ok().map(|stream| stream.documents)
}

/// The documents, marked where they differ from those `before`.
fn show_documents(documents: &[YamlNode], before: Option<&[YamlNode]>, mode: RedactionMode) -> String {
    let mut out = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            out.push_str("---\n");
        }
        let before = before.and_then(|before| before.get(index));
        write::append_document(&mut out, &redact_node(document, OlderNode(before), mode));
    }
    out
}

/// Redaction mode of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RedactionMode {
    /// An object. With `strict` there is a Secret in the file, and an object that is not one, or no longer one, shows
    /// only its identity.
    Object { strict: bool },
    /// Everything except ciphertext, and the Secrets in it.
    Open,
    /// Names and kinds alone.
    Identity,
    /// No values: each is replaced by a mark.
    Secret,
    /// No values, with the mark of ciphertext.
    Ciphertext,
}

/// The same node of the older version, if this is the newer one and the older one has the node.
#[derive(Clone, Copy)]
struct OlderNode<'a>(Option<&'a YamlNode>);

impl<'a> OlderNode<'a> {
    fn key(self, key: &str) -> Self {
        Self(self.0.and_then(YamlNode::as_map).and_then(|map| map.get(key)))
    }

    fn item(self, index: usize) -> Self {
        let item = |node: &'a YamlNode| match &node.kind {
            YamlKind::List(items) => items.get(index),
            YamlKind::Map(_) | YamlKind::Scalar(_) => None,
        };
        Self(self.0.and_then(item))
    }

    /// Whether it exists with another text.
    fn differs(self, text: &str) -> bool {
        let other = |node: &YamlNode| node.as_scalar().is_none_or(|scalar| scalar.text() != text);
        self.0.is_some_and(other)
    }
}

fn redact_node<'a>(node: &'a YamlNode, other: OlderNode<'_>, mode: RedactionMode) -> OutputValue<'a> {
    match &node.kind {
        YamlKind::Scalar(scalar) => {
            let text = scalar.text();
            let is_ciphertext = mode == RedactionMode::Ciphertext || is_ciphertext(text);
            match (mode, is_ciphertext) {
                (RedactionMode::Open | RedactionMode::Object { strict: false }, false) if scalar.blank => {
                    OutputValue::Null
                }
                (RedactionMode::Open | RedactionMode::Object { strict: false }, false)
                    if scalar.style == YamlStyle::Plain && !text.contains('\n') =>
                {
                    OutputValue::Literal(text.into())
                }
                (RedactionMode::Open | RedactionMode::Object { strict: false }, false) => OutputValue::text(text),
                (_, false) => mark_change("secret", other.differs(text)),
                (_, true) => mark_change("ciphertext", other.differs(text)),
            }
        }
        YamlKind::List(items) => {
            let items = items.iter().enumerate();
            OutputValue::List(items.map(|(index, item)| redact_node(item, other.item(index), mode)).collect())
        }
        YamlKind::Map(map) => {
            let mode = if mode == RedactionMode::Open && is_kind(map, "Secret") {
                RedactionMode::Object { strict: true }
            } else {
                mode
            };
            let pairs = map.iter();
            OutputValue::map(pairs.map(|(key, node)| {
                (key.text.as_str(), redact_node(node, other.key(&key.text), mode_inside(map, &key.text, mode)))
            }))
        }
    }
}

fn mark_change<'a>(what: &str, is_changed: bool) -> OutputValue<'a> {
    OutputValue::text(if is_changed { format!("[{what}, changed]") } else { format!("[{what}]") })
}

/// Visible part of a field.
fn mode_inside(map: &Mapping, key: &str, mode: RedactionMode) -> RedactionMode {
    match mode {
        RedactionMode::Open if key == LAST_APPLIED => RedactionMode::Secret,
        RedactionMode::Open if key == "encryptedData" => RedactionMode::Ciphertext,
        RedactionMode::Open | RedactionMode::Secret | RedactionMode::Ciphertext => mode,
        RedactionMode::Identity if IDENTITY.contains(&key) => RedactionMode::Open,
        RedactionMode::Object { .. } if is_kind(map, "Secret") => {
            if OPEN.contains(&key) {
                RedactionMode::Open
            } else {
                RedactionMode::Secret
            }
        }
        RedactionMode::Object { strict } if key == "items" && is_list(map) => RedactionMode::Object { strict },
        RedactionMode::Object { strict: false } => RedactionMode::Open,
        RedactionMode::Object { strict: true } if key == "metadata" => RedactionMode::Identity,
        RedactionMode::Object { strict: true } if ["apiVersion", "kind"].contains(&key) => RedactionMode::Open,
        RedactionMode::Identity | RedactionMode::Object { strict: true } => RedactionMode::Secret,
    }
}

/// Whether an object has a kind. Case is ignored: a mistake in case hides values rather than showing them.
fn is_kind(map: &Mapping, kind: &str) -> bool {
    let says = |node: &YamlNode| node.as_scalar().is_some_and(|scalar| scalar.text().eq_ignore_ascii_case(kind));
    map.iter().any(|(key, node)| key.text.eq_ignore_ascii_case("kind") && says(node))
}

fn is_list(map: &Mapping) -> bool {
    map.get("kind").and_then(YamlNode::as_scalar).is_some_and(|kind| kind.text().ends_with("List"))
}

fn holds_secret(node: &YamlNode) -> bool {
    match &node.kind {
        YamlKind::Scalar(_) => false,
        YamlKind::List(items) => items.iter().any(holds_secret),
        YamlKind::Map(map) => {
            (is_kind(map, "Secret") && ["data", "stringData"].iter().any(|field| map.contains_key(*field)))
                || map.values().any(holds_secret)
        }
    }
}

fn holds_ciphertext(node: &YamlNode) -> bool {
    match &node.kind {
        YamlKind::Scalar(scalar) => is_ciphertext(scalar.text()),
        YamlKind::List(items) => items.iter().any(holds_ciphertext),
        YamlKind::Map(map) => map.contains_key("encryptedData") || map.values().any(holds_ciphertext),
    }
}
