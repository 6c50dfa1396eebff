//! Transformers of kustomize itself, of which those that label or annotate all objects are fields of a layer.

use std::path::Path;

use super::field_map::{FieldMap, Text, TextPairs};
use super::fields::{Kustomization, LabelRule};
use super::graph::KustomizationGraph;
use crate::diagnostic::Diagnostics;
use crate::files::FileKind;
use crate::span::Source;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, read_stream};

/// Field of a kustomization that names transformers.
const FIELD: &str = "transformers";

/// Labels and annotations of all objects that a transformer sets.
#[derive(Default)]
struct TransformerTexts {
    labels: TextPairs,
    annotations: TextPairs,
}

impl KustomizationGraph<'_> {
    /// Reads the transformers of a kustomization as fields of it, if each of them is one.
    pub(super) fn map_transformers(&self, directory: &Path, content: &mut Kustomization) {
        let found: Option<Vec<_>> =
            content.transformers.iter().map(|text| self.read_transformers(directory, text)).collect();
        let Some(found) = found else { return };
        content.as_built.retain(|field| field.value.0 != FIELD);
        for TransformerTexts { labels, annotations } in found.into_iter().flatten() {
            if !labels.is_empty() {
                content.labels.push(LabelRule { pairs: labels, selectors: false, elsewhere: false });
            }
            content.annotations.extend(annotations);
        }
    }

    /// Texts that the transformers of a file, or of a text in the kustomization, set; none if one does something else.
    fn read_transformers(&self, directory: &Path, text: &Text) -> Option<Vec<TransformerTexts>> {
        let source = if text.value.contains('\n') {
            Source::new("a transformer", text.value.as_str())
        } else {
            self.files.read_text(FileKind::Manifest, &self.locate(directory, text).ok()?).ok()?
        };
        let stream = read_stream(&source, MergeKeys::Apply).ok()?;
        stream.documents.into_iter().map(|document| read_transformer(document, &source)).collect()
    }
}

/// Texts that a transformer sets; none if it is another one, or also changes something else.
fn read_transformer(document: YamlNode, source: &Source) -> Option<TransformerTexts> {
    let mut problems = Diagnostics::new();
    let known = ["apiVersion", "kind", "metadata", "labels", "annotations", "fieldSpecs"];
    let mut fields = FieldMap::new(document, &known, "a transformer", source, &mut problems);
    let text = |text: Option<Text>| text.map(|text| text.value).unwrap_or_default();
    let (version, kind) = (text(fields.text("apiVersion")), text(fields.text("kind")));
    let (labels, annotations) = (fields.pairs("labels"), fields.pairs("annotations"));
    let mut specs = fields.list("fieldSpecs").into_iter();
    let (spec, others) = (specs.next()?, specs.next());
    let mut spec = FieldMap::new(spec, &["path", "create"], "a path", source, &mut problems);
    let (path, creates) = (text(spec.text("path")), spec.boolean("create"));
    let is_mapped = match kind.as_str() {
        "LabelTransformer" => path == "metadata/labels" && annotations.is_empty(),
        "AnnotationsTransformer" => path == "metadata/annotations" && labels.is_empty(),
        _ => false,
    };
    let is_all = version == "builtin" && is_mapped && creates && others.is_none() && !problems.has_errors();
    is_all.then_some(TransformerTexts { labels, annotations })
}
