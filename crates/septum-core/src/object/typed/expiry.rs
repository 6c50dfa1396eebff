//! The end of the validity of certificates.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::{Day, pem};

/// Last day on which all certificates of a text are valid; none if it contains none that can be parsed.
pub fn certificate_end(text: &str) -> Option<Day> {
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return None;
    }
    let blocks = pem::parse_blocks(text).into_iter().filter(|block| block.label == "CERTIFICATE");
    let certificates = blocks.filter_map(|block| Certificate::from_der(&block.bytes?).ok());
    certificates.map(|certificate| Day::at(certificate.tbs_certificate.validity.not_after.to_unix_duration())).min()
}
