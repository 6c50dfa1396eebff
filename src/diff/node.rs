//! Objects as trees, and the paths at which two of them differ.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::change::{FieldChange, ShownValue};
use super::value::{DiffValue, ValueEquality, ValueMarker};
use crate::manifest::is_checksum;
use crate::manifest::patch::MergeSchema;
use crate::sort::CollectSorted;
use crate::value::OutputValue;
use crate::visibility::{Placeholder, Visibility};

/// Start of a SOPS value, which stands for a plaintext that is not known.
const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// Part of an object.
#[derive(Debug, Clone)]
pub(super) enum DiffNode {
    /// A scalar, with the type that a reader of YAML gives it.
    Scalar(ScalarType, DiffValue),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in the order written.
    Map(Vec<(String, Self)>),
}

/// Type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarType {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
}

/// Reads objects into trees without secrets.
pub(super) struct NodeReader<'a> {
    /// Makes marks of secrets.
    pub(super) marker: &'a ValueMarker,
    /// Whether the object is a Secret.
    pub(super) is_secret: bool,
    /// Visibility of the object.
    pub(super) visibility: Visibility,
}

impl NodeReader<'_> {
    /// Reads an object, whose plain scalars have their types.
    pub(super) fn read_object(&self, value: &OutputValue<'_>) -> DiffNode {
        let OutputValue::Map(pairs) = value else { return self.read(value) };
        let field = |(key, value): &(std::borrow::Cow<'_, str>, OutputValue<'_>)| {
            let is_values = self.is_secret && matches!(&**key, "data" | "stringData");
            (key.to_string(), if is_values { self.read_secrets(value, key == "data") } else { self.read(value) })
        };
        DiffNode::Map(pairs.iter().map(field).collect())
    }

    fn read(&self, value: &OutputValue<'_>) -> DiffNode {
        match value {
            OutputValue::Null => DiffNode::Scalar(ScalarType::Null, DiffValue::Text("null".into())),
            OutputValue::Bool(truth) => DiffNode::Scalar(ScalarType::Bool, DiffValue::Text(truth.to_string().into())),
            OutputValue::Literal(text) => DiffNode::Scalar(ScalarType::Number, self.public(text)),
            OutputValue::String(text) => DiffNode::Scalar(ScalarType::Text, self.public(text)),
            OutputValue::List(items) => DiffNode::List(items.iter().map(|item| self.read(item)).collect()),
            OutputValue::Map(pairs) => {
                DiffNode::Map(pairs.iter().map(|(key, value)| (key.to_string(), self.read(value))).collect())
            }
        }
    }

    /// A text of an object that anyone may read.
    fn public(&self, text: &str) -> DiffValue {
        if self.visibility == Visibility::Known || !text.contains(CIPHERTEXT) {
            return DiffValue::Text(text.into());
        }
        DiffValue::Locked(Placeholder::of(text))
    }

    /// Values of a Secret.
    fn read_secrets(&self, value: &OutputValue<'_>, is_encoded: bool) -> DiffNode {
        match value {
            OutputValue::Map(pairs) => DiffNode::Map(
                pairs.iter().map(|(key, value)| (key.to_string(), self.read_secrets(value, is_encoded))).collect(),
            ),
            OutputValue::List(items) => {
                DiffNode::List(items.iter().map(|item| self.read_secrets(item, is_encoded)).collect())
            }
            OutputValue::Null => DiffNode::Scalar(ScalarType::Text, self.secret("", false)),
            OutputValue::Bool(truth) => DiffNode::Scalar(ScalarType::Text, self.secret(&truth.to_string(), false)),
            OutputValue::Literal(text) | OutputValue::String(text) => {
                DiffNode::Scalar(ScalarType::Text, self.secret(text, is_encoded))
            }
        }
    }

    fn secret(&self, text: &str, is_encoded: bool) -> DiffValue {
        if self.visibility != Visibility::Known {
            return DiffValue::Locked(Placeholder::of(text));
        }
        // equal bytes are equal, however their base64 is wrapped
        let packed: zeroize::Zeroizing<String> = text.split_ascii_whitespace().collect::<String>().into();
        let decoded =
            is_encoded.then(|| STANDARD.decode(packed.as_bytes()).ok().map(zeroize::Zeroizing::new)).flatten();
        DiffValue::Secret(self.marker.mark(decoded.as_ref().map_or(text.as_bytes(), |bytes| bytes)))
    }
}

/// Compares two objects of one kind.
pub(super) struct NodeComparison<'a> {
    /// Compares secrets.
    pub(super) marker: &'a ValueMarker,
    /// New names of objects whose names depend on values, by their old ones: a reference that follows is no change.
    pub(super) renamed: &'a BTreeMap<String, String>,
    /// Whether other programs add fields to the left side, which are not compared.
    pub(super) is_live: bool,
}

impl NodeComparison<'_> {
    /// Fields that differ, in the order of the left side.
    pub(super) fn compare(&self, left: &DiffNode, right: &DiffNode, schema: MergeSchema) -> Vec<FieldChange> {
        let mut found = Vec::new();
        self.compare_nodes(Some(left), Some(right), schema, "", &mut found);
        found
    }

    /// Compares annotations: checksums that differ are one change, which is the same in all environments.
    fn compare_annotations(
        &self,
        left: &[(String, DiffNode)],
        right: &[(String, DiffNode)],
        schema: MergeSchema,
        path: &str,
        found: &mut Vec<FieldChange>,
    ) {
        let others = |pairs: &[(String, DiffNode)]| -> Vec<(String, DiffNode)> {
            pairs.iter().filter(|(key, _)| !is_checksum(key)).cloned().collect()
        };
        let checksums = |pairs: &'_ [(String, DiffNode)]| -> BTreeMap<String, DiffNode> {
            pairs.iter().filter(|(key, _)| is_checksum(key)).cloned().collect_map()
        };
        self.compare_maps(&others(left), &others(right), schema, path, found);
        let (was, is) = (checksums(left), checksums(right));
        let mut changed = Vec::new();
        for (key, node) in &was {
            if self.is_live && !is.contains_key(key) {
                continue;
            }
            self.compare_nodes(Some(node), is.get(key), schema, key, &mut changed);
        }
        for (key, node) in is.iter().filter(|(key, _)| !was.contains_key(*key)) {
            self.compare_nodes(None, Some(node), schema, key, &mut changed);
        }
        if !changed.is_empty() {
            let is_unknown = changed.iter().all(|field| field.is_unknown);
            let text = |pairs: &BTreeMap<String, DiffNode>, words: &str| {
                (!pairs.is_empty()).then(|| ShownValue::Text(words.to_owned()))
            };
            let (from, to) = (text(&was, "of the old values"), text(&is, "of the new values"));
            found.push(FieldChange { path: format!("{path} (checksums)"), from, to, is_unknown });
        }
    }

    fn compare_nodes(
        &self,
        left: Option<&DiffNode>,
        right: Option<&DiffNode>,
        schema: MergeSchema,
        path: &str,
        found: &mut Vec<FieldChange>,
    ) {
        let mut differ = |is_unknown| {
            let (from, to) = shown_pair(left, right);
            found.push(FieldChange { path: path.to_owned(), from, to, is_unknown });
        };
        match (left, right) {
            (Some(DiffNode::Map(a)), Some(DiffNode::Map(b))) if has_checksum(a) || has_checksum(b) => {
                self.compare_annotations(a, b, schema, path, found);
            }
            (Some(DiffNode::Map(a)), Some(DiffNode::Map(b))) => self.compare_maps(a, b, schema, path, found),
            (Some(DiffNode::List(a)), Some(DiffNode::List(b))) => self.compare_lists(a, b, schema, path, found),
            (Some(DiffNode::Scalar(a_type, a)), Some(DiffNode::Scalar(b_type, b))) => {
                match a.equality(b, self.marker) {
                    ValueEquality::Same if a_type == b_type => {}
                    ValueEquality::Unknown => differ(true),
                    _ if self.is_renamed(a, b) => {}
                    _ => differ(false),
                }
            }
            (None, None) => {}
            (Some(DiffNode::Map(pairs)), None) if has_checksum(pairs) => {
                self.compare_annotations(pairs, &[], schema, path, found);
            }
            (None, Some(DiffNode::Map(pairs))) if has_checksum(pairs) => {
                self.compare_annotations(&[], pairs, schema, path, found);
            }
            // a whole part, by its leaves where it has secrets
            (Some(DiffNode::Map(pairs)), None) if path.is_empty() || has_secret(pairs) => {
                self.compare_maps(pairs, &[], schema, path, found);
            }
            (None, Some(DiffNode::Map(pairs))) if path.is_empty() || has_secret(pairs) => {
                self.compare_maps(&[], pairs, schema, path, found);
            }
            _ => differ(false),
        }
    }

    fn is_renamed(&self, left: &DiffValue, right: &DiffValue) -> bool {
        let (Some(left), Some(right)) = (left.text(), right.text()) else { return false };
        self.renamed.get(&**left).is_some_and(|name| **name == **right)
    }

    fn compare_maps(
        &self,
        left: &[(String, DiffNode)],
        right: &[(String, DiffNode)],
        schema: MergeSchema,
        path: &str,
        found: &mut Vec<FieldChange>,
    ) {
        let at: BTreeMap<&str, &DiffNode> = right.iter().map(|(key, node)| (key.as_str(), node)).collect_map();
        let mut seen = BTreeSet::new();
        for (key, node) in left {
            seen.insert(key.as_str());
            let below = join_path(path, key);
            if self.is_live && !at.contains_key(key.as_str()) {
                continue;
            }
            self.compare_nodes(Some(node), at.get(key.as_str()).copied(), schema.field(key), &below, found);
        }
        for (key, node) in right.iter().filter(|(key, _)| !seen.contains(key.as_str())) {
            self.compare_nodes(None, Some(node), schema.field(key), &join_path(path, key), found);
        }
    }

    fn compare_lists(
        &self,
        left: &[DiffNode],
        right: &[DiffNode],
        schema: MergeSchema,
        path: &str,
        found: &mut Vec<FieldChange>,
    ) {
        if let Some((key, a, b)) = matched_items(left, right, schema) {
            let names = |items: &[(String, &DiffNode)]| items.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            let at: BTreeMap<&str, &DiffNode> = b.iter().map(|(name, item)| (name.as_str(), *item)).collect_map();
            let was: BTreeSet<&str> = a.iter().map(|(name, _)| name.as_str()).collect_set();
            for (name, item) in &a {
                let below = format!("{path}[{key}={name}]");
                self.compare_nodes(Some(item), at.get(name.as_str()).copied(), schema.item(), &below, found);
            }
            for (name, item) in b.iter().filter(|(name, _)| !was.contains(name.as_str())) {
                self.compare_nodes(None, Some(item), schema.item(), &format!("{path}[{key}={name}]"), found);
            }
            let common = |names: Vec<String>, other: &[(String, &DiffNode)]| -> Vec<String> {
                names.into_iter().filter(|name| other.iter().any(|(known, _)| known == name)).collect()
            };
            let (old, new) = (common(names(&a), &b), common(names(&b), &a));
            if old != new {
                let shown = |names: Vec<String>| Some(ShownValue::Text(names.join(", ")));
                let path = format!("{path} (order)");
                found.push(FieldChange { path, from: shown(old), to: shown(new), is_unknown: false });
            }
            return;
        }
        let has_parts = |items: &[DiffNode]| items.iter().any(|item| !matches!(item, DiffNode::Scalar(..)));
        if left.len() == right.len() && (has_parts(left) || has_parts(right)) {
            for (index, (a, b)) in left.iter().zip(right).enumerate() {
                self.compare_nodes(Some(a), Some(b), schema.item(), &format!("{path}[{index}]"), found);
            }
            return;
        }
        let (a, b) = (DiffNode::List(left.to_vec()), DiffNode::List(right.to_vec()));
        let mut inner = Vec::new();
        for (a, b) in left.iter().zip(right) {
            self.compare_nodes(Some(a), Some(b), schema.item(), path, &mut inner);
        }
        if left.len() != right.len() || !inner.is_empty() {
            let is_unknown = left.len() == right.len() && inner.iter().all(|field| field.is_unknown);
            let (from, to) = (Some(a.to_shown()), Some(b.to_shown()));
            found.push(FieldChange { path: path.to_owned(), from, to, is_unknown });
        }
    }
}

/// Items of a list by name.
type NamedItems<'n> = Vec<(String, &'n DiffNode)>;

/// Items of both lists by the field that identifies them, which is unique on each side: the merge key of the list, or
/// `name`.
fn matched_items<'n>(
    left: &'n [DiffNode],
    right: &'n [DiffNode],
    schema: MergeSchema,
) -> Option<(&'static str, NamedItems<'n>, NamedItems<'n>)> {
    let keys = schema.merge_keys().unwrap_or_default();
    let keys = keys.into_iter().take(1).chain(["name"]);
    for key in keys {
        let of = |items: &'n [DiffNode]| -> Option<NamedItems<'n>> {
            let named: Option<NamedItems<'n>> =
                items.iter().map(|item| Some((item.field(key)?.scalar_text()?.to_owned(), item))).collect();
            let named = named?;
            let names: BTreeSet<&str> = named.iter().map(|(name, _)| name.as_str()).collect_set();
            (names.len() == named.len()).then_some(named)
        };
        if let (Some(a), Some(b)) = (of(left), of(right))
            && !(a.is_empty() && b.is_empty())
        {
            return Some((key, a, b));
        }
    }
    None
}

/// Path of a key below another path; a key that could be read as a part of the path is quoted.
fn join_path(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && !key.contains(['.', '[', ']', '"', ' ', '(', '=']);
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", serde_json::Value::from(key)),
    }
}

/// Both sides as they are shown. Where one of two texts is quoted, both are.
fn shown_pair(left: Option<&DiffNode>, right: Option<&DiffNode>) -> (Option<ShownValue>, Option<ShownValue>) {
    if let (Some(DiffNode::Scalar(ScalarType::Text, a)), Some(DiffNode::Scalar(ScalarType::Text, b))) = (left, right)
        && let (Some(a), Some(b)) = (a.text(), b.text())
    {
        let is_quoted = (needs_quotes(a) || needs_quotes(b)) && !a.contains('\n') && !b.contains('\n');
        let shown =
            |text: &str| Some(ShownValue::Text(if is_quoted { format!("\"{text}\"") } else { text.to_owned() }));
        return (shown(a), shown(b));
    }
    (left.map(DiffNode::to_shown), right.map(DiffNode::to_shown))
}

fn has_checksum(pairs: &[(String, DiffNode)]) -> bool {
    pairs.iter().any(|(key, _)| is_checksum(key))
}

/// Whether a text that fits a line looks like another type.
fn needs_quotes(text: &str) -> bool {
    let written = crate::yaml::write::write_document(&OutputValue::text(text));
    written.trim_end().starts_with(['"', '\'']) && !text.contains('\n')
}

fn has_secret(pairs: &[(String, DiffNode)]) -> bool {
    pairs.iter().any(|(_, node)| node.has_hidden())
}

impl DiffNode {
    /// Field of a mapping.
    pub(super) fn field(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => pairs.iter().find(|(known, _)| known == key).map(|(_, node)| node),
            Self::Scalar(..) | Self::List(_) => None,
        }
    }

    /// Removes fields, and returns those that were there.
    pub(super) fn take_fields(&mut self, names: &[&str]) -> Vec<(String, Self)> {
        let Self::Map(fields) = self else { return Vec::new() };
        fields.extract_if(.., |(field, _)| names.contains(&field.as_str())).collect()
    }

    /// Removes a field of `metadata` that is compared by itself.
    pub(super) fn remove_metadata(&mut self, name: &str) {
        let Self::Map(fields) = self else { return };
        for (field, metadata) in fields {
            if field == "metadata"
                && let Self::Map(pairs) = metadata
            {
                pairs.retain(|(key, _)| key != name);
            }
        }
    }

    /// Text of a scalar that anyone may read.
    pub(super) fn scalar_text(&self) -> Option<&str> {
        match self {
            Self::Scalar(_, value) => value.text().map(|text| &**text),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    fn has_hidden(&self) -> bool {
        match self {
            Self::Scalar(_, value) => value.text().is_none(),
            Self::List(items) => items.iter().any(Self::has_hidden),
            Self::Map(pairs) => has_secret(pairs),
        }
    }

    /// The part as it is shown: a scalar as its text, others as YAML.
    pub(super) fn to_shown(&self) -> ShownValue {
        match self {
            Self::Scalar(_, value) if value.text().is_none() => ShownValue::Secret,
            Self::Scalar(ScalarType::Text, value) => {
                let text = value.text().map(ToString::to_string).unwrap_or_default();
                ShownValue::Text(if needs_quotes(&text) { format!("\"{text}\"") } else { text })
            }
            Self::Scalar(_, value) => ShownValue::Text(value.text().map(ToString::to_string).unwrap_or_default()),
            Self::List(_) | Self::Map(_) => {
                ShownValue::Text(crate::yaml::write::write_document(&self.to_output()).trim_end().to_owned())
            }
        }
    }

    fn to_output(&self) -> OutputValue<'_> {
        match self {
            Self::Scalar(kind, value) => match (value.text(), kind) {
                (None, _) => OutputValue::text("[secret]"),
                (Some(_), ScalarType::Null) => OutputValue::Null,
                (Some(text), ScalarType::Bool) => OutputValue::Bool(&**text == "true"),
                (Some(text), ScalarType::Number) => OutputValue::Literal((&**text).into()),
                (Some(text), ScalarType::Text) => OutputValue::text(&**text),
            },
            Self::List(items) => OutputValue::List(items.iter().map(Self::to_output).collect()),
            Self::Map(pairs) => {
                OutputValue::Map(pairs.iter().map(|(key, node)| (key.as_str().into(), node.to_output())).collect())
            }
        }
    }
}
