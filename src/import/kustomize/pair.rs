//! Rendered objects with those that kustomize built.

use serde_json::Value as Json;

use super::json::text_at;
use crate::map::HashMap;
use crate::sort::sort_by_key;

/// Written names by kind and name of the objects: for those of bundles, the name of the bundle.
pub(super) type BundleNames = HashMap<(String, String), String>;

/// Label of an object for people.
pub(super) fn object_label(object: &Json) -> String {
    let [_, kind, namespace, name] = identity(object);
    if namespace.is_empty() { format!("the {kind} `{name}`") } else { format!("the {kind} `{namespace}/{name}`") }
}

/// Identity of an object: API version, kind, namespace, name.
pub(super) fn identity(object: &Json) -> [&str; 4] {
    ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"].map(|path| text_at(object, path))
}

/// Pairs of what was rendered and built, what was only built, and what was only rendered.
pub(super) type PairedObjects<'a> = (Vec<(&'a Json, &'a Json)>, Vec<&'a Json>, Vec<&'a Json>);

/// Pairs objects by identity, and those that are left by kind and name; `renamed` gives the names that a rendered
/// object may have been built under.
pub(super) fn pair_objects<'a>(
    rendered: &'a [Json],
    built: &'a [Json],
    renamed: &dyn Fn(&str) -> Vec<String>,
) -> PairedObjects<'a> {
    let mut left: HashMap<[&str; 4], &Json> = rendered.iter().map(|object| (identity(object), object)).collect();
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    for object in built {
        match left.remove(&identity(object)) {
            Some(found) => pairs.push((found, object)),
            None => missing.push(object),
        }
    }
    let mut by_name: HashMap<(&str, &str), Vec<&Json>> = HashMap::default();
    for object in left.values() {
        let [_, kind, _, name] = identity(object);
        by_name.entry((kind, name)).or_default().push(object);
    }
    let mut still_missing = Vec::new();
    for object in missing {
        let [_, kind, _, name] = identity(object);
        match by_name.get_mut(&(kind, name)).and_then(|found| if found.len() == 1 { found.pop() } else { None }) {
            Some(found) => {
                left.remove(&identity(found));
                pairs.push((found, object));
            }
            None => still_missing.push(object),
        }
    }
    // kustomize gives a Namespace the name of the field `namespace`
    let is_namespace = |object: &&Json| identity(object)[1] == "Namespace";
    let old: Vec<_> = left.values().copied().filter(is_namespace).collect();
    let new: Vec<_> = still_missing.iter().copied().filter(is_namespace).collect();
    if let ([old], [new]) = (old.as_slice(), new.as_slice()) {
        left.remove(&identity(old));
        still_missing.retain(|object| !is_namespace(object));
        pairs.push((old, new));
    }
    pair_renamed(&mut left, &mut still_missing, &mut pairs, renamed);
    let mut extra: Vec<_> = left.into_values().collect();
    sort_by_key(&mut extra, |object| identity(object).map(str::to_owned));
    (pairs, still_missing, extra)
}

/// Pairs objects of one kind whose names differ by a prefix or a suffix, where only one fits.
fn pair_renamed<'a>(
    left: &mut HashMap<[&'a str; 4], &'a Json>,
    missing: &mut Vec<&'a Json>,
    pairs: &mut Vec<(&'a Json, &'a Json)>,
    renamed: &dyn Fn(&str) -> Vec<String>,
) {
    let mut candidates: HashMap<(&str, String), Vec<&Json>> = HashMap::default();
    for object in left.values() {
        let [_, kind, _, name] = identity(object);
        for name in renamed(name) {
            candidates.entry((kind, name)).or_default().push(object);
        }
    }
    missing.retain(|object| {
        let [_, kind, _, name] = identity(object);
        let Some([found]) = candidates.get(&(kind, name.to_owned())).map(Vec::as_slice) else { return true };
        if left.remove(&identity(found)).is_none() {
            return true;
        }
        pairs.push((found, object));
        false
    });
}
