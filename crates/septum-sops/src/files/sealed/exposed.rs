//! Checks whether a merge or a new name would write in plaintext a value that was encrypted.
//!
//! The set of encrypted values depends on keys, on comments and on the selector, and each of them may come from
//! another version than a value does.

use std::collections::BTreeSet;

use super::{DecryptedFile, SopsFormat};
use crate::crypto::cipher::PlaintextType;
use crate::crypto::ciphertext_cache::{CiphertextCache, hash_value};
use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument};
use septum_base::map::{HashMap, HashSet};
use septum_base::sort::sort_by_key;
use septum_base::value_path::ValuePath;

impl DecryptedFile {
    /// The values and comments that would be in plaintext here, and are so in none of the versions that they can be
    /// from.
    pub fn find_exposed(&self, versions: [&Self; 2]) -> Vec<ValuePath> {
        if self.format == SopsFormat::Binary {
            return Vec::new();
        }
        let mut known = KnownValues::default();
        for version in versions {
            let mut census = ValueCensus { stash: &version.stash, known: &mut known };
            visit_document(&mut copy_document(version.document()), &version.metadata.selector, &mut census);
        }
        let mut search = NewExposureSearch { known: &known, found: Vec::new() };
        visit_document(&mut copy_document(&self.document), &self.metadata.selector, &mut search);
        search.found
    }
}

/// Protection of each value and comment of a document: how often it is encrypted, and its paths in plaintext.
#[derive(Default)]
pub(super) struct ProtectionCensus {
    values: HashMap<[u8; 32], ProtectionCount>,
}

#[derive(Default)]
struct ProtectionCount {
    encrypted: usize,
    plain: Vec<ValuePath>,
}

impl ProtectionCensus {
    pub(super) fn of(document: &SopsDocument, selector: &Selector) -> Self {
        let mut census = Self::default();
        visit_document(&mut copy_document(document), selector, &mut census);
        census
    }

    /// The values in plaintext that were encrypted in another document: one more is in plaintext, and one less is
    /// encrypted.
    pub(super) fn find_moved(&self, before: &Self) -> Vec<ValuePath> {
        let known = |hash| before.values.get(hash).map_or((0, 0), |known| (known.encrypted, known.plain.len()));
        let moved = self.values.iter().filter(|(hash, now)| {
            let (encrypted, plain) = known(*hash);
            now.encrypted < encrypted && now.plain.len() > plain
        });
        let mut paths: Vec<_> = moved.flat_map(|(_, now)| now.plain.iter().cloned()).collect();
        sort_by_key(&mut paths, ValuePath::to_string);
        paths
    }

    fn count(&mut self, bytes: &[u8], selection: Selection, path: &ValuePath) {
        if bytes.is_empty() {
            return;
        }
        // a value that only got quotes is the same
        let known = self.values.entry(hash_value(PlaintextType::Str, "", bytes)).or_default();
        match selection {
            Selection::Encrypted => known.encrypted += 1,
            Selection::Plain | Selection::AsFound => known.plain.push(path.clone()),
        }
    }
}

impl DocumentVisitor for ProtectionCensus {
    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        self.count(comment.text.as_bytes(), way.comment_selection(), way.path());
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        if let Some(bytes) = leaf.value.bytes() {
            self.count(&bytes, way.selection(), way.path());
        }
        None
    }
}

fn copy_document(document: &SopsDocument) -> SopsDocument {
    SopsDocument { branches: document.branches.clone() }
}

/// Values of the versions, by hash or by the associated data of ciphertexts.
#[derive(Default)]
struct KnownValues {
    plain: HashSet<[u8; 32]>,
    encrypted: HashSet<[u8; 32]>,
    /// Places where values are encrypted.
    secret: BTreeSet<String>,
}

struct ValueCensus<'a> {
    stash: &'a CiphertextCache,
    known: &'a mut KnownValues,
}

impl ValueCensus<'_> {
    fn count_value(&mut self, kind: PlaintextType, associated: String, bytes: &[u8]) {
        let hash = hash_value(kind, &associated, bytes);
        if !self.stash.knows_hash(&hash) {
            self.known.plain.insert(hash);
            return;
        }
        self.known.encrypted.insert(hash);
        if kind != PlaintextType::Comment {
            self.known.secret.insert(associated);
        }
    }
}

impl DocumentVisitor for ValueCensus<'_> {
    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        self.count_value(PlaintextType::Comment, way.path().associated_data(), comment.text.as_bytes());
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        if let (Some(bytes), Some(kind)) = (leaf.value.bytes(), leaf.value.kind()) {
            self.count_value(kind, way.path().associated_data(), &bytes);
        }
        None
    }
}

struct NewExposureSearch<'a> {
    known: &'a KnownValues,
    found: Vec<ValuePath>,
}

impl DocumentVisitor for NewExposureSearch<'_> {
    fn visit_comment(&mut self, comment: &mut SopsComment, way: &TraversalState<'_>) {
        let hash = hash_value(PlaintextType::Comment, &way.path().associated_data(), comment.text.as_bytes());
        let was_encrypted = self.known.encrypted.contains(&hash) && !self.known.plain.contains(&hash);
        if was_encrypted && way.comment_selection() != Selection::Encrypted {
            self.found.push(way.path().clone());
        }
    }

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let (Some(bytes), Some(kind)) = (leaf.value.bytes(), leaf.value.kind()) else { return None };
        let associated = way.path().associated_data();
        if bytes.is_empty() || way.selection() == Selection::Encrypted {
            return None;
        }
        // a value that is in neither version consists of both: everything below its path
        let secret = || self.known.secret.iter().any(|known| known.starts_with(&associated));
        if !self.known.plain.contains(&hash_value(kind, &associated, &bytes)) && secret() {
            self.found.push(way.path().clone());
        }
        None
    }
}
