//! The words that decide, as tables. What they mean stands in [`names`](super::names).
//!
//! Each table holds words of one meaning, and a word earns its place by that meaning, not by a
//! name in which it was once seen.

pub(super) mod files;
pub(super) mod glued;
pub(super) mod qualifiers;

/// What kind of thing a head word names; it decides which values are believable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretFamily {
    /// Chosen by people: short, of digits, or guessable, and a secret all the same.
    Password,
    /// A password of digits.
    Pin,
    /// A shared secret; the word is also used for Kubernetes objects.
    Secret,
    /// Made by machines.
    Token,
    /// User and password together, or a file of them.
    Credential,
    /// A cryptographic or API key.
    Key,
    /// A file that holds key material.
    File,
    /// A word that alone says little: the value must look random.
    Weak,
}

/// Words that name a secret by themselves.
pub(super) const HEADS: &[(&str, SecretFamily)] = &[
    ("password", SecretFamily::Password),
    ("passwords", SecretFamily::Password),
    ("passwd", SecretFamily::Password),
    ("passwrd", SecretFamily::Password),
    ("passphrase", SecretFamily::Password),
    ("passcode", SecretFamily::Password),
    ("pass", SecretFamily::Password),
    ("pwd", SecretFamily::Password),
    ("pword", SecretFamily::Password),
    ("pswd", SecretFamily::Password),
    ("psw", SecretFamily::Password),
    ("pw", SecretFamily::Password),
    ("dbpass", SecretFamily::Password),
    ("userpass", SecretFamily::Password),
    ("sshpass", SecretFamily::Password),
    ("smtppass", SecretFamily::Password),
    ("adminpass", SecretFamily::Password),
    ("bindpass", SecretFamily::Password),
    ("bindpw", SecretFamily::Password),
    ("ftppass", SecretFamily::Password),
    ("keypass", SecretFamily::Password),
    ("ldappass", SecretFamily::Password),
    ("mailpass", SecretFamily::Password),
    ("redispass", SecretFamily::Password),
    ("rootpass", SecretFamily::Password),
    ("rootpw", SecretFamily::Password),
    ("storepass", SecretFamily::Password),
    ("passwort", SecretFamily::Password),
    ("kennwort", SecretFamily::Password),
    ("contraseña", SecretFamily::Password),
    ("contrasena", SecretFamily::Password),
    ("senha", SecretFamily::Password),
    ("wachtwoord", SecretFamily::Password),
    ("adgangskode", SecretFamily::Password),
    ("clave", SecretFamily::Password),
    ("haslo", SecretFamily::Password),
    ("hasło", SecretFamily::Password),
    ("heslo", SecretFamily::Password),
    ("jelszo", SecretFamily::Password),
    ("lozinka", SecretFamily::Password),
    ("losenord", SecretFamily::Password),
    ("lösenord", SecretFamily::Password),
    ("motdepasse", SecretFamily::Password),
    ("parola", SecretFamily::Password),
    ("passord", SecretFamily::Password),
    ("salasana", SecretFamily::Password),
    ("sifre", SecretFamily::Password),
    ("şifre", SecretFamily::Password),
    ("secret", SecretFamily::Secret),
    ("secrets", SecretFamily::Secret),
    ("psk", SecretFamily::Secret),
    ("mnemonic", SecretFamily::Secret),
    ("token", SecretFamily::Token),
    ("tokens", SecretFamily::Token),
    ("pat", SecretFamily::Token),
    ("apitoken", SecretFamily::Token),
    ("authtoken", SecretFamily::Token),
    ("accesstoken", SecretFamily::Token),
    ("refreshtoken", SecretFamily::Token),
    ("bearertoken", SecretFamily::Token),
    ("bottoken", SecretFamily::Token),
    ("sessiontoken", SecretFamily::Token),
    ("usertoken", SecretFamily::Token),
    ("credential", SecretFamily::Credential),
    ("credentials", SecretFamily::Credential),
    ("creds", SecretFamily::Credential),
    ("cred", SecretFamily::Credential),
    ("htpasswd", SecretFamily::Credential),
    ("dockerconfigjson", SecretFamily::Credential),
    ("dockercfg", SecretFamily::Credential),
    ("apikey", SecretFamily::Key),
    ("apikeys", SecretFamily::Key),
    ("privatekey", SecretFamily::Key),
    ("secretkey", SecretFamily::Key),
    ("accesskey", SecretFamily::Key),
    ("authkey", SecretFamily::Key),
    ("masterkey", SecretFamily::Key),
    ("userkey", SecretFamily::Key),
    ("encryptionkey", SecretFamily::Key),
    ("signingkey", SecretFamily::Key),
];

/// Words that name a secret only as the last of several: a lone `PIN` or `salt` is anything.
pub(super) const LAST_HEADS: &[(&str, SecretFamily)] =
    &[("pin", SecretFamily::Pin), ("salt", SecretFamily::Secret), ("pepper", SecretFamily::Secret)];

/// Pairs of words that name a secret together, and little by themselves: nodes of Erlang know each
/// other by a shared cookie, agents of SNMP their managers by a community.
pub(super) const PAIRS: &[(&str, &str, SecretFamily)] = &[
    ("erl", "cookie", SecretFamily::Secret),
    ("erlang", "cookie", SecretFamily::Secret),
    ("rediscli", "auth", SecretFamily::Password),
    ("release", "cookie", SecretFamily::Secret),
    ("snmp", "community", SecretFamily::Password),
];

/// Words that make a `key` a secret when it stands directly before it.
pub(super) const SECRET_KEYS: &[&str] = &[
    "access",
    "account",
    "admin",
    "aes",
    "api",
    "app",
    "application",
    "auth",
    "azure",
    "batch",
    "ca",
    "cert",
    "certificate",
    "cipher",
    "client",
    "consumer",
    "cookie",
    "crypt",
    "crypto",
    "customer",
    "decryption",
    "deploy",
    "dkim",
    "ecdsa",
    "ed", // ed25519: digits are gone
    "enc",
    "encrypt",
    "encryption",
    "fernet",
    "gpg",
    "hash",
    "hmac",
    "integration",
    "jwt",
    "license",
    "master",
    "network",
    "pgp",
    "preshared",
    "priv",
    "private",
    "recovery",
    "registration",
    "root",
    "rsa",
    "salt",
    "secret",
    "security",
    "server",
    "service",
    "session",
    "shared",
    "sign",
    "signature",
    "signing",
    "ssh",
    "ssl",
    "storage",
    "subscription",
    "symmetric",
    "tls",
    "unseal",
    "user",
    "webhook",
];

/// Words that make a `key` a secret when it stands directly after it: the key itself, in some form.
pub(super) const KEY_FORMS: &[&str] = &["b", "base", "content", "contents", "material", "pem"];

/// Words after a last word that say in which form its value is: `HOST_KEY_BASE64` is as weak as `HOST_KEY`.
pub(super) const FORMS: &[&str] = &["b", "base", "data", "raw", "string", "text", "val", "value"];

/// Of those, the ones whose key is as often the name of a field: `LDAP_USER_KEY: uid`.
pub(super) const FIELD_KEYS: &[&str] = &[
    "account",
    "admin",
    "app",
    "application",
    "batch",
    "client",
    "customer",
    "hash",
    "integration",
    "network",
    "registration",
    "root",
    "security",
    "server",
    "service",
    "session",
    "sign",
    "signature",
    "user",
];

/// What makes a `key` a secret one word further away: `ENCRYPTION_PRIMARY_KEY`.
pub(super) const SECRET_KEYS_AFAR: &[&str] = &["encryption", "signing"];

/// What makes a `key` a name for something else when it stands directly before it.
pub(super) const OTHER_KEYS: &[&str] = &[
    "affinity",
    "bucket",
    "cache",
    "expressions",
    "field",
    "foreign",
    "group",
    "idempotency",
    "index",
    "label",
    "lock",
    "map",
    "message",
    "natural",
    "object",
    "partition",
    "primary",
    "ref",
    "routing",
    "row",
    "schema",
    "selector",
    "sequence",
    "shard",
    "sort",
    "taint",
    "toleration",
    "tolerations",
    "topic",
    "topology",
];

/// What, directly before a head, says that it is public, or an object, or none.
pub(super) const NEGATING: &[&str] = &["existing", "image", "imagepull", "non", "pub", "public", "publishable", "pull"];

/// What, anywhere before a head, says that the value names an object that is there already.
pub(super) const ELSEWHERE: &str = "existing";

/// The same for keys: what a page or a visitor is given, and what only verifies.
pub(super) const NEGATING_KEYS: &[&str] = &["site", "verification", "verifying", "verify"];

/// The same for tokens: what guards a form is sent to every visitor.
pub(super) const NEGATING_TOKENS: &[&str] = &["csrf", "xsrf"];

/// What, anywhere before a head, turns the name into a switch.
pub(super) const SWITCHES: &[&str] = &[
    "allow",
    "allowed",
    "automount",
    "disable",
    "disabled",
    "enable",
    "enabled",
    "ignore",
    "random",
    "require",
    "requires",
    "skip",
    "validate",
];

/// The same, as the first word only.
pub(super) const FIRST_SWITCHES: &[&str] =
    &["check", "has", "hide", "is", "need", "no", "show", "support", "use", "valid", "verify", "with"];

/// What makes `tokens` the pieces that a language model counts, anywhere before the word.
pub(super) const COUNTED_TOKENS: &[&str] =
    &["batch", "completion", "context", "input", "max", "min", "num", "output", "prefill", "prompt", "total", "window"];

/// What makes even a single `token` a count.
pub(super) const COUNTED_TOKEN: &[&str] = &["max", "min", "num", "total"];

/// What, directly after `pass`, makes it a verb.
pub(super) const AFTER_VERB_PASS: &[&str] = &["by", "over", "port", "through", "thru"];

/// Last words that alone say little, but a random value under them is a secret.
pub(super) const WEAK: &[&str] = &["auth", "hook", "key", "keys", "seed", "session"];

/// Prefixes by which build tools put a variable into what every browser downloads.
pub(super) const PUBLIC_PREFIXES: &[&str] =
    &["EXPO_PUBLIC_", "GATSBY_", "NEXT_PUBLIC_", "NUXT_PUBLIC_", "PUBLIC_", "REACT_APP_", "VITE_"];
