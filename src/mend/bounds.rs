//! Files of the project, and none beside it.

use std::path::PathBuf;

use super::refusal::Refusal;
use crate::files::{FileKind, Files};

/// The path of a file by its name, which need not exist. Refused if it is a symbolic link, or lies behind one,
/// that leads out of the project: a write would follow it.
pub(super) fn inside(files: &Files, name: &str) -> Result<PathBuf, Refusal> {
    let path = files.root().join(name);
    match files.writable(FileKind::Layer, &path) {
        Ok(_) => Ok(path),
        Err(_) => Err(Refusal::Outside),
    }
}
