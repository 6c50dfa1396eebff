//! Selection of the values of a file to encrypt (format, section 1.5).

use std::fmt;

use crate::document::pattern::GoRegex;
use septum_base::value_path::{ValuePath, ValuePathStep};

/// The rule by which values of a file are encrypted or left alone. A file has exactly one.
///
/// Keys are tested one by one, and a matching key covers everything below it.
#[derive(Debug, Clone)]
pub enum Selector {
    /// All values, except those below a key with this ending.
    UnencryptedSuffix(String),
    /// Only values below a key with this ending.
    EncryptedSuffix(String),
    /// All values, except those below a key that matches.
    UnencryptedRegex(GoRegex),
    /// Only values below a key that matches.
    EncryptedRegex(GoRegex),
    /// All values, except those below a comment that matches.
    UnencryptedCommentRegex(GoRegex),
    /// Only values below a comment that matches.
    EncryptedCommentRegex(GoRegex),
}

/// State of the selector at a point of a document traversal: whether a key or a comment on the path to it matched. A
/// traversal that has comments passes those on the path to [`Selector::enter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SelectorScope {
    Matched,
    Unmatched,
    /// The selector depends on comments, and the tree has none.
    Unknown,
}

/// Decision of a selector on a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    Encrypted,
    Plain,
    /// Unknown from the tree alone: encrypted if it looks so. If that is wrong, the MAC, which is made over the
    /// plaintext of the encrypted values, does not match.
    AsFound,
}

impl Selector {
    /// The field of the metadata that holds the selector.
    pub fn field_name(&self) -> &'static str {
        match self {
            Self::UnencryptedSuffix(_) => "unencrypted_suffix",
            Self::EncryptedSuffix(_) => "encrypted_suffix",
            Self::UnencryptedRegex(_) => "unencrypted_regex",
            Self::EncryptedRegex(_) => "encrypted_regex",
            Self::UnencryptedCommentRegex(_) => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex(_) => "encrypted_comment_regex",
        }
    }

    /// The suffix or the pattern.
    pub fn argument(&self) -> &str {
        match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => suffix,
            Self::UnencryptedRegex(pattern)
            | Self::EncryptedRegex(pattern)
            | Self::UnencryptedCommentRegex(pattern)
            | Self::EncryptedCommentRegex(pattern) => pattern.as_str(),
        }
    }

    /// Whether comments decide which values are encrypted.
    pub(crate) fn is_by_comments(&self) -> bool {
        matches!(self, Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_))
    }

    /// Whether a value at a path is encrypted in a file without comments.
    pub fn encrypts_path(&self, path: &ValuePath) -> bool {
        let scope = path.steps().iter().fold(self.root_scope(), |scope, step| match step {
            ValuePathStep::Key(key) => self.enter_key(scope, key),
            ValuePathStep::Index(_) => scope,
        });
        match self.selection(scope) {
            Selection::Encrypted => true,
            Selection::Plain => false,
            Selection::AsFound => matches!(self, Self::UnencryptedCommentRegex(_)),
        }
    }

    /// The scope at the root.
    pub(crate) fn root_scope(&self) -> SelectorScope {
        match self {
            Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_) => SelectorScope::Unknown,
            Self::UnencryptedSuffix(_)
            | Self::EncryptedSuffix(_)
            | Self::UnencryptedRegex(_)
            | Self::EncryptedRegex(_) => SelectorScope::Unmatched,
        }
    }

    /// The scope below a key.
    pub(crate) fn enter_key(&self, scope: SelectorScope, key: &str) -> SelectorScope {
        let matches = match self {
            _ if scope != SelectorScope::Unmatched => return scope,
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => key.ends_with(suffix.as_str()),
            Self::UnencryptedRegex(pattern) | Self::EncryptedRegex(pattern) => pattern.is_match(key),
            Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_) => false,
        };
        if matches { SelectorScope::Matched } else { SelectorScope::Unmatched }
    }

    /// Decision of the selector on a value in a scope.
    pub(crate) fn selection(&self, scope: SelectorScope) -> Selection {
        let matched = match self {
            Self::EncryptedSuffix(_) | Self::EncryptedRegex(_) | Self::EncryptedCommentRegex(_) => Selection::Encrypted,
            Self::UnencryptedSuffix(_) | Self::UnencryptedRegex(_) | Self::UnencryptedCommentRegex(_) => {
                Selection::Plain
            }
        };
        match (scope, matched) {
            (SelectorScope::Unknown, _) => Selection::AsFound,
            (SelectorScope::Matched, matched) => matched,
            (SelectorScope::Unmatched, Selection::Encrypted) => Selection::Plain,
            (SelectorScope::Unmatched, Selection::Plain | Selection::AsFound) => Selection::Encrypted,
        }
    }
}

/// The default of sops where the metadata name no selector (format, section 1.5).
impl Default for Selector {
    fn default() -> Self {
        Self::UnencryptedSuffix("_unencrypted".to_owned())
    }
}

/// `encrypted_regex: ^(data|stringData)$`
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field_name(), self.argument())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(selector: &Selector, path: &[&str]) -> Selection {
        let scope = path.iter().fold(selector.root_scope(), |scope, key| selector.enter_key(scope, key));
        selector.selection(scope)
    }

    #[test]
    fn any_key_on_the_way_decides() {
        use Selection::{AsFound, Encrypted, Plain};
        let pattern = |text| GoRegex::parse(text).expect("compiles");
        let suffix = || "_x".to_owned();
        let regex = || pattern("^(data|stringData)$");
        for (selector, path, expected) in [
            (Selector::default(), &["a"][..], Encrypted),
            (Selector::default(), &["a_unencrypted"], Plain),
            (Selector::UnencryptedSuffix(suffix()), &["a"], Encrypted),
            (Selector::UnencryptedSuffix(suffix()), &["a_x"], Plain),
            (Selector::UnencryptedSuffix(suffix()), &["a_x", "b"], Plain),
            (Selector::UnencryptedSuffix(suffix()), &["a_xy", "b"], Encrypted),
            (Selector::EncryptedSuffix(suffix()), &["a"], Plain),
            (Selector::EncryptedSuffix(suffix()), &["a_x", "b"], Encrypted),
            (Selector::EncryptedSuffix(suffix()), &["b", "a_x"], Encrypted),
            (Selector::UnencryptedRegex(regex()), &["data", "b"], Plain),
            (Selector::UnencryptedRegex(regex()), &["metadata", "b"], Encrypted),
            (Selector::EncryptedRegex(regex()), &["data", "b"], Encrypted),
            (Selector::EncryptedRegex(regex()), &["a", "stringData", "b"], Encrypted),
            (Selector::EncryptedRegex(regex()), &["metadata", "name"], Plain),
            (Selector::EncryptedRegex(pattern("a:b")), &["a", "b"], Plain),
            (Selector::EncryptedRegex(pattern("a:b")), &["xa:by"], Encrypted),
            (Selector::UnencryptedCommentRegex(pattern("a")), &["a"], AsFound),
            (Selector::EncryptedCommentRegex(pattern("a")), &["a", "b"], AsFound),
        ] {
            assert_eq!(selection(&selector, path), expected, "{selector} {path:?}");
        }
    }
}
