//! Parts of a mapping that Septum refuses are left out, and their objects are taken as built.

use super::assemble::{BASE_LAYER, LayerAssembly, file_path};
use super::draft::{PatchContent, PlannedLayer};
use super::object_correction::CORRECTION;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::import::{ImportNote, PlannedFile};
use crate::layer::Tree;
use crate::sort::sort;
use crate::span::Source;
use crate::yaml::node::YamlKind;
use crate::yaml::read::read_document;

/// Part of a layer that a message is about.
enum LayerPart {
    Patch(usize),
    Bundle(String),
}

impl LayerAssembly<'_, '_> {
    /// Leaves out what the errors are about. Whether anything was left out.
    pub(super) fn repair(&mut self, problems: &Diagnostics) -> bool {
        let mut patches: Vec<(String, usize, String)> = Vec::new();
        let mut repaired = false;
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            if let Some((kind, name)) = external_of(problem).or_else(|| without_namespace(problem)) {
                repaired |= self.declare_temporary(&kind, &name);
                continue;
            }
            if problem.rule == Rule::SecretInPlainOutput {
                repaired |= self.accept_plain_secret(problem);
                continue;
            }
            // a key that does not exist will not exist in the built object either
            if problem.rule == Rule::DanglingReference {
                return false;
            }
            let bundle = self.layers.values().flat_map(|layer| layer.bundles.keys());
            let bundle =
                bundle.into_iter().find(|name| problem.message.contains(&format!("the bundle `{name}`"))).cloned();
            if let Some(bundle) = bundle {
                repaired |= self.leave_out_bundle(&bundle, problem);
                continue;
            }
            let names = problem.labels.iter().map(|label| (label.place.source.name(), label.place.span.start));
            match names.clone().find_map(|(name, start)| self.find_part(name, start)) {
                Some((layer, LayerPart::Patch(index))) => match problem.rule {
                    Rule::UnmatchedPatch if self.relax_target(&layer, index) => repaired = true,
                    _ => patches.push((layer, index, problem.message.clone())),
                },
                Some((_, LayerPart::Bundle(bundle))) => repaired |= self.leave_out_bundle(&bundle, problem),
                None => {
                    let mut files = names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>().into_iter();
                    repaired |= files.any(|name| self.leave_out_file(&name, problem));
                }
            }
        }
        sort(&mut patches);
        patches.dedup_by(|one, other| (&one.0, one.1) == (&other.0, other.1));
        for (layer, index, message) in patches.into_iter().rev() {
            let layer = self.layer(&layer);
            if index < layer.patches.len() {
                let patch = layer.patches.remove(index);
                // a correction that is refused will not be right the next time
                if patch.origin == CORRECTION {
                    return false;
                }
                repaired = true;
                self.add_note(patch.origin, format!("the patch is left out: {message}"));
            }
        }
        repaired
    }

    /// Accepts that a value of a Secret is in another object too, as in what was read.
    fn accept_plain_secret(&mut self, problem: &Diagnostic) -> bool {
        let hint = problem.hints.iter().find_map(|hint| hint.split_once(", key: "));
        let Some((key, _)) = hint.and_then(|(_, rest)| rest.split_once(", reason:")) else { return false };
        let allowed = ("secret-in-plain-output".to_owned(), key.to_owned());
        let base = self.layer(BASE_LAYER);
        if base.allow.contains(&allowed) {
            return false;
        }
        base.allow.push(allowed);
        let text =
            format!("{}, as in what was read: accepted with `allow`, until you refer to the Secret", problem.message);
        self.add_note(String::new(), text);
        true
    }

    /// Adds a note, once.
    pub(super) fn add_note(&mut self, place: String, text: String) {
        let note = ImportNote { place, text };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The part of a layer at an offset, if the file is a layer.
    fn find_part(&self, file: &str, offset: usize) -> Option<(String, LayerPart)> {
        let layer = self.layers.keys().find(|name| is_path(file, &format!("{name}.yaml")))?;
        let text = self.layers.get(layer)?.to_bytes();
        let source = Source::new("layer", String::from_utf8_lossy(&text));
        let document = read_document(&source).ok()?;
        let fields = document.as_map()?;
        let is_within = |node: &crate::yaml::node::YamlNode| (node.span.start..=node.span.end).contains(&offset);
        if let Some(YamlKind::List(items)) = fields.get("patches").map(|node| &node.kind)
            && let Some(index) = items.iter().position(is_within)
        {
            return Some((layer.clone(), LayerPart::Patch(index)));
        }
        let bundles = fields.get("bundles")?.as_map()?;
        let found = bundles.iter().find(|(key, node)| (key.span.start..=node.span.end).contains(&offset))?;
        Some((layer.clone(), LayerPart::Bundle(found.0.text.clone())))
    }

    fn leave_out_bundle(&mut self, bundle: &str, problem: &Diagnostic) -> bool {
        let mut found = false;
        for layer in self.layers.values_mut() {
            found |= layer.bundles.shift_remove(bundle).is_some();
        }
        if found {
            for kind in ["ConfigMap", "Secret"] {
                self.declare_temporary(kind, bundle);
            }
            self.add_note(String::new(), format!("the generator `{bundle}` is taken as built: {}", problem.message));
        }
        found
    }

    /// Leaves out a patch file or a file of objects.
    fn leave_out_file(&mut self, file: &str, problem: &Diagnostic) -> bool {
        let Some(path) = self.files.keys().find(|path| is_path(file, path)).cloned() else { return false };
        if path.starts_with("as-built/") {
            return false;
        }
        if problem.rule == Rule::UnmatchedPatch && self.relax_targets_of(&path) {
            return true;
        }
        let Some(origin) = self.remove_file(&path) else { return false };
        let place = if origin.is_empty() { path } else { origin };
        self.add_note(place, format!("left out, and its objects are taken as built: {}", problem.message));
        true
    }

    /// Leaves out the encrypted file of a Secret in plaintext of an environment, of which kustomize builds other values.
    /// Whether it is left out, now or because of another environment with the same file.
    pub(super) fn leave_out_secret(&mut self, environment: &str, name: &str) -> bool {
        let layers = self.layers_of(environment);
        let is_named = |path: &str| {
            layers
                .iter()
                .any(|(name, layer)| layer.manifests.iter().any(|manifest| file_path(name, &manifest.path) == path))
        };
        let is_of = |(path, file): (&String, &PlannedFile)| {
            let PlannedFile::SecretManifest(text) = file else { return None };
            let source = Source::new("a manifest", String::from_utf8_lossy(text));
            let document = read_document(&source).ok()?;
            let tree = Tree::from_node(document, &source);
            let is_it = tree.at(&["metadata", "name"]).and_then(Tree::as_text) == Some(name);
            (is_it && !path.starts_with("as-built/") && is_named(path)).then(|| path.clone())
        };
        // one at a time: another environment may keep its own
        let path = self.files.iter().find_map(is_of);
        if path.is_some_and(|path| self.remove_file(&path).is_some()) {
            self.left_out.insert(name.to_owned());
        }
        self.left_out.contains(name)
    }

    /// Layers of an environment with their names.
    fn layers_of(&self, environment: &str) -> Vec<(&str, &PlannedLayer)> {
        let named = |name: &str| self.layers.get_key_value(name).map(|(name, layer)| (name.as_str(), layer));
        let mut found: Vec<_> = [BASE_LAYER, environment].into_iter().filter_map(named).collect();
        let mut index = 0;
        while let Some((_, layer)) = found.get(index).copied() {
            let is_new = |(name, _): &(&str, &PlannedLayer)| found.iter().all(|(known, _)| known != name);
            let extended: Vec<_> = layer.extends.iter().filter_map(|name| named(name)).filter(is_new).collect();
            found.extend(extended);
            index += 1;
        }
        found
    }

    /// Removes a file, and the items of layers that name it. Returns the origin of its patch, if any layer named it.
    fn remove_file(&mut self, path: &str) -> Option<String> {
        let mut found = false;
        let mut origin = String::new();
        for (name, layer) in &mut self.layers {
            let is_file = |reference: &str| file_path(name, reference) == path;
            let before = layer.patches.len() + layer.manifests.len();
            layer.patches.retain(|patch| {
                let is_it = matches!(&patch.source, PatchContent::Path(reference) if is_file(reference));
                if is_it {
                    origin.clone_from(&patch.origin);
                }
                !is_it
            });
            layer.manifests.retain(|manifest| !is_file(&manifest.path));
            found |= before > layer.patches.len() + layer.manifests.len();
        }
        if found {
            self.files.remove(path);
        }
        found.then_some(origin)
    }
}

/// The object that a message suggests to declare as external: it is among those that were left out.
fn external_of(problem: &Diagnostic) -> Option<(String, String)> {
    if problem.rule != Rule::DanglingReference {
        return None;
    }
    let hint = problem.hints.iter().find_map(|hint| hint.split_once("external: [{ kind: "))?.1;
    let (kind, rest) = hint.split_once(", name: ")?;
    let name = rest.split([' ', ',', '}']).next()?;
    Some((kind.to_owned(), name.to_owned()))
}

/// The object of a reference that has no namespace yet: a patch of a later trial gives it the declared one.
fn without_namespace(problem: &Diagnostic) -> Option<(String, String)> {
    let is_declared = problem.hints.iter().any(|hint| hint.starts_with("remove its `namespace`"));
    let (_, rest) = problem.message.split_once(" refers to the ").filter(|_| is_declared)?;
    let (kind, rest) = rest.split_once(" `")?;
    Some((kind.to_owned(), rest.split('`').next()?.to_owned()))
}

/// Whether a name in a message is of a file of the app.
fn is_path(shown: &str, path: &str) -> bool {
    shown == path || shown.strip_suffix(path).is_some_and(|above| above.ends_with('/'))
}
