//! The certificate of a controller that opens SealedSecrets: all that is needed of it is the public key.

use std::time::Duration;

use rsa::{BoxedUint, PublicKey};
use sha2::{Digest as _, Sha256};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::spki::ObjectIdentifier;

use crate::diagnostic::Diagnostic;
use crate::object::{Day, pem};
use crate::span::{Place, Source};

/// `rsaEncryption` (RFC 8017, appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The smallest modulus that is still secure, in bits (NIST SP 800-131A). The controller makes keys of 4,096.
const SMALLEST: u32 = 2048;

/// How long before its end a certificate is told of: the controller makes a new one every 30 days.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// For whom Secrets are sealed.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The public key.
    pub(super) key: PublicKey,
    /// SHA-256 of the whole certificate, by which it is told from others.
    pub(super) fingerprint: [u8; 32],
    from: Duration,
    until: Duration,
}

impl Certificate {
    /// Reads a certificate in PEM; of several, the first, as kubeseal does.
    ///
    /// Errors (`certificate`): there is none, it cannot be read, its key is not one of RSA or too short.
    pub fn read(source: &Source) -> Result<Self, Diagnostic> {
        let name = source.name();
        let error = |message: String| {
            Diagnostic::error("certificate", message).hint("fetch it again: `kubeseal --fetch-cert > cert.pem`")
        };
        let blocks = pem::blocks(source.text());
        let found = blocks.iter().find(|block| block.label == "CERTIFICATE");
        let Some(block) = found else {
            let error = error(format!("`{name}` holds no certificate"));
            return Err(if blocks.iter().any(pem::Block::is_private_key) {
                error.note("it holds a private key, which belongs nowhere but into the cluster")
            } else {
                error.note("a certificate begins with a line `-----BEGIN CERTIFICATE-----`")
            });
        };
        let unreadable = || error(format!("the certificate in `{name}` cannot be read"));
        let bytes = block.bytes.as_ref().ok_or_else(unreadable)?;
        let certificate = x509_cert::Certificate::from_der(bytes).map_err(|_| unreadable())?.tbs_certificate;
        let info = &certificate.subject_public_key_info;
        if info.algorithm.oid != RSA {
            return Err(error(format!("the certificate in `{name}` has no key of RSA"))
                .note("values are sealed with RSA-OAEP, and no other key can open them"));
        }
        let key = info.subject_public_key.as_bytes().and_then(public_key).ok_or_else(unreadable)?;
        let bits = key.bits();
        if bits < SMALLEST {
            return Err(error(format!("the key of the certificate in `{name}` has {bits} bits, and needs {SMALLEST}"))
                .note("a shorter one can be broken, and with it all that is sealed"));
        }
        let key = PublicKey::new(key.modulus, key.exponent).map_err(|_| unreadable())?;
        let validity = &certificate.validity;
        Ok(Self {
            key,
            fingerprint: Sha256::digest(bytes).into(),
            from: validity.not_before.to_unix_duration(),
            until: validity.not_after.to_unix_duration(),
        })
    }

    /// What there is to say of it on a day: that it is not valid, or not for long. It opens values all the
    /// same, as long as the controller keeps its key.
    pub fn check(&self, place: &Place, day: Day) -> Option<Diagnostic> {
        let message = if day.is_after(self.until) {
            format!("the certificate expired on {}", Day::at(self.until))
        } else if day.is_after(self.until.saturating_sub(SOON)) {
            format!("the certificate expires on {}", Day::at(self.until))
        } else if day.is_before(self.from) {
            format!("the certificate is valid only from {}", Day::at(self.from))
        } else {
            return None;
        };
        Some(
            Diagnostic::warning("certificate", message)
                .at(place.clone())
                .note("the controller has made newer ones by then, and may have lost this one's key")
                .hint("fetch the newest: `kubeseal --fetch-cert > cert.pem`"),
        )
    }
}

/// The numbers of a public key.
struct Numbers {
    modulus: BoxedUint,
    exponent: BoxedUint,
}

impl Numbers {
    fn bits(&self) -> u32 {
        self.modulus.bit_width_vartime()
    }
}

/// `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn public_key(der: &[u8]) -> Option<Numbers> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers = reader.sequence(|reader| Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))).ok()?;
    let number = |number: UintRef<'_>| Some(BoxedUint::from_be_slice_vartime(number.as_bytes()));
    Some(Numbers { modulus: number(numbers.0)?, exponent: number(numbers.1)? })
}
