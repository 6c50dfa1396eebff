//! Identities behind a passphrase. It is asked for when nothing else opens a file, and once.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use super::content::Content;
use super::{Asked, Known, Outcome};
use crate::sops::recipient;
use crate::sops::ssh::LockedKey;

/// A place whose identities need a passphrase.
pub(super) struct Locked {
    pub(super) place: String,
    what: What,
    content: OnceLock<(Vec<Arc<Known>>, Outcome)>,
}

enum What {
    /// An identity file of age. Who is in it, nobody knows before.
    File(Zeroizing<Vec<u8>>),
    /// A key of SSH, with its public half in the clear.
    Ssh(LockedKey),
}

impl Locked {
    pub(super) fn file(place: String, content: Zeroizing<Vec<u8>>) -> Self {
        Self { place, what: What::File(content), content: OnceLock::new() }
    }

    pub(super) fn ssh(place: String, key: LockedKey) -> Self {
        Self { place, what: What::Ssh(key), content: OnceLock::new() }
    }

    /// The identities, if they may serve one of these recipients.
    pub(super) fn unlock(&self, recipients: &[String], passphrases: Option<&Asked>) -> Vec<Arc<Known>> {
        if let What::Ssh(key) = &self.what {
            let ours = key.recipient().text();
            if !recipients.iter().any(|text| recipient::identity(text) == ours) {
                return Vec::new();
            }
        }
        self.content.get_or_init(|| self.ask(passphrases)).0.clone()
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (self.content.get(), &self.what) {
            (Some((_, outcome)), _) => outcome.clone(),
            (None, What::File(_)) => Outcome::Locked,
            (None, What::Ssh(key)) => Outcome::LockedFor { recipient: key.recipient().text() },
        }
    }

    fn ask(&self, passphrases: Option<&Asked>) -> (Vec<Arc<Known>>, Outcome) {
        let Some(passphrase) = passphrases.and_then(|ask| ask.passphrase(&self.place)) else {
            return (Vec::new(), Outcome::Locked);
        };
        match &self.what {
            What::File(content) => {
                let Content { known, outcome } = Content::unlock(content, &passphrase, passphrases);
                (known, outcome)
            }
            What::Ssh(key) => match key.unlock(&passphrase) {
                Some(identity) => {
                    let recipient = identity.recipient().text();
                    let outcome = Outcome::Found { recipients: vec![recipient.clone()], unsupported: Vec::new() };
                    (vec![Arc::new(Known { recipient, identity: Box::new(identity), costly: false })], outcome)
                }
                None => (Vec::new(), Outcome::WrongPassphrase),
            },
        }
    }
}
