//! Parts of a mapping that Septum refuses are left out, and their objects are taken as built.

use super::assemble::{BASE_LAYER, LayerAssembly, file_path};
use super::draft::{PatchContent, PlannedLayer, PlannedPatch};
use super::object_correction::CORRECTION;
use super::resources::{is_kind, join_documents, read_documents};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::import::{ImportNote, PlannedFile};
use crate::layer::Tree;
use crate::manifest::list_items;
use crate::map::{HashMap, HashSet};
use crate::sort::sort;
use crate::span::{Location, Source};
use crate::yaml::node::{YamlKind, YamlNode};
use crate::yaml::read::read_document;

/// End of the name of a patch that is a text in a layer, and no block of lines.
const INLINE_PATCH: &str = " (patch)";

/// Part of a layer that a message is about.
#[derive(Clone)]
enum LayerPart {
    Patch(usize),
    Bundle(String),
}

/// Parts of a layer by the lines at which they begin, ascending. Other fields are none.
#[derive(Default)]
struct LayerLines(Vec<(usize, Option<LayerPart>)>);

impl LayerLines {
    /// Lines of a layer as it is written.
    fn of(layer: &PlannedLayer) -> Self {
        let text = layer.to_bytes();
        let source = Source::new("layer", String::from_utf8_lossy(&text));
        let document = read_document(&source).ok();
        let mut lines = Vec::new();
        for (field, node) in document.as_ref().and_then(YamlNode::as_map).into_iter().flatten() {
            lines.push((field.span.line, None));
            match &node.kind {
                YamlKind::List(items) if field.text == "patches" => {
                    let patches = items.iter().enumerate();
                    lines.extend(patches.map(|(index, item)| (item.span.line, Some(LayerPart::Patch(index)))));
                }
                YamlKind::Map(bundles) if field.text == "bundles" => {
                    let bundles = bundles.iter();
                    lines.extend(bundles.map(|(key, _)| (key.span.line, Some(LayerPart::Bundle(key.text.clone())))));
                }
                _ => {}
            }
        }
        Self(lines)
    }

    /// The part that a line belongs to.
    fn part_at(&self, line: usize) -> Option<LayerPart> {
        let after = self.0.partition_point(|(first, _)| *first <= line);
        self.0.get(after.checked_sub(1)?)?.1.clone()
    }
}

/// Whether a place is in a text, which begins there at its line of the layer.
fn is_same_text(text: &str, place: &Location) -> bool {
    text.trim_start_matches('\n') == place.source.text().trim_start_matches('\n')
}

impl LayerAssembly<'_, '_> {
    /// Leaves out what the errors are about. Whether anything was left out.
    pub(super) fn repair(&mut self, problems: &Diagnostics) -> bool {
        // each repair changes the lines of the layers
        self.relaxed.clear();
        let mut lines = HashMap::default();
        let located: Vec<_> = problems
            .iter()
            .filter(|problem| problem.is_error())
            .map(|problem| (problem, problem.labels.iter().find_map(|label| self.find_part(&label.place, &mut lines))))
            .collect();
        let (mut patches, mut files, mut lacking) = (Vec::new(), Vec::new(), HashSet::default());
        let mut repaired = false;
        for (problem, part) in located {
            if let Some((kind, name)) = external_of(problem).or_else(|| without_namespace(problem)) {
                repaired |= self.declare_temporary(&kind, &name);
                continue;
            }
            if problem.rule == Rule::SecretInPlainOutput {
                repaired |= self.accept_plain_secret(problem);
                continue;
            }
            if problem.rule == Rule::DanglingReference {
                let Some(object) = without_key(problem) else { return false };
                if !lacking.contains(&object) && !self.leave_out_lacking(&object, problem) {
                    return false;
                }
                lacking.insert(object);
                repaired = true;
                continue;
            }
            let named = problem.message.split("the bundle `").skip(1).filter_map(|rest| rest.split('`').next());
            let is_bundle = |name: &&str| self.layers.values().any(|layer| layer.bundles.contains_key(*name));
            if let Some(bundle) = named.into_iter().find(is_bundle) {
                repaired |= self.leave_out_bundle(bundle, problem);
                continue;
            }
            match part {
                Some((layer, LayerPart::Patch(index))) => match problem.rule {
                    Rule::UnmatchedPatch if self.relax_target(&layer, index) => repaired = true,
                    _ => patches.push((layer, index, problem.message.clone())),
                },
                Some((_, LayerPart::Bundle(bundle))) => repaired |= self.leave_out_bundle(&bundle, problem),
                None => files.push(problem),
            }
        }
        let Some(any) = self.leave_out_patches(patches) else { return false };
        repaired |= any;
        for problem in files {
            repaired |= problem.labels.iter().any(|label| self.leave_out_file(label.place.source.name(), problem));
        }
        repaired
    }

    /// Leaves out patches by the indices in their layers, with a message about each. Whether there were any; none if one
    /// is a correction, which will not be right the next time.
    fn leave_out_patches(&mut self, mut patches: Vec<(String, usize, String)>) -> Option<bool> {
        sort(&mut patches);
        patches.dedup_by(|one, other| (&one.0, one.1) == (&other.0, other.1));
        let mut notes = Vec::new();
        for (layer, index, message) in patches.into_iter().rev() {
            let patch = self.layer(&layer).patches.remove(index);
            if patch.origin == CORRECTION {
                return None;
            }
            notes.push((patch.origin, format!("the patch is left out: {message}")));
        }
        let any = !notes.is_empty();
        notes.into_iter().rev().for_each(|(place, text)| self.add_note(place, text));
        Some(any)
    }

    /// Accepts that a value of a Secret is in another object too, as in what was read.
    fn accept_plain_secret(&mut self, problem: &Diagnostic) -> bool {
        let hint = problem.hints.iter().find_map(|hint| hint.split_once(", key: "));
        let Some((before, (key, _))) = hint.and_then(|(before, rest)| Some((before, rest.split_once(", reason:")?)))
        else {
            return false;
        };
        let bundle = before.rsplit_once(", bundle: ").map(|(_, bundle)| bundle.to_owned());
        let allowed = ("secret-in-plain-output".to_owned(), bundle, key.to_owned());
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

    /// The part of a layer at a place, if its file is a layer. `lines` are those of the layers that were asked about.
    fn find_part<'a>(
        &'a self,
        place: &Location,
        lines: &mut HashMap<&'a str, LayerLines>,
    ) -> Option<(String, LayerPart)> {
        let file = place.source.name();
        let is_of = |file: &str, (name, _): &(&String, &PlannedLayer)| is_path(file, &format!("{name}.yaml"));
        // a text that is not a block of lines has places of its own
        if let Some(file) = file.strip_suffix(INLINE_PATCH) {
            let (name, layer) = self.layers.iter().find(|layer| is_of(file, layer))?;
            let is_it =
                |patch: &PlannedPatch| matches!(&patch.source, PatchContent::Text(text) if is_same_text(text, place));
            return Some((name.clone(), LayerPart::Patch(layer.patches.iter().position(is_it)?)));
        }
        let (name, layer) = self.layers.iter().find(|layer| is_of(file, layer))?;
        // offsets are those of the file only outside of blocks of lines
        let lines = lines.entry(name).or_insert_with(|| LayerLines::of(layer));
        Some((name.clone(), lines.part_at(place.span.line)?))
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
        let (place, what) = match origin.as_str() {
            "" => (self.source_of(&path), "left out, and its objects are taken as built"),
            _ => (origin, "the patch is left out"),
        };
        self.add_note(place, format!("{what}: {}", problem.message));
        true
    }

    /// Name of the file that was copied to a path of the app.
    fn source_of(&self, path: &str) -> String {
        let plain = path.strip_suffix(".secrets.yaml").map(|stem| format!("{stem}.yaml"));
        let source = self.taken.get(path).or_else(|| self.taken.get(plain.as_deref()?));
        source.map_or_else(|| path.to_owned(), |source| self.graph.files.name(source))
    }

    /// Leaves out an object without a key that another one uses: kustomize may add it in a way that has no mapping.
    fn leave_out_lacking(&mut self, (kind, name): &(String, String), problem: &Diagnostic) -> bool {
        if self.layers.values().any(|layer| layer.bundles.contains_key(name)) {
            return self.leave_out_bundle(name, problem);
        }
        let is_left_out = self.leave_out_object(kind, name, |_| true);
        if is_left_out {
            self.declare_temporary(kind, name);
            self.add_note(String::new(), format!("the {kind} `{name}` is taken as built: {}", problem.message));
        }
        is_left_out
    }

    /// Takes a Secret, of which kustomize builds other values, out of the files of objects of an environment: the encrypted
    /// file of its own, or a plain one where it has no values. Whether it is left out, now or because of another
    /// environment with the same file.
    pub(super) fn leave_out_secret(&mut self, environment: &str, name: &str) -> bool {
        let layers = self.layers_of(environment);
        let names: HashSet<_> = layers.into_iter().map(|(name, _)| name.to_owned()).collect();
        // one at a time: another environment may keep its own
        if self.leave_out_object("Secret", name, |layer| names.contains(layer)) {
            self.left_out.insert(name.to_owned());
        }
        self.left_out.contains(name)
    }

    /// Takes an object out of the first file of objects that has it, of some layers. Whether there is one.
    fn leave_out_object(&mut self, kind: &str, name: &str, is_in: impl Fn(&str) -> bool) -> bool {
        let is_named = |path: &str| {
            let mut layers = self.layers.iter().filter(|(layer, _)| is_in(layer));
            layers.any(|(layer, fields)| fields.manifests.iter().any(|item| file_path(layer, &item.path) == path))
        };
        let is_of = |(path, file): (&String, &PlannedFile)| {
            let text = match file {
                PlannedFile::SecretManifest(text) | PlannedFile::Encrypted { staged: text, .. } => text.as_slice(),
                PlannedFile::Plain(text) => text.as_slice(),
                PlannedFile::Secret(_) => return None,
            };
            if !may_name(text, name) {
                return None;
            }
            let rest = without_object(text, kind, name).filter(|_| !path.starts_with("as-built/") && is_named(path))?;
            // without a key, only the whole of an encrypted file can be left out
            let is_whole = rest.is_empty() || !matches!(file, PlannedFile::Encrypted { .. });
            is_whole.then(|| (path.clone(), rest))
        };
        match self.files.iter().find_map(is_of) {
            Some((path, rest)) if rest.is_empty() => self.remove_file(&path).is_some(),
            Some((path, rest)) => self.files.insert(path, PlannedFile::Plain(rest.into_bytes())).is_some(),
            None => false,
        }
    }

    /// Layers of an environment with their names.
    pub(super) fn layers_of(&self, environment: &str) -> Vec<(&str, &PlannedLayer)> {
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

/// Whether an object of version `v1` has a kind and a name, or is a list with it.
fn has_object(tree: &Tree, kind: &str, name: &str) -> bool {
    match list_items(tree) {
        Some(items) => items.iter().any(|item| has_object(item, kind, name)),
        None => is_kind(tree, kind) && tree.at(&["metadata", "name"]).and_then(Tree::as_text) == Some(name),
    }
}

/// Whether a file may have a name; false for most of the others, which are not read then.
fn may_name(text: &[u8], name: &str) -> bool {
    memchr::memmem::find(text, name.as_bytes()).is_some() || text.contains(&b'\\')
}

/// The other documents of a file, if one has an object.
fn without_object(text: &[u8], kind: &str, name: &str) -> Option<String> {
    let source = Source::new("a manifest", String::from_utf8_lossy(text));
    let documents = read_documents(&source).ok()?;
    let (found, kept): (Vec<_>, Vec<_>) = documents.iter().partition(|document| has_object(&document.tree, kind, name));
    (!found.is_empty()).then(|| join_documents(&kept))
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

/// The object without a key that another one uses.
fn without_key(problem: &Diagnostic) -> Option<(String, String)> {
    let (_, rest) = problem.message.split_once(" uses the key `")?.1.split_once("` of the ")?;
    let (kind, rest) = rest.split_once(" `")?;
    Some((kind.to_owned(), rest.split('`').next()?.to_owned()))
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
