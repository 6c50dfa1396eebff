//! Whether a merge would write in plaintext what was encrypted.
//!
//! Which values are encrypted hangs on keys, on comments and on the selector, and each of them may
//! come from another version than a value does.

use std::collections::{BTreeSet, HashSet};

use super::{Format, Sealed};
use crate::sops::cipher::Type;
use crate::sops::document::{Comment, Document, Leaf};
use crate::sops::path::KeyPath;
use crate::sops::selector::Selection;
use crate::sops::stash::{Stash, hash};
use crate::sops::way::{Visit, Way, visit};

impl Sealed {
    /// The values and comments that would stand in plaintext here, and stand so in none of the
    /// versions that they can be from.
    pub fn exposed(&self, versions: [&Self; 2]) -> Vec<KeyPath> {
        if self.format == Format::Binary {
            return Vec::new();
        }
        let mut known = Known::default();
        for version in versions {
            let mut census = Census { stash: &version.stash, known: &mut known };
            visit(&mut copy(version.document()), &version.metadata.selector, &mut census);
        }
        let mut search = Search { known: &known, found: Vec::new() };
        visit(&mut copy(&self.document), &self.metadata.selector, &mut search);
        search.found
    }
}

fn copy(document: &Document) -> Document {
    Document { branches: document.branches.clone() }
}

/// What the versions hold, by hash or by what ciphertexts are bound to.
#[derive(Default)]
struct Known {
    plain: HashSet<[u8; 32]>,
    encrypted: HashSet<[u8; 32]>,
    /// Where values are encrypted.
    secret: BTreeSet<String>,
}

struct Census<'a> {
    stash: &'a Stash,
    known: &'a mut Known,
}

impl Census<'_> {
    fn count(&mut self, kind: Type, associated: String, bytes: &[u8]) {
        let hash = hash(kind, &associated, bytes);
        if !self.stash.knows(&hash) {
            self.known.plain.insert(hash);
            return;
        }
        self.known.encrypted.insert(hash);
        if kind != Type::Comment {
            self.known.secret.insert(associated);
        }
    }
}

impl Visit for Census<'_> {
    fn comment(&mut self, comment: &mut Comment, way: &Way<'_>) {
        self.count(Type::Comment, way.path().associated_data(), comment.text.as_bytes());
    }

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        if let (Some(bytes), Some(kind)) = (leaf.value.bytes(), leaf.value.kind()) {
            self.count(kind, way.path().associated_data(), &bytes);
        }
        None
    }
}

struct Search<'a> {
    known: &'a Known,
    found: Vec<KeyPath>,
}

impl Visit for Search<'_> {
    fn comment(&mut self, comment: &mut Comment, way: &Way<'_>) {
        let hash = hash(Type::Comment, &way.path().associated_data(), comment.text.as_bytes());
        let was_encrypted = self.known.encrypted.contains(&hash) && !self.known.plain.contains(&hash);
        if was_encrypted && way.comment_selection() != Selection::Encrypted {
            self.found.push(way.path().clone());
        }
    }

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        let (Some(bytes), Some(kind)) = (leaf.value.bytes(), leaf.value.kind()) else { return None };
        let associated = way.path().associated_data();
        if bytes.is_empty() || way.selection() == Selection::Encrypted {
            return None;
        }
        // a value that is in no version shows two of them: all that lies below its path
        let secret = || self.known.secret.iter().any(|known| known.starts_with(&associated));
        if !self.known.plain.contains(&hash(kind, &associated, &bytes)) && secret() {
            self.found.push(way.path().clone());
        }
        None
    }
}
