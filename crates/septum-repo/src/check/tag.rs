//! Tags of values in a baseline: a tag shows whether the value is the same, without revealing it.

use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use rand::rngs::OsRng;
use sha2::Sha256;

/// The key of a baseline. It is stored beside the tags, so that it does not prevent guessing passwords from the
/// baseline alone; but the values themselves are in the same repository, and tags of one say nothing about another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagKey([u8; 16]);

impl TagKey {
    /// A new random key.
    pub fn random() -> Self {
        let mut key = [0; 16];
        OsRng.fill_bytes(&mut key);
        Self(key)
    }

    /// The key that `text` contains in hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> =
            (0..16).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect();
        let key = <[u8; 16]>::try_from(digits?).ok()?;
        (text.len() == 32).then_some(Self(key))
    }

    /// The tag of a text: HMAC-SHA256 (RFC 2104), the first 128 bits.
    pub fn tag(&self, text: &str) -> String {
        // a key of any length is one
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(text.as_bytes());
        encode_hex(&mac.finalize().into_bytes()[..16])
    }
}

impl std::fmt::Display for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&encode_hex(&self.0))
    }
}

fn encode_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::TagKey;

    #[test]
    fn a_key_comes_back_from_its_text() {
        let key = TagKey::random();
        assert_eq!(TagKey::parse(&key.to_string()), Some(key.clone()));
        assert_eq!(key.tag("x"), key.tag("x"));
        assert_ne!(key.tag("x"), key.tag("y"));
        assert_ne!(key.tag("x"), TagKey::random().tag("x"));
        for wrong in ["", "00", "zz", &"é".repeat(16), &"0".repeat(34)] {
            assert_eq!(TagKey::parse(wrong), None, "{wrong}");
        }
    }
}
