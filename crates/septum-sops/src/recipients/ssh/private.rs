//! Private keys in the format of OpenSSH (`PROTOCOL.key` of openssh-portable).

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use zeroize::Zeroizing;

use super::{ED25519, SshIdentity, SshRecipient};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Highest accepted number of rounds, more than is used with `ssh-keygen`; each costs milliseconds.
const MOST_ROUNDS: u32 = 4096;

/// Contents of a private key file.
pub(crate) enum SshPrivateKey {
    /// A key that can be used.
    Ed25519(SshIdentity),
    /// A key that needs a passphrase.
    Locked(LockedKey),
    /// A key of another type, or under an unsupported cipher.
    Unsupported(&'static str),
}

/// An ed25519 key that is encrypted with a passphrase.
pub(crate) struct LockedKey {
    recipient: SshRecipient,
    salt: Vec<u8>,
    rounds: u32,
    ciphertext: Vec<u8>,
}

/// Reads a file with a private key; `None` if it is not one, or damaged.
pub(crate) fn read_private(content: &[u8]) -> Option<SshPrivateKey> {
    let text = std::str::from_utf8(content).ok()?.trim();
    if text.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
        return Some(SshPrivateKey::Unsupported("an SSH RSA key"));
    }
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let encoded = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    let decoded = Zeroizing::new(STANDARD.decode(encoded.as_bytes()).ok()?);
    let mut reader = SshReader(decoded.strip_prefix(MAGIC)?);
    let (cipher, kdf, options) = (reader.string()?, reader.string()?, reader.string()?);
    if reader.number()? != 1 {
        return None;
    }
    let blob = reader.string()?;
    let section = reader.string()?;
    let Some(recipient) = SshRecipient::of_blob(blob) else {
        let kind = SshReader(blob).string()?;
        let rsa = kind == b"ssh-rsa";
        return Some(SshPrivateKey::Unsupported(if rsa { "an SSH RSA key" } else { "an SSH key that is not ed25519" }));
    };
    match (cipher, kdf) {
        (b"none", b"none") => read_identity(section, recipient).map(SshPrivateKey::Ed25519),
        (b"aes256-ctr", b"bcrypt") => read_locked_key(options, section, recipient).map(SshPrivateKey::Locked),
        _ => Some(SshPrivateKey::Unsupported("an SSH key with a cipher other than `aes256-ctr`")),
    }
}

fn read_locked_key(options: &[u8], section: &[u8], recipient: SshRecipient) -> Option<LockedKey> {
    let mut options = SshReader(options);
    let (salt, rounds) = (options.string()?.to_vec(), options.number()?);
    let sound = !salt.is_empty() && (1..=MOST_ROUNDS).contains(&rounds);
    sound.then(|| LockedKey { recipient, salt, rounds, ciphertext: section.to_vec() })
}

/// The key in a decrypted section: two equal numbers, type, public key, seed and public key, comment, and padding
/// bytes counted up from 1.
fn read_identity(section: &[u8], recipient: SshRecipient) -> Option<SshIdentity> {
    let mut reader = SshReader(section);
    if reader.number()? != reader.number()? || reader.string()? != ED25519.as_bytes() {
        return None;
    }
    let (public, secret, _comment) = (reader.string()?, reader.string()?, reader.string()?);
    let padded = reader.0.iter().zip(1u8..).all(|(byte, expected)| *byte == expected);
    let (seed, copy) = secret.split_at_checked(32)?;
    if !padded || copy != public {
        return None;
    }
    SshIdentity::of_seed(seed, recipient)
}

impl LockedKey {
    /// The public key, which is in plaintext.
    pub(crate) fn recipient(&self) -> &SshRecipient {
        &self.recipient
    }

    /// The key, if the passphrase is the right one.
    pub(crate) fn unlock(&self, passphrase: &str) -> Option<SshIdentity> {
        let mut material = Zeroizing::new([0; 48]);
        bcrypt_pbkdf::bcrypt_pbkdf(passphrase.as_bytes(), &self.salt, self.rounds, &mut *material).ok()?;
        let (key, nonce) = material.split_at_checked(32)?;
        let mut section = Zeroizing::new(self.ciphertext.clone());
        Ctr128BE::<Aes256>::new_from_slices(key, nonce).ok()?.apply_keystream(&mut section);
        read_identity(&section, self.recipient.clone())
    }
}

/// Reads the data types of SSH (RFC 4251, section 5).
pub(super) struct SshReader<'a>(pub(super) &'a [u8]);

impl<'a> SshReader<'a> {
    pub(super) fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}
