//! An encrypted file whose text in plaintext is all that is known of it: a big one takes less memory so.

use zeroize::Zeroizing;

use super::DecryptedFile;
use crate::crypto::mac::MacScope;
use crate::data_key::wrap::Recipients;
use crate::document::selector::Selector;
use crate::files::write_error::WriteError;
use crate::metadata::block::SopsMetadata;
use septum_base::diagnostic::{Diagnostic, Diagnostics};
use septum_base::time::Timestamp;

/// A file that was decrypted and verified, and whose values were not kept.
pub struct DecryptedText(pub(super) DecryptedFile);

impl DecryptedText {
    /// Encryption metadata of the file.
    pub fn metadata(&self) -> &SopsMetadata {
        self.0.metadata()
    }

    /// Warnings about comments that do not decrypt, or leave encrypted values in plaintext.
    pub fn altered_comments(&self) -> Diagnostics {
        self.0.altered_comments()
    }

    /// Warnings about comments that nobody encrypted.
    pub fn plain_comments(&self) -> Option<Diagnostic> {
        self.0.plain_comments()
    }

    /// Checks that no ciphertext would be left behind that requires the data key of the file.
    pub fn check_comments(&self) -> Result<(), WriteError> {
        self.0.check_comments()
    }

    /// The plaintext with the comments, blank lines and quotes of the file, without its metadata.
    pub fn into_plaintext(self) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        self.0.into_plaintext()
    }

    /// Sets the recipients who can decrypt the file.
    pub fn set_recipients(&mut self, recipients: Recipients) {
        self.0.set_recipients(recipients);
    }

    /// Sets the selector of encrypted values, and the values that the checksum covers.
    pub fn set_selection(&mut self, selector: Selector, mac_scope: MacScope) {
        self.0.set_selection(selector, mac_scope);
    }

    /// Takes a new data key: all is encrypted anew.
    pub fn rotate_key(&mut self) -> Result<(), WriteError> {
        self.0.rotate_key()
    }

    /// The bytes of the file: those it had, if nothing changed.
    pub fn write_bytes(self, now: Timestamp) -> Result<Vec<u8>, WriteError> {
        self.0.write_bytes(now)
    }
}
