//! From kustomizations to layers: which layer each of them becomes, and what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::draft::PlannedLayer;
use super::field_map::TextPairs;
use super::fields::place_text;
use super::graph::{EnvironmentRoot, KustomizationGraph, NodeIndex, ResourceItem};
use super::inner_names::InnerNames;
use crate::import::{ImportNote, PlannedFile, file_word};
use crate::map::{HashMap, HashSet, IndexMap};

/// Name of the layer below all others.
pub(super) const BASE_LAYER: &str = "base";

/// Part of a kustomization, in the order in which kustomize runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum KustomizationPart {
    /// Its files and generators.
    Resources,
    /// Its patches.
    Patches,
}

/// Layers and files that are being written.
pub(super) struct LayerAssembly<'g, 'f> {
    pub(super) graph: &'g KustomizationGraph<'f>,
    pub(super) roots: &'g [EnvironmentRoot],
    pub(super) layers: IndexMap<String, PlannedLayer>,
    pub(super) files: BTreeMap<String, PlannedFile>,
    /// Files by source and layer, so that each is copied once.
    pub(super) copied: HashMap<(PathBuf, String), String>,
    /// Source of each file, so that two never have one name.
    pub(super) taken: HashMap<String, PathBuf>,
    pub(super) notes: Vec<ImportNote>,
    /// Objects declared as external until the built ones are there.
    pub(super) temporary: Vec<(String, String, Option<String>)>,
    /// Whether nothing is declared for a time any more.
    pub(super) is_final: bool,
    /// Namespace of all objects of all roots.
    pub(super) namespace: Option<String>,
    /// Objects that were added as built, by environment and identity.
    pub(super) corrected: BTreeSet<String>,
    /// Objects that were patched, by environment and identity.
    pub(super) patched: BTreeSet<String>,
    /// Names of Secrets whose files were left out.
    pub(super) left_out: BTreeSet<String>,
    /// Rules for `references` of `septum.yaml`.
    pub(super) references: BTreeSet<TextPairs>,
    /// Whether all objects are taken as built.
    pub(super) is_as_built: bool,
    /// Patches whose target was relaxed for the next trial, by layer and index.
    pub(super) relaxed: HashSet<(String, usize)>,
    /// Names of bundles.
    pub(super) names: InnerNames,
    shared: HashSet<NodeIndex>,
    mixins: HashMap<NodeIndex, String>,
    done: HashSet<(String, NodeIndex, KustomizationPart)>,
}

impl<'g, 'f> LayerAssembly<'g, 'f> {
    pub(super) fn new(graph: &'g KustomizationGraph<'f>, roots: &'g [EnvironmentRoot]) -> Self {
        let mut assembly = Self {
            graph,
            roots,
            layers: IndexMap::from_iter([(BASE_LAYER.to_owned(), PlannedLayer::default())]),
            files: BTreeMap::new(),
            copied: HashMap::default(),
            taken: HashMap::default(),
            notes: Vec::new(),
            temporary: Vec::new(),
            is_final: false,
            namespace: None,
            corrected: BTreeSet::new(),
            patched: BTreeSet::new(),
            left_out: BTreeSet::new(),
            references: BTreeSet::new(),
            is_as_built: false,
            relaxed: HashSet::default(),
            names: InnerNames::default(),
            shared: HashSet::default(),
            mixins: HashMap::default(),
            done: HashSet::default(),
        };
        assembly.shared = assembly.find_shared();
        assembly.name_mixins();
        assembly
    }

    /// Adds the layers of all roots.
    pub(super) fn add_roots(&mut self) {
        for root in self.roots {
            self.layers.entry(root.name.clone()).or_default();
            let mut order = Vec::new();
            self.walk(root.node, None, &root.name, &mut order);
            let layer = self.layers.entry(root.name.clone()).or_default();
            layer.extends = order.into_iter().filter(|name| name != BASE_LAYER && *name != root.name).collect();
        }
    }

    /// Kustomizations that every root includes by `resources`.
    fn find_shared(&self) -> HashSet<NodeIndex> {
        let included = |root: &EnvironmentRoot| {
            let mut found = HashSet::default();
            self.add_included(root.node, &mut found);
            found.remove(&root.node);
            found
        };
        let mut all = self.roots.iter().map(included);
        let first = all.next().unwrap_or_default();
        let shared = all.fold(first, |shared, other| shared.intersection(&other).copied().collect());
        let is_root = |node: &NodeIndex| self.roots.iter().any(|root| root.node == *node);
        shared.into_iter().filter(|node| !is_root(node)).collect()
    }

    fn add_included(&self, index: NodeIndex, found: &mut HashSet<NodeIndex>) {
        let Some(node) = self.graph.nodes.get(index).filter(|_| found.insert(index)) else { return };
        for item in &node.resources {
            if let ResourceItem::Directory(below) = item {
                self.add_included(*below, found);
            }
        }
    }

    /// Names a mixin after each kustomization that is neither a root nor shared.
    fn name_mixins(&mut self) {
        let mut names = HashSet::default();
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if self.shared.contains(&index) || self.roots.iter().any(|root| root.node == index) {
                continue;
            }
            let kind = if node.content.is_component { "components" } else { "bases" };
            let mut parts = node.content.directory.components().rev().filter_map(|part| {
                let name = layer_word(&part.as_os_str().to_string_lossy());
                // a file `base.yaml` is never a mixin
                (!name.is_empty() && name != BASE_LAYER).then_some(name)
            });
            let mut name = parts.next().unwrap_or_else(|| "mixin".to_owned());
            while !names.insert(format!("{kind}/{name}")) {
                match parts.next() {
                    Some(above) => name = format!("{above}-{name}"),
                    None => name.push_str("-x"),
                }
            }
            self.mixins.insert(index, format!("{kind}/{name}"));
        }
    }

    /// Adds a kustomization after all that it includes; `within` is the layer that it is a part of, if it has none of
    /// its own. Layers are added to `order` as they come.
    fn walk(&mut self, index: NodeIndex, within: Option<&str>, environment: &str, order: &mut Vec<String>) {
        let graph = self.graph;
        let Some(node) = graph.nodes.get(index) else { return };
        let root = self.roots.iter().find(|root| root.node == index);
        if let Some(root) = root.filter(|root| root.name != environment) {
            push_once(order, &root.name);
            return;
        }
        for item in &node.resources {
            if let ResourceItem::Directory(below) = item {
                self.walk(*below, None, environment, order);
            }
        }
        let own = match (within, root) {
            (Some(layer), _) => layer.to_owned(),
            (None, Some(root)) => root.name.clone(),
            (None, None) if self.shared.contains(&index) => BASE_LAYER.to_owned(),
            (None, None) => self.mixins.get(&index).cloned().unwrap_or_else(|| BASE_LAYER.to_owned()),
        };
        let has_own_resources = !node.content.generators.is_empty()
            || node.resources.iter().any(|item| matches!(item, ResourceItem::File(..)));
        let of_resources = match root {
            Some(_) if self.roots.len() == 1 => BASE_LAYER.to_owned(),
            // components see the objects of the root, so these come before
            Some(root) if !node.components.is_empty() && has_own_resources => format!("resources/{}", root.name),
            _ => own.clone(),
        };
        if has_own_resources {
            push_once(order, &of_resources);
        }
        self.add_part(index, KustomizationPart::Resources, &of_resources);
        for component in &node.components {
            let within = root.is_none().then_some(own.as_str());
            self.walk(*component, within, environment, order);
        }
        push_once(order, &own);
        self.add_part(index, KustomizationPart::Patches, &own);
    }

    fn add_part(&mut self, index: NodeIndex, part: KustomizationPart, layer: &str) {
        self.layers.entry(layer.to_owned()).or_default();
        if !self.done.insert((layer.to_owned(), index, part)) {
            return;
        }
        let graph = self.graph;
        let Some(node) = graph.nodes.get(index) else { return };
        match part {
            KustomizationPart::Resources => {
                for item in &node.resources {
                    if let ResourceItem::File(path, text) = item {
                        self.copy_resource(path, (index, text), layer);
                    }
                }
                for generator in &node.content.generators {
                    let name = self.names.bundle_of(graph, index, generator);
                    self.add_generator(&node.content, generator, &name, layer);
                }
            }
            KustomizationPart::Patches => {
                for patch in &node.content.patches {
                    self.add_patch((index, &node.content), patch, layer);
                }
            }
        }
    }

    /// Adds a note about a place in a kustomization.
    pub(super) fn note(&mut self, place: &crate::span::Location, text: impl Into<String>) {
        let note = ImportNote { place: place_text(place), text: text.into() };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The layer of a name.
    pub(super) fn layer(&mut self, name: &str) -> &mut PlannedLayer {
        self.layers.entry(name.to_owned()).or_default()
    }

    /// Path of a new file below the directory of a layer, and below that of the app.
    pub(super) fn place_file(&mut self, kind: &str, source: &Path, directory: &Path, layer: &str) -> LayerFile {
        let name = relative_name(source, directory);
        let (above, below) = match layer.rsplit_once('/') {
            Some((above, name)) => (format!("{above}/"), format!("{name}/{kind}")),
            None => (String::new(), format!("{kind}/{layer}")),
        };
        let mut candidate = format!("{below}/{name}");
        let mut number = 2;
        while self.taken.get(&format!("{above}{candidate}")).is_some_and(|taken| taken != source) {
            candidate = format!("{below}/{number}/{name}");
            number += 1;
        }
        let path = format!("{above}{candidate}");
        self.taken.insert(path.clone(), source.to_path_buf());
        LayerFile { path, reference: candidate }
    }
}

/// File of the app: its path, and how its layer refers to it.
pub(super) struct LayerFile {
    pub(super) path: String,
    pub(super) reference: String,
}

/// Path of a file below the app, by the reference of a layer.
pub(super) fn file_path(layer: &str, reference: &str) -> String {
    layer.rsplit_once('/').map_or_else(|| reference.to_owned(), |(above, _)| format!("{above}/{reference}"))
}

fn push_once(order: &mut Vec<String>, name: &str) {
    if !order.iter().any(|known| known == name) {
        order.push(name.to_owned());
    }
}

/// Name of a file below the directory that names it, without characters of patterns; leading `..` are left out.
fn relative_name(source: &Path, directory: &Path) -> String {
    let relative = source.strip_prefix(directory).map(Path::to_path_buf);
    let relative = relative.unwrap_or_else(|_| source.file_name().map(PathBuf::from).unwrap_or_default());
    let parts: Vec<_> = relative.components().map(|part| file_word(&part.as_os_str().to_string_lossy())).collect();
    parts.join("/")
}

/// A word as it may be the name of a layer: letters, digits and `-`.
pub(super) fn layer_word(text: &str) -> String {
    let word: String = text
        .to_lowercase()
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .take(63)
        .collect();
    word.trim_matches('-').to_owned()
}
