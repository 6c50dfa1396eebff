//! The way through a document: what is encrypted is decrypted, and everything is counted
//! (format, sections 1.3 to 1.6).

use super::cipher::{Ciphertext, DataKey};
use super::conflict::is_conflict;
use super::error::{Fault, Finding};
use super::mac::Mac;
use super::metadata::Metadata;
use super::path::KeyPath;
use super::scalar::Value;
use super::selector::{Scope, Selection};
use crate::span::Span;
use crate::yaml::node::{Kind, Node, Scalar};

/// Decrypts the values of one document after the other.
///
/// The depth of a document is bounded by the reader, so recursion is safe here.
pub(super) struct Walk<'a> {
    metadata: &'a Metadata,
    key: &'a DataKey,
    path: KeyPath,
    /// The checksum of all values so far.
    pub(super) mac: Mac,
    /// What is wrong so far.
    pub(super) findings: Vec<Finding>,
    /// How many values are encrypted, those included that do not decrypt.
    pub(super) encrypted: usize,
}

/// What becomes of a node.
#[derive(PartialEq)]
enum Outcome {
    Stays,
    /// It was a comment.
    Vanishes,
}

impl<'a> Walk<'a> {
    pub(super) fn new(metadata: &'a Metadata, key: &'a DataKey) -> Self {
        let mac = Mac::new(metadata.mac_scope);
        Self { metadata, key, path: KeyPath::default(), mac, findings: Vec::new(), encrypted: 0 }
    }

    /// Decrypts a document in place.
    pub(super) fn document(&mut self, root: &mut Node) {
        let scope = self.metadata.selector.root();
        self.node(root, scope);
    }

    fn node(&mut self, node: &mut Node, scope: Scope) -> Outcome {
        match &mut node.kind {
            Kind::Scalar(scalar) => return self.leaf(scalar, node.span, scope),
            Kind::List(items) => self.list(items, scope),
            Kind::Map(map) => {
                for (key, value) in map.iter_mut() {
                    let scope = self.metadata.selector.enter(scope, &key.text);
                    self.path.enter_key(&key.text);
                    if self.node(value, scope) == Outcome::Vanishes {
                        self.finding(value.span, Fault::Comment);
                    }
                    self.path.leave();
                }
            }
        }
        Outcome::Stays
    }

    fn list(&mut self, items: &mut Vec<Node>, scope: Scope) {
        let mut index = 0;
        items.retain_mut(|item| {
            self.path.enter_index(index);
            let outcome = self.node(item, scope);
            self.path.leave();
            index += 1;
            outcome == Outcome::Stays
        });
    }

    fn leaf(&mut self, scalar: &mut Scalar, span: Span, scope: Scope) -> Outcome {
        let encrypted = match self.metadata.selector.selection(scope) {
            Selection::Encrypted => true,
            Selection::Plain => false,
            Selection::AsFound => Ciphertext::parse(scalar.text()).is_ok(),
        };
        let value = Value::of(scalar);
        if !encrypted {
            if let Some(bytes) = value.bytes() {
                self.mac.add_plain(&bytes);
            }
            self.check(&value, span);
            return Outcome::Stays;
        }
        match &value {
            // never encrypted, whatever the selector says
            Value::Null => Outcome::Stays,
            Value::Text(text) if text.is_empty() => Outcome::Stays,
            Value::Text(text) if Ciphertext::is_one(text) => self.ciphertext(scalar, span),
            _ => {
                let selector = self.metadata.selector.to_string();
                self.finding(span, Fault::Plaintext { selector });
                Outcome::Stays
            }
        }
    }

    fn ciphertext(&mut self, scalar: &mut Scalar, span: Span) -> Outcome {
        match self.decrypt(scalar.text()) {
            // a comment in a list: it decrypts to one, and so has no part in the checksum
            Ok(Value::Comment) => return Outcome::Vanishes,
            Ok(value) => {
                self.encrypted += 1;
                if let Some(bytes) = value.bytes() {
                    self.mac.add_encrypted(&bytes);
                }
                self.check(&value, span);
                match value.into_yaml() {
                    Some((text, style)) => *scalar = scalar.decrypted(text, style),
                    None => self.finding(span, Fault::NotUtf8),
                }
            }
            Err(fault) => {
                self.encrypted += 1;
                self.finding(span, fault);
            }
        }
        Outcome::Stays
    }

    /// A merge that nobody finished must not be deployed.
    fn check(&mut self, value: &Value, span: Span) {
        if matches!(value, Value::Text(text) if is_conflict(text)) {
            self.finding(span, Fault::Conflict);
        }
    }

    fn decrypt(&self, text: &str) -> Result<Value, Fault> {
        let ciphertext = Ciphertext::parse(text).map_err(Fault::Malformed)?;
        let kind = ciphertext.kind;
        let plaintext = self.key.open(ciphertext, &self.path.associated_data()).ok_or(Fault::Altered)?;
        Value::decrypted(kind, plaintext).ok_or_else(|| Fault::NotOfItsType(kind.to_string()))
    }

    fn finding(&mut self, span: Span, fault: Fault) {
        let place = self.metadata.place.source.place(span);
        self.findings.push(Finding { place, path: self.path.clone(), fault });
    }
}
