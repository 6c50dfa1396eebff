//! Keys of services that are not age: preserved, compared, never used.

use std::fmt;

use septum_base::yaml::node::{Mapping, YamlKind, YamlNode};

/// The lists of such keys in the metadata, in the order of sops (format, 1.8).
pub(crate) const SERVICES: [&str; 6] = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp"];

/// A key of a service that is not age.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The list of the metadata that it is in: `pgp`, `kms` ….
    pub service: &'static str,
    /// Name in sops, which identifies it: a fingerprint, an ARN with its role, a URL.
    pub name: String,
}

impl ForeignKey {
    /// The key of an entry of the metadata.
    pub(crate) fn of_entry(service: &'static str, entry: &YamlNode) -> Self {
        let fields = entry.as_map();
        let field = |name: &str| fields.and_then(|fields| field_text(fields, name)).unwrap_or_default();
        let name = match service {
            "pgp" => strip_blanks(field("fp")),
            "kms" => aws_key_name(field("arn"), field("role")),
            "gcp_kms" => field("resource_id").to_owned(),
            "azure_kv" => azure_key_name(field("vault_url"), field("name"), field("version")),
            "hc_vault" => vault_key_name(field("vault_address"), field("engine_path"), field("key_name")),
            _ => field("key_id").to_owned(),
        };
        Self { service, name }
    }
}

/// A fingerprint without the blanks that `gpg` prints.
pub(crate) fn strip_blanks(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}

/// `arn` or `arn+role`.
pub(crate) fn aws_key_name(arn: &str, role: &str) -> String {
    let (arn, role) = (arn.trim(), role.trim());
    if role.is_empty() { arn.to_owned() } else { format!("{arn}+{role}") }
}

/// `https://vault/keys/name/version`
pub(crate) fn azure_key_name(vault: &str, key: &str, version: &str) -> String {
    format!("{}/keys/{key}/{version}", vault.trim_end_matches('/')).trim_end_matches('/').to_owned()
}

/// `https://address/v1/engine/keys/name`
fn vault_key_name(address: &str, engine: &str, key: &str) -> String {
    format!("{}/v1/{}/keys/{key}", address.trim_end_matches('/'), engine.trim_matches('/'))
}

fn field_text<'a>(fields: &'a Mapping, name: &str) -> Option<&'a str> {
    match fields.get(name).map(|node| &node.kind) {
        Some(YamlKind::Scalar(scalar)) if !scalar.is_null() => Some(scalar.text()),
        _ => None,
    }
}

impl fmt::Display for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.service, self.name)
    }
}
