//! Decryption of the trees of layers, whose values keep their places in the file.

use crate::crypto::cipher::DataKey;
use crate::document::conflict::is_conflict;
use crate::document::scalar::TypedValue;
use crate::document::selector::SelectorScope;
use crate::files::leaf_verifier::{LeafContent, LeafPlace, LeafVerifier, UnverifiedValues};
use crate::metadata::block::SopsMetadata;
use crate::metadata::error::IntegrityFault;
use septum_base::span::{Source, Span};
use septum_base::value_path::ValuePath;
use septum_base::yaml::node::{Scalar, YamlKind, YamlNode};

/// Decrypts the values of one document after the other.
///
/// The depth of a document is bounded by the reader, so recursion is safe here.
pub(crate) struct DecryptWalk<'a> {
    path: ValuePath,
    verifier: LeafVerifier<'a>,
}

/// Action for a node.
#[derive(PartialEq)]
enum NodeFate {
    Stays,
    /// It was a comment.
    Vanishes,
}

impl<'a> DecryptWalk<'a> {
    pub(crate) fn new(source: &'a Source, metadata: &'a SopsMetadata, key: &'a DataKey) -> Self {
        let verifier = LeafVerifier::new(source, metadata, &metadata.selector, key);
        Self { path: ValuePath::default(), verifier }
    }

    /// Decrypts a document in place.
    pub(crate) fn decrypt_tree(&mut self, root: &mut YamlNode) {
        let scope = self.verifier.selector.root_scope();
        self.node(root, scope);
    }

    /// The values so far.
    pub(crate) fn finish(self) -> UnverifiedValues {
        self.verifier.values
    }

    fn node(&mut self, node: &mut YamlNode, scope: SelectorScope) -> NodeFate {
        match &mut node.kind {
            YamlKind::Scalar(scalar) => return self.decrypt_leaf(scalar, node.span, scope),
            YamlKind::List(items) => self.list(items, scope),
            YamlKind::Map(map) => {
                for (key, value) in map.iter_mut() {
                    let scope = self.verifier.selector.enter_key(scope, &key.text);
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

    fn decrypt_leaf(&mut self, scalar: &mut Scalar, span: Span, scope: SelectorScope) -> NodeFate {
        let value = TypedValue::of(scalar);
        let selection = self.verifier.selector.selection(scope);
        match self.verifier.verify_leaf(&value, selection, LeafPlace { path: &self.path, span }) {
            LeafContent::Plain => self.check_conflict(&value, span),
            LeafContent::Invalid => {}
            LeafContent::Comment { .. } => return NodeFate::Vanishes,
            LeafContent::Decrypted { value, .. } => {
                self.check_conflict(&value, span);
                match value.into_yaml() {
                    Some((text, style)) => *scalar = scalar.with_plaintext(text, style),
                    None => self.report_fault(span, IntegrityFault::NotUtf8),
                }
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

    fn report_fault(&mut self, span: Span, fault: IntegrityFault) {
        self.verifier.report_fault(LeafPlace { path: &self.path, span }, fault);
    }
}
