//! Targets of patches that name objects as kustomize has made them: with the namespace, the prefix and the suffix of a
//! level below. A layer selects them before that.

use serde_json::{Value as Json, json};

use super::assemble::{LayerAssembly, file_path};
use super::draft::PatchContent;
use super::field_effects::FieldEffects;
use super::json::{json_of_tree, text_at};
use super::object_correction::CORRECTION;
use crate::import::PlannedFile;
use crate::layer::Tree;
use crate::map::HashSet;
use crate::span::Source;
use crate::yaml::read::read_document;

impl LayerAssembly<'_, '_> {
    /// Removes from the target of a patch the namespace, or then the affixes, that levels below have added, or adds those
    /// of the copied files. Whether there was anything: the next trial tells whether it was enough.
    pub(super) fn relax_target(&mut self, layer: &str, index: usize) -> bool {
        // environments and documents report one patch several times
        let patch_of = (layer.to_owned(), index);
        if self.relaxed.contains(&patch_of) {
            return true;
        }
        let effects: Vec<_> = self.roots.iter().map(|root| FieldEffects::of_root(self.graph, root)).collect();
        let Some(patch) = self.layers.get(layer).and_then(|found| found.patches.get(index)) else { return false };
        if patch.origin == CORRECTION {
            return false;
        }
        let Some(named) = patch.target.clone().or_else(|| self.named_target(layer, &patch.source)) else {
            return false;
        };
        let (mut target, node) = (named.clone(), patch.node);
        for effects in &effects {
            effects.relax_namespace(&mut target);
        }
        if target == named {
            for effects in &effects {
                effects.relax_name(&mut target);
            }
        }
        if target == named {
            self.names.affix_target(&mut target, node);
        }
        if target == named {
            return false;
        }
        self.relaxed.insert(patch_of);
        if let Some(patch) = self.layer(layer).patches.get_mut(index) {
            patch.target = Some(target);
        }
        true
    }

    /// The same for all patches of a file.
    pub(super) fn relax_targets_of(&mut self, path: &str) -> bool {
        let mut found = Vec::new();
        for (name, layer) in &self.layers {
            let is_of_file = |source: &PatchContent| matches!(source, PatchContent::Path(reference) if file_path(name, reference) == path);
            let patches = layer.patches.iter().enumerate().filter(|(_, patch)| is_of_file(&patch.source));
            found.extend(patches.map(|(index, _)| (name.clone(), index)));
        }
        let relaxed: HashSet<_> = found.iter().map(|(layer, index)| self.relax_target(layer, *index)).collect();
        relaxed.contains(&true)
    }

    /// Target of the object that a strategic merge patch names.
    fn named_target(&self, layer: &str, content: &PatchContent) -> Option<Json> {
        let text = match content {
            PatchContent::Text(text) => text.clone(),
            PatchContent::Path(reference) => match self.files.get(&file_path(layer, reference))? {
                PlannedFile::Plain(bytes) => String::from_utf8(bytes.clone()).ok()?,
                _ => return None,
            },
            PatchContent::Operations(_) => return None,
        };
        let source = Source::new("a patch", text);
        let document = read_document(&source).ok()?;
        let patch = json_of_tree(&Tree::from_node(document, &source));
        let (kind, name) = (text_at(&patch, "/kind"), text_at(&patch, "/metadata/name"));
        let group = text_at(&patch, "/apiVersion").split_once('/').map(|(group, _)| group);
        let mut target = json!({ "kind": kind, "name": name });
        let namespace = text_at(&patch, "/metadata/namespace");
        let optional = [("group", group.unwrap_or_default()), ("namespace", namespace)];
        for (field, text) in optional.into_iter().filter(|(_, text)| !text.is_empty()) {
            target[field] = json!(text);
        }
        (!kind.is_empty() && !name.is_empty()).then_some(target)
    }
}
