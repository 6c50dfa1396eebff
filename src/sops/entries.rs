//! The data key, wrapped for recipients: the one place that knows for whom it can be.

use thiserror::Error;

use super::cipher::DataKey;
use super::document::{Map, Tree};
use super::recipient::{InvalidRecipient, Recipient, WrapError};
use super::store::list;

/// Why the data key cannot be wrapped for a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecipientError {
    /// There is nobody to wrap it for: nobody could read the file.
    #[error("there are no recipients, so nobody could decrypt the file")]
    Nobody,
    /// Not a recipient. Its text is not told: it may be a private key.
    #[error("a recipient {0}")]
    Unknown(#[from] InvalidRecipient),
    /// The recipient is of a kind that cannot be used, or age failed.
    #[error(transparent)]
    Wrap(#[from] WrapError),
}

/// Wraps the data key for one recipient: an armored age file that ends with a line break.
pub(super) fn wrap(recipient: &str, key: &DataKey) -> Result<String, RecipientError> {
    Ok(Recipient::parse(recipient)?.wrap(key.bytes())?)
}

/// Puts the entries of all recipients into the metadata. What `known` gives for one is kept.
pub(super) fn put_recipients(
    fields: &mut Map,
    recipients: &[String],
    key: &DataKey,
    known: impl Fn(&str) -> Option<String>,
) -> Result<(), RecipientError> {
    if recipients.is_empty() {
        return Err(RecipientError::Nobody);
    }
    let mut entries = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        let wrapped = known(recipient).map_or_else(|| wrap(recipient, key), Ok)?;
        let mut entry = Map::default();
        entry.put("enc", Tree::text(wrapped));
        entry.put("recipient", Tree::text(recipient));
        entries.push(Tree::Map(entry));
    }
    fields.put("age", list(entries));
    Ok(())
}
