//! Files of manifests, each read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::layer::Tree;

/// Cache of manifest files parsed as YAML: before their templates are rendered, they are the same in all environments
/// of an app.
#[derive(Debug, Default)]
pub struct DocumentCache(Mutex<HashMap<PathBuf, Arc<[Tree]>>>);

impl DocumentCache {
    pub(super) fn of<E>(&self, path: &Path, read: impl FnOnce() -> Result<Vec<Tree>, E>) -> Result<Arc<[Tree]>, E> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Arc::clone(known));
        }
        let read: Arc<[Tree]> = read()?.into();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_path_buf(), Arc::clone(&read));
        Ok(read)
    }
}
