//! Names, each a type of its own so that they cannot be confused.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

names! {
    /// An app: one deployable unit whose configuration is kept together.
    AppName;
    /// An environment: `dev`, `staging`, `prod`.
    EnvironmentName;
    /// A layer: `base`, `prod`, `regions/eu`.
    LayerName;
    /// A bundle: a named set of entries. The app's own bundle has the app's name.
    BundleName;
    /// An entry's key in its bundle.
    KeyName;
}

/// Whether a text can be the name of a variable in every shell: letters, digits and `_`, not beginning with a digit.
pub fn is_variable_name(text: &str) -> bool {
    let is_start = |char: char| char.is_ascii_alphabetic() || char == '_';
    text.starts_with(is_start) && text.chars().all(|char| is_start(char) || char.is_ascii_digit())
}

/// Longest DNS label (RFC 1123).
const MAX_LABEL: usize = 63;

/// Returns the reason why a text is not a DNS label (`IsDNS1123Label` of Kubernetes), if it is not.
pub fn wrong_dns_label(text: &str) -> Option<&'static str> {
    if text.len() > MAX_LABEL {
        return Some("it is longer than 63 characters");
    }
    (!is_dns_label(text))
        .then_some("it must consist of lower-case letters, digits and `-`, and start and end with a letter or digit")
}

/// Whether a text is a DNS label, or would be one except for its length.
pub fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

/// One entry of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The bundle.
    pub bundle: BundleName,
    /// The key in it.
    pub key: KeyName,
}
