//! The layers of a project, each read, decrypted and parsed once per run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::read::role;
use super::{Layer, PlaintextLayer};
use crate::diagnostic::Diagnostics;
use crate::files::FileKind;
use crate::name::LayerName;
use crate::project::{App, Project, files_of};
use crate::span::Source;
use crate::yaml::node::Node;
use crate::yaml::read::MergeKeys;
use crate::{sops, yaml};

/// Whether the values of encrypted layers are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sight {
    /// They are: without an identity that is an error.
    Open,
    /// It is enough to know which leaves are encrypted. Routing is decided over all environments,
    /// and nobody should need the key of `prod` to render `dev`.
    Locked,
    /// The same, and nothing else may be known: what is made of it has to be what everybody sees.
    Sealed,
}

/// A layer that was read, and what is wrong in it.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) layer: Arc<Layer>,
    pub(super) problems: Diagnostics,
}

/// An encrypted document that was decrypted or locked.
struct Opened {
    root: Node,
    naming_key: Option<sops::NamingKey>,
}

type Slot = Arc<OnceLock<Result<Reading, Diagnostics>>>;

/// Reads layers and remembers them.
#[derive(Debug)]
pub struct Library<'p> {
    /// The project they belong to.
    pub project: &'p Project,
    identities: sops::Identities,
    rules: sops::RuleBook,
    layers: Mutex<HashMap<(PathBuf, Sight), Slot>>,
    decrypted: AtomicUsize,
    plaintext: Option<PlaintextLayer>,
}

impl<'p> Library<'p> {
    /// The layers of `project`, decrypted with `identities`.
    pub fn new(project: &'p Project, identities: sops::Identities) -> Self {
        let rules = sops::RuleBook::on(project.files.disk().clone());
        Self { project, identities, rules, layers: Mutex::default(), decrypted: AtomicUsize::new(0), plaintext: None }
    }

    /// Takes a text for one of the layers, in place of what its file holds.
    pub fn put_plaintext(&mut self, layer: PlaintextLayer) {
        self.plaintext = Some(layer);
    }

    /// Whether a file was asked for as a layer.
    pub fn has_read(&self, path: &Path) -> bool {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.keys().any(|(known, _)| known == path)
    }

    /// How often a layer was decrypted.
    pub fn decrypted(&self) -> usize {
        self.decrypted.load(Relaxed)
    }

    /// What decrypts the layers.
    pub fn identities(&self) -> &sops::Identities {
        &self.identities
    }

    /// The rules of `.sops.yaml` files.
    pub fn rules(&self) -> &sops::RuleBook {
        &self.rules
    }

    /// The files of the layer `name` of `app`, in their order: shared, shared secrets, the app's,
    /// the app's secrets. Empty if there is none.
    pub fn files(&self, app: &App, name: &str) -> Vec<PathBuf> {
        let mut files = self.candidates(app, name);
        // what it is, the reader says: a pipe or a link that leads out is not left out in silence
        files.retain(|path| self.plaintext_at(path).is_some() || self.project.files.bounds().has(path));
        files
    }

    /// Lets go of the layers of an app that nobody will ask for again: a fleet is not held in memory.
    pub fn forget(&self, app: &App) {
        let paths: Vec<_> = app.files().collect();
        let mut forgotten = Vec::new();
        {
            let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
            for path in &paths {
                let of = [Sight::Open, Sight::Locked, Sight::Sealed].map(|sight| layers.remove(&(path.clone(), sight)));
                forgotten.extend(of.into_iter().flatten());
            }
        }
        self.project.files.forget(&paths);
        // to free them takes a while, and others wait for the lock
        drop(forgotten);
    }

    /// Where the files of a layer are looked for.
    pub(super) fn candidates(&self, app: &App, name: &str) -> Vec<PathBuf> {
        let folders = self.project.shared.iter().chain([&app.folder]);
        let names = files_of(name);
        folders.flat_map(|folder| names.each_ref().map(|name| folder.join(name))).collect()
    }

    /// The layer in the file at `path`; an error if it cannot be read at all.
    pub(super) fn layer(&self, path: &Path, name: &LayerName, sight: Sight) -> Result<Reading, Diagnostics> {
        let slot = self.slot(path, sight);
        slot.get_or_init(|| self.read(path, name, sight)).clone()
    }

    fn slot(&self, path: &Path, sight: Sight) -> Slot {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        // who sees more also sees less, and what is not encrypted is the same for everybody
        let open = layers.get(&(path.to_path_buf(), Sight::Open)).filter(|open| match sight {
            Sight::Open => false,
            // one that could not be opened can still be read as everybody sees it
            Sight::Locked => matches!(open.get(), Some(Ok(_))),
            Sight::Sealed => matches!(open.get(), Some(Ok(reading)) if reading.layer.wrapping.is_none()),
        });
        if let Some(open) = open {
            return Arc::clone(open);
        }
        Arc::clone(layers.entry((path.to_path_buf(), sight)).or_default())
    }

    fn plaintext_at(&self, path: &Path) -> Option<&PlaintextLayer> {
        self.plaintext.as_ref().filter(|layer| layer.path == path)
    }

    fn read(&self, path: &Path, name: &LayerName, sight: Sight) -> Result<Reading, Diagnostics> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some(layer) = self.plaintext_at(path) {
            let (root, source) = layer.read(&self.project.files.name(path))?;
            let mut problems = Diagnostics::new();
            let layer = Layer::read(name.clone(), role(name.as_str()), source, folder, root, &mut problems);
            return Ok(Reading { layer: Arc::new(layer), problems });
        }
        let source = self.project.files.text(FileKind::Layer, path)?;
        let mut root = yaml::read::read(&source)?;
        let mut problems = Diagnostics::new();
        let (mut naming_key, mut wrapping) = (None, None);
        if sops::is_encrypted(&root) {
            let metadata = sops::metadata(&root, &source);
            let metadata = metadata.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
            if let Some(stray) = sops::in_encrypted_file(&root, &source, &metadata.selector) {
                return Err(stray.into());
            }
            sops::refuse_ambiguous_keys(&root, &source, &metadata.selector)?;
            wrapping = Some(metadata.wrapping());
            // what a file says of its encryption needs no key
            problems.extend(sops::policy::report(&self.rules, path, source.name(), &metadata, sops::Format::Yaml));
            let opened = self.open(root, &source, sight)?;
            (root, naming_key) = (opened.root, opened.naming_key);
        } else if let Some(stray) = sops::in_plain_file(&root, &source) {
            return Err(stray.into());
        }
        let mut layer = Layer::read(name.clone(), role(name.as_str()), source, folder, root, &mut problems);
        (layer.naming_key, layer.wrapping) = (naming_key, wrapping);
        Ok(Reading { layer: Arc::new(layer), problems })
    }

    /// An encrypted document, decrypted or locked.
    fn open(&self, mut root: Node, source: &Source, sight: Sight) -> Result<Opened, Diagnostics> {
        // the path of a value, which its ciphertext is bound to, has `<<` as a step
        if source.text().contains("<<") {
            let stream = yaml::read::read_stream(source, MergeKeys::Keep)?;
            root = stream.documents.into_iter().next().unwrap_or(root);
        }
        let mut opened = match sight {
            Sight::Open => {
                self.decrypted.fetch_add(1, Relaxed);
                let decrypted = sops::decrypt(root, source, &self.identities);
                let found = decrypted.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
                Opened { root: found.tree, naming_key: Some(found.naming_key) }
            }
            Sight::Locked | Sight::Sealed => Opened { root: sops::lock(root), naming_key: None },
        };
        opened.root.apply_merge_keys();
        Ok(opened)
    }
}
