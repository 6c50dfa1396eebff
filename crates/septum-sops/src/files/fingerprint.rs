//! Contents of a document as hashes: a big one need not be kept to be compared.

use sha2::{Digest as _, Sha256};

use crate::crypto::cipher::PlaintextType;
use crate::document::scalar::TypedValue;
use crate::document::selector::Selector;
use crate::document::traversal::{DocumentStep, DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use crate::files::content::comment_lines;
use septum_base::value_path::ValuePath;

/// Hashes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentFingerprint {
    /// Equal for documents without a [`difference`](super::content::find_difference).
    pub(crate) content: [u8; 32],
    /// Keys that the ciphertexts of the comments are bound to.
    pub(crate) bindings: [u8; 32],
}

impl DocumentFingerprint {
    /// The fingerprint of a document.
    pub(crate) fn of(document: &mut SopsDocument) -> Self {
        let mut builder = FingerprintBuilder::default();
        visit_document(document, &Selector::default(), &mut builder);
        builder.finish()
    }
}

/// A fingerprint on the way through a document.
#[derive(Default)]
pub(crate) struct FingerprintBuilder {
    values: Sha256,
    comments: Sha256,
    bindings: Sha256,
    /// The number of values so far, and what it was before each map or list that is not complete.
    before: usize,
    open: Vec<usize>,
}

/// Adds a part with its length, so that no two parts run into one.
fn add_part(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

impl FingerprintBuilder {
    /// The fingerprint of what was added.
    pub(crate) fn finish(self) -> DocumentFingerprint {
        let Self { mut values, comments, bindings, .. } = self;
        values.update(comments.finalize());
        DocumentFingerprint { content: values.finalize().into(), bindings: bindings.finalize().into() }
    }

    pub(crate) fn add_step(&mut self, step: DocumentStep<'_>) {
        match step {
            DocumentStep::Key(key) => {
                self.values.update(b"k");
                add_part(&mut self.values, key.as_bytes());
            }
            DocumentStep::Map => self.enter(b"{"),
            DocumentStep::List => self.enter(b"["),
            DocumentStep::End => {
                self.values.update(b"}");
                let before = self.open.pop().unwrap_or_default();
                // an empty one counts too
                self.before = self.before.max(before + 1);
            }
            DocumentStep::EndOfBranch => {
                self.before = 0;
                self.comments.update(b"}");
                self.bindings.update(b"}");
            }
        }
    }

    fn enter(&mut self, sign: &[u8]) {
        self.values.update(sign);
        self.open.push(self.before);
    }

    pub(crate) fn add_value(&mut self, value: &TypedValue) {
        self.values.update(b"=");
        add_part(&mut self.values, value.kind().map_or("", PlaintextType::name).as_bytes());
        add_part(&mut self.values, &value.bytes().unwrap_or_default());
        self.before += 1;
    }

    /// Adds a comment that is bound to the keys on a path.
    pub(crate) fn add_comment(&mut self, comment: &SopsComment, path: &ValuePath) {
        for line in comment_lines(comment) {
            self.comments.update(b"#");
            self.comments.update((self.before as u64).to_le_bytes());
            add_part(&mut self.comments, line.as_bytes());
            for key in path.keys() {
                self.bindings.update(b"k");
                add_part(&mut self.bindings, key.as_bytes());
            }
            self.bindings.update(b"#");
        }
    }
}

impl DocumentVisitor for FingerprintBuilder {
    fn visit_step(&mut self, step: DocumentStep<'_>) {
        self.add_step(step);
    }

    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        self.add_comment(comment, way.path());
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, _: &TraversalState<'_>) -> Option<SopsComment> {
        self.add_value(&leaf.value);
        None
    }
}
