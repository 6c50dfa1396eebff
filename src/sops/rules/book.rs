//! The rules of many files, each `.sops.yaml` read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Rule, Rules};
use crate::diagnostic::Diagnostics;

type Slot = Arc<OnceLock<Result<Rules, Diagnostics>>>;

/// Finds the rule of each file, and remembers the files of rules that it read.
#[derive(Debug, Default)]
pub struct RuleBook {
    read: Mutex<HashMap<PathBuf, Slot>>,
}

impl RuleBook {
    /// The rule for a file, which need not exist; none if there is no `.sops.yaml` above it, or no
    /// rule in it that matches.
    pub fn rule(&self, file: &Path) -> Result<Option<Rule>, Diagnostics> {
        let Some(config) = Rules::nearest(file)? else { return Ok(None) };
        let slot = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(read.entry(config.clone()).or_default())
        };
        match slot.get_or_init(|| Rules::read(&config)) {
            Ok(rules) => Ok(rules.first_match(file)?.cloned()),
            Err(found) => Err(found.clone()),
        }
    }
}
