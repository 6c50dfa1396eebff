//! Reading of mappings with known fields: unknown ones are errors that suggest the nearest name.

use super::foreign_field::entry_field_hint;
use super::misread;
use super::unexpected::{known_cause, unexpected_value};
use super::words::LayerWord;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::span::{Located, Location, Source};
use crate::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, is_gap};

/// Owner of a layer's fields, as messages name it.
pub(super) const LAYER: &str = "a layer";
/// Prefix of the owner of an entry's fields, as messages name it.
pub(super) const ENTRY: &str = "the entry";

/// Mapping whose fields are taken out one by one.
pub(super) struct LayerFields<'a> {
    map: Mapping,
    source: &'a Source,
    /// Whether a field is missing, or has no value, because it is not valid YAML.
    is_partial: bool,
}

impl<'a> LayerFields<'a> {
    /// Wraps the fields of `map`. Fields that are not in `known` are reported (`of` names the owner) and dropped.
    pub(super) fn new(
        mut map: Mapping,
        known: &[&str],
        of: &str,
        source: &'a Source,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut is_partial = false;
        map.retain(|key, node| {
            is_partial |= node.is_broken();
            if is_gap(key, node) {
                return false;
            }
            let is_known = known.contains(&key.text.as_str());
            if !is_known {
                problems
                    .push(misread::unusual_blank(key, source).unwrap_or_else(|| foreign(key, node, known, of, source)));
            } else if is_encrypted(node) && key.text != "value" {
                problems.push(encrypted_field_error(&key.text, source.place(key.span)));
                return false;
            }
            is_known
        });
        Self { map, source, is_partial }
    }

    /// Whether a field is missing, or has no value, because it is not valid YAML.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// The error that a field is missing, which may follow from one that is not valid YAML.
    pub(super) fn missing_field(&self, error: Diagnostic) -> Diagnostic {
        error.with_cause(known_cause(self.is_partial))
    }

    /// Takes a field, if present.
    pub(super) fn take(&mut self, name: &str) -> Option<(Location, YamlNode)> {
        let (key, node) = self.map.shift_remove_entry(name)?;
        Some((self.source.place(key.span), node))
    }

    /// Takes a field that contains a text.
    pub(super) fn text(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<String>> {
        let (key, node) = self.take(name)?;
        problems.take(read_text(&node, name, &key, self.source))
    }

    /// Takes a field that contains a reason: a text for later readers, so a blank one is an error.
    pub(super) fn reason(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<String>> {
        let found = self.text(name, problems)?;
        if !found.value.trim().is_empty() {
            return Some(found);
        }
        problems.push(
            Diagnostic::error(Rule::InvalidField, format!("expected a text for `{name}`, found a blank one"))
                .at_masked(found.place)
                .hint("say why: later readers decide by it whether the exception is still needed"),
        );
        None
    }

    /// Takes a field that contains a text, or null to reset the value of an earlier layer.
    pub(super) fn text_or_null(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<Option<String>>> {
        let (key, node) = self.take(name)?;
        if node.as_scalar().is_some_and(Scalar::is_null) {
            return Some(Located { value: None, place: key });
        }
        let found = problems.take(read_text(&node, name, &key, self.source))?;
        Some(Located { value: Some(found.value), place: found.place })
    }

    /// Takes a field that contains `true` or `false`.
    pub(super) fn boolean(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Located<bool>> {
        let (key, node) = self.take(name)?;
        let value = match node.as_scalar().map(Scalar::text) {
            Some("true") => true,
            Some("false") => false,
            other => {
                let is =
                    |words: &[&str]| other.is_some_and(|word| words.iter().any(|it| word.eq_ignore_ascii_case(it)));
                let meant = match () {
                    () if is(&["true", "yes", "y", "on", "1"]) => Some("write `true`, the only form in YAML 1.2"),
                    () if is(&["false", "no", "n", "off", "0"]) => Some("write `false`, the only form in YAML 1.2"),
                    () => None,
                };
                let problem = unexpected_value(name, "`true` or `false`", &node, &key, self.source);
                problems.push(problem.maybe_hint(meant.map(str::to_owned)));
                return None;
            }
        };
        Some(Located { value, place: self.source.place(node.span) })
    }

    /// Takes a field that contains one of a set of words; messages put `prefix` before its name.
    pub(super) fn word<T: LayerWord>(
        &mut self,
        name: &str,
        prefix: &str,
        problems: &mut Diagnostics,
    ) -> Option<Located<T>> {
        let (key, node) = self.take(name)?;
        let found = node.as_scalar().map(Scalar::text).unwrap_or_default();
        if let Some(value) = T::from_word(found) {
            return Some(Located { value, place: self.source.place(node.span) });
        }
        let words = T::words();
        let (last, first) = words.split_last().unwrap_or((&"", &[]));
        let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
        let expected = format!("{} or `{last}`", first.join(", "));
        let error = unexpected_value(&format!("{prefix}{name}"), expected, &node, &key, self.source);
        problems.push(error.maybe_hint(did_you_mean(found, words.iter().copied())));
        None
    }

    /// Takes a field that contains a mapping.
    pub(super) fn map(&mut self, name: &str, problems: &mut Diagnostics) -> Option<(Location, Mapping)> {
        let (key, node) = self.take(name)?;
        if let YamlKind::Map(map) = node.kind {
            return Some((key, map));
        }
        let is_list = name == "data" && matches!(node.kind, YamlKind::List(_));
        problems.push(match misread::unspaced_colon(&node, self.source) {
            Some(problem) => problem,
            None if is_list => misread::entries_as_list(name, &node, &key, self.source),
            None => {
                let form = match name {
                    "images" => Some("by name: `images: { nginx: { newTag: \"1.27\" } }`"),
                    "replicas" => Some("by name: `replicas: { web: 3 }`"),
                    _ => None,
                };
                unexpected_value(name, "a mapping", &node, &key, self.source)
                    .maybe_hint(form.map(|form| format!("write them {form}")))
            }
        });
        None
    }

    /// Takes a field that contains a list.
    pub(super) fn list(&mut self, name: &str, problems: &mut Diagnostics) -> Option<(Location, Vec<YamlNode>)> {
        let (key, node) = self.take(name)?;
        if let YamlKind::List(items) = node.kind {
            Some((key, items))
        } else {
            let error = unexpected_value(name, "a list", &node, &key, self.source);
            problems.push(if node.as_scalar().is_some() {
                error.hint(format!("write `{name}: [ … ]`"))
            } else {
                error
            });
            None
        }
    }

    /// Fields that were not taken, in file order.
    pub(super) fn into_rest(self) -> Mapping {
        self.map
    }
}

/// Whether a field's value, or an item of it, is a SOPS leaf, decrypted or not.
fn is_encrypted(node: &YamlNode) -> bool {
    match &node.kind {
        YamlKind::Scalar(scalar) => scalar.encrypted,
        YamlKind::List(items) => items.iter().any(is_encrypted),
        YamlKind::Map(_) => false,
    }
}

/// Error: an encrypted field that is read without a key and shown, either in objects, such as labels, or in messages,
/// such as rules.
pub(super) fn encrypted_field_error(name: &str, key: Location) -> Diagnostic {
    Diagnostic::error(Rule::EncryptedField, format!("`{name}` is encrypted, but only values may be encrypted"))
        .at(key)
        .note("it is read without a key and shown in plaintext")
        .hint("move it to a layer that is not encrypted, such as `prod.yaml` beside `prod.secrets.yaml`")
}

/// Reads a scalar text that is neither blank nor null.
pub(super) fn read_text(
    node: &YamlNode,
    name: &str,
    key: &Location,
    source: &Source,
) -> Result<Located<String>, Diagnostic> {
    match node.as_scalar() {
        Some(scalar) if !scalar.blank && !scalar.is_null() => {
            Ok(Located { value: scalar.text().to_owned(), place: source.place(node.span) })
        }
        _ => Err(unexpected_value(name, "a string", node, key, source)),
    }
}

/// Error: the mapping has no such field, with a hint at the probable meaning.
fn foreign(key: &YamlKey, node: &YamlNode, known: &[&str], of: &str, source: &Source) -> Diagnostic {
    let problem = unknown_field(key, known, of, source);
    if of == LAYER {
        return problem.maybe_hint(misread::foreign_field(key, node, known, source));
    }
    let meant = entry_field_hint(&key.text).filter(|_| of.starts_with(ENTRY));
    match meant {
        Some(meant) => Diagnostic { hints: Vec::new(), ..problem }.hint(meant),
        None => problem,
    }
}

/// Error: the mapping has no such field.
pub(super) fn unknown_field(key: &YamlKey, known: &[&str], of: &str, source: &Source) -> Diagnostic {
    // `PASSWORD: {x1}` is more likely a password that needs quotes than a mapping with a field `x1`
    if !source.text().get(key.span.end..).is_some_and(|rest| rest.trim_start().starts_with(':')) {
        return Diagnostic::error(
            Rule::UnknownField,
            format!("expected fields of {of} with their values, found a string"),
        )
        .at_masked(source.place(key.span))
        .hint("quote a value that starts with `{`");
    }
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    Diagnostic::error(Rule::UnknownField, format!("unknown field `{}` in {of}", key.text))
        .at(source.place(key.span))
        .note(format!("the fields are {}", names.join(", ")))
        .maybe_hint(did_you_mean(&key.text, known.iter().copied()))
}
