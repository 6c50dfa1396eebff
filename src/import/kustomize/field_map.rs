//! Typed access to the fields of a mapping in a kustomization; unknown ones are errors.

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::layer::Tree;
use crate::span::{Located, Location, Source};
use crate::yaml::node::{Mapping, YamlKind, YamlNode};

/// Text of a kustomization with its location.
pub(super) type Text = Located<String>;

/// Pairs of texts in their order.
pub(super) type TextPairs = Vec<(String, String)>;

/// Mapping whose fields are taken out one by one.
pub(super) struct FieldMap<'a> {
    map: Mapping,
    source: &'a Source,
    problems: &'a mut Diagnostics,
}

impl<'a> FieldMap<'a> {
    /// The fields of a node, which must be a mapping; `of` names their owner.
    pub(super) fn new(
        node: YamlNode,
        known: &[&str],
        of: &str,
        source: &'a Source,
        problems: &'a mut Diagnostics,
    ) -> Self {
        let mut map = match node.kind {
            YamlKind::Map(map) => map,
            YamlKind::Scalar(scalar) if scalar.blank || scalar.is_null() => Mapping::default(),
            YamlKind::Scalar(_) | YamlKind::List(_) => {
                problems.push(invalid(format!("expected a mapping for {of}"), source.place(node.span)));
                Mapping::default()
            }
        };
        map.retain(|key, _| {
            let is_known = known.contains(&key.text.as_str());
            if !is_known {
                problems.push(
                    Diagnostic::error(Rule::UnknownField, format!("unknown field `{}` in {of}", key.text))
                        .at(source.place(key.span))
                        .note("kustomize 5.8.1 has no such field")
                        .maybe_hint(did_you_mean(&key.text, known.iter().copied())),
                );
            }
            is_known
        });
        // kustomize reads an explicit null as a field that is missing
        map.retain(|_, node| !node.as_scalar().is_some_and(|scalar| scalar.blank || scalar.is_null()));
        Self { map, source, problems }
    }

    /// Whether a field has a value.
    pub(super) fn place_of(&self, name: &str) -> Option<Location> {
        self.map.get(name).map(|node| self.source.place(node.span))
    }

    /// Takes a field as it was written.
    pub(super) fn take(&mut self, name: &str) -> Option<YamlNode> {
        self.map.shift_remove(name)
    }

    /// Takes a field as a structure.
    pub(super) fn tree(&mut self, name: &str) -> Option<Tree> {
        self.take(name).map(|node| Tree::from_node(node, self.source))
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Option<Text> {
        let node = self.take(name)?;
        let place = self.source.place(node.span);
        match node.as_scalar() {
            Some(scalar) => Some(Located { value: scalar.text().to_owned(), place }),
            None => {
                self.problems.push(invalid(format!("expected a string for `{name}`"), place));
                None
            }
        }
    }

    /// Takes a truth value; missing means false.
    pub(super) fn boolean(&mut self, name: &str) -> bool {
        let Some(text) = self.text(name) else { return false };
        match text.value.as_str() {
            "true" | "True" | "TRUE" | "yes" | "on" => true,
            "false" | "False" | "FALSE" | "no" | "off" => false,
            _ => {
                self.problems.push(invalid(format!("expected `true` or `false` for `{name}`"), text.place));
                false
            }
        }
    }

    /// Takes the items of a list; a missing one is empty.
    pub(super) fn list(&mut self, name: &str) -> Vec<YamlNode> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let place = self.source.place(node.span);
        match node.kind {
            YamlKind::List(items) => items,
            YamlKind::Scalar(_) | YamlKind::Map(_) => {
                self.problems.push(invalid(format!("expected a list for `{name}`"), place));
                Vec::new()
            }
        }
    }

    /// Takes a list of texts.
    pub(super) fn texts(&mut self, name: &str) -> Vec<Text> {
        let mut found = Vec::new();
        for node in self.list(name) {
            let place = self.source.place(node.span);
            match node.as_scalar() {
                Some(scalar) if scalar.blank || scalar.is_null() => {}
                Some(scalar) => found.push(Located { value: scalar.text().to_owned(), place }),
                None => self.problems.push(invalid(format!("expected strings in `{name}`"), place)),
            }
        }
        found
    }

    /// Takes a mapping of texts.
    pub(super) fn pairs(&mut self, name: &str) -> TextPairs {
        let Some(node) = self.take(name) else { return Vec::new() };
        let place = self.source.place(node.span);
        let YamlKind::Map(map) = node.kind else {
            self.problems.push(invalid(format!("expected a mapping for `{name}`"), place));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (key, value) in map {
            match value.as_scalar() {
                Some(scalar) if scalar.blank || scalar.is_null() => found.push((key.text, String::new())),
                Some(scalar) => found.push((key.text, scalar.text().to_owned())),
                None => {
                    let place = self.source.place(value.span);
                    self.problems.push(invalid(format!("expected strings in `{name}`"), place));
                }
            }
        }
        found
    }
}

/// Error: a field of a kustomization has a value of the wrong kind.
pub(super) fn invalid(message: String, place: Location) -> Diagnostic {
    Diagnostic::error(Rule::Kustomization, message).at_masked(place)
}
