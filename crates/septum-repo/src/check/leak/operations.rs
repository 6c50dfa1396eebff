//! Credentials in plaintext in the operations of JSON6902 patches, whose pointers name the values.

use super::CredentialSearch;
use super::manifests::{SECRET_FIELDS, SearchScope, SearchedManifest, entries_of};
use crate::layer::Tree;
use crate::layer::tree::join_path;
use crate::manifest::patch::pointer_keys;
use crate::map::HashSet;
use crate::resolve::ManifestDocument;

impl CredentialSearch<'_> {
    /// Searches what the operations of a patch add, as in the object that has it afterwards. `kind` is an expression for
    /// the kinds that the patch selects.
    pub(super) fn search_operations(&mut self, document: &ManifestDocument, operations: &[Tree], kind: Option<&str>) {
        // one that selects several kinds may select Secrets
        let kind = kind.filter(|kind| kind.bytes().all(|byte| byte.is_ascii_alphanumeric())).unwrap_or_default();
        let mut entries = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            if let Some(value) = operation.get("value") {
                let pointer = operation.get("path").and_then(Tree::as_text);
                entries.extend(self.search_added(document, &format!("[{index}].value"), value, (pointer, kind)));
            }
        }
        if kind == "Secret" {
            let scope = SearchScope { made: HashSet::default(), is_of_layer: true, is_patch: true };
            self.report_secret(&SearchedManifest { kind, name: "", root: "", scope: &scope }, entries);
        }
    }

    /// Searches a value at a place in the document of the patch. Returns the values of a Secret in it that are written, with
    /// their paths and keys.
    fn search_added<'t>(
        &mut self,
        document: &ManifestDocument,
        place: &str,
        value: &'t Tree,
        (pointer, kind): (Option<&str>, &str),
    ) -> Vec<(String, String, &'t Tree)> {
        let keys = pointer.and_then(pointer_keys);
        let path = keys.as_ref().map(|keys| keys.iter().fold(String::new(), |path, key| join_path(&path, key)));
        let path = path.unwrap_or_else(|| place.to_owned());
        let keys = keys.unwrap_or_default();
        let made = document.parts.iter().filter_map(|part| part.path.strip_prefix(place));
        let made: Vec<_> = made.map(|below| format!("{path}{below}")).collect();
        let made = made.iter().map(String::as_str).collect();
        let scope = SearchScope { made, is_of_layer: true, is_patch: true };
        if path.is_empty() {
            // another object in the place of the selected one
            self.search_manifest(value, "", &scope);
            self.search_secret(value, "", &scope);
            return Vec::new();
        }
        let object = SearchedManifest { kind, name: "", root: "", scope: &scope };
        let named = keys.last().filter(|_| object.names_value(&path)).map(String::as_str);
        self.search_object(&object, value, &path, named);
        let found = match keys.as_slice() {
            [field] if SECRET_FIELDS.contains(&field.as_str()) => entries_of(value, &path),
            [field, key] if SECRET_FIELDS.contains(&field.as_str()) => vec![(path, key.clone(), value)],
            _ => Vec::new(),
        };
        found.into_iter().filter(|(path, _, _)| !scope.made.contains(path.as_str())).collect()
    }
}
