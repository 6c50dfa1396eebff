//! Patches of kustomizations as patches of layers.

use super::assemble::LayerAssembly;
use super::draft::{PatchContent, PlannedPatch};
use super::field_map::Text;
use super::fields::{Kustomization, PatchField, PatchForm, place_text};
use super::graph::NodeIndex;
use super::json::json_of_tree;
use super::secret_patch::has_secret_value;
use crate::files::FileKind;
use crate::import::{PlannedFile, split_documents};
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::yaml::read::{MergeKeys, read_stream};

impl LayerAssembly<'_, '_> {
    /// Adds a patch to a layer. One that cannot be read is left to the built objects, with a note.
    pub(super) fn add_patch(&mut self, (node, content): (NodeIndex, &Kustomization), patch: &PatchField, layer: &str) {
        let draft = |source: PatchContent, is_template: bool| PlannedPatch {
            source,
            target: patch.target.as_ref().map(json_of_tree),
            options: patch.options.as_ref().map(json_of_tree),
            is_template,
            origin: place_text(&patch.place),
            node: Some(node),
        };
        let path = patch.path.clone().or_else(|| self.strategic_path(content, patch));
        let Some(path) = path else {
            let text = patch.text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
            for part in self.without_secrets(split_patch(&text), patch) {
                let is_template = is_template(&part);
                let draft = draft(PatchContent::Text(part), is_template);
                self.layer(layer).patches.push(draft);
            }
            return;
        };
        let read = self.graph.locate(&content.directory, &path).and_then(|located| {
            let source = self.graph.files.read_text(FileKind::Manifest, &located)?;
            Ok((located, source))
        });
        let (located, source) = match read {
            Ok(found) => found,
            Err(problem) => return self.note_as_built_file(&path, &problem.message),
        };
        let all = split_patch(source.text());
        let count = all.len();
        let parts = self.without_secrets(all, patch);
        if let (1, [_]) = (count, parts.as_slice()) {
            let placed = self.place_file("patches", &located, &content.directory, layer);
            self.files.insert(placed.path, PlannedFile::Plain(source.text().as_bytes().to_vec()));
            let draft = draft(PatchContent::Path(placed.reference), is_template(source.text()));
            self.layer(layer).patches.push(draft);
            return;
        }
        for part in parts {
            let is_template = is_template(&part);
            let draft = draft(PatchContent::Text(part), is_template);
            self.layer(layer).patches.push(draft);
        }
    }

    /// Parts of a patch without those that have values of Secrets in plaintext: their objects are taken as built.
    fn without_secrets(&mut self, mut parts: Vec<String>, patch: &PatchField) -> Vec<String> {
        let count = parts.len();
        parts.retain(|part| !has_secret_value(patch.target.as_ref(), part));
        if parts.len() < count {
            self.note(
                &patch.place,
                "a patch with values of a Secret in plaintext is left out, and the Secret is taken as built, encrypted",
            );
        }
        parts
    }

    /// Path of an item of `patchesStrategicMerge`, which may also be the text of a patch.
    fn strategic_path(&self, content: &Kustomization, patch: &PatchField) -> Option<Text> {
        let text = patch.text.as_ref().filter(|_| patch.form == PatchForm::Strategic)?;
        let is_path = !text.value.contains('\n') && self.graph.locate(&content.directory, text).is_ok();
        is_path.then(|| text.clone())
    }
}

/// Documents of a patch; the whole text if it is one, or cannot be read.
fn split_patch(text: &str) -> Vec<String> {
    let source = Source::new("a patch", text);
    let count = read_stream(&source, MergeKeys::Apply).map_or(1, |stream| stream.documents.len());
    if count == 1 {
        return vec![text.to_owned()];
    }
    let mut parts: Vec<_> = split_documents(text).into_iter().map(|(_, part)| part.to_owned()).collect();
    let is_content =
        |part: &String| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    parts.retain(is_content);
    parts
}
