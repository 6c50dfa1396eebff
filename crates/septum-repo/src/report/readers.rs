//! Encrypted files of a project and their recipients, read without a key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::check::find_encrypted_files;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::disk::{BoundedRoot, Disk};
use crate::files::{FileKind, ProjectFiles};
use crate::pipeline::{Pipeline, Survey};
use crate::sops::{EncryptedFile, SopsFormat, canonical_recipient};
use crate::view::StackOrder;

/// Recipients of an encrypted file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReaders {
    /// The file, as messages name it.
    pub file: String,
    /// Environments that use it.
    pub environments: Vec<String>,
    /// Recipients; none if the file cannot be read, so that nobody can tell.
    pub access: Option<FileAccess>,
}

/// Recipients of a file, and what each of them can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAccess {
    /// Recipients, and keys of other services.
    pub recipients: Vec<String>,
    /// Number of groups of which each has a share of the data key, and the number of required ones; none if each
    /// recipient alone can decrypt the file.
    pub shares: Option<(usize, usize)>,
}

/// Recipients of each file: of the encrypted layers and manifests, and of other files that rules encrypt.
pub fn find_readers(pipeline: &Pipeline<'_>, surveys: &[Survey]) -> Result<Vec<FileReaders>, Diagnostic> {
    let files = &pipeline.library.project.files;
    let mut wanted: BTreeMap<String, (PathBuf, BTreeSet<String>)> = BTreeMap::new();
    for resolved in surveys.iter().flat_map(|survey| &survey.environments) {
        for (source, _) in resolved.definition.all_wrappings() {
            let environment = resolved.definition.environment.as_str().to_owned();
            let path = || (files.root().join(source.name()), BTreeSet::new());
            wanted.entry(source.name().to_owned()).or_insert_with(path).1.insert(environment);
        }
    }
    let bounds = BoundedRoot::new(Disk::default(), files.root());
    let bounds = bounds.map_err(|error| Diagnostic::unreadable("the project", &error))?;
    let found = find_encrypted_files(files, &bounds, pipeline.library.rules())?;
    // the rules may be above of the project, and have files of others
    for (path, name) in found.into_iter().filter(|(path, _)| path.starts_with(files.root())) {
        wanted.entry(name).or_insert_with(|| (path, BTreeSet::new()));
    }
    let order = StackOrder::of(surveys);
    let read = |(name, (path, environments)): (String, (PathBuf, BTreeSet<String>))| {
        let access = match FileAccess::read(files, &path, &name) {
            Ok(access) => Some(access?),
            Err(_) => None,
        };
        let mut environments: Vec<String> = environments.into_iter().collect();
        order.sort(&mut environments);
        Some(FileReaders { file: name, environments, access })
    };
    Ok(wanted.into_iter().filter_map(read).collect())
}

impl FileAccess {
    /// Reads the recipients of a file; none if it is not encrypted.
    fn read(files: &ProjectFiles, path: &Path, name: &str) -> Result<Option<Self>, Diagnostics> {
        let bytes = files.read_bytes(FileKind::SecretFile, path)?;
        let file = EncryptedFile::read(name, bytes.to_vec(), SopsFormat::of_path(path))
            .map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let Some(file) = file else { return Ok(None) };
        let metadata = file.metadata();
        let mut recipients = BTreeSet::new();
        for group in &metadata.groups {
            recipients.extend(group.age.iter().map(|entry| canonical_recipient(&entry.recipient)));
            recipients.extend(group.foreign.iter().map(|entry| entry.key.to_string()));
        }
        let count = metadata.groups.len();
        let shares = (count > 1).then(|| (count, metadata.needed_groups()));
        Ok(Some(Self { recipients: recipients.into_iter().collect(), shares }))
    }
}
