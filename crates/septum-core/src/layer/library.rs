//! Cache of a project's layers, each read, decrypted and parsed once per run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::invalid_yaml::{add_documents, lacks_structure};
use super::{Layer, LayerRole, PlaintextLayer};
use crate::diagnostic::Diagnostics;
use crate::files::FileKind;
use crate::map::HashMap;
use crate::name::LayerName;
use crate::project::{App, Project, files_of};
use crate::span::Source;
use crate::visibility::KeyAccess;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, PartialDocument};
use crate::{sops, yaml};

/// Parsed layer, and the problems found in it.
#[derive(Debug, Clone)]
pub(super) struct LoadedLayer {
    pub(super) layer: Arc<Layer>,
    pub(super) problems: Diagnostics,
}

/// Encrypted document, decrypted or with placeholders.
struct LayerDocument {
    root: YamlNode,
    naming_key: Option<sops::NamingKey>,
}

type CacheCell = Arc<OnceLock<Result<LoadedLayer, Diagnostics>>>;

/// Reads layers and caches them.
#[derive(Debug)]
pub struct LayerCache<'p> {
    /// Project that the layers belong to.
    pub project: &'p Project,
    identities: Arc<sops::Identities>,
    rules: sops::SopsConfigCache,
    layers: Mutex<HashMap<(PathBuf, KeyAccess), CacheCell>>,
    decrypted: AtomicUsize,
    plaintext: Option<PlaintextLayer>,
    reads_partial: bool,
}

impl<'p> LayerCache<'p> {
    /// Creates a cache for the layers of `project`, decrypted with `identities`.
    pub fn new(project: &'p Project, identities: sops::Identities) -> Self {
        let rules = sops::SopsConfigCache::with_disk(project.files.disk().clone());
        Self {
            project,
            identities: Arc::new(identities),
            rules,
            layers: Mutex::default(),
            decrypted: AtomicUsize::new(0),
            plaintext: None,
            reads_partial: false,
        }
    }

    /// Reads layers that are not valid YAML in part, for a report of all that is wrong. Otherwise, nothing of them is used.
    pub fn read_partial_layers(&mut self) {
        self.reads_partial = true;
    }

    /// Uses a text for one of the layers in place of its file's content.
    pub fn put_plaintext(&mut self, layer: PlaintextLayer) {
        self.plaintext = Some(layer);
    }

    /// Whether layers, and with them manifests, are read that are not valid YAML in part.
    pub fn reads_partial(&self) -> bool {
        self.reads_partial
    }

    /// Whether a file was requested as a layer.
    pub fn has_read(&self, path: &Path) -> bool {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.keys().any(|(known, _)| known == path)
    }

    /// Number of layers decrypted so far.
    pub fn decrypted(&self) -> usize {
        self.decrypted.load(Relaxed)
    }

    /// Identities that decrypt the layers.
    pub fn identities(&self) -> &Arc<sops::Identities> {
        &self.identities
    }

    /// Cache of the `.sops.yaml` files.
    pub fn rules(&self) -> &sops::SopsConfigCache {
        &self.rules
    }

    /// Files of the layer `name` of `app` in merge order: shared, shared secrets, the app's, the app's secrets. Empty
    /// if there are none.
    pub fn files(&self, app: &App, name: &str) -> Vec<PathBuf> {
        let mut files = self.candidates(app, name);
        // the reader reports the kind: a pipe or a link that leads outside is not skipped silently
        files.retain(|path| self.plaintext_at(path).is_some() || self.project.files.bounds().has(path));
        files
    }

    /// Drops the layers of an app that are not needed again, so that memory does not grow with the number of apps.
    pub fn forget(&self, app: &App) {
        let paths: Vec<_> = app.files().collect();
        let mut forgotten = Vec::new();
        {
            let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
            for path in &paths {
                let of = [KeyAccess::Decrypt, KeyAccess::StructureOnly, KeyAccess::PublicView]
                    .map(|access| layers.remove(&(path.clone(), access)));
                forgotten.extend(of.into_iter().flatten());
            }
        }
        self.project.files.forget(&paths);
        // freeing them takes a while, and other threads wait for the lock
        drop(forgotten);
    }

    /// Paths at which the files of a layer are searched.
    pub(super) fn candidates(&self, app: &App, name: &str) -> Vec<PathBuf> {
        let directories = self.project.shared.iter().chain([&app.directory]);
        let names = files_of(name);
        directories.flat_map(|directory| names.each_ref().map(|name| directory.join(name))).collect()
    }

    /// Layer in the file at `path`; an error if it cannot be read at all.
    pub(super) fn load_layer(
        &self,
        path: &Path,
        name: &LayerName,
        access: KeyAccess,
    ) -> Result<LoadedLayer, Diagnostics> {
        let slot = self.cache_cell(path, access);
        slot.get_or_init(|| self.read_layer(path, name, access)).clone()
    }

    fn cache_cell(&self, path: &Path, access: KeyAccess) -> CacheCell {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        // a view with more access also serves one with less, and an unencrypted layer is the same in every view
        let open = layers.get(&(path.to_path_buf(), KeyAccess::Decrypt)).filter(|open| match access {
            KeyAccess::Decrypt => false,
            // a layer that could not be decrypted can still be read as in the public view
            KeyAccess::StructureOnly => matches!(open.get(), Some(Ok(_))),
            KeyAccess::PublicView => matches!(open.get(), Some(Ok(reading)) if reading.layer.wrapping.is_none()),
        });
        if let Some(open) = open {
            return Arc::clone(open);
        }
        Arc::clone(layers.entry((path.to_path_buf(), access)).or_default())
    }

    fn plaintext_at(&self, path: &Path) -> Option<&PlaintextLayer> {
        self.plaintext.as_ref().filter(|layer| layer.path == path)
    }

    fn read_layer(&self, path: &Path, name: &LayerName, access: KeyAccess) -> Result<LoadedLayer, Diagnostics> {
        let directory = path.parent().unwrap_or(path).to_path_buf();
        if let Some(layer) = self.plaintext_at(path) {
            let (root, source) = layer.read(&self.project.files.name(path))?;
            let mut problems = Diagnostics::new();
            let layer =
                Layer::read(name.clone(), LayerRole::of_layer(name.as_str()), source, directory, root, &mut problems);
            return Ok(LoadedLayer { layer: Arc::new(layer), problems });
        }
        let source = self.project.files.read_text(FileKind::Layer, path)?;
        let PartialDocument { mut root, others, mut problems } = yaml::read::read_partial_document(&source)?;
        let is_partial = !problems.is_empty();
        // the checksum of an encrypted file covers all of it
        let is_encrypted = || sops::is_encrypted(&root) || sops::holds_ciphertext(source.text().as_bytes());
        if is_partial && (!self.reads_partial || is_encrypted()) {
            return Err(problems);
        }
        add_documents(&mut root, others);
        let is_unusable = is_partial && lacks_structure(&root);
        let (mut naming_key, mut wrapping) = (None, None);
        if sops::is_encrypted(&root) {
            let metadata = sops::read_metadata(&root, &source);
            let metadata = metadata.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
            if let Some(stray) = sops::in_encrypted_file(&root, &source, &metadata.selector) {
                return Err(stray.into());
            }
            sops::refuse_ambiguous_keys(&root, &source, &metadata.selector)?;
            wrapping = Some(metadata.hash_wrapped_keys());
            // the metadata of an encrypted file can be checked without a key
            problems.extend(sops::policy::report_drift(
                &self.rules,
                path,
                source.name(),
                &metadata,
                sops::SopsFormat::Yaml,
            ));
            let opened = self.unlock_document(root, &source, access)?;
            (root, naming_key) = (opened.root, opened.naming_key);
        } else if let Some(stray) = sops::in_plain_file(&root, &source) {
            problems.push(stray);
            return Err(problems);
        }
        let mut layer =
            Layer::read(name.clone(), LayerRole::of_layer(name.as_str()), source, directory, root, &mut problems);
        if is_unusable {
            return Err(problems);
        }
        (layer.naming_key, layer.wrapping, layer.is_partial) = (naming_key, wrapping, is_partial);
        Ok(LoadedLayer { layer: Arc::new(layer), problems })
    }

    /// Decrypts an encrypted document, or replaces its values with placeholders.
    fn unlock_document(
        &self,
        mut root: YamlNode,
        source: &Source,
        access: KeyAccess,
    ) -> Result<LayerDocument, Diagnostics> {
        // the path of a value, which its ciphertext is bound to, includes `<<` as a step
        if source.text().contains("<<") {
            let stream = yaml::read::read_stream(source, MergeKeys::Keep)?;
            root = stream.documents.into_iter().next().unwrap_or(root);
        }
        let mut opened = match access {
            KeyAccess::Decrypt => {
                self.decrypted.fetch_add(1, Relaxed);
                let decrypted = sops::decrypt_document(root, source, &self.identities);
                let found = decrypted.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
                LayerDocument { root: found.tree, naming_key: Some(found.naming_key) }
            }
            KeyAccess::StructureOnly | KeyAccess::PublicView => {
                LayerDocument { root: sops::lock_values(root), naming_key: None }
            }
        };
        opened.root.apply_merge_keys();
        Ok(opened)
    }
}
