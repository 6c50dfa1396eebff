//! The words that decide, as tables. What they mean stands in [`names`](super::names).
//!
//! Each table holds words of one meaning, and a word earns its place by that meaning, not by a
//! name in which it was once seen.

pub(super) mod files;
pub(super) mod glued;
pub(super) mod qualifiers;

/// What kind of thing a head word names; it decides which values are believable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
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
pub(super) const HEADS: &[(&str, Family)] = &[
    ("password", Family::Password),
    ("passwords", Family::Password),
    ("passwd", Family::Password),
    ("passwrd", Family::Password),
    ("passphrase", Family::Password),
    ("passcode", Family::Password),
    ("pass", Family::Password),
    ("pwd", Family::Password),
    ("pword", Family::Password),
    ("pswd", Family::Password),
    ("psw", Family::Password),
    ("pw", Family::Password),
    ("dbpass", Family::Password),
    ("userpass", Family::Password),
    ("sshpass", Family::Password),
    ("smtppass", Family::Password),
    ("adminpass", Family::Password),
    ("bindpass", Family::Password),
    ("bindpw", Family::Password),
    ("ftppass", Family::Password),
    ("keypass", Family::Password),
    ("ldappass", Family::Password),
    ("mailpass", Family::Password),
    ("redispass", Family::Password),
    ("rootpass", Family::Password),
    ("rootpw", Family::Password),
    ("storepass", Family::Password),
    ("passwort", Family::Password),
    ("kennwort", Family::Password),
    ("contraseña", Family::Password),
    ("contrasena", Family::Password),
    ("senha", Family::Password),
    ("wachtwoord", Family::Password),
    ("adgangskode", Family::Password),
    ("clave", Family::Password),
    ("haslo", Family::Password),
    ("hasło", Family::Password),
    ("heslo", Family::Password),
    ("jelszo", Family::Password),
    ("lozinka", Family::Password),
    ("losenord", Family::Password),
    ("lösenord", Family::Password),
    ("motdepasse", Family::Password),
    ("parola", Family::Password),
    ("passord", Family::Password),
    ("salasana", Family::Password),
    ("sifre", Family::Password),
    ("şifre", Family::Password),
    ("secret", Family::Secret),
    ("secrets", Family::Secret),
    ("psk", Family::Secret),
    ("mnemonic", Family::Secret),
    ("token", Family::Token),
    ("tokens", Family::Token),
    ("pat", Family::Token),
    ("apitoken", Family::Token),
    ("authtoken", Family::Token),
    ("accesstoken", Family::Token),
    ("refreshtoken", Family::Token),
    ("bearertoken", Family::Token),
    ("bottoken", Family::Token),
    ("sessiontoken", Family::Token),
    ("usertoken", Family::Token),
    ("credential", Family::Credential),
    ("credentials", Family::Credential),
    ("creds", Family::Credential),
    ("cred", Family::Credential),
    ("htpasswd", Family::Credential),
    ("dockerconfigjson", Family::Credential),
    ("dockercfg", Family::Credential),
    ("apikey", Family::Key),
    ("apikeys", Family::Key),
    ("privatekey", Family::Key),
    ("secretkey", Family::Key),
    ("accesskey", Family::Key),
    ("authkey", Family::Key),
    ("masterkey", Family::Key),
    ("userkey", Family::Key),
    ("encryptionkey", Family::Key),
    ("signingkey", Family::Key),
];

/// Words that name a secret only as the last of several: a lone `PIN` or `salt` is anything.
pub(super) const LAST_HEADS: &[(&str, Family)] =
    &[("pin", Family::Pin), ("salt", Family::Secret), ("pepper", Family::Secret)];

/// Pairs of words that name a secret together, and little by themselves: nodes of Erlang know each
/// other by a shared cookie, agents of SNMP their managers by a community.
pub(super) const PAIRS: &[(&str, &str, Family)] = &[
    ("erl", "cookie", Family::Secret),
    ("erlang", "cookie", Family::Secret),
    ("rediscli", "auth", Family::Password),
    ("release", "cookie", Family::Secret),
    ("snmp", "community", Family::Password),
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
