//! Paths of files of the project, and of no others.

use std::path::PathBuf;

use super::refusal::FixError;
use crate::files::{FileKind, ProjectFiles};

/// The path of a file by its name, which need not exist. Refused if it is a symbolic link, or behind one, that leads
/// out of the project: a write would follow it.
pub(super) fn resolve_inside(files: &ProjectFiles, name: &str) -> Result<PathBuf, FixError> {
    let path = files.root().join(name);
    match files.writable_path(FileKind::Layer, &path) {
        Ok(_) => Ok(path),
        Err(_) => Err(FixError::Outside),
    }
}
