//! Values that name the holder of the secret: an object in the cluster, an entry in it, a field of a record, a
//! variable. Charts and operators are configured with such names.

use super::random::{has_random_part, is_uuid, looks_random};
use super::vocabulary::{FIELD_KEYS, HEADS, SECRET_KEYS, SecretFamily};
use super::words;

/// Last words in the names of Kubernetes objects.
const OBJECT_ENDINGS: &[&str] =
    &["cert", "certs", "config", "credentials", "creds", "key", "secret", "secrets", "tls", "token"];

/// Words before *secret* that make it an object in the cluster.
const CLUSTER_WORDS: &[&str] = &["cert", "certs", "certificate", "kube", "kubernetes", "ssl", "tls"];

/// Words before *Secret* in the values of a chart that describe the content of the object: `credentialsSecret`.
const OBJECT_WORDS: &[&str] = &["credential", "credentials", "creds", "password"];

/// First words of weak passwords and placeholders that would pass for the name of an object.
const NO_OBJECT_STARTS: &[&str] =
    &["a", "change", "changeme", "my", "no", "not", "our", "some", "super", "test", "the", "top", "very", "your"];

/// Words before *Secret* in the values of a chart that mean the secret itself; after any other word it is an object:
/// `registrySecret: regcred`.
const SHARED_WORDS: &[&str] = &[
    "access",
    "api",
    "app",
    "application",
    "auth",
    "bot",
    "client",
    "consumer",
    "cookie",
    "encryption",
    "hmac",
    "jwt",
    "master",
    "oauth",
    "oidc",
    "refresh",
    "session",
    "shared",
    "signature",
    "signing",
    "token",
    "totp",
    "turn",
    "user",
    "webhook",
];

/// Last words in the names of fields.
const FIELD_WORDS: &[&str] = &[
    "account", "cn", "code", "dn", "email", "guid", "hash", "host", "id", "ip", "label", "login", "mail", "name",
    "number", "ref", "sub", "type", "uid", "user", "username", "uuid",
];

/// Last words of a mapping from the parts of a secret to the keys of an object: `secretKeys.password: DB_PASSWORD`.
const MAPPINGS: &[&str] = &["fields", "keys", "mapping", "mappings", "names", "ref", "refs", "selector"];

/// Maximum length of a text that can be two words of a name, separators included.
const LONGEST_RESTATED: usize = 1024;

/// Maximum length of the name of an object (`DNS1123SubdomainMaxLength`, kubernetes/apimachinery/pkg/util/validation).
const LONGEST_NAME: usize = 253;

/// Description of a value that is the name of an entry or an object that holds the secret.
pub(super) fn name_of_another(family: SecretFamily, key: &str, text: &str) -> Option<&'static str> {
    let named = NameWords::new(key);
    if named.is_entry(text) {
        return Some("the name of another entry");
    }
    if named.last() == "key" && FIELD_KEYS.contains(&named.before()) && is_field(text) {
        return Some("the name of a field");
    }
    if matches!(named.before(), "gpg" | "pgp") && is_fingerprint(text) {
        return Some("a fingerprint");
    }
    let is_object = match family {
        SecretFamily::Secret => named.is_object(text),
        SecretFamily::Credential => !named.is_restated(text) && is_object_name(text),
        _ => false,
    };
    is_object.then_some("the name of an object")
}

/// Words of a name, and its spelling.
struct NameWords {
    words: Vec<String>,
    /// Camel case, as in the values of a chart: `passwordKey`.
    camel: bool,
    /// Written without separators: `registrySecret`, but not `Settings__Secret`.
    glued: bool,
    /// Path of a setting, such as `db.passwordSecret.key`; `tls.key` is the name of a file.
    path: bool,
}

impl NameWords {
    fn new(key: &str) -> Self {
        let has = |kind: fn(char) -> bool| key.contains(kind);
        let camel = has(|char| char.is_ascii_lowercase()) && has(|char| char.is_ascii_uppercase());
        let stem = key.strip_suffix(".key");
        let path = stem.is_some_and(|stem| camel || stem.contains(['.', '[']));
        let front = key.strip_suffix("Secret").or_else(|| key.strip_suffix("Secrets"));
        let glued = front.is_some_and(|front| front.ends_with(|char: char| char.is_ascii_alphanumeric()));
        Self { words: words::split_name(key), camel, glued, path }
    }

    /// Word at that many places before the last.
    fn word_from_end(&self, places: usize) -> &str {
        let index = self.words.len().checked_sub(places + 1);
        index.and_then(|index| self.words.get(index)).map_or("", String::as_str)
    }

    fn last(&self) -> &str {
        self.word_from_end(0)
    }

    fn before(&self) -> &str {
        self.word_from_end(1)
    }

    /// Whether the value names an entry. Charts use `passwordKey: postgres-password` and `passwordSecret.key:
    /// password`, and topology constraints use `topology.key: kubernetes.io/hostname`.
    fn is_entry(&self, text: &str) -> bool {
        let of_secret = SECRET_KEYS.contains(&self.before()) && !FIELD_KEYS.contains(&self.before());
        if self.path && (!of_secret || self.before() == "secret") {
            return text.chars().all(|char| char.is_ascii_alphanumeric() || "-_./".contains(char))
                && !looks_random(text);
        }
        self.camel && self.last() == "key" && (self.names_entry(text) || self.names_variable(text))
    }

    /// Whether the value names an entry of an object. `secretKey: minio123` is a secret, so after other words than
    /// *password* the value must itself name a secret, or repeat the words of the name.
    fn names_entry(&self, text: &str) -> bool {
        let value = words::split_name(text);
        if self.before() == "secret"
            && !self.word_from_end(2).is_empty()
            && value.last().is_some_and(|word| word == self.word_from_end(2))
        {
            return is_identifier(&text.to_ascii_lowercase());
        }
        let family = HEADS.iter().find(|(head, _)| *head == self.before()).map(|(_, family)| *family);
        let names_secret = value.iter().any(|word| word == "key" || HEADS.iter().any(|(head, _)| head == word));
        let made_up = value.first().is_none_or(|first| NO_OBJECT_STARTS.contains(&first.as_str()));
        let named = names_secret && !made_up && text.contains(['-', '_', '.']);
        is_identifier(text) && (family.is_some_and(|family| family != SecretFamily::Secret) || named)
    }

    /// Whether the value names a variable: `passwordKey: DB_PASSWORD`.
    fn names_variable(&self, text: &str) -> bool {
        let shouted =
            text.contains('_') && text.bytes().all(|byte| byte.is_ascii_uppercase() || b"_0123456789".contains(&byte));
        let of_secret = matches!(self.before(), "key" | "password" | "token" | "username" | "credentials");
        shouted && of_secret
    }

    fn is_object(&self, text: &str) -> bool {
        if !matches!(self.last(), "secret" | "secrets") {
            return false;
        }
        let of_cluster =
            CLUSTER_WORDS.contains(&self.before()) || (self.camel && OBJECT_WORDS.contains(&self.before()));
        let of_chart = self.glued && !SHARED_WORDS.contains(&self.before());
        let name = text.rsplit_once('/').filter(|(space, _)| is_identifier(space)).map_or(text, |(_, name)| name);
        let listed = !self.is_restated(text)
            && (of_cluster && is_identifier(name) || !name.contains('_') && is_object_name(name));
        let of_variable = !self.camel
            && !self.before().is_empty()
            && !SHARED_WORDS.contains(&self.before())
            && !self.is_restated(text)
            && is_identifier(text)
            && self.shares_word(text);
        let of_list = self.last() == "secrets" && is_identifier(text);
        listed || of_variable || of_list || of_chart && is_identifier(text) && !text.contains(['_', '.'])
    }

    /// Whether the value has several words, one of them from the name: `DB_SECRET: orders-db`.
    fn shares_word(&self, text: &str) -> bool {
        let made_up = text.split('-').next().is_none_or(|first| NO_OBJECT_STARTS.contains(&first));
        let value = if text.len() > LONGEST_RESTATED { Vec::new() } else { words::split_name(text) };
        let is_shared = |word: &String| word.len() > 1 && word != self.last() && self.words.contains(word);
        !made_up && text.contains('-') && value.iter().any(is_shared)
    }

    /// Whether the value only repeats the name: `CLIENT_SECRET: client-secret` is a weak secret and not a name.
    fn is_restated(&self, text: &str) -> bool {
        // so long a text is not two words, and splitting it is slow
        if text.len() > LONGEST_RESTATED {
            return false;
        }
        let value = words::split_name(text);
        value.len() < 3 && value.iter().all(|word| self.words.contains(word))
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
        && !looks_random(text)
}

/// Whether a field maps parts of a secret to the keys of an object that holds them, so that its values are names.
pub(super) fn maps_to_names(field: &str) -> bool {
    if field.len() > LONGEST_RESTATED {
        return false;
    }
    let words = words::split_name(field);
    let names_secret = |word: &String| {
        matches!(word.as_str(), "secret" | "existing" | "key" | "remote") || HEADS.iter().any(|(head, _)| head == word)
    };
    let Some((last, before)) = words.split_last() else { return false };
    MAPPINGS.contains(&last.as_str()) && before.iter().any(names_secret)
}

/// Whether a text could be the name of a key in an object.
pub(super) fn is_key_name(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !looks_random(text)
        && !has_random_part(text)
}

/// Whether a text is the name of a field: `uid`, `accountId`, `admin-user`. A single word may be a password too.
fn is_field(text: &str) -> bool {
    let is_known = text.len() <= 4
        || text.contains(['-', '_', '.'])
        || words::split_name(text).last().is_some_and(|last| FIELD_WORDS.contains(&last.as_str()));
    is_known
        && text.len() <= 20
        && text.starts_with(|char: char| char.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_.".contains(&byte))
}

/// Whether a text is the fingerprint of a key, in capitals. Images use it to name the key that signed a release.
pub(super) fn is_fingerprint(text: &str) -> bool {
    let digits = text.trim_start_matches("0x");
    matches!(digits.len(), 8 | 16 | 40)
        && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
}

/// Whether a text is the name of an object, words with the kind at the end: `ca-certs-secret`, `kafka_keystore_creds`.
fn is_object_name(text: &str) -> bool {
    if text.len() > LONGEST_NAME {
        return false;
    }
    let parts: Vec<&str> = text.split(['-', '_']).collect();
    let is_part = |part: &&str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    parts.len() > 1
        && parts.iter().all(is_part)
        && parts.last().is_some_and(|last| OBJECT_ENDINGS.contains(last))
        && parts.first().is_some_and(|first| !NO_OBJECT_STARTS.contains(first))
        && !is_uuid(text)
}
