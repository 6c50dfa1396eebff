//! Keys of age plugins: a program `age-plugin-NAME` on the path does the work (feature `plugin`).
//!
//! A plugin may prompt the user. It gets the passphrase provider; without one it is informed that no user is present.

use std::collections::HashSet;
use std::sync::Arc;

use age::plugin::{IdentityPluginV1, RecipientPluginV1};
use age::secrecy::SecretString;
use age::{Callbacks, DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};

use crate::recipients::passphrase::PassphraseProvider;
use septum_base::program;

/// A recipient, whose plugin is looked up when a key is wrapped.
#[derive(Clone)]
pub(crate) struct PluginRecipient(age::plugin::Recipient);

/// An identity, whose plugin is looked up when a key is unwrapped.
pub(crate) struct PluginIdentity {
    identity: age::plugin::Identity,
    somebody: Somebody,
}

/// Provider that answers for the user.
#[derive(Clone)]
struct Somebody(Option<Arc<dyn PassphraseProvider>>);

impl PluginRecipient {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl PluginIdentity {
    pub(crate) fn parse(text: &str, somebody: Option<Arc<dyn PassphraseProvider>>) -> Option<Self> {
        let identity = text.parse().ok()?;
        Some(Self { identity, somebody: Somebody(somebody) })
    }

    /// Name in messages: only a plugin knows the recipient.
    pub(crate) fn name(&self) -> String {
        format!("age-plugin-{}", self.identity.plugin())
    }
}

impl age::Recipient for PluginRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let name = self.0.plugin();
        if !is_trusted(name) {
            return Err(missing(name));
        }
        let plugin = RecipientPluginV1::new(name, std::slice::from_ref(&self.0), &[], Somebody(None));
        plugin.map_err(|_| missing(name))?.wrap_file_key(file_key)
    }
}

/// Whether the program of a plugin is found in an absolute directory of the path, and not relative to the working
/// directory.
fn is_trusted(name: &str) -> bool {
    program::is_unambiguous(format!("age-plugin-{name}"), &program::search_path())
}

fn missing(name: &str) -> EncryptError {
    let message = format!("`age-plugin-{name}` was not found on `PATH`");
    EncryptError::Io(std::io::Error::new(std::io::ErrorKind::NotFound, message))
}

impl age::Identity for PluginIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        if !is_trusted(self.identity.plugin()) {
            return None;
        }
        let identities = std::slice::from_ref(&self.identity);
        let plugin = IdentityPluginV1::new(self.identity.plugin(), identities, self.somebody.clone()).ok()?;
        age::Identity::unwrap_stanzas(&plugin, stanzas)
    }
}

impl Callbacks for Somebody {
    fn display_message(&self, message: &str) {
        if let Some(somebody) = &self.0 {
            somebody.show_message(message);
        }
    }

    fn confirm(&self, _message: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _description: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let answer = self.0.as_ref()?.answer_question(description)?;
        Some(SecretString::from(answer.as_str().to_owned()))
    }
}
