//! Input from which the objects of a target are built.

use super::constraint::Constraints;
use super::{Object, ObjectKind};
use crate::layer::Definition;
use crate::manifest::references;
use crate::name::{BundleName, EntryId};
use crate::resolve::ResolvedTarget;
use crate::route::{Routing, Sensitivity};
use crate::time::Day;
use crate::visibility::OnMissingKey;

/// One app in one environment, ready to be built into objects.
#[derive(Clone, Copy)]
pub struct BuildInput<'a> {
    /// Resolved values.
    pub resolved: &'a ResolvedTarget,
    /// Routing decisions about them.
    pub routing: &'a Routing,
    /// All environments of the app, for rules that span all of them.
    pub siblings: &'a [ResolvedTarget],
    /// Checker of entry rules.
    pub constraints: &'a Constraints,
    /// Rules for fields in which objects name ConfigMaps and Secrets.
    pub references: &'a references::ReferenceRules,
    /// Date at which certificates must be valid; `None` if not checked.
    pub at: Option<Day>,
    /// Policy for objects with undecrypted values.
    pub on_missing_key: OnMissingKey<KnownNames<'a>>,
}

/// Function that supplies the names of objects, where these depend on undecrypted values.
pub type KnownNames<'a> = &'a dyn Fn(&Object) -> Option<String>;

/// Kind of object that an entry goes to.
pub(super) fn object_kind(routing: &Routing, id: &EntryId) -> ObjectKind {
    match routing.sensitivity(id) {
        Sensitivity::Plain => ObjectKind::ConfigMap,
        Sensitivity::Sensitive => ObjectKind::Secret,
    }
}

/// `type` of an object of a bundle, if it is a Secret.
pub(super) fn secret_type<'a>(definition: &'a Definition, bundle: &BundleName, kind: ObjectKind) -> Option<&'a str> {
    let declared = definition.bundles.get(bundle).and_then(|bundle| bundle.secret_type.as_ref());
    (kind == ObjectKind::Secret).then(|| declared.map_or("Opaque", |declared| declared.value.as_str()))
}
