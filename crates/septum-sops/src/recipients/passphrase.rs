//! Passphrases of keys and files.

use zeroize::Zeroizing;

/// Provider of passphrases. A passphrase is requested once per run and place.
pub trait PassphraseProvider: Send + Sync {
    /// The passphrase of a file or key, whose name is for users; `None` if no user can be prompted.
    fn ask_passphrase(&self, of: &str) -> Option<Zeroizing<String>>;

    /// The answer to a prompt of a plugin, such as for a PIN.
    fn answer_question(&self, question: &str) -> Option<Zeroizing<String>> {
        self.ask_passphrase(question)
    }

    /// Shows a message of a plugin, such as that a key must be touched.
    fn show_message(&self, message: &str) {
        let _ = message;
    }
}
