//! Certificates and their keys. The API server accepts any text; TLS servers do not.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::key::{KeyMatch, TlsPrivateKey};
use super::{Day, TypedSecret, pem};
use crate::diagnostic::Diagnostics;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

impl TypedSecret<'_> {
    pub(super) fn check_tls(&self, problems: &mut Diagnostics) {
        let certificate = self.needed_value(CERTIFICATE, problems);
        let key = self.needed_value(KEY, problems);
        if certificate.is_some_and(|value| value.bytes().is_empty())
            && key.is_some_and(|value| value.bytes().is_empty())
        {
            // a placeholder that a component of the cluster fills in; the API server accepts it too
            problems.push(self.doubtful_value(CERTIFICATE, &format!("and `{KEY}` are empty, so TLS will not work")));
            return;
        }
        let chain = certificate.and_then(|value| self.read_chain(value.text(), problems));
        if let Some(chain) = &chain {
            self.check_order(chain, problems);
            self.check_dates(chain, problems);
        }
        let Some(block) = key.and_then(|value| self.private_key(value.text(), problems)) else { return };
        let Some(key) = block.bytes.as_ref().and_then(|bytes| TlsPrivateKey::read(bytes)) else {
            problems.push(
                self.wrong_value(KEY, "contains a private key that cannot be parsed")
                    .note("expected PKCS#1, PKCS#8 or SEC 1 in PEM")
                    .hint("copy it again from its origin"),
            );
            return;
        };
        let Some(first) = chain.as_deref().and_then(<[_]>::first) else { return };
        match key.fits(&first.tbs_certificate.subject_public_key_info) {
            KeyMatch::Same => {}
            KeyMatch::Different => problems.push(
                self.wrong_value(KEY, &format!("is not the key of the first certificate in `{CERTIFICATE}`"))
                    .at_masked_with(self.place(CERTIFICATE), "the certificate")
                    .hint("use the key and certificate of the same renewal; the server's own certificate must come first"),
            ),
            KeyMatch::Unknown => problems.push(
                self.doubtful_value(KEY, "could not be compared with its certificate")
                    .note("the supported keys are RSA, ECDSA on P-256 and P-384, and Ed25519")
                    .hint(format!("compare the output of `openssl x509 -pubkey` for `{CERTIFICATE}` and `openssl pkey -pubout` for `{KEY}`")),
            ),
        }
    }

    /// Reads the certificates, the server's own first.
    fn read_chain(&self, text: Option<&str>, problems: &mut Diagnostics) -> Option<Vec<Certificate>> {
        let blocks = pem::parse_blocks(text.unwrap_or_default());
        if let Some(block) = blocks.iter().find(|block| block.is_private_key()) {
            let only = blocks.iter().all(|other| other.label == block.label);
            let hint = if only { "`tls.crt` and `tls.key` may be swapped" } else { "keep the key only in `tls.key`" };
            problems
                .push(self.wrong_value(CERTIFICATE, "contains a private key, but is sent to every client").hint(hint));
            return None;
        }
        let certificates: Vec<_> = blocks.iter().filter(|block| block.label == CERTIFICATE_LABEL).collect();
        if certificates.is_empty() {
            problems.push(
                self.wrong_value(CERTIFICATE, "does not contain a certificate")
                    .note("a certificate begins with a line `-----BEGIN CERTIFICATE-----`")
                    .hint("convert a DER certificate with `openssl x509 -inform der`"),
            );
            return None;
        }
        let mut chain = Vec::with_capacity(certificates.len());
        for (index, block) in certificates.iter().enumerate() {
            let read = block.bytes.as_ref().and_then(|bytes| Certificate::from_der(bytes).ok());
            let Some(certificate) = read else {
                let which = format!(
                    "contains a certificate that cannot be parsed: number {} of {}",
                    index + 1,
                    certificates.len()
                );
                problems.push(self.wrong_value(CERTIFICATE, &which).hint("copy it again from its origin"));
                return None;
            };
            chain.push(certificate);
        }
        Some(chain)
    }

    fn private_key(&self, text: Option<&str>, problems: &mut Diagnostics) -> Option<pem::PemBlock> {
        let found = pem::parse_blocks(text.unwrap_or_default()).into_iter().find(pem::PemBlock::is_private_key);
        let Some(block) = found else {
            problems.push(
                self.wrong_value(KEY, "does not contain a private key")
                    .note("a private key begins with a line such as `-----BEGIN PRIVATE KEY-----`"),
            );
            return None;
        };
        if block.is_encrypted {
            problems.push(
                self.wrong_value(
                    KEY,
                    "is a private key with a passphrase, which a server in a cluster cannot prompt for",
                )
                .hint("remove the passphrase with `openssl pkey`, and encrypt the key with sops"),
            );
            return None;
        }
        Some(block)
    }

    fn check_order(&self, chain: &[Certificate], problems: &mut Diagnostics) {
        for (index, pair) in chain.windows(2).enumerate() {
            let [certificate, issuer] = pair else { continue };
            if certificate.tbs_certificate.issuer != issuer.tbs_certificate.subject {
                let what = format!(
                    "is not a valid chain: certificate {} was not issued by certificate {}, which follows it",
                    index + 1,
                    index + 2
                );
                problems.push(
                    self.doubtful_value(CERTIFICATE, &what)
                        .note("many clients do not search for a missing issuer, and reject the connection")
                        .hint("put the server's own certificate first, and the issuer after each certificate"),
                );
                return;
            }
        }
    }

    /// Checks validity only at a given date: the same input gives the same output on every day.
    fn check_dates(&self, chain: &[Certificate], problems: &mut Diagnostics) {
        let Some(day) = self.at else { return };
        for (index, certificate) in chain.iter().enumerate() {
            let validity = &certificate.tbs_certificate.validity;
            let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
            let which =
                if chain.len() == 1 { String::new() } else { format!(" (number {} of {})", index + 1, chain.len()) };
            if day.is_after(until) {
                let what = format!("contains a certificate that expired on {}{which}", Day::at(until));
                problems.push(self.doubtful_value(CERTIFICATE, &what).hint("renew it, and replace the key as well"));
            } else if day.is_before(from) {
                let what = format!("contains a certificate that is not valid before {}{which}", Day::at(from));
                problems.push(self.doubtful_value(CERTIFICATE, &what));
            }
        }
    }
}

/// Description of a text that consists of certificates: subject and dates of the first, and the number of others. None
/// for any other text.
pub fn describe_certificates(text: &str) -> Option<String> {
    let blocks = pem::parse_blocks(text);
    if blocks.is_empty() || blocks.iter().any(|block| block.label != CERTIFICATE_LABEL) {
        return None;
    }
    let first = Certificate::from_der(blocks.first()?.bytes.as_ref()?).ok()?;
    let validity = &first.tbs_certificate.validity;
    let (from, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    let others = match blocks.len() - 1 {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    let subject = first.tbs_certificate.subject;
    Some(format!("(certificate {subject}, valid {} to {}{others})", Day::at(from), Day::at(until)))
}

/// Label of a certificate's block.
const CERTIFICATE_LABEL: &str = "CERTIFICATE";
