//! Why a merge was not done, and how it is told.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::sops::{Error, KeyPath, TermsConflict, WriteError};

/// Why our version stays as it is.
pub(super) enum Refusal {
    /// Versions that nobody at hand can decrypt, or that are not as they were encrypted.
    Closed(Vec<Error>),
    /// One side is encrypted and the other is not.
    OneSided { encrypted: &'static str, plain: &'static str },
    /// The sides have different numbers of YAML documents.
    Documents,
    /// A key stands twice in a map.
    Duplicate(String),
    /// Recipients or the selector.
    Terms(TermsConflict),
    /// The data key cannot be given to a recipient.
    Recipients(String),
    /// Values that were encrypted would stand in plaintext.
    Exposed(Vec<KeyPath>),
    /// A value that the text could not take.
    Value(KeyPath),
    /// Both sides changed bytes that are no text.
    Bytes,
    /// The file cannot be changed.
    Write(WriteError),
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Closed(vec![error])
    }
}

impl Refusal {
    /// All that is wrong, and how to go on.
    pub(super) fn into_diagnostics(self, path: &str) -> Diagnostics {
        let (mut found, cause) = self.into_cause();
        found.push(
            Diagnostic::error("merge-refused", format!("`{path}` was not merged, and ours stays as it is: {cause}"))
                .hint(format!("take one side with `git checkout --ours {path}` or `git checkout --theirs {path}`"))
                .hint(format!("then put in what the other changed, and `git add {path}`")),
        );
        found
    }

    /// All that is wrong, and what that comes to in a word.
    pub(super) fn into_cause(self) -> (Diagnostics, String) {
        let mut found = Diagnostics::new();
        let cause = match self {
            Self::Closed(errors) => {
                found.extend(causes(errors));
                "not every version of it can be decrypted and verified".to_owned()
            }
            Self::Write(error) => {
                found.extend(error.into_diagnostics());
                "its text cannot hold the result".to_owned()
            }
            Self::OneSided { encrypted, plain } => {
                format!("it is encrypted in {encrypted} and not in {plain}, where its secrets stand in plaintext")
            }
            Self::Documents => "ours and theirs have different numbers of documents".to_owned(),
            Self::Duplicate(key) => format!("`{key}` stands in it twice, and nothing tells which one is meant"),
            Self::Terms(TermsConflict::Groups) => "both sides changed its key groups, in different ways".to_owned(),
            Self::Terms(TermsConflict::Selector) => {
                "both sides changed which of its values are encrypted, in different ways".to_owned()
            }
            Self::Terms(TermsConflict::Nobody) => "the sides removed all of its recipients between them".to_owned(),
            Self::Recipients(reason) => reason,
            Self::Exposed(paths) => {
                let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
                format!("{} would no longer be encrypted", paths.join(", "))
            }
            Self::Value(path) => format!("`{path}` cannot be changed without another value"),
            Self::Bytes => "both sides changed it, and it is no text".to_owned(),
        };
        (found, cause)
    }
}

/// Each thing that is wrong; that there is no key, once.
fn causes(errors: Vec<Error>) -> Vec<Diagnostic> {
    let mut keyless = false;
    let wanted = |error: &Error| !matches!(error, Error::NoIdentity(_)) || !std::mem::replace(&mut keyless, true);
    errors.into_iter().filter(wanted).flat_map(Error::into_diagnostics).collect()
}
