//! Size limits of objects.

use std::collections::BTreeMap;

use super::hash::UNESCAPED;
use super::{Object, ObjectKind};
use crate::char_search::find_char;
use crate::diagnostic::{Diagnostic, Rule};
use crate::span::Location;

/// Maximum total size in bytes of the decoded values of a ConfigMap or Secret; keys do not count (`MaxSecretSize`,
/// kubernetes/pkg/apis/core/validation).
pub(super) const MAX_DATA: usize = 1024 * 1024;

/// Maximum total size in bytes of an object's annotations, keys and values (`TotalAnnotationSizeLimitB`,
/// kubernetes/apimachinery/pkg/api/validation).
pub(super) const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Annotation to which a client-side `kubectl apply` adds the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Size that the API server counts.
pub(super) fn data_size(object: &Object) -> usize {
    object.data.values().map(|value| value.bytes().len()).sum()
}

/// Reports an object whose values are too large (`oversized-object`). `place` gives the location of a key's value.
pub(super) fn check_size(object: &Object, what: &str, place: impl Fn(&str) -> Option<Location>) -> Option<Diagnostic> {
    let size = data_size(object);
    // the length of a secret is not shown
    let shown = match object.kind {
        ObjectKind::ConfigMap => format!("{size} bytes of values"),
        ObjectKind::Secret => "too many bytes of values".to_owned(),
    };
    let diagnostic = if size > MAX_DATA {
        Diagnostic::error(
            Rule::OversizedObject,
            format!("{what} has {shown}, but Kubernetes allows at most {MAX_DATA}"),
        )
        .hint("keep large data in an image, a volume or an object store")
    } else if size_as_applied(object, longest_json) > MAX_ANNOTATIONS && applied_size(object) > MAX_ANNOTATIONS {
        let annotations = annotations_size(&object.annotations);
        if annotations > MAX_ANNOTATIONS {
            // an error of its own
            return None;
        }
        // they count twice: by themselves, and in the object
        let is_by_annotations = annotations > MAX_ANNOTATIONS / 2;
        let shown = if is_by_annotations { format!("{annotations} bytes of annotations") } else { shown };
        let warning = Diagnostic::warning(
            Rule::OversizedObject,
            format!("{what} has {shown}, which exceeds the limit of `kubectl apply`"),
        )
        .note("a client-side `kubectl apply` stores the whole object in an annotation, and all annotations together are limited to 256 KiB")
        .hint("apply it with `kubectl apply --server-side`");
        if is_by_annotations {
            return Some(warning);
        }
        warning
    } else {
        return None;
    };
    // nor which of several values is the longest
    let biggest = object.data.iter().max_by_key(|(_, value)| value.bytes().len());
    let biggest = biggest.filter(|_| object.kind == ObjectKind::ConfigMap || object.data.len() == 1);
    Some(match biggest.and_then(|(key, _)| place(key)) {
        Some(place) => diagnostic.at_masked(place),
        None => diagnostic,
    })
}

/// Total size of keys and values of annotations.
pub(super) fn annotations_size(annotations: &BTreeMap<String, String>) -> usize {
    annotations.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// Size of the annotations after a client-side `kubectl apply` adds the object to them: as JSON on one line, which is
/// longer than the values, by a third for a Secret.
pub(super) fn applied_size(object: &Object) -> usize {
    size_as_applied(object, json_length)
}

/// The same, with another measure of texts.
fn size_as_applied(object: &Object, json_length: fn(&str) -> usize) -> usize {
    // `{"apiVersion":"v1","data":{},"kind":"…","metadata":{"annotations":{},"labels":{},"name":…}}` and a newline
    let pair = |key: &str, value: usize| json_length(key) + value + 2;
    let texts = |texts: &BTreeMap<String, String>| -> usize {
        texts.iter().map(|(key, value)| pair(key, json_length(value))).sum()
    };
    let names = [Some(&object.name), object.namespace.as_ref(), object.secret_type.as_ref()];
    let names: usize = names.into_iter().flatten().map(|name| json_length(name) + 14).sum();
    let values: usize = object
        .data
        .iter()
        .map(|(key, value)| match (object.kind, value.text()) {
            (ObjectKind::ConfigMap, Some(text)) => pair(key, json_length(text)),
            _ => pair(key, value.bytes().len().div_ceil(3) * 4 + 2),
        })
        .sum();
    let frame = 90;
    let own = annotations_size(&object.annotations);
    own + LAST_APPLIED.len() + frame + names + texts(&object.labels) + texts(&object.annotations) + values
}

/// Length of a text as a JSON string, as Go writes it.
fn json_length(text: &str) -> usize {
    let (mut length, mut rest) = (2 + text.len(), text);
    while let Some((at, char)) = find_char(rest, &UNESCAPED, |char| escape_length(char) > 0) {
        length += escape_length(char) - char.len_utf8();
        rest = rest.get(at + char.len_utf8()..).unwrap_or_default();
    }
    length
}

/// Length that a text does not exceed as a JSON string: found without a search for characters that are escaped.
fn longest_json(text: &str) -> usize {
    2 + LONGEST_ESCAPE * text.len()
}

/// Length of `\u0000`.
const LONGEST_ESCAPE: usize = 6;

/// Length of the escape that Go writes for a character; none for most.
fn escape_length(char: char) -> usize {
    match char {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => LONGEST_ESCAPE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_as_long_as_its_characters_are_escaped(text in "[a-z\"\\\\<&\n\u{1}é\u{2028}😀]{0,80}") {
            let escaped = |char| if escape_length(char) > 0 { escape_length(char) } else { char.len_utf8() };
            prop_assert_eq!(json_length(&text), 2 + text.chars().map(escaped).sum::<usize>());
            prop_assert!(json_length(&text) <= longest_json(&text));
        }
    }
}
