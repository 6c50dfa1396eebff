//! New identities, and the recipients of known ones: the features of `age-keygen`.

use std::sync::Arc;

use age::secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::identities::identity::{LookupOutcome, read_recipients};
use crate::recipients::hybrid::HybridIdentity;
use crate::recipients::passphrase::PassphraseProvider;
use septum_base::secret::Secret;
use septum_base::time::Timestamp;

/// A kind of identity that can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKind {
    /// `AGE-SECRET-KEY-1…`: supported by every age and sops.
    X25519,
    /// `AGE-SECRET-KEY-PQ-1…`: safe from quantum computers, for age 1.3 and sops 3.12 or newer.
    PostQuantum,
}

/// A new identity. It is lost unless it is written down before it is dropped.
#[derive(Debug)]
pub struct NewIdentity {
    recipient: String,
    identity: Secret<String>,
}

impl NewIdentity {
    /// Generates an identity; `None` if the system has no randomness.
    pub fn generate(kind: IdentityKind) -> Option<Self> {
        // age itself requests random bytes and panics without any
        getrandom::getrandom(&mut [0; 1]).ok()?;
        Some(match kind {
            IdentityKind::X25519 => {
                let identity = age::x25519::Identity::generate();
                let text = identity.to_string().expose_secret().to_owned();
                Self { recipient: identity.to_public().to_string(), identity: Secret::new(text) }
            }
            IdentityKind::PostQuantum => {
                let identity = HybridIdentity::generate()?;
                Self { recipient: identity.recipient(), identity: Secret::new(identity.text()) }
            }
        })
    }

    /// The recipient: the public key for encryption.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// The identity itself, on one line.
    pub fn identity(&self) -> &Secret<String> {
        &self.identity
    }

    /// An identity file in the form of `age-keygen`.
    pub fn file_text(&self, created: Timestamp) -> Zeroizing<String> {
        let (time, recipient, identity) = (created.to_seconds(), &self.recipient, self.identity.expose());
        Zeroizing::new(format!("# created: {time}\n# public key: {recipient}\n{identity}\n"))
    }
}

/// The recipients of the identities in a file, in its order; `name` is shown when a passphrase is requested. The
/// error describes the problem of the file.
pub fn recipients_of(
    name: &str,
    content: &[u8],
    asked: impl PassphraseProvider + 'static,
) -> Result<Vec<String>, LookupOutcome> {
    let asked: Arc<dyn PassphraseProvider> = Arc::new(asked);
    read_recipients(name, content, &asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipient;

    struct Nobody;

    impl PassphraseProvider for Nobody {
        fn ask_passphrase(&self, _of: &str) -> Option<Zeroizing<String>> {
            None
        }
    }

    #[test]
    fn a_new_identity_is_read_as_that_of_its_recipient() {
        for (kind, prefix) in
            [(IdentityKind::X25519, "AGE-SECRET-KEY-1"), (IdentityKind::PostQuantum, "AGE-SECRET-KEY-PQ-1")]
        {
            let new = NewIdentity::generate(kind).unwrap();
            assert!(new.identity().expose().starts_with(prefix));
            Recipient::parse(new.recipient()).unwrap();
            let file = new.file_text(Timestamp::parse_rfc3339("2026-05-22T20:16:23Z").unwrap());
            assert!(file.starts_with("# created: 2026-05-22T20:16:23Z\n# public key: age1"));
            assert_eq!(recipients_of("k", file.as_bytes(), Nobody).unwrap(), [new.recipient()]);
            assert!(!format!("{new:?}").contains("SECRET-KEY"));
        }
    }

    #[test]
    fn what_holds_no_usable_identity_has_no_recipients() {
        for (content, expected) in [
            ("", LookupOutcome::Found { recipients: Vec::new(), unsupported: Vec::new() }),
            ("# nothing\n", LookupOutcome::Found { recipients: Vec::new(), unsupported: Vec::new() }),
            ("# one\nage1x\n", LookupOutcome::Invalid { line: 2 }),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", LookupOutcome::Locked),
        ] {
            assert_eq!(recipients_of("k", content.as_bytes(), Nobody), Err(expected), "{content:?}");
        }
    }
}
