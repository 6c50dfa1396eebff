//! Encrypted files: read, decrypt, verify, change, write.

pub(crate) mod aliases;
pub(crate) mod ambiguous;
pub(crate) mod ciphertexts;
pub(crate) mod comments;
pub(crate) mod content;
pub(crate) mod encrypt;
pub(crate) mod extract;
pub(crate) mod fingerprint;
pub(crate) mod guess;
pub(crate) mod leaf_verifier;
pub(crate) mod lock;
pub(crate) mod lossy;
pub(crate) mod open;
pub(crate) mod plain;
pub(crate) mod readable;
pub(crate) mod redacted;
pub(crate) mod rewrite;
pub(crate) mod seal;
pub(crate) mod sealed;
pub(crate) mod selection;
pub(crate) mod stable;
pub(crate) mod stray;
pub(crate) mod verify;
pub(crate) mod walk;
pub(crate) mod write_error;
