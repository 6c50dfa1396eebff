//! What may hold a secret: what somebody said so of, with a reason.

use std::collections::HashSet;

use super::told::RULE;
use crate::layer::Tree;
use crate::manifest::Manifest;
use crate::name::EntryId;
use crate::resolve::{self, Lineage, Read, Resolved};
use crate::span::Place;

/// The keys of which findings are accepted.
pub(super) fn allowed_keys(resolved: &Resolved) -> HashSet<&str> {
    let allow = resolved.definition.allow.iter().filter(|allow| allow.rule.value == RULE);
    allow.map(|allow| allow.key.value.as_str()).collect()
}

/// What an entry may hold since `declassify` lifted it there, or in what the entry is made of.
pub(super) fn of_entry(resolved: &Resolved, id: &EntryId) -> HashSet<Read> {
    let mut lifted = Lifted::new(resolved);
    lifted.follow(&Read::Entry(id.clone()));
    lifted.found
}

/// The same for a text of a manifest.
pub(super) fn of_manifest(resolved: &Resolved, manifest: &Manifest, place: &Place) -> HashSet<Read> {
    let mut lifted = Lifted::new(resolved);
    for document in resolved.manifests.iter().filter(|document| holds(document, manifest)) {
        // the file as a whole is one template, or each text in it
        let parts = document.parts.iter().filter(|part| part.path.is_empty() || part.place == *place);
        parts.for_each(|part| lifted.lineage(&part.lineage));
    }
    lifted.found
}

/// Whether a document is an object, or a list with it.
fn holds(document: &resolve::Manifest, manifest: &Manifest) -> bool {
    let text = |tree: &Tree, keys: &[&str]| tree.at(keys).and_then(Tree::as_text).map(str::to_owned);
    let is_it = |tree: &Tree| {
        text(tree, &["kind"]).as_ref() == Some(&manifest.kind)
            && text(tree, &["metadata", "name"]).as_ref() == Some(&manifest.name)
    };
    let items = document.tree.get("items").and_then(Tree::as_list).unwrap_or_default();
    is_it(&document.tree) || items.iter().any(is_it)
}

struct Lifted<'r> {
    resolved: &'r Resolved,
    found: HashSet<Read>,
    seen: HashSet<Read>,
}

impl<'r> Lifted<'r> {
    fn new(resolved: &'r Resolved) -> Self {
        Self { resolved, found: HashSet::new(), seen: HashSet::new() }
    }

    fn lineage(&mut self, lineage: &Lineage) {
        lineage.declassified.iter().for_each(|declassified| self.lift(&declassified.read));
        lineage.reads.iter().for_each(|read| self.follow(read));
    }

    /// What something that is read may hold, that may be held where it is read.
    fn follow(&mut self, read: &Read) {
        if self.seen.insert(read.clone())
            && let Some(lineage) = lineage_of(self.resolved, read)
        {
            self.lineage(lineage);
        }
    }

    /// Something that was lifted, with all that it is made of.
    fn lift(&mut self, read: &Read) {
        if self.found.insert(read.clone())
            && let Some(Lineage { reads, declassified, .. }) = lineage_of(self.resolved, read)
        {
            reads
                .iter()
                .chain(declassified.iter().map(|declassified| &declassified.read))
                .for_each(|read| self.lift(read));
        }
    }
}

fn lineage_of<'r>(resolved: &'r Resolved, read: &Read) -> Option<&'r Lineage> {
    let value = match read {
        Read::Entry(id) => resolved.entries.get(id),
        Read::Variable(path) => resolved.variables.get(path),
    };
    value.map(|value| &value.lineage)
}
