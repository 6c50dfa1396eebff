//! Files that sops wrote, read here, and files that are written here, read by sops.

// clippy takes only functions marked `#[test]` for tests, not those that they call
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout)]

mod keys;
mod keys_peers;
mod odd;
mod peers;
#[cfg(feature = "plugin")]
mod plugin;
mod sequences;
mod tampering;
mod tree;
mod vectors;
mod writing;

use septum::sops::{DecryptionError, Identities, IdentitySources};
use zeroize::Zeroizing;

/// The identities of the vectors.
fn identities() -> Identities {
    let keys = std::fs::read_to_string(vectors::directory().join("keys.txt")).expect("keys");
    Identities::new(IdentitySources { age_key: Some(Zeroizing::new(keys)), ..IdentitySources::default() })
}

/// The rules and messages of an error.
fn messages(error: DecryptionError) -> Vec<(&'static str, String)> {
    error.into_diagnostics().into_iter().map(|diagnostic| (diagnostic.rule.id(), diagnostic.message)).collect()
}
