//! `ref`: a reference to a value that stays in an external store.

use super::fields::LayerFields;
use super::unexpected::unexpected_value;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::span::{Location, Source};
use crate::yaml::node::{Scalar, YamlKind, YamlNode};

pub(super) const FIELDS: [&str; 4] = ["key", "property", "version", "store"];

/// Location of an entry's value in a store. Contains no secret: it is written to Git and to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreRef {
    /// Name of the object in the store: a Vault path, or an AWS, Azure or Google name.
    pub key: String,
    /// Part of that object, if it has several.
    pub property: Option<String>,
    /// Version of the object, if not the newest.
    pub version: Option<String>,
    /// Store, if it differs from `delivery.store`.
    pub store: Option<String>,
}

impl StoreRef {
    /// Parses `KEY#PROPERTY@VERSION`, of which only the key is required.
    fn short(text: &str) -> Option<Self> {
        let (key, rest) = match text.split_once('#') {
            Some((key, rest)) => (key, Some(rest)),
            None => (text, None),
        };
        let (head, version) = match rest.unwrap_or(key).rsplit_once('@') {
            Some((head, version)) => (head, Some(version)),
            None => (rest.unwrap_or(key), None),
        };
        let (key, property) = if rest.is_some() { (key, Some(head)) } else { (head, None) };
        let parts = [Some(key), property, version];
        if parts.into_iter().flatten().any(|part| part.trim().is_empty()) {
            return None;
        }
        let owned = |part: Option<&str>| part.map(str::to_owned);
        Some(Self { key: key.to_owned(), property: owned(property), version: owned(version), store: None })
    }

    /// Short form as people write it: `KEY#PROPERTY@VERSION`.
    pub fn to_short(&self) -> String {
        let part = |sign: &str, part: &Option<String>| part.as_ref().map(|part| format!("{sign}{part}"));
        let parts = [Some(self.key.clone()), part("#", &self.property), part("@", &self.version)];
        parts.into_iter().flatten().collect()
    }
}

/// Reads the value of `ref`.
pub(super) fn read_store_ref(
    key: &Location,
    node: YamlNode,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<StoreRef> {
    let place = source.place(node.span);
    let found = match node.kind {
        YamlKind::Map(map) => read_long(map, key, source, problems)?,
        YamlKind::Scalar(ref scalar) if !scalar.blank && !scalar.is_null() => read_short(scalar, &place, problems)?,
        YamlKind::Scalar(_) | YamlKind::List(_) => {
            let what = "a string like `path/in/store#property@version` or a mapping with `key`";
            problems.push(unexpected_value("ref", what, &node, key, source));
            return None;
        }
    };
    let texts = [Some(&found.key), found.property.as_ref(), found.version.as_ref()];
    if texts.into_iter().flatten().any(|text| text.contains("{{") || text.contains("{%")) {
        problems.push(
            Diagnostic::error(Rule::InvalidField, "a `ref` cannot be a template")
                .at(place)
                .note("it is read literally, so that an audit of the layers finds every reference")
                .hint("write the `ref` of each environment in its own layer"),
        );
        return None;
    }
    Some(found)
}

fn read_short(scalar: &Scalar, place: &Location, problems: &mut Diagnostics) -> Option<StoreRef> {
    let found = StoreRef::short(scalar.text());
    if found.is_none() {
        problems.push(
            Diagnostic::error(Rule::InvalidField, "a part of this `ref` is empty")
                .at(place.clone())
                .note("the short form is `KEY#PROPERTY@VERSION`, where property and version are optional")
                .hint("write `{ key: …, property: … }` if a part contains `#` or `@`"),
        );
    }
    found
}

fn read_long(
    map: crate::yaml::node::Mapping,
    key: &Location,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<StoreRef> {
    let mut fields = LayerFields::new(map, &FIELDS, "a `ref`", source, problems);
    let mut take = |name: &str| fields.text(name, problems).map(|text| text.value);
    let (name, property, version, store) = (take("key"), take("property"), take("version"), take("store"));
    let Some(name) = name else {
        problems.push(
            fields.missing_field(
                Diagnostic::error(Rule::InvalidField, "a `ref` requires `key`")
                    .at(key.clone())
                    .hint("write `{ key: NAME-IN-THE-STORE, property: … }`"),
            ),
        );
        return None;
    };
    Some(StoreRef { key: name, property, version, store })
}

#[cfg(test)]
mod tests {
    use super::StoreRef;

    #[test]
    fn the_short_form_has_a_property_and_a_version() {
        for (text, expected) in [
            ("app/db", Some(("app/db", None, None))),
            ("app/db#password", Some(("app/db", Some("password"), None))),
            ("app/db#password@3", Some(("app/db", Some("password"), Some("3")))),
            ("app/db@3", Some(("app/db", None, Some("3")))),
            ("a#b.c@AWSPREVIOUS", Some(("a", Some("b.c"), Some("AWSPREVIOUS")))),
            ("team@x/db#a@1", Some(("team@x/db", Some("a"), Some("1")))),
            ("#password", None),
            ("app/db#", None),
            ("app/db@", None),
            ("app/db#@3", None),
        ] {
            let found = StoreRef::short(text);
            let parts =
                found.as_ref().map(|found| (found.key.as_str(), found.property.as_deref(), found.version.as_deref()));
            assert_eq!(parts, expected, "{text}");
            if let Some(found) = found {
                assert_eq!(found.to_short(), text);
            }
        }
    }
}
