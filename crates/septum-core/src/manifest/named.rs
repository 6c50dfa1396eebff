//! ConfigMaps and Secrets among the manifests, which people take for bundles.

use crate::diagnostic::{Diagnostic, Rule, shell_word};
use crate::layer::Tree;
use crate::resolve::ResolvedTarget;
use crate::span::Location;
use crate::value_path::ValuePath;

/// Field with the values of a Secret as texts.
const TEXTS: &str = "stringData";

/// Error: a name that should be that of a bundle is that of a ConfigMap or a Secret among the manifests; none if it is
/// not. `key` is what is wanted of it.
pub fn manifest_as_bundle(resolved: &ResolvedTarget, name: &str, key: Option<&str>) -> Option<Diagnostic> {
    let definition = &*resolved.definition;
    let is_named = |tree: &&Tree| {
        let text = |keys: &[&str]| tree.at(keys).and_then(Tree::as_text);
        matches!(text(&["kind"]), Some("ConfigMap" | "Secret")) && text(&["metadata", "name"]) == Some(name)
    };
    let (tree, path) = resolved
        .manifests
        .iter()
        .find_map(|document| find_object(&document.tree, &is_named, &mut ValuePath::default()))?;
    let kind = tree.get("kind").and_then(Tree::as_text).unwrap_or_default();
    let file = tree.place.source.name();
    let message = format!("`{name}` is a {kind} among the manifests of `{}`, not a bundle", definition.environment);
    let error = Diagnostic::error(Rule::UnknownBundle, message).at(start_of(tree));
    let word = shell_word(file);
    if !definition.seals().iter().any(|seal| seal.source.name() == file) {
        return Some(error.hint(format!("change it in `{file}`, or define a bundle for its values")));
    }
    // values under `data` are in base64, and a path does not say which of several documents is meant
    let of_file = resolved.manifests.iter().filter(|document| document.tree.place.source.name() == file);
    let is_single = of_file.count() == 1;
    let has_text = |key: &&str| is_single && tree.at(&[TEXTS, *key]).is_some();
    let set = key.filter(has_text).map(|key| {
        let mut path = path;
        path.enter_key(TEXTS);
        path.enter_key(key);
        format!("run `septum set {word} {}`", shell_word(&path.to_string()))
    });
    Some(error.maybe_hint(set).hint(format!("run `septum edit {word}` to change the encrypted file")))
}

/// An object of a document, or of a list in it, and its path. The depth of documents is bounded by their reader.
fn find_object<'t>(
    tree: &'t Tree,
    is_wanted: &dyn Fn(&&Tree) -> bool,
    path: &mut ValuePath,
) -> Option<(&'t Tree, ValuePath)> {
    let Some(items) = super::list_items(tree) else { return is_wanted(&tree).then(|| (tree, path.clone())) };
    path.enter_key("items");
    let found = items.iter().enumerate().find_map(|(index, item)| {
        path.enter_index(index);
        let found = find_object(item, is_wanted, path);
        path.leave_step();
        found
    });
    path.leave_step();
    found
}

/// Location of an object, which shows nothing of its values.
fn start_of(tree: &Tree) -> Location {
    tree.get("kind").map_or_else(|| tree.place.clone(), |kind| kind.place.clone())
}
