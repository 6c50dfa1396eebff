//! Fields of logins to registries as keys of commands: `registries.ghcr.io.password`.

use crate::layer::{Definition, EntrySource, LayerChange, Tree};
use crate::name::{BundleName, EntryId};
use crate::sops::{ValuePath, ValuePathStep};

/// Field of `registries` in a layer.
const REGISTRIES: &str = "registries";

/// Fields of a login.
const FIELDS: [&str; 3] = ["password", "username", "email"];

/// Field of a login: `registries.SERVER.FIELD`.
struct LoginPath<'a> {
    server: &'a str,
    field: &'a str,
}

impl<'a> LoginPath<'a> {
    fn parse(key: &'a str) -> Option<Self> {
        let (server, field) = key.strip_prefix(REGISTRIES)?.rsplit_once('.')?;
        let quoted = |text: &'a str| text.strip_prefix("[\"")?.strip_suffix("\"]");
        let server = server.strip_prefix('.').or_else(|| quoted(server))?;
        FIELDS.contains(&field).then_some(Self { server, field })
    }
}

/// Logins of a bundle, merged from its layers.
fn logins<'d>(definition: &'d Definition, bundle: &BundleName) -> Option<&'d Tree> {
    definition.bundles.get(bundle)?.entries.values().find_map(|entry| match &entry.source.as_ref()?.value {
        EntrySource::Registries(tree) => Some(tree),
        _ => None,
    })
}

/// Whether the value of an entry is generated from logins.
pub(super) fn is_generated(definition: &Definition, id: &EntryId) -> bool {
    let of_logins = |change: &LayerChange| matches!(change, LayerChange::Source(EntrySource::Registries(_)));
    definition.entry(id).is_some_and(|entry| entry.history.iter().any(|step| of_logins(&step.change)))
}

/// The keys by which commands name the fields of a bundle's logins: those of passwords.
pub(super) fn login_keys(definition: &Definition, bundle: &BundleName) -> Vec<String> {
    let servers = logins(definition, bundle).and_then(Tree::as_map);
    servers.into_iter().flatten().map(|(server, _)| format!("{REGISTRIES}.{server}.password")).collect()
}

/// Bundles with a login that a key is a field of.
pub(super) fn bundles_with_login<'d>(definition: &'d Definition, key: &str) -> Vec<&'d BundleName> {
    let Some(login) = LoginPath::parse(key) else { return Vec::new() };
    let has_login =
        |name: &BundleName| logins(definition, name).is_some_and(|servers| servers.get(login.server).is_some());
    definition.bundles.keys().filter(|name| has_login(name)).collect()
}

/// The path in a layer of a field of a login, if the key of an id is one.
pub(super) fn login_path(definition: &Definition, id: &EntryId) -> Option<ValuePath> {
    let login = LoginPath::parse(id.key.as_str())?;
    logins(definition, &id.bundle)?.get(login.server)?;
    let keys = ["bundles", id.bundle.as_str(), REGISTRIES, login.server, login.field];
    Some(keys.into_iter().map(|key| ValuePathStep::Key(key.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_login_may_contain_dots_and_ports() {
        for (key, expected) in [
            ("registries.ghcr.io.password", Some(("ghcr.io", "password"))),
            ("registries[\"ghcr.io\"].username", Some(("ghcr.io", "username"))),
            ("registries.localhost:5000.email", Some(("localhost:5000", "email"))),
            ("registries.ghcr.io", None),
            ("registries.password", None),
            ("registry.ghcr.io.password", None),
        ] {
            assert_eq!(LoginPath::parse(key).map(|login| (login.server, login.field)), expected, "{key}");
        }
    }
}
