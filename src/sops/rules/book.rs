//! The rules of many files, each `.sops.yaml` read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Rule, Rules, absolute, discover};
use crate::diagnostic::Diagnostics;
use crate::disk::Disk;

type Slot = Arc<OnceLock<Result<Rules, Diagnostics>>>;

/// Finds the rule of each file, and remembers the files of rules that it read.
#[derive(Debug, Default)]
pub struct RuleBook {
    disk: Disk,
    read: Mutex<HashMap<PathBuf, Slot>>,
}

impl RuleBook {
    /// Those that lie on a disk.
    pub fn on(disk: Disk) -> Self {
        Self { disk, read: Mutex::default() }
    }

    /// Path of the nearest `.sops.yaml` from a file's directory upward.
    pub fn nearest(&self, file: &Path) -> Option<PathBuf> {
        discover(&self.disk, &absolute(file).ok()?).ok().flatten()
    }

    /// Warnings about the files of rules that were read.
    pub fn warnings(&self) -> Diagnostics {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files: Vec<_> = read.iter().collect();
        files.sort_by_key(|(path, _)| path.as_path());
        let rules = files.into_iter().filter_map(|(_, slot)| slot.get()?.as_ref().ok());
        rules.flat_map(Rules::warnings).collect()
    }

    /// The rule for a file, which need not exist; none if there is no `.sops.yaml` above it, or no
    /// rule in it that matches.
    pub fn rule(&self, file: &Path) -> Result<Option<Rule>, Diagnostics> {
        let Some(config) = discover(&self.disk, &absolute(file)?)? else { return Ok(None) };
        let slot = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(read.entry(config.clone()).or_default())
        };
        match slot.get_or_init(|| Rules::read_on(&self.disk, &config)) {
            Ok(rules) => Ok(rules.first_match(file)?.cloned()),
            Err(found) => Err(found.clone()),
        }
    }
}
