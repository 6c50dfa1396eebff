//! Output structures, which the writers of `yaml` and `format` turn into text.

use std::borrow::Cow;

/// A value to be written. Borrowed where the text is owned elsewhere, so that big values are not copied; lists and
/// maps keep their order.
#[derive(Clone, PartialEq, Eq)]
pub enum OutputValue<'a> {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A plain scalar written as its source text: `8080`, `1.10`, `0644`, `1e6`, `2024-01-01`. The text is one line
    /// of printable characters that a YAML reader parses as a plain scalar.
    Literal(Cow<'a, str>),
    /// A text, which every reader must read as this very text.
    String(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// A mapping; keys are texts.
    Map(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> OutputValue<'a> {
    /// A text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(text.into())
    }

    /// A mapping of pairs in their order.
    pub fn map<K: Into<Cow<'a, str>>>(pairs: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The value without borrowed parts.
    pub fn into_owned(self) -> OutputValue<'static> {
        match self {
            Self::Null => OutputValue::Null,
            Self::Bool(truth) => OutputValue::Bool(truth),
            Self::Literal(text) => OutputValue::Literal(text.into_owned().into()),
            Self::String(text) => OutputValue::String(text.into_owned().into()),
            Self::List(items) => OutputValue::List(items.into_iter().map(OutputValue::into_owned).collect()),
            Self::Map(pairs) => OutputValue::Map(
                pairs.into_iter().map(|(key, value)| (key.into_owned().into(), value.into_owned())).collect(),
            ),
        }
    }
}
