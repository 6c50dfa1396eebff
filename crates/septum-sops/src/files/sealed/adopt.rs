//! Content that one version of a file adopts from others: ciphertexts, recipients, the rule by which
//! values are encrypted.

use super::{DecryptedFile, EncryptedFile, SopsFormat};
use crate::crypto::mac::{MacScope, is_same_mac};
use crate::document::conflict::{has_mark, is_conflict};
use crate::document::scalar::TypedValue;
use crate::document::selector::Selector;
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsMap, SopsTree};
use crate::files::write_error::WriteError;
use crate::metadata::block::CONFLICT_FIELD;
use crate::metadata::error::DecryptionError;
use crate::missing_block;
use crate::recipients::foreign::SERVICES;
use crate::recipients::group::{KeyGroup, recipient_fields};
use crate::store::layout::detect_indent;
use crate::store::{TextEdit, apply_edits};
use septum_base::span::{Source, Span};

impl DecryptedFile {
    /// The format of the file.
    pub fn format(&self) -> SopsFormat {
        self.format
    }

    /// Decrypts another version of the file with the data key of this one, whatever its recipients are.
    pub fn decrypt_other(&self, name: &str, bytes: Vec<u8>) -> Result<Self, DecryptionError> {
        match EncryptedFile::read(name, bytes, self.format)? {
            Some(closed) => closed.decrypt_with(self.unlocked.clone_key()),
            None => Err(missing_block(Source::new(name, "").place(Span::default()))),
        }
    }

    /// The file as it is on disk, decrypted once more.
    pub fn decrypt_again(&self) -> Result<Self, DecryptionError> {
        let text = self.source.text().as_bytes().to_vec();
        self.decrypt_other(self.source.name(), text)
    }

    /// Whether both files have the same data key.
    pub fn shares_key(&self, other: &Self) -> bool {
        is_same_mac(self.key.bytes(), other.key.bytes())
    }

    /// Keeps the ciphertexts of another version too, for values that are the same there. Those of another data key
    /// are ignored.
    pub fn adopt_ciphertexts(&mut self, other: &Self) {
        if self.shares_key(other) {
            self.stash.adopt_tokens(&other.stash);
        }
    }

    /// Sets the recipients in the metadata, each with its copy of this file's data key.
    pub fn put_groups(&mut self, groups: &[KeyGroup], threshold: Option<usize>) -> Result<(), WriteError> {
        let mut groups = groups.to_vec();
        for entry in groups.iter_mut().flat_map(|group| &mut group.age) {
            entry.wrapped.text = format!("{}\n", entry.wrapped.text.trim_end());
        }
        let new = recipient_fields(&groups, threshold);
        self.edit_blocks(|fields| {
            for name in SERVICES.into_iter().chain(["age", "key_groups", "shamir_threshold"]) {
                // an empty list of an old file has no meaning, and stays
                if !new.contains_key(name) && fields.get(name).is_some_and(|value| !is_empty(value)) {
                    fields.remove_key(name);
                }
            }
            for (key, value) in &new {
                fields.put_value(&key.text, SopsTree::of_node(value));
            }
        })?;
        (self.metadata.groups, self.metadata.threshold) = (groups, threshold);
        Ok(())
    }

    /// Sets in the metadata the rule by which values are encrypted and counted.
    pub fn put_rule(&mut self, selector: &Selector, scope: MacScope) -> Result<(), WriteError> {
        let old = self.metadata.selector.field_name();
        self.edit_blocks(|fields| {
            for name in [old, "mac_only_encrypted"] {
                fields.remove_key(name);
            }
            fields.put_value(selector.field_name(), SopsTree::from_text(selector.argument()));
            if scope == MacScope::Encrypted {
                fields.put_value("mac_only_encrypted", SopsTree::of(TypedValue::Bool(true)));
            }
        })?;
        self.metadata.selector = selector.clone();
        self.metadata.mac_scope = scope;
        Ok(())
    }

    /// Marks in the metadata whether a value still holds both sides of a merge, for readers without a key.
    pub(crate) fn mark_conflicts(&mut self) -> Result<(), WriteError> {
        let was_marked = self.metadata.has_conflict();
        let is_found = if let Some(summary) = &self.summary {
            summary.has_conflict || was_marked && summary.has_mark
        } else {
            let mut search = ConflictSearch { was_marked, is_found: false };
            visit_document(&mut self.document, &Selector::default(), &mut search);
            search.is_found
        };
        if is_found == was_marked {
            return Ok(());
        }
        self.edit_blocks(|fields| {
            fields.remove_key(CONFLICT_FIELD);
            if is_found {
                fields.put_value(CONFLICT_FIELD, SopsTree::from_text("unresolved"));
            }
        })
    }

    /// Rewrites the metadata in every document.
    fn edit_blocks(&mut self, edit: impl Fn(&mut SopsMap)) -> Result<(), WriteError> {
        let is_binary = self.format == SopsFormat::Binary;
        let text = if is_binary { self.source.text() } else { &self.text };
        let blocks = match self.blocks.take() {
            Some(blocks) => {
                self.check_fit()?;
                blocks
            }
            None if is_binary => self.read_text(text)?.blocks.into_iter().flatten().collect(),
            None => self.parse_text()?.blocks.into_iter().flatten().collect(),
        };
        let changes = blocks.iter().map(|block| {
            let mut fields = SopsMap::default();
            for (key, value) in block.fields.values() {
                fields.put_value(&key.text, value.clone());
            }
            edit(&mut fields);
            let (before, after) = (text.get(..block.whole.start), text.get(block.whole.end..));
            let around = (before.unwrap_or_default(), after.unwrap_or_default());
            let indent = detect_indent(self.format, text.get(block.whole.clone()).unwrap_or_default());
            TextEdit::new(block.whole.clone(), self.format.write_block(&fields, around, indent))
        });
        let edited = apply_edits(text, changes.collect());
        self.remember_text();
        if is_binary {
            self.source = Source::new(self.source.name(), edited.as_str());
            // there is no text here that could show a change
            self.first = Some(<_>::default());
        } else {
            self.text = edited;
        }
        Ok(())
    }
}

/// Search for a conflict, or for the rest of one in a file that had one.
struct ConflictSearch {
    was_marked: bool,
    is_found: bool,
}

impl DocumentVisitor for ConflictSearch {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, _: &TraversalState<'_>) -> Option<SopsComment> {
        if let TypedValue::Text(text) = &leaf.value {
            self.is_found |= is_conflict(text) || self.was_marked && has_mark(text);
        }
        None
    }
}

fn is_empty(value: &SopsTree) -> bool {
    match value {
        SopsTree::Leaf(leaf) => matches!(leaf.value, TypedValue::Null),
        SopsTree::List(list) => list.items.is_empty(),
        SopsTree::Map(map) => map.items.is_empty(),
    }
}
