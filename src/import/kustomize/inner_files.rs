//! Names in a copied file below a prefix or a suffix that only some objects have.

use std::collections::BTreeMap;

use crate::layer::Tree;
use crate::manifest::references::{ReferenceRules, find_references};
use crate::manifest::{keeps_name, list_items};
use crate::span::Span;

/// Prefix and suffix.
pub(super) type Affixes = (String, String);

/// Text of a file with the affixes in the names of its objects, and in references to objects that `is_object` knows by kind
/// and name. Anything else, such as comments, is as it was.
pub(super) fn with_affixes(
    text: &str,
    documents: &[&Tree],
    (prefix, suffix): &Affixes,
    is_object: impl Fn(&str, &str) -> bool,
) -> String {
    let rules = ReferenceRules::with_user(&[]);
    let mut edits = BTreeMap::new();
    let mut rename = |span: Span, name: &str| {
        let written = text.get(span.start..span.end).unwrap_or_default();
        let quote = ["", "\"", "'"].into_iter().find(|quote| written == format!("{quote}{name}{quote}"));
        if let Some(quote) = quote {
            edits.insert(span.start, (span.end, format!("{quote}{prefix}{name}{suffix}{quote}")));
        }
    };
    for object in documents.iter().flat_map(|document| objects_of(document)) {
        let name = object.at(&["metadata", "name"]);
        let kind = object.at(&["kind"]).and_then(Tree::as_text).unwrap_or_default();
        if let Some((name, place)) = name.and_then(|name| Some((name.as_text()?, name.place.span)))
            && !keeps_name(kind)
        {
            rename(place, name);
        }
        for reference in find_references(object, &rules) {
            let name = &reference.name.value;
            if is_object(reference.target.as_str(), &format!("{prefix}{name}{suffix}")) {
                rename(reference.name.place.span, name);
            }
        }
    }
    let mut found = String::new();
    let mut at = 0;
    for (start, (end, name)) in edits {
        found.push_str(text.get(at..start).unwrap_or_default());
        found.push_str(&name);
        at = end;
    }
    found.push_str(text.get(at..).unwrap_or_default());
    found
}

/// The objects of a document: those of a list, or itself.
fn objects_of(document: &Tree) -> Vec<&Tree> {
    match list_items(document) {
        Some(items) => items.iter().flat_map(objects_of).collect(),
        None => vec![document],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Source;
    use crate::yaml::read::read_document;

    #[test]
    fn names_and_references_get_the_affixes_and_the_rest_stays() {
        let text = "# of web\napiVersion: v1\nkind: Pod\nmetadata: { name: 'web' } # web\nspec:\n  containers:\n  - name: \
                    web\n    envFrom: [{ configMapRef: { name: conf } }, { secretRef: { name: \"other\" } }]\n";
        let source = Source::new("web.yaml", text);
        let tree = Tree::from_node(read_document(&source).unwrap(), &source);
        let affixes = ("a-".to_owned(), "-z".to_owned());
        let found = with_affixes(text, &[&tree], &affixes, |kind, name| (kind, name) == ("ConfigMap", "a-conf-z"));
        let expected = text.replace("name: 'web'", "name: 'a-web-z'").replace("name: conf", "name: a-conf-z");
        assert_eq!(found, expected);
    }

    #[test]
    fn a_kind_with_a_fixed_name_keeps_it() {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: { name: web }\n";
        let source = Source::new("web.yaml", text);
        let tree = Tree::from_node(read_document(&source).unwrap(), &source);
        let affixes = ("a-".to_owned(), String::new());
        assert_eq!(with_affixes(text, &[&tree], &affixes, |_, _| true), text);
    }
}
