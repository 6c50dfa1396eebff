//! Decryption and verification of values, for every document (format, sections 1.3 to 1.6): which of them are
//! encrypted, the path to which a ciphertext is bound, the order of the checksum, and the check of the checksum.
//!
//! Layers and files differ in their trees, and bring each value here in document order.

use zeroize::Zeroizing;

use crate::crypto::cipher::{Ciphertext, DataKey, PlaintextType};
use crate::crypto::mac::{Mac, is_same_mac};
use crate::document::scalar::TypedValue;
use crate::document::selector::{Selection, Selector};
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::{DecryptionError, IntegrityFault, IntegrityFinding};
use crate::{BLOCK, MANY};
use septum_base::span::{Source, Span};
use septum_base::value_path::ValuePath;

/// Decrypts the values of a file one after the other, and adds each to the checksum.
pub(crate) struct LeafVerifier<'a> {
    pub(crate) source: &'a Source,
    pub(crate) selector: &'a Selector,
    pub(crate) key: &'a DataKey,
    pub(crate) values: UnverifiedValues,
}

/// Path and range of a value.
#[derive(Clone, Copy)]
pub(crate) struct LeafPlace<'p> {
    pub(crate) path: &'p ValuePath,
    pub(crate) span: Span,
}

/// Result of decrypting one value.
pub(crate) enum LeafContent {
    /// The value is not encrypted.
    Plain,
    /// The value is invalid, and was reported.
    Invalid,
    /// Plaintext of a value, and the path that its ciphertext is bound to.
    Decrypted { value: TypedValue, associated: String },
    /// Plaintext of a comment that is in the place of a value. The checksum does not cover it.
    Comment { plaintext: Zeroizing<Vec<u8>>, associated: String },
}

impl<'a> LeafVerifier<'a> {
    pub(crate) fn new(source: &'a Source, metadata: &SopsMetadata, selector: &'a Selector, key: &'a DataKey) -> Self {
        let values = UnverifiedValues { mac: Mac::new(metadata.mac_scope), findings: Vec::new(), encrypted: 0 };
        Self { source, selector, key, values }
    }

    /// Decrypts a value, if the selector or, where it depends on comments, the value itself says that it is
    /// encrypted, and adds it to the checksum.
    pub(crate) fn verify_leaf(
        &mut self,
        value: &TypedValue,
        selection: Selection,
        place: LeafPlace<'_>,
    ) -> LeafContent {
        let encrypted = match (selection, value) {
            (Selection::Encrypted, _) => true,
            // readers may differ on which value a comment is of; the checksum knows
            (Selection::AsFound, TypedValue::Text(text)) => {
                std::str::from_utf8(text).is_ok_and(|token| Ciphertext::parse(token).is_ok())
            }
            (Selection::AsFound | Selection::Plain, _) => false,
        };
        match value {
            _ if !encrypted => {
                if let Some(bytes) = value.bytes() {
                    self.values.mac.add_plain(&bytes);
                }
                LeafContent::Plain
            }
            // never encrypted, whatever the selector is
            TypedValue::Null => LeafContent::Plain,
            TypedValue::Text(text) => self.verify_text(text, place),
            _ => self.report_plaintext(place),
        }
    }

    /// Decrypts a text that must be a ciphertext, unless it is empty, and adds its plaintext to the checksum.
    pub(crate) fn verify_text(&mut self, text: &[u8], place: LeafPlace<'_>) -> LeafContent {
        if text.is_empty() {
            // never encrypted either
            return LeafContent::Plain;
        }
        let token = std::str::from_utf8(text).ok().filter(|_| Ciphertext::is_ciphertext(text));
        let Some(token) = token else { return self.report_plaintext(place) };
        let associated = place.path.associated_data();
        let opened = self.decrypt_token(token, &associated).and_then(|(kind, plaintext)| match kind {
            PlaintextType::Comment => Ok(LeafContent::Comment { plaintext, associated }),
            _ => TypedValue::from_plaintext(kind, plaintext)
                .map(|value| LeafContent::Decrypted { value, associated })
                .ok_or_else(|| IntegrityFault::NotOfItsType(kind.to_string())),
        });
        let content = opened.unwrap_or_else(|fault| {
            self.report_fault(place, fault);
            LeafContent::Invalid
        });
        if let LeafContent::Decrypted { value, .. } = &content
            && let Some(bytes) = value.bytes()
        {
            self.values.mac.add_encrypted(&bytes);
        }
        self.values.encrypted += usize::from(!matches!(content, LeafContent::Comment { .. }));
        content
    }

    fn decrypt_token(
        &self,
        token: &str,
        associated: &str,
    ) -> Result<(PlaintextType, Zeroizing<Vec<u8>>), IntegrityFault> {
        let ciphertext = Ciphertext::parse(token).map_err(IntegrityFault::Malformed)?;
        let kind = ciphertext.kind;
        Ok((kind, self.key.decrypt_bytes(ciphertext, associated).ok_or(IntegrityFault::Altered)?))
    }

    fn report_plaintext(&mut self, place: LeafPlace<'_>) -> LeafContent {
        let selector = self.selector.to_string();
        self.report_fault(place, IntegrityFault::Plaintext { selector });
        LeafContent::Invalid
    }

    pub(crate) fn report_fault(&mut self, LeafPlace { path, span }: LeafPlace<'_>, fault: IntegrityFault) {
        let place = self.source.place(span);
        self.values.findings.push(IntegrityFinding { place, path: path.clone(), fault });
    }
}

/// Values of a file that were decrypted, before its checksum is compared.
pub(crate) struct UnverifiedValues {
    mac: Mac,
    findings: Vec<IntegrityFinding>,
    /// Number of encrypted values, including those that do not decrypt.
    encrypted: usize,
}

impl UnverifiedValues {
    /// Number of encrypted values, including those that do not decrypt.
    pub(crate) fn encrypted_count(&self) -> usize {
        self.encrypted
    }

    /// Paths of the values in plaintext where ciphertext must be, if nothing else was found.
    pub(crate) fn typed_paths(&self) -> Option<Vec<ValuePath>> {
        let is_plaintext = |finding: &IntegrityFinding| matches!(finding.fault, IntegrityFault::Plaintext { .. });
        let typed = !self.findings.is_empty() && self.findings.iter().all(is_plaintext);
        typed.then(|| self.findings.iter().map(|finding| finding.path.clone()).collect())
    }

    /// Compares the checksum of the values with the one in the file; returns the number of values.
    pub(crate) fn verify_mac(self, metadata: &SopsMetadata, key: &DataKey) -> Result<usize, DecryptionError> {
        let Self { mac, mut findings, encrypted } = self;
        let block =
            |fault| IntegrityFinding { place: metadata.place.clone(), path: ValuePath::from_root_key(BLOCK), fault };
        let altered = findings.iter().filter(|finding| finding.fault == IntegrityFault::Altered).count();
        if altered == encrypted && altered > MANY {
            findings.retain(|finding| finding.fault != IntegrityFault::Altered);
            findings.push(block(IntegrityFault::Everything { values: encrypted }));
            return Err(DecryptionError::Content(findings));
        }
        match stored_mac(metadata, key) {
            // without the plaintext of a value, the checksum cannot match, and shows nothing more
            Ok(stored) => {
                let complete = findings
                    .iter()
                    .all(|finding| matches!(finding.fault, IntegrityFault::NotUtf8 | IntegrityFault::Conflict));
                if complete && !is_same_mac(&stored, mac.finish().as_bytes()) {
                    findings.push(block(IntegrityFault::MacMismatch));
                }
            }
            Err(finding) => findings.push(finding),
        }
        if findings.is_empty() { Ok(encrypted) } else { Err(DecryptionError::Content(findings)) }
    }
}

/// The checksum in the file. It is bound to the time of the last change.
pub(crate) fn stored_mac(metadata: &SopsMetadata, key: &DataKey) -> Result<Zeroizing<Vec<u8>>, IntegrityFinding> {
    let mut path = ValuePath::from_root_key(BLOCK);
    path.enter_key("mac");
    let Some(mac) = &metadata.mac else {
        return Err(IntegrityFinding { place: metadata.place.clone(), path, fault: IntegrityFault::NoMac });
    };
    let place = metadata.place.source.place(mac.span);
    let ciphertext = match Ciphertext::parse(&mac.text) {
        Ok(ciphertext) => ciphertext,
        Err(reason) => return Err(IntegrityFinding { place, path, fault: IntegrityFault::Malformed(reason) }),
    };
    let opened = key.decrypt_bytes(ciphertext, &metadata.last_modified.to_seconds());
    opened.ok_or(IntegrityFinding { place, path, fault: IntegrityFault::MacAltered })
}
