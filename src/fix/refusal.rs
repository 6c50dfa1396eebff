//! Reasons why a finding is not fixed.

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Reason why a finding is not fixed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum FixError {
    #[error("a layer of the app cannot be read as it is; mend that first")]
    Unreadable,
    #[error("the file has changed since it was checked")]
    Changed,
    #[error("`{0}` is encrypted in part; `septum edit {0}` opens it")]
    InPart(String),
    #[error("the file is a symbolic link that leads out of the project, or nowhere")]
    Outside,
    #[error("it was not found again in the file")]
    Lost,
    #[error("the file has it twice, under `data` and under `bundles`")]
    Twice,
    #[error("its value is an alias (`*`), which shares it with others")]
    Alias,
    #[error("an anchor (`&`) or a tag (`!`) stands before its value")]
    Properties,
    #[error("a comment stands within the braces, and would go with it")]
    Comment,
    #[error("something else in the file would change with it")]
    Entangled,
    #[error("another layer declares it `sensitive: false`")]
    DeclaredPlain,
    #[error("`{0}` gives the key another value, which is in force")]
    OtherValue(String),
    #[error("by the rule of `.sops.yaml`, the value would stay in plaintext in `{0}`")]
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
