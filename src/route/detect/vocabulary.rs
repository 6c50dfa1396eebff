//! The words that decide, as tables. What they mean stands in [`names`](super::names).
//!
//! Each table holds words of one meaning, and a word earns its place by that meaning, not by a
//! name in which it was once seen.

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
    ("passwort", Family::Password),
    ("kennwort", Family::Password),
    ("contraseña", Family::Password),
    ("contrasena", Family::Password),
    ("senha", Family::Password),
    ("wachtwoord", Family::Password),
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
    ("bottoken", Family::Token),
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

/// What makes a `key` a secret when it stands directly before it.
pub(super) const SECRET_KEYS: &[&str] = &[
    "access",
    "account",
    "aes",
    "api",
    "app",
    "application",
    "auth",
    "azure",
    "batch",
    "cert",
    "certificate",
    "cipher",
    "consumer",
    "cookie",
    "crypto",
    "customer",
    "decryption",
    "deploy",
    "ecdsa",
    "ed", // ed25519: digits are gone
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
    "server",
    "service",
    "session",
    "shared",
    "signing",
    "ssh",
    "ssl",
    "storage",
    "tls",
    "unseal",
    "user",
    "webhook",
];

/// Of those, the ones whose key is as often the name of a field: `LDAP_USER_KEY: uid`.
pub(super) const FIELD_KEYS: &[&str] = &[
    "account",
    "app",
    "application",
    "batch",
    "customer",
    "hash",
    "integration",
    "network",
    "registration",
    "root",
    "server",
    "service",
    "session",
    "user",
];

/// What makes a `key` a secret one word further away: `ENCRYPTION_PRIMARY_KEY`.
pub(super) const SECRET_KEYS_AFAR: &[&str] = &["encryption", "signing"];

/// What makes a `key` a name for something else when it stands directly before it.
pub(super) const OTHER_KEYS: &[&str] = &[
    "bucket",
    "cache",
    "field",
    "foreign",
    "group",
    "idempotency",
    "index",
    "label",
    "lock",
    "map",
    "natural",
    "object",
    "partition",
    "primary",
    "routing",
    "row",
    "schema",
    "sequence",
    "shard",
    "sort",
    "taint",
    "topic",
    "topology",
];

/// What, directly before a head, says that it is public, or an object, or none.
pub(super) const NEGATING: &[&str] = &["existing", "image", "imagepull", "non", "pub", "public", "publishable", "pull"];

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

/// What, after a head, says that the value describes the secret and is not one.
pub(super) const QUALIFIERS: &[&str] = &[
    // where it lies
    "dir",
    "directory",
    "file",
    "filename",
    "filepath",
    "files",
    "folder",
    "location",
    "mount",
    "mounts",
    "path",
    "paths",
    "volume",
    // what it is called
    "alias",
    "arn",
    "fingerprint",
    "id",
    "ids",
    "name",
    "names",
    "namespace",
    "namespaces",
    "ref",
    "reference",
    "references",
    "refs",
    "title",
    "uuid",
    // where it comes from
    "addr",
    "address",
    "backend",
    "cidr",
    "driver",
    "endpoint",
    "endpoints",
    "engine",
    "host",
    "hostname",
    "hosts",
    "ip",
    "manager",
    "plugin",
    "port",
    "provider",
    "providers",
    "source",
    "store",
    "support",
    "sync",
    "uri",
    "url",
    "urls",
    // for whom
    "audience",
    "issuer",
    "scope",
    "scopes",
    "user",
    "username",
    "users",
    // of what kind
    "alg",
    "algorithm",
    "algorithms",
    "authentication",
    "authenticator",
    "ciphers",
    "claim",
    "claims",
    "class",
    "encoder",
    "encryption",
    "factory",
    "format",
    "formats",
    "handler",
    "kind",
    "method",
    "methods",
    "mode",
    "pattern",
    "patterns",
    "public",
    "regex",
    "resolver",
    "schema",
    "strategy",
    "template",
    "type",
    "types",
    "validator",
    "version",
    // whether, and under which rules
    "allowed",
    "change",
    "complexity",
    "disabled",
    "enabled",
    "exchange",
    "exists",
    "grant",
    "history",
    "introspection",
    "lookup",
    "policies",
    "policy",
    "recovery",
    "required",
    "requirements",
    "reset",
    "review",
    "revocation",
    "rules",
    "strength",
    "validation",
    "verification",
    // how many
    "attempts",
    "budget",
    "count",
    "length",
    "limit",
    "max",
    "min",
    "num",
    "quota",
    "rate",
    "retries",
    "shares",
    "size",
    "threshold",
    // for how long
    "age",
    "cache",
    "date",
    "days",
    "duration",
    "expiration",
    "expire",
    "expires",
    "expiry",
    "hours",
    "interval",
    "lifespan",
    "lifetime",
    "minutes",
    "ms",
    "mtime",
    "refresh",
    "retention",
    "rotation",
    "seconds",
    "timeout",
    "timestamp",
    "ttl",
    "validity",
    // where it is carried or shown
    "annotation",
    "annotations",
    "field",
    "fields",
    "header",
    "headers",
    "hint",
    "label",
    "labels",
    "message",
    "param",
    "parameter",
    "parameters",
    "params",
    "prefix",
    "prefixes",
    "prompt",
    "selector",
    "suffix",
];

/// Last words that alone say little, but a random value under them is a secret.
pub(super) const WEAK: &[&str] = &["auth", "hook", "key", "keys", "seed", "session"];

/// Prefixes by which build tools put a variable into what every browser downloads.
pub(super) const PUBLIC_PREFIXES: &[&str] =
    &["EXPO_PUBLIC_", "GATSBY_", "NEXT_PUBLIC_", "NUXT_PUBLIC_", "PUBLIC_", "REACT_APP_", "VITE_"];

/// Extensions of files that hold a private key.
pub(super) const KEY_EXTENSIONS: &[&str] =
    &["jceks", "jks", "kdbx", "key", "keystore", "keytab", "p12", "pfx", "pkcs12", "ppk"];

/// Extensions of files that are made to be handed out.
pub(super) const PUBLIC_EXTENSIONS: &[&str] = &["cer", "crl", "crt", "csr", "pub"];

/// Extensions of files whose name says nothing about the secrets in them.
pub(super) const CONFIG_EXTENSIONS: &[&str] = &[
    "bash",
    "bat",
    "cfg",
    "cnf",
    "conf",
    "config",
    "css",
    "csv",
    "env",
    "gotmpl",
    "hcl",
    "html",
    "ini",
    "j2",
    "js",
    "json",
    "ldif",
    "lua",
    "md",
    "php",
    "properties",
    "ps1",
    "py",
    "rb",
    "rules",
    "service",
    "sh",
    "sql",
    "tf",
    "tmpl",
    "toml",
    "tpl",
    "ts",
    "xml",
    "yaml",
    "yml",
];

/// Files of programs in which every version holds credentials, by their whole name.
pub(super) const CREDENTIAL_FILES: &[&str] = &[
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "_netrc",
    "client_secret.json",
    "kubeconfig",
    "kubeconfig.yaml",
];

/// The private half of an SSH key pair, as ssh-keygen names it.
pub(super) const SSH_KEY_FILES: &[&str] = &["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];
