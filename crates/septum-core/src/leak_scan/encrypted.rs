//! Values of Secrets that are encrypted in manifests and in patches of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::layer::tree::join_path;
use crate::layer::{Tree, TreeKind};
use crate::map::HashSet;
use crate::resolve::ManifestDocument;
use crate::secret::Wiping;
use crate::span::Location;

/// Value of a Secret, decrypted.
pub(super) struct DecryptedValue {
    /// Field and key: `stringData.PASSWORD`.
    pub(super) label: String,
    pub(super) key: String,
    pub(super) bytes: Wiping<Vec<u8>>,
    pub(super) place: Location,
}

/// Fields of a Secret with its values.
const FIELDS: [&str; 2] = ["data", "stringData"];

/// Values of a document that are encrypted in its file. The rest of a Secret, such as its name, is public even if all of
/// its file is encrypted.
pub(super) fn decrypted_values(document: &ManifestDocument) -> Vec<DecryptedValue> {
    let encrypted = document.parts.iter().filter(|part| part.lineage.encrypted);
    let paths = encrypted.map(|part| part.path.as_str()).collect();
    let mut walk = EncryptedWalk { paths, found: Vec::new() };
    match &document.tree.kind {
        TreeKind::List(operations) => walk.operations(operations),
        TreeKind::Map(_) | TreeKind::Leaf(_) => walk.object(&document.tree, ""),
    }
    walk.found
}

struct EncryptedWalk<'d> {
    /// Paths of the values that are encrypted, or rendered from what is.
    paths: HashSet<&'d str>,
    found: Vec<DecryptedValue>,
}

impl EncryptedWalk<'_> {
    /// An object, or a list of objects.
    fn object(&mut self, object: &Tree, path: &str) {
        for field in FIELDS {
            if let Some(values) = object.get(field) {
                self.values(values, &join_path(path, field), field);
            }
        }
        let items = object.get("items").and_then(Tree::as_list).unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            self.object(item, &format!("{}[{index}]", join_path(path, "items")));
        }
    }

    /// Operations of a JSON6902 patch.
    fn operations(&mut self, operations: &[Tree]) {
        for (index, operation) in operations.iter().enumerate() {
            let pointer = operation.get("path").and_then(Tree::as_text).and_then(|path| path.strip_prefix('/'));
            let (Some(pointer), Some(value)) = (pointer, operation.get("value")) else { continue };
            let path = format!("[{index}].value");
            let (field, key) = pointer.split_once('/').map_or((pointer, None), |(field, key)| (field, Some(key)));
            match key {
                _ if !FIELDS.contains(&field) => {}
                Some(key) => self.value(value, &path, field, key),
                None => self.values(value, &path, field),
            }
        }
    }

    fn values(&mut self, values: &Tree, path: &str, field: &str) {
        for (key, value) in values.as_map().into_iter().flatten() {
            self.value(value, &join_path(path, key), field, key);
        }
    }

    /// A value; one of `data` is in base64.
    fn value(&mut self, value: &Tree, path: &str, field: &str, key: &str) {
        let Some(text) = value.as_text().filter(|_| self.paths.contains(path)) else { return };
        let packed: String = text.split_whitespace().collect();
        let decoded = if field == "data" { STANDARD.decode(packed).ok() } else { None };
        let bytes = Wiping::new(decoded.unwrap_or_else(|| text.as_bytes().to_vec()));
        let (label, key) = (join_path(field, key), key.to_owned());
        self.found.push(DecryptedValue { label, key, bytes, place: value.place.clone() });
    }
}
