//! Identities in the content of a place.

use std::io::{BufReader, Read as _};
use std::sync::Arc;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::x25519;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use super::outcome::LookupOutcome;
use super::{LONGEST, LoadedIdentity, SharedPassphrases};
use crate::recipients::hybrid::HybridIdentity;
use crate::recipients::recipient;

/// Highest accepted work factor of a passphrase, the highest that age itself uses: some seconds.
const MOST_WORK: u8 = 22;

/// Written form of identities.
#[derive(Clone, Copy)]
pub(super) enum IdentityForm {
    /// One to a line, as in files.
    Lines,
    /// Many to a line, as in a variable.
    Words,
}

/// Identities in a content.
pub(super) struct IdentityContent {
    pub(super) known: Vec<Arc<LoadedIdentity>>,
    pub(super) outcome: LookupOutcome,
}

impl From<LookupOutcome> for IdentityContent {
    fn from(outcome: LookupOutcome) -> Self {
        Self { known: Vec::new(), outcome }
    }
}

/// Whether a content is an age file, as sops detects it.
pub(super) fn is_encrypted(content: &[u8]) -> bool {
    content.starts_with(b"age-encryption") || content.starts_with(b"-----BEGIN AGE")
}

impl IdentityContent {
    /// Reads the identities in a content. One invalid line invalidates the place, as with sops.
    pub(super) fn read(form: IdentityForm, content: &[u8], asked: Option<&SharedPassphrases>) -> Self {
        if content.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY") {
            return LookupOutcome::Unsupported("an SSH key where age identities are expected").into();
        }
        let mut known = Vec::new();
        let mut unsupported = Vec::new();
        for (line, text) in form.split_entries(content) {
            let Ok(text) = std::str::from_utf8(text) else { return LookupOutcome::Invalid { line }.into() };
            if let Some(identity) = parse_identity(text, asked) {
                known.push(Arc::new(identity));
            } else if let Some(kind) = unsupported_kind(text) {
                unsupported.push(kind);
            } else {
                return LookupOutcome::Invalid { line }.into();
            }
        }
        let recipients = known.iter().map(|known| recipient::shorten_recipient(&known.recipient)).collect();
        Self { known, outcome: LookupOutcome::Found { recipients, unsupported } }
    }

    /// Reads the identities in an age file that a passphrase decrypts.
    pub(super) fn unlock_content(content: &[u8], passphrase: &str, asked: Option<&SharedPassphrases>) -> Self {
        match decrypt_content(content, passphrase) {
            Ok(plaintext) => Self::read(IdentityForm::Lines, &plaintext, asked),
            Err(DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed) => {
                LookupOutcome::WrongPassphrase.into()
            }
            Err(_) => LookupOutcome::NotUnlockable.into(),
        }
    }
}

fn decrypt_content(content: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let decryptor = Decryptor::new_buffered(BufReader::new(ArmoredReader::new(content.trim_ascii_start())))?;
    if !decryptor.is_scrypt() {
        return Err(DecryptError::NoMatchingKeys);
    }
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(MOST_WORK);
    let plaintext = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))?;
    // as long as the ciphertext at most, so that the buffer never moves
    let mut buffer = Zeroizing::new(Vec::with_capacity(content.len() + 1));
    plaintext.take(LONGEST).read_to_end(&mut buffer).map_err(DecryptError::Io)?;
    Ok(buffer)
}

impl IdentityForm {
    /// The identities with their lines, without comments and blank lines.
    fn split_entries(self, content: &[u8]) -> Vec<(usize, &[u8])> {
        let lines = content.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"));
        let lines = lines.map(|(index, line)| (index + 1, line));
        match self {
            Self::Lines => lines.collect(),
            Self::Words => lines
                .flat_map(|(number, line)| line.split(u8::is_ascii_whitespace).map(move |word| (number, word)))
                .filter(|(_, word)| !word.is_empty())
                .collect(),
        }
    }
}

fn parse_identity(text: &str, asked: Option<&SharedPassphrases>) -> Option<LoadedIdentity> {
    if text.starts_with("AGE-SECRET-KEY-PQ-1") {
        let identity = HybridIdentity::parse(text)?;
        return Some(LoadedIdentity { recipient: identity.recipient(), identity: Box::new(identity), costly: false });
    }
    if text.starts_with("AGE-PLUGIN-") {
        return plugin(text, asked);
    }
    let identity: x25519::Identity = text.parse().ok()?;
    Some(LoadedIdentity { recipient: identity.to_public().to_string(), identity: Box::new(identity), costly: false })
}

#[cfg(feature = "plugin")]
fn plugin(text: &str, asked: Option<&SharedPassphrases>) -> Option<LoadedIdentity> {
    let identity = crate::recipients::plugin::PluginIdentity::parse(text, asked.cloned())?;
    Some(LoadedIdentity { recipient: identity.name(), identity: Box::new(identity), costly: true })
}

#[cfg(not(feature = "plugin"))]
fn plugin(_text: &str, _asked: Option<&SharedPassphrases>) -> Option<LoadedIdentity> {
    None
}

/// The kind of a valid identity that this version does not support.
fn unsupported_kind(text: &str) -> Option<String> {
    if cfg!(feature = "plugin") {
        return None;
    }
    let plugin = text.strip_prefix("AGE-PLUGIN-")?;
    // the text after the last `1` belongs to the plugin, and may be private
    let (name, _) = plugin.rsplit_once('1')?;
    Some(format!("AGE-PLUGIN-{}", name.trim_end_matches('-')))
}
