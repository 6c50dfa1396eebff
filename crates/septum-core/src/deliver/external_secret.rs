//! ExternalSecrets (`external-secrets.io/v1`): an operator reads a store and creates a Secret from its values.
//!
//! The fields of the object follow `apis/externalsecrets/v1/externalsecret_types.go` of external-secrets; further
//! conditions of its webhook (`externalsecret_validator.go`) are checked here. Most of them cannot be violated: there
//! is always a key, each key occurs once, and policies are the defaults.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Delivery, SecretStore, StoreRef, Tree};
use crate::manifest::Manifest;
use crate::name::EntryId;
use crate::object::{ExternalBundle, ExternalEntry, ExternalValue, wrong_object_name};
use crate::resolve::{StoreRefFilter, StoreTextPart};
use crate::span::Location;

/// Types of Secrets that the webhook rejects.
const REFUSED: [&str; 2] = ["bootstrap.kubernetes.io/token", "kubernetes.io/service-account-token"];

/// Builds the ExternalSecret of a bundle. Errors: `delivery`, `invalid-name`.
pub fn external_secret(part: &ExternalBundle, delivery: &Delivery, problems: &mut Diagnostics) -> Option<Manifest> {
    let fetched = FetchedValues::of(part);
    let store = problems.take(store_of(part, &fetched, delivery))?;
    problems.extend(misnamed_stores(part, &store, delivery));
    if REFUSED.contains(&part.secret_type.as_str()) {
        let message = format!("an ExternalSecret cannot create a Secret of type `{}`", part.secret_type);
        problems.push(
            Diagnostic::error(Rule::Delivery, message)
                .at(first_place(part))
                .note("the webhook of external-secrets rejects it")
                .hint("set its values in a layer"),
        );
        return None;
    }
    let place = Location::synthetic();
    let text = |text: &str| Tree::text(text, &place);
    let mut target = vec![("creationPolicy", text("Owner")), ("name", text(&part.name))];
    if fetched.needs_template(part) {
        target.push(("template", secret_template(part, &fetched)));
    }
    let mut spec = vec![("data", Tree::list(fetched.data(&store), &place))];
    spec.extend(delivery.refresh_interval.as_ref().map(|interval| ("refreshInterval", text(&interval.value))));
    spec.push(("secretStoreRef", store_reference(&store)));
    spec.push(("target", Tree::map(target, &place)));
    let object = [
        ("apiVersion", text("external-secrets.io/v1")),
        ("kind", text("ExternalSecret")),
        ("metadata", super::object_metadata(part)),
        ("spec", Tree::map(spec, &place)),
    ];
    problems.take(Manifest::of(Tree::map(object, &place)))
}

/// Values to fetch, with their intermediate names.
struct FetchedValues<'a> {
    names: BTreeMap<&'a EntryId, String>,
    store_refs: BTreeMap<String, &'a StoreRef>,
}

impl<'a> FetchedValues<'a> {
    fn of(part: &'a ExternalBundle) -> Self {
        let mut fetched = Self { names: BTreeMap::new(), store_refs: BTreeMap::new() };
        for (id, pointer) in store_values(part) {
            if fetched.names.contains_key(id) {
                continue;
            }
            let own = id.bundle.as_str() == part.base_name;
            let mut name = if own { id.key.as_str().to_owned() } else { format!("{}.{}", id.bundle, id.key) };
            // a key of the bundle may have that name by chance
            while fetched.store_refs.contains_key(&name) || !own && part.entries.contains_key(&name) {
                name.push('_');
            }
            fetched.store_refs.insert(name.clone(), pointer);
            fetched.names.insert(id, name);
        }
        fetched
    }

    fn name(&self, id: &EntryId) -> &str {
        self.names.get(id).map(String::as_str).unwrap_or_default()
    }

    /// Whether the Secret differs from all values under their names.
    fn needs_template(&self, part: &ExternalBundle) -> bool {
        let is_as_fetched = |(key, entry): (&String, &ExternalEntry)| match &entry.value {
            ExternalValue::FromStore(pointed) => match pointed.pieces.as_slice() {
                [StoreTextPart::Value { id, filters, .. }] => filters.is_empty() && self.name(id) == key,
                _ => false,
            },
            ExternalValue::Literal(_) => false,
        };
        part.secret_type != "Opaque"
            || self.store_refs.len() != part.entries.len()
            || !part.entries.iter().all(is_as_fetched)
    }

    fn data(&self, store: &SecretStore) -> Vec<Tree> {
        let place = Location::synthetic();
        let text = |text: &str| Tree::text(text, &place);
        let item = |(name, pointer): (&String, &&StoreRef)| {
            let mut remote = vec![("key", text(&pointer.key))];
            remote.extend(pointer.property.as_deref().map(|property| ("property", text(property))));
            remote.extend(pointer.version.as_deref().map(|version| ("version", text(version))));
            let mut fields = vec![("remoteRef", Tree::map(remote, &place)), ("secretKey", text(name))];
            if let Some(other) = pointer.store.as_deref().filter(|other| *other != store.name) {
                let other = SecretStore { kind: store.kind.clone(), name: other.to_owned() };
                fields.push(("sourceRef", Tree::map([("storeRef", store_reference(&other))], &place)));
            }
            Tree::map(fields, &place)
        };
        self.store_refs.iter().map(item).collect()
    }
}

/// All store values of a part, with their entries.
fn store_values(part: &ExternalBundle) -> impl Iterator<Item = (&EntryId, &StoreRef)> {
    let pointed = part.entries.values().filter_map(|entry| match &entry.value {
        ExternalValue::FromStore(pointed) => Some(pointed),
        ExternalValue::Literal(_) => None,
    });
    pointed.flat_map(|pointed| &pointed.pieces).filter_map(|piece| match piece {
        StoreTextPart::Value { id, store_ref: pointer, .. } => Some((id, &**pointer)),
        StoreTextPart::Text(_) => None,
    })
}

fn store_reference(store: &SecretStore) -> Tree {
    let place = Location::synthetic();
    Tree::map([("kind", Tree::text(&store.kind, &place)), ("name", Tree::text(&store.name, &place))], &place)
}

/// Store that most values come from.
fn store_of(
    part: &ExternalBundle,
    fetched: &FetchedValues<'_>,
    delivery: &Delivery,
) -> Result<SecretStore, Diagnostic> {
    if let Some(store) = &delivery.store {
        return Ok(store.value.clone());
    }
    // if every value names a store, no other is needed
    let mut named = fetched.store_refs.values().map(|pointer| pointer.store.as_deref());
    let first = named.next().flatten();
    match first.filter(|_| named.all(|store| store.is_some())) {
        Some(name) => Ok(SecretStore { kind: "SecretStore".to_owned(), name: name.to_owned() }),
        None => {
            let unnamed = store_values(part).find(|(_, pointer)| pointer.store.is_none()).map(|(id, _)| &id.key);
            let what = match (unnamed, store_values(part).any(|(_, pointer)| pointer.store.is_some())) {
                (Some(key), true) => {
                    format!("the key `{key}` of the bundle `{}`, whose `ref` has no `store`", part.base_name)
                }
                _ => format!("the bundle `{}`", part.base_name),
            };
            let message = format!("`refs: external-secret` requires a store for {what}");
            let place = delivery.refs.as_ref().map_or_else(|| first_place(part), |form| form.place.clone());
            Err(Diagnostic::error(Rule::Delivery, message)
                .at(place)
                .hint("write `delivery: { store: { kind: ClusterSecretStore, name: NAME } }`"))
        }
    }
}

/// Reports stores with invalid names: the API server would reject the ExternalSecret.
fn misnamed_stores(part: &ExternalBundle, store: &SecretStore, delivery: &Delivery) -> Vec<Diagnostic> {
    let declared = delivery.store.as_ref().map(|store| store.place.clone());
    let mut named = BTreeMap::from([(store.name.as_str(), declared.unwrap_or_else(|| first_place(part)))]);
    for entry in part.entries.values() {
        let ExternalValue::FromStore(pointed) = &entry.value else { continue };
        for piece in &pointed.pieces {
            let StoreTextPart::Value { store_ref: pointer, .. } = piece else { continue };
            let Some(other) = &pointer.store else { continue };
            named.entry(other).or_insert_with(|| entry.place.clone());
        }
    }
    let wrong = named.into_iter().filter_map(|(name, place)| {
        let message = format!("`{name}` is not a valid name for a store: {}", wrong_object_name(name)?);
        Some(Diagnostic::error(Rule::InvalidName, message).at(place))
    });
    wrong.collect()
}

fn first_place(part: &ExternalBundle) -> Location {
    part.entries.values().next().map_or_else(Location::synthetic, |entry| entry.place.clone())
}

/// Template from which the operator creates the Secret: a Go template for each key. With a template, the Secret gets
/// the metadata in it, which is templated too, otherwise that of the ExternalSecret
/// (`externalsecret_controller_template.go`).
fn secret_template(part: &ExternalBundle, fetched: &FetchedValues<'_>) -> Tree {
    let place = Location::synthetic();
    let text = |text: &str| Tree::text(text, &place);
    let data = part.entries.iter().map(|(key, entry)| (key.as_str(), text(&value_template(&entry.value, fetched))));
    let mut fields = vec![("data", Tree::map(data, &place)), ("engineVersion", text("v2"))];
    let pairs = |pairs: &BTreeMap<String, String>| {
        Tree::map(pairs.iter().map(|(key, value)| (key.as_str(), text(&literal_template(value, false)))), &place)
    };
    let mut metadata = Vec::new();
    if !part.annotations.is_empty() {
        metadata.push(("annotations", pairs(&part.annotations)));
    }
    metadata.push(("labels", pairs(&part.labels)));
    fields.push(("metadata", Tree::map(metadata, &place)));
    fields.push(("type", text(&part.secret_type)));
    Tree::map(fields, &place)
}

/// Value as a Go template.
fn value_template(value: &ExternalValue, fetched: &FetchedValues<'_>) -> String {
    let pieces = match value {
        ExternalValue::Literal(known) => return literal_template(known.text().unwrap_or_default(), false),
        ExternalValue::FromStore(pointed) => &pointed.pieces,
    };
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            StoreTextPart::Text(known) => out.push_str(&literal_template(known.expose(), index + 1 < pieces.len())),
            StoreTextPart::Value { id, filters, .. } => {
                let name = fetched.name(id);
                let value = if is_identifier(name) { format!(".{name}") } else { format!("index . \"{name}\"") };
                out.extend(["{{ ", &value]);
                out.extend(filters.iter().flat_map(|filter| [" | ", template_function(*filter)]));
                out.push_str(" }}");
            }
        }
    }
    out
}

/// Text that Go templates print unchanged: nothing in it may open an action, alone or together with the text that
/// follows.
fn literal_template(text: &str, has_more: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let opens = char == '{' && chars.peek().map_or(has_more, |next| *next == '{');
        if opens { out.push_str("{{ \"{\" }}") } else { out.push(char) }
    }
    out
}

/// Whether a name can follow a dot in a Go template.
fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Equivalent function in the operator's templates: Go's own with the functions of sprig.
fn template_function(filter: StoreRefFilter) -> &'static str {
    match filter {
        // Go encodes a blank as `+`, which is only valid in forms
        StoreRefFilter::UrlEncode => "urlquery | replace \"+\" \"%20\"",
        StoreRefFilter::Base64 => "b64enc",
        // minijinja also escapes the apostrophe, for HTML: a digest of it must not differ
        StoreRefFilter::Json => "toJson | replace \"'\" \"\\\\u0027\"",
        StoreRefFilter::Sha256 => "sha256sum",
        StoreRefFilter::Trim => "trim",
    }
}

#[cfg(test)]
mod tests {
    use super::literal_template;

    #[test]
    fn nothing_in_a_literal_opens_an_action() {
        for (text, has_more, expected) in [
            ("plain", true, "plain"),
            ("{", false, "{"),
            ("{", true, "{{ \"{\" }}"),
            ("{{ x }}", false, "{{ \"{\" }}{ x }}"),
            ("{{{", true, "{{ \"{\" }}{{ \"{\" }}{{ \"{\" }}"),
            ("a{b}", true, "a{b}"),
        ] {
            assert_eq!(literal_template(text, has_more), expected, "{text}");
        }
    }
}
