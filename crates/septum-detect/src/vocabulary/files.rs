//! Names and extensions of files.

/// Extensions of files that hold a private key.
pub(crate) const KEY_EXTENSIONS: &[&str] =
    &["jceks", "jks", "kdbx", "key", "keystore", "keytab", "p12", "pfx", "pkcs12", "ppk"];

/// Extensions of files that are made to be distributed.
pub(crate) const PUBLIC_EXTENSIONS: &[&str] = &["cer", "crl", "crt", "csr", "pub"];

/// Extensions of files whose name says nothing about the secrets in them.
pub(crate) const CONFIG_EXTENSIONS: &[&str] = &[
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

/// Files that contain credentials in every version of their program, by whole name.
pub(crate) const CREDENTIAL_FILES: &[&str] = &[
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

/// Names that ssh-keygen gives the private half of a key pair.
pub(crate) const SSH_KEY_FILES: &[&str] = &["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];
