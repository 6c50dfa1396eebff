//! Why a file could not be encrypted or changed, and how it is told.

use thiserror::Error;

use super::entries::RecipientError;
use super::path::KeyPath;
use super::seal::SealProblem;
use super::store::{EditProblem, Unfit};
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::span::Place;

/// Why a file could not be encrypted or changed. Holds no value of it.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The text cannot be read in its format.
    #[error("the file cannot be read")]
    Read(Diagnostics),
    /// It is encrypted already.
    #[error("the file is encrypted already")]
    AlreadyEncrypted(Place),
    /// A key of the document is where metadata must be.
    #[error("the key `sops` is reserved")]
    Reserved(Place),
    /// The selector matches nothing, so that all would stay readable.
    #[error("the selector matches nothing")]
    NothingSelected {
        /// The file.
        place: Place,
        /// The selector.
        selector: String,
    },
    /// The format cannot hold what the file would be.
    #[error("the format cannot hold the file")]
    Unfit {
        /// The file.
        place: Place,
        /// Why.
        unfit: Unfit,
    },
    /// A value cannot be encrypted.
    #[error("a value cannot be encrypted")]
    Value {
        /// The file.
        place: Place,
        /// Why.
        problem: SealProblem,
    },
    /// A path cannot be changed.
    #[error("the path cannot be changed")]
    Edit {
        /// The file.
        place: Place,
        /// The path.
        path: KeyPath,
        /// Why.
        problem: EditProblem,
    },
    /// The data key cannot be wrapped.
    #[error(transparent)]
    Wrap(#[from] RecipientError),
    /// The data key is shared among groups, and shares are not written anew yet.
    #[error("the data key is shared among key groups")]
    Groups(Place),
    /// A new data key would have to be wrapped by services that are not known here.
    #[error("the data key cannot be wrapped for other services")]
    Foreign {
        /// The file.
        place: Place,
        /// The recipients.
        recipients: Vec<String>,
    },
}

impl WriteError {
    /// What is wrong, for people.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        vec![match self {
            Self::Read(found) => return found.sorted(),
            Self::Groups(place) => {
                Diagnostic::error("key-groups", "the recipients of a file with key groups cannot be changed yet")
                    .at(place)
                    .hint("change them with `sops updatekeys`")
            }
            Self::AlreadyEncrypted(place) => Diagnostic::error("already-encrypted", "the file is encrypted already")
                .at(place)
                .hint("change it with `septum edit` or `septum set`, or decrypt it first"),
            Self::Reserved(place) => {
                Diagnostic::error("reserved-key", "the key `sops` at the root is reserved for metadata")
                    .at(place)
                    .hint("give the key another name")
            }
            Self::NothingSelected { place, selector } => {
                let message = format!("`{selector}` selects no value, so the whole file would stay readable");
                Diagnostic::error("nothing-selected", message)
                    .at(place)
                    .hint("correct the selector in `.sops.yaml`, or the keys of the file")
            }
            Self::Unfit { place, unfit } => Diagnostic::error("sops-value", unfit.reason().to_owned())
                .at(place)
                .hint("keep the file in another format"),
            Self::Value { place, problem } => value(place, &problem),
            Self::Edit { place, path, problem } => edit(place, &path, &problem),
            Self::Wrap(error) => {
                Diagnostic::error("recipient", error.to_string()).hint("name recipients like `age1…` in `.sops.yaml`")
            }
            Self::Foreign { place, recipients } => {
                let message = format!("a new data key cannot be wrapped for {}", recipients.join(", "));
                Diagnostic::error("foreign-recipient", message)
                    .note("this program has no access to their services; they would lose the file")
                    .hint("remove those recipients with `sops` first, or rotate with `sops`")
                    .at(place)
            }
        }]
    }
}

impl Unfit {
    fn reason(self) -> &'static str {
        match self {
            Self::NotUtf8 => "a value is not UTF-8, which the format cannot hold",
            Self::Nested => "the format has single values only, and this one is a list or a map",
            Self::NotFinite => "the format has no number for infinity or for what is not a number",
            Self::Characters => "the format cannot hold a text with these characters",
            Self::Documents => "the format has one document only",
        }
    }
}

fn value(place: Place, problem: &SealProblem) -> Diagnostic {
    match problem {
        SealProblem::NoRandomness => {
            Diagnostic::error("no-randomness", "the system has no randomness to give").failing(Failure::Io)
        }
        SealProblem::CommentPattern { path } => {
            let message = format!("an encrypted comment in `{path}` would match `unencrypted_comment_regex`");
            Diagnostic::error("sops-value", message).at(place).hint("use a pattern that a random text does not match")
        }
        SealProblem::Unfit { path, unfit } => {
            let message = format!("`{path}`: {}", unfit.reason());
            Diagnostic::error("sops-value", message)
                .at(place)
                .hint("keep the file in another format, or the value in base64")
        }
        SealProblem::Unsigned { span, path } => {
            let message = format!("`{path}` is an integer beyond 64 bits with a sign, and sops refuses such a file");
            Diagnostic::error("sops-value", message)
                .at_hidden(place.source.place(*span))
                .hint("put it in quotes, so that it is a text")
        }
    }
}

fn edit(place: Place, path: &KeyPath, problem: &EditProblem) -> Diagnostic {
    let message = match problem {
        EditProblem::NoKeys => "a binary file is one value without keys".to_owned(),
        EditProblem::NoDocument => "the file has no document of this number".to_owned(),
        EditProblem::Missing => format!("there is nothing at `{path}`"),
        EditProblem::NotThere => format!("`{path}` leads into a value that has nothing of that kind below it"),
        EditProblem::Reserved => "the key `sops` at the root is reserved for metadata".to_owned(),
        EditProblem::Entangled => {
            format!("`{path}` cannot be changed alone: a block with `|+` before it would change too")
        }
        EditProblem::Unfit(unfit) => format!("`{path}`: {}", unfit.reason()),
    };
    Diagnostic::error("sops-path", message).at(place).hint("compare the path with the keys of the file")
}
