//! What one version of a file takes over from others: ciphertexts, recipients, the rule by which
//! values are encrypted.

use super::{Closed, Format, Sealed};
use crate::sops::conflict::{has_mark, is_conflict};
use crate::sops::document::{Comment, Leaf, Map, Tree};
use crate::sops::error::Error;
use crate::sops::foreign::SERVICES;
use crate::sops::group::{KeyGroup, recipient_fields};
use crate::sops::layout::of_block;
use crate::sops::mac::{MacScope, same};
use crate::sops::metadata::CONFLICT_FIELD;
use crate::sops::missing_block;
use crate::sops::scalar::Value;
use crate::sops::selector::Selector;
use crate::sops::store::{Change, apply};
use crate::sops::way::{Visit, Way, visit};
use crate::sops::write_error::WriteError;
use crate::span::{Source, Span};

impl Sealed {
    /// The format of the file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Decrypts another version of the file with the data key of this one, whoever its recipients are.
    pub fn open_other(&self, name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        match Closed::read(name, bytes, self.format)? {
            Some(closed) => closed.open_with(self.unlocked.again()),
            None => Err(missing_block(Source::new(name, "").place(Span::default()))),
        }
    }

    /// The file as it stands on disk, opened once more.
    pub fn reopened(&self) -> Result<Self, Error> {
        let text = self.source.text().as_bytes().to_vec();
        self.open_other(self.source.name(), text)
    }

    /// Whether both files have one data key.
    pub fn shares_key(&self, other: &Self) -> bool {
        same(self.key.bytes(), other.key.bytes())
    }

    /// Keeps the ciphertexts of another version too, for values that are the same there. Those of
    /// another data key are none here.
    pub fn adopt(&mut self, other: &Self) {
        if self.shares_key(other) {
            self.stash.adopt(&other.stash);
        }
    }

    /// Puts the recipients into the metadata, each with his copy of this file's data key.
    pub fn put_groups(&mut self, groups: &[KeyGroup], threshold: Option<usize>) -> Result<(), WriteError> {
        let mut groups = groups.to_vec();
        for entry in groups.iter_mut().flat_map(|group| &mut group.age) {
            entry.wrapped.text = format!("{}\n", entry.wrapped.text.trim_end());
        }
        let new = recipient_fields(&groups, threshold);
        self.edit_blocks(|fields| {
            for name in SERVICES.into_iter().chain(["age", "key_groups", "shamir_threshold"]) {
                // an empty list of an old file means nothing, and stays
                if !new.contains_key(name) && fields.get(name).is_some_and(|value| !is_empty(value)) {
                    fields.remove(name);
                }
            }
            for (key, value) in &new {
                fields.put(&key.text, Tree::of_node(value));
            }
        })?;
        (self.metadata.groups, self.metadata.threshold) = (groups, threshold);
        Ok(())
    }

    /// Puts the rule into the metadata by which values are encrypted and counted.
    pub fn put_rule(&mut self, selector: &Selector, scope: MacScope) -> Result<(), WriteError> {
        let old = self.metadata.selector.field();
        self.edit_blocks(|fields| {
            for name in [old, "mac_only_encrypted"] {
                fields.remove(name);
            }
            fields.put(selector.field(), Tree::text(selector.argument()));
            if scope == MacScope::Encrypted {
                fields.put("mac_only_encrypted", Tree::of(Value::Bool(true)));
            }
        })?;
        self.metadata.selector = selector.clone();
        self.metadata.mac_scope = scope;
        Ok(())
    }

    /// Says in the metadata whether a value still holds both sides of a merge, for those who have no key.
    pub(in crate::sops) fn mark_conflicts(&mut self) -> Result<(), WriteError> {
        let mut search = Search { was_marked: self.metadata.has_conflict(), is_found: false };
        visit(&mut self.document, &Selector::default(), &mut search);
        if search.is_found == self.metadata.has_conflict() {
            return Ok(());
        }
        self.edit_blocks(|fields| {
            fields.remove(CONFLICT_FIELD);
            if search.is_found {
                fields.put(CONFLICT_FIELD, Tree::text("unresolved"));
            }
        })
    }

    /// Writes the metadata anew in every document.
    fn edit_blocks(&mut self, edit: impl Fn(&mut Map)) -> Result<(), WriteError> {
        let is_binary = self.format == Format::Binary;
        let text = if is_binary { self.source.text() } else { &self.text };
        let parsed = if is_binary { self.read(text)? } else { self.parsed()? };
        let changes = parsed.blocks.iter().flatten().map(|block| {
            let mut fields = Map::default();
            for (key, value) in block.fields.values() {
                fields.put(&key.text, value.clone());
            }
            edit(&mut fields);
            let (before, after) = (text.get(..block.whole.start), text.get(block.whole.end..));
            let rest = format!("{}{}", before.unwrap_or_default(), after.unwrap_or_default());
            let indent = of_block(self.format, text.get(block.whole.clone()).unwrap_or_default());
            Change::new(block.whole.clone(), self.format.block(&fields, &rest, block.whole.start, indent))
        });
        let edited = apply(text, changes.collect());
        self.remember();
        if is_binary {
            self.source = Source::new(self.source.name(), edited.as_str());
            // there is no text here that could tell that something changed
            self.first = Some(<_>::default());
        } else {
            self.text = edited;
        }
        Ok(())
    }
}

/// Whether a value is a conflict, or what is left of one in a file that had one.
struct Search {
    was_marked: bool,
    is_found: bool,
}

impl Visit for Search {
    fn comment(&mut self, _: &mut Comment, _: &Way<'_>) {}

    fn leaf(&mut self, leaf: &mut Leaf, _: &Way<'_>) -> Option<Comment> {
        if let Value::Text(text) = &leaf.value {
            self.is_found |= is_conflict(text) || self.was_marked && has_mark(text);
        }
        None
    }
}

fn is_empty(value: &Tree) -> bool {
    match value {
        Tree::Leaf(leaf) => matches!(leaf.value, Value::Null),
        Tree::List(list) => list.items.is_empty(),
        Tree::Map(map) => map.items.is_empty(),
    }
}
