//! The first stage: from a directory to apps and their environments.

mod beside;
mod discover;
mod foreign;
mod likeness;
mod reference;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Rule, nearest_name};
use crate::disk::Disk;
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::name::EnvironmentName;

pub use beside::MisnamedFile;
pub(crate) use beside::like_mixin;
use beside::{DirectoryLayers, LayerDirectory, sort_files};
pub use foreign::is_of_another_program;
pub use reference::{RefKind, ReferenceRole, UserRule};

/// The name of the project file.
pub const PROJECT_FILE: &str = "septum.yaml";

/// The layer that defines an app.
pub const BASE: &str = "base";

/// How the file of a layer ends that is encrypted.
pub const SECRETS: &str = ".secrets.yaml";

/// The fields of a layer.
pub const LAYER_FIELDS: [&str; 13] = [
    "app",
    "extends",
    "namespace",
    "labels",
    "annotations",
    "vars",
    "data",
    "bundles",
    "names",
    "delivery",
    "manifests",
    "external",
    "allow",
];

/// A project: apps that are kept together, and the layers that they share.
#[derive(Debug)]
pub struct Project {
    /// Reads files, and bounds the project.
    pub files: Arc<ProjectFiles>,
    /// The apps, in the order of their directories.
    pub apps: Vec<App>,
    /// The directory of layers that lie under those of every app.
    pub shared: Option<PathBuf>,
    /// The directory that rendered trees go to, if the project file names one.
    pub output: Option<PathBuf>,
    /// Where objects hold names of ConfigMaps and Secrets, beside the places that the program knows.
    pub references: Vec<UserRule>,
    /// Files beside those of apps that are not what they look like: shared layers, and what looks like a base.
    pub misnamed: Vec<MisnamedFile>,
}

/// What makes a directory a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProjectRoot {
    /// The directory has a project file.
    Settings(PathBuf),
    /// The directory is the only app.
    App(PathBuf),
}

impl ProjectRoot {
    /// The directory that names of files are relative to.
    pub fn directory(&self) -> &Path {
        let (Self::Settings(directory) | Self::App(directory)) = self;
        // `environments/` is part of its project, so that files beside it may be named
        let is_default = directory.file_name().is_some_and(|name| name == discover::DEFAULT_FOLDER);
        let above = directory.parent().filter(|_| is_default && matches!(self, Self::App(_)));
        above.unwrap_or(directory)
    }
}

/// An app: a directory with a `base.yaml`.
#[derive(Debug, Clone)]
pub struct App {
    /// The directory, absolute.
    pub directory: PathBuf,
    /// Its environments, sorted: every `NAME.yaml` beside `base.yaml`.
    pub environments: Vec<EnvironmentName>,
    /// Files beside `base.yaml` that are not what they look like.
    pub misnamed: Vec<MisnamedFile>,
}

impl Project {
    /// Finds the project that `start` lies in: the nearest `septum.yaml` upward, else the nearest
    /// directory that is an app or holds `environments/base.yaml`.
    pub fn discover(start: &Path) -> Result<Self, Diagnostics> {
        discover::discover(start)
    }

    /// What makes the directory `start` part of a project, if it is. The path is absolute, without links.
    pub fn locate(disk: &Disk, start: &Path) -> Option<ProjectRoot> {
        discover::locate(disk, start)
    }

    /// The project at its root.
    pub fn open(disk: &Disk, root: &ProjectRoot) -> Result<Self, Diagnostics> {
        discover::open(disk, root)
    }

    /// All environments of all apps, sorted.
    pub fn environments(&self) -> BTreeSet<&EnvironmentName> {
        self.apps.iter().flat_map(|app| &app.environments).collect()
    }

    /// Whether some app has the environment of a name.
    pub fn has_environment(&self, name: &str) -> bool {
        self.apps.iter().flat_map(|app| &app.environments).any(|known| known.as_str() == name)
    }

    /// Files that are not what they look like, and that concern some apps.
    pub fn misnamed<'a>(&'a self, apps: impl IntoIterator<Item = &'a App>) -> impl Iterator<Item = &'a MisnamedFile> {
        apps.into_iter().flat_map(|app| &app.misnamed).chain(&self.misnamed)
    }

    /// The environment of that name, which at least one app must have.
    pub fn environment(&self, name: &str) -> Result<EnvironmentName, Diagnostic> {
        let all = self.environments();
        if let Some(found) = all.iter().find(|known| known.as_str() == name) {
            return Ok((*found).clone());
        }
        let names: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
        if let Some(file) = self.misnamed(&self.apps).find(|file| file.layer.as_deref() == Some(name)) {
            return Err(file.diagnostic.clone());
        }
        // what is nearly none of them may be anything, a value too
        let error = match nearest_name(name, all.iter().map(|known| known.as_str())) {
            Some(near) => Diagnostic::error(Rule::UnknownEnvironment, format!("there is no environment `{name}`"))
                .hint(format!("did you mean `{near}`?")),
            None => Diagnostic::error(Rule::UnknownEnvironment, "there is no environment of that name"),
        };
        Err(if names.is_empty() {
            error.note("no app has an environment yet").hint("create `NAME.yaml` beside `base.yaml`")
        } else {
            error.note(format!("the environments are {}", names.join(", ")))
        })
    }
}

impl App {
    /// The app in `directory`, with the environments found there.
    fn read(files: &ProjectFiles, directory: PathBuf) -> Result<Self, Diagnostic> {
        let listed = files.bounds().list(&directory);
        let listed = listed.map_err(|refusal| refuse_file(&refusal, FileKind::Layer, &files.name(&directory)))?;
        let DirectoryLayers { layers, mut misnamed } = sort_files(files, &directory, &listed, LayerDirectory::App);
        if layers.is_empty() && misnamed.is_empty() {
            misnamed.push(beside::without_environment(files, &directory));
        }
        Ok(Self { directory, environments: layers.into_iter().collect(), misnamed })
    }

    /// Where the files of its own layers are looked for.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let names = self.environments.iter().map(EnvironmentName::as_str).chain([BASE]);
        names.flat_map(files_of).map(|file| self.directory.join(file))
    }

    /// The directory's name: the app's name unless its base says another.
    pub fn directory_name(&self) -> String {
        self.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// The root of the project that a directory lies in. The path is absolute, without links.
pub fn root_above(start: &Path) -> Option<PathBuf> {
    discover::locate(&Disk::default(), start).map(|root| root.directory().to_path_buf())
}

/// The files of a layer, in their order.
pub fn files_of(layer: &str) -> [String; 2] {
    [format!("{layer}.yaml"), format!("{layer}{SECRETS}")]
}
