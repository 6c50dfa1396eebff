//! Shapes of values that no secret has; they overrule the name.

use std::collections::BTreeMap;

use super::literal::{BLANK, blank_templates, has_reference_prefix, is_reference, without_references};
use super::random::{has_random_part, is_mixed_password, looks_random};
use super::reference_names::{is_fingerprint, is_key_name, maps_to_names, name_of_another};
use super::values::der;
use super::vocabulary::{HEADS, SecretFamily};
use super::words;

/// Reason why a value under a name of this family is not a secret after all.
pub(super) fn veto(family: SecretFamily, key: &str, text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        // empty in the base, real in production: the name decides for both
        return None;
    }
    if is_public_material(text) {
        return Some("the value is a certificate or public key".to_owned());
    }
    if is_map_of_names(text) && maps_to_names(key) {
        return Some("the value is a map of key names".to_owned());
    }
    if is_fetched(text) {
        return None;
    }
    if text.contains('\n') {
        return (family == SecretFamily::Weak).then(|| "the value has several lines".to_owned());
    }
    if family == SecretFamily::Weak {
        let is_made = looks_random(text) && !is_fingerprint(text) || is_mixed_password(text) && !is_reference(text);
        return (!is_made).then(|| "the value does not look random".to_owned());
    }
    benign_shape(family, text)
        .or_else(|| name_of_another(family, key, text))
        .map(|shape| format!("the value is {shape}"))
}

/// Whether a text is a JSON object that holds names of keys alone: `{"adminPasswordKey":"admin-password"}`.
fn is_map_of_names(text: &str) -> bool {
    let is_object = text.starts_with('{') && text.len() <= LONGEST_MAP;
    let names = || serde_json::from_str::<BTreeMap<String, String>>(text).ok();
    is_object && names().is_some_and(|names| !names.is_empty() && names.values().all(|name| is_key_name(name)))
}

/// Bound for a text that is read as a mapping of names.
const LONGEST_MAP: usize = 4096;

fn benign_shape(family: SecretFamily, text: &str) -> Option<&'static str> {
    if is_switch(text) {
        Some("a boolean")
    } else if is_quantity(family, text) {
        Some("a number or duration")
    } else if family != SecretFamily::Password && is_version(text) {
        Some("a version")
    } else if is_path(text) {
        Some("a path")
    } else if is_bare_url(text) {
        Some("an address without credentials")
    } else if is_resource_name(text) {
        Some("the name of a cloud resource")
    } else {
        None
    }
}

/// Whether a value has a form that no secret has, under any name.
pub(super) fn is_public(text: &str) -> bool {
    let text = text.trim();
    is_public_material(text) || (!text.contains('\n') && benign_shape(SecretFamily::Key, text).is_some())
}

/// Whether another tool fetches the value. `op://…` looks like an address, but the value that it refers to is the
/// secret.
fn is_fetched(text: &str) -> bool {
    !text.contains('\n') && has_reference_prefix(text) && !text.starts_with("arn:")
}

fn is_switch(text: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "enabled", "disabled"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text is a number or a duration. Digits alone are a number, except where people use them as passwords.
fn is_quantity(family: SecretFamily, text: &str) -> bool {
    let unit = text.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
    let digits = text.len() - unit.len();
    if digits > 12 || !text.starts_with(|char: char| char.is_ascii_digit()) {
        return false;
    }
    match family {
        // the number of a contact on a board has one or two digits, a PIN has more
        SecretFamily::Pin => unit.is_empty() && digits < 4,
        SecretFamily::Password => is_unit(unit),
        _ => unit.is_empty() || is_unit(unit),
    }
}

fn is_unit(text: &str) -> bool {
    matches!(text, "ms" | "s" | "m" | "h" | "d" | "w" | "y" | "min" | "sec" | "days" | "hours" | "minutes" | "seconds")
}

/// Whether a text is a version: `2.35.0`, `v1.2.3-rc1`.
fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    let number = number.split(['-', '+']).next().unwrap_or(number);
    let parts: Vec<&str> = number.split('.').collect();
    (2..=4).contains(&parts.len())
        && parts.iter().all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Extensions of files that contain secrets.
const FILE_ENDINGS: &[&str] = &[
    ".cer",
    ".cfg",
    ".conf",
    ".crt",
    ".env",
    ".ini",
    ".jceks",
    ".jks",
    ".json",
    ".key",
    ".keystore",
    ".keytab",
    ".p12",
    ".pem",
    ".pfx",
    ".properties",
    ".pub",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
];

/// Directories that contain secrets, and first parts of names in a secret store.
const PLACES: &[&str] =
    &["cert", "certs", "data", "etc", "keys", "kv", "mnt", "opt", "run", "ssh", "tmp", "var", "vault"];

/// Whether a text ends in the extension of a file that contains secrets.
fn names_file(text: &str) -> bool {
    let extension = text.rfind('.').and_then(|dot| text.get(dot..)).unwrap_or_default();
    FILE_ENDINGS.iter().any(|ending| extension.eq_ignore_ascii_case(ending))
}

fn is_head(word: &str) -> bool {
    HEADS.iter().any(|(head, _)| *head == word)
}

/// Length of the longest path; anything longer is not inspected.
const LONGEST_PATH: usize = 4096;

/// Whether a text is a path. Base64 may begin with a slash too, so a part that looks random argues against it.
fn is_path(text: &str) -> bool {
    if text.len() > LONGEST_PATH {
        return false;
    }
    if text.starts_with("file:") {
        return true;
    }
    let blanked = blank_templates(text);
    let text = without_references(&blanked);
    let text = if is_reference(&blanked) { blanked.replace(BLANK, "x") } else { text.into_owned() };
    let in_path = |char: char| char.is_alphanumeric() || "._-/\\~:@ ${}()#".contains(char);
    if !text.chars().all(in_path) || text.split(['/', '\\']).any(|part| part.len() >= 20 && looks_random(part)) {
        return false;
    }
    let anchored = ["/", "./", "../", "~/", "\\\\"].iter().any(|start| text.starts_with(start)) && text.len() > 1;
    let drive = text.get(1..3).is_some_and(|start| matches!(start, ":\\" | ":/")) && !text.contains("://");
    let named = !text.contains(' ') && names_file(&text);
    let parts = || text.split(['/', '#']);
    let of_name = |part: &str| {
        part.len() > 1
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
    };
    let relative = text.contains('/')
        && parts().all(of_name)
        && !has_random_part(&text)
        && (text.starts_with('.')
            || parts().flat_map(words::split_name).any(|word| PLACES.contains(&word.as_str()) || is_head(&word)));
    let joined_references = is_reference(&blanked) && text.contains('/') && !text.contains(':');
    anchored || drive || named || relative || joined_references
}

/// Whether a text is a URL without user and query. It cannot carry a credential, unless it *is* the secret; the value
/// detectors recognise those.
fn is_bare_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
    !scheme.is_empty() && scheme.bytes().all(named) && !rest.contains(['@', '?']) && !rest.contains(char::is_whitespace)
}

fn is_resource_name(text: &str) -> bool {
    text.starts_with("arn:") || (text.starts_with("projects/") && text.contains("/secrets/"))
}

/// Whether a text is a certificate or a public key.
fn is_public_material(text: &str) -> bool {
    let pem = text.starts_with("-----BEGIN ") && !text.contains("PRIVATE KEY");
    let public_pem = pem && ["CERTIFICATE", "PUBLIC KEY", "X509 CRL"].iter().any(|label| text.contains(label));
    let ssh = ["ssh-rsa AAAA", "ssh-dss AAAA", "ssh-ed25519 AAAA", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    let ssh = ssh.iter().any(|start| text.starts_with(start)) && text.contains(" AAAA");
    let age = text.starts_with("age1") && text.len() > 60;
    public_pem || ssh || age || is_publishable(text) || der::is_public(text)
}

/// Whether a text is a publishable key, which providers issue for pages and apps: Stripe, Supabase, `PostHog`, Mapbox,
/// Square, Nostr.
fn is_publishable(text: &str) -> bool {
    let starts = ["pk_live_", "pk_test_", "sb_publishable_", "phc_", "pk.eyJ", "sq0idp-", "npub1"];
    starts.iter().any(|start| text.starts_with(start)) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_overrule_names() {
        use SecretFamily::{Credential, Key, Password, Pin, Secret, Token};
        for (family, key, text) in [
            (Password, "DB_PASSWORD", "/run/secrets/db-password"),
            (Credential, "GOOGLE_APPLICATION_CREDENTIALS", "/var/run/gcp.json"),
            (Key, "TLS_KEY", "certs/tls.key"),
            (Key, "TLS_KEY", "${CERT_DIR}/tls.key"),
            (Key, "TLS_KEY", "C:\\certs\\tls.key"),
            (Token, "automountToken", "true"),
            (Token, "TOKEN", "3600"),
            (Secret, "SECRET", "30d"),
            (Pin, "LED_PIN", "13"),
            (Token, "TOKEN", "https://sso.example.com/token"),
            (Secret, "caCerts.secret", "ca-certs-secret"),
            (Secret, "SSO_SAML_KEYSTORE_SECRET", "eap7-app-secret"),
            (Secret, "TS_KUBE_SECRET", "tailscale"),
            (Secret, "tlsSecret", "ingress"),
            (Secret, "credentialsSecret", "my-creds"),
            (Credential, "KAFKA_SSL_KEY_CREDENTIALS", "broker1_sslkey_creds"),
            (Password, "adminPasswordKey", "admin-password"),
            (Key, "existingSecretKey", "postgres-password"),
            (Secret, "SECRET", "arn:aws:secretsmanager:eu-west-1:1:secret:x"),
            (Key, "SSH_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host"),
            (Key, "SIGNING_KEY", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"),
            (Key, "LDAP_USER_KEY", "uid"),
            (Key, "adminUserKey", "admin-user"),
            (Key, "GPG_KEY", "3FA94C07BE51D2863FA94C07BE51D2863FA94C07"),
            (SecretFamily::Weak, "TOPOLOGY_HINT_KEY", "kubernetes.io/hostname"),
            (SecretFamily::Weak, "STRIPE_KEY", "pk_test_hZ8fQ2mX7vKp4TnR"),
            (Key, "ACCOUNT_KEY", "accountId"),
            (Key, "rootPasswordSecretKey", "rootPassword"),
            (Key, "license.secretKey", "license"),
            (Key, "secretKeyKey", "SECRET_KEY"),
            (Password, "passwordKey", "DB_PASSWORD"),
            (SecretFamily::File, "db.passwordSecret.key", "password"),
            (SecretFamily::File, "matchExpressions[0].key", "kubernetes.io/os"),
            (Secret, "registrySecret", "regcred"),
            (Secret, "redisSecret", "redis"),
            (Secret, "envFromSecret", "grafana-env"),
            (Secret, "DEFAULT_SSL_SECRET", "ingress/wildcard-tls"),
            // names of objects in lists of variables
            (Secret, "DB_SECRET", "orders-db"),
            (Secret, "REGISTRY_SECRET", "registry-pull"),
            (Secret, "MODEL_STORE_SECRET", "model-store-credentials"),
            (Secret, "secrets", "api_secret"),
            (Secret, "SECRETS", "shop-a"),
            // paths without an anchor
            (Password, "DB_PASSWORD", "db-creds/password"),
            (Password, "DB_PASSWORD", "kv/data/shop#password"),
            (Token, "TOKEN", ".secrets/token"),
            (Key, "SSH_KEY", "secrets/deploy-key"),
            // public keys
            (Key, "POSTHOG_API_KEY", "phc_hZ8fQ2mX7vKp4TnRb6Wc9Ld3Ys5Gj1"),
            (Token, "MAPBOX_TOKEN", "pk.eyJ1IjoibWFwcyIsImEiOiJoWjhmUTJtWCJ9.hZ8fQ2mX7vKp4TnR"),
            (SecretFamily::Weak, "keys", "3FA94C07BE51D2863FA94C07BE51D2863FA94C07"),
            // versions
            (Token, "TOKEN_SERVER", "2.35.0"),
            (Token, "tokenizers", "v1.2.3-rc1"),
        ] {
            assert!(veto(family, key, text).is_some(), "{key}: {text}");
        }
    }

    #[test]
    fn what_could_be_a_secret_is_not_overruled() {
        use SecretFamily::{Key, Password, Pin, Secret, Token};
        for (family, key, text) in [
            (Password, "DB_PASSWORD", "1234"),
            (Pin, "TVDB_PIN", "123456"),
            (Password, "DB_PASSWORD", ""),
            (Secret, "JWT_SECRET", "my-secret"),
            (Secret, "JWT_SECRET", "super-secret"),
            (Password, "ADMIN_PASSWORD", "admin-secret"),
            (Key, "secretKey", "minio123"),
            (Key, "API_KEY", "apikey"),
            (Key, "USER_KEY", "u7x2qk9d"),
            (Secret, "ACCESS_TOKEN_SECRET", "mysecret"),
            (Secret, "CLIENT_SECRET", "secret"),
            (Secret, "CLIENT_SECRET", "client-secret"),
            (Key, "AWS_SECRET_ACCESS_KEY", "/bPxRfiCYzq1K7MDENGwJalrXUtnFEMI0aB3cD4e"),
            (Token, "TOKEN", "https://user:pw@example.com"),
            (Token, "TOKEN", "https://example.com/?token=1"),
            (Token, "TOKEN", "12345678901234567890"),
            (Token, "TOKEN", "..."),
            (Password, "PASSWORD", "op://vault/item/field"),
            (Password, "PASSWORD", "ref+awsssm://db/password"),
            (Key, "secretKey", "not-a-secure-key"),
            (Key, "apiKey", "YOUR_API_KEY"),
            (Secret, "clientSecret", "client-secret"),
            (Secret, "jwtSecret", "dev"),
            (Secret, "AppSettings__Secret", "hunter2"),
            (Secret, "CLIENT_SECRET", "a/b/c"),
            (Password, "DB_PASSWORD", "foo/bar"),
            (Password, "DB_PASSWORD", "1.2.3"),
            (Secret, "DB_SECRET", "correct-horse-battery"),
            (Secret, "SECRET", "orders-db"),
            (Secret, "JWT_SECRET", "jwt-for-all"),
            (Secret, "secrets", "hZ8fQ2mX7vKp4TnR"),
            (SecretFamily::Weak, "TENANT_KEY", "Tr0ub4dor&3"),
            (Key, "NIGHTLY_BATCH_KEY", "openthedoor"),
            (SecretFamily::File, "tls.key", "c2VjcmV0"),
            (SecretFamily::File, "app.encryption.key", "hunter2"),
            (Key, "TLS_KEY", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        ] {
            assert_eq!(veto(family, key, text), None, "{key}: {text}");
        }
    }
}
