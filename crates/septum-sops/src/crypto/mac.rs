//! The checksum over all values of a file (format, section 1.6).

use std::fmt::Write as _;

use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// Values covered by the checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacScope {
    /// All of them.
    All,
    /// The encrypted ones: `mac_only_encrypted: true`.
    Encrypted,
}

/// SHA-256 of `sops`: makes a checksum of one scope differ from every one of the other.
const ENCRYPTED_ONLY: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// The running checksum.
pub(crate) struct Mac {
    hash: Sha512,
    scope: MacScope,
}

impl Mac {
    pub(crate) fn new(scope: MacScope) -> Self {
        let mut hash = Sha512::new();
        if scope == MacScope::Encrypted {
            hash.update(ENCRYPTED_ONLY);
        }
        Self { hash, scope }
    }

    /// Adds a value that is in plaintext.
    pub(crate) fn add_plain(&mut self, value: &[u8]) {
        if self.scope == MacScope::All {
            self.hash.update(value);
        }
    }

    /// Adds the plaintext of a value that is encrypted.
    pub(crate) fn add_encrypted(&mut self, value: &[u8]) {
        self.hash.update(value);
    }

    /// The checksum as sops stores it: 128 upper-case hexadecimal digits.
    pub(crate) fn finish(self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(128));
        for byte in self.hash.finalize() {
            let _ = write!(text, "{byte:02X}");
        }
        text
    }
}

/// Whether two checksums are equal, in a time that does not reveal where they differ.
pub(crate) fn is_same_mac(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_decides_what_counts() {
        let finish = |scope, values: &[(&str, bool)]| {
            let mut mac = Mac::new(scope);
            for (value, encrypted) in values {
                if *encrypted { mac.add_encrypted(value.as_bytes()) } else { mac.add_plain(value.as_bytes()) }
            }
            mac.finish().to_string()
        };
        let all = finish(MacScope::All, &[("a", true), ("b", false)]);
        assert_eq!(all, finish(MacScope::All, &[("ab", true)]), "there are no separators");
        assert_ne!(all, finish(MacScope::All, &[("a", true)]));
        let encrypted = finish(MacScope::Encrypted, &[("a", true), ("b", false)]);
        assert_eq!(encrypted, finish(MacScope::Encrypted, &[("a", true)]));
        assert_ne!(encrypted, finish(MacScope::All, &[("a", true)]), "the scopes cannot be confused");
        assert!(all.len() == 128 && !all.contains(|char: char| char.is_lowercase()));
    }

    #[test]
    fn checksums_are_the_same_if_each_byte_is() {
        for (one, other, expected) in [
            ("", "", true),
            ("0A", "0A", true),
            ("0A", "0B", false),
            ("0A", "1A", false),
            ("0A", "0A0", false),
            ("0A0", "0A", false),
            ("", "0A", false),
            // differences that are the same, and ones that have no bit in common
            ("00", "11", false),
            ("0@", "@0", false),
            ("01", "10", false),
            ("12", "00", false),
        ] {
            assert_eq!(is_same_mac(one.as_bytes(), other.as_bytes()), expected, "{one} and {other}");
        }
    }

    #[test]
    fn the_constant_is_the_hash_of_the_word() {
        assert_eq!(sha2::Sha256::digest(b"sops")[..], ENCRYPTED_ONLY);
    }
}
