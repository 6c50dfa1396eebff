//! ConfigMaps and Secrets among the manifests, which people take for bundles.

use crate::diagnostic::{Diagnostic, Rule, shell_word};
use crate::layer::Tree;
use crate::resolve::ResolvedTarget;
use crate::span::Location;

/// Fields with the values of a ConfigMap or a Secret.
const VALUES: [&str; 2] = ["stringData", "data"];

/// Error: a name that should be that of a bundle is that of a ConfigMap or a Secret among the manifests; none if it is
/// not. `key` is what is wanted of it.
pub fn manifest_as_bundle(resolved: &ResolvedTarget, name: &str, key: Option<&str>) -> Option<Diagnostic> {
    let definition = &*resolved.definition;
    let is_named = |tree: &&Tree| {
        let text = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text);
        matches!(text(&["kind"]), Some("ConfigMap" | "Secret")) && text(&["metadata", "name"]) == Some(name)
    };
    let documents = resolved.manifests.iter().map(|document| &document.tree);
    let tree = documents.flat_map(|tree| super::list_items(tree).map_or(std::slice::from_ref(tree), |items| items));
    let tree = tree.into_iter().find(is_named)?;
    let kind = tree.get("kind").and_then(Tree::as_text).unwrap_or_default();
    let file = tree.place.source.name();
    let message = format!("`{name}` is a {kind} among the manifests of `{}`, not a bundle", definition.environment);
    let error = Diagnostic::error(Rule::UnknownBundle, message).at(start_of(tree));
    let word = shell_word(file);
    if !definition.seals().iter().any(|seal| seal.source.name() == file) {
        return Some(error.hint(format!("change it in `{file}`, or define a bundle for its values")));
    }
    // values under `data` are in base64
    let has_text = |key: &&str| tree.at(&[VALUES[0], *key]).is_some();
    let set =
        key.filter(has_text).map(|key| format!("run `septum set {word} {}`", shell_word(&format!("stringData.{key}"))));
    Some(error.maybe_hint(set).hint(format!("run `septum edit {word}` to change the encrypted file")))
}

/// Location of an object, which shows nothing of its values.
fn start_of(tree: &Tree) -> Location {
    tree.get("kind").map_or_else(|| tree.place.clone(), |kind| kind.place.clone())
}
