//! Secrets that are accepted in output: declassified with a reason.

use crate::layer::Tree;
use crate::manifest::Manifest;
use crate::map::HashSet;
use crate::name::EntryId;
use crate::resolve::{self, Lineage, ResolvedTarget, TemplateRead};
use crate::span::Location;

/// Secrets that an entry may contain because `declassify` was applied in it, or in anything it is derived from.
pub(super) fn declassified_in_entry(resolved: &ResolvedTarget, id: &EntryId) -> HashSet<TemplateRead> {
    let mut lifted = DeclassifiedWalk::new(resolved);
    lifted.follow(&TemplateRead::Entry(id.clone()));
    lifted.found
}

/// Secrets that a text of a manifest may contain because of `declassify`.
pub(super) fn declassified_in_manifest(
    resolved: &ResolvedTarget,
    manifest: &Manifest,
    place: &Location,
) -> HashSet<TemplateRead> {
    let mut lifted = DeclassifiedWalk::new(resolved);
    for document in resolved.manifests.iter().filter(|document| holds_manifest(document, manifest)) {
        // the whole file is one template, or each text in it
        let parts = document.parts.iter().filter(|part| part.path.is_empty() || part.place == *place);
        parts.for_each(|part| lifted.lineage(&part.lineage));
    }
    for document in resolved.patches.iter().flat_map(|patch| &patch.documents) {
        document.parts.iter().filter(|part| part.place == *place).for_each(|part| lifted.lineage(&part.lineage));
    }
    lifted.found
}

/// Whether a document is an object, or a list that contains it.
fn holds_manifest(document: &resolve::ManifestDocument, manifest: &Manifest) -> bool {
    // by its place, since patches and a prefix may change the name
    let is_it = |tree: &Tree| tree.place == *manifest.place();
    let items = document.tree.get("items").and_then(Tree::as_list).unwrap_or_default();
    is_it(&document.tree) || items.iter().any(is_it)
}

struct DeclassifiedWalk<'r> {
    resolved: &'r ResolvedTarget,
    found: HashSet<TemplateRead>,
    visited: HashSet<TemplateRead>,
}

impl<'r> DeclassifiedWalk<'r> {
    fn new(resolved: &'r ResolvedTarget) -> Self {
        Self { resolved, found: HashSet::default(), visited: HashSet::default() }
    }

    fn lineage(&mut self, lineage: &Lineage) {
        lineage.declassified.iter().for_each(|declassified| self.declassify_read(&declassified.read));
        lineage.reads.iter().for_each(|read| self.follow(read));
    }

    /// Adds the secrets that a read value may contain; its reader may contain them too.
    fn follow(&mut self, read: &TemplateRead) {
        if self.visited.insert(read.clone())
            && let Some(lineage) = lineage_of(self.resolved, read)
        {
            self.lineage(lineage);
        }
    }

    /// Adds a declassified read, with everything it is derived from.
    fn declassify_read(&mut self, read: &TemplateRead) {
        if self.found.insert(read.clone())
            && let Some(Lineage { reads, declassified, .. }) = lineage_of(self.resolved, read)
        {
            reads
                .iter()
                .chain(declassified.iter().map(|declassified| &declassified.read))
                .for_each(|read| self.declassify_read(read));
        }
    }
}

fn lineage_of<'r>(resolved: &'r ResolvedTarget, read: &TemplateRead) -> Option<&'r Lineage> {
    let value = match read {
        TemplateRead::Entry(id) => resolved.entries.get(id),
        TemplateRead::Variable(path) => resolved.variables.get(path),
    };
    value.map(|value| &value.lineage)
}
