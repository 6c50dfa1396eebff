//! Problems that show only when Flux applies the output: what it substitutes, what it takes for a template, and what
//! it does not decrypt.

mod decryption;
mod resource_set;
mod substitution;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::disk::{BoundedRoot, FileReadError, walk_files};
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::layer::Tree;
use crate::manifest::list_items;

pub(super) use decryption::{find_disabled_decryption, find_undecrypted_files};
pub(super) use resource_set::find_template_marks;
pub(super) use substitution::FluxSubstitution;

/// The API group of a Kustomization of Flux.
const GROUP: &str = "kustomize.toolkit.fluxcd.io/";

/// Finds the first file of YAML, in the repository of a project, about which a reader of its bytes knows something.
fn find_flux_file<T>(
    files: &ProjectFiles,
    read: &dyn Fn(&[u8]) -> Option<T>,
) -> Result<Option<(String, T)>, Diagnostic> {
    let (root, disk) = (files.root(), files.disk());
    let repository = disk.repository_of(root).unwrap_or(root);
    let bounds = open_repository(files)?;
    let is_yaml = |path: &Path| path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    let known = |path: &Path| {
        // a larger file is not a Kustomization, and an entry that is not a regular file applies nothing
        let bytes = bounds.resolve(path).and_then(|path| bounds.read(&path, FileKind::Kustomization.limit())).ok()?;
        Some((path.strip_prefix(repository).unwrap_or(path).display().to_string(), read(&bytes)?))
    };
    if let Some(snapshot) = disk.snapshot() {
        return Ok(snapshot.files().filter(|path| is_yaml(path)).find_map(|path| known(&path)));
    }
    let mut found = None;
    let walked = walk_files(disk, repository, FileKind::IgnoreRules.limit(), &mut |path| {
        if is_yaml(path) {
            found = known(path);
        }
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let refused = |(path, refusal): (PathBuf, FileReadError)| {
        let name = path.strip_prefix(repository).unwrap_or(&path).display().to_string();
        refuse_file(&refusal, FileKind::IgnoreRules, &name)
    };
    walked.map(|()| found).map_err(refused)
}

/// The repository of a project, or the project itself, as the bound of what is read.
fn open_repository(files: &ProjectFiles) -> Result<BoundedRoot, Diagnostic> {
    let (root, disk) = (files.root(), files.disk());
    let bounds = BoundedRoot::new(disk.clone(), disk.repository_of(root).unwrap_or(root));
    bounds.map_err(|error| refuse_file(&error.into(), FileKind::Kustomization, "."))
}

/// Reads the `spec` of a Kustomization of Flux, which may be in a list.
fn read_kustomization<T>(tree: &Tree, read: &dyn Fn(&Tree) -> Option<T>) -> Option<T> {
    if let Some(items) = list_items(tree) {
        return items.iter().find_map(|item| read_kustomization(item, read));
    }
    let text = |key| tree.get(key).and_then(Tree::as_text).unwrap_or_default();
    let is_of_flux = text("apiVersion").starts_with(GROUP) && text("kind") == "Kustomization";
    read(tree.get("spec").filter(|_| is_of_flux)?)
}
