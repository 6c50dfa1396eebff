//! Reasons why a finding is not fixed.

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Reason why a finding is not fixed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum FixError {
    #[error("a layer of the app is invalid; fix that first")]
    Unreadable,
    #[error("the file has changed since it was checked")]
    Changed,
    #[error("`{0}` is partly encrypted; edit it with `septum edit {0}`")]
    InPart(String),
    #[error("the file is a symbolic link that is broken or leads outside the project")]
    Outside,
    #[error("it was no longer found in the file")]
    Lost,
    #[error("the file defines it twice, under `data` and under `bundles`")]
    Twice,
    #[error("its value is an alias (`*`) that is shared with other keys")]
    Alias,
    #[error("its value has an anchor (`&`) or a tag (`!`)")]
    Properties,
    #[error("a comment inside the braces would be deleted with it")]
    Comment,
    #[error("the edit would change other parts of the file")]
    Entangled,
    #[error("another layer declares it `sensitive: false`")]
    DeclaredPlain,
    #[error("`{0}` sets another value for the key, which takes precedence")]
    OtherValue(String),
    #[error("the rule in `.sops.yaml` would leave the value in plaintext in `{0}`")]
    Exposed(String),
    /// A diagnostic of another part of the program.
    #[error("{0}")]
    Diagnosed(String),
}

impl From<Diagnostic> for FixError {
    /// The message, and its hints.
    fn from(Diagnostic { message, hints, .. }: Diagnostic) -> Self {
        let said = [message].into_iter().chain(hints.into_iter().next());
        Self::Diagnosed(said.collect::<Vec<_>>().join("; "))
    }
}

impl From<Diagnostics> for FixError {
    fn from(problems: Diagnostics) -> Self {
        problems.into_sorted().into_iter().next().map_or_else(|| Self::Diagnosed(String::new()), Self::from)
    }
}
