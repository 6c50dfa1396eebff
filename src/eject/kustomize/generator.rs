//! Objects of bundles as generators of kustomize.

use std::collections::BTreeMap;

use crate::object::{Object, ObjectKind, RenderedObject};
use crate::resolve::ResolvedBytes;
use crate::sops::EncryptionPlan;
use crate::value::OutputValue;
use crate::yaml::kubectl::{JsonScalar, json_scalar};

/// Words that a reader of YAML 1.1 takes for booleans as keys.
const BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// Length of a suffix that is made of the values of an object.
const HASH_LENGTH: usize = 10;

/// Longest line of an env file: kustomize truncates the file at a longer one.
const LONGEST_LINE: usize = 60_000;

/// Generator of a ConfigMap or Secret.
pub(super) struct GeneratorDraft<'a> {
    pub(super) object: &'a Object,
    /// Encryption of the inputs of a Secret.
    pub(super) encryption: Option<&'a EncryptionPlan>,
    /// Whether kustomize appends its hash to the name.
    pub(super) has_hash: bool,
}

/// Form in which a generator reads a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputForm {
    /// In the kustomization itself, or on a line of an env file.
    Line,
    /// A file of its own.
    File,
}

/// Reason why an object is a resource with a fixed name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FixedReason {
    /// It is not of a bundle.
    Manifest,
    /// The suffix of its name depends on a key.
    KeyedName,
    /// Its name has the prefix or the suffix of the app.
    Affixes,
    /// kustomize cannot generate a key of it.
    Key,
}

impl<'a> GeneratorDraft<'a> {
    /// The generator of an object, if kustomize can generate it.
    pub(super) fn of(object: &'a RenderedObject, encryption: Option<&'a EncryptionPlan>) -> Result<Self, FixedReason> {
        let RenderedObject::Bundle(object) = object else { return Err(FixedReason::Manifest) };
        let has_hash = object.name != object.base_name;
        if has_hash && object.name != object.kustomize_name() {
            let rest = object.name.strip_prefix(object.base_name.as_str()).and_then(|rest| rest.strip_prefix('-'));
            let is_hash =
                |rest: &str| rest.len() == HASH_LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
            return Err(if rest.is_some_and(is_hash) { FixedReason::KeyedName } else { FixedReason::Affixes });
        }
        // a Secret without values is not encrypted, and has nothing that a generator needs
        if object.kind == ObjectKind::Secret && encryption.is_none() {
            return Err(FixedReason::Manifest);
        }
        if !object.data.keys().all(|key| is_text_key(key)) {
            return Err(FixedReason::Key);
        }
        Ok(Self { object, encryption, has_hash })
    }

    /// The fields of the generator besides its sources, and besides the namespace.
    pub(super) fn fields(&self, namespace: Option<&'a str>) -> Vec<(&'static str, OutputValue<'a>)> {
        let object = self.object;
        let mut fields = vec![("name", OutputValue::text(object.base_name.as_str()))];
        fields.extend(namespace.map(|namespace| ("namespace", OutputValue::text(namespace))));
        fields.extend(object.secret_type.as_deref().map(|text| ("type", OutputValue::text(text))));
        fields
    }

    /// `options` of the generator.
    pub(super) fn options(&self) -> Option<(&'static str, OutputValue<'a>)> {
        let texts = |texts: &'a BTreeMap<String, String>| {
            OutputValue::map(texts.iter().map(|(key, value)| (key.as_str(), OutputValue::text(value.as_str()))))
        };
        let object = self.object;
        let mut options = Vec::new();
        if !object.annotations.is_empty() {
            options.push(("annotations", texts(&object.annotations)));
        }
        if !self.has_hash {
            options.push(("disableNameSuffixHash", OutputValue::Bool(true)));
        }
        if object.immutable {
            options.push(("immutable", OutputValue::Bool(true)));
        }
        if !object.labels.is_empty() {
            options.push(("labels", texts(&object.labels)));
        }
        (!options.is_empty()).then(|| ("options", OutputValue::map(options)))
    }

    /// Whether another environment has the same generator, whatever its values.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (one, other_object) = (self.object, other.object);
        self.has_hash == other.has_hash
            && one.immutable == other_object.immutable
            && one.labels == other_object.labels
            && one.annotations == other_object.annotations
    }

    /// Form in which a value is written.
    pub(super) fn source_of(&self, key: &str, value: &ResolvedBytes) -> InputForm {
        let Some(text) = value.text() else { return InputForm::File };
        let fits = match self.object.kind {
            ObjectKind::ConfigMap => !text.contains(char::is_control),
            // what every reader of an env file takes for the same text
            ObjectKind::Secret => {
                let is_trimmed = text.trim() == text;
                let is_named = !key.starts_with("sops_") && !key.starts_with('.');
                is_trimmed && is_named && text.chars().all(|char| char.is_ascii_graphic() || char == ' ')
            }
        };
        if fits && text.len() <= LONGEST_LINE { InputForm::Line } else { InputForm::File }
    }
}

/// Literal of a generator. kustomize removes one pair of quotes, so a value with its own gets another.
pub(super) fn literal(key: &str, value: &str) -> String {
    let is_quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') { format!("{key}=\"{value}\"") } else { format!("{key}={value}") }
}

/// Whether kustomize reads a key as a text: it fails on others.
fn is_text_key(key: &str) -> bool {
    let begins = key.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_' || char == '.');
    let lower = key.to_ascii_lowercase();
    let is_number = lower.trim_start_matches('.').starts_with(|char: char| char.is_ascii_digit());
    let is_word = BOOLEANS.contains(&lower.as_str()) || matches!(lower.as_str(), ".inf" | ".nan");
    begins && !is_number && !is_word && matches!(json_scalar(key), JsonScalar::Text(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_kustomize_takes_for_other_values_are_no_texts() {
        for key in ["1", "1.5", "true", "null", "2024-01-01", "0x1", "on", "Y", ".5", ".inf", "-"] {
            assert!(!is_text_key(key), "{key}");
        }
        for key in ["A", "a.b", "_x", ".dockerconfigjson", "tls.crt", "e1"] {
            assert!(is_text_key(key), "{key}");
        }
    }

    #[test]
    fn quotes_of_a_literal_are_kept() {
        assert_eq!(literal("A", "\"q\""), "A=\"\"q\"\"");
        assert_eq!(literal("A", "'q'"), "A=\"'q'\"");
        assert_eq!(literal("A", "\""), "A=\"");
        assert_eq!(literal("A", "a=b"), "A=a=b");
    }
}
