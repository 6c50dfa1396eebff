//! Private keys of TLS, read only to check whether a certificate belongs to them. They sign nothing here.

use curve25519_dalek::EdwardsPoint;
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use sec1::EcPrivateKey;
use sec1::der::Decode as _;
use sha2::{Digest as _, Sha512};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use zeroize::Zeroizing;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Whether a certificate belongs to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyMatch {
    Same,
    Different,
    /// The kind of key is not supported.
    Unknown,
}

/// Private key.
pub(super) enum TlsPrivateKey<'a> {
    Rsa(pkcs1::RsaPrivateKey<'a>),
    Ec {
        /// `None` if the key does not state its curve.
        curve: Option<ObjectIdentifier>,
        key: EcPrivateKey<'a>,
    },
    Ed25519(&'a [u8]),
    Other(ObjectIdentifier),
}

impl<'a> TlsPrivateKey<'a> {
    /// Reads PKCS#1, PKCS#8 or SEC 1, independent of the label of its block: OpenSSL and Go try all of them too.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        if let Ok(key) = pkcs1::RsaPrivateKey::try_from(der) {
            return Some(Self::Rsa(key));
        }
        if let Ok(key) = EcPrivateKey::from_der(der) {
            let curve = key.parameters.and_then(sec1::EcParameters::named_curve);
            return Some(Self::Ec { curve, key });
        }
        let info = PrivateKeyInfo::try_from(der).ok()?;
        match info.algorithm.oid {
            RSA => pkcs1::RsaPrivateKey::try_from(info.private_key).ok().map(Self::Rsa),
            EC => {
                let key = EcPrivateKey::from_der(info.private_key).ok()?;
                Some(Self::Ec { curve: info.algorithm.parameters_oid().ok(), key })
            }
            // an OCTET STRING of 32 bytes within the OCTET STRING
            ED25519 => info.private_key.strip_prefix(&[4, 32]).filter(|seed| seed.len() == 32).map(Self::Ed25519),
            other => Some(Self::Other(other)),
        }
    }

    /// Whether this is the key of the certificate with that public key.
    pub(super) fn fits(&self, public: &SubjectPublicKeyInfoOwned) -> KeyMatch {
        let algorithm = public.algorithm.oid;
        let Some(bits) = public.subject_public_key.as_bytes() else { return KeyMatch::Unknown };
        match self {
            Self::Rsa(key) if algorithm == RSA => match pkcs1::RsaPublicKey::from_der(bits) {
                Ok(other) => match_if(key.public_key() == other),
                Err(_) => KeyMatch::Unknown,
            },
            Self::Ec { curve, key } if algorithm == EC => {
                let other = public.algorithm.parameters.as_ref().and_then(|found| found.decode_as().ok());
                let (Some(other), own) = (other, *curve) else { return KeyMatch::Unknown };
                if own.is_some_and(|own| own != other) { KeyMatch::Different } else { fits_point(other, key, bits) }
            }
            Self::Ed25519(seed) if algorithm == ED25519 => match_if(ed25519_public(seed) == bits),
            Self::Other(own) if algorithm == *own => KeyMatch::Unknown,
            Self::Rsa(_) | Self::Ec { .. } | Self::Ed25519(_) | Self::Other(_) => KeyMatch::Different,
        }
    }
}

fn match_if(is_same: bool) -> KeyMatch {
    if is_same { KeyMatch::Same } else { KeyMatch::Different }
}

/// Computes the public point where the curve is supported: the public part stated in a key could be wrong, or missing.
fn fits_point(curve: ObjectIdentifier, key: &EcPrivateKey<'_>, bits: &[u8]) -> KeyMatch {
    match curve {
        P256 => match (p256::SecretKey::from_slice(key.private_key), p256::PublicKey::from_sec1_bytes(bits)) {
            (Ok(secret), Ok(public)) => match_if(secret.public_key() == public),
            _ => KeyMatch::Different,
        },
        P384 => match (p384::SecretKey::from_slice(key.private_key), p384::PublicKey::from_sec1_bytes(bits)) {
            (Ok(secret), Ok(public)) => match_if(secret.public_key() == public),
            _ => KeyMatch::Different,
        },
        _ => key.public_key.map_or(KeyMatch::Unknown, |own| match_if(own == bits)),
    }
}

/// Public key of an Ed25519 seed (RFC 8032, section 5.1.5).
fn ed25519_public(seed: &[u8]) -> [u8; 32] {
    let hash = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
    let mut scalar = Zeroizing::new([0; 32]);
    for (to, from) in scalar.iter_mut().zip(hash.iter()) {
        *to = *from;
    }
    EdwardsPoint::mul_base_clamped(*scalar).compress().to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ed25519_key_has_the_public_key_of_rfc_8032() {
        // section 7.1, test 1
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(ed25519_public(&seed), *public);
    }
}
