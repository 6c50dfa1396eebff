//! Recipients: the keys for which a data key can be wrapped (format, section 2.4).
//!
//! Each has an age file of its own with the data key in it (section 1.1). Keys of other services (`pgp`, `kms` …) are
//! preserved in place and never wrapped for.

use std::fmt;
use std::io::Write as _;

use age::Encryptor;
use age::armor::{ArmoredWriter, Format};
use thiserror::Error;

use crate::recipients::hybrid::HybridRecipient;
use crate::recipients::ssh::{ED25519, SshRecipient};

/// An age recipient, as it was written and as it is used.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: RecipientKey,
}

#[derive(Clone)]
enum RecipientKey {
    X25519(age::x25519::Recipient),
    Ssh(SshRecipient),
    Hybrid(Box<HybridRecipient>),
    #[cfg(feature = "plugin")]
    Plugin(crate::recipients::plugin::PluginRecipient),
    /// A key of a known kind for which no data key can be wrapped.
    Unusable(UnusableRecipient),
}

/// Reason why no data key can be wrapped for a valid recipient.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnusableRecipient {
    /// RSA keys of SSH.
    #[error("SSH RSA keys are not supported: their implementation has a timing side channel (RUSTSEC-2023-0071)")]
    SshRsa,
    /// Keys of SSH that are neither ed25519 nor RSA.
    #[error("SSH keys of type `{0}` cannot be age recipients; use an ed25519 key")]
    SshOther(String),
    /// Keys of a plugin.
    #[error("recipients of `age-plugin-{0}` are not supported by this build")]
    Plugin(String),
}

/// Reason why a text is not a recipient. Never contains the text: it may be a private key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidRecipient {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// It is a private key, which is published thereby.
    #[error("is a private key: treat it as leaked, and specify its recipient (`septum keygen -y`) instead")]
    Private,
    /// It starts like a recipient, and has a typing error.
    #[error("is not a valid recipient: it is truncated or mistyped")]
    Damaged,
    /// There are several recipients with blanks between them.
    #[error("contains several recipients separated by spaces: separate them with commas, or write a list")]
    Several,
    /// It has no known beginning.
    #[error("is not a recipient: expected `age1…` or `ssh-ed25519 …`")]
    Unknown,
}

/// Reason why a data key could not be wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WrapError {
    /// The recipient is of a kind that cannot be used.
    #[error("cannot encrypt for `{recipient}`: {reason}")]
    Unusable {
        /// The recipient.
        recipient: String,
        /// Reason why the recipient is unusable.
        reason: UnusableRecipient,
    },
    /// age, or a plugin of it, failed.
    #[error("encryption for `{recipient}` failed: {reason}")]
    Failed {
        /// The recipient.
        recipient: String,
        /// Message from age.
        reason: String,
    },
}

impl Recipient {
    /// Parses a recipient. One of a known kind that is not supported is accepted too.
    pub fn parse(text: &str) -> Result<Self, InvalidRecipient> {
        let text = text.trim();
        let key = match text {
            "" => return Err(InvalidRecipient::Empty),
            _ if is_private(text) => return Err(InvalidRecipient::Private),
            // none has blanks in it but those of SSH, which have a type before the key
            _ if text.split_whitespace().filter(|word| starts_recipient(word)).count() > 1 => {
                return Err(InvalidRecipient::Several);
            }
            _ if text.starts_with("age1") => age_key(text)?,
            _ => ssh_key(text)?,
        };
        Ok(Self { text: text.to_owned(), key })
    }

    /// The recipient as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Reason why no data key can be wrapped for the recipient, if there is one.
    pub fn unusable(&self) -> Option<&UnusableRecipient> {
        match &self.key {
            RecipientKey::Unusable(reason) => Some(reason),
            RecipientKey::X25519(_) | RecipientKey::Ssh(_) | RecipientKey::Hybrid(_) => None,
            #[cfg(feature = "plugin")]
            RecipientKey::Plugin(_) => None,
        }
    }

    /// Wraps a data key, or a share of one: an armored age file with a line break at its end
    /// (section 1.7).
    pub fn wrap_secret(&self, secret: &[u8]) -> Result<String, WrapError> {
        let recipient = || shorten_recipient(&self.text);
        let failed = |reason: String| WrapError::Failed { recipient: recipient(), reason };
        let key: &dyn age::Recipient = match &self.key {
            RecipientKey::X25519(key) => key,
            RecipientKey::Ssh(key) => key,
            RecipientKey::Hybrid(key) => &**key,
            #[cfg(feature = "plugin")]
            RecipientKey::Plugin(key) => key,
            RecipientKey::Unusable(reason) => {
                return Err(WrapError::Unusable { recipient: recipient(), reason: reason.clone() });
            }
        };
        let encryptor = Encryptor::with_recipients(std::iter::once(key)).map_err(|error| failed(error.to_string()))?;
        armor_secret(encryptor, secret).map_err(|error| failed(error.to_string()))
    }
}

/// Whether a word is the beginning of a recipient.
fn starts_recipient(word: &str) -> bool {
    word.starts_with("age1") || [ED25519, "ssh-rsa"].contains(&word)
}

fn armor_secret(encryptor: Encryptor, secret: &[u8]) -> std::io::Result<String> {
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(ArmoredWriter::wrap_output(&mut out, Format::AsciiArmor)?)?;
    writer.write_all(secret)?;
    writer.finish()?.finish()?;
    let mut text = String::from_utf8(out).map_err(|_| std::io::ErrorKind::InvalidData)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Whether a text contains an identity or a private key, of any kind, in any case.
fn is_private(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    upper.contains("AGE-SECRET-KEY") || upper.contains("PRIVATE KEY") || upper.starts_with("AGE-PLUGIN-")
}

/// Classifies by prefix; Bech32 has no `1` behind its prefix, so a second one ends a plugin's name.
fn age_key(text: &str) -> Result<RecipientKey, InvalidRecipient> {
    match text.rsplit_once('1') {
        Some(("age", _)) => text.parse().map(RecipientKey::X25519).map_err(|_| InvalidRecipient::Damaged),
        Some(("age1pq", _)) => {
            let key = HybridRecipient::parse(text).ok_or(InvalidRecipient::Damaged)?;
            Ok(RecipientKey::Hybrid(Box::new(key)))
        }
        Some((prefix, data)) if !data.is_empty() => {
            let name = prefix.strip_prefix("age1").unwrap_or_default();
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
            // the name becomes that of a program
            if name.is_empty() || !name.bytes().all(legal) {
                return Err(InvalidRecipient::Damaged);
            }
            plugin_key(text, name)
        }
        _ => Err(InvalidRecipient::Damaged),
    }
}

#[cfg(feature = "plugin")]
fn plugin_key(text: &str, _name: &str) -> Result<RecipientKey, InvalidRecipient> {
    crate::recipients::plugin::PluginRecipient::parse(text).map(RecipientKey::Plugin).ok_or(InvalidRecipient::Damaged)
}

#[cfg(not(feature = "plugin"))]
#[allow(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
fn plugin_key(_text: &str, name: &str) -> Result<RecipientKey, InvalidRecipient> {
    Ok(RecipientKey::Unusable(UnusableRecipient::Plugin(name.to_owned())))
}

fn ssh_key(text: &str) -> Result<RecipientKey, InvalidRecipient> {
    let mut words = text.split_ascii_whitespace();
    match words.next().unwrap_or_default() {
        ED25519 => words.next().and_then(SshRecipient::parse).map(RecipientKey::Ssh).ok_or(InvalidRecipient::Damaged),
        "ssh-rsa" => Ok(RecipientKey::Unusable(UnusableRecipient::SshRsa)),
        kind if kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-") => {
            Ok(RecipientKey::Unusable(UnusableRecipient::SshOther(kind.to_owned())))
        }
        _ => Err(InvalidRecipient::Unknown),
    }
}

/// Text that identifies a recipient: an SSH key is the same under any comment.
pub fn canonical_recipient(text: &str) -> String {
    let text = text.trim();
    if text.starts_with("age1") {
        return text.to_owned();
    }
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        canonical_recipient(&self.text) == canonical_recipient(&other.text)
    }
}

impl Eq for Recipient {}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", shorten_recipient(&self.text))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A recipient for a message: hybrid ones have two thousand characters.
pub fn shorten_recipient(recipient: &str) -> String {
    const LONGEST: usize = 100;
    match recipient.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", recipient.get(..end).unwrap_or_default()),
        None => recipient.to_owned(),
    }
}
