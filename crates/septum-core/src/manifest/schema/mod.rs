//! Types of the fields of Kubernetes objects: a text, a number or a truth value for the API server.
//!
//! A template result becomes `8080` where a field expects a number, and `"8080"` where it expects a text. A
//! hand-written value of another type is an error here, as it would be in the cluster.

mod api_version;
mod table;

use std::sync::Arc;

use super::Manifest;
use super::filled_in::is_filled_in_later;
use super::taint::TemplatedPart;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Tree, TreeKind};
use crate::yaml::kubectl::{JsonScalar, json_scalar, json_type};
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::scalar::{CoreType, core_type};

pub(super) use api_version::report_kind;
use table::FieldType;

/// Converts template results to the type of their field, and reports scalars of another type.
///
/// For an object of unknown kind, only its metadata and its pod templates are checked.
pub(super) fn fit_types(manifest: &mut Manifest, made: &[TemplatedPart<'_>], problems: &mut Diagnostics) {
    let label = manifest.label();
    let is_known = table::object_structure(&manifest.api_version, &manifest.kind);
    // ConfigMaps and Secrets are checked with the objects of bundles
    let is_declared = manifest.api_version == "v1" && matches!(manifest.kind.as_str(), "ConfigMap" | "Secret");
    let mut fitting = TypeFitting { label: &label, made, reports: !is_declared, problems };
    match is_known {
        Some(object) => fitting.fit_structure(&mut manifest.tree, object, ""),
        None => fitting.unknown_object(&mut manifest.tree),
    }
}

/// Whether a kind is one of Kubernetes.
pub(super) fn is_known_kind(api_version: &str, kind: &str) -> bool {
    table::object_structure(api_version, kind).is_some()
}

struct TypeFitting<'a, 'm> {
    label: &'a str,
    made: &'a [TemplatedPart<'m>],
    reports: bool,
    problems: &'a mut Diagnostics,
}

impl TypeFitting<'_, '_> {
    /// Checks the fields of a structure.
    fn fit_structure(&mut self, tree: &mut Tree, structure: &'static str, path: &str) {
        let TreeKind::Map(map) = &mut tree.kind else { return };
        for (key, value) in map.iter_mut() {
            if let Some(field) = table::field_type(structure, key) {
                self.fit_value(value, field, &crate::layer::tree::join_path(path, key));
            }
        }
    }

    fn fit_value(&mut self, tree: &mut Tree, field: FieldType, path: &str) {
        match field {
            FieldType::Structure(structure) if matches!(tree.kind, TreeKind::Map(_)) => {
                self.fit_structure(tree, structure, path);
            }
            FieldType::List(item) => {
                if let TreeKind::List(items) = &mut tree.kind {
                    for (index, value) in items.iter_mut().enumerate() {
                        self.fit_value(value, FieldType::of(item), &format!("{path}[{index}]"));
                    }
                } else {
                    self.check_collection(tree, "a list", path);
                }
            }
            FieldType::Map(value_type) => {
                if let TreeKind::Map(map) = &mut tree.kind {
                    for (key, value) in map.iter_mut() {
                        self.fit_value(value, FieldType::of(value_type), &crate::layer::tree::join_path(path, key));
                    }
                } else {
                    self.check_collection(tree, "a mapping", path);
                }
            }
            FieldType::Structure(_) => self.check_collection(tree, "a mapping", path),
            FieldType::Text => self.fit_scalar(tree, CoreType::String, path),
            FieldType::Number => self.fit_scalar(tree, CoreType::Int, path),
            FieldType::Truth => self.fit_scalar(tree, CoreType::Bool, path),
            FieldType::Any => {}
        }
    }

    /// Checks a scalar, which is converted if it is a template result.
    fn fit_scalar(&mut self, tree: &mut Tree, wanted: CoreType, path: &str) {
        let (expected, hint) = match wanted {
            CoreType::String => ("a string", "quote it"),
            CoreType::Bool => ("`true` or `false`", "remove the quotes"),
            _ => ("a number", "remove the quotes"),
        };
        let TreeKind::Leaf(scalar) = &tree.kind else {
            return self.report(tree, expected, tree.noun(), path);
        };
        let found = json_type(scalar);
        let fits = match found {
            CoreType::Null => true,
            CoreType::Int | CoreType::Float => wanted == CoreType::Int,
            CoreType::Bool | CoreType::String => found == wanted,
        };
        if fits && wanted == CoreType::Int && is_fraction(scalar) && !takes_fractions(path) && !scalar.locked {
            return self.report(tree, "an integer", "a decimal number", path);
        }
        if fits || scalar.locked {
            return;
        }
        // `n` and `1_000` are texts to all readers of YAML 1.2, such as kustomize: quotes make them texts for kubectl
        // too
        if wanted == CoreType::String && core_type(scalar) == CoreType::String {
            tree.kind = TreeKind::Leaf(Arc::new(quoted_scalar(scalar)));
            return;
        }
        if self.is_made(path)
            && let Some(fitted) = fit_type(scalar, wanted, is_mode(path))
        {
            tree.kind = TreeKind::Leaf(Arc::new(fitted));
            return;
        }
        if !self.reports || is_filled_in_later(scalar.text()) {
            return;
        }
        let noun = match found {
            CoreType::Bool => "a boolean",
            CoreType::Int | CoreType::Float => "a number",
            CoreType::Null | CoreType::String => "a string",
        };
        let error = self.error(tree, expected, noun, path);
        self.problems.push(if self.is_made(path) { error } else { error.hint(hint) });
    }

    /// Reports another value in the place of a list or mapping.
    fn check_collection(&mut self, tree: &Tree, expected: &str, path: &str) {
        let is_nothing = match &tree.kind {
            TreeKind::Leaf(scalar) => {
                scalar.blank || scalar.is_null() || scalar.locked || is_filled_in_later(scalar.text())
            }
            TreeKind::List(_) | TreeKind::Map(_) => false,
        };
        if !is_nothing {
            self.report(tree, expected, tree.noun(), path);
        }
    }

    fn report(&mut self, tree: &Tree, expected: &str, found: &str, path: &str) {
        if self.reports {
            let error = self.error(tree, expected, found, path);
            self.problems.push(error);
        }
    }

    fn error(&self, tree: &Tree, expected: &str, found: &str, path: &str) -> Diagnostic {
        let message = format!("expected {expected} for `{path}` of {}, found {found}", self.label);
        Diagnostic::error(Rule::InvalidValue, message).at_masked(tree.place.clone())
    }

    /// Whether the scalar at a path is the result of a template, and nothing else.
    fn is_made(&self, path: &str) -> bool {
        !path.is_empty() && self.made.iter().any(|made| made.path == path)
    }

    /// Checks metadata, which all objects have, and pod templates, wherever they are.
    fn unknown_object(&mut self, tree: &mut Tree) {
        if let (Some(metadata), Some(value)) = (table::metadata_structure(), tree.at_mut(&["metadata"])) {
            self.fit_structure(value, metadata, "metadata");
        }
        // a structure that looks like a pod template may be a pattern, or a part of another program's template
        self.reports = false;
        self.pod_templates(tree, "");
    }

    fn pod_templates(&mut self, tree: &mut Tree, path: &str) {
        match &mut tree.kind {
            TreeKind::Map(map) => {
                for (key, value) in map.iter_mut() {
                    let path = crate::layer::tree::join_path(path, key);
                    let is_template = value.at(&["spec", "containers"]).and_then(Tree::as_list).is_some();
                    match table::pod_template().filter(|_| is_template) {
                        Some(template) => self.fit_structure(value, template, &path),
                        None => self.pod_templates(value, &path),
                    }
                }
            }
            TreeKind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.pod_templates(item, &format!("{path}[{index}]"));
                }
            }
            TreeKind::Leaf(_) => {}
        }
    }
}

/// Whether a field is a file mode, which is written in octal.
fn is_mode(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("mode" | "defaultMode"))
}

/// Whether a field accepts fractions: in Kubernetes only the schemas in a `CustomResourceDefinition` do.
fn takes_fractions(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("maximum" | "minimum" | "multipleOf"))
}

/// Whether a number is not an integer, however it is written: `2.0` is an integer.
fn is_fraction(scalar: &Scalar) -> bool {
    match json_scalar(scalar.text()) {
        JsonScalar::Number(number) => number.parse::<f64>().is_ok_and(|number| number.fract() != 0.0),
        JsonScalar::Null | JsonScalar::Bool(_) | JsonScalar::Text(_) => false,
    }
}

/// Text in quotes.
fn quoted_scalar(scalar: &Scalar) -> Scalar {
    let mut quoted = Scalar::new(scalar.text(), YamlStyle::DoubleQuoted);
    quoted.encrypted = scalar.encrypted;
    quoted
}

/// Template result as a scalar of another type, if its text fits.
fn fit_type(scalar: &Scalar, wanted: CoreType, is_mode: bool) -> Option<Scalar> {
    let text = scalar.text();
    let style = match (wanted, json_scalar(text)) {
        (CoreType::String, _) => YamlStyle::DoubleQuoted,
        // `0400` is ambiguous, except as the mode of a file
        (CoreType::Int, JsonScalar::Number(number)) if number == text || is_mode => YamlStyle::Plain,
        (CoreType::Bool, JsonScalar::Bool(_)) if matches!(text, "true" | "false") => YamlStyle::Plain,
        _ => return None,
    };
    let mut fitted = Scalar::new(text, style);
    fitted.encrypted = scalar.encrypted;
    Some(fitted)
}
