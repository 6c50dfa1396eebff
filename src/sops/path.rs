//! The way from the root of a document to a value.

use std::fmt;

/// Keys and list positions from the root of a document to a value; prints as `data.hosts[2]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPath(Vec<Step>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Below a key.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

impl FromIterator<Step> for KeyPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl KeyPath {
    /// The path of a key at the root.
    pub fn root(key: impl Into<String>) -> Self {
        Self(vec![Step::Key(key.into())])
    }

    /// The steps from the root on.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// One level down, below a key.
    pub(super) fn enter_key(&mut self, key: &str) {
        self.0.push(Step::Key(key.to_owned()));
    }

    /// One level down, into a list.
    pub(super) fn enter_index(&mut self, index: usize) {
        self.0.push(Step::Index(index));
    }

    /// One level up.
    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// What the ciphertext of a value at this path is bound to (format, section 1.3): the keys, each
    /// followed by a colon. List positions are not part of it, and keys are not escaped.
    pub(super) fn associated_data(&self) -> String {
        let mut data = String::new();
        for step in &self.0 {
            if let Step::Key(key) = step {
                data.push_str(key);
                data.push(':');
            }
        }
        if data.is_empty() { ":".to_owned() } else { data }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let bare = !key.is_empty() && !key.contains(['.', '[', ']', '"', ' ', '\t', '\n', '\r']);
                    if bare { f.write_str(key)? } else { write!(f, "{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::KeyPath;

    #[test]
    fn associated_data_has_every_key_and_no_position() {
        let mut path = KeyPath::default();
        assert_eq!(path.associated_data(), ":");
        path.enter_key("nested");
        path.enter_key("key:with:colon");
        path.enter_index(3);
        path.enter_index(0);
        assert_eq!(path.associated_data(), "nested:key:with:colon:");
        path.leave();
        path.enter_key("b");
        assert_eq!(path.associated_data(), "nested:key:with:colon:b:");
    }

    #[test]
    fn a_path_prints_as_people_write_it() {
        let mut path = KeyPath::root("data");
        path.enter_key("nginx.conf");
        path.enter_key("a");
        path.enter_index(2);
        path.enter_key("");
        assert_eq!(path.to_string(), r#"data."nginx.conf".a[2]."""#);
    }
}
