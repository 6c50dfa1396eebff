//! Decryption of a document: traverses it, decrypts its encrypted values, and adds every value to the checksum
//! (format, sections 1.3 to 1.6).

use crate::crypto::cipher::{Ciphertext, DataKey};
use crate::crypto::mac::Mac;
use crate::document::conflict::is_conflict;
use crate::document::scalar::TypedValue;
use crate::document::selector::{Selection, SelectorScope};
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::{IntegrityFault, IntegrityFinding};
use septum_base::span::Span;
use septum_base::value_path::ValuePath;
use septum_base::yaml::node::{Scalar, YamlKind, YamlNode};

/// Decrypts the values of one document after the other.
///
/// The depth of a document is bounded by the reader, so recursion is safe here.
pub(crate) struct DecryptWalk<'a> {
    metadata: &'a SopsMetadata,
    key: &'a DataKey,
    path: ValuePath,
    /// The checksum of all values so far.
    pub(crate) mac: Mac,
    /// Findings so far.
    pub(crate) findings: Vec<IntegrityFinding>,
    /// Number of encrypted values, including those that do not decrypt.
    pub(crate) encrypted: usize,
}

/// Action for a node.
#[derive(PartialEq)]
enum NodeFate {
    Stays,
    /// It was a comment.
    Vanishes,
}

impl<'a> DecryptWalk<'a> {
    pub(crate) fn new(metadata: &'a SopsMetadata, key: &'a DataKey) -> Self {
        let mac = Mac::new(metadata.mac_scope);
        Self { metadata, key, path: ValuePath::default(), mac, findings: Vec::new(), encrypted: 0 }
    }

    /// Decrypts a document in place.
    pub(crate) fn document(&mut self, root: &mut YamlNode) {
        let scope = self.metadata.selector.root_scope();
        self.node(root, scope);
    }

    fn node(&mut self, node: &mut YamlNode, scope: SelectorScope) -> NodeFate {
        match &mut node.kind {
            YamlKind::Scalar(scalar) => return self.leaf(scalar, node.span, scope),
            YamlKind::List(items) => self.list(items, scope),
            YamlKind::Map(map) => {
                for (key, value) in map.iter_mut() {
                    let scope = self.metadata.selector.enter_key(scope, &key.text);
                    self.path.enter_key(&key.text);
                    if self.node(value, scope) == NodeFate::Vanishes {
                        self.report_fault(value.span, IntegrityFault::Comment);
                    }
                    self.path.leave_step();
                }
            }
        }
        NodeFate::Stays
    }

    fn list(&mut self, items: &mut Vec<YamlNode>, scope: SelectorScope) {
        let mut index = 0;
        items.retain_mut(|item| {
            self.path.enter_index(index);
            let outcome = self.node(item, scope);
            self.path.leave_step();
            index += 1;
            outcome == NodeFate::Stays
        });
    }

    fn leaf(&mut self, scalar: &mut Scalar, span: Span, scope: SelectorScope) -> NodeFate {
        let encrypted = match self.metadata.selector.selection(scope) {
            Selection::Encrypted => true,
            Selection::Plain => false,
            Selection::AsFound => Ciphertext::parse(scalar.text()).is_ok(),
        };
        let value = TypedValue::of(scalar);
        if !encrypted {
            if let Some(bytes) = value.bytes() {
                self.mac.add_plain(&bytes);
            }
            self.check_conflict(&value, span);
            return NodeFate::Stays;
        }
        match &value {
            // never encrypted, whatever the selector is
            TypedValue::Null => NodeFate::Stays,
            TypedValue::Text(text) if text.is_empty() => NodeFate::Stays,
            TypedValue::Text(text) if Ciphertext::is_ciphertext(text) => self.ciphertext(scalar, span),
            _ => {
                let selector = self.metadata.selector.to_string();
                self.report_fault(span, IntegrityFault::Plaintext { selector });
                NodeFate::Stays
            }
        }
    }

    fn ciphertext(&mut self, scalar: &mut Scalar, span: Span) -> NodeFate {
        match self.decrypt_text(scalar.text()) {
            // a comment in a list: it decrypts to one, and so is not part of the checksum
            Ok(TypedValue::Comment) => return NodeFate::Vanishes,
            Ok(value) => {
                self.encrypted += 1;
                if let Some(bytes) = value.bytes() {
                    self.mac.add_encrypted(&bytes);
                }
                self.check_conflict(&value, span);
                match value.into_yaml() {
                    Some((text, style)) => *scalar = scalar.with_plaintext(text, style),
                    None => self.report_fault(span, IntegrityFault::NotUtf8),
                }
            }
            Err(fault) => {
                self.encrypted += 1;
                self.report_fault(span, fault);
            }
        }
        NodeFate::Stays
    }

    /// An unfinished merge must not be deployed.
    fn check_conflict(&mut self, value: &TypedValue, span: Span) {
        if matches!(value, TypedValue::Text(text) if is_conflict(text)) {
            self.report_fault(span, IntegrityFault::Conflict);
        }
    }

    fn decrypt_text(&self, text: &str) -> Result<TypedValue, IntegrityFault> {
        let ciphertext = Ciphertext::parse(text).map_err(IntegrityFault::Malformed)?;
        let kind = ciphertext.kind;
        let plaintext =
            self.key.decrypt_bytes(ciphertext, &self.path.associated_data()).ok_or(IntegrityFault::Altered)?;
        TypedValue::from_plaintext(kind, plaintext).ok_or_else(|| IntegrityFault::NotOfItsType(kind.to_string()))
    }

    fn report_fault(&mut self, span: Span, fault: IntegrityFault) {
        let place = self.metadata.place.source.place(span);
        self.findings.push(IntegrityFinding { place, path: self.path.clone(), fault });
    }
}
