//! `<<` in objects that a ResourceSet of the Flux Operator has as its template.
//!
//! A ResourceSet reads `<< inputs.name >>` in its `resourcesTemplate` as expressions of Go templates. A text of an
//! object that contains `<<`, such as a here-document, is read as one too: the ResourceSet fails, or applies another text.

use crate::deliver::{Delivered, DeliveredForm};
use crate::diagnostic::{Diagnostic, Rule};
use crate::name::EntryId;
use crate::object::{Object, ObjectKind, RenderedObject};
use crate::resolve::ResolvedTarget;
use crate::span::Location;

/// Beginning of an expression.
const OPEN: &str = "<<";

/// Expressions that print the beginning of one.
const ESCAPED: [&str; 2] = ["<< \"<<\" >>", "<< `<<` >>"];

/// Texts in these objects that a ResourceSet would take for an expression, if `delivery.flux` makes them a template.
pub(in crate::check) fn find_template_marks(resolved: &ResolvedTarget, objects: &[Delivered]) -> Vec<Diagnostic> {
    let Some(setting) = resolved.definition.delivery.flux.template() else { return Vec::new() };
    let mut found = Vec::new();
    for object in objects {
        // in base64 and in ciphertext, `<` is nowhere; the metadata of bundles is checked with the layers' texts
        let DeliveredForm::Plain(object) = &object.form else { continue };
        match &**object {
            RenderedObject::Bundle(object) if object.kind == ObjectKind::ConfigMap => {
                find_in_bundle(resolved, object, setting, &mut found);
            }
            RenderedObject::Bundle(_) => {}
            RenderedObject::Manifest(manifest, _) => manifest.tree.leaves("", &mut |path, leaf, scalar| {
                if has_mark(scalar.text()) {
                    let what = format!("`{path}` of {}", manifest.label());
                    found.push(mark_finding(&what, leaf.place.clone(), setting));
                }
            }),
        }
    }
    let texts = resolved.definition.annotations.iter();
    let of_bundles = resolved.definition.bundles.values().flat_map(|bundle| bundle.annotations.iter());
    for (key, text) in texts.chain(of_bundles).filter(|(_, text)| has_mark(&text.value)) {
        found.push(mark_finding(&format!("the annotation `{key}`"), text.place.clone(), setting));
    }
    found
}

fn find_in_bundle(resolved: &ResolvedTarget, object: &Object, setting: &Location, found: &mut Vec<Diagnostic>) {
    for (key, value) in &object.data {
        let id = EntryId { bundle: object.base_name.as_str().into(), key: key.as_str().into() };
        if let (Some(true), Some(entry)) = (value.text().map(has_mark), resolved.definition.entry(&id)) {
            let what = format!("`{}`", resolved.definition.label(&id));
            found.push(mark_finding(&what, entry.place().clone(), setting));
        }
    }
}

fn mark_finding(what: &str, place: Location, setting: &Location) -> Diagnostic {
    let message = format!("{what} contains `{OPEN}`, which begins an expression of a ResourceSet");
    Diagnostic::warning(Rule::ResourceSetTemplate, message)
        .at_masked(place)
        .at_with(setting.clone(), "its template")
        .hint(format!("write `{}` for each, or keep these objects out of the template", ESCAPED[0]))
}

/// Whether a text contains the beginning of an expression that is not escaped.
fn has_mark(text: &str) -> bool {
    text.contains(OPEN)
        && ESCAPED.iter().fold(text.to_owned(), |text, escaped| text.replace(escaped, "")).contains(OPEN)
}

#[cfg(test)]
mod tests {
    use super::has_mark;

    #[test]
    fn an_escaped_mark_is_none() {
        for (text, expected) in [
            ("cat << EOF", true),
            ("cat <<EOF", true),
            ("a < b", false),
            ("cat << \"<<\" >> EOF", false),
            ("cat << `<<` >>EOF", false),
            ("<< \"<<\" >> and <<", true),
        ] {
            assert_eq!(has_mark(text), expected, "{text}");
        }
    }
}
