//! Secrets for pulling images that are given ready-made.

use indexmap::IndexMap;
use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};

use super::TypedSecret;
use crate::diagnostic::Diagnostics;

/// The parts that are looked at: the servers, and whether they have credentials. No copy of one is made.
#[derive(Deserialize)]
struct Config {
    auths: IndexMap<String, Option<Registry>>,
}

/// Credentials of a registry.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Registry {
    auth: Presence,
    password: Presence,
    identitytoken: Presence,
    registrytoken: Presence,
}

impl Registry {
    fn has_credentials(&self) -> bool {
        [&self.auth, &self.password, &self.identitytoken, &self.registrytoken].into_iter().any(|field| field.0)
    }
}

/// Whether a text is there, and neither empty nor a user and a password that are (`:` in Base64).
#[derive(Default)]
struct Presence(bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PresenceVisitor)
    }
}

struct PresenceVisitor;

impl<'de> Visitor<'de> for PresenceVisitor {
    type Value = Presence;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Presence, E> {
        Ok(Presence(!text.is_empty() && text != "Og=="))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Presence, E> {
        Ok(Presence(false))
    }

    // what is no text is the kubelet's concern
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Presence, E> {
        Ok(Presence(true))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Presence, E> {
        Ok(Presence(true))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Presence, E> {
        Ok(Presence(true))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Presence, E> {
        Ok(Presence(true))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Presence, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Presence(true))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut fields: A) -> Result<Presence, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Presence(true))
    }
}

impl TypedSecret<'_> {
    /// The server wants a JSON object, and takes null for one; what is in it is the kubelet's concern.
    pub(super) fn check_docker(&self, key: &str, problems: &mut Diagnostics) {
        let Some(value) = self.needed(key, problems) else { return };
        let hint = "let septum write it: `registries: { ghcr.io: { username: …, password: … } }`";
        let bytes = value.bytes().trim_ascii_start();
        if serde_json::from_slice::<IgnoredAny>(value.bytes()).is_err() {
            // where and why would tell what it is
            problems.push(self.wrong(key, "is not JSON").hint(hint));
            return;
        }
        let problem = match bytes.first() {
            Some(b'{') if key == ".dockercfg" => return,
            Some(b'{') => match serde_json::from_slice::<Config>(bytes) {
                Ok(Config { auths }) if auths.values().flatten().any(Registry::has_credentials) => return,
                Ok(Config { auths }) if !auths.is_empty() => self.doubtful(
                    key,
                    "has no credentials for any of its registries, so that nothing can be pulled with it",
                ),
                _ => self.doubtful(key, "names no registry under `auths`, so that nothing can be pulled with it"),
            },
            Some(b'n') => self.doubtful(key, "is `null`, so that nothing can be pulled with it"),
            Some(b'[') => self.wrong(key, "must be a JSON object, but is a list"),
            _ => self.wrong(key, "must be a JSON object, but is a single value"),
        };
        problems.push(problem.hint(hint));
    }
}
