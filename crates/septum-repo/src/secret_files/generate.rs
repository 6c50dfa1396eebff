//! Random values, so that no user has to invent one.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::sops::{IdentityKind, NewIdentity};

/// Kind of a random value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomKind {
    /// Letters and digits.
    Text(usize),
    /// Random bytes in hexadecimal form.
    Hex(usize),
    /// Random bytes in base64.
    Base64(usize),
    /// A UUID of version 4.
    Uuid,
    /// An age identity.
    Age,
}

/// Error for a text that is not a valid kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a length from 8 to 1024, `hex:BYTES`, `base64:BYTES`, `uuid` or `age`")]
pub struct InvalidRandomKind;

/// A random value.
pub struct RandomValue {
    /// The value.
    pub value: Zeroizing<Vec<u8>>,
    /// Its public part, if it has one: the recipient of an identity.
    pub recipient: Option<String>,
}

/// Valid lengths: shorter values can be guessed.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=1024;

/// Characters of a text.
const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl FromStr for RandomKind {
    type Err = InvalidRandomKind;

    fn from_str(text: &str) -> Result<Self, InvalidRandomKind> {
        let length = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let length = digits.parse().ok().filter(|length| is_number && LENGTHS.contains(length));
            length.ok_or(InvalidRandomKind)
        };
        match (text, text.split_once(':')) {
            ("uuid", _) => Ok(Self::Uuid),
            ("age", _) => Ok(Self::Age),
            (_, Some(("hex", bytes))) => length(bytes).map(Self::Hex),
            (_, Some(("base64", bytes))) => length(bytes).map(Self::Base64),
            (_, Some(_)) => Err(InvalidRandomKind),
            (_, None) => length(text).map(Self::Text),
        }
    }
}

impl RandomKind {
    /// Generates a value; `None` if the system has no randomness.
    pub fn generate(self) -> Option<RandomValue> {
        let value = match self {
            Self::Text(length) => random_text(length)?,
            Self::Hex(length) => to_hex(&random_bytes(length)?),
            Self::Base64(length) => {
                let bytes = random_bytes(length)?;
                // as long as needed, so that no copy is left behind
                let mut text = Zeroizing::new(vec![0; length.div_ceil(3) * 4]);
                STANDARD.encode_slice(bytes.as_slice(), &mut text).ok()?;
                text
            }
            Self::Uuid => random_uuid()?,
            Self::Age => {
                let new = NewIdentity::generate(IdentityKind::X25519)?;
                let value = Zeroizing::new(new.identity().expose().as_bytes().to_vec());
                return Some(RandomValue { value, recipient: Some(new.recipient().to_owned()) });
            }
        };
        Some(RandomValue { value, recipient: None })
    }
}

fn random_bytes(length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    getrandom::getrandom(&mut bytes).ok()?;
    Some(bytes)
}

/// Each character is equally likely: bytes that would favour some are not used.
fn random_text(length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(length));
    while text.len() < length {
        for byte in random_bytes(64)?.iter() {
            let index = usize::from(byte & 0x3f);
            if let Some(character) = CHARACTERS.get(index).filter(|_| text.len() < length) {
                text.push(*character);
            }
        }
    }
    Some(text)
}

fn to_hex(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() * 2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            text.extend(DIGITS.get(usize::from(digit)));
        }
    }
    text
}

/// RFC 9562, section 5.4.
fn random_uuid() -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = random_bytes(16)?;
    if let Some(version) = bytes.get_mut(6) {
        *version = *version & 0x0f | 0x40;
    }
    if let Some(variant) = bytes.get_mut(8) {
        *variant = *variant & 0x3f | 0x80;
    }
    let hex = to_hex(&bytes);
    let mut text = Zeroizing::new(Vec::with_capacity(36));
    for (index, digit) in hex.iter().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push(b'-');
        }
        text.push(*digit);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: &str) -> String {
        let value = kind.parse::<RandomKind>().unwrap().generate().unwrap().value;
        String::from_utf8(value.to_vec()).unwrap()
    }

    #[test]
    fn each_kind_has_its_form_and_no_value_comes_twice() {
        for (kind, length, characters) in [
            ("8", 8, "letters"),
            ("1024", 1024, "letters"),
            ("hex:16", 32, "hex"),
            ("base64:32", 44, "base64"),
            ("base64:9", 12, "base64"),
        ] {
            let (one, other) = (text(kind), text(kind));
            assert_eq!(one.len(), length, "{kind}");
            assert_ne!(one, other, "{kind}");
            let is_valid = |byte: u8| match characters {
                "letters" => byte.is_ascii_alphanumeric(),
                "hex" => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
                _ => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
            };
            assert!(one.bytes().all(is_valid), "{kind}");
        }
        assert_eq!(STANDARD.decode(text("base64:32")).unwrap().len(), 32);
        let all: std::collections::BTreeSet<_> = text("1024").bytes().chain(text("1024").bytes()).collect();
        assert_eq!(all.len(), 62, "all characters occur");
    }

    #[test]
    fn a_uuid_is_one_of_version_4() {
        let uuid = text("uuid");
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
    }

    #[test]
    fn an_identity_has_a_recipient() {
        let made = RandomKind::Age.generate().unwrap();
        assert!(made.value.starts_with(b"AGE-SECRET-KEY-1") && made.recipient.unwrap().starts_with("age1"));
    }

    #[test]
    fn what_is_not_a_kind_is_refused() {
        for kind in
            ["", "7", "1025", "+8", "hex", "hex:", "hex:7", "base64:-8", "uuid:4", "rsa", "99999999999999999999"]
        {
            assert!(kind.parse::<RandomKind>().is_err(), "{kind}");
        }
    }
}
