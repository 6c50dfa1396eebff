//! Cryptography of a file: single values, the MAC, shares of the data key and keys derived from it.

pub(crate) mod cipher;
pub(crate) mod ciphertext_cache;
pub(crate) mod derived;
pub(crate) mod mac;
pub(crate) mod naming;
pub(crate) mod shamir;

/// The length of a data key.
pub(crate) const KEY_LENGTH: usize = 32;
