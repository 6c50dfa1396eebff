//! First stage: from a directory to apps and their environments.

mod beside;
mod discover;
mod foreign;
mod likeness;
mod reference;
mod settings;
mod settings_reader;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, nearest_name};
use crate::disk::Disk;
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::name::{AppName, EnvironmentName};
pub use crate::sops::INCOMING;
use crate::sort::CollectSorted;
use crate::yaml::node::YamlNode;

use beside::{DirectoryLayers, LayerDirectory, sort_files};
pub use beside::{MisnamedFile, unlikely_environment};
pub(crate) use beside::{UnreadFile, unread_files};
pub use foreign::is_of_another_program;
pub use reference::{RefKind, ReferenceRole, UserRule};

/// Name of the project file.
pub const PROJECT_FILE: &str = "septum.yaml";

/// Layer that defines an app.
pub const BASE: &str = "base";

/// Ending of an encrypted layer's file name.
pub const SECRETS: &str = ".secrets.yaml";

/// Fields of a layer.
pub const LAYER_FIELDS: [&str; 21] = [
    "app",
    "extends",
    "namespace",
    "labels",
    "annotations",
    "selectorLabels",
    "prefix",
    "suffix",
    "vars",
    "varRules",
    "data",
    "bundles",
    "names",
    "immutable",
    "delivery",
    "manifests",
    "patches",
    "images",
    "replicas",
    "external",
    "allow",
];

/// Project: a set of apps, and the layers that they share.
#[derive(Debug)]
pub struct Project {
    /// Reads files, and bounds the project.
    pub files: Arc<ProjectFiles>,
    /// Apps, in the order of their directories.
    pub apps: Vec<App>,
    /// Directory of shared layers, which are below those of every app.
    pub shared: Option<PathBuf>,
    /// Output directory of rendered trees, if the project file sets one.
    pub output: Option<PathBuf>,
    /// Rules for references to ConfigMaps and Secrets, in addition to the built-in ones.
    pub references: Vec<UserRule>,
    /// Files outside of apps with misleading names: shared layers, and files that look like a base.
    pub misnamed: Vec<MisnamedFile>,
}

/// Root of a project, with the reason why it is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProjectRoot {
    /// Directory with a project file.
    Settings(PathBuf),
    /// Directory of the only app.
    App(PathBuf),
}

impl ProjectRoot {
    /// Directory that file names are relative to.
    pub fn directory(&self) -> &Path {
        let (Self::Settings(directory) | Self::App(directory)) = self;
        // `environments/` is part of its project, so that files beside it may be referenced
        let is_default = directory.file_name().is_some_and(|name| name == discover::DEFAULT_FOLDER);
        let above = directory.parent().filter(|_| is_default && matches!(self, Self::App(_)));
        above.unwrap_or(directory)
    }
}

/// App: a directory with a `base.yaml`.
#[derive(Debug, Clone)]
pub struct App {
    /// Absolute path of the directory.
    pub directory: PathBuf,
    /// Its environments, sorted: every `NAME.yaml` beside `base.yaml`.
    pub environments: Vec<EnvironmentName>,
    /// Files beside `base.yaml` with misleading names.
    pub misnamed: Vec<MisnamedFile>,
}

impl Project {
    /// Paths at which the layers of environments are searched: those of apps, and the shared ones of the same names.
    pub fn layer_files(&self) -> Vec<PathBuf> {
        let own = self.apps.iter().flat_map(App::files);
        let environments = self.environments();
        let names = environments.iter().map(|name| name.as_str()).chain([BASE]);
        let names: Vec<_> = names.flat_map(files_of).collect();
        let shared = self.shared.iter().flat_map(|directory| names.iter().map(|name| directory.join(name)));
        own.chain(shared).collect()
    }

    /// Finds the project that contains `start`: the nearest `septum.yaml` upward, otherwise the nearest directory that
    /// is an app or contains `environments/base.yaml`.
    pub fn discover(start: &Path) -> Result<Self, Diagnostics> {
        discover::discover(start)
    }

    /// Root of the project that contains the directory `start`, if any. The path is absolute, without links.
    pub fn locate(disk: &Disk, start: &Path) -> Option<ProjectRoot> {
        discover::locate(disk, start)
    }

    /// Opens the project at its root.
    pub fn open(disk: &Disk, root: &ProjectRoot) -> Result<Self, Diagnostics> {
        discover::open(disk, root)
    }

    /// Apps that a sparse checkout leaves out of the work tree, with their names as far as they are known.
    pub fn left_out_apps(&self) -> Vec<(App, String)> {
        let Some(complete) = self.files.complete_bounds() else { return Vec::new() };
        let root = Self::locate(complete.disk(), self.files.root());
        let Some(Ok(all)) = root.map(|root| Self::open(complete.disk(), &root)) else { return Vec::new() };
        let own = self.apps.iter().map(|app| app.directory.as_path()).collect_set();
        let apps = all.apps.into_iter().filter(|app| !own.contains(app.directory.as_path()));
        let named = |app: App| {
            let base = all.files.read_text(FileKind::Layer, &app.directory.join(format!("{BASE}.yaml"))).ok();
            let tree = base.and_then(|base| crate::yaml::read::read_document(&base).ok());
            let fields = tree.as_ref().and_then(YamlNode::as_map);
            let name = fields.and_then(|fields| Some(fields.get("app")?.as_scalar()?.text().to_owned()));
            let name = name.unwrap_or_else(|| app.directory_name());
            (app, name)
        };
        apps.map(named).collect()
    }

    /// All environments of all apps, sorted.
    pub fn environments(&self) -> BTreeSet<&EnvironmentName> {
        self.apps.iter().flat_map(|app| &app.environments).collect_set()
    }

    /// Whether some app has an environment of that name.
    pub fn has_environment(&self, name: &str) -> bool {
        self.apps.iter().flat_map(|app| &app.environments).any(|known| known.as_str() == name)
    }

    /// Misnamed files that concern some apps.
    pub fn misnamed<'a>(&'a self, apps: impl IntoIterator<Item = &'a App>) -> impl Iterator<Item = &'a MisnamedFile> {
        apps.into_iter().flat_map(|app| &app.misnamed).chain(&self.misnamed)
    }

    /// Errors for misnamed files that concern some apps: what looks like a layer and is not read.
    pub fn name_errors<'a>(&'a self, apps: impl IntoIterator<Item = &'a App>) -> Diagnostics {
        self.misnamed(apps).map(|file| file.diagnostic.clone()).collect()
    }

    /// Environment of that name, which at least one app must have.
    pub fn environment(&self, name: &str) -> Result<EnvironmentName, Diagnostic> {
        let all = self.environments();
        if let Some(found) = all.iter().find(|known| known.as_str() == name) {
            return Ok((*found).clone());
        }
        let names: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
        if let Some(file) = self.misnamed(&self.apps).find(|file| file.layer.as_deref() == Some(name)) {
            return Err(file.diagnostic.clone());
        }
        // a text without a similar name may be anything, even a value
        let error = match nearest_name(name, all.iter().map(|known| known.as_str())) {
            Some(near) => Diagnostic::error(Rule::UnknownEnvironment, format!("unknown environment `{name}`"))
                .hint(format!("did you mean `{near}`?")),
            None => Diagnostic::error(Rule::UnknownEnvironment, "unknown environment"),
        };
        Err(if names.is_empty() {
            error.note("no app has any environments").hint("create `NAME.yaml` beside `base.yaml`")
        } else {
            error.note(format!("the environments are {}", names.join(", ")))
        })
    }
}

impl App {
    /// Reads the app in `directory`, with the environments found there.
    fn read(files: &ProjectFiles, directory: PathBuf) -> Result<Self, Diagnostic> {
        let listed = files.bounds().list(&directory);
        let listed = listed.map_err(|refusal| refuse_file(&refusal, FileKind::Layer, &files.name(&directory)))?;
        let DirectoryLayers { layers, mut misnamed } = sort_files(files, &directory, &listed, LayerDirectory::App);
        if layers.is_empty() && misnamed.is_empty() {
            misnamed.push(beside::without_environment(files, &directory));
        }
        Ok(Self { directory, environments: layers.into_iter().collect(), misnamed })
    }

    /// Error: it has none of some environments; a file that looks like the layer of one is reported instead.
    pub fn lacks_environments<'e>(
        &self,
        name: &AppName,
        wanted: impl IntoIterator<Item = &'e EnvironmentName>,
    ) -> Diagnostic {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let is_wanted = |layer: &str| wanted.iter().any(|name| name.as_str() == layer);
        if let Some(file) = self.misnamed.iter().find(|file| file.layer.as_deref().is_some_and(is_wanted)) {
            return file.diagnostic.clone();
        }
        let quoted = |names: &mut dyn Iterator<Item = &EnvironmentName>| {
            names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let message = format!("the app `{name}` has no environment {}", quoted(&mut wanted.into_iter()));
        let error = Diagnostic::error(Rule::UnknownEnvironment, message);
        match self.environments.as_slice() {
            [] => error,
            has => error.note(format!("it has {}", quoted(&mut has.iter()))),
        }
    }

    /// Paths at which the files of its own layers are searched.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let names = self.environments.iter().map(EnvironmentName::as_str).chain([BASE]);
        names.flat_map(files_of).map(|file| self.directory.join(file))
    }

    /// The file of an environment's secrets, which need not exist.
    pub fn secrets_file(&self, environment: &EnvironmentName) -> PathBuf {
        self.directory.join(secrets_file_name(environment.as_str()))
    }

    /// The file of values that wait to be merged into an environment's secrets, which need not exist.
    pub fn incoming_file(&self, environment: &EnvironmentName) -> PathBuf {
        self.directory.join(format!("{environment}{INCOMING}"))
    }

    /// The directory's name: the app's name unless its base says another.
    pub fn directory_name(&self) -> String {
        self.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Root of the project that contains a directory. The path is absolute, without links.
pub fn root_above(start: &Path) -> Option<PathBuf> {
    discover::locate(&Disk::default(), start).map(|root| root.directory().to_path_buf())
}

/// Files of a layer, in merge order.
pub fn files_of(layer: &str) -> [String; 2] {
    [format!("{layer}.yaml"), secrets_file_name(layer)]
}

/// The name of the encrypted half of a layer.
pub fn secrets_file_name(layer: &str) -> String {
    format!("{layer}{SECRETS}")
}
