//! Placeholders by the shape of a value: that of its type, its rules, its text or its key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::map::IndexMap;
use crate::regex_sample::sample_regex;
use crate::span::Located;

/// Placeholder without a shape.
pub(super) const PLACEHOLDER: &str = "placeholder";

/// Host that does not exist.
const HOST: &str = "placeholder.example";

/// Certificate of that host, and its private key, which is public.
const CERTIFICATE: &str = include_str!("tls.crt");
const PRIVATE_KEY: &str = include_str!("tls.key");

/// Longest placeholder that a rule may request.
const MAX_LENGTH: usize = 4096;

/// Numbers of additional repetitions with which an expression is tried.
const EXTRA: [u32; 8] = [0, 1, 3, 7, 15, 31, 63, 127];

/// Shape of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ValueShape {
    /// A URL: its scheme, whether it has a user, its host, whether it has a path.
    Url { scheme: String, has_user: bool, host: String, has_path: bool },
    /// A certificate in PEM.
    Certificate,
    /// A private key in PEM.
    PrivateKey,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Base64.
    Base64,
    /// Any other text.
    Text,
}

impl ValueShape {
    /// Shape of a text, or what the key shows of it. Of the text itself, only the scheme of a URL and a public host are
    /// kept.
    pub(super) fn of(text: &str, key: &str, is_public: &dyn Fn(&str) -> bool) -> Self {
        let trimmed = text.trim();
        if trimmed.starts_with("-----BEGIN ") {
            let is_key = trimmed.lines().next().is_some_and(|line| line.contains("PRIVATE KEY"));
            return if is_key { Self::PrivateKey } else { Self::Certificate };
        }
        if let Some(url) = Self::of_url(trimmed, is_public) {
            return url;
        }
        if trimmed.starts_with('{') && serde_json::from_str::<Json>(trimmed).is_ok() {
            return Self::Json;
        }
        let is_base64 = trimmed.len() >= 16 && trimmed.ends_with('=') && STANDARD.decode(trimmed).is_ok();
        if is_base64 { Self::Base64 } else { Self::of_key(key) }
    }

    fn of_url(text: &str, is_public: &dyn Fn(&str) -> bool) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "+.-".contains(char);
        if text.contains(char::is_whitespace) || !scheme.starts_with(|char: char| char.is_ascii_lowercase()) {
            return None;
        }
        if scheme.len() > 32 || !scheme.chars().all(is_scheme) {
            return None;
        }
        // ciphertext may contain any of these
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = if is_public(host) { host } else { HOST };
        let has_path = path.len() > 1;
        Some(Self::Url { scheme: scheme.to_owned(), has_user: user.is_some(), host: host.to_owned(), has_path })
    }

    /// Shape that a key shows.
    fn of_key(key: &str) -> Self {
        let key = key.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| key.ends_with(ending));
        if ends(&[".key", "-key.pem", "private_key", "privatekey", "private-key", "id_rsa", "id_ed25519"]) {
            Self::PrivateKey
        } else if ends(&[".crt", ".cert", ".pem", ".cer", "certificate", "_cert"]) {
            Self::Certificate
        } else if ends(&[".json", ".dockerconfigjson", ".dockercfg"]) {
            Self::Json
        } else if ends(&[".yaml", ".yml", "kubeconfig"]) {
            Self::Yaml
        } else {
            Self::Text
        }
    }

    /// Placeholder of the shape.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Url { scheme, has_user, host, has_path } => {
                let user = if *has_user { "placeholder:placeholder@" } else { "" };
                let path = if *has_path { "/placeholder" } else { "" };
                format!("{scheme}://{user}{host}{path}")
            }
            Self::Certificate => CERTIFICATE.to_owned(),
            Self::PrivateKey => PRIVATE_KEY.to_owned(),
            Self::Json => "{\"placeholder\": \"placeholder\"}".to_owned(),
            Self::Yaml => "placeholder: placeholder\n".to_owned(),
            Self::Base64 => STANDARD.encode(PLACEHOLDER),
            Self::Text => PLACEHOLDER.to_owned(),
        }
    }
}

/// Value of a key that the type of a Secret has rules for.
pub(super) fn typed_value(secret_type: Option<&str>, name: &str, key: &str) -> Option<String> {
    let text = match (secret_type?, key) {
        ("kubernetes.io/tls", "tls.crt" | "ca.crt") => CERTIFICATE.to_owned(),
        ("kubernetes.io/tls", "tls.key") | ("kubernetes.io/ssh-auth", "ssh-privatekey") => PRIVATE_KEY.to_owned(),
        ("kubernetes.io/dockerconfigjson", ".dockerconfigjson") => docker_logins([HOST], false),
        ("kubernetes.io/dockercfg", ".dockercfg") => docker_logins([HOST], true),
        ("kubernetes.io/basic-auth", _) => PLACEHOLDER.to_owned(),
        ("bootstrap.kubernetes.io/token", "token-id") => {
            name.strip_prefix("bootstrap-token-").unwrap_or("aaaaaa").to_owned()
        }
        ("bootstrap.kubernetes.io/token", "token-secret") => "placeholder00000".to_owned(),
        ("bootstrap.kubernetes.io/token", "expiration") => "2099-12-31T00:00:00Z".to_owned(),
        ("bootstrap.kubernetes.io/token", "auth-extra-groups") => "system:bootstrappers:placeholder".to_owned(),
        ("bootstrap.kubernetes.io/token", usage) if usage.starts_with("usage-bootstrap-") => "false".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// Logins to image registries.
pub(super) fn docker_logins<'a>(servers: impl IntoIterator<Item = &'a str>, is_legacy: bool) -> String {
    let auth = STANDARD.encode(format!("{PLACEHOLDER}:{PLACEHOLDER}"));
    let login = json!({ "username": PLACEHOLDER, "password": PLACEHOLDER, "auth": auth });
    let logins: serde_json::Map<String, Json> =
        servers.into_iter().map(|server| (server.to_owned(), login.clone())).collect();
    if is_legacy { Json::Object(logins).to_string() } else { json!({ "auths": logins }).to_string() }
}

/// Texts of which one may be allowed by the rules of an entry, the most likely first.
pub(super) fn rule_candidates(schema: &IndexMap<String, Located<Json>>, format: Option<&str>) -> Vec<String> {
    let rule = |name: &str| schema.get(name).map(|rule| &rule.value);
    let length = |name: &str| rule(name).and_then(Json::as_u64).and_then(|length| usize::try_from(length).ok());
    let (shortest, longest) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(MAX_LENGTH));
    let mut found = vec![sized_text(shortest.min(MAX_LENGTH), longest)];
    found.extend(rule("const").map(json_text));
    found.extend(rule("enum").and_then(Json::as_array).into_iter().flatten().map(json_text));
    found.extend(format.and_then(format_sample).map(str::to_owned));
    if let Some(pattern) = rule("pattern").and_then(Json::as_str) {
        found.extend(EXTRA.iter().filter_map(|extra| sample_regex(pattern, *extra)));
        found.extend(u32::try_from(shortest).ok().and_then(|extra| sample_regex(pattern, extra)));
    }
    for name in ["minimum", "maximum", "multipleOf"] {
        found.extend(rule(name).map(json_text));
    }
    for (name, step) in [("exclusiveMinimum", 1), ("exclusiveMaximum", -1)] {
        found.extend(rule(name).and_then(Json::as_i64).map(|limit| limit.saturating_add(step).to_string()));
    }
    if let (Some(least), Some(step)) =
        (rule("minimum").and_then(Json::as_i64), rule("multipleOf").and_then(Json::as_i64).filter(|step| *step > 0))
    {
        let multiple = least.checked_add(step - 1).map(|sum| sum.div_euclid(step) * step);
        found.extend(multiple.map(|multiple| multiple.to_string()));
    }
    found.extend(["0", "1", "false"].map(str::to_owned));
    found
}

/// Placeholder of a length.
fn sized_text(shortest: usize, longest: usize) -> String {
    let mut text = PLACEHOLDER.to_owned();
    while text.len() < shortest {
        text.push('-');
        text.push_str(PLACEHOLDER);
    }
    text.truncate(longest.min(shortest.max(PLACEHOLDER.len())));
    text
}

fn json_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Text of a format of JSON Schema.
fn format_sample(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2000-01-01",
        "date-time" => "2000-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "PT0S",
        "email" | "idn-email" => "placeholder@placeholder.example",
        "hostname" | "idn-hostname" => HOST,
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "iri" => "https://placeholder.example/",
        "uri-reference" | "iri-reference" | "json-pointer" => "/placeholder",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "json" => "{\"placeholder\": \"placeholder\"}",
        "yaml" | "yml" => "placeholder: placeholder\n",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_keep_their_scheme_and_a_public_host() {
        for (text, expected) in [
            (
                "postgres://app:ENC[a/b@c]@db.shop:5432/checkout",
                "postgres://placeholder:placeholder@db.shop:5432/placeholder",
            ),
            ("https://hooks.secret.example/T/B", "https://placeholder.example/placeholder"),
            ("redis://db.shop:5432", "redis://db.shop:5432"),
            ("amqps://u:p@secret", "amqps://placeholder:placeholder@placeholder.example"),
            ("no url://x", PLACEHOLDER),
            ("Secret://x", PLACEHOLDER),
        ] {
            assert_eq!(ValueShape::of(text, "K", &|host| host == "db.shop:5432").to_text(), expected, "{text}");
        }
    }

    #[test]
    fn texts_have_the_length_of_their_rules() {
        for (shortest, longest, length) in [(0, 4096, 11), (12, 4096, 12), (100, 100, 100), (0, 4, 4), (11, 11, 11)] {
            assert_eq!(sized_text(shortest, longest).len(), length, "{shortest} {longest}");
        }
    }

    #[test]
    fn the_key_is_that_of_the_certificate() {
        for (key, expected) in [("a.crt", ValueShape::Certificate), ("TLS_PRIVATE_KEY", ValueShape::PrivateKey)] {
            assert_eq!(ValueShape::of("", key, &|_| false), expected);
        }
        assert!(CERTIFICATE.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(PRIVATE_KEY.starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
