//! Tests of complete files: vectors by their data keys, encryption, rewrites.

mod any;
mod encrypting;
mod groups;
mod odd;
mod rewriting;
mod stability;
mod tampering;
mod vectors;
#[path = "../../../septum-base/src/yaml/read/yamlish.rs"]
mod yamlish;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::*;
use crate::data_key::unlock::UnlockedDataKey;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/sops")
}

fn vector(name: &str) -> Vec<u8> {
    fs::read(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn identities() -> Identities {
    let keys = String::from_utf8(vector("keys.txt")).expect("UTF-8");
    Identities::new(IdentitySources { age_key: Some(Zeroizing::new(keys)), ..IdentitySources::default() })
}

/// The recipient of the first identity.
const RECIPIENT: &str = "age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh";

fn now() -> Timestamp {
    Timestamp::from_system_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000))
}

/// A minute after [`now`].
fn later() -> Timestamp {
    Timestamp::from_system_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_060))
}

fn plan(selector: Selector) -> EncryptionPlan {
    EncryptionPlan { selector, ..EncryptionPlan::new(recipients(&[RECIPIENT])) }
}

fn recipients(age: &[&str]) -> Recipients {
    Recipients::from_age(age.iter().map(|text| Recipient::parse(text).expect("valid")).collect())
}

fn pattern(text: &str) -> GoRegex {
    GoRegex::parse(text).expect("compiles")
}

fn sealed(text: &str, format: SopsFormat, selector: Selector) -> String {
    let bytes = encrypt_file("file", text.as_bytes().to_vec(), format, &plan(selector), now());
    let bytes = bytes.unwrap_or_else(|error| panic!("{text}\n{:?}", error.into_diagnostics()));
    String::from_utf8(bytes.bytes).expect("UTF-8")
}

fn opened(text: &str, format: SopsFormat) -> DecryptedFile {
    let sealed = DecryptedFile::decrypt_bytes("file", text.as_bytes().to_vec(), format, &identities());
    let sealed = sealed.unwrap_or_else(|error| panic!("{text}\n{:?}", error.into_diagnostics()));
    let without_values = opened_text(text, format).into_plaintext();
    assert_eq!(without_values.ok(), sealed.plaintext().ok(), "{text}");
    sealed
}

/// The same, whose values are not kept.
fn opened_text(text: &str, format: SopsFormat) -> DecryptedText {
    let closed = EncryptedFile::read("file", text.as_bytes().to_vec(), format).ok().flatten().expect("encrypted");
    let sealed = closed.decrypt_to_text(&identities(), false);
    sealed.unwrap_or_else(|error| panic!("{text}\n{:?}", error.into_diagnostics()))
}

fn plaintext(sealed: &DecryptedFile) -> String {
    if let (Some(blocks), Ok(parsed)) = (&sealed.blocks, sealed.parse_text()) {
        let cuts = blocks.iter().map(|block| &block.whole);
        assert!(cuts.eq(parsed.blocks.iter().flatten().map(|block| &block.whole)), "where the metadata stand");
    }
    String::from_utf8(sealed.plaintext().expect("plain").to_vec()).expect("UTF-8")
}

fn written(sealed: DecryptedFile) -> String {
    let bytes = sealed.write_bytes(now()).unwrap_or_else(|error| panic!("{:?}", error.into_diagnostics()));
    String::from_utf8(bytes).expect("UTF-8")
}

fn path(steps: &str) -> ValuePath {
    let step = |step: &str| step.parse().map_or_else(|_| ValuePathStep::Key(step.to_owned()), ValuePathStep::Index);
    steps.split('/').map(step).collect()
}

/// Lines that are in one text and not in the other.
fn changed_lines(one: &str, other: &str) -> (Vec<String>, Vec<String>) {
    let only = |one: &str, other: &str| {
        let mut rest: Vec<&str> = other.lines().collect();
        let mut only = Vec::new();
        for line in one.lines() {
            match rest.iter().position(|known| *known == line) {
                Some(at) => drop(rest.remove(at)),
                None => only.push(line.split(['=', ':']).next().unwrap_or_default().trim().to_owned()),
            }
        }
        only
    };
    (only(one, other), only(other, one))
}
