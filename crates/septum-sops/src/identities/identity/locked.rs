//! Identities behind a passphrase. It is requested once, when no other identity decrypts a file.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use super::content::IdentityContent;
use super::{LoadedIdentity, LookupOutcome, SharedPassphrases};
use crate::recipients::recipient;
use crate::recipients::ssh::LockedKey;

/// A place whose identities need a passphrase.
pub(super) struct LockedIdentity {
    pub(super) place: String,
    what: LockedContent,
    content: OnceLock<(Vec<Arc<LoadedIdentity>>, LookupOutcome)>,
}

enum LockedContent {
    /// An identity file of age. Its recipients are unknown before it is decrypted.
    File(Zeroizing<Vec<u8>>),
    /// A key of SSH, with its public half in plaintext.
    Ssh(LockedKey),
}

impl LockedIdentity {
    pub(super) fn from_file(place: String, content: Zeroizing<Vec<u8>>) -> Self {
        Self { place, what: LockedContent::File(content), content: OnceLock::new() }
    }

    pub(super) fn from_ssh(place: String, key: LockedKey) -> Self {
        Self { place, what: LockedContent::Ssh(key), content: OnceLock::new() }
    }

    /// The identities, if they may match one of these recipients.
    pub(super) fn unlock_identities(
        &self,
        recipients: &[String],
        passphrases: Option<&SharedPassphrases>,
    ) -> Vec<Arc<LoadedIdentity>> {
        if let LockedContent::Ssh(key) = &self.what {
            let ours = key.recipient().text();
            if !recipients.iter().any(|text| recipient::canonical_recipient(text) == ours) {
                return Vec::new();
            }
        }
        self.content.get_or_init(|| self.ask_passphrase(passphrases)).0.clone()
    }

    pub(super) fn outcome(&self) -> LookupOutcome {
        match (self.content.get(), &self.what) {
            (Some((_, outcome)), _) => outcome.clone(),
            (None, LockedContent::File(_)) => LookupOutcome::Locked,
            (None, LockedContent::Ssh(key)) => LookupOutcome::LockedFor { recipient: key.recipient().text() },
        }
    }

    fn ask_passphrase(&self, passphrases: Option<&SharedPassphrases>) -> (Vec<Arc<LoadedIdentity>>, LookupOutcome) {
        let Some(passphrase) = passphrases.and_then(|ask| ask.ask_passphrase(&self.place)) else {
            return (Vec::new(), LookupOutcome::Locked);
        };
        match &self.what {
            LockedContent::File(content) => {
                let IdentityContent { known, outcome } =
                    IdentityContent::unlock_content(content, &passphrase, passphrases);
                (known, outcome)
            }
            LockedContent::Ssh(key) => match key.unlock(&passphrase) {
                Some(identity) => {
                    let recipient = identity.recipient().text();
                    let outcome = LookupOutcome::Found { recipients: vec![recipient.clone()], unsupported: Vec::new() };
                    (vec![Arc::new(LoadedIdentity { recipient, identity: Box::new(identity), costly: false })], outcome)
                }
                None => (Vec::new(), LookupOutcome::WrongPassphrase),
            },
        }
    }
}
