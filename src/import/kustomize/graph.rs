//! Kustomizations that roots are made of: directories, components, and the files that they name.

use std::path::{Path, PathBuf};

use super::field_map::Text;
use super::fields::{FILE_NAMES, GeneratorField, Kustomization};
use super::key_values::parse_file_source;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::disk::normalize_path;
use crate::files::{FileKind, ProjectFiles};
use crate::map::HashMap;
use crate::span::Source;

/// Start of a value that is encrypted.
pub(super) const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// Index of a kustomization in its graph.
pub(super) type NodeIndex = usize;

/// Root that becomes an environment.
pub(super) struct EnvironmentRoot {
    pub(super) name: String,
    pub(super) node: NodeIndex,
}

/// A kustomization with what it names.
pub(super) struct KustomizationNode {
    pub(super) content: Kustomization,
    /// Files and directories of `resources`, in their order.
    pub(super) resources: Vec<ResourceItem>,
    pub(super) components: Vec<NodeIndex>,
}

/// Item of `resources`.
pub(super) enum ResourceItem {
    /// File of objects.
    File(PathBuf, Text),
    /// Another kustomization.
    Directory(NodeIndex),
}

/// All kustomizations that some roots reach, each once.
pub(super) struct KustomizationGraph<'f> {
    pub(super) files: &'f ProjectFiles,
    pub(super) nodes: Vec<KustomizationNode>,
    known: HashMap<PathBuf, Option<NodeIndex>>,
    remotes: &'f [(String, PathBuf)],
}

impl<'f> KustomizationGraph<'f> {
    pub(super) fn new(files: &'f ProjectFiles, remotes: &'f [(String, PathBuf)]) -> Self {
        Self { files, nodes: Vec::new(), known: HashMap::default(), remotes }
    }

    /// Reads the kustomization of a directory, and all that it reaches.
    pub(super) fn load(&mut self, directory: &Path) -> Result<NodeIndex, Diagnostics> {
        let directory = normalize_path(directory);
        match self.known.get(&directory) {
            Some(Some(index)) => return Ok(*index),
            Some(None) => {
                let name = self.files.name(&directory);
                return Err(Diagnostic::error(Rule::Kustomization, format!("`{name}` includes itself")).into());
            }
            None => {}
        }
        self.known.insert(directory.clone(), None);
        let source = self.read_source(&directory)?;
        let mut content = Kustomization::parse(&directory, &source)?;
        self.map_transformers(&directory, &mut content);
        let mut problems = Diagnostics::new();
        let (mut resources, mut components) = (Vec::new(), Vec::new());
        for text in &content.resources {
            match self.load_resource(&directory, text) {
                Ok(item) => resources.push(item),
                Err(found) => problems.extend(found),
            }
        }
        for text in &content.components {
            let path = self.locate(&directory, text);
            match path.map_err(Diagnostics::from).and_then(|path| self.load(&path)) {
                Ok(index) => components.push(index),
                Err(found) => problems.extend(found),
            }
        }
        let of_patches = content.patches.iter().filter_map(|patch| patch.path.as_ref());
        for text in of_patches.chain(&content.configurations).chain(content.other_files()) {
            problems.extend(self.locate(&directory, text).err().filter(|_| is_remote(&text.value)));
        }
        for generator in &content.generators {
            problems.extend(self.check_generator(&directory, generator));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let index = self.nodes.len();
        self.nodes.push(KustomizationNode { content, resources, components });
        self.known.insert(directory, Some(index));
        Ok(index)
    }

    /// Errors: a generator reads a remote file, or a Secret is generated of ciphertext.
    fn check_generator(&self, directory: &Path, generator: &GeneratorField) -> Vec<Diagnostic> {
        let files = generator.files.iter().map(|file| match parse_file_source(&file.value) {
            Some((_, path)) => Text { value: path.to_owned(), place: file.place.clone() },
            None => file.clone(),
        });
        let mut found = Vec::new();
        for text in files.chain(generator.envs.iter().cloned()) {
            match self.locate(directory, &text) {
                Err(problem) if is_remote(&text.value) => found.push(problem),
                Ok(path) if generator.is_secret && self.is_ciphertext(&path) => found.push(at_path(
                    Diagnostic::error(Rule::Kustomization, "a Secret is generated from a file that SOPS encrypted")
                        .note("kustomize writes its ciphertext to the Secret, and only a controller decrypts that")
                        .hint("decrypt the file with `sops decrypt`, and import then: the values are encrypted again"),
                    &text,
                )),
                _ => {}
            }
        }
        found
    }

    fn is_ciphertext(&self, path: &Path) -> bool {
        let content = self.files.read_bytes(FileKind::EntryFile, path);
        content.is_ok_and(|bytes| bytes.windows(CIPHERTEXT.len()).any(|part| part == CIPHERTEXT.as_bytes()))
    }

    fn load_resource(&mut self, directory: &Path, text: &Text) -> Result<ResourceItem, Diagnostics> {
        let path = self.locate(directory, text)?;
        if self.files.bounds().is_directory(&path) {
            return self.load(&path).map(ResourceItem::Directory);
        }
        Ok(ResourceItem::File(path, text.clone()))
    }

    /// Path of something that a kustomization names. Errors: it is remote, or does not exist.
    pub(super) fn locate(&self, directory: &Path, text: &Text) -> Result<PathBuf, Diagnostic> {
        if let Some((_, checkout)) = self.remotes.iter().find(|(url, _)| *url == text.value) {
            return Ok(checkout.clone());
        }
        let path = normalize_path(&directory.join(&text.value));
        if self.files.bounds().has(&path) {
            return Ok(path);
        }
        if is_remote(&text.value) {
            return Err(at_path(Diagnostic::error(Rule::Kustomization, "a remote resource is not fetched"), text)
                .note("what it gives could change with every import, and a build of it needs the network")
                .hint("vendor it: copy it into the repository, and name the copy here")
                .hint("with a checkout at hand: `--remote URL=DIR`"));
        }
        if !path.starts_with(self.files.root()) {
            return Err(at_path(Diagnostic::error(Rule::OutsideProject, "a path leads out of the repository"), text)
                .hint("import from a directory that contains all files, or copy them"));
        }
        Err(at_path(Diagnostic::error(Rule::Kustomization, "no file or directory has this path"), text))
    }

    fn read_source(&self, directory: &Path) -> Result<Source, Diagnostic> {
        let found = FILE_NAMES.iter().map(|name| directory.join(name)).find(|path| self.files.bounds().has(path));
        match found {
            Some(path) => self.files.read_text(FileKind::Manifest, &path),
            None => Err(Diagnostic::error(
                Rule::Kustomization,
                format!("`{}` contains no kustomization", self.files.name(directory)),
            )
            .hint(format!("a kustomization is a file {}", FILE_NAMES.map(|name| format!("`{name}`")).join(", ")))),
        }
    }

    /// Kustomizations that a root reaches, those that it includes before it.
    pub(super) fn reached(&self, root: NodeIndex) -> Vec<NodeIndex> {
        let mut found = Vec::new();
        self.add_reached(root, &mut found);
        found
    }

    fn add_reached(&self, index: NodeIndex, found: &mut Vec<NodeIndex>) {
        let Some(node) = self.nodes.get(index) else { return };
        if found.contains(&index) {
            return;
        }
        for item in &node.resources {
            if let ResourceItem::Directory(below) = item {
                self.add_reached(*below, found);
            }
        }
        for component in &node.components {
            self.add_reached(*component, found);
        }
        found.push(index);
    }
}

/// Points at a path, which is shown unless it may contain a password.
fn at_path(problem: Diagnostic, text: &Text) -> Diagnostic {
    if text.value.contains('@') {
        problem.at(text.place.clone())
    } else {
        problem.at_public(text.place.clone(), PublicReason::Path)
    }
}

/// Whether a text names something outside of the machine, as kustomize reads it.
pub(super) fn is_remote(text: &str) -> bool {
    let hosts = ["github.com/", "gitlab.com/", "bitbucket.org/", "git@", "git::", "ssh.dev.azure.com"];
    text.contains("://") || text.contains("?ref=") || hosts.iter().any(|host| text.starts_with(host))
}

#[cfg(test)]
mod tests {
    use super::is_remote;

    #[test]
    fn urls_and_repositories_are_remote() {
        for (text, expected) in [
            ("https://example.com/crds.yaml", true),
            ("github.com/org/repo//deploy?ref=v1", true),
            ("git@github.com:org/repo", true),
            ("../base", false),
            ("github.yaml", false),
        ] {
            assert_eq!(is_remote(text), expected, "{text}");
        }
    }
}
