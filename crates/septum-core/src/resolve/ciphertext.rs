//! Rejects what no object can contain: ciphertext in any value, bytes, and numbers that JSON does not have.

use super::ManifestDocument;
use super::context::ResolveContext;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Tree, TreeKind};
use crate::sops::{ciphertext_as_value, holds_ciphertext};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::{CoreType, core_type};

impl ResolveContext {
    /// Reports each text of an object that contains ciphertext. Values that were not decrypted are unknown and are
    /// skipped.
    pub(super) fn refuse_ciphertext(&self, manifest: &ManifestDocument) {
        self.refuse_below(&manifest.tree, "");
    }

    fn refuse_below(&self, tree: &Tree, path: &str) {
        match &tree.kind {
            TreeKind::Leaf(scalar) => {
                if let Some(error) = value_error(path, tree, scalar) {
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

/// Errors for values that no object can contain, in one that Septum writes anew.
pub fn find_impossible_values(object: &Tree) -> Diagnostics {
    let mut found = Diagnostics::new();
    object.leaves("", &mut |path, leaf, scalar| found.extend(value_error(path, leaf, scalar)));
    found
}

/// Error for `!!binary`, which kubectl decodes, so that the object contains the bytes instead of their base64, and for
/// `.nan` and `.inf`, which it refuses.
fn value_error(path: &str, tree: &Tree, scalar: &Scalar) -> Option<Diagnostic> {
    let error = if scalar.tag_name() == Some("binary") {
        binary_in_object(path)
    } else if core_type(scalar) == CoreType::Float && !scalar.text().bytes().any(|byte| byte.is_ascii_digit()) {
        no_finite_number(path)
    } else {
        return None;
    };
    Some(error.at_masked(tree.place.clone()))
}

fn no_finite_number(path: &str) -> Diagnostic {
    Diagnostic::error(Rule::InvalidManifest, format!("`{path}` of an object is not a finite number"))
        .note("objects are JSON, which has neither `.nan` nor `.inf`, and kubectl refuses them")
        .hint("quote it if it is a text")
}

fn binary_in_object(path: &str) -> Diagnostic {
    Diagnostic::error(Rule::InvalidManifest, format!("`{path}` of an object has the tag `!!binary`"))
        .note("kubectl would decode it, but no field of an object accepts bytes")
        .hint("remove the tag: `data` of a Secret and `binaryData` of a ConfigMap already contain base64")
}
