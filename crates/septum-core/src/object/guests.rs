//! Objects of other programs that are wired to the bundles of apps: those on their way through kustomize, kpt or Helm.

use super::checksum::object_checksums;
use super::{ObjectIndex, ObjectKind, RenderedObject, TargetObjects};
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::manifest::references::{RefKind, ReferenceRules, find_references, rewrite_references};
use crate::manifest::{self, BundleObjectMap, Manifest, ObjectChecksum};
use crate::map::HashMap;
use crate::resolve::ResolvedTarget;
use crate::route::Routing;
use crate::visibility::Visibility;

/// Bundles of some apps in one environment, to which objects are wired.
#[derive(Debug)]
pub struct GuestWiring<'a> {
    rules: &'a ReferenceRules,
    bundles: BundleObjectMap,
    provided: Vec<ObjectIndex>,
    renamed: Vec<RenamedBundleObject>,
    /// Classes with other names than they have in `bundles`, which a driver mounts.
    renamed_classes: HashMap<String, String>,
    /// Kinds and bundles of objects whose names depend on values that were not decrypted.
    nameless: Vec<(RefKind, String)>,
    checksums: Vec<ObjectChecksum>,
}

/// Object with another name than its bundle.
#[derive(Debug)]
struct RenamedBundleObject {
    kind: RefKind,
    written: String,
    name: String,
}

impl<'a> GuestWiring<'a> {
    /// Wiring to no bundle yet.
    pub fn new(rules: &'a ReferenceRules) -> Self {
        Self {
            rules,
            bundles: BundleObjectMap::default(),
            provided: Vec::new(),
            renamed: Vec::new(),
            renamed_classes: HashMap::default(),
            nameless: Vec::new(),
            checksums: Vec::new(),
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
        for object in &objects {
            let kind = match object.kind {
                ObjectKind::ConfigMap => RefKind::ConfigMap,
                ObjectKind::Secret => RefKind::Secret,
            };
            if !object.is_named {
                self.nameless.push((kind, object.base_name.clone()));
            } else if object.name != object.base_name {
                let (written, name) = (object.base_name.clone(), object.name.clone());
                self.renamed.push(RenamedBundleObject { kind, written, name });
            }
        }
        let renamed = built.external.iter().filter(|part| part.written_name != part.name);
        let (stores, classes): (Vec<_>, Vec<_>) = renamed.partition(|part| part.makes_secret());
        self.renamed_classes.extend(classes.iter().map(|part| (part.written_name.clone(), part.name.clone())));
        self.renamed.extend(stores.iter().map(|part| RenamedBundleObject {
            kind: RefKind::Secret,
            written: part.written_name.clone(),
            name: part.name.clone(),
        }));
        self.checksums.extend(object_checksums(definition, &objects, &[]));
    }

    /// Applies the directives of an object, and gives the names of bundles in it the names of their objects.
    pub fn wire(&self, guest: &mut Manifest, problems: &mut Diagnostics) {
        manifest::wire_workload(guest, &self.bundles, problems);
        for provided in &self.provided {
            provided.rename_split_keys(&mut guest.tree, self.rules);
        }
        problems.extend(self.unnamed_reference(guest));
        if !self.renamed_classes.is_empty() {
            manifest::rename_classes(&mut guest.tree, &|name| self.renamed_classes.get(name).cloned());
        }
        if !self.renamed.is_empty() {
            rewrite_references(&mut guest.tree, self.rules, |reference| {
                let is_it = |renamed: &&RenamedBundleObject| {
                    (renamed.kind, &renamed.written) == (reference.target, &reference.name.value)
                };
                self.renamed.iter().find(is_it).map(|renamed| renamed.name.clone())
            });
        }
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
        if self.nameless.is_empty() {
            return None;
        }
        let references = find_references(&guest.tree, self.rules);
        let found = references.iter().find(|reference| {
            self.nameless.iter().any(|(kind, name)| (*kind, name) == (reference.target, &reference.name.value))
        })?;
        let (kind, name) = (found.target.as_str(), &found.name.value);
        Some(needs_key(format!("the name of the {kind} `{name}` depends on values that cannot be decrypted")))
    }
}

fn needs_key(message: String) -> Diagnostic {
    Diagnostic::error(Rule::Unseen, message)
        .with_failure(FailureKind::Key)
        .hint("provide a key of the environment, or use `names: plain`")
}
