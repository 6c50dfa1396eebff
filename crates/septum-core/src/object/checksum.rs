//! Checksums of objects with plain names, for pods that are replaced when they change.
//!
//! The checksum of an object is the hash that `names: hashed` would add to its name: that of a Secret is keyed, so that
//! its values cannot be guessed from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hash::HashedContent;
use super::renamed::ref_kind;
use super::{Object, ObjectKind};
use crate::layer::{Definition, Tree, TreeKind};
use crate::manifest::{ChecksumIndex, ChecksumState, Manifest, ObjectChecksum};
use crate::resolve::ResolvedBytes;
use crate::visibility::Visibility;

/// Checksums of the objects of bundles and of manifests. A name with a hash changes with the values and has none.
pub(super) fn object_checksums(definition: &Definition, objects: &[&Object], manifests: &[Manifest]) -> ChecksumIndex {
    let is_plain = |object: &&&Object| object.is_named && object.name == definition.affixes.apply(&object.base_name);
    let of_objects = objects.iter().filter(is_plain).map(|object| ObjectChecksum {
        target: ref_kind(object.kind),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        state: object_state(object, definition),
    });
    let of_manifests = manifests.iter().filter_map(|manifest| {
        let kind = match (manifest.api_version.as_str(), manifest.kind.as_str()) {
            ("v1", "ConfigMap") => ObjectKind::ConfigMap,
            ("v1", "Secret") => ObjectKind::Secret,
            _ => return None,
        };
        Some(ObjectChecksum {
            target: ref_kind(kind),
            namespace: manifest.namespace.clone(),
            name: manifest.name.clone(),
            state: manifest_state(manifest, kind, definition),
        })
    });
    let mut index = ChecksumIndex::default();
    index.extend(of_objects.chain(of_manifests));
    index
}

fn object_state(object: &Object, definition: &Definition) -> ChecksumState {
    if !object.is_known() {
        let placeholder = object.fingerprint().map(|fingerprint| fingerprint.suffix());
        return placeholder.map_or(ChecksumState::Unknown, ChecksumState::Placeholder);
    }
    let (kind, secret_type) = (object.kind, object.secret_type.as_deref());
    known_state(&HashedContent { kind, secret_type, data: &object.data }, definition)
}

fn known_state(content: &HashedContent<'_>, definition: &Definition) -> ChecksumState {
    match (content.kind, definition.naming_key()) {
        (ObjectKind::ConfigMap, _) => ChecksumState::Known(content.suffix()),
        (ObjectKind::Secret, Some(key)) => ChecksumState::Known(content.keyed_suffix(key)),
        (ObjectKind::Secret, None) if definition.all_wrappings().next().is_none() => {
            ChecksumState::NoKey(definition.environment.clone())
        }
        // its values are in plaintext in a layer, and the key was not decrypted
        (ObjectKind::Secret, None) => ChecksumState::Placeholder(content.suffix()),
    }
}

/// Checksum of an object of a manifest: of the texts that it was written with.
fn manifest_state(manifest: &Manifest, kind: ObjectKind, definition: &Definition) -> ChecksumState {
    let mut data = BTreeMap::new();
    for field in ["binaryData", "data", "stringData"] {
        for (key, value) in manifest.tree.get(field).and_then(Tree::as_map).into_iter().flatten() {
            if let TreeKind::Leaf(scalar) = &value.kind {
                data.insert(format!("{field}/{key}"), ResolvedBytes::Written(Arc::clone(scalar)));
            }
        }
    }
    let secret_type = manifest.tree.get("type").and_then(Tree::as_text);
    let content = HashedContent { kind, secret_type, data: &data };
    match manifest.visibility {
        Visibility::Known => known_state(&content, definition),
        Visibility::Placeholder => ChecksumState::Placeholder(content.suffix()),
        Visibility::Unknown => ChecksumState::Unknown,
    }
}
