//! Order of layers: parents before children, each once, in the order in which they are named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Layer, LayerCache};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule, nearest_name};
use crate::disk::{BoundedRoot, DirEntryKind};
use crate::map::{HashMap, HashSet, IndexMap};
use crate::name::{EnvironmentName, LayerName};
use crate::project::{App, BASE, UnreadFile, unread_files};
use crate::sort::sort;
use crate::span::{Located, Location};
use crate::visibility::KeyAccess;

/// Layers of an environment, as far as they could be read.
#[derive(Default)]
pub(super) struct LayerStack {
    /// Those that were read, lowest first. The first is the base.
    pub(super) layers: Vec<Arc<Layer>>,
    /// Files that could not be read, or that name a layer that does not exist or that extends them.
    pub(super) unread: BTreeSet<String>,
    /// Number of layers below the lowest one that is missing.
    pub(super) known: usize,
}

impl LayerStack {
    /// Records a file for which a layer is missing above the first `known` layers.
    fn lacks(&mut self, file: &str, known: usize) {
        self.known = if self.unread.is_empty() { known } else { self.known.min(known) };
        self.unread.insert(file.to_owned());
    }
}

impl LayerCache<'_> {
    /// Layers of an environment of `app`.
    ///
    /// Reports a cycle of `extends`, a name that does not exist, and all problems in the layers themselves.
    pub(super) fn stack_layers(
        &self,
        app: &App,
        environment: &EnvironmentName,
        access: KeyAccess,
        problems: &mut Diagnostics,
    ) -> LayerStack {
        let mut walk = LayerStackBuilder {
            library: self,
            app,
            access,
            done: HashSet::default(),
            open: HashSet::default(),
            unread: HashMap::default(),
            stack: LayerStack::default(),
            cycles: IndexMap::default(),
            problems,
        };
        walk.visit(&BASE.into());
        walk.visit(&environment.as_str().into());
        let cycles = std::mem::take(&mut walk.cycles);
        walk.problems.extend(cycles.iter().map(|(names, places)| extends_cycle(names, places)));
        walk.stack
    }
}

struct LayerStackBuilder<'a, 'p> {
    library: &'a LayerCache<'p>,
    app: &'a App,
    access: KeyAccess,
    done: HashSet<LayerName>,
    /// Layers whose parents are being visited.
    open: HashSet<LayerName>,
    /// Files that are no layers, by the directory of mixins, each of which is looked through once.
    unread: HashMap<PathBuf, Vec<UnreadFile>>,
    stack: LayerStack,
    /// Cycles by the names of their layers, from the first on, each with the lines that lead to the next.
    cycles: IndexMap<Vec<LayerName>, Vec<Located<LayerName>>>,
    problems: &'a mut Diagnostics,
}

/// A layer that is added after its parents.
struct OpenLayer {
    name: LayerName,
    layers: Vec<Arc<Layer>>,
    /// Files that could not be read, each with the number of layers of this name below it.
    unread: Vec<(String, usize)>,
    /// Those that were not visited.
    parents: std::vec::IntoIter<Located<LayerName>>,
}

impl LayerStackBuilder<'_, '_> {
    /// Adds a layer after the layers it extends. A chain of them may be as long as the repository has files.
    fn visit(&mut self, name: &LayerName) {
        let mut open: Vec<OpenLayer> = self.open_layer(name, None).into_iter().collect();
        // the `extends` lines that lead from each open layer to the next
        let mut path: Vec<Located<LayerName>> = Vec::new();
        while let Some(last) = open.last_mut() {
            let Some(parent) = last.parents.next() else {
                self.close_layer(open.pop());
                path.pop();
                continue;
            };
            path.push(Located { value: last.name.clone(), place: parent.place.clone() });
            if self.open.contains(&parent.value) {
                self.add_cycle(&parent.value, &path);
                let known = self.stack.layers.len();
                for step in &path {
                    self.stack.lacks(step.place.source.name(), known);
                }
                self.done.insert(last.name.clone());
                path.pop();
            } else if let Some(layer) = self.open_layer(&parent.value, Some(&parent.place)) {
                open.push(layer);
            } else {
                path.pop();
            }
        }
    }

    /// Records a cycle, once, with all lines that close it.
    fn add_cycle(&mut self, back_to: &LayerName, path: &[Located<LayerName>]) {
        let start = path.iter().position(|step| step.value == *back_to).unwrap_or_default();
        let mut steps: Vec<_> = path.iter().skip(start).cloned().collect();
        // every layer of the cycle finds it: starting from the same one, it is the same
        let first = (0..steps.len()).min_by_key(|&index| steps.get(index).map(|step| step.value.as_str().to_owned()));
        steps.rotate_left(first.unwrap_or_default());
        let places = self.cycles.entry(steps.iter().map(|step| step.value.clone()).collect()).or_default();
        for step in steps {
            if !places.iter().any(|known| known.place.to_string() == step.place.to_string()) {
                places.push(step);
            }
        }
    }

    /// Reads a layer, unless that was done.
    fn open_layer(&mut self, name: &LayerName, named_at: Option<&Location>) -> Option<OpenLayer> {
        if self.done.contains(name) {
            return None;
        }
        let files = self.library.files(self.app, name.as_str());
        if files.is_empty() {
            if let Some(place) = named_at {
                self.problems.push(self.missing_layer(name, place));
                self.stack.lacks(place.source.name(), self.stack.layers.len());
            }
            return None;
        }
        self.report_misnamed(name, &files);
        let (mut layers, mut unread) = (Vec::with_capacity(files.len()), Vec::new());
        for file in files {
            match self.library.load_layer(&file, name, self.access) {
                Ok(reading) => {
                    layers.push(reading.layer);
                    self.problems.extend(reading.problems);
                }
                Err(problems) => {
                    unread.push((self.library.project.files.name(&file), layers.len()));
                    // an unreadable file has no location but the line that names it
                    let at = |problem: Diagnostic| match named_at {
                        Some(place) if problem.labels.is_empty() => {
                            problem.at_public(place.clone(), PublicReason::Name)
                        }
                        _ => problem,
                    };
                    self.problems.extend(problems.into_iter().map(at));
                }
            }
        }
        self.open.insert(name.clone());
        let parents: Vec<_> = layers.iter().flat_map(|layer| layer.extends.iter().cloned()).collect();
        Some(OpenLayer { name: name.clone(), layers, unread, parents: parents.into_iter() })
    }

    fn close_layer(&mut self, layer: Option<OpenLayer>) {
        let Some(OpenLayer { name, layers, unread, .. }) = layer else { return };
        self.open.remove(&name);
        self.done.insert(name);
        for (file, below) in unread {
            self.stack.lacks(&file, self.stack.layers.len() + below);
        }
        self.stack.layers.extend(layers);
    }

    /// Reports files that look like parts of a mixin and are not.
    fn report_misnamed(&mut self, name: &LayerName, found: &[PathBuf]) {
        let Some((_, own)) = name.as_str().rsplit_once('/') else { return };
        let mut directories: Vec<_> = found.iter().filter_map(|file| file.parent()).collect();
        directories.dedup();
        let files = &self.library.project.files;
        for directory in directories {
            if !self.unread.contains_key(directory) {
                self.unread.insert(directory.to_owned(), unread_files(files, directory));
            }
            let unread = self.unread.get(directory).into_iter().flatten();
            self.problems.extend(unread.filter_map(|file| file.like_mixin(files, own)));
        }
    }

    fn missing_layer(&self, name: &LayerName, place: &Location) -> Diagnostic {
        let mut known = Vec::new();
        for directory in self.library.project.shared.iter().chain([&self.app.directory]) {
            list_layers(self.library.project.files.bounds(), directory, "", &mut known);
        }
        let place = place.clone();
        let file = format!("{name}.yaml");
        let error = Diagnostic::error(Rule::MissingLayer, format!("unknown layer `{name}`"))
            .at_public(place, PublicReason::Name);
        match nearest_name(name.as_str(), known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("create `{file}` beside `base.yaml`, or remove the entry")),
        }
    }
}

fn extends_cycle(names: &[LayerName], places: &[Located<LayerName>]) -> Diagnostic {
    let shown: Vec<_> = names.iter().chain(names.first()).map(LayerName::as_str).collect();
    let mut error = Diagnostic::error(Rule::ExtendsCycle, format!("cyclic `extends`: {}", shown.join(" → ")));
    for step in places {
        let index = names.iter().position(|name| *name == step.value).unwrap_or_default();
        let parent = shown.get(index + 1).copied().unwrap_or_default();
        let text = format!("`{}` extends `{parent}`", step.value);
        error = error.at_public_with(step.place.clone(), PublicReason::Name, text);
    }
    let lines = if places.len() > names.len() { "the lines of one of these layers" } else { "one of these lines" };
    error.hint(format!("remove {lines}; move shared content to a mixin, such as `common/NAME.yaml`"))
}

/// Collects the names of the layers in a directory and below, for suggestions.
fn list_layers(root: &BoundedRoot, directory: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in &*root.list(directory).unwrap_or_default() {
        let file = entry.name.to_string_lossy().into_owned();
        if entry.kind == DirEntryKind::Directory && prefix.matches('/').count() < 3 {
            list_layers(root, &directory.join(&entry.name), &format!("{prefix}{file}/"), names);
        } else {
            let name = file.strip_suffix(".yaml").filter(|name| !name.ends_with(".secrets") && *name != BASE);
            names.extend(name.map(|name| format!("{prefix}{name}")));
        }
    }
    sort(names);
}
