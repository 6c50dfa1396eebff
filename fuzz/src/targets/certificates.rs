//! Certificates and private keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use septum::deliver::sealed_secret::SealingCertificate;
use septum::name::BundleName;
use septum::object::{certificate_end, describe_certificates, find_value_problems, pem};
use septum::span::{Located, Location, Source, Span};

use crate::project::assert_placed;

/// Types of Secrets, each with a key.
const TYPES: [(&str, &str); 8] = [
    ("kubernetes.io/tls", "tls.crt"),
    ("kubernetes.io/tls", "tls.key"),
    ("kubernetes.io/ssh-auth", "ssh-privatekey"),
    ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
    ("kubernetes.io/dockercfg", ".dockercfg"),
    ("kubernetes.io/basic-auth", "username"),
    ("bootstrap.kubernetes.io/token", "expiration"),
    ("bootstrap.kubernetes.io/token", "token-secret"),
];

/// Input: PEM, or the DER in it.
pub(crate) fn check(data: &[u8]) {
    match std::str::from_utf8(data).ok().filter(|text| text.contains("-----BEGIN") || text.starts_with('{')) {
        Some(text) => check_text(text),
        None => {
            for label in ["CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
                check_text(&format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(data)));
            }
        }
    }
}

fn check_text(text: &str) {
    let source = Source::new("tls.crt", text);
    for block in pem::parse_blocks(text) {
        assert!(text.contains(&block.label), "a label that is not there");
    }
    let day = "2030-01-31".parse().expect("a day");
    match SealingCertificate::read(&source) {
        Ok(certificate) => assert_placed(certificate.check(&source.place(Span::default()), day).as_ref()),
        Err(problem) => assert_placed([&problem]),
    }
    let _ = (certificate_end(text), describe_certificates(text));
    let bundle = BundleName::from("b");
    for (name, key) in TYPES {
        let secret_type = Located { value: name.to_owned(), place: Location::synthetic() };
        let problems = find_value_problems(&secret_type, &bundle, key, "a value", text);
        assert_placed(&problems);
        let shown = format!("{problems:?}");
        // a line of a key in a message would be a leak
        let is_long = |line: &&str| line.len() >= 40 && !line.starts_with("-----") && !line.contains(['"', '{']);
        let lines = text.lines().map(str::trim).filter(is_long);
        lines.for_each(|line| assert!(!shown.contains(line), "a message shows a line of the value"));
    }
}
