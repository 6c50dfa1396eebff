//! Fields of a layer about other objects: those of the app, and those managed outside the project.

use std::path::{Path, PathBuf};

use super::LayerPatch;
use super::fields::{LayerFields, read_text};
use super::unexpected::unexpected_value;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::span::{Located, Location, Source};
use crate::yaml::node::{YamlKind, YamlNode};

/// Files with objects of the app.
#[derive(Debug, Clone)]
pub struct ManifestPattern {
    /// Directory of the layer that lists them.
    pub directory: PathBuf,
    /// Pattern of their paths, relative to that directory.
    pub pattern: Located<String>,
    /// Whether they may be templates.
    pub template: bool,
}

/// `manifests` of a layer.
#[derive(Debug, Clone, Default)]
pub struct ManifestList {
    /// Whether it replaces those of the layers before it, with their patches.
    pub replaces: bool,
    /// Files that it adds.
    pub patterns: Vec<ManifestPattern>,
}

/// Manifests that a layer adds to an environment, and patches of all objects so far. Overlays apply in the order of the
/// layers.
#[derive(Debug, Clone, Default)]
pub struct ManifestOverlay {
    /// Files with other objects of the app.
    pub manifests: Vec<ManifestPattern>,
    /// Patches of the objects of this overlay and those before it.
    pub patches: Vec<LayerPatch>,
}

/// Object managed outside the project: references to it are valid.
#[derive(Debug, Clone)]
pub struct ExternalObject {
    /// Location in the layer.
    pub place: Location,
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Namespace of the object; `None` means that of the app.
    pub namespace: Option<String>,
}

pub(super) const REPLACE_FIELDS: [&str; 1] = ["replace"];
pub(super) const MANIFEST_FIELDS: [&str; 2] = ["path", "template"];
pub(super) const EXTERNAL_FIELDS: [&str; 3] = ["kind", "name", "namespace"];
pub(super) const RBAC_FIELDS: [&str; 1] = ["serviceAccount"];

/// Reads `manifests`: a list adds to those of the layers before, and `{ replace: [ … ] }` replaces them.
pub(super) fn read_manifests(
    fields: &mut LayerFields<'_>,
    directory: &Path,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<ManifestList> {
    let (key, node) = fields.take("manifests")?;
    match node.kind {
        YamlKind::List(items) => {
            Some(ManifestList { replaces: false, patterns: read_patterns(items, directory, source, problems) })
        }
        YamlKind::Map(map) => {
            let before = problems.len();
            let mut fields = LayerFields::new(map, &REPLACE_FIELDS, "`manifests`", source, problems);
            let Some((_, items)) = fields.list("replace", problems) else {
                if problems.len() == before {
                    let error = Diagnostic::error(Rule::InvalidField, "a mapping of `manifests` requires `replace`");
                    let error = error.at(source.place(key.span)).hint("write `manifests: { replace: [ … ] }`");
                    problems.push(fields.missing_field(error));
                }
                return None;
            };
            Some(ManifestList { replaces: true, patterns: read_patterns(items, directory, source, problems) })
        }
        YamlKind::Scalar(_) => {
            let error = unexpected_value("manifests", "a list", &node, &key, source);
            problems.push(error.hint("write `manifests: [ … ]`"));
            None
        }
    }
}

/// Reads a list of manifests: patterns, or mappings with a `path`.
fn read_patterns(
    items: Vec<YamlNode>,
    directory: &Path,
    source: &Source,
    problems: &mut Diagnostics,
) -> Vec<ManifestPattern> {
    let mut found = Vec::new();
    for item in items {
        let place = source.place(item.span);
        let (path, template) = match item.kind {
            YamlKind::Map(map) => {
                let mut fields = LayerFields::new(map, &MANIFEST_FIELDS, "a manifest", source, problems);
                let path = fields.text("path", problems);
                if path.is_none() {
                    problems.push(
                        fields.missing_field(
                            Diagnostic::error(Rule::InvalidField, "a manifest requires `path`")
                                .at(place)
                                .hint("write `{ path: \"workloads/*.yaml\", template: false }`"),
                        ),
                    );
                }
                (path, fields.boolean("template", problems).is_none_or(|template| template.value))
            }
            YamlKind::Scalar(_) | YamlKind::List(_) => {
                (problems.take(read_text(&item, "manifests", &place, source)), true)
            }
        };
        if let Some(pattern) = path {
            found.push(ManifestPattern { directory: directory.to_path_buf(), pattern, template });
        }
    }
    found
}

/// Reads `external`: mappings with `kind` and `name`.
pub(super) fn read_external(items: Vec<YamlNode>, source: &Source, problems: &mut Diagnostics) -> Vec<ExternalObject> {
    let mut found = Vec::new();
    for item in items {
        let place = source.place(item.span);
        let YamlKind::Map(map) = item.kind else {
            problems.push(unexpected_value("external", "a mapping with `kind` and `name`", &item, &place, source));
            continue;
        };
        let mut fields = LayerFields::new(map, &EXTERNAL_FIELDS, "an external object", source, problems);
        let kind = fields.text("kind", problems);
        let name = fields.text("name", problems);
        let namespace = fields.text("namespace", problems).map(|namespace| namespace.value);
        match (kind, name) {
            (Some(kind), Some(name)) if matches!(kind.value.as_str(), "ConfigMap" | "Secret") => {
                found.push(ExternalObject { place, kind: kind.value, name: name.value, namespace });
            }
            (Some(kind), Some(_)) => problems.push(
                Diagnostic::error(Rule::InvalidField, "expected `ConfigMap` or `Secret` for `kind`").at(kind.place),
            ),
            _ => problems.push(
                fields.missing_field(
                    Diagnostic::error(Rule::InvalidField, "an external object requires `kind` and `name`")
                        .at(place)
                        .hint("write `{ kind: Secret, name: corp-ca }`"),
                ),
            ),
        }
    }
    found
}

/// Reads `rbac` of a bundle: the service account that may read its Secret.
pub(super) fn read_rbac(
    fields: &mut LayerFields<'_>,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<Located<String>> {
    let (place, map) = fields.map("rbac", problems)?;
    let mut fields = LayerFields::new(map, &RBAC_FIELDS, "`rbac`", source, problems);
    let account = fields.text("serviceAccount", problems);
    if account.is_none() {
        problems.push(
            fields.missing_field(
                Diagnostic::error(Rule::InvalidField, "`rbac` requires `serviceAccount`")
                    .at(place)
                    .hint("write `rbac: { serviceAccount: NAME }`"),
            ),
        );
    }
    account
}
