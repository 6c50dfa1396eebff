//! Image pull secrets that are given as ready-made JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::TypedSecret;
use crate::diagnostic::Diagnostics;
use crate::map::IndexMap;

/// Checked parts: the servers and their credentials, of which no copy outlives the check.
#[derive(Deserialize)]
struct DockerConfig {
    auths: Registries,
}

/// Credentials by server.
type Registries = IndexMap<String, Option<RegistryCredentials>>;

/// Problem of the first invalid credentials.
fn doubt(registries: &Registries) -> Option<&'static str> {
    registries.values().flatten().find_map(RegistryCredentials::doubt)
}

/// Credentials for a registry.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RegistryCredentials {
    auth: Credential,
    username: Credential,
    password: Credential,
    identitytoken: Credential,
    registrytoken: Credential,
}

impl RegistryCredentials {
    fn has_credentials(&self) -> bool {
        [&self.auth, &self.password, &self.identitytoken, &self.registrytoken].into_iter().any(|field| field.is_there)
    }

    /// Problem of the fields that the kubelet reads, of which `auth` counts.
    fn doubt(&self) -> Option<&'static str> {
        // one of them, and the kubelet reads nothing of the file (kubernetes/pkg/credentialprovider/config.go)
        if [&self.auth, &self.username, &self.password].into_iter().any(|field| field.is_other) {
            return Some("has an `auth`, `username` or `password` that is not a text, so image pulls will fail");
        }
        if self.auth.text.is_empty() || !self.auth.is_there {
            return None;
        }
        let Some(login) = STANDARD.decode(self.auth.text.as_bytes()).ok().map(Zeroizing::new) else {
            return Some("has an `auth` that is not valid base64, so image pulls will fail");
        };
        let Some(colon) = login.iter().position(|byte| *byte == b':') else {
            return Some("has an `auth` that is not `USER:PASSWORD` in base64, so image pulls will fail");
        };
        let (user, password) = (login.get(..colon)?, login.get(colon + 1..)?);
        let differs = |given: &Credential, used: &[u8]| given.is_there && given.text.as_bytes() != used;
        let contradicts = differs(&self.username, user) || differs(&self.password, password);
        contradicts
            .then_some("has an `auth` that contradicts the `username` or `password` beside it; only `auth` is used")
    }
}

/// Text that is present, unless it is empty, or consists of an empty user and password (`:` in Base64).
#[derive(Default)]
struct Credential {
    is_there: bool,
    /// Whether it has another type.
    is_other: bool,
    /// Text; empty for other types.
    text: Zeroizing<String>,
}

impl Credential {
    /// Credential of another type.
    fn other() -> Self {
        Self { is_there: true, is_other: true, text: Zeroizing::default() }
    }
}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CredentialVisitor)
    }
}

struct CredentialVisitor;

impl<'de> Visitor<'de> for CredentialVisitor {
    type Value = Credential;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Credential, E> {
        let is_there = !text.is_empty() && text != "Og==";
        Ok(Credential { is_there, is_other: false, text: Zeroizing::new(text.to_owned()) })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Credential, E> {
        Ok(Credential::default())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Credential, E> {
        Ok(Credential::other())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Credential, E> {
        Ok(Credential::other())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Credential, E> {
        Ok(Credential::other())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Credential, E> {
        Ok(Credential::other())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Credential, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Credential::other())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut fields: A) -> Result<Credential, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Credential::other())
    }
}

impl TypedSecret<'_> {
    /// Checks for a JSON object, which the server requires (it accepts null too); its content is the kubelet's concern.
    pub(super) fn check_docker(&self, key: &str, problems: &mut Diagnostics) {
        let Some(value) = self.needed_value(key, problems) else { return };
        let hint = "let septum generate it: `registries: { ghcr.io: { username: …, password: … } }`";
        let bytes = value.bytes().trim_ascii_start();
        if serde_json::from_slice::<IgnoredAny>(value.bytes()).is_err() {
            // location and cause would reveal the content
            problems.push(self.wrong_value(key, "is not valid JSON").hint(hint));
            return;
        }
        let problem = match bytes.first() {
            Some(b'{') if key == ".dockercfg" => {
                let registries = serde_json::from_slice::<Registries>(bytes).unwrap_or_default();
                let Some(doubt) = doubt(&registries) else { return };
                self.doubtful_value(key, doubt)
            }
            Some(b'{') => match serde_json::from_slice::<DockerConfig>(bytes) {
                Ok(DockerConfig { auths }) if auths.values().flatten().any(RegistryCredentials::has_credentials) => {
                    let Some(doubt) = doubt(&auths) else { return };
                    self.doubtful_value(key, doubt)
                }
                Ok(DockerConfig { auths }) if !auths.is_empty() => {
                    self.doubtful_value(key, "has no credentials for any of its registries, so image pulls will fail")
                }
                _ => self.doubtful_value(key, "has no registry under `auths`, so image pulls will fail"),
            },
            Some(b'n') => self.doubtful_value(key, "is `null`, so image pulls will fail"),
            Some(b'[') => self.wrong_value(key, "must be a JSON object, but is an array"),
            _ => self.wrong_value(key, "must be a JSON object, but is a scalar"),
        };
        problems.push(problem.hint(hint));
    }
}
