//! Objects of a cluster, as `kubectl get -o json` prints them.
//!
//! Values of ConfigMaps and Secrets are not kept: of texts directly below `data`, `binaryData` and `stringData` there remain
//! only words that have the form of a name with a hash, which may be the names of objects that are in use.

use std::fmt;

use indexmap::map::Entry;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{HASH_CHARACTERS, HASH_LENGTH};
use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::{Tree, TreeKind};
use crate::map::IndexMap;
use crate::span::Location;

/// Largest input, in bytes.
const MAX_INPUT: usize = 256 << 20;

/// Keys with copies of an object, and of its fields.
const SKIPPED: [&str; 2] = ["managedFields", "kubectl.kubernetes.io/last-applied-configuration"];

/// Reads all objects of the input: one document or several, each an object or a list.
///
/// Errors: `incomplete-evidence` for anything that is not valid, since an object that cannot be read may use another.
pub(super) fn read_objects(input: &[u8]) -> Result<Vec<Tree>, Diagnostic> {
    if input.len() > MAX_INPUT {
        return Err(invalid_input("the input is larger than 256 MiB").hint("pass the objects of one namespace"));
    }
    let mut objects = Vec::new();
    let mut documents = serde_json::Deserializer::from_slice(input).into_iter::<JsonDocument>();
    for document in documents.by_ref() {
        // the position only: the rest of the error could show a part of a value
        let document = document.map_err(|error| {
            let what = if error.is_data() { "has a duplicate key" } else { "is not valid JSON" };
            invalid_input(&format!("the input {what} at {}:{}", error.line(), error.column()))
        })?;
        add_items(document.0, &mut objects)?;
    }
    Ok(objects)
}

/// Adds an object, or the items of a list.
fn add_items(tree: Tree, objects: &mut Vec<Tree>) -> Result<(), Diagnostic> {
    let is_list = tree.get("kind").and_then(Tree::as_text).is_some_and(|kind| kind.ends_with("List"));
    if !is_list {
        objects.push(tree);
        return Ok(());
    }
    if tree.at(&["metadata", "continue"]).and_then(Tree::as_text).is_some_and(|token| !token.is_empty()) {
        return Err(invalid_input("the input is a part of a longer list").hint("pass all objects: no `limit`"));
    }
    let TreeKind::Map(mut map) = tree.kind else { return Ok(()) };
    match map.shift_remove("items").map(|items| items.kind) {
        Some(TreeKind::List(items)) => items.into_iter().try_for_each(|item| add_items(item, objects)),
        // Go writes an empty list without a value
        Some(TreeKind::Leaf(scalar)) if scalar.is_null() => Ok(()),
        _ => Err(invalid_input("a list in the input has no `items`")),
    }
}

/// Words of a text that could be names of objects.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '.')))
        .map(|word| word.trim_matches(['-', '.']))
}

/// Whether a word ends as a name with a hash does.
fn ends_with_hash(word: &str) -> bool {
    let hash = word.len().checked_sub(HASH_LENGTH).and_then(|start| word.split_at_checked(start));
    hash.is_some_and(|(start, hash)| {
        start.len() > 1 && start.ends_with('-') && hash.bytes().all(|byte| HASH_CHARACTERS.contains(&byte))
    })
}

/// Error: the input cannot be evidence.
pub(super) fn invalid_input(message: &str) -> Diagnostic {
    Diagnostic::error(Rule::IncompleteEvidence, message)
}

/// Document of the input.
struct JsonDocument(Tree);

impl<'de> serde::Deserialize<'de> for JsonDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = JsonSeed(JsonPart::Object).deserialize(deserializer)?;
        Ok(Self(tree.unwrap_or_else(|| Tree::map([], &Location::synthetic()))))
    }
}

/// Part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonPart {
    /// An object of Kubernetes, or a list of such objects.
    Object,
    /// `items` of a list.
    Items,
    /// `data`, `binaryData` or `stringData` of an object.
    Data,
    /// A value in it.
    DataValue,
    /// Any other part.
    Other,
}

impl JsonPart {
    /// Part below a key of a mapping.
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Object, "items") => Self::Items,
            (Self::Object, "data" | "binaryData" | "stringData") => Self::Data,
            (Self::Data, _) => Self::DataValue,
            _ => Self::Other,
        }
    }
}

/// Reader of a part; none for a value that is not kept.
struct JsonSeed(JsonPart);

impl JsonSeed {
    fn leaf(&self, tree: impl FnOnce(&Location) -> Tree) -> Option<Tree> {
        (self.0 != JsonPart::DataValue).then(|| tree(&Location::synthetic()))
    }
}

impl<'de> DeserializeSeed<'de> for JsonSeed {
    type Value = Option<Tree>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed {
    type Value = Option<Tree>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.leaf(|place| Tree::literal("null", place)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.leaf(|place| Tree::literal(if value { "true" } else { "false" }, place)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.leaf(|place| Tree::literal(&value.to_string(), place)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.leaf(|place| Tree::literal(&value.to_string(), place)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.leaf(|place| Tree::literal(&value.to_string(), place)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        if self.0 == JsonPart::DataValue {
            let names: Vec<_> = words(text).filter(|word| ends_with_hash(word)).collect();
            return Ok((!names.is_empty()).then(|| Tree::text(&names.join(" "), &Location::synthetic())));
        }
        Ok(self.leaf(|place| Tree::text(text, place)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let part = if self.0 == JsonPart::Items { JsonPart::Object } else { JsonPart::Other };
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self(part))? {
            list.extend(item);
        }
        Ok(Some(Tree::list(list, &Location::synthetic())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        let place = Location::synthetic();
        let mut map = IndexMap::default();
        while let Some(key) = pairs.next_key::<String>()? {
            if SKIPPED.contains(&key.as_str()) {
                pairs.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = pairs.next_value_seed(Self(self.0.below(&key)))?;
            match map.entry(key) {
                Entry::Occupied(_) => return Err(A::Error::custom("duplicate key")),
                Entry::Vacant(entry) => drop(entry.insert(value.unwrap_or_else(|| Tree::literal("null", &place)))),
            }
        }
        Ok(Some(Tree { place, kind: TreeKind::Map(map) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_kept() {
        let input = r#"{"kind":"List","items":[
            {"kind":"Secret","data":{"a":"canary","b":1},"stringData":{"c":"canary"},
             "metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"canary"}}},
            {"kind":"ControllerRevision","data":{"spec":{"template":{"x":"kept"}}}}]}"#;
        let objects = read_objects(input.as_bytes()).unwrap();
        let shown = format!("{objects:?}");
        assert_eq!(objects.len(), 2);
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("kept"), "{shown}");
        assert!(objects[0].at(&["data", "a"]).is_some(), "the key stays");
    }

    #[test]
    fn of_values_only_words_like_names_of_objects_are_kept() {
        let input = r#"{"kind":"ConfigMap","data":{"a":"canary: shop-4444444444, canary-444\nshop-555555555f.","b":"444-canary"}}"#;
        let objects = read_objects(input.as_bytes()).unwrap();
        let kept = |key: &str| objects[0].at(&["data", key]).and_then(Tree::as_text).map(str::to_owned);
        assert_eq!(kept("a").as_deref(), Some("shop-4444444444 shop-555555555f"));
        assert!(!format!("{objects:?}").contains("canary"));
    }

    #[test]
    fn hostile_input_is_refused_without_a_part_of_it() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let twice = r#"{"kind":"Pod","kind":"canary"}"#;
        for input in [&*deep, twice, "{\"a\": canary}", "{\"a\":1} canary", "\"\u{0}\"", "{\"kind\":\"List\"}"] {
            let problem = read_objects(input.as_bytes()).map(|objects| objects.len()).unwrap_err();
            assert_eq!(problem.rule, Rule::IncompleteEvidence);
            assert!(!format!("{problem:?}").contains("canary"), "{problem:?}");
        }
        assert!(read_objects(b"\xff{}").is_err());
        assert!(read_objects(b"").unwrap().is_empty());
        let part = r#"{"kind":"List","metadata":{"continue":"x"},"items":[]}"#;
        assert!(read_objects(part.as_bytes()).is_err());
    }

    #[test]
    fn several_documents_and_nested_lists_are_read() {
        let input = r#"{"kind":"List","items":[{"kind":"PodList","items":[{"kind":"Pod"}]},{"kind":"Job"}]} {"kind":"Pod"}
            {"kind":"SecretList","items":null}"#;
        assert_eq!(read_objects(input.as_bytes()).unwrap().len(), 3);
    }
}
