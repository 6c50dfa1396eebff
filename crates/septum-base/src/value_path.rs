//! Paths from the root of a document to a value.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Keys and list positions from the root of a document to a value; prints as `data.hosts[2]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValuePath(Vec<ValuePathStep>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuePathStep {
    /// Below a key.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// Reason why a text is not a valid path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// The path has no steps.
    #[error("the path is empty")]
    Empty,
    /// A bracket is open.
    #[error("a `[` has no `]` after an index or a quoted key")]
    Bracket,
    /// A quote is open.
    #[error("unclosed quote")]
    Quote,
    /// A `\u` is not followed by four digits of one character.
    #[error("`\\u` requires four hexadecimal digits")]
    Escape,
    /// A key is missing between two dots, or at the end.
    #[error("missing key between two dots; an empty key is written `\"\"`")]
    NoKey,
}

/// Reads both spellings: `data."tls.crt".lines[2]`, as in messages, and `["data"]["tls.crt"][2]`, as in sops. Within
/// quotes a backslash escapes the next character, except for `n`, `r` and `t`, which are line breaks and the tab, and
/// for `u` with four digits.
impl FromStr for ValuePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, behind) = match rest.strip_prefix('[') {
                Some(inner) => parse_bracket(inner)?,
                None => parse_key(rest)?,
            };
            steps.push(step);
            rest = match behind.strip_prefix('.') {
                Some("") => return Err(PathError::NoKey),
                Some(next) => next,
                None if behind.is_empty() || behind.starts_with('[') => behind,
                None => return Err(PathError::Quote),
            };
        }
        if steps.is_empty() { Err(PathError::Empty) } else { Ok(Self(steps)) }
    }
}

/// A position or a key in quotes, up to its `]`.
fn parse_bracket(inner: &str) -> Result<(ValuePathStep, &str), PathError> {
    let (step, behind) = match parse_quoted(inner)? {
        Some((key, behind)) => (ValuePathStep::Key(key), behind),
        None => {
            let (digits, _) = inner.split_once(']').ok_or(PathError::Bracket)?;
            (
                ValuePathStep::Index(digits.parse().map_err(|_| PathError::Bracket)?),
                inner.get(digits.len()..).unwrap_or_default(),
            )
        }
    };
    Ok((step, behind.strip_prefix(']').ok_or(PathError::Bracket)?))
}

/// A key, bare or in quotes, up to the next dot or bracket.
fn parse_key(text: &str) -> Result<(ValuePathStep, &str), PathError> {
    if let Some((key, behind)) = parse_quoted(text)? {
        return Ok((ValuePathStep::Key(key), behind));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (bare, behind) = text.split_at_checked(end).unwrap_or((text, ""));
    if bare.is_empty() { Err(PathError::NoKey) } else { Ok((ValuePathStep::Key(bare.to_owned()), behind)) }
}

/// A quoted text and the rest after it; none if there is no quote.
fn parse_quoted(text: &str) -> Result<Option<(String, &str)>, PathError> {
    let mut chars = text.chars();
    let Some(quote) = chars.next().filter(|char| matches!(char, '"' | '\'')) else { return Ok(None) };
    let mut out = String::new();
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.push(match chars.next().ok_or(PathError::Quote)? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                    code.and_then(char::from_u32).ok_or(PathError::Escape)?
                }
                itself => itself,
            }),
            _ if char == quote => return Ok(Some((out, chars.as_str()))),
            _ => out.push(char),
        }
    }
    Err(PathError::Quote)
}

impl FromIterator<ValuePathStep> for ValuePath {
    fn from_iter<I: IntoIterator<Item = ValuePathStep>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl ValuePath {
    /// The path of a key at the root.
    pub fn from_root_key(key: impl Into<String>) -> Self {
        Self(vec![ValuePathStep::Key(key.into())])
    }

    /// The path of the value that so many first steps lead to.
    #[must_use]
    pub fn truncate(mut self, depth: usize) -> Self {
        self.0.truncate(depth);
        self
    }

    /// The steps from the root on.
    pub fn steps(&self) -> &[ValuePathStep] {
        &self.0
    }

    /// The keys of the steps.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| if let ValuePathStep::Key(key) = step { Some(key.as_str()) } else { None })
    }

    /// One level down, below a key.
    pub fn enter_key(&mut self, key: &str) {
        self.0.push(ValuePathStep::Key(key.to_owned()));
    }

    /// One level down, into a list.
    pub fn enter_index(&mut self, index: usize) {
        self.0.push(ValuePathStep::Index(index));
    }

    /// One level up.
    pub fn leave_step(&mut self) {
        self.0.pop();
    }

    /// Associated data of the ciphertext of a value at this path (format, section 1.3): the keys, each
    /// followed by a colon. List positions are not part of it, and keys are not escaped.
    pub fn associated_data(&self) -> String {
        let length = |step: &ValuePathStep| if let ValuePathStep::Key(key) = step { key.len() + 1 } else { 0 };
        let mut data = String::with_capacity(self.0.iter().map(length).sum::<usize>().max(1));
        for step in &self.0 {
            if let ValuePathStep::Key(key) = step {
                data.push_str(key);
                data.push(':');
            }
        }
        if data.is_empty() { ":".to_owned() } else { data }
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                ValuePathStep::Index(index) => write!(f, "[{index}]")?,
                ValuePathStep::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let bare =
                        !key.is_empty() && !key.contains(['.', '[', ']', '"', '\'', '`', '\\', ' ', '\t', '\n', '\r']);
                    if bare { f.write_str(key)? } else { write!(f, "{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{PathError, ValuePath, ValuePathStep};

    #[test]
    fn associated_data_has_every_key_and_no_position() {
        let mut path = ValuePath::default();
        assert_eq!(path.associated_data(), ":");
        path.enter_key("nested");
        path.enter_key("key:with:colon");
        path.enter_index(3);
        path.enter_index(0);
        assert_eq!(path.associated_data(), "nested:key:with:colon:");
        path.leave_step();
        path.enter_key("b");
        assert_eq!(path.associated_data(), "nested:key:with:colon:b:");
    }

    #[test]
    fn both_spellings_of_a_path_are_read() {
        let key = |text: &str| ValuePathStep::Key(text.to_owned());
        for (text, expected) in [
            ("data", Ok(vec![key("data")])),
            ("data.hosts[2].name", Ok(vec![key("data"), key("hosts"), ValuePathStep::Index(2), key("name")])),
            (r#"data."tls.crt""#, Ok(vec![key("data"), key("tls.crt")])),
            (r#"["data"]['tls.crt'][0]"#, Ok(vec![key("data"), key("tls.crt"), ValuePathStep::Index(0)])),
            (r#"["a]\"b"]"#, Ok(vec![key("a]\"b")])),
            (r#""""#, Ok(vec![key("")])),
            ("a b.ß", Ok(vec![key("a b"), key("ß")])),
            ("", Err(PathError::Empty)),
            ("a.", Err(PathError::NoKey)),
            ("a..b", Err(PathError::NoKey)),
            (".a", Err(PathError::NoKey)),
            ("a[", Err(PathError::Bracket)),
            ("a[x]", Err(PathError::Bracket)),
            ("a[-1]", Err(PathError::Bracket)),
            (r#"["a]"#, Err(PathError::Quote)),
            (r#""a"b"#, Err(PathError::Quote)),
        ] {
            assert_eq!(text.parse::<ValuePath>().map(|path| path.steps().to_vec()), expected, "{text}");
        }
    }

    #[test]
    fn a_printed_path_is_read_again() {
        for steps in [vec!["a", "b.c", "", "\"", "x y", "[0]", "\\", "'"], vec!["ß\n", "-", "0"]] {
            let path: ValuePath = steps.into_iter().map(|step| ValuePathStep::Key(step.to_owned())).collect();
            assert_eq!(path.to_string().parse(), Ok(path.clone()), "{path}");
        }
    }

    #[test]
    fn a_path_prints_as_people_write_it() {
        let mut path = ValuePath::from_root_key("data");
        path.enter_key("nginx.conf");
        path.enter_key("a");
        path.enter_index(2);
        path.enter_key("");
        assert_eq!(path.to_string(), r#"data."nginx.conf".a[2]."""#);
    }
}
