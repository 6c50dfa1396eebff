//! Certificate of a controller that decrypts SealedSecrets; only its public key is used.

use std::time::Duration;

use rsa::{BoxedUint, PublicKey};
use sha2::{Digest as _, Sha256};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::spki::ObjectIdentifier;
use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, Rule};
use crate::object::{Day, pem};
use crate::span::{Location, Source};

/// `rsaEncryption` (RFC 8017, appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Minimum size of a secure modulus in bits (NIST SP 800-131A). The controller generates keys of 4,096.
const SMALLEST: u32 = 2048;

/// Time before its expiry at which a certificate is reported: the controller generates a new one every 30 days.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Certificate that Secrets are sealed for.
#[derive(Debug, Clone)]
pub struct SealingCertificate {
    /// Public key.
    pub(super) key: PublicKey,
    /// SHA-256 of the whole certificate, which identifies it.
    pub(super) fingerprint: [u8; 32],
    from: Duration,
    until: Duration,
}

impl SealingCertificate {
    /// Reads a certificate in PEM; of several, the first, as kubeseal does.
    ///
    /// Errors (`certificate`): there is none, or a private key besides; it cannot be read; its key is not an RSA key,
    /// is shorter than 2,048 bits, or is unsound.
    pub fn read(source: &Source) -> Result<Self, Diagnostic> {
        let name = source.name();
        let unreadable = || certificate_error(format!("cannot parse the certificate in `{name}`"));
        let bytes = first_der(source)?.ok_or_else(unreadable)?;
        let certificate = x509_cert::Certificate::from_der(&bytes).map_err(|_| unreadable())?.tbs_certificate;
        let info = &certificate.subject_public_key_info;
        if info.algorithm.oid != RSA {
            return Err(certificate_error(format!("the certificate in `{name}` does not have an RSA key"))
                .note("values are sealed with RSA-OAEP, which requires an RSA key"));
        }
        let key = info.subject_public_key.as_bytes().and_then(public_key).ok_or_else(unreadable)?;
        let bits = key.bits();
        if bits < SMALLEST {
            return Err(certificate_error(format!(
                "the key of the certificate in `{name}` has {bits} bits, but at least {SMALLEST} are required"
            ))
            .note("shorter RSA keys can be factored, which exposes all sealed values"));
        }
        // an even modulus, an exponent of 1: a controller generates neither
        let useless = |_| certificate_error(format!("the certificate in `{name}` has an invalid RSA key"));
        let key = PublicKey::new(key.modulus, key.exponent).map_err(useless)?;
        let validity = &certificate.validity;
        Ok(Self {
            key,
            fingerprint: Sha256::digest(&bytes).into(),
            from: validity.not_before.to_unix_duration(),
            until: validity.not_after.to_unix_duration(),
        })
    }

    /// Checks validity on a date (`certificate`): a warning after its end, in the 30 days before that, and before it is
    /// valid.
    pub fn check(&self, place: &Location, day: Day) -> Option<Diagnostic> {
        let until = Day::at(self.until);
        let found = if day.is_after(self.until) {
            Diagnostic::warning(Rule::Certificate, format!("the certificate expired on {until}"))
        } else if day.is_after(self.until.saturating_sub(SOON)) {
            Diagnostic::warning(Rule::Certificate, format!("the certificate expires on {until}"))
        } else if day.is_before(self.from) {
            let from = Day::at(self.from);
            Diagnostic::warning(Rule::Certificate, format!("the certificate is not valid before {from}"))
        } else {
            return None;
        };
        Some(
            found
                .at(place.clone())
                .note("the controller renews its certificate and may lose old keys, after which the sealed values cannot be decrypted")
                .hint("fetch the current certificate: `kubeseal --fetch-cert > cert.pem`"),
        )
    }
}

/// Bytes of the first certificate in a text; `None` if they are damaged.
fn first_der(source: &Source) -> Result<Option<Zeroizing<Vec<u8>>>, Diagnostic> {
    let name = source.name();
    let blocks = pem::parse_blocks(source.text());
    if blocks.iter().any(pem::PemBlock::is_private_key) {
        return Err(certificate_error(format!("`{name}` contains a private key"))
            .note("anyone with the private key of the controller can decrypt everything sealed for it")
            .hint("if this is the controller's key, renew it and rotate the sealed secrets"));
    }
    match blocks.into_iter().find(|block| block.label == "CERTIFICATE") {
        Some(block) => Ok(block.bytes),
        None => Err(certificate_error(format!("`{name}` does not contain a certificate"))
            .note("a certificate begins with a line `-----BEGIN CERTIFICATE-----`")),
    }
}

fn certificate_error(message: String) -> Diagnostic {
    Diagnostic::error(Rule::Certificate, message)
        .hint("fetch the certificate again: `kubeseal --fetch-cert > cert.pem`")
}

/// Numbers of a public key.
struct RsaNumbers {
    modulus: BoxedUint,
    exponent: BoxedUint,
}

impl RsaNumbers {
    fn bits(&self) -> u32 {
        self.modulus.bit_width_vartime()
    }
}

/// Parses an `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn public_key(der: &[u8]) -> Option<RsaNumbers> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers = reader.sequence(|reader| Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))).ok()?;
    // as in Go, trailing data is an error
    let numbers = reader.finish(numbers).ok()?;
    let number = |number: UintRef<'_>| Some(BoxedUint::from_be_slice_vartime(number.as_bytes()));
    Some(RsaNumbers { modulus: number(numbers.0)?, exponent: number(numbers.1)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;

    const CONTROLLER: &str = include_str!("../../../../tests/vectors/sealed/cert.pem");
    const KEY: &str = include_str!("../../../../tests/vectors/sealed/key.pem");
    const SMALL: &str = include_str!("../../../../tests/vectors/sealed/small.crt");
    const RSA_2048: &str = include_str!("../../../../tests/vectors/tls/rsa.crt");
    const P256: &str = include_str!("../../../../tests/vectors/tls/p256.crt");

    fn read(text: &str) -> Result<SealingCertificate, String> {
        SealingCertificate::read(&Source::new("cert.pem", text)).map_err(|error| {
            assert_eq!(error.rule.id(), "certificate");
            error.message
        })
    }

    #[test]
    fn of_several_certificates_the_first_counts() {
        let one = read(CONTROLLER).unwrap();
        assert_eq!(one.key, read(&format!("subject=x\r\n{CONTROLLER}{RSA_2048}")).unwrap().key);
        let other = read(&format!("{RSA_2048}{CONTROLLER}")).unwrap();
        assert!(one.key != other.key && one.fingerprint != other.fingerprint);
    }

    #[test]
    fn the_fingerprint_is_the_one_that_openssl_prints() {
        // openssl x509 -in tests/vectors/sealed/cert.pem -noout -fingerprint -sha256
        assert!(read(CONTROLLER).unwrap().fingerprint.starts_with(&[0xee, 0xc4, 0x23, 0x10, 0x4c, 0x27, 0xa8, 0x46]));
    }

    #[test]
    fn what_nothing_can_be_sealed_for_is_refused() {
        let half = CONTROLLER.get(..CONTROLLER.len() / 2).unwrap();
        let other = CONTROLLER.replacen("MII", "MIJ", 1);
        for (text, expected) in [
            ("", "`cert.pem` does not contain a certificate"),
            (KEY, "`cert.pem` contains a private key"),
            (&format!("{CONTROLLER}{KEY}"), "`cert.pem` contains a private key"),
            (half, "cannot parse the certificate in `cert.pem`"),
            (&other, "cannot parse the certificate in `cert.pem`"),
            (P256, "the certificate in `cert.pem` does not have an RSA key"),
            (SMALL, "the key of the certificate in `cert.pem` has 1024 bits, but at least 2048 are required"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn public_keys_are_two_numbers_and_nothing_more() {
        assert_eq!(public_key(&[0x30, 6, 2, 1, 15, 2, 1, 3]).unwrap().bits(), 4);
        for wrong in [
            &[0x30, 3, 2, 1, 15][..],               // one number
            &[0x30, 6, 2, 1, 0x8f, 2, 1, 3],        // a negative one
            &[0x30, 9, 2, 1, 15, 2, 1, 3, 2, 1, 5], // three
            &[0x30, 6, 2, 1, 15, 2, 1, 3, 0],       // something after them
            &[],
        ] {
            assert!(public_key(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_certificate_is_sound_from_its_first_day_to_thirty_before_its_last() {
        // openssl x509 -in tests/vectors/sealed/cert.pem -noout -dates
        let certificate = read(CONTROLLER).unwrap();
        for (day, expected) in [
            ("2026-11-24", Some((Severity::Warning, "the certificate is not valid before 2026-11-25"))),
            ("2026-11-25", None),
            ("2126-10-02", None),
            ("2126-10-03", Some((Severity::Warning, "the certificate expires on 2126-11-01"))),
            ("2126-11-01", Some((Severity::Warning, "the certificate expires on 2126-11-01"))),
            ("2126-11-02", Some((Severity::Warning, "the certificate expired on 2126-11-01"))),
        ] {
            let found = certificate.check(&Location::synthetic(), day.parse().unwrap());
            let found = found.map(|found| (found.severity, found.message));
            assert_eq!(found, expected.map(|(severity, message)| (severity, message.to_owned())), "{day}");
        }
    }
}
