//! Reasons why a file could not be encrypted or changed, and their diagnostics.

use thiserror::Error;

use crate::data_key::wrap::SealError;
use crate::files::ambiguous::would_be_ambiguous;
use crate::files::comments::unmarked_diagnostic;
use crate::files::seal::SealProblem;
use crate::recipients::recipient::InvalidRecipient;
use crate::store::{EditProblem, UnrepresentableValue};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum_base::span::Location;
use septum_base::value_path::ValuePath;

/// Reason why a file could not be encrypted or changed. Contains no value of it.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The text cannot be read in its format.
    #[error("the file cannot be read")]
    Read(Diagnostics),
    /// It is encrypted already.
    #[error("the file is already encrypted")]
    AlreadyEncrypted(Location),
    /// A key of the document is in the place of the metadata.
    #[error("the key `sops` is reserved")]
    Reserved(Location),
    /// The selector matches no value, so that all would stay readable.
    #[error("the selector matches nothing")]
    NothingSelected {
        /// The file.
        place: Location,
        /// The selector.
        selector: String,
    },
    /// The format cannot hold the new content.
    #[error("the format cannot represent the file")]
    Unfit {
        /// The file.
        place: Location,
        /// The reason.
        unfit: UnrepresentableValue,
    },
    /// A value cannot be encrypted.
    #[error("a value cannot be encrypted")]
    Value {
        /// The file.
        place: Location,
        /// The reason.
        problem: SealProblem,
    },
    /// A path cannot be changed.
    #[error("the path cannot be changed")]
    Edit {
        /// The file.
        place: Location,
        /// The path.
        path: ValuePath,
        /// The reason.
        problem: EditProblem,
    },
    /// The data key cannot be wrapped.
    #[error("the data key cannot be wrapped")]
    Wrap {
        /// The file.
        place: Location,
        /// Reason.
        problem: SealError,
    },
    /// A recipient entry of the file is invalid, so that no data key can be wrapped for it.
    #[error("a recipient is invalid")]
    Recipient {
        /// The metadata.
        place: Location,
        /// Reason.
        problem: InvalidRecipient,
    },
    /// New bytes differ from their intended content: a bug of this program.
    #[error("the new file would not have the expected content")]
    Unfaithful {
        /// The file.
        place: Location,
        /// The problem.
        problem: UnfaithfulOutput,
    },
    /// A value is encrypted in one place, and an alias has it in plaintext in another.
    #[error("a value would be in plaintext in another place")]
    SharedValue {
        /// The value.
        place: Location,
        /// Its path in plaintext.
        plain: ValuePath,
        /// Its encrypted path.
        encrypted: ValuePath,
    },
    /// A comment does not decrypt, and never would once the data key is replaced.
    #[error("a comment would be lost")]
    LostComment(Location),
    /// A new selector would leave in plaintext values that are encrypted now.
    #[error("values would be in plaintext")]
    Exposed {
        /// The file.
        place: Location,
        /// The selector.
        selector: String,
        /// The values.
        paths: Vec<ValuePath>,
    },
    /// The selector would leave in plaintext values that are encrypted now, because their keys change.
    #[error("values would be in plaintext under their new keys")]
    Unselected {
        /// The file.
        place: Location,
        /// The selector.
        selector: String,
        /// The values, by their new keys.
        paths: Vec<ValuePath>,
    },
    /// The comments leave a value in plaintext that is encrypted now.
    #[error("a value would be in plaintext, by the comments of the file")]
    Unmarked {
        /// The value.
        place: Location,
        /// Its path.
        path: ValuePath,
    },
}

/// Difference between new bytes and their intended content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnfaithfulOutput {
    /// Another reader could not read or not decrypt them.
    Unreadable,
    /// They have another content, here if the place is known.
    Different(ValuePath),
    /// Comments select values, and in the new file they would be of others.
    Selection,
}

impl WriteError {
    /// Converts the error to diagnostics.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        vec![match self {
            Self::Read(found) => return found.into_sorted(),
            Self::AlreadyEncrypted(place) => Diagnostic::error(Rule::AlreadyEncrypted, "the file is already encrypted")
                .at(place)
                .hint("edit it with `septum edit` or `septum set`, or decrypt it first"),
            Self::Reserved(place) => {
                Diagnostic::error(Rule::ReservedKey, "the name of this key is reserved for metadata")
                    .at(place)
                    .hint("rename the key")
            }
            Self::NothingSelected { place, selector } => {
                let message = format!("`{selector}` selects no value, so the whole file would stay in plaintext");
                Diagnostic::error(Rule::NothingSelected, message)
                    .at(place)
                    .hint("fix the selector in `.sops.yaml`, or the keys of the file")
            }
            Self::Unfit { place, unfit } => Diagnostic::error(Rule::SopsValue, unfit.reason().to_owned())
                .at(place)
                .hint("store the file in another format"),
            Self::Value { place, problem } => value_diagnostic(place, &problem),
            Self::Edit { place, path, problem } => edit_diagnostic(place, &path, &problem),
            Self::Wrap { place, problem } => wrapping_diagnostic(place, &problem),
            Self::Recipient { place, problem } => {
                Diagnostic::error(Rule::Recipient, format!("a recipient of the file {problem}"))
                    .at(place)
                    .hint("`septum rekey` replaces the recipients with those in `.sops.yaml`")
            }
            Self::Unfaithful { place, problem } => unfaithful_diagnostic(place, &problem),
            Self::LostComment(place) => Diagnostic::error(
                Rule::AlteredComment,
                "this comment does not decrypt, and would be lost with a new data key",
            )
            .at_masked(place)
            .note("it was changed or moved, or belongs to another file; the MAC does not cover comments")
            .hint("restore the line from Git, or remove it, and try again"),
            Self::SharedValue { place, plain, encrypted } => {
                let message = format!(
                    "`{encrypted}` and `{plain}` share one value through an anchor, but only the first is encrypted"
                );
                Diagnostic::error(Rule::SharedValue, message)
                    .at_masked(place)
                    .note("aliases are expanded, so the second would show the value in plaintext")
                    .hint("move the anchor below an encrypted key too, or write the value out in the place where it may be plaintext")
            }
            Self::Exposed { place, selector, paths } => {
                let message = format!("`{selector}` would decrypt values that are now encrypted");
                exposed_diagnostic(place, message, &paths)
                    .hint("fix the selector in `.sops.yaml`; if they should be in plaintext, decrypt the file and encrypt it again")
            }
            Self::Unselected { place, selector, paths } => {
                let message = format!("`{selector}` would leave values in plaintext that are now encrypted");
                exposed_diagnostic(place, message, &paths).hint(
                    "choose a name that it encrypts, or change the selector in `.sops.yaml` and run `septum rekey`",
                )
            }
            Self::Unmarked { place, path } => unmarked_diagnostic(Diagnostic::error, &path, place),
        }]
    }
}

impl UnrepresentableValue {
    fn reason(self) -> &'static str {
        match self {
            Self::NotUtf8 => "a value is not UTF-8, which the format cannot represent",
            Self::Nested => "the format only supports scalar values, and this one is a list or a map",
            Self::NotFinite => "the format cannot represent infinity or NaN",
            Self::Characters => "the format cannot represent a string with these characters",
            Self::Documents => "the format only supports one document",
        }
    }
}

fn wrapping_diagnostic(place: Location, problem: &SealError) -> Diagnostic {
    match problem {
        SealError::Foreign(key) => {
            Diagnostic::error(Rule::ForeignRecipient, format!("a new data key cannot be encrypted for {key}"))
                .at(place)
                .note("septum cannot use that service, and without the new data key that recipient would lose access")
                .hint(
                    "encrypt or rotate the file with `sops`, or remove that recipient from the rule and the file first",
                )
        }
        SealError::NoRecipients | SealError::EmptyGroup(_) | SealError::Wrap(_) | SealError::Shamir(_) => {
            Diagnostic::error(Rule::Recipient, problem.to_string())
                .at(place)
                .hint("specify recipients like `age1…` in `.sops.yaml`")
        }
    }
}

fn exposed_diagnostic(place: Location, message: String, paths: &[ValuePath]) -> Diagnostic {
    with_paths(Diagnostic::error(Rule::WouldExpose, message).at(place), paths)
}

/// Warning: an edit gave encrypted values keys that the selector does not encrypt.
pub(crate) fn unselected_warning(place: Location, selector: &str, paths: &[ValuePath]) -> Diagnostic {
    let edit = format!("septum edit {}", shell_word(place.source.name()));
    let message = format!("`{selector}` leaves values in plaintext that were encrypted");
    with_paths(Diagnostic::warning(Rule::WouldExpose, message).at(place), paths).hint(format!(
        "if they are secrets, run `{edit}` before you commit the file, and give them keys that it encrypts"
    ))
}

fn with_paths(mut found: Diagnostic, paths: &[ValuePath]) -> Diagnostic {
    const SHOWN: usize = 10;
    for path in paths.iter().take(SHOWN) {
        found = found.note(format!("`{path}`"));
    }
    if paths.len() > SHOWN {
        found = found.note(format!("and {} more", paths.len() - SHOWN));
    }
    found
}

fn unfaithful_diagnostic(place: Location, problem: &UnfaithfulOutput) -> Diagnostic {
    let what = match problem {
        UnfaithfulOutput::Selection => {
            let message = "comments select the encrypted values, and would select others once the file is rewritten";
            return Diagnostic::error(Rule::SopsValue, message).at_masked(place).note("the file is unchanged").hint(
                "write it without aliases, flow-style documents and comments inside values, which are rewritten",
            );
        }
        UnfaithfulOutput::Unreadable => "the new file could not be read back".to_owned(),
        UnfaithfulOutput::Different(path) if path.steps().is_empty() => {
            "the new file would have different content".to_owned()
        }
        UnfaithfulOutput::Different(path) => format!("the new file would have different content at `{path}`"),
    };
    Diagnostic::error(Rule::Bug, format!("{what}: this is a bug in septum"))
        .at_masked(place)
        .note("the file is unchanged")
        .hint("report it together with the structure of the file, but none of its values")
}

fn value_diagnostic(place: Location, problem: &SealProblem) -> Diagnostic {
    match problem {
        SealProblem::NoRandomness => Diagnostic::no_randomness(),
        SealProblem::CommentPattern { path } => {
            let message = format!("an encrypted comment in `{path}` would match `unencrypted_comment_regex`");
            Diagnostic::error(Rule::SopsValue, message).at(place).hint("use a pattern that does not match random text")
        }
        SealProblem::AmbiguousKey { span } => would_be_ambiguous(place.source.place(*span)),
        SealProblem::Unfit { path, unfit } => {
            let message = format!("`{path}`: {}", unfit.reason());
            Diagnostic::error(Rule::SopsValue, message)
                .at(place)
                .hint("store the file in another format, or the value in base64")
        }
        SealProblem::Unsigned { span, path } => {
            let message =
                format!("`{path}` is an integer that does not fit into 64 signed bits, and sops rejects such a file");
            Diagnostic::error(Rule::SopsValue, message)
                .at_masked(place.source.place(*span))
                .hint("quote it to make it a string")
        }
    }
}

fn edit_diagnostic(place: Location, path: &ValuePath, problem: &EditProblem) -> Diagnostic {
    let message = match problem {
        EditProblem::NoKeys => "a binary file is one value without keys".to_owned(),
        EditProblem::NoDocument => "the file has no document with this number".to_owned(),
        EditProblem::Missing => format!("`{path}` does not exist"),
        EditProblem::NotThere => format!("`{path}` leads into a value that has no such children"),
        EditProblem::Reserved => "the key `sops` at the root is reserved for metadata".to_owned(),
        EditProblem::MergeKey => "`<<` is the YAML merge key, and cannot be the key of a value".to_owned(),
        EditProblem::Entangled => {
            format!("`{path}` cannot be changed separately: other values would change with it")
        }
        EditProblem::Unfit(unfit) => format!("`{path}`: {}", unfit.reason()),
    };
    let hint = match problem {
        EditProblem::NoKeys => {
            format!("replace its content with `septum edit {}`", shell_word(place.source.name()))
        }
        _ => "compare the path with the keys of the file".to_owned(),
    };
    Diagnostic::error(Rule::SopsPath, message).at(place).hint(hint)
}
