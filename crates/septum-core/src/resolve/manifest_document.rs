//! Documents of manifests and patches, with their templates rendered.

use std::sync::Arc;

use super::Lineage;
use super::masked::TextTemplate;
use crate::layer::Tree;
use crate::span::Location;
use crate::visibility::Visibility;

/// Document of a manifest file.
#[derive(Debug)]
pub struct ManifestDocument {
    /// Content of the document.
    pub tree: Tree,
    /// Parts of the document that come from templates.
    pub parts: Vec<TemplatePart>,
    /// Whether there is no document: a template printed nothing, but read something.
    pub is_absent: bool,
    /// Index of the overlay that lists its file.
    pub overlay: usize,
}

/// Patch of manifests, with its templates rendered.
#[derive(Debug)]
pub struct RenderedPatch {
    /// Index of the overlay that it belongs to.
    pub overlay: usize,
    /// Index of the patch in that overlay.
    pub index: usize,
    /// Documents of the patch.
    pub documents: Vec<ManifestDocument>,
}

/// Output of a template in a manifest.
#[derive(Debug, Clone)]
pub struct TemplatePart {
    /// Path in the document; empty for the whole.
    pub path: String,
    /// Location of the template.
    pub place: Location,
    /// Lineage of the output.
    pub lineage: Lineage,
    /// Known part of it without the keys of the values that it read.
    pub visibility: Visibility,
    /// Template, if it produced the document as a text.
    pub text: Option<Arc<TextTemplate>>,
}
