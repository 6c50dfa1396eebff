//! Detection of files of other programs by their content: a list of names is never complete.

use super::LAYER_FIELDS;
use crate::diagnostic::nearest_name;
use crate::span::Source;
use crate::yaml::node::{Mapping, YamlKind};
use crate::yaml::read;

/// Whether a mapping has fields, but none of a layer.
///
/// A mapping of scalars only, or of variables only, does not count: it may be a layer whose keys are not under `data`.
pub fn is_of_another_program(map: &Mapping) -> bool {
    let of_layer = |name: &str| LAYER_FIELDS.contains(&name);
    let is_variable = |name: &str| !name.chars().any(char::is_lowercase);
    let mut collections = map.iter().filter(|(_, node)| !matches!(node.kind, YamlKind::Scalar(_))).peekable();
    collections.peek().is_some()
        && !map.keys().any(|key| of_layer(&key.text))
        && !collections.any(|(key, _)| is_variable(&key.text) || nearest_name(&key.text, LAYER_FIELDS).is_some())
}

/// Whether the content of a file, YAML or JSON, is that of another program.
pub(super) fn is_content_of_another_program(file: &str, content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    match read::read_document(&Source::new(file, text)).map(|root| root.kind) {
        Ok(YamlKind::Map(map)) => {
            let is_object = map.contains_key("apiVersion") && map.contains_key("kind");
            is_object || is_of_another_program(&map)
        }
        Ok(YamlKind::List(_)) => true,
        Ok(YamlKind::Scalar(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_content_of_another_program;

    #[test]
    fn a_file_without_a_field_of_a_layer_is_of_another_program() {
        for text in [
            "lockfileVersion: '9.0'\nimporters: { .: {} }\n",
            "steps:\n  - name: build\n",
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { labels: {} }\n",
            "{ \"Logging\": { \"LogLevel\": { \"Default\": \"Information\" } } }",
            "pre-commit:\n  commands: {}\n",
            "site_name: x\nnav: [a]\n",
            "- a\n",
        ] {
            assert!(is_content_of_another_program("x.yaml", text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "a text",
            "data: { A: b }\n",
            "dta: { A: b }\n",
            "LOG_LEVEL: info\n",
            "LIMITS: { a: b }\n",
            "log_level: info\n",
            "server: { port: 1 }\nvars: {}\n",
            "a: [\n",
        ] {
            assert!(!is_content_of_another_program("x.yaml", text.as_bytes()), "{text}");
        }
    }
}
