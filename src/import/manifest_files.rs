//! Files of objects that stay manifests.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::layer_text::list_field;
use super::plan::{ImportPlan, PlannedFile};
use super::source::SourceObject;
use crate::layer::Tree;
use crate::layer::tree::TreeKind;
use crate::template_tokens::is_template;
use crate::value::OutputValue;
use crate::yaml::write::write_document;

/// Paths of manifest files, each used once.
pub(super) struct ManifestFiles<'p> {
    prefix: &'p str,
    used: BTreeSet<String>,
    /// Whether there are files with and without templates since the patterns were taken.
    has: (bool, bool),
}

impl<'p> ManifestFiles<'p> {
    pub(super) fn new(prefix: &'p str) -> Self {
        Self { prefix, used: BTreeSet::new(), has: (false, false) }
    }

    pub(super) fn add(&mut self, object: &SourceObject, environment: &str, plan: &mut ImportPlan) {
        let is_secret = object.is_core("Secret") && has_data(&object.tree);
        let text = match &object.text {
            // comments could contain secrets too
            Some(text) if !object.is_core("Secret") => text.clone(),
            _ => write_document(&object.tree.to_value()),
        };
        let is_verbatim = is_template(&text);
        if is_verbatim {
            self.has.1 = true;
        } else {
            self.has.0 = true;
        }
        let directory = directory_of(environment, is_verbatim);
        let clean = |text: &str| -> String {
            let safe = |char: char| if char.is_ascii_alphanumeric() || "-.".contains(char) { char } else { '-' };
            text.chars().map(safe).collect::<String>().to_ascii_lowercase()
        };
        let stem = format!("{}{directory}/{}-{}", self.prefix, clean(&object.kind), clean(&object.name));
        let extension = if is_secret { "secrets.yaml" } else { "yaml" };
        let mut path = format!("{stem}.{extension}");
        let mut number = 2;
        while !self.used.insert(path.clone()) {
            path = format!("{stem}-{number}.{extension}");
            number += 1;
        }
        if is_secret {
            plan.files.insert(path, PlannedFile::SecretManifest(Zeroizing::new(text.into_bytes())));
        } else {
            plan.add_file(path, text);
        }
    }

    /// Patterns of `manifests` for the files that were added since the last call.
    pub(super) fn take_patterns(&mut self, environment: &str) -> OutputValue<'static> {
        let (plain, verbatim) = std::mem::take(&mut self.has);
        let pattern = |is_verbatim| format!("{}/*.yaml", directory_of(environment, is_verbatim));
        let mut patterns = Vec::new();
        if plain {
            patterns.push(OutputValue::text(pattern(false)));
        }
        if verbatim {
            let fields = [("path", OutputValue::text(pattern(true))), ("template", OutputValue::Bool(false))];
            patterns.push(OutputValue::map(fields));
        }
        if patterns.is_empty() { list_field([]) } else { OutputValue::List(patterns) }
    }
}

/// Whether a Secret has values, which have to be encrypted.
fn has_data(secret: &Tree) -> bool {
    let is_empty = |field: &Tree| match &field.kind {
        TreeKind::Map(values) => values.is_empty(),
        TreeKind::Leaf(scalar) => scalar.is_null() || scalar.blank,
        TreeKind::List(_) => false,
    };
    ["data", "stringData"].into_iter().any(|field| secret.get(field).is_some_and(|field| !is_empty(field)))
}

/// Directory of manifests, relative to the layers.
fn directory_of(environment: &str, is_verbatim: bool) -> String {
    let root = if is_verbatim { "verbatim" } else { "manifests" };
    if environment.is_empty() { root.to_owned() } else { format!("{root}/{environment}") }
}
