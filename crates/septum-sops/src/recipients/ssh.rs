//! SSH keys of type ed25519 as age recipients and identities (C2SP `age.md` has no section on them: the reference is
//! the package `agessh` of age, stanza `ssh-ed25519`).
//!
//! The Edwards point is converted to Curve25519, and the exchange is that of X25519, tweaked by the public key, so
//! that it cannot be mixed up with other uses of the key. This is done here and not by the `ssh` feature of the age
//! crate, because that brings RSA with it, whose implementation leaks through timing (RUSTSEC-2023-0071).

mod private;

use std::collections::HashSet;

use age::secrecy::ExposeSecret as _;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, hkdf};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::montgomery::MontgomeryPoint;
use rand::RngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

pub(crate) use private::{LockedKey, SshPrivateKey, read_private};

/// The type of the key, and of the stanza.
pub(crate) const ED25519: &str = "ssh-ed25519";

const LABEL: &[u8] = b"age-encryption.org/v1/ssh-ed25519";

/// A public key.
#[derive(Clone)]
pub(crate) struct SshRecipient {
    /// The key in the encoding of SSH, from which the tweak and the tag are computed.
    blob: Vec<u8>,
    point: MontgomeryPoint,
}

/// A private key.
pub(crate) struct SshIdentity {
    recipient: SshRecipient,
    scalar: Zeroizing<[u8; 32]>,
}

impl SshRecipient {
    /// Reads the base64 behind `ssh-ed25519`.
    pub(crate) fn parse(encoded: &str) -> Option<Self> {
        Self::of_blob(&STANDARD.decode(encoded).ok()?)
    }

    /// Reads the encoding of SSH: the type, and 32 bytes of key.
    fn of_blob(blob: &[u8]) -> Option<Self> {
        let mut reader = private::SshReader(blob);
        let key = (reader.string()? == ED25519.as_bytes()).then(|| reader.string())??;
        let point = CompressedEdwardsY::from_slice(key).ok()?.decompress()?;
        // with such a key the shared secret is publicly known
        let sound = reader.0.is_empty() && !point.is_small_order();
        sound.then(|| Self { blob: blob.to_vec(), point: point.to_montgomery() })
    }

    /// `ssh-ed25519 AAAA…`
    pub(crate) fn text(&self) -> String {
        format!("{ED25519} {}", STANDARD.encode(&self.blob))
    }

    /// The first bytes of a hash of the key, by which the recipient of a stanza is recognised.
    fn tag(&self) -> String {
        let hash = Sha256::digest(&self.blob);
        STANDARD_NO_PAD.encode(hash.get(..4).unwrap_or_default())
    }

    /// The key that wraps the file key.
    fn wrapping_key(&self, shared: MontgomeryPoint, ephemeral: &MontgomeryPoint) -> Option<Zeroizing<[u8; 32]>> {
        let mut shared = shared;
        // the other side did not contribute to such a secret
        if shared.as_bytes().iter().fold(0, |all, byte| all | byte) == 0 {
            return None;
        }
        let tweak = Zeroizing::new(hkdf(&self.blob, LABEL, &[]));
        let mut tweaked = shared.mul_clamped(*tweak);
        let salt = [ephemeral.as_bytes().as_slice(), self.point.as_bytes().as_slice()].concat();
        let key = Zeroizing::new(hkdf(&salt, LABEL, tweaked.as_bytes()));
        shared.zeroize();
        tweaked.zeroize();
        Some(key)
    }
}

impl age::Recipient for SshRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let mut secret = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *secret);
        let ephemeral = MontgomeryPoint::mul_base_clamped(*secret);
        let key = self.wrapping_key(self.point.mul_clamped(*secret), &ephemeral);
        let key = key.ok_or_else(|| EncryptError::Io(std::io::ErrorKind::InvalidInput.into()))?;
        let stanza = Stanza {
            tag: ED25519.to_owned(),
            args: vec![self.tag(), STANDARD_NO_PAD.encode(ephemeral.as_bytes())],
            body: aead_encrypt(&key, file_key.expose_secret()),
        };
        Ok((vec![stanza], HashSet::new()))
    }
}

impl SshIdentity {
    /// The identity of a seed, if the public key belongs to the seed.
    fn of_seed(seed: &[u8], recipient: SshRecipient) -> Option<Self> {
        let mut hash = Sha512::digest(seed);
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(hash.get(..32)?);
        hash.as_mut_slice().zeroize();
        let fits = MontgomeryPoint::mul_base_clamped(*scalar) == recipient.point;
        fits.then_some(Self { recipient, scalar })
    }

    /// The public key.
    pub(crate) fn recipient(&self) -> &SshRecipient {
        &self.recipient
    }

    fn unwrap_file_key(&self, ephemeral: &str, body: &[u8]) -> Result<FileKey, DecryptError> {
        let ephemeral = STANDARD_NO_PAD.decode(ephemeral).map_err(|_| DecryptError::InvalidHeader)?;
        let ephemeral = MontgomeryPoint(ephemeral.try_into().map_err(|_| DecryptError::InvalidHeader)?);
        let key = self.recipient.wrapping_key(ephemeral.mul_clamped(*self.scalar), &ephemeral);
        let key = key.ok_or(DecryptError::InvalidHeader)?;
        let plaintext = aead_decrypt(&key, FILE_KEY_BYTES, body).map_err(|_| DecryptError::DecryptionFailed)?;
        let plaintext = Zeroizing::new(plaintext);
        FileKey::try_init_with_mut(|file_key| {
            let plaintext = plaintext.as_slice().try_into().map_err(|_| DecryptError::DecryptionFailed)?;
            *file_key = plaintext;
            Ok(())
        })
    }
}

impl age::Identity for SshIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != ED25519 {
            return None;
        }
        let [tag, ephemeral] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        (*tag == self.recipient.tag()).then(|| self.unwrap_file_key(ephemeral, &stanza.body))
    }
}

#[cfg(test)]
mod tests;
