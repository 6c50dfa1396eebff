//! Rejects ciphertext in the output of an app: in every value and in every other object.

use super::ManifestDocument;
use super::context::ResolveContext;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Tree, TreeKind};
use crate::sops::{ciphertext_as_value, holds_ciphertext};
use crate::yaml::node::Scalar;

impl ResolveContext {
    /// Reports each text of an object that contains ciphertext. Values that were not decrypted are unknown and are
    /// skipped.
    pub(super) fn refuse_ciphertext(&self, manifest: &ManifestDocument) {
        self.refuse_below(&manifest.tree, "");
    }

    fn refuse_below(&self, tree: &Tree, path: &str) {
        match &tree.kind {
            TreeKind::Leaf(scalar) => {
                if let Some(error) = binary_error(path, tree, scalar) {
                    self.report(error);
                }
                if !scalar.locked && holds_ciphertext(scalar.text().as_bytes()) {
                    self.report(ciphertext_as_value(&format!("`{path}` of an object")).at_masked(tree.place.clone()));
                }
            }
            TreeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.refuse_below(item, &format!("{path}[{index}]"));
                }
            }
            TreeKind::Map(map) => {
                for (key, value) in map {
                    if holds_ciphertext(key.as_bytes()) {
                        let what = format!("a key below `{path}` of an object");
                        self.report(ciphertext_as_value(&what).at_masked(value.place.clone()));
                        continue;
                    }
                    self.refuse_below(value, &crate::layer::tree::join_path(path, key));
                }
            }
        }
    }
}

/// Errors for `!!binary` in an object that Septum writes anew.
pub fn find_binary(object: &Tree) -> Diagnostics {
    let mut found = Diagnostics::new();
    object.leaves("", &mut |path, leaf, scalar| found.extend(binary_error(path, leaf, scalar)));
    found
}

/// Error for `!!binary`, which kubectl decodes, so that the object contains the bytes instead of their base64.
fn binary_error(path: &str, tree: &Tree, scalar: &Scalar) -> Option<Diagnostic> {
    (scalar.tag_name() == Some("binary")).then(|| binary_in_object(path).at_masked(tree.place.clone()))
}

fn binary_in_object(path: &str) -> Diagnostic {
    Diagnostic::error(Rule::InvalidManifest, format!("`{path}` of an object has the tag `!!binary`"))
        .note("kubectl would decode it, but no field of an object accepts bytes")
        .hint("remove the tag: `data` of a Secret and `binaryData` of a ConfigMap already contain base64")
}
