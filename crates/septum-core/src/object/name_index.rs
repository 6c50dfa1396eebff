//! Objects of a target by name.

use super::{Object, ObjectKind};
use crate::map::HashMap;
use crate::test_hook::count_work;

/// Objects of bundles by their kind and the name of the bundle.
pub(super) struct ObjectsByName<'a>(HashMap<(ObjectKind, &'a str), &'a Object>);

impl<'a> ObjectsByName<'a> {
    /// Index of some objects.
    pub(super) fn of(objects: &'a [Object]) -> Self {
        Self(objects.iter().map(|object| ((object.kind, object.base_name.as_str()), object)).collect())
    }

    /// Object of a kind, as manifests name it.
    pub(super) fn get(&self, kind: &str, name: &str) -> Option<&'a Object> {
        count_work(1);
        let kind = [ObjectKind::ConfigMap, ObjectKind::Secret].into_iter().find(|known| known.as_str() == kind)?;
        self.0.get(&(kind, name)).copied()
    }
}
