//! Two versions of a manifest as they may be shown: where a Secret or ciphertext is in one of them, both
//! are written anew without it, so that no comment, no anchor and no typing mistake shows a value.

use crate::route::Sensitivity;
use crate::span::Source;
use crate::value::Value;
use crate::yaml::node::{Kind, Mapping, Node, Style};
use crate::yaml::read::{MergeKeys, read_stream};
use crate::yaml::write;

/// What is shown of both. One that is not there is empty.
pub(super) struct Sides {
    pub(super) old: String,
    pub(super) new: String,
}

/// How ciphertext begins: a leaf of SOPS, its file key.
const CIPHERTEXT: [&str; 3] = ["ENC[", "-----BEGIN AGE ENCRYPTED FILE-----", "-----BEGIN PGP MESSAGE-----"];

/// The fields of a Secret that are no secret.
const OPEN: [&str; 6] = ["apiVersion", "kind", "type", "immutable", "metadata", "sops"];

/// The fields by which an object is known.
const IDENTITY: [&str; 4] = ["apiVersion", "kind", "name", "namespace"];

/// Where `kubectl apply` keeps the whole object, values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What may be shown of two versions; nothing if one of them is no YAML, and what it holds is unknown.
///
/// `sensitivity` says that there is a secret even if none of them looks like one.
pub(super) fn hide(old: Option<&str>, new: Option<&str>, sensitivity: Sensitivity) -> Option<Sides> {
    let (old_nodes, new_nodes) = (documents(old)?, documents(new)?);
    let holds = |test: fn(&Node) -> bool| old_nodes.iter().chain(&new_nodes).any(test);
    let is_secret = sensitivity == Sensitivity::Sensitive || holds(holds_secret);
    if !is_secret && !holds(holds_ciphertext) {
        return Some(Sides { old: old.unwrap_or_default().to_owned(), new: new.unwrap_or_default().to_owned() });
    }
    let veil = if is_secret { Veil::Object { strict: true } } else { Veil::Object { strict: false } };
    Some(Sides { old: shown(&old_nodes, None, veil), new: shown(&new_nodes, Some(&old_nodes), veil) })
}

fn documents(text: Option<&str>) -> Option<Vec<Node>> {
    let Some(text) = text else { return Some(Vec::new()) };
    read_stream(&Source::new("", text), MergeKeys::Apply).ok().map(|stream| stream.documents)
}

/// The documents, marked where they differ from those `before`.
fn shown(documents: &[Node], before: Option<&[Node]>, veil: Veil) -> String {
    let mut out = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            out.push_str("---\n");
        }
        let before = before.and_then(|before| before.get(index));
        write::append(&mut out, &value(document, Other(before), veil));
    }
    out
}

/// How much of a node is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Veil {
    /// An object. With `strict` there is a Secret in the file, and an object that is none, or not any
    /// more, shows no more than what it is.
    Object { strict: bool },
    /// All but ciphertext, and the Secrets in it.
    Open,
    /// Names and kinds alone.
    Identity,
    /// Nothing: each value is a mark.
    Secret,
    /// The same for what is encrypted.
    Ciphertext,
}

/// The same node of the older version, if there is one and this is the newer.
#[derive(Clone, Copy)]
struct Other<'a>(Option<&'a Node>);

impl<'a> Other<'a> {
    fn key(self, key: &str) -> Self {
        Self(self.0.and_then(Node::as_map).and_then(|map| map.get(key)))
    }

    fn item(self, index: usize) -> Self {
        let item = |node: &'a Node| match &node.kind {
            Kind::List(items) => items.get(index),
            Kind::Map(_) | Kind::Scalar(_) => None,
        };
        Self(self.0.and_then(item))
    }

    /// Whether it is there and says something else.
    fn differs(self, text: &str) -> bool {
        let other = |node: &Node| node.as_scalar().is_none_or(|scalar| scalar.text() != text);
        self.0.is_some_and(other)
    }
}

fn value<'a>(node: &'a Node, other: Other<'_>, veil: Veil) -> Value<'a> {
    match &node.kind {
        Kind::Scalar(scalar) => {
            let text = scalar.text();
            let is_ciphertext = veil == Veil::Ciphertext || CIPHERTEXT.iter().any(|start| text.starts_with(start));
            match (veil, is_ciphertext) {
                (Veil::Open | Veil::Object { strict: false }, false) if scalar.blank => Value::Null,
                (Veil::Open | Veil::Object { strict: false }, false)
                    if scalar.style == Style::Plain && !text.contains('\n') =>
                {
                    Value::Literal(text.into())
                }
                (Veil::Open | Veil::Object { strict: false }, false) => Value::text(text),
                (_, false) => mark("secret", other.differs(text)),
                (_, true) => mark("ciphertext", other.differs(text)),
            }
        }
        Kind::List(items) => {
            let items = items.iter().enumerate();
            Value::List(items.map(|(index, item)| value(item, other.item(index), veil)).collect())
        }
        Kind::Map(map) => {
            let veil = if veil == Veil::Open && is_kind(map, "Secret") { Veil::Object { strict: true } } else { veil };
            let pairs = map.iter();
            Value::map(pairs.map(|(key, node)| {
                (key.text.as_str(), value(node, other.key(&key.text), inside(map, &key.text, veil)))
            }))
        }
    }
}

fn mark<'a>(what: &str, is_changed: bool) -> Value<'a> {
    Value::text(if is_changed { format!("[{what}, changed]") } else { format!("[{what}]") })
}

/// How much is shown of a field.
fn inside(map: &Mapping, key: &str, veil: Veil) -> Veil {
    match veil {
        Veil::Open if key == LAST_APPLIED => Veil::Secret,
        Veil::Open if key == "encryptedData" => Veil::Ciphertext,
        Veil::Open | Veil::Secret | Veil::Ciphertext => veil,
        Veil::Identity if IDENTITY.contains(&key) => Veil::Open,
        Veil::Object { .. } if is_kind(map, "Secret") => {
            if OPEN.contains(&key) {
                Veil::Open
            } else {
                Veil::Secret
            }
        }
        Veil::Object { strict } if key == "items" && is_list(map) => Veil::Object { strict },
        Veil::Object { strict: false } => Veil::Open,
        Veil::Object { strict: true } if key == "metadata" => Veil::Identity,
        Veil::Object { strict: true } if ["apiVersion", "kind"].contains(&key) => Veil::Open,
        Veil::Identity | Veil::Object { strict: true } => Veil::Secret,
    }
}

/// Whether an object says that it is of a kind. A slip in case hides what it would not show otherwise.
fn is_kind(map: &Mapping, kind: &str) -> bool {
    let says = |node: &Node| node.as_scalar().is_some_and(|scalar| scalar.text().eq_ignore_ascii_case(kind));
    map.iter().any(|(key, node)| key.text.eq_ignore_ascii_case("kind") && says(node))
}

fn is_list(map: &Mapping) -> bool {
    map.get("kind").and_then(Node::as_scalar).is_some_and(|kind| kind.text().ends_with("List"))
}

fn holds_secret(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(_) => false,
        Kind::List(items) => items.iter().any(holds_secret),
        Kind::Map(map) => {
            (is_kind(map, "Secret") && ["data", "stringData"].iter().any(|field| map.contains_key(*field)))
                || map.values().any(holds_secret)
        }
    }
}

fn holds_ciphertext(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(scalar) => CIPHERTEXT.iter().any(|start| scalar.text().starts_with(start)),
        Kind::List(items) => items.iter().any(holds_ciphertext),
        Kind::Map(map) => map.contains_key("encryptedData") || map.values().any(holds_ciphertext),
    }
}
