//! Files beside `base.yaml`: environments, their parts, and mistakes.
//!
//! A file that looks like a layer and is not read would silently change the result. So each file is an environment, a
//! part of one, a file that cannot be mistaken for either, or an error that says what it looks like.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::foreign::is_content_of_another_program;
use super::likeness::{FileNameParts, tool_of};
use super::{BASE, INCOMING, PROJECT_FILE, SECRETS, secrets_file_name};
use crate::diagnostic::{Diagnostic, Rule};
use crate::disk::{DirEntry, DirEntryKind};
use crate::files::{ProjectFiles, left_out_file};
use crate::map::HashSet;
use crate::name::{EnvironmentName, wrong_dns_label};
use crate::sort::CollectSorted;
use crate::span::{Location, Source, Span};

/// Ending of a JSON Schema, which nobody gives to a layer.
const JSON_SCHEMA: &str = ".schema.json";

/// File whose name is misleading.
#[derive(Debug, Clone)]
pub struct MisnamedFile {
    /// Layer that was probably meant.
    pub layer: Option<String>,
    /// Diagnostic with the mistake and its fix.
    pub diagnostic: Diagnostic,
}

/// Layers in a directory.
#[derive(Debug, Default)]
pub(super) struct DirectoryLayers {
    /// Names of layers with a file `NAME.yaml`, except the base.
    pub(super) layers: BTreeSet<EnvironmentName>,
    /// Files with misleading names.
    pub(super) misnamed: Vec<MisnamedFile>,
}

/// Layers of a directory among the files that a sparse checkout leaves out: without them, other values would be
/// rendered.
pub(super) fn left_out_layers(files: &ProjectFiles, directory: &Path, left_out: &[PathBuf]) -> Vec<MisnamedFile> {
    let below = left_out.iter().filter(|path| path.starts_with(directory));
    let layer_of = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        let layer = name.strip_suffix(SECRETS).or_else(|| name.strip_suffix(".yaml"))?;
        (path.parent() == Some(directory) || name.ends_with(SECRETS)).then(|| layer.to_owned())
    };
    let layers = below.filter_map(|path| Some((path, layer_of(path)?)));
    let report = |(path, layer): (&PathBuf, String)| {
        let name = files.name(path);
        MisnamedFile { layer: Some(layer), diagnostic: left_out_file(&name) }
    };
    layers.map(report).collect()
}

/// Role of a directory of layers.
#[derive(Clone, Copy)]
pub(super) enum LayerDirectory<'a> {
    /// Directory of an app: its files are the environments.
    App,
    /// Directory of shared layers.
    Shared {
        /// Environments of all apps.
        environments: &'a BTreeSet<EnvironmentName>,
        /// Whether some layer extends the layer of that name.
        is_extended: &'a dyn Fn(&str) -> bool,
    },
}

/// Sorts the files in a directory of layers.
///
/// Errors: `unknown-file`, `invalid-name`.
pub(super) fn sort_files(
    files: &ProjectFiles,
    directory: &Path,
    listed: &[DirEntry],
    role: LayerDirectory<'_>,
) -> DirectoryLayers {
    let mut texts = listed.iter().filter_map(|entry| Some((entry.name.to_str()?, entry.kind)));
    let mut names = BTreeSet::new();
    for (file, kind) in texts.by_ref() {
        names.extend(layer_of(file).filter(|name| kind != DirEntryKind::Directory && wrong_dns_label(name).is_none()));
    }
    let hardly = |name: &&str| {
        let others = names.iter().copied().filter(|other| other != name);
        unlikely_environment(name, others).is_some()
    };
    let known: BTreeSet<EnvironmentName> = match role {
        LayerDirectory::App => names.iter().filter(|name| !hardly(name)).map(|name| (*name).into()).collect_set(),
        LayerDirectory::Shared { environments, .. } => environments.clone(),
    };
    let sorter = LayerFileSorter { files, directory, listed, known: &known, role, words: OnceCell::new() };
    let mut misnamed: Vec<_> = listed.iter().filter_map(|entry| sorter.misnamed(entry)).collect();
    // files that belong to a misnamed file are correct once it is renamed
    let meant: BTreeSet<String> =
        misnamed.iter().filter(|it| !it.is_orphan).filter_map(|it| it.file.layer.clone()).collect_set();
    misnamed.retain(|it| !it.is_orphan || it.file.layer.as_ref().is_none_or(|layer| !meant.contains(layer)));
    DirectoryLayers { misnamed: misnamed.into_iter().map(|it| it.file).collect(), layers: known }
}

/// Reason why the layer of a valid name is not taken for an environment, beside the layers of others.
pub fn unlikely_environment<'k>(name: &str, others: impl Iterator<Item = &'k str> + Clone) -> Option<String> {
    let file = format!("{name}.yaml");
    if let Some(tool) = tool_of(&file) {
        return Some(file_of_tool(&file, tool));
    }
    let is_unlikely = FileNameParts::of(name).is_hardly_an_environment(others);
    is_unlikely.then(|| format!("`{file}` does not look like a layer"))
}

fn file_of_tool(file: &str, tool: &str) -> String {
    format!("`{file}` is a file of {tool}, not a layer")
}

/// Reports that an app has no environment, so that none of it is ever rendered.
pub(super) fn without_environment(files: &ProjectFiles, directory: &Path) -> MisnamedFile {
    let message = format!("`{}` has no environment, so nothing is rendered for it", files.name(directory));
    let diagnostic = Diagnostic::error(Rule::NoEnvironment, message)
        .at_masked(place_of(files, &directory.join("base.yaml")))
        .hint("create `NAME.yaml` beside `base.yaml`, such as `prod.yaml`; it may be empty");
    MisnamedFile { layer: None, diagnostic }
}

/// Reports files that look like a `base.yaml` in a directory without one.
pub(super) fn like_a_base(files: &ProjectFiles, directory: &Path, listed: &[DirEntry]) -> Option<MisnamedFile> {
    let is_base = |file: &str| {
        let likeness = FileNameParts::of(file);
        likeness.is_yaml && !file.starts_with('.') && likeness.layer(std::iter::empty()) == Some(BASE)
    };
    let names =
        listed.iter().filter(|entry| entry.kind != DirEntryKind::Directory).filter_map(|entry| entry.name.to_str());
    let file = names.into_iter().find(|file| is_base(file))?;
    let message = format!("`{file}` looks like `base.yaml`, but is not: `{}` is not an app", files.name(directory));
    let diagnostic = Diagnostic::error(Rule::UnknownFile, message)
        .at_masked(place_of(files, &directory.join(file)))
        .hint("rename it to `base.yaml`, or exclude the directory from `apps`");
    Some(MisnamedFile { layer: Some(BASE.to_owned()), diagnostic })
}

/// File in a directory of mixins that looks like YAML, and is no layer.
#[derive(Debug)]
pub(crate) struct UnreadFile {
    path: PathBuf,
    name: String,
    parts: FileNameParts,
}

/// Files of a directory that could look like a mixin or its secrets file, and are not.
pub(crate) fn unread_files(files: &ProjectFiles, directory: &Path) -> Vec<UnreadFile> {
    let listed = files.bounds().list(directory).unwrap_or_default();
    let names =
        listed.iter().filter(|entry| entry.kind != DirEntryKind::Directory).filter_map(|entry| entry.name.to_str());
    let is_layer = |file: &str| layer_of(file).or(companion_of(file)).is_some() || file.starts_with('.');
    names
        .filter(|file| !is_layer(file))
        .map(|file| UnreadFile { path: directory.join(file), name: file.to_owned(), parts: FileNameParts::of(file) })
        .filter(|file| file.parts.is_yaml)
        .collect()
}

impl UnreadFile {
    /// Error, if the file looks like a part of this mixin.
    pub(crate) fn like_mixin(&self, files: &ProjectFiles, mixin: &str) -> Option<Diagnostic> {
        self.parts.is_named(mixin).then(|| {
            Diagnostic::error(
                Rule::UnknownFile,
                format!("`{}` looks like a part of the mixin `{mixin}`, but is not read", self.name),
            )
            .at_masked(place_of(files, &self.path))
            .hint(format!(
                "a mixin is `{mixin}.yaml`, and its encrypted half `{mixin}{SECRETS}`: rename or remove the file"
            ))
        })
    }
}

/// Layer of a file, by its name alone.
fn layer_of(file: &str) -> Option<&str> {
    let name = file.strip_suffix(".yaml").filter(|_| file != PROJECT_FILE)?;
    (name != BASE && !name.is_empty() && !name.contains('.')).then_some(name)
}

/// Layer that a secrets file belongs to, by its name alone.
fn companion_of(file: &str) -> Option<&str> {
    file.strip_suffix(SECRETS).filter(|name| !name.is_empty() && !name.contains('.'))
}

/// Environment for which the values of a file wait, by its name alone.
fn environment_of_incoming(file: &str) -> Option<&str> {
    file.strip_suffix(INCOMING).filter(|name| *name != BASE && wrong_dns_label(name).is_none())
}

struct MisnamedCandidate {
    file: MisnamedFile,
    /// Whether it is valid except that the file it belongs to is missing.
    is_orphan: bool,
}

struct LayerFileSorter<'a> {
    files: &'a ProjectFiles,
    directory: &'a Path,
    listed: &'a [DirEntry],
    /// Names of existing layers.
    known: &'a BTreeSet<EnvironmentName>,
    role: LayerDirectory<'a>,
    /// Words of its layers, computed on first use.
    words: OnceCell<HashSet<String>>,
}

impl LayerFileSorter<'_> {
    fn known(&self) -> impl Iterator<Item = &str> + Clone {
        self.known.iter().map(EnvironmentName::as_str)
    }

    /// Mistake of an entry of the directory, if there is one.
    fn misnamed(&self, entry: &DirEntry) -> Option<MisnamedCandidate> {
        let file = entry.name.to_string_lossy();
        let is_directory = entry.kind == DirEntryKind::Directory
            || (entry.kind == DirEntryKind::Link
                && self.files.bounds().is_directory(&self.directory.join(&entry.name)));
        if is_directory {
            return self.misplaced_directory(&file);
        }
        if file.starts_with('.') {
            return self.hidden_file(&file);
        }
        let is_layer = |name: &str| self.is_layer(name);
        if file == PROJECT_FILE || layer_of(&file).or(companion_of(&file)).is_some_and(is_layer) || file == "base.yaml"
        {
            return None;
        }
        if let (Some(name), LayerDirectory::App) = (environment_of_incoming(&file), self.role) {
            return (!self.known.contains(name)).then(|| self.orphan_incoming_file(&file, name));
        }
        if let Some(tool) = tool_of(&file) {
            let message = file_of_tool(&file, tool);
            return Some(
                self.misnamed_file(&file, message, None)
                    .hinting("move it to another directory, separate from the layers"),
            );
        }
        let likeness = FileNameParts::of(&file);
        let name = layer_of(&file).or(companion_of(&file)).filter(|name| wrong_dns_label(name).is_none());
        if let (Some(name), LayerDirectory::Shared { is_extended, .. }) = (name, self.role)
            && is_extended(name)
        {
            return None;
        }
        if let Some(name) = companion_of(&file).filter(|name| wrong_dns_label(name).is_none()) {
            return Some(self.orphan_file(&file, name, &likeness));
        }
        let is_half = file.ends_with(SECRETS);
        let name = file.strip_suffix(SECRETS).or_else(|| file.strip_suffix(".yaml"));
        if let Some(name) = name.filter(|name| is_half || !name.contains('.') || !likeness.is_secret) {
            return Some(self.no_environment(&file, name, &likeness));
        }
        if file.ends_with(JSON_SCHEMA) {
            // `septum schema --out` and other programs write them for editors
            return None;
        }
        let is_like = likeness.is_yaml || (likeness.is_like_a_layer(self.known()) && !self.is_named(&file));
        is_like.then(|| self.unknown_file(&file, &likeness))
    }

    /// Reports a directory with the name of a file.
    fn misplaced_directory(&self, file: &str) -> Option<MisnamedCandidate> {
        let likeness = FileNameParts::of(file);
        let is_named = |ending: &str| Path::new(file).extension().is_some_and(|it| it.eq_ignore_ascii_case(ending));
        (is_named("yaml") || is_named("yml")).then(|| {
            let message = format!("`{file}` is a directory, not a layer");
            let layer = likeness.meant_file(self.known()).map(|(layer, _)| layer);
            self.misnamed_file(file, message, layer)
                .hinting("rename it: layers are files, and mixins are files in subdirectories")
        })
    }

    /// Reports a hidden file, which belongs to another program unless it is named like an existing layer.
    fn hidden_file(&self, file: &str) -> Option<MisnamedCandidate> {
        let visible = file.trim_start_matches('.');
        if visible == "sops.yml" {
            let message = format!("`{file}` is not read: the rules for encrypted files are in `.sops.yaml`");
            return Some(self.misnamed_file(file, message, None).hinting("rename it to `.sops.yaml`"));
        }
        let stem = visible.strip_suffix(".yaml").or_else(|| visible.strip_suffix(".yml"));
        let stem = stem.map(|stem| stem.strip_suffix(".secrets").unwrap_or(stem));
        let is_layer = stem.is_some_and(|stem| self.is_layer(stem));
        (is_layer || matches!(visible, "yaml" | "yml" | "secrets.yaml" | "secrets.yml"))
            .then(|| self.unknown_file(file, &FileNameParts::of(visible)))
    }

    /// Reports a secrets file without the layer that it belongs to.
    fn orphan_file(&self, file: &str, name: &str, likeness: &FileNameParts) -> MisnamedCandidate {
        let message = match self.role {
            LayerDirectory::App => format!("`{file}` belongs to `{name}.yaml`, which does not exist"),
            LayerDirectory::Shared { .. } => format!("`{file}` belongs to `{name}`, but no app has that environment"),
        };
        let near = likeness.layer(self.known());
        let layer = near.unwrap_or(name).to_owned();
        let found = self.misnamed_file(file, message, Some(layer));
        let found = match near {
            Some(near) => found.hinting(self.rename(file, &secrets_file_name(near))),
            None => found,
        };
        let found = match self.role {
            LayerDirectory::App => {
                found.hinting(format!("to add the environment `{name}`, create `{name}.yaml`; it may be empty"))
            }
            LayerDirectory::Shared { .. } => found,
        };
        MisnamedCandidate { is_orphan: true, ..found }
    }

    /// Reports values that wait for an environment which does not exist.
    fn orphan_incoming_file(&self, file: &str, name: &str) -> MisnamedCandidate {
        let message = format!("`{file}` waits for `{name}.yaml`, which does not exist");
        let found = self.misnamed_file(file, message, Some(name.to_owned()));
        let found = found.hinting(format!("remove it, or create `{name}.yaml`; it may be empty"));
        MisnamedCandidate { is_orphan: true, ..found }
    }

    /// Reports `NAME.yaml` where NAME is not a valid environment, or is unlikely to be one.
    fn no_environment(&self, file: &str, name: &str, likeness: &FileNameParts) -> MisnamedCandidate {
        let meant = likeness.meant_file(self.known());
        let layer = meant.as_ref().map(|(layer, _)| layer.clone());
        let found = match wrong_dns_label(name) {
            Some(why) => {
                let message = format!("`{file}` beside `base.yaml` would be the environment `{name}`: {why}");
                let mut found = self.misnamed_file(file, message, layer);
                found.file.diagnostic.rule = Rule::InvalidName;
                found
            }
            None if matches!(self.role, LayerDirectory::Shared { .. }) => self.misnamed_file(
                file,
                format!("`{file}` is a shared layer of `{name}`, but no app has that environment"),
                layer,
            ),
            None => self.misnamed_file(
                file,
                format!("`{file}` would be the environment `{name}`, but does not look like a layer"),
                layer,
            ),
        };
        match meant.filter(|(_, meant)| meant != file) {
            Some((_, meant)) => found.hinting(self.rename(file, &meant)),
            None if likeness.is_secret => found.hinting("the encrypted half of an environment is `ENV.secrets.yaml`"),
            None => found.hinting("rename the file, or move it to a subdirectory: files in subdirectories are mixins"),
        }
    }

    /// Reports a file that is neither an environment nor a part of one.
    fn unknown_file(&self, file: &str, likeness: &FileNameParts) -> MisnamedCandidate {
        let message = format!("`{file}` does not belong to an environment, and is not read");
        let meant = likeness.meant_file(self.known());
        let found = self.misnamed_file(file, message, meant.as_ref().map(|(layer, _)| layer.clone()));
        if self.is_foreign(file) && meant.as_ref().is_none_or(|(layer, _)| !self.is_layer(layer)) {
            let message = format!("`{file}` looks like a file of another program, not like a layer");
            return self.misnamed_file(file, message, None).hinting("move it to another directory");
        }
        match meant {
            Some((_, meant)) => found.hinting(self.rename(file, &meant)),
            None => found.hinting("move it to a subdirectory, or remove it"),
        }
    }

    /// Whether a file has no field of a layer.
    fn is_foreign(&self, file: &str) -> bool {
        let content = self.files.output_content(&self.directory.join(file));
        content.is_some_and(|content| is_content_of_another_program(file, &content))
    }

    fn is_layer(&self, name: &str) -> bool {
        name == BASE || self.known.contains(name)
    }

    /// Hint for a file with the wrong name.
    fn rename(&self, file: &str, meant: &str) -> String {
        if self.listed.binary_search_by(|entry| entry.name.as_os_str().cmp(OsStr::new(meant))).is_ok() {
            format!("did you mean `{meant}`? It already exists: move missing content there, and remove `{file}`")
        } else if self.is_of_known(meant) {
            format!("did you mean `{meant}`? Rename the file")
        } else {
            format!("rename it to `{meant}` if it is a layer, or move it to a subdirectory")
        }
    }

    fn is_of_known(&self, file: &str) -> bool {
        let is_layer = |name: &str| self.is_layer(name);
        file.strip_suffix(SECRETS).or_else(|| file.strip_suffix(".yaml")).is_some_and(is_layer)
    }

    fn misnamed_file(&self, file: &str, message: String, layer: Option<String>) -> MisnamedCandidate {
        let diagnostic =
            Diagnostic::error(Rule::UnknownFile, message).at_masked(place_of(self.files, &self.directory.join(file)));
        MisnamedCandidate { file: MisnamedFile { layer, diagnostic }, is_orphan: false }
    }

    /// Whether a layer beside a file mentions it: then it is a file that layers refer to.
    fn is_named(&self, file: &str) -> bool {
        let words = self.words.get_or_init(|| {
            let names = self.known().chain([BASE]).flat_map(super::files_of);
            words_of(names.filter_map(|name| self.files.output_content(&self.directory.join(name))))
        });
        let glob = file.rsplit_once('.').map(|(_, ending)| format!("*.{ending}"));
        words.contains(file) || glob.is_some_and(|glob| words.contains(&glob))
    }
}

impl MisnamedCandidate {
    fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.file.diagnostic = self.file.diagnostic.hint(hint);
        self
    }
}

/// Words of some texts: the parts between spaces, punctuation of YAML, and path separators.
pub(super) fn words_of(texts: impl Iterator<Item = Arc<[u8]>>) -> HashSet<String> {
    let mut words = HashSet::default();
    for text in texts {
        let text = String::from_utf8_lossy(&text);
        let parts = text.split(|char: char| char.is_whitespace() || "\"'{}[],:/#".contains(char));
        words.extend(parts.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    words
}

/// Location of a file as a whole.
pub(super) fn place_of(files: &ProjectFiles, path: &Path) -> Location {
    Source::new(files.name(path), "").place(Span::locate("", 0, 0))
}
