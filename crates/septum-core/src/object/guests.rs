//! Objects of other programs that are wired to the bundles of apps: those on their way through kustomize, kpt or Helm.

use super::checksum::object_checksums;
use super::renamed::RenamedObjects;
use super::{ObjectIndex, RenderedObject, TargetObjects};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::manifest::references::{ReferenceRules, find_references};
use crate::manifest::{self, BundleObjectMap, ChecksumIndex, Manifest};
use crate::resolve::ResolvedTarget;
use crate::route::Routing;
use crate::visibility::Visibility;

/// Bundles of some apps in one environment, to which objects are wired.
#[derive(Debug)]
pub struct GuestWiring<'a> {
    rules: &'a ReferenceRules,
    bundles: BundleObjectMap,
    provided: Vec<ObjectIndex>,
    renamed: RenamedObjects,
    checksums: ChecksumIndex,
}

impl<'a> GuestWiring<'a> {
    /// Wiring to no bundle yet.
    pub fn new(rules: &'a ReferenceRules) -> Self {
        Self {
            rules,
            bundles: BundleObjectMap::default(),
            provided: Vec::new(),
            renamed: RenamedObjects::default(),
            checksums: ChecksumIndex::default(),
        }
    }

    /// Adds the bundles of an app with the objects built from them.
    pub fn add_target(&mut self, resolved: &ResolvedTarget, routing: &Routing, built: &TargetObjects) {
        let definition = &*resolved.definition;
        let provided = ObjectIndex::of(resolved, routing);
        self.bundles.absorb(provided.to_bundles(definition));
        self.provided.push(provided);
        let of_bundles = built.whole.iter().filter_map(|object| match object {
            RenderedObject::Bundle(object) => Some(object),
            RenderedObject::Manifest(..) => None,
        });
        let objects: Vec<_> = of_bundles.collect();
        self.renamed.add(objects.iter().copied(), &built.external);
        self.checksums.absorb(object_checksums(definition, &objects, &[]));
    }

    /// Applies the directives of an object, and gives the names of bundles in it the names of their objects.
    pub fn wire(&self, guest: &mut Manifest, problems: &mut Diagnostics) {
        manifest::wire_workload(guest, &self.bundles, problems);
        for provided in &self.provided {
            provided.rename_split_keys(&mut guest.tree, self.rules);
        }
        problems.extend(self.unnamed_reference(guest));
        self.renamed.rename_in(&mut guest.tree, self.rules, |_| true);
        manifest::reload(guest, self.rules, problems);
        if manifest::requests_checksums(guest) {
            manifest::add_checksums(guest, self.rules, &self.checksums, problems);
            if guest.visibility != Visibility::Known {
                let message = format!("a checksum of {} depends on values that cannot be decrypted", guest.label());
                problems.push(needs_key(message));
            }
        }
    }

    /// Error: an object is referred to whose name is not known without a key.
    fn unnamed_reference(&self, guest: &Manifest) -> Option<Diagnostic> {
        if !self.renamed.has_nameless() {
            return None;
        }
        let references = find_references(&guest.tree, self.rules);
        let found = references.iter().find(|reference| self.renamed.is_nameless(reference))?;
        let (kind, name) = (found.target.as_str(), &found.name.value);
        Some(needs_key(format!("the name of the {kind} `{name}` depends on values that cannot be decrypted")))
    }
}

fn needs_key(message: String) -> Diagnostic {
    Diagnostic::error(Rule::Unseen, message)
        .with_failure(FailureKind::Key)
        .hint("provide a key of the environment, or use `names: plain`")
}
