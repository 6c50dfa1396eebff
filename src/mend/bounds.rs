//! Files of the project, and none beside it.

use std::fs;
use std::path::PathBuf;

use super::refusal::Refusal;
use crate::files::Files;

/// The path of a file by its name, which need not exist. Refused if it is a symbolic link, or lies behind one,
/// that leads out of the project: a write would follow it.
pub(super) fn inside(files: &Files, name: &str) -> Result<PathBuf, Refusal> {
    let path = files.root().join(name);
    let real = match fs::symlink_metadata(&path) {
        Ok(_) => fs::canonicalize(&path),
        Err(_) => path.parent().map_or_else(|| Ok(path.clone()), fs::canonicalize),
    };
    match real {
        Ok(real) if real.starts_with(files.root()) => Ok(path),
        _ => Err(Refusal::Outside),
    }
}
