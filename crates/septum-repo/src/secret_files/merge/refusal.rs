//! Reasons why a merge was refused, and their diagnostics.

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use crate::sops::{DecryptionError, PolicyConflict, ValuePath, WriteError};

/// Reason why our version stays unchanged.
pub(super) enum MergeRefused {
    /// Versions that the available identities cannot decrypt, or that were altered.
    Closed(Vec<DecryptionError>),
    /// One side is encrypted and the other is not.
    OneSided { encrypted: &'static str, plain: &'static str },
    /// The sides have different numbers of YAML documents.
    Documents,
    /// Recipients or the selector.
    Terms(PolicyConflict),
    /// The data key cannot be wrapped for a recipient.
    Recipients(String),
    /// Values that were encrypted would be in plaintext.
    Exposed(Vec<ValuePath>),
    /// A value that the text could not hold.
    Value(ValuePath),
    /// Both sides changed bytes that are not text.
    Bytes,
    /// The file cannot be changed.
    Write(WriteError),
}

impl From<WriteError> for MergeRefused {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<DecryptionError> for MergeRefused {
    fn from(error: DecryptionError) -> Self {
        Self::Closed(vec![error])
    }
}

impl MergeRefused {
    /// All problems, and a hint how to continue.
    pub(super) fn into_diagnostics(self, path: &str) -> Diagnostics {
        let word = shell_word(path);
        let (mut found, cause) = self.into_cause();
        found.push(
            Diagnostic::error(Rule::MergeRefused, format!("`{path}` was not merged, and ours is unchanged: {cause}"))
                .hint(format!("choose one side with `git checkout --ours {word}` or `git checkout --theirs {word}`"))
                .hint(format!("then apply the changes of the other side, and run `git add {word}`")),
        );
        found
    }

    /// All problems, and a summary.
    pub(super) fn into_cause(self) -> (Diagnostics, String) {
        let mut found = Diagnostics::new();
        let cause = match self {
            Self::Closed(errors) => {
                found.extend(list_causes(errors));
                "not every version of it can be decrypted and verified".to_owned()
            }
            Self::Write(error) => {
                found.extend(error.into_diagnostics());
                "its format cannot represent the result".to_owned()
            }
            Self::OneSided { encrypted, plain } => {
                format!("it is encrypted in {encrypted} but not in {plain}, where its secrets are in plaintext")
            }
            Self::Documents => "ours and theirs have different numbers of documents".to_owned(),
            Self::Terms(PolicyConflict::Groups) => "both sides changed its key groups differently".to_owned(),
            Self::Terms(PolicyConflict::Selector) => "both sides changed its selector differently".to_owned(),
            Self::Terms(PolicyConflict::Nobody) => "together, the sides removed all of its recipients".to_owned(),
            Self::Recipients(reason) => reason,
            Self::Exposed(paths) => {
                let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
                format!("{} would no longer be encrypted", paths.join(", "))
            }
            Self::Value(path) => format!("`{path}` cannot be changed without another value"),
            Self::Bytes => "both sides changed it, and it is not text".to_owned(),
        };
        (found, cause)
    }
}

/// Each problem; a missing key is reported once.
fn list_causes(errors: Vec<DecryptionError>) -> Vec<Diagnostic> {
    let mut keyless = false;
    let wanted = |error: &DecryptionError| {
        !matches!(error, DecryptionError::NoIdentity(_)) || !std::mem::replace(&mut keyless, true)
    };
    errors.into_iter().filter(wanted).flat_map(DecryptionError::into_diagnostics).collect()
}
