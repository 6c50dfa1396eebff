//! `registries` of a bundle: logins to image registries, by server.
//!
//! They are one more source of an entry: the key is the one required by the type of the bundle's Secret. So they merge
//! like structures, and taint, history and routing need no special case.

use super::definition::{Bundle, Definition};
use super::entry::{Entry, EntryHistoryStep, EntryPatch, EntrySchema, EntrySource, LayerChange};
use super::fields::unknown_field;
use super::tree::Tree;
use super::unexpected::unexpected_value;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::map::IndexMap;
use crate::name::{BundleName, KeyName};
use crate::span::{Located, Location, Source};
use crate::yaml::node::{Mapping, Scalar, YamlKind, YamlNode, is_gap};

pub(super) const FIELDS: [&str; 3] = ["username", "password", "email"];

/// Secret type that `registries` implies.
const DOCKER_CONFIG_JSON: &str = "kubernetes.io/dockerconfigjson";

/// Key that contains the logins in a Secret of this type; `None` for other types.
pub(super) fn key_of(secret_type: &str) -> Option<&'static str> {
    match secret_type {
        DOCKER_CONFIG_JSON => Some(".dockerconfigjson"),
        "kubernetes.io/dockercfg" => Some(".dockercfg"),
        _ => None,
    }
}

/// Reads the logins of a bundle from a layer.
pub(super) fn read_registries(
    field: Option<(Location, YamlNode)>,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<EntryPatch> {
    let (key_place, node) = field?;
    let before = problems.len();
    match &node.kind {
        YamlKind::Map(servers) => check_servers(servers, source, problems),
        _ => problems.push(
            unexpected_value("registries", "a mapping of servers", &node, &key_place, source)
                .hint("write `registries: { ghcr.io: { username: …, password: … } }`"),
        ),
    }
    let broken = problems.len() > before;
    let place = source.place(node.span);
    let tree = EntrySource::Registries(Tree::from_node(node, source));
    Some(EntryPatch {
        key_place,
        removed: false,
        broken,
        source: (!broken).then_some(Located { value: tree, place }),
        rules: EntrySchema::none(),
    })
}

fn check_servers(servers: &Mapping, source: &Source, problems: &mut Diagnostics) {
    for (server, login) in servers {
        if is_gap(server, login) {
            problems.push(unexpected_value(
                "registries",
                "a mapping of servers",
                login,
                &source.place(server.span),
                source,
            ));
            continue;
        }
        let key = source.place(server.span);
        if server.text.is_empty() || server.text.contains(char::is_whitespace) {
            problems.push(
                Diagnostic::error(Rule::InvalidField, "the server of a registry is a host such as `ghcr.io`, or a URL")
                    .at(key.clone()),
            );
        }
        match &login.kind {
            YamlKind::Scalar(scalar) if scalar.is_null() => {}
            YamlKind::Map(fields) => check_login(&server.text, fields, source, problems),
            _ => problems.push(
                unexpected_value(&server.text, "a mapping with `username` and `password`", login, &key, source)
                    .hint("`null` removes a registry"),
            ),
        }
    }
}

fn check_login(server: &str, fields: &Mapping, source: &Source, problems: &mut Diagnostics) {
    for (field, value) in fields {
        if !is_gap(field, value) && !FIELDS.contains(&field.text.as_str()) {
            problems.push(unknown_field(field, &FIELDS, &format!("the registry `{server}`"), source));
        } else if value.as_scalar().is_none_or(|scalar: &Scalar| scalar.blank) {
            let is_pointer = matches!(&value.kind, YamlKind::Map(map) if map.contains_key("ref"));
            let hint = "a login in an external store must be stored as a whole: write `data: { .dockerconfigjson: { ref: … } }` instead of `registries`";
            let problem = unexpected_value(&field.text, "a string", value, &source.place(field.span), source);
            problems.push(problem.maybe_hint(is_pointer.then(|| hint.to_owned())));
        }
    }
}

/// Adds the merged logins to their bundles, as the entry that the type of the Secret requires.
pub(super) fn place_registries(
    definition: &mut Definition,
    registries: IndexMap<BundleName, Entry>,
    problems: &mut Diagnostics,
) {
    for (name, entry) in registries {
        let Some(bundle) = definition.bundles.get_mut(&name) else { continue };
        if let Some(problem) = insert_login(&name, bundle, entry) {
            problems.push(problem);
        }
    }
}

/// Whether a key is generated where a bundle has `registries`.
pub(super) fn is_generated_key(key: &KeyName) -> bool {
    matches!(key.as_str(), ".dockerconfigjson" | ".dockercfg")
}

/// Error: an overlay gives a value to the key that is generated from `registries`.
pub(super) fn generated_key(bundle: &BundleName, key: &KeyName, change: &EntryPatch) -> Diagnostic {
    let message = format!("`{key}` has two sources: it is generated from `registries` of the bundle `{bundle}`");
    let word = shell_word(change.key_place.source.name());
    let entry = shell_word(&format!("bundles.{bundle}.data[\"{key}\"]"));
    Diagnostic::error(Rule::TwoSources, message)
        .at_masked(change.key_place.clone())
        .hint(format!("remove it here: `septum unset {word} {entry}` in an encrypted file"))
        .hint(format!("set a password with `septum set ENV registries.SERVER.password --bundle {bundle}`"))
}

fn insert_login(name: &BundleName, bundle: &mut Bundle, mut entry: Entry) -> Option<Diagnostic> {
    // without a server there is no value
    let is_empty = |source: &mut Located<EntrySource>| matches!(&source.value, EntrySource::Registries(tree) if tree.is_empty_map());
    // a layer that removes the last of them removes the value
    if entry.source.take_if(is_empty).is_some()
        && let Some(EntryHistoryStep { change: change @ LayerChange::Merged(_), .. }) = entry.history.last_mut()
    {
        *change = LayerChange::Removed;
    }
    let defined = entry.defined.clone();
    let key: KeyName = match &bundle.secret_type {
        Some(secret_type) => match key_of(&secret_type.value) {
            Some(key) => key.into(),
            None => return Some(wrong_type(name, secret_type, defined)),
        },
        None if !bundle.entries.is_empty() => {
            let message = format!("the bundle `{name}` has `registries` and other entries, but no `type`");
            return Some(
                Diagnostic::error(Rule::InvalidField, message)
                    .at(defined)
                    .note("`registries` generate an image pull Secret, which would include the other entries")
                    .hint("move `registries` to a separate bundle")
                    .hint(format!("or set `type: {DOCKER_CONFIG_JSON}`, if that is intended")),
            );
        }
        None => {
            bundle.secret_type = Some(Located { value: DOCKER_CONFIG_JSON.to_owned(), place: defined.clone() });
            ".dockerconfigjson".into()
        }
    };
    if let Some(other) = bundle.entries.get(&key) {
        let message = format!("`{key}` has two sources, `registries` and an entry under `data`");
        return Some(
            Diagnostic::error(Rule::TwoSources, message)
                .at(other.defined.clone())
                .at_with(defined, "other source")
                .hint("remove one of them: the file itself, or the logins to generate it from"),
        );
    }
    bundle.entries.insert(key, entry);
    None
}

fn wrong_type(name: &BundleName, secret_type: &Located<String>, at: Location) -> Diagnostic {
    let message =
        format!("`registries` of the bundle `{name}` cannot be used with the Secret type `{}`", secret_type.value);
    Diagnostic::error(Rule::InvalidField, message)
        .at(at)
        .at_with(secret_type.place.clone(), "the type")
        .hint("move `registries` to a separate bundle without a `type`")
}
